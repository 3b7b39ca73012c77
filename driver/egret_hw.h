/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
/*
 * Register access. Whoever uses it is inside drm_dev_enter(), or in probe or
 * remove, so that the mapping is there.
 */
#ifndef EGRET_HW_H
#define EGRET_HW_H

#include <linux/bitfield.h>
#include <linux/io.h>
/* The chip wants the low half first where a 64-bit access is two. */
#include <linux/io-64-nonatomic-lo-hi.h>

#include <egret/pci.h>
#include <egret/regs.h>

#include "egret_device.h"

/* What every register of a card reads as that was pulled. */
#define EGRET_GONE	U32_MAX

static inline u32 egret_read(struct egret_device *edev, u32 reg)
{
	return readl(edev->regs + reg);
}

static inline u64 egret_read64(struct egret_device *edev, u32 reg)
{
	return readq(edev->regs + reg);
}

static inline void egret_write(struct egret_device *edev, u32 reg, u32 value)
{
	writel(value, edev->regs + reg);
}

static inline void egret_write64(struct egret_device *edev, u32 reg, u64 value)
{
	writeq(value, edev->regs + reg);
}

/* A register of hardware queue @q; @reg is EGRET_Q_*. */
static inline u32 egret_queue_read(struct egret_device *edev, u32 q, u32 reg)
{
	return egret_read(edev, EGRET_REG_QUEUE(q, reg));
}

static inline u64 egret_queue_read64(struct egret_device *edev, u32 q, u32 reg)
{
	return egret_read64(edev, EGRET_REG_QUEUE(q, reg));
}

static inline void egret_queue_write(struct egret_device *edev, u32 q, u32 reg,
				     u32 value)
{
	egret_write(edev, EGRET_REG_QUEUE(q, reg), value);
}

/* Tell the card that @tail packets of queue @q have been produced. */
static inline void egret_ring_doorbell(struct egret_device *edev, u32 q, u64 tail)
{
	writeq(tail, edev->doorbells + q * EGRET_DOORBELL_STRIDE + EGRET_DOORBELL_TAIL);
}

#endif /* EGRET_HW_H */
