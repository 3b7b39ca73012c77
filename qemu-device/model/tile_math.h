/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* Functions of the tile engine beyond correctly rounded arithmetic. */
#ifndef EGRET_MODEL_TILE_MATH_H
#define EGRET_MODEL_TILE_MATH_H

#include <stddef.h>

#include <egret/tile.h>

#include "tile_types.h"

/**
 * egret_math() - v[i] = op(v[i]) for a unary float operation of a map
 * @op: EGRET_MAP_SQRT to EGRET_MAP_ELU
 * @v: operands and results
 * @n: how many
 * @param: parameter of LEAKY_RELU and ELU
 */
void egret_math(enum egret_map_op op, float *v, size_t n, float param);

/** egret_math_pow() - v[i] = v[i] to the power e[i] */
void egret_math_pow(float *v, const float *e, size_t n);

/** egret_math_act() - v[i] = act(v[i]), with the activation's parameters */
void egret_math_act(enum egret_act act, float *v, size_t n, float a, float b);

/*
 * IEEE 754's maximum and minimum: NaN wins, -0 is below +0. Equal numbers differ in the sign
 * of zeros only, which is a matter of bits. Nothing but choices, so that loops with them
 * become vectors.
 */
static inline float egret_math_max(float a, float b)
{
	float r = a > b ? a : b;

	r = a == b ? f32_from_bits(f32_bits(a) & f32_bits(b)) : r;
	return __builtin_isunordered(a, b) ? __builtin_nanf("") : r;
}

static inline float egret_math_min(float a, float b)
{
	float r = a < b ? a : b;

	r = a == b ? f32_from_bits(f32_bits(a) | f32_bits(b)) : r;
	return __builtin_isunordered(a, b) ? __builtin_nanf("") : r;
}

#endif /* EGRET_MODEL_TILE_MATH_H */
