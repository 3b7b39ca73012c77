// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The softmax kernel, compared to the bit with what egret/kernels/softmax.h defines, computed
 * here in plain C; and this definition with a softmax in binary64, within an error bound.
 */
#include "device.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <egret/kernels/softmax.h>

/* ---- The reference ------------------------------------------------------------------- */

/* EGRET_MAP_EXP, as Documentation/hardware/functions.rst has it. */
static float card_exp(float a)
{
	static const double parts[] = {
		0x1.ae64567f544e4p-26, 0x1.27e4fb7789f5cp-22, 0x1.71de3a556c734p-19,
		0x1.a01a01a01a01ap-16, 0x1.a01a01a01a01ap-13, 0x1.6c16c16c16c17p-10,
		0x1.1111111111111p-7, 0x1.5555555555555p-5, 0x1.5555555555555p-3, 0.5,
	};
	const double rounder = 0x1.8p52;
	double x = a < -200 ? -200 : a > 200 ? 200 : a;
	double t, n, r, h = parts[0], s;

	if (isnan(a))
		return a;
	t = x * 0x1.71547652b82fep+0 + rounder;
	n = t - rounder;
	r = (x - n * 0x1.62e42fefa3800p-1) - n * 0x1.ef35793c76730p-45;
	for (size_t i = 1; i < sizeof(parts) / sizeof(parts[0]); i++)
		h = h * r + parts[i];
	s = ldexp(1, (int)n);
	return (float)(s * ((h * r) * r + r) + s);
}

static float larger(float a, float b)
{
	return isnan(a) ? a : isnan(b) ? b : a > b ? a : b;
}

/* EGRET_REDUCE_SUM: tile.rst. */
static float card_sum(const float *x, size_t count)
{
	float sums[32] = { 0 };

	for (size_t j = 0; j < count; j++)
		sums[j % 32] += x[j];
	for (int h = 16; h; h /= 2)
		for (int i = 0; i < h; i++)
			sums[i] += sums[i + h];
	return sums[0];
}

static void reference_row(const float *in, float *out, size_t cols, size_t chunk)
{
	size_t chunks = (cols + chunk - 1) / chunk, j, x;
	float *max = malloc(chunks * sizeof(*max)), sum = 0;

	for (j = 0; j < chunks; j++) {
		size_t end = (j + 1) * chunk < cols ? (j + 1) * chunk : cols;
		float added;

		max[j] = j ? max[j - 1] : -FLT_MAX;
		for (x = j * chunk; x < end; x++)
			max[j] = larger(max[j], in[x]);
		for (x = j * chunk; x < end; x++)
			out[x] = card_exp(in[x] - max[j]);
		added = card_sum(out + j * chunk, end - j * chunk);
		if (j) {
			sum *= card_exp(max[j - 1] - max[j]);
			sum += added;
		} else {
			sum = added;
		}
	}
	sum = 1 / sum;
	for (x = 0; x < cols; x++)
		out[x] *= card_exp(max[x / chunk] - max[chunks - 1]) * sum;
	free(max);
}

/* ---- On the card ------------------------------------------------------------------------ */

struct shape {
	uint32_t rows, cols;
	uint32_t gap_in, gap_out;	/* elements between rows */
	uint32_t group, block, chunk;	/* zero for those of the plan */
	bool in_place;
};

#define GAP	-7.5f	/* what lies between rows, and must stay */

static float random_float(unsigned int *seed)
{
	return ldexpf((float)(rand_r(seed) % 2001 - 1000) / 777, rand_r(seed) % 12 - 6);
}

static void run_on_card(struct fixture *f, const struct shape *s, const float *in, float *out)
{
	size_t in_size = (size_t)s->rows * (s->cols + s->gap_in) * sizeof(float);
	size_t out_size = (size_t)s->rows * (s->cols + s->gap_out) * sizeof(float);
	struct accel_device_info info = { .size = sizeof(info) };
	struct egret_softmax_args args = {
		.in_pitch = in_size / s->rows,
		.out_pitch = out_size / s->rows,
		.rows = s->rows,
		.cols = s->cols,
	};
	struct accel_buffer *from = make_buffer(f, in_size, ACCEL_MEMORY_DEVICE), *to = from;
	struct accel_module *module;
	uint32_t grid[3];

	good(accel_module_load_file(f->context, "softmax.egm", &module));
	good(accel_device_get_info(f->device, &info));
	good(accel_upload(f->stream, from, 0, in, in_size));
	if (!s->in_place) {
		to = make_buffer(f, out_size, ACCEL_MEMORY_DEVICE);
		good(accel_upload(f->stream, to, 0, out, out_size));
	}
	args.in = accel_buffer_address(from);
	args.out = accel_buffer_address(to);
	egret_softmax_plan(&args, info.clusters, grid);
	if (s->group) {
		args.group_rows = s->group;
		args.block_rows = s->block;
		args.chunk_cols = s->chunk;
		grid[0] = (s->rows + s->group - 1) / s->group;
	}
	good(accel_launch(f->stream, find_kernel(module, "softmax_f32"), grid, &args,
			  sizeof(args), NULL));
	good(accel_download(f->stream, to, 0, out, out_size));
	accel_buffer_destroy(from);
	if (!s->in_place)
		accel_buffer_destroy(to);
	accel_module_unload(module);
}

/* All numbers that are none are equal: x86 and the card disagree about their sign. */
static bool same(float a, float b)
{
	return memcmp(&a, &b, sizeof(a)) == 0 || (isnan(a) && isnan(b));
}

static void compare(const struct shape *s, const float *card, const float *cpu)
{
	size_t pitch = s->cols + s->gap_out;

	for (size_t i = 0; i < pitch * s->rows; i++)
		if (!same(card[i], cpu[i]))
			fail_msg("%u x %u, chunks of %u: row %zu, column %zu is %a, not %a",
				 s->rows, s->cols, s->chunk, i / pitch, i % pitch, card[i],
				 cpu[i]);
}

/* Run `in` on the card, and compare. */
static void check_data(struct fixture *f, const struct shape *s, const float *in)
{
	size_t pitch = s->cols + s->gap_out, count = pitch * s->rows;
	float *out = malloc(count * sizeof(*out)), *expected = malloc(count * sizeof(*expected));
	size_t chunk = s->chunk ? s->chunk : EGRET_SOFTMAX_BUFFER;

	for (size_t i = 0; i < count; i++)
		expected[i] = out[i] = GAP;
	for (uint32_t row = 0; row < s->rows; row++)
		reference_row(in + (size_t)row * (s->cols + s->gap_in), expected + row * pitch,
			      s->cols, chunk);
	run_on_card(f, s, in, out);
	compare(s, out, expected);
	free(out);
	free(expected);
}

static void check(struct fixture *f, const struct shape *s)
{
	size_t pitch = s->cols + s->gap_in, count = pitch * s->rows;
	unsigned int seed = s->rows * 31 + s->cols;
	float *in = malloc(count * sizeof(*in));

	for (size_t i = 0; i < count; i++)
		in[i] = i % pitch < s->cols ? random_float(&seed) : GAP;
	check_data(f, s, in);
	free(in);
}

static void test_rows(void **state)
{
	static const struct shape shapes[] = {
		{ .rows = 1, .cols = 1 },
		{ .rows = 1, .cols = 10 },
		{ .rows = 100, .cols = 10 },
		{ .rows = 33, .cols = 65, .gap_in = 3, .gap_out = 7 },
		{ .rows = 128, .cols = 197 },
		{ .rows = 5, .cols = 4096 },
		{ .rows = 70, .cols = 20, .group = 70, .block = 7, .chunk = 20 },
		{ .rows = 70, .cols = 20, .group = 32, .block = 9, .chunk = 99 },
		{ .rows = 20000, .cols = 2 },
		{ .rows = 17, .cols = 100, .in_place = true },
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		check(*state, &shapes[i]);
}

static void test_long_rows(void **state)
{
	static const struct shape shapes[] = {
		/* many small chunks: all the buffers are used again, the last one is short */
		{ .rows = 3, .cols = 1000, .group = 2, .block = 1, .chunk = 64 },
		{ .rows = 2, .cols = 65, .group = 1, .block = 1, .chunk = 64 },
		{ .rows = 2, .cols = 7, .group = 1, .block = 1, .chunk = 1 },
		{ .rows = 4, .cols = 500, .gap_in = 1, .gap_out = 2, .group = 3, .block = 1,
		  .chunk = 33 },
		{ .rows = 3, .cols = 400, .group = 3, .block = 1, .chunk = 50,
		  .in_place = true },
		/* just too long for a buffer, and longer than all of scratchpad */
		{ .rows = 1, .cols = EGRET_SOFTMAX_BUFFER + 1 },
		{ .rows = 2, .cols = 300000 },
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		check(*state, &shapes[i]);
}

/* Rows that a softmax without care would spoil, each whole and in chunks. */
static void test_special(void **state)
{
	enum { COLS = 96 };
	static const uint32_t chunks[] = { COLS, 32, 10 };
	float in[8][COLS];
	unsigned int seed = 1;

	for (int row = 0; row < 8; row++)
		for (int x = 0; x < COLS; x++)
			in[row][x] = random_float(&seed);
	for (int x = 0; x < COLS; x++) {
		in[0][x] += 3e38f;			/* overflows without the maximum */
		in[1][x] = x < 70 ? -INFINITY : in[1][x];	/* masked, whole chunks of it */
		in[2][x] = -INFINITY;
		in[3][x] = x % 2 ? FLT_MAX : -FLT_MAX;
		in[4][x] = (float)x * 3;		/* each chunk outgrows all before */
		in[5][x] = -(float)x * 3;
	}
	in[6][50] = NAN;
	in[7][50] = INFINITY;
	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		const struct shape s = { .rows = 8, .cols = COLS, .group = 8, .block = 3,
					 .chunk = chunks[i] };

		check_data(*state, &s, &in[0][0]);
	}
}

/* The definition is a softmax: near the exact one, and the sum of a row near 1. */
static void test_definition(void **state)
{
	enum { COLS = 3000 };
	static const size_t chunks[] = { COLS, 1024, 17 };
	static float in[COLS], out[COLS];
	unsigned int seed = 9;

	(void)state;
	for (size_t c = 0; c < sizeof(chunks) / sizeof(chunks[0]); c++) {
		double max = -INFINITY, sum = 0, total = 0;
		int x;

		for (x = 0; x < COLS; x++) {
			in[x] = random_float(&seed);
			max = in[x] > max ? in[x] : max;
		}
		for (x = 0; x < COLS; x++)
			sum += exp(in[x] - max);
		reference_row(in, out, COLS, chunks[c]);
		for (x = 0; x < COLS; x++) {
			double exact = exp(in[x] - max) / sum;

			/* |in - max| < 100, whose rounding the exponential makes relative. */
			if (fabs(out[x] - exact) > exact * 100 * FLT_EPSILON + 0x1p-148)
				fail_msg("chunks of %zu: %a is %a, not %a", chunks[c], in[x],
					 out[x], exact);
			total += out[x];
		}
		assert_true(fabs(total - 1) < 1e-5);
	}
}

static void test_aborts(void **state)
{
	static const struct egret_softmax_args wrong[] = {
		{ .rows = 1, .cols = 0, .group_rows = 1, .block_rows = 1, .chunk_cols = 1 },
		{ .rows = 1, .cols = 1, .group_rows = 0, .block_rows = 1, .chunk_cols = 1 },
		{ .rows = 1, .cols = 1, .group_rows = 1, .block_rows = 0, .chunk_cols = 1 },
		{ .rows = 1, .cols = 1, .group_rows = 1, .block_rows = 1, .chunk_cols = 0 },
		{ .rows = 0, .cols = 1, .group_rows = 1, .block_rows = 1, .chunk_cols = 1 },
		{ .rows = 1, .cols = 1, .group_rows = 1, .block_rows = 1, .chunk_cols = 1,
		  .reserved = 1 },
		{ .rows = 1, .cols = 70000, .group_rows = 1, .block_rows = 1,
		  .chunk_cols = 65536 },
		{ .rows = 1, .cols = 70000, .group_rows = 1, .block_rows = 1,
		  .chunk_cols = 70000 },
		{ .rows = 2, .cols = 1u << 31, .group_rows = 2, .block_rows = 2,
		  .chunk_cols = 1u << 31 },
	};
	static const uint32_t grid[3] = { 1, 1, 1 };
	struct fixture *f = *state;
	struct accel_module *module;

	good(accel_module_load_file(f->context, "softmax.egm", &module));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		good(accel_launch(f->stream, find_kernel(module, "softmax_f32"), grid, &wrong[i],
				  sizeof(wrong[i]), NULL));
		bad(accel_stream_wait(f->stream, SOON), -ECANCELED, "ABORT");
		assert_int_equal(accel_last_error()->fault->value, EGRET_SOFTMAX_ABORT_ARGS);
		accel_stream_destroy(f->stream);
		good(accel_stream_create(f->context, NULL, &f->stream));
	}
	accel_module_unload(module);
}

/* The plan covers all rows, and the kernel takes it. */
static void test_plan(void **state)
{
	unsigned int seed = 3;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct egret_softmax_args args = {
			.rows = 1 + rand_r(&seed) % (i % 2 ? 40 : 300000),
			.cols = 1 + rand_r(&seed) % (i % 3 ? 4000 : 300000),
		};
		uint32_t grid[3], clusters = 1 + i % 5;

		egret_softmax_plan(&args, clusters, grid);
		assert_true(grid[0] <= clusters && grid[1] == 1 && grid[2] == 1);
		assert_true((uint64_t)grid[0] * args.group_rows >= args.rows);
		assert_true((uint64_t)(grid[0] - 1) * args.group_rows < args.rows);
		assert_true(args.block_rows && args.block_rows <= EGRET_SOFTMAX_BLOCK_ROWS);
		if (args.cols <= EGRET_SOFTMAX_BUFFER) {
			assert_int_equal(args.chunk_cols, args.cols);
			assert_true((uint64_t)args.block_rows * args.cols <= EGRET_SOFTMAX_BUFFER);
		} else {
			assert_int_equal(args.chunk_cols, EGRET_SOFTMAX_BUFFER);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		device_test(test_rows),
		device_test(test_long_rows),
		device_test(test_special),
		cmocka_unit_test(test_definition),
		device_test(test_aborts),
		cmocka_unit_test(test_plan),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("softmax", tests, choose_device, NULL);
}
