// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include <egret/kernel.h>

#include "first.h"

#define TAG_LOAD	0
#define TAG_TILE	1
#define TAG_STORE	2

EGRET_KERNEL(scale, struct scale_args)
{
	uint32_t first = group_x * args->per_group;
	uint32_t count = egret_min(args->per_group, args->count - first);
	struct egret_scratch scratch = EGRET_SCRATCH;
	float *x = egret_take(&scratch, count * sizeof(*x));
	EGRET_DESC(egret_map_desc, desc);

	egret_load(x, args->in + first * sizeof(*x), count, sizeof(*x), TAG_LOAD);
	egret_wait(1u << TAG_LOAD);

	egret_map_desc(&desc, EGRET_MAP_MUL, x, EGRET_TYPE_F32, x, EGRET_TYPE_F32, count, 1);
	desc.flags = EGRET_MAP_B_IMM;
	desc.b_type = EGRET_TYPE_F32;
	desc.b = egret_bits(args->factor);
	egret_map(&desc, TAG_TILE);
	egret_wait(1u << TAG_TILE);

	egret_store(x, args->out + first * sizeof(*x), count, sizeof(*x), TAG_STORE);
}
