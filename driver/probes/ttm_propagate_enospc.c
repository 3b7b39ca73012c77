// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/* TTM can be told to report a full memory type as such. */
#include <drm/ttm/ttm_allocation.h>
#include <drm/ttm/ttm_device.h>

int probe(struct ttm_device *bdev);
int probe(struct ttm_device *bdev)
{
	return ttm_device_init(bdev, NULL, NULL, NULL, NULL,
			       TTM_ALLOCATION_PROPAGATE_ENOSPC);
}
