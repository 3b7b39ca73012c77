// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "rewrite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../error.h"

#define WHAT	"cannot read the model"

/* ---- The node that is rewritten ---- */

struct nn_value *nn_rewrite_in(const struct nn_rewrite *r, size_t i)
{
	return i < r->call.node->input_count ? r->call.node->inputs[i] : NULL;
}

bool nn_rewrite_wants(const struct nn_rewrite *r, size_t i)
{
	return i < r->call.node->output_count && r->call.node->outputs[i];
}

int nn_rewrite_rank(const struct nn_value *value)
{
	return value ? value->shape.rank : -1;
}

int64_t nn_rewrite_size(const struct nn_value *value, int dim)
{
	return value && dim < value->shape.rank ? value->shape.dims[dim] : -1;
}

/* ---- Writing ---- */

static void *no_memory(struct nn_rewrite *r)
{
	if (!r->error)
		r->error = accel_fail_errno(-ENOMEM, WHAT);
	return NULL;
}

static struct nn_value *new_value(struct nn_rewrite *r)
{
	struct nn_value *value = nn_value_add(r->model, r->graph, "");

	return value ? value : no_memory(r);
}

static struct nn_node *last_node(const struct nn_rewrite *r)
{
	return r->error ? NULL : r->nodes[r->node_count - 1];
}

/* "layer 3/Transpose": errors name the node as the model does, and what of it. */
static struct nn_node *new_node(struct nn_rewrite *r, const char *type, size_t inputs)
{
	struct nn_arena *arena = &r->model->arena;
	const struct nn_node *from = r->call.node;
	struct nn_node *node = nn_alloc(arena, sizeof(*node)), **more;

	more = reallocarray(r->nodes, r->node_count + 1, sizeof(*more));
	if (more)
		r->nodes = more;
	if (!more || !node)
		return no_memory(r);
	node->name = nn_format(arena, "%s/%s", from->name[0] ? from->name : from->type, type);
	node->domain = "";
	node->type = type;
	node->opset = NN_REWRITE_OPSET;
	node->graph = r->graph;
	node->inputs = nn_alloc_array(arena, inputs, sizeof(*node->inputs));
	if (!node->name || !node->inputs)
		return no_memory(r);
	r->nodes[r->node_count++] = node;
	return node;
}

struct nn_value *nn_emit_node(struct nn_rewrite *r, const char *type, size_t count,
			      struct nn_value *const *inputs)
{
	struct nn_node *node = r->error ? NULL : new_node(r, type, count);

	if (!node)
		return NULL;
	/* Those left out at the end are not there. */
	while (count && !inputs[count - 1])
		count--;
	memcpy(node->inputs, inputs, count * sizeof(*inputs));
	node->input_count = count;
	return nn_emit_output(r);
}

struct nn_value *nn_emit_output(struct nn_rewrite *r)
{
	struct nn_node *node = last_node(r);
	struct nn_value **more, *value = node ? new_value(r) : NULL;

	if (!value)
		return NULL;
	more = nn_alloc_array(&r->model->arena, node->output_count + 1, sizeof(*more));
	if (!more)
		return no_memory(r);
	if (node->output_count)
		memcpy(more, node->outputs, node->output_count * sizeof(*more));
	more[node->output_count++] = value;
	node->outputs = more;
	value->producer = node;
	return value;
}

static void add_attr(struct nn_rewrite *r, const struct nn_attr *attr)
{
	struct nn_node *node = last_node(r);
	struct nn_attr *more;

	if (!node)
		return;
	more = nn_alloc_array(&r->model->arena, node->attr_count + 1, sizeof(*more));
	if (!more) {
		no_memory(r);
		return;
	}
	if (node->attr_count)
		memcpy(more, node->attrs, node->attr_count * sizeof(*more));
	more[node->attr_count++] = *attr;
	node->attrs = more;
}

void nn_emit_int(struct nn_rewrite *r, const char *name, int64_t i)
{
	add_attr(r, &(struct nn_attr){ .name = name, .type = NN_ATTR_INT, .i = i });
}

void nn_emit_float(struct nn_rewrite *r, const char *name, float f)
{
	add_attr(r, &(struct nn_attr){ .name = name, .type = NN_ATTR_FLOAT, .f = f });
}

void nn_emit_text(struct nn_rewrite *r, const char *name, const char *text)
{
	add_attr(r, &(struct nn_attr){ .name = name, .type = NN_ATTR_STRING, .s = text });
}

void nn_emit_ints(struct nn_rewrite *r, const char *name, size_t count, const int64_t *ints)
{
	const int64_t *copy = nn_copy(&r->model->arena, ints, count * sizeof(*ints));

	if (!copy)
		no_memory(r);
	add_attr(r, &(struct nn_attr){ .name = name, .type = NN_ATTR_INTS, .count = count,
				       .ints = copy });
}

void nn_emit_same(struct nn_rewrite *r, const char *from, const char *name)
{
	const struct nn_attr *attr = nn_attr_find(r->call.node, from);
	struct nn_attr copy;

	if (!attr)
		return;
	copy = *attr;
	copy.name = name;
	add_attr(r, &copy);
}

/* ---- Constants ---- */

static struct nn_value *emit_constant(struct nn_rewrite *r, enum nn_type type, int rank, size_t count,
				      const void *data, size_t bytes)
{
	struct nn_constant *constant = nn_alloc(&r->model->arena, sizeof(*constant));
	struct nn_value *value = r->error ? NULL : new_value(r);

	if (!constant)
		no_memory(r);
	if (!constant || !value)
		return NULL;
	*constant = (struct nn_constant){
		.type = type, .shape = { .rank = rank, .dims = { (int64_t)count } }, .count = count,
		.data = nn_copy(&r->model->arena, data, bytes),
	};
	if (!constant->data)
		return no_memory(r);
	value->constant = constant;
	value->declared = true;
	value->type = type;
	value->shape = constant->shape;
	return value;
}

struct nn_value *nn_emit_vector(struct nn_rewrite *r, enum nn_type type, size_t count, const void *data)
{
	return emit_constant(r, type, 1, count, data, nn_bytes(type, count));
}

struct nn_value *nn_emit_list(struct nn_rewrite *r, size_t count, const int64_t *ints)
{
	return nn_emit_vector(r, NN_I64, count, ints);
}

struct nn_value *nn_emit_scalar(struct nn_rewrite *r, int64_t i)
{
	return emit_constant(r, NN_I64, 0, 1, &i, sizeof(i));
}

struct nn_value *nn_emit_number(struct nn_rewrite *r, float x)
{
	return emit_constant(r, NN_F32, 0, 1, &x, sizeof(x));
}

struct nn_value *nn_emit_size(struct nn_rewrite *r, struct nn_value *of, int64_t dim)
{
	struct nn_value *shape = nn_emit(r, "Shape", of);

	return nn_emit(r, "Gather", shape, nn_emit_list(r, 1, &dim));
}

/* ---- Results ---- */

/* A value that is the node's alone: nobody but its own nodes has it. */
static bool is_own(const struct nn_rewrite *r, const struct nn_value *value)
{
	size_t i;

	for (i = 0; i < r->node_count; i++)
		if (value->producer == r->nodes[i])
			return !value->declared && !value->name[0];
	return false;
}

static void replace(struct nn_value **values, size_t count, const struct nn_value *old,
		    struct nn_value *new)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (values[i] == old)
			values[i] = new;
}

void nn_rewrite_result(struct nn_rewrite *r, size_t i, struct nn_value *value)
{
	struct nn_value *result;
	size_t k;

	if (r->error || !nn_rewrite_wants(r, i))
		return;
	if (!is_own(r, value))
		value = nn_emit(r, "Identity", value);
	if (!value)
		return;
	result = r->call.node->outputs[i];
	result->producer = value->producer;
	for (k = 0; k < r->node_count; k++) {
		replace(r->nodes[k]->inputs, r->nodes[k]->input_count, value, result);
		replace(r->nodes[k]->outputs, r->nodes[k]->output_count, value, result);
	}
	/* Nobody makes it any more, and nobody reads it. */
	value->producer = NULL;
}

/* ---- Graphs ---- */

static int check_node(struct nn_rewrite *r, struct nn_node *node)
{
	const struct nn_call call = { .node = node };
	int ret;

	node->op = nn_op_find(node->domain, node->type, node->opset);
	ret = node->op ? nn_op_check(node) : 0;
	if (ret || !node->op || !node->op->prepare)
		return ret;
	return node->op->prepare(&call, &r->model->arena, &node->prepared);
}

/* What a node becomes: r->nodes; none, if it stays what it is and is not supported. */
static int rewrite_node(struct nn_rewrite *r, struct nn_node *node)
{
	size_t i;
	int ret;

	r->call.node = node;
	r->node_count = 0;
	r->error = 0;
	ret = node->op->rewrite(r);
	ret = r->error ? r->error : ret;
	if (ret == 1) {
		node->why = r->why;
		node->op = NULL;
		r->node_count = 0;
		return 0;
	}
	for (i = 0; i < r->node_count && !ret; i++)
		ret = check_node(r, r->nodes[i]);
	return ret;
}

struct node_list {
	struct nn_node **nodes;
	size_t count, room;
};

static int add_nodes(struct node_list *list, struct nn_node *const *nodes, size_t count)
{
	struct nn_node **more;

	if (list->count + count > list->room) {
		list->room = 2 * (list->count + count);
		more = reallocarray(list->nodes, list->room, sizeof(*more));
		if (!more)
			return accel_fail_errno(-ENOMEM, WHAT);
		list->nodes = more;
	}
	memcpy(list->nodes + list->count, nodes, count * sizeof(*nodes));
	list->count += count;
	return 0;
}

static int resolve_node(struct nn_rewrite *r, struct nn_node *node, struct node_list *list)
{
	int ret = check_node(r, node);

	if (ret || !node->op || !node->op->rewrite)
		return ret ? ret : add_nodes(list, &node, 1);
	ret = rewrite_node(r, node);
	if (ret || !r->node_count)
		return ret ? ret : add_nodes(list, &node, 1);
	return add_nodes(list, r->nodes, r->node_count);
}

int nn_resolve_nodes(struct nn_model *model, struct nn_graph *graph)
{
	struct nn_rewrite r = { .model = model, .graph = graph };
	struct node_list list = { .count = 0 };
	size_t i;
	int ret = 0;

	for (i = 0; i < graph->node_count && !ret; i++)
		ret = resolve_node(&r, graph->nodes[i], &list);
	if (!ret && list.count > graph->node_room) {
		graph->nodes = nn_alloc_array(&model->arena, list.count, sizeof(*graph->nodes));
		graph->node_room = list.count;
		ret = graph->nodes ? 0 : accel_fail_errno(-ENOMEM, WHAT);
	}
	if (!ret && list.count) {
		memcpy(graph->nodes, list.nodes, list.count * sizeof(*list.nodes));
		graph->node_count = list.count;
	}
	for (i = 0; i < graph->node_count; i++)
		graph->nodes[i]->number = i;
	free(list.nodes);
	free(r.nodes);
	return ret;
}
