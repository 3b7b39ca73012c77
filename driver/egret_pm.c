// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Power management: who keeps the card awake.
 */
#include <linux/pm_runtime.h>

#include "egret_device.h"
#include "egret_pm.h"

/**
 * egret_pm_get() - wake the card and keep it awake
 * @edev: card
 *
 * Whoever uses registers, device memory or doorbells holds such a reference, taken
 * outside of drm_dev_enter(). May sleep; not on the fence-signalling path.
 *
 * Return: 0, or -ENODEV: the card does not wake. egret_pm_put() undoes it.
 */
int egret_pm_get(struct egret_device *edev)
{
	return pm_runtime_resume_and_get(edev->drm.dev) < 0 ? -ENODEV : 0;
}

/**
 * egret_pm_get_if_awake() - keep the card awake if it is
 * @edev: card
 *
 * Never sleeps.
 *
 * Return: whether it is awake; then egret_pm_put() undoes it.
 */
bool egret_pm_get_if_awake(struct egret_device *edev)
{
	return pm_runtime_get_if_active(edev->drm.dev) > 0;
}

/**
 * egret_pm_put() - let the card sleep, when it has been idle for a while
 * @edev: card
 *
 * Never sleeps.
 */
void egret_pm_put(struct egret_device *edev)
{
	pm_runtime_mark_last_busy(edev->drm.dev);
	pm_runtime_put_autosuspend(edev->drm.dev);
}

/**
 * egret_pm_put_unused() - as egret_pm_put(), after something that is no use of the card
 * @edev: card
 *
 * For readings: the card sleeps as soon as it would have without them. Never sleeps.
 */
void egret_pm_put_unused(struct egret_device *edev)
{
	pm_runtime_put(edev->drm.dev);
}
