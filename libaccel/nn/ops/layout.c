// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Operators that move elements and leave them as they are, and those about shapes.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "../op.h"

static int copy_all(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);

	if (x->count)
		memcpy(nn_result(call, 0)->data, x->data, nn_bytes(x->type, x->count));
	return 0;
}

/* ---- Constant, ConstantOfShape, Shape, Size ---- */

static const struct nn_constant *constant_tensor(const struct nn_call *call)
{
	const struct nn_attr *attr = nn_attr_find(call->node, "value");

	return attr ? attr->tensor : NULL;
}

static int infer_constant(struct nn_call *call)
{
	const struct nn_constant *tensor = constant_tensor(call);
	struct nn_fact *out = call->out[0];
	const struct nn_attr *attr = call->node->attrs;

	if (call->node->attr_count != 1)
		return nn_refuse(call, NULL, "it has %zu values, where it should have one",
				 call->node->attr_count);
	out->shape.rank = 0;
	if (tensor) {
		out->type = tensor->type;
		out->shape = tensor->shape;
	} else if (attr->type == NN_ATTR_INT || attr->type == NN_ATTR_INTS) {
		out->type = NN_I64;
	} else if (attr->type == NN_ATTR_FLOAT || attr->type == NN_ATTR_FLOATS) {
		out->type = NN_F32;
	} else if (attr->type == NN_ATTR_STRING || attr->type == NN_ATTR_STRINGS) {
		out->type = NN_STRING;
	} else {
		return nn_fail_node(call->node, -ENOTSUP, NULL, "its attribute %s", attr->name);
	}
	if (attr->type == NN_ATTR_INTS || attr->type == NN_ATTR_FLOATS ||
	    attr->type == NN_ATTR_STRINGS) {
		out->shape.rank = 1;
		out->shape.dims[0] = (int64_t)attr->count;
	}
	/* Contents stay in the file, however large they are. */
	out->raw = tensor ? tensor->data : attr->type == NN_ATTR_INT ? (const void *)&attr->i :
		   attr->type == NN_ATTR_FLOAT ? (const void *)&attr->f :
		   attr->type == NN_ATTR_STRING ? (const void *)&attr->s : (const void *)attr->ints;
	return 0;
}

static int infer_constant_of_shape(struct nn_call *call)
{
	const struct nn_constant *value = constant_tensor(call);
	struct nn_shape *shape = &call->out[0]->shape;
	struct nn_fact *in = call->in[0];
	int i, rank = nn_ints(call, 0, shape->dims, NN_RANK_MAX);

	call->out[0]->type = value ? value->type : NN_F32;
	if (value && value->count != 1)
		return nn_refuse(call, NULL, "its value has %zu elements, not one", value->count);
	shape->rank = rank;
	for (i = 0; i < rank; i++)
		if (shape->dims[i] < 0)
			return nn_refuse(call, NULL, "it is asked for size %" PRId64, shape->dims[i]);
	if (rank >= 0 || in->shape.rank != 1 || in->shape.dims[0] < 0 ||
	    in->shape.dims[0] > NN_RANK_MAX)
		return 0;
	shape->rank = (int)in->shape.dims[0];
	for (i = 0; i < shape->rank; i++)
		shape->dims[i] = nn_unknown(call);
	return 0;
}

static int evaluate_constant_of_shape(struct nn_call *call)
{
	const struct nn_constant *value = constant_tensor(call);
	struct nn_tensor *y = nn_result(call, 0), one;
	size_t i;

	if (!value)
		return 0;
	one = nn_constant_tensor(value);
	for (i = 0; i < y->count; i++)
		nn_copy_element(y, i, &one, 0);
	return 0;
}

/* Which dimensions Shape gives. */
static void shape_range(const struct nn_call *call, int rank, int64_t *start, int64_t *end)
{
	*start = call->node->opset >= 15 ? nn_attr_int(call, "start") : 0;
	*end = call->node->opset >= 15 && nn_attr_given(call, "end") ? nn_attr_int(call, "end") : rank;
	*start += *start < 0 ? rank : 0;
	*end += *end < 0 ? rank : 0;
	*start = *start < 0 ? 0 : *start > rank ? rank : *start;
	*end = *end < *start ? *start : *end > rank ? rank : *end;
}

static int infer_shape(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_fact *out = call->out[0];
	int64_t start, end, i;
	int ret;

	out->shape.rank = 1;
	if (in->rank < 0) {
		out->shape.dims[0] = nn_unknown(call);
		return 0;
	}
	shape_range(call, in->rank, &start, &end);
	out->shape.dims[0] = end - start;
	for (i = start; i < end; i++)
		if (in->dims[i] < 0)
			return 0;
	/* It needs the shape of its input only, so its result is known before the contents are. */
	ret = nn_tensor_init(&out->tensor, NN_I64, &out->shape);
	if (ret)
		return nn_fail_node(call->node, ret, NULL, "memory is short");
	for (i = start; i < end; i++)
		((int64_t *)out->tensor.data)[i - start] = in->dims[i];
	return 0;
}

static int infer_size(struct nn_call *call)
{
	struct nn_fact *out = call->out[0];
	size_t count;
	int ret;

	out->shape.rank = 0;
	if (!nn_shape_known(&call->in[0]->shape) || !nn_shape_count(&call->in[0]->shape, &count))
		return 0;
	ret = nn_tensor_init(&out->tensor, NN_I64, &out->shape);
	if (ret)
		return nn_fail_node(call->node, ret, NULL, "memory is short");
	*(int64_t *)out->tensor.data = (int64_t)count;
	return 0;
}

/* ---- Reshape, Flatten, Squeeze, Unsqueeze, Expand ---- */

static int infer_reshape(struct nn_call *call)
{
	bool keep_zero = call->node->opset >= 14 && nn_attr_int(call, "allowzero");
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	struct nn_shape rest;
	size_t all, known;
	int i, open = -1, rank = nn_ints(call, 1, out->dims, NN_RANK_MAX);

	out->rank = rank;
	if (rank < 0) {
		const struct nn_shape *shape = &call->in[1]->shape;

		if (shape->rank != 1 || shape->dims[0] < 0)
			return 0;
		if (shape->dims[0] > NN_RANK_MAX)
			return nn_fail_node(call->node, -ENOTSUP, NULL, "it makes %" PRId64 " dimensions",
					    shape->dims[0]);
		out->rank = (int)shape->dims[0];
		for (i = 0; i < out->rank; i++)
			out->dims[i] = nn_unknown(call);
		return 0;
	}
	for (i = 0; i < rank; i++) {
		if (out->dims[i] == 0 && !keep_zero) {
			if (in->rank >= 0 && i >= in->rank)
				return nn_refuse(call, NULL, "it keeps size %d of an input with %d dimensions",
						 i, in->rank);
			out->dims[i] = in->rank < 0 ? nn_unknown(call) : in->dims[i];
		} else if (out->dims[i] == -1) {
			if (open >= 0)
				return nn_refuse(call, NULL, "two of its sizes are -1");
			open = i;
		} else if (out->dims[i] < 0) {
			return nn_refuse(call, NULL, "it is asked for size %" PRId64, out->dims[i]);
		}
	}
	rest = *out;
	if (open >= 0) {
		rest.dims[open] = 1;
		out->dims[open] = nn_unknown(call);
	}
	if (!nn_shape_known(in) || !nn_shape_known(&rest))
		return 0;
	if (!nn_shape_count(in, &all) || !nn_shape_count(&rest, &known))
		return nn_fail_node(call->node, -EFBIG, NULL, "its size does not fit any memory");
	if (open >= 0 && known && all % known == 0)
		out->dims[open] = (int64_t)(all / known);
	else if (open >= 0 || all != known)
		return nn_refuse(call, NULL, "its input has %zu elements, which do not fill its result",
				 all);
	return 0;
}

static int infer_flatten(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	int64_t axis = nn_attr_int(call, "axis");
	struct nn_shape part;
	size_t count;
	int half, i;

	out->rank = 2;
	out->dims[0] = nn_unknown(call);
	out->dims[1] = nn_unknown(call);
	if (in->rank < 0)
		return 0;
	if (axis < -in->rank || axis > in->rank)
		return nn_refuse(call, NULL, "its axis is %" PRId64 ", but its input has %d dimensions",
				 axis, in->rank);
	axis += axis < 0 ? in->rank : 0;
	for (half = 0; half < 2; half++) {
		part.rank = 0;
		for (i = half ? (int)axis : 0; i < (half ? in->rank : (int)axis); i++)
			part.dims[part.rank++] = in->dims[i];
		if (part.rank == 1)
			out->dims[half] = part.dims[0];
		else if (nn_shape_known(&part) && nn_shape_count(&part, &count))
			out->dims[half] = (int64_t)count;
	}
	return 0;
}

/* Axes from an attribute (before version 13) or input 1: how many, 0 for none, -1 if not known. */
static int axes_of(const struct nn_call *call, int64_t *axes, int *count)
{
	const int64_t *ints;
	size_t n;

	*count = 0;
	if (call->node->opset < 13) {
		n = nn_attr_ints(call, "axes", &ints);
		if (n > NN_RANK_MAX)
			return nn_refuse(call, NULL, "it has %zu axes", n);
		if (n)
			memcpy(axes, ints, n * sizeof(*axes));
		*count = (int)n;
		return 0;
	}
	if (nn_in_fact(call, 1))
		*count = nn_ints(call, 1, axes, NN_RANK_MAX);
	return 0;
}

/* A set of axes as bits. */
static int axes_mask(const struct nn_call *call, const int64_t *axes, int count, int rank,
		     unsigned int *mask)
{
	int i, axis, ret;

	*mask = 0;
	for (i = 0; i < count; i++) {
		ret = nn_axis(call, "axis", axes[i], rank, &axis);
		if (ret)
			return ret;
		if (*mask >> axis & 1)
			return nn_refuse(call, NULL, "it has axis %d twice", axis);
		*mask |= 1u << axis;
	}
	return 0;
}

static int infer_squeeze(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	int64_t axes[NN_RANK_MAX];
	unsigned int mask;
	int i, count, ret = axes_of(call, axes, &count);

	if (ret || in->rank < 0 || count < 0)
		return ret;
	ret = axes_mask(call, axes, count, in->rank, &mask);
	if (ret)
		return ret;
	for (i = 0; !count && i < in->rank; i++) {
		if (in->dims[i] < 0)
			return 0;
		mask |= (unsigned int)(in->dims[i] == 1) << i;
	}
	out->rank = 0;
	for (i = 0; i < in->rank; i++) {
		if (!(mask >> i & 1))
			out->dims[out->rank++] = in->dims[i];
		else if (in->dims[i] >= 0 && in->dims[i] != 1)
			return nn_refuse(call, NULL, "dimension %d is %" PRId64 ", not 1", i,
					 in->dims[i]);
	}
	return 0;
}

static int infer_unsqueeze(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	int64_t axes[NN_RANK_MAX];
	unsigned int mask;
	int i, k = 0, count, rank, ret = axes_of(call, axes, &count);

	if (ret || in->rank < 0 || count < 0)
		return ret;
	rank = in->rank + count;
	if (rank > NN_RANK_MAX)
		return nn_fail_node(call->node, -ENOTSUP, NULL, "it makes %d dimensions", rank);
	ret = axes_mask(call, axes, count, rank, &mask);
	if (ret)
		return ret;
	out->rank = rank;
	for (i = 0; i < rank; i++)
		out->dims[i] = mask >> i & 1 ? 1 : in->dims[k++];
	return 0;
}

static int infer_expand(struct nn_call *call)
{
	struct nn_shape wanted, shape = call->in[0]->shape;
	int i, ret;

	wanted.rank = nn_ints(call, 1, wanted.dims, NN_RANK_MAX);
	for (i = 0; i < wanted.rank; i++)
		if (wanted.dims[i] < 0)
			return nn_refuse(call, NULL, "it is asked for size %" PRId64, wanted.dims[i]);
	ret = nn_broadcast(call, &shape, &wanted);
	call->out[0]->shape = shape;
	return ret;
}

/* ---- Moving by steps: each element of the result from a place of the input ---- */

static void move(const struct nn_tensor *from, struct nn_tensor *to, int64_t place,
		 const int64_t *step)
{
	size_t bytes = nn_bytes(to->type, 1), i;
	int64_t at[NN_RANK_MAX] = { 0 };
	int k;

	for (i = 0; i < to->count; i++) {
		memcpy((char *)to->data + i * bytes,
		       (const char *)from->data + (size_t)place * bytes, bytes);
		for (k = to->shape.rank - 1; k >= 0; k--) {
			place += step[k];
			if (++at[k] < to->shape.dims[k])
				break;
			place -= step[k] * at[k];
			at[k] = 0;
		}
	}
}

static int evaluate_expand(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct nn_tensor *y = nn_result(call, 0);
	int64_t of_x[NN_RANK_MAX], step[NN_RANK_MAX] = { 0 };
	int i, k;

	nn_steps(&x->shape, of_x);
	for (i = x->shape.rank - 1, k = y->shape.rank - 1; i >= 0; i--, k--)
		step[k] = x->shape.dims[i] == 1 ? 0 : of_x[i];
	move(x, y, 0, step);
	return 0;
}

/* The permutation of Transpose; by default all dimensions the other way round. */
static int permutation(const struct nn_call *call, int rank, int *perm)
{
	const int64_t *ints;
	size_t count = nn_attr_ints(call, "perm", &ints);
	unsigned int mask;
	int i, ret;

	if (nn_attr_given(call, "perm") && count != (size_t)rank)
		return nn_refuse(call, NULL, "its perm has %zu numbers, its input %d dimensions",
				 count, rank);
	ret = axes_mask(call, ints, (int)count, rank, &mask);
	for (i = 0; i < rank && !ret; i++)
		perm[i] = count ? (int)(ints[i] < 0 ? ints[i] + rank : ints[i]) : rank - 1 - i;
	return ret;
}

static int infer_transpose(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	int perm[NN_RANK_MAX], i, ret;

	if (in->rank < 0)
		return 0;
	ret = permutation(call, in->rank, perm);
	if (ret)
		return ret;
	out->rank = in->rank;
	for (i = 0; i < in->rank; i++)
		out->dims[i] = in->dims[perm[i]];
	return 0;
}

static int evaluate_transpose(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	int64_t of_x[NN_RANK_MAX], step[NN_RANK_MAX];
	int perm[NN_RANK_MAX], i;

	permutation(call, x->shape.rank, perm);
	nn_steps(&x->shape, of_x);
	for (i = 0; i < x->shape.rank; i++)
		step[i] = of_x[perm[i]];
	move(x, nn_result(call, 0), 0, step);
	return 0;
}

/* ---- Slice ---- */

struct slice {
	int64_t start[NN_RANK_MAX], step[NN_RANK_MAX], size[NN_RANK_MAX];
	bool known;
};

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
	return value < low ? low : value > high ? high : value;
}

static void slice_axis(struct slice *s, int axis, int64_t size, int64_t start, int64_t end,
		       int64_t step)
{
	/* Beyond the ends is at the ends; INT64_MAX stands for "all". */
	start = start < 0 ? (start < -size ? -1 : start + size) : start;
	end = end < 0 ? (end < -size ? -1 : end + size) : end;
	if (step > 0) {
		start = clamp(start, 0, size);
		end = clamp(end, 0, size);
		s->size[axis] = end > start ? (end - start - 1) / step + 1 : 0;
	} else {
		start = clamp(start, -1, size - 1);
		end = clamp(end, -1, size - 1);
		/* A step of INT64_MIN has no opposite. */
		s->size[axis] = start > end ?
				(start - end - 1) / (step < -INT64_MAX ? INT64_MAX : -step) + 1 : 0;
	}
	s->start[axis] = s->size[axis] ? start : 0;
	s->step[axis] = step;
}

static int slice_lists(const struct nn_call *call, int64_t lists[4][NN_RANK_MAX], int counts[4])
{
	static const char *const names[] = { "starts", "ends", "axes" };
	const int64_t *ints;
	size_t n;
	int i;

	for (i = 0; i < 4; i++) {
		counts[i] = 0;
		if (call->node->opset >= 10) {
			if (nn_in_fact(call, (size_t)i + 1))
				counts[i] = nn_ints(call, (size_t)i + 1, lists[i], NN_RANK_MAX);
			continue;
		}
		n = i < 3 ? nn_attr_ints(call, names[i], &ints) : 0;
		if (n > NN_RANK_MAX)
			return nn_refuse(call, NULL, "it has %zu %s", n, names[i]);
		if (n)
			memcpy(lists[i], ints, n * sizeof(*ints));
		counts[i] = (int)n;
	}
	return 0;
}

static int find_slice(const struct nn_call *call, const struct nn_shape *in, struct slice *s)
{
	int64_t lists[4][NN_RANK_MAX];
	int counts[4], i, axis, ret = slice_lists(call, lists, counts);
	unsigned int mask = 0;

	memset(s, 0, sizeof(*s));
	if (ret)
		return ret;
	for (i = 0; i < in->rank; i++) {
		s->size[i] = in->dims[i];
		s->step[i] = 1;
	}
	s->known = counts[0] >= 0 && counts[1] >= 0 && counts[2] >= 0 && counts[3] >= 0;
	if (!s->known)
		return 0;
	if (counts[0] != counts[1] || (counts[2] && counts[2] != counts[0]) ||
	    (counts[3] && counts[3] != counts[0]))
		return nn_refuse(call, NULL, "it has %d starts, %d ends, %d axes and %d steps",
				 counts[0], counts[1], counts[2], counts[3]);
	for (i = 0; i < counts[0]; i++) {
		ret = nn_axis(call, "axis", counts[2] ? lists[2][i] : i, in->rank, &axis);
		if (ret)
			return ret;
		if (mask >> axis & 1)
			return nn_refuse(call, NULL, "it has axis %d twice", axis);
		mask |= 1u << axis;
		if (counts[3] && !lists[3][i])
			return nn_refuse(call, NULL, "it has a step of 0");
		if (in->dims[axis] < 0)
			s->size[axis] = nn_unknown(call);
		else
			slice_axis(s, axis, in->dims[axis], lists[0][i], lists[1][i],
				   counts[3] ? lists[3][i] : 1);
	}
	return 0;
}

static int infer_slice(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	struct slice s;
	int i, ret;

	if (in->rank < 0)
		return 0;
	ret = find_slice(call, in, &s);
	if (ret)
		return ret;
	out->rank = in->rank;
	for (i = 0; i < in->rank; i++)
		out->dims[i] = s.known ? s.size[i] : nn_unknown(call);
	return 0;
}

static int evaluate_slice(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	int64_t of_x[NN_RANK_MAX], step[NN_RANK_MAX], place = 0;
	struct slice s;
	int i, ret = find_slice(call, &x->shape, &s);

	if (ret)
		return ret;
	nn_steps(&x->shape, of_x);
	for (i = 0; i < x->shape.rank; i++) {
		/* A step that is taken never leaves the tensor; others might overflow. */
		step[i] = s.size[i] > 1 ? of_x[i] * s.step[i] : 0;
		place += of_x[i] * s.start[i];
	}
	move(x, nn_result(call, 0), place, step);
	return 0;
}

/* ---- Concat, Gather ---- */

static int infer_concat(struct nn_call *call)
{
	struct nn_shape shape = call->in[0]->shape;
	int axis, k, ret;
	int64_t size;
	size_t i;

	for (i = 0; i < call->node->input_count; i++)
		if (call->in[i]->shape.rank < 0)
			return 0;
	ret = nn_axis(call, "axis", nn_attr_int(call, "axis"), shape.rank, &axis);
	if (ret)
		return ret;
	for (i = 1; i < call->node->input_count; i++) {
		const struct nn_shape *more = &call->in[i]->shape;

		if (more->rank != shape.rank)
			return nn_refuse(call, NULL, "its inputs have %d and %d dimensions", shape.rank,
					 more->rank);
		for (k = 0; k < shape.rank; k++) {
			size = more->dims[k];
			if (k == axis) {
				if (shape.dims[k] < 0 || size < 0)
					shape.dims[k] = nn_unknown(call);
				else if (__builtin_add_overflow(shape.dims[k], size, &shape.dims[k]))
					return nn_fail_node(call->node, -EFBIG, NULL, "its result is too large");
			} else if (shape.dims[k] < 0) {
				shape.dims[k] = size;
			} else if (size >= 0 && size != shape.dims[k]) {
				return nn_refuse(call, NULL, "dimension %d of its inputs is %" PRId64
						 " and %" PRId64, k, shape.dims[k], size);
			}
		}
	}
	call->out[0]->shape = shape;
	return 0;
}

/* Bytes of all dimensions behind `axis`, and the number of those before it. */
static void split(const struct nn_tensor *t, int axis, size_t *before, size_t *behind)
{
	int i;

	*before = 1;
	*behind = nn_bytes(t->type, 1);
	for (i = 0; i < t->shape.rank; i++) {
		if (i < axis)
			*before *= (size_t)t->shape.dims[i];
		else if (i > axis)
			*behind *= (size_t)t->shape.dims[i];
	}
}

static int evaluate_concat(struct nn_call *call)
{
	struct nn_tensor *y = nn_result(call, 0);
	size_t before, behind, i, k, place = 0, bytes;
	int axis;

	nn_axis(call, "axis", nn_attr_int(call, "axis"), y->shape.rank, &axis);
	split(y, axis, &before, &behind);
	for (i = 0; i < call->node->input_count; i++) {
		const struct nn_tensor *x = nn_contents(call->in[i]);

		bytes = (size_t)x->shape.dims[axis] * behind;
		for (k = 0; k < before && bytes; k++)
			memcpy((char *)y->data + place + k * (size_t)y->shape.dims[axis] * behind,
			       (const char *)x->data + k * bytes, bytes);
		place += bytes;
	}
	return 0;
}

static int infer_gather(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape, *index = &call->in[1]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	int axis, i, ret;

	if (in->rank < 0 || index->rank < 0)
		return 0;
	ret = nn_axis(call, "axis", nn_attr_int(call, "axis"), in->rank, &axis);
	if (ret)
		return ret;
	if (in->rank - 1 + index->rank > NN_RANK_MAX)
		return nn_fail_node(call->node, -ENOTSUP, NULL, "it makes %d dimensions",
				    in->rank - 1 + index->rank);
	out->rank = 0;
	for (i = 0; i < axis; i++)
		out->dims[out->rank++] = in->dims[i];
	for (i = 0; i < index->rank; i++)
		out->dims[out->rank++] = index->dims[i];
	for (i = axis + 1; i < in->rank; i++)
		out->dims[out->rank++] = in->dims[i];
	return 0;
}

static int evaluate_gather(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]), *index = nn_contents(call->in[1]);
	size_t before, behind, i, k;
	char *to = nn_result(call, 0)->data;
	int64_t size, at;
	int axis;

	nn_axis(call, "axis", nn_attr_int(call, "axis"), x->shape.rank, &axis);
	split(x, axis, &before, &behind);
	size = x->shape.dims[axis];
	for (i = 0; i < before; i++) {
		for (k = 0; k < index->count; k++) {
			at = nn_get_int(index, k);
			if (at < -size || at >= size)
				return nn_refuse(call, NULL, "index %" PRId64 " is not below %" PRId64, at,
						 size);
			at += at < 0 ? size : 0;
			memcpy(to, (const char *)x->data + (i * (size_t)size + (size_t)at) * behind,
			       behind);
			to += behind;
		}
	}
	return 0;
}

/* ---- Table ---- */

#define INDICES		(NN_SET(NN_I32) | NN_SET(NN_I64))
#define I64		NN_SET(NN_I64)
#define DATA		{ "data", 'T', NN_PLAIN, NN_ONE }
#define OUT		NN_PORTS({ "output", 'T', NN_PLAIN, NN_ONE })
#define OP(n, v, in, attributes, f, e) \
	{ .name = n, .since = v, .inputs = in, .outputs = OUT, .attrs = attributes, \
	  .infer = f, .evaluate = e }

const struct nn_op nn_ops_layout[] = {
	{ .name = "Constant", .since = 1, .inputs = NN_PORTS({ 0 }),
	  .outputs = NN_PORTS({ "output", 0, 0, NN_ONE }),
	  .attrs = NN_ATTRS(NN_OPTIONAL_ATTR("value", TENSOR), NN_OPTIONAL_ATTR("value_int", INT),
			    NN_OPTIONAL_ATTR("value_ints", INTS), NN_OPTIONAL_ATTR("value_float", FLOAT),
			    NN_OPTIONAL_ATTR("value_floats", FLOATS),
			    NN_OPTIONAL_ATTR("value_string", STRING),
			    NN_OPTIONAL_ATTR("value_strings", STRINGS)),
	  .infer = infer_constant },
	{ .name = "ConstantOfShape", .since = 9, .inputs = NN_PORTS({ "input", 0, I64, NN_ONE }),
	  .outputs = NN_PORTS({ "output", 0, 0, NN_ONE }),
	  .attrs = NN_ATTRS(NN_OPTIONAL_ATTR("value", TENSOR)),
	  .infer = infer_constant_of_shape, .evaluate = evaluate_constant_of_shape },
	{ .name = "Shape", .since = 1, .inputs = NN_PORTS(DATA),
	  .outputs = NN_PORTS({ "shape", 0, I64, NN_ONE }), .infer = infer_shape },
	{ .name = "Shape", .since = 15, .inputs = NN_PORTS(DATA),
	  .outputs = NN_PORTS({ "shape", 0, I64, NN_ONE }),
	  .attrs = NN_ATTRS(NN_INT("start", 0), NN_OPTIONAL_ATTR("end", INT)),
	  .infer = infer_shape },
	{ .name = "Size", .since = 1, .inputs = NN_PORTS(DATA),
	  .outputs = NN_PORTS({ "size", 0, I64, NN_ONE }), .infer = infer_size },
	OP("Reshape", 5, NN_PORTS(DATA, { "shape", 0, I64, NN_ONE }), NULL, infer_reshape,
	   copy_all),
	OP("Reshape", 14, NN_PORTS(DATA, { "shape", 0, I64, NN_ONE }),
	   NN_ATTRS(NN_INT("allowzero", 0)), infer_reshape, copy_all),
	OP("Flatten", 1, NN_PORTS(DATA), NN_ATTRS(NN_INT("axis", 1)), infer_flatten, copy_all),
	OP("Squeeze", 1, NN_PORTS(DATA), NN_ATTRS(NN_OPTIONAL_ATTR("axes", INTS)), infer_squeeze,
	   copy_all),
	OP("Squeeze", 13, NN_PORTS(DATA, { "axes", 0, I64, NN_OPTIONAL }), NULL, infer_squeeze,
	   copy_all),
	OP("Unsqueeze", 1, NN_PORTS(DATA), NN_ATTRS(NN_REQUIRED_ATTR("axes", INTS)),
	   infer_unsqueeze, copy_all),
	OP("Unsqueeze", 13, NN_PORTS(DATA, { "axes", 0, I64, NN_ONE }), NULL, infer_unsqueeze,
	   copy_all),
	OP("Expand", 8, NN_PORTS(DATA, { "shape", 0, I64, NN_ONE }), NULL, infer_expand,
	   evaluate_expand),
	OP("Transpose", 1, NN_PORTS(DATA), NN_ATTRS(NN_OPTIONAL_ATTR("perm", INTS)),
	   infer_transpose, evaluate_transpose),
	OP("Slice", 1, NN_PORTS(DATA),
	   NN_ATTRS(NN_REQUIRED_ATTR("starts", INTS), NN_REQUIRED_ATTR("ends", INTS),
		    NN_OPTIONAL_ATTR("axes", INTS)), infer_slice, evaluate_slice),
	OP("Slice", 10, NN_PORTS(DATA, { "starts", 'I', INDICES, NN_ONE },
				 { "ends", 'I', INDICES, NN_ONE },
				 { "axes", 'I', INDICES, NN_OPTIONAL },
				 { "steps", 'I', INDICES, NN_OPTIONAL }),
	   NULL, infer_slice, evaluate_slice),
	OP("Concat", 4, NN_PORTS({ "inputs", 'T', NN_PLAIN, NN_MANY }),
	   NN_ATTRS(NN_REQUIRED_ATTR("axis", INT)), infer_concat, evaluate_concat),
	OP("Gather", 1, NN_PORTS(DATA, { "indices", 0, INDICES, NN_ONE }),
	   NN_ATTRS(NN_INT("axis", 0)), infer_gather, evaluate_gather),
	{ 0 }
};
