// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Operators that work element by element, as operations of the tile engine.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lower.h"

/* What a function of the table works with. */
struct element {
	struct nn_group *group;
	const struct nn_node *node;
	enum nn_type type;		/* of the first input */
	enum egret_type out;		/* of the result */
	enum egret_map_op op;		/* from the table */
};

#define WORK	EGRET_TYPE_F32	/* of what lies between the steps of one operator */

static int map1(const struct element *e, enum egret_map_op op, enum egret_type type, int a)
{
	return nn_map1(&e->group->program, op, type, a);
}

static int map2(const struct element *e, enum egret_map_op op, enum egret_type type, int a,
		struct nn_arg b)
{
	return nn_map2(&e->group->program, op, type, a, b);
}

static int map3(const struct element *e, enum egret_map_op op, enum egret_type type, int a,
		struct nn_arg b, struct nn_arg c)
{
	return nn_map3(&e->group->program, op, type, a, b, c);
}

static int input(const struct element *e, size_t i)
{
	return i < e->node->input_count && e->node->inputs[i] ?
	       nn_group_value(e->group, e->node->inputs[i]) : -1;
}

static struct nn_arg input_arg(const struct element *e, size_t i)
{
	return i < e->node->input_count && e->node->inputs[i] ?
	       nn_group_arg(e->group, e->node->inputs[i]) : NN_VALUE(-1);
}

static float attr(const struct element *e, const char *name)
{
	struct nn_call call = nn_call_of(e->group->lower, e->node);

	return nn_attr_float(&call, name);
}

static int64_t attr_int(const struct element *e, const char *name)
{
	struct nn_call call = nn_call_of(e->group->lower, e->node);

	return nn_attr_int(&call, name);
}

static void set_param(const struct element *e, float value)
{
	struct nn_program *p = &e->group->program;

	if (p->steps)
		p->step[p->steps - 1].param = nn_number(value).bits;
}

/* ---- One input ---- */

static int unary(const struct element *e)
{
	return map1(e, e->op, e->out, input(e, 0));
}

static int copy(const struct element *e)
{
	return map1(e, EGRET_MAP_COPY, e->out, input(e, 0));
}

static int with_alpha(const struct element *e)
{
	int x = map1(e, e->op, e->out, input(e, 0));

	if (x >= 0)
		set_param(e, attr(e, "alpha"));
	return x;
}

static int tangent(const struct element *e)
{
	int x = input(e, 0), sine = map1(e, EGRET_MAP_SIN, WORK, x);
	int cosine = map1(e, EGRET_MAP_COS, WORK, x);

	return map2(e, EGRET_MAP_DIV, e->out, sine, NN_VALUE(cosine));
}

static int clamped(const struct element *e, enum egret_type type, int x, float low, float high)
{
	return map3(e, EGRET_MAP_CLAMP, type, x, nn_number(low), nn_number(high));
}

static int hard_sigmoid(const struct element *e)
{
	int x = map3(e, EGRET_MAP_FMA, WORK, input(e, 0), nn_number(attr(e, "alpha")),
		     nn_number(attr(e, "beta")));

	return clamped(e, e->out, x, 0, 1);
}

static int hard_swish(const struct element *e)
{
	int x = input(e, 0);
	int gate = map3(e, EGRET_MAP_FMA, WORK, x, nn_number(1.0f / 6), nn_number(0.5f));

	return map2(e, EGRET_MAP_MUL, e->out, clamped(e, WORK, gate, 0, 1), NN_VALUE(x));
}

static int softsign(const struct element *e)
{
	int x = input(e, 0), y = map1(e, EGRET_MAP_ABS, WORK, x);

	y = map2(e, EGRET_MAP_ADD, WORK, y, nn_number(1));
	return map2(e, EGRET_MAP_DIV, e->out, x, NN_VALUE(y));
}

static int mish(const struct element *e)
{
	int x = input(e, 0), y = map1(e, EGRET_MAP_SOFTPLUS, WORK, x);

	return map2(e, EGRET_MAP_MUL, e->out, map1(e, EGRET_MAP_TANH, WORK, y), NN_VALUE(x));
}

static int selu(const struct element *e)
{
	int x = map1(e, EGRET_MAP_ELU, WORK, input(e, 0));

	if (x < 0)
		return -1;
	set_param(e, attr(e, "alpha"));
	return map2(e, EGRET_MAP_MUL, e->out, x, nn_number(attr(e, "gamma")));
}

/* alpha * elu(x / alpha): both halves are right for positive x, too. */
static int celu(const struct element *e)
{
	float alpha = attr(e, "alpha");
	int x = map2(e, EGRET_MAP_DIV, WORK, input(e, 0), nn_number(alpha));

	x = map1(e, EGRET_MAP_ELU, WORK, x);
	if (x < 0)
		return -1;
	set_param(e, 1);
	return map2(e, EGRET_MAP_MUL, e->out, x, nn_number(alpha));
}

static int thresholded(const struct element *e)
{
	int x = input(e, 0);
	int above = map2(e, EGRET_MAP_GT, EGRET_TYPE_U8, x, nn_number(attr(e, "alpha")));

	return map3(e, EGRET_MAP_SELECT, e->out, above, NN_VALUE(x), nn_number(0));
}

static int swish(const struct element *e)
{
	float alpha = attr(e, "alpha");
	int x = input(e, 0), y = x;

	if (alpha == 1)
		return map1(e, EGRET_MAP_SILU, e->out, x);
	y = map2(e, EGRET_MAP_MUL, WORK, x, nn_number(alpha));
	return map2(e, EGRET_MAP_MUL, e->out, map1(e, EGRET_MAP_SIGMOID, WORK, y), NN_VALUE(x));
}

static int gelu(const struct element *e)
{
	struct nn_call call = nn_call_of(e->group->lower, e->node);
	bool tanh = !strcmp(nn_attr_text(&call, "approximate"), "tanh");

	return map1(e, tanh ? EGRET_MAP_GELU_TANH : EGRET_MAP_GELU, e->out, input(e, 0));
}

/* ---- Two and more ---- */

static bool commutes(enum egret_map_op op)
{
	switch (op) {
	case EGRET_MAP_ADD:
	case EGRET_MAP_MUL:
	case EGRET_MAP_MIN:
	case EGRET_MAP_MAX:
	case EGRET_MAP_AND:
	case EGRET_MAP_OR:
	case EGRET_MAP_XOR:
	case EGRET_MAP_EQ:
		return true;
	default:
		return false;
	}
}

static int combine(const struct element *e, enum egret_map_op op, size_t i, size_t k)
{
	struct nn_arg a = input_arg(e, i), b = input_arg(e, k);
	bool swap = a.value == NN_ARG_NUMBER && b.value != NN_ARG_NUMBER;

	if (swap && commutes(op))
		return map2(e, op, e->out, b.value, a);
	/* c - x = x * -1 + c, rounded once as well */
	if (swap && op == EGRET_MAP_SUB && nn_is_float(e->type))
		return map3(e, EGRET_MAP_FMA, e->out, b.value, nn_number(-1), a);
	return map2(e, op, e->out, a.value == NN_ARG_NUMBER ? input(e, i) : a.value, b);
}

static int binary(const struct element *e)
{
	return combine(e, e->op, 0, 1);
}

/* The remainder has the sign of what is divided (fmod), or of the divisor. */
static int modulo(const struct element *e)
{
	int x = input(e, 0), y = input(e, 1), rest, other;

	rest = map2(e, EGRET_MAP_REM, e->out, x, NN_VALUE(y));
	if (attr_int(e, "fmod") || rest < 0)
		return rest;
	/* A rest of another sign than the divisor's is that much below it. */
	other = map2(e, EGRET_MAP_ADD, e->out, rest, NN_VALUE(y));
	x = map2(e, EGRET_MAP_LT, EGRET_TYPE_U8, rest, nn_integer(0));
	y = map2(e, EGRET_MAP_LT, EGRET_TYPE_U8, y, nn_integer(0));
	y = map2(e, EGRET_MAP_XOR, EGRET_TYPE_U8, x, NN_VALUE(y));
	x = map2(e, EGRET_MAP_NE, EGRET_TYPE_U8, rest, nn_integer(0));
	y = map2(e, EGRET_MAP_AND, EGRET_TYPE_U8, x, NN_VALUE(y));
	return map3(e, EGRET_MAP_SELECT, e->out, y, NN_VALUE(other), NN_VALUE(rest));
}

static int is_infinite(const struct element *e)
{
	bool negative = attr_int(e, "detect_negative"), positive = attr_int(e, "detect_positive");
	int x = input(e, 0), y;

	if (!nn_is_float(e->type) || (!negative && !positive))
		return -1;
	y = map1(e, EGRET_MAP_ISINF, e->out, x);
	if (negative && positive)
		return y;
	x = map2(e, negative ? EGRET_MAP_LT : EGRET_MAP_GT, e->out, x, nn_number(0));
	return map2(e, EGRET_MAP_AND, e->out, y, NN_VALUE(x));
}

/* x - bias above lambd, x + bias below -lambd, and 0 between them. */
static int shrink(const struct element *e)
{
	float bias = attr(e, "bias"), limit = attr(e, "lambd");
	int x = input(e, 0), low = map2(e, EGRET_MAP_LT, EGRET_TYPE_U8, x, nn_number(-limit));
	int high = map2(e, EGRET_MAP_GT, EGRET_TYPE_U8, x, nn_number(limit));
	int more = map2(e, EGRET_MAP_ADD, WORK, x, nn_number(bias));

	x = map2(e, EGRET_MAP_ADD, WORK, x, nn_number(-bias));
	x = map3(e, EGRET_MAP_SELECT, WORK, high, NN_VALUE(x), nn_number(0));
	return map3(e, EGRET_MAP_SELECT, e->out, low, NN_VALUE(more), NN_VALUE(x));
}

/* Min, Max, Sum, Mean */
static int variadic(const struct element *e)
{
	int x = e->node->input_count == 1 ? copy(e) : combine(e, e->op, 0, 1);
	size_t i;

	for (i = 2; i < e->node->input_count; i++)
		x = map2(e, e->op, e->out, x, input_arg(e, i));
	return x;
}

static int mean(const struct element *e)
{
	return map2(e, EGRET_MAP_MUL, e->out, variadic(e),
		    nn_number(1.0f / (float)e->node->input_count));
}

static int power(const struct element *e)
{
	double exponent;

	if (!nn_is_float(e->type))
		return -1;
	if (nn_known_number(e->group->lower, e->node->inputs[1], &exponent)) {
		int x = input(e, 0);

		if (exponent == 2)
			return map2(e, EGRET_MAP_MUL, e->out, x, NN_VALUE(x));
		if (exponent == 0.5)
			return map1(e, EGRET_MAP_SQRT, e->out, x);
	}
	return combine(e, EGRET_MAP_POW, 0, 1);
}

static int prelu(const struct element *e)
{
	int x = input(e, 0), positive = map1(e, EGRET_MAP_RELU, WORK, x);
	int negative = map2(e, EGRET_MAP_MIN, WORK, x, nn_number(0));

	if (!nn_is_float(e->type) || positive < 0)
		return -1;
	return map3(e, EGRET_MAP_FMA, e->out, negative, input_arg(e, 1), NN_VALUE(positive));
}

static int where(const struct element *e)
{
	return map3(e, EGRET_MAP_SELECT, e->out, input(e, 0), input_arg(e, 1), input_arg(e, 2));
}

static bool is_given(const struct nn_arg *arg)
{
	return arg->value != NN_ARG_NONE;
}

static int clip(const struct element *e)
{
	struct nn_arg low = NN_NO_ARG, high = NN_NO_ARG;
	int x = input(e, 0);

	if (e->node->op->since < 11) {
		low = nn_number(attr(e, "min"));
		high = nn_number(attr(e, "max"));
	} else {
		if (e->node->input_count > 1 && e->node->inputs[1])
			low = input_arg(e, 1);
		if (e->node->input_count > 2 && e->node->inputs[2])
			high = input_arg(e, 2);
	}
	if (is_given(&low) && is_given(&high))
		return map3(e, EGRET_MAP_CLAMP, e->out, x, low, high);
	if (is_given(&low))
		return map2(e, EGRET_MAP_MAX, e->out, x, low);
	if (is_given(&high))
		return map2(e, EGRET_MAP_MIN, e->out, x, high);
	return copy(e);
}

static int cast(const struct element *e)
{
	const struct nn_fact *out = nn_fact_of(e->group->lower, e->node->outputs[0]);
	int x = input(e, 0);

	if (out->type == NN_BOOL)
		return map2(e, EGRET_MAP_NE, e->out, x,
			    nn_is_float(e->type) ? nn_number(0) : nn_integer(0));
	/* Who casts wants to have it rounded, also if nobody stores it. */
	x = map1(e, EGRET_MAP_COPY, nn_card_type(out->type), x);
	if (x >= 0 && nn_is_float(e->type) && !nn_is_float(out->type))
		e->group->program.step[e->group->program.steps - 1].flags = EGRET_MAP_SATURATE;
	return x;
}

/* ---- Batch normalisation ---- */

/* The four parameters, if all are known and have a number for each channel. */
static bool read_norm(const struct element *e, const struct nn_shape *shape, const struct nn_tensor **p)
{
	int i;

	/* In training, mean and variance come from the input. */
	if (shape->rank < 2 || (nn_attr_find(e->node, "training_mode") &&
				nn_attr_find(e->node, "training_mode")->i))
		return false;
	for (i = 0; i < 4; i++) {
		p[i] = nn_known(e->group->lower, e->node->inputs[i + 1]);
		if (!p[i] || p[i]->count != (size_t)shape->dims[1])
			return false;
	}
	return true;
}

/* Load one number for each channel. */
static int load_by_channel(const struct element *e, const struct nn_shape *shape, const float *numbers)
{
	const size_t count = (size_t)shape->dims[1];
	struct nn_shape channels = { .rank = shape->rank };
	int64_t stride[NN_RANK_MAX], offset;
	struct nn_ref ref;
	int i;

	for (i = 0; i < shape->rank; i++)
		channels.dims[i] = i == 1 ? shape->dims[1] : 1;
	if (!nn_group_strides(e->group, &channels, NN_F32, stride, &offset) ||
	    nn_plan_constant(e->group->lower->plan, numbers, count * sizeof(*numbers), &ref))
		return -1;
	return nn_program_load(&e->group->program, EGRET_TYPE_F32, ref, stride);
}

/* (x - mean) * (scale / sqrt(variance + epsilon)) + bias, with what is known beforehand computed. */
static int batch_norm(const struct element *e)
{
	const struct nn_shape *shape = &nn_fact_of(e->group->lower, e->node->inputs[0])->shape;
	float epsilon = attr(e, "epsilon"), *folded;
	const struct nn_tensor *p[4];
	size_t k, count;
	int factors, shifts;

	if (!read_norm(e, shape, p))
		return -1;
	count = p[0]->count;
	folded = calloc(2 * count + 1, sizeof(*folded));
	if (!folded)
		return -1;
	for (k = 0; k < count; k++) {
		double factor = nn_get(p[0], k) / sqrt(nn_get(p[3], k) + epsilon);

		folded[k] = (float)factor;
		folded[count + k] = (float)(nn_get(p[1], k) - nn_get(p[2], k) * factor);
	}
	factors = load_by_channel(e, shape, folded);
	shifts = factors < 0 ? -1 : load_by_channel(e, shape, folded + count);
	free(folded);
	if (shifts < 0)
		return -1;
	return map3(e, EGRET_MAP_FMA, e->out, input(e, 0), NN_VALUE(factors), NN_VALUE(shifts));
}

/* ---- Quantisation ---- */

/*
 * A scale or a zero point: one for all, or one for each index along the axis. -1 in the
 * argument if it is of another kind, such as one for each block.
 */
static struct nn_arg by_axis(const struct element *e, size_t i)
{
	struct nn_lower *lower = e->group->lower;
	const struct nn_fact *x = nn_fact_of(lower, e->node->inputs[0]);
	const struct nn_fact *fact = nn_fact_of(lower, e->node->inputs[i]);
	struct nn_call call = nn_call_of(lower, e->node);
	int64_t axis, stride[NN_RANK_MAX], offset;
	struct nn_shape along = { .rank = x->shape.rank };
	enum egret_type type = nn_card_type(fact->type);
	struct nn_ref ref;
	size_t count;
	int k;

	if (!nn_shape_count(&fact->shape, &count))
		return NN_VALUE(-1);
	if (count == 1 && fact->shape.rank <= x->shape.rank)
		return input_arg(e, i);
	/* Before version 13 there was one for all, and no axis. */
	if (e->node->op->since < 13)
		return NN_VALUE(-1);
	axis = nn_attr_int(&call, "axis");
	axis += axis < 0 ? x->shape.rank : 0;
	if (fact->shape.rank != 1 || axis < 0 || axis >= x->shape.rank ||
	    fact->shape.dims[0] != x->shape.dims[axis] || type == EGRET_TYPE_NONE ||
	    !lower->ready[e->node->inputs[i]->index])
		return NN_VALUE(-1);
	for (k = 0; k < along.rank; k++)
		along.dims[k] = k == axis ? fact->shape.dims[0] : 1;
	if (!nn_group_strides(e->group, &along, fact->type, stride, &offset) ||
	    nn_place_of(lower, e->node->inputs[i], &ref))
		return NN_VALUE(-1);
	ref.offset += offset;
	return NN_VALUE(nn_program_load(&e->group->program, type, ref, stride));
}

static bool has_zero_point(const struct element *e)
{
	return e->node->input_count > 2 && e->node->inputs[2];
}

/* saturate(round(x / scale) + zero) */
static int quantize(const struct element *e)
{
	int x = map2(e, EGRET_MAP_DIV, WORK, input(e, 0), by_axis(e, 1));

	if (e->out > EGRET_TYPE_U16 || (e->type != NN_F32 && e->type != NN_I32))
		return -1;
	/* It may ask for another precision of the division. */
	if (e->node->op->since >= 23 && attr_int(e, "precision") > NN_F32)
		return -1;
	x = map1(e, EGRET_MAP_ROUND, WORK, x);
	if (has_zero_point(e))
		x = map2(e, EGRET_MAP_ADD, WORK, x, by_axis(e, 2));
	x = map1(e, EGRET_MAP_COPY, e->out, x);
	if (x >= 0)
		e->group->program.step[e->group->program.steps - 1].flags = EGRET_MAP_SATURATE;
	return x;
}

/* (x - zero) * scale */
static int dequantize(const struct element *e)
{
	int x = input(e, 0);

	if (nn_is_float(e->type))
		return -1;
	if (has_zero_point(e))
		x = map2(e, EGRET_MAP_SUB, EGRET_TYPE_S32, x, by_axis(e, 2));
	return map2(e, EGRET_MAP_MUL, e->out, x, by_axis(e, 1));
}

/* ---- Table ---- */

static const struct entry {
	const char *name;
	int (*add)(const struct element *e);
	enum egret_map_op op;
} entries[] = {
	{ "Add", binary, EGRET_MAP_ADD },
	{ "Sub", binary, EGRET_MAP_SUB },
	{ "Mul", binary, EGRET_MAP_MUL },
	{ "Div", binary, EGRET_MAP_DIV },
	{ "And", binary, EGRET_MAP_AND },
	{ "Or", binary, EGRET_MAP_OR },
	{ "Xor", binary, EGRET_MAP_XOR },
	{ "BitwiseAnd", binary, EGRET_MAP_AND },
	{ "BitwiseOr", binary, EGRET_MAP_OR },
	{ "BitwiseXor", binary, EGRET_MAP_XOR },
	{ "Equal", binary, EGRET_MAP_EQ },
	{ "Less", binary, EGRET_MAP_LT },
	{ "LessOrEqual", binary, EGRET_MAP_LE },
	{ "Greater", binary, EGRET_MAP_GT },
	{ "GreaterOrEqual", binary, EGRET_MAP_GE },
	{ "Min", variadic, EGRET_MAP_MIN },
	{ "Max", variadic, EGRET_MAP_MAX },
	{ "Sum", variadic, EGRET_MAP_ADD },
	{ "Mean", mean, EGRET_MAP_ADD },
	{ "Pow", power, EGRET_MAP_POW },
	{ "PRelu", prelu, 0 },
	{ "Where", where, 0 },
	{ "Clip", clip, 0 },
	{ "Cast", cast, 0 },
	{ "CastLike", cast, 0 },
	{ "BatchNormalization", batch_norm, 0 },
	{ "QuantizeLinear", quantize, 0 },
	{ "DequantizeLinear", dequantize, 0 },
	{ "Neg", unary, EGRET_MAP_NEG },
	{ "Abs", unary, EGRET_MAP_ABS },
	{ "Sign", unary, EGRET_MAP_SIGN },
	{ "Ceil", unary, EGRET_MAP_CEIL },
	{ "Floor", unary, EGRET_MAP_FLOOR },
	{ "Round", unary, EGRET_MAP_ROUND },
	{ "Sqrt", unary, EGRET_MAP_SQRT },
	{ "Exp", unary, EGRET_MAP_EXP },
	{ "Log", unary, EGRET_MAP_LOG },
	{ "Sin", unary, EGRET_MAP_SIN },
	{ "Cos", unary, EGRET_MAP_COS },
	{ "Tan", tangent, 0 },
	{ "Tanh", unary, EGRET_MAP_TANH },
	{ "Erf", unary, EGRET_MAP_ERF },
	{ "Relu", unary, EGRET_MAP_RELU },
	{ "Sigmoid", unary, EGRET_MAP_SIGMOID },
	{ "Softplus", unary, EGRET_MAP_SOFTPLUS },
	{ "Reciprocal", unary, EGRET_MAP_RECIP },
	{ "Not", unary, EGRET_MAP_NOT },
	{ "BitwiseNot", unary, EGRET_MAP_BITNOT },
	{ "IsNaN", unary, EGRET_MAP_ISNAN },
	{ "IsInf", is_infinite, 0 },
	{ "Mod", modulo, 0 },
	{ "Shrink", shrink, 0 },
	{ "Softsign", softsign, 0 },
	{ "Mish", mish, 0 },
	{ "HardSwish", hard_swish, 0 },
	{ "HardSigmoid", hard_sigmoid, 0 },
	{ "LeakyRelu", with_alpha, EGRET_MAP_LEAKY_RELU },
	{ "Elu", with_alpha, EGRET_MAP_ELU },
	{ "Selu", selu, 0 },
	{ "Celu", celu, 0 },
	{ "ThresholdedRelu", thresholded, 0 },
	{ "Swish", swish, 0 },
	{ "Gelu", gelu, 0 },
};

static const struct entry *find(const struct nn_node *node)
{
	size_t i;

	for (i = 0; i < sizeof(entries) / sizeof(entries[0]) && !node->domain[0]; i++)
		if (!strcmp(entries[i].name, node->type))
			return &entries[i];
	return NULL;
}

bool nn_is_elementwise(const struct nn_node *node)
{
	return find(node) != NULL;
}

static bool types_fit(const struct nn_lower *lower, const struct nn_node *node)
{
	size_t i;

	for (i = 0; i < node->input_count; i++)
		if (node->inputs[i] &&
		    nn_card_type(nn_fact_of(lower, node->inputs[i])->type) == EGRET_TYPE_NONE)
			return false;
	/* Only the first of several results is computed. */
	for (i = 1; i < node->output_count; i++)
		if (node->outputs[i])
			return false;
	return nn_card_type(nn_fact_of(lower, node->outputs[0])->type) != EGRET_TYPE_NONE;
}

bool nn_add_elementwise(struct nn_group *group, const struct nn_node *node)
{
	const struct entry *entry = find(node);
	struct element e = { .group = group, .node = node, .op = entry->op };

	if (!types_fit(group->lower, node))
		return false;
	e.type = nn_fact_of(group->lower, node->inputs[0])->type;
	e.out = nn_computed_type(nn_fact_of(group->lower, node->outputs[0])->type);
	return nn_group_define(group, node->outputs[0], entry->add(&e), NULL);
}
