// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * One card: bringing it up, taking it down.
 */
#include <linux/dma-mapping.h>
#include <linux/pci.h>
#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "compat.h"
#include "egret_devfreq.h"
#include "egret_coredump.h"
#include "egret_device.h"
#include "egret_dmabuf.h"
#include "egret_hw.h"
#include "egret_queue.h"
#include "egret_sensors.h"
#include "egret_ttm.h"
#include "egret_userptr.h"
#include "egret_vm.h"

#define EGRET_DMA_MASK		DMA_BIT_MASK(52)
/* The revision of the specification that the driver is written to. */
#define EGRET_REVISION_MAJOR	1

/*
 * Whoever had the card before, a firmware, another driver, another kernel, may
 * have left it running.
 */
static int egret_device_reset(struct egret_device *edev)
{
	int ret;

	ret = egret_hw_wait_ready(edev);
	if (!ret) {
		egret_write(edev, EGRET_REG_RESET, EGRET_RESET_CHIP);
		ret = egret_hw_wait_ready(edev);
	}
	if (ret)
		drm_err(&edev->drm, "the card does not come out of reset, state %#x\n",
			egret_read(edev, EGRET_REG_STATE));
	return ret;
}

static int egret_device_map(struct egret_device *edev)
{
	struct pci_dev *pdev = edev->pdev;
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	edev->regs = pcim_iomap_region(pdev, EGRET_BAR_REGS, "egret");
	if (IS_ERR(edev->regs))
		return PTR_ERR(edev->regs);
	edev->doorbells = pcim_iomap_region(pdev, EGRET_BAR_DOORBELL, "egret");
	if (IS_ERR(edev->doorbells))
		return PTR_ERR(edev->doorbells);
	ret = pcim_request_region(pdev, EGRET_BAR_VRAM, "egret");
	if (ret)
		return ret;
	ret = dma_set_mask_and_coherent(&pdev->dev, EGRET_DMA_MASK);
	if (ret)
		return ret;
	/* The card has page tables: pieces may be as long as they happen to be. */
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	pci_set_master(pdev);
	return 0;
}

static int egret_device_identify(struct egret_device *edev)
{
	u32 id = egret_read(edev, EGRET_REG_ID);
	u32 revision = egret_read(edev, EGRET_REG_REVISION);

	if (id != EGRET_ID) {
		drm_err(&edev->drm, "not an Egret: identity %#x\n", id);
		return -ENODEV;
	}
	if (FIELD_GET(EGRET_REVISION_MAJOR_MASK, revision) != EGRET_REVISION_MAJOR) {
		drm_err(&edev->drm, "unsupported hardware revision %#x\n", revision);
		return -ENODEV;
	}
	return 0;
}

static void egret_device_read_info(struct egret_device *edev)
{
	struct drm_egret_device_info *info = &edev->info;
	u32 units = egret_read(edev, EGRET_REG_UNITS);
	u32 limits = egret_read(edev, EGRET_REG_LIMITS);
	resource_size_t doorbells = pci_resource_len(edev->pdev, EGRET_BAR_DOORBELL);

	edev->features = egret_read(edev, EGRET_REG_FEATURES);
	info->chip_revision = egret_read(edev, EGRET_REG_REVISION);
	info->clusters = FIELD_GET(EGRET_UNITS_CLUSTERS_MASK, units);
	info->copy_engines = FIELD_GET(EGRET_UNITS_COPY_ENGINES_MASK, units);
	/* Never more than there is room for, whatever the card says. */
	info->clusters = min_t(u32, info->clusters, EGRET_MAX_CLUSTERS);
	info->queues = min3((u32)FIELD_GET(EGRET_LIMITS_QUEUES_MASK, limits),
			    (u32)EGRET_MAX_QUEUES, (u32)(doorbells / EGRET_DOORBELL_STRIDE));
	info->contexts = min_t(u32, FIELD_GET(EGRET_LIMITS_CONTEXTS_MASK, limits),
			       EGRET_MAX_CONTEXTS);
	info->scratch_size = egret_read(edev, EGRET_REG_SCRATCH_SIZE);
	info->core_clock_khz = egret_read(edev, EGRET_REG_CORE_CLOCK);
	info->mem_bandwidth_mbs = egret_read(edev, EGRET_REG_MEM_BANDWIDTH);
	info->vram_size = egret_read64(edev, EGRET_REG_VRAM_SIZE);
	info->vram_visible = min_t(u64, info->vram_size,
				   pci_resource_len(edev->pdev, EGRET_BAR_VRAM));
	info->va_start = EGRET_VM_START;
	info->va_end = EGRET_VM_END;
	info->page_size = SZ_4K;
	info->large_page_size = SZ_2M;
	info->serial = egret_read64(edev, EGRET_REG_SERIAL);
	info->firmware_version = egret_read(edev, EGRET_REG_FW_VERSION);
}

static int egret_device_check_info(struct egret_device *edev)
{
	const struct drm_egret_device_info *info = &edev->info;

	if (!info->queues || !info->contexts || !info->core_clock_khz ||
	    info->vram_visible < SZ_4K) {
		drm_err(&edev->drm, "implausible card: %u queues, %u contexts, %u kHz, %llu bytes\n",
			info->queues, info->contexts, info->core_clock_khz, info->vram_visible);
		return -ENODEV;
	}
	if (info->vram_visible < info->vram_size)
		drm_warn(&edev->drm, "only %llu of %llu MiB of device memory can be used; resize BAR %u\n",
			 info->vram_visible >> 20, info->vram_size >> 20, EGRET_BAR_VRAM);
	return 0;
}

/* ---- bringing it up and taking it down ------------------------------------------- */

static void egret_device_release(struct drm_device *drm, void *data)
{
	struct egret_device *edev = to_egret_device(drm);

	egret_reset_release(edev);
	destroy_workqueue(edev->sched_wq);
	drm_WARN_ON(drm, !xa_empty(&edev->queues));
	xa_destroy(&edev->queues);
	ida_destroy(&edev->contexts);
	mutex_destroy(&edev->userptrs_lock);
	mutex_destroy(&edev->vms_lock);
	mutex_destroy(&edev->shrinker.lock);
	mutex_destroy(&edev->shared_lock);
	mutex_destroy(&edev->invalidate_lock);
	mutex_destroy(&edev->counters_lock);
}

static int egret_device_init_software(struct egret_device *edev)
{
	int ret;

	mutex_init(&edev->invalidate_lock);
	mutex_init(&edev->userptrs_lock);
	INIT_LIST_HEAD(&edev->userptrs);
	mutex_init(&edev->shared_lock);
	mutex_init(&edev->shrinker.lock);
	INIT_LIST_HEAD(&edev->shared);
	init_rwsem(&edev->evict_lock);
	init_rwsem(&edev->free_lock);
	ida_init(&edev->contexts);
	mutex_init(&edev->vms_lock);
	INIT_LIST_HEAD(&edev->vms);
	xa_init_flags(&edev->queues, XA_FLAGS_ALLOC);
	init_waitqueue_head(&edev->queue_gone);
	init_waitqueue_head(&edev->no_jobs);
	init_completion(&edev->stopped);
	mutex_init(&edev->counters_lock);
	egret_hw_init(edev);
	egret_event_init(edev);
	egret_pm_init(edev);

	edev->sched_wq = alloc_workqueue("egret-sched", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!edev->sched_wq)
		return -ENOMEM;
	ret = egret_reset_init(edev);
	if (ret) {
		destroy_workqueue(edev->sched_wq);
		return ret;
	}
	ret = drmm_add_action_or_reset(&edev->drm, egret_device_release, NULL);
	return ret ?: egret_coredump_init(edev);
}

static void egret_device_ttm_release(struct drm_device *drm, void *data)
{
	egret_ttm_fini(to_egret_device(drm));
}

/**
 * egret_device_init() - bring a card up
 * @edev: card; allocated, with its PCI device
 *
 * What it set up goes with the PCI device or with the DRM device.
 *
 * Return: 0, or a negative errno.
 */
int egret_device_init(struct egret_device *edev)
{
	int ret;

	ret = egret_device_init_software(edev);
	if (ret)
		return ret;
	ret = egret_device_map(edev);
	if (ret)
		return ret;
	ret = egret_device_identify(edev);
	if (ret)
		return ret;
	ret = egret_device_reset(edev);
	if (ret)
		return ret;
	egret_device_read_info(edev);
	ret = egret_device_check_info(edev);
	if (ret)
		return ret;
	ret = egret_hw_start(edev);
	if (ret) {
		drm_err(&edev->drm, "the card does not work: %pe\n", ERR_PTR(ret));
		return ret;
	}
	ret = egret_irq_init(edev);
	if (ret)
		return ret;
	ret = egret_ttm_init(edev);
	if (ret)
		return ret;
	ret = drmm_add_action_or_reset(&edev->drm, egret_device_ttm_release, NULL);
	if (ret)
		return ret;
	ret = egret_firmware_init(edev);
	if (ret)
		return ret;
	ret = egret_sensors_init(edev);
	if (ret)
		return ret;
	ret = egret_devfreq_init(edev);
	if (ret)
		return ret;
	ret = egret_migrate_init(edev);
	if (ret)
		egret_firmware_stop(edev);
	return ret;
}

/**
 * egret_device_retire() - prepare for taking a card down
 * @edev: card
 *
 * From now on all ioctls return -ENODEV, and all fences signal soon. So nobody waits
 * for a fence inside of drm_dev_enter() when drm_dev_unplug() waits for those inside.
 */
void egret_device_retire(struct egret_device *edev)
{
	egret_hw_give_up(edev);
	egret_queue_kill_all(edev);
}

/**
 * egret_device_remove() - take a card down
 * @edev: card, unplugged for the DRM core. It may have been pulled already.
 *
 * When it returns, the card and everything that is bound to its PCI device are
 * unused; files may be open still.
 */
void egret_device_remove(struct egret_device *edev)
{
	/* Nobody else touches the hardware: that is what unplugging waited for. */
	egret_write(edev, EGRET_REG_IRQ_ENABLE, 0);
	egret_write(edev, EGRET_REG_RESET, EGRET_RESET_CHIP);
	if (pci_device_is_present(edev->pdev) && egret_hw_wait_ready(edev))
		drm_err(&edev->drm, "the card does not stop\n");
	pci_clear_master(edev->pdev);
	egret_irq_fini(edev);
	egret_firmware_stop(edev);
	complete_all(&edev->stopped);

	egret_queue_kill_all(edev);
	egret_shrinker_fini(edev);
	/* Who looks for room has ended then, and nobody does so later. */
	down_write(&edev->evict_lock);
	/* Jobs end when those they wait for do, which is soon. */
	wait_event(edev->no_jobs, !atomic_read(&edev->jobs));
	egret_migrate_fini(edev);
	egret_coredump_fini(edev);
	egret_event_fini(edev);
	egret_queue_flush_cleanup();
	egret_queue_free_rings(edev);
	egret_dmabuf_remove(edev);
	egret_ttm_clear_dma(edev);
	egret_userptr_remove(edev);
	up_write(&edev->evict_lock);
}
