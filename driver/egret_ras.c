// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Reliability: memory errors and heat, as counters and as events.
 *
 * The card counts memory errors since power-on; the counters outlive resets and
 * sleep. Corrected errors are only counted, and interrupt nobody: they are
 * harmless, and those who watch their rate look at the counter. An uncorrected
 * error ends the queue that meets it (egret_fault.c), and its page is retired
 * (egret_vram.c). It, heat and the power cap are told to user space by a change event
 * of the PCI device, for udev and its like.
 */
#include <linux/device.h>
#include <linux/kobject.h>
#include <linux/sysfs.h>
#include <drm/drm_print.h>

#include "egret_hw.h"
#include "egret_ras.h"
#include "egret_sensors.h"
#include "egret_trace.h"

static void egret_ras_notify(struct egret_device *edev, const char *event, const char *detail,
			     u64 value)
{
	char event_env[40], value_env[48];
	char *env[3] = { event_env, value_env, NULL };

	trace_egret_ras(edev, event, value);
	snprintf(event_env, sizeof(event_env), "EGRET_EVENT=%s", event);
	snprintf(value_env, sizeof(value_env), "EGRET_%s=%#llx", detail, value);
	/* Nothing can be done about an event that finds no memory. */
	kobject_uevent_env(&edev->drm.dev->kobj, KOBJ_CHANGE, env);
}

/**
 * egret_ras_read() - what the registers say about the management interrupt's causes
 * @edev: card; inside of egret_hw_enter()
 * @causes: EGRET_IRQ_*, which have been cleared
 * @report: for egret_ras_interrupt()
 *
 * In one go with clearing the causes: when the hardware is stopped in between, nobody would ever
 * hear of them.
 */
void egret_ras_read(struct egret_device *edev, u32 causes, struct egret_ras_report *report)
{
	memset(report, 0, sizeof(*report));
	causes &= EGRET_IRQ_ECC_UNCORRECTED | EGRET_IRQ_THERMAL | EGRET_IRQ_POWER;
	if (!causes)
		return;
	report->addr = egret_read64(edev, EGRET_REG_ECC_ADDR);
	report->throttle = egret_read(edev, EGRET_REG_THROTTLE);
	report->state = egret_read(edev, EGRET_REG_STATE);
	/* A card that is gone says anything. */
	if (report->state != EGRET_GONE)
		report->causes = causes;
}

static void egret_ras_thermal(struct egret_device *edev, u32 throttle, u32 state)
{
	if (state & EGRET_STATE_THERMAL_STOP) {
		egret_ras_notify(edev, "thermal-stop", "THROTTLE", throttle);
		egret_reset_request(edev, EGRET_RESET_LEVEL_WEDGED, EGRET_RESET_CAUSE_HEAT);
		return;
	}
	dev_warn_ratelimited(edev->drm.dev, "throttling by temperature %s\n",
			     throttle & EGRET_THROTTLE_THERMAL ? "begins" : "ends");
	egret_ras_notify(edev, "thermal", "THROTTLE", throttle);
}

/**
 * egret_ras_interrupt() - handle what the management interrupt reports
 * @edev: card
 * @report: from egret_ras_read()
 *
 * Called from the interrupt's thread, inside drm_dev_enter() and outside of
 * egret_hw_enter(): it allocates memory.
 */
void egret_ras_interrupt(struct egret_device *edev, const struct egret_ras_report *report)
{
	if (report->causes & EGRET_IRQ_ECC_UNCORRECTED) {
		drm_err_ratelimited(&edev->drm,
				    "uncorrectable memory error at device address %#llx\n",
				    report->addr);
		egret_vram_retire(edev, report->addr);
		egret_ras_notify(edev, "ecc-uncorrected", "ADDRESS", report->addr);
		egret_event_card(edev, DRM_EGRET_EVENT_MEMORY_ERROR, 0, report->addr);
	}
	if (report->causes & EGRET_IRQ_THERMAL)
		egret_ras_thermal(edev, report->throttle, report->state);
	if (report->causes & EGRET_IRQ_POWER)
		egret_ras_notify(edev, "power", "THROTTLE", report->throttle);
}

/* ---- attributes ----------------------------------------------------------------------- */

static ssize_t egret_ras_show(struct device *dev, u32 reg, const char *format, char *buf)
{
	u64 value;
	int ret = egret_sensors_read(dev_get_drvdata(dev), reg, EGRET_SENSOR_WIDE, &value);

	return ret ?: sysfs_emit(buf, format, value);
}

static ssize_t ecc_corrected_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return egret_ras_show(dev, EGRET_REG_ECC_CORRECTED, "%llu\n", buf);
}
static DEVICE_ATTR_RO(ecc_corrected);

static ssize_t ecc_uncorrected_show(struct device *dev, struct device_attribute *attr,
				    char *buf)
{
	return egret_ras_show(dev, EGRET_REG_ECC_UNCORRECTED, "%llu\n", buf);
}
static DEVICE_ATTR_RO(ecc_uncorrected);

static ssize_t ecc_last_address_show(struct device *dev, struct device_attribute *attr,
				     char *buf)
{
	return egret_ras_show(dev, EGRET_REG_ECC_ADDR, "%#llx\n", buf);
}
static DEVICE_ATTR_RO(ecc_last_address);

static ssize_t retired_pages_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct egret_device *edev = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", READ_ONCE(edev->vram.num_bad));
}
static DEVICE_ATTR_RO(retired_pages);

static struct attribute *egret_ras_attrs[] = {
	&dev_attr_ecc_corrected.attr,
	&dev_attr_ecc_uncorrected.attr,
	&dev_attr_ecc_last_address.attr,
	&dev_attr_retired_pages.attr,
	NULL
};

static umode_t egret_ras_is_visible(struct kobject *kobj, struct attribute *attr, int n)
{
	struct egret_device *edev = dev_get_drvdata(kobj_to_dev(kobj));

	return edev->features & EGRET_FEATURE_ECC ? attr->mode : 0;
}

const struct attribute_group egret_ras_group = {
	.name = "ras",
	.attrs = egret_ras_attrs,
	.is_visible = egret_ras_is_visible,
};
