/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_RIG_H
#define NN_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libaccel/nn/infer.h>
#include <libaccel/nn/onnx.h>

#include "build.h"

/* A model that is built, and read, and what is known of it. */
struct rig {
	struct build b;
	uint8_t *file;
	struct nn_model *model;
	struct nn_facts facts;
};

/* The model is built: read it, which must succeed. */
void read_rig(struct rig *r);
void release_rig(struct rig *r);

#endif /* NN_RIG_H */
