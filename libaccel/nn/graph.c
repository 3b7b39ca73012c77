// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "graph.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../error.h"
#include "mapping.h"

void nn_model_free(struct nn_model *model)
{
	if (!model)
		return;
	nn_mapping_close_all(model->mappings);
	nn_arena_release(&model->arena);
	free(model->values);
	free(model->symbols);
	free(model);
}

/* Room for one more, in an array whose room doubles. */
static void *grow(void *array, size_t count, size_t size)
{
	if (count & (count - 1))
		return array;
	return reallocarray(array, count ? count * 2 : 1, size);
}

struct nn_value *nn_value_add(struct nn_model *model, struct nn_graph *graph, const char *name)
{
	struct nn_value *value = nn_alloc(&model->arena, sizeof(*value));
	void *values = grow(model->values, model->value_count, sizeof(value));

	if (values)
		model->values = values;
	if (!value || !values)
		return NULL;
	value->name = nn_format(&model->arena, "%s", name);
	value->graph = graph;
	value->index = model->value_count;
	value->shape.rank = -1;
	if (!value->name)
		return NULL;
	model->values[model->value_count++] = value;
	return value;
}

size_t nn_symbol_add(struct nn_model *model, const char *name)
{
	void *symbols = grow(model->symbols, model->symbol_count, sizeof(name));

	if (!symbols)
		return 0;
	model->symbols = symbols;
	model->symbols[model->symbol_count] = name;
	return model->symbol_count++;
}

void nn_clean(char *to, size_t size, const char *name)
{
	size_t i;

	for (i = 0; name[i] && i + 1 < size; i++)
		to[i] = (unsigned char)name[i] < ' ' || name[i] == 0x7f ? '?' : name[i];
	to[i] = '\0';
	/* Say that it goes on, but not within a character of several bytes. */
	if (name[i] && size > 4) {
		i -= 3;
		while (i && ((unsigned char)to[i] & 0xc0) == 0x80)
			i--;
		strcpy(to + i, "...");
	}
}

void nn_node_print(const struct nn_node *node, char *text, size_t size)
{
	char name[80], type[48];

	nn_clean(name, sizeof(name), node->name);
	nn_clean(type, sizeof(type), node->type);
	snprintf(text, size, "node %zu, %s%s%s%s", node->number, type, name[0] ? " '" : "", name,
		 name[0] ? "'" : "");
}

int nn_fail_node(const struct nn_node *node, int error, const char *advice, const char *cause,
		 ...)
{
	char what[200], why[600];
	va_list args;

	nn_node_print(node, what, sizeof(what));
	va_start(args, cause);
	vsnprintf(why, sizeof(why), cause, args);
	va_end(args);
	return accel_fail(error, what, advice, "%s", why);
}

const struct nn_attr *nn_attr_find(const struct nn_node *node, const char *name)
{
	size_t i;

	for (i = 0; i < node->attr_count; i++)
		if (!strcmp(node->attrs[i].name, name))
			return &node->attrs[i];
	return NULL;
}

/* ---- Order ---- */

/*
 * A depth-first walk with a stack of its own: a chain of a million nodes in the wrong order is
 * a legal file.
 */
struct frame {
	struct nn_node *node;
	size_t next;		/* dependency to look at */
};

enum mark { UNSEEN, ON_STACK, DONE };

bool nn_node_dependency(const struct nn_node *node, size_t i, struct nn_value **value)
{
	size_t k;

	if (i < node->input_count) {
		*value = node->inputs[i];
		return true;
	}
	i -= node->input_count;
	for (k = 0; k < node->attr_count; k++) {
		const struct nn_graph *graph = node->attrs[k].graph;

		if (node->attrs[k].type != NN_ATTR_GRAPH)
			continue;
		if (i < graph->capture_count) {
			*value = graph->captures[i];
			return true;
		}
		i -= graph->capture_count;
	}
	return false;
}

static int refuse_cycle(const struct frame *stack, size_t depth, const struct nn_node *again)
{
	char with[160];
	size_t i;

	for (i = depth; i > 1 && stack[i - 1].node != again; i--)
		;
	nn_node_print(stack[depth - 1].node, with, sizeof(with));
	return nn_fail_node(again, -ELOOP, "the exporter is broken: export the model again",
			    "it depends on its own result, by way of %s (%zu nodes in a circle)",
			    with, depth - i + 1);
}

/* Push the nodes that `root` depends on, and it, to graph->nodes. */
static int visit(struct nn_graph *graph, struct nn_node *root, struct frame *stack, uint8_t *marks)
{
	struct nn_value *value;
	size_t depth = 0;

	stack[depth++] = (struct frame){ .node = root };
	marks[root->number] = ON_STACK;
	while (depth) {
		struct frame *top = &stack[depth - 1];
		struct nn_node *before;

		if (!nn_node_dependency(top->node, top->next++, &value)) {
			marks[top->node->number] = DONE;
			graph->nodes[graph->node_count++] = top->node;
			depth--;
			continue;
		}
		before = value && value->graph == graph ? value->producer : NULL;
		if (!before || marks[before->number] == DONE)
			continue;
		if (marks[before->number] == ON_STACK)
			return refuse_cycle(stack, depth, before);
		marks[before->number] = ON_STACK;
		stack[depth++] = (struct frame){ .node = before };
	}
	return 0;
}

int nn_graph_sort(struct nn_model *model, struct nn_graph *graph)
{
	size_t count = graph->node_count, i;
	struct nn_node **nodes = graph->nodes;
	struct frame *stack = calloc(count + 1, sizeof(*stack));
	uint8_t *marks = calloc(count + 1, 1);
	int ret = 0;

	graph->nodes = nn_alloc_array(&model->arena, count, sizeof(*nodes));
	graph->node_count = 0;
	if (!stack || !marks || !graph->nodes)
		ret = accel_fail_errno(-ENOMEM, "cannot order the graph");
	for (i = 0; i < count && !ret; i++)
		if (marks[nodes[i]->number] == UNSEEN)
			ret = visit(graph, nodes[i], stack, marks);
	free(stack);
	free(marks);
	return ret;
}
