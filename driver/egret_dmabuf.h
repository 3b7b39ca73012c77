/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_DMABUF_H
#define EGRET_DMABUF_H

struct dma_buf;
struct drm_device;
struct drm_gem_object;
struct egret_bo;
struct egret_device;

struct dma_buf *egret_dmabuf_export(struct drm_gem_object *obj, int flags);
struct drm_gem_object *egret_dmabuf_import(struct drm_device *drm, struct dma_buf *dmabuf);
void egret_dmabuf_release_import(struct egret_bo *bo);
void egret_dmabuf_notify(struct egret_bo *bo);
void egret_dmabuf_remove(struct egret_device *edev);

#endif /* EGRET_DMABUF_H */
