/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * Address translation: contexts, the ports through which units reach memory, and
 * the invalidation of what the ports have cached.
 *
 * Every unit (cluster, copy engine, command processor) owns a port with a TLB. A
 * port belongs to one thread at a time and takes no lock to translate. A TLB keeps
 * an entry until it is replaced or invalidated, however the tables change: software
 * that forgets an invalidation sees on the model what it would see on the card.
 *
 * Invalidations are numbered commands in a short log (struct egret_mmu.log). A
 * running port applies them when its owner calls egret_port_poll() at a point where
 * it holds no translated address; a port at rest applies them before it is used
 * again. The host's invalidation is complete when no running port is behind it.
 *
 * Locks: egret_mmu.lock protects the log and the running/applied marks of all
 * ports. It is taken last and nothing is called while it is held.
 */
#ifndef EGRET_MODEL_MMU_H
#define EGRET_MODEL_MMU_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <egret/mmu.h>

#include "fault.h"
#include "mem.h"

#define EGRET_MMU_LOG		64	/* commands a port may be behind before it forgets everything */
#define EGRET_TLB_SMALL		512	/* entries for 4 KiB pages */
#define EGRET_TLB_LARGE		64	/* entries for 2 MiB pages */

/* In place of a context number: every context. */
#define EGRET_CONTEXT_ALL	UINT32_MAX

/** struct egret_invalidation - one command of the log */
struct egret_invalidation {
	uint32_t context;	/* or EGRET_CONTEXT_ALL */
	bool code_only;		/* only decoded instructions, no translations */
	uint64_t addr;
	uint64_t size;		/* 0: everything */
};

struct egret_port;

/**
 * struct egret_mmu - what the ports of a chip share
 * @mem: the memories
 * @contexts: number of contexts
 * @root: root entry of each context as the walkers use it
 * @lock: see above
 * @log: the last commands; command n is log[n % EGRET_MMU_LOG]
 * @issued: number of the newest command; 0 before the first
 * @issued_host: number of the newest command that the host waits for
 * @ports: all ports
 */
struct egret_mmu {
	struct egret_mem *mem;
	uint32_t contexts;
	_Atomic uint64_t *root;
	pthread_mutex_t lock;
	struct egret_invalidation log[EGRET_MMU_LOG];
	_Atomic uint64_t issued;
	uint64_t issued_host;
	struct egret_port *ports;
};

/** struct egret_tlb_entry - one cached leaf */
struct egret_tlb_entry {
	uint64_t tag;		/* page number << 12 | context << 1 | 1; 0 is empty */
	uint64_t pte;		/* the leaf */
	uint8_t *host;		/* the page's first byte, if it lies in device memory */
};

/**
 * struct egret_port - one unit's way to memory
 * @mmu: the MMU
 * @context: context of the accesses; the owner may set it at any time
 * @unit: unit named in faults
 * @index: number of the unit in faults
 * @supervisor: accesses may use supervisor pages
 * @vram_read: bytes that egret_port_read() and egret_port_write() moved; who moves
 *	bytes through egret_port_map() adds them here
 * @vram_write: likewise
 * @host_read: likewise
 * @host_write: likewise
 * @drop_code: called by egret_port_begin() and egret_port_poll(), on their caller's
 *	thread, when decoded instructions of a context (or EGRET_CONTEXT_ALL) must be
 *	forgotten; may be NULL
 * @drop_code_arg: its argument
 * @applied: newest command applied
 * @running: in use, so that the host has to wait for it
 * @next: in egret_mmu.ports
 * @small: TLB for 4 KiB pages
 * @large: TLB for 2 MiB pages
 */
struct egret_port {
	struct egret_mmu *mmu;
	uint32_t context;
	enum egret_fault_unit unit;
	unsigned int index;
	bool supervisor;
	uint64_t vram_read;
	uint64_t vram_write;
	uint64_t host_read;
	uint64_t host_write;
	void (*drop_code)(void *arg, uint32_t context);
	void *drop_code_arg;
	uint64_t applied;
	bool running;
	struct egret_port *next;
	struct egret_tlb_entry small[EGRET_TLB_SMALL];
	struct egret_tlb_entry large[EGRET_TLB_LARGE];
};

/**
 * egret_mmu_init() - set up an MMU with all contexts empty
 *
 * Return: 0 or -ENOMEM.
 */
int egret_mmu_init(struct egret_mmu *mmu, struct egret_mem *mem, uint32_t contexts);

/** egret_mmu_fini() - no port may be left in use */
void egret_mmu_fini(struct egret_mmu *mmu);

/**
 * egret_mmu_invalidate() - start an invalidation; never waits
 * @mmu: MMU
 * @cmd: what to forget
 * @host: egret_mmu_busy() shall tell when it has been done
 */
void egret_mmu_invalidate(struct egret_mmu *mmu, const struct egret_invalidation *cmd, bool host);

/** egret_mmu_busy() - may a running unit still use what the host invalidated? */
bool egret_mmu_busy(struct egret_mmu *mmu);

/** egret_port_init() - add a port, not running, with an empty TLB */
void egret_port_init(struct egret_port *port, struct egret_mmu *mmu,
		     enum egret_fault_unit unit, unsigned int index);

/**
 * egret_port_begin() - a piece of work starts
 * @port: port, not running
 * @context: context of the accesses
 *
 * Applies all invalidations that came meanwhile.
 */
void egret_port_begin(struct egret_port *port, uint32_t context);

/** egret_port_end() - the work is over; no translated address may be used after it */
void egret_port_end(struct egret_port *port);

/**
 * egret_port_poll() - a safe boundary: apply invalidations
 *
 * The caller must hold no pointer from egret_port_map(). Costs one load if there is
 * nothing to do. Owners call it at least every few milliseconds of host time.
 */
void egret_port_poll(struct egret_port *port);

/**
 * egret_port_read() - read memory at a virtual address
 * @port: port
 * @va: any alignment; may cross pages and memories
 * @buf: where to put the bytes
 * @size: bytes
 * @access: EGRET_ACCESS_READ or EGRET_ACCESS_EXEC
 * @fault: filled in on failure: code, info, addr (of the first byte that cannot be
 *	accessed); pc and value are zero
 *
 * Aligned accesses of 8 bytes are done at once (atomic).
 *
 * Return: 0, or -1 with @fault. Bytes before the failing one may have been read.
 */
int egret_port_read(struct egret_port *port, uint64_t va, void *buf, size_t size,
		    enum egret_fault_access access, struct egret_fault *fault);

/** egret_port_write() - write memory; as egret_port_read() */
int egret_port_write(struct egret_port *port, uint64_t va, const void *buf, size_t size,
		     struct egret_fault *fault);

/**
 * struct egret_span - a range that is contiguous in one memory
 * @host: first byte, if it lies in device memory; else NULL
 * @addr: offset in device memory, or PCIe address
 * @size: bytes
 */
struct egret_span {
	uint8_t *host;
	uint64_t addr;
	uint64_t size;
};

/**
 * egret_port_span() - translate as much as is contiguous
 * @port: port
 * @va: virtual address
 * @size: bytes wanted, 1 or more
 * @access: kind of access
 * @span: result; 1 to @size bytes
 * @fault: filled in when the first byte cannot be accessed
 *
 * Return: 0 or -1. Counts no bytes.
 */
int egret_port_span(struct egret_port *port, uint64_t va, uint64_t size,
		    enum egret_fault_access access, struct egret_span *span,
		    struct egret_fault *fault);

/* The part of egret_port_map() that has to walk tables. */
void *egret_port_map_slow(struct egret_port *port, uint64_t va,
			  enum egret_fault_access access, size_t *avail);

/* Buffers begin at round addresses; without the upper bits they would share few entries. */
static inline unsigned int egret_tlb_index(uint64_t page, unsigned int entries)
{
	return (page ^ page >> EGRET_MMU_LEVEL_BITS) % entries;
}

static inline uint64_t egret_tlb_tag(uint64_t page, uint32_t context)
{
	return page << 12 | context << 1 | 1;
}

/**
 * egret_port_map() - a direct pointer to device memory
 * @port: port
 * @va: virtual address
 * @access: kind of access
 * @avail: bytes that may be accessed from there, to the end of the page
 *
 * The pointer is good until the next egret_port_poll(), egret_port_end() or change of
 * @port->context.
 *
 * Return: NULL for system memory, and when the access is not possible: then
 * egret_port_read() or egret_port_write() does it or tells why not.
 */
static inline void *egret_port_map(struct egret_port *port, uint64_t va,
				   enum egret_fault_access access, size_t *avail)
{
	uint64_t page = va >> EGRET_MMU_PAGE_SHIFT;
	const struct egret_tlb_entry *e = &port->small[egret_tlb_index(page, EGRET_TLB_SMALL)];
	uint64_t need = (uint64_t)EGRET_PTE_READ << access;

	if (e->tag == egret_tlb_tag(page, port->context) && e->host &&
	    (e->pte & (need | EGRET_PTE_SUPERVISOR)) == need) {
		*avail = 4096 - (va & 4095);
		return e->host + (va & 4095);
	}
	return egret_port_map_slow(port, va, access, avail);
}

#endif /* EGRET_MODEL_MMU_H */
