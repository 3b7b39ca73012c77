// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/* Address translation, as a FENCE and a COPY see it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "chip.h"

#define CTX	6

struct env {
	struct chip *c;
	struct chip_queue q;
	uint64_t page;		/* a page of device memory */
};

static int setup(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	e->c = chip_new();
	e->q = chip_queue(e->c, 1, CTX, 0);
	e->page = chip_alloc(e->c, CHIP_VRAM, 4096, 4096);
	*state = e;
	return 0;
}

static int teardown(void **state)
{
	struct env *e = *state;

	chip_queue_free(&e->q);
	chip_free(e->c);
	free(e);
	return 0;
}

static void restart(struct env *e)
{
	chip_ctrl(&e->q, EGRET_Q_CTRL_KILL);
	chip_expect(&e->q, EGRET_Q_STATE_DISABLED);
	chip_ctrl(&e->q, EGRET_Q_CTRL_ENABLE);
	e->q.tail = 0;
}

static uint64_t word(struct env *e, uint64_t addr)
{
	return atomic_load((_Atomic uint64_t *)chip_at(e->c, CHIP_VRAM, addr));
}

static uint64_t sys_word(struct env *e, uint64_t addr)
{
	return atomic_load((_Atomic uint64_t *)chip_at(e->c, CHIP_SYS, addr));
}

/* A write to @va must fault, at page table level @level, and again after a restart. */
static void write_faults(struct env *e, uint64_t va, enum egret_fault_code code, uint32_t level)
{
	for (int i = 0; i < 2; i++) {
		chip_run(&e->q, pkt_fence(va, 99));
		chip_expect(&e->q, EGRET_Q_STATE_FAULTED);
		assert_int_equal(q32(&e->q, EGRET_Q_FAULT_CODE), code);
		assert_int_equal(q64(&e->q, EGRET_Q_FAULT_ADDR), va);
		assert_int_equal(q32(&e->q, EGRET_Q_FAULT_INFO), EGRET_UNIT_CP |
				 EGRET_ACCESS_WRITE << 12 | level << 16);
		restart(e);
	}
}

static void write_works(struct env *e, uint64_t va, uint64_t value)
{
	assert_int_equal(chip_run(&e->q, pkt_fence(va, value)), EGRET_Q_STATE_IDLE);
}

static void every_index_of_every_level(void **state)
{
	struct env *e = *state;
	struct chip_random r = { 7 };

	for (enum chip_memory tables = CHIP_VRAM; tables <= CHIP_SYS; tables++) {
		e->c->tables = tables;
		for (int i = 0; i < 200; i++) {
			uint64_t va = EGRET_VA_MIN +
				chip_below(&r, (EGRET_VA_END - EGRET_VA_MIN) / 4096) * 4096;
			uint64_t addr = chip_alloc(e->c, CHIP_VRAM, 4096, 4096);

			chip_map(e->c, CTX, va, addr, 4096, CHIP_RW);
			write_works(e, va + 8 * (i % 512), i + 1);
			assert_int_equal(word(e, addr + 8 * (i % 512)), i + 1);
		}
	}
}

static void first_and_last_page(void **state)
{
	struct env *e = *state;

	chip_map(e->c, CTX, EGRET_VA_MIN, e->page, 4096, CHIP_RW);
	chip_map(e->c, CTX, EGRET_VA_END - 4096, e->page, 4096, CHIP_RW);
	write_works(e, EGRET_VA_MIN, 1);
	assert_int_equal(word(e, e->page), 1);
	write_works(e, EGRET_VA_END - 8, 2);
	assert_int_equal(word(e, e->page + 4088), 2);
}

static void addresses_out_of_range(void **state)
{
	struct env *e = *state;
	static const uint64_t bad[] = {
		0, 8, 0x100000, EGRET_VA_MIN - 8, EGRET_VA_END, 0xffff800000000000,
		0xfffffffffffffff8,
	};

	/* What would be there, if the bits above were cut off. */
	chip_map(e->c, CTX, 0, e->page, 4096, CHIP_RW);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		write_faults(e, bad[i], EGRET_FAULT_MMU_UNMAPPED, 3);
	/* Also when the TLB holds the page that the low bits name. */
	chip_map(e->c, CTX, EGRET_VA_MIN, e->page, 4096, CHIP_RW);
	write_works(e, EGRET_VA_MIN, 1);
	write_faults(e, EGRET_VA_MIN | EGRET_VA_END, EGRET_FAULT_MMU_UNMAPPED, 3);
}

static void missing_entries_of_every_level(void **state)
{
	struct env *e = *state;
	uint64_t va = 0x123456789000;

	for (unsigned int level = 0; level < EGRET_MMU_LEVELS; level++) {
		_Atomic uint64_t *entry = chip_entry(e->c, CTX, va, level);

		/* Without VALID, all other bits are software's. */
		atomic_store(entry, ~EGRET_PTE_VALID);
		write_faults(e, va, EGRET_FAULT_MMU_UNMAPPED, level);
		atomic_store(entry, 0);
		write_faults(e, va, EGRET_FAULT_MMU_UNMAPPED, level);
		va += 0x8100040200000 >> 8; /* another path */
	}
}

static void malformed_entries_of_every_level(void **state)
{
	struct env *e = *state;
	uint64_t va = 0x234567800000;
	uint64_t table = chip_alloc(e->c, CHIP_VRAM, 4096, 4096);

	for (unsigned int level = 0; level < EGRET_MMU_LEVELS; level++) {
		_Atomic uint64_t *entry = chip_entry(e->c, CTX, va, level);
		uint64_t leaf = EGRET_PTE_VALID | EGRET_PTE_WRITE;

		for (unsigned int bit = 7; bit < 64; bit++) {
			if (EGRET_PTE_DEFINED_MASK & 1ull << bit)
				continue;
			atomic_store(entry, leaf | 1ull << bit);
			write_faults(e, va, EGRET_FAULT_MMU_TABLE, level);
			atomic_store(entry, table | EGRET_PTE_VALID | 1ull << bit);
			write_faults(e, va, EGRET_FAULT_MMU_TABLE, level);
		}
		if (level == 0) {
			/* There is nothing below that it could point to. */
			atomic_store(entry, table | EGRET_PTE_VALID);
			write_faults(e, va, EGRET_FAULT_MMU_TABLE, 0);
		} else {
			atomic_store(entry, table | EGRET_PTE_VALID | EGRET_PTE_SUPERVISOR);
			write_faults(e, va, EGRET_FAULT_MMU_TABLE, level);
			atomic_store(entry, table | EGRET_PTE_VALID | EGRET_PTE_CONTIG64K);
			write_faults(e, va, EGRET_FAULT_MMU_TABLE, level);
			atomic_store(entry, leaf | EGRET_PTE_CONTIG64K);
			write_faults(e, va, EGRET_FAULT_MMU_TABLE, level);
		}
		if (level == 1) {
			for (unsigned int bit = 12; bit < 21; bit++) {
				atomic_store(entry, leaf | 1ull << bit);
				write_faults(e, va, EGRET_FAULT_MMU_TABLE, 1);
			}
		}
		if (level > 1) {
			atomic_store(entry, leaf);
			write_faults(e, va, EGRET_FAULT_MMU_TABLE, level);
		}
		atomic_store(entry, 0);
	}
}

static void tables_outside_memory(void **state)
{
	struct env *e = *state;
	uint64_t va = 0x345678900000;

	for (unsigned int level = 1; level < EGRET_MMU_LEVELS; level++) {
		_Atomic uint64_t *entry = chip_entry(e->c, CTX, va, level);

		atomic_store(entry, CHIP_VRAM_SIZE | EGRET_PTE_VALID);
		write_faults(e, va, EGRET_FAULT_MMU_TABLE, level - 1);
		atomic_store(entry, EGRET_PTE_ADDR_MASK | EGRET_PTE_VALID);
		write_faults(e, va, EGRET_FAULT_MMU_TABLE, level - 1);
		atomic_store(entry, 0x1000 | EGRET_PTE_VALID | EGRET_PTE_SYSTEM);
		write_faults(e, va, EGRET_FAULT_MMU_TABLE, level - 1);
		atomic_store(entry, 0);
	}
}

static void pages_outside_memory(void **state)
{
	struct env *e = *state;
	uint64_t va = 0x456789000000;

	chip_map(e->c, CTX, va, CHIP_VRAM_SIZE, 4096, CHIP_RW);
	write_faults(e, va + 16, EGRET_FAULT_BUS, 0);
	chip_map_large(e->c, CTX, va + 4 * MIB, 1ull << 40, 2 * MIB, CHIP_RW);
	write_faults(e, va + 5 * MIB, EGRET_FAULT_BUS, 0);
	chip_map(e->c, CTX, va + 4096, 0x5000, 4096, CHIP_RW | EGRET_PTE_SYSTEM);
	write_faults(e, va + 4096, EGRET_FAULT_BUS, 0);
	/* The page before the end of device memory is there. */
	chip_map(e->c, CTX, va + 8192, CHIP_VRAM_SIZE - 4096, 4096, CHIP_RW);
	write_works(e, va + 8192 + 4088, 4);
	assert_int_equal(word(e, CHIP_VRAM_SIZE - 8), 4);
}

static void no_system_memory_without_bus_mastering(void **state)
{
	struct env *e = *state;
	uint64_t addr = chip_alloc(e->c, CHIP_SYS, 4096, 4096);
	uint64_t va = 0x567890000000;

	chip_map(e->c, CTX, va, addr, 4096, CHIP_RW | EGRET_PTE_SYSTEM);
	write_works(e, va, 1);
	egret_model_set_bus_master(e->c->m, false);
	write_faults(e, va, EGRET_FAULT_BUS, 0);
	egret_model_set_bus_master(e->c->m, true);
	write_works(e, va, 2);
	assert_int_equal(sys_word(e, addr), 2);
}

/* Which of read and write the permissions allow, for both sizes of pages. */
static void permissions(void **state)
{
	struct env *e = *state;
	uint64_t large = chip_alloc(e->c, CHIP_VRAM, 2 * MIB, 2 * MIB);
	uint64_t scratch = 0x600000000000;

	chip_map(e->c, CTX, scratch, e->page, 4096, CHIP_RW);
	for (uint64_t flags = 1; flags < 8; flags++) {
		uint64_t leaf = flags << 1 | EGRET_PTE_VALID;
		uint64_t va = 0x610000000000 + flags * 16 * MIB;

		chip_map(e->c, CTX, va, large, 4096, leaf);
		chip_map_large(e->c, CTX, va + 2 * MIB, large, 2 * MIB, leaf);
		for (unsigned int level = 0; level < 2; level++, va += 2 * MIB) {
			if (leaf & EGRET_PTE_WRITE)
				write_works(e, va, 1);
			else
				write_faults(e, va, EGRET_FAULT_MMU_PERMISSION, level);
			chip_run(&e->q, pkt_wait(va, 0));
			if (leaf & EGRET_PTE_READ) {
				chip_expect(&e->q, EGRET_Q_STATE_IDLE);
				continue;
			}
			chip_expect(&e->q, EGRET_Q_STATE_FAULTED);
			assert_int_equal(q32(&e->q, EGRET_Q_FAULT_CODE), EGRET_FAULT_MMU_PERMISSION);
			assert_int_equal(q32(&e->q, EGRET_Q_FAULT_INFO), level << 16);
			restart(e);
		}
	}
}

static void large_pages(void **state)
{
	struct env *e = *state;
	uint64_t addr = chip_alloc(e->c, CHIP_VRAM, 4 * MIB, 2 * MIB);
	uint64_t va = 0x700000000000;

	/* Two of them, swapped. */
	chip_map_large(e->c, CTX, va, addr + 2 * MIB, 2 * MIB, CHIP_RW);
	chip_map_large(e->c, CTX, va + 2 * MIB, addr, 2 * MIB, CHIP_RW);
	write_works(e, va + 0x123458, 5);
	write_works(e, va + 2 * MIB + 0x1ffff8, 6);
	assert_int_equal(word(e, addr + 2 * MIB + 0x123458), 5);
	assert_int_equal(word(e, addr + 0x1ffff8), 6);
}

static void contiguous_hint_changes_nothing(void **state)
{
	struct env *e = *state;
	uint64_t addr = chip_alloc(e->c, CHIP_VRAM, 128 * KIB, 64 * KIB);
	uint64_t va = 0x710000000000;

	chip_map(e->c, CTX, va, addr, 64 * KIB, CHIP_RW | EGRET_PTE_CONTIG64K);
	/* An entry that disagrees with the others is taken as it is. */
	chip_map(e->c, CTX, va + 0x5000, addr + 64 * KIB, 4096, CHIP_RW | EGRET_PTE_CONTIG64K);
	for (uint64_t i = 0; i < 16; i++)
		write_works(e, va + i * 4096, i + 1);
	for (uint64_t i = 0; i < 16; i++)
		assert_int_equal(word(e, addr + (i == 5 ? 64 * KIB : i * 4096)), i + 1);
}

static void roots(void **state)
{
	struct env *e = *state;
	struct chip *c = e->c;
	uint64_t good = c->root[CTX];
	uint64_t va = e->q.ring->va + 2048;
	static const struct {
		uint64_t set;
		enum egret_fault_code code;
	} bad[] = {
		{ 0, EGRET_FAULT_MMU_TABLE },	/* placeholder: only VALID cleared, see below */
		{ EGRET_PTE_READ, EGRET_FAULT_MMU_TABLE },
		{ EGRET_PTE_SUPERVISOR, EGRET_FAULT_MMU_TABLE },
		{ EGRET_PTE_CONTIG64K, EGRET_FAULT_MMU_TABLE },
		{ 1ull << 63, EGRET_FAULT_MMU_TABLE },
		{ EGRET_PTE_ADDR_MASK, EGRET_FAULT_MMU_TABLE },	/* outside memory */
	};

	/* The ring itself cannot be read then. */
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t root = i ? good | bad[i].set : good & ~EGRET_PTE_VALID;

		wr64(c, EGRET_REG_CONTEXT(CTX), root);
		chip_invalidate(c, CTX, 0, 0);
		chip_run(&e->q, pkt_fence(va, 1));
		chip_expect(&e->q, EGRET_Q_STATE_FAULTED);
		assert_int_equal(q32(&e->q, EGRET_Q_FAULT_CODE),
				 i ? bad[i].code : EGRET_FAULT_MMU_UNMAPPED);
		assert_int_equal(q64(&e->q, EGRET_Q_FAULT_ADDR), e->q.ring->va);
		assert_int_equal(q64(&e->q, EGRET_Q_FAULT_PC), e->q.ring->va);
		assert_int_equal(q32(&e->q, EGRET_Q_FAULT_INFO), 3 << 16);
		restart(e);
	}
	wr64(c, EGRET_REG_CONTEXT(CTX), good);
	chip_invalidate(c, CTX, 0, 0);
	write_works(e, va, 1);
}

static void contexts_are_apart(void **state)
{
	struct env *e = *state;
	struct chip_queue other = chip_queue(e->c, 2, CTX + 1, 0);
	uint64_t va = 0x720000000000;
	uint64_t page = chip_alloc(e->c, CHIP_VRAM, 4096, 4096);

	chip_map(e->c, CTX, va, e->page, 4096, CHIP_RW);
	chip_map(e->c, CTX + 1, va, page, 4096, CHIP_RW);
	for (uint64_t i = 1; i < 100; i++) {
		write_works(e, va, i);
		assert_int_equal(chip_run(&other, pkt_fence(va, i + 1000)), EGRET_Q_STATE_IDLE);
		assert_int_equal(word(e, e->page), i);
		assert_int_equal(word(e, page), i + 1000);
	}
	chip_queue_free(&other);
}

/* A queue whose packets all run on one worker: the only copy engine. */
static struct chip *one_tlb(struct chip_queue *q)
{
	struct chip *c = chip_new_config((struct egret_model_config) {
		.clusters = 1, .copy_engines = 1, .queues = 8, .contexts = 8,
	});

	*q = chip_queue(c, 1, CTX, EGRET_Q_CONFIG_COPY);
	return c;
}

/*
 * The TLB keeps what it has until it is told. Software that forgets the
 * invalidation must notice it here.
 */
static void stale_entries_stay_until_invalidated(void **state)
{
	struct chip_queue q;
	struct chip *c = one_tlb(&q);
	struct env e = { .c = c };
	uint64_t old = chip_alloc(c, CHIP_VRAM, 4096, 4096);
	uint64_t new = chip_alloc(c, CHIP_VRAM, 4096, 4096);
	/* Near the ring, so that the two do not fight for one entry of the TLB. */
	uint64_t va = q.ring->va + 16 * 4096;

	(void)state;
	chip_map(c, CTX, va, old, 4096, CHIP_RW);
	chip_run(&q, pkt_fence(va, 1));
	chip_map(c, CTX, va, new, 4096, CHIP_RW);
	chip_run(&q, pkt_fence(va, 2));
	assert_int_equal(word(&e, old), 2);
	assert_int_equal(word(&e, new), 0);
	/* Other ranges and other contexts do not help. */
	chip_invalidate(c, CTX, va + 4096, 4096);
	chip_invalidate(c, CTX, va - 4096, 4096);
	chip_invalidate(c, CTX + 1, 0, 0);
	wr32(c, EGRET_REG_INV_CMD, CTX); /* no START */
	chip_run(&q, pkt_fence(va, 3));
	assert_int_equal(word(&e, old), 3);
	assert_int_equal(word(&e, new), 0);
	/* A range that touches the page by a byte does. */
	chip_invalidate(c, CTX, va + 4095, 1);
	chip_run(&q, pkt_fence(va, 4));
	assert_int_equal(word(&e, old), 3);
	assert_int_equal(word(&e, new), 4);
	/* So does the whole context, a range to the end of everything, and all contexts. */
	chip_map(c, CTX, va, old, 4096, CHIP_RW);
	chip_invalidate(c, CTX, 0, 0);
	chip_run(&q, pkt_fence(va, 5));
	assert_int_equal(word(&e, old), 5);
	chip_map(c, CTX, va, new, 4096, CHIP_RW);
	chip_invalidate(c, CTX, va, UINT64_MAX);
	chip_run(&q, pkt_fence(va, 6));
	assert_int_equal(word(&e, new), 6);
	chip_map(c, CTX, va, old, 4096, CHIP_RW);
	wr32(c, EGRET_REG_INV_CMD, EGRET_INV_CMD_START | EGRET_INV_CMD_ALL);
	chip_until(!rd32(c, EGRET_REG_INV_STATUS));
	chip_run(&q, pkt_fence(va, 7));
	assert_int_equal(word(&e, old), 7);
	/* An unmapped page is gone after the invalidation. */
	chip_map(c, CTX, va, 0, 4096, 0);
	chip_invalidate(c, CTX, va, 4096);
	chip_run(&q, pkt_fence(va, 8));
	chip_expect(&q, EGRET_Q_STATE_FAULTED);
	assert_int_equal(q32(&q, EGRET_Q_FAULT_CODE), EGRET_FAULT_MMU_UNMAPPED);
	chip_queue_free(&q);
	chip_free(c);
}

static void large_pages_are_invalidated_as_a_whole(void **state)
{
	struct chip_queue q;
	struct chip *c = one_tlb(&q);
	struct env e = { .c = c };
	uint64_t addr = chip_alloc(c, CHIP_VRAM, 4 * MIB, 2 * MIB);
	uint64_t va = 0x740000000000;

	(void)state;
	chip_map_large(c, CTX, va, addr, 2 * MIB, CHIP_RW);
	chip_run(&q, pkt_fence(va, 1));
	chip_map_large(c, CTX, va, addr + 2 * MIB, 2 * MIB, CHIP_RW);
	chip_run(&q, pkt_fence(va, 2));
	assert_int_equal(word(&e, addr), 2);
	chip_invalidate(c, CTX, va + 0x100000, 4096);
	chip_run(&q, pkt_fence(va, 3));
	assert_int_equal(word(&e, addr + 2 * MIB), 3);
	chip_queue_free(&q);
	chip_free(c);
}

static void a_root_takes_effect_with_an_invalidation(void **state)
{
	struct chip_queue q;
	struct chip *c = one_tlb(&q);
	struct env e = { .c = c };
	uint64_t pages[2] = {
		chip_alloc(c, CHIP_VRAM, 4096, 4096), chip_alloc(c, CHIP_VRAM, 4096, 4096),
	};
	uint64_t va = q.ring->va + 16 * 4096;
	uint64_t roots[2];

	(void)state;
	/* Two trees; the second has the ring too. */
	chip_map(c, CTX, va, pages[0], 4096, CHIP_RW);
	roots[0] = c->root[CTX];
	c->root[CTX] = chip_alloc(c, CHIP_VRAM, 4096, 4096) | EGRET_PTE_VALID;
	chip_map(c, CTX, va, pages[1], 4096, CHIP_RW);
	chip_map(c, CTX, q.ring->va, q.ring->addr, 4096, CHIP_RW);
	roots[1] = c->root[CTX];

	wr64(c, EGRET_REG_CONTEXT(CTX), roots[1]);
	assert_int_equal(rd64(c, EGRET_REG_CONTEXT(CTX)), roots[1]);
	/* Not even an entry that is not in the TLB comes from the new one. */
	chip_run(&q, pkt_fence(va, 1));
	assert_int_equal(word(&e, pages[0]), 1);
	chip_invalidate(c, CTX, 0, 0);
	chip_run(&q, pkt_fence(va, 2));
	assert_int_equal(word(&e, pages[0]), 1);
	assert_int_equal(word(&e, pages[1]), 2);
	chip_queue_free(&q);
	chip_free(c);
}

/* More commands than the log of invalidations holds, while a unit does not look. */
static void many_invalidations(void **state)
{
	struct chip_queue q;
	struct chip *c = one_tlb(&q);
	struct env e = { .c = c };
	uint64_t old = chip_alloc(c, CHIP_VRAM, 4096, 4096);
	uint64_t new = chip_alloc(c, CHIP_VRAM, 4096, 4096);
	uint64_t va = q.ring->va + 16 * 4096;

	(void)state;
	for (unsigned int n = 1; n < 300; n += 37) {
		chip_map(c, CTX, va, old, 4096, CHIP_RW);
		chip_invalidate(c, CTX, va, 4096);
		chip_run(&q, pkt_fence(va, n));
		assert_int_equal(word(&e, old), n);
		chip_map(c, CTX, va, new, 4096, CHIP_RW);
		chip_invalidate(c, CTX, va, 4096);
		for (unsigned int i = 0; i < n; i++)
			chip_invalidate(c, CTX + 1, 0x770000000000 + i * 4096, 4096);
		chip_run(&q, pkt_fence(va, n + 1000));
		assert_int_equal(word(&e, new), n + 1000);
	}
	chip_queue_free(&q);
	chip_free(c);
}

/*
 * Pages are taken away from a queue that copies without end. When the invalidation is
 * complete the page must not change any more.
 */
static void invalidation_waits_for_those_who_run(void **state)
{
	struct env *e = *state;
	struct chip_buffer *fills = chip_buffer(e->c, CTX, CHIP_VRAM, 4096);
	struct chip_buffer *calls = chip_buffer(e->c, CTX, CHIP_VRAM, 4096);
	struct chip_buffer *more = chip_buffer(e->c, CTX, CHIP_VRAM, 4096);
	uint64_t va = 0x780000000000;
	uint64_t pages[2] = {
		e->page, chip_alloc(e->c, CHIP_VRAM, 4096, 4096),
	};
	union egret_packet p;

	chip_map(e->c, CTX, va, pages[0], 4096, CHIP_RW);
	for (unsigned int i = 0; i < 64; i++) {
		p = pkt_fill(va, 4096, i + 1, 1);
		chip_store(fills, i * 64, &p, sizeof(p));
		p = pkt_call(fills->va, 64);
		chip_store(calls, i * 64, &p, sizeof(p));
		p = pkt_call(calls->va, 64);
		chip_store(more, i * 64, &p, sizeof(p));
		chip_put(&e->q, pkt_call(more->va, 64));
	}
	chip_kick(&e->q);
	for (unsigned int i = 0; i < 200; i++) {
		uint8_t *old = chip_at(e->c, CHIP_VRAM, pages[i % 2]);

		chip_map(e->c, CTX, va, pages[(i + 1) % 2], 4096, CHIP_RW);
		chip_invalidate(e->c, CTX, va, 4096);
		memset(old, 0xee, 4096);
		for (unsigned int spin = 0; spin < 2000; spin++)
			rd32(e->c, EGRET_REG_ID);
		for (unsigned int k = 0; k < 4096; k++)
			assert_int_equal(old[k], 0xee);
	}
	assert_int_equal(q32(&e->q, EGRET_Q_STATUS), EGRET_Q_STATE_ACTIVE);
	chip_ctrl(&e->q, EGRET_Q_CTRL_KILL);
	chip_expect(&e->q, EGRET_Q_STATE_DISABLED);
	free(fills);
	free(calls);
	free(more);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(every_index_of_every_level),
		T(first_and_last_page),
		T(addresses_out_of_range),
		T(missing_entries_of_every_level),
		T(malformed_entries_of_every_level),
		T(tables_outside_memory),
		T(pages_outside_memory),
		T(no_system_memory_without_bus_mastering),
		T(permissions),
		T(large_pages),
		T(contiguous_hint_changes_nothing),
		T(roots),
		T(contexts_are_apart),
		cmocka_unit_test(stale_entries_stay_until_invalidated),
		cmocka_unit_test(large_pages_are_invalidated_as_a_whole),
		cmocka_unit_test(a_root_takes_effect_with_an_invalidation),
		cmocka_unit_test(many_invalidations),
		T(invalidation_waits_for_those_who_run),
	};

	return cmocka_run_group_tests_name("mmu", tests, NULL, NULL);
}
