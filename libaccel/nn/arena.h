/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_ARENA_H
#define NN_ARENA_H

#include <stddef.h>

/*
 * Memory that is released all at once.
 *
 * A model is thousands of small objects that point at each other and live equally long.
 * They come from one arena, so that a model that turns out to be broken half way is
 * released by one call, whatever had been made of it.
 */
struct nn_arena {
	struct nn_block *blocks;
	size_t used;	/* of the first block */
};

/* Zeroed memory, fit for any type; NULL if there is none. */
void *nn_alloc(struct nn_arena *arena, size_t size);

/* The same for an array; NULL also if its size does not fit a size_t. */
void *nn_alloc_array(struct nn_arena *arena, size_t count, size_t size);

void *nn_copy(struct nn_arena *arena, const void *from, size_t size);
char *nn_format(struct nn_arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void nn_arena_release(struct nn_arena *arena);

#endif /* NN_ARENA_H */
