// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Programs of elementwise operations and reductions: arguments in nn.h. With
 * an empty program, which stores what it loads, it transposes, slices, pads, repeats and
 * gathers.
 */
#include "nn_program.h"

EGRET_KERNEL(nn_tile, struct egret_nn_tile_args)
{
	struct nn_place places[2];
	unsigned int turn = 0;
	struct nn_run run;
	uint32_t free;
	int more;

	if (!nn_begin(&run, &args->program, group_x))
		return;
	/* What must be over before a buffer is loaded again. */
	free = 1u << TAG_TILE | (args->program.steps ? 0 : 1u << TAG_STORE);
	nn_place(&run, &places[0]);
	nn_load(&run, &places[0], 0);
	do {
		unsigned int other = ~turn & 1;

		turn &= 1;
		more = nn_next(&run);
		if (more) {
			nn_place(&run, &places[other]);
			egret_wait(free << other);
			nn_load(&run, &places[other], other);
		}
		egret_wait(1u << (TAG_LOAD + turn) | 1u << (TAG_STORE + turn));
		nn_compute(&run, &places[turn], turn);
		egret_wait(1u << (TAG_TILE + turn));
		nn_store(&run, &places[turn], turn);
		turn = other;
	} while (more);
}
