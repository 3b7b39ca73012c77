/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_SYSFS_H
#define EGRET_SYSFS_H

struct attribute_group;

extern const struct attribute_group *egret_sysfs_groups[];

#endif /* EGRET_SYSFS_H */
