// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "range.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Make the array large enough for `count` holes. */
static int reserve(struct ranges *ranges, size_t count)
{
	struct range *array;
	size_t room;

	if (count <= ranges->room)
		return 0;
	room = ranges->room ? 2 * ranges->room : 16;
	if (room < count)
		room = count;
	array = realloc(ranges->free, room * sizeof(*array));
	if (!array)
		return -ENOMEM;
	ranges->free = array;
	ranges->room = room;
	return 0;
}

int accel_ranges_init(struct ranges *ranges, uint64_t start, uint64_t size)
{
	memset(ranges, 0, sizeof(*ranges));
	if (reserve(ranges, 16))
		return -ENOMEM;
	if (size)
		ranges->free[ranges->count++] = (struct range){ start, size };
	return 0;
}

void accel_ranges_fini(struct ranges *ranges)
{
	free(ranges->free);
	memset(ranges, 0, sizeof(*ranges));
}

static void insert(struct ranges *ranges, size_t i, uint64_t start, uint64_t size)
{
	memmove(&ranges->free[i + 1], &ranges->free[i],
		(ranges->count - i) * sizeof(*ranges->free));
	ranges->free[i] = (struct range){ start, size };
	ranges->count++;
}

static void erase(struct ranges *ranges, size_t i)
{
	memmove(&ranges->free[i], &ranges->free[i + 1],
		(ranges->count - i - 1) * sizeof(*ranges->free));
	ranges->count--;
}

int accel_ranges_take(struct ranges *ranges, uint64_t size, uint64_t align, uint64_t *start)
{
	size_t i;

	for (i = 0; i < ranges->count; i++) {
		struct range hole = ranges->free[i];
		uint64_t at = (hole.start + align - 1) & ~(align - 1);
		uint64_t before = at - hole.start;
		uint64_t after;

		if (at < hole.start || before > hole.size || hole.size - before < size)
			continue;
		after = hole.size - before - size;
		/* Each range in use may become a hole of its own one day: keep a place
		 * for each, so that giving back cannot fail. */
		if (reserve(ranges, ranges->count + ranges->used + 2))
			return -ENOMEM;
		if (before && after) {
			ranges->free[i].size = before;
			insert(ranges, i + 1, at + size, after);
		} else if (before) {
			ranges->free[i].size = before;
		} else if (after) {
			ranges->free[i] = (struct range){ at + size, after };
		} else {
			erase(ranges, i);
		}
		ranges->used++;
		*start = at;
		return 0;
	}
	return -ENOSPC;
}

void accel_ranges_give(struct ranges *ranges, uint64_t start, uint64_t size)
{
	size_t low = 0, high = ranges->count;
	struct range *left, *right;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (ranges->free[middle].start < start)
			low = middle + 1;
		else
			high = middle;
	}
	left = low > 0 ? &ranges->free[low - 1] : NULL;
	right = low < ranges->count ? &ranges->free[low] : NULL;
	if (left && left->start + left->size != start)
		left = NULL;
	if (right && start + size != right->start)
		right = NULL;
	if (left && right) {
		left->size += size + right->size;
		erase(ranges, low);
	} else if (left) {
		left->size += size;
	} else if (right) {
		right->start = start;
		right->size += size;
	} else {
		insert(ranges, low, start, size);
	}
	ranges->used--;
}

uint64_t accel_ranges_free(const struct ranges *ranges)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < ranges->count; i++)
		sum += ranges->free[i].size;
	return sum;
}
