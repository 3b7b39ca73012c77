/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef TEST_FAILURES_H
#define TEST_FAILURES_H

/*
 * Lets calls that the library makes to the C library and the kernel fail, one at a time.
 *
 * The linker replaces the calls (--wrap) by ones that count, and fail when their turn has
 * come. Only calls of the thread that has armed them count: so the n-th call is the same
 * each time, whatever the simulator's threads do.
 */

#include <stdbool.h>

enum failure_kind {
	FAIL_ALLOCATION,	/* malloc(), calloc(), ..., each says that there is no memory */
	FAIL_SYSTEM_CALL,	/* open(), mmap(), ioctl(), pthread_create(), ... */
	FAIL_INTERRUPTED,	/* what a signal can interrupt, with EINTR */
};

/* Let the n-th call of a kind fail from now on, once; counted from 1. */
void failure_arm(enum failure_kind kind, unsigned int n);

/* No more failures. Returns whether the call has failed, and its name or NULL. */
bool failure_disarm(const char **name);

/* Count no calls between these two: for what the test itself does. */
void failure_pause(void);
void failure_resume(void);

#endif /* TEST_FAILURES_H */
