// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Control and status registers of the hart: the part of RISC-V's machine mode that a
 * hart without interrupts, protection or other modes has, and egret/isa.h's.
 */
#include "hart.h"

#include "mmu.h"

enum {
	CSR_FFLAGS = 0x001,
	CSR_FRM = 0x002,
	CSR_FCSR = 0x003,
	CSR_SATP = 0x180,
	CSR_MSTATUS = 0x300,
	CSR_MISA = 0x301,
	CSR_MIE = 0x304,
	CSR_MTVEC = 0x305,
	CSR_MCOUNTINHIBIT = 0x320,
	CSR_MHPMEVENT3 = 0x323,
	CSR_MHPMEVENT31 = 0x33f,
	CSR_MSCRATCH = 0x340,
	CSR_MEPC = 0x341,
	CSR_MCAUSE = 0x342,
	CSR_MTVAL = 0x343,
	CSR_MIP = 0x344,
	CSR_TSELECT = 0x7a0,
	CSR_TDATA1 = 0x7a1,
	CSR_TDATA2 = 0x7a2,
	CSR_TDATA3 = 0x7a3,
	CSR_MCYCLE = 0xb00,
	CSR_MINSTRET = 0xb02,
	CSR_MHPMCOUNTER3 = 0xb03,
	CSR_MHPMCOUNTER31 = 0xb1f,
	CSR_CYCLE = 0xc00,
	CSR_TIME = 0xc01,
	CSR_INSTRET = 0xc02,
	CSR_MVENDORID = 0xf11,
	CSR_MARCHID = 0xf12,
	CSR_MIMPID = 0xf13,
	CSR_MHARTID = 0xf14,
	CSR_MCONFIGPTR = 0xf15,
};

#define EXTENSION(letter)	(UINT64_C(1) << ((letter) - 'A'))
#define MISA	(UINT64_C(2) << 62 | EXTENSION('A') | EXTENSION('C') | EXTENSION('D') | \
		 EXTENSION('F') | EXTENSION('I') | EXTENSION('M'))

#define MSTATUS_WRITABLE	UINT64_C(0x88)	/* MIE, MPIE */
/* MPP is machine mode, FS dirty, and so SD set. */
#define MSTATUS_FIXED		(UINT64_C(1) << 63 | UINT64_C(3) << 13 | UINT64_C(3) << 11)

#define FFLAGS_MASK	0x1f
#define FRM_MASK	0x7

static bool csr_read(const struct egret_hart *h, unsigned int csr, uint64_t *v)
{
	const struct egret_mem *mem = h->port->mmu->mem;

	switch (csr) {
	case CSR_FFLAGS:
		*v = h->fflags;
		break;
	case CSR_FRM:
		*v = h->frm;
		break;
	case CSR_FCSR:
		*v = h->frm << 5 | h->fflags;
		break;
	case CSR_MSTATUS:
		*v = h->mstatus | MSTATUS_FIXED;
		break;
	case CSR_MISA:
		*v = MISA;
		break;
	case CSR_MIE:
		*v = h->mie;
		break;
	case CSR_MTVEC:
		*v = h->mtvec;
		break;
	case CSR_MSCRATCH:
		*v = h->mscratch;
		break;
	case CSR_MEPC:
		*v = h->mepc;
		break;
	case CSR_MCAUSE:
		*v = h->mcause;
		break;
	case CSR_MTVAL:
		*v = h->mtval;
		break;
	case CSR_MCYCLE:
	case CSR_CYCLE:
		*v = h->now + h->mcycle_offset;
		break;
	case CSR_TIME:
		*v = h->time ? h->time(h->time_arg) : mem->ops.time_ns(mem->opaque);
		break;
	case CSR_MINSTRET:
	case CSR_INSTRET:
		/* the reading instruction itself is counted already */
		*v = h->instret - 1 + h->minstret_offset;
		break;
	case CSR_MHARTID:
	case EGRET_CSR_CLUSTER:
		*v = h->index;
		break;
	case CSR_SATP: /* start-up and clean-up code writes it in any mode */
	case CSR_MCOUNTINHIBIT:
	case CSR_MHPMEVENT3 ... CSR_MHPMEVENT31:
	case CSR_MHPMCOUNTER3 ... CSR_MHPMCOUNTER31:
	case CSR_TSELECT: /* debuggers look here for triggers: there are none */
	case CSR_TDATA1:
	case CSR_TDATA2:
	case CSR_TDATA3:
	case CSR_MIP:
	case CSR_MVENDORID:
	case CSR_MARCHID:
	case CSR_MIMPID:
	case CSR_MCONFIGPTR:
		*v = 0;
		break;
	case EGRET_CSR_GROUP_X:
	case EGRET_CSR_GROUP_Y:
	case EGRET_CSR_GROUP_Z:
		*v = h->id[csr - EGRET_CSR_GROUP_X];
		break;
	case EGRET_CSR_GRID_X:
	case EGRET_CSR_GRID_Y:
	case EGRET_CSR_GRID_Z:
		*v = h->grid[csr - EGRET_CSR_GRID_X];
		break;
	case EGRET_CSR_ARGS_SIZE:
		*v = h->args_size;
		break;
	case EGRET_CSR_COOKIE:
		*v = h->cookie;
		break;
	default:
		return false;
	}
	return true;
}

/* Bits that do not exist keep their value. */
static void csr_write(struct egret_hart *h, unsigned int csr, uint64_t v)
{
	switch (csr) {
	case CSR_FFLAGS:
		h->fflags = v & FFLAGS_MASK;
		break;
	case CSR_FRM:
		h->frm = v & FRM_MASK;
		break;
	case CSR_FCSR:
		h->fflags = v & FFLAGS_MASK;
		h->frm = v >> 5 & FRM_MASK;
		break;
	case CSR_MSTATUS:
		h->mstatus = v & MSTATUS_WRITABLE;
		break;
	case CSR_MIE:
		h->mie = v & 0x888; /* can be set, but nothing ever interrupts */
		break;
	case CSR_MTVEC:
		h->mtvec = v & ~UINT64_C(3); /* direct mode only */
		break;
	case CSR_MSCRATCH:
		h->mscratch = v;
		break;
	case CSR_MEPC:
		h->mepc = v & ~UINT64_C(1);
		break;
	case CSR_MCAUSE:
		h->mcause = v;
		break;
	case CSR_MTVAL:
		h->mtval = v;
		break;
	case CSR_MCYCLE:
		h->mcycle_offset = v - h->now;
		break;
	case CSR_MINSTRET:
		h->minstret_offset = v - h->instret;
		break;
	default:
		break;
	}
}

/* False: the register does not exist, or is read-only: an illegal instruction. */
bool hart_csr(struct egret_hart *h, unsigned int csr, enum hart_csr_op op, bool write,
	      uint64_t operand, uint64_t *old)
{
	bool read_only = csr >> 10 == 3;
	uint64_t v;

	if (!csr_read(h, csr, &v) || (write && read_only))
		return false;
	*old = v;
	if (!write)
		return true;
	switch (op) {
	case CSR_WRITE:
		v = operand;
		break;
	case CSR_SET:
		v |= operand;
		break;
	case CSR_CLEAR:
		v &= ~operand;
		break;
	}
	csr_write(h, csr, v);
	return true;
}
