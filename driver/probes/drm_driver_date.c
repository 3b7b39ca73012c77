// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/* struct drm_driver has a date, which must be set. */
#include <drm/drm_drv.h>

const struct drm_driver probe = { .date = "" };
