// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "machine.h"

#include <stdlib.h>
#include <string.h>

#include <egret/mmu.h>

#include "perf.h"
#include "sim.h"

#define CONTEXT		0
#define PAGE		((uint64_t)1 << EGRET_MMU_PAGE_SHIFT)

/*
 * How far a cluster may run ahead of the others, in instructions and cycles of
 * operations: workgroups that wait for each other see the other's stores late by so
 * much. And how often a cluster that has nobody to wait for is looked at.
 */
#define QUANTUM		100
#define QUANTUM_ALONE	65536

/* ---- Making one ----------------------------------------------------------- */

static uint64_t modelled_time_ns(void *opaque)
{
	const struct machine *m = opaque;

	return m->current ? machine_time(m->current) * 1000000 / PERF_CLOCK_KHZ : 0;
}

/* There is no system memory: page tables never point to it. */
static int no_read(void *opaque, uint64_t addr, void *buf, size_t size)
{
	(void)opaque, (void)addr, (void)buf, (void)size;
	return -1;
}

static int no_write(void *opaque, uint64_t addr, const void *buf, size_t size)
{
	(void)opaque, (void)addr, (void)buf, (void)size;
	return -1;
}

static void tell_activity(void *arg, const struct egret_activity *a)
{
	struct machine_unit *u = arg;
	struct machine *m = u->machine;

	for (unsigned int i = 0; i < m->watches; i++)
		if (m->watch[i].activity)
			m->watch[i].activity(m->watch[i].arg, u, a);
}

/* Whole pages of device memory, zeroed. */
static bool take_vram(struct machine *m, uint64_t size, uint64_t *offset)
{
	if (size > m->mem.vram_size - m->vram_used)
		return false;
	*offset = m->vram_used;
	m->vram_used += size;
	return true;
}

struct machine *machine_create(unsigned int clusters, uint64_t vram_size)
{
	static const struct egret_model_ops ops = {
		.read = no_read,
		.write = no_write,
		.time_ns = modelled_time_ns,
	};
	struct machine *m = allocate(1, sizeof(*m));

	if (egret_mem_init(&m->mem, NULL, vram_size, &ops, m))
		fail(SIM_HOST, "cannot reserve %llu MiB for device memory",
		     (unsigned long long)vram_size >> 20);
	if (egret_mmu_init(&m->mmu, &m->mem, 1))
		fail(SIM_HOST, "out of memory");
	take_vram(m, PAGE, &m->root);
	atomic_store(&m->mmu.root[CONTEXT], m->root | EGRET_PTE_VALID);
	m->clusters = clusters;
	m->unit = allocate(clusters, sizeof(*m->unit));
	for (unsigned int i = 0; i < clusters; i++) {
		struct machine_unit *u = &m->unit[i];

		u->machine = m;
		u->index = i;
		egret_port_init(&u->port, &m->mmu, EGRET_UNIT_HART, i);
		u->cluster = egret_cluster_create(i, &u->port);
		if (!u->cluster)
			fail(SIM_HOST, "out of memory");
		u->hart = egret_cluster_hart(u->cluster);
	}
	return m;
}

void machine_destroy(struct machine *m)
{
	for (unsigned int i = 0; i < m->clusters; i++)
		egret_cluster_destroy(m->unit[i].cluster);
	free(m->unit);
	egret_mmu_fini(&m->mmu);
	egret_mem_fini(&m->mem);
	free(m);
}

/* ---- Memory --------------------------------------------------------------- */

static uint64_t *table_entry(struct machine *m, uint64_t table, uint64_t va, unsigned int level)
{
	uint64_t index = va >> EGRET_MMU_LEVEL_SHIFT(level) & (EGRET_MMU_ENTRIES - 1);

	return (uint64_t *)(m->mem.vram + table) + index;
}

/* The leaf's place in its table, making tables on the way; NULL when memory is full. */
static uint64_t *leaf_of(struct machine *m, uint64_t va)
{
	uint64_t table = m->root;

	for (unsigned int level = EGRET_MMU_LEVELS - 1; level > 0; level--) {
		uint64_t *entry = table_entry(m, table, va, level);

		if (!*entry) {
			uint64_t next;

			if (!take_vram(m, PAGE, &next))
				return NULL;
			*entry = next | EGRET_PTE_VALID;
		}
		table = *entry & EGRET_PTE_ADDR_MASK;
	}
	return table_entry(m, table, va, 0);
}

uint8_t *machine_map(struct machine *m, uint64_t va, uint64_t size, uint64_t access)
{
	uint64_t offset;

	if (size > m->mem.vram_size)
		return NULL;
	size = (size + PAGE - 1) & ~(PAGE - 1);
	if (!take_vram(m, size, &offset))
		return NULL;
	for (uint64_t at = 0; at < size; at += PAGE) {
		uint64_t *leaf = leaf_of(m, va + at);

		if (!leaf)
			return NULL;
		*leaf = (offset + at) | access | EGRET_PTE_VALID;
	}
	return m->mem.vram + offset;
}

/* Where the bytes at an address are, or NULL; *avail counts those that lie together. */
static uint8_t *locate(struct machine_unit *u, uint64_t va, size_t *avail)
{
	struct machine *m = u->machine;
	uint64_t global = u->hart->global;
	uint64_t table = m->root;

	if (va >= EGRET_LOCAL_SCRATCH && va < EGRET_LOCAL_SCRATCH_END) {
		*avail = EGRET_LOCAL_SCRATCH_END - va;
		return (uint8_t *)egret_cluster_scratch(u->cluster) + (va - EGRET_LOCAL_SCRATCH);
	}
	if (va < global || va - global >= EGRET_VA_END - EGRET_VA_MIN)
		return NULL;
	va = va - global + EGRET_VA_MIN;
	for (unsigned int level = EGRET_MMU_LEVELS; level-- > 0;) {
		uint64_t entry = *table_entry(m, table, va, level);

		if (!(entry & EGRET_PTE_VALID))
			return NULL;
		table = entry & EGRET_PTE_ADDR_MASK;
	}
	*avail = PAGE - va % PAGE;
	return m->mem.vram + table + va % PAGE;
}

size_t machine_read(struct machine_unit *u, uint64_t va, void *buf, size_t size)
{
	size_t done = 0, avail;

	while (done < size) {
		const uint8_t *p = locate(u, va + done, &avail);

		if (!p)
			break;
		if (avail > size - done)
			avail = size - done;
		memcpy((uint8_t *)buf + done, p, avail);
		done += avail;
	}
	return done;
}

size_t machine_write(struct machine_unit *u, uint64_t va, const void *buf, size_t size)
{
	struct machine *m = u->machine;
	size_t done = 0, avail;

	while (done < size) {
		uint8_t *p = locate(u, va + done, &avail);

		if (!p)
			break;
		if (avail > size - done)
			avail = size - done;
		memcpy(p, (const uint8_t *)buf + done, avail);
		done += avail;
	}
	for (unsigned int i = 0; i < m->clusters; i++)
		egret_cluster_invalidate_code(m->unit[i].cluster, CONTEXT);
	return done;
}

/* ---- Watching ------------------------------------------------------------- */

void machine_watch(struct machine *m, const struct machine_watch *watch)
{
	if (m->watches == MACHINE_WATCHES)
		fail(SIM_HOST, "too many watches");
	m->watch[m->watches++] = *watch;
	if (!watch->activity)
		return;
	for (unsigned int i = 0; i < m->clusters; i++)
		egret_cluster_observe(m->unit[i].cluster, tell_activity, &m->unit[i]);
}

void machine_set_stepping(struct machine *m, bool on)
{
	m->stepping += on ? 1 : -1u;
	for (unsigned int i = 0; i < m->clusters; i++)
		egret_hart_set_stepping(m->unit[i].hart, m->stepping);
}

static bool ask_before(struct machine *m, struct machine_unit *u)
{
	for (unsigned int i = 0; i < m->watches; i++)
		if (m->watch[i].before && !m->watch[i].before(m->watch[i].arg, u))
			return false;
	return true;
}

/* Everybody is told, also when one wants to stop. */
static bool ask_after(struct machine *m, struct machine_unit *u)
{
	bool go_on = true;

	for (unsigned int i = 0; i < m->watches; i++)
		if (m->watch[i].after && !m->watch[i].after(m->watch[i].arg, u))
			go_on = false;
	return go_on;
}

/* ---- Running ---------------------------------------------------------------- */

uint64_t machine_time(const struct machine_unit *u)
{
	return u->busy ? u->start + u->hart->now : u->free_at;
}

uint64_t machine_instructions(const struct machine *m)
{
	uint64_t n = m->dispatch.sum.instructions;

	for (unsigned int i = 0; i < m->clusters; i++)
		if (m->unit[i].busy)
			n += m->unit[i].hart->instret;
	return n;
}

void machine_dispatch(struct machine *m, uint64_t entry, const uint32_t grid[3],
		      const void *args, size_t args_size)
{
	m->packet = (struct egret_pkt_dispatch) {
		.entry = entry,
		.grid = { grid[0], grid[1], grid[2] },
		.args_size = (uint32_t)args_size,
	};
	egret_dispatch_begin(&m->dispatch, &m->packet, m->clusters);
	memcpy(m->dispatch.args, args, args_size);
}

/*
 * Who is behind all others in modelled time. Of equals one with a workgroup: if it
 * ends now, it is as free as the other.
 */
static struct machine_unit *next_unit(struct machine *m)
{
	bool available = egret_dispatch_available(&m->dispatch);
	struct machine_unit *best = NULL;

	for (unsigned int i = 0; i < m->clusters; i++) {
		struct machine_unit *u = &m->unit[i];

		if (u->held || (!u->busy && !available))
			continue;
		if (!best || machine_time(u) < machine_time(best) ||
		    (machine_time(u) == machine_time(best) && u->busy && !best->busy))
			best = u;
	}
	return best;
}

static void begin_group(struct machine *m, struct machine_unit *u)
{
	const struct egret_pkt_dispatch *p = &m->packet;
	struct egret_group group = {
		.context = CONTEXT,
		.entry = p->entry,
		.args = m->dispatch.args,
		.args_size = p->args_size,
		.grid = { p->grid[0], p->grid[1], p->grid[2] },
	};

	u->group = egret_dispatch_take(&m->dispatch);
	egret_dispatch_coordinates(p, u->group, u->id);
	memcpy(group.id, u->id, sizeof(group.id));
	egret_port_begin(&u->port, CONTEXT);
	egret_cluster_begin(u->cluster, &group);
	u->busy = true;
	u->start = u->free_at + PERF_GROUP;
	for (unsigned int i = 0; i < m->watches; i++)
		if (m->watch[i].begin)
			m->watch[i].begin(m->watch[i].arg, u);
}

static void end_group(struct machine *m, struct machine_unit *u)
{
	struct egret_group_stats stats;

	egret_cluster_stats(u->cluster, &stats);
	egret_port_end(&u->port);
	u->free_at = u->start + stats.cycles;
	for (unsigned int i = 0; i < m->watches; i++)
		if (m->watch[i].end)
			m->watch[i].end(m->watch[i].arg, u, &stats);
	u->busy = false;
	m->dispatch.running--;
	egret_dispatch_end_group(&m->dispatch, u->group, &stats, m->totals);
}

/* What may be done at once, in egret_cluster_run()'s measure. */
static uint64_t quantum(const struct machine *m)
{
	uint64_t most = m->dispatch.running > 1 ? QUANTUM : QUANTUM_ALONE;

	if (m->stepping)
		return 1;
	if (m->limit && most > m->limit - machine_instructions(m))
		most = m->limit - machine_instructions(m);
	return most;
}

/* After a fault: workgroups that the chip would drop stand still. */
static void hold_needless(struct machine *m)
{
	for (unsigned int i = 0; m->dispatch.faulted && i < m->clusters; i++) {
		struct machine_unit *u = &m->unit[i];

		if (u->busy && !egret_dispatch_wants(&m->dispatch, u->group, u->hart->now))
			u->held = true;
	}
}

void machine_settle(struct machine *m)
{
	struct machine_unit *u;

	do {
		u = m->current;
		egret_dispatch_fault(&m->dispatch, u->group, egret_cluster_fault(u->cluster));
	} while (machine_run(m) == MACHINE_FAULT);
	m->current = u;
}

enum machine_state machine_run(struct machine *m)
{
	for (;;) {
		struct machine_unit *u;
		enum egret_run result;

		hold_needless(m);
		u = next_unit(m);
		if (!u)
			return egret_dispatch_over(&m->dispatch) ? MACHINE_DONE : MACHINE_STOPPED;
		if (!u->busy) {
			begin_group(m, u);
			continue;
		}
		if (m->limit && machine_instructions(m) >= m->limit)
			return MACHINE_LIMIT;
		m->current = u;
		if (!ask_before(m, u))
			return MACHINE_STOPPED;
		result = egret_cluster_run(u->cluster, quantum(m));
		if (result == EGRET_RUN_FAULT)
			return MACHINE_FAULT;
		if (!ask_after(m, u)) {
			if (result == EGRET_RUN_DONE)
				end_group(m, u);
			return MACHINE_STOPPED;
		}
		if (result == EGRET_RUN_DONE)
			end_group(m, u);
	}
}
