/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_RAS_H
#define EGRET_RAS_H

#include <linux/types.h>

struct attribute_group;
struct egret_device;

extern const struct attribute_group egret_ras_group;

void egret_ras_interrupt(struct egret_device *edev, u32 causes);

#endif /* EGRET_RAS_H */
