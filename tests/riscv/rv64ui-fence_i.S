/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* fence, fence.i: code that changes itself. */
#include "test.h"

TEST_BEGIN
	fence
	fence r, w
	fence.i
	CASE
	la s0, patch
	call patch
	CHECK(a0, 111)
	/* addi a0, x0, 222 */
	li a1, 0x0de00513
	sw a1, 0(s0)
	fence.i
	call patch
	CHECK(a0, 222)
	/* again, from a loop that runs the code between the changes */
	CASE
	li s1, 0
	li s2, 64
1:	slli a1, s1, 20
	li a2, 0x513
	or a1, a1, a2
	sw a1, 0(s0)
	fence.i
	call patch
	bne a0, s1, 9f
	addi s1, s1, 1
	bne s1, s2, 1b
	/* code that was never run before */
	CASE
	la a3, empty
	li a1, 0x00008067
	sw a1, 0(a3)
	fence.i
	jalr a3
TEST_END
9:	j fail
	.option norvc
	.balign 4
patch:	addi a0, x0, 111
	ret
	.data
	.balign 4
empty:	.word 0
