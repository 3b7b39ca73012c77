// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * What a bind operation may ask for: the part of DRM_EGRET_VM_BIND that depends on
 * nothing but its arguments, so that it can be tested by itself.
 */
#include <linux/errno.h>
#include <linux/mm.h>

#include <drm/egret_accel.h>

#include "egret_bind_check.h"
#include "egret_vm.h"

#define EGRET_BIND_ACCESS \
	(DRM_EGRET_BIND_READ | DRM_EGRET_BIND_WRITE | DRM_EGRET_BIND_EXEC)

static int egret_bind_check_addresses(const struct drm_egret_bind_op *op)
{
	if (!op->size)
		return -EINVAL;
	if (!PAGE_ALIGNED(op->va) || !PAGE_ALIGNED(op->size) || !PAGE_ALIGNED(op->offset))
		return -EINVAL;
	return egret_vm_range_valid(op->va, op->size) ? 0 : -EINVAL;
}

static int egret_bind_check_access(const struct drm_egret_bind_op *op)
{
	return op->flags && !(op->flags & ~EGRET_BIND_ACCESS) ? 0 : -EINVAL;
}

/**
 * egret_bind_check_op() - check a bind operation
 * @op: operation as user space gave it; one that concerns the whole address space
 *	is given its range
 *
 * Return: 0 or -EINVAL.
 */
int egret_bind_check_op(struct drm_egret_bind_op *op)
{
	if (op->pad)
		return -EINVAL;
	switch (op->op) {
	case DRM_EGRET_BIND_MAP:
		return egret_bind_check_access(op) ?: egret_bind_check_addresses(op);
	case DRM_EGRET_BIND_MAP_USERPTR:
		if (op->handle)
			return -EINVAL;
		return egret_bind_check_access(op) ?: egret_bind_check_addresses(op);
	case DRM_EGRET_BIND_UNMAP:
		if (op->flags || op->handle || op->offset)
			return -EINVAL;
		return egret_bind_check_addresses(op);
	case DRM_EGRET_BIND_UNMAP_ALL:
		if (op->flags || op->handle || op->offset || op->va || op->size)
			return -EINVAL;
		op->va = EGRET_VM_START;
		op->size = EGRET_VM_END - EGRET_VM_START;
		return 0;
	default:
		return -EINVAL;
	}
}

/**
 * egret_bind_check_range() - check that a map stays inside of its buffer
 * @op: operation
 * @bo_size: bytes of the buffer
 *
 * Return: 0 or -EINVAL.
 */
int egret_bind_check_range(const struct drm_egret_bind_op *op, u64 bo_size)
{
	if (op->offset > bo_size || op->size > bo_size - op->offset)
		return -EINVAL;
	return 0;
}

/**
 * egret_bind_pte_flags() - flags of the page table entries of a map
 * @op: operation
 * @system: whether the memory is system memory
 *
 * Return: EGRET_PTE_*.
 */
u64 egret_bind_pte_flags(const struct drm_egret_bind_op *op, bool system)
{
	u64 flags = system ? EGRET_PTE_SYSTEM : 0;

	if (op->flags & DRM_EGRET_BIND_READ)
		flags |= EGRET_PTE_READ;
	if (op->flags & DRM_EGRET_BIND_WRITE)
		flags |= EGRET_PTE_WRITE;
	if (op->flags & DRM_EGRET_BIND_EXEC)
		flags |= EGRET_PTE_EXEC;
	return flags;
}
