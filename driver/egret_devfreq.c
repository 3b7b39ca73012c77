// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Performance states through devfreq.
 *
 * Who chooses the state? The firmware does: it looks every 10 ms, sees the engines'
 * work without a register access of the host, knows heat and power cap, and goes
 * to the fastest state for any work, because inference done at full speed and
 * followed by sleep costs the least energy. A governor of the host, which polls over
 * the bus, would be slower at each of that, and would have to wake the card to see
 * that it is idle. So devfreq is the standard place for the administrator's limit
 * (max_freq), and for what there is (available_frequencies, cur_freq); what goes to
 * the firmware is the fastest state allowed.
 *
 * devfreq has no governor of that kind. Of those that it has, simple_ondemand is the
 * one that distributions ship: it is given no polling, and asks for the highest
 * frequency that the limits allow. min_freq is taken and has no effect below
 * max_freq: the card is never kept from slowing down.
 */
#include <linux/devfreq.h>
#include <linux/module.h>
#include <linux/pm_opp.h>
#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "egret_devfreq.h"
#include "egret_hw.h"
#include "egret_pm.h"

#define EGRET_DEVFREQ_GOVERNOR	DEVFREQ_GOV_SIMPLE_ONDEMAND
MODULE_SOFTDEP("pre: governor_simpleondemand");

/* The slowest state that is at least as fast as @freq, or the fastest of all. */
static u32 egret_devfreq_pstate(const struct egret_limits *limits, unsigned long freq)
{
	u32 pstate = EGRET_PSTATES - 1;

	while (pstate && limits->clock_khz[pstate] * 1000UL < freq)
		pstate--;
	return pstate;
}

static int egret_devfreq_target(struct device *dev, unsigned long *freq, u32 flags)
{
	struct egret_device *edev = dev_get_drvdata(dev);
	const struct egret_limits *limits = &edev->firmware.limits;
	struct dev_pm_opp *opp;
	bool awake;
	u32 pstate;
	int ret;

	opp = devfreq_recommended_opp(dev, freq, flags);
	if (IS_ERR(opp))
		return PTR_ERR(opp);
	dev_pm_opp_put(opp);

	pstate = egret_devfreq_pstate(limits, *freq);
	/* A card that sleeps is told when it wakes. */
	awake = egret_pm_get_if_awake(edev);
	ret = egret_firmware_set_pstate_limit(edev, pstate);
	if (awake)
		egret_pm_put_unused(edev);
	*freq = limits->clock_khz[pstate] * 1000UL;
	return ret;
}

/* The clock that runs: slower than the limit for want of work, for heat, for power. */
static int egret_devfreq_get_cur_freq(struct device *dev, unsigned long *freq)
{
	struct egret_device *edev = dev_get_drvdata(dev);
	int idx;

	*freq = 0;
	if (!egret_pm_get_if_awake(edev))
		return 0;
	if (drm_dev_enter(&edev->drm, &idx)) {
		if (egret_hw_try_enter(edev)) {
			*freq = egret_read(edev, EGRET_REG_CORE_CLOCK) * 1000UL;
			egret_hw_exit(edev);
		}
		drm_dev_exit(idx);
	}
	egret_pm_put_unused(edev);
	return 0;
}

/* For the governor: always as much as is allowed; see the top. */
static int egret_devfreq_get_dev_status(struct device *dev, struct devfreq_dev_status *stat)
{
	struct egret_device *edev = dev_get_drvdata(dev);

	stat->total_time = 1;
	stat->busy_time = 1;
	stat->current_frequency = edev->firmware.limits.clock_khz[0] * 1000UL;
	return 0;
}

static struct devfreq_dev_profile egret_devfreq_profile = {
	.target = egret_devfreq_target,
	.get_cur_freq = egret_devfreq_get_cur_freq,
	.get_dev_status = egret_devfreq_get_dev_status,
};

static void egret_devfreq_remove_opps(void *data)
{
	dev_pm_opp_remove_all_dynamic(data);
}

static int egret_devfreq_add_opps(struct device *dev, const struct egret_limits *limits)
{
	unsigned int i;
	int ret;

	ret = devm_add_action_or_reset(dev, egret_devfreq_remove_opps, dev);
	for (i = 0; !ret && i < EGRET_PSTATES; i++)
		ret = dev_pm_opp_add(dev, limits->clock_khz[i] * 1000UL,
				     limits->voltage_mv[i] * 1000UL);
	return ret;
}

/**
 * egret_devfreq_init() - offer the performance states
 * @edev: card; its firmware has had its chance to boot
 *
 * They go with the PCI device. A card without firmware has none; a kernel without
 * devfreq or its governor cannot offer them, and that is said in the log.
 *
 * Return: 0, or a negative errno.
 */
int egret_devfreq_init(struct egret_device *edev)
{
	struct device *dev = edev->drm.dev;
	struct devfreq_dev_profile *profile;
	struct devfreq *devfreq;
	int ret;

	if (!edev->firmware.known)
		return 0;
	ret = egret_devfreq_add_opps(dev, &edev->firmware.limits);
	if (ret)
		return ret;
	/* One for each card: devfreq keeps its state in it. */
	profile = devm_kmemdup(dev, &egret_devfreq_profile, sizeof(egret_devfreq_profile),
			       GFP_KERNEL);
	if (!profile)
		return -ENOMEM;
	profile->initial_freq = edev->firmware.limits.clock_khz[0] * 1000UL;
	devfreq = devm_devfreq_add_device(dev, profile, EGRET_DEVFREQ_GOVERNOR, NULL);
	if (IS_ERR(devfreq))
		drm_warn(&edev->drm,
			 "performance states cannot be limited: devfreq or its governor %s is missing (%pe)\n",
			 EGRET_DEVFREQ_GOVERNOR, devfreq);
	return 0;
}
