// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Files for people who look for a fault, in /sys/kernel/debug/accel/<device>. They
 * are no interface: what they contain changes as the driver does.
 */
#include <linux/seq_file.h>
#include <drm/drm_debugfs.h>
#include <drm/drm_print.h>

#include "egret_debugfs.h"
#include "egret_device.h"
#include "egret_pm.h"
#include "egret_ttm.h"

static struct egret_device *egret_debugfs_device(struct seq_file *m)
{
	const struct drm_debugfs_entry *entry = m->private;

	return to_egret_device(entry->dev);
}

static int egret_debugfs_firmware_log(struct seq_file *m, void *unused)
{
	struct egret_device *edev = egret_debugfs_device(m);
	struct drm_printer p = drm_seq_file_printer(m);
	int ret;

	ret = egret_pm_get(edev);
	if (ret)
		return ret;
	ret = egret_firmware_wait(edev);
	if (!ret)
		ret = egret_firmware_log_update(edev);
	egret_pm_put(edev);
	if (ret == -ERESTARTSYS)
		return ret;
	if (ret)
		drm_printf(&p, "# the firmware cannot be asked (%s): this is what was known\n",
			   egret_firmware_state_name(edev));
	egret_firmware_log_print(edev, &p);
	return 0;
}

static int egret_debugfs_memory(struct seq_file *m, void *unused)
{
	struct drm_printer p = drm_seq_file_printer(m);

	egret_ttm_print(egret_debugfs_device(m), &p);
	return 0;
}

static const struct drm_debugfs_info egret_debugfs_files[] = {
	{ "firmware_log", egret_debugfs_firmware_log },
	{ "memory", egret_debugfs_memory },
};

/**
 * egret_debugfs_init() - add the files
 * @edev: card, not yet registered
 */
void egret_debugfs_init(struct egret_device *edev)
{
	drm_debugfs_add_files(&edev->drm, egret_debugfs_files, ARRAY_SIZE(egret_debugfs_files));
}
