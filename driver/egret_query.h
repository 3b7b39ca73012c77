/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_QUERY_H
#define EGRET_QUERY_H

struct drm_device;
struct drm_file;
struct egret_device;

void egret_query_save_counters(struct egret_device *edev);
int egret_dev_query_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* EGRET_QUERY_H */
