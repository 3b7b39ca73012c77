// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The log: the only state of the library that belongs to no object.
 *
 * A read-write lock lets threads log beside each other, and accel_set_log() wait until
 * nobody is in the former function. The level is looked at before, without the lock, so
 * that a log that is off costs nothing.
 */
#include "log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static const char *const names[] = { "error", "warning", "info", "debug" };

atomic_int accel_log_limit = -1;

static struct {
	pthread_rwlock_t lock;		/* protects the rest */
	accel_log_function function;	/* or NULL */
	void *opaque;
} target = { .lock = PTHREAD_RWLOCK_INITIALIZER };

static void read_environment(void)
{
	const char *level = getenv("ACCEL_LOG");
	size_t i;

	for (i = 0; level && i < ARRAY_SIZE(names); i++)
		if (!strcmp(level, names[i]))
			atomic_store(&accel_log_limit, i);
}

bool accel_logs(int level)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, read_environment);
	return level <= atomic_load_explicit(&accel_log_limit, memory_order_relaxed);
}

void accel_log(int level, const char *format, ...)
{
	char text[1200];
	va_list args;

	if (!accel_logs(level))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	pthread_rwlock_rdlock(&target.lock);
	if (target.function)
		target.function(target.opaque, level, text);
	else
		fprintf(stderr, "libaccel: %s: %s\n", names[level], text);
	pthread_rwlock_unlock(&target.lock);
}

ACCEL_API
int accel_set_log(accel_log_function function, void *opaque, int level)
{
	if (level < -1 || level > ACCEL_LOG_DEBUG)
		return fail(-EINVAL, "cannot set the log", NULL, "unknown level, %d", level);
	/* What the environment says comes before, and counts no more. */
	accel_logs(ACCEL_LOG_ERROR);
	pthread_rwlock_wrlock(&target.lock);
	target.function = function;
	target.opaque = opaque;
	atomic_store(&accel_log_limit, level);
	pthread_rwlock_unlock(&target.lock);
	return 0;
}
