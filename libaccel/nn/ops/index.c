// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Operators that take elements by index, or cut, repeat and pad, or make indices.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "../op.h"

/* Places in a shape, one after the other. */
static void next_place(const struct nn_shape *shape, int64_t *at)
{
	int i;

	for (i = shape->rank - 1; i >= 0; i--) {
		if (++at[i] < shape->dims[i])
			return;
		at[i] = 0;
	}
}

/* The first of an input's elements, if it is known. */
static bool scalar_of(struct nn_fact *fact, int64_t *value)
{
	const struct nn_tensor *tensor;

	if (!fact || !nn_shape_known(&fact->shape))
		return false;
	tensor = nn_contents(fact);
	if (!tensor || tensor->count != 1)
		return false;
	*value = nn_get_int(tensor, 0);
	return true;
}

/* ---- Split ---- */

/* The size of part i of an axis; -1 if it is not known. */
static int split_size(const struct nn_call *call, size_t i, int64_t dim, int64_t *size)
{
	int64_t parts = (int64_t)call->node->output_count, each;
	struct nn_fact *list = nn_in_fact(call, 1);
	const int64_t *ints;
	size_t count;

	*size = -1;
	if (list) {
		const struct nn_tensor *sizes = nn_contents(list);

		if (!sizes)
			return 0;
		if (sizes->count != (size_t)parts)
			return nn_refuse(call, NULL, "it has %zu sizes for %" PRId64 " parts",
					 sizes->count, parts);
		*size = nn_get_int(sizes, i);
	} else if (call->node->opset < 13 && nn_attr_given(call, "split")) {
		count = nn_attr_ints(call, "split", &ints);
		if (count != (size_t)parts)
			return nn_refuse(call, NULL, "it has %zu sizes for %" PRId64 " parts", count,
					 parts);
		*size = ints[i];
	} else if (dim >= 0) {
		each = dim / parts + (dim % parts != 0);
		*size = dim - (int64_t)i * each;
		*size = *size < 0 ? 0 : *size < each ? *size : each;
		return 0;
	}
	if (*size < 0)
		return nn_refuse(call, NULL, "it is asked for size %" PRId64, *size);
	return 0;
}

static int infer_split(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	int64_t size, sum = 0, dim;
	bool all = true;
	int axis, ret;
	size_t i;

	if (call->node->opset >= 18 && nn_attr_given(call, "num_outputs") &&
	    nn_attr_int(call, "num_outputs") != (int64_t)call->node->output_count)
		return nn_refuse(call, NULL, "its num_outputs is %" PRId64 ", but it has %zu",
				 nn_attr_int(call, "num_outputs"), call->node->output_count);
	if (in->rank < 0)
		return 0;
	ret = nn_axis(call, "axis", nn_attr_int(call, "axis"), in->rank, &axis);
	if (ret)
		return ret;
	dim = in->dims[axis];
	for (i = 0; i < call->node->output_count; i++) {
		ret = split_size(call, i, dim, &size);
		if (ret)
			return ret;
		all = all && size >= 0;
		if (size >= 0 && __builtin_add_overflow(sum, size, &sum))
			return nn_refuse(call, NULL, "its parts are larger than its input");
		if (!call->out[i])
			continue;
		call->out[i]->shape = *in;
		call->out[i]->shape.dims[axis] = size < 0 ? nn_unknown(call) : size;
	}
	if (all && dim >= 0 && sum != dim)
		return nn_refuse(call, NULL, "its parts have %" PRId64 " of %" PRId64 " places", sum,
				 dim);
	return 0;
}

static int evaluate_split(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	size_t before, behind, i, k, bytes, first = 0, whole;
	int64_t size;
	int axis;

	nn_axis(call, "axis", nn_attr_int(call, "axis"), x->shape.rank, &axis);
	nn_around(&x->shape, axis, &before, &behind);
	behind *= nn_bytes(x->type, 1);
	whole = (size_t)x->shape.dims[axis] * behind;
	for (i = 0; i < call->node->output_count; i++) {
		split_size(call, i, x->shape.dims[axis], &size);
		bytes = (size_t)size * behind;
		for (k = 0; call->out[i] && bytes && k < before; k++)
			memcpy((char *)call->out[i]->tensor.data + k * bytes,
			       (const char *)x->data + k * whole + first, bytes);
		first += bytes;
	}
	return 0;
}

/* ---- GatherElements, GatherND ---- */

static int infer_gather_elements(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape, *index = &call->in[1]->shape;
	int axis, ret;

	call->out[0]->shape = *index;
	if (in->rank < 0 || index->rank < 0)
		return 0;
	ret = nn_axis(call, "axis", nn_attr_int(call, "axis"), in->rank, &axis);
	if (!ret && in->rank != index->rank)
		ret = nn_refuse(call, NULL, "its input has %d dimensions, its indices %d", in->rank,
				index->rank);
	return ret;
}

static int evaluate_gather_elements(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]), *index = nn_contents(call->in[1]);
	int64_t step[NN_RANK_MAX], at[NN_RANK_MAX] = { 0 }, place, chosen;
	struct nn_tensor *y = nn_result(call, 0);
	int axis, k, ret;
	size_t i;

	nn_axis(call, "axis", nn_attr_int(call, "axis"), x->shape.rank, &axis);
	nn_steps(&x->shape, step);
	for (k = 0; k < x->shape.rank; k++)
		if (k != axis && index->shape.dims[k] > x->shape.dims[k])
			return nn_refuse(call, NULL, "its indices are larger than its input in dimension %d",
					 k);
	for (i = 0; i < y->count; i++) {
		ret = nn_index(call, nn_get_int(index, i), x->shape.dims[axis], &chosen);
		if (ret)
			return ret;
		for (k = 0, place = 0; k < x->shape.rank; k++)
			place += step[k] * (k == axis ? chosen : at[k]);
		nn_copy_element(y, i, x, (size_t)place);
		next_place(&y->shape, at);
	}
	return 0;
}

/* The number of dimensions that are the same in data and indices. */
static int64_t batch_dims(const struct nn_call *call)
{
	return call->node->opset >= 12 ? nn_attr_int(call, "batch_dims") : 0;
}

static int infer_gather_nd(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape, *index = &call->in[1]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	int64_t batch = batch_dims(call), depth;
	int i;

	if (in->rank < 0 || index->rank < 0)
		return 0;
	if (!index->rank || batch < 0 || batch >= index->rank || batch >= in->rank)
		return nn_refuse(call, NULL, "its batch_dims is %" PRId64 ", its indices have %d dimensions",
				 batch, index->rank);
	depth = index->dims[index->rank - 1];
	if (depth < 0)
		return 0;
	if (depth > in->rank - batch)
		return nn_refuse(call, NULL, "its indices have %" PRId64 " numbers for %" PRId64
				 " dimensions", depth, in->rank - batch);
	if (index->rank - 1 + in->rank - batch - depth > NN_RANK_MAX)
		return nn_fail_node(call->node, -ENOTSUP, NULL, "its result has too many dimensions");
	out->rank = 0;
	for (i = 0; i < index->rank - 1; i++)
		out->dims[out->rank++] = index->dims[i];
	for (i = (int)(batch + depth); i < in->rank; i++)
		out->dims[out->rank++] = in->dims[i];
	return 0;
}

static int evaluate_gather_nd(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]), *index = nn_contents(call->in[1]);
	int64_t step[NN_RANK_MAX], batch = batch_dims(call), depth, place, chosen;
	size_t i, tuples, each, batches = 1, bytes = nn_bytes(x->type, 1);
	char *to = nn_result(call, 0)->data;
	int k, ret;

	depth = index->shape.dims[index->shape.rank - 1];
	nn_steps(&x->shape, step);
	for (k = 0; k < batch; k++) {
		if (x->shape.dims[k] != index->shape.dims[k])
			return nn_refuse(call, NULL, "dimension %d of its inputs is not the same", k);
		batches *= (size_t)x->shape.dims[k];
	}
	for (k = 0, tuples = 1; k < index->shape.rank - 1; k++)
		tuples *= (size_t)index->shape.dims[k];
	for (k = (int)(batch + depth), each = bytes; k < x->shape.rank; k++)
		each *= (size_t)x->shape.dims[k];
	for (i = 0; i < tuples && each; i++) {
		place = batch ? (int64_t)(i / (tuples / batches)) * step[batch - 1] : 0;
		for (k = 0; k < depth; k++) {
			ret = nn_index(call, nn_get_int(index, i * (size_t)depth + (size_t)k),
				       x->shape.dims[batch + k], &chosen);
			if (ret)
				return ret;
			place += chosen * step[batch + k];
		}
		memcpy(to + i * each, (const char *)x->data + (size_t)place * bytes, each);
	}
	return 0;
}

/* ---- Tile, Pad ---- */

static int infer_tile(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	int64_t repeats[NN_RANK_MAX];
	int i, count = nn_ints(call, 1, repeats, NN_RANK_MAX);

	if (in->rank < 0)
		return 0;
	if (count >= 0 && count != in->rank)
		return nn_refuse(call, NULL, "it has %d repeats for %d dimensions", count, in->rank);
	out->rank = in->rank;
	for (i = 0; i < in->rank; i++) {
		if (count >= 0 && repeats[i] < 0)
			return nn_refuse(call, NULL, "it repeats %" PRId64 " times", repeats[i]);
		if (count < 0 || in->dims[i] < 0)
			out->dims[i] = nn_unknown(call);
		else if (__builtin_mul_overflow(in->dims[i], repeats[i], &out->dims[i]))
			return nn_fail_node(call->node, -EFBIG, NULL, "its result is too large");
	}
	return 0;
}

static int evaluate_tile(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	int64_t step[NN_RANK_MAX], at[NN_RANK_MAX] = { 0 }, place;
	struct nn_tensor *y = nn_result(call, 0);
	size_t i;
	int k;

	nn_steps(&x->shape, step);
	for (i = 0; i < y->count; i++) {
		for (k = 0, place = 0; k < x->shape.rank; k++)
			place += at[k] % x->shape.dims[k] * step[k];
		nn_copy_element(y, i, x, (size_t)place);
		next_place(&y->shape, at);
	}
	return 0;
}

#define PAD_LIMIT	((int64_t)1 << 40)

/* Padding before and behind each dimension: 1 if it is not known. */
static int read_pads(const struct nn_call *call, int rank, int64_t *before, int64_t *behind)
{
	int64_t pads[2 * NN_RANK_MAX], axes[NN_RANK_MAX];
	const int64_t *ints = pads;
	int i, axis, ret, count, listed = -1;

	if (call->node->opset < 11)
		count = (int)nn_attr_ints(call, "pads", &ints);
	else
		count = nn_ints(call, 1, pads, 2 * NN_RANK_MAX);
	if (nn_in_fact(call, 3)) {
		listed = nn_ints(call, 3, axes, NN_RANK_MAX);
		if (listed < 0)
			return 1;
	}
	if (count < 0)
		return 1;
	if (count != 2 * (listed < 0 ? rank : listed))
		return nn_refuse(call, NULL, "it has %d pads for %d dimensions", count,
				 listed < 0 ? rank : listed);
	memset(before, 0, (size_t)rank * sizeof(*before));
	memset(behind, 0, (size_t)rank * sizeof(*behind));
	for (i = 0; i < count / 2; i++) {
		ret = nn_axis(call, "axis", listed < 0 ? i : axes[i], rank, &axis);
		if (ret)
			return ret;
		before[axis] = ints[i];
		behind[axis] = ints[count / 2 + i];
		if (before[axis] < -PAD_LIMIT || before[axis] > PAD_LIMIT ||
		    behind[axis] < -PAD_LIMIT || behind[axis] > PAD_LIMIT)
			return nn_fail_node(call->node, -EFBIG, NULL, "it pads too much");
	}
	return 0;
}

static int infer_pad(struct nn_call *call)
{
	const char *mode = nn_attr_text(call, "mode");
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	int64_t before[NN_RANK_MAX], behind[NN_RANK_MAX];
	int i, ret;

	if (strcmp(mode, "constant") && strcmp(mode, "reflect") && strcmp(mode, "edge") &&
	    (strcmp(mode, "wrap") || call->node->opset < 19))
		return nn_refuse(call, NULL, "its mode is something that ONNX does not have");
	if (in->rank < 0)
		return 0;
	ret = read_pads(call, in->rank, before, behind);
	if (ret < 0)
		return ret;
	out->rank = in->rank;
	for (i = 0; i < in->rank; i++) {
		if (ret || in->dims[i] < 0) {
			out->dims[i] = nn_unknown(call);
			continue;
		}
		if (__builtin_add_overflow(in->dims[i], before[i] + behind[i], &out->dims[i]) ||
		    out->dims[i] < 0)
			return nn_refuse(call, NULL, "its pads leave nothing of dimension %d", i);
	}
	return 0;
}

/* Where the element comes from that lies at x, of `size`; -1: it is the constant. */
static int64_t padded_from(const char *mode, int64_t x, int64_t size)
{
	int64_t period = 2 * size - 2;

	if (x >= 0 && x < size)
		return x;
	if (!strcmp(mode, "constant") || !size)
		return -1;
	if (!strcmp(mode, "edge"))
		return x < 0 ? 0 : size - 1;
	if (!strcmp(mode, "wrap"))
		return (x % size + size) % size;
	if (size == 1)
		return 0;
	x = (x % period + period) % period;
	return x < size ? x : period - x;
}

/* An element of the constant; zero if none is given. */
static void pad_value(const struct nn_call *call, struct nn_tensor *y, size_t i)
{
	const struct nn_tensor *value = nn_contents(nn_in_fact(call, 2));

	if (call->node->opset < 11)
		nn_set(y, i, nn_attr_float(call, "value"));
	else if (value && value->count)
		nn_copy_element(y, i, value, 0);
}

static int evaluate_pad(struct nn_call *call)
{
	int64_t before[NN_RANK_MAX], behind[NN_RANK_MAX], step[NN_RANK_MAX];
	const struct nn_tensor *x = nn_contents(call->in[0]);
	const char *mode = nn_attr_text(call, "mode");
	int64_t at[NN_RANK_MAX] = { 0 }, place, from;
	struct nn_tensor *y = nn_result(call, 0);
	int k, ret = read_pads(call, x->shape.rank, before, behind);
	size_t i;

	if (ret)
		return ret;
	nn_steps(&x->shape, step);
	for (i = 0; i < y->count; i++) {
		for (k = 0, place = 0; k < x->shape.rank && place >= 0; k++) {
			from = padded_from(mode, at[k] - before[k], x->shape.dims[k]);
			place = from < 0 ? -1 : place + from * step[k];
		}
		if (place < 0)
			pad_value(call, y, i);
		else
			nn_copy_element(y, i, x, (size_t)place);
		next_place(&y->shape, at);
	}
	return 0;
}

/* ---- CenterCropPad ---- */

/* Which size each dimension should have; -1 if it is not known. */
static int crop_sizes(const struct nn_call *call, const struct nn_shape *in, int64_t *sizes)
{
	int64_t wanted[NN_RANK_MAX];
	const int64_t *axes;
	size_t listed = nn_attr_ints(call, "axes", &axes);
	int i, axis, ret, all = listed ? (int)listed : in->rank;
	int count = nn_ints(call, 1, wanted, NN_RANK_MAX);

	memcpy(sizes, in->dims, sizeof(in->dims));
	if (listed > (size_t)in->rank || (count >= 0 && count != all))
		return nn_refuse(call, NULL, "it has %d sizes for %zu axes of %d dimensions", count, listed,
				 in->rank);
	for (i = 0; i < all; i++) {
		ret = nn_axis(call, "axis", listed ? axes[i] : i, in->rank, &axis);
		if (ret)
			return ret;
		if (count >= 0 && wanted[i] < 0)
			return nn_refuse(call, NULL, "it is asked for size %" PRId64, wanted[i]);
		sizes[axis] = count < 0 ? -1 : wanted[i];
	}
	return 0;
}

static int infer_crop_pad(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	int i, ret;

	if (in->rank < 0)
		return 0;
	ret = crop_sizes(call, in, out->dims);
	out->rank = in->rank;
	for (i = 0; i < in->rank; i++)
		if (out->dims[i] < 0 && out->dims[i] != in->dims[i])
			out->dims[i] = nn_unknown(call);
	return ret;
}

static int evaluate_crop_pad(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	int64_t at[NN_RANK_MAX] = { 0 }, step[NN_RANK_MAX], from, more, place;
	struct nn_tensor *y = nn_result(call, 0);
	size_t i;
	int k;

	nn_steps(&x->shape, step);
	for (i = 0; i < y->count; i++, next_place(&y->shape, at)) {
		for (k = 0, place = 0; k < x->shape.rank && place >= 0; k++) {
			more = y->shape.dims[k] - x->shape.dims[k];
			from = more > 0 ? at[k] - more / 2 : at[k] + -more / 2;
			place = from < 0 || from >= x->shape.dims[k] ? -1 : place + from * step[k];
		}
		if (place >= 0)
			nn_copy_element(y, i, x, (size_t)place);
	}
	return 0;
}

/* ---- Trilu, EyeLike, Range, OneHot ---- */

static int infer_trilu(struct nn_call *call)
{
	int rank = call->in[0]->shape.rank;

	if (rank >= 0 && rank < 2)
		return nn_refuse(call, NULL, "its input has %d dimensions, fewer than a matrix", rank);
	return nn_infer_same(call);
}

static int evaluate_trilu(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	bool upper = nn_attr_int(call, "upper");
	struct nn_tensor *y = nn_result(call, 0);
	int64_t diagonal = 0, rows, columns, row, column;
	size_t i;

	if (nn_in_fact(call, 1) && !scalar_of(call->in[1], &diagonal))
		return nn_refuse(call, NULL, "its input k is not a single number");
	/* Beyond the corners everything is the same. */
	diagonal = diagonal > INT32_MAX ? INT32_MAX : diagonal < INT32_MIN ? INT32_MIN : diagonal;
	rows = x->shape.dims[x->shape.rank - 2];
	columns = x->shape.dims[x->shape.rank - 1];
	for (i = 0; i < x->count; i++) {
		column = (int64_t)(i % (size_t)columns);
		row = (int64_t)(i / (size_t)columns % (size_t)rows);
		if (upper ? column - row >= diagonal : column - row <= diagonal)
			nn_copy_element(y, i, x, i);
	}
	return 0;
}

static int infer_eye(struct nn_call *call)
{
	int64_t type = nn_attr_given(call, "dtype") ? nn_attr_int(call, "dtype") :
		       (int64_t)call->in[0]->type;
	int rank = call->in[0]->shape.rank;

	if (type <= 0 || type >= NN_TYPES ||
	    !nn_in(NN_NUMBERS | NN_SET(NN_BOOL), (enum nn_type)type))
		return nn_fail_node(call->node, -ENOTSUP, NULL, "its dtype is %" PRId64, type);
	if (rank >= 0 && rank != 2)
		return nn_refuse(call, NULL, "its input has %d dimensions, not two", rank);
	call->out[0]->type = (enum nn_type)type;
	return nn_infer_same(call);
}

static int evaluate_eye(struct nn_call *call)
{
	struct nn_tensor *y = nn_result(call, 0);
	int64_t k = nn_attr_int(call, "k"), row, column;

	for (row = 0; row < y->shape.dims[0]; row++) {
		if (__builtin_add_overflow(row, k, &column))
			break;
		if (column >= 0 && column < y->shape.dims[1])
			nn_set(y, (size_t)(row * y->shape.dims[1] + column), 1);
	}
	return 0;
}

/* How many numbers a range has; -1 if that is not known. */
static int range_count(const struct nn_call *call, int64_t *count)
{
	const struct nn_tensor *t[3];
	double span, delta;
	int i;

	*count = -1;
	for (i = 0; i < 3; i++) {
		t[i] = nn_contents(call->in[i]);
		if (!t[i])
			return 0;
		if (t[i]->count != 1)
			return nn_refuse(call, NULL, "its input %s is not a single number",
					 call->node->op->inputs[i].name);
	}
	delta = nn_get(t[2], 0);
	span = (nn_get(t[1], 0) - nn_get(t[0], 0)) / delta;
	if (delta == 0 || isnan(span) || span > 0x1p48)
		return nn_refuse(call, NULL, "it has no end");
	*count = span > 0 ? (int64_t)ceil(span) : 0;
	return 0;
}

static int infer_range(struct nn_call *call)
{
	int64_t count;
	int ret = range_count(call, &count);

	call->out[0]->shape.rank = 1;
	call->out[0]->shape.dims[0] = count < 0 ? nn_unknown(call) : count;
	return ret;
}

static int evaluate_range(struct nn_call *call)
{
	const struct nn_tensor *start = nn_contents(call->in[0]), *delta = nn_contents(call->in[2]);
	struct nn_tensor *y = nn_result(call, 0);
	size_t i;

	for (i = 0; i < y->count; i++) {
		if (nn_is_float(y->type))
			nn_set(y, i, nn_get(start, 0) + (double)i * nn_get(delta, 0));
		else
			nn_set_int(y, i, (int64_t)((uint64_t)nn_get_int(start, 0) +
						   i * (uint64_t)nn_get_int(delta, 0)));
	}
	return 0;
}

static int one_hot_axis(const struct nn_call *call, int rank, int *axis)
{
	return nn_axis(call, "axis", nn_attr_int(call, "axis"), rank + 1, axis);
}

static int infer_one_hot(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	int64_t depth = -1;
	int axis, i, ret;

	if (in->rank < 0)
		return 0;
	if (in->rank == NN_RANK_MAX)
		return nn_fail_node(call->node, -ENOTSUP, NULL, "it makes %d dimensions", in->rank + 1);
	ret = one_hot_axis(call, in->rank, &axis);
	if (ret)
		return ret;
	if (scalar_of(call->in[1], &depth) && depth < 0)
		return nn_refuse(call, NULL, "its depth is %" PRId64, depth);
	out->rank = in->rank + 1;
	for (i = 0; i < out->rank; i++)
		out->dims[i] = i == axis ? (depth < 0 ? nn_unknown(call) : depth) :
			       in->dims[i < axis ? i : i - 1];
	return 0;
}

static int evaluate_one_hot(struct nn_call *call)
{
	const struct nn_tensor *index = nn_contents(call->in[0]), *values = nn_contents(call->in[2]);
	struct nn_tensor *y = nn_result(call, 0);
	size_t before, behind, i;
	int64_t depth, hot;
	int axis;

	if (values->count != 2)
		return nn_refuse(call, NULL, "it has %zu values, not two", values->count);
	one_hot_axis(call, index->shape.rank, &axis);
	nn_around(&y->shape, axis, &before, &behind);
	depth = y->shape.dims[axis];
	for (i = 0; i < y->count; i++)
		nn_copy_element(y, i, values, 0);
	for (i = 0; i < index->count; i++) {
		hot = nn_get_int(index, i);
		hot += hot < 0 ? depth : 0;
		/* What is out of range is nowhere. */
		if (hot >= 0 && hot < depth)
			nn_copy_element(y, (i / behind * (size_t)depth + (size_t)hot) * behind +
					i % behind, values, 1);
	}
	return 0;
}

/* ---- Results whose size depends on contents: NonZero, Compress ---- */

static bool is_true(const struct nn_tensor *x, size_t i)
{
	return nn_is_float(x->type) ? nn_get(x, i) != 0 : nn_get_int(x, i) != 0;
}

static int infer_non_zero(struct nn_call *call)
{
	struct nn_shape *out = &call->out[0]->shape;
	const struct nn_tensor *x = nn_contents_ahead(call, call->in[0]);
	int64_t count = 0;
	size_t i;

	if (call->in[0]->shape.rank < 0)
		return 0;
	for (i = 0; x && i < x->count; i++)
		count += is_true(x, i);
	out->rank = 2;
	out->dims[0] = call->in[0]->shape.rank;
	out->dims[1] = x ? count : nn_unknown(call);
	return 0;
}

static int evaluate_non_zero(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct nn_tensor *y = nn_result(call, 0);
	int64_t at[NN_RANK_MAX] = { 0 }, found = 0;
	size_t i;
	int k;

	for (i = 0; i < x->count; i++) {
		for (k = 0; is_true(x, i) && k < x->shape.rank; k++)
			nn_set_int(y, (size_t)(k * y->shape.dims[1] + found), at[k]);
		found += is_true(x, i);
		next_place(&x->shape, at);
	}
	return 0;
}

/* The axis that is thinned out, and its size; without one all elements are a row. */
static int compress_axis(const struct nn_call *call, const struct nn_shape *in, int *axis)
{
	*axis = -1;
	if (!nn_attr_given(call, "axis"))
		return 0;
	return nn_axis(call, "axis", nn_attr_int(call, "axis"), in->rank, axis);
}

static int infer_compress(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	const struct nn_tensor *keep = nn_contents_ahead(call, call->in[1]);
	struct nn_shape *out = &call->out[0]->shape;
	int64_t count = 0;
	size_t all, i;
	int axis, ret;

	if (in->rank < 0)
		return 0;
	ret = compress_axis(call, in, &axis);
	if (ret)
		return ret;
	*out = *in;
	if (axis < 0)
		out->rank = 1;
	for (i = 0; keep && i < keep->count; i++)
		count += is_true(keep, i);
	out->dims[axis < 0 ? 0 : axis] = keep ? count : nn_unknown(call);
	if (!keep || !nn_shape_known(in) || !nn_shape_count(in, &all))
		return 0;
	if (keep->count > (axis < 0 ? all : (size_t)in->dims[axis]))
		return nn_refuse(call, NULL, "its condition has %zu elements, more than there are",
				 keep->count);
	return 0;
}

static int evaluate_compress(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]), *keep = nn_contents(call->in[1]);
	size_t before = 1, behind = 1, size = x->count, bytes, i, k;
	char *to = nn_result(call, 0)->data;
	int axis;

	compress_axis(call, &x->shape, &axis);
	if (axis >= 0) {
		nn_around(&x->shape, axis, &before, &behind);
		size = (size_t)x->shape.dims[axis];
	}
	bytes = behind * nn_bytes(x->type, 1);
	for (i = 0; i < before; i++) {
		for (k = 0; k < keep->count && bytes; k++) {
			if (!is_true(keep, k))
				continue;
			memcpy(to, (const char *)x->data + (i * size + k) * bytes, bytes);
			to += bytes;
		}
	}
	return 0;
}

/* ---- Blocks of an image ---- */

static int block_size(const struct nn_call *call, const struct nn_shape *in, int64_t *size)
{
	*size = nn_attr_int(call, "blocksize");
	if (*size < 1 || *size > 32768)
		return nn_refuse(call, NULL, "its blocksize is %" PRId64, *size);
	if (in->rank >= 0 && in->rank != 4)
		return nn_refuse(call, NULL, "its input has %d dimensions, not four", in->rank);
	return 0;
}

static int infer_depth_to_space(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	int64_t size;
	int i, ret = block_size(call, in, &size);

	if (ret || in->rank < 0)
		return ret;
	if (in->dims[1] >= 0 && in->dims[1] % (size * size))
		return nn_refuse(call, NULL, "its %" PRId64 " channels do not fill blocks", in->dims[1]);
	*out = *in;
	out->dims[1] = in->dims[1] < 0 ? nn_unknown(call) : in->dims[1] / (size * size);
	for (i = 2; i < 4; i++)
		if (in->dims[i] < 0)
			out->dims[i] = nn_unknown(call);
		else if (__builtin_mul_overflow(in->dims[i], size, &out->dims[i]))
			return nn_fail_node(call->node, -EFBIG, NULL, "its result is too large");
	return 0;
}

static int evaluate_depth_to_space(struct nn_call *call)
{
	bool rows_first = call->node->opset >= 11 && !strcmp(nn_attr_text(call, "mode"), "CRD");
	const struct nn_tensor *x = nn_contents(call->in[0]);
	int64_t size = nn_attr_int(call, "blocksize"), at[4] = { 0 }, step[4], inner, channel;
	struct nn_tensor *y = nn_result(call, 0);
	size_t i;

	nn_steps(&x->shape, step);
	for (i = 0; i < y->count; i++) {
		inner = at[2] % size * size + at[3] % size;
		channel = rows_first ? at[1] * size * size + inner : inner * y->shape.dims[1] + at[1];
		nn_copy_element(y, i, x, (size_t)(at[0] * step[0] + channel * step[1] +
						  at[2] / size * step[2] + at[3] / size));
		next_place(&y->shape, at);
	}
	return 0;
}

static int infer_space_to_depth(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	int64_t size;
	int i, ret = block_size(call, in, &size);

	if (ret || in->rank < 0)
		return ret;
	*out = *in;
	if (in->dims[1] < 0)
		out->dims[1] = nn_unknown(call);
	else if (__builtin_mul_overflow(in->dims[1], size * size, &out->dims[1]))
		return nn_fail_node(call->node, -EFBIG, NULL, "its result is too large");
	for (i = 2; i < 4; i++) {
		if (in->dims[i] >= 0 && in->dims[i] % size)
			return nn_refuse(call, NULL, "its size %" PRId64 " does not divide into blocks",
					 in->dims[i]);
		out->dims[i] = in->dims[i] < 0 ? nn_unknown(call) : in->dims[i] / size;
	}
	return 0;
}

static int evaluate_space_to_depth(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	int64_t size = nn_attr_int(call, "blocksize"), at[4] = { 0 }, step[4], inner, channel;
	struct nn_tensor *y = nn_result(call, 0);
	size_t i;

	nn_steps(&x->shape, step);
	for (i = 0; i < y->count; i++) {
		inner = at[1] / x->shape.dims[1];
		channel = at[1] % x->shape.dims[1];
		nn_copy_element(y, i, x, (size_t)(at[0] * step[0] + channel * step[1] +
						  (at[2] * size + inner / size) * step[2] +
						  at[3] * size + inner % size));
		next_place(&y->shape, at);
	}
	return 0;
}

/* ---- Table ---- */

#define INDICES		(NN_SET(NN_I32) | NN_SET(NN_I64))
#define I64		NN_SET(NN_I64)
#define PADDED		(NN_NUMBERS | NN_SET(NN_BOOL))
#define DATA		{ "data", 'T', NN_PLAIN, NN_ONE }
#define OUT		NN_PORTS({ "output", 'T', NN_PLAIN, NN_ONE })
#define OP(n, v, in, attributes, f, e) \
	{ .name = n, .since = v, .inputs = in, .outputs = OUT, .attrs = attributes, \
	  .infer = f, .evaluate = e }
#define SPLIT(v, in, ...) \
	{ .name = "Split", .since = v, .inputs = in, \
	  .outputs = NN_PORTS({ "outputs", 'T', NN_PLAIN, NN_MANY }), \
	  .attrs = NN_ATTRS(NN_INT("axis", 0), ##__VA_ARGS__), \
	  .infer = infer_split, .evaluate = evaluate_split }

const struct nn_op nn_ops_index[] = {
	SPLIT(2, NN_PORTS(DATA), NN_OPTIONAL_ATTR("split", INTS)),
	SPLIT(13, NN_PORTS(DATA, { "split", 0, I64, NN_OPTIONAL })),
	SPLIT(18, NN_PORTS(DATA, { "split", 0, I64, NN_OPTIONAL }),
	      NN_OPTIONAL_ATTR("num_outputs", INT)),
	OP("GatherElements", 11, NN_PORTS(DATA, { "indices", 0, INDICES, NN_ONE }),
	   NN_ATTRS(NN_INT("axis", 0)), infer_gather_elements, evaluate_gather_elements),
	OP("GatherND", 11, NN_PORTS(DATA, { "indices", 0, I64, NN_ONE }), NULL, infer_gather_nd,
	   evaluate_gather_nd),
	OP("GatherND", 12, NN_PORTS(DATA, { "indices", 0, I64, NN_ONE }),
	   NN_ATTRS(NN_INT("batch_dims", 0)), infer_gather_nd, evaluate_gather_nd),
	OP("Tile", 6, NN_PORTS(DATA, { "repeats", 0, I64, NN_ONE }), NULL, infer_tile,
	   evaluate_tile),
	{ .name = "Pad", .since = 2, .inputs = NN_PORTS({ "data", 'T', NN_FLOATS, NN_ONE }),
	  .outputs = OUT,
	  .attrs = NN_ATTRS(NN_TEXT("mode", "constant"), NN_REQUIRED_ATTR("pads", INTS),
			    NN_FLOAT("value", 0)),
	  .infer = infer_pad, .evaluate = evaluate_pad },
	{ .name = "Pad", .since = 11,
	  .inputs = NN_PORTS({ "data", 'T', PADDED, NN_ONE }, { "pads", 0, I64, NN_ONE },
			     { "constant_value", 'T', PADDED, NN_OPTIONAL },
			     { "axes", 0, INDICES, NN_OPTIONAL }),
	  .outputs = OUT, .attrs = NN_ATTRS(NN_TEXT("mode", "constant")),
	  .infer = infer_pad, .evaluate = evaluate_pad },
	OP("Trilu", 14, NN_PORTS(DATA, { "k", 0, I64, NN_OPTIONAL }), NN_ATTRS(NN_INT("upper", 1)),
	   infer_trilu, evaluate_trilu),
	{ .name = "EyeLike", .since = 9, .inputs = NN_PORTS(DATA),
	  .outputs = NN_PORTS({ "output", 0, 0, NN_ONE }),
	  .attrs = NN_ATTRS(NN_OPTIONAL_ATTR("dtype", INT), NN_INT("k", 0)),
	  .infer = infer_eye, .evaluate = evaluate_eye },
	{ .name = "Range", .since = 11,
	  .inputs = NN_PORTS({ "start", 'T', NN_NUMBERS, NN_ONE },
			     { "limit", 'T', NN_NUMBERS, NN_ONE },
			     { "delta", 'T', NN_NUMBERS, NN_ONE }),
	  .outputs = NN_PORTS({ "output", 'T', NN_NUMBERS, NN_ONE }),
	  .infer = infer_range, .evaluate = evaluate_range },
	{ .name = "OneHot", .since = 9,
	  .inputs = NN_PORTS({ "indices", 0, NN_NUMBERS, NN_ONE }, { "depth", 0, NN_NUMBERS, NN_ONE },
			     { "values", 'T', NN_PLAIN, NN_ONE }),
	  .outputs = OUT, .attrs = NN_ATTRS(NN_INT("axis", -1)),
	  .infer = infer_one_hot, .evaluate = evaluate_one_hot },
	{ .name = "NonZero", .since = 9,
	  .inputs = NN_PORTS({ "X", 0, PADDED, NN_ONE }),
	  .outputs = NN_PORTS({ "Y", 0, I64, NN_ONE }),
	  .infer = infer_non_zero, .evaluate = evaluate_non_zero },
	OP("Compress", 9, NN_PORTS(DATA, { "condition", 0, NN_SET(NN_BOOL), NN_ONE }),
	   NN_ATTRS(NN_OPTIONAL_ATTR("axis", INT)), infer_compress, evaluate_compress),
	OP("CenterCropPad", 18, NN_PORTS(DATA, { "shape", 'I', INDICES, NN_ONE }),
	   NN_ATTRS(NN_OPTIONAL_ATTR("axes", INTS)), infer_crop_pad, evaluate_crop_pad),
	OP("DepthToSpace", 1, NN_PORTS(DATA), NN_ATTRS(NN_REQUIRED_ATTR("blocksize", INT)),
	   infer_depth_to_space, evaluate_depth_to_space),
	OP("DepthToSpace", 11, NN_PORTS(DATA),
	   NN_ATTRS(NN_REQUIRED_ATTR("blocksize", INT), NN_TEXT("mode", "DCR")),
	   infer_depth_to_space, evaluate_depth_to_space),
	OP("SpaceToDepth", 1, NN_PORTS(DATA), NN_ATTRS(NN_REQUIRED_ATTR("blocksize", INT)),
	   infer_space_to_depth, evaluate_space_to_depth),
	{ 0 }
};
