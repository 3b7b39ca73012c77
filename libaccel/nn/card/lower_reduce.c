// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Operators that sum up rows, or compute on rows as wholes: they are steps of programs, like those
 * that work element by element.
 */
#include <math.h>
#include <string.h>

#include "move.h"

/* A program in the writing: numbers of values, -1 once there is no room any more. */
struct rows {
	struct nn_group *group;
	const struct nn_node *node;
	enum egret_type out;
	float count;			/* elements of a row */
};

static int map1(const struct rows *r, enum egret_map_op op, enum egret_type type, int a)
{
	return nn_map1(&r->group->program, op, type, a);
}

static int map2(const struct rows *r, enum egret_map_op op, enum egret_type type, int a,
		struct nn_arg b)
{
	return nn_map2(&r->group->program, op, type, a, b);
}

static int reduce(const struct rows *r, enum egret_reduce_op op, enum egret_type type, int a)
{
	return nn_program_reduce(&r->group->program, op, type, a);
}

#define F32	EGRET_TYPE_F32

/* ---- Reductions ---- */

static int sum(const struct rows *r, int x) { return reduce(r, EGRET_REDUCE_SUM, r->out, x); }
static int most(const struct rows *r, int x) { return reduce(r, EGRET_REDUCE_MAX, r->out, x); }
static int least(const struct rows *r, int x) { return reduce(r, EGRET_REDUCE_MIN, r->out, x); }
static int product(const struct rows *r, int x) { return reduce(r, EGRET_REDUCE_PROD, r->out, x); }
static int l1(const struct rows *r, int x) { return reduce(r, EGRET_REDUCE_SUMABS, r->out, x); }
static int squares(const struct rows *r, int x) { return reduce(r, EGRET_REDUCE_SUMSQ, r->out, x); }

static int mean(const struct rows *r, int x)
{
	return map2(r, EGRET_MAP_MUL, r->out, reduce(r, EGRET_REDUCE_SUM, F32, x),
		    nn_number(1 / r->count));
}

static int l2(const struct rows *r, int x)
{
	return map1(r, EGRET_MAP_SQRT, r->out, reduce(r, EGRET_REDUCE_SUMSQ, F32, x));
}

static int log_sum(const struct rows *r, int x)
{
	return map1(r, EGRET_MAP_LOG, r->out, reduce(r, EGRET_REDUCE_SUM, F32, x));
}

/* The lowest float, so that rows of nothing but minus infinity do not subtract it from itself. */
#define LOWEST	(-0x1.fffffep127f)

/* x less the largest of its row. */
static int lowered(const struct rows *r, int x, int *largest)
{
	*largest = map2(r, EGRET_MAP_MAX, F32, reduce(r, EGRET_REDUCE_MAX, F32, x), nn_number(LOWEST));
	return map2(r, EGRET_MAP_SUB, F32, x, NN_VALUE(*largest));
}

static int log_sum_exp(const struct rows *r, int x)
{
	int largest, y = lowered(r, x, &largest);

	y = reduce(r, EGRET_REDUCE_SUM, F32, map1(r, EGRET_MAP_EXP, F32, y));
	y = map1(r, EGRET_MAP_LOG, F32, y);
	return map2(r, EGRET_MAP_ADD, r->out, y, NN_VALUE(largest));
}

static int softmax(const struct rows *r, int x)
{
	int largest = reduce(r, EGRET_REDUCE_MAX, F32, x), y;

	if (largest < 0)
		return -1;
	x = map1(r, EGRET_MAP_EXP, F32, map2(r, EGRET_MAP_SUB, F32, x, NN_VALUE(largest)));
	y = map1(r, EGRET_MAP_RECIP, F32, reduce(r, EGRET_REDUCE_SUM, F32, x));
	return map2(r, EGRET_MAP_MUL, r->out, x, NN_VALUE(y));
}

static int log_softmax(const struct rows *r, int x)
{
	int largest, y;

	x = lowered(r, x, &largest);
	y = reduce(r, EGRET_REDUCE_SUM, F32, map1(r, EGRET_MAP_EXP, F32, x));
	y = map1(r, EGRET_MAP_LOG, F32, y);
	return map2(r, EGRET_MAP_SUB, r->out, x, NN_VALUE(y));
}

/* The index of the largest or smallest, the first or the last of equals. */
static int find_index(const struct rows *r, enum egret_reduce_op op, int x)
{
	struct nn_call call = nn_call_of(r->group->lower, r->node);
	int y = reduce(r, op, r->out, x);

	if (y >= 0 && r->node->op->since >= 12 && nn_attr_int(&call, "select_last_index"))
		r->group->program.step[r->group->program.steps - 1].flags = EGRET_REDUCE_LAST;
	return y;
}

static int arg_max(const struct rows *r, int x) { return find_index(r, EGRET_REDUCE_ARGMAX, x); }
static int arg_min(const struct rows *r, int x) { return find_index(r, EGRET_REDUCE_ARGMIN, x); }

/* 1 for the first of the largest, 0 for all others. */
static int hardmax(const struct rows *r, int x)
{
	struct nn_program *p = &r->group->program;
	int number = reduce(r, EGRET_REDUCE_ARGMAX, EGRET_TYPE_S32, x), own;

	/* Rows of one dimension: what is counted is the index along it. */
	if (p->reduced != 1 || number < 0)
		return -1;
	own = nn_load_counting(r->group->lower, p, p->rank - 1, 0, 1);
	return map2(r, EGRET_MAP_EQ, r->out, own, NN_VALUE(number));
}

/* ---- Normalisation ---- */

static int lp_norm(const struct rows *r, int x)
{
	struct nn_call call = nn_call_of(r->group->lower, r->node);
	int64_t power = nn_attr_int(&call, "p");
	int y;

	if (power != 1 && power != 2)
		return -1;
	y = power == 1 ? reduce(r, EGRET_REDUCE_SUMABS, F32, x) :
	    map1(r, EGRET_MAP_SQRT, F32, reduce(r, EGRET_REDUCE_SUMSQ, F32, x));
	return map2(r, EGRET_MAP_DIV, r->out, x, NN_VALUE(y));
}

static void kept_shape(const struct nn_group *group, struct nn_shape *shape);

/* A second or third result, one for each row, if it is asked for. */
static bool also_gives(const struct rows *r, size_t output, int number)
{
	struct nn_shape kept;

	if (output >= r->node->output_count || !r->node->outputs[output])
		return true;
	kept_shape(r->group, &kept);
	return nn_group_define(r->group, r->node->outputs[output], number, &kept);
}

static int layer_norm(const struct rows *r, int x)
{
	struct nn_call call = nn_call_of(r->group->lower, r->node);
	float epsilon = nn_attr_float(&call, "epsilon");
	struct nn_arg arg;
	int y = map2(r, EGRET_MAP_MUL, F32, reduce(r, EGRET_REDUCE_SUM, F32, x),
		     nn_number(1 / r->count));

	if (y < 0 || !also_gives(r, 1, y))
		return -1;
	x = map2(r, EGRET_MAP_SUB, F32, x, NN_VALUE(y));
	y = map2(r, EGRET_MAP_MUL, F32, reduce(r, EGRET_REDUCE_SUMSQ, F32, x), nn_number(1 / r->count));
	y = map1(r, EGRET_MAP_RSQRT, F32, map2(r, EGRET_MAP_ADD, F32, y, nn_number(epsilon)));
	if (y < 0 || !also_gives(r, 2, y))
		return -1;
	x = map2(r, EGRET_MAP_MUL, F32, x, NN_VALUE(y));
	arg = nn_group_arg(r->group, r->node->inputs[1]);
	x = map2(r, EGRET_MAP_MUL, r->out, x, arg);
	if (r->node->input_count > 2 && r->node->inputs[2])
		x = map2(r, EGRET_MAP_ADD, r->out, x, nn_group_arg(r->group, r->node->inputs[2]));
	return x;
}

static int rms_norm(const struct rows *r, int x)
{
	struct nn_call call = nn_call_of(r->group->lower, r->node);
	float epsilon = nn_attr_float(&call, "epsilon");
	int y = map2(r, EGRET_MAP_MUL, F32, reduce(r, EGRET_REDUCE_SUMSQ, F32, x),
		     nn_number(1 / r->count));

	y = map1(r, EGRET_MAP_RSQRT, F32, map2(r, EGRET_MAP_ADD, F32, y, nn_number(epsilon)));
	if (y < 0)
		return -1;
	x = map2(r, EGRET_MAP_MUL, F32, x, NN_VALUE(y));
	return map2(r, EGRET_MAP_MUL, r->out, x, nn_group_arg(r->group, r->node->inputs[1]));
}

/* ---- Table ---- */

enum axes { LISTED, ONE, ONE_OR_REST, FROM, SPATIAL };

static const struct entry {
	const char *name;
	int (*add)(const struct rows *r, int x);
	enum axes axes;
	bool floats;		/* only these */
	bool whole;		/* the result has the input's shape */
} entries[] = {
	{ "ReduceSum", sum, LISTED, false, false },
	{ "ReduceMax", most, LISTED, false, false },
	{ "ReduceMin", least, LISTED, false, false },
	{ "ReduceProd", product, LISTED, false, false },
	{ "ReduceL1", l1, LISTED, false, false },
	{ "ReduceSumSquare", squares, LISTED, false, false },
	{ "ReduceMean", mean, LISTED, true, false },
	{ "ReduceL2", l2, LISTED, true, false },
	{ "ReduceLogSum", log_sum, LISTED, true, false },
	{ "ReduceLogSumExp", log_sum_exp, LISTED, true, false },
	{ "ArgMax", arg_max, ONE, false, false },
	{ "ArgMin", arg_min, ONE, false, false },
	{ "Softmax", softmax, ONE_OR_REST, true, true },
	{ "LogSoftmax", log_softmax, ONE_OR_REST, true, true },
	{ "Hardmax", hardmax, ONE_OR_REST, true, true },
	{ "LpNormalization", lp_norm, ONE, true, true },
	{ "LayerNormalization", layer_norm, FROM, true, true },
	{ "RMSNormalization", rms_norm, FROM, true, true },
	{ "GlobalAveragePool", mean, SPATIAL, true, false },
	{ "GlobalMaxPool", most, SPATIAL, true, false },
};

static const struct entry *find(const struct nn_node *node)
{
	size_t i;

	for (i = 0; i < sizeof(entries) / sizeof(entries[0]) && !node->domain[0]; i++)
		if (!strcmp(entries[i].name, node->type))
			return &entries[i];
	return NULL;
}

bool nn_is_reduction(const struct nn_node *node)
{
	return find(node) != NULL;
}

/* The rules of ONNX's reductions: an attribute or an input; none are all, or none. */
static bool listed_axes(const struct nn_lower *lower, const struct nn_node *node, int rank,
			unsigned int *axes)
{
	struct nn_call call = nn_call_of(lower, node);
	bool by_input = node->op->inputs[1].name;
	const int64_t *ints = NULL;
	int64_t list[NN_RANK_MAX];
	int i, count;

	if (by_input) {
		count = nn_in_fact(&call, 1) ? nn_ints(&call, 1, list, NN_RANK_MAX) : 0;
		ints = list;
	} else {
		count = (int)nn_attr_ints(&call, "axes", &ints);
	}
	if (count < 0)
		return false;
	*axes = 0;
	for (i = 0; i < count; i++)
		*axes |= 1u << (ints[i] < 0 ? ints[i] + rank : ints[i]);
	if (!count && !(by_input && nn_attr_int(&call, "noop_with_empty_axes")))
		*axes = (1u << rank) - 1;
	return true;
}

bool nn_reduction_axes(const struct nn_lower *lower, const struct nn_node *node, unsigned int *axes)
{
	int rank = nn_fact_of(lower, node->inputs[0])->shape.rank, axis;
	enum axes kind = find(node)->axes;
	unsigned int all = (1u << rank) - 1;
	struct nn_call call;

	if (kind == LISTED)
		return listed_axes(lower, node, rank, axes);
	if (kind == SPATIAL) {
		*axes = all & ~3u;
		return rank > 2;
	}
	call = nn_call_of(lower, node);
	axis = (int)nn_attr_int(&call, "axis");
	axis += axis < 0 ? rank : 0;
	if (kind == FROM || (kind == ONE_OR_REST && node->opset < 13))
		*axes = all & ~((1u << axis) - 1);
	else
		*axes = 1u << axis;
	return axis >= 0 && axis < rank;
}

/* The shape of sums, with the dimensions that were summed up as ones. */
static void kept_shape(const struct nn_group *group, struct nn_shape *shape)
{
	int i;

	*shape = group->shape;
	for (i = 0; i < shape->rank; i++)
		if (group->reduced >> i & 1)
			shape->dims[i] = 1;
}

bool nn_add_reduction(struct nn_group *group, const struct nn_node *node)
{
	const struct nn_fact *in = nn_fact_of(group->lower, node->inputs[0]);
	const struct entry *entry = find(node);
	struct rows r = { .group = group, .node = node, .count = 1 };
	struct nn_shape kept;
	size_t i;
	int x;

	r.out = nn_computed_type(nn_fact_of(group->lower, node->outputs[0])->type);
	if (r.out == EGRET_TYPE_NONE || nn_card_type(in->type) == EGRET_TYPE_NONE ||
	    (entry->floats && !nn_is_float(in->type)))
		return false;
	/* Only layer normalisation has more results than one. */
	for (i = 1; i < node->output_count; i++)
		if (node->outputs[i] && entry->add != layer_norm)
			return false;
	for (i = 0; (int)i < in->shape.rank; i++)
		if (group->reduced >> i & 1)
			r.count *= (float)in->shape.dims[i];
	kept_shape(group, &kept);
	x = nn_group_value(group, node->inputs[0]);
	return nn_group_define(group, node->outputs[0], entry->add(&r, x),
			       entry->whole ? NULL : &kept);
}
