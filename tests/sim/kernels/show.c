// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Kernels for the simulator's tests. */
#include <egret/kernel.h>

struct meet_args {
	__u64 flags;	/* a word for each workgroup, zero */
	__u64 out;	/* likewise */
};

/* Workgroups that wait until all of them have come: none may run to its end alone. */
EGRET_KERNEL(meet, struct meet_args)
{
	volatile __u32 *flags = (volatile __u32 *)args->flags;
	__u32 *out = (__u32 *)args->out;
	__u32 sum = 0;

	flags[group_x] = group_x + 1;
	for (unsigned int i = 0; i < egret_grid_x(); i++) {
		while (!flags[i])
			;
		sum += flags[i];
	}
	out[group_x] = sum * 100 + egret_cluster();
}

struct types_args {
	__u8 a;
	__u16 b[3];
	__u32 c;
	__u64 out;
	float d;
	__u8 e;
	double f;
	__s32 g;
};

/* What came in each member. */
EGRET_KERNEL(types, struct types_args)
{
	__u64 *bits = (__u64 *)args->out;

	bits[0] = args->a;
	bits[1] = args->b[0];
	bits[2] = args->b[1];
	bits[3] = args->b[2];
	bits[4] = args->c;
	bits[5] = (__u64)(args->d * 4);
	bits[6] = args->e;
	memcpy(&bits[7], &args->f, sizeof(bits[7]));
	bits[8] = (__u64)(__s64)args->g;
}

struct work_args {
	__u64 in;
	__u64 out;
};

#define SIDE	64

/* All units at once: loads, a product, a map and a store; unlike work in each group. */
EGRET_KERNEL(work, struct work_args)
{
	struct egret_scratch scratch = EGRET_SCRATCH;
	const __u32 bytes = SIDE * SIDE * sizeof(float);
	float *a = egret_take(&scratch, bytes);
	float *b = egret_take(&scratch, bytes);
	float *c = egret_take(&scratch, bytes);
	EGRET_DESC(egret_matmul_desc, product);
	EGRET_DESC(egret_map_desc, map);

	for (unsigned int i = 0; i <= group_x; i++) {
		egret_load(a, args->in, SIDE * SIDE, sizeof(float), 0);
		egret_load(b, args->in, SIDE * SIDE, sizeof(float), 1);
		egret_wait(1u << 0 | 1u << 1);
		egret_matmul_desc(&product, a, b, c, SIDE, SIDE, SIDE, EGRET_TYPE_F32,
				  EGRET_TYPE_F32);
		egret_matmul(&product, 2);
		egret_map_desc(&map, EGRET_MAP_RELU, c, EGRET_TYPE_F32, c, EGRET_TYPE_F32, SIDE,
			       SIDE);
		egret_map(&map, 3);
		egret_wait(1u << 3);
		egret_store(c, args->out + (__u64)group_x * bytes, SIDE * SIDE, sizeof(float), 4);
	}
}

struct give_up_args {
	__u32 first;
};

/* Groups from args.first on give up, those behind sooner than those before. */
EGRET_KERNEL(give_up_late, struct give_up_args)
{
	for (volatile __u64 i = 0; i < (16 - group_x) * 100; i++)
		;
	if (group_x >= args->first)
		__asm__ volatile ("ebreak");
}
