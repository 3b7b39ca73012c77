/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* Every compressed instruction, with the ends of its immediates. */
#include "test.h"

	.option rvc
TEST_BEGIN
	la s0, middle
	/* c.li, c.lui, c.addi, c.addiw, c.mv, c.add, c.nop */
	CASE
	c.nop
	c.li a0, -32
	CHECK(a0, -32)
	c.li a0, 31
	CHECK(a0, 31)
	c.lui a0, 1
	CHECK(a0, 0x1000)
	c.lui s11, 0x1f
	CHECK(s11, 0x1f000)
	c.lui a0, 0xfffe0
	CHECK(a0, 0xfffffffffffe0000)
	CASE
	li t0, 0x7fffffff
	c.addi t0, 31
	CHECK(t0, 0x8000001e)
	c.addi t0, -32
	CHECK(t0, 0x7ffffffe)
	c.addiw t0, 2
	CHECK(t0, 0xffffffff80000000)
	c.addiw t0, 0
	CHECK(t0, 0xffffffff80000000)
	CASE
	li t0, 123
	c.mv a1, t0
	CHECK(a1, 123)
	c.add a1, t0
	CHECK(a1, 246)
	/* shifts and logic */
	CASE
	li a0, 0x8000000000000001
	c.slli a0, 1
	CHECK(a0, 2)
	c.slli a0, 62
	CHECK(a0, 0x8000000000000000)
	c.srai a0, 4
	CHECK(a0, 0xf800000000000000)
	c.srli a0, 59
	CHECK(a0, 31)
	c.andi a0, -2
	CHECK(a0, 30)
	c.andi a0, 31
	CHECK(a0, 30)
	li a0, -1
	c.srli a0, 63
	CHECK(a0, 1)
	li a0, 0x4000000000000000
	c.srai a0, 32
	CHECK(a0, 0x40000000)
	CASE
	li a0, 0xf0f0
	li a1, 0xff00
	c.and a0, a1
	CHECK(a0, 0xf000)
	li s1, 0x0ff0
	c.or s1, a0
	CHECK(s1, 0xfff0)
	c.xor s1, a1
	CHECK(s1, 0x00f0)
	c.sub s1, a1
	CHECK(s1, 0xffffffffffff01f0)
	li a0, 0x7fffffff
	li a1, 1
	c.addw a0, a1
	CHECK(a0, 0xffffffff80000000)
	c.subw a0, a1
	CHECK(a0, 0x7fffffff)
	/* loads and stores through a register */
	CASE
	c.lw a0, 0(s0)
	CHECK(a0, 0xffffffff89abcdef)
	c.ld a0, 0(s0)
	CHECK(a0, 0x0123456789abcdef)
	c.lw a0, 124(s0)
	CHECK(a0, 124)
	c.ld a5, 248(s0)
	CHECK(a5, 248)
	li a1, 0x55
	c.sw a1, 124(s0)
	lw a0, 124(s0)
	CHECK(a0, 0x55)
	c.sd a1, 248(s0)
	ld a0, 248(s0)
	CHECK(a0, 0x55)
	c.sw a1, 64(s0)
	lw a0, 64(s0)
	CHECK(a0, 0x55)
	c.sw a1, 4(s0)
	ld a0, 0(s0)
	CHECK(a0, 0x5589abcdef)
	c.fld fa0, 0(s0)
	fmv.x.d a0, fa0
	CHECK(a0, 0x5589abcdef)
	c.fsd fa0, 240(s0)
	ld a0, 240(s0)
	CHECK(a0, 0x5589abcdef)
	/* the stack pointer's own forms */
	CASE
	la sp, stack
	c.addi4spn a0, sp, 1020
	sub a0, a0, sp
	CHECK(a0, 1020)
	c.addi4spn a0, sp, 4
	sub a0, a0, sp
	CHECK(a0, 4)
	mv a1, sp
	c.addi16sp sp, 496
	sub a0, sp, a1
	CHECK(a0, 496)
	c.addi16sp sp, -512
	sub a0, sp, a1
	CHECK(a0, -16)
	la sp, stack
	li t0, 0x1122334455667788
	c.sdsp t0, 504(sp)
	ld a0, 504(sp)
	CHECK(a0, 0x1122334455667788)
	c.ldsp t1, 504(sp)
	CHECK(t1, 0x1122334455667788)
	c.swsp t0, 252(sp)
	lwu a0, 252(sp)
	CHECK(a0, 0x55667788)
	c.lwsp t1, 252(sp)
	CHECK(t1, 0x55667788)
	c.fldsp ft0, 504(sp)
	c.fsdsp ft0, 0(sp)
	ld a0, 0(sp)
	CHECK(a0, 0x1122334455667788)
	/* jumps and branches */
	CASE
	li a0, 0
	c.j 1f
	j fail
2:	c.addi a0, 2
	c.beqz a1, 3f
	j fail
1:	li a1, 0
	c.j 2b
3:	c.bnez a1, 9f
	li a1, 1
	c.beqz a1, 9f
	c.bnez a1, 4f
	j fail
4:	CHECK(a0, 2)
	CASE
	la t0, 5f
	c.jr t0
	j fail
5:	la t0, 7f
	la a2, 6f
	c.jalr t0
6:	j fail
7:	bne ra, a2, 9f
	CASE
	EXPECT_TRAP(8f)
	c.ebreak
	j fail
8:	CHECK(a4, 3)
	/* hints do nothing */
	CASE
	li a0, 9
	.half 0x0001 | 5 << 2		/* c.nop 5 */
	.half 0x4001 | 3 << 2		/* c.li x0, 3 */
	.half 0x8002 | 10 << 2		/* c.mv x0, a0 */
	.half 0x9002 | 10 << 2		/* c.add x0, a0 */
	.half 0x0002 | 4 << 2		/* c.slli x0, 4 */
	.half 0x6001 | 4 << 2		/* c.lui x0, 4 */
	CHECK(a0, 9)
	CHECK(x0, 0)
	/* what is reserved is illegal; mtval holds the half word */
	TRAPS(2, 0x0000, .half 0x0000)
	TRAPS(2, 0x0004, .half 0x0004)		/* c.addi4spn with zero */
	TRAPS(2, 0x2001, .half 0x2001)		/* c.addiw x0 */
	TRAPS(2, 0x6101, .half 0x6101)		/* c.addi16sp with zero */
	TRAPS(2, 0x6501, .half 0x6501)		/* c.lui with zero */
	TRAPS(2, 0x4002, .half 0x4002)		/* c.lwsp to x0 */
	TRAPS(2, 0x6002, .half 0x6002)		/* c.ldsp to x0 */
	TRAPS(2, 0x8002, .half 0x8002)		/* c.jr x0 */
	TRAPS(2, 0x8000, .half 0x8000)		/* reserved in quadrant 0 */
	TRAPS(2, 0x9c41, .half 0x9c41)		/* reserved arithmetic */
	TRAPS(2, 0x9c61, .half 0x9c61)
	/* an instruction of four bytes across a page */
	CASE
	la t0, straddle
	jalr t0
	CHECK(a0, 0x7ff)
TEST_END
9:	j fail
	.balign 4096
	.skip 4092
	.option norvc
	.half 0x0001
straddle:
	.word 0x7ff00513		/* li a0, 0x7ff */
	ret
	.data
	.balign 16
middle:	.dword 0x0123456789abcdef
	.skip 116
	.word 124
	.skip 120
	.dword 248
	.balign 16
	.skip 512
stack:	.skip 1024
