/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef ACCEL_BACKEND_H
#define ACCEL_BACKEND_H

/*
 * What libaccel needs from whatever runs the work: the kernel driver (drm.c), or the
 * chip model in this process (sim.c).
 *
 * The functions are the ioctls of drm/egret_accel.h, whose structures they take, so the
 * rules and errors that stand there are those of every backend. What is waited for are jobs by
 * their numbers, and descriptors. All functions return 0 or a negative errno, may be called
 * from any thread, and leave the words about an error to their caller.
 */

#include <stdint.h>

#include <drm/egret_accel.h>

struct backend_device;

struct backend {
	/* "drm" or "sim" */
	const char *name;

	/*
	 * Open a device. The name is a path for drm, and the text behind "sim" for the
	 * simulator. -EPROTONOSUPPORT: there is something else behind the name.
	 */
	int (*open)(const char *name, struct backend_device **dev);
	void (*close)(struct backend_device *dev);
	/* Let go of a device that is the parent's of a forked child, without touching it. */
	void (*abandon)(struct backend_device *dev);
	/* Version of the driver; belongs to the device. */
	const char *(*version)(struct backend_device *dev);
	/* DRM_EGRET_DEV_QUERY; what the backend does not fill of the answer is zero. */
	int (*query)(struct backend_device *dev, uint32_t query, void *answer, uint32_t size);

	int (*bo_create)(struct backend_device *dev, struct drm_egret_bo_create *args);
	void (*bo_destroy)(struct backend_device *dev, uint32_t handle);
	int (*bo_map)(struct backend_device *dev, uint32_t handle, uint64_t size, void **ptr);
	void (*bo_unmap)(struct backend_device *dev, void *ptr, uint64_t size);

	/*
	 * A new file descriptor for a buffer that is private to no address space (a dma-buf,
	 * or what the simulator has in its place), and a handle for one. Each import is undone
	 * by a bo_destroy() of its own. -EBADF: the descriptor is not open; -EINVAL,
	 * -EOPNOTSUPP or -ENOTTY: it is no memory.
	 */
	int (*bo_export)(struct backend_device *dev, uint32_t handle, int *fd);
	int (*bo_import)(struct backend_device *dev, int fd, uint32_t *handle, uint64_t *size);

	int (*vm_create)(struct backend_device *dev, uint32_t *vm_id);
	void (*vm_destroy)(struct backend_device *dev, uint32_t vm_id);
	/* Synchronous: done on return. */
	int (*vm_bind)(struct backend_device *dev, uint32_t vm_id,
		       const struct drm_egret_bind_op *ops, uint32_t count);

	int (*queue_create)(struct backend_device *dev, struct drm_egret_queue_create *args);
	void (*queue_destroy)(struct backend_device *dev, uint32_t queue_id);
	int (*queue_query)(struct backend_device *dev, struct drm_egret_queue_query *args);
	/* Waits are for jobs (DRM_EGRET_SYNC_JOB), or for what was imported (without). */
	int (*exec)(struct backend_device *dev, uint32_t queue_id,
		    const struct drm_egret_call *calls, uint32_t call_count,
		    const struct drm_egret_sync *waits, uint32_t wait_count);
	/* Wait until a job is over. The ID of a queue that is destroyed is not used again soon. */
	int (*queue_wait)(struct backend_device *dev, uint32_t queue_id, uint64_t job,
			  int64_t deadline);
	/*
	 * A new file descriptor that polls as readable when the job is over, as it is if the
	 * queue does not exist any more.
	 */
	int (*queue_fd)(struct backend_device *dev, uint32_t queue_id, uint64_t job);

	/*
	 * A handle for execs to wait for until the descriptor is signalled: a sync file, for
	 * the simulator whatever polls as readable. It is duplicated. -EINVAL or -EBADF: it is
	 * nothing of that kind.
	 */
	int (*fence_import)(struct backend_device *dev, int fd, uint32_t *handle);
	void (*fence_destroy)(struct backend_device *dev, uint32_t handle);
};

extern const struct backend accel_backend_drm;
extern const struct backend accel_backend_sim;

#endif /* ACCEL_BACKEND_H */
