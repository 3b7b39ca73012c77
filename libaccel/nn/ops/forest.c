// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "forest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Circles ---- */

/* How far the search is with a node: not there yet, or below it at one of its ways on, or done. */
enum { NEW, FIRST_WAY, SECOND_WAY, NO_WAY, DONE };

struct search {
	const struct nn_forest *forest;
	unsigned char *states;
	uint32_t *path;			/* of nodes that are neither NEW nor DONE, each below the one before */
	size_t length;
};

static void enter(struct search *s, uint32_t node)
{
	s->states[node] = FIRST_WAY;
	s->path[s->length++] = node;
}

/* One step: further down, or back. The node of a circle, or node_count. */
static size_t step(struct search *s)
{
	uint32_t node = s->path[s->length - 1], next;
	unsigned char *state = &s->states[node];

	if (*state == NO_WAY) {
		*state = DONE;
		s->length--;
		return s->forest->node_count;
	}
	next = s->forest->nodes[node].next[*state == SECOND_WAY];
	++*state;
	if (next & NN_LEAF || s->states[next] == DONE)
		return s->forest->node_count;
	if (s->states[next] != NEW)
		return next;
	enter(s, next);
	return s->forest->node_count;
}

size_t nn_forest_find_circle(const struct nn_forest *forest)
{
	struct search s = { .forest = forest };
	size_t i, found = forest->node_count;

	s.states = calloc(forest->node_count + 1, sizeof(*s.states));
	s.path = calloc(forest->node_count + 1, sizeof(*s.path));
	if (!s.states || !s.path)
		found = SIZE_MAX;
	for (i = 0; i < forest->node_count && found == forest->node_count; i++) {
		if (s.states[i] == DONE)
			continue;
		enter(&s, (uint32_t)i);
		while (s.length && found == forest->node_count)
			found = step(&s);
	}
	free(s.states);
	free(s.path);
	return found;
}

/* ---- Walks ---- */

static bool is_member(const double *set, double x)
{
	while (!isnan(*set) && *set != x)
		set++;
	return !isnan(*set);
}

static bool answer(const struct nn_forest *forest, const struct nn_tree_node *node, double x)
{
	if (isnan(x) && node->missing_is_yes)
		return true;
	switch (node->mode) {
	case NN_TREE_LEQ: return x <= node->split;
	case NN_TREE_LT: return x < node->split;
	case NN_TREE_GTE: return x >= node->split;
	case NN_TREE_GT: return x > node->split;
	case NN_TREE_EQ: return x == node->split;
	case NN_TREE_NEQ: return x != node->split;
	default: return is_member(forest->members + node->set, x);
	}
}

static void vote(const struct nn_forest *forest, const struct nn_vote *v, struct nn_score *score)
{
	if (!score->voted)
		score->sum = v->weight;
	else if (forest->aggregate == NN_MINIMUM)
		score->sum = fmin(score->sum, v->weight);
	else if (forest->aggregate == NN_MAXIMUM)
		score->sum = fmax(score->sum, v->weight);
	else
		score->sum += v->weight;
	score->voted = true;
}

void nn_forest_score(const struct nn_forest *forest, const double *row, struct nn_score *scores)
{
	const struct nn_tree_node *node;
	uint32_t at;
	size_t i, k;

	memset(scores, 0, forest->target_count * sizeof(*scores));
	for (i = 0; i < forest->root_count; i++) {
		for (at = forest->roots[i]; !(at & NN_LEAF);) {
			node = &forest->nodes[at];
			at = node->next[answer(forest, node, row[node->feature])];
		}
		at &= ~NN_LEAF;
		for (k = forest->first[at]; k < forest->first[at + 1]; k++)
			vote(forest, &forest->votes[k], &scores[forest->votes[k].target]);
	}
	for (i = 0; i < forest->target_count && forest->aggregate == NN_AVERAGE; i++)
		scores[i].sum /= (double)forest->root_count;
}

/* ---- What is done with scores ---- */

enum nn_transform nn_find_transform(const char *name)
{
	static const char *const names[] = {
		"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT",
	};
	enum nn_transform i;

	for (i = 0; i < NN_TRANSFORMS && strcmp(names[i], name); i++)
		;
	return i;
}

/* Of SOFTMAX_ZERO, a zero stays one, and has no part in the sum. */
static void soften(double *scores, size_t count, bool keeps_zeros)
{
	double most = -INFINITY, sum = 0;
	size_t i;

	for (i = 0; i < count; i++)
		most = fmax(most, scores[i]);
	for (i = 0; i < count; i++) {
		if (keeps_zeros && scores[i] == 0)
			continue;
		scores[i] = exp(scores[i] - most);
		sum += scores[i];
	}
	for (i = 0; i < count && sum > 0; i++)
		scores[i] /= sum;
}

/*
 * The number that a normally distributed one is below with probability p. Winitzki's
 * approximation is good to a thousandth; Halley's method makes that more than a double has.
 */
static double quantile(double p)
{
	const double a = 0.147, pi = 3.14159265358979323846;
	double z, half, log_part, error;
	int i;

	if (!(p > 0 && p < 1))
		return p == 0 ? -INFINITY : p == 1 ? INFINITY : NAN;
	if (p > 0.5)
		return -quantile(1 - p);
	log_part = log(4 * p * (1 - p));
	half = 2 / (pi * a) + log_part / 2;
	z = -sqrt(2) * sqrt(sqrt(half * half - log_part / a) - half);
	for (i = 0; i < 3; i++) {
		error = (erfc(-z / sqrt(2)) / 2 - p) * sqrt(2 * pi) * exp(z * z / 2);
		z -= error / (1 + z * error / 2);
	}
	return z;
}

void nn_transform_scores(enum nn_transform transform, double *scores, size_t count)
{
	size_t i;

	if (transform == NN_SOFTMAX || transform == NN_SOFTMAX_ZERO)
		soften(scores, count, transform == NN_SOFTMAX_ZERO);
	for (i = 0; i < count && transform == NN_LOGISTIC; i++)
		scores[i] = 1 / (1 + exp(-scores[i]));
	for (i = 0; i < count && transform == NN_PROBIT; i++)
		scores[i] = quantile(scores[i]);
}
