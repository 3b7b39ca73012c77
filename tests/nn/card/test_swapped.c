// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Transposed weights, such as the embedding of a language model that is its last layer's as well. */
#include "case.h"

#include <string.h>

#define OPSET	17

static struct test_case c;

/* Words are looked up in a table, and compared with it. */
static void build_tied(int64_t words)
{
	const int64_t table[2] = { 90, 48 };
	int64_t *ids = build_alloc(&c.build, (size_t)words * sizeof(*ids)), i;

	for (i = 0; i < words; i++)
		ids[i] = any(90);
	add_weights(&c.build, "table", 2, table);
	build_ints(&c.build, "ids", (size_t)words, ids);
	add_input(&c.build, "x", 2, (int64_t[]){ words, 48 });
	build_node(&c.build, "Gather", "table ids", "found");
	build_node(&c.build, "Add", "found x", "sum");
	build_node(&c.build, "Transpose", "table", "last");
	build_node(&c.build, "MatMul", "sum last", "logits");
	build_output(&c.build, "logits");
}

/* Nothing is transposed when the model runs, and nothing is a constant of the plan. */
static void test_tied(void **state)
{
	uint64_t bytes;

	begin_case(&c, OPSET);
	build_tied(7);
	plan_case(&c, *state);
	assert_int_equal(launches_of(&c), 1 + 1);
	/* The words that are looked up. */
	assert_true(c.plan->constant_bytes <= 7 * 48 * sizeof(float) + 256);
	bytes = c.card->weight_bytes;
	check_case(&c, *state);
	/* Another plan finds the weights there. */
	nn_plan_free(c.plan);
	assert_int_equal(nn_plan_create(c.card, &c.facts, &c.plan), 0);
	assert_int_equal(c.card->weight_bytes, bytes);
	check_case(&c, *state);
	end_case(&c);
}

static void test_precision(void **state)
{
	static const struct {
		enum nn_type type;
		double deviation;
	} precisions[] = { { NN_BF16, 6e-3 }, { NN_F16, 8e-4 }, { NN_I8, 2e-2 } };
	size_t i;

	for (i = 0; i < sizeof(precisions) / sizeof(precisions[0]); i++) {
		begin_case(&c, OPSET);
		c.precision = precisions[i].type;
		c.deviation = precisions[i].deviation;
		build_tied(40);
		run_case(&c, *state);
	}
}

/* Several matrices, of sizes that squares do not go into; and one row, which is a vector. */
static void test_shapes(void **state)
{
	static const int64_t a[][3] = { { 3, 5, 33 }, { 3, 1, 50 }, { 1, 40, 1 } };
	static const int64_t b[][3] = { { 3, 47, 33 }, { 3, 1, 50 }, { 3, 16, 1 } };
	size_t i;

	for (i = 0; i < 3; i++) {
		begin_case(&c, OPSET);
		add_input(&c.build, "a", 3, a[i]);
		add_weights(&c.build, "b", 3, b[i]);
		add_ints(&c.build, build_node(&c.build, "Transpose", "b", "t"), "perm", 3,
			 (int64_t[]){ 0, 2, 1 });
		build_node(&c.build, "MatMul", "a t", "y");
		build_output(&c.build, "y");
		plan_case(&c, *state);
		assert_int_equal(launches_of(&c), 1);
		assert_int_equal(c.plan->constant_bytes, 0);
		check_case(&c, *state);
		end_case(&c);
	}
}

/* A product that the host has to do gets its transposed weights from the card. */
static void test_host(void **state)
{
	begin_case(&c, OPSET);
	c.host_allowed = true;
	add_input(&c.build, "a", 6, (int64_t[]){ 2, 1, 3, 1, 4, 5 });
	add_weights(&c.build, "b", 6, (int64_t[]){ 1, 2, 1, 3, 6, 5 });
	add_ints(&c.build, build_node(&c.build, "Transpose", "b", "t"), "perm", 6,
		 (int64_t[]){ 0, 1, 2, 3, 5, 4 });
	build_node(&c.build, "MatMul", "a t", "y");
	build_output(&c.build, "y");
	plan_case(&c, *state);
	assert_int_equal(c.plan->steps[c.plan->step_count - 1].where, NN_ON_HOST);
	check_case(&c, *state);
	end_case(&c);
}

/* Somebody else wants it, too, or it is a product's first factor, or another permutation. */
static void test_others(void **state)
{
	begin_case(&c, OPSET);
	add_input(&c.build, "x", 2, (int64_t[]){ 4, 6 });
	add_input(&c.build, "z", 3, (int64_t[]){ 2, 3, 5 });
	add_weights(&c.build, "w", 2, (int64_t[]){ 9, 6 });
	add_weights(&c.build, "v", 3, (int64_t[]){ 5, 2, 7 });
	build_node(&c.build, "Transpose", "w", "t");
	build_node(&c.build, "MatMul", "x t", "product");
	build_node(&c.build, "Neg", "t", "negative");
	add_ints(&c.build, build_node(&c.build, "Transpose", "v", "u"), "perm", 3,
		 (int64_t[]){ 1, 0, 2 });
	build_node(&c.build, "MatMul", "z u", "many");
	build_node(&c.build, "Transpose", "w", "first");
	build_node(&c.build, "MatMul", "first product_t", "other");
	add_ints(&c.build, build_node(&c.build, "Transpose", "product", "product_t"), "perm", 2,
		 (int64_t[]){ 1, 0 });
	build_output(&c.build, "product");
	build_output(&c.build, "negative");
	build_output(&c.build, "many");
	build_output(&c.build, "other");
	run_case(&c, *state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CARD_TEST(test_tied),
		CARD_TEST(test_precision),
		CARD_TEST(test_shapes),
		CARD_TEST(test_host),
		CARD_TEST(test_others),
	};

	return cmocka_run_group_tests(tests, open_card, close_card);
}
