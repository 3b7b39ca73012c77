// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Small kernels that each show one thing. */
#include <egret/kernel.h>

#include "probe.h"

EGRET_KERNEL(who, struct who_args)
{
	struct probe_who *out = (struct probe_who *)args->out;

	out += (group_z * egret_grid_y() + group_y) * egret_grid_x() + group_x;
	*out = (struct probe_who) {
		.x = group_x,
		.y = group_y,
		.z = group_z,
		.grid_x = egret_grid_x(),
		.grid_y = egret_grid_y(),
		.grid_z = egret_grid_z(),
		.cluster = egret_cluster(),
		.args_size = EGRET_CSR_READ(EGRET_CSR_ARGS_SIZE),
	};
}

EGRET_KERNEL(poke, struct poke_args)
{
	if (group_x == args->group)
		*(volatile uint64_t *)args->address = args->value;
}

EGRET_KERNEL(load, struct load_args)
{
	struct egret_scratch scratch = EGRET_SCRATCH;

	egret_load(egret_take(&scratch, 64), args->address, 64, 1, 0);
	egret_wait(1);
}

EGRET_KERNEL(give_up, struct give_up_args)
{
	egret_abort(args->code);
}

EGRET_KERNEL(too_much_scratch, struct give_up_args)
{
	struct egret_scratch scratch = EGRET_SCRATCH;

	egret_take(&scratch, EGRET_SCRATCH_SIZE);
}

EGRET_KERNEL(sum, struct sum_args)
{
	uint32_t total = 0;

	for (int i = 0; i < SUM_WORDS; i++)
		total += args->words[i];
	*(uint32_t *)args->out = total;
}

/* An array of pointers needs a relocation for each. */
static const char hello[GREETING_SIZE] = "hello";
static const char morning[GREETING_SIZE] = "good morning";
static const char night[GREETING_SIZE] = "good night";
static const char *const greetings[] = { hello, morning, night };

EGRET_KERNEL(greet, struct greet_args)
{
	memcpy((void *)args->out, greetings[args->which], GREETING_SIZE);
}

EGRET_KERNEL(add, struct add_args)
{
	struct egret_scratch scratch = EGRET_SCRATCH;
	uint32_t *x = egret_take(&scratch, args->count * sizeof(*x));
	uint64_t mine = (uint64_t)group_x * args->count * sizeof(*x);
	EGRET_DESC(egret_map_desc, desc);

	egret_load(x, args->in + mine, args->count, sizeof(*x), 0);
	egret_wait(1u << 0);
	egret_map_desc(&desc, EGRET_MAP_ADD, x, EGRET_TYPE_S32, x, EGRET_TYPE_S32, args->count, 1);
	desc.b_type = EGRET_TYPE_S32;
	desc.b = args->value;
	desc.flags = EGRET_MAP_B_IMM;
	egret_map(&desc, 1);
	egret_wait(1u << 1);
	egret_store(x, args->out + mine, args->count, sizeof(*x), 2);
}

EGRET_KERNEL(spin, struct spin_args)
{
	for (;;)
		__asm__ volatile("");
}
