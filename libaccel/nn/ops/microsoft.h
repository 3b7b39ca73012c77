/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_MICROSOFT_H
#define NN_MICROSOFT_H

#include "../rewrite.h"

/* A number of the type that another value has. */
struct nn_value *nn_emit_like(struct nn_rewrite *r, float x, struct nn_value *like);

/* Why an Attention whose queries, keys and values come from one product cannot be; or NULL. */
const char *nn_packed_lacks(struct nn_rewrite *r, struct nn_value *mask);
/* Write it, from that product on. */
int nn_rewrite_packed(struct nn_rewrite *r, struct nn_value *qkv, struct nn_value *mask,
		      struct nn_value *past, struct nn_value *bias);

#endif /* NN_MICROSOFT_H */
