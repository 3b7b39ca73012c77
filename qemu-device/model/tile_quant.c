// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Quantise to, and from, block-scaled formats. */
#include <string.h>

#include "perf.h"
#include "tile.h"
#include "tile_math.h"
#include "tile_types.h"

static unsigned int block_bytes(const struct egret_quant_desc *d)
{
	return EGRET_BLOCK * egret_type_bits(d->block_type) / 8;
}

static bool types_fit(const struct egret_quant_desc *d)
{
	return type_is_float(d->plain_type) &&
	       (d->block_type == EGRET_TYPE_S8 || d->block_type == EGRET_TYPE_S4) &&
	       (type_is_float(d->scale_type) || d->scale_type == EGRET_TYPE_E8M0);
}

static uint32_t packed_types(const struct egret_quant_desc *d)
{
	bool dequant = d->flags & EGRET_QUANT_DEQUANT;

	return (dequant ? d->plain_type : d->block_type) |
	       (uint32_t)(dequant ? d->block_type : d->plain_type) << 8 |
	       (uint32_t)d->scale_type << 16;
}

/* Rows of pieces: `bytes` for each of `count`, `step` apart. */
static struct egret_extent rows_extent(const struct egret_quant_desc *d, uint64_t bytes,
				       uint64_t count, uint64_t step, uint32_t pitch)
{
	struct egret_extent e = egret_extent(bytes + (count - 1) * step);

	egret_extent_loop(&e, d->rows, (int32_t)pitch);
	return e;
}

static bool check_fields(const struct egret_quant_desc *d, struct egret_fault *fault)
{
	CHECK_FIELD(flags, !(d->flags & EGRET_QUANT_SPLIT) || d->block_type == EGRET_TYPE_S4);
	CHECK_FIELD(plain_type, d->plain_type < EGRET_TYPE_COUNT);
	CHECK_FIELD(block_type, d->block_type < EGRET_TYPE_COUNT);
	CHECK_FIELD(scale_type, d->scale_type < EGRET_TYPE_COUNT);
	CHECK_FIELD(rows, d->rows);
	CHECK_FIELD(cols, d->cols && d->cols % EGRET_BLOCK == 0);
	return true;
}

bool egret_quant_check(const struct egret_quant_desc *d, struct egret_fault *fault)
{
	uint64_t blocks = d->cols / EGRET_BLOCK;
	struct egret_extent e;

	CHECK_FLAGS(flags, EGRET_QUANT_FLAGS);
	for (unsigned int i = 0; i < 6; i++)
		CHECK_ZERO(reserved[i], true);
	if (!check_fields(d, fault))
		return false;
	if (!types_fit(d))
		return egret_desc_fault(fault, EGRET_FAULT_DESC_TYPE, DESC_OFFSET(plain_type),
					packed_types(d));
	CHECK_FIELD(rows, (uint64_t)d->rows * d->cols <= EGRET_ELEMENTS_MAX);
	e = rows_extent(d, (uint64_t)d->cols * egret_type_bits(d->plain_type) / 8, 1, 0,
			d->plain_pitch);
	if (!egret_extent_check(&e, d->plain, DESC_OFFSET(plain), fault))
		return false;
	e = rows_extent(d, block_bytes(d), blocks, d->block_step, d->block_pitch);
	if (!egret_extent_check(&e, d->block, DESC_OFFSET(block), fault))
		return false;
	e = rows_extent(d, egret_type_bits(d->scale_type) / 8, blocks, d->scale_step,
			d->scale_pitch);
	return egret_extent_check(&e, d->scale, DESC_OFFSET(scale), fault);
}

uint64_t egret_quant_cycles(const struct egret_quant_desc *d)
{
	return PERF_TILE_SETUP + ((uint64_t)d->rows * d->cols * PERF_QUANT + PERF_LANES - 1) / PERF_LANES;
}

/* The smallest power of two that is not below d. */
static uint8_t e8m0_from_f32(float d)
{
	uint32_t b = f32_bits(d), exp = b >> 23 & 0xff, fraction = b & 0x7fffff;

	if (exp == 0xff)
		return 255;
	if (exp == 0)
		return fraction > 0x400000; /* 2^-127 is a subnormal */
	return (uint8_t)(exp + (fraction != 0));
}

static float load_scale(unsigned int type, const uint8_t *p)
{
	float v;

	if (type == EGRET_TYPE_E8M0)
		return f32_from_e8m0(*p);
	egret_load_f32(&v, type, p, 0, 0, 1);
	return v;
}

static void store_scale(unsigned int type, uint8_t *p, float d)
{
	const struct egret_store how = { .type = type };

	if (type == EGRET_TYPE_E8M0)
		*p = e8m0_from_f32(d);
	else
		egret_store_f32(&d, &how, p, 0, 0, 1);
}

/* Where a block's 4-bit element i is: byte and shift. */
static unsigned int byte_of(const struct egret_quant_desc *d, unsigned int i)
{
	return d->flags & EGRET_QUANT_SPLIT ? i % 16 : i / 2;
}

static unsigned int shift_of(const struct egret_quant_desc *d, unsigned int i)
{
	return (d->flags & EGRET_QUANT_SPLIT ? i / 16 : i % 2) * 4;
}

static void store_block(const struct egret_quant_desc *d, uint8_t *p, const int8_t *q)
{
	bool split = d->flags & EGRET_QUANT_SPLIT;

	if (d->block_type == EGRET_TYPE_S8) {
		memcpy(p, q, EGRET_BLOCK);
		return;
	}
	memset(p, 0, EGRET_BLOCK / 2);
	for (unsigned int i = 0; i < EGRET_BLOCK; i++)
		p[byte_of(d, i)] |= (uint8_t)(((split ? q[i] + 8 : q[i]) & 15) << shift_of(d, i));
}

static void load_block(const struct egret_quant_desc *d, const uint8_t *p, int8_t *q)
{
	bool split = d->flags & EGRET_QUANT_SPLIT;

	if (d->block_type == EGRET_TYPE_S8) {
		memcpy(q, p, EGRET_BLOCK);
		return;
	}
	for (unsigned int i = 0; i < EGRET_BLOCK; i++) {
		int v = p[byte_of(d, i)] >> shift_of(d, i) & 15;

		q[i] = (int8_t)(split ? v - 8 : (v ^ 8) - 8);
	}
}

/* The scale of a block's numbers, before it is stored. */
EGRET_CLONES
static float scale_for(const float *x, float limit)
{
	float most = 0;
	bool nan = false;

	for (unsigned int i = 0; i < EGRET_BLOCK; i++) {
		float a = __builtin_fabsf(x[i]);

		nan |= a != a;
		most = a > most ? a : most;
	}
	return nan ? f32_from_bits(EGRET_NAN_F32) : most / limit;
}

EGRET_CLONES
static void divide(int8_t *q, const float *x, float scale, float limit)
{
	for (unsigned int i = 0; i < EGRET_BLOCK; i++) {
		float v = __builtin_rintf(x[i] / scale);

		v = v == v && scale != 0 ? v : 0;
		v = v < -limit ? -limit : v;
		v = v > limit ? limit : v;
		q[i] = (int8_t)v;
	}
}

static void quantise(const struct egret_quant_desc *d, const uint8_t *plain, uint8_t *block,
		     uint8_t *scale)
{
	float limit = d->block_type == EGRET_TYPE_S8 ? 127 : 7;
	float x[EGRET_BLOCK];
	int8_t q[EGRET_BLOCK];

	egret_load_f32(x, d->plain_type, plain, egret_type_bits(d->plain_type) / 8, 0, EGRET_BLOCK);
	store_scale(d->scale_type, scale, scale_for(x, limit));
	divide(q, x, load_scale(d->scale_type, scale), limit);
	store_block(d, block, q);
}

static void dequantise(const struct egret_quant_desc *d, uint8_t *plain, const uint8_t *block,
		       const uint8_t *scale)
{
	const struct egret_store how = { .type = d->plain_type };
	float s = load_scale(d->scale_type, scale);
	float x[EGRET_BLOCK];
	int8_t q[EGRET_BLOCK];

	load_block(d, block, q);
	for (unsigned int i = 0; i < EGRET_BLOCK; i++)
		x[i] = (float)q[i] * s;
	egret_store_f32(x, &how, plain, egret_type_bits(d->plain_type) / 8, 0, EGRET_BLOCK);
}

void egret_quant_run(struct egret_tile *t, const struct egret_quant_desc *d)
{
	unsigned int plain_bytes = EGRET_BLOCK * egret_type_bits(d->plain_type) / 8;

	for (size_t r = 0; r < d->rows; r++) {
		uint8_t *plain = egret_tile_local(t, d->plain) +
				 (int64_t)r * (int32_t)d->plain_pitch;
		uint8_t *block = egret_tile_local(t, d->block) +
				 (int64_t)r * (int32_t)d->block_pitch;
		uint8_t *scale = egret_tile_local(t, d->scale) +
				 (int64_t)r * (int32_t)d->scale_pitch;

		for (size_t j = 0; j < d->cols / EGRET_BLOCK; j++) {
			if (egret_unit_stopped(t->stop))
				return;
			if (d->flags & EGRET_QUANT_DEQUANT)
				dequantise(d, plain, block, scale);
			else
				quantise(d, plain, block, scale);
			plain += plain_bytes;
			block += d->block_step;
			scale += d->scale_step;
		}
	}
}
