// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/* drm_sched_init() takes its arguments in a structure. */
#include <drm/gpu_scheduler.h>

int probe(struct drm_gpu_scheduler *sched);
int probe(struct drm_gpu_scheduler *sched)
{
	const struct drm_sched_init_args args = { .num_rqs = 1, .credit_limit = 1 };

	return drm_sched_init(sched, &args);
}
