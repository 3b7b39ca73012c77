/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_BLOCKS_H
#define NN_BLOCKS_H

/*
 * Weights in blocks, as exported language models have them: rows of integers of 2, 4 or 8 bits, of
 * which each block along the row has a scale and a zero point. Blocks are padded to their whole size.
 */

#include "../op.h"

struct nn_blocks {
	int64_t rows, length;		/* numbers of a row; the last block may have fewer */
	int64_t size, count;		/* numbers of a block, blocks of a row */
	int64_t bits;
	int64_t row_bytes;		/* of packed numbers */
	int64_t zero_bytes;		/* likewise of zero points */
	enum nn_type zero_type;		/* NN_UNDEFINED: there are none, all are in the middle */
};

/* Inputs of MatMulNBits. */
enum {
	NN_NBITS_A, NN_NBITS_B, NN_NBITS_SCALES, NN_NBITS_ZEROS, NN_NBITS_GROUPS, NN_NBITS_BIAS
};

/* Inputs of GatherBlockQuantized. */
enum { NN_GATHER_DATA, NN_GATHER_INDICES, NN_GATHER_SCALES, NN_GATHER_ZEROS };

/* What the node's attributes and inputs say. 1 if their shapes are not known; or an error. */
int nn_read_nbits(const struct nn_call *call, struct nn_blocks *blocks);
int nn_read_gather_blocks(const struct nn_call *call, struct nn_blocks *blocks);

/* Number i of a packed row. */
static inline unsigned int nn_unpack(const void *row, int64_t i, int64_t bits)
{
	const uint8_t *bytes = row;

	return bytes[i * bits / 8] >> (i * bits % 8) & ((1u << bits) - 1);
}

/* The zero point of a block. */
double nn_block_zero(const struct nn_blocks *blocks, const struct nn_tensor *zeros, int64_t row,
		     int64_t block);

#endif /* NN_BLOCKS_H */
