/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_CALIBRATE_H
#define NN_CALIBRATE_H

#include "../infer.h"
#include "card.h"

/*
 * Run the model on the host, with the inputs that the facts have contents of, and widen the
 * ranges of the card's values by what they were. Results are in the facts, as after
 * nn_facts_run(), whose errors this has; -EBUSY, if a plan relies on the ranges already.
 */
int nn_calibrate(struct nn_card *card, struct nn_facts *facts);

#endif /* NN_CALIBRATE_H */
