// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Matrix multiplication of any shape. Arguments: egret/kernels/matmul.h.
 *
 * A workgroup computes one tile of C. It walks along k in blocks: while the tile
 * engine multiplies one block of A and B, the DMA unit loads the next. If all blocks
 * have room in scratchpad they lie one beside the other, otherwise they take turns in two
 * buffers. The accumulators stay in scratchpad from block to block, and since every block
 * continues the sums of the one before, the result does not depend on the block
 * size: the additions are in ascending k whatever it is.
 *
 * Few rows by a B that is stored by columns, as the vectors of language models are by their
 * weights: there is nothing that a wide tile would use twice, and what counts is that memory is
 * read in long pieces. Then A is in scratchpad as a whole, and B's columns are in blocks, each with
 * all of k.
 *
 * Ragged edges need no care: the last tiles and blocks are simply smaller.
 */
#include <egret/kernel.h>
#include <egret/kernels/matmul.h>

/*
 * Tags: of the two buffers' loads and products, or of each block's load. Depths double from
 * more than an eighth of tile_k on, so no more than five blocks make up twice as much.
 */
#define TAG_LOAD	0
#define BLOCKS_MAX	5
#define TAG_MULTIPLY	BLOCKS_MAX
#define TAG_C		(TAG_MULTIPLY + 2)

/*
 * A workgroup's work: descriptors that are made once, of which a block along k changes
 * only where it is and how deep. Making them anew for every block would cost more time
 * than a small block's product.
 */
struct work {
	uint32_t row, col;	/* the tile's place in C */
	uint32_t rows, cols;	/* and size */
	uint32_t room;		/* of a buffer along k: for all of k, or for a block */
	uint32_t columns;	/* of B in a buffer, if that is less than the tile's; otherwise 0 */
	struct operand {
		EGRET_DESC(egret_dma_desc, load);
		uint32_t buffers[2];	/* local addresses; the second if blocks take turns */
		uint32_t step;		/* bytes in memory from an index along k to the next */
		uint32_t local_step;	/* and in scratchpad */
		unsigned int depth_loop;	/* loop of the load that goes along k */
	} a, b;
	EGRET_DESC(egret_matmul_desc, product);
	uint32_t *sums;
};

/* Prepare the loads of an operand. `size` is its extent across k, of which pieces take turns if `in_turn`. */
static void prepare_operand(const struct egret_matmul_args *args, const struct work *work,
			    struct operand *operand, struct egret_scratch *scratch,
			    uint64_t first, uint32_t pitch, uint32_t size, int in_turn,
			    int stored_by_k, unsigned int element)
{
	uint32_t bytes = size * work->room * element;

	operand->buffers[0] = egret_local(egret_take(scratch, bytes));
	if (work->room < args->k || in_turn)
		operand->buffers[1] = egret_local(egret_take(scratch, bytes));
	if (stored_by_k) {
		egret_dma_block(&operand->load, NULL, first, element, size, 0, size * element,
				pitch, 0);
		operand->depth_loop = 1;
		operand->step = pitch;
		operand->local_step = size * element;
	} else {
		egret_dma_block(&operand->load, NULL, first, element, 0, size,
				work->room * element, pitch, 0);
		operand->depth_loop = 0;
		operand->step = element;
		operand->local_step = element;
	}
}

/* Start loading the next block of an operand. */
static void load_block(struct operand *operand, uint32_t local, uint32_t depth, unsigned int tag)
{
	operand->load.local = local;
	operand->load.loop[operand->depth_loop].count = depth;
	egret_dma(&operand->load, tag);
	operand->load.global += (uint64_t)depth * operand->step;
}

/* Start multiplying a block into the sums. */
static void multiply_block(struct work *work, uint32_t a, uint32_t b, uint32_t depth,
			   unsigned int tag)
{
	work->product.a = a;
	work->product.b = b;
	work->product.k = depth;
	egret_matmul(&work->product, tag);
	/* All but the first continue the sums of the one before. */
	work->product.flags |= EGRET_MATMUL_ACC;
	work->product.acc = work->product.out;
	work->product.acc_pitch = work->product.out_pitch;
}

static void prepare(const struct egret_matmul_args *args, struct work *work,
		    unsigned int group_z, enum egret_type in_type, enum egret_type out_type)
{
	unsigned int element = egret_type_size(in_type);
	struct egret_scratch scratch = EGRET_SCRATCH;
	uint32_t a_pitch = args->lda * element, b_pitch = args->ldb * element;
	int a_by_k = args->flags & EGRET_MATMUL_ARGS_A_TRANS;
	int b_by_k = !(args->flags & EGRET_MATMUL_ARGS_B_TRANS);
	uint64_t a = args->a + group_z * args->batch_a * element;
	uint64_t b = args->b + group_z * args->batch_b * element;

	a += (uint64_t)work->row * (a_by_k ? element : a_pitch);
	b += (uint64_t)work->col * (b_by_k ? element : b_pitch);
	work->room = args->k <= 2 * args->tile_k ? args->k : args->tile_k;
	work->columns = 0;
	if (!b_by_k && work->room == args->k &&
	    !egret_matmul_fits(work->rows, work->cols, work->cols, args->k, element))
		work->columns = egret_matmul_block_columns(args->k, element);
	prepare_operand(args, work, &work->a, &scratch, a, a_pitch, work->rows, 0, a_by_k,
			element);
	prepare_operand(args, work, &work->b, &scratch, b, b_pitch,
			work->columns ? work->columns : work->cols, work->columns != 0, b_by_k, element);
	work->sums = egret_take(&scratch, (size_t)work->rows * work->cols * sizeof(*work->sums));
	egret_matmul_desc(&work->product, NULL, NULL, work->sums, work->rows, work->cols, 0,
			  in_type, out_type);
	work->product.a_pitch = (a_by_k ? work->rows : work->room) * element;
	work->product.b_pitch = (b_by_k ? work->cols : work->room) * element;
	work->product.flags = (a_by_k ? EGRET_MATMUL_A_TRANS : 0) |
			      (b_by_k ? 0 : EGRET_MATMUL_B_TRANS);
}

/* The tile of C that this workgroup computes. */
static void find_tile(const struct egret_matmul_args *args, struct work *work,
		      unsigned int group_x, unsigned int group_y)
{
	if (args->flags & ~EGRET_MATMUL_ARGS_FLAGS)
		egret_abort(EGRET_MATMUL_ABORT_FLAGS);
	work->row = group_y * args->tile_m;
	work->col = group_x * args->tile_n;
	if (!args->tile_m || !args->tile_n || !args->tile_k || work->row >= args->m ||
	    work->col >= args->n)
		egret_abort(EGRET_MATMUL_ABORT_GRID);
	work->rows = egret_min(args->tile_m, args->m - work->row);
	work->cols = egret_min(args->tile_n, args->n - work->col);
}

static uint32_t first_depth(const struct egret_matmul_args *args)
{
	return egret_min(egret_matmul_first_depth(args->tile_k), args->k);
}

/* The block after one of `depth`, of which so much is left. */
static uint32_t next_depth(const struct egret_matmul_args *args, uint32_t depth, uint32_t left)
{
	return egret_min(egret_min(args->tile_k, 2 * depth), left);
}

/* All of A and B has room. Nothing waits for a product but the end. */
static void multiply_whole(const struct egret_matmul_args *args, struct work *work)
{
	uint32_t a = work->a.buffers[0], b = work->b.buffers[0];
	uint32_t depths[BLOCKS_MAX], depth, left = args->k;
	unsigned int blocks = 0, i;

	for (depth = first_depth(args); depth; depth = next_depth(args, depth, left)) {
		uint32_t done = args->k - left;

		load_block(&work->a, a + done * work->a.local_step, depth, TAG_LOAD + blocks);
		load_block(&work->b, b + done * work->b.local_step, depth, TAG_LOAD + blocks);
		depths[blocks++] = depth;
		left -= depth;
	}
	egret_wait(1u << TAG_C);
	for (i = 0; i < blocks; i++) {
		egret_wait(1u << (TAG_LOAD + i));
		multiply_block(work, a, b, depths[i], TAG_MULTIPLY);
		a += depths[i] * work->a.local_step;
		b += depths[i] * work->b.local_step;
	}
	egret_wait(1u << TAG_MULTIPLY);
}

/* Start loading the next columns of B. */
static void load_columns(const struct egret_matmul_args *args, struct work *work, unsigned int i,
			 uint32_t columns)
{
	struct operand *b = &work->b;

	b->load.local = b->buffers[i];
	b->load.loop[1].count = columns;
	egret_dma(&b->load, TAG_LOAD + i);
	b->load.global += (uint64_t)columns * args->ldb * b->step;
}

/* Columns of B take turns in two buffers. */
static void multiply_columns(const struct egret_matmul_args *args, struct work *work)
{
	uint32_t left = work->cols, columns = egret_min(EGRET_MATMUL_FIRST_COLUMNS, left), next;
	unsigned int i = 0;

	work->product.a = work->a.buffers[0];
	work->product.k = args->k;
	work->b.load.loop[0].count = args->k;
	load_block(&work->a, work->a.buffers[0], args->k, TAG_LOAD);
	load_columns(args, work, 0, columns);
	egret_wait(1u << TAG_C);
	for (; columns; columns = next, i ^= 1) {
		left -= columns;
		next = egret_min(work->columns, left);
		if (next) {
			/* The product that read the other buffer must be done. */
			egret_wait(1u << (TAG_MULTIPLY + (i ^ 1)));
			load_columns(args, work, i ^ 1, next);
		}
		egret_wait(1u << (TAG_LOAD + i));
		work->product.b = work->b.buffers[i];
		work->product.n = columns;
		egret_matmul(&work->product, TAG_MULTIPLY + i);
		work->product.out += columns * sizeof(*work->sums);
		if (work->product.flags & EGRET_MATMUL_ACC)
			work->product.acc = work->product.out;
	}
	egret_wait(3u << TAG_MULTIPLY);
}

static void load_both(struct work *work, unsigned int i, uint32_t depth)
{
	load_block(&work->a, work->a.buffers[i], depth, TAG_LOAD + i);
	load_block(&work->b, work->b.buffers[i], depth, TAG_LOAD + i);
}

/* Blocks take turns in two buffers. */
static void multiply_in_turn(const struct egret_matmul_args *args, struct work *work)
{
	uint32_t left = args->k, depth = first_depth(args), next;
	unsigned int i = 0;

	load_both(work, 0, depth);
	egret_wait(1u << TAG_C);
	for (; depth; depth = next, i ^= 1) {
		left -= depth;
		next = next_depth(args, depth, left);
		if (next) {
			/* The product that read the other buffer must be done. */
			egret_wait(1u << (TAG_MULTIPLY + (i ^ 1)));
			load_both(work, i ^ 1, next);
		}
		egret_wait(1u << (TAG_LOAD + i));
		multiply_block(work, work->a.buffers[i], work->b.buffers[i], depth,
			       TAG_MULTIPLY + i);
	}
	egret_wait(3u << TAG_MULTIPLY);
}

static inline void matmul(const struct egret_matmul_args *args, unsigned int group_x,
			  unsigned int group_y, unsigned int group_z,
			  enum egret_type in_type, enum egret_type out_type)
{
	uint64_t c = args->c + group_z * args->batch_c * sizeof(uint32_t);
	uint32_t local_pitch, pitch = args->ldc * sizeof(uint32_t);
	struct work work;

	find_tile(args, &work, group_x, group_y);
	prepare(args, &work, group_z, in_type, out_type);
	c += ((uint64_t)work.row * args->ldc + work.col) * sizeof(uint32_t);
	local_pitch = work.cols * sizeof(uint32_t);
	if (args->flags & EGRET_MATMUL_ARGS_ADD_C) {
		egret_load_block(work.sums, c, sizeof(uint32_t), work.cols, work.rows, local_pitch,
				 pitch, TAG_C);
		work.product.flags |= EGRET_MATMUL_ACC;
		work.product.acc = work.product.out;
		work.product.acc_pitch = work.product.out_pitch;
	}
	if (work.room < args->k)
		multiply_in_turn(args, &work);
	else if (work.columns)
		multiply_columns(args, &work);
	else
		multiply_whole(args, &work);
	egret_store_block(work.sums, c, sizeof(uint32_t), work.cols, work.rows, local_pitch,
			  pitch, TAG_C);
}

EGRET_KERNEL(matmul_f32, struct egret_matmul_args)
{
	matmul(args, group_x, group_y, group_z, EGRET_TYPE_F32, EGRET_TYPE_F32);
}

EGRET_KERNEL(matmul_s8, struct egret_matmul_args)
{
	matmul(args, group_x, group_y, group_z, EGRET_TYPE_S8, EGRET_TYPE_S32);
}
