// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/* drm_gpuvm_sm_map() takes its arguments in a structure. */
#include <drm/drm_gpuvm.h>

int probe(struct drm_gpuvm *gpuvm);
int probe(struct drm_gpuvm *gpuvm)
{
	const struct drm_gpuvm_map_req req = { .map.va.range = 4096 };

	return drm_gpuvm_sm_map(gpuvm, NULL, &req);
}
