// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The few functions of libdrm that the tests use, by ioctls: for 32-bit programs, since
 * a 64-bit host has no 32-bit libdrm. What they do is described in xf86drm.h.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <xf86drm.h>

int drmIoctl(int fd, unsigned long request, void *arg)
{
	int ret;

	do
		ret = ioctl(fd, request, arg);
	while (ret == -1 && (errno == EINTR || errno == EAGAIN));
	return ret;
}

drmVersionPtr drmGetVersion(int fd)
{
	struct drm_version args = {};
	drmVersionPtr version = calloc(1, sizeof(*version));
	char *name = calloc(1, 64);

	args.name = name;
	args.name_len = 63;
	if (!version || !name || drmIoctl(fd, DRM_IOCTL_VERSION, &args)) {
		free(version);
		free(name);
		return NULL;
	}
	version->version_major = args.version_major;
	version->name_len = args.name_len;
	version->name = name;
	return version;
}

void drmFreeVersion(drmVersionPtr version)
{
	free(version->name);
	free(version);
}

/* 0 or a negative errno. */
static int call(int fd, unsigned long request, void *arg)
{
	return drmIoctl(fd, request, arg) ? -errno : 0;
}

int drmSyncobjCreate(int fd, uint32_t flags, uint32_t *handle)
{
	struct drm_syncobj_create args = { .flags = flags };
	int ret = call(fd, DRM_IOCTL_SYNCOBJ_CREATE, &args);

	*handle = args.handle;
	return ret;
}

int drmSyncobjDestroy(int fd, uint32_t handle)
{
	struct drm_syncobj_destroy args = { .handle = handle };

	return call(fd, DRM_IOCTL_SYNCOBJ_DESTROY, &args);
}

int drmSyncobjWait(int fd, uint32_t *handles, unsigned int count, int64_t deadline,
		   unsigned int flags, uint32_t *first)
{
	struct drm_syncobj_wait args = {
		.handles = (uintptr_t)handles,
		.timeout_nsec = deadline,
		.count_handles = count,
		.flags = flags,
	};
	int ret = call(fd, DRM_IOCTL_SYNCOBJ_WAIT, &args);

	if (first)
		*first = args.first_signaled;
	return ret;
}

int drmSyncobjTimelineWait(int fd, uint32_t *handles, uint64_t *points, unsigned int count,
			   int64_t deadline, unsigned int flags, uint32_t *first)
{
	struct drm_syncobj_timeline_wait args = {
		.handles = (uintptr_t)handles,
		.points = (uintptr_t)points,
		.timeout_nsec = deadline,
		.count_handles = count,
		.flags = flags,
	};
	int ret = call(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &args);

	if (first)
		*first = args.first_signaled;
	return ret;
}

int drmSyncobjExportSyncFile(int fd, uint32_t handle, int *sync_file)
{
	struct drm_syncobj_handle args = {
		.handle = handle,
		.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
		.fd = -1,
	};
	int ret = call(fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &args);

	*sync_file = args.fd;
	return ret;
}

int drmSyncobjReset(int fd, const uint32_t *handles, uint32_t count)
{
	struct drm_syncobj_array args = {
		.handles = (uintptr_t)handles,
		.count_handles = count,
	};

	return call(fd, DRM_IOCTL_SYNCOBJ_RESET, &args);
}

int drmPrimeHandleToFD(int fd, uint32_t handle, uint32_t flags, int *prime_fd)
{
	struct drm_prime_handle args = { .handle = handle, .flags = flags, .fd = -1 };
	int ret = drmIoctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &args);

	*prime_fd = args.fd;
	return ret;
}

int drmPrimeFDToHandle(int fd, int prime_fd, uint32_t *handle)
{
	struct drm_prime_handle args = { .fd = prime_fd };
	int ret = drmIoctl(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args);

	*handle = args.handle;
	return ret;
}
