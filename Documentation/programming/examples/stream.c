// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Scaling arrays that do not fit into scratchpad: one buffer, and three. */
#include <egret/kernel.h>

#include "first.h"

#define BUFFERS		3

/* Tags; each of them is followed by those of the other buffers. */
#define TAG_LOAD	0
#define TAG_TILE	3
#define TAG_STORE	6

/* A workgroup's share. */
struct share {
	uint64_t in, out;
	uint32_t count, chunk;
	float *buffers[BUFFERS];
	EGRET_DESC(egret_map_desc, map);
};

static void prepare(const struct scale_args *args, struct share *share, uint32_t group,
		    unsigned int buffers)
{
	uint32_t first = group * args->per_group;
	struct egret_scratch scratch = EGRET_SCRATCH;

	share->in = args->in + (uint64_t)first * sizeof(float);
	share->out = args->out + (uint64_t)first * sizeof(float);
	share->count = egret_min(args->per_group, args->count - first);
	share->chunk = args->chunk;
	for (unsigned int i = 0; i < buffers; i++)
		share->buffers[i] = egret_take(&scratch, args->chunk * sizeof(float));
	egret_map_desc(&share->map, EGRET_MAP_MUL, NULL, EGRET_TYPE_F32, NULL, EGRET_TYPE_F32,
		       0, 1);
	share->map.flags = EGRET_MAP_B_IMM;
	share->map.b_type = EGRET_TYPE_F32;
	share->map.b = egret_bits(args->factor);
}

static uint32_t length(const struct share *share, uint32_t number)
{
	return egret_min(share->chunk, share->count - number * share->chunk);
}

static void load(struct share *share, uint32_t number, unsigned int buffer)
{
	egret_load(share->buffers[buffer],
		   share->in + (uint64_t)number * share->chunk * sizeof(float),
		   length(share, number), sizeof(float), TAG_LOAD + buffer);
}

static void compute(struct share *share, uint32_t number, unsigned int buffer)
{
	share->map.a = egret_local(share->buffers[buffer]);
	share->map.out = share->map.a;
	share->map.dims[0] = length(share, number);
	egret_map(&share->map, TAG_TILE + buffer);
}

static void store(struct share *share, uint32_t number, unsigned int buffer)
{
	egret_store(share->buffers[buffer],
		    share->out + (uint64_t)number * share->chunk * sizeof(float),
		    length(share, number), sizeof(float), TAG_STORE + buffer);
}

EGRET_KERNEL(scale_in_turn, struct scale_args)
{
	struct share share;
	uint32_t count;

	prepare(args, &share, group_x, 1);
	count = egret_ceil_div(share.count, share.chunk);
	for (uint32_t i = 0; i < count; i++) {
		load(&share, i, 0);
		egret_wait(1u << TAG_LOAD);
		compute(&share, i, 0);
		egret_wait(1u << TAG_TILE);
		store(&share, i, 0);
		egret_wait(1u << TAG_STORE);
	}
}

EGRET_KERNEL(scale_overlapped, struct scale_args)
{
	unsigned int previous = 0, buffer = 0, next;
	struct share share;
	uint32_t count;

	prepare(args, &share, group_x, BUFFERS);
	count = egret_ceil_div(share.count, share.chunk);
	load(&share, 0, 0);
	for (uint32_t i = 0; i < count; i++) {
		next = buffer + 1 < BUFFERS ? buffer + 1 : 0;
		if (i + 1 < count) {
			egret_wait(1u << (TAG_STORE + next));	/* of chunk i - 2 */
			load(&share, i + 1, next);
		}
		egret_wait(1u << (TAG_LOAD + buffer));
		compute(&share, i, buffer);
		if (i) {
			egret_wait(1u << (TAG_TILE + previous));
			store(&share, i - 1, previous);
		}
		previous = buffer;
		buffer = next;
	}
	egret_wait(1u << (TAG_TILE + previous));
	store(&share, count - 1, previous);
}
