// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Quantised operators of ONNX Runtime, written as ONNX's own: integer products with scales, and
 * operators of float32 between DequantizeLinear and QuantizeLinear, which the card does in
 * integers where that pays (card/precision.c).
 */
#include "microsoft.h"

/* ---- Between integers and numbers ---- */

static struct nn_value *emit_dequantised(struct nn_rewrite *r, struct nn_value *x,
					 struct nn_value *scale, struct nn_value *zero, int64_t axis)
{
	x = nn_emit(r, "DequantizeLinear", x, scale, zero);
	nn_emit_int(r, "axis", axis);
	return x;
}

/* Input i, its scale and its zero point behind it. */
static struct nn_value *emit_number_of(struct nn_rewrite *r, size_t i)
{
	return emit_dequantised(r, nn_rewrite_in(r, i), nn_rewrite_in(r, i + 1),
				nn_rewrite_in(r, i + 2), 1);
}

/* The result, with its scale and zero point. Without the latter it has the type of an input. */
static void give_quantised(struct nn_rewrite *r, struct nn_value *y, size_t scale)
{
	struct nn_value *zero = nn_rewrite_in(r, scale + 1);

	if (!zero)
		zero = nn_emit(r, "CastLike", nn_emit_scalar(r, 0), nn_rewrite_in(r, 0));
	nn_rewrite_result(r, 0, nn_emit(r, "QuantizeLinear", y, nn_rewrite_in(r, scale), zero));
}

/* ---- The same in ONNX's domain ---- */

/* ONNX's operator of that name has the same inputs, and attributes of these names. */
static void write_as(struct nn_rewrite *r, const char *type, const char *const *names)
{
	struct nn_value *y = nn_emit_node(r, type, r->call.node->input_count, r->call.node->inputs);

	for (; *names; names++)
		nn_emit_same(r, *names, *names);
	nn_rewrite_result(r, 0, y);
}

static int rewrite_same(struct nn_rewrite *r)
{
	static const char *const names[] = { "axis", "block_size", "saturate", NULL };

	write_as(r, r->call.node->type, names);
	return 0;
}

#define CHANNELS_LAST	"channels_last"

static const char *const window_names[] = {
	"auto_pad", "ceil_mode", "count_include_pad", "dilations", "group", "kernel_shape", "pads",
	"strides", NULL,
};

static int rewrite_conv(struct nn_rewrite *r)
{
	if (nn_attr_int(&r->call, CHANNELS_LAST))
		return nn_cannot_rewrite(r, CHANNELS_LAST);
	write_as(r, "QLinearConv", window_names);
	return 0;
}

/* ---- Operators of one or two numbers ---- */

static int rewrite_binary(struct nn_rewrite *r)
{
	const char *type = r->call.node->type + sizeof("QLinear") - 1;
	struct nn_value *a = emit_number_of(r, 0);

	give_quantised(r, nn_emit(r, type, a, emit_number_of(r, 3)), 6);
	return 0;
}

static int rewrite_unary(struct nn_rewrite *r)
{
	static const char *const names[] = { "alpha", "axis", "keepdims", NULL };
	const char *type = r->call.node->type + sizeof("QLinear") - 1;
	struct nn_value *y;
	size_t i;

	if (nn_attr_given(&r->call, CHANNELS_LAST) && nn_attr_int(&r->call, CHANNELS_LAST))
		return nn_cannot_rewrite(r, CHANNELS_LAST);
	y = nn_emit(r, type, emit_number_of(r, 0));
	for (i = 0; names[i]; i++)
		nn_emit_same(r, names[i], names[i]);
	for (i = 0; window_names[i]; i++)
		nn_emit_same(r, window_names[i], window_names[i]);
	give_quantised(r, y, 3);
	return 0;
}

/* Before version 13 of ONNX's operators, Softmax took all dimensions from `axis` on as one. */
static int rewrite_softmax(struct nn_rewrite *r)
{
	if (nn_attr_int(&r->call, "opset") < 13 && nn_attr_int(&r->call, "axis") != -1 &&
	    nn_attr_int(&r->call, "axis") != nn_rewrite_rank(nn_rewrite_in(r, 0)) - 1)
		return nn_cannot_rewrite(r, "an axis that is not the last one");
	return rewrite_unary(r);
}

static int rewrite_reduce_mean(struct nn_rewrite *r)
{
	const int64_t *axes;
	size_t count = nn_attr_ints(&r->call, "axes", &axes);
	struct nn_value *y = emit_number_of(r, 0);

	y = nn_emit(r, "ReduceMean", y, count ? nn_emit_list(r, count, axes) : NULL);
	nn_emit_same(r, "keepdims", "keepdims");
	give_quantised(r, y, 3);
	return 0;
}

/* Here the result's scale comes first, then one input after the other, each with its own. */
static int rewrite_concat(struct nn_rewrite *r)
{
	struct nn_value *parts[64];
	size_t count = (r->call.node->input_count - 2) / 3, i;

	if (count > sizeof(parts) / sizeof(parts[0]) || count * 3 + 2 != r->call.node->input_count)
		return nn_cannot_rewrite(r, "so many inputs");
	for (i = 0; i < count; i++)
		parts[i] = emit_number_of(r, 2 + 3 * i);
	parts[0] = nn_emit_node(r, "Concat", count, parts);
	nn_emit_same(r, "axis", "axis");
	nn_rewrite_result(r, 0, nn_emit(r, "QuantizeLinear", parts[0], nn_rewrite_in(r, 0),
					nn_rewrite_in(r, 1)));
	return 0;
}

static int rewrite_where(struct nn_rewrite *r)
{
	struct nn_value *x = emit_number_of(r, 1), *y = emit_number_of(r, 4);

	nn_rewrite_result(r, 0, nn_emit(r, "QuantizeLinear",
					nn_emit(r, "Where", nn_rewrite_in(r, 0), x, y),
					nn_rewrite_in(r, 7), nn_rewrite_in(r, 8)));
	return 0;
}

/* ---- Products ---- */

/* Integers multiplied, as a number: both scales, and what is added. */
static struct nn_value *emit_product(struct nn_rewrite *r, struct nn_value *const *operands,
				     struct nn_value *scale_a, struct nn_value *scale_b,
				     struct nn_value *bias)
{
	struct nn_value *y = nn_emit_node(r, "MatMulInteger", 4, operands);

	y = nn_emit(r, "Cast", y);
	nn_emit_int(r, "to", NN_F32);
	y = nn_emit(r, "Mul", y, nn_emit(r, "Mul", scale_a, scale_b));
	return bias ? nn_emit(r, "Add", y, bias) : y;
}

static int rewrite_integer_to_float(struct nn_rewrite *r)
{
	struct nn_value *const operands[] = { nn_rewrite_in(r, 0), nn_rewrite_in(r, 1),
					      nn_rewrite_in(r, 4), nn_rewrite_in(r, 5) };

	nn_rewrite_result(r, 0, emit_product(r, operands, nn_rewrite_in(r, 2), nn_rewrite_in(r, 3),
					     nn_rewrite_in(r, 6)));
	return 0;
}

static int rewrite_dynamic(struct nn_rewrite *r)
{
	struct nn_value *a = nn_emit(r, "DynamicQuantizeLinear", nn_rewrite_in(r, 0));
	struct nn_value *scale = nn_emit_output(r), *zero = nn_emit_output(r);
	struct nn_value *const operands[] = { a, nn_rewrite_in(r, 1), zero, nn_rewrite_in(r, 3) };

	nn_rewrite_result(r, 0, emit_product(r, operands, scale, nn_rewrite_in(r, 2),
					     nn_rewrite_in(r, 4)));
	return 0;
}

/* C is of integers, in steps of both scales. */
static int rewrite_gemm(struct nn_rewrite *r)
{
	enum { A, A_SCALE, A_ZERO, B, B_SCALE, B_ZERO, C, Y_SCALE, Y_ZERO };
	bool turned = nn_attr_int(&r->call, "transB");
	struct nn_value *a, *b, *c = nn_rewrite_in(r, C), *y;

	a = emit_number_of(r, A);
	b = emit_dequantised(r, nn_rewrite_in(r, B), nn_rewrite_in(r, B_SCALE),
			     nn_rewrite_in(r, B_ZERO), !turned);
	if (c) {
		c = nn_emit(r, "Cast", c);
		nn_emit_int(r, "to", NN_F32);
		c = nn_emit(r, "Mul", c, nn_emit(r, "Mul", nn_rewrite_in(r, A_SCALE),
						 nn_rewrite_in(r, B_SCALE)));
	}
	if (c && nn_attr_float(&r->call, "alpha") != 1)
		c = nn_emit(r, "Mul", c, nn_emit_number(r, nn_attr_float(&r->call, "alpha")));
	y = nn_emit(r, "Gemm", a, b, c);
	nn_emit_float(r, "alpha", nn_attr_float(&r->call, "alpha"));
	nn_emit_int(r, "transA", nn_attr_int(&r->call, "transA"));
	nn_emit_int(r, "transB", turned);
	if (nn_rewrite_in(r, Y_SCALE))
		give_quantised(r, y, Y_SCALE);
	else
		nn_rewrite_result(r, 0, y);
	return 0;
}

/* Attention, whose product is of integers. */
static int rewrite_attention(struct nn_rewrite *r)
{
	enum { INPUT, WEIGHT, BIASES, INPUT_SCALE, WEIGHT_SCALE, MASK, INPUT_ZERO, WEIGHT_ZERO, PAST };
	struct nn_value *const operands[] = { nn_rewrite_in(r, INPUT), nn_rewrite_in(r, WEIGHT),
					      nn_rewrite_in(r, INPUT_ZERO),
					      nn_rewrite_in(r, WEIGHT_ZERO) };
	struct nn_value *mask = nn_rewrite_in(r, MASK), *qkv;

	if (nn_packed_lacks(r, mask))
		return nn_cannot_rewrite(r, nn_packed_lacks(r, mask));
	qkv = emit_product(r, operands, nn_rewrite_in(r, INPUT_SCALE), nn_rewrite_in(r, WEIGHT_SCALE),
			   nn_rewrite_in(r, BIASES));
	return nn_rewrite_packed(r, qkv, mask, nn_rewrite_in(r, PAST), NULL);
}

/* ---- Table ---- */

#define ONE(n)		{ n, 0, 0, NN_ONE }
#define MAY(n)		{ n, 0, 0, NN_OPTIONAL }
#define QUANTISED(n)	ONE(n), ONE(n "_scale"), MAY(n "_zero_point")
#define Y		NN_PORTS(ONE("Y"))
#define MICROSOFT(n, f)	.domain = NN_MICROSOFT, .name = n, .since = 1, .rewrite = f
/* One input, then the result's scale and zero point. */
#define UNARY(n, f, ...) \
	{ MICROSOFT(n, f), .outputs = Y, .attrs = NN_ATTRS(__VA_ARGS__), \
	  .inputs = NN_PORTS(QUANTISED("X"), ONE("Y_scale"), MAY("Y_zero_point")) }
#define BINARY(n) \
	{ MICROSOFT(n, rewrite_binary), .outputs = Y, \
	  .inputs = NN_PORTS(QUANTISED("A"), QUANTISED("B"), ONE("C_scale"), MAY("C_zero_point")) }
#define WINDOW \
	NN_TEXT("auto_pad", "NOTSET"), NN_INT(CHANNELS_LAST, 0), \
	NN_OPTIONAL_ATTR("kernel_shape", INTS), NN_OPTIONAL_ATTR("pads", INTS), \
	NN_OPTIONAL_ATTR("strides", INTS)

const struct nn_op nn_ops_microsoft_quant[] = {
	{ MICROSOFT("QuantizeLinear", rewrite_same),
	  .inputs = NN_PORTS(ONE("x"), ONE("y_scale"), MAY("y_zero_point")),
	  .outputs = NN_PORTS(ONE("y")),
	  .attrs = NN_ATTRS(NN_INT("axis", 1), NN_INT("block_size", 0), NN_INT("saturate", 1)) },
	{ MICROSOFT("DequantizeLinear", rewrite_same),
	  .inputs = NN_PORTS(ONE("x"), ONE("x_scale"), MAY("x_zero_point")),
	  .outputs = NN_PORTS(ONE("y")),
	  .attrs = NN_ATTRS(NN_INT("axis", 1), NN_INT("block_size", 0)) },
	{ MICROSOFT("QLinearConv", rewrite_conv),
	  .inputs = NN_PORTS(ONE("x"), ONE("x_scale"), ONE("x_zero_point"), ONE("w"), ONE("w_scale"),
			     ONE("w_zero_point"), ONE("y_scale"), ONE("y_zero_point"), MAY("B")),
	  .outputs = NN_PORTS(ONE("y")),
	  .attrs = NN_ATTRS(WINDOW, NN_OPTIONAL_ATTR("dilations", INTS), NN_INT("group", 1)) },
	BINARY("QLinearAdd"),
	BINARY("QLinearMul"),
	UNARY("QLinearSigmoid", rewrite_unary, { 0 }),
	UNARY("QLinearLeakyRelu", rewrite_unary, NN_FLOAT("alpha", 0.01f)),
	UNARY("QLinearGlobalAveragePool", rewrite_unary, NN_INT(CHANNELS_LAST, 0)),
	UNARY("QLinearAveragePool", rewrite_unary, WINDOW, NN_INT("ceil_mode", 0),
	      NN_INT("count_include_pad", 0)),
	UNARY("QLinearSoftmax", rewrite_softmax, NN_INT("axis", -1), NN_INT("opset", 13)),
	UNARY("QLinearReduceMean", rewrite_reduce_mean, NN_OPTIONAL_ATTR("axes", INTS),
	      NN_INT("keepdims", 1)),
	{ MICROSOFT("QLinearConcat", rewrite_concat), .outputs = Y,
	  .inputs = NN_PORTS(ONE("Y_scale"), ONE("Y_zero_point"), { "inputs", 0, 0, NN_MANY }),
	  .attrs = NN_ATTRS(NN_REQUIRED_ATTR("axis", INT)) },
	{ MICROSOFT("QLinearWhere", rewrite_where), .outputs = NN_PORTS(ONE("Z")),
	  .inputs = NN_PORTS(ONE("condition"), QUANTISED("X"), QUANTISED("Y"), ONE("z_scale"),
			     ONE("z_zero_point")) },
	{ MICROSOFT("MatMulIntegerToFloat", rewrite_integer_to_float), .outputs = Y,
	  .inputs = NN_PORTS(ONE("A"), ONE("B"), ONE("a_scale"), ONE("b_scale"),
			     MAY("a_zero_point"), MAY("b_zero_point"), MAY("bias")) },
	{ MICROSOFT("DynamicQuantizeMatMul", rewrite_dynamic), .outputs = Y,
	  .inputs = NN_PORTS(ONE("A"), ONE("B"), ONE("b_scale"), MAY("b_zero_point"), MAY("bias")) },
	{ MICROSOFT("QGemm", rewrite_gemm), .outputs = Y,
	  .inputs = NN_PORTS(QUANTISED("A"), QUANTISED("B"), MAY("C"), MAY("y_scale"),
			     MAY("y_zero_point")),
	  .attrs = NN_ATTRS(NN_FLOAT("alpha", 1), NN_INT("transA", 0), NN_INT("transB", 0)) },
	{ MICROSOFT("QAttention", rewrite_attention),
	  .inputs = NN_PORTS(ONE("input"), ONE("weight"), ONE("bias"), ONE("input_scale"),
			     ONE("weight_scale"), MAY("mask_index"), MAY("input_zero_point"),
			     MAY("weight_zero_point"), MAY("past")),
	  .outputs = NN_PORTS(ONE("output"), MAY("present")),
	  .attrs = NN_ATTRS(NN_INT("do_rotary", 0), NN_FLOAT("mask_filter_value", -10000),
			    NN_REQUIRED_ATTR("num_heads", INT), NN_INT("past_present_share_buffer", 0),
			    NN_OPTIONAL_ATTR("scale", FLOAT), NN_INT("unidirectional", 0)) },
	{ 0 }
};
