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
	__u32 tile_k;		/* how much of k is in scratchpad at a time, at most; see matmul.c if it is all of k */
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

/* How a workgroup goes about its tile: its size, and the depth of the blocks of A and B. */
struct egret_matmul_tile {
	__u32 m, n, k;
};

/*
 * The first block is shallower than the others, so that it is there soon; each after it is
 * up to twice as deep as the one before.
 */
static inline __u32 egret_matmul_first_depth(__u32 tile_k)
{
	__u32 depth = tile_k / 4 & ~31u;

	return depth ? depth : tile_k < 32 ? tile_k : 32;
}

#define EGRET_MATMUL_FEW	16	/* rows up to which whole columns of B are worth trying */

/* Scratchpad for two blocks each of A and B, and C. The rest is the stack's, and alignment. */
#define EGRET_MATMUL_SCRATCH	((1u << 20) - (20u << 10))

/* Have a tile's sums room, beside all of k of its rows of A and of so many columns of B? */
static inline int egret_matmul_fits(__u32 rows, __u32 cols, __u32 columns, __u32 k,
				    unsigned int element)
{
	return (__u64)rows * cols * 4 + ((__u64)rows + columns) * k * element <=
	       EGRET_MATMUL_SCRATCH;
}

/*
 * Columns of B in a block that has all of k, where B is stored by columns and takes turns
 * in two buffers: 128 KiB, but so many that the array is through with a vector by them before
 * the next ones are there (85 bytes a cycle). The first block is smaller: it is there soon.
 */
#define EGRET_MATMUL_FIRST_COLUMNS	32

static inline __u32 egret_matmul_block_columns(__u32 k, unsigned int element)
{
	__u64 columns = (128u << 10) / ((__u64)k * element) & ~(__u64)31;

	return columns > 96 ? (__u32)columns : 96;
}

/* Cycles to load `runs` pieces of so many bytes: 85 bytes a cycle, in units of 64. */
static inline __u64 egret_matmul_load_cost(__u64 runs, __u32 bytes)
{
	/* longer pieces are kinder to memory */
	return runs * ((bytes + 63) & ~63u) / 85 + runs / 8;
}

/* Cycles of the array for one k: 1024 bytes or 256 floats; few rows share it among columns. */
static inline __u64 egret_matmul_array_cost(__u32 tile_m, __u32 tile_n, unsigned int element)
{
	__u32 columns = 32, share;
	__u64 array, operand;

	for (share = 16; share && share >= tile_m; share /= 2)
		columns = 1024 / share;
	array = (__u64)egret_matmul_div_up(tile_m, 32) * egret_matmul_div_up(tile_n, columns) *
		element;
	operand = egret_matmul_div_up(tile_n, 32) * element / 8;
	return array > operand ? array : operand;
}

/*
 * What a tile costs a cluster: the products or the loads, whichever takes longer, and the ends.
 * Of ways that take it about the same time, one that loads less is better: it leaves memory to
 * others. Hence an eighth of the loads counts anyway.
 */
static inline __u64 egret_matmul_tile_cost(const struct egret_matmul_args *args,
					   const struct egret_matmul_tile *tile,
					   unsigned int element)
{
	__u32 blocks = egret_matmul_div_up(args->k, tile->k) + 1;
	int a_by_k = args->flags & EGRET_MATMUL_ARGS_A_TRANS;
	int b_by_k = !(args->flags & EGRET_MATMUL_ARGS_B_TRANS);
	__u64 loads = egret_matmul_load_cost(a_by_k ? args->k : (__u64)blocks * tile->m,
					     (a_by_k ? tile->m : tile->k) * element) +
		      egret_matmul_load_cost(b_by_k ? args->k : (__u64)blocks * tile->n,
					     (b_by_k ? tile->n : tile->k) * element);
	__u64 products = egret_matmul_array_cost(tile->m, tile->n, element) * args->k +
			 (__u64)blocks * 96;
	__u64 ends = loads * egret_matmul_first_depth(tile->k) / args->k +
		     egret_matmul_load_cost(tile->m, tile->n * 4) + 300;

	return 300 + blocks * 80 + ends + loads / 8 + (products > loads ? products : loads);
}

/* The depth of a tile's blocks, as deep as there is room for. Returns false if there is none. */
static inline int egret_matmul_choose_depth(const struct egret_matmul_args *args,
					    struct egret_matmul_tile *tile, unsigned int element)
{
	__u64 sums = (__u64)tile->m * tile->n * 4;
	__u32 depth = 0;

	if (sums < EGRET_MATMUL_SCRATCH)
		depth = (__u32)((EGRET_MATMUL_SCRATCH - sums) / (2 * (tile->m + tile->n) * element));
	depth = depth > 512 ? 512 : depth & ~31u;
	tile->k = depth < args->k ? depth : args->k;
	return depth != 0;
}

/* What a tile costs whose columns of B take turns, as egret_matmul_tile_cost() has it. */
static inline __u64 egret_matmul_columns_cost(const struct egret_matmul_args *args,
					      const struct egret_matmul_tile *tile,
					      unsigned int element)
{
	__u32 columns = egret_matmul_block_columns(args->k, element);
	__u32 blocks = egret_matmul_div_up(tile->n, columns) + 1;
	__u64 loads = egret_matmul_load_cost((__u64)tile->m + tile->n + columns, args->k * element);
	__u64 product = egret_matmul_array_cost(tile->m, columns, element) * args->k + 96;
	__u64 products = blocks * product;
	__u64 ends = egret_matmul_load_cost(EGRET_MATMUL_FIRST_COLUMNS, args->k * element) + product +
		     egret_matmul_load_cost(tile->m, tile->n * 4) + 300;

	return 300 + blocks * 80 + ends + loads / 8 + (products > loads ? products : loads);
}

/*
 * For few rows by a B that is stored by columns: a tile for each cluster, with all of k, if
 * that costs less than *best. Returns whether it was chosen.
 */
static inline int egret_matmul_plan_columns(struct egret_matmul_args *args, __u32 batch,
					    unsigned int element, unsigned int clusters,
					    __u64 *best)
{
	struct egret_matmul_tile tile = { .m = args->m, .n = 0, .k = args->k };
	__u32 columns = egret_matmul_block_columns(args->k, element);
	__u64 groups, cost;

	if (!(args->flags & EGRET_MATMUL_ARGS_B_TRANS) || args->m > EGRET_MATMUL_FEW)
		return 0;
	tile.n = egret_matmul_cut(args->n, egret_matmul_div_up(clusters, batch), 65536 / args->m & ~31u);
	if (egret_matmul_fits(tile.m, tile.n, tile.n, args->k, element) ||
	    !egret_matmul_fits(tile.m, tile.n, 2 * columns, args->k, element))
		return 0;
	groups = (__u64)egret_matmul_div_up(args->n, tile.n) * batch;
	cost = (groups + clusters - 1) / clusters * egret_matmul_columns_cost(args, &tile, element);
	if (cost >= *best)
		return 0;
	*best = cost;
	args->tile_m = tile.m;
	args->tile_n = tile.n;
	args->tile_k = tile.k;
	return 1;
}

/**
 * egret_matmul_plan() - choose the tile sizes and the grid
 * @args: m, n, k and flags are read; tile_m, tile_n and tile_k are set
 * @batch: number of products
 * @element: bytes of an element of A and B: 1 or 4
 * @clusters: of the card
 * @grid: set to the workgroups in x, y, z
 *
 * Large tiles use every byte that is loaded more often; but every cluster should have as
 * much to do as the others. Of the ways to cut rows and columns the cheapest is taken: tiles
 * of up to 64 Ki sums of any proportions, and up to three more cuts each way than these need.
 */
static inline void egret_matmul_plan(struct egret_matmul_args *args, __u32 batch,
				     unsigned int element, unsigned int clusters,
				     __u32 grid[3])
{
	__u64 best = ~(__u64)0;
	__u32 limit, i;

	grid[0] = 0;
	grid[1] = 0;
	grid[2] = batch;
	for (limit = 2048; limit >= 32; limit /= 2) {
		const __u32 limit_n = 65536 / limit;

		for (i = 0; i < 16; i++) {
			struct egret_matmul_tile tile = {
				.m = egret_matmul_cut(args->m, egret_matmul_div_up(args->m, limit) +
						      i / 4, limit),
				.n = egret_matmul_cut(args->n, egret_matmul_div_up(args->n, limit_n) +
						      i % 4, limit_n),
				.k = 0,
			};
			__u32 rows = egret_matmul_div_up(args->m, tile.m);
			__u32 cols = egret_matmul_div_up(args->n, tile.n);
			__u64 groups = (__u64)rows * cols * batch, cost;

			if (!egret_matmul_choose_depth(args, &tile, element))
				continue;
			cost = (groups + clusters - 1) / clusters *
			       egret_matmul_tile_cost(args, &tile, element);
			if (cost >= best)
				continue;
			best = cost;
			args->tile_m = tile.m;
			args->tile_n = tile.n;
			args->tile_k = tile.k;
			grid[0] = cols;
			grid[1] = rows;
		}
	}
	if (egret_matmul_plan_columns(args, batch, element, clusters, &best)) {
		grid[0] = egret_matmul_div_up(args->n, args->tile_n);
		grid[1] = 1;
	}
}

#endif /* EGRET_KERNELS_MATMUL_H */
