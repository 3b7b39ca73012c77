/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * Queue faults: what the fault registers of a queue can say.
 *
 * Specification: Documentation/hardware/faults.rst, whose table of codes is
 * made from the comments below.
 */
#ifndef EGRET_FAULT_H
#define EGRET_FAULT_H

enum egret_fault_code {
	EGRET_FAULT_NONE		= 0x00,	/* no fault */
	EGRET_FAULT_RING		= 0x01,	/* the tail written to the doorbell is behind the head, or more than a ring ahead of it; ADDR holds the tail */
	EGRET_FAULT_PKT_OPCODE		= 0x02,	/* unknown packet opcode, or one that the queue's type does not take; VALUE holds the header */
	EGRET_FAULT_PKT_RESERVED	= 0x03,	/* a reserved bit of a packet is set; ADDR holds the offset of the 32-bit word in the packet, VALUE the word */
	EGRET_FAULT_PKT_FIELD		= 0x04,	/* a field of a packet is out of range; ADDR holds its offset in the packet, VALUE the low 32 bits of the field */
	EGRET_FAULT_CALL_DEPTH		= 0x05,	/* CALL nested deeper than EGRET_CALL_DEPTH_MAX */
	EGRET_FAULT_MMU_UNMAPPED	= 0x10,	/* no valid translation; ADDR holds the virtual address */
	EGRET_FAULT_MMU_PERMISSION	= 0x11,	/* the page does not permit the access; ADDR holds the virtual address */
	EGRET_FAULT_MMU_TABLE		= 0x12,	/* malformed page table entry, or a table outside memory; ADDR holds the virtual address */
	EGRET_FAULT_BUS			= 0x13,	/* memory did not answer (outside device memory, or a PCIe error); ADDR holds the virtual address */
	EGRET_FAULT_ECC			= 0x14,	/* uncorrectable memory error; ADDR holds the virtual address */
	EGRET_FAULT_INSN_ILLEGAL	= 0x20,	/* illegal instruction; VALUE holds the instruction word */
	EGRET_FAULT_MISALIGNED		= 0x21,	/* misaligned jump target, descriptor or atomic; ADDR holds the address */
	EGRET_FAULT_LOCAL		= 0x22,	/* access inside the local aperture but outside scratchpad; ADDR holds the address */
	EGRET_FAULT_ABORT		= 0x23,	/* the kernel gave up (ebreak, ecall); VALUE holds a0 */
	EGRET_FAULT_DESC_RESERVED	= 0x30,	/* a reserved field of a tile or DMA descriptor is not zero; ADDR holds its offset */
	EGRET_FAULT_DESC_FIELD		= 0x31,	/* a field of a descriptor is out of range; ADDR holds its offset, VALUE its low 32 bits */
	EGRET_FAULT_DESC_RANGE		= 0x32,	/* an operand reaches outside scratchpad; ADDR holds the offset of the operand's field, VALUE the first local address that is outside */
	EGRET_FAULT_DESC_TYPE		= 0x33,	/* data types that the operation does not take together; VALUE holds them, one byte each: out, a, b, c from low to high */
	EGRET_FAULT_HUNG		= 0x40,	/* no progress within the watchdog's limit */
};

/* Fields of EGRET_Q_FAULT_INFO. */
#define EGRET_FAULT_INFO_UNIT_MASK	0x0000000f	/* enum egret_fault_unit */
#define EGRET_FAULT_INFO_INDEX_MASK	0x00000ff0	/* which cluster; 0 for other units, copy engines included */
#define EGRET_FAULT_INFO_ACCESS_MASK	0x00003000	/* enum egret_fault_access */
#define EGRET_FAULT_INFO_LEVEL_MASK	0x00070000	/* page table level at which the walk ended: 3 is the root, 0 the last */

enum egret_fault_unit {
	EGRET_UNIT_CP			= 0,	/* command processor: ring, packets, fences */
	EGRET_UNIT_COPY			= 1,	/* copy engine: COPY, FILL */
	EGRET_UNIT_HART			= 2,	/* fetch, load or store of a hart */
	EGRET_UNIT_DMA			= 3,	/* DMA unit of a cluster */
	EGRET_UNIT_TILE			= 4,	/* tile engine of a cluster */
};

enum egret_fault_access {
	EGRET_ACCESS_READ		= 0,	/* load, or read by a packet */
	EGRET_ACCESS_WRITE		= 1,	/* store, atomic, or write by a packet */
	EGRET_ACCESS_EXEC		= 2,	/* instruction fetch */
};

#define EGRET_FAULT_GRACE	(1ull << 26)	/* core cycles that a workgroup may have run to be waited for after a fault */

#endif /* EGRET_FAULT_H */
