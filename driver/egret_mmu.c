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
	if (egret_hw_enter(edev)) {
		edev->roots[context] = root;
		egret_write64(edev, EGRET_REG_CONTEXT(context), root);
		egret_hw_exit(edev);
	}
	egret_mmu_invalidate(edev, context, 0, EGRET_MMU_ALL);
	drm_dev_exit(idx);
}

/* Returns whether the card has answered. @command is one of EGRET_INV_CMD. */
static bool egret_mmu_start_and_wait(struct egret_device *edev, u32 command, u64 va, u64 size)
{
	u32 status;
	int ret;

	mutex_lock(&edev->invalidate_lock);
	/* Entries are written through a write-combined mapping. */
	wmb();
	egret_write64(edev, EGRET_REG_INV_ADDR, va);
	egret_write64(edev, EGRET_REG_INV_SIZE, size);
	egret_write(edev, EGRET_REG_INV_CMD, EGRET_INV_CMD_START | command);
	ret = readl_poll_timeout(edev->regs + EGRET_REG_INV_STATUS, status,
				 status == EGRET_GONE || !(status & EGRET_INV_STATUS_BUSY),
				 EGRET_INVALIDATE_POLL_US, EGRET_INVALIDATE_TIMEOUT_US);
	mutex_unlock(&edev->invalidate_lock);
	return !ret && status != EGRET_GONE;
}

/**
 * egret_mmu_restore() - give all contexts their page tables again
 * @edev: card, whose hardware is being started
 *
 * Return: 0, or -EIO: the card does not take them.
 */
int egret_mmu_restore(struct egret_device *edev)
{
	u32 context;

	for (context = 0; context < edev->info.contexts; context++)
		egret_write64(edev, EGRET_REG_CONTEXT(context), edev->roots[context]);
	/* Only now does the chip look at them. */
	return egret_mmu_start_and_wait(edev, EGRET_INV_CMD_ALL, 0, EGRET_MMU_ALL) ? 0 : -EIO;
}

/**
 * egret_mmu_invalidate() - make the card forget translations
 * @edev: card
 * @context: context
 * @va: first virtual address
 * @size: bytes, or EGRET_MMU_ALL
 *
 * Must be called inside of drm_dev_enter(), and outside of egret_hw_enter(). When it
 * returns, no unit uses an old entry or a table that was taken out: the memory may
 * be used for other things. A card that does not answer is reset, which has the same
 * effect, or given up, which takes its access to system memory away.
 */
void egret_mmu_invalidate(struct egret_device *edev, u32 context, u64 va, u64 size)
{
	bool done;

	if (!egret_hw_enter(edev))
		return;
	done = egret_mmu_start_and_wait(edev, FIELD_PREP(EGRET_INV_CMD_CONTEXT_MASK, context),
					va, size);
	egret_hw_exit(edev);
	if (!done)
		egret_reset_and_wait(edev, EGRET_RESET_LEVEL_ENGINES,
				     EGRET_RESET_CAUSE_MMU);
}
