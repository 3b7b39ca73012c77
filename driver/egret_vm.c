// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/**
 * DOC: Address spaces
 *
 * An address space (VM) is a hardware context with its page tables, and a
 * drm_gpuvm that knows which part of which buffer is bound where. User space
 * chooses the addresses and says so with DRM_EGRET_VM_BIND; nothing is bound
 * implicitly, and executing does not look at addresses at all. Binding is explained in
 * egret_bind.c.
 *
 * Buffers that are private to an address space share its reservation object, so
 * an execution locks one reservation and adds one fence, however many of them
 * there are. Other buffers have their own and are found in the gpuvm's list of
 * external objects.
 *
 * References. Files (through the ID), queues and binds are users of an address
 * space. When the last user goes, the context is cut off and everything is unbound. The
 * structure lives until the last binding's reference to it is gone, too.
 * Bindings hold references of buffers. A private buffer does not hold its address
 * space, but only the reservation object, so there is no circle.
 *
 * Locks, outer first (all in Documentation/accel/egret/locking.rst): reservation
 * objects, &egret_pgtable.lock, &egret_device.invalidate_lock. The latter two are
 * taken without allocating under them, so they may be used on the fence-signalling
 * path, where asynchronous binds run.
 */
#include <linux/slab.h>
#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_print.h>

#include "compat.h"
#include "egret_bind.h"
#include "egret_client.h"
#include "egret_device.h"
#include "egret_hw.h"
#include "egret_mmu.h"
#include "egret_vm.h"

/* ---- page tables of an address space ---------------------------------------- */

static struct egret_vm *pgt_to_vm(struct egret_pgtable *pgt)
{
	return container_of(pgt, struct egret_vm, pgt);
}

static int egret_vm_pt_alloc(struct egret_pgtable *pgt, struct egret_pt *pt)
{
	struct egret_device *edev = pgt_to_vm(pgt)->edev;
	struct gpu_buddy_block *block;
	int idx;

	if (!drm_dev_enter(&edev->drm, &idx))
		return -ENODEV;
	block = egret_vram_alloc_page(edev);
	if (!IS_ERR(block)) {
		pt->priv = block;
		pt->addr = gpu_buddy_block_offset(block);
		pt->map = edev->vram.map + pt->addr;
		if (egret_hw_enter(edev)) {
			memset_io(pt->map, 0, SZ_4K);
			egret_hw_exit(edev);
		}
	}
	drm_dev_exit(idx);
	return PTR_ERR_OR_ZERO(block);
}

static void egret_vm_pt_free(struct egret_pgtable *pgt, struct egret_pt *pt)
{
	egret_vram_free_block(pgt_to_vm(pgt)->edev, pt->priv);
}

/* Entries are in device memory, and would be lost while the hardware is down. */
static bool egret_vm_pt_begin(struct egret_pgtable *pgt)
{
	return egret_hw_enter(pgt_to_vm(pgt)->edev);
}

static void egret_vm_pt_end(struct egret_pgtable *pgt)
{
	egret_hw_exit(pgt_to_vm(pgt)->edev);
}

static const struct egret_pgtable_ops egret_vm_pt_ops = {
	.alloc = egret_vm_pt_alloc,
	.free = egret_vm_pt_free,
	.begin = egret_vm_pt_begin,
	.end = egret_vm_pt_end,
};

/**
 * egret_vm_trim() - remove and free tables that are not needed
 * @vm: address space; its reservation is locked
 * @va: first virtual address of the tables to look at
 * @size: bytes
 * @unused: tables that were taken out already
 * @changed: whether entries in the range have changed, so that the card has to forget
 *	the range in any case
 *
 * Inside of drm_dev_enter().
 */
void egret_vm_trim(struct egret_vm *vm, u64 va, u64 size, struct list_head *unused,
		   bool changed)
{
	egret_pgtable_trim(&vm->pgt, va, size, unused);
	if (changed || !list_empty(unused))
		egret_mmu_invalidate(vm->edev, vm->context, va, size);
	egret_pgtable_free_list(&vm->pgt, unused);
}

/**
 * egret_vm_map_kernel() - map memory for the rings of the kernel
 * @vm: address space
 * @va: address in the kernel's part of it
 * @addr: bus address of the memory
 * @size: bytes
 * @flags: EGRET_PTE_*
 *
 * Return: 0, or a negative errno.
 */
int egret_vm_map_kernel(struct egret_vm *vm, u64 va, u64 addr, u64 size, u64 flags)
{
	struct dma_resv *resv = drm_gpuvm_resv(&vm->base);
	LIST_HEAD(unused);
	int idx, ret;

	ret = dma_resv_lock_interruptible(resv, NULL);
	if (ret)
		return ret;
	if (!drm_dev_enter(&vm->edev->drm, &idx)) {
		ret = -ENODEV;
		goto out_unlock;
	}
	ret = egret_pgtable_populate(&vm->pgt, va, addr, size);
	if (!ret) {
		egret_pgtable_map(&vm->pgt, va, addr, size, flags, &unused);
		egret_pgtable_release(&vm->pgt, va, addr, size);
	}
	egret_vm_trim(vm, va, size, &unused, false);
	drm_dev_exit(idx);
out_unlock:
	dma_resv_unlock(resv);
	return ret;
}

/**
 * egret_vm_unmap_kernel() - undo egret_vm_map_kernel()
 * @vm: address space
 * @va: address
 * @size: bytes
 */
void egret_vm_unmap_kernel(struct egret_vm *vm, u64 va, u64 size)
{
	struct dma_resv *resv = drm_gpuvm_resv(&vm->base);
	LIST_HEAD(unused);
	int idx;

	if (!drm_dev_enter(&vm->edev->drm, &idx))
		return;
	dma_resv_lock(resv, NULL);
	egret_vm_trim(vm, va, size, &unused, egret_pgtable_unmap(&vm->pgt, va, size));
	dma_resv_unlock(resv);
	drm_dev_exit(idx);
}

/* ---- life -------------------------------------------------------------------------- */

/**
 * egret_vm_create() - make an address space
 * @edev: card
 * @client: whose it is, or NULL: the kernel's
 *
 * Return: the address space with a user's reference, or an error pointer: -ENODEV,
 * -ENOSPC, -ENOMEM.
 */
struct egret_vm *egret_vm_create(struct egret_device *edev, struct egret_client *client)
{
	struct drm_gem_object *root;
	struct egret_vm *vm;
	int ret;

	vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return ERR_PTR(-ENOMEM);
	vm->edev = edev;
	kref_init(&vm->users);
	egret_vm_init_binds(vm);
	ttm_lru_bulk_move_init(&vm->lru);
	vm->used = jiffies;

	ret = egret_mmu_context_alloc(edev);
	if (ret < 0)
		goto err_free;
	vm->context = ret;
	ret = egret_pgtable_init(&vm->pgt, &egret_vm_pt_ops);
	if (ret)
		goto err_context;
	root = drm_gpuvm_resv_object_alloc(&edev->drm);
	if (!root) {
		ret = -ENOMEM;
		goto err_pgtable;
	}
	drm_gpuvm_init(&vm->base, "egret", 0, &edev->drm, root, EGRET_VM_START,
		       EGRET_VA_END - EGRET_VM_START, EGRET_VM_KERNEL_START,
		       EGRET_VM_KERNEL_SIZE, &egret_vm_ops);
	/* The gpuvm has its own reference. */
	drm_gem_object_put(root);

	egret_mmu_context_set(edev, vm->context, egret_pgtable_root_entry(&vm->pgt));
	vm->client = egret_client_get(client);
	mutex_lock(&edev->vms_lock);
	list_add_tail(&vm->link, &edev->vms);
	mutex_unlock(&edev->vms_lock);
	return vm;

err_pgtable:
	egret_pgtable_fini(&vm->pgt);
err_context:
	egret_mmu_context_free(edev, vm->context);
err_free:
	kfree(vm);
	return ERR_PTR(ret);
}

/* The last user is gone: nobody else looks at the tree or the page tables. */
static void egret_vm_release(struct kref *kref)
{
	struct egret_vm *vm = container_of(kref, struct egret_vm, users);

	mutex_lock(&vm->edev->vms_lock);
	list_del(&vm->link);
	mutex_unlock(&vm->edev->vms_lock);
	egret_client_put(vm->client);
	egret_mmu_context_set(vm->edev, vm->context, 0);
	egret_vm_fini_binds(vm);
	ttm_lru_bulk_move_fini(&vm->edev->ttm, &vm->lru);
	egret_pgtable_fini(&vm->pgt);
	egret_mmu_context_free(vm->edev, vm->context);
	drm_gpuvm_put(&vm->base);
}

/**
 * egret_vm_put() - give up a reference of a user
 * @vm: address space
 *
 * May sleep, and lock reservations.
 */
void egret_vm_put(struct egret_vm *vm)
{
	kref_put(&vm->users, egret_vm_release);
}

/**
 * egret_vm_lookup() - find an address space by its ID
 * @efile: file
 * @id: ID
 *
 * Return: the address space with a reference, or NULL.
 */
struct egret_vm *egret_vm_lookup(struct egret_file *efile, u32 id)
{
	struct egret_vm *vm;

	xa_lock(&efile->vms);
	vm = xa_load(&efile->vms, id);
	if (vm)
		egret_vm_get(vm);
	xa_unlock(&efile->vms);
	return vm;
}

/**
 * egret_vm_next() - go through all address spaces of a card
 * @edev: card
 * @vm: the last one, whose reference goes; NULL to begin
 *
 * Return: the next one with a reference, or NULL.
 */
struct egret_vm *egret_vm_next(struct egret_device *edev, struct egret_vm *vm)
{
	struct egret_vm *next;

	mutex_lock(&edev->vms_lock);
	next = vm ? vm : list_entry(&edev->vms, struct egret_vm, link);
	list_for_each_entry_continue(next, &edev->vms, link)
		if (kref_get_unless_zero(&next->users))
			break;
	if (list_entry_is_head(next, &edev->vms, link))
		next = NULL;
	mutex_unlock(&edev->vms_lock);
	if (vm)
		egret_vm_put(vm);
	return next;
}

/**
 * egret_vm_close_all() - destroy the address spaces of a file
 * @efile: file, which nobody uses any more
 */
void egret_vm_close_all(struct egret_file *efile)
{
	struct egret_vm *vm;
	unsigned long id;

	xa_for_each(&efile->vms, id, vm) {
		xa_erase(&efile->vms, id);
		egret_vm_put(vm);
	}
}

int egret_vm_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct egret_file *efile = file->driver_priv;
	struct drm_egret_vm_create *args = data;
	struct egret_vm *vm;
	int ret;

	if (args->flags)
		return -EINVAL;
	vm = egret_vm_create(to_egret_device(drm), efile->client);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	ret = xa_alloc(&efile->vms, &args->vm_id, vm, EGRET_FILE_IDS, GFP_KERNEL);
	if (ret)
		egret_vm_put(vm);
	return ret;
}

int egret_vm_destroy_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct egret_file *efile = file->driver_priv;
	struct drm_egret_vm_destroy *args = data;
	struct egret_vm *vm;

	if (args->pad)
		return -EINVAL;
	vm = xa_erase(&efile->vms, args->vm_id);
	if (!vm)
		return -ENOENT;
	egret_vm_put(vm);
	return 0;
}
