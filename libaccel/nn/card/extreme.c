// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "extreme.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Operators whose results are not as large as their inputs, or sums that nobody adds such numbers in. */
static const char *const limiting[] = {
	"Attention", "Clip", "Conv", "ConvTranspose", "Cos", "Erf", "Exp", "Gemm", "GRU",
	"GroupNormalization", "HardSigmoid", "InstanceNormalization", "LSTM", "LayerNormalization",
	"MatMul", "RMSNormalization", "RNN", "Reciprocal", "Sigmoid", "Sin", "Softmax", "Softsign",
	"Tanh",
};

/* Tables and weights are larger: nobody looks through these. */
#define LOOK_MAX	((size_t)1 << 20)

static bool limits(const struct nn_node *node)
{
	size_t i;

	for (i = 0; i < sizeof(limiting) / sizeof(limiting[0]) && !node->domain[0]; i++)
		if (!strcmp(node->type, limiting[i]))
			return true;
	return false;
}

/* From here on, numbers are rounded to infinity. */
static float end_of(enum nn_type type)
{
	return type == NN_F16 ? 65520.0f : 0x1.ffp127f;
}

static bool is_beyond(const void *data, size_t count, float end)
{
	size_t i;
	float x;

	for (i = 0; i < count && count <= LOOK_MAX; i++) {
		memcpy(&x, (const char *)data + i * sizeof(x), sizeof(x));
		if (isfinite(x) && fabsf(x) >= end)
			return true;
	}
	return false;
}

static bool is_known_beyond(const struct nn_lower *lower, const struct nn_value *value, float end)
{
	const struct nn_fact *fact = nn_fact_of(lower, value);
	size_t count;

	return fact && fact->type == NN_F32 && nn_is_known(fact) && nn_shape_count(&fact->shape, &count) &&
	       is_beyond(fact->raw ? fact->raw : fact->tensor.data, count, end);
}

/* A number that the node has itself, as ConstantOfShape has. */
static bool has_beyond(const struct nn_node *node, float end)
{
	size_t i;

	for (i = 0; i < node->attr_count; i++) {
		const struct nn_attr *attr = &node->attrs[i];

		if (attr->type == NN_ATTR_TENSOR && attr->tensor->type == NN_F32 &&
		    is_beyond(attr->tensor->data, attr->tensor->count, end))
			return true;
		if (attr->type == NN_ATTR_FLOAT && isfinite(attr->f) && fabsf(attr->f) >= end)
			return true;
	}
	return false;
}

static bool passes_on(const struct nn_lower *lower, const struct nn_node *node, const bool *extreme,
		      float end)
{
	struct nn_value *value;
	size_t i;

	if (limits(node))
		return false;
	for (i = 0; nn_node_dependency(node, i, &value); i++)
		if (value && (extreme[value->index] || is_known_beyond(lower, value, end)))
			return true;
	return has_beyond(node, end);
}

bool *nn_find_extremes(const struct nn_lower *lower, enum nn_type type)
{
	const struct nn_graph *graph = lower->plan->card->model->graph;
	bool *extreme = calloc(lower->facts->model->value_count + 1, sizeof(*extreme));
	size_t i, k;

	for (i = 0; i < graph->node_count && extreme; i++) {
		const struct nn_node *node = graph->nodes[i];

		if (!passes_on(lower, node, extreme, end_of(type)))
			continue;
		for (k = 0; k < node->output_count; k++)
			if (node->outputs[k] && nn_fact_of(lower, node->outputs[k])->type == NN_F32)
				extreme[node->outputs[k]->index] = true;
	}
	return extreme;
}
