// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
#include "memory.h"

void *memset(void *to, int value, size_t size)
{
	unsigned char *p = to;

	while (size--)
		*p++ = (unsigned char)value;
	return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	unsigned char *p = to;
	const unsigned char *q = from;

	while (size--)
		*p++ = *q++;
	return to;
}
