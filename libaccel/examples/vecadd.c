// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Add two vectors on the card: cc vecadd.c -laccel && accel-cc vecadd_kernel.c && ./a.out */
#include "check.h"
#include "vecadd.h"

#define COUNT	100000u

int main(void)
{
	static float a[COUNT], b[COUNT], c[COUNT];
	const uint32_t grid[3] = { VECADD_GROUPS(COUNT), 1, 1 };
	struct accel_buffer *on_card[3];
	struct accel_device *device;
	struct accel_context *context;
	struct accel_stream *stream;
	struct accel_module *module;
	const struct accel_kernel *vecadd;

	for (unsigned int i = 0; i < COUNT; i++) {
		a[i] = i;
		b[i] = 2 * i;
	}
	check(accel_device_open(NULL, &device));
	check(accel_context_create(device, &context));
	check(accel_stream_create(context, NULL, &stream));
	check(accel_module_load_file(context, "./vecadd_kernel.egm", &module));
	check(accel_module_find(module, "vecadd", &vecadd));
	for (int i = 0; i < 3; i++)
		check(accel_buffer_create(context, sizeof(a), NULL, &on_card[i]));
	struct vecadd_args args = {
		.a = accel_buffer_address(on_card[0]),
		.b = accel_buffer_address(on_card[1]),
		.c = accel_buffer_address(on_card[2]),
		.count = COUNT,
	};

	/* A stream's work is done in order; only the download waits for it. */
	check(accel_upload(stream, on_card[0], 0, a, sizeof(a)));
	check(accel_upload(stream, on_card[1], 0, b, sizeof(b)));
	check(accel_launch(stream, vecadd, grid, &args, sizeof(args), NULL));
	check(accel_download(stream, on_card[2], 0, c, sizeof(c)));

	for (unsigned int i = 0; i < COUNT; i++)
		if (c[i] != 3 * i)
			return fprintf(stderr, "%u + %u is not %g\n", i, 2 * i, c[i]), 1;
	printf("%u sums are right, the last is %g\n", COUNT, c[COUNT - 1]);
	for (int i = 0; i < 3; i++)
		accel_buffer_destroy(on_card[i]);
	accel_module_unload(module);
	accel_stream_destroy(stream);
	accel_context_destroy(context);
	accel_device_close(device);
	return 0;
}
