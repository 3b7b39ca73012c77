// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/**
 * DOC: Moving memory
 *
 * Buffers are copied between device and system memory, and device memory is
 * cleared, by the card's copy engine. The kernel has an address space and a copy
 * queue for it, made like those of clients. All device memory is mapped there, and
 * a window whose pieces show the pages of system memory that a job copies.
 *
 * A move (&struct egret_migrate_op) is divided into jobs, as large as a piece of
 * the window and as the ring allow. It has a fence of its own, on one timeline for
 * all moves: they are done in the order in which they were submitted. So memory
 * that was given away by one move may be the target of the next one at once.
 *
 * If the engine fails (a fault, a hang, a reset: the queue is dead then, even after a
 * reset that clients' queues survive, for what follows must not be done without what
 * was cancelled) or cannot be had, the processor does the moves that are not complete,
 * through BAR2, in the same order, in a work item. The fence signals only then: who has
 * it waits for memory that is as it should be, and does not learn how it came to be. So
 * a move keeps all that is needed to do it again, until its end, and nothing that has
 * begun depends on an allocation. Doing a whole move again is harmless, since its
 * source is left alone until its fence signals. The next move that is submitted
 * waits for that and has a new queue made, by a work item. Moves that are submitted before it
 * is there are the processor's, too.
 *
 * If the card is gone, contents are lost, and the fence signals with -ENODEV. System
 * memory that was to be written is cleared then, because it is not the client's yet.
 *
 * Rejected alternatives:
 *
 * - Copying by the processor only. It is simple, but reads over the bus are slow:
 *   eviction would run at a hundredth of the bus's bandwidth.
 * - A ring of the kernel's own beside those of clients. It would need its own
 *   interrupts, watchdog, fault and reset handling; a queue has it all.
 * - Mapping all system memory of the host into the kernel's address space once. It
 *   has 2 MiB pages at most, so this would cost a thousandth of the host's memory
 *   in device memory, and give up the protection by an IOMMU.
 * - Waiting for clients' jobs with dependencies of the scheduler rather than in
 *   the caller. Page table entries have to go in between, see egret_evict.c.
 */
#include <linux/dma-fence.h>
#include <linux/highmem.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <drm/drm_cache.h>
#include <drm/drm_drv.h>
#include <drm/drm_print.h>
#include <drm/ttm/ttm_tt.h>

#include "compat.h"
#include "egret_extent.h"
#include "egret_hw.h"
#include "egret_job.h"
#include "egret_migrate.h"
#include "egret_mmu.h"
#include "egret_pm.h"
#include "egret_queue.h"
#include "egret_trace.h"
#include "egret_tt.h"
#include "egret_vm.h"

/* The kernel's address space: all device memory, and the window. */
#define EGRET_MIGRATE_VRAM_VA	BIT_ULL(40)
#define EGRET_MIGRATE_WINDOW_VA	BIT_ULL(46)

#define EGRET_MIGRATE_RW	(EGRET_PTE_READ | EGRET_PTE_WRITE)

/* The processor gives way to others, and looks at the card, after so many bytes. */
#define EGRET_MIGRATE_CPU_STEP	SZ_2M

/*
 * What the processor clears itself: for less the engine's latency is longer.
 */
#define EGRET_MIGRATE_CPU_MAX	SZ_64K

/**
 * struct egret_migrate_op - a move
 */
struct egret_migrate_op {
	/** @base: Signals at the end. Must be first: the core frees it. */
	struct dma_fence base;
	/** @lock: The lock of @base. */
	spinlock_t lock;
	/** @edev: Card. */
	struct egret_device *edev;
	/** @cb: Waits for the last job. */
	struct dma_fence_cb cb;
	/** @work: Does it by the processor. */
	struct work_struct work;
	/** @awake: Whether it has a reference that keeps the card awake. */
	bool awake;
	/** @incomplete: Whether its jobs are not all of it. */
	bool incomplete;
	/** @to_vram: Whether it copies to device memory. */
	bool to_vram;
	/** @tt: Pages, which live until @base has signalled; NULL to clear. */
	struct ttm_tt *tt;
	/** @size: Bytes. */
	u64 size;
	/** @extents: Device memory. */
	struct egret_extent extents[];
};

/* ---- fences ------------------------------------------------------------------- */

static const char *egret_migrate_driver_name(struct dma_fence *fence)
{
	return "egret";
}

static const char *egret_migrate_timeline_name(struct dma_fence *fence)
{
	return "egret-migrate";
}

static void egret_migrate_release(struct dma_fence *fence)
{
	dma_fence_free(fence);
	module_put(THIS_MODULE);
}

static const struct dma_fence_ops egret_migrate_fence_ops = {
	EGRET_FENCE_OPS_SEQNO64
	.get_driver_name = egret_migrate_driver_name,
	.get_timeline_name = egret_migrate_timeline_name,
	.release = egret_migrate_release,
};

/**
 * egret_migrate_is_fence() - whether a fence is that of a move
 * @edev: card
 * @fence: fence
 *
 * Return: true if it is; whatever is submitted as a move comes after it anyway.
 */
bool egret_migrate_is_fence(struct egret_device *edev, struct dma_fence *fence)
{
	return fence->context == edev->migrate.context;
}

/* ---- the end of a move: on the fence-signalling path ----------------------------- */

static void egret_migrate_end(struct egret_migrate_op *op, int error)
{
	struct egret_migrate *mig = &op->edev->migrate;

	trace_egret_migrate_end(op->edev, op->base.seqno, error);
	if (error)
		dma_fence_set_error(&op->base, error);
	dma_fence_signal(&op->base);
	if (op->awake)
		egret_pm_put(op->edev);
	atomic64_set(&mig->done, op->base.seqno);
	wake_up_all(&mig->progress);
	dma_fence_put(&op->base);
}

/* Copy or clear contiguous device memory; @offset is its place in the buffer. */
static void egret_migrate_cpu_extent(struct egret_migrate_op *op, u64 addr, u64 offset,
				     u64 size)
{
	void __iomem *vram = op->edev->vram.map + addr;
	struct iosys_map dst, src;
	u64 pos;

	if (!op->tt) {
		memset_io(vram, 0, size);
		return;
	}
	for (pos = 0; pos < size; pos += PAGE_SIZE) {
		void *page = kmap_local_page(op->tt->pages[(offset + pos) >> PAGE_SHIFT]);

		iosys_map_set_vaddr_iomem(op->to_vram ? &dst : &src, vram + pos);
		iosys_map_set_vaddr(op->to_vram ? &src : &dst, page);
		drm_memcpy_from_wc(&dst, &src, PAGE_SIZE);
		kunmap_local(page);
	}
}

/* The same, if the card is there. */
static bool egret_migrate_cpu_step(struct egret_migrate_op *op, u64 addr, u64 offset, u64 size)
{
	struct egret_device *edev = op->edev;
	bool there;

	if (!egret_hw_enter(edev))
		return false;
	/* Reads of a card that was pulled are slow. */
	there = egret_read(edev, EGRET_REG_ID) == EGRET_ID;
	if (there)
		egret_migrate_cpu_extent(op, addr, offset, size);
	egret_hw_exit(edev);
	return there;
}

static int egret_migrate_by_cpu(struct egret_migrate_op *op)
{
	struct egret_extent_walk walk = { .extent = op->extents };
	u64 offset, size, addr;

	for (offset = 0; offset < op->size; offset += size) {
		int idx;
		bool there = false;

		size = egret_extent_next(&walk, min_t(u64, op->size - offset,
						      EGRET_MIGRATE_CPU_STEP), &addr);
		if (drm_dev_enter(&op->edev->drm, &idx)) {
			there = egret_migrate_cpu_step(op, addr, offset, size);
			drm_dev_exit(idx);
		}
		if (!there)
			return -ENODEV;
		cond_resched();
	}
	/* Before anybody tells the card to use it. */
	wmb();
	return 0;
}

/* What the card did not give must not show what the pages held before. */
static void egret_migrate_forget(struct egret_migrate_op *op)
{
	pgoff_t i;

	if (!op->tt || op->to_vram)
		return;
	for (i = 0; i < op->size >> PAGE_SHIFT; i++)
		clear_highpage(op->tt->pages[i]);
}

static void egret_migrate_work(struct work_struct *work)
{
	struct egret_migrate_op *op = container_of(work, struct egret_migrate_op, work);
	bool cookie = dma_fence_begin_signalling();
	int ret = egret_migrate_by_cpu(op);

	if (ret)
		egret_migrate_forget(op);
	egret_migrate_end(op, ret);
	dma_fence_end_signalling(cookie);
}

static void egret_migrate_last_job_done(struct egret_migrate_op *op, struct dma_fence *job)
{
	if (job->error || op->incomplete)
		queue_work(op->edev->migrate.wq, &op->work);
	else
		egret_migrate_end(op, 0);
}

/* The job was done or cancelled; all before it were by now, too. */
static void egret_migrate_job_cb(struct dma_fence *job, struct dma_fence_cb *cb)
{
	egret_migrate_last_job_done(container_of(cb, struct egret_migrate_op, cb), job);
}

/* ---- jobs: under @lock ------------------------------------------------------------- */

/* Whether moves go on with the queue of the last one. */
static bool egret_migrate_has_queue(struct egret_migrate *mig)
{
	return mig->queue && !egret_queue_is_dead(mig->queue);
}

/*
 * Make a queue, if there is none by now: who found none may have asked while the last one was being
 * made, and moves must not go to two. Not where moves are made: there a buffer's reservation is
 * locked, while this locks the address space's, and may have to wait until the card was reset.
 */
static void egret_migrate_queue_work(struct work_struct *work)
{
	struct egret_migrate *mig = container_of(work, struct egret_migrate, queue_work);
	struct egret_device *edev = container_of(mig, struct egret_device, migrate);
	struct egret_queue *queue;
	bool there;

	mutex_lock(&mig->lock);
	there = egret_migrate_has_queue(mig);
	mutex_unlock(&mig->lock);
	if (there || egret_pm_get(edev))
		return;
	queue = egret_queue_create(mig->vm, NULL, DRM_EGRET_QUEUE_COPY,
				   DRM_EGRET_PRIORITY_HIGH, 0);
	egret_pm_put(edev);
	if (IS_ERR(queue)) {
		drm_dbg(&edev->drm, "no queue for moves: %pe\n", queue);
		return;
	}
	mutex_lock(&mig->lock);
	swap(mig->queue, queue);
	mutex_unlock(&mig->lock);
	if (queue)
		egret_queue_put(queue);
}

/* The queue, or NULL: the engine cannot be used, or not yet. */
static struct egret_queue *egret_migrate_get_queue(struct egret_device *edev)
{
	struct egret_migrate *mig = &edev->migrate;

	if (egret_migrate_has_queue(mig))
		return mig->queue;
	if (!egret_device_is_wedged(edev))
		queue_work(system_freezable_wq, &mig->queue_work);
	return NULL;
}

/* Show pages of @tt, from byte @offset on, in a piece of the window at @va. */
static int egret_migrate_map(struct egret_device *edev, struct ttm_tt *tt, u64 offset,
			     u64 va, u64 size)
{
	const dma_addr_t *dma = to_egret_tt(tt)->addresses + (offset >> PAGE_SHIFT);
	struct egret_vm *vm = edev->migrate.vm;
	pgoff_t first, end, pages = size >> PAGE_SHIFT;
	bool changed = false;
	LIST_HEAD(unused);
	int idx;

	if (!drm_dev_enter(&edev->drm, &idx))
		return -ENODEV;
	for (first = 0; first < pages; first = end) {
		for (end = first + 1; end < pages && dma[end] == dma[end - 1] + PAGE_SIZE; end++)
			;
		changed |= egret_pgtable_map(&vm->pgt, va + ((u64)first << PAGE_SHIFT), dma[first],
					     (u64)(end - first) << PAGE_SHIFT,
					     EGRET_MIGRATE_RW | EGRET_PTE_SYSTEM, &unused);
	}
	/* Nobody uses the old entries, but the MMU may have kept them. */
	if (changed)
		egret_mmu_invalidate(edev, vm->context, va, size);
	drm_dev_exit(idx);
	return 0;
}

/* The next piece of the window, when the job that used it last has ended. */
static struct dma_fence **egret_migrate_get_slot(struct egret_migrate *mig, u64 *va)
{
	unsigned int i = mig->slot++ % EGRET_MIGRATE_SLOTS;

	if (mig->slot_fences[i])
		dma_fence_wait(mig->slot_fences[i], false);
	*va = EGRET_MIGRATE_WINDOW_VA + (u64)i * EGRET_MIGRATE_SLOT_SIZE;
	return &mig->slot_fences[i];
}

/* Submit the job for what begins at @offset; its fence, and in @size its bytes. */
static struct dma_fence *egret_migrate_push(struct egret_migrate_op *op,
					    struct egret_queue *queue,
					    struct egret_extent_walk *walk, u64 offset,
					    u64 *size)
{
	struct egret_device *edev = op->edev;
	struct egret_extent_copy copy = {
		.vram = EGRET_MIGRATE_VRAM_VA,
		.to_vram = op->to_vram,
	};
	u64 max = op->size - offset;
	struct dma_fence **slot = NULL, *fence;
	u32 count = EGRET_MIGRATE_PACKETS;
	union egret_packet *packets;
	int ret = 0;

	packets = kcalloc(count, sizeof(*packets), GFP_KERNEL);
	if (!packets)
		return ERR_PTR(-ENOMEM);
	if (op->tt) {
		slot = egret_migrate_get_slot(&edev->migrate, &copy.pages);
		max = min_t(u64, max, EGRET_MIGRATE_SLOT_SIZE);
	}
	*size = egret_extent_packets(walk, &copy, max, packets, &count);
	if (op->tt)
		ret = egret_migrate_map(edev, op->tt, offset, copy.pages, *size);
	if (ret) {
		kfree(packets);
		return ERR_PTR(ret);
	}
	fence = egret_job_submit_kernel(queue, packets, count);
	if (slot && !IS_ERR(fence)) {
		dma_fence_put(*slot);
		*slot = dma_fence_get(fence);
	}
	return fence;
}

/* Submit all jobs of a move; the last one's fence, or NULL if there is none. */
static struct dma_fence *egret_migrate_push_all(struct egret_migrate_op *op,
						struct egret_queue *queue)
{
	struct egret_extent_walk walk = { .extent = op->extents };
	struct dma_fence *last = NULL;
	u64 offset, size;

	op->incomplete = true;
	if (!queue)
		return NULL;
	for (offset = 0; offset < op->size; offset += size) {
		struct dma_fence *job = egret_migrate_push(op, queue, &walk, offset, &size);

		if (IS_ERR(job))
			return last;
		dma_fence_put(last);
		last = job;
	}
	op->incomplete = false;
	return last;
}

static bool egret_migrate_is_done(struct egret_migrate *mig, u64 seqno)
{
	return atomic64_read(&mig->done) >= seqno;
}

/* Wait for the moves before @op. */
static void egret_migrate_wait_earlier(struct egret_migrate_op *op)
{
	struct egret_migrate *mig = &op->edev->migrate;

	wait_event(mig->progress, egret_migrate_is_done(mig, op->base.seqno - 1));
}

/* Begin a move. It ends, whatever happens. */
static void egret_migrate_start(struct egret_migrate_op *op)
{
	struct egret_migrate *mig = &op->edev->migrate;
	struct egret_queue *queue = mig->queue;
	struct dma_fence *job;

	/*
	 * What the processor does must not be overtaken. The queue is looked at once: one
	 * that dies from here on cancels this move's jobs behind those of earlier moves,
	 * while a new one would run beside the processor.
	 */
	if (mig->by_cpu || !egret_migrate_has_queue(mig)) {
		egret_migrate_wait_earlier(op);
		queue = egret_migrate_get_queue(op->edev);
	}
	job = egret_migrate_push_all(op, queue);
	/* And it must not overtake what the engine does. */
	if (!job)
		egret_migrate_wait_earlier(op);

	mig->by_cpu = op->incomplete;
	if (!job)
		queue_work(mig->wq, &op->work);
	else if (dma_fence_add_callback(job, &op->cb, egret_migrate_job_cb))
		egret_migrate_last_job_done(op, job);
	dma_fence_put(job);
}

/* ---- making moves -------------------------------------------------------------------- */

static struct egret_migrate_op *egret_migrate_alloc(struct egret_device *edev,
						    struct ttm_resource *vram)
{
	struct egret_vram_resource *res = to_egret_vram_resource(vram);
	size_t count = list_count_nodes(&res->blocks), i = 0;
	struct egret_migrate_op *op;
	struct gpu_buddy_block *block;

	op = kzalloc(struct_size(op, extents, count), GFP_KERNEL_ACCOUNT);
	if (!op)
		return NULL;
	op->edev = edev;
	op->size = vram->size;
	spin_lock_init(&op->lock);
	INIT_WORK(&op->work, egret_migrate_work);
	list_for_each_entry(block, &res->blocks, link) {
		op->extents[i].addr = gpu_buddy_block_offset(block);
		op->extents[i].size = gpu_buddy_block_size(&edev->vram.mm, block);
		i++;
	}
	return op;
}

static struct dma_fence *egret_migrate_submit(struct egret_migrate_op *op)
{
	struct egret_device *edev = op->edev;
	struct egret_migrate *mig = &edev->migrate;

	op->awake = !egret_pm_get(edev);
	mutex_lock(&mig->lock);
	__module_get(THIS_MODULE);
	dma_fence_init64(&op->base, &egret_migrate_fence_ops, &op->lock, mig->context,
			 ++mig->seqno);
	trace_egret_migrate_begin(edev, op->base.seqno, op->size, op->to_vram, op->tt);
	/* One reference is the caller's, the other is let go at the end. */
	dma_fence_get(&op->base);
	if (op->tt && !op->to_vram)
		atomic64_set(&mig->evicted, op->base.seqno);
	egret_migrate_start(op);
	mutex_unlock(&mig->lock);
	return &op->base;
}

static bool egret_migrate_evictions_done(struct egret_migrate *mig)
{
	return egret_migrate_is_done(mig, atomic64_read(&mig->evicted));
}

/**
 * egret_migrate_wait_evictions() - wait until free device memory is not read any more
 * @edev: card
 *
 * Device memory is free as soon as its contents are on their way out. Who is to
 * write it other than by a move calls this after it was allocated.
 *
 * Return: 0, or -ERESTARTSYS.
 */
int egret_migrate_wait_evictions(struct egret_device *edev)
{
	struct egret_migrate *mig = &edev->migrate;

	return wait_event_interruptible(mig->progress, egret_migrate_evictions_done(mig));
}

/* Clear a little memory at once, if nothing is being moved out of it. */
static bool egret_migrate_clear_now(struct egret_migrate_op *op)
{
	return op->size <= EGRET_MIGRATE_CPU_MAX &&
	       egret_migrate_evictions_done(&op->edev->migrate) && !egret_migrate_by_cpu(op);
}

/**
 * egret_migrate_clear() - fill device memory with zeros
 * @edev: card
 * @vram: memory; it may be the source of an earlier move
 *
 * Return: the fence of the end, a reference; NULL if it is clear already; or
 * ERR_PTR(-ENOMEM).
 */
struct dma_fence *egret_migrate_clear(struct egret_device *edev, struct ttm_resource *vram)
{
	struct egret_migrate_op *op = egret_migrate_alloc(edev, vram);

	if (!op)
		return ERR_PTR(-ENOMEM);
	if (egret_migrate_clear_now(op)) {
		kfree(op);
		return NULL;
	}
	return egret_migrate_submit(op);
}

/**
 * egret_migrate_copy() - copy between device memory and pages
 * @edev: card
 * @vram: device memory; it may be the source of an earlier move
 * @tt: as many pages, populated, which must live until the end. If they are written,
 *	nothing else may read or write them until then.
 * @to_vram: whether to copy from the pages to device memory
 *
 * Return: the fence of the end, a reference; or ERR_PTR(-ENOMEM).
 */
struct dma_fence *egret_migrate_copy(struct egret_device *edev, struct ttm_resource *vram,
				     struct ttm_tt *tt, bool to_vram)
{
	struct egret_migrate_op *op = egret_migrate_alloc(edev, vram);

	if (!op)
		return ERR_PTR(-ENOMEM);
	op->tt = tt;
	op->to_vram = to_vram;
	return egret_migrate_submit(op);
}

/* ---- life -------------------------------------------------------------------------------- */

/* Map all device memory, and make the tables of the window. */
static int egret_migrate_map_all(struct egret_device *edev, struct egret_vm *vm)
{
	u64 size = edev->vram.mm.size, window = EGRET_MIGRATE_SLOTS * EGRET_MIGRATE_SLOT_SIZE;
	int ret;

	ret = egret_vm_map_kernel(vm, EGRET_MIGRATE_VRAM_VA, 0, size, EGRET_MIGRATE_RW);
	if (ret)
		return ret;
	dma_resv_lock(drm_gpuvm_resv(&vm->base), NULL);
	/* An odd address makes small pages, and reserved tables stay small. */
	ret = egret_pgtable_populate(&vm->pgt, EGRET_MIGRATE_WINDOW_VA, SZ_4K, window);
	dma_resv_unlock(drm_gpuvm_resv(&vm->base));
	return ret;
}

/**
 * egret_migrate_init() - prepare for moves
 * @edev: card, with all that queues need
 *
 * Return: 0, or a negative errno. egret_migrate_fini() undoes it.
 */
int egret_migrate_init(struct egret_device *edev)
{
	struct egret_migrate *mig = &edev->migrate;
	int ret;

	mutex_init(&mig->lock);
	INIT_WORK(&mig->queue_work, egret_migrate_queue_work);
	init_waitqueue_head(&mig->progress);
	mig->context = dma_fence_context_alloc(1);
	mig->wq = alloc_ordered_workqueue("egret-migrate", WQ_MEM_RECLAIM);
	if (!mig->wq)
		return -ENOMEM;
	mig->vm = egret_vm_create(edev, NULL);
	if (IS_ERR(mig->vm)) {
		ret = PTR_ERR(mig->vm);
		goto err_wq;
	}
	ret = egret_migrate_map_all(edev, mig->vm);
	if (ret)
		goto err_vm;
	egret_migrate_queue_work(&mig->queue_work);
	return 0;

err_vm:
	egret_vm_put(mig->vm);
err_wq:
	destroy_workqueue(mig->wq);
	mig->wq = NULL;
	return ret;
}

/**
 * egret_migrate_fini() - end moves
 * @edev: card, which is stopped; all its queues are dead, and no move comes any more
 */
void egret_migrate_fini(struct egret_device *edev)
{
	struct egret_migrate *mig = &edev->migrate;
	unsigned int i;

	if (!mig->wq)
		return;
	cancel_work_sync(&mig->queue_work);
	mutex_lock(&mig->lock);
	wait_event(mig->progress, egret_migrate_is_done(mig, mig->seqno));
	for (i = 0; i < EGRET_MIGRATE_SLOTS; i++)
		dma_fence_put(mig->slot_fences[i]);
	if (mig->queue)
		egret_queue_put(mig->queue);
	mig->queue = NULL;
	mutex_unlock(&mig->lock);
	egret_vm_put(mig->vm);
	destroy_workqueue(mig->wq);
	mig->wq = NULL;
}
