/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright (C) 2026 The Egret authors */
/*
 * The card's access to system memory, from the threads of the chip model.
 */
#ifndef EGRET_QOM_DMA_H
#define EGRET_QOM_DMA_H

#include "qemu/queue.h"
#include "qemu/thread.h"
#include "hw/pci/pci_device.h"

typedef struct EgretDmaRequest EgretDmaRequest;

/**
 * struct EgretDma - one card's way to system memory
 * @dev: the PCI function, whose bus address space is used
 * @bh: bottom half of the main loop that serves @queue
 * @lock: protects @queue, @closed and the state of the requests; innermost
 * @served: signalled when a request has been served, or refused
 * @queue: requests that wait for @bh
 * @closed: requests are refused; see egret_dma_close()
 * @direct_bytes: bytes moved without the big lock; atomic
 * @relayed: accesses that went through @bh; written under the big lock
 */
typedef struct EgretDma {
	PCIDevice *dev;
	QEMUBH *bh;
	QemuMutex lock;
	QemuCond served;
	QSIMPLEQ_HEAD(, EgretDmaRequest) queue;
	bool closed;
	uint64_t direct_bytes;
	uint64_t relayed;
} EgretDma;

void egret_dma_init(EgretDma *dma, PCIDevice *dev);
void egret_dma_destroy(EgretDma *dma);
void egret_dma_open(EgretDma *dma);
void egret_dma_poll(EgretDma *dma);
void egret_dma_close(EgretDma *dma);
int egret_dma_read(EgretDma *dma, uint64_t addr, void *buf, size_t size);
int egret_dma_write(EgretDma *dma, uint64_t addr, const void *buf, size_t size);

#endif /* EGRET_QOM_DMA_H */
