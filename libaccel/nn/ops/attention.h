/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_ATTENTION_H
#define NN_ATTENTION_H

/* What attention's sizes and attributes say, for whoever computes it. */

#include "../op.h"

/* A tensor of heads: sizes, and the steps from one to the next, in elements. */
struct nn_heads {
	int64_t batch, heads, length, size;
	int64_t by_batch, by_head, by_place;
};

enum { NN_Q, NN_K, NN_V, NN_MASK, NN_PAST_KEY, NN_PAST_VALUE, NN_LENGTHS };
enum { NN_Y, NN_PRESENT_KEY, NN_PRESENT_VALUE, NN_SCORES };

struct nn_attention {
	struct nn_heads q, k, v;
	int64_t past;			/* places in the cache */
	int64_t all;			/* keys: those and the new ones */
	int64_t share;			/* heads of queries that have a head of keys in common */
	bool packed;
	double scale, cap;		/* of scores; no cap if 0 */
	bool causal;
	int64_t mode;			/* which scores are a result: 0..3 */
};

/* 1 if its sizes are not known; otherwise the error of inputs that do not fit each other. */
int nn_read_attention(const struct nn_call *call, struct nn_attention *a);

/* The heads of the result. */
struct nn_heads nn_attention_result(const struct nn_attention *a);

struct nn_rotary {
	struct nn_heads x;
	int64_t half;			/* pairs of numbers that are turned */
	int64_t positions;		/* rows of the cache; 0: one for each place of the batch */
	bool interleaved;		/* a pair are neighbours; otherwise they are `half` apart */
};

/* As nn_read_attention(). */
int nn_read_rotary(const struct nn_call *call, struct nn_rotary *r);

#endif /* NN_ATTENTION_H */
