/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_MAPPING_H
#define NN_MAPPING_H

#include <stddef.h>

/*
 * Files in memory, read-only. A model's weights are used where they lie, so that a model may
 * be larger than memory.
 */
struct nn_mapping {
	struct nn_mapping *next;
	const void *data;
	size_t size;
	char path[];
};

/*
 * Map a file, or find it in the list, to which it is added. The path is relative to the folder
 * `dirfd` (AT_FDCWD for the current one). Returns 0 or a negative errno, of which nothing is
 * said yet: the caller knows what it is about. -EINVAL: it is not a regular file.
 */
int nn_mapping_open(struct nn_mapping **list, int dirfd, const char *path,
		    const struct nn_mapping **mapping);

void nn_mapping_close_all(struct nn_mapping *list);

#endif /* NN_MAPPING_H */
