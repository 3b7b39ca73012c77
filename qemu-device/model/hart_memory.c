// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Accesses of the hart that are not to scratchpad: global memory, through direct
 * pointers where it is device memory, and everything that fails.
 */
#include "hart.h"

#include <string.h>

#include <egret/mmu.h>

#include "mmu.h"
#include "perf.h"

#define PAGE_MASK	((UINT64_C(1) << EGRET_MMU_PAGE_SHIFT) - 1)

/* RISC-V's cause of the fault in h->fault. */
static bool trap_from_fault(struct egret_hart *h, enum egret_fault_access access, uint64_t va)
{
	static const enum hart_cause page[] = {
		[EGRET_ACCESS_READ] = MCAUSE_LOAD_PAGE,
		[EGRET_ACCESS_WRITE] = MCAUSE_STORE_PAGE,
		[EGRET_ACCESS_EXEC] = MCAUSE_FETCH_PAGE,
	};
	static const enum hart_cause other[] = {
		[EGRET_ACCESS_READ] = MCAUSE_LOAD_ACCESS,
		[EGRET_ACCESS_WRITE] = MCAUSE_STORE_ACCESS,
		[EGRET_ACCESS_EXEC] = MCAUSE_FETCH_ACCESS,
	};
	bool is_page;

	/* A bare hart knows of no pages: where there is no memory, nobody answers. */
	is_page = h->global == EGRET_VA_MIN && (h->fault.code == EGRET_FAULT_MMU_UNMAPPED ||
						h->fault.code == EGRET_FAULT_MMU_PERMISSION ||
						h->fault.code == EGRET_FAULT_MMU_TABLE);
	hart_trap(h, is_page ? page[access] : other[access], va);
	h->trap_is_fault = true;
	return false;
}

static bool make_fault(struct egret_hart *h, enum egret_fault_code code,
		       enum egret_fault_access access, uint64_t va)
{
	memset(&h->fault, 0, sizeof(h->fault));
	h->fault.code = code;
	h->fault.info = egret_fault_info(EGRET_UNIT_HART, h->index, access, 0);
	h->fault.addr = va;
	return trap_from_fault(h, access, va);
}

/* The context's virtual address of what the hart sees at @va. */
static inline uint64_t translated(const struct egret_hart *h, uint64_t va)
{
	return va - h->global + EGRET_VA_MIN;
}

/* The host's address of @size bytes at @va, or NULL if they are not all in one page of device memory. */
static inline uint8_t *direct(struct egret_hart *h, struct hart_page *pages, uint64_t va,
			      size_t size, enum egret_fault_access access)
{
	struct hart_page *p = &pages[va >> EGRET_MMU_PAGE_SHIFT & (HART_PAGES - 1)];
	uint8_t *host;
	size_t avail;

	if ((va & PAGE_MASK) + size > PAGE_MASK + 1)
		return NULL;
	if (p->va == (va & ~PAGE_MASK) + 1)
		return p->host + (va & PAGE_MASK);
	host = egret_port_map(h->port, translated(h, va), access, &avail);
	if (!host || avail < size)
		return NULL;
	p->va = (va & ~PAGE_MASK) + 1;
	p->host = host - (va & PAGE_MASK);
	return host;
}

bool hart_load(struct egret_hart *h, uint64_t va, void *buf, size_t size)
{
	uint64_t host_read = h->port->host_read;
	uint8_t *p;

	if (va < h->global)
		return make_fault(h, EGRET_FAULT_LOCAL, EGRET_ACCESS_READ, va);
	p = direct(h, h->read_page, va, size, EGRET_ACCESS_READ);
	if (p) {
		memcpy(buf, p, size);
		h->port->vram_read += size;
		h->now += PERF_GLOBAL_LOAD;
		return true;
	}
	if (egret_port_read(h->port, translated(h, va), buf, size, EGRET_ACCESS_READ, &h->fault))
		return trap_from_fault(h, EGRET_ACCESS_READ, va);
	h->now += h->port->host_read != host_read ? PERF_HOST_LOAD : PERF_GLOBAL_LOAD;
	return true;
}

bool hart_store(struct egret_hart *h, uint64_t va, const void *buf, size_t size)
{
	uint64_t host_write = h->port->host_write;
	uint8_t *p;

	if (va < h->global)
		return make_fault(h, EGRET_FAULT_LOCAL, EGRET_ACCESS_WRITE, va);
	p = direct(h, h->write_page, va, size, EGRET_ACCESS_WRITE);
	if (p) {
		memcpy(p, buf, size);
		h->port->vram_write += size;
		h->now += PERF_GLOBAL_STORE;
		return true;
	}
	if (egret_port_write(h->port, translated(h, va), buf, size, &h->fault))
		return trap_from_fault(h, EGRET_ACCESS_WRITE, va);
	h->now += h->port->host_write != host_write ? PERF_HOST_STORE : PERF_GLOBAL_STORE;
	return true;
}

/*
 * Where an atomic instruction finds its operand. System memory has no atomic
 * operations (PCIe's are optional, and the card does not use them): a bus fault.
 */
void *hart_atomic(struct egret_hart *h, uint64_t va, size_t size, bool load_only)
{
	enum egret_fault_access access = load_only ? EGRET_ACCESS_READ : EGRET_ACCESS_WRITE;
	struct egret_span span;

	if (va % size) {
		hart_trap(h, load_only ? MCAUSE_LOAD_MISALIGNED : MCAUSE_STORE_MISALIGNED, va);
		return NULL;
	}
	if (va - EGRET_LOCAL_SCRATCH <= EGRET_SCRATCH_SIZE - size)
		return h->scratch + (va - EGRET_LOCAL_SCRATCH);
	if (va < h->global) {
		make_fault(h, EGRET_FAULT_LOCAL, access, va);
		return NULL;
	}
	if (egret_port_span(h->port, translated(h, va), size, EGRET_ACCESS_READ, &span, &h->fault)) {
		trap_from_fault(h, EGRET_ACCESS_READ, va);
		return NULL;
	}
	if (!load_only && egret_port_span(h->port, translated(h, va), size, access, &span, &h->fault)) {
		trap_from_fault(h, access, va);
		return NULL;
	}
	if (!span.host) {
		make_fault(h, EGRET_FAULT_BUS, access, va);
		return NULL;
	}
	h->now += PERF_GLOBAL_ATOMIC;
	h->port->vram_read += size;
	if (!load_only)
		h->port->vram_write += size;
	return span.host;
}

static bool fetch_half(struct egret_hart *h, uint64_t va, uint16_t *half)
{
	uint64_t vram_read = h->port->vram_read, host_read = h->port->host_read;
	bool ok;

	ok = !egret_port_read(h->port, translated(h, va), half, sizeof(*half), EGRET_ACCESS_EXEC, &h->fault);
	/* what is fetched is not counted: it depends on the code cache */
	h->port->vram_read = vram_read;
	h->port->host_read = host_read;
	return ok || trap_from_fault(h, EGRET_ACCESS_EXEC, va);
}

/*
 * Fetch one instruction, of 2 or 4 bytes. Each half is translated by itself: the
 * second one may be in a page that faults.
 */
bool hart_fetch(struct egret_hart *h, uint64_t va, uint32_t *insn, unsigned int *size)
{
	uint16_t low, high = 0;

	if (va & 1) {
		hart_trap(h, MCAUSE_FETCH_MISALIGNED, va);
		return false;
	}
	if (va < h->global)
		return make_fault(h, EGRET_FAULT_LOCAL, EGRET_ACCESS_EXEC, va);
	if (!fetch_half(h, va, &low))
		return false;
	*size = (low & 3) == 3 ? 4 : 2;
	if (*size == 4 && !fetch_half(h, va + 2, &high))
		return false;
	*insn = (uint32_t)high << 16 | low;
	return true;
}
