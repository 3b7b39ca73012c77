// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Operators that put elements into places that indices name: the data first, then the updates in
 * order.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "../op.h"

enum reduction { REPLACE, ADD, MULTIPLY, MAXIMUM, MINIMUM };

static const char *const names[] = { "none", "add", "mul", "max", "min" };

static int read_reduction(const struct nn_call *call, enum reduction *reduction)
{
	const char *name = call->node->op->since >= 16 ? nn_attr_text(call, "reduction") : "none";
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], name))
			continue;
		*reduction = (enum reduction)i;
		if (i && !nn_in(NN_NUMBERS, call->in[0]->type))
			return nn_fail_node(call->node, -ENOTSUP, NULL, "it computes with %s",
					    nn_type_name(call->in[0]->type));
		return 0;
	}
	return nn_refuse(call, NULL, "its reduction is something that ONNX does not have");
}

static double reduce(enum reduction reduction, double old, double new)
{
	switch (reduction) {
	case ADD: return old + new;
	case MULTIPLY: return old * new;
	case MAXIMUM: return isnan(old) || old > new ? old : new;
	default: return isnan(old) || old < new ? old : new;
	}
}

static int64_t reduce_int(enum reduction reduction, enum nn_type type, int64_t old, int64_t new)
{
	bool less = type == NN_U64 ? (uint64_t)old < (uint64_t)new : old < new;

	switch (reduction) {
	case ADD: return (int64_t)((uint64_t)old + (uint64_t)new);
	case MULTIPLY: return (int64_t)((uint64_t)old * (uint64_t)new);
	case MAXIMUM: return less ? new : old;
	default: return less ? old : new;
	}
}

static void update(struct nn_tensor *y, size_t to, const struct nn_tensor *updates, size_t i,
		   enum reduction reduction)
{
	if (reduction == REPLACE)
		nn_copy_element(y, to, updates, i);
	else if (nn_is_float(y->type))
		nn_set(y, to, reduce(reduction, nn_get(y, to), nn_get(updates, i)));
	else
		nn_set_int(y, to, reduce_int(reduction, y->type, nn_get_int(y, to),
					     nn_get_int(updates, i)));
}

/* ---- ScatterElements ---- */

static int infer_scatter_elements(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape, *index = &call->in[1]->shape;
	const struct nn_shape *updates = &call->in[2]->shape;
	enum reduction reduction;
	int axis, i, ret = read_reduction(call, &reduction);

	if (ret || in->rank < 0)
		return ret;
	ret = nn_axis(call, "axis", nn_attr_int(call, "axis"), in->rank, &axis);
	if (ret)
		return ret;
	if ((index->rank >= 0 && index->rank != in->rank) ||
	    (updates->rank >= 0 && updates->rank != in->rank))
		return nn_refuse(call, NULL, "its inputs have different numbers of dimensions");
	for (i = 0; index->rank >= 0 && updates->rank >= 0 && i < in->rank; i++)
		if (index->dims[i] >= 0 && updates->dims[i] >= 0 &&
		    index->dims[i] != updates->dims[i])
			return nn_refuse(call, NULL, "its indices and updates have different sizes");
	return nn_infer_same(call);
}

static int evaluate_scatter_elements(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]), *index = nn_contents(call->in[1]);
	const struct nn_tensor *updates = nn_contents(call->in[2]);
	int64_t step[NN_RANK_MAX], chosen, at;
	struct nn_tensor *y = nn_result(call, 0);
	enum reduction reduction;
	size_t i, rest, place;
	int axis, k, ret = read_reduction(call, &reduction);

	nn_axis(call, "axis", nn_attr_int(call, "axis"), x->shape.rank, &axis);
	nn_steps(&x->shape, step);
	if (x->count)
		memcpy(y->data, x->data, nn_bytes(x->type, x->count));
	for (k = 0; k < x->shape.rank && !ret; k++)
		if (k != axis && index->shape.dims[k] > x->shape.dims[k])
			ret = nn_refuse(call, NULL,
					"its indices are larger than its input in dimension %d", k);
	for (i = 0; i < index->count && !ret; i++) {
		ret = nn_index(call, nn_get_int(index, i), x->shape.dims[axis], &chosen);
		if (ret)
			return ret;
		place = 0;
		for (k = x->shape.rank - 1, rest = i; k >= 0; k--) {
			at = (int64_t)(rest % (size_t)index->shape.dims[k]);
			rest /= (size_t)index->shape.dims[k];
			place += (size_t)((k == axis ? chosen : at) * step[k]);
		}
		update(y, place, updates, i, reduction);
	}
	return ret;
}

/* ---- ScatterND ---- */

static int infer_scatter_nd(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape, *index = &call->in[1]->shape;
	enum reduction reduction;
	int64_t depth;
	int ret = read_reduction(call, &reduction);

	if (ret || in->rank < 0)
		return ret;
	if (index->rank == 0)
		return nn_refuse(call, NULL, "its indices are a single number");
	depth = index->rank > 0 ? index->dims[index->rank - 1] : -1;
	if (depth > in->rank)
		return nn_refuse(call, NULL, "its indices have %" PRId64 " numbers for %d dimensions",
				 depth, in->rank);
	return nn_infer_same(call);
}

static int evaluate_scatter_nd(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]), *index = nn_contents(call->in[1]);
	const struct nn_tensor *updates = nn_contents(call->in[2]);
	int64_t step[NN_RANK_MAX], chosen, depth = index->shape.dims[index->shape.rank - 1];
	struct nn_tensor *y = nn_result(call, 0);
	size_t i, each = 1, tuples = 1, place, k;
	enum reduction reduction;
	int d, ret = read_reduction(call, &reduction);

	nn_steps(&x->shape, step);
	if (x->count)
		memcpy(y->data, x->data, nn_bytes(x->type, x->count));
	for (d = 0; d < index->shape.rank - 1; d++)
		tuples *= (size_t)index->shape.dims[d];
	for (d = (int)depth; d < x->shape.rank; d++)
		each *= (size_t)x->shape.dims[d];
	if (!ret && updates->count != tuples * each)
		ret = nn_refuse(call, NULL, "its updates have %zu elements, its indices ask for %zu",
				updates->count, tuples * each);
	for (i = 0; i < tuples && each && !ret; i++) {
		for (d = 0, place = 0; d < depth && !ret; d++) {
			ret = nn_index(call, nn_get_int(index, i * (size_t)depth + (size_t)d),
				       x->shape.dims[d], &chosen);
			place += ret ? 0 : (size_t)(chosen * step[d]);
		}
		for (k = 0; k < each && !ret; k++)
			update(y, place + k, updates, i * each + k, reduction);
	}
	return ret;
}

/* ---- Table ---- */

#define INDICES		(NN_SET(NN_I32) | NN_SET(NN_I64))
#define ELEMENTS(n, v, ...) \
	{ .name = n, .since = v, \
	  .inputs = NN_PORTS({ "data", 'T', NN_PLAIN, NN_ONE }, { "indices", 0, INDICES, NN_ONE }, \
			     { "updates", 'T', NN_PLAIN, NN_ONE }), \
	  .outputs = NN_PORTS({ "output", 'T', NN_PLAIN, NN_ONE }), \
	  .attrs = NN_ATTRS(NN_INT("axis", 0), ##__VA_ARGS__), \
	  .infer = infer_scatter_elements, .evaluate = evaluate_scatter_elements }
#define ND(v, attributes) \
	{ .name = "ScatterND", .since = v, \
	  .inputs = NN_PORTS({ "data", 'T', NN_PLAIN, NN_ONE }, \
			     { "indices", 0, NN_SET(NN_I64), NN_ONE }, \
			     { "updates", 'T', NN_PLAIN, NN_ONE }), \
	  .outputs = NN_PORTS({ "output", 'T', NN_PLAIN, NN_ONE }), .attrs = attributes, \
	  .infer = infer_scatter_nd, .evaluate = evaluate_scatter_nd }

const struct nn_op nn_ops_scatter[] = {
	ELEMENTS("Scatter", 9),
	ELEMENTS("ScatterElements", 11),
	ELEMENTS("ScatterElements", 16, NN_TEXT("reduction", "none")),
	ND(11, NULL),
	ND(16, NN_ATTRS(NN_TEXT("reduction", "none"))),
	{ 0 }
};
