/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The inner part of matrix multiplication: panels and micro-kernels.
 *
 * A micro-kernel multiplies a few rows of A with a panel of B (nr columns) and adds to a
 * tile of accumulators. A row is stored along k; for integers, as bytes. A panel holds, for
 * each k in ascending order, its columns' elements next to each other: in F32, or, for
 * integers, in groups of four k as four bytes. Columns beyond the matrix are zero, and so are
 * bytes beyond k: then it does not matter what is there in A.
 *
 * F32 accumulators take one fused multiply-add for each k in ascending order, so the
 * result does not depend on the kernel or the host. A NaN is stored as the canonical one.
 *
 * Of integers, A's bytes are signed and B's unsigned, whatever the operands' types: that is
 * what hosts multiply fastest. The caller shifts operands into these ranges, and
 * corrects for it and for zero points by what is added to the rows and columns of
 * the tile; all of it modulo 2^32, where the order does not matter.
 */
#ifndef EGRET_MODEL_TILE_GEMM_H
#define EGRET_MODEL_TILE_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EGRET_GEMM_MR		12	/* rows of the largest kernel */
#define EGRET_GEMM_NR_MAX	32
#define EGRET_GEMM_DOTS		16	/* lines of egret_gemm_block_dot_*() */

/*
 * c[row][column] = a's rows by b's panel, plus what c holds unless `zero`; k counts steps (of
 * one, or of four bytes). lda and ldc are the elements from one row of a and c to the next, ldb
 * the elements (or groups of four bytes) from one k of b to the next. For bytes, row[row] and
 * column[column] are added as well.
 */
typedef void egret_gemm_f32(size_t k, const float *a, size_t lda, const float *b, size_t ldb,
			    float *c, size_t ldc, bool zero);
typedef void egret_gemm_i8(size_t k, const int8_t *a, size_t lda, const uint8_t *b, size_t ldb,
			   int32_t *c, size_t ldc, bool zero, const int32_t *row,
			   const int32_t *column);

/* sum[row] = the sum of so many bytes of a's row */
typedef void egret_gemm_sum(const int8_t *a, size_t lda, size_t rows, size_t bytes, int32_t *sum);

/*
 * Packing (tile_pack.h) on hosts that have more to offer than the compiler finds. Every byte
 * is flipped by `flip`.
 *
 * transpose: up to 16 lines of so many bytes become the columns of a panel that is `stride`
 * words wide; zeros fill the last word. transpose_bf16: the same of lines of `count` BF16, which
 * become F32. interleave: 2 * nr bytes of `count` rows, the first
 * of which is at `row`, become two panels in groups of four rows; zeros fill the last group.
 */
typedef void egret_gemm_transpose(uint32_t *dst, size_t stride, const uint8_t *const *line,
				  unsigned int lines, size_t bytes, uint8_t flip);
typedef void egret_gemm_transpose_bf16(uint32_t *dst, size_t stride, const uint8_t *const *line,
				       unsigned int lines, size_t count);
typedef void egret_gemm_interleave(uint8_t *dst, const uint8_t *row, int64_t pitch, size_t count,
				   uint8_t flip);

/*
 * sum[i] = a's bytes by the elements of line b[i], each of which is flipped by `flip` and unsigned
 * then, for four lines of k along k: without packing, which does not pay for few rows. The elements
 * are bytes (dot), or two of 4 bits in each byte, the low ones first (dot_nibbles).
 */
typedef void egret_gemm_dot(const int8_t *a, const uint8_t *const *b, size_t k, uint8_t flip,
			    int32_t *sum);

/*
 * The same for 16 lines of block-scaled elements, as they are stored: blocks of 32 bytes, or
 * of 16 with two elements each, `step` bytes apart. In a byte two elements follow each other
 * (low bits first), or the second one is 16 elements further. An element is flipped by
 * `flip`, and less `minus` then: unsigned for integers, and signed for F32.
 */
enum egret_gemm_form {
	EGRET_GEMM_BYTES,
	EGRET_GEMM_NIBBLES,
	EGRET_GEMM_SPLIT,
};

struct egret_gemm_blocks {
	const uint8_t *line[16];
	int64_t step;
	enum egret_gemm_form form;
	uint8_t flip, minus;
};

/*
 * sum[16 * x + i] = a's block x by that of line i; a's are `step` bytes apart. In F32 it is the result of one
 * fused multiply-add for each k in ascending order, from zero.
 */
typedef void egret_gemm_block_dot_i8(const int8_t *a, int64_t step,
				     const struct egret_gemm_blocks *b, size_t blocks, int32_t *sum);
typedef void egret_gemm_block_dot_f32(const float *a, int64_t step,
				      const struct egret_gemm_blocks *b, size_t blocks, float *sum);

/*
 * A row of sums of products, one factor for a whole row: out[i] = c[i] (c[0] if `one_c`) plus, for
 * each tap in ascending order, a[tap][first + i * step] * weight[tap]. What is read is not written.
 */
#define EGRET_GEMM_TAPS		32

typedef float __attribute__((may_alias)) egret_scratch_f32;

struct egret_gemm_row {
	egret_scratch_f32 *out;
	const egret_scratch_f32 *c;
	bool one_c;
	size_t n;
	int64_t first, step;		/* may be anything */
	unsigned int taps;
	const egret_scratch_f32 *a[EGRET_GEMM_TAPS];
	float weight[EGRET_GEMM_TAPS];
};

typedef void egret_gemm_taps(const struct egret_gemm_row *r);

struct egret_gemm {
	unsigned int nr;
	/* by rows: those for 12, 8, 4, 2 and 1 exist, the others are NULL */
	egret_gemm_f32 *f32[EGRET_GEMM_MR + 1];
	egret_gemm_i8 *i8[EGRET_GEMM_MR + 1];
	egret_gemm_sum *sum;
	egret_gemm_dot *dot;			/* or NULL */
	egret_gemm_dot *dot_nibbles;		/* there if dot is */
	egret_gemm_block_dot_i8 *block_dot_i8;	/* or NULL */
	egret_gemm_block_dot_f32 *block_dot_f32;	/* or NULL */
	egret_gemm_transpose *transpose;	/* or NULL */
	egret_gemm_transpose_bf16 *transpose_bf16;	/* or NULL */
	egret_gemm_interleave *interleave;	/* or NULL */
	egret_gemm_taps *taps;
};

/**
 * egret_gemm() - micro-kernels for this host
 * @number: 0 for the best, 1 for the next, ...
 *
 * Return: NULL if there are no more. The last ones run on any host.
 */
const struct egret_gemm *egret_gemm(unsigned int number);

/** egret_gemm_rows() - rows of the kernel that takes the next of `left` rows, or more than are left */
static inline unsigned int egret_gemm_rows(size_t left)
{
	if (left > 8)
		return 12;
	return left > 4 ? 8 : left > 2 ? 4 : (unsigned int)left;
}

#endif /* EGRET_MODEL_TILE_GEMM_H */
