/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_TTM_H
#define EGRET_TTM_H

struct drm_printer;
struct egret_device;

int egret_ttm_init(struct egret_device *edev);
void egret_ttm_print(struct egret_device *edev, struct drm_printer *p);
void egret_ttm_clear_dma(struct egret_device *edev);
void egret_ttm_fini(struct egret_device *edev);

#endif /* EGRET_TTM_H */
