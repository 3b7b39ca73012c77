// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Finding text. The model gives a map of the picture: how likely each pixel is in the middle of
 * a line of text. The middle is marked and not the whole, so that lines close to each other
 * stay apart; the boxes around what is marked are made larger again.
 */
#include "ocr.h"

#include <math.h>
#include <string.h>

/* Small letters are not found: small pictures are enlarged, to a shorter side of at most this. */
#define SHORT_SIDE	384
#define ENLARGE		3.0f
/* Large ones are made smaller. */
#define LONG_SIDE	1920
/* The model halves its input five times. */
#define MULTIPLE	32

#define MARKED		0.3f	/* from here on a pixel belongs to text */
#define LIKELY		0.6f	/* mean of a line's pixels */
#define SMALLEST	3.0f	/* side of a box of text, in pixels of the map */
/* How much larger a line is than its middle, for the size of its outline. */
#define GROWTH		1.5f

/* Means and deviations of many photographs, which the model was trained with. */
static const struct norm photographs = {
	.mean = { 0.485f, 0.456f, 0.406f }, .deviation = { 0.229f, 0.224f, 0.225f },
};

struct map {
	unsigned int width, height;
	float *likely;		/* rows */
	float scale;		/* pixels of the map for one of the picture */
};

/* ---- The model ---- */

static unsigned int round_up(float size)
{
	return ((unsigned int)ceilf(size) + MULTIPLE - 1) / MULTIPLE * MULTIPLE;
}

static void choose_size(const struct picture *picture, struct map *map)
{
	float width = (float)picture->width, height = (float)picture->height;

	map->scale = fmaxf(1, fminf(ENLARGE, SHORT_SIDE / fminf(width, height)));
	if (map->scale * fmaxf(width, height) > LONG_SIDE)
		map->scale = LONG_SIDE / fmaxf(width, height);
	map->width = round_up(width * map->scale);
	map->height = round_up(height * map->scale);
}

static struct map run_model(struct model *model, const struct picture *picture)
{
	struct accel_nn_tensor result;
	struct accel_nn_job *job;
	struct map map;
	size_t pixels;

	choose_size(picture, &map);
	pixels = (size_t)map.width * map.height;
	const struct part whole = {
		.right = { 1 / map.scale, 0 }, .down = { 0, 1 / map.scale },
		.width = (unsigned int)ceilf((float)picture->width * map.scale),
		.height = (unsigned int)ceilf((float)picture->height * map.scale),
	};
	struct accel_nn_tensor input = {
		.size = sizeof(input), .type = ACCEL_NN_FLOAT32, .rank = 4,
		.dims = { 1, 3, map.height, map.width },
		.data = check_memory(calloc(3 * pixels, sizeof(float))),
		.bytes = 3 * pixels * sizeof(float),
	};

	picture_to_planes(picture, &whole, &photographs, input.data, map.width, map.height);
	check(accel_nn_job_create(model->model, &job));
	result = model_run(model, job, &input);
	if (result.bytes != pixels * sizeof(float))
		errx(1, "the model that finds text gives no map of the picture; "
		     "is it another model?");
	map.likely = check_memory(malloc(result.bytes));
	memcpy(map.likely, result.data, result.bytes);
	accel_nn_job_destroy(job);
	free(input.data);
	return map;
}

/* ---- Boxes ---- */

/* All marked pixels that hang together with one, taken off the map; false if it is not marked. */
static bool take_region(struct map *map, bool *seen, int x, int y, struct point *points,
			size_t *count)
{
	size_t done, at = (size_t)y * map->width + (size_t)x;
	int dx, dy;

	if (seen[at] || map->likely[at] <= MARKED)
		return false;
	seen[at] = true;
	points[0] = (struct point){ x, y };
	*count = 1;
	for (done = 0; done < *count; done++) {
		for (dy = -1; dy <= 1; dy++) {
			for (dx = -1; dx <= 1; dx++) {
				x = points[done].x + dx;
				y = points[done].y + dy;
				if (x < 0 || y < 0 || x >= (int)map->width || y >= (int)map->height)
					continue;
				at = (size_t)y * map->width + (size_t)x;
				if (seen[at] || map->likely[at] <= MARKED)
					continue;
				seen[at] = true;
				points[(*count)++] = (struct point){ x, y };
			}
		}
	}
	return true;
}

static int by_place(const void *a, const void *b)
{
	const struct point *p = a, *q = b;

	return p->x != q->x ? (p->x > q->x) - (p->x < q->x) : (p->y > q->y) - (p->y < q->y);
}

/* How sure the model is: mean of what it marked. A box would hold more where lines are bent. */
static float score(const struct map *map, const struct point *points, size_t count)
{
	float sum = 0;
	size_t i;

	for (i = 0; i < count; i++)
		sum += map->likely[(size_t)points[i].y * map->width + (size_t)points[i].x];
	return sum / (float)count;
}

static void add_box(struct boxes *boxes, const struct map *map, const struct point *points,
		    size_t count)
{
	struct box box = box_around(points, count);
	float grow;

	if (2 * fminf(box.half_width, box.half_height) < SMALLEST ||
	    score(map, points, count) < LIKELY)
		return;
	/* Area by outline. */
	grow = GROWTH * box.half_width * box.half_height / (box.half_width + box.half_height);
	box.half_width = (box.half_width + grow) / map->scale;
	box.half_height = (box.half_height + grow) / map->scale;
	box.centre[0] /= map->scale;
	box.centre[1] /= map->scale;
	boxes->list = check_memory(realloc(boxes->list, (boxes->count + 1) * sizeof(box)));
	boxes->list[boxes->count++] = box;
}

static int from_top(const void *a, const void *b)
{
	const struct box *p = a, *q = b;

	return (p->centre[1] > q->centre[1]) - (p->centre[1] < q->centre[1]);
}

/* From top to bottom; what lies side by side, from left to right. */
static void sort_boxes(struct boxes *boxes)
{
	size_t i, k;

	qsort(boxes->list, boxes->count, sizeof(*boxes->list), from_top);
	for (i = 1; i < boxes->count; i++) {
		struct box box = boxes->list[i];

		for (k = i; k > 0; k--) {
			const struct box *before = &boxes->list[k - 1];

			if (box.centre[1] - before->centre[1] > before->half_height ||
			    box.centre[0] > before->centre[0])
				break;
			boxes->list[k] = *before;
		}
		boxes->list[k] = box;
	}
}

struct boxes find_text(struct model *model, const struct picture *picture)
{
	struct map map = run_model(model, picture);
	const size_t pixels = (size_t)map.width * map.height;
	struct point *points = check_memory(calloc(pixels, sizeof(*points)));
	bool *seen = check_memory(calloc(pixels, sizeof(*seen)));
	struct boxes boxes = { 0 };
	size_t i, count;

	for (i = 0; i < pixels; i++) {
		if (!take_region(&map, seen, (int)(i % map.width), (int)(i / map.width), points,
				 &count))
			continue;
		qsort(points, count, sizeof(*points), by_place);
		add_box(&boxes, &map, points, count);
	}
	sort_boxes(&boxes);
	free(seen);
	free(points);
	free(map.likely);
	return boxes;
}
