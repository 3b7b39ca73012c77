/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_DEVFREQ_H
#define EGRET_DEVFREQ_H

struct egret_device;

int egret_devfreq_init(struct egret_device *edev);

#endif /* EGRET_DEVFREQ_H */
