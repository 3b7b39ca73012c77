/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_RECURRENT_H
#define NN_RECURRENT_H

/* What the sizes and attributes of RNN, GRU and LSTM say, for whoever computes them. */

#include "../op.h"

enum { NN_RNN_X, NN_RNN_W, NN_RNN_R, NN_RNN_B, NN_RNN_LENGTHS, NN_RNN_INITIAL_H, NN_RNN_INITIAL_C,
       NN_RNN_PEEPHOLES };
enum { NN_RNN_Y, NN_RNN_LAST_H, NN_RNN_LAST_C };

struct nn_activation {
	const char *name;
	enum { NN_NO_PARAMETER, NN_ALPHA, NN_ALPHA_BETA } parameters;
	double alpha, beta;	/* by default, or as the node has them */
	double (*f)(double x, double alpha, double beta);
};

struct nn_layer {
	int gates;			/* 1: RNN, 3: GRU, 4: LSTM */
	int functions;			/* that a direction has */
	int64_t steps, batch, inputs, hidden, directions;	/* -1: not known */
	bool batch_first, reverse;
	struct nn_activation f[2 * 3];
	double clip;
	/* Contents; NULL for those that the node has not. */
	const struct nn_tensor *x, *w, *r, *b, *lengths, *h, *c, *peepholes;
};

/* But for the contents. Fails if its inputs do not fit each other. */
int nn_read_layer(const struct nn_call *call, struct nn_layer *l);

#endif /* NN_RECURRENT_H */
