/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_OPERAND_H
#define NN_OPERAND_H

#include "precision.h"

/*
 * Which channel of the result an element of weights belongs to: element i of `total` to
 * i / (total / groups) * count + i / inner % count. One for all: counts of one.
 */
struct nn_channels {
	int64_t inner, count, groups;
};

#define NN_ONE_CHANNEL	((struct nn_channels){ .inner = 1, .count = 1, .groups = 1 })

/* What one of the two factors of a product is. */
struct nn_operand {
	const struct nn_value *value;
	enum nn_type from;		/* of a constant's elements in the model */
	struct nn_encoding encoding;	/* of the elements that the product reads */
	struct nn_channels channels;	/* of a constant in integers */
	float *scales;			/* for each channel; or NULL: that of the encoding */
	bool constant;
	bool swapped;			/* `value` has its last two dimensions the other way round */
	struct nn_shape shape;
	size_t count;			/* elements */
};

/* Find out how a product reads its input i. -ENOMEM. */
int nn_operand_init(struct nn_lower *lower, const struct nn_node *node, size_t i,
		    const struct nn_channels *channels, struct nn_operand *operand);
void nn_operand_release(struct nn_operand *operand);

static inline bool nn_operand_is_integer(const struct nn_operand *operand)
{
	return !nn_is_float(operand->encoding.type);
}

static inline int64_t nn_operand_size(const struct nn_operand *operand)
{
	return nn_type_bits(operand->encoding.type) / 8;
}

/* Element `to_i` of constants on the card is element `from_i` of the model's. */
void nn_operand_put(const struct nn_operand *operand, void *to, int64_t to_i, const void *from,
		    int64_t from_i);

/* Where it lies, in the order that it has in the model. */
int nn_operand_place(struct nn_lower *lower, const struct nn_operand *operand, struct nn_ref *ref);

/*
 * Where a constant lies whose elements are in another order: `make` writes them by nn_operand_put(),
 * and gets `opaque`.
 */
int nn_operand_arrange(struct nn_lower *lower, const struct nn_operand *operand, enum nn_form form,
		       void (*make)(void *to, const void *from, const void *opaque),
		       const void *opaque, struct nn_ref *ref);

/* Make, by a launch, what nn_value.swapped says of a value: for whom is no product on the card. */
int nn_swap_constant(struct nn_lower *lower, const struct nn_value *value, struct nn_ref to);

#endif /* NN_OPERAND_H */
