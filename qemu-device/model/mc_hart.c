// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * The management controller's interpreter: fetch, decode, switch.
 *
 * The semantics come from hart_insns.h, in a vocabulary of this file's own. What
 * this hart does not have is left out by class, or has illegal() for its meaning.
 */
#include <stdlib.h>
#include <string.h>

#include <egret/firmware.h>

#include "hart.h"
#include "mc_hart.h"

/* Decoded instructions, by their address; a stale one goes with fence.i. */
#define DECODED 2048

struct mc_decoded {
	uint32_t pc;
	uint32_t raw;
	uint8_t size;		/* bytes of the instruction; 0: empty */
	uint16_t number;	/* enum hart_insn */
	struct hart_op op;
};

bool mc_hart_init(struct mc_hart *h)
{
	h->decoded = calloc(DECODED, sizeof(*h->decoded));
	return h->decoded;
}

void mc_hart_fini(struct mc_hart *h)
{
	free(h->decoded);
}

static void forget_code(struct mc_hart *h)
{
	memset(h->decoded, 0, DECODED * sizeof(*h->decoded));
}

void mc_hart_reset(struct mc_hart *h, uint64_t pc)
{
	memset(h->x, 0, sizeof(h->x));
	h->pc = pc;
	h->trap = EGRET_MC_TRAP_NONE;
	h->trap_addr = 0;
	forget_code(h);
}

static bool in_sram(uint64_t addr, unsigned int size)
{
	return addr - EGRET_MC_SRAM <= EGRET_MC_SRAM_SIZE - size;
}

static uint8_t *sram_at(struct mc_hart *h, uint64_t addr)
{
	return h->sram + (addr - EGRET_MC_SRAM);
}

static void trap(struct mc_hart *h, enum egret_mc_trap cause, uint64_t addr)
{
	h->trap = cause;
	h->trap_addr = addr;
}

/* SRAM takes any alignment; registers check theirs. */
static bool load(struct mc_hart *h, uint64_t addr, void *value, unsigned int size)
{
	uint64_t v;

	if (in_sram(addr, size)) {
		memcpy(value, sram_at(h, addr), size);
		return true;
	}
	if (h->load(h->opaque, addr, size, &v)) {
		memcpy(value, &v, size);
		return true;
	}
	trap(h, EGRET_MC_TRAP_ACCESS, addr);
	return false;
}

static bool store(struct mc_hart *h, uint64_t addr, uint64_t value, unsigned int size)
{
	if (in_sram(addr, size)) {
		memcpy(sram_at(h, addr), &value, size);
		return true;
	}
	if (h->store(h->opaque, addr, size, value))
		return true;
	trap(h, EGRET_MC_TRAP_ACCESS, addr);
	return false;
}

/* Decode the instruction at pc; false: it cannot be fetched. */
static bool fetch(struct mc_hart *h, struct mc_decoded *d)
{
	uint16_t low;
	uint32_t word;

	d->size = 0;
	if (h->pc & 1 || !in_sram(h->pc, sizeof(low)))
		goto fault;
	memcpy(&low, sram_at(h, h->pc), sizeof(low));
	if ((low & 3) != 3) {
		word = hart_expand(low);
		d->raw = low;
	} else {
		if (!in_sram(h->pc, sizeof(word)))
			goto fault;
		memcpy(&word, sram_at(h, h->pc), sizeof(word));
		d->raw = word;
	}
	d->number = (uint16_t)hart_decode(word, d->raw, &d->op);
	d->pc = (uint32_t)h->pc;
	d->size = (low & 3) != 3 ? 2 : 4;
	return true;
fault:
	trap(h, EGRET_MC_TRAP_FETCH, h->pc);
	return false;
}

/* ---- The vocabulary of hart_insns.h --------------------------------------- */

#define RD		x[op->rd]
#define RS1		x[op->rs1]
#define RS2		x[op->rs2]
#define IMM		((uint64_t)(int64_t)op->imm)
#define SHAMT		op->imm
#define SEXT32(v)	((uint64_t)(int64_t)(int32_t)(v))
#define PC		pc
#define NEXT_PC		(pc + d->size)

#define LOAD(type)							\
	type v;								\
	if (!load(h, RS1 + IMM, &v, sizeof(v)))				\
		return MC_HART_TRAP
#define STORE(type, value) do {						\
	if (!store(h, RS1 + IMM, (type)(value), sizeof(type)))		\
		return MC_HART_TRAP;					\
} while (0)
#define GO()	(next = pc + IMM)
#define TAKE(condition) do {						\
	if (condition)							\
		GO();							\
} while (0)
#define JUMP(target) do {						\
	next = (target);						\
	RD = NEXT_PC;							\
} while (0)
#define ILLEGAL() do {							\
	trap(h, EGRET_MC_TRAP_ILLEGAL, d->raw);				\
	return MC_HART_TRAP;						\
} while (0)
#define TRAP(cause, value) do {						\
	trap(h, EGRET_MC_TRAP_BREAK, d->raw);				\
	return MC_HART_TRAP;						\
} while (0)
#define JUMP_TO(target)		ILLEGAL()
#define CSR(kind, operand)	ILLEGAL()
#define CODE_CHANGED()		forget = true

/* By class, and loads and stores by format too: FI and FS are floating point. */
#define CLASS_ALU(format, ...)		__VA_ARGS__
#define CLASS_MUL(format, ...)		__VA_ARGS__
#define CLASS_DIV(format, ...)		__VA_ARGS__
#define CLASS_JUMP(format, ...)		__VA_ARGS__
#define CLASS_BRANCH(format, ...)	__VA_ARGS__
#define CLASS_SYSTEM(format, ...)	__VA_ARGS__
#define CLASS_LOAD(format, ...)		LOAD_##format(__VA_ARGS__)
#define CLASS_STORE(format, ...)	STORE_##format(__VA_ARGS__)
#define LOAD_I(...)			__VA_ARGS__
#define LOAD_FI(...)			ILLEGAL()
#define STORE_S(...)			__VA_ARGS__
#define STORE_FS(...)			ILLEGAL()
#define CLASS_ATOMIC(format, ...)	ILLEGAL()
#define CLASS_FP(format, ...)		ILLEGAL()
#define CLASS_FDIV(format, ...)		ILLEGAL()
#define CLASS_UNIT(format, ...)		ILLEGAL()

enum mc_hart_exit mc_hart_run(struct mc_hart *h, uint32_t budget)
{
	uint64_t *x = h->x;
	bool forget = false;

	for (; budget; budget--) {
		struct mc_decoded *d = &h->decoded[h->pc / 2 % DECODED];
		const struct hart_op *op = &d->op;
		uint64_t pc = h->pc, next;

		if (!d->size || d->pc != pc)
			if (!fetch(h, d))
				return MC_HART_TRAP;
		next = NEXT_PC;
		switch (d->number) {
#define INSN(name, match, mask, format, class, ...)			\
		case HART_##name: {					\
			CLASS_##class(format, __VA_ARGS__);		\
			break;						\
		}
#include "hart_insns.h"
#undef INSN
		default:
			ILLEGAL();
		}
		h->pc = next;
		if (forget) {
			forget_code(h);
			forget = false;
		} else if (d->number == HART_wfi) {
			return MC_HART_WFI;
		}
	}
	return MC_HART_QUANTUM;
}
