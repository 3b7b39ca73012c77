/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * What a compute hart adds to RV64: the local aperture, CSRs, the calling
 * convention of a kernel, and the custom instructions.
 *
 * This header is also included by assembly.
 *
 * A kernel is an ordinary function with the standard calling convention. The
 * hardware starts a workgroup with
 *
 *   pc = entry of the DISPATCH packet      ra = EGRET_LOCAL_EXIT
 *   sp = EGRET_LOCAL_ARGS                  a0 = EGRET_LOCAL_ARGS
 *   a1, a2, a3 = workgroup's x, y, z       all other registers and fcsr zero
 *
 * and a copy of the arguments at EGRET_LOCAL_ARGS; returning (a jump to
 * EGRET_LOCAL_EXIT) waits for all outstanding tags and ends the workgroup. The
 * stack grows down from the arguments into scratchpad, which the kernel uses
 * upwards from its base. Contents of scratchpad at the start are undefined, but
 * never another context's.
 *
 * Specification: Documentation/hardware/isa.rst
 */
#ifndef EGRET_ISA_H
#define EGRET_ISA_H

/* ---- Local aperture: addresses below EGRET_VA_MIN ---------------------- */

#define EGRET_LOCAL_EXIT		0x00001000	/* a jump here ends the workgroup */
#define EGRET_LOCAL_SCRATCH		0x00100000	/* scratchpad */
#define EGRET_SCRATCH_SIZE		0x00100000	/* 1 MiB */
#define EGRET_LOCAL_SCRATCH_END		0x00200000	/* first address behind it */
#define EGRET_LOCAL_ARGS		0x001ff000	/* arguments, 4 KiB at the end of scratchpad */
#define EGRET_STACK_SIZE		0x00003000	/* what kernels leave for the stack, by convention: 12 KiB */
#define EGRET_LOCAL_STACK_LIMIT		0x001fc000	/* lowest address of the stack, by convention */

/* ---- CSRs, read only ------------------------------------------------------ */

#define EGRET_CSR_GROUP_X		0xfc0	/* the workgroup's coordinates */
#define EGRET_CSR_GROUP_Y		0xfc1	/* y */
#define EGRET_CSR_GROUP_Z		0xfc2	/* z */
#define EGRET_CSR_GRID_X		0xfc3	/* the grid's sizes */
#define EGRET_CSR_GRID_Y		0xfc4	/* y */
#define EGRET_CSR_GRID_Z		0xfc5	/* z */
#define EGRET_CSR_CLUSTER		0xfc6	/* number of the cluster */
#define EGRET_CSR_ARGS_SIZE		0xfc7	/* bytes of arguments */
#define EGRET_CSR_COOKIE		0xfc8	/* cookie of the DISPATCH packet */

/* ---- Custom instructions ---------------------------------------------------- */
/*
 * R-type, opcode custom-0, funct7 zero. An operation takes the local address of
 * its descriptor in rs1, a multiple of 16, and a tag, 0 to 31, in rs2; rd is x0.
 * It reads the whole descriptor when it is issued, checks it (a bad one faults
 * at once), and completes later: DMA operations in any order, tile operations
 * in the order of issue, the two units beside each other and beside the hart.
 * Memory that an outstanding operation reads must not be written, and memory
 * that it writes must not be accessed, until WAIT has returned for its tag;
 * between two tile operations no WAIT is needed.
 */
#define EGRET_INSN_OPCODE		0x0b	/* custom-0 */

#define EGRET_FUNCT3_DMA		0	/* struct egret_dma_desc */
#define EGRET_FUNCT3_MATMUL		1	/* struct egret_matmul_desc */
#define EGRET_FUNCT3_MAP		2	/* struct egret_map_desc */
#define EGRET_FUNCT3_REDUCE		3	/* struct egret_reduce_desc */
#define EGRET_FUNCT3_QUANT		4	/* struct egret_quant_desc */
#define EGRET_FUNCT3_WAIT		6	/* waits until no operation whose tag is in the mask rs1 is outstanding; rs2, rd are x0 */
#define EGRET_FUNCT3_POLL		7	/* rd = mask of the tags with outstanding operations; rs1, rs2 are x0 */

#define EGRET_TAGS			32	/* number of tags */
#define EGRET_DESC_ALIGN		16	/* alignment of descriptors */

#endif /* EGRET_ISA_H */
