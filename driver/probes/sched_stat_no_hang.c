// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/* timedout_job() can say that the job did not hang. */
#include <drm/gpu_scheduler.h>

int probe(void);
int probe(void)
{
	return DRM_GPU_SCHED_STAT_NO_HANG;
}
