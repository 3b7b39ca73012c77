/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* Traps: causes, mtval, mepc, what they leave alone, and the return from them. */
#include "test.h"

TEST_BEGIN
	TRAPS(11, 0, ecall)
	CASE
	EXPECT_TRAP(1f)
	la s1, 2f
	.option push
	.option norvc
2:	ebreak
	.option pop
	j fail
1:	CHECK(a4, 3)
	bne a6, s1, 9f
	bne a5, s1, 9f	/* mtval */
	/* illegal: mtval is the instruction */
	TRAPS(2, 0xffffffff, .word 0xffffffff)
	TRAPS(2, 0x0000007f, .word 0x0000007f)
	TRAPS(2, 0x4200501b, .word 0x4200501b)	/* sraiw by 32 */
	TRAPS(2, 0x04001013, .word 0x04001013)	/* slli with a set reserved bit */
	TRAPS(2, 0x00007003, .word 0x00007003)	/* a load of no size */
	TRAPS(2, 0x00004023, .word 0x00004023)	/* a store of no size */
	TRAPS(2, 0x00002063, .word 0x00002063)	/* a branch of no kind */
	TRAPS(2, 0x00001067, .word 0x00001067)	/* jalr has one form */
	TRAPS(2, 0x80000033, .word 0x80000033)	/* no such funct7 */
	TRAPS(2, 0x40002033, .word 0x40002033)
	TRAPS(2, 0x1010202f, .word 0x1010202f)	/* lr.w with a second source */
	TRAPS(2, 0x0000102f, .word 0x0000102f)	/* an atomic of 16 bits */
	TRAPS(2, 0x10200073, sret)
	TRAPS(2, 0x00200073, .word 0x00200073)
	/* registers that the instruction would have written stay */
	CASE
	li a0, 55
	EXPECT_TRAP(3f)
	.word 0x8ff02573			/* csrr a0, 0x8ff */
	j fail
3:	CHECK(a0, 55)
	/* loads, stores and fetches where there is nothing */
	CASE
	EXPECT_TRAP(4f)
	li a1, 0x40000000
	li a0, 56
	ld a0, 0(a1)
	j fail
4:	CHECK(a4, 5)
	CHECK(a5, 0x40000000)
	CHECK(a0, 56)
	EXPECT_TRAP(5f)
	sb a0, -1(a1)
	j fail
5:	CHECK(a4, 7)
	CHECK(a5, 0x3fffffff)
	CASE
	EXPECT_TRAP(6f)
	li s1, 0x40000000
	jalr s2, 0(s1)
	j fail
6:	CHECK(a4, 1)
	CHECK(a5, 0x40000000)
	CHECK(a6, 0x40000000)
	/* mret goes to mepc; MIE and MPIE move as they should */
	CASE
	la a0, 7f
	csrw mepc, a0
	li a1, 0x1888
	csrc mstatus, a1
	li a1, 0x1880
	csrs mstatus, a1
	mret
	j fail
7:	csrr a0, mstatus
	andi a0, a0, 0x88
	CHECK(a0, 0x88)
	EXPECT_TRAP(8f)
	ecall
	j fail
8:	CHECK(a4, 11)
	csrr a0, mstatus
	andi a0, a0, 0x88
	CHECK(a0, 0x88)
	/* in the handler MIE is clear; MPIE holds what it was */
	CASE
	la a0, look
	csrrw s3, mtvec, a0
	ecall
	csrw mtvec, s3
	CHECK(s4, 0x80)
	/* a trap breaks nothing of a block around it */
	CASE
	li a0, 1
	EXPECT_TRAP(1f)
	addi a0, a0, 2
	addi a0, a0, 4
	lw x0, -2048(x0)
	addi a0, a0, 8
	addi a0, a0, 16
1:	CHECK(a0, 7)
	/* where there is no memory, nobody answers; a jump there has linked */
	li s4, 0x8000000080000000
	TRAPS(5, 0x8000000080000000, lb x0, 0(s4))
	TRAPS(7, 0x8000000080000000, sb x0, 0(s4))
	CASE
	EXPECT_TRAP(1f)
	li s5, 0
	jalr s5, s4
2:	j fail
1:	CHECK(a4, 1)
	CHECK(a5, 0x8000000080000000)
	beq a6, s4, 1f
	j fail
1:	la a6, 2b
	beq a6, s5, 1f
	j fail
1:
	/* many traps in a row, counted by the handler */
	CASE
	la a0, count
	csrw mtvec, a0
	li s4, 0
	li s5, 1000
2:	ecall
	addi s5, s5, -1
	bnez s5, 2b
	CHECK(s4, 1000)
	csrw mtvec, s3
	/* wfi goes on by itself */
	wfi
TEST_END
9:	j fail
	.balign 4
look:	csrr s4, mstatus
	andi s4, s4, 0x88
	csrr t6, mepc
	addi t6, t6, 4
	csrw mepc, t6
	mret
	.balign 4
count:	addi s4, s4, 1
	csrr t6, mepc
	addi t6, t6, 4
	csrw mepc, t6
	mret
