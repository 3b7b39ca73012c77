/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_MIGRATE_H
#define EGRET_MIGRATE_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/types.h>
#include <linux/wait.h>

struct dma_fence;
struct egret_device;
struct egret_queue;
struct egret_vm;
struct ttm_resource;
struct ttm_tt;
struct workqueue_struct;

/* Pieces of the window; so many copies of pages can be under way. */
#define EGRET_MIGRATE_SLOTS	8
/* Bytes of system memory that a piece of the window shows. */
#define EGRET_MIGRATE_SLOT_SIZE	SZ_4M
/* Most packets of one job: the ring has room for some jobs. */
#define EGRET_MIGRATE_PACKETS	62

/**
 * struct egret_migrate - what moves buffers
 */
struct egret_migrate {
	/** @vm: The kernel's address space. Constant. */
	struct egret_vm *vm;
	/** @wq: Does by the processor what the engine could not; ordered. */
	struct workqueue_struct *wq;
	/** @queue_work: Makes a queue in place of a dead one. */
	struct work_struct queue_work;
	/**
	 * @lock: Makes the order of moves, of jobs and of fences agree. Protects
	 * what follows. Fences are waited for under it; it is never taken on the
	 * fence-signalling path.
	 */
	struct mutex lock;
	/** @queue: Copy queue; dead, perhaps; NULL if there is none. */
	struct egret_queue *queue;
	/** @seqno: Number of the last move. */
	u64 seqno;
	/** @by_cpu: Whether it does not go through @queue, at least in part. */
	bool by_cpu;
	/** @slot: Next piece of the window. */
	unsigned int slot;
	/** @slot_fences: Last job that uses each, or NULL; these keep no module. */
	struct dma_fence *slot_fences[EGRET_MIGRATE_SLOTS];
	/** @context: Timeline of the moves' fences. Constant. */
	u64 context;
	/**
	 * @done: Number of the last move that has ended. The driver itself waits for
	 * numbers rather than fences, which keep the module: it could not be unloaded.
	 */
	atomic64_t done;
	/** @progress: Woken when @done has changed. */
	wait_queue_head_t progress;
	/** @evicted: Number of the last move out of device memory. */
	atomic64_t evicted;
};

int egret_migrate_init(struct egret_device *edev);
void egret_migrate_fini(struct egret_device *edev);
struct dma_fence *egret_migrate_clear(struct egret_device *edev, struct ttm_resource *vram);
struct dma_fence *egret_migrate_copy(struct egret_device *edev, struct ttm_resource *vram,
				     struct ttm_tt *tt, bool to_vram);
int egret_migrate_wait_evictions(struct egret_device *edev);
bool egret_migrate_is_fence(struct egret_device *edev, struct dma_fence *fence);

#endif /* EGRET_MIGRATE_H */
