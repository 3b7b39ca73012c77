// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/* GEM objects have a list of GPU mappings only with a driver feature set. */
#include <drm/drm_drv.h>

int probe(void);
int probe(void)
{
	return DRIVER_GEM_GPUVA;
}
