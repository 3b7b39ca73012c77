// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/**
 * DOC: Jobs
 *
 * A job is one DRM_EGRET_EXEC: some CALL packets, each of which runs packets that
 * user space wrote, and a FENCE packet that writes the job's number to the
 * queue's fence slot and interrupts.
 *
 * A job that has nothing to wait for is given to the hardware at once, by the ioctl:
 * its packets are written to the ring, and all that is left of it is its place in
 * &egret_queue.on_card. That is what nearly all jobs are, and what makes a launch cheap.
 *
 * If it comes soon behind another one, and nobody asks for its fence, it joins that one's
 * group (egret_fence.c), and no reservation is looked at: egret_exec_join(). Otherwise
 * it begins a group, or has a fence of its own.
 *
 * The others wait in a scheduler. Each hardware queue has one of its own with one entity.
 * There is nothing to choose between: the chip has more queues than a host has clients,
 * and schedules them itself, by priority and in time slices. What drm_sched does for us is
 * to hold jobs back until their dependencies have signalled and the ring has room. As long
 * as one of them waits, &egret_queue.waiting, all jobs behind it go the same way. So the
 * ring is written by the scheduler's work alone while there are such jobs, and under
 * &egret_queue.submit_lock alone while there are none.
 *
 * Everything that can fail happens before egret_job_arm(): after it the job's
 * fence is public and must signal. From there to the signal (starting the job,
 * run_job(), the interrupt handlers, the watchdog, killing) nothing allocates memory,
 * locks a reservation or waits for other fences, and lockdep is told so.
 *
 * A job ends in one of two ways. Either the card writes the fence slot, and the
 * interrupt handler signals. Or the queue dies, by a fault, a hang or because it
 * is destroyed: egret_queue_kill() stops the hardware first and then signals what
 * is on it with -ECANCELED; jobs that are not yet on it get there in their turn,
 * after their dependencies, and egret_job_run() cancels them, behind those that are
 * on the hardware still (egret_queue_cancel()). So a fence signals after those that
 * it depends on, always, and each in order. This is why a queue
 * with waiting jobs is not torn down with drm_sched_entity_destroy(): jobs hold
 * references, and the last one's end tears it down.
 *
 * References. A job in the scheduler holds its queue, keeps the card awake, and counts in
 * &egret_device.jobs. Jobs on the hardware do so together (egret_queue_get_busy()).
 *
 * Rejected: a scheduler for all jobs. Its work items, one to run a job and one to free it,
 * each with a switch of tasks, took two thirds of an EXEC (Documentation/libaccel.rst).
 *
 * DOC: The watchdog
 *
 * A fence must signal in finite time, and a job may rightly take long. So there
 * is no limit to its duration (but a very large one, `job_timeout_s`, which makes
 * the time finite even for an endless loop), but one for the time in which nothing
 * happens: `hang_timeout_ms`. The chip counts progress for each queue: packets,
 * workgroups, pieces of copies, and quanta of instructions.
 *
 * A queue without progress is hung if
 *
 * - it stands at a WAIT packet. User space that waits longer than the limit uses
 *   a sync object, which the kernel can see through; a WAIT can be for ever. Or
 * - a cluster reports that it is stuck with the queue's workgroup, or nothing on
 *   the whole card makes progress.
 *
 * Otherwise it is only waiting for its turn, while others of higher priority run.
 */
#include <linux/dma-fence-chain.h>
#include <linux/dma-fence-unwrap.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <drm/drm_drv.h>
#include <drm/drm_exec.h>
#include <drm/drm_print.h>

#include "compat.h"
#include "egret_bo.h"
#include "egret_fence.h"
#include "egret_hw.h"
#include "egret_array.h"
#include "egret_evict.h"
#include "egret_job.h"
#include "egret_pm.h"
#include "egret_queue.h"
#include "egret_sync.h"
#include "egret_trace.h"
#include "egret_userptr.h"
#include "egret_vm.h"

static unsigned int hang_timeout_ms = 10000;
module_param(hang_timeout_ms, uint, 0644);
MODULE_PARM_DESC(hang_timeout_ms,
		 "Kill a queue that makes no progress for so long, in ms (default 10000)");

static unsigned int job_timeout_s = 3600;
module_param(job_timeout_s, uint, 0644);
MODULE_PARM_DESC(job_timeout_s,
		 "Kill a job that runs so long, even if it makes progress, in s (default 3600)");

/* The watchdog looks so many times within the limit. */
#define EGRET_WATCHDOG_LOOKS	4
#define EGRET_HANG_TIMEOUT_MIN	20	/* ms */

/*
 * An EXEC of so many calls needs no memory for them. No more than the common case needs: a
 * ring's end within the packets. Kernels may be built to clear the stack.
 */
#define EGRET_EXEC_FEW	2

static unsigned long egret_hang_timeout(void)
{
	unsigned int ms = READ_ONCE(hang_timeout_ms);

	return msecs_to_jiffies(max_t(unsigned int, ms, EGRET_HANG_TIMEOUT_MIN));
}

/**
 * egret_watchdog_period() - how often the watchdog looks at a queue
 *
 * Return: time in jiffies.
 */
unsigned long egret_watchdog_period(void)
{
	return max(egret_hang_timeout() / EGRET_WATCHDOG_LOOKS, 1UL);
}

/*
 * A job that waits for its turn. It has copies of the calls.
 */
struct egret_sched_job {
	struct drm_sched_job base;
	struct egret_job job;
	struct drm_egret_call calls[];
};

static struct egret_job *to_egret_job(struct drm_sched_job *job)
{
	return &container_of(job, struct egret_sched_job, base)->job;
}

/* ---- running: on the fence-signalling path ------------------------------------- */

static void egret_job_write(const struct egret_job *job)
{
	struct egret_ring *ring = &job->queue->ring;

	egret_ring_add_calls(ring, job->calls, job->num_calls);
	egret_ring_add_packets(ring, job->packets, job->num_packets);
	egret_ring_add_fence(ring, egret_queue_slot_va(job->queue), job->seqno);
	/* The card must find the packets. */
	dma_wmb();
	egret_ring_doorbell(job->queue->edev, job->queue->hwid, ring->tail);
}

/* Places in the ring. */
static u32 egret_job_packets(const struct egret_job *job)
{
	return job->num_calls + job->num_packets + 1;
}

static void egret_job_cancel(const struct egret_job *job)
{
	egret_queue_cancel(job->queue, job->fence, egret_job_packets(job));
}

/* Inside of the gate; the ring has room. Takes a reference of the fence over. */
static void egret_job_start(const struct egret_job *job)
{
	trace_egret_job_run(job);
	if (egret_queue_begin(job->queue, job->fence, egret_job_packets(job)))
		egret_job_write(job);
	else
		egret_job_cancel(job);
}

/* Room in the ring is the last thing that a job waits for. */
static struct dma_fence *egret_job_prepare(struct drm_sched_job *sched_job,
					   struct drm_sched_entity *entity)
{
	struct egret_job *job = to_egret_job(sched_job);

	return egret_queue_wait_for_room(job->queue, egret_job_packets(job));
}

static struct dma_fence *egret_job_run(struct drm_sched_job *sched_job)
{
	struct egret_job *job = to_egret_job(sched_job);
	struct egret_queue *queue = job->queue;
	bool cookie = dma_fence_begin_signalling();
	struct dma_fence *fence = dma_fence_get(&job->fence->base);
	int idx;

	/* One for the job's place on the card. */
	dma_fence_get(fence);
	/* Made after the others were ended. */
	if (egret_device_is_wedged(queue->edev))
		egret_queue_kill(queue, DRM_EGRET_QUEUE_DEAD_RESET, NULL);
	if (!drm_dev_enter(&queue->edev->drm, &idx)) {
		egret_job_cancel(job);
		goto out;
	}
	/* Inside of the gate, no reset can empty the ring between the two. */
	if (egret_hw_enter(queue->edev)) {
		egret_job_start(job);
		egret_hw_exit(queue->edev);
	} else {
		egret_job_cancel(job);
	}
	drm_dev_exit(idx);
out:
	/* Who finds none waiting may write to the ring: see egret_job_enter(). */
	atomic_dec_return_release(&queue->waiting);
	dma_fence_end_signalling(cookie);
	return fence;
}

static void egret_job_destroy(struct egret_sched_job *sched)
{
	struct egret_queue *queue = sched->job.queue;

	kfree(sched->job.packets);
	kfree(sched);
	egret_queue_put_busy(queue);
}

static void egret_job_free(struct drm_sched_job *sched_job)
{
	struct egret_sched_job *sched = container_of(sched_job, struct egret_sched_job, base);

	dma_fence_put(&sched->job.fence->base);
	drm_sched_job_cleanup(sched_job);
	egret_job_destroy(sched);
}

const struct drm_sched_backend_ops egret_sched_ops = {
	.prepare_job = egret_job_prepare,
	.run_job = egret_job_run,
	.free_job = egret_job_free,
};

/* ---- watchdog -------------------------------------------------------------------- */

/* Something that changes as long as anything on the card does. */
static u64 egret_card_progress(struct egret_device *edev)
{
	return egret_read64(edev, EGRET_REG_CNT_PACKETS) +
	       egret_read64(edev, EGRET_REG_CNT_WORKGROUPS) +
	       egret_read64(edev, EGRET_REG_CNT_INSTRUCTIONS) +
	       egret_read64(edev, EGRET_REG_CNT_VRAM_WRITE) +
	       egret_read64(edev, EGRET_REG_CNT_HOST_WRITE);
}

static bool egret_cluster_is_stuck(struct egret_queue *queue)
{
	struct egret_device *edev = queue->edev;
	u32 c;

	for (c = 0; c < edev->info.clusters; c++)
		if (egret_read(edev, EGRET_REG_CLUSTER(c, EGRET_CL_STATUS)) &
		    EGRET_CL_STATUS_HUNG &&
		    egret_read(edev, EGRET_REG_CLUSTER(c, EGRET_CL_QUEUE)) == queue->hwid)
			return true;
	return false;
}

/* Whether the queue, at work on job @seqno, is hung. */
static bool egret_queue_is_hung(struct egret_queue *queue, u64 seqno)
{
	struct egret_device *edev = queue->edev;
	typeof(queue->watchdog) *w = &queue->watchdog;
	u64 progress = egret_queue_read64(edev, queue->hwid, EGRET_Q_PROGRESS);
	u64 card = egret_card_progress(edev);
	u64 limit = max_t(u64, READ_ONCE(job_timeout_s), 1) * HZ;
	bool others = card != w->card;

	w->card = card;
	if (w->seqno != seqno) {
		w->seqno = seqno;
		w->begun = jiffies;
		w->moved = jiffies;
	} else if (w->progress != progress) {
		w->moved = jiffies;
	}
	w->progress = progress;

	if (jiffies - w->begun >= limit)
		return true;
	if (jiffies - w->moved < egret_hang_timeout())
		return false;
	if (egret_queue_read(edev, queue->hwid, EGRET_Q_STATUS) == EGRET_Q_STATE_WAITING)
		return true;
	return !others || egret_cluster_is_stuck(queue);
}

/* Look after the oldest job on the hardware, number @seqno. */
static void egret_queue_watch_job(struct egret_queue *queue, u64 seqno)
{
	struct egret_device *edev = queue->edev;
	bool hung = false;
	int idx;

	if (!drm_dev_enter(&edev->drm, &idx))
		return;
	/* Where it is down, somebody takes care of it already. */
	if (egret_hw_try_enter(edev)) {
		hung = egret_queue_is_hung(queue, seqno);
		egret_hw_exit(edev);
	}
	drm_dev_exit(idx);
	if (hung) {
		drm_dbg(&edev->drm, "queue %u hangs and is killed\n", queue->hwid);
		egret_queue_kill(queue, DRM_EGRET_QUEUE_DEAD_HUNG, NULL);
	}
}

/**
 * egret_queue_watch() - look whether the jobs on the hardware make progress
 * @work: &egret_queue.watchdog.work
 *
 * It is started with the first job on the hardware, and comes back as long as there are
 * some.
 */
void egret_queue_watch(struct work_struct *work)
{
	struct egret_queue *queue = container_of(to_delayed_work(work), struct egret_queue,
						 watchdog.work);
	bool cookie;
	u64 seqno;

	/* Without jobs it may be about to be torn down, which waits for us. */
	if (!kref_get_unless_zero(&queue->refs))
		return;
	cookie = dma_fence_begin_signalling();
	/* An interrupt may have got lost. */
	egret_queue_poll(queue);
	seqno = egret_queue_first_on_card(queue);
	if (seqno) {
		egret_queue_watch_job(queue, seqno);
		queue_delayed_work(queue->edev->sched_wq, &queue->watchdog.work,
				   egret_watchdog_period());
	}
	dma_fence_end_signalling(cookie);
	egret_queue_put(queue);
}

/* ---- jobs of the scheduler -------------------------------------------------------------- */

/*
 * Make a scheduler's job of @job, which belongs to the caller still; on success its fence and
 * packets go with it.
 */
static struct egret_sched_job *egret_sched_job_create(const struct egret_job *job, void *owner,
						      u64 client_id)
{
	struct egret_sched_job *sched;
	int ret;

	sched = kzalloc(struct_size(sched, calls, job->num_calls), GFP_KERNEL_ACCOUNT);
	if (!sched)
		return ERR_PTR(-ENOMEM);
	/* A credit is a job; for room in the ring, see egret_job_prepare(). */
	ret = drm_sched_job_init(&sched->base, &job->queue->entity, 1, owner, client_id);
	if (ret) {
		kfree(sched);
		return ERR_PTR(ret);
	}
	sched->job = *job;
	memcpy(sched->calls, job->calls, job->num_calls * sizeof(*job->calls));
	sched->job.calls = sched->calls;
	sched->job.sched = &sched->base;
	egret_queue_get_busy(job->queue);
	return sched;
}

/* Undo egret_sched_job_create(), if the job was not pushed. The fence stays with the caller. */
static void egret_sched_job_abort(struct egret_sched_job *sched)
{
	drm_sched_job_cleanup(&sched->base);
	egret_job_destroy(sched);
}

/* ---- giving jobs to the hardware, or to the scheduler: under the submit lock ---------- */

/*
 * Whether a job can be given to the hardware at once. If so, it is inside of the gate until
 * egret_job_exit(), and nothing that follows fails.
 */
static bool egret_job_enter(const struct egret_job *job, int *idx)
{
	struct egret_queue *queue = job->queue;
	struct egret_device *edev = queue->edev;

	lockdep_assert_held(&queue->submit_lock);
	if (queue->held || (job->sched && !xa_empty(&job->sched->dependencies)))
		return false;
	/* What the scheduler's jobs wrote to the ring comes first. */
	if (atomic_read_acquire(&queue->waiting) ||
	    !egret_queue_has_room(queue, egret_job_packets(job)))
		return false;
	if (!drm_dev_enter(&edev->drm, idx))
		return false;
	if (egret_hw_try_enter(edev))
		return true;
	drm_dev_exit(*idx);
	return false;
}

static void egret_job_exit(const struct egret_job *job, int idx)
{
	egret_hw_exit(job->queue->edev);
	drm_dev_exit(idx);
}

/* The fence becomes public, and must signal. */
static void egret_job_arm(struct egret_job *job)
{
	struct egret_queue *queue = job->queue;
	struct egret_fence *fence = job->fence;

	lockdep_assert_held(&queue->submit_lock);
	job->seqno = ++queue->last_seqno;
	fence->card = queue->edev;
	/* Those of the kernel's jobs stay here. */
	egret_fence_init(fence, fence->group ? queue->group_context : queue->fence_context,
			 job->seqno, !job->packets);
	trace_egret_job_submit(job);
}

/* Let it wait for its turn. From here on the scheduler has it. */
static void egret_job_queue(const struct egret_job *job)
{
	atomic_inc(&job->queue->waiting);
	drm_sched_job_arm(job->sched);
	drm_sched_entity_push_job(job->sched);
}

/**
 * egret_job_submit_kernel() - run packets of the kernel
 * @queue: a queue of the kernel
 * @packets: kmalloc()ed, and the job's from here on, also on failure
 * @count: number of them
 *
 * The job does not wait for anything but those before it on the queue.
 *
 * Return: its fence, a reference, or ERR_PTR(-ENOMEM). If the queue is dead it is
 * signalled with -ECANCELED soon.
 */
struct dma_fence *egret_job_submit_kernel(struct egret_queue *queue,
					  const union egret_packet *packets, u32 count)
{
	struct egret_job job = {
		.queue = queue,
		.packets = packets,
		.num_packets = count,
	};
	struct egret_sched_job *sched;
	struct dma_fence *fence;
	bool cookie;

	job.fence = egret_fence_alloc(GFP_KERNEL);
	sched = job.fence ? egret_sched_job_create(&job, NULL, 0) : ERR_PTR(-ENOMEM);
	if (IS_ERR(sched)) {
		egret_fence_free(job.fence);
		kfree(packets);
		return ERR_CAST(sched);
	}
	mutex_lock(&queue->submit_lock);
	cookie = dma_fence_begin_signalling();
	egret_job_arm(&sched->job);
	fence = dma_fence_get(&job.fence->base);
	egret_job_queue(&sched->job);
	dma_fence_end_signalling(cookie);
	mutex_unlock(&queue->submit_lock);
	return fence;
}

/* Whether @obj, locked for @exec, is a buffer that other devices have or made. */
static bool egret_exec_is_shared(struct drm_gpuvm_exec *exec, struct drm_gem_object *obj)
{
	return obj != drm_gpuvm_resv_obj(exec->vm) && egret_bo_is_shared(to_egret_bo(obj));
}

/*
 * Memory is not freed while it is used. Nobody waits for it implicitly, but other
 * devices; for these the fence becomes one of a writer, in the same place.
 */
static void egret_job_publish_to_buffers(struct drm_gpuvm_exec *exec, struct dma_fence *fence)
{
	struct drm_gem_object *obj;

	drm_gpuvm_exec_resv_add_fence(exec, fence, DMA_RESV_USAGE_BOOKKEEP,
				      DMA_RESV_USAGE_BOOKKEEP);
	drm_exec_for_each_locked_object(&exec->exec, obj)
		if (egret_exec_is_shared(exec, obj))
			dma_resv_add_fence(obj->resv, fence, DMA_RESV_USAGE_WRITE);
}

/*
 * Whether other jobs may join this one: not if somebody outside gets its fence. And between two
 * jobs of an address space with a buffer of other devices may come one of these, for which the
 * second has to wait. So each has a fence of its own, and finds those of others.
 */
static bool egret_exec_begins_group(const struct egret_syncs *syncs, struct drm_gpuvm_exec *exec)
{
	struct drm_gem_object *obj;

	if (egret_syncs_have_signals(syncs))
		return false;
	if (exec)
		drm_exec_for_each_locked_object(&exec->exec, obj)
			if (egret_exec_is_shared(exec, obj))
				return false;
	return true;
}

/* Give the fence to everybody who shall have it. */
static void egret_job_publish(const struct egret_job *job, struct egret_syncs *syncs,
			      struct drm_gpuvm_exec *exec)
{
	struct egret_queue *queue = job->queue;
	struct dma_fence *fence = &job->fence->base;
	u32 i;

	for (i = 0; i < syncs->count; i++)
		if (syncs->array[i].fence)
			egret_queue_note_wait(queue, syncs->array[i].fence);
	egret_syncs_signal(syncs, fence);
	if (exec)
		egret_job_publish_to_buffers(exec, fence);
	else
		dma_resv_add_fence(drm_gpuvm_resv(&queue->vm->base), fence,
				   DMA_RESV_USAGE_BOOKKEEP);
}

/*
 * Submit the job. The reservations are locked: those of @exec, or only the address space's.
 *
 * Return: 0: the job is on the hardware, its fence gone; 1: the scheduler has it; -EBUSY: it
 * has to wait, and is no job of the scheduler; -EAGAIN: memory of user pointers has changed.
 */
static int egret_job_push(struct egret_job *job, struct egret_syncs *syncs,
			  struct drm_gpuvm_exec *exec)
{
	struct egret_queue *queue = job->queue;
	bool cookie, entered = false;
	int idx, ret = -EAGAIN;

	mutex_lock(&queue->submit_lock);
	cookie = dma_fence_begin_signalling();
	/* Who changes it from here on waits for the job. */
	mutex_lock(&queue->vm->userptr_lock);
	if (!list_empty(&queue->vm->userptr_todo))
		goto out;
	entered = egret_job_enter(job, &idx);
	ret = entered ? 0 : job->sched ? 1 : -EBUSY;
	if (ret < 0)
		goto out;
	job->fence->group = egret_exec_begins_group(syncs, exec);
	/* From here nothing fails. */
	egret_job_arm(job);
	egret_job_publish(job, syncs, exec);
	if (entered) {
		egret_job_start(job);
		egret_job_exit(job, idx);
	} else {
		egret_job_queue(job);
	}
out:
	mutex_unlock(&queue->vm->userptr_lock);
	dma_fence_end_signalling(cookie);
	mutex_unlock(&queue->submit_lock);
	return ret;
}

/* ---- DRM_EGRET_EXEC, behind another one -------------------------------------------------- */

/* Give the job to the hardware as one of the group before it. */
static bool egret_job_join(struct egret_job *job)
{
	struct egret_queue *queue = job->queue;
	bool joined;
	int idx;

	if (!egret_job_enter(job, &idx))
		return false;
	joined = egret_queue_join(queue, egret_job_packets(job));
	if (joined) {
		job->seqno = ++queue->last_seqno;
		trace_egret_job_submit(job);
		trace_egret_job_run(job);
		egret_job_write(job);
	}
	egret_job_exit(job, idx);
	return joined;
}

/* Whether a job need not wait for any of these on the host. */
static bool egret_syncs_are_met(const struct egret_syncs *syncs, const struct egret_queue *queue)
{
	u32 i;

	for (i = 0; i < syncs->count; i++) {
		struct dma_fence *fence = syncs->array[i].fence;

		if (fence && fence->context != queue->fence_context &&
		    !dma_fence_is_signaled(fence))
			return false;
	}
	return true;
}

/* Return: whether the job is on the hardware. */
static bool egret_exec_join(struct egret_job *job, const struct egret_syncs *syncs)
{
	struct egret_queue *queue = job->queue;
	bool cookie, joined;

	if (!READ_ONCE(queue->group) || egret_syncs_have_signals(syncs) ||
	    !egret_syncs_are_met(syncs, queue))
		return false;
	/* An asynchronous bind can leave some to the next execution, and is not waited for. */
	if (!list_empty(&queue->vm->userptr_todo))
		return false;
	mutex_lock(&queue->submit_lock);
	cookie = dma_fence_begin_signalling();
	joined = egret_job_join(job);
	dma_fence_end_signalling(cookie);
	mutex_unlock(&queue->submit_lock);
	return joined;
}

/* ---- DRM_EGRET_EXEC, when there is nothing to wait for ---------------------------------- */

/*
 * Whether all that is bound in an address space is its own, and in place. Its reservation is
 * locked, and whoever binds or moves its own buffers needs that.
 */
static bool egret_vm_is_settled(struct egret_vm *vm)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	if (!list_empty(&vm->base.extobj.list) || !list_empty(&vm->base.evict.list))
		return false;
	/* Cheaper than dma_resv_test_signaled(), which does not rely on the lock. */
	dma_resv_for_each_fence(&cursor, drm_gpuvm_resv(&vm->base), DMA_RESV_USAGE_KERNEL, fence)
		if (!dma_fence_is_signaled(fence))
			return false;
	return true;
}

/* Return: 0; or -EBUSY, -EAGAIN: there is something to wait for, or to do before. */
static int egret_exec_at_once(struct egret_job *job, struct egret_syncs *syncs)
{
	struct egret_vm *vm = job->queue->vm;
	struct dma_resv *resv = drm_gpuvm_resv(&vm->base);
	int ret;

	if (!egret_syncs_are_met(syncs, job->queue))
		return -EBUSY;
	ret = egret_evict_begin(vm->edev, false);
	if (ret)
		return ret;
	ret = dma_resv_lock_interruptible(resv, NULL);
	if (ret)
		goto out_end;
	ret = egret_vm_is_settled(vm) ? dma_resv_reserve_fences(resv, 1) : -EBUSY;
	if (!ret) {
		egret_vm_use(vm, NULL);
		ret = egret_job_push(job, syncs, NULL);
	}
	dma_resv_unlock(resv);
out_end:
	egret_evict_end(vm->edev, false);
	return ret;
}

/* ---- DRM_EGRET_EXEC, whatever there is ----------------------------------------------------- */

/* Wait for what one point of a timeline adds, or for a fence that is in none. */
static int egret_job_add_wait_link(const struct egret_job *job, struct dma_fence *link)
{
	struct dma_fence_unwrap iter;
	struct dma_fence *fence;
	int ret = 0;

	dma_fence_unwrap_for_each(fence, &iter, dma_fence_chain_contained(link)) {
		if (ret || fence->context == job->queue->fence_context ||
		    dma_fence_is_signaled(fence))
			continue;
		ret = drm_sched_job_add_dependency(job->sched, dma_fence_get(fence));
	}
	return ret;
}

/*
 * A point of a timeline stands for all points before it. Taken apart, what is
 * left to wait for on the host are only other queues: jobs of one queue run in
 * order anyway (see egret_fence.c). For the same reason the walk ends at a point
 * that an earlier job of the queue has waited for; without that, jobs that follow
 * each other on a timeline would cost the more the more of them there are.
 */
static int egret_job_add_wait(const struct egret_job *job, struct dma_fence *wait)
{
	struct dma_fence *link;
	int ret = 0;

	dma_fence_chain_for_each(link, wait) {
		bool known = egret_queue_knows_wait(job->queue, link);

		if (!known)
			ret = egret_job_add_wait_link(job, link);
		if (known || ret) {
			dma_fence_put(link);
			break;
		}
	}
	return ret;
}

static int egret_job_add_waits(const struct egret_job *job, const struct egret_syncs *syncs)
{
	u32 i;
	int ret = 0;

	mutex_lock(&job->queue->submit_lock);
	for (i = 0; !ret && i < syncs->count; i++)
		if (syncs->array[i].fence)
			ret = egret_job_add_wait(job, syncs->array[i].fence);
	mutex_unlock(&job->queue->submit_lock);
	return ret;
}

/*
 * Drivers that synchronise implicitly expect the same of us. A job may write whatever
 * is bound. Among themselves, the jobs of a card know better.
 */
static int egret_job_add_shared(const struct egret_job *job, struct drm_gem_object *obj)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	int ret;

	dma_resv_for_each_fence(&cursor, obj->resv, dma_resv_usage_rw(true), fence) {
		if (dma_fence_is_signaled(fence) ||
		    (dma_resv_iter_usage(&cursor) != DMA_RESV_USAGE_KERNEL &&
		     egret_fence_is_of(fence, job->queue->edev)))
			continue;
		ret = drm_sched_job_add_dependency(job->sched, dma_fence_get(fence));
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * Memory that is being moved, or cleared, is not used before the end of that, nor is
 * what other devices are working on.
 */
static int egret_job_add_moves(const struct egret_job *job, struct drm_gpuvm_exec *exec)
{
	struct drm_gem_object *obj;
	int ret;

	drm_exec_for_each_locked_object(&exec->exec, obj) {
		if (egret_exec_is_shared(exec, obj))
			ret = egret_job_add_shared(job, obj);
		else
			ret = drm_sched_job_add_resv_dependencies(job->sched, obj->resv,
								  DMA_RESV_USAGE_KERNEL);
		/* Moves may have used up the place of the job's fence. */
		if (!ret)
			ret = dma_resv_reserve_fences(obj->resv, exec->num_fences);
		if (ret)
			return ret;
	}
	return 0;
}

/* Before ww_acquire_done(): TTM may lock other buffers. */
static int egret_exec_validate(struct drm_gpuvm_exec *exec)
{
	return egret_vm_revalidate(to_egret_vm(exec->vm), &exec->exec);
}

/*
 * Make all bound memory accessible, and submit. Return as egret_job_push(); -EAGAIN: it has
 * changed meanwhile.
 */
static int egret_job_submit(struct egret_job *job, struct egret_syncs *syncs, bool exclusive)
{
	struct egret_vm *vm = job->queue->vm;
	struct drm_gpuvm_exec exec = {
		.vm = &vm->base,
		.flags = DRM_EXEC_INTERRUPTIBLE_WAIT,
		.num_fences = 1,
		.extra.fn = egret_exec_validate,
	};
	int ret;

	ret = egret_vm_fault_userptrs(vm);
	if (ret)
		return ret;
	ret = egret_evict_begin(vm->edev, exclusive);
	if (ret)
		return ret;
	ret = drm_gpuvm_exec_lock(&exec);
	if (ret)
		goto out_end;
	egret_vm_use(vm, &exec.exec);
	ret = egret_job_add_moves(job, &exec);
	if (!ret)
		ret = egret_vm_write_userptrs(vm);
	if (!ret)
		ret = egret_job_push(job, syncs, &exec);
	drm_gpuvm_exec_unlock(&exec);
out_end:
	egret_evict_end(vm->edev, exclusive);
	return ret;
}

/* Return: 0, or a negative errno; then the fence is the caller's still. */
static int egret_exec_in_turn(const struct egret_job *job, struct egret_syncs *syncs,
			      struct drm_file *file)
{
	struct egret_sched_job *sched = egret_sched_job_create(job, file, file->client_id);
	bool exclusive = false;
	int ret;

	if (IS_ERR(sched))
		return PTR_ERR(sched);
	ret = egret_job_add_waits(&sched->job, syncs);
	if (!ret)
		do {
			ret = egret_job_submit(&sched->job, syncs, exclusive);
			if (!exclusive && egret_evict_again(ret)) {
				exclusive = true;
				ret = -EAGAIN;
			}
		} while (ret == -EAGAIN);
	if (ret <= 0)
		egret_sched_job_abort(sched);
	return min(ret, 0);
}

/* ---- DRM_EGRET_EXEC ------------------------------------------------------------------------ */

/* Mostly there is one call, whose size is known to the compiler: nothing is to be checked. */
static struct drm_egret_call *egret_exec_copy_calls(const struct drm_egret_array *array,
						    struct drm_egret_call *few)
{
	if (array->count != 1 || array->stride != sizeof(*few))
		return egret_array_copy(array, sizeof(*few), sizeof(*few), DRM_EGRET_CALLS_MAX,
					few, EGRET_EXEC_FEW);
	if (copy_from_user(few, u64_to_user_ptr(array->array), sizeof(*few)))
		return ERR_PTR(-EFAULT);
	return few;
}

static int egret_exec_check_calls(const struct drm_egret_call *calls, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++) {
		const struct drm_egret_call *call = &calls[i];

		if (call->pad || !call->count || !IS_ALIGNED(call->va, EGRET_PACKET_SIZE))
			return -EINVAL;
		/* The kernel's part of the address space is not to be called. */
		if (!egret_vm_range_valid(call->va, (u64)call->count * EGRET_PACKET_SIZE))
			return -EINVAL;
	}
	return 0;
}

static int egret_exec_alone(struct egret_job *job, struct egret_syncs *syncs,
			    struct drm_file *file)
{
	int ret;

	/* Not charged to anybody: there are as many as jobs, which are few, and they go soon. */
	job->fence = egret_fence_alloc(GFP_KERNEL);
	if (!job->fence)
		return -ENOMEM;
	ret = egret_exec_at_once(job, syncs);
	if (ret == -EBUSY || ret == -EAGAIN)
		ret = egret_exec_in_turn(job, syncs, file);
	if (ret)
		egret_fence_free(job->fence);
	return ret;
}

static int egret_exec_job(struct egret_job *job, struct egret_syncs *syncs, struct drm_file *file)
{
	struct egret_device *edev = job->queue->edev;
	int ret;

	if (egret_exec_join(job, syncs))
		return 0;
	ret = egret_pm_get(edev);
	if (ret)
		return ret;
	ret = egret_exec_alone(job, syncs, file);
	egret_pm_put(edev);
	return ret;
}

static int egret_exec_queue(struct egret_queue *queue, struct drm_file *file,
			    const struct drm_egret_exec *args)
{
	struct drm_egret_call few[EGRET_EXEC_FEW];
	struct drm_egret_call *calls;
	struct egret_syncs syncs;
	struct egret_job job = {
		.queue = queue,
		.num_calls = args->calls.count,
	};
	int ret;

	calls = egret_exec_copy_calls(&args->calls, few);
	if (IS_ERR(calls))
		return PTR_ERR(calls);
	job.calls = calls;
	ret = egret_exec_check_calls(calls, job.num_calls);
	if (ret)
		goto out_calls;
	ret = egret_syncs_init(&syncs, file, &args->syncs);
	if (!ret)
		ret = egret_exec_job(&job, &syncs, file);
	egret_syncs_fini(&syncs);
out_calls:
	egret_array_free(calls, few);
	return ret;
}

int egret_exec_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_egret_exec *args = data;
	struct egret_queue *queue;
	int ret;

	if (args->flags)
		return -EINVAL;
	queue = egret_queue_lookup(file->driver_priv, args->queue_id);
	if (!queue)
		return -ENOENT;
	ret = egret_queue_is_dead(queue) ? -ECANCELED : egret_exec_queue(queue, file, args);
	egret_queue_put(queue);
	return ret;
}
