// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/**
 * DOC: Jobs
 *
 * A job is one DRM_EGRET_EXEC: some CALL packets, each of which runs packets that
 * user space wrote, and a FENCE packet that writes the job's number to the
 * queue's fence slot and interrupts.
 *
 * Each hardware queue has a scheduler of its own with one entity. There is
 * nothing to choose between: the chip has more queues than a host has clients,
 * and schedules them itself, by priority and in time slices. What drm_sched does
 * for us is to hold jobs back until their dependencies have signalled and the ring
 * has room (a credit is a packet), and to watch over them.
 *
 * Everything that can fail happens before drm_sched_job_arm(): after it the job's
 * fence is public and must signal. From there to the signal (run_job(), the
 * interrupt handlers, the watchdog, killing) nothing allocates memory, locks a
 * reservation or waits for other fences, and lockdep is told so.
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
#include <drm/drm_drv.h>
#include <drm/drm_exec.h>
#include <drm/drm_print.h>

#include "compat.h"
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

static struct egret_job *to_egret_job(struct drm_sched_job *job)
{
	return container_of(job, struct egret_job, base);
}

/* ---- running: on the fence-signalling path ------------------------------------- */

static void egret_job_write(struct egret_job *job)
{
	struct egret_ring *ring = &job->queue->ring;

	egret_ring_add_calls(ring, job->calls, job->num_calls);
	egret_ring_add_packets(ring, job->packets, job->num_packets);
	egret_ring_add_fence(ring, egret_queue_slot_va(job->queue), job->fence->base.seqno);
}

static void egret_job_start(struct egret_job *job)
{
	struct egret_queue *queue = job->queue;

	trace_egret_job_run(job);
	egret_job_write(job);
	if (egret_queue_add_pending(queue, job->fence)) {
		/* The card must find the packets. */
		dma_wmb();
		egret_ring_doorbell(queue->edev, queue->hwid, queue->ring.tail);
	} else {
		egret_queue_cancel(queue, job->fence);
	}
}

static struct dma_fence *egret_job_run(struct drm_sched_job *sched_job)
{
	struct egret_job *job = to_egret_job(sched_job);
	struct egret_queue *queue = job->queue;
	bool cookie = dma_fence_begin_signalling();
	struct dma_fence *fence = dma_fence_get(&job->fence->base);
	int idx;

	/* Made after the others were ended. */
	if (egret_device_is_wedged(queue->edev))
		egret_queue_kill(queue, DRM_EGRET_QUEUE_DEAD_RESET, NULL);
	if (!drm_dev_enter(&queue->edev->drm, &idx)) {
		egret_queue_cancel(queue, job->fence);
		goto out;
	}
	/* Inside of the gate, no reset can empty the ring between the two. */
	if (egret_hw_enter(queue->edev)) {
		egret_job_start(job);
		egret_hw_exit(queue->edev);
	} else {
		egret_queue_cancel(queue, job->fence);
	}
	drm_dev_exit(idx);
out:
	dma_fence_end_signalling(cookie);
	return fence;
}

static void egret_job_destroy(struct egret_job *job)
{
	struct egret_device *edev = job->queue->edev;

	egret_queue_put(job->queue);
	kvfree(job->calls);
	kfree(job->packets);
	kfree(job);
	egret_pm_put(edev);
	if (atomic_dec_and_test(&edev->jobs))
		wake_up_all(&edev->no_jobs);
}

static void egret_job_free(struct drm_sched_job *sched_job)
{
	struct egret_job *job = to_egret_job(sched_job);

	dma_fence_put(&job->fence->base);
	drm_sched_job_cleanup(sched_job);
	egret_job_destroy(job);
}

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

static enum drm_gpu_sched_stat egret_job_timedout(struct drm_sched_job *sched_job)
{
	struct egret_job *job = to_egret_job(sched_job);
	struct egret_queue *queue = job->queue;
	struct egret_device *edev = queue->edev;
	bool cookie = dma_fence_begin_signalling();
	bool hung = false;
	int idx;

	/* An interrupt may have got lost. */
	egret_queue_poll(queue);
	if (dma_fence_is_signaled(&job->fence->base))
		goto out;
	if (drm_dev_enter(&edev->drm, &idx)) {
		/* Where it is down, somebody takes care of it already. */
		if (egret_hw_try_enter(edev)) {
			hung = egret_queue_is_hung(queue, job->fence->base.seqno);
			egret_hw_exit(edev);
		}
		drm_dev_exit(idx);
		if (hung) {
			drm_dbg(&edev->drm, "queue %u hangs and is killed\n", queue->hwid);
			egret_queue_kill(queue, DRM_EGRET_QUEUE_DEAD_HUNG, NULL);
		}
	}
out:
	dma_fence_end_signalling(cookie);
	/* It goes on, or its fence has signalled: it is the scheduler's again. */
	return egret_sched_no_hang(sched_job);
}

const struct drm_sched_backend_ops egret_sched_ops = {
	.run_job = egret_job_run,
	.timedout_job = egret_job_timedout,
	.free_job = egret_job_free,
};

/* ---- DRM_EGRET_EXEC ----------------------------------------------------------------- */

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

static struct egret_job *egret_job_alloc(struct egret_queue *queue)
{
	struct egret_job *job = kzalloc(sizeof(*job), GFP_KERNEL_ACCOUNT);

	if (!job)
		return NULL;
	job->fence = egret_fence_alloc();
	if (!job->fence) {
		kfree(job);
		return NULL;
	}
	job->queue = egret_queue_get(queue);
	atomic_inc(&queue->edev->jobs);
	egret_pm_get_awake(queue->edev);
	return job;
}

/* Undo egret_job_alloc(). */
static void egret_job_free_new(struct egret_job *job)
{
	egret_fence_free(job->fence);
	egret_job_destroy(job);
}

/* Make the scheduler take a job with all its packets. On failure it is freed. */
static int egret_job_init(struct egret_job *job, void *owner, u64 client_id)
{
	int ret = drm_sched_job_init(&job->base, &job->queue->entity,
				     job->num_calls + job->num_packets + 1, owner, client_id);

	if (ret)
		egret_job_free_new(job);
	return ret;
}

static struct egret_job *egret_job_create(struct egret_queue *queue, struct drm_file *file,
					  const struct drm_egret_array *calls)
{
	struct egret_job *job = egret_job_alloc(queue);
	int ret;

	if (!job)
		return ERR_PTR(-ENOMEM);
	job->calls = egret_array_copy(calls, sizeof(*job->calls), sizeof(*job->calls),
				      DRM_EGRET_CALLS_MAX);
	if (IS_ERR(job->calls)) {
		ret = PTR_ERR(job->calls);
		job->calls = NULL;
		goto err_free;
	}
	job->num_calls = calls->count;
	ret = egret_exec_check_calls(job->calls, job->num_calls);
	if (ret)
		goto err_free;
	ret = egret_job_init(job, file, file->client_id);
	return ret ? ERR_PTR(ret) : job;

err_free:
	egret_job_free_new(job);
	return ERR_PTR(ret);
}

/* Undo egret_job_create() for a job that was not armed. */
static void egret_job_abort(struct egret_job *job)
{
	drm_sched_job_cleanup(&job->base);
	egret_fence_free(job->fence);
	egret_job_destroy(job);
}

/* Wait for what one point of a timeline adds, or for a fence that is in none. */
static int egret_job_add_wait_link(struct egret_job *job, struct dma_fence *link)
{
	struct dma_fence_unwrap iter;
	struct dma_fence *fence;
	int ret = 0;

	dma_fence_unwrap_for_each(fence, &iter, dma_fence_chain_contained(link)) {
		if (ret || fence->context == job->queue->fence_context)
			continue;
		ret = drm_sched_job_add_dependency(&job->base, dma_fence_get(fence));
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
static int egret_job_add_wait(struct egret_job *job, struct dma_fence *wait)
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

static int egret_job_add_waits(struct egret_job *job, const struct egret_syncs *syncs)
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

static void egret_job_arm(struct egret_job *job)
{
	struct egret_queue *queue = job->queue;

	lockdep_assert_held(&queue->submit_lock);
	drm_sched_job_arm(&job->base);
	/* Those of the kernel's jobs stay here. */
	egret_fence_init(job->fence, queue->fence_context, ++queue->last_seqno, !job->packets);
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
	struct egret_job *job = egret_job_alloc(queue);
	struct dma_fence *fence;
	bool cookie;
	int ret;

	if (!job) {
		kfree(packets);
		return ERR_PTR(-ENOMEM);
	}
	job->packets = packets;
	job->num_packets = count;
	ret = egret_job_init(job, NULL, 0);
	if (ret)
		return ERR_PTR(ret);

	mutex_lock(&queue->submit_lock);
	cookie = dma_fence_begin_signalling();
	egret_job_arm(job);
	trace_egret_job_submit(job);
	fence = dma_fence_get(&job->fence->base);
	drm_sched_entity_push_job(&job->base);
	dma_fence_end_signalling(cookie);
	mutex_unlock(&queue->submit_lock);
	return fence;
}

/*
 * From here nothing fails, but if memory of user pointers has changed: -EAGAIN. The
 * reservations are locked.
 */
static int egret_job_push(struct egret_job *job, struct egret_syncs *syncs,
			  struct drm_gpuvm_exec *exec)
{
	struct egret_queue *queue = job->queue;
	struct dma_fence *fence = &job->fence->base;
	int ret = -EAGAIN;
	bool cookie;
	u32 i;

	mutex_lock(&queue->submit_lock);
	cookie = dma_fence_begin_signalling();
	/* Who changes it from here on waits for the job. */
	mutex_lock(&queue->vm->userptr_lock);
	if (!list_empty(&queue->vm->userptr_todo))
		goto out;
	egret_job_arm(job);
	trace_egret_job_submit(job);
	for (i = 0; i < syncs->count; i++)
		if (syncs->array[i].fence)
			egret_queue_note_wait(queue, syncs->array[i].fence);
	egret_syncs_signal(syncs, fence);
	/* Memory is not freed while it is used; nobody waits for it implicitly. */
	drm_gpuvm_exec_resv_add_fence(exec, fence, DMA_RESV_USAGE_BOOKKEEP,
				      DMA_RESV_USAGE_BOOKKEEP);
	drm_sched_entity_push_job(&job->base);
	ret = 0;
out:
	mutex_unlock(&queue->vm->userptr_lock);
	dma_fence_end_signalling(cookie);
	mutex_unlock(&queue->submit_lock);
	return ret;
}

/* Memory that is being moved, or cleared, is not used before the end of that. */
static int egret_job_add_moves(struct egret_job *job, struct drm_gpuvm_exec *exec)
{
	struct drm_gem_object *obj;
	int ret;

	drm_exec_for_each_locked_object(&exec->exec, obj) {
		ret = drm_sched_job_add_resv_dependencies(&job->base, obj->resv,
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
 * Make all bound memory accessible, and submit. -EAGAIN: it has changed meanwhile.
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

static int egret_exec_queue(struct egret_queue *queue, struct drm_file *file,
			    const struct drm_egret_exec *args)
{
	struct egret_syncs syncs = {};
	bool exclusive = false;
	struct egret_job *job;
	int ret;

	job = egret_job_create(queue, file, &args->calls);
	if (IS_ERR(job))
		return PTR_ERR(job);
	ret = egret_syncs_init(&syncs, file, &args->syncs);
	if (!ret)
		ret = egret_job_add_waits(job, &syncs);
	if (!ret)
		do {
			ret = egret_job_submit(job, &syncs, exclusive);
			if (!exclusive && egret_evict_again(ret)) {
				exclusive = true;
				ret = -EAGAIN;
			}
		} while (ret == -EAGAIN);
	if (ret)
		egret_job_abort(job);
	egret_syncs_fini(&syncs);
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
