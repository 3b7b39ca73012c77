// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The computation in plain C. Floating-point operations and their order are those that
 * the chip's specification prescribes for the operations that kernels/nearest.c uses, so
 * the results must be the same to the bit:
 *
 *   a matrix product   one fused multiply-add for each k, in ascending k, from zero
 *   a sum of squares   32 partial sums, element j into sum j mod 32 by a fused
 *                      multiply-add, then combined in halves
 *
 * It is compiled without contraction, so that nothing else is fused.
 */
#include "digits.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static float dot(const float *a, size_t a_step, const float *b, size_t b_step, size_t k)
{
	float sum = 0;
	size_t i;

	for (i = 0; i < k; i++)
		sum = fmaf(a[i * a_step], b[i * b_step], sum);
	return sum;
}

#define PARTS 32

static float combine(float parts[PARTS])
{
	int half, i;

	for (half = PARTS / 2; half; half /= 2)
		for (i = 0; i < half; i++)
			parts[i] = parts[i] + parts[i + half];
	return parts[0];
}

static float sum_of_squares(const float *x, size_t count)
{
	float parts[PARTS] = { 0 };
	size_t i;

	for (i = 0; i < count; i++)
		parts[i % PARTS] = fmaf(x[i], x[i], parts[i % PARTS]);
	return combine(parts);
}

static float sum(const float *x, size_t step, size_t count)
{
	float parts[PARTS] = { 0 };
	size_t i;

	for (i = 0; i < count; i++)
		parts[i % PARTS] = parts[i % PARTS] + x[i * step];
	return combine(parts);
}

static void compute_means(const struct images *learn, float *means)
{
	float *one_hot = calloc(learn->count * CLASSES, sizeof(*one_hot));
	size_t i, c, f;

	if (!one_hot)
		abort();
	for (i = 0; i < learn->count; i++)
		one_hot[i * CLASSES + learn->labels[i]] = 1;
	for (c = 0; c < CLASSES; c++) {
		float count = sum(one_hot + c, CLASSES, learn->count);

		for (f = 0; f < FEATURES; f++)
			means[c * FEATURES + f] =
				dot(one_hot + c, CLASSES, learn->pixels + f, FEATURES,
				    learn->count) / count;
	}
	free(one_hot);
}

static void compute_float(const struct images *test, struct results *results)
{
	size_t i, c;

	for (i = 0; i < test->count; i++) {
		const float *x = test->pixels + i * FEATURES;
		float *distances = results->distances + i * CLASSES;
		float norm = sum_of_squares(x, FEATURES);

		results->nearest[i] = 0;
		for (c = 0; c < CLASSES; c++) {
			const float *m = results->means + c * FEATURES;
			float product = dot(x, 1, m, 1, FEATURES) * -2.0f;

			distances[c] = (product + sum_of_squares(m, FEATURES)) + norm;
			if (distances[c] < distances[results->nearest[i]])
				results->nearest[i] = c;
		}
	}
}

static int8_t quantise(float x)
{
	float scaled = rintf(x * QUANTISE_FACTOR);

	return scaled < -128 ? -128 : scaled > 127 ? 127 : (int8_t)scaled;
}

/* Integers are exact in any order. */
static void compute_bytes(const struct images *test, struct results *results)
{
	size_t i, c, f;

	for (i = 0; i < test->count; i++) {
		int32_t *distances = results->distances_s8 + i * CLASSES;

		results->nearest_s8[i] = 0;
		for (c = 0; c < CLASSES; c++) {
			distances[c] = 0;
			for (f = 0; f < FEATURES; f++) {
				int32_t d = quantise(test->pixels[i * FEATURES + f]) -
					    quantise(results->means[c * FEATURES + f]);

				distances[c] += d * d;
			}
			if (distances[c] < distances[results->nearest_s8[i]])
				results->nearest_s8[i] = c;
		}
	}
}

void reference_compute(const struct images *learn, const struct images *test,
		       struct results *results)
{
	compute_means(learn, results->means);
	compute_float(test, results);
	compute_bytes(test, results);
}
