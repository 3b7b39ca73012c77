// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Floating point for the hart.
 *
 * Two roads lead to the same bits. The slow one takes numbers apart into sign,
 * exponent and a 64-bit significand and computes with integers: it knows all
 * rounding modes and exceptions, and nothing of the host. The fast one is the
 * host's own arithmetic, which is IEEE 754 with round to nearest even on every
 * host the model runs on. It is taken only where it cannot be told from the slow
 * one: rounding to nearest even, operands zero or normal, the result normal and
 * not at the edge of the range (so that neither overflow nor underflow happened),
 * and the inexact flag already set, as it is sticky and nobody can see it being
 * set again.
 */
#include "fp.h"

#include <math.h>
#include <string.h>

typedef unsigned __int128 u128;

/* A binary format: bits of exponent and of fraction. */
struct format {
	int exp_bits;
	int man_bits;
};

static const struct format f32 = { 8, 23 };
static const struct format f64 = { 11, 52 };

enum kind {
	ZERO,
	FINITE,
	INF,
	NAN_QUIET,
	NAN_SIGNALLING,
};

/* A number taken apart: (man / 2^63) * 2^exp, with bit 63 of man set if FINITE. */
struct number {
	enum kind kind;
	bool sign;
	int exp;
	uint64_t man;
};

static int bias(const struct format *f)
{
	return (1 << (f->exp_bits - 1)) - 1;
}

static int exp_max(const struct format *f)
{
	return (1 << f->exp_bits) - 1;
}

static uint64_t pack(const struct format *f, bool sign, uint64_t exp, uint64_t man)
{
	return (uint64_t)sign << (f->exp_bits + f->man_bits) | exp << f->man_bits | man;
}

static uint64_t canonical_nan(const struct format *f)
{
	return pack(f, false, exp_max(f), UINT64_C(1) << (f->man_bits - 1));
}

static uint64_t infinity(const struct format *f, bool sign)
{
	return pack(f, sign, exp_max(f), 0);
}

static struct number unpack(const struct format *f, uint64_t bits)
{
	uint64_t man = bits & ((UINT64_C(1) << f->man_bits) - 1);
	int exp = (int)(bits >> f->man_bits) & exp_max(f);
	struct number n = { .sign = bits >> (f->exp_bits + f->man_bits) & 1 };

	if (exp == exp_max(f)) {
		if (!man)
			n.kind = INF;
		else
			n.kind = man >> (f->man_bits - 1) ? NAN_QUIET : NAN_SIGNALLING;
	} else if (exp) {
		n.kind = FINITE;
		n.exp = exp - bias(f);
		n.man = UINT64_C(1) << 63 | man << (63 - f->man_bits);
	} else if (man) {
		int shift = __builtin_clzll(man);

		n.kind = FINITE;
		n.man = man << shift;
		n.exp = 1 - bias(f) + (63 - f->man_bits) - shift;
	}
	return n;
}

/* Whether to add one to the kept bits, given them and the bits cut off (half = 2^(cut-1)). */
static bool round_up(int rm, bool sign, bool odd, uint64_t rest, uint64_t half)
{
	switch (rm) {
	case EGRET_FP_RNE:
		return rest > half || (rest == half && odd);
	case EGRET_FP_RMM:
		return rest >= half;
	case EGRET_FP_RDN:
		return sign && rest;
	case EGRET_FP_RUP:
		return !sign && rest;
	default:
		return false;
	}
}

static uint64_t overflow(const struct format *f, bool sign, int rm, uint32_t *flags)
{
	bool to_inf = rm == EGRET_FP_RNE || rm == EGRET_FP_RMM ||
		      rm == (sign ? EGRET_FP_RDN : EGRET_FP_RUP);

	*flags |= EGRET_FP_OF | EGRET_FP_NX;
	if (to_inf)
		return infinity(f, sign);
	return pack(f, sign, exp_max(f) - 1, (UINT64_C(1) << f->man_bits) - 1);
}

/*
 * Round and encode (man / 2^63) * 2^exp; bit 63 of man is set, and bit 0 is
 * "sticky": set if anything below it was lost.
 */
static uint64_t round_pack(const struct format *f, bool sign, int exp, uint64_t man, int rm,
			   uint32_t *flags)
{
	int cut = 63 - f->man_bits;
	int biased = exp + bias(f);
	uint64_t half, rest, kept;
	bool tiny = false;

	if (biased <= 0) {
		int shift = 1 - biased;
		uint64_t normal_rest = man & ((UINT64_C(1) << cut) - 1);
		uint64_t normal_kept = man >> cut;

		/*
		 * Tininess is detected after rounding: as if the exponent had no
		 * lower end, would the result still be below the smallest normal?
		 */
		tiny = biased < 0 ||
		       normal_kept + round_up(rm, sign, normal_kept & 1, normal_rest,
					      UINT64_C(1) << (cut - 1)) <
		       UINT64_C(2) << f->man_bits;
		man = shift > 63 ? 1 : man >> shift | ((man << (64 - shift)) != 0);
		biased = 0;
	}
	half = UINT64_C(1) << (cut - 1);
	rest = man & ((UINT64_C(1) << cut) - 1);
	kept = man >> cut;
	if (rest) {
		*flags |= EGRET_FP_NX;
		if (tiny)
			*flags |= EGRET_FP_UF;
		kept += round_up(rm, sign, kept & 1, rest, half);
	}
	if (!biased) /* a carry into the implicit bit makes it the smallest normal */
		return pack(f, sign, 0, 0) + kept;
	if (kept >> (f->man_bits + 1)) {
		kept >>= 1;
		biased++;
	}
	if (biased >= exp_max(f))
		return overflow(f, sign, rm, flags);
	return pack(f, sign, biased, kept & ((UINT64_C(1) << f->man_bits) - 1));
}

/* The same for a 128-bit significand that need not be normalised; zero gives +0 or, rounding down, -0. */
static uint64_t round_pack128(const struct format *f, bool sign, int exp, u128 man, int rm,
			      uint32_t *flags)
{
	uint64_t high;
	int shift;

	if (!man)
		return pack(f, rm == EGRET_FP_RDN, 0, 0);
	high = (uint64_t)(man >> 64);
	shift = high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)man);
	man <<= shift;
	return round_pack(f, sign, exp - shift, (uint64_t)(man >> 64) | ((uint64_t)man != 0), rm,
			  flags);
}

static u128 shift_right_jam(u128 man, int shift)
{
	if (shift == 0)
		return man;
	if (shift > 127)
		return man != 0;
	return man >> shift | ((man << (128 - shift)) != 0);
}

static bool is_nan(struct number n)
{
	return n.kind == NAN_QUIET || n.kind == NAN_SIGNALLING;
}

static uint64_t propagate_nan(const struct format *f, bool signaling, uint32_t *flags)
{
	if (signaling)
		*flags |= EGRET_FP_NV;
	return canonical_nan(f);
}

static uint64_t invalid(const struct format *f, uint32_t *flags)
{
	*flags |= EGRET_FP_NV;
	return canonical_nan(f);
}

/*
 * a + b, each given by a 128-bit significand whose bit 126 or 125 leads, and the
 * exponent of bit 126. The lower bits that alignment may lose are jammed into
 * bit 0: they matter only if the exponents differ by 2 or more, and then at
 * most one bit cancels, so that what was lost stays below the rounding position.
 */
static uint64_t add128(const struct format *f, bool a_sign, int a_exp, u128 a, bool b_sign,
		       int b_exp, u128 b, int rm, uint32_t *flags)
{
	int exp = a_exp > b_exp ? a_exp : b_exp;

	a = shift_right_jam(a, exp - a_exp);
	b = shift_right_jam(b, exp - b_exp);
	if (a_sign == b_sign)
		return round_pack128(f, a_sign, exp + 1, a + b, rm, flags);
	if (a >= b)
		return round_pack128(f, a_sign, exp + 1, a - b, rm, flags);
	return round_pack128(f, b_sign, exp + 1, b - a, rm, flags);
}

static uint64_t soft_add(const struct format *f, uint64_t x, uint64_t y, int rm, uint32_t *flags)
{
	struct number a = unpack(f, x), b = unpack(f, y);

	if (is_nan(a) || is_nan(b))
		return propagate_nan(f, a.kind == NAN_SIGNALLING || b.kind == NAN_SIGNALLING, flags);
	if (a.kind == INF)
		return b.kind == INF && a.sign != b.sign ? invalid(f, flags) : x;
	if (b.kind == INF)
		return y;
	if (a.kind == ZERO && b.kind == ZERO)
		return a.sign == b.sign ? x : pack(f, rm == EGRET_FP_RDN, 0, 0);
	if (a.kind == ZERO)
		return y;
	if (b.kind == ZERO)
		return x;
	return add128(f, a.sign, a.exp, (u128)a.man << 63, b.sign, b.exp, (u128)b.man << 63, rm,
		      flags);
}

static uint64_t soft_mul(const struct format *f, uint64_t x, uint64_t y, int rm, uint32_t *flags)
{
	struct number a = unpack(f, x), b = unpack(f, y);
	bool sign = a.sign ^ b.sign;

	if (is_nan(a) || is_nan(b))
		return propagate_nan(f, a.kind == NAN_SIGNALLING || b.kind == NAN_SIGNALLING, flags);
	if (a.kind == INF || b.kind == INF)
		return a.kind == ZERO || b.kind == ZERO ? invalid(f, flags) : infinity(f, sign);
	if (a.kind == ZERO || b.kind == ZERO)
		return pack(f, sign, 0, 0);
	return round_pack128(f, sign, a.exp + b.exp + 1, (u128)a.man * b.man, rm, flags);
}

static uint64_t soft_div(const struct format *f, uint64_t x, uint64_t y, int rm, uint32_t *flags)
{
	struct number a = unpack(f, x), b = unpack(f, y);
	bool sign = a.sign ^ b.sign;
	u128 quotient, dividend;

	if (is_nan(a) || is_nan(b))
		return propagate_nan(f, a.kind == NAN_SIGNALLING || b.kind == NAN_SIGNALLING, flags);
	if (a.kind == INF)
		return b.kind == INF ? invalid(f, flags) : infinity(f, sign);
	if (b.kind == INF)
		return pack(f, sign, 0, 0);
	if (b.kind == ZERO) {
		if (a.kind == ZERO)
			return invalid(f, flags);
		*flags |= EGRET_FP_DZ;
		return infinity(f, sign);
	}
	if (a.kind == ZERO)
		return pack(f, sign, 0, 0);
	/* A quotient of 63 or 64 bits, its lowest one jammed with the remainder. */
	dividend = (u128)a.man << 63;
	quotient = dividend / b.man;
	quotient |= quotient * b.man != dividend;
	return round_pack128(f, sign, a.exp - b.exp + 64, quotient, rm, flags);
}

static uint64_t soft_sqrt(const struct format *f, uint64_t x, int rm, uint32_t *flags)
{
	struct number a = unpack(f, x);
	u128 rest, root = 0;

	if (is_nan(a))
		return propagate_nan(f, a.kind == NAN_SIGNALLING, flags);
	if (a.kind == ZERO)
		return x;
	if (a.sign)
		return invalid(f, flags);
	if (a.kind == INF)
		return x;
	/* Make the exponent even and take the root of a 127- or 128-bit integer, bit by bit. */
	rest = (u128)a.man << (a.exp & 1 ? 64 : 63);
	for (u128 bit = (u128)1 << 126; bit; bit >>= 2) {
		if (rest >= root + bit) {
			rest -= root + bit;
			root = (root >> 1) + bit;
		} else {
			root >>= 1;
		}
	}
	root |= rest != 0;
	return round_pack128(f, false, (a.exp - (a.exp & 1)) / 2 + 64, root, rm, flags);
}

static uint64_t soft_fma(const struct format *f, uint64_t x, uint64_t y, uint64_t z, int rm,
			 uint32_t *flags)
{
	struct number a = unpack(f, x), b = unpack(f, y), c = unpack(f, z);
	bool sign = a.sign ^ b.sign;

	if ((a.kind == INF && b.kind == ZERO) || (a.kind == ZERO && b.kind == INF))
		return invalid(f, flags);
	if (is_nan(a) || is_nan(b) || is_nan(c))
		return propagate_nan(f, a.kind == NAN_SIGNALLING || b.kind == NAN_SIGNALLING ||
					c.kind == NAN_SIGNALLING, flags);
	if (a.kind == INF || b.kind == INF)
		return c.kind == INF && c.sign != sign ? invalid(f, flags) : infinity(f, sign);
	if (c.kind == INF)
		return z;
	if (a.kind == ZERO || b.kind == ZERO) {
		if (c.kind != ZERO)
			return z;
		return c.sign == sign ? z : pack(f, rm == EGRET_FP_RDN, 0, 0);
	}
	if (c.kind == ZERO)
		return round_pack128(f, sign, a.exp + b.exp + 1, (u128)a.man * b.man, rm, flags);
	return add128(f, sign, a.exp + b.exp + 1, (u128)a.man * b.man >> 1, c.sign, c.exp,
		      (u128)c.man << 63, rm, flags);
}

/* Rounds to an integer and saturates as RISC-V does: NaN like the largest number. */
static uint64_t soft_to_int(const struct format *f, uint64_t x, enum egret_fp_int to, int rm,
			    uint32_t *flags)
{
	static const struct {
		uint64_t max, min;	/* min as a magnitude */
	} range[] = {
		[EGRET_FP_W] = { INT32_MAX, UINT64_C(1) << 31 },
		[EGRET_FP_WU] = { UINT32_MAX, 0 },
		[EGRET_FP_L] = { INT64_MAX, UINT64_C(1) << 63 },
		[EGRET_FP_LU] = { UINT64_MAX, 0 },
	};
	struct number a = unpack(f, x);
	uint64_t magnitude = 0, rest = 0, limit;
	bool too_large = false;

	if (is_nan(a)) {
		*flags |= EGRET_FP_NV;
		return range[to].max;
	}
	if (a.kind == INF || (a.kind == FINITE && a.exp > 63)) {
		too_large = true;
	} else if (a.kind == FINITE) {
		/* rest is the fraction in units of 2^-64, the lowest bit jammed */
		if (a.exp < -1) {
			rest = 1;
		} else if (a.exp == -1) {
			rest = a.man;
		} else {
			magnitude = a.man >> (63 - a.exp);
			rest = a.exp == 63 ? 0 : a.man << (a.exp + 1);
		}
		if (round_up(rm, a.sign, magnitude & 1, rest, UINT64_C(1) << 63))
			magnitude++; /* cannot wrap: with a fraction the integer has 63 bits at most */
	}
	limit = a.sign ? range[to].min : range[to].max;
	if (too_large || magnitude > limit) {
		*flags |= EGRET_FP_NV;
		return a.sign ? -range[to].min : range[to].max;
	}
	if (rest)
		*flags |= EGRET_FP_NX;
	return a.sign ? -magnitude : magnitude;
}

static uint64_t soft_from_int(const struct format *f, uint64_t x, bool is_signed, int rm,
			      uint32_t *flags)
{
	bool sign = is_signed && x >> 63;
	uint64_t magnitude = sign ? -x : x;
	int shift;

	if (!magnitude)
		return 0;
	shift = __builtin_clzll(magnitude);
	return round_pack(f, sign, 63 - shift, magnitude << shift, rm, flags);
}

static unsigned int classify(const struct format *f, uint64_t x)
{
	struct number a = unpack(f, x);
	bool subnormal = a.kind == FINITE && a.exp < 1 - bias(f);

	switch (a.kind) {
	case NAN_SIGNALLING:
		return 1 << 8;
	case NAN_QUIET:
		return 1 << 9;
	case INF:
		return a.sign ? 1 << 0 : 1 << 7;
	case ZERO:
		return a.sign ? 1 << 3 : 1 << 4;
	default:
		if (subnormal)
			return a.sign ? 1 << 2 : 1 << 5;
		return a.sign ? 1 << 1 : 1 << 6;
	}
}

/* Order of two numbers, neither NaN: as signed integers in sign-magnitude order, -0 == +0. */
static bool less(const struct format *f, uint64_t x, uint64_t y, bool or_equal)
{
	uint64_t sign = UINT64_C(1) << (f->exp_bits + f->man_bits);
	int64_t a = x & sign ? -(int64_t)(x & ~sign) : (int64_t)x;
	int64_t b = y & sign ? -(int64_t)(y & ~sign) : (int64_t)y;

	return or_equal ? a <= b : a < b;
}

static bool compare(const struct format *f, uint64_t x, uint64_t y, bool or_equal, uint32_t *flags)
{
	if (is_nan(unpack(f, x)) || is_nan(unpack(f, y))) {
		*flags |= EGRET_FP_NV;
		return false;
	}
	return less(f, x, y, or_equal);
}

static bool equal(const struct format *f, uint64_t x, uint64_t y, uint32_t *flags)
{
	struct number a = unpack(f, x), b = unpack(f, y);

	if (is_nan(a) || is_nan(b)) {
		if (a.kind == NAN_SIGNALLING || b.kind == NAN_SIGNALLING)
			*flags |= EGRET_FP_NV;
		return false;
	}
	return x == y || (a.kind == ZERO && b.kind == ZERO);
}

/* minimumNumber and maximumNumber: -0 is below +0, a NaN loses. */
static uint64_t min_max(const struct format *f, uint64_t x, uint64_t y, bool max, uint32_t *flags)
{
	struct number a = unpack(f, x), b = unpack(f, y);
	bool x_less;

	if (a.kind == NAN_SIGNALLING || b.kind == NAN_SIGNALLING)
		*flags |= EGRET_FP_NV;
	if (is_nan(a))
		return is_nan(b) ? canonical_nan(f) : y;
	if (is_nan(b))
		return x;
	if (a.kind == ZERO && b.kind == ZERO)
		x_less = a.sign && !b.sign;
	else
		x_less = less(f, x, y, false);
	return x_less != max ? x : y;
}

static uint64_t convert(const struct format *from, const struct format *to, uint64_t x, int rm,
			uint32_t *flags)
{
	struct number a = unpack(from, x);

	switch (a.kind) {
	case NAN_QUIET:
	case NAN_SIGNALLING:
		return propagate_nan(to, a.kind == NAN_SIGNALLING, flags);
	case INF:
		return infinity(to, a.sign);
	case ZERO:
		return pack(to, a.sign, 0, 0);
	default:
		return round_pack(to, a.sign, a.exp, a.man, rm, flags);
	}
}

/* ---- The fast road ------------------------------------------------------- */

/* Zero or normal. */
static inline bool plain32(uint32_t x)
{
	uint32_t exp = x >> 23 & 0xff;

	return (exp != 0 && exp != 0xff) || (x << 1) == 0;
}

static inline bool plain64(uint64_t x)
{
	uint64_t exp = x >> 52 & 0x7ff;

	return (exp != 0 && exp != 0x7ff) || (x << 1) == 0;
}

/* Surely no overflow and no underflow: exponent neither at the top nor one of the lowest two. */
static inline bool safe32(uint32_t x)
{
	return (x >> 23 & 0xff) - 2 < 0xff - 2;
}

static inline bool safe64(uint64_t x)
{
	return (x >> 52 & 0x7ff) - 2 < 0x7ff - 2;
}

static inline bool nobody_looks(int rm, const uint32_t *flags)
{
	return rm == EGRET_FP_RNE && (*flags & EGRET_FP_NX);
}

static inline float to_float(uint32_t x)
{
	float v;

	memcpy(&v, &x, sizeof(v));
	return v;
}

static inline double to_double(uint64_t x)
{
	double v;

	memcpy(&v, &x, sizeof(v));
	return v;
}

static inline uint32_t from_float(float v)
{
	uint32_t x;

	memcpy(&x, &v, sizeof(x));
	return x;
}

static inline uint64_t from_double(double v)
{
	uint64_t x;

	memcpy(&x, &v, sizeof(x));
	return x;
}

#define DEFINE_ARITHMETIC(T, bits, host, to_host, from_host, plain, safe, host_sqrt, host_fma)	\
T egret_f##bits##_add(T a, T b, int rm, uint32_t *flags)					\
{												\
	if (nobody_looks(rm, flags) && plain(a) && plain(b)) {					\
		T r = from_host(to_host(a) + to_host(b));					\
												\
		if (safe(r))									\
			return r;								\
	}											\
	return (T)soft_add(&f##bits, a, b, rm, flags);						\
}												\
												\
T egret_f##bits##_mul(T a, T b, int rm, uint32_t *flags)					\
{												\
	if (nobody_looks(rm, flags) && plain(a) && plain(b)) {					\
		T r = from_host(to_host(a) * to_host(b));					\
												\
		if (safe(r))									\
			return r;								\
	}											\
	return (T)soft_mul(&f##bits, a, b, rm, flags);						\
}												\
												\
T egret_f##bits##_div(T a, T b, int rm, uint32_t *flags)					\
{												\
	if (nobody_looks(rm, flags) && plain(a) && plain(b) && (T)(b << 1)) {			\
		T r = from_host(to_host(a) / to_host(b));					\
												\
		if (safe(r))									\
			return r;								\
	}											\
	return (T)soft_div(&f##bits, a, b, rm, flags);						\
}												\
												\
T egret_f##bits##_sqrt(T a, int rm, uint32_t *flags)						\
{												\
	if (nobody_looks(rm, flags) && plain(a) && !(a >> (bits - 1)))				\
		return from_host(host_sqrt(to_host(a)));					\
	return (T)soft_sqrt(&f##bits, a, rm, flags);						\
}												\
												\
T egret_f##bits##_fma(T a, T b, T c, int rm, uint32_t *flags)					\
{												\
	if (nobody_looks(rm, flags) && plain(a) && plain(b) && plain(c)) {			\
		T r = from_host(host_fma(to_host(a), to_host(b), to_host(c)));			\
												\
		if (safe(r))									\
			return r;								\
	}											\
	return (T)soft_fma(&f##bits, a, b, c, rm, flags);					\
}												\
												\
T egret_f##bits##_min(T a, T b, uint32_t *flags)						\
{												\
	return (T)min_max(&f##bits, a, b, false, flags);					\
}												\
												\
T egret_f##bits##_max(T a, T b, uint32_t *flags)						\
{												\
	return (T)min_max(&f##bits, a, b, true, flags);						\
}												\
												\
bool egret_f##bits##_eq(T a, T b, uint32_t *flags)						\
{												\
	return equal(&f##bits, a, b, flags);							\
}												\
												\
bool egret_f##bits##_lt(T a, T b, uint32_t *flags)						\
{												\
	return compare(&f##bits, a, b, false, flags);						\
}												\
												\
bool egret_f##bits##_le(T a, T b, uint32_t *flags)						\
{												\
	return compare(&f##bits, a, b, true, flags);						\
}												\
												\
unsigned int egret_f##bits##_class(T a)								\
{												\
	return classify(&f##bits, a);								\
}												\
												\
uint64_t egret_f##bits##_to_int(T a, enum egret_fp_int to, int rm, uint32_t *flags)		\
{												\
	return soft_to_int(&f##bits, a, to, rm, flags);						\
}												\
												\
T egret_f##bits##_from_int(uint64_t a, bool is_signed, int rm, uint32_t *flags)		\
{												\
	return (T)soft_from_int(&f##bits, a, is_signed, rm, flags);				\
}

DEFINE_ARITHMETIC(uint32_t, 32, float, to_float, from_float, plain32, safe32, sqrtf, fmaf)
DEFINE_ARITHMETIC(uint64_t, 64, double, to_double, from_double, plain64, safe64, sqrt, fma)

uint64_t egret_f32_to_f64(uint32_t a, uint32_t *flags)
{
	return convert(&f32, &f64, a, EGRET_FP_RNE, flags);
}

uint32_t egret_f64_to_f32(uint64_t a, int rm, uint32_t *flags)
{
	return (uint32_t)convert(&f64, &f32, a, rm, flags);
}
