// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/* If this does not compile, nothing can be said about this kernel. */
#include <drm/drm_device.h>
#include <drm/gpu_scheduler.h>
#include <drm/ttm/ttm_device.h>

size_t probe(void);
size_t probe(void)
{
	return sizeof(struct drm_device) + sizeof(struct drm_gpu_scheduler) +
	       sizeof(struct ttm_device);
}
