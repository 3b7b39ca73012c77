/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* The model's tile engine, DMA unit, MMU and dispatching, for tests/tools/specification. */
#include <stdlib.h>
#include <string.h>

#include "dispatch.h"
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
int specification_translate(const uint8_t *tables, const uint8_t *host, size_t size,
			    const uint64_t query[4], uint64_t answer[2]);
void specification_dispatch(const uint64_t (*groups)[2], uint32_t count, uint32_t clusters,
			    uint32_t threads, uint64_t seed, uint64_t answer[5]);

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
	memcpy(desc.product.step, (const uint8_t *)descriptor + egret_desc_size(funct3),
	       egret_desc_more(funct3, &desc));
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
	good = egret_dma_check(&desc, &f) && egret_dma_run(&desc, scratch, port, NULL, &f);
	memcpy(memory, vram, PAGES * PAGE);
	return good ? 0 : give_fault(&f, fault);
}

/* System memory: as long as the tables that it holds. */
struct host {
	const uint8_t *bytes;
	size_t size;
};

static int host_read(void *opaque, uint64_t addr, void *buf, size_t size)
{
	const struct host *h = opaque;

	if (addr > h->size || size > h->size - addr)
		return -1;
	memcpy(buf, h->bytes + addr, size);
	return 0;
}

static int host_write(void *opaque, uint64_t addr, const void *buf, size_t size)
{
	(void)opaque, (void)addr, (void)buf, (void)size;
	return -1;
}

/*
 * Translates query[1], with root query[0], enum egret_fault_access query[2] and supervisor
 * rights query[3]. Returns 0 with answer = address, system memory; or 1 with answer =
 * fault's code, level.
 */
int specification_translate(const uint8_t *tables, const uint8_t *host, size_t size,
			    const uint64_t query[4], uint64_t answer[2])
{
	static const struct egret_model_ops ops = { .read = host_read, .write = host_write };
	static const struct egret_invalidation everything = { .context = EGRET_CONTEXT_ALL };
	static struct host system_memory;
	static struct egret_mem mem;
	static struct egret_mmu mmu;
	static struct egret_port port;
	struct egret_fault f = { .code = EGRET_FAULT_NONE };
	struct egret_span span;

	if (!mem.vram) {
		if (egret_mem_init(&mem, NULL, VRAM_SIZE, &ops, &system_memory) ||
		    egret_mmu_init(&mmu, &mem, 1))
			return -1;
		egret_port_init(&port, &mmu, EGRET_UNIT_CP, 0);
		egret_port_begin(&port, 0);
	}
	system_memory = (struct host) { host, size };
	memcpy(mem.vram, tables, size);
	atomic_store(&mmu.root[0], query[0]);
	egret_mmu_invalidate(&mmu, &everything, false);
	egret_port_poll(&port);
	port.supervisor = query[3];
	if (egret_port_span(&port, query[1], 1, (enum egret_fault_access)query[2], &span, &f)) {
		answer[0] = f.code;
		answer[1] = (f.info & EGRET_FAULT_INFO_LEVEL_MASK) >> 16;
		return 1;
	}
	answer[0] = span.addr;
	answer[1] = !span.host;
	return 0;
}

/* ---- Dispatching -------------------------------------------------------------- */

#define NOBODY	UINT64_MAX

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/* The workgroup @number comes back, well or not. */
static void come_back(struct egret_dispatch *d, uint64_t number, const uint64_t group[2])
{
	static struct egret_cluster_totals totals[EGRET_MAX_CLUSTERS];
	struct egret_group_stats stats = { .cycles = group[0] };
	struct egret_fault f = { .code = EGRET_FAULT_ABORT };

	d->running--;
	if (!egret_dispatch_wants(d, number, 0))
		return;
	if (group[1])
		egret_dispatch_fault(d, number, &f);
	else
		egret_dispatch_end_group(d, number, &stats, totals);
}

/*
 * Runs @count workgroups, each a pair of its cycles and whether it faults, on as many threads
 * as @threads says, in an order that @seed says. Answer: whether there was a fault, the
 * workgroup, its cluster, how many workgroups count, their cycles.
 */
void specification_dispatch(const uint64_t (*groups)[2], uint32_t count, uint32_t clusters,
			    uint32_t threads, uint64_t seed, uint64_t answer[5])
{
	const struct egret_pkt_dispatch p = { .grid = { count, 1, 1 } };
	static struct egret_dispatch d;
	uint64_t has[EGRET_MAX_CLUSTERS];

	for (uint32_t t = 0; t < threads; t++)
		has[t] = NOBODY;
	egret_dispatch_begin(&d, &p, clusters);
	while (!egret_dispatch_over(&d)) {
		uint32_t t = next_random(&seed) % threads;

		if (has[t] != NOBODY) {
			come_back(&d, has[t], groups[has[t]]);
			has[t] = NOBODY;
		} else if (egret_dispatch_available(&d)) {
			has[t] = egret_dispatch_take(&d);
		}
	}
	answer[0] = d.faulted;
	answer[1] = d.fault_number;
	answer[2] = egret_dispatch_cluster(&d);
	answer[3] = d.merged;
	answer[4] = egret_dispatch_cycles(&d);
}
