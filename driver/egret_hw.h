/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
/*
 * Register access. Whoever uses it is inside drm_dev_enter() and egret_hw_enter(),
 * so that the mapping is there and the card answers; or in probe, in remove, or is
 * who stops and starts the hardware. The same goes for device memory. Lockdep checks
 * the gate: while it is open, nobody reads or writes outside of it.
 */
#ifndef EGRET_HW_H
#define EGRET_HW_H

#include <linux/bitfield.h>
#include <linux/io.h>
/* The chip wants the low half first where a 64-bit access is two. */
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/lockdep.h>

#include <egret/pci.h>
#include <egret/regs.h>

#include "egret_device.h"

/* What every register of a card reads as that was pulled. */
#define EGRET_GONE	U32_MAX

static inline void egret_hw_assert_entered(struct egret_device *edev)
{
	lockdep_assert(READ_ONCE(edev->hw_state) != EGRET_HW_UP ||
		       lockdep_is_held(&edev->hw_lock));
}

static inline u32 egret_read(struct egret_device *edev, u32 reg)
{
	egret_hw_assert_entered(edev);
	return readl(edev->regs + reg);
}

static inline u64 egret_read64(struct egret_device *edev, u32 reg)
{
	egret_hw_assert_entered(edev);
	return readq(edev->regs + reg);
}

static inline void egret_write(struct egret_device *edev, u32 reg, u32 value)
{
	egret_hw_assert_entered(edev);
	writel(value, edev->regs + reg);
}

static inline void egret_write64(struct egret_device *edev, u32 reg, u64 value)
{
	egret_hw_assert_entered(edev);
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
	egret_hw_assert_entered(edev);
	writeq(tail, edev->doorbells + q * EGRET_DOORBELL_STRIDE + EGRET_DOORBELL_TAIL);
}

/* Whether the hardware can be used at this moment, for who may be wrong. */
static inline bool egret_hw_is_up(struct egret_device *edev)
{
	return READ_ONCE(edev->hw_state) == EGRET_HW_UP;
}

void egret_hw_init(struct egret_device *edev);
bool egret_hw_wait(struct egret_device *edev);
bool egret_hw_enter(struct egret_device *edev);
bool egret_hw_try_enter(struct egret_device *edev);
void egret_hw_exit(struct egret_device *edev);
int egret_hw_wait_ready(struct egret_device *edev);
void egret_hw_stop(struct egret_device *edev);
int egret_hw_start(struct egret_device *edev);
void egret_hw_give_up(struct egret_device *edev);

#endif /* EGRET_HW_H */
