// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * A kernel from scratch. It makes bytes of rows of floats, as inference on integers wants it:
 *
 *	scale[r] = max |in[r][c]| / 127,   out[r][c] = round(in[r][c] / scale[r])
 *
 * Every workgroup has a hart, which runs this C code, a megabyte of scratchpad, a DMA unit and
 * a tile engine. The code computes nothing itself: it moves rows into scratchpad, tells the
 * engine what to do there, and moves the result out. Operations return at once. A tag, 0 to
 * 31, is what egret_wait() knows them by.
 *
 * To compile it: accel-cc quantise_kernel.c. To see it at work, instruction by instruction:
 * egret-sim --help.
 */
#include <egret/kernel.h>

#include "quantise.h"

#define TAG_LOAD	0
#define TAG_TILE	1
#define TAG_STORE	2

/* scales = the largest magnitude of each row / 127; `magnitudes` is room for them all. */
static void find_scales(float *scales, float *magnitudes, const float *in, uint32_t rows,
			uint32_t columns)
{
	/* Descriptors are local variables; they are read when they are issued. */
	EGRET_DESC(egret_map_desc, map);
	EGRET_DESC(egret_reduce_desc, reduce);

	egret_map_desc(&map, EGRET_MAP_ABS, magnitudes, EGRET_TYPE_F32, in, EGRET_TYPE_F32,
		       columns, rows);
	egret_map(&map, TAG_TILE);
	/* The tile engine works in order: no need to wait in between. */
	egret_reduce_desc(&reduce, EGRET_REDUCE_MAX, scales, EGRET_TYPE_F32, magnitudes,
			  EGRET_TYPE_F32, columns, rows);
	egret_reduce(&reduce, TAG_TILE);
	egret_map_desc(&map, EGRET_MAP_DIV, scales, EGRET_TYPE_F32, scales, EGRET_TYPE_F32, rows,
		       1);
	/* A constant in the place of operand b. */
	map.b_type = EGRET_TYPE_F32;
	map.b = egret_bits(127);
	map.flags = EGRET_MAP_B_IMM;
	egret_map(&map, TAG_TILE);
}

/* out = in / scales, where a row has one scale: steps of operand b are 0 along it. */
static void divide(int8_t *out, const float *in, const float *scales, uint32_t rows,
		   uint32_t columns)
{
	EGRET_DESC(egret_map_desc, map);

	egret_map_desc(&map, EGRET_MAP_DIV, out, EGRET_TYPE_S8, in, EGRET_TYPE_F32, columns,
		       rows);
	egret_map_b(&map, scales, EGRET_TYPE_F32, 0, sizeof(*scales));
	map.flags = EGRET_MAP_ROUND_EVEN | EGRET_MAP_SATURATE;
	egret_map(&map, TAG_TILE);
}

EGRET_KERNEL(quantise, struct quantise_args)
{
	struct egret_scratch scratch = EGRET_SCRATCH;
	uint32_t columns = args->columns, first = group_x * QUANTISE_ROWS, rows, count;
	float *in, *magnitudes, *scales;
	int8_t *out;

	/* The host sees this as a fault, with the code, the kernel and the line. */
	if (columns > QUANTISE_COLUMNS_MAX)
		egret_abort(QUANTISE_ABORT_COLUMNS);
	if (first >= args->rows)
		return;
	/* The last workgroup may have fewer rows. */
	rows = egret_min(QUANTISE_ROWS, args->rows - first);
	count = rows * columns;
	in = egret_take(&scratch, count * sizeof(*in));
	magnitudes = egret_take(&scratch, count * sizeof(*magnitudes));
	scales = egret_take(&scratch, rows * sizeof(*scales));
	out = egret_take(&scratch, count);

	egret_load(in, args->in + (uint64_t)first * columns * sizeof(*in), count, sizeof(*in),
		   TAG_LOAD);
	egret_wait(1u << TAG_LOAD);
	find_scales(scales, magnitudes, in, rows, columns);
	divide(out, in, scales, rows, columns);
	egret_wait(1u << TAG_TILE);
	/* A workgroup is over when its stores are. */
	egret_store(out, args->out + (uint64_t)first * columns, count, sizeof(*out), TAG_STORE);
	egret_store(scales, args->scales + first * sizeof(*scales), rows, sizeof(*scales),
		    TAG_STORE);
}
