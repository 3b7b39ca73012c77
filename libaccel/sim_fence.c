// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Waiting for file descriptors: what the kernel does for sync files, done with
 * poll() in a thread, which runs from the first import on.
 */
#define _GNU_SOURCE
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "host.h"

/* A descriptor that is waited for. */
struct sim_fence {
	struct sim_fence *next;
	struct sim_timeline *timeline;
	int fd;
};

static void free_fence(struct sim_fence *fence)
{
	close(fence->fd);
	free(fence);
}

static bool is_over(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) > 0;
}

/* With the lock. */
static void fulfil(struct backend_device *dev)
{
	struct sim_fence **link = &dev->fences, *fence;

	while ((fence = *link)) {
		if (!dev->fences_stopping && !is_over(fence->fd)) {
			link = &fence->next;
			continue;
		}
		*link = fence->next;
		sim_timeline_fulfil(dev, fence->timeline, 1);
		free_fence(fence);
	}
}

/* With the lock: what to poll, the wake-up first. NULL without memory. */
static struct pollfd *collect(struct backend_device *dev, nfds_t *count)
{
	const struct sim_fence *fence;
	struct pollfd *fds;
	nfds_t n = 1;

	for (fence = dev->fences; fence; fence = fence->next)
		n++;
	fds = calloc(n, sizeof(*fds));
	if (!fds)
		return NULL;
	fds[0] = (struct pollfd){ .fd = dev->fences_woken, .events = POLLIN };
	*count = 1;
	for (fence = dev->fences; fence; fence = fence->next)
		fds[(*count)++] = (struct pollfd){ .fd = fence->fd, .events = POLLIN };
	return fds;
}

static void *wait_for_fences(void *opaque)
{
	struct backend_device *dev = opaque;
	struct pollfd only, *fds;
	bool stopping;
	nfds_t count;

	do {
		pthread_mutex_lock(&dev->lock);
		fds = collect(dev, &count);
		sim_unlock(dev);
		only = (struct pollfd){ .fd = dev->fences_woken, .events = POLLIN };
		/* Without memory, look at all of them now and then. */
		poll(fds ? fds : &only, fds ? count : 1, fds ? -1 : 10);
		free(fds);
		accel_host_signal_clear(dev->fences_woken);
		pthread_mutex_lock(&dev->lock);
		stopping = dev->fences_stopping;
		fulfil(dev);
		sim_unlock(dev);
	} while (!stopping);
	return NULL;
}

/* With the lock. */
static int start(struct backend_device *dev)
{
	int ret;

	if (dev->fences_woken >= 0)
		return 0;
	ret = accel_host_signal(&dev->fences_woken, &dev->fences_wake);
	if (ret) {
		dev->fences_woken = -1;
		return ret;
	}
	ret = pthread_create(&dev->fences_thread, NULL, wait_for_fences, dev);
	if (ret) {
		close(dev->fences_woken);
		close(dev->fences_wake);
		dev->fences_woken = -1;
	}
	return -ret;
}

int sim_fence_import(struct backend_device *dev, int fd, uint32_t *handle)
{
	struct sim_fence *fence = calloc(1, sizeof(*fence));
	int ret;

	if (!fence)
		return -ENOMEM;
	fence->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fence->fd < 0) {
		ret = -errno;
		free(fence);
		return ret;
	}
	pthread_mutex_lock(&dev->lock);
	ret = start(dev);
	if (ret == 0) {
		fence->timeline = sim_timeline_promise(dev, handle, 1);
		ret = fence->timeline ? 0 : -ENOMEM;
	}
	if (ret == 0) {
		fence->next = dev->fences;
		dev->fences = fence;
		accel_host_signal_raise(dev->fences_wake);
	}
	sim_unlock(dev);
	if (ret)
		free_fence(fence);
	return ret;
}

void sim_fences_stop(struct backend_device *dev)
{
	bool running;

	pthread_mutex_lock(&dev->lock);
	running = dev->fences_woken >= 0;
	dev->fences_stopping = true;
	if (running)
		accel_host_signal_raise(dev->fences_wake);
	sim_unlock(dev);
	if (!running)
		return;
	pthread_join(dev->fences_thread, NULL);
	close(dev->fences_woken);
	close(dev->fences_wake);
}
