/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_REWRITE_H
#define NN_REWRITE_H

/*
 * Nodes in other words.
 *
 * Some operators mean nothing that ONNX's own ones could not say: those that ONNX Runtime puts
 * in their place when it optimises or exports a model. A node of such an operator is written as
 * nodes of ONNX's own when the model has been read (nn_op.rewrite), as a function would be. So
 * there is one evaluation, one lowering and one list of fusions for both.
 *
 * What is written holds for any shapes, since those are not known yet: sizes are computed by
 * nodes, which are folded when they are.
 */

#include "op.h"

/* The version of ONNX's operators in which nodes are written. */
#define NN_REWRITE_OPSET	24

struct nn_rewrite {
	struct nn_model *model;
	struct nn_graph *graph;
	struct nn_call call;		/* the node, for its attributes */
	struct nn_node **nodes;		/* what it becomes; from realloc() */
	size_t node_count;
	int error;			/* the first one; what is written behind it does not matter */
	const char *why;		/* why it cannot be written, if rewrite() returns 1 */
};

/* Inputs and results of the node that is rewritten; NULL: left out. */
struct nn_value *nn_rewrite_in(const struct nn_rewrite *r, size_t i);
bool nn_rewrite_wants(const struct nn_rewrite *r, size_t i);

/* The rank of a value as far as the model declares it; -1: it does not. */
int nn_rewrite_rank(const struct nn_value *value);
/* The size of a dimension, likewise. */
int64_t nn_rewrite_size(const struct nn_value *value, int dim);

/*
 * Write a node with so many inputs: its first result. NULL after an error, and then all values
 * may be NULL. Attributes and further results are those of the node that was written last.
 */
struct nn_value *nn_emit_node(struct nn_rewrite *r, const char *type, size_t count,
			      struct nn_value *const *inputs);
struct nn_value *nn_emit_output(struct nn_rewrite *r);
void nn_emit_int(struct nn_rewrite *r, const char *name, int64_t i);
void nn_emit_float(struct nn_rewrite *r, const char *name, float f);
void nn_emit_text(struct nn_rewrite *r, const char *name, const char *text);
void nn_emit_ints(struct nn_rewrite *r, const char *name, size_t count, const int64_t *ints);
/* The node's own attribute, if it is given, under a name that may be another. */
void nn_emit_same(struct nn_rewrite *r, const char *from, const char *name);

#define NN_INPUTS(...)	(sizeof((struct nn_value *[]){ __VA_ARGS__ }) / sizeof(struct nn_value *)), \
			(struct nn_value *[]){ __VA_ARGS__ }
#define nn_emit(r, type, ...)	nn_emit_node(r, type, NN_INPUTS(__VA_ARGS__))

/* Constants: a list of any elements, which are copied, of integers, an integer, a float32 number. */
struct nn_value *nn_emit_vector(struct nn_rewrite *r, enum nn_type type, size_t count, const void *data);
struct nn_value *nn_emit_list(struct nn_rewrite *r, size_t count, const int64_t *ints);
struct nn_value *nn_emit_scalar(struct nn_rewrite *r, int64_t i);
struct nn_value *nn_emit_number(struct nn_rewrite *r, float x);
#define NN_LIST(...)	(sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)), (int64_t[]){ __VA_ARGS__ }

/* The size of a dimension as a list of one. */
struct nn_value *nn_emit_size(struct nn_rewrite *r, struct nn_value *of, int64_t dim);

/* A value becomes result i of the node. */
void nn_rewrite_result(struct nn_rewrite *r, size_t i, struct nn_value *value);

/* It cannot be written, because: */
#define nn_cannot_rewrite(r, reason)	((r)->why = (reason), 1)

/* Find the operators of a graph's nodes, check these, and write those that are to be. */
int nn_resolve_nodes(struct nn_model *model, struct nn_graph *graph);

#endif /* NN_REWRITE_H */
