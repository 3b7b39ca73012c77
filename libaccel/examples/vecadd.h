/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* What the kernel vecadd takes: c[i] = a[i] + b[i]. Host and kernel include this. */
#ifndef EXAMPLES_VECADD_H
#define EXAMPLES_VECADD_H

#include <egret/types.h>

#define VECADD_GROUP	8192	/* floats that a workgroup adds */

struct vecadd_args {
	__u64 a, b, c;		/* device addresses */
	__u32 count;		/* of floats in each */
	__u32 reserved;
};

/* Enough workgroups in x for so many floats. */
#define VECADD_GROUPS(count)	(((count) + VECADD_GROUP - 1) / VECADD_GROUP)

#endif /* EXAMPLES_VECADD_H */
