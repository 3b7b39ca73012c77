// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* test_host.c, with what any Unix has. */
#define ACCEL_HOST_PORTABLE
#include "test_host.c"
