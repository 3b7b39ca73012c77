// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The example kernels of the programmer's guide (Documentation/programming/examples/) do what
 * the guide says, compared with the same in plain C.
 */
#include "device.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dma.h"
#include "first.h"
#include "tile.h"

#define EXAMPLES "build/Documentation/programming/examples"

/* Buffers that a test makes go at its end. */
static struct accel_buffer *buffers[8];
static size_t buffer_count;

static struct accel_buffer *make(struct fixture *f, const void *data, size_t bytes)
{
	struct accel_buffer *buffer = make_buffer(f, bytes, ACCEL_MEMORY_DEVICE);

	if (data)
		good(accel_upload(f->stream, buffer, 0, data, bytes));
	buffers[buffer_count++] = buffer;
	return buffer;
}

static uint64_t put(struct fixture *f, const void *data, size_t bytes)
{
	return accel_buffer_address(make(f, data, bytes));
}

static void run(struct fixture *f, const char *file, const char *kernel, uint32_t x, uint32_t y,
		const void *args, size_t size)
{
	const uint32_t grid[3] = { x, y, 1 };
	struct accel_module *module;

	good(accel_module_load_file(f->context, file, &module));
	good(accel_launch(f->stream, find_kernel(module, kernel), grid, args, size, NULL));
	good(accel_stream_wait(f->stream, SOON));
	accel_module_unload(module);
}

static void get(struct fixture *f, struct accel_buffer *buffer, void *data, size_t bytes)
{
	good(accel_download(f->stream, buffer, 0, data, bytes));
	while (buffer_count)
		accel_buffer_destroy(buffers[--buffer_count]);
}

static void fill(float *x, size_t count, unsigned int seed)
{
	while (count--)
		*x++ = (float)(rand_r(&seed) % 2001 - 1000) / 777;
}

static void test_scale(void **state)
{
	static const struct {
		const char *file, *kernel;
		uint32_t chunk;
	} kernels[] = {
		{ "first.egm", "scale", 0 },
		{ "stream.egm", "scale_in_turn", 100 },
		{ "stream.egm", "scale_overlapped", 100 },
		{ "stream.egm", "scale_overlapped", 3000 },
	};
	enum { COUNT = 5000, PER_GROUP = 1201 };
	static float in[COUNT], out[COUNT];
	struct fixture *f = *state;

	fill(in, COUNT, 1);
	for (size_t k = 0; k < sizeof(kernels) / sizeof(kernels[0]); k++) {
		struct accel_buffer *result = make(f, NULL, sizeof(out));
		struct scale_args args = {
			.in = put(f, in, sizeof(in)),
			.out = accel_buffer_address(result),
			.count = COUNT,
			.per_group = PER_GROUP,
			.chunk = kernels[k].chunk,
			.factor = 0.3f,
		};

		run(f, kernels[k].file, kernels[k].kernel, 5, 1, &args, sizeof(args));
		get(f, result, out, sizeof(out));
		for (int i = 0; i < COUNT; i++)
			if (out[i] != in[i] * 0.3f)
				fail_msg("%s: %d is %a", kernels[k].kernel, i, out[i]);
	}
}

static void test_pad(void **state)
{
	enum { HEIGHT = 5, WIDTH = 9, BORDER = 2, COLS = WIDTH + 2 * BORDER,
	       ROWS = HEIGHT + 2 * BORDER };
	float in[HEIGHT][WIDTH], out[ROWS][COLS];
	struct fixture *f = *state;
	struct accel_buffer *result = make(f, NULL, sizeof(out));
	struct pad_args args = {
		.out = accel_buffer_address(result),
		.height = HEIGHT,
		.width = WIDTH,
		.border = BORDER,
		.fill = -4,
	};

	fill(&in[0][0], HEIGHT * WIDTH, 2);
	args.in = put(f, in, sizeof(in));
	run(f, "dma.egm", "pad", 1, 1, &args, sizeof(args));
	get(f, result, out, sizeof(out));
	for (int y = 0; y < ROWS; y++) {
		for (int x = 0; x < COLS; x++) {
			int inside = y >= BORDER && y < BORDER + HEIGHT && x >= BORDER &&
				     x < BORDER + WIDTH;

			if (out[y][x] != (inside ? in[y - BORDER][x - BORDER] : -4))
				fail_msg("row %d, column %d is %a", y, x, out[y][x]);
		}
	}
}

static void test_transpose(void **state)
{
	enum { ROWS = 70, COLS = 131 };
	static float in[ROWS][COLS], out[COLS][ROWS];
	struct fixture *f = *state;
	struct accel_buffer *result = make(f, NULL, sizeof(out));
	struct transpose_args args = {
		.out = accel_buffer_address(result),
		.rows = ROWS,
		.cols = COLS,
	};

	fill(&in[0][0], ROWS * COLS, 3);
	args.in = put(f, in, sizeof(in));
	run(f, "dma.egm", "transpose", 3, 2, &args, sizeof(args));
	get(f, result, out, sizeof(out));
	for (int y = 0; y < ROWS; y++)
		for (int x = 0; x < COLS; x++)
			assert_memory_equal(&in[y][x], &out[x][y], sizeof(float));
}

static void test_gather(void **state)
{
	enum { TABLE = 10, WIDTH = 7, COUNT = 6 };
	static const int32_t numbers[COUNT] = { 3, -1, 9, 10, 0, 3 };
	float table[TABLE][WIDTH], out[COUNT][WIDTH];
	struct fixture *f = *state;
	struct accel_buffer *result = make(f, NULL, sizeof(out));
	struct gather_args args = {
		.numbers = put(f, numbers, sizeof(numbers)),
		.out = accel_buffer_address(result),
		.table_rows = TABLE,
		.width = WIDTH,
		.count = COUNT,
	};

	fill(&table[0][0], TABLE * WIDTH, 4);
	args.table = put(f, table, sizeof(table));
	run(f, "dma.egm", "gather", 1, 1, &args, sizeof(args));
	get(f, result, out, sizeof(out));
	for (int i = 0; i < COUNT; i++) {
		for (int x = 0; x < WIDTH; x++) {
			int exists = numbers[i] >= 0 && numbers[i] < TABLE;

			assert_true(out[i][x] == (exists ? table[numbers[i]][x] : 0));
		}
	}
}

enum { DENSE_M = 5, DENSE_N = 40, DENSE_K = 100 };

static int8_t dense(const int8_t *x, const int8_t *weights, float scale, float bias)
{
	int32_t sum = 0;
	float v;

	for (int k = 0; k < DENSE_K; k++)
		sum += x[k] * weights[k];
	v = (float)sum * scale;
	v += bias;
	v = v > 0 ? rintf(v) : 0;
	return v > 127 ? 127 : (int8_t)v;
}

static void test_dense(void **state)
{
	int8_t x[DENSE_M][DENSE_K], weights[DENSE_N][DENSE_K], out[DENSE_M][DENSE_N];
	float scale[DENSE_N], bias[DENSE_N];
	unsigned int seed = 5;
	struct fixture *f = *state;
	struct accel_buffer *result = make(f, NULL, sizeof(out));
	struct dense_args args = {
		.out = accel_buffer_address(result),
		.m = DENSE_M,
		.n = DENSE_N,
		.k = DENSE_K,
	};

	for (size_t i = 0; i < sizeof(x); i++)
		(&x[0][0])[i] = rand_r(&seed) % 256 - 128;
	for (size_t i = 0; i < sizeof(weights); i++)
		(&weights[0][0])[i] = rand_r(&seed) % 256 - 128;
	fill(bias, DENSE_N, 6);
	fill(scale, DENSE_N, 7);
	for (int i = 0; i < DENSE_N; i++)
		scale[i] /= 256;
	args.x = put(f, x, sizeof(x));
	args.weights = put(f, weights, sizeof(weights));
	args.scale = put(f, scale, sizeof(scale));
	args.bias = put(f, bias, sizeof(bias));
	run(f, "tile.egm", "dense_s8", 1, 1, &args, sizeof(args));
	get(f, result, out, sizeof(out));
	for (int m = 0; m < DENSE_M; m++)
		for (int n = 0; n < DENSE_N; n++)
			assert_int_equal(out[m][n], dense(x[m], weights[n], scale[n], bias[n]));
}

enum { BRANCH_M = 7, BRANCH_N = 33, BRANCH_K = 20 };

static void test_branch(void **state)
{
	float x[BRANCH_M][BRANCH_K], weights[BRANCH_K][BRANCH_N], other[BRANCH_M][BRANCH_N];
	float scale[BRANCH_N], shift[BRANCH_N], out[BRANCH_M][BRANCH_N];
	struct fixture *f = *state;
	struct accel_buffer *result = make(f, NULL, sizeof(out));
	struct branch_args args = {
		.out = accel_buffer_address(result),
		.m = BRANCH_M,
		.n = BRANCH_N,
		.k = BRANCH_K,
	};

	fill(&x[0][0], BRANCH_M * BRANCH_K, 1);
	fill(&weights[0][0], BRANCH_K * BRANCH_N, 2);
	fill(&other[0][0], BRANCH_M * BRANCH_N, 3);
	fill(scale, BRANCH_N, 4);
	fill(shift, BRANCH_N, 5);
	args.x = put(f, x, sizeof(x));
	args.weights = put(f, weights, sizeof(weights));
	args.scale = put(f, scale, sizeof(scale));
	args.shift = put(f, shift, sizeof(shift));
	args.other = put(f, other, sizeof(other));
	run(f, "tile.egm", "branch", 1, 1, &args, sizeof(args));
	get(f, result, out, sizeof(out));
	for (int m = 0; m < BRANCH_M; m++) {
		for (int n = 0; n < BRANCH_N; n++) {
			float v = 0;

			for (int k = 0; k < BRANCH_K; k++)
				v = fmaf(x[m][k], weights[k][n], v);
			v *= scale[n];
			v += shift[n];
			v += other[m][n];
			assert_true(out[m][n] == (v > 0 ? v : 0));
		}
	}
}

/* bfloat16 is the upper half of a float. */
static float widen(uint16_t x)
{
	uint32_t bits = (uint32_t)x << 16;
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* To the nearest, ties to even; not for infinities and the like. */
static uint16_t narrow(float x)
{
	uint32_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

enum { NORM_ROWS = 9, NORM_COLS = 150 };

static float norm_factor(const uint16_t *x, float epsilon)
{
	float sums[32] = { 0 };

	for (int i = 0; i < NORM_COLS; i++)
		sums[i % 32] = fmaf(widen(x[i]), widen(x[i]), sums[i % 32]);
	for (int h = 16; h; h /= 2)
		for (int i = 0; i < h; i++)
			sums[i] += sums[i + h];
	sums[0] *= 1.0f / NORM_COLS;
	sums[0] += epsilon;
	return 1 / sqrtf(sums[0]);
}

static void test_norm(void **state)
{
	uint16_t x[NORM_ROWS][NORM_COLS], out[NORM_ROWS][NORM_COLS];
	float numbers[NORM_COLS], weight[NORM_COLS];
	struct fixture *f = *state;
	struct accel_buffer *result = make(f, NULL, sizeof(out));
	struct norm_args args = {
		.out = accel_buffer_address(result),
		.rows = NORM_ROWS,
		.cols = NORM_COLS,
		.epsilon = 1e-5f,
	};

	for (int row = 0; row < NORM_ROWS; row++) {
		fill(numbers, NORM_COLS, 10 + row);
		for (int i = 0; i < NORM_COLS; i++)
			x[row][i] = narrow(numbers[i]);
	}
	fill(weight, NORM_COLS, 8);
	args.x = put(f, x, sizeof(x));
	args.weight = put(f, weight, sizeof(weight));
	run(f, "tile.egm", "rms_norm", 1, 1, &args, sizeof(args));
	get(f, result, out, sizeof(out));
	for (int row = 0; row < NORM_ROWS; row++) {
		float factor = norm_factor(x[row], args.epsilon);

		for (int i = 0; i < NORM_COLS; i++) {
			float scaled = widen(x[row][i]) * factor;

			assert_int_equal(out[row][i], narrow(scaled * weight[i]));
		}
	}
}

/* The kernel without its wait gets the bytes from before, and so is found out. */
static void test_hazard(void **state)
{
	enum { COUNT = 100 };
	float in[COUNT], sum;
	struct fixture *f = *state;

	for (int i = 0; i < COUNT; i++)
		in[i] = 1;
	for (int patient = 0; patient < 2; patient++) {
		struct accel_buffer *result = make(f, NULL, sizeof(sum));
		struct sum_args args = {
			.in = put(f, in, sizeof(in)),
			.out = accel_buffer_address(result),
			.count = COUNT,
		};

		run(f, "hazard.egm", patient ? "patient_sum" : "hurried_sum", 1, 1, &args,
		    sizeof(args));
		get(f, result, &sum, sizeof(sum));
		assert_int_equal(sum, patient ? COUNT : 0);
	}
}

static int find_kernels(void **state)
{
	setenv("ACCEL_KERNEL_PATH", EXAMPLES ":build/tests/libaccel/kernels", 1);
	return choose_device(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		device_test(test_scale),
		device_test(test_pad),
		device_test(test_transpose),
		device_test(test_gather),
		device_test(test_dense),
		device_test(test_branch),
		device_test(test_norm),
		device_test(test_hazard),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("guide", tests, find_kernels, NULL);
}
