/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_MOVE_H
#define NN_MOVE_H

#include "lower.h"

/* For operators that move elements, and are more than one launch. */

/* A copy of a block between two places, as a launch of its own. */
struct nn_move {
	int rank;
	int64_t dims[NN_RANK_MAX], from_stride[NN_RANK_MAX], to_stride[NN_RANK_MAX];
	enum egret_type type;
	struct nn_ref from, to;
	bool overlap;
};

int nn_launch_move(struct nn_lower *lower, const struct nn_move *move);

/* A launch that is nothing but a program. */
int nn_launch_program(struct nn_lower *lower, const struct nn_program *program, bool overlap);

/*
 * Load the numbers first, first + step, ... along dimension `dim` of a program's space, S32. -1 if
 * there is no room.
 */
int nn_load_counting(struct nn_lower *lower, struct nn_program *program, int dim, int64_t first,
		     int64_t step);

/*
 * The table for that, of an operator's indices: 32 bits each, those below 0 counted from the end of
 * a dimension of `size`.
 */
int nn_index_table(struct nn_lower *lower, const struct nn_value *indices, int64_t size,
		   struct nn_ref *table);

/*
 * Load along dimension `dim` of a program's space by a table of S32 indices, which lie below
 * `extent`; what does not is zero.
 */
int nn_load_indexed(struct nn_program *program, enum egret_type type, struct nn_ref from,
		    const int64_t *stride, int dim, int64_t extent, struct nn_ref table);

/* Store by such a table; what lies beyond the extent is not stored. */
bool nn_store_indexed(struct nn_program *program, int value, struct nn_ref to, const int64_t *stride,
		      int dim, int64_t extent, struct nn_ref table);

#endif /* NN_MOVE_H */
