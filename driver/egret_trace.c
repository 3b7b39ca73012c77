// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
#include "egret_device.h"

#define CREATE_TRACE_POINTS
#include "egret_trace.h"
