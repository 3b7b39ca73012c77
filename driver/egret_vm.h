/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_VM_H
#define EGRET_VM_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <drm/drm_gpuvm.h>
#include <drm/ttm/ttm_resource.h>

#include <egret/mmu.h>

#include "egret_pgtable.h"

struct dma_fence;
struct drm_device;
struct drm_file;
struct egret_client;
struct egret_device;
struct egret_file;

/*
 * The end of each address space is the kernel's: rings and fence slots of the
 * queues, in supervisor pages. A hardware queue has its own place there.
 */
#define EGRET_VM_KERNEL_SIZE	SZ_1G
#define EGRET_VM_KERNEL_START	(EGRET_VA_END - EGRET_VM_KERNEL_SIZE)
#define EGRET_VM_START		EGRET_VA_MIN
#define EGRET_VM_END		EGRET_VM_KERNEL_START

/** enum egret_vm_validating - what egret_vm_revalidate() is doing */
enum egret_vm_validating {
	/** @EGRET_VM_NOT_VALIDATING: Nothing. */
	EGRET_VM_NOT_VALIDATING,
	/** @EGRET_VM_PLACING: Gives buffers a place. */
	EGRET_VM_PLACING,
	/** @EGRET_VM_MAPPING: Writes page table entries. */
	EGRET_VM_MAPPING,
};

/**
 * struct egret_vm - an address space
 */
struct egret_vm {
	/**
	 * @base: Base: what is bound where. Protected by the reservation of the
	 * address space; the lists of bindings of a buffer by that buffer's.
	 */
	struct drm_gpuvm base;
	/** @edev: Card. */
	struct egret_device *edev;
	/** @users: References of files and queues. When it falls, nothing is bound. */
	struct kref users;
	/** @client: Whose it is; a reference, or NULL: the kernel's. Constant. */
	struct egret_client *client;
	/** @link: In &egret_device.vms, under &egret_device.vms_lock. */
	struct list_head link;
	/** @context: Hardware context. Constant. */
	u32 context;
	/** @pgt: Page tables; see there about locks. */
	struct egret_pgtable pgt;

	/** @bind_lock: Protects @binds. Taken on the fence-signalling path. */
	spinlock_t bind_lock;
	/** @binds: Pending binds, in the order in which they take effect. */
	struct list_head binds;
	/** @bind_work: Executes @binds. */
	struct work_struct bind_work;
	/** @bind_context: Timeline of the binds' fences. Constant. */
	u64 bind_context;
	/** @bind_seqno: Number of the last one. Under the reservation. */
	u64 bind_seqno;
	/** @last_bind: Its fence; a reference, or NULL. Under the reservation. */
	struct dma_fence *last_bind;

	/**
	 * @userptr_lock: Protects @userptr_todo and the user pointers. Taken in MMU
	 * notifiers and on the fence-signalling path: no allocation while it is
	 * held. See egret_userptr.c.
	 */
	struct mutex userptr_lock;
	/** @userptr_todo: User pointers that need their pages, or their entries. */
	struct list_head userptr_todo;

	/**
	 * @validating: What egret_vm_revalidate() is doing: its buffers must not push
	 * each other out. Protected by the address space's reservation.
	 */
	enum egret_vm_validating validating;

	/**
	 * @lru: Private buffers that are bound: they are used together, and pushed out
	 * after those that were not used for longer. Protected by TTM's LRU lock and by
	 * the reservation.
	 */
	struct ttm_lru_bulk_move lru;
	/** @used: When they were last moved to the end, in jiffies. Under the reservation. */
	unsigned long used;
};

static inline struct egret_vm *to_egret_vm(struct drm_gpuvm *gpuvm)
{
	return container_of(gpuvm, struct egret_vm, base);
}

struct egret_vm *egret_vm_create(struct egret_device *edev, struct egret_client *client);
struct egret_vm *egret_vm_lookup(struct egret_file *efile, u32 id);
void egret_vm_put(struct egret_vm *vm);
struct egret_vm *egret_vm_next(struct egret_device *edev, struct egret_vm *vm);
void egret_vm_close_all(struct egret_file *efile);

int egret_vm_map_kernel(struct egret_vm *vm, u64 va, u64 addr, u64 size, u64 flags);
void egret_vm_trim(struct egret_vm *vm, u64 va, u64 size, struct list_head *unused,
		   bool changed);
void egret_vm_unmap_kernel(struct egret_vm *vm, u64 va, u64 size);

static inline struct egret_vm *egret_vm_get(struct egret_vm *vm)
{
	kref_get(&vm->users);
	return vm;
}

/* Whether user space may bind, or execute, [@va, @va + @size). */
static inline bool egret_vm_range_valid(u64 va, u64 size)
{
	return va >= EGRET_VM_START && va < EGRET_VM_END && size <= EGRET_VM_END - va;
}

int egret_vm_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int egret_vm_destroy_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* EGRET_VM_H */
