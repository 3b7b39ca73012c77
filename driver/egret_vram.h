/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_VRAM_H
#define EGRET_VRAM_H

#include <linux/gpu_buddy.h>
#include <linux/mutex.h>
#include <drm/ttm/ttm_resource.h>

struct egret_device;

/* Pages that can be retired. With more the card belongs to the repair shop. */
#define EGRET_BAD_PAGES_MAX	64

/**
 * struct egret_bad_page - device memory that is not to be used any more
 */
struct egret_bad_page {
	/** @offset: Where it is, in bytes. */
	u64 offset;
	/** @block: What keeps others away, or NULL as long as somebody has the page. */
	struct gpu_buddy_block *block;
};

/**
 * struct egret_vram - device memory
 */
struct egret_vram {
	/** @man: TTM's manager. */
	struct ttm_resource_manager man;
	/** @lock: Protects @mm and @driver_used. */
	struct mutex lock;
	/** @mm: What is free. */
	struct gpu_buddy mm;
	/** @reserve: Bytes that buffers leave free. Constant. */
	u64 reserve;
	/** @resources: Memory of buffers. Protected by @lock. */
	struct list_head resources;
	/** @driver_blocks: Memory of the driver itself. Protected by @lock. */
	struct list_head driver_blocks;
	/** @driver_used: Bytes that page tables and the driver itself use. */
	u64 driver_used;
	/** @bad: Pages with errors. Protected by @lock. */
	struct egret_bad_page bad[EGRET_BAD_PAGES_MAX];
	/** @num_bad: Number of them. */
	unsigned int num_bad;
	/** @map: BAR2, write-combined. Used inside drm_dev_enter(). */
	void __iomem *map;
	/** @bus_addr: Host address of BAR2. Constant. */
	resource_size_t bus_addr;
};

/**
 * struct egret_vram_resource - device memory of one buffer
 */
struct egret_vram_resource {
	/** @base: Base. */
	struct ttm_resource base;
	/** @blocks: Its blocks, in the order of the buffer. Constant. */
	struct list_head blocks;
	/** @node: In the list of all. Protected by &egret_vram.lock. */
	struct list_head node;
};

static inline struct egret_vram_resource *
to_egret_vram_resource(struct ttm_resource *res)
{
	return container_of(res, struct egret_vram_resource, base);
}

int egret_vram_init(struct egret_device *edev);
void egret_vram_fini(struct egret_device *edev);
int egret_vram_save(struct egret_device *edev, struct list_head *saved);
void egret_vram_restore(struct egret_device *edev, const struct list_head *saved);
void egret_vram_forget(struct list_head *saved);
void egret_vram_retire(struct egret_device *edev, u64 offset);
u64 egret_vram_available(struct egret_device *edev);
void egret_vram_query(struct egret_device *edev, struct drm_egret_memory_info *info);
unsigned long egret_vram_pfn(struct egret_device *edev, struct ttm_resource *res,
			     unsigned long page);
struct gpu_buddy_block *egret_vram_alloc_block(struct egret_device *edev, u64 size);
struct gpu_buddy_block *egret_vram_alloc_page(struct egret_device *edev);
void egret_vram_free_block(struct egret_device *edev, struct gpu_buddy_block *block);

#endif /* EGRET_VRAM_H */
