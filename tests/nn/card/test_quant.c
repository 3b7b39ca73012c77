// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Models that are quantised, on the card: results must be the same integers. */
#include "case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPSET	17

static struct test_case c;

static const int types[2] = { NN_I8, NN_U8 };

static void begin(void)
{
	begin_case(&c, OPSET);
	c.relative = 0;
	c.absolute = 0;
}

/* A tensor of one of the integer types, in the range that it has, or of the low numbers. */
static void add_bytes(const char *name, int type, int rank, const int64_t *dims, uint32_t range)
{
	Onnx__TensorProto *tensor = build_ints(&c.build, name, 0, (int64_t[1]){ 0 });
	size_t count = 1, i;
	uint8_t *data;

	tensor->data_type = type;
	tensor->n_dims = (size_t)rank;
	tensor->dims = build_alloc(&c.build, (size_t)(rank + 1) * sizeof(*dims));
	for (i = 0; i < (size_t)rank; i++) {
		tensor->dims[i] = dims[i];
		count *= (size_t)dims[i];
	}
	data = build_alloc(&c.build, count + 1);
	for (i = 0; i < count; i++)
		data[i] = (uint8_t)(any(range) - (type == NN_I8 ? range / 2 : 0));
	tensor->raw_data.len = count;
	tensor->raw_data.data = data;
}

static void add_scales(const char *name, int64_t count, float low)
{
	Onnx__TensorProto *tensor = build_ints(&c.build, name, 0, &count);
	float *data = build_alloc(&c.build, (size_t)count * sizeof(*data));
	int64_t i;

	tensor->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
	tensor->n_dims = 1;
	tensor->dims = build_alloc(&c.build, sizeof(*tensor->dims));
	tensor->dims[0] = count;
	for (i = 0; i < count; i++)
		data[i] = low * (1 + (float)any(1000) / 1000);
	tensor->raw_data.len = (size_t)count * sizeof(*data);
	tensor->raw_data.data = (uint8_t *)data;
}

/* Zero points and scales: constants, or inputs of the model. */
static void add_zero(const char *name, int type, bool known)
{
	if (known)
		add_bytes(name, type, 0, NULL, 30);
	else
		build_input(&c.build, name, type, "");
}

static void add_window(Onnx__NodeProto *node, int i)
{
	const int64_t pads[4] = { i & 1, 1, 0, i & 1 }, strides[2] = { 1 + (i & 1), 1 + (i >> 1 & 1) };

	add_ints(&c.build, node, "pads", 4, pads);
	add_ints(&c.build, node, "strides", 2, strides);
}

/* ---- Integers that are summed up ---- */

static void add_byte_input(const char *name, int type, int rank, const int64_t *dims)
{
	char text[160] = "";
	int i;

	for (i = 0; i < rank; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%lld", i ? " " : "",
			 (long long)dims[i]);
	build_input(&c.build, name, type, text);
}

static void test_matmul_integer(void **state)
{
	int i;

	for (i = 0; i < 16; i++) {
		int64_t a[3] = { 1 + any(3), 1 + any(70), 1 + any(300) }, b[2] = { a[2], 1 + any(90) };

		begin();
		add_byte_input("a", types[i & 1], 3, a);
		if (i & 4)
			add_bytes("b", types[i >> 1 & 1], 2, b, 256);
		else
			add_byte_input("b", types[i >> 1 & 1], 2, b);
		add_zero("za", types[i & 1], i & 8);
		add_zero("zb", types[i >> 1 & 1], i & 4);
		build_node(&c.build, "MatMulInteger", i & 8 ? "a b za zb" : "a b za", "y");
		build_output(&c.build, "y");
		run_case(&c, *state);
	}
}

static void test_conv_integer(void **state)
{
	int i;

	for (i = 0; i < 16; i++) {
		int64_t groups = i & 8 ? 3 : 1, in[4] = { 2, 6 * groups, 5 + any(9), 6 + any(20) };
		int64_t w[4] = { 10 * groups, 6, 1 + any(3), 1 + any(3) };
		Onnx__NodeProto *node;

		begin();
		add_byte_input("x", types[i & 1], 4, in);
		add_bytes("w", types[i >> 1 & 1], 4, w, 256);
		add_zero("zx", types[i & 1], i & 4);
		add_zero("zw", types[i >> 1 & 1], true);
		node = build_node(&c.build, "ConvInteger", "x w zx zw", "y");
		build_int(&c.build, node, "group", groups);
		add_window(node, i);
		build_output(&c.build, "y");
		run_case(&c, *state);
	}
}

/* ---- Scaled and rounded ---- */

static void test_linear_matmul(void **state)
{
	int i;

	for (i = 0; i < 16; i++) {
		int64_t a[2] = { 1 + any(70), 1 + any(200) }, b[2] = { a[1], 1 + any(90) };
		int out = types[i >> 2 & 1];

		begin();
		add_byte_input("a", types[i & 1], 2, a);
		add_bytes("b", types[i >> 1 & 1], 2, b, 256);
		add_scales("sa", 1, 0.02f);
		add_scales("sb", i & 4 ? b[1] : 1, 0.01f);
		add_scales("sy", 1, 0.3f);
		add_zero("za", types[i & 1], i & 8);
		add_bytes("zb", types[i >> 1 & 1], 0, NULL, 30);
		add_zero("zy", out, i & 8);
		build_node(&c.build, "QLinearMatMul", "a sa za b sb zb sy zy", "y");
		build_output(&c.build, "y");
		run_case(&c, *state);
	}
}

static void add_bias(const char *name, int64_t count)
{
	Onnx__TensorProto *tensor = build_ints(&c.build, name, 0, &count);
	int32_t *data = build_alloc(&c.build, (size_t)count * sizeof(*data));
	int64_t i;

	tensor->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT32;
	tensor->n_dims = 1;
	tensor->dims = build_alloc(&c.build, sizeof(*tensor->dims));
	tensor->dims[0] = count;
	for (i = 0; i < count; i++)
		data[i] = (int32_t)any(20000) - 10000;
	tensor->raw_data.len = (size_t)count * sizeof(*data);
	tensor->raw_data.data = (uint8_t *)data;
}

static void test_linear_conv(void **state)
{
	int i;

	for (i = 0; i < 16; i++) {
		int64_t groups = i & 8 ? 2 : 1, in[4] = { 1, 9 * groups, 5 + any(9), 6 + any(20) };
		int64_t w[4] = { 7 * groups, 9, 1 + any(3), 1 + any(3) };
		int out = types[i >> 2 & 1];
		Onnx__NodeProto *node;

		begin();
		add_byte_input("x", types[i & 1], 4, in);
		add_bytes("w", types[i >> 1 & 1], 4, w, 256);
		add_scales("sx", 1, 0.02f);
		add_scales("sw", i & 4 ? w[0] : 1, 0.01f);
		add_scales("sy", 1, 0.3f);
		add_zero("zx", types[i & 1], i & 2);
		add_bytes("zw", types[i >> 1 & 1], 0, NULL, 30);
		add_zero("zy", out, i & 2);
		add_bias("bias", w[0]);
		node = build_node(&c.build, "QLinearConv",
				  i & 1 ? "x sx zx w sw zw sy zy bias" : "x sx zx w sw zw sy zy", "y");
		build_int(&c.build, node, "group", groups);
		add_window(node, i);
		build_output(&c.build, "y");
		run_case(&c, *state);
	}
}

/* Scales that the model computes: by a launch of its own. */
static void test_computed_scales(void **state)
{
	const int64_t a[2] = { 20, 60 }, b[2] = { 60, 33 };

	begin();
	add_byte_input("a", NN_U8, 2, a);
	add_bytes("b", NN_I8, 2, b, 256);
	build_input(&c.build, "raw", NN_F32, "1");
	add_scales("one", 1, 1);
	add_scales("sb", b[1], 0.01f);
	build_node(&c.build, "Abs", "raw", "positive");
	build_node(&c.build, "Add", "positive one", "sy");
	add_scales("sa", 1, 0.02f);
	add_bytes("za", NN_U8, 0, NULL, 30);
	add_bytes("zb", NN_I8, 0, NULL, 30);
	add_bytes("zy", NN_U8, 0, NULL, 200);
	build_node(&c.build, "QLinearMatMul", "a sa za b sb zb sy zy", "y");
	build_output(&c.build, "y");
	run_case(&c, *state);
}

/* A scale and a zero point from the elements: of one row, of many, and of one that is too long. */
static void test_dynamic(void **state)
{
	static const int64_t sizes[][2] = { { 1, 1 }, { 1, 896 }, { 5, 77 }, { 30, 1000 }, { 2, 9001 } };
	static const size_t launches[] = { 1, 1, 1, 3, 3 };
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		begin();
		add_input(&c.build, "x", 2, sizes[i]);
		build_node(&c.build, "DynamicQuantizeLinear", "x", "y scale zero");
		build_output(&c.build, "y");
		build_output(&c.build, "scale");
		build_output(&c.build, "zero");
		plan_case(&c, *state);
		assert_int_equal(launches_of(&c), launches[i]);
		check_case(&c, *state);
		end_case(&c);
	}
}

/* Nothing but zeros, and all on one side of it. */
static void test_dynamic_ranges(void **state)
{
	static const float factors[] = { 0, 1e-30f, 3 }, shifts[] = { 0, 0, 5 };
	const int64_t size[1] = { 40 };
	size_t i;

	for (i = 0; i < sizeof(factors) / sizeof(factors[0]); i++) {
		begin();
		add_input(&c.build, "x", 1, size);
		add_number(&c.build, "factor", factors[i]);
		add_number(&c.build, "shift", shifts[i]);
		build_node(&c.build, "Mul", "x factor", "scaled");
		build_node(&c.build, "Add", "scaled shift", "shifted");
		build_node(&c.build, "DynamicQuantizeLinear", "shifted", "y scale zero");
		build_output(&c.build, "y");
		build_output(&c.build, "zero");
		run_case(&c, *state);
	}
}

/* A layer as ONNX Runtime quantises those of language models: all of it is on the card. */
static void test_dynamic_layer(void **state)
{
	const int64_t x[3] = { 2, 7, 60 }, w[2] = { 60, 33 };

	begin();
	c.relative = c.absolute = 1e-5;
	add_input(&c.build, "x", 3, x);
	add_bytes("w", NN_I8, 2, w, 256);
	add_bytes("w_zero", NN_I8, 0, NULL, 1);
	add_scales("w_scale", w[1], 0.01f);
	add_weights(&c.build, "bias", 1, &w[1]);
	build_node(&c.build, "DynamicQuantizeLinear", "x", "q scale zero");
	build_node(&c.build, "Mul", "scale w_scale", "both");
	build_node(&c.build, "MatMulInteger", "q w zero w_zero", "sums");
	build_int(&c.build, build_node(&c.build, "Cast", "sums", "floats"), "to", NN_F32);
	build_node(&c.build, "Mul", "floats both", "scaled");
	build_node(&c.build, "Add", "scaled bias", "y");
	build_output(&c.build, "y");
	run_case(&c, *state);
}

/* ---- Between QuantizeLinear and DequantizeLinear ---- */

/* Convolutions as frameworks write them when they quantise: each reads and gives float32. */
static void build_pairs(bool residual)
{
	const int64_t in[4] = { 1, 8, 9, 11 }, w[4] = { 8, 8, 3, 3 }, pads[4] = { 1, 1, 1, 1 };
	const int64_t channels = 8, nothing = 0;
	struct build *b = &c.build;
	Onnx__NodeProto *node;

	add_input(b, "x", 4, in);
	add_bytes("w1", NN_I8, 4, w, 200);
	add_bytes("w2", NN_I8, 4, w, 200);
	add_scales("sw1", channels, 0.004f);
	add_scales("sw2", 1, 0.004f);
	add_scales("sx", 1, 0.01f);
	add_scales("s1", 1, 0.02f);
	add_scales("s2", 1, 0.05f);
	add_bytes("zx", NN_U8, 0, &nothing, 100);
	add_bytes("z1", NN_U8, 0, &nothing, 100);
	add_weights(b, "bias", 1, &channels);
	build_node(b, "QuantizeLinear", "x sx zx", "qx");
	build_node(b, "DequantizeLinear", "qx sx zx", "dx");
	build_int(b, build_node(b, "DequantizeLinear", "w1 sw1", "dw1"), "axis", 0);
	build_node(b, "DequantizeLinear", "w2 sw2", "dw2");
	node = build_node(b, "Conv", "dx dw1 bias", "c1");
	add_ints(b, node, "pads", 4, pads);
	build_node(b, "Relu", "c1", "r1");
	build_node(b, "QuantizeLinear", "r1 s1 z1", "q1");
	build_node(b, "DequantizeLinear", "q1 s1 z1", "d1");
	node = build_node(b, "Conv", "d1 dw2", "c2");
	add_ints(b, node, "pads", 4, pads);
	build_node(b, "Add", residual ? "c2 d1" : "c2 bias8", "sum");
	build_node(b, "QuantizeLinear", "sum s2 z1", "q2");
	build_node(b, "DequantizeLinear", "q2 s2 z1", "y");
	add_number(b, "bias8", 0.125f);
	build_output(b, "y");
	/* One step of s2 is as much as a tie may decide. */
	c.absolute = 0.11;
	c.deviation = 0;
}

static void check_types(size_t item)
{
	const struct egret_nn_product_args *args = c.plan->items[item].args;

	assert_int_equal(c.plan->items[item].kernel, NN_KERNEL_PRODUCT);
	assert_int_equal(args->a_type, EGRET_TYPE_S8);
	assert_int_equal(args->b_type, EGRET_TYPE_U8);
}

static void test_pairs(void **state)
{
	const struct egret_nn_product_args *args;

	begin();
	build_pairs(false);
	plan_case(&c, *state);
	/* Quantise; two products, which quantise what they give; and at the end back to floats. */
	assert_int_equal(launches_of(&c), 4);
	check_types(1);
	check_types(2);
	args = c.plan->items[1].args;
	assert_int_equal(args->program.steps, 0);
	assert_int_equal(args->program.reg[0].type, EGRET_TYPE_U8);
	check_case(&c, *state);
	end_case(&c);
}

static void test_residual(void **state)
{
	begin();
	build_pairs(true);
	plan_case(&c, *state);
	assert_int_equal(launches_of(&c), 4);
	check_types(1);
	check_types(2);
	check_case(&c, *state);
	end_case(&c);
}

/* What moves elements, or is left to the host, gets float32. */
static void test_dequantized_for_others(void **state)
{
	const int64_t in[4] = { 1, 4, 6, 6 }, perm[4] = { 0, 2, 3, 1 };
	struct build *b = &c.build;

	begin();
	add_byte_input("q", NN_I8, 4, in);
	add_scales("s", 1, 0.01f);
	add_bytes("z", NN_I8, 0, NULL, 30);
	build_node(b, "DequantizeLinear", "q s z", "d");
	add_ints(b, build_node(b, "Transpose", "d", "t"), "perm", 4, perm);
	build_node(b, "Det", "d", "h");
	build_node(b, "Relu", "d", "r");
	build_output(b, "t");
	build_output(b, "h");
	build_output(b, "r");
	build_output(b, "d");
	c.host_allowed = true;
	c.relative = 1e-4;
	c.absolute = 1e-5;
	run_case(&c, *state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CARD_TEST(test_matmul_integer),
		CARD_TEST(test_conv_integer),
		CARD_TEST(test_linear_matmul),
		CARD_TEST(test_linear_conv),
		CARD_TEST(test_computed_scales),
		CARD_TEST(test_dynamic),
		CARD_TEST(test_dynamic_ranges),
		CARD_TEST(test_dynamic_layer),
		CARD_TEST(test_pairs),
		CARD_TEST(test_residual),
		CARD_TEST(test_dequantized_for_others),
	};

	return cmocka_run_group_tests(tests, open_card, close_card);
}
