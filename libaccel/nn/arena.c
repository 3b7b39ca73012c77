// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE	((size_t)64 << 10)
#define ALIGNMENT	_Alignof(max_align_t)

struct nn_block {
	struct nn_block *next;
	size_t size;
	_Alignas(max_align_t) char memory[];
};

static struct nn_block *block_new(size_t size)
{
	struct nn_block *block;

	if (size > (size_t)-1 - sizeof(*block))
		return NULL;
	block = calloc(1, sizeof(*block) + size);
	if (block)
		block->size = size;
	return block;
}

/* Large objects get blocks of their own, behind the one that is being filled. */
static void *alloc_large(struct nn_arena *arena, size_t size)
{
	struct nn_block *block = block_new(size);

	if (!block)
		return NULL;
	if (arena->blocks) {
		block->next = arena->blocks->next;
		arena->blocks->next = block;
	} else {
		arena->blocks = block;
		arena->used = size;
	}
	return block->memory;
}

void *nn_alloc(struct nn_arena *arena, size_t size)
{
	struct nn_block *block;
	void *memory;

	if (size > (size_t)-1 - ALIGNMENT)
		return NULL;
	/* Also for nothing there is an address, since NULL means failure. */
	size = size ? (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;
	if (size > BLOCK_SIZE / 4)
		return alloc_large(arena, size);
	if (!arena->blocks || arena->blocks->size - arena->used < size) {
		block = block_new(BLOCK_SIZE);
		if (!block)
			return NULL;
		block->next = arena->blocks;
		arena->blocks = block;
		arena->used = 0;
	}
	memory = arena->blocks->memory + arena->used;
	arena->used += size;
	return memory;
}

void *nn_alloc_array(struct nn_arena *arena, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		return NULL;
	return nn_alloc(arena, bytes);
}

void *nn_copy(struct nn_arena *arena, const void *from, size_t size)
{
	void *to = nn_alloc(arena, size);

	if (to && size)
		memcpy(to, from, size);
	return to;
}

char *nn_format(struct nn_arena *arena, const char *format, ...)
{
	va_list args;
	char *text;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text = length < 0 ? NULL : nn_alloc(arena, (size_t)length + 1);
	if (!text)
		return NULL;
	va_start(args, format);
	vsnprintf(text, (size_t)length + 1, format, args);
	va_end(args);
	return text;
}

void nn_arena_release(struct nn_arena *arena)
{
	struct nn_block *block = arena->blocks, *next;

	for (; block; block = next) {
		next = block->next;
		free(block);
	}
	arena->blocks = NULL;
	arena->used = 0;
}
