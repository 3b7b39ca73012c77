// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "native.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* out[i] = expression of x = a[i] and y = b[i], in floats */
#define LOOP(name, expression)						\
void name(const struct native_work *w)					\
{									\
	const float *restrict a = w->a, *restrict b = w->b;		\
	float *restrict out = w->out;					\
									\
	for (size_t i = 0; i < w->rows * w->columns; i++) {		\
		float x = a[i], y = b[i];				\
									\
		(void)y;						\
		out[i] = (expression);					\
	}								\
}

LOOP(native_copy, x)
LOOP(native_add, x + y)
LOOP(native_multiply, x * y)
LOOP(native_divide, x / y)
LOOP(native_relu, x > 0 ? x : 0)
LOOP(native_sqrt, sqrtf(x))
LOOP(native_exp, expf(x))
LOOP(native_log, logf(x))
LOOP(native_tanh, tanhf(x))
LOOP(native_sigmoid, 1 / (1 + expf(-x)))
LOOP(native_erf, erff(x))
LOOP(native_gelu, x / 2 * (1 + erff(x * 0.70710678f)))
LOOP(native_silu, x / (1 + expf(-x)))
LOOP(native_sin, sinf(x))
LOOP(native_power, powf(x, y))

void native_to_bf16(const struct native_work *w)
{
	const uint32_t *restrict a = w->a;
	uint16_t *restrict out = w->out;

	for (size_t i = 0; i < w->rows * w->columns; i++)
		out[i] = (uint16_t)((a[i] + 0x7fff + (a[i] >> 16 & 1)) >> 16);
}

void native_from_s8(const struct native_work *w)
{
	const int8_t *restrict a = w->a;
	float *restrict out = w->out;

	for (size_t i = 0; i < w->rows * w->columns; i++)
		out[i] = a[i];
}

void native_to_s8(const struct native_work *w)
{
	const float *restrict a = w->a;
	int8_t *restrict out = w->out;

	for (size_t i = 0; i < w->rows * w->columns; i++) {
		float x = rintf(a[i]);

		x = x < -128 ? -128 : x;
		out[i] = (int8_t)(x > 127 ? 127 : x);
	}
}

void native_transpose(const struct native_work *w)
{
	const float *restrict a = w->a;
	float *restrict out = w->out;

	for (size_t r = 0; r < w->rows; r++)
		for (size_t c = 0; c < w->columns; c++)
			out[c * w->rows + r] = a[r * w->columns + c];
}

/* Without -ffast-math the order of additions is kept: one after the other. */
void native_sum(const struct native_work *w)
{
	const float *restrict a = w->a;
	float *restrict out = w->out;

	for (size_t r = 0; r < w->rows; r++) {
		float sum = 0;

		for (size_t c = 0; c < w->columns; c++)
			sum += a[r * w->columns + c];
		out[r] = sum;
	}
}

void native_max(const struct native_work *w)
{
	const float *restrict a = w->a;
	float *restrict out = w->out;

	for (size_t r = 0; r < w->rows; r++) {
		float max = -INFINITY;

		for (size_t c = 0; c < w->columns; c++)
			max = a[r * w->columns + c] > max ? a[r * w->columns + c] : max;
		out[r] = max;
	}
}

void native_argmax(const struct native_work *w)
{
	const float *restrict a = w->a;
	uint32_t *restrict out = w->out;

	for (size_t r = 0; r < w->rows; r++) {
		float max = -INFINITY;

		out[r] = 0;
		for (size_t c = 0; c < w->columns; c++)
			if (a[r * w->columns + c] > max) {
				max = a[r * w->columns + c];
				out[r] = (uint32_t)c;
			}
	}
}

void native_sum_columns(const struct native_work *w)
{
	const float *restrict a = w->a;
	float *restrict out = w->out;

	memset(out, 0, w->columns * sizeof(*out));
	for (size_t r = 0; r < w->rows; r++)
		for (size_t c = 0; c < w->columns; c++)
			out[c] += a[r * w->columns + c];
}

void native_read(const struct native_work *w)
{
	const uint64_t *restrict a = w->a;
	uint64_t x = 0;

	for (size_t i = 0; i < w->rows * w->columns / 8; i++)
		x ^= a[i];
	*(volatile uint64_t *)w->out = x;
}
