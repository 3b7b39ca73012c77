/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_SYNC_H
#define EGRET_SYNC_H

#include <linux/types.h>

struct dma_fence;
struct dma_fence_chain;
struct drm_egret_array;
struct drm_file;
struct drm_syncobj;

/**
 * struct egret_sync - one synchronisation, looked up
 *
 * Either @fence or @syncobj is set: it is waited for, or signalled. Or none: what is to be
 * waited for is over.
 */
struct egret_sync {
	/** @fence: To wait for; a reference. */
	struct dma_fence *fence;
	/** @syncobj: To signal; a reference. */
	struct drm_syncobj *syncobj;
	/** @chain: Link for a timeline that is signalled, allocated in advance. */
	struct dma_fence_chain *chain;
	/** @point: Point of the timeline. */
	u64 point;
};

/* So many need no memory. No more, for kernels that are built to clear the stack. */
#define EGRET_SYNCS_FEW	2

/**
 * struct egret_syncs - the synchronisations of one call
 */
struct egret_syncs {
	/** @array: Elements. */
	struct egret_sync *array;
	/** @count: Number of them. */
	u32 count;
	/** @few: Where they are if there are few. */
	struct egret_sync few[EGRET_SYNCS_FEW];
};

int egret_syncs_init(struct egret_syncs *syncs, struct drm_file *file,
		     const struct drm_egret_array *args);
bool egret_syncs_have_signals(const struct egret_syncs *syncs);
void egret_syncs_fini(struct egret_syncs *syncs);
void egret_syncs_signal(struct egret_syncs *syncs, struct dma_fence *fence);

#endif /* EGRET_SYNC_H */
