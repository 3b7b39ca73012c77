// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#define _GNU_SOURCE
#include "device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int choose_device(void **state)
{
	(void)state;
	if (!getenv("EGRET_VM"))
		setenv("ACCEL_DEVICE", "sim", 0);
	setenv("ACCEL_KERNEL_PATH", "build/libaccel/kernels:build/tests/libaccel/kernels", 0);
	return 0;
}

void good_(int ret, const char *call, const char *file, int line)
{
	if (ret) {
		print_error("%s: %s\n", call, accel_last_error()->message);
		_fail(file, line);
	}
}

void bad_(int ret, int expected, const char *words, const char *call, const char *file, int line)
{
	const struct accel_error *error = accel_last_error();

	if (ret != expected) {
		print_error("%s returned %d (%s), not %d\n", call, ret,
			    ret ? error->message : "no error", expected);
		_fail(file, line);
	}
	if (error->error != expected || !strstr(error->cause, words)) {
		print_error("%s: the cause '%s' does not say '%s'\n", call, error->cause, words);
		_fail(file, line);
	}
}

static uint64_t memory_used(struct accel_device *device)
{
	struct accel_memory_info info = { .size = sizeof(info) };

	good(accel_device_get_memory(device, &info));
	/* Page tables may stay until the address space goes. */
	return info.used - info.used_by_driver;
}

/* Of the fixture under test, before it was made. */
static uint64_t used_before;

/* The kernel may give memory back a little later than it is asked to. */
static void wait_for_memory(struct accel_device *device)
{
	int64_t deadline = accel_deadline(10 * (int64_t)1000000000);

	while (memory_used(device) != used_before && accel_deadline(0) < deadline)
		usleep(1000);
	assert_int_equal(memory_used(device), used_before);
}

int make_fixture(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	good(accel_device_open(NULL, &f->device));
	used_before = memory_used(f->device);
	good(accel_context_create(f->device, &f->context));
	good(accel_stream_create(f->context, NULL, &f->stream));
	good(accel_module_load_file(f->context, "probe.egm", &f->probe));
	return 0;
}

int free_fixture(void **state)
{
	struct fixture *f = *state;

	accel_stream_destroy(f->stream);
	accel_module_unload(f->probe);
	accel_context_destroy(f->context);
	wait_for_memory(f->device);
	accel_device_close(f->device);
	free(f);
	return 0;
}

struct accel_buffer *make_buffer(struct fixture *f, size_t bytes, enum accel_memory memory)
{
	struct accel_buffer *buffer;

	good(accel_buffer_create(f->context, bytes,
				 ACCEL_OPTIONS(accel_buffer_options, .memory = memory), &buffer));
	return buffer;
}

const struct accel_kernel *find_kernel(struct accel_module *module, const char *name)
{
	const struct accel_kernel *kernel;

	good(accel_module_find(module, name, &kernel));
	return kernel;
}

int launch(struct fixture *f, const char *kernel, uint32_t groups, const void *args,
	   size_t size)
{
	const uint32_t grid[3] = { groups, 1, 1 };

	return accel_launch(f->stream, find_kernel(f->probe, kernel), grid, args, size, NULL);
}
