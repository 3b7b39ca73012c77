// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/**
 * DOC: Eviction
 *
 * A buffer that finds no room in device memory pushes others out to system memory,
 * those first that were not used for longest. What is bound in an address space is
 * used whenever a job of it is submitted (egret_vm_use()). A buffer that is pushed
 * out, or whose pages are taken away, while it is bound is first cut off
 * (egret_bo_cut_off()):
 *
 * 1. Wait for all jobs and binds that may use it: those whose fences are in its
 *    reservation.
 * 2. Note in each address space that it is evicted.
 * 3. Clear its page table entries, and make the MMU forget them.
 *
 * Only then are its contents moved (egret_migrate.c). From now on the next execution
 * in each of these address spaces begins with egret_vm_revalidate(): it finds a place
 * for all evicted buffers, pushing out those of others, waits for the moves, and
 * writes the entries. All of an address space's buffers are in place when a job
 * begins, and stay until it ends.
 *
 * An entry is written only when the memory behind it holds what it should hold:
 * other jobs of the same address space may be running, and could look at what a
 * former owner left there. So this waits for moves rather than making jobs depend
 * on them. All moves are submitted before the first wait.
 *
 * Several clients that evict each other's buffers lock each other's reservations.
 * wait/wound tickets resolve the deadlocks, but TTM reports a wound as memory that
 * is full. Therefore all who lock reservations and look for room take the evict
 * lock, shared; who did not find room does everything again and takes it exclusively.
 * Then nobody wounds, and memory that is reported as full is full.
 *
 * Rejected alternatives:
 *
 * - Restarting faulting jobs after their buffers have come back. The chip cannot
 *   restart (Documentation/hardware/mmu.rst).
 * - Leaving the entries as they are until a buffer returns, as drivers do that
 *   only let the kernel submit. Whoever owns a doorbell could use them.
 */
#include <linux/dma-resv.h>
#include <drm/drm_drv.h>
#include <drm/drm_exec.h>
#include <drm/drm_print.h>
#include <drm/ttm/ttm_placement.h>

#include "compat.h"
#include "egret_bind.h"
#include "egret_bo.h"
#include "egret_device.h"
#include "egret_dmabuf.h"
#include "egret_evict.h"
#include "egret_fence.h"
#include "egret_mmu.h"
#include "egret_trace.h"
#include "egret_tt.h"
#include "egret_vm.h"

/* How long a buffer's jobs may take before another is looked for, as TTM does it. */
#define EGRET_EVICT_TIMEOUT	(15 * HZ)

/* ---- the evict lock ----------------------------------------------------------- */

/**
 * egret_evict_begin() - begin to lock reservations and look for room
 * @edev: card
 * @exclusive: whether to be alone
 *
 * Outside of all reservations, and not inside of drm_dev_enter().
 *
 * Return: 0 for egret_evict_end(), or -EINTR, -ENODEV.
 */
int egret_evict_begin(struct egret_device *edev, bool exclusive)
{
	int ret;

	if (exclusive)
		ret = down_write_killable(&edev->evict_lock);
	else
		ret = down_read_interruptible(&edev->evict_lock);
	if (ret)
		return ret;
	/* remove() takes the lock to find all DMA mappings; none comes later. */
	if (drm_dev_is_unplugged(&edev->drm)) {
		egret_evict_end(edev, exclusive);
		return -ENODEV;
	}
	return 0;
}

/**
 * egret_evict_end() - undo egret_evict_begin()
 * @edev: card
 * @exclusive: as there
 */
void egret_evict_end(struct egret_device *edev, bool exclusive)
{
	if (exclusive)
		up_write(&edev->evict_lock);
	else
		up_read(&edev->evict_lock);
}

/* ---- out ----------------------------------------------------------------------------- */

/**
 * egret_bo_may_evict() - whether it makes sense to push a buffer out
 * @tbo: buffer, locked
 * @place: for what
 *
 * Return: true if it does.
 */
bool egret_bo_may_evict(struct ttm_buffer_object *tbo, const struct ttm_place *place)
{
	struct egret_device *edev = container_of(tbo->bdev, struct egret_device, ttm);
	struct drm_gpuvm_bo *vm_bo;

	/* It is about to free its memory by itself. */
	if (tbo->deleted)
		return true;
	/* Pages would still be there if the buffer was not, unless they are swapped out. */
	if (tbo->resource->mem_type != TTM_PL_VRAM)
		return egret_shrinker_wants(edev, tbo);
	/* Without a place to go to it would be a failure, and TTM would print it. */
	if (ttm_resource_manager_usage(&edev->system) + tbo->base.size > edev->system.size)
		return false;
	/*
	 * Buffers that share the reservation that is locked now. For others the
	 * answer may change at once, but then they could not have been locked.
	 */
	drm_gem_for_each_gpuvm_bo(vm_bo, &tbo->base)
		if (READ_ONCE(to_egret_vm(vm_bo->vm)->validating))
			return false;
	return ttm_bo_eviction_valuable(tbo, place);
}

/* Wait for the jobs and binds that may use @bo. Moves come after each other anyway. */
static int egret_bo_wait_users(struct egret_bo *bo, struct ttm_operation_ctx *ctx)
{
	struct egret_device *edev = to_egret_device(bo->ttm.base.dev);
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_for_each_fence(&cursor, bo->ttm.base.resv, DMA_RESV_USAGE_BOOKKEEP, fence) {
		long ret;

		if (egret_migrate_is_fence(edev, fence) || dma_fence_is_signaled(fence))
			continue;
		if (ctx->no_wait_gpu)
			return -EBUSY;
		ret = dma_fence_wait_timeout(fence, ctx->interruptible, EGRET_EVICT_TIMEOUT);
		if (ret <= 0)
			return ret ? ret : -EBUSY;
	}
	return 0;
}

/* Clear the entries of all bindings of a buffer in an address space. */
static void egret_vm_bo_unmap(struct drm_gpuvm_bo *vm_bo)
{
	struct egret_vm *vm = to_egret_vm(vm_bo->vm);
	u64 start = U64_MAX, end = 0;
	struct drm_gpuva *va;
	bool changed = false;
	int idx;

	if (!drm_dev_enter(&vm->edev->drm, &idx))
		return;
	drm_gpuvm_bo_for_each_va(va, vm_bo) {
		changed |= egret_pgtable_unmap(&vm->pgt, va->va.addr, va->va.range);
		start = min(start, va->va.addr);
		end = max(end, va->va.addr + va->va.range);
	}
	if (changed)
		egret_mmu_invalidate(vm->edev, vm->context, start, end - start);
	drm_dev_exit(idx);
}

/**
 * egret_bo_cut_off() - take a buffer's memory from the card
 * @bo: buffer, locked
 * @ctx: how to wait
 *
 * When it returns 0, no address space has a translation to the buffer's memory, and
 * each in which it is bound knows that it has to be revalidated. What a failure leaves
 * behind is correct.
 *
 * Return: 0, -EBUSY (jobs use it), or -ERESTARTSYS.
 */
int egret_bo_cut_off(struct egret_bo *bo, struct ttm_operation_ctx *ctx)
{
	struct drm_gpuvm_bo *vm_bo;
	int ret;

	ret = egret_bo_wait_users(bo, ctx);
	if (ret)
		return ret;
	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->ttm.base) {
		drm_gpuvm_bo_evict(vm_bo, true);
		egret_vm_bo_unmap(vm_bo);
	}
	egret_dmabuf_notify(bo);
	return 0;
}

/**
 * egret_bo_mark_evicted() - let the next executions look for a better place
 * @bo: buffer, locked
 *
 * Nothing is taken from the card until then. If it is where it may live, nothing happens.
 */
void egret_bo_mark_evicted(struct egret_bo *bo)
{
	struct drm_gpuvm_bo *vm_bo;

	if (egret_bo_is_placed(bo))
		return;
	egret_fence_close_groups(bo->ttm.base.resv);
	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->ttm.base)
		drm_gpuvm_bo_evict(vm_bo, true);
}

/* ---- use --------------------------------------------------------------------------------- */

/**
 * egret_vm_note_use() - slow part of egret_vm_use()
 * @vm: address space, locked
 * @exec: holds the reservations of the shared buffers bound there as well; NULL if there
 *	are none
 */
void egret_vm_note_use(struct egret_vm *vm, struct drm_exec *exec)
{
	struct egret_device *edev = vm->edev;
	struct drm_gem_object *obj;

	vm->used = jiffies;
	spin_lock(&edev->ttm.lru_lock);
	ttm_lru_bulk_move_tail(&vm->lru);
	if (exec)
		drm_exec_for_each_locked_object(exec, obj)
			if (obj != drm_gpuvm_resv_obj(&vm->base))
				ttm_bo_move_to_lru_tail(&to_egret_bo(obj)->ttm);
	spin_unlock(&edev->ttm.lru_lock);
}

/* ---- and back ------------------------------------------------------------------------- */

/**
 * egret_bo_place() - bring a buffer to where it may live
 * @bo: buffer, locked
 * @resv: a reservation that is locked: others that share it may have to make room
 *
 * As egret_bo_validate(), but its contents may be on their way still.
 *
 * Return: 0, -ENOSPC, -ENOMEM, -ENODEV, or -ERESTARTSYS.
 */
int egret_bo_place(struct egret_bo *bo, struct dma_resv *resv)
{
	struct ttm_operation_ctx ctx = {
		.interruptible = true,
		.resv = resv,
		.allow_res_evict = true,
	};
	struct ttm_place places[EGRET_BO_PLACES];
	struct ttm_placement placement;
	int ret;

	egret_bo_placement(bo, places, &placement);
	ret = ttm_bo_validate(&bo->ttm, &placement, &ctx);
	/* One of another driver may be there without its addresses. */
	if (!ret && bo->source)
		ret = egret_tt_map_import(bo->ttm.ttm);
	return egret_bo_error(bo, ret);
}

static int egret_resv_wait_moves(struct dma_resv *resv)
{
	long ret = dma_resv_wait_timeout(resv, DMA_RESV_USAGE_KERNEL, true,
					 MAX_SCHEDULE_TIMEOUT);

	return ret < 0 ? ret : 0;
}

/**
 * egret_bo_validate() - make a buffer ready to be bound
 * @bo: buffer, locked
 * @resv: reservation of the address space, locked, or the buffer's own: others that share
 *	it may have to make room
 *
 * Inside of egret_evict_begin(), not inside of drm_dev_enter(). When it returns 0
 * the buffer is where it may live, with its contents, as long as it is locked and
 * no other buffer with the same reservation looks for room.
 *
 * Return: 0, -ENOSPC, -ENOMEM, or -ERESTARTSYS.
 */
int egret_bo_validate(struct egret_bo *bo, struct dma_resv *resv)
{
	int ret = egret_bo_place(bo, resv);

	return ret ? ret : egret_resv_wait_moves(bo->ttm.base.resv);
}

/* Write the entries of contiguous memory. Tables that are not needed go to @unused. */
static int egret_vm_write(struct egret_vm *vm, u64 va, u64 addr, u64 size, u64 flags,
			  struct list_head *unused)
{
	int ret = egret_pgtable_populate(&vm->pgt, va, addr, size);

	if (ret)
		return ret;
	egret_pgtable_map(&vm->pgt, va, addr, size, flags, unused);
	egret_pgtable_release(&vm->pgt, va, addr, size);
	return 0;
}

static int egret_vma_map(struct egret_vm *vm, struct egret_vma *vma)
{
	struct egret_bo *bo = to_egret_bo(vma->base.gem.obj);
	u64 flags = (vma->flags & EGRET_PTE_ACCESS_MASK) | egret_bo_pte_flags(bo);
	u64 start = vma->base.va.addr, end = start + vma->base.va.range, va = start;
	struct egret_bo_cursor cursor;
	LIST_HEAD(unused);
	int ret = 0;

	egret_bo_cursor_init(&cursor, bo, vma->base.gem.offset);
	while (!ret && va < end) {
		u64 addr, size = egret_bo_cursor_next(&cursor, end - va, &addr);

		ret = egret_vm_write(vm, va, addr, size, flags, &unused);
		va += size;
	}
	/* The card may know what an attempt that failed has written. */
	egret_vm_trim(vm, start, end - start, &unused, true);
	return ret;
}

static int egret_vm_bo_map(struct drm_gpuvm_bo *vm_bo)
{
	struct egret_vm *vm = to_egret_vm(vm_bo->vm);
	struct drm_gpuva *va;
	int idx, ret = 0;

	if (!drm_dev_enter(&vm->edev->drm, &idx))
		return -ENODEV;
	drm_gpuvm_bo_for_each_va(va, vm_bo) {
		ret = egret_vma_map(vm, to_egret_vma(va));
		if (ret)
			break;
	}
	drm_dev_exit(idx);
	if (!ret)
		drm_gpuvm_bo_evict(vm_bo, false);
	return ret;
}

/**
 * egret_vm_bo_validate() - &drm_gpuvm_ops.vm_bo_validate
 * @vm_bo: evicted buffer
 * @exec: holds the reservations
 *
 * Does one of the steps of egret_vm_revalidate(), which is its only caller.
 *
 * Return: 0, or a negative errno.
 */
int egret_vm_bo_validate(struct drm_gpuvm_bo *vm_bo, struct drm_exec *exec)
{
	struct egret_vm *vm = to_egret_vm(vm_bo->vm);

	if (vm->validating == EGRET_VM_PLACING)
		return egret_bo_place(to_egret_bo(vm_bo->obj), drm_gpuvm_resv(&vm->base));
	return egret_vm_bo_map(vm_bo);
}

static int egret_vm_wait_moves(struct drm_exec *exec)
{
	struct drm_gem_object *obj;
	int ret;

	drm_exec_for_each_locked_object(exec, obj) {
		ret = egret_resv_wait_moves(obj->resv);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * egret_vm_revalidate() - make all that is bound reachable
 * @vm: address space
 * @exec: has its reservation and those of all buffers bound there locked
 *
 * Inside of egret_evict_begin(), not inside of drm_dev_enter().
 *
 * Return: 0; -ENOSPC: not all that is bound has room in device memory; -ENOMEM,
 * -ENODEV, -ERESTARTSYS.
 */
int egret_vm_revalidate(struct egret_vm *vm, struct drm_exec *exec)
{
	int ret;

	/* Whoever adds to the list holds one of the reservations. */
	if (list_empty(&vm->base.evict.list))
		return 0;
	trace_egret_vm_revalidate(vm);
	WRITE_ONCE(vm->validating, EGRET_VM_PLACING);
	ret = drm_gpuvm_validate(&vm->base, exec);
	if (!ret)
		ret = egret_vm_wait_moves(exec);
	/* So that the tree says what the entries should be. */
	if (!ret)
		ret = egret_vm_wait_binds(vm);
	if (!ret) {
		WRITE_ONCE(vm->validating, EGRET_VM_MAPPING);
		ret = drm_gpuvm_validate(&vm->base, exec);
	}
	WRITE_ONCE(vm->validating, EGRET_VM_NOT_VALIDATING);
	return ret;
}
