/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_PM_H
#define EGRET_PM_H

#include <linux/types.h>

struct egret_device;

int egret_pm_get(struct egret_device *edev);
bool egret_pm_get_if_awake(struct egret_device *edev);
void egret_pm_put(struct egret_device *edev);
void egret_pm_put_unused(struct egret_device *edev);

#endif /* EGRET_PM_H */
