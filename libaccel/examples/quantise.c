// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The host's side of a kernel of your own, quantise_kernel.c: launch it, compare with the same
 * in C, and see what the library says when the kernel gives up.
 *
 *	cc quantise.c -laccel -lm -o quantise && accel-cc -g quantise_kernel.c && ./quantise
 */
#include <errno.h>
#include <math.h>

#include "check.h"
#include "quantise.h"

#define ROWS	37u
#define COLUMNS	1000u

static float in[ROWS][COLUMNS], scales[ROWS];
static int8_t out[ROWS][COLUMNS];

/* The results are equal to the bit: the specification says what the card computes. */
static int is_right(void)
{
	for (unsigned int row = 0; row < ROWS; row++) {
		float scale = 0;

		for (unsigned int i = 0; i < COLUMNS; i++)
			scale = fmaxf(scale, fabsf(in[row][i]));
		scale /= 127;
		if (scales[row] != scale)
			return 0;
		for (unsigned int i = 0; i < COLUMNS; i++)
			if (out[row][i] != (int8_t)nearbyintf(in[row][i] / scale))
				return 0;
	}
	return 1;
}

/* Ask for more than the kernel can do: the stream ends, and nothing else. */
static int gives_up(struct accel_context *context, const struct accel_kernel *kernel,
		    struct quantise_args args)
{
	const uint32_t grid[3] = { 1, 1, 1 };
	struct accel_stream *stream;
	const struct accel_fault *fault;
	int ret;

	args.columns = QUANTISE_COLUMNS_MAX + 1;
	check(accel_stream_create(context, NULL, &stream));
	check(accel_launch(stream, kernel, grid, &args, sizeof(args), NULL));
	ret = accel_stream_wait(stream, ACCEL_FOREVER);
	fault = accel_last_error()->fault;
	accel_stream_destroy(stream);
	if (ret != -ECANCELED || !fault || fault->value != QUANTISE_ABORT_COLUMNS)
		return 0;
	printf("rows too long: kernel %s gives up with code %u", fault->kernel, fault->value);
	if (fault->line)
		printf(" at %s:%u", fault->file, fault->line);
	printf("\n");
	return 1;
}

int main(void)
{
	const uint32_t grid[3] = { (ROWS + QUANTISE_ROWS - 1) / QUANTISE_ROWS, 1, 1 };
	struct accel_device *device;
	struct accel_context *context;
	struct accel_stream *stream;
	struct accel_module *module;
	const struct accel_kernel *quantise;
	struct accel_buffer *in_buffer, *out_buffer, *scales_buffer;
	int right;

	for (unsigned int i = 0; i < ROWS * COLUMNS; i++)
		in[i / COLUMNS][i % COLUMNS] = (float)(i * 7919 % 10007) / 5003 - 1;
	check(accel_device_open(NULL, &device));
	check(accel_context_create(device, &context));
	check(accel_stream_create(context, NULL, &stream));
	check(accel_module_load_file(context, "./quantise_kernel.egm", &module));
	check(accel_module_find(module, "quantise", &quantise));
	check(accel_buffer_create(context, sizeof(in), NULL, &in_buffer));
	check(accel_buffer_create(context, sizeof(out), NULL, &out_buffer));
	check(accel_buffer_create(context, sizeof(scales), NULL, &scales_buffer));

	struct quantise_args args = {
		.in = accel_buffer_address(in_buffer),
		.out = accel_buffer_address(out_buffer),
		.scales = accel_buffer_address(scales_buffer),
		.rows = ROWS,
		.columns = COLUMNS,
	};
	check(accel_upload(stream, in_buffer, 0, in, sizeof(in)));
	/* Arguments of the wrong size would be refused here. */
	check(accel_launch(stream, quantise, grid, &args, sizeof(args), NULL));
	check(accel_download(stream, out_buffer, 0, out, sizeof(out)));
	check(accel_download(stream, scales_buffer, 0, scales, sizeof(scales)));
	right = is_right();
	printf("%u x %u numbers quantised, %s\n", ROWS, COLUMNS, right ? "all right" : "wrong");
	right &= gives_up(context, quantise, args);

	accel_buffer_destroy(in_buffer);
	accel_buffer_destroy(out_buffer);
	accel_buffer_destroy(scales_buffer);
	accel_module_unload(module);
	accel_stream_destroy(stream);
	accel_context_destroy(context);
	accel_device_close(device);
	return !right;
}
