/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_MMU_H_
#define EGRET_MMU_H_

#include <linux/types.h>

struct egret_device;

/* Invalidate the whole context. */
#define EGRET_MMU_ALL	0

int egret_mmu_context_alloc(struct egret_device *edev);
void egret_mmu_context_free(struct egret_device *edev, u32 context);
void egret_mmu_context_set(struct egret_device *edev, u32 context, u64 root);
int egret_mmu_restore(struct egret_device *edev);
void egret_mmu_invalidate(struct egret_device *edev, u32 context, u64 va, u64 size);

#endif /* EGRET_MMU_H_ */
