/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_PRODUCT_H
#define NN_PRODUCT_H

#include "operand.h"

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

/* ---- For operators that are products (lower_product.c) ---- */

/* Dimensions of their index space. */
enum {
	NN_PRODUCT_B1, NN_PRODUCT_B0, NN_PRODUCT_M, NN_PRODUCT_Y, NN_PRODUCT_X, NN_PRODUCT_SPACE
};

struct nn_product {
	struct egret_nn_product_args args;	/* but for its program, tiles and places */
	struct nn_operand of_a, of_b;
	struct nn_ref a, b, scale, bias;
	struct nn_ref a_zero, b_zero, out_zero;	/* zero points that are computed; or storage 0 */
	int64_t a_offset, a_size, b_size, out_size;	/* bytes of an element */
	/* B is in blocks, with scales; b_size is what it counts as, that of A. */
	int64_t b_bits;
	struct nn_ref b_scale;
	bool has_scale, has_bias;
};

/* What inputs `a` and `b` are. Of constants in integers, channels have scales. */
int nn_product_read(struct nn_lower *lower, const struct nn_node *node, size_t a, size_t b,
		    const struct nn_channels *channels_a, const struct nn_channels *channels_b,
		    struct nn_product *p);
void nn_product_release(struct nn_product *p);

/* Columns of B, or rows of a convolution's weights, as channels. */
struct nn_channels nn_product_columns(const struct nn_shape *b, int64_t n);
struct nn_channels nn_product_rows(const struct nn_shape *weights);

/* Begin a group that is a product of matrices; and place these. */
int nn_product_matmul(struct nn_lower *lower, const struct nn_node *node, struct nn_group *group,
		      struct nn_product *p);
int nn_product_place_matrices(struct nn_lower *lower, struct nn_product *p);

/* Begin a group that is a convolution, whose weights are A, and place the operands. */
int nn_product_conv(struct nn_lower *lower, const struct nn_node *node, const struct nn_value *bias,
		    struct nn_group *group, struct nn_product *p);

/*
 * Everything is described but the result: take along what follows, store and launch. As
 * nn_making.
 */
int nn_product_finish(struct nn_group *group, const struct nn_node *node, size_t position,
		      struct nn_product *p, bool grow);

/* Launch, with what is done to sums described already. */
int nn_product_launch(struct nn_group *group, struct nn_product *p, bool overlap);

#endif /* NN_PRODUCT_H */
