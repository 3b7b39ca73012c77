/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * Data types of the tile engine, and vectors of them.
 *
 * Operations work on runs of elements along one dimension, widened to the domain that
 * they compute in: F32, or 64-bit integers. The functions here read runs into
 * arrays and write them back; element `first` + i of a run lies `first + i` strides from
 * its base, except that 4-bit elements come two to a stride.
 *
 * The arithmetic of the conversions is the specification's (tile.rst): to nearest
 * even, subnormals as they are, canonical NaNs.
 */
#ifndef EGRET_MODEL_TILE_TYPES_H
#define EGRET_MODEL_TILE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <egret/tile.h>

/*
 * Functions whose loops are worth compiling several times: the dynamic linker takes
 * the best one for the host. All give the same bits, since the compiler may neither
 * contract nor reassociate (model.cflags).
 */
#if defined(__x86_64__) && __GNUC__ >= 12 && !defined(__clang__) && \
	!defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define EGRET_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define EGRET_CLONES
#endif

#define EGRET_NAN_F32	UINT32_C(0x7fc00000)

static inline uint32_t f32_bits(float v)
{
	uint32_t b;

	memcpy(&b, &v, sizeof(b));
	return b;
}

static inline float f32_from_bits(uint32_t b)
{
	float v;

	memcpy(&v, &b, sizeof(v));
	return v;
}

/* A NaN becomes the canonical one. */
static inline float f32_canonical(float v)
{
	return v == v ? v : f32_from_bits(EGRET_NAN_F32);
}

static inline float f32_from_bf16(uint16_t b)
{
	return f32_from_bits((uint32_t)b << 16);
}

static inline uint16_t bf16_from_f32(float v)
{
	uint32_t b = f32_bits(v);

	return v == v ? (uint16_t)((b + 0x7fff + (b >> 16 & 1)) >> 16) : 0x7fc0;
}

static inline float f32_from_f16(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16;
	uint32_t magnitude = (uint32_t)(h & 0x7fff) << 13;
	uint32_t exp = magnitude & 0x0f800000;
	uint32_t normal = magnitude + ((127 - 15) << 23);
	/* As if the implicit bit was there, then take it away: exact. */
	float subnormal = f32_from_bits(magnitude + (113 << 23)) - f32_from_bits(113 << 23);
	uint32_t b = exp == 0 ? f32_bits(subnormal) :
		     exp == 0x0f800000 ? normal + ((128 - 16) << 23) : normal;

	return f32_from_bits(b | sign);
}

static inline uint16_t f16_from_f32(float v)
{
	uint32_t b = f32_bits(v);
	uint32_t sign = b >> 16 & 0x8000;
	uint32_t magnitude = b & 0x7fffffff;
	/* An addition that has its rounding position at the lowest bit of a subnormal. */
	const uint32_t magic = (127 - 15 + 23 - 10 + 1) << 23;
	uint32_t subnormal = f32_bits(f32_from_bits(magnitude) + f32_from_bits(magic)) - magic;
	uint32_t normal = (magnitude - ((127 - 15) << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13;
	uint32_t h = magnitude < (113 << 23) ? subnormal : normal;

	h = magnitude >= 0x47800000 ? 0x7c00 : h;	/* 65536 and more */
	h |= sign;
	return (uint16_t)(magnitude > 0x7f800000 ? 0x7e00 : h);
}

static inline float f32_from_e8m0(uint8_t x)
{
	if (x == 255)
		return f32_from_bits(EGRET_NAN_F32);
	return f32_from_bits(x ? (uint32_t)x << 23 : UINT32_C(1) << 22);
}

static inline bool type_is_float(unsigned int type)
{
	return type >= EGRET_TYPE_F16 && type <= EGRET_TYPE_F32;
}

static inline bool type_is_int4(unsigned int type)
{
	return type == EGRET_TYPE_S4 || type == EGRET_TYPE_U4;
}

/* Any type that an element of a map or a reduction can have. */
static inline bool type_is_element(unsigned int type)
{
	return type > EGRET_TYPE_NONE && type < EGRET_TYPE_E8M0;
}

/* Bits of an element; 0 for what is not a type. */
unsigned int egret_type_bits(unsigned int type);

/* Range of an integer type, as numbers that may need 65 bits. */
void egret_type_range(unsigned int type, int64_t *min, uint64_t *max);

/* Read n elements, from number `first` on, of a run at `src`, as F32. */
void egret_load_f32(float *dst, unsigned int type, const uint8_t *src, int64_t stride,
		    size_t first, size_t n);
/* As 64-bit integers; not for float types. */
void egret_load_i64(int64_t *dst, unsigned int type, const uint8_t *src, int64_t stride,
		    size_t first, size_t n);
/* As 16-bit integers, for S8, U8, S4 and U4, less `zero`. */
void egret_load_i16(int16_t *dst, unsigned int type, const uint8_t *src, int64_t stride,
		    size_t first, size_t n, int zero);

/* How results become elements. */
struct egret_store {
	unsigned int type;
	bool saturate;
	bool round_even;	/* F32 to integers; otherwise toward zero */
	bool is_unsigned;	/* 64-bit integers are */
};

void egret_store_f32(const float *src, const struct egret_store *how, uint8_t *dst,
		     int64_t stride, size_t first, size_t n);
void egret_store_i64(const int64_t *src, const struct egret_store *how, uint8_t *dst,
		     int64_t stride, size_t first, size_t n);

#endif /* EGRET_MODEL_TILE_TYPES_H */
