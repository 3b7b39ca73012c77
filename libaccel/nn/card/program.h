/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_PROGRAM_H
#define NN_PROGRAM_H

/*
 * Programs for the card, as the lowering writes them: an index space, registers without
 * places, and what is done to them. Laying out turns one into the form that kernels
 * take (kernels/nn.h): it gives registers to values whose lives do not overlap, chooses
 * the size of tiles, and finds a place in scratchpad for all.
 *
 * The space's dimensions are listed outermost first, like a tensor's; the kernels'
 * dimension 0 is the last one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../kernels/nn.h"

#include "../tensor.h"

/* Where something lies in device memory: a place in a storage (plan.h), known when memory is planned. */
struct nn_ref {
	uint32_t storage;
	int64_t offset;
};

#define NN_OPERANDS	EGRET_NN_OPERANDS
#define NN_STEPS	EGRET_NN_STEPS
#define NN_VALUES	(NN_OPERANDS + NN_STEPS + 1)

/* A value of the program. */
struct nn_virtual {
	enum egret_type type;
	unsigned int varies;	/* bits: dimensions of the space along which it has more than one element */
};

struct nn_stream {
	int value;
	struct nn_ref ref;
	int64_t stride[NN_RANK_MAX];	/* bytes, by dimensions of the space */
	bool store, padded, indexed;
	int64_t start[NN_RANK_MAX], extent[NN_RANK_MAX];
	uint64_t fill;
	int index_dim;			/* dimension of the space */
	struct nn_ref index;
};

/* An input of an operation: a value, or a number. */
struct nn_arg {
	int value;			/* or NN_ARG_*; -1: what it would be found no room */
	enum egret_type type;
	uint32_t bits;
};

#define NN_ARG_NUMBER	(-2)
#define NN_ARG_NONE	(-3)

#define NN_NO_ARG	((struct nn_arg){ .value = NN_ARG_NONE })
#define NN_VALUE(v)	((struct nn_arg){ .value = (v) })

static inline struct nn_arg nn_number(float x)
{
	return (struct nn_arg){ .value = NN_ARG_NUMBER, .type = EGRET_TYPE_F32,
				.bits = ((union { float f; uint32_t u; }){ .f = x }).u };
}

static inline struct nn_arg nn_integer(int32_t x)
{
	return (struct nn_arg){ .value = NN_ARG_NUMBER, .type = EGRET_TYPE_S32,
				.bits = (uint32_t)x };
}

struct nn_instruction {
	unsigned int op;
	bool reduce;
	int out;
	struct nn_arg a, b, c;
	unsigned int flags;
	uint32_t param;
};

struct nn_program {
	int rank;
	int64_t dims[NN_RANK_MAX];
	int reduced;			/* innermost dimensions that reductions combine */
	bool fixed;			/* the kernel gives dimensions a meaning: none are merged */
	size_t values, streams, steps;
	struct nn_virtual value[NN_VALUES];
	struct nn_stream stream[NN_OPERANDS];
	struct nn_instruction step[NN_STEPS];
	int first;			/* value that the kernel computes before the program, or -1 */
};

/* Begin a program over a space. */
void nn_program_init(struct nn_program *p, int rank, const int64_t *dims);

/*
 * The following return the number of a value, or -1 if the program is too long: whoever asks for
 * more gives up something of it. An operand that is -1 makes the result -1, so only the last of
 * a chain needs to be looked at.
 */

/* A value that the kernel computes before the program. */
int nn_program_first(struct nn_program *p, enum egret_type type);

/* Load: strides in bytes, 0 for dimensions along which all elements are the same. */
int nn_program_load(struct nn_program *p, enum egret_type type, struct nn_ref ref,
		    const int64_t *stride);

int nn_program_map(struct nn_program *p, enum egret_map_op op, enum egret_type type,
		   struct nn_arg a, struct nn_arg b, struct nn_arg c);

int nn_program_reduce(struct nn_program *p, enum egret_reduce_op op, enum egret_type type, int a);

static inline int nn_map1(struct nn_program *p, enum egret_map_op op, enum egret_type type, int a)
{
	return nn_program_map(p, op, type, NN_VALUE(a), NN_NO_ARG, NN_NO_ARG);
}

static inline int nn_map2(struct nn_program *p, enum egret_map_op op, enum egret_type type, int a,
			  struct nn_arg b)
{
	return nn_program_map(p, op, type, NN_VALUE(a), b, NN_NO_ARG);
}

static inline int nn_map3(struct nn_program *p, enum egret_map_op op, enum egret_type type, int a,
			  struct nn_arg b, struct nn_arg c)
{
	return nn_program_map(p, op, type, NN_VALUE(a), b, c);
}

/* The sums of a row up to each of its elements; rows have one dimension. */
int nn_program_scan(struct nn_program *p, enum egret_type type, int a);

/* Store a value. Returns false if the program is too long, or the value -1. */
bool nn_program_store(struct nn_program *p, int value, struct nn_ref ref, const int64_t *stride);

/* What to lay out for, and what came of it. */
struct nn_layout {
	unsigned int clusters;
	/* For kernels that choose the tile: its size, and what rows have room for (0: as the tile). */
	bool chosen;
	uint32_t tile[EGRET_DIMS];
	uint32_t room[EGRET_DIMS];
	size_t memory;			/* bytes for registers */
	/* Results */
	size_t used;			/* bytes of memory */
	uint32_t groups;		/* workgroups to launch */
};

/*
 * Lay a program out. Returns false if it does not fit: too many dimensions, registers, or a
 * row that reductions combine is too long. Operands' addresses are left zero: stream i
 * becomes operand i.
 */
bool nn_program_layout(const struct nn_program *p, struct nn_layout *layout,
		       struct egret_nn_program *out);

/* What a program's registers need of scratchpad, to try many sizes of tiles with. */
struct nn_footprint {
	unsigned int count;
	struct {
		uint32_t bytes;		/* of an element */
		uint32_t buffers;
		unsigned int varies;	/* bits: the kernels' dimensions along which there are more */
	} part[EGRET_NN_REGISTERS + NN_OPERANDS];
};

/* False if it has too many registers. */
bool nn_program_footprint(const struct nn_program *p, struct nn_footprint *footprint);

/* Bytes of scratchpad with tiles of some room. */
size_t nn_footprint_size(const struct nn_footprint *footprint, const uint32_t room[EGRET_DIMS]);

/* All streams and values walk through dimensions i and i + 1 as if they were one. */
bool nn_program_walks(const struct nn_program *p, int i);

/* Merge dimensions that all streams walk through as if they were one, and drop those of one. */
void nn_program_merge(struct nn_program *p);

#endif /* NN_PROGRAM_H */
