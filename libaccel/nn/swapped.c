// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Constants with their last two dimensions swapped, for products.
 *
 * A language model whose last layer has the weights of its embedding has them once, and a
 * Transpose in front of the last product, often of most of the model's bytes. To evaluate it ahead,
 * with all else that is known, would take its time and memory for each set of input shapes. So it
 * is left alone, and marked: whoever lowers the product takes the constant itself.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../error.h"
#include "graph.h"

static bool is_onnx(const struct nn_node *node, const char *type)
{
	return !node->domain[0] && !strcmp(node->type, type);
}

/* All dimensions stay where they are but the last two. */
static bool swaps_last(const struct nn_node *node, int rank)
{
	const struct nn_attr *perm = NULL;
	size_t i;

	for (i = 0; i < node->attr_count; i++)
		if (!strcmp(node->attrs[i].name, "perm"))
			perm = &node->attrs[i];
	if (!perm)
		return rank == 2;
	if (rank < 2 || perm->type != NN_ATTR_INTS || perm->count != (size_t)rank)
		return false;
	for (i = 0; i + 2 < (size_t)rank; i++)
		if (perm->ints[i] != (int64_t)i)
			return false;
	return perm->ints[rank - 2] == rank - 1 && perm->ints[rank - 1] == rank - 2;
}

/* Values that anything but a product reads, or a product as its first factor. */
static void find_others(const struct nn_graph *graph, bool *others)
{
	struct nn_value *value;
	size_t i, k;

	for (i = 0; i < graph->node_count; i++)
		for (k = 0; nn_node_dependency(graph->nodes[i], k, &value); k++)
			if (value && (k != 1 || !is_onnx(graph->nodes[i], "MatMul")))
				others[value->index] = true;
}

static void mark(const struct nn_node *node, const bool *others)
{
	const struct nn_value *from = node->input_count == 1 ? node->inputs[0] : NULL;
	struct nn_value *to = node->output_count == 1 ? node->outputs[0] : NULL;

	if (!is_onnx(node, "Transpose") || !from || !to || !from->constant || from->is_input ||
	    from->constant->type != NN_F32 || to->is_output || others[to->index])
		return;
	if (swaps_last(node, from->constant->shape.rank))
		to->swapped = from;
}

int nn_find_swapped(struct nn_model *model)
{
	bool *others = calloc(model->value_count + 1, sizeof(*others));
	size_t i;

	if (!others)
		return accel_fail_errno(-ENOMEM, "cannot read the model");
	find_others(model->graph, others);
	for (i = 0; i < model->graph->node_count; i++)
		mark(model->graph->nodes[i], others);
	free(others);
	return 0;
}
