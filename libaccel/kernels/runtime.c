// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The four functions that a freestanding compiler may call on its own. accel-cc
 * links them into every module that needs them.
 *
 * Eight bytes at a time where both sides are aligned: a hart moves small things
 * with this, such as descriptors; bulk data goes through the DMA unit.
 */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t size);
void *memmove(void *dst, const void *src, size_t size);
void *memset(void *dst, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);

/* A word that may alias objects of any type. */
typedef uint64_t __attribute__((may_alias)) word;

/* Without this attribute the compiler would recognise the loops below as what
 * they implement, and make them call themselves. */
#define NO_LOOP_IDIOMS __attribute__((optimize("no-tree-loop-distribute-patterns")))

static int aligned(const void *a, const void *b)
{
	return (((uintptr_t)a | (uintptr_t)b) & (sizeof(word) - 1)) == 0;
}

NO_LOOP_IDIOMS
void *memcpy(void *restrict dst, const void *restrict src, size_t size)
{
	unsigned char *d = dst;
	const unsigned char *s = src;

	if (aligned(d, s)) {
		for (; size >= sizeof(word); size -= sizeof(word)) {
			*(word *)d = *(const word *)s;
			d += sizeof(word);
			s += sizeof(word);
		}
	}
	while (size--)
		*d++ = *s++;
	return dst;
}

NO_LOOP_IDIOMS
void *memmove(void *dst, const void *src, size_t size)
{
	unsigned char *d = dst;
	const unsigned char *s = src;

	if ((uintptr_t)d - (uintptr_t)s >= size)
		return memcpy(dst, src, size);
	while (size--)
		d[size] = s[size];
	return dst;
}

NO_LOOP_IDIOMS
void *memset(void *dst, int value, size_t size)
{
	unsigned char *d = dst;
	word pattern = (unsigned char)value;

	/*
	 * Shifts, and nothing that tells the compiler that they are a multiplication: its
	 * constant would come from device memory, and cost more than all the rest.
	 */
	pattern |= pattern << 8;
	__asm__("" : "+r"(pattern));
	pattern |= pattern << 16;
	__asm__("" : "+r"(pattern));
	pattern |= pattern << 32;
	if (aligned(d, d)) {
		for (; size >= sizeof(word); size -= sizeof(word)) {
			*(word *)d = pattern;
			d += sizeof(word);
		}
	}
	while (size--)
		*d++ = (unsigned char)value;
	return dst;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const unsigned char *x = a, *y = b;

	for (; size; size--, x++, y++)
		if (*x != *y)
			return *x < *y ? -1 : 1;
	return 0;
}
