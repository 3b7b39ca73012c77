/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_EVICT_H
#define EGRET_EVICT_H

#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/types.h>

#include "egret_vm.h"

struct dma_resv;
struct drm_exec;
struct drm_gpuvm_bo;
struct egret_bo;
struct egret_device;
struct ttm_buffer_object;
struct ttm_operation_ctx;
struct ttm_place;

int egret_evict_begin(struct egret_device *edev, bool exclusive);
void egret_evict_end(struct egret_device *edev, bool exclusive);

/**
 * egret_evict_again() - whether there may be room for who is alone
 * @err: what was returned inside of egret_evict_begin() that was not exclusive
 *
 * Return: true if it is worth to do everything again, exclusively.
 */
static inline bool egret_evict_again(int err)
{
	return err == -ENOSPC || err == -ENOMEM;
}

bool egret_bo_may_evict(struct ttm_buffer_object *tbo, const struct ttm_place *place);
int egret_bo_cut_off(struct egret_bo *bo, struct ttm_operation_ctx *ctx);
void egret_bo_mark_evicted(struct egret_bo *bo);
int egret_bo_place(struct egret_bo *bo, struct dma_resv *resv);
int egret_bo_validate(struct egret_bo *bo, struct dma_resv *resv);

void egret_vm_note_use(struct egret_vm *vm, struct drm_exec *exec);

/**
 * egret_vm_use() - note that what is bound in an address space is used
 * @vm: address space, locked
 * @exec: as for egret_vm_note_use()
 *
 * Jobs follow each other closely, so this does something once in a tick only.
 */
static inline void egret_vm_use(struct egret_vm *vm, struct drm_exec *exec)
{
	if (time_after(jiffies, vm->used))
		egret_vm_note_use(vm, exec);
}

int egret_vm_bo_validate(struct drm_gpuvm_bo *vm_bo, struct drm_exec *exec);
int egret_vm_revalidate(struct egret_vm *vm, struct drm_exec *exec);

#endif /* EGRET_EVICT_H */
