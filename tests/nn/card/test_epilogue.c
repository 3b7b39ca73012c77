// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* What follows products and windows: how much of it remains as steps of a program. */
#include "case.h"

#include <stdio.h>
#include <string.h>

#define OPSET	17

static struct test_case c;

/* A convolution of 16 channels; each for itself if `depthwise`. */
static void begin(bool depthwise, bool bias)
{
	const int64_t in[4] = { 2, 64, 9, 21 }, full[4] = { 24, 64, 3, 3 }, own[4] = { 64, 1, 3, 3 };
	const int64_t channels = depthwise ? 64 : 24, pads[4] = { 1, 1, 1, 1 };
	const int64_t vector[3] = { channels, 1, 1 };
	Onnx__NodeProto *node;

	begin_case(&c, OPSET);
	add_input(&c.build, "x", 4, in);
	add_weights(&c.build, "w", 4, depthwise ? own : full);
	add_weights(&c.build, "bias", 1, &channels);
	add_weights(&c.build, "by_channel", 3, vector);
	node = build_node(&c.build, "Conv", bias ? "x w bias" : "x w", "conv");
	add_ints(&c.build, node, "pads", 4, pads);
	if (depthwise)
		build_int(&c.build, node, "group", channels);
	add_number(&c.build, "half", 0.5f);
	add_number(&c.build, "zero", 0);
	add_number(&c.build, "one", 1);
	add_number(&c.build, "three", 3);
	add_number(&c.build, "six", 6);
	add_number(&c.build, "more", -1.25f);
}

static const struct egret_nn_program *program_of(bool depthwise)
{
	const void *args = c.plan->items[0].args;

	return depthwise ? &((const struct egret_nn_window_args *)args)->program :
			   &((const struct egret_nn_product_args *)args)->program;
}

/* Run it as one launch, whose program has so many steps, and loads nothing. */
static void check(struct card *card, bool depthwise, unsigned int steps)
{
	build_output(&c.build, "y");
	c.absolute = 1e-4;
	plan_case(&c, card);
	assert_int_equal(launches_of(&c), 1);
	assert_int_equal(program_of(depthwise)->steps, steps);
	assert_int_equal(program_of(depthwise)->operands, 1);
	check_case(&c, card);
}

static uint32_t act_of(void)
{
	return ((const struct egret_nn_product_args *)c.plan->items[0].args)->act;
}

/* Scales and shifts, of all and of each channel, in any order. */
static void build_affine(const char *from, const char *to)
{
	char names[64];

	snprintf(names, sizeof(names), "%s half", from);
	build_node(&c.build, "Mul", names, "a1");
	build_node(&c.build, "Add", "by_channel a1", "a2");
	build_node(&c.build, "Sub", "a2 more", "a3");
	build_node(&c.build, "Mul", "a3 by_channel", "a4");
	build_node(&c.build, "Div", "a4 three", "a5");
	build_node(&c.build, "Mul", "one a5", to);
}

static void test_affine(void **state)
{
	bool depthwise, bias;
	int i;

	for (i = 0; i < 4; i++) {
		depthwise = i & 1;
		bias = i & 2;
		begin(depthwise, bias);
		build_affine("conv", "y");
		check(*state, depthwise, 0);
		end_case(&c);
	}
}

/* x * clip(x + 3, 0, 6) / 6, scaled and shifted before and after. */
static void build_hard_swish(void)
{
	build_affine("conv", "h");
	build_node(&c.build, "Add", "h three", "h1");
	build_node(&c.build, "Clip", "h1 zero six", "h2");
	build_node(&c.build, "Mul", "h h2", "h3");
	build_node(&c.build, "Div", "h3 six", "h4");
	build_node(&c.build, "Mul", "half h4", "h5");
	build_node(&c.build, "Add", "h5 more", "y");
}

static void test_hard_swish(void **state)
{
	begin(false, true);
	build_hard_swish();
	check(*state, false, 0);
	assert_int_equal(act_of(), EGRET_ACT_HARD_SWISH);
	end_case(&c);
	begin(true, true);
	build_hard_swish();
	check(*state, true, 3);
	end_case(&c);
}

/* More than one activation: the others are steps of the matrix engine, as far as there is room. */
static void test_steps(void **state)
{
	begin(false, true);
	build_node(&c.build, "Tanh", "conv", "s1");
	build_node(&c.build, "Mul", "s1 six", "s2");
	build_node(&c.build, "Add", "s2 more", "s3");
	build_node(&c.build, "Sigmoid", "s3", "s4");
	build_node(&c.build, "Sub", "s4 half", "s5");
	build_node(&c.build, "LeakyRelu", "s5", "s6");
	build_node(&c.build, "Mul", "s6 more", "s7");
	build_node(&c.build, "Relu", "s7", "s8");
	build_node(&c.build, "Div", "s8 six", "y");
	check(*state, false, 3);
	assert_int_equal(act_of(), EGRET_ACT_TANH);
	end_case(&c);
}

/* A gate that is not the hard-swish's stays a gate. */
static void test_other_gate(void **state)
{
	begin(false, false);
	build_node(&c.build, "Add", "conv one", "h1");
	build_node(&c.build, "Clip", "h1 zero six", "h2");
	build_node(&c.build, "Mul", "conv h2", "h3");
	build_node(&c.build, "Div", "h3 six", "y");
	check(*state, false, 3);
	assert_int_equal(act_of(), EGRET_ACT_NONE);
	end_case(&c);
}

static void test_activations(void **state)
{
	static const struct {
		const char *type;
		enum egret_act act;
	} cases[] = {
		{ "Relu", EGRET_ACT_RELU }, { "Sigmoid", EGRET_ACT_SIGMOID },
		{ "Tanh", EGRET_ACT_TANH }, { "LeakyRelu", EGRET_ACT_LEAKY_RELU },
		{ "HardSigmoid", EGRET_ACT_CLAMP }, { "HardSwish", EGRET_ACT_HARD_SWISH },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(false, true);
		build_affine("conv", "a");
		build_node(&c.build, cases[i].type, "a", "y");
		check(*state, false, 0);
		assert_int_equal(act_of(), cases[i].act);
		end_case(&c);
	}
}

/* x * sigmoid(x), where x is wanted by nobody else, and where it is. */
static void test_silu(void **state)
{
	begin(false, false);
	build_node(&c.build, "Sigmoid", "conv", "s");
	build_node(&c.build, "Mul", "conv s", "y");
	check(*state, false, 0);
	assert_int_equal(act_of(), EGRET_ACT_SILU);
	end_case(&c);

	begin(false, false);
	build_node(&c.build, "Sigmoid", "conv", "s");
	build_node(&c.build, "Mul", "conv s", "y");
	build_output(&c.build, "conv");
	build_output(&c.build, "y");
	c.absolute = 1e-4;
	run_case(&c, *state);
}

/* A value that is stored before it is scaled must be what the model says. */
static void test_stored_between(void **state)
{
	begin(false, true);
	build_affine("conv", "a");
	build_node(&c.build, "Relu", "a", "r");
	build_node(&c.build, "Mul", "r half", "y");
	build_output(&c.build, "conv");
	build_output(&c.build, "a");
	build_output(&c.build, "y");
	c.absolute = 1e-4;
	run_case(&c, *state);
}

/* A bias by column, of a matrix product. */
static void test_columns(void **state)
{
	const int64_t in[3] = { 2, 7, 33 }, w[2] = { 33, 70 }, columns = 70;

	begin_case(&c, OPSET);
	add_input(&c.build, "x", 3, in);
	add_weights(&c.build, "w", 2, w);
	add_weights(&c.build, "b", 1, &columns);
	build_node(&c.build, "MatMul", "x w", "m");
	build_node(&c.build, "Add", "b m", "a");
	build_node(&c.build, "Mul", "a b", "t");
	build_node(&c.build, "Relu", "t", "y");
	check(*state, false, 0);
	end_case(&c);
}

/* Of a product in groups, and of one that is transposed. */
static void test_groups(void **state)
{
	const int64_t in[4] = { 2, 12, 5, 8 }, w[4] = { 18, 4, 3, 3 }, back[4] = { 18, 5, 2, 2 };
	const int64_t pads[4] = { 1, 1, 1, 1 }, strides[2] = { 2, 2 }, channels = 18, more = 10;
	const int64_t vector[3] = { 10, 1, 1 };
	Onnx__NodeProto *node;

	begin_case(&c, OPSET);
	add_input(&c.build, "x", 4, in);
	add_weights(&c.build, "w", 4, w);
	add_weights(&c.build, "back", 4, back);
	add_weights(&c.build, "bias", 1, &channels);
	add_weights(&c.build, "bias2", 1, &more);
	add_weights(&c.build, "by_channel", 3, vector);
	add_weights(&c.build, "scale", 1, &channels);
	add_weights(&c.build, "mean", 1, &channels);
	build_node(&c.build, "Mul", "scale scale", "variance");
	node = build_node(&c.build, "Conv", "x w bias", "c1");
	add_ints(&c.build, node, "pads", 4, pads);
	build_int(&c.build, node, "group", 3);
	build_node(&c.build, "BatchNormalization", "c1 scale bias mean variance", "n");
	build_node(&c.build, "Relu", "n", "r");
	node = build_node(&c.build, "ConvTranspose", "r back bias2", "c2");
	add_ints(&c.build, node, "strides", 2, strides);
	build_int(&c.build, node, "group", 2);
	build_node(&c.build, "Mul", "c2 by_channel", "y");
	build_output(&c.build, "y");
	c.absolute = 1e-3;
	c.relative = 1e-4;
	run_case(&c, *state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CARD_TEST(test_affine),
		CARD_TEST(test_hard_swish),
		CARD_TEST(test_steps),
		CARD_TEST(test_other_gate),
		CARD_TEST(test_activations),
		CARD_TEST(test_silu),
		CARD_TEST(test_stored_between),
		CARD_TEST(test_columns),
		CARD_TEST(test_groups),
	};

	return cmocka_run_group_tests(tests, open_card, close_card);
}
