// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * DRM_EGRET_DEV_QUERY.
 */
#include <linux/uaccess.h>
#include <drm/drm_drv.h>

#include "egret_hw.h"
#include "egret_query.h"
#include "egret_sensors.h"

static int egret_query_counters(struct egret_device *edev, struct drm_egret_counters *out)
{
	int idx;

	if (!drm_dev_enter(&edev->drm, &idx))
		return -ENODEV;
	if (!egret_hw_enter(edev)) {
		drm_dev_exit(idx);
		return -ENODEV;
	}
	out->cycles = egret_read64(edev, EGRET_REG_CNT_CYCLES);
	out->packets = egret_read64(edev, EGRET_REG_CNT_PACKETS);
	out->dispatches = egret_read64(edev, EGRET_REG_CNT_DISPATCHES);
	out->workgroups = egret_read64(edev, EGRET_REG_CNT_WORKGROUPS);
	out->vram_read = egret_read64(edev, EGRET_REG_CNT_VRAM_READ);
	out->vram_write = egret_read64(edev, EGRET_REG_CNT_VRAM_WRITE);
	out->host_read = egret_read64(edev, EGRET_REG_CNT_HOST_READ);
	out->host_write = egret_read64(edev, EGRET_REG_CNT_HOST_WRITE);
	out->macs = egret_read64(edev, EGRET_REG_CNT_MACS);
	out->instructions = egret_read64(edev, EGRET_REG_CNT_INSTRUCTIONS);
	out->interrupts = egret_read64(edev, EGRET_REG_CNT_INTERRUPTS);
	out->faults = egret_read64(edev, EGRET_REG_CNT_FAULTS);
	egret_hw_exit(edev);
	drm_dev_exit(idx);
	return 0;
}

/* Give @size bytes of @answer to user space, as far as it wants them. */
static int egret_query_answer(struct drm_egret_dev_query *args, const void *answer,
			      u32 size)
{
	if (args->pointer) {
		size = min(size, args->size);
		if (copy_to_user(u64_to_user_ptr(args->pointer), answer, size))
			return -EFAULT;
	}
	args->size = size;
	return 0;
}

int egret_dev_query_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct egret_device *edev = to_egret_device(drm);
	struct drm_egret_dev_query *args = data;
	union {
		struct drm_egret_memory_info memory;
		struct drm_egret_counters counters;
		struct drm_egret_sensors sensors;
	} answer = {};
	int ret;

	switch (args->query) {
	case DRM_EGRET_QUERY_DEVICE:
		return egret_query_answer(args, &edev->info, sizeof(edev->info));
	case DRM_EGRET_QUERY_MEMORY:
		egret_vram_query(edev, &answer.memory);
		return egret_query_answer(args, &answer, sizeof(answer.memory));
	case DRM_EGRET_QUERY_COUNTERS:
		ret = egret_query_counters(edev, &answer.counters);
		if (ret)
			return ret;
		return egret_query_answer(args, &answer, sizeof(answer.counters));
	case DRM_EGRET_QUERY_SENSORS:
		ret = egret_sensors_query(edev, &answer.sensors);
		if (ret)
			return ret;
		return egret_query_answer(args, &answer, sizeof(answer.sensors));
	default:
		return -EINVAL;
	}
}
