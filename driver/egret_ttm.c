// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * What TTM asks of its driver.
 *
 * TTM_PL_VRAM is device memory (egret_vram.c). TTM_PL_TT is system memory whose
 * pages exist and have DMA addresses, so that the card can reach it.
 *
 * Buffers are pushed out of device memory when it is full (egret_evict.c), and moved
 * by the copy engine (egret_migrate.c). EGRET_PL_FOREIGN is memory of other drivers
 * (egret_dmabuf.c). TTM_PL_SYSTEM is where a buffer has no pages.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <drm/drm_cache.h>
#include <drm/drm_drv.h>
#include <drm/drm_print.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_placement.h>
#include <drm/ttm/ttm_tt.h>

#include "compat.h"
#include "egret_bo.h"
#include "egret_device.h"
#include "egret_evict.h"
#include "egret_hw.h"
#include "egret_trace.h"
#include "egret_tt.h"
#include "egret_ttm.h"

/* Address bits of a page table entry. */
#define EGRET_DMA_BITS	52

static unsigned int system_limit;
module_param(system_limit, uint, 0644);
MODULE_PARM_DESC(system_limit, "Most system memory for the buffers of a card, in MiB, when it is bound (default 0: half of the memory)");

static struct egret_device *ttm_to_egret_device(struct ttm_device *ttm)
{
	return container_of(ttm, struct egret_device, ttm);
}

/* ---- system memory ------------------------------------------------------ */

static int egret_system_alloc(struct ttm_resource_manager *man,
			      struct ttm_buffer_object *tbo,
			      const struct ttm_place *place,
			      struct ttm_resource **out)
{
	struct ttm_resource *res = kzalloc(sizeof(*res), GFP_KERNEL_ACCOUNT);

	if (!res)
		return -ENOMEM;
	ttm_resource_init(tbo, place, res);
	if (ttm_resource_manager_usage(man) > man->size) {
		ttm_resource_fini(man, res);
		kfree(res);
		return -ENOSPC;
	}
	*out = res;
	return 0;
}

static void egret_system_free(struct ttm_resource_manager *man,
			      struct ttm_resource *res)
{
	ttm_resource_fini(man, res);
	kfree(res);
}

static const struct ttm_resource_manager_func egret_system_func = {
	.alloc = egret_system_alloc,
	.free = egret_system_free,
};

/* How much system memory the buffers of a card may take. */
static u64 egret_system_limit(void)
{
	struct sysinfo si;

	if (system_limit)
		return (u64)system_limit << 20;
	si_meminfo(&si);
	return (u64)si.totalram * si.mem_unit / 2;
}

static void egret_system_init_one(struct egret_device *edev, struct ttm_resource_manager *man,
				  int mem_type, u64 limit)
{
	man->use_tt = true;
	man->func = &egret_system_func;
	ttm_resource_manager_init(man, &edev->ttm, limit);
	ttm_set_driver_manager(&edev->ttm, mem_type, man);
	ttm_resource_manager_set_used(man, true);
}

static void egret_system_init(struct egret_device *edev)
{
	egret_system_init_one(edev, &edev->system, TTM_PL_TT, egret_system_limit());
	egret_system_init_one(edev, &edev->foreign, EGRET_PL_FOREIGN, U64_MAX);
}

static void egret_system_fini_one(struct egret_device *edev, struct ttm_resource_manager *man,
				  int mem_type)
{
	ttm_resource_manager_set_used(man, false);
	drm_WARN_ON(&edev->drm, ttm_resource_manager_evict_all(&edev->ttm, man));
	ttm_resource_manager_cleanup(man);
	ttm_set_driver_manager(&edev->ttm, mem_type, NULL);
}

static void egret_system_fini(struct egret_device *edev)
{
	egret_system_fini_one(edev, &edev->foreign, EGRET_PL_FOREIGN);
	egret_system_fini_one(edev, &edev->system, TTM_PL_TT);
}

/* ---- callbacks ------------------------------------------------------------ */

static void egret_ttm_evict_flags(struct ttm_buffer_object *tbo,
				  struct ttm_placement *placement)
{
	static const struct ttm_place system = { .mem_type = TTM_PL_TT };

	placement->num_placement = 1;
	placement->placement = &system;
}

static bool egret_ttm_has_pages(struct ttm_tt *tt)
{
	return tt && (ttm_tt_is_populated(tt) || tt->page_flags & TTM_TT_FLAG_SWAPPED);
}

/* Pages stay where they are, and TTM zeroes new ones itself. */
static int egret_ttm_move_pages(struct ttm_buffer_object *tbo, struct ttm_resource *new_res)
{
	ttm_bo_move_null(tbo, new_res);
	return 0;
}

/* Device memory for a buffer that has no contents yet. */
static int egret_ttm_move_clear(struct ttm_buffer_object *tbo, struct ttm_resource *new_res)
{
	struct dma_fence *fence;

	fence = egret_migrate_clear(ttm_to_egret_device(tbo->bdev), new_res);
	if (IS_ERR(fence))
		return PTR_ERR(fence);
	if (fence)
		dma_resv_add_fence(tbo->base.resv, fence, DMA_RESV_USAGE_KERNEL);
	dma_fence_put(fence);
	ttm_bo_move_null(tbo, new_res);
	return 0;
}

/*
 * Device memory is free at once: whoever gets it comes later in the order of moves, or
 * waits (egret_migrate_wait_evictions()). TTM's own way to tell the next owner would
 * keep the last fence, and with it the module, for ever.
 */
static int egret_ttm_move_out(struct ttm_buffer_object *tbo, struct ttm_resource *new_res)
{
	struct dma_fence *fence;

	fence = egret_migrate_copy(ttm_to_egret_device(tbo->bdev), tbo->resource, tbo->ttm,
				   false);
	if (IS_ERR(fence))
		return PTR_ERR(fence);
	dma_resv_add_fence(tbo->base.resv, fence, DMA_RESV_USAGE_KERNEL);
	dma_fence_put(fence);
	ttm_bo_move_null(tbo, new_res);
	return 0;
}

static int egret_ttm_move_in(struct ttm_buffer_object *tbo, bool evict,
			     struct ttm_resource *new_res)
{
	struct dma_fence *fence;
	int ret;

	fence = egret_migrate_copy(ttm_to_egret_device(tbo->bdev), new_res, tbo->ttm, true);
	if (IS_ERR(fence))
		return PTR_ERR(fence);
	/* The pages live until then. */
	ret = ttm_bo_move_accel_cleanup(tbo, fence, evict, true, new_res);
	/* On failure @new_res is freed, and must not be written any more. */
	if (ret)
		dma_fence_wait(fence, false);
	dma_fence_put(fence);
	return ret;
}

/* What is in no memory, or will not be, goes through pages that the card reaches. */
static bool egret_ttm_needs_hop(struct ttm_buffer_object *tbo, struct ttm_resource *new_res)
{
	struct ttm_resource *old = tbo->resource;

	if (!old)
		return false;
	if (old->mem_type == TTM_PL_VRAM)
		return new_res->mem_type == TTM_PL_SYSTEM;
	return old->mem_type == TTM_PL_SYSTEM && new_res->mem_type == TTM_PL_VRAM &&
	       egret_ttm_has_pages(tbo->ttm);
}

static int egret_ttm_move(struct ttm_buffer_object *tbo, bool evict,
			  struct ttm_operation_ctx *ctx,
			  struct ttm_resource *new_res, struct ttm_place *hop)
{
	struct egret_bo *bo = ttm_to_egret_bo(tbo);
	struct ttm_resource *old = tbo->resource;
	int ret;

	if (egret_ttm_needs_hop(tbo, new_res)) {
		*hop = (struct ttm_place) {
			.mem_type = TTM_PL_TT,
			.flags = TTM_PL_FLAG_TEMPORARY,
		};
		return -EMULTIHOP;
	}
	if (old) {
		ret = egret_bo_cut_off(bo, ctx);
		if (ret)
			return ret;
		trace_egret_bo_move(bo, new_res->mem_type, evict);
	}
	if (old && old->mem_type == TTM_PL_VRAM)
		ret = egret_ttm_move_out(tbo, new_res);
	else if (new_res->mem_type != TTM_PL_VRAM)
		ret = egret_ttm_move_pages(tbo, new_res);
	else if (egret_ttm_has_pages(tbo->ttm))
		ret = egret_ttm_move_in(tbo, evict, new_res);
	else
		ret = egret_ttm_move_clear(tbo, new_res);
	if (!ret)
		WRITE_ONCE(bo->region, new_res->mem_type);
	return ret;
}

static int egret_ttm_io_mem_reserve(struct ttm_device *ttm, struct ttm_resource *res)
{
	if (res->mem_type != TTM_PL_VRAM)
		return 0;
	/* The pages are looked up one by one: egret_ttm_io_mem_pfn(). */
	res->bus.is_iomem = true;
	res->bus.caching = ttm_write_combined;
	return 0;
}

static unsigned long egret_ttm_io_mem_pfn(struct ttm_buffer_object *tbo,
					  unsigned long page)
{
	return egret_vram_pfn(ttm_to_egret_device(tbo->bdev), tbo->resource, page);
}

static void egret_ttm_copy_vram(struct egret_device *edev, struct egret_bo *bo, u64 offset,
				void *buf, u64 len, bool write)
{
	struct egret_bo_cursor cursor;
	u64 addr, size;

	egret_bo_cursor_init(&cursor, bo, offset);
	for (; len; len -= size, buf += size) {
		size = egret_bo_cursor_next(&cursor, len, &addr);
		if (write)
			memcpy_toio(edev->vram.map + addr, buf, size);
		else
			memcpy_fromio(buf, edev->vram.map + addr, size);
	}
}

/* For debuggers: @tbo is locked and in device memory, and the card is awake. */
static int egret_ttm_access_memory(struct ttm_buffer_object *tbo, unsigned long offset,
				   void *buf, int len, int write)
{
	struct egret_device *edev = ttm_to_egret_device(tbo->bdev);
	int idx, ret = -ENODEV;
	long left;

	/* It may be on its way here still, or be cleared. */
	left = dma_resv_wait_timeout(tbo->base.resv, DMA_RESV_USAGE_KERNEL, true,
				     MAX_SCHEDULE_TIMEOUT);
	if (left < 0)
		return left;
	if (!drm_dev_enter(&edev->drm, &idx))
		return -ENODEV;
	if (egret_hw_enter(edev)) {
		egret_ttm_copy_vram(edev, ttm_to_egret_bo(tbo), offset, buf, len, write);
		egret_hw_exit(edev);
		ret = len;
	}
	drm_dev_exit(idx);
	return ret;
}

static const struct ttm_device_funcs egret_ttm_funcs = {
	.ttm_tt_create = egret_tt_create,
	.ttm_tt_populate = egret_tt_populate,
	.ttm_tt_unpopulate = egret_tt_unpopulate,
	.ttm_tt_destroy = egret_tt_destroy,
	.eviction_valuable = egret_bo_may_evict,
	.evict_flags = egret_ttm_evict_flags,
	.move = egret_ttm_move,
	.io_mem_reserve = egret_ttm_io_mem_reserve,
	.io_mem_pfn = egret_ttm_io_mem_pfn,
	.access_memory = egret_ttm_access_memory,
};

/**
 * egret_ttm_init() - set up buffer management
 * @edev: card; its information is filled in
 *
 * Return: 0, or a negative errno.
 */
int egret_ttm_init(struct egret_device *edev)
{
	unsigned int flags = TTM_ALLOCATION_PROPAGATE_ENOSPC;
	int ret;

	edev->needs_bounce = drm_need_swiotlb(EGRET_DMA_BITS);
	if (edev->needs_bounce)
		flags |= TTM_ALLOCATION_POOL_USE_DMA_ALLOC;
	ret = ttm_device_init(&edev->ttm, &egret_ttm_funcs, edev->drm.dev,
			      edev->drm.anon_inode->i_mapping,
			      edev->drm.vma_offset_manager, flags);
	if (ret)
		return ret;
	egret_system_init(edev);
	ret = egret_vram_init(edev);
	if (ret)
		goto err_system;
	ret = egret_shrinker_init(edev);
	if (ret)
		goto err_vram;
	return 0;

err_vram:
	egret_vram_fini(edev);
err_system:
	egret_system_fini(edev);
	ttm_device_fini(&edev->ttm);
	return ret;
}

/**
 * egret_ttm_print() - tell who uses memory
 * @edev: card
 * @p: where to
 */
void egret_ttm_print(struct egret_device *edev, struct drm_printer *p)
{
	struct egret_migrate *mig = &edev->migrate;

	drm_printf(p, "device memory:\n");
	ttm_resource_manager_debug(&edev->vram.man, p);
	drm_printf(p, "system memory:\n");
	ttm_resource_manager_debug(&edev->system, p);
	drm_printf(p, "pages swapped out: %llu\n", (u64)atomic64_read(&edev->shrinker.pages));
	drm_printf(p, "moves ended: %llu\n", (u64)atomic64_read(&mig->done));
	drm_printf(p, "last move out of device memory: %llu\n",
		   (u64)atomic64_read(&mig->evicted));
}

/**
 * egret_ttm_clear_dma() - take all system memory of buffers away from the card
 * @edev: card that goes, unplugged for the DRM core; nobody moves buffers
 *
 * Files may be closed meanwhile. TTM goes through its lists under the lock that a
 * buffer needs to leave them, and tries a buffer whose last reference was just dropped
 * again and again, which never ends. So nobody frees one at the same time; those that
 * TTM frees by a work item of its own, when their fences have signalled, are waited for.
 */
void egret_ttm_clear_dma(struct egret_device *edev)
{
	down_write(&edev->free_lock);
	flush_workqueue(edev->ttm.wq);
	ttm_device_clear_dma_mappings(&edev->ttm);
	up_write(&edev->free_lock);
}

/**
 * egret_ttm_fini() - end buffer management
 * @edev: card; no buffer exists any more
 */
void egret_ttm_fini(struct egret_device *edev)
{
	egret_shrinker_fini(edev);
	/* Buffers that died lately may still be on their way out. */
	flush_workqueue(edev->ttm.wq);
	egret_vram_fini(edev);
	egret_system_fini(edev);
	ttm_device_fini(&edev->ttm);
}
