// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * Kernels: any instructions, with any descriptors, as a workgroup on a cluster without
 * threads.
 *
 * Input: the number of descriptors (up to 4); for each a byte with the custom
 * instruction that it is for and its bytes; then 8 bytes of arguments, and the rest is
 * code. The kernel that runs points registers at memory and scratchpad, issues the
 * operations, and falls into the code.
 */
#include <egret/fault.h>

#include "input.h"
#include "rig.h"
#include "tile.h"

#define DESCS		4
#define DESC_SPACE	256
#define CODE_MAX	4096
#define BUDGET		20000	/* modelled cycles until a kernel that does not end is given up */
#define QUANTA		10

_Static_assert(sizeof(struct egret_dma_desc) <= DESC_SPACE &&
	       sizeof(struct egret_product) <= DESC_SPACE &&
	       sizeof(struct egret_map_desc) <= DESC_SPACE, "descriptors overlap");

/* Puts descriptors into scratchpad; returns the number of instructions written. */
static unsigned int put_descriptors(struct rig *r, struct fuzz_input *in, uint32_t *code)
{
	unsigned int count = fuzz_below(in, DESCS + 1), n = 0;

	code[n++] = LUI(T0, RIG_DESC >> 12);
	for (unsigned int i = 0; i < count; i++) {
		unsigned int funct3 = fuzz_below(in, 5);
		uint8_t *to = r->scratch + (RIG_DESC - EGRET_LOCAL_SCRATCH) + i * DESC_SPACE;

		fuzz_bytes(in, to, egret_desc_size(funct3));
		fuzz_bytes(in, to + egret_desc_size(funct3),
			   egret_desc_more(funct3, (const union egret_desc *)to));
		code[n++] = ADDI(T1, ZERO, i);
		code[n++] = ISSUE(funct3, T0, T1);
		code[n++] = ADDI(T0, T0, DESC_SPACE);
	}
	return n;
}

static unsigned int put_pointers(uint32_t *code)
{
	unsigned int n = 0;

	code[n++] = LUI(S0, EGRET_LOCAL_SCRATCH >> 12);
	code[n++] = ADDI(S1, ZERO, 1);
	code[n++] = SLLI(A4, S1, 32);	/* device memory */
	code[n++] = SLLI(A5, S1, 33);	/* system memory */
	return n;
}

static void run(struct rig *r)
{
	enum egret_run result = EGRET_RUN_QUANTUM;
	struct egret_group_stats stats;

	for (unsigned int i = 0; i < QUANTA && result == EGRET_RUN_QUANTUM; i++) {
		result = egret_cluster_run(r->cl, BUDGET / QUANTA);
		egret_port_poll(&r->port);
		egret_cluster_stats(r->cl, &stats);
		fuzz_require(stats.hart_cycles + stats.tile_wait + stats.dma_wait == stats.cycles,
			     "cycles do not add up");
	}
	egret_port_end(&r->port);
	if (result == EGRET_RUN_FAULT)
		fuzz_require(egret_cluster_fault(r->cl)->code, "a fault without a code");
}

/* Whatever ran before, the next workgroup is as it should be. */
static void run_another(struct rig *r)
{
	const uint32_t code[] = { RET };

	fuzz_require(rig_run_code(r, code, 1) == EGRET_RUN_DONE, "a good kernel fails");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint32_t code[64 + CODE_MAX / 4 + 3];
	struct fuzz_input in = { data, size };
	struct rig *r = rig_new();
	unsigned int n = put_descriptors(r, &in, code);
	uint8_t args[8];

	fuzz_bytes(&in, args, sizeof(args));
	n += put_pointers(code + n);
	n += (fuzz_bytes(&in, code + n, CODE_MAX) + 3) / 4;
	code[n++] = ADDI(T0, ZERO, -1);
	code[n++] = WAIT(T0);
	code[n++] = RET;
	rig_code(r, code, n);
	rig_begin(r, RIG_CODE_VA, args, sizeof(args));
	run(r);
	run_another(r);
	rig_free(r);
	return 0;
}
