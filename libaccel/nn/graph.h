/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_GRAPH_H
#define NN_GRAPH_H

/*
 * A model as the importer leaves it: graphs of nodes, which are ordered, and of the values
 * that pass between them. Everything in it is checked as far as it can be without the sizes
 * of the inputs: names are resolved, each node has an operator with the right attributes
 * and number of inputs, nothing depends on itself.
 *
 * A model does not change after it was imported, so any number of threads may use it. What
 * is found out about its values for certain inputs (types, shapes, contents) is kept beside
 * it, in struct nn_facts (infer.h).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "tensor.h"

struct nn_op;

/* Contents that lie in the file, or in the arena: of any alignment, little-endian. */
struct nn_constant {
	enum nn_type type;
	struct nn_shape shape;
	size_t count;
	/* nn_bytes(type, count) */
	const void *data;
};

/* The same as a tensor, which is nobody's to change or to release; it may be badly aligned. */
static inline struct nn_tensor nn_constant_tensor(const struct nn_constant *constant)
{
	return (struct nn_tensor){
		constant->type, constant->shape, constant->count, (void *)constant->data,
	};
}

enum nn_kind {
	NN_TENSOR,
	NN_SEQUENCE,		/* of tensors */
	NN_OTHER,		/* a map, a sparse tensor, ...: nothing here takes it */
};

struct nn_value {
	const char *name;	/* "" if the model gives none */
	struct nn_graph *graph;
	size_t index;		/* among all values of the model */
	enum nn_type type;	/* as the model declares it; NN_UNDEFINED if it does not */
	struct nn_shape shape;	/* likewise; rank -1 */
	bool declared;		/* the model says something about its type */
	enum nn_kind kind;	/* as it is declared; `type` is that of the elements' elements */
	bool optional;		/* it may be nothing */
	const struct nn_constant *constant;	/* of an initializer, or NULL */
	struct nn_node *producer;		/* or NULL */
	/* The constant that this is with its last two dimensions swapped, for products only; or NULL. */
	const struct nn_value *swapped;
	bool is_input;
	bool is_output;
};

enum nn_attr_type {
	NN_ATTR_INT = 1,
	NN_ATTR_FLOAT,
	NN_ATTR_STRING,
	NN_ATTR_TENSOR,
	NN_ATTR_GRAPH,
	NN_ATTR_INTS,
	NN_ATTR_FLOATS,
	NN_ATTR_STRINGS,
	NN_ATTR_OTHER,		/* kinds that no operator here takes */
};

struct nn_attr {
	const char *name;
	enum nn_attr_type type;
	size_t count;		/* of ints, floats, strings */
	union {
		int64_t i;
		float f;
		const char *s;
		const struct nn_constant *tensor;
		struct nn_graph *graph;
		const int64_t *ints;
		const float *floats;
		const char *const *strings;
	};
};

struct nn_node {
	const char *name;	/* "" if the model gives none */
	const char *domain;	/* "" is ONNX's own */
	const char *type;
	size_t number;		/* in the order of the file, for messages */
	int opset;		/* version of the domain that the model asks for */
	const struct nn_op *op;	/* NULL: there is no such operator here */
	const char *why;	/* or not as the node has it, because...; otherwise NULL */
	struct nn_graph *graph;
	struct nn_attr *attrs;
	size_t attr_count;
	const void *prepared;	/* what op->prepare() made of them */
	struct nn_value **inputs;	/* NULL for those left out */
	size_t input_count;
	struct nn_value **outputs;	/* likewise */
	size_t output_count;
};

struct nn_graph {
	const char *name;
	struct nn_graph *parent;	/* of a subgraph */
	struct nn_node *owner;		/* the node that has it as an attribute */
	struct nn_node **nodes;		/* each after all it depends on */
	size_t node_count;
	size_t node_room;		/* for the importer */
	struct nn_value **inputs;	/* without initializers */
	size_t input_count;
	struct nn_value **outputs;
	size_t output_count;
	struct nn_value **captures;	/* of graphs around it, that it or its subgraphs use */
	size_t capture_count;
	size_t first, end;		/* its values among the model's, with its subgraphs' */
};

struct nn_opset {
	const char *domain;
	int version;
};

struct nn_model {
	struct nn_arena arena;
	struct nn_mapping *mappings;	/* files whose contents it refers to */
	struct nn_graph *graph;
	struct nn_value **values;	/* of all graphs; from realloc(), like symbols */
	size_t value_count;
	const char **symbols;		/* names of unknown sizes, from 1 */
	size_t symbol_count;		/* with the unused number 0 */
	struct nn_opset *opsets;
	size_t opset_count;
	const char *producer;
	int64_t ir_version;
};

/* Add a value or a symbol to a model that is being made; NULL or 0: no memory. */
struct nn_value *nn_value_add(struct nn_model *model, struct nn_graph *graph, const char *name);
size_t nn_symbol_add(struct nn_model *model, const char *name);

void nn_model_free(struct nn_model *model);

/* Set nn_value.swapped in a model that has been read otherwise. -ENOMEM. */
int nn_find_swapped(struct nn_model *model);

/* Write "node 12, Conv 'backbone.0'" to `text`, with what does not print made harmless. */
void nn_node_print(const struct nn_node *node, char *text, size_t size);

/* Copy a name from a file, so that printing it cannot harm a terminal. */
void nn_clean(char *to, size_t size, const char *name);

/*
 * Fail (accel_fail()), and say in which node. Returns `error`.
 */
int nn_fail_node(const struct nn_node *node, int error, const char *advice,
		 const char *cause, ...) __attribute__((format(printf, 4, 5), cold));

/* A node's attribute, as the file has it, or NULL. */
const struct nn_attr *nn_attr_find(const struct nn_node *node, const char *name);

static inline bool nn_value_is_tensor(const struct nn_value *value)
{
	return value->kind == NN_TENSOR && !value->optional;
}

/*
 * A node's i-th dependency: its inputs (NULL for one left out), then what its subgraphs use.
 * False after the last.
 */
bool nn_node_dependency(const struct nn_node *node, size_t i, struct nn_value **value);

/*
 * Put the nodes of a graph into an order in which each comes after what it depends on; an
 * order that is right already stays. -ELOOP, if a node depends on itself.
 */
int nn_graph_sort(struct nn_model *model, struct nn_graph *graph);

#endif /* NN_GRAPH_H */
