/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* Arguments of the kernels in tile.c and hazard.c. */
#ifndef TILE_H
#define TILE_H

#include <egret/types.h>

struct dense_args {
	__u64 x;		/* m x k signed bytes */
	__u64 weights;		/* n x k signed bytes: stored by output */
	__u64 scale;		/* n floats */
	__u64 bias;		/* n floats */
	__u64 out;		/* m x n signed bytes */
	__u32 m, n, k;
	__u32 reserved;
};

struct branch_args {
	__u64 x;		/* m x k floats */
	__u64 weights;		/* k x n floats */
	__u64 scale;		/* n floats */
	__u64 shift;		/* n floats */
	__u64 other;		/* m x n floats: the other branch */
	__u64 out;		/* m x n floats */
	__u32 m, n, k;
	__u32 reserved;
};

struct norm_args {
	__u64 x;		/* rows x cols of bfloat16 */
	__u64 weight;		/* cols floats */
	__u64 out;		/* rows x cols of bfloat16 */
	__u32 rows, cols;
	float epsilon;
	__u32 reserved;
};

struct sum_args {
	__u64 in;		/* count floats */
	__u64 out;		/* their sum */
	__u32 count, reserved;
};

#endif /* TILE_H */
