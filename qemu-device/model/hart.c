// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The hart's interpreter.
 *
 * egret_hart_run() is one function that holds the code of every instruction, made
 * from hart_insns.h. An instruction ends with a jump to the code of the next one,
 * whose address is in its hart_op; a block's last one goes on to the next block
 * through a link that is set the first time. Instructions and cycles are counted once
 * for each block, when it is entered. What leaves a block in its middle (a trap) takes
 * back the rest; and whatever has to see exact counters ends its block.
 *
 * The budget is looked at between blocks.
 */
#include "hart.h"

#include <stdlib.h>
#include <string.h>

#include <egret/mmu.h>

#include "fp.h"
#include "mmu.h"
#include "perf.h"

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

/* mstatus: only MIE and MPIE can change; MPP is machine mode, FS always dirty. */
#define MSTATUS_MIE	UINT64_C(0x00000008)
#define MSTATUS_MPIE	UINT64_C(0x00000080)

static const void *const *hart_interpret(struct egret_hart *h, enum hart_exit *exit);

int egret_hart_init(struct egret_hart *h, uint8_t *scratch, struct egret_port *port)
{
	memset(h, 0, sizeof(*h));
	h->scratch = scratch;
	h->port = port;
	h->global = EGRET_VA_MIN;
	h->block_max = HART_BLOCK_MAX;
	h->code.arena = malloc(HART_CODE_BYTES);
	if (!h->code.arena)
		return -1;
	h->code.labels = hart_interpret(NULL, NULL);
	return 0;
}

void egret_hart_fini(struct egret_hart *h)
{
	free(h->code.arena);
}

void egret_hart_reset(struct egret_hart *h)
{
	memset(h->x, 0, sizeof(h->x));
	memset(h->f, 0, sizeof(h->f));
	h->pc = 0;
	h->fflags = 0;
	h->frm = 0;
	h->now = 0;
	h->instret = 0;
	h->left = 0;
	h->mstatus = 0;
	h->mtvec = 0;
	h->mscratch = 0;
	h->mepc = 0;
	h->mcause = 0;
	h->mtval = 0;
	h->mie = 0;
	h->mcycle_offset = 0;
	h->minstret_offset = 0;
	h->reserved = false;
	memset(&h->fault, 0, sizeof(h->fault));
	memset(h->code.jump, 0, sizeof(h->code.jump));
	egret_hart_drop_pages(h);
}

void egret_hart_drop_pages(struct egret_hart *h)
{
	memset(h->read_page, 0, sizeof(h->read_page));
	memset(h->write_page, 0, sizeof(h->write_page));
}

void egret_hart_set_stepping(struct egret_hart *h, bool on)
{
	h->block_max = on ? 1 : HART_BLOCK_MAX;
	hart_code_forget(h);
}

static uint64_t hart_mret(struct egret_hart *h)
{
	if (h->mstatus & MSTATUS_MPIE)
		h->mstatus |= MSTATUS_MIE;
	else
		h->mstatus &= ~MSTATUS_MIE;
	h->mstatus |= MSTATUS_MPIE;
	return h->mepc;
}

/* ---- Traps --------------------------------------------------------------- */

/* Without a handler, what RISC-V calls an exception is a fault of the workgroup. */
static void fault_from_cause(struct egret_hart *h)
{
	struct egret_fault *f = &h->fault;
	enum egret_fault_access access = EGRET_ACCESS_EXEC;

	if (h->trap_is_fault)
		return;
	memset(f, 0, sizeof(*f));
	switch (h->cause) {
	case MCAUSE_ILLEGAL:
		f->code = EGRET_FAULT_INSN_ILLEGAL;
		f->value = (uint32_t)h->tval;
		break;
	case MCAUSE_BREAKPOINT:
	case MCAUSE_ECALL_M:
		f->code = EGRET_FAULT_ABORT;
		f->value = (uint32_t)h->x[10];
		break;
	case MCAUSE_LOAD_MISALIGNED:
		access = EGRET_ACCESS_READ;
		f->code = EGRET_FAULT_MISALIGNED;
		f->addr = h->tval;
		break;
	case MCAUSE_STORE_MISALIGNED:
		access = EGRET_ACCESS_WRITE;
		/* fall through */
	default:
		f->code = EGRET_FAULT_MISALIGNED;
		f->addr = h->tval;
		break;
	}
	f->info = egret_fault_info(EGRET_UNIT_HART, h->index, access, 0);
}

/* Take the trap that is set up. False: nobody handles it, the workgroup has a fault. */
static bool take_trap(struct egret_hart *h, uint64_t pc)
{
	h->pc = pc;
	h->reserved = false;
	if (!h->mtvec || h->untrappable) {
		/* a unit's fault may come from an earlier instruction, and knows it */
		if (!h->untrappable) {
			fault_from_cause(h);
			h->fault.pc = pc;
		}
		return false;
	}
	h->mepc = pc;
	h->mcause = h->cause;
	h->mtval = h->tval;
	if (h->mstatus & MSTATUS_MIE)
		h->mstatus |= MSTATUS_MPIE;
	else
		h->mstatus &= ~MSTATUS_MPIE;
	h->mstatus &= ~MSTATUS_MIE;
	h->pc = h->mtvec & ~UINT64_C(3);
	h->now += PERF_TRAP;
	return true;
}

/* The instruction word at @pc, for mtval. */
static uint32_t insn_at(struct egret_hart *h, uint64_t pc)
{
	struct egret_fault keep = h->fault;
	unsigned int size;
	uint32_t w;

	if (!hart_fetch(h, pc, &w, &size))
		w = 0;
	h->fault = keep;
	return w;
}

static void illegal(struct egret_hart *h, uint64_t pc)
{
	hart_trap(h, MCAUSE_ILLEGAL, insn_at(h, pc));
}

enum hart_exit egret_hart_run(struct egret_hart *h)
{
	enum hart_exit exit;

	hart_interpret(h, &exit);
	return exit;
}

/* ---- The vocabulary of hart_insns.h -------------------------------------- */

#define SCRATCH_HAS(va, size) \
	likely((va) - EGRET_LOCAL_SCRATCH <= EGRET_SCRATCH_SIZE - (size))

#define RD		x[op->rd]
#define RS1		x[op->rs1]
#define RS2		x[op->rs2]
#define IMM		((uint64_t)(int64_t)op->imm)
#define SHAMT		op->imm
#define SEXT32(v)	((uint64_t)(int64_t)(int32_t)(v))
/* Only for AUIPC, whose decoded form has its offset in place of sources. */
#define PC		(block->pc + (op->rs1 | (unsigned int)op->rs2 << 8))
/* The same of any instruction, slower. */
#define HERE		(block->pc + block->offset[op - block->op])
#define NEXT_PC		(block->end)

#define FD		h->f[op->rd]
#define BOX(v)		(UINT64_C(0xffffffff00000000) | (uint32_t)(v))
#define UNBOX(v)	((v) >> 32 == UINT32_MAX ? (uint32_t)(v) : F32_NAN)
#define S1		UNBOX(h->f[op->rs1])
#define S2		UNBOX(h->f[op->rs2])
#define S3		UNBOX(h->f[op->rs3])
#define D1		h->f[op->rs1]
#define D2		h->f[op->rs2]
#define D3		h->f[op->rs3]

/* Rounding as the instruction says, or fcsr, whose mode may be an illegal one. */
#define ROUND(statement) do {							\
	int rm = op->imm == EGRET_FP_DYN ? (int)h->frm : op->imm;		\
	if (unlikely(rm > EGRET_FP_RMM))					\
		goto illegal;							\
	statement;								\
} while (0)

#define LOAD(type)								\
	uint64_t va = RS1 + IMM;						\
	type v;									\
	if (SCRATCH_HAS(va, sizeof(v)))						\
		memcpy(&v, scratch + va, sizeof(v));				\
	else if (unlikely(!hart_load(h, va, &v, sizeof(v))))			\
		goto trap

#define STORE(type, value) do {							\
	uint64_t va = RS1 + IMM;						\
	type v = (type)(value);							\
	if (SCRATCH_HAS(va, sizeof(v)))						\
		memcpy(scratch + va, &v, sizeof(v));				\
	else if (unlikely(!hart_store(h, va, &v, sizeof(v))))			\
		goto trap;							\
} while (0)

#define LOAD_RESERVED(type) do {						\
	type *p = hart_atomic(h, RS1, sizeof(type), true);			\
	if (unlikely(!p))							\
		goto trap;							\
	h->reserved = true;							\
	h->reserved_addr = RS1;							\
	h->reserved_value = (uint64_t)(int64_t)__atomic_load_n(p, __ATOMIC_SEQ_CST);	\
	RD = h->reserved_value;							\
} while (0)

/* The value stands for the reservation: equal values are taken as untouched. */
#define STORE_CONDITIONAL(type) do {						\
	type *p = hart_atomic(h, RS1, sizeof(type), false);			\
	type expected = (type)h->reserved_value;				\
	bool done;								\
	if (unlikely(!p))							\
		goto trap;							\
	done = h->reserved && h->reserved_addr == RS1 &&			\
	       __atomic_compare_exchange_n(p, &expected, (type)RS2, false,	\
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);	\
	h->reserved = false;							\
	RD = !done;								\
} while (0)

/* `o` is the old value, `n` the operand. */
#define AMO(type, result) do {							\
	type *p = hart_atomic(h, RS1, sizeof(type), false);			\
	type n = (type)RS2, o;							\
	if (unlikely(!p))							\
		goto trap;							\
	o = __atomic_load_n(p, __ATOMIC_SEQ_CST);				\
	while (!__atomic_compare_exchange_n(p, &o, (type)(result), false,	\
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))	\
		;								\
	(void)n;								\
	RD = (uint64_t)(int64_t)o;						\
} while (0)

/* Relative to the block's last instruction, which this is. */
/* To the one place where the block's last instruction may jump. */
#define GO() do {								\
	next = block->link[1];							\
	if (likely(next))							\
		goto enter;							\
	goto taken;								\
} while (0)

#define TAKE(condition) do {							\
	if (condition) {							\
		account += (uint64_t)PERF_BRANCH_TAKEN << 32;			\
		GO();								\
	}									\
	next = block->link[0];							\
	if (likely(next))							\
		goto enter;							\
	goto not_taken;								\
} while (0)

#define JUMP_TO(target) do {							\
	pc = (target);								\
	goto jump;								\
} while (0)

#define JUMP(target) do {							\
	pc = (target);								\
	RD = NEXT_PC;								\
	goto jump;								\
} while (0)

/* Bring the counters in struct egret_hart up to date. */
#define SYNC() do {								\
	h->now += account >> 32;						\
	h->instret += (uint32_t)account;					\
	h->left -= (uint32_t)account < h->left ? (uint32_t)account : h->left;	\
	account = 0;								\
} while (0)

/* ECALL and EBREAK do not retire, as RISC-V has it. */
#define TRAP(cause_, tval_) do {						\
	hart_trap(h, (cause_), (tval_));					\
	goto trap;								\
} while (0)

#define CODE_CHANGED() do {							\
	pc = NEXT_PC;								\
	hart_code_forget(h);							\
	goto jump;								\
} while (0)

#define CSR(kind, operand) do {							\
	uint64_t old;								\
	SYNC();									\
	if (unlikely(!hart_csr(h, (unsigned int)op->imm, (kind), op->rs2, (operand), &old)))	\
		goto illegal;							\
	RD = old;								\
	goto go_on;								\
} while (0)

#define UNIT(funct3) do {							\
	uint64_t value = 0;							\
	SYNC();									\
	h->pc = block->pc + block->offset[op - block->op];			\
	generation = h->code.generation;					\
	unit = h->unit(h->unit_arg, (funct3), RS1, RS2, &value);		\
	if (unlikely(unit != HART_UNIT_DONE))					\
		goto unit_failed;						\
	if ((funct3) == EGRET_FUNCT3_POLL)					\
		RD = value;							\
	if (unlikely(generation != h->code.generation))				\
		JUMP_TO(NEXT_PC);						\
	goto go_on;								\
} while (0)

/* Returns the labels; with a NULL hart it does nothing else. */
static const void *const *hart_interpret(struct egret_hart *h, enum hart_exit *exit)
{
#define INSN(name, ...) [HART_##name] = &&do_##name,
	static const void *const labels[HART_INSN_COUNT] = {
		[HART_illegal] = &&do_illegal,
		[HART_continue] = &&do_continue,
#include "hart_insns.h"
	};
#undef INSN
	enum hart_unit unit = HART_UNIT_DONE;
	uint64_t account = 0;
	struct hart_block *block = NULL;
	struct hart_block *next;
	const struct hart_op *op;
	unsigned int generation;
	uint8_t *scratch;
	uint64_t *x;
	uint64_t pc;

	if (!h)
		return labels;
	x = h->x;
	scratch = h->scratch - EGRET_LOCAL_SCRATCH;
	pc = h->pc;
	goto jump;

	/* One instruction after the other. x0 is never written: see HART_X_NONE. */
#define INSN(name, match, mask, format, class, ...)	\
	do_##name: {					\
		__VA_ARGS__;				\
		op++;					\
		goto *op->code;				\
	}
#include "hart_insns.h"
#undef INSN

do_illegal:
	hart_trap(h, MCAUSE_ILLEGAL, (uint32_t)op->imm);
	goto trap;

do_continue:
go_on:
	next = block->link[0];
	if (likely(next))
		goto enter;

not_taken:
	pc = block->end;
	generation = h->code.generation;
	next = hart_block_get(h, pc);
	if (unlikely(!next))
		goto jump;
	if (generation == h->code.generation)
		block->link[0] = next;
	goto enter;

taken:
	pc = block->pc + block->offset[block->count - 1] + IMM;
	if (unlikely(pc < h->global))
		goto jump;
	generation = h->code.generation;
	next = hart_block_get(h, pc);
	if (unlikely(!next))
		goto jump;
	if (generation == h->code.generation)
		block->link[1] = next;
	goto enter;

jump:
	if (unlikely(pc < h->global)) {
		if (pc != EGRET_LOCAL_EXIT)
			goto bad_jump;
		SYNC();
		h->pc = pc;
		*exit = HART_EXIT;
		return labels;
	}
	next = h->code.jump[pc >> 1 & (HART_JUMPS - 1)];
	if (unlikely(!next || next->pc != pc)) {
		next = hart_block_get(h, pc);
		if (unlikely(!next))
			goto bad_jump;
	}

enter:
	if (unlikely((uint32_t)account >= h->left)) {
		SYNC();
		h->pc = next->pc;
		*exit = HART_QUANTUM;
		return labels;
	}
	block = next;
	account += block->charge;
	op = block->op;
	goto *op->code;

bad_jump:
	/* Nothing of the target was charged. A trap loop has to end, so it costs budget. */
	SYNC();
	(void)hart_fetch(h, pc, &(uint32_t){ 0 }, &(unsigned int){ 0 });
	h->left -= h->left > 0;
	goto deliver;

unit_failed:
	h->untrappable = unit == HART_UNIT_FAULT;
	goto trap;

illegal:
	illegal(h, HERE);

trap:
	/* Take back this instruction and what follows it in the block. */
	pc = HERE;
	SYNC();
	for (unsigned int i = (unsigned int)(op - block->op); i < block->count; i++) {
		h->now -= hart_cost(block->number[i]);
		h->instret--;
	}
	if (unlikely(unit == HART_UNIT_AGAIN)) {
		h->pc = pc;
		*exit = HART_QUANTUM;
		return labels;
	}

deliver:
	if (!take_trap(h, pc)) {
		*exit = HART_FAULT;
		return labels;
	}
	pc = h->pc;
	if (!h->left) {
		*exit = HART_QUANTUM;
		return labels;
	}
	goto jump;
}
