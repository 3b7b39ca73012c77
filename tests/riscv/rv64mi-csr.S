/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* The CSR instructions, and the registers of machine mode that this hart has. */
#include "test.h"

TEST_BEGIN
	/* read, write, set, clear; the old value comes back */
	CASE
	li a1, 0x123456789abcdef0
	csrw mepc, a1
	csrr a0, mepc
	CHECK(a0, 0x123456789abcdef0)
	li a1, 0xf
	csrrs a0, mepc, a1
	CHECK(a0, 0x123456789abcdef0)
	csrrc a0, mepc, a1
	CHECK(a0, 0x123456789abcdefe)
	csrrw a0, mepc, x0
	CHECK(a0, 0x123456789abcdef0)
	csrr a0, mepc
	CHECK(a0, 0)
	/* source and destination in one register */
	CASE
	li a0, 0x10
	csrrw a0, mtval, a0
	li a0, 0x20
	csrrw a0, mtval, a0
	CHECK(a0, 0x10)
	li a0, 3
	csrrs a0, mtval, a0
	CHECK(a0, 0x20)
	csrrc a0, mtval, a0
	CHECK(a0, 0x23)
	csrr a0, mtval
	CHECK(a0, 3)
	/* immediates */
	CASE
	csrrwi a0, mtval, 31
	csrrsi a0, mtval, 0
	CHECK(a0, 31)
	csrrci a0, mtval, 9
	CHECK(a0, 31)
	csrrsi a0, mtval, 1
	CHECK(a0, 22)
	csrrwi x0, mtval, 0
	csrr a0, mtval
	CHECK(a0, 0)
	/* every bit of mscratch; mepc is even; mcause holds what is written */
	CASE
	li a1, -1
	csrw mscratch, a1
	csrrw a0, mscratch, x0
	CHECK(a0, -1)
	csrw mepc, a1
	csrr a0, mepc
	CHECK(a0, -2)
	li a1, 7
	csrw mcause, a1
	csrr a0, mcause
	CHECK(a0, 7)
	/* there are no triggers, and to look for them is no mistake */
	CASE
	li a1, -1
	csrw 0x7a0, a1
	csrr a0, 0x7a0
	CHECK(a0, 0)
	csrw 0x7a1, a1
	csrr a0, 0x7a1
	CHECK(a0, 0)
	csrw 0x7a2, a1
	csrr a0, 0x7a2
	CHECK(a0, 0)
	/* no translation of RISC-V's kind, no further counters: all of them stay 0 */
	CASE
	li a1, -1
	.irp csr, 0x180, 0x320, 0x323, 0x33f, 0xb03, 0xb1f
	csrw \csr, a1
	csrr a0, \csr
	CHECK(a0, 0)
	.endr
	/* the instruction after the write reads what was written */
	CASE
	csrwi minstret, 0
	csrr a0, minstret
	CHECK(a0, 0)
	/* fcsr and its parts */
	CASE
	li a1, -1
	csrw fcsr, a1
	csrr a0, fcsr
	CHECK(a0, 0xff)
	frflags a0
	CHECK(a0, 0x1f)
	frrm a0
	CHECK(a0, 7)
	fsrmi a0, 2
	CHECK(a0, 7)
	fsflagsi a0, 5
	CHECK(a0, 0x1f)
	frcsr a0
	CHECK(a0, 0x45)
	fscsr a0, x0
	CHECK(a0, 0x45)
	frcsr a0
	CHECK(a0, 0)
	/* what the hart is: RV64 with A, C, D, F, I, M at least */
	CASE
	csrr a0, misa
	srli a1, a0, 62
	CHECK(a1, 2)
	li a1, 0x112d
	and a1, a1, a0
	CHECK(a1, 0x112d)
	csrr a0, mhartid
	CHECK(a0, 0)
	csrr a0, mip
	CHECK(a0, 0)
	csrr a0, mvendorid
	csrr a0, marchid
	csrr a0, mimpid
	csrw mie, x0
	csrr a0, mie
	CHECK(a0, 0)
	/* the counters go on, and can be written */
	CASE
	csrr a0, instret
	nop
	nop
	csrr a1, instret
	sub a1, a1, a0
	CHECK(a1, 3)
	csrr a0, cycle
	csrr a1, cycle
	bleu a1, a0, 9f
	csrr a0, time
	csrr a1, time
	bltu a1, a0, 9f
	csrw minstret, x0
	csrr a0, minstret
	CHECK(a0, 0)
	li a1, 1000
	csrw mcycle, a1
	csrr a0, mcycle
	bltu a0, a1, 9f
	li a1, 2000
	bgeu a0, a1, 9f
	/* read-only registers: reading with a write of nothing is fine, writing is not */
	CASE
	csrrs a0, cycle, x0
	csrrci a0, instret, 0
	TRAPS(2, 0xc0001073, .word 0xc0001073)	/* csrw cycle, x0 */
	TRAPS(2, 0xc0056073, csrsi cycle, 10)
	TRAPS(2, 0xf1409073, csrw mhartid, ra)
	/* registers that do not exist: other modes', and numbers of nobody */
	TRAPS(2, 0x10002573, csrr a0, sstatus)
	TRAPS(2, 0x30202573, csrr a0, medeleg)
	TRAPS(2, 0x3a001073, csrw pmpcfg0, x0)
	TRAPS(2, 0x8ff02573, csrr a0, 0x8ff)
	TRAPS(2, 0x5c001073, csrw 0x5c0, x0)
TEST_END
9:	j fail
