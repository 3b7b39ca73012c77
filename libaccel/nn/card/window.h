/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_WINDOW_H
#define NN_WINDOW_H

#include "lower.h"

/*
 * The window of a convolution (weights given) or of pooling (NULL), in up to two dimensions: y
 * is trivial if there is one. False if there are more, or sizes beyond what kernels count.
 */
bool nn_window_of(const struct nn_lower *lower, const struct nn_node *node,
		  const struct nn_shape *in, const struct nn_shape *weights,
		  const struct nn_shape *out, struct egret_nn_window *y, struct egret_nn_window *x);

/* A convolution in which each channel has weights for itself only. */
int nn_lower_depthwise(struct nn_lower *lower, const struct nn_node *node, size_t position);

#endif /* NN_WINDOW_H */
