// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/* Device memory and the way to system memory. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* madvise() */
#endif
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "mem.h"

#define LARGE_PAGE	(UINT64_C(2) << 20)

/*
 * Transfers and tile operations walk through memory in rows that are far apart: with the
 * host's small pages, most of the time would be lost in its translations. A refusal
 * does no harm.
 */
static void prefer_large_pages(void *memory, uint64_t size)
{
#ifdef MADV_HUGEPAGE
	madvise(memory, size, MADV_HUGEPAGE);
#else
	(void)memory;
	(void)size;
#endif
}

void *egret_mem_allocate(size_t size)
{
	size_t whole = (size + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
	void *memory = aligned_alloc(LARGE_PAGE, whole);

	if (memory)
		prefer_large_pages(memory, whole);
	return memory;
}

static void *map_zeroes(void *where, uint64_t size)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (where ? MAP_FIXED : 0);
	void *memory;

	if (size > SIZE_MAX)
		return MAP_FAILED;
	memory = mmap(where, size, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (memory != MAP_FAILED)
		prefer_large_pages(memory, size);
	return memory;
}

int egret_mem_init(struct egret_mem *mem, void *vram, uint64_t vram_size,
		   const struct egret_model_ops *ops, void *opaque)
{
	mem->vram_owned = !vram;
	if (!vram) {
		vram = map_zeroes(NULL, vram_size);
		if (vram == MAP_FAILED)
			return -ENOMEM;
	}
	mem->vram = vram;
	mem->vram_size = vram_size;
	atomic_init(&mem->bus_master, true);
	atomic_init(&mem->bad_count, 0);
	atomic_init(&mem->refused, 0);
	mem->ops = *ops;
	mem->opaque = opaque;
	return 0;
}

void egret_mem_fini(struct egret_mem *mem)
{
	if (mem->vram_owned)
		munmap(mem->vram, mem->vram_size);
}

void egret_mem_clear(struct egret_mem *mem)
{
	/*
	 * Fresh pages instead of a memset(): memory that was never touched stays
	 * unallocated. If the host refuses, the old mapping is still in place.
	 */
	if (mem->vram_owned && map_zeroes(mem->vram, mem->vram_size) == MAP_FAILED)
		__builtin_memset(mem->vram, 0, mem->vram_size);
}

/* ---- Uncorrectable errors ------------------------------------------------------ */

int egret_mem_spoil(struct egret_mem *mem, uint64_t offset)
{
	unsigned int n = atomic_load_explicit(&mem->bad_count, memory_order_relaxed);

	if (egret_mem_is_bad(mem, offset, 1))
		return 0;
	if (n == EGRET_MEM_BAD_PAGES)
		return -ENOSPC;
	atomic_store_explicit(&mem->bad[n], offset & ~(uint64_t)(EGRET_MEM_PAGE - 1),
			      memory_order_relaxed);
	atomic_store_explicit(&mem->bad_count, n + 1, memory_order_release);
	return 0;
}

void egret_mem_heal(struct egret_mem *mem)
{
	atomic_store_explicit(&mem->bad_count, 0, memory_order_release);
}

bool egret_mem_is_bad(const struct egret_mem *mem, uint64_t offset, uint64_t size)
{
	unsigned int n = atomic_load_explicit(&mem->bad_count, memory_order_acquire);

	while (n--) {
		uint64_t bad = atomic_load_explicit(&mem->bad[n], memory_order_relaxed);

		if (offset < bad + EGRET_MEM_PAGE && bad < offset + size)
			return true;
	}
	return false;
}

/* ---- System memory -------------------------------------------------------------- */

/* Takes one of the injected errors, if there are any. */
static bool is_refused(struct egret_mem *mem)
{
	uint32_t left = atomic_load_explicit(&mem->refused, memory_order_relaxed);

	while (left)
		if (atomic_compare_exchange_weak_explicit(&mem->refused, &left, left - 1,
							  memory_order_relaxed,
							  memory_order_relaxed))
			return true;
	return false;
}

static bool may_access(struct egret_mem *mem)
{
	return atomic_load_explicit(&mem->bus_master, memory_order_acquire) && !is_refused(mem);
}

int egret_mem_host_read(struct egret_mem *mem, uint64_t addr, void *buf, size_t size)
{
	if (!may_access(mem) || size - 1 > UINT64_MAX - addr)
		return -1;
	return mem->ops.read(mem->opaque, addr, buf, size) < 0 ? -1 : 0;
}

int egret_mem_host_write(struct egret_mem *mem, uint64_t addr, const void *buf, size_t size)
{
	if (!may_access(mem) || size - 1 > UINT64_MAX - addr)
		return -1;
	return mem->ops.write(mem->opaque, addr, buf, size) < 0 ? -1 : 0;
}
