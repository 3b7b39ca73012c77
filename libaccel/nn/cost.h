/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_COST_H
#define NN_COST_H

#include "infer.h"

/*
 * Multiplications with addition that a node takes, by what is known of the shapes around it;
 * 0 if it has none to speak of, or if they are not known.
 */
uint64_t nn_node_macs(const struct nn_facts *facts, const struct nn_node *node);

#endif /* NN_COST_H */
