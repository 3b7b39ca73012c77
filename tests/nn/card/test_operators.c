// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Operators on the card, with random shapes and attributes, against the reference. */
#include "case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPSET	17

static struct test_case c;

/* ---- Elementwise ---- */

static void run_unary(struct card *card, const char *type, bool positive)
{
	const int64_t dims[3] = { 1 + any(5), 1 + any(40), 1 + any(70) };

	begin_case(&c, OPSET);
	add_input(&c.build, "x", 3, dims);
	if (positive) {
		build_node(&c.build, "Abs", "x", "p");
		build_node(&c.build, type, "p", "y");
	} else {
		build_node(&c.build, type, "x", "y");
	}
	build_output(&c.build, "y");
	run_case(&c, card);
}

static void test_unary(void **state)
{
	static const char *const types[] = { "Neg", "Abs", "Sign", "Ceil", "Floor", "Round", "Exp",
					     "Sin", "Cos", "Tan", "Tanh", "Erf", "Relu", "Sigmoid",
					     "Softplus", "Softsign", "HardSwish", "HardSigmoid",
					     "LeakyRelu", "Elu", "Selu", "Celu", "ThresholdedRelu" };
	static const char *const positive[] = { "Sqrt", "Log" };
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		run_unary(*state, types[i], false);
	for (i = 0; i < sizeof(positive) / sizeof(positive[0]); i++)
		run_unary(*state, positive[i], true);
}

/* Shapes that broadcast in any way. */
static void any_shapes(int64_t a[4], int64_t b[4], int64_t most)
{
	int i;

	for (i = 0; i < 4; i++) {
		a[i] = 1 + any((uint32_t)most);
		b[i] = a[i];
		if (!any(3))
			b[i] = 1;
		else if (!any(3))
			a[i] = 1;
	}
}

static void test_binary(void **state)
{
	static const char *const types[] = { "Add", "Sub", "Mul", "Div", "Min", "Max", "PRelu" };
	int64_t a[4], b[4];
	size_t i;

	for (i = 0; i < 28; i++) {
		const char *type = types[i % 7];
		int missing = (int)any(3);

		begin_case(&c, OPSET);
		any_shapes(a, b, 13);
		if (!strcmp(type, "PRelu"))
			memcpy(a, (int64_t[]){ 7, 6, 13, 9 }, sizeof(a)), b[1] = 6, b[0] = b[2] = b[3] = 1;
		add_input(&c.build, "a", 4, a);
		add_input(&c.build, "b", 4 - (b[0] == 1 ? missing > 0 : 0), b + (b[0] == 1 && missing > 0));
		build_node(&c.build, type, "a b", "y");
		build_output(&c.build, "y");
		c.relative = 1e-4;
		run_case(&c, *state);
	}
}

static void test_compare_and_select(void **state)
{
	const int64_t dims[2] = { 37, 53 }, row[1] = { 53 };

	begin_case(&c, OPSET);
	add_input(&c.build, "a", 2, dims);
	add_input(&c.build, "b", 1, row);
	build_node(&c.build, "Less", "a b", "l");
	build_node(&c.build, "GreaterOrEqual", "a b", "g");
	build_node(&c.build, "Not", "l", "n");
	build_node(&c.build, "Equal", "n g", "e");
	build_node(&c.build, "Where", "l a b", "w");
	build_int(&c.build, build_node(&c.build, "Cast", "e", "f"), "to", NN_F32);
	build_node(&c.build, "Add", "w f", "y");
	build_output(&c.build, "y");
	build_output(&c.build, "n");
	plan_case(&c, *state);
	/* A chain is one launch. */
	assert_int_equal(launches_of(&c), 1);
	check_case(&c, *state);
	end_case(&c);
}

static void test_integers(void **state)
{
	begin_case(&c, OPSET);
	build_input(&c.build, "a", NN_I64, "5 40");
	build_input(&c.build, "b", NN_I64, "40");
	build_node(&c.build, "Mul", "a b", "m");
	build_node(&c.build, "Sub", "m b", "s");
	build_node(&c.build, "Max", "s a b", "x");
	build_int(&c.build, build_node(&c.build, "Cast", "x", "y"), "to", NN_I32);
	build_node(&c.build, "ReduceSum", "y -", "r");
	build_output(&c.build, "y");
	build_output(&c.build, "r");
	run_case(&c, *state);
}

/* ---- Products ---- */

static void test_matmul(void **state)
{
	int i;

	for (i = 0; i < 24; i++) {
		int64_t m = 1 + any(i < 12 ? 70 : 300), k = 1 + any(200), n = 1 + any(i < 12 ? 70 : 300);
		int64_t g = 1 + any(3), h = 1 + any(4);
		int64_t a[4] = { any(2) ? g : 1, any(2) ? h : 1, m, k };
		int64_t b[4] = { any(2) ? g : 1, any(2) ? h : 1, k, n };
		int drop_a = (int)any(3), drop_b = (int)any(3);

		begin_case(&c, OPSET);
		add_input(&c.build, "a", 4 - drop_a, a + drop_a);
		if (any(2))
			add_weights(&c.build, "b", 4 - drop_b, b + drop_b);
		else
			add_input(&c.build, "b", 4 - drop_b, b + drop_b);
		build_node(&c.build, "MatMul", "a b", "y");
		build_output(&c.build, "y");
		c.absolute = 1e-4;
		run_case(&c, *state);
	}
}

static void test_vectors(void **state)
{
	static const int ranks[][2] = { { 1, 1 }, { 1, 2 }, { 2, 1 }, { 1, 3 }, { 3, 1 } };
	const int64_t a[3] = { 3, 5, 33 }, b[3] = { 3, 33, 41 }, column[1] = { 33 };
	size_t i;

	for (i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++) {
		begin_case(&c, OPSET);
		add_input(&c.build, "a", ranks[i][0], a + 3 - ranks[i][0]);
		add_input(&c.build, "b", ranks[i][1], ranks[i][1] == 1 ? column : b + 3 - ranks[i][1]);
		build_node(&c.build, "MatMul", "a b", "y");
		build_output(&c.build, "y");
		run_case(&c, *state);
	}
}

static void test_gemm(void **state)
{
	int i;

	for (i = 0; i < 16; i++) {
		int64_t m = 1 + any(90), k = 1 + any(150), n = 1 + any(90);
		int64_t a[2] = { i & 1 ? k : m, i & 1 ? m : k }, b[2] = { i & 2 ? n : k, i & 2 ? k : n };
		int64_t bias[2] = { any(2) ? m : 1, any(2) ? n : 1 };
		Onnx__NodeProto *node;

		begin_case(&c, OPSET);
		add_input(&c.build, "a", 2, a);
		add_weights(&c.build, "b", 2, b);
		add_weights(&c.build, "c", i & 4 ? 2 : 1, i & 4 ? bias : &n);
		node = build_node(&c.build, "Gemm", i & 8 ? "a b" : "a b c", "y");
		build_int(&c.build, node, "transA", i & 1);
		build_int(&c.build, node, "transB", i >> 1 & 1);
		if (any(2))
			add_float(&c.build, node, "alpha", 0.5f);
		if (any(2))
			add_float(&c.build, node, "beta", 1.5f);
		build_output(&c.build, "y");
		c.absolute = 1e-4;
		run_case(&c, *state);
	}
}

/* ---- Windows ---- */

/* A convolution of random shape; returns false if its window is larger than its input. */
static bool build_conv(int i, bool transposed)
{
	int64_t groups = any(3) ? 1 : 1 + any(4), depth = any(4) == 0;
	int64_t each_in = depth ? 1 : 1 + any(9), each_out = depth ? 1 : 1 + any(40);
	int64_t in[4] = { 1 + any(2), groups * each_in, 1 + any(20), 1 + any(40) };
	int64_t kernel[2] = { 1 + any(4), 1 + any(4) }, strides[2] = { 1 + any(3), 1 + any(3) };
	int64_t dilations[2] = { 1 + any(2), 1 + any(2) };
	int64_t pads[4] = { any(3), any(3), any(3), any(3) };
	int64_t weights[4] = { transposed ? groups * each_in : groups * each_out,
			       transposed ? each_out : each_in, kernel[0], kernel[1] };
	int64_t bias = groups * each_out;
	int line = i % 4 == 3, n = 2 - line, d;
	Onnx__NodeProto *node;

	if (depth) {
		groups = 1 + any(20);
		in[1] = groups;
		weights[0] = groups;
		bias = groups;
	}
	for (d = line; d < 2; d++) {
		int64_t span = (kernel[d] - 1) * dilations[d] + 1, size = in[2 + d];
		int64_t result = transposed ? (size - 1) * strides[d] + span - pads[d] - pads[2 + d] :
				 size + pads[d] + pads[2 + d] - span + 1;

		if (result < 1)
			return false;
	}
	begin_case(&c, OPSET);
	if (line) {
		in[2] = in[3];
		weights[2] = weights[3];
		pads[0] = pads[1];
		pads[1] = pads[3];
	}
	add_input(&c.build, "x", 2 + n, in);
	if (i & 1)
		add_weights(&c.build, "w", 2 + n, weights);
	else
		add_input(&c.build, "w", 2 + n, weights);
	add_weights(&c.build, "b", 1, &bias);
	node = build_node(&c.build, transposed ? "ConvTranspose" : "Conv", any(2) ? "x w b" : "x w", "y");
	build_int(&c.build, node, "group", groups);
	add_ints(&c.build, node, "strides", (size_t)n, strides + line);
	add_ints(&c.build, node, "dilations", (size_t)n, dilations + line);
	add_ints(&c.build, node, "pads", 2 * (size_t)n, pads);
	build_output(&c.build, "y");
	c.absolute = 1e-4;
	return true;
}

static void test_conv(void **state)
{
	int i;

	for (i = 0; i < 60; i++)
		if (build_conv(i, false))
			run_case(&c, *state);
}

static void test_conv_transpose(void **state)
{
	int i;

	for (i = 0; i < 40; i++)
		if (build_conv(i, true))
			run_case(&c, *state);
}

/* Too large for one tile in each direction. */
static void test_large_conv(void **state)
{
	static const int64_t shapes[][6] = {
		/* channels, height, width, results, kernel, stride */
		{ 3, 150, 130, 40, 3, 2 }, { 300, 20, 33, 200, 1, 1 }, { 70, 17, 300, 90, 3, 1 },
		{ 9, 64, 1000, 9, 5, 1 },
	};
	size_t i;

	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const int64_t *s = shapes[i], in[4] = { 1, s[0], s[1], s[2] };
		const int64_t weights[4] = { s[3], s[0], s[4], s[4] }, strides[2] = { s[5], s[5] };
		Onnx__NodeProto *node;

		begin_case(&c, OPSET);
		add_input(&c.build, "x", 4, in);
		add_weights(&c.build, "w", 4, weights);
		node = build_node(&c.build, "Conv", "x w", "y");
		add_ints(&c.build, node, "strides", 2, strides);
		add_text(&c.build, node, "auto_pad", "SAME_UPPER");
		build_output(&c.build, "y");
		c.absolute = 1e-3;
		run_case(&c, *state);
	}
}

/* Of more channels than anybody has: nothing is cut off. */
static void test_many_channels(void **state)
{
	const int64_t in[3] = { 1, 5000, 2 }, vector = 5000;

	begin_case(&c, OPSET);
	add_input(&c.build, "x", 3, in);
	add_weights(&c.build, "s", 1, &vector);
	add_weights(&c.build, "b", 1, &vector);
	add_weights(&c.build, "m", 1, &vector);
	add_weights(&c.build, "w", 1, &vector);
	build_node(&c.build, "Abs", "w", "v");
	add_float(&c.build, build_node(&c.build, "BatchNormalization", "x s b m v", "y"), "epsilon",
		  0.25f);
	build_output(&c.build, "y");
	run_case(&c, *state);
}

static void test_pool(void **state)
{
	int i;

	for (i = 0; i < 30; i++) {
		int64_t kernel[2] = { 1 + any(4), 1 + any(4) }, strides[2] = { 1 + any(3), 1 + any(3) };
		int64_t pads[4] = { any((uint32_t)kernel[0]), any((uint32_t)kernel[1]),
				    any((uint32_t)kernel[0]), any((uint32_t)kernel[1]) };
		int64_t in[4] = { 1 + any(3), 1 + any(20), 4 + any(20), 4 + any(40) };
		Onnx__NodeProto *node;

		begin_case(&c, OPSET);
		add_input(&c.build, "x", 4, in);
		node = build_node(&c.build, i & 1 ? "MaxPool" : "AveragePool", "x", "y");
		add_ints(&c.build, node, "kernel_shape", 2, kernel);
		add_ints(&c.build, node, "strides", 2, strides);
		add_ints(&c.build, node, "pads", 4, pads);
		build_int(&c.build, node, "ceil_mode", any(2));
		if (!(i & 1))
			build_int(&c.build, node, "count_include_pad", any(2));
		build_output(&c.build, "y");
		run_case(&c, *state);
	}
}

/* ---- Rows ---- */

static void test_reductions(void **state)
{
	static const char *const types[] = { "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2",
					     "ReduceSumSquare", "ReduceLogSumExp" };
	int i;

	for (i = 0; i < 28; i++) {
		int64_t dims[4] = { 1 + any(6), 1 + any(9), 1 + any(20), 1 + any(50) }, axes[4];
		Onnx__NodeProto *node;
		size_t count = 0;
		int k;

		for (k = 0; k < 4; k++)
			if (any(2))
				axes[count++] = any(2) ? k : k - 4;
		begin_case(&c, OPSET);
		add_input(&c.build, "x", 4, dims);
		node = build_node(&c.build, types[i % 7], "x", "y");
		if (count)
			add_ints(&c.build, node, "axes", count, axes);
		build_int(&c.build, node, "keepdims", any(2));
		build_output(&c.build, "y");
		c.absolute = 1e-4;
		run_case(&c, *state);
	}
}

static void test_softmax(void **state)
{
	int i;

	for (i = 0; i < 12; i++) {
		int64_t dims[3] = { 1 + any(9), 1 + any(100), 1 + any(300) };
		Onnx__NodeProto *node;

		begin_case(&c, OPSET);
		add_input(&c.build, "x", 3, dims);
		node = build_node(&c.build, i & 1 ? "Softmax" : "LogSoftmax", "x", "y");
		build_int(&c.build, node, "axis", (int64_t)any(6) - 3);
		build_output(&c.build, "y");
		run_case(&c, *state);
	}
}

/* As exporters write it, in single steps. */
static void test_layer_norm(void **state)
{
	const int64_t dims[3] = { 3, 40, 120 }, row[1] = { 120 }, one[1] = { 1 }, last[1] = { -1 };
	Onnx__NodeProto *node;

	begin_case(&c, OPSET);
	add_input(&c.build, "x", 3, dims);
	add_weights(&c.build, "gamma", 1, row);
	add_weights(&c.build, "beta", 1, row);
	add_weights(&c.build, "e", 1, one);
	node = build_node(&c.build, "ReduceMean", "x", "mean");
	add_ints(&c.build, node, "axes", 1, last);
	build_node(&c.build, "Sub", "x mean", "d");
	build_node(&c.build, "Mul", "d d", "s");
	node = build_node(&c.build, "ReduceMean", "s", "v");
	add_ints(&c.build, node, "axes", 1, last);
	build_node(&c.build, "Abs", "e", "epsilon");
	build_node(&c.build, "Add", "v epsilon", "w");
	build_node(&c.build, "Sqrt", "w", "r");
	build_node(&c.build, "Div", "d r", "n");
	build_node(&c.build, "Mul", "n gamma", "m");
	build_node(&c.build, "Add", "m beta", "y");
	build_output(&c.build, "y");
	plan_case(&c, *state);
	assert_int_equal(launches_of(&c), 1);
	check_case(&c, *state);
	end_case(&c);
}

/* ---- Moving ---- */

static void test_transpose(void **state)
{
	int i, k;

	for (i = 0; i < 24; i++) {
		int64_t dims[4] = { 1 + any(7), 1 + any(40), 1 + any(40), 1 + any(40) };
		int64_t perm[4] = { 0, 1, 2, 3 };

		for (k = 3; k > 0; k--) {
			uint32_t other = any((uint32_t)k + 1);
			int64_t swap = perm[k];

			perm[k] = perm[other];
			perm[other] = swap;
		}
		begin_case(&c, OPSET);
		add_input(&c.build, "x", 4, dims);
		add_ints(&c.build, build_node(&c.build, "Transpose", "x", i & 1 ? "t" : "y"), "perm", 4,
			 perm);
		/* Others go along. */
		if (i & 1)
			build_node(&c.build, "Sigmoid", "t", "y");
		build_output(&c.build, "y");
		run_case(&c, *state);
	}
}

static void test_slice(void **state)
{
	const int64_t starts[][3] = { { 1, 0, 3 }, { -1, 2, 0 }, { 0, -1, -2 }, { 2, 0, 0 } };
	const int64_t ends[][3] = { { 4, 100, 20 }, { -10, 8, 30 }, { 5, -100, 1 }, { 3, 99, 99 } };
	const int64_t steps[][3] = { { 1, 1, 1 }, { -2, 3, 1 }, { 2, -1, -3 }, { 1, 1, 1 } };
	const int64_t dims[3] = { 5, 9, 31 }, axes[3] = { 0, 1, 2 };
	int i;

	for (i = 0; i < 4; i++) {
		begin_case(&c, OPSET);
		add_input(&c.build, "x", 3, dims);
		build_ints(&c.build, "starts", 3, starts[i]);
		build_ints(&c.build, "ends", 3, ends[i]);
		build_ints(&c.build, "axes", 3, axes);
		build_ints(&c.build, "steps", 3, steps[i]);
		build_node(&c.build, "Slice", "x starts ends axes steps", "y");
		build_output(&c.build, "y");
		run_case(&c, *state);
	}
}

static void test_concat_and_gather(void **state)
{
	const int64_t a[3] = { 3, 5, 7 }, b[3] = { 3, 2, 7 }, index[4] = { 6, -1, 0, 3 };
	int k;

	for (k = 0; k < 2; k++) {
		begin_case(&c, OPSET);
		add_input(&c.build, "a", 3, a);
		add_input(&c.build, "b", 3, b);
		build_int(&c.build, build_node(&c.build, "Concat", "a b a", "j"), "axis", 1);
		build_ints(&c.build, "i", 4, index);
		if (k) {
			/* Indices that are computed. */
			build_input(&c.build, "n", NN_I64, "4");
			build_node(&c.build, "Min", "n i", "l");
			build_node(&c.build, "Sign", "l", "s");
			build_int(&c.build, build_node(&c.build, "Gather", "j s", "y"), "axis", 2);
		} else {
			build_int(&c.build, build_node(&c.build, "Gather", "j i", "y"), "axis", 1);
		}
		build_output(&c.build, "y");
		run_case(&c, *state);
	}
}

static void test_expand(void **state)
{
	const int64_t dims[3] = { 4, 1, 9 }, wanted[4] = { 2, 1, 6, 9 };

	begin_case(&c, OPSET);
	add_input(&c.build, "x", 3, dims);
	build_ints(&c.build, "shape", 4, wanted);
	build_node(&c.build, "Expand", "x shape", "y");
	build_output(&c.build, "y");
	run_case(&c, *state);
}

static void test_pad(void **state)
{
	int i;

	for (i = 0; i < 12; i++) {
		int64_t dims[3] = { 2 + any(3), 3 + any(20), 4 + any(40) };
		int64_t pads[6] = { (int64_t)any(3), (int64_t)any(5) - 1, (int64_t)any(9) - 2,
				    (int64_t)any(3), (int64_t)any(5) - 1, (int64_t)any(9) - 1 };
		const int64_t one[1] = { 1 };

		begin_case(&c, OPSET);
		add_input(&c.build, "x", 3, dims);
		build_ints(&c.build, "pads", 6, pads);
		add_weights(&c.build, "value", 1, one);
		build_node(&c.build, "Pad", i & 1 ? "x pads value" : "x pads", i & 2 ? "p" : "y");
		if (i & 2)
			build_node(&c.build, "Abs", "p", "y");
		build_output(&c.build, "y");
		run_case(&c, *state);
	}
}

static void test_indices_of_largest(void **state)
{
	int i;

	for (i = 0; i < 12; i++) {
		int64_t dims[3] = { 1 + any(6), 1 + any(30), 1 + any(70) };
		Onnx__NodeProto *node;

		begin_case(&c, OPSET);
		add_input(&c.build, "x", 3, dims);
		build_node(&c.build, "Round", "x", "r");
		node = build_node(&c.build, i & 1 ? "ArgMax" : "ArgMin", "r", "y");
		build_int(&c.build, node, "axis", (int64_t)any(6) - 3);
		build_int(&c.build, node, "keepdims", any(2));
		build_int(&c.build, node, "select_last_index", any(2));
		build_output(&c.build, "y");
		run_case(&c, *state);
	}
}

static void run_resize(struct card *card, const char *mode, const char *places, const int64_t *dims,
		       const int64_t *wanted)
{
	Onnx__NodeProto *node;

	begin_case(&c, OPSET);
	add_input(&c.build, "x", 4, dims);
	build_ints(&c.build, "sizes", 4, wanted);
	node = build_node(&c.build, "Resize", "x - - sizes", "y");
	add_text(&c.build, node, "mode", mode);
	add_text(&c.build, node, "coordinate_transformation_mode", places);
	build_output(&c.build, "y");
	run_case(&c, card);
}

static void test_resize(void **state)
{
	static const char *const places[] = { "half_pixel", "asymmetric", "align_corners",
					      "pytorch_half_pixel" };
	const int64_t dims[4] = { 2, 3, 7, 9 };
	const int64_t wanted[][4] = { { 2, 3, 14, 36 }, { 2, 3, 7, 20 }, { 2, 3, 5, 4 },
				      { 2, 6, 1, 9 } };
	int i, k;

	for (i = 0; i < 4; i++) {
		for (k = 0; k < 4; k++) {
			run_resize(*state, "nearest", places[i], dims, wanted[k]);
			run_resize(*state, "linear", places[i], dims, wanted[k]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CARD_TEST(test_unary),
		CARD_TEST(test_binary),
		CARD_TEST(test_compare_and_select),
		CARD_TEST(test_integers),
		CARD_TEST(test_matmul),
		CARD_TEST(test_vectors),
		CARD_TEST(test_gemm),
		CARD_TEST(test_conv),
		CARD_TEST(test_conv_transpose),
		CARD_TEST(test_large_conv),
		CARD_TEST(test_many_channels), CARD_TEST(test_pool),
		CARD_TEST(test_reductions),
		CARD_TEST(test_softmax),
		CARD_TEST(test_layer_norm),
		CARD_TEST(test_transpose),
		CARD_TEST(test_slice),
		CARD_TEST(test_concat_and_gather),
		CARD_TEST(test_expand),
		CARD_TEST(test_resize),
		CARD_TEST(test_pad),
		CARD_TEST(test_indices_of_largest),
	};

	return cmocka_run_group_tests(tests, open_card, close_card);
}
