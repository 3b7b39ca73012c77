// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/**
 * DOC: Fences
 *
 * There are fences of jobs, of groups of jobs, and of asynchronous binds. Those of jobs and
 * binds are what sync objects and reservation objects get, not the scheduler's
 * `finished` fences. A scheduler's fence points to its scheduler, and ours live
 * as short as a queue, while a fence can be kept for ever in a sync file; and a
 * scheduler that kills a waiting job reports -ESRCH where our interface promises
 * -ECANCELED. The price is that a job that waits for an earlier one of its own
 * queue would wait on the host: egret_job_add_wait() drops such waits, since the
 * ring orders the two anyway.
 *
 * Most jobs have no fence of their own. Nobody outside asks for one, but memory must not be
 * moved or freed while a job uses it, for which reservations need a fence. So there is one for
 * a group: jobs of one queue that follow each other. It is in all reservations that concern
 * the queue's address space when its first job is accepted, and other jobs join it
 * (egret_queue_join()) without locking any of them. That is right for as long as
 *
 * - the group's fence has not signalled. Who wants to change where memory is waits for the
 *   fence, and so for all that have joined meanwhile. And
 * - nobody waits for it: it is open. Who begins to wait enables signalling, which closes the
 *   group, so that the waiting ends. Who changes what an execution has to do first, by a bind
 *   or by giving a buffer to another device, closes the groups as well
 *   (egret_fence_close_groups()).
 *
 * When the last of its jobs ends, an open group stays open, so that the next job can join it.
 * Who looks at its fence then, or begins to wait, finds it signalled, because that closes it.
 * Joining, ending and closing are changes of one atomic variable, &egret_fence.jobs.
 *
 * A group is not endless (EGRET_GROUP_JOBS, EGRET_GROUP_TIME), for those that look at a fence
 * from time to time, and so that the address space is seen to be in use. Whoever wants to wait
 * for one job of a group, by its number, gets a fence that follows the job
 * (egret_queue_fence_of()).
 */
#include <linux/dma-resv.h>
#include <linux/jiffies.h>
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

/* Somebody is interested in the fence. Return: false if it is to be signalled now. */
static bool egret_fence_enable_signaling(struct dma_fence *base)
{
	struct egret_fence *fence = container_of(base, struct egret_fence, base);

	return !fence->group || egret_fence_close(fence);
}

/* Return: whether it is to be signalled. That of a group without jobs is closed. */
static bool egret_fence_signaled(struct dma_fence *base)
{
	struct egret_fence *fence = container_of(base, struct egret_fence, base);
	int jobs;

	if (!fence->group)
		return false;
	jobs = atomic_cmpxchg(&fence->jobs, 0, EGRET_GROUP_CLOSED);
	return !jobs || jobs == EGRET_GROUP_CLOSED;
}

static const struct dma_fence_ops egret_fence_ops = {
	EGRET_FENCE_OPS_SEQNO64
	.enable_signaling = egret_fence_enable_signaling,
	.signaled = egret_fence_signaled,
	.get_driver_name = egret_fence_driver_name,
	.get_timeline_name = egret_fence_timeline_name,
	.release = egret_fence_release,
};

/**
 * egret_fence_alloc() - allocate a fence
 * @gfp: how
 *
 * Return: a fence for egret_fence_init() or egret_fence_free(), or NULL.
 */
struct egret_fence *egret_fence_alloc(gfp_t gfp)
{
	struct egret_fence *fence = kzalloc(sizeof(*fence), gfp);

	if (fence) {
		spin_lock_init(&fence->lock);
		fence->begun = jiffies;
		atomic_set(&fence->jobs, 1);
		RB_CLEAR_NODE(&fence->node);
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
 * egret_fence_end() - signal a fence
 * @fence: fence that has not been signalled
 * @cancel: whether the job did not run to its end
 */
void egret_fence_end(struct egret_fence *fence, bool cancel)
{
	if (cancel)
		dma_fence_set_error(&fence->base, -ECANCELED);
	dma_fence_signal(&fence->base);
}

/**
 * egret_fence_join() - let another job join a group
 * @fence: fence of a group
 *
 * Return: false if it is closed.
 */
bool egret_fence_join(struct egret_fence *fence)
{
	int jobs = atomic_read(&fence->jobs);

	do {
		if (jobs & EGRET_GROUP_CLOSED)
			return false;
	} while (!atomic_try_cmpxchg(&fence->jobs, &jobs, jobs + 1));
	return true;
}

/**
 * egret_fence_close() - let no more jobs join a group
 * @fence: fence of a group
 *
 * Return: false if it has no jobs, and is to be signalled by the caller.
 */
bool egret_fence_close(struct egret_fence *fence)
{
	return atomic_fetch_or(EGRET_GROUP_CLOSED, &fence->jobs) & ~EGRET_GROUP_CLOSED;
}

/**
 * egret_fence_job_ended() - a job has ended
 * @fence: what stands for it
 * @cancel: whether the job did not run to its end
 *
 * Signals the fence, unless there are more jobs in its group, or may be.
 */
void egret_fence_job_ended(struct egret_fence *fence, bool cancel)
{
	/* Others may signal that of a group at the same time, and nobody asks it for errors. */
	if (!fence->group)
		egret_fence_end(fence, cancel);
	else if (atomic_dec_return(&fence->jobs) == EGRET_GROUP_CLOSED)
		dma_fence_signal(&fence->base);
}

/**
 * egret_fence_close_groups() - let no job join the groups that have something to do with memory
 * @resv: reservation of the memory, locked
 *
 * The next execution looks at everything anew.
 */
void egret_fence_close_groups(struct dma_resv *resv)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_for_each_fence(&cursor, resv, DMA_RESV_USAGE_BOOKKEEP, fence)
		if (fence->ops == &egret_fence_ops)
			dma_fence_enable_signaling(fence);
}
