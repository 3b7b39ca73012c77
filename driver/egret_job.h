/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_JOB_H
#define EGRET_JOB_H

#include <drm/gpu_scheduler.h>

#include <drm/egret_accel.h>

struct drm_device;
struct drm_file;
struct egret_fence;
struct egret_queue;

/**
 * struct egret_job - one DRM_EGRET_EXEC
 */
struct egret_job {
	/** @base: Base. */
	struct drm_sched_job base;
	/** @queue: Queue; a reference. */
	struct egret_queue *queue;
	/** @fence: Fence; a reference once the job is armed. */
	struct egret_fence *fence;
	/** @calls: Indirect buffers. */
	struct drm_egret_call *calls;
	/** @num_calls: Number of them. */
	u32 num_calls;
};

extern const struct drm_sched_backend_ops egret_sched_ops;

unsigned long egret_watchdog_period(void);

int egret_exec_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* EGRET_JOB_H */
