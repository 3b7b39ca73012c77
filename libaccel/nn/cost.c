// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "cost.h"

#include <string.h>

static const struct nn_shape *shape_of(const struct nn_facts *facts, const struct nn_value *value)
{
	return value ? &facts->facts[value->index].shape : NULL;
}

/* Elements of a shape; 0 if it is not known, or has none. */
static uint64_t elements(const struct nn_shape *shape)
{
	size_t count;

	return shape && nn_shape_known(shape) && nn_shape_count(shape, &count) ? count : 0;
}

/* Each element of the result is a sum over a row of the weights. */
static uint64_t conv_macs(const struct nn_shape *weights, const struct nn_shape *result)
{
	uint64_t all = elements(weights);

	return all && weights->rank ? elements(result) * (all / (uint64_t)weights->dims[0]) : 0;
}

/* Each element of a row of A is multiplied with an element for each column of the result. */
static uint64_t product_macs(const struct nn_shape *a, bool across, const struct nn_shape *result)
{
	if (!elements(a) || !a->rank)
		return 0;
	return elements(result) * (uint64_t)a->dims[across ? 0 : a->rank - 1];
}

uint64_t nn_node_macs(const struct nn_facts *facts, const struct nn_node *node)
{
	/* Which inputs are multiplied. */
	static const struct {
		const char *type;
		enum { CONV, TRANSPOSED, PRODUCT } kind;
		size_t a, b;
	} kinds[] = {
		{ "Conv", CONV, 0, 1 }, { "ConvInteger", CONV, 0, 1 }, { "QLinearConv", CONV, 0, 3 },
		{ "ConvTranspose", TRANSPOSED, 0, 1 }, { "MatMul", PRODUCT, 0, 1 },
		{ "Gemm", PRODUCT, 0, 1 }, { "MatMulInteger", PRODUCT, 0, 1 },
		{ "QLinearMatMul", PRODUCT, 0, 3 }, { "MatMulNBits", PRODUCT, 0, 1 },
	};
	const struct nn_attr *across = nn_attr_find(node, "transA");
	const struct nn_shape *a, *b, *result;
	size_t i;

	if (!node->op || !node->output_count)
		return 0;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].type, node->type))
			break;
	if (i == sizeof(kinds) / sizeof(kinds[0]) || kinds[i].b >= node->input_count)
		return 0;
	a = shape_of(facts, node->inputs[kinds[i].a]);
	b = shape_of(facts, node->inputs[kinds[i].b]);
	result = shape_of(facts, node->outputs[0]);
	switch (kinds[i].kind) {
	case CONV:
		return conv_macs(b, result);
	case TRANSPOSED:
		return conv_macs(b, a);
	default:
		return product_macs(a, across && across->i, result);
	}
}
