// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Weights in blocks (ops/blocks.h) on the card: products with them, and rows of them.
 *
 * The matrix engine multiplies float32 by signed integers of 4 or 8 bits in blocks of 32, each with
 * a scale, so weights go up as they are, less their zero points: of 4 bits in the middle of
 * what these can be, otherwise of 8. Larger blocks are several with the same scale; smaller ones
 * cannot be. Nothing is ever unpacked in memory: reading weights is what a word of a language
 * model takes its time for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../error.h"
#include "../ops/blocks.h"
#include "move.h"
#include "product.h"

#define WHAT	"cannot plan the model"

/* ---- What goes up ---- */

struct form {
	const struct nn_blocks *blocks;
	const struct nn_tensor *from;	/* what it is made of: aligned, which the file may not be */
	const struct nn_tensor *zeros;	/* or NULL */
	int64_t unit;			/* numbers that have a scale in common on the card */
	int64_t bits;			/* of a number on the card */
};

static int64_t units_of(const struct form *f)
{
	return (f->blocks->length + f->unit - 1) / f->unit;
}

/* Bytes of a row of numbers, of whole units. */
static int64_t row_of(const struct form *f)
{
	return units_of(f) * f->unit * f->bits / 8;
}

/* Numbers less their zero points. Those behind a row's end are zeros. */
static void make_numbers(void *to, const void *from, const void *opaque)
{
	const struct form *f = opaque;
	const struct nn_blocks *b = f->blocks;
	int64_t row, i;
	int x;

	(void)from;
	memset(to, 0, (size_t)(b->rows * row_of(f)));
	for (row = 0; row < b->rows; row++) {
		uint8_t *own = (uint8_t *)to + row * row_of(f);
		const char *packed = (const char *)f->from->data + row * b->row_bytes;

		for (i = 0; i < b->length; i++) {
			x = (int)nn_unpack(packed, i, b->bits) -
			    (int)nn_block_zero(b, f->zeros, row, i / b->size);
			if (f->bits == 8)
				own[i] = (uint8_t)x;
			else
				own[i / 2] |= (uint8_t)((x & 15) << i % 2 * 4);
		}
	}
}

static void make_scales(void *to, const void *from, const void *opaque)
{
	const struct form *f = opaque;
	const struct nn_blocks *b = f->blocks;
	float *scale = to;
	int64_t row, i;

	(void)from;
	for (row = 0; row < b->rows; row++)
		for (i = 0; i < units_of(f); i++)
			*scale++ = (float)nn_get(f->from, (size_t)(row * b->count + i * f->unit / b->size));
}

static void make_zeros(void *to, const void *from, const void *opaque)
{
	const struct form *f = opaque;
	const struct nn_blocks *b = f->blocks;
	float *zero = to;
	int64_t i;

	(void)from;
	for (i = 0; i < b->rows * b->count; i++)
		*zero++ = (float)nn_block_zero(b, f->zeros, i / b->count, i % b->count);
}

/*
 * Where something lies that is made of a constant, and of zero points if there are some: plans share
 * it, if the model has both in its file.
 */
static int place_made(struct nn_lower *lower, const struct nn_value *value,
		      const struct nn_value *zeros, enum nn_form kind, struct form *form, int64_t bytes,
		      void (*make)(void *to, const void *from, const void *opaque), struct nn_ref *ref)
{
	const void *raw = nn_fact_of(lower, value)->raw;
	const void *also = zeros ? nn_fact_of(lower, zeros)->raw : NULL;
	const unsigned int number = nn_form_of(kind, form->bits == 8 ? NN_I8 : NN_I4,
					       __builtin_ctzll((unsigned long long)form->unit));
	struct nn_plan *plan = lower->plan;
	void *made;
	int ret;

	form->from = nn_known(lower, value);
	form->zeros = zeros ? nn_known(lower, zeros) : NULL;
	if (!form->from || (zeros && !form->zeros))
		return accel_fail_errno(-ENOMEM, WHAT);
	if (raw && (!zeros || also)) {
		ret = nn_plan_place(plan, (size_t)bytes, ref);
		if (ret)
			return ret;
		plan->storages[ref->storage].fixed = true;
		return nn_card_weights(plan->card, raw, also, (size_t)bytes, number, make, form,
				       &plan->storages[ref->storage].address);
	}
	made = malloc((size_t)bytes + 1);
	if (!made)
		return accel_fail_errno(-ENOMEM, WHAT);
	make(made, raw, form);
	ret = nn_plan_constant(plan, made, (size_t)bytes, ref);
	free(made);
	return ret;
}

static const struct nn_value *input(const struct nn_node *node, size_t i)
{
	return i < node->input_count ? node->inputs[i] : NULL;
}

static bool are_known(const struct nn_lower *lower, const struct nn_node *node, size_t first,
		      size_t second, size_t third)
{
	const size_t inputs[] = { first, second, third };
	size_t i;

	for (i = 0; i < 3; i++)
		if (input(node, inputs[i]) && !nn_is_known(nn_fact_of(lower, input(node, inputs[i]))))
			return false;
	return true;
}

/* ---- MatMulNBits ---- */

/* Bits of a number less its zero point; 0, if the matrix engine has no such numbers. */
static int64_t bits_of(const struct nn_lower *lower, const struct nn_node *node,
		       const struct nn_blocks *b)
{
	const struct nn_value *zeros = input(node, NN_NBITS_ZEROS);
	const struct nn_tensor *known = zeros ? nn_known(lower, zeros) : NULL;
	int64_t i;

	if (!zeros)
		return b->bits == 8 ? 8 : 4;
	if (b->zero_type != NN_U8 || !known)
		return 0;
	for (i = 0; i < b->rows * b->count; i++)
		if (nn_block_zero(b, known, i / b->count, i % b->count) != 1 << (b->bits - 1))
			return b->bits == 8 ? 0 : b->bits == 4 ? 8 : 4;
	return b->bits == 8 ? 8 : 4;
}

static void describe(struct nn_lower *lower, const struct nn_node *node, const struct form *f,
		     struct nn_product *p)
{
	const struct nn_fact *a = nn_fact_of(lower, node->inputs[NN_NBITS_A]);
	const struct nn_blocks *b = f->blocks;

	p->of_a = (struct nn_operand){ .value = node->inputs[NN_NBITS_A], .shape = a->shape,
				       .encoding.type = NN_F32 };
	/* As a matrix, which its rows are the columns of. */
	p->of_b = (struct nn_operand){
		.shape = { .rank = 2, .dims = { b->length, b->rows } }, .encoding.type = NN_F32,
	};
	p->a_size = 4;
	p->b_size = 4;
	p->b_bits = f->bits;
}

static int place_operands(struct nn_lower *lower, const struct nn_node *node, struct form *f,
			  struct nn_product *p)
{
	const struct nn_value *zeros = input(node, NN_NBITS_ZEROS);
	const struct nn_value *bias = input(node, NN_NBITS_BIAS);
	const struct nn_blocks *b = f->blocks;
	int ret = nn_place_of(lower, node->inputs[NN_NBITS_A], &p->a);

	p->args.a_type = EGRET_TYPE_F32;
	p->args.b_type = f->bits == 8 ? EGRET_TYPE_S8 : EGRET_TYPE_S4;
	p->args.sum_type = EGRET_TYPE_F32;
	p->args.flags |= EGRET_NN_PRODUCT_B_BY_N | EGRET_NN_PRODUCT_B_BLOCKS;
	p->args.b_x = row_of(f);
	p->args.b_k = 0;
	p->args.b_scale_x = units_of(f) * 4;
	p->has_bias = bias;
	if (!ret && bias)
		ret = nn_place_of(lower, bias, &p->bias);
	if (!ret)
		ret = place_made(lower, node->inputs[NN_NBITS_B], zeros, NN_FORM_BLOCKS, f,
				 b->rows * row_of(f), make_numbers, &p->b);
	return ret ? ret : place_made(lower, node->inputs[NN_NBITS_SCALES], NULL, NN_FORM_BLOCK_SCALES,
				      f, b->rows * units_of(f) * 4, make_scales, &p->b_scale);
}

static int make_nbits(struct nn_lower *lower, const struct nn_node *node, size_t position,
		      struct nn_group *group, bool grow)
{
	struct nn_call call = nn_call_of(lower, node);
	struct nn_product p = { .args = { .k = 0 } };
	struct nn_blocks blocks;
	struct form form = { .blocks = &blocks, .unit = EGRET_BLOCK };
	int ret = nn_read_nbits(&call, &blocks);

	if (ret)
		return ret;
	form.bits = bits_of(lower, node, &blocks);
	describe(lower, node, &form, &p);
	ret = nn_product_matmul(lower, node, group, &p);
	if (!ret)
		ret = place_operands(lower, node, &form, &p);
	return ret ? ret : nn_product_finish(group, node, position, &p, grow);
}

static int lower_nbits(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	const struct nn_value *bias = input(node, NN_NBITS_BIAS);
	struct nn_call call = nn_call_of(lower, node);
	struct nn_blocks blocks;
	int ret = nn_read_nbits(&call, &blocks);

	if (ret < 0)
		return ret;
	if (nn_fact_of(lower, node->inputs[NN_NBITS_A])->type != NN_F32 ||
	    (bias && nn_fact_of(lower, bias)->type != NN_F32))
		return nn_cannot(lower, "its elements are not float32");
	if (ret || !are_known(lower, node, NN_NBITS_B, NN_NBITS_SCALES, NN_NBITS_ZEROS))
		return nn_cannot(lower, "its weights are computed");
	if (blocks.size < EGRET_BLOCK)
		return nn_cannot(lower, "its blocks are of less than 32 numbers");
	if (!bits_of(lower, node, &blocks))
		return nn_cannot(lower, "its zero points leave numbers of more than 8 bits");
	return nn_lower_group(lower, node, position, make_nbits);
}

/* ---- GatherBlockQuantized ---- */

/* Numbers of a byte are unpacked, the lower one first: each is a program's value, and a result of its own. */
static int unpacked(struct nn_program *p, int byte, bool high, const struct nn_blocks *b)
{
	if (b->bits == 8)
		return nn_map1(p, EGRET_MAP_COPY, EGRET_TYPE_F32, byte);
	byte = nn_map2(p, high ? EGRET_MAP_SHR : EGRET_MAP_AND, EGRET_TYPE_U8, byte,
		       nn_integer(high ? 4 : 15));
	return nn_map1(p, EGRET_MAP_COPY, EGRET_TYPE_F32, byte);
}

struct gathering {
	struct nn_ref data, scales, zeros, table, to;
	bool has_zeros;
};

static int place_gathering(struct nn_lower *lower, const struct nn_node *node, struct form *f,
			   struct gathering *g)
{
	const struct nn_value *zeros = input(node, NN_GATHER_ZEROS);
	const struct nn_blocks *b = f->blocks;
	int ret = nn_index_table(lower, node->inputs[NN_GATHER_INDICES], b->rows, &g->table);

	g->has_zeros = zeros;
	if (!ret)
		ret = nn_place_of(lower, node->inputs[NN_GATHER_DATA], &g->data);
	if (!ret)
		ret = place_made(lower, node->inputs[NN_GATHER_SCALES], NULL, NN_FORM_BLOCK_SCALES, f,
				 b->rows * b->count * 4, make_scales, &g->scales);
	if (!ret && zeros)
		ret = place_made(lower, zeros, zeros, NN_FORM_BLOCK_ZEROS, f, b->rows * b->count * 4,
				 make_zeros, &g->zeros);
	return ret ? ret : nn_place_of(lower, node->outputs[0], &g->to);
}

/* Over the indices, the blocks of a row, and the bytes of a block. */
static int launch_gathering(struct nn_lower *lower, const struct nn_blocks *b,
			    const struct gathering *g, int64_t count)
{
	const int64_t bytes = b->size * b->bits / 8, per_byte = 8 / b->bits;
	const int64_t dims[3] = { count, b->count, bytes };
	const int64_t data_stride[3] = { b->row_bytes, bytes, 1 };
	const int64_t scale_stride[3] = { b->count * 4, 4, 0 };
	const int64_t to_stride[3] = { b->length * 4, b->size * 4, per_byte * 4 };
	struct nn_arg zero = nn_number((float)(1 << (b->bits - 1)));
	struct nn_program p;
	struct nn_ref to = g->to;
	int byte, scale, x, i;
	bool fits = true;

	nn_program_init(&p, 3, dims);
	byte = nn_load_indexed(&p, EGRET_TYPE_U8, g->data, data_stride, 0, b->rows, g->table);
	scale = nn_load_indexed(&p, EGRET_TYPE_F32, g->scales, scale_stride, 0, b->rows, g->table);
	if (g->has_zeros)
		zero = NN_VALUE(nn_load_indexed(&p, EGRET_TYPE_F32, g->zeros, scale_stride, 0, b->rows,
						g->table));
	for (i = 0; i < per_byte; i++) {
		x = nn_map2(&p, EGRET_MAP_SUB, EGRET_TYPE_F32, unpacked(&p, byte, i, b), zero);
		x = nn_map2(&p, EGRET_MAP_MUL, EGRET_TYPE_F32, x, NN_VALUE(scale));
		to.offset = g->to.offset + 4 * i;
		fits = fits && nn_program_store(&p, x, to, to_stride);
	}
	return fits ? nn_launch_program(lower, &p, false) : nn_cannot(lower, "it has too many operands");
}

static int lower_gather(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	const struct nn_shape *indices = &nn_fact_of(lower, node->inputs[NN_GATHER_INDICES])->shape;
	struct nn_call call = nn_call_of(lower, node);
	struct nn_blocks blocks;
	struct form form = { .blocks = &blocks };
	struct gathering g;
	size_t count;
	int ret = nn_read_gather_blocks(&call, &blocks);

	if (ret < 0)
		return ret;
	if (ret || !are_known(lower, node, NN_GATHER_SCALES, NN_GATHER_ZEROS, NN_GATHER_ZEROS) ||
	    !nn_shape_count(indices, &count))
		return nn_cannot(lower, "its scales are computed");
	if (nn_fact_of(lower, node->inputs[NN_GATHER_DATA])->type != NN_U8 || blocks.bits < 4 ||
	    nn_fact_of(lower, node->outputs[0])->type != NN_F32 || blocks.length % blocks.size)
		return nn_cannot(lower, "its numbers are not bytes or pairs, or its blocks not whole");
	form.unit = blocks.size;
	form.bits = 8;
	ret = place_gathering(lower, node, &form, &g);
	if (!ret)
		ret = launch_gathering(lower, &blocks, &g, (int64_t)count);
	return ret ? ret : nn_lower_done(lower, node, position);
}

const struct nn_lowering_entry nn_lower_blocks[] = {
	{ "MatMulNBits", lower_nbits, false },
	{ "GatherBlockQuantized", lower_gather, false },
	{ NULL, NULL, false },
};
