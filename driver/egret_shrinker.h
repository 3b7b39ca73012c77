/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_SHRINKER_H
#define EGRET_SHRINKER_H

#include <linux/atomic.h>
#include <linux/mutex.h>

struct egret_device;
struct shrinker;
struct task_struct;
struct ttm_buffer_object;

/**
 * struct egret_shrinker - swapping out of a card's buffers
 */
struct egret_shrinker {
	/** @base: What the kernel knows of it; NULL when the card is gone. */
	struct shrinker *base;
	/** @lock: Held by who swaps out; others do not wait. Nothing is outside of it. */
	struct mutex lock;
	/** @task: Who holds @lock, to be compared with the current task. */
	struct task_struct *task;
	/** @pages: Pages that were swapped out so far. */
	atomic64_t pages;
};

int egret_shrinker_init(struct egret_device *edev);
void egret_shrinker_fini(struct egret_device *edev);
bool egret_shrinker_wants(struct egret_device *edev, struct ttm_buffer_object *tbo);

#endif /* EGRET_SHRINKER_H */
