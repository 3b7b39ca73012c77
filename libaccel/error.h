/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef ACCEL_ERROR_H
#define ACCEL_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#include <accel/accel.h>

/* libaccel-nn fills the same record: version LIBACCEL_PRIVATE in libaccel.map. */
#pragma GCC visibility push(default)

/*
 * Fill this thread's error record. `what` and `advice` are copied; `advice` may be NULL.
 * The rest says why, as printf() does. Returns `error`, for `return accel_fail(...)`.
 */
int accel_fail(int error, const char *what, const char *advice, const char *cause, ...)
	__attribute__((format(printf, 4, 5), cold));

/* The same for the usual reasons behind an errno that a backend returned. */
int accel_fail_errno(int error, const char *what);

/*
 * The same with a device fault. Its strings are copied, so that they outlive the kernel
 * that they are about.
 */
int accel_fail_fault(int error, const char *what, const struct accel_fault *fault);

/* Say better what failed, of the error just recorded. Returns `error`. */
int accel_fail_again(int error, const char *what);

/*
 * Structures of the API that begin with their size. copy_in() takes the caller's
 * options (NULL: all zero), and refuses bytes that this version does not know unless
 * they are zero. copy_out() gives the caller as much as it knows.
 */
int accel_copy_in(const char *what, void *ours, size_t our_size, const void *theirs);
int accel_copy_out(const char *what, void *theirs, const void *ours, size_t our_size);

#pragma GCC visibility pop

#endif /* ACCEL_ERROR_H */
