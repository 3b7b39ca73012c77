// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Arrays of sync objects. Everything that can fail is done when the array is
 * looked up, so that giving the fence to the sync objects cannot.
 */
#include <linux/dma-fence-chain.h>
#include <linux/slab.h>
#include <drm/drm_file.h>
#include <drm/drm_syncobj.h>

#include <drm/egret_accel.h>

#include "egret_array.h"
#include "egret_queue.h"
#include "egret_sync.h"

static int egret_sync_check(const struct drm_egret_sync *arg)
{
	switch (arg->flags) {
	case DRM_EGRET_SYNC_WAIT:
	case DRM_EGRET_SYNC_SIGNAL:
		/* A binary sync object has no points. */
		return arg->point ? -EINVAL : 0;
	case DRM_EGRET_SYNC_WAIT | DRM_EGRET_SYNC_TIMELINE:
	case DRM_EGRET_SYNC_SIGNAL | DRM_EGRET_SYNC_TIMELINE:
	case DRM_EGRET_SYNC_WAIT | DRM_EGRET_SYNC_JOB:
		/* A timeline has no point 0, and a queue no such job. */
		return arg->point ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

static int egret_sync_init_wait(struct egret_sync *sync, struct drm_file *file,
				const struct drm_egret_sync *arg)
{
	struct dma_fence *fence;
	int ret;

	/* On failure, what it leaves in @fence is not a reference. */
	ret = drm_syncobj_find_fence(file, arg->handle, arg->point, 0, &fence);
	if (!ret)
		sync->fence = fence;
	return ret;
}

static int egret_sync_init_job(struct egret_sync *sync, struct drm_file *file,
			       const struct drm_egret_sync *arg)
{
	struct egret_queue *queue = egret_queue_lookup(file->driver_priv, arg->handle);
	struct dma_fence *fence;

	if (!queue)
		return -ENOENT;
	fence = egret_queue_fence_of(queue, arg->point);
	egret_queue_put(queue);
	if (IS_ERR(fence))
		return PTR_ERR(fence);
	sync->fence = fence;
	return 0;
}

static int egret_sync_init(struct egret_sync *sync, struct drm_file *file,
			   const struct drm_egret_sync *arg)
{
	int ret = egret_sync_check(arg);

	if (ret)
		return ret;
	if (arg->flags & DRM_EGRET_SYNC_JOB)
		return egret_sync_init_job(sync, file, arg);
	if (arg->flags & DRM_EGRET_SYNC_WAIT)
		return egret_sync_init_wait(sync, file, arg);

	sync->syncobj = drm_syncobj_find(file, arg->handle);
	if (!sync->syncobj)
		return -ENOENT;
	if (arg->flags & DRM_EGRET_SYNC_TIMELINE) {
		sync->point = arg->point;
		sync->chain = dma_fence_chain_alloc();
		if (!sync->chain)
			return -ENOMEM;
	}
	return 0;
}

/**
 * egret_syncs_init() - look the elements of an array of syncs up
 * @syncs: result, for egret_syncs_fini(), also after a failure; it stays where it is
 * @file: file of the sync objects
 * @args: array of &struct drm_egret_sync
 *
 * Return: 0; -EINVAL (flags, point, nothing to wait for), -ENOENT, -E2BIG,
 * -EFAULT, -ENOMEM.
 */
int egret_syncs_init(struct egret_syncs *syncs, struct drm_file *file,
		     const struct drm_egret_array *args)
{
	struct drm_egret_sync few[EGRET_SYNCS_FEW];
	struct drm_egret_sync *elements;
	u32 i;
	int ret = 0;

	syncs->count = 0;
	syncs->array = NULL;
	if (!args->count && !args->array)
		return 0;
	elements = egret_array_copy(args, sizeof(*elements), sizeof(*elements),
				    DRM_EGRET_SYNCS_MAX, few, ARRAY_SIZE(few));
	if (IS_ERR_OR_NULL(elements))
		return PTR_ERR_OR_ZERO(elements);
	if (args->count <= ARRAY_SIZE(syncs->few))
		syncs->array = memset(syncs->few, 0, args->count * sizeof(*syncs->array));
	else
		syncs->array = kvcalloc(args->count, sizeof(*syncs->array), GFP_KERNEL_ACCOUNT);
	if (!syncs->array)
		ret = -ENOMEM;
	for (i = 0; !ret && i < args->count; i++) {
		ret = egret_sync_init(&syncs->array[i], file, &elements[i]);
		syncs->count = i + 1;
	}
	egret_array_free(elements, few);
	return ret;
}

/**
 * egret_syncs_have_signals() - whether somebody outside gets the fence of a job
 * @syncs: array
 *
 * Return: true if any sync object is to be signalled.
 */
bool egret_syncs_have_signals(const struct egret_syncs *syncs)
{
	u32 i;

	for (i = 0; i < syncs->count; i++)
		if (syncs->array[i].syncobj)
			return true;
	return false;
}

/**
 * egret_syncs_fini() - let go what egret_syncs_init() looked up
 * @syncs: array
 */
void egret_syncs_fini(struct egret_syncs *syncs)
{
	u32 i;

	for (i = 0; i < syncs->count; i++) {
		struct egret_sync *sync = &syncs->array[i];

		dma_fence_put(sync->fence);
		dma_fence_chain_free(sync->chain);
		if (sync->syncobj)
			drm_syncobj_put(sync->syncobj);
	}
	if (syncs->array != syncs->few)
		kvfree(syncs->array);
}

/**
 * egret_syncs_signal() - give a fence to the sync objects that shall signal
 * @syncs: array
 * @fence: fence
 */
void egret_syncs_signal(struct egret_syncs *syncs, struct dma_fence *fence)
{
	u32 i;

	for (i = 0; i < syncs->count; i++) {
		struct egret_sync *sync = &syncs->array[i];

		if (!sync->syncobj)
			continue;
		if (sync->chain)
			drm_syncobj_add_point(sync->syncobj, sync->chain, fence, sync->point);
		else
			drm_syncobj_replace_fence(sync->syncobj, fence);
		/* The timeline owns it now. */
		sync->chain = NULL;
	}
}
