// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Fences of jobs and of asynchronous binds.
 *
 * These are what sync objects and reservation objects get, not the scheduler's
 * `finished` fences. A scheduler's fence points to its scheduler, and ours live
 * as short as a queue, while a fence can be kept for ever in a sync file; and a
 * scheduler that kills a waiting job reports -ESRCH where our interface promises
 * -ECANCELED. The price is that a job that waits for an earlier one of its own
 * queue would wait on the host: egret_job_add_wait() drops such waits, since the
 * ring orders the two anyway.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "compat.h"
#include "egret_fence.h"

static const char *egret_fence_driver_name(struct dma_fence *fence)
{
	return "egret";
}

static const char *egret_fence_timeline_name(struct dma_fence *fence)
{
	return "egret";
}

static void egret_fence_release(struct dma_fence *base)
{
	bool keeps_module = container_of(base, struct egret_fence, base)->keeps_module;

	dma_fence_free(base);
	if (keeps_module)
		module_put(THIS_MODULE);
}

static const struct dma_fence_ops egret_fence_ops = {
	EGRET_FENCE_OPS_SEQNO64
	.get_driver_name = egret_fence_driver_name,
	.get_timeline_name = egret_fence_timeline_name,
	.release = egret_fence_release,
};

/**
 * egret_fence_alloc() - allocate a fence
 * @packets: places in the ring that its job takes, or 0
 *
 * Return: a fence for egret_fence_init() or egret_fence_free(), or NULL.
 */
struct egret_fence *egret_fence_alloc(u32 packets)
{
	/* Not charged to anybody: there are as many as jobs, which are few, and they go soon. */
	struct egret_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);

	if (fence) {
		fence->packets = packets;
		spin_lock_init(&fence->lock);
		INIT_LIST_HEAD(&fence->link);
	}
	return fence;
}

/**
 * egret_fence_free() - free a fence that was never initialised
 * @fence: fence, or NULL
 */
void egret_fence_free(struct egret_fence *fence)
{
	kfree(fence);
}

/**
 * egret_fence_init() - give a fence its place in a timeline
 * @fence: fence; from here on it is reference counted, the caller has one
 * @context: timeline
 * @seqno: number in it
 * @keeps_module: whether it keeps the module, whose code it refers to: other drivers
 *	and sync files may hold it for as long as they like. A fence that does not
 *	leave the driver must not: what the driver holds would keep the driver.
 */
void egret_fence_init(struct egret_fence *fence, u64 context, u64 seqno, bool keeps_module)
{
	fence->keeps_module = keeps_module;
	if (keeps_module)
		__module_get(THIS_MODULE);
	dma_fence_init64(&fence->base, &egret_fence_ops, &fence->lock, context, seqno);
}

/**
 * egret_fence_is_of() - whether a fence is that of a job of a card
 * @fence: any fence
 * @card: card; a pointer to compare with
 *
 * Return: true if it is.
 */
bool egret_fence_is_of(const struct dma_fence *fence, const void *card)
{
	return fence->ops == &egret_fence_ops &&
	       container_of(fence, const struct egret_fence, base)->card == card;
}

/**
 * egret_fence_cancel() - signal that a job did not run to its end
 * @fence: fence that has not been signalled
 */
void egret_fence_cancel(struct egret_fence *fence)
{
	dma_fence_set_error(&fence->base, -ECANCELED);
	dma_fence_signal(&fence->base);
}
