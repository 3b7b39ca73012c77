/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_FENCE_H
#define EGRET_FENCE_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/dma-fence.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>

struct dma_resv;

/* So many jobs are a group at most, and so long may further ones join it, in jiffies. */
#define EGRET_GROUP_JOBS	64
#define EGRET_GROUP_TIME	(HZ / 10)

/* In &egret_fence.jobs: no more jobs join. */
#define EGRET_GROUP_CLOSED	BIT(30)

/**
 * struct egret_fence - completion of a job, of a group of jobs, or of a bind
 */
struct egret_fence {
	/** @base: Base. Must be first: the core frees it. */
	struct dma_fence base;
	/** @keeps_module: Whether it keeps the module. Constant. */
	bool keeps_module;
	/** @group: Whether it stands for a group of jobs. Constant. */
	bool group;
	/** @begun: When the group was begun, in jiffies. Constant. */
	unsigned long begun;
	/** @joined: Jobs that have joined the group. Under the lock of the queue's vector. */
	u32 joined;
	/** @jobs: Of a group: how many have not ended, and EGRET_GROUP_CLOSED. */
	atomic_t jobs;
	/** @card: Whose job it is, to be compared only; NULL for binds. Constant. */
	const void *card;
	/** @lock: The lock of @base. Its own, because a fence outlives its queue. */
	spinlock_t lock;
	/** @node: In &egret_queue.followers. Under the lock of the queue's vector. */
	struct rb_node node;
};

struct egret_fence *egret_fence_alloc(gfp_t gfp);
void egret_fence_free(struct egret_fence *fence);
void egret_fence_init(struct egret_fence *fence, u64 context, u64 seqno, bool keeps_module);
bool egret_fence_is_of(const struct dma_fence *fence, const void *card);
void egret_fence_end(struct egret_fence *fence, bool cancel);
bool egret_fence_join(struct egret_fence *fence);
bool egret_fence_close(struct egret_fence *fence);
void egret_fence_job_ended(struct egret_fence *fence, bool cancel);
void egret_fence_close_groups(struct dma_resv *resv);

#endif /* EGRET_FENCE_H */
