/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_FAULT_H_
#define EGRET_FAULT_H_

#include <linux/types.h>

struct egret_device;

/**
 * struct egret_fault - fault record of a queue, as the fault registers have it
 */
struct egret_fault {
	/** @code: enum egret_fault_code; zero is no fault. */
	u32 code;
	/** @info: EGRET_FAULT_INFO_*. */
	u32 info;
	/** @value: Operand. */
	u32 value;
	/** @group: Coordinates of the workgroup. */
	u32 group[3];
	/** @addr: Address. */
	u64 addr;
	/** @pc: Program counter, or address of the packet. */
	u64 pc;
	/** @packet: Index of the packet. */
	u64 packet;
	/** @cookie: Cookie of the DISPATCH packet. */
	u64 cookie;
};

bool egret_fault_is_mistake(const struct egret_fault *fault);
void egret_fault_handle_all(struct egret_device *edev);

#endif /* EGRET_FAULT_H_ */
