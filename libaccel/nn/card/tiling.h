/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_TILING_H
#define NN_TILING_H

/* Arithmetic of cutting sizes into tiles, for those who choose them. */

#include <stdint.h>

static inline uint64_t nn_div_up(uint64_t a, uint64_t b)
{
	return (a + b - 1) / b;
}

/* Bytes of scratchpad that something takes. */
static inline uint64_t nn_aligned(uint64_t bytes)
{
	return (bytes + 63) & ~(uint64_t)63;
}

/* Cut a size in so many parts, of a multiple of `unit`. */
static inline uint32_t nn_cut(uint64_t size, uint32_t parts, uint32_t unit)
{
	uint64_t part = nn_div_up(nn_div_up(size, parts), unit) * unit;

	return (uint32_t)(part < size ? part : size);
}

#endif /* NN_TILING_H */
