// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The ONNX importer: from a file to a graph in which everything is checked (graph.h).
 *
 * A file may come from anywhere. First nn_wire_cut() looks at it as protobuf, then protobuf-c
 * makes objects of it, and then this file makes the graph of them: of each graph the
 * initializers, inputs and all results of nodes, which gives every name a value; then the
 * nodes' inputs, by name; then the order. Names are found in balanced trees, so that no choice of
 * names makes it slow.
 *
 * A subgraph sees the names of the graphs around it. Those it uses become captures of it,
 * on which the node depends that it belongs to.
 *
 * A model may have functions of its own. A node that calls one becomes the function's nodes,
 * in a scope that sees nothing but the function's inputs, and attributes that refer to those
 * of the call. So nothing behind the importer knows of functions.
 */
#define _GNU_SOURCE	/* tdestroy(), O_PATH */
#include "onnx.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../error.h"
#include "import.h"
#include "mapping.h"
#include "op.h"
#include "rewrite.h"
#include "wire.h"

_Static_assert((int)NN_BF16 == ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16, "types are ONNX's");

struct symbol {
	const char *name;
	size_t number;
};

/* What a name stands for. */
struct binding {
	const char *name;
	struct nn_value *value;	/* NULL: an input of a function that the call leaves out */
	bool open;		/* an output of a function, which no node has computed so far */
};

struct scope {
	struct scope *parent;	/* whose names are seen here as well */
	struct scope *outer;	/* that this one is in; it may be out of sight */
	struct nn_graph *graph;
	void *names;		/* tree of struct binding */
	void *captured;		/* tree of struct nn_value: those in graph->captures */
	size_t capture_room;
	const struct call *call;	/* of the function that this is in, or NULL */
	bool is_function;	/* it is one's, and shares the graph with the scope of the call */
};

struct function {
	const char *domain, *name;
	const Onnx__FunctionProto *from;
};

/* A node that stands for the nodes of a function. */
struct call {
	const struct function *function;
	const Onnx__NodeProto *from;
	struct scope *scope;	/* where it is */
	const char *name;
};

struct importer {
	struct nn_import base;
	void *symbols;		/* tree of struct symbol */
	void *functions;	/* tree of struct function */
	size_t inlined;		/* nodes that came from functions, and calls */
	unsigned int depth;	/* of calls in functions that are called */
};

/* Functions that call functions may grow beyond all bounds. */
#define INLINED_MAX	((size_t)1 << 18)
#define CALL_DEPTH_MAX	32

static int import_graph(struct importer *im, const Onnx__GraphProto *from, struct scope *parent,
			struct nn_node *owner, struct nn_graph **graph);

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct binding *)a)->name, ((const struct binding *)b)->name);
}

static int by_function(const void *a, const void *b)
{
	const struct function *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : strcmp(x->domain, y->domain);
}

static int by_address(const void *a, const void *b)
{
	return (a > b) - (a < b);
}

static int by_symbol(const void *a, const void *b)
{
	return strcmp(((const struct symbol *)a)->name, ((const struct symbol *)b)->name);
}

static void keep(void *item)
{
	(void)item;	/* it is the arena's */
}

#define nomem(im)	nn_import_nomem(&(im)->base)
#define refuse(im, error, ...)	nn_import_fail(&(im)->base, error, __VA_ARGS__)

static const char *text(struct importer *im, const char *from)
{
	return nn_format(&im->base.model->arena, "%s", from ? from : "");
}

/* ---- Values ---- */

static struct binding *find_binding(const struct scope *scope, const char *name)
{
	struct binding key = { .name = name };
	void *found = tfind(&key, &scope->names, by_name);

	return found ? *(struct binding **)found : NULL;
}

static struct nn_value *find_here(const struct scope *scope, const char *name)
{
	struct binding *found = find_binding(scope, name);

	return found ? found->value : NULL;
}

/* Give a value a name. */
static int bind(struct importer *im, struct scope *scope, const char *name, const char *kind,
		struct nn_value *value, bool open)
{
	struct binding *binding = nn_alloc(&im->base.model->arena, sizeof(*binding));
	char clean[80];
	void *entry;

	if (!binding)
		return nomem(im);
	*binding = (struct binding){ text(im, name), value, open };
	entry = binding->name ? tsearch(binding, &scope->names, by_name) : NULL;
	if (!entry)
		return nomem(im);
	if (*(struct binding **)entry == binding)
		return 0;
	nn_clean(clean, sizeof(clean), name);
	return refuse(im, -EINVAL, "%s '%s' has the name of another value", kind, clean);
}

static int define(struct importer *im, struct scope *scope, const char *name, const char *kind,
		  struct nn_value **value)
{
	*value = nn_value_add(im->base.model, scope->graph, name);
	return *value ? bind(im, scope, name, kind, *value, false) : nomem(im);
}

static int import_dimension(struct importer *im, const Onnx__TensorShapeProto__Dimension *from,
			    int64_t *dim)
{
	struct symbol *symbol, **found;
	const char *name = NULL;

	if (from->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
	    from->dim_value >= 0) {
		*dim = from->dim_value;
		return 0;
	}
	/* Exporters write -1, nothing, or an empty name for "any". */
	if (from->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM &&
	    from->dim_param && from->dim_param[0])
		name = from->dim_param;
	symbol = nn_alloc(&im->base.model->arena, sizeof(*symbol));
	if (!symbol)
		return nomem(im);
	if (name) {
		symbol->name = text(im, name);
		found = symbol->name ? tsearch(symbol, &im->symbols, by_symbol) : NULL;
		if (!found)
			return nomem(im);
		symbol = *found;
	}
	if (!symbol->number)
		symbol->number = nn_symbol_add(im->base.model, symbol->name);
	if (!symbol->number)
		return nomem(im);
	*dim = -(int64_t)symbol->number;
	return 0;
}

/* What a type is in the end: of a sequence, an optional, or an optional sequence. NULL: of none. */
static const Onnx__TypeProto *unwrap(const Onnx__TypeProto *type, struct nn_value *value)
{
	if (type && type->value_case == ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE && type->optional_type) {
		value->optional = true;
		type = type->optional_type->elem_type;
	}
	if (type && type->value_case == ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE && type->sequence_type) {
		value->kind = NN_SEQUENCE;
		type = type->sequence_type->elem_type;
	}
	if (type && type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE && type->tensor_type)
		return type;
	value->kind = NN_OTHER;
	return NULL;
}

static int declare(struct importer *im, struct nn_value *value, const Onnx__TypeProto *type)
{
	const Onnx__TypeProto__Tensor *tensor;
	char clean[80];
	size_t i;
	int ret;

	if (!type || type->value_case == ONNX__TYPE_PROTO__VALUE__NOT_SET)
		return 0;
	value->declared = true;
	type = unwrap(type, value);
	if (!type)
		return 0;
	tensor = type->tensor_type;
	nn_clean(clean, sizeof(clean), value->name);
	if (tensor->elem_type < 0 || tensor->elem_type >= NN_TYPES)
		return refuse(im, -EINVAL, "'%s' is declared with elements of type %" PRId32
			      ", which ONNX does not have", clean, tensor->elem_type);
	value->type = (enum nn_type)tensor->elem_type;
	if (!tensor->shape || value->kind != NN_TENSOR)
		return 0;
	if (tensor->shape->n_dim > NN_RANK_MAX)
		return refuse(im, -ENOTSUP, "'%s' has %zu dimensions, more than %d", clean,
			      tensor->shape->n_dim, NN_RANK_MAX);
	for (i = 0; i < tensor->shape->n_dim; i++) {
		ret = import_dimension(im, tensor->shape->dim[i], &value->shape.dims[i]);
		if (ret)
			return ret;
	}
	value->shape.rank = (int)tensor->shape->n_dim;
	return 0;
}

static int import_initializers(struct importer *im, const Onnx__GraphProto *from,
			       struct scope *scope)
{
	char owner[120], clean[80];
	struct nn_value *value;
	size_t i;
	int ret;

	if (from->n_sparse_initializer)
		return refuse(im, -ENOTSUP, "it has sparse initializers, which are not supported");
	for (i = 0; i < from->n_initializer; i++) {
		const Onnx__TensorProto *tensor = from->initializer[i];

		if (!tensor->name || !tensor->name[0])
			return refuse(im, -EINVAL, "initializer %zu has no name", i);
		ret = define(im, scope, tensor->name, "initializer", &value);
		if (ret)
			return ret;
		nn_clean(clean, sizeof(clean), tensor->name);
		snprintf(owner, sizeof(owner), "initializer '%s'", clean);
		ret = nn_import_tensor(&im->base, owner, tensor, &value->constant);
		if (ret)
			return ret;
		value->declared = true;
		value->type = value->constant->type;
		value->shape = value->constant->shape;
	}
	return 0;
}

static int import_inputs(struct importer *im, const Onnx__GraphProto *from, struct scope *scope)
{
	struct nn_graph *graph = scope->graph;
	struct nn_value *value;
	size_t i;
	int ret;

	graph->inputs = nn_alloc_array(&im->base.model->arena, from->n_input, sizeof(value));
	if (!graph->inputs)
		return nomem(im);
	for (i = 0; i < from->n_input; i++) {
		const char *name = from->input[i]->name;

		if (!name || !name[0])
			return refuse(im, -EINVAL, "input %zu has no name", i);
		/* Up to IR version 3, initializers had to be inputs, too. */
		value = find_here(scope, name);
		if (value && value->constant && !value->is_input) {
			value->is_input = true;
			continue;
		}
		ret = define(im, scope, name, "input", &value);
		if (!ret)
			ret = declare(im, value, from->input[i]->type);
		if (ret)
			return ret;
		value->is_input = true;
		graph->inputs[graph->input_count++] = value;
	}
	return 0;
}

/* ---- Nodes ---- */

static int import_text(struct importer *im, const ProtobufCBinaryData *from, const char **to)
{
	char *copy = nn_alloc(&im->base.model->arena, from->len + 1);

	if (!copy)
		return nomem(im);
	if (from->len)
		memcpy(copy, from->data, from->len);
	*to = copy;
	return 0;
}

static int import_texts(struct importer *im, const Onnx__AttributeProto *from, struct nn_attr *to)
{
	const char **texts = nn_alloc_array(&im->base.model->arena, from->n_strings,
					    sizeof(*texts));
	size_t i;
	int ret;

	if (!texts)
		return nomem(im);
	for (i = 0; i < from->n_strings; i++) {
		ret = import_text(im, &from->strings[i], &texts[i]);
		if (ret)
			return ret;
	}
	to->strings = texts;
	to->count = from->n_strings;
	return 0;
}

static const enum nn_attr_type attr_types[] = {
	[ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT] = NN_ATTR_FLOAT,
	[ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT] = NN_ATTR_INT,
	[ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING] = NN_ATTR_STRING,
	[ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR] = NN_ATTR_TENSOR,
	[ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH] = NN_ATTR_GRAPH,
	[ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS] = NN_ATTR_FLOATS,
	[ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS] = NN_ATTR_INTS,
	[ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS] = NN_ATTR_STRINGS,
};

static int import_attr_value(struct importer *im, const Onnx__AttributeProto *from,
			     struct scope *scope, struct nn_node *node, struct nn_attr *to)
{
	struct nn_arena *arena = &im->base.model->arena;
	char owner[240];

	switch (to->type) {
	case NN_ATTR_FLOAT:
		to->f = from->f;
		return 0;
	case NN_ATTR_INT:
		to->i = from->i;
		return 0;
	case NN_ATTR_STRING:
		return import_text(im, &from->s, &to->s);
	case NN_ATTR_STRINGS:
		return import_texts(im, from, to);
	case NN_ATTR_FLOATS:
		to->floats = nn_copy(arena, from->floats, from->n_floats * sizeof(float));
		to->count = from->n_floats;
		return to->floats ? 0 : nomem(im);
	case NN_ATTR_INTS:
		to->ints = nn_copy(arena, from->ints, from->n_ints * sizeof(int64_t));
		to->count = from->n_ints;
		return to->ints ? 0 : nomem(im);
	case NN_ATTR_TENSOR:
		nn_node_print(node, owner, sizeof(owner));
		if (!from->t)
			return nn_fail_node(node, -EINVAL, NN_EXPORT_AGAIN,
					    "its attribute %s has no tensor", to->name);
		return nn_import_tensor(&im->base, owner, from->t, &to->tensor);
	case NN_ATTR_GRAPH:
		if (!from->g)
			return nn_fail_node(node, -EINVAL, NN_EXPORT_AGAIN,
					    "its attribute %s has no graph", to->name);
		return import_graph(im, from->g, scope, node, &to->graph);
	default:
		return 0;
	}
}

/* Files of before IR version 2 do not say what an attribute is. */
static enum nn_attr_type guess_attr_type(const Onnx__AttributeProto *from)
{
	if (from->has_f)
		return NN_ATTR_FLOAT;
	if (from->has_i)
		return NN_ATTR_INT;
	if (from->has_s)
		return NN_ATTR_STRING;
	if (from->t)
		return NN_ATTR_TENSOR;
	if (from->g)
		return NN_ATTR_GRAPH;
	if (from->n_floats)
		return NN_ATTR_FLOATS;
	if (from->n_ints)
		return NN_ATTR_INTS;
	return from->n_strings ? NN_ATTR_STRINGS : NN_ATTR_OTHER;
}

static bool is_reference(const Onnx__AttributeProto *attr)
{
	return attr->ref_attr_name && attr->ref_attr_name[0];
}

/*
 * What an attribute of a function's node is: one of the call, which may be in a function as
 * well. NULL: the call has none. Its graph belongs into the scope of who wrote it.
 */
static const Onnx__AttributeProto *find_referred(const Onnx__AttributeProto *attr,
						 struct scope **scope)
{
	while (attr && is_reference(attr) && (*scope)->call) {
		const struct call *call = (*scope)->call;
		const Onnx__AttributeProto *found = NULL;
		size_t i;

		for (i = 0; i < call->from->n_attribute && !found; i++)
			if (call->from->attribute[i]->name &&
			    !strcmp(call->from->attribute[i]->name, attr->ref_attr_name))
				found = call->from->attribute[i];
		*scope = call->scope;
		attr = found;
	}
	return attr && !is_reference(attr) ? attr : NULL;
}

static int import_attr(struct importer *im, const Onnx__AttributeProto *from, struct scope *scope,
		       struct nn_node *node)
{
	struct nn_attr attr = { .type = NN_ATTR_OTHER };
	const char *name = from->name;
	char clean[48];
	size_t type;
	int ret;

	if (!from->name || !from->name[0])
		return nn_fail_node(node, -EINVAL, NN_EXPORT_AGAIN, "an attribute has no name");
	nn_clean(clean, sizeof(clean), from->name);
	if (nn_attr_find(node, from->name))
		return nn_fail_node(node, -EINVAL, NN_EXPORT_AGAIN, "it has two attributes %s",
				    clean);
	if (is_reference(from) && !scope->call)
		return nn_fail_node(node, -EINVAL, NN_EXPORT_AGAIN,
				    "attribute %s refers to one of a function, but it is not in one",
				    clean);
	from = find_referred(from, &scope);
	if (!from)
		return 0;
	attr.name = text(im, name);
	if (!attr.name)
		return nomem(im);
	type = (size_t)from->type;
	if (!from->has_type || !type)
		attr.type = guess_attr_type(from);
	else if (type < sizeof(attr_types) / sizeof(attr_types[0]) && attr_types[type])
		attr.type = attr_types[type];
	ret = import_attr_value(im, from, scope, node, &attr);
	if (!ret)
		node->attrs[node->attr_count++] = attr;
	return ret;
}

/* More than any operator has: the search for duplicates is quadratic. */
#define ATTRS_MAX	256

static int import_attrs(struct importer *im, const Onnx__NodeProto *from, struct scope *scope,
			struct nn_node *node)
{
	size_t i;
	int ret = 0;

	if (from->n_attribute > ATTRS_MAX)
		return nn_fail_node(node, -EFBIG, NN_EXPORT_AGAIN, "it has %zu attributes",
				    from->n_attribute);
	node->attrs = nn_alloc_array(&im->base.model->arena, from->n_attribute,
				     sizeof(*node->attrs));
	if (!node->attrs)
		return nomem(im);
	for (i = 0; i < from->n_attribute && !ret; i++)
		ret = import_attr(im, from->attribute[i], scope, node);
	return ret;
}

static int find_opset(const struct nn_model *model, const char *domain)
{
	size_t i;

	for (i = 0; i < model->opset_count; i++)
		if (!strcmp(model->opsets[i].domain, domain))
			return model->opsets[i].version;
	return 0;
}

/* Both "" and "ai.onnx" are names of ONNX's own. */
static const char *domain_of(const char *domain)
{
	return domain && strcmp(domain, "ai.onnx") ? domain : "";
}

/* A function has versions of domains of its own. */
static int find_version(const struct importer *im, const struct scope *scope, const char *domain)
{
	const Onnx__FunctionProto *function;
	size_t i;

	if (!scope->call)
		return find_opset(im->base.model, domain);
	function = scope->call->function->from;
	for (i = 0; i < function->n_opset_import; i++)
		if (!strcmp(domain_of(function->opset_import[i]->domain), domain) &&
		    function->opset_import[i]->version > 0 &&
		    function->opset_import[i]->version <= INT32_MAX)
			return (int)function->opset_import[i]->version;
	return 0;
}

/* A list of pointers with room for one more, if need be another one; NULL: no memory. */
static void *grown(struct importer *im, void *list, size_t count, size_t *room)
{
	void *more;

	if (count < *room)
		return list;
	*room = *room * 2 + 8;
	more = nn_alloc_array(&im->base.model->arena, *room, sizeof(void *));
	if (more && count)
		memcpy(more, list, count * sizeof(void *));
	return more;
}

/* Results of a function's node may be those of the call. */
static int define_results(struct importer *im, const Onnx__NodeProto *from, struct scope *scope,
			  struct nn_value **values)
{
	struct binding *binding;
	size_t i;
	int ret = 0;

	for (i = 0; i < from->n_output && !ret; i++) {
		if (!from->output[i][0])
			continue;
		binding = find_binding(scope, from->output[i]);
		if (binding && binding->open) {
			binding->open = false;
			values[i] = binding->value;
		} else {
			ret = define(im, scope, from->output[i], "a node's result", &values[i]);
		}
	}
	return ret;
}

/* The node itself and its results, so that all names are there before any is looked for. */
static int import_node(struct importer *im, const Onnx__NodeProto *from, struct scope *scope,
		       struct nn_node **to)
{
	struct nn_arena *arena = &im->base.model->arena;
	struct nn_node *node = nn_alloc(arena, sizeof(*node)), **more;
	size_t i;
	int ret;

	*to = node;
	if (!node)
		return nomem(im);
	node->number = scope->graph->node_count;
	node->graph = scope->graph;
	node->name = !scope->is_function ? text(im, from->name) :
		     nn_format(arena, "%s/%s", scope->call->name, from->name ? from->name : "");
	node->type = text(im, from->op_type);
	node->domain = text(im, domain_of(from->domain));
	node->outputs = nn_alloc_array(arena, from->n_output, sizeof(*node->outputs));
	node->inputs = nn_alloc_array(arena, from->n_input, sizeof(*node->inputs));
	if (!node->name || !node->type || !node->domain || !node->outputs || !node->inputs)
		return nomem(im);
	node->output_count = from->n_output;
	node->input_count = from->n_input;
	node->opset = find_version(im, scope, node->domain);
	if (!node->opset)
		return nn_fail_node(node, -EINVAL, NN_EXPORT_AGAIN,
				    "the model names no version of its operators' domain '%s'",
				    node->domain);
	ret = define_results(im, from, scope, node->outputs);
	if (ret)
		return ret;
	more = grown(im, scope->graph->nodes, scope->graph->node_count, &scope->graph->node_room);
	if (!more)
		return nomem(im);
	scope->graph->nodes = more;
	for (i = 0; i < from->n_output; i++)
		if (node->outputs[i])
			node->outputs[i]->producer = node;
	scope->graph->nodes[scope->graph->node_count++] = node;
	return 0;
}

/* Note that a graph uses a value of one around it. */
static int capture(struct importer *im, struct scope *scope, struct nn_value *value)
{
	struct nn_graph *graph = scope->graph;
	struct nn_value **more;
	void *entry = tfind(value, &scope->captured, by_address);

	if (entry)
		return 0;
	if (!tsearch(value, &scope->captured, by_address))
		return nomem(im);
	more = grown(im, graph->captures, graph->capture_count, &scope->capture_room);
	if (!more)
		return nomem(im);
	graph->captures = more;
	graph->captures[graph->capture_count++] = value;
	return 0;
}

/*
 * Find a name here or in a graph around: 0, also if it stands for nothing (NULL); 1 if nobody
 * has it.
 */
static int resolve(struct importer *im, struct scope *scope, const char *name,
		   struct nn_value **value)
{
	struct binding *found = NULL;
	struct scope *at, *inner;
	int ret;

	for (at = scope; at && !found; at = at->parent)
		found = find_binding(at, name);
	*value = found ? found->value : NULL;
	if (!*value)
		return !found;
	for (inner = scope; inner->graph != (*value)->graph; inner = inner->outer) {
		ret = inner->is_function ? 0 : capture(im, inner, *value);
		if (ret)
			return ret;
	}
	return 0;
}

static int refuse_name(const struct nn_node *node, size_t i, const char *name)
{
	char clean[80];

	nn_clean(clean, sizeof(clean), name);
	return nn_fail_node(node, -EINVAL, NN_EXPORT_AGAIN,
			    "its input %zu, '%s', is no input, initializer or result of a node",
			    i, clean);
}

static int connect(struct importer *im, const Onnx__NodeProto *from, struct nn_node *node,
		   struct scope *scope)
{
	size_t i;
	int ret;

	for (i = 0; i < from->n_input; i++) {
		if (!from->input[i][0])
			continue;
		ret = resolve(im, scope, from->input[i], &node->inputs[i]);
		if (ret)
			return ret < 0 ? ret : refuse_name(node, i, from->input[i]);
	}
	return import_attrs(im, from, scope, node);
}

/* ---- Functions ---- */

static int import_functions(struct importer *im, const Onnx__ModelProto *from)
{
	char clean[80];
	void *entry;
	size_t i;

	for (i = 0; i < from->n_functions; i++) {
		struct function *function = nn_alloc(&im->base.model->arena, sizeof(*function));

		if (!function)
			return nomem(im);
		function->from = from->functions[i];
		function->name = function->from->name ? function->from->name : "";
		function->domain = domain_of(function->from->domain);
		entry = tsearch(function, &im->functions, by_function);
		if (!entry)
			return nomem(im);
		if (*(struct function **)entry == function)
			continue;
		nn_clean(clean, sizeof(clean), function->name);
		return refuse(im, -EINVAL, "it has two functions '%s'", clean);
	}
	return 0;
}

static const struct function *find_function(const struct importer *im, const Onnx__NodeProto *node)
{
	const struct function key = {
		.domain = domain_of(node->domain), .name = node->op_type ? node->op_type : "",
	};
	void *found = tfind(&key, &im->functions, by_function);

	return found ? *(const struct function **)found : NULL;
}

static int count_inlined(struct importer *im, const struct call *call)
{
	char clean[80];

	nn_clean(clean, sizeof(clean), call->function->name);
	if (im->depth > CALL_DEPTH_MAX)
		return refuse(im, -EFBIG, "functions call each other more than %d deep ('%s')",
			      CALL_DEPTH_MAX, clean);
	if (im->inlined++ >= INLINED_MAX)
		return refuse(im, -EFBIG, "its functions would become more than %zu nodes ('%s')",
			      INLINED_MAX, clean);
	return 0;
}

/* The names that a function's nodes see: its inputs are what the call gives it. */
static int bind_function(struct importer *im, const struct call *call, struct nn_value **results,
			 struct scope *scope)
{
	const Onnx__FunctionProto *function = call->function->from;
	struct nn_value *value;
	char clean[80];
	size_t i;
	int ret;

	nn_clean(clean, sizeof(clean), call->function->name);
	if (call->from->n_input > function->n_input || call->from->n_output > function->n_output)
		return refuse(im, -EINVAL, "function '%s' is called with %zu inputs and %zu results; it "
			      "has %zu and %zu", clean, call->from->n_input, call->from->n_output,
			      function->n_input, function->n_output);
	for (i = 0; i < function->n_input; i++) {
		const char *name = i < call->from->n_input ? call->from->input[i] : "";

		value = NULL;
		ret = name[0] ? resolve(im, call->scope, name, &value) : 0;
		if (ret > 0)
			return refuse(im, -EINVAL, "input %zu of a call of function '%s' does not exist",
				      i, clean);
		if (!ret)
			ret = bind(im, scope, function->input[i], "a function's input", value, false);
		if (ret)
			return ret;
	}
	for (i = 0; i < call->from->n_output; i++) {
		ret = results[i] ? bind(im, scope, function->output[i], "a function's output",
					results[i], true) : 0;
		if (ret)
			return ret;
	}
	return 0;
}

static int import_body(struct importer *im, Onnx__NodeProto *const *from, size_t count,
		       struct scope *scope);

static int check_computed(struct importer *im, const struct call *call, const struct scope *scope)
{
	char name[80], output[80];
	size_t i;

	for (i = 0; i < call->from->n_output; i++) {
		struct binding *binding = find_binding(scope, call->function->from->output[i]);

		if (!binding || !binding->open)
			continue;
		nn_clean(name, sizeof(name), call->function->name);
		nn_clean(output, sizeof(output), binding->name);
		return refuse(im, -EINVAL, "function '%s' does not compute its output '%s'", name,
			      output);
	}
	return 0;
}

/* Put a function's nodes where the call is; `results` are the call's. */
static int inline_call(struct importer *im, const struct function *function,
		       const Onnx__NodeProto *from, struct scope *scope, struct nn_value **results)
{
	const struct call call = {
		.function = function, .from = from, .scope = scope,
		.name = text(im, from->name && from->name[0] ? from->name : function->name),
	};
	struct scope inner = {
		.outer = scope, .graph = scope->graph, .call = &call, .is_function = true,
	};
	int ret = call.name ? 0 : nomem(im);

	im->depth++;
	if (!ret)
		ret = count_inlined(im, &call);
	if (!ret)
		ret = bind_function(im, &call, results, &inner);
	if (!ret)
		ret = import_body(im, function->from->node, function->from->n_node, &inner);
	if (!ret)
		ret = check_computed(im, &call, &inner);
	im->depth--;
	tdestroy(inner.names, keep);
	return ret;
}

/* ---- Nodes of a graph or of a function ---- */

/* What a node has become, until all names of its scope are there. */
struct pending {
	struct nn_node *node;			/* or, if a function is called: */
	const struct function *function;
	struct nn_value **results;
};

static int begin_node(struct importer *im, const Onnx__NodeProto *from, struct scope *scope,
		      struct pending *to)
{
	to->function = find_function(im, from);
	if (scope->call && !to->function) {
		int ret = count_inlined(im, scope->call);

		if (ret)
			return ret;
	}
	if (!to->function)
		return import_node(im, from, scope, &to->node);
	to->results = nn_alloc_array(&im->base.model->arena, from->n_output, sizeof(*to->results));
	return to->results ? define_results(im, from, scope, to->results) : nomem(im);
}

static int import_body(struct importer *im, Onnx__NodeProto *const *from, size_t count,
		       struct scope *scope)
{
	struct pending *nodes = calloc(count + 1, sizeof(*nodes));
	int ret = nodes ? 0 : nomem(im);
	size_t i;

	for (i = 0; i < count && !ret; i++)
		ret = begin_node(im, from[i], scope, &nodes[i]);
	for (i = 0; i < count && !ret; i++)
		ret = nodes[i].function ? inline_call(im, nodes[i].function, from[i], scope,
						      nodes[i].results) :
					  connect(im, from[i], nodes[i].node, scope);
	free(nodes);
	return ret;
}

static int import_nodes(struct importer *im, const Onnx__GraphProto *from, struct scope *scope)
{
	int ret = import_body(im, from->node, from->n_node, scope);

	if (!ret)
		ret = nn_resolve_nodes(im->base.model, scope->graph);
	return ret ? ret : nn_graph_sort(im->base.model, scope->graph);
}

/* ---- Graphs ---- */

static int import_outputs(struct importer *im, const Onnx__GraphProto *from, struct scope *scope)
{
	struct nn_graph *graph = scope->graph;
	struct nn_value *value;
	char clean[80];
	size_t i;
	int ret;

	graph->outputs = nn_alloc_array(&im->base.model->arena, from->n_output, sizeof(value));
	if (!graph->outputs)
		return nomem(im);
	for (i = 0; i < from->n_output; i++) {
		const char *name = from->output[i]->name ? from->output[i]->name : "";

		ret = resolve(im, scope, name, &value);
		if (ret < 0)
			return ret;
		nn_clean(clean, sizeof(clean), name);
		if (!value)
			return refuse(im, -EINVAL, "nothing computes output '%s'", clean);
		if (!value->declared) {
			ret = declare(im, value, from->output[i]->type);
			if (ret)
				return ret;
		}
		value->is_output = true;
		graph->outputs[graph->output_count++] = value;
	}
	return 0;
}

static int import_value_infos(struct importer *im, const Onnx__GraphProto *from,
			      struct scope *scope)
{
	struct nn_value *value;
	size_t i;
	int ret;

	for (i = 0; i < from->n_value_info; i++) {
		if (!from->value_info[i]->name)
			continue;
		value = find_here(scope, from->value_info[i]->name);
		if (!value || value->declared)
			continue;
		ret = declare(im, value, from->value_info[i]->type);
		if (ret)
			return ret;
	}
	return 0;
}

static int import_graph(struct importer *im, const Onnx__GraphProto *from, struct scope *parent,
			struct nn_node *owner, struct nn_graph **graph)
{
	struct scope scope = {
		.parent = parent, .outer = parent, .call = parent ? parent->call : NULL,
	};
	int ret;

	*graph = nn_alloc(&im->base.model->arena, sizeof(**graph));
	if (!*graph)
		return nomem(im);
	scope.graph = *graph;
	scope.graph->name = text(im, from->name);
	scope.graph->owner = owner;
	scope.graph->parent = parent ? parent->graph : NULL;
	scope.graph->first = im->base.model->value_count;
	ret = scope.graph->name ? 0 : nomem(im);
	if (!ret)
		ret = import_initializers(im, from, &scope);
	if (!ret)
		ret = import_inputs(im, from, &scope);
	if (!ret)
		ret = import_nodes(im, from, &scope);
	if (!ret)
		ret = import_outputs(im, from, &scope);
	if (!ret)
		ret = import_value_infos(im, from, &scope);
	scope.graph->end = im->base.model->value_count;
	tdestroy(scope.names, keep);
	tdestroy(scope.captured, keep);
	return ret;
}

/* ---- Models ---- */

static int import_opsets(struct importer *im, const Onnx__ModelProto *from)
{
	struct nn_model *model = im->base.model;
	size_t i;

	model->opsets = nn_alloc_array(&model->arena, from->n_opset_import,
				       sizeof(*model->opsets));
	if (!model->opsets)
		return nomem(im);
	for (i = 0; i < from->n_opset_import; i++) {
		const Onnx__OperatorSetIdProto *opset = from->opset_import[i];
		const char *domain = domain_of(opset->domain);

		if (!domain[0] && (opset->version < NN_OPSET_OLDEST ||
				   opset->version > NN_OPSET_NEWEST))
			return accel_fail(-ENOTSUP, im->base.what,
					  "convert it with onnx.version_converter, or export it again",
					  "it is made for version %" PRId64
					  " of ONNX's operators; versions %d to %d are supported",
					  opset->version, NN_OPSET_OLDEST, NN_OPSET_NEWEST);
		if (opset->version < 1 || opset->version > INT32_MAX)
			return refuse(im, -EINVAL, "it asks for version %" PRId64
				      " of a domain of operators", opset->version);
		if (find_opset(model, domain))
			return refuse(im, -EINVAL, "it names the domain of operators '%s' twice", domain);
		model->opsets[i].domain = text(im, domain);
		if (!model->opsets[i].domain)
			return nomem(im);
		model->opsets[i].version = (int)opset->version;
		model->opset_count++;
	}
	return 0;
}

static int import_model(struct importer *im, const Onnx__ModelProto *from)
{
	struct nn_model *model = im->base.model;
	int ret;

	if (!from->graph)
		return refuse(im, -EINVAL, "it has no graph, so it is hardly an ONNX model");
	model->ir_version = from->ir_version;
	model->producer = text(im, from->producer_name);
	/* Symbols are numbered from 1. */
	if (!model->producer || nn_symbol_add(model, NULL) != 0 || !model->symbols)
		return nomem(im);
	ret = import_opsets(im, from);
	if (!ret)
		ret = import_functions(im, from);
	if (!ret)
		ret = import_graph(im, from->graph, NULL, NULL, &model->graph);
	return ret ? ret : nn_find_swapped(model);
}

/* Protobuf to objects, without the contents of tensors. */
static int unpack(struct nn_import *im, const ProtobufCMessageDescriptor *type,
		  ProtobufCMessage **message)
{
	uint8_t *copy;
	size_t size;
	int ret;

	ret = nn_wire_cut(im->what, im->file, im->size, type, &onnx__tensor_proto__descriptor,
			  "raw_data", &copy, &size);
	if (ret)
		return ret;
	*message = protobuf_c_message_unpack(type, NULL, size, copy);
	free(copy);
	if (!*message)
		return accel_fail(-EINVAL, im->what, "copy it again",
				  "its contents are not those of an ONNX file, or memory is short");
	return 0;
}

static int import(struct importer *im, struct nn_model **model)
{
	ProtobufCMessage *message = NULL;
	int ret;

	ret = unpack(&im->base, &onnx__model_proto__descriptor, &message);
	if (!ret)
		ret = import_model(im, (const Onnx__ModelProto *)message);
	if (message)
		protobuf_c_message_free_unpacked(message, NULL);
	tdestroy(im->symbols, keep);
	tdestroy(im->functions, keep);
	if (ret)
		nn_model_free(im->base.model);
	else
		*model = im->base.model;
	return ret;
}

int nn_onnx_read(const char *what, const void *file, size_t size, int folder,
		 struct nn_model **model)
{
	struct importer im = {
		.base = { .what = what, .file = file, .size = size, .folder = folder },
	};

	im.base.model = calloc(1, sizeof(*im.base.model));
	if (!im.base.model)
		return accel_fail_errno(-ENOMEM, what);
	return import(&im, model);
}

static int map_file(struct nn_import *im, const char *path)
{
	const struct nn_mapping *mapping;
	int ret;

	im->model = calloc(1, sizeof(*im->model));
	if (!im->model)
		return accel_fail_errno(-ENOMEM, im->what);
	ret = nn_mapping_open(&im->model->mappings, AT_FDCWD, path, &mapping);
	if (ret) {
		nn_model_free(im->model);
		return accel_fail(ret, im->what, NULL, "%s", ret == -EINVAL ?
				  "it is not a file with contents, but a device or the like" :
				  strerror(-ret));
	}
	im->file = mapping->data;
	im->size = mapping->size;
	return 0;
}

/* The folder of a file, as a descriptor. */
static int open_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder;
	int fd;

	if (!slash)
		return open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	folder = strndup(path, (size_t)(slash - path) + 1);
	if (!folder)
		return -1;
	fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	return fd;
}

int nn_onnx_load(const char *path, struct nn_model **model)
{
	struct importer im = { .base = { .folder = -1 } };
	char what[240];
	int ret;

	snprintf(what, sizeof(what), "cannot read the model %s", path);
	im.base.what = what;
	ret = map_file(&im.base, path);
	if (ret)
		return ret;
	im.base.folder = open_folder(path);
	ret = import(&im, model);
	if (im.base.folder >= 0)
		close(im.base.folder);
	return ret;
}

static int read_tensor(struct nn_import *im, struct nn_tensor *tensor)
{
	const struct nn_constant *constant;
	ProtobufCMessage *message = NULL;
	int ret = unpack(im, &onnx__tensor_proto__descriptor, &message);

	if (!ret)
		ret = nn_import_tensor(im, "the tensor", (const Onnx__TensorProto *)message,
				       &constant);
	if (!ret) {
		const struct nn_tensor found = nn_constant_tensor(constant);

		ret = nn_tensor_copy_texts(tensor, &found);
		if (ret)
			ret = accel_fail_errno(ret, im->what);
	}
	if (message)
		protobuf_c_message_free_unpacked(message, NULL);
	nn_model_free(im->model);
	return ret;
}

int nn_onnx_read_tensor(const char *what, const void *file, size_t size, struct nn_tensor *tensor)
{
	struct nn_import im = { .what = what, .file = file, .size = size, .folder = -1 };

	im.model = calloc(1, sizeof(*im.model));
	return im.model ? read_tensor(&im, tensor) : accel_fail_errno(-ENOMEM, what);
}

int nn_onnx_load_tensor(const char *path, struct nn_tensor *tensor)
{
	struct nn_import im = { .folder = -1 };
	char what[240];
	int ret;

	snprintf(what, sizeof(what), "cannot read the tensor %s", path);
	im.what = what;
	ret = map_file(&im, path);
	return ret ? ret : read_tensor(&im, tensor);
}
