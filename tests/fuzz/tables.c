// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * Page tables: any entries, accesses through a port's TLB, invalidations, errors of
 * memory. No access may leave the memories (the address sanitizer watches the system
 * memory, and the end of device memory is the end of a mapping), and once everything is
 * invalidated, a port with a past translates as one without.
 *
 * Input: operations, of a byte each and what they read.
 */
#include <egret/mmu.h>

#include "input.h"
#include "mmu.h"

#define PAGE		4096ull
#define VRAM_SIZE	(4ull << 20)
#define SYS_SIZE	(4 * PAGE)
#define TABLES		8	/* pages of device memory that tables point to */
#define CONTEXTS	4
#define OPERATIONS	200

struct setup {
	struct egret_mem mem;
	struct egret_mmu mmu;
	struct egret_port port, fresh;
	uint8_t *sys;
};

static int sys_read(void *opaque, uint64_t addr, void *buf, size_t size)
{
	struct setup *s = opaque;

	if (addr > SYS_SIZE || size > SYS_SIZE - addr)
		return -1;
	memcpy(buf, s->sys + addr, size);
	return 0;
}

static int sys_write(void *opaque, uint64_t addr, const void *buf, size_t size)
{
	struct setup *s = opaque;

	if (addr > SYS_SIZE || size > SYS_SIZE - addr)
		return -1;
	memcpy(s->sys + addr, buf, size);
	return 0;
}

static struct setup *setup_new(void)
{
	static const struct egret_model_ops ops = { .read = sys_read, .write = sys_write };
	struct setup *s = calloc(1, sizeof(*s));

	fuzz_require(s, "no memory");
	s->sys = calloc(1, SYS_SIZE);
	fuzz_require(s->sys && !egret_mem_init(&s->mem, NULL, VRAM_SIZE, &ops, s), "no memory");
	s->mem.bus_master = true;
	fuzz_require(!egret_mmu_init(&s->mmu, &s->mem, CONTEXTS), "no memory");
	egret_port_init(&s->port, &s->mmu, EGRET_UNIT_HART, 0);
	egret_port_begin(&s->port, 0);
	return s;
}

static void setup_free(struct setup *s)
{
	egret_port_end(&s->port);
	egret_mmu_fini(&s->mmu);
	egret_mem_fini(&s->mem);
	free(s->sys);
	free(s);
}

/* An entry: a table, a page or large page with some permissions, or anything. */
static uint64_t some_entry(struct fuzz_input *in)
{
	unsigned int kind = fuzz_u8(in);

	switch (kind % 4) {
	case 0:
		return fuzz_below(in, TABLES) * PAGE | EGRET_PTE_VALID;
	case 1:
		return fuzz_u16(in) * PAGE | EGRET_PTE_VALID | (kind & EGRET_PTE_DEFINED_MASK & ~3);
	case 2:
		return fuzz_below(in, 4) << EGRET_MMU_LARGE_SHIFT | EGRET_PTE_VALID |
			(kind >> 2 & 0x3e) | EGRET_PTE_READ;
	default:
		return fuzz_number(in, 8);
	}
}

/* Indices of entries that there may be something in; the last ones are edges. */
static unsigned int some_index(unsigned int bits)
{
	static const unsigned int indices[] = { 0, 1, 4, EGRET_MMU_ENTRIES - 1 };

	return indices[bits % 4];
}

static uint64_t some_va(struct fuzz_input *in)
{
	unsigned int bits = fuzz_u8(in);
	uint64_t va = fuzz_u16(in) % PAGE;

	for (unsigned int level = 0; level < EGRET_MMU_LEVELS; level++)
		va |= (uint64_t)some_index(bits >> 2 * level) << EGRET_MMU_LEVEL_SHIFT(level);
	return va;
}

static void edit(struct setup *s, struct fuzz_input *in)
{
	unsigned int which = fuzz_u8(in);
	_Atomic uint64_t *table = (_Atomic uint64_t *)(s->mem.vram + which / 4 % TABLES * PAGE);

	atomic_store(&table[some_index(which)], some_entry(in));
}

static void transfer(struct setup *s, struct fuzz_input *in)
{
	static uint8_t buf[4 * PAGE];
	uint64_t va = fuzz_u8(in) & 1 ? fuzz_number(in, 8) : some_va(in);
	size_t size = 1 + fuzz_u16(in) % sizeof(buf);
	struct egret_fault fault = { 0 };

	switch (fuzz_below(in, 3)) {
	case 0:
		egret_port_read(&s->port, va, buf, size, EGRET_ACCESS_READ, &fault);
		break;
	case 1:
		egret_port_read(&s->port, va, buf, size, EGRET_ACCESS_EXEC, &fault);
		break;
	default:
		egret_port_write(&s->port, va, buf, size, &fault);
		break;
	}
	if (fault.code)
		fuzz_require(fault.addr - va < size, "the fault's address is not of the access");
}

/* Touch what the model would let a unit touch directly. */
static void map(struct setup *s, struct fuzz_input *in)
{
	uint64_t va = some_va(in);
	enum egret_fault_access access = fuzz_below(in, 3);
	struct egret_fault fault;
	struct egret_span span;
	size_t avail;
	volatile uint8_t *p = egret_port_map(&s->port, va, access, &avail);

	if (p) {
		fuzz_require(p >= s->mem.vram && avail &&
			     avail <= (size_t)(s->mem.vram + VRAM_SIZE - p), "map() leaves memory");
		(void)p[avail - 1];
	}
	if (egret_port_span(&s->port, va, 1 + fuzz_value(in) % VRAM_SIZE, access, &span, &fault))
		return;
	fuzz_require(!span.host || egret_mem_in_vram(&s->mem, span.addr, span.size),
		     "a span leaves memory");
}

static void invalidate(struct setup *s, struct fuzz_input *in)
{
	struct egret_invalidation cmd = {
		.context = fuzz_below(in, CONTEXTS + 1),
		.code_only = fuzz_below(in, 8) == 7,
		.addr = fuzz_u8(in) & 1 ? fuzz_value(in) : some_va(in),
		.size = fuzz_value(in),
	};

	if (cmd.context == CONTEXTS)
		cmd.context = EGRET_CONTEXT_ALL;
	egret_mmu_invalidate(&s->mmu, &cmd, true);
	if (fuzz_u8(in) & 1)
		egret_port_poll(&s->port);
}

/* A TLB must make no difference, once all of it is invalid. */
static void compare(struct setup *s, struct fuzz_input *in)
{
	static const struct egret_invalidation all = { .context = EGRET_CONTEXT_ALL };
	unsigned int count = 1 + fuzz_below(in, 8);

	egret_mmu_invalidate(&s->mmu, &all, true);
	egret_port_poll(&s->port);
	fuzz_require(!egret_mmu_busy(&s->mmu), "busy, though all have seen the invalidation");
	while (count--) {
		uint64_t va = some_va(in);
		enum egret_fault_access access = fuzz_below(in, 3);
		struct egret_fault f1 = { 0 }, f2 = { 0 };
		struct egret_span s1, s2;
		int r1, r2;

		s->fresh = s->port;
		memset(s->fresh.small, 0, sizeof(s->fresh.small));
		memset(s->fresh.large, 0, sizeof(s->fresh.large));
		r1 = egret_port_span(&s->port, va, PAGE, access, &s1, &f1);
		r2 = egret_port_span(&s->fresh, va, PAGE, access, &s2, &f2);
		fuzz_require(r1 == r2 && f1.code == f2.code && f1.addr == f2.addr &&
			     f1.info == f2.info, "TLB makes a difference: %#x, %#x",
			     f1.code, f2.code);
		fuzz_require(r1 || (s1.addr == s2.addr && s1.host == s2.host),
			     "TLB gives another address");
	}
}

static void operation(struct setup *s, struct fuzz_input *in)
{
	switch (fuzz_below(in, 12)) {
	case 0:
	case 1:
	case 2:
	case 3:
		edit(s, in);
		break;
	case 4:
		atomic_store(&s->mmu.root[fuzz_below(in, CONTEXTS)], some_entry(in));
		break;
	case 5:
	case 6:
		transfer(s, in);
		break;
	case 7:
		map(s, in);
		break;
	case 8:
		invalidate(s, in);
		break;
	case 9:
		egret_port_end(&s->port);
		egret_port_begin(&s->port, fuzz_below(in, CONTEXTS));
		s->port.supervisor = fuzz_u8(in) & 1;
		break;
	case 10:
		if (fuzz_u8(in) & 1)
			egret_mem_heal(&s->mem);
		else
			egret_mem_spoil(&s->mem, fuzz_number(in, 3) % VRAM_SIZE);
		break;
	default:
		compare(s, in);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct setup *s = setup_new();

	for (unsigned int i = 0; i < OPERATIONS && fuzz_more(&in); i++)
		operation(s, &in);
	compare(s, &in);
	setup_free(s);
	return 0;
}
