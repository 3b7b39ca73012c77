// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* c[i] = a[i] + b[i]. Compile with: accel-cc vecadd_kernel.c */
#include <egret/kernel.h>

#include "vecadd.h"

EGRET_KERNEL(vecadd, struct vecadd_args)
{
	struct egret_scratch scratch = EGRET_SCRATCH;
	uint32_t first = group_x * VECADD_GROUP;
	uint32_t count = egret_min(VECADD_GROUP, args->count - first);
	uint64_t offset = (uint64_t)first * sizeof(float);
	float *a = egret_take(&scratch, count * sizeof(float));
	float *b = egret_take(&scratch, count * sizeof(float));
	EGRET_DESC(egret_map_desc, add);

	egret_load(a, args->a + offset, count, sizeof(float), 0);
	egret_load(b, args->b + offset, count, sizeof(float), 0);
	egret_map_desc(&add, EGRET_MAP_ADD, a, EGRET_TYPE_F32, a, EGRET_TYPE_F32, count, 1);
	egret_map_b(&add, b, EGRET_TYPE_F32, sizeof(float), 0);
	egret_wait(1u << 0);
	egret_map(&add, 1);
	egret_wait(1u << 1);
	egret_store(a, args->c + offset, count, sizeof(float), 2);
}
