/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * Fixed-width little-endian types, for every side that includes the layouts.
 *
 * The chip is little-endian. On Linux (driver and user space) the types are the
 * kernel's own, so that sparse checks every conversion in the driver. On the
 * chip's harts (freestanding) and on other hosts they are plain integers.
 */
#ifndef EGRET_TYPES_H
#define EGRET_TYPES_H

#if defined(__linux__) || defined(__KERNEL__)
#include <linux/types.h>
#else
#include <stdint.h>
typedef uint8_t __u8;
typedef uint16_t __le16;
typedef uint32_t __le32;
typedef uint64_t __le64;
typedef uint16_t __u16;
typedef uint32_t __u32;
typedef uint64_t __u64;
typedef int32_t __s32;
typedef int64_t __s64;
#endif

#if !defined(__KERNEL__) && defined(__BYTE_ORDER__) && \
	__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Egret's user space and model need a little-endian host"
#endif

#endif /* EGRET_TYPES_H */
