// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Losses. The class that a target names is found by comparing it with all of them: nothing is
 * gathered, as all scores of a place are a row, which the softmax needs in scratchpad anyway.
 * A target that is ignored is equal to none, so that its loss and its weight are zero. Sums and
 * means over all targets are a second launch.
 */
#include <errno.h>
#include <string.h>

#include "../../error.h"
#include "move.h"

#define F32	EGRET_TYPE_F32
#define BYTES	4	/* of a float32 */

/* (batch, place, class): classes are a row. */
enum { BATCH, PLACE, CLASS };

struct judging {
	struct nn_lower *lower;
	const struct nn_node *node;
	struct nn_program p;
	int64_t by_score[3], by_target[3];	/* strides in bytes, of scores and of results */
	struct nn_ref losses, weights;		/* of all targets */
	bool each, mean;			/* reductions: none, or the mean; otherwise the sum */
};

/* x where the class is the target's, 0 elsewhere, summed up. */
static int pick(struct nn_program *p, int hit, int x)
{
	x = nn_map3(p, EGRET_MAP_SELECT, F32, hit, NN_VALUE(x), nn_number(0));
	return nn_program_reduce(p, EGRET_REDUCE_SUM, F32, x);
}

static int log_softmax(struct nn_program *p, int x)
{
	int y = nn_program_reduce(p, EGRET_REDUCE_MAX, F32, x);

	x = nn_map2(p, EGRET_MAP_SUB, F32, x, NN_VALUE(y));
	y = nn_program_reduce(p, EGRET_REDUCE_SUM, F32, nn_map1(p, EGRET_MAP_EXP, F32, x));
	y = nn_map1(p, EGRET_MAP_LOG, F32, y);
	return nn_map2(p, EGRET_MAP_SUB, F32, x, NN_VALUE(y));
}

/* Whether a class is the target: 1 or 0 for each of a row. */
static int find_hits(struct judging *j)
{
	const struct nn_value *targets = j->node->inputs[1];
	const struct nn_fact *fact = nn_fact_of(j->lower, targets);
	const int64_t size = nn_type_bits(fact->type) / 8;
	const int64_t by_target[3] = { j->p.dims[PLACE] * size, size, 0 };
	int number = nn_load_counting(j->lower, &j->p, CLASS, 0, 1), target = -1, hit, wanted;
	struct nn_call call = nn_call_of(j->lower, j->node);
	struct nn_ref ref;

	if (!nn_place_of(j->lower, targets, &ref))
		target = nn_program_load(&j->p, nn_card_type(fact->type), ref, by_target);
	hit = nn_map2(&j->p, EGRET_MAP_EQ, EGRET_TYPE_U8, number, NN_VALUE(target));
	if (!nn_attr_given(&call, "ignore_index"))
		return hit;
	wanted = nn_map2(&j->p, EGRET_MAP_NE, EGRET_TYPE_U8, target,
		      nn_integer((int32_t)nn_attr_int(&call, "ignore_index")));
	return nn_map2(&j->p, EGRET_MAP_AND, EGRET_TYPE_U8, hit, NN_VALUE(wanted));
}

/* The weights of the targets' classes; 1 for all if there are none. */
static int find_weights(struct judging *j, int hit)
{
	const int64_t by_class[3] = { 0, 0, BYTES };
	struct nn_ref ref;

	if (j->node->input_count < 3 || !j->node->inputs[2])
		return nn_program_reduce(&j->p, EGRET_REDUCE_SUM, F32, hit);
	if (nn_place_of(j->lower, j->node->inputs[2], &ref))
		return -1;
	return pick(&j->p, hit, nn_program_load(&j->p, F32, ref, by_class));
}

static int launch_targets(struct judging *j, bool softmax)
{
	const struct nn_value *kept = j->node->output_count > 1 ? j->node->outputs[1] : NULL;
	int x = -1, hit, weight, loss;
	struct nn_ref ref;
	int ret = nn_place_of(j->lower, j->node->inputs[0], &ref);

	if (ret)
		return ret;
	j->p.reduced = 1;
	x = nn_program_load(&j->p, F32, ref, j->by_score);
	if (softmax)
		x = log_softmax(&j->p, x);
	if (kept) {
		ret = nn_place_of(j->lower, kept, &ref);
		if (ret)
			return ret;
		if (x < 0 || !nn_program_store(&j->p, x, ref, j->by_score))
			return nn_cannot(j->lower, "it is too large");
	}
	hit = find_hits(j);
	weight = find_weights(j, hit);
	loss = nn_map1(&j->p, EGRET_MAP_NEG, F32, pick(&j->p, hit, x));
	loss = nn_map2(&j->p, EGRET_MAP_MUL, F32, loss, NN_VALUE(weight));
	if (loss < 0 || !nn_program_store(&j->p, loss, j->losses, j->by_target) ||
	    (j->mean && !nn_program_store(&j->p, weight, j->weights, j->by_target)))
		return nn_cannot(j->lower, "it is too large");
	return nn_launch_program(j->lower, &j->p, false);
}

/* The sum of all losses, or their mean by weights. */
static int launch_sum(struct judging *j, int64_t count, struct nn_ref to)
{
	const int64_t stride[1] = { BYTES }, none[1] = { 0 };
	struct nn_program p;
	int sum, all;

	nn_program_init(&p, 1, &count);
	p.reduced = 1;
	sum = nn_program_load(&p, F32, j->losses, stride);
	sum = nn_program_reduce(&p, EGRET_REDUCE_SUM, F32, sum);
	if (j->mean) {
		all = nn_program_load(&p, F32, j->weights, stride);
		all = nn_program_reduce(&p, EGRET_REDUCE_SUM, F32, all);
		sum = nn_map2(&p, EGRET_MAP_DIV, F32, sum, NN_VALUE(all));
	}
	if (sum < 0 || !nn_program_store(&p, sum, to, none))
		return nn_cannot(j->lower, "it is too large");
	return nn_launch_program(j->lower, &p, false);
}

static int begin(struct judging *j)
{
	const struct nn_shape *in = &nn_fact_of(j->lower, j->node->inputs[0])->shape;
	int64_t dims[3] = { in->dims[0], 1, in->dims[1] };
	struct nn_call call = nn_call_of(j->lower, j->node);
	const char *reduction = nn_attr_text(&call, "reduction");
	size_t count;
	int i, ret;

	for (i = 2; i < in->rank; i++)
		dims[PLACE] *= in->dims[i];
	for (i = 0; i < (int)j->node->input_count; i++)
		if (i != 1 && j->node->inputs[i] &&
		    nn_fact_of(j->lower, j->node->inputs[i])->type != NN_F32)
			return nn_cannot(j->lower, "its elements are not float32");
	nn_program_init(&j->p, 3, dims);
	j->by_score[BATCH] = dims[CLASS] * dims[PLACE] * BYTES;
	j->by_score[PLACE] = BYTES;
	j->by_score[CLASS] = dims[PLACE] * BYTES;
	j->by_target[BATCH] = dims[PLACE] * BYTES;
	j->by_target[PLACE] = BYTES;
	j->each = !strcmp(reduction, "none");
	j->mean = !strcmp(reduction, "mean");
	if (j->each)
		return nn_place_of(j->lower, j->node->outputs[0], &j->losses);
	count = (size_t)(dims[BATCH] * dims[PLACE]) * BYTES;
	ret = nn_plan_place(j->lower->plan, count, &j->losses);
	return ret || !j->mean ? ret : nn_plan_place(j->lower->plan, count, &j->weights);
}

static int lower_loss(struct nn_lower *lower, const struct nn_node *node, size_t position, bool softmax)
{
	struct judging j = { .lower = lower, .node = node };
	struct nn_ref to;
	int64_t count;
	int ret = begin(&j);

	/* Planning changes the program's dimensions. */
	count = j.p.dims[BATCH] * j.p.dims[PLACE];
	if (!ret)
		ret = launch_targets(&j, softmax);
	if (!ret && !j.each) {
		ret = nn_place_of(lower, node->outputs[0], &to);
		if (!ret)
			ret = launch_sum(&j, count, to);
	}
	return ret ? ret : nn_lower_done(lower, node, position);
}

static int lower_nll(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	return lower_loss(lower, node, position, false);
}

static int lower_cross_entropy(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	return lower_loss(lower, node, position, true);
}

const struct nn_lowering_entry nn_lower_losses[] = {
	{ "NegativeLogLikelihoodLoss", lower_nll, false },
	{ "SoftmaxCrossEntropyLoss", lower_cross_entropy, false },
	{ NULL, NULL, false },
};
