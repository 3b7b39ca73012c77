/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_TENSOR_H
#define NN_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Element types. The numbers are those of ONNX's TensorProto.DataType. */
enum nn_type {
	NN_UNDEFINED = 0,
	NN_F32 = 1,
	NN_U8 = 2,
	NN_I8 = 3,
	NN_U16 = 4,
	NN_I16 = 5,
	NN_I32 = 6,
	NN_I64 = 7,
	NN_STRING = 8,
	NN_BOOL = 9,
	NN_F16 = 10,
	NN_F64 = 11,
	NN_U32 = 12,
	NN_U64 = 13,
	NN_C64 = 14,
	NN_C128 = 15,
	NN_BF16 = 16,
	NN_F8E4M3FN = 17,
	NN_F8E4M3FNUZ = 18,
	NN_F8E5M2 = 19,
	NN_F8E5M2FNUZ = 20,
	NN_U4 = 21,
	NN_I4 = 22,
	NN_F4E2M1 = 23,
	NN_F8E8M0 = 24,
	NN_U2 = 25,
	NN_I2 = 26,
	NN_TYPES,
};

/* Sets of types, for the operators' constraints. */
#define NN_SET(type)	(1u << (type))
#define NN_FLOATS	(NN_SET(NN_F32) | NN_SET(NN_F16) | NN_SET(NN_F64) | NN_SET(NN_BF16))
#define NN_SIGNED	(NN_SET(NN_I8) | NN_SET(NN_I16) | NN_SET(NN_I32) | NN_SET(NN_I64))
#define NN_UNSIGNED	(NN_SET(NN_U8) | NN_SET(NN_U16) | NN_SET(NN_U32) | NN_SET(NN_U64))
#define NN_INTEGERS	(NN_SIGNED | NN_UNSIGNED)
#define NN_NUMBERS	(NN_FLOATS | NN_INTEGERS)
/* What moves elements about, and does not look at them, takes all that have whole bytes. */
#define NN_PLAIN	(NN_NUMBERS | NN_SET(NN_BOOL) | NN_SET(NN_C64) | NN_SET(NN_C128) | \
			 NN_SET(NN_STRING) | NN_SET(NN_F8E4M3FN) | NN_SET(NN_F8E4M3FNUZ) | NN_SET(NN_F8E5M2) | \
			 NN_SET(NN_F8E5M2FNUZ) | NN_SET(NN_F8E8M0))

/* Several to a byte. */
#define NN_SMALL	(NN_SET(NN_U4) | NN_SET(NN_I4) | NN_SET(NN_U2) | NN_SET(NN_I2) | \
			 NN_SET(NN_F4E2M1))

static inline bool nn_in(unsigned int set, enum nn_type type)
{
	return set >> type & 1;
}

/* "float32", or "type 77" for what is none. */
const char *nn_type_name(enum nn_type type);

/*
 * Bits of an element; 0 for what is no type. An element of a string tensor is a pointer to text
 * that is somebody else's: of the model, or of the facts (nn_facts.texts), so that whoever
 * moves elements moves texts as well.
 */
unsigned int nn_type_bits(enum nn_type type);

/* More dimensions than any operator of use has. */
#define NN_RANK_MAX	8

/* A size that is not known has a symbol: a negative number that stands for the same size everywhere. */
struct nn_shape {
	int rank;			/* -1 if not even that is known */
	int64_t dims[NN_RANK_MAX];
};

bool nn_shape_known(const struct nn_shape *shape);
bool nn_shape_equal(const struct nn_shape *a, const struct nn_shape *b);

/*
 * Number of elements, of a shape that is known. Returns false if it, or its size in bytes for
 * any type, is too large to count; dimensions of zero do not hide that.
 */
bool nn_shape_count(const struct nn_shape *shape, size_t *count);

/* Bytes of `count` elements; those of less than a byte are packed, the first lowest. */
size_t nn_bytes(enum nn_type type, size_t count);

/* "[1, 3, H, W]": at most `size` bytes. Symbols without a name print as ?N. */
void nn_shape_print(const struct nn_shape *shape, const char *const *symbols,
		    size_t symbol_count, char *text, size_t size);

/* A tensor in host memory, dense, the last dimension fastest. */
struct nn_tensor {
	enum nn_type type;
	struct nn_shape shape;	/* known */
	size_t count;
	void *data;		/* aligned for any element */
};

/* Allocate a tensor, zeroed: 0, -EOVERFLOW or -ENOMEM. */
int nn_tensor_init(struct nn_tensor *tensor, enum nn_type type, const struct nn_shape *shape);
/* The same with another one's contents; the texts of strings are not copied. */
int nn_tensor_copy(struct nn_tensor *tensor, const struct nn_tensor *from);
/* The texts as well: they lie behind the elements, and end with them. */
int nn_tensor_copy_texts(struct nn_tensor *tensor, const struct nn_tensor *from);
void nn_tensor_release(struct nn_tensor *tensor);

/* An element of a string tensor; zeroed ones are empty. */
static inline const char *nn_text(const struct nn_tensor *tensor, size_t i)
{
	const char *text = ((const char *const *)tensor->data)[i];

	return text ? text : "";
}

/*
 * Elements by number, of any type that is not complex or a string. Floats and their like are
 * exact in a double; 64-bit integers are not, they have functions of their own.
 * Storing rounds to the nearest, ties to even; floats to integers are cut, and saturate.
 */
double nn_get(const struct nn_tensor *tensor, size_t i);
void nn_set(struct nn_tensor *tensor, size_t i, double value);
int64_t nn_get_int(const struct nn_tensor *tensor, size_t i);
/* What an integer becomes of a float: cut, saturated to 64 bits, 0 of a NaN. */
int64_t nn_cut_float(double value);
/* The largest finite number of a float type of less than 32 bits. */
double nn_largest(enum nn_type type);
/* Keeps the low bits. */
void nn_set_int(struct nn_tensor *tensor, size_t i, int64_t value);

static inline bool nn_is_float(enum nn_type type)
{
	return nn_in(NN_FLOATS, type) || (type >= NN_F8E4M3FN && type <= NN_F8E5M2FNUZ) ||
	       type == NN_F4E2M1 || type == NN_F8E8M0;
}

#endif /* NN_TENSOR_H */
