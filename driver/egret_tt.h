/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_TT_H
#define EGRET_TT_H

#include <linux/scatterlist.h>
#include <drm/ttm/ttm_tt.h>

struct egret_bo;
struct ttm_buffer_object;
struct ttm_device;
struct ttm_operation_ctx;

/**
 * struct egret_tt - what a buffer has that is not in device memory
 *
 * Protected by the reservation of the buffer.
 */
struct egret_tt {
	/** @base: Base. */
	struct ttm_tt base;
	/** @bo: The buffer that it was made for. Valid while there are no pages. Constant. */
	struct egret_bo *bo;
	/** @import: The buffer, if it is another driver's; otherwise NULL. Constant. */
	struct egret_bo *import;
	/** @mapped: Whether the card can reach it. */
	bool mapped;
	/** @keep: Others use the pages: they stay when the card goes. */
	bool keep;
	/** @kept: The card is gone, the pages are there. */
	bool kept;
	/** @own: The mapping of our own pages. */
	struct sg_table own;
	/** @foreign: The mapping of @import, which is its exporter's. */
	struct sg_table *foreign;
	/** @addresses: Of each page for the card, while @mapped. */
	dma_addr_t *addresses;
};

static inline struct egret_tt *to_egret_tt(struct ttm_tt *ttm)
{
	return container_of(ttm, struct egret_tt, base);
}

struct ttm_tt *egret_tt_create(struct ttm_buffer_object *tbo, u32 page_flags);
void egret_tt_destroy(struct ttm_device *bdev, struct ttm_tt *ttm);
int egret_tt_populate(struct ttm_device *bdev, struct ttm_tt *ttm,
		      struct ttm_operation_ctx *ctx);
void egret_tt_unpopulate(struct ttm_device *bdev, struct ttm_tt *ttm);
int egret_tt_map_import(struct ttm_tt *ttm);
void egret_tt_unmap_import(struct ttm_tt *ttm);
void egret_tt_keep(struct ttm_tt *ttm);

#endif /* EGRET_TT_H */
