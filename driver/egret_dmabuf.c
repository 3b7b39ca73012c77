// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/**
 * DOC: Buffers shared with other devices
 *
 * Export. While another device is attached to a buffer that cannot reach the card's
 * memory, the buffer lives in system memory, whatever it was created for: it moves
 * there when that device wants its addresses, and back with the next execution
 * after the last such device has let go of it. A device that can reach the card's
 * memory (another card below the same switch, with a kernel that knows: pci_p2pdma)
 * gets addresses of it, and the buffer stays where it was made for; the card stays awake
 * for as long as they are mapped, since the other device cannot wake it. Importers that
 * can be told of moves are told (egret_dmabuf_notify(), after the page tables of the
 * card's own address spaces were cleared); for others the buffer is pinned. Which
 * of them pin is decided by the dma-buf core.
 *
 * Import. A buffer of another device has its exporter's reservation object, and for
 * TTM a place of its own (EGRET_PL_FOREIGN), which has no limit, because the memory is
 * not ours. It is attached for as long as it exists, and mapped (egret_tt.c) while it
 * is bound and its exporter does not move it. When that happens, it is cut off and
 * unmapped, and the next execution maps it again: as if it had been pushed out.
 *
 * Synchronisation is explicit, but other drivers do not know that. So jobs of an
 * address space with a buffer in it that another device has, or made, wait for the
 * fences of others in its reservation, and leave theirs there (egret_job.c).
 *
 * When the card goes: what it imported is unmapped and detached; the pages of what it
 * exported stay until the last importer is gone, since nobody can be made to let go
 * of them, and its device memory is not there any more, as any memory that is pulled.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/pci-p2pdma.h>
#include <linux/slab.h>
#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_prime.h>
#include <drm/ttm/ttm_placement.h>

#include "compat.h"
#include "egret_bo.h"
#include "egret_device.h"
#include "egret_dmabuf.h"
#include "egret_fence.h"
#include "egret_evict.h"
#include "egret_pm.h"
#include "egret_tt.h"

MODULE_IMPORT_NS_DMA_BUF;

static struct egret_bo *dmabuf_to_egret_bo(struct dma_buf *dmabuf)
{
	return to_egret_bo(dmabuf->priv);
}

static void egret_dmabuf_list(struct egret_device *edev, struct egret_bo *bo)
{
	mutex_lock(&edev->shared_lock);
	list_add_tail(&bo->shared_link, &edev->shared);
	mutex_unlock(&edev->shared_lock);
}

static void egret_dmabuf_unlist(struct egret_device *edev, struct egret_bo *bo)
{
	mutex_lock(&edev->shared_lock);
	list_del_init(&bo->shared_link);
	mutex_unlock(&edev->shared_lock);
}

/* ---- export ------------------------------------------------------------------- */

/* One more outside of this driver has a buffer, which is locked. */
static void egret_dmabuf_lend(struct egret_bo *bo, struct dma_buf *dmabuf, bool far)
{
	if (!bo->attachments++) {
		/* What is executed from now on is for others to wait for. */
		egret_fence_close_groups(bo->ttm.base.resv);
		bo->exported = dmabuf;
		egret_dmabuf_list(to_egret_device(bo->ttm.base.dev), bo);
	}
	if (far)
		bo->far_attachments++;
}

static void egret_dmabuf_take_back(struct egret_bo *bo, bool far)
{
	/* Then it may go back to where it was made for. */
	if (far && !--bo->far_attachments)
		egret_bo_mark_evicted(bo);
	if (!--bo->attachments) {
		bo->exported = NULL;
		egret_dmabuf_unlist(to_egret_device(bo->ttm.base.dev), bo);
	}
}

static int egret_dmabuf_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct egret_bo *bo = dmabuf_to_egret_bo(dmabuf);
	struct egret_device *edev = to_egret_device(bo->ttm.base.dev);
	int idx, ret = 0;

	if (!drm_dev_enter(&edev->drm, &idx))
		return -ENODEV;
	if (pci_p2pdma_distance(edev->pdev, attach->dev, false) < 0)
		attach->peer2peer = false;
	/* The memory that it would live in is only for this card (egret_tt.c). */
	if (!attach->peer2peer && edev->needs_bounce) {
		ret = -EOPNOTSUPP;
	} else {
		dma_resv_lock(dmabuf->resv, NULL);
		egret_dmabuf_lend(bo, dmabuf, !attach->peer2peer);
		dma_resv_unlock(dmabuf->resv);
	}
	drm_dev_exit(idx);
	return ret;
}

static void egret_dmabuf_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	dma_resv_lock(dmabuf->resv, NULL);
	egret_dmabuf_take_back(dmabuf_to_egret_bo(dmabuf), !attach->peer2peer);
	dma_resv_unlock(dmabuf->resv);
}

/* The card is there, and awake: for what others ask of its buffers. */
static int egret_dmabuf_enter(struct egret_device *edev, int *idx)
{
	int ret = egret_pm_get(edev);

	if (ret)
		return ret;
	if (drm_dev_enter(&edev->drm, idx))
		return 0;
	egret_pm_put(edev);
	return -ENODEV;
}

static void egret_dmabuf_exit(struct egret_device *edev, int idx)
{
	drm_dev_exit(idx);
	egret_pm_put(edev);
}

/* Bring a buffer to where all that are attached can reach it. */
static int egret_dmabuf_place(struct egret_bo *bo)
{
	if (bo->ttm.pin_count)
		/* One that is closer has pinned it before the other came. */
		return egret_bo_is_placed(bo) ? 0 : -EBUSY;
	return egret_bo_place(bo, bo->ttm.base.resv);
}

/* Pages that are pinned before the card goes are kept: egret_dmabuf_remove_one(). */
static int egret_dmabuf_place_and_pin(struct egret_bo *bo)
{
	struct egret_device *edev = to_egret_device(bo->ttm.base.dev);
	int idx, ret;

	ret = egret_dmabuf_enter(edev, &idx);
	if (ret)
		return ret;
	ret = egret_dmabuf_place(bo);
	if (!ret)
		ttm_bo_pin(&bo->ttm);
	egret_dmabuf_exit(edev, idx);
	return ret;
}

static int egret_dmabuf_pin(struct dma_buf_attachment *attach)
{
	return egret_dmabuf_place_and_pin(dmabuf_to_egret_bo(attach->dmabuf));
}

static void egret_dmabuf_unpin(struct dma_buf_attachment *attach)
{
	ttm_bo_unpin(&dmabuf_to_egret_bo(attach->dmabuf)->ttm);
}

static unsigned int egret_vram_count_segments(struct egret_bo *bo, u64 max)
{
	struct egret_bo_cursor cursor;
	u64 left = bo->ttm.base.size, addr;
	unsigned int n = 0;

	egret_bo_cursor_init(&cursor, bo, 0);
	for (; left; n++)
		left -= egret_bo_cursor_next(&cursor, min(left, max), &addr);
	return n;
}

/* Device memory has no pages; the buffer may be elsewhere when it is unmapped. */
static bool egret_sg_is_vram(const struct sg_table *sgt)
{
	return !sg_page(sgt->sgl);
}

static void egret_vram_unmap_sg(struct device *dev, struct sg_table *sgt, unsigned int count,
				enum dma_data_direction dir)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sg(sgt->sgl, sg, count, i)
		dma_unmap_resource(dev, sg_dma_address(sg), sg_dma_len(sg), dir,
				   DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(sgt);
	kfree(sgt);
}

/* The addresses of device memory for another device, through its IOMMU if there is one. */
static struct sg_table *egret_vram_map_sg(struct egret_bo *bo, struct device *dev,
					  enum dma_data_direction dir)
{
	struct egret_device *edev = to_egret_device(bo->ttm.base.dev);
	u64 max = min(SZ_1G, ALIGN_DOWN(dma_get_max_seg_size(dev), PAGE_SIZE));
	u64 left = bo->ttm.base.size, addr, size;
	struct egret_bo_cursor cursor;
	struct scatterlist *sg;
	struct sg_table *sgt;
	unsigned int i;
	int ret;

	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	ret = sg_alloc_table(sgt, egret_vram_count_segments(bo, max), GFP_KERNEL);
	if (ret) {
		kfree(sgt);
		return ERR_PTR(ret);
	}
	egret_bo_cursor_init(&cursor, bo, 0);
	for_each_sgtable_sg(sgt, sg, i) {
		dma_addr_t dma;

		size = egret_bo_cursor_next(&cursor, min(left, max), &addr);
		left -= size;
		dma = dma_map_resource(dev, edev->vram.bus_addr + addr, size, dir,
				       DMA_ATTR_SKIP_CPU_SYNC);
		ret = dma_mapping_error(dev, dma);
		if (ret) {
			egret_vram_unmap_sg(dev, sgt, i, dir);
			return ERR_PTR(ret);
		}
		sg_set_page(sg, NULL, size, 0);
		sg_dma_address(sg) = dma;
		sg_dma_len(sg) = size;
	}
	return sgt;
}

/* Not drm_prime_pages_to_sg(), whose segments are as long as the card takes them, not @dev. */
static struct sg_table *egret_system_map_sg(struct egret_bo *bo, struct device *dev,
					    enum dma_data_direction dir)
{
	struct ttm_tt *tt = bo->ttm.ttm;
	struct sg_table *sgt;
	int ret;

	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	ret = sg_alloc_table_from_pages_segment(sgt, tt->pages, tt->num_pages, 0,
						(size_t)tt->num_pages << PAGE_SHIFT,
						dma_get_max_seg_size(dev), GFP_KERNEL);
	if (ret)
		goto err_free;
	ret = dma_map_sgtable(dev, sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
	if (ret)
		goto err_free_table;
	return sgt;

err_free_table:
	sg_free_table(sgt);
err_free:
	kfree(sgt);
	return ERR_PTR(ret);
}

static struct sg_table *egret_dmabuf_map(struct dma_buf_attachment *attach,
					 enum dma_data_direction dir)
{
	struct egret_bo *bo = dmabuf_to_egret_bo(attach->dmabuf);
	struct egret_device *edev = to_egret_device(bo->ttm.base.dev);
	struct sg_table *sgt;
	int idx, ret;

	ret = egret_dmabuf_enter(edev, &idx);
	if (ret)
		return ERR_PTR(ret);
	ret = egret_dmabuf_place(bo);
	if (ret)
		sgt = ERR_PTR(ret);
	else if (egret_bo_is_vram(bo))
		sgt = egret_vram_map_sg(bo, attach->dev, dir);
	else
		sgt = egret_system_map_sg(bo, attach->dev, dir);
	/* Until it is unmapped. */
	if (!IS_ERR(sgt) && egret_sg_is_vram(sgt))
		egret_pm_get_awake(edev);
	egret_dmabuf_exit(edev, idx);
	return sgt;
}

static void egret_dmabuf_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			       enum dma_data_direction dir)
{
	struct egret_bo *bo = dmabuf_to_egret_bo(attach->dmabuf);

	if (egret_sg_is_vram(sgt)) {
		egret_vram_unmap_sg(attach->dev, sgt, sgt->orig_nents, dir);
		egret_pm_put(to_egret_device(bo->ttm.base.dev));
		return;
	}
	dma_unmap_sgtable(attach->dev, sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(sgt);
	kfree(sgt);
}

/* For the kernel's own use: in system memory, and pinned there until it is unmapped. */
static int egret_dmabuf_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct egret_bo *bo = dmabuf_to_egret_bo(dmabuf);
	int ret;

	egret_dmabuf_lend(bo, dmabuf, true);
	ret = egret_dmabuf_place_and_pin(bo);
	if (ret)
		goto err_take_back;
	ret = ttm_bo_vmap(&bo->ttm, map);
	if (ret)
		goto err_unpin;
	return 0;

err_unpin:
	ttm_bo_unpin(&bo->ttm);
err_take_back:
	egret_dmabuf_take_back(bo, true);
	return ret;
}

static void egret_dmabuf_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct egret_bo *bo = dmabuf_to_egret_bo(dmabuf);

	ttm_bo_vunmap(&bo->ttm, map);
	ttm_bo_unpin(&bo->ttm);
	egret_dmabuf_take_back(bo, true);
}

static const struct dma_buf_ops egret_dmabuf_ops = {
	.attach = egret_dmabuf_attach,
	.detach = egret_dmabuf_detach,
	.pin = egret_dmabuf_pin,
	.unpin = egret_dmabuf_unpin,
	.map_dma_buf = egret_dmabuf_map,
	.unmap_dma_buf = egret_dmabuf_unmap,
	.release = drm_gem_dmabuf_release,
	.mmap = drm_gem_dmabuf_mmap,
	.vmap = egret_dmabuf_vmap,
	.vunmap = egret_dmabuf_vunmap,
};

/**
 * egret_dmabuf_export() - &drm_gem_object_funcs.export
 * @obj: buffer
 * @flags: O_CLOEXEC, O_RDWR
 *
 * Return: a dma-buf, or -EPERM if the buffer is private to an address space, -ENOMEM.
 */
struct dma_buf *egret_dmabuf_export(struct drm_gem_object *obj, int flags)
{
	struct dma_buf_export_info info = {
		.exp_name = KBUILD_MODNAME,
		.owner = THIS_MODULE,
		.ops = &egret_dmabuf_ops,
		.size = obj->size,
		.flags = flags,
		.priv = obj,
		.resv = obj->resv,
	};

	if (to_egret_bo(obj)->vm_root)
		return ERR_PTR(-EPERM);
	return drm_gem_dmabuf_export(obj->dev, &info);
}

/**
 * egret_dmabuf_notify() - tell importers that a buffer's memory changes
 * @bo: buffer, locked, which nobody uses
 */
void egret_dmabuf_notify(struct egret_bo *bo)
{
	if (bo->exported)
		dma_buf_move_notify(bo->exported);
}

/* ---- import ---------------------------------------------------------------------- */

/* Take an imported buffer from the card: its exporter moves it. */
static void egret_import_cut_off(struct egret_bo *bo)
{
	struct ttm_operation_ctx ctx = {};

	/* The exporter would have to wait for our jobs, too. They end. */
	while (egret_bo_cut_off(bo, &ctx))
		;
	/* It has none before it is bound for the first time. */
	if (bo->ttm.ttm)
		egret_tt_unmap_import(bo->ttm.ttm);
}

static void egret_import_move_notify(struct dma_buf_attachment *attach)
{
	egret_import_cut_off(to_egret_bo(attach->importer_priv));
}

static const struct dma_buf_attach_ops egret_import_ops = {
	.allow_peer2peer = true,
	.move_notify = egret_import_move_notify,
};

static struct drm_gem_object *egret_dmabuf_import_foreign(struct egret_device *edev,
							  struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;
	struct egret_bo *bo;

	if (!dmabuf->size || !PAGE_ALIGNED(dmabuf->size))
		return ERR_PTR(-EINVAL);
	bo = egret_bo_create_foreign(edev, dmabuf);
	if (IS_ERR(bo))
		return ERR_CAST(bo);
	attach = dma_buf_dynamic_attach(dmabuf, edev->drm.dev, &egret_import_ops,
					&bo->ttm.base);
	if (IS_ERR(attach)) {
		drm_gem_object_put(&bo->ttm.base);
		return ERR_CAST(attach);
	}
	bo->ttm.base.import_attach = attach;
	egret_dmabuf_list(edev, bo);
	return &bo->ttm.base;
}

/**
 * egret_dmabuf_import() - &drm_driver.gem_prime_import
 * @drm: card
 * @dmabuf: dma-buf
 *
 * Return: the buffer itself if it is one of this card's, otherwise a buffer that stands for
 * it; or an error pointer: -EINVAL, -ENODEV, -ENOMEM, or what the exporter says.
 */
struct drm_gem_object *egret_dmabuf_import(struct drm_device *drm, struct dma_buf *dmabuf)
{
	struct egret_device *edev = to_egret_device(drm);
	struct drm_gem_object *obj;
	int ret;

	if (dmabuf->ops == &egret_dmabuf_ops) {
		obj = dmabuf->priv;
		if (obj->dev == drm) {
			drm_gem_object_get(obj);
			return obj;
		}
	}
	/* remove() detaches all there are. */
	ret = egret_evict_begin(edev, false);
	if (ret)
		return ERR_PTR(ret);
	obj = egret_dmabuf_import_foreign(edev, dmabuf);
	egret_evict_end(edev, false);
	return obj;
}

static void egret_import_detach(struct egret_bo *bo)
{
	struct dma_buf_attachment *attach = bo->ttm.base.import_attach;

	if (!attach)
		return;
	bo->ttm.base.import_attach = NULL;
	dma_buf_detach(bo->source, attach);
}

/**
 * egret_dmabuf_release_import() - let go of the source of an imported buffer
 * @bo: buffer, which is about to be freed and is not mapped any more
 */
void egret_dmabuf_release_import(struct egret_bo *bo)
{
	if (!bo->source)
		return;
	egret_dmabuf_unlist(to_egret_device(bo->ttm.base.dev), bo);
	egret_import_detach(bo);
	dma_buf_put(bo->source);
}

/* ---- the card goes ------------------------------------------------------------------ */

static void egret_dmabuf_remove_one(struct egret_bo *bo)
{
	dma_resv_lock(bo->ttm.base.resv, NULL);
	if (bo->source)
		egret_import_cut_off(bo);
	else
		egret_dmabuf_notify(bo);
	if (!bo->source && bo->ttm.pin_count && bo->ttm.ttm)
		egret_tt_keep(bo->ttm.ttm);
	dma_resv_unlock(bo->ttm.base.resv);
	if (bo->source)
		egret_import_detach(bo);
}

static struct egret_bo *egret_dmabuf_next(struct egret_device *edev)
{
	struct egret_bo *bo, *found = NULL;

	mutex_lock(&edev->shared_lock);
	list_for_each_entry(bo, &edev->shared, shared_link) {
		if (bo->shared_done || !kref_get_unless_zero(&bo->ttm.base.refcount))
			continue;
		bo->shared_done = true;
		found = bo;
		break;
	}
	mutex_unlock(&edev->shared_lock);
	return found;
}

/**
 * egret_dmabuf_remove() - end what other devices and this one share
 * @edev: card, stopped and unplugged; nothing is imported or mapped from here on
 *
 * Inside of egret_evict_lock, exclusively.
 */
void egret_dmabuf_remove(struct egret_device *edev)
{
	struct egret_bo *bo;

	while ((bo = egret_dmabuf_next(edev))) {
		egret_dmabuf_remove_one(bo);
		drm_gem_object_put(&bo->ttm.base);
	}
}
