/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* What the compiler may call even in freestanding code; as in ISO C. */
#ifndef FIRMWARE_MEMORY_H
#define FIRMWARE_MEMORY_H

#include <stddef.h>

void *memset(void *to, int value, size_t size);
void *memcpy(void *restrict to, const void *restrict from, size_t size);

#endif /* FIRMWARE_MEMORY_H */
