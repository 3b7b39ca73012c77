/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* Arguments of the kernels in first.c and stream.c, for the host and for the kernels. */
#ifndef FIRST_H
#define FIRST_H

#include <egret/types.h>

struct scale_args {
	__u64 in;		/* device address of floats */
	__u64 out;
	__u32 count;		/* of them all */
	__u32 per_group;	/* what a workgroup does */
	__u32 chunk;		/* stream.c: how much is in scratchpad at a time */
	float factor;
};

#endif /* FIRST_H */
