// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The hart, instruction by instruction: integers against C, floating point against the
 * host's in all rounding modes, compressed instructions against what an assembler made of the
 * same lines with and without compression, traps, CSRs, atomics and code that changes.
 */
#include <fenv.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fp.h"
#include "hart.h"
#include "perf.h"
#include "rig.h"

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

#define DATA	(EGRET_LOCAL_SCRATCH + 0x10000)

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

static void put64(uint32_t address, uint64_t v)
{
	memcpy(local(address), &v, 8);
}

static void expect_fault(enum egret_run result, enum egret_fault_code code, uint64_t addr,
			 uint32_t value, uint64_t pc)
{
	const struct egret_fault *f = egret_cluster_fault(rig->cl);

	assert_int_equal(result, EGRET_RUN_FAULT);
	assert_int_equal(f->code, code);
	assert_int_equal(f->addr, addr);
	assert_int_equal(f->value, value);
	assert_int_equal(f->pc, pc);
	assert_int_equal(f->info & EGRET_FAULT_INFO_UNIT_MASK, EGRET_UNIT_HART);
}

/* ---- Compressed instructions ------------------------------------------------ */

static const struct {
	uint16_t compressed;
	uint32_t full;
} pairs[] = {
	{ 0x0040, 0x00410413 },	/* addi x8,x2,4 */
	{ 0x1ffc, 0x3fc10793 },	/* addi x15,x2,1020 */
	{ 0x0804, 0x01010493 },	/* addi x9,x2,16 */
	{ 0x2080, 0x0004b407 },	/* fld f8,0(x9) */
	{ 0x3c7c, 0x0f843787 },	/* fld f15,248(x8) */
	{ 0x43c0, 0x0047a403 },	/* lw x8,4(x15) */
	{ 0x5e6c, 0x07c62583 },	/* lw x11,124(x12) */
	{ 0x42a8, 0x0406a503 },	/* lw x10,64(x13) */
	{ 0x6480, 0x0084b403 },	/* ld x8,8(x9) */
	{ 0x7d78, 0x0f853703 },	/* ld x14,248(x10) */
	{ 0x61a4, 0x0405b483 },	/* ld x9,64(x11) */
	{ 0xa344, 0x08973027 },	/* fsd f9,128(x14) */
	{ 0xc0c0, 0x0084a223 },	/* sw x8,4(x9) */
	{ 0xdff4, 0x06d7ae23 },	/* sw x13,124(x15) */
	{ 0xc024, 0x04942023 },	/* sw x9,64(x8) */
	{ 0xe480, 0x0084b423 },	/* sd x8,8(x9) */
	{ 0xe17c, 0x0cf53023 },	/* sd x15,192(x10) */
	{ 0x0001, 0x00000013 },	/* nop */
	{ 0x1281, 0xfe028293 },	/* addi x5,x5,-32 */
	{ 0x0ffd, 0x01ff8f93 },	/* addi x31,x31,31 */
	{ 0x0085, 0x00108093 },	/* addi x1,x1,1 */
	{ 0x33fd, 0xfff3839b },	/* addiw x7,x7,-1 */
	{ 0x2381, 0x0003839b },	/* addiw x7,x7,0 */
	{ 0x2f7d, 0x01ff0f1b },	/* addiw x30,x30,31 */
	{ 0x5301, 0xfe000313 },	/* addi x6,x0,-32 */
	{ 0x4e45, 0x01100e13 },	/* addi x28,x0,17 */
	{ 0x7101, 0xe0010113 },	/* addi x2,x2,-512 */
	{ 0x617d, 0x1f010113 },	/* addi x2,x2,496 */
	{ 0x0141, 0x01010113 },	/* addi x2,x2,16 */
	{ 0x6105, 0x02010113 },	/* addi x2,x2,32 */
	{ 0x6121, 0x04010113 },	/* addi x2,x2,64 */
	{ 0x6109, 0x08010113 },	/* addi x2,x2,128 */
	{ 0x6185, 0x000011b7 },	/* lui x3,1 */
	{ 0x7ffd, 0xffffffb7 },	/* lui x31,0xfffff */
	{ 0x67fd, 0x0001f7b7 },	/* lui x15,0x1f */
	{ 0x7781, 0xfffe07b7 },	/* lui x15,0xfffe0 */
	{ 0x8005, 0x00145413 },	/* srli x8,x8,1 */
	{ 0x93fd, 0x03f7d793 },	/* srli x15,x15,63 */
	{ 0x9081, 0x0204d493 },	/* srli x9,x9,32 */
	{ 0x8415, 0x40545413 },	/* srai x8,x8,5 */
	{ 0x9779, 0x43e75713 },	/* srai x14,x14,62 */
	{ 0x997d, 0xfff57513 },	/* andi x10,x10,-1 */
	{ 0x8a7d, 0x01f67613 },	/* andi x12,x12,31 */
	{ 0x9a01, 0xfe067613 },	/* andi x12,x12,-32 */
	{ 0x8c05, 0x40940433 },	/* sub x8,x8,x9 */
	{ 0x8d3d, 0x00f54533 },	/* xor x10,x10,x15 */
	{ 0x8dc1, 0x0085e5b3 },	/* or x11,x11,x8 */
	{ 0x8e79, 0x00e67633 },	/* and x12,x12,x14 */
	{ 0x9e85, 0x409686bb },	/* subw x13,x13,x9 */
	{ 0x9fa9, 0x00a787bb },	/* addw x15,x15,x10 */
	{ 0x0286, 0x00129293 },	/* slli x5,x5,1 */
	{ 0x1ffe, 0x03ff9f93 },	/* slli x31,x31,63 */
	{ 0x1486, 0x02149493 },	/* slli x9,x9,33 */
	{ 0x2002, 0x00013007 },	/* fld f0,0(x2) */
	{ 0x3ffe, 0x1f813f87 },	/* fld f31,504(x2) */
	{ 0x2386, 0x04013387 },	/* fld f7,64(x2) */
	{ 0x4082, 0x00012083 },	/* lw x1,0(x2) */
	{ 0x5ffe, 0x0fc12f83 },	/* lw x31,252(x2) */
	{ 0x448a, 0x08012483 },	/* lw x9,128(x2) */
	{ 0x60a2, 0x00813083 },	/* ld x1,8(x2) */
	{ 0x7ffe, 0x1f813f83 },	/* ld x31,504(x2) */
	{ 0x6286, 0x04013283 },	/* ld x5,64(x2) */
	{ 0x829a, 0x006002b3 },	/* add x5,x0,x6 */
	{ 0x8f86, 0x00100fb3 },	/* add x31,x0,x1 */
	{ 0x9002, 0x00100073 },	/* ebreak */
	{ 0x929a, 0x006282b3 },	/* add x5,x5,x6 */
	{ 0x90fe, 0x01f080b3 },	/* add x1,x1,x31 */
	{ 0xa006, 0x00113027 },	/* fsd f1,0(x2) */
	{ 0xbffe, 0x1ff13c27 },	/* fsd f31,504(x2) */
	{ 0xa0a6, 0x04913027 },	/* fsd f9,64(x2) */
	{ 0xc006, 0x00112023 },	/* sw x1,0(x2) */
	{ 0xdffe, 0x0ff12e23 },	/* sw x31,252(x2) */
	{ 0xc122, 0x08812023 },	/* sw x8,128(x2) */
	{ 0xc0a2, 0x04812023 },	/* sw x8,64(x2) */
	{ 0xe006, 0x00113023 },	/* sd x1,0(x2) */
	{ 0xfffe, 0x1ff13c23 },	/* sd x31,504(x2) */
	{ 0xe0c6, 0x05113023 },	/* sd x17,64(x2) */
	{ 0xa009, 0x0020006f },	/* jal x0,.+2 */
	{ 0xa011, 0x0040006f },	/* jal x0,.+4 */
	{ 0xa021, 0x0080006f },	/* jal x0,.+8 */
	{ 0xa801, 0x0100006f },	/* jal x0,.+16 */
	{ 0xa005, 0x0200006f },	/* jal x0,.+32 */
	{ 0xa081, 0x0400006f },	/* jal x0,.+64 */
	{ 0xa041, 0x0800006f },	/* jal x0,.+128 */
	{ 0xa201, 0x1000006f },	/* jal x0,.+256 */
	{ 0xa401, 0x2000006f },	/* jal x0,.+512 */
	{ 0xa101, 0x4000006f },	/* jal x0,.+1024 */
	{ 0xaffd, 0x7fe0006f },	/* jal x0,.+2046 */
	{ 0xbffd, 0xfffff06f },	/* jal x0,.-2 */
	{ 0xbff5, 0xffdff06f },	/* jal x0,.-4 */
	{ 0xb701, 0xf01ff06f },	/* jal x0,.-256 */
	{ 0xb001, 0x801ff06f },	/* jal x0,.-2048 */
	{ 0xbefd, 0xbffff06f },	/* jal x0,.-1026 */
	{ 0xa001, 0x0000006f },	/* jal x0,.+0 */
	{ 0xc009, 0x00040163 },	/* beq x8,x0,.+2 */
	{ 0xe389, 0x00079163 },	/* bne x15,x0,.+2 */
	{ 0xc011, 0x00040263 },	/* beq x8,x0,.+4 */
	{ 0xe391, 0x00079263 },	/* bne x15,x0,.+4 */
	{ 0xc401, 0x00040463 },	/* beq x8,x0,.+8 */
	{ 0xe781, 0x00079463 },	/* bne x15,x0,.+8 */
	{ 0xc801, 0x00040863 },	/* beq x8,x0,.+16 */
	{ 0xeb81, 0x00079863 },	/* bne x15,x0,.+16 */
	{ 0xc005, 0x02040063 },	/* beq x8,x0,.+32 */
	{ 0xe385, 0x02079063 },	/* bne x15,x0,.+32 */
	{ 0xc021, 0x04040063 },	/* beq x8,x0,.+64 */
	{ 0xe3a1, 0x04079063 },	/* bne x15,x0,.+64 */
	{ 0xc041, 0x08040063 },	/* beq x8,x0,.+128 */
	{ 0xe3c1, 0x08079063 },	/* bne x15,x0,.+128 */
	{ 0xcc7d, 0x0e040f63 },	/* beq x8,x0,.+254 */
	{ 0xeffd, 0x0e079f63 },	/* bne x15,x0,.+254 */
	{ 0xdc7d, 0xfe040fe3 },	/* beq x8,x0,.-2 */
	{ 0xfffd, 0xfe079fe3 },	/* bne x15,x0,.-2 */
	{ 0xd041, 0xf80400e3 },	/* beq x8,x0,.-128 */
	{ 0xf3c1, 0xf80790e3 },	/* bne x15,x0,.-128 */
	{ 0xd001, 0xf00400e3 },	/* beq x8,x0,.-256 */
	{ 0xf381, 0xf00790e3 },	/* bne x15,x0,.-256 */
	{ 0xdc3d, 0xf6040fe3 },	/* beq x8,x0,.-130 */
	{ 0xffbd, 0xf6079fe3 },	/* bne x15,x0,.-130 */
	{ 0x8282, 0x00028067 },	/* jalr x0,0(x5) */
	{ 0x8082, 0x00008067 },	/* jalr x0,0(x1) */
	{ 0x9282, 0x000280e7 },	/* jalr x1,0(x5) */
	{ 0x9f82, 0x000f80e7 },	/* jalr x1,0(x31) */
};

static void test_compressed(void **state)
{
	static const uint16_t reserved[] = {
		0x0000, 0x0004, 0x8000, 0x2001, 0x6081, 0x6101, 0x9c41, 0x9c61, 0x4002, 0x6002, 0x8002,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		assert_int_equal(hart_expand(pairs[i].compressed), pairs[i].full);
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		assert_int_equal(hart_expand(reserved[i]), 0);
}

/* 16- and 32-bit instructions in a row, a 32-bit one across a page. */
static void test_mixed_sizes(void **state)
{
	static const uint16_t code[] = {
		0x4505,			/* c.li a0, 1 */
		0x0513, 0x0205,		/* addi a0, a0, 32 */
		0x0512,			/* c.slli a0, 4 */
	};
	uint8_t *page = rig->vram + (RIG_CODE_VA - RIG_VRAM_VA) + 4096;
	uint16_t jump_back = 0x8082;	/* c.jr ra */

	(void)state;
	/* addi has its first half at the end of a page and the other in the next */
	memcpy(page - 4, code, sizeof(code));
	memcpy(page + 4, &jump_back, 2);
	egret_cluster_invalidate_code(rig->cl, RIG_CONTEXT);
	rig_begin(rig, RIG_CODE_VA + 4096 - 4, NULL, 0);
	assert_int_equal(rig_run(rig), EGRET_RUN_DONE);
	assert_int_equal(egret_cluster_hart(rig->cl)->x[10], 33 << 4);
}

/* ---- Integers ---------------------------------------------------------------- */

typedef __int128 wide;
typedef unsigned __int128 uwide;

#define S(x)	((int64_t)(x))
#define W(x)	((uint64_t)(int64_t)(int32_t)(x))

static uint64_t divide(int64_t a, int64_t b)
{
	return b == 0 ? UINT64_MAX : b == -1 ? -(uint64_t)a : (uint64_t)(a / b);
}

static uint64_t remainder_of(int64_t a, int64_t b)
{
	return b == 0 ? (uint64_t)a : b == -1 ? 0 : (uint64_t)(a % b);
}

#define BINARY(name, expression) \
	static uint64_t do_##name(uint64_t a, uint64_t b) { (void)b; return (uint64_t)(expression); }
BINARY(add, a + b)
BINARY(sub, a - b)
BINARY(sll, a << (b & 63))
BINARY(slt, S(a) < S(b))
BINARY(sltu, a < b)
BINARY(xor, a ^ b)
BINARY(srl, a >> (b & 63))
BINARY(sra, S(a) >> (b & 63))
BINARY(or, a | b)
BINARY(and, a & b)
BINARY(addw, W(a + b))
BINARY(subw, W(a - b))
BINARY(sllw, W((uint32_t)a << (b & 31)))
BINARY(srlw, W((uint32_t)a >> (b & 31)))
BINARY(sraw, W((int32_t)a >> (b & 31)))
BINARY(mul, a * b)
BINARY(mulh, (wide)S(a) * S(b) >> 64)
BINARY(mulhsu, (wide)S(a) * (wide)b >> 64)
BINARY(mulhu, (uwide)a * b >> 64)
BINARY(div, divide(S(a), S(b)))
BINARY(divu, b ? a / b : UINT64_MAX)
BINARY(rem, remainder_of(S(a), S(b)))
BINARY(remu, b ? a % b : a)
BINARY(mulw, W(a * b))
BINARY(divw, W(divide((int32_t)a, (int32_t)b)))
BINARY(divuw, (uint32_t)b ? W((uint32_t)a / (uint32_t)b) : UINT64_MAX)
BINARY(remw, W(remainder_of((int32_t)a, (int32_t)b)))
BINARY(remuw, W((uint32_t)b ? (uint32_t)a % (uint32_t)b : (uint32_t)a))

static const struct {
	uint32_t match;
	uint64_t (*expected)(uint64_t a, uint64_t b);
} register_ops[] = {
	{ 0x00000033, do_add }, { 0x40000033, do_sub }, { 0x00001033, do_sll },
	{ 0x00002033, do_slt }, { 0x00003033, do_sltu }, { 0x00004033, do_xor },
	{ 0x00005033, do_srl }, { 0x40005033, do_sra }, { 0x00006033, do_or },
	{ 0x00007033, do_and }, { 0x0000003b, do_addw }, { 0x4000003b, do_subw },
	{ 0x0000103b, do_sllw }, { 0x0000503b, do_srlw }, { 0x4000503b, do_sraw },
	{ 0x02000033, do_mul }, { 0x02001033, do_mulh }, { 0x02002033, do_mulhsu },
	{ 0x02003033, do_mulhu }, { 0x02004033, do_div }, { 0x02005033, do_divu },
	{ 0x02006033, do_rem }, { 0x02007033, do_remu }, { 0x0200003b, do_mulw },
	{ 0x0200403b, do_divw }, { 0x0200503b, do_divuw }, { 0x0200603b, do_remw },
	{ 0x0200703b, do_remuw },
};

static uint64_t interesting(void)
{
	static const uint64_t values[] = {
		0, 1, 2, 63, 64, UINT64_MAX, INT64_MAX, UINT64_C(1) << 63, INT32_MAX,
		UINT64_C(0xffffffff80000000), UINT32_MAX, UINT64_C(0x80000000), UINT64_C(1) << 32,
	};

	if (rig_below(&rng, 2))
		return values[rig_below(&rng, ARRAY_SIZE(values))];
	return rig_random(&rng) >> rig_below(&rng, 64);
}

static void test_register_ops(void **state)
{
	(void)state;
	rng.state = 1;
	for (size_t i = 0; i < ARRAY_SIZE(register_ops); i++) {
		const uint32_t code[] = {
			LUI(T0, DATA >> 12),
			LD(A0, T0, 0),
			LD(A1, T0, 8),
			insn_r(register_ops[i].match, A2, A0, A1),
			insn_r(register_ops[i].match, A0, A0, A1), /* the destination is a source */
			SD(A2, T0, 16),
			SD(A0, T0, 24),
			insn_r(register_ops[i].match, ZERO, A1, A1),
			SD(ZERO, T0, 32),
			RET,
		};

		for (int n = 0; n < 60; n++) {
			uint64_t a = interesting(), b = interesting();

			put64(DATA, a);
			put64(DATA + 8, b);
			assert_int_equal(rig_run_code(rig, code, ARRAY_SIZE(code)), EGRET_RUN_DONE);
			if (local64(DATA + 16) != register_ops[i].expected(a, b))
				fail_msg("%#x of %#llx, %#llx", register_ops[i].match,
					 (unsigned long long)a, (unsigned long long)b);
			assert_true(local64(DATA + 24) == local64(DATA + 16));
			assert_true(local64(DATA + 32) == 0);
		}
	}
}

/* Immediate forms compute as the register forms do of the sign-extended immediate. */
static const struct {
	uint32_t match;
	bool shift;
	int bits;	/* of the shift amount */
	uint64_t (*expected)(uint64_t a, uint64_t b);
} immediate_ops[] = {
	{ 0x0013, false, 0, do_add }, { 0x2013, false, 0, do_slt }, { 0x3013, false, 0, do_sltu },
	{ 0x4013, false, 0, do_xor }, { 0x6013, false, 0, do_or }, { 0x7013, false, 0, do_and },
	{ 0x001b, false, 0, do_addw }, { 0x1013, true, 6, do_sll }, { 0x5013, true, 6, do_srl },
	{ 0x40005013, true, 6, do_sra }, { 0x101b, true, 5, do_sllw }, { 0x501b, true, 5, do_srlw },
	{ 0x4000501b, true, 5, do_sraw },
};

static void test_immediate_ops(void **state)
{
	(void)state;
	rng.state = 2;
	for (size_t i = 0; i < ARRAY_SIZE(immediate_ops); i++) {
		for (int n = 0; n < 60; n++) {
			int imm = immediate_ops[i].shift ?
				  (int)rig_below(&rng, 1u << immediate_ops[i].bits) :
				  (int)rig_below(&rng, 4096) - 2048;
			const uint32_t code[] = {
				LUI(T0, DATA >> 12),
				LD(A0, T0, 0),
				insn_i(immediate_ops[i].match, A1, A0, imm),
				SD(A1, T0, 8),
				RET,
			};
			uint64_t a = interesting();

			put64(DATA, a);
			assert_int_equal(rig_run_code(rig, code, ARRAY_SIZE(code)), EGRET_RUN_DONE);
			if (local64(DATA + 8) != immediate_ops[i].expected(a, (uint64_t)(int64_t)imm))
				fail_msg("%#x of %#llx, %d", immediate_ops[i].match,
					 (unsigned long long)a, imm);
		}
	}
}

static void test_upper_and_jumps(void **state)
{
	const uint32_t code[] = {
		LUI(A0, 0x80000),
		0x17 | A1 << 7 | 0xfffffu << 12,	/* auipc a1, -1 */
		insn_j(A2, 8),				/* jal a2, over the next */
		EBREAK,
		0x17 | A3 << 7,				/* auipc a3, 0 */
		insn_i(0x67, A3, A3, 13),		/* jalr a3, 13(a3): bit 0 is dropped */
		EBREAK,
		insn_j(ZERO, 12),
		EBREAK,
		RET,
		insn_j(ZERO, -4),			/* backwards */
	};
	struct egret_hart *h = egret_cluster_hart(rig->cl);

	(void)state;
	assert_int_equal(rig_run_code(rig, code, ARRAY_SIZE(code)), EGRET_RUN_DONE);
	assert_true(h->x[10] == UINT64_C(0xffffffff80000000));
	assert_true(h->x[12] == RIG_CODE_VA + 12);
	assert_true(h->x[11] == RIG_CODE_VA + 4 - 4096);
	assert_true(h->x[13] == RIG_CODE_VA + 24);
}

static void test_branches(void **state)
{
	static const struct {
		uint32_t match;
		bool taken[3];	/* a < b signed but a > b unsigned; equal; a > b signed, a < b unsigned */
	} ops[] = {
		{ 0x0063, { false, true, false } }, { 0x1063, { true, false, true } },
		{ 0x4063, { true, false, false } }, { 0x5063, { false, true, true } },
		{ 0x6063, { false, false, true } }, { 0x7063, { true, true, false } },
	};
	static const uint64_t operands[3][2] = { { UINT64_MAX, 1 }, { 7, 7 }, { 1, UINT64_MAX } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		for (int n = 0; n < 3; n++) {
			const uint32_t code[] = {
				LUI(T0, DATA >> 12),
				LD(A0, T0, 0),
				LD(A1, T0, 8),
				ADDI(A2, ZERO, 1),
				insn_b(ops[i].match, A0, A1, 8),
				ADDI(A2, ZERO, 0),
				SD(A2, T0, 16),
				RET,
			};

			put64(DATA, operands[n][0]);
			put64(DATA + 8, operands[n][1]);
			assert_int_equal(rig_run_code(rig, code, ARRAY_SIZE(code)), EGRET_RUN_DONE);
			assert_int_equal(local64(DATA + 16), ops[i].taken[n]);
		}
}

/* Loads and stores of all sizes, in scratchpad, device memory and system memory, aligned or not. */
static void test_loads_and_stores(void **state)
{
	static const struct {
		uint32_t load, store;
		unsigned int bytes;
		bool is_signed;
	} ops[] = {
		{ 0x0003, 0x0023, 1, true }, { 0x1003, 0x1023, 2, true }, { 0x2003, 0x2023, 4, true },
		{ 0x3003, 0x3023, 8, true }, { 0x4003, 0x0023, 1, false }, { 0x5003, 0x1023, 2, false },
		{ 0x6003, 0x2023, 4, false },
	};
	const uint64_t places[] = { DATA + 0x100, RIG_VRAM_VA + 0x2000, RIG_SYS_VA + 0x100,
				    RIG_VRAM_VA + 0x2ffc, RIG_SYS_VA + 0xffd };
	const uint64_t pattern = UINT64_C(0x8182838485868788);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		for (size_t p = 0; p < ARRAY_SIZE(places); p++)
			for (int offset = -3; offset <= 3; offset++) {
				const uint32_t code[] = {
					LUI(T0, DATA >> 12),
					LD(A0, T0, 0),
					LD(A1, T0, 8),
					insn_s(ops[i].store, A1, A0, offset),
					insn_i(ops[i].load, A2, A1, offset),
					SD(A2, T0, 16),
					RET,
				};
				uint64_t expected = pattern << (64 - 8 * ops[i].bytes);

				expected = ops[i].is_signed ?
					   (uint64_t)(S(expected) >> (64 - 8 * ops[i].bytes)) :
					   expected >> (64 - 8 * ops[i].bytes);
				put64(DATA, pattern);
				put64(DATA + 8, places[p]);
				assert_int_equal(rig_run_code(rig, code, ARRAY_SIZE(code)),
						 EGRET_RUN_DONE);
				assert_true(local64(DATA + 16) == expected);
			}
	assert_int_equal(rig->vram[0x2000], 0x88);
	assert_int_equal(rig->sys[0x100], 0x88);
}

/* ---- Floating point ------------------------------------------------------------- */

static const int host_modes[] = {
	[EGRET_FP_RNE] = FE_TONEAREST, [EGRET_FP_RTZ] = FE_TOWARDZERO,
	[EGRET_FP_RDN] = FE_DOWNWARD, [EGRET_FP_RUP] = FE_UPWARD,
};

static uint32_t host_flags(void)
{
	int e = fetestexcept(FE_ALL_EXCEPT);

	return (e & FE_INEXACT ? EGRET_FP_NX : 0) | (e & FE_UNDERFLOW ? EGRET_FP_UF : 0) |
	       (e & FE_OVERFLOW ? EGRET_FP_OF : 0) | (e & FE_DIVBYZERO ? EGRET_FP_DZ : 0) |
	       (e & FE_INVALID ? EGRET_FP_NV : 0);
}

static uint32_t random_f32(void)
{
	uint32_t exp = (uint32_t)rig_below(&rng, 256), fraction = (uint32_t)rig_random(&rng) & 0x7fffff;
	uint32_t sign = (uint32_t)rig_below(&rng, 2) << 31;

	switch (rig_below(&rng, 6)) {
	case 0: /* edges */
		exp = (uint32_t)(rig_below(&rng, 2) ? rig_below(&rng, 3) : 255 - rig_below(&rng, 3));
		break;
	case 1: /* few bits, so that ties and exact results happen */
		fraction &= 0x700000;
		exp = 120 + (uint32_t)rig_below(&rng, 16);
		break;
	case 2:
		fraction = rig_below(&rng, 2) ? 0 : 0x7fffff;
		break;
	case 3:
		exp = 110 + (uint32_t)rig_below(&rng, 40);
		break;
	default:
		break;
	}
	return sign | exp << 23 | fraction;
}

static uint64_t random_f64(void)
{
	uint64_t exp = rig_below(&rng, 2048), fraction = rig_random(&rng) >> 12;
	uint64_t sign = rig_below(&rng, 2) << 63;

	switch (rig_below(&rng, 6)) {
	case 0:
		exp = rig_below(&rng, 2) ? rig_below(&rng, 3) : 2047 - rig_below(&rng, 3);
		break;
	case 1:
		fraction &= UINT64_C(7) << 49;
		exp = 1015 + rig_below(&rng, 16);
		break;
	case 2:
		fraction = rig_below(&rng, 2) ? 0 : UINT64_MAX >> 12;
		break;
	case 3: /* around what binary32 has */
		exp = 1023 - 155 + rig_below(&rng, 290);
		break;
	default:
		break;
	}
	return sign | exp << 52 | fraction;
}

enum { FP_ADD, FP_SUB, FP_MUL, FP_DIV, FP_SQRT, FP_FMA, FP_OPS };

#define DEFINE_FP_CHECK(bits, T, host, NAN_BITS, host_sqrt, host_fma)				\
static T host_f##bits(int op, T a, T b, T c, int rm, uint32_t *flags)				\
{												\
	volatile host x, y, z, r = 0;								\
	T v;											\
												\
	memcpy((void *)&x, &a, sizeof(a));							\
	memcpy((void *)&y, &b, sizeof(b));							\
	memcpy((void *)&z, &c, sizeof(c));							\
	feclearexcept(FE_ALL_EXCEPT);								\
	fesetround(host_modes[rm]);								\
	switch (op) {										\
	case FP_ADD: r = x + y; break;								\
	case FP_SUB: r = x - y; break;								\
	case FP_MUL: r = x * y; break;								\
	case FP_DIV: r = x / y; break;								\
	case FP_SQRT: r = host_sqrt(x); break;							\
	default: r = host_fma(x, y, z); break;							\
	}											\
	*flags = host_flags();									\
	fesetround(FE_TONEAREST);								\
	memcpy(&v, (void *)&r, sizeof(v));							\
	return isnan(r) ? NAN_BITS : v;								\
}												\
												\
static T model_f##bits(int op, T a, T b, T c, int rm, uint32_t *flags)				\
{												\
	switch (op) {										\
	case FP_ADD: return egret_f##bits##_add(a, b, rm, flags);				\
	case FP_SUB: return egret_f##bits##_add(a, b ^ F##bits##_SIGN, rm, flags);		\
	case FP_MUL: return egret_f##bits##_mul(a, b, rm, flags);				\
	case FP_DIV: return egret_f##bits##_div(a, b, rm, flags);				\
	case FP_SQRT: return egret_f##bits##_sqrt(a, rm, flags);				\
	default: return egret_f##bits##_fma(a, b, c, rm, flags);				\
	}											\
}												\
												\
static void check_f##bits(int op, int rm)							\
{												\
	T a = random_f##bits(), b = random_f##bits(), c = random_f##bits();			\
	uint32_t expected_flags, flags = 0, sticky = EGRET_FP_NX;				\
	T expected = host_f##bits(op, a, b, c, rm, &expected_flags);				\
	T slow = model_f##bits(op, a, b, c, rm, &flags);					\
	T fast = model_f##bits(op, a, b, c, rm, &sticky);					\
												\
	/* an infinity by zero and a quiet NaN: x86 leaves open what RISC-V calls invalid */	\
	if (op == FP_FMA)									\
		expected_flags |= flags & EGRET_FP_NV;						\
	if (slow != expected || flags != expected_flags)					\
		fail_msg("op %d mode %d of %#llx %#llx %#llx: %#llx flags %#x, not %#llx %#x",	\
			 op, rm, (unsigned long long)a, (unsigned long long)b,			\
			 (unsigned long long)c, (unsigned long long)slow, flags,		\
			 (unsigned long long)expected, expected_flags);				\
	if (fast != expected || sticky != (expected_flags | EGRET_FP_NX))			\
		fail_msg("op %d of %#llx %#llx %#llx: fast road", op, (unsigned long long)a,	\
			 (unsigned long long)b, (unsigned long long)c);				\
}

DEFINE_FP_CHECK(32, uint32_t, float, F32_NAN, sqrtf, fmaf)
DEFINE_FP_CHECK(64, uint64_t, double, F64_NAN, sqrt, fma)

static void test_fp_arithmetic(void **state)
{
	(void)state;
	rng.state = 3;
	for (int op = 0; op < FP_OPS; op++)
		for (int rm = EGRET_FP_RNE; rm <= EGRET_FP_RUP; rm++)
			for (int n = 0; n < 20000; n++) {
				check_f32(op, rm);
				check_f64(op, rm);
			}
}

/* To nearest with ties away from zero: differs from ties to even in ties only. */
static void test_fp_ties_away(void **state)
{
	unsigned int ties = 0;

	(void)state;
	rng.state = 4;
	for (int n = 0; n < 50000; n++) {
		uint32_t a = (random_f32() & 0x807ff800) | (uint32_t)(100 + rig_below(&rng, 50)) << 23;
		uint32_t b = (random_f32() & 0x807ff800) | (uint32_t)(100 + rig_below(&rng, 50)) << 23;
		uint32_t flags = 0, even = egret_f32_mul(a, b, EGRET_FP_RNE, &flags);
		uint32_t down = egret_f32_mul(a, b, EGRET_FP_RDN, &flags);
		uint32_t up = egret_f32_mul(a, b, EGRET_FP_RUP, &flags);
		uint32_t away = egret_f32_mul(a, b, EGRET_FP_RMM, &flags), expected = even;
		float fa, fb, fdown, fup;
		double exact;

		memcpy(&fa, &a, 4);
		memcpy(&fb, &b, 4);
		memcpy(&fdown, &down, 4);
		memcpy(&fup, &up, 4);
		exact = (double)fa * fb;
		if (down != up && exact - fdown == fup - exact) {
			expected = exact > 0 ? up : down;
			ties++;
		}
		assert_int_equal(away, expected);
	}
	assert_true(ties > 100);
}

static void check_to_int(long double x, int rm, enum egret_fp_int to, uint64_t result,
			 uint32_t flags)
{
	static const long double low[] = { -0x1p31L, 0, -0x1p63L, 0 };
	static const long double high[] = { 0x1p31L - 1, 0x1p32L - 1, 0x1p63L - 1, 0x1p64L - 1 };
	uint64_t mask = to <= EGRET_FP_WU ? UINT32_MAX : UINT64_MAX;
	long double r = x;
	uint64_t expected;

	switch (rm) {
	case EGRET_FP_RNE:
		r = rintl(x);
		break;
	case EGRET_FP_RTZ:
		r = truncl(x);
		break;
	case EGRET_FP_RDN:
		r = floorl(x);
		break;
	case EGRET_FP_RUP:
		r = ceill(x);
		break;
	default:
		r = roundl(x);
		break;
	}
	if (isnan(x) || r < low[to] || r > high[to]) {
		r = isnan(x) || x > 0 ? high[to] : low[to];
		assert_int_equal(flags, EGRET_FP_NV);
	} else {
		assert_int_equal(flags, r != x ? EGRET_FP_NX : 0);
	}
	expected = r < 0 ? (uint64_t)(int64_t)r : (uint64_t)r;
	assert_true((result & mask) == (expected & mask));
}

static void test_fp_conversions(void **state)
{
	(void)state;
	rng.state = 5;
	for (int n = 0; n < 100000; n++) {
		int rm = (int)rig_below(&rng, 5);
		enum egret_fp_int to = (enum egret_fp_int)rig_below(&rng, 4);
		uint32_t a = random_f32(), flags = 0, host = 0;
		uint64_t b = random_f64(), i = interesting(), r64;
		volatile float f;
		volatile double d;
		uint32_t r32;

		if (rig_below(&rng, 2)) { /* with a fraction */
			a = (a & 0x807fffff) | (uint32_t)(120 + rig_below(&rng, 70)) << 23;
			b = (b & UINT64_C(0x800fffffffffffff)) | (1016 + rig_below(&rng, 70)) << 52;
		}
		memcpy((void *)&f, &a, 4);
		memcpy((void *)&d, &b, 8);
		r64 = egret_f32_to_int(a, to, rm, &flags);
		check_to_int(f, rm, to, r64, flags);
		flags = 0;
		r64 = egret_f64_to_int(b, to, rm, &flags);
		check_to_int(d, rm, to, r64, flags);
		if (rm == EGRET_FP_RMM)
			continue;

		/* binary64 to binary32, under the host's rounding */
		volatile float narrow;

		feclearexcept(FE_ALL_EXCEPT);
		fesetround(host_modes[rm]);
		narrow = (float)d;
		host = host_flags();
		fesetround(FE_TONEAREST);
		memcpy(&r32, (void *)&narrow, 4);
		flags = 0;
		assert_int_equal(egret_f64_to_f32(b, rm, &flags), isnan(d) ? F32_NAN : r32);
		assert_int_equal(flags, host);

		/* integers to both */
		volatile int64_t vi = (int64_t)i;
		volatile double wide_result;

		feclearexcept(FE_ALL_EXCEPT);
		fesetround(host_modes[rm]);
		narrow = (float)vi;
		host = host_flags();
		wide_result = (double)vi;
		fesetround(FE_TONEAREST);
		memcpy(&r32, (void *)&narrow, 4);
		memcpy(&r64, (void *)&wide_result, 8);
		flags = 0;
		assert_int_equal(egret_f32_from_int(i, true, rm, &flags), r32);
		assert_int_equal(flags, host);
		flags = 0;
		assert_true(egret_f64_from_int(i, true, rm, &flags) == r64);
		flags = 0;
		wide_result = f;
		memcpy(&r64, (void *)&wide_result, 8);
		assert_true(egret_f32_to_f64(a, &flags) == (isnan(f) ? F64_NAN : r64));
	}
	/* unsigned integers that a signed conversion would get wrong */
	uint32_t flags = 0;

	assert_int_equal(egret_f32_from_int(UINT64_MAX, false, EGRET_FP_RTZ, &flags), 0x5f7fffff);
	assert_int_equal(egret_f32_from_int(UINT64_MAX, false, EGRET_FP_RNE, &flags), 0x5f800000);
	assert_true(egret_f64_from_int(UINT64_C(1) << 63, false, EGRET_FP_RNE, &flags) ==
		    UINT64_C(0x43e0000000000000));
}

static void test_fp_compare(void **state)
{
	static const struct {
		uint32_t a, b;
		bool eq, lt, le;
		uint32_t eq_flags, lt_flags;
		uint32_t min, max;
	} cases[] = {
		{ 0x3f800000, 0x40000000, false, true, true, 0, 0, 0x3f800000, 0x40000000 },
		{ 0xbf800000, 0xc0000000, false, false, false, 0, 0, 0xc0000000, 0xbf800000 },
		{ 0x80000000, 0x00000000, true, false, true, 0, 0, 0x80000000, 0x00000000 },
		{ 0x00000000, 0x80000000, true, false, true, 0, 0, 0x80000000, 0x00000000 },
		{ 0x7fc00000, 0x3f800000, false, false, false, 0, EGRET_FP_NV, 0x3f800000, 0x3f800000 },
		{ 0x7f800001, 0x3f800000, false, false, false, EGRET_FP_NV, EGRET_FP_NV, 0x3f800000, 0x3f800000 },
		{ 0x7fc00001, 0xffc00000, false, false, false, 0, EGRET_FP_NV, F32_NAN, F32_NAN },
		{ 0xff800000, 0x7f800000, false, true, true, 0, 0, 0xff800000, 0x7f800000 },
		{ 0x00000001, 0x00000001, true, false, true, 0, 0, 0x00000001, 0x00000001 },
	};
	static const struct {
		uint32_t a;
		unsigned int bit;
	} classes[] = {
		{ 0xff800000, 0 }, { 0xbf800000, 1 }, { 0x80000001, 2 }, { 0x80000000, 3 },
		{ 0x00000000, 4 }, { 0x007fffff, 5 }, { 0x00800000, 6 }, { 0x7f800000, 7 },
		{ 0x7f800001, 8 }, { 0x7fc00000, 9 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t flags = 0;

		assert_int_equal(egret_f32_eq(cases[i].a, cases[i].b, &flags), cases[i].eq);
		assert_int_equal(flags, cases[i].eq_flags);
		flags = 0;
		assert_int_equal(egret_f32_lt(cases[i].a, cases[i].b, &flags), cases[i].lt);
		assert_int_equal(flags, cases[i].lt_flags);
		flags = 0;
		assert_int_equal(egret_f32_le(cases[i].a, cases[i].b, &flags), cases[i].le);
		assert_int_equal(flags, cases[i].lt_flags);
		flags = 0;
		assert_int_equal(egret_f32_min(cases[i].a, cases[i].b, &flags), cases[i].min);
		assert_int_equal(egret_f32_max(cases[i].a, cases[i].b, &flags), cases[i].max);
		assert_int_equal(flags, cases[i].eq_flags);
	}
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		assert_int_equal(egret_f32_class(classes[i].a), 1u << classes[i].bit);
}

/* Instructions of F: registers, boxing, rounding modes, flags. */
static void test_fp_instructions(void **state)
{
	const uint32_t code[] = {
		LUI(T0, DATA >> 12),
		insn_i(0x2007, 1, T0, 0),		/* flw f1 */
		insn_i(0x2007, 2, T0, 4),		/* flw f2 */
		insn_r(0x18000053 | 1 << 12, 3, 1, 2),	/* fdiv.s f3, f1, f2, rtz */
		insn_s(0x2027, T0, 3, 8),		/* fsw f3 */
		insn_s(0x3027, T0, 3, 16),		/* fsd f3: boxed */
		CSRR(A0, 0x003),
		SD(A0, T0, 24),
		insn_i(0x3007, 4, T0, 0),		/* fld f4: no box */
		insn_r(0x00000053 | 7 << 12, 5, 4, 4),	/* fadd.s f5, f4, f4, dyn: of NaNs */
		insn_r(0xe0000053, A1, 5, 0),		/* fmv.x.w a1, f5 */
		SD(A1, T0, 32),
		insn_r(0x43 | 7 << 12 | 3u << 27, 6, 1, 2), /* fmadd.s f6, f1, f2, f3, dyn */
		insn_s(0x2027, T0, 6, 40),
		insn_r(0xc0000053 | 1 << 12, A2, 3, 0),	/* fcvt.w.s a2, f3, rtz */
		SD(A2, T0, 48),
		RET,
	};
	const float a = 7, b = -3;
	float third, fused;

	(void)state;
	memcpy(local(DATA), &a, 4);
	memcpy(local(DATA + 4), &b, 4);
	assert_int_equal(rig_run_code(rig, code, ARRAY_SIZE(code)), EGRET_RUN_DONE);
	memcpy(&third, local(DATA + 8), 4);
	assert_true(third == -0x1.2aaaaap+1f); /* -2.333... toward zero */
	assert_int_equal(local64(DATA + 16) >> 32, 0xffffffff);
	assert_int_equal(local64(DATA + 24), EGRET_FP_NX);
	assert_true(local64(DATA + 32) == F32_NAN);
	memcpy(&fused, local(DATA + 40), 4);
	assert_true(fused == fmaf(a, b, third));
	assert_true(local64(DATA + 48) == (uint64_t)-2);
}

static void test_fp_illegal_rounding(void **state)
{
	uint32_t code[] = {
		insn_r(0x00000053 | 5 << 12, 3, 1, 2),	/* a mode that does not exist */
		RET,
	};
	const uint32_t dynamic[] = {
		ADDI(A0, ZERO, 5 << 5),
		CSRW(0x003, A0),
		insn_r(0x00000053 | 7 << 12, 3, 1, 2),
		RET,
	};

	(void)state;
	expect_fault(rig_run_code(rig, code, 2), EGRET_FAULT_INSN_ILLEGAL, 0, code[0], RIG_CODE_VA);
	expect_fault(rig_run_code(rig, dynamic, 4), EGRET_FAULT_INSN_ILLEGAL, 0, dynamic[2],
		     RIG_CODE_VA + 8);
}

/* ---- Atomics --------------------------------------------------------------------- */

static void test_atomics(void **state)
{
	static const struct {
		uint32_t match;
		uint64_t word, dword;	/* results of OLD and OPERAND */
	} ops[] = {
		{ 0x0800202f, 0x00000003, 3 },
		{ 0x0000202f, 0x80000003, UINT64_C(0x8000000080000003) },
		{ 0x2000202f, 0x80000003, UINT64_C(0x8000000080000003) },
		{ 0x6000202f, 0x00000000, 0 },
		{ 0x4000202f, 0x80000003, UINT64_C(0x8000000080000003) },
		{ 0x8000202f, 0x80000000, UINT64_C(0x8000000080000000) },
		{ 0xa000202f, 0x00000003, 3 },
		{ 0xc000202f, 0x00000003, 3 },
		{ 0xe000202f, 0x80000000, UINT64_C(0x8000000080000000) },
	};
	const uint64_t places[] = { DATA + 0x100, RIG_VRAM_VA + 0x3000 };
	const uint64_t old = UINT64_C(0x8000000080000000);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		for (size_t p = 0; p < ARRAY_SIZE(places); p++)
			for (int d = 0; d < 2; d++) {
				const uint32_t code[] = {
					LUI(T0, DATA >> 12),
					LD(A1, T0, 8),
					ADDI(A0, ZERO, 3),
					insn_r(ops[i].match | (uint32_t)d << 12, A2, A1, A0),
					SD(A2, T0, 16),
					LD(A3, A1, 0),
					SD(A3, T0, 24),
					RET,
				};

				put64(DATA + 8, places[p]);
				memcpy(p ? rig->vram + 0x3000 : local(DATA + 0x100), &old, 8);
				assert_int_equal(rig_run_code(rig, code, ARRAY_SIZE(code)),
						 EGRET_RUN_DONE);
				assert_true(local64(DATA + 16) == (d ? old : UINT64_C(0xffffffff80000000)));
				assert_true(local64(DATA + 24) ==
					    (d ? ops[i].dword :
						 (old & UINT64_C(0xffffffff00000000)) | ops[i].word));
			}
}

static void test_reservation(void **state)
{
	const uint32_t code[] = {
		LUI(T0, DATA >> 12),
		ADDI(A0, ZERO, 5),
		insn_r(0x1800302f, A1, T0, A0),		/* sc.d without a reservation: fails */
		insn_r(0x1000302f, A2, T0, 0),		/* lr.d */
		insn_r(0x1800302f, A3, T0, A0),		/* sc.d: succeeds */
		insn_r(0x1800302f, A4, T0, A0),		/* again: fails */
		insn_r(0x1000302f, A2, T0, 0),
		SD(ZERO, T0, 0),			/* another value */
		insn_r(0x1800302f, A5, T0, A0),		/* fails */
		RET,
	};
	struct egret_hart *h = egret_cluster_hart(rig->cl);

	(void)state;
	put64(DATA, 9);
	assert_int_equal(rig_run_code(rig, code, ARRAY_SIZE(code)), EGRET_RUN_DONE);
	assert_int_equal(h->x[11], 1);
	assert_int_equal(h->x[12], 5);
	assert_int_equal(h->x[13], 0);
	assert_int_equal(h->x[14], 1);
	assert_int_equal(h->x[15], 1);
	assert_int_equal(local64(DATA), 0);
}

static void test_atomic_faults(void **state)
{
	const uint32_t code[] = {
		LUI(T0, DATA >> 12),
		LD(A1, T0, 8),
		insn_r(0x0000302f, A2, A1, A0),
		RET,
	};

	(void)state;
	put64(DATA + 8, DATA + 4);
	expect_fault(rig_run_code(rig, code, 4), EGRET_FAULT_MISALIGNED, DATA + 4, 0, RIG_CODE_VA + 8);
	put64(DATA + 8, RIG_SYS_VA);
	expect_fault(rig_run_code(rig, code, 4), EGRET_FAULT_BUS, RIG_SYS_VA, 0, RIG_CODE_VA + 8);
	put64(DATA + 8, 0x80);
	expect_fault(rig_run_code(rig, code, 4), EGRET_FAULT_LOCAL, 0x80, 0, RIG_CODE_VA + 8);
}

/* ---- Faults and traps ---------------------------------------------------------------- */

static void test_faults(void **state)
{
	const uint32_t load_args_end[] = { LUI(T0, 0x200), LD(A0, T0, -4), RET };
	const uint32_t load_low[] = { LW(A0, ZERO, 0), RET };
	const uint32_t store_unmapped[] = {
		LUI(T0, DATA >> 12), LD(A1, T0, 0), SW(ZERO, A1, 0), RET
	};
	const uint32_t stop[] = { ADDI(A0, ZERO, 77), EBREAK };
	const uint32_t call[] = { ADDI(A0, ZERO, 78), 0x73 };
	const uint32_t nothing[] = { 0 };
	const uint32_t into_scratch[] = { LUI(T0, DATA >> 12), insn_i(0x67, ZERO, T0, 0) };

	(void)state;
	expect_fault(rig_run_code(rig, load_args_end, 3), EGRET_FAULT_LOCAL, 0x1ffffc, 0, RIG_CODE_VA + 4);
	expect_fault(rig_run_code(rig, load_low, 2), EGRET_FAULT_LOCAL, 0, 0, RIG_CODE_VA);
	put64(DATA, 0x500000000);
	expect_fault(rig_run_code(rig, store_unmapped, 4), EGRET_FAULT_MMU_UNMAPPED, 0x500000000, 0,
		     RIG_CODE_VA + 8);
	expect_fault(rig_run_code(rig, stop, 2), EGRET_FAULT_ABORT, 0, 77, RIG_CODE_VA + 4);
	expect_fault(rig_run_code(rig, call, 2), EGRET_FAULT_ABORT, 0, 78, RIG_CODE_VA + 4);
	expect_fault(rig_run_code(rig, nothing, 1), EGRET_FAULT_INSN_ILLEGAL, 0, 0, RIG_CODE_VA);
	expect_fault(rig_run_code(rig, into_scratch, 2), EGRET_FAULT_LOCAL, DATA, 0, DATA);
}

/* An instruction that traps is not retired, and those before it in its block are. */
static void test_precise(void **state)
{
	const uint32_t code[] = { ADDI(A0, ZERO, 1), ADDI(A0, A0, 1), LW(A1, ZERO, 0), ADDI(A0, A0, 1), RET };
	struct egret_group_stats s;

	(void)state;
	assert_int_equal(rig_run_code(rig, code, 5), EGRET_RUN_FAULT);
	egret_cluster_stats(rig->cl, &s);
	assert_int_equal(s.instructions, 2);
	assert_int_equal(egret_cluster_hart(rig->cl)->x[10], 2);
	assert_int_equal(s.cycles, 2);
}

/* Cycles of a workgroup: three addresses, a handler behind the instruction, and the instruction. */
static uint64_t cycles_with(uint32_t insn)
{
	uint32_t code[] = {
		LUI(T0, DATA >> 12),		/* 0x0: t0: scratchpad */
		ADDI(T1, ZERO, 1),		/* 0x4 */
		SLLI(T1, T1, 32),		/* 0x8: t1: device memory */
		SLLI(T2, T1, 1),		/* 0xc: t2: system memory */
		0x17 | S0 << 7,			/* 0x10: auipc s0, 0 */
		ADDI(S0, S0, 0x1c - 0x10),	/* 0x14: s0: the last instruction */
		CSRW(0x305, S0),		/* 0x18: mtvec */
		RET,				/* 0x1c */
		RET,
	};
	struct egret_group_stats s;

	_Static_assert(RIG_VRAM_VA == UINT64_C(1) << 32 && RIG_SYS_VA == UINT64_C(1) << 33, "places");
	if (insn) {
		code[5] = ADDI(S0, S0, 0x20 - 0x10);
		code[7] = insn;
	}
	assert_int_equal(rig_run_code(rig, code, ARRAY_SIZE(code)), EGRET_RUN_DONE);
	egret_cluster_stats(rig->cl, &s);
	assert_int_equal(s.cycles, s.hart_cycles);
	return s.cycles;
}

/* What Documentation/hardware/performance.rst says of each kind. */
static void test_cycles(void **state)
{
	const struct {
		uint32_t insn;
		unsigned int cycles;
	} cases[] = {
		{ ADD(A0, T0, T0), PERF_ALU },
		{ LUI(A0, 1), PERF_ALU },
		{ 0x0ff0000f, PERF_ALU },				/* fence */
		{ insn_j(ZERO, 4), PERF_JUMP },
		{ insn_j(A0, 4), PERF_JUMP },
		{ insn_i(0x67, ZERO, S0, 0), PERF_JUMP },		/* jalr */
		{ insn_b(0x63, T0, T0, 4), PERF_BRANCH + PERF_BRANCH_TAKEN }, /* beq */
		{ insn_b(0x1063, T0, T0, 4), PERF_BRANCH },		/* bne */
		{ LD(A0, T0, 0), PERF_LOAD },
		{ LD(A0, T0, 1), PERF_LOAD },
		{ SD(T0, T0, 0), PERF_STORE },
		{ insn_i(0x2007, 1, T0, 0), PERF_LOAD },		/* flw */
		{ insn_s(0x2027, T0, 1, 0), PERF_STORE },		/* fsw */
		{ LD(A0, T1, 0), PERF_LOAD + PERF_GLOBAL_LOAD },
		{ SD(T0, T1, 0), PERF_STORE + PERF_GLOBAL_STORE },
		{ LD(A0, T2, 0), PERF_LOAD + PERF_HOST_LOAD },
		{ SD(T0, T2, 0), PERF_STORE + PERF_HOST_STORE },
		{ insn_r(0x02000033, A0, T0, T0), PERF_MUL },
		{ insn_r(0x02004033, A0, T0, T0), PERF_DIV },
		{ insn_r(0x02004033, A0, T0, ZERO), PERF_DIV },
		{ insn_r(0x00000053, 1, 1, 1), PERF_FP },		/* fadd.s */
		{ insn_r(0xe0000053, A0, 1, 0), PERF_FP },		/* fmv.x.w */
		{ insn_r(0x18000053, 1, 1, 1), PERF_FDIV },		/* fdiv.s */
		{ insn_r(0x5a000053, 1, 1, 0), PERF_FDIV },		/* fsqrt.d */
		{ insn_r(0x0000202f, A0, T0, T0), PERF_ATOMIC },	/* amoadd.w */
		{ insn_r(0x1000202f, A0, T0, 0), PERF_ATOMIC },		/* lr.w */
		{ insn_r(0x1800202f, A0, T0, T0), PERF_ATOMIC },	/* sc.w, which fails */
		{ insn_r(0x0000202f, A0, T1, T0), PERF_ATOMIC + PERF_GLOBAL_ATOMIC },
		{ CSRR(A0, 0xc00), PERF_SYSTEM },
		{ 0x0000100f, PERF_SYSTEM },				/* fence.i */
		{ 0x10500073, PERF_SYSTEM },				/* wfi */
		{ WAIT(ZERO), PERF_UNIT },
		{ POLL(A0), PERF_UNIT },
		{ 0x00000073, PERF_TRAP },				/* ecall */
		{ LW(A0, ZERO, 0), PERF_TRAP },
	};
	uint64_t without = cycles_with(0);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t cycles = cycles_with(cases[i].insn) - without;

		if (cycles != cases[i].cycles)
			fail_msg("case %zu, 0x%08x: %llu cycles, not %u", i, cases[i].insn,
				 (unsigned long long)cycles, cases[i].cycles);
	}
}

static void test_trap_handler(void **state)
{
	const uint32_t code[] = {
		0x17 | T1 << 7,			/*  0: auipc t1, 0 */
		ADDI(T1, T1, 40),		/*  4: the handler */
		CSRW(0x305, T1),		/*  8: mtvec */
		LUI(T0, DATA >> 12),		/* 12 */
		LW(A0, ZERO, 16),		/* 16: traps */
		0x73,				/* 20: ecall */
		0xffffffff,			/* 24: illegal */
		CSRW(0x305, ZERO),		/* 28: no handler any more */
		RET,				/* 32 */
		EBREAK,				/* 36 */
		CSRR(T1, 0x342),		/* 40: mcause, mepc and mtval are kept, */
		SD(T1, T0, 0),
		CSRR(T1, 0x343),
		SD(T1, T0, 8),
		CSRR(T1, 0x341),
		SD(T1, T0, 16),
		ADDI(T0, T0, 24),
		ADDI(T1, T1, 4),		/* and it goes on behind the instruction */
		CSRW(0x341, T1),
		0x30200073,			/* mret */
	};

	(void)state;
	assert_int_equal(rig_run_code(rig, code, ARRAY_SIZE(code)), EGRET_RUN_DONE);
	assert_int_equal(local64(DATA), MCAUSE_LOAD_ACCESS);
	assert_int_equal(local64(DATA + 8), 16);
	assert_int_equal(local64(DATA + 16), RIG_CODE_VA + 16);
	assert_int_equal(local64(DATA + 24), MCAUSE_ECALL_M);
	assert_int_equal(local64(DATA + 40), RIG_CODE_VA + 20);
	assert_int_equal(local64(DATA + 48), MCAUSE_ILLEGAL);
	assert_int_equal(local64(DATA + 56), 0xffffffff);
	assert_int_equal(local64(DATA + 64), RIG_CODE_VA + 24);
}

/* A handler does not see the faults of units. */
static void test_unit_fault_is_final(void **state)
{
	const uint32_t code[] = {
		0x17 | T1 << 7,
		CSRW(0x305, T1),
		ADDI(T0, ZERO, 16),
		ISSUE(EGRET_FUNCT3_MAP, T0, ZERO),
		RET,
	};

	(void)state;
	assert_int_equal(rig_run_code(rig, code, ARRAY_SIZE(code)), EGRET_RUN_FAULT);
	assert_int_equal(egret_cluster_fault(rig->cl)->code, EGRET_FAULT_LOCAL);
	assert_int_equal(egret_cluster_fault(rig->cl)->pc, RIG_CODE_VA + 12);
}

/* ---- The workgroup's surroundings -------------------------------------------------------- */

static void test_start(void **state)
{
	const uint32_t code[] = {
		LUI(T0, DATA >> 12),
		CSRR(T1, EGRET_CSR_GROUP_X), SD(T1, T0, 0),
		CSRR(T1, EGRET_CSR_GROUP_Y), SD(T1, T0, 8),
		CSRR(T1, EGRET_CSR_GROUP_Z), SD(T1, T0, 16),
		CSRR(T1, EGRET_CSR_GRID_X), SD(T1, T0, 24),
		CSRR(T1, EGRET_CSR_GRID_Y), SD(T1, T0, 32),
		CSRR(T1, EGRET_CSR_GRID_Z), SD(T1, T0, 40),
		CSRR(T1, EGRET_CSR_CLUSTER), SD(T1, T0, 48),
		CSRR(T1, EGRET_CSR_ARGS_SIZE), SD(T1, T0, 56),
		CSRR(T1, EGRET_CSR_COOKIE), SD(T1, T0, 64),
		LD(T1, A0, 0), SD(T1, T0, 72),
		SD(SP, T0, 80), SD(RA, T0, 88), SD(A1, T0, 96), SD(A2, T0, 104), SD(A3, T0, 112),
		SD(GP, T0, 120),
		RET,
	};
	const uint64_t args = UINT64_C(0x123456789abcdef0);
	const struct egret_group group = {
		.context = RIG_CONTEXT, .entry = RIG_CODE_VA, .args = &args, .args_size = 8,
		.id = { 1, 2, 3 }, .grid = { 4, 5, 6 }, .cookie = UINT64_MAX - 1,
	};
	const uint64_t expected[] = {
		1, 2, 3, 4, 5, 6, 0, 8, UINT64_MAX - 1, args, EGRET_LOCAL_ARGS, EGRET_LOCAL_EXIT, 1, 2, 3, 0,
	};

	(void)state;
	rig_code(rig, code, ARRAY_SIZE(code));
	egret_port_begin(&rig->port, RIG_CONTEXT);
	egret_cluster_begin(rig->cl, &group);
	assert_int_equal(rig_run(rig), EGRET_RUN_DONE);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		assert_true(local64(DATA + 8 * (uint32_t)i) == expected[i]);
}

static void test_csrs(void **state)
{
	const uint32_t illegal[] = {
		CSRR(A0, 0x100),			/* sstatus */
		CSRR(A0, 0x7c0),
		CSRR(A0, EGRET_CSR_COOKIE + 1),
		CSRW(EGRET_CSR_GROUP_X, A0),		/* read-only */
		CSRW(0xc00, A0),
		insn_i(0x2073, A0, A1, 0xf14),		/* csrrs with a source writes */
	};
	const uint32_t code[] = {
		CSRR(A0, 0xc02),			/* instret */
		CSRR(A1, 0xc02),
		CSRR(A2, 0xc00),			/* cycle */
		CSRR(A3, 0xc00),
		ADDI(A4, ZERO, 0x7f),
		insn_i(0x1073, A5, A4, 0x001),		/* csrrw a5, fflags, a4 */
		insn_i(0x7073, A6, 0x11, 0x001),	/* csrrci a6, fflags, 0x11 */
		CSRR(A7, 0x003),
		RET,
	};
	struct egret_hart *h = egret_cluster_hart(rig->cl);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(illegal); i++)
		expect_fault(rig_run_code(rig, &illegal[i], 1), EGRET_FAULT_INSN_ILLEGAL, 0, illegal[i],
			     RIG_CODE_VA);
	assert_int_equal(rig_run_code(rig, code, ARRAY_SIZE(code)), EGRET_RUN_DONE);
	assert_int_equal(h->x[10], 0);
	assert_int_equal(h->x[11], 1);
	assert_true(h->x[13] > h->x[12]);
	assert_int_equal(h->x[15], 0);
	assert_int_equal(h->x[16], 0x1f);
	assert_int_equal(h->x[17], 0x0e);
}

/* Code that writes code: FENCE.I makes it seen. */
static void test_fence_i(void **state)
{
	const uint32_t code[] = {
		0x17 | T1 << 7,			/* auipc t1, 0 */
		LUI(T0, DATA >> 12),
		insn_j(RA, 24),			/* run it once, so that it is decoded */
		LW(T2, T0, 0),
		SW(T2, T1, 32),
		0x0000100f,			/* fence.i */
		insn_j(RA, 8),
		insn_j(ZERO, 12),
		ADDI(A0, A0, 1),		/* becomes addi a0, a0, 64 */
		RET,
		LUI(RA, EGRET_LOCAL_EXIT >> 12),
		RET,
	};
	const uint32_t replacement = ADDI(A0, A0, 64);

	(void)state;
	memcpy(local(DATA), &replacement, 4);
	assert_int_equal(rig_run_code(rig, code, ARRAY_SIZE(code)), EGRET_RUN_DONE);
	assert_int_equal(egret_cluster_hart(rig->cl)->x[10], EGRET_LOCAL_ARGS + 1 + 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compressed),
		cmocka_unit_test(test_mixed_sizes),
		cmocka_unit_test(test_register_ops),
		cmocka_unit_test(test_immediate_ops),
		cmocka_unit_test(test_upper_and_jumps),
		cmocka_unit_test(test_branches),
		cmocka_unit_test(test_loads_and_stores),
		cmocka_unit_test(test_fp_arithmetic),
		cmocka_unit_test(test_fp_ties_away),
		cmocka_unit_test(test_fp_conversions),
		cmocka_unit_test(test_fp_compare),
		cmocka_unit_test(test_fp_instructions),
		cmocka_unit_test(test_fp_illegal_rounding),
		cmocka_unit_test(test_atomics),
		cmocka_unit_test(test_reservation),
		cmocka_unit_test(test_atomic_faults),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_precise),
		cmocka_unit_test(test_cycles),
		cmocka_unit_test(test_trap_handler),
		cmocka_unit_test(test_unit_fault_is_final),
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_csrs),
		cmocka_unit_test(test_fence_i),
	};

	return cmocka_run_group_tests_name("hart", tests, setup, teardown);
}
