/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_RAS_H
#define EGRET_RAS_H

#include <linux/types.h>

struct attribute_group;
struct egret_device;

extern const struct attribute_group egret_ras_group;

/**
 * struct egret_ras_report - what a management interrupt is about
 */
struct egret_ras_report {
	/** @causes: EGRET_IRQ_* that are about memory errors, heat and power. */
	u32 causes;
	/** @throttle: EGRET_REG_THROTTLE. */
	u32 throttle;
	/** @state: EGRET_REG_STATE. */
	u32 state;
	/** @addr: EGRET_REG_ECC_ADDR. */
	u64 addr;
};

void egret_ras_read(struct egret_device *edev, u32 causes, struct egret_ras_report *report);
void egret_ras_interrupt(struct egret_device *edev, const struct egret_ras_report *report);

#endif /* EGRET_RAS_H */
