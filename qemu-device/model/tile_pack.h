/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * Operands of a matrix multiply, and how they become rows of A and panels of B (tile_gemm.h).
 *
 * Both operands are seen in the same way: as `lines` (rows of A, columns of B) by k. A
 * panel's unit is the word: an F32, or four bytes of four successive k.
 */
#ifndef EGRET_MODEL_TILE_PACK_H
#define EGRET_MODEL_TILE_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <egret/tile.h>

#include "tile_gemm.h"

/* The most that is packed at once. */
#define EGRET_PACK_LINES	512
#define EGRET_PACK_K		512	/* a multiple of EGRET_BLOCK */

/**
 * struct egret_operand - A or B in one batch
 * @base: first stored row
 * @pitch: bytes between stored rows
 * @type: of the elements
 * @zero: zero point
 * @is_a: A, whose bytes are made signed; B's are made unsigned
 * @by_line: a stored row is a line and runs along k; otherwise it holds all lines of one k
 * @block: block-scaled, with what follows
 * @split: Q4_0's order in blocks
 * @block_step: bytes between blocks
 * @scale: of the first block
 * @scale_pitch: bytes between the scales of lines
 * @scale_step: bytes between the scales of blocks
 * @scale_type: type of the scales
 */
struct egret_operand {
	const uint8_t *base;
	int64_t pitch;
	unsigned int type;
	int zero;
	bool is_a;
	bool by_line;
	bool block;
	bool split;
	int64_t block_step;
	const uint8_t *scale;
	int64_t scale_pitch;
	int64_t scale_step;
	unsigned int scale_type;
};

/** struct egret_range - lines and k of an operand; with blocks, k begins with one */
struct egret_range {
	size_t line, lines;	/* up to EGRET_PACK_LINES */
	size_t k, count;	/* up to EGRET_PACK_K */
};

/** egret_pack_f32() - make panels of F32 */
void egret_pack_f32(const struct egret_operand *o, const struct egret_range *r,
		    const struct egret_gemm *gemm, float *dst);

/** egret_rows_f32() - make rows of F32, each `pitch` elements behind the one before */
void egret_rows_f32(const struct egret_operand *o, const struct egret_range *r,
		    const struct egret_gemm *gemm, float *dst, size_t pitch);

/** egret_pack_i8() - make panels of bytes: of each element plus egret_pack_offset() */
void egret_pack_i8(const struct egret_operand *o, const struct egret_range *r,
		   const struct egret_gemm *gemm, uint8_t *dst);
int egret_pack_offset(const struct egret_operand *o);

/**
 * egret_line_blocks() - where blocks of 32 elements lie in lines that are stored along k
 * @line: first of the lines
 * @lines: how many, up to EGRET_GEMM_DOTS; the last one stands for those that are missing
 * @is_signed: for F32; else as egret_pack_i8() makes them
 * @blocks: filled in
 */
void egret_line_blocks(const struct egret_operand *o, const struct egret_range *r, size_t line,
		       size_t lines, bool is_signed, struct egret_gemm_blocks *blocks);

/** egret_rows_i8() - make rows of bytes; `pitch` is a multiple of 4 */
void egret_rows_i8(const struct egret_operand *o, const struct egret_range *r,
		   const struct egret_gemm *gemm, int8_t *dst, size_t pitch);

/** egret_scales() - the scales of lines' blocks, as F32: those of a block `pitch` behind the one before */
void egret_scales(const struct egret_operand *o, const struct egret_range *r, float *dst, size_t pitch);

#endif /* EGRET_MODEL_TILE_PACK_H */
