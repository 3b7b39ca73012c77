// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Matrix products, and convolutions as such: arguments in nn.h.
 *
 * A is weights, B the input. For a tile of the result, the kernel goes over k in blocks: while
 * one block is multiplied, the next is loaded, also that of the next tile. A convolution's
 * input is loaded as it is, with padding made by the DMA unit, and not copied once for each
 * tap: each tap is a product of its own, added to the sums of those before, whose B is the
 * same block of input seen from another place.
 *
 * Seen so, the elements that a tap needs must lie one beside the other in scratchpad, in
 * a row of the result and from row to row. For strides of 1 they do, but for the `cols` - x
 * elements at the end of each row, whose products are computed and not stored. For other
 * strides the block is taken apart first, by a copy in scratchpad: element (y, x) goes to the
 * phase (y mod stride, x mod stride), in which neighbours are a stride apart in the input.
 */
#include "nn_program.h"

#define TAG_A		TAG_KERNEL		/* two buffers */
#define TAG_B		(TAG_KERNEL + 2)	/* likewise */
#define TAG_MULTIPLY	(TAG_KERNEL + 4)	/* likewise, by block */
#define TAG_STAGE	(TAG_KERNEL + 6)
#define TAG_VECTORS	(TAG_KERNEL + 7)

struct work {
	const struct egret_nn_product_args *args;
	struct nn_run run;
	EGRET_DESC(egret_dma_desc, load_a);
	EGRET_DESC(egret_dma_desc, load_b);
	EGRET_DESC(egret_dma_desc, load_scales);	/* of B's blocks */
	EGRET_DESC(egret_map_desc, apart);
	EGRET_PRODUCT(product, EGRET_NN_PRODUCT_STEPS);
	uint64_t loaded_a[2];		/* addresses of what the buffers of A hold */
	uint64_t loaded_vectors;	/* which elements of the vectors are there, as bytes; ~0: none */
	uint32_t a_size, b_size;	/* bytes of an element */
	uint32_t a_zero, b_zero;
	int32_t out_zero;
	uint32_t phases;		/* of B: 1 without strides */
	uint32_t plane;			/* bytes of a phase for one k */
	uint32_t tap_size;		/* bytes of a tap of A */
	uint32_t m_stride, k_stride;	/* of A in scratchpad */
	uint32_t b_bits, b_row;		/* of an element; bytes of a tile's row, if B is stored by n */
};

/* A block along k of a tile. */
struct block {
	struct nn_place place;
	uint32_t k, depth;		/* where it begins, and its size */
};

/* ---- Preparing ---- */

static void prepare_a(struct work *work)
{
	const struct egret_nn_product_args *args = work->args;
	struct egret_dma_desc *dma = &work->load_a;
	int by_k = args->flags & EGRET_NN_PRODUCT_A_BY_K;

	/* Loops: the adjacent one of m and k, the other one, taps. */
	work->a_size = egret_type_size(args->a_type);
	egret_dma_block(dma, NULL, 0, work->a_size, 1, 1, 0, 0, 0);
	work->m_stride = (by_k ? 1 : args->tile_k) * work->a_size;
	work->k_stride = (by_k ? args->program.tile[2] : 1) * work->a_size;
	work->tap_size = args->program.tile[2] * args->tile_k * work->a_size;
	dma->loop[by_k ? 0 : 1].local_stride = work->m_stride;
	dma->loop[by_k ? 0 : 1].global_stride = args->a_m;
	dma->loop[by_k ? 1 : 0].local_stride = work->k_stride;
	dma->loop[by_k ? 1 : 0].global_stride = args->a_k;
	dma->loop[2].count = args->x.taps;
	dma->loop[2].local_stride = work->tap_size;
	dma->loop[2].global_stride = args->a_tx;
	dma->loop[3].count = args->y.taps;
	dma->loop[3].local_stride = work->tap_size * args->x.taps;
	dma->loop[3].global_stride = args->a_ty;
}

/* Rows of B are loaded as bytes, and so many of their scales as there are blocks. */
static void prepare_blocks(struct work *work)
{
	const struct egret_nn_product_args *args = work->args;
	uint32_t scales = args->tile_k / EGRET_BLOCK * sizeof(float);

	work->b_size = 1;
	work->phases = 1;
	egret_dma_block(&work->load_b, NULL, 0, 1, 1, 1, 0, 0, 0);
	work->load_b.loop[0].local_stride = 1;
	work->load_b.loop[0].global_stride = 1;
	work->load_b.loop[1].local_stride = work->b_row;
	work->load_b.loop[1].global_stride = args->b_x;
	egret_dma_block(&work->load_scales, NULL, 0, sizeof(float), 1, 1, 0, 0, 0);
	work->load_scales.loop[0].local_stride = sizeof(float);
	work->load_scales.loop[0].global_stride = sizeof(float);
	work->load_scales.loop[1].local_stride = scales;
	work->load_scales.loop[1].global_stride = args->b_scale_x;
}

static void prepare_b(struct work *work)
{
	const struct egret_nn_product_args *args = work->args;
	struct egret_dma_desc *dma = &work->load_b;
	uint32_t size = egret_type_size(args->b_type), row = args->cols * args->x.stride * size;

	work->b_bits = args->b_type == EGRET_TYPE_S4 ? 4 : size * 8;
	work->b_row = args->tile_k * work->b_bits / 8;
	if (args->flags & EGRET_NN_PRODUCT_B_BLOCKS) {
		prepare_blocks(work);
		return;
	}
	work->b_size = size;
	work->phases = args->x.stride * args->y.stride;
	work->plane = args->rows * args->cols * size;
	egret_dma_block(dma, NULL, 0, size, 1, 1, 0, 0, 0);
	if (args->flags & EGRET_NN_PRODUCT_B_BY_N) {
		/* Loops: k, x. */
		dma->loop[0].global_stride = args->b_k;
		dma->loop[1].local_stride = work->b_row;
		dma->loop[1].global_stride = args->b_x;
		return;
	}
	/* Loops: x, y, k. Elements that do not exist are zeros. */
	dma->fill = work->b_zero;
	dma->loop[0].count = args->cols * args->x.stride;
	dma->loop[0].global_stride = args->b_x;
	dma->loop[1].count = args->rows * args->y.stride;
	dma->loop[1].local_stride = row;
	dma->loop[1].global_stride = args->b_y;
	dma->loop[2].local_stride = work->plane * work->phases;
	dma->loop[2].global_stride = args->b_k;
	dma->loop[0].step = 1;
	dma->loop[0].axis = 0;
	dma->loop[1].step = 1;
	dma->loop[1].axis = 1;
	dma->axis[0].extent = args->x.extent;
	dma->axis[1].extent = args->y.extent;
}

/* From rows as they are in memory to phases. */
static void prepare_apart(struct work *work)
{
	const struct egret_nn_product_args *args = work->args;
	struct egret_map_desc *map = &work->apart;
	const uint32_t sx = args->x.stride, sy = args->y.stride, size = work->b_size;
	const uint32_t row = args->cols * sx * size;

	/* Dimensions: x and y in a phase, the phase in x and y, k. */
	egret_map_desc(map, EGRET_MAP_COPY, NULL, args->b_type, NULL, args->b_type, args->cols,
		       args->rows);
	map->dims[2] = sx;
	map->dims[3] = sy;
	map->a_stride[0] = sx * size;
	map->a_stride[1] = sy * row;
	map->a_stride[2] = size;
	map->a_stride[3] = row;
	map->a_stride[4] = work->plane * work->phases;
	map->out_stride[0] = size;
	map->out_stride[1] = args->cols * size;
	map->out_stride[2] = work->plane;
	map->out_stride[3] = work->plane * sx;
	map->out_stride[4] = work->plane * work->phases;
	map->a = nn_local(&work->run, args->stage_local);
}

static void prepare_product(struct work *work)
{
	const struct egret_nn_product_args *args = work->args;
	struct egret_matmul_desc *product = &work->product.desc;
	uint32_t i;

	egret_matmul_desc(product, NULL, NULL, NULL, 1, 1, 1, args->a_type, args->sum_type);
	product->b_type = args->b_type;
	product->a_zero = work->a_zero;
	product->b_zero = work->b_zero;
	product->a_pitch = args->flags & EGRET_NN_PRODUCT_A_BY_K ? work->k_stride : work->m_stride;
	product->b_pitch = args->flags & EGRET_NN_PRODUCT_B_BY_N ? work->b_row :
			   work->plane * work->phases;
	if (args->flags & EGRET_NN_PRODUCT_B_BLOCKS) {
		product->b_block = EGRET_BLOCK * work->b_bits / 8;
		product->b_scale_pitch = args->tile_k / EGRET_BLOCK * sizeof(float);
		product->b_scale_step = sizeof(float);
		product->b_scale_type = EGRET_TYPE_F32;
	}
	for (i = 0; i < args->product_steps; i++)
		work->product.step[i] = args->product_step[i];
}

/* A zero point that is computed; the vectors are not there yet, so theirs is room for it. */
static uint32_t load_zero(struct work *work, uint64_t address)
{
	const uint8_t *byte = (void *)(uintptr_t)nn_local(&work->run, work->args->scale_local);

	egret_load((void *)byte, address, 1, 1, TAG_VECTORS);
	egret_wait(1u << TAG_VECTORS);
	return *(volatile const uint8_t *)byte;
}

static void prepare_zeros(struct work *work)
{
	const struct egret_nn_product_args *args = work->args;
	uint32_t zero;

	work->a_zero = args->a_zero_at ? load_zero(work, args->a_zero_at) : args->a_zero;
	work->b_zero = args->b_zero_at ? load_zero(work, args->b_zero_at) : args->b_zero;
	work->out_zero = args->out_zero;
	if (!args->out_zero_at)
		return;
	zero = load_zero(work, args->out_zero_at);
	work->out_zero = args->program.reg[0].type == EGRET_TYPE_S8 ? (int8_t)zero : (int32_t)zero;
}

static void prepare(struct work *work)
{
	prepare_zeros(work);
	work->loaded_a[0] = 0;
	work->loaded_a[1] = 0;
	work->loaded_vectors = ~0ull;
	prepare_a(work);
	prepare_b(work);
	prepare_apart(work);
	prepare_product(work);
}

/* ---- Moving ---- */

static void load_a(struct work *work, const struct block *block, unsigned int turn)
{
	const struct egret_nn_product_args *args = work->args;
	const struct nn_place *place = &block->place;
	int by_k = args->flags & EGRET_NN_PRODUCT_A_BY_K;
	uint64_t global = args->a + place->origin[2] * args->a_m + block->k * args->a_k +
			  place->origin[3] * args->a_batch[0] +
			  place->origin[4] * args->a_batch[1];

	/* Tiles that lie beside each other have the same weights. */
	if (work->loaded_a[turn] == global)
		return;
	work->loaded_a[turn] = global;
	work->load_a.global = global;
	work->load_a.local = nn_local(&work->run, args->a_local + turn * args->a_other);
	work->load_a.loop[by_k ? 0 : 1].count = place->size[2];
	work->load_a.loop[by_k ? 1 : 0].count = block->depth;
	egret_dma(&work->load_a, TAG_A + turn);
}

/* Blocks begin with a byte, and so does what is loaded of a row. */
static void load_blocks(struct work *work, const struct block *block, unsigned int turn)
{
	const struct egret_nn_product_args *args = work->args;
	uint32_t first = block->place.origin[0], count = block->place.size[0];
	struct egret_dma_desc *dma = &work->load_b;

	dma->global = args->b + first * args->b_x + block->k * work->b_bits / 8;
	dma->local = nn_local(&work->run, args->b_local + turn * args->b_other);
	dma->loop[0].count = (block->depth * work->b_bits + 7) / 8;
	dma->loop[1].count = count;
	egret_dma(dma, TAG_B + turn);
	dma = &work->load_scales;
	dma->global = args->b_scale + first * args->b_scale_x +
		      block->k / EGRET_BLOCK * sizeof(float);
	dma->local = nn_local(&work->run, args->b_scale_local + turn * args->b_scale_other);
	dma->loop[0].count = (block->depth + EGRET_BLOCK - 1) / EGRET_BLOCK;
	dma->loop[1].count = count;
	egret_dma(dma, TAG_B + turn);
}

static void load_b(struct work *work, const struct block *block, unsigned int turn)
{
	const struct egret_nn_product_args *args = work->args;
	const struct nn_place *place = &block->place;
	struct egret_dma_desc *dma = &work->load_b;
	uint64_t global = args->b + block->k * args->b_k + place->origin[3] * args->b_batch[0] +
			  place->origin[4] * args->b_batch[1];
	int64_t x = (int64_t)place->origin[0] * args->x.stride - args->x.before;
	int64_t y = (int64_t)place->origin[1] * args->y.stride - args->y.before;

	dma->global = global + x * args->b_x + y * args->b_y;
	if (args->flags & EGRET_NN_PRODUCT_B_BY_N) {
		dma->loop[0].count = block->depth;
		dma->loop[1].count = place->size[0];
	} else {
		dma->axis[0].start = x;
		dma->axis[1].start = y;
		dma->loop[2].count = block->depth;
	}
	if (work->phases == 1) {
		dma->local = nn_local(&work->run, args->b_local + turn * args->b_other);
		egret_dma(dma, TAG_B + turn);
		return;
	}
	/* The stage may still be taken apart for the block before. */
	egret_wait(1u << TAG_STAGE);
	dma->local = work->apart.a;
	egret_dma(dma, TAG_B + turn);
}

static void load(struct work *work, const struct block *block, unsigned int turn)
{
	load_a(work, block, turn);
	if (work->args->flags & EGRET_NN_PRODUCT_B_BLOCKS)
		load_blocks(work, block, turn);
	else
		load_b(work, block, turn);
}

/* The tile's part of a vector. */
static void load_vector(struct work *work, uint64_t address, uint32_t local, uint32_t count)
{
	egret_load((void *)(uintptr_t)nn_local(&work->run, local), address, count, sizeof(float),
		   TAG_VECTORS);
}

/*
 * Scale and bias for a tile, unless they are there from the one before. Nothing reads those of
 * the tile before any more: its products are complete.
 */
static void load_vectors(struct work *work, const struct nn_place *place)
{
	const struct egret_nn_product_args *args = work->args;
	unsigned int d = args->flags & EGRET_NN_PRODUCT_BY_M ? 2 : 0;
	uint64_t at = place->origin[d] * sizeof(float) + place->origin[3] * args->vector_batch[0] +
		      place->origin[4] * args->vector_batch[1];

	if (at == work->loaded_vectors)
		return;
	work->loaded_vectors = at;
	if (args->scale)
		load_vector(work, args->scale + at, args->scale_local, place->size[d]);
	if (args->bias)
		load_vector(work, args->bias + at, args->bias_local, place->size[d]);
}

/* ---- Computing ---- */

/* What is done to sums when they are complete. */
static void finish(struct work *work, uint32_t out)
{
	const struct egret_nn_product_args *args = work->args;
	struct egret_matmul_desc *product = &work->product.desc;
	int by_m = args->flags & EGRET_NN_PRODUCT_BY_M;

	product->out = out;
	product->out_pitch = args->program.reg[0].stride[2];
	product->out_type = args->program.reg[0].type;
	product->out_zero = work->out_zero;
	product->steps = args->product_steps;
	product->act = args->act;
	product->act_a = args->act_a;
	product->act_b = args->act_b;
	if (args->scale) {
		product->scale = nn_local(&work->run, args->scale_local);
		product->flags |= by_m ? EGRET_MATMUL_SCALE_M : EGRET_MATMUL_SCALE_N;
	}
	if (args->bias) {
		product->bias = nn_local(&work->run, args->bias_local);
		product->flags |= (args->flags & EGRET_NN_PRODUCT_BIAS_SUM ? EGRET_MATMUL_BIAS_ACC :
				   EGRET_MATMUL_BIAS_OUT) | (by_m ? EGRET_MATMUL_BIAS_M : 0);
	}
	egret_wait(1u << TAG_VECTORS);
}

/* All taps of a block. */
static void multiply(struct work *work, const struct block *block, unsigned int turn, uint32_t out,
		     unsigned int tag)
{
	const struct egret_nn_product_args *args = work->args;
	struct egret_matmul_desc *product = &work->product.desc;
	uint32_t b = nn_local(&work->run, args->b_local + turn * args->b_other), tx, ty;
	uint32_t acc = args->acc_local ? nn_local(&work->run, args->acc_local) : out;
	int last = block->k + block->depth == args->k, first = block->k == 0;

	if (work->phases > 1) {
		work->apart.dims[4] = block->depth;
		work->apart.out = b;
		egret_map(&work->apart, TAG_STAGE);
	}
	product->flags = (args->flags & EGRET_NN_PRODUCT_A_BY_K ? EGRET_MATMUL_A_TRANS : 0) |
			 (args->flags & EGRET_NN_PRODUCT_B_BY_N ? EGRET_MATMUL_B_TRANS : 0);
	if (args->flags & EGRET_NN_PRODUCT_B_BLOCKS) {
		product->flags |= EGRET_MATMUL_B_BLOCK;
		product->b_scale = nn_local(&work->run, args->b_scale_local +
					    turn * args->b_scale_other);
	}
	product->steps = 0;
	product->act = EGRET_ACT_NONE;
	product->act_a = 0;
	product->act_b = 0;
	product->scale = 0;
	product->bias = 0;
	product->acc = 0;
	product->acc_pitch = 0;
	product->out = acc;
	product->out_pitch = args->acc_pitch;
	product->out_type = args->sum_type;
	product->out_zero = 0;
	product->m = block->place.size[2];
	product->n = (block->place.size[1] - 1) * args->cols + block->place.size[0];
	product->k = block->depth;
	product->a = nn_local(&work->run, args->a_local + turn * args->a_other);
	if (!first) {
		product->flags |= EGRET_MATMUL_ACC;
		product->acc = acc;
		product->acc_pitch = args->acc_pitch;
	}
	for (ty = 0; ty < args->y.taps; ty++) {
		uint32_t y = ty * args->y.dilation;

		for (tx = 0; tx < args->x.taps; tx++) {
			uint32_t x = tx * args->x.dilation;

			product->b = b + (y % args->y.stride * args->x.stride +
					  x % args->x.stride) * work->plane +
				     (y / args->y.stride * args->cols + x / args->x.stride) *
				     work->b_size;
			if (last && ty == args->y.taps - 1 && tx == args->x.taps - 1)
				finish(work, out);
			egret_matmul(product, tag);
			product->a += work->tap_size;
			product->flags |= EGRET_MATMUL_ACC;
			product->acc = acc;
			product->acc_pitch = args->acc_pitch;
		}
	}
}

/* ---- Blocks and tiles ---- */

/* The block after `block`, of this tile or of the next one; 0 if there is none. */
static int next_block(struct work *work, const struct block *block, struct block *next)
{
	const struct egret_nn_product_args *args = work->args;

	*next = *block;
	next->k += block->depth;
	if (next->k == args->k) {
		if (!nn_next(&work->run))
			return 0;
		nn_place(&work->run, &next->place);
		next->k = 0;
	}
	next->depth = egret_min(args->tile_k, args->k - next->k);
	return 1;
}

/* A tile's sums are complete or on their way: the program, and the store. */
static void end_tile(struct work *work, const struct block *block, unsigned int turn)
{
	if (work->run.program->steps) {
		nn_load(&work->run, &block->place, turn);
		egret_wait(1u << (TAG_LOAD + turn) | 1u << (TAG_STORE + turn));
	}
	nn_compute(&work->run, &block->place, turn);
	egret_wait(3u << TAG_MULTIPLY | 1u << (TAG_TILE + turn));
	nn_store(&work->run, &block->place, turn);
}

EGRET_KERNEL(nn_product, struct egret_nn_product_args)
{
	struct block blocks[2];
	struct work work;
	unsigned int turn = 0, tile = 0;
	int more;

	work.args = args;
	if (!args->tile_k || !args->k)
		egret_abort(EGRET_NN_ABORT_ARGS);
	if (!nn_begin(&work.run, &args->program, group_x))
		return;
	prepare(&work);
	nn_place(&work.run, &blocks[0].place);
	blocks[0].k = 0;
	blocks[0].depth = egret_min(args->tile_k, args->k);
	load(&work, &blocks[0], 0);
	do {
		struct block *block = &blocks[turn];
		unsigned int other = turn ^ 1;

		if (!block->k) {
			egret_wait(1u << (TAG_STORE + tile));
			load_vectors(&work, &block->place);
		}
		/* With one stage, its block must be taken apart before the next is loaded. */
		if (work.phases > 1)
			egret_wait(1u << (TAG_B + turn));
		more = next_block(&work, block, &blocks[other]);
		if (work.phases == 1 && more) {
			egret_wait(1u << (TAG_MULTIPLY + other));
			load(&work, &blocks[other], other);
		}
		egret_wait(1u << (TAG_A + turn) | 1u << (TAG_B + turn));
		multiply(&work, block, turn, nn_buffer(&work.run, 0, tile), TAG_MULTIPLY + turn);
		if (work.phases > 1 && more) {
			egret_wait(1u << (TAG_MULTIPLY + other));
			load(&work, &blocks[other], other);
		}
		if (block->k + block->depth == args->k) {
			end_tile(&work, block, tile);
			tile ^= 1;
		}
		turn = other;
	} while (more);
}
