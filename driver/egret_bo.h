/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_BO_H
#define EGRET_BO_H

#include <linux/gpu_buddy.h>
#include <drm/ttm/ttm_bo.h>

/* Most places that a buffer may live in. */
#define EGRET_BO_PLACES	2

/* Beside TTM_PL_VRAM and TTM_PL_TT: memory of another device's driver. */
#define EGRET_PL_FOREIGN	TTM_PL_PRIV

struct dma_buf;
struct drm_device;
struct drm_file;
struct drm_printer;
struct egret_device;
struct mem_cgroup;
struct ttm_place;
struct ttm_placement;

/**
 * struct egret_bo - a buffer
 */
struct egret_bo {
	/** @ttm: Base; contains the GEM object. */
	struct ttm_buffer_object ttm;
	/** @placement: Where it may live; DRM_EGRET_BO_*. Constant. */
	u32 placement;
	/**
	 * @region: TTM_PL_* where it is, for statistics, without a lock: it may have
	 * moved since. Written with the reservation locked.
	 */
	u32 region;
	/**
	 * @vm_root: If the buffer is private to an address space, that one's
	 * reservation object, which is also the buffer's; otherwise NULL. Constant,
	 * reference counted. The address space itself may be gone.
	 */
	struct drm_gem_object *vm_root;
	/** @memcg: Whom its system memory is charged to; a reference, or NULL. Constant. */
	struct mem_cgroup *memcg;

	/** @source: If it was imported: where from; a reference. Constant. */
	struct dma_buf *source;
	/**
	 * @exported: While others than this card use it: as what. Protected by the
	 * reservation.
	 */
	struct dma_buf *exported;
	/** @attachments: Their number: devices, and mappings of the kernel. Likewise. */
	unsigned int attachments;
	/** @far_attachments: How many of them cannot reach device memory. Likewise. */
	unsigned int far_attachments;
	/** @shared_link: In &egret_device.shared, if it is of one of these kinds. */
	struct list_head shared_link;
	/** @shared_done: Used by egret_dmabuf_remove(). */
	bool shared_done;
};

/**
 * struct egret_bo_cursor - a walk over the addresses of a buffer
 *
 * The buffer's reservation is locked during the walk.
 */
struct egret_bo_cursor {
	/** @bo: Buffer. */
	struct egret_bo *bo;
	/** @offset: Byte in the buffer. */
	u64 offset;
	/** @block: Block of device memory that holds @offset. */
	struct gpu_buddy_block *block;
	/** @block_offset: First byte in the buffer of @block. */
	u64 block_offset;
};

static inline struct egret_bo *ttm_to_egret_bo(struct ttm_buffer_object *tbo)
{
	return container_of(tbo, struct egret_bo, ttm);
}

static inline struct egret_bo *to_egret_bo(struct drm_gem_object *obj)
{
	return container_of(obj, struct egret_bo, ttm.base);
}

void egret_bo_cursor_init(struct egret_bo_cursor *cursor, struct egret_bo *bo, u64 offset);
u64 egret_bo_cursor_next(struct egret_bo_cursor *cursor, u64 max, u64 *addr);
bool egret_bo_is_vram(const struct egret_bo *bo);
bool egret_bo_is_placed(const struct egret_bo *bo);
bool egret_bo_is_shared(const struct egret_bo *bo);
u64 egret_bo_pte_flags(const struct egret_bo *bo);
void egret_bo_placement(const struct egret_bo *bo, struct ttm_place *places,
			struct ttm_placement *placement);
int egret_bo_error(struct egret_bo *bo, int err);
struct egret_bo *egret_bo_create_foreign(struct egret_device *edev, struct dma_buf *source);
void egret_bo_show_fdinfo(struct drm_printer *p, struct drm_file *file);

int egret_bo_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int egret_bo_mmap_offset_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* EGRET_BO_H */
