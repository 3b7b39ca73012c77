// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Packing operands of a matrix multiply into panels.
 *
 * Operands that are stored by line have to be transposed: lines are taken four at a
 * time, as words, and turned in 4 x 4 blocks. Operands that are stored by k are copied, or
 * for bytes interleaved in fours.
 */
#include "tile_pack.h"

#include <string.h>

#include "tile_types.h"

typedef uint32_t v4 __attribute__((vector_size(16)));

/* This name of it is known to gcc and clang. */
#define SHUFFLE(a, b, ...)	__builtin_shufflevector(a, b, __VA_ARGS__)

static unsigned int width(const struct egret_operand *o, unsigned int nr, size_t left)
{
	return o->is_a ? egret_gemm_rows(left) : nr;
}

/* Words i..i+3 of four lines become four words next to each other for each i. */
static inline void transpose4(uint32_t *dst, size_t stride, const uint8_t *const *line, size_t i)
{
	v4 r0, r1, r2, r3, low01, high01, low23, high23, out[4];

	memcpy(&r0, line[0] + 4 * i, sizeof(r0));
	memcpy(&r1, line[1] + 4 * i, sizeof(r1));
	memcpy(&r2, line[2] + 4 * i, sizeof(r2));
	memcpy(&r3, line[3] + 4 * i, sizeof(r3));
	low01 = SHUFFLE(r0, r1, 0, 4, 1, 5);
	high01 = SHUFFLE(r0, r1, 2, 6, 3, 7);
	low23 = SHUFFLE(r2, r3, 0, 4, 1, 5);
	high23 = SHUFFLE(r2, r3, 2, 6, 3, 7);
	out[0] = SHUFFLE(low01, low23, 0, 1, 4, 5);
	out[1] = SHUFFLE(low01, low23, 2, 3, 6, 7);
	out[2] = SHUFFLE(high01, high23, 0, 1, 4, 5);
	out[3] = SHUFFLE(high01, high23, 2, 3, 6, 7);
	for (size_t j = 0; j < 4; j++)
		memcpy(dst + (i + j) * stride, &out[j], sizeof(out[j]));
}

/* `lines` (up to 4) lines of n words each become columns of a panel that is `stride` wide. */
static void put_lines(uint32_t *dst, size_t stride, const uint8_t *const *line, size_t lines,
		      size_t n)
{
	size_t i = 0;

	if (lines == 4)
		for (; i + 4 <= n; i += 4)
			transpose4(dst, stride, line, i);
	for (; i < n; i++)
		for (size_t l = 0; l < lines; l++)
			memcpy(dst + i * stride + l, line[l] + 4 * i, 4);
}

/* A row of words, one for each line, goes to word i of panels of n words. */
static void put_row(const struct egret_operand *o, unsigned int nr, uint32_t *dst,
		    const uint8_t *row, size_t lines, size_t i, size_t n)
{
	for (size_t p = 0; p < lines;) {
		size_t w = width(o, nr, lines - p), here = lines - p < w ? lines - p : w;

		memcpy(dst + p * n + i * w, row + 4 * p, 4 * here);
		p += w;
	}
}

/* Lines beyond the last one, and bytes beyond k, are zero. */
static void clear_edges(const struct egret_operand *o, unsigned int nr, uint32_t *dst,
			size_t lines, size_t n)
{
	for (size_t p = 0; p < lines;) {
		size_t w = width(o, nr, lines - p);

		if (lines - p < w)
			memset(dst + p * n, 0, w * n * sizeof(*dst));
		p += w;
	}
}

/* ---- F32 ----------------------------------------------------------------- */

/* A stored row's address, and for blocks that of the block that k is in. */
static const uint8_t *stored_row(const struct egret_operand *o, size_t row, size_t k)
{
	const uint8_t *p = o->base + (int64_t)row * o->pitch;

	return o->block ? p + (int64_t)(k / EGRET_BLOCK) * o->block_step : p;
}

/* Q4_0's order, as stored: plus 8. */
static void load_split(uint8_t *dst, const uint8_t *src, size_t n)
{
	for (size_t i = 0; i < n; i++)
		dst[i] = src[i % 16] >> (i / 16 * 4) & 15;
}

/* Elements first..first+n-1 of a stored row, in F32 and less their zero point. */
static void load_f32(const struct egret_operand *o, const uint8_t *row, size_t first, size_t n,
		     float *dst)
{
	uint8_t nibbles[EGRET_BLOCK];
	int16_t ints[EGRET_BLOCK];

	if (type_is_float(o->type)) {
		egret_load_f32(dst, o->type, row, egret_type_bits(o->type) / 8, first, n);
	} else if (o->split) {
		load_split(nibbles, row, n);
		for (size_t i = 0; i < n; i++)
			dst[i] = (float)(nibbles[i] - 8);
	} else {
		for (size_t i = 0; i < n; i += EGRET_BLOCK) {
			size_t now = n - i < EGRET_BLOCK ? n - i : EGRET_BLOCK;

			egret_load_i16(ints, o->type, row, 1, first + i, now, o->zero);
			for (size_t j = 0; j < now; j++)
				dst[i + j] = ints[j];
		}
	}
}

/* The same, in place if it is F32 already. */
static const uint8_t *words_f32(const struct egret_operand *o, const uint8_t *row, size_t first,
				size_t n, float *buffer)
{
	if (o->type == EGRET_TYPE_F32)
		return row + 4 * first;
	load_f32(o, row, first, n, buffer);
	return (const uint8_t *)buffer;
}

void egret_pack_f32(const struct egret_operand *o, const struct egret_range *r, unsigned int nr,
		    float *dst)
{
	float run[4][EGRET_PACK_LINES];
	uint32_t *words = (uint32_t *)dst;
	size_t n = r->count;

	clear_edges(o, nr, words, r->lines, n);
	for (size_t i = 0; !o->by_line && i < n; i++)
		put_row(o, nr, words,
			words_f32(o, stored_row(o, r->k + i, 0), r->line, r->lines, run[0]),
			r->lines, i, n);
	for (size_t p = 0; o->by_line && p < r->lines;) {
		size_t w = width(o, nr, r->lines - p);

		for (size_t l = 0; l < w && p + l < r->lines; l += 4) {
			size_t left = r->lines - p - l, lines = left < 4 ? left : 4;
			const uint8_t *line[4];

			if (lines > w - l)
				lines = w - l;
			for (size_t j = 0; j < lines; j++)
				line[j] = words_f32(o, stored_row(o, r->line + p + l + j, r->k),
						    o->block ? 0 : r->k, n, run[j]);
			put_lines(words + p * n + l, w, line, lines, n);
		}
		p += w;
	}
}

/* ---- Bytes --------------------------------------------------------------- */

/* What is added to an element to make it a byte of A (0..255) or of B (-128..127). */
int egret_pack_offset(const struct egret_operand *o)
{
	if (!o->is_a)
		return o->type == EGRET_TYPE_U8 ? -128 : 0;
	if (o->type == EGRET_TYPE_S8)
		return 128;
	return o->type == EGRET_TYPE_S4 ? 8 : 0;
}

EGRET_CLONES
static void flip_signs(uint8_t *dst, const uint8_t *src, size_t n, uint8_t mask)
{
	for (size_t i = 0; i < n; i++)
		dst[i] = src[i] ^ mask;
}

/* 4-bit elements from number `first` on; (v ^ flip) - minus makes them what is wanted. */
EGRET_CLONES
static void load_nibbles(uint8_t *dst, const uint8_t *src, size_t first, size_t n, uint8_t flip,
			 uint8_t minus)
{
	size_t i = 0;

	src += first / 2;
	if (first & 1 && n)
		dst[i++] = (uint8_t)((*src++ >> 4 ^ flip) - minus);
	for (; i + 2 <= n; i += 2, src++) {
		dst[i] = (uint8_t)(((*src & 15) ^ flip) - minus);
		dst[i + 1] = (uint8_t)((*src >> 4 ^ flip) - minus);
	}
	if (i < n)
		dst[i] = (uint8_t)(((*src & 15) ^ flip) - minus);
}

/* Elements of a stored row with the offset added. */
static void load_bytes(const struct egret_operand *o, const uint8_t *row, size_t first, size_t n,
		       uint8_t *dst)
{
	bool is_signed = o->type == EGRET_TYPE_S4;

	if (o->split) {
		load_split(dst, row, n); /* has the offset of A already */
		for (size_t i = 0; !o->is_a && i < n; i++)
			dst[i] -= 8;
	} else if (type_is_int4(o->type)) {
		/* flipping the sign bit adds 8 modulo 16; B takes that away again, in full */
		load_nibbles(dst, row, first, n, is_signed ? 8 : 0, is_signed && !o->is_a ? 8 : 0);
	} else {
		flip_signs(dst, row + first, n, egret_pack_offset(o) ? 0x80 : 0);
	}
}

/* dst[4 i + j] = row j's byte i */
EGRET_CLONES
static void interleave4(uint8_t *dst, const uint8_t (*row)[EGRET_PACK_LINES], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t w = row[0][i] | (uint32_t)row[1][i] << 8 | (uint32_t)row[2][i] << 16 |
			     (uint32_t)row[3][i] << 24;

		memcpy(dst + 4 * i, &w, 4);
	}
}

static void pack_i8_by_k(const struct egret_operand *o, const struct egret_range *r,
			 unsigned int nr, uint32_t *words)
{
	uint8_t row[4][EGRET_PACK_LINES], together[4 * EGRET_PACK_LINES];
	size_t n = (r->count + 3) / 4;

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < 4; j++) {
			if (4 * i + j < r->count)
				load_bytes(o, stored_row(o, r->k + 4 * i + j, 0), r->line, r->lines,
					   row[j]);
			else
				memset(row[j], 0, r->lines);
		}
		interleave4(together, row, r->lines);
		put_row(o, nr, words, together, r->lines, i, n);
	}
}

static void pack_i8_by_line(const struct egret_operand *o, const struct egret_range *r,
			    unsigned int nr, uint32_t *words)
{
	uint8_t run[4][EGRET_PACK_K + 4];
	size_t n = (r->count + 3) / 4;

	for (size_t p = 0; p < r->lines;) {
		size_t w = width(o, nr, r->lines - p);

		for (size_t l = 0; l < w && p + l < r->lines; l += 4) {
			size_t left = r->lines - p - l, lines = left < 4 ? left : 4;
			const uint8_t *line[4];

			if (lines > w - l)
				lines = w - l;
			for (size_t j = 0; j < lines; j++) {
				memset(run[j] + r->count, 0, 4 * n - r->count);
				load_bytes(o, stored_row(o, r->line + p + l + j, r->k),
					   o->block ? 0 : r->k, r->count, run[j]);
				line[j] = run[j];
			}
			put_lines(words + p * n + l, w, line, lines, n);
		}
		p += w;
	}
}

void egret_pack_i8(const struct egret_operand *o, const struct egret_range *r, unsigned int nr,
		   uint8_t *dst)
{
	uint32_t *words = (uint32_t *)dst;

	clear_edges(o, nr, words, r->lines, (r->count + 3) / 4);
	if (o->by_line)
		pack_i8_by_line(o, r, nr, words);
	else
		pack_i8_by_k(o, r, nr, words);
}

/* ---- Scales -------------------------------------------------------------- */

void egret_scales(const struct egret_operand *o, size_t line, size_t lines, size_t k, float *dst)
{
	const uint8_t *p = o->scale + (int64_t)line * o->scale_pitch +
			   (int64_t)(k / EGRET_BLOCK) * o->scale_step;

	if (o->scale_type != EGRET_TYPE_E8M0) {
		egret_load_f32(dst, o->scale_type, p, o->scale_pitch, 0, lines);
		return;
	}
	for (size_t i = 0; i < lines; i++)
		dst[i] = f32_from_e8m0(p[(int64_t)i * o->scale_pitch]);
}
