// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The record of the last error, one for each thread.
 *
 * It is plain thread-local memory with room for the strings, so that telling of an
 * error cannot itself fail or leak, even when memory is what is missing.
 */
#include "internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fault.h"
#include "log.h"

static _Thread_local struct {
	struct accel_error error;
	struct accel_fault fault;
	char what[256];
	char cause[768];
	char advice[512];
	char message[1100];
	char kernel[64];
	char function[128];
	char nearby[256];
	char file[256];
} last;

static void copy_text(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text ? text : "");
}

static void log_error(int error, int level)
{
	/* It answers a question more often than it tells of a mistake. */
	if (error == -ETIMEDOUT)
		level = ACCEL_LOG_DEBUG;
	if (error && accel_logs(level))
		accel_log(level, "%s%s%s", last.message, last.advice[0] ? "; hint: " : "",
			  last.advice);
}

static int finish(int error, int level)
{
	snprintf(last.message, sizeof(last.message), "%s: %s", last.what, last.cause);
	last.error.error = error;
	last.error.message = last.message;
	last.error.what = last.what;
	last.error.cause = last.cause;
	last.error.advice = last.advice;
	last.error.fault = NULL;
	log_error(error, level);
	return error;
}

int accel_fail(int error, const char *what, const char *advice, const char *cause, ...)
{
	va_list args;

	va_start(args, cause);
	vsnprintf(last.cause, sizeof(last.cause), cause, args);
	va_end(args);
	copy_text(last.what, sizeof(last.what), what);
	copy_text(last.advice, sizeof(last.advice), advice);
	return finish(error, ACCEL_LOG_ERROR);
}

int accel_fail_again(int error, const char *what)
{
	const struct accel_fault *fault = last.error.fault;

	copy_text(last.what, sizeof(last.what), what);
	/* The error itself is in the log already. */
	finish(error, ACCEL_LOG_DEBUG);
	last.error.fault = fault;
	return error;
}

int accel_fail_errno(int error, const char *what)
{
	switch (error) {
	case -ENOMEM:
		return fail(error, what, NULL, "the host is out of memory");
	case -ENODEV:
		return fail(error, what,
			    "look at the kernel's log (dmesg), then open the card again",
			    "the card is gone, or broke down");
	case -ENOSPC:
		return fail(error, what,
			    "release buffers, contexts or streams that are not needed",
			    "the card has no room left for it");
	case -EACCES:
		return fail(error, what, NULL, "permission denied");
	case -EFAULT:
		return fail(error, what, "release buffers of accel_buffer_wrap() before their memory",
			    "memory that the card was given does not exist any more");
	default:
		return fail(error, what, NULL, "%s", strerror(-error));
	}
}

/* "hart of cluster 2, workgroup (0, 1, 0) of kernel matmul_f32" */
static int describe_place(char *text, size_t size, const struct accel_fault *fault)
{
	if (!fault->kernel[0])
		return snprintf(text, size, "%s %u", fault->unit, fault->unit_index);
	return snprintf(text, size, "%s of cluster %u, workgroup (%u, %u, %u) of kernel %s",
			fault->unit, fault->unit_index, fault->group[0], fault->group[1],
			fault->group[2], fault->kernel);
}

static void append(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void append(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, size - used, format, args);
	va_end(args);
}

/* " (multiply+0x18, matmul.c:42)" */
static void describe_code(char *text, size_t size, const struct accel_fault *fault)
{
	const char *slash = strrchr(fault->file, '/');

	if (!fault->function[0] && !fault->line)
		return;
	append(text, size, " (");
	if (fault->function[0])
		append(text, size, "%s+0x%llx%s", fault->function,
		       (unsigned long long)fault->function_offset, fault->line ? ", " : "");
	if (fault->line)
		append(text, size, "%s:%u", slash ? slash + 1 : fault->file, fault->line);
	append(text, size, ")");
}

int accel_fail_fault(int error, const char *what, const struct accel_fault *fault)
{
	copy_text(last.what, sizeof(last.what), what);
	copy_text(last.kernel, sizeof(last.kernel), fault->kernel);
	copy_text(last.function, sizeof(last.function), fault->function);
	copy_text(last.nearby, sizeof(last.nearby), fault->nearby);
	copy_text(last.file, sizeof(last.file), fault->file);
	last.fault = *fault;
	last.fault.kernel = last.kernel;
	last.fault.function = last.function;
	last.fault.nearby = last.nearby;
	last.fault.file = last.file;

	snprintf(last.cause, sizeof(last.cause), "the card stopped the stream with fault %s, ",
		 last.fault.name);
	append(last.cause, sizeof(last.cause), "%s", last.fault.description);
	append(last.cause, sizeof(last.cause), "; ");
	describe_place(last.cause + strlen(last.cause), sizeof(last.cause) - strlen(last.cause),
		       &last.fault);
	if (last.fault.access[0])
		append(last.cause, sizeof(last.cause), ", %s access", last.fault.access);
	append(last.cause, sizeof(last.cause), ", address 0x%llx, value 0x%x, pc 0x%llx",
	       (unsigned long long)last.fault.addr, last.fault.value,
	       (unsigned long long)last.fault.pc);
	describe_code(last.cause, sizeof(last.cause), &last.fault);
	if (last.nearby[0])
		append(last.cause, sizeof(last.cause), "; %s", last.nearby);
	snprintf(last.advice, sizeof(last.advice), "%s; make a new stream to go on",
		 accel_fault_advice(fault->code));
	finish(error, ACCEL_LOG_ERROR);
	last.error.fault = &last.fault;
	return error;
}

ACCEL_API
const struct accel_error *accel_last_error(void)
{
	if (!last.error.message) {
		finish(0, ACCEL_LOG_DEBUG);
		last.message[0] = '\0';
	}
	return &last.error;
}

/* Versions differ by fields at the end, so a size below the first field is a mistake. */
static int check_size(const char *what, size_t size)
{
	if (size < sizeof(size_t) || size > 4096)
		return fail(-EINVAL, what, "set the structure's size to its sizeof",
			    "the size field of the structure says %zu bytes", size);
	return 0;
}

int accel_copy_in(const char *what, void *ours, size_t our_size, const void *theirs)
{
	size_t size, i;
	int ret;

	memset(ours, 0, our_size);
	if (!theirs)
		return 0;
	memcpy(&size, theirs, sizeof(size));
	ret = check_size(what, size);
	if (ret)
		return ret;
	for (i = our_size; i < size; i++)
		if (((const unsigned char *)theirs)[i])
			return fail(-EINVAL, what, "use a newer libaccel",
				    "an option is set that this version (%s) does not know",
				    accel_version());
	memcpy(ours, theirs, size < our_size ? size : our_size);
	return 0;
}

int accel_copy_out(const char *what, void *theirs, const void *ours, size_t our_size)
{
	size_t size;
	int ret;

	if (!theirs)
		return fail(-EINVAL, what, NULL, "the pointer for the answer is NULL");
	memcpy(&size, theirs, sizeof(size));
	ret = check_size(what, size);
	if (ret)
		return ret;
	memset((char *)theirs + sizeof(size), 0, size - sizeof(size));
	if (size > sizeof(size))
		memcpy((char *)theirs + sizeof(size), (const char *)ours + sizeof(size),
		       (size < our_size ? size : our_size) - sizeof(size));
	return 0;
}
