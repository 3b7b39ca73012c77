// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#define _GNU_SOURCE
#include "failures.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local struct {
	enum failure_kind kind;
	unsigned int left;	/* calls until the one that fails; 0 for none */
	unsigned int paused;
	bool armed;
	const char *failed;	/* name of the call that has failed */
} state;

void failure_arm(enum failure_kind kind, unsigned int n)
{
	state.kind = kind;
	state.left = n;
	state.paused = 0;
	state.failed = NULL;
	state.armed = true;
}

bool failure_disarm(const char **name)
{
	state.armed = false;
	*name = state.failed;
	return state.failed;
}

void failure_pause(void)
{
	state.paused++;
}

void failure_resume(void)
{
	state.paused--;
}

static bool fails(enum failure_kind kind, const char *name)
{
	if (!state.armed || state.paused || state.kind != kind || !state.left || --state.left)
		return false;
	state.failed = name;
	return true;
}

/* ---- Memory ---- */

#define NO_MEMORY(name)								\
	if (fails(FAIL_ALLOCATION, name)) {					\
		errno = ENOMEM;							\
		return NULL;							\
	}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
	NO_MEMORY("malloc");
	return __real_malloc(size);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
	NO_MEMORY("calloc");
	return __real_calloc(count, size);
}

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size)
{
	NO_MEMORY("realloc");
	return __real_realloc(memory, size);
}

void *__real_aligned_alloc(size_t align, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size)
{
	NO_MEMORY("aligned_alloc");
	return __real_aligned_alloc(align, size);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
	NO_MEMORY("strdup");
	return __real_strdup(text);
}

char *__real_realpath(const char *path, char *resolved);
char *__wrap_realpath(const char *path, char *resolved);
char *__wrap_realpath(const char *path, char *resolved)
{
	NO_MEMORY("realpath");
	return __real_realpath(path, resolved);
}

int __wrap_asprintf(char **text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int __wrap_asprintf(char **text, const char *format, ...)
{
	va_list args;
	int ret;

	if (fails(FAIL_ALLOCATION, "asprintf"))
		return -1;
	va_start(args, format);
	ret = vasprintf(text, format, args);
	va_end(args);
	return ret;
}

/* ---- System calls ---- */

/* With EINTR where the call can be interrupted, otherwise with its own error. */
static bool call_fails(const char *name, int error, bool interruptible)
{
	if (fails(FAIL_SYSTEM_CALL, name)) {
		errno = error;
		return true;
	}
	if (interruptible && fails(FAIL_INTERRUPTED, name)) {
		errno = EINTR;
		return true;
	}
	return false;
}

void *__real_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset)
{
	return call_fails("mmap", ENOMEM, false) ? MAP_FAILED :
		__real_mmap(addr, size, prot, flags, fd, offset);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = va_arg(args, mode_t);
	va_end(args);
	return call_fails("open", EMFILE, false) ? -1 : __real_open(path, flags, mode);
}

FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode)
{
	return call_fails("fopen", EMFILE, false) ? NULL : __real_fopen(path, mode);
}

DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
DIR *__wrap_opendir(const char *path)
{
	return call_fails("opendir", EMFILE, false) ? NULL : __real_opendir(path);
}

int __real_fstat(int fd, struct stat *stat);
int __wrap_fstat(int fd, struct stat *stat);
int __wrap_fstat(int fd, struct stat *stat)
{
	return call_fails("fstat", EIO, false) ? -1 : __real_fstat(fd, stat);
}

ssize_t __real_read(int fd, void *data, size_t size);
ssize_t __wrap_read(int fd, void *data, size_t size);
ssize_t __wrap_read(int fd, void *data, size_t size)
{
	return call_fails("read", EIO, true) ? -1 : __real_read(fd, data, size);
}

ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size)
{
	/* One to an eventfd cannot fail: these have 8 bytes. */
	return size != 8 && call_fails("write", ENOSPC, true) ? -1 : __real_write(fd, data, size);
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
	va_list args;
	long argument;

	va_start(args, command);
	argument = va_arg(args, long);
	va_end(args);
	return call_fails("fcntl", EMFILE, false) ? -1 : __real_fcntl(fd, command, argument);
}

int __real_dup(int fd);
int __wrap_dup(int fd);
int __wrap_dup(int fd)
{
	return call_fails("dup", EMFILE, false) ? -1 : __real_dup(fd);
}

int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	return call_fails("poll", ENOMEM, true) ? -1 : __real_poll(fds, count, timeout);
}

int __real_eventfd(unsigned int value, int flags);
int __wrap_eventfd(unsigned int value, int flags);
int __wrap_eventfd(unsigned int value, int flags)
{
	return call_fails("eventfd", EMFILE, false) ? -1 : __real_eventfd(value, flags);
}

int __real_memfd_create(const char *name, unsigned int flags);
int __wrap_memfd_create(const char *name, unsigned int flags);
int __wrap_memfd_create(const char *name, unsigned int flags)
{
	return call_fails("memfd_create", EMFILE, false) ? -1 : __real_memfd_create(name, flags);
}

int __real_ftruncate(int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size)
{
	return call_fails("ftruncate", ENOSPC, true) ? -1 : __real_ftruncate(fd, size);
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*run)(void *), void *arg)
{
	return call_fails("pthread_create", EAGAIN, false) ? EAGAIN :
		__real_pthread_create(thread, attributes, run, arg);
}

/* libdrm's, too: a program's own function comes before the C library's. */
int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *argument;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	return call_fails("ioctl", ENOMEM, true) ? -1 :
		(int)syscall(SYS_ioctl, fd, request, argument);
}
