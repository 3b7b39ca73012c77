// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include <egret/kernel.h>

#include "tile.h"

#define TAG_LOAD	0
#define TAG_TILE	1

static void sum(float *out, const float *x, uint32_t count)
{
	EGRET_DESC(egret_reduce_desc, desc);

	egret_reduce_desc(&desc, EGRET_REDUCE_SUM, out, EGRET_TYPE_F32, x, EGRET_TYPE_F32,
			  count, 1);
	egret_reduce(&desc, TAG_TILE);
}

/* WRONG: the sum does not wait for the load. */
EGRET_KERNEL(hurried_sum, struct sum_args)
{
	struct egret_scratch scratch = EGRET_SCRATCH;
	float *x = egret_take(&scratch, args->count * sizeof(*x));
	float *result = egret_take(&scratch, sizeof(*result));

	memset(x, 0, args->count * sizeof(*x));
	egret_load(x, args->in, args->count, sizeof(*x), TAG_LOAD);
	sum(result, x, args->count);
	egret_wait(1u << TAG_LOAD | 1u << TAG_TILE);
	egret_store(result, args->out, 1, sizeof(*result), TAG_LOAD);
}

EGRET_KERNEL(patient_sum, struct sum_args)
{
	struct egret_scratch scratch = EGRET_SCRATCH;
	float *x = egret_take(&scratch, args->count * sizeof(*x));
	float *result = egret_take(&scratch, sizeof(*result));

	memset(x, 0, args->count * sizeof(*x));
	egret_load(x, args->in, args->count, sizeof(*x), TAG_LOAD);
	egret_wait(1u << TAG_LOAD);
	sum(result, x, args->count);
	egret_wait(1u << TAG_TILE);
	egret_store(result, args->out, 1, sizeof(*result), TAG_LOAD);
}
