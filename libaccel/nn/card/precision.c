// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "precision.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../error.h"
#include "extreme.h"
#include "move.h"

#define WHAT	"cannot plan the model"

/* ---- What is held in a narrow type ---- */

/* Operators that compute in float32 whatever they load, and lose little by what they load. */
static const char *const tolerant[] = {
	"Abs", "Add", "AveragePool", "BatchNormalization", "Celu", "Clip", "Conv", "ConvTranspose",
	"Div", "Elu", "Erf", "Exp", "Gelu", "Gemm", "GlobalAveragePool", "GlobalMaxPool",
	"HardSigmoid", "HardSwish", "LayerNormalization", "LeakyRelu", "LogSoftmax", "MatMul", "Max",
	"MaxPool", "Mean", "Min", "Mish", "Mul", "Neg", "PRelu", "Pow", "RMSNormalization",
	"Reciprocal", "ReduceL1", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum",
	"ReduceSumSquare", "Relu", "Selu", "Sigmoid", "Softmax", "Softplus", "Softsign", "Sqrt",
	"Sub", "Sum", "Swish", "Tanh", "Where",
};

/* Those that move elements: what they give is held as what they take. */
static const char *const movers[] = {
	"Concat", "Dropout", "Expand", "Flatten", "Gather", "Identity", "Pad", "Reshape", "Resize",
	"Slice", "Split", "Squeeze", "Transpose", "Unsqueeze", "Upsample",
};

static bool is_one_of(const struct nn_node *node, const char *const *names, size_t count)
{
	size_t i;

	for (i = 0; i < count && !node->domain[0]; i++)
		if (!strcmp(node->type, names[i]))
			return true;
	return false;
}

static bool is_tolerant(const struct nn_node *node)
{
	return is_one_of(node, tolerant, sizeof(tolerant) / sizeof(tolerant[0]));
}

static bool is_mover(const struct nn_node *node)
{
	return is_one_of(node, movers, sizeof(movers) / sizeof(movers[0]));
}

/* A value of floats that some node computes. */
static bool is_computed(const struct nn_lower *lower, const struct nn_value *value)
{
	const struct nn_fact *fact = nn_fact_of(lower, value);

	return nn_can_lower(fact) && fact->type == NN_F32 && value->producer && !nn_is_known(fact) &&
	       !value->swapped && value->graph == lower->plan->card->model->graph && !value->is_output;
}

/* What a node takes and gives is held as it is. Returns whether that is new for any of it. */
static bool hold_around(struct nn_lower *lower, const struct nn_node *node)
{
	struct nn_value *value;
	bool changed = false;
	size_t i, all;

	for (all = 0; nn_node_dependency(node, all, &value); all++)
		;
	for (i = 0; i < all + node->output_count; i++) {
		if (i < all)
			nn_node_dependency(node, i, &value);
		else
			value = node->outputs[i - all];
		if (!value)
			continue;
		changed |= lower->held[value->index] != NN_UNDEFINED;
		lower->held[value->index] = NN_UNDEFINED;
	}
	return changed;
}

/* A mover of floats has something that is held as float32, and something that is not. */
static bool is_mixed(const struct nn_lower *lower, const struct nn_node *node)
{
	size_t i;

	for (i = 0; i < node->input_count; i++)
		if (node->inputs[i] && nn_fact_of(lower, node->inputs[i])->type == NN_F32 &&
		    !lower->held[node->inputs[i]->index] &&
		    /* The constants among a mover's other inputs, such as a padding, are read here. */
		    (!i || !strcmp(node->type, "Concat")))
			return true;
	for (i = 0; i < node->output_count; i++)
		if (node->outputs[i] && !lower->held[node->outputs[i]->index])
			return true;
	return false;
}

/* All that is computed, but for what the type has no numbers for. */
static int hold_computed(struct nn_lower *lower, const struct nn_graph *graph, enum nn_type type)
{
	bool *extreme = nn_find_extremes(lower, type);
	size_t i, k;

	if (!extreme)
		return accel_fail_errno(-ENOMEM, WHAT);
	for (i = 0; i < graph->node_count; i++) {
		for (k = 0; k < graph->nodes[i]->output_count; k++) {
			const struct nn_value *value = graph->nodes[i]->outputs[k];

			if (value && !extreme[value->index] && is_computed(lower, value))
				lower->held[value->index] = type;
		}
	}
	free(extreme);
	return 0;
}

int nn_choose_held(struct nn_lower *lower)
{
	const struct nn_graph *graph = lower->plan->card->model->graph;
	enum nn_type type = lower->plan->card->precision;
	bool more;
	size_t i;
	int ret;

	if (type != NN_BF16 && type != NN_F16)
		return 0;
	ret = hold_computed(lower, graph, type);
	if (ret)
		return ret;
	for (i = 0; i < graph->node_count; i++)
		if (!is_tolerant(graph->nodes[i]) && !is_mover(graph->nodes[i]))
			hold_around(lower, graph->nodes[i]);
	do {
		more = false;
		for (i = 0; i < graph->node_count; i++)
			if (is_mover(graph->nodes[i]) && is_mixed(lower, graph->nodes[i]))
				more |= hold_around(lower, graph->nodes[i]);
	} while (more);
	return 0;
}

/* ---- Products ---- */

static bool has_range(const struct nn_lower *lower, const struct nn_value *value)
{
	const struct nn_range *ranges = lower->plan->card->ranges;

	return ranges && ranges[value->index].any && isfinite(ranges[value->index].low) &&
	       isfinite(ranges[value->index].high);
}

/* Each channel for itself: not for the matrix engine. */
static bool is_depthwise(const struct nn_lower *lower, const struct nn_node *node)
{
	const struct nn_shape *in = &nn_fact_of(lower, node->inputs[0])->shape;
	const struct nn_shape *weights = &nn_fact_of(lower, node->inputs[1])->shape;

	return weights->dims[1] == 1 && weights->dims[0] == in->dims[1];
}

static bool is_product(const struct nn_lower *lower, const struct nn_node *node)
{
	int rank;

	if (node->domain[0])
		return false;
	if (!strcmp(node->type, "MatMul") || !strcmp(node->type, "Gemm"))
		return true;
	if (strcmp(node->type, "Conv") && strcmp(node->type, "ConvTranspose"))
		return false;
	rank = nn_fact_of(lower, node->inputs[0])->shape.rank;
	return (rank == 3 || rank == 4) &&
	       (!strcmp(node->type, "ConvTranspose") || !is_depthwise(lower, node));
}

bool nn_is_encoded_product(const struct nn_lower *lower, const struct nn_node *node)
{
	size_t i;

	if (lower->plan->card->precision == NN_F32 || !is_product(lower, node))
		return false;
	for (i = 0; i < 2; i++) {
		const struct nn_fact *fact = nn_fact_of(lower, node->inputs[i]);

		if (!nn_can_lower(fact) || fact->type != NN_F32)
			return false;
		if (lower->plan->card->precision == NN_I8 && !nn_is_known(fact) &&
		    !node->inputs[i]->swapped && !has_range(lower, node->inputs[i]))
			return false;
	}
	return true;
}

bool nn_reads_encoded(const struct nn_lower *lower, const struct nn_node *node, size_t i)
{
	return i < 2 && nn_is_encoded_product(lower, node) &&
	       !nn_is_known(nn_fact_of(lower, node->inputs[i])) && !node->inputs[i]->swapped &&
	       !lower->held[node->inputs[i]->index];
}

/* ---- Models that are quantised ---- */

static bool is_byte(const struct nn_fact *fact)
{
	return fact->kind == NN_TENSOR && (fact->type == NN_I8 || fact->type == NN_U8);
}

/* A zero point that is left out is 0. */
static bool known_zero(const struct nn_lower *lower, const struct nn_node *node, size_t i,
		       double *zero)
{
	*zero = 0;
	return i >= node->input_count || !node->inputs[i] ||
	       nn_known_number(lower, node->inputs[i], zero);
}

bool nn_is_other_light(const struct nn_lower *lower, const struct nn_node *node,
		       struct nn_encoding *encoding)
{
	double scale, zero;

	if (strcmp(node->type, "DequantizeLinear") || node->domain[0] ||
	    !is_byte(nn_fact_of(lower, node->inputs[0])) ||
	    nn_fact_of(lower, node->outputs[0])->type != NN_F32 ||
	    !nn_known_number(lower, node->inputs[1], &scale) || !known_zero(lower, node, 2, &zero))
		return false;
	*encoding = (struct nn_encoding){ .type = nn_fact_of(lower, node->inputs[0])->type,
					  .scale = (float)scale, .zero = (int32_t)zero };
	/* A scale of 0 means something else here. */
	return isfinite(encoding->scale) && encoding->scale != 0;
}

/* All are zero: then it does not matter how many there are. */
static bool no_zeros(const struct nn_lower *lower, const struct nn_node *node)
{
	const struct nn_tensor *zero;
	size_t i;

	if (node->input_count < 3 || !node->inputs[2])
		return true;
	zero = nn_known(lower, node->inputs[2]);
	for (i = 0; zero && i < zero->count; i++)
		if (nn_get_int(zero, i))
			return false;
	return zero;
}

const struct nn_value *nn_find_quantised(const struct nn_lower *lower, const struct nn_value *value,
					 int64_t inner, const struct nn_tensor **scales)
{
	const struct nn_node *node = value->producer;
	const struct nn_fact *from;
	struct nn_call call;
	int64_t behind = 1;
	int axis, i;

	if (!node || node->domain[0] || strcmp(node->type, "DequantizeLinear"))
		return NULL;
	from = nn_fact_of(lower, node->inputs[0]);
	*scales = nn_known(lower, node->inputs[1]);
	if (!nn_is_known(from) || !is_byte(from) || !*scales || (*scales)->type != NN_F32 ||
	    !no_zeros(lower, node))
		return NULL;
	if ((*scales)->count == 1)
		return node->inputs[0];
	call = nn_call_of(lower, node);
	axis = node->op->since >= 13 ? (int)nn_attr_int(&call, "axis") : -1;
	axis += axis < 0 ? from->shape.rank : 0;
	if (axis < 0 || axis >= from->shape.rank || (*scales)->shape.rank != 1 ||
	    (*scales)->shape.dims[0] != from->shape.dims[axis])
		return NULL;
	for (i = axis + 1; i < from->shape.rank; i++)
		behind *= from->shape.dims[i];
	return behind == inner ? node->inputs[0] : NULL;
}

/* Elements behind each channel of a product's input, if each of its channels may have a scale. */
static int64_t channel_step(const struct nn_lower *lower, const struct nn_node *node, size_t i)
{
	const struct nn_shape *shape = &nn_fact_of(lower, node->inputs[i])->shape;
	struct nn_call call = nn_call_of(lower, node);
	int64_t step = 1;
	int k;

	if (i != 1 || !strcmp(node->type, "ConvTranspose"))
		return -1;
	if (!strcmp(node->type, "MatMul"))
		return shape->rank == 2 ? 1 : -1;
	if (!strcmp(node->type, "Gemm"))
		return nn_attr_int(&call, "transB") ? shape->dims[1] : 1;
	for (k = 1; k < shape->rank; k++)
		step *= shape->dims[k];
	return step;
}

bool nn_is_integer_product(const struct nn_lower *lower, const struct nn_node *node)
{
	const struct nn_tensor *scales;
	bool any = false;
	size_t i;

	if (!is_product(lower, node))
		return false;
	for (i = 0; i < 2; i++) {
		const struct nn_value *value = node->inputs[i];

		if (nn_fact_of(lower, value)->type != NN_F32)
			return false;
		if (nn_is_known(nn_fact_of(lower, value))) {
			if (!nn_find_quantised(lower, value, channel_step(lower, node, i), &scales))
				return false;
		} else if (!nn_find_integers(lower, value)) {
			return false;
		} else {
			any = true;
		}
	}
	return any;
}

/* The range with zero in it, on 0..255: zero itself, as in padding, is exact. */
static struct nn_encoding encoding_of_range(const struct nn_range *range)
{
	struct nn_encoding e = { .type = NN_U8 };
	double low = fmin(range->low, 0), high = fmax(range->high, 0);

	e.scale = (float)((high - low) / 255);
	if (e.scale < 0x1p-100f)
		e.scale = 1;
	e.zero = (int32_t)fmin(fmax(nearbyint(-low / (double)e.scale), 0), 255);
	return e;
}

bool nn_encoding_of(const struct nn_lower *lower, const struct nn_value *value,
		    struct nn_encoding *encoding)
{
	enum nn_type type = lower->plan->card->precision;

	if (type == NN_I8 && has_range(lower, value)) {
		*encoding = encoding_of_range(&lower->plan->card->ranges[value->index]);
		return true;
	}
	*encoding = (struct nn_encoding){ .type = type };
	return type != NN_I8 && type != NN_F32 && lower->held[value->index] != type;
}

/* ---- Representations ---- */

static const struct nn_copy *find_copy(const struct nn_lower *lower, const struct nn_value *value,
				       const struct nn_encoding *encoding)
{
	size_t i;

	for (i = 0; i < lower->copy_count; i++) {
		const struct nn_copy *copy = &lower->copies[i];

		if (copy->value == value && !copy->plain &&
		    (encoding ? copy->encoding.type == encoding->type &&
				copy->encoding.scale == encoding->scale &&
				copy->encoding.zero == encoding->zero : copy->encoding.scale != 0))
			return copy;
	}
	return NULL;
}

const struct nn_copy *nn_find_integers(const struct nn_lower *lower, const struct nn_value *value)
{
	return find_copy(lower, value, NULL);
}

int nn_add_copy(struct nn_lower *lower, const struct nn_copy *copy)
{
	if (lower->copy_count == lower->copy_room) {
		size_t room = lower->copy_room ? 2 * lower->copy_room : 64;
		struct nn_copy *more = realloc(lower->copies, room * sizeof(*more));

		if (!more)
			return accel_fail_errno(-ENOMEM, WHAT);
		lower->copies = more;
		lower->copy_room = room;
	}
	lower->copies[lower->copy_count++] = *copy;
	return 0;
}

int nn_encode(struct nn_program *p, int number, const struct nn_encoding *e)
{
	enum egret_type type = nn_card_type(e->type);

	if (e->scale == 0)
		return nn_program_map(p, EGRET_MAP_COPY, type, NN_VALUE(number), NN_NO_ARG, NN_NO_ARG);
	number = nn_program_map(p, EGRET_MAP_FMA, type, NN_VALUE(number), nn_number(1 / e->scale),
				nn_number((float)e->zero));
	if (number >= 0)
		p->step[p->steps - 1].flags = EGRET_MAP_SATURATE | EGRET_MAP_ROUND_EVEN;
	return number;
}

int nn_decode(struct nn_program *p, int number, const struct nn_encoding *e)
{
	if (e->scale == 0 || number < 0)
		return number;
	if (e->zero)
		number = nn_program_map(p, EGRET_MAP_SUB, EGRET_TYPE_S32, NN_VALUE(number),
					nn_integer(e->zero), NN_NO_ARG);
	return nn_map2(p, EGRET_MAP_MUL, EGRET_TYPE_F32, number, nn_number(e->scale));
}

/* Convert all elements of a value from one place to another. */
static int convert(struct nn_lower *lower, const struct nn_value *value,
		   const struct nn_encoding *from, struct nn_ref from_ref,
		   const struct nn_encoding *to, struct nn_ref to_ref)
{
	int64_t stride = nn_type_bits(from->type) / 8, to_stride = nn_type_bits(to->type) / 8, count;
	struct nn_program p;
	size_t elements;
	int number;

	nn_shape_count(&nn_fact_of(lower, value)->shape, &elements);
	count = (int64_t)elements;
	nn_program_init(&p, 1, &count);
	number = nn_program_load(&p, nn_card_type(from->type), from_ref, &stride);
	number = nn_decode(&p, number, from);
	number = nn_encode(&p, number, to);
	nn_program_store(&p, number, to_ref, &to_stride);
	nn_this_step(lower)->where = NN_ON_CARD;
	return nn_launch_program(lower, &p, false);
}

static struct nn_encoding held_encoding(const struct nn_lower *lower, const struct nn_value *value)
{
	return (struct nn_encoding){ .type = nn_held_type(lower, value) };
}

int nn_place_encoded(struct nn_lower *lower, const struct nn_value *value,
		     const struct nn_encoding *encoding, struct nn_ref *ref)
{
	struct nn_encoding held = held_encoding(lower, value);
	const struct nn_copy *copy = find_copy(lower, value, encoding);
	struct nn_copy new = { .value = value, .encoding = *encoding };
	struct nn_ref from;
	size_t count;
	int ret;

	if (copy) {
		*ref = copy->ref;
		return 0;
	}
	ret = nn_place_of(lower, value, &from);
	if (ret)
		return ret;
	nn_shape_count(&nn_fact_of(lower, value)->shape, &count);
	ret = nn_plan_place(lower->plan, nn_bytes(encoding->type, count), &new.ref);
	if (!ret)
		ret = convert(lower, value, &held, from, encoding, new.ref);
	*ref = new.ref;
	return ret ? ret : nn_add_copy(lower, &new);
}

int nn_decode_copy(struct nn_lower *lower, const struct nn_copy *copy, struct nn_ref to)
{
	struct nn_copy plain = { .value = copy->value, .ref = to, .plain = true };
	struct nn_encoding held = held_encoding(lower, copy->value);
	int ret = convert(lower, copy->value, &copy->encoding, copy->ref, &held, to);

	return ret ? ret : nn_add_copy(lower, &plain);
}

uint32_t nn_float_bits(enum nn_type type, float x)
{
	uint32_t bits = 0;
	struct nn_tensor one = { .type = type, .count = 1, .data = &bits };

	nn_set(&one, 0, x);
	return bits;
}
