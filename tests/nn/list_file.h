/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_LIST_FILE_H
#define NN_LIST_FILE_H

#include <libaccel/nn/graph.h>
#include <libaccel/nn/list.h>

/* What a file of a test case holds: a tensor, or a sequence; neither: an optional that is nothing. */
struct content {
	struct nn_tensor tensor;	/* no data: it is none */
	struct nn_list *list;
};

/* Read a file that holds what a value is declared as: 0, or an error that has been said. */
int content_load(const char *path, const struct nn_value *value, struct content *content);
void content_release(struct content *content);

#endif /* NN_LIST_FILE_H */
