/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_API_H
#define NN_API_H

/* What the files behind accel/nn.h share. */

#include <stdatomic.h>

#include <accel/nn.h>

#include "../card/card.h"
#include "../graph.h"
#include "variants.h"

#define NN_API __attribute__((visibility("default")))

/* A model that the program has loaded: it and each job hold a reference. */
struct accel_nn_model {
	atomic_uint refs;
	struct nn_model *model;		/* never changes */
	struct nn_card *card;		/* NULL: it runs on the host */
	struct nn_variants variants;
};

void nn_model_put(struct accel_nn_model *model);

#endif /* NN_API_H */
