// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "calibrate.h"

#include <errno.h>
#include <stdlib.h>

#include "../../error.h"

#define WHAT	"cannot calibrate the model"

static void widen(struct nn_range *range, const struct nn_range *more)
{
	if (!more->any)
		return;
	if (!range->any || more->low < range->low)
		range->low = more->low;
	if (!range->any || more->high > range->high)
		range->high = more->high;
	range->any = true;
}

/* What is not a number has no place in a range; infinities make it useless. */
static void note(void *opaque, const struct nn_value *value, const struct nn_tensor *tensor)
{
	struct nn_range *ranges = opaque, range = { .any = false };
	const float *x = tensor->data;
	size_t i;

	if (tensor->type != NN_F32)
		return;
	for (i = 0; i < tensor->count; i++) {
		if (!range.any || x[i] < range.low)
			range.low = x[i];
		if (!range.any || x[i] > range.high)
			range.high = x[i];
		range.any |= x[i] == x[i];
	}
	widen(&ranges[value->index], &range);
}

static int check_free(struct nn_card *card)
{
	bool planned;

	pthread_mutex_lock(&card->lock);
	planned = card->planned;
	pthread_mutex_unlock(&card->lock);
	return planned ? accel_fail(-EBUSY, WHAT, "load it anew",
				    "it is in use with the ranges that it has") : 0;
}

static int take(struct nn_card *card, const struct nn_range *ranges)
{
	const size_t count = card->model->value_count;
	int ret = check_free(card);
	size_t i;

	if (ret)
		return ret;
	pthread_mutex_lock(&card->lock);
	if (!card->ranges)
		card->ranges = calloc(count + 1, sizeof(*card->ranges));
	for (i = 0; i < count && card->ranges; i++)
		widen(&card->ranges[i], &ranges[i]);
	ret = card->ranges ? 0 : accel_fail_errno(-ENOMEM, WHAT);
	pthread_mutex_unlock(&card->lock);
	return ret;
}

int nn_calibrate(struct nn_card *card, struct nn_facts *facts)
{
	const struct nn_graph *graph = card->model->graph;
	struct nn_range *ranges;
	int ret = check_free(card);
	size_t i;

	if (ret)
		return ret;
	ranges = calloc(card->model->value_count + 1, sizeof(*ranges));
	if (!ranges)
		return accel_fail_errno(-ENOMEM, WHAT);
	for (i = 0; i < graph->input_count; i++) {
		const struct nn_tensor *input = nn_contents(&facts->facts[graph->inputs[i]->index]);

		if (input)
			note(ranges, graph->inputs[i], input);
	}
	facts->seen = note;
	facts->seen_opaque = ranges;
	ret = nn_facts_run(facts);
	facts->seen = NULL;
	if (!ret)
		ret = take(card, ranges);
	free(ranges);
	return ret;
}
