// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * A cluster's units behind custom instructions: the DMA unit against the reference, tags and
 * the moments when operations happen, errors of descriptors, statistics, and a storm of
 * random descriptors and instructions that must not hurt the host.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "perf.h"
#include "reference.h"
#include "rig.h"
#include "tile.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static struct rig *rig;
static struct rig_random rng;

static int setup(void **state)
{
	(void)state;
	rig = rig_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_free(rig);
	return 0;
}

static uint64_t below(uint64_t n)
{
	return rig_below(&rng, n);
}

static bool chance(unsigned int percent)
{
	return below(100) < percent;
}

static int between(int low, int high)
{
	return low + (int)below((uint64_t)(high - low + 1));
}

static void randomise(uint8_t *p, size_t size)
{
	for (size_t i = 0; i + 8 <= size; i += 8) {
		uint64_t v = rig_random(&rng);

		memcpy(p + i, &v, 8);
	}
}

/* ---- Programs ------------------------------------------------------------- */

struct program {
	uint32_t insn[256];
	size_t count;
};

static void emit(struct program *p, uint32_t insn)
{
	assert_true(p->count < ARRAY_SIZE(p->insn));
	p->insn[p->count++] = insn;
}

/* A constant below 2^31. */
static void load_constant(struct program *p, int rd, uint32_t value)
{
	int32_t low = (int32_t)(value << 20) >> 20;

	emit(p, LUI(rd, (value - (uint32_t)low) >> 12));
	emit(p, ADDI(rd, rd, low));
}

static void emit_issue(struct program *p, unsigned int funct3, uint32_t desc, unsigned int tag)
{
	load_constant(p, T0, desc);
	emit(p, ADDI(T1, ZERO, (int)tag));
	emit(p, ISSUE(funct3, T0, T1));
}

static void emit_wait(struct program *p, unsigned int tag)
{
	emit(p, ADDI(T1, ZERO, 1));
	emit(p, SLLI(T1, T1, (int)tag));
	emit(p, WAIT(T1));
}

/* Copy the doubleword at a local address to another one. */
static void emit_copy(struct program *p, uint32_t from, uint32_t to)
{
	load_constant(p, T0, from);
	emit(p, LD(T2, T0, 0));
	load_constant(p, T0, to);
	emit(p, SD(T2, T0, 0));
}

static enum egret_run run_program(struct program *p)
{
	emit(p, RET);
	return rig_run_code(rig, p->insn, p->count);
}

static uint8_t *local(uint32_t address)
{
	return rig->scratch + (address - EGRET_LOCAL_SCRATCH);
}

static uint64_t local64(uint32_t address)
{
	uint64_t v;

	memcpy(&v, local(address), 8);
	return v;
}

/* ---- DMA against the reference --------------------------------------------- */

static struct egret_dma_desc dma_linear(uint64_t global, uint32_t address, uint32_t bytes, bool store)
{
	struct egret_dma_desc d = {
		.global = global,
		.local = address,
		.flags = store ? EGRET_DMA_STORE : 0,
		.element = 1,
	};

	for (int i = 0; i < EGRET_DIMS; i++) {
		d.loop[i].count = 1;
		d.loop[i].axis = EGRET_DMA_NO_AXIS;
	}
	d.loop[0].count = bytes;
	d.loop[0].local_stride = 1;
	d.loop[0].global_stride = 1;
	return d;
}

#define DMA_TABLE	(EGRET_LOCAL_SCRATCH + 0x90000)

/* A block around the middle of 512 KiB of memory and of 512 KiB of scratchpad. */
/* Rows of a plane, some of which hang over its edges, and the planes behind it. */
static void make_window(struct egret_dma_desc *d)
{
	uint32_t row = 0;

	for (unsigned int i = 0; i < 3; i++) {
		struct egret_dma_loop *l = &d->loop[i];

		l->count = (uint32_t)below(8) + 1;
		l->axis = i < 2 && chance(90) ? i : EGRET_DMA_NO_AXIS;
		l->step = l->axis == EGRET_DMA_NO_AXIS ? 0 : chance(80) ? 1 : (uint32_t)between(-2, 2);
	}
	row = d->loop[0].count * d->element;
	d->loop[0].global_stride = d->element;
	d->loop[0].local_stride = d->element;
	d->loop[1].global_stride = chance(70) ? 300 : row;
	/* Rows with gaps, upside down, and over each other. */
	d->loop[1].local_stride = chance(70) ? row + (uint32_t)below(40) :
				  chance(50) ? -row : (uint32_t)between(-40, 40);
	d->loop[2].local_stride = d->loop[1].local_stride * d->loop[1].count;
}

static struct egret_dma_desc random_dma(void)
{
	static const uint8_t elements[] = { 1, 2, 4, 8, 16 };
	struct egret_dma_desc d = {
		.global = 0x40000 + below(64),
		.local = EGRET_LOCAL_SCRATCH + 0x40000 + (uint32_t)below(64),
		.flags = chance(40) ? EGRET_DMA_STORE : 0,
		.element = elements[below(5)],
		.fill = rig_random(&rng),
	};
	uint64_t global = d.element, address = d.element;

	for (int i = 0; i < EGRET_DIMS; i++) {
		struct egret_dma_loop *l = &d.loop[i];

		l->count = chance(40) ? 1 : (uint32_t)below(8) + 1;
		l->axis = chance(40) ? (uint32_t)below(EGRET_DIMS) : EGRET_DMA_NO_AXIS;
		l->step = l->axis == EGRET_DMA_NO_AXIS && chance(90) ? 0 : (uint32_t)between(-3, 3);
		/* dense more often than not, so that rows become runs and loops merge */
		l->global_stride = chance(60) ? global : (uint64_t)(int64_t)between(-300, 300);
		l->local_stride = chance(60) ? (uint32_t)address : (uint32_t)between(-300, 300);
		global *= l->count;
		address *= l->count;
		d.axis[i].start = (uint32_t)between(-6, 6);
		d.axis[i].extent = chance(10) ? 0xffffffff : (uint32_t)below(14);
	}
	if (chance(30))
		make_window(&d);
	if (chance(25)) {
		d.flags |= EGRET_DMA_INDEXED;
		d.index_loop = (uint8_t)below(EGRET_DIMS);
		d.loop[d.index_loop].global_stride = (uint64_t)(int64_t)between(-200, 200);
		d.index = DMA_TABLE;
		for (uint32_t i = 0; i < d.loop[d.index_loop].count; i++) {
			int32_t v = between(-12, 12);

			memcpy(local(DMA_TABLE + 4 * i), &v, 4);
		}
	}
	return d;
}

static void dma_cases(uint64_t base, uint8_t *memory, uint64_t first)
{
	uint8_t *scratch = malloc(EGRET_SCRATCH_SIZE), *expected = malloc(0x80000);

	assert_true(scratch && expected);
	for (uint64_t number = first; number < first + 1500; number++) {
		struct egret_dma_desc d;

		rng.state = number;
		if (number % 32 == 0) {
			randomise(memory, 0x80000);
			randomise(rig->scratch, 0x80000);
		}
		d = random_dma();
		d.global += base;
		memcpy(local(RIG_DESC), &d, sizeof(d));
		memcpy(scratch, rig->scratch, EGRET_SCRATCH_SIZE);
		memcpy(expected, memory, 0x80000);
		if (rig_operation(rig, EGRET_FUNCT3_DMA, &d, sizeof(d)) != EGRET_RUN_DONE)
			fail_msg("case %llu: fault %#x at %#llx", (unsigned long long)number,
				 egret_cluster_fault(rig->cl)->code,
				 (unsigned long long)egret_cluster_fault(rig->cl)->addr);
		d.global -= base;
		reference_dma(scratch, expected, 0x80000, &d);
		if (memcmp(scratch, rig->scratch, EGRET_SCRATCH_SIZE))
			fail_msg("case %llu: scratchpad differs", (unsigned long long)number);
		if (memcmp(expected, memory, 0x80000))
			fail_msg("case %llu: memory differs", (unsigned long long)number);
	}
	free(scratch);
	free(expected);
}

static void test_dma_vram(void **state)
{
	(void)state;
	dma_cases(RIG_VRAM_VA, rig->vram, 100000);
}

static void test_dma_system(void **state)
{
	(void)state;
	dma_cases(RIG_SYS_VA, rig->sys, 200000);
}

static void test_dma_counts(void **state)
{
	struct egret_dma_desc in = dma_linear(RIG_VRAM_VA + 0x12345, EGRET_LOCAL_SCRATCH + 3, 10000, false);
	struct egret_dma_desc out = dma_linear(RIG_SYS_VA + 0x1235, EGRET_LOCAL_SCRATCH + 3, 5000, true);
	struct egret_group_stats s;

	(void)state;
	assert_int_equal(rig_operation(rig, EGRET_FUNCT3_DMA, &in, sizeof(in)), EGRET_RUN_DONE);
	egret_cluster_stats(rig->cl, &s);
	assert_int_equal(s.vram_read, 10000);
	assert_int_equal(s.vram_write + s.host_read + s.host_write, 0);
	assert_int_equal(rig_operation(rig, EGRET_FUNCT3_DMA, &out, sizeof(out)), EGRET_RUN_DONE);
	egret_cluster_stats(rig->cl, &s);
	assert_int_equal(s.host_write, 5000);
	assert_int_equal(s.vram_write + s.host_read + s.vram_read, 0);
}

/* An element that is not mapped faults, with the address and the instruction; one that does not exist does not. */
static void test_dma_fault(void **state)
{
	struct egret_dma_desc d = dma_linear(0x300000000, EGRET_LOCAL_SCRATCH, 16, false);
	const struct egret_fault *f;

	(void)state;
	assert_int_equal(rig_operation(rig, EGRET_FUNCT3_DMA, &d, sizeof(d)), EGRET_RUN_FAULT);
	f = egret_cluster_fault(rig->cl);
	assert_int_equal(f->code, EGRET_FAULT_MMU_UNMAPPED);
	assert_int_equal(f->addr, 0x300000000);
	assert_int_equal(f->pc, RIG_CODE_VA + 4);
	assert_int_equal(f->info & EGRET_FAULT_INFO_UNIT_MASK, EGRET_UNIT_DMA);
	d.loop[0].axis = 0;
	d.loop[0].step = 1;
	assert_int_equal(rig_operation(rig, EGRET_FUNCT3_DMA, &d, sizeof(d)), EGRET_RUN_DONE);
	d.global = 0x1000; /* no local aperture on the memory side */
	d.axis[0].extent = 1;
	assert_int_equal(rig_operation(rig, EGRET_FUNCT3_DMA, &d, sizeof(d)), EGRET_RUN_FAULT);
	assert_int_equal(f->code, EGRET_FAULT_MMU_UNMAPPED);
}

/* ---- Tags -------------------------------------------------------------------- */

#define DESC_A	(EGRET_LOCAL_SCRATCH + 0x80000)
#define DESC_B	(EGRET_LOCAL_SCRATCH + 0x80200)
#define DATA	(EGRET_LOCAL_SCRATCH + 0x10000)
#define RESULT	(EGRET_LOCAL_SCRATCH + 0x20000)
#define SEEN	(EGRET_LOCAL_SCRATCH + 0x30000)

#define OLD	UINT64_C(0x1111111111111111)
#define NEW	UINT64_C(0x2222222222222222)

static void put_desc(uint32_t address, const void *desc, size_t size)
{
	memcpy(local(address), desc, size);
}

/* A map that copies 8 bytes. */
static struct egret_map_desc copy_map(uint32_t from, uint32_t to)
{
	return (struct egret_map_desc) {
		.op = EGRET_MAP_COPY,
		.out_type = EGRET_TYPE_U64,
		.a_type = EGRET_TYPE_U64,
		.dims = { 1, 1, 1, 1, 1 },
		.out = to,
		.a = from,
	};
}

static void prepare_tags(bool store)
{
	struct egret_dma_desc dma = dma_linear(RIG_VRAM_VA, store ? RESULT : DATA, 8, store);
	struct egret_map_desc map = copy_map(DATA, RESULT);

	put_desc(DESC_A, &dma, sizeof(dma));
	put_desc(DESC_B, &map, sizeof(map));
	memcpy(local(DATA), store ? &(uint64_t){ NEW } : &(uint64_t){ OLD }, 8);
	memcpy(local(RESULT), &(uint64_t){ OLD }, 8);
	memcpy(rig->vram, store ? &(uint64_t){ OLD } : &(uint64_t){ NEW }, 8);
}

/* A load's result is not there before the WAIT, and is after it. */
static void test_missing_wait_for_load(void **state)
{
	struct program p = { .count = 0 };

	(void)state;
	prepare_tags(false);
	emit_issue(&p, EGRET_FUNCT3_DMA, DESC_A, 3);
	emit_copy(&p, DATA, SEEN);
	emit_wait(&p, 2);	/* of another tag */
	emit_copy(&p, DATA, SEEN + 8);
	emit_wait(&p, 3);
	emit_copy(&p, DATA, SEEN + 16);
	assert_int_equal(run_program(&p), EGRET_RUN_DONE);
	assert_true(local64(SEEN) == OLD);
	assert_true(local64(SEEN + 8) == OLD);
	assert_true(local64(SEEN + 16) == NEW);
}

/* A tile operation that does not wait for the load before it computes with old data, even if both are waited for. */
static void test_missing_wait_between_units(void **state)
{
	struct program p = { .count = 0 };

	(void)state;
	prepare_tags(false);
	emit_issue(&p, EGRET_FUNCT3_DMA, DESC_A, 3);
	emit_issue(&p, EGRET_FUNCT3_MAP, DESC_B, 3);
	emit_wait(&p, 3);
	assert_int_equal(run_program(&p), EGRET_RUN_DONE);
	assert_true(local64(RESULT) == OLD);
	assert_true(local64(DATA) == NEW);

	/* The same with the WAIT. */
	p.count = 0;
	prepare_tags(false);
	emit_issue(&p, EGRET_FUNCT3_DMA, DESC_A, 3);
	emit_wait(&p, 3);
	emit_issue(&p, EGRET_FUNCT3_MAP, DESC_B, 3);
	assert_int_equal(run_program(&p), EGRET_RUN_DONE);
	assert_true(local64(RESULT) == NEW);
}

/* A store that does not wait for the tile operation before it stores old data. */
static void test_missing_wait_for_store(void **state)
{
	struct program p = { .count = 0 };
	uint64_t v;

	(void)state;
	prepare_tags(true);
	emit_issue(&p, EGRET_FUNCT3_MAP, DESC_B, 0);
	emit_issue(&p, EGRET_FUNCT3_DMA, DESC_A, 0);
	emit_wait(&p, 0);
	assert_int_equal(run_program(&p), EGRET_RUN_DONE);
	memcpy(&v, rig->vram, 8);
	assert_true(v == OLD);
	assert_true(local64(RESULT) == NEW);

	p.count = 0;
	prepare_tags(true);
	emit_issue(&p, EGRET_FUNCT3_MAP, DESC_B, 0);
	emit_wait(&p, 0);
	emit_issue(&p, EGRET_FUNCT3_DMA, DESC_A, 31);
	/* the end of the workgroup waits for all tags */
	assert_int_equal(run_program(&p), EGRET_RUN_DONE);
	memcpy(&v, rig->vram, 8);
	assert_true(v == NEW);
}

/* What an operation reads must not be written before the WAIT. */
static void test_source_overwritten(void **state)
{
	struct program p = { .count = 0 };
	uint64_t v;

	(void)state;
	prepare_tags(true);
	emit_issue(&p, EGRET_FUNCT3_DMA, DESC_A, 5);	/* stores RESULT, which is OLD */
	emit_copy(&p, DATA, RESULT);			/* becomes NEW too early */
	emit_wait(&p, 5);
	assert_int_equal(run_program(&p), EGRET_RUN_DONE);
	memcpy(&v, rig->vram, 8);
	assert_true(v == NEW);
}

/* Tile operations follow each other without a WAIT, and the descriptor's memory is free after issue. */
static void test_tile_order(void **state)
{
	struct program p = { .count = 0 };
	struct egret_map_desc first = copy_map(DATA, RESULT), second = copy_map(RESULT, RESULT + 64);

	(void)state;
	memcpy(local(DATA), &(uint64_t){ NEW }, 8);
	memcpy(local(RESULT), &(uint64_t){ OLD }, 8);
	put_desc(DESC_A, &first, sizeof(first));
	put_desc(DESC_B, &second, sizeof(second));
	emit_issue(&p, EGRET_FUNCT3_MAP, DESC_A, 1);
	load_constant(&p, T0, DESC_A);
	emit(&p, SD(ZERO, T0, 0));	/* it was captured */
	emit(&p, SD(ZERO, T0, 32));
	emit_issue(&p, EGRET_FUNCT3_MAP, DESC_B, 2);
	emit_wait(&p, 2);		/* implies the earlier one */
	emit_copy(&p, RESULT + 64, SEEN);
	assert_int_equal(run_program(&p), EGRET_RUN_DONE);
	assert_true(local64(SEEN) == NEW);
}

/* POLL shows operations until their modelled time is over, and then what they did. */
/* A sum of two products, of which only what is waited for is there, however the host does it. */
static void test_part_of_a_sum(void **state)
{
	const float x[2] = { 3, 5 }, zero[2] = { 0, 0 };
	struct program p = { .count = 0 };
	struct egret_map_desc tap = {
		.op = EGRET_MAP_FMA, .out_type = EGRET_TYPE_F32, .a_type = EGRET_TYPE_F32,
		.b_type = EGRET_TYPE_F32, .c_type = EGRET_TYPE_F32, .dims = { 2, 1, 1, 1, 1 },
		.out = RESULT, .a = DATA, .b = DATA, .c = RESULT,
		.out_stride = { 4 }, .a_stride = { 4 }, .c_stride = { 4 },
	};
	float seen[4];

	(void)state;
	memcpy(local(DATA), x, sizeof(x));
	memcpy(local(RESULT), zero, sizeof(zero));
	put_desc(DESC_A, &tap, sizeof(tap));
	for (unsigned int i = 1; i <= 3; i++)
		emit_issue(&p, EGRET_FUNCT3_MAP, DESC_A, i);
	emit_wait(&p, 2);
	emit_copy(&p, RESULT, SEEN);
	emit_wait(&p, 3);
	emit_copy(&p, RESULT, SEEN + 8);
	assert_int_equal(run_program(&p), EGRET_RUN_DONE);
	memcpy(seen, local(SEEN), sizeof(seen));
	assert_true(seen[0] == 2 * 9 && seen[1] == 2 * 15);
	assert_true(seen[2] == 3 * 9 && seen[3] == 3 * 15);
}

static void test_poll(void **state)
{
	struct program p = { .count = 0 };
	size_t loop;

	(void)state;
	prepare_tags(false);
	emit_issue(&p, EGRET_FUNCT3_DMA, DESC_A, 7);
	emit(&p, POLL(A0));
	load_constant(&p, T0, SEEN);
	emit(&p, SD(A0, T0, 0));
	emit(&p, ADDI(A1, ZERO, 0));
	loop = p.count;
	emit(&p, ADDI(A1, A1, 1));
	emit(&p, POLL(A0));
	emit(&p, insn_b(0x1063, A0, ZERO, ((int)loop - (int)p.count) * 4)); /* bnez */
	emit(&p, SD(A1, T0, 8));
	emit_copy(&p, DATA, SEEN + 16);
	assert_int_equal(run_program(&p), EGRET_RUN_DONE);
	assert_true(local64(SEEN) == 1 << 7);
	assert_true(local64(SEEN + 8) > 1);
	assert_true(local64(SEEN + 8) < 200);
	assert_true(local64(SEEN + 16) == NEW);
}

/* A unit holds a limited number of operations; one more waits for the oldest. */
static void test_full_queue(void **state)
{
	struct program p = { .count = 0 };
	struct egret_group_stats s;

	(void)state;
	prepare_tags(false);
	load_constant(&p, T0, DESC_A);
	for (int i = 0; i < PERF_DMA_QUEUE + 1; i++)
		emit(&p, ISSUE(EGRET_FUNCT3_DMA, T0, ZERO));
	emit_copy(&p, DATA, SEEN);
	assert_int_equal(run_program(&p), EGRET_RUN_DONE);
	assert_true(local64(SEEN) == NEW);
	egret_cluster_stats(rig->cl, &s);
	assert_true(s.dma_wait > 0);
	assert_int_equal(s.vram_read, 8 * (PERF_DMA_QUEUE + 1));
}

/* ---- Statistics ---------------------------------------------------------------- */

static void test_stats(void **state)
{
	struct egret_matmul_desc m = {
		.a = DATA,
		.b = DATA,
		.out = RESULT,
		.m = 20,
		.n = 30,
		.k = 40,
		.batch = 1,
		.a_pitch = 40,
		.b_pitch = 30,
		.out_pitch = 120,
		.a_type = EGRET_TYPE_S8,
		.b_type = EGRET_TYPE_S8,
		.out_type = EGRET_TYPE_S32,
	};
	struct program p = { .count = 0 };
	struct egret_dma_desc d = dma_linear(RIG_VRAM_VA, SEEN, 4096, false);
	struct egret_group_stats s, again;

	(void)state;
	put_desc(DESC_A, &d, sizeof(d));
	put_desc(DESC_B, &m, sizeof(m));
	emit_issue(&p, EGRET_FUNCT3_DMA, DESC_A, 0);
	emit_issue(&p, EGRET_FUNCT3_MATMUL, DESC_B, 1);
	emit_wait(&p, 1);
	emit_wait(&p, 0);
	assert_int_equal(run_program(&p), EGRET_RUN_DONE);
	egret_cluster_stats(rig->cl, &s);
	assert_int_equal(s.macs, 20 * 30 * 40);
	assert_int_equal(s.instructions, p.count);
	assert_int_equal(s.hart_cycles + s.tile_wait + s.dma_wait, s.cycles);
	/* 20 rows count as the array's 32: one block of columns, 40 k; 19 rows of epilogue are less */
	assert_int_equal(s.tile_busy, PERF_TILE_SETUP + PERF_TILE_FILL + 40);
	assert_int_equal(s.dma_busy, PERF_DMA_SETUP + 4096 / PERF_DMA_DEVICE_BYTES);
	assert_int_equal(s.vram_read, 4096);
	/* the same once more is the same */
	assert_int_equal(rig_run_code(rig, p.insn, p.count), EGRET_RUN_DONE);
	egret_cluster_stats(rig->cl, &again);
	assert_memory_equal(&s, &again, sizeof(s));
}

/* Cycles and results do not depend on how the budget is divided. */
static void test_quanta(void **state)
{
	struct program p = { .count = 0 };
	struct egret_group_stats whole, parts;
	enum egret_run result;
	size_t loop;

	(void)state;
	emit(&p, ADDI(A0, ZERO, 1000));
	loop = p.count;
	emit(&p, ADDI(A0, A0, -1));
	emit(&p, insn_b(0x1063, A0, ZERO, ((int)loop - (int)p.count) * 4));
	emit(&p, RET);
	assert_int_equal(rig_run_code(rig, p.insn, p.count), EGRET_RUN_DONE);
	egret_cluster_stats(rig->cl, &whole);
	assert_int_equal(whole.instructions, 1 + 2000 + 1);
	rig_begin(rig, RIG_CODE_VA, NULL, 0);
	do {
		result = egret_cluster_run(rig->cl, 7);
		egret_cluster_stats(rig->cl, &parts);
		assert_int_equal(parts.hart_cycles + parts.tile_wait + parts.dma_wait, parts.cycles);
	} while (result == EGRET_RUN_QUANTUM);
	egret_port_end(&rig->port);
	assert_int_equal(result, EGRET_RUN_DONE);
	assert_memory_equal(&whole, &parts, sizeof(whole));
}

/* ---- Operations that stop ------------------------------------------------------ */

/* All that an operation may change. */
struct outcome {
	uint8_t scratch[EGRET_SCRATCH_SIZE];
	uint8_t vram[RIG_VRAM_SIZE];
	uint8_t sys[RIG_SYS_SIZE];
	struct egret_group_stats stats;
};

#define LOCAL(offset)	(EGRET_LOCAL_SCRATCH + (offset))
#define INDICES		0x40000	/* words of 4 bytes that an index may be loaded from */

struct long_operation {
	const char *name;
	unsigned int funct3;
	union egret_desc desc;
};

#define ONE_LOOP	{ .count = 1, .axis = EGRET_DMA_NO_AXIS }

/* Each takes so many cycles that it may stop, and some ms of the host at least. */
static const struct long_operation long_operations[] = {
	{ "a sum onto itself", EGRET_FUNCT3_MATMUL, { .matmul = {
		.a = LOCAL(0), .b = LOCAL(64), .out = LOCAL(128), .acc = LOCAL(128),
		.m = 1, .n = 1, .k = 4000000, .batch = 1, .a_type = EGRET_TYPE_F32,
		.b_type = EGRET_TYPE_F32, .out_type = EGRET_TYPE_F32,
		.flags = EGRET_MATMUL_A_TRANS | EGRET_MATMUL_ACC } } },
	{ "products onto themselves", EGRET_FUNCT3_MATMUL, { .matmul = {
		.a = LOCAL(0), .b = LOCAL(64), .out = LOCAL(128), .acc = LOCAL(128),
		.m = 1, .n = 1, .k = 1, .batch = 40000, .a_type = EGRET_TYPE_S8,
		.b_type = EGRET_TYPE_S8, .out_type = EGRET_TYPE_S32,
		.flags = EGRET_MATMUL_ACC } } },
	{ "a map in its place", EGRET_FUNCT3_MAP, { .map = {
		.op = EGRET_MAP_SIN, .out_type = EGRET_TYPE_F32, .a_type = EGRET_TYPE_F32,
		.dims = { 2, 600000, 1, 1, 1 }, .out = LOCAL(65536), .a = LOCAL(65536),
		.out_stride = { 4 }, .a_stride = { 4 } } } },
	{ "a scan in its place", EGRET_FUNCT3_REDUCE, { .reduce = {
		.op = EGRET_REDUCE_SUM, .in_type = EGRET_TYPE_S32, .out_type = EGRET_TYPE_S32,
		.reduced = 1, .dims = { 2, 1100000, 1, 1, 1 }, .in = LOCAL(65536),
		.out = LOCAL(65536), .in_stride = { 4 }, .out_stride = { 4 },
		.flags = EGRET_REDUCE_SCAN } } },
	{ "a load over its indices", EGRET_FUNCT3_DMA, { .dma = {
		.local = LOCAL(4096), .index = LOCAL(4096), .index_loop = 0,
		.global = RIG_VRAM_VA + 0x100000, .element = 4, .flags = EGRET_DMA_INDEXED,
		.loop = { { .count = 40000, .local_stride = 4, .global_stride = 4,
			    .axis = EGRET_DMA_NO_AXIS },
			  { .count = 20, .axis = EGRET_DMA_NO_AXIS },
			  ONE_LOOP, ONE_LOOP, ONE_LOOP } } } },
	{ "a store", EGRET_FUNCT3_DMA, { .dma = {
		.local = LOCAL(4096), .global = RIG_VRAM_VA + 8, .element = 8,
		.flags = EGRET_DMA_STORE,
		.loop = { { .count = 4096, .local_stride = 16, .global_stride = 16,
			    .axis = EGRET_DMA_NO_AXIS },
			  { .count = 300, .local_stride = 8, .global_stride = 8,
			    .axis = EGRET_DMA_NO_AXIS },
			  ONE_LOOP, ONE_LOOP, ONE_LOOP } } } },
	{ "a store to system memory", EGRET_FUNCT3_DMA, { .dma = {
		.local = LOCAL(4096), .global = RIG_SYS_VA + 4, .element = 4,
		.flags = EGRET_DMA_STORE,
		.loop = { { .count = 500, .local_stride = 4, .global_stride = 12,
			    .axis = EGRET_DMA_NO_AXIS },
			  { .count = 1000, .local_stride = 40, .global_stride = 4,
			    .axis = EGRET_DMA_NO_AXIS },
			  ONE_LOOP, ONE_LOOP, ONE_LOOP } } } },
};

static void limit_words(uint8_t *p, size_t size, uint32_t limit)
{
	for (size_t i = 0; i < size; i += 4) {
		uint32_t v;

		memcpy(&v, p + i, 4);
		v %= limit;
		memcpy(p + i, &v, 4);
	}
}

/* Memories with the same contents each time. */
static void begin_long(const struct long_operation *op, bool wait)
{
	const uint32_t code[] = {
		LUI(T0, RIG_DESC >> 12),
		ISSUE(op->funct3, T0, ZERO),
		ADDI(T1, ZERO, 1),
		wait ? WAIT(T1) : POLL(T1), /* nothing yet: done at the end */
		RET,
	};

	rng.state = 99;
	randomise(rig->scratch, EGRET_SCRATCH_SIZE);
	randomise(rig->vram, RIG_VRAM_SIZE);
	randomise(rig->sys, RIG_SYS_SIZE);
	for (size_t i = 0; i < EGRET_SCRATCH_SIZE; i += 4)
		rig->scratch[i + 3] &= 0x3f; /* finite */
	if (op->desc.dma.flags & EGRET_DMA_INDEXED && op->funct3 == EGRET_FUNCT3_DMA) {
		limit_words(rig->scratch, EGRET_SCRATCH_SIZE, INDICES);
		limit_words(rig->vram, RIG_VRAM_SIZE, INDICES);
	}
	memcpy(rig->scratch + (RIG_DESC - EGRET_LOCAL_SCRATCH), &op->desc, sizeof(op->desc));
	rig_code(rig, code, ARRAY_SIZE(code));
	rig_begin(rig, RIG_CODE_VA, NULL, 0);
}

static void take_outcome(struct outcome *o)
{
	memcpy(o->scratch, rig->scratch, sizeof(o->scratch));
	memcpy(o->vram, rig->vram, sizeof(o->vram));
	memcpy(o->sys, rig->sys, sizeof(o->sys));
	egret_cluster_stats(rig->cl, &o->stats);
}

struct asker {
	atomic_bool yield;
	uint64_t ns;
};

static void *ask(void *arg)
{
	struct asker *a = arg;

	nanosleep(&(struct timespec){ .tv_sec = a->ns / 1000000000,
				      .tv_nsec = a->ns % 1000000000 }, NULL);
	atomic_store(&a->yield, true);
	return NULL;
}

/* Runs it to its end, asking it to stop after ever more time. Returns how often it did. */
static unsigned int run_and_stop(void)
{
	struct asker a = { .ns = 100000 };
	unsigned int stops = 0;
	enum egret_run result;

	egret_cluster_set_stop(rig->cl, NULL, &a.yield);
	do {
		struct egret_group_stats before, after;
		pthread_t thread;

		egret_cluster_stats(rig->cl, &before);
		atomic_store(&a.yield, false);
		assert_int_equal(pthread_create(&thread, NULL, ask, &a), 0);
		/* Without a budget, nothing else makes it come back. */
		result = egret_cluster_run(rig->cl, UINT64_MAX);
		pthread_join(thread, NULL);
		a.ns *= 2;
		if (result != EGRET_RUN_QUANTUM)
			break;
		egret_cluster_stats(rig->cl, &after);
		if (stops++)
			assert_memory_equal(&before, &after, sizeof(before));
	} while (true);
	egret_cluster_set_stop(rig->cl, NULL, NULL);
	egret_port_end(&rig->port);
	assert_int_equal(result, EGRET_RUN_DONE);
	return stops;
}

/* On a busy host, who asks may come too late. */
static bool begin_and_stop(const struct long_operation *op, bool wait)
{
	for (unsigned int tries = 0; tries < 100; tries++) {
		begin_long(op, wait);
		if (run_and_stop())
			return true;
	}
	return false;
}

/*
 * What was stopped in its middle and done again leaves the same as what was not: in all
 * memories, in modelled cycles, and in what is counted.
 */
static void test_stopped_operations(void **state)
{
	struct outcome *whole = malloc(sizeof(*whole));
	struct outcome *parts = malloc(sizeof(*parts));

	(void)state;
	assert_true(whole && parts);
	for (size_t i = 0; i < ARRAY_SIZE(long_operations); i++) {
		const struct long_operation *op = &long_operations[i];

		for (int wait = 0; wait < 2; wait++) {
			begin_long(op, wait);
			if (rig_run(rig) != EGRET_RUN_DONE)
				fail_msg("%s: fault %u", op->name, egret_cluster_fault(rig->cl)->code);
			take_outcome(whole);
			if (!begin_and_stop(op, wait))
				fail_msg("%s was not stopped", op->name);
			take_outcome(parts);
			if (memcmp(whole, parts, sizeof(*whole)))
				fail_msg("%s, stopped, left something else", op->name);
		}
	}
	free(whole);
	free(parts);
}

static unsigned int sys_reads;

#define PAIRS		1000
#define PATCHED		(RIG_CODE_VA + 16)
#define OTHER_PAGE	(2u << 20)

/* In the middle: other code, another page, and somebody waits until both are seen. */
static void change_all(struct rig *r)
{
	const uint32_t insn = ADDI(A0, ZERO, 2);

	if (++sys_reads != PAIRS / 2)
		return;
	memcpy(r->vram + (PATCHED - RIG_VRAM_VA), &insn, sizeof(insn));
	*rig_leaf(r) |= OTHER_PAGE;
	egret_mmu_invalidate(&r->mmu, &(struct egret_invalidation){ .context = RIG_CONTEXT }, true);
	assert_true(egret_mmu_busy(&r->mmu));
}

/*
 * An operation applies invalidations on its way, and the hart behind it. This one loads an
 * element of device memory and one of system memory in turn.
 */
static void test_invalidation_in_an_operation(void **state)
{
	const struct egret_dma_desc d = {
		.local = EGRET_LOCAL_SCRATCH + 4096, .global = RIG_VRAM_VA, .element = 8,
		.loop = { { .count = 2, .local_stride = 8,
			    .global_stride = RIG_SYS_VA - RIG_VRAM_VA, .axis = EGRET_DMA_NO_AXIS },
			  { .count = PAIRS, .local_stride = 16, .global_stride = 16,
			    .axis = EGRET_DMA_NO_AXIS },
			  ONE_LOOP, ONE_LOOP, ONE_LOOP },
	};
	const uint32_t code[] = {
		LUI(T0, RIG_DESC >> 12),
		ISSUE(EGRET_FUNCT3_DMA, T0, ZERO),
		ADDI(T1, ZERO, 1),
		WAIT(T1),
		ADDI(A0, ZERO, 1),
		SD(A0, T0, 512),
		RET,
	};
	uint64_t *told = (uint64_t *)(rig->scratch + (RIG_DESC - EGRET_LOCAL_SCRATCH) + 512);

	(void)state;
	randomise(rig->vram, 64 * 1024);
	randomise(rig->vram + OTHER_PAGE, 64 * 1024);
	randomise(rig->sys, 64 * 1024);
	memcpy(rig->scratch + (RIG_DESC - EGRET_LOCAL_SCRATCH), &d, sizeof(d));
	assert_int_equal(rig_run_code(rig, code, ARRAY_SIZE(code)), EGRET_RUN_DONE);
	assert_int_equal(*told, 1);
	sys_reads = 0;
	rig->on_sys_read = change_all;
	rig_begin(rig, RIG_CODE_VA, NULL, 0);
	assert_int_equal(rig_run(rig), EGRET_RUN_DONE);
	rig->on_sys_read = NULL;
	assert_int_equal(*told, 2);
	for (size_t i = 0; i < PAIRS; i++) {
		const uint8_t *from = rig->vram + (i < PAIRS / 2 ? 0 : OTHER_PAGE);

		assert_memory_equal(rig->scratch + 4096 + 16 * i, from + 16 * i, 8);
		assert_memory_equal(rig->scratch + 4096 + 16 * i + 8, rig->sys + 16 * i, 8);
	}
	*rig_leaf(rig) &= ~(uint64_t)OTHER_PAGE;
	egret_mmu_invalidate(&rig->mmu, &(struct egret_invalidation){ .context = RIG_CONTEXT }, true);
}

static void test_scratch_is_private(void **state)
{
	struct egret_group group = { .context = 2, .entry = RIG_CODE_VA, .grid = { 1, 1, 1 } };

	(void)state;
	memset(rig->scratch, 0xaa, EGRET_SCRATCH_SIZE);
	rig_begin(rig, RIG_CODE_VA, NULL, 0); /* the same context may see it */
	assert_int_equal(rig->scratch[77], 0xaa);
	egret_port_end(&rig->port);
	egret_port_begin(&rig->port, 2);
	egret_cluster_begin(rig->cl, &group);
	for (size_t i = 0; i < EGRET_SCRATCH_SIZE; i++)
		assert_int_equal(rig->scratch[i], 0);
	assert_int_equal(egret_cluster_run(rig->cl, 100), EGRET_RUN_FAULT);
	assert_int_equal(egret_cluster_fault(rig->cl)->code, EGRET_FAULT_MMU_UNMAPPED);
	assert_int_equal(egret_cluster_fault(rig->cl)->addr, RIG_CODE_VA);
	egret_port_end(&rig->port);
}

/* ---- Errors ---------------------------------------------------------------------- */

static void expect_fault(enum egret_run result, enum egret_fault_code code, uint64_t addr,
			 uint32_t value, uint64_t pc)
{
	const struct egret_fault *f = egret_cluster_fault(rig->cl);

	assert_int_equal(result, EGRET_RUN_FAULT);
	assert_int_equal(f->code, code);
	assert_int_equal(f->addr, addr);
	assert_int_equal(f->value, value);
	assert_int_equal(f->pc, pc);
}

static void test_issue_errors(void **state)
{
	struct program p = { .count = 0 };
	uint32_t bad[] = {
		ISSUE(5, T0, T1),			/* no such operation */
		ISSUE(0, T0, T1) | 1 << 7,		/* rd is not x0 */
		ISSUE(0, T0, T1) | 1 << 25,		/* funct7 */
		WAIT(T0) | 1 << 20,			/* rs2 */
		POLL(A0) | 1 << 15,			/* rs1 */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect_fault(rig_run_code(rig, &bad[i], 1), EGRET_FAULT_INSN_ILLEGAL, 0, bad[i],
			     RIG_CODE_VA);
	emit_issue(&p, EGRET_FUNCT3_MAP, DESC_A, 32);
	expect_fault(run_program(&p), EGRET_FAULT_DESC_FIELD, 0, 32, RIG_CODE_VA + 12);
	p.count = 0;
	emit_issue(&p, EGRET_FUNCT3_MAP, DESC_A + 8, 0);
	expect_fault(run_program(&p), EGRET_FAULT_MISALIGNED, DESC_A + 8, 0, RIG_CODE_VA + 12);
	p.count = 0;
	emit_issue(&p, EGRET_FUNCT3_MAP, EGRET_LOCAL_SCRATCH_END - 16, 0);
	expect_fault(run_program(&p), EGRET_FAULT_LOCAL, EGRET_LOCAL_SCRATCH_END - 16, 0,
		     RIG_CODE_VA + 12);
	p.count = 0;
	emit_issue(&p, EGRET_FUNCT3_MAP, 16, 0);
	expect_fault(run_program(&p), EGRET_FAULT_LOCAL, 16, 0, RIG_CODE_VA + 12);
}

/* Steps belong to their descriptor: they are read with it, and lie in scratchpad as it does. */
static void test_steps(void **state)
{
	struct egret_product product = {
		.desc = {
			.a = DATA, .b = DATA, .out = RESULT, .m = 1, .n = 1, .k = 1, .batch = 1,
			.a_type = EGRET_TYPE_S8, .b_type = EGRET_TYPE_S8, .out_type = EGRET_TYPE_S32,
			.steps = 2,
		},
		.step = {
			{ .op = EGRET_STEP_ADD, .operand = EGRET_STEP_CONST, .value = 0x40400000 /* 3 */ },
			{ .op = EGRET_STEP_MUL, .operand = EGRET_STEP_CONST, .value = 0x40000000 /* 2 */ },
		},
	};
	const uint32_t size = sizeof(product.desc) + 2 * sizeof(product.step[0]);
	const uint32_t last = EGRET_LOCAL_SCRATCH_END - size;
	struct program p = { .count = 0 };
	struct egret_group_stats s;

	(void)state;
	put_desc(DATA, "\5", 1);
	put_desc(last, &product, size);
	emit_issue(&p, EGRET_FUNCT3_MATMUL, last, 0);
	/* The descriptor's memory may be used again at once. */
	load_constant(&p, T0, last + sizeof(product.desc));
	emit(&p, SD(ZERO, T0, 0));
	emit_wait(&p, 0);
	assert_int_equal(run_program(&p), EGRET_RUN_DONE);
	assert_int_equal((uint32_t)local64(RESULT), (5 * 5 + 3) * 2);
	egret_cluster_stats(rig->cl, &s);
	assert_int_equal(s.tile_busy, PERF_TILE_SETUP + PERF_TILE_FILL + 3);

	product.desc.steps = 3;
	put_desc(last, &product, sizeof(product.desc));
	expect_fault(run_program(&p), EGRET_FAULT_LOCAL, last, 0, RIG_CODE_VA + 12);
	/* More than there can be are not looked for. */
	product.desc.steps = EGRET_MATMUL_STEPS_MAX + 1;
	put_desc(last, &product, sizeof(product.desc));
	expect_fault(run_program(&p), EGRET_FAULT_DESC_FIELD, offsetof(struct egret_matmul_desc, steps),
		     EGRET_MATMUL_STEPS_MAX + 1, RIG_CODE_VA + 12);
}

static void expect_map_fault(const struct egret_map_desc *d, enum egret_fault_code code,
			     uint64_t addr, uint32_t value)
{
	expect_fault(rig_operation(rig, EGRET_FUNCT3_MAP, d, sizeof(*d)), code, addr, value,
		     RIG_CODE_VA + 4);
	assert_int_equal(egret_cluster_fault(rig->cl)->info & EGRET_FAULT_INFO_UNIT_MASK,
			 EGRET_UNIT_TILE);
}

#define OFFSET(field)	offsetof(struct egret_map_desc, field)

static void test_map_errors(void **state)
{
	const struct egret_map_desc good = copy_map(DATA, RESULT);
	struct egret_map_desc d = good;

	(void)state;
	d.reserved[1] = 1;
	expect_map_fault(&d, EGRET_FAULT_DESC_RESERVED, OFFSET(reserved[1]), 0);
	d = good;
	d.b_stride[2] = 4; /* there is no b */
	expect_map_fault(&d, EGRET_FAULT_DESC_RESERVED, OFFSET(b_stride[2]), 0);
	d = good;
	d.flags = 0x80;
	expect_map_fault(&d, EGRET_FAULT_DESC_RESERVED, OFFSET(flags), 0);
	d = good;
	d.op = 0x70;
	expect_map_fault(&d, EGRET_FAULT_DESC_FIELD, OFFSET(op), 0x70);
	d = good;
	d.dims[3] = 0;
	expect_map_fault(&d, EGRET_FAULT_DESC_FIELD, OFFSET(dims[3]), 0);
	d = good;
	d.out_type = 15;
	expect_map_fault(&d, EGRET_FAULT_DESC_FIELD, OFFSET(out_type), 15);
	d = good;
	d.a_type = EGRET_TYPE_E8M0;
	expect_map_fault(&d, EGRET_FAULT_DESC_TYPE, OFFSET(out_type),
			 EGRET_TYPE_U64 | EGRET_TYPE_E8M0 << 8);
	d = good;
	d.dims[0] = EGRET_ELEMENTS_MAX + 1;
	expect_map_fault(&d, EGRET_FAULT_DESC_FIELD, OFFSET(dims[0]), EGRET_ELEMENTS_MAX + 1);
	d = good;
	d.dims[0] = 2;
	d.a_stride[0] = 8;
	d.a = EGRET_LOCAL_SCRATCH_END - 8;
	expect_map_fault(&d, EGRET_FAULT_DESC_RANGE, OFFSET(a), EGRET_LOCAL_SCRATCH_END);
	d.a_stride[0] = (uint32_t)-8;
	d.a = EGRET_LOCAL_SCRATCH;
	expect_map_fault(&d, EGRET_FAULT_DESC_RANGE, OFFSET(a), EGRET_LOCAL_SCRATCH - 8);
}

static void test_bad_index(void **state)
{
	struct egret_map_desc d = copy_map(DATA, RESULT);
	const uint32_t table[] = { 0, 3, 9, 1 };

	(void)state;
	memcpy(local(SEEN), table, sizeof(table));
	d.flags = EGRET_MAP_GATHER;
	d.index = SEEN;
	d.index_limit = 4;
	d.dims[0] = 4;
	d.a_stride[0] = d.out_stride[0] = 8;
	expect_map_fault(&d, EGRET_FAULT_DESC_FIELD, OFFSET(index), 9);
}

/* ---- Storms ------------------------------------------------------------------------ */

/* Random bytes with fields that are often plausible. */
static void random_desc(uint8_t *desc, size_t size)
{
	uint32_t words[64];

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		switch (below(8)) {
		case 0:
			words[i] = (uint32_t)rig_random(&rng);
			break;
		case 1:
			words[i] = EGRET_LOCAL_SCRATCH + (uint32_t)below(EGRET_SCRATCH_SIZE);
			break;
		case 2:
			words[i] = (uint32_t)below(300);
			break;
		case 3:
			words[i] = (uint32_t)-(int32_t)below(300);
			break;
		case 4:
			words[i] = 0xffffffff;
			break;
		default:
			words[i] = (uint32_t)below(3);
			break;
		}
	}
	memcpy(desc, words, size);
}

/* Change a few words of a good descriptor. */
static void spoil(uint8_t *desc, size_t size)
{
	uint8_t other[256];

	random_desc(other, size);
	for (uint64_t n = below(4) + 1; n; n--) {
		size_t at = below(size / 4) * 4;

		memcpy(desc + at, other + at, 4);
	}
}

static const struct {
	unsigned int funct3;
	size_t size;
} kinds[] = {
	{ EGRET_FUNCT3_DMA, sizeof(struct egret_dma_desc) },
	{ EGRET_FUNCT3_MATMUL, sizeof(struct egret_product) },
	{ EGRET_FUNCT3_MAP, sizeof(struct egret_map_desc) },
	{ EGRET_FUNCT3_REDUCE, sizeof(struct egret_reduce_desc) },
	{ EGRET_FUNCT3_QUANT, sizeof(struct egret_quant_desc) },
};

/* A good descriptor of a kind. */
static void good_desc(unsigned int funct3, uint8_t *desc)
{
	struct egret_dma_desc dma;
	struct egret_product m = {
		.desc = {
			.a = DATA, .b = DATA + 100, .out = RESULT, .m = 7, .n = 9, .k = 40, .batch = 1,
			.a_pitch = 64, .b_pitch = 64, .out_pitch = 64, .a_type = EGRET_TYPE_S8,
			.b_type = EGRET_TYPE_S8, .out_type = EGRET_TYPE_S32, .steps = (uint8_t)below(4),
		},
		.step = {
			{ .op = EGRET_STEP_MUL, .operand = EGRET_STEP_M, .value = DATA },
			{ .op = EGRET_STEP_ADD, .operand = EGRET_STEP_MATRIX, .type = EGRET_TYPE_F16,
			  .value = DATA + 200, .pitch = 64 },
			{ .op = EGRET_STEP_ACT, .act = EGRET_ACT_RELU },
		},
	};
	struct egret_map_desc map = copy_map(DATA, RESULT);
	struct egret_reduce_desc reduce = {
		.op = (uint8_t)below(EGRET_REDUCE_COUNT), .out_type = EGRET_TYPE_S32,
		.in_type = EGRET_TYPE_S16, .reduced = 2, .dims = { 5, 6, 7, 1, 1 }, .out = RESULT,
		.in = DATA, .out_stride = { 0, 0, 4 }, .in_stride = { 2, 10, 60 },
	};
	struct egret_quant_desc quant = {
		.plain_type = EGRET_TYPE_F32, .block_type = EGRET_TYPE_S8,
		.scale_type = EGRET_TYPE_F16, .rows = 3, .cols = 64, .plain = DATA, .block = RESULT,
		.scale = RESULT + 32, .plain_pitch = 256, .block_pitch = 68, .scale_pitch = 68,
		.block_step = 34, .scale_step = 34,
	};

	switch (funct3) {
	case EGRET_FUNCT3_DMA:
		dma = random_dma();
		dma.global += RIG_VRAM_VA;
		memcpy(desc, &dma, sizeof(dma));
		break;
	case EGRET_FUNCT3_MATMUL:
		memcpy(desc, &m, sizeof(m));
		break;
	case EGRET_FUNCT3_MAP:
		memcpy(desc, &map, sizeof(map));
		break;
	case EGRET_FUNCT3_REDUCE:
		memcpy(desc, &reduce, sizeof(reduce));
		break;
	default:
		memcpy(desc, &quant, sizeof(quant));
		break;
	}
}

/* Work that passes the checks but takes too long for a test is left out. */
static bool too_long(unsigned int funct3, const uint8_t *desc)
{
	struct egret_matmul_desc m;
	uint64_t product = 1;
	__le32 dims[EGRET_DIMS];

	switch (funct3) {
	case EGRET_FUNCT3_MATMUL:
		memcpy(&m, desc, sizeof(m));
		return (double)m.m * m.n * m.k * m.batch > 1e5;
	case EGRET_FUNCT3_DMA:
		for (int i = 0; i < EGRET_DIMS; i++)
			memcpy(&dims[i], desc + offsetof(struct egret_dma_desc, loop[i].count), 4);
		break;
	case EGRET_FUNCT3_QUANT:
		memcpy(dims, desc + offsetof(struct egret_quant_desc, rows), 8);
		dims[2] = dims[3] = dims[4] = 1;
		break;
	default:
		memcpy(dims, desc + 8, sizeof(dims));
		break;
	}
	for (int i = 0; i < EGRET_DIMS; i++) {
		product *= dims[i] < 100000 ? dims[i] : 100000;
		if (product > 100000)
			return true;
	}
	return false;
}

static void test_descriptor_storm(void **state)
{
	unsigned int done = 0, faults = 0;

	(void)state;
	for (uint64_t number = 0; number < 30000; number++) {
		unsigned int kind = number % ARRAY_SIZE(kinds);
		uint8_t desc[256];

		rng.state = 300000 + number;
		if (chance(30)) {
			random_desc(desc, kinds[kind].size);
		} else {
			good_desc(kinds[kind].funct3, desc);
			spoil(desc, kinds[kind].size);
		}
		if (too_long(kinds[kind].funct3, desc))
			continue;
		if (rig_operation(rig, kinds[kind].funct3, desc, kinds[kind].size) == EGRET_RUN_DONE) {
			done++;
		} else {
			assert_int_not_equal(egret_cluster_fault(rig->cl)->code, EGRET_FAULT_NONE);
			faults++;
		}
	}
	/* the storm reaches both sides */
	assert_true(done > 500);
	assert_true(faults > 5000);
}

static void test_instruction_storm(void **state)
{
	(void)state;
	for (uint64_t number = 0; number < 5000; number++) {
		uint32_t code[64];
		enum egret_run result;

		rng.state = 400000 + number;
		for (size_t i = 0; i < ARRAY_SIZE(code); i++) {
			code[i] = (uint32_t)rig_random(&rng);
			if (chance(60)) /* a likely opcode */
				code[i] = (code[i] & ~0x7fu) |
					  (uint32_t)"\x03\x13\x23\x33\x3b\x1b\x63\x67\x6f\x73\x0b\x53\x43\x07\x27\x2f"[below(16)];
			if ((code[i] & 0x7f) == EGRET_INSN_OPCODE)
				code[i] &= 0x01ff707f;
		}
		rig_code(rig, code, ARRAY_SIZE(code));
		rig_begin(rig, RIG_CODE_VA, NULL, 0);
		result = egret_cluster_run(rig->cl, 3000);
		egret_port_end(&rig->port);
		if (result == EGRET_RUN_FAULT)
			assert_int_not_equal(egret_cluster_fault(rig->cl)->code, EGRET_FAULT_NONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dma_vram),
		cmocka_unit_test(test_dma_system),
		cmocka_unit_test(test_dma_counts),
		cmocka_unit_test(test_dma_fault),
		cmocka_unit_test(test_missing_wait_for_load),
		cmocka_unit_test(test_missing_wait_between_units),
		cmocka_unit_test(test_missing_wait_for_store),
		cmocka_unit_test(test_source_overwritten),
		cmocka_unit_test(test_tile_order),
		cmocka_unit_test(test_part_of_a_sum),
		cmocka_unit_test(test_poll),
		cmocka_unit_test(test_full_queue),
		cmocka_unit_test(test_stats),
		cmocka_unit_test(test_quanta),
		cmocka_unit_test(test_stopped_operations),
		cmocka_unit_test(test_invalidation_in_an_operation),
		cmocka_unit_test(test_scratch_is_private),
		cmocka_unit_test(test_issue_errors),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_map_errors),
		cmocka_unit_test(test_bad_index),
		cmocka_unit_test(test_descriptor_storm),
		cmocka_unit_test(test_instruction_storm),
	};

	return cmocka_run_group_tests_name("cluster", tests, setup, teardown);
}
