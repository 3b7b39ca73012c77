// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Depthwise convolutions and pooling: arguments in nn.h.
 *
 * There is nothing here for the matrix engine: each channel has few weights, and its input is
 * its own. So each tap is a map over the whole tile: the input as it is seen through
 * this tap, by a weight for each channel, added to the sums.
 */
#include "nn_program.h"

#define TAG_INPUT	TAG_KERNEL	/* two buffers */
#define TAG_WEIGHTS	(TAG_KERNEL + 2)

struct work {
	const struct egret_nn_window_args *args;
	struct nn_run run;
	EGRET_DESC(egret_dma_desc, load);
	EGRET_DESC(egret_map_desc, tap);
	uint32_t taps;
	uint32_t channel;	/* first of those whose weights are there; ~0 for none */
};

static void prepare(struct work *work)
{
	const struct egret_nn_window_args *args = work->args;
	const struct egret_nn_register *out = &args->program.reg[0];
	const uint32_t size = egret_type_size(args->in_type);
	const uint32_t row = args->cols * size, plane = args->rows * row;
	struct egret_dma_desc *dma = &work->load;
	struct egret_map_desc *map = &work->tap;
	int n;

	work->taps = args->x.taps * args->y.taps;
	work->channel = ~0u;
	egret_dma_block(dma, NULL, 0, size, args->cols, args->rows, row, 0, 0);
	dma->fill = args->fill;
	dma->loop[0].global_stride = args->in_x;
	dma->loop[1].global_stride = args->in_y;
	dma->loop[2].local_stride = plane;
	dma->loop[2].global_stride = args->in_c;
	for (n = 0; n < 2; n++) {
		dma->loop[n].step = 1;
		dma->loop[n].axis = n;
	}
	dma->axis[0].extent = args->x.extent;
	dma->axis[1].extent = args->y.extent;

	egret_map_desc(map, EGRET_MAP_COPY, NULL, EGRET_TYPE_F32, NULL, args->in_type, 1, 1);
	for (n = 0; n < 3; n++)
		map->out_stride[n] = out->stride[n];
	map->a_stride[0] = args->x.stride * size;
	map->a_stride[1] = args->y.stride * row;
	map->a_stride[2] = plane;
}

static void load(struct work *work, const struct nn_place *place, unsigned int turn)
{
	const struct egret_nn_window_args *args = work->args;
	int64_t x = (int64_t)place->origin[0] * args->x.stride - args->x.before;
	int64_t y = (int64_t)place->origin[1] * args->y.stride - args->y.before;
	struct egret_dma_desc *dma = &work->load;

	dma->global = args->input + x * args->in_x + y * args->in_y +
		      place->origin[2] * args->in_c + place->origin[3] * args->in_batch[0] +
		      place->origin[4] * args->in_batch[1];
	dma->local = nn_local(&work->run, args->in_local + turn * args->in_other);
	dma->axis[0].start = x;
	dma->axis[1].start = y;
	dma->loop[2].count = place->size[2];
	egret_dma(dma, TAG_INPUT + turn);
}

/* Weights and biases of a tile's channels, unless they are there. */
static void load_weights(struct work *work, const struct nn_place *place)
{
	const struct egret_nn_window_args *args = work->args;
	uint32_t channel = place->origin[2], count = place->size[2];

	if (!args->weights || work->channel == channel)
		return;
	work->channel = channel;
	/* The taps of the tile before still read them. */
	egret_wait(3u << TAG_TILE);
	egret_load((void *)(work->run.memory + args->weights_local),
		   args->weights + (uint64_t)channel * work->taps * sizeof(float),
		   count * work->taps, sizeof(float), TAG_WEIGHTS);
	if (args->bias)
		egret_load((void *)(work->run.memory + args->bias_local),
			   args->bias + channel * sizeof(float), count, sizeof(float),
			   TAG_WEIGHTS);
	egret_wait(1u << TAG_WEIGHTS);
}

/* The first tap begins the sums, the others add to them. */
static void choose_operation(struct work *work, uint32_t tap, uint32_t out)
{
	const struct egret_nn_window_args *args = work->args;
	struct egret_map_desc *map = &work->tap;
	uint32_t weight = nn_local(&work->run, args->weights_local + tap * sizeof(float));

	map->c_type = EGRET_TYPE_NONE;
	map->c = 0;
	memset(map->c_stride, 0, sizeof(map->c_stride));
	if (args->weights) {
		map->op = tap || args->bias ? EGRET_MAP_FMA : EGRET_MAP_MUL;
		map->b_type = EGRET_TYPE_F32;
		map->b = weight;
		map->b_stride[2] = work->taps * sizeof(float);
		if (!tap && !args->bias)
			return;
		map->c_type = EGRET_TYPE_F32;
		map->c = tap ? out : nn_local(&work->run, args->bias_local);
		if (tap)
			memcpy(map->c_stride, map->out_stride, sizeof(map->c_stride));
		else
			map->c_stride[2] = sizeof(float);
		return;
	}
	map->op = tap ? args->op : EGRET_MAP_COPY;
	map->b_type = tap ? EGRET_TYPE_F32 : EGRET_TYPE_NONE;
	map->b = tap ? out : 0;
	if (tap)
		memcpy(map->b_stride, map->out_stride, sizeof(map->b_stride));
	else
		memset(map->b_stride, 0, sizeof(map->b_stride));
}

static void slide(struct work *work, const struct nn_place *place, unsigned int turn)
{
	const struct egret_nn_window_args *args = work->args;
	uint32_t in = nn_local(&work->run, args->in_local + turn * args->in_other);
	uint32_t out = nn_buffer(&work->run, 0, turn), size = egret_type_size(args->in_type);
	uint32_t tap, x = 0, y = 0;
	struct egret_map_desc *map = &work->tap;
	int n;

	for (n = 0; n < 3; n++)
		map->dims[n] = place->size[n];
	map->out = out;
	for (tap = 0; tap < work->taps; tap++) {
		/* Operations 0 and 1 differ; the others are like 1. */
		if (tap < 2)
			choose_operation(work, tap, out);
		else if (args->weights)
			map->b += sizeof(float);
		map->a = in + (y * args->y.dilation * args->cols + x * args->x.dilation) * size;
		egret_map(map, TAG_TILE + turn);
		if (++x == args->x.taps) {
			x = 0;
			y++;
		}
	}
}

EGRET_KERNEL(nn_window, struct egret_nn_window_args)
{
	struct nn_place places[2];
	unsigned int turn = 0;
	struct work work;
	int more;

	work.args = args;
	if (!nn_begin(&work.run, &args->program, group_x))
		return;
	prepare(&work);
	nn_place(&work.run, &places[0]);
	load(&work, &places[0], 0);
	nn_load(&work.run, &places[0], 0);
	do {
		unsigned int other = turn ^ 1;

		load_weights(&work, &places[turn]);
		more = nn_next(&work.run);
		if (more) {
			nn_place(&work.run, &places[other]);
			egret_wait(1u << (TAG_TILE + other));
			load(&work, &places[other], other);
			nn_load(&work.run, &places[other], other);
		}
		egret_wait(1u << (TAG_INPUT + turn) | 1u << (TAG_LOAD + turn) |
			   1u << (TAG_STORE + turn));
		slide(&work, &places[turn], turn);
		nn_compute(&work.run, &places[turn], turn);
		egret_wait(1u << (TAG_TILE + turn));
		nn_store(&work.run, &places[turn], turn);
		turn = other;
	} while (more);
}
