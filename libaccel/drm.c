// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The backend for the kernel driver. All that knows of ioctls and file descriptors is
 * here.
 */
#define _GNU_SOURCE
#include "backend.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <xf86drm.h>

/* The driver's major version changes when it becomes incompatible. */
#define DRIVER_NAME	"egret"
#define DRIVER_MAJOR	1

/* A buffer that is known outside of this file of the device. */
struct shared_bo {
	struct shared_bo *next;
	uint32_t handle;
	unsigned int refs;
};

struct backend_device {
	int fd;
	char version[32];
	/*
	 * The kernel gives a buffer one handle in a file, however often it is imported, and
	 * closes it at once: so handles of buffers that are shared are counted.
	 */
	pthread_mutex_t lock;
	struct shared_bo *shared;
};

/* drmIoctl() repeats the call when a signal interrupts it. */
static int call(const struct backend_device *dev, unsigned long request, void *args)
{
	return drmIoctl(dev->fd, request, args) ? -errno : 0;
}

/* ---- Device ---- */

static int check_driver(struct backend_device *dev)
{
	drmVersionPtr version = drmGetVersion(dev->fd);
	int ret = 0;

	if (!version)
		return -EPROTONOSUPPORT;
	if (version->name_len != (int)strlen(DRIVER_NAME) ||
	    memcmp(version->name, DRIVER_NAME, version->name_len) ||
	    version->version_major > DRIVER_MAJOR)
		ret = -EPROTONOSUPPORT;
	snprintf(dev->version, sizeof(dev->version), "%d.%d.%d", version->version_major,
		 version->version_minor, version->version_patchlevel);
	drmFreeVersion(version);
	return ret;
}

static int drm_open(const char *path, struct backend_device **out)
{
	struct backend_device *dev = calloc(1, sizeof(*dev));
	int ret;

	if (!dev)
		return -ENOMEM;
	pthread_mutex_init(&dev->lock, NULL);
	dev->fd = open(path, O_RDWR | O_CLOEXEC);
	if (dev->fd < 0) {
		ret = -errno;
		free(dev);
		return ret;
	}
	ret = check_driver(dev);
	if (ret) {
		close(dev->fd);
		free(dev);
		return ret;
	}
	*out = dev;
	return 0;
}

static void drm_close(struct backend_device *dev)
{
	struct shared_bo *bo;

	while ((bo = dev->shared)) {
		dev->shared = bo->next;
		free(bo);
	}
	pthread_mutex_destroy(&dev->lock);
	close(dev->fd);
	free(dev);
}

static const char *drm_version(struct backend_device *dev)
{
	return dev->version;
}

static int drm_query(struct backend_device *dev, uint32_t query, void *answer, uint32_t size)
{
	struct drm_egret_dev_query args = {
		.query = query,
		.size = size,
		.pointer = (uintptr_t)answer,
	};

	memset(answer, 0, size);
	return call(dev, DRM_IOCTL_EGRET_DEV_QUERY, &args);
}

/* ---- Memory ---- */

static int drm_bo_create(struct backend_device *dev, struct drm_egret_bo_create *args)
{
	return call(dev, DRM_IOCTL_EGRET_BO_CREATE, args);
}

/* With the lock: where the pointer to a shared buffer is, or to the list's end. */
static struct shared_bo **find_shared(struct backend_device *dev, uint32_t handle)
{
	struct shared_bo **link = &dev->shared;

	while (*link && (*link)->handle != handle)
		link = &(*link)->next;
	return link;
}

/* With the lock: count one more user. */
static int get_shared(struct backend_device *dev, uint32_t handle)
{
	struct shared_bo **link = find_shared(dev, handle);

	if (!*link) {
		*link = calloc(1, sizeof(**link));
		if (!*link)
			return -ENOMEM;
		(*link)->handle = handle;
	}
	(*link)->refs++;
	return 0;
}

static void drm_bo_destroy(struct backend_device *dev, uint32_t handle)
{
	struct drm_gem_close args = { .handle = handle };
	struct shared_bo **link, *bo;

	pthread_mutex_lock(&dev->lock);
	link = find_shared(dev, handle);
	bo = *link;
	if (!bo || !--bo->refs) {
		call(dev, DRM_IOCTL_GEM_CLOSE, &args);
		if (bo)
			*link = bo->next;
		free(bo);
	}
	pthread_mutex_unlock(&dev->lock);
}

static int drm_bo_export(struct backend_device *dev, uint32_t handle, int *fd)
{
	int ret = 0;

	pthread_mutex_lock(&dev->lock);
	/* From now on an import may give this handle: its owner is the first user. */
	if (!*find_shared(dev, handle))
		ret = get_shared(dev, handle);
	if (ret == 0 && drmPrimeHandleToFD(dev->fd, handle, DRM_CLOEXEC | DRM_RDWR, fd))
		ret = -errno;
	pthread_mutex_unlock(&dev->lock);
	return ret;
}

static int drm_bo_import(struct backend_device *dev, int fd, uint32_t *handle, uint64_t *size)
{
	off_t bytes = lseek(fd, 0, SEEK_END);
	int ret = 0;

	if (bytes <= 0)
		return bytes < 0 && errno == EBADF ? -EBADF : -EINVAL;
	pthread_mutex_lock(&dev->lock);
	if (drmPrimeFDToHandle(dev->fd, fd, handle))
		ret = -errno;
	else
		ret = get_shared(dev, *handle);
	if (ret == -ENOMEM && *handle && !*find_shared(dev, *handle))
		call(dev, DRM_IOCTL_GEM_CLOSE, &(struct drm_gem_close){ .handle = *handle });
	pthread_mutex_unlock(&dev->lock);
	*size = bytes;
	return ret;
}

static int drm_bo_map(struct backend_device *dev, uint32_t handle, uint64_t size, void **ptr)
{
	struct drm_egret_bo_mmap_offset args = { .handle = handle };
	void *mapping;
	int ret;

	ret = call(dev, DRM_IOCTL_EGRET_BO_MMAP_OFFSET, &args);
	if (ret)
		return ret;
	mapping = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, dev->fd, args.offset);
	if (mapping == MAP_FAILED)
		return -errno;
	*ptr = mapping;
	return 0;
}

static void drm_bo_unmap(struct backend_device *dev, void *ptr, uint64_t size)
{
	(void)dev;
	munmap(ptr, size);
}

static int drm_vm_create(struct backend_device *dev, uint32_t *vm_id)
{
	struct drm_egret_vm_create args = { 0 };
	int ret;

	ret = call(dev, DRM_IOCTL_EGRET_VM_CREATE, &args);
	if (ret == 0)
		*vm_id = args.vm_id;
	return ret;
}

static void drm_vm_destroy(struct backend_device *dev, uint32_t vm_id)
{
	struct drm_egret_vm_destroy args = { .vm_id = vm_id };

	call(dev, DRM_IOCTL_EGRET_VM_DESTROY, &args);
}

static int drm_vm_bind(struct backend_device *dev, uint32_t vm_id,
		       const struct drm_egret_bind_op *ops, uint32_t count)
{
	struct drm_egret_vm_bind args = {
		.vm_id = vm_id,
		.ops = {
			.stride = sizeof(*ops),
			.count = count,
			.array = (uintptr_t)ops,
		},
	};

	return call(dev, DRM_IOCTL_EGRET_VM_BIND, &args);
}

/* ---- Queues ---- */

static int drm_queue_create(struct backend_device *dev, struct drm_egret_queue_create *args)
{
	return call(dev, DRM_IOCTL_EGRET_QUEUE_CREATE, args);
}

static void drm_queue_destroy(struct backend_device *dev, uint32_t queue_id)
{
	struct drm_egret_queue_destroy args = { .queue_id = queue_id };

	call(dev, DRM_IOCTL_EGRET_QUEUE_DESTROY, &args);
}

static int drm_queue_query(struct backend_device *dev, struct drm_egret_queue_query *args)
{
	return call(dev, DRM_IOCTL_EGRET_QUEUE_QUERY, args);
}

static struct drm_egret_array array(const void *elements, uint32_t stride, uint32_t count)
{
	return (struct drm_egret_array) {
		.stride = stride,
		.count = count,
		.array = count ? (uintptr_t)elements : 0,
	};
}

static int drm_exec(struct backend_device *dev, uint32_t queue_id,
		    const struct drm_egret_call *calls, uint32_t call_count,
		    const struct drm_egret_sync *waits, uint32_t wait_count)
{
	struct drm_egret_exec args = {
		.queue_id = queue_id,
		.calls = array(calls, sizeof(*calls), call_count),
		.syncs = array(waits, sizeof(*waits), wait_count),
	};

	return call(dev, DRM_IOCTL_EGRET_EXEC, &args);
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int drm_queue_wait(struct backend_device *dev, uint32_t queue_id, uint64_t job,
			  int64_t deadline)
{
	struct drm_egret_queue_wait args = {
		.queue_id = queue_id,
		.job = job,
		.deadline = deadline,
	};
	int ret;

	/* The kernel counts in ticks, and may give up a part of one before the deadline. */
	do {
		ret = call(dev, DRM_IOCTL_EGRET_QUEUE_WAIT, &args);
	} while (ret == -ETIME && now() < deadline);
	return ret;
}

/* A descriptor of what is over. */
static int signalled_fd(struct backend_device *dev)
{
	uint32_t handle;
	int fd = -1, ret = 0;

	if (drmSyncobjCreate(dev->fd, DRM_SYNCOBJ_CREATE_SIGNALED, &handle))
		return -errno;
	if (drmSyncobjExportSyncFile(dev->fd, handle, &fd))
		ret = -errno;
	drmSyncobjDestroy(dev->fd, handle);
	return ret ? ret : fd;
}

static int drm_queue_fd(struct backend_device *dev, uint32_t queue_id, uint64_t job)
{
	struct drm_egret_queue_export args = { .queue_id = queue_id, .job = job };
	int ret = call(dev, DRM_IOCTL_EGRET_QUEUE_EXPORT, &args);

	if (ret == -ENOENT)
		return signalled_fd(dev);
	return ret ? ret : args.fd;
}

/* ---- Descriptors ---- */

static int drm_fence_import(struct backend_device *dev, int fd, uint32_t *handle)
{
	int ret;

	if (drmSyncobjCreate(dev->fd, 0, handle))
		return -errno;
	if (!drmSyncobjImportSyncFile(dev->fd, *handle, fd))
		return 0;
	ret = -errno;
	drmSyncobjDestroy(dev->fd, *handle);
	return ret;
}

static void drm_fence_destroy(struct backend_device *dev, uint32_t handle)
{
	drmSyncobjDestroy(dev->fd, handle);
}

const struct backend accel_backend_drm = {
	.name = "drm",
	.open = drm_open,
	.close = drm_close,
	/* The file is the parent's too: only the child's descriptor goes. */
	.abandon = drm_close,
	.version = drm_version,
	.query = drm_query,
	.bo_create = drm_bo_create,
	.bo_destroy = drm_bo_destroy,
	.bo_map = drm_bo_map,
	.bo_unmap = drm_bo_unmap,
	.bo_export = drm_bo_export,
	.bo_import = drm_bo_import,
	.vm_create = drm_vm_create,
	.vm_destroy = drm_vm_destroy,
	.vm_bind = drm_vm_bind,
	.queue_create = drm_queue_create,
	.queue_destroy = drm_queue_destroy,
	.queue_query = drm_queue_query,
	.exec = drm_exec,
	.queue_wait = drm_queue_wait,
	.queue_fd = drm_queue_fd,
	.fence_import = drm_fence_import,
	.fence_destroy = drm_fence_destroy,
};
