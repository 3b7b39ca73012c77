/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * What portable programs do before anything else: they write registers that a hart may
 * not have, each with a trap vector behind it, enter their test with mret, and end it
 * with ecall.
 */
#include "test.h"

/* A write that either works or traps; a0 counts those that come out at all. */
#define TRY(csr, value)		\
	la t0, 1f;		\
	csrw mtvec, t0;		\
	li t1, value;		\
	csrw csr, t1;		\
	.balign 4;		\
1:	addi s0, s0, 1

TEST_BEGIN
	CASE
	li s0, 0
	TRY(0x744, 8)		/* mnstatus */
	TRY(satp, 0)
	TRY(pmpaddr0, -1)
	TRY(pmpcfg0, 0x1f)
	TRY(mie, 0)
	TRY(medeleg, 0)
	TRY(mideleg, 0)
	TRY(stvec, 0)
	CHECK(s0, 8)
	/* all of mstatus is cleared: there is no other mode to fall into, and no way to turn F off */
	CASE
	la t0, handler
	csrw mtvec, t0
	csrw mstatus, x0
	li t0, 0x6000
	csrs mstatus, t0
	csrw fcsr, x0
	csrw mstatus, x0
	la t0, body
	csrw mepc, t0
	csrr a0, mhartid
	mret
	j fail
body:	CHECK(a0, 0)
	csrr a1, mstatus
	fmv.d.x fa0, x0
	li a7, 93
	li a0, 0
	ecall
	j fail
	.balign 4
handler:
	csrr t5, mcause
	li t6, 11
	bne t5, t6, 9f
	CHECK(a7, 93)
	CHECK(a0, 0)
	/* the mode that the trap came from */
	csrr a1, mstatus
	srli a1, a1, 11
	andi a1, a1, 3
	CHECK(a1, 3)
TEST_END
9:	j fail
