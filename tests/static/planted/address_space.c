// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/* sparse has to object: a pointer to user memory is followed. */
#include <linux/compiler.h>
#include <linux/module.h>

int planted_follow(const int __user *user);
int planted_follow(const int __user *user)
{
	return *user;
}

MODULE_DESCRIPTION("A mistake that a check has to find");
MODULE_LICENSE("GPL");
