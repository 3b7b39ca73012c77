/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* Arguments of the kernels in dma.c. */
#ifndef DMA_H
#define DMA_H

#include <egret/types.h>

struct pad_args {
	__u64 in;		/* height x width floats */
	__u64 out;		/* (height + 2 * border) x (width + 2 * border) */
	__u32 height, width;
	__u32 border;
	float fill;
};

struct transpose_args {
	__u64 in;		/* rows x cols floats */
	__u64 out;		/* cols x rows */
	__u32 rows, cols;
};

struct gather_args {
	__u64 table;		/* table_rows x width floats */
	__u64 numbers;		/* count row numbers, signed */
	__u64 out;		/* count x width */
	__u32 table_rows, width;
	__u32 count, reserved;
};

#endif /* DMA_H */
