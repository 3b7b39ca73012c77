/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_FOREST_H
#define NN_FOREST_H

/*
 * Forests of decision trees, in the form in which they are walked.
 *
 * ONNX has three operators for them, which write the same trees in two ways. Each is brought
 * into this form once, when the model is read (nn_op.prepare), and checked: so walking needs no
 * checks, and always ends.
 */

#include "../op.h"

enum nn_tree_mode {
	NN_TREE_LEQ, NN_TREE_LT, NN_TREE_GTE, NN_TREE_GT, NN_TREE_EQ, NN_TREE_NEQ,
	NN_TREE_MEMBER,			/* of a set */
	NN_TREE_MODES,
};

enum nn_aggregate { NN_AVERAGE, NN_SUM, NN_MINIMUM, NN_MAXIMUM, NN_AGGREGATES };

/* What is done with the scores of a row, in the numbers and by the names that ONNX has for it. */
enum nn_transform {
	NN_AS_IS, NN_SOFTMAX, NN_LOGISTIC, NN_SOFTMAX_ZERO, NN_PROBIT, NN_TRANSFORMS,
};

/* Where a walk goes on: a node's number, or a leaf's with this bit. */
#define NN_LEAF		(1u << 31)

struct nn_tree_node {
	union {
		double split;
		size_t set;		/* NN_TREE_MEMBER: place of its set in the members */
	};
	uint32_t feature;
	uint32_t next[2];		/* if the question is answered by no, by yes */
	uint8_t mode;
	bool missing_is_yes;		/* the answer for a NaN, which compares with nothing */
};

/* What a leaf adds to a target. */
struct nn_vote {
	double weight;
	uint32_t target;
};

/* All of it is in the model's arena. */
struct nn_forest {
	struct nn_tree_node *nodes;
	struct nn_vote *votes;
	size_t *first;			/* of each leaf: its first vote; and where the last one's end */
	double *members;		/* sets one behind the other, each with a NaN at its end */
	uint32_t *roots;
	size_t node_count, leaf_count, root_count, target_count;
	int64_t features;		/* that a row has at least */
	enum nn_aggregate aggregate;
};

struct nn_score {
	double sum;
	bool voted;			/* a leaf that was reached says something about it */
};

/*
 * A node that leads back to itself: its number, node_count if there is none, or SIZE_MAX, if
 * memory is short. All that the nodes lead to must be there.
 */
size_t nn_forest_find_circle(const struct nn_forest *forest);

/* The scores of all targets for a row of features. */
void nn_forest_score(const struct nn_forest *forest, const double *row, struct nn_score *scores);

/* NN_TRANSFORMS for a name that ONNX does not have. */
enum nn_transform nn_find_transform(const char *name);
void nn_transform_scores(enum nn_transform transform, double *scores, size_t count);

#endif /* NN_FOREST_H */
