// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Multiply matrices of bytes. The kernel loads one block while it multiplies another, and the
 * profile of the launch shows what that is worth.
 *
 *	cc matmul.c -laccel -o matmul && accel-cc matmul_kernel.c && ./matmul
 */
#include "check.h"
#include "matmul.h"

#define M	256
#define N	384
#define K	512

static int8_t a[M][K], b[K][N];
static int32_t c[M][N];

static int is_right(void)
{
	for (int row = 0; row < M; row++) {
		for (int column = 0; column < N; column++) {
			int32_t sum = 0;

			for (int k = 0; k < K; k++)
				sum += a[row][k] * b[k][column];
			if (c[row][column] != sum)
				return 0;
		}
	}
	return 1;
}

static struct accel_buffer *put(struct accel_context *context, struct accel_stream *stream,
				const char *name, const void *data, size_t bytes)
{
	struct accel_buffer *buffer;

	/* A name costs nothing, and a report of a fault tells it. */
	check(accel_buffer_create(context, bytes,
				  ACCEL_OPTIONS(accel_buffer_options, .name = name), &buffer));
	check(accel_upload(stream, buffer, 0, data, bytes));
	return buffer;
}

static void show(struct accel_profile *profile)
{
	struct accel_profile_data data = { .size = sizeof(data) };

	check(accel_profile_read(profile, &data));
	printf("%d x %d x %d: %llu modelled cycles; workgroups spent %llu on products, %llu on "
	       "loads,\nand %llu waiting for them\n", M, N, K, (unsigned long long)data.cycles,
	       (unsigned long long)data.tile_busy, (unsigned long long)data.dma_busy,
	       (unsigned long long)(data.tile_wait + data.dma_wait));
}

int main(void)
{
	const uint32_t grid[3] = { N / TILE, M / TILE, 1 };
	struct accel_device *device;
	struct accel_context *context;
	struct accel_stream *stream;
	struct accel_module *module;
	const struct accel_kernel *matmul;
	struct accel_profile *profile;
	struct accel_buffer *a_buffer, *b_buffer, *c_buffer;

	for (int i = 0; i < M * K; i++)
		a[i / K][i % K] = i * 7 % 251 - 125;
	for (int i = 0; i < K * N; i++)
		b[i / N][i % N] = i * 11 % 241 - 120;
	check(accel_device_open(NULL, &device));
	check(accel_context_create(device, &context));
	check(accel_stream_create(context, NULL, &stream));
	check(accel_module_load_file(context, "./matmul_kernel.egm", &module));
	check(accel_module_find(module, "matmul", &matmul));
	check(accel_profile_create(context, &profile));
	a_buffer = put(context, stream, "A", a, sizeof(a));
	b_buffer = put(context, stream, "B", b, sizeof(b));
	c_buffer = put(context, stream, "C", c, sizeof(c));

	struct matmul_args args = {
		.a = accel_buffer_address(a_buffer),
		.b = accel_buffer_address(b_buffer),
		.c = accel_buffer_address(c_buffer),
		.m = M, .n = N, .k = K,
	};
	check(accel_launch(stream, matmul, grid, &args, sizeof(args),
			   ACCEL_OPTIONS(accel_launch_options, .profile = profile)));
	check(accel_download(stream, c_buffer, 0, c, sizeof(c)));
	if (!is_right()) {
		fprintf(stderr, "the product is wrong\n");
		return 1;
	}
	show(profile);

	accel_buffer_destroy(a_buffer);
	accel_buffer_destroy(b_buffer);
	accel_buffer_destroy(c_buffer);
	accel_profile_destroy(profile);
	accel_module_unload(module);
	accel_stream_destroy(stream);
	accel_context_destroy(context);
	accel_device_close(device);
	return 0;
}
