// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Operators that move blocks about, normalise parts, count and sum along an axis; losses; grids. */
#include "case.h"

#include <stdio.h>
#include <string.h>

#define OPSET	24

static struct test_case c;

static void test_tile(void **state)
{
	const int64_t dims[4] = { 3, 1, 5, 40 }, repeats[4] = { 1, 7, 1, 3 };

	begin_case(&c, OPSET);
	add_input(&c.build, "x", 4, dims);
	build_ints(&c.build, "r", 4, repeats);
	build_node(&c.build, "Tile", "x r", "y");
	build_output(&c.build, "y");
	run_case(&c, *state);
}

static void run_blocks(struct card *card, const char *type, const char *mode, const int64_t dims[4])
{
	Onnx__NodeProto *node;

	begin_case(&c, OPSET);
	add_input(&c.build, "x", 4, dims);
	node = build_node(&c.build, type, "x", "y");
	build_int(&c.build, node, "blocksize", 3);
	if (mode)
		add_text(&c.build, node, "mode", mode);
	build_output(&c.build, "y");
	run_case(&c, card);
}

static void test_blocks(void **state)
{
	const int64_t deep[4] = { 3, 36, 7, 11 }, wide[4] = { 3, 5, 21, 33 };

	run_blocks(*state, "DepthToSpace", "DCR", deep);
	run_blocks(*state, "DepthToSpace", "CRD", deep);
	run_blocks(*state, "SpaceToDepth", NULL, wide);
}

static void test_norms(void **state)
{
	const int64_t dims[4] = { 3, 12, 9, 17 }, channels = 12;
	int k;

	for (k = 0; k < 3; k++) {
		begin_case(&c, OPSET);
		add_input(&c.build, "x", 4, dims);
		add_weights(&c.build, "s", 1, &channels);
		add_weights(&c.build, "b", 1, &channels);
		if (k == 2)
			build_node(&c.build, "InstanceNormalization", "x s b", "y");
		else
			build_int(&c.build, build_node(&c.build, "GroupNormalization", "x s b", "y"),
				  "num_groups", k ? 4 : 1);
		build_output(&c.build, "y");
		c.absolute = 1e-4;
		run_case(&c, *state);
	}
}

static void run_sums(struct card *card, int64_t axis, bool exclusive, bool reverse, int type)
{
	Onnx__NodeProto *node;

	begin_case(&c, OPSET);
	build_input(&c.build, "x", type, "4 23 35");
	build_ints(&c.build, "a", 1, &axis);
	node = build_node(&c.build, "CumSum", "x a", "y");
	build_int(&c.build, node, "exclusive", exclusive);
	build_int(&c.build, node, "reverse", reverse);
	build_output(&c.build, "y");
	c.absolute = 1e-4;
	run_case(&c, card);
}

static void test_sums(void **state)
{
	int k;

	for (k = 0; k < 16; k++)
		run_sums(*state, k & 3 ? (k & 3) - 3 : 0, k & 4, k & 8, k & 1 ? NN_F32 : NN_I64);
}

static void test_elements(void **state)
{
	const int64_t dims[2] = { 21, 50 };
	Onnx__NodeProto *node;

	begin_case(&c, OPSET);
	build_input(&c.build, "i", NN_I32, "21 50");
	build_input(&c.build, "k", NN_I32, "50");
	add_input(&c.build, "x", 2, dims);
	build_node(&c.build, "Abs", "k", "k1");
	build_node(&c.build, "Neg", "k1", "k2");
	build_ints(&c.build, "one64", 1, (int64_t[1]){ 1 });
	build_int(&c.build, build_node(&c.build, "Cast", "one64", "one"), "to", NN_I32);
	build_node(&c.build, "Sub", "k2 one", "below");
	build_node(&c.build, "Add", "k1 one", "above");
	build_node(&c.build, "Mod", "i below", "m1");
	build_node(&c.build, "Mod", "i above", "m2");
	build_int(&c.build, build_node(&c.build, "Mod", "i below", "m3"), "fmod", 1);
	node = build_node(&c.build, "Shrink", "x", "s");
	add_float(&c.build, node, "bias", 0.25f);
	add_float(&c.build, node, "lambd", 0.75f);
	build_node(&c.build, "Exp", "x", "e");
	build_node(&c.build, "Log", "x", "l");
	build_node(&c.build, "Reciprocal", "l", "r");
	build_node(&c.build, "IsInf", "r", "n");
	build_int(&c.build, build_node(&c.build, "Hardmax", "e", "h"), "axis", 0);
	build_int(&c.build, build_node(&c.build, "LpNormalization", "x", "p"), "p", 1);
	build_output(&c.build, "m1");
	build_output(&c.build, "m2");
	build_output(&c.build, "m3");
	build_output(&c.build, "s");
	build_output(&c.build, "n");
	build_output(&c.build, "h");
	build_output(&c.build, "p");
	run_case(&c, *state);
}

/* Indices from -50 to 49: those below -40 and above 39 are nowhere. */
static void test_one_hot(void **state)
{
	int axis;

	for (axis = -1; axis < 3; axis++) {
		begin_case(&c, OPSET);
		build_input(&c.build, "i", NN_I64, "9 31");
		build_ints(&c.build, "depth", 1, (int64_t[1]){ 40 });
		build_ints(&c.build, "values", 2, (int64_t[2]){ -3, 5 });
		build_int(&c.build, build_node(&c.build, "OneHot", "i depth values", "y"), "axis", axis);
		build_output(&c.build, "y");
		run_case(&c, *state);
	}
}

static void run_cache(struct card *card, bool circular, bool starts)
{
	const int64_t cache[4] = { 3, 2, 20, 17 }, update[4] = { 3, 2, 6, 17 };
	Onnx__NodeProto *node;

	begin_case(&c, OPSET);
	add_input(&c.build, "x", 4, cache);
	add_input(&c.build, "u", 4, update);
	build_input(&c.build, "n", NN_I64, "3");
	build_ints(&c.build, "low", 1, (int64_t[1]){ 0 });
	build_ints(&c.build, "high", 1, (int64_t[1]){ circular ? 19 : 14 });
	build_node(&c.build, "Max", "n low", "n1");
	build_node(&c.build, "Min", "n1 high", "at");
	node = build_node(&c.build, "TensorScatter", starts ? "x u at" : "x u", "y");
	if (circular)
		add_text(&c.build, node, "mode", "circular");
	build_output(&c.build, "y");
	build_output(&c.build, "at");
	run_case(&c, card);
}

static void test_cache(void **state)
{
	run_cache(*state, false, false);
	run_cache(*state, false, true);
	run_cache(*state, true, true);
}

/* Targets are from -50 to 49, and made to lie within the classes; class 3 is ignored. */
static void run_loss(struct card *card, const char *type, const char *reduction, bool weights, bool ignore)
{
	const int64_t scores[3] = { 5, 23, 31 }, classes = 23;
	Onnx__NodeProto *node;
	bool softmax = type[0] == 'S';

	begin_case(&c, OPSET);
	add_input(&c.build, "x", 3, scores);
	build_input(&c.build, "n", NN_I64, "5 31");
	build_ints(&c.build, "classes", 1, &classes);
	build_node(&c.build, "Mod", "n classes", "t");
	if (weights)
		add_weights(&c.build, "w", 1, &classes);
	node = build_node(&c.build, type, weights ? "x t w" : "x t", softmax ? "y l" : "y");
	add_text(&c.build, node, "reduction", reduction);
	if (ignore)
		build_int(&c.build, node, "ignore_index", 3);
	build_output(&c.build, "y");
	if (softmax)
		build_output(&c.build, "l");
	c.absolute = 1e-4;
	c.relative = 1e-4;
	run_case(&c, card);
}

static void test_losses(void **state)
{
	static const char *const reductions[] = { "none", "mean", "sum" };
	static const char *const types[] = { "NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss" };
	int i;

	for (i = 0; i < 12; i++)
		run_loss(*state, types[i & 1], reductions[i / 4], i & 2, i % 3 == 1);
}

static void run_grid(struct card *card, const char *mode, const char *padding, bool align)
{
	const int64_t image[4] = { 2, 3, 13, 21 }, grid[4] = { 2, 9, 17, 2 };
	Onnx__NodeProto *node;

	begin_case(&c, OPSET);
	add_input(&c.build, "x", 4, image);
	add_input(&c.build, "g", 4, grid);
	node = build_node(&c.build, "GridSample", "x g", "y");
	add_text(&c.build, node, "mode", mode);
	add_text(&c.build, node, "padding_mode", padding);
	build_int(&c.build, node, "align_corners", align);
	build_output(&c.build, "y");
	c.absolute = 1e-4;
	run_case(&c, card);
}

static void test_grid(void **state)
{
	int i;

	for (i = 0; i < 8; i++)
		run_grid(*state, i & 1 ? "nearest" : "linear", i & 2 ? "border" : "zeros", i & 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CARD_TEST(test_tile),
		CARD_TEST(test_blocks),
		CARD_TEST(test_norms),
		CARD_TEST(test_sums),
		CARD_TEST(test_elements),
		CARD_TEST(test_one_hot),
		CARD_TEST(test_cache),
		CARD_TEST(test_losses),
		CARD_TEST(test_grid),
	};

	return cmocka_run_group_tests(tests, open_card, close_card);
}
