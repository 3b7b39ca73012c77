/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* lb, lh, lw, ld, lbu, lhu, lwu: extension, offsets of both signs, every alignment. */
#include "test.h"

#define LOAD(insn, offset, expected)	\
	CASE; la a1, middle; insn a0, offset(a1); CHECK(a0, expected); \
	la a0, middle; insn a0, offset(a0); CHECK(a0, expected)

TEST_BEGIN
	LOAD(lb, 0, 0x08)
	LOAD(lb, -1, 0xffffffffffffff87)
	LOAD(lbu, -1, 0x87)
	LOAD(lh, -2, 0xffffffffffff8796)
	LOAD(lhu, -2, 0x8796)
	LOAD(lh, 0, 0xffffffffffff9008)
	LOAD(lw, -4, 0xffffffff8796a5b4)
	LOAD(lwu, -4, 0x8796a5b4)
	LOAD(lw, 4, 0x7c6d5e4f)
	LOAD(ld, -8, 0x8796a5b4c3d2e1f0)
	LOAD(ld, 0, 0x7c6d5e4f12349008)
	/* misaligned: every offset within a double word */
	LOAD(lh, -1, 0x0887)
	LOAD(lhu, -3, 0x96a5)
	LOAD(lh, -3, 0xffffffffffff96a5)
	LOAD(lw, -1, 0x34900887)
	LOAD(lw, -2, 0xffffffff90088796)
	LOAD(lwu, -2, 0x90088796)
	LOAD(lw, -3, 0x088796a5)
	LOAD(ld, -1, 0x6d5e4f1234900887)
	LOAD(ld, -2, 0x5e4f123490088796)
	LOAD(ld, -3, 0x4f123490088796a5)
	LOAD(ld, -4, 0x123490088796a5b4)
	LOAD(ld, -5, 0x3490088796a5b4c3)
	LOAD(ld, -6, 0x90088796a5b4c3d2)
	LOAD(ld, -7, 0x088796a5b4c3d2e1)
	/* across a page */
	CASE
	la a1, page
	ld a0, -4(a1)
	CHECK(a0, 0x1122334455667788)
	lw a0, -2(a1)
	CHECK(a0, 0x33445566)
	lhu a0, -1(a1)
	CHECK(a0, 0x4455)
	/* the largest offsets */
	CASE
	la a1, middle + 2048
	ld a0, -2048(a1)
	CHECK(a0, 0x7c6d5e4f12349008)
	la a1, middle - 2047
	lb a0, 2047(a1)
	CHECK(a0, 8)
	/* to x0: nothing happens, but it is a load */
	CASE
	la a1, middle
	ld x0, 0(a1)
	CHECK(x0, 0)
TEST_END
	.data
	.balign 8
	.dword 0x8796a5b4c3d2e1f0
middle:	.dword 0x7c6d5e4f12349008
	.balign 4096
	.skip 4092
	.word 0x55667788
page:	.word 0x11223344
