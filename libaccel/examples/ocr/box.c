// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The smallest rectangle around points has a side on an edge of their convex hull. So there are as
 * many candidates as the hull has edges.
 */
#include "ocr.h"

#include <math.h>
#include <string.h>

/* Text that is higher than this many times its width is read from top to bottom. */
#define UPRIGHT	1.5f

/* Twice the area of a triangle; positive if it turns clockwise on a screen. */
static int64_t turn(struct point a, struct point b, struct point c)
{
	return (int64_t)(b.x - a.x) * (c.y - a.y) - (int64_t)(b.y - a.y) * (c.x - a.x);
}

/* The upper or the lower half of the hull: the chain that never turns back. */
static size_t add_chain(struct point *hull, size_t count, const struct point *points, size_t n,
			bool backwards)
{
	size_t i, first = count;

	for (i = 0; i < n; i++) {
		struct point point = points[backwards ? n - 1 - i : i];

		while (count >= first + 2 && turn(hull[count - 2], hull[count - 1], point) <= 0)
			count--;
		hull[count++] = point;
	}
	/* Its end is where the other half begins. */
	return count - 1;
}

/* Where points lie along a direction. */
static void find_extent(const struct point *points, size_t count, const float direction[2],
			float *low, float *high)
{
	size_t i;

	*low = INFINITY;
	*high = -INFINITY;
	for (i = 0; i < count; i++) {
		float at = (float)points[i].x * direction[0] + (float)points[i].y * direction[1];

		*low = fminf(*low, at);
		*high = fmaxf(*high, at);
	}
}

/* The box whose sides have this direction. A pixel is a square, so half of one is added. */
static struct box box_along(const struct point *points, size_t count, const float along[2])
{
	const float down[2] = { -along[1], along[0] };
	float left, right, top, bottom, u, v;

	find_extent(points, count, along, &left, &right);
	find_extent(points, count, down, &top, &bottom);
	u = (left + right) / 2;
	v = (top + bottom) / 2;
	return (struct box){
		.centre = { u * along[0] + v * down[0] + 0.5f, u * along[1] + v * down[1] + 0.5f },
		.along = { along[0], along[1] },
		.half_width = (right - left + 1) / 2,
		.half_height = (bottom - top + 1) / 2,
	};
}

/* Turn a box by a right angle. */
static void turn_box(struct box *box)
{
	const float x = box->along[0], width = box->half_width;

	box->along[0] = -box->along[1];
	box->along[1] = x;
	box->half_width = box->half_height;
	box->half_height = width;
}

/* A rectangle has four directions: text goes to the right, or else down. */
static void choose_direction(struct box *box)
{
	while (box->along[0] < fabsf(box->along[1]))
		turn_box(box);
	if (box->half_height > UPRIGHT * box->half_width)
		turn_box(box);
}

struct box box_around(const struct point *points, size_t count)
{
	const float level[2] = { 1, 0 };
	struct box best = box_along(points, count, level), box;
	struct point *hull;
	size_t i, n;

	if (count > 2) {
		hull = check_memory(calloc(2 * count, sizeof(*hull)));
		n = add_chain(hull, 0, points, count, false);
		n = add_chain(hull, n, points, count, true);
		for (i = 0; i < n; i++) {
			struct point a = hull[i], b = hull[(i + 1) % n];
			float length = hypotf((float)(b.x - a.x), (float)(b.y - a.y));
			const float along[2] = { (float)(b.x - a.x) / length,
						 (float)(b.y - a.y) / length };

			box = box_along(hull, n, along);
			if (box.half_width * box.half_height < best.half_width * best.half_height)
				best = box;
		}
		free(hull);
	}
	choose_direction(&best);
	return best;
}

void box_down(const struct box *box, float down[2])
{
	down[0] = -box->along[1];
	down[1] = box->along[0];
}

void box_corners(const struct box *box, float corners[4][2])
{
	static const int signs[4][2] = { { -1, -1 }, { 1, -1 }, { 1, 1 }, { -1, 1 } };
	float down[2];
	int i, k;

	box_down(box, down);
	for (i = 0; i < 4; i++)
		for (k = 0; k < 2; k++)
			corners[i][k] = box->centre[k] +
				(float)signs[i][0] * box->half_width * box->along[k] +
				(float)signs[i][1] * box->half_height * down[k];
}
