// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/* W=1 has to object: nothing declares a function that is not static. */
#include <linux/module.h>

int planted_without_prototype(void)
{
	return 0;
}

MODULE_DESCRIPTION("A mistake that a check has to find");
MODULE_LICENSE("GPL");
