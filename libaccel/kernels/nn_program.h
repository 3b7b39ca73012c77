/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * How the kernels of models walk over tiles, and run programs on registers
 * (nn.h).
 *
 * Registers that are loaded or stored have two buffers, which tiles use in turn: while
 * one tile is computed, the operands of the next are loaded and the results of the one before
 * are stored. Descriptors are made once; a tile changes places in them, and sizes where it
 * is smaller than those before.
 */
#ifndef NN_KERNEL_PROGRAM_H
#define NN_KERNEL_PROGRAM_H

#include <egret/kernel.h>
#include "nn.h"

/* Tags; each of them is followed by that of the other buffers. */
#define TAG_LOAD	0
#define TAG_STORE	2
#define TAG_TILE	4
#define TAG_INDEX	6
#define TAG_KERNEL	8	/* from here on, the kernel's own */

union nn_desc {
	struct egret_map_desc map;
	struct egret_reduce_desc reduce;
} __attribute__((aligned(64)));

struct nn_run {
	const struct egret_nn_program *program;
	uintptr_t memory;		/* where the program's memory begins */
	struct egret_dma_desc *dma;	/* of each operand */
	union nn_desc *desc;		/* of each step */
	uint32_t tile, end;		/* the tile at `at`, and the end of this workgroup's */
	uint32_t at[EGRET_DIMS];	/* tile coordinates */
};

/* A tile's place and size. */
struct nn_place {
	uint32_t origin[EGRET_DIMS];
	uint32_t size[EGRET_DIMS];
};

_Static_assert(sizeof(struct egret_dma_desc) % EGRET_DESC_ALIGN == 0, "descriptors in arrays");

static inline uint32_t nn_local(const struct nn_run *run, uint32_t at)
{
	return (uint32_t)run->memory + at;
}

static uint32_t nn_buffer(const struct nn_run *run, unsigned int reg, unsigned int turn)
{
	const struct egret_nn_register *r = &run->program->reg[reg];

	return nn_local(run, r->local) + (turn & 1 ? r->other : 0);
}

/* ---- Preparing ---- */

static void nn_prepare_operand(struct nn_run *run, unsigned int i)
{
	const struct egret_nn_operand *op = &run->program->operand[i];
	const struct egret_nn_register *reg = &run->program->reg[op->reg];
	struct egret_dma_desc *dma = &run->dma[i];
	int n;

	egret_dma_block(dma, NULL, 0, egret_type_size(reg->type), 1, 1, 0, 0,
			op->flags & EGRET_NN_STORE ? EGRET_DMA_STORE : 0);
	dma->fill = op->fill;
	for (n = 0; n < EGRET_DIMS; n++) {
		unsigned int d = op->order[n];

		dma->loop[n].local_stride = reg->stride[d];
		dma->loop[n].global_stride = op->stride[d];
		if (!(op->flags & EGRET_NN_PADDED))
			continue;
		dma->loop[n].step = 1;
		dma->loop[n].axis = d;
		dma->axis[d].extent = op->extent[d];
	}
	if (!(op->flags & EGRET_NN_INDEXED))
		return;
	dma->flags |= EGRET_DMA_INDEXED;
	dma->index = nn_local(run, op->index_local);
	for (n = 0; op->order[n] != op->index_dim; n++)
		;
	dma->index_loop = n;
	dma->loop[n].step = 1;
	dma->loop[n].axis = op->index_dim;
	dma->axis[op->index_dim].extent = op->extent[op->index_dim];
}

static void nn_prepare_map(const struct egret_nn_program *program,
			   const struct egret_nn_step *step, struct egret_map_desc *map)
{
	const struct egret_nn_register *out = &program->reg[step->out];
	const struct egret_nn_register *a = &program->reg[step->a];
	int n;

	/* Memory of a new workgroup holds anything: all fields are set. */
	memset(map, 0, sizeof(*map));
	map->op = step->op;
	map->out_type = out->type;
	map->a_type = a->type;
	map->flags = step->flags;
	map->b = step->b_imm;
	map->c = step->c_imm;
	map->b_type = step->b_type;
	map->c_type = step->c_type;
	map->param = step->param;
	for (n = 0; n < EGRET_DIMS; n++) {
		map->out_stride[n] = out->stride[n];
		map->a_stride[n] = a->stride[n];
	}
	if (step->b != EGRET_NN_NONE) {
		map->b_type = program->reg[step->b].type;
		for (n = 0; n < EGRET_DIMS; n++)
			map->b_stride[n] = program->reg[step->b].stride[n];
	}
	if (step->c != EGRET_NN_NONE) {
		map->c_type = program->reg[step->c].type;
		for (n = 0; n < EGRET_DIMS; n++)
			map->c_stride[n] = program->reg[step->c].stride[n];
	}
}

static void nn_prepare_reduce(const struct egret_nn_program *program,
			      const struct egret_nn_step *step, struct egret_reduce_desc *reduce)
{
	const struct egret_nn_register *out = &program->reg[step->out];
	const struct egret_nn_register *a = &program->reg[step->a];
	int n;

	memset(reduce, 0, sizeof(*reduce));
	reduce->op = step->op;
	reduce->out_type = out->type;
	reduce->in_type = a->type;
	reduce->reduced = program->reduced;
	reduce->flags = step->flags;
	for (n = 0; n < EGRET_DIMS; n++) {
		reduce->out_stride[n] = out->stride[n];
		reduce->in_stride[n] = a->stride[n];
	}
}

/* This workgroup's tiles, and descriptors for them. Returns false if it has none. */
static int nn_begin(struct nn_run *run, const struct egret_nn_program *program,
		    unsigned int group)
{
	struct egret_scratch scratch = EGRET_SCRATCH;
	uint32_t groups = egret_grid_x(), rest, count;
	unsigned int i;
	int n;

	run->program = program;
	/* The first tiles % groups workgroups have one more. */
	count = program->tiles / groups;
	rest = program->tiles - count * groups;
	run->tile = group * count + egret_min(group, rest);
	run->end = run->tile + count + (group < rest);
	if (run->tile == run->end)
		return 0;
	run->dma = egret_take(&scratch, sizeof(*run->dma) * program->operands);
	run->desc = egret_take(&scratch, sizeof(*run->desc) * program->steps);
	run->memory = scratch.next;
	for (n = 0, rest = run->tile; n < EGRET_DIMS; n++) {
		count = egret_ceil_div(program->dims[n], program->tile[n]);
		run->at[n] = rest % count;
		rest /= count;
	}
	for (i = 0; i < program->operands; i++)
		nn_prepare_operand(run, i);
	for (i = 0; i < program->steps; i++) {
		if (program->step[i].reduce)
			nn_prepare_reduce(program, &program->step[i], &run->desc[i].reduce);
		else
			nn_prepare_map(program, &program->step[i], &run->desc[i].map);
	}
	return 1;
}

/* ---- Tiles ---- */

static void nn_place(const struct nn_run *run, struct nn_place *place)
{
	const struct egret_nn_program *program = run->program;
	int n;

	for (n = 0; n < EGRET_DIMS; n++) {
		place->origin[n] = run->at[n] * program->tile[n];
		place->size[n] = egret_min(program->tile[n], program->dims[n] - place->origin[n]);
	}
}

/* Go on to the next tile; false if there is none. */
static int nn_next(struct nn_run *run)
{
	const struct egret_nn_program *program = run->program;
	int n;

	if (++run->tile == run->end)
		return 0;
	for (n = 0; n < EGRET_DIMS; n++) {
		if (++run->at[n] * program->tile[n] < program->dims[n])
			break;
		run->at[n] = 0;
	}
	return 1;
}

/* ---- Moving ---- */

static void nn_load_index(const struct nn_run *run, const struct egret_nn_operand *op,
			  const struct nn_place *place)
{
	unsigned int d = op->index_dim;

	/* The DMA that still reads the indices of the tile before. */
	egret_wait(3u << (op->flags & EGRET_NN_STORE ? TAG_STORE : TAG_LOAD));
	egret_load((void *)(run->memory + op->index_local),
		   op->index + place->origin[d] * sizeof(int32_t), place->size[d],
		   sizeof(int32_t), TAG_INDEX);
	egret_wait(1u << TAG_INDEX);
}

static void nn_move(const struct nn_run *run, unsigned int i, const struct nn_place *place,
		    unsigned int turn, unsigned int tag)
{
	const struct egret_nn_operand *op = &run->program->operand[i];
	const struct egret_nn_register *reg = &run->program->reg[op->reg];
	struct egret_dma_desc *dma = &run->dma[i];
	uint64_t global = op->address;
	int n;

	for (n = 0; n < EGRET_DIMS; n++) {
		unsigned int d = op->order[n];

		dma->loop[n].count = reg->stride[d] ? place->size[d] : 1;
		if ((op->flags & EGRET_NN_INDEXED) && d == op->index_dim)
			continue;
		global += place->origin[d] * op->stride[d];
		if (op->flags & EGRET_NN_PADDED)
			dma->axis[d].start = op->start[d] + place->origin[d];
	}
	dma->global = global;
	dma->local = nn_buffer(run, op->reg, turn);
	egret_dma(dma, tag);
}

/* Start loading a tile's operands. */
static void nn_load(const struct nn_run *run, const struct nn_place *place, unsigned int turn)
{
	unsigned int i;

	for (i = 0; i < run->program->operands; i++) {
		const struct egret_nn_operand *op = &run->program->operand[i];

		if (op->flags & EGRET_NN_STORE)
			continue;
		if (op->flags & EGRET_NN_INDEXED)
			nn_load_index(run, op, place);
		nn_move(run, i, place, turn, TAG_LOAD + (turn & 1));
	}
}

/* Start storing a tile's results. */
static void nn_store(const struct nn_run *run, const struct nn_place *place, unsigned int turn)
{
	unsigned int i;

	for (i = 0; i < run->program->operands; i++) {
		const struct egret_nn_operand *op = &run->program->operand[i];

		if (!(op->flags & EGRET_NN_STORE))
			continue;
		if (op->flags & EGRET_NN_INDEXED)
			nn_load_index(run, op, place);
		nn_move(run, i, place, turn, TAG_STORE + (turn & 1));
	}
}

/* ---- Computing ---- */

static void nn_step_map(const struct nn_run *run, const struct egret_nn_step *step,
			struct egret_map_desc *map, const uint32_t *size, unsigned int turn)
{
	int n;

	for (n = 0; n < EGRET_DIMS; n++)
		map->dims[n] = map->out_stride[n] ? size[n] : 1;
	map->out = nn_buffer(run, step->out, turn);
	map->a = nn_buffer(run, step->a, turn);
	if (step->b != EGRET_NN_NONE)
		map->b = nn_buffer(run, step->b, turn);
	if (step->c != EGRET_NN_NONE)
		map->c = nn_buffer(run, step->c, turn);
	egret_map(map, TAG_TILE + (turn & 1));
}

static void nn_step_reduce(const struct nn_run *run, const struct egret_nn_step *step,
			   struct egret_reduce_desc *reduce, const uint32_t *size,
			   unsigned int turn)
{
	unsigned int n;

	for (n = 0; n < EGRET_DIMS; n++)
		reduce->dims[n] = n < reduce->reduced || reduce->out_stride[n] ? size[n] : 1;
	reduce->out = nn_buffer(run, step->out, turn);
	reduce->in = nn_buffer(run, step->a, turn);
	egret_reduce(reduce, TAG_TILE + (turn & 1));
}

/* Run the program on a tile whose operands are there. */
static void nn_compute(const struct nn_run *run, const struct nn_place *place, unsigned int turn)
{
	const struct egret_nn_program *program = run->program;
	unsigned int i;

	for (i = 0; i < program->steps; i++) {
		const struct egret_nn_step *step = &program->step[i];

		if (step->reduce)
			nn_step_reduce(run, step, &run->desc[i].reduce, place->size, turn);
		else
			nn_step_map(run, step, &run->desc[i].map, place->size, turn);
	}
}

#endif /* NN_KERNEL_PROGRAM_H */
