// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Models that are float16 or bfloat16 themselves: all of it on the card, in as few launches as in
 * float32.
 */
#include "case.h"

#include <stdio.h>
#include <string.h>

#include <libaccel/nn/card/precision.h>

static struct test_case c;

/* All floats of the model become those of another type. */
static void narrow(struct build *b, enum nn_type type)
{
	size_t i, k, count;

	for (i = 0; i < b->graph.n_input; i++)
		b->graph.input[i]->type->tensor_type->elem_type = (int32_t)type;
	for (i = 0; i < b->graph.n_initializer; i++) {
		Onnx__TensorProto *tensor = b->graph.initializer[i];
		const float *from = (const float *)tensor->raw_data.data;
		uint16_t *to;

		if (tensor->data_type != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)
			continue;
		count = tensor->raw_data.len / sizeof(*from);
		to = build_alloc(b, count * sizeof(*to) + 1);
		for (k = 0; k < count; k++)
			to[k] = (uint16_t)nn_float_bits(type, from[k]);
		tensor->data_type = (int32_t)type;
		tensor->raw_data.len = count * sizeof(*to);
		tensor->raw_data.data = (uint8_t *)to;
	}
}

static void check(struct card *card, enum nn_type type, size_t launches)
{
	build_output(&c.build, "y");
	narrow(&c.build, type);
	/* A result may be rounded to the other side; what went in is the same for both. */
	c.relative = type == NN_F16 ? 4e-3 : 3e-2;
	c.absolute = type == NN_F16 ? 2e-3 : 2e-2;
	plan_case(&c, card);
	assert_int_equal(launches_of(&c), launches);
	check_case(&c, card);
	end_case(&c);
}

#define BOTH(type)	for (type = NN_F16; type; type = type == NN_F16 ? NN_BF16 : NN_UNDEFINED)

static void add_vector(const char *name, int64_t size)
{
	add_weights(&c.build, name, 1, &size);
}

static void test_convolution(void **state)
{
	const int64_t in[4] = { 1, 8, 10, 10 }, w[4] = { 16, 8, 3, 3 }, pads[4] = { 1, 1, 1, 1 };
	enum nn_type type;

	BOTH(type) {
		begin_case(&c, 17);
		add_input(&c.build, "x", 4, in);
		add_weights(&c.build, "w", 4, w);
		add_vector("b", 16);
		add_vector("s", 16);
		add_vector("o", 16);
		add_vector("m", 16);
		add_number(&c.build, "half", 0.5f);
		build_node(&c.build, "Abs", "s", "v");
		add_ints(&c.build, build_node(&c.build, "Conv", "x w b", "c"), "pads", 4, pads);
		add_float(&c.build, build_node(&c.build, "BatchNormalization", "c s o m v", "n"),
			  "epsilon", 0.25f);
		build_node(&c.build, "Mul", "n half", "p");
		build_node(&c.build, "Relu", "p", "y");
		check(*state, type, 1);
	}
}

static void test_depthwise(void **state)
{
	const int64_t in[4] = { 1, 8, 10, 10 }, w[4] = { 8, 1, 3, 3 };
	enum nn_type type;

	BOTH(type) {
		begin_case(&c, 17);
		add_input(&c.build, "x", 4, in);
		add_weights(&c.build, "w", 4, w);
		add_vector("b", 8);
		build_int(&c.build, build_node(&c.build, "Conv", "x w b", "d"), "group", 8);
		build_node(&c.build, "Sigmoid", "d", "y");
		check(*state, type, 1);
	}
}

static void test_transposed(void **state)
{
	const int64_t in[4] = { 1, 8, 6, 6 }, w[4] = { 8, 4, 2, 2 }, strides[4] = { 2, 2 };
	enum nn_type type;

	BOTH(type) {
		begin_case(&c, 17);
		add_input(&c.build, "x", 4, in);
		add_weights(&c.build, "w", 4, w);
		add_vector("b", 4);
		add_ints(&c.build, build_node(&c.build, "ConvTranspose", "x w b", "y"), "strides", 2,
			 strides);
		check(*state, type, 4);
	}
}

static void test_matmul(void **state)
{
	const int64_t in[3] = { 2, 5, 32 }, w[2] = { 32, 24 };
	enum nn_type type;

	BOTH(type) {
		begin_case(&c, 17);
		add_input(&c.build, "x", 3, in);
		add_weights(&c.build, "w", 2, w);
		add_vector("b", 24);
		build_node(&c.build, "MatMul", "x w", "m");
		build_node(&c.build, "Add", "m b", "n");
		build_node(&c.build, "Tanh", "n", "y");
		check(*state, type, 1);
	}
}

/* Of two values that are computed. */
static void test_products(void **state)
{
	const int64_t in[3] = { 2, 5, 32 }, other[3] = { 2, 32, 7 };
	enum nn_type type;

	BOTH(type) {
		begin_case(&c, 17);
		add_input(&c.build, "x", 3, in);
		add_input(&c.build, "z", 3, other);
		build_node(&c.build, "MatMul", "x z", "m");
		build_node(&c.build, "Softmax", "m", "y");
		check(*state, type, 2);
	}
}

static void test_gemm(void **state)
{
	const int64_t in[2] = { 5, 32 }, w[2] = { 24, 32 };
	enum nn_type type;
	bool scaled;

	for (scaled = false;; scaled = true) {
		BOTH(type) {
			Onnx__NodeProto *node;

			begin_case(&c, 17);
			add_input(&c.build, "x", 2, in);
			add_weights(&c.build, "w", 2, w);
			add_vector("b", 24);
			node = build_node(&c.build, "Gemm", "x w b", "g");
			build_int(&c.build, node, "transB", 1);
			if (scaled)
				add_float(&c.build, node, "beta", 0.5f);
			build_node(&c.build, "Relu", "g", "y");
			check(*state, type, 1);
		}
		if (scaled)
			break;
	}
}

static void test_pooling(void **state)
{
	const int64_t in[4] = { 1, 4, 8, 8 }, two[2] = { 2, 2 }, pads[4] = { 1, 1, 1, 1 };
	Onnx__NodeProto *node;
	enum nn_type type;

	BOTH(type) {
		begin_case(&c, 17);
		add_input(&c.build, "x", 4, in);
		node = build_node(&c.build, "MaxPool", "x", "m");
		add_ints(&c.build, node, "kernel_shape", 2, two);
		add_ints(&c.build, node, "pads", 4, pads);
		node = build_node(&c.build, "AveragePool", "m", "a");
		add_ints(&c.build, node, "kernel_shape", 2, two);
		build_node(&c.build, "GlobalAveragePool", "a", "y");
		check(*state, type, 3);
	}
}

static void test_resize(void **state)
{
	const int64_t in[4] = { 1, 3, 8, 8 }, sizes[4] = { 1, 3, 13, 16 };
	enum nn_type type;

	BOTH(type) {
		begin_case(&c, 17);
		add_input(&c.build, "x", 4, in);
		build_ints(&c.build, "sizes", 4, sizes);
		add_text(&c.build, build_node(&c.build, "Resize", "x - - sizes", "y"), "mode", "linear");
		check(*state, type, 2);
	}
}

/* Layer normalisation in pieces, as exporters leave it: nothing of it is rounded on the way. */
static void test_norm(void **state)
{
	const int64_t in[2] = { 6, 48 };
	Onnx__NodeProto *node;
	enum nn_type type;
	int64_t last = -1;

	BOTH(type) {
		begin_case(&c, 17);
		add_input(&c.build, "x", 2, in);
		add_vector("w", 48);
		add_vector("b", 48);
		add_number(&c.build, "two", 2);
		add_number(&c.build, "epsilon", 1e-3f);
		node = build_node(&c.build, "ReduceMean", "x", "mean");
		add_ints(&c.build, node, "axes", 1, &last);
		build_node(&c.build, "Sub", "x mean", "d");
		build_node(&c.build, "Pow", "d two", "q");
		node = build_node(&c.build, "ReduceMean", "q", "v");
		add_ints(&c.build, node, "axes", 1, &last);
		build_node(&c.build, "Add", "v epsilon", "e");
		build_node(&c.build, "Sqrt", "e", "s");
		build_node(&c.build, "Div", "d s", "n");
		build_node(&c.build, "Mul", "n w", "p");
		build_node(&c.build, "Add", "p b", "y");
		check(*state, type, 1);
	}
}

/* Who casts to fewer bits gets a rounded number, also where nobody stores it. */
static void test_cast(void **state)
{
	const int64_t in[1] = { 64 };

	begin_case(&c, 17);
	add_input(&c.build, "x", 1, in);
	build_int(&c.build, build_node(&c.build, "Cast", "x", "h"), "to", NN_F16);
	build_int(&c.build, build_node(&c.build, "Cast", "h", "f"), "to", NN_F32);
	build_node(&c.build, "Sub", "x f", "y");
	build_output(&c.build, "y");
	c.relative = 0;
	c.absolute = 0;
	plan_case(&c, *state);
	assert_int_equal(launches_of(&c), 1);
	check_case(&c, *state);
	end_case(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CARD_TEST(test_convolution), CARD_TEST(test_depthwise), CARD_TEST(test_transposed),
		CARD_TEST(test_matmul), CARD_TEST(test_products), CARD_TEST(test_gemm),
		CARD_TEST(test_pooling), CARD_TEST(test_resize), CARD_TEST(test_norm),
		CARD_TEST(test_cast),
	};

	return cmocka_run_group_tests(tests, open_card, close_card);
}
