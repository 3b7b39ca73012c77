// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* The range allocator, against a map of every number. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libaccel/range.h>

static void test_takes_in_order(void **state)
{
	struct ranges ranges;
	uint64_t a, b;

	(void)state;
	assert_int_equal(accel_ranges_init(&ranges, 0x1000, 0x3000), 0);
	assert_int_equal(accel_ranges_take(&ranges, 0x1000, 0x1000, &a), 0);
	assert_int_equal(accel_ranges_take(&ranges, 0x2000, 0x1000, &b), 0);
	assert_int_equal(a, 0x1000);
	assert_int_equal(b, 0x2000);
	assert_int_equal(accel_ranges_take(&ranges, 1, 1, &a), -ENOSPC);
	accel_ranges_fini(&ranges);
}

static void test_aligns(void **state)
{
	struct ranges ranges;
	uint64_t at;

	(void)state;
	assert_int_equal(accel_ranges_init(&ranges, 0x1000, 0x400000), 0);
	assert_int_equal(accel_ranges_take(&ranges, 0x200000, 0x200000, &at), 0);
	assert_int_equal(at, 0x200000);
	/* What the alignment skipped is not lost. */
	assert_int_equal(accel_ranges_take(&ranges, 0x1000, 0x1000, &at), 0);
	assert_int_equal(at, 0x1000);
	assert_int_equal(accel_ranges_free(&ranges), 0x400000 - 0x201000);
	accel_ranges_fini(&ranges);
}

static void test_top_of_the_numbers(void **state)
{
	struct ranges ranges;
	uint64_t at;

	(void)state;
	/* Aligning up must not wrap around. */
	assert_int_equal(accel_ranges_init(&ranges, UINT64_MAX - 0xfff, 0x1000), 0);
	assert_int_equal(accel_ranges_take(&ranges, 0x1000, 0x200000, &at), -ENOSPC);
	assert_int_equal(accel_ranges_take(&ranges, 0x1000, 0x1000, &at), 0);
	accel_ranges_fini(&ranges);
}

static void test_merges(void **state)
{
	static const int orders[][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};
	struct ranges ranges;
	uint64_t at[3];
	size_t order;
	int i;

	(void)state;
	for (order = 0; order < sizeof(orders) / sizeof(orders[0]); order++) {
		assert_int_equal(accel_ranges_init(&ranges, 0, 30), 0);
		for (i = 0; i < 3; i++)
			assert_int_equal(accel_ranges_take(&ranges, 10, 1, &at[i]), 0);
		assert_int_equal(ranges.count, 0);
		for (i = 0; i < 3; i++)
			accel_ranges_give(&ranges, at[orders[order][i]], 10);
		assert_int_equal(ranges.count, 1);
		assert_int_equal(ranges.free[0].start, 0);
		assert_int_equal(ranges.free[0].size, 30);
		accel_ranges_fini(&ranges);
	}
}

static void test_empty(void **state)
{
	struct ranges ranges;
	uint64_t at;

	(void)state;
	assert_int_equal(accel_ranges_init(&ranges, 0x1000, 0), 0);
	assert_int_equal(accel_ranges_take(&ranges, 1, 1, &at), -ENOSPC);
	accel_ranges_fini(&ranges);
}

#define NUMBERS	4096
#define HELD	200

/* Random takes and gives; a map of who has what must never show an overlap. */
static void test_random(void **state)
{
	static unsigned char map[NUMBERS];
	struct { uint64_t start, size; } held[HELD] = { 0 };
	struct ranges ranges;
	uint64_t used = 0, n;
	unsigned int seed = 1;
	int round;

	(void)state;
	assert_int_equal(accel_ranges_init(&ranges, 0, NUMBERS), 0);
	for (round = 0; round < 200000; round++) {
		int i = rand_r(&seed) % HELD;

		if (held[i].size) {
			for (n = 0; n < held[i].size; n++)
				map[held[i].start + n] = 0;
			accel_ranges_give(&ranges, held[i].start, held[i].size);
			used -= held[i].size;
			held[i].size = 0;
		} else {
			uint64_t size = 1 + rand_r(&seed) % 40;
			uint64_t align = 1u << rand_r(&seed) % 6, start;

			if (accel_ranges_take(&ranges, size, align, &start))
				continue;
			assert_int_equal(start % align, 0);
			assert_true(start + size <= NUMBERS);
			for (n = 0; n < size; n++) {
				assert_int_equal(map[start + n], 0);
				map[start + n] = 1;
			}
			held[i].start = start;
			held[i].size = size;
			used += size;
		}
		assert_int_equal(accel_ranges_free(&ranges), NUMBERS - used);
	}
	accel_ranges_fini(&ranges);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_takes_in_order),
		cmocka_unit_test(test_aligns),
		cmocka_unit_test(test_top_of_the_numbers),
		cmocka_unit_test(test_merges),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_random),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("range", tests, NULL, NULL);
}
