/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_SENSORS_H
#define EGRET_SENSORS_H

#include <linux/types.h>

struct drm_egret_sensors;
struct egret_device;

int egret_sensors_read(struct egret_device *edev, u32 reg, bool wide, bool telemetry, u64 *value);
int egret_sensors_init(struct egret_device *edev);
int egret_sensors_query(struct egret_device *edev, struct drm_egret_sensors *out);

#endif /* EGRET_SENSORS_H */
