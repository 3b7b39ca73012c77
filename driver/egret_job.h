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
 * struct egret_job - one DRM_EGRET_EXEC, or one task of the kernel for a queue
 *
 * Of a job that is on the hardware nothing is left but its fence.
 */
struct egret_job {
	/** @queue: Queue. */
	struct egret_queue *queue;
	/** @sched: The job as the scheduler knows it, or NULL: it cannot wait. */
	struct drm_sched_job *sched;
	/** @fence: Fence; a reference once the job is armed. NULL for one that joins a group. */
	struct egret_fence *fence;
	/** @seqno: Number in the queue, once the job is armed. */
	u64 seqno;
	/** @calls: Indirect buffers. */
	const struct drm_egret_call *calls;
	/** @num_calls: Number of them. */
	u32 num_calls;
	/** @num_packets: Number of @packets. */
	u32 num_packets;
	/** @packets: Of a job of the kernel, in place of @calls. */
	const union egret_packet *packets;
};

extern const struct drm_sched_backend_ops egret_sched_ops;

unsigned long egret_watchdog_period(void);
void egret_queue_watch(struct work_struct *work);

struct dma_fence *egret_job_submit_kernel(struct egret_queue *queue,
					  const union egret_packet *packets, u32 count);

int egret_exec_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* EGRET_JOB_H */
