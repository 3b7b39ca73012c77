/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_INFER_H
#define NN_INFER_H

#include <stdatomic.h>

#include "graph.h"
#include "op.h"

/*
 * What is known of a model's values when its inputs are given, in whole or in part: types,
 * shapes, and contents of those that can be computed already. Shapes of shapes, as
 * exporters love them, are evaluated on the way, so with the inputs' sizes nearly all other
 * sizes are known; without, those that are not known have symbols.
 *
 * If the inputs' contents are given, too, this evaluates the whole model: it is the
 * reference that the card's results are compared with.
 */
struct nn_facts {
	const struct nn_model *model;
	struct nn_fact *facts;		/* by nn_value.index */
	int64_t *sizes;			/* of the model's symbols, by number; -1: not given */
	int64_t symbols;		/* next number for a size that is not known */
	size_t folded;			/* nodes that were evaluated */
	size_t fold_max;		/* bytes of a result that are worth it */
	size_t fold_budget;		/* bytes that may still be read and written for it */
	bool running;			/* nn_facts_run(): everything is evaluated */
	size_t result_max;		/* bytes of a result when running; SIZE_MAX for any */
	size_t work_max;		/* nodes that may still be evaluated when running; SIZE_MAX */
	const atomic_bool *stop;	/* to be looked at when running, or NULL */
	/* When running, is told of each tensor that a node has computed; or NULL. */
	void (*seen)(void *opaque, const struct nn_value *value, const struct nn_tensor *tensor);
	void *seen_opaque;
	struct nn_arena texts;		/* of strings that were computed, or given */
	size_t *uses;			/* when running: of each value, by nodes yet to come */
	unsigned int depth;		/* of graphs in graphs, while they are inferred */
};

/*
 * A node's results may have so many bytes if it is evaluated before the model runs, and all
 * such nodes may read and write so many. Nodes whose work grows faster than their data are
 * not evaluated at all. So no file makes nn_facts_infer() slow, or large.
 */
#define NN_FOLD_MAX	((size_t)64 << 20)
#define NN_FOLD_BUDGET	((size_t)512 << 20)

/* Begin with what the model itself says. -ENOMEM. */
int nn_facts_init(struct nn_facts *facts, const struct nn_model *model);
void nn_facts_release(struct nn_facts *facts);

/*
 * Give the shape of an input, or its contents as well (copied). -EINVAL, if that does not
 * fit what the model says, or an earlier input with the same symbol.
 */
int nn_facts_set_shape(struct nn_facts *facts, size_t input, const struct nn_shape *shape);
int nn_facts_set_input(struct nn_facts *facts, size_t input, const struct nn_tensor *tensor);

/* The same for an input that is no tensor: tensors of one type (copied), or nothing (NULL). */
int nn_facts_set_list(struct nn_facts *facts, size_t input, const struct nn_list *list);

/* The same, but the elements stay where they are (unless they are badly aligned). */
int nn_facts_lend_input(struct nn_facts *facts, size_t input, const struct nn_tensor *tensor);

/*
 * Go through the graph, once. Fails at the first node whose inputs make no sense. Nodes that
 * are not supported leave their results unknown; nn_first_unsupported() tells of them.
 */
int nn_facts_infer(struct nn_facts *facts);

/*
 * Evaluate the whole graph, once, instead of nn_facts_infer(): all inputs have contents.
 * What no node needs any more is released; the outputs remain. -ENOTSUP, if a node is not
 * supported; what has to be right and is not (an index, for example) is -EINVAL; -EFBIG, if a
 * result is larger than result_max; -ETIME, if work_max is used up, which only models with loops
 * can do for long; -ECANCELED, if *stop became true.
 */
int nn_facts_run(struct nn_facts *facts);

/* ---- For graphs of nodes (subgraph.c), and for nodes that are evaluated one by one ---- */

/* Facts in which nodes' graphs can be run, but in which nothing is known of their inputs. */
int nn_facts_begin_run(struct nn_facts *facts, const struct nn_model *model);

/* What the model itself says of a value; contents that were there are not released. */
void nn_fact_begin(struct nn_fact *fact, const struct nn_value *value);
/* Go through the nodes of any graph of the model. */
int nn_facts_infer_nodes(struct nn_facts *facts, const struct nn_graph *graph);
int nn_facts_run_nodes(struct nn_facts *facts, const struct nn_graph *graph);

/* ---- Support ---- */

/* The first node that is not supported, here or in a graph of a node; or NULL. */
const struct nn_node *nn_first_unsupported(const struct nn_model *model);
/* Write down why; or fail because of it: -ENOTSUP. */
void nn_why_unsupported(const struct nn_node *node, char *text, size_t size);
int nn_fail_unsupported(const struct nn_node *node);

#endif /* NN_INFER_H */
