// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Softmax of rows of any length. Arguments, and the result to the bit:
 * egret/kernels/softmax.h.
 *
 * A softmax needs the largest element of a row before it can compute the first
 * exponential, and their sum before it can write the first result. If a row fits into
 * scratchpad that is no matter: it is loaded once, and worked on in place. Several short
 * rows make one block.
 *
 * A longer row goes through scratchpad in chunks, twice. The first pass cannot know the
 * largest element, so each chunk uses the largest so far, m[j], and the sum is scaled
 * whenever that has grown. It writes the exponentials to the output, where the second
 * pass finds them and multiplies chunk j by e^(m[j] - m[last]) / sum. So there is one
 * exponential for each element, which are what costs most; computing them anew in the
 * second pass would save a quarter of the traffic and take nearly twice the tile engine's
 * time. No factor is above 1, and so nothing overflows.
 *
 * Blocks and chunks pass through three buffers: while one is worked on, the next is
 * loaded and the one before is stored.
 */
#include <egret/kernel.h>
#include <egret/kernels/softmax.h>

#define BUFFERS		3

/* Tags; each of them is followed by those of the other buffers. */
#define TAG_LOAD	0
#define TAG_TILE	3
#define TAG_STORE	6

/* The lowest finite float. */
#define LOWEST		(-0x1.fffffep127f)

/* What passes through the buffers: blocks of rows, or chunks of a row. */
struct work {
	EGRET_DESC(egret_dma_desc, load);
	EGRET_DESC(egret_dma_desc, store);
	uint64_t from, to;	/* where the first piece lies */
	float *buffers[BUFFERS];
	uint32_t cols;		/* of a block */
	float *max;		/* for each row of a block, or for each chunk */
	float *sum;		/* for each row of a block; of the row */
	float *scalar;
	uint32_t total;		/* rows or columns to do */
	uint32_t piece;		/* of these in a buffer */
	unsigned int loop;	/* of the DMA descriptors that counts them */
};

/* ---- Moving ------------------------------------------------------------------------ */

static uint32_t length(const struct work *work, uint32_t number)
{
	return egret_min(work->piece, work->total - number * work->piece);
}

/* Move piece @number between its buffer and memory, where the first lies at @base. */
static void move(struct work *work, struct egret_dma_desc *desc, uint64_t base,
		 uint32_t number, unsigned int tag)
{
	uint64_t stride = desc->loop[work->loop].global_stride;

	desc->global = base + (uint64_t)number * work->piece * stride;
	desc->local = egret_local(work->buffers[number % BUFFERS]);
	desc->loop[work->loop].count = length(work, number);
	egret_dma(desc, tag + number % BUFFERS);
}

static void load(struct work *work, uint32_t number)
{
	move(work, &work->load, work->from, number, TAG_LOAD);
}

static void store(struct work *work, uint32_t number)
{
	move(work, &work->store, work->to, number, TAG_STORE);
}

static void wait_for(uint32_t number, unsigned int tag)
{
	egret_wait(1u << (tag + number % BUFFERS));
}

typedef void compute(struct work *work, uint32_t number, float *x, uint32_t length,
		     unsigned int tag);

/* Load, compute and store all pieces. When it returns, all is stored. */
static inline __attribute__((always_inline)) void pass(struct work *work, compute *compute)
{
	uint32_t count = egret_ceil_div(work->total, work->piece), i;

	load(work, 0);
	for (i = 0; i < count; i++) {
		if (i + 1 < count) {
			/* What was stored from this buffer must be out of it. */
			wait_for(i + 1, TAG_STORE);
			load(work, i + 1);
		}
		wait_for(i, TAG_LOAD);
		compute(work, i, work->buffers[i % BUFFERS], length(work, i),
			TAG_TILE + i % BUFFERS);
		/* The tile engine has piece i to do by now. */
		if (i) {
			wait_for(i - 1, TAG_TILE);
			store(work, i - 1);
		}
	}
	wait_for(count - 1, TAG_TILE);
	store(work, count - 1);
	egret_wait(EGRET_WAIT_ALL);
}

/* ---- Computing ----------------------------------------------------------------------- */

/* x = op(x) */
static void map1(enum egret_map_op op, float *x, uint32_t cols, uint32_t rows,
		 unsigned int tag)
{
	EGRET_DESC(egret_map_desc, desc);

	egret_map_desc(&desc, op, x, EGRET_TYPE_F32, x, EGRET_TYPE_F32, cols, rows);
	egret_map(&desc, tag);
}

/* out = op(x, y), with one y for each row */
static void map2(enum egret_map_op op, float *out, const float *x, const float *y,
		 uint32_t cols, uint32_t rows, unsigned int tag)
{
	EGRET_DESC(egret_map_desc, desc);

	egret_map_desc(&desc, op, out, EGRET_TYPE_F32, x, EGRET_TYPE_F32, cols, rows);
	egret_map_b(&desc, y, EGRET_TYPE_F32, 0, sizeof(*y));
	egret_map(&desc, tag);
}

/*
 * x = max(x, LOWEST), so that a chunk of nothing but minus infinity does not subtract it
 * from itself, which would spoil a row that has numbers later.
 */
static void limit(float *x, unsigned int tag)
{
	EGRET_DESC(egret_map_desc, desc);

	egret_map_desc(&desc, EGRET_MAP_MAX, x, EGRET_TYPE_F32, x, EGRET_TYPE_F32, 1, 1);
	desc.flags = EGRET_MAP_B_IMM;
	desc.b_type = EGRET_TYPE_F32;
	desc.b = egret_bits(LOWEST);
	egret_map(&desc, tag);
}

static void reduce(enum egret_reduce_op op, float *out, const float *x, uint32_t cols,
		   uint32_t rows, unsigned int flags, unsigned int tag)
{
	EGRET_DESC(egret_reduce_desc, desc);

	egret_reduce_desc(&desc, op, out, EGRET_TYPE_F32, x, EGRET_TYPE_F32, cols, rows);
	desc.flags = flags;
	egret_reduce(&desc, tag);
}

/* Whole rows, in place. */
static void softmax_block(struct work *work, uint32_t number __attribute__((unused)), float *x,
			  uint32_t rows, unsigned int tag)
{
	uint32_t cols = work->cols;

	/* No limit(): a row of nothing but minus infinity gives no numbers either way. */
	reduce(EGRET_REDUCE_MAX, work->max, x, cols, rows, 0, tag);
	map2(EGRET_MAP_SUB, x, x, work->max, cols, rows, tag);
	map1(EGRET_MAP_EXP, x, cols, rows, tag);
	reduce(EGRET_REDUCE_SUM, work->sum, x, cols, rows, 0, tag);
	map1(EGRET_MAP_RECIP, work->sum, rows, 1, tag);
	map2(EGRET_MAP_MUL, x, x, work->sum, cols, rows, tag);
}

/* First pass over a long row: exponentials relative to the largest element so far. */
static void start_chunk(struct work *work, uint32_t number, float *x, uint32_t cols,
			unsigned int tag)
{
	float *max = &work->max[number];

	reduce(EGRET_REDUCE_MAX, max, x, cols, 1, 0, tag);
	if (number)
		map2(EGRET_MAP_MAX, max, max, max - 1, 1, 1, tag);
	else
		limit(max, tag);
	map2(EGRET_MAP_SUB, x, x, max, cols, 1, tag);
	map1(EGRET_MAP_EXP, x, cols, 1, tag);
	if (number) {
		map2(EGRET_MAP_SUB, work->scalar, max - 1, max, 1, 1, tag);
		map1(EGRET_MAP_EXP, work->scalar, 1, 1, tag);
		map2(EGRET_MAP_MUL, work->sum, work->sum, work->scalar, 1, 1, tag);
	}
	reduce(EGRET_REDUCE_SUM, work->sum, x, cols, 1, number ? EGRET_REDUCE_ACC : 0, tag);
}

/* Between the passes: max[j] becomes what chunk j has to be multiplied by. */
static void make_factors(struct work *work, uint32_t chunks)
{
	const unsigned int tag = TAG_TILE;
	EGRET_DESC(egret_map_desc, copy);

	/* Apart, because the subtraction overwrites it. */
	egret_map_desc(&copy, EGRET_MAP_COPY, work->scalar, EGRET_TYPE_F32,
		       &work->max[chunks - 1], EGRET_TYPE_F32, 1, 1);
	egret_map(&copy, tag);
	map2(EGRET_MAP_SUB, work->max, work->max, work->scalar, chunks, 1, tag);
	map1(EGRET_MAP_EXP, work->max, chunks, 1, tag);
	map1(EGRET_MAP_RECIP, work->sum, 1, 1, tag);
	map2(EGRET_MAP_MUL, work->max, work->max, work->sum, chunks, 1, tag);
}

/* Second pass. */
static void finish_chunk(struct work *work, uint32_t number, float *x, uint32_t cols,
			 unsigned int tag)
{
	map2(EGRET_MAP_MUL, x, x, &work->max[number], cols, 1, tag);
}

/* ---- A workgroup's rows ---------------------------------------------------------------- */

static void prepare(const struct egret_softmax_args *args, struct work *work, uint64_t first,
		    uint32_t elements, uint32_t maxima, uint32_t sums)
{
	struct egret_scratch scratch = EGRET_SCRATCH;
	uint32_t row = egret_min(args->cols, elements) * sizeof(float);
	unsigned int i;

	for (i = 0; i < BUFFERS; i++)
		work->buffers[i] = egret_take(&scratch, elements * sizeof(float));
	work->max = egret_take(&scratch, maxima * sizeof(float));
	work->sum = egret_take(&scratch, sums * sizeof(float));
	work->scalar = egret_take(&scratch, sizeof(float));
	work->cols = args->cols;
	work->from = args->in + first * args->in_pitch;
	work->to = args->out + first * args->out_pitch;
	egret_dma_block(&work->load, NULL, 0, sizeof(float), args->cols, 1, row, 0, 0);
	egret_dma_block(&work->store, NULL, 0, sizeof(float), args->cols, 1, row, 0,
			EGRET_DMA_STORE);
	/* Pitches may have more bits than egret_dma_block() takes. */
	work->load.loop[1].global_stride = args->in_pitch;
	work->store.loop[1].global_stride = args->out_pitch;
}

static void short_rows(const struct egret_softmax_args *args, uint64_t first, uint32_t rows)
{
	uint32_t block = egret_min(args->block_rows, rows);
	struct work work;

	prepare(args, &work, first, block * args->cols, block, block);
	work.total = rows;
	work.piece = block;
	work.loop = 1;
	pass(&work, softmax_block);
}

static void long_rows(const struct egret_softmax_args *args, uint64_t first, uint32_t rows)
{
	uint32_t chunks = egret_ceil_div(args->cols, args->chunk_cols);
	struct work work;
	uint64_t in;

	prepare(args, &work, first, args->chunk_cols, chunks, 1);
	work.total = args->cols;
	work.piece = args->chunk_cols;
	work.loop = 0;
	for (in = work.from; rows; rows--, in += args->in_pitch, work.to += args->out_pitch) {
		work.from = in;
		pass(&work, start_chunk);
		make_factors(&work, chunks);
		work.from = work.to;
		pass(&work, finish_chunk);
	}
}

static int args_are_good(const struct egret_softmax_args *args)
{
	if (!args->cols || !args->group_rows || !args->block_rows || !args->chunk_cols ||
	    args->reserved)
		return 0;
	if (args->chunk_cols < args->cols)
		return args->chunk_cols <= EGRET_SOFTMAX_BUFFER;
	return args->block_rows <= EGRET_SOFTMAX_BLOCK_ROWS &&
	       (uint64_t)args->block_rows * args->cols <= EGRET_SOFTMAX_BUFFER;
}

EGRET_KERNEL(softmax_f32, struct egret_softmax_args)
{
	uint64_t first = (uint64_t)group_x * args->group_rows;
	uint32_t rows;

	if (!args_are_good(args) || first >= args->rows)
		egret_abort(EGRET_SOFTMAX_ABORT_ARGS);
	rows = egret_min(args->group_rows, args->rows - first);
	if (args->chunk_cols < args->cols)
		long_rows(args, first, rows);
	else
		short_rows(args, first, rows);
}
