/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * What riscv-arch-test wants to know of a machine, for egret-sim --riscv-test: a bare hart
 * in machine mode, which ends by `tohost` and has no interrupts to set.
 */
#ifndef EGRET_MODEL_TEST_H
#define EGRET_MODEL_TEST_H

#define RVMODEL_DATA_SECTION			\
	.pushsection .tohost, "aw", @progbits;	\
	.balign 64;				\
	.globl tohost, fromhost;		\
tohost:	.dword 0;				\
	.size tohost, 8;			\
	.balign 64;				\
fromhost: .dword 0;				\
	.size fromhost, 8;			\
	.popsection

#define RVMODEL_BOOT

#define RVMODEL_HALT				\
	li x1, 1;				\
	la x5, tohost;				\
1:	sd x1, 0(x5);				\
	j 1b

/* The signature, which --signature writes. */
#define RVMODEL_DATA_BEGIN			\
	RVMODEL_DATA_SECTION;			\
	.balign 16;				\
	.globl begin_signature;			\
begin_signature:

#define RVMODEL_DATA_END			\
	.balign 16;				\
	.globl end_signature;			\
end_signature:

#define RVMODEL_IO_INIT
#define RVMODEL_IO_WRITE_STR(reg, text)
#define RVMODEL_IO_CHECK()
#define RVMODEL_IO_ASSERT_GPR_EQ(stack, reg, value)
#define RVMODEL_IO_ASSERT_SFPR_EQ(freg, reg, value)
#define RVMODEL_IO_ASSERT_DFPR_EQ(freg, reg, value)

#define RVMODEL_SET_MSW_INT
#define RVMODEL_CLEAR_MSW_INT
#define RVMODEL_CLEAR_MTIMER_INT
#define RVMODEL_CLEAR_MEXT_INT

#endif /* EGRET_MODEL_TEST_H */
