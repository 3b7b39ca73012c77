/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * Arguments of the kernels that models are lowered to, for the host and for the kernels.
 *
 *   nn_tile      programs of elementwise operations and reductions (nn_tile.egm)
 *   nn_product   matrix products and convolutions (nn_product.egm)
 *   nn_window    depthwise convolutions and pooling (nn_window.egm)
 *
 * All three walk over an index space of five dimensions, dimension 0 innermost, in tiles.
 * For each tile they load operands into registers, compute, and store operands. A register
 * is a tile of numbers in scratchpad. What is computed on registers is a program: a list of
 * the tile engine's own operations. nn_tile has nothing else; the other two first make
 * register 0, and the program is what follows a product: bias, normalisation, activation,
 * and whatever else works element by element.
 *
 * The host decides about everything: sizes of tiles, places and strides of registers, the
 * order of loops. The kernels only follow.
 */
#ifndef EGRET_NN_KERNELS_H
#define EGRET_NN_KERNELS_H

#include <egret/tile.h>

#define EGRET_NN_REGISTERS	16
#define EGRET_NN_OPERANDS	8
#define EGRET_NN_STEPS		28
#define EGRET_NN_NONE		0xff	/* no register */
#define EGRET_NN_PRODUCT_STEPS	7	/* of the matrix engine, behind a product's activation */

/* A tile of numbers in scratchpad. */
struct egret_nn_register {
	__u32 local;			/* bytes from the beginning of the program's memory */
	__u32 other;			/* distance to the second buffer; 0: there is only one */
	__s32 stride[EGRET_DIMS];	/* bytes; 0: one element for all along this dimension */
	__u8 type;			/* enum egret_type */
	__u8 reserved[3];
};

/* Something in memory that is loaded into a register, or stored from it. */
struct egret_nn_operand {
	__u64 address;			/* of the element at index 0 */
	__s64 stride[EGRET_DIMS];	/* bytes */
	__u64 index;			/* address of S32 indices, with EGRET_NN_INDEXED */
	__u64 fill;			/* bits of elements that do not exist */
	__s32 start[EGRET_DIMS];	/* with EGRET_NN_PADDED: coordinate of index 0 */
	__u32 extent[EGRET_DIMS];	/* coordinates below it exist */
	__u32 index_local;		/* place of the indices in the program's memory */
	__u8 reg;
	__u8 flags;			/* EGRET_NN_* */
	__u8 index_dim;			/* along which indices are taken from the table */
	__u8 order[EGRET_DIMS];		/* dimensions by their strides in memory, smallest first */
};

#define EGRET_NN_STORE		0x1
#define EGRET_NN_PADDED		0x2	/* start and extent tell which elements exist */
#define EGRET_NN_INDEXED	0x4	/* index i of dimension index_dim is index[i], one of extent */

/* out = op(a, b, c) */
struct egret_nn_step {
	__u8 op;			/* enum egret_map_op, or egret_reduce_op */
	__u8 reduce;			/* 1: combines the innermost dimensions of a */
	__u8 out, a, b, c;		/* registers; EGRET_NN_NONE */
	__u16 flags;			/* of the descriptor: EGRET_MAP_B_IMM... */
	__u8 b_type, c_type;		/* of immediate operands */
	__u16 reserved;
	__u32 b_imm, c_imm;
	__u32 param;
};

struct egret_nn_program {
	__u32 dims[EGRET_DIMS];		/* the index space */
	__u32 tile[EGRET_DIMS];
	__u32 tiles;			/* in all; workgroups share them in order */
	__u8 reduced;			/* innermost dimensions that reductions combine, each in one tile */
	__u8 registers;
	__u8 operands;
	__u8 steps;
	struct egret_nn_register reg[EGRET_NN_REGISTERS];
	struct egret_nn_operand operand[EGRET_NN_OPERANDS];
	struct egret_nn_step step[EGRET_NN_STEPS];
};

/* Where programs' memory ends, from its beginning; descriptors lie before it. */
#define EGRET_NN_MEMORY		((1u << 20) - (32u << 10))

struct egret_nn_tile_args {
	struct egret_nn_program program;
};

/* One spatial dimension of a window: output o and tap t meet input o * stride + t * dilation - before. */
struct egret_nn_window {
	__u32 taps;
	__u32 stride;
	__u32 dilation;
	__s32 before;			/* elements of padding before the input; may be negative */
	__u32 extent;			/* of the input */
	__u32 reserved;
};

/*
 * For each index of the program's space (x, y, m, b0, b1):
 *
 *   register 0 = finish(sum over k, ty, tx of A[m][k][ty][tx] * B[k][y'][x'])
 *
 * where x' and y' are those of the windows, and finish() scales, adds the bias, applies the
 * activation, and does the steps. Sums start at zero and go over k in blocks, within a block over the taps,
 * and for each tap over k, by fused multiply-adds. Integers are taken less their zero points,
 * and summed up as such; finish() begins with making floats of them.
 */
struct egret_nn_product_args {
	struct egret_nn_program program;
	struct egret_nn_window x, y;
	__u64 a, b;			/* addresses */
	__u64 scale, bias;		/* F32 vectors: sums are scaled, then the bias is added; none if 0 */
	__s64 a_m, a_k, a_ty, a_tx;	/* strides in bytes; one of a_m and a_k is an element's size, or their dimension is 1 */
	__s64 b_k, b_y, b_x;		/* likewise b_k and b_x */
	__s64 a_batch[2], b_batch[2];	/* strides of b0 and b1 */
	__s64 vector_batch[2];		/* of scale and bias */
	__u32 k;
	__u32 tile_k;
	__u32 flags;			/* EGRET_NN_PRODUCT_* */
	__u32 act;			/* enum egret_act, on the way out */
	__u32 act_a, act_b;
	__u8 a_type, b_type;		/* enum egret_type: of the operands' elements */
	__u8 sum_type;			/* F32, or S32 if the operands are integers */
	__u8 a_zero, b_zero;		/* zero points of integers; B is padded with its own */
	__u8 reserved[3];
	__s32 out_zero;			/* zero point of register 0, if that is of integers of 8 bits */
	__u64 a_zero_at, b_zero_at, out_zero_at;	/* addresses of zero points that are computed, or 0 */
	__u32 product_steps;
	struct egret_matmul_step product_step[EGRET_NN_PRODUCT_STEPS];	/* behind the activation */
	/* Places in the program's memory; of two buffers, the second is so many bytes later. */
	__u32 a_local, a_other;
	__u32 b_local, b_other;
	__u32 stage_local;		/* where strides of a window are taken apart */
	__u32 acc_local, acc_pitch;	/* sums that are not complete; place 0: they are in register 0, which is of their type */
	__u32 scale_local, bias_local;
	__u32 rows, cols;		/* of a phase of B in scratchpad: its tile's extents */
	/* Scales of B's blocks: F32, those of a row b_scale_x bytes behind those before. */
	__u64 b_scale;
	__s64 b_scale_x;
	__u32 b_scale_local, b_scale_other;
};

#define EGRET_NN_PRODUCT_A_BY_K		0x1	/* a_m is an element's size: A is stored by k */
#define EGRET_NN_PRODUCT_B_BY_N		0x2	/* likewise b_k: B is stored by n; no window */
#define EGRET_NN_PRODUCT_BY_M		0x4	/* scale and bias have a value for each m, otherwise for each x */
#define EGRET_NN_PRODUCT_B_BLOCKS	0x10	/* B is of S4 or S8 in blocks along k, and stored by n: a row is b_x bytes, and b_k does not count */
#define EGRET_NN_PRODUCT_BIAS_SUM	0x8	/* the bias is of the sum's type, and added before scaling */

/*
 * For each index of the program's space (x, y, c, b0, b1): register 0 combines the input's
 * elements under the window: with weights, the sum of their products from a bias on;
 * otherwise by `op`.
 */
struct egret_nn_window_args {
	struct egret_nn_program program;
	struct egret_nn_window x, y;
	__u64 input;			/* address of element 0 */
	__s64 in_c, in_y, in_x;		/* strides in bytes */
	__s64 in_batch[2];
	__u64 weights;			/* or 0: taps of a channel one after the other */
	__u64 bias;			/* or 0: one for each channel */
	__u32 op;			/* EGRET_MAP_MAX or EGRET_MAP_ADD without weights */
	__u32 in_type;			/* enum egret_type: of the input's elements; weights and sums are F32 */
	__u32 fill;			/* bits of elements outside of the input */
	__u32 rows, cols;		/* of the input's tile in scratchpad */
	__u32 in_local, in_other;
	__u32 weights_local;
	__u32 bias_local;
};

/* Codes with which the kernels abort. */
#define EGRET_NN_ABORT_ARGS	0x4e4e0001	/* arguments that no plan has */

#endif /* EGRET_NN_KERNELS_H */
