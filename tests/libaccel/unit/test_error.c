// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* The error record, the words for faults, and structures that grow. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <egret/fault.h>

#include <libaccel/error.h>
#include <libaccel/fault.h>

static void test_nothing_yet(void **state)
{
	const struct accel_error *error = accel_last_error();

	(void)state;
	assert_int_equal(error->error, 0);
	assert_string_equal(error->message, "");
	assert_string_equal(error->what, "");
	assert_string_equal(error->cause, "");
	assert_string_equal(error->advice, "");
	assert_null(error->fault);
}

static void test_records(void **state)
{
	const struct accel_error *error;

	(void)state;
	assert_int_equal(accel_fail(-EIO, "cannot sing", "drink something", "%d notes too high",
				    7), -EIO);
	error = accel_last_error();
	assert_int_equal(error->error, -EIO);
	assert_string_equal(error->what, "cannot sing");
	assert_string_equal(error->cause, "7 notes too high");
	assert_string_equal(error->advice, "drink something");
	assert_string_equal(error->message, "cannot sing: 7 notes too high");
}

static void test_long_texts_are_cut(void **state)
{
	char text[4000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	accel_fail(-EIO, text, text, "%s", text);
	assert_true(strlen(accel_last_error()->message) < sizeof(text));
	assert_true(strlen(accel_last_error()->cause) > 100);
}

static void *fail_elsewhere(void *unused)
{
	accel_fail(-ENXIO, "b", NULL, "b");
	return unused;
}

static void test_is_of_the_thread(void **state)
{
	pthread_t thread;

	(void)state;
	accel_fail(-EIO, "a", NULL, "a");
	assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
	pthread_join(thread, NULL);
	assert_int_equal(accel_last_error()->error, -EIO);
}

static void test_fault(void **state)
{
	const struct drm_egret_queue_query query = {
		.state = DRM_EGRET_QUEUE_DEAD_FAULT,
		.fault_code = EGRET_FAULT_MMU_UNMAPPED,
		/* DMA unit of cluster 2, write, ended at level 1 */
		.fault_info = EGRET_UNIT_DMA | 2 << 4 | EGRET_ACCESS_WRITE << 12 | 1 << 16,
		.fault_addr = 0xabc000,
		.fault_pc = 0x100000042,
		.fault_group = { 3, 2, 1 },
	};
	const struct accel_error *error;
	struct accel_fault fault;

	(void)state;
	accel_fault_decode(&query, &fault);
	assert_string_equal(fault.name, "MMU_UNMAPPED");
	assert_string_equal(fault.unit, "DMA unit");
	assert_int_equal(fault.unit_index, 2);
	assert_string_equal(fault.access, "write");
	fault.kernel = "matmul_f32";
	fault.function = "load_block";
	fault.function_offset = 0x42;
	accel_fail_fault(-ECANCELED, "cannot wait", &fault);
	error = accel_last_error();
	assert_non_null(error->fault);
	assert_int_equal(error->fault->addr, 0xabc000);
	assert_int_equal(error->fault->group[0], 3);
	assert_non_null(strstr(error->cause, "MMU_UNMAPPED"));
	assert_non_null(strstr(error->cause, "DMA unit of cluster 2, workgroup (3, 2, 1) of "
			       "kernel matmul_f32"));
	assert_non_null(strstr(error->cause, "write access, address 0xabc000"));
	assert_non_null(strstr(error->cause, "load_block+0x42"));
	/* A later error without a fault has none. */
	accel_fail(-EIO, "a", NULL, "a");
	assert_null(accel_last_error()->fault);
}

static void test_every_fault_has_words(void **state)
{
	/* The codes of egret/fault.h. */
	static const uint8_t codes[] = {
		EGRET_FAULT_RING, EGRET_FAULT_PKT_OPCODE, EGRET_FAULT_PKT_RESERVED,
		EGRET_FAULT_PKT_FIELD, EGRET_FAULT_CALL_DEPTH, EGRET_FAULT_MMU_UNMAPPED,
		EGRET_FAULT_MMU_PERMISSION, EGRET_FAULT_MMU_TABLE, EGRET_FAULT_BUS,
		EGRET_FAULT_ECC, EGRET_FAULT_INSN_ILLEGAL, EGRET_FAULT_MISALIGNED,
		EGRET_FAULT_LOCAL, EGRET_FAULT_ABORT, EGRET_FAULT_DESC_RESERVED,
		EGRET_FAULT_DESC_FIELD, EGRET_FAULT_DESC_RANGE, EGRET_FAULT_DESC_TYPE,
		EGRET_FAULT_HUNG,
	};
	struct drm_egret_queue_query query = { 0 };
	struct accel_fault fault;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(codes); i++) {
		query.fault_code = codes[i];
		accel_fault_decode(&query, &fault);
		assert_string_not_equal(fault.name, "UNKNOWN");
	}
	query.fault_code = 0xff;
	query.fault_info = 0xffffffff;
	accel_fault_decode(&query, &fault);
	assert_string_equal(fault.name, "UNKNOWN");
	assert_string_equal(fault.access, "");
}

/* ---- Structures with a size ---- */

struct old {
	size_t size;
	long a;
};

struct new {
	size_t size;
	long a, b;
};

static void test_copy_in(void **state)
{
	const struct new set = { sizeof(set), 1, 2 }, unset = { sizeof(unset), 1, 0 };
	struct old ours;
	struct new larger;

	(void)state;
	/* None: all defaults. */
	assert_int_equal(accel_copy_in("x", &ours, sizeof(ours), NULL), 0);
	assert_int_equal(ours.a, 0);
	/* A newer program that does not use what is new. */
	assert_int_equal(accel_copy_in("x", &ours, sizeof(ours), &unset), 0);
	assert_int_equal(ours.a, 1);
	assert_int_equal(accel_copy_in("x", &ours, sizeof(ours), &set), -EINVAL);
	/* An older program. */
	ours = (struct old){ sizeof(ours), 5 };
	assert_int_equal(accel_copy_in("x", &larger, sizeof(larger), &ours), 0);
	assert_int_equal(larger.a, 5);
	assert_int_equal(larger.b, 0);
	/* No size set. */
	ours.size = 0;
	assert_int_equal(accel_copy_in("x", &larger, sizeof(larger), &ours), -EINVAL);
	assert_non_null(strstr(accel_last_error()->advice, "sizeof"));
}

static void test_copy_out(void **state)
{
	const struct new full = { sizeof(full), 1, 2 };
	struct { struct old theirs; unsigned char after; } older = { { sizeof(older.theirs), 9 }, 7 };
	struct { struct new theirs; long more; } newer = { { sizeof(newer), 9, 9 }, 9 };

	(void)state;
	assert_int_equal(accel_copy_out("x", &older.theirs, &full, sizeof(full)), 0);
	assert_int_equal(older.theirs.a, 1);
	assert_int_equal(older.theirs.size, sizeof(older.theirs));
	assert_int_equal(older.after, 7);
	assert_int_equal(accel_copy_out("x", &newer.theirs, &full, sizeof(full)), 0);
	assert_int_equal(newer.theirs.b, 2);
	assert_int_equal(newer.more, 0);
	assert_int_equal(accel_copy_out("x", NULL, &full, sizeof(full)), -EINVAL);
	newer.theirs.size = 3;
	assert_int_equal(accel_copy_out("x", &newer.theirs, &full, sizeof(full)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_yet),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_long_texts_are_cut),
		cmocka_unit_test(test_is_of_the_thread),
		cmocka_unit_test(test_fault),
		cmocka_unit_test(test_every_fault_has_words),
		cmocka_unit_test(test_copy_in),
		cmocka_unit_test(test_copy_out),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
