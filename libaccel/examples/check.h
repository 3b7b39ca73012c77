/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* What the examples do about an error: say all that the library knows about it, and end. */
#ifndef EXAMPLES_CHECK_H
#define EXAMPLES_CHECK_H

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include <accel/accel.h>

/* Takes and gives back what a function of the library returned: negative is an error. */
static inline int check(int ret)
{
	const struct accel_error *error = accel_last_error();

	if (ret >= 0)
		return ret;
	fprintf(stderr, "%s\n", error->message);
	if (error->advice[0])
		fprintf(stderr, "hint: %s\n", error->advice);
	exit(1);
}

/* Takes and gives back what malloc() and the like returned. */
static inline void *check_memory(void *memory)
{
	if (!memory)
		errx(1, "out of memory");
	return memory;
}

#endif /* EXAMPLES_CHECK_H */
