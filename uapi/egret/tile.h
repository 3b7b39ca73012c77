/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * Descriptors of the custom instructions: data movement and tile operations.
 *
 * Local addresses are those of the hart's local aperture (egret/isa.h).
 * Dimension 0 is the innermost one: the one whose index moves fastest. Strides
 * are in bytes and may be zero (broadcast) or negative. Operands may have any
 * alignment. Reserved fields, and fields that the flags make meaningless, must be
 * zero.
 *
 * Along dimension 0, elements of 4 bits come in pairs: index i is the low half
 * (i even) or the high half (i odd) of the byte at (i / 2) * stride[0].
 *
 * The meaning of every operation, to the bit, stands in
 * Documentation/hardware/tile.rst; the tables there are made from this file.
 */
#ifndef EGRET_TILE_H
#define EGRET_TILE_H

#include <egret/types.h>

#define EGRET_DIMS			5	/* dimensions of a block */
#define EGRET_BLOCK			32	/* elements to a scale, in block-scaled formats */

/* No instruction does more than this, so that each has a bounded time. */
#define EGRET_ELEMENTS_MAX		0x01000000	/* elements of a DMA, map, reduce or quant operation */
#define EGRET_MACS_MAX			0x100000000ULL	/* m * n * k * batch of a matrix multiply */

/* Data types of operands. */
enum egret_type {
	EGRET_TYPE_NONE			= 0,	/* no operand */
	EGRET_TYPE_S8			= 1,	/* signed */
	EGRET_TYPE_U8			= 2,	/* also truth values: 0 is false, others true; results are 0 or 1 */
	EGRET_TYPE_S16			= 3,	/* signed */
	EGRET_TYPE_U16			= 4,	/* unsigned */
	EGRET_TYPE_S32			= 5,	/* signed */
	EGRET_TYPE_U32			= 6,	/* unsigned */
	EGRET_TYPE_S64			= 7,	/* signed */
	EGRET_TYPE_U64			= 8,	/* unsigned */
	EGRET_TYPE_F16			= 9,	/* IEEE 754 binary16 */
	EGRET_TYPE_BF16			= 10,	/* the upper half of a binary32 */
	EGRET_TYPE_F32			= 11,	/* IEEE 754 binary32 */
	EGRET_TYPE_S4			= 12,	/* two to a byte, the even element in the low half */
	EGRET_TYPE_U4			= 13,	/* the same, unsigned */
	EGRET_TYPE_E8M0			= 14,	/* power of two 2^(x-127), 255 is NaN; for block scales only */
	EGRET_TYPE_COUNT
};

/** egret_type_size() - bytes of an element; not for types of less than a byte */
static inline unsigned int egret_type_size(enum egret_type type)
{
	switch (type) {
	case EGRET_TYPE_S16:
	case EGRET_TYPE_U16:
	case EGRET_TYPE_F16:
	case EGRET_TYPE_BF16:
		return 2;
	case EGRET_TYPE_S32:
	case EGRET_TYPE_U32:
	case EGRET_TYPE_F32:
		return 4;
	case EGRET_TYPE_S64:
	case EGRET_TYPE_U64:
		return 8;
	default:
		return 1;
	}
}

/* ---- DMA: a block of up to five dimensions between memory and scratchpad -- */

/* One loop of the block. */
struct egret_dma_loop {
	__le32 count;		/* iterations, 1 or more; 1 for loops that are not used */
	__le32 local_stride;	/* signed: bytes in scratchpad from an iteration to the next */
	__le64 global_stride;	/* signed: bytes in memory from an iteration to the next */
	__le32 step;		/* signed: what an iteration adds to the coordinate of the axis */
	__le32 axis;		/* axis that the loop moves along: 0..4, or EGRET_DMA_NO_AXIS */
};

/* One axis of the tensor in memory, to know which elements exist. */
struct egret_dma_axis {
	__le32 start;		/* signed: coordinate of the block's first element */
	__le32 extent;		/* the tensor's size; coordinates 0..extent-1 exist */
};

#define EGRET_DMA_NO_AXIS		0xffffffff	/* not checked against an axis */

/*
 * The element with loop indices i0..i4 lies in memory at
 *   global + sum(i_n * loop[n].global_stride)
 * and in scratchpad at
 *   local + sum(i_n * loop[n].local_stride).
 * Its coordinate on axis a is axis[a].start + sum over the loops of that axis
 * of i_n * loop[n].step. If a coordinate does not exist, a load writes the fill
 * value to scratchpad and a store writes nothing; memory is not accessed.
 * With EGRET_DMA_INDEXED, the index i of loop `index_loop` is replaced, in the
 * address and the coordinate but not in the scratchpad address, by the signed
 * 32-bit word i of the table at `index`.
 */
struct egret_dma_desc {
	__le64 global;		/* virtual address; may be outside the tensor if no element there exists */
	__le32 local;		/* local address */
	__le32 index;		/* local address of the table, a multiple of 4; zero unless EGRET_DMA_INDEXED */
	__le64 fill;		/* the low bytes fill missing elements; elements of 16 bytes are filled with it twice */
	__u8 flags;		/* EGRET_DMA_* */
	__u8 element;		/* bytes of an element: 1, 2, 4, 8 or 16 */
	__u8 index_loop;	/* 0..4; zero unless EGRET_DMA_INDEXED */
	__u8 reserved0;
	__le32 reserved1;
	struct egret_dma_loop loop[EGRET_DIMS];	/* loop 0 is the innermost */
	struct egret_dma_axis axis[EGRET_DIMS];
};

#define EGRET_DMA_STORE			0x01	/* from scratchpad to memory; otherwise a load */
#define EGRET_DMA_INDEXED		0x02	/* one loop takes its index from a table */

/* ---- Matrix multiply ----------------------------------------------------------- */

/*
 * For each batch: out[m][n] = finish(acc[m][n] + sum over k of
 * (A[m][k] - a_zero) * (B[k][n] - b_zero)), with A an m x k and B a k x n
 * matrix. A is stored in m rows of k elements, or with EGRET_MATMUL_A_TRANS in
 * k rows of m; B in k rows of n, or with EGRET_MATMUL_B_TRANS in n rows of k.
 * Elements of a row are adjacent. The types decide what accumulates:
 *
 *   A, B of S8, U8, S4, U4 in any mix      S32, wrapping
 *   A and B both F16, both BF16, both F32  F32, one fused multiply-add per k
 *   blocks (EGRET_MATMUL_A_BLOCK or B_BLOCK) F32, see tile.rst
 *
 * finish(), in this order: add bias (BIAS_ACC), convert an S32 accumulator to
 * F32 if anything below needs it, multiply by scale, add bias (BIAS_OUT),
 * activation, steps (struct egret_matmul_step), convert with round to nearest
 * even; integer outputs then add out_zero and saturate.
 */
struct egret_matmul_desc {
	__le32 a;		/* local address */
	__le32 b;		/* local address */
	__le32 acc;		/* local address of accumulators to start from, S32 or F32; zero without EGRET_MATMUL_ACC */
	__le32 out;		/* local address; may be the same as acc */
	__le32 m;		/* 1 or more */
	__le32 n;		/* 1 or more */
	__le32 k;		/* 1 or more */
	__le32 batch;		/* 1 or more */
	__le32 a_pitch;		/* signed: bytes between stored rows */
	__le32 b_pitch;
	__le32 acc_pitch;
	__le32 out_pitch;
	__le32 a_batch;		/* signed: bytes between batches */
	__le32 b_batch;
	__le32 acc_batch;
	__le32 out_batch;
	__u8 a_type;		/* enum egret_type */
	__u8 b_type;
	__u8 out_type;		/* S8, U8, S16, S32, F16, BF16 or F32 */
	__u8 act;		/* enum egret_act */
	__le16 flags;		/* EGRET_MATMUL_* */
	__u8 a_zero;		/* zero point of A, in A's type; only for 8-bit types */
	__u8 b_zero;
	__le32 scale;		/* local address of F32 factors, or the factor's bits (SCALE_IMM); zero without a scale */
	__le32 bias;		/* local address: S32 or F32 (BIAS_ACC, as the accumulator), F32 (BIAS_OUT) */
	__le32 act_a;		/* F32 bits: first parameter of the activation */
	__le32 act_b;		/* F32 bits: second parameter */
	__le32 out_zero;	/* signed: zero point of an integer output */
	__le32 a_scale;		/* blocks: local address of the scale of row 0, block 0 */
	__le32 b_scale;
	__le32 a_scale_pitch;	/* signed: bytes between the scales of stored rows */
	__le32 b_scale_pitch;
	__le16 a_block;		/* bytes from a block of 32 elements to the next in a row */
	__le16 b_block;
	__le16 a_scale_step;	/* bytes from a block's scale to the next one's */
	__le16 b_scale_step;
	__u8 a_scale_type;	/* F16, BF16, F32 or E8M0 */
	__u8 b_scale_type;
	__u8 steps;		/* 0 to EGRET_MATMUL_STEPS_MAX: struct egret_matmul_step behind the descriptor */
	__u8 reserved0;
	__le32 reserved1[2];
};

#define EGRET_MATMUL_A_TRANS		0x0001	/* A is stored by k */
#define EGRET_MATMUL_B_TRANS		0x0002	/* B is stored by n */
#define EGRET_MATMUL_ACC		0x0004	/* start from acc, not from zero */
#define EGRET_MATMUL_SCALE_IMM		0x0008	/* one scale, in the descriptor */
#define EGRET_MATMUL_SCALE_N		0x0010	/* a scale for each column */
#define EGRET_MATMUL_SCALE_M		0x0020	/* a scale for each row */
#define EGRET_MATMUL_BIAS_ACC		0x0040	/* bias is added to the accumulator */
#define EGRET_MATMUL_BIAS_OUT		0x0080	/* bias is added after scaling */
#define EGRET_MATMUL_BIAS_M		0x0100	/* bias has a value for each row, otherwise for each column */
#define EGRET_MATMUL_A_BLOCK		0x0200	/* A is block-scaled along k: S8 or S4, stored by m */
#define EGRET_MATMUL_B_BLOCK		0x0400	/* B is block-scaled along k: S8 or S4, stored by n (needs B_TRANS) */
#define EGRET_MATMUL_A_SPLIT		0x0800	/* S4 blocks hold elements 0..15 in the low, 16..31 in the high halves, biased by 8 (Q4_0) */
#define EGRET_MATMUL_B_SPLIT		0x1000	/* the same of B */
#define EGRET_MATMUL_FLAGS		0x1fff

/*
 * Steps: what else is done to each result v on its way out, in F32. They follow the
 * descriptor without a gap, are read with it, and are done in their order: v = v op x, or
 * v = act(v). A network's scale and shift, its sum with another branch and the activation behind
 * it need not go through scratchpad for that.
 */
struct egret_matmul_step {
	__u8 op;		/* enum egret_step */
	__u8 operand;		/* enum egret_step_operand: where x comes from */
	__u8 type;		/* of a matrix's elements, as out_type; otherwise zero */
	__u8 act;		/* ACT: enum egret_act; otherwise zero */
	__le32 value;		/* the constant's F32 bits, or x's local address; ACT: the activation's a */
	__le32 pitch;		/* MATRIX: signed: bytes between rows; ACT: the activation's b */
	__le32 batch;		/* MATRIX: signed: bytes between batches; otherwise zero */
};

#define EGRET_MATMUL_STEPS_MAX		8	/* steps of a matrix multiply */

enum egret_step {
	EGRET_STEP_ADD			= 0,	/* v + x */
	EGRET_STEP_SUB			= 1,	/* v - x */
	EGRET_STEP_MUL			= 2,	/* v * x */
	EGRET_STEP_MIN			= 3,	/* smaller; not a number if an operand is not */
	EGRET_STEP_MAX			= 4,	/* larger; not a number if an operand is not */
	EGRET_STEP_ACT			= 5,	/* act(v) */
	EGRET_STEP_COUNT
};

enum egret_step_operand {
	EGRET_STEP_NONE			= 0,	/* ACT has none */
	EGRET_STEP_CONST		= 1,	/* in the step */
	EGRET_STEP_N			= 2,	/* an F32 for each column, adjacent */
	EGRET_STEP_M			= 3,	/* an F32 for each row, adjacent */
	EGRET_STEP_MATRIX		= 4,	/* an element for each result, of `type` */
	EGRET_STEP_OPERAND_COUNT
};

/* Activations on the way out of a matrix multiply; a and b are act_a, act_b. */
enum egret_act {
	EGRET_ACT_NONE			= 0,	/* x */
	EGRET_ACT_RELU			= 1,	/* max(x, 0) */
	EGRET_ACT_CLAMP			= 2,	/* min(max(x, a), b) */
	EGRET_ACT_LEAKY_RELU		= 3,	/* x < 0 ? a * x : x */
	EGRET_ACT_SIGMOID		= 4,	/* 1 / (1 + exp(-x)) */
	EGRET_ACT_TANH			= 5,	/* tanh(x) */
	EGRET_ACT_GELU			= 6,	/* x / 2 * (1 + erf(x / sqrt(2))) */
	EGRET_ACT_GELU_TANH		= 7,	/* x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) */
	EGRET_ACT_SILU			= 8,	/* x / (1 + exp(-x)) */
	EGRET_ACT_HARD_SIGMOID		= 9,	/* min(max(a * x + b, 0), 1) */
	EGRET_ACT_HARD_SWISH		= 10,	/* x * min(max(x / 6 + 1 / 2, 0), 1) */
	EGRET_ACT_COUNT
};

/* ---- Map: an elementwise operation over a block ---------------------------------- */

/*
 * out[i] = op(a[i], b[i], c[i]) for every index i of the block. It computes in
 * F32 if an input is a float type or the operation is one of floats, else in
 * 64-bit integers, unsigned if an input is U64; the result is then converted to
 * out_type. A COPY to the same type keeps the bits. With strides it
 * also broadcasts, transposes, slices and pads; with an index table it gathers
 * or scatters: the index i of dimension `index_dim` is replaced, in the address
 * of operand a (gather) or of out (scatter), by the signed 32-bit word i of the
 * table.
 */
struct egret_map_desc {
	__u8 op;		/* enum egret_map_op */
	__u8 out_type;		/* enum egret_type */
	__u8 a_type;
	__u8 b_type;		/* EGRET_TYPE_NONE if the operation has no b */
	__u8 c_type;		/* EGRET_TYPE_NONE if the operation has no c */
	__u8 index_dim;		/* dimension of the index table; zero without one */
	__le16 flags;		/* EGRET_MAP_* */
	__le32 dims[EGRET_DIMS];	/* each 1 or more */
	__le32 out;		/* local addresses */
	__le32 a;		/* or the value's bits (A_IMM): F32, or a signed 32-bit integer */
	__le32 b;		/* or the value's bits (B_IMM) */
	__le32 c;		/* or the value's bits (C_IMM) */
	__le32 out_stride[EGRET_DIMS];	/* signed */
	__le32 a_stride[EGRET_DIMS];
	__le32 b_stride[EGRET_DIMS];
	__le32 c_stride[EGRET_DIMS];
	__le32 index;		/* local address of the table, a multiple of 4; zero without one */
	__le32 param;		/* F32 bits: parameter of the operation */
	__le32 index_limit;	/* table entries must be 0..limit-1; others fault (DESC_FIELD) */
	__le32 reserved[2];
};

#define EGRET_MAP_B_IMM			0x0001	/* b is a constant in the descriptor */
#define EGRET_MAP_C_IMM			0x0002	/* c is a constant in the descriptor */
#define EGRET_MAP_SATURATE		0x0004	/* integer results saturate; otherwise they wrap */
#define EGRET_MAP_ROUND_EVEN		0x0008	/* F32 to integer rounds to nearest even; otherwise toward zero */
#define EGRET_MAP_GATHER		0x0010	/* the index table applies to a */
#define EGRET_MAP_SCATTER		0x0020	/* the index table applies to out */
#define EGRET_MAP_A_IMM			0x0040	/* a is a constant in the descriptor; not with GATHER */
#define EGRET_MAP_FLAGS			0x007f

/*
 * Operations of a map. The comment says what is computed and, for the float
 * functions, the bound of the error in units in the last place (ulp); without
 * one, the result is correctly rounded.
 */
enum egret_map_op {
	/* one operand */
	EGRET_MAP_COPY			= 0x00,	/* a */
	EGRET_MAP_NEG			= 0x01,	/* -a */
	EGRET_MAP_ABS			= 0x02,	/* |a| */
	EGRET_MAP_SIGN			= 0x03,	/* -1, 0 or 1 */
	EGRET_MAP_NOT			= 0x04,	/* a == 0 ? 1 : 0 */
	EGRET_MAP_BITNOT		= 0x05,	/* ~a, integers */
	EGRET_MAP_FLOOR			= 0x06,	/* float: floor(a) */
	EGRET_MAP_CEIL			= 0x07,	/* float: ceil(a) */
	EGRET_MAP_ROUND			= 0x08,	/* float: nearest integer, ties to even */
	EGRET_MAP_TRUNC			= 0x09,	/* float: toward zero */
	EGRET_MAP_ISNAN			= 0x0a,	/* float: 1 if a is not a number */
	EGRET_MAP_ISINF			= 0x0b,	/* float: 1 if a is infinite */
	EGRET_MAP_SQRT			= 0x10,	/* float: square root */
	EGRET_MAP_RSQRT			= 0x11,	/* float: 1 / square root, two roundings */
	EGRET_MAP_RECIP			= 0x12,	/* float: 1 / a */
	EGRET_MAP_EXP			= 0x13,	/* float: e^a, 1 ulp */
	EGRET_MAP_LOG			= 0x14,	/* float: natural logarithm, 1 ulp */
	EGRET_MAP_SIN			= 0x15,	/* float: sine, 2 ulp */
	EGRET_MAP_COS			= 0x16,	/* float: cosine, 2 ulp */
	EGRET_MAP_TANH			= 0x17,	/* float: 2 ulp */
	EGRET_MAP_ERF			= 0x18,	/* float: 2 ulp */
	EGRET_MAP_SIGMOID		= 0x19,	/* float: 1 / (1 + e^-a), 2 ulp */
	EGRET_MAP_GELU			= 0x1a,	/* float: a / 2 * (1 + erf(a / sqrt(2))), see functions.rst */
	EGRET_MAP_GELU_TANH		= 0x1b,	/* float: see enum egret_act */
	EGRET_MAP_SILU			= 0x1c,	/* float: a / (1 + e^-a), 3 ulp */
	EGRET_MAP_SOFTPLUS		= 0x1d,	/* float: log(1 + e^a), 2 ulp */
	EGRET_MAP_RELU			= 0x1e,	/* max(a, 0) */
	EGRET_MAP_LEAKY_RELU		= 0x1f,	/* float: a < 0 ? param * a : a */
	EGRET_MAP_ELU			= 0x20,	/* float: a < 0 ? param * (e^a - 1) : a, 2 ulp */
	/* two operands */
	EGRET_MAP_ADD			= 0x40,	/* a + b */
	EGRET_MAP_SUB			= 0x41,	/* a - b */
	EGRET_MAP_MUL			= 0x42,	/* a * b */
	EGRET_MAP_DIV			= 0x43,	/* a / b; integers toward zero, by zero gives -1, most negative by -1 wraps */
	EGRET_MAP_REM			= 0x44,	/* a - b * trunc(a / b), exact; integers by zero give a */
	EGRET_MAP_POW			= 0x45,	/* float: a^b, 4 ulp */
	EGRET_MAP_MIN			= 0x46,	/* smaller; not a number if an operand is not */
	EGRET_MAP_MAX			= 0x47,	/* larger; not a number if an operand is not */
	EGRET_MAP_AND			= 0x48,	/* bits, integers */
	EGRET_MAP_OR			= 0x49,	/* bits, integers */
	EGRET_MAP_XOR			= 0x4a,	/* bits, integers */
	EGRET_MAP_SHL			= 0x4b,	/* a << (b mod 64), integers */
	EGRET_MAP_SHR			= 0x4c,	/* a >> (b mod 64), integers; arithmetic for signed a */
	EGRET_MAP_EQ			= 0x50,	/* a == b ? 1 : 0 */
	EGRET_MAP_NE			= 0x51,	/* a != b ? 1 : 0 */
	EGRET_MAP_LT			= 0x52,	/* a < b ? 1 : 0 */
	EGRET_MAP_LE			= 0x53,	/* a <= b ? 1 : 0 */
	EGRET_MAP_GT			= 0x54,	/* a > b ? 1 : 0 */
	EGRET_MAP_GE			= 0x55,	/* a >= b ? 1 : 0 */
	/* three operands */
	EGRET_MAP_SELECT		= 0x60,	/* a != 0 ? b : c */
	EGRET_MAP_FMA			= 0x61,	/* a * b + c, one rounding */
	EGRET_MAP_CLAMP			= 0x62,	/* min(max(a, b), c) */
};

/* ---- Reduce: combine elements along the innermost dimensions -------------------------- */

/*
 * The innermost `reduced` dimensions of the block are combined; the others
 * remain. Element order is that of the block, dimension 0 fastest. Float sums
 * use 32 partial sums: element j (counted over the reduced dimensions) is
 * added to partial sum j mod 32, in ascending j, and the partial sums are
 * combined as p[i] + p[i + 16], then + p[i + 8], + p[i + 4], + p[i + 2],
 * + p[i + 1]. Integers combine in 64 bits, floats in F32; results are converted
 * with round to nearest even and saturation.
 */
struct egret_reduce_desc {
	__u8 op;		/* enum egret_reduce_op */
	__u8 out_type;		/* enum egret_type */
	__u8 in_type;
	__u8 reduced;		/* how many dimensions are combined, 1..5 */
	__le16 flags;		/* EGRET_REDUCE_* */
	__le16 reserved0;
	__le32 dims[EGRET_DIMS];	/* each 1 or more */
	__le32 out;		/* local addresses */
	__le32 in;
	__le32 out_stride[EGRET_DIMS];	/* signed; of reduced dimensions only with SCAN, else zero */
	__le32 in_stride[EGRET_DIMS];	/* signed */
	__le32 reserved1;
};

#define EGRET_REDUCE_ACC		0x0001	/* combine with what out holds, which is then of out_type; not for ARGMIN, ARGMAX, SCAN */
#define EGRET_REDUCE_LAST		0x0002	/* ARGMIN, ARGMAX: the last of equals; otherwise the first */
#define EGRET_REDUCE_SCAN		0x0004	/* write every partial result, in ascending order of one sum; SUM and one reduced dimension only */
#define EGRET_REDUCE_FLAGS		0x0007

enum egret_reduce_op {
	EGRET_REDUCE_SUM		= 0,	/* sum */
	EGRET_REDUCE_MAX		= 1,	/* largest; not a number if an element is not */
	EGRET_REDUCE_MIN		= 2,	/* smallest; not a number if an element is not */
	EGRET_REDUCE_ARGMAX		= 3,	/* index of the largest, counted over the reduced dimensions */
	EGRET_REDUCE_ARGMIN		= 4,	/* index of the smallest */
	EGRET_REDUCE_SUMSQ		= 5,	/* sum of squares: a fused multiply-add into each partial sum */
	EGRET_REDUCE_SUMABS		= 6,	/* sum of magnitudes */
	EGRET_REDUCE_PROD		= 7,	/* product, the partial products combined as the sums are */
	EGRET_REDUCE_COUNT
};

/* ---- Quantise to, and from, block-scaled formats ---------------------------------------- */

/*
 * Rows of `cols` elements, a multiple of 32. Quantising takes for each block d =
 * largest magnitude / 127 (S8) or / 7 (S4) as the scale, rounded to scale_type
 * (E8M0: up, to a power of two), and writes round-to-nearest-even(x / d),
 * saturated to +-127 (S8) or +-7 (S4); zeros when d is 0. Dequantising
 * multiplies each element with its scale in F32 and converts it to the type of
 * the unscaled side.
 */
struct egret_quant_desc {
	__u8 flags;		/* EGRET_QUANT_* */
	__u8 plain_type;	/* F16, BF16 or F32: the unscaled side */
	__u8 block_type;	/* S8 or S4 */
	__u8 scale_type;	/* F16, BF16, F32 or E8M0 */
	__le32 rows;		/* 1 or more */
	__le32 cols;		/* a multiple of 32 */
	__le32 plain;		/* local addresses */
	__le32 block;
	__le32 scale;
	__le32 plain_pitch;	/* signed: bytes between rows */
	__le32 block_pitch;
	__le32 scale_pitch;
	__le16 block_step;	/* bytes from a block to the next in a row */
	__le16 scale_step;	/* bytes from a scale to the next in a row */
	__le32 reserved[6];
};

#define EGRET_QUANT_DEQUANT		0x01	/* from blocks to plain; otherwise from plain to blocks */
#define EGRET_QUANT_SPLIT		0x02	/* S4: Q4_0's order and bias, as EGRET_MATMUL_A_SPLIT */
#define EGRET_QUANT_FLAGS		0x03

#endif /* EGRET_TILE_H */
