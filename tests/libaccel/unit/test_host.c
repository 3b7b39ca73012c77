// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* What POSIX leaves to each system: with Linux's means, and in test_host_portable.c without. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <poll.h>
#include <sys/wait.h>

#include "libaccel/host.c"

static bool is_readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLIN);
}

static void assert_closes_on_exec(int fd)
{
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static void test_signal(void **state)
{
	int polled, raised, i;

	(void)state;
	assert_int_equal(accel_host_signal(&polled, &raised), 0);
	assert_closes_on_exec(polled);
	assert_closes_on_exec(raised);
	assert_false(is_readable(polled));
	/* Does not block. */
	accel_host_signal_clear(polled);
	for (i = 0; i < 2; i++) {
		accel_host_signal_raise(raised);
		assert_true(is_readable(polled));
		accel_host_signal_raise(raised);
		accel_host_signal_clear(polled);
		assert_false(is_readable(polled));
	}
	close(polled);
	close(raised);
}

/* However often it is raised, nobody waits, and once is enough to clear it. */
static void test_signal_many(void **state)
{
	int polled, raised, i;

	(void)state;
	assert_int_equal(accel_host_signal(&polled, &raised), 0);
	for (i = 0; i < 100000; i++)
		accel_host_signal_raise(raised);
	accel_host_signal_clear(polled);
	assert_false(is_readable(polled));
	close(polled);
	close(raised);
}

/* It stays readable without the other end, and raising it for nobody does no harm. */
static void test_signal_one_end(void **state)
{
	int polled, raised;

	(void)state;
	assert_int_equal(accel_host_signal(&polled, &raised), 0);
	accel_host_signal_raise(raised);
	close(raised);
	assert_true(is_readable(polled));
	close(polled);
	assert_int_equal(accel_host_signal(&polled, &raised), 0);
	close(polled);
	accel_host_signal_raise(raised);
	close(raised);
}

static void test_memory(void **state)
{
	const uint64_t bytes = 3 * 4096;
	uint64_t size = 0;
	volatile char *memory;
	int fd, status;
	pid_t child;

	(void)state;
	fd = accel_host_memory(bytes);
	assert_true(fd >= 0);
	assert_closes_on_exec(fd);
	assert_true(accel_host_is_memory(fd, &size));
	assert_int_equal(size, bytes);
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_int_equal(memory[bytes - 1], 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		volatile char *there = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		if (there != MAP_FAILED)
			there[bytes - 1] = 42;
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(memory[bytes - 1], 42);
#ifndef ACCEL_HOST_PORTABLE
	assert_int_equal(ftruncate(fd, 4096), -1);
#endif
	munmap((void *)memory, bytes);
	close(fd);
}

/* Two pieces of memory are two. */
static void test_memories(void **state)
{
	char *a, *b;
	int fd[2];

	(void)state;
	fd[0] = accel_host_memory(4096);
	fd[1] = accel_host_memory(4096);
	assert_true(fd[0] >= 0 && fd[1] >= 0);
	a = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd[0], 0);
	b = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd[1], 0);
	assert_ptr_not_equal(a, MAP_FAILED);
	assert_ptr_not_equal(b, MAP_FAILED);
	memset(a, 1, 4096);
	assert_int_equal(b[0], 0);
	munmap(a, 4096);
	munmap(b, 4096);
	close(fd[0]);
	close(fd[1]);
}

static void test_no_memory(void **state)
{
	uint64_t size;
	FILE *file;
	int ends[2];

	(void)state;
	assert_int_equal(accel_host_memory(UINT64_MAX / 2 + 1), -ENOMEM);
	assert_int_equal(pipe(ends), 0);
	assert_false(accel_host_is_memory(ends[0], &size));
	assert_false(accel_host_is_memory(-1, &size));
	/* Nor is memory of somebody else, which can be cut off. */
	file = tmpfile();
	assert_non_null(file);
	assert_int_equal(ftruncate(fileno(file), 64 << 10), 0);
	assert_false(accel_host_is_memory(fileno(file), &size));
	fclose(file);
	/* A file that others can reach. */
	close(ends[0]);
	ends[0] = open("/proc/self/exe", O_RDONLY);
	assert_false(accel_host_is_memory(ends[0], &size));
	assert_int_equal(accel_host_fence_status(ends[0]), 0);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_signal_many),
		cmocka_unit_test(test_signal_one_end),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_memories),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
