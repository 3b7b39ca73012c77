// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Depthwise convolutions and pooling, by nn_window.egm. The index space is (b1, b0, c, y, x),
 * outermost first; b0 is not used.
 */
#include "window.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../error.h"
#include "precision.h"
#include "simplify.h"
#include "tiling.h"

enum { B1, B0, C, Y, X, SPACE };

/* ---- Windows ---- */

#define LIMIT	(1 << 20)	/* taps, strides, dilations, padding */

static int64_t listed(const struct nn_call *call, const char *name, size_t i, int64_t normal)
{
	const int64_t *ints;

	return nn_attr_ints(call, name, &ints) > i ? ints[i] : normal;
}

static bool window_along(const struct nn_call *call, size_t i, int64_t in, int64_t taps,
			 int64_t out, struct egret_nn_window *w)
{
	bool transposed = !strcmp(call->node->type, "ConvTranspose");
	const char *mode = nn_attr_text(call, "auto_pad");
	bool chosen = strcmp(mode, "NOTSET") && strcmp(mode, "");
	int64_t stride = listed(call, "strides", i, 1), dilation = listed(call, "dilations", i, 1);
	int64_t before = listed(call, "pads", i, 0), all, span = (taps - 1) * dilation + 1;
	bool lower = !strcmp(mode, "SAME_LOWER");

	if (taps > LIMIT || stride > LIMIT || dilation > LIMIT || in > INT32_MAX / 2 || out > INT32_MAX / 2)
		return false;
	if (transposed && nn_attr_given(call, "output_shape")) {
		all = (in - 1) * stride + listed(call, "output_padding", i, 0) + span - out;
		lower = lower || !chosen;
		chosen = true;
	} else if (transposed) {
		all = (in - 1) * stride + listed(call, "output_padding", i, 0) + span - in * stride;
	} else {
		all = (out - 1) * stride + span - in;
	}
	if (!strcmp(mode, "VALID")) {
		before = 0;
	} else if (chosen) {
		all = all > 0 ? all : 0;
		before = all / 2 + (lower ? all & 1 : 0);
	}
	if (before > LIMIT)
		return false;
	*w = (struct egret_nn_window){ .taps = (uint32_t)taps, .stride = (uint32_t)stride,
				       .dilation = (uint32_t)dilation, .before = (int32_t)before,
				       .extent = (uint32_t)in };
	return true;
}

bool nn_window_of(const struct nn_lower *lower, const struct nn_node *node,
		  const struct nn_shape *in, const struct nn_shape *weights,
		  const struct nn_shape *out, struct egret_nn_window *y, struct egret_nn_window *x)
{
	struct nn_call call = nn_call_of(lower, node);
	size_t n = (size_t)in->rank - 2, i;
	int64_t taps;

	*y = (struct egret_nn_window){ .taps = 1, .stride = 1, .dilation = 1, .extent = 1 };
	if (in->rank != 3 && in->rank != 4)
		return false;
	for (i = 0; i < n; i++) {
		taps = weights ? weights->dims[i + 2] : listed(&call, "kernel_shape", i, 1);
		if (!window_along(&call, i, in->dims[i + 2], taps, out->dims[i + 2],
				  i + 1 == n ? x : y))
			return false;
	}
	return true;
}

/* ---- Tiles ---- */

struct choice {
	uint32_t tile[EGRET_DIMS];
	uint32_t rows, cols;
	uint64_t cost;
};

static uint64_t size_in(const struct egret_nn_window_args *args, const struct choice *c)
{
	return nn_aligned((uint64_t)c->tile[2] * c->rows * c->cols * egret_type_size(args->in_type));
}

static uint64_t taps_of(const struct egret_nn_window_args *args)
{
	return (uint64_t)args->x.taps * args->y.taps;
}

static uint64_t size_own(const struct egret_nn_window_args *args, const struct choice *c)
{
	return 2 * size_in(args, c) + nn_aligned(c->tile[2] * taps_of(args) * 4) + nn_aligned(c->tile[2] * 4);
}

static uint32_t reach(const struct egret_nn_window *w, uint32_t tile)
{
	return (tile - 1) * w->stride + (w->taps - 1) * w->dilation + 1;
}

static uint64_t cost(const struct egret_nn_window_args *args, const struct nn_program *program,
		     const struct choice *c, unsigned int clusters)
{
	uint64_t tiles = 1, row = nn_div_up(c->tile[0], 16) * 16, out, compute, moved;
	size_t i;

	for (i = 0; i < SPACE; i++)
		tiles *= nn_div_up((uint64_t)program->dims[SPACE - 1 - i], c->tile[i]);
	out = row * c->tile[1] * c->tile[2];
	compute = (taps_of(args) + program->steps) * (32 + out / 64);
	moved = size_in(args, c) / 85 + c->rows * c->tile[2] / 2;
	for (i = 0; i < program->streams; i++)
		moved += out * 4 / 85;
	return nn_div_up(tiles, clusters) *
	       ((compute > moved ? compute : moved) + (compute < moved ? compute : moved) / 8 + 500 +
		20 * taps_of(args));
}

/* What tiles are chosen for, and the best so far. */
struct search {
	const struct egret_nn_window_args *args;
	const struct nn_program *program;
	struct nn_footprint footprint;
	unsigned int clusters;
	struct choice best;
};

static void try_channels(struct search *s, struct choice *c)
{
	uint64_t channels = (uint64_t)s->program->dims[C];
	uint32_t parts;

	c->rows = reach(&s->args->y, c->tile[1]);
	c->cols = reach(&s->args->x, c->tile[0]);
	for (parts = 1; parts < 2 * channels; parts *= 2) {
		c->tile[2] = nn_cut(channels, parts, 1);
		if (nn_footprint_size(&s->footprint, c->tile) + size_own(s->args, c) > EGRET_NN_MEMORY)
			continue;
		c->cost = cost(s->args, s->program, c, s->clusters);
		if (c->cost < s->best.cost)
			s->best = *c;
	}
}

static bool choose(const struct egret_nn_window_args *args, const struct nn_program *program,
		   unsigned int clusters, struct choice *best)
{
	struct search s = { .args = args, .program = program, .clusters = clusters,
			    .best = { .cost = UINT64_MAX } };
	uint64_t nx = (uint64_t)program->dims[X], ny = (uint64_t)program->dims[Y];
	struct choice c = { .tile = { 1, 1, 1, 1, 1 } };
	uint32_t parts;

	if (!nn_program_footprint(program, &s.footprint))
		return false;
	c.tile[0] = (uint32_t)nx;
	for (parts = 1; parts < 2 * ny; parts *= 2) {
		c.tile[1] = nn_cut(ny, parts, 1);
		try_channels(&s, &c);
	}
	c.tile[1] = 1;
	for (parts = 2; parts * 16 < 2 * nx; parts *= 2) {
		c.tile[0] = nn_cut(nx, parts, 16);
		try_channels(&s, &c);
	}
	*best = s.best;
	return best->cost != UINT64_MAX;
}

/* ---- Launching ---- */

/* What a launch needs in memory. */
struct places {
	struct nn_ref input, weights, bias;
	bool has_weights, has_bias;
};

/* Scales of channels go into their weights, shifts into the bias. */
static int fold(struct nn_plan *plan, const struct nn_affine *affine, uint64_t taps,
		const char *weights, const char *bias, struct places *places)
{
	size_t i, t, count = affine->count * taps;
	float *folded = malloc((count + affine->count) * sizeof(*folded)), x;
	int ret;

	if (!folded)
		return accel_fail_errno(-ENOMEM, "cannot plan the model");
	for (i = 0; i < affine->count; i++) {
		for (t = 0; t < taps; t++) {
			memcpy(&x, weights + (i * taps + t) * sizeof(x), sizeof(x));
			folded[i * taps + t] = (float)(x * affine->scale[i]);
		}
		x = 0;
		if (bias)
			memcpy(&x, bias + i * sizeof(x), sizeof(x));
		folded[count + i] = (float)(affine->scale[i] * x + affine->shift[i]);
	}
	ret = nn_plan_constant(plan, folded, count * sizeof(*folded), &places->weights);
	if (!ret)
		ret = nn_plan_constant(plan, folded + count, affine->count * sizeof(*folded),
				       &places->bias);
	places->has_bias = true;
	free(folded);
	return ret;
}

static const char *contents(const struct nn_plan *plan, const struct nn_ref *ref)
{
	const char *data = plan->storages[ref->storage].data;

	return data ? data + ref->offset : NULL;
}

static int take_affine(struct nn_group *group, uint64_t taps, struct places *places)
{
	struct nn_plan *plan = group->lower->plan;
	struct nn_program before = group->program;
	const char *weights = contents(plan, &places->weights);
	const char *bias = places->has_bias ? contents(plan, &places->bias) : NULL;
	struct nn_affine affine;
	int ret = 0;

	if (!weights || (places->has_bias && !bias))
		return 0;
	if (!nn_affine_init(&affine, (size_t)before.dims[C]))
		return accel_fail_errno(-ENOMEM, "cannot plan the model");
	nn_take_affine(plan, &group->program, -1, C, &affine);
	if (affine.any)
		ret = fold(plan, &affine, taps, weights, bias, places);
	nn_affine_free(&affine);
	return ret;
}

static int launch(struct nn_group *group, struct egret_nn_window_args *args, struct places *places)
{
	struct nn_plan *plan = group->lower->plan;
	struct nn_layout layout = { .clusters = plan->card->clusters, .chosen = true };
	struct choice choice;
	struct nn_item *item;
	int ret = places->has_weights ? take_affine(group, taps_of(args), places) : 0;

	if (ret)
		return ret;
	nn_simplify(&group->program);
	nn_drop_unused(&group->program);
	if (!choose(args, &group->program, layout.clusters, &choice))
		return nn_cannot(group->lower, "its window does not fit into scratchpad");
	memcpy(layout.tile, choice.tile, sizeof(layout.tile));
	layout.memory = EGRET_NN_MEMORY - (size_t)size_own(args, &choice);
	if (!nn_program_layout(&group->program, &layout, &args->program))
		return nn_cannot(group->lower, "it has too many dimensions");
	args->rows = choice.rows;
	args->cols = choice.cols;
	args->in_local = (uint32_t)nn_aligned(layout.used);
	args->in_other = (uint32_t)size_in(args, &choice);
	args->weights_local = args->in_local + 2 * args->in_other;
	args->bias_local = args->weights_local + (uint32_t)nn_aligned(choice.tile[2] * taps_of(args) * 4);
	item = nn_plan_launch(plan, NN_KERNEL_WINDOW, sizeof(*args));
	if (!item)
		return accel_fail_errno(-ENOMEM, "cannot plan the model");
	memcpy(item->args, args, sizeof(*args));
	item->groups = layout.groups;
	nn_group_relocate(group, item, offsetof(struct egret_nn_window_args, program));
	nn_plan_reloc(item, offsetof(struct egret_nn_window_args, input), places->input);
	if (places->has_weights)
		nn_plan_reloc(item, offsetof(struct egret_nn_window_args, weights), places->weights);
	if (places->has_bias)
		nn_plan_reloc(item, offsetof(struct egret_nn_window_args, bias), places->bias);
	return 0;
}

static void describe_input(const struct nn_lower *lower, const struct nn_value *value,
			   struct egret_nn_window_args *args)
{
	const struct nn_shape *in = &nn_fact_of(lower, value)->shape;
	enum nn_type held = nn_held_type(lower, value);
	int64_t stride[NN_RANK_MAX];

	nn_strides(in, held, stride);
	args->in_type = nn_card_type(held);
	args->in_x = stride[in->rank - 1];
	args->in_y = in->rank > 3 ? stride[2] : 0;
	args->in_c = stride[1];
	args->in_batch[1] = stride[0];
}

static void begin_space(struct nn_lower *lower, struct nn_group *group, const struct nn_shape *out,
			bool images_apart)
{
	bool plane = out->rank == 4;
	int64_t dims[SPACE] = { images_apart ? out->dims[0] : 1, 1,
				out->dims[1] * (images_apart ? 1 : out->dims[0]),
				plane ? out->dims[2] : 1, out->dims[out->rank - 1] };
	int axis[SPACE] = { images_apart ? 0 : -1, -1, 1, plane ? 2 : -1, out->rank - 1 };

	nn_group_begin(lower, group, out);
	memcpy(group->axis, axis, sizeof(axis));
	group->more[C] = images_apart ? 0 : 1;
	nn_program_init(&group->program, SPACE, dims);
	group->program.fixed = true;
}

/* ---- Depthwise convolutions ---- */

static int make_depthwise(struct nn_lower *lower, const struct nn_node *node, size_t position,
			  struct nn_group *group, bool grow)
{
	const struct nn_shape *in = &nn_fact_of(lower, node->inputs[0])->shape;
	const struct nn_shape *weights = &nn_fact_of(lower, node->inputs[1])->shape;
	const struct nn_shape *out = &nn_fact_of(lower, node->outputs[0])->shape;
	struct places places = { .has_weights = true,
				 .has_bias = node->input_count > 2 && node->inputs[2] };
	struct egret_nn_window_args args = { .op = 0 };
	size_t count = 0;
	int ret;

	if (!nn_window_of(lower, node, in, weights, out, &args.y, &args.x))
		return nn_cannot(lower, "its window has more than two dimensions, or odd sizes");
	describe_input(lower, node->inputs[0], &args);
	begin_space(lower, group, out, true);
	ret = nn_place_of(lower, node->inputs[0], &places.input);
	if (!ret)
		ret = nn_place_numbers(lower, node->inputs[1], &places.weights);
	if (!ret && places.has_bias)
		ret = nn_place_numbers(lower, node->inputs[2], &places.bias);
	if (ret)
		return ret;
	ret = nn_group_store_result(group, node, position,
				    nn_program_first(&group->program, EGRET_TYPE_F32), grow);
	if (ret)
		return ret;
	nn_shape_count(out, &count);
	nn_this_step(lower)->macs = count * taps_of(&args);
	return launch(group, &args, &places);
}

int nn_lower_depthwise(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	return nn_lower_group(lower, node, position, make_depthwise);
}

/* ---- Pooling ---- */

/* How many of the window's places at `o` are counted. */
static int64_t counted(const struct egret_nn_window *w, int64_t o, bool padding, int64_t after)
{
	int64_t count = 0, t;

	for (t = 0; t < w->taps; t++) {
		int64_t x = o * w->stride + t * w->dilation - w->before;

		count += padding ? x < (int64_t)w->extent + after : x >= 0 && x < w->extent;
	}
	return count;
}

/* Multiply by one over the number of elements, which may differ at the edges. */
static int divide(struct nn_group *group, const struct nn_node *node, int sum,
		  const struct egret_nn_window_args *args)
{
	const struct nn_shape *out = &nn_fact_of(group->lower, node->outputs[0])->shape;
	struct nn_call call = nn_call_of(group->lower, node);
	bool padding = nn_attr_int(&call, "count_include_pad");
	int64_t nx = out->dims[out->rank - 1], ny = out->rank == 4 ? out->dims[2] : 1, x, y;
	int64_t after_y = out->rank == 4 ? listed(&call, "pads", 2, 0) : 0;
	int64_t after_x = listed(&call, "pads", out->rank == 4 ? 3 : 1, 0);
	int64_t stride[SPACE] = { 0, 0, 0, nx * 4, 4 };
	float *factors = malloc((size_t)(nx * ny) * sizeof(*factors));
	struct nn_ref ref;
	bool same = true;
	int value = -1;

	for (y = 0; factors && y < ny; y++) {
		for (x = 0; x < nx; x++) {
			factors[y * nx + x] = 1 / (float)(counted(&args->y, y, padding, after_y) *
							  counted(&args->x, x, padding, after_x));
			same &= factors[y * nx + x] == factors[0];
		}
	}
	if (factors && same) {
		value = nn_program_map(&group->program, EGRET_MAP_MUL, EGRET_TYPE_F32, NN_VALUE(sum),
				       nn_number(factors[0]), NN_NO_ARG);
	} else if (factors && !nn_plan_constant(group->lower->plan, factors,
						(size_t)(nx * ny) * sizeof(*factors), &ref)) {
		value = nn_program_load(&group->program, EGRET_TYPE_F32, ref, stride);
		if (value >= 0)
			value = nn_program_map(&group->program, EGRET_MAP_MUL, EGRET_TYPE_F32,
					       NN_VALUE(sum), NN_VALUE(value), NN_NO_ARG);
	}
	free(factors);
	return value;
}

static int make_pool(struct nn_lower *lower, const struct nn_node *node, size_t position,
		     struct nn_group *group, bool grow)
{
	const struct nn_shape *in = &nn_fact_of(lower, node->inputs[0])->shape;
	const struct nn_shape *out = &nn_fact_of(lower, node->outputs[0])->shape;
	bool average = !strcmp(node->type, "AveragePool");
	struct egret_nn_window_args args = { .op = average ? EGRET_MAP_ADD : EGRET_MAP_MAX };
	struct places places = { .has_weights = false };
	int ret, value;

	if (!nn_window_of(lower, node, in, NULL, out, &args.y, &args.x))
		return nn_cannot(lower, "its window has more than two dimensions, or odd sizes");
	args.fill = nn_float_bits(nn_held_type(lower, node->inputs[0]), average ? 0 : -INFINITY);
	describe_input(lower, node->inputs[0], &args);
	begin_space(lower, group, out, false);
	ret = nn_place_of(lower, node->inputs[0], &places.input);
	if (ret)
		return ret;
	value = nn_program_first(&group->program, EGRET_TYPE_F32);
	if (average)
		value = divide(group, node, value, &args);
	ret = nn_group_store_result(group, node, position, value, grow);
	return ret ? ret : launch(group, &args, &places);
}

static int lower_pool(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	const struct nn_fact *in = nn_fact_of(lower, node->inputs[0]);

	if (!nn_is_real(in->type))
		return nn_cannot(lower, NN_NOT_REAL);
	if (node->output_count > 1 && node->outputs[1])
		return nn_cannot(lower, "it also gives indices");
	return nn_lower_group(lower, node, position, make_pool);
}

const struct nn_lowering_entry nn_lower_window[] = {
	{ "MaxPool", lower_pool, false },
	{ "AveragePool", lower_pool, false },
	{ NULL, NULL, false },
};
