// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/* ttm_bo_fini() gives up a buffer; it was ttm_bo_put(). */
#include <drm/ttm/ttm_bo.h>

void probe(struct ttm_buffer_object *bo);
void probe(struct ttm_buffer_object *bo)
{
	ttm_bo_fini(bo);
}
