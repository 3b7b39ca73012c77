/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_ARRAY_H
#define EGRET_ARRAY_H

#include <linux/types.h>

struct drm_egret_array;

void *egret_array_copy(const struct drm_egret_array *array, size_t min_stride,
		       size_t size, u32 max_count, void *few, u32 room);
void egret_array_free(void *elements, const void *few);

#endif /* EGRET_ARRAY_H */
