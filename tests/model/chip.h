/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * A chip for tests: a model with system memory, page tables, rings and packets.
 *
 * A helper that cannot go on (no memory, a time limit) ends the test with a message.
 * Memory is handed out and never taken back; it lives as long as the chip.
 */
#ifndef TEST_CHIP_H
#define TEST_CHIP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <egret/fault.h>
#include <egret/isa.h>
#include <egret/mmu.h>
#include <egret/packet.h>
#include <egret/pci.h>
#include <egret/regs.h>

#include "egret_model.h"

#define CHIP_SYS_BASE	0x0000004000000000ull	/* PCIe address of the fake system memory */
#define CHIP_SYS_SIZE	(16u << 20)
#define CHIP_VA		0x0000200000000000ull	/* where chip_buffer() begins to map */
#define CHIP_VRAM_SIZE	(64ull << 20)

#define KIB		1024ull
#define MIB		(1024ull * KIB)

/* Which memory. */
enum chip_memory {
	CHIP_VRAM,
	CHIP_SYS,
	CHIP_VRAM_SCATTERED,	/* no two pages contiguous */
	CHIP_SYS_SCATTERED,
};

struct chip {
	struct egret_model *m;
	uint8_t *vram;
	uint8_t *sys;
	uint64_t vram_used;
	uint64_t sys_used;
	uint64_t next_va;
	uint64_t root[EGRET_MAX_CONTEXTS];	/* root entries, 0 if there are none yet */
	enum chip_memory tables;	/* where new page tables go */
	atomic_uint interrupts[EGRET_MSIX_VECTORS];
	atomic_uint logged;
	_Atomic uint64_t sys_reads, sys_writes;	/* calls */
	void (*on_interrupt)(struct chip *c, unsigned int vector);
	void (*on_trace)(struct chip *c, const struct egret_trace *event);
	void *user;
};

/** chip_new() - a chip with CHIP_VRAM_SIZE of device memory and small limits */
struct chip *chip_new(void);
/** chip_new_config() - any chip; @config->size and vram_size are filled in if zero */
struct chip *chip_new_config(struct egret_model_config config);
void chip_free(struct chip *c);

/**
 * chip_ops - the callbacks that chips are made with
 *
 * The opaque is struct chip, or NULL for a chip that is only made and ended.
 */
extern const struct egret_model_ops chip_ops;

/* ---- Registers ---------------------------------------------------------------- */

uint32_t rd32(struct chip *c, uint64_t offset);
uint64_t rd64(struct chip *c, uint64_t offset);
void wr32(struct chip *c, uint64_t offset, uint32_t value);
void wr64(struct chip *c, uint64_t offset, uint64_t value);

/* ---- Memory -------------------------------------------------------------------- */

/** chip_alloc() - zeroed physical memory; returns a device memory offset or a PCIe address */
uint64_t chip_alloc(struct chip *c, enum chip_memory where, uint64_t size, uint64_t align);
/** chip_at() - host pointer to it */
void *chip_at(struct chip *c, enum chip_memory where, uint64_t addr);

/** chip_map() - write page table entries; @flags are EGRET_PTE_* of the leaf */
void chip_map(struct chip *c, unsigned int context, uint64_t va, uint64_t addr, uint64_t size,
	      uint64_t flags);
/** chip_map_large() - the same with 2 MiB pages */
void chip_map_large(struct chip *c, unsigned int context, uint64_t va, uint64_t addr,
		    uint64_t size, uint64_t flags);
/** chip_entry() - the entry of a level, making tables above it as needed; atomic access */
_Atomic uint64_t *chip_entry(struct chip *c, unsigned int context, uint64_t va,
			     unsigned int level);
/** chip_invalidate() - invalidate, and wait until that is done; size 0 is all of the context */
void chip_invalidate(struct chip *c, unsigned int context, uint64_t va, uint64_t size);

#define CHIP_RW		(EGRET_PTE_VALID | EGRET_PTE_READ | EGRET_PTE_WRITE)
#define CHIP_RWX	(CHIP_RW | EGRET_PTE_EXEC)

/** struct chip_buffer - mapped memory */
struct chip_buffer {
	uint64_t va;
	uint64_t size;
	uint64_t addr;		/* physical, if not scattered */
	enum chip_memory where;
	uint8_t *page[4096];	/* host pointers of its pages */
};

/** chip_buffer() - map new memory, readable, writable and executable; freed with free() */
struct chip_buffer *chip_buffer(struct chip *c, unsigned int context, enum chip_memory where,
				uint64_t size);
/** chip_store() - host writes to a buffer */
void chip_store(struct chip_buffer *b, uint64_t offset, const void *data, uint64_t size);
void chip_load(struct chip_buffer *b, uint64_t offset, void *data, uint64_t size);
/** chip_word() - an aligned word of a buffer, for atomic access */
_Atomic uint64_t *chip_word(struct chip_buffer *b, uint64_t offset);

/* ---- Queues --------------------------------------------------------------------- */

struct chip_queue {
	struct chip *c;
	unsigned int id;
	unsigned int context;
	unsigned int log2;
	uint64_t tail;
	struct chip_buffer *ring;
};

/** chip_queue() - set up and enable a queue; @config without context */
struct chip_queue chip_queue(struct chip *c, unsigned int id, unsigned int context,
			     uint32_t config);
void chip_queue_free(struct chip_queue *q);

/** chip_put() - write a packet to the ring, without telling */
void chip_put(struct chip_queue *q, union egret_packet p);
/** chip_kick() - tell */
void chip_kick(struct chip_queue *q);
/** chip_run() - put, kick and wait until the queue has finished or faulted; returns its state */
uint32_t chip_run(struct chip_queue *q, union egret_packet p);
/** chip_drain() - wait until the queue is idle, stopped, disabled or faulted; returns its state */
uint32_t chip_drain(struct chip_queue *q);
/** chip_expect() - wait for a state */
void chip_expect(struct chip_queue *q, uint32_t state);
/** chip_ctrl() - command a queue */
void chip_ctrl(struct chip_queue *q, uint32_t command);

uint32_t q32(struct chip_queue *q, uint32_t reg);
uint64_t q64(struct chip_queue *q, uint32_t reg);

/** chip_until() - wait until an expression is true, or end the test */
#define chip_until(expression) \
	do { \
		uint64_t chip_limit_ = chip_now() + CHIP_LIMIT_NS; \
		while (!(expression)) \
			chip_nap(chip_limit_, #expression, __FILE__, __LINE__); \
	} while (0)
#define CHIP_LIMIT_NS	30000000000ull
uint64_t chip_now(void);
void chip_nap(uint64_t limit, const char *what, const char *file, int line);

/* ---- Packets ---------------------------------------------------------------------- */

union egret_packet pkt(enum egret_opcode opcode);
union egret_packet pkt_fence(uint64_t addr, uint64_t value);
union egret_packet pkt_fence_irq(uint64_t addr, uint64_t value);
union egret_packet pkt_wait(uint64_t addr, uint64_t value);
union egret_packet pkt_copy(uint64_t src, uint64_t dst, uint64_t size);
union egret_packet pkt_fill(uint64_t dst, uint64_t size, uint64_t pattern, unsigned int width);
union egret_packet pkt_call(uint64_t addr, uint32_t count);
union egret_packet pkt_timestamp(uint64_t addr);
union egret_packet pkt_dispatch(uint64_t entry, uint32_t x, uint32_t y, uint32_t z);

/* ---- Random numbers that repeat ------------------------------------------------------ */

struct chip_random {
	uint64_t state;
};

uint64_t chip_random(struct chip_random *r);
/** chip_below() - 0..n-1 */
uint64_t chip_below(struct chip_random *r, uint64_t n);
void chip_random_bytes(struct chip_random *r, void *buf, size_t size);

#endif /* TEST_CHIP_H */
