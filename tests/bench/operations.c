// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * How fast the model's tile engine is, one operation at a time, in one thread.
 *
 * Elementwise operations and reductions, on 64 Ki elements in scratchpad, are compared with
 * plain loops in C (native.c) on the same bytes. A row of weights times a vector, as
 * language models have it, is compared with reading as many bytes from the host's memory:
 * nobody who keeps the weights there can be faster.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "native.h"
#include "tile.h"
#include "tile_types.h"

#define AIM_LOOPS	1.0	/* of a plain loop's speed */
#define AIM_MEMORY	1.0	/* of the memory's bandwidth */

#define ROWS		256
#define COLUMNS		256
#define A		(EGRET_LOCAL_SCRATCH)
#define B		(A + 4 * ROWS * COLUMNS)
#define OUT		(B + 4 * ROWS * COLUMNS)

#define F32		EGRET_TYPE_F32

struct engine {
	struct egret_tile tile;
	unsigned int funct3;
	union egret_desc desc;
};

static void refuse(const char *what)
{
	fprintf(stderr, "bench: the tile engine refuses a descriptor: %s\n", what);
	exit(1);
}

static void run_engine(void *arg)
{
	struct engine *e = arg;
	struct egret_fault fault;

	if (!egret_tile_run(&e->tile, e->funct3, &e->desc, &fault))
		refuse("in execution");
}

static void prepare(struct engine *e, const char *name)
{
	struct egret_fault fault;

	if (!egret_tile_check(e->funct3, &e->desc, &fault))
		refuse(name);
}

/* ---- Elementwise operations and reductions ---------------------------------- */

static const struct loop {
	const char *name;
	native_loop *native;
	bool reduce;
	uint8_t op, out_type, a_type;
	bool two;		/* two operands */
	bool turn;		/* map: transpose; reduce: along the outer dimension */
	uint16_t flags;
} loops[] = {
	{ "copy", native_copy, false, EGRET_MAP_COPY, F32, F32, .two = false },
	{ "add", native_add, false, EGRET_MAP_ADD, F32, F32, .two = true },
	{ "multiply", native_multiply, false, EGRET_MAP_MUL, F32, F32, .two = true },
	{ "divide", native_divide, false, EGRET_MAP_DIV, F32, F32, .two = true },
	{ "relu", native_relu, false, EGRET_MAP_RELU, F32, F32, .two = false },
	{ "sqrt", native_sqrt, false, EGRET_MAP_SQRT, F32, F32, .two = false },
	{ "exp", native_exp, false, EGRET_MAP_EXP, F32, F32, .two = false },
	{ "log", native_log, false, EGRET_MAP_LOG, F32, F32, .two = false },
	{ "sin", native_sin, false, EGRET_MAP_SIN, F32, F32, .two = false },
	{ "tanh", native_tanh, false, EGRET_MAP_TANH, F32, F32, .two = false },
	{ "sigmoid", native_sigmoid, false, EGRET_MAP_SIGMOID, F32, F32, .two = false },
	{ "erf", native_erf, false, EGRET_MAP_ERF, F32, F32, .two = false },
	{ "gelu", native_gelu, false, EGRET_MAP_GELU, F32, F32, .two = false },
	{ "silu", native_silu, false, EGRET_MAP_SILU, F32, F32, .two = false },
	{ "power", native_power, false, EGRET_MAP_POW, F32, F32, .two = true },
	{ "fp32 to bf16", native_to_bf16, false, EGRET_MAP_COPY, EGRET_TYPE_BF16, F32, .two = false },
	{ "int8 to fp32", native_from_s8, false, EGRET_MAP_COPY, F32, EGRET_TYPE_S8, .two = false },
	{ "fp32 to int8", native_to_s8, false, EGRET_MAP_COPY, EGRET_TYPE_S8, F32,
	  .flags = EGRET_MAP_SATURATE | EGRET_MAP_ROUND_EVEN },
	{ "transpose", native_transpose, false, EGRET_MAP_COPY, F32, F32, .turn = true },
	{ "sum of rows", native_sum, true, EGRET_REDUCE_SUM, F32, F32, .two = false },
	{ "largest of rows", native_max, true, EGRET_REDUCE_MAX, F32, F32, .two = false },
	{ "argmax of rows", native_argmax, true, EGRET_REDUCE_ARGMAX, EGRET_TYPE_U32, F32, .two = false },
	{ "sum of columns", native_sum_columns, true, EGRET_REDUCE_SUM, F32, F32, .turn = true },
};

static void describe_map(const struct loop *l, struct egret_map_desc *d)
{
	uint32_t a = egret_type_bits(l->a_type) / 8, out = egret_type_bits(l->out_type) / 8;

	*d = (struct egret_map_desc){
		.op = l->op, .out_type = l->out_type, .a_type = l->a_type,
		.b_type = l->two ? F32 : EGRET_TYPE_NONE, .flags = l->flags,
		.dims = { COLUMNS, ROWS, 1, 1, 1 },
		.out = OUT, .a = A, .b = l->two ? B : 0,
		.out_stride = { l->turn ? out * ROWS : out, l->turn ? out : out * COLUMNS },
		.a_stride = { a, a * COLUMNS },
		.b_stride = { l->two ? 4 : 0, l->two ? 4 * COLUMNS : 0 },
	};
}

static void describe_reduce(const struct loop *l, struct egret_reduce_desc *d)
{
	*d = (struct egret_reduce_desc){
		.op = l->op, .out_type = l->out_type, .in_type = l->a_type, .reduced = 1,
		.dims = { l->turn ? ROWS : COLUMNS, l->turn ? COLUMNS : ROWS, 1, 1, 1 },
		.out = OUT, .in = A, .out_stride = { 0, 4 },
		.in_stride = { l->turn ? 4 * COLUMNS : 4, l->turn ? 4 : 4 * COLUMNS },
	};
}

static void run_native(void *arg)
{
	void **args = arg;

	((native_loop *)args[0])(args[1]);
}

static void bench_loop(struct engine *e, const struct loop *l)
{
	struct native_work work = {
		.out = egret_tile_local(&e->tile, OUT), .a = egret_tile_local(&e->tile, A),
		.b = egret_tile_local(&e->tile, B), .rows = ROWS, .columns = COLUMNS,
	};
	void *args[] = { (void *)l->native, &work };
	struct bench_side sides[] = {
		{ .run = run_engine, .arg = e },
		{ .run = run_native, .arg = args },
	};
	double elements = ROWS * COLUMNS, ratio;

	e->funct3 = l->reduce ? EGRET_FUNCT3_REDUCE : EGRET_FUNCT3_MAP;
	if (l->reduce)
		describe_reduce(l, &e->desc.reduce);
	else
		describe_map(l, &e->desc.map);
	prepare(e, l->name);
	bench_measure(sides, 2);
	ratio = sides[1].seconds / sides[0].seconds;
	printf("%-18s %9.3f %9.3f  %6.2f %c\n", l->name, 1e9 * sides[0].seconds / elements,
	       1e9 * sides[1].seconds / elements, ratio, ratio >= AIM_LOOPS ? ' ' : '<');
	fflush(stdout);
}

/* ---- Weights by a vector ------------------------------------------------------ */

#define WEIGHTS		(EGRET_LOCAL_SCRATCH + 128 * 1024)
#define MEMORY		(256u << 20)	/* larger than the host's caches */

static const struct weights {
	const char *name;
	uint8_t a_type, b_type;
	bool a_block, b_block, split;
	uint32_t row;		/* bytes of 2048 weights, with their scales */
	uint32_t n;
} weights[] = {
	{ "fp32", F32, F32, false, false, false, 8192, 96 },
	{ "bf16", EGRET_TYPE_BF16, EGRET_TYPE_BF16, false, false, false, 4096, 192 },
	{ "int8", EGRET_TYPE_S8, EGRET_TYPE_S8, false, false, false, 2048, 384 },
	{ "int4", EGRET_TYPE_S8, EGRET_TYPE_S4, false, false, false, 1024, 384 },
	{ "Q8_0 by fp32", F32, EGRET_TYPE_S8, false, true, false, 2176, 384 },
	{ "Q8_0 by Q8_0", EGRET_TYPE_S8, EGRET_TYPE_S8, true, true, false, 2176, 384 },
	{ "Q4_0 by fp32", F32, EGRET_TYPE_S4, false, true, true, 1152, 384 },
	{ "Q4_0 by Q8_0", EGRET_TYPE_S8, EGRET_TYPE_S4, true, true, true, 1152, 384 },
};

static void describe_weights(const struct weights *w, uint32_t m, struct egret_matmul_desc *d)
{
	const uint32_t k = 2048, block = w->b_type == EGRET_TYPE_S4 ? 18 : 34;
	bool integer = !w->b_block && w->b_type != F32 && w->b_type != EGRET_TYPE_BF16;

	*d = (struct egret_matmul_desc){
		.a = A, .b = WEIGHTS, .out = A + 64 * 1024 + 16384, .m = m, .n = w->n, .k = k,
		.batch = 1,
		.a_pitch = w->a_block ? k / 32 * 34 : k * egret_type_bits(w->a_type) / 8,
		.b_pitch = w->row, .out_pitch = 4 * w->n,
		.a_type = w->a_type, .b_type = w->b_type,
		.out_type = integer ? EGRET_TYPE_S32 : F32,
		.flags = EGRET_MATMUL_B_TRANS,
	};
	if (w->a_block) {
		d->flags |= EGRET_MATMUL_A_BLOCK;
		d->a += 2;
		d->a_scale = A;
		d->a_scale_pitch = d->a_pitch;
		d->a_block = d->a_scale_step = 34;
		d->a_scale_type = EGRET_TYPE_F16;
	}
	if (w->b_block) {
		d->flags |= EGRET_MATMUL_B_BLOCK | (w->split ? EGRET_MATMUL_B_SPLIT : 0);
		d->b += 2;
		d->b_scale = WEIGHTS;
		d->b_scale_pitch = w->row;
		d->b_block = d->b_scale_step = (uint16_t)block;
		d->b_scale_type = EGRET_TYPE_F16;
	}
}

struct reading {
	struct native_work work;
	const uint8_t *memory;
	size_t at;
};

static void run_reading(void *arg)
{
	struct reading *r = arg;
	size_t bytes = r->work.rows * r->work.columns;

	if (r->at + bytes > MEMORY)
		r->at = 0;
	r->work.a = r->memory + r->at;
	r->at += bytes;
	native_read(&r->work);
}

static void bench_weights(struct engine *e, const struct weights *w, uint32_t m, uint8_t *memory)
{
	struct reading reading = {
		.work = { .out = memory, .rows = w->n, .columns = w->row }, .memory = memory,
	};
	struct bench_side sides[] = {
		{ .run = run_engine, .arg = e },
		{ .run = run_reading, .arg = &reading },
	};
	double bytes = (double)w->n * w->row, ratio;

	e->funct3 = EGRET_FUNCT3_MATMUL;
	describe_weights(w, m, &e->desc.matmul);
	prepare(e, w->name);
	bench_measure(sides, 2);
	ratio = sides[1].seconds / sides[0].seconds;
	printf("%-14s %3u  %8.1f %9.1f  %6.2f %c\n", w->name, m, 1e-9 * bytes / sides[0].seconds,
	       1e-9 * bytes / sides[1].seconds, ratio, ratio >= AIM_MEMORY || m > 1 ? ' ' : '<');
	fflush(stdout);
}

/* ---- All of them ---------------------------------------------------------------- */

static bool wanted(const char *name, const char *only)
{
	return !only || strstr(name, only);
}

int main(int argc, char **argv)
{
	struct engine e = { 0 };
	const char *only = NULL;
	uint8_t *memory;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--cpu"))
			bench_use_processor_time();
		else
			only = argv[i];
	}
	memory = bench_allocate(MEMORY);
	memset(memory, 1, MEMORY);
	if (egret_tile_init(&e.tile, bench_allocate(EGRET_SCRATCH_SIZE))) {
		fprintf(stderr, "bench: no memory\n");
		return 1;
	}
	bench_fill(e.tile.scratch, EGRET_SCRATCH_SIZE / 4, true);

	printf("The tile engine's other operations, 1 thread\n\n");
	printf("                    ns an element     speed,\n");
	printf("                    engine      loop  aim %.1f\n", AIM_LOOPS);
	for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++)
		if (wanted(loops[i].name, only))
			bench_loop(&e, &loops[i]);
	printf("\nWeights, stored by n, by m vectors of 2048\n\n");
	printf("                  GB/s of weights     speed,\n");
	printf("weights          m  engine    memory  aim %.1f (m = 1)\n", AIM_MEMORY);
	/* Weights are any bytes that are neither denormal nor infinite as scales. */
	for (size_t i = 0; i < EGRET_SCRATCH_SIZE; i++)
		e.tile.scratch[i] = (uint8_t)(0x30 + i * 2654435761u / 65536 % 16);
	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++)
		for (uint32_t m = 1; m <= 8; m *= 8)
			if (wanted(weights[i].name, only))
				bench_weights(&e, &weights[i], m, memory);
	printf("\n  speed: in units of a plain loop's (-O3 -march=native), or of reading the weights\n"
	       "    from memory once; \"<\" is below the aim\n");
	free(memory);
	free(e.tile.scratch);
	egret_tile_fini(&e.tile);
	return 0;
}
