// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * What exporters take apart, and how few launches become of it: no pattern is known by name, so each
 * is a test that the general rules find it.
 */
#include "case.h"

#include <math.h>

#define ROWS	6
#define WIDTH	48
#define HEADS	3
#define HEAD	16

static struct test_case c;

static void begin(void)
{
	const int64_t in[3] = { 2, ROWS, WIDTH };

	begin_case(&c, 17);
	c.absolute = 1e-4;
	add_input(&c.build, "x", 3, in);
	add_number(&c.build, "half", 0.5f);
	add_number(&c.build, "one", 1);
	add_number(&c.build, "two", 2);
	add_number(&c.build, "three", 3);
	add_number(&c.build, "epsilon", 1e-5f);
}

static void add_vector(const char *name)
{
	const int64_t size = WIDTH;

	add_weights(&c.build, name, 1, &size);
}

/* "m" becomes x * w + b. */
static void add_product(void)
{
	const int64_t sizes[2] = { WIDTH, WIDTH };

	add_weights(&c.build, "w", 2, sizes);
	add_vector("b");
	build_node(&c.build, "MatMul", "x w", "p");
	build_node(&c.build, "Add", "b p", "m");
}

static void check(struct card *card, size_t launches)
{
	build_output(&c.build, "y");
	plan_case(&c, card);
	assert_int_equal(launches_of(&c), launches);
	check_case(&c, card);
	end_case(&c);
}

static void add_mean(const char *from, const char *to)
{
	Onnx__NodeProto *node = build_node(&c.build, "ReduceMean", from, to);
	const int64_t last = -1;

	add_ints(&c.build, node, "axes", 1, &last);
}

/* x / 2 * (1 + erf(x / sqrt(2))), behind a product with a bias. */
static void test_erf_gelu(void **state)
{
	begin();
	add_product();
	add_number(&c.build, "root", sqrtf(2));
	build_node(&c.build, "Div", "m root", "g1");
	build_node(&c.build, "Erf", "g1", "g2");
	build_node(&c.build, "Add", "g2 one", "g3");
	build_node(&c.build, "Mul", "m g3", "g4");
	build_node(&c.build, "Mul", "g4 half", "y");
	check(*state, 1);
}

/* x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))), likewise. */
static void test_tanh_gelu(void **state)
{
	begin();
	add_product();
	add_number(&c.build, "share", 0.044715f);
	add_number(&c.build, "root", 0.7978845608f);
	build_node(&c.build, "Pow", "m three", "g1");
	build_node(&c.build, "Mul", "g1 share", "g2");
	build_node(&c.build, "Add", "m g2", "g3");
	build_node(&c.build, "Mul", "root g3", "g4");
	build_node(&c.build, "Tanh", "g4", "g5");
	build_node(&c.build, "Add", "one g5", "g6");
	build_node(&c.build, "Mul", "m g6", "g7");
	build_node(&c.build, "Mul", "half g7", "y");
	check(*state, 1);
}

/* What comes before, and what comes behind, goes along. */
static void test_layer_norm(void **state)
{
	const int64_t in[3] = { 2, ROWS, WIDTH };

	begin();
	add_input(&c.build, "r", 3, in);
	add_vector("s");
	add_vector("o");
	build_node(&c.build, "Add", "x r", "a");
	add_mean("a", "mean");
	build_node(&c.build, "Sub", "a mean", "d");
	build_node(&c.build, "Pow", "d two", "q");
	add_mean("q", "v");
	build_node(&c.build, "Add", "v epsilon", "e");
	build_node(&c.build, "Sqrt", "e", "root");
	build_node(&c.build, "Div", "d root", "n");
	build_node(&c.build, "Mul", "n s", "t");
	build_node(&c.build, "Add", "t o", "u");
	build_node(&c.build, "Relu", "u", "y");
	check(*state, 1);
}

static void test_rms_norm(void **state)
{
	begin();
	add_vector("s");
	build_node(&c.build, "Pow", "x two", "q");
	add_mean("q", "v");
	build_node(&c.build, "Add", "v epsilon", "e");
	build_node(&c.build, "Sqrt", "e", "root");
	build_node(&c.build, "Div", "one root", "i");
	build_node(&c.build, "Mul", "x i", "n");
	build_node(&c.build, "Mul", "s n", "y");
	check(*state, 1);
}

/* silu(x * w) * (x * z): the second product takes all of it along. */
static void test_gated(void **state)
{
	const int64_t sizes[2] = { WIDTH, WIDTH };

	begin();
	add_product();
	add_weights(&c.build, "z", 2, sizes);
	build_node(&c.build, "Sigmoid", "m", "g");
	build_node(&c.build, "Mul", "m g", "h");
	build_node(&c.build, "MatMul", "x z", "k");
	build_node(&c.build, "Mul", "h k", "y");
	check(*state, 2);
}

/*
 * Scores with their scale and the mask are one launch, the normalisation of their rows another one,
 * and the products with the values the third.
 */
static void test_attention(void **state)
{
	const int64_t heads[4] = { 2, HEADS, ROWS, HEAD }, keys[4] = { 2, HEADS, HEAD, ROWS };
	const int64_t mask[4] = { 2, 1, ROWS, ROWS };
	Onnx__NodeProto *node;

	begin_case(&c, 17);
	c.absolute = 1e-4;
	add_input(&c.build, "q", 4, heads);
	add_input(&c.build, "k", 4, keys);
	add_input(&c.build, "v", 4, heads);
	add_input(&c.build, "mask", 4, mask);
	add_number(&c.build, "root", 4);
	build_node(&c.build, "MatMul", "q k", "s1");
	build_node(&c.build, "Div", "s1 root", "s2");
	build_node(&c.build, "Add", "s2 mask", "s3");
	node = build_node(&c.build, "Softmax", "s3", "s4");
	build_int(&c.build, node, "axis", -1);
	build_node(&c.build, "MatMul", "s4 v", "y");
	check(*state, 3);
}

/* Ten operators, one launch, nothing in between in memory. */
static void test_chain(void **state)
{
	begin();
	build_node(&c.build, "Mul", "x two", "a");
	build_node(&c.build, "Add", "a one", "b");
	build_node(&c.build, "Sigmoid", "b", "d");
	build_node(&c.build, "Sub", "d x", "e");
	build_node(&c.build, "Abs", "e", "f");
	build_node(&c.build, "Add", "f epsilon", "g");
	build_node(&c.build, "Log", "g", "h");
	build_node(&c.build, "Max", "h x", "i");
	build_node(&c.build, "Neg", "i", "j");
	build_node(&c.build, "Tanh", "j", "y");
	check(*state, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CARD_TEST(test_erf_gelu), CARD_TEST(test_tanh_gelu), CARD_TEST(test_layer_norm),
		CARD_TEST(test_rms_norm), CARD_TEST(test_gated), CARD_TEST(test_attention),
		CARD_TEST(test_chain),
	};

	return cmocka_run_group_tests(tests, open_card, close_card);
}
