/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_INFER_H
#define NN_INFER_H

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
	int64_t symbols;		/* next number for a size that is not known */
	size_t folded;			/* nodes that were evaluated */
	size_t fold_max;		/* bytes of a result that are worth it */
};

/* A node's result may have so many bytes if it is evaluated before the model runs. */
#define NN_FOLD_MAX	((size_t)64 << 20)

/* Begin with what the model itself says. -ENOMEM. */
int nn_facts_init(struct nn_facts *facts, const struct nn_model *model);
void nn_facts_release(struct nn_facts *facts);

/*
 * Give the shape of an input, or its contents as well (copied). -EINVAL, if that does not
 * fit what the model says, or an earlier input with the same symbol.
 */
int nn_facts_set_shape(struct nn_facts *facts, size_t input, const struct nn_shape *shape);
int nn_facts_set_input(struct nn_facts *facts, size_t input, const struct nn_tensor *tensor);

/*
 * Go through the graph, once. Fails at the first node whose inputs make no sense. Nodes that are not
 * supported leave their results unknown; nn_facts_check() tells of them.
 */
int nn_facts_infer(struct nn_facts *facts);

/* The first node that is not supported, or NULL. */
const struct nn_node *nn_first_unsupported(const struct nn_model *model);
/* Say why. Returns -ENOTSUP. */
int nn_fail_unsupported(const struct nn_node *node);

#endif /* NN_INFER_H */
