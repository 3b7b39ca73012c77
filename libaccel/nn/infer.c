// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "infer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../error.h"

#define WHAT	"cannot work out the model's shapes"

int nn_facts_init(struct nn_facts *facts, const struct nn_model *model)
{
	size_t i;

	*facts = (struct nn_facts){
		.model = model,
		.symbols = (int64_t)model->symbol_count,
		.fold_max = NN_FOLD_MAX,
		.facts = calloc(model->value_count + 1, sizeof(*facts->facts)),
	};
	if (!facts->facts)
		return accel_fail_errno(-ENOMEM, WHAT);
	for (i = 0; i < model->value_count; i++) {
		const struct nn_value *value = model->values[i];
		struct nn_fact *fact = &facts->facts[i];

		fact->shape.rank = -1;
		if (value->not_tensor)
			continue;
		/* What nodes compute is inferred, and then compared with what was declared. */
		if (!value->producer) {
			fact->type = value->type;
			fact->shape = value->shape;
		}
		if (value->constant)
			fact->raw = value->constant->data;
	}
	return 0;
}

void nn_facts_release(struct nn_facts *facts)
{
	size_t i;

	for (i = 0; facts->facts && i < facts->model->value_count; i++)
		nn_tensor_release(&facts->facts[i].tensor);
	free(facts->facts);
	facts->facts = NULL;
}

/* ---- Inputs ---- */

/* From now on, this symbol has this value. */
static void replace_symbol(struct nn_facts *facts, int64_t symbol, int64_t size)
{
	size_t i;
	int k;

	for (i = 0; i < facts->model->value_count; i++) {
		struct nn_shape *shape = &facts->facts[i].shape;

		for (k = 0; k < shape->rank; k++)
			if (shape->dims[k] == symbol)
				shape->dims[k] = size;
	}
}

static const struct nn_value *input_value(const struct nn_facts *facts, size_t input)
{
	return input < facts->model->graph->input_count ? facts->model->graph->inputs[input] : NULL;
}

int nn_facts_set_shape(struct nn_facts *facts, size_t input, const struct nn_shape *shape)
{
	const struct nn_value *value = input_value(facts, input);
	char given[160], wanted[160], name[80];
	struct nn_fact *fact;
	bool fits;
	int i;

	if (!value)
		return accel_fail(-EINVAL, WHAT, NULL, "there is no input %zu, the model has %zu",
				  input, facts->model->graph->input_count);
	if (value->not_tensor)
		return accel_fail(-ENOTSUP, WHAT, NULL, "input %zu is not a tensor", input);
	fact = &facts->facts[value->index];
	fits = nn_shape_known(shape) && (fact->shape.rank < 0 || fact->shape.rank == shape->rank);
	for (i = 0; fits && i < fact->shape.rank; i++) {
		if (fact->shape.dims[i] < 0)
			replace_symbol(facts, fact->shape.dims[i], shape->dims[i]);
		fits = fact->shape.dims[i] == shape->dims[i];
	}
	if (!fits) {
		nn_clean(name, sizeof(name), value->name);
		nn_shape_print(shape, NULL, 0, given, sizeof(given));
		nn_shape_print(&value->shape, facts->model->symbols, facts->model->symbol_count,
			       wanted, sizeof(wanted));
		return accel_fail(-EINVAL, WHAT, "sizes of the same name must be the same",
				  "input '%s' has shape %s, the model asks for %s", name, given,
				  wanted);
	}
	fact->shape = *shape;
	return 0;
}

int nn_facts_set_input(struct nn_facts *facts, size_t input, const struct nn_tensor *tensor)
{
	const struct nn_value *value;
	struct nn_fact *fact;
	char name[80];
	int ret = nn_facts_set_shape(facts, input, &tensor->shape);

	if (ret)
		return ret;
	value = input_value(facts, input);
	fact = &facts->facts[value->index];
	if (fact->type != tensor->type) {
		nn_clean(name, sizeof(name), value->name);
		return accel_fail(-EINVAL, WHAT, "convert the input",
				  "input '%s' has elements of type %s, the model asks for %s", name,
				  nn_type_name(tensor->type), nn_type_name(fact->type));
	}
	nn_tensor_release(&fact->tensor);
	ret = nn_tensor_init(&fact->tensor, tensor->type, &tensor->shape);
	if (ret)
		return accel_fail_errno(ret, WHAT);
	memcpy(fact->tensor.data, tensor->data, nn_bytes(tensor->type, tensor->count));
	return 0;
}

/* ---- Nodes ---- */

const struct nn_tensor *nn_contents(struct nn_fact *fact)
{
	if (!fact || fact->tensor.data)
		return fact ? &fact->tensor : NULL;
	if (!fact->raw || nn_tensor_init(&fact->tensor, fact->type, &fact->shape))
		return NULL;
	memcpy(fact->tensor.data, fact->raw, nn_bytes(fact->type, fact->tensor.count));
	return &fact->tensor;
}

static bool inputs_known(const struct nn_call *call)
{
	size_t i;

	for (i = 0; i < call->node->input_count; i++)
		if (call->in[i] && !call->in[i]->raw && !call->in[i]->tensor.data)
			return false;
	return true;
}

/* Results that can be computed now, and are not too large to keep. */
static bool worth_folding(const struct nn_facts *facts, const struct nn_call *call)
{
	size_t i, count;

	if (!call->node->op->evaluate || !inputs_known(call))
		return false;
	for (i = 0; i < call->node->output_count; i++) {
		const struct nn_fact *fact = call->out[i];

		if (!fact)
			continue;
		if (fact->type == NN_UNDEFINED || !nn_shape_known(&fact->shape) ||
		    !nn_shape_count(&fact->shape, &count) ||
		    nn_bytes(fact->type, count) > facts->fold_max)
			return false;
	}
	return true;
}

static int evaluate(struct nn_facts *facts, struct nn_call *call)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < call->node->input_count; i++)
		if (call->in[i] && !nn_contents(call->in[i]))
			return accel_fail_errno(-ENOMEM, WHAT);
	for (i = 0; i < call->node->output_count && !ret; i++)
		if (call->out[i])
			ret = nn_tensor_init(&call->out[i]->tensor, call->out[i]->type,
					     &call->out[i]->shape);
	if (ret)
		return accel_fail_errno(ret, WHAT);
	facts->folded++;
	return call->node->op->evaluate(call);
}

/* Two sources about one value: what the model declares may know more, but not otherwise. */
static int compare_declared(const struct nn_call *call, const struct nn_value *value,
			    struct nn_fact *fact)
{
	char found[160], declared[160], name[80];
	bool fits = true;
	int i;

	nn_clean(name, sizeof(name), value->name);
	if (fact->type == NN_UNDEFINED)
		fact->type = value->type;
	else if (value->type != NN_UNDEFINED && value->type != fact->type)
		return nn_refuse(call, "the exporter is broken: export the model again",
				 "its result '%s' is of type %s, but declared as %s", name,
				 nn_type_name(fact->type), nn_type_name(value->type));
	if (fact->shape.rank < 0) {
		fact->shape = value->shape;
		return 0;
	}
	if (value->shape.rank < 0)
		return 0;
	/*
	 * Exporters trace a model with one size, and leave what they saw as declarations: so
	 * only the ranks must be right.
	 */
	fits = value->shape.rank == fact->shape.rank;
	for (i = 0; fits && i < fact->shape.rank; i++)
		if (fact->shape.dims[i] < 0 && value->shape.dims[i] >= 0)
			fact->shape.dims[i] = value->shape.dims[i];
	if (fits)
		return 0;
	nn_shape_print(&fact->shape, call->facts->model->symbols,
		       call->facts->model->symbol_count, found, sizeof(found));
	nn_shape_print(&value->shape, call->facts->model->symbols,
		       call->facts->model->symbol_count, declared, sizeof(declared));
	return nn_refuse(call, "the exporter is broken: export the model again",
			 "its result '%s' has shape %s, but is declared as %s", name, found, declared);
}

static int infer_node(struct nn_facts *facts, struct nn_call *call)
{
	const struct nn_node *node = call->node;
	size_t i;
	int ret;

	if (node->op && !node->op->unsupported) {
		ret = nn_op_check_types(call);
		if (!ret && node->op->infer)
			ret = node->op->infer(call);
		if (ret)
			return ret;
	}
	for (i = 0; i < node->output_count; i++) {
		if (!call->out[i] || node->outputs[i]->not_tensor)
			continue;
		ret = compare_declared(call, node->outputs[i], call->out[i]);
		if (ret)
			return ret;
	}
	if (node->op && !node->op->unsupported && worth_folding(facts, call))
		return evaluate(facts, call);
	return 0;
}

static void gather(struct nn_facts *facts, struct nn_value **values, size_t count,
		   struct nn_fact **to)
{
	size_t i;

	for (i = 0; i < count; i++)
		to[i] = values[i] ? &facts->facts[values[i]->index] : NULL;
}

int nn_facts_infer(struct nn_facts *facts)
{
	const struct nn_graph *graph = facts->model->graph;
	size_t i, most = 0;
	struct nn_fact **places;
	int ret = 0;

	for (i = 0; i < graph->node_count; i++) {
		const struct nn_node *node = graph->nodes[i];

		if (node->input_count + node->output_count > most)
			most = node->input_count + node->output_count;
	}
	places = calloc(most + 1, sizeof(struct nn_fact *));
	if (!places)
		return accel_fail_errno(-ENOMEM, WHAT);
	for (i = 0; i < graph->node_count && !ret; i++) {
		const struct nn_node *node = graph->nodes[i];
		struct nn_call call = {
			.node = node,
			.facts = facts,
			.in = places,
			.out = places + node->input_count,
		};

		gather(facts, node->inputs, node->input_count, call.in);
		gather(facts, node->outputs, node->output_count, call.out);
		ret = infer_node(facts, &call);
	}
	free(places);
	return ret;
}

/* ---- Support ---- */

const struct nn_node *nn_first_unsupported(const struct nn_model *model)
{
	size_t i;

	for (i = 0; i < model->graph->node_count; i++) {
		const struct nn_node *node = model->graph->nodes[i];

		if (!node->op || node->op->unsupported)
			return node;
	}
	return NULL;
}

int nn_fail_unsupported(const struct nn_node *node)
{
	char domain[48], type[48];

	nn_clean(domain, sizeof(domain), node->domain);
	nn_clean(type, sizeof(type), node->type);
	if (nn_op_find_any(node->domain, node->type))
		return nn_fail_node(node, -ENOTSUP, "export the model for another opset",
				    "version %d of the operator %s is not supported", node->opset,
				    type);
	return nn_fail_node(node, -ENOTSUP, "export the model without it",
			    "the operator %s%s%s is not supported", domain, domain[0] ? "." : "",
			    type);
}
