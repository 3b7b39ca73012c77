// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Runs of elements to and from the domains.
 *
 * Each pair of types has a loop over adjacent elements, which the compiler vectorises,
 * and others.
 */
#include "tile_types.h"

#include <math.h>

unsigned int egret_type_bits(unsigned int type)
{
	static const uint8_t bits[EGRET_TYPE_COUNT] = {
		[EGRET_TYPE_S8] = 8, [EGRET_TYPE_U8] = 8, [EGRET_TYPE_S16] = 16,
		[EGRET_TYPE_U16] = 16, [EGRET_TYPE_S32] = 32, [EGRET_TYPE_U32] = 32,
		[EGRET_TYPE_S64] = 64, [EGRET_TYPE_U64] = 64, [EGRET_TYPE_F16] = 16,
		[EGRET_TYPE_BF16] = 16, [EGRET_TYPE_F32] = 32, [EGRET_TYPE_S4] = 4,
		[EGRET_TYPE_U4] = 4, [EGRET_TYPE_E8M0] = 8,
	};

	return type < EGRET_TYPE_COUNT ? bits[type] : 0;
}

void egret_type_range(unsigned int type, int64_t *min, uint64_t *max)
{
	unsigned int bits = egret_type_bits(type);

	switch (type) {
	case EGRET_TYPE_U8:
	case EGRET_TYPE_U16:
	case EGRET_TYPE_U32:
	case EGRET_TYPE_U64:
	case EGRET_TYPE_U4:
		*min = 0;
		*max = UINT64_MAX >> (64 - bits);
		break;
	default:
		*min = -(int64_t)(UINT64_MAX >> (65 - bits)) - 1;
		*max = UINT64_MAX >> (65 - bits);
		break;
	}
}

/* Half a byte of a run of 4-bit elements. */
static inline unsigned int nibble(const uint8_t *src, int64_t stride, size_t i)
{
	return src[(int64_t)(i / 2) * stride] >> (i & 1 ? 4 : 0) & 15;
}

static inline int nibble_signed(const uint8_t *src, int64_t stride, size_t i)
{
	return (int)(nibble(src, stride, i) ^ 8) - 8;
}

static inline void put_nibble(uint8_t *dst, int64_t stride, size_t i, unsigned int v)
{
	uint8_t *p = dst + (int64_t)(i / 2) * stride;
	unsigned int shift = i & 1 ? 4 : 0;

	*p = (uint8_t)((*p & ~(15u << shift)) | (v & 15) << shift);
}

/* dst[i] = convert(element i) for elements of C type T; adjacent, all the same, or at any stride. */
#define LOAD_RUN(T, expression) do {							\
	const uint8_t *p = src + (int64_t)first * stride;				\
	T v;										\
	if (stride == (int64_t)sizeof(T)) {						\
		for (size_t i = 0; i < n; i++) {					\
			memcpy(&v, p + i * sizeof(T), sizeof(T));			\
			dst[i] = (expression);						\
		}									\
	} else if (stride == 0) {							\
		memcpy(&v, p, sizeof(T));						\
		for (size_t i = 0; i < n; i++)						\
			dst[i] = (expression);						\
	} else {									\
		for (size_t i = 0; i < n; i++) {					\
			memcpy(&v, p + (int64_t)i * stride, sizeof(T));			\
			dst[i] = (expression);						\
		}									\
	}										\
} while (0)

#define STORE_RUN(T, expression) do {							\
	uint8_t *p = dst + (int64_t)first * stride;					\
	if (stride == (int64_t)sizeof(T)) {						\
		for (size_t i = 0; i < n; i++) {					\
			T v = (expression);						\
			memcpy(p + i * sizeof(T), &v, sizeof(T));			\
		}									\
	} else {									\
		for (size_t i = 0; i < n; i++) {					\
			T v = (expression);						\
			memcpy(p + (int64_t)i * stride, &v, sizeof(T));			\
		}									\
	}										\
} while (0)

EGRET_CLONES
void egret_load_f32(float *dst, unsigned int type, const uint8_t *src, int64_t stride,
		    size_t first, size_t n)
{
	switch (type) {
	case EGRET_TYPE_S8:
		LOAD_RUN(int8_t, v);
		break;
	case EGRET_TYPE_U8:
		LOAD_RUN(uint8_t, v);
		break;
	case EGRET_TYPE_S16:
		LOAD_RUN(int16_t, v);
		break;
	case EGRET_TYPE_U16:
		LOAD_RUN(uint16_t, v);
		break;
	case EGRET_TYPE_S32:
		LOAD_RUN(int32_t, (float)v);
		break;
	case EGRET_TYPE_U32:
		LOAD_RUN(uint32_t, (float)v);
		break;
	case EGRET_TYPE_S64:
		LOAD_RUN(int64_t, (float)v);
		break;
	case EGRET_TYPE_U64:
		LOAD_RUN(uint64_t, (float)v);
		break;
	case EGRET_TYPE_F16:
		LOAD_RUN(uint16_t, f32_from_f16(v));
		break;
	case EGRET_TYPE_BF16:
		LOAD_RUN(uint16_t, f32_from_bf16(v));
		break;
	case EGRET_TYPE_F32:
		LOAD_RUN(uint32_t, f32_from_bits(v));
		break;
	case EGRET_TYPE_S4:
		for (size_t i = 0; i < n; i++)
			dst[i] = (float)nibble_signed(src, stride, first + i);
		break;
	case EGRET_TYPE_U4:
		for (size_t i = 0; i < n; i++)
			dst[i] = (float)nibble(src, stride, first + i);
		break;
	default:
		break;
	}
}

EGRET_CLONES
void egret_load_i64(int64_t *dst, unsigned int type, const uint8_t *src, int64_t stride,
		    size_t first, size_t n)
{
	switch (type) {
	case EGRET_TYPE_S8:
		LOAD_RUN(int8_t, v);
		break;
	case EGRET_TYPE_U8:
		LOAD_RUN(uint8_t, v);
		break;
	case EGRET_TYPE_S16:
		LOAD_RUN(int16_t, v);
		break;
	case EGRET_TYPE_U16:
		LOAD_RUN(uint16_t, v);
		break;
	case EGRET_TYPE_S32:
		LOAD_RUN(int32_t, v);
		break;
	case EGRET_TYPE_U32:
		LOAD_RUN(uint32_t, v);
		break;
	case EGRET_TYPE_S64:
	case EGRET_TYPE_U64:
		LOAD_RUN(int64_t, v);
		break;
	case EGRET_TYPE_S4:
		for (size_t i = 0; i < n; i++)
			dst[i] = nibble_signed(src, stride, first + i);
		break;
	case EGRET_TYPE_U4:
		for (size_t i = 0; i < n; i++)
			dst[i] = nibble(src, stride, first + i);
		break;
	default:
		break;
	}
}

EGRET_CLONES
void egret_load_i16(int16_t *dst, unsigned int type, const uint8_t *src, int64_t stride,
		    size_t first, size_t n, int zero)
{
	switch (type) {
	case EGRET_TYPE_S8:
		LOAD_RUN(int8_t, (int16_t)(v - zero));
		break;
	case EGRET_TYPE_U8:
		LOAD_RUN(uint8_t, (int16_t)(v - zero));
		break;
	case EGRET_TYPE_S4:
		for (size_t i = 0; i < n; i++)
			dst[i] = (int16_t)(nibble_signed(src, stride, first + i) - zero);
		break;
	case EGRET_TYPE_U4:
		for (size_t i = 0; i < n; i++)
			dst[i] = (int16_t)((int)nibble(src, stride, first + i) - zero);
		break;
	default:
		break;
	}
}

/* NaN is 0; the low 64 bits of the number, clamped to -2^63..2^64-1. */
static inline uint64_t wide_from_f32(float v, bool round_even)
{
	if (!(v == v))
		return 0;
	v = round_even ? rintf(v) : truncf(v);
	if (v < 0)
		return v <= -0x1p63f ? UINT64_C(1) << 63 : (uint64_t)(int64_t)v;
	return v >= 0x1p64f ? UINT64_MAX : (uint64_t)v;
}

/* Clamped to a type's range, whose ends are exact in binary64. */
static inline uint64_t saturated_from_f32(float v, bool round_even, int64_t min, uint64_t max)
{
	uint64_t wide = wide_from_f32(v, round_even);

	if (v < 0)
		return (int64_t)wide < min ? (uint64_t)min : wide;
	return wide > max ? max : wide;
}

/* The small types, saturated: ends of the range are exact in binary32, which vectorises. */
static inline int32_t small_from_f32(float v, bool round_even, float min, float max)
{
	v = round_even ? rintf(v) : truncf(v);
	v = v == v ? v : 0;
	v = v < min ? min : v;
	v = v > max ? max : v;
	return (int32_t)v;
}

#define STORE_SMALL(T, min, max) do {							\
	if (how->round_even)								\
		STORE_RUN(T, (T)small_from_f32(src[i], true, min, max));		\
	else										\
		STORE_RUN(T, (T)small_from_f32(src[i], false, min, max));		\
} while (0)

#define STORE_WIDE(T) \
	STORE_RUN(T, (T)(how->saturate ?						\
			 saturated_from_f32(src[i], how->round_even, min, max) :	\
			 wide_from_f32(src[i], how->round_even)))

/* Saturated stores of small integers; false if the type is none. */
EGRET_CLONES
static bool store_small(const float *src, const struct egret_store *how, uint8_t *dst,
			int64_t stride, size_t first, size_t n)
{
	switch (how->type) {
	case EGRET_TYPE_S8:
		STORE_SMALL(int8_t, -128, 127);
		return true;
	case EGRET_TYPE_U8:
		STORE_SMALL(uint8_t, 0, 255);
		return true;
	case EGRET_TYPE_S16:
		STORE_SMALL(int16_t, -32768, 32767);
		return true;
	case EGRET_TYPE_U16:
		STORE_SMALL(uint16_t, 0, 65535);
		return true;
	default:
		return false;
	}
}

EGRET_CLONES
static void store_float(const float *src, unsigned int type, uint8_t *dst, int64_t stride,
			size_t first, size_t n)
{
	switch (type) {
	case EGRET_TYPE_F16:
		STORE_RUN(uint16_t, f16_from_f32(src[i]));
		break;
	case EGRET_TYPE_BF16:
		STORE_RUN(uint16_t, bf16_from_f32(src[i]));
		break;
	default:
		STORE_RUN(float, f32_canonical(src[i]));
		break;
	}
}

void egret_store_f32(const float *src, const struct egret_store *how, uint8_t *dst,
		     int64_t stride, size_t first, size_t n)
{
	uint64_t max;
	int64_t min;

	if (type_is_float(how->type)) {
		store_float(src, how->type, dst, stride, first, n);
		return;
	}
	if (how->saturate && store_small(src, how, dst, stride, first, n))
		return;
	egret_type_range(how->type, &min, &max);
	switch (egret_type_bits(how->type)) {
	case 8:
		STORE_WIDE(uint8_t);
		break;
	case 16:
		STORE_WIDE(uint16_t);
		break;
	case 32:
		STORE_WIDE(uint32_t);
		break;
	case 64:
		STORE_WIDE(uint64_t);
		break;
	default:
		for (size_t i = 0; i < n; i++)
			put_nibble(dst, stride, first + i,
				   (unsigned int)(how->saturate ?
						  saturated_from_f32(src[i], how->round_even, min, max) :
						  wide_from_f32(src[i], how->round_even)));
		break;
	}
}

static inline int64_t clamp_signed(int64_t v, int64_t min, uint64_t max)
{
	if (v < min)
		return min;
	return v > 0 && (uint64_t)v > max ? (int64_t)max : v;
}

static inline int64_t clamp_unsigned(int64_t v, uint64_t max)
{
	return (uint64_t)v > max ? (int64_t)max : v;
}

#define STORE_INT(T) do {								\
	if (!how->saturate)								\
		STORE_RUN(T, (T)src[i]);						\
	else if (how->is_unsigned)							\
		STORE_RUN(T, (T)clamp_unsigned(src[i], max));				\
	else										\
		STORE_RUN(T, (T)clamp_signed(src[i], min, max));			\
} while (0)

EGRET_CLONES
static void store_int_as_float(const int64_t *src, const struct egret_store *how, uint8_t *dst,
			       int64_t stride, size_t first, size_t n)
{
	switch (how->type) {
	case EGRET_TYPE_F16:
		STORE_RUN(uint16_t, f16_from_f32(how->is_unsigned ? (float)(uint64_t)src[i] :
								     (float)src[i]));
		break;
	case EGRET_TYPE_BF16:
		STORE_RUN(uint16_t, bf16_from_f32(how->is_unsigned ? (float)(uint64_t)src[i] :
								      (float)src[i]));
		break;
	default:
		STORE_RUN(float, how->is_unsigned ? (float)(uint64_t)src[i] : (float)src[i]);
		break;
	}
}

EGRET_CLONES
void egret_store_i64(const int64_t *src, const struct egret_store *how, uint8_t *dst,
		     int64_t stride, size_t first, size_t n)
{
	uint64_t max;
	int64_t min;

	if (type_is_float(how->type)) {
		store_int_as_float(src, how, dst, stride, first, n);
		return;
	}
	egret_type_range(how->type, &min, &max);
	switch (egret_type_bits(how->type)) {
	case 8:
		STORE_INT(uint8_t);
		break;
	case 16:
		STORE_INT(uint16_t);
		break;
	case 32:
		STORE_INT(uint32_t);
		break;
	case 64:
		STORE_INT(uint64_t);
		break;
	default:
		for (size_t i = 0; i < n; i++) {
			int64_t v = src[i];

			if (how->saturate)
				v = how->is_unsigned ? clamp_unsigned(v, max) :
						       clamp_signed(v, min, max);
			put_nibble(dst, stride, first + i, (unsigned int)v);
		}
		break;
	}
}
