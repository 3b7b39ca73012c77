// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Device memory: a buddy allocator, as TTM's manager of buffers and as the
 * driver's source of pages for page tables.
 *
 * Nobody gets memory with somebody else's data in it. Memory is cleared when it
 * is handed out: buffers by the copy engine (egret_migrate.c), pages of the driver
 * by who allocates them.
 *
 * Buffers can be pushed out when memory is full; page tables cannot, and cannot push
 * out either, since they are made while reservations are locked. Therefore buffers
 * leave a part of the memory (@reserve) to them. When page tables have used some of
 * it, buffers are pushed out until it is there again, by the next buffer that needs
 * room. Page tables come from the end of memory and buffers from its beginning, so
 * that large pages are not broken up.
 *
 * A page with an uncorrectable error is not used again (egret_vram_retire()): it is
 * taken as soon as it is free, in the moment in which it becomes so. Whoever has it keeps
 * it, with an error for who reads it, since the data in it are lost in any case.
 */
#include <linux/pci.h>
#include <drm/drm_drv.h>
#include <drm/drm_print.h>
#include <drm/drm_buddy.h>
#include <drm/ttm/ttm_placement.h>

#include "egret_bo.h"
#include "egret_hw.h"

/* The part of device memory that buffers leave to page tables. */
#define EGRET_VRAM_RESERVE_SHIFT	6

static struct egret_vram *to_egret_vram(struct ttm_resource_manager *man)
{
	return container_of(man, struct egret_vram, man);
}

static u64 egret_vram_free_for_buffers(const struct egret_vram *vram)
{
	lockdep_assert_held(&vram->lock);
	return vram->mm.avail > vram->reserve ? vram->mm.avail - vram->reserve : 0;
}

/* ---- pages with errors ------------------------------------------------------- */

/* Take the pages that nobody has any more. */
static void egret_vram_take_bad(struct egret_vram *vram)
{
	unsigned int i;

	lockdep_assert_held(&vram->lock);
	for (i = 0; i < vram->num_bad; i++) {
		struct egret_bad_page *bad = &vram->bad[i];
		LIST_HEAD(blocks);

		if (bad->block ||
		    gpu_buddy_alloc_blocks(&vram->mm, bad->offset, bad->offset + SZ_4K, SZ_4K,
					   SZ_4K, &blocks, GPU_BUDDY_RANGE_ALLOCATION))
			continue;
		bad->block = list_first_entry(&blocks, struct gpu_buddy_block, link);
		list_del_init(&bad->block->link);
	}
}

static bool egret_vram_is_bad(const struct egret_vram *vram, u64 offset)
{
	unsigned int i;

	for (i = 0; i < vram->num_bad; i++)
		if (vram->bad[i].offset == offset)
			return true;
	return false;
}

/**
 * egret_vram_retire() - give a page to nobody any more
 * @edev: card
 * @offset: offset of an error in device memory
 *
 * Who has it, keeps it. Lasts until the driver leaves the card.
 */
void egret_vram_retire(struct egret_device *edev, u64 offset)
{
	struct egret_vram *vram = &edev->vram;

	offset = round_down(offset, SZ_4K);
	mutex_lock(&vram->lock);
	if (offset < vram->mm.size && !egret_vram_is_bad(vram, offset)) {
		if (vram->num_bad < EGRET_BAD_PAGES_MAX)
			vram->bad[vram->num_bad++].offset = offset;
		else
			drm_err(&edev->drm, "too many bad pages: %#llx stays in use\n", offset);
		egret_vram_take_bad(vram);
	}
	mutex_unlock(&vram->lock);
}

static void egret_vram_forget_bad(struct egret_vram *vram)
{
	mutex_lock(&vram->lock);
	while (vram->num_bad) {
		struct egret_bad_page *bad = &vram->bad[--vram->num_bad];

		if (bad->block)
			gpu_buddy_free_block(&vram->mm, bad->block);
		bad->block = NULL;
	}
	mutex_unlock(&vram->lock);
}

/* ---- memory of buffers ----------------------------------------------------------- */

static int egret_vram_man_alloc(struct ttm_resource_manager *man,
				struct ttm_buffer_object *tbo,
				const struct ttm_place *place,
				struct ttm_resource **out)
{
	struct egret_vram *vram = to_egret_vram(man);
	struct egret_vram_resource *res;
	int ret;

	res = kzalloc(sizeof(*res), GFP_KERNEL_ACCOUNT);
	if (!res)
		return -ENOMEM;
	ttm_resource_init(tbo, place, &res->base);
	INIT_LIST_HEAD(&res->blocks);

	mutex_lock(&vram->lock);
	if (res->base.size > egret_vram_free_for_buffers(vram))
		ret = -ENOSPC;
	else
		ret = gpu_buddy_alloc_blocks(&vram->mm, 0, vram->mm.size, res->base.size,
					     vram->mm.chunk_size, &res->blocks, 0);
	if (!ret)
		list_add_tail(&res->node, &vram->resources);
	mutex_unlock(&vram->lock);
	if (ret) {
		ttm_resource_fini(man, &res->base);
		kfree(res);
		return ret;
	}
	*out = &res->base;
	return 0;
}

static void egret_vram_man_free(struct ttm_resource_manager *man,
				struct ttm_resource *base)
{
	struct egret_vram *vram = to_egret_vram(man);
	struct egret_vram_resource *res = to_egret_vram_resource(base);

	mutex_lock(&vram->lock);
	list_del(&res->node);
	gpu_buddy_free_list(&vram->mm, &res->blocks, 0);
	egret_vram_take_bad(vram);
	mutex_unlock(&vram->lock);
	ttm_resource_fini(man, base);
	kfree(res);
}

static void egret_vram_man_debug(struct ttm_resource_manager *man,
				 struct drm_printer *p)
{
	struct egret_vram *vram = to_egret_vram(man);

	mutex_lock(&vram->lock);
	drm_printf(p, "driver: %llu KiB\n", vram->driver_used >> 10);
	drm_buddy_print(&vram->mm, p);
	mutex_unlock(&vram->lock);
}

static const struct ttm_resource_manager_func egret_vram_man_func = {
	.alloc = egret_vram_man_alloc,
	.free = egret_vram_man_free,
	.debug = egret_vram_man_debug,
};

/**
 * egret_vram_available() - how much device memory is free for buffers
 * @edev: card
 *
 * Return: bytes.
 */
u64 egret_vram_available(struct egret_device *edev)
{
	u64 available;

	mutex_lock(&edev->vram.lock);
	available = egret_vram_free_for_buffers(&edev->vram);
	mutex_unlock(&edev->vram.lock);
	return available;
}

/**
 * egret_vram_query() - how much of the device memory is in use
 * @edev: card
 * @info: answer
 */
void egret_vram_query(struct egret_device *edev, struct drm_egret_memory_info *info)
{
	struct egret_vram *vram = &edev->vram;

	mutex_lock(&vram->lock);
	info->vram_total = vram->mm.size;
	info->vram_used = vram->mm.size - vram->mm.avail;
	info->vram_used_by_driver = vram->driver_used;
	mutex_unlock(&vram->lock);
}

/**
 * egret_vram_pfn() - where the host finds a page of a buffer
 * @edev: card
 * @res: the buffer's memory
 * @page: number of the page in the buffer
 *
 * Return: page frame number in BAR2.
 */
unsigned long egret_vram_pfn(struct egret_device *edev, struct ttm_resource *res,
			     unsigned long page)
{
	u64 offset = (u64)page << PAGE_SHIFT;
	struct gpu_buddy_block *block;

	list_for_each_entry(block, &to_egret_vram_resource(res)->blocks, link) {
		u64 size = gpu_buddy_block_size(&edev->vram.mm, block);

		if (offset < size)
			return (edev->vram.bus_addr + gpu_buddy_block_offset(block) + offset)
			       >> PAGE_SHIFT;
		offset -= size;
	}
	drm_WARN_ONCE(&edev->drm, 1, "page %lu is outside of its buffer\n", page);
	return 0;
}

/**
 * egret_vram_alloc_block() - allocate contiguous memory for the driver itself
 * @edev: card
 * @size: bytes
 *
 * Return: one block, whose contents are undefined, or an error pointer: -ENOSPC,
 * -ENOMEM, -ERESTARTSYS.
 */
struct gpu_buddy_block *egret_vram_alloc_block(struct egret_device *edev, u64 size)
{
	struct egret_vram *vram = &edev->vram;
	struct gpu_buddy_block *block;
	LIST_HEAD(blocks);
	int ret;

	size = roundup_pow_of_two(max_t(u64, size, SZ_4K));
	mutex_lock(&vram->lock);
	ret = gpu_buddy_alloc_blocks(&vram->mm, 0, vram->mm.size, size, size, &blocks,
				     GPU_BUDDY_TOPDOWN_ALLOCATION);
	if (ret) {
		mutex_unlock(&vram->lock);
		return ERR_PTR(ret);
	}
	vram->driver_used += size;
	block = list_first_entry(&blocks, struct gpu_buddy_block, link);
	list_move_tail(&block->link, &vram->driver_blocks);
	mutex_unlock(&vram->lock);
	ret = egret_migrate_wait_evictions(edev);
	if (ret) {
		egret_vram_free_block(edev, block);
		return ERR_PTR(ret);
	}
	return block;
}

/**
 * egret_vram_free_block() - give back what egret_vram_alloc_block() gave
 * @edev: card
 * @block: the block
 */
void egret_vram_free_block(struct egret_device *edev, struct gpu_buddy_block *block)
{
	struct egret_vram *vram = &edev->vram;

	mutex_lock(&vram->lock);
	vram->driver_used -= gpu_buddy_block_size(&vram->mm, block);
	list_del(&block->link);
	gpu_buddy_free_block(&vram->mm, block);
	egret_vram_take_bad(vram);
	mutex_unlock(&vram->lock);
}

/**
 * egret_vram_alloc_page() - allocate 4 KiB for the driver itself
 * @edev: card
 *
 * Return: as egret_vram_alloc_block().
 */
struct gpu_buddy_block *egret_vram_alloc_page(struct egret_device *edev)
{
	return egret_vram_alloc_block(edev, SZ_4K);
}

/**
 * egret_vram_init() - map the device memory and manage it
 * @edev: card; TTM is initialised
 *
 * Return: 0, or a negative errno. egret_vram_fini() undoes it, but for the
 * mapping, which goes with the PCI device.
 */
int egret_vram_init(struct egret_device *edev)
{
	struct egret_vram *vram = &edev->vram;
	u64 size = round_down(edev->info.vram_visible, SZ_4K);
	int ret;

	vram->bus_addr = pci_resource_start(edev->pdev, EGRET_BAR_VRAM);
	vram->map = devm_ioremap_wc(edev->drm.dev, vram->bus_addr, size);
	if (!vram->map)
		return -ENOMEM;

	mutex_init(&vram->lock);
	INIT_LIST_HEAD(&vram->resources);
	INIT_LIST_HEAD(&vram->driver_blocks);
	ret = gpu_buddy_init(&vram->mm, size, SZ_4K);
	if (ret)
		return ret;
	vram->reserve = size >> EGRET_VRAM_RESERVE_SHIFT;

	vram->man.func = &egret_vram_man_func;
	ttm_resource_manager_init(&vram->man, &edev->ttm, size);
	ttm_set_driver_manager(&edev->ttm, TTM_PL_VRAM, &vram->man);
	ttm_resource_manager_set_used(&vram->man, true);
	return 0;
}

/**
 * egret_vram_fini() - end the management of device memory
 * @edev: card; no buffer exists any more
 */
void egret_vram_fini(struct egret_device *edev)
{
	struct egret_vram *vram = &edev->vram;

	ttm_resource_manager_set_used(&vram->man, false);
	drm_WARN_ON(&edev->drm, ttm_resource_manager_evict_all(&edev->ttm, &vram->man));
	drm_WARN_ON(&edev->drm, vram->driver_used);
	ttm_resource_manager_cleanup(&vram->man);
	ttm_set_driver_manager(&edev->ttm, TTM_PL_VRAM, NULL);
	egret_vram_forget_bad(vram);
	gpu_buddy_fini(&vram->mm);
	mutex_destroy(&vram->lock);
}
