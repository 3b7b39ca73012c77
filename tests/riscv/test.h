/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * What every test program of the hart begins and ends with.
 *
 * A program runs in machine mode at 0x80000000. gp holds the number of the test case: the
 * source line, or the row of a table. To end, it writes to `tohost`: 1 if all was well,
 * otherwise (gp << 1) | 1.
 *
 * A trap is a failure, unless EXPECT_TRAP() has said where to go on; then a4, a5 and a6
 * hold mcause, mtval and mepc. Besides the handler uses only t6.
 */
#ifndef TEST_H
#define TEST_H

#define TEST_BEGIN		\
	.text;			\
	.globl _start;		\
_start:				\
	la t6, trap;		\
	csrw mtvec, t6;		\
	csrw mscratch, x0;	\
	li t6, 0x2000;		\
	csrs mstatus, t6;	\
	csrwi fcsr, 0;		\
	li gp, 0

/* Whoever gets here has passed: with no test case the word is 1. */
#define TEST_END		\
	li gp, 0;		\
	j fail;			\
	.balign 4;		\
trap:				\
	csrr t6, mscratch;	\
	beqz t6, fail;		\
	csrr a4, mcause;	\
	csrr a5, mtval;		\
	csrr a6, mepc;		\
	csrw mepc, t6;		\
	csrw mscratch, x0;	\
	mret;			\
fail:				\
	slli gp, gp, 1;		\
	ori gp, gp, 1;		\
	la t6, tohost;		\
1:	sd gp, 0(t6);		\
	j 1b;			\
	.section .tohost, "aw", @progbits;	\
	.balign 64;		\
	.globl tohost, fromhost;	\
tohost:	.dword 0;		\
	.size tohost, 8;	\
	.balign 64;		\
fromhost: .dword 0;		\
	.size fromhost, 8;	\
	.previous

/* A test case begins. */
#define CASE			li gp, __LINE__

/* Fail unless a register holds a value. */
#define CHECK(reg, value)	li t6, value; beq reg, t6, 1f; j fail; 1:

/* The next trap goes on at a label. */
#define EXPECT_TRAP(label)	la t6, label; csrw mscratch, t6

/* An instruction that must trap: with cause and mtval. */
#define TRAPS(cause, tval, ...)	\
	CASE;			\
	EXPECT_TRAP(3f);	\
	la a6, 2f;		\
	mv s11, a6;		\
	li a4, -1;		\
2:	__VA_ARGS__;		\
	j fail;			\
3:	CHECK(a4, cause);	\
	beq a6, s11, 4f;	\
	j fail;			\
4:	li t6, tval;		\
	beq a5, t6, 5f;		\
	j fail;			\
5:

#endif /* TEST_H */
