/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_SENSORS_H
#define EGRET_SENSORS_H

#include <linux/bits.h>
#include <linux/types.h>

struct drm_egret_sensors;
struct egret_device;

/* Kinds of registers. */
#define EGRET_SENSOR_WIDE	BIT(0)	/* has 64 bits */
#define EGRET_SENSOR_FIRMWARE	BIT(1)	/* the firmware writes it */

int egret_sensors_read(struct egret_device *edev, u32 reg, unsigned int kind, u64 *value);
int egret_sensors_init(struct egret_device *edev);
int egret_sensors_query(struct egret_device *edev, struct drm_egret_sensors *out);

#endif /* EGRET_SENSORS_H */
