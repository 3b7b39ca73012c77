// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Sums of products, several maps as one: a depthwise convolution.
 *
 * Without a product of matrices to make of it, a window of taps is an operation for each of
 * them: out = a * b + out, with a the input seen through the tap, and b its weight. Done one by
 * one, each loads and stores all sums. Here a run of sums is in vector registers from the first tap
 * to the last.
 *
 * Nothing can tell: each sum gets the same fused multiply-adds in the same order; and that
 * sums which are not complete are never in scratchpad is seen by nobody, as no operation
 * of these reads another one's (they are looked for), and nobody else may look before a WAIT. A NaN
 * stays one through all that follows, so it is made the canonical one at the end.
 */
#include "tile.h"
#include "tile_gemm.h"
#include "tile_types.h"

/* ---- Which operations are such a sum ------------------------------------- */

/* Bytes that an operand reaches over, from the first to the one behind the last. */
struct reach {
	int64_t first, end;
};

static struct reach reach_of(const struct egret_map_desc *d, uint32_t local, const __le32 *stride)
{
	struct reach r = { local, (int64_t)local + (int64_t)sizeof(float) };

	for (unsigned int i = 0; i < EGRET_DIMS; i++) {
		int64_t last = (int64_t)(d->dims[i] - 1) * (int32_t)stride[i];

		if (last < 0)
			r.first += last;
		else
			r.end += last;
	}
	return r;
}

static bool are_apart(struct reach a, struct reach b)
{
	return a.end <= b.first || b.end <= a.first;
}

/* All elements on words of their own, so that they are floats in memory, too. */
static bool is_aligned(uint32_t local, const __le32 *stride)
{
	uint32_t bits = local;

	for (unsigned int i = 0; i < EGRET_DIMS; i++)
		bits |= stride[i];
	return bits % sizeof(float) == 0;
}

/* Rows of sums, one behind the other: each stride reaches over all that is inside. */
static bool sums_are_rows(const struct egret_map_desc *d)
{
	int64_t span = sizeof(float);

	for (unsigned int i = 0; i < EGRET_DIMS; i++) {
		if (d->dims[i] == 1)
			continue;
		if ((int32_t)d->out_stride[i] < span || (!i && d->out_stride[i] != sizeof(float)))
			return false;
		span += (int64_t)(d->dims[i] - 1) * (int32_t)d->out_stride[i];
	}
	return true;
}

static bool is_sum(const struct egret_map_desc *d)
{
	return d->c_type == EGRET_TYPE_F32 && d->c == d->out &&
	       !memcmp(d->c_stride, d->out_stride, sizeof(d->c_stride));
}

/* An operand that is read must not be what is summed up. */
static bool operands_are_apart(const struct egret_map_desc *d)
{
	struct reach out = reach_of(d, d->out, d->out_stride);

	return are_apart(out, reach_of(d, d->a, d->a_stride)) &&
	       are_apart(out, reach_of(d, d->b, d->b_stride)) &&
	       is_aligned(d->a, d->a_stride) && is_aligned(d->b, d->b_stride);
}

/* a * b, or a * b + c, with one weight for a row. */
static bool begins(const struct egret_map_desc *d)
{
	bool fma = d->op == EGRET_MAP_FMA;

	if (!fma && d->op != EGRET_MAP_MUL)
		return false;
	if (d->flags || d->out_type != EGRET_TYPE_F32 || d->a_type != EGRET_TYPE_F32 ||
	    d->b_type != EGRET_TYPE_F32 || (d->dims[0] > 1 && d->b_stride[0]) ||
	    !is_aligned(d->out, d->out_stride) || !sums_are_rows(d) || !operands_are_apart(d))
		return false;
	if (!fma || is_sum(d))
		return true;
	return d->c_type == EGRET_TYPE_F32 && is_aligned(d->c, d->c_stride) &&
	       (d->dims[0] == 1 || !d->c_stride[0] || d->c_stride[0] == sizeof(float)) &&
	       are_apart(reach_of(d, d->out, d->out_stride), reach_of(d, d->c, d->c_stride));
}

/* Another tap of the same window. */
static bool continues(const struct egret_map_desc *first, const struct egret_map_desc *d)
{
	return d->op == EGRET_MAP_FMA && !d->flags && d->out == first->out && is_sum(d) &&
	       d->out_type == EGRET_TYPE_F32 && d->a_type == EGRET_TYPE_F32 &&
	       d->b_type == EGRET_TYPE_F32 && !memcmp(d->dims, first->dims, sizeof(d->dims)) &&
	       !memcmp(d->out_stride, first->out_stride, sizeof(d->out_stride)) &&
	       !memcmp(d->a_stride, first->a_stride, sizeof(d->a_stride)) &&
	       !memcmp(d->b_stride, first->b_stride, sizeof(d->b_stride)) && operands_are_apart(d);
}

unsigned int egret_taps_count(const struct egret_map_desc *const *d, unsigned int count)
{
	unsigned int taps = 1;

	if (count < 2 || d[1]->op != EGRET_MAP_FMA || !begins(d[0]))
		return 1;
	while (taps < count && taps < EGRET_GEMM_TAPS && continues(d[0], d[taps]))
		taps++;
	return taps;
}

/* ---- The block ------------------------------------------------------------- */

struct taps {
	const struct egret_tile *tile;
	const struct egret_map_desc *const *d;
	struct egret_gemm_row row;
	int64_t weights;	/* where row.weight is from: bytes from the first row's */
};

static const egret_scratch_f32 *element(const struct taps *t, uint32_t local, int64_t offset)
{
	return (const egret_scratch_f32 *)(egret_tile_local(t->tile, local) + offset);
}

/* Where an operand's row is, in bytes from its beginning. */
static int64_t offset_of(const __le32 *stride, const uint32_t *at)
{
	int64_t offset = 0;

	for (unsigned int i = 1; i < EGRET_DIMS; i++)
		offset += (int64_t)at[i] * (int32_t)stride[i];
	return offset;
}

static void take_weights(struct taps *t, int64_t offset)
{
	t->weights = offset;
	for (unsigned int i = 0; i < t->row.taps; i++)
		t->row.weight[i] = *element(t, t->d[i]->b, offset);
}

static void run_at(struct taps *t, const uint32_t *at)
{
	/* What is added to a product to get the same product. */
	static const float nothing = -0.0f;
	const struct egret_map_desc *first = t->d[0];
	int64_t b = offset_of(first->b_stride, at);
	struct egret_gemm_row *r = &t->row;

	r->out = (egret_scratch_f32 *)(egret_tile_local(t->tile, first->out) +
				 offset_of(first->out_stride, at));
	r->one_c = first->op == EGRET_MAP_MUL || !first->c_stride[0];
	r->c = first->op == EGRET_MAP_MUL ? &nothing :
	       element(t, first->c, offset_of(first->c_stride, at));
	r->first = offset_of(first->a_stride, at) / (int64_t)sizeof(float);
	if (b != t->weights)
		take_weights(t, b);
	t->tile->gemm->taps(r);
}

void egret_taps_run(struct egret_tile *tile, const struct egret_map_desc *const *d,
		    unsigned int count)
{
	const struct egret_map_desc *first = d[0];
	struct taps t = {
		.tile = tile,
		.d = d,
		.row = {
			.n = first->dims[0],
			.step = (int32_t)first->a_stride[0] / (int64_t)sizeof(float),
			.taps = count,
		},
	};
	uint32_t at[EGRET_DIMS] = { 0 };
	unsigned int i;

	for (i = 0; i < count; i++)
		t.row.a[i] = element(&t, d[i]->a, 0);
	take_weights(&t, 0);
	do {
		if (egret_unit_stopped(tile->stop))
			return;
		run_at(&t, at);
		for (i = 1; i < EGRET_DIMS && ++at[i] == first->dims[i]; i++)
			at[i] = 0;
	} while (i < EGRET_DIMS);
}
