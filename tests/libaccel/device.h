/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef TEST_DEVICE_H
#define TEST_DEVICE_H

/*
 * What tests on a device share. The device is the one that ACCEL_DEVICE names; without it
 * the card in the test VM, or the simulated one on the host.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <accel/accel.h>

/* Long enough for a busy machine under emulation. */
#define SOON accel_deadline(60 * (int64_t)1000000000)

struct fixture {
	struct accel_device *device;
	struct accel_context *context;
	struct accel_stream *stream;
	struct accel_module *probe;
};

/* For the group: choose the device and where kernels are. */
int choose_device(void **state);

/* For each test: everything in struct fixture, and after it a check that the card has
 * all its memory back. */
int make_fixture(void **state);
int free_fixture(void **state);

/* Expect success, or show what the library says. */
void good_(int ret, const char *call, const char *file, int line);
#define good(call) good_((call), #call, __FILE__, __LINE__)

/* Expect an error, with words in its cause. */
void bad_(int ret, int expected, const char *words, const char *call, const char *file, int line);
#define bad(call, expected, words) \
	bad_((call), (expected), (words), #call, __FILE__, __LINE__)

struct accel_buffer *make_buffer(struct fixture *f, size_t bytes, enum accel_memory memory);

const struct accel_kernel *find_kernel(struct accel_module *module, const char *name);

/* Launch a kernel of probe.egm over a grid of one dimension. */
int launch(struct fixture *f, const char *kernel, uint32_t groups, const void *args,
	   size_t size);

#define device_test(name) cmocka_unit_test_setup_teardown(name, make_fixture, free_fixture)

#endif /* TEST_DEVICE_H */
