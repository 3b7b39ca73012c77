// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Matrix multiplication of any shape. Arguments: egret/kernels/matmul.h.
 *
 * A workgroup computes one tile of C. It walks along k in blocks: while the tile
 * engine multiplies one block of A and B, the DMA unit loads the next. The
 * accumulators stay in scratchpad from block to block, and since every block
 * continues the sums of the one before, the result does not depend on the block
 * size: the additions are in ascending k whatever it is.
 *
 * Ragged edges need no care: the last tiles and blocks are simply smaller.
 */
#include <egret/kernel.h>
#include <egret/kernels/matmul.h>

/* Tags. Those of a pair of buffers are followed by the other buffer's. */
#define TAG_LOAD	0
#define TAG_MULTIPLY	2
#define TAG_C		4

struct buffers {
	uint8_t *a[2];
	uint8_t *b[2];
};

/* What a workgroup computes. */
struct tile {
	uint32_t row, col;	/* of C */
	uint32_t rows, cols;
};

/* Start loading the block of A and B that begins at @k into buffer @i. */
static void load_block(const struct egret_matmul_args *args, const struct tile *tile,
		       const struct buffers *buffers, unsigned int i, uint64_t a,
		       uint64_t b, uint32_t k, uint32_t depth, unsigned int element)
{
	uint32_t a_pitch = args->lda * element, b_pitch = args->ldb * element;

	if (args->flags & EGRET_MATMUL_ARGS_A_TRANS)
		egret_load_block(buffers->a[i],
				 a + (uint64_t)k * a_pitch + (uint64_t)tile->row * element,
				 element, tile->rows, depth, tile->rows * element, a_pitch,
				 TAG_LOAD + i);
	else
		egret_load_block(buffers->a[i],
				 a + (uint64_t)tile->row * a_pitch + (uint64_t)k * element,
				 element, depth, tile->rows, depth * element, a_pitch,
				 TAG_LOAD + i);
	if (args->flags & EGRET_MATMUL_ARGS_B_TRANS)
		egret_load_block(buffers->b[i],
				 b + (uint64_t)tile->col * b_pitch + (uint64_t)k * element,
				 element, depth, tile->cols, depth * element, b_pitch,
				 TAG_LOAD + i);
	else
		egret_load_block(buffers->b[i],
				 b + (uint64_t)k * b_pitch + (uint64_t)tile->col * element,
				 element, tile->cols, depth, tile->cols * element, b_pitch,
				 TAG_LOAD + i);
}

/* Start multiplying the blocks in buffer @i into the accumulators. */
static void multiply_block(const struct egret_matmul_args *args, const struct tile *tile,
			   const struct buffers *buffers, unsigned int i, void *c,
			   uint32_t depth, int first, enum egret_type in_type,
			   enum egret_type out_type)
{
	unsigned int element = egret_type_size(in_type);
	EGRET_DESC(egret_matmul_desc, desc);

	egret_matmul_desc(&desc, buffers->a[i], buffers->b[i], c, tile->rows, tile->cols,
			  depth, in_type, out_type);
	if (args->flags & EGRET_MATMUL_ARGS_A_TRANS) {
		desc.flags |= EGRET_MATMUL_A_TRANS;
		desc.a_pitch = tile->rows * element;
	}
	if (args->flags & EGRET_MATMUL_ARGS_B_TRANS) {
		desc.flags |= EGRET_MATMUL_B_TRANS;
		desc.b_pitch = depth * element;
	}
	if (!first) {
		desc.flags |= EGRET_MATMUL_ACC;
		desc.acc = desc.out;
		desc.acc_pitch = desc.out_pitch;
	}
	egret_matmul(&desc, TAG_MULTIPLY + i);
}

static inline void matmul(const struct egret_matmul_args *args, unsigned int group_x,
			  unsigned int group_y, unsigned int group_z,
			  enum egret_type in_type, enum egret_type out_type)
{
	unsigned int element = egret_type_size(in_type);
	struct egret_scratch scratch = EGRET_SCRATCH;
	struct buffers buffers;
	struct tile tile;
	uint64_t a = args->a + group_z * args->batch_a * element;
	uint64_t b = args->b + group_z * args->batch_b * element;
	uint64_t c = args->c + group_z * args->batch_c * sizeof(uint32_t);
	uint32_t c_pitch, *sums, k;
	unsigned int i;

	if (args->flags & ~EGRET_MATMUL_ARGS_FLAGS)
		egret_abort(EGRET_MATMUL_ABORT_FLAGS);
	tile.row = group_y * args->tile_m;
	tile.col = group_x * args->tile_n;
	if (!args->tile_m || !args->tile_n || !args->tile_k || tile.row >= args->m ||
	    tile.col >= args->n)
		egret_abort(EGRET_MATMUL_ABORT_GRID);
	tile.rows = egret_min(args->tile_m, args->m - tile.row);
	tile.cols = egret_min(args->tile_n, args->n - tile.col);

	for (i = 0; i < 2; i++) {
		buffers.a[i] = egret_take(&scratch, (size_t)tile.rows * args->tile_k * element);
		buffers.b[i] = egret_take(&scratch, (size_t)tile.cols * args->tile_k * element);
	}
	c_pitch = tile.cols * sizeof(*sums);
	sums = egret_take(&scratch, (size_t)tile.rows * c_pitch);
	c += ((uint64_t)tile.row * args->ldc + tile.col) * sizeof(*sums);

	if (args->flags & EGRET_MATMUL_ARGS_ADD_C)
		egret_load_block(sums, c, sizeof(*sums), tile.cols, tile.rows, c_pitch,
				 args->ldc * sizeof(*sums), TAG_C);
	load_block(args, &tile, &buffers, 0, a, b, 0, egret_min(args->tile_k, args->k),
		   element);
	egret_wait(1u << TAG_C);
	for (k = 0, i = 0; k < args->k; k += args->tile_k, i ^= 1) {
		uint32_t left = args->k - k;
		uint32_t depth = egret_min(args->tile_k, left);

		if (depth < left) {
			/* The product that read the other buffer must be done. */
			egret_wait(1u << (TAG_MULTIPLY + (i ^ 1)));
			load_block(args, &tile, &buffers, i ^ 1, a, b, k + depth,
				   egret_min(args->tile_k, left - depth), element);
		}
		egret_wait(1u << (TAG_LOAD + i));
		multiply_block(args, &tile, &buffers, i, sums, depth,
			       k == 0 && !(args->flags & EGRET_MATMUL_ARGS_ADD_C),
			       in_type, out_type);
	}
	egret_wait(3u << TAG_MULTIPLY);
	egret_store_block(sums, c, sizeof(*sums), tile.cols, tile.rows, c_pitch,
			  args->ldc * sizeof(*sums), TAG_C);
}

EGRET_KERNEL(matmul_f32, struct egret_matmul_args)
{
	matmul(args, group_x, group_y, group_z, EGRET_TYPE_F32, EGRET_TYPE_F32);
}

EGRET_KERNEL(matmul_s8, struct egret_matmul_args)
{
	matmul(args, group_x, group_y, group_z, EGRET_TYPE_S8, EGRET_TYPE_S32);
}
