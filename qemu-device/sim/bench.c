// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Three loops, in machine code so that no compiler changes what is measured. Each is
 * entered with s0 = iterations left and sp in scratchpad, and returns.
 */
#include "bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <egret/mmu.h>

#include "machine.h"
#include "sim.h"

#define SECONDS		0.5

static const uint32_t integer_code[] = {
	0x00b50533,	/* 1: add a0, a0, a1 */
	0x00154593,	/*    xori a1, a0, 1 */
	0x00359613,	/*    slli a2, a1, 3 */
	0x40c50533,	/*    sub a0, a0, a2 */
	0x02b686b3,	/*    mul a3, a3, a1 */
	0x00d5c5b3,	/*    xor a1, a1, a3 */
	0xfff40413,	/*    addi s0, s0, -1 */
	0xfe0412e3,	/*    bnez s0, 1b */
	0x00008067,	/*    ret */
};

static const uint32_t memory_code[] = {
	0xff013503,	/* 1: ld a0, -16(sp) */
	0xff813583,	/*    ld a1, -8(sp) */
	0x00b50533,	/*    add a0, a0, a1 */
	0xfea13c23,	/*    sd a0, -8(sp) */
	0xfeb13823,	/*    sd a1, -16(sp) */
	0xff014603,	/*    lbu a2, -16(sp) */
	0xfff40413,	/*    addi s0, s0, -1 */
	0xfe0412e3,	/*    bnez s0, 1b */
	0x00008067,	/*    ret */
};

static const uint32_t float_code[] = {
	0x00b57553,	/* 1: fadd.s fa0, fa0, fa1 */
	0x10a5f653,	/*    fmul.s fa2, fa1, fa0 */
	0x60a5f543,	/*    fmadd.s fa0, fa1, fa0, fa2: see the loop's start for the values */
	0x28c50553,	/*    fmin.s fa0, fa0, fa2 */
	0xfff40413,	/*    addi s0, s0, -1 */
	0xfe0416e3,	/*    bnez s0, 1b */
	0x00008067,	/*    ret */
};

static const struct loop {
	const char *name;
	const uint32_t *code;
	size_t size;
} loops[] = {
	{ "integer", integer_code, sizeof(integer_code) },
	{ "scratchpad", memory_code, sizeof(memory_code) },
	{ "float", float_code, sizeof(float_code) },
};

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The loop's counter and values that stay finite. */
static void begin(void *arg, struct machine_unit *u)
{
	const uint64_t *iterations = arg;

	u->hart->x[8] = *iterations;
	u->hart->f[10] = 0xffffffff3f800000; /* 1 */
	u->hart->f[11] = 0xffffffff3f000000; /* 1/2 */
}

/* Instructions and seconds of a run. */
static uint64_t run(const struct loop *loop, uint64_t iterations, double *time)
{
	static const uint32_t one[3] = { 1, 1, 1 };
	struct machine *m = machine_create(1, UINT64_C(4) << 20);
	uint64_t instructions;
	uint8_t *code;

	code = machine_map(m, EGRET_VA_MIN, loop->size, EGRET_PTE_READ | EGRET_PTE_EXEC);
	if (!code)
		fail(SIM_HOST, "out of memory");
	memcpy(code, loop->code, loop->size);
	machine_watch(m, &(struct machine_watch) { .arg = &iterations, .begin = begin });
	machine_dispatch(m, EGRET_VA_MIN, one, "", 0);
	*time = seconds();
	if (machine_run(m) != MACHINE_DONE)
		fail(SIM_FAULT, "the loop %s has faulted", loop->name);
	*time = seconds() - *time;
	instructions = machine_instructions(m);
	machine_destroy(m);
	return instructions;
}

int bench_run(void)
{
	puts("measured on this host, one thread; says nothing about the chip");
	for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++) {
		uint64_t iterations = 100000, instructions;
		double time;

		instructions = run(&loops[i], iterations, &time);
		if (time > 0)
			iterations = (uint64_t)((double)iterations * SECONDS / time) + 1;
		instructions = run(&loops[i], iterations, &time);
		printf("%-12s %8.1f million instructions a second (%" PRIu64 " in %.2f s)\n",
		       loops[i].name, (double)instructions / time / 1e6, instructions, time);
	}
	return SIM_OK;
}
