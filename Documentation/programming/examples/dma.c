// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include <egret/kernel.h>

#include "dma.h"

#define TAG_LOAD	0
#define TAG_STORE	1

/* Let a loop move along an axis of the tensor, from a coordinate on. */
static void follow(struct egret_dma_desc *desc, unsigned int loop, unsigned int axis,
		   int32_t start, uint32_t extent)
{
	desc->loop[loop].axis = axis;
	desc->loop[loop].step = 1;
	desc->axis[axis].start = start;
	desc->axis[axis].extent = extent;
}

/* One workgroup copies an image and gives it a border. */
EGRET_KERNEL(pad, struct pad_args)
{
	uint32_t cols = args->width + 2 * args->border;
	uint32_t rows = args->height + 2 * args->border;
	uint32_t row = args->width * sizeof(float);
	struct egret_scratch scratch = EGRET_SCRATCH;
	float *image = egret_take(&scratch, cols * rows * sizeof(*image));
	EGRET_DESC(egret_dma_desc, load);

	egret_dma_block(&load, image, args->in, sizeof(*image), cols, rows,
			cols * sizeof(*image), row, 0);
	/* The block begins above and to the left of the image. */
	load.global -= args->border * (row + sizeof(*image));
	load.fill = egret_bits(args->fill);
	follow(&load, 0, 0, -args->border, args->width);
	follow(&load, 1, 1, -args->border, args->height);
	egret_dma(&load, TAG_LOAD);
	egret_wait(1u << TAG_LOAD);
	egret_store(image, args->out, cols * rows, sizeof(*image), TAG_STORE);
}

#define TILE	64

/* Workgroup (x, y) transposes one tile; those at the edges are cut by the DMA unit. */
EGRET_KERNEL(transpose, struct transpose_args)
{
	uint32_t row = group_y * TILE, col = group_x * TILE;
	struct egret_scratch scratch = EGRET_SCRATCH;
	float *tile = egret_take(&scratch, TILE * TILE * sizeof(*tile));
	EGRET_DESC(egret_dma_desc, desc);

	/* Adjacent in memory, but a row apart in scratchpad. */
	egret_dma_block(&desc, tile, args->in, sizeof(*tile), TILE, TILE, sizeof(*tile),
			args->cols * sizeof(*tile), 0);
	desc.loop[0].local_stride = TILE * sizeof(*tile);
	desc.global += ((uint64_t)row * args->cols + col) * sizeof(*tile);
	follow(&desc, 0, 0, col, args->cols);
	follow(&desc, 1, 1, row, args->rows);
	egret_dma(&desc, TAG_LOAD);
	egret_wait(1u << TAG_LOAD);

	egret_dma_block(&desc, tile, args->out, sizeof(*tile), TILE, TILE, TILE * sizeof(*tile),
			args->rows * sizeof(*tile), EGRET_DMA_STORE);
	desc.global += ((uint64_t)col * args->rows + row) * sizeof(*tile);
	follow(&desc, 0, 0, row, args->rows);
	follow(&desc, 1, 1, col, args->cols);
	egret_dma(&desc, TAG_STORE);
}

/* One workgroup gathers rows of a table; numbers outside of it give rows of zeros. */
EGRET_KERNEL(gather, struct gather_args)
{
	uint32_t row = args->width * sizeof(float);
	struct egret_scratch scratch = EGRET_SCRATCH;
	int32_t *numbers = egret_take(&scratch, args->count * sizeof(*numbers));
	float *rows = egret_take(&scratch, (size_t)args->count * row);
	EGRET_DESC(egret_dma_desc, load);

	egret_load(numbers, args->numbers, args->count, sizeof(*numbers), TAG_LOAD);
	egret_wait(1u << TAG_LOAD);

	egret_dma_block(&load, rows, args->table, sizeof(*rows), args->width, args->count, row,
			row, EGRET_DMA_INDEXED);
	load.index = egret_local(numbers);
	load.index_loop = 1;
	follow(&load, 1, 0, 0, args->table_rows);
	egret_dma(&load, TAG_LOAD);
	egret_wait(1u << TAG_LOAD);
	egret_store(rows, args->out, args->count * args->width, sizeof(*rows), TAG_STORE);
}
