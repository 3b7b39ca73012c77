/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * Arguments of the kernel in softmax.egm, for the host and for the kernel.
 *
 *   softmax_f32   out[r][c] = e^(in[r][c] - M) / sum over the row of e^(in[r][x] - M),
 *                 with M the largest element of row r
 *
 * Rows have any length up to 2^32 - 1. The grid is that of egret_softmax_plan().
 *
 * The result, to the bit. A row is cut in chunks of chunk_cols elements (the last one may
 * be shorter). RN() rounds to the nearest 32-bit float, exp() is the tile engine's
 * EGRET_MAP_EXP and sum() its EGRET_REDUCE_SUM. For the chunks j of a row, in ascending
 * order, with L the lowest finite float:
 *
 *   m[j] = max(largest of chunk j, j ? m[j - 1] : L)
 *   e[x] = exp(RN(in[x] - m[j])) for each element x of chunk j
 *   s = j ? RN(RN(s * exp(RN(m[j - 1] - m[j]))) + sum(e of chunk j)) : sum(e of chunk 0)
 *
 * and then, with n the last chunk and r = RN(1 / s),
 *
 *   out[x] = RN(e[x] * RN(exp(RN(m[j] - m[n])) * r))
 *
 * Elements of minus infinity give zero. A row that has nothing else, or that has an
 * element which is plus infinity or not a number, gives numbers that are not.
 */
#ifndef EGRET_KERNELS_SOFTMAX_H
#define EGRET_KERNELS_SOFTMAX_H

#include <egret/types.h>

struct egret_softmax_args {
	__u64 in;		/* device address of rows x cols floats, row by row */
	__u64 out;		/* likewise; may be the same as in, with the same pitch */
	__u64 in_pitch;		/* bytes between rows */
	__u64 out_pitch;
	__u32 rows;
	__u32 cols;
	__u32 group_rows;	/* rows that a workgroup does */
	__u32 block_rows;	/* rows in scratchpad at a time, if they fit whole */
	__u32 chunk_cols;	/* elements of a row in scratchpad at a time; cols or more: all */
	__u32 reserved;		/* zero */
};

#define EGRET_SOFTMAX_BUFFER		61440	/* elements in scratchpad at a time, at most */
#define EGRET_SOFTMAX_BLOCK_ROWS	16384	/* block_rows, at most */

/* Code with which the kernel aborts: sizes that are zero, too large, or not in the grid. */
#define EGRET_SOFTMAX_ABORT_ARGS	0x534d0001

/**
 * egret_softmax_plan() - choose the sizes of the parts, and the grid
 * @args: rows and cols are read; group_rows, block_rows and chunk_cols are set
 * @clusters: of the card
 * @grid: set to the workgroups in x, y, z
 *
 * Every cluster gets as many rows as the others. Its rows are done in about four blocks
 * if these are large enough: the first load and the last store overlap with nothing.
 */
static inline void egret_softmax_plan(struct egret_softmax_args *args, unsigned int clusters,
				      __u32 grid[3])
{
	const __u32 worthwhile = 8192;	/* elements of a block */
	__u32 rows = args->rows / clusters + (args->rows % clusters != 0);
	__u32 fit = EGRET_SOFTMAX_BUFFER / args->cols;
	__u32 block = rows / 4 + (rows % 4 != 0);

	if (block < worthwhile / args->cols)
		block = worthwhile / args->cols;
	if (block > fit)
		block = fit;
	if (block > EGRET_SOFTMAX_BLOCK_ROWS)
		block = EGRET_SOFTMAX_BLOCK_ROWS;
	if (block > rows)
		block = rows;
	args->group_rows = rows;
	args->block_rows = block ? block : 1;
	args->chunk_cols = args->cols < EGRET_SOFTMAX_BUFFER ? args->cols : EGRET_SOFTMAX_BUFFER;
	grid[0] = args->rows / rows + (args->rows % rows != 0);
	grid[1] = 1;
	grid[2] = 1;
}

#endif /* EGRET_KERNELS_SOFTMAX_H */
