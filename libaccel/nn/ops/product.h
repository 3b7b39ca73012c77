/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_OPS_PRODUCT_H
#define NN_OPS_PRODUCT_H

#include "../op.h"

/* MatMul of inputs 0 and 1 of a call, which may be made up: the shape of its result. */
int nn_infer_matmul(struct nn_call *call);
/* The product itself, of tensors that fit each other and the result. */
void nn_multiply(const struct nn_tensor *a, const struct nn_tensor *b, struct nn_tensor *y);

#endif /* NN_OPS_PRODUCT_H */
