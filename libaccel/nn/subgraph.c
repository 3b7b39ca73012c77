// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Graphs that belong to nodes: branches and bodies of loops.
 *
 * Their values have facts beside those of the model's graph. A node that runs its graph begins
 * it anew each time, gives its inputs contents, runs it, and takes the outputs' contents; what
 * the graph uses of those around it is simply there. How deep graphs nest is limited by
 * the importer.
 *
 * This file also has what operators need that make their results.
 */
#include <errno.h>
#include <string.h>

#include "infer.h"

/* Graphs in graphs deeper than this are not looked into before the model runs. */
#define INFER_DEPTH_MAX	4

static struct nn_fact *fact_of(const struct nn_call *call, const struct nn_value *value)
{
	return &call->facts->facts[value->index];
}

void nn_graph_begin(const struct nn_call *call, const struct nn_graph *graph)
{
	struct nn_facts *facts = call->facts;
	size_t i;

	for (i = graph->first; i < graph->end; i++) {
		const struct nn_value *value = facts->model->values[i];

		if (value->constant)
			continue;
		nn_forget(&facts->facts[i]);
		nn_fact_begin(&facts->facts[i], value);
	}
}

static int check_given(const struct nn_call *call, const struct nn_value *value,
		       const struct nn_fact *fact)
{
	char name[80];

	nn_clean(name, sizeof(name), value->name);
	if (value->declared && value->kind != fact->kind)
		return nn_refuse(call, NULL, "input '%s' of its graph is given something of another kind",
				 name);
	if (fact->nothing || value->type == NN_UNDEFINED || value->type == fact->type ||
	    fact->type == NN_UNDEFINED)
		return 0;
	return nn_refuse(call, NULL, "input '%s' of its graph is of type %s, and is given %s", name,
			 nn_type_name(value->type), nn_type_name(fact->type));
}

int nn_graph_give(const struct nn_call *call, const struct nn_graph *graph, size_t input,
		  struct nn_fact *fact)
{
	const struct nn_value *value = graph->inputs[input];
	struct nn_fact *to = fact_of(call, value);
	int ret = check_given(call, value, fact);

	if (ret) {
		nn_forget(fact);
		return ret;
	}
	nn_forget(to);
	if (fact->type == NN_UNDEFINED)
		fact->type = to->type;
	*to = *fact;
	*fact = (struct nn_fact){ .type = to->type, .shape = to->shape, .kind = to->kind };
	return 0;
}

int nn_graph_infer(const struct nn_call *call, const struct nn_graph *graph)
{
	int ret = 0;

	if (call->facts->depth < INFER_DEPTH_MAX) {
		call->facts->depth++;
		ret = nn_facts_infer_nodes(call->facts, graph);
		call->facts->depth--;
	}
	return ret;
}

int nn_graph_run(const struct nn_call *call, const struct nn_graph *graph)
{
	return nn_facts_run_nodes(call->facts, graph);
}

struct nn_fact *nn_graph_output(const struct nn_call *call, const struct nn_graph *graph,
				size_t output)
{
	return fact_of(call, graph->outputs[output]);
}

/* Whether an output is asked for once more after this one. */
static bool is_needed_again(const struct nn_graph *graph, size_t output)
{
	size_t i;

	for (i = output + 1; i < graph->output_count; i++)
		if (graph->outputs[i] == graph->outputs[output])
			return true;
	return false;
}

int nn_graph_take(const struct nn_call *call, const struct nn_graph *graph, size_t output,
		  struct nn_fact *fact)
{
	const struct nn_value *value = graph->outputs[output];
	struct nn_fact *from = fact_of(call, value);

	if (value->graph != graph || value->constant || from->borrowed || from->raw ||
	    is_needed_again(graph, output))
		return nn_copy_fact(call, fact, from);
	*fact = *from;
	from->tensor.data = NULL;
	from->list = NULL;
	return 0;
}

/* ---- Results ---- */

static int check_size(const struct nn_call *call, size_t i, enum nn_type type,
		      const struct nn_shape *shape)
{
	size_t count;

	if (nn_shape_count(shape, &count) && nn_bytes(type, count) <= call->facts->result_max)
		return 0;
	return nn_fail_node(call->node, -EFBIG, "give smaller inputs", "its result %zu is too large", i);
}

int nn_make_result(struct nn_call *call, size_t i, enum nn_type type, const struct nn_shape *shape)
{
	struct nn_fact *out = nn_out_fact(call, i);
	int ret;

	if (!out)
		return 0;
	ret = check_size(call, i, type, shape);
	if (ret)
		return ret;
	nn_forget(out);
	*out = (struct nn_fact){ .type = type, .shape = *shape };
	return nn_tensor_init(&out->tensor, type, shape) ? nn_no_memory(call) : 0;
}

int nn_make_list(struct nn_call *call, size_t i, enum nn_type type, struct nn_list *list)
{
	struct nn_fact *out = nn_out_fact(call, i);
	size_t k;

	for (k = 0; list && k < list->count; k++) {
		if (list->items[k])
			continue;
		nn_list_free(list);
		list = NULL;
	}
	if (!list)
		return nn_no_memory(call);
	if (!out) {
		nn_list_free(list);
		return 0;
	}
	nn_forget(out);
	*out = (struct nn_fact){ .type = type, .shape.rank = -1, .kind = NN_SEQUENCE, .list = list };
	return 0;
}

int nn_copy_fact(const struct nn_call *call, struct nn_fact *to, struct nn_fact *from)
{
	*to = (struct nn_fact){
		.type = from->type, .shape = from->shape, .kind = from->kind,
		.optional = from->optional, .nothing = from->nothing,
	};
	if (from->list) {
		to->list = nn_list_new(from->list->count);
		if (!to->list)
			return nn_no_memory(call);
		nn_list_share(to->list, 0, from->list, 0, from->list->count);
	} else if (from->raw || from->tensor.data) {
		if (!nn_contents(from) || nn_tensor_copy(&to->tensor, nn_contents(from)))
			return nn_no_memory(call);
		to->shape = to->tensor.shape;
	}
	return 0;
}

const char *nn_keep_text(const struct nn_call *call, const char *text, size_t length)
{
	char *to = length < SIZE_MAX ? nn_alloc(&call->facts->texts, length + 1) : NULL;

	if (to && length)
		memcpy(to, text, length);
	return to;
}
