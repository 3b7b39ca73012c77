// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Numbers as small integers with a scale and a zero point, and back. A scale may be for the
 * whole tensor, for each place of an axis, or for blocks of places of it.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>

#include "../op.h"

#define FLOAT8		(NN_SET(NN_F8E4M3FN) | NN_SET(NN_F8E4M3FNUZ) | NN_SET(NN_F8E5M2) | \
			 NN_SET(NN_F8E5M2FNUZ))
#define QUANTISED	(NN_SET(NN_U8) | NN_SET(NN_I8) | NN_SET(NN_U16) | NN_SET(NN_I16) | FLOAT8 | \
			 NN_SMALL)

static int64_t attr_or(const struct nn_call *call, const char *name, int version, int64_t other)
{
	return call->node->opset >= version ? nn_attr_int(call, name) : other;
}

/* ---- Which scale an element has ---- */

struct scales {
	enum { WHOLE, AXIS, BLOCKS } kind;
	size_t behind, size;		/* of the axis */
	size_t block, blocks;
};

static int find_scales(const struct nn_call *call, const struct nn_shape *x,
		       const struct nn_shape *scale, struct scales *s)
{
	int64_t block = attr_or(call, "block_size", 21, 0);
	size_t before, count;
	int axis, i, ret;

	*s = (struct scales){ .kind = WHOLE, .behind = 1, .size = 1, .block = 1, .blocks = 1 };
	if (!nn_shape_count(scale, &count))
		return nn_fail_node(call->node, -EFBIG, NULL, "its scale is too large");
	if (!block && count == 1 && scale->rank <= 1)
		return 0;
	if (call->node->opset < 13)
		return nn_refuse(call, NULL, "its scale is not a single number");
	ret = nn_axis(call, "axis", nn_attr_int(call, "axis"), x->rank, &axis);
	if (ret)
		return ret;
	nn_around(x, axis, &before, &s->behind);
	s->size = (size_t)x->dims[axis];
	s->kind = block ? BLOCKS : AXIS;
	if (!block && (scale->rank != 1 || scale->dims[0] != x->dims[axis]))
		return nn_refuse(call, NULL, "it has %zu scales for %zu places of its axis", count,
				 s->size);
	if (!block)
		return 0;
	if (block < 0 || scale->rank != x->rank)
		return nn_refuse(call, NULL, "its blocks of %" PRId64 " do not fit its scale", block);
	for (i = 0; i < x->rank; i++) {
		int64_t wanted = i == axis ? x->dims[i] / block + (x->dims[i] % block != 0) :
				 x->dims[i];

		if (scale->dims[i] != wanted)
			return nn_refuse(call, NULL, "its scale has size %" PRId64
					 " in dimension %d, where blocks ask for %" PRId64,
					 scale->dims[i], i, wanted);
	}
	s->block = (size_t)block;
	s->blocks = (size_t)scale->dims[axis];
	return 0;
}

static size_t scale_of(const struct scales *s, size_t i)
{
	size_t at = i / s->behind % s->size;

	if (s->kind == WHOLE)
		return 0;
	if (s->kind == AXIS)
		return at;
	return (i / s->behind / s->size * s->blocks + at / s->block) * s->behind + i % s->behind;
}

/* ---- QuantizeLinear, DequantizeLinear ---- */

/* The zero point has the scale's shape. */
static int check_zero(const struct nn_call *call, size_t scale, size_t zero)
{
	struct nn_fact *fact = nn_in_fact(call, zero);
	size_t a, b;

	if (!fact || !nn_shape_known(&fact->shape) || !nn_shape_known(&call->in[scale]->shape))
		return 0;
	if (nn_shape_count(&fact->shape, &a) && nn_shape_count(&call->in[scale]->shape, &b) && a == b)
		return 0;
	return nn_refuse(call, NULL, "its zero point and its scale have different sizes");
}

static int infer_quantise(struct nn_call *call)
{
	int64_t type = call->node->opset >= 21 ? nn_attr_int(call, "output_dtype") : 0;

	if (nn_in_fact(call, 2)) {
		if (type && type != (int64_t)call->in[2]->type)
			return nn_refuse(call, NULL, "its output_dtype is not the type of its zero point");
		type = (int64_t)call->in[2]->type;
	}
	type = type ? type : NN_U8;
	if (type < 0 || type >= NN_TYPES || !nn_in(QUANTISED, (enum nn_type)type))
		return nn_fail_node(call->node, -ENOTSUP, NULL, "it makes elements of type %" PRId64,
				    type);
	call->out[0]->type = (enum nn_type)type;
	call->out[0]->shape = call->in[0]->shape;
	return check_zero(call, 1, 2);
}

/*
 * ONNX divides in float32, which decides on what side of a tie a quotient lies, and so the
 * integer that it becomes.
 */
static double quotient(double x, double scale)
{
	return (double)((float)x / (float)scale);
}

/* Rounded to the nearest, ties to even, and within the type. */
static void set_quantised(struct nn_tensor *y, size_t i, double value, double zero, bool saturate)
{
	double most;

	if (nn_is_float(y->type)) {
		most = nn_largest(y->type);
		value += zero;
		if (saturate && !isnan(value))
			value = fmax(-most, fmin(value, most));
		nn_set(y, i, value);
		return;
	}
	nn_set(y, i, nearbyint(value) + zero);
}

static int evaluate_quantise(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]), *scale = nn_contents(call->in[1]);
	const struct nn_tensor *zero = nn_contents(nn_in_fact(call, 2));
	bool saturate = attr_or(call, "saturate", 19, 1);
	struct nn_tensor *y = nn_result(call, 0);
	struct scales scales;
	size_t i, at;
	int ret = find_scales(call, &x->shape, &scale->shape, &scales);

	for (i = 0; i < x->count && !ret; i++) {
		at = scale_of(&scales, i);
		set_quantised(y, i, quotient(nn_get(x, i), nn_get(scale, at)), zero ? nn_get(zero, at) : 0,
			      saturate);
	}
	return ret;
}

static int infer_dequantise(struct nn_call *call)
{
	int64_t type = call->node->opset >= 23 ? nn_attr_int(call, "output_dtype") : 0;

	type = type ? type : (int64_t)call->in[1]->type;
	if (type < 0 || type >= NN_TYPES || !nn_in(NN_FLOATS, (enum nn_type)type))
		return nn_fail_node(call->node, -ENOTSUP, NULL, "it makes elements of type %" PRId64,
				    type);
	call->out[0]->type = (enum nn_type)type;
	call->out[0]->shape = call->in[0]->shape;
	return check_zero(call, 1, 2);
}

static int evaluate_dequantise(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]), *scale = nn_contents(call->in[1]);
	const struct nn_tensor *zero = nn_contents(nn_in_fact(call, 2));
	struct nn_tensor *y = nn_result(call, 0);
	struct scales scales;
	size_t i, at;
	int ret = find_scales(call, &x->shape, &scale->shape, &scales);

	for (i = 0; i < x->count && !ret; i++) {
		at = scale_of(&scales, i);
		nn_set(y, i, (nn_get(x, i) - (zero ? nn_get(zero, at) : 0)) * nn_get(scale, at));
	}
	return ret;
}

/* ---- DynamicQuantizeLinear ---- */

static int infer_dynamic(struct nn_call *call)
{
	size_t i;

	call->out[0]->shape = call->in[0]->shape;
	for (i = 1; i < call->node->output_count; i++)
		if (call->out[i])
			call->out[i]->shape.rank = 0;
	return 0;
}

static int evaluate_dynamic(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct nn_tensor *y = nn_result(call, 0);
	double low = 0, high = 0, zero;
	float scale;
	size_t i;

	for (i = 0; i < x->count; i++) {
		low = fmin(low, nn_get(x, i));
		high = fmax(high, nn_get(x, i));
	}
	/* As floats, as the scale that is given to others is one. */
	scale = (float)(high - low) / 255.0f;
	zero = scale > 0 ? fmax(0, fmin(255, nearbyint(quotient(-low, (double)scale)))) : 0;
	for (i = 0; i < x->count; i++)
		nn_set(y, i, scale > 0 ?
		       nearbyint(quotient(nn_get(x, i), (double)scale)) + zero : zero);
	if (nn_result(call, 1))
		nn_set(nn_result(call, 1), 0, (double)scale);
	if (nn_result(call, 2))
		nn_set(nn_result(call, 2), 0, zero);
	return 0;
}

/* ---- Table ---- */

#define SCALES		(NN_SET(NN_F32) | NN_SET(NN_F16) | NN_SET(NN_BF16) | NN_SET(NN_I32))
#define QUANTISE(v, s, ...) \
	{ .name = "QuantizeLinear", .since = v, \
	  .inputs = NN_PORTS({ "x", 'X', SCALES, NN_ONE }, { "y_scale", s, SCALES, NN_ONE }, \
			     { "y_zero_point", 0, QUANTISED, NN_OPTIONAL }), \
	  .outputs = NN_PORTS({ "y", 0, 0, NN_ONE }), .attrs = NN_ATTRS(__VA_ARGS__), \
	  .infer = infer_quantise, .evaluate = evaluate_quantise }
#define DEQUANTISE(v, ...) \
	{ .name = "DequantizeLinear", .since = v, \
	  .inputs = NN_PORTS({ "x", 'Q', QUANTISED | NN_SET(NN_I32), NN_ONE }, \
			     { "x_scale", 0, SCALES & ~NN_SET(NN_I32), NN_ONE }, \
			     { "x_zero_point", 'Q', QUANTISED | NN_SET(NN_I32), NN_OPTIONAL }), \
	  .outputs = NN_PORTS({ "y", 0, 0, NN_ONE }), .attrs = NN_ATTRS(__VA_ARGS__), \
	  .infer = infer_dequantise, .evaluate = evaluate_dequantise }

const struct nn_op nn_ops_quant[] = {
	QUANTISE(10, 0, { 0 }),
	QUANTISE(13, 0, NN_INT("axis", 1)),
	QUANTISE(19, 0, NN_INT("axis", 1), NN_INT("saturate", 1)),
	QUANTISE(21, 0, NN_INT("axis", 1), NN_INT("saturate", 1), NN_INT("block_size", 0),
		 NN_INT("output_dtype", 0)),
	QUANTISE(23, 0, NN_INT("axis", 1), NN_INT("saturate", 1), NN_INT("block_size", 0),
		 NN_INT("output_dtype", 0), NN_INT("precision", 0)),
	DEQUANTISE(10, { 0 }),
	DEQUANTISE(13, NN_INT("axis", 1)),
	DEQUANTISE(21, NN_INT("axis", 1), NN_INT("block_size", 0)),
	DEQUANTISE(23, NN_INT("axis", 1), NN_INT("block_size", 0), NN_INT("output_dtype", 0)),
	{ .name = "DynamicQuantizeLinear", .since = 11,
	  .inputs = NN_PORTS({ "x", 0, NN_SET(NN_F32), NN_ONE }),
	  .outputs = NN_PORTS({ "y", 0, NN_SET(NN_U8), NN_ONE },
			      { "y_scale", 0, NN_SET(NN_F32), NN_ONE },
			      { "y_zero_point", 0, NN_SET(NN_U8), NN_ONE }),
	  .infer = infer_dynamic, .evaluate = evaluate_dynamic },
	{ 0 }
};
