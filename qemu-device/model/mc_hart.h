/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The management controller's hart: RV64IMC with SRAM, a bus, and wfi.
 *
 * It takes its instructions from the same table as the compute harts (hart_insns.h)
 * but is another machine: no page tables, no floating point, no atomics, no units,
 * no CSRs, and anything that cannot be executed ends the run. It executes some
 * thousand instructions for a message or a tick, so that it is kept simple where
 * the compute hart is kept fast.
 */
#ifndef EGRET_MODEL_MC_HART_H
#define EGRET_MODEL_MC_HART_H

#include <stdbool.h>
#include <stdint.h>

#include <egret/mc.h>

enum mc_hart_exit {
	MC_HART_WFI,		/* a wfi was executed; pc is behind it */
	MC_HART_QUANTUM,	/* the budget is used up */
	MC_HART_TRAP,		/* see trap, trap_addr; pc is the instruction's */
};

struct mc_decoded;

/**
 * struct mc_hart - the hart
 * @sram: memory at EGRET_MC_SRAM, EGRET_MC_SRAM_SIZE bytes, owned by the creator
 * @load: reads from any other address; false if nothing answers
 * @store: writes to any other address; likewise
 * @opaque: passed to both
 */
struct mc_hart {
	uint64_t x[33];		/* the last is where results for x0 go */
	uint64_t pc;
	enum egret_mc_trap trap;
	uint64_t trap_addr;	/* of the access, or the instruction word */
	uint8_t *sram;
	bool (*load)(void *opaque, uint64_t addr, unsigned int size, uint64_t *value);
	bool (*store)(void *opaque, uint64_t addr, unsigned int size, uint64_t value);
	void *opaque;
	struct mc_decoded *decoded;
};

/** mc_hart_init() - fill in @sram and the bus first; false when there is no memory */
bool mc_hart_init(struct mc_hart *h);
void mc_hart_fini(struct mc_hart *h);

/** mc_hart_reset() - all registers zero, decoded instructions forgotten */
void mc_hart_reset(struct mc_hart *h, uint64_t pc);

/** mc_hart_run() - execute up to @budget instructions */
enum mc_hart_exit mc_hart_run(struct mc_hart *h, uint32_t budget);

#endif /* EGRET_MODEL_MC_HART_H */
