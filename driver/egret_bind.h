/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_BIND_H
#define EGRET_BIND_H

#include <linux/types.h>
#include <drm/drm_gpuvm.h>

struct drm_device;
struct drm_file;
struct egret_userptr;
struct egret_vm;

/**
 * struct egret_vma - a binding
 */
struct egret_vma {
	/** @base: Base. */
	struct drm_gpuva base;
	/**
	 * @flags: EGRET_PTE_* of its access rights. EGRET_PTE_SYSTEM is from the time of
	 * the bind: the buffer may have moved. Constant.
	 */
	u64 flags;
	/** @userptr: If it binds memory of a process: that; a reference. Otherwise NULL. */
	struct egret_userptr *userptr;
	/** @userptr_link: In &egret_userptr.vmas, while it is in the tree. */
	struct list_head userptr_link;
	/** @held: When it is out of the tree: its buffer, until the card cannot reach it. */
	struct drm_gem_object *held;
	/** @link: In a list of &struct egret_bind, before and after its life. */
	struct list_head link;
};

static inline struct egret_vma *to_egret_vma(struct drm_gpuva *va)
{
	return container_of(va, struct egret_vma, base);
}

extern const struct drm_gpuvm_ops egret_vm_ops;

void egret_vm_init_binds(struct egret_vm *vm);
void egret_vm_fini_binds(struct egret_vm *vm);
bool egret_vm_binds_pending(struct egret_vm *vm);
int egret_vm_wait_binds(struct egret_vm *vm);

int egret_vm_bind_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* EGRET_BIND_H */
