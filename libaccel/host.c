// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * What POSIX leaves to each system.
 *
 * Where there is no eventfd, a signal is a pair of sockets and not a pipe: writing to a pipe
 * that nobody reads any more kills the process. Where there is no memfd, memory is an object of
 * shared memory whose name is gone before anybody else could learn it. It cannot be sealed:
 * there, who shrinks it takes it away from others that have it mapped. So that at least nothing
 * else is taken for such memory, a page behind it has a label.
 */
#define _GNU_SOURCE
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__linux__) && !defined(ACCEL_HOST_PORTABLE)

#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include <linux/sync_file.h>

int accel_host_signal(int *polled, int *raised)
{
	int ret;

	*polled = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (*polled < 0)
		return -errno;
	*raised = fcntl(*polled, F_DUPFD_CLOEXEC, 0);
	if (*raised >= 0)
		return 0;
	ret = -errno;
	close(*polled);
	return ret;
}

void accel_host_signal_raise(int raised)
{
	uint64_t one = 1;

	/* Fails only if it is readable already. */
	if (write(raised, &one, sizeof(one)) < 0)
		return;
}

void accel_host_signal_clear(int polled)
{
	uint64_t count;

	/* Fails only if it is not readable. */
	if (read(polled, &count, sizeof(count)) < 0)
		return;
}

/* Nobody can cut the memory off while another process has it mapped. */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static int open_memory(void)
{
	int fd = memfd_create("egret-sim", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return fd < 0 ? -errno : fd;
}

static int set_size(int fd, uint64_t size)
{
	if (ftruncate(fd, size) || fcntl(fd, F_ADD_SEALS, SEALS))
		return -errno;
	return 0;
}

static bool get_size(int fd, uint64_t *size)
{
	struct stat info;

	if (fstat(fd, &info) || fcntl(fd, F_GET_SEALS) != SEALS)
		return false;
	*size = info.st_size;
	return true;
}

int accel_host_fence_status(int fd)
{
	struct sync_file_info info = { .num_fences = 0 };

	/* Other descriptors than sync files do not tell. */
	if (ioctl(fd, SYNC_IOC_FILE_INFO, &info) || info.status >= 0)
		return 0;
	return info.status;
}

#else

#include <sys/socket.h>

static bool prepare(int fd)
{
#ifdef SO_NOSIGPIPE
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on)))
		return false;
#endif
	return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

int accel_host_signal(int *polled, int *raised)
{
	int ends[2], ret;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return -errno;
	if (!prepare(ends[0]) || !prepare(ends[1])) {
		ret = -errno;
		close(ends[0]);
		close(ends[1]);
		return ret;
	}
	*polled = ends[0];
	*raised = ends[1];
	return 0;
}

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

void accel_host_signal_raise(int raised)
{
	/* Fails only if it is readable already, or if nobody is there to read. */
	if (send(raised, "", 1, MSG_NOSIGNAL) < 0)
		return;
}

void accel_host_signal_clear(int polled)
{
	char bytes[64];

	while (read(polled, bytes, sizeof(bytes)) > 0)
		;
}

static int open_memory(void)
{
	static atomic_uint number;
	char name[32];
	int fd;

	do {
		snprintf(name, sizeof(name), "/egret-%ld-%u", (long)getpid(),
			 atomic_fetch_add(&number, 1));
		fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	} while (fd < 0 && errno == EEXIST);
	if (fd < 0)
		return -errno;
	shm_unlink(name);
	return fd;
}

/* What stands in the page behind the memory. Objects may be larger than they were made. */
struct label {
	char text[16];
	uint64_t size;
};

static const char label_text[16] = "egret-sim";

static struct label *map_label(int fd, uint64_t end, int access)
{
	void *page = mmap(NULL, sysconf(_SC_PAGESIZE), access, MAP_SHARED, fd, end);

	return page == MAP_FAILED ? NULL : page;
}

static void unmap_label(struct label *label)
{
	munmap(label, sysconf(_SC_PAGESIZE));
}

static int set_size(int fd, uint64_t size)
{
	uint64_t page = sysconf(_SC_PAGESIZE);
	uint64_t end = (size + page - 1) / page * page;
	struct label *label;

	if (ftruncate(fd, end + page))
		return -errno;
	label = map_label(fd, end, PROT_READ | PROT_WRITE);
	if (!label)
		return -errno;
	memcpy(label->text, label_text, sizeof(label_text));
	label->size = size;
	unmap_label(label);
	return 0;
}

static bool get_size(int fd, uint64_t *size)
{
	uint64_t page = sysconf(_SC_PAGESIZE), end;
	struct label *label;
	struct stat info;
	bool found;

	if (fstat(fd, &info) || info.st_size < (off_t)(2 * page) || info.st_size % page)
		return false;
	end = info.st_size - page;
	label = map_label(fd, end, PROT_READ);
	if (!label)
		return false;
	*size = label->size;
	found = !memcmp(label->text, label_text, sizeof(label_text)) &&
		*size <= end && end - *size < page;
	unmap_label(label);
	return found;
}

int accel_host_fence_status(int fd)
{
	(void)fd;
	return 0;
}

#endif

int accel_host_memory(uint64_t size)
{
	int fd = open_memory(), ret;

	if (fd < 0)
		return fd;
	do {
		ret = set_size(fd, size);
	} while (ret == -EINTR);
	if (ret) {
		close(fd);
		return -ENOMEM;
	}
	return fd;
}

bool accel_host_is_memory(int fd, uint64_t *size)
{
	return get_size(fd, size) && *size;
}
