// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Resize. Nearest neighbours that repeat each element as often are a copy with strides of zero.
 * Everything else goes one dimension after the other: one load by a table of indices, or two
 * and a mean of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../error.h"
#include "move.h"

#define WHAT	"cannot plan the model"

/* How a node resizes: places along each dimension that changes. */
struct resizing {
	struct nn_between *places[NN_RANK_MAX];
	bool linear;
};

static int read_places(struct nn_lower *lower, const struct nn_node *node, const struct nn_shape *in,
		       const struct nn_shape *out, struct resizing *r)
{
	int i, ret = 0;

	for (i = 0; i < in->rank && !ret; i++) {
		struct nn_call call = nn_call_of(lower, node);
		int64_t x;

		if (in->dims[i] > INT32_MAX)
			return nn_cannot(lower, "its input is too large");
		r->places[i] = calloc((size_t)out->dims[i], sizeof(*r->places[i]));
		if (!r->places[i])
			return accel_fail_errno(-ENOMEM, WHAT);
		ret = nn_resize_along(&call, i, r->places[i]);
		if (ret == 1)
			return nn_cannot(lower, "its mode, or its sizes depend on what is computed");
		for (x = 0; x < out->dims[i]; x++)
			r->linear |= r->places[i][x].weight > 0;
	}
	return ret;
}

/* Each element of the input as often as the others. */
static bool repeats(const struct nn_between *places, int64_t in, int64_t out)
{
	int64_t x;

	for (x = 0; x < out; x++)
		if (out % in || places[x].low != x / (out / in))
			return false;
	return true;
}

static bool all_repeat(const struct resizing *r, const struct nn_shape *in, const struct nn_shape *out)
{
	int i, dims = 0;

	for (i = 0; i < in->rank; i++) {
		if (!repeats(r->places[i], in->dims[i], out->dims[i]))
			return false;
		dims += in->dims[i] != out->dims[i] ? 2 : 1;
	}
	return dims <= NN_RANK_MAX;
}

static int launch_repeats(struct nn_lower *lower, const struct nn_fact *in, const struct nn_fact *out,
			  const struct nn_ref *from, const struct nn_ref *to)
{
	struct nn_move move = { .type = nn_moved_type(in->type), .from = *from, .to = *to };
	int64_t of_in[NN_RANK_MAX], of_out[NN_RANK_MAX];
	int i;

	nn_strides(&in->shape, in->type, of_in);
	nn_strides(&out->shape, out->type, of_out);
	for (i = 0; i < in->shape.rank; i++) {
		int64_t times = out->shape.dims[i] / in->shape.dims[i];

		move.dims[move.rank] = in->shape.dims[i];
		move.from_stride[move.rank] = of_in[i];
		move.to_stride[move.rank++] = of_out[i] * times;
		if (times == 1)
			continue;
		move.dims[move.rank] = times;
		move.from_stride[move.rank] = 0;
		move.to_stride[move.rank++] = of_out[i];
	}
	return nn_launch_move(lower, &move);
}

static int upload_places(struct nn_lower *lower, const struct nn_between *places, int64_t count,
			 struct nn_ref tables[3])
{
	size_t bytes = (size_t)count * 4;
	int32_t *table = malloc(bytes);
	int ret = table ? 0 : accel_fail_errno(-ENOMEM, WHAT), k;
	int64_t x;

	for (k = 0; k < 3 && !ret; k++) {
		for (x = 0; x < count; x++) {
			if (k == 2)
				((float *)table)[x] = (float)places[x].weight;
			else
				table[x] = (int32_t)(k ? places[x].high : places[x].low);
		}
		ret = nn_plan_constant(lower->plan, table, bytes, &tables[k]);
	}
	free(table);
	return ret;
}

/* One dimension: from a tensor of shape `in` to one of shape `out`, which differ in it only. */
static int launch_along(struct nn_lower *lower, const struct resizing *r, enum nn_type element, int i,
			const struct nn_shape *in, const struct nn_shape *out,
			const struct nn_ref *from, const struct nn_ref *to)
{
	enum egret_type type = r->linear ? nn_card_type(element) : nn_moved_type(element);
	int64_t of_in[NN_RANK_MAX], of_out[NN_RANK_MAX], weight[NN_RANK_MAX] = { 0 };
	struct nn_program p;
	struct nn_ref tables[3];
	int low, high, value, ret = upload_places(lower, r->places[i], out->dims[i], tables);

	if (ret)
		return ret;
	nn_strides(in, element, of_in);
	nn_strides(out, element, of_out);
	nn_program_init(&p, out->rank, out->dims);
	low = nn_load_indexed(&p, type, *from, of_in, i, in->dims[i], tables[0]);
	value = low;
	if (r->linear) {
		/* low + weight * (high - low) */
		high = nn_load_indexed(&p, type, *from, of_in, i, in->dims[i], tables[1]);
		weight[i] = 4;
		value = nn_program_load(&p, EGRET_TYPE_F32, tables[2], weight);
		high = nn_program_map(&p, EGRET_MAP_SUB, EGRET_TYPE_F32, NN_VALUE(high), NN_VALUE(low),
				      NN_NO_ARG);
		value = nn_program_map(&p, EGRET_MAP_FMA, type, NN_VALUE(high), NN_VALUE(value),
				       NN_VALUE(low));
	}
	if (!nn_program_store(&p, value, *to, of_out))
		return nn_cannot(lower, "it has too many operands");
	return nn_launch_program(lower, &p, false);
}

static int launch_each(struct nn_lower *lower, const struct resizing *r, const struct nn_fact *in,
		       const struct nn_fact *out, struct nn_ref from, const struct nn_ref *to)
{
	struct nn_shape now = in->shape, next;
	int i, last = -1, ret = 0;
	struct nn_ref there;
	size_t count;

	for (i = 0; i < in->shape.rank; i++)
		if (!repeats(r->places[i], in->shape.dims[i], out->shape.dims[i]) ||
		    in->shape.dims[i] != out->shape.dims[i])
			last = i;
	for (i = 0; i <= last && !ret; i++) {
		if (in->shape.dims[i] == out->shape.dims[i] &&
		    repeats(r->places[i], in->shape.dims[i], out->shape.dims[i]))
			continue;
		next = now;
		next.dims[i] = out->shape.dims[i];
		there = *to;
		if (i != last) {
			nn_shape_count(&next, &count);
			ret = nn_plan_place(lower->plan, nn_bytes(in->type, count), &there);
			if (ret)
				return ret;
		}
		ret = launch_along(lower, r, in->type, i, &now, &next, &from, &there);
		from = there;
		now = next;
	}
	return ret;
}

static int lower_places(struct nn_lower *lower, const struct nn_node *node, struct resizing *r)
{
	struct nn_fact in = *nn_fact_of(lower, node->inputs[0]);
	struct nn_fact out = *nn_fact_of(lower, node->outputs[0]);
	struct nn_ref from, to;
	int ret = read_places(lower, node, &in.shape, &out.shape, r);

	if (ret)
		return ret;
	if (r->linear ? !nn_is_real(in.type) : nn_moved_type(in.type) == EGRET_TYPE_NONE)
		return nn_cannot(lower, NN_NOT_REAL);
	ret = nn_place_of(lower, node->inputs[0], &from);
	if (!ret)
		ret = nn_place_of(lower, node->outputs[0], &to);
	if (ret)
		return ret;
	/* From here on, types are those in memory. */
	in.type = nn_held_type(lower, node->inputs[0]);
	out.type = nn_held_type(lower, node->outputs[0]);
	if (!r->linear && all_repeat(r, &in.shape, &out.shape))
		return launch_repeats(lower, &in, &out, &from, &to);
	return launch_each(lower, r, &in, &out, from, &to);
}

static int lower_resize(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	struct resizing r = { .linear = false };
	int i, ret = lower_places(lower, node, &r);

	for (i = 0; i < NN_RANK_MAX; i++)
		free(r.places[i]);
	return ret ? ret : nn_lower_done(lower, node, position);
}

const struct nn_lowering_entry nn_lower_resize[] = {
	{ "Resize", lower_resize, false },
	{ "Upsample", lower_resize, false },
	{ NULL, NULL, false },
};
