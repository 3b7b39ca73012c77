/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * Egret-1 as a PCI Express function: identity, BARs, MSI-X vectors.
 *
 * Specification: Documentation/hardware/pci.rst
 */
#ifndef EGRET_PCI_H
#define EGRET_PCI_H

/* Placeholder identity: not assigned by the PCI-SIG. */
#define EGRET_PCI_VENDOR_ID		0x1234	/* vendor, and subsystem vendor */
#define EGRET_PCI_DEVICE_ID		0xe6e7	/* device */
#define EGRET_PCI_SUBSYSTEM_ID		0x0001	/* subsystem: the first board */
#define EGRET_PCI_REVISION		0x01	/* revision */
#define EGRET_PCI_CLASS			0x1200	/* processing accelerator */

#define EGRET_BAR_REGS			0	/* registers, MSI-X table and PBA */
#define EGRET_BAR_VRAM			2	/* device memory, 64-bit prefetchable */
#define EGRET_BAR_DOORBELL		4	/* one 4 KiB page for each queue */

#define EGRET_BAR_REGS_SIZE		0x80000	/* bytes of BAR0 */
#define EGRET_DOORBELL_STRIDE		0x1000	/* bytes from a queue's page to the next */
#define EGRET_BAR_DOORBELL_SIZE		(EGRET_MAX_QUEUES * EGRET_DOORBELL_STRIDE)	/* bytes of BAR4 */

#define EGRET_MAX_QUEUES		1024	/* most queues that a chip may have */
#define EGRET_MAX_CONTEXTS		1024	/* most contexts */
#define EGRET_MAX_CLUSTERS		16	/* most clusters */
#define EGRET_MAX_COPY_ENGINES		16	/* most copy engines */

#define EGRET_MSIX_VECTORS		32	/* number of vectors */
#define EGRET_MSIX_TABLE_OFFSET		0x10000	/* of the table in BAR0 */
#define EGRET_MSIX_PBA_OFFSET		0x11000	/* of the pending bits in BAR0 */

/* What each MSI-X vector is for. A queue names its own vector (EGRET_Q_CONFIG). */
#define EGRET_VECTOR_MANAGEMENT		0	/* causes in EGRET_REG_IRQ_STATUS */
#define EGRET_VECTOR_FAULT		1	/* queues in EGRET_REG_FAULT_PENDING */
#define EGRET_VECTOR_QUEUE_FIRST	2	/* first vector that queues may name */
#define EGRET_VECTOR_QUEUE_LAST		(EGRET_MSIX_VECTORS - 1)	/* last one */

/* Words of a queue's doorbell page in BAR4. */
#define EGRET_DOORBELL_TAIL		0x00	/* rw u64: packets produced */
#define EGRET_DOORBELL_HEAD		0x08	/* ro u64: packets consumed */

#endif /* EGRET_PCI_H */
