/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_PRECISION_H
#define NN_PRECISION_H

/*
 * Float32 values in fewer bits.
 *
 * A value has one plain representation in memory, and may have others beside it, for products.
 * The plain one is of the value's own type, or, if the model runs in bfloat16 or float16, of
 * that: then it is so for all values but the model's inputs and outputs and those that an operator
 * uses that is not known to be content with it. What is computed on the way from load to store
 * is float32 all the same, and sums of products always are.
 *
 * In int8, the plain representation stays what it is. Where a product is to read the value, a
 * second one is stored, of 8 bits with a scale and a zero point, by whoever computes the
 * value; and the plain one only if something else reads it. The scale comes from the range that
 * the value had when the model was calibrated. What a model's own DequantizeLinear makes is
 * such a representation as well: nothing is launched for it.
 */

#include "lower.h"

/* An element x of memory stands for (x - zero) * scale, or with a scale of 0 for itself. */
struct nn_encoding {
	enum nn_type type;
	float scale;
	int32_t zero;
};

/* A representation of a value beside the plain one; or the plain one, made from another. */
struct nn_copy {
	const struct nn_value *value;
	struct nn_encoding encoding;
	struct nn_ref ref;
	bool plain;
};

/* Find out which values are held in a narrow type, before anything is lowered. -ENOMEM. */
int nn_choose_held(struct nn_lower *lower);

/* Products whose operands, both of them, are encoded in the model's precision. */
bool nn_is_encoded_product(const struct nn_lower *lower, const struct nn_node *node);

/* Does the node read its input i in an encoding, and not as it is held? */
bool nn_reads_encoded(const struct nn_lower *lower, const struct nn_node *node, size_t i);

/* The encoding in which products read a value that is not known. False: as it is held. */
bool nn_encoding_of(const struct nn_lower *lower, const struct nn_value *value,
		    struct nn_encoding *encoding);

/* The value's representation in 8 bits, if it has one; or NULL. */
const struct nn_copy *nn_find_integers(const struct nn_lower *lower, const struct nn_value *value);

/*
 * A product whose operands the model itself has in integers: each is what DequantizeLinear made, of
 * a value or of constants. Such a product is one of integers in any precision.
 */
bool nn_is_integer_product(const struct nn_lower *lower, const struct nn_node *node);

/*
 * The integers that DequantizeLinear made a constant of, and their scales, for each index along the
 * dimension behind which `inner` elements lie, or one for all. NULL if it is none of these.
 */
const struct nn_value *nn_find_quantised(const struct nn_lower *lower, const struct nn_value *value,
					 int64_t inner, const struct nn_tensor **scales);

/*
 * DequantizeLinear, with one scale and zero point that are known: its result is its input in another
 * light. Returns false if it is another.
 */
bool nn_is_other_light(const struct nn_lower *lower, const struct nn_node *node,
		       struct nn_encoding *encoding);

/* The value has a representation there. -ENOMEM. */
int nn_add_copy(struct nn_lower *lower, const struct nn_copy *copy);

/* Where the value lies in an encoding; it is converted by a launch if it does not yet. */
int nn_place_encoded(struct nn_lower *lower, const struct nn_value *value,
		     const struct nn_encoding *encoding, struct nn_ref *ref);

/* Make the plain representation, at `to`, by a launch. */
int nn_decode_copy(struct nn_lower *lower, const struct nn_copy *copy, struct nn_ref to);

/* Steps of a program: -1 if there is no room. */
int nn_encode(struct nn_program *p, int number, const struct nn_encoding *encoding);
int nn_decode(struct nn_program *p, int number, const struct nn_encoding *encoding);

/* The bits of a number as an element of a float type. */
uint32_t nn_float_bits(enum nn_type type, float x);

#endif /* NN_PRECISION_H */
