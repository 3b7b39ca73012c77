// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* TopK on the card: the largest or smallest of rows, and their places, in order. */
#include "case.h"

#include <string.h>

#define OPSET	17

static struct test_case c;

static void add_top_k(const char *x, int64_t k, int64_t axis, bool largest)
{
	Onnx__NodeProto *node;

	build_ints(&c.build, "k", 1, &k);
	node = build_node(&c.build, "TopK", strcmp(x, "x") ? "y k" : "x k", "values places");
	build_int(&c.build, node, "axis", axis);
	build_int(&c.build, node, "largest", largest);
	build_output(&c.build, "values");
	build_output(&c.build, "places");
}

static void begin(void)
{
	begin_case(&c, OPSET);
	c.relative = 0;
	c.absolute = 0;
}

static void test_axes(void **state)
{
	const int64_t dims[3] = { 3, 40, 5 };
	int64_t axis;

	for (axis = -3; axis < 3; axis++) {
		begin();
		add_input(&c.build, "x", 3, dims);
		add_top_k("x", 1 + any(3), axis, axis & 1);
		run_case(&c, *state);
	}
}

/* All of a row: sorted. And of rows as a router of experts has them, and a finder of boxes. */
static void test_sizes(void **state)
{
	static const struct {
		int64_t rows, size, k;
	} sizes[] = { { 1, 1, 1 }, { 4, 33, 33 }, { 17, 64, 8 }, { 1, 1000, 100 }, { 1, 2100, 50 } };
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		begin();
		add_input(&c.build, "x", 2, (int64_t[]){ sizes[i].rows, sizes[i].size });
		add_top_k("x", sizes[i].k, -1, true);
		run_case(&c, *state);
	}
}

/* Equal ones come in the order of their places; zeros are equal, and infinities are numbers. */
static void test_equal(void **state)
{
	bool largest = false;

	do {
		begin();
		add_input(&c.build, "x", 2, (int64_t[]){ 6, 50 });
		add_number(&c.build, "four", 4);
		add_number(&c.build, "lowest", -1e38f);
		/* Whole numbers from -4 to 4, both zeros, and -4 becomes minus infinity. */
		build_node(&c.build, "Mul", "x four", "wide");
		build_node(&c.build, "Round", "wide", "whole");
		build_node(&c.build, "Neg", "four", "low");
		build_node(&c.build, "Equal", "whole low", "is_low");
		build_node(&c.build, "Mul", "lowest four", "infinite");
		build_node(&c.build, "Where", "is_low infinite whole", "y");
		add_top_k("y", 45, 1, largest);
		run_case(&c, *state);
		largest = !largest;
	} while (largest);
}

static void test_integers(void **state)
{
	begin();
	build_input(&c.build, "x", NN_I32, "4 30 2");
	add_top_k("x", 7, 1, false);
	run_case(&c, *state);
}

/* What would take too long is left to the host. */
static void test_long(void **state)
{
	begin();
	c.host_allowed = true;
	add_input(&c.build, "x", 1, (int64_t[]){ 8400 });
	add_top_k("x", 5, 0, true);
	plan_case(&c, *state);
	assert_int_equal(c.plan->steps[c.plan->step_count - 1].where, NN_ON_HOST);
	check_case(&c, *state);
	end_case(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CARD_TEST(test_axes),
		CARD_TEST(test_sizes),
		CARD_TEST(test_equal),
		CARD_TEST(test_integers),
		CARD_TEST(test_long),
	};

	return cmocka_run_group_tests(tests, open_card, close_card);
}
