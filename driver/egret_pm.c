// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/**
 * DOC: Sleep
 *
 * A card that nobody uses for a second goes to D3hot by runtime PM. There it loses
 * everything but its memory, which refreshes itself: registers, contexts, queues,
 * translations, the firmware. Waking it is a reset with a start of the hardware
 * (egret_hw_start()) behind it, which takes milliseconds; the firmware boots while
 * the first job runs already.
 *
 * Who keeps it awake. An ioctl that needs the card, for as long as it runs; a job,
 * from the ioctl that made it to its end; a page fault on device memory; a reading of
 * a sensor. All of them hold a reference of the PM core, taken where sleeping is
 * allowed and nothing is locked that waking needs. Mappings of device memory do not
 * keep the card awake: they are taken away when it sleeps, and come back by page
 * faults, which wake it.
 *
 * All others go through the hardware's gate (egret_hw.c), which is closed while the
 * card sleeps. Whoever finds it closed for that reason asks for the card to be woken
 * (egret_pm_ask()) and waits. So a reference that is missing costs a detour, and
 * not a read of all ones.
 *
 * System sleep. User space is frozen. Jobs on the card are waited for, up to
 * suspend_timeout_ms; those that have not been started yet stay in their schedulers.
 * A card that is still at work then refuses the sleep, and goes on: a job is never
 * lost for a sleep, and the chip cannot be stopped in the middle of one without
 * losing it. This comes before any device sleeps, and is undone when all are awake
 * (prepare and complete), because jobs of one card may use the memory of another one.
 * In suspend-to-idle the memory is kept as in D3hot. Otherwise power
 * will be cut: memory in use is copied to the host first, to come back to the same
 * place, so that no address changes.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/suspend.h>
#include <linux/sysfs.h>
#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "egret_hw.h"
#include "egret_pm.h"
#include "egret_query.h"
#include "egret_queue.h"
#include "egret_trace.h"

static unsigned int suspend_timeout_ms = 10000;
module_param(suspend_timeout_ms, uint, 0644);
MODULE_PARM_DESC(suspend_timeout_ms,
		 "Refuse a system sleep if jobs are not done after so long, in ms (default 10000)");

/* Unless power/autosuspend_delay_ms says otherwise. */
#define EGRET_AUTOSUSPEND_MS	1000

/* ---- references ------------------------------------------------------------------- */

/**
 * egret_pm_get() - wake the card and keep it awake
 * @edev: card
 *
 * Taken outside of drm_dev_enter(). May sleep; not on the fence-signalling path, and
 * not inside of egret_hw_enter().
 *
 * Return: 0, or -ENODEV: the card does not wake. egret_pm_put() undoes it.
 */
int egret_pm_get(struct egret_device *edev)
{
	return pm_runtime_resume_and_get(edev->drm.dev) < 0 ? -ENODEV : 0;
}

/**
 * egret_pm_get_awake() - keep the card awake for one more user
 * @edev: card; somebody else keeps it awake now
 *
 * Never sleeps. egret_pm_put() undoes it.
 */
void egret_pm_get_awake(struct egret_device *edev)
{
	pm_runtime_get_noresume(edev->drm.dev);
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

/**
 * egret_pm_ask() - ask for the card to be woken, if it sleeps
 * @edev: card
 *
 * Never sleeps, does not wait, and promises nothing: the card may sleep again.
 */
void egret_pm_ask(struct egret_device *edev)
{
	if (!READ_ONCE(edev->pm.asleep))
		return;
	pm_runtime_mark_last_busy(edev->drm.dev);
	pm_request_resume(edev->drm.dev);
}

/* ---- going to sleep and waking ------------------------------------------------------ */

/* Nothing is on the card. When it returns, the chip may lose everything but its memory. */
static void egret_pm_sleep(struct egret_device *edev)
{
	if (egret_firmware_prepare_sleep(edev))
		drm_dbg(&edev->drm, "the firmware does not prepare for sleep\n");
	WRITE_ONCE(edev->pm.asleep, true);
	egret_hw_stop(edev);
	egret_irq_fini(edev);
	egret_firmware_stop(edev);
	egret_query_save_counters(edev);
	egret_write(edev, EGRET_REG_POWER, EGRET_POWER_KEEP_VRAM);
	edev->pm.sleeps++;
}

/* After a reset or sleep, or none: the chip may not have been reset yet. */
static int egret_pm_wake(struct egret_device *edev)
{
	int ret;

	egret_write(edev, EGRET_REG_RESET, EGRET_RESET_CHIP);
	ret = egret_hw_start(edev);
	if (ret)
		return ret;
	WRITE_ONCE(edev->pm.asleep, false);
	egret_firmware_start(edev);
	return 0;
}

/* Whether the memory is what it was. Before any other reset. */
static int egret_pm_memory_kept(struct egret_device *edev)
{
	int ret = egret_hw_wait_ready(edev);

	if (ret)
		return ret;
	return egret_read(edev, EGRET_REG_STATE) & EGRET_STATE_VRAM_KEPT ? 0 : -ENODATA;
}

/* The ladder (egret_reset.c) takes over; until it is done the hardware is down. */
static void egret_pm_mend(struct egret_device *edev, int err)
{
	drm_err(&edev->drm, "the card does not wake from sleep: %s (%pe)\n",
		err == -ENODATA ? "its memory is lost" : "it does not answer", ERR_PTR(err));
	WRITE_ONCE(edev->pm.asleep, false);
	egret_reset_request(edev, err == -ENODATA ? EGRET_RESET_LEVEL_REPROBE :
			    EGRET_RESET_LEVEL_FUNCTION, EGRET_RESET_CAUSE_WAKE);
}

/* ---- runtime PM ----------------------------------------------------------------------- */

static int egret_pm_runtime_suspend(struct device *dev)
{
	struct egret_device *edev = dev_get_drvdata(dev);

	if (egret_device_is_wedged(edev))
		return 0;
	/* Each job holds a reference; this is for what may have been forgotten. */
	if (drm_WARN_ON(&edev->drm, atomic_read(&edev->jobs)))
		return -EBUSY;
	egret_pm_sleep(edev);
	trace_egret_pm(edev, "runtime-suspend", 0);
	return 0;
}

/* A failure is the card's, not the PM core's, which would never try again. */
static int egret_pm_runtime_resume(struct device *dev)
{
	struct egret_device *edev = dev_get_drvdata(dev);
	int ret;

	if (egret_device_is_wedged(edev))
		return 0;
	ret = egret_pm_memory_kept(edev);
	if (!ret)
		ret = egret_pm_wake(edev);
	trace_egret_pm(edev, "runtime-resume", ret);
	if (ret)
		egret_pm_mend(edev, ret);
	return 0;
}

/* ---- system sleep ----------------------------------------------------------------------- */

/*
 * In suspend-to-idle devices are in the states that their drivers choose. In all other
 * sleeps, hibernation among them, the platform cuts the power.
 */
static bool egret_pm_loses_memory(void)
{
	return pm_suspend_target_state != PM_SUSPEND_TO_IDLE;
}

/* The queues are drained, and nobody resets the card. */
static int egret_pm_save_and_sleep(struct egret_device *edev)
{
	int ret = 0, err;

	egret_pm_sleep(edev);
	if (egret_pm_loses_memory())
		ret = egret_vram_save(edev, &edev->pm.saved);
	if (!ret)
		return 0;
	drm_err(&edev->drm, "no memory to save the card's to: not going to sleep\n");
	err = egret_pm_wake(edev);
	if (err)
		egret_pm_mend(edev, err);
	return ret;
}

static void egret_pm_note_sleep(struct egret_device *edev, int ret)
{
	if (ret)
		edev->pm.refused++;
	trace_egret_pm(edev, "suspend", ret);
}

/* All devices are awake. A card that was given up ends its jobs itself. */
static int egret_pm_prepare(struct device *dev)
{
	struct egret_device *edev = dev_get_drvdata(dev);
	int ret;

	ret = egret_queue_drain_all(edev, msecs_to_jiffies(READ_ONCE(suspend_timeout_ms)));
	if (ret)
		egret_pm_note_sleep(edev, ret);
	return ret;
}

/* All devices are awake again. Jobs end, at the latest, when they find their card lost. */
static void egret_pm_complete(struct device *dev)
{
	egret_queue_undrain_all(dev_get_drvdata(dev));
}

static int egret_pm_suspend(struct device *dev)
{
	struct egret_device *edev = dev_get_drvdata(dev);
	int ret = 0;

	/* Not before: to end a job, the card may have to be reset. */
	egret_reset_pause(edev);
	if (!egret_device_is_wedged(edev))
		ret = egret_pm_save_and_sleep(edev);
	if (ret)
		egret_reset_unpause(edev);
	egret_pm_note_sleep(edev, ret);
	return ret;
}

static int egret_pm_restore(struct egret_device *edev)
{
	int ret = egret_pm_memory_kept(edev);

	/* Some hosts leave the power on. What was saved is right in any case. */
	if (ret == -ENODATA && !list_empty(&edev->pm.saved))
		ret = 0;
	if (!ret)
		egret_vram_restore(edev, &edev->pm.saved);
	return ret ?: egret_pm_wake(edev);
}

static int egret_pm_resume(struct device *dev)
{
	struct egret_device *edev = dev_get_drvdata(dev);
	int ret;

	/* It may have been given up meanwhile: pulled, or broken. */
	if (!egret_device_is_wedged(edev)) {
		ret = egret_pm_restore(edev);
		trace_egret_pm(edev, "resume", ret);
		if (ret)
			egret_pm_mend(edev, ret);
	}
	egret_vram_forget(&edev->pm.saved);
	egret_reset_unpause(edev);
	return 0;
}

const struct dev_pm_ops egret_pm_ops = {
	.prepare = pm_sleep_ptr(egret_pm_prepare),
	.complete = pm_sleep_ptr(egret_pm_complete),
	SYSTEM_SLEEP_PM_OPS(egret_pm_suspend, egret_pm_resume)
	RUNTIME_PM_OPS(egret_pm_runtime_suspend, egret_pm_runtime_resume, NULL)
};

/* ---- probe and remove --------------------------------------------------------------------- */

/**
 * egret_pm_init() - prepare for sleep, which does not come yet
 * @edev: card
 */
void egret_pm_init(struct egret_device *edev)
{
	INIT_LIST_HEAD(&edev->pm.saved);
	/* Without power the memory's contents would be lost. */
	pci_d3cold_disable(edev->pdev);
	/*
	 * So would those of a card that sleeps already when the machine does: the PCI
	 * core must not leave it as it is.
	 */
	dev_pm_set_driver_flags(edev->drm.dev, DPM_FLAG_NO_DIRECT_COMPLETE);
}

/**
 * egret_pm_enable() - allow sleep
 * @edev: card, complete
 */
void egret_pm_enable(struct egret_device *edev)
{
	struct device *dev = edev->drm.dev;

	pm_runtime_set_autosuspend_delay(dev, EGRET_AUTOSUSPEND_MS);
	pm_runtime_use_autosuspend(dev);
	pm_runtime_allow(dev);
	/* In place of the reference that the PCI core took for probe(). */
	egret_pm_put(edev);
}

/**
 * egret_pm_disable() - keep the card awake from now on
 * @edev: card; the PCI core has woken it
 */
void egret_pm_disable(struct egret_device *edev)
{
	struct device *dev = edev->drm.dev;

	/* For the PCI core, which drops it. */
	pm_runtime_get_noresume(dev);
	pm_runtime_forbid(dev);
	pm_runtime_dont_use_autosuspend(dev);
}

/* ---- attributes ------------------------------------------------------------------------- */

static ssize_t sleeps_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct egret_device *edev = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", READ_ONCE(edev->pm.sleeps));
}
static DEVICE_ATTR_RO(sleeps);

static ssize_t refused_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct egret_device *edev = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", READ_ONCE(edev->pm.refused));
}
static DEVICE_ATTR_RO(refused);

static struct attribute *egret_pm_attrs[] = {
	&dev_attr_sleeps.attr,
	&dev_attr_refused.attr,
	NULL
};

const struct attribute_group egret_pm_group = {
	.name = "sleep",
	.attrs = egret_pm_attrs,
};
