// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Operators that compute each element of their result from one element of each input.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "../op.h"

/* ---- Walking through inputs that are broadcast ---- */

/* For each element of the result in order, the number of the element of an input. */
struct walk {
	int rank;
	int64_t dims[NN_RANK_MAX], at[NN_RANK_MAX];
	size_t step[NN_RANK_MAX];	/* 0 where the input has one for all */
	size_t place;
};

static void walk_begin(struct walk *w, const struct nn_shape *to, const struct nn_shape *from)
{
	size_t step = 1;
	int i, k;

	memset(w, 0, sizeof(*w));
	w->rank = to->rank;
	memcpy(w->dims, to->dims, sizeof(w->dims));
	for (i = from->rank - 1, k = to->rank - 1; i >= 0; i--, k--) {
		w->step[k] = from->dims[i] == 1 ? 0 : step;
		step *= (size_t)from->dims[i];
	}
}

static void walk_next(struct walk *w)
{
	int i;

	for (i = w->rank - 1; i >= 0; i--) {
		w->place += w->step[i];
		if (++w->at[i] < w->dims[i])
			return;
		w->place -= w->step[i] * (size_t)w->dims[i];
		w->at[i] = 0;
	}
}

/* ---- One input ---- */

static int evaluate_unary(struct nn_call *call)
{
	const struct nn_scalar *scalar = &call->node->op->scalar;
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct nn_tensor *y = nn_result(call, 0);
	size_t i;

	for (i = 0; i < x->count; i++) {
		if (scalar->i1 && !nn_is_float(x->type))
			nn_set_int(y, i, scalar->i1(nn_get_int(x, i)));
		else
			nn_set(y, i, scalar->f1(nn_get(x, i)));
	}
	return 0;
}

static int evaluate_with_attrs(struct nn_call *call)
{
	const struct nn_op *op = call->node->op;
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct nn_tensor *y = nn_result(call, 0);
	const struct nn_attr_def *def;
	double p[4] = { 0 };
	size_t i, n = 0;

	for (def = op->attrs; def->name; def++)
		if (def->type == NN_ATTR_FLOAT)
			p[n++] = nn_attr_float(call, def->name);
	for (i = 0; i < x->count; i++)
		nn_set(y, i, op->scalar.fp(nn_get(x, i), p));
	return 0;
}

/* ---- Several inputs ---- */

static void apply(const struct nn_scalar *scalar, const struct nn_tensor *a, size_t i,
		  const struct nn_tensor *b, size_t k, struct nn_tensor *y, size_t to)
{
	if (a->type == NN_STRING)
		nn_set_int(y, to, scalar->t2(nn_text(a, i), nn_text(b, k)));
	else if (nn_is_float(a->type))
		nn_set(y, to, scalar->f2(nn_get(a, i), nn_get(b, k)));
	else if (scalar->u2 && (a->type == NN_U64))
		nn_set_int(y, to, (int64_t)scalar->u2((uint64_t)nn_get_int(a, i),
						      (uint64_t)nn_get_int(b, k)));
	else
		nn_set_int(y, to, scalar->i2(nn_get_int(a, i), nn_get_int(b, k)));
}

static int evaluate_binary(struct nn_call *call)
{
	const struct nn_tensor *a = nn_contents(call->in[0]), *b = nn_contents(call->in[1]);
	struct nn_tensor *y = nn_result(call, 0);
	struct walk in_a, in_b;
	size_t i;

	walk_begin(&in_a, &y->shape, &a->shape);
	walk_begin(&in_b, &y->shape, &b->shape);
	for (i = 0; i < y->count; i++) {
		apply(&call->node->op->scalar, a, in_a.place, b, in_b.place, y, i);
		walk_next(&in_a);
		walk_next(&in_b);
	}
	return 0;
}

/* The first input, then each of the others into it. */
static int evaluate_many(struct nn_call *call)
{
	struct nn_tensor *y = nn_result(call, 0);
	const struct nn_tensor *x;
	struct walk w;
	size_t i, k;

	for (k = 0; k < call->node->input_count; k++) {
		x = nn_contents(call->in[k]);
		walk_begin(&w, &y->shape, &x->shape);
		for (i = 0; i < y->count; i++) {
			if (k)
				apply(&call->node->op->scalar, y, i, x, w.place, y, i);
			else if (nn_is_float(x->type))
				nn_set(y, i, nn_get(x, w.place));
			else
				nn_set_int(y, i, nn_get_int(x, w.place));
			walk_next(&w);
		}
	}
	return 0;
}

static int evaluate_mean(struct nn_call *call)
{
	struct nn_tensor *y = nn_result(call, 0);
	size_t i;

	evaluate_many(call);
	for (i = 0; i < y->count; i++)
		nn_set(y, i, nn_get(y, i) / (double)call->node->input_count);
	return 0;
}

static int evaluate_where(struct nn_call *call)
{
	const struct nn_tensor *t[3] = { nn_contents(call->in[0]), nn_contents(call->in[1]),
					 nn_contents(call->in[2]) };
	struct nn_tensor *y = nn_result(call, 0);
	size_t bytes = nn_bytes(y->type, 1), i;
	struct walk w[3];
	int k;

	for (k = 0; k < 3; k++)
		walk_begin(&w[k], &y->shape, &t[k]->shape);
	for (i = 0; i < y->count; i++) {
		k = nn_get_int(t[0], w[0].place) ? 1 : 2;
		memcpy((char *)y->data + i * bytes, (const char *)t[k]->data + w[k].place * bytes,
		       bytes);
		for (k = 0; k < 3; k++)
			walk_next(&w[k]);
	}
	return 0;
}

/* The slopes fit the input when broadcast. */
static int infer_prelu(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape, *slope = &call->in[1]->shape;
	struct nn_shape both = *in;
	int ret;

	if (slope->rank > in->rank && in->rank >= 0)
		return nn_refuse(call, NULL, "its slope has %d dimensions, its input %d", slope->rank,
				 in->rank);
	ret = nn_broadcast(call, &both, slope);
	if (!ret && nn_shape_known(&both) && nn_shape_known(in) && !nn_shape_equal(&both, in))
		ret = nn_refuse(call, NULL, "its slope is larger than its input");
	return ret ? ret : nn_infer_same(call);
}

static int64_t integer_power(int64_t base, int64_t exponent)
{
	uint64_t result = 1, factor = (uint64_t)base;

	if (exponent < 0)
		return base == 1 ? 1 : base == -1 ? (exponent & 1 ? -1 : 1) : 0;
	for (; exponent; exponent >>= 1, factor *= factor)
		if (exponent & 1)
			result *= factor;
	return (int64_t)result;
}

static int evaluate_pow(struct nn_call *call)
{
	const struct nn_tensor *a = nn_contents(call->in[0]), *b = nn_contents(call->in[1]);
	bool integers = !nn_is_float(a->type) && !nn_is_float(b->type);
	struct nn_tensor *y = nn_result(call, 0);
	struct walk in_a, in_b;
	size_t i;

	walk_begin(&in_a, &y->shape, &a->shape);
	walk_begin(&in_b, &y->shape, &b->shape);
	for (i = 0; i < y->count; i++) {
		if (integers)
			nn_set_int(y, i, integer_power(nn_get_int(a, in_a.place),
						       nn_get_int(b, in_b.place)));
		else
			nn_set(y, i, pow(nn_get(a, in_a.place), nn_get(b, in_b.place)));
		walk_next(&in_a);
		walk_next(&in_b);
	}
	return 0;
}

/* ---- Clip and Cast ---- */

static void clip(const struct nn_tensor *x, struct nn_tensor *y, double low, double high)
{
	double value;
	size_t i;

	for (i = 0; i < x->count; i++) {
		/* A NaN stays; if low is above high, high it is. */
		value = nn_get(x, i);
		value = value < low ? low : value;
		nn_set(y, i, value > high ? high : value);
	}
}

static int evaluate_clip_attrs(struct nn_call *call)
{
	clip(nn_contents(call->in[0]), nn_result(call, 0), nn_attr_float(call, "min"),
	     nn_attr_float(call, "max"));
	return 0;
}

static int evaluate_clip(struct nn_call *call)
{
	const struct nn_tensor *low = nn_contents(nn_in_fact(call, 1));
	const struct nn_tensor *high = nn_contents(nn_in_fact(call, 2));
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct nn_tensor *y = nn_result(call, 0);
	int64_t value;
	size_t i;

	if ((low && low->count != 1) || (high && high->count != 1))
		return nn_refuse(call, NULL, "its bounds are not single numbers");
	if (nn_is_float(x->type)) {
		clip(x, y, low ? nn_get(low, 0) : -INFINITY, high ? nn_get(high, 0) : INFINITY);
		return 0;
	}
	for (i = 0; i < x->count; i++) {
		value = nn_get_int(x, i);
		if (low && value < nn_get_int(low, 0))
			value = nn_get_int(low, 0);
		if (high && value > nn_get_int(high, 0))
			value = nn_get_int(high, 0);
		nn_set_int(y, i, value);
	}
	return 0;
}

static int infer_cast(struct nn_call *call)
{
	int64_t to = nn_attr_int(call, "to");

	if (to <= 0 || to >= NN_TYPES || !nn_type_bits((enum nn_type)to) || to == NN_STRING)
		return nn_fail_node(call->node, to == NN_STRING ? -ENOTSUP : -EINVAL, NULL,
				    "it makes elements of type %s",
				    nn_type_name(to < 0 || to > NN_TYPES ? NN_TYPES : (enum nn_type)to));
	if (to == NN_C64 || to == NN_C128)
		return nn_fail_node(call->node, -ENOTSUP, NULL, "it makes complex numbers");
	if (call->node->opset < 19 && !nn_in(NN_NUMBERS | NN_SET(NN_BOOL), (enum nn_type)to))
		return nn_refuse(call, NULL, "version %d of it does not make %s", call->node->opset,
				 nn_type_name((enum nn_type)to));
	call->out[0]->type = (enum nn_type)to;
	return nn_infer_same(call);
}

/* Before version 19 there were no types that have these. */
static bool saturates(const struct nn_call *call, enum nn_type to)
{
	return to >= NN_F8E4M3FN && to <= NN_F8E5M2FNUZ && nn_attr_int(call, "saturate");
}

/* The power of two that stands for a number in a type that has nothing else. */
static double power_of_two(const struct nn_call *call, double value)
{
	const char *mode = nn_attr_text(call, "round_mode");
	double low;
	int exponent;

	if (!(value > 0) || isinf(value))
		return value;
	frexp(value, &exponent);
	low = ldexp(1, exponent - 1);
	if (value == low || !strcmp(mode, "down") ||
	    (strcmp(mode, "up") && value < 1.5 * low))
		return low;
	return fmin(2 * low, 0x1p127);
}

static void cast_float(const struct nn_call *call, struct nn_tensor *y, size_t i, double value)
{
	if (saturates(call, y->type) && !isnan(value))
		value = fmax(-nn_largest(y->type), fmin(value, nn_largest(y->type)));
	if (y->type == NN_F8E8M0)
		value = power_of_two(call, value);
	/* Of the integers, the small ones keep the low bits of what was cut. */
	if (nn_type_bits(y->type) < 8 && !nn_is_float(y->type))
		nn_set_int(y, i, nn_cut_float(value));
	else
		nn_set(y, i, value);
}

/* Integers to integers keep the low bits, as in C. */
static int evaluate_cast(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct nn_tensor *y = nn_result(call, 0);
	size_t i;

	for (i = 0; i < x->count; i++) {
		if (nn_is_float(x->type) || nn_is_float(y->type))
			cast_float(call, y, i, nn_get(x, i));
		else
			nn_set_int(y, i, nn_get_int(x, i));
	}
	return 0;
}

static int infer_cast_like(struct nn_call *call)
{
	call->out[0]->type = call->in[1]->type;
	return nn_infer_same(call);
}

/* ---- Operators with an attribute that chooses what they do ---- */

/* The remainder has the sign of the divisor, or as fmod() that of the dividend. */
static int64_t integer_remainder(int64_t a, int64_t b, bool like_c)
{
	int64_t rest;

	if (!b || b == -1)
		return 0;
	rest = a % b;
	return rest && !like_c && (rest < 0) != (b < 0) ? rest + b : rest;
}

static int evaluate_mod(struct nn_call *call)
{
	const struct nn_tensor *a = nn_contents(call->in[0]), *b = nn_contents(call->in[1]);
	bool like_c = nn_attr_int(call, "fmod");
	struct nn_tensor *y = nn_result(call, 0);
	struct walk in_a, in_b;
	double rest, divisor;
	int64_t x, by;
	size_t i;

	walk_begin(&in_a, &y->shape, &a->shape);
	walk_begin(&in_b, &y->shape, &b->shape);
	for (i = 0; i < y->count; i++) {
		if (nn_is_float(y->type)) {
			divisor = nn_get(b, in_b.place);
			rest = fmod(nn_get(a, in_a.place), divisor);
			if (!like_c && rest != 0 && (rest < 0) != (divisor < 0))
				rest += divisor;
			nn_set(y, i, rest);
		} else {
			x = nn_get_int(a, in_a.place);
			by = nn_get_int(b, in_b.place);
			if (y->type == NN_U64)
				x = by ? (int64_t)((uint64_t)x % (uint64_t)by) : 0;
			else
				x = integer_remainder(x, by, like_c);
			nn_set_int(y, i, x);
		}
		walk_next(&in_a);
		walk_next(&in_b);
	}
	return 0;
}

static int infer_bit_shift(struct nn_call *call)
{
	const char *direction = nn_attr_text(call, "direction");

	if (strcmp(direction, "LEFT") && strcmp(direction, "RIGHT"))
		return nn_refuse(call, NULL, "its direction is something that ONNX does not have");
	return nn_infer_broadcast(call);
}

static int evaluate_bit_shift(struct nn_call *call)
{
	const struct nn_tensor *a = nn_contents(call->in[0]), *b = nn_contents(call->in[1]);
	bool left = !strcmp(nn_attr_text(call, "direction"), "LEFT");
	struct nn_tensor *y = nn_result(call, 0);
	struct walk in_a, in_b;
	uint64_t bits, by;
	size_t i;

	walk_begin(&in_a, &y->shape, &a->shape);
	walk_begin(&in_b, &y->shape, &b->shape);
	for (i = 0; i < y->count; i++) {
		bits = (uint64_t)nn_get_int(a, in_a.place);
		by = (uint64_t)nn_get_int(b, in_b.place);
		/* All bits are gone. */
		bits = by >= nn_type_bits(y->type) ? 0 : left ? bits << by : bits >> by;
		nn_set_int(y, i, (int64_t)bits);
		walk_next(&in_a);
		walk_next(&in_b);
	}
	return 0;
}

static int evaluate_is_inf(struct nn_call *call)
{
	bool negative = nn_attr_int(call, "detect_negative");
	bool positive = nn_attr_int(call, "detect_positive");
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct nn_tensor *y = nn_result(call, 0);
	double value;
	size_t i;

	for (i = 0; i < x->count; i++) {
		value = nn_get(x, i);
		nn_set_int(y, i, isinf(value) && (value < 0 ? negative : positive));
	}
	return 0;
}

static int infer_gelu(struct nn_call *call)
{
	const char *way = nn_attr_text(call, "approximate");

	if (strcmp(way, "none") && strcmp(way, "tanh"))
		return nn_refuse(call, NULL, "its approximate is something that ONNX does not have");
	return nn_infer_same(call);
}

static int evaluate_gelu(struct nn_call *call)
{
	bool by_tanh = !strcmp(nn_attr_text(call, "approximate"), "tanh");
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct nn_tensor *y = nn_result(call, 0);
	double v, inner;
	size_t i;

	for (i = 0; i < x->count; i++) {
		v = nn_get(x, i);
		inner = by_tanh ? tanh(sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)) :
				  erf(v / sqrt(2));
		nn_set(y, i, 0.5 * v * (1 + inner));
	}
	return 0;
}

/* For inference it does nothing; its mask says that all elements were kept. */
static int infer_dropout(struct nn_call *call)
{
	const struct nn_tensor *ratio, *training;

	if (call->node->opset >= 12 && nn_in_fact(call, 2)) {
		training = nn_contents(call->in[2]);
		ratio = nn_in_fact(call, 1) ? nn_contents(call->in[1]) : NULL;
		if (!training || (training->count && nn_get_int(training, 0) &&
				  !(ratio && ratio->count && nn_get(ratio, 0) == 0)))
			return nn_fail_node(call->node, -ENOTSUP, "export the model for inference",
					    "it is for training");
	}
	return nn_infer_same(call);
}

static int evaluate_dropout(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct nn_tensor *mask = nn_result(call, 1);
	size_t i;

	if (x->count && call->out[0])
		memcpy(nn_result(call, 0)->data, x->data, nn_bytes(x->type, x->count));
	for (i = 0; mask && i < mask->count; i++)
		nn_set(mask, i, 1);
	return 0;
}

/* Also of sequences, and of nothing. */
static int infer_identity(struct nn_call *call)
{
	call->out[0]->kind = call->in[0]->kind;
	call->out[0]->optional = call->in[0]->optional;
	return nn_infer_same(call);
}

static int evaluate_copy(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);

	if (!nn_result(call, 0)->data)
		return nn_copy_fact(call, call->out[0], call->in[0]);
	if (x->count)
		memcpy(nn_result(call, 0)->data, x->data, nn_bytes(x->type, x->count));
	return 0;
}

/* ---- Functions ---- */

/* Wrapping, because overflow of signed numbers is undefined in C. */
static int64_t add_i(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }
static int64_t sub_i(int64_t a, int64_t b) { return (int64_t)((uint64_t)a - (uint64_t)b); }
static int64_t mul_i(int64_t a, int64_t b) { return (int64_t)((uint64_t)a * (uint64_t)b); }
static int64_t neg_i(int64_t x) { return (int64_t)-(uint64_t)x; }
static int64_t abs_i(int64_t x) { return x < 0 ? neg_i(x) : x; }
/* What ONNX leaves open must still not end the process. */
static int64_t div_i(int64_t a, int64_t b) { return !b ? 0 : b == -1 ? neg_i(a) : a / b; }
static uint64_t div_u(uint64_t a, uint64_t b) { return b ? a / b : 0; }
static int64_t min_i(int64_t a, int64_t b) { return a < b ? a : b; }
static uint64_t min_u(uint64_t a, uint64_t b) { return a < b ? a : b; }
static int64_t max_i(int64_t a, int64_t b) { return a > b ? a : b; }
static uint64_t max_u(uint64_t a, uint64_t b) { return a > b ? a : b; }
static int64_t sign_i(int64_t x) { return (x > 0) - (x < 0); }
static int64_t relu_i(int64_t x) { return x > 0 ? x : 0; }
static int64_t not_i(int64_t x) { return !x; }
static int64_t complement_i(int64_t x) { return ~x; }
static int64_t and_i(int64_t a, int64_t b) { return a & b; }
static int64_t or_i(int64_t a, int64_t b) { return a | b; }
static int64_t xor_i(int64_t a, int64_t b) { return a ^ b; }

static double add_f(double a, double b) { return a + b; }
static double sub_f(double a, double b) { return a - b; }
static double mul_f(double a, double b) { return a * b; }
static double div_f(double a, double b) { return a / b; }
/* With a NaN, the result is one. */
static double min_f(double a, double b) { return isnan(a) || a < b ? a : b; }
static double max_f(double a, double b) { return isnan(a) || a > b ? a : b; }
static double neg_f(double x) { return -x; }
static double sign_f(double x) { return isnan(x) ? x : (x > 0) - (x < 0); }
static double recip_f(double x) { return 1 / x; }
static double relu_f(double x) { return x < 0 ? 0 : x; }
static double sigmoid_f(double x) { return 1 / (1 + exp(-x)); }
static double softplus_f(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }
static double softsign_f(double x) { return x / (1 + fabs(x)); }
static double mish_f(double x) { return x * tanh(softplus_f(x)); }
static double clamp01(double x) { return x < 0 ? 0 : x > 1 ? 1 : x; }
static double hardswish_f(double x) { return x * clamp01(x / 6 + 0.5); }
static double isnan_f(double x) { return isnan(x); }

static bool equal_t(const char *a, const char *b) { return !strcmp(a, b); }

#define COMPARE(name, op) \
	static double name##_f(double a, double b) { return a op b; } \
	static int64_t name##_i(int64_t a, int64_t b) { return a op b; } \
	static uint64_t name##_u(uint64_t a, uint64_t b) { return a op b; }
COMPARE(equal, ==)
COMPARE(less, <)
COMPARE(less_equal, <=)
COMPARE(greater, >)
COMPARE(greater_equal, >=)

static double leaky_p(double x, const double *p) { return x < 0 ? p[0] * x : x; }
static double elu_p(double x, const double *p) { return x < 0 ? p[0] * expm1(x) : x; }
static double selu_p(double x, const double *p) { return p[1] * (x > 0 ? x : p[0] * expm1(x)); }
static double celu_p(double x, const double *p)
{
	return fmax(0, x) + fmin(0, p[0] * expm1(x / p[0]));
}
static double thresholded_p(double x, const double *p) { return x > p[0] ? x : 0; }
static double hardsigmoid_p(double x, const double *p) { return clamp01(p[0] * x + p[1]); }
static double swish_p(double x, const double *p) { return x * sigmoid_f(p[0] * x); }

static double shrink_p(double x, const double *p)
{
	return x < -p[1] ? x + p[0] : x > p[1] ? x - p[0] : 0;
}

static double leaky_f2(double x, double slope) { return x < 0 ? slope * x : x; }
static int64_t leaky_i2(int64_t x, int64_t slope) { return x < 0 ? mul_i(slope, x) : x; }
static uint64_t leaky_u2(uint64_t x, uint64_t slope) { (void)slope; return x; }

/* ---- Table ---- */

#define X(set)		NN_PORTS({ "X", 'T', set, NN_ONE })
#define Y(set)		NN_PORTS({ "Y", 'T', set, NN_ONE })
#define AB(set)		NN_PORTS({ "A", 'T', set, NN_ONE }, { "B", 'T', set, NN_ONE })
#define BOOLS		NN_PORTS({ "C", 0, NN_SET(NN_BOOL), NN_ONE })
#define MANY(set)	NN_PORTS({ "X", 'T', set, NN_MANY })

#define UNARY(n, v, set, ...) \
	{ .name = n, .since = v, .inputs = X(set), .outputs = Y(set), .infer = nn_infer_same, \
	  .evaluate = evaluate_unary, .scalar = { __VA_ARGS__ } }
#define PREDICATE(n, v, set, ...) \
	{ .name = n, .since = v, .inputs = X(set), .outputs = BOOLS, .infer = nn_infer_same, \
	  .evaluate = evaluate_unary, .scalar = { __VA_ARGS__ } }
#define BINARY(n, v, set, ...) \
	{ .name = n, .since = v, .inputs = AB(set), .outputs = Y(set), \
	  .infer = nn_infer_broadcast, .evaluate = evaluate_binary, .scalar = { __VA_ARGS__ } }
#define COMPARISON(n, v, set, f, ...) \
	{ .name = n, .since = v, .inputs = AB(set), .outputs = BOOLS, \
	  .infer = nn_infer_broadcast, .evaluate = evaluate_binary, \
	  .scalar = { .f2 = f##_f, .i2 = f##_i, .u2 = f##_u, ##__VA_ARGS__ } }
#define ACTIVATION(n, v, f, ...) \
	{ .name = n, .since = v, .inputs = X(NN_FLOATS), .outputs = Y(NN_FLOATS), \
	  .attrs = NN_ATTRS(__VA_ARGS__), .infer = nn_infer_same, \
	  .evaluate = evaluate_with_attrs, .scalar = { .fp = f } }
#define VARIADIC(n, v, set, e, ...) \
	{ .name = n, .since = v, .inputs = MANY(set), .outputs = Y(set), \
	  .infer = nn_infer_broadcast, .evaluate = e, .scalar = { __VA_ARGS__ } }

#define CASTS		((NN_PLAIN & ~(NN_SET(NN_C64) | NN_SET(NN_C128) | NN_SET(NN_STRING))) | NN_SMALL)

const struct nn_op nn_ops_elementwise[] = {
	BINARY("Add", 7, NN_NUMBERS, .f2 = add_f, .i2 = add_i),
	BINARY("Sub", 7, NN_NUMBERS, .f2 = sub_f, .i2 = sub_i),
	BINARY("Mul", 7, NN_NUMBERS, .f2 = mul_f, .i2 = mul_i),
	BINARY("Div", 7, NN_NUMBERS, .f2 = div_f, .i2 = div_i, .u2 = div_u),
	BINARY("And", 7, NN_SET(NN_BOOL), .i2 = and_i),
	BINARY("Or", 7, NN_SET(NN_BOOL), .i2 = or_i),
	BINARY("Xor", 7, NN_SET(NN_BOOL), .i2 = xor_i),
	BINARY("BitwiseAnd", 18, NN_INTEGERS, .i2 = and_i),
	BINARY("BitwiseOr", 18, NN_INTEGERS, .i2 = or_i),
	BINARY("BitwiseXor", 18, NN_INTEGERS, .i2 = xor_i),
	COMPARISON("Equal", 7, NN_NUMBERS | NN_SET(NN_BOOL) | NN_SET(NN_STRING), equal, .t2 = equal_t),
	COMPARISON("Less", 7, NN_NUMBERS, less),
	COMPARISON("LessOrEqual", 12, NN_NUMBERS, less_equal),
	COMPARISON("Greater", 7, NN_NUMBERS, greater),
	COMPARISON("GreaterOrEqual", 12, NN_NUMBERS, greater_equal),
	VARIADIC("Min", 8, NN_NUMBERS, evaluate_many, .f2 = min_f, .i2 = min_i, .u2 = min_u),
	VARIADIC("Max", 8, NN_NUMBERS, evaluate_many, .f2 = max_f, .i2 = max_i, .u2 = max_u),
	VARIADIC("Sum", 8, NN_FLOATS, evaluate_many, .f2 = add_f),
	VARIADIC("Mean", 8, NN_FLOATS, evaluate_mean, .f2 = add_f),
	{ .name = "PRelu", .since = 7,
	  .inputs = NN_PORTS({ "X", 'T', NN_NUMBERS, NN_ONE }, { "slope", 'T', NN_NUMBERS, NN_ONE }),
	  .outputs = Y(NN_NUMBERS), .infer = infer_prelu, .evaluate = evaluate_binary,
	  .scalar = { .f2 = leaky_f2, .i2 = leaky_i2, .u2 = leaky_u2 } },
	{ .name = "Pow", .since = 7,
	  .inputs = NN_PORTS({ "X", 'T', NN_NUMBERS, NN_ONE }, { "Y", 0, NN_NUMBERS, NN_ONE }),
	  .outputs = Y(NN_NUMBERS), .infer = nn_infer_broadcast, .evaluate = evaluate_pow },
	{ .name = "Where", .since = 9,
	  .inputs = NN_PORTS({ "condition", 0, NN_SET(NN_BOOL), NN_ONE },
			     { "X", 'T', NN_PLAIN, NN_ONE }, { "Y", 'T', NN_PLAIN, NN_ONE }),
	  .outputs = Y(NN_PLAIN), .infer = nn_infer_broadcast, .evaluate = evaluate_where },

	UNARY("Abs", 6, NN_NUMBERS, .f1 = fabs, .i1 = abs_i),
	UNARY("Neg", 6, NN_NUMBERS, .f1 = neg_f, .i1 = neg_i),
	UNARY("Sign", 9, NN_NUMBERS, .f1 = sign_f, .i1 = sign_i),
	UNARY("Floor", 6, NN_FLOATS, .f1 = floor),
	UNARY("Ceil", 6, NN_FLOATS, .f1 = ceil),
	UNARY("Round", 11, NN_FLOATS, .f1 = nearbyint),
	UNARY("Reciprocal", 6, NN_FLOATS, .f1 = recip_f),
	UNARY("Sqrt", 6, NN_FLOATS, .f1 = sqrt),
	UNARY("Exp", 6, NN_FLOATS, .f1 = exp),
	UNARY("Log", 6, NN_FLOATS, .f1 = log),
	UNARY("Sin", 7, NN_FLOATS, .f1 = sin),
	UNARY("Cos", 7, NN_FLOATS, .f1 = cos),
	UNARY("Tan", 7, NN_FLOATS, .f1 = tan),
	UNARY("Asin", 7, NN_FLOATS, .f1 = asin),
	UNARY("Acos", 7, NN_FLOATS, .f1 = acos),
	UNARY("Atan", 7, NN_FLOATS, .f1 = atan),
	UNARY("Sinh", 9, NN_FLOATS, .f1 = sinh),
	UNARY("Cosh", 9, NN_FLOATS, .f1 = cosh),
	UNARY("Tanh", 6, NN_FLOATS, .f1 = tanh),
	UNARY("Asinh", 9, NN_FLOATS, .f1 = asinh),
	UNARY("Acosh", 9, NN_FLOATS, .f1 = acosh),
	UNARY("Atanh", 9, NN_FLOATS, .f1 = atanh),
	UNARY("Erf", 9, NN_FLOATS, .f1 = erf),
	UNARY("Relu", 6, NN_FLOATS | NN_SIGNED, .f1 = relu_f, .i1 = relu_i),
	UNARY("Sigmoid", 6, NN_FLOATS, .f1 = sigmoid_f),
	UNARY("Softplus", 1, NN_FLOATS, .f1 = softplus_f),
	UNARY("Softsign", 1, NN_FLOATS, .f1 = softsign_f),
	UNARY("Mish", 18, NN_FLOATS, .f1 = mish_f),
	UNARY("HardSwish", 14, NN_FLOATS, .f1 = hardswish_f),
	UNARY("Not", 1, NN_SET(NN_BOOL), .i1 = not_i),
	UNARY("BitwiseNot", 18, NN_INTEGERS, .i1 = complement_i),
	PREDICATE("IsNaN", 9, NN_FLOATS, .f1 = isnan_f),
	ACTIVATION("LeakyRelu", 6, leaky_p, NN_FLOAT("alpha", 0.01f)),
	ACTIVATION("Elu", 6, elu_p, NN_FLOAT("alpha", 1)),
	ACTIVATION("Selu", 6, selu_p, NN_FLOAT("alpha", 1.67326319217681884765625f),
		   NN_FLOAT("gamma", 1.05070102214813232421875f)),
	ACTIVATION("Celu", 12, celu_p, NN_FLOAT("alpha", 1)),
	ACTIVATION("ThresholdedRelu", 10, thresholded_p, NN_FLOAT("alpha", 1)),
	ACTIVATION("HardSigmoid", 6, hardsigmoid_p, NN_FLOAT("alpha", 0.2f),
		   NN_FLOAT("beta", 0.5f)),
	{ .name = "Shrink", .since = 9, .inputs = X(NN_NUMBERS), .outputs = Y(NN_NUMBERS),
	  .attrs = NN_ATTRS(NN_FLOAT("bias", 0), NN_FLOAT("lambd", 0.5f)),
	  .infer = nn_infer_same, .evaluate = evaluate_with_attrs, .scalar = { .fp = shrink_p } },
	ACTIVATION("Swish", 24, swish_p, NN_FLOAT("alpha", 1)),

	{ .name = "Clip", .since = 6, .inputs = X(NN_FLOATS), .outputs = Y(NN_FLOATS),
	  .attrs = NN_ATTRS(NN_FLOAT("min", -__FLT_MAX__), NN_FLOAT("max", __FLT_MAX__)),
	  .infer = nn_infer_same, .evaluate = evaluate_clip_attrs },
	{ .name = "Clip", .since = 11,
	  .inputs = NN_PORTS({ "input", 'T', NN_NUMBERS, NN_ONE },
			     { "min", 'T', NN_NUMBERS, NN_OPTIONAL },
			     { "max", 'T', NN_NUMBERS, NN_OPTIONAL }),
	  .outputs = Y(NN_NUMBERS), .infer = nn_infer_same, .evaluate = evaluate_clip },
	{ .name = "Cast", .since = 6, .inputs = X(NN_NUMBERS | NN_SET(NN_BOOL)),
	  .outputs = NN_PORTS({ "output", 0, 0, NN_ONE }),
	  .attrs = NN_ATTRS(NN_REQUIRED_ATTR("to", INT)),
	  .infer = infer_cast, .evaluate = evaluate_cast },
	{ .name = "Cast", .since = 19,
	  .inputs = X(CASTS),
	  .outputs = NN_PORTS({ "output", 0, 0, NN_ONE }),
	  .attrs = NN_ATTRS(NN_REQUIRED_ATTR("to", INT), NN_INT("saturate", 1),
			    NN_TEXT("round_mode", "up")),
	  .infer = infer_cast, .evaluate = evaluate_cast },
	{ .name = "CastLike", .since = 15, .first_only = true,
	  .inputs = NN_PORTS({ "input", 'T', CASTS, NN_ONE }, { "target_type", 'S', CASTS, NN_ONE }),
	  .outputs = NN_PORTS({ "output", 'S', CASTS, NN_ONE }),
	  .attrs = NN_ATTRS(NN_INT("saturate", 1), NN_TEXT("round_mode", "up")),
	  .infer = infer_cast_like, .evaluate = evaluate_cast },
	{ .name = "Mod", .since = 10, .inputs = AB(NN_NUMBERS), .outputs = Y(NN_NUMBERS),
	  .attrs = NN_ATTRS(NN_INT("fmod", 0)), .infer = nn_infer_broadcast,
	  .evaluate = evaluate_mod },
	{ .name = "BitShift", .since = 11, .inputs = AB(NN_UNSIGNED), .outputs = Y(NN_UNSIGNED),
	  .attrs = NN_ATTRS(NN_REQUIRED_ATTR("direction", STRING)), .infer = infer_bit_shift,
	  .evaluate = evaluate_bit_shift },
	{ .name = "IsInf", .since = 10, .inputs = X(NN_FLOATS), .outputs = BOOLS,
	  .attrs = NN_ATTRS(NN_INT("detect_negative", 1), NN_INT("detect_positive", 1)),
	  .infer = nn_infer_same, .evaluate = evaluate_is_inf },
	{ .name = "Gelu", .since = 20, .inputs = X(NN_FLOATS), .outputs = Y(NN_FLOATS),
	  .attrs = NN_ATTRS(NN_TEXT("approximate", "none")), .infer = infer_gelu,
	  .evaluate = evaluate_gelu },
	{ .name = "Dropout", .since = 7, .inputs = X(NN_FLOATS),
	  .outputs = NN_PORTS({ "output", 'T', NN_FLOATS, NN_ONE },
			      { "mask", 'T', NN_FLOATS, NN_OPTIONAL }),
	  .attrs = NN_ATTRS(NN_FLOAT("ratio", 0.5f)), .infer = infer_dropout,
	  .evaluate = evaluate_dropout },
	{ .name = "Dropout", .since = 10, .inputs = X(NN_FLOATS),
	  .outputs = NN_PORTS({ "output", 'T', NN_FLOATS, NN_ONE },
			      { "mask", 0, NN_SET(NN_BOOL), NN_OPTIONAL }),
	  .attrs = NN_ATTRS(NN_FLOAT("ratio", 0.5f)), .infer = infer_dropout,
	  .evaluate = evaluate_dropout },
	{ .name = "Dropout", .since = 12,
	  .inputs = NN_PORTS({ "data", 'T', NN_FLOATS, NN_ONE },
			     { "ratio", 0, NN_FLOATS, NN_OPTIONAL },
			     { "training_mode", 0, NN_SET(NN_BOOL), NN_OPTIONAL }),
	  .outputs = NN_PORTS({ "output", 'T', NN_FLOATS, NN_ONE },
			      { "mask", 0, NN_SET(NN_BOOL), NN_OPTIONAL }),
	  .attrs = NN_ATTRS(NN_OPTIONAL_ATTR("seed", INT)), .infer = infer_dropout,
	  .evaluate = evaluate_dropout },
	{ .name = "Identity", .since = 1,
	  .inputs = NN_PORTS({ "input", 'V', NN_PLAIN | NN_TAKES_ALL, NN_ONE }),
	  .outputs = NN_PORTS({ "output", 'V', NN_PLAIN, NN_ONE }),
	  .infer = infer_identity, .evaluate = evaluate_copy },
	{ 0 }
};
