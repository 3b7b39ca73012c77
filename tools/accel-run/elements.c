// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "accel-run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

unsigned int type_bits(uint32_t type)
{
	switch (type) {
	case ACCEL_NN_BOOL:
	case ACCEL_NN_UINT8:
	case ACCEL_NN_INT8: return 8;
	case ACCEL_NN_UINT16:
	case ACCEL_NN_INT16:
	case ACCEL_NN_FLOAT16:
	case ACCEL_NN_BFLOAT16: return 16;
	case ACCEL_NN_UINT32:
	case ACCEL_NN_INT32:
	case ACCEL_NN_FLOAT32: return 32;
	case ACCEL_NN_UINT64:
	case ACCEL_NN_INT64:
	case ACCEL_NN_FLOAT64: return 64;
	case ACCEL_NN_STRING: return 8 * sizeof(char *);
	default: return 0;
	}
}

bool type_is_float(uint32_t type)
{
	return type == ACCEL_NN_FLOAT32 || type == ACCEL_NN_FLOAT64 || type == ACCEL_NN_FLOAT16 ||
	       type == ACCEL_NN_BFLOAT16;
}

static double from_half(uint16_t bits)
{
	int exponent = bits >> 10 & 31, mantissa = bits & 1023;
	double value;

	if (exponent == 31)
		value = mantissa ? NAN : INFINITY;
	else if (exponent)
		value = ldexp(1024 + mantissa, exponent - 25);
	else
		value = ldexp(mantissa, -24);
	return bits >> 15 ? -value : value;
}

static double from_bfloat(uint16_t bits)
{
	uint32_t wide = (uint32_t)bits << 16;
	float value;

	memcpy(&value, &wide, sizeof(value));
	return value;
}

double get_element(const struct accel_nn_tensor *tensor, size_t i)
{
	const void *data = tensor->data;

	switch (tensor->type) {
	case ACCEL_NN_BOOL:
	case ACCEL_NN_UINT8: return ((const uint8_t *)data)[i];
	case ACCEL_NN_INT8: return ((const int8_t *)data)[i];
	case ACCEL_NN_UINT16: return ((const uint16_t *)data)[i];
	case ACCEL_NN_INT16: return ((const int16_t *)data)[i];
	case ACCEL_NN_UINT32: return ((const uint32_t *)data)[i];
	case ACCEL_NN_INT32: return ((const int32_t *)data)[i];
	case ACCEL_NN_UINT64: return (double)((const uint64_t *)data)[i];
	case ACCEL_NN_INT64: return (double)((const int64_t *)data)[i];
	case ACCEL_NN_FLOAT32: return (double)((const float *)data)[i];
	case ACCEL_NN_FLOAT64: return ((const double *)data)[i];
	case ACCEL_NN_FLOAT16: return from_half(((const uint16_t *)data)[i]);
	case ACCEL_NN_BFLOAT16: return from_bfloat(((const uint16_t *)data)[i]);
	default: return NAN;
	}
}

static uint16_t to_bfloat(double value)
{
	float narrow = (float)value;
	uint32_t bits;

	memcpy(&bits, &narrow, sizeof(bits));
	/* To the nearest, ties to even. */
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* The nearest integer that the type has. */
static double nearest(double value, double low, double high)
{
	return fmin(fmax(rint(value), low), high);
}

void set_element(struct accel_nn_tensor *tensor, size_t i, double value)
{
	void *data = tensor->data;
	_Float16 half;

	switch (tensor->type) {
	case ACCEL_NN_BOOL: ((uint8_t *)data)[i] = value != 0; break;
	case ACCEL_NN_UINT8: ((uint8_t *)data)[i] = (uint8_t)nearest(value, 0, 255); break;
	case ACCEL_NN_INT8: ((int8_t *)data)[i] = (int8_t)nearest(value, -128, 127); break;
	case ACCEL_NN_UINT16: ((uint16_t *)data)[i] = (uint16_t)nearest(value, 0, 65535); break;
	case ACCEL_NN_INT16: ((int16_t *)data)[i] = (int16_t)nearest(value, -32768, 32767); break;
	case ACCEL_NN_UINT32:
		((uint32_t *)data)[i] = (uint32_t)nearest(value, 0, UINT32_MAX);
		break;
	case ACCEL_NN_INT32:
		((int32_t *)data)[i] = (int32_t)nearest(value, INT32_MIN, INT32_MAX);
		break;
	/* Beyond 2^53 nobody's samples are. */
	case ACCEL_NN_UINT64: ((uint64_t *)data)[i] = (uint64_t)nearest(value, 0, 0x1p53); break;
	case ACCEL_NN_INT64: ((int64_t *)data)[i] = (int64_t)nearest(value, -0x1p53, 0x1p53); break;
	case ACCEL_NN_FLOAT32: ((float *)data)[i] = (float)value; break;
	case ACCEL_NN_FLOAT64: ((double *)data)[i] = value; break;
	case ACCEL_NN_FLOAT16:
		half = (_Float16)value;
		memcpy((uint16_t *)data + i, &half, sizeof(half));
		break;
	case ACCEL_NN_BFLOAT16: ((uint16_t *)data)[i] = to_bfloat(value); break;
	default: break;
	}
}

size_t count_elements(const struct accel_nn_tensor *tensor)
{
	size_t count = 1;
	uint32_t i;

	for (i = 0; i < tensor->rank; i++)
		count *= (size_t)tensor->dims[i];
	return count;
}

bool same_shape(const struct accel_nn_tensor *a, const struct accel_nn_tensor *b)
{
	return a->rank == b->rank && !memcmp(a->dims, b->dims, a->rank * sizeof(a->dims[0]));
}

const char *format_shape(char text[SHAPE_TEXT], const int64_t *dims, int rank,
			 const char *const *symbols)
{
	size_t used;
	int i;

	if (rank < 0)
		return strcpy(text, "[...]");
	strcpy(text, "[");
	for (i = 0; i < rank; i++) {
		used = strlen(text);
		if (dims[i] >= 0)
			snprintf(text + used, SHAPE_TEXT - used, "%s%lld", i ? ", " : "",
				 (long long)dims[i]);
		else
			snprintf(text + used, SHAPE_TEXT - used, "%s%.16s", i ? ", " : "",
				 symbols && symbols[i][0] ? symbols[i] : "?");
	}
	return strcat(text, "]");
}
