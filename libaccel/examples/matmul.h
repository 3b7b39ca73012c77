/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* What the kernel matmul takes: C = A x B. Host and kernel include this. */
#ifndef EXAMPLES_MATMUL_H
#define EXAMPLES_MATMUL_H

#include <egret/types.h>

/* Size of the square of C that a workgroup computes, and of the blocks on the way to it. */
#define TILE	128
#define DEPTH	64

struct matmul_args {
	__u64 a;		/* m x k bytes, row by row */
	__u64 b;		/* k x n bytes, row by row */
	__u64 c;		/* m x n 32-bit integers */
	__u32 m, n, k;		/* m and n multiples of TILE, k of DEPTH */
	__u32 reserved;
};

#endif /* EXAMPLES_MATMUL_H */
