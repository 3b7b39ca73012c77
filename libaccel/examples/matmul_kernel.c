// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * C = A x B with double buffering: while the matrix engine multiplies one pair of blocks, the
 * DMA unit loads the next into the other half of scratchpad.
 *
 *	load 0 | load 1     | load 2     | ...
 *	       | multiply 0 | multiply 1 | multiply 2 ...
 *
 * libaccel/kernels/matmul.c does the same for any shape. Compile with: accel-cc matmul_kernel.c
 */
#include <egret/kernel.h>

#include "matmul.h"

/* Tags: one for each half, so that waiting for one does not wait for the other. */
#define LOADED(half)		(0 + (half))
#define MULTIPLIED(half)	(2 + (half))

struct halves {
	int8_t *a[2];		/* TILE x DEPTH */
	int8_t *b[2];		/* DEPTH x TILE */
};

/* Start loading block `i` along k into its half. */
static void load(const struct matmul_args *args, const struct halves *halves, uint32_t i,
		 uint32_t row, uint32_t column)
{
	uint64_t a = args->a + (uint64_t)row * args->k + i * DEPTH;
	uint64_t b = args->b + (uint64_t)i * DEPTH * args->n + column;

	egret_load_block(halves->a[i % 2], a, 1, DEPTH, TILE, DEPTH, args->k, LOADED(i % 2));
	egret_load_block(halves->b[i % 2], b, 1, TILE, DEPTH, TILE, args->n, LOADED(i % 2));
}

EGRET_KERNEL(matmul, struct matmul_args)
{
	struct egret_scratch scratch = EGRET_SCRATCH;
	uint32_t row = group_y * TILE, column = group_x * TILE, blocks = args->k / DEPTH;
	int32_t *sums = egret_take(&scratch, TILE * TILE * sizeof(*sums));
	EGRET_DESC(egret_matmul_desc, product);
	struct halves halves;

	for (int half = 0; half < 2; half++) {
		halves.a[half] = egret_take(&scratch, TILE * DEPTH);
		halves.b[half] = egret_take(&scratch, DEPTH * TILE);
	}
	egret_matmul_desc(&product, NULL, NULL, sums, TILE, TILE, DEPTH, EGRET_TYPE_S8,
			  EGRET_TYPE_S32);
	load(args, &halves, 0, row, column);
	for (uint32_t i = 0; i < blocks; i++) {
		if (i + 1 < blocks) {
			/* The half is free when the product before this one is done. */
			egret_wait(1u << MULTIPLIED((i + 1) % 2));
			load(args, &halves, i + 1, row, column);
		}
		egret_wait(1u << LOADED(i % 2));
		product.a = egret_local(halves.a[i % 2]);
		product.b = egret_local(halves.b[i % 2]);
		egret_matmul(&product, MULTIPLIED(i % 2));
		/* All but the first add to what is there. */
		product.flags = EGRET_MATMUL_ACC;
		product.acc = product.out;
		product.acc_pitch = product.out_pitch;
	}
	egret_wait(EGRET_WAIT_ALL);
	egret_store_block(sums, args->c + ((uint64_t)row * args->n + column) * sizeof(*sums),
			  sizeof(*sums), TILE, TILE, TILE * sizeof(*sums),
			  args->n * sizeof(*sums), 0);
}
