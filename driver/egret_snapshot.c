// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Copying the device memory that is in use to the host, and back to the same place.
 *
 * Buffers and page tables alike, since they hold each other's addresses; what is
 * free is not worth a copy, and is cleared before it is used. The processor copies
 * through BAR2, because there is no engine to do it: the hardware is stopped. That
 * is a matter of the bus's read bandwidth. The kernel cannot write to swap space
 * any more at this time, so the host needs as much free memory.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "egret_device.h"

/* Small enough to be found in fragmented memory. */
#define EGRET_SAVED_MAX	SZ_1M

/* A piece of device memory on the host. */
struct egret_saved {
	struct list_head link;
	u64 offset;
	size_t size;
	void *data;
};

static int egret_saved_add(struct egret_vram *vram, struct list_head *saved, u64 offset,
			   size_t size)
{
	struct egret_saved *s = kmalloc(sizeof(*s), GFP_KERNEL | __GFP_NOWARN);

	if (!s)
		return -ENOMEM;
	s->data = kvmalloc(size, GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY);
	if (!s->data) {
		kfree(s);
		return -ENOMEM;
	}
	s->offset = offset;
	s->size = size;
	list_add_tail(&s->link, saved);
	memcpy_fromio(s->data, vram->map + offset, size);
	return 0;
}

static int egret_saved_add_blocks(struct egret_vram *vram, struct list_head *saved,
				  struct list_head *blocks)
{
	struct gpu_buddy_block *block;
	int ret;

	list_for_each_entry(block, blocks, link) {
		u64 offset = gpu_buddy_block_offset(block);
		u64 end = offset + gpu_buddy_block_size(&vram->mm, block);

		for (; offset < end; offset += EGRET_SAVED_MAX) {
			ret = egret_saved_add(vram, saved, offset,
					      min_t(u64, end - offset, EGRET_SAVED_MAX));
			if (ret)
				return ret;
			cond_resched();
		}
	}
	return 0;
}

/**
 * egret_vram_forget() - free what was saved
 * @saved: list, which becomes empty
 */
void egret_vram_forget(struct list_head *saved)
{
	struct egret_saved *s, *next;

	list_for_each_entry_safe(s, next, saved, link) {
		/* It may be somebody's secret. */
		kvfree_sensitive(s->data, s->size);
		kfree(s);
	}
	INIT_LIST_HEAD(saved);
}

/**
 * egret_vram_save() - copy the device memory in use to the host
 * @edev: card, which nobody uses and which does nothing
 * @saved: empty list
 *
 * Return: 0, or -ENOMEM; then @saved is empty.
 */
int egret_vram_save(struct egret_device *edev, struct list_head *saved)
{
	struct egret_vram *vram = &edev->vram;
	struct egret_vram_resource *res;
	int ret;

	/* What was written through the write-combined mapping comes first. */
	wmb();
	mutex_lock(&vram->lock);
	ret = egret_saved_add_blocks(vram, saved, &vram->driver_blocks);
	list_for_each_entry(res, &vram->resources, node) {
		if (ret)
			break;
		ret = egret_saved_add_blocks(vram, saved, &res->blocks);
	}
	mutex_unlock(&vram->lock);
	if (ret)
		egret_vram_forget(saved);
	return ret;
}

/**
 * egret_vram_restore() - copy the device memory back
 * @edev: card, as in egret_vram_save()
 * @saved: what egret_vram_save() made
 */
void egret_vram_restore(struct egret_device *edev, const struct list_head *saved)
{
	const struct egret_saved *s;

	list_for_each_entry(s, saved, link) {
		memcpy_toio(edev->vram.map + s->offset, s->data, s->size);
		cond_resched();
	}
	/* Write-combined stores are in device memory before the card is set up again. */
	wmb();
}
