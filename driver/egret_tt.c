// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/**
 * DOC: System memory
 *
 * The pages of a buffer in system memory are allocated here, in pieces as large as the
 * host has them, and mapped here rather than by TTM's pool. It cannot charge them to
 * anybody; and it can only unmap pages and free them at once: when the card goes its
 * mappings have to go, but pages that other devices have pinned (egret_dmabuf.c) must stay
 * until they let go of them. In an encrypted guest, the pool allocates memory that is not
 * encrypted, with addresses, and all is left to it; such memory is not for other devices,
 * and charged to nobody.
 *
 * Whom pages are charged to. The memory cgroup of the process that made the buffer, for
 * as long as they exist, whoever needs them. Who is at the limit of the group gets -ENOMEM,
 * and the OOM killer is left alone. But when somebody outside of the group pushes the buffer
 * out of device memory, pages that cannot be charged any more are given all the same:
 * otherwise a group at its limit would keep others from the device's memory.
 *
 * Buffers of other drivers have only addresses, which come from and go back to their
 * exporter. For TTM they are populated as long as they exist: when the exporter moves
 * one, it is unmapped behind TTM's back, since there is nothing to be done for TTM but
 * to allocate a description of a place that is none, at a time when nothing may fail;
 * who needs the addresses calls egret_tt_map_import() first.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <drm/drm_drv.h>
#include <drm/drm_prime.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_placement.h>
#include <drm/ttm/ttm_pool.h>

#include "compat.h"
#include "egret_bo.h"
#include "egret_device.h"
#include "egret_tt.h"

static struct egret_device *egret_tt_device(struct ttm_device *bdev)
{
	return container_of(bdev, struct egret_device, ttm);
}

/* ---- pages ------------------------------------------------------------------------ */

static void egret_pages_free(struct page **pages, unsigned long count)
{
	unsigned long i;
	unsigned int order;

	for (i = 0; i < count; i += 1UL << order) {
		order = page_private(pages[i]);
		set_page_private(pages[i], 0);
		__free_pages(pages[i], order);
	}
}

/* Each piece's first page knows its order. They are no compound pages: nobody refers to them. */
static int egret_pages_alloc(struct page **pages, unsigned long count, gfp_t gfp)
{
	unsigned int order = MAX_PAGE_ORDER;
	unsigned long done = 0, i;

	while (done < count) {
		struct page *page;

		order = min_t(unsigned int, order, __fls(count - done));
		/* For a large piece it is not worth while to go to any lengths. */
		page = alloc_pages(order ? (gfp & ~__GFP_RETRY_MAYFAIL) | __GFP_NORETRY |
				   __GFP_NOWARN | __GFP_NOMEMALLOC : gfp, order);
		if (!page && !order) {
			egret_pages_free(pages, done);
			return -ENOMEM;
		}
		if (!page) {
			order--;
			continue;
		}
		set_page_private(page, order);
		for (i = 0; i < 1UL << order; i++)
			pages[done++] = page + i;
	}
	return 0;
}

/* Whether somebody else's need pushes the buffer out of device memory. */
static bool egret_tt_is_pushed_out(const struct egret_bo *bo)
{
	struct mem_cgroup *memcg;

	if (!bo->ttm.resource || bo->ttm.resource->mem_type != TTM_PL_VRAM)
		return false;
	memcg = get_mem_cgroup_from_mm(current->mm);
	mem_cgroup_put(memcg);
	return memcg != bo->memcg;
}

static int egret_tt_alloc_pages(struct egret_tt *tt)
{
	/* Whoever asks for too much is told so, rather than that somebody is killed. */
	gfp_t gfp = GFP_HIGHUSER | __GFP_RETRY_MAYFAIL | __GFP_NOWARN;
	struct ttm_tt *ttm = &tt->base;
	struct mem_cgroup *before;
	int ret;

	if (ttm->page_flags & TTM_TT_FLAG_ZERO_ALLOC)
		gfp |= __GFP_ZERO;
	before = set_active_memcg(tt->bo->memcg);
	ret = egret_pages_alloc(ttm->pages, ttm->num_pages, gfp | __GFP_ACCOUNT);
	set_active_memcg(before);
	if (ret && egret_tt_is_pushed_out(tt->bo))
		ret = egret_pages_alloc(ttm->pages, ttm->num_pages, gfp);
	return ret;
}

static void egret_tt_free_pages(struct ttm_device *bdev, struct ttm_tt *ttm)
{
	if (ttm->dma_address)
		ttm_pool_free(&bdev->pool, ttm);
	else
		egret_pages_free(ttm->pages, ttm->num_pages);
}

/* ---- addresses -------------------------------------------------------------------- */

static int egret_tt_map(struct egret_tt *tt, struct device *dev)
{
	size_t max = dma_max_mapping_size(dev) & PAGE_MASK;
	unsigned int segment = min_t(size_t, max ?: SIZE_MAX, UINT_MAX & PAGE_MASK);
	int ret;

	ret = sg_alloc_table_from_pages_segment(&tt->own, tt->base.pages, tt->base.num_pages, 0,
						(u64)tt->base.num_pages << PAGE_SHIFT, segment,
						GFP_KERNEL);
	if (ret)
		return ret;
	ret = dma_map_sgtable(dev, &tt->own, DMA_BIDIRECTIONAL, 0);
	if (ret) {
		sg_free_table(&tt->own);
		return ret;
	}
	drm_prime_sg_to_dma_addr_array(&tt->own, tt->addresses, tt->base.num_pages);
	tt->mapped = true;
	return 0;
}

static void egret_tt_unmap(struct egret_tt *tt, struct device *dev)
{
	if (!tt->mapped)
		return;
	tt->mapped = false;
	dma_unmap_sgtable(dev, &tt->own, DMA_BIDIRECTIONAL, 0);
	sg_free_table(&tt->own);
}

/**
 * egret_tt_map_import() - get the addresses of another driver's buffer
 * @ttm: its pages; its reservation is locked
 *
 * Does nothing if they are there, or if the buffer is not another driver's.
 *
 * Return: 0, -ENODEV (the card is gone), or what the exporter says.
 */
int egret_tt_map_import(struct ttm_tt *ttm)
{
	struct egret_tt *tt = to_egret_tt(ttm);
	struct sg_table *sgt;
	int idx;

	if (!tt->import || tt->mapped)
		return 0;
	/* remove() detaches all there are. */
	if (!drm_dev_enter(tt->import->ttm.base.dev, &idx))
		return -ENODEV;
	sgt = dma_buf_map_attachment(tt->import->ttm.base.import_attach, DMA_BIDIRECTIONAL);
	if (!IS_ERR(sgt)) {
		tt->foreign = sgt;
		tt->mapped = true;
		drm_prime_sg_to_dma_addr_array(sgt, tt->addresses, ttm->num_pages);
	}
	drm_dev_exit(idx);
	return PTR_ERR_OR_ZERO(sgt);
}

/**
 * egret_tt_unmap_import() - give the addresses of another driver's buffer back
 * @ttm: its pages; its reservation is locked, and the card does not use them
 *
 * Does nothing if they are not there.
 */
void egret_tt_unmap_import(struct ttm_tt *ttm)
{
	struct egret_tt *tt = to_egret_tt(ttm);

	if (!tt->mapped)
		return;
	tt->mapped = false;
	dma_buf_unmap_attachment(tt->import->ttm.base.import_attach, tt->foreign,
				 DMA_BIDIRECTIONAL);
}

/* ---- what TTM asks for ------------------------------------------------------------- */

static int egret_tt_init(struct egret_tt *tt, struct ttm_buffer_object *tbo, u32 page_flags)
{
	int ret;

	tt->bo = ttm_to_egret_bo(tbo);
	if (tt->import || egret_tt_device(tbo->bdev)->needs_bounce) {
		ret = ttm_sg_tt_init(&tt->base, tbo, page_flags, ttm_cached);
		tt->addresses = tt->base.dma_address;
		return ret;
	}
	/* Without TTM's array for addresses, which is for those of its pool. */
	ret = ttm_tt_init(&tt->base, tbo, page_flags, ttm_cached, 0);
	if (ret)
		return ret;
	tt->addresses = kvcalloc(tt->base.num_pages, sizeof(*tt->addresses), GFP_KERNEL_ACCOUNT);
	if (tt->addresses)
		return 0;
	ttm_tt_fini(&tt->base);
	return -ENOMEM;
}

/**
 * egret_tt_create() - &ttm_device_funcs.ttm_tt_create
 * @tbo: buffer
 * @page_flags: TTM_TT_FLAG_*
 *
 * Return: its pages, of which none are there yet, or NULL.
 */
struct ttm_tt *egret_tt_create(struct ttm_buffer_object *tbo, u32 page_flags)
{
	struct egret_tt *tt = kzalloc(sizeof(*tt), GFP_KERNEL_ACCOUNT);

	if (!tt)
		return NULL;
	if (page_flags & TTM_TT_FLAG_EXTERNAL)
		tt->import = ttm_to_egret_bo(tbo);
	if (egret_tt_init(tt, tbo, page_flags)) {
		kfree(tt);
		return NULL;
	}
	return &tt->base;
}

/**
 * egret_tt_destroy() - &ttm_device_funcs.ttm_tt_destroy
 * @bdev: TTM's device
 * @ttm: pages, which nobody uses any more
 */
void egret_tt_destroy(struct ttm_device *bdev, struct ttm_tt *ttm)
{
	struct egret_tt *tt = to_egret_tt(ttm);

	if (tt->kept)
		egret_tt_free_pages(bdev, ttm);
	if (tt->addresses != ttm->dma_address)
		kvfree(tt->addresses);
	ttm_tt_fini(ttm);
	kfree(tt);
}

static int egret_tt_alloc(struct egret_device *edev, struct ttm_tt *ttm,
			  const struct ttm_operation_ctx *ctx)
{
	struct ttm_operation_ctx patient = *ctx;
	int ret;

	if (ttm->dma_address) {
		patient.gfp_retry_mayfail = true;
		return ttm_pool_alloc(&edev->ttm.pool, ttm, &patient);
	}
	ret = egret_tt_alloc_pages(to_egret_tt(ttm));
	if (ret)
		return ret;
	ret = egret_tt_map(to_egret_tt(ttm), edev->drm.dev);
	if (ret)
		egret_tt_free_pages(&edev->ttm, ttm);
	return ret;
}

/**
 * egret_tt_populate() - &ttm_device_funcs.ttm_tt_populate
 * @bdev: TTM's device
 * @ttm: pages; the buffer's reservation is locked
 * @ctx: how to wait
 *
 * Return: 0, -ENODEV (the card is gone), -ENOMEM, or what the exporter of a foreign
 * buffer says.
 */
int egret_tt_populate(struct ttm_device *bdev, struct ttm_tt *ttm,
		      struct ttm_operation_ctx *ctx)
{
	struct egret_device *edev = egret_tt_device(bdev);
	int idx, ret;

	if (to_egret_tt(ttm)->import)
		return egret_tt_map_import(ttm);
	/* remove() finds all mappings: none comes later. */
	if (!drm_dev_enter(&edev->drm, &idx))
		return -ENODEV;
	ret = egret_tt_alloc(edev, ttm, ctx);
	drm_dev_exit(idx);
	return ret;
}

/**
 * egret_tt_unpopulate() - &ttm_device_funcs.ttm_tt_unpopulate
 * @bdev: TTM's device
 * @ttm: pages, which the card does not use any more
 */
void egret_tt_unpopulate(struct ttm_device *bdev, struct ttm_tt *ttm)
{
	struct egret_tt *tt = to_egret_tt(ttm);

	if (tt->import) {
		egret_tt_unmap_import(ttm);
		return;
	}
	egret_tt_unmap(tt, egret_tt_device(bdev)->drm.dev);
	if (tt->keep)
		tt->kept = true;
	else
		egret_tt_free_pages(bdev, ttm);
}

/**
 * egret_tt_keep() - let pages outlive the card
 * @ttm: pages that other devices use; the buffer's reservation is locked
 *
 * They are freed with @ttm.
 */
void egret_tt_keep(struct ttm_tt *ttm)
{
	to_egret_tt(ttm)->keep = true;
}
