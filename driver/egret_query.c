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

/* What the card counts begins at zero with each reset and sleep. */
static const u32 egret_counter_regs[] = {
	EGRET_REG_CNT_CYCLES,
	EGRET_REG_CNT_PACKETS,
	EGRET_REG_CNT_DISPATCHES,
	EGRET_REG_CNT_WORKGROUPS,
	EGRET_REG_CNT_VRAM_READ,
	EGRET_REG_CNT_VRAM_WRITE,
	EGRET_REG_CNT_HOST_READ,
	EGRET_REG_CNT_HOST_WRITE,
	EGRET_REG_CNT_MACS,
	EGRET_REG_CNT_INSTRUCTIONS,
	EGRET_REG_CNT_INTERRUPTS,
	EGRET_REG_CNT_FAULTS,
};

/* In this order. */
static_assert(offsetof(struct drm_egret_counters, cycles) == 0);
static_assert(offsetof(struct drm_egret_counters, macs) == 8 * sizeof(u64));
static_assert(offsetof(struct drm_egret_counters, faults) == 11 * sizeof(u64));
static_assert(sizeof(struct drm_egret_counters) ==
	      ARRAY_SIZE(egret_counter_regs) * sizeof(u64));

/* Add what the card has counted. Inside of egret_hw_enter(), or while it is stopped. */
static void egret_query_add_counters(struct egret_device *edev, struct drm_egret_counters *sum)
{
	u64 *counter = (u64 *)sum;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(egret_counter_regs); i++) {
		u64 value = egret_read64(edev, egret_counter_regs[i]);

		if (value != U64_MAX)
			counter[i] += value;
	}
}

/**
 * egret_query_save_counters() - keep what the card has counted
 * @edev: card, whose hardware was stopped, and which is about to forget it
 */
void egret_query_save_counters(struct egret_device *edev)
{
	mutex_lock(&edev->counters_lock);
	egret_query_add_counters(edev, &edev->counters);
	mutex_unlock(&edev->counters_lock);
}

static int egret_query_counters(struct egret_device *edev, struct drm_egret_counters *out)
{
	int idx;

	if (!drm_dev_enter(&edev->drm, &idx))
		return -ENODEV;
	/* A card that sleeps counts nothing, and need not be woken. */
	mutex_lock(&edev->counters_lock);
	*out = edev->counters;
	if (egret_hw_try_enter(edev)) {
		egret_query_add_counters(edev, out);
		egret_hw_exit(edev);
	}
	mutex_unlock(&edev->counters_lock);
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
