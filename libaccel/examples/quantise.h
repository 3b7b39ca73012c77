/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* What the kernel quantise takes. Host and kernel include this: one structure, one meaning. */
#ifndef EXAMPLES_QUANTISE_H
#define EXAMPLES_QUANTISE_H

#include <egret/types.h>

#define QUANTISE_ROWS		16	/* rows that a workgroup does */
#define QUANTISE_COLUMNS_MAX	4096	/* so many, of so many rows, fit into scratchpad */

#define QUANTISE_ABORT_COLUMNS	1	/* code of the fault: rows are too long */

/* Addresses are 64 bits wide and come first: so the layout is the same on both sides. */
struct quantise_args {
	__u64 in;		/* rows x columns floats */
	__u64 out;		/* as many signed bytes */
	__u64 scales;		/* a float for each row */
	__u32 rows, columns;
};

#endif /* EXAMPLES_QUANTISE_H */
