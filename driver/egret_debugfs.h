/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_DEBUGFS_H
#define EGRET_DEBUGFS_H

struct egret_device;

void egret_debugfs_init(struct egret_device *edev);

#endif /* EGRET_DEBUGFS_H */
