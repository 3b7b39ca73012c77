// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Buffers, address spaces and page tables of the simulator backend.
 *
 * A bind operation is done in two steps: first everything that can fail (tables for the
 * whole range, records of the bindings), then the entries. So a bind is done whole or not
 * at all. Tables that have become empty stay until the address space goes.
 */
#define _GNU_SOURCE
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <egret/mmu.h>
#include <egret/regs.h>

#include "host.h"

#define LARGE_PAGE ((uint64_t)1 << EGRET_MMU_LARGE_SHIFT)

struct sim_bo {
	unsigned int refs;	/* the handle, and each binding */
	uint64_t size;
	bool system;
	bool user;		/* memory of the program's own */
	int fd;			/* of the memory of one that may be shared, or -1 */
	uint64_t offset;	/* in device memory, or the address in this process */
	uint8_t *memory;
	uint32_t vm_id;		/* only to be bound there, or 0 */
};

/* What is bound at a range of addresses; ranges do not overlap. */
struct mapping {
	struct mapping *next;
	uint64_t va, size;
	struct sim_bo *bo;
	uint64_t bo_offset;
};

struct sim_vm {
	unsigned int refs;	/* the ID, and each queue */
	uint32_t context;
	uint64_t root;		/* device memory offset of the root table */
	struct mapping *mappings;
};

/* ---- Device memory ---- */

int sim_take_vram(struct backend_device *dev, uint64_t size, uint64_t align, uint64_t *offset)
{
	int ret = accel_ranges_take(&dev->vram_free, size, align, offset);

	if (ret == 0)
		memset(dev->vram + *offset, 0, size);
	return ret;
}

void sim_give_vram(struct backend_device *dev, uint64_t offset, uint64_t size)
{
	accel_ranges_give(&dev->vram_free, offset, size);
}

/* ---- Buffers ---- */

static void put_bo(struct backend_device *dev, struct sim_bo *bo)
{
	if (--bo->refs)
		return;
	if (bo->user) {
		free(bo);
		return;
	}
	if (bo->system) {
		munmap(bo->memory, bo->size);
		if (bo->fd >= 0)
			close(bo->fd);
	} else {
		sim_give_vram(dev, bo->offset, bo->size);
	}
	free(bo);
}

static int map_bo(struct sim_bo *bo)
{
	bo->memory = mmap(NULL, bo->size, PROT_READ | PROT_WRITE,
			  bo->fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, bo->fd, 0);
	if (bo->memory == MAP_FAILED)
		return -errno;
	bo->offset = (uintptr_t)bo->memory;
	return 0;
}

static int back_bo(struct backend_device *dev, struct sim_bo *bo)
{
	int ret;

	if (bo->system)
		return map_bo(bo);
	ret = sim_take_vram(dev, bo->size, bo->size >= LARGE_PAGE ? LARGE_PAGE : SIM_PAGE,
			    &bo->offset);
	bo->memory = dev->vram + bo->offset;
	return ret;
}

/*
 * A buffer that is private to no address space may be exported. Device memory cannot be:
 * it is the model's. So such a buffer lives in host memory, whatever was asked for.
 */
static int make_shareable(struct sim_bo *bo)
{
	bo->system = true;
	bo->fd = accel_host_memory(bo->size);
	return bo->fd < 0 ? bo->fd : 0;
}

int sim_bo_create(struct backend_device *dev, struct drm_egret_bo_create *args)
{
	uint32_t known = DRM_EGRET_BO_VRAM | DRM_EGRET_BO_SYSTEM;
	struct sim_bo *bo;
	int ret;

	if (!args->size || args->size > UINT64_MAX - SIM_PAGE || !args->placement ||
	    (args->placement & ~known) || args->flags)
		return -EINVAL;
	bo = calloc(1, sizeof(*bo));
	if (!bo)
		return -ENOMEM;
	bo->refs = 1;
	bo->size = (args->size + SIM_PAGE - 1) / SIM_PAGE * SIM_PAGE;
	bo->system = !(args->placement & DRM_EGRET_BO_VRAM);
	bo->vm_id = args->vm_id;
	bo->fd = -1;
	if (!args->vm_id) {
		ret = make_shareable(bo);
		if (ret) {
			free(bo);
			return ret;
		}
	}
	pthread_mutex_lock(&dev->lock);
	if (args->vm_id && !sim_table_get(&dev->vms, args->vm_id)) {
		ret = -ENOENT;
	} else {
		ret = back_bo(dev, bo);
		if (ret == -ENOSPC && (args->placement & DRM_EGRET_BO_SYSTEM)) {
			bo->system = true;
			ret = back_bo(dev, bo);
		}
	}
	if (ret == 0) {
		args->handle = sim_table_add(&dev->bos, bo);
		args->size = bo->size;
		if (!args->handle) {
			put_bo(dev, bo);
			bo = NULL;
			ret = -ENOMEM;
		}
	}
	sim_unlock(dev);
	if (ret && bo) {
		if (bo->fd >= 0)
			close(bo->fd);
		free(bo);
	}
	return ret;
}

int sim_bo_export(struct backend_device *dev, uint32_t handle, int *fd)
{
	struct sim_bo *bo;
	int ret = 0;

	pthread_mutex_lock(&dev->lock);
	bo = sim_table_get(&dev->bos, handle);
	if (!bo || bo->fd < 0) {
		ret = bo ? -EPERM : -ENOENT;
	} else {
		*fd = fcntl(bo->fd, F_DUPFD_CLOEXEC, 0);
		ret = *fd < 0 ? -errno : 0;
	}
	sim_unlock(dev);
	return ret;
}

int sim_bo_import(struct backend_device *dev, int fd, uint32_t *handle, uint64_t *size)
{
	uint64_t bytes;
	struct sim_bo *bo;
	int ret;

	if (fcntl(fd, F_GETFD) < 0)
		return -EBADF;
	if (!accel_host_is_memory(fd, &bytes) || bytes % SIM_PAGE)
		return -EINVAL;
	bo = calloc(1, sizeof(*bo));
	if (!bo)
		return -ENOMEM;
	bo->refs = 1;
	bo->size = bytes;
	bo->system = true;
	bo->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (bo->fd < 0) {
		ret = -errno;
		free(bo);
		return ret;
	}
	ret = map_bo(bo);
	if (ret) {
		close(bo->fd);
		free(bo);
		return ret == -ENOMEM ? ret : -EINVAL;
	}
	pthread_mutex_lock(&dev->lock);
	*handle = sim_table_add(&dev->bos, bo);
	*size = bytes;
	if (!*handle) {
		put_bo(dev, bo);
		ret = -ENOMEM;
	}
	sim_unlock(dev);
	return ret;
}

void sim_bo_destroy(struct backend_device *dev, uint32_t handle)
{
	struct sim_bo *bo;

	pthread_mutex_lock(&dev->lock);
	bo = sim_table_take(&dev->bos, handle);
	if (bo)
		put_bo(dev, bo);
	sim_unlock(dev);
}

int sim_bo_map(struct backend_device *dev, uint32_t handle, uint64_t size, void **ptr)
{
	struct sim_bo *bo;

	pthread_mutex_lock(&dev->lock);
	bo = sim_table_get(&dev->bos, handle);
	if (bo)
		*ptr = bo->memory;
	sim_unlock(dev);
	return !bo ? -ENOENT : size > bo->size ? -EINVAL : 0;
}

void sim_bo_unmap(struct backend_device *dev, void *ptr, uint64_t size)
{
	/* It was never mapped: this process has it all the time. */
	(void)dev;
	(void)ptr;
	(void)size;
}

/* ---- Page tables ---- */

static uint64_t *table_at(struct backend_device *dev, uint64_t offset)
{
	return (uint64_t *)(dev->vram + offset);
}

static unsigned int table_index(uint64_t va, int level)
{
	return (va >> EGRET_MMU_LEVEL_SHIFT(level)) % EGRET_MMU_ENTRIES;
}

static bool is_leaf(uint64_t entry)
{
	return entry & EGRET_PTE_ACCESS_MASK;
}

static void set_entry(uint64_t *entry, uint64_t value)
{
	/* The model may be walking this table. */
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

static int take_table(struct backend_device *dev, uint64_t *offset)
{
	int ret = sim_take_vram(dev, SIM_PAGE, SIM_PAGE, offset);

	if (ret == 0)
		dev->table_bytes += SIM_PAGE;
	return ret;
}

static void free_table(struct backend_device *dev, uint64_t offset, int level)
{
	uint64_t *table = table_at(dev, offset);
	int i;

	for (i = 0; level > 0 && i < EGRET_MMU_ENTRIES; i++)
		if ((table[i] & EGRET_PTE_VALID) && !is_leaf(table[i]))
			free_table(dev, table[i] & EGRET_PTE_ADDR_MASK, level - 1);
	sim_give_vram(dev, offset, SIM_PAGE);
	dev->table_bytes -= SIM_PAGE;
}

/* Go down one level, making the table if need be. A large page is split. */
static int descend(struct backend_device *dev, uint64_t *entry, uint64_t *table)
{
	uint64_t old = *entry, child, *entries;
	int i, ret;

	if ((old & EGRET_PTE_VALID) && !is_leaf(old)) {
		*table = old & EGRET_PTE_ADDR_MASK;
		return 0;
	}
	ret = take_table(dev, &child);
	if (ret)
		return ret;
	entries = table_at(dev, child);
	for (i = 0; (old & EGRET_PTE_VALID) && i < EGRET_MMU_ENTRIES; i++)
		entries[i] = old + (uint64_t)i * SIM_PAGE;
	set_entry(entry, child | EGRET_PTE_VALID);
	*table = child;
	return 0;
}

/*
 * The table of the given level for an address; 1 for a level that large pages use.
 * With make, tables are made; otherwise -ENOENT when there is none.
 */
static int find_table(struct backend_device *dev, struct sim_vm *vm, uint64_t va, int level,
		      bool make, uint64_t **out)
{
	uint64_t table = vm->root;
	int i, ret;

	for (i = EGRET_MMU_LEVELS - 1; i > level; i--) {
		uint64_t *entry = &table_at(dev, table)[table_index(va, i)];

		if (!make && (!(*entry & EGRET_PTE_VALID) || is_leaf(*entry)))
			return -ENOENT;
		ret = descend(dev, entry, &table);
		if (ret)
			return ret;
	}
	*out = table_at(dev, table);
	return 0;
}

/* True if one large page can do for the part of a binding that begins here. */
static bool large_fits(uint64_t va, uint64_t phys, uint64_t left)
{
	return left >= LARGE_PAGE && va % LARGE_PAGE == 0 && phys % LARGE_PAGE == 0;
}

/*
 * Make the tables that the range needs. The physical address decides about large pages;
 * for an unmap it is that of the range itself, for whole large pages.
 */
static int make_tables(struct backend_device *dev, struct sim_vm *vm, uint64_t va,
		       uint64_t phys, uint64_t size)
{
	uint64_t done, step, *table;
	int ret;

	for (done = 0; done < size; done += step) {
		bool large = large_fits(va + done, phys + done, size - done);

		ret = find_table(dev, vm, va + done, large ? 1 : 0, true, &table);
		if (ret)
			return ret;
		step = LARGE_PAGE - (va + done) % LARGE_PAGE;
		if (step > size - done)
			step = size - done;
	}
	return 0;
}

static void write_page(struct backend_device *dev, struct sim_vm *vm, uint64_t va,
		       uint64_t value)
{
	uint64_t *table;

	if (!find_table(dev, vm, va, 0, false, &table))
		set_entry(&table[table_index(va, 0)], value);
}

/*
 * The entry of a large page, or NULL if the address has a table of pages. Such a table
 * stays even where a large page would do: a later operation of the same bind may have
 * been promised it.
 */
static uint64_t *large_entry(struct backend_device *dev, struct sim_vm *vm, uint64_t va)
{
	uint64_t *table, *entry;

	if (find_table(dev, vm, va, 1, false, &table))
		return NULL;
	entry = &table[table_index(va, 1)];
	return (*entry & EGRET_PTE_VALID) && !is_leaf(*entry) ? NULL : entry;
}

/* Write entries for a range whose tables exist; flags zero unmaps. */
static void write_entries(struct backend_device *dev, struct sim_vm *vm, uint64_t va,
			  uint64_t phys, uint64_t size, uint64_t flags)
{
	uint64_t done = 0, *large;

	while (done < size) {
		uint64_t at = va + done;
		uint64_t value = flags ? (phys + done) | flags | EGRET_PTE_VALID : 0;

		large = large_fits(at, phys + done, size - done) ? large_entry(dev, vm, at) : NULL;
		if (large) {
			set_entry(large, value);
			done += LARGE_PAGE;
		} else {
			write_page(dev, vm, at, value);
			done += SIM_PAGE;
		}
	}
}

static void invalidate(struct backend_device *dev, struct sim_vm *vm, uint64_t va, uint64_t size)
{
	sim_write64(dev, EGRET_REG_INV_ADDR, va);
	sim_write64(dev, EGRET_REG_INV_SIZE, size);
	sim_write(dev, EGRET_REG_INV_CMD, EGRET_INV_CMD_START | vm->context);
	while (sim_read(dev, EGRET_REG_INV_STATUS) & EGRET_INV_STATUS_BUSY)
		sched_yield();
}

/* ---- Address spaces ---- */

struct sim_vm *sim_vm_get(struct sim_vm *vm)
{
	vm->refs++;
	return vm;
}

uint32_t sim_vm_context(const struct sim_vm *vm)
{
	return vm->context;
}

void sim_vm_put(struct backend_device *dev, struct sim_vm *vm)
{
	struct mapping *mapping;

	if (--vm->refs)
		return;
	sim_write64(dev, EGRET_REG_CONTEXT(vm->context), 0);
	invalidate(dev, vm, 0, 0);
	while ((mapping = vm->mappings)) {
		vm->mappings = mapping->next;
		put_bo(dev, mapping->bo);
		free(mapping);
	}
	free_table(dev, vm->root, EGRET_MMU_LEVELS - 1);
	dev->contexts[vm->context] = NULL;
	free(vm);
}

static int attach_vm(struct backend_device *dev, struct sim_vm *vm)
{
	uint32_t i;
	int ret;

	for (i = 0; i < dev->context_count && dev->contexts[i]; i++)
		;
	if (i == dev->context_count)
		return -ENOSPC;
	ret = take_table(dev, &vm->root);
	if (ret)
		return ret;
	vm->context = i;
	dev->contexts[i] = vm;
	sim_write64(dev, EGRET_REG_CONTEXT(i), vm->root | EGRET_PTE_VALID);
	invalidate(dev, vm, 0, 0);
	return 0;
}

int sim_vm_create(struct backend_device *dev, uint32_t *vm_id)
{
	struct sim_vm *vm = calloc(1, sizeof(*vm));
	int ret;

	if (!vm)
		return -ENOMEM;
	vm->refs = 1;
	pthread_mutex_lock(&dev->lock);
	ret = attach_vm(dev, vm);
	if (ret == 0) {
		*vm_id = sim_table_add(&dev->vms, vm);
		if (!*vm_id) {
			sim_vm_put(dev, vm);
			vm = NULL;
			ret = -ENOMEM;
		}
	}
	sim_unlock(dev);
	if (ret)
		free(vm);
	return ret;
}

void sim_vm_destroy(struct backend_device *dev, uint32_t vm_id)
{
	struct sim_vm *vm;

	pthread_mutex_lock(&dev->lock);
	vm = sim_table_take(&dev->vms, vm_id);
	if (vm)
		sim_vm_put(dev, vm);
	sim_unlock(dev);
}

/* ---- Binding ---- */

/* Whether the program has the memory; that it may be written is taken for granted. */
static int check_user(const struct drm_egret_bind_op *op, uint32_t known)
{
	uint64_t done;
	unsigned char seen;

	if (!op->flags || (op->flags & ~known) || op->handle || op->offset % SIM_PAGE)
		return -EINVAL;
	for (done = 0; done < op->size; done += SIM_PAGE)
		if (mincore((void *)(uintptr_t)(op->offset + done), 1, &seen))
			return -EFAULT;
	return 0;
}

static int check_op(struct backend_device *dev, uint32_t vm_id,
		    const struct drm_egret_bind_op *op)
{
	uint32_t known = DRM_EGRET_BIND_READ | DRM_EGRET_BIND_WRITE | DRM_EGRET_BIND_EXEC;
	struct sim_bo *bo;

	if (op->pad || !op->size || op->size % SIM_PAGE || op->va % SIM_PAGE ||
	    op->va < EGRET_VA_MIN || op->va > SIM_VA_USER_END ||
	    op->size > SIM_VA_USER_END - op->va)
		return -EINVAL;
	if (op->op == DRM_EGRET_BIND_UNMAP)
		return op->flags || op->handle || op->offset ? -EINVAL : 0;
	if (op->op == DRM_EGRET_BIND_MAP_USERPTR)
		return check_user(op, known);
	if (op->op != DRM_EGRET_BIND_MAP || !op->flags || (op->flags & ~known) ||
	    op->offset % SIM_PAGE)
		return -EINVAL;
	bo = sim_table_get(&dev->bos, op->handle);
	if (!bo)
		return -ENOENT;
	if (op->offset > bo->size || op->size > bo->size - op->offset)
		return -EINVAL;
	return bo->vm_id && bo->vm_id != vm_id ? -EINVAL : 0;
}

/* Spare records, so that changing the list of mappings cannot fail. */
static int add_spares(struct mapping **spares, uint32_t count)
{
	while (count--) {
		struct mapping *mapping = calloc(1, sizeof(*mapping));

		if (!mapping)
			return -ENOMEM;
		mapping->next = *spares;
		*spares = mapping;
	}
	return 0;
}

static struct mapping *take_spare(struct mapping **spares)
{
	struct mapping *mapping = *spares;

	*spares = mapping->next;
	return mapping;
}

/* Take a range out of the list; at most one mapping is cut in two. */
static void forget(struct backend_device *dev, struct sim_vm *vm, uint64_t va, uint64_t size,
		   struct mapping **spares)
{
	struct mapping **link = &vm->mappings, *m, *tail;
	uint64_t end = va + size;

	while ((m = *link)) {
		uint64_t m_end = m->va + m->size;

		if (m_end <= va || m->va >= end) {
			link = &m->next;
			continue;
		}
		if (m_end > end) {
			tail = take_spare(spares);
			*tail = *m;
			tail->va = end;
			tail->size = m_end - end;
			tail->bo_offset += end - m->va;
			tail->bo->refs++;
			m->next = tail;
		}
		if (m->va < va) {
			m->size = va - m->va;
			link = &m->next;
		} else {
			*link = m->next;
			put_bo(dev, m->bo);
			m->next = *spares;
			*spares = m;
		}
	}
}

static uint64_t entry_flags(const struct sim_bo *bo, uint32_t flags)
{
	return (flags & DRM_EGRET_BIND_READ ? EGRET_PTE_READ : 0) |
	       (flags & DRM_EGRET_BIND_WRITE ? EGRET_PTE_WRITE : 0) |
	       (flags & DRM_EGRET_BIND_EXEC ? EGRET_PTE_EXEC : 0) |
	       (bo->system ? EGRET_PTE_SYSTEM : 0);
}

/* For each operation that binds memory of the program, an object that stands for it. */
static int make_users(const struct drm_egret_bind_op *ops, uint32_t count, struct sim_bo **users)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (ops[i].op != DRM_EGRET_BIND_MAP_USERPTR)
			continue;
		users[i] = calloc(1, sizeof(*users[i]));
		if (!users[i])
			return -ENOMEM;
		users[i]->user = users[i]->system = true;
		users[i]->fd = -1;
		users[i]->size = ops[i].size;
		users[i]->offset = ops[i].offset;
		users[i]->memory = (uint8_t *)(uintptr_t)ops[i].offset;
	}
	return 0;
}

static void apply_op(struct backend_device *dev, struct sim_vm *vm,
		     const struct drm_egret_bind_op *op, struct sim_bo *user,
		     struct mapping **spares)
{
	uint64_t bo_offset = user ? 0 : op->offset;
	struct mapping *mapping;
	struct sim_bo *bo;

	if (op->op == DRM_EGRET_BIND_UNMAP) {
		write_entries(dev, vm, op->va, op->va, op->size, 0);
		invalidate(dev, vm, op->va, op->size);
		forget(dev, vm, op->va, op->size, spares);
		return;
	}
	bo = user ? user : sim_table_get(&dev->bos, op->handle);
	write_entries(dev, vm, op->va, bo->offset + bo_offset, op->size,
		      entry_flags(bo, op->flags));
	invalidate(dev, vm, op->va, op->size);
	forget(dev, vm, op->va, op->size, spares);
	mapping = take_spare(spares);
	*mapping = (struct mapping) {
		.next = vm->mappings,
		.va = op->va,
		.size = op->size,
		.bo = bo,
		.bo_offset = bo_offset,
	};
	bo->refs++;
	vm->mappings = mapping;
}

static int prepare_op(struct backend_device *dev, struct sim_vm *vm, uint32_t vm_id,
		      const struct drm_egret_bind_op *op)
{
	struct sim_bo *bo;
	int ret;

	ret = check_op(dev, vm_id, op);
	if (ret)
		return ret;
	if (op->op == DRM_EGRET_BIND_UNMAP)
		return make_tables(dev, vm, op->va, op->va, op->size);
	if (op->op == DRM_EGRET_BIND_MAP_USERPTR)
		return make_tables(dev, vm, op->va, op->offset, op->size);
	bo = sim_table_get(&dev->bos, op->handle);
	return make_tables(dev, vm, op->va, bo->offset + op->offset, op->size);
}

int sim_vm_bind(struct backend_device *dev, uint32_t vm_id, const struct drm_egret_bind_op *ops,
		uint32_t count)
{
	struct mapping *spares = NULL;
	struct sim_bo **users;
	struct sim_vm *vm;
	uint32_t i;
	int ret;

	if (count > DRM_EGRET_BIND_OPS_MAX)
		return -E2BIG;
	/* One more, since calloc(0) may return NULL. */
	users = calloc(count + 1, sizeof(*users));
	ret = users ? make_users(ops, count, users) : -ENOMEM;
	pthread_mutex_lock(&dev->lock);
	vm = sim_table_get(&dev->vms, vm_id);
	if (!vm && !ret)
		ret = -ENOENT;
	for (i = 0; !ret && i < count; i++)
		ret = prepare_op(dev, vm, vm_id, &ops[i]);
	/* Each operation may cut a mapping in two, and add one. */
	if (ret == 0)
		ret = add_spares(&spares, 2 * count);
	for (i = 0; !ret && i < count; i++) {
		apply_op(dev, vm, &ops[i], users[i], &spares);
		users[i] = NULL;	/* the mapping's now */
	}
	sim_unlock(dev);
	while (spares)
		free(take_spare(&spares));
	for (i = 0; users && i < count; i++)
		free(users[i]);
	free(users);
	return ret;
}

int sim_vm_map_ring(struct backend_device *dev, struct sim_vm *vm, uint64_t va,
		    uint64_t offset, uint64_t size)
{
	int ret;

	ret = make_tables(dev, vm, va, offset, size);
	if (ret)
		return ret;
	write_entries(dev, vm, va, offset, size,
		      EGRET_PTE_READ | EGRET_PTE_WRITE | EGRET_PTE_SUPERVISOR);
	invalidate(dev, vm, va, size);
	return 0;
}

void sim_vm_unmap_ring(struct backend_device *dev, struct sim_vm *vm, uint64_t va, uint64_t size)
{
	write_entries(dev, vm, va, va, size, 0);
	invalidate(dev, vm, va, size);
}
