// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Launch kernels with a profile and print what it says: the modelled numbers of the
 * programmer's guide, one line for each launch. What is computed is not looked at (tests do
 * that); the data are zeros.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <accel/accel.h>
#include <egret/kernels/matmul.h>
#include <egret/kernels/softmax.h>

#include "dma.h"
#include "first.h"

static void check(int ret)
{
	const struct accel_error *error = accel_last_error();

	if (ret) {
		fprintf(stderr, "%s\n%s\n", error->message, error->advice);
		exit(1);
	}
}

struct card {
	struct accel_device_info info;
	struct accel_device *device;
	struct accel_context *context;
	struct accel_stream *stream;
	struct accel_buffer *memory;	/* for all operands, one after the other */
	uint64_t used;
};

#define MEMORY	((size_t)96 << 20)

static void open_card(struct card *card)
{
	check(accel_device_open(NULL, &card->device));
	card->info.size = sizeof(card->info);
	check(accel_device_get_info(card->device, &card->info));
	check(accel_context_create(card->device, &card->context));
	check(accel_stream_create(card->context, NULL, &card->stream));
	check(accel_buffer_create(card->context, MEMORY, NULL, &card->memory));
}

static void close_card(struct card *card)
{
	accel_stream_destroy(card->stream);
	accel_buffer_destroy(card->memory);
	accel_context_destroy(card->context);
	accel_device_close(card->device);
}

/* A piece of the memory: its device address. */
static uint64_t piece(struct card *card, uint64_t bytes)
{
	uint64_t at = card->used;

	card->used += (bytes + 4095) & ~(uint64_t)4095;
	if (card->used > MEMORY) {
		fprintf(stderr, "measure: operands of more than %zu bytes\n", MEMORY);
		exit(1);
	}
	return accel_buffer_address(card->memory) + at;
}

static double percent(uint64_t part, uint64_t whole)
{
	return 100.0 * (double)part / (double)whole;
}

static void print(const struct card *card, const char *title,
		  const struct accel_profile_data *data)
{
	uint64_t elapsed = data->hart_cycles + data->tile_wait + data->dma_wait;
	uint64_t capacity = data->cycles * card->info.clusters;

	printf("%-38s %8" PRIu64 " %5.1f %5.1f %5.1f %5.1f %5.1f %6.1f\n", title, data->cycles,
	       percent(data->hart_cycles, elapsed), percent(data->tile_wait, elapsed),
	       percent(data->dma_wait, elapsed), percent(data->tile_busy, capacity),
	       percent(data->dma_busy, capacity),
	       (double)(data->memory_read + data->memory_written) / (double)data->cycles);
}

/* Launch with a profile, and print it. */
static void measure(struct card *card, const char *title, const char *file, const char *name,
		    const uint32_t grid[3], const void *args, size_t size)
{
	struct accel_profile_data data = { .size = sizeof(data) };
	const struct accel_kernel *kernel;
	struct accel_profile *profile;
	struct accel_module *module;

	check(accel_module_load_file(card->context, file, &module));
	check(accel_module_find(module, name, &kernel));
	check(accel_profile_create(card->context, &profile));
	check(accel_launch(card->stream, kernel, grid, args, size,
			   ACCEL_OPTIONS(accel_launch_options, .profile = profile)));
	check(accel_stream_wait(card->stream, ACCEL_FOREVER));
	check(accel_profile_read(profile, &data));
	print(card, title, &data);
	accel_profile_destroy(profile);
	accel_module_unload(module);
	card->used = 0;
}

static void measure_matmul(struct card *card, const char *kernel, uint32_t m, uint32_t n,
			   uint32_t k, unsigned int element)
{
	struct egret_matmul_args args = {
		.a = piece(card, (uint64_t)m * k * element),
		.b = piece(card, (uint64_t)k * n * element),
		.c = piece(card, (uint64_t)m * n * 4),
		.m = m, .n = n, .k = k, .lda = k, .ldb = n, .ldc = n,
	};
	char title[64];
	uint32_t grid[3];

	egret_matmul_plan(&args, 1, element, card->info.clusters, grid);
	snprintf(title, sizeof(title), "%s %u x %u x %u", kernel, m, n, k);
	measure(card, title, "matmul.egm", kernel, grid, &args, sizeof(args));
}

static void measure_softmax(struct card *card, uint32_t rows, uint32_t cols)
{
	struct egret_softmax_args args = {
		.in = piece(card, (uint64_t)rows * cols * sizeof(float)),
		.out = piece(card, (uint64_t)rows * cols * sizeof(float)),
		.in_pitch = cols * sizeof(float),
		.out_pitch = cols * sizeof(float),
		.rows = rows,
		.cols = cols,
	};
	char title[64];
	uint32_t grid[3];

	egret_softmax_plan(&args, card->info.clusters, grid);
	snprintf(title, sizeof(title), "softmax_f32 %u x %u", rows, cols);
	measure(card, title, "softmax.egm", "softmax_f32", grid, &args, sizeof(args));
}

static void measure_scale(struct card *card, const char *kernel, uint32_t chunk)
{
	const uint32_t count = 1 << 20, clusters = card->info.clusters;
	struct scale_args args = {
		.in = piece(card, count * sizeof(float)),
		.out = piece(card, count * sizeof(float)),
		.count = count,
		.per_group = (count + clusters - 1) / clusters,
		.chunk = chunk,
		.factor = 2,
	};
	const uint32_t grid[3] = { clusters, 1, 1 };
	char title[64];

	snprintf(title, sizeof(title), "%s, chunks of %u", kernel, chunk);
	measure(card, title, "stream.egm", kernel, grid, &args, sizeof(args));
}

static void measure_transpose(struct card *card, uint32_t rows, uint32_t cols)
{
	struct transpose_args args = {
		.in = piece(card, (uint64_t)rows * cols * sizeof(float)),
		.out = piece(card, (uint64_t)rows * cols * sizeof(float)),
		.rows = rows,
		.cols = cols,
	};
	const uint32_t grid[3] = { (cols + 63) / 64, (rows + 63) / 64, 1 };
	char title[64];

	snprintf(title, sizeof(title), "transpose %u x %u", rows, cols);
	measure(card, title, "dma.egm", "transpose", grid, &args, sizeof(args));
}

int main(void)
{
	struct card card = { .used = 0 };

	open_card(&card);
	printf("%-38s %8s %5s %5s %5s %5s %5s %6s\n", "launch (modelled)", "cycles", "hart%",
	       "tilew", "dmaw", "tile%", "dma%", "B/cyc");
	measure_matmul(&card, "matmul_f32", 512, 512, 512, 4);
	measure_matmul(&card, "matmul_s8", 1024, 1024, 1024, 1);
	measure_matmul(&card, "matmul_f32", 1, 2048, 2048, 4);
	measure_matmul(&card, "matmul_f32", 10, 10, 10, 4);
	measure_softmax(&card, 4096, 128);
	measure_softmax(&card, 512, 4096);
	measure_softmax(&card, 4, 500000);
	measure_softmax(&card, 4, 10);
	measure_scale(&card, "scale_in_turn", 16384);
	measure_scale(&card, "scale_overlapped", 16384);
	measure_scale(&card, "scale_overlapped", 256);
	measure_transpose(&card, 1024, 1024);
	close_card(&card);
	return 0;
}
