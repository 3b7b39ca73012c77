/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_PRODUCT_H
#define NN_PRODUCT_H

#include "lower.h"

/*
 * Products of float32 matrices that are parts of an operator: for each of b1 * b0 batches,
 * `to` (m rows of n) is a (m of k) times b (k of n). Strides are in bytes. Elements of a row of `a`
 * and of `to` are adjacent; so are those of one dimension of b.
 */
struct nn_addend {
	struct nn_ref ref;
	int64_t b1, b0, m, n;		/* strides */
};

struct nn_matrices {
	int64_t b1, b0, m, n, k;
	struct nn_ref a, b, to;
	int64_t a_b1, a_b0, a_m;
	int64_t b_b1, b_b0, b_k, b_n;
	int64_t to_b1, to_b0, to_m;
	/* What is added to the products, and an operation on the sums; 0, which is a copy: none. */
	struct nn_addend add[2];
	int adds;
	enum egret_map_op op;
	bool overlap;			/* beside the launch before */
};

/* Returns 0, 1 (it does not fit), or an error. */
int nn_launch_product(struct nn_lower *lower, const struct nn_matrices *matrices);

#endif /* NN_PRODUCT_H */
