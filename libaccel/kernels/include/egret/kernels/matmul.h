/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * Arguments of the kernels in matmul.egm, for the host and for the kernels.
 *
 *   matmul_f32   A, B and C of 32-bit floats: one fused multiply-add for each k,
 *                in ascending k
 *   matmul_s8    A and B of signed bytes, C of 32-bit integers
 *
 * For each batch, C = A x B, or with EGRET_MATMUL_ADD_C, C = C + A x B. The grid
 * is that of egret_matmul_plan(). Nothing is required of sizes or leading dimensions
 * but that matrices do not overlap C.
 */
#ifndef EGRET_KERNELS_MATMUL_H
#define EGRET_KERNELS_MATMUL_H

#include <egret/types.h>

struct egret_matmul_args {
	__u64 a;		/* device address of an m x k matrix, row by row */
	__u64 b;		/* of a k x n matrix */
	__u64 c;		/* of an m x n matrix */
	__u32 m;
	__u32 n;
	__u32 k;
	__u32 flags;		/* EGRET_MATMUL_ARGS_* */
	__u32 lda;		/* elements between stored rows of A; times the element's size, below 2^31 */
	__u32 ldb;
	__u32 ldc;
	__u32 tile_m;		/* rows of C that a workgroup computes */
	__u32 tile_n;		/* columns of C that a workgroup computes */
	__u32 tile_k;		/* how much of k is in scratchpad at a time */
	__u64 batch_a;		/* elements between batches */
	__u64 batch_b;
	__u64 batch_c;
};

#define EGRET_MATMUL_ARGS_A_TRANS	0x1	/* A is stored as k rows of m */
#define EGRET_MATMUL_ARGS_B_TRANS	0x2	/* B is stored as n rows of k */
#define EGRET_MATMUL_ARGS_ADD_C		0x4	/* add to what C holds */
#define EGRET_MATMUL_ARGS_FLAGS		0x7

/* Codes with which the kernels abort. */
#define EGRET_MATMUL_ABORT_FLAGS	0x4d410001	/* unknown flag */
#define EGRET_MATMUL_ABORT_GRID		0x4d410002	/* a workgroup lies outside of C, or a tile size is zero */

static inline __u32 egret_matmul_div_up(__u32 a, __u32 b)
{
	return a / b + (a % b != 0);
}

/* The tile's extent when `size` is cut in `parts`: a multiple of the engine's 32. */
static inline __u32 egret_matmul_cut(__u32 size, __u32 parts, __u32 limit)
{
	__u32 tile = egret_matmul_div_up(size, parts);

	tile = (tile + 31) & ~31u;
	if (tile > limit)
		tile = limit;
	return tile < size ? tile : size;
}

/*
 * What a tile costs a cluster, in cycles of Egret-1: the products, 1024 of bytes or 256 of
 * floats in a cycle, or loading both operands, 85 bytes in a cycle; and what has to be done
 * once for any tile.
 */
static inline __u64 egret_matmul_tile_cost(__u32 tile_m, __u32 tile_n, __u32 k,
					   unsigned int element)
{
	__u64 products = (__u64)egret_matmul_div_up(tile_m, 32) *
			 egret_matmul_div_up(tile_n, 32) * k * element;
	__u64 loads = ((__u64)tile_m + tile_n) * k * element / 85;

	return 2000 + (products > loads ? products : loads);
}

/**
 * egret_matmul_plan() - choose the tile sizes and the grid
 * @args: m, n and k are read; tile_m, tile_n and tile_k are set
 * @batch: number of products
 * @element: bytes of an element of A and B: 1 or 4
 * @clusters: of the card
 * @grid: set to the workgroups in x, y, z
 *
 * Large tiles use every byte that is loaded more often; but every cluster should have as
 * much to do as the others. Of the ways to cut rows and columns the cheapest is taken.
 */
static inline void egret_matmul_plan(struct egret_matmul_args *args, __u32 batch,
				     unsigned int element, unsigned int clusters,
				     __u32 grid[3])
{
	/* Two buffers each for A and B, and C: 128 x 256 x 4 bytes x 4 + 64 KiB of
	 * floats, 256 x 512 x 4 + 256 KiB of bytes. */
	const __u32 limit = element == 1 ? 256 : 128, more = 7;
	const __u32 least_m = egret_matmul_div_up(args->m, limit);
	const __u32 least_n = egret_matmul_div_up(args->n, limit);
	__u64 best = ~(__u64)0;
	__u32 i, j;

	grid[0] = 0;
	grid[1] = 0;
	grid[2] = batch;
	for (i = 0; i <= more; i++) {
		for (j = 0; j <= more; j++) {
			__u32 tile_m = egret_matmul_cut(args->m, least_m + i, limit);
			__u32 tile_n = egret_matmul_cut(args->n, least_n + j, limit);
			__u32 rows = egret_matmul_div_up(args->m, tile_m);
			__u32 cols = egret_matmul_div_up(args->n, tile_n);
			__u64 groups = (__u64)rows * cols * batch;
			__u64 cost = (groups + clusters - 1) / clusters *
				     egret_matmul_tile_cost(tile_m, tile_n, args->k, element);

			if (cost >= best)
				continue;
			best = cost;
			args->tile_m = tile_m;
			args->tile_n = tile_n;
			grid[0] = cols;
			grid[1] = rows;
		}
	}
	args->tile_k = args->k < 2 * limit ? args->k : 2 * limit;
}

#endif /* EGRET_KERNELS_MATMUL_H */
