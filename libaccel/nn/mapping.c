// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int map(struct nn_mapping *mapping, int fd)
{
	struct stat st;
	void *data;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	mapping->size = (size_t)st.st_size;
	if (!mapping->size)
		return 0;
	data = mmap(NULL, mapping->size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	mapping->data = data;
	return 0;
}

int nn_mapping_open(struct nn_mapping **list, int dirfd, const char *path,
		    const struct nn_mapping **mapping)
{
	struct nn_mapping *new;
	int fd, ret;

	for (new = *list; new; new = new->next) {
		if (!strcmp(new->path, path)) {
			*mapping = new;
			return 0;
		}
	}
	new = calloc(1, sizeof(*new) + strlen(path) + 1);
	if (!new)
		return -ENOMEM;
	strcpy(new->path, path);
	/* Not to wait for the other end, if it is a FIFO. */
	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ret = fd < 0 ? -errno : map(new, fd);
	if (fd >= 0)
		close(fd);
	if (ret) {
		free(new);
		return ret;
	}
	new->next = *list;
	*list = new;
	*mapping = new;
	return 0;
}

void nn_mapping_close_all(struct nn_mapping *list)
{
	struct nn_mapping *next;

	for (; list; list = next) {
		next = list->next;
		if (list->data)
			munmap((void *)list->data, list->size);
		free(list);
	}
}
