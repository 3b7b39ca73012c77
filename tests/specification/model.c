/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* The model's tile engine and DMA unit, for tests/tools/specification. */
#include <stdlib.h>
#include <string.h>

#include "dma.h"
#include "mem.h"
#include "mmu.h"
#include "tile.h"

#define VRAM_SIZE	(2u << 20)
#define TABLES		(1u << 20)	/* root; the others follow */
#define PAGE		4096u
#define PAGES		16u

int specification_run(unsigned int funct3, const void *descriptor, uint8_t *scratch,
		      uint64_t fault[3]);
int specification_dma(const void *descriptor, uint8_t *scratch, uint8_t *memory,
		      uint64_t fault[3]);

static int give_fault(const struct egret_fault *f, uint64_t fault[3])
{
	fault[0] = f->code;
	fault[1] = f->addr;
	fault[2] = f->value;
	return 1;
}

/* Returns 0, or 1 with the fault's code, addr and value. */
int specification_run(unsigned int funct3, const void *descriptor, uint8_t *scratch,
		      uint64_t fault[3])
{
	static struct egret_tile tile;
	static union egret_desc desc;
	struct egret_fault f = { .code = EGRET_FAULT_NONE };

	if (!tile.work && egret_tile_init(&tile, scratch))
		return -1;
	tile.scratch = scratch;
	memcpy(&desc, descriptor, egret_desc_size(funct3));
	if (egret_tile_check(funct3, &desc, &f) && egret_tile_run(&tile, funct3, &desc, &f))
		return 0;
	return give_fault(&f, fault);
}

/*
 * The first pages of device memory from EGRET_VA_MIN on; after twelve that permit
 * everything come one to read, one to write, one that is not mapped, and one that is not
 * in device memory.
 */
static void make_tables(uint8_t *vram)
{
	const uint64_t rw = EGRET_PTE_VALID | EGRET_PTE_READ | EGRET_PTE_WRITE;
	uint64_t *table = (uint64_t *)(vram + TABLES);

	for (unsigned int level = 3; level > 0; level--, table += EGRET_MMU_ENTRIES)
		table[EGRET_VA_MIN >> EGRET_MMU_LEVEL_SHIFT(level) & (EGRET_MMU_ENTRIES - 1)] =
			EGRET_PTE_VALID | (TABLES + (4 - level) * PAGE);
	for (unsigned int i = 0; i < PAGES - 4; i++)
		table[i] = rw | i * PAGE;
	table[12] = EGRET_PTE_VALID | EGRET_PTE_READ | 12 * PAGE;
	table[13] = EGRET_PTE_VALID | EGRET_PTE_WRITE | 13 * PAGE;
	table[15] = rw | VRAM_SIZE;
}

static struct egret_port *make_port(uint8_t **vram)
{
	static const struct egret_model_ops no_host;
	static struct egret_mem mem;
	static struct egret_mmu mmu;
	static struct egret_port port;

	if (!mem.vram) {
		if (egret_mem_init(&mem, NULL, VRAM_SIZE, &no_host, NULL) ||
		    egret_mmu_init(&mmu, &mem, 1))
			return NULL;
		make_tables(mem.vram);
		atomic_store(&mmu.root[0], EGRET_PTE_VALID | TABLES);
		egret_port_init(&port, &mmu, EGRET_UNIT_DMA, 0);
		egret_port_begin(&port, 0);
	}
	*vram = mem.vram;
	return &port;
}

/* As specification_run(); @memory is what the pages hold, before and after. */
int specification_dma(const void *descriptor, uint8_t *scratch, uint8_t *memory,
		      uint64_t fault[3])
{
	struct egret_fault f = { .code = EGRET_FAULT_NONE };
	static struct egret_dma_desc desc;
	struct egret_port *port;
	uint8_t *vram;
	bool good;

	port = make_port(&vram);
	if (!port)
		return -1;
	memcpy(&desc, descriptor, sizeof(desc));
	memcpy(vram, memory, PAGES * PAGE);
	good = egret_dma_check(&desc, &f) && egret_dma_run(&desc, scratch, port, &f);
	memcpy(memory, vram, PAGES * PAGE);
	return good ? 0 : give_fault(&f, fault);
}
