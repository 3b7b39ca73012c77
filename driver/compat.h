/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
/*
 * Other kernels than the newest.
 *
 * The driver is written to the newest kernel's interfaces; what older kernels
 * lack is made up for here and nowhere else. Which is which is found out by
 * compiling (probe.sh), not from version numbers: stable series change
 * interfaces inside the series, and distributions backport.
 */
#ifndef EGRET_COMPAT_H
#define EGRET_COMPAT_H

#include <linux/dma-fence.h>
#include <drm/drm_cache.h>
#include <drm/drm_drv.h>
#include <drm/drm_gpuvm.h>
#include <drm/gpu_scheduler.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_device.h>

#include "compat-probes.h"

/* ---- drm_driver ------------------------------------------------------- */

#ifdef EGRET_HAVE_DRM_DRIVER_DATE
#define EGRET_DRM_DRIVER_DATE	.date = "20260101",
#else
#define EGRET_DRM_DRIVER_DATE
#endif

#ifdef EGRET_HAVE_DRIVER_GEM_GPUVA
#define EGRET_DRIVER_GEM_GPUVA	DRIVER_GEM_GPUVA
#else
#define EGRET_DRIVER_GEM_GPUVA	0
#endif

/* ---- dma-buf ------------------------------------------------------------- */

#ifdef EGRET_HAVE_MODULE_IMPORT_NS_NAME
#define MODULE_IMPORT_NS_DMA_BUF	MODULE_IMPORT_NS(DMA_BUF)
#else
#define MODULE_IMPORT_NS_DMA_BUF	MODULE_IMPORT_NS("DMA_BUF")
#endif

#ifdef EGRET_HAVE_DMABUF_INVALIDATE_MAPPINGS
#define dma_buf_move_notify	dma_buf_invalidate_mappings
#define move_notify		invalidate_mappings
#endif

/* ---- dma-fence --------------------------------------------------------- */

#ifdef EGRET_HAVE_DMA_FENCE_INIT64
#define EGRET_FENCE_OPS_SEQNO64
#else
#define EGRET_FENCE_OPS_SEQNO64	.use_64bit_seqno = true,
#define dma_fence_init64	dma_fence_init
#endif

#ifndef EGRET_HAVE_DMA_FENCE_ENABLE_SIGNALING
#define dma_fence_enable_signaling	dma_fence_enable_sw_signaling
#endif

/* ---- scheduler ----------------------------------------------------------- */

#ifndef EGRET_HAVE_SCHED_INIT_ARGS
struct drm_sched_init_args {
	const struct drm_sched_backend_ops *ops;
	struct workqueue_struct *submit_wq;
	struct workqueue_struct *timeout_wq;
	u32 num_rqs;
	u32 credit_limit;
	unsigned int hang_limit;
	long timeout;
	atomic_t *score;
	const char *name;
	struct device *dev;
};

static inline int egret_sched_init(struct drm_gpu_scheduler *sched,
				   const struct drm_sched_init_args *args)
{
	return drm_sched_init(sched, args->ops, args->submit_wq, args->num_rqs,
			      args->credit_limit, args->hang_limit, args->timeout,
			      args->timeout_wq, args->score, args->name, args->dev);
}

#define drm_sched_init		egret_sched_init
#endif

/* ---- gpuvm ----------------------------------------------------------------- */

#ifndef EGRET_HAVE_GPUVM_MAP_REQ
struct drm_gpuvm_map_req {
	struct drm_gpuva_op_map map;
};

static inline int egret_gpuvm_sm_map(struct drm_gpuvm *gpuvm, void *priv,
				     const struct drm_gpuvm_map_req *req)
{
	return drm_gpuvm_sm_map(gpuvm, priv, req->map.va.addr, req->map.va.range,
				req->map.gem.obj, req->map.gem.offset);
}

#define drm_gpuvm_sm_map	egret_gpuvm_sm_map
#endif

#ifndef EGRET_HAVE_GPUVM_BO_OBTAIN_LOCKED
#define drm_gpuvm_bo_obtain_locked	drm_gpuvm_bo_obtain
#endif

/* ---- TTM --------------------------------------------------------------------- */

#ifndef EGRET_HAVE_TTM_BO_FINI
#define ttm_bo_fini		ttm_bo_put
#endif

#ifdef EGRET_HAVE_TTM_PROPAGATE_ENOSPC
#include <drm/ttm/ttm_allocation.h>
#else
#define TTM_ALLOCATION_POOL_USE_DMA_ALLOC	BIT(8)
#define TTM_ALLOCATION_PROPAGATE_ENOSPC		BIT(10)

static inline int egret_ttm_device_init(struct ttm_device *bdev,
					const struct ttm_device_funcs *funcs,
					struct device *dev,
					struct address_space *mapping,
					struct drm_vma_offset_manager *vma_manager,
					unsigned int alloc_flags)
{
	return ttm_device_init(bdev, funcs, dev, mapping, vma_manager,
			       alloc_flags & TTM_ALLOCATION_POOL_USE_DMA_ALLOC, false);
}

#define ttm_device_init		egret_ttm_device_init
#endif

#endif /* EGRET_COMPAT_H */
