// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Buffers.
 *
 * A buffer is a TTM buffer object. It is freed when its last handle, binding,
 * mapping and job are gone: a binding holds a reference, and the fences of jobs
 * that may use it are in its reservation object, for which TTM waits.
 */
#include <linux/dma-buf.h>
#include <linux/memcontrol.h>
#include <linux/slab.h>
#include <drm/drm_drv.h>
#include <drm/drm_exec.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_ttm_helper.h>
#include <drm/drm_print.h>
#include <drm/ttm/ttm_placement.h>
#include <drm/ttm/ttm_tt.h>

#include "compat.h"
#include "egret_bo.h"
#include "egret_device.h"
#include "egret_dmabuf.h"
#include "egret_evict.h"
#include "egret_hw.h"
#include "egret_pm.h"
#include "egret_tt.h"
#include "egret_vm.h"

/* ---- addresses ------------------------------------------------------------ */

/**
 * egret_bo_is_vram() - whether a buffer is in device memory
 * @bo: buffer, locked
 *
 * Return: true if it is; otherwise it is in system memory.
 */
bool egret_bo_is_vram(const struct egret_bo *bo)
{
	return bo->ttm.resource->mem_type == TTM_PL_VRAM;
}

/* Where it may live at the moment. */
static u32 egret_bo_allowed(const struct egret_bo *bo)
{
	return bo->far_attachments ? DRM_EGRET_BO_SYSTEM : bo->placement;
}

/**
 * egret_bo_is_placed() - whether a buffer is where it may live
 * @bo: buffer, locked
 *
 * Return: true if it is; otherwise it was pushed out.
 */
bool egret_bo_is_placed(const struct egret_bo *bo)
{
	u32 type = bo->ttm.resource ? bo->ttm.resource->mem_type : TTM_PL_SYSTEM;
	u32 allowed = egret_bo_allowed(bo);

	return (type == TTM_PL_VRAM && allowed & DRM_EGRET_BO_VRAM) ||
	       (type == TTM_PL_TT && allowed & DRM_EGRET_BO_SYSTEM) ||
	       (type == EGRET_PL_FOREIGN && to_egret_tt(bo->ttm.ttm)->mapped);
}

/**
 * egret_bo_is_shared() - whether a buffer is shared with another device
 * @bo: buffer, locked
 *
 * Return: true if another device has it now, or made it.
 */
bool egret_bo_is_shared(const struct egret_bo *bo)
{
	return bo->source || bo->attachments;
}

/**
 * egret_bo_pte_flags() - what an entry says of where a buffer is
 * @bo: buffer, locked
 *
 * Return: EGRET_PTE_SYSTEM or nothing.
 */
u64 egret_bo_pte_flags(const struct egret_bo *bo)
{
	return egret_bo_is_vram(bo) ? 0 : EGRET_PTE_SYSTEM;
}

/**
 * egret_bo_cursor_init() - begin a walk over the addresses of a buffer
 * @cursor: walk
 * @bo: buffer, locked
 * @offset: where to begin
 */
void egret_bo_cursor_init(struct egret_bo_cursor *cursor, struct egret_bo *bo, u64 offset)
{
	dma_resv_assert_held(bo->ttm.base.resv);
	cursor->bo = bo;
	cursor->offset = offset;
	cursor->block = NULL;
	cursor->block_offset = 0;
	if (egret_bo_is_vram(bo))
		cursor->block = list_first_entry(&to_egret_vram_resource(bo->ttm.resource)->blocks,
						 struct gpu_buddy_block, link);
}

static u64 egret_bo_next_vram(struct egret_bo_cursor *cursor, u64 max, u64 *addr)
{
	struct gpu_buddy *mm = &to_egret_device(cursor->bo->ttm.base.dev)->vram.mm;
	u64 size = gpu_buddy_block_size(mm, cursor->block);
	u64 skip;

	while (cursor->offset >= cursor->block_offset + size) {
		cursor->block_offset += size;
		cursor->block = list_next_entry(cursor->block, link);
		size = gpu_buddy_block_size(mm, cursor->block);
	}
	skip = cursor->offset - cursor->block_offset;
	*addr = gpu_buddy_block_offset(cursor->block) + skip;
	return min(max, size - skip);
}

static u64 egret_bo_next_system(struct egret_bo_cursor *cursor, u64 max, u64 *addr)
{
	const dma_addr_t *dma = to_egret_tt(cursor->bo->ttm.ttm)->addresses;
	unsigned long page = cursor->offset >> PAGE_SHIFT;
	u64 skip = cursor->offset & ~PAGE_MASK;
	u64 size = PAGE_SIZE - skip;

	*addr = dma[page] + skip;
	while (size < max && dma[page + 1] == dma[page] + PAGE_SIZE) {
		size += PAGE_SIZE;
		page++;
	}
	return min(max, size);
}

/**
 * egret_bo_cursor_next() - next contiguous piece of a buffer
 * @cursor: walk, which is moved behind the piece
 * @max: at most so many bytes, not beyond the end of the buffer
 * @addr: its address on the card
 *
 * Return: bytes of the piece.
 */
u64 egret_bo_cursor_next(struct egret_bo_cursor *cursor, u64 max, u64 *addr)
{
	u64 size;

	if (cursor->block)
		size = egret_bo_next_vram(cursor, max, addr);
	else
		size = egret_bo_next_system(cursor, max, addr);
	cursor->offset += size;
	return size;
}

/* ---- life --------------------------------------------------------------------- */

static void egret_bo_destroy(struct ttm_buffer_object *tbo)
{
	struct egret_bo *bo = ttm_to_egret_bo(tbo);

	egret_dmabuf_release_import(bo);
	drm_gem_object_release(&tbo->base);
	if (bo->vm_root)
		drm_gem_object_put(bo->vm_root);
	mem_cgroup_put(bo->memcg);
	kfree(bo);
}

static void egret_bo_free(struct drm_gem_object *obj)
{
	struct egret_device *edev = to_egret_device(obj->dev);

	down_read(&edev->free_lock);
	ttm_bo_fini(&to_egret_bo(obj)->ttm);
	up_read(&edev->free_lock);
}

/*
 * Map pages of a buffer, whose reservation is locked. When the hardware goes down,
 * all mappings are taken away (egret_hw_stop()); one that was made at the same time
 * may have come too late for that, and has to be made again. It is not made inside
 * of the hardware's gate, because it allocates.
 */
static vm_fault_t egret_bo_fault_reserved(struct ttm_buffer_object *tbo, struct vm_fault *vmf)
{
	struct egret_device *edev = to_egret_device(tbo->base.dev);
	vm_fault_t ret;

	/* Memory of the host is there whatever the hardware does. */
	if (!egret_bo_is_vram(ttm_to_egret_bo(tbo)))
		return ttm_bo_vm_fault_reserved(vmf, vmf->vma->vm_page_prot,
						TTM_BO_VM_NUM_PREFAULT);
	for (;;) {
		/* Given up, the card is as good as gone. */
		if (!egret_hw_wait(edev))
			return ttm_bo_vm_dummy_page(vmf, vmf->vma->vm_page_prot);
		ret = ttm_bo_vm_fault_reserved(vmf, vmf->vma->vm_page_prot,
					       TTM_BO_VM_NUM_PREFAULT);
		if (egret_hw_is_up(edev))
			return ret;
		/* TTM has let go of the reservation if it wants to be called again. */
		if (ret == VM_FAULT_RETRY && !(vmf->flags & FAULT_FLAG_RETRY_NOWAIT))
			return ret;
		drm_vma_node_unmap(&tbo->base.vma_node, tbo->bdev->dev_mapping);
	}
}

static vm_fault_t egret_bo_fault(struct vm_fault *vmf)
{
	struct ttm_buffer_object *tbo = vmf->vma->vm_private_data;
	struct egret_device *edev = to_egret_device(tbo->base.dev);
	vm_fault_t ret;
	bool awake;
	int idx;

	ret = ttm_bo_vm_reserve(tbo, vmf);
	if (ret)
		return ret;
	/* Until it is idle again; then the mapping is taken away. */
	awake = egret_bo_is_vram(ttm_to_egret_bo(tbo)) && !egret_pm_get(edev);
	if (drm_dev_enter(tbo->base.dev, &idx)) {
		ret = egret_bo_fault_reserved(tbo, vmf);
		drm_dev_exit(idx);
	} else {
		/* The card is gone: what is written is lost, what is read is zero. */
		ret = ttm_bo_vm_dummy_page(vmf, vmf->vma->vm_page_prot);
	}
	if (awake)
		egret_pm_put(edev);
	if (ret == VM_FAULT_RETRY && !(vmf->flags & FAULT_FLAG_RETRY_NOWAIT))
		return ret;
	dma_resv_unlock(tbo->base.resv);
	return ret;
}

/* For debuggers. Device memory: egret_ttm_access_memory(). */
static int egret_bo_access(struct vm_area_struct *vma, unsigned long addr, void *buf, int len,
			   int write)
{
	struct ttm_buffer_object *tbo = vma->vm_private_data;
	struct egret_device *edev = to_egret_device(tbo->base.dev);
	int ret;

	ret = egret_pm_get(edev);
	if (ret)
		return ret;
	ret = ttm_bo_vm_access(vma, addr, buf, len, write);
	egret_pm_put(edev);
	return ret;
}

/* What another driver made is mapped by it. */
static int egret_bo_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	struct dma_buf *source = to_egret_bo(obj)->source;
	int ret;

	if (!source)
		return drm_gem_ttm_mmap(obj, vma);
	vma->vm_private_data = NULL;
	vma->vm_ops = NULL;
	/* Mappings begin at the beginning of a buffer: DRM finds it by that. */
	ret = dma_buf_mmap(source, vma, 0);
	/* The mapping holds the dma-buf now. */
	if (!ret)
		drm_gem_object_put(obj);
	return ret;
}

static const struct vm_operations_struct egret_bo_vm_ops = {
	.fault = egret_bo_fault,
	.open = ttm_bo_vm_open,
	.close = ttm_bo_vm_close,
	.access = egret_bo_access,
};

static const struct drm_gem_object_funcs egret_bo_funcs = {
	.free = egret_bo_free,
	.export = egret_dmabuf_export,
	.print_info = drm_gem_ttm_print_info,
	.mmap = egret_bo_mmap,
	.vm_ops = &egret_bo_vm_ops,
};

/**
 * egret_bo_placement() - where TTM may put a buffer
 * @bo: buffer, locked, or not known to others
 * @places: memory for the answer
 * @placement: answer
 *
 * Device memory is preferred. Who may live elsewhere does not push others out.
 */
void egret_bo_placement(const struct egret_bo *bo, struct ttm_place *places,
			struct ttm_placement *placement)
{
	u32 allowed = bo->source ? 0 : egret_bo_allowed(bo);
	bool both = allowed == (DRM_EGRET_BO_VRAM | DRM_EGRET_BO_SYSTEM);
	unsigned int n = 0;

	if (bo->source)
		places[n++] = (struct ttm_place) { .mem_type = EGRET_PL_FOREIGN };
	if (allowed & DRM_EGRET_BO_VRAM)
		places[n++] = (struct ttm_place) {
			.mem_type = TTM_PL_VRAM,
			.flags = both ? TTM_PL_FLAG_DESIRED : 0,
		};
	if (allowed & DRM_EGRET_BO_SYSTEM)
		places[n++] = (struct ttm_place) {
			.mem_type = TTM_PL_TT,
			.flags = both ? TTM_PL_FLAG_FALLBACK : 0,
		};
	*placement = (struct ttm_placement) { .placement = places, .num_placement = n };
}

/*
 * TTM reports a full memory as -ENOMEM unless it is told otherwise, which not
 * every kernel knows. A buffer that found no device memory deserves -ENOSPC.
 */
static int egret_bo_size_error(struct egret_device *edev, u32 placement, u64 size, int err)
{
	if (err == -ENOSPC && placement & DRM_EGRET_BO_SYSTEM)
		return -ENOMEM;
	if (err == -ENOMEM && placement == DRM_EGRET_BO_VRAM &&
	    size > egret_vram_available(edev))
		return -ENOSPC;
	return err;
}

/**
 * egret_bo_error() - what to return when there is no room for a buffer
 * @bo: buffer
 * @err: what TTM says
 *
 * Return: -ENOSPC if device memory is full, -ENOMEM if system memory is; otherwise
 * @err.
 */
int egret_bo_error(struct egret_bo *bo, int err)
{
	return egret_bo_size_error(to_egret_device(bo->ttm.base.dev), bo->placement,
				   bo->ttm.base.size, err);
}

/* Make a buffer in @placement. On failure TTM has destroyed @bo. */
static int egret_bo_init(struct egret_device *edev, struct egret_bo *bo,
			 struct ttm_placement *placement)
{
	struct dma_resv *resv = bo->source ? bo->source->resv :
				bo->vm_root ? bo->vm_root->resv : NULL;
	struct ttm_operation_ctx ctx = {
		.interruptible = true,
		.resv = resv,
		.allow_res_evict = true,
	};
	int ret;

	if (resv) {
		ret = dma_resv_lock_interruptible(resv, NULL);
		if (ret) {
			egret_bo_destroy(&bo->ttm);
			return ret;
		}
	}
	ret = ttm_bo_init_reserved(&edev->ttm, &bo->ttm,
				   bo->source ? ttm_bo_type_sg : ttm_bo_type_device,
				   placement, 1, &ctx, NULL, resv, egret_bo_destroy);
	if (ret) {
		if (resv)
			dma_resv_unlock(resv);
		return ret;
	}
	ttm_bo_unreserve(&bo->ttm);
	return 0;
}

static struct egret_bo *egret_bo_alloc(struct egret_device *edev, u64 size, u32 placement,
				       struct egret_vm *vm)
{
	struct egret_bo *bo = kzalloc(sizeof(*bo), GFP_KERNEL_ACCOUNT);

	if (!bo)
		return NULL;
	bo->placement = placement;
	bo->region = placement & DRM_EGRET_BO_VRAM ? TTM_PL_VRAM : TTM_PL_TT;
	INIT_LIST_HEAD(&bo->shared_link);
	bo->memcg = get_mem_cgroup_from_mm(current->mm);
	bo->ttm.base.funcs = &egret_bo_funcs;
	drm_gem_private_object_init(&edev->drm, &bo->ttm.base, size);
	if (vm) {
		bo->vm_root = drm_gpuvm_resv_obj(&vm->base);
		drm_gem_object_get(bo->vm_root);
	}
	return bo;
}

/* The usual way, which does not wait for the locks of other buffers. */
static struct egret_bo *egret_bo_create_shared(struct egret_device *edev, u64 size,
					       u32 placement, struct egret_vm *vm)
{
	struct ttm_place places[EGRET_BO_PLACES];
	struct ttm_placement ttm_placement;
	struct egret_bo *bo;
	int ret;

	ret = egret_evict_begin(edev, false);
	if (ret)
		return ERR_PTR(ret);
	bo = egret_bo_alloc(edev, size, placement, vm);
	if (bo) {
		egret_bo_placement(bo, places, &ttm_placement);
		ret = egret_bo_init(edev, bo, &ttm_placement);
	} else {
		ret = -ENOMEM;
	}
	egret_evict_end(edev, false);
	return ret ? ERR_PTR(egret_bo_size_error(edev, placement, size, ret)) : bo;
}

static int egret_bo_lock_and_validate(struct egret_bo *bo)
{
	struct drm_exec exec;
	int ret = 0;

	drm_exec_init(&exec, DRM_EXEC_INTERRUPTIBLE_WAIT, 1);
	drm_exec_until_all_locked(&exec) {
		ret = drm_exec_lock_obj(&exec, bo->vm_root ? bo->vm_root : &bo->ttm.base);
		drm_exec_retry_on_contention(&exec);
		/* Before ww_acquire_done(): TTM may lock other buffers. */
		if (!ret)
			ret = egret_bo_validate(bo, bo->ttm.base.resv);
		if (ret)
			break;
	}
	drm_exec_fini(&exec);
	return ret;
}

static const struct ttm_place egret_bo_nowhere = { .mem_type = TTM_PL_SYSTEM };

/*
 * When memory is short: first a buffer without memory, so that it has a reservation
 * that can be locked with a ticket, with which TTM waits for locks of others.
 */
static struct egret_bo *egret_bo_create_exclusive(struct egret_device *edev, u64 size,
						  u32 placement, struct egret_vm *vm)
{
	struct ttm_placement ttm_placement = { .placement = &egret_bo_nowhere, .num_placement = 1 };
	struct egret_bo *bo;
	int ret;

	ret = egret_evict_begin(edev, true);
	if (ret)
		return ERR_PTR(ret);
	bo = egret_bo_alloc(edev, size, placement, vm);
	ret = bo ? egret_bo_init(edev, bo, &ttm_placement) : -ENOMEM;
	if (!ret) {
		ret = egret_bo_lock_and_validate(bo);
		if (ret)
			drm_gem_object_put(&bo->ttm.base);
	}
	egret_evict_end(edev, true);
	return ret ? ERR_PTR(ret) : bo;
}

/**
 * egret_bo_create_foreign() - make a buffer that stands for another device's
 * @edev: card
 * @source: that, of which it takes a reference
 *
 * Return: the buffer, without memory, or an error pointer: -ENOMEM, -ERESTARTSYS.
 */
struct egret_bo *egret_bo_create_foreign(struct egret_device *edev, struct dma_buf *source)
{
	struct ttm_placement placement = { .placement = &egret_bo_nowhere, .num_placement = 1 };
	struct egret_bo *bo = egret_bo_alloc(edev, source->size, DRM_EGRET_BO_SYSTEM, NULL);
	int ret;

	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->source = source;
	get_dma_buf(source);
	bo->region = TTM_PL_SYSTEM;
	bo->ttm.base.resv = source->resv;
	ret = egret_bo_init(edev, bo, &placement);
	return ret ? ERR_PTR(ret) : bo;
}

static struct egret_bo *egret_bo_create(struct egret_device *edev, u64 size,
					u32 placement, struct egret_vm *vm)
{
	struct egret_bo *bo;

	/* Nothing to be had, even if all else was freed. */
	if (placement == DRM_EGRET_BO_VRAM && size > edev->vram.mm.size - edev->vram.reserve)
		return ERR_PTR(-ENOSPC);
	if (placement & DRM_EGRET_BO_SYSTEM && size > edev->system.size)
		return ERR_PTR(-ENOMEM);
	bo = egret_bo_create_shared(edev, size, placement, vm);
	if (IS_ERR(bo) && egret_evict_again(PTR_ERR(bo)))
		bo = egret_bo_create_exclusive(edev, size, placement, vm);
	return bo;
}

/* ---- fdinfo --------------------------------------------------------------------- */

/*
 * A buffer counts where it lives best; what of it is resident counts where that is at
 * the moment. What was swapped out is not resident anywhere.
 */
static void egret_bo_count(struct egret_bo *bo, struct drm_memory_stats *vram,
			   struct drm_memory_stats *system)
{
	struct drm_gem_object *obj = &bo->ttm.base;
	u32 region = READ_ONCE(bo->region);
	struct drm_memory_stats *home = bo->placement & DRM_EGRET_BO_VRAM ? vram : system;
	struct drm_memory_stats *here = region == TTM_PL_VRAM ? vram : system;

	if (bo->source || drm_gem_object_is_shared_for_memory_stats(obj))
		home->shared += obj->size;
	else
		home->private += obj->size;
	if (region == TTM_PL_SYSTEM)
		return;
	here->resident += obj->size;
	if (!dma_resv_test_signaled(obj->resv, DMA_RESV_USAGE_BOOKKEEP))
		here->active += obj->size;
}

/**
 * egret_bo_show_fdinfo() - tell what memory a client has
 * @p: where to
 * @file: client
 */
void egret_bo_show_fdinfo(struct drm_printer *p, struct drm_file *file)
{
	struct drm_memory_stats vram = {}, system = {};
	struct drm_gem_object *obj;
	int id;

	spin_lock(&file->table_lock);
	idr_for_each_entry(&file->object_idr, obj, id)
		egret_bo_count(to_egret_bo(obj), &vram, &system);
	spin_unlock(&file->table_lock);

	drm_print_memory_stats(p, &vram, DRM_GEM_OBJECT_RESIDENT, "vram");
	drm_print_memory_stats(p, &system, DRM_GEM_OBJECT_RESIDENT, "system");
}

/* ---- ioctls --------------------------------------------------------------------- */

int egret_bo_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_egret_bo_create *args = data;
	struct egret_vm *vm = NULL;
	struct egret_bo *bo;
	u64 size;
	int ret;

	if (args->flags || !args->size || !args->placement ||
	    args->placement & ~(DRM_EGRET_BO_VRAM | DRM_EGRET_BO_SYSTEM))
		return -EINVAL;
	/* A size that wraps around is certainly larger than the memory. */
	size = args->size > U64_MAX - PAGE_SIZE ? args->size & PAGE_MASK :
						  PAGE_ALIGN(args->size);
	if (args->vm_id) {
		vm = egret_vm_lookup(file->driver_priv, args->vm_id);
		if (!vm)
			return -ENOENT;
	}
	bo = egret_bo_create(to_egret_device(drm), size, args->placement, vm);
	if (vm)
		egret_vm_put(vm);
	if (IS_ERR(bo))
		return PTR_ERR(bo);

	ret = drm_gem_handle_create(file, &bo->ttm.base, &args->handle);
	if (!ret)
		args->size = size;
	/* The handle has its own reference. */
	drm_gem_object_put(&bo->ttm.base);
	return ret;
}

int egret_bo_mmap_offset_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_egret_bo_mmap_offset *args = data;
	struct drm_gem_object *obj;

	if (args->pad)
		return -EINVAL;
	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	args->offset = drm_vma_node_offset_addr(&obj->vma_node);
	drm_gem_object_put(obj);
	return 0;
}
