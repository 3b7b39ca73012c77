// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Matrix products of many shapes, compared to the bit with the same products in plain C:
 * one fused multiply-add for each k, in ascending k.
 */
#include "device.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <egret/kernels/matmul.h>

struct shape {
	uint32_t m, n, k, batch, flags;
	/* Elements that a stored row is longer than it needs to be. */
	uint32_t gap_a, gap_b, gap_c;
	/* Tile sizes; zero for those of the plan. */
	uint32_t tile_m, tile_n, tile_k;
};

#define A_TRANS EGRET_MATMUL_ARGS_A_TRANS
#define B_TRANS EGRET_MATMUL_ARGS_B_TRANS
#define ADD_C EGRET_MATMUL_ARGS_ADD_C

#define SHAPE(m_, n_, k_, batch_, ...) \
	{ .m = (m_), .n = (n_), .k = (k_), .batch = (batch_), __VA_ARGS__ }
#define GAPS(a, b, c) .gap_a = (a), .gap_b = (b), .gap_c = (c)
#define TILES(m_, n_, k_) .tile_m = (m_), .tile_n = (n_), .tile_k = (k_)

static const struct shape shapes[] = {
	SHAPE(1, 1, 1, 1),
	SHAPE(1, 1, 1000, 1),
	SHAPE(1, 100, 7, 1),
	SHAPE(100, 1, 7, 1),
	SHAPE(31, 33, 32, 1),
	SHAPE(32, 32, 32, 1),
	SHAPE(33, 31, 65, 1),
	SHAPE(17, 19, 23, 1, GAPS(1, 2, 3)),
	SHAPE(40, 50, 60, 1, .flags = A_TRANS),
	SHAPE(40, 50, 60, 1, .flags = B_TRANS),
	SHAPE(40, 50, 60, 1, .flags = A_TRANS | B_TRANS, GAPS(5, 6, 7)),
	SHAPE(13, 27, 9, 1, .flags = ADD_C),
	SHAPE(13, 27, 9, 5),
	SHAPE(9, 10, 11, 3, .flags = A_TRANS | B_TRANS | ADD_C, GAPS(1, 1, 1)),
	/* several tiles and several blocks of k, all of them ragged */
	SHAPE(70, 90, 110, 1, TILES(32, 64, 48)),
	SHAPE(70, 90, 110, 2, .flags = A_TRANS | B_TRANS | ADD_C, GAPS(3, 2, 1),
	      TILES(33, 17, 5)),
	SHAPE(7, 5, 64, 1, TILES(1, 1, 1)),
	SHAPE(150, 140, 300, 1),
	SHAPE(10, 64, 899, 1, .flags = A_TRANS),
	/* all of k, and B's columns in turn: three blocks and more, with and without sums before */
	SHAPE(3, 1000, 1100, 1, .flags = B_TRANS, TILES(3, 1000, 1100)),
	SHAPE(2, 1070, 1000, 2, .flags = A_TRANS | B_TRANS | ADD_C, GAPS(1, 2, 3),
	      TILES(2, 1060, 1000)),
};

/* A matrix in memory: its stored rows, and their length. */
static size_t stored(uint32_t rows, uint32_t cols, bool transposed, uint32_t gap, uint32_t *ld)
{
	*ld = (transposed ? rows : cols) + gap;
	return (size_t)(transposed ? cols : rows) * *ld;
}

static uint32_t position(uint32_t row, uint32_t col, bool transposed, uint32_t ld)
{
	return transposed ? col * ld + row : row * ld + col;
}

struct problem {
	struct egret_matmul_args args;
	uint32_t batch;
	size_t a_size, b_size, c_size;	/* elements of one batch */
};

static struct problem make_problem(const struct shape *s)
{
	struct problem p = {
		.args = { .m = s->m, .n = s->n, .k = s->k, .flags = s->flags },
		.batch = s->batch,
	};

	p.a_size = stored(s->m, s->k, s->flags & A_TRANS, s->gap_a, &p.args.lda);
	p.b_size = stored(s->k, s->n, s->flags & B_TRANS, s->gap_b, &p.args.ldb);
	p.c_size = stored(s->m, s->n, false, s->gap_c, &p.args.ldc);
	p.args.batch_a = p.a_size;
	p.args.batch_b = p.b_size;
	p.args.batch_c = p.c_size;
	return p;
}

/* Random numbers of all magnitudes, so that every rounding matters. */
static float random_float(unsigned int *seed)
{
	return ldexpf((float)(rand_r(seed) % 2001 - 1000) / 777, rand_r(seed) % 12 - 6);
}

static void reference_f32(const struct problem *p, const float *a, const float *b, float *c)
{
	const struct egret_matmul_args *args = &p->args;
	uint32_t m, n, k;

	for (m = 0; m < args->m; m++) {
		for (n = 0; n < args->n; n++) {
			float *out = &c[m * args->ldc + n];
			float sum = args->flags & ADD_C ? *out : 0;

			for (k = 0; k < args->k; k++)
				sum = fmaf(a[position(m, k, args->flags & A_TRANS, args->lda)],
					   b[position(k, n, args->flags & B_TRANS, args->ldb)], sum);
			*out = sum;
		}
	}
}

static void reference_s8(const struct problem *p, const int8_t *a, const int8_t *b, int32_t *c)
{
	const struct egret_matmul_args *args = &p->args;
	uint32_t m, n, k;

	for (m = 0; m < args->m; m++) {
		for (n = 0; n < args->n; n++) {
			int32_t *out = &c[m * args->ldc + n];
			int32_t sum = args->flags & ADD_C ? *out : 0;

			for (k = 0; k < args->k; k++)
				sum += a[position(m, k, args->flags & A_TRANS, args->lda)] *
				       b[position(k, n, args->flags & B_TRANS, args->ldb)];
			*out = sum;
		}
	}
}

/* Multiply on the card; C goes there and back, so that its gaps are compared too. */
static void multiply(struct fixture *f, struct accel_module *module, const char *name,
		     struct problem *p, const struct shape *s, const void *a, const void *b,
		     void *c, size_t element)
{
	struct accel_device_info info = { .size = sizeof(info) };
	struct accel_buffer *buffers[3];
	size_t sizes[3] = { p->a_size * element, p->b_size * element, p->c_size * 4 };
	const void *data[3] = { a, b, c };
	uint32_t grid[3];
	int i;

	good(accel_device_get_info(f->device, &info));
	for (i = 0; i < 3; i++) {
		sizes[i] *= p->batch;
		buffers[i] = make_buffer(f, sizes[i], ACCEL_MEMORY_DEVICE);
		good(accel_upload(f->stream, buffers[i], 0, data[i], sizes[i]));
	}
	p->args.a = accel_buffer_address(buffers[0]);
	p->args.b = accel_buffer_address(buffers[1]);
	p->args.c = accel_buffer_address(buffers[2]);
	egret_matmul_plan(&p->args, p->batch, element, info.clusters, grid);
	if (s->tile_m) {
		p->args.tile_m = s->tile_m;
		p->args.tile_n = s->tile_n;
		p->args.tile_k = s->tile_k;
		grid[0] = (s->n + s->tile_n - 1) / s->tile_n;
		grid[1] = (s->m + s->tile_m - 1) / s->tile_m;
	}
	good(accel_launch(f->stream, find_kernel(module, name), grid, &p->args, sizeof(p->args),
			  NULL));
	good(accel_download(f->stream, buffers[2], 0, c, sizes[2]));
	for (i = 0; i < 3; i++)
		accel_buffer_destroy(buffers[i]);
}

static void compare(const struct shape *s, const uint32_t *card, const uint32_t *cpu, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (card[i] != cpu[i])
			fail_msg("%ux%ux%u, batch %u, flags %u: element %zu is 0x%08x, not 0x%08x",
				 s->m, s->n, s->k, s->batch, s->flags, i, card[i], cpu[i]);
}

static void check_f32(struct fixture *f, struct accel_module *module, const struct shape *s)
{
	struct problem p = make_problem(s);
	float *a = malloc(p.a_size * p.batch * 4), *b = malloc(p.b_size * p.batch * 4);
	float *c = malloc(p.c_size * p.batch * 4), *expected = malloc(p.c_size * p.batch * 4);
	unsigned int seed = s->m * 7 + s->n * 3 + s->k;
	size_t i;

	for (i = 0; i < p.a_size * p.batch; i++)
		a[i] = random_float(&seed);
	for (i = 0; i < p.b_size * p.batch; i++)
		b[i] = random_float(&seed);
	for (i = 0; i < p.c_size * p.batch; i++)
		expected[i] = c[i] = random_float(&seed);
	for (i = 0; i < p.batch; i++)
		reference_f32(&p, a + i * p.a_size, b + i * p.b_size, expected + i * p.c_size);
	multiply(f, module, "matmul_f32", &p, s, a, b, c, sizeof(*a));
	compare(s, (uint32_t *)c, (uint32_t *)expected, p.c_size * p.batch);
	free(a);
	free(b);
	free(c);
	free(expected);
}

static void check_s8(struct fixture *f, struct accel_module *module, const struct shape *s)
{
	struct problem p = make_problem(s);
	int8_t *a = malloc(p.a_size * p.batch), *b = malloc(p.b_size * p.batch);
	int32_t *c = malloc(p.c_size * p.batch * 4), *expected = malloc(p.c_size * p.batch * 4);
	unsigned int seed = s->m * 7 + s->n * 3 + s->k;
	size_t i;

	for (i = 0; i < p.a_size * p.batch; i++)
		a[i] = rand_r(&seed) % 256 - 128;
	for (i = 0; i < p.b_size * p.batch; i++)
		b[i] = rand_r(&seed) % 256 - 128;
	for (i = 0; i < p.c_size * p.batch; i++)
		expected[i] = c[i] = rand_r(&seed) % 100000 - 50000;
	for (i = 0; i < p.batch; i++)
		reference_s8(&p, a + i * p.a_size, b + i * p.b_size, expected + i * p.c_size);
	multiply(f, module, "matmul_s8", &p, s, a, b, c, sizeof(*a));
	compare(s, (uint32_t *)c, (uint32_t *)expected, p.c_size * p.batch);
	free(a);
	free(b);
	free(c);
	free(expected);
}

static void test_f32(void **state)
{
	struct fixture *f = *state;
	struct accel_module *module;

	good(accel_module_load_file(f->context, "matmul.egm", &module));
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		check_f32(f, module, &shapes[i]);
	accel_module_unload(module);
}

static void test_s8(void **state)
{
	struct fixture *f = *state;
	struct accel_module *module;

	good(accel_module_load_file(f->context, "matmul.egm", &module));
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		check_s8(f, module, &shapes[i]);
	accel_module_unload(module);
}

/* A kernel that is given nonsense says so. */
static void test_aborts(void **state)
{
	static const uint32_t grid[3] = { 2, 1, 1 };
	struct fixture *f = *state;
	struct egret_matmul_args args = {
		.m = 1, .n = 1, .k = 1, .tile_m = 1, .tile_n = 1, .tile_k = 1,
	};
	struct accel_buffer *buffer = make_buffer(f, 4, ACCEL_MEMORY_DEVICE);
	struct accel_module *module;

	args.a = args.b = args.c = accel_buffer_address(buffer);
	good(accel_module_load_file(f->context, "matmul.egm", &module));
	good(accel_launch(f->stream, find_kernel(module, "matmul_f32"), grid, &args, sizeof(args),
			  NULL));
	bad(accel_stream_wait(f->stream, SOON), -ECANCELED, "ABORT");
	assert_int_equal(accel_last_error()->fault->value, EGRET_MATMUL_ABORT_GRID);
	assert_int_equal(accel_last_error()->fault->group[0], 1);
	accel_stream_destroy(f->stream);
	good(accel_stream_create(f->context, NULL, &f->stream));
	args.flags = 0x80;
	good(accel_launch(f->stream, find_kernel(module, "matmul_s8"), grid, &args, sizeof(args),
			  NULL));
	bad(accel_stream_wait(f->stream, SOON), -ECANCELED, "ABORT");
	assert_int_equal(accel_last_error()->fault->value, EGRET_MATMUL_ABORT_FLAGS);
	accel_module_unload(module);
	accel_buffer_destroy(buffer);
}

/*
 * The plan covers C whole, keeps to scratchpad, and gives the clusters work: all four,
 * unless three that have three quarters of what is possible are better than two rounds.
 */
static void test_plan(void **state)
{
	unsigned int seed = 5, in_columns = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct egret_matmul_args args = {
			.m = 1 + rand_r(&seed) % (i % 2 ? 40 : 3000),
			.n = 1 + rand_r(&seed) % (i % 3 ? 40 : 3000),
			.k = 1 + rand_r(&seed) % 3000,
		};
		bool by_n = rand_r(&seed) % 2;
		unsigned int element = i % 5 ? 4 : 1;
		uint32_t grid[3];
		size_t scratch;

		args.flags = by_n ? EGRET_MATMUL_ARGS_B_TRANS : 0;
		egret_matmul_plan(&args, 1 + i % 3, element, 4, grid);
		assert_true((uint64_t)grid[0] * args.tile_n >= args.n);
		assert_true((uint64_t)(grid[0] - 1) * args.tile_n < args.n);
		assert_true((uint64_t)grid[1] * args.tile_m >= args.m);
		assert_true((uint64_t)(grid[1] - 1) * args.tile_m < args.m);
		assert_int_equal(grid[2], 1 + i % 3);
		scratch = 2 * ((size_t)args.tile_m + args.tile_n) * args.tile_k * element +
			  (size_t)args.tile_m * args.tile_n * 4;
		if (by_n && args.tile_k == args.k &&
		    !egret_matmul_fits(args.tile_m, args.tile_n, args.tile_n, args.k, element)) {
			in_columns++;
			scratch = ((size_t)args.tile_m + 2 * egret_matmul_block_columns(args.k, element)) *
				  args.k * element + (size_t)args.tile_m * args.tile_n * 4;
		}
		assert_true(scratch + 5 * 64 <= (1 << 20) - (16 << 10));
		if (args.m > 64 && args.n > 64 && args.k > 600)
			assert_true(grid[0] * grid[1] * grid[2] >= 3);
	}
	assert_true(in_columns > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		device_test(test_f32),
		device_test(test_s8),
		device_test(test_aborts),
		cmocka_unit_test(test_plan),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("matmul", tests, choose_device, NULL);
}
