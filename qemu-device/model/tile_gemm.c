// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Micro-kernels of matrix multiplication.
 *
 * The tile of accumulators lives in vector registers: with 12 rows and two vectors, 24
 * of AVX-512's 32; AVX2's 16 registers take 4 rows, and larger panels are done in pieces.
 * Other hosts get loops that the compiler may vectorise; there, fmaf() is an instruction or
 * the C library's, exact either way.
 */
#include "tile_gemm.h"

#include <math.h>
#include <string.h>

#include "tile_types.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* All sizes of panels of one kernel macro. */
#define SIZES(KERNEL, ...)	\
	KERNEL(1, __VA_ARGS__)	\
	KERNEL(2, __VA_ARGS__)	\
	KERNEL(4, __VA_ARGS__)	\
	KERNEL(8, __VA_ARGS__)	\
	KERNEL(12, __VA_ARGS__)
#define TABLE(name) \
	{ [1] = name##_1, [2] = name##_2, [4] = name##_4, [8] = name##_8, [12] = name##_12 }

/* ---- Any host ------------------------------------------------------------ */

#define NR	8

#define F32_PORTABLE(R, name)								\
static void name##_##R(size_t k, const float *a, size_t lda, const float *b,		\
		       size_t ldb, float *c, size_t ldc, bool zero)			\
{											\
	float acc[R][NR];								\
											\
	for (size_t i = 0; i < R; i++)							\
		for (size_t j = 0; j < NR; j++)						\
			acc[i][j] = zero ? 0 : c[i * ldc + j];				\
	for (; k; k--, a++, b += ldb)							\
		for (size_t i = 0; i < R; i++)						\
			for (size_t j = 0; j < NR; j++)					\
				acc[i][j] = fmaf(a[i * lda], b[j], acc[i][j]);		\
	for (size_t i = 0; i < R; i++)							\
		for (size_t j = 0; j < NR; j++)						\
			c[i * ldc + j] = f32_canonical(acc[i][j]);			\
}

#define I8_PORTABLE(R, name)								\
static void name##_##R(size_t k, const int8_t *a, size_t lda, const uint8_t *b,		\
		       size_t ldb, int32_t *c, size_t ldc, bool zero,			\
		       const int32_t *row, const int32_t *column)			\
{											\
	uint32_t acc[R][NR];								\
											\
	for (size_t i = 0; i < R; i++)							\
		for (size_t j = 0; j < NR; j++)						\
			acc[i][j] = (uint32_t)row[i] + (uint32_t)column[j] +		\
				    (zero ? 0 : (uint32_t)c[i * ldc + j]);		\
	for (; k; k--, a += 4, b += 4 * ldb)						\
		for (size_t i = 0; i < R; i++)						\
			for (size_t j = 0; j < NR; j++)					\
				for (size_t x = 0; x < 4; x++)				\
					acc[i][j] += (uint32_t)(a[i * lda + x] * b[4 * j + x]); \
	for (size_t i = 0; i < R; i++)							\
		for (size_t j = 0; j < NR; j++)						\
			c[i * ldc + j] = (int32_t)acc[i][j];				\
}

static void sum_portable(const int8_t *a, size_t lda, size_t rows, size_t bytes, int32_t *sum)
{
	for (; rows; rows--, a += lda) {
		*sum = 0;
		for (size_t i = 0; i < bytes; i++)
			*sum += a[i];
		sum++;
	}
}

SIZES(F32_PORTABLE, f32_portable)
SIZES(I8_PORTABLE, i8_portable)

/* Sums of products that are kept in memory, which is near. */
EGRET_CLONES
static void taps_portable(const struct egret_gemm_row *r)
{
	egret_scratch_f32 *out = r->out;

	for (size_t i = 0; i < r->n; i++)
		out[i] = r->c[r->one_c ? 0 : i];
	for (unsigned int tap = 0; tap < r->taps; tap++) {
		const egret_scratch_f32 *a = r->a[tap] + r->first;
		float weight = r->weight[tap];

		for (size_t i = 0; i < r->n; i++)
			out[i] = fmaf(a[(int64_t)i * r->step], weight, out[i]);
	}
	for (size_t i = 0; i < r->n; i++)
		out[i] = f32_canonical(out[i]);
}

static const struct egret_gemm portable = {
	.nr = NR,
	.f32 = TABLE(f32_portable),
	.i8 = TABLE(i8_portable),
	.sum = sum_portable,
	.taps = taps_portable,
};

/* ---- x86 ----------------------------------------------------------------- */

#if defined(__x86_64__)

/*
 * A kernel of R rows by two vectors of type V with L lanes of accumulators. A lane takes
 * STEP elements of A and B at once. The loops have constant bounds and are unrolled
 * completely, so that `acc` is in registers; where these are too few, rows are done in
 * pieces of at most MOST. A register points to every third row of A: the others are at once or
 * twice the distance from it, which the host's addresses can express. FIRST(v, i, j) makes an accumulator of row i, vector j from the
 * value that it continues; LAST(v) is what is stored of it.
 */
#define KERNEL(R, name, isa, V, L, MOST, TA, TB, TC, STEP, LOAD, LOADB, STORE, SPLAT, MAC,	\
	       ZERO, FIRST, LAST, ...)							\
__attribute__((target(isa)))								\
static void name##_##R(size_t k, const TA *a, size_t lda, const TB *b, size_t ldb,	\
		       TC *c, size_t ldc, bool zero __VA_ARGS__)			\
{											\
	enum { ROWS = R < MOST ? R : MOST };						\
											\
	for (int first = 0; first < R; first += ROWS) {					\
		TC *to = c + (size_t)first * ldc;					\
		const TA *pa[(ROWS + 2) / 3];						\
		const TB *pb = b;							\
		V acc[ROWS][2];								\
											\
		_Pragma("GCC unroll 12")						\
		for (int i = 0; i < ROWS; i++) {					\
			V v0 = ZERO(), v1 = ZERO();					\
											\
			if (!zero) {							\
				v0 = LOAD(to + (size_t)i * ldc);			\
				v1 = LOAD(to + (size_t)i * ldc + L);			\
			}								\
			acc[i][0] = FIRST(v0, first + i, 0);				\
			acc[i][1] = FIRST(v1, first + i, L);				\
		}									\
		for (int i = 0; i < ROWS; i += 3)					\
			pa[i / 3] = a + (size_t)(first + i) * lda;			\
		for (size_t x = k; x; x--) {						\
			V b0 = LOADB(pb), b1 = LOADB(pb + STEP * L);			\
											\
			_Pragma("GCC unroll 12")					\
			for (int i = 0; i < ROWS; i++) {				\
				V s = SPLAT(pa[i / 3] + (size_t)(i % 3) * lda);		\
											\
				acc[i][0] = MAC(s, b0, acc[i][0]);			\
				acc[i][1] = MAC(s, b1, acc[i][1]);			\
			}								\
			for (int i = 0; i < ROWS; i += 3)				\
				pa[i / 3] += STEP;					\
			pb += STEP * ldb;						\
		}									\
		_Pragma("GCC unroll 12")						\
		for (int i = 0; i < ROWS; i++) {					\
			STORE(to + (size_t)i * ldc, LAST(acc[i][0]));			\
			STORE(to + (size_t)i * ldc + L, LAST(acc[i][1]));		\
		}									\
	}										\
}

static inline float canonical_nan(void)
{
	return f32_from_bits(EGRET_NAN_F32);
}

/* Four bytes, for SPLAT. */
static inline int32_t four(const int8_t *p)
{
	int32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Four products of bytes in each lane, added to it, with pairs of 16 bits: nothing saturates. */
#define FOUR_PRODUCTS(W, s, b, z)							\
	_mm##W##_add_epi32(								\
		_mm##W##_add_epi32(z, _mm##W##_madd_epi16(_mm##W##_srli_epi16(s, 8),	\
							  _mm##W##_srai_epi16(b, 8))),	\
		_mm##W##_madd_epi16(_mm##W##_srli_epi16(_mm##W##_slli_epi16(s, 8), 8),	\
				    _mm##W##_srai_epi16(_mm##W##_slli_epi16(b, 8), 8)))

#define F512_LOAD(p)		_mm512_loadu_ps(p)
#define F512_STORE(p, v)	_mm512_storeu_ps(p, v)
#define F512_SPLAT(p)		_mm512_set1_ps(*(p))
#define F512_MAC(x, y, z)	_mm512_fmadd_ps(x, y, z)
#define F512_LAST(v) \
	_mm512_mask_blend_ps(_mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q), v, _mm512_set1_ps(canonical_nan()))
#define I512_LOAD(p)		_mm512_loadu_si512(p)
#define I512_STORE(p, v)	_mm512_storeu_si512(p, v)
#define I512_SPLAT(p)		_mm512_set1_epi32(four(p))
#define I512_FIRST(v, i, j) \
	_mm512_add_epi32(v, _mm512_add_epi32(_mm512_set1_epi32(row[i]), I512_LOAD(column + (j))))
#define I512_MAC(x, y, z)	FOUR_PRODUCTS(512, y, x, z)
#define VNNI_MAC(x, y, z)	_mm512_dpbusd_epi32(z, y, x)
#define F256_LOAD(p)		_mm256_loadu_ps(p)
#define F256_STORE(p, v)	_mm256_storeu_ps(p, v)
#define F256_SPLAT(p)		_mm256_set1_ps(*(p))
#define F256_MAC(x, y, z)	_mm256_fmadd_ps(x, y, z)
#define F256_LAST(v) \
	_mm256_blendv_ps(v, _mm256_set1_ps(canonical_nan()), _mm256_cmp_ps(v, v, _CMP_UNORD_Q))
#define I256_LOAD(p)		_mm256_loadu_si256((const __m256i *)(p))
#define I256_STORE(p, v)	_mm256_storeu_si256((__m256i *)(p), v)
#define I256_SPLAT(p)		_mm256_set1_epi32(four(p))
#define I256_FIRST(v, i, j) \
	_mm256_add_epi32(v, _mm256_add_epi32(_mm256_set1_epi32(row[i]), I256_LOAD(column + (j))))
#define I256_MAC(x, y, z)	FOUR_PRODUCTS(256, y, x, z)
#define AS_IT_IS(v, ...)	(v)

#define I8_EXTRA		, const int32_t *row, const int32_t *column

SIZES(KERNEL, f32_avx512, "avx512f", __m512, 16, 12, float, float, float, 1,
      F512_LOAD, F512_LOAD, F512_STORE, F512_SPLAT, F512_MAC, _mm512_setzero_ps, AS_IT_IS, F512_LAST)
SIZES(KERNEL, i8_avx512, "avx512f,avx512bw", __m512i, 16, 12, int8_t, uint8_t, int32_t, 4,
      I512_LOAD, I512_LOAD, I512_STORE, I512_SPLAT, I512_MAC, _mm512_setzero_si512, I512_FIRST,
      AS_IT_IS, I8_EXTRA)
SIZES(KERNEL, i8_vnni, "avx512f,avx512bw,avx512vnni", __m512i, 16, 12, int8_t, uint8_t, int32_t, 4,
      I512_LOAD, I512_LOAD, I512_STORE, I512_SPLAT, VNNI_MAC, _mm512_setzero_si512, I512_FIRST,
      AS_IT_IS, I8_EXTRA)
SIZES(KERNEL, f32_avx2, "avx2,fma", __m256, 8, 4, float, float, float, 1,
      F256_LOAD, F256_LOAD, F256_STORE, F256_SPLAT, F256_MAC, _mm256_setzero_ps, AS_IT_IS, F256_LAST)
SIZES(KERNEL, i8_avx2, "avx2", __m256i, 8, 4, int8_t, uint8_t, int32_t, 4,
      I256_LOAD, I256_LOAD, I256_STORE, I256_SPLAT, I256_MAC, _mm256_setzero_si256, I256_FIRST,
      AS_IT_IS, I8_EXTRA)

/* Lanes of two vectors, next to each other, added up in halves. */
#define PAIRS(size, v, w) \
	_mm512_add_epi32(_mm512_unpacklo_epi##size(v, w), _mm512_unpackhi_epi##size(v, w))

/* The sums of the lanes of four vectors. */
__attribute__((target("avx512f,avx512bw,avx512vl")))
static inline __m128i add_lanes(const __m512i *s)
{
	__m512i t = PAIRS(64, PAIRS(32, s[0], s[1]), PAIRS(32, s[2], s[3]));
	__m256i half = _mm256_add_epi32(_mm512_castsi512_si256(t), _mm512_extracti64x4_epi64(t, 1));

	return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

/* Four rows at a time. */
#define SUM(name, isa, ADD)								\
__attribute__((target(isa)))								\
static void name(const int8_t *a, size_t lda, size_t rows, size_t bytes, int32_t *sum)	\
{											\
	const __mmask64 tail = (UINT64_C(1) << bytes % 64) - 1;				\
											\
	for (size_t row = 0; row < rows; row += 4) {					\
		__mmask8 here = rows - row < 4 ? (__mmask8)((1 << (rows - row)) - 1) : 15; \
		__m512i s[4];								\
											\
		_Pragma("GCC unroll 4")							\
		for (int i = 0; i < 4; i++) {						\
			const int8_t *p = a + (here >> i & 1 ? row + i : row) * lda;	\
			size_t x = 0;							\
											\
			s[i] = _mm512_setzero_si512();					\
			for (; x + 64 <= bytes; x += 64)				\
				s[i] = ADD(s[i], _mm512_loadu_si512(p + x));		\
			if (tail)							\
				s[i] = ADD(s[i], _mm512_maskz_loadu_epi8(tail, p + x));	\
		}									\
		_mm_mask_storeu_epi32(sum + row, here, add_lanes(s));			\
	}										\
}

#define ADD_VNNI(s, v)		_mm512_dpbusd_epi32(s, _mm512_set1_epi8(1), v)
#define ADD_AVX512(s, v)	_mm512_add_epi32(s, _mm512_madd_epi16(			\
					_mm512_maddubs_epi16(_mm512_set1_epi8(1), v),	\
					_mm512_set1_epi16(1)))

SUM(sum_vnni, "avx512f,avx512bw,avx512vl,avx512vnni", ADD_VNNI)
SUM(sum_avx512, "avx512f,avx512bw,avx512vl", ADD_AVX512)

__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
static void dot_vnni(const int8_t *a, const uint8_t *const *b, size_t k, uint8_t flip, int32_t *sum)
{
	const __m512i mask = _mm512_set1_epi8((char)flip);
	__m512i s[4] = { _mm512_setzero_si512(), _mm512_setzero_si512(),
			 _mm512_setzero_si512(), _mm512_setzero_si512() };
	size_t x = 0;

	for (; x + 64 <= k; x += 64) {
		__m512i v = _mm512_loadu_si512(a + x);

		_Pragma("GCC unroll 4")
		for (int i = 0; i < 4; i++)
			s[i] = _mm512_dpbusd_epi32(s[i], _mm512_xor_si512(mask,
						_mm512_loadu_si512(b[i] + x)), v);
	}
	if (x < k) {
		const __mmask64 valid = (UINT64_C(1) << (k - x)) - 1;
		__m512i v = _mm512_maskz_loadu_epi8(valid, a + x);

		_Pragma("GCC unroll 4")
		for (int i = 0; i < 4; i++)
			s[i] = _mm512_dpbusd_epi32(s[i], _mm512_xor_si512(mask,
						_mm512_maskz_loadu_epi8(valid, b[i] + x)), v);
	}
	_mm_storeu_si128((__m128i *)sum, add_lanes(s));
}

/*
 * 128 elements of a line: the low ones and the high ones of 64 bytes follow each other within
 * 128 bits, so that `first` and `second` are to be A's bytes in the same order.
 */
__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"), always_inline))
static inline __m512i add_nibbles(__m512i sum, __m512i b, __m512i mask, __m512i first, __m512i second)
{
	const __m512i bits = _mm512_set1_epi8(15);
	__m512i low, high;

	b = _mm512_xor_si512(b, mask);
	low = _mm512_and_si512(b, bits);
	high = _mm512_and_si512(_mm512_srli_epi16(b, 4), bits);
	sum = _mm512_dpbusd_epi32(sum, _mm512_unpacklo_epi8(low, high), first);
	return _mm512_dpbusd_epi32(sum, _mm512_unpackhi_epi8(low, high), second);
}

__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
static void dot_nibbles_vnni(const int8_t *a, const uint8_t *const *b, size_t k, uint8_t flip,
			     int32_t *sum)
{
	const __m512i even = _mm512_setr_epi64(0, 1, 4, 5, 8, 9, 12, 13);
	const __m512i odd = _mm512_setr_epi64(2, 3, 6, 7, 10, 11, 14, 15);
	const __m512i mask = _mm512_set1_epi8((char)(flip * 0x11));
	__m512i s[4] = { _mm512_setzero_si512(), _mm512_setzero_si512(),
			 _mm512_setzero_si512(), _mm512_setzero_si512() };

	for (size_t x = 0; x < k; x += 128) {
		size_t here = k - x < 128 ? k - x : 128, bytes = (here + 1) / 2;
		__mmask64 first = here < 64 ? (UINT64_C(1) << here) - 1 : ~UINT64_C(0);
		__mmask64 second = here < 64 ? 0 : here < 128 ? (UINT64_C(1) << (here - 64)) - 1 :
								  ~UINT64_C(0);
		__mmask64 valid = bytes < 64 ? (UINT64_C(1) << bytes) - 1 : ~UINT64_C(0);
		__m512i v = _mm512_maskz_loadu_epi8(first, a + x);
		__m512i w = _mm512_maskz_loadu_epi8(second, a + x + 64);
		__m512i a0 = _mm512_permutex2var_epi64(v, even, w), a1 = _mm512_permutex2var_epi64(v, odd, w);

		_Pragma("GCC unroll 4")
		for (int i = 0; i < 4; i++)
			s[i] = add_nibbles(s[i], _mm512_maskz_loadu_epi8(valid, b[i] + x / 2), mask, a0, a1);
	}
	_mm_storeu_si128((__m128i *)sum, add_lanes(s));
}

/* 16 lines of 16 words. */
__attribute__((target("avx512f,avx512bw")))
static inline void transpose16(__m512i *r)
{
	__m512i t[16];

	_Pragma("GCC unroll 8")
	for (int i = 0; i < 16; i += 2) {
		t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
		t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
	}
	_Pragma("GCC unroll 4")
	for (int i = 0; i < 16; i += 4) {
		r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
		r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
		r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
		r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
	}
	/* Now lane l of r[4 q + w] holds word 4 l + w of lines 4 q to 4 q + 3. */
	_Pragma("GCC unroll 4")
	for (int w = 0; w < 4; w++) {
		t[w] = _mm512_shuffle_i32x4(r[w], r[4 + w], 0x88);
		t[4 + w] = _mm512_shuffle_i32x4(r[w], r[4 + w], 0xdd);
		t[8 + w] = _mm512_shuffle_i32x4(r[8 + w], r[12 + w], 0x88);
		t[12 + w] = _mm512_shuffle_i32x4(r[8 + w], r[12 + w], 0xdd);
	}
	_Pragma("GCC unroll 4")
	for (int w = 0; w < 4; w++) {
		r[w] = _mm512_shuffle_i32x4(t[w], t[8 + w], 0x88);
		r[4 + w] = _mm512_shuffle_i32x4(t[4 + w], t[12 + w], 0x88);
		r[8 + w] = _mm512_shuffle_i32x4(t[w], t[8 + w], 0xdd);
		r[12 + w] = _mm512_shuffle_i32x4(t[4 + w], t[12 + w], 0xdd);
	}
}

/* 64 bytes of up to 16 lines, from byte i on: r[w] gets word w of each. */
__attribute__((target("avx512f,avx512bw")))
static inline void load_turned(__m512i *r, const uint8_t *const *line, unsigned int lines, size_t i,
			       size_t bytes, uint8_t flip)
{
	__mmask64 valid = bytes - i < 64 ? (UINT64_C(1) << (bytes - i)) - 1 : ~UINT64_C(0);
	__m512i mask = _mm512_maskz_set1_epi8(valid, (char)flip);

	_Pragma("GCC unroll 16")
	for (unsigned int l = 0; l < 16; l++)
		r[l] = _mm512_xor_si512(mask, _mm512_maskz_loadu_epi8(valid,
								      line[l < lines ? l : 0] + i));
	transpose16(r);
}

__attribute__((target("avx512f,avx512bw")))
static void transpose_avx512(uint32_t *dst, size_t stride, const uint8_t *const *line,
			     unsigned int lines, size_t bytes, uint8_t flip)
{
	const __mmask16 columns = (__mmask16)((1u << lines) - 1);

	for (size_t i = 0; i < bytes; i += 64) {
		size_t words = bytes - i < 64 ? (bytes - i + 3) / 4 : 16;
		__m512i r[16];

		load_turned(r, line, lines, i, bytes, flip);
		if (words == 16) {
			_Pragma("GCC unroll 16")
			for (int w = 0; w < 16; w++, dst += stride)
				_mm512_mask_storeu_epi32(dst, columns, r[w]);
			continue;
		}
		for (size_t w = 0; w < words; w++, dst += stride)
			_mm512_mask_storeu_epi32(dst, columns, r[w]);
	}
}

/* A word holds two numbers, which are the upper halves of an F32 each. */
__attribute__((target("avx512f,avx512bw")))
static void transpose_bf16_avx512(uint32_t *dst, size_t stride, const uint8_t *const *line,
				  unsigned int lines, size_t count)
{
	const __mmask16 columns = (__mmask16)((1u << lines) - 1);
	const __m512i upper = _mm512_set1_epi32((int)0xffff0000);

	for (size_t i = 0; i < count; i += 32) {
		__m512i r[16];

		load_turned(r, line, lines, 2 * i, 2 * count, 0);
		_Pragma("GCC unroll 16")
		for (size_t w = 0; w < 16; w++, dst += 2 * stride) {
			if (i + 2 * w < count)
				_mm512_mask_storeu_epi32(dst, columns, _mm512_slli_epi32(r[w], 16));
			if (i + 2 * w + 1 < count)
				_mm512_mask_storeu_epi32(dst + stride, columns,
							 _mm512_and_si512(r[w], upper));
		}
	}
}

/* The 32 bytes of a block. */
__attribute__((target("avx512f,avx512bw,avx512vl"), always_inline))
static inline __m256i load_block(const uint8_t *p, enum egret_gemm_form form)
{
	const __m128i low_bits = _mm_set1_epi8(15);
	__m128i v, low, high;

	if (form == EGRET_GEMM_BYTES)
		return _mm256_loadu_si256((const __m256i *)p);
	v = _mm_loadu_si128((const __m128i *)p);
	low = _mm_and_si128(v, low_bits);
	high = _mm_and_si128(_mm_srli_epi16(v, 4), low_bits);
	if (form == EGRET_GEMM_SPLIT)
		return _mm256_set_m128i(high, low);
	return _mm256_set_m128i(_mm_unpackhi_epi8(low, high), _mm_unpacklo_epi8(low, high));
}

/* Two blocks of a line, `next` bytes apart, as they are to be multiplied. */
__attribute__((target("avx512f,avx512bw,avx512vl"), always_inline))
static inline __m512i load_blocks(const uint8_t *p, int64_t next, enum egret_gemm_form form,
				  __m512i flip, __m512i minus)
{
	__m512i v = _mm512_inserti64x4(_mm512_castsi256_si512(load_block(p, form)),
				       load_block(p + next, form), 1);

	return _mm512_sub_epi8(_mm512_xor_si512(v, flip), minus);
}

/*
 * Two blocks at a time are the lanes of a vector for each line. Lanes of words are added up
 * within 128 bits first, four lines at a time, then the two halves of a block. A block
 * without another one is done twice.
 */
__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"), always_inline))
static inline void block_dots_i8(const int8_t *a, int64_t step, const struct egret_gemm_blocks *b,
				 size_t blocks, int32_t *sum, enum egret_gemm_form form)
{
	const __m512i nothing = _mm512_setzero_si512();
	const __m512i flip = _mm512_set1_epi8((char)b->flip), minus = _mm512_set1_epi8((char)b->minus);

	for (size_t x = 0; x < blocks; x += 2, a += 2 * step, sum += 2 * EGRET_GEMM_DOTS) {
		bool two = x + 1 < blocks;
		__m512i v = load_blocks((const uint8_t *)a, two ? step : 0, EGRET_GEMM_BYTES, nothing,
					nothing);
		__m512i four_lines[4], low, high;

		_Pragma("GCC unroll 4")
		for (int q = 0; q < 4; q++) {
			__m512i s[4];

			_Pragma("GCC unroll 4")
			for (int i = 0; i < 4; i++)
				s[i] = _mm512_dpbusd_epi32(_mm512_setzero_si512(),
						load_blocks(b->line[4 * q + i] + (int64_t)x * b->step,
							    two ? b->step : 0, form, flip, minus), v);
			four_lines[q] = PAIRS(64, PAIRS(32, s[0], s[1]), PAIRS(32, s[2], s[3]));
		}
		low = _mm512_add_epi32(_mm512_shuffle_i32x4(four_lines[0], four_lines[1], 0x88),
				       _mm512_shuffle_i32x4(four_lines[0], four_lines[1], 0xdd));
		high = _mm512_add_epi32(_mm512_shuffle_i32x4(four_lines[2], four_lines[3], 0x88),
					_mm512_shuffle_i32x4(four_lines[2], four_lines[3], 0xdd));
		_mm512_storeu_si512(sum, _mm512_shuffle_i32x4(low, high, 0x88));
		if (two)
			_mm512_storeu_si512(sum + EGRET_GEMM_DOTS,
					    _mm512_shuffle_i32x4(low, high, 0xdd));
	}
}

/* Byte number `byte` of 16 words, signed, as F32. */
__attribute__((target("avx512f"), always_inline))
static inline __m512 byte_f32(__m512i word, int byte)
{
	return _mm512_cvtepi32_ps(_mm512_srai_epi32(_mm512_slli_epi32(word, 24 - 8 * byte), 24));
}

/* Two blocks at a time again: one sum alone would wait for itself. */
__attribute__((target("avx512f,avx512bw,avx512vl"), always_inline))
static inline void block_dots_f32(const float *a, int64_t step, const struct egret_gemm_blocks *b,
				  size_t blocks, float *sum, enum egret_gemm_form form)
{
	const int64_t next = step / (int64_t)sizeof(*a);
	const __m512i flip = _mm512_set1_epi8((char)b->flip), minus = _mm512_set1_epi8((char)b->minus);

	for (size_t x = 0; x < blocks; x += 2, a += 2 * next, sum += 2 * EGRET_GEMM_DOTS) {
		bool two = x + 1 < blocks;
		const float *second = two ? a + next : a;
		__m512 acc0 = _mm512_setzero_ps(), acc1 = _mm512_setzero_ps();
		__m512i r[16];

		_Pragma("GCC unroll 16")
		for (int l = 0; l < 16; l++)
			r[l] = load_blocks(b->line[l] + (int64_t)x * b->step, two ? b->step : 0, form,
					   flip, minus);
		transpose16(r);
		_Pragma("GCC unroll 8")
		for (int w = 0; w < 8; w++) {
			_Pragma("GCC unroll 4")
			for (int i = 0; i < 4; i++) {
				acc0 = _mm512_fmadd_ps(_mm512_set1_ps(a[4 * w + i]), byte_f32(r[w], i),
						       acc0);
				acc1 = _mm512_fmadd_ps(_mm512_set1_ps(second[4 * w + i]),
						       byte_f32(r[8 + w], i), acc1);
			}
		}
		_mm512_storeu_ps(sum, acc0);
		if (two)
			_mm512_storeu_ps(sum + EGRET_GEMM_DOTS, acc1);
	}
}

/* Each form has code of its own. */
#define BLOCK_DOT(name, isa, TA, TC, KERNEL)						\
__attribute__((target(isa)))								\
static void name(const TA *a, int64_t step, const struct egret_gemm_blocks *b, size_t blocks, \
		 TC *sum)								\
{											\
	switch (b->form) {								\
	case EGRET_GEMM_BYTES:								\
		KERNEL(a, step, b, blocks, sum, EGRET_GEMM_BYTES);				\
		break;									\
	case EGRET_GEMM_NIBBLES:							\
		KERNEL(a, step, b, blocks, sum, EGRET_GEMM_NIBBLES);				\
		break;									\
	case EGRET_GEMM_SPLIT:								\
		KERNEL(a, step, b, blocks, sum, EGRET_GEMM_SPLIT);				\
		break;									\
	}										\
}

BLOCK_DOT(block_dot_vnni, "avx512f,avx512bw,avx512vl,avx512vnni", int8_t, int32_t, block_dots_i8)
BLOCK_DOT(block_dot_avx512, "avx512f,avx512bw,avx512vl", float, float, block_dots_f32)

/* 64 columns: a group of four rows is a cache line of each. */
__attribute__((target("avx512f,avx512bw")))
static void interleave_avx512(uint8_t *dst, const uint8_t *row, int64_t pitch, size_t count,
			      uint8_t flip)
{
	/* The unpacking below stays within lanes: bring what belongs together into one. */
	const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
	const __m512i mask = _mm512_set1_epi8((char)flip);
	uint8_t *second = dst + (count + 3) / 4 * 128;

	for (size_t i = 0; i < count; i += 4, dst += 128, second += 128) {
		__m512i r[4], low01, high01, low23, high23;

		for (size_t j = 0; j < 4; j++) {
			r[j] = _mm512_setzero_si512();
			if (i + j < count)
				r[j] = _mm512_permutexvar_epi32(order, _mm512_xor_si512(mask,
						_mm512_loadu_si512(row + (int64_t)(i + j) * pitch)));
		}
		low01 = _mm512_unpacklo_epi8(r[0], r[1]);
		high01 = _mm512_unpackhi_epi8(r[0], r[1]);
		low23 = _mm512_unpacklo_epi8(r[2], r[3]);
		high23 = _mm512_unpackhi_epi8(r[2], r[3]);
		_mm512_storeu_si512(dst, _mm512_unpacklo_epi16(low01, low23));
		_mm512_storeu_si512(dst + 64, _mm512_unpackhi_epi16(low01, low23));
		_mm512_storeu_si512(second, _mm512_unpacklo_epi16(high01, high23));
		_mm512_storeu_si512(second + 64, _mm512_unpackhi_epi16(high01, high23));
	}
}

/* Which elements there are of a vector's 16, if `left` of all are. */
static __mmask16 first_of(int64_t left)
{
	return left >= 16 ? 0xffff : left <= 0 ? 0 : (__mmask16)((1u << left) - 1);
}

/* 16 elements `step` words apart; those that do not exist are not read. */
__attribute__((target("avx512f"), always_inline))
static inline __m512 load_steps(const egret_scratch_f32 *a, int64_t step, __mmask16 mask)
{
	const __m512i number = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	unsigned int last;

	if (step == 1)
		return _mm512_maskz_loadu_ps(mask, a);
	if (step != 2)
		return _mm512_mask_i32gather_ps(_mm512_setzero_ps(), mask,
						_mm512_mullo_epi32(number, _mm512_set1_epi32((int)step)),
						a, sizeof(float));
	/* Every other one of up to 31. */
	last = 2 * (unsigned int)__builtin_popcount(mask) - 1;
	return _mm512_permutex2var_ps(_mm512_maskz_loadu_ps(first_of(last), a),
				      _mm512_slli_epi32(number, 1),
				      _mm512_maskz_loadu_ps(first_of((int64_t)last - 16), a + 16));
}

/* Enough to have something to do while a sum's last product is added. */
#define TAPS_VECTORS	6

/* Sums i..i+16*vectors-1, as far as they exist; @vectors and @step are constants, but for a step of 0. */
__attribute__((target("avx512f"), always_inline))
static inline void taps_columns(const struct egret_gemm_row *r, size_t i, unsigned int vectors,
				int64_t step)
{
	int64_t left = (int64_t)(r->n - i);
	const __m512 nan = _mm512_castsi512_ps(_mm512_set1_epi32((int)EGRET_NAN_F32));
	__mmask16 mask[TAPS_VECTORS];
	__m512 sum[TAPS_VECTORS];
	int64_t at;

	if (!step)
		step = r->step;
	at = r->first + (int64_t)i * step;
	for (unsigned int v = 0; v < vectors; v++) {
		mask[v] = first_of(left - 16 * (int64_t)v);
		sum[v] = r->one_c ? _mm512_set1_ps(*r->c) :
				    _mm512_maskz_loadu_ps(mask[v], r->c + i + 16 * v);
	}
	for (unsigned int tap = 0; tap < r->taps; tap++) {
		const egret_scratch_f32 *a = r->a[tap] + at;
		__m512 weight = _mm512_set1_ps(r->weight[tap]);

		for (unsigned int v = 0; v < vectors; v++)
			sum[v] = _mm512_fmadd_ps(load_steps(a + 16 * step * v, step, mask[v]), weight,
						 sum[v]);
	}
	for (unsigned int v = 0; v < vectors; v++) {
		sum[v] = _mm512_mask_mov_ps(sum[v], _mm512_cmp_ps_mask(sum[v], sum[v], _CMP_UNORD_Q), nan);
		_mm512_mask_storeu_ps(r->out + i + 16 * v, mask[v], sum[v]);
	}
}

__attribute__((target("avx512f"), always_inline))
static inline void taps_row(const struct egret_gemm_row *r, int64_t step)
{
	for (size_t i = 0; i < r->n; i += 16 * TAPS_VECTORS) {
		size_t vectors = (r->n - i + 15) / 16;

		switch (vectors) {
		case 1:
			taps_columns(r, i, 1, step);
			break;
		case 2:
			taps_columns(r, i, 2, step);
			break;
		case 3:
			taps_columns(r, i, 3, step);
			break;
		case 4:
			taps_columns(r, i, 4, step);
			break;
		case 5:
			taps_columns(r, i, 5, step);
			break;
		default:
			taps_columns(r, i, TAPS_VECTORS, step);
			break;
		}
	}
}

__attribute__((target("avx512f")))
static void taps_avx512(const struct egret_gemm_row *r)
{
	if (r->step == 1)
		taps_row(r, 1);
	else if (r->step == 2)
		taps_row(r, 2);
	else if (r->step >= -INT16_MAX && r->step <= INT16_MAX)
		taps_row(r, 0);
	else
		taps_portable(r);
}

static const struct egret_gemm vnni = {
	.nr = 32,
	.f32 = TABLE(f32_avx512),
	.i8 = TABLE(i8_vnni),
	.sum = sum_vnni,
	.dot = dot_vnni,
	.dot_nibbles = dot_nibbles_vnni,
	.block_dot_i8 = block_dot_vnni,
	.block_dot_f32 = block_dot_avx512,
	.transpose = transpose_avx512,
	.transpose_bf16 = transpose_bf16_avx512,
	.interleave = interleave_avx512,
	.taps = taps_avx512,
};
static const struct egret_gemm avx512 = {
	.nr = 32,
	.f32 = TABLE(f32_avx512),
	.i8 = TABLE(i8_avx512),
	.sum = sum_avx512,
	.block_dot_f32 = block_dot_avx512,
	.transpose = transpose_avx512,
	.transpose_bf16 = transpose_bf16_avx512,
	.interleave = interleave_avx512,
	.taps = taps_avx512,
};
static const struct egret_gemm avx2 = {
	.nr = 16,
	.f32 = TABLE(f32_avx2),
	.i8 = TABLE(i8_avx2),
	.sum = sum_portable,
	.taps = taps_portable,
};

static bool host_has(unsigned int features)
{
	switch (features) {
	case 3:
		return host_has(2) && __builtin_cpu_supports("avx512vnni");
	case 2:
		return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		       __builtin_cpu_supports("avx512vl");
	case 1:
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
	default:
		return true;
	}
}

/* By what they need. */
static const struct egret_gemm *const kernels[] = { &portable, &avx2, &avx512, &vnni };

#else

static bool host_has(unsigned int features)
{
	return !features;
}

static const struct egret_gemm *const kernels[] = { &portable };

#endif

const struct egret_gemm *egret_gemm(unsigned int number)
{
	for (unsigned int i = sizeof(kernels) / sizeof(kernels[0]); i-- > 0;)
		if (host_has(i) && !number--)
			return kernels[i];
	return NULL;
}
