/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_JOB_H
#define EGRET_JOB_H

#include <drm/gpu_scheduler.h>

#include <drm/egret_accel.h>

struct dma_fence;
struct drm_device;
struct drm_file;
struct egret_fence;
struct egret_queue;
union egret_packet;

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
	/** @packets: Of a job of the kernel, in place of @calls. */
	const union egret_packet *packets;
	/** @num_packets: Number of them. */
	u32 num_packets;
};

extern const struct drm_sched_backend_ops egret_sched_ops;

unsigned long egret_watchdog_period(void);

struct dma_fence *egret_job_submit_kernel(struct egret_queue *queue,
					  const union egret_packet *packets, u32 count);

int egret_exec_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* EGRET_JOB_H */
