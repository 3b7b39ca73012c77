// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Functions of the tile engine.
 *
 * Each is computed in binary64 with nothing but additions, subtractions, multiplications,
 * divisions and bit operations, in the order written here, and rounded to binary32 once. All
 * of these are exact or correctly rounded on every host, so that the results are the same
 * everywhere; and as the error in binary64 is far below a unit of binary32, nearly all
 * results are correctly rounded. The C library is not used: its functions differ from
 * release to release.
 *
 * The bodies have no branches, so that the loops around them vectorise. NaN operands run
 * through them with some result, which is replaced in the end.
 *
 * Documentation/hardware/functions.rst describes the same algorithms.
 */
#include "tile_math.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "tile_types.h"

/* Added to a number below 2^51, this rounds it to an integer, which is then in the low bits. */
#define ROUNDER		0x1.8p52

#define LOG2_E		0x1.71547652b82fep+0
#define LN2_HIGH	0x1.62e42fefa3800p-1	/* 42 bits: products with small integers are exact */
#define LN2_LOW		0x1.ef35793c76730p-45
#define TWO_OVER_PI	0x1.45f306dc9c883p-1
#define PI_2_HIGH	0x1.921fb54400000p+0	/* pi / 2 in three parts, two of 33 bits */
#define PI_2_MIDDLE	0x1.0b4611a600000p-34
#define PI_2_LOW	0x1.3198a2e037073p-69
#define PI_2		0x1.921fb54442d18p+0
#define SQRT_HALF	0x1.6a09e667f3bcdp-1
#define SQRT_2_OVER_PI	0x1.9884533d43651p-1
#define GELU_CUBE	0x1.6e4e26d4801f7p-5	/* 0.044715 */

static inline uint64_t bits_of(double v)
{
	uint64_t b;

	memcpy(&b, &v, sizeof(b));
	return b;
}

static inline double from_bits(uint64_t b)
{
	double v;

	memcpy(&v, &b, sizeof(v));
	return v;
}

static inline double clamp(double x, double low, double high)
{
	x = x < low ? low : x;
	return x > high ? high : x;
}

static inline double magnitude(double x)
{
	return from_bits(bits_of(x) & ~(UINT64_C(1) << 63));
}

/* |v| with the sign of s. */
static inline double with_sign(double v, double s)
{
	return from_bits((bits_of(v) & ~(UINT64_C(1) << 63)) | (bits_of(s) & UINT64_C(1) << 63));
}

/*
 * e^x - 1 = 2^n * p + (2^n - 1) with n = x / ln 2 to nearest, p = e^r - 1 of the rest
 * r, |r| < 0.35, by its Taylor series. |x| up to 700.
 */
struct exp_parts {
	double scale;		/* 2^n */
	double p;
};

static inline struct exp_parts exp_parts(double x)
{
	double t = x * LOG2_E + ROUNDER;
	double n = t - ROUNDER;
	double r = (x - n * LN2_HIGH) - n * LN2_LOW;
	struct exp_parts e;
	double p;

	e.scale = from_bits((bits_of(t) << 52) + bits_of(1.0));
	p = 0x1.ae64567f544e4p-26;
	p = p * r + 0x1.27e4fb7789f5cp-22;
	p = p * r + 0x1.71de3a556c734p-19;
	p = p * r + 0x1.a01a01a01a01ap-16;
	p = p * r + 0x1.a01a01a01a01ap-13;
	p = p * r + 0x1.6c16c16c16c17p-10;
	p = p * r + 0x1.1111111111111p-7;
	p = p * r + 0x1.5555555555555p-5;
	p = p * r + 0x1.5555555555555p-3;
	p = p * r + 0.5;
	e.p = (p * r) * r + r;
	return e;
}

static inline double exp_of(double x)
{
	struct exp_parts e = exp_parts(x);

	return e.scale * e.p + e.scale;
}

static inline double expm1_of(double x)
{
	struct exp_parts e = exp_parts(x);

	return e.scale * e.p + (e.scale - 1.0);
}

/* 2 * atanh(f) - 2 f, over f, by its series in s = f^2 up to s^12; |f| up to 1/3. */
static inline double atanh_series(double s)
{
	double p = 0x1.47ae147ae147bp-4;

	p = p * s + 0x1.642c8590b2164p-4;
	p = p * s + 0x1.8618618618618p-4;
	p = p * s + 0x1.af286bca1af28p-4;
	p = p * s + 0x1.e1e1e1e1e1e1ep-4;
	p = p * s + 0x1.1111111111111p-3;
	p = p * s + 0x1.3b13b13b13b14p-3;
	p = p * s + 0x1.745d1745d1746p-3;
	p = p * s + 0x1.c71c71c71c71cp-3;
	p = p * s + 0x1.2492492492492p-2;
	p = p * s + 0x1.999999999999ap-2;
	p = p * s + 0x1.5555555555555p-1;
	return p * s;
}

/* ln x of a positive normal number: x = 2^e * m with m from sqrt(1/2) to sqrt(2). */
static inline double log_of(double x)
{
	uint64_t offset = bits_of(x) - bits_of(SQRT_HALF);
	int64_t exponent = (int64_t)offset >> 52;
	double e = from_bits((uint64_t)exponent + bits_of(ROUNDER)) - ROUNDER;
	double m = from_bits(bits_of(x) - ((uint64_t)exponent << 52));
	double f = (m - 1.0) / (m + 1.0);
	double log_m = f * atanh_series(f * f) + 2.0 * f;

	return e * LN2_HIGH + (e * LN2_LOW + log_m);
}

/* ln (1 + u) for u from 0 to 1. */
static inline double log1p_of(double u)
{
	double f = u / (u + 2.0);

	return f * atanh_series(f * f) + 2.0 * f;
}

/*
 * erfc(z) for z from 0 to 15: e^(-z^2) times a polynomial in t = (z - 2) / (z + 2), fitted to
 * a relative error of 2^-47.
 */
static inline double erfc_of(double z)
{
	double t = (z - 2.0) / (z + 2.0);
	double p = 0x1.a78e443339bb6p-26;

	p = p * t + 0x1.43489fccaa435p-24;
	p = p * t - 0x1.a90f3f3fdbe09p-25;
	p = p * t - 0x1.02425ced98fdep-21;
	p = p * t - 0x1.0ce0c06a5b7fbp-21;
	p = p * t + 0x1.36e2a6613dc5cp-20;
	p = p * t + 0x1.fe8f508f352b5p-19;
	p = p * t + 0x1.7cd2a78c02443p-20;
	p = p * t - 0x1.d534b89658622p-17;
	p = p * t - 0x1.cee53f919172ep-16;
	p = p * t + 0x1.cde3802acbbc6p-16;
	p = p * t + 0x1.6daad79840655p-13;
	p = p * t + 0x1.6d5cdcaa6ae92p-15;
	p = p * t - 0x1.016b635057cfbp-10;
	p = p * t - 0x1.bc25a0edce222p-11;
	p = p * t + 0x1.ca95ed73b58b0p-8;
	p = p * t + 0x1.e947158b10cbap-9;
	p = p * t - 0x1.437f0b68d36efp-4;
	p = p * t + 0x1.eeea7dc8a8a88p-3;
	p = p * t - 0x1.b57034efd3eaap-2;
	p = p * t + 0x1.058671b52c76dp-2;
	return exp_of(-(z * z)) * p;
}

/* erf(x) for |x| up to 1 by its Taylor series. */
static inline double erf_small(double x)
{
	double s = x * x;
	double p = 0x1.f683ae4a97007p-42;

	p = p * s - 0x1.d8453cb0c46eap-38;
	p = p * s + 0x1.9e6ad5e55a730p-34;
	p = p * s - 0x1.51d7181c5d36dp-30;
	p = p * s + 0x1.fcc5720624c1cp-27;
	p = p * s - 0x1.5f742ec43e71ap-23;
	p = p * s + 0x1.b9e6c9dc651a3p-20;
	p = p * s - 0x1.f4d25c3e0c2ebp-17;
	p = p * s + 0x1.f9a326f9b89b7p-14;
	p = p * s - 0x1.c02db40040b86p-11;
	p = p * s + 0x1.565bcd0e6a53fp-8;
	p = p * s - 0x1.b82ce31288b51p-6;
	p = p * s + 0x1.ce2f21a042be2p-4;
	p = p * s - 0x1.812746b0379e7p-2;
	p = p * s + 0x1.20dd750429b6dp+0;
	return x * p;
}

/* sin(r), cos(r) for |r| up to pi / 4 by their Taylor series. */
static inline double sin_small(double r)
{
	double s = r * r;
	double p = -0x1.ae7f3e733b81fp-41;

	p = p * s + 0x1.6124613a86d09p-33;
	p = p * s - 0x1.ae64567f544e4p-26;
	p = p * s + 0x1.71de3a556c734p-19;
	p = p * s - 0x1.a01a01a01a01ap-13;
	p = p * s + 0x1.1111111111111p-7;
	p = p * s - 0x1.5555555555555p-3;
	return (p * s) * r + r;
}

static inline double cos_small(double r)
{
	double s = r * r;
	double p = -0x1.93974a8c07c9dp-37;

	p = p * s + 0x1.1eed8eff8d898p-29;
	p = p * s - 0x1.27e4fb7789f5cp-22;
	p = p * s + 0x1.a01a01a01a01ap-16;
	p = p * s - 0x1.6c16c16c16c17p-10;
	p = p * s + 0x1.5555555555555p-5;
	p = p * s - 0.5;
	return p * s + 1.0;
}

/* sin(r + quadrant * pi / 2). With masks, not choices: those keep the compiler from making vectors. */
static inline double sin_quadrant(double r, uint64_t quadrant)
{
	uint64_t cosine = 0 - (quadrant & 1);
	uint64_t v = (bits_of(sin_small(r)) & ~cosine) | (bits_of(cos_small(r)) & cosine);

	return from_bits(v ^ (quadrant & 2) << 62);
}

/* ---- Functions of binary32 ------------------------------------------------ */

static inline float f_exp(float a)
{
	return (float)exp_of(clamp(a, -200.0, 200.0));
}

static inline float f_log(float a)
{
	double r = log_of(a);

	r = a == 0 ? -__builtin_inf() : r;
	r = a < 0 ? __builtin_nan("") : r;
	return a == __builtin_inff() ? a : (float)r;
}

static inline float f_tanh(float a)
{
	double t = expm1_of(clamp(2.0 * magnitude(a), 0.0, 60.0));

	return (float)with_sign(t / (t + 2.0), a);
}

static inline float f_erf(float a)
{
	double x = magnitude(a);
	double r = x < 1.0 ? erf_small(x) : 1.0 - erfc_of(clamp(x, 0.0, 15.0));

	return (float)with_sign(r, a);
}

static inline double sigmoid_of(double x)
{
	return 1.0 / (1.0 + exp_of(clamp(-x, -200.0, 200.0)));
}

static inline float f_sigmoid(float a)
{
	return (float)sigmoid_of(a);
}

/* a * s(a), where s goes to 0 for minus infinity faster than a grows: a is clamped. */
static inline float f_silu(float a)
{
	double x = clamp(a, -300.0, __builtin_inf());

	return (float)(x * sigmoid_of(x));
}

static inline float f_gelu(float a)
{
	double x = clamp(a, -30.0, __builtin_inf());
	double tail = erfc_of(clamp(magnitude(x) * SQRT_HALF, 0.0, 15.0));

	return (float)((0.5 * x) * (x < 0 ? tail : 2.0 - tail));
}

static inline float f_gelu_tanh(float a)
{
	double x = clamp(a, -30.0, __builtin_inf());
	double y = clamp(x, -30.0, 30.0);
	double u = SQRT_2_OVER_PI * (y + GELU_CUBE * ((y * y) * y));

	return (float)(x * sigmoid_of(2.0 * u));
}

static inline float f_softplus(float a)
{
	double x = a;
	double tail = log1p_of(exp_of(clamp(-magnitude(x), -200.0, 0.0)));

	return (float)((x > 0 ? x : 0.0) + tail);
}

static inline float f_elu(float a, float param)
{
	double r = param * expm1_of(clamp(a, -200.0, 0.0));

	return a < 0 ? (float)r : a;
}

static inline float f_sqrt(float a)
{
	return __builtin_sqrtf(a);
}

static inline float f_leaky_relu(float a, float param)
{
	return a < 0 ? param * a : a;
}

/* @same: what is its own sine */
static inline float f_sin_moderate(float a, unsigned int quarter, float same)
{
	double t = a * TWO_OVER_PI + ROUNDER;
	double n = t - ROUNDER;
	double r = ((a - n * PI_2_HIGH) - n * PI_2_MIDDLE) - n * PI_2_LOW;
	float v = (float)sin_quadrant(r, bits_of(t) + quarter);

	return a == same ? a : v;
}

/*
 * sin and cos of numbers so large that products with parts of pi / 2 are not exact any more:
 * multiply the integer significand with as many bits of 2 / pi as matter, modulo 4.
 */
static float f_sin_large(float a, unsigned int quarter)
{
	static const uint64_t two_over_pi[5] = {
		UINT64_C(0xa2f9836e4e441529), UINT64_C(0xfc2757d1f534ddc0),
		UINT64_C(0xdb6295993c439041), UINT64_C(0xfe5163abdebbc561),
		UINT64_C(0xb7246e3a424dd2e0),
	};
	uint32_t b = f32_bits(a);
	uint32_t significand = (b & 0x7fffff) | 0x800000;
	int first = (int)(b >> 23 & 0xff) - 127 - 23 - 2;	/* the bit of weight 2 */
	unsigned __int128 window = 0, product;
	unsigned int quadrant;
	double r;

	for (int i = 0; i < 128; i++) {
		int at = first + i;
		unsigned int bit = at < 0 ? 0 : two_over_pi[at / 64] >> (63 - at % 64) & 1;

		window = window << 1 | bit;
	}
	product = window * significand;
	quadrant = (unsigned int)(product >> 126);
	product <<= 2;
	/* to the nearest multiple of pi / 2 */
	quadrant += (unsigned int)(product >> 127);
	r = (double)(__int128)product * 0x1p-128 * PI_2;
	if (b >> 31) {
		r = -r;
		quadrant = -quadrant;
	}
	return (float)sin_quadrant(r, quadrant + quarter);
}

#define LARGE	0x1p17f

static inline bool is_large(float a)
{
	return __builtin_fabsf(a) >= LARGE;
}

static float fix_large(float a, unsigned int quarter)
{
	if (__builtin_isinf(a))
		return f32_from_bits(EGRET_NAN_F32);
	return f_sin_large(a, quarter);
}

/* ---- Runs ------------------------------------------------------------------- */

#define RUN(expression) do {						\
	for (size_t i = 0; i < n; i++) {				\
		float a = v[i];						\
		float r = (expression);					\
									\
		v[i] = a == a ? r : f32_from_bits(EGRET_NAN_F32);	\
	}								\
} while (0)

/*
 * v[i] = quick, of operand a, some at a time, so that the compiler makes vectors of it. The others
 * are rare: they are done again, apart.
 */
#define RUN_APART(is_other, quick, exact) do {				\
	enum { CHUNK = 64 };						\
	float operand[CHUNK];						\
									\
	for (size_t first = 0, end; first < n; first = end) {		\
		unsigned int others = 0;				\
									\
		end = n - first < CHUNK ? n : first + CHUNK;		\
		memcpy(operand, v + first, (end - first) * sizeof(*v));	\
		for (size_t i = first; i < end; i++) {			\
			float a = operand[i - first];			\
									\
			others |= (unsigned int)(is_other);		\
		}							\
		for (size_t i = first; i < end; i++) {			\
			float a = operand[i - first];			\
									\
			v[i] = (quick);					\
		}							\
		for (size_t i = first; others && i < end; i++) {	\
			float a = operand[i - first];			\
									\
			if (is_other)					\
				v[i] = (exact);				\
		}							\
	}								\
} while (0)

EGRET_CLONES
static void run_sin(float *v, size_t n, unsigned int quarter)
{
	/* nothing is its own cosine */
	const float nan = f32_from_bits(EGRET_NAN_F32), same = quarter ? nan : 0;

	RUN_APART(is_large(a), a == a ? f_sin_moderate(clamp(a, -LARGE, LARGE), quarter, same) : nan,
		  fix_large(a, quarter));
}

EGRET_CLONES
void egret_math(enum egret_map_op op, float *v, size_t n, float param)
{
	switch (op) {
	case EGRET_MAP_SQRT:
		RUN(f_sqrt(a));
		break;
	case EGRET_MAP_RSQRT:
		RUN(1.0f / f_sqrt(a));
		break;
	case EGRET_MAP_RECIP:
		RUN(1.0f / a);
		break;
	case EGRET_MAP_EXP:
		RUN(f_exp(a));
		break;
	case EGRET_MAP_LOG:
		RUN(f_log(a));
		break;
	case EGRET_MAP_SIN:
		run_sin(v, n, 0);
		break;
	case EGRET_MAP_COS:
		run_sin(v, n, 1);
		break;
	case EGRET_MAP_TANH:
		RUN(f_tanh(a));
		break;
	case EGRET_MAP_ERF:
		RUN(f_erf(a));
		break;
	case EGRET_MAP_SIGMOID:
		RUN(f_sigmoid(a));
		break;
	case EGRET_MAP_GELU:
		RUN(f_gelu(a));
		break;
	case EGRET_MAP_GELU_TANH:
		RUN(f_gelu_tanh(a));
		break;
	case EGRET_MAP_SILU:
		RUN(f_silu(a));
		break;
	case EGRET_MAP_SOFTPLUS:
		RUN(f_softplus(a));
		break;
	case EGRET_MAP_RELU:
		RUN(a > 0 ? a : 0.0f);
		break;
	case EGRET_MAP_LEAKY_RELU:
		RUN(f_leaky_relu(a, param));
		break;
	case EGRET_MAP_ELU:
		RUN(f_elu(a, param));
		break;
	default:
		break;
	}
}

/* Is b an odd integer? Numbers of 2^24 and more are even. */
static bool is_odd(float b)
{
	return __builtin_fabsf(b) < 0x1p24f && (float)(int32_t)b == b && ((int32_t)b & 1);
}

static bool is_integer(float b)
{
	return __builtin_fabsf(b) >= 0x1p24f || (float)(int32_t)b == b;
}

/* As C's Annex F has it. */
static float f_pow(float a, float b)
{
	float base = __builtin_fabsf(a);
	double r;

	if (b == 0 || a == 1)
		return 1;
	if (a != a || b != b)
		return f32_from_bits(EGRET_NAN_F32);
	if (base == 1 && __builtin_isinf(b))
		return 1;
	if (a < 0 && !__builtin_isinf(a) && !is_integer(b))
		return f32_from_bits(EGRET_NAN_F32);
	if (base == 0)
		r = b < 0 ? __builtin_inf() : 0;
	else if (__builtin_isinf(base))
		r = b < 0 ? 0 : __builtin_inf();
	else
		r = exp_of(clamp(b * log_of(base), -200.0, 200.0));
	return __builtin_signbit(a) && is_odd(b) ? -(float)r : (float)r;
}

/* Is the power what plain_power() says, without a rule of its own? */
static inline bool is_plain_power(float a, float b)
{
	float base = __builtin_fabsf(a);

	return (base > 0) & (base <= __FLT_MAX__) & (a != 1) & (b != 0) &
	       (__builtin_fabsf(b) <= __FLT_MAX__);
}

/* Choices one by one, of which the compiler makes vectors. */
static inline float plain_power(float a, float b)
{
	float r = (float)exp_of(clamp(b * log_of(__builtin_fabsf(a)), -200.0, 200.0));
	float half = b * 0.5f;
	float odd = half != __builtin_rintf(half) ? -r : r;
	float whole = b == __builtin_rintf(b) ? odd : f32_from_bits(EGRET_NAN_F32);

	return a < 0 ? whole : r;
}

EGRET_CLONES
void egret_math_pow(float *v, const float *e, size_t n)
{
	RUN_APART(!is_plain_power(a, e[i]), plain_power(a, e[i]), f_pow(a, e[i]));
}

EGRET_CLONES
static void run_clamps(enum egret_act act, float *v, size_t n, float p, float q)
{
	const float sixth = f32_from_bits(0x3e2aaaab);

	switch (act) {
	case EGRET_ACT_CLAMP:
		RUN(egret_math_min(egret_math_max(a, p), q));
		break;
	case EGRET_ACT_HARD_SIGMOID:
		RUN(egret_math_min(egret_math_max(__builtin_fmaf(p, a, q), 0.0f), 1.0f));
		break;
	default:
		/* not minus infinity by zero: the limit is -0 */
		RUN((a < -__FLT_MAX__ ? -__FLT_MAX__ : a) *
		    egret_math_min(egret_math_max(__builtin_fmaf(a, sixth, 0.5f), 0.0f), 1.0f));
		break;
	}
}

void egret_math_act(enum egret_act act, float *v, size_t n, float a, float b)
{
	static const uint8_t map_op[EGRET_ACT_COUNT] = {
		[EGRET_ACT_RELU] = EGRET_MAP_RELU,
		[EGRET_ACT_LEAKY_RELU] = EGRET_MAP_LEAKY_RELU,
		[EGRET_ACT_SIGMOID] = EGRET_MAP_SIGMOID,
		[EGRET_ACT_TANH] = EGRET_MAP_TANH,
		[EGRET_ACT_GELU] = EGRET_MAP_GELU,
		[EGRET_ACT_GELU_TANH] = EGRET_MAP_GELU_TANH,
		[EGRET_ACT_SILU] = EGRET_MAP_SILU,
	};

	switch (act) {
	case EGRET_ACT_NONE:
		break;
	case EGRET_ACT_CLAMP:
	case EGRET_ACT_HARD_SIGMOID:
	case EGRET_ACT_HARD_SWISH:
		run_clamps(act, v, n, a, b);
		break;
	default:
		egret_math((enum egret_map_op)map_op[act], v, n, a);
		break;
	}
}
