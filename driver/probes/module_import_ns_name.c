// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/* MODULE_IMPORT_NS() takes a name; now it takes a string. */
#include <linux/module.h>

MODULE_IMPORT_NS(PROBE);
