// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Operands of a matrix multiply, made ready for the micro-kernels.
 *
 * For panels of B, what is stored by line has to be transposed: lines are taken four at a
 * time (or 16, where the host can), as words, and turned in square blocks. What is stored by
 * k is copied, or for bytes interleaved in fours. Rows of A are the other way round. Bytes that
 * are used as they are stored are taken from there, and get their offset on the way.
 */
#include "tile_pack.h"

#include <string.h>

#include "tile_types.h"

typedef uint32_t v4 __attribute__((vector_size(16)));
typedef uint8_t v16 __attribute__((vector_size(16)));

/* This name of it is known to gcc and clang. */
#define SHUFFLE(a, b, ...)	__builtin_shufflevector(a, b, __VA_ARGS__)

/* Four lines of four words each become four words next to each other for each word. */
static inline void transpose4(uint32_t *dst, size_t stride, const v4 *line)
{
	v4 low01 = SHUFFLE(line[0], line[1], 0, 4, 1, 5);
	v4 high01 = SHUFFLE(line[0], line[1], 2, 6, 3, 7);
	v4 low23 = SHUFFLE(line[2], line[3], 0, 4, 1, 5);
	v4 high23 = SHUFFLE(line[2], line[3], 2, 6, 3, 7);
	v4 out[4] = {
		SHUFFLE(low01, low23, 0, 1, 4, 5), SHUFFLE(low01, low23, 2, 3, 6, 7),
		SHUFFLE(high01, high23, 0, 1, 4, 5), SHUFFLE(high01, high23, 2, 3, 6, 7),
	};

	for (size_t j = 0; j < 4; j++)
		memcpy(dst + j * stride, &out[j], sizeof(out[j]));
}

/*
 * `lines` (up to 4) lines of so many bytes become columns of words of a panel that is `stride`
 * words wide. Every byte is flipped by `mask`, and zeros fill the last word.
 */
static inline void put_lines(uint32_t *dst, size_t stride, const uint8_t *const *line,
			     size_t lines, size_t bytes, uint8_t mask)
{
	const uint32_t word = mask * UINT32_C(0x01010101);
	const v4 flip = { word, word, word, word };
	size_t i = 0;

	for (; lines == 4 && i + 16 <= bytes; i += 16, dst += 4 * stride) {
		v4 v[4];

		for (size_t l = 0; l < 4; l++) {
			memcpy(&v[l], line[l] + i, sizeof(v[l]));
			v[l] ^= flip;
		}
		transpose4(dst, stride, v);
	}
	for (; i < bytes; i += 4, dst += stride)
		for (size_t l = 0; l < lines; l++) {
			uint8_t last[4] = { 0 };

			for (size_t j = 0; j < 4 && i + j < bytes; j++)
				last[j] = line[l][i + j] ^ mask;
			memcpy(dst + l, last, sizeof(last));
		}
}

#define MANY	16	/* lines that are turned at once */

/* The same for up to MANY lines. */
static void turn(const struct egret_gemm *gemm, uint32_t *dst, size_t stride,
		 const uint8_t *const *line, size_t lines, size_t bytes, uint8_t mask)
{
	if (gemm->transpose) {
		gemm->transpose(dst, stride, line, (unsigned int)lines, bytes, mask);
		return;
	}
	for (size_t l = 0; l < lines; l += 4)
		put_lines(dst + l, stride, line + l, lines - l < 4 ? lines - l : 4, bytes, mask);
}

/*
 * Lines: of each, get() gives so many bytes that end with the last k, or puts them in `buffer`.
 * They may be BF16 yet, to be widened when they are turned.
 */
struct lines {
	const struct egret_operand *o;
	const struct egret_range *r;
	const uint8_t *(*get)(const struct lines *lines, size_t line, void *buffer);
	size_t bytes;
	uint8_t mask;
	bool bf16;
};

static const uint8_t *stored_row(const struct egret_operand *o, size_t row)
{
	return o->base + (int64_t)row * o->pitch;
}

/* The block that k is in. */
static const uint8_t *stored_block(const struct egret_operand *o, size_t line, size_t k)
{
	return stored_row(o, line) + (int64_t)(k / EGRET_BLOCK) * o->block_step;
}

/* A line's bytes will be wanted soon: they are too far from the line before for the host to guess. */
static void ask_for(const struct lines *lines, size_t line)
{
	const struct egret_operand *o = lines->o;
	const struct egret_range *r = lines->r;
	const uint8_t *p = o->block ? stored_block(o, line, r->k) :
				      stored_row(o, line) + r->k * egret_type_bits(o->type) / 8;
	int64_t size = o->block ? (int64_t)(r->count / EGRET_BLOCK) * o->block_step :
				  (int64_t)(r->count * egret_type_bits(o->type) / 8);

	for (int64_t x = 0; x < size; x += 64)
		__builtin_prefetch(p + x);
}

static void pack_by_line(const struct lines *lines, const struct egret_gemm *gemm, uint32_t *words)
{
	uint8_t run[MANY][EGRET_PACK_K * sizeof(float)] __attribute__((aligned(64)));
	const struct egret_range *r = lines->r;
	size_t n = lines->bf16 ? r->count : (lines->bytes + 3) / 4;
	size_t most = gemm->nr < MANY ? gemm->nr : MANY;

	for (size_t l = 0, here; l < r->lines; l += here) {
		uint32_t *dst = words + l / gemm->nr * gemm->nr * n + l % gemm->nr;
		const uint8_t *line[MANY];

		here = r->lines - l < most ? r->lines - l : most;
		for (size_t j = 0; j < here; j++) {
			line[j] = lines->get(lines, r->line + l + j, run[j]);
			if (l + most + j < r->lines)
				ask_for(lines, r->line + l + most + j);
		}
		if (lines->bf16)
			gemm->transpose_bf16(dst, gemm->nr, line, (unsigned int)here, r->count);
		else
			turn(gemm, dst, gemm->nr, line, here, lines->bytes, lines->mask);
	}
}

static void rows_by_line(const struct lines *lines, uint8_t *dst, size_t pitch)
{
	const struct egret_range *r = lines->r;

	for (size_t l = 0; l < r->lines; l++, dst += pitch) {
		const uint8_t *line = lines->get(lines, r->line + l, dst);

		if (line != dst)
			memcpy(dst, line, lines->bytes);
	}
}

/* A row of words, one for each line, goes to word i of panels of n words. */
static void put_row(unsigned int nr, uint32_t *dst, const uint8_t *row, size_t lines, size_t i,
		    size_t n)
{
	for (size_t p = 0; p < lines; p += nr) {
		size_t here = lines - p < nr ? lines - p : nr;

		if (here == EGRET_GEMM_NR_MAX) /* a constant size is faster */
			memcpy(dst + p * n + i * nr, row + 4 * p, 4 * EGRET_GEMM_NR_MAX);
		else
			memcpy(dst + p * n + i * nr, row + 4 * p, 4 * here);
	}
}

/* Lines beyond the last one are zero. */
static void clear_edge(unsigned int nr, uint32_t *dst, size_t lines, size_t n)
{
	if (lines % nr)
		memset(dst + lines / nr * nr * n, 0, nr * n * sizeof(*dst));
}

/* ---- F32 ----------------------------------------------------------------- */

/* Q4_0's order, as stored: plus 8. */
static void load_split(uint8_t *dst, const uint8_t *src, size_t n)
{
	uint8_t all[EGRET_BLOCK];
	size_t bytes = n < 16 ? n : 16;

	for (size_t i = 0; i < bytes; i++) {
		all[i] = src[i] & 15;
		all[i + 16] = src[i] >> 4;
	}
	memcpy(dst, all, n);
}

/*
 * `count` elements of a line of blocks, from the beginning of a block on: signed, or (of B's
 * panels) with an offset of half their range.
 */
static void load_blocks(const struct egret_operand *o, const uint8_t *restrict src, size_t count,
			bool is_signed, uint8_t *restrict dst)
{
	const uint8_t flip = is_signed ? 0 : 0x80, minus = is_signed ? 8 : 0;
	v16 first, second, low, high;

	for (; count >= EGRET_BLOCK; count -= EGRET_BLOCK, dst += EGRET_BLOCK, src += o->block_step) {
		memcpy(&first, src, sizeof(first));
		if (o->type == EGRET_TYPE_S8) {
			memcpy(&second, src + 16, sizeof(second));
			first ^= flip;
			second ^= flip;
		} else if (o->split) {
			second = (first >> 4) - minus;
			first = (first & 15) - minus;
		} else {
			low = ((first & 15) ^ 8) - minus;
			high = (first >> 4 ^ 8) - minus;
			first = SHUFFLE(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
			second = SHUFFLE(low, high, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30,
					 15, 31);
		}
		memcpy(dst, &first, sizeof(first));
		memcpy(dst + 16, &second, sizeof(second));
	}
	if (count && o->type == EGRET_TYPE_S8) {
		for (size_t i = 0; i < count; i++)
			dst[i] = src[i] ^ flip;
	} else if (count && o->split) {
		load_split(dst, src, count);
		for (size_t i = 0; i < count; i++)
			dst[i] -= minus;
	} else {
		for (size_t i = 0; i < count; i++)
			dst[i] = (uint8_t)(((src[i / 2] >> (i & 1) * 4 & 15) ^ 8) - minus);
	}
}

EGRET_CLONES
static void widen(const uint8_t *restrict src, size_t n, float *restrict dst)
{
	for (size_t i = 0; i < n; i++)
		dst[i] = (int8_t)src[i];
}

/* Integers of a stored row, less their zero point. */
EGRET_CLONES
static void load_integers(const struct egret_operand *o, const uint8_t *row, size_t first, size_t n,
			  float *dst)
{
	int16_t ints[EGRET_BLOCK];

	for (size_t i = 0; i < n; i += EGRET_BLOCK) {
		size_t now = n - i < EGRET_BLOCK ? n - i : EGRET_BLOCK;

		egret_load_i16(ints, o->type, row, 1, first + i, now, o->zero);
		for (size_t j = 0; j < now; j++)
			dst[i + j] = ints[j];
	}
}

/* Elements first..first+n-1 of a stored row, in F32 and less their zero point. */
static void load_f32(const struct egret_operand *o, const uint8_t *row, size_t first, size_t n,
		     float *dst)
{
	if (type_is_float(o->type))
		egret_load_f32(dst, o->type, row, egret_type_bits(o->type) / 8, first, n);
	else
		load_integers(o, row, first, n, dst);
}

static const uint8_t *line_f32(const struct lines *lines, size_t line, void *buffer)
{
	const struct egret_operand *o = lines->o;
	const struct egret_range *r = lines->r;
	uint8_t bytes[EGRET_PACK_K];

	if (o->type == EGRET_TYPE_F32)
		return stored_row(o, line) + 4 * r->k;
	if (o->block) {
		load_blocks(o, stored_block(o, line, r->k), r->count, true, bytes);
		widen(bytes, r->count, buffer);
	} else {
		load_f32(o, stored_row(o, line), r->k, r->count, buffer);
	}
	return buffer;
}

static const uint8_t *line_bf16(const struct lines *lines, size_t line, void *buffer)
{
	(void)buffer;
	return stored_row(lines->o, line) + 2 * lines->r->k;
}

/* One k of all lines, as F32: where it is stored, or in `buffer`. */
static const uint8_t *k_f32(const struct egret_operand *o, const struct egret_range *r, size_t i,
			    float *buffer)
{
	const uint8_t *row = stored_row(o, r->k + i);

	if (o->type == EGRET_TYPE_F32)
		return row + 4 * r->line;
	load_f32(o, row, r->line, r->lines, buffer);
	return (const uint8_t *)buffer;
}

void egret_pack_f32(const struct egret_operand *o, const struct egret_range *r,
		    const struct egret_gemm *gemm, float *dst)
{
	bool bf16 = o->type == EGRET_TYPE_BF16 && gemm->transpose_bf16;
	const struct lines lines = {
		.o = o, .r = r, .get = bf16 ? line_bf16 : line_f32, .bytes = 4 * r->count,
		.bf16 = bf16,
	};
	uint32_t *words = (uint32_t *)dst;
	float buffer[EGRET_PACK_LINES];

	clear_edge(gemm->nr, words, r->lines, r->count);
	if (o->by_line)
		pack_by_line(&lines, gemm, words);
	for (size_t i = 0; !o->by_line && i < r->count; i++)
		put_row(gemm->nr, words, k_f32(o, r, i, buffer), r->lines, i, r->count);
}

void egret_rows_f32(const struct egret_operand *o, const struct egret_range *r,
		    const struct egret_gemm *gemm, float *dst, size_t pitch)
{
	const struct lines lines = {
		.o = o, .r = r, .get = line_f32, .bytes = 4 * r->count,
	};
	float buffer[MANY][EGRET_PACK_LINES];

	if (o->by_line)
		rows_by_line(&lines, (uint8_t *)dst, 4 * pitch);
	for (size_t i = 0; !o->by_line && i < r->count; i += MANY) {
		size_t here = r->count - i < MANY ? r->count - i : MANY;
		const uint8_t *k[MANY];

		for (size_t j = 0; j < here; j++)
			k[j] = k_f32(o, r, i + j, buffer[j]);
		turn(gemm, (uint32_t *)dst + i, pitch, k, here, 4 * r->lines, 0);
	}
}

/* ---- Bytes --------------------------------------------------------------- */

/* What is added to an element to make it a byte of A (-128..127) or of B (0..255). */
int egret_pack_offset(const struct egret_operand *o)
{
	if (o->is_a)
		return o->type == EGRET_TYPE_U8 ? -128 : 0;
	if (o->type == EGRET_TYPE_S8)
		return 128;
	return o->type == EGRET_TYPE_S4 ? 8 : 0;
}

/* The offset of a byte, modulo 256: it flips the sign bit. */
static uint8_t flip_of(const struct egret_operand *o)
{
	return egret_pack_offset(o) ? 0x80 : 0;
}

/* 4-bit elements from number `first` on; (v ^ flip) - minus makes them what is wanted. */
EGRET_CLONES
static void load_nibbles(uint8_t *restrict dst, const uint8_t *restrict src, size_t first, size_t n,
			 uint8_t flip, uint8_t minus)
{
	src += first / 2;
	if (first & 1 && n) {
		*dst++ = (uint8_t)((*src++ >> 4 ^ flip) - minus);
		n--;
	}
	for (size_t i = 0; i < n / 2; i++) {
		dst[2 * i] = (uint8_t)(((src[i] & 15) ^ flip) - minus);
		dst[2 * i + 1] = (uint8_t)((src[i] >> 4 ^ flip) - minus);
	}
	if (n & 1)
		dst[n - 1] = (uint8_t)(((src[n / 2] & 15) ^ flip) - minus);
}

/* Elements of a stored row with the offset added. */
static void load_bytes(const struct egret_operand *o, const uint8_t *row, size_t first, size_t n,
		       uint8_t *dst)
{
	bool is_signed = o->type == EGRET_TYPE_S4;

	if (type_is_int4(o->type)) {
		/* flipping the sign bit adds 8 modulo 16; A takes that away again, in full */
		load_nibbles(dst, row, first, n, is_signed ? 8 : 0, is_signed && o->is_a ? 8 : 0);
	} else {
		uint8_t flip = flip_of(o);

		for (size_t i = 0; i < n; i++)
			dst[i] = row[first + i] ^ flip;
	}
}

/* As it is stored where that will do: the bytes still have to be flipped. */
static const uint8_t *line_stored(const struct lines *lines, size_t line, void *buffer)
{
	(void)buffer;
	return stored_row(lines->o, line) + lines->r->k;
}

static const uint8_t *line_bytes(const struct lines *lines, size_t line, void *buffer)
{
	const struct egret_operand *o = lines->o;
	const struct egret_range *r = lines->r;

	if (o->block)
		load_blocks(o, stored_block(o, line, r->k), r->count, o->is_a, buffer);
	else
		load_bytes(o, stored_row(o, line), r->k, r->count, buffer);
	return buffer;
}

/* dst[4 i + j] = byte i of row j, for 16 bytes of four rows, each flipped by `mask` */
static inline void interleave16(uint8_t *dst, const uint8_t *const *row, size_t i, v16 mask)
{
	v16 r[4], low01, high01, low23, high23, out[4];

	for (size_t j = 0; j < 4; j++) {
		memcpy(&r[j], row[j] + i, sizeof(r[j]));
		r[j] ^= mask;
	}
	low01 = SHUFFLE(r[0], r[1], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
	high01 = SHUFFLE(r[0], r[1], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
	low23 = SHUFFLE(r[2], r[3], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
	high23 = SHUFFLE(r[2], r[3], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
	out[0] = SHUFFLE(low01, low23, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23);
	out[1] = SHUFFLE(low01, low23, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31);
	out[2] = SHUFFLE(high01, high23, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23);
	out[3] = SHUFFLE(high01, high23, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31);
	for (size_t j = 0; j < 4; j++)
		memcpy(dst + 4 * i + 16 * j, &out[j], sizeof(out[j]));
}

static void interleave4(uint8_t *dst, const uint8_t *const *row, size_t n, uint8_t mask)
{
	const v16 flip = (v16){ 0 } + mask;
	size_t i = 0;

	for (; i + 16 <= n; i += 16)
		interleave16(dst, row, i, flip);
	for (; i < n; i++)
		for (size_t j = 0; j < 4; j++)
			dst[4 * i + j] = row[j][i] ^ mask;
}

/* Four k of all lines, from number 4 i on: words, in which what is beyond the last k is zero. */
static void k_words(const struct egret_operand *o, const struct egret_range *r, size_t i,
		    uint8_t *dst)
{
	uint8_t buffer[4][EGRET_PACK_LINES];
	bool stored = !type_is_int4(o->type);
	uint8_t mask = stored ? flip_of(o) : 0;
	const uint8_t *row[4];

	for (size_t j = 0; j < 4; j++) {
		row[j] = buffer[j];
		if (4 * i + j >= r->count)
			memset(buffer[j], mask, r->lines); /* zero in the end */
		else if (stored)
			row[j] = stored_row(o, r->k + 4 * i + j) + r->line;
		else
			load_bytes(o, stored_row(o, r->k + 4 * i + j), r->line, r->lines, buffer[j]);
	}
	interleave4(dst, row, r->lines, mask);
}

/* Lines along k; their bytes are used as they are stored where that will do. */
static struct lines lines_i8(const struct egret_operand *o, const struct egret_range *r)
{
	bool stored = !o->block && !type_is_int4(o->type);

	return (struct lines) {
		.o = o, .r = r, .get = stored ? line_stored : line_bytes, .bytes = r->count,
		.mask = stored ? flip_of(o) : 0,
	};
}

void egret_line_blocks(const struct egret_operand *o, const struct egret_range *r, size_t line,
		       size_t lines, bool is_signed, struct egret_gemm_blocks *blocks)
{
	const struct lines all = { .o = o, .r = r };
	bool nibbles = type_is_int4(o->type);

	*blocks = (struct egret_gemm_blocks) {
		.step = o->block ? o->block_step : nibbles ? EGRET_BLOCK / 2 : EGRET_BLOCK,
		.form = !nibbles ? EGRET_GEMM_BYTES : o->split ? EGRET_GEMM_SPLIT : EGRET_GEMM_NIBBLES,
		/* Q4_0's elements are stored plus 8 */
		.flip = !nibbles ? (is_signed ? 0 : flip_of(o)) :
				   o->type == EGRET_TYPE_S4 && !o->split ? 8 : 0,
		.minus = nibbles && is_signed ? 8 : 0,
	};
	for (size_t l = 0; l < EGRET_GEMM_DOTS; l++) {
		size_t number = line + (l < lines ? l : lines - 1);

		blocks->line[l] = o->block ? stored_block(o, number, r->k) :
					     stored_row(o, number) + r->k * egret_type_bits(o->type) / 8;
		if (number + EGRET_GEMM_DOTS < r->line + r->lines)
			ask_for(&all, number + EGRET_GEMM_DOTS);
	}
}

void egret_pack_i8(const struct egret_operand *o, const struct egret_range *r,
		   const struct egret_gemm *gemm, uint8_t *dst)
{
	bool stored = !o->block && !type_is_int4(o->type);
	const struct lines lines = lines_i8(o, r);
	uint32_t *words = (uint32_t *)dst;
	uint8_t together[4 * EGRET_PACK_LINES];
	size_t n = (r->count + 3) / 4;

	clear_edge(gemm->nr, words, r->lines, n);
	if (o->by_line) {
		pack_by_line(&lines, gemm, words);
	} else if (gemm->interleave && stored && r->lines == 2 * gemm->nr) {
		gemm->interleave(dst, stored_row(o, r->k) + r->line, o->pitch, r->count, flip_of(o));
	} else {
		for (size_t i = 0; i < n; i++) {
			k_words(o, r, i, together);
			put_row(gemm->nr, words, together, r->lines, i, n);
		}
	}
}

void egret_rows_i8(const struct egret_operand *o, const struct egret_range *r,
		   const struct egret_gemm *gemm, int8_t *dst, size_t pitch)
{
	const struct lines lines = { .o = o, .r = r, .get = line_bytes, .bytes = r->count };
	uint8_t buffer[MANY][4 * EGRET_PACK_LINES];
	size_t n = (r->count + 3) / 4;

	if (o->by_line)
		rows_by_line(&lines, (uint8_t *)dst, pitch);
	for (size_t i = 0; !o->by_line && i < n; i += MANY) {
		size_t here = n - i < MANY ? n - i : MANY;
		const uint8_t *k[MANY];

		for (size_t j = 0; j < here; j++) {
			k_words(o, r, i + j, buffer[j]);
			k[j] = buffer[j];
		}
		turn(gemm, (uint32_t *)dst + i, pitch / 4, k, here, 4 * r->lines, 0);
	}
}

/* ---- Scales -------------------------------------------------------------- */

/* Scales of 16 bits, by lines and by blocks: those of some lines are turned, and converted together. */
EGRET_CLONES
static void load_halves(const struct egret_operand *o, const uint8_t *p, size_t lines, size_t blocks,
			float *dst, size_t pitch)
{
	const bool bf16 = o->scale_type == EGRET_TYPE_BF16;
	uint16_t half[EGRET_PACK_K / EGRET_BLOCK][MANY] = { { 0 } };
	float f[MANY];

	for (size_t l = 0; l < lines; l++)
		for (size_t x = 0; x < blocks; x++)
			memcpy(&half[x][l], p + (int64_t)l * o->scale_pitch + (int64_t)x * o->scale_step,
			       sizeof(half[x][l]));
	for (size_t x = 0; x < blocks; x++, dst += pitch) {
		for (size_t l = 0; l < MANY; l++)
			f[l] = bf16 ? f32_from_bf16(half[x][l]) : f32_from_f16(half[x][l]);
		memcpy(dst, f, lines * sizeof(*dst));
	}
}

void egret_scales(const struct egret_operand *o, const struct egret_range *r, float *dst, size_t pitch)
{
	const uint8_t *p = o->scale + (int64_t)r->line * o->scale_pitch +
			   (int64_t)(r->k / EGRET_BLOCK) * o->scale_step;
	size_t blocks = (r->count + EGRET_BLOCK - 1) / EGRET_BLOCK;
	bool halves = o->scale_type == EGRET_TYPE_F16 || o->scale_type == EGRET_TYPE_BF16;

	for (size_t l = 0; halves && l < r->lines; l += MANY)
		load_halves(o, p + (int64_t)l * o->scale_pitch,
			    r->lines - l < MANY ? r->lines - l : MANY, blocks, dst + l, pitch);
	for (size_t x = 0; !halves && x < blocks; x++, p += o->scale_step, dst += pitch)
		for (size_t l = 0; l < r->lines; l++) {
			const uint8_t *scale = p + (int64_t)l * o->scale_pitch;

			if (o->scale_type == EGRET_TYPE_F32)
				memcpy(dst + l, scale, sizeof(*dst));
			else
				dst[l] = f32_from_e8m0(*scale);
		}
}
