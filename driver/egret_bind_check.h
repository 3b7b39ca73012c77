/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_BIND_CHECK_H
#define EGRET_BIND_CHECK_H

#include <linux/types.h>

#include <egret/mmu.h>

struct drm_egret_bind_op;

int egret_bind_check_op(struct drm_egret_bind_op *op);
int egret_bind_check_range(const struct drm_egret_bind_op *op, u64 bo_size);
u64 egret_bind_pte_flags(const struct drm_egret_bind_op *op, bool system);

#endif /* EGRET_BIND_CHECK_H */
