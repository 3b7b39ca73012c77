// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Attributes of a card, in the folder of its PCI device. The driver core makes
 * them after probe and takes them away before remove. Each is described in
 * Documentation/ABI/testing/sysfs-driver-egret.
 */
#include <linux/device.h>
#include <linux/sysfs.h>

#include "egret_device.h"
#include "egret_ras.h"
#include "egret_sysfs.h"

/* ---- firmware ----------------------------------------------------------------- */

static ssize_t version_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct egret_device *edev = dev_get_drvdata(dev);
	u32 version = edev->firmware.version;

	if (!edev->firmware.known)
		return -ENODATA;
	return sysfs_emit(buf, "%u.%u.%u\n", version >> 24, (version >> 16) & 0xff,
			  version & 0xffff);
}
static DEVICE_ATTR_RO(version);

static ssize_t state_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", egret_firmware_state_name(dev_get_drvdata(dev)));
}
static DEVICE_ATTR_RO(state);

static ssize_t crashes_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct egret_device *edev = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", READ_ONCE(edev->firmware.crashes));
}
static DEVICE_ATTR_RO(crashes);

static struct attribute *egret_firmware_attrs[] = {
	&dev_attr_version.attr,
	&dev_attr_state.attr,
	&dev_attr_crashes.attr,
	NULL
};

static const struct attribute_group egret_firmware_group = {
	.name = "management_firmware",
	.attrs = egret_firmware_attrs,
};

const struct attribute_group *egret_sysfs_groups[] = {
	&egret_firmware_group,
	&egret_pm_group,
	&egret_ras_group,
	NULL
};
