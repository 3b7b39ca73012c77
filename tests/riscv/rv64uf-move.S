/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* flw, fsw, fmv.x.w, fmv.w.x: boxing of binary32 in 64-bit registers. */
#include "test.h"

TEST_BEGIN
	la s0, data
	CASE
	flw fa0, 0(s0)
	fmv.x.d a0, fa0
	CHECK(a0, 0xffffffff3f800000)
	flw fa1, 4(s0)
	fmv.x.w a0, fa1
	CHECK(a0, 0xffffffffbfc00000)
	fmv.x.w a0, fa0
	CHECK(a0, 0x3f800000)
	/* fsw and fmv.x.w take the low half of whatever is there */
	CASE
	li a1, 0x1122334489abcdef
	fmv.d.x fa2, a1
	fsw fa2, 8(s0)
	lwu a0, 8(s0)
	CHECK(a0, 0x89abcdef)
	lwu a0, 12(s0)
	CHECK(a0, 0x77777777)
	fmv.x.w a0, fa2
	CHECK(a0, 0xffffffff89abcdef)
	fmv.w.x fa3, a1
	fmv.x.d a0, fa3
	CHECK(a0, 0xffffffff89abcdef)
	/* bits of a signalling number go through unchanged, and raise nothing */
	CASE
	fsflags x0
	li a1, 0x7f800001
	fmv.w.x fa0, a1
	fsw fa0, 8(s0)
	flw fa1, 8(s0)
	fmv.x.w a0, fa1
	CHECK(a0, 0x7f800001)
	frflags a0
	CHECK(a0, 0)
	/* misaligned, and across a page */
	CASE
	flw fa0, 1(s0)
	fmv.x.w a0, fa0
	CHECK(a0, 0x003f8000)
	la a1, page
	fsw fa0, -2(a1)
	lhu a0, -2(a1)
	CHECK(a0, 0x8000)
	lhu a0, 0(a1)
	CHECK(a0, 0x003f)
	flw fa4, -2(a1)
	feq.s a0, fa4, fa0
	CHECK(a0, 1)
	/* all 32 registers are there */
	CASE
	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	li a0, \n * 0x01010101
	fmv.w.x f\n, a0
	.endr
	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	fmv.x.w a0, f\n
	CHECK(a0, \n * 0x01010101)
	.endr
TEST_END
	.data
	.balign 8
data:	.word 0x3f800000, 0xbfc00000, 0x77777777, 0x77777777
	.balign 4096
	.skip 4096
page:	.dword 0
