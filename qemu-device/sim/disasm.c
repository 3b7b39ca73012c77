// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The disassembler is made from the interpreter's own table, hart_insns.h: it
 * cannot know an instruction by another name than the one that is executed. A compressed
 * instruction is shown as what it stands for.
 */
#include "disasm.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fp.h"

/* Formats of hart_insns.h; what they mean to the decoder stands in hart_decode.c. */
enum format {
	FORMAT_NONE, FORMAT_END, FORMAT_U, FORMAT_J, FORMAT_I, FORMAT_B, FORMAT_S, FORMAT_FS,
	FORMAT_SH, FORMAT_R, FORMAT_CSR, FORMAT_FI, FORMAT_FR, FORMAT_FRM, FORMAT_XRM, FORMAT_R4,
	FORMAT_UNIT,
};

#define INSN(name, match, mask, format, class, ...) \
	[HART_##name] = { #name, match, mask, FORMAT_##format, #class },
static const struct {
	const char *name;
	uint32_t match;
	uint32_t mask;
	enum format format;
	const char *class;
} insns[HART_INSN_COUNT] = {
	[HART_illegal] = { "illegal", 0, 0, FORMAT_NONE, "" },
#include "hart_insns.h"
};
#undef INSN

static const char x_names[32][5] = {
	"zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3",
	"a4", "a5", "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11",
	"t3", "t4", "t5", "t6",
};
static const char f_names[32][5] = {
	"ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0", "fa1",
	"fa2", "fa3", "fa4", "fa5", "fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7",
	"fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
};
static const char rounding[8][4] = { "rne", "rtz", "rdn", "rup", "rmm", "?", "?", "?" };

const char *disasm_x(unsigned int n)
{
	return x_names[n % 32];
}

const char *disasm_f(unsigned int n)
{
	return f_names[n % 32];
}

static const char *csr_name(unsigned int csr)
{
	static const struct {
		unsigned int csr;
		const char *name;
	} names[] = {
		{ 0x001, "fflags" }, { 0x002, "frm" }, { 0x003, "fcsr" }, { 0x300, "mstatus" },
		{ 0x301, "misa" }, { 0x304, "mie" }, { 0x305, "mtvec" }, { 0x340, "mscratch" },
		{ 0x341, "mepc" }, { 0x342, "mcause" }, { 0x343, "mtval" }, { 0x344, "mip" },
		{ 0xb00, "mcycle" }, { 0xb02, "minstret" }, { 0xc00, "cycle" }, { 0xc01, "time" },
		{ 0xc02, "instret" }, { 0xf11, "mvendorid" }, { 0xf12, "marchid" },
		{ 0xf13, "mimpid" }, { 0xf14, "mhartid" }, { 0xf15, "mconfigptr" },
		{ EGRET_CSR_GROUP_X, "group_x" }, { EGRET_CSR_GROUP_Y, "group_y" },
		{ EGRET_CSR_GROUP_Z, "group_z" }, { EGRET_CSR_GRID_X, "grid_x" },
		{ EGRET_CSR_GRID_Y, "grid_y" }, { EGRET_CSR_GRID_Z, "grid_z" },
		{ EGRET_CSR_CLUSTER, "cluster" }, { EGRET_CSR_ARGS_SIZE, "args_size" },
		{ EGRET_CSR_COOKIE, "cookie" },
	};
	static char number[8];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].csr == csr)
			return names[i].name;
	snprintf(number, sizeof(number), "0x%x", csr);
	return number;
}

/* "fadd_s" is fadd.s; of atomics the order follows. */
static void mnemonic(unsigned int number, uint32_t w, char *out, size_t size)
{
	static const char order[4][6] = { "", ".rl", ".aq", ".aqrl" };
	bool atomic = !strcmp(insns[number].class, "ATOMIC");
	size_t i;

	snprintf(out, size, "%s%s", insns[number].name, atomic ? order[w >> 25 & 3] : "");
	for (i = 0; out[i]; i++)
		if (out[i] == '_')
			out[i] = '.';
}

/* Is the source an integer register? */
static bool source_is_x(unsigned int number, uint32_t w)
{
	unsigned int funct5 = w >> 27;

	/* fcvt from integers, fmv.w.x; of those with three sources, the third stands there */
	return insns[number].format != FORMAT_R4 && (funct5 == 0x1a || funct5 == 0x1e);
}

struct writer {
	char *at;
	size_t left;
};

static void put(struct writer *o, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void put(struct writer *o, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(o->at, o->left, format, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n >= o->left)
		n = o->left ? (int)o->left - 1 : 0;
	o->at += n;
	o->left -= (size_t)n;
}

/* Of instructions with one source, the field of the second is fixed. */
static bool has_rs2(unsigned int number)
{
	return (insns[number].mask & 0x01f00000) == 0;
}

static void put_float(struct writer *o, const struct disasm *d, uint32_t w, bool to_x)
{
	unsigned int rd = w >> 7 & 31;
	bool rounds = insns[d->number].format != FORMAT_FR && insns[d->number].format != FORMAT_R;

	put(o, " %s, %s", to_x ? x_names[rd] : f_names[rd],
	    source_is_x(d->number, w) ? x_names[d->rs1] : f_names[d->rs1]);
	if (has_rs2(d->number))
		put(o, ", %s", f_names[d->rs2]);
	if (insns[d->number].format == FORMAT_R4)
		put(o, ", %s", f_names[w >> 27]);
	/* as fcsr says, which is what assemblers take when nothing stands there */
	if (rounds && (w >> 12 & 7) != EGRET_FP_DYN)
		put(o, ", %s", rounding[w >> 12 & 7]);
}

static void put_register(struct writer *o, const struct disasm *d, uint32_t w)
{
	const char *class = insns[d->number].class;
	const char *rd = x_names[w >> 7 & 31];

	if (!strcmp(class, "FP")) {
		put_float(o, d, w, true);
	} else if (!strcmp(class, "ATOMIC")) {
		put(o, " %s, ", rd);
		if (has_rs2(d->number))
			put(o, "%s, ", x_names[d->rs2]);
		put(o, "(%s)", x_names[d->rs1]);
	} else {
		put(o, " %s, %s, %s", rd, x_names[d->rs1], x_names[d->rs2]);
	}
}

static void put_unit(struct writer *o, const struct disasm *d)
{
	if (d->funct3 == EGRET_FUNCT3_POLL)
		put(o, " %s", x_names[d->rd]);
	else if (d->funct3 == EGRET_FUNCT3_WAIT)
		put(o, " %s", x_names[d->rs1]);
	else
		put(o, " (%s), %s", x_names[d->rs1], x_names[d->rs2]);
}

static void put_operands(struct writer *o, const struct disasm *d, uint32_t w,
			 const struct hart_op *op, uint64_t pc)
{
	const char *rd = x_names[w >> 7 & 31];

	switch (insns[d->number].format) {
	case FORMAT_NONE:
	case FORMAT_END:
		break;
	case FORMAT_U:
		put(o, " %s, 0x%x", rd, (uint32_t)op->imm >> 12);
		break;
	case FORMAT_J:
		put(o, " %s, 0x%" PRIx64, rd, pc + (uint64_t)(int64_t)op->imm);
		break;
	case FORMAT_B:
		put(o, " %s, %s, 0x%" PRIx64, x_names[d->rs1], x_names[d->rs2],
		    pc + (uint64_t)(int64_t)op->imm);
		break;
	case FORMAT_I:
		if (d->loads || d->number == HART_jalr)
			put(o, " %s, %d(%s)", rd, op->imm, x_names[d->rs1]);
		else
			put(o, " %s, %s, %d", rd, x_names[d->rs1], op->imm);
		break;
	case FORMAT_FI:
		put(o, " %s, %d(%s)", f_names[w >> 7 & 31], op->imm, x_names[d->rs1]);
		break;
	case FORMAT_S:
		put(o, " %s, %d(%s)", x_names[d->rs2], op->imm, x_names[d->rs1]);
		break;
	case FORMAT_FS:
		put(o, " %s, %d(%s)", f_names[d->rs2], op->imm, x_names[d->rs1]);
		break;
	case FORMAT_SH:
		put(o, " %s, %s, 0x%x", rd, x_names[d->rs1], (unsigned int)op->imm);
		break;
	case FORMAT_R:
		put_register(o, d, w);
		break;
	case FORMAT_CSR:
		put(o, " %s, %s, ", rd, csr_name((unsigned int)op->imm));
		if (w >> 14 & 1)
			put(o, "%u", d->rs1);
		else
			put(o, "%s", x_names[d->rs1]);
		break;
	case FORMAT_FR:
	case FORMAT_FRM:
	case FORMAT_R4:
		put_float(o, d, w, false);
		break;
	case FORMAT_XRM:
		put_float(o, d, w, true);
		break;
	case FORMAT_UNIT:
		put_unit(o, d);
		break;
	}
}

static enum disasm_result result_of(unsigned int number)
{
	switch (insns[number].format) {
	case FORMAT_FI:
	case FORMAT_FR:
	case FORMAT_FRM:
	case FORMAT_R4:
		return DISASM_F;
	case FORMAT_NONE:
	case FORMAT_END:
	case FORMAT_B:
	case FORMAT_S:
	case FORMAT_FS:
		return DISASM_NONE;
	case FORMAT_UNIT:
		return number == HART_egret_poll ? DISASM_X : DISASM_NONE;
	default:
		return DISASM_X;
	}
}

/* What an instruction does to memory: funct3 of all that do is the logarithm of the size. */
static void access_of(struct disasm *d, uint32_t w, const struct hart_op *op)
{
	const char *class = insns[d->number].class;
	bool atomic = !strcmp(class, "ATOMIC");

	d->loads = !strcmp(class, "LOAD") || atomic;
	d->stores = !strcmp(class, "STORE") || atomic;
	if (d->number == HART_lr_w || d->number == HART_lr_d)
		d->stores = false;
	if (d->number == HART_sc_w || d->number == HART_sc_d)
		d->loads = false;
	if (!d->loads && !d->stores)
		return;
	d->bytes = 1u << (w >> 12 & 3);
	d->offset = atomic ? 0 : op->imm;
}

void disasm(uint32_t raw, uint64_t pc, struct disasm *d)
{
	struct writer o = { d->text, sizeof(d->text) };
	bool compressed = (raw & 3) != 3;
	uint32_t w = compressed ? hart_expand((uint16_t)raw) : raw;
	struct hart_op op;
	char name[32];

	memset(d, 0, sizeof(*d));
	d->size = compressed ? 2 : 4;
	d->number = hart_decode(w, raw, &op);
	d->rd = w >> 7 & 31;
	d->rs1 = w >> 15 & 31;
	d->rs2 = w >> 20 & 31;
	d->result = result_of(d->number);
	if (d->result == DISASM_X && !d->rd)
		d->result = DISASM_NONE;
	access_of(d, w, &op);
	d->funct3 = insns[d->number].format == FORMAT_UNIT ? (int)(w >> 12 & 7) : -1;
	if (d->number == HART_illegal) {
		put(&o, "illegal");
		return;
	}
	mnemonic(d->number, w, name, sizeof(name));
	put(&o, "%s", name);
	put_operands(&o, d, w, &op, pc);
}

/* ---- Descriptors -------------------------------------------------------------- */

static const char *type_name(unsigned int type)
{
	static const char *const names[EGRET_TYPE_COUNT] = {
		[EGRET_TYPE_NONE] = "none", [EGRET_TYPE_S8] = "s8", [EGRET_TYPE_U8] = "u8",
		[EGRET_TYPE_S16] = "s16", [EGRET_TYPE_U16] = "u16", [EGRET_TYPE_S32] = "s32",
		[EGRET_TYPE_U32] = "u32", [EGRET_TYPE_S64] = "s64", [EGRET_TYPE_U64] = "u64",
		[EGRET_TYPE_F16] = "f16", [EGRET_TYPE_BF16] = "bf16", [EGRET_TYPE_F32] = "f32",
		[EGRET_TYPE_S4] = "s4", [EGRET_TYPE_U4] = "u4", [EGRET_TYPE_E8M0] = "e8m0",
	};

	return type < EGRET_TYPE_COUNT ? names[type] : "?";
}

static const char *map_name(unsigned int op)
{
	static const char *const names[] = {
		[EGRET_MAP_COPY] = "copy", [EGRET_MAP_NEG] = "neg", [EGRET_MAP_ABS] = "abs",
		[EGRET_MAP_SIGN] = "sign", [EGRET_MAP_NOT] = "not", [EGRET_MAP_BITNOT] = "bitnot",
		[EGRET_MAP_FLOOR] = "floor", [EGRET_MAP_CEIL] = "ceil",
		[EGRET_MAP_ROUND] = "round", [EGRET_MAP_TRUNC] = "trunc",
		[EGRET_MAP_ISNAN] = "isnan", [EGRET_MAP_ISINF] = "isinf",
		[EGRET_MAP_SQRT] = "sqrt", [EGRET_MAP_RSQRT] = "rsqrt",
		[EGRET_MAP_RECIP] = "recip", [EGRET_MAP_EXP] = "exp", [EGRET_MAP_LOG] = "log",
		[EGRET_MAP_SIN] = "sin", [EGRET_MAP_COS] = "cos", [EGRET_MAP_TANH] = "tanh",
		[EGRET_MAP_ERF] = "erf", [EGRET_MAP_SIGMOID] = "sigmoid",
		[EGRET_MAP_GELU] = "gelu", [EGRET_MAP_GELU_TANH] = "gelu_tanh",
		[EGRET_MAP_SILU] = "silu", [EGRET_MAP_SOFTPLUS] = "softplus",
		[EGRET_MAP_RELU] = "relu", [EGRET_MAP_LEAKY_RELU] = "leaky_relu",
		[EGRET_MAP_ELU] = "elu", [EGRET_MAP_ADD] = "add", [EGRET_MAP_SUB] = "sub",
		[EGRET_MAP_MUL] = "mul", [EGRET_MAP_DIV] = "div", [EGRET_MAP_REM] = "rem",
		[EGRET_MAP_POW] = "pow", [EGRET_MAP_MIN] = "min", [EGRET_MAP_MAX] = "max",
		[EGRET_MAP_AND] = "and", [EGRET_MAP_OR] = "or", [EGRET_MAP_XOR] = "xor",
		[EGRET_MAP_SHL] = "shl", [EGRET_MAP_SHR] = "shr", [EGRET_MAP_EQ] = "eq",
		[EGRET_MAP_NE] = "ne", [EGRET_MAP_LT] = "lt", [EGRET_MAP_LE] = "le",
		[EGRET_MAP_GT] = "gt", [EGRET_MAP_GE] = "ge", [EGRET_MAP_SELECT] = "select",
		[EGRET_MAP_FMA] = "fma", [EGRET_MAP_CLAMP] = "clamp",
	};

	return op < sizeof(names) / sizeof(names[0]) && names[op] ? names[op] : "?";
}

static const char *reduce_name(unsigned int op)
{
	static const char *const names[EGRET_REDUCE_COUNT] = {
		[EGRET_REDUCE_SUM] = "sum", [EGRET_REDUCE_MAX] = "max",
		[EGRET_REDUCE_MIN] = "min", [EGRET_REDUCE_ARGMAX] = "argmax",
		[EGRET_REDUCE_ARGMIN] = "argmin", [EGRET_REDUCE_SUMSQ] = "sumsq",
		[EGRET_REDUCE_SUMABS] = "sumabs", [EGRET_REDUCE_PROD] = "prod",
	};

	return op < EGRET_REDUCE_COUNT ? names[op] : "?";
}

/* "64x32": innermost dimension first, without the ones at the end. */
static void put_sizes(struct writer *o, const uint32_t sizes[EGRET_DIMS])
{
	unsigned int n = EGRET_DIMS;

	while (n > 1 && sizes[n - 1] == 1)
		n--;
	for (unsigned int i = 0; i < n; i++)
		put(o, "%s%u", i ? "x" : "", sizes[i]);
}

static void put_dma(struct writer *o, const struct egret_dma_desc *d)
{
	uint32_t sizes[EGRET_DIMS];

	for (unsigned int i = 0; i < EGRET_DIMS; i++)
		sizes[i] = d->loop[i].count;
	put(o, "%s ", d->flags & EGRET_DMA_STORE ? "store" : "load");
	put_sizes(o, sizes);
	put(o, " of %u bytes, ", d->element);
	if (d->flags & EGRET_DMA_STORE)
		put(o, "0x%x to 0x%" PRIx64, d->local, (uint64_t)d->global);
	else
		put(o, "0x%" PRIx64 " to 0x%x", (uint64_t)d->global, d->local);
	if (d->flags & EGRET_DMA_INDEXED)
		put(o, ", loop %u by the table at 0x%x", d->index_loop, d->index);
}

static void put_matmul(struct writer *o, const struct egret_matmul_desc *d)
{
	put(o, "m %u n %u k %u", d->m, d->n, d->k);
	if (d->batch != 1)
		put(o, " batch %u", d->batch);
	put(o, ", %s 0x%x by %s 0x%x to %s 0x%x", type_name(d->a_type), d->a,
	    type_name(d->b_type), d->b, type_name(d->out_type), d->out);
	if (d->flags)
		put(o, ", flags 0x%x", d->flags);
}

static void put_steps(struct writer *o, const struct egret_matmul_step *step, unsigned int count)
{
	static const char *const names[EGRET_STEP_COUNT] = {
		[EGRET_STEP_ADD] = "add", [EGRET_STEP_SUB] = "sub", [EGRET_STEP_MUL] = "mul",
		[EGRET_STEP_MIN] = "min", [EGRET_STEP_MAX] = "max", [EGRET_STEP_ACT] = "act",
	};
	static const char *const operands[EGRET_STEP_OPERAND_COUNT] = {
		[EGRET_STEP_NONE] = "", [EGRET_STEP_CONST] = "#", [EGRET_STEP_N] = "n ",
		[EGRET_STEP_M] = "m ", [EGRET_STEP_MATRIX] = "matrix ",
	};

	for (; count; count--, step++) {
		put(o, ", %s ", step->op < EGRET_STEP_COUNT ? names[step->op] : "?");
		if (step->op == EGRET_STEP_ACT)
			put(o, "%u", step->act);
		else
			put(o, "%s0x%x", step->operand < EGRET_STEP_OPERAND_COUNT ?
					 operands[step->operand] : "?", step->value);
	}
}

static void put_map(struct writer *o, const struct egret_map_desc *d)
{
	put(o, "%s ", map_name(d->op));
	put_sizes(o, d->dims);
	put(o, ", %s %s0x%x", type_name(d->a_type), d->flags & EGRET_MAP_A_IMM ? "#" : "", d->a);
	if (d->b_type)
		put(o, ", %s %s0x%x", type_name(d->b_type), d->flags & EGRET_MAP_B_IMM ? "#" : "",
		    d->b);
	if (d->c_type)
		put(o, ", %s %s0x%x", type_name(d->c_type), d->flags & EGRET_MAP_C_IMM ? "#" : "",
		    d->c);
	put(o, " to %s 0x%x", type_name(d->out_type), d->out);
}

static void put_quant(struct writer *o, const struct egret_quant_desc *d)
{
	bool back = d->flags & EGRET_QUANT_DEQUANT;

	put(o, "%ux%u, ", d->cols, d->rows);
	if (back)
		put(o, "%s 0x%x by %s 0x%x to %s 0x%x", type_name(d->block_type), d->block,
		    type_name(d->scale_type), d->scale, type_name(d->plain_type), d->plain);
	else
		put(o, "%s 0x%x to %s 0x%x by %s 0x%x", type_name(d->plain_type), d->plain,
		    type_name(d->block_type), d->block, type_name(d->scale_type), d->scale);
}

void disasm_desc(unsigned int funct3, const union egret_desc *desc, char *text, size_t size)
{
	struct writer o = { text, size };

	switch (funct3) {
	case EGRET_FUNCT3_DMA:
		put_dma(&o, &desc->dma);
		break;
	case EGRET_FUNCT3_MATMUL:
		put_matmul(&o, &desc->matmul);
		put_steps(&o, desc->product.step,
			  (unsigned int)(egret_desc_more(funct3, desc) / sizeof(struct egret_matmul_step)));
		break;
	case EGRET_FUNCT3_MAP:
		put_map(&o, &desc->map);
		break;
	case EGRET_FUNCT3_REDUCE:
		put(&o, "%s ", reduce_name(desc->reduce.op));
		put_sizes(&o, desc->reduce.dims);
		put(&o, " over %u, %s 0x%x to %s 0x%x", desc->reduce.reduced,
		    type_name(desc->reduce.in_type), desc->reduce.in,
		    type_name(desc->reduce.out_type), desc->reduce.out);
		break;
	case EGRET_FUNCT3_QUANT:
		put_quant(&o, &desc->quant);
		break;
	default:
		text[0] = '\0';
		break;
	}
}

const char *disasm_operation(unsigned int funct3)
{
	static const char *const names[] = {
		[EGRET_FUNCT3_DMA] = "dma", [EGRET_FUNCT3_MATMUL] = "matmul",
		[EGRET_FUNCT3_MAP] = "map", [EGRET_FUNCT3_REDUCE] = "reduce",
		[EGRET_FUNCT3_QUANT] = "quant",
	};

	return funct3 < sizeof(names) / sizeof(names[0]) ? names[funct3] : "?";
}
