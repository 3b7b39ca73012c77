/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_USERPTR_H
#define EGRET_USERPTR_H

#include <linux/err.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>

#include "egret_bind.h"

struct drm_egret_bind_op;
struct egret_device;
struct egret_vm;

/* The kernel can tell about changes of a process's memory. */
#if IS_ENABLED(CONFIG_HMM_MIRROR) && IS_ENABLED(CONFIG_MMU_NOTIFIER)
#define EGRET_HAVE_USERPTR
#endif

/**
 * struct egret_userptr - memory of a process that is bound: one map operation
 *
 * Unless said otherwise, members are protected by &egret_vm.userptr_lock.
 */
struct egret_userptr {
#ifdef EGRET_HAVE_USERPTR
	/** @notifier: Tells when the process's memory changes; knows the process. */
	struct mmu_interval_notifier notifier;
#endif
	/** @refs: References: of bindings, and of binds that are not done yet. */
	struct kref refs;
	/** @vm: Address space, which is alive as long as there is a reference. Constant. */
	struct egret_vm *vm;
	/** @addr: First address in the process. Constant. */
	unsigned long addr;
	/** @va: First virtual address of the card. Constant. */
	u64 va;
	/** @size: Bytes. Constant. */
	u64 size;
	/** @flags: EGRET_PTE_*. Constant. */
	u64 flags;

	/** @fault_lock: Held while the pages are looked for. Outside of mmap_lock. */
	struct mutex fault_lock;
	/** @pfns: What hmm_range_fault() found. Under @fault_lock. */
	unsigned long *pfns;

	/** @sgt: Pages, mapped for DMA; no reference of the pages. */
	struct sg_table sgt;
	/** @mapped: Whether @sgt is. */
	bool mapped;
	/**
	 * @extents: Where the pages are for the card, or were: kept until the page
	 * table entries are gone.
	 */
	struct egret_extent *extents;
	/** @num_extents: Number of them. */
	u32 num_extents;
	/** @valid: Whether the pages are the process's. */
	bool valid;
	/** @stale: Whether page table entries may be left that point to @extents. */
	bool stale;
	/** @written: Whether the page table entries point to @extents. */
	bool written;
	/** @bound: Whether the operation that maps it has been done. */
	bool bound;
	/** @unbound: Whether nothing in the tree binds it any more. */
	bool unbound;
	/** @link: In &egret_vm.userptr_todo while it is bound and not valid or not written. */
	struct list_head link;
	/** @vmas: Its bindings in the tree. Under the address space's reservation. */
	struct list_head vmas;
	/** @device_link: In &egret_device.userptrs, under &egret_device.userptrs_lock. */
	struct list_head device_link;
};

#ifdef EGRET_HAVE_USERPTR

struct egret_userptr *egret_userptr_create(struct egret_vm *vm,
					   const struct drm_egret_bind_op *op);
void egret_userptr_put(struct egret_userptr *userptr);
bool egret_userptr_bind(struct egret_userptr *userptr, struct list_head *tables);
void egret_userptr_unbound(struct egret_userptr *userptr);

int egret_vm_fault_userptrs(struct egret_vm *vm);
int egret_vm_write_userptrs(struct egret_vm *vm);
void egret_userptr_remove(struct egret_device *edev);

#else

static inline struct egret_userptr *
egret_userptr_create(struct egret_vm *vm, const struct drm_egret_bind_op *op)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static inline void egret_userptr_put(struct egret_userptr *userptr)
{
}

static inline bool egret_userptr_bind(struct egret_userptr *userptr, struct list_head *tables)
{
	return false;
}

static inline void egret_userptr_unbound(struct egret_userptr *userptr)
{
}

static inline int egret_vm_fault_userptrs(struct egret_vm *vm)
{
	return 0;
}

static inline int egret_vm_write_userptrs(struct egret_vm *vm)
{
	return 0;
}

static inline void egret_userptr_remove(struct egret_device *edev)
{
}

#endif

static inline struct egret_userptr *egret_userptr_get(struct egret_userptr *userptr)
{
	kref_get(&userptr->refs);
	return userptr;
}

#endif /* EGRET_USERPTR_H */
