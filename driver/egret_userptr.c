// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/**
 * DOC: User pointers
 *
 * A map operation can bind memory of the calling process instead of a buffer. The
 * pages are not pinned: the process may unmap, remap or fork, and the kernel may
 * migrate, write back or swap them, as if the card were not there. So what is bound
 * is a range of a process's address space, whatever is behind it from time to time,
 * and the page table entries follow.
 *
 * Getting the pages. hmm_range_fault() faults them in, for writing if the card may
 * write. They are mapped for DMA, and count as the user pointer's if nothing has
 * changed in the process meanwhile. This needs the process's mmap_lock and memory, so
 * it is done without any lock of ours that matters: by VM_BIND for a new user pointer,
 * so that it can say -EFAULT, and by EXEC for those that have become invalid.
 *
 * Losing the pages. Before they go, the kernel calls egret_userptr_invalidate(), under
 * locks of its own and perhaps to free memory, so that nothing may be allocated. It
 *
 * 1. marks the user pointer invalid: no EXEC can submit a job that would miss it;
 * 2. waits for the jobs of the address space, for `userptr_wait_ms` at most. A job
 *    can run for hours, and nobody may stop the kernel's memory management for so
 *    long;
 * 3. clears the page table entries that still point to the pages, and invalidates
 *    the MMU's caches. A job that is still at work and comes here again faults;
 * 4. ends the DMA mapping.
 *
 * So, whatever the card does, it does not reach the pages afterwards.
 *
 * Getting them back. An EXEC finds invalid user pointers in &egret_vm.userptr_todo:
 * it faults the pages in again (no lock), then writes the entries of all bindings of
 * the user pointer that are left in the tree (reservations locked, pending binds
 * done), and then looks under &egret_vm.userptr_lock whether all are valid still,
 * with the job's fence being installed before it lets go of this lock: an
 * invalidation either comes before, and EXEC begins anew, or finds the fence.
 *
 * An asynchronous bind of a user pointer does not have the addresses of the pages,
 * as they may have gone when it is done: it asks then, and leaves the entries to the
 * next EXEC if there are no pages. Page tables are reserved for small pages, which
 * suit any pages that may be there.
 *
 * Which memory. All that hmm_range_fault() knows, so no mappings of devices. Memory
 * that the card may write must not be a shared mapping of a file that has to be
 * written back: the file system must know who writes, and when; anonymous memory,
 * shared memory (tmpfs, memfd) and private mappings of files are all right. Pages are
 * charged to the process's cgroup as always; what the driver needs to remember them,
 * too.
 *
 * Locks, outer first: &egret_userptr.fault_lock, mmap_lock; reservations,
 * &egret_queue.submit_lock, &egret_vm.userptr_lock, &egret_pgtable.lock. Under
 * userptr_lock nothing is allocated, as the notifier takes it.
 *
 * Rejected alternatives:
 *
 * - Pinning the pages. It takes memory away from everybody else, breaks fork(), and
 *   a process that unmaps pinned memory and maps it again computes with two.
 * - Waiting for jobs without a limit. A hung job would hang the system's memory
 *   management until its time-out, an hour by default.
 * - Stopping the queues and letting them go on when the pages are back. Their jobs'
 *   fences would depend on memory allocations then.
 */
#include <linux/module.h>

#include "egret_userptr.h"

static unsigned int userptr_wait_ms = 1000;
module_param(userptr_wait_ms, uint, 0644);
MODULE_PARM_DESC(userptr_wait_ms,
		 "Wait at most so long for jobs when memory of a user pointer changes, in ms (default 1000)");

#ifdef EGRET_HAVE_USERPTR

#include <linux/backing-dev.h>
#include <linux/dma-mapping.h>
#include <linux/hmm.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>
#include <linux/uaccess.h>
#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "egret_bind_check.h"
#include "egret_device.h"
#include "egret_extent.h"
#include "egret_mmu.h"
#include "egret_pm.h"
#include "egret_vm.h"

/* ---- DMA mapping: under userptr_lock, or before anybody knows of it --------------------- */

static struct device *egret_userptr_dev(struct egret_userptr *userptr)
{
	return userptr->vm->edev->drm.dev;
}

static enum dma_data_direction egret_userptr_direction(struct egret_userptr *userptr)
{
	return userptr->flags & EGRET_PTE_WRITE ? DMA_BIDIRECTIONAL : DMA_TO_DEVICE;
}

static void egret_userptr_unmap_sgt(struct egret_userptr *userptr, struct sg_table *sgt)
{
	dma_unmap_sgtable(egret_userptr_dev(userptr), sgt, egret_userptr_direction(userptr),
			  DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(sgt);
}

static void egret_userptr_unmap(struct egret_userptr *userptr)
{
	lockdep_assert_held(&userptr->vm->userptr_lock);
	userptr->valid = false;
	userptr->written = false;
	if (userptr->mapped)
		egret_userptr_unmap_sgt(userptr, &userptr->sgt);
	userptr->mapped = false;
}

/* Memory that the host would have to copy is not the process's. */
static bool egret_userptr_bounces(struct egret_userptr *userptr, struct sg_table *sgt)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(sgt, sg, i)
		if (dma_need_sync(egret_userptr_dev(userptr), sg_dma_address(sg)))
			return true;
	return false;
}

static int egret_userptr_map_sgt(struct egret_userptr *userptr, struct sg_table *sgt)
{
	unsigned long i, n = userptr->size >> PAGE_SHIFT;
	struct page **pages;
	int ret;

	pages = kvmalloc_array(n, sizeof(*pages), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!pages)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		pages[i] = hmm_pfn_to_page(userptr->pfns[i]);
	ret = sg_alloc_table_from_pages(sgt, pages, n, 0, userptr->size, GFP_KERNEL_ACCOUNT);
	kvfree(pages);
	if (ret)
		return ret;
	ret = dma_map_sgtable(egret_userptr_dev(userptr), sgt, egret_userptr_direction(userptr),
			      DMA_ATTR_SKIP_CPU_SYNC);
	if (ret) {
		sg_free_table(sgt);
		return ret;
	}
	if (egret_userptr_bounces(userptr, sgt)) {
		egret_userptr_unmap_sgt(userptr, sgt);
		return -EOPNOTSUPP;
	}
	return 0;
}

static struct egret_extent *egret_userptr_find_extents(const struct sg_table *sgt)
{
	struct egret_extent *extents;
	struct scatterlist *sg;
	unsigned int i;

	extents = kvcalloc(sgt->nents, sizeof(*extents), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!extents)
		return NULL;
	for_each_sgtable_dma_sg(sgt, sg, i) {
		extents[i].addr = sg_dma_address(sg);
		extents[i].size = sg_dma_len(sg);
	}
	return extents;
}

/* ---- page table entries: under userptr_lock --------------------------------------------- */

/* Write the entries of a part of the user pointer, whose tables are reserved. */
static bool egret_userptr_write(struct egret_userptr *userptr, u64 va, u64 size,
				struct list_head *tables)
{
	struct egret_pgtable *pgt = &userptr->vm->pgt;
	u64 pos = userptr->va, end = va + size;
	bool changed = false;
	u32 i;

	for (i = 0; i < userptr->num_extents && pos < end; i++) {
		const struct egret_extent *extent = &userptr->extents[i];
		u64 from = max(va, pos), to = min(end, pos + extent->size);

		if (from < to)
			changed |= egret_pgtable_map(pgt, from, extent->addr + (from - pos),
						     to - from, userptr->flags, tables);
		pos += extent->size;
	}
	return changed;
}

/* Clear the entries that point to the pages, wherever they are bound still. */
static void egret_userptr_zap(struct egret_userptr *userptr)
{
	struct egret_vm *vm = userptr->vm;
	bool changed = false;
	u64 va = userptr->va;
	u32 i;

	lockdep_assert_held(&vm->userptr_lock);
	for (i = 0; i < userptr->num_extents; i++) {
		const struct egret_extent *extent = &userptr->extents[i];

		changed |= egret_pgtable_zap(&vm->pgt, va, extent->addr, extent->size);
		va += extent->size;
	}
	if (changed)
		egret_mmu_invalidate(vm->edev, vm->context, userptr->va, userptr->size);
	userptr->stale = false;
}

/* ---- losing the pages ------------------------------------------------------------------- */

/*
 * When it returns, the card cannot reach the pages. It cannot while it sleeps: the
 * entries are left to the one who wakes it.
 */
static void egret_userptr_cut_off(struct egret_userptr *userptr)
{
	struct egret_device *edev = userptr->vm->edev;
	int idx;

	if (!drm_dev_enter(&edev->drm, &idx)) {
		/* remove() stops everything. */
		wait_for_completion(&edev->stopped);
		return;
	}
	if (egret_pm_get_if_awake(edev)) {
		mutex_lock(&userptr->vm->userptr_lock);
		egret_userptr_zap(userptr);
		mutex_unlock(&userptr->vm->userptr_lock);
		egret_pm_put(edev);
	}
	drm_dev_exit(idx);
}

static void egret_userptr_set_todo(struct egret_userptr *userptr)
{
	lockdep_assert_held(&userptr->vm->userptr_lock);
	if (userptr->bound && !userptr->unbound && list_empty(&userptr->link))
		list_add_tail(&userptr->link, &userptr->vm->userptr_todo);
}

static bool egret_userptr_invalidate(struct mmu_interval_notifier *notifier,
				     const struct mmu_notifier_range *range,
				     unsigned long seq)
{
	struct egret_userptr *userptr = container_of(notifier, struct egret_userptr, notifier);
	struct egret_vm *vm = userptr->vm;
	bool mapped;

	if (!mmu_notifier_range_blockable(range))
		return false;

	mutex_lock(&vm->userptr_lock);
	mmu_interval_set_seq(notifier, seq);
	mapped = userptr->mapped;
	userptr->valid = false;
	userptr->written = false;
	egret_userptr_set_todo(userptr);
	mutex_unlock(&vm->userptr_lock);
	if (!mapped)
		return true;

	if (dma_resv_wait_timeout(drm_gpuvm_resv(&vm->base), DMA_RESV_USAGE_BOOKKEEP, false,
				  msecs_to_jiffies(READ_ONCE(userptr_wait_ms))) <= 0)
		drm_dbg(&vm->edev->drm, "context %u: memory at %#lx changes under a job\n",
			vm->context, userptr->addr);
	egret_userptr_cut_off(userptr);

	mutex_lock(&vm->userptr_lock);
	egret_userptr_unmap(userptr);
	mutex_unlock(&vm->userptr_lock);
	return true;
}

static const struct mmu_interval_notifier_ops egret_userptr_notifier_ops = {
	.invalidate = egret_userptr_invalidate,
};

/* ---- getting the pages ------------------------------------------------------------------ */

/*
 * Device writes to a page are not seen by who writes it back. The pages of anonymous
 * and shared memory have no such owner.
 */
static int egret_userptr_check_mappings(struct egret_userptr *userptr, struct mm_struct *mm)
{
	unsigned long end = userptr->addr + userptr->size;
	struct vm_area_struct *vma;
	struct vma_iterator iter;

	mmap_assert_locked(mm);
	if (!(userptr->flags & EGRET_PTE_WRITE))
		return 0;
	vma_iter_init(&iter, mm, userptr->addr);
	for_each_vma_range(iter, vma, end)
		if (vma->vm_file && vma->vm_flags & VM_SHARED &&
		    mapping_can_writeback(vma->vm_file->f_mapping))
			return -EFAULT;
	return 0;
}

static int egret_userptr_find_pages(struct egret_userptr *userptr, struct hmm_range *range)
{
	struct mm_struct *mm = userptr->notifier.mm;
	int ret;

	do {
		if (signal_pending(current))
			return -ERESTARTSYS;
		range->notifier_seq = mmu_interval_read_begin(&userptr->notifier);
		if (!mmget_not_zero(mm))
			return -EFAULT;
		mmap_read_lock(mm);
		ret = egret_userptr_check_mappings(userptr, mm);
		if (!ret)
			ret = hmm_range_fault(range);
		mmap_read_unlock(mm);
		mmput(mm);
	} while (ret == -EBUSY);
	/* Writing to what is read-only, or a device's memory: it is no memory for us. */
	return ret == -EPERM || ret == -EINVAL ? -EFAULT : ret;
}

/* What the card may write is not clean, whatever the processor's page tables say. */
static void egret_userptr_mark_dirty(struct egret_userptr *userptr)
{
	unsigned long i, n = userptr->size >> PAGE_SHIFT;

	if (!(userptr->flags & EGRET_PTE_WRITE))
		return;
	for (i = 0; i < n; i++)
		set_page_dirty(hmm_pfn_to_page(userptr->pfns[i]));
}

/*
 * Make the pages the user pointer's, unless something has changed since they were
 * found. Takes @sgt and @extents over if it succeeds.
 */
static bool egret_userptr_install(struct egret_userptr *userptr, const struct hmm_range *range,
				  struct sg_table *sgt, struct egret_extent *extents)
{
	struct egret_vm *vm = userptr->vm;
	struct egret_extent *old;
	bool retry;

	mutex_lock(&vm->userptr_lock);
	retry = mmu_interval_read_retry(&userptr->notifier, range->notifier_seq);
	if (!retry) {
		egret_userptr_mark_dirty(userptr);
		/* The card was asleep when it lost the old pages. */
		if (userptr->stale)
			egret_userptr_zap(userptr);
		old = userptr->extents;
		userptr->sgt = *sgt;
		userptr->mapped = true;
		userptr->extents = extents;
		userptr->num_extents = sgt->nents;
		userptr->valid = true;
	}
	mutex_unlock(&vm->userptr_lock);
	if (!retry)
		kvfree(old);
	return !retry;
}

/* Find, map and install the pages once. Return -EAGAIN if they have changed meanwhile. */
static int egret_userptr_try_fault(struct egret_userptr *userptr)
{
	struct egret_device *edev = userptr->vm->edev;
	struct hmm_range range = {
		.notifier = &userptr->notifier,
		.start = userptr->addr,
		.end = userptr->addr + userptr->size,
		.hmm_pfns = userptr->pfns,
		.default_flags = HMM_PFN_REQ_FAULT |
				 (userptr->flags & EGRET_PTE_WRITE ? HMM_PFN_REQ_WRITE : 0),
	};
	struct egret_extent *extents = NULL;
	struct sg_table sgt;
	int idx, ret;

	ret = egret_userptr_find_pages(userptr, &range);
	if (ret)
		return ret;
	/* remove() finds all DMA mappings, and none comes later. */
	if (!drm_dev_enter(&edev->drm, &idx))
		return -ENODEV;
	ret = egret_userptr_map_sgt(userptr, &sgt);
	if (ret)
		goto out_exit;
	extents = egret_userptr_find_extents(&sgt);
	if (!extents)
		ret = -ENOMEM;
	else if (!egret_userptr_install(userptr, &range, &sgt, extents))
		ret = -EAGAIN;
	if (ret) {
		egret_userptr_unmap_sgt(userptr, &sgt);
		kvfree(extents);
	}
out_exit:
	drm_dev_exit(idx);
	return ret;
}

static int egret_userptr_fault(struct egret_userptr *userptr)
{
	struct egret_vm *vm = userptr->vm;
	bool valid;
	int ret = 0;

	mutex_lock(&userptr->fault_lock);
	mutex_lock(&vm->userptr_lock);
	valid = userptr->valid;
	mutex_unlock(&vm->userptr_lock);
	if (!valid)
		do {
			ret = egret_userptr_try_fault(userptr);
		} while (ret == -EAGAIN);
	mutex_unlock(&userptr->fault_lock);
	return ret;
}

/* ---- life ------------------------------------------------------------------------------- */

static void egret_userptr_destroy(struct egret_userptr *userptr)
{
	struct egret_device *edev = userptr->vm->edev;

	mutex_lock(&edev->userptrs_lock);
	list_del(&userptr->device_link);
	mutex_unlock(&edev->userptrs_lock);
	mutex_lock(&userptr->vm->userptr_lock);
	egret_userptr_unmap(userptr);
	mutex_unlock(&userptr->vm->userptr_lock);
	kvfree(userptr->extents);
	kvfree(userptr->pfns);
	mutex_destroy(&userptr->fault_lock);
	kfree(userptr);
}

static void egret_userptr_release(struct kref *kref)
{
	struct egret_userptr *userptr = container_of(kref, struct egret_userptr, refs);

	mmu_interval_notifier_remove(&userptr->notifier);
	egret_userptr_destroy(userptr);
}

/**
 * egret_userptr_put() - give up a reference
 * @userptr: user pointer; the card cannot reach its pages if it is the last reference
 *
 * May sleep, also for an invalidation that is going on. No lock may be held.
 */
void egret_userptr_put(struct egret_userptr *userptr)
{
	kref_put(&userptr->refs, egret_userptr_release);
}

/**
 * egret_userptr_create() - get hold of memory of the calling process
 * @vm: address space that it is to be bound in
 * @op: map operation, checked
 *
 * Return: user pointer with its pages found, or an error pointer: -EFAULT (no such
 * memory, or none that may be used for this), -ENOMEM, -EOPNOTSUPP (the host cannot
 * give it to the card), -ENODEV, -ERESTARTSYS.
 */
struct egret_userptr *egret_userptr_create(struct egret_vm *vm,
					   const struct drm_egret_bind_op *op)
{
	struct egret_userptr *userptr;
	int ret;

	/* A 32-bit process has less than access_ok() takes for granted. */
	if (op->offset + op->size < op->offset ||
	    op->offset + op->size > current->mm->task_size ||
	    !access_ok(u64_to_user_ptr(op->offset), op->size))
		return ERR_PTR(-EFAULT);
	if (op->size >> PAGE_SHIFT > INT_MAX / sizeof(*userptr->pfns))
		return ERR_PTR(-ENOMEM);
	userptr = kzalloc(sizeof(*userptr), GFP_KERNEL_ACCOUNT);
	if (!userptr)
		return ERR_PTR(-ENOMEM);
	kref_init(&userptr->refs);
	mutex_init(&userptr->fault_lock);
	INIT_LIST_HEAD(&userptr->link);
	INIT_LIST_HEAD(&userptr->vmas);
	userptr->vm = vm;
	userptr->addr = op->offset;
	userptr->va = op->va;
	userptr->size = op->size;
	userptr->flags = egret_bind_pte_flags(op, true);
	mutex_lock(&vm->edev->userptrs_lock);
	list_add(&userptr->device_link, &vm->edev->userptrs);
	mutex_unlock(&vm->edev->userptrs_lock);

	ret = -ENOMEM;
	userptr->pfns = kvcalloc(userptr->size >> PAGE_SHIFT, sizeof(*userptr->pfns),
				 GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!userptr->pfns)
		goto err_destroy;
	ret = mmu_interval_notifier_insert(&userptr->notifier, current->mm, userptr->addr,
					   userptr->size, &egret_userptr_notifier_ops);
	if (ret)
		goto err_destroy;
	ret = egret_userptr_fault(userptr);
	if (ret) {
		egret_userptr_put(userptr);
		return ERR_PTR(ret);
	}
	return userptr;

err_destroy:
	egret_userptr_destroy(userptr);
	return ERR_PTR(ret);
}

/**
 * egret_userptr_remove() - end the DMA mappings of all user pointers
 * @edev: card, which is gone. Files may keep user pointers.
 */
void egret_userptr_remove(struct egret_device *edev)
{
	struct egret_userptr *userptr;

	mutex_lock(&edev->userptrs_lock);
	list_for_each_entry(userptr, &edev->userptrs, device_link) {
		mutex_lock(&userptr->vm->userptr_lock);
		egret_userptr_unmap(userptr);
		mutex_unlock(&userptr->vm->userptr_lock);
	}
	mutex_unlock(&edev->userptrs_lock);
}

/* ---- binding, and EXEC ------------------------------------------------------------------ */

/**
 * egret_userptr_bind() - write the page table entries of a map operation
 * @userptr: user pointer, whose page tables are reserved
 * @tables: list that unused tables are added to
 *
 * If the pages have gone, what was bound goes, and the next EXEC gets them back. On
 * the fence-signalling path, inside of drm_dev_enter().
 *
 * Return: whether the MMU may have cached an entry that is gone.
 */
bool egret_userptr_bind(struct egret_userptr *userptr, struct list_head *tables)
{
	struct egret_vm *vm = userptr->vm;
	bool changed;

	mutex_lock(&vm->userptr_lock);
	userptr->bound = true;
	if (userptr->valid) {
		changed = egret_userptr_write(userptr, userptr->va, userptr->size, tables);
		userptr->written = true;
		userptr->stale = true;
	} else {
		changed = egret_pgtable_unmap(&vm->pgt, userptr->va, userptr->size);
		egret_userptr_set_todo(userptr);
	}
	mutex_unlock(&vm->userptr_lock);
	return changed;
}

/**
 * egret_userptr_unbound() - note that the tree has no binding of it any more
 * @userptr: user pointer; the address space is locked
 */
void egret_userptr_unbound(struct egret_userptr *userptr)
{
	mutex_lock(&userptr->vm->userptr_lock);
	userptr->unbound = true;
	list_del_init(&userptr->link);
	mutex_unlock(&userptr->vm->userptr_lock);
}

/* A user pointer that needs work: its pages, or its entries; with a reference. */
static struct egret_userptr *egret_vm_next_userptr(struct egret_vm *vm, bool valid)
{
	struct egret_userptr *userptr;

	mutex_lock(&vm->userptr_lock);
	list_for_each_entry(userptr, &vm->userptr_todo, link)
		if (userptr->valid == valid && kref_get_unless_zero(&userptr->refs))
			goto out_unlock;
	userptr = NULL;
out_unlock:
	mutex_unlock(&vm->userptr_lock);
	return userptr;
}

/**
 * egret_vm_fault_userptrs() - get the pages back that user pointers have lost
 * @vm: address space, not locked
 *
 * Return: 0, -EFAULT (there is no such memory any more), -ENOMEM, -ENODEV,
 * -ERESTARTSYS.
 */
int egret_vm_fault_userptrs(struct egret_vm *vm)
{
	struct egret_userptr *userptr;
	int ret = 0;

	while (!ret && (userptr = egret_vm_next_userptr(vm, false))) {
		ret = egret_userptr_fault(userptr);
		egret_userptr_put(userptr);
	}
	return ret;
}

static void egret_userptr_release_tables(struct egret_userptr *userptr,
					 const struct egret_vma *last)
{
	struct egret_vma *vma;

	list_for_each_entry(vma, &userptr->vmas, userptr_link) {
		if (vma == last)
			break;
		egret_pgtable_release(&userptr->vm->pgt, vma->base.va.addr,
				      EGRET_PGTABLE_SMALL(vma->base.va.addr), vma->base.va.range);
	}
}

static int egret_userptr_reserve_tables(struct egret_userptr *userptr)
{
	struct egret_vma *vma;
	int ret;

	list_for_each_entry(vma, &userptr->vmas, userptr_link) {
		const u64 va = vma->base.va.addr;

		ret = egret_pgtable_populate(&userptr->vm->pgt, va, EGRET_PGTABLE_SMALL(va),
					     vma->base.va.range);
		if (ret) {
			egret_userptr_release_tables(userptr, vma);
			return ret;
		}
	}
	return 0;
}

/* Write the entries of all its bindings anew. */
static int egret_userptr_rewrite(struct egret_userptr *userptr)
{
	struct egret_vm *vm = userptr->vm;
	LIST_HEAD(unused);
	struct egret_vma *vma;
	bool changed = false;
	int ret;

	ret = egret_userptr_reserve_tables(userptr);
	if (ret)
		return ret;
	mutex_lock(&vm->userptr_lock);
	if (userptr->valid) {
		list_for_each_entry(vma, &userptr->vmas, userptr_link)
			changed |= egret_userptr_write(userptr, vma->base.va.addr,
						       vma->base.va.range, &unused);
		userptr->written = true;
		userptr->stale = true;
		list_del_init(&userptr->link);
	}
	mutex_unlock(&vm->userptr_lock);
	egret_userptr_release_tables(userptr, NULL);
	if (changed)
		egret_mmu_invalidate(vm->edev, vm->context, userptr->va, userptr->size);
	egret_pgtable_free_list(&vm->pgt, &unused);
	return 0;
}

/**
 * egret_vm_write_userptrs() - write page table entries for pages that came back
 * @vm: address space, locked
 *
 * Return: 0, -ENOMEM, -ENOSPC, -ENODEV, -ERESTARTSYS.
 */
int egret_vm_write_userptrs(struct egret_vm *vm)
{
	struct egret_userptr *userptr;
	int idx, ret = 0;

	while (!ret && (userptr = egret_vm_next_userptr(vm, true))) {
		/* The tree may be ahead of the page tables. */
		ret = egret_vm_wait_binds(vm);
		if (!ret && !drm_dev_enter(&vm->edev->drm, &idx))
			ret = -ENODEV;
		if (!ret) {
			ret = egret_userptr_rewrite(userptr);
			drm_dev_exit(idx);
		}
		egret_userptr_put(userptr);
	}
	return ret;
}

#endif /* EGRET_HAVE_USERPTR */
