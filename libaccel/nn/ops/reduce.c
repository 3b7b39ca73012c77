// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Operators that make one of many elements: reductions, normalisation, Softmax.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../op.h"

/* ---- Reductions ---- */

/* Axes as bits: an input from version `as_input` on. Returns 1 if they are not known. */
static int reduced_axes(const struct nn_call *call, int rank, unsigned int *mask)
{
	int64_t axes[NN_RANK_MAX];
	const int64_t *ints = axes;
	int i, axis, count = 0, ret;

	if (call->node->op->inputs[1].name) {
		if (nn_in_fact(call, 1)) {
			count = nn_ints(call, 1, axes, NN_RANK_MAX);
			if (count < 0)
				return 1;
		}
	} else {
		count = (int)nn_attr_ints(call, "axes", &ints);
	}
	*mask = 0;
	for (i = 0; i < count; i++) {
		ret = nn_axis(call, "axis", ints[i], rank, &axis);
		if (ret)
			return ret;
		*mask |= 1u << axis;
	}
	/* None are all, or with noop_with_empty_axes really none. */
	if (!count && !(call->node->op->inputs[1].name &&
			nn_attr_int(call, "noop_with_empty_axes")))
		*mask = (1u << rank) - 1;
	return 0;
}

static int infer_reduce(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	bool keep = nn_attr_int(call, "keepdims");
	unsigned int mask;
	int i, ret;

	if (in->rank < 0)
		return 0;
	ret = reduced_axes(call, in->rank, &mask);
	if (ret)
		return ret < 0 ? ret : 0;
	out->rank = 0;
	for (i = 0; i < in->rank; i++) {
		if (!(mask >> i & 1))
			out->dims[out->rank++] = in->dims[i];
		else if (keep)
			out->dims[out->rank++] = 1;
	}
	return 0;
}

/* The element of the result that element i of the input goes to. */
static size_t goes_to(const struct nn_shape *in, unsigned int mask, size_t i)
{
	size_t place = 0, step = 1, at;
	int k;

	for (k = in->rank - 1; k >= 0; k--) {
		at = i % (size_t)in->dims[k];
		i /= (size_t)in->dims[k];
		if (!(mask >> k & 1)) {
			place += at * step;
			step *= (size_t)in->dims[k];
		}
	}
	return place;
}

enum reduction { SUM, MEAN, MAX, MIN, PRODUCT, L1, L2, SUM_SQUARE, LOG_SUM, LOG_SUM_EXP };

static double first(enum reduction kind)
{
	return kind == MAX ? -INFINITY : kind == MIN ? INFINITY : kind == PRODUCT ? 1 : 0;
}

static double step(enum reduction kind, double sum, double x)
{
	switch (kind) {
	case MAX: return isnan(sum) || sum > x ? sum : x;
	case MIN: return isnan(sum) || sum < x ? sum : x;
	case PRODUCT: return sum * x;
	case L1: return sum + fabs(x);
	case L2:
	case SUM_SQUARE: return sum + x * x;
	default: return sum + x;
	}
}

static double last(enum reduction kind, double sum, double count)
{
	switch (kind) {
	case MEAN: return sum / count;
	case L2: return sqrt(sum);
	case LOG_SUM: return log(sum);
	default: return sum;
	}
}

/* What belongs to a place of the result so far. */
union sum {
	double f;
	int64_t i;
};

/* Sums of exponentials would overflow without the largest element taken out. */
static int log_sum_exp(const struct nn_tensor *x, unsigned int mask, union sum *sums, size_t count)
{
	double *most = calloc(count + 1, sizeof(*most));
	size_t i, to;

	if (!most)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		most[i] = -INFINITY;
	for (i = 0; i < x->count; i++) {
		to = goes_to(&x->shape, mask, i);
		most[to] = step(MAX, most[to], nn_get(x, i));
	}
	for (i = 0; i < x->count; i++) {
		to = goes_to(&x->shape, mask, i);
		sums[to].f += exp(nn_get(x, i) - (isinf(most[to]) ? 0 : most[to]));
	}
	for (i = 0; i < count; i++)
		sums[i].f = log(sums[i].f) + (isinf(most[i]) ? 0 : most[i]);
	free(most);
	return 0;
}

/* Whether integers stay integers, so that those of 64 bits are exact. */
static bool keeps_integers(enum reduction kind)
{
	return kind == SUM || kind == MAX || kind == MIN || kind == PRODUCT || kind == L1 ||
	       kind == SUM_SQUARE;
}

static int64_t step_integer(enum reduction kind, enum nn_type type, int64_t sum, int64_t x)
{
	bool less = type == NN_U64 ? (uint64_t)x < (uint64_t)sum : x < sum;

	switch (kind) {
	case MAX: return less ? sum : x;
	case MIN: return less ? x : sum;
	case PRODUCT: return (int64_t)((uint64_t)sum * (uint64_t)x);
	case L1: return (int64_t)((uint64_t)sum + (x < 0 && type != NN_U64 ? -(uint64_t)x : (uint64_t)x));
	case SUM_SQUARE: return (int64_t)((uint64_t)sum + (uint64_t)x * (uint64_t)x);
	default: return (int64_t)((uint64_t)sum + (uint64_t)x);
	}
}

/* The smallest and largest of a type are what a maximum and a minimum begin with. */
static int64_t first_integer(enum reduction kind, enum nn_type type)
{
	struct nn_tensor one = { .type = type, .shape.rank = 0, .count = 1, .data = &(int64_t){ 0 } };

	if (kind != MAX && kind != MIN)
		return kind == PRODUCT;
	if (type == NN_BOOL)
		return kind == MIN;
	nn_set(&one, 0, kind == MAX ? -0x1p65 : 0x1p65);
	return nn_get_int(&one, 0);
}

/* From all elements to the sums of those that go to the same place. */
static int sum_up(const struct nn_tensor *x, unsigned int mask, enum reduction kind, bool integers,
		  union sum *sums, size_t count)
{
	size_t i, to;

	for (i = 0; i < count; i++) {
		if (integers)
			sums[i].i = first_integer(kind, x->type);
		else
			sums[i].f = first(kind);
	}
	if (kind == LOG_SUM_EXP)
		return log_sum_exp(x, mask, sums, count);
	for (i = 0; i < x->count; i++) {
		to = goes_to(&x->shape, mask, i);
		if (integers)
			sums[to].i = step_integer(kind, x->type, sums[to].i, nn_get_int(x, i));
		else
			sums[to].f = step(kind, sums[to].f, nn_get(x, i));
	}
	return 0;
}

static int evaluate_reduce(struct nn_call *call, enum reduction kind)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	const bool integers = !nn_is_float(x->type) && keeps_integers(kind);
	struct nn_tensor *y = nn_result(call, 0);
	union sum *sums = calloc(y->count + 1, sizeof(*sums));
	unsigned int mask = 0;
	size_t i;
	int ret;

	if (!sums)
		return nn_no_memory(call);
	ret = reduced_axes(call, x->shape.rank, &mask);
	if (!ret && sum_up(x, mask, kind, integers, sums, y->count))
		ret = nn_no_memory(call);
	for (i = 0; i < y->count && !ret; i++) {
		if (integers)
			nn_set_int(y, i, sums[i].i);
		else
			nn_set(y, i, last(kind, sums[i].f, (double)(x->count / y->count)));
	}
	free(sums);
	return ret;
}

#define REDUCE(name, kind) \
	static int evaluate_##name(struct nn_call *call) { return evaluate_reduce(call, kind); }
REDUCE(sum, SUM)
REDUCE(mean, MEAN)
REDUCE(max, MAX)
REDUCE(min, MIN)
REDUCE(product, PRODUCT)
REDUCE(l1, L1)
REDUCE(l2, L2)
REDUCE(sum_square, SUM_SQUARE)
REDUCE(log_sum, LOG_SUM)
REDUCE(log_sum_exp, LOG_SUM_EXP)

/* ---- Softmax ---- */

/* Rows of `count` elements, `step` apart. Before version 13 all dimensions from axis on are one. */
static int softmax_rows(const struct nn_call *call, const struct nn_tensor *x, size_t *count,
			size_t *apart)
{
	int i, axis, rank = x->shape.rank, ret;

	*count = 1;
	*apart = 1;
	ret = nn_axis(call, "axis", nn_attr_int(call, "axis"), rank, &axis);
	if (ret)
		return ret;
	for (i = axis; i < rank; i++) {
		if (i == axis || call->node->opset < 13)
			*count *= (size_t)x->shape.dims[i];
		else
			*apart *= (size_t)x->shape.dims[i];
	}
	return 0;
}

static void softmax_row(const struct nn_tensor *x, struct nn_tensor *y, size_t at, size_t count,
			size_t apart, bool logarithm)
{
	double most = -INFINITY, sum = 0;
	size_t i;

	for (i = 0; i < count; i++)
		most = step(MAX, most, nn_get(x, at + i * apart));
	for (i = 0; i < count; i++)
		sum += exp(nn_get(x, at + i * apart) - most);
	for (i = 0; i < count; i++) {
		double e = nn_get(x, at + i * apart) - most;

		nn_set(y, at + i * apart, logarithm ? e - log(sum) : exp(e) / sum);
	}
}

static int softmax(struct nn_call *call, bool logarithm)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	size_t count, apart, i, k;
	int ret = softmax_rows(call, x, &count, &apart);

	if (ret)
		return ret;
	for (i = 0; i < x->count; i += count * apart)
		for (k = 0; k < apart; k++)
			softmax_row(x, nn_result(call, 0), i + k, count, apart, logarithm);
	return 0;
}

static int evaluate_softmax(struct nn_call *call)
{
	return softmax(call, false);
}

static int evaluate_log_softmax(struct nn_call *call)
{
	return softmax(call, true);
}

/* ---- Table ---- */

#define BEFORE(n, types, e) \
	{ .name = n, .since = 1, .inputs = NN_PORTS({ "data", 'T', types, NN_ONE }), \
	  .outputs = NN_PORTS({ "reduced", 'T', types, NN_ONE }), \
	  .attrs = NN_ATTRS(NN_OPTIONAL_ATTR("axes", INTS), NN_INT("keepdims", 1)), \
	  .infer = infer_reduce, .evaluate = e }
#define AFTER(n, v, types, e) \
	{ .name = n, .since = v, \
	  .inputs = NN_PORTS({ "data", 'T', types, NN_ONE }, \
			     { "axes", 0, NN_SET(NN_I64), NN_OPTIONAL }), \
	  .outputs = NN_PORTS({ "reduced", 'T', types, NN_ONE }), \
	  .attrs = NN_ATTRS(NN_INT("keepdims", 1), NN_INT("noop_with_empty_axes", 0)), \
	  .infer = infer_reduce, .evaluate = e }
#define TYPES	(NN_FLOATS | NN_SET(NN_I32) | NN_SET(NN_U32) | NN_SET(NN_I64) | NN_SET(NN_U64))
/* Of these there are the smallest and the largest, too. */
#define ORDERED	(TYPES | NN_SET(NN_I8) | NN_SET(NN_U8) | NN_SET(NN_BOOL))
#define REDUCTION(n, e)	BEFORE(n, TYPES, e), AFTER(n, 18, TYPES, e)
#define EXTREME(n, e)	BEFORE(n, ORDERED, e), AFTER(n, 18, ORDERED, e)
#define ROWS(n, v, axis, e) \
	{ .name = n, .since = v, .inputs = NN_PORTS({ "input", 'T', NN_FLOATS, NN_ONE }), \
	  .outputs = NN_PORTS({ "output", 'T', NN_FLOATS, NN_ONE }), \
	  .attrs = NN_ATTRS(NN_INT("axis", axis)), .infer = nn_infer_same, .evaluate = e }

const struct nn_op nn_ops_reduce[] = {
	BEFORE("ReduceSum", TYPES, evaluate_sum),
	AFTER("ReduceSum", 13, TYPES, evaluate_sum),
	REDUCTION("ReduceMean", evaluate_mean),
	EXTREME("ReduceMax", evaluate_max),
	EXTREME("ReduceMin", evaluate_min),
	REDUCTION("ReduceProd", evaluate_product),
	REDUCTION("ReduceL1", evaluate_l1),
	REDUCTION("ReduceL2", evaluate_l2),
	REDUCTION("ReduceSumSquare", evaluate_sum_square),
	REDUCTION("ReduceLogSum", evaluate_log_sum),
	REDUCTION("ReduceLogSumExp", evaluate_log_sum_exp),
	ROWS("Softmax", 1, 1, evaluate_softmax),
	ROWS("Softmax", 13, -1, evaluate_softmax),
	ROWS("LogSoftmax", 1, 1, evaluate_log_softmax),
	ROWS("LogSoftmax", 13, -1, evaluate_log_softmax),
	{ 0 }
};
