/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_FW_FORMAT_H
#define EGRET_FW_FORMAT_H

#include <linux/types.h>

#include <egret/firmware.h>

struct egret_mbx_hello;

/* Performance states that the management protocol knows. */
#define EGRET_PSTATES		4

/**
 * struct egret_fw_image - what the header of an image says
 */
struct egret_fw_image {
	/** @version: Version of the firmware: major << 24 | minor << 16 | patch; 0 if unknown. */
	u32 version;
	/** @abi_major: Protocol that it speaks. */
	u16 abi_major;
	/** @abi_minor: Its minor version. */
	u16 abi_minor;
};

/**
 * struct egret_fw_version - a version as text
 */
struct egret_fw_version {
	/** @text: Three numbers with points between. */
	char text[sizeof("255.255.65535")];
};

/**
 * struct egret_fw_error - why there is no firmware
 */
struct egret_fw_error {
	/** @what: What is wrong. */
	const char *what;
	/** @remedy: What can be done about it. */
	const char *remedy;
};

/**
 * struct egret_limits - what the firmware said in HELLO
 *
 * Constant after the first boot.
 */
struct egret_limits {
	/** @power_cap_min: Lowest power cap, in mW. */
	u32 power_cap_min;
	/** @power_cap_max: Highest power cap, in mW. */
	u32 power_cap_max;
	/** @power_cap_default: Power cap unless somebody sets another, in mW. */
	u32 power_cap_default;
	/** @temp_throttle: Temperature where throttling begins, in 1/1000 degree Celsius. */
	s32 temp_throttle;
	/** @temp_critical: Temperature of the shutdown, in 1/1000 degree Celsius. */
	s32 temp_critical;
	/** @clock_khz: Core clock of each performance state, falling. */
	u32 clock_khz[EGRET_PSTATES];
	/** @voltage_mv: Core voltage of each performance state. */
	u32 voltage_mv[EGRET_PSTATES];
};

int egret_fw_check_image(const void *data, size_t size, struct egret_fw_image *image);
int egret_fw_read_hello(const struct egret_mbx_hello *hello, struct egret_limits *limits);
struct egret_fw_version egret_fw_version(u32 version);
const struct egret_fw_error *egret_fw_explain(u32 status);

#endif /* EGRET_FW_FORMAT_H */
