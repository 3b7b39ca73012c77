// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "list.h"

#include <stdlib.h>

struct nn_list *nn_list_new(size_t count)
{
	struct nn_list *list;

	if (count > SIZE_MAX / sizeof(list->items[0]) - 1)
		return NULL;
	list = calloc(1, sizeof(*list) + count * sizeof(list->items[0]));
	if (list)
		list->count = count;
	return list;
}

static void drop(struct nn_held *held)
{
	if (!held || --held->refs)
		return;
	nn_tensor_release(&held->tensor);
	free(held);
}

void nn_list_free(struct nn_list *list)
{
	size_t i;

	for (i = 0; list && i < list->count; i++)
		drop(list->items[i]);
	free(list);
}

static struct nn_held *hold(const struct nn_tensor *tensor,
			    int copy(struct nn_tensor *to, const struct nn_tensor *from))
{
	struct nn_held *held = calloc(1, sizeof(*held));

	if (!held)
		return NULL;
	held->refs = 1;
	if (!copy(&held->tensor, tensor))
		return held;
	free(held);
	return NULL;
}

struct nn_held *nn_hold(const struct nn_tensor *tensor)
{
	return hold(tensor, nn_tensor_copy);
}

struct nn_held *nn_hold_texts(const struct nn_tensor *tensor)
{
	return hold(tensor, nn_tensor_copy_texts);
}

void nn_list_share(struct nn_list *list, size_t at, const struct nn_list *from, size_t first,
		   size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		list->items[at + i] = from->items[first + i];
		list->items[at + i]->refs++;
	}
}
