/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_PM_H
#define EGRET_PM_H

#include <linux/list.h>
#include <linux/pm.h>
#include <linux/types.h>

struct attribute_group;
struct egret_device;

/**
 * struct egret_pm - sleep of a card
 */
struct egret_pm {
	/**
	 * @asleep: Whether the hardware is down because the card sleeps. Written by the
	 * callbacks of the PM core, which do not run at the same time; read anywhere.
	 */
	bool asleep;
	/** @sleeps: How often the card went to sleep. Written as @asleep. */
	unsigned int sleeps;
	/** @refused: How often a system sleep was refused. Written as @asleep. */
	unsigned int refused;
	/** @saved: Device memory that is saved over a system sleep (egret_vram_save()). */
	struct list_head saved;
};

extern const struct dev_pm_ops egret_pm_ops;
extern const struct attribute_group egret_pm_group;

void egret_pm_init(struct egret_device *edev);
void egret_pm_enable(struct egret_device *edev);
void egret_pm_disable(struct egret_device *edev);

int egret_pm_get(struct egret_device *edev);
void egret_pm_get_awake(struct egret_device *edev);
bool egret_pm_get_if_awake(struct egret_device *edev);
void egret_pm_put(struct egret_device *edev);
void egret_pm_put_unused(struct egret_device *edev);
void egret_pm_ask(struct egret_device *edev);

#endif /* EGRET_PM_H */
