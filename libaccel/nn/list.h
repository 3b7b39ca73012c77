/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_LIST_H
#define NN_LIST_H

#include "tensor.h"

/*
 * A sequence: tensors in a row. Sequences are copied whenever they change, so their tensors are
 * shared between the copies; they never change. Nothing here is for several threads.
 */
struct nn_held {
	size_t refs;
	struct nn_tensor tensor;
};

struct nn_list {
	size_t count;
	struct nn_held *items[];
};

/* A list with room for `count` items, which are NULL and are to be set; NULL: no memory. */
struct nn_list *nn_list_new(size_t count);
void nn_list_free(struct nn_list *list);

/* A tensor with a copy of the contents; NULL: no memory. */
struct nn_held *nn_hold(const struct nn_tensor *tensor);
/* Likewise, and if these are texts with copies of them. */
struct nn_held *nn_hold_texts(const struct nn_tensor *tensor);

/* Put items of another list, which share their tensors, at a place of this one. */
void nn_list_share(struct nn_list *list, size_t at, const struct nn_list *from, size_t first,
		   size_t count);

#endif /* NN_LIST_H */
