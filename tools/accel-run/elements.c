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

size_t count_elements(const struct accel_nn_tensor *tensor)
{
	size_t count = 1;
	uint32_t i;

	for (i = 0; i < tensor->rank; i++)
		count *= (size_t)tensor->dims[i];
	return count;
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
