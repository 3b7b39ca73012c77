/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * A cluster on a test bench: no queues, no threads, only memory, a port and the cluster.
 *
 * Device memory is mapped at RIG_VRAM_VA and system memory at RIG_SYS_VA, both readable,
 * writable and executable, in context 1. In context 2 nothing is mapped.
 */
#ifndef TEST_RIG_H
#define TEST_RIG_H

#include <stddef.h>
#include <stdint.h>

#include <egret/isa.h>
#include <egret/tile.h>

#include "cluster.h"
#include "mmu.h"

#define RIG_VRAM_VA	UINT64_C(0x100000000)
#define RIG_VRAM_SIZE	(8u << 20)	/* mapped; page tables lie beyond */
#define RIG_SYS_VA	UINT64_C(0x200000000)
#define RIG_SYS_SIZE	(2u << 20)
#define RIG_CODE_VA	(RIG_VRAM_VA + (4u << 20))
#define RIG_CONTEXT	1

struct rig {
	struct egret_mem mem;
	struct egret_mmu mmu;
	struct egret_port port;
	struct egret_cluster *cl;
	uint8_t *vram;
	uint8_t *sys;
	uint8_t *scratch;
	void (*on_sys_read)(struct rig *r);	/* called before each; may be NULL */
};

struct rig *rig_new(void);
void rig_free(struct rig *r);

/** rig_leaf() - the page table entry that maps the first 2 MiB of device memory */
uint64_t *rig_leaf(struct rig *r);

/** rig_begin() - load a workgroup that starts at @entry, with all of it 1 x 1 x 1 */
void rig_begin(struct rig *r, uint64_t entry, const void *args, uint32_t args_size);
/** rig_run() - run it to its end */
enum egret_run rig_run(struct rig *r);
/** rig_code() - put instructions at RIG_CODE_VA, and forget what was decoded from there */
void rig_code(struct rig *r, const uint32_t *insns, size_t count);
/** rig_run_code() - the three in one */
enum egret_run rig_run_code(struct rig *r, const uint32_t *insns, size_t count);

/* The kernel: issue one custom instruction with the descriptor at RIG_DESC, wait, and end. */
#define RIG_DESC	(EGRET_LOCAL_SCRATCH + 0xfa000)
/** rig_operation() - run one operation through a kernel */
enum egret_run rig_operation(struct rig *r, unsigned int funct3, const void *desc, size_t size);

/* ---- A tiny assembler ---------------------------------------------------- */

enum { ZERO, RA, SP, GP, TP, T0, T1, T2, S0, S1, A0, A1, A2, A3, A4, A5, A6, A7 };	/* x0 to x17 */

static inline uint32_t insn_r(uint32_t match, int rd, int rs1, int rs2)
{
	return match | (uint32_t)rd << 7 | (uint32_t)rs1 << 15 | (uint32_t)rs2 << 20;
}

static inline uint32_t insn_i(uint32_t match, int rd, int rs1, int imm)
{
	return match | (uint32_t)rd << 7 | (uint32_t)rs1 << 15 | (uint32_t)imm << 20;
}

static inline uint32_t insn_s(uint32_t match, int rs1, int rs2, int imm)
{
	uint32_t u = (uint32_t)imm;

	return match | (uint32_t)rs1 << 15 | (uint32_t)rs2 << 20 | (u >> 5 & 0x7f) << 25 |
	       (u & 0x1f) << 7;
}

static inline uint32_t insn_b(uint32_t match, int rs1, int rs2, int offset)
{
	uint32_t u = (uint32_t)offset;

	return match | (uint32_t)rs1 << 15 | (uint32_t)rs2 << 20 | (u >> 12 & 1) << 31 |
	       (u >> 5 & 0x3f) << 25 | (u >> 1 & 0xf) << 8 | (u >> 11 & 1) << 7;
}

static inline uint32_t insn_j(int rd, int offset)
{
	uint32_t u = (uint32_t)offset;

	return 0x6f | (uint32_t)rd << 7 | (u >> 20 & 1) << 31 | (u >> 1 & 0x3ff) << 21 |
	       (u >> 11 & 1) << 20 | (u >> 12 & 0xff) << 12;
}

#define ADDI(rd, rs1, imm)	insn_i(0x13, rd, rs1, imm)
#define LUI(rd, imm20)		(0x37u | (uint32_t)(rd) << 7 | (uint32_t)(imm20) << 12)
#define SLLI(rd, rs1, n)	insn_i(0x1013, rd, rs1, n)
#define ADD(rd, rs1, rs2)	insn_r(0x33, rd, rs1, rs2)
#define LD(rd, rs1, imm)	insn_i(0x3003, rd, rs1, imm)
#define LW(rd, rs1, imm)	insn_i(0x2003, rd, rs1, imm)
#define SD(rs2, rs1, imm)	insn_s(0x3023, rs1, rs2, imm)
#define SW(rs2, rs1, imm)	insn_s(0x2023, rs1, rs2, imm)
#define RET			0x00008067u
#define EBREAK			0x00100073u
#define ISSUE(funct3, rs1, rs2)	insn_r(EGRET_INSN_OPCODE | (uint32_t)(funct3) << 12, 0, rs1, rs2)
#define WAIT(rs1)		insn_r(EGRET_INSN_OPCODE | EGRET_FUNCT3_WAIT << 12, 0, rs1, 0)
#define POLL(rd)		insn_r(EGRET_INSN_OPCODE | EGRET_FUNCT3_POLL << 12, rd, 0, 0)
#define CSRR(rd, csr)		insn_i(0x2073, rd, 0, csr)
#define CSRW(csr, rs1)		insn_i(0x1073, 0, rs1, csr)

/* ---- Random numbers that repeat ------------------------------------------- */

struct rig_random {
	uint64_t state;
};

uint64_t rig_random(struct rig_random *r);
static inline uint64_t rig_below(struct rig_random *r, uint64_t n)
{
	return rig_random(r) % n;
}

#endif /* TEST_RIG_H */
