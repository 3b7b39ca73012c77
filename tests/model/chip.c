// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/* A chip for tests. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "chip.h"

#define PAGE	4096ull

static void die(const char *text)
{
	fprintf(stderr, "chip: %s\n", text);
	abort();
}

/* ---- Callbacks ----------------------------------------------------------------- */

static bool outside(uint64_t addr, size_t size)
{
	return addr < CHIP_SYS_BASE || addr - CHIP_SYS_BASE > CHIP_SYS_SIZE ||
		size > CHIP_SYS_SIZE - (addr - CHIP_SYS_BASE);
}

static int sys_read(void *opaque, uint64_t addr, void *buf, size_t size)
{
	struct chip *c = opaque;
	uint8_t *from;

	atomic_fetch_add(&c->sys_reads, 1);
	if (outside(addr, size))
		return -EFAULT;
	from = c->sys + (addr - CHIP_SYS_BASE);
	if (size == 8 && !(addr & 7)) {
		uint64_t word = atomic_load((_Atomic uint64_t *)from);

		memcpy(buf, &word, 8);
	} else {
		memcpy(buf, from, size);
	}
	return 0;
}

static int sys_write(void *opaque, uint64_t addr, const void *buf, size_t size)
{
	struct chip *c = opaque;
	uint8_t *to;

	atomic_fetch_add(&c->sys_writes, 1);
	if (outside(addr, size))
		return -EFAULT;
	to = c->sys + (addr - CHIP_SYS_BASE);
	if (size == 8 && !(addr & 7)) {
		uint64_t word;

		memcpy(&word, buf, 8);
		atomic_store((_Atomic uint64_t *)to, word);
	} else {
		memcpy(to, buf, size);
	}
	return 0;
}

static void interrupt(void *opaque, unsigned int vector, unsigned int times)
{
	struct chip *c = opaque;

	if (vector >= EGRET_MSIX_VECTORS)
		die("interrupt vector out of range");
	if (c->on_interrupt)
		c->on_interrupt(c, vector);
	atomic_fetch_add(&c->interrupts[vector], times);
}

uint64_t chip_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static uint64_t time_ns(void *opaque)
{
	(void)opaque;
	return chip_now();
}

static void log_line(void *opaque, enum egret_log_level level, const char *text)
{
	struct chip *c = opaque;

	if (c)
		atomic_fetch_add(&c->logged, 1);
	if (getenv("CHIP_LOG"))
		fprintf(stderr, "chip: log %d: %s\n", level, text);
}

static void trace(void *opaque, const struct egret_trace *event)
{
	struct chip *c = opaque;

	if (c && c->on_trace)
		c->on_trace(c, event);
}

const struct egret_model_ops chip_ops = {
	.read = sys_read,
	.write = sys_write,
	.interrupt = interrupt,
	.time_ns = time_ns,
	.log = log_line,
	.trace = trace,
};

/* ---- Making one ------------------------------------------------------------------ */

struct chip *chip_new_config(struct egret_model_config config)
{
	struct chip *c = calloc(1, sizeof(*c));

	if (!c)
		die("no memory");
	/* Pages that nobody touches cost nothing: fuzzers make many chips. */
	c->sys = mmap(NULL, CHIP_SYS_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (c->sys == MAP_FAILED)
		die("no memory");
	config.size = sizeof(config);
	if (!config.vram_size)
		config.vram_size = CHIP_VRAM_SIZE;
	if (egret_model_create(&config, &chip_ops, c, &c->m))
		die("egret_model_create() failed");
	c->vram = egret_model_vram(c->m);
	c->next_va = CHIP_VA;
	return c;
}

struct chip *chip_new(void)
{
	return chip_new_config((struct egret_model_config) {
		.clusters = 4,
		.copy_engines = 2,
		.queues = 64,
		.contexts = 64,
	});
}

void chip_free(struct chip *c)
{
	egret_model_destroy(c->m);
	munmap(c->sys, CHIP_SYS_SIZE);
	free(c);
}

/* ---- Registers -------------------------------------------------------------------- */

uint32_t rd32(struct chip *c, uint64_t offset)
{
	return egret_model_reg_read(c->m, offset, 4);
}

uint64_t rd64(struct chip *c, uint64_t offset)
{
	return egret_model_reg_read(c->m, offset, 8);
}

void wr32(struct chip *c, uint64_t offset, uint32_t value)
{
	egret_model_reg_write(c->m, offset, value, 4);
}

void wr64(struct chip *c, uint64_t offset, uint64_t value)
{
	egret_model_reg_write(c->m, offset, value, 8);
}

/* ---- Memory ------------------------------------------------------------------------ */

static bool in_sys(enum chip_memory where)
{
	return where == CHIP_SYS || where == CHIP_SYS_SCATTERED;
}

uint64_t chip_alloc(struct chip *c, enum chip_memory where, uint64_t size, uint64_t align)
{
	uint64_t *used = in_sys(where) ? &c->sys_used : &c->vram_used;
	uint64_t limit = in_sys(where) ? CHIP_SYS_SIZE : egret_model_vram_size(c->m);
	uint64_t at = (*used + align - 1) / align * align;

	if (at + size > limit)
		die("memory is used up");
	*used = at + size;
	return in_sys(where) ? CHIP_SYS_BASE + at : at;
}

void *chip_at(struct chip *c, enum chip_memory where, uint64_t addr)
{
	return in_sys(where) ? c->sys + (addr - CHIP_SYS_BASE) : c->vram + addr;
}

static void *table_at(struct chip *c, uint64_t entry)
{
	return chip_at(c, entry & EGRET_PTE_SYSTEM ? CHIP_SYS : CHIP_VRAM,
		       entry & EGRET_PTE_ADDR_MASK);
}

static uint64_t new_table(struct chip *c)
{
	uint64_t flags = EGRET_PTE_VALID | (in_sys(c->tables) ? EGRET_PTE_SYSTEM : 0);

	return chip_alloc(c, c->tables, PAGE, PAGE) | flags;
}

_Atomic uint64_t *chip_entry(struct chip *c, unsigned int context, uint64_t va,
			     unsigned int level)
{
	_Atomic uint64_t *entry;
	uint64_t table;

	if (!c->root[context]) {
		c->root[context] = new_table(c);
		wr64(c, EGRET_REG_CONTEXT(context), c->root[context]);
		chip_invalidate(c, context, 0, 0);
	}
	table = c->root[context];
	for (unsigned int l = EGRET_MMU_LEVELS - 1;; l--) {
		entry = (_Atomic uint64_t *)table_at(c, table) +
			(va >> EGRET_MMU_LEVEL_SHIFT(l) & (EGRET_MMU_ENTRIES - 1));
		if (l == level)
			return entry;
		if (!atomic_load(entry))
			atomic_store(entry, new_table(c));
		table = atomic_load(entry);
	}
}

void chip_map(struct chip *c, unsigned int context, uint64_t va, uint64_t addr, uint64_t size,
	      uint64_t flags)
{
	for (uint64_t i = 0; i < size; i += PAGE)
		atomic_store(chip_entry(c, context, va + i, 0), (addr + i) | flags);
}

void chip_map_large(struct chip *c, unsigned int context, uint64_t va, uint64_t addr,
		    uint64_t size, uint64_t flags)
{
	for (uint64_t i = 0; i < size; i += 2 * MIB)
		atomic_store(chip_entry(c, context, va + i, 1), (addr + i) | flags);
}

void chip_invalidate(struct chip *c, unsigned int context, uint64_t va, uint64_t size)
{
	wr64(c, EGRET_REG_INV_ADDR, va);
	wr64(c, EGRET_REG_INV_SIZE, size);
	wr32(c, EGRET_REG_INV_CMD, EGRET_INV_CMD_START | context);
	chip_until(!(rd32(c, EGRET_REG_INV_STATUS) & EGRET_INV_STATUS_BUSY));
}

struct chip_buffer *chip_buffer(struct chip *c, unsigned int context, enum chip_memory where,
				uint64_t size)
{
	struct chip_buffer *b = calloc(1, sizeof(*b));
	uint64_t flags = CHIP_RWX | (in_sys(where) ? EGRET_PTE_SYSTEM : 0);
	bool scattered = where == CHIP_VRAM_SCATTERED || where == CHIP_SYS_SCATTERED;
	uint64_t pages = (size + PAGE - 1) / PAGE;

	if (!b || pages > sizeof(b->page) / sizeof(b->page[0]))
		die("buffer too large");
	b->va = c->next_va;
	b->size = pages * PAGE;
	b->where = where;
	/* A page that is not mapped behind each buffer finds accesses beyond its end. */
	c->next_va += b->size + PAGE;
	b->addr = scattered ? 0 : chip_alloc(c, where, b->size, PAGE);
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t addr = b->addr + i * PAGE;

		if (scattered)
			addr = chip_alloc(c, where, 2 * PAGE, PAGE);
		b->page[i] = chip_at(c, where, addr);
		chip_map(c, context, b->va + i * PAGE, addr, PAGE, flags);
	}
	return b;
}

void chip_store(struct chip_buffer *b, uint64_t offset, const void *data, uint64_t size)
{
	const uint8_t *from = data;

	while (size) {
		uint64_t n = PAGE - offset % PAGE;

		if (n > size)
			n = size;
		memcpy(b->page[offset / PAGE] + offset % PAGE, from, n);
		from += n;
		offset += n;
		size -= n;
	}
}

void chip_load(struct chip_buffer *b, uint64_t offset, void *data, uint64_t size)
{
	uint8_t *to = data;

	while (size) {
		uint64_t n = PAGE - offset % PAGE;

		if (n > size)
			n = size;
		memcpy(to, b->page[offset / PAGE] + offset % PAGE, n);
		to += n;
		offset += n;
		size -= n;
	}
}

_Atomic uint64_t *chip_word(struct chip_buffer *b, uint64_t offset)
{
	return (_Atomic uint64_t *)(b->page[offset / PAGE] + offset % PAGE);
}

/* ---- Queues -------------------------------------------------------------------------- */

struct chip_queue chip_queue(struct chip *c, unsigned int id, unsigned int context,
			     uint32_t config)
{
	struct chip_queue q = { .c = c, .id = id, .context = context, .log2 = 6 };

	q.ring = chip_buffer(c, context, CHIP_VRAM, EGRET_PACKET_SIZE << q.log2);
	if (!(config & EGRET_Q_CONFIG_VECTOR_MASK))
		config |= EGRET_VECTOR_QUEUE_FIRST << 24;
	wr64(c, EGRET_REG_QUEUE(id, EGRET_Q_RING), q.ring->va);
	wr32(c, EGRET_REG_QUEUE(id, EGRET_Q_RING_SIZE), q.log2);
	wr32(c, EGRET_REG_QUEUE(id, EGRET_Q_CONFIG), config | context);
	wr32(c, EGRET_REG_QUEUE(id, EGRET_Q_CTRL), EGRET_Q_CTRL_ENABLE);
	if (q32(&q, EGRET_Q_STATUS) != EGRET_Q_STATE_IDLE)
		die("queue cannot be enabled");
	return q;
}

void chip_queue_free(struct chip_queue *q)
{
	free(q->ring);
}

void chip_put(struct chip_queue *q, union egret_packet p)
{
	uint64_t slot = q->tail & ((1ull << q->log2) - 1);

	chip_until(q->tail - q64(q, EGRET_Q_HEAD) < 1ull << q->log2);
	chip_store(q->ring, slot * EGRET_PACKET_SIZE, &p, sizeof(p));
	q->tail++;
}

void chip_kick(struct chip_queue *q)
{
	egret_model_doorbell_write(q->c->m, (uint64_t)q->id * EGRET_DOORBELL_STRIDE, q->tail, 8);
}

uint32_t q32(struct chip_queue *q, uint32_t reg)
{
	return rd32(q->c, EGRET_REG_QUEUE(q->id, reg));
}

uint64_t q64(struct chip_queue *q, uint32_t reg)
{
	return rd64(q->c, EGRET_REG_QUEUE(q->id, reg));
}

static bool at_rest(uint32_t state)
{
	return state != EGRET_Q_STATE_ACTIVE && state != EGRET_Q_STATE_WAITING;
}

uint32_t chip_drain(struct chip_queue *q)
{
	chip_until(at_rest(q32(q, EGRET_Q_STATUS)));
	return q32(q, EGRET_Q_STATUS);
}

uint32_t chip_run(struct chip_queue *q, union egret_packet p)
{
	chip_put(q, p);
	chip_kick(q);
	return chip_drain(q);
}

void chip_expect(struct chip_queue *q, uint32_t state)
{
	chip_until(q32(q, EGRET_Q_STATUS) == state);
}

void chip_ctrl(struct chip_queue *q, uint32_t command)
{
	wr32(q->c, EGRET_REG_QUEUE(q->id, EGRET_Q_CTRL), command);
}

void chip_nap(uint64_t limit, const char *what, const char *file, int line)
{
	struct timespec nap = { .tv_nsec = 20000 };

	if (chip_now() > limit) {
		fprintf(stderr, "%s:%d: waited too long for %s\n", file, line, what);
		abort();
	}
	nanosleep(&nap, NULL);
}

/* ---- Packets ----------------------------------------------------------------------------- */

union egret_packet pkt(enum egret_opcode opcode)
{
	union egret_packet p;

	memset(&p, 0, sizeof(p));
	p.header.opcode = opcode;
	return p;
}

union egret_packet pkt_fence(uint64_t addr, uint64_t value)
{
	union egret_packet p = pkt(EGRET_OP_FENCE);

	p.fence.addr = addr;
	p.fence.value = value;
	return p;
}

union egret_packet pkt_fence_irq(uint64_t addr, uint64_t value)
{
	union egret_packet p = pkt_fence(addr, value);

	p.header.flags = EGRET_PKT_INTERRUPT;
	return p;
}

union egret_packet pkt_wait(uint64_t addr, uint64_t value)
{
	union egret_packet p = pkt(EGRET_OP_WAIT);

	p.wait.addr = addr;
	p.wait.value = value;
	return p;
}

union egret_packet pkt_copy(uint64_t src, uint64_t dst, uint64_t size)
{
	union egret_packet p = pkt(EGRET_OP_COPY);

	p.copy.src = src;
	p.copy.dst = dst;
	p.copy.size = size;
	return p;
}

union egret_packet pkt_fill(uint64_t dst, uint64_t size, uint64_t pattern, unsigned int width)
{
	union egret_packet p = pkt(EGRET_OP_FILL);

	p.fill.dst = dst;
	p.fill.size = size;
	p.fill.pattern = pattern;
	p.fill.width = width;
	return p;
}

union egret_packet pkt_call(uint64_t addr, uint32_t count)
{
	union egret_packet p = pkt(EGRET_OP_CALL);

	p.call.addr = addr;
	p.call.count = count;
	return p;
}

union egret_packet pkt_timestamp(uint64_t addr)
{
	union egret_packet p = pkt(EGRET_OP_TIMESTAMP);

	p.timestamp.addr = addr;
	return p;
}

union egret_packet pkt_dispatch(uint64_t entry, uint32_t x, uint32_t y, uint32_t z)
{
	union egret_packet p = pkt(EGRET_OP_DISPATCH);

	p.dispatch.entry = entry;
	p.dispatch.grid[0] = x;
	p.dispatch.grid[1] = y;
	p.dispatch.grid[2] = z;
	return p;
}

/* ---- Random numbers ------------------------------------------------------------------------ */

uint64_t chip_random(struct chip_random *r)
{
	/* xorshift64*; the state must not be zero. */
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * 0x2545f4914f6cdd1dull;
}

uint64_t chip_below(struct chip_random *r, uint64_t n)
{
	return (chip_random(r) >> 11) % n;
}

void chip_random_bytes(struct chip_random *r, void *buf, size_t size)
{
	uint8_t *to = buf;

	while (size--)
		*to++ = chip_random(r) >> 56;
}
