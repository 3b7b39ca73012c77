// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Run the kernel of first.c: the host's side, with all its checks. */
#include <stdio.h>
#include <stdlib.h>

#include <accel/accel.h>

#include "first.h"

#define COUNT	1000

static void check(int ret)
{
	const struct accel_error *error = accel_last_error();

	if (ret) {
		fprintf(stderr, "%s\n%s\n", error->message, error->advice);
		exit(1);
	}
}

static void run(struct accel_context *context, struct accel_stream *stream, float *numbers)
{
	const struct accel_kernel *kernel;
	struct accel_module *module;
	struct accel_buffer *buffer;

	check(accel_module_load_file(context, "first.egm", &module));
	check(accel_module_find(module, "scale", &kernel));
	check(accel_buffer_create(context, COUNT * sizeof(float),
				  ACCEL_OPTIONS(accel_buffer_options, .name = "numbers"), &buffer));

	struct scale_args args = {
		.in = accel_buffer_address(buffer),
		.out = accel_buffer_address(buffer),
		.count = COUNT,
		.per_group = 250,
		.factor = 0.5f,
	};
	const uint32_t grid[3] = { (args.count + args.per_group - 1) / args.per_group, 1, 1 };

	check(accel_upload(stream, buffer, 0, numbers, COUNT * sizeof(float)));
	check(accel_launch(stream, kernel, grid, &args, sizeof(args), NULL));
	check(accel_download(stream, buffer, 0, numbers, COUNT * sizeof(float)));
	accel_buffer_destroy(buffer);
	accel_module_unload(module);
}

int main(void)
{
	struct accel_device *device;
	struct accel_context *context;
	struct accel_stream *stream;
	float numbers[COUNT];

	for (int i = 0; i < COUNT; i++)
		numbers[i] = (float)i;
	check(accel_device_open(NULL, &device));
	check(accel_context_create(device, &context));
	check(accel_stream_create(context, NULL, &stream));
	run(context, stream, numbers);
	accel_stream_destroy(stream);
	accel_context_destroy(context);
	accel_device_close(device);
	printf("the last one is %g\n", (double)numbers[COUNT - 1]);
	return 0;
}
