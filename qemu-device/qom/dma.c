// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (C) 2026 The Egret authors
/*
 * The card's access to system memory, from the threads of the chip model.
 *
 * A thread of the model must never wait for QEMU's big lock. Resetting or
 * unplugging the card stops the model's threads and waits for them, and that
 * happens inside a configuration write or a hot-unplug, under the big lock, which
 * cannot be dropped there: the emulated host bridge is in the middle of an access.
 * QEMU's general memory functions do take the lock, in more places than meet the
 * eye: for every region that is not plain memory, and, should an IOMMU refuse a
 * translation, for the interrupt by which it reports that. So there are two roads:
 *
 * Direct. If the address leads to plain memory with no IOMMU in between, the
 * bytes are copied right here. A MemoryRegionCache says whether that is so: it
 * looks the address up in one snapshot of the memory map, holds on to what it
 * found, and translates nothing.
 *
 * Relayed. Otherwise the request is queued for a bottom half, which does the
 * access in the main loop, under the big lock, as any device without threads
 * would; the model's thread waits for it. Whoever holds the big lock and wants to
 * wait for the model closes the queue first: that refuses what waits and what
 * comes, so the thread goes on, its access failed as if nobody had answered.
 *
 * The card reaches memory and nothing but memory, device memory of other cards
 * included. Registers of other devices do not answer: that would make every
 * device model on the bus, in the middle of whatever it does, reachable by a
 * packet in a ring.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "exec/memory.h"
#include "hw/pci/pci_device.h"
#include "system/dma.h"

#include "qom/dma.h"
#include "trace-egret.h"

enum egret_dma_state {
	EGRET_DMA_WAITS,
	EGRET_DMA_DONE,
	EGRET_DMA_FAILED,
};

/* Lives on the stack of the thread that waits for it. */
struct EgretDmaRequest {
	uint64_t addr;
	void *buf;
	size_t size;
	DMADirection dir;
	enum egret_dma_state state;
	QSIMPLEQ_ENTRY(EgretDmaRequest) next;
};

static void egret_rcu_leave(gpointer unused)
{
	rcu_unregister_thread();
}

/*
 * The memory map is protected by RCU, which only waits for threads that it has
 * been told of. The model makes its own threads, so each of them is announced
 * when it first gets here and withdrawn when it ends.
 */
static void egret_rcu_enter(void)
{
	static GPrivate entered = G_PRIVATE_INIT(egret_rcu_leave);

	if (likely(g_private_get(&entered)))
		return;
	rcu_register_thread();
	g_private_set(&entered, &entered);
}

#define COPY_AT_ONCE(type)						\
	do {								\
		type value;						\
									\
		if (dir == DMA_DIRECTION_FROM_DEVICE) {			\
			memcpy(&value, buf, sizeof(value));		\
			qatomic_set((type *)memory, value);		\
		} else {						\
			value = qatomic_read((type *)memory);		\
			memcpy(buf, &value, sizeof(value));		\
		}							\
	} while (0)

/* Aligned words are read and written at once: rings and fences depend on it. */
static void egret_dma_copy(void *memory, void *buf, size_t size, DMADirection dir)
{
	bool aligned = !((uintptr_t)memory & (size - 1));

	if (size == 8 && aligned)
		COPY_AT_ONCE(uint64_t);
	else if (size == 4 && aligned)
		COPY_AT_ONCE(uint32_t);
	else if (size == 2 && aligned)
		COPY_AT_ONCE(uint16_t);
	else if (dir == DMA_DIRECTION_FROM_DEVICE)
		memcpy(memory, buf, size);
	else
		memcpy(buf, memory, size);
}

/* Return: how many bytes were copied; 0 if the address needs the other road */
static size_t egret_dma_direct(EgretDma *dma, uint64_t addr, void *buf,
			       size_t size, DMADirection dir)
{
	AddressSpace *as = pci_get_address_space(dma->dev);
	bool is_write = dir == DMA_DIRECTION_FROM_DEVICE;
	MemoryRegionCache cache;
	size_t done = 0;
	int64_t len;

	len = address_space_cache_init(&cache, as, addr, size, is_write);
	if (cache.ptr && len > 0) {
		done = MIN(size, (size_t)len);
		egret_dma_copy(cache.ptr, buf, done, dir);
		if (is_write)
			address_space_cache_invalidate(&cache, 0, done);
	}
	address_space_cache_destroy(&cache);
	return done;
}

/*
 * A read that nobody answers completes with an error, which the function notes in
 * its status register. Writes are posted: nobody ever tells the function.
 */
static void egret_dma_note_abort(EgretDma *dma, DMADirection dir)
{
	if (dir == DMA_DIRECTION_TO_DEVICE)
		pci_word_test_and_set_mask(dma->dev->config + PCI_STATUS,
					   PCI_STATUS_REC_MASTER_ABORT);
}

/* Under the big lock, in the main loop. */
static void egret_dma_serve(void *opaque)
{
	const MemTxAttrs attrs = { .memory = 1 };
	EgretDma *dma = opaque;
	EgretDmaRequest *req;
	MemTxResult result;

	qemu_mutex_lock(&dma->lock);
	while ((req = QSIMPLEQ_FIRST(&dma->queue))) {
		QSIMPLEQ_REMOVE_HEAD(&dma->queue, next);
		/*
		 * Off the queue, the request cannot be refused any more. That
		 * is no race: closing needs the big lock, which is held here.
		 */
		qemu_mutex_unlock(&dma->lock);
		result = pci_dma_rw(dma->dev, req->addr, req->buf, req->size,
				    req->dir, attrs);
		trace_egret_dma_relay(dma->dev->name, req->addr, req->size,
				      req->dir == DMA_DIRECTION_FROM_DEVICE, result);
		if (result != MEMTX_OK)
			egret_dma_note_abort(dma, req->dir);
		qemu_mutex_lock(&dma->lock);
		dma->relayed++;
		req->state = result == MEMTX_OK ? EGRET_DMA_DONE : EGRET_DMA_FAILED;
		qemu_cond_broadcast(&dma->served);
	}
	qemu_mutex_unlock(&dma->lock);
}

static int egret_dma_relay(EgretDma *dma, uint64_t addr, void *buf, size_t size,
			   DMADirection dir)
{
	EgretDmaRequest req = {
		.addr = addr, .buf = buf, .size = size, .dir = dir,
		.state = EGRET_DMA_WAITS,
	};

	QEMU_LOCK_GUARD(&dma->lock);
	if (dma->closed)
		return -EIO;
	QSIMPLEQ_INSERT_TAIL(&dma->queue, &req, next);
	qemu_bh_schedule(dma->bh);
	while (req.state == EGRET_DMA_WAITS)
		qemu_cond_wait(&dma->served, &dma->lock);
	return req.state == EGRET_DMA_DONE ? 0 : -EIO;
}

static int egret_dma_rw(EgretDma *dma, uint64_t addr, void *buf, size_t size,
			DMADirection dir)
{
	size_t len;

	egret_rcu_enter();
	dma_barrier(pci_get_address_space(dma->dev), dir);
	while (size) {
		len = egret_dma_direct(dma, addr, buf, size, dir);
		if (!len)
			return egret_dma_relay(dma, addr, buf, size, dir);
		qatomic_add(&dma->direct_bytes, len);
		addr += len;
		buf = (uint8_t *)buf + len;
		size -= len;
	}
	return 0;
}

/**
 * egret_dma_read() - read system memory, as the function on the bus
 * @dma: the card's way to system memory
 * @addr: PCIe address, of any alignment; before translation by an IOMMU
 * @buf: where to put the bytes
 * @size: how many
 *
 * Only for threads of the chip model. Does not take the big lock, and may wait for
 * it only in a way that egret_dma_close() ends.
 *
 * Return: 0, or -EIO if nobody answers for a part of the range
 */
int egret_dma_read(EgretDma *dma, uint64_t addr, void *buf, size_t size)
{
	return egret_dma_rw(dma, addr, buf, size, DMA_DIRECTION_TO_DEVICE);
}

/**
 * egret_dma_write() - write system memory, as the function on the bus
 * @dma: the card's way to system memory
 * @addr: PCIe address, of any alignment; before translation by an IOMMU
 * @buf: bytes to write
 * @size: how many
 *
 * As egret_dma_read(). When it fails, the range's beginning may be written.
 *
 * Return: 0, or -EIO if nobody answers for a part of the range
 */
int egret_dma_write(EgretDma *dma, uint64_t addr, const void *buf, size_t size)
{
	return egret_dma_rw(dma, addr, (void *)buf, size,
			    DMA_DIRECTION_FROM_DEVICE);
}

/**
 * egret_dma_close() - let no thread of the model wait for the big lock
 * @dma: the card's way to system memory
 *
 * To be called, with the big lock held, before waiting for the model. Requests that
 * need the lock fail until egret_dma_open(). Plain memory can still be reached.
 */
void egret_dma_close(EgretDma *dma)
{
	EgretDmaRequest *req;

	QEMU_LOCK_GUARD(&dma->lock);
	dma->closed = true;
	while ((req = QSIMPLEQ_FIRST(&dma->queue))) {
		QSIMPLEQ_REMOVE_HEAD(&dma->queue, next);
		req->state = EGRET_DMA_FAILED;
	}
	qemu_cond_broadcast(&dma->served);
}

/**
 * egret_dma_poll() - serve the requests that wait, at once
 * @dma: the card's way to system memory
 *
 * With the big lock held, for who waits for the model while its accesses are to succeed.
 */
void egret_dma_poll(EgretDma *dma)
{
	egret_dma_serve(dma);
}

/**
 * egret_dma_open() - serve requests again
 * @dma: the card's way to system memory
 */
void egret_dma_open(EgretDma *dma)
{
	QEMU_LOCK_GUARD(&dma->lock);
	dma->closed = false;
}

/**
 * egret_dma_init() - make a way to system memory, open
 * @dma: to be initialised
 * @dev: the PCI function
 */
void egret_dma_init(EgretDma *dma, PCIDevice *dev)
{
	dma->dev = dev;
	dma->bh = qemu_bh_new_guarded(egret_dma_serve, dma,
				      &DEVICE(dev)->mem_reentrancy_guard);
	qemu_mutex_init(&dma->lock);
	qemu_cond_init(&dma->served);
	QSIMPLEQ_INIT(&dma->queue);
	dma->closed = false;
	dma->direct_bytes = 0;
	dma->relayed = 0;
}

/**
 * egret_dma_destroy() - undo egret_dma_init(), when the model has been destroyed
 * @dma: the card's way to system memory
 */
void egret_dma_destroy(EgretDma *dma)
{
	qemu_bh_delete(dma->bh);
	qemu_cond_destroy(&dma->served);
	qemu_mutex_destroy(&dma->lock);
}
