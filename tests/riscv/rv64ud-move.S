/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* fld, fsd, fmv.x.d, fmv.d.x. */
#include "test.h"

TEST_BEGIN
	la s0, data
	CASE
	fld fa0, 0(s0)
	fmv.x.d a0, fa0
	CHECK(a0, 0x3ff0000000000000)
	fld fa1, 5(s0)
	fmv.x.d a0, fa1
	CHECK(a0, 0x00000001013ff000)
	fsd fa0, 11(s0)
	ld a0, 11(s0)
	CHECK(a0, 0x3ff0000000000000)
	/* a signalling number goes through unchanged */
	CASE
	fsflags x0
	li a1, 0x7ff0000000000001
	fmv.d.x fs11, a1
	fsd fs11, 16(s0)
	fld ft11, 16(s0)
	fmv.x.d a0, ft11
	CHECK(a0, 0x7ff0000000000001)
	frflags a0
	CHECK(a0, 0)
	/* across a page */
	CASE
	la a1, page
	fsd fs11, -3(a1)
	fld fa0, -3(a1)
	fmv.x.d a0, fa0
	CHECK(a0, 0x7ff0000000000001)
	/* a binary64 is not a boxed binary32 */
	CASE
	fld fa0, 0(s0)
	fadd.s fa1, fa0, fa0
	fmv.x.d a0, fa1
	CHECK(a0, 0xffffffff7fc00000)
TEST_END
	.data
	.balign 8
data:	.dword 0x3ff0000000000000, 0x0000000000000001 | 0x100, 0, 0
	.balign 4096
	.skip 4096
page:	.dword 0
