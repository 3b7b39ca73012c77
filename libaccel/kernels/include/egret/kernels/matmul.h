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

/**
 * egret_matmul_plan() - choose the tile sizes and the grid
 * @args: m, n and k are read; tile_m, tile_n and tile_k are set
 * @batch: number of products
 * @element: bytes of an element of A and B: 1 or 4
 * @clusters: of the card
 * @grid: set to the workgroups in x, y, z
 *
 * A tile is as large as scratchpad permits, since every byte loaded is then used most
 * often, but small enough that every cluster has work.
 */
static inline void egret_matmul_plan(struct egret_matmul_args *args, __u32 batch,
				     unsigned int element, unsigned int clusters,
				     __u32 grid[3])
{
	/* Two buffers each for A and B, and C: 128 x 256 x 4 bytes x 4 + 64 KiB of
	 * floats, 256 x 512 x 4 + 256 KiB of bytes. */
	__u32 limit = element == 1 ? 256 : 128;
	__u32 tile_m = args->m < limit ? args->m : limit;
	__u32 tile_n = args->n < limit ? args->n : limit;

	for (;;) {
		grid[0] = args->n / tile_n + (args->n % tile_n != 0);
		grid[1] = args->m / tile_m + (args->m % tile_m != 0);
		grid[2] = batch;
		if ((__u64)grid[0] * grid[1] * grid[2] >= clusters ||
		    (tile_m <= 32 && tile_n <= 32))
			break;
		if (tile_m >= tile_n)
			tile_m = (tile_m + 1) / 2;
		else
			tile_n = (tile_n + 1) / 2;
	}
	args->tile_m = tile_m;
	args->tile_n = tile_n;
	args->tile_k = args->k < 2 * limit ? args->k : 2 * limit;
}

#endif /* EGRET_KERNELS_MATMUL_H */
