// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Element types: every code of the small ones, rounding, saturation, and packing. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <libaccel/nn/tensor.h>

static struct nn_tensor make(enum nn_type type, int64_t count)
{
	const struct nn_shape shape = { 1, { count } };
	struct nn_tensor tensor;

	assert_int_equal(nn_tensor_init(&tensor, type, &shape), 0);
	return tensor;
}

/* What a code stands for is stored as the same code. NaNs have many codes: any will do. */
static void test_round_trip(void **state)
{
	static const enum nn_type types[] = { NN_F16, NN_BF16, NN_F8E4M3FN, NN_F8E4M3FNUZ, NN_F8E5M2,
					      NN_F8E5M2FNUZ, NN_F8E8M0 };
	struct nn_tensor a, b;
	unsigned int code, codes;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		a = make(types[i], 2);
		b = make(types[i], 2);
		codes = 1u << nn_type_bits(types[i]);
		for (code = 0; code < codes; code++) {
			memcpy(a.data, &code, nn_bytes(types[i], 1));
			memset(b.data, 0x55, nn_bytes(types[i], 1));
			nn_set(&b, 0, nn_get(&a, 0));
			if (isnan(nn_get(&a, 0)))
				assert_true(isnan(nn_get(&b, 0)));
			else
				assert_memory_equal(a.data, b.data, nn_bytes(types[i], 1));
		}
		nn_tensor_release(&a);
		nn_tensor_release(&b);
	}
}

static double through(enum nn_type type, double value)
{
	struct nn_tensor t = make(type, 3);

	nn_set(&t, 1, value);
	value = nn_get(&t, 1);
	/* The neighbours of packed elements stay. */
	assert_true(nn_get(&t, 0) == 0 || type == NN_F8E8M0);
	assert_true(nn_get(&t, 2) == 0 || type == NN_F8E8M0);
	nn_tensor_release(&t);
	return value;
}

static void test_floats(void **state)
{
	(void)state;
	/* Halves go to the even neighbour. */
	assert_true(through(NN_F16, 2049) == 2048);
	assert_true(through(NN_F16, 2051) == 2052);
	assert_true(through(NN_BF16, 257) == 256);
	assert_true(through(NN_BF16, 259) == 260);
	assert_true(through(NN_F16, 65519) == 65504);
	assert_true(isinf(through(NN_F16, 65520)));
	assert_true(through(NN_F16, 0x1p-25) == 0);
	assert_true(through(NN_F16, 0x1.8p-25) == 0x1p-24);
	assert_true(signbit(through(NN_F16, -0.0)));
	assert_true(through(NN_F8E4M3FN, 448) == 448);
	assert_true(isnan(through(NN_F8E4M3FN, 480)));
	assert_false(signbit(through(NN_F8E4M3FNUZ, -0.0)));
	assert_true(through(NN_F4E2M1, -5) == -4);
	assert_true(through(NN_F4E2M1, 100) == 6);
	assert_true(nn_largest(NN_F8E4M3FN) == 448);
	assert_true(nn_largest(NN_F8E5M2) == 57344);
	assert_true(nn_largest(NN_F8E4M3FNUZ) == 240);
	assert_true(nn_largest(NN_F16) == 65504);
}

static void test_integers(void **state)
{
	struct nn_tensor t;

	(void)state;
	assert_true(through(NN_U8, 300) == 255);
	assert_true(through(NN_U8, -1) == 0);
	assert_true(through(NN_I8, -129) == -128);
	assert_true(through(NN_I8, 1.9) == 1);
	assert_true(through(NN_I4, -8) == -8);
	assert_true(through(NN_I4, 9) == 7);
	assert_true(through(NN_U2, 3) == 3);
	assert_true(through(NN_I64, 1e30) == 0x1p63);
	assert_true(through(NN_U64, 1e30) == 0x1p64);
	assert_true(through(NN_I32, NAN) == 0);
	t = make(NN_I4, 3);
	assert_int_equal(nn_bytes(NN_I4, 3), 2);
	nn_set_int(&t, 0, -1);
	nn_set_int(&t, 1, 7);
	nn_set_int(&t, 2, 0x12);
	assert_int_equal(((uint8_t *)t.data)[0], 0x7f);
	assert_int_equal(nn_get_int(&t, 0), -1);
	assert_int_equal(nn_get_int(&t, 2), 2);
	nn_tensor_release(&t);
}

static void test_sizes(void **state)
{
	struct nn_shape huge = { 3, { INT64_MAX, INT64_MAX, 0 } };
	size_t count = 1;

	(void)state;
	/* A zero does not hide that the rest is absurd, whatever the order. */
	assert_false(nn_shape_count(&huge, &count));
	huge = (struct nn_shape){ 2, { (int64_t)1 << 32, (int64_t)1 << 32 } };
	assert_false(nn_shape_count(&huge, &count));
	huge = (struct nn_shape){ 2, { 0, 5 } };
	assert_true(nn_shape_count(&huge, &count));
	assert_int_equal(count, 0);
	huge = (struct nn_shape){ 0, { 0 } };
	assert_true(nn_shape_count(&huge, &count));
	assert_int_equal(count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_floats),
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
