/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_FENCE_H
#define EGRET_FENCE_H

#include <linux/dma-fence.h>
#include <linux/list.h>
#include <linux/spinlock.h>

/**
 * struct egret_fence - completion of a job or of a bind
 */
struct egret_fence {
	/** @base: Base. Must be first: the core frees it. */
	struct dma_fence base;
	/** @keeps_module: Whether it keeps the module. Constant. */
	bool keeps_module;
	/** @packets: Places in the ring that the job takes; see &egret_queue.used. Constant. */
	u32 packets;
	/** @card: Whose job it is, to be compared only; NULL for binds. Constant. */
	const void *card;
	/** @lock: The lock of @base. Its own, because a fence outlives its queue. */
	spinlock_t lock;
	/**
	 * @link: In &egret_queue.pending, while the job is on the hardware.
	 * Protected by the lock of the queue's vector.
	 */
	struct list_head link;
};

struct egret_fence *egret_fence_alloc(u32 packets);
void egret_fence_free(struct egret_fence *fence);
void egret_fence_init(struct egret_fence *fence, u64 context, u64 seqno, bool keeps_module);
bool egret_fence_is_of(const struct dma_fence *fence, const void *card);
void egret_fence_cancel(struct egret_fence *fence);

#endif /* EGRET_FENCE_H */
