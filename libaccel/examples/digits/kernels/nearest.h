/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * Arguments of the kernels in nearest.egm, for the host and for the kernels. Matrices
 * are stored row by row without gaps.
 */
#ifndef NEAREST_H
#define NEAREST_H

#include <egret/types.h>

/* one_hot: out[i][c] = labels[i] == c ? 1 : 0, as floats */
struct one_hot_args {
	__u64 labels;		/* count 32-bit integers */
	__u64 out;		/* count x classes floats */
	__u32 count;
	__u32 classes;
	__u32 rows;		/* rows that a workgroup computes */
	__u32 reserved;
};

/* class_means: means[c] = sums[c] / how many rows of one_hot have a 1 at c */
struct class_means_args {
	__u64 sums;		/* classes x features floats */
	__u64 one_hot;		/* count x classes floats */
	__u64 means;		/* classes x features floats */
	__u32 count;
	__u32 classes;
	__u32 features;
	__u32 reserved;
};

/* quantise: out[i] = in[i] * factor, rounded to nearest even, saturated to 8 bits */
struct quantise_args {
	__u64 in;		/* count floats */
	__u64 out;		/* count signed bytes */
	__u32 count;
	float factor;
	__u32 per_group;	/* elements that a workgroup converts */
	__u32 reserved;
};

/*
 * nearest_f32, nearest_s8: squared distances of each point to each class mean, and the
 * number of the nearest mean; the first of equals
 */
struct nearest_args {
	__u64 points;		/* count x features, floats or signed bytes */
	__u64 means;		/* classes x features, likewise */
	__u64 distances;	/* count x classes, floats or 32-bit integers */
	__u64 nearest;		/* count 32-bit integers */
	__u32 count;
	__u32 classes;
	__u32 features;
	__u32 rows;		/* points that a workgroup looks at */
};

#endif /* NEAREST_H */
