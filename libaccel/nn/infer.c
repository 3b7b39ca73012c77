// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "infer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../error.h"

#define WHAT	"cannot work out the model's shapes"

void nn_fact_begin(struct nn_fact *fact, const struct nn_value *value)
{
	*fact = (struct nn_fact){
		.shape.rank = -1, .kind = value->kind, .optional = value->optional,
	};
	if (!value->producer && value->kind != NN_OTHER) {
		fact->type = value->type;
		fact->shape = value->shape;
	}
	if (value->constant)
		fact->raw = value->constant->data;
}

int nn_facts_init(struct nn_facts *facts, const struct nn_model *model)
{
	size_t i;

	*facts = (struct nn_facts){
		.model = model,
		.symbols = (int64_t)model->symbol_count,
		.fold_max = NN_FOLD_MAX,
		.fold_budget = NN_FOLD_BUDGET,
		.result_max = SIZE_MAX,
		.work_max = SIZE_MAX,
		.facts = calloc(model->value_count + 1, sizeof(*facts->facts)),
		.sizes = calloc(model->symbol_count + 1, sizeof(*facts->sizes)),
	};
	if (!facts->facts || !facts->sizes) {
		nn_facts_release(facts);
		return accel_fail_errno(-ENOMEM, WHAT);
	}
	for (i = 0; i <= model->symbol_count; i++)
		facts->sizes[i] = -1;
	for (i = 0; i < model->value_count; i++)
		nn_fact_begin(&facts->facts[i], model->values[i]);
	return 0;
}

void nn_facts_release(struct nn_facts *facts)
{
	size_t i;

	for (i = 0; facts->facts && i < facts->model->value_count; i++)
		nn_forget(&facts->facts[i]);
	nn_arena_release(&facts->texts);
	free(facts->uses);
	facts->uses = NULL;
	free(facts->facts);
	free(facts->sizes);
	facts->facts = NULL;
	facts->sizes = NULL;
}

/* ---- Inputs ---- */

/*
 * Sizes are given to symbols one by one, and put into the facts once, when all are there: a
 * model may have very many inputs.
 */
static void apply_sizes(struct nn_facts *facts)
{
	const struct nn_graph *graph = facts->model->graph;
	size_t i;
	int k;

	for (i = 0; i < graph->input_count; i++) {
		struct nn_shape *shape = &facts->facts[graph->inputs[i]->index].shape;

		for (k = 0; k < shape->rank; k++)
			if (shape->dims[k] < 0 && facts->sizes[-shape->dims[k]] >= 0)
				shape->dims[k] = facts->sizes[-shape->dims[k]];
	}
}

/* A size for a dimension that may be a symbol: false if it should be another. */
static bool fit_size(struct nn_facts *facts, int64_t wanted, int64_t size)
{
	if (wanted < 0 && facts->sizes[-wanted] < 0)
		facts->sizes[-wanted] = size;
	return size == (wanted < 0 ? facts->sizes[-wanted] : wanted);
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
	if (value->kind != NN_TENSOR)
		return accel_fail(-EINVAL, WHAT, NULL, "input %zu is not a tensor", input);
	fact = &facts->facts[value->index];
	fits = nn_shape_known(shape) && (fact->shape.rank < 0 || fact->shape.rank == shape->rank);
	for (i = 0; fits && i < fact->shape.rank; i++)
		fits = fit_size(facts, fact->shape.dims[i], shape->dims[i]);
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

/* An input that fits, and where it goes. */
static int accept_input(struct nn_facts *facts, size_t input, const struct nn_tensor *tensor,
			struct nn_fact **fact)
{
	const struct nn_value *value;
	char name[80];
	int ret = nn_facts_set_shape(facts, input, &tensor->shape);

	if (ret)
		return ret;
	value = input_value(facts, input);
	*fact = &facts->facts[value->index];
	if ((*fact)->type != tensor->type) {
		nn_clean(name, sizeof(name), value->name);
		return accel_fail(-EINVAL, WHAT, "convert the input",
				  "input '%s' has elements of type %s, the model asks for %s", name,
				  nn_type_name(tensor->type), nn_type_name((*fact)->type));
	}
	nn_forget(*fact);
	return 0;
}

/* What a tensor of strings points to is copied, to live as long as the facts. */
static int keep_texts(struct nn_facts *facts, struct nn_tensor *tensor)
{
	const char **texts = tensor->data;
	size_t i;

	for (i = 0; tensor->type == NN_STRING && i < tensor->count; i++) {
		texts[i] = nn_copy(&facts->texts, nn_text(tensor, i), strlen(nn_text(tensor, i)) + 1);
		if (!texts[i])
			return -ENOMEM;
	}
	return 0;
}

int nn_facts_set_input(struct nn_facts *facts, size_t input, const struct nn_tensor *tensor)
{
	struct nn_fact *fact;
	int ret = accept_input(facts, input, tensor, &fact);

	if (ret)
		return ret;
	ret = nn_tensor_copy(&fact->tensor, tensor);
	if (!ret)
		ret = keep_texts(facts, &fact->tensor);
	return ret ? accel_fail_errno(ret, WHAT) : 0;
}

/* An item of a sequence, or what an optional holds. */
static int set_item(struct nn_facts *facts, struct nn_list *list, size_t i,
		    const struct nn_tensor *tensor)
{
	list->items[i] = nn_hold(tensor);
	return list->items[i] ? keep_texts(facts, &list->items[i]->tensor) : -ENOMEM;
}

int nn_facts_set_list(struct nn_facts *facts, size_t input, const struct nn_list *list)
{
	const struct nn_value *value = input_value(facts, input);
	struct nn_fact *fact;
	size_t i;
	int ret = 0;

	if (!value || (list ? value->kind != NN_SEQUENCE : !value->optional))
		return accel_fail(-EINVAL, WHAT, NULL, list ? "input %zu is not a sequence" :
				  "input %zu has to be something", input);
	fact = &facts->facts[value->index];
	nn_forget(fact);
	fact->nothing = !list;
	fact->list = list ? nn_list_new(list->count) : NULL;
	if (list && !fact->list)
		return accel_fail_errno(-ENOMEM, WHAT);
	for (i = 0; list && i < list->count && !ret; i++) {
		if (list->items[i]->tensor.type != fact->type) {
			nn_forget(fact);
			return accel_fail(-EINVAL, WHAT, NULL,
					  "input %zu should be a sequence of tensors of type %s",
					  input, nn_type_name(fact->type));
		}
		ret = set_item(facts, fact->list, i, &list->items[i]->tensor);
	}
	if (!ret)
		return 0;
	nn_forget(fact);
	return accel_fail_errno(ret, WHAT);
}

/* No element needs more than that. */
static bool is_aligned(const void *data)
{
	return (uintptr_t)data % _Alignof(double) == 0;
}

int nn_facts_lend_input(struct nn_facts *facts, size_t input, const struct nn_tensor *tensor)
{
	struct nn_fact *fact;
	int ret;

	if (!is_aligned(tensor->data))
		return nn_facts_set_input(facts, input, tensor);
	ret = accept_input(facts, input, tensor, &fact);
	if (ret)
		return ret;
	fact->tensor = *tensor;
	fact->borrowed = true;
	return 0;
}

/* ---- Nodes ---- */

const struct nn_tensor *nn_contents(struct nn_fact *fact)
{
	if (!fact)
		return NULL;
	if (fact->tensor.data)
		return &fact->tensor;
	if (!fact->raw)
		return NULL;
	/* Most files align nothing; what is aligned is used where it lies. */
	if (is_aligned(fact->raw) && nn_shape_count(&fact->shape, &fact->tensor.count)) {
		fact->tensor.type = fact->type;
		fact->tensor.shape = fact->shape;
		fact->tensor.data = (void *)fact->raw;
		fact->borrowed = true;
		return &fact->tensor;
	}
	if (nn_tensor_init(&fact->tensor, fact->type, &fact->shape))
		return NULL;
	memcpy(fact->tensor.data, fact->raw, nn_bytes(fact->type, fact->tensor.count));
	return &fact->tensor;
}

/* Bytes of values of which at least the shapes should be known; false if they are not. */
static bool add_bytes(struct nn_fact **values, size_t number, size_t most, size_t *bytes)
{
	size_t i, count;

	for (i = 0; i < number; i++) {
		if (!values[i])
			continue;
		if (values[i]->type == NN_UNDEFINED || !nn_shape_known(&values[i]->shape) ||
		    !nn_shape_count(&values[i]->shape, &count))
			return false;
		count = nn_bytes(values[i]->type, count);
		if (count > most || __builtin_add_overflow(*bytes, count, bytes))
			return false;
	}
	return true;
}

const struct nn_tensor *nn_contents_ahead(const struct nn_call *call, struct nn_fact *fact)
{
	struct nn_facts *facts = call->facts;
	size_t bytes = 0;

	if (!fact->raw && !fact->tensor.data)
		return NULL;
	if (!facts->running && (!add_bytes(&fact, 1, facts->fold_budget, &bytes)))
		return NULL;
	facts->fold_budget -= facts->running ? 0 : bytes;
	return nn_contents(fact);
}

void nn_forget(struct nn_fact *fact)
{
	if (!fact->borrowed)
		nn_tensor_release(&fact->tensor);
	nn_list_free(fact->list);
	fact->tensor.data = NULL;
	fact->borrowed = false;
	fact->list = NULL;
	fact->nothing = false;
}

static bool inputs_known(const struct nn_call *call)
{
	size_t i;

	for (i = 0; i < (call->node->op->first_only ? 1 : call->node->input_count); i++)
		if (call->in[i] && !nn_is_known(call->in[i]))
			return false;
	return true;
}

/* Whether evaluate() does: also operators that otherwise don't, of what is no tensor. */
static bool makes_results(const struct nn_call *call)
{
	size_t i;

	for (i = 0; i < call->node->output_count; i++)
		if (call->out[i] && (call->out[i]->kind != NN_TENSOR || call->out[i]->optional))
			return true;
	return call->node->op->makes_results;
}

/* Results that can be computed now, and are not too large to keep. */
static bool worth_folding(struct nn_facts *facts, const struct nn_call *call)
{
	const struct nn_node *node = call->node;
	size_t bytes = 0;

	if (!node->op->evaluate || !inputs_known(call))
		return false;
	if (makes_results(call))
		return false;
	if (facts->running)
		return add_bytes(call->out, node->output_count, facts->result_max, &bytes);
	if (!add_bytes(call->out, node->output_count, facts->fold_max, &bytes))
		return false;
	if (node->output_count && node->outputs[0] && node->outputs[0]->swapped)
		return false;
	if (node->op->costly || !add_bytes(call->in, node->input_count, SIZE_MAX, &bytes) ||
	    bytes > facts->fold_budget)
		return false;
	facts->fold_budget -= bytes;
	return true;
}

/* Loops may go on for ever: whoever runs the model may have limits, or change his mind. */
static int check_going_on(struct nn_facts *facts, const struct nn_node *node)
{
	if (facts->stop && atomic_load_explicit(facts->stop, memory_order_relaxed))
		return nn_fail_node(node, -ECANCELED, NULL, "the run was stopped");
	if (!facts->work_max)
		return nn_fail_node(node, -ETIME, "allow more work",
				    "so many nodes were evaluated as are allowed");
	facts->work_max--;
	return 0;
}

static int evaluate(struct nn_facts *facts, struct nn_call *call)
{
	size_t i;
	int ret = facts->running ? check_going_on(facts, call->node) : 0;

	if (ret)
		return ret;
	for (i = 0; i < call->node->input_count; i++)
		if (call->in[i] && call->in[i]->kind == NN_TENSOR && nn_is_known(call->in[i]) &&
		    !call->in[i]->nothing && !nn_contents(call->in[i]))
			return accel_fail_errno(-ENOMEM, WHAT);
	for (i = 0; i < call->node->output_count && !ret && !makes_results(call); i++)
		if (call->out[i])
			ret = nn_tensor_init(&call->out[i]->tensor, call->out[i]->type,
					     &call->out[i]->shape);
	if (ret)
		return accel_fail_errno(ret, WHAT);
	facts->folded++;
	return call->node->op->evaluate(call);
}

static int compare_kinds(const struct nn_call *call, const struct nn_value *value,
			 const struct nn_fact *fact)
{
	char name[80];

	/* An optional that is there is what it holds; nothing may be nothing of any kind. */
	if (!value->declared || fact->kind == value->kind || fact->kind == NN_OTHER ||
	    (fact->optional && fact->type == NN_UNDEFINED))
		return 0;
	nn_clean(name, sizeof(name), value->name);
	return nn_refuse(call, "the exporter is broken: export the model again",
			 "its result '%s' is %s, but declared as something else", name,
			 fact->kind == NN_TENSOR ? "a tensor" : "a sequence");
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

static int compare_results(const struct nn_call *call)
{
	const struct nn_node *node = call->node;
	size_t i;
	int ret = 0;

	for (i = 0; i < node->output_count && !ret; i++) {
		if (!call->out[i])
			continue;
		ret = compare_kinds(call, node->outputs[i], call->out[i]);
		if (!ret && call->out[i]->kind == NN_TENSOR)
			ret = compare_declared(call, node->outputs[i], call->out[i]);
	}
	return ret;
}

/* Everything is a tensor, unless the operator says something else. */
static void begin_results(const struct nn_call *call)
{
	size_t i;

	for (i = 0; i < call->node->output_count; i++) {
		if (!call->out[i])
			continue;
		call->out[i]->kind = NN_TENSOR;
		call->out[i]->optional = false;
	}
}

static int infer_node(struct nn_facts *facts, struct nn_call *call)
{
	const struct nn_node *node = call->node;
	bool folds;
	int ret;

	if (!node->op || node->op->unsupported)
		return compare_results(call);
	begin_results(call);
	ret = nn_op_check_types(call);
	if (!ret && node->op->infer)
		ret = node->op->infer(call);
	/* What they make themselves is not known before. */
	if (!ret && facts->running && makes_results(call)) {
		ret = evaluate(facts, call);
		return ret ? ret : compare_results(call);
	}
	if (ret)
		return ret;
	/* Operators rely on the sizes that they found themselves: those declared may be any. */
	folds = worth_folding(facts, call);
	ret = compare_results(call);
	return !ret && folds ? evaluate(facts, call) : ret;
}

static void gather(struct nn_facts *facts, struct nn_value **values, size_t count,
		   struct nn_fact **to)
{
	size_t i;

	for (i = 0; i < count; i++)
		to[i] = values[i] ? &facts->facts[values[i]->index] : NULL;
}

/* Places for the inputs and outputs of any node of a graph. */
static struct nn_fact **make_places(const struct nn_graph *graph)
{
	size_t i, most = 0;

	for (i = 0; i < graph->node_count; i++) {
		const struct nn_node *node = graph->nodes[i];

		if (node->input_count + node->output_count > most)
			most = node->input_count + node->output_count;
	}
	return calloc(most + 1, sizeof(struct nn_fact *));
}

static int visit_node(struct nn_facts *facts, const struct nn_node *node, struct nn_fact **places)
{
	struct nn_call call = {
		.node = node,
		.facts = facts,
		.in = places,
		.out = places + node->input_count,
	};

	gather(facts, node->inputs, node->input_count, call.in);
	gather(facts, node->outputs, node->output_count, call.out);
	return infer_node(facts, &call);
}

int nn_facts_infer_nodes(struct nn_facts *facts, const struct nn_graph *graph)
{
	struct nn_fact **places = make_places(graph);
	int ret = 0;
	size_t i;

	if (!places)
		return accel_fail_errno(-ENOMEM, WHAT);
	for (i = 0; i < graph->node_count && !ret; i++)
		ret = visit_node(facts, graph->nodes[i], places);
	free(places);
	return ret;
}

int nn_facts_infer(struct nn_facts *facts)
{
	apply_sizes(facts);
	return nn_facts_infer_nodes(facts, facts->model->graph);
}

/* ---- Evaluation ---- */

/*
 * What a node depends on, that was computed or given, one use less or more. What is of a graph
 * around it stays until the node is done that has this one's graph.
 */
static void count_uses(struct nn_facts *facts, const struct nn_node *node, int step)
{
	struct nn_value *value;
	size_t i;

	for (i = 0; nn_node_dependency(node, i, &value); i++) {
		if (!value || value->graph != node->graph)
			continue;
		facts->uses[value->index] += (size_t)step;
		if (!facts->uses[value->index])
			nn_forget(&facts->facts[value->index]);
	}
}

static int refuse_result(const struct nn_node *node, const struct nn_fact *fact, size_t i)
{
	if (nn_shape_known(&fact->shape) && fact->type != NN_UNDEFINED)
		return nn_fail_node(node, -EFBIG, "give smaller inputs", "its result %zu is too large",
				    i);
	return nn_fail_node(node, -ENOTSUP, NULL, "its result %zu cannot be computed", i);
}

/* All results are there; those that nobody uses are forgotten. */
static int check_results(struct nn_facts *facts, const struct nn_node *node)
{
	struct nn_fact *fact;
	size_t i;

	for (i = 0; i < node->output_count; i++) {
		if (!node->outputs[i])
			continue;
		fact = &facts->facts[node->outputs[i]->index];
		if (!nn_is_known(fact))
			return refuse_result(node, fact, i);
		if (!facts->uses[node->outputs[i]->index])
			nn_forget(fact);
	}
	return 0;
}

static void show_results(const struct nn_facts *facts, const struct nn_node *node)
{
	const struct nn_fact *fact;
	size_t i;

	for (i = 0; i < node->output_count; i++) {
		fact = node->outputs[i] ? &facts->facts[node->outputs[i]->index] : NULL;
		if (fact && fact->kind == NN_TENSOR && fact->tensor.data)
			facts->seen(facts->seen_opaque, node->outputs[i], &fact->tensor);
	}
}

int nn_facts_run_nodes(struct nn_facts *facts, const struct nn_graph *graph)
{
	struct nn_fact **places = make_places(graph);
	int ret = 0;
	size_t i;

	if (!places)
		return accel_fail_errno(-ENOMEM, WHAT);
	memset(facts->uses + graph->first, 0, (graph->end - graph->first) * sizeof(*facts->uses));
	for (i = 0; i < graph->node_count; i++)
		count_uses(facts, graph->nodes[i], 1);
	/* One use more, that does not end. */
	for (i = 0; i < graph->output_count; i++)
		if (graph->outputs[i]->graph == graph)
			facts->uses[graph->outputs[i]->index]++;
	for (i = 0; i < graph->node_count && !ret; i++) {
		const struct nn_node *node = graph->nodes[i];

		ret = node->op && !node->op->unsupported ? visit_node(facts, node, places) :
							   nn_fail_unsupported(node);
		if (!ret)
			ret = check_results(facts, node);
		if (!ret && facts->seen)
			show_results(facts, node);
		if (!ret)
			count_uses(facts, node, -1);
	}
	free(places);
	return ret;
}

static int check_inputs(const struct nn_facts *facts)
{
	const struct nn_graph *graph = facts->model->graph;
	char name[80];
	size_t i;

	for (i = 0; i < graph->input_count; i++) {
		if (nn_is_known(&facts->facts[graph->inputs[i]->index]))
			continue;
		nn_clean(name, sizeof(name), graph->inputs[i]->name);
		return accel_fail(-EINVAL, "cannot run the model", "give all inputs",
				  "input %zu, '%s', was not given", i, name);
	}
	return 0;
}

static int begin_run(struct nn_facts *facts)
{
	facts->running = true;
	facts->uses = calloc(facts->model->value_count + 1, sizeof(*facts->uses));
	return facts->uses ? 0 : accel_fail_errno(-ENOMEM, "cannot run the model");
}

int nn_facts_begin_run(struct nn_facts *facts, const struct nn_model *model)
{
	int ret = nn_facts_init(facts, model);

	return ret ? ret : begin_run(facts);
}

int nn_facts_run(struct nn_facts *facts)
{
	int ret = begin_run(facts);

	if (!ret)
		ret = check_inputs(facts);
	apply_sizes(facts);
	return ret ? ret : nn_facts_run_nodes(facts, facts->model->graph);
}

/* ---- Support ---- */

static const struct nn_node *first_unsupported(const struct nn_graph *graph)
{
	const struct nn_node *found = NULL;
	size_t i, k;

	for (i = 0; i < graph->node_count && !found; i++) {
		const struct nn_node *node = graph->nodes[i];

		if (!node->op || node->op->unsupported)
			return node;
		for (k = 0; k < node->attr_count && !found; k++)
			if (node->attrs[k].type == NN_ATTR_GRAPH)
				found = first_unsupported(node->attrs[k].graph);
	}
	return found;
}

const struct nn_node *nn_first_unsupported(const struct nn_model *model)
{
	return first_unsupported(model->graph);
}

void nn_why_unsupported(const struct nn_node *node, char *text, size_t size)
{
	char domain[48], type[48];

	nn_clean(domain, sizeof(domain), node->domain);
	nn_clean(type, sizeof(type), node->type);
	if (node->why)
		snprintf(text, size, "the operator %s%s%s is not supported with %s", domain,
			 domain[0] ? "." : "", type, node->why);
	else if (nn_op_find_any(node->domain, node->type))
		snprintf(text, size, "version %d of the operator %s is not supported", node->opset,
			 type);
	else
		snprintf(text, size, "the operator %s%s%s is not supported", domain,
			 domain[0] ? "." : "", type);
}

int nn_fail_unsupported(const struct nn_node *node)
{
	char why[200];

	nn_why_unsupported(node, why, sizeof(why));
	return nn_fail_node(node, -ENOTSUP, "export the model without it, or for another opset",
			    "%s", why);
}
