/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The two memories that the chip reaches: its own device memory, and system
 * memory behind PCIe.
 *
 * Device memory is plain host memory. The host, the clusters and the copy engines
 * access it at the same time without a lock, as they do on the card; only words
 * that order something (page table entries, fences) are accessed atomically.
 */
#ifndef EGRET_MODEL_MEM_H
#define EGRET_MODEL_MEM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "egret_model.h"

#define EGRET_MEM_PAGE		4096	/* what an uncorrectable error makes unusable */
#define EGRET_MEM_BAD_PAGES	16

/**
 * struct egret_mem - both memories
 * @vram: device memory
 * @vram_size: its bytes, a multiple of 2 MiB
 * @vram_owned: @vram was mapped by egret_mem_init()
 * @bus_master: the host permits access to system memory
 * @ops: callbacks of the embedder
 * @opaque: their argument
 * @bad: offsets of the pages with an uncorrectable error
 * @bad_count: how many there are
 * @refused: how many of the next accesses to system memory fail
 *
 * Only @bus_master, @bad, @bad_count and @refused change after egret_mem_init().
 */
struct egret_mem {
	uint8_t *vram;
	uint64_t vram_size;
	bool vram_owned;
	atomic_bool bus_master;
	struct egret_model_ops ops;
	void *opaque;
	_Atomic uint64_t bad[EGRET_MEM_BAD_PAGES];
	_Atomic unsigned int bad_count;
	_Atomic uint32_t refused;
};

/**
 * egret_mem_init() - set up the memories
 * @mem: to be filled in
 * @vram: device memory to use, zeroed, which stays the caller's; NULL to map it here
 * @vram_size: bytes
 * @ops: callbacks, copied; only read and write are used here
 * @opaque: argument of the callbacks
 *
 * Return: 0 or -ENOMEM.
 */
int egret_mem_init(struct egret_mem *mem, void *vram, uint64_t vram_size,
		   const struct egret_model_ops *ops, void *opaque);

/** egret_mem_fini() - give back what egret_mem_init() took */
void egret_mem_fini(struct egret_mem *mem);

/** egret_mem_clear() - device memory becomes zero, as after power-on */
void egret_mem_clear(struct egret_mem *mem);

/** egret_mem_in_vram() - is the whole range inside device memory? */
static inline bool egret_mem_in_vram(const struct egret_mem *mem, uint64_t offset, uint64_t size)
{
	return offset <= mem->vram_size && size <= mem->vram_size - offset;
}

/**
 * egret_mem_spoil() - an uncorrectable error appears, and stays until egret_mem_heal()
 * @mem: memories
 * @offset: where in device memory
 *
 * Calls must not run beside each other. Who has a translation cached does not see it.
 *
 * Return: 0, or -ENOSPC when there are EGRET_MEM_BAD_PAGES already.
 */
int egret_mem_spoil(struct egret_mem *mem, uint64_t offset);

/** egret_mem_heal() - device memory has no errors any more */
void egret_mem_heal(struct egret_mem *mem);

/** egret_mem_is_bad() - is there an uncorrectable error in a range of device memory? */
bool egret_mem_is_bad(const struct egret_mem *mem, uint64_t offset, uint64_t size);

/**
 * egret_mem_host_read() - read system memory
 *
 * Return: 0, or -1 when nobody answers or bus mastering is off.
 */
int egret_mem_host_read(struct egret_mem *mem, uint64_t addr, void *buf, size_t size);

/** egret_mem_host_write() - write system memory; as egret_mem_host_read() */
int egret_mem_host_write(struct egret_mem *mem, uint64_t addr, const void *buf, size_t size);

/**
 * egret_mem_allocate() - host memory for what a unit works on, in large pages if the host has them
 * @size: bytes
 *
 * Return: uninitialised memory to be freed with free(), or NULL.
 */
void *egret_mem_allocate(size_t size);

/*
 * For functions that access device memory as the guest's packets and kernels ask for.
 * Two of them may race, if the guest makes them; that is not the model's mistake,
 * and the thread sanitizer is not to look at it.
 */
#define EGRET_GUEST_ACCESS	__attribute__((no_sanitize("thread"), noinline))

#endif /* EGRET_MODEL_MEM_H */
