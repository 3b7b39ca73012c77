// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "operand.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../error.h"
#include "move.h"

#define WHAT	"cannot plan the model"

/* Quantised weights lie in -127..127, so that they have no zero point. */
#define WEIGHT_MAX	127

static const void *contents(const struct nn_fact *fact)
{
	return fact->raw ? fact->raw : fact->tensor.data;
}

static float read_float(const void *from, int64_t i)
{
	float x;

	memcpy(&x, (const char *)from + i * (int64_t)sizeof(x), sizeof(x));
	return x;
}

static int64_t channel_of(const struct nn_operand *o, int64_t i)
{
	return i / ((int64_t)o->count / o->channels.groups) * o->channels.count +
	       i / o->channels.inner % o->channels.count;
}

/* A scale for each channel, from its largest magnitude. */
static int find_scales(struct nn_operand *o, const void *from)
{
	size_t channels = (size_t)(o->channels.count * o->channels.groups), i;

	o->scales = calloc(channels, sizeof(*o->scales));
	if (!o->scales)
		return accel_fail_errno(-ENOMEM, WHAT);
	for (i = 0; i < o->count; i++) {
		float *scale = &o->scales[channel_of(o, (int64_t)i)];

		*scale = fmaxf(*scale, fabsf(read_float(from, (int64_t)i)));
	}
	for (i = 0; i < channels; i++) {
		o->scales[i] /= WEIGHT_MAX;
		/* Nothing but zeros, or too little for a float. */
		if (!(o->scales[i] >= 0x1p-100f))
			o->scales[i] = 1;
	}
	return 0;
}

/* What the model itself has in integers. */
static int take_integers(struct nn_lower *lower, struct nn_operand *o)
{
	const struct nn_tensor *scales;
	size_t i;

	if (!o->constant) {
		o->encoding = nn_find_integers(lower, o->value)->encoding;
		return 0;
	}
	o->value = nn_find_quantised(lower, o->value, o->channels.inner, &scales);
	o->from = nn_fact_of(lower, o->value)->type;
	o->encoding = (struct nn_encoding){ .type = o->from, .scale = (float)nn_get(scales, 0) };
	if (scales->count == 1)
		return 0;
	o->scales = malloc(scales->count * sizeof(*o->scales));
	if (!o->scales)
		return accel_fail_errno(-ENOMEM, WHAT);
	for (i = 0; i < scales->count; i++)
		o->scales[i] = (float)nn_get(scales, i);
	return 0;
}

int nn_operand_init(struct nn_lower *lower, const struct nn_node *node, size_t i,
		    const struct nn_channels *channels, struct nn_operand *o)
{
	const struct nn_value *value = node->inputs[i];
	const struct nn_fact *fact = nn_fact_of(lower, value);

	*o = (struct nn_operand){ .value = value, .from = fact->type, .channels = *channels,
				  .shape = fact->shape, .constant = nn_is_known(fact) };
	if (value->swapped) {
		o->value = value->swapped;
		o->constant = true;
		o->swapped = true;
		/* Columns are rows there. */
		o->channels.inner = fact->shape.dims[fact->shape.rank - 2];
		fact = nn_fact_of(lower, o->value);
	}
	o->encoding.type = o->constant ? fact->type : nn_held_type(lower, value);
	nn_shape_count(&fact->shape, &o->count);
	if (nn_is_integer_product(lower, node))
		return take_integers(lower, o);
	if (!nn_is_encoded_product(lower, node))
		return 0;
	if (!o->constant) {
		struct nn_encoding encoding;

		if (nn_encoding_of(lower, value, &encoding))
			o->encoding = encoding;
		return 0;
	}
	o->encoding.type = lower->plan->card->precision;
	return o->encoding.type == NN_I8 ? find_scales(o, contents(fact)) : 0;
}

void nn_operand_release(struct nn_operand *o)
{
	free(o->scales);
	o->scales = NULL;
}

void nn_operand_put(const struct nn_operand *o, void *to, int64_t to_i, const void *from,
		    int64_t from_i)
{
	int64_t size = nn_operand_size(o);
	uint16_t bits;
	float x;

	if (o->from == o->encoding.type) {
		memcpy((char *)to + to_i * size, (const char *)from + from_i * size, (size_t)size);
		return;
	}
	x = read_float(from, from_i);
	if (nn_is_float(o->encoding.type)) {
		bits = (uint16_t)nn_float_bits(o->encoding.type, x);
		memcpy((char *)to + to_i * size, &bits, sizeof(bits));
		return;
	}
	x /= o->scales[channel_of(o, from_i)];
	/* Also what is no number is some. */
	((int8_t *)to)[to_i] = (int8_t)lrintf(fminf(fmaxf(x, -WEIGHT_MAX), WEIGHT_MAX));
}

static void in_order(void *to, const void *from, const void *opaque)
{
	const struct nn_operand *o = opaque;
	int64_t i;

	for (i = 0; i < (int64_t)o->count; i++)
		nn_operand_put(o, to, i, from, i);
}

/* Elements of a square are near each other, in the one order and in the other. */
#define SQUARE	16

static void put_square(const struct nn_operand *o, void *to, const void *from, int64_t first,
		       int64_t row, int64_t column)
{
	const int64_t rows = o->shape.dims[o->shape.rank - 2];
	const int64_t columns = o->shape.dims[o->shape.rank - 1];
	int64_t i, k;

	for (i = row; i < row + SQUARE && i < rows; i++)
		for (k = column; k < column + SQUARE && k < columns; k++)
			nn_operand_put(o, to, first + i * columns + k, from, first + k * rows + i);
}

static void in_other_order(void *to, const void *from, const void *opaque)
{
	const struct nn_operand *o = opaque;
	const int64_t rows = o->shape.dims[o->shape.rank - 2];
	const int64_t columns = o->shape.dims[o->shape.rank - 1];
	int64_t first, row, column;

	for (first = 0; first < (int64_t)o->count; first += rows * columns)
		for (row = 0; row < rows; row += SQUARE)
			for (column = 0; column < columns; column += SQUARE)
				put_square(o, to, from, first, row, column);
}

int nn_swap_constant(struct nn_lower *lower, const struct nn_value *value, struct nn_ref to)
{
	struct nn_move move = { .type = EGRET_TYPE_U32, .to = to };
	const struct nn_shape *shape = &nn_fact_of(lower, value)->shape;
	struct nn_copy plain = { .value = value, .ref = to, .plain = true };
	const int last = shape->rank - 1;
	int i, ret = nn_place_of(lower, value->swapped, &move.from);

	if (ret)
		return ret;
	move.rank = shape->rank;
	nn_strides(shape, NN_F32, move.to_stride);
	nn_strides(&nn_fact_of(lower, value->swapped)->shape, NN_F32, move.from_stride);
	for (i = 0; i <= last; i++)
		move.dims[i] = shape->dims[i];
	i = last - 1;
	move.from_stride[last] = move.from_stride[i];
	move.from_stride[i] = nn_type_bits(NN_F32) / 8;
	nn_this_step(lower)->where = NN_ON_CARD;
	ret = nn_launch_move(lower, &move);
	return ret ? ret : nn_add_copy(lower, &plain);
}

int nn_operand_place(struct nn_lower *lower, const struct nn_operand *o, struct nn_ref *ref)
{
	if (o->swapped && o->count)
		return nn_operand_arrange(lower, o, NN_FORM_SWAPPED, in_other_order, o, ref);
	if (o->constant && o->from != o->encoding.type)
		return nn_operand_arrange(lower, o, NN_FORM_PLAIN, in_order, o, ref);
	if (!o->constant && (o->encoding.scale != 0 ||
			     o->encoding.type != nn_held_type(lower, o->value)))
		return nn_place_encoded(lower, o->value, &o->encoding, ref);
	return nn_place_of(lower, o->value, ref);
}

/* Constants that plans share are told apart by their form: all but the rarest of channels. */
static bool is_shared(const struct nn_lower *lower, const struct nn_operand *o, int *axis)
{
	const struct nn_fact *fact = nn_fact_of(lower, o->value);
	int64_t inner = 1;

	*axis = 0;
	if (!o->scales || o->channels.count == 1)
		return fact->raw && o->channels.groups == 1;
	for (*axis = fact->shape.rank; inner < o->channels.inner && *axis > 1; (*axis)--)
		inner *= fact->shape.dims[*axis - 1];
	return fact->raw && o->channels.groups == 1 && inner == o->channels.inner;
}

int nn_operand_arrange(struct nn_lower *lower, const struct nn_operand *o, enum nn_form form,
		       void (*make)(void *to, const void *from, const void *opaque),
		       const void *opaque, struct nn_ref *ref)
{
	struct nn_fact *fact = nn_fact_of(lower, o->value);
	size_t bytes = o->count * (size_t)nn_operand_size(o);
	struct nn_plan *plan = lower->plan;
	void *arranged;
	int ret, axis;

	*ref = (struct nn_ref){ .storage = 0 };
	if (!is_shared(lower, o, &axis)) {
		arranged = malloc(bytes + 1);
		if (!arranged)
			return accel_fail_errno(-ENOMEM, WHAT);
		make(arranged, contents(fact), opaque);
		ret = nn_plan_constant(plan, arranged, bytes, ref);
		free(arranged);
		return ret;
	}
	ret = nn_plan_place(plan, bytes, ref);
	if (ret)
		return ret;
	plan->storages[ref->storage].fixed = true;
	return nn_card_weights(plan->card, fact->raw, NULL, bytes,
			       nn_form_of(form, o->encoding.type, axis), make, opaque, &plan->storages[ref->storage].address);
}
