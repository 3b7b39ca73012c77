// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Micro-kernels of matrix multiplication.
 *
 * The tile of accumulators lives in vector registers; its shape is chosen for their
 * number: 24 of 32 with AVX-512, 12 of 16 with AVX2. Other hosts get loops that the
 * compiler may vectorise; there, fmaf() is an instruction or the C library's, exact either way.
 */
#include "tile_gemm.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* ---- Any host ------------------------------------------------------------ */

#define MR	4
#define NR	8

static void f32_portable(size_t k, const float *a, const float *b, float *c, size_t ldc)
{
	float acc[MR][NR];

	for (unsigned int i = 0; i < MR; i++)
		memcpy(acc[i], c + i * ldc, sizeof(acc[i]));
	for (; k; k--, a += MR, b += NR)
		for (unsigned int i = 0; i < MR; i++)
			for (unsigned int j = 0; j < NR; j++)
				acc[i][j] = fmaf(a[i], b[j], acc[i][j]);
	for (unsigned int i = 0; i < MR; i++)
		memcpy(c + i * ldc, acc[i], sizeof(acc[i]));
}

static void i16_portable(size_t pairs, const int16_t *a, const int16_t *b, int32_t *c, size_t ldc)
{
	uint32_t acc[MR][NR];

	for (unsigned int i = 0; i < MR; i++)
		memcpy(acc[i], c + i * ldc, sizeof(acc[i]));
	for (; pairs; pairs--, a += 2 * MR, b += 2 * NR)
		for (unsigned int i = 0; i < MR; i++)
			for (unsigned int j = 0; j < NR; j++)
				acc[i][j] += (uint32_t)(a[2 * i] * b[2 * j] +
							a[2 * i + 1] * b[2 * j + 1]);
	for (unsigned int i = 0; i < MR; i++)
		memcpy(c + i * ldc, acc[i], sizeof(acc[i]));
}

static const struct egret_gemm portable = { MR, NR, f32_portable, i16_portable };

#undef MR
#undef NR

/* ---- x86 ----------------------------------------------------------------- */

#if defined(__x86_64__)

/*
 * A kernel for vectors of type V with L lanes, R rows by 2 vectors. LOAD, STORE, SPLAT and MAC
 * are the operations; the loops over constant bounds are unrolled completely, so that `acc`
 * is in registers.
 */
#define KERNEL(name, isa, V, L, R, T, C, STEP, LOAD, STORE, SPLAT, MAC)			\
__attribute__((target(isa)))								\
static void name(size_t k, const T *a, const T *b, C *c, size_t ldc)			\
{											\
	V acc[R][2];									\
											\
	_Pragma("GCC unroll 12")							\
	for (int i = 0; i < R; i++) {							\
		acc[i][0] = LOAD(c + (size_t)i * ldc);					\
		acc[i][1] = LOAD(c + (size_t)i * ldc + L);				\
	}										\
	for (; k; k--) {								\
		V b0 = LOAD(b), b1 = LOAD(b + STEP * L);				\
											\
		_Pragma("GCC unroll 12")						\
		for (int i = 0; i < R; i++) {						\
			V x = SPLAT(a + STEP * i);					\
											\
			acc[i][0] = MAC(x, b0, acc[i][0]);				\
			acc[i][1] = MAC(x, b1, acc[i][1]);				\
		}									\
		a += STEP * R;								\
		b += STEP * 2 * L;							\
	}										\
	_Pragma("GCC unroll 12")							\
	for (int i = 0; i < R; i++) {							\
		STORE(c + (size_t)i * ldc, acc[i][0]);					\
		STORE(c + (size_t)i * ldc + L, acc[i][1]);				\
	}										\
}

/* A pair of 16-bit numbers, for SPLAT. */
static inline int32_t pair(const int16_t *p)
{
	int32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

#define F512_LOAD(p)		_mm512_loadu_ps(p)
#define F512_STORE(p, v)	_mm512_storeu_ps(p, v)
#define F512_SPLAT(p)		_mm512_set1_ps(*(p))
#define F512_MAC(x, y, z)	_mm512_fmadd_ps(x, y, z)
#define I512_LOAD(p)		_mm512_loadu_si512(p)
#define I512_STORE(p, v)	_mm512_storeu_si512(p, v)
#define I512_SPLAT(p)		_mm512_set1_epi32(pair(p))
#define I512_MAC(x, y, z)	_mm512_add_epi32(z, _mm512_madd_epi16(x, y))
#define VNNI_MAC(x, y, z)	_mm512_dpwssd_epi32(z, x, y)
#define F256_LOAD(p)		_mm256_loadu_ps(p)
#define F256_STORE(p, v)	_mm256_storeu_ps(p, v)
#define F256_SPLAT(p)		_mm256_set1_ps(*(p))
#define F256_MAC(x, y, z)	_mm256_fmadd_ps(x, y, z)
#define I256_LOAD(p)		_mm256_loadu_si256((const __m256i *)(p))
#define I256_STORE(p, v)	_mm256_storeu_si256((__m256i *)(p), v)
#define I256_SPLAT(p)		_mm256_set1_epi32(pair(p))
#define I256_MAC(x, y, z)	_mm256_add_epi32(z, _mm256_madd_epi16(x, y))

KERNEL(f32_avx512, "avx512f", __m512, 16, 12, float, float, 1,
       F512_LOAD, F512_STORE, F512_SPLAT, F512_MAC)
KERNEL(i16_avx512, "avx512f,avx512bw", __m512i, 16, 12, int16_t, int32_t, 2,
       I512_LOAD, I512_STORE, I512_SPLAT, I512_MAC)
KERNEL(i16_vnni, "avx512f,avx512bw,avx512vnni", __m512i, 16, 12, int16_t, int32_t, 2,
       I512_LOAD, I512_STORE, I512_SPLAT, VNNI_MAC)
KERNEL(f32_avx2, "avx2,fma", __m256, 8, 6, float, float, 1,
       F256_LOAD, F256_STORE, F256_SPLAT, F256_MAC)
KERNEL(i16_avx2, "avx2", __m256i, 8, 6, int16_t, int32_t, 2,
       I256_LOAD, I256_STORE, I256_SPLAT, I256_MAC)

static const struct egret_gemm vnni = { 12, 32, f32_avx512, i16_vnni };
static const struct egret_gemm avx512 = { 12, 32, f32_avx512, i16_avx512 };
static const struct egret_gemm avx2 = { 6, 16, f32_avx2, i16_avx2 };

const struct egret_gemm *egret_gemm(void)
{
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"))
		return __builtin_cpu_supports("avx512vnni") ? &vnni : &avx512;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return &avx2;
	return &portable;
}

#else

const struct egret_gemm *egret_gemm(void)
{
	return &portable;
}

#endif
