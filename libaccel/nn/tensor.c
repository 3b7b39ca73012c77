// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Element types, shapes, and tensors in host memory.
 *
 * Small floats are described by their number of bits and their special values, and decoded and
 * encoded by one function for all of them. It is not fast. What has to be fast runs on
 * the card.
 */
#include "tensor.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	unsigned int bits;
} types[NN_TYPES] = {
	[NN_UNDEFINED] = { "undefined", 0 },
	[NN_F32] = { "float32", 32 },
	[NN_U8] = { "uint8", 8 },
	[NN_I8] = { "int8", 8 },
	[NN_U16] = { "uint16", 16 },
	[NN_I16] = { "int16", 16 },
	[NN_I32] = { "int32", 32 },
	[NN_I64] = { "int64", 64 },
	[NN_STRING] = { "string", 8 * sizeof(const char *) },
	[NN_BOOL] = { "bool", 8 },
	[NN_F16] = { "float16", 16 },
	[NN_F64] = { "float64", 64 },
	[NN_U32] = { "uint32", 32 },
	[NN_U64] = { "uint64", 64 },
	[NN_C64] = { "complex64", 64 },
	[NN_C128] = { "complex128", 128 },
	[NN_BF16] = { "bfloat16", 16 },
	[NN_F8E4M3FN] = { "float8e4m3fn", 8 },
	[NN_F8E4M3FNUZ] = { "float8e4m3fnuz", 8 },
	[NN_F8E5M2] = { "float8e5m2", 8 },
	[NN_F8E5M2FNUZ] = { "float8e5m2fnuz", 8 },
	[NN_U4] = { "uint4", 4 },
	[NN_I4] = { "int4", 4 },
	[NN_F4E2M1] = { "float4e2m1", 4 },
	[NN_F8E8M0] = { "float8e8m0", 8 },
	[NN_U2] = { "uint2", 2 },
	[NN_I2] = { "int2", 2 },
};

const char *nn_type_name(enum nn_type type)
{
	return (unsigned int)type < NN_TYPES ? types[type].name : "an unknown type";
}

unsigned int nn_type_bits(enum nn_type type)
{
	return (unsigned int)type < NN_TYPES ? types[type].bits : 0;
}

bool nn_shape_known(const struct nn_shape *shape)
{
	int i;

	for (i = 0; i < shape->rank; i++)
		if (shape->dims[i] < 0)
			return false;
	return shape->rank >= 0;
}

bool nn_shape_equal(const struct nn_shape *a, const struct nn_shape *b)
{
	return a->rank == b->rank &&
	       (a->rank <= 0 || !memcmp(a->dims, b->dims, a->rank * sizeof(a->dims[0])));
}

bool nn_shape_count(const struct nn_shape *shape, size_t *count)
{
	/* So that bytes of the widest type, and differences of addresses, do not overflow. */
	const size_t most = PTRDIFF_MAX / 16;
	size_t product = 1;
	bool empty = false;
	int i;

	for (i = 0; i < shape->rank; i++) {
		if (!shape->dims[i])
			empty = true;
		else if (__builtin_mul_overflow(product, (uint64_t)shape->dims[i], &product) ||
			 product > most)
			return false;
	}
	*count = empty ? 0 : product;
	return true;
}

size_t nn_bytes(enum nn_type type, size_t count)
{
	unsigned int bits = nn_type_bits(type);

	return bits >= 8 ? count * (bits / 8) : (count * bits + 7) / 8;
}

void nn_shape_print(const struct nn_shape *shape, const char *const *symbols,
		    size_t symbol_count, char *text, size_t size)
{
	const char *symbol;
	size_t used;
	int i;

	if (shape->rank < 0) {
		snprintf(text, size, "[...]");
		return;
	}
	snprintf(text, size, "[");
	for (i = 0; i < shape->rank; i++) {
		used = strlen(text);
		symbol = shape->dims[i] < 0 && (uint64_t)-shape->dims[i] < symbol_count ?
			 symbols[-shape->dims[i]] : NULL;
		if (shape->dims[i] >= 0)
			snprintf(text + used, size - used, "%s%lld", i ? ", " : "",
				 (long long)shape->dims[i]);
		else if (symbol)
			snprintf(text + used, size - used, "%s%.24s", i ? ", " : "", symbol);
		else
			snprintf(text + used, size - used, "%s?%lld", i ? ", " : "",
				 -(long long)shape->dims[i]);
	}
	used = strlen(text);
	snprintf(text + used, size - used, "]");
}

int nn_tensor_init(struct nn_tensor *tensor, enum nn_type type, const struct nn_shape *shape)
{
	size_t bytes;

	tensor->type = type;
	tensor->shape = *shape;
	tensor->data = NULL;
	if (!nn_type_bits(type))
		return -EINVAL;
	if (!nn_shape_count(shape, &tensor->count))
		return -EOVERFLOW;
	bytes = nn_bytes(type, tensor->count);
	/* Also an empty tensor has an address. */
	tensor->data = calloc(1, bytes ? bytes : 1);
	return tensor->data ? 0 : -ENOMEM;
}

int nn_tensor_copy(struct nn_tensor *tensor, const struct nn_tensor *from)
{
	int ret = nn_tensor_init(tensor, from->type, &from->shape);

	if (!ret && from->count)
		memcpy(tensor->data, from->data, nn_bytes(from->type, from->count));
	return ret;
}

int nn_tensor_copy_texts(struct nn_tensor *tensor, const struct nn_tensor *from)
{
	size_t bytes = nn_bytes(from->type, from->count), size, i;
	char *to;

	if (from->type != NN_STRING)
		return nn_tensor_copy(tensor, from);
	*tensor = *from;
	for (i = 0, size = bytes + 1; i < from->count; i++)
		size += strlen(nn_text(from, i)) + 1;
	tensor->data = malloc(size);
	if (!tensor->data)
		return -ENOMEM;
	for (i = 0, to = (char *)tensor->data + bytes; i < from->count; i++) {
		((const char **)tensor->data)[i] = to;
		to = stpcpy(to, nn_text(from, i)) + 1;
	}
	return 0;
}

void nn_tensor_release(struct nn_tensor *tensor)
{
	free(tensor->data);
	tensor->data = NULL;
}

/* ---- Small floats ---- */

struct small_float {
	unsigned int mantissa, exponent;	/* bits */
	int bias;
	bool has_sign;
	/* Of the largest exponent: infinities and NaNs, only one NaN, or plain numbers. */
	enum { IEEE, ONE_NAN, NO_NAN, NEGATIVE_ZERO_NAN } special;
};

static const struct small_float small_floats[NN_TYPES] = {
	[NN_F16] = { 10, 5, 15, true, IEEE },
	[NN_BF16] = { 7, 8, 127, true, IEEE },
	[NN_F8E4M3FN] = { 3, 4, 7, true, ONE_NAN },
	[NN_F8E4M3FNUZ] = { 3, 4, 8, true, NEGATIVE_ZERO_NAN },
	[NN_F8E5M2] = { 2, 5, 15, true, IEEE },
	[NN_F8E5M2FNUZ] = { 2, 5, 16, true, NEGATIVE_ZERO_NAN },
	[NN_F4E2M1] = { 1, 2, 1, true, NO_NAN },
};

static double decode(const struct small_float *f, uint32_t bits)
{
	uint32_t sign = bits >> (f->mantissa + f->exponent) & 1;
	uint32_t exponent = bits >> f->mantissa & ((1u << f->exponent) - 1);
	uint32_t mantissa = bits & ((1u << f->mantissa) - 1);
	uint32_t top = (1u << f->exponent) - 1;
	double value;

	if (f->special == IEEE && exponent == top)
		value = mantissa ? NAN : INFINITY;
	else if (f->special == ONE_NAN && exponent == top && mantissa == (1u << f->mantissa) - 1)
		value = NAN;
	else if (f->special == NEGATIVE_ZERO_NAN && sign && !exponent && !mantissa)
		return NAN;
	else if (exponent)
		value = ldexp((double)((1u << f->mantissa) + mantissa),
			      (int)exponent - f->bias - (int)f->mantissa);
	else
		value = ldexp((double)mantissa, 1 - f->bias - (int)f->mantissa);
	return sign ? -value : value;
}

/* Largest finite number, as bits without the sign. */
static uint32_t largest(const struct small_float *f)
{
	uint32_t all = (1u << (f->mantissa + f->exponent)) - 1;

	if (f->special == IEEE)
		return all - (1u << f->mantissa);
	return f->special == ONE_NAN ? all - 1 : all;
}

/* Rounded to nearest even. Beyond the largest: infinity if there is one, else NaN, else the largest. */
static uint32_t encode(const struct small_float *f, double value)
{
	uint32_t sign = (uint32_t)(signbit(value) != 0) << (f->mantissa + f->exponent);
	uint32_t all = (1u << (f->mantissa + f->exponent)) - 1, bits;
	uint32_t nan = f->special == NEGATIVE_ZERO_NAN ? all + 1 : sign | all;
	uint32_t overflow = f->special == IEEE ? sign | (largest(f) + 1) : nan;
	int exponent;
	double units;

	/* Who has no NaN has nothing better than the other zero. */
	if (isnan(value) && f->special == NO_NAN)
		return all + 1;
	if (isnan(value))
		return f->special == IEEE ? sign | (largest(f) + 1) | 1u << (f->mantissa - 1) : nan;
	if (f->special == NO_NAN)
		overflow = sign | all;
	if (isinf(value))
		return overflow;
	frexp(value, &exponent);
	exponent--;
	/* Zero has no exponent: it is one of the smallest. */
	if (value == 0 || exponent < 1 - f->bias)
		exponent = 1 - f->bias;
	if (exponent - (1 - f->bias) >= 1 << f->exponent)
		return overflow;
	/* In units of the last place; a carry out of the mantissa goes into the exponent. */
	units = nearbyint(ldexp(fabs(value), (int)f->mantissa - exponent));
	bits = ((uint32_t)(exponent - (1 - f->bias)) << f->mantissa) + (uint32_t)units;
	if (bits > largest(f))
		return overflow;
	if (f->special == NEGATIVE_ZERO_NAN && !bits)
		return 0;
	return sign | bits;
}

double nn_largest(enum nn_type type)
{
	return decode(&small_floats[type], largest(&small_floats[type]));
}

/* ---- Elements ---- */

static uint32_t get_bits(const uint8_t *data, size_t i, unsigned int bits)
{
	return data[i * bits / 8] >> (i * bits % 8) & ((1u << bits) - 1);
}

static void set_bits(uint8_t *data, size_t i, unsigned int bits, uint32_t value)
{
	unsigned int shift = i * bits % 8;
	uint8_t mask = (uint8_t)(((1u << bits) - 1) << shift);

	data[i * bits / 8] = (uint8_t)((data[i * bits / 8] & ~mask) | (value << shift & mask));
}

int64_t nn_get_int(const struct nn_tensor *t, size_t i)
{
	switch (t->type) {
	case NN_BOOL: return ((const uint8_t *)t->data)[i] != 0;
	case NN_U8: return ((const uint8_t *)t->data)[i];
	case NN_I8: return ((const int8_t *)t->data)[i];
	case NN_U16: return ((const uint16_t *)t->data)[i];
	case NN_I16: return ((const int16_t *)t->data)[i];
	case NN_U32: return ((const uint32_t *)t->data)[i];
	case NN_I32: return ((const int32_t *)t->data)[i];
	case NN_U64:
	case NN_I64: return ((const int64_t *)t->data)[i];
	case NN_U4: return get_bits(t->data, i, 4);
	case NN_I4: return (int64_t)(get_bits(t->data, i, 4) ^ 8) - 8;
	case NN_U2: return get_bits(t->data, i, 2);
	case NN_I2: return (int64_t)(get_bits(t->data, i, 2) ^ 2) - 2;
	default: return nn_cut_float(nn_get(t, i));
	}
}

double nn_get(const struct nn_tensor *t, size_t i)
{
	switch (t->type) {
	case NN_F32: return ((const float *)t->data)[i];
	case NN_F64: return ((const double *)t->data)[i];
	case NN_F16:
	case NN_BF16: return decode(&small_floats[t->type], ((const uint16_t *)t->data)[i]);
	case NN_F8E4M3FN:
	case NN_F8E4M3FNUZ:
	case NN_F8E5M2:
	case NN_F8E5M2FNUZ: return decode(&small_floats[t->type], ((const uint8_t *)t->data)[i]);
	case NN_F8E8M0: {
		uint8_t exponent = ((const uint8_t *)t->data)[i];

		return exponent == 255 ? NAN : ldexp(1, exponent - 127);
	}
	case NN_F4E2M1: return decode(&small_floats[t->type], get_bits(t->data, i, 4));
	case NN_U64: return (double)((const uint64_t *)t->data)[i];
	case NN_UNDEFINED:
	case NN_STRING:
	case NN_C64:
	case NN_C128: return NAN;
	default: return (double)nn_get_int(t, i);
	}
}

void nn_set_int(struct nn_tensor *t, size_t i, int64_t value)
{
	switch (t->type) {
	case NN_BOOL: ((uint8_t *)t->data)[i] = value != 0; break;
	case NN_U8:
	case NN_I8: ((uint8_t *)t->data)[i] = (uint8_t)value; break;
	case NN_U16:
	case NN_I16: ((uint16_t *)t->data)[i] = (uint16_t)value; break;
	case NN_U32:
	case NN_I32: ((uint32_t *)t->data)[i] = (uint32_t)value; break;
	case NN_U64:
	case NN_I64: ((int64_t *)t->data)[i] = value; break;
	case NN_U4:
	case NN_I4: set_bits(t->data, i, 4, (uint32_t)value); break;
	case NN_U2:
	case NN_I2: set_bits(t->data, i, 2, (uint32_t)value); break;
	default: nn_set(t, i, (double)value); break;
	}
}

/* Cut and saturated, because in C both the rest and a NaN would be undefined. */
int64_t nn_cut_float(double value)
{
	if (isnan(value))
		return 0;
	if (value >= 0x1p63)
		return INT64_MAX;
	return value <= -0x1p63 ? INT64_MIN : (int64_t)value;
}

static void set_integer(struct nn_tensor *t, size_t i, double value)
{
	unsigned int bits = nn_type_bits(t->type);
	bool is_signed = nn_in(NN_SIGNED | NN_SET(NN_I4) | NN_SET(NN_I2), t->type);
	double low = is_signed ? -ldexp(1, (int)bits - 1) : 0;
	double high = ldexp(1, (int)bits - is_signed);

	if (t->type == NN_U64) {
		((uint64_t *)t->data)[i] = !(value > 0) ? 0 :
					   value >= high ? UINT64_MAX : (uint64_t)value;
		return;
	}
	if (value >= high)
		value = bits < 64 ? high - 1 : value;
	else if (value < low)
		value = low;
	nn_set_int(t, i, nn_cut_float(value));
}

void nn_set(struct nn_tensor *t, size_t i, double value)
{
	switch (t->type) {
	case NN_F32: ((float *)t->data)[i] = (float)value; break;
	case NN_F64: ((double *)t->data)[i] = value; break;
	case NN_F16:
	case NN_BF16:
		((uint16_t *)t->data)[i] = (uint16_t)encode(&small_floats[t->type], value);
		break;
	case NN_F8E4M3FN:
	case NN_F8E4M3FNUZ:
	case NN_F8E5M2:
	case NN_F8E5M2FNUZ:
		((uint8_t *)t->data)[i] = (uint8_t)encode(&small_floats[t->type], value);
		break;
	case NN_F8E8M0: {
		int exponent;

		/* A power of two; 0 and below have none. */
		frexp(value, &exponent);
		exponent += 126;
		((uint8_t *)t->data)[i] = isnan(value) || isinf(value) ? 255 :
			!(value > 0) || exponent < 0 ? 0 : exponent > 254 ? 254 : (uint8_t)exponent;
		break;
	}
	case NN_F4E2M1: set_bits(t->data, i, 4, encode(&small_floats[t->type], value)); break;
	case NN_BOOL: ((uint8_t *)t->data)[i] = value != 0; break;
	case NN_UNDEFINED:
	case NN_STRING:
	case NN_C64:
	case NN_C128: break;
	default: set_integer(t, i, value); break;
	}
}
