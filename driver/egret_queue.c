// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Queues.
 *
 * A queue has a hardware queue for its whole life, since there are more of them
 * than anybody needs. Its ring and its fence slot are system memory, so that
 * neither side reads over the bus in the common case, and are mapped into the
 * context as supervisor pages, which only packets of the ring itself can reach.
 *
 * Life. Creating gives a queue an ID in the file. Destroying the ID kills the
 * queue. The jobs that are left hold references; they are cancelled in their turn
 * (egret_job.c), and after the last one the queue is torn down by a work item,
 * because the last reference is dropped inside of the scheduler that has to go, or by
 * an interrupt handler.
 *
 * Killing. egret_queue_kill() is the one way for a queue to die. It decides under
 * the vector's lock who is first, stops the hardware queue, and only then signals
 * the fences of jobs on it: those that the fence slot says are done as done, the
 * others as cancelled.
 */
#include <linux/capability.h>
#include <linux/dma-fence-chain.h>
#include <linux/dma-mapping.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/iopoll.h>
#include <linux/slab.h>
#include <linux/sync_file.h>
#include <drm/drm_drv.h>
#include <drm/drm_print.h>
#include <drm/drm_utils.h>

#include "compat.h"
#include "egret_client.h"
#include "egret_coredump.h"
#include "egret_fence.h"
#include "egret_hw.h"
#include "egret_job.h"
#include "egret_pm.h"
#include "egret_queue.h"
#include "egret_trace.h"
#include "egret_vm.h"

/* A queue's part of the address space: the ring, then the fence slot. */
#define EGRET_QUEUE_VA_SIZE	SZ_64K
#define EGRET_SLOT_OFFSET	PAGE_ALIGN(EGRET_RING_BYTES)
#define EGRET_QUEUE_BYTES	(EGRET_SLOT_OFFSET + SZ_4K)

/* Stopping is a matter of microseconds. */
#define EGRET_KILL_POLL_US	10
#define EGRET_KILL_TIMEOUT_US	(2 * USEC_PER_SEC)

/* How long destroying waits for the teardown, so that its effects can be seen. */
#define EGRET_GONE_TIMEOUT	(HZ / 4)

/*
 * Tears queues and binds down. It belongs to the module, not to a card, because a
 * queue may be what holds the card's structure last.
 */
static struct workqueue_struct *egret_cleanup_wq;

static u64 egret_queue_ring_va(const struct egret_queue *queue)
{
	return EGRET_VM_KERNEL_START + (u64)queue->hwid * EGRET_QUEUE_VA_SIZE;
}

/**
 * egret_queue_slot_va() - where the card finds the fence slot
 * @queue: queue
 *
 * Return: virtual address in the queue's context.
 */
u64 egret_queue_slot_va(const struct egret_queue *queue)
{
	return egret_queue_ring_va(queue) + EGRET_SLOT_OFFSET;
}

/* ---- jobs on the hardware: under the vector's lock ---------------------------------- */

/**
 * egret_queue_get_busy() - keep what a job needs: the queue, and a card that is awake
 * @queue: queue; somebody else keeps both now
 *
 * egret_queue_put_busy() undoes it.
 */
void egret_queue_get_busy(struct egret_queue *queue)
{
	egret_queue_get(queue);
	atomic_inc(&queue->edev->jobs);
	egret_pm_get_awake(queue->edev);
}

/**
 * egret_queue_put_busy() - undo egret_queue_get_busy()
 * @queue: queue
 */
void egret_queue_put_busy(struct egret_queue *queue)
{
	struct egret_device *edev = queue->edev;

	egret_pm_put(edev);
	if (atomic_dec_and_test(&edev->jobs))
		wake_up_all(&edev->no_jobs);
	/* Last: the queue holds the card's structure. */
	egret_queue_put(queue);
}

static bool egret_queue_is_idle(const struct egret_queue *queue)
{
	return queue->begun == atomic64_read(&queue->completed);
}

static struct egret_on_card *egret_queue_on_card(struct egret_queue *queue, u64 seqno)
{
	return &queue->on_card[seqno % EGRET_RING_PACKETS];
}

/* Another job. The first one takes what all of them need, and wakes the watchdog. */
static void egret_queue_add(struct egret_queue *queue, struct egret_fence *fence, u32 packets)
{
	lockdep_assert_held(&queue->vector->lock);
	if (egret_queue_is_idle(queue)) {
		list_add_tail(&queue->active_link, &queue->vector->active);
		egret_queue_get_busy(queue);
		if (!delayed_work_pending(&queue->watchdog.work))
			queue_delayed_work(queue->edev->sched_wq, &queue->watchdog.work,
					   egret_watchdog_period());
	}
	queue->used += packets;
	*egret_queue_on_card(queue, ++queue->begun) = (struct egret_on_card){
		.fence = fence,
		.packets = packets,
	};
}

/* Signal what follows the jobs up to a number. */
static void egret_queue_end_followers(struct egret_queue *queue, u64 seqno, bool cancel)
{
	struct rb_node *node;

	while ((node = rb_first_cached(&queue->followers))) {
		struct egret_fence *fence = rb_entry(node, struct egret_fence, node);

		if (fence->base.seqno > seqno)
			break;
		rb_erase_cached(node, &queue->followers);
		RB_CLEAR_NODE(node);
		egret_fence_end(fence, cancel);
		dma_fence_put(&fence->base);
	}
}

/* From now on jobs may join another group, or none. */
static void egret_queue_set_group(struct egret_queue *queue, struct egret_fence *fence)
{
	struct egret_fence *before = queue->group;

	lockdep_assert_held(&queue->vector->lock);
	if (fence)
		dma_fence_get(&fence->base);
	WRITE_ONCE(queue->group, fence);
	if (!before)
		return;
	if (!egret_fence_close(before))
		dma_fence_signal(&before->base);
	dma_fence_put(&before->base);
}

/*
 * A job is about to be cancelled. Return: whether the queue ends with it, because nothing may
 * run behind; then egret_event_queue_dead() is to be called when the vector is unlocked.
 */
static bool egret_queue_ends_with_job(struct egret_queue *queue)
{
	lockdep_assert_held(&queue->vector->lock);
	if (queue->client && !(queue->flags & DRM_EGRET_QUEUE_END_ON_RESET))
		return false;
	if (egret_queue_is_dead(queue))
		return false;
	WRITE_ONCE(queue->state, DRM_EGRET_QUEUE_DEAD_RESET);
	return true;
}

/* The oldest job has ended. */
static void egret_queue_end_first(struct egret_queue *queue, bool cancel)
{
	u64 seqno = atomic64_read(&queue->completed) + 1;
	struct egret_on_card *job = egret_queue_on_card(queue, seqno);
	struct egret_fence *fence = job->fence;

	trace_egret_job_end(queue, seqno, cancel);
	if (!cancel)
		WRITE_ONCE(queue->done, seqno);
	WRITE_ONCE(queue->used, queue->used - job->packets);
	/* Who finds it completed finds out whether it was done, and what it wrote. */
	atomic64_set_release(&queue->completed, seqno);
	egret_queue_end_followers(queue, seqno, cancel);
	egret_fence_job_ended(fence, cancel);
	dma_fence_put(&fence->base);
	if (egret_queue_is_idle(queue)) {
		list_del_init(&queue->active_link);
		egret_queue_put_busy(queue);
	}
}

/**
 * egret_queue_signal_completed() - signal the jobs that the card has completed
 * @queue: queue; its vector is locked, and it has jobs on the hardware
 */
void egret_queue_signal_completed(struct egret_queue *queue)
{
	u64 done = le64_to_cpu(READ_ONCE(*queue->slot));

	/* What the job wrote is read after its number. */
	dma_rmb();
	while (!egret_queue_is_idle(queue) && atomic64_read(&queue->completed) < done)
		egret_queue_end_first(queue, false);
}

/**
 * egret_queue_poll() - look whether jobs have completed without an interrupt
 * @queue: queue
 */
void egret_queue_poll(struct egret_queue *queue)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->vector->lock, flags);
	if (!egret_queue_is_idle(queue))
		egret_queue_signal_completed(queue);
	spin_unlock_irqrestore(&queue->vector->lock, flags);
}

/**
 * egret_queue_first_on_card() - which job is at work
 * @queue: queue
 *
 * Return: number of the oldest job on the hardware, or 0.
 */
u64 egret_queue_first_on_card(struct egret_queue *queue)
{
	unsigned long flags;
	u64 seqno;

	spin_lock_irqsave(&queue->vector->lock, flags);
	seqno = egret_queue_is_idle(queue) ? 0 : atomic64_read(&queue->completed) + 1;
	spin_unlock_irqrestore(&queue->vector->lock, flags);
	return seqno;
}

/**
 * egret_queue_count_on_card() - how many jobs are on the hardware
 * @queue: queue
 *
 * Return: number of jobs at this moment.
 */
u32 egret_queue_count_on_card(struct egret_queue *queue)
{
	unsigned long flags;
	u32 count;

	spin_lock_irqsave(&queue->vector->lock, flags);
	count = queue->begun - atomic64_read(&queue->completed);
	spin_unlock_irqrestore(&queue->vector->lock, flags);
	return count;
}

/**
 * egret_queue_has_room() - whether a job fits into the ring
 * @queue: queue; nobody else writes to its ring
 * @packets: of the job
 *
 * Return: true if it does, and goes on to do so.
 */
bool egret_queue_has_room(struct egret_queue *queue, u32 packets)
{
	if (READ_ONCE(queue->used) + packets <= EGRET_RING_ROOM)
		return true;
	egret_queue_poll(queue);
	return READ_ONCE(queue->used) + packets <= EGRET_RING_ROOM;
}

/**
 * egret_queue_wait_for_room() - what to wait for until a job fits into the ring
 * @queue: queue; nobody else writes to its ring
 * @packets: of the job
 *
 * Return: fence of jobs on the hardware, behind which there is room, a reference; or NULL:
 * there is room now.
 */
struct dma_fence *egret_queue_wait_for_room(struct egret_queue *queue, u32 packets)
{
	struct dma_fence *last = NULL;
	unsigned long flags;
	u64 seqno;
	u32 used;

	spin_lock_irqsave(&queue->vector->lock, flags);
	used = queue->used;
	seqno = atomic64_read(&queue->completed);
	while (used + packets > EGRET_RING_ROOM && seqno < queue->begun)
		used -= egret_queue_on_card(queue, ++seqno)->packets;
	if (seqno > atomic64_read(&queue->completed))
		last = dma_fence_get(&egret_queue_on_card(queue, seqno)->fence->base);
	spin_unlock_irqrestore(&queue->vector->lock, flags);
	return last;
}

/**
 * egret_queue_begin() - note a job that is about to run
 * @queue: queue
 * @fence: its fence, a reference, which is taken over. If it is a group's, jobs behind this
 *	one may join.
 * @packets: places in the ring that it takes
 *
 * Return: false if the queue is dead, and nothing was done.
 */
bool egret_queue_begin(struct egret_queue *queue, struct egret_fence *fence, u32 packets)
{
	unsigned long flags;
	bool alive;

	spin_lock_irqsave(&queue->vector->lock, flags);
	alive = !egret_queue_is_dead(queue);
	if (alive) {
		egret_queue_add(queue, fence, packets);
		egret_queue_set_group(queue, fence->group ? fence : NULL);
	}
	spin_unlock_irqrestore(&queue->vector->lock, flags);
	return alive;
}

static bool egret_queue_join_group(struct egret_queue *queue)
{
	struct egret_fence *group = queue->group;

	if (!group || egret_queue_is_dead(queue) || group->joined >= EGRET_GROUP_JOBS - 1 ||
	    time_after(jiffies, group->begun + EGRET_GROUP_TIME) || !egret_fence_join(group))
		return false;
	group->joined++;
	return true;
}

/**
 * egret_queue_join() - note a job that is about to run, as one of the group before it
 * @queue: queue
 * @packets: places in the ring that it takes
 *
 * The group's fence is in the reservations that concern the job, and has not signalled.
 *
 * Return: false if there is no group that it may join, or the card sleeps, and nothing was
 * done.
 */
bool egret_queue_join(struct egret_queue *queue, u32 packets)
{
	unsigned long flags;
	bool idle, joined = false;

	spin_lock_irqsave(&queue->vector->lock, flags);
	idle = egret_queue_is_idle(queue);
	/* Until the job keeps it awake. */
	if (idle && !egret_pm_get_if_awake(queue->edev))
		goto out;
	joined = egret_queue_join_group(queue);
	if (joined) {
		dma_fence_get(&queue->group->base);
		egret_queue_add(queue, queue->group, packets);
	} else {
		egret_queue_set_group(queue, NULL);
	}
	if (idle)
		egret_pm_put(queue->edev);
out:
	spin_unlock_irqrestore(&queue->vector->lock, flags);
	return joined;
}

/**
 * egret_queue_cancel() - end a job that will not run
 * @queue: queue, which is dead or will be killed
 * @fence: its fence, a reference, which is taken over
 * @packets: places in the ring that it would take
 *
 * Its fence signals behind those of the jobs before it. If these are on the hardware
 * still, whoever kills the queue has not stopped it yet, and ends this one, too.
 */
void egret_queue_cancel(struct egret_queue *queue, struct egret_fence *fence, u32 packets)
{
	unsigned long flags;
	bool first, ends;

	spin_lock_irqsave(&queue->vector->lock, flags);
	/* Nothing joins what was begun before, nor this one. */
	egret_queue_set_group(queue, NULL);
	if (fence->group)
		egret_fence_close(fence);
	first = egret_queue_is_idle(queue);
	ends = first && egret_queue_ends_with_job(queue);
	egret_queue_add(queue, fence, packets);
	if (first)
		egret_queue_end_first(queue, true);
	spin_unlock_irqrestore(&queue->vector->lock, flags);
	if (ends)
		egret_event_queue_dead(queue);
}

/* ---- following jobs by their numbers --------------------------------------------------- */

static bool egret_queue_has_accepted(struct egret_queue *queue, u64 seqno)
{
	bool accepted;

	/* Who submits a job holds it until the job is where it belongs. */
	mutex_lock(&queue->submit_lock);
	accepted = seqno && seqno <= queue->last_seqno;
	mutex_unlock(&queue->submit_lock);
	return accepted;
}

static bool egret_fence_is_before(struct rb_node *node, const struct rb_node *other)
{
	return rb_entry(node, struct egret_fence, node)->base.seqno <
	       rb_entry(other, struct egret_fence, node)->base.seqno;
}

/* Returns false if the job is over. Takes a reference of the fence. */
static bool egret_queue_follow(struct egret_queue *queue, struct egret_fence *fence)
{
	unsigned long flags;
	bool follows;

	spin_lock_irqsave(&queue->vector->lock, flags);
	follows = atomic64_read(&queue->completed) < fence->base.seqno;
	if (follows) {
		dma_fence_get(&fence->base);
		rb_add_cached(&fence->node, &queue->followers, egret_fence_is_before);
	}
	spin_unlock_irqrestore(&queue->vector->lock, flags);
	return follows;
}

/* Nobody is interested any more in what egret_queue_fence_of() returned. */
static void egret_queue_unfollow(struct egret_queue *queue, struct dma_fence *base)
{
	struct egret_fence *fence = container_of(base, struct egret_fence, base);
	unsigned long flags;

	spin_lock_irqsave(&queue->vector->lock, flags);
	if (!RB_EMPTY_NODE(&fence->node)) {
		rb_erase_cached(&fence->node, &queue->followers);
		RB_CLEAR_NODE(&fence->node);
		dma_fence_put(base);
	}
	spin_unlock_irqrestore(&queue->vector->lock, flags);
}

/**
 * egret_queue_fence_of() - a fence for a job
 * @queue: queue
 * @seqno: number of a job that was accepted
 *
 * Return: a new fence with a reference, which signals when the job is over; NULL if it is
 * over; or an error pointer: -EINVAL (there is no such job), -ENOMEM.
 */
struct dma_fence *egret_queue_fence_of(struct egret_queue *queue, u64 seqno)
{
	struct egret_fence *fence;

	if (!egret_queue_has_accepted(queue, seqno))
		return ERR_PTR(-EINVAL);
	if (seqno <= atomic64_read_acquire(&queue->completed))
		return NULL;
	/* Charged: there can be many for one job. */
	fence = egret_fence_alloc(GFP_KERNEL_ACCOUNT);
	if (!fence)
		return ERR_PTR(-ENOMEM);
	fence->card = queue->edev;
	egret_fence_init(fence, queue->fence_context, seqno, true);
	if (egret_queue_follow(queue, fence))
		return &fence->base;
	dma_fence_put(&fence->base);
	return NULL;
}

/* ---- what jobs waited for: under the submit lock -------------------------------------- */

/**
 * egret_queue_knows_wait() - whether a new job need not wait for a point
 * @queue: queue; its submit lock is held
 * @link: point of a timeline
 *
 * Return: true if an earlier job, behind which the new one will run, waits for it
 * and so for all points before it.
 */
bool egret_queue_knows_wait(struct egret_queue *queue, struct dma_fence *link)
{
	u32 i;

	lockdep_assert_held(&queue->submit_lock);
	/*
	 * By identity: a timeline that was copied in part has other points with
	 * the same numbers.
	 */
	for (i = 0; i < EGRET_QUEUE_WAITED; i++)
		if (queue->waited[i] == link)
			return true;
	return false;
}

/* Which of the remembered points @wait replaces. */
static u32 egret_queue_find_waited(struct egret_queue *queue, struct dma_fence *wait)
{
	u32 i;

	for (i = 0; i < EGRET_QUEUE_WAITED; i++)
		if (queue->waited[i] && queue->waited[i]->context == wait->context)
			return i;
	return queue->next_waited++ % EGRET_QUEUE_WAITED;
}

/**
 * egret_queue_note_wait() - remember what a job waits for that was accepted
 * @queue: queue; its submit lock is held
 * @wait: what the job waits for
 */
void egret_queue_note_wait(struct egret_queue *queue, struct dma_fence *wait)
{
	u32 i;

	lockdep_assert_held(&queue->submit_lock);
	if (!to_dma_fence_chain(wait))
		return;
	i = egret_queue_find_waited(queue, wait);
	dma_fence_put(queue->waited[i]);
	queue->waited[i] = dma_fence_get(wait);
}

static void egret_queue_forget_waits(struct egret_queue *queue)
{
	u32 i;

	for (i = 0; i < EGRET_QUEUE_WAITED; i++)
		dma_fence_put(queue->waited[i]);
}

/* ---- killing ------------------------------------------------------------------------- */

/* What the card has counted since the queue was enabled. */
static u64 egret_queue_read_cycles(struct egret_queue *queue)
{
	u64 cycles = egret_queue_read64(queue->edev, queue->hwid, EGRET_Q_BUSY_CYCLES);

	/* A card that is gone has counted nothing. */
	return cycles == U64_MAX ? 0 : cycles;
}

static void egret_queue_save_cycles(struct egret_queue *queue)
{
	WRITE_ONCE(queue->busy_cycles, queue->busy_cycles + egret_queue_read_cycles(queue));
}

/* Returns whether the hardware queue has stopped. */
static bool egret_queue_kill_hardware(struct egret_queue *queue)
{
	struct egret_device *edev = queue->edev;
	u32 status;
	int ret;

	if (!queue->enabled)
		return true;
	egret_queue_write(edev, queue->hwid, EGRET_Q_CTRL, EGRET_Q_CTRL_KILL);
	ret = readl_poll_timeout(edev->regs + EGRET_REG_QUEUE(queue->hwid, EGRET_Q_STATUS),
				 status, status == EGRET_Q_STATE_DISABLED ||
				 status == EGRET_GONE,
				 EGRET_KILL_POLL_US, EGRET_KILL_TIMEOUT_US);
	egret_queue_save_cycles(queue);
	queue->enabled = false;
	return !ret && status != EGRET_GONE;
}

/* When it returns, the hardware queue does nothing any more. */
static void egret_queue_stop_hardware(struct egret_queue *queue)
{
	struct egret_device *edev = queue->edev;
	bool stopped = true;
	int idx;

	if (!drm_dev_enter(&edev->drm, &idx)) {
		/* remove() stops everything. */
		wait_for_completion(&edev->stopped);
		return;
	}
	/* Hardware that was given up has stopped. */
	if (egret_hw_enter(edev)) {
		stopped = egret_queue_kill_hardware(queue);
		egret_hw_exit(edev);
	}
	if (!stopped)
		egret_reset_and_wait(edev, EGRET_RESET_LEVEL_ENGINES,
				     EGRET_RESET_CAUSE_KILL);
	drm_dev_exit(idx);
}

/* Signal the jobs on the hardware, which has stopped: done, or cancelled. */
static void egret_queue_end_on_card(struct egret_queue *queue)
{
	unsigned long flags;
	bool ends;

	spin_lock_irqsave(&queue->vector->lock, flags);
	if (!egret_queue_is_idle(queue))
		egret_queue_signal_completed(queue);
	ends = !egret_queue_is_idle(queue) && egret_queue_ends_with_job(queue);
	while (!egret_queue_is_idle(queue))
		egret_queue_end_first(queue, true);
	egret_queue_set_group(queue, NULL);
	spin_unlock_irqrestore(&queue->vector->lock, flags);
	if (ends)
		egret_event_queue_dead(queue);
}

/* Whether a queue that is dead is so for what its packets did. */
static bool egret_queue_is_guilty(const struct egret_queue *queue)
{
	if (!queue->client)
		return false;
	return queue->state == DRM_EGRET_QUEUE_DEAD_HUNG ||
	       (queue->state == DRM_EGRET_QUEUE_DEAD_FAULT &&
		egret_fault_is_mistake(&queue->fault));
}

/* End all queues of the client, which is banned for @guilty. */
static void egret_queue_ban(struct egret_queue *guilty)
{
	struct egret_device *edev = guilty->edev;
	struct egret_queue *queue = NULL;

	trace_egret_ban(guilty);
	dev_notice_ratelimited(edev->drm.dev,
			       "client %llu (%s, process %d) is banned: too many of its queues fault or hang\n",
			       guilty->client->id, guilty->owner.comm, guilty->owner.pid);
	while ((queue = egret_queue_next(edev, queue)))
		if (queue->client == guilty->client)
			egret_queue_kill(queue, DRM_EGRET_QUEUE_DEAD_BANNED, NULL);
	egret_event_banned(guilty);
}

/**
 * egret_queue_kill() - end a queue
 * @queue: queue
 * @state: why
 * @fault: its fault record, if it faulted
 *
 * Only the first call for a queue has an effect. May sleep; fences wait for it.
 * Must not be called inside of drm_dev_enter().
 */
void egret_queue_kill(struct egret_queue *queue, u32 state, const struct egret_fault *fault)
{
	bool cookie = dma_fence_begin_signalling();
	unsigned long flags;
	bool first;

	spin_lock_irqsave(&queue->vector->lock, flags);
	first = !egret_queue_is_dead(queue);
	if (first) {
		WRITE_ONCE(queue->state, state);
		if (fault)
			queue->fault = *fault;
	}
	spin_unlock_irqrestore(&queue->vector->lock, flags);
	if (!first)
		goto out;
	trace_egret_queue_kill(queue, state);

	if (state == DRM_EGRET_QUEUE_DEAD_FAULT)
		egret_coredump_queue(queue, "a queue has faulted");
	else if (state == DRM_EGRET_QUEUE_DEAD_HUNG)
		egret_coredump_queue(queue, "a queue hangs");
	egret_queue_stop_hardware(queue);
	if (state != EGRET_QUEUE_CLOSED)
		egret_event_queue_dead(queue);
	/* Before its owner learns of the end, and tries again. */
	if (egret_queue_is_guilty(queue) && egret_client_offend(queue->client))
		egret_queue_ban(queue);
	egret_queue_end_on_card(queue);
out:
	dma_fence_end_signalling(cookie);
}

/* Call @fn for all queues of a card that have references. */
static void egret_queue_for_each(struct egret_device *edev, void (*fn)(struct egret_queue *queue))
{
	struct egret_queue *queue = NULL;

	while ((queue = egret_queue_next(edev, queue)))
		fn(queue);
}

static void egret_queue_kill_reset(struct egret_queue *queue)
{
	egret_queue_kill(queue, DRM_EGRET_QUEUE_DEAD_RESET, NULL);
}

/**
 * egret_queue_kill_all() - end all queues, because the card ends
 * @edev: card
 */
void egret_queue_kill_all(struct egret_device *edev)
{
	egret_queue_for_each(edev, egret_queue_kill_reset);
}

/* ---- when the hardware is stopped and started -------------------------------------------- */

/* Returns whether the card has taken it. */
static bool egret_queue_program(struct egret_queue *queue)
{
	struct egret_device *edev = queue->edev;

	egret_write64(edev, EGRET_REG_QUEUE(queue->hwid, EGRET_Q_RING),
		      egret_queue_ring_va(queue));
	egret_queue_write(edev, queue->hwid, EGRET_Q_RING_SIZE, EGRET_RING_ORDER);
	egret_queue_write(edev, queue->hwid, EGRET_Q_CONFIG, queue->config);
	egret_queue_write(edev, queue->hwid, EGRET_Q_CTRL, EGRET_Q_CTRL_ENABLE);
	return egret_queue_read(edev, queue->hwid, EGRET_Q_STATUS) == EGRET_Q_STATE_IDLE;
}

static void egret_queue_save(struct egret_queue *queue)
{
	if (queue->enabled)
		egret_queue_save_cycles(queue);
}

/**
 * egret_queue_save_all() - keep what the card knows of its queues
 * @edev: card, whose hardware was stopped just now
 */
void egret_queue_save_all(struct egret_device *edev)
{
	egret_queue_for_each(edev, egret_queue_save);
}

/**
 * egret_queue_cancel_all() - cancel the jobs on the hardware, but not the queues
 * @edev: card, whose hardware is down, and does nothing any more
 *
 * Jobs that the card has completed are signalled as such.
 */
void egret_queue_cancel_all(struct egret_device *edev)
{
	egret_queue_for_each(edev, egret_queue_end_on_card);
}

/* Queues that never were enabled are those of somebody who waits to do it. */
static bool egret_queue_restore(struct egret_queue *queue)
{
	if (!queue->enabled)
		return true;
	queue->ring.tail = 0;
	if (egret_queue_is_dead(queue)) {
		queue->enabled = false;
		return true;
	}
	return egret_queue_program(queue);
}

/**
 * egret_queue_restore_all() - set all queues that are alive up again
 * @edev: card, whose hardware is being started; no jobs are on it
 *
 * Return: 0, or -EIO if the card does not take one.
 */
int egret_queue_restore_all(struct egret_device *edev)
{
	struct egret_queue *queue = NULL;
	bool taken = true;

	while ((queue = egret_queue_next(edev, queue)))
		taken &= egret_queue_restore(queue);
	return taken ? 0 : -EIO;
}

/* ---- system sleep ---------------------------------------------------------------------------- */

/* The fence of the last job on the hardware, with a reference, or NULL. */
static struct dma_fence *egret_queue_last_on_card(struct egret_queue *queue)
{
	struct dma_fence *fence = NULL;
	unsigned long flags;

	spin_lock_irqsave(&queue->vector->lock, flags);
	if (!egret_queue_is_idle(queue))
		fence = dma_fence_get(&egret_queue_on_card(queue, queue->begun)->fence->base);
	spin_unlock_irqrestore(&queue->vector->lock, flags);
	return fence;
}

/* Wait until no job is on the hardware; false if it takes longer than until @deadline. */
static bool egret_queue_wait_drained(struct egret_queue *queue, unsigned long deadline)
{
	struct dma_fence *fence = egret_queue_last_on_card(queue);
	long left;

	if (!fence)
		return true;
	left = max_t(long, deadline - jiffies, 1);
	left = dma_fence_wait_timeout(fence, false, left);
	dma_fence_put(fence);
	return left > 0;
}

static void egret_queue_hold(struct egret_queue *queue, bool held)
{
	mutex_lock(&queue->submit_lock);
	queue->held = held;
	mutex_unlock(&queue->submit_lock);
}

static void egret_queue_stop_feeding(struct egret_queue *queue)
{
	egret_queue_hold(queue, true);
	drm_sched_wqueue_stop(&queue->sched);
}

static void egret_queue_feed(struct egret_queue *queue)
{
	drm_sched_wqueue_start(&queue->sched);
	egret_queue_hold(queue, false);
}

/**
 * egret_queue_undrain_all() - let jobs onto the hardware again
 * @edev: card
 */
void egret_queue_undrain_all(struct egret_device *edev)
{
	egret_queue_for_each(edev, egret_queue_feed);
}

/**
 * egret_queue_drain_all() - let no more jobs onto the hardware, and wait for those on it
 * @edev: card; nobody makes new queues
 * @timeout: how long to wait, in jiffies
 *
 * Jobs that have not been started stay in their schedulers. egret_queue_undrain_all()
 * ends it.
 *
 * Return: 0; or -EBUSY if a queue is still at work. Then nothing has changed.
 */
int egret_queue_drain_all(struct egret_device *edev, unsigned long timeout)
{
	unsigned long deadline = jiffies + timeout;
	struct egret_queue *queue = NULL;

	egret_queue_for_each(edev, egret_queue_stop_feeding);
	while ((queue = egret_queue_next(edev, queue))) {
		if (egret_queue_wait_drained(queue, deadline))
			continue;
		drm_err(&edev->drm, "queue %u is still at work: not going to sleep\n",
			queue->hwid);
		egret_queue_put(queue);
		egret_queue_undrain_all(edev);
		return -EBUSY;
	}
	return 0;
}

/* ---- references ------------------------------------------------------------------------ */

static void egret_queue_free_ring(struct egret_queue *queue)
{
	mutex_lock(&queue->submit_lock);
	if (queue->ring.packets)
		dma_free_coherent(queue->edev->drm.dev, EGRET_QUEUE_BYTES, queue->ring.packets,
				  queue->ring_dma);
	queue->ring.packets = NULL;
	mutex_unlock(&queue->submit_lock);
}

/**
 * egret_queue_free_rings() - free the rings of all queues
 * @edev: card, which is gone. There are no jobs and there will be none.
 *
 * A driver must have no DMA memory when it leaves its device, but files may keep
 * queues.
 */
void egret_queue_free_rings(struct egret_device *edev)
{
	egret_queue_for_each(edev, egret_queue_free_ring);
}

static void egret_queue_cleanup(struct work_struct *work)
{
	struct egret_queue *queue = container_of(work, struct egret_queue, cleanup_work);
	struct egret_device *edev = queue->edev;

	cancel_delayed_work_sync(&queue->watchdog.work);
	/* Who ended the last job looks at the queue until the vector is unlocked. */
	spin_lock_irq(&queue->vector->lock);
	spin_unlock_irq(&queue->vector->lock);
	drm_sched_entity_fini(&queue->entity);
	drm_sched_fini(&queue->sched);
	egret_vm_unmap_kernel(queue->vm, egret_queue_ring_va(queue), EGRET_QUEUE_BYTES);
	egret_queue_free_ring(queue);
	egret_queue_forget_waits(queue);
	egret_vm_put(queue->vm);
	egret_client_put(queue->client);
	mutex_destroy(&queue->submit_lock);

	/* Last: the number may be used again at once. */
	xa_erase(&edev->queues, queue->hwid);
	wake_up_all(&edev->queue_gone);
	kfree(queue);
	drm_dev_put(&edev->drm);
}

static void egret_queue_release(struct kref *kref)
{
	struct egret_queue *queue = container_of(kref, struct egret_queue, refs);

	queue_work(egret_cleanup_wq, &queue->cleanup_work);
}

/**
 * egret_queue_put() - give up a reference
 * @queue: queue; dead, if it is the last reference
 */
void egret_queue_put(struct egret_queue *queue)
{
	kref_put(&queue->refs, egret_queue_release);
}

/**
 * egret_queue_cleanup_later() - let go of something outside of the signalling path
 * @work: work item that does it
 */
void egret_queue_cleanup_later(struct work_struct *work)
{
	queue_work(egret_cleanup_wq, work);
}

/**
 * egret_queue_flush_cleanup() - wait for the teardown of queues without references
 */
void egret_queue_flush_cleanup(void)
{
	flush_workqueue(egret_cleanup_wq);
}

/**
 * egret_queue_module_init() - prepare for queues, when the module is loaded
 *
 * Return: 0, or -ENOMEM.
 */
int egret_queue_module_init(void)
{
	egret_cleanup_wq = alloc_workqueue("egret-cleanup", WQ_UNBOUND, 0);
	return egret_cleanup_wq ? 0 : -ENOMEM;
}

/**
 * egret_queue_module_exit() - end what egret_queue_module_init() began
 */
void egret_queue_module_exit(void)
{
	destroy_workqueue(egret_cleanup_wq);
}

/**
 * egret_queue_lookup_hw() - find the queue that uses a hardware queue
 * @edev: card
 * @hwid: number of the hardware queue
 *
 * Return: the queue with a reference, or NULL.
 */
struct egret_queue *egret_queue_lookup_hw(struct egret_device *edev, u32 hwid)
{
	struct egret_queue *queue;

	xa_lock(&edev->queues);
	queue = xa_load(&edev->queues, hwid);
	if (queue && !kref_get_unless_zero(&queue->refs))
		queue = NULL;
	xa_unlock(&edev->queues);
	return queue;
}

/**
 * egret_queue_next() - go through all queues of a card
 * @edev: card
 * @queue: the last one, whose reference goes; NULL to begin
 *
 * Return: the next one with a reference, or NULL.
 */
struct egret_queue *egret_queue_next(struct egret_device *edev, struct egret_queue *queue)
{
	unsigned long hwid = queue ? queue->hwid + 1 : 0;
	struct egret_queue *next;

	if (queue)
		egret_queue_put(queue);
	xa_lock(&edev->queues);
	xa_for_each_start(&edev->queues, hwid, next, hwid)
		if (kref_get_unless_zero(&next->refs))
			break;
	xa_unlock(&edev->queues);
	return next;
}

/**
 * egret_queue_lookup() - find a queue by its ID
 * @efile: file
 * @id: ID
 *
 * Return: the queue with a reference, or NULL.
 */
struct egret_queue *egret_queue_lookup(struct egret_file *efile, u32 id)
{
	struct egret_queue *queue;

	xa_lock(&efile->queues);
	queue = xa_load(&efile->queues, id);
	if (queue)
		egret_queue_get(queue);
	xa_unlock(&efile->queues);
	return queue;
}

/* ---- creating ------------------------------------------------------------------------------ */

static int egret_queue_alloc_ring(struct egret_queue *queue)
{
	struct device *dev = queue->edev->drm.dev;
	u64 va = egret_queue_ring_va(queue);
	const u64 flags = EGRET_PTE_SYSTEM | EGRET_PTE_SUPERVISOR | EGRET_PTE_READ;
	int ret;

	queue->ring.packets = dma_alloc_coherent(dev, EGRET_QUEUE_BYTES, &queue->ring_dma,
						 GFP_KERNEL_ACCOUNT);
	if (!queue->ring.packets)
		return -ENOMEM;
	queue->slot = (void *)queue->ring.packets + EGRET_SLOT_OFFSET;

	ret = egret_vm_map_kernel(queue->vm, va, queue->ring_dma, EGRET_SLOT_OFFSET, flags);
	if (ret)
		goto err_free;
	ret = egret_vm_map_kernel(queue->vm, va + EGRET_SLOT_OFFSET,
				  queue->ring_dma + EGRET_SLOT_OFFSET, SZ_4K,
				  flags | EGRET_PTE_WRITE);
	if (ret)
		goto err_unmap;
	return 0;

err_unmap:
	egret_vm_unmap_kernel(queue->vm, va, EGRET_QUEUE_BYTES);
err_free:
	egret_queue_free_ring(queue);
	return ret;
}

static int egret_queue_init_sched(struct egret_queue *queue)
{
	struct drm_gpu_scheduler *sched = &queue->sched;
	const struct drm_sched_init_args args = {
		.ops = &egret_sched_ops,
		.submit_wq = queue->edev->sched_wq,
		.timeout_wq = queue->edev->sched_wq,
		.num_rqs = 1,
		.credit_limit = EGRET_RING_ROOM,
		/* The watchdog looks after what is on the hardware. */
		.timeout = MAX_SCHEDULE_TIMEOUT,
		.name = "egret-queue",
		.dev = queue->edev->drm.dev,
	};
	int ret;

	ret = drm_sched_init(sched, &args);
	if (ret)
		return ret;
	ret = drm_sched_entity_init(&queue->entity, DRM_SCHED_PRIORITY_KERNEL, &sched, 1, NULL);
	if (ret)
		drm_sched_fini(sched);
	return ret;
}

/*
 * Returns whether the card has taken it. One that was killed meanwhile, with its client,
 * is not given to the card: who has killed it will not do so again.
 */
static bool egret_queue_enable_once(struct egret_queue *queue)
{
	struct egret_device *edev = queue->edev;
	unsigned long flags;
	bool done = true;

	if (!egret_hw_enter(edev))
		return false;
	spin_lock_irqsave(&queue->vector->lock, flags);
	if (!egret_queue_is_dead(queue)) {
		done = egret_queue_program(queue);
		queue->enabled = done;
	}
	spin_unlock_irqrestore(&queue->vector->lock, flags);
	egret_hw_exit(edev);
	return done;
}

static int egret_queue_enable(struct egret_queue *queue)
{
	struct egret_device *edev = queue->edev;
	enum egret_reset_level level = EGRET_RESET_LEVEL_ENGINES;
	int idx, ret = 0;

	if (!drm_dev_enter(&edev->drm, &idx))
		return -ENODEV;
	/* Each reset that did not help is followed by a more thorough one. */
	while (!egret_queue_enable_once(queue)) {
		if (egret_device_is_wedged(edev)) {
			ret = -ENODEV;
			break;
		}
		egret_reset_and_wait(edev, level++, EGRET_RESET_CAUSE_ENABLE);
	}
	drm_dev_exit(idx);
	return ret;
}

/* A hardware queue for @queue, which is not to be found by its number yet. */
static int egret_queue_alloc_hw(struct egret_queue *queue)
{
	struct egret_device *edev = queue->edev;
	const struct xa_limit limit = XA_LIMIT(0, edev->info.queues - 1);
	int ret;

	ret = xa_alloc(&edev->queues, &queue->hwid, NULL, limit, GFP_KERNEL);
	if (ret == -EBUSY) {
		/* Some may be on their way out. */
		egret_queue_flush_cleanup();
		ret = xa_alloc(&edev->queues, &queue->hwid, NULL, limit, GFP_KERNEL);
	}
	if (ret)
		return ret == -EBUSY ? -ENOSPC : ret;
	queue->vector = &edev->irq.vectors[egret_irq_vector(&edev->irq, queue->hwid)];
	return 0;
}

/* What the card is to know of a queue that has its hardware queue. */
static u32 egret_queue_config(const struct egret_queue *queue, u32 priority)
{
	u32 vector = egret_irq_vector(&queue->edev->irq, queue->hwid);

	return FIELD_PREP(EGRET_Q_CONFIG_CONTEXT_MASK, queue->vm->context) |
	       FIELD_PREP(EGRET_Q_CONFIG_PRIORITY_MASK, priority) |
	       FIELD_PREP(EGRET_Q_CONFIG_VECTOR_MASK, vector) |
	       (queue->type == DRM_EGRET_QUEUE_COPY ? EGRET_Q_CONFIG_COPY : 0) |
	       EGRET_Q_CONFIG_SUPERVISOR;
}

/* Make a queue that is known by its hardware queue's number, but not enabled. */
static struct egret_queue *egret_queue_alloc(struct egret_vm *vm, struct egret_client *client,
					     u32 type, u32 priority, u32 flags)
{
	struct egret_device *edev = vm->edev;
	struct egret_queue *queue;
	int ret;

	queue = kzalloc(sizeof(*queue), GFP_KERNEL_ACCOUNT);
	if (!queue)
		return ERR_PTR(-ENOMEM);
	kref_init(&queue->refs);
	drm_dev_get(&edev->drm);
	queue->edev = edev;
	queue->vm = egret_vm_get(vm);
	queue->client = egret_client_get(client);
	queue->type = type;
	queue->flags = flags;
	queue->fence_context = dma_fence_context_alloc(2);
	queue->group_context = queue->fence_context + 1;
	mutex_init(&queue->submit_lock);
	queue->followers = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&queue->active_link);
	INIT_DELAYED_WORK(&queue->watchdog.work, egret_queue_watch);
	INIT_WORK(&queue->cleanup_work, egret_queue_cleanup);
	/* The kernel's are made by whoever needs them first. */
	if (client) {
		queue->owner.pid = task_tgid_nr(current);
		get_task_comm(queue->owner.comm, current->group_leader);
	}

	ret = egret_queue_alloc_hw(queue);
	if (ret)
		goto err_free;
	queue->config = egret_queue_config(queue, priority);
	ret = egret_queue_alloc_ring(queue);
	if (ret)
		goto err_hw;
	ret = egret_queue_init_sched(queue);
	if (ret)
		goto err_ring;
	/* The entry is reserved: this does not fail. */
	xa_store(&edev->queues, queue->hwid, queue, GFP_KERNEL);
	return queue;

err_ring:
	egret_vm_unmap_kernel(vm, egret_queue_ring_va(queue), EGRET_QUEUE_BYTES);
	egret_queue_free_ring(queue);
err_hw:
	xa_erase(&edev->queues, queue->hwid);
err_free:
	egret_vm_put(queue->vm);
	egret_client_put(queue->client);
	mutex_destroy(&queue->submit_lock);
	kfree(queue);
	drm_dev_put(&edev->drm);
	return ERR_PTR(ret);
}

/**
 * egret_queue_create() - make a queue
 * @vm: address space that its packets use
 * @client: whose it is, or NULL: the kernel's
 * @type: one of &enum drm_egret_queue_type
 * @priority: one of &enum drm_egret_queue_priority
 * @flags: combination of &enum drm_egret_queue_flags
 *
 * Must not be called inside of drm_dev_enter().
 *
 * Return: the queue with a reference, or an error pointer: -ENODEV, -ENOSPC, -ENOMEM.
 */
struct egret_queue *egret_queue_create(struct egret_vm *vm, struct egret_client *client,
				       u32 type, u32 priority, u32 flags)
{
	struct egret_queue *queue;
	int idx, ret;

	/* remove() finds either the queue, or nothing of it. */
	if (!drm_dev_enter(&vm->edev->drm, &idx))
		return ERR_PTR(-ENODEV);
	queue = egret_queue_alloc(vm, client, type, priority, flags);
	drm_dev_exit(idx);
	if (IS_ERR(queue))
		return queue;

	ret = egret_queue_enable(queue);
	if (ret) {
		egret_queue_kill(queue, EGRET_QUEUE_CLOSED, NULL);
		egret_queue_put(queue);
		return ERR_PTR(ret);
	}
	return queue;
}

/* ---- ioctls ---------------------------------------------------------------------------------- */

static int egret_queue_check(const struct drm_egret_queue_create *args)
{
	if (args->flags & ~DRM_EGRET_QUEUE_END_ON_RESET || args->pad)
		return -EINVAL;
	if (args->type > DRM_EGRET_QUEUE_COPY || args->priority > DRM_EGRET_PRIORITY_REALTIME)
		return -EINVAL;
	if (args->priority > DRM_EGRET_PRIORITY_NORMAL && !capable(CAP_SYS_NICE))
		return -EACCES;
	return 0;
}

int egret_queue_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct egret_file *efile = file->driver_priv;
	struct drm_egret_queue_create *args = data;
	struct egret_queue *queue;
	struct egret_vm *vm;
	int ret;

	ret = egret_queue_check(args);
	if (ret)
		return ret;
	if (egret_client_is_banned(efile->client))
		return -EPERM;
	vm = egret_vm_lookup(efile, args->vm_id);
	if (!vm)
		return -ENOENT;
	queue = egret_queue_create(vm, efile->client, args->type, args->priority, args->flags);
	egret_vm_put(vm);
	if (IS_ERR(queue))
		return PTR_ERR(queue);
	/* Who guesses the ID may destroy the queue before we look at it. */
	egret_queue_get(queue);
	/* Whoever bans the client finds the queue, but perhaps not before it was complete. */
	ret = egret_client_is_banned(efile->client) ? -EPERM : 0;
	/* An ID that was destroyed is not that of another queue soon: somebody may wait for it. */
	if (!ret)
		ret = min(xa_alloc_cyclic(&efile->queues, &queue->id, queue, EGRET_FILE_IDS,
					  &efile->next_queue, GFP_KERNEL), 0);
	args->queue_id = queue->id;
	if (ret) {
		egret_queue_kill(queue, EGRET_QUEUE_CLOSED, NULL);
		egret_queue_put(queue);
	}
	egret_queue_put(queue);
	return ret;
}

/*
 * The sum of what was saved and what the card has counted is too small for a moment
 * whenever the latter is about to be saved: when the queue dies, and when the card is
 * reset or falls asleep. Nobody is told less than was told before.
 */
static u64 egret_queue_tell_cycles(struct egret_queue *queue, u64 cycles)
{
	s64 told = atomic64_read(&queue->cycles_told);

	while (told < (s64)cycles)
		if (atomic64_try_cmpxchg(&queue->cycles_told, &told, cycles))
			return cycles;
	return told;
}

/**
 * egret_queue_busy_cycles() - what the card counted for a queue
 * @queue: queue
 *
 * Never sleeps, and does not wake the card.
 *
 * Return: modelled cycles up to now, or to its death; never less than before.
 */
u64 egret_queue_busy_cycles(struct egret_queue *queue)
{
	struct egret_device *edev = queue->edev;
	u64 cycles = READ_ONCE(queue->busy_cycles);
	int idx;

	if (!egret_queue_is_dead(queue) && drm_dev_enter(&edev->drm, &idx)) {
		if (egret_hw_try_enter(edev)) {
			cycles += egret_queue_read_cycles(queue);
			egret_hw_exit(edev);
		}
		drm_dev_exit(idx);
	}
	return egret_queue_tell_cycles(queue, cycles);
}

/* Wait until the hardware queue is free again, but not for ever. */
static void egret_queue_wait_gone(struct egret_device *edev, u32 hwid,
				  const struct egret_queue *queue, unsigned long deadline)
{
	long left = deadline - jiffies;

	/* The pointer is only compared: what it points to may be gone. */
	if (left > 0)
		wait_event_timeout(edev->queue_gone,
				   xa_load(&edev->queues, hwid) != queue, left);
}

/*
 * Take a queue's ID away, and with it the file's reference. What it has done until now
 * stays with the file, at any moment.
 */
static struct egret_queue *egret_queue_take(struct egret_file *efile, u32 id, u64 *cycles)
{
	struct egret_queue *queue;

	xa_lock(&efile->queues);
	queue = __xa_erase(&efile->queues, id);
	if (queue) {
		*cycles = egret_queue_busy_cycles(queue);
		efile->cycles[queue->type] += *cycles;
	}
	xa_unlock(&efile->queues);
	return queue;
}

/* End a queue that was taken when it had used @cycles, and give up its reference. */
static void egret_queue_close(struct egret_file *efile, struct egret_queue *queue, u64 cycles,
			      unsigned long deadline)
{
	struct egret_device *edev = queue->edev;
	u32 hwid = queue->hwid;

	egret_queue_kill(queue, EGRET_QUEUE_CLOSED, NULL);
	xa_lock(&efile->queues);
	efile->cycles[queue->type] += egret_queue_busy_cycles(queue) - cycles;
	xa_unlock(&efile->queues);
	egret_queue_put(queue);
	egret_queue_wait_gone(edev, hwid, queue, deadline);
}

int egret_queue_destroy_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct egret_file *efile = file->driver_priv;
	struct drm_egret_queue_destroy *args = data;
	struct egret_queue *queue;
	u64 cycles;

	if (args->pad)
		return -EINVAL;
	queue = egret_queue_take(efile, args->queue_id, &cycles);
	if (!queue)
		return -ENOENT;
	egret_queue_close(efile, queue, cycles, jiffies + EGRET_GONE_TIMEOUT);
	return 0;
}

/**
 * egret_queue_close_all() - destroy the queues of a file
 * @efile: file, which nobody uses any more
 */
void egret_queue_close_all(struct egret_file *efile)
{
	unsigned long deadline = jiffies + EGRET_GONE_TIMEOUT;
	struct egret_queue *queue;
	unsigned long id;
	u64 cycles;

	/* All first: jobs of one may wait for another. */
	xa_for_each(&efile->queues, id, queue)
		egret_queue_kill(queue, EGRET_QUEUE_CLOSED, NULL);
	xa_for_each(&efile->queues, id, queue) {
		egret_queue_take(efile, id, &cycles);
		egret_queue_close(efile, queue, cycles, deadline);
	}
}

static int egret_queue_wait(struct egret_queue *queue, u64 seqno, s64 deadline)
{
	struct dma_fence *fence = egret_queue_fence_of(queue, seqno);
	long left;

	if (IS_ERR_OR_NULL(fence))
		return PTR_ERR_OR_ZERO(fence);
	left = dma_fence_wait_timeout(fence, true, drm_timeout_abs_to_jiffies(deadline));
	if (left <= 0)
		egret_queue_unfollow(queue, fence);
	dma_fence_put(fence);
	return left > 0 ? 0 : left ?: -ETIME;
}

int egret_queue_wait_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	const struct drm_egret_queue_wait *args = data;
	struct egret_queue *queue;
	int ret;

	if (args->flags)
		return -EINVAL;
	queue = egret_queue_lookup(file->driver_priv, args->queue_id);
	if (!queue)
		return -ENOENT;
	ret = egret_queue_wait(queue, args->job, args->deadline);
	egret_queue_put(queue);
	return ret;
}

/* A fence for a job that is over. */
static struct dma_fence *egret_queue_fence_of_ended(struct egret_queue *queue, u64 seqno)
{
	struct egret_fence *fence;

	if (seqno <= READ_ONCE(queue->done))
		return dma_fence_get_stub();
	fence = egret_fence_alloc(GFP_KERNEL_ACCOUNT);
	if (!fence)
		return ERR_PTR(-ENOMEM);
	egret_fence_init(fence, queue->fence_context, seqno, true);
	egret_fence_end(fence, true);
	return &fence->base;
}

/* Take a reference of a fence over. */
static int egret_sync_file_install(struct dma_fence *fence)
{
	struct sync_file *file = sync_file_create(fence);
	int fd;

	dma_fence_put(fence);
	if (!file)
		return -ENOMEM;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		fput(file->file);
	else
		fd_install(fd, file->file);
	return fd;
}

int egret_queue_export_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_egret_queue_export *args = data;
	struct egret_queue *queue;
	struct dma_fence *fence;
	int fd;

	if (args->flags || args->pad)
		return -EINVAL;
	queue = egret_queue_lookup(file->driver_priv, args->queue_id);
	if (!queue)
		return -ENOENT;
	fence = egret_queue_fence_of(queue, args->job);
	if (!fence)
		fence = egret_queue_fence_of_ended(queue, args->job);
	egret_queue_put(queue);
	if (IS_ERR(fence))
		return PTR_ERR(fence);
	fd = egret_sync_file_install(fence);
	if (fd < 0)
		return fd;
	args->fd = fd;
	return 0;
}

int egret_queue_query_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_egret_queue_query *args = data;
	struct egret_queue *queue;
	struct egret_fault fault;
	unsigned long flags;

	if (args->pad)
		return -EINVAL;
	queue = egret_queue_lookup(file->driver_priv, args->queue_id);
	if (!queue)
		return -ENOENT;

	spin_lock_irqsave(&queue->vector->lock, flags);
	args->state = queue->state;
	fault = queue->fault;
	spin_unlock_irqrestore(&queue->vector->lock, flags);
	args->fault_code = fault.code;
	args->fault_info = fault.info;
	args->fault_value = fault.value;
	args->fault_addr = fault.addr;
	args->fault_pc = fault.pc;
	args->fault_cookie = fault.cookie;
	memcpy(args->fault_group, fault.group, sizeof(args->fault_group));
	args->pad2 = 0;

	args->jobs_completed = atomic64_read(&queue->completed);
	mutex_lock(&queue->submit_lock);
	args->jobs_submitted = queue->last_seqno;
	mutex_unlock(&queue->submit_lock);
	args->busy_cycles = egret_queue_busy_cycles(queue);
	egret_queue_put(queue);
	return 0;
}

/**
 * egret_queue_file_cycles() - how much a file used the engines
 * @efile: file
 * @cycles: modelled cycles by &enum drm_egret_queue_type, EGRET_QUEUE_TYPES of them
 */
void egret_queue_file_cycles(struct egret_file *efile, u64 *cycles)
{
	struct egret_queue *queue;
	unsigned long id;

	xa_lock(&efile->queues);
	memcpy(cycles, efile->cycles, sizeof(efile->cycles));
	xa_for_each(&efile->queues, id, queue)
		cycles[queue->type] += egret_queue_busy_cycles(queue);
	xa_unlock(&efile->queues);
}

/**
 * egret_queue_show_fdinfo() - print how much a file used the engines
 * @efile: file
 * @p: where to
 */
void egret_queue_show_fdinfo(struct egret_file *efile, struct drm_printer *p)
{
	static const char * const names[EGRET_QUEUE_TYPES] = {
		[DRM_EGRET_QUEUE_COMPUTE] = "compute",
		[DRM_EGRET_QUEUE_COPY] = "copy",
	};
	const struct drm_egret_device_info *info = &efile->edev->info;
	u64 cycles[EGRET_QUEUE_TYPES];
	unsigned int i;

	egret_queue_file_cycles(efile, cycles);
	/* A card that has one engine of a kind does not say so. */
	if (info->copy_engines > 1)
		drm_printf(p, "drm-engine-capacity-copy:\t%u\n", info->copy_engines);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		drm_printf(p, "drm-engine-%s:\t%llu ns\n", names[i],
			   mul_u64_u64_div_u64(cycles[i], USEC_PER_SEC, info->core_clock_khz));
		drm_printf(p, "drm-cycles-%s:\t%llu\n", names[i], cycles[i]);
		drm_printf(p, "drm-maxfreq-%s:\t%llu Hz\n", names[i],
			   (u64)info->core_clock_khz * 1000);
	}
}
