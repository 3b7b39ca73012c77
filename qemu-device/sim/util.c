// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "sim.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fail(enum sim_exit status, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("egret-sim: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(status);
}

void *allocate(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size);

	if (!p)
		fail(SIM_HOST, "out of memory");
	return p;
}

/* Doubles whenever the count is a power of two, so that it needs no capacity. */
void *grow(void *array, size_t count, size_t size)
{
	size_t room = count ? 2 * count : 1;

	if (count & (count - 1))
		return array;
	array = reallocarray(array, room, size);
	if (!array)
		fail(SIM_HOST, "out of memory");
	return array;
}

#define CHUNK	65536

struct file file_read(const char *path)
{
	struct file file = { .data = NULL, .size = 0 };
	FILE *f = fopen(path, "rb");
	size_t room = 0, n;

	if (!f)
		fail(SIM_INPUT, "cannot open %s: %s", path, strerror(errno));
	do {
		if (room - file.size < CHUNK) {
			room = 2 * room + CHUNK;
			file.data = realloc(file.data, room);
			if (!file.data)
				fail(SIM_HOST, "out of memory reading %s", path);
		}
		n = fread(file.data + file.size, 1, room - file.size, f);
		file.size += n;
	} while (n);
	if (ferror(f))
		fail(SIM_INPUT, "cannot read %s: %s", path, strerror(errno));
	fclose(f);
	return file;
}

void file_write(const char *path, const void *data, size_t size)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "wb") : stdout;
	bool ok;

	if (!f)
		fail(SIM_INPUT, "cannot create %s: %s", path, strerror(errno));
	ok = fwrite(data, 1, size, f) == size;
	if (f == stdout)
		ok = !fflush(f) && ok;
	else
		ok = !fclose(f) && ok;
	if (!ok)
		fail(SIM_INPUT, "cannot write %s: %s", path, strerror(errno));
}
