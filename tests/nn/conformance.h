/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_CONFORMANCE_H
#define NN_CONFORMANCE_H

#include <libaccel/nn/infer.h>

/*
 * Compute a case: all inputs have contents, and the outputs get theirs. Returns 0, or an error
 * that has been said; -ENOTSUP, if whoever computes is not able to.
 */
int conformance_compute(struct nn_facts *facts);

#endif /* NN_CONFORMANCE_H */
