// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Classifying by the nearest class mean, on the card.
 *
 * Squared distances are computed as |x|^2 - 2 x.m + |m|^2, so that nearly all the work is
 * one matrix product. The operations and their order are written down where the host
 * repeats them (reference.c): the results must be equal to the bit.
 */
#include <egret/kernel.h>

#include "nearest.h"

#define TAG_LOAD	0
#define TAG_TILE	1
#define TAG_STORE	2

#define wait(tag)	egret_wait(1u << (tag))

/* The rows that a workgroup has to do. */
static uint32_t my_rows(uint32_t first, uint32_t rows, uint32_t count)
{
	return first < count ? egret_min(rows, count - first) : 0;
}

EGRET_KERNEL(one_hot, struct one_hot_args)
{
	struct egret_scratch scratch = EGRET_SCRATCH;
	uint32_t first = group_x * args->rows;
	uint32_t rows = my_rows(first, args->rows, args->count);
	int32_t *labels = egret_take(&scratch, rows * sizeof(*labels));
	int32_t *numbers = egret_take(&scratch, args->classes * sizeof(*numbers));
	float *out = egret_take(&scratch, rows * args->classes * sizeof(*out));
	EGRET_DESC(egret_map_desc, desc);

	if (!rows)
		return;
	egret_load(labels, args->labels + first * sizeof(*labels), rows, sizeof(*labels),
		   TAG_LOAD);
	for (uint32_t c = 0; c < args->classes; c++)
		numbers[c] = c;
	wait(TAG_LOAD);
	egret_map_desc(&desc, EGRET_MAP_EQ, out, EGRET_TYPE_F32, labels, EGRET_TYPE_S32,
		       args->classes, rows);
	desc.a_stride[0] = 0;
	desc.a_stride[1] = sizeof(*labels);
	egret_map_b(&desc, numbers, EGRET_TYPE_S32, sizeof(*numbers), 0);
	egret_map(&desc, TAG_TILE);
	wait(TAG_TILE);
	egret_store(out, args->out + (uint64_t)first * args->classes * sizeof(*out),
		    rows * args->classes, sizeof(*out), TAG_STORE);
}

/* Rows of one_hot that are in scratchpad at a time. */
#define COUNT_ROWS	4096

/* counts[c] = sum of column c of one_hot */
static void count_classes(const struct class_means_args *args, float *one_hot, float *counts)
{
	EGRET_DESC(egret_reduce_desc, desc);

	for (uint32_t first = 0; first < args->count; first += COUNT_ROWS) {
		uint32_t rows = my_rows(first, COUNT_ROWS, args->count);

		/* The sum before reads what the load is going to overwrite. */
		wait(TAG_TILE);
		egret_load(one_hot,
			   args->one_hot + (uint64_t)first * args->classes * sizeof(*one_hot),
			   rows * args->classes, sizeof(*one_hot), TAG_LOAD);
		wait(TAG_LOAD);
		egret_reduce_desc(&desc, EGRET_REDUCE_SUM, counts, EGRET_TYPE_F32, one_hot,
				  EGRET_TYPE_F32, rows, args->classes);
		desc.in_stride[0] = args->classes * sizeof(*one_hot);
		desc.in_stride[1] = sizeof(*one_hot);
		if (first)
			desc.flags = EGRET_REDUCE_ACC;
		egret_reduce(&desc, TAG_TILE);
	}
}

EGRET_KERNEL(class_means, struct class_means_args)
{
	struct egret_scratch scratch = EGRET_SCRATCH;
	uint32_t size = args->classes * args->features;
	uint32_t chunk = egret_min(args->count, COUNT_ROWS) * args->classes;
	float *one_hot = egret_take(&scratch, chunk * sizeof(*one_hot));
	float *counts = egret_take(&scratch, args->classes * sizeof(*counts));
	float *means = egret_take(&scratch, size * sizeof(*means));
	EGRET_DESC(egret_map_desc, desc);

	count_classes(args, one_hot, counts);
	egret_load(means, args->sums, size, sizeof(*means), TAG_LOAD);
	wait(TAG_LOAD);
	egret_map_desc(&desc, EGRET_MAP_DIV, means, EGRET_TYPE_F32, means, EGRET_TYPE_F32,
		       args->features, args->classes);
	egret_map_b(&desc, counts, EGRET_TYPE_F32, 0, sizeof(*counts));
	egret_map(&desc, TAG_TILE);
	wait(TAG_TILE);
	egret_store(means, args->means, size, sizeof(*means), TAG_STORE);
}

EGRET_KERNEL(quantise, struct quantise_args)
{
	struct egret_scratch scratch = EGRET_SCRATCH;
	uint32_t first = group_x * args->per_group;
	uint32_t count = my_rows(first, args->per_group, args->count);
	float *in = egret_take(&scratch, count * sizeof(*in));
	int8_t *out = egret_take(&scratch, count);
	EGRET_DESC(egret_map_desc, desc);

	if (!count)
		return;
	egret_load(in, args->in + (uint64_t)first * sizeof(*in), count, sizeof(*in), TAG_LOAD);
	wait(TAG_LOAD);
	egret_map_desc(&desc, EGRET_MAP_MUL, out, EGRET_TYPE_S8, in, EGRET_TYPE_F32, count, 1);
	desc.b_type = EGRET_TYPE_F32;
	desc.b = egret_bits(args->factor);
	desc.flags = EGRET_MAP_B_IMM | EGRET_MAP_SATURATE | EGRET_MAP_ROUND_EVEN;
	egret_map(&desc, TAG_TILE);
	wait(TAG_TILE);
	egret_store(out, args->out + first, count, 1, TAG_STORE);
}

/* What a workgroup of nearest_* has in scratchpad. */
struct work {
	uint32_t first, rows;
	void *points;		/* rows x features */
	void *means;		/* classes x features */
	void *distances;	/* rows x classes */
	void *points_norm;	/* rows: |x|^2 */
	void *means_norm;	/* classes: |m|^2 */
	int32_t *nearest;	/* rows */
};

/* Load the points and the means. Distances are as wide as integers and floats: 4 bytes. */
static void begin(const struct nearest_args *args, unsigned int group, struct work *work,
		  unsigned int element)
{
	struct egret_scratch scratch = EGRET_SCRATCH;
	uint32_t row = args->features * element;

	work->first = group * args->rows;
	work->rows = my_rows(work->first, args->rows, args->count);
	work->points = egret_take(&scratch, work->rows * row);
	work->means = egret_take(&scratch, args->classes * row);
	work->distances = egret_take(&scratch, work->rows * args->classes * 4);
	work->points_norm = egret_take(&scratch, work->rows * 4);
	work->means_norm = egret_take(&scratch, args->classes * 4);
	work->nearest = egret_take(&scratch, work->rows * 4);
	if (!work->rows)
		return;
	egret_load(work->points, args->points + (uint64_t)work->first * row,
		   work->rows * args->features, element, TAG_LOAD);
	egret_load(work->means, args->means, args->classes * args->features, element, TAG_LOAD);
	wait(TAG_LOAD);
}

static void squares(const struct nearest_args *args, void *out, enum egret_type out_type,
		    const void *in, enum egret_type in_type, uint32_t rows)
{
	EGRET_DESC(egret_reduce_desc, desc);

	egret_reduce_desc(&desc, EGRET_REDUCE_SUMSQ, out, out_type, in, in_type,
			  args->features, rows);
	egret_reduce(&desc, TAG_TILE);
}

/* distances[i][c] += term[i or c] */
static void add_term(const struct nearest_args *args, const struct work *work,
		     const void *term, enum egret_type type, int32_t col_stride,
		     int32_t row_stride)
{
	EGRET_DESC(egret_map_desc, desc);

	egret_map_desc(&desc, EGRET_MAP_ADD, work->distances, type, work->distances, type,
		       args->classes, work->rows);
	egret_map_b(&desc, term, type, col_stride, row_stride);
	egret_map(&desc, TAG_TILE);
}

/* Find the nearest mean of each point, and store all. */
static void finish(const struct nearest_args *args, const struct work *work,
		   enum egret_type type)
{
	EGRET_DESC(egret_reduce_desc, desc);

	egret_reduce_desc(&desc, EGRET_REDUCE_ARGMIN, work->nearest, EGRET_TYPE_S32,
			  work->distances, type, args->classes, work->rows);
	egret_reduce(&desc, TAG_TILE);
	wait(TAG_TILE);
	egret_store(work->distances,
		    args->distances + (uint64_t)work->first * args->classes * 4,
		    work->rows * args->classes, 4, TAG_STORE);
	egret_store(work->nearest, args->nearest + (uint64_t)work->first * 4, work->rows, 4,
		    TAG_STORE);
}

EGRET_KERNEL(nearest_f32, struct nearest_args)
{
	EGRET_DESC(egret_matmul_desc, desc);
	struct work work;

	begin(args, group_x, &work, sizeof(float));
	if (!work.rows)
		return;
	squares(args, work.points_norm, EGRET_TYPE_F32, work.points, EGRET_TYPE_F32, work.rows);
	squares(args, work.means_norm, EGRET_TYPE_F32, work.means, EGRET_TYPE_F32,
		args->classes);
	/* The means are stored by class, and so transposed; -2 and |m|^2 on the way out. */
	egret_matmul_desc(&desc, work.points, work.means, work.distances, work.rows,
			  args->classes, args->features, EGRET_TYPE_F32, EGRET_TYPE_F32);
	desc.b_pitch = args->features * sizeof(float);
	desc.flags = EGRET_MATMUL_B_TRANS | EGRET_MATMUL_SCALE_IMM | EGRET_MATMUL_BIAS_OUT;
	desc.scale = egret_bits(-2.0f);
	desc.bias = egret_local(work.means_norm);
	egret_matmul(&desc, TAG_TILE);
	add_term(args, &work, work.points_norm, EGRET_TYPE_F32, 0, sizeof(float));
	finish(args, &work, EGRET_TYPE_F32);
}

EGRET_KERNEL(nearest_s8, struct nearest_args)
{
	EGRET_DESC(egret_matmul_desc, product);
	EGRET_DESC(egret_map_desc, scale);
	struct work work;

	begin(args, group_x, &work, sizeof(int8_t));
	if (!work.rows)
		return;
	squares(args, work.points_norm, EGRET_TYPE_S32, work.points, EGRET_TYPE_S8, work.rows);
	squares(args, work.means_norm, EGRET_TYPE_S32, work.means, EGRET_TYPE_S8, args->classes);
	egret_matmul_desc(&product, work.points, work.means, work.distances, work.rows,
			  args->classes, args->features, EGRET_TYPE_S8, EGRET_TYPE_S32);
	product.b_pitch = args->features;
	product.flags = EGRET_MATMUL_B_TRANS;
	egret_matmul(&product, TAG_TILE);
	egret_map_desc(&scale, EGRET_MAP_MUL, work.distances, EGRET_TYPE_S32, work.distances,
		       EGRET_TYPE_S32, args->classes, work.rows);
	scale.b_type = EGRET_TYPE_S32;
	scale.b = (uint32_t)-2;
	scale.flags = EGRET_MAP_B_IMM;
	egret_map(&scale, TAG_TILE);
	add_term(args, &work, work.points_norm, EGRET_TYPE_S32, 0, sizeof(int32_t));
	add_term(args, &work, work.means_norm, EGRET_TYPE_S32, sizeof(int32_t), 0);
	finish(args, &work, EGRET_TYPE_S32);
}
