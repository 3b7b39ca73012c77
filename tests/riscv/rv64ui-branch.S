/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* beq, bne, blt, bge, bltu, bgeu: taken, not taken, forwards, backwards, far. */
#include "test.h"

/* Taken forwards, then backwards; neither may do anything else. */
#define TAKEN(insn, a, b)	\
	CASE; li a1, a; li a2, b; li a0, 0; j 3f; \
2:	addi a0, a0, 4; j 5f; \
3:	insn a1, a2, 4f; j fail; addi a0, a0, 1; \
4:	addi a0, a0, 2; insn a1, a2, 2b; j fail; \
5:	CHECK(a0, 6)
#define NOT_TAKEN(insn, a, b)	\
	CASE; li a1, a; li a2, b; insn a1, a2, 9f; \
	CHECK(a1, a); CHECK(a2, b)
#define BOTH(is, is_not, a, b)	TAKEN(is, a, b); NOT_TAKEN(is_not, a, b)

#define LEAST	0x8000000000000000
#define MOST	0x7fffffffffffffff

TEST_BEGIN
	BOTH(beq, bne, 0, 0)
	BOTH(beq, bne, -1, -1)
	BOTH(bne, beq, 0, 1)
	BOTH(bne, beq, 0, 0x100000000)
	BOTH(blt, bge, -1, 0)
	BOTH(blt, bge, LEAST, MOST)
	BOTH(bge, blt, 0, 0)
	BOTH(bge, blt, 0, -1)
	BOTH(bge, blt, MOST, LEAST)
	BOTH(bltu, bgeu, 0, -1)
	BOTH(bltu, bgeu, MOST, LEAST)
	BOTH(bgeu, bltu, 5, 5)
	BOTH(bgeu, bltu, -1, 0)
	BOTH(bgeu, bltu, LEAST, MOST)
	/* a loop: the same branch goes both ways */
	CASE
	li a0, 0
	li a1, 1000
1:	addi a0, a0, 3
	addi a1, a1, -1
	bnez a1, 1b
	CHECK(a0, 3000)
	/* as far as a branch goes */
	CASE
	li a0, 0
	j 2f
	.option push
	.option norvc
1:	addi a0, a0, 1
	j 3f
	.skip 4084
2:	beq x0, x0, 1b
	j fail
	.option pop
3:	CHECK(a0, 1)
	CASE
	li a0, 0
	.option push
	.option norvc
	.option norelax
	bne sp, x0, 4f
	bgeu x0, x0, 4f
	.skip 4080
	j fail
4:	.option pop
	addi a0, a0, 1
	CHECK(a0, 1)
TEST_END
9:	j fail
