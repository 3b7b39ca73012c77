// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Losses: how far scores are from the classes that they should name.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../op.h"

/* Scores are [batch, classes, places...]; a target for each of [batch, places...]. */
struct losses {
	const struct nn_tensor *targets, *weights;
	size_t classes, places;
	bool ignores;
	int64_t ignored;
};

static int check_reduction(const struct nn_call *call)
{
	const char *reduction = nn_attr_text(call, "reduction");

	if (!strcmp(reduction, "mean") || !strcmp(reduction, "sum") || !strcmp(reduction, "none"))
		return 0;
	return nn_refuse(call, NULL, "its reduction is something that ONNX does not have");
}

static int check_targets(const struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape, *target = &call->in[1]->shape;
	int i;

	if (in->rank >= 0 && in->rank < 2)
		return nn_refuse(call, NULL, "its input has %d dimensions, fewer than two", in->rank);
	if (!nn_shape_known(in) || !nn_shape_known(target))
		return 0;
	if (target->rank != in->rank - 1)
		return nn_refuse(call, NULL, "its input has %d dimensions, its targets %d", in->rank,
				 target->rank);
	for (i = 0; i < target->rank; i++)
		if (target->dims[i] != in->dims[i ? i + 1 : 0])
			return nn_refuse(call, NULL, "dimension %d of its targets is %" PRId64
					 ", where its input asks for %" PRId64, i, target->dims[i],
					 in->dims[i ? i + 1 : 0]);
	return 0;
}

static int infer_loss(struct nn_call *call)
{
	struct nn_fact *logarithms = nn_out_fact(call, 1);
	int ret = check_reduction(call);

	if (!ret)
		ret = check_targets(call);
	if (ret)
		return ret;
	if (!strcmp(nn_attr_text(call, "reduction"), "none"))
		call->out[0]->shape = call->in[1]->shape;
	else
		call->out[0]->shape.rank = 0;
	if (logarithms)
		logarithms->shape = call->in[0]->shape;
	return 0;
}

static int read_losses(const struct nn_call *call, struct losses *l)
{
	const struct nn_shape *in = &call->in[0]->shape;
	size_t before;

	l->targets = nn_contents(call->in[1]);
	l->weights = nn_contents(nn_in_fact(call, 2));
	l->classes = (size_t)in->dims[1];
	nn_around(in, 1, &before, &l->places);
	l->ignores = nn_attr_given(call, "ignore_index");
	l->ignored = l->ignores ? nn_attr_int(call, "ignore_index") : 0;
	if (l->weights && l->weights->count != l->classes)
		return nn_refuse(call, NULL, "it has %zu weights for %zu classes", l->weights->count,
				 l->classes);
	return 0;
}

/* The loss of each target, of logarithms of probabilities; then their sum or mean. */
static int sum_losses(struct nn_call *call, const struct losses *l, const double *logarithms)
{
	bool none = !strcmp(nn_attr_text(call, "reduction"), "none");
	double sum = 0, all = 0, weight, loss;
	struct nn_tensor *y = nn_result(call, 0);
	int64_t target;
	size_t i;

	for (i = 0; i < l->targets->count; i++) {
		target = nn_get_int(l->targets, i);
		if (l->ignores && target == l->ignored)
			continue;
		if (target < 0 || target >= (int64_t)l->classes)
			return nn_refuse(call, NULL, "target %" PRId64 " is none of %zu classes", target,
					 l->classes);
		weight = l->weights ? nn_get(l->weights, (size_t)target) : 1;
		loss = -weight * logarithms[(i / l->places * l->classes + (size_t)target) * l->places +
					    i % l->places];
		if (none)
			nn_set(y, i, loss);
		sum += loss;
		all += weight;
	}
	if (!none)
		nn_set(y, 0, strcmp(nn_attr_text(call, "reduction"), "mean") ? sum : sum / all);
	return 0;
}

/* Logarithms of the scores' softmax over the classes. */
static void take_softmax(const struct losses *l, double *x, size_t count)
{
	size_t i, k, c;

	for (i = 0; i < count; i += l->classes * l->places) {
		for (k = 0; k < l->places; k++) {
			double *row = x + i + k, most = -INFINITY, sum = 0;

			for (c = 0; c < l->classes; c++)
				most = fmax(most, row[c * l->places]);
			for (c = 0; c < l->classes; c++)
				sum += exp(row[c * l->places] - most);
			for (c = 0; c < l->classes; c++)
				row[c * l->places] -= most + log(sum);
		}
	}
}

static int evaluate_loss(struct nn_call *call, bool softmax)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct nn_tensor *kept = nn_result(call, 1);
	struct losses l;
	double *logarithms;
	size_t i;
	int ret = read_losses(call, &l);

	if (ret)
		return ret;
	logarithms = calloc(x->count + 1, sizeof(*logarithms));
	if (!logarithms)
		return nn_no_memory(call);
	for (i = 0; i < x->count; i++)
		logarithms[i] = nn_get(x, i);
	if (softmax)
		take_softmax(&l, logarithms, x->count);
	for (i = 0; kept && i < x->count; i++)
		nn_set(kept, i, logarithms[i]);
	ret = sum_losses(call, &l, logarithms);
	free(logarithms);
	return ret;
}

static int evaluate_nll(struct nn_call *call)
{
	return evaluate_loss(call, false);
}

static int evaluate_cross_entropy(struct nn_call *call)
{
	return evaluate_loss(call, true);
}

/* ---- Table ---- */

#define INDICES		(NN_SET(NN_I32) | NN_SET(NN_I64))
#define ATTRS		NN_ATTRS(NN_OPTIONAL_ATTR("ignore_index", INT), NN_TEXT("reduction", "mean"))

const struct nn_op nn_ops_loss[] = {
	{ .name = "NegativeLogLikelihoodLoss", .since = 12,
	  .inputs = NN_PORTS({ "input", 'T', NN_FLOATS, NN_ONE }, { "target", 0, INDICES, NN_ONE },
			     { "weight", 'T', NN_FLOATS, NN_OPTIONAL }),
	  .outputs = NN_PORTS({ "loss", 'T', NN_FLOATS, NN_ONE }), .attrs = ATTRS,
	  .infer = infer_loss, .evaluate = evaluate_nll },
	{ .name = "SoftmaxCrossEntropyLoss", .since = 12,
	  .inputs = NN_PORTS({ "scores", 'T', NN_FLOATS, NN_ONE }, { "labels", 0, INDICES, NN_ONE },
			     { "weights", 'T', NN_FLOATS, NN_OPTIONAL }),
	  .outputs = NN_PORTS({ "output", 'T', NN_FLOATS, NN_ONE },
			      { "log_prob", 'T', NN_FLOATS, NN_OPTIONAL }), .attrs = ATTRS,
	  .infer = infer_loss, .evaluate = evaluate_cross_entropy },
	{ 0 }
};
