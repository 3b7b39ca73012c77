// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Buffers.
 *
 * A buffer is a TTM buffer object. It is freed when its last handle, binding,
 * mapping and job are gone: a binding holds a reference, and the fences of jobs
 * that may use it are in its reservation object, for which TTM waits.
 */
#include <linux/slab.h>
#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_ttm_helper.h>
#include <drm/drm_prime.h>
#include <drm/ttm/ttm_placement.h>
#include <drm/ttm/ttm_tt.h>

#include "compat.h"
#include "egret_bo.h"
#include "egret_device.h"
#include "egret_hw.h"
#include "egret_vm.h"

/* More is out of reach of the address space. */
#define EGRET_BO_SIZE_MAX	BIT_ULL(47)

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
	const dma_addr_t *dma = cursor->bo->ttm.ttm->dma_address;
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

	drm_gem_object_release(&tbo->base);
	if (bo->vm_root)
		drm_gem_object_put(bo->vm_root);
	kfree(bo);
}

static void egret_bo_free(struct drm_gem_object *obj)
{
	ttm_bo_fini(&to_egret_bo(obj)->ttm);
}

static struct dma_buf *egret_bo_export(struct drm_gem_object *obj, int flags)
{
	if (to_egret_bo(obj)->vm_root)
		return ERR_PTR(-EPERM);
	return drm_gem_prime_export(obj, flags);
}

static enum drm_gem_object_status egret_bo_status(struct drm_gem_object *obj)
{
	/* Buffers do not move (egret_ttm.c): they are where they were made. */
	return DRM_GEM_OBJECT_RESIDENT;
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
	vm_fault_t ret;
	int idx;

	ret = ttm_bo_vm_reserve(tbo, vmf);
	if (ret)
		return ret;
	if (drm_dev_enter(tbo->base.dev, &idx)) {
		ret = egret_bo_fault_reserved(tbo, vmf);
		drm_dev_exit(idx);
	} else {
		/* The card is gone: what is written is lost, what is read is zero. */
		ret = ttm_bo_vm_dummy_page(vmf, vmf->vma->vm_page_prot);
	}
	if (ret == VM_FAULT_RETRY && !(vmf->flags & FAULT_FLAG_RETRY_NOWAIT))
		return ret;
	dma_resv_unlock(tbo->base.resv);
	return ret;
}

static const struct vm_operations_struct egret_bo_vm_ops = {
	.fault = egret_bo_fault,
	.open = ttm_bo_vm_open,
	.close = ttm_bo_vm_close,
	.access = ttm_bo_vm_access,
};

static const struct drm_gem_object_funcs egret_bo_funcs = {
	.free = egret_bo_free,
	.export = egret_bo_export,
	.print_info = drm_gem_ttm_print_info,
	.mmap = drm_gem_ttm_mmap,
	.vm_ops = &egret_bo_vm_ops,
	.status = egret_bo_status,
};

static unsigned int egret_bo_places(u32 placement, struct ttm_place *places)
{
	unsigned int n = 0;

	if (placement & DRM_EGRET_BO_VRAM)
		places[n++] = (struct ttm_place){ .mem_type = TTM_PL_VRAM };
	if (placement & DRM_EGRET_BO_SYSTEM)
		places[n++] = (struct ttm_place){ .mem_type = TTM_PL_TT };
	return n;
}

/* Make the memory of a buffer. On failure TTM has destroyed @bo. */
static int egret_bo_init(struct egret_device *edev, struct egret_bo *bo)
{
	struct ttm_operation_ctx ctx = { .interruptible = true };
	struct ttm_place places[2] = {};
	struct ttm_placement placement = {
		.placement = places,
		.num_placement = egret_bo_places(bo->placement, places),
	};
	struct dma_resv *resv = bo->vm_root ? bo->vm_root->resv : NULL;
	int ret;

	if (resv) {
		ret = dma_resv_lock_interruptible(resv, NULL);
		if (ret) {
			egret_bo_destroy(&bo->ttm);
			return ret;
		}
	}
	ret = ttm_bo_init_reserved(&edev->ttm, &bo->ttm, ttm_bo_type_device, &placement,
				   1, &ctx, NULL, resv,
				   egret_bo_destroy);
	if (ret) {
		if (resv)
			dma_resv_unlock(resv);
		return ret;
	}
	ttm_bo_unreserve(&bo->ttm);
	return 0;
}

/*
 * TTM reports a full memory as -ENOMEM unless it is told otherwise, which not
 * every kernel knows. A buffer that found no device memory deserves -ENOSPC.
 */
static int egret_bo_error(struct egret_device *edev, u32 placement, u64 size, int err)
{
	if (err == -ENOSPC && placement & DRM_EGRET_BO_SYSTEM)
		return -ENOMEM;
	if (err == -ENOMEM && placement == DRM_EGRET_BO_VRAM &&
	    size > egret_vram_available(edev))
		return -ENOSPC;
	return err;
}

static struct egret_bo *egret_bo_create(struct egret_device *edev, u64 size,
					u32 placement, struct egret_vm *vm)
{
	struct egret_bo *bo;
	int ret;

	if (size > EGRET_BO_SIZE_MAX)
		return ERR_PTR(placement == DRM_EGRET_BO_VRAM ? -ENOSPC : -ENOMEM);
	if (placement == DRM_EGRET_BO_VRAM && size > edev->vram.mm.size)
		return ERR_PTR(-ENOSPC);

	bo = kzalloc(sizeof(*bo), GFP_KERNEL_ACCOUNT);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->placement = placement;
	bo->ttm.base.funcs = &egret_bo_funcs;
	drm_gem_private_object_init(&edev->drm, &bo->ttm.base, size);
	if (vm) {
		bo->vm_root = drm_gpuvm_resv_obj(&vm->base);
		drm_gem_object_get(bo->vm_root);
	}
	ret = egret_bo_init(edev, bo);
	if (ret)
		return ERR_PTR(egret_bo_error(edev, placement, size, ret));
	return bo;
}

/* ---- ioctls --------------------------------------------------------------------- */

int egret_bo_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_egret_bo_create *args = data;
	struct egret_vm *vm = NULL;
	struct egret_bo *bo;
	u64 size;
	int idx, ret;

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
	/* remove() finds all DMA mappings of buffers, and none comes later. */
	if (drm_dev_enter(drm, &idx)) {
		bo = egret_bo_create(to_egret_device(drm), size, args->placement, vm);
		drm_dev_exit(idx);
	} else {
		bo = ERR_PTR(-ENODEV);
	}
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
