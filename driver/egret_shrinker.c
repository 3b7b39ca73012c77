// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/**
 * DOC: Swapping
 *
 * When the host's memory is short, idle buffers in system memory are swapped out by
 * TTM, oldest first: they are cut off as any that move (egret_bo_cut_off()), and copied
 * to a shmem file, whose pages the kernel writes to swap space. The next execution, or
 * a page fault of the host, brings them back. Nobody is waited for: a buffer whose
 * jobs have not ended, or whose reservation is locked, is left alone.
 *
 * TTM copies a whole buffer before it frees any of its pages. So there must be free
 * memory for the copy, and a buffer that is larger than what is free is left alone: in
 * reclaim, allocations may take the kernel's last reserves, which must not be spent on
 * that. And without swap space the copy would free nothing.
 *
 * Page tables of a card that sleeps cannot be changed. Waking it takes locks under which
 * others allocate, so it is only asked for; reclaim comes back when it is awake.
 *
 * This runs in reclaim, with any locks held by the current task: all that it takes is
 * tried, or is a lock under which nothing is allocated, as for MMU notifiers.
 *
 * TTM itself swaps buffers out if its devices have more than half of the host's memory
 * together. That is not wanted: a limit is a limit (egret_ttm.c). egret_shrinker_wants()
 * tells the two apart.
 */
#include <linux/sched.h>
#include <linux/shrinker.h>
#include <linux/swap.h>
#include <linux/vmstat.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_resource.h>

#include "compat.h"
#include "egret_device.h"
#include "egret_hw.h"
#include "egret_pm.h"
#include "egret_shrinker.h"

static unsigned long egret_shrinker_count(struct shrinker *base, struct shrink_control *sc)
{
	struct egret_device *edev = base->private_data;
	u64 pages = ttm_resource_manager_usage(&edev->system) >> PAGE_SHIFT;
	long swap = get_nr_swap_pages();

	return swap > 0 && pages ? min_t(u64, pages, swap) : SHRINK_EMPTY;
}

/* Return: pages that were swapped out. */
static unsigned long egret_shrinker_swap(struct egret_device *edev, unsigned long count)
{
	struct ttm_operation_ctx ctx = { .no_wait_gpu = true };
	unsigned long done = 0;

	WRITE_ONCE(edev->shrinker.task, current);
	while (done < count) {
		int ret = ttm_device_swapout(&edev->ttm, &ctx, GFP_KERNEL);

		if (ret <= 0)
			break;
		done += ret;
	}
	WRITE_ONCE(edev->shrinker.task, NULL);
	atomic64_add(done, &edev->shrinker.pages);
	return done;
}

static unsigned long egret_shrinker_scan(struct shrinker *base, struct shrink_control *sc)
{
	struct egret_device *edev = base->private_data;
	unsigned long done = 0;

	/* One at a time, and not from inside. */
	if (!mutex_trylock(&edev->shrinker.lock))
		return SHRINK_STOP;
	if (egret_pm_get_if_awake(edev)) {
		if (egret_hw_is_up(edev))
			done = egret_shrinker_swap(edev, sc->nr_to_scan);
		egret_pm_put_unused(edev);
	} else {
		egret_pm_ask(edev);
	}
	mutex_unlock(&edev->shrinker.lock);
	return done ?: SHRINK_STOP;
}

/**
 * egret_shrinker_wants() - whether a buffer in system memory is to be swapped out
 * @edev: card
 * @tbo: buffer, locked
 *
 * Return: true if the current task swaps out, and may do so with this one.
 */
bool egret_shrinker_wants(struct egret_device *edev, struct ttm_buffer_object *tbo)
{
	if (READ_ONCE(edev->shrinker.task) != current)
		return false;
	/* What TTM makes of a buffer that is on its way has no device. */
	return tbo->base.dev && PFN_UP(tbo->base.size) <= global_zone_page_state(NR_FREE_PAGES);
}

/**
 * egret_shrinker_init() - begin to swap buffers out when memory is short
 * @edev: card
 *
 * Return: 0 or -ENOMEM.
 */
int egret_shrinker_init(struct egret_device *edev)
{
	struct shrinker *base = shrinker_alloc(0, "egret:%s", dev_name(edev->drm.dev));

	if (!base)
		return -ENOMEM;
	base->count_objects = egret_shrinker_count;
	base->scan_objects = egret_shrinker_scan;
	base->private_data = edev;
	edev->shrinker.base = base;
	shrinker_register(base);
	return 0;
}

/**
 * egret_shrinker_fini() - end it
 * @edev: card; may be called again
 *
 * Waits for who swaps out at the moment.
 */
void egret_shrinker_fini(struct egret_device *edev)
{
	shrinker_free(edev->shrinker.base);
	edev->shrinker.base = NULL;
}
