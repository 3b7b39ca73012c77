// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Programs in the writing: what has found no room is handed on, and never becomes part of one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libaccel/nn/card/program.h>

static const int64_t dims[2] = { 4, 8 }, stride[2] = { 32, 4 };
static const struct nn_ref somewhere = { 1, 0 };

static int load(struct nn_program *p)
{
	return nn_program_load(p, EGRET_TYPE_F32, somewhere, stride);
}

static void test_handed_on(void **state)
{
	struct nn_program p;
	size_t values;
	int x;

	(void)state;
	nn_program_init(&p, 2, dims);
	p.reduced = 1;
	x = load(&p);
	values = p.values;
	assert_int_equal(nn_map1(&p, EGRET_MAP_NEG, EGRET_TYPE_F32, -1), -1);
	assert_int_equal(nn_map2(&p, EGRET_MAP_ADD, EGRET_TYPE_F32, -1, nn_number(1)), -1);
	assert_int_equal(nn_map2(&p, EGRET_MAP_ADD, EGRET_TYPE_F32, x, NN_VALUE(-1)), -1);
	assert_int_equal(nn_map3(&p, EGRET_MAP_FMA, EGRET_TYPE_F32, x, nn_number(1), NN_VALUE(-1)), -1);
	assert_int_equal(nn_program_reduce(&p, EGRET_REDUCE_SUM, EGRET_TYPE_F32, -1), -1);
	assert_int_equal(nn_program_scan(&p, EGRET_TYPE_F32, -1), -1);
	assert_false(nn_program_store(&p, -1, somewhere, stride));
	assert_int_equal(p.values, values);
	assert_int_equal(p.steps, 0);
	assert_int_equal(p.streams, 1);
	/* Numbers, and operands that an operation does not have, are none of these. */
	assert_int_equal(nn_map2(&p, EGRET_MAP_ADD, EGRET_TYPE_F32, x, nn_number(1)), values);
	assert_int_equal(nn_map3(&p, EGRET_MAP_FMA, EGRET_TYPE_F32, x, nn_integer(1), NN_NO_ARG),
			 values + 1);
}

/* A program that is full takes nothing more, and what is there stays. */
static void test_full(void **state)
{
	struct nn_program p;
	int x, y, i;

	(void)state;
	nn_program_init(&p, 2, dims);
	p.reduced = 1;
	x = load(&p);
	for (i = 0; i < NN_STEPS; i++) {
		y = nn_map1(&p, EGRET_MAP_NEG, EGRET_TYPE_F32, x);
		assert_true(y > x);
		x = y;
	}
	assert_int_equal(nn_map1(&p, EGRET_MAP_NEG, EGRET_TYPE_F32, x), -1);
	assert_int_equal(nn_program_reduce(&p, EGRET_REDUCE_SUM, EGRET_TYPE_F32, x), -1);
	assert_int_equal(p.steps, NN_STEPS);
	for (i = 1; i < NN_OPERANDS; i++)
		assert_true(nn_program_store(&p, x, somewhere, stride));
	assert_false(nn_program_store(&p, x, somewhere, stride));
	assert_int_equal(load(&p), -1);
	assert_int_equal(p.streams, NN_OPERANDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handed_on),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
