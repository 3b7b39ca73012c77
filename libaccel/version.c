// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "internal.h"

#define STRING_(x) #x
#define STRING(x) STRING_(x)

ACCEL_API
const char *accel_version(void)
{
	return STRING(ACCEL_VERSION_MAJOR) "." STRING(ACCEL_VERSION_MINOR) "."
	       STRING(ACCEL_VERSION_PATCH);
}
