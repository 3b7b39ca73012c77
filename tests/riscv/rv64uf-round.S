/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* Rounding modes in the instruction and in fcsr, illegal ones, and flags that stay. */
#include "test.h"

/* 1 / 3 and -1 / 3 in the instruction's own mode, whatever fcsr says */
#define THIRD(mode, positive, negative)	\
	CASE; fsrmi x0, 4; fdiv.s fa3, fa0, fa2, mode; fmv.x.w a0, fa3; CHECK(a0, positive); \
	fdiv.s fa3, fa1, fa2, mode; fmv.x.w a0, fa3; CHECK(a0, negative); \
	fsrmi x0, 0

TEST_BEGIN
	li a0, 0x3f800000
	fmv.w.x fa0, a0
	li a0, 0xbf800000
	fmv.w.x fa1, a0
	li a0, 0x40400000
	fmv.w.x fa2, a0
	THIRD(rne, 0x3eaaaaab, 0xffffffffbeaaaaab)
	THIRD(rtz, 0x3eaaaaaa, 0xffffffffbeaaaaaa)
	THIRD(rdn, 0x3eaaaaaa, 0xffffffffbeaaaaab)
	THIRD(rup, 0x3eaaaaab, 0xffffffffbeaaaaaa)
	THIRD(rmm, 0x3eaaaaab, 0xffffffffbeaaaaab)
	/* ties: 2^24 + 1 */
	CASE
	li a1, 0x1000001
	fcvt.s.w fa3, a1, rne
	fmv.x.w a0, fa3
	CHECK(a0, 0x4b800000)
	fcvt.s.w fa3, a1, rmm
	fmv.x.w a0, fa3
	CHECK(a0, 0x4b800001)
	fcvt.s.w fa3, a1, rup
	fmv.x.w a0, fa3
	CHECK(a0, 0x4b800001)
	/* flags add up until they are cleared */
	CASE
	fsflags x0
	fdiv.s fa3, fa0, fa2
	frflags a0
	CHECK(a0, 1)
	fmv.w.x fa4, x0
	fdiv.s fa3, fa0, fa4
	frflags a0
	CHECK(a0, 9)
	fadd.s fa3, fa0, fa0
	frflags a0
	CHECK(a0, 9)
	fdiv.s fa3, fa4, fa4
	frflags a0
	CHECK(a0, 0x19)
	fsflags x0
	/* modes 5 and 6 do not exist in an instruction */
	TRAPS(2, 0x00b556d3, .word 0x00b556d3)
	TRAPS(2, 0x00b566d3, .word 0x00b566d3)
	TRAPS(2, 0xc0055553, .word 0xc0055553)
	TRAPS(2, 0x60b5e543, .word 0x60b5e543)
	/* nor in fcsr: illegal once an instruction asks for it, and only then */
	CASE
	fsrmi x0, 5
	fadd.s fa3, fa0, fa0, rne
	fmin.s fa3, fa0, fa0
	fsgnj.s fa3, fa0, fa0
	TRAPS(2, 0x00b576d3, .word 0x00b576d3)	/* fadd.s fa3, fa0, fa1, dyn */
	CASE
	fsrmi x0, 7
	TRAPS(2, 0x00b576d3, .word 0x00b576d3)
	fsrmi x0, 0
	/* encodings that floating point does not have */
	TRAPS(2, 0x04b50553, .word 0x04b50553)	/* binary16 */
	TRAPS(2, 0x58150553, .word 0x58150553)	/* fsqrt.s with a second source */
	TRAPS(2, 0x20b53553, .word 0x20b53553)	/* fsgnj of no kind */
	TRAPS(2, 0x00001007, .word 0x00001007)	/* flh */
TEST_END
