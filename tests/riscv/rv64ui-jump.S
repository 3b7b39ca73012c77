/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* jal, jalr, lui, auipc. */
#include "test.h"

TEST_BEGIN
	.option push
	.option norvc
	.option norelax
	/* link register, also x0 */
	CASE
	la a1, 2f
	jal a0, 1f
2:	j fail
1:	bne a0, a1, 9f
	jal x0, 3f
	j fail
3:	CHECK(x0, 0)
	/* jalr: base and link may be one register; the lowest bit is dropped */
	CASE
	la a0, 4f
	la a1, 5f
	jalr a0, a0, 0
5:	j fail
4:	bne a0, a1, 9f
	CASE
	la a0, 6f + 1
	jalr a2, 0(a0)
	j fail
6:	la a0, 7f - 2047
	jalr x0, 2047(a0)
	j fail
7:	la a0, 8f + 2048
	jalr a2, -2048(a0)
	j fail
8:
	/* a target in the middle of a word: instructions of two bytes */
	CASE
	li a3, 0
	la a0, 1f + 2
	jr a0
	.balign 4
1:	.half 0x0691	/* c.addi a3, 4: skipped */
	.half 0x0685	/* c.addi a3, 1 */
	CHECK(a3, 1)
	/* the same return with different targets */
	CASE
	li a0, 0
	call one
	call two
	call one
	CHECK(a0, 4)
	/* far away */
	CASE
	jal a0, far
back:	CHECK(a1, 77)
	/* upper immediates */
	CASE
	lui a0, 0
	CHECK(a0, 0)
	lui a0, 0x7ffff
	CHECK(a0, 0x7ffff000)
	lui a0, 0x80000
	CHECK(a0, 0xffffffff80000000)
	lui a0, 0xfffff
	CHECK(a0, 0xfffffffffffff000)
	CASE
1:	auipc a0, 0
	la a1, 1b
	bne a0, a1, 9f
2:	auipc a0, 0x12345
	la a1, 2b
	sub a0, a0, a1
	CHECK(a0, 0x12345000)
3:	auipc a0, 0x80000
	la a1, 3b
	sub a0, a0, a1
	CHECK(a0, 0xffffffff80000000)
	/* behind others in its block, at an odd half word */
	.option rvc
	c.nop
	.option norvc
4:	auipc a0, 1
	la a1, 4b
	sub a0, a0, a1
	CHECK(a0, 0x1000)
	.option pop
TEST_END
one:	addi a0, a0, 1
	ret
two:	addi a0, a0, 2
	ret
9:	j fail
	.skip 500000
far:	li a1, 77
	j back
