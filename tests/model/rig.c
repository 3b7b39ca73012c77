// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGE		(UINT64_C(1) << EGRET_MMU_LARGE_SHIFT)
#define TABLES		RIG_VRAM_SIZE	/* where page tables lie in device memory */

static void die(const char *what)
{
	fprintf(stderr, "rig: %s\n", what);
	abort();
}

static int sys_read(void *opaque, uint64_t addr, void *buf, size_t size)
{
	struct rig *r = opaque;

	if (addr > RIG_SYS_SIZE || size > RIG_SYS_SIZE - addr)
		return -1;
	if (r->on_sys_read)
		r->on_sys_read(r);
	memcpy(buf, r->sys + addr, size);
	return 0;
}

static int sys_write(void *opaque, uint64_t addr, const void *buf, size_t size)
{
	struct rig *r = opaque;

	if (addr > RIG_SYS_SIZE || size > RIG_SYS_SIZE - addr)
		return -1;
	memcpy(r->sys + addr, buf, size);
	return 0;
}

static void interrupt(void *opaque, unsigned int vector, unsigned int times)
{
	(void)opaque;
	(void)vector;
	(void)times;
}

/* Some time, not the real one: tests must repeat. */
static uint64_t time_ns(void *opaque)
{
	(void)opaque;
	return 123456789;
}

static const struct egret_model_ops ops = {
	.read = sys_read,
	.write = sys_write,
	.interrupt = interrupt,
	.time_ns = time_ns,
};

static uint64_t *table(struct rig *r, unsigned int number)
{
	return (uint64_t *)(r->vram + TABLES + 4096 * number);
}

uint64_t *rig_leaf(struct rig *r)
{
	return table(r, 2);
}

/* Tables: 0 the root, 1 level 2, 2.. level 1. Both addresses share the root's first entry. */
static void map_memory(struct rig *r)
{
	const uint64_t flags = EGRET_PTE_VALID | EGRET_PTE_READ | EGRET_PTE_WRITE | EGRET_PTE_EXEC;

	table(r, 0)[0] = (TABLES + 4096) | EGRET_PTE_VALID;
	table(r, 1)[RIG_VRAM_VA >> 30] = (TABLES + 2 * 4096) | EGRET_PTE_VALID;
	table(r, 1)[RIG_SYS_VA >> 30] = (TABLES + 3 * 4096) | EGRET_PTE_VALID;
	for (uint64_t i = 0; i < RIG_VRAM_SIZE / LARGE; i++)
		table(r, 2)[i] = i * LARGE | flags;
	table(r, 3)[0] = flags | EGRET_PTE_SYSTEM;
	r->mmu.root[RIG_CONTEXT] = TABLES | EGRET_PTE_VALID;
}

struct rig *rig_new(void)
{
	struct rig *r = calloc(1, sizeof(*r));

	if (!r)
		die("no memory");
	r->sys = calloc(1, RIG_SYS_SIZE);
	if (!r->sys || egret_mem_init(&r->mem, NULL, RIG_VRAM_SIZE + LARGE, &ops, r))
		die("no memory");
	r->mem.bus_master = true;
	r->vram = r->mem.vram;
	if (egret_mmu_init(&r->mmu, &r->mem, 4))
		die("no memory");
	map_memory(r);
	egret_port_init(&r->port, &r->mmu, EGRET_UNIT_HART, 0);
	r->cl = egret_cluster_create(0, &r->port);
	if (!r->cl)
		die("no cluster");
	r->scratch = egret_cluster_scratch(r->cl);
	return r;
}

void rig_free(struct rig *r)
{
	egret_cluster_destroy(r->cl);
	egret_mmu_fini(&r->mmu);
	egret_mem_fini(&r->mem);
	free(r->sys);
	free(r);
}

void rig_begin(struct rig *r, uint64_t entry, const void *args, uint32_t args_size)
{
	const struct egret_group group = {
		.context = RIG_CONTEXT,
		.entry = entry,
		.args = args,
		.args_size = args_size,
		.grid = { 1, 1, 1 },
	};

	egret_port_begin(&r->port, RIG_CONTEXT);
	egret_cluster_begin(r->cl, &group);
}

enum egret_run rig_run(struct rig *r)
{
	enum egret_run result;

	do
		result = egret_cluster_run(r->cl, 1000000);
	while (result == EGRET_RUN_QUANTUM);
	egret_port_end(&r->port);
	return result;
}

void rig_code(struct rig *r, const uint32_t *insns, size_t count)
{
	memcpy(r->vram + (RIG_CODE_VA - RIG_VRAM_VA), insns, count * sizeof(*insns));
	egret_cluster_invalidate_code(r->cl, RIG_CONTEXT);
}

enum egret_run rig_run_code(struct rig *r, const uint32_t *insns, size_t count)
{
	rig_code(r, insns, count);
	rig_begin(r, RIG_CODE_VA, NULL, 0);
	return rig_run(r);
}

enum egret_run rig_operation(struct rig *r, unsigned int funct3, const void *desc, size_t size)
{
	const uint32_t code[] = {
		LUI(T0, RIG_DESC >> 12),
		ISSUE(funct3, T0, ZERO),
		ADDI(T1, ZERO, 1),
		WAIT(T1),
		RET,
	};

	memcpy(r->scratch + (RIG_DESC - EGRET_LOCAL_SCRATCH), desc, size);
	return rig_run_code(r, code, sizeof(code) / sizeof(code[0]));
}

uint64_t rig_random(struct rig_random *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}
