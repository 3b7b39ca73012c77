/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* lr, sc: with and without a reservation, and what else touches the word. */
#include "test.h"

TEST_BEGIN
	la s0, cell
	/* without a reservation nothing is stored */
	CASE
	li a1, 5
	sc.w a0, a1, (s0)
	beqz a0, 9f
	lw a2, 0(s0)
	CHECK(a2, 0xffffffff80000001)
	/* sign extension of lr.w; sc returns 0 */
	CASE
	lr.w a2, (s0)
	CHECK(a2, 0xffffffff80000001)
	li a1, 6
	sc.w a0, a1, (s0)
	CHECK(a0, 0)
	lwu a2, 0(s0)
	CHECK(a2, 6)
	lwu a2, 4(s0)
	CHECK(a2, 0x12345678)
	/* a reservation is good once */
	CASE
	li a1, 7
	sc.w a0, a1, (s0)
	beqz a0, 9f
	lwu a2, 0(s0)
	CHECK(a2, 6)
	/* 64 bits, all orderings */
	CASE
	lr.d.aq a2, (s0)
	CHECK(a2, 0x1234567800000006)
	li a1, 0xfedcba9876543210
	sc.d.rl a0, a1, (s0)
	CHECK(a0, 0)
	ld a2, 0(s0)
	CHECK(a2, 0xfedcba9876543210)
	lr.w.aqrl a2, (s0)
	sc.w.aqrl a0, x0, (s0)
	CHECK(a0, 0)
	/* another address */
	CASE
	lr.d a2, (s0)
	addi a3, s0, 8
	sc.d a0, a1, (a3)
	beqz a0, 9f
	ld a2, 8(s0)
	CHECK(a2, 0)
	/* a store of another value in between */
	CASE
	lr.d a2, (s0)
	addi a2, a2, 1
	sd a2, 0(s0)
	sc.d a0, x0, (s0)
	beqz a0, 9f
	ld a3, 0(s0)
	bne a2, a3, 9f
	/* an atomic loop */
	CASE
	li s1, 100
	sd x0, 0(s0)
1:	lr.d a0, (s0)
	addi a0, a0, 3
	sc.d a1, a0, (s0)
	bnez a1, 1b
	addi s1, s1, -1
	bnez s1, 1b
	ld a0, 0(s0)
	CHECK(a0, 300)
	/* misaligned */
	addi s1, s0, 2
	CASE
	EXPECT_TRAP(2f)
	lr.w a0, (s1)
	j fail
2:	CHECK(a4, 4)
	bne a5, s1, 9f
	EXPECT_TRAP(3f)
	sc.w a0, x0, (s1)
	j fail
3:	CHECK(a4, 6)
	bne a5, s1, 9f
	EXPECT_TRAP(4f)
	amoadd.d a0, x0, (s1)
	j fail
4:	CHECK(a4, 6)
	bne a5, s1, 9f
TEST_END
9:	j fail
	.data
	.balign 8
cell:	.dword 0x1234567880000001, 0
