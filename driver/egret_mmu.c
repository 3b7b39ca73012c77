// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * The device MMU's contexts and caches.
 */
#include <linux/iopoll.h>
#include <drm/drm_drv.h>

#include "egret_hw.h"
#include "egret_mmu.h"

/*
 * An invalidation waits for accesses that are under way, so it takes
 * microseconds. One that takes this long never ends.
 */
#define EGRET_INVALIDATE_POLL_US	10
#define EGRET_INVALIDATE_TIMEOUT_US	(2 * USEC_PER_SEC)

/**
 * egret_mmu_context_alloc() - allocate a hardware context
 * @edev: card
 *
 * Return: its number, -ENOSPC, or -ENOMEM.
 */
int egret_mmu_context_alloc(struct egret_device *edev)
{
	return ida_alloc_max(&edev->contexts, edev->info.contexts - 1, GFP_KERNEL);
}

/**
 * egret_mmu_context_free() - give a hardware context back
 * @edev: card
 * @context: context, which was set to no root
 */
void egret_mmu_context_free(struct egret_device *edev, u32 context)
{
	ida_free(&edev->contexts, context);
}

/**
 * egret_mmu_context_set() - give a context its page tables
 * @edev: card
 * @context: context
 * @root: entry that points to the root table, or 0 for none
 *
 * When it returns, the card does not use the old ones any more. Must not be called
 * inside of drm_dev_enter().
 */
void egret_mmu_context_set(struct egret_device *edev, u32 context, u64 root)
{
	int idx;

	if (!drm_dev_enter(&edev->drm, &idx)) {
		/* remove() stops everything. */
		wait_for_completion(&edev->stopped);
		return;
	}
	egret_write64(edev, EGRET_REG_CONTEXT(context), root);
	egret_mmu_invalidate(edev, context, 0, EGRET_MMU_ALL);
	drm_dev_exit(idx);
}

/**
 * egret_mmu_invalidate() - make the card forget translations
 * @edev: card
 * @context: context
 * @va: first virtual address
 * @size: bytes, or EGRET_MMU_ALL
 *
 * Must be called inside of drm_dev_enter(). When it returns, no unit uses an old
 * entry or a table that was taken out: the memory may be used for other things. A
 * card that does not answer is given up, which takes its access to system memory
 * away, so this holds even then.
 */
void egret_mmu_invalidate(struct egret_device *edev, u32 context, u64 va, u64 size)
{
	u32 status;
	int ret;

	mutex_lock(&edev->invalidate_lock);
	/* Entries are written through a write-combined mapping. */
	wmb();
	egret_write64(edev, EGRET_REG_INV_ADDR, va);
	egret_write64(edev, EGRET_REG_INV_SIZE, size);
	egret_write(edev, EGRET_REG_INV_CMD, EGRET_INV_CMD_START |
		    FIELD_PREP(EGRET_INV_CMD_CONTEXT_MASK, context));
	ret = readl_poll_timeout(edev->regs + EGRET_REG_INV_STATUS, status,
				 status == EGRET_GONE || !(status & EGRET_INV_STATUS_BUSY),
				 EGRET_INVALIDATE_POLL_US, EGRET_INVALIDATE_TIMEOUT_US);
	mutex_unlock(&edev->invalidate_lock);
	if (ret || status == EGRET_GONE)
		egret_device_wedge(edev, "the MMU does not answer");
}
