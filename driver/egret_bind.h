/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_BIND_H
#define EGRET_BIND_H

#include <linux/types.h>
#include <drm/drm_gpuvm.h>

struct drm_device;
struct drm_file;
struct egret_vm;

extern const struct drm_gpuvm_ops egret_vm_ops;

void egret_vm_init_binds(struct egret_vm *vm);
void egret_vm_fini_binds(struct egret_vm *vm);
bool egret_vm_binds_pending(struct egret_vm *vm);
int egret_vm_wait_binds(struct egret_vm *vm);

int egret_vm_bind_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* EGRET_BIND_H */
