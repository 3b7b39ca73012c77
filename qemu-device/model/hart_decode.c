// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Decoding: from instruction words to basic blocks, and the cache of these.
 *
 * A block is found by (context, address) in a hash table, or through the link of
 * the block before it. All blocks lie in one arena; when it is full, or when code has
 * changed, all are forgotten at once, and a generation number tells who still held
 * a pointer.
 */
#include "hart.h"

#include <string.h>

#include <egret/mmu.h>

#include "fp.h"
#include "perf.h"

/* Where the operands of an instruction are. */
enum format {
	FORMAT_NONE,
	FORMAT_END,	/* no operands; ends the block */
	FORMAT_U,
	FORMAT_J,
	FORMAT_I,
	FORMAT_B,
	FORMAT_S,
	FORMAT_FS,	/* S, from a floating-point register */
	FORMAT_SH,	/* shift amount */
	FORMAT_R,
	FORMAT_CSR,
	FORMAT_FI,	/* I, to a floating-point register */
	FORMAT_FR,	/* R, to a floating-point register */
	FORMAT_FRM,	/* FR with a rounding mode */
	FORMAT_XRM,	/* R with a rounding mode */
	FORMAT_R4,	/* FRM with a third source */
	FORMAT_UNIT,	/* R, custom */
};

struct insn {
	uint32_t match;
	uint32_t mask;
	uint8_t format;
	uint8_t cost;
};

#define INSN(name, match, mask, format, class, ...) \
	[HART_##name] = { match, mask, FORMAT_##format, PERF_##class },
static const struct insn insns[HART_INSN_COUNT] = {
	[HART_illegal] = { 0, 0, FORMAT_END, PERF_SYSTEM },
	[HART_continue] = { 0, 0, FORMAT_END, 0 },
#include "hart_insns.h"
};
#undef INSN

unsigned int hart_cost(unsigned int number)
{
	return insns[number].cost;
}

static uint32_t bits(uint32_t w, unsigned int high, unsigned int low)
{
	return w >> low & ((UINT32_C(2) << (high - low)) - 1);
}

static int32_t sext(uint32_t w, unsigned int width)
{
	return (int32_t)(w << (32 - width)) >> (32 - width);
}

static unsigned int number_of(uint32_t w)
{
	for (unsigned int i = HART_continue + 1; i < HART_INSN_COUNT; i++)
		if ((w & insns[i].mask) == insns[i].match)
			return i;
	return HART_illegal;
}

static bool rounding_is_legal(uint32_t w)
{
	uint32_t rm = bits(w, 14, 12);

	return rm <= EGRET_FP_RMM || rm == EGRET_FP_DYN;
}

unsigned int hart_decode(uint32_t w, uint32_t raw, struct hart_op *op)
{
	unsigned int n = number_of(w);
	unsigned int rd = bits(w, 11, 7);
	unsigned int x_rd = rd ? rd : HART_X_NONE;
	uint8_t format = insns[n].format;

	if ((format == FORMAT_FRM || format == FORMAT_XRM || format == FORMAT_R4) &&
	    !rounding_is_legal(w))
		n = HART_illegal;
	memset(op, 0, sizeof(*op));
	if (n == HART_illegal) {
		op->imm = (int32_t)raw;
		return n;
	}
	op->rd = x_rd;
	op->rs1 = bits(w, 19, 15);
	op->rs2 = bits(w, 24, 20);
	switch (format) {
	case FORMAT_U:
		op->imm = (int32_t)(w & 0xfffff000);
		break;
	case FORMAT_J:
		op->imm = sext(bits(w, 31, 31) << 20 | bits(w, 19, 12) << 12 |
			       bits(w, 20, 20) << 11 | bits(w, 30, 21) << 1, 21);
		break;
	case FORMAT_B:
		op->imm = sext(bits(w, 31, 31) << 12 | bits(w, 7, 7) << 11 |
			       bits(w, 30, 25) << 5 | bits(w, 11, 8) << 1, 13);
		break;
	case FORMAT_S:
	case FORMAT_FS:
		op->imm = sext(bits(w, 31, 25) << 5 | bits(w, 11, 7), 12);
		break;
	case FORMAT_FI:
		op->rd = rd;
		/* fall through */
	case FORMAT_I:
		op->imm = sext(bits(w, 31, 20), 12);
		break;
	case FORMAT_SH:
		op->imm = (int32_t)bits(w, 25, 20);
		break;
	case FORMAT_CSR:
		/* Whether it writes: CSRRW always, the others if rs1 is not x0 or zero. */
		op->imm = (int32_t)bits(w, 31, 20);
		op->rs2 = bits(w, 13, 12) == 1 || op->rs1;
		op->rs3 = rd != 0;
		break;
	case FORMAT_R4:
		op->rs3 = bits(w, 31, 27);
		/* fall through */
	case FORMAT_FRM:
		op->imm = (int32_t)bits(w, 14, 12);
		/* fall through */
	case FORMAT_FR:
		op->rd = rd;
		break;
	case FORMAT_XRM:
		op->imm = (int32_t)bits(w, 14, 12);
		break;
	case FORMAT_UNIT:
		/* only POLL has a result; the table's masks have checked the others */
		break;
	default:
		break;
	}
	return n;
}

/* Does the block end after this instruction? */
static bool ends_block(unsigned int n)
{
	switch (insns[n].format) {
	case FORMAT_END:
	case FORMAT_J:
	case FORMAT_B:
	case FORMAT_CSR:
	case FORMAT_UNIT:
		return true;
	default:
		return n == HART_jalr;
	}
}

/* ---- Compressed instructions --------------------------------------------- */

static uint32_t r_type(uint32_t base, uint32_t rd, uint32_t rs1, uint32_t rs2)
{
	return base | rd << 7 | rs1 << 15 | rs2 << 20;
}

static uint32_t i_type(uint32_t base, uint32_t rd, uint32_t rs1, int32_t imm)
{
	return base | rd << 7 | rs1 << 15 | (uint32_t)imm << 20;
}

static uint32_t s_type(uint32_t base, uint32_t rs1, uint32_t rs2, uint32_t imm)
{
	return base | rs1 << 15 | rs2 << 20 | bits(imm, 11, 5) << 25 | bits(imm, 4, 0) << 7;
}

static uint32_t b_type(uint32_t base, uint32_t rs1, int32_t imm)
{
	uint32_t i = (uint32_t)imm;

	return base | rs1 << 15 | bits(i, 12, 12) << 31 | bits(i, 10, 5) << 25 |
	       bits(i, 4, 1) << 8 | bits(i, 11, 11) << 7;
}

static uint32_t j_type(uint32_t base, uint32_t rd, int32_t imm)
{
	uint32_t i = (uint32_t)imm;

	return base | rd << 7 | bits(i, 20, 20) << 31 | bits(i, 10, 1) << 21 |
	       bits(i, 11, 11) << 20 | bits(i, 19, 12) << 12;
}

/* The instructions that others are expanded to, with all operands zero. */
enum {
	LUI = 0x37, ADDI = 0x13, ADDIW = 0x1b, SLLI = 0x1013, SRLI = 0x5013, SRAI = 0x40005013,
	ANDI = 0x7013, ADD = 0x33, SUB = 0x40000033, XOR = 0x4033, OR = 0x6033, AND = 0x7033,
	ADDW = 0x3b, SUBW = 0x4000003b, JAL = 0x6f, JALR = 0x67, BEQ = 0x63, BNE = 0x1063,
	LW = 0x2003, LD = 0x3003, SW = 0x2023, SD = 0x3023, FLD = 0x3007, FSD = 0x3027,
	EBREAK = 0x00100073,
};

static uint32_t expand_quadrant0(uint32_t w)
{
	uint32_t rd = bits(w, 4, 2) + 8;
	uint32_t rs1 = bits(w, 9, 7) + 8;
	uint32_t word = bits(w, 12, 10) << 3 | bits(w, 6, 6) << 2 | bits(w, 5, 5) << 6;
	uint32_t dword = bits(w, 12, 10) << 3 | bits(w, 6, 5) << 6;
	uint32_t wide = bits(w, 12, 11) << 4 | bits(w, 10, 7) << 6 | bits(w, 6, 6) << 2 |
			bits(w, 5, 5) << 3;

	switch (bits(w, 15, 13)) {
	case 0: /* c.addi4spn */
		return wide ? i_type(ADDI, rd, 2, (int32_t)wide) : 0;
	case 1:
		return i_type(FLD, rd, rs1, (int32_t)dword);
	case 2:
		return i_type(LW, rd, rs1, (int32_t)word);
	case 3:
		return i_type(LD, rd, rs1, (int32_t)dword);
	case 5:
		return s_type(FSD, rs1, rd, dword);
	case 6:
		return s_type(SW, rs1, rd, word);
	case 7:
		return s_type(SD, rs1, rd, dword);
	default:
		return 0;
	}
}

static uint32_t expand_arithmetic(uint32_t w, uint32_t shamt, int32_t imm)
{
	static const uint32_t ops[8] = { SUB, XOR, OR, AND, SUBW, ADDW, 0, 0 };
	uint32_t rd = bits(w, 9, 7) + 8;
	uint32_t rs2 = bits(w, 4, 2) + 8;
	uint32_t base;

	switch (bits(w, 11, 10)) {
	case 0:
		return i_type(SRLI, rd, rd, (int32_t)shamt);
	case 1:
		return i_type(SRAI, rd, rd, (int32_t)shamt);
	case 2:
		return i_type(ANDI, rd, rd, imm);
	default:
		base = ops[bits(w, 12, 12) << 2 | bits(w, 6, 5)];
		return base ? r_type(base, rd, rd, rs2) : 0;
	}
}

static uint32_t expand_quadrant1(uint32_t w)
{
	uint32_t rd = bits(w, 11, 7);
	uint32_t rs1 = bits(w, 9, 7) + 8;
	uint32_t shamt = bits(w, 12, 12) << 5 | bits(w, 6, 2);
	int32_t imm = sext(shamt, 6);
	int32_t sp_imm = sext(bits(w, 12, 12) << 9 | bits(w, 6, 6) << 4 | bits(w, 5, 5) << 6 |
			      bits(w, 4, 3) << 7 | bits(w, 2, 2) << 5, 10);
	int32_t branch = sext(bits(w, 12, 12) << 8 | bits(w, 11, 10) << 3 | bits(w, 6, 5) << 6 |
			      bits(w, 4, 3) << 1 | bits(w, 2, 2) << 5, 9);
	int32_t jump = sext(bits(w, 12, 12) << 11 | bits(w, 11, 11) << 4 | bits(w, 10, 9) << 8 |
			    bits(w, 8, 8) << 10 | bits(w, 7, 7) << 6 | bits(w, 6, 6) << 7 |
			    bits(w, 5, 3) << 1 | bits(w, 2, 2) << 5, 12);

	switch (bits(w, 15, 13)) {
	case 0:
		return i_type(ADDI, rd, rd, imm);
	case 1:
		return rd ? i_type(ADDIW, rd, rd, imm) : 0;
	case 2:
		return i_type(ADDI, rd, 0, imm);
	case 3:
		if (rd == 2)
			return sp_imm ? i_type(ADDI, 2, 2, sp_imm) : 0;
		return imm ? LUI | rd << 7 | (uint32_t)imm << 12 : 0;
	case 4:
		return expand_arithmetic(w, shamt, imm);
	case 5:
		return j_type(JAL, 0, jump);
	case 6:
		return b_type(BEQ, rs1, branch);
	default:
		return b_type(BNE, rs1, branch);
	}
}

static uint32_t expand_jump_or_move(uint32_t w)
{
	uint32_t rd = bits(w, 11, 7);
	uint32_t rs2 = bits(w, 6, 2);

	if (rs2)
		return r_type(ADD, rd, bits(w, 12, 12) ? rd : 0, rs2);
	if (bits(w, 12, 12))
		return rd ? i_type(JALR, 1, rd, 0) : EBREAK;
	return rd ? i_type(JALR, 0, rd, 0) : 0;
}

static uint32_t expand_quadrant2(uint32_t w)
{
	uint32_t rd = bits(w, 11, 7);
	uint32_t rs2 = bits(w, 6, 2);
	uint32_t shamt = bits(w, 12, 12) << 5 | bits(w, 6, 2);
	uint32_t load_word = bits(w, 12, 12) << 5 | bits(w, 6, 4) << 2 | bits(w, 3, 2) << 6;
	uint32_t load_dword = bits(w, 12, 12) << 5 | bits(w, 6, 5) << 3 | bits(w, 4, 2) << 6;
	uint32_t store_word = bits(w, 12, 9) << 2 | bits(w, 8, 7) << 6;
	uint32_t store_dword = bits(w, 12, 10) << 3 | bits(w, 9, 7) << 6;

	switch (bits(w, 15, 13)) {
	case 0:
		return i_type(SLLI, rd, rd, (int32_t)shamt);
	case 1:
		return i_type(FLD, rd, 2, (int32_t)load_dword);
	case 2:
		return rd ? i_type(LW, rd, 2, (int32_t)load_word) : 0;
	case 3:
		return rd ? i_type(LD, rd, 2, (int32_t)load_dword) : 0;
	case 4:
		return expand_jump_or_move(w);
	case 5:
		return s_type(FSD, 2, rs2, store_dword);
	case 6:
		return s_type(SW, 2, rs2, store_word);
	default:
		return s_type(SD, 2, rs2, store_dword);
	}
}

uint32_t hart_expand(uint16_t insn)
{
	switch (insn & 3) {
	case 0:
		return expand_quadrant0(insn);
	case 1:
		return expand_quadrant1(insn);
	default:
		return expand_quadrant2(insn);
	}
}

/* ---- Blocks -------------------------------------------------------------- */

static unsigned int hash(uint32_t context, uint64_t pc)
{
	uint64_t key = (pc >> 1 ^ (uint64_t)context << 40) * UINT64_C(0x9e3779b97f4a7c15);

	return key >> 52 & (HART_HASH - 1);
}

void hart_code_forget(struct egret_hart *h)
{
	struct hart_code *c = &h->code;

	memset(c->hash, 0, sizeof(c->hash));
	memset(c->jump, 0, sizeof(c->jump));
	c->used = 0;
	c->generation++;
}

static void *arena_take(struct egret_hart *h, size_t size)
{
	struct hart_code *c = &h->code;
	void *p;

	size = (size + 15) & ~(size_t)15;
	if (c->used + size > HART_CODE_BYTES)
		hart_code_forget(h);
	p = c->arena + c->used;
	c->used += size;
	return p;
}

/* Instructions of a block on its way. */
struct draft {
	struct hart_op op[HART_BLOCK_MAX + 1];
	uint16_t offset[HART_BLOCK_MAX + 1];
	uint16_t number[HART_BLOCK_MAX + 1];
	unsigned int ops;
	unsigned int count;		/* ops that are instructions */
	uint64_t cycles;
	uint64_t end;
};

/*
 * A block ends after a jump or another instruction that needs exact counters, at the
 * end of the page (what is beyond may be mapped otherwise tomorrow), or when it is
 * full. An instruction that cannot be fetched faults when it is reached, so a
 * block ends before it, unless it is the first.
 */
static bool translate(struct egret_hart *h, uint64_t pc, struct draft *d)
{
	uint64_t page = pc >> EGRET_MMU_PAGE_SHIFT;
	uint64_t at = pc;
	unsigned int n = HART_continue;

	d->ops = d->count = 0;
	d->cycles = 0;
	while (d->count < h->block_max && at >> EGRET_MMU_PAGE_SHIFT == page) {
		struct hart_op *op = &d->op[d->ops];
		unsigned int size;
		uint32_t raw;

		if (!hart_fetch(h, at, &raw, &size)) {
			if (at == pc)
				return false;
			break;
		}
		n = hart_decode(size == 2 ? hart_expand((uint16_t)raw) : raw, raw, op);
		d->offset[d->ops] = (uint16_t)(at - pc);
		d->number[d->ops] = (uint16_t)n;
		if (n == HART_auipc) { /* see PC in hart.c */
			op->rs1 = (uint8_t)(at - pc);
			op->rs2 = (uint8_t)((at - pc) >> 8);
		}
		d->cycles += insns[n].cost;
		d->ops++;
		d->count++;
		at += size;
		if (ends_block(n))
			break;
		n = HART_continue;
	}
	d->end = at;
	if (n == HART_continue) {
		memset(&d->op[d->ops], 0, sizeof(d->op[0]));
		d->offset[d->ops] = (uint16_t)(at - pc);
		d->number[d->ops++] = HART_continue;
	}
	return true;
}

static struct hart_block *block_make(struct egret_hart *h, uint64_t pc)
{
	struct hart_block **head;
	struct hart_block *b;
	uint16_t *tables;
	struct draft d;
	size_t ops_size;

	if (!translate(h, pc, &d))
		return NULL;
	ops_size = d.ops * sizeof(struct hart_op);
	b = arena_take(h, sizeof(*b) + ops_size + 2 * d.ops * sizeof(uint16_t));
	memset(b, 0, sizeof(*b));
	b->pc = pc;
	b->end = d.end;
	b->context = h->context;
	b->count = d.count;
	b->charge = d.cycles << 32 | d.count;
	memcpy(b->op, d.op, ops_size);
	tables = (uint16_t *)((uint8_t *)b->op + ops_size);
	memcpy(tables, d.offset, d.ops * sizeof(uint16_t));
	memcpy(tables + d.ops, d.number, d.ops * sizeof(uint16_t));
	b->offset = tables;
	b->number = tables + d.ops;
	for (unsigned int i = 0; i < d.ops; i++)
		b->op[i].code = h->code.labels[d.number[i]];
	head = &h->code.hash[hash(h->context, pc)];
	b->hash_next = *head;
	*head = b;
	return b;
}

/* The block at @pc, or NULL with a trap set up when it cannot be fetched. */
struct hart_block *hart_block_get(struct egret_hart *h, uint64_t pc)
{
	struct hart_block *b;

	for (b = h->code.hash[hash(h->context, pc)]; b; b = b->hash_next)
		if (b->pc == pc && b->context == h->context)
			break;
	if (!b)
		b = block_make(h, pc);
	if (b)
		h->code.jump[pc >> 1 & (HART_JUMPS - 1)] = b;
	return b;
}
