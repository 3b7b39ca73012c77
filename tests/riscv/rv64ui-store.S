/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* sb, sh, sw, sd: what is written, what beside it is not, every alignment. */
#include "test.h"

#define BEFORE	0xa5a5a5a5a5a5a5a5
#define VALUE	0xfedcba9876543210

/* Store VALUE at an offset from a cell of two double words. */
#define STORE(insn, offset, low, high)	\
	CASE; la a1, cell; li a2, BEFORE; sd a2, 0(a1); sd a2, 8(a1); \
	li a3, VALUE; insn a3, offset(a1); \
	ld a4, 0(a1); CHECK(a4, low); ld a4, 8(a1); CHECK(a4, high)

TEST_BEGIN
	STORE(sb, 0, 0xa5a5a5a5a5a5a510, BEFORE)
	STORE(sb, 7, 0x10a5a5a5a5a5a5a5, BEFORE)
	STORE(sb, 15, BEFORE, 0x10a5a5a5a5a5a5a5)
	STORE(sh, 0, 0xa5a5a5a5a5a53210, BEFORE)
	STORE(sh, 6, 0x3210a5a5a5a5a5a5, BEFORE)
	STORE(sh, 3, 0xa5a5a53210a5a5a5, BEFORE)
	STORE(sh, 7, 0x10a5a5a5a5a5a5a5, 0xa5a5a5a5a5a5a532)
	STORE(sw, 0, 0xa5a5a5a576543210, BEFORE)
	STORE(sw, 4, 0x76543210a5a5a5a5, BEFORE)
	STORE(sw, 1, 0xa5a5a576543210a5, BEFORE)
	STORE(sw, 5, 0x543210a5a5a5a5a5, 0xa5a5a5a5a5a5a576)
	STORE(sw, 6, 0x3210a5a5a5a5a5a5, 0xa5a5a5a5a5a57654)
	STORE(sd, 0, VALUE, BEFORE)
	STORE(sd, 8, BEFORE, VALUE)
	STORE(sd, 1, 0xdcba9876543210a5, 0xa5a5a5a5a5a5a5fe)
	STORE(sd, 4, 0x76543210a5a5a5a5, 0xa5a5a5a5fedcba98)
	STORE(sd, 7, 0x10a5a5a5a5a5a5a5, 0xa5fedcba98765432)
	/* across a page */
	CASE
	la a1, page
	li a2, VALUE
	sd a2, -3(a1)
	ld a3, -3(a1)
	CHECK(a3, VALUE)
	lbu a3, -3(a1)
	CHECK(a3, 0x10)
	lwu a3, 0(a1)
	CHECK(a3, 0xdcba9876)
	/* a negative offset, and the address from the register that is stored */
	CASE
	la a1, cell
	sd a1, 0(a1)
	ld a2, 0(a1)
	bne a1, a2, 9f
	addi a3, a1, 2047
	sb x0, -2047(a3)
	lbu a2, 0(a1)
	CHECK(a2, 0)
TEST_END
9:	j fail
	.data
	.balign 8
cell:	.dword 0, 0
	.balign 4096
	.skip 4096
page:	.skip 16
