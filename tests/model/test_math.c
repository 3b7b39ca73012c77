// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The functions of the tile engine against long double: errors within the bounds of
 * Documentation/hardware/functions.rst, special values, symmetry, and the same bits whatever
 * surrounds an element.
 *
 * Operands are taken evenly from all bit patterns, so that all exponents occur alike. The
 * environment variable EGRET_TEST_MATH_STEP sets the distance; 1 tries all numbers.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tile_math.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define STEP		65521	/* a prime */
#define RUN		256

static float from_bits(uint32_t bits)
{
	float v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

static uint32_t to_bits(float v)
{
	uint32_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return bits;
}

/* Error in units of the last place of binary32 at the exact value. */
static double error_in_ulp(float result, long double exact)
{
	int exp;

	if (isnan(exact) || isnan(result))
		return isnan(exact) && isnan(result) ? 0 : INFINITY;
	if (fabsl(exact) >= 0x1.ffffffp127L)
		return isinf(result) && !signbit(result) == !signbit(exact) ? 0 : INFINITY;
	if (isinf(result))
		return INFINITY;
	if (exact == 0)
		return result == 0 ? 0 : INFINITY;
	frexpl(exact, &exp);
	exp = exp - 1 < -126 ? -126 : exp - 1;
	return (double)(fabsl(result - exact) / ldexpl(1, exp - 23));
}

static long double exact_sigmoid(long double a)
{
	return 1 / (1 + expl(-a));
}

static long double exact_gelu(long double a)
{
	return a == -INFINITY ? -0.0L : a / 2 * erfcl(-a / sqrtl(2));
}

static long double exact_gelu_tanh(long double a)
{
	long double u = sqrtl(2 / acosl(-1)) * (a + 0.044715L * a * a * a);

	return a == -INFINITY ? -0.0L : a * exact_sigmoid(2 * u);
}

static long double exact_silu(long double a)
{
	return a == -INFINITY ? -0.0L : a * exact_sigmoid(a);
}

static long double exact_softplus(long double a)
{
	return a > 0 ? a + log1pl(expl(-a)) : log1pl(expl(a));
}

#define ELU_PARAM	1.75f

static long double exact_elu(long double a)
{
	return a < 0 ? (long double)ELU_PARAM * expm1l(a) : a;
}

static const struct {
	const char *name;
	enum egret_map_op op;
	long double (*exact)(long double a);
	double bound;
	float most;		/* operands are |a| up to this */
} functions[] = {
	{ "exp", EGRET_MAP_EXP, expl, 1, INFINITY },
	{ "log", EGRET_MAP_LOG, logl, 1, INFINITY },
	{ "sin", EGRET_MAP_SIN, sinl, 2, 0x1p60f },
	{ "cos", EGRET_MAP_COS, cosl, 2, 0x1p60f },
	{ "tanh", EGRET_MAP_TANH, tanhl, 2, INFINITY },
	{ "erf", EGRET_MAP_ERF, erfl, 2, INFINITY },
	{ "sigmoid", EGRET_MAP_SIGMOID, exact_sigmoid, 2, INFINITY },
	{ "gelu", EGRET_MAP_GELU, exact_gelu, 4, INFINITY },
	{ "gelu_tanh", EGRET_MAP_GELU_TANH, exact_gelu_tanh, 4, INFINITY },
	{ "silu", EGRET_MAP_SILU, exact_silu, 3, INFINITY },
	{ "softplus", EGRET_MAP_SOFTPLUS, exact_softplus, 2, INFINITY },
	{ "elu", EGRET_MAP_ELU, exact_elu, 2, INFINITY },
};

static uint64_t step(void)
{
	const char *s = getenv("EGRET_TEST_MATH_STEP");

	return s ? strtoull(s, NULL, 0) : STEP;
}

static void check_run(size_t f, const float *operands, size_t n, double *worst)
{
	float v[RUN];

	memcpy(v, operands, n * sizeof(*v));
	egret_math(functions[f].op, v, n, functions[f].op == EGRET_MAP_ELU ? ELU_PARAM : 0);
	for (size_t i = 0; i < n; i++) {
		long double exact = functions[f].exact(operands[i]);
		double error = error_in_ulp(v[i], exact);

		if (error > functions[f].bound)
			fail_msg("%s(%a) is %a, exactly %La: %g ulp", functions[f].name, operands[i],
				 v[i], exact, error);
		if (error > *worst)
			*worst = error;
	}
}

static void test_bounds(void **state)
{
	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(functions); f++) {
		float operands[RUN];
		double worst = 0;
		size_t n = 0;

		for (uint64_t bits = 0; bits < UINT64_C(1) << 32; bits += step()) {
			float a = from_bits((uint32_t)bits);

			if (fabsf(a) > functions[f].most)
				continue;
			operands[n++] = a;
			if (n == RUN) {
				check_run(f, operands, n, &worst);
				n = 0;
			}
		}
		check_run(f, operands, n, &worst);
		print_message("%s: worst error %.4f ulp\n", functions[f].name, worst);
	}
}

static void test_pow(void **state)
{
	double worst = 0;

	(void)state;
	for (uint64_t i = 0; i < 200000; i++) {
		uint64_t mixed = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
		float a = from_bits((uint32_t)(mixed >> 32) & 0x7fffffff), b, v;
		double error;

		/* exponents for which the result is a number, as often as not */
		b = from_bits((uint32_t)mixed & 0x807fffff) * 0x1p126f;
		b *= i & 1 ? 1 : 40 / (fabsf(logf(a)) + 1);
		v = a;
		egret_math_pow(&v, &b, 1);
		error = error_in_ulp(v, powl(a, b));
		if (error > 4)
			fail_msg("pow(%a, %a) is %a: %g ulp", a, b, v, error);
		if (error > worst)
			worst = error;
	}
	print_message("pow: worst error %.4f ulp\n", worst);
}

/* C's Annex F, as the C library of the host has it. */
static void test_pow_special(void **state)
{
	static const float values[] = {
		0.0f, -0.0f, 1, -1, 2, -2, 0.5f, -0.5f, 3, -3, 1e10f, -1e10f, 16777217, 16777215,
		-16777215, INFINITY, -INFINITY, NAN, 2.5f, -2.5f, 0x1p-149f, -0x1p-149f, 1e-30f,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		for (size_t j = 0; j < ARRAY_SIZE(values); j++) {
			float v = values[i], b = values[j], expected = powf(v, b);

			egret_math_pow(&v, &b, 1);
			if (error_in_ulp(v, powl(values[i], b)) > 4 ||
			    (!isnan(expected) && !signbit(v) != !signbit(expected)))
				fail_msg("pow(%a, %a) is %a, not %a", values[i], b, v, expected);
		}
}

static void test_special_values(void **state)
{
	static const struct {
		enum egret_map_op op;
		float minus_inf, minus_zero, plus_zero, plus_inf;
	} cases[] = {
		{ EGRET_MAP_EXP, 0.0f, 1, 1, INFINITY },
		{ EGRET_MAP_LOG, NAN, -INFINITY, -INFINITY, INFINITY },
		{ EGRET_MAP_SIN, NAN, -0.0f, 0.0f, NAN },
		{ EGRET_MAP_COS, NAN, 1, 1, NAN },
		{ EGRET_MAP_TANH, -1, -0.0f, 0.0f, 1 },
		{ EGRET_MAP_ERF, -1, -0.0f, 0.0f, 1 },
		{ EGRET_MAP_SIGMOID, 0.0f, 0.5f, 0.5f, 1 },
		{ EGRET_MAP_GELU, -0.0f, -0.0f, 0.0f, INFINITY },
		{ EGRET_MAP_GELU_TANH, -0.0f, -0.0f, 0.0f, INFINITY },
		{ EGRET_MAP_SILU, -0.0f, -0.0f, 0.0f, INFINITY },
		{ EGRET_MAP_SOFTPLUS, 0.0f, 0x1.62e43p-1f, 0x1.62e43p-1f, INFINITY },
		{ EGRET_MAP_ELU, -ELU_PARAM, -0.0f, 0.0f, INFINITY },
		{ EGRET_MAP_SQRT, NAN, -0.0f, 0.0f, INFINITY },
		{ EGRET_MAP_RSQRT, NAN, -INFINITY, INFINITY, 0.0f },
		{ EGRET_MAP_RECIP, -0.0f, -INFINITY, INFINITY, 0.0f },
		{ EGRET_MAP_RELU, 0.0f, 0.0f, 0.0f, INFINITY },
		{ EGRET_MAP_LEAKY_RELU, -INFINITY, -0.0f, 0.0f, INFINITY },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const float expected[] = { cases[i].minus_inf, cases[i].minus_zero, cases[i].plus_zero,
					   cases[i].plus_inf, NAN, NAN };
		float v[] = { -INFINITY, -0.0f, 0.0f, INFINITY, NAN, from_bits(0xff812345) };

		egret_math(cases[i].op, v, ARRAY_SIZE(v), ELU_PARAM);
		for (size_t j = 0; j < ARRAY_SIZE(v); j++) {
			uint32_t bits = isnan(expected[j]) ? 0x7fc00000 : to_bits(expected[j]);

			if (isnan(v[j]) ? !isnan(expected[j]) : to_bits(v[j]) != bits)
				fail_msg("operation %#x, value %zu: %a", cases[i].op, j, v[j]);
		}
	}
}

static void test_symmetry(void **state)
{
	static const struct {
		enum egret_map_op op;
		float sign;
	} cases[] = {
		{ EGRET_MAP_SIN, -1 }, { EGRET_MAP_COS, 1 }, { EGRET_MAP_TANH, -1 }, { EGRET_MAP_ERF, -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (uint32_t bits = 0; bits < 0x7f800000; bits += 104729) {
			float v[2] = { from_bits(bits), -from_bits(bits) };

			egret_math(cases[i].op, v, 2, 0);
			assert_true(to_bits(v[1]) == to_bits(v[0] * cases[i].sign));
			assert_true(fabsf(v[0]) <= 1);
		}
}

/* An element's result does not depend on where in a run it is. */
static void test_position(void **state)
{
	float operands[67], together[67];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(operands); i++)
		operands[i] = from_bits((uint32_t)((i + 1) * 2654435761u));
	for (unsigned int op = EGRET_MAP_SQRT; op <= EGRET_MAP_ELU; op++) {
		memcpy(together, operands, sizeof(together));
		egret_math((enum egret_map_op)op, together, ARRAY_SIZE(together), ELU_PARAM);
		for (size_t i = 0; i < ARRAY_SIZE(operands); i++) {
			float alone = operands[i];

			egret_math((enum egret_map_op)op, &alone, 1, ELU_PARAM);
			assert_true(to_bits(alone) == to_bits(together[i]));
		}
	}
}

/* Activations are the map operations of the same name. */
static void test_activations(void **state)
{
	static const struct {
		enum egret_act act;
		enum egret_map_op op;
	} same[] = {
		{ EGRET_ACT_RELU, EGRET_MAP_RELU }, { EGRET_ACT_LEAKY_RELU, EGRET_MAP_LEAKY_RELU },
		{ EGRET_ACT_SIGMOID, EGRET_MAP_SIGMOID }, { EGRET_ACT_TANH, EGRET_MAP_TANH },
		{ EGRET_ACT_GELU, EGRET_MAP_GELU }, { EGRET_ACT_GELU_TANH, EGRET_MAP_GELU_TANH },
		{ EGRET_ACT_SILU, EGRET_MAP_SILU },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		for (uint64_t bits = 0; bits < UINT64_C(1) << 32; bits += 1048573) {
			float a = from_bits((uint32_t)bits), b = a;

			egret_math_act(same[i].act, &a, 1, 0.25f, 0);
			egret_math(same[i].op, &b, 1, 0.25f);
			assert_true(to_bits(a) == to_bits(b));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_pow),
		cmocka_unit_test(test_pow_special),
		cmocka_unit_test(test_special_values),
		cmocka_unit_test(test_symmetry),
		cmocka_unit_test(test_position),
		cmocka_unit_test(test_activations),
	};

	return cmocka_run_group_tests_name("math", tests, NULL, NULL);
}
