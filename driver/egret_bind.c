// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/**
 * DOC: Binding
 *
 * A DRM_EGRET_VM_BIND of many operations is done as a whole or not at all, and a
 * later operation may build on an earlier one. It has these phases:
 *
 * 1. Copy and check all arguments, look up the buffers and sync objects. No lock.
 * 2. Allocate the binding structures that the worst case needs: a map can cut
 *    one binding in two and add one, an unmap can cut one in two. No lock.
 * 3. Lock the reservations of the address space, of all shared buffers bound
 *    in it, and of the buffers to be bound. Bring these buffers to where they may
 *    live, and wait until their memory holds what it should (egret_evict.c).
 * 4. Note where the buffers are (extents), make page tables and reserve them
 *    (egret_pgtable.c: this changes no translation).
 * 5. Change the tree of bindings. Cannot fail: from here on there is no way back.
 * 6. Write the page table entries, and invalidate the MMU's caches once, for all.
 * 7. Only now let go of what the card could still reach: buffers that lost their
 *    last binding, and page tables that became empty.
 *
 * Until phase 5 a failure leaves nothing behind but empty page tables, which are
 * trimmed.
 *
 * A synchronous bind does all of this in the ioctl. An asynchronous one gives its
 * fence to its sync objects after phase 5 and returns; phase 6 is done by a work
 * item of the address space, when the fences to wait for have signalled. It is on
 * the fence-signalling path: it allocates nothing, because tables and extents are
 * there, and locks no reservation, because it looks neither at buffers nor at the
 * tree. Phase 7 is done by another work item, which may do what it likes.
 *
 * Order. The binds of an address space take effect in the order in which their
 * ioctls changed the tree, whatever they wait for: a synchronous bind waits for
 * those before it, too. So page tables follow the tree step by step, and the tree
 * is what they will be when all pending binds are done. Between binds and
 * executions there is no order but that of sync objects.
 *
 * Buffers stay where they are while a bind with their addresses is pending: its
 * fence is in the reservations of the address space and of all shared buffers that
 * are, or were, bound in it, and whoever moves a buffer waits for these.
 *
 * So memory never goes to somebody else while the card has a translation to it.
 * Nothing waits for jobs: a job that loses a binding that it needs faults.
 *
 * An address space whose ID is destroyed lives until its last bind is done: binds
 * hold a user's reference. If the card goes away, binds end in their turn, with
 * fences that say so.
 *
 * Rejected alternatives:
 *
 * - Undoing a bind that fails half way. The undoing may need memory, too.
 * - A lock of its own for the tree of bindings, and changing it when a pending
 *   bind is executed. Then the tables that a bind needs are not known when it is
 *   submitted, and must be allocated for the worst case: half a gigabyte in small
 *   pages would take a megabyte of device memory for each pending bind.
 * - A drm_sched of its own for each address space. Binds are executed by the
 *   processor, in order, and never hang; of the scheduler there would be use for
 *   waiting for fences only, which takes fewer lines than its teardown would.
 * - Letting the processor's reads of the page tables find out what is mapped.
 *   They are slow over the bus; see egret_pgtable.c.
 */
#include <linux/dma-fence.h>
#include <linux/slab.h>
#include <drm/drm_drv.h>
#include <drm/drm_exec.h>
#include <drm/drm_gem.h>
#include <drm/drm_print.h>

#include "compat.h"
#include "egret_array.h"
#include "egret_bind.h"
#include "egret_bind_check.h"
#include "egret_bo.h"
#include "egret_device.h"
#include "egret_evict.h"
#include "egret_extent.h"
#include "egret_fence.h"
#include "egret_mmu.h"
#include "egret_pm.h"
#include "egret_queue.h"
#include "egret_sync.h"
#include "egret_trace.h"
#include "egret_userptr.h"
#include "egret_vm.h"

/* Most structures that an operation uses up. */
#define EGRET_VMAS_FOR_MAP	3
#define EGRET_VMAS_FOR_UNMAP	2

/**
 * struct egret_bind_op - one operation of a bind
 */
struct egret_bind_op {
	/** @args: What user space asked for, checked. */
	struct drm_egret_bind_op args;
	/** @bo: For a map of a buffer: that; a reference. */
	struct egret_bo *bo;
	/** @userptr: For a map of a user pointer: that; a reference. */
	struct egret_userptr *userptr;
	/** @moved: Signals when the buffer has moved to where it is; a reference, or NULL. */
	struct dma_fence *moved;
	/** @vm_bo: With @bo: connection of buffer and address space; a reference. */
	struct drm_gpuvm_bo *vm_bo;
	/** @flags: For a map: EGRET_PTE_*. */
	u64 flags;
	/** @extents: With @bo: its memory, in order. */
	struct egret_extent *extents;
	/** @num_extents: Number of them. */
	u32 num_extents;
	/** @populated: Number of them (with @userptr: one) whose page tables are reserved. */
	u32 populated;
	/** @split: For an unmap: whether tables are reserved at its start and end. */
	bool split[2];
};

/**
 * struct egret_bind - a DRM_EGRET_VM_BIND in progress
 */
struct egret_bind {
	/** @vm: Address space; a user's reference. */
	struct egret_vm *vm;
	/** @ops: Operations. */
	struct egret_bind_op *ops;
	/** @count: Number of operations. */
	u32 count;
	/** @current_op: Operation whose steps the tree is taking. */
	u32 current_op;
	/** @spare: Unused bindings. */
	struct list_head spare;
	/** @removed: Bindings that are out of the tree, but still hold their buffer. */
	struct list_head removed;
	/** @tables: Page tables that were taken out. */
	struct list_head tables;
	/** @start: First address that any operation touches. */
	u64 start;
	/** @end: First address behind all of them. */
	u64 end;

	/** @syncs: Sync objects. */
	struct egret_syncs syncs;
	/**
	 * @next_wait: What egret_bind_wait_fence() gives before it has signalled.
	 * Used by the work item only.
	 */
	u32 next_wait;
	/** @waiting: Whether @cb is with the fence of @next_wait. As @next_wait. */
	bool waiting;
	/** @cb: Calls the work item when a fence signals. */
	struct dma_fence_cb cb;
	/** @fence: Signals when the bind is done; allocated in advance. */
	struct egret_fence *fence;
	/** @link: In &egret_vm.binds, while it is pending. */
	struct list_head link;
	/** @free_work: Lets go of what the bind holds. */
	struct work_struct free_work;
};

/* ---- steps that drm_gpuvm divides an operation into: phase 5 --------------------- */

static struct egret_vma *egret_bind_take_vma(struct egret_bind *bind, u64 flags)
{
	struct egret_vma *vma = list_first_entry(&bind->spare, struct egret_vma, link);

	list_del_init(&vma->link);
	vma->flags = flags;
	return vma;
}

/* A binding of the same user pointer as @old, if that has one. */
static void egret_vma_copy_userptr(struct egret_vma *vma, struct egret_userptr *userptr)
{
	if (!userptr)
		return;
	vma->userptr = egret_userptr_get(userptr);
	list_add_tail(&vma->userptr_link, &userptr->vmas);
}

/*
 * What is bound is what jobs use. Private buffers keep together in TTM's LRU for it; shared
 * ones are found in the list of external objects (egret_vm_use()).
 */
static void egret_vma_link(struct drm_gpuva *va, struct drm_gpuvm_bo *vm_bo)
{
	struct egret_bo *bo = to_egret_bo(vm_bo->obj);

	drm_gpuva_link(va, vm_bo);
	if (bo->vm_root)
		ttm_bo_set_bulk_move(&bo->ttm, &to_egret_vm(vm_bo->vm)->lru);
}

static void egret_vma_unlink(struct drm_gpuva *va)
{
	struct drm_gpuvm_bo *vm_bo = va->vm_bo;

	if (list_is_singular(&vm_bo->list.gpuva))
		ttm_bo_set_bulk_move(&to_egret_bo(vm_bo->obj)->ttm, NULL);
	/* May be the end of @vm_bo. */
	drm_gpuva_unlink(va);
}

/* Unlink a binding that is out of the tree, but keep its memory for the card. */
static void egret_bind_remove_vma(struct egret_bind *bind, struct egret_vma *vma)
{
	list_add_tail(&vma->link, &bind->removed);
	if (vma->userptr) {
		list_del_init(&vma->userptr_link);
		if (list_empty(&vma->userptr->vmas))
			egret_userptr_unbound(vma->userptr);
		return;
	}
	vma->held = vma->base.gem.obj;
	drm_gem_object_get(vma->held);
	egret_vma_unlink(&vma->base);
}

static int egret_vm_step_map(struct drm_gpuva_op *gop, void *priv)
{
	struct egret_bind *bind = priv;
	struct egret_bind_op *op = &bind->ops[bind->current_op];
	struct egret_vma *vma = egret_bind_take_vma(bind, op->flags);

	drm_gpuva_map(&bind->vm->base, &vma->base, &gop->map);
	egret_vma_copy_userptr(vma, op->userptr);
	if (op->userptr)
		return 0;
	egret_vma_link(&vma->base, op->vm_bo);
	drm_gpuvm_bo_extobj_add(op->vm_bo);
	return 0;
}

/*
 * The remaining parts of a binding keep their page table entries, and the part
 * that goes is unmapped or overwritten with the whole range of the operation.
 */
static int egret_vm_step_remap(struct drm_gpuva_op *gop, void *priv)
{
	struct egret_bind *bind = priv;
	struct drm_gpuva_op_remap *remap = &gop->remap;
	struct egret_vma *old = to_egret_vma(remap->unmap->va);
	struct egret_vma *parts[2] = {};
	unsigned int i;

	if (remap->prev)
		parts[0] = egret_bind_take_vma(bind, old->flags);
	if (remap->next)
		parts[1] = egret_bind_take_vma(bind, old->flags);
	drm_gpuva_remap(parts[0] ? &parts[0]->base : NULL, parts[1] ? &parts[1]->base : NULL,
			remap);
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!parts[i])
			continue;
		egret_vma_copy_userptr(parts[i], old->userptr);
		if (!old->userptr)
			egret_vma_link(&parts[i]->base, old->base.vm_bo);
	}
	egret_bind_remove_vma(bind, old);
	return 0;
}

static int egret_vm_step_unmap(struct drm_gpuva_op *gop, void *priv)
{
	struct egret_bind *bind = priv;
	struct egret_vma *vma = to_egret_vma(gop->unmap.va);

	drm_gpuva_unmap(&gop->unmap);
	egret_bind_remove_vma(bind, vma);
	return 0;
}

static void egret_vm_free(struct drm_gpuvm *gpuvm)
{
	kfree(to_egret_vm(gpuvm));
}

const struct drm_gpuvm_ops egret_vm_ops = {
	.vm_free = egret_vm_free,
	.sm_step_map = egret_vm_step_map,
	.sm_step_remap = egret_vm_step_remap,
	.sm_step_unmap = egret_vm_step_unmap,
	.vm_bo_validate = egret_vm_bo_validate,
};

static int egret_bind_commit_op(struct egret_bind *bind, const struct egret_bind_op *op)
{
	struct drm_gpuvm *gpuvm = &bind->vm->base;
	struct drm_gpuvm_map_req req = {
		.map.va.addr = op->args.va,
		.map.va.range = op->args.size,
		.map.gem.offset = op->args.offset,
	};

	if (!op->bo && !op->userptr)
		return drm_gpuvm_sm_unmap(gpuvm, bind, op->args.va, op->args.size);
	req.map.gem.obj = op->bo ? &op->bo->ttm.base : NULL;
	return drm_gpuvm_sm_map(gpuvm, bind, &req);
}

static void egret_bind_commit(struct egret_bind *bind)
{
	u32 i;

	for (i = 0; i < bind->count; i++) {
		bind->current_op = i;
		trace_egret_vm_bind_op(bind->vm, &bind->ops[i].args);
		/* The range was checked and the steps do not fail. */
		drm_WARN_ON(&bind->vm->edev->drm,
			    egret_bind_commit_op(bind, &bind->ops[i]));
	}
}

/* ---- phases 1 and 2: without locks ------------------------------------------------- */

static int egret_bind_lookup_bo(struct egret_bind *bind, struct egret_bind_op *op,
				struct drm_file *file)
{
	struct drm_gem_object *obj = drm_gem_object_lookup(file, op->args.handle);

	if (!obj)
		return -ENOENT;
	op->bo = to_egret_bo(obj);
	if (op->bo->vm_root && op->bo->vm_root != drm_gpuvm_resv_obj(&bind->vm->base))
		return -EINVAL;
	return egret_bind_check_range(&op->args, obj->size);
}

static int egret_bind_create_userptr(struct egret_bind *bind, struct egret_bind_op *op)
{
	struct egret_userptr *userptr = egret_userptr_create(bind->vm, &op->args);

	if (IS_ERR(userptr))
		return PTR_ERR(userptr);
	op->userptr = userptr;
	op->flags = userptr->flags;
	return 0;
}

static int egret_bind_add_spare(struct egret_bind *bind, unsigned int n)
{
	while (n--) {
		struct egret_vma *vma = kzalloc(sizeof(*vma), GFP_KERNEL_ACCOUNT);

		if (!vma)
			return -ENOMEM;
		list_add(&vma->link, &bind->spare);
	}
	return 0;
}

static int egret_bind_prepare_op(struct egret_bind *bind, struct egret_bind_op *op,
				 struct drm_file *file)
{
	int ret;

	ret = egret_bind_check_op(&op->args);
	if (ret)
		return ret;
	bind->start = min(bind->start, op->args.va);
	bind->end = max(bind->end, op->args.va + op->args.size);
	switch (op->args.op) {
	case DRM_EGRET_BIND_MAP:
		ret = egret_bind_lookup_bo(bind, op, file);
		break;
	case DRM_EGRET_BIND_MAP_USERPTR:
		ret = egret_bind_create_userptr(bind, op);
		break;
	default:
		return egret_bind_add_spare(bind, EGRET_VMAS_FOR_UNMAP);
	}
	return ret ?: egret_bind_add_spare(bind, EGRET_VMAS_FOR_MAP);
}

static int egret_bind_copy_ops(struct egret_bind *bind, const struct drm_egret_array *array)
{
	struct drm_egret_bind_op *args;
	u32 i;

	args = egret_array_copy(array, sizeof(*args), sizeof(*args), DRM_EGRET_BIND_OPS_MAX,
				NULL, 0);
	if (IS_ERR_OR_NULL(args))
		return PTR_ERR_OR_ZERO(args);
	bind->ops = kvcalloc(array->count, sizeof(*bind->ops), GFP_KERNEL_ACCOUNT);
	if (bind->ops) {
		bind->count = array->count;
		for (i = 0; i < bind->count; i++)
			bind->ops[i].args = args[i];
	}
	kvfree(args);
	return bind->ops ? 0 : -ENOMEM;
}

static int egret_bind_prepare(struct egret_bind *bind, struct drm_file *file,
			      const struct drm_egret_vm_bind *args)
{
	u32 i;
	int ret;

	ret = egret_bind_copy_ops(bind, &args->ops);
	if (ret)
		return ret;
	bind->vm = egret_vm_lookup(file->driver_priv, args->vm_id);
	if (!bind->vm)
		return -ENOENT;
	for (i = 0; i < bind->count; i++) {
		ret = egret_bind_prepare_op(bind, &bind->ops[i], file);
		if (ret)
			return ret;
	}
	ret = egret_syncs_init(&bind->syncs, file, &args->syncs);
	if (ret)
		return ret;
	bind->fence = egret_fence_alloc(GFP_KERNEL_ACCOUNT);
	return bind->fence ? 0 : -ENOMEM;
}

/* ---- phase 7, or the end of a bind that failed: nothing of it is needed any more ---- */

static void egret_bind_free_vmas(struct list_head *vmas)
{
	struct egret_vma *vma, *next;

	list_for_each_entry_safe(vma, next, vmas, link) {
		if (vma->held)
			drm_gem_object_put(vma->held);
		if (vma->userptr)
			egret_userptr_put(vma->userptr);
		kfree(vma);
	}
}

static void egret_bind_free(struct egret_bind *bind)
{
	u32 i;

	egret_bind_free_vmas(&bind->spare);
	egret_bind_free_vmas(&bind->removed);
	for (i = 0; i < bind->count; i++) {
		if (bind->ops[i].bo)
			drm_gem_object_put(&bind->ops[i].bo->ttm.base);
		if (bind->ops[i].userptr)
			egret_userptr_put(bind->ops[i].userptr);
		dma_fence_put(bind->ops[i].moved);
		kvfree(bind->ops[i].extents);
	}
	kvfree(bind->ops);
	egret_syncs_fini(&bind->syncs);
	egret_fence_free(bind->fence);
	if (bind->vm) {
		egret_pgtable_free_list(&bind->vm->pgt, &bind->tables);
		egret_vm_put(bind->vm);
	}
	kfree(bind);
}

static void egret_bind_free_work(struct work_struct *work)
{
	struct egret_bind *bind = container_of(work, struct egret_bind, free_work);
	struct egret_device *edev = bind->vm->edev;

	egret_bind_free(bind);
	egret_pm_put(edev);
	if (atomic_dec_and_test(&edev->jobs))
		wake_up_all(&edev->no_jobs);
	drm_dev_put(&edev->drm);
}

static struct egret_bind *egret_bind_alloc(void)
{
	struct egret_bind *bind = kzalloc(sizeof(*bind), GFP_KERNEL_ACCOUNT);

	if (!bind)
		return NULL;
	INIT_LIST_HEAD(&bind->spare);
	INIT_LIST_HEAD(&bind->removed);
	INIT_LIST_HEAD(&bind->tables);
	INIT_LIST_HEAD(&bind->link);
	INIT_WORK(&bind->free_work, egret_bind_free_work);
	bind->start = U64_MAX;
	return bind;
}

/* ---- phases 3 and 4: with the reservations --------------------------------------------- */

/* Bring all buffers to where they may live. */
static int egret_bind_validate(struct egret_bind *bind, struct drm_exec *exec)
{
	struct dma_resv *resv = drm_gpuvm_resv(&bind->vm->base);
	struct drm_gem_object *obj;
	u32 i;
	int ret;

	for (i = 0; i < bind->count; i++) {
		ret = bind->ops[i].bo ? egret_bo_validate(bind->ops[i].bo, resv) : 0;
		if (ret)
			return ret;
	}
	/* Those that share a reservation may have pushed each other out. */
	for (i = 0; i < bind->count; i++)
		if (bind->ops[i].bo && !egret_bo_is_placed(bind->ops[i].bo))
			return -ENOSPC;
	/* Moves may have used up the place of the bind's fence. */
	drm_exec_for_each_locked_object(exec, obj) {
		ret = dma_resv_reserve_fences(obj->resv, 1);
		if (ret)
			return ret;
	}
	return 0;
}

static int egret_bind_lock(struct egret_bind *bind, struct drm_exec *exec)
{
	struct drm_gpuvm *gpuvm = &bind->vm->base;
	u32 i;
	int ret = 0;

	/* Room for a fence in each. */
	drm_exec_until_all_locked(exec) {
		ret = drm_gpuvm_prepare_vm(gpuvm, exec, 1);
		drm_exec_retry_on_contention(exec);
		if (ret)
			break;
		ret = drm_gpuvm_prepare_objects(gpuvm, exec, 1);
		drm_exec_retry_on_contention(exec);
		if (ret)
			break;
		for (i = 0; i < bind->count; i++) {
			struct egret_bo *bo = bind->ops[i].bo;

			if (!bo || bo->vm_root)
				continue;
			ret = drm_exec_prepare_obj(exec, &bo->ttm.base, 1);
			drm_exec_retry_on_contention(exec);
			if (ret)
				break;
		}
		/* Before ww_acquire_done(): TTM may lock other buffers. */
		if (!ret)
			ret = egret_bind_validate(bind, exec);
		if (ret)
			break;
	}
	return ret;
}

/* Does not need the bind, which may be done and freed by then. */
static void egret_bind_unlock(struct egret_device *edev, struct drm_exec *exec, bool exclusive)
{
	drm_exec_fini(exec);
	egret_evict_end(edev, exclusive);
}

/* Phase 3; on success, undone by egret_bind_unlock(). */
static int egret_bind_lock_and_validate(struct egret_bind *bind, struct drm_exec *exec,
					bool exclusive)
{
	struct egret_device *edev = bind->vm->edev;
	int ret = egret_evict_begin(edev, exclusive);

	if (ret)
		return ret;
	drm_exec_init(exec, DRM_EXEC_INTERRUPTIBLE_WAIT | DRM_EXEC_IGNORE_DUPLICATES, 0);
	ret = egret_bind_lock(bind, exec);
	if (ret)
		egret_bind_unlock(edev, exec, exclusive);
	return ret;
}

static u32 egret_bind_count_extents(const struct egret_bind_op *op)
{
	struct egret_bo_cursor cursor;
	u64 left = op->args.size, addr;
	u32 n = 0;

	egret_bo_cursor_init(&cursor, op->bo, op->args.offset);
	for (; left; n++)
		left -= egret_bo_cursor_next(&cursor, left, &addr);
	return n;
}

/* Note where the buffer is. */
static int egret_bind_find_extents(struct egret_bind_op *op)
{
	struct egret_bo_cursor cursor;
	u64 left = op->args.size;
	u32 i;

	op->flags = egret_bind_pte_flags(&op->args, !egret_bo_is_vram(op->bo));
	op->num_extents = egret_bind_count_extents(op);
	op->extents = kvcalloc(op->num_extents, sizeof(*op->extents), GFP_KERNEL_ACCOUNT);
	if (!op->extents)
		return -ENOMEM;
	egret_bo_cursor_init(&cursor, op->bo, op->args.offset);
	for (i = 0; i < op->num_extents; i++) {
		struct egret_extent *extent = &op->extents[i];

		extent->size = egret_bo_cursor_next(&cursor, left, &extent->addr);
		left -= extent->size;
	}
	return 0;
}

static int egret_bind_populate_map(struct egret_bind *bind, struct egret_bind_op *op)
{
	struct drm_gpuvm_bo *vm_bo;
	u64 va = op->args.va;
	int ret;

	vm_bo = drm_gpuvm_bo_obtain_locked(&bind->vm->base, &op->bo->ttm.base);
	if (IS_ERR(vm_bo))
		return PTR_ERR(vm_bo);
	op->vm_bo = vm_bo;
	ret = egret_bind_find_extents(op);
	if (ret)
		return ret;
	/* Until then, the memory has its former owner's bytes in it. */
	ret = dma_resv_get_singleton(op->bo->ttm.base.resv, DMA_RESV_USAGE_KERNEL, &op->moved);
	if (ret)
		return ret;
	for (; op->populated < op->num_extents; op->populated++) {
		const struct egret_extent *extent = &op->extents[op->populated];

		ret = egret_pgtable_populate(&bind->vm->pgt, va, extent->addr, extent->size);
		if (ret)
			return ret;
		va += extent->size;
	}
	return 0;
}

static int egret_bind_populate_userptr(struct egret_bind *bind, struct egret_bind_op *op)
{
	int ret = egret_pgtable_populate(&bind->vm->pgt, op->args.va,
					 EGRET_PGTABLE_SMALL(op->args.va), op->args.size);

	op->populated = !ret;
	return ret;
}

static int egret_bind_populate_unmap(struct egret_bind *bind, struct egret_bind_op *op,
				     bool later)
{
	unsigned int end;

	for (end = 0; end < ARRAY_SIZE(op->split); end++) {
		u64 va = op->args.va + end * op->args.size;
		int ret = egret_pgtable_split(&bind->vm->pgt, va, later);

		if (ret < 0)
			return ret;
		op->split[end] = ret;
	}
	return 0;
}

static int egret_bind_populate(struct egret_bind *bind)
{
	/* What is mapped before an unmap must be small at its ends, too. */
	bool later = egret_vm_binds_pending(bind->vm);
	u32 i;
	int ret = 0;

	for (i = 0; !ret && i < bind->count; i++) {
		struct egret_bind_op *op = &bind->ops[i];

		if (op->bo)
			ret = egret_bind_populate_map(bind, op);
		else if (op->userptr)
			ret = egret_bind_populate_userptr(bind, op);
		else
			ret = egret_bind_populate_unmap(bind, op, later);
		later |= op->bo || op->userptr;
	}
	return ret;
}

/* ---- phase 6: may be on the fence-signalling path --------------------------------------- */

/* Write the page table entries of one operation. Return whether any went. */
static bool egret_bind_write_op(struct egret_bind *bind, const struct egret_bind_op *op)
{
	struct egret_pgtable *pgt = &bind->vm->pgt;
	u64 va = op->args.va;
	bool changed = false;
	u32 i;

	if (op->userptr)
		return egret_userptr_bind(op->userptr, &bind->tables);
	if (!op->bo)
		return egret_pgtable_unmap(pgt, va, op->args.size);
	for (i = 0; i < op->num_extents; i++) {
		const struct egret_extent *extent = &op->extents[i];

		changed |= egret_pgtable_map(pgt, va, extent->addr, extent->size, op->flags,
					     &bind->tables);
		va += extent->size;
	}
	return changed;
}

static void egret_bind_release_op(struct egret_pgtable *pgt, struct egret_bind_op *op)
{
	u64 va = op->args.va;
	u32 i;

	if (op->userptr && op->populated)
		egret_pgtable_release(pgt, va, EGRET_PGTABLE_SMALL(va), op->args.size);
	for (i = 0; op->bo && i < op->populated; i++) {
		const struct egret_extent *extent = &op->extents[i];

		egret_pgtable_release(pgt, va, extent->addr, extent->size);
		va += extent->size;
	}
	if (op->split[0])
		egret_pgtable_release_split(pgt, op->args.va);
	if (op->split[1])
		egret_pgtable_release_split(pgt, op->args.va + op->args.size);
}

/* Tables are not needed any more; make the card forget what is gone. */
static void egret_bind_trim(struct egret_bind *bind, bool changed)
{
	struct egret_vm *vm = bind->vm;
	u32 i;

	for (i = 0; i < bind->count; i++)
		egret_bind_release_op(&vm->pgt, &bind->ops[i]);
	for (i = 0; i < bind->count; i++)
		egret_pgtable_trim(&vm->pgt, bind->ops[i].args.va, bind->ops[i].args.size,
				   &bind->tables);
	if (changed || !list_empty(&bind->tables))
		egret_mmu_invalidate(vm->edev, vm->context, bind->start,
				     bind->end - bind->start);
}

/*
 * Change the page tables. When it returns, the card does not reach any more what
 * was unbound. Must not be called inside of drm_dev_enter().
 *
 * Return: 0, or -ENODEV if there is no card that could reach anything.
 */
static int egret_bind_execute(struct egret_bind *bind)
{
	struct egret_device *edev = bind->vm->edev;
	bool changed = false;
	u32 i;
	int idx;

	if (!drm_dev_enter(&edev->drm, &idx)) {
		/* remove() stops everything. */
		wait_for_completion(&edev->stopped);
		return -ENODEV;
	}
	for (i = 0; i < bind->count; i++)
		changed |= egret_bind_write_op(bind, &bind->ops[i]);
	egret_bind_trim(bind, changed);
	drm_dev_exit(idx);
	return 0;
}

/* A synchronous bind that nothing holds back: it has no fence. */
static int egret_bind_execute_now(struct egret_bind *bind)
{
	int ret;

	trace_egret_vm_bind_submit(bind->vm, NULL, bind->count);
	ret = egret_bind_execute(bind);
	trace_egret_vm_bind_done(bind->vm, NULL, ret);
	return ret;
}

/* ---- pending binds ------------------------------------------------------------------------ */

static void egret_bind_wake(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct egret_bind *bind = container_of(cb, struct egret_bind, cb);

	queue_work(bind->vm->edev->sched_wq, &bind->vm->bind_work);
}

/* What to wait for: fences of sync objects, then moves of buffers; NULL for nothing. */
static struct dma_fence *egret_bind_wait_fence(const struct egret_bind *bind, u32 i)
{
	if (i < bind->syncs.count)
		return bind->syncs.array[i].fence;
	return bind->ops[i - bind->syncs.count].moved;
}

/*
 * Whether all that the bind waits for has signalled; otherwise it will call. A point
 * of a timeline may stand for earlier binds of the address space: they are done.
 */
static bool egret_bind_is_ready(struct egret_bind *bind)
{
	for (; bind->next_wait < bind->syncs.count + bind->count; bind->next_wait++) {
		struct dma_fence *fence = egret_bind_wait_fence(bind, bind->next_wait);

		if (!fence)
			continue;
		if (!bind->waiting && !dma_fence_add_callback(fence, &bind->cb, egret_bind_wake))
			bind->waiting = true;
		if (!dma_fence_is_signaled(fence))
			return false;
		/* The callback may be about to run, and the bind about to be freed. */
		if (bind->waiting)
			dma_fence_remove_callback(fence, &bind->cb);
		bind->waiting = false;
	}
	return true;
}

static struct egret_bind *egret_vm_first_bind(struct egret_vm *vm)
{
	struct egret_bind *bind;

	spin_lock(&vm->bind_lock);
	bind = list_first_entry_or_null(&vm->binds, struct egret_bind, link);
	spin_unlock(&vm->bind_lock);
	return bind;
}

static void egret_bind_complete(struct egret_bind *bind)
{
	struct egret_vm *vm = bind->vm;
	int ret = egret_bind_execute(bind);

	spin_lock(&vm->bind_lock);
	list_del_init(&bind->link);
	spin_unlock(&vm->bind_lock);
	trace_egret_vm_bind_done(vm, &bind->fence->base, ret);
	if (ret)
		egret_fence_end(bind->fence, true);
	else
		dma_fence_signal(&bind->fence->base);
	dma_fence_put(&bind->fence->base);
	bind->fence = NULL;
	/* The address space may be gone after this, but not before the work item ends. */
	egret_queue_cleanup_later(&bind->free_work);
}

static void egret_vm_bind_work(struct work_struct *work)
{
	struct egret_vm *vm = container_of(work, struct egret_vm, bind_work);
	bool cookie = dma_fence_begin_signalling();
	struct egret_bind *bind;

	while ((bind = egret_vm_first_bind(vm)) && egret_bind_is_ready(bind))
		egret_bind_complete(bind);
	dma_fence_end_signalling(cookie);
}

/*
 * Make a bind pending, which has changed the tree. From here on @bind is not ours.
 * Return its fence with a reference.
 */
static struct dma_fence *egret_bind_push(struct egret_bind *bind, struct drm_exec *exec)
{
	struct egret_vm *vm = bind->vm;
	struct dma_fence *fence = &bind->fence->base;
	bool cookie = dma_fence_begin_signalling();

	dma_resv_assert_held(drm_gpuvm_resv(&vm->base));
	egret_fence_init(bind->fence, vm->bind_context, ++vm->bind_seqno, true);
	dma_fence_get(fence);
	dma_fence_put(vm->last_bind);
	vm->last_bind = dma_fence_get(fence);
	trace_egret_vm_bind_submit(vm, fence, bind->count);
	egret_syncs_signal(&bind->syncs, fence);
	drm_gpuvm_resv_add_fence(&vm->base, exec, fence, DMA_RESV_USAGE_BOOKKEEP,
				 DMA_RESV_USAGE_BOOKKEEP);

	/* Behind the lock it may be done at once, and have been all that held the space. */
	spin_lock(&vm->bind_lock);
	list_add_tail(&bind->link, &vm->binds);
	queue_work(vm->edev->sched_wq, &vm->bind_work);
	spin_unlock(&vm->bind_lock);
	dma_fence_end_signalling(cookie);
	return fence;
}

/**
 * egret_vm_binds_pending() - whether the page tables lag behind the tree of bindings
 * @vm: address space, locked
 *
 * Return: true if there are asynchronous binds that are not done yet.
 */
bool egret_vm_binds_pending(struct egret_vm *vm)
{
	dma_resv_assert_held(drm_gpuvm_resv(&vm->base));
	return vm->last_bind && !dma_fence_is_signaled(vm->last_bind);
}

/**
 * egret_vm_wait_binds() - wait until the page tables are what the tree says
 * @vm: address space, locked, so that no further binds come
 *
 * Return: 0, or -ERESTARTSYS.
 */
int egret_vm_wait_binds(struct egret_vm *vm)
{
	dma_resv_assert_held(drm_gpuvm_resv(&vm->base));
	return vm->last_bind ? dma_fence_wait(vm->last_bind, true) : 0;
}

/**
 * egret_vm_init_binds() - prepare an address space for binds
 * @vm: address space
 */
void egret_vm_init_binds(struct egret_vm *vm)
{
	spin_lock_init(&vm->bind_lock);
	INIT_LIST_HEAD(&vm->binds);
	INIT_WORK(&vm->bind_work, egret_vm_bind_work);
	vm->bind_context = dma_fence_context_alloc(1);
	mutex_init(&vm->userptr_lock);
	INIT_LIST_HEAD(&vm->userptr_todo);
}

/**
 * egret_vm_fini_binds() - unbind everything in an address space
 * @vm: address space without users; the card does not use its page tables any more
 */
void egret_vm_fini_binds(struct egret_vm *vm)
{
	struct drm_gpuva *va, *next;

	/* It has nothing more to do, but may not have returned. */
	cancel_work_sync(&vm->bind_work);
	dma_fence_put(vm->last_bind);
	drm_gpuvm_for_each_va_safe(va, next, &vm->base) {
		struct drm_gem_object *obj = va->gem.obj;
		struct egret_vma *vma = to_egret_vma(va);

		if (va == &vm->base.kernel_alloc_node)
			continue;
		if (vma->userptr) {
			drm_gpuva_remove(va);
			egret_userptr_put(vma->userptr);
			kfree(vma);
			continue;
		}
		/* Unlinking may drop the last reference of the buffer. */
		drm_gem_object_get(obj);
		dma_resv_lock(obj->resv, NULL);
		drm_gpuva_remove(va);
		egret_vma_unlink(va);
		dma_resv_unlock(obj->resv);
		drm_gem_object_put(obj);
		kfree(vma);
	}
	mutex_destroy(&vm->userptr_lock);
}

/* ---- DRM_EGRET_VM_BIND ----------------------------------------------------------------------- */

struct egret_bind_waiter {
	struct dma_fence_cb cb;
	struct completion done;
};

static void egret_bind_wake_waiter(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	complete(&container_of(cb, struct egret_bind_waiter, cb)->done);
}

/*
 * Wait for a synchronous bind that has others before it. It will be done, so
 * signals do not end the waiting, but for those that end the process.
 */
static int egret_bind_wait(struct dma_fence *fence)
{
	struct egret_bind_waiter waiter;
	int ret = 0;

	init_completion(&waiter.done);
	if (!dma_fence_add_callback(fence, &waiter.cb, egret_bind_wake_waiter)) {
		ret = wait_for_completion_killable(&waiter.done);
		dma_fence_remove_callback(fence, &waiter.cb);
	}
	if (!ret && dma_fence_get_status(fence) < 0)
		ret = -ENODEV;
	return ret;
}

/* The bindings in the tree, if there are any, hold what is needed. */
static void egret_bind_put_vm_bos(struct egret_bind *bind)
{
	u32 i;

	for (i = 0; i < bind->count; i++)
		drm_gpuvm_bo_put(bind->ops[i].vm_bo);
}

/* Phases 4 and 5. On success remove() waits for the bind, as for a job. */
static int egret_bind_change_tree(struct egret_bind *bind)
{
	struct egret_device *edev = bind->vm->edev;
	int idx, ret;

	if (!drm_dev_enter(&edev->drm, &idx))
		return -ENODEV;
	ret = egret_bind_populate(bind);
	if (ret) {
		egret_bind_trim(bind, false);
	} else {
		drm_dev_get(&edev->drm);
		atomic_inc(&edev->jobs);
		egret_bind_commit(bind);
		/* Executions from here on have other buffers to think of. */
		egret_fence_close_groups(drm_gpuvm_resv(&bind->vm->base));
	}
	egret_bind_put_vm_bos(bind);
	drm_dev_exit(idx);
	return ret;
}

/* Whether the bind cannot be executed at once. The address space is locked. */
static bool egret_bind_must_wait(struct egret_bind *bind)
{
	u32 i;

	for (i = 0; i < bind->count; i++)
		if (bind->ops[i].moved && !dma_fence_is_signaled(bind->ops[i].moved))
			return true;
	return egret_vm_binds_pending(bind->vm);
}

/* Phases 3 to 7. Takes @bind over. */
static int egret_bind_run(struct egret_bind *bind, bool async)
{
	struct egret_device *edev = bind->vm->edev;
	struct dma_fence *fence = NULL;
	bool exclusive = false;
	struct drm_exec exec;
	int ret;

	/* Until the bind is freed. */
	ret = egret_pm_get(edev);
	if (ret) {
		egret_bind_free(bind);
		return ret;
	}
	ret = egret_bind_lock_and_validate(bind, &exec, false);
	if (egret_evict_again(ret)) {
		exclusive = true;
		ret = egret_bind_lock_and_validate(bind, &exec, true);
	}
	if (ret)
		goto err_free;
	ret = egret_bind_change_tree(bind);
	if (ret) {
		egret_bind_unlock(edev, &exec, exclusive);
		goto err_free;
	}
	if (async || egret_bind_must_wait(bind))
		fence = egret_bind_push(bind, &exec);
	else
		ret = egret_bind_execute_now(bind);
	egret_bind_unlock(edev, &exec, exclusive);

	if (!fence)
		egret_bind_free_work(&bind->free_work);
	else if (!async)
		ret = egret_bind_wait(fence);
	dma_fence_put(fence);
	return ret;

err_free:
	egret_bind_free(bind);
	egret_pm_put(edev);
	return ret;
}

int egret_vm_bind_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	const struct drm_egret_vm_bind *args = data;
	const bool async = args->flags & DRM_EGRET_VM_BIND_ASYNC;
	struct egret_bind *bind;
	int ret;

	if (args->flags & ~DRM_EGRET_VM_BIND_ASYNC)
		return -EINVAL;
	if (!async && (args->syncs.count || args->syncs.array))
		return -EINVAL;
	bind = egret_bind_alloc();
	if (!bind)
		return -ENOMEM;
	ret = egret_bind_prepare(bind, file, args);
	if (ret) {
		egret_bind_free(bind);
		return ret;
	}
	return egret_bind_run(bind, async);
}
