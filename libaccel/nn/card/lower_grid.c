// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * GridSample in two dimensions. For each place of the grid, a program for each axis finds the two pixels
 * between which it lies, and their weights; another one makes tables of them, by which the
 * pixels are then loaded. What lies outside has the weight 0, or is the border: its index is
 * within the image in both cases.
 */
#include <errno.h>
#include <string.h>

#include "../../error.h"
#include "move.h"

#define F32	EGRET_TYPE_F32
#define S32	EGRET_TYPE_S32
#define BYTES	4	/* of a float32, and of an index */

enum { ROW, COLUMN, AXES };

struct gridding {
	struct nn_lower *lower;
	int64_t images, channels, places, size[AXES];
	bool nearest, border, align;
	struct nn_ref x, grid, y;
	struct nn_ref index[AXES][2], weight[AXES][2];	/* of all places: the lower pixel, the higher */
	struct nn_ref table[2][2];			/* by row and column */
	struct nn_ref upper;				/* rows of pixels above, of one image */
};

static int launch(struct gridding *g, struct nn_program *p, bool stored)
{
	return stored ? nn_launch_program(g->lower, p, false) : nn_cannot(g->lower, "it is too large");
}

/* ---- Places ---- */

/* Where the grid points to, in pixels. */
static int find_place(const struct gridding *g, struct nn_program *p, int axis, int x)
{
	const float size = (float)g->size[axis], last = size - 1;
	int none = nn_map1(p, EGRET_MAP_ISNAN, F32, x);

	x = nn_map3(p, EGRET_MAP_FMA, F32, x, nn_number((g->align ? last : size) / 2),
		    nn_number(last / 2));
	/* Nothing points to nowhere; far outside is as good as outside. */
	x = nn_map3(p, EGRET_MAP_SELECT, F32, none, nn_number(-2), NN_VALUE(x));
	return nn_map3(p, EGRET_MAP_CLAMP, F32, x, nn_number(g->border ? 0 : -2),
		       nn_number(g->border ? last : size + 1));
}

/* Store the pixel's index, and its weight if it is one. */
static bool store_pixel(struct gridding *g, struct nn_program *p, int axis, int number, int pixel,
			int weight)
{
	const int64_t stride[1] = { BYTES };
	int inside = nn_map3(p, EGRET_MAP_CLAMP, F32, pixel, nn_number(0),
			     nn_number((float)g->size[axis] - 1));
	int exists = nn_map2(p, EGRET_MAP_EQ, F32, pixel, NN_VALUE(inside));
	int index = nn_map1(p, EGRET_MAP_COPY, S32, inside);

	if (!g->border)
		weight = nn_map2(p, EGRET_MAP_MUL, F32, weight, NN_VALUE(exists));
	return index >= 0 && weight >= 0 &&
	       nn_program_store(p, index, g->index[axis][number], stride) &&
	       nn_program_store(p, weight, g->weight[axis][number], stride);
}

static int launch_axis(struct gridding *g, int axis)
{
	const int64_t count = g->images * g->places, from[1] = { AXES * BYTES };
	struct nn_ref grid = g->grid;
	struct nn_program p;
	int x, low, high, part;
	bool good;

	/* Grids have the last dimension first. */
	grid.offset += (AXES - 1 - axis) * BYTES;
	nn_program_init(&p, 1, &count);
	x = find_place(g, &p, axis, nn_program_load(&p, F32, grid, from));
	if (g->nearest) {
		x = nn_map1(&p, EGRET_MAP_ROUND, F32, x);
		part = nn_map2(&p, EGRET_MAP_EQ, F32, x, NN_VALUE(x));
		return launch(g, &p, store_pixel(g, &p, axis, 0, x, part));
	}
	low = nn_map1(&p, EGRET_MAP_FLOOR, F32, x);
	part = nn_map2(&p, EGRET_MAP_SUB, F32, x, NN_VALUE(low));
	high = nn_map2(&p, EGRET_MAP_ADD, F32, low, nn_number(1));
	good = store_pixel(g, &p, axis, 1, high, part);
	part = nn_map3(&p, EGRET_MAP_FMA, F32, part, nn_number(-1), nn_number(1));
	return launch(g, &p, good && store_pixel(g, &p, axis, 0, low, part));
}

/* From rows and columns to places in an image. */
static int launch_tables(struct gridding *g)
{
	const int64_t count = g->images * g->places, stride[1] = { BYTES };
	const int pixels = g->nearest ? 1 : 2;
	struct nn_program p;
	int row[2], column[2], i, k, value;
	bool good = true;

	nn_program_init(&p, 1, &count);
	for (i = 0; i < pixels; i++) {
		row[i] = nn_program_load(&p, S32, g->index[ROW][i], stride);
		column[i] = nn_program_load(&p, S32, g->index[COLUMN][i], stride);
		good = good && row[i] >= 0 && column[i] >= 0;
	}
	for (i = 0; i < pixels && good; i++) {
		for (k = 0; k < pixels && good; k++) {
			value = nn_program_map(&p, EGRET_MAP_FMA, S32, NN_VALUE(row[i]),
					       nn_integer((int32_t)g->size[COLUMN]), NN_VALUE(column[k]));
			good = value >= 0 && nn_program_store(&p, value, g->table[i][k], stride);
		}
	}
	return launch(g, &p, good);
}

/* ---- Pixels ---- */

static struct nn_ref of_image(struct nn_ref ref, int64_t image, int64_t elements)
{
	ref.offset += image * elements * BYTES;
	return ref;
}

static int load_weight(struct gridding *g, struct nn_program *p, int64_t image, int axis, int number)
{
	const int64_t stride[2] = { 0, BYTES };

	return nn_program_load(p, F32, of_image(g->weight[axis][number], image, g->places), stride);
}

static int load_pixel(struct gridding *g, struct nn_program *p, int64_t image, int row, int column)
{
	const int64_t size = g->size[ROW] * g->size[COLUMN], stride[2] = { size * BYTES, BYTES };

	return nn_load_indexed(p, F32, of_image(g->x, image, g->channels * size), stride, 1, size,
			       of_image(g->table[row][column], image, g->places));
}

/* What a row of pixels gives: the one, or both with their weights. */
static int add_row(struct gridding *g, struct nn_program *p, int64_t image, int row)
{
	int low = load_pixel(g, p, image, row, 0), high, weight = load_weight(g, p, image, COLUMN, 0);

	low = nn_map2(p, EGRET_MAP_MUL, F32, low, NN_VALUE(weight));
	if (g->nearest)
		return low;
	high = load_pixel(g, p, image, row, 1);
	weight = load_weight(g, p, image, COLUMN, 1);
	return nn_map3(p, EGRET_MAP_FMA, F32, high, NN_VALUE(weight), NN_VALUE(low));
}

static int launch_image(struct gridding *g, int64_t image)
{
	const int64_t dims[2] = { g->channels, g->places }, stride[2] = { g->places * BYTES, BYTES };
	const struct nn_ref to = of_image(g->y, image, g->channels * g->places);
	int upper, lower, weight;
	struct nn_program p;
	int ret;

	nn_program_init(&p, 2, dims);
	upper = add_row(g, &p, image, 0);
	if (g->nearest) {
		weight = load_weight(g, &p, image, ROW, 0);
		upper = nn_map2(&p, EGRET_MAP_MUL, F32, upper, NN_VALUE(weight));
		return launch(g, &p, upper >= 0 && nn_program_store(&p, upper, to, stride));
	}
	ret = launch(g, &p, upper >= 0 && nn_program_store(&p, upper, g->upper, stride));
	if (ret)
		return ret;
	nn_program_init(&p, 2, dims);
	lower = add_row(g, &p, image, 1);
	weight = load_weight(g, &p, image, ROW, 1);
	lower = nn_map2(&p, EGRET_MAP_MUL, F32, lower, NN_VALUE(weight));
	upper = nn_program_load(&p, F32, g->upper, stride);
	weight = load_weight(g, &p, image, ROW, 0);
	lower = nn_map3(&p, EGRET_MAP_FMA, F32, upper, NN_VALUE(weight), NN_VALUE(lower));
	return launch(g, &p, lower >= 0 && nn_program_store(&p, lower, to, stride));
}

static bool read_attributes(struct gridding *g, const struct nn_node *node)
{
	struct nn_call call = nn_call_of(g->lower, node);
	const char *mode = nn_attr_text(&call, "mode"), *padding = nn_attr_text(&call, "padding_mode");

	g->nearest = !strcmp(mode, "nearest");
	g->border = !strcmp(padding, "border");
	g->align = nn_attr_int(&call, "align_corners");
	return (g->nearest || !strcmp(mode, "linear") || !strcmp(mode, "bilinear")) &&
	       (g->border || !strcmp(padding, "zeros"));
}

static int make_places(struct gridding *g)
{
	const size_t count = (size_t)(g->images * g->places) * BYTES;
	struct nn_plan *plan = g->lower->plan;
	int ret = nn_plan_place(plan, (size_t)(g->channels * g->places) * BYTES, &g->upper), i, k;

	for (i = 0; i < 2; i++) {
		for (k = 0; k < 2 && !ret; k++) {
			ret = nn_plan_place(plan, count, &g->index[i][k]);
			if (!ret)
				ret = nn_plan_place(plan, count, &g->weight[i][k]);
			if (!ret)
				ret = nn_plan_place(plan, count, &g->table[i][k]);
		}
	}
	return ret;
}

static int lower_grid_sample(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	const struct nn_fact *in = nn_fact_of(lower, node->inputs[0]);
	const struct nn_fact *grid = nn_fact_of(lower, node->inputs[1]);
	struct gridding g = { .lower = lower };
	int64_t image;
	int ret;

	if (in->type != NN_F32 || grid->type != NN_F32 || in->shape.rank != 4 ||
	    !read_attributes(&g, node))
		return nn_cannot(lower, "its types or attributes");
	g.images = in->shape.dims[0];
	g.channels = in->shape.dims[1];
	g.size[ROW] = in->shape.dims[2];
	g.size[COLUMN] = in->shape.dims[3];
	g.places = grid->shape.dims[1] * grid->shape.dims[2];
	if (g.size[ROW] * g.size[COLUMN] > 1 << 24)
		return nn_cannot(lower, "it has too many elements");
	ret = nn_place_of(lower, node->inputs[0], &g.x);
	if (!ret)
		ret = nn_place_of(lower, node->inputs[1], &g.grid);
	if (!ret)
		ret = nn_place_of(lower, node->outputs[0], &g.y);
	if (!ret)
		ret = make_places(&g);
	if (!ret)
		ret = launch_axis(&g, ROW);
	if (!ret)
		ret = launch_axis(&g, COLUMN);
	if (!ret)
		ret = launch_tables(&g);
	for (image = 0; image < g.images && !ret; image++)
		ret = launch_image(&g, image);
	return ret ? ret : nn_lower_done(lower, node, position);
}

const struct nn_lowering_entry nn_lower_grid[] = {
	{ "GridSample", lower_grid_sample, false },
	{ NULL, NULL, false },
};
