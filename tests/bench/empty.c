// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* A kernel that does nothing, with eight bytes of arguments. */
#include <egret/kernel.h>

struct empty_args {
	__u64 unused;
};

EGRET_KERNEL(empty, struct empty_args)
{
}
