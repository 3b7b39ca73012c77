// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * The driver as the PCI and DRM cores see it.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <drm/drm_accel.h>
#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_print.h>
#include <drm/ttm/ttm_placement.h>

#include "compat.h"
#include "egret_bind.h"
#include "egret_bo.h"
#include "egret_client.h"
#include "egret_debugfs.h"
#include "egret_device.h"
#include "egret_dmabuf.h"
#include "egret_fw_format.h"
#include "egret_hw.h"
#include "egret_job.h"
#include "egret_pci_error.h"
#include "egret_query.h"
#include "egret_queue.h"
#include "egret_reprobe.h"
#include "egret_sysfs.h"
#include "egret_vm.h"

/* ---- files ------------------------------------------------------------------------ */

static int egret_open(struct drm_device *drm, struct drm_file *file)
{
	struct egret_device *edev = to_egret_device(drm);
	struct egret_file *efile;

	if (egret_device_is_wedged(edev))
		return -ENODEV;
	efile = kzalloc(sizeof(*efile), GFP_KERNEL_ACCOUNT);
	if (!efile)
		return -ENOMEM;
	efile->client = egret_client_create(file->client_id);
	if (!efile->client) {
		kfree(efile);
		return -ENOMEM;
	}
	efile->edev = edev;
	xa_init_flags(&efile->vms, XA_FLAGS_ALLOC1);
	xa_init_flags(&efile->queues, XA_FLAGS_ALLOC1);
	file->driver_priv = efile;
	return 0;
}

static void egret_postclose(struct drm_device *drm, struct drm_file *file)
{
	struct egret_file *efile = file->driver_priv;

	egret_vm_close_all(efile);
	xa_destroy(&efile->vms);
	xa_destroy(&efile->queues);
	egret_client_put(efile->client);
	kfree(efile);
}

/*
 * Queues go before the DRM core lets go of the buffers, so that these are idle and
 * freed at once.
 */
static int egret_release(struct inode *inode, struct file *filp)
{
	struct drm_file *file = filp->private_data;
	struct egret_file *efile = file->driver_priv;
	struct egret_device *edev = efile->edev;
	bool awake;
	int ret;

	/* The file may be what holds the card's structure. */
	drm_dev_get(&edev->drm);
	awake = !egret_pm_get(edev);
	egret_queue_close_all(efile);
	ret = drm_release(inode, filp);
	if (awake)
		egret_pm_put(edev);
	drm_dev_put(&edev->drm);
	return ret;
}

/* ---- fdinfo -------------------------------------------------------------------------- */

static void egret_show_fdinfo(struct drm_printer *p, struct drm_file *file)
{
	egret_queue_show_fdinfo(file->driver_priv, p);
	egret_bo_show_fdinfo(p, file);
}

/* ---- ioctls ---------------------------------------------------------------------------- */

typedef int (*egret_ioctl_fn)(struct drm_device *drm, void *data, struct drm_file *file);

/*
 * A card that is gone is refused by the DRM core; one that was given up is not.
 */
static int egret_ioctl(egret_ioctl_fn fn, bool awake, struct drm_device *drm, void *data,
		       struct drm_file *file)
{
	struct egret_device *edev = to_egret_device(drm);
	int ret;

	if (awake) {
		ret = egret_pm_get(edev);
		if (ret)
			return ret;
	}
	ret = egret_device_is_wedged(edev) ? -ENODEV : fn(drm, data, file);
	if (awake)
		egret_pm_put(edev);
	return ret;
}

#define __EGRET_IOCTL(name, awake)						\
static int name##_checked(struct drm_device *drm, void *data,			\
			  struct drm_file *file)				\
{										\
	return egret_ioctl(name, awake, drm, data, file);			\
}

/* One that needs the card, and one that does not, or takes care of it itself. */
#define EGRET_IOCTL(name)	__EGRET_IOCTL(name, true)
#define EGRET_IOCTL_ASLEEP(name)	__EGRET_IOCTL(name, false)

EGRET_IOCTL_ASLEEP(egret_dev_query_ioctl)
EGRET_IOCTL(egret_bo_create_ioctl)
EGRET_IOCTL_ASLEEP(egret_bo_mmap_offset_ioctl)
EGRET_IOCTL(egret_vm_create_ioctl)
EGRET_IOCTL(egret_vm_destroy_ioctl)
EGRET_IOCTL(egret_vm_bind_ioctl)
EGRET_IOCTL(egret_queue_create_ioctl)
EGRET_IOCTL(egret_queue_destroy_ioctl)
EGRET_IOCTL_ASLEEP(egret_queue_query_ioctl)
EGRET_IOCTL_ASLEEP(egret_queue_wait_ioctl)
EGRET_IOCTL_ASLEEP(egret_queue_export_ioctl)
EGRET_IOCTL_ASLEEP(egret_exec_ioctl)

static const struct drm_ioctl_desc egret_ioctls[] = {
	DRM_IOCTL_DEF_DRV(EGRET_DEV_QUERY, egret_dev_query_ioctl_checked, 0),
	DRM_IOCTL_DEF_DRV(EGRET_BO_CREATE, egret_bo_create_ioctl_checked, 0),
	DRM_IOCTL_DEF_DRV(EGRET_BO_MMAP_OFFSET, egret_bo_mmap_offset_ioctl_checked, 0),
	DRM_IOCTL_DEF_DRV(EGRET_VM_CREATE, egret_vm_create_ioctl_checked, 0),
	DRM_IOCTL_DEF_DRV(EGRET_VM_DESTROY, egret_vm_destroy_ioctl_checked, 0),
	DRM_IOCTL_DEF_DRV(EGRET_VM_BIND, egret_vm_bind_ioctl_checked, 0),
	DRM_IOCTL_DEF_DRV(EGRET_QUEUE_CREATE, egret_queue_create_ioctl_checked, 0),
	DRM_IOCTL_DEF_DRV(EGRET_QUEUE_DESTROY, egret_queue_destroy_ioctl_checked, 0),
	DRM_IOCTL_DEF_DRV(EGRET_QUEUE_QUERY, egret_queue_query_ioctl_checked, 0),
	DRM_IOCTL_DEF_DRV(EGRET_EXEC, egret_exec_ioctl_checked, 0),
	DRM_IOCTL_DEF_DRV(EGRET_QUEUE_WAIT, egret_queue_wait_ioctl_checked, 0),
	DRM_IOCTL_DEF_DRV(EGRET_QUEUE_EXPORT, egret_queue_export_ioctl_checked, 0),
};

/* ---- DRM ------------------------------------------------------------------------------ */

static const struct file_operations egret_fops = {
	/* As DRM_ACCEL_FOPS, but for the release. */
	.owner = THIS_MODULE,
	.open = accel_open,
	.release = egret_release,
	.unlocked_ioctl = drm_ioctl,
	.compat_ioctl = drm_compat_ioctl,
	.poll = drm_poll,
	.read = drm_read,
	.llseek = noop_llseek,
	.mmap = drm_gem_mmap,
	.fop_flags = FOP_UNSIGNED_OFFSET,
	.show_fdinfo = drm_show_fdinfo,
};

static const struct drm_driver egret_driver = {
	.driver_features = DRIVER_COMPUTE_ACCEL | DRIVER_GEM | DRIVER_SYNCOBJ |
			   DRIVER_SYNCOBJ_TIMELINE | EGRET_DRIVER_GEM_GPUVA,
	.open = egret_open,
	.postclose = egret_postclose,
	.show_fdinfo = egret_show_fdinfo,
	.gem_prime_import = egret_dmabuf_import,
	.ioctls = egret_ioctls,
	.num_ioctls = ARRAY_SIZE(egret_ioctls),
	.fops = &egret_fops,
	.name = "egret",
	.desc = "Egret inference accelerator",
	EGRET_DRM_DRIVER_DATE
	.major = 1,
	.minor = 0,
};

/* ---- PCI --------------------------------------------------------------------------------- */

static int egret_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	const struct drm_egret_device_info *info;
	struct egret_device *edev;
	int ret;

	edev = devm_drm_dev_alloc(&pdev->dev, &egret_driver, struct egret_device, drm);
	if (IS_ERR(edev))
		return PTR_ERR(edev);
	edev->pdev = pdev;
	pci_set_drvdata(pdev, edev);

	ret = egret_reprobe_prepare(pdev);
	if (ret)
		return ret;
	ret = egret_device_init(edev);
	if (ret)
		return ret;
	/* For a reset that comes unannounced: egret_pci_slot_reset(). */
	pci_save_state(pdev);
	egret_debugfs_init(edev);
	ret = drm_dev_register(&edev->drm, 0);
	if (ret) {
		egret_reset_close(edev);
		egret_device_retire(edev);
		egret_device_remove(edev);
		return ret;
	}
	info = &edev->info;
	egret_pm_enable(edev);
	drm_info(&edev->drm, "%u clusters, %llu MiB, %u queues, serial %#llx, firmware %s\n",
		 info->clusters, info->vram_size >> 20, info->queues, info->serial,
		 edev->firmware.known ? egret_fw_version(edev->firmware.version).text : "none");
	return 0;
}

static void egret_remove(struct pci_dev *pdev)
{
	struct egret_device *edev = pci_get_drvdata(pdev);

	egret_pm_disable(edev);
	egret_reset_close(edev);
	egret_device_retire(edev);
	drm_dev_unplug(&edev->drm);
	egret_device_remove(edev);
}

static const struct pci_device_id egret_pci_ids[] = {
	{ PCI_DEVICE(EGRET_PCI_VENDOR_ID, EGRET_PCI_DEVICE_ID) },
	{ }
};
MODULE_DEVICE_TABLE(pci, egret_pci_ids);

static struct pci_driver egret_pci_driver = {
	.name = "egret",
	.id_table = egret_pci_ids,
	.probe = egret_probe,
	.remove = egret_remove,
	.err_handler = &egret_pci_errors,
	.dev_groups = egret_sysfs_groups,
	.driver.pm = pm_ptr(&egret_pm_ops),
};

static int __init egret_init(void)
{
	int ret;

	ret = egret_queue_module_init();
	if (ret)
		return ret;
	ret = egret_reprobe_module_init();
	if (ret)
		goto err_queue;
	ret = pci_register_driver(&egret_pci_driver);
	if (ret)
		goto err_reprobe;
	return 0;

err_reprobe:
	egret_reprobe_module_exit();
err_queue:
	egret_queue_module_exit();
	return ret;
}
module_init(egret_init);

static void __exit egret_exit(void)
{
	pci_unregister_driver(&egret_pci_driver);
	egret_reprobe_module_exit();
	egret_queue_module_exit();
}
module_exit(egret_exit);

MODULE_AUTHOR("The Egret authors");
MODULE_DESCRIPTION("Egret inference accelerator");
MODULE_LICENSE("GPL");
