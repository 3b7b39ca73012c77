/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef ACCEL_RANGE_H
#define ACCEL_RANGE_H

#include <stddef.h>
#include <stdint.h>

/*
 * An allocator of number ranges: device addresses, or the simulator's device memory.
 *
 * It knows the free ranges only, in ascending order, neighbours always merged. Programs
 * have few holes compared to their buffers, so an array that is searched from the
 * beginning is enough, and first fit keeps what is in use together. Not locked: that is
 * the owner's.
 */
struct range {
	uint64_t start;
	uint64_t size;
};

struct ranges {
	struct range *free;
	size_t count;
	size_t room;
	size_t used;	/* ranges taken and not given back */
};

/* Return 0 or -ENOMEM. A size of zero makes an allocator that is always full. */
int accel_ranges_init(struct ranges *ranges, uint64_t start, uint64_t size);
void accel_ranges_fini(struct ranges *ranges);

/*
 * Take `size` numbers, not zero, that begin at a multiple of `align`, a power of two.
 * Return 0, -ENOSPC or -ENOMEM.
 */
int accel_ranges_take(struct ranges *ranges, uint64_t size, uint64_t align, uint64_t *start);

/*
 * Give back a range, as it was taken. Cannot fail: a place for the new hole was kept when
 * the range was taken.
 */
void accel_ranges_give(struct ranges *ranges, uint64_t start, uint64_t size);

/* How many numbers are free. */
uint64_t accel_ranges_free(const struct ranges *ranges);

#endif /* ACCEL_RANGE_H */
