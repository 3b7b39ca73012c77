// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Sensors and the power cap: hwmon, and DRM_EGRET_QUERY_SENSORS.
 *
 * The telemetry registers are what the firmware writes, so a reading costs no
 * message. Energy, voltage and clock come from the chip itself and are there
 * without firmware too.
 *
 * A reading wakes a card that sleeps, since nothing can be read from it otherwise,
 * but it is no use of the card: it does not begin the autosuspend delay anew. So a
 * monitor that looks every second wakes the card for a moment, and does not keep
 * it from sleeping.
 */
#include <linux/hwmon.h>
#include <linux/sysfs.h>
#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "egret_hw.h"
#include "egret_pm.h"
#include "egret_sensors.h"

/* The firmware's mean power is over so many ms (management.rst). */
#define EGRET_POWER_INTERVAL	100

/**
 * egret_sensors_read() - read a register of a card that may sleep
 * @edev: card
 * @reg: register
 * @kind: EGRET_SENSOR_*
 * @value: what it reads
 *
 * Return: 0, or a negative errno: -ENODATA (no firmware), -ENODEV, -ERESTARTSYS.
 */
int egret_sensors_read(struct egret_device *edev, u32 reg, unsigned int kind, u64 *value)
{
	int idx, ret;

	ret = egret_pm_get(edev);
	if (ret)
		return ret;
	/* It may boot: the card was woken just now. */
	if (kind & EGRET_SENSOR_FIRMWARE)
		ret = egret_firmware_wait(edev);
	if (ret)
		goto out;
	ret = -ENODEV;
	if (!drm_dev_enter(&edev->drm, &idx))
		goto out;
	if (egret_hw_enter(edev)) {
		*value = kind & EGRET_SENSOR_WIDE ? egret_read64(edev, reg) :
						    egret_read(edev, reg);
		egret_hw_exit(edev);
		ret = 0;
	}
	drm_dev_exit(idx);
out:
	egret_pm_put_unused(edev);
	return ret;
}

static void egret_sensors_query_limits(struct egret_device *edev, struct drm_egret_sensors *out)
{
	const struct egret_limits *limits = &edev->firmware.limits;

	out->temperature_throttle = limits->temp_throttle;
	out->temperature_critical = limits->temp_critical;
	out->power_cap = egret_firmware_power_cap(edev);
	out->power_cap_min = limits->power_cap_min;
	out->power_cap_max = limits->power_cap_max;
	out->power_cap_default = limits->power_cap_default;
}

/* Inside of egret_hw_enter(). */
static void egret_sensors_query_registers(struct egret_device *edev,
					  struct drm_egret_sensors *out)
{
	if (out->flags & DRM_EGRET_SENSORS_FIRMWARE) {
		out->temperature = (s32)egret_read(edev, EGRET_REG_TEMPERATURE);
		out->power = egret_read(edev, EGRET_REG_POWER_DRAW);
		out->throttle = egret_read(edev, EGRET_REG_THROTTLE);
	}
	out->time = egret_read64(edev, EGRET_REG_TIME);
	out->energy = egret_read64(edev, EGRET_REG_ENERGY);
	out->voltage = egret_read(edev, EGRET_REG_VOLTAGE);
	out->clock = egret_read(edev, EGRET_REG_CORE_CLOCK);
	out->pstate = egret_read(edev, EGRET_REG_PSTATE);
	out->ecc_corrected = egret_read64(edev, EGRET_REG_ECC_CORRECTED);
	out->ecc_uncorrected = egret_read64(edev, EGRET_REG_ECC_UNCORRECTED);
	out->ecc_address = egret_read64(edev, EGRET_REG_ECC_ADDR);
}

/**
 * egret_sensors_query() - answer DRM_EGRET_QUERY_SENSORS
 * @edev: card
 * @out: answer, zeroed
 *
 * Return: 0, -ENODEV, or -ERESTARTSYS.
 */
int egret_sensors_query(struct egret_device *edev, struct drm_egret_sensors *out)
{
	int idx, ret;

	ret = egret_pm_get(edev);
	if (ret)
		return ret;
	ret = egret_firmware_wait(edev);
	if (ret == -ERESTARTSYS)
		goto out;
	if (!ret) {
		out->flags |= DRM_EGRET_SENSORS_FIRMWARE;
		egret_sensors_query_limits(edev, out);
	}
	ret = -ENODEV;
	if (!drm_dev_enter(&edev->drm, &idx))
		goto out;
	if (egret_hw_enter(edev)) {
		egret_sensors_query_registers(edev, out);
		egret_hw_exit(edev);
		ret = 0;
	}
	drm_dev_exit(idx);
out:
	egret_pm_put_unused(edev);
	return ret;
}

/* ---- hwmon: mV, mC, uW, uJ, Hz --------------------------------------------------------- */

static int egret_hwmon_temperature(struct egret_device *edev, long *val)
{
	u64 value;
	int ret = egret_sensors_read(edev, EGRET_REG_TEMPERATURE, EGRET_SENSOR_FIRMWARE, &value);

	if (!ret)
		*val = (s32)value;
	return ret;
}

static int egret_hwmon_value(struct egret_device *edev, u32 reg, unsigned int kind,
			     unsigned int scale, long *val)
{
	u64 value;
	int ret = egret_sensors_read(edev, reg, kind, &value);

	if (!ret)
		*val = value * scale;
	return ret;
}

/* Whether the card is slowed down for @reason, an EGRET_THROTTLE_*. */
static int egret_hwmon_alarm(struct egret_device *edev, u32 reason, long *val)
{
	u64 value;
	int ret = egret_sensors_read(edev, EGRET_REG_THROTTLE, EGRET_SENSOR_FIRMWARE, &value);

	if (!ret)
		*val = !!(value & reason);
	return ret;
}

static int egret_hwmon_read_temp(struct egret_device *edev, u32 attr, long *val)
{
	const struct egret_limits *limits = &edev->firmware.limits;

	switch (attr) {
	case hwmon_temp_max:
		*val = limits->temp_throttle;
		return 0;
	case hwmon_temp_crit:
		*val = limits->temp_critical;
		return 0;
	case hwmon_temp_input:
		return egret_hwmon_temperature(edev, val);
	case hwmon_temp_max_alarm:
		return egret_hwmon_alarm(edev, EGRET_THROTTLE_THERMAL, val);
	default:
		return -EOPNOTSUPP;
	}
}

static int egret_hwmon_read_power(struct egret_device *edev, u32 attr, long *val)
{
	const struct egret_limits *limits = &edev->firmware.limits;

	switch (attr) {
	case hwmon_power_average:
		return egret_hwmon_value(edev, EGRET_REG_POWER_DRAW, EGRET_SENSOR_FIRMWARE, 1000,
					 val);
	case hwmon_power_average_interval:
		*val = EGRET_POWER_INTERVAL;
		return 0;
	case hwmon_power_cap:
		*val = (long)egret_firmware_power_cap(edev) * 1000;
		return 0;
	case hwmon_power_cap_min:
		*val = (long)limits->power_cap_min * 1000;
		return 0;
	case hwmon_power_cap_max:
		*val = (long)limits->power_cap_max * 1000;
		return 0;
	case hwmon_power_rated_max:
		*val = (long)limits->power_cap_default * 1000;
		return 0;
	case hwmon_power_cap_alarm:
		return egret_hwmon_alarm(edev, EGRET_THROTTLE_POWER, val);
	default:
		return -EOPNOTSUPP;
	}
}

static int egret_hwmon_read(struct device *dev, enum hwmon_sensor_types type, u32 attr,
			    int channel, long *val)
{
	struct egret_device *edev = dev_get_drvdata(dev);

	switch (type) {
	case hwmon_temp:
		return egret_hwmon_read_temp(edev, attr, val);
	case hwmon_power:
		return egret_hwmon_read_power(edev, attr, val);
	case hwmon_in:
		return egret_hwmon_value(edev, EGRET_REG_VOLTAGE, 0, 1, val);
	case hwmon_energy:
		return egret_hwmon_value(edev, EGRET_REG_ENERGY, EGRET_SENSOR_WIDE, 1, val);
	default:
		return -EOPNOTSUPP;
	}
}

static int egret_hwmon_write(struct device *dev, enum hwmon_sensor_types type, u32 attr,
			     int channel, long val)
{
	struct egret_device *edev = dev_get_drvdata(dev);
	int ret;

	if (type != hwmon_power || attr != hwmon_power_cap)
		return -EOPNOTSUPP;
	if (val < 0 || val / 1000 > U32_MAX)
		return -EINVAL;
	ret = egret_pm_get(edev);
	if (ret)
		return ret;
	/* For the firmware zero means its default, which is not what was asked for. */
	ret = val < 1000 ? -EINVAL : egret_firmware_set_power_cap(edev, val / 1000);
	egret_pm_put_unused(edev);
	return ret;
}

static umode_t egret_hwmon_is_visible(const void *data, enum hwmon_sensor_types type, u32 attr,
				      int channel)
{
	const struct egret_device *edev = data;

	if ((type == hwmon_temp || type == hwmon_power) && !edev->firmware.known)
		return 0;
	return type == hwmon_power && attr == hwmon_power_cap ? 0644 : 0444;
}

static int egret_hwmon_read_string(struct device *dev, enum hwmon_sensor_types type, u32 attr,
				   int channel, const char **str)
{
	switch (type) {
	case hwmon_temp:
		*str = "hottest";
		return 0;
	case hwmon_in:
		*str = "core";
		return 0;
	case hwmon_power:
	case hwmon_energy:
		*str = "card";
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static const struct hwmon_ops egret_hwmon_ops = {
	.is_visible = egret_hwmon_is_visible,
	.read = egret_hwmon_read,
	.read_string = egret_hwmon_read_string,
	.write = egret_hwmon_write,
};

static const struct hwmon_channel_info * const egret_hwmon_channels[] = {
	HWMON_CHANNEL_INFO(temp, HWMON_T_INPUT | HWMON_T_MAX | HWMON_T_MAX_ALARM | HWMON_T_CRIT |
			   HWMON_T_LABEL),
	HWMON_CHANNEL_INFO(in, HWMON_I_INPUT | HWMON_I_LABEL),
	HWMON_CHANNEL_INFO(power, HWMON_P_AVERAGE | HWMON_P_AVERAGE_INTERVAL | HWMON_P_CAP |
			   HWMON_P_CAP_MIN | HWMON_P_CAP_MAX | HWMON_P_CAP_ALARM |
			   HWMON_P_RATED_MAX | HWMON_P_LABEL),
	HWMON_CHANNEL_INFO(energy, HWMON_E_INPUT | HWMON_E_LABEL),
	NULL
};

static const struct hwmon_chip_info egret_hwmon_chip = {
	.ops = &egret_hwmon_ops,
	.info = egret_hwmon_channels,
};

/* hwmon knows no frequencies; these are the names that others have given theirs. */
static ssize_t freq1_input_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	u64 khz;
	int ret;

	ret = egret_sensors_read(dev_get_drvdata(dev), EGRET_REG_CORE_CLOCK, 0, &khz);
	return ret ?: sysfs_emit(buf, "%llu\n", khz * 1000);
}
static DEVICE_ATTR_RO(freq1_input);

static ssize_t freq1_label_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "core\n");
}
static DEVICE_ATTR_RO(freq1_label);

static struct attribute *egret_hwmon_attrs[] = {
	&dev_attr_freq1_input.attr,
	&dev_attr_freq1_label.attr,
	NULL
};
ATTRIBUTE_GROUPS(egret_hwmon);

/**
 * egret_sensors_init() - offer the sensors
 * @edev: card; its firmware has had its chance to boot
 *
 * They go with the PCI device.
 *
 * Return: 0, or a negative errno.
 */
int egret_sensors_init(struct egret_device *edev)
{
	struct device *hwmon;

	/* A kernel without it has no sensors, but a card that works. */
	if (!IS_REACHABLE(CONFIG_HWMON))
		return 0;
	hwmon = devm_hwmon_device_register_with_info(edev->drm.dev, "egret", edev,
						     &egret_hwmon_chip, egret_hwmon_groups);
	return PTR_ERR_OR_ZERO(hwmon);
}
