/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * Page tables of the device MMU.
 *
 * Four levels of 512 entries of 8 bytes translate 48-bit virtual addresses.
 * Level 3 is the root. An entry with none of read, write and execute points to
 * the next table; one with any of them is a leaf, at level 0 (4 KiB) or
 * level 1 (2 MiB). A set bit that the format does not name makes the entry
 * malformed (EGRET_FAULT_MMU_TABLE).
 *
 * The root register of a context (EGRET_REG_CONTEXT) has the format of an entry
 * that points to a table. Virtual addresses below EGRET_VA_MIN are the cluster's
 * local aperture (egret/isa.h) and are never translated.
 *
 * Specification: Documentation/hardware/mmu.rst
 */
#ifndef EGRET_MMU_H
#define EGRET_MMU_H

#define EGRET_PTE_VALID			0x0000000000000001ULL	/* the entry means something */
#define EGRET_PTE_READ			0x0000000000000002ULL	/* leaf: may be read */
#define EGRET_PTE_WRITE			0x0000000000000004ULL	/* leaf: may be written */
#define EGRET_PTE_EXEC			0x0000000000000008ULL	/* leaf: instructions may be fetched */
#define EGRET_PTE_SYSTEM		0x0000000000000010ULL	/* the address is a PCIe address, not a device memory offset */
#define EGRET_PTE_SUPERVISOR		0x0000000000000020ULL	/* leaf only: for packets in the ring of a supervisor queue, nobody else */
#define EGRET_PTE_CONTIG64K		0x0000000000000040ULL	/* level 0 leaf only: one of 16 aligned entries that map 64 KiB alike; a hint */
#define EGRET_PTE_ADDR_MASK		0x000ffffffffff000ULL	/* page or table, a multiple of 4096 */
#define EGRET_PTE_ACCESS_MASK		(EGRET_PTE_READ | EGRET_PTE_WRITE | EGRET_PTE_EXEC)	/* any of them set makes a leaf */
#define EGRET_PTE_DEFINED_MASK		0x000ffffffffff07fULL	/* all bits that have a meaning */

#define EGRET_MMU_LEVELS		4	/* levels of tables, 3 is the root */
#define EGRET_MMU_PAGE_SHIFT		12	/* log2 of a page's size */
#define EGRET_MMU_LARGE_SHIFT		21	/* log2 of a large page's size */
#define EGRET_MMU_LEVEL_BITS		9	/* address bits that a level translates */
#define EGRET_MMU_ENTRIES		512	/* entries of a table */
#define EGRET_MMU_LEVEL_SHIFT(level)	(EGRET_MMU_PAGE_SHIFT + EGRET_MMU_LEVEL_BITS * (level))	/* lowest address bit that a level translates */

#define EGRET_VA_BITS			48	/* bits of a virtual address */
#define EGRET_VA_MIN			0x0000000100000000ULL	/* 4 GiB: below is the local aperture */
#define EGRET_VA_END			0x0001000000000000ULL	/* first address that is none */

#endif /* EGRET_MMU_H */
