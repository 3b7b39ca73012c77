// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include <egret/kernel.h>

#include "tile.h"

#define TAG_LOAD	0
#define TAG_TILE	1
#define TAG_STORE	2

/* out = relu(x * weights^T * scale + bias), 8-bit in and out. */
EGRET_KERNEL(dense_s8, struct dense_args)
{
	struct egret_scratch scratch = EGRET_SCRATCH;
	int8_t *x = egret_take(&scratch, args->m * args->k);
	int8_t *weights = egret_take(&scratch, args->n * args->k);
	float *scale = egret_take(&scratch, args->n * sizeof(*scale));
	float *bias = egret_take(&scratch, args->n * sizeof(*bias));
	int8_t *out = egret_take(&scratch, args->m * args->n);
	EGRET_DESC(egret_matmul_desc, desc);

	egret_load(x, args->x, args->m * args->k, 1, TAG_LOAD);
	egret_load(weights, args->weights, args->n * args->k, 1, TAG_LOAD);
	egret_load(scale, args->scale, args->n, sizeof(*scale), TAG_LOAD);
	egret_load(bias, args->bias, args->n, sizeof(*bias), TAG_LOAD);
	egret_wait(1u << TAG_LOAD);

	egret_matmul_desc(&desc, x, weights, out, args->m, args->n, args->k, EGRET_TYPE_S8,
			  EGRET_TYPE_S8);
	desc.b_pitch = args->k;
	desc.flags = EGRET_MATMUL_B_TRANS | EGRET_MATMUL_SCALE_N | EGRET_MATMUL_BIAS_OUT;
	desc.scale = egret_local(scale);
	desc.bias = egret_local(bias);
	desc.act = EGRET_ACT_RELU;
	egret_matmul(&desc, TAG_TILE);
	egret_wait(1u << TAG_TILE);
	egret_store(out, args->out, args->m * args->n, 1, TAG_STORE);
}

/* out = relu(x * weights * scale + shift + other): the end of a network's two branches. */
EGRET_KERNEL(branch, struct branch_args)
{
	struct egret_scratch scratch = EGRET_SCRATCH;
	uint32_t pitch = args->n * sizeof(float);
	float *x = egret_take(&scratch, args->m * args->k * sizeof(*x));
	float *weights = egret_take(&scratch, args->k * pitch);
	float *scale = egret_take(&scratch, pitch);
	float *shift = egret_take(&scratch, pitch);
	float *out = egret_take(&scratch, args->m * pitch);
	EGRET_PRODUCT(product, 4);

	egret_load(x, args->x, args->m * args->k, sizeof(*x), TAG_LOAD);
	egret_load(weights, args->weights, args->k * args->n, sizeof(*weights), TAG_LOAD);
	egret_load(scale, args->scale, args->n, sizeof(*scale), TAG_LOAD);
	egret_load(shift, args->shift, args->n, sizeof(*shift), TAG_LOAD);
	egret_load(out, args->other, args->m * args->n, sizeof(*out), TAG_LOAD);
	egret_wait(1u << TAG_LOAD);

	egret_matmul_desc(&product.desc, x, weights, out, args->m, args->n, args->k,
			  EGRET_TYPE_F32, EGRET_TYPE_F32);
	egret_step_vector(&product.step[0], EGRET_STEP_MUL, EGRET_STEP_N, scale);
	egret_step_vector(&product.step[1], EGRET_STEP_ADD, EGRET_STEP_N, shift);
	/* The other branch is where the result will be. */
	egret_step_matrix(&product.step[2], EGRET_STEP_ADD, out, EGRET_TYPE_F32, pitch);
	egret_step_act(&product.step[3], EGRET_ACT_RELU, 0, 0);
	product.desc.steps = 4;
	egret_matmul(&product.desc, TAG_TILE);
	egret_wait(1u << TAG_TILE);
	egret_store(out, args->out, args->m * args->n, sizeof(*out), TAG_STORE);
}

/* x = op(x, value) over count floats */
static void map_value(enum egret_map_op op, float *x, float value, uint32_t count)
{
	EGRET_DESC(egret_map_desc, desc);

	egret_map_desc(&desc, op, x, EGRET_TYPE_F32, x, EGRET_TYPE_F32, count, 1);
	desc.flags = EGRET_MAP_B_IMM;
	desc.b_type = EGRET_TYPE_F32;
	desc.b = egret_bits(value);
	egret_map(&desc, TAG_TILE);
}

/* factor[r] = 1 / sqrt(mean of the squares of row r + epsilon) */
static void row_factors(const struct norm_args *args, float *factor, const uint16_t *x)
{
	EGRET_DESC(egret_reduce_desc, squares);
	EGRET_DESC(egret_map_desc, root);

	egret_reduce_desc(&squares, EGRET_REDUCE_SUMSQ, factor, EGRET_TYPE_F32, x,
			  EGRET_TYPE_BF16, args->cols, args->rows);
	egret_reduce(&squares, TAG_TILE);
	map_value(EGRET_MAP_MUL, factor, 1.0f / (float)args->cols, args->rows);
	map_value(EGRET_MAP_ADD, factor, args->epsilon, args->rows);
	egret_map_desc(&root, EGRET_MAP_RSQRT, factor, EGRET_TYPE_F32, factor, EGRET_TYPE_F32,
		       args->rows, 1);
	egret_map(&root, TAG_TILE);
}

/* out = x * factor of the row * weight of the column */
EGRET_KERNEL(rms_norm, struct norm_args)
{
	uint32_t count = args->rows * args->cols;
	struct egret_scratch scratch = EGRET_SCRATCH;
	uint16_t *x = egret_take(&scratch, count * sizeof(*x));
	float *weight = egret_take(&scratch, args->cols * sizeof(*weight));
	float *factor = egret_take(&scratch, args->rows * sizeof(*factor));
	float *wide = egret_take(&scratch, count * sizeof(*wide));
	EGRET_DESC(egret_map_desc, desc);

	egret_load(x, args->x, count, sizeof(*x), TAG_LOAD);
	egret_load(weight, args->weight, args->cols, sizeof(*weight), TAG_LOAD);
	egret_wait(1u << TAG_LOAD);
	row_factors(args, factor, x);

	/* One value for each row: no stride between columns. */
	egret_map_desc(&desc, EGRET_MAP_MUL, wide, EGRET_TYPE_F32, x, EGRET_TYPE_BF16,
		       args->cols, args->rows);
	egret_map_b(&desc, factor, EGRET_TYPE_F32, 0, sizeof(*factor));
	egret_map(&desc, TAG_TILE);
	/* One value for each column: no stride between rows. */
	egret_map_desc(&desc, EGRET_MAP_MUL, x, EGRET_TYPE_BF16, wide, EGRET_TYPE_F32,
		       args->cols, args->rows);
	egret_map_b(&desc, weight, EGRET_TYPE_F32, sizeof(*weight), 0);
	egret_map(&desc, TAG_TILE);
	egret_wait(1u << TAG_TILE);
	egret_store(x, args->out, count, sizeof(*x), TAG_STORE);
}
