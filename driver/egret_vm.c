// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/**
 * DOC: Address spaces
 *
 * An address space (VM) is a hardware context with its page tables, and a
 * drm_gpuvm that knows which part of which buffer is bound where. User space
 * chooses the addresses and says so with DRM_EGRET_VM_BIND; nothing is bound
 * implicitly, and executing does not look at addresses at all.
 *
 * A bind of many operations is done as a whole or not at all, and a later
 * operation may build on an earlier one. It has these phases:
 *
 * 1. Copy and check all arguments, look up the buffers. No lock.
 * 2. Allocate the binding structures that the worst case needs: a map can cut
 *    one binding in two and add one, an unmap can cut one in two. No lock.
 * 3. Lock the reservations of the address space, of all shared buffers bound
 *    in it, and of the buffers to be bound.
 * 4. Make page tables (egret_pgtable.c: this changes no translation).
 * 5. Change the tree of bindings and the page tables. Cannot fail.
 * 6. Invalidate the MMU's caches once, for all. Only now is anything let go that
 *    the card could still reach: bindings, and with them the last references of
 *    buffers, and page tables that became empty.
 *
 * Until phase 5 a failure leaves nothing behind but empty page tables, which are
 * trimmed in phase 6, done in either case.
 *
 * So memory never goes to somebody else while the card has a translation to it.
 * Nothing waits for jobs: a job that loses a binding that it needs faults.
 *
 * Buffers that are private to an address space share its reservation object, so
 * an execution locks one reservation and adds one fence, however many of them
 * there are. Other buffers have their own and are found in the gpuvm's list of
 * external objects.
 *
 * Rejected alternatives:
 *
 * - Undoing a bind that fails half way. The undoing may need memory, too.
 * - A lock of its own for the tree of bindings. Every path that changes it needs
 *   the reservations anyway, to add and remove buffers' bindings.
 * - Letting the processor's reads of the page tables find out what is mapped.
 *   They are slow over the bus; see egret_pgtable.c.
 *
 * References. Files (through the ID) and queues are users of an address space.
 * When the last user goes, the context is cut off and everything is unbound. The
 * structure lives until the last binding's reference to it is gone, too.
 * Bindings hold references of buffers. A private buffer does not hold its address
 * space, but only the reservation object, so there is no circle.
 *
 * Locks, outer first (all in Documentation/accel/egret/locking.rst): reservation
 * objects, &egret_pgtable.lock, &egret_device.invalidate_lock. The latter two are
 * taken without allocating under them, so they may be used on the fence-signalling
 * path, where asynchronous binds will run.
 */
#include <linux/slab.h>
#include <drm/drm_drv.h>
#include <drm/drm_exec.h>
#include <drm/drm_gem.h>
#include <drm/drm_print.h>

#include "compat.h"
#include "egret_bo.h"
#include "egret_device.h"
#include "egret_array.h"
#include "egret_mmu.h"
#include "egret_trace.h"
#include "egret_vm.h"

/**
 * struct egret_vma - a binding
 */
struct egret_vma {
	/** @base: Base. */
	struct drm_gpuva base;
	/** @flags: EGRET_PTE_* of its access rights. Constant. */
	u64 flags;
	/** @link: In a list of &struct egret_bind, before and after its life. */
	struct list_head link;
};

static struct egret_vma *to_egret_vma(struct drm_gpuva *va)
{
	return container_of(va, struct egret_vma, base);
}

/* Most structures that an operation uses up. */
#define EGRET_VMAS_FOR_MAP	3
#define EGRET_VMAS_FOR_UNMAP	2

/**
 * struct egret_bind - a DRM_EGRET_VM_BIND in progress
 */
struct egret_bind {
	/** @vm: Address space. */
	struct egret_vm *vm;
	/** @ops: Operations, checked. */
	struct drm_egret_bind_op *ops;
	/** @bos: Buffer of each operation, referenced, or NULL. */
	struct egret_bo **bos;
	/** @vm_bos: Of each operation that maps, referenced, from phase 4 on. */
	struct drm_gpuvm_bo **vm_bos;
	/** @count: Number of operations. */
	u32 count;
	/** @current_op: Operation that is being done. */
	u32 current_op;
	/** @exec: Locks. */
	struct drm_exec exec;
	/** @spare: Unused bindings. */
	struct list_head spare;
	/** @removed: Bindings that are out of the tree, but still hold their buffer. */
	struct list_head removed;
	/** @start: First address that any operation touches. */
	u64 start;
	/** @end: First address behind all of them. */
	u64 end;
	/** @changed: Whether the MMU may have cached something that is outdated. */
	bool changed;
};

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
		memset_io(pt->map, 0, SZ_4K);
	}
	drm_dev_exit(idx);
	return PTR_ERR_OR_ZERO(block);
}

static void egret_vm_pt_free(struct egret_pgtable *pgt, struct egret_pt *pt)
{
	egret_vram_free_block(pgt_to_vm(pgt)->edev, pt->priv);
}

static const struct egret_pgtable_ops egret_vm_pt_ops = {
	.alloc = egret_vm_pt_alloc,
	.free = egret_vm_pt_free,
};

/* Remove and free tables that are empty, and make the card forget the range. */
static void egret_vm_trim(struct egret_vm *vm, u64 va, u64 size, bool changed)
{
	LIST_HEAD(unused);

	egret_pgtable_trim(&vm->pgt, va, size, &unused);
	if (changed || !list_empty(&unused))
		egret_mmu_invalidate(vm->edev, vm->context, va, size);
	egret_pgtable_free_list(&vm->pgt, &unused);
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
	int idx, ret;

	ret = dma_resv_lock_interruptible(resv, NULL);
	if (ret)
		return ret;
	if (!drm_dev_enter(&vm->edev->drm, &idx)) {
		ret = -ENODEV;
		goto out_unlock;
	}
	ret = egret_pgtable_populate(&vm->pgt, va, addr, size);
	if (ret)
		egret_vm_trim(vm, va, size, false);
	else
		egret_pgtable_map(&vm->pgt, va, addr, size, flags);
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
	int idx;

	if (!drm_dev_enter(&vm->edev->drm, &idx))
		return;
	dma_resv_lock(resv, NULL);
	egret_vm_trim(vm, va, size, egret_pgtable_unmap(&vm->pgt, va, size));
	dma_resv_unlock(resv);
	drm_dev_exit(idx);
}

/* ---- steps that drm_gpuvm divides an operation into -------------------------- */

static struct egret_vma *egret_bind_take_vma(struct egret_bind *bind, u64 flags)
{
	struct egret_vma *vma = list_first_entry(&bind->spare, struct egret_vma, link);

	list_del_init(&vma->link);
	vma->flags = flags;
	return vma;
}

static void egret_bind_remove_vma(struct egret_bind *bind, struct egret_vma *vma)
{
	list_add_tail(&vma->link, &bind->removed);
}

static u64 egret_bind_pte_flags(const struct drm_egret_bind_op *op, struct egret_bo *bo)
{
	u64 flags = egret_bo_is_vram(bo) ? 0 : EGRET_PTE_SYSTEM;

	if (op->flags & DRM_EGRET_BIND_READ)
		flags |= EGRET_PTE_READ;
	if (op->flags & DRM_EGRET_BIND_WRITE)
		flags |= EGRET_PTE_WRITE;
	if (op->flags & DRM_EGRET_BIND_EXEC)
		flags |= EGRET_PTE_EXEC;
	return flags;
}

static int egret_vm_step_map(struct drm_gpuva_op *gop, void *priv)
{
	struct egret_bind *bind = priv;
	const struct drm_egret_bind_op *op = &bind->ops[bind->current_op];
	struct egret_bo *bo = bind->bos[bind->current_op];
	struct drm_gpuvm_bo *vm_bo = bind->vm_bos[bind->current_op];
	struct egret_vma *vma = egret_bind_take_vma(bind, egret_bind_pte_flags(op, bo));
	struct egret_bo_cursor cursor;
	u64 va = op->va, end = op->va + op->size;

	drm_gpuva_map(&bind->vm->base, &vma->base, &gop->map);
	drm_gpuva_link(&vma->base, vm_bo);
	drm_gpuvm_bo_extobj_add(vm_bo);

	egret_bo_cursor_init(&cursor, bo, op->offset);
	while (va < end) {
		u64 addr, size = egret_bo_cursor_next(&cursor, end - va, &addr);

		bind->changed |= egret_pgtable_map(&bind->vm->pgt, va, addr, size, vma->flags);
		va += size;
	}
	return 0;
}

/*
 * The remaining parts of a binding keep their page table entries, and the part
 * that goes is unmapped or overwritten with the whole range of the operation.
 */
static int egret_vm_step_remap(struct drm_gpuva_op *gop, void *priv)
{
	struct egret_bind *bind = priv;
	struct drm_gpuva_op_remap *remap = &gop->remap;
	struct egret_vma *old = to_egret_vma(remap->unmap->va);
	struct egret_vma *prev = NULL, *next = NULL;

	if (remap->prev)
		prev = egret_bind_take_vma(bind, old->flags);
	if (remap->next)
		next = egret_bind_take_vma(bind, old->flags);
	drm_gpuva_remap(prev ? &prev->base : NULL, next ? &next->base : NULL, remap);
	if (prev)
		drm_gpuva_link(&prev->base, old->base.vm_bo);
	if (next)
		drm_gpuva_link(&next->base, old->base.vm_bo);
	egret_bind_remove_vma(bind, old);
	return 0;
}

static int egret_vm_step_unmap(struct drm_gpuva_op *gop, void *priv)
{
	struct egret_bind *bind = priv;
	struct egret_vma *vma = to_egret_vma(gop->unmap.va);

	drm_gpuva_unmap(&gop->unmap);
	egret_bind_remove_vma(bind, vma);
	return 0;
}

static void egret_vm_free(struct drm_gpuvm *gpuvm)
{
	kfree(to_egret_vm(gpuvm));
}

static const struct drm_gpuvm_ops egret_vm_ops = {
	.vm_free = egret_vm_free,
	.sm_step_map = egret_vm_step_map,
	.sm_step_remap = egret_vm_step_remap,
	.sm_step_unmap = egret_vm_step_unmap,
};

/* ---- DRM_EGRET_VM_BIND, phases 1 and 2: without locks -------------------------- */

static int egret_bind_check_op(const struct drm_egret_bind_op *op)
{
	const u32 access = DRM_EGRET_BIND_READ | DRM_EGRET_BIND_WRITE | DRM_EGRET_BIND_EXEC;

	if (op->pad || !op->size)
		return -EINVAL;
	if (!PAGE_ALIGNED(op->va) || !PAGE_ALIGNED(op->size) || !PAGE_ALIGNED(op->offset))
		return -EINVAL;
	if (!egret_vm_range_valid(op->va, op->size))
		return -EINVAL;
	switch (op->op) {
	case DRM_EGRET_BIND_MAP:
		return op->flags && !(op->flags & ~access) ? 0 : -EINVAL;
	case DRM_EGRET_BIND_UNMAP:
		return op->flags || op->handle || op->offset ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

static int egret_bind_lookup_bo(struct egret_bind *bind, u32 i, struct drm_file *file)
{
	const struct drm_egret_bind_op *op = &bind->ops[i];
	struct drm_gem_object *obj;
	struct egret_bo *bo;

	obj = drm_gem_object_lookup(file, op->handle);
	if (!obj)
		return -ENOENT;
	bo = to_egret_bo(obj);
	bind->bos[i] = bo;
	if (op->offset > obj->size || op->size > obj->size - op->offset)
		return -EINVAL;
	if (bo->vm_root && bo->vm_root != drm_gpuvm_resv_obj(&bind->vm->base))
		return -EINVAL;
	return 0;
}

static int egret_bind_add_spare(struct egret_bind *bind, unsigned int n)
{
	while (n--) {
		struct egret_vma *vma = kzalloc(sizeof(*vma), GFP_KERNEL_ACCOUNT);

		if (!vma)
			return -ENOMEM;
		list_add(&vma->link, &bind->spare);
	}
	return 0;
}

static int egret_bind_prepare_op(struct egret_bind *bind, u32 i, struct drm_file *file)
{
	const struct drm_egret_bind_op *op = &bind->ops[i];
	int ret;

	ret = egret_bind_check_op(op);
	if (ret)
		return ret;
	bind->start = min(bind->start, op->va);
	bind->end = max(bind->end, op->va + op->size);
	if (op->op == DRM_EGRET_BIND_UNMAP)
		return egret_bind_add_spare(bind, EGRET_VMAS_FOR_UNMAP);
	ret = egret_bind_lookup_bo(bind, i, file);
	if (ret)
		return ret;
	return egret_bind_add_spare(bind, EGRET_VMAS_FOR_MAP);
}

static int egret_bind_prepare(struct egret_bind *bind, struct drm_file *file)
{
	u32 i;
	int ret;

	bind->bos = kvcalloc(bind->count, sizeof(*bind->bos), GFP_KERNEL);
	bind->vm_bos = kvcalloc(bind->count, sizeof(*bind->vm_bos), GFP_KERNEL);
	if (!bind->bos || !bind->vm_bos)
		return -ENOMEM;
	for (i = 0; i < bind->count; i++) {
		ret = egret_bind_prepare_op(bind, i, file);
		if (ret)
			return ret;
	}
	return 0;
}

/* Undo egret_bind_prepare(), which may have failed half way. */
static void egret_bind_release(struct egret_bind *bind)
{
	struct egret_vma *vma, *next;
	u32 i;

	list_for_each_entry_safe(vma, next, &bind->spare, link)
		kfree(vma);
	for (i = 0; bind->bos && i < bind->count; i++)
		if (bind->bos[i])
			drm_gem_object_put(&bind->bos[i]->ttm.base);
	kvfree(bind->bos);
	kvfree(bind->vm_bos);
}

/* ---- phases 3 to 6: with locks ---------------------------------------------------- */

static int egret_bind_lock(struct egret_bind *bind)
{
	struct drm_gpuvm *gpuvm = &bind->vm->base;
	u32 i;
	int ret = 0;

	drm_exec_until_all_locked(&bind->exec) {
		ret = drm_gpuvm_prepare_vm(gpuvm, &bind->exec, 0);
		drm_exec_retry_on_contention(&bind->exec);
		if (ret)
			break;
		ret = drm_gpuvm_prepare_objects(gpuvm, &bind->exec, 0);
		drm_exec_retry_on_contention(&bind->exec);
		if (ret)
			break;
		for (i = 0; i < bind->count; i++) {
			if (!bind->bos[i] || bind->bos[i]->vm_root)
				continue;
			ret = drm_exec_lock_obj(&bind->exec, &bind->bos[i]->ttm.base);
			drm_exec_retry_on_contention(&bind->exec);
			if (ret)
				break;
		}
		if (ret)
			break;
	}
	return ret;
}

static int egret_bind_populate_map(struct egret_bind *bind, u32 i)
{
	const struct drm_egret_bind_op *op = &bind->ops[i];
	u64 va = op->va, end = op->va + op->size;
	struct egret_bo_cursor cursor;
	int ret;

	bind->vm_bos[i] = drm_gpuvm_bo_obtain_locked(&bind->vm->base, &bind->bos[i]->ttm.base);
	if (IS_ERR(bind->vm_bos[i])) {
		ret = PTR_ERR(bind->vm_bos[i]);
		bind->vm_bos[i] = NULL;
		return ret;
	}
	egret_bo_cursor_init(&cursor, bind->bos[i], op->offset);
	while (va < end) {
		u64 addr, size = egret_bo_cursor_next(&cursor, end - va, &addr);

		ret = egret_pgtable_populate(&bind->vm->pgt, va, addr, size);
		if (ret)
			return ret;
		va += size;
	}
	return 0;
}

static int egret_bind_populate_unmap(struct egret_bind *bind, u32 i, bool mapped)
{
	const struct drm_egret_bind_op *op = &bind->ops[i];
	struct egret_pgtable *pgt = &bind->vm->pgt;
	int ret;

	/* What the operations before it map must be small at its ends, too. */
	ret = egret_pgtable_split(pgt, op->va, mapped);
	if (ret)
		return ret;
	return egret_pgtable_split(pgt, op->va + op->size, mapped);
}

static int egret_bind_populate(struct egret_bind *bind)
{
	bool mapped = false;
	u32 i;
	int ret;

	for (i = 0; i < bind->count; i++) {
		if (bind->ops[i].op == DRM_EGRET_BIND_MAP) {
			ret = egret_bind_populate_map(bind, i);
			mapped = true;
		} else {
			ret = egret_bind_populate_unmap(bind, i, mapped);
		}
		if (ret)
			return ret;
	}
	return 0;
}

static int egret_bind_commit_op(struct egret_bind *bind, const struct drm_egret_bind_op *op)
{
	struct drm_gpuvm *gpuvm = &bind->vm->base;
	struct drm_gpuvm_map_req req = {
		.map.va.addr = op->va,
		.map.va.range = op->size,
		.map.gem.offset = op->offset,
	};

	if (op->op == DRM_EGRET_BIND_MAP) {
		req.map.gem.obj = &bind->bos[bind->current_op]->ttm.base;
		return drm_gpuvm_sm_map(gpuvm, bind, &req);
	}
	bind->changed |= egret_pgtable_unmap(&bind->vm->pgt, op->va, op->size);
	return drm_gpuvm_sm_unmap(gpuvm, bind, op->va, op->size);
}

static void egret_bind_commit(struct egret_bind *bind)
{
	u32 i;

	for (i = 0; i < bind->count; i++) {
		bind->current_op = i;
		trace_egret_vm_bind_op(bind->vm, &bind->ops[i]);
		/* The range was checked and the steps do not fail. */
		drm_WARN_ON(&bind->vm->edev->drm,
			    egret_bind_commit_op(bind, &bind->ops[i]));
	}
}

static void egret_bind_finish(struct egret_bind *bind)
{
	struct egret_vma *vma, *next;
	u32 i;

	egret_vm_trim(bind->vm, bind->start, bind->end - bind->start, bind->changed);
	list_for_each_entry_safe(vma, next, &bind->removed, link) {
		drm_gpuva_unlink(&vma->base);
		kfree(vma);
	}
	for (i = 0; i < bind->count; i++)
		drm_gpuvm_bo_put(bind->vm_bos[i]);
}

static int egret_bind_run(struct egret_bind *bind)
{
	int idx, ret;

	drm_exec_init(&bind->exec, DRM_EXEC_INTERRUPTIBLE_WAIT | DRM_EXEC_IGNORE_DUPLICATES, 0);
	ret = egret_bind_lock(bind);
	if (ret)
		goto out_unlock;
	if (!drm_dev_enter(&bind->vm->edev->drm, &idx)) {
		ret = -ENODEV;
		goto out_unlock;
	}
	ret = egret_bind_populate(bind);
	if (!ret)
		egret_bind_commit(bind);
	egret_bind_finish(bind);
	drm_dev_exit(idx);
out_unlock:
	drm_exec_fini(&bind->exec);
	return ret;
}

int egret_vm_bind_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_egret_vm_bind *args = data;
	struct egret_bind bind = {
		.count = args->ops.count,
		.spare = LIST_HEAD_INIT(bind.spare),
		.removed = LIST_HEAD_INIT(bind.removed),
		.start = U64_MAX,
	};
	int ret;

	if (args->flags & ~DRM_EGRET_VM_BIND_ASYNC)
		return -EINVAL;
	if (args->flags & DRM_EGRET_VM_BIND_ASYNC)
		return -EOPNOTSUPP;
	if (args->syncs.count || args->syncs.array)
		return -EINVAL;

	bind.ops = egret_array_copy(&args->ops, sizeof(*bind.ops), sizeof(*bind.ops),
				    DRM_EGRET_BIND_OPS_MAX);
	if (IS_ERR(bind.ops))
		return PTR_ERR(bind.ops);
	bind.vm = egret_vm_lookup(file->driver_priv, args->vm_id);
	if (!bind.vm) {
		ret = -ENOENT;
		goto out_free;
	}
	ret = egret_bind_prepare(&bind, file);
	if (!ret && bind.count)
		ret = egret_bind_run(&bind);
	egret_bind_release(&bind);
	egret_vm_put(bind.vm);
out_free:
	kvfree(bind.ops);
	return ret;
}

/* ---- life -------------------------------------------------------------------------- */

static struct egret_vm *egret_vm_create(struct egret_device *edev)
{
	struct drm_gem_object *root;
	struct egret_vm *vm;
	int ret;

	vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return ERR_PTR(-ENOMEM);
	vm->edev = edev;
	kref_init(&vm->users);

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
	return vm;

err_pgtable:
	egret_pgtable_fini(&vm->pgt);
err_context:
	egret_mmu_context_free(edev, vm->context);
err_free:
	kfree(vm);
	return ERR_PTR(ret);
}

static void egret_vm_unbind_all(struct egret_vm *vm)
{
	struct drm_gpuva *va, *next;

	drm_gpuvm_for_each_va_safe(va, next, &vm->base) {
		struct drm_gem_object *obj = va->gem.obj;

		if (va == &vm->base.kernel_alloc_node)
			continue;
		/* Unlinking may drop the last reference of the buffer. */
		drm_gem_object_get(obj);
		dma_resv_lock(obj->resv, NULL);
		drm_gpuva_remove(va);
		drm_gpuva_unlink(va);
		dma_resv_unlock(obj->resv);
		drm_gem_object_put(obj);
		kfree(to_egret_vma(va));
	}
}

/* The last user is gone: nobody else looks at the tree or the page tables. */
static void egret_vm_release(struct kref *kref)
{
	struct egret_vm *vm = container_of(kref, struct egret_vm, users);

	egret_mmu_context_set(vm->edev, vm->context, 0);
	egret_vm_unbind_all(vm);
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
	vm = egret_vm_create(to_egret_device(drm));
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	ret = xa_alloc(&efile->vms, &args->vm_id, vm, xa_limit_31b, GFP_KERNEL);
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
