/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The RISC-V hart of a cluster: RV64IMAFDC_Zicsr_Zifencei in machine mode, with
 * egret/isa.h's custom instructions.
 *
 * Code is decoded once into basic blocks (hart_decode.c) and run from them with a
 * jump from each instruction's code straight to the next one's (hart.c). What an
 * instruction does stands in hart_insns.h, and nowhere else.
 *
 * Instructions are fetched through the context's page tables only: scratchpad is
 * not executable, so that no data a kernel computes can become code.
 */
#ifndef EGRET_MODEL_HART_H
#define EGRET_MODEL_HART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <egret/isa.h>

#include "fault.h"

struct egret_port;
struct hart_block;

/* What an instruction that cannot be executed leads to: RISC-V's mcause. */
enum hart_cause {
	MCAUSE_FETCH_MISALIGNED = 0,
	MCAUSE_FETCH_ACCESS = 1,
	MCAUSE_ILLEGAL = 2,
	MCAUSE_BREAKPOINT = 3,
	MCAUSE_LOAD_MISALIGNED = 4,
	MCAUSE_LOAD_ACCESS = 5,
	MCAUSE_STORE_MISALIGNED = 6,
	MCAUSE_STORE_ACCESS = 7,
	MCAUSE_ECALL_M = 11,
	MCAUSE_FETCH_PAGE = 12,
	MCAUSE_LOAD_PAGE = 13,
	MCAUSE_STORE_PAGE = 15,
};

/* What became of a custom instruction. */
enum hart_unit {
	HART_UNIT_DONE,
	HART_UNIT_FAULT,	/* egret_hart.fault is filled in, with its pc; the workgroup is over */
	HART_UNIT_AGAIN,	/* nothing yet: egret_hart_run() returns, and executes it anew when called next */
};

enum hart_exit {
	HART_EXIT,		/* jumped to EGRET_LOCAL_EXIT */
	HART_QUANTUM,		/* the budget is used up */
	HART_FAULT,		/* see egret_hart.fault */
};

/* A decoded instruction. */
struct hart_op {
	const void *code;	/* label in hart.c; until the block is complete, the instruction's number */
	int32_t imm;
	uint8_t rd;		/* x0 as a destination is HART_X_NONE */
	uint8_t rs1;
	uint8_t rs2;
	uint8_t rs3;
};

#define HART_X_NONE	32	/* where results for x0 go */
#define HART_BLOCK_MAX	64	/* instructions in a block */

/* A basic block: instructions that run one after the other. */
struct hart_block {
	uint64_t pc;
	uint64_t end;			/* address after the last instruction */
	uint64_t charge;		/* cycles << 32 | instructions */
	uint32_t context;
	uint32_t count;			/* instructions */
	struct hart_block *hash_next;
	struct hart_block *link[2];	/* successors, when known: not taken, taken */
	const uint16_t *offset;		/* of each instruction from pc */
	const uint16_t *number;		/* of each instruction: enum hart_insn */
	struct hart_op op[];
};

#define HART_CODE_BYTES		(4u << 20)	/* decoded instructions before all are forgotten */
#define HART_HASH		4096
#define HART_JUMPS		1024

/* Decoded code. */
struct hart_code {
	uint8_t *arena;
	size_t used;
	unsigned int generation;		/* counts the times that all was forgotten */
	struct hart_block *hash[HART_HASH];
	struct hart_block *jump[HART_JUMPS];	/* of the running context, by address */
	const void *const *labels;		/* by enum hart_insn */
};

/* Direct pointers to pages of device memory, valid within a run. */
#define HART_PAGES	64
struct hart_page {
	uint64_t va;		/* of the page, plus 1 so that zero is none */
	uint8_t *host;
};

struct egret_hart {
	uint64_t x[33];
	uint64_t f[32];			/* binary32 values are NaN-boxed */
	uint64_t pc;
	uint32_t fflags;
	uint32_t frm;
	uint8_t *scratch;
	struct egret_port *port;
	uint64_t global;		/* where the hart sees what the context has at EGRET_VA_MIN: see egret_hart_init() */
	unsigned int block_max;		/* instructions in a block: HART_BLOCK_MAX, or 1 to step */

	/* time */
	uint64_t now;			/* cycles since the workgroup began */
	uint64_t instret;
	uint64_t left;			/* of the budget */

	/* machine-mode state */
	uint64_t mstatus;
	uint64_t mtvec;
	uint64_t mscratch;
	uint64_t mepc;
	uint64_t mcause;
	uint64_t mtval;
	uint64_t mie;
	uint64_t mcycle_offset;		/* what a write to mcycle, minstret added */
	uint64_t minstret_offset;

	/* the workgroup */
	uint32_t context;
	uint32_t id[3];
	uint32_t grid[3];
	uint32_t args_size;
	uint32_t index;
	uint64_t cookie;

	/* CSR time; the embedder's clock if it is NULL */
	uint64_t (*time)(void *arg);
	void *time_arg;

	/* LR/SC */
	bool reserved;
	uint64_t reserved_addr;
	uint64_t reserved_value;

	/* a trap on its way */
	enum hart_cause cause;
	uint64_t tval;
	bool trap_is_fault;		/* fault is filled in, and cause was made from it */
	bool untrappable;		/* a unit's fault: no handler may take it */
	struct egret_fault fault;

	struct hart_page read_page[HART_PAGES];
	struct hart_page write_page[HART_PAGES];
	struct hart_code code;

	/*
	 * A custom instruction; *rd is the result of POLL. The callee may move `now`,
	 * use up `left`, and make the hart forget its code and its pages.
	 */
	enum hart_unit (*unit)(void *arg, unsigned int funct3, uint64_t rs1, uint64_t rs2,
			       uint64_t *rd);
	void *unit_arg;
};

/* hart.c */
/*
 * Memory begins at EGRET_VA_MIN. A simulator of a bare hart may then set `global` to a
 * lower address above the scratchpad, for programs that are linked elsewhere.
 */
int egret_hart_init(struct egret_hart *h, uint8_t *scratch, struct egret_port *port);
void egret_hart_fini(struct egret_hart *h);
/* All registers and CSRs as at the start of a workgroup; the caller sets pc, sp, a0... after it. */
void egret_hart_reset(struct egret_hart *h);
enum hart_exit egret_hart_run(struct egret_hart *h);
/* Forget direct pointers to memory. */
void egret_hart_drop_pages(struct egret_hart *h);
/* Make blocks of one instruction, so that a budget of 1 is one instruction; or end that. */
void egret_hart_set_stepping(struct egret_hart *h, bool on);

/* hart_memory.c: what does not fit the interpreter's fast path; false: a trap is set up */
bool hart_load(struct egret_hart *h, uint64_t va, void *buf, size_t size);
bool hart_store(struct egret_hart *h, uint64_t va, const void *buf, size_t size);
void *hart_atomic(struct egret_hart *h, uint64_t va, size_t size, bool load_only);
bool hart_fetch(struct egret_hart *h, uint64_t va, uint32_t *insn, unsigned int *size);

/* hart_csr.c */
enum hart_csr_op { CSR_WRITE, CSR_SET, CSR_CLEAR };
bool hart_csr(struct egret_hart *h, unsigned int csr, enum hart_csr_op op, bool write,
	      uint64_t operand, uint64_t *old);

/* hart_decode.c */
struct hart_block *hart_block_get(struct egret_hart *h, uint64_t pc);
void hart_code_forget(struct egret_hart *h);
/* A compressed instruction as a full one; 0 if illegal. */
uint32_t hart_expand(uint16_t insn);
/* Take apart the word @w, which was fetched as @raw; all but op->code. Returns an enum hart_insn. */
unsigned int hart_decode(uint32_t w, uint32_t raw, struct hart_op *op);
unsigned int hart_cost(unsigned int number);

static inline void hart_trap(struct egret_hart *h, enum hart_cause cause, uint64_t tval)
{
	h->cause = cause;
	h->tval = tval;
	h->trap_is_fault = false;
	h->untrappable = false;
}

/* RISC-V's division, which never traps. */
static inline uint64_t hart_div(uint64_t a, uint64_t b)
{
	if (!b)
		return UINT64_MAX;
	if (b == UINT64_MAX)
		return -a;
	return (uint64_t)((int64_t)a / (int64_t)b);
}

static inline uint64_t hart_rem(uint64_t a, uint64_t b)
{
	if (!b)
		return a;
	if (b == UINT64_MAX)
		return 0;
	return (uint64_t)((int64_t)a % (int64_t)b);
}

#define INSN(name, ...) HART_##name,
enum hart_insn {
	HART_illegal,
	HART_continue,		/* not an instruction: go on with the next block */
#include "hart_insns.h"
	HART_INSN_COUNT
};
#undef INSN

#endif /* EGRET_MODEL_HART_H */
