// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * The page table walker, the TLBs and their invalidation.
 *
 * What the specification leaves to the chip, decided here:
 *
 * - Of an entry without EGRET_PTE_VALID no other bit is looked at.
 * - EGRET_PTE_CONTIG64K is checked for its level and otherwise ignored.
 * - Addresses below EGRET_VA_MIN and from EGRET_VA_END on have no translation; the
 *   walk ends at level 3. A root register that is not valid counts as level 3 too.
 * - Failed translations are not cached, so mapping a page needs no invalidation.
 * - Whether the address of a leaf exists is found out by the access (BUS), not by
 *   the walk: a mapping to nowhere does no harm until it is used.
 * - An uncorrectable memory error spoils 4 KiB, whatever the size of the page that maps
 *   it. In a TLB a spoilt page has no host pointer, so that only the slow path of an
 *   access ever looks for one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mmu.h"

#define PAGE_SIZE	(1ull << EGRET_MMU_PAGE_SHIFT)
#define LARGE_SIZE	(1ull << EGRET_MMU_LARGE_SHIFT)

/* Tags are made of a page number and a context, whatever the page's size. */
#define TAG_CONTEXT(tag)	((uint32_t)((tag) >> 1) & 0x3ff)
#define TAG_PAGE(tag)		((tag) >> 12)

int egret_mmu_init(struct egret_mmu *mmu, struct egret_mem *mem, uint32_t contexts)
{
	memset(mmu, 0, sizeof(*mmu));
	mmu->root = calloc(contexts, sizeof(*mmu->root));
	if (!mmu->root)
		return -ENOMEM;
	mmu->mem = mem;
	mmu->contexts = contexts;
	pthread_mutex_init(&mmu->lock, NULL);
	return 0;
}

void egret_mmu_fini(struct egret_mmu *mmu)
{
	pthread_mutex_destroy(&mmu->lock);
	free(mmu->root);
}

/* ---- Invalidation -------------------------------------------------------- */

void egret_mmu_invalidate(struct egret_mmu *mmu, const struct egret_invalidation *cmd, bool host)
{
	uint64_t n;

	pthread_mutex_lock(&mmu->lock);
	n = atomic_load_explicit(&mmu->issued, memory_order_relaxed) + 1;
	mmu->log[n % EGRET_MMU_LOG] = *cmd;
	if (host)
		mmu->issued_host = n;
	atomic_store_explicit(&mmu->issued, n, memory_order_release);
	pthread_mutex_unlock(&mmu->lock);
}

bool egret_mmu_busy(struct egret_mmu *mmu)
{
	bool busy = false;

	pthread_mutex_lock(&mmu->lock);
	for (struct egret_port *p = mmu->ports; p && !busy; p = p->next)
		busy = p->running && p->applied < mmu->issued_host;
	pthread_mutex_unlock(&mmu->lock);
	return busy;
}

static void tlb_forget(struct egret_tlb_entry *tlb, size_t entries, unsigned int shift,
		       const struct egret_invalidation *cmd)
{
	uint64_t first = cmd->addr >> shift;
	uint64_t last = cmd->addr + (cmd->size - 1);

	/* A range that wraps around reaches to the end of the address space. */
	last = last < cmd->addr ? UINT64_MAX >> shift : last >> shift;
	for (size_t i = 0; i < entries; i++) {
		uint64_t tag = tlb[i].tag;

		if (cmd->context != EGRET_CONTEXT_ALL && TAG_CONTEXT(tag) != cmd->context)
			continue;
		if (!cmd->size || (TAG_PAGE(tag) >= first && TAG_PAGE(tag) <= last))
			tlb[i].tag = 0;
	}
}

static void port_forget(struct egret_port *port, const struct egret_invalidation *cmd)
{
	if (!cmd->code_only) {
		tlb_forget(port->small, EGRET_TLB_SMALL, EGRET_MMU_PAGE_SHIFT, cmd);
		tlb_forget(port->large, EGRET_TLB_LARGE, EGRET_MMU_LARGE_SHIFT, cmd);
	}
	if (port->drop_code)
		port->drop_code(port->drop_code_arg, cmd->context);
}

/*
 * The commands are copied out, so that the lock is not held while a TLB is searched.
 * `applied` moves only when everything has been forgotten: the host may then believe it.
 */
static void port_catch_up(struct egret_port *port)
{
	static const struct egret_invalidation everything = { .context = EGRET_CONTEXT_ALL };
	struct egret_mmu *mmu = port->mmu;
	struct egret_invalidation log[EGRET_MMU_LOG];
	uint64_t target;

	pthread_mutex_lock(&mmu->lock);
	target = atomic_load_explicit(&mmu->issued, memory_order_relaxed);
	memcpy(log, mmu->log, sizeof(log));
	pthread_mutex_unlock(&mmu->lock);

	if (target - port->applied > EGRET_MMU_LOG)
		port_forget(port, &everything);
	else
		for (uint64_t n = port->applied + 1; n <= target; n++)
			port_forget(port, &log[n % EGRET_MMU_LOG]);

	pthread_mutex_lock(&mmu->lock);
	port->applied = target;
	pthread_mutex_unlock(&mmu->lock);
}

void egret_port_poll(struct egret_port *port)
{
	/* Only this thread changes `applied`, so it may read it without the lock. */
	if (atomic_load_explicit(&port->mmu->issued, memory_order_acquire) != port->applied)
		port_catch_up(port);
}

void egret_port_init(struct egret_port *port, struct egret_mmu *mmu,
		     enum egret_fault_unit unit, unsigned int index)
{
	memset(port, 0, sizeof(*port));
	port->mmu = mmu;
	port->unit = unit;
	port->index = index;
	pthread_mutex_lock(&mmu->lock);
	port->next = mmu->ports;
	mmu->ports = port;
	pthread_mutex_unlock(&mmu->lock);
}

void egret_port_begin(struct egret_port *port, uint32_t context)
{
	/*
	 * First running, then catching up: an invalidation that comes in between
	 * is either applied here or waited for by the host.
	 */
	pthread_mutex_lock(&port->mmu->lock);
	port->running = true;
	pthread_mutex_unlock(&port->mmu->lock);
	port->context = context;
	egret_port_poll(port);
}

void egret_port_end(struct egret_port *port)
{
	pthread_mutex_lock(&port->mmu->lock);
	port->running = false;
	pthread_mutex_unlock(&port->mmu->lock);
}

/* ---- The walk ---------------------------------------------------------------- */

static int port_fault(const struct egret_port *port, struct egret_fault *fault,
		      enum egret_fault_code code, uint64_t va,
		      enum egret_fault_access access, unsigned int level)
{
	if (fault)
		*fault = (struct egret_fault) {
			.code = code,
			.info = egret_fault_info(port->unit, port->index, access, level),
			.addr = va,
		};
	return -1;
}

static bool pte_is_leaf(uint64_t pte)
{
	return pte & EGRET_PTE_ACCESS_MASK;
}

/* @pte was found at @level and is valid. */
static bool pte_is_malformed(uint64_t pte, unsigned int level)
{
	if (pte & ~EGRET_PTE_DEFINED_MASK)
		return true;
	if (!pte_is_leaf(pte))
		return level == 0 || pte & (EGRET_PTE_SUPERVISOR | EGRET_PTE_CONTIG64K);
	if (level == 0)
		return false;
	return level > 1 || pte & EGRET_PTE_CONTIG64K ||
		pte & EGRET_PTE_ADDR_MASK & (LARGE_SIZE - 1);
}

static enum egret_fault_code read_pte(struct egret_mem *mem, uint64_t table, unsigned int index,
				      uint64_t *pte)
{
	uint64_t addr = (table & EGRET_PTE_ADDR_MASK) + index * sizeof(*pte);

	if (table & EGRET_PTE_SYSTEM)
		return egret_mem_host_read(mem, addr, pte, sizeof(*pte)) ?
			EGRET_FAULT_MMU_TABLE : EGRET_FAULT_NONE;
	if (!egret_mem_in_vram(mem, addr, sizeof(*pte)))
		return EGRET_FAULT_MMU_TABLE;
	if (egret_mem_is_bad(mem, addr, sizeof(*pte)))
		return EGRET_FAULT_ECC;
	*pte = __atomic_load_n((uint64_t *)(mem->vram + addr), __ATOMIC_ACQUIRE);
	return EGRET_FAULT_NONE;
}

/*
 * The walk itself: finds the leaf for @va. The root register is an entry that points
 * to a table, found "above" the root, hence the check against the root's level.
 */
static enum egret_fault_code walk(struct egret_mmu *mmu, uint32_t context, uint64_t va,
				  uint64_t *leaf, unsigned int *level)
{
	unsigned int l = EGRET_MMU_LEVELS - 1;
	enum egret_fault_code code;
	uint64_t pte;

	*level = l;
	if (va < EGRET_VA_MIN || va >= EGRET_VA_END || context >= mmu->contexts)
		return EGRET_FAULT_MMU_UNMAPPED;
	pte = atomic_load_explicit(&mmu->root[context], memory_order_acquire);
	if (!(pte & EGRET_PTE_VALID))
		return EGRET_FAULT_MMU_UNMAPPED;
	if (pte_is_leaf(pte) || pte_is_malformed(pte, l))
		return EGRET_FAULT_MMU_TABLE;
	for (;; l--) {
		unsigned int index = va >> EGRET_MMU_LEVEL_SHIFT(l) & (EGRET_MMU_ENTRIES - 1);

		*level = l;
		code = read_pte(mmu->mem, pte, index, &pte);
		if (code)
			return code;
		if (!(pte & EGRET_PTE_VALID))
			return EGRET_FAULT_MMU_UNMAPPED;
		if (pte_is_malformed(pte, l))
			return EGRET_FAULT_MMU_TABLE;
		if (pte_is_leaf(pte))
			break;
	}
	*leaf = pte;
	return EGRET_FAULT_NONE;
}

/* Where a page is, however it was found. */
struct leaf {
	const struct egret_tlb_entry *entry;
	uint64_t size;
};

static struct leaf tlb_find(struct egret_port *port, uint64_t va)
{
	uint64_t page = va >> EGRET_MMU_PAGE_SHIFT;
	uint64_t large = va >> EGRET_MMU_LARGE_SHIFT;
	struct egret_tlb_entry *e;

	e = &port->small[egret_tlb_index(page, EGRET_TLB_SMALL)];
	if (e->tag == egret_tlb_tag(page, port->context))
		return (struct leaf) { e, PAGE_SIZE };
	e = &port->large[egret_tlb_index(large, EGRET_TLB_LARGE)];
	if (e->tag == egret_tlb_tag(large, port->context))
		return (struct leaf) { e, LARGE_SIZE };
	return (struct leaf) { NULL, 0 };
}

static struct leaf tlb_fill(struct egret_port *port, uint64_t va, uint64_t pte, unsigned int level)
{
	struct egret_mem *mem = port->mmu->mem;
	uint64_t addr = pte & EGRET_PTE_ADDR_MASK;
	unsigned int shift = EGRET_MMU_LEVEL_SHIFT(level);
	bool bad = !(pte & EGRET_PTE_SYSTEM) && egret_mem_is_bad(mem, addr, 1ull << shift);
	struct egret_tlb_entry *e;
	uint64_t page;

	if (bad && level) {
		/* The rest of the large page is good. */
		addr |= va & (LARGE_SIZE - 1) & ~(PAGE_SIZE - 1);
		pte = (pte & ~EGRET_PTE_ADDR_MASK) | addr;
		return tlb_fill(port, va, pte, 0);
	}
	page = va >> shift;
	e = level ? &port->large[egret_tlb_index(page, EGRET_TLB_LARGE)] :
		    &port->small[egret_tlb_index(page, EGRET_TLB_SMALL)];
	e->tag = egret_tlb_tag(page, port->context);
	e->pte = pte;
	e->host = NULL;
	if (!bad && !(pte & EGRET_PTE_SYSTEM) && egret_mem_in_vram(mem, addr, 1ull << shift))
		e->host = mem->vram + addr;
	return (struct leaf) { e, 1ull << shift };
}

static int translate(struct egret_port *port, uint64_t va, enum egret_fault_access access,
		     struct leaf *leaf, struct egret_fault *fault)
{
	uint64_t pte;

	/* The tag holds 36 bits of page number: addresses beyond would alias. */
	*leaf = va < EGRET_VA_END ? tlb_find(port, va) : (struct leaf) { NULL, 0 };
	if (!leaf->entry) {
		enum egret_fault_code code;
		unsigned int level;

		code = walk(port->mmu, port->context, va, &pte, &level);
		if (code)
			return port_fault(port, fault, code, va, access, level);
		*leaf = tlb_fill(port, va, pte, level);
	}
	pte = leaf->entry->pte;
	if (!(pte & ((uint64_t)EGRET_PTE_READ << access)) ||
	    ((pte & EGRET_PTE_SUPERVISOR) && !port->supervisor))
		return port_fault(port, fault, EGRET_FAULT_MMU_PERMISSION, va, access,
				  leaf->size == LARGE_SIZE);
	if (!leaf->entry->host && !(pte & EGRET_PTE_SYSTEM) &&
	    egret_mem_is_bad(port->mmu->mem, pte & EGRET_PTE_ADDR_MASK, leaf->size))
		return port_fault(port, fault, EGRET_FAULT_ECC, va, access, 0);
	return 0;
}

static int bus_fault(struct egret_port *port, struct egret_fault *fault, uint64_t va,
		     enum egret_fault_access access)
{
	return port_fault(port, fault, EGRET_FAULT_BUS, va, access, 0);
}

void *egret_port_map_slow(struct egret_port *port, uint64_t va,
			  enum egret_fault_access access, size_t *avail)
{
	struct leaf leaf;
	uint64_t offset;

	if (translate(port, va, access, &leaf, NULL) || !leaf.entry->host)
		return NULL;
	offset = va & (leaf.size - 1);
	*avail = leaf.size - offset;
	return leaf.entry->host + offset;
}

/* One page's worth of egret_port_span(). */
static int span_page(struct egret_port *port, uint64_t va, enum egret_fault_access access,
		     struct egret_span *span, struct egret_fault *fault)
{
	struct leaf leaf;
	uint64_t offset;

	if (translate(port, va, access, &leaf, fault))
		return -1;
	if (!leaf.entry->host && !(leaf.entry->pte & EGRET_PTE_SYSTEM))
		return bus_fault(port, fault, va, access);
	offset = va & (leaf.size - 1);
	span->host = leaf.entry->host ? leaf.entry->host + offset : NULL;
	span->addr = (leaf.entry->pte & EGRET_PTE_ADDR_MASK) + offset;
	span->size = leaf.size - offset;
	return 0;
}

int egret_port_span(struct egret_port *port, uint64_t va, uint64_t size,
		    enum egret_fault_access access, struct egret_span *span,
		    struct egret_fault *fault)
{
	struct egret_span more;

	if (span_page(port, va, access, span, fault))
		return -1;
	while (span->size < size) {
		if (span_page(port, va + span->size, access, &more, NULL) ||
		    !more.host != !span->host || more.addr != span->addr + span->size)
			break;
		span->size += more.size;
	}
	if (span->size > size)
		span->size = size;
	return 0;
}

/* ---- Access ------------------------------------------------------------------- */

/*
 * An aligned 64-bit word goes through memory in one piece: fences and the words that
 * WAIT watches are shared with threads that take no lock.
 */
EGRET_GUEST_ACCESS
static void guest_read(void *buf, const uint8_t *from, size_t size)
{
	if (size == 8 && !((uintptr_t)from & 7)) {
		uint64_t word = __atomic_load_n((const uint64_t *)from, __ATOMIC_ACQUIRE);

		memcpy(buf, &word, sizeof(word));
	} else {
		memcpy(buf, from, size);
	}
}

EGRET_GUEST_ACCESS
static void guest_write(uint8_t *to, const void *buf, size_t size)
{
	uint64_t word;

	if (size == 8 && !((uintptr_t)to & 7)) {
		memcpy(&word, buf, sizeof(word));
		__atomic_store_n((uint64_t *)to, word, __ATOMIC_RELEASE);
	} else {
		memcpy(to, buf, size);
	}
}

int egret_port_read(struct egret_port *port, uint64_t va, void *buf, size_t size,
		    enum egret_fault_access access, struct egret_fault *fault)
{
	uint8_t *to = buf;

	while (size) {
		struct leaf leaf;
		uint64_t offset;
		size_t n;

		if (translate(port, va, access, &leaf, fault))
			return -1;
		offset = va & (leaf.size - 1);
		n = size < leaf.size - offset ? size : leaf.size - offset;
		if (leaf.entry->host) {
			guest_read(to, leaf.entry->host + offset, n);
			port->vram_read += n;
		} else if (leaf.entry->pte & EGRET_PTE_SYSTEM &&
			   !egret_mem_host_read(port->mmu->mem,
						(leaf.entry->pte & EGRET_PTE_ADDR_MASK) + offset,
						to, n)) {
			port->host_read += n;
		} else {
			return bus_fault(port, fault, va, access);
		}
		to += n;
		va += n;
		size -= n;
	}
	return 0;
}

int egret_port_write(struct egret_port *port, uint64_t va, const void *buf, size_t size,
		     struct egret_fault *fault)
{
	const uint8_t *from = buf;

	while (size) {
		struct leaf leaf;
		uint64_t offset;
		size_t n;

		if (translate(port, va, EGRET_ACCESS_WRITE, &leaf, fault))
			return -1;
		offset = va & (leaf.size - 1);
		n = size < leaf.size - offset ? size : leaf.size - offset;
		if (leaf.entry->host) {
			guest_write(leaf.entry->host + offset, from, n);
			port->vram_write += n;
		} else if (leaf.entry->pte & EGRET_PTE_SYSTEM &&
			   !egret_mem_host_write(port->mmu->mem,
						 (leaf.entry->pte & EGRET_PTE_ADDR_MASK) + offset,
						 from, n)) {
			port->host_write += n;
		} else {
			return bus_fault(port, fault, va, EGRET_ACCESS_WRITE);
		}
		from += n;
		va += n;
		size -= n;
	}
	return 0;
}
