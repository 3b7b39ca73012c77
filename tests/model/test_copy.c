// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/* COPY, COPY_RECT and FILL against what the host's memory functions do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "chip.h"

#define CTX	9
#define SIZE	(128 * KIB)

/* All kinds of memory, each with a shadow that holds what it must hold. */
struct env {
	struct chip *c;
	struct chip_queue compute;
	struct chip_queue copy;
	struct chip_buffer *b[4];
	uint8_t *shadow[4];
	struct chip_random r;
};

static int setup(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	e->c = chip_new();
	e->r.state = 4711;
	e->compute = chip_queue(e->c, 1, CTX, 0);
	e->copy = chip_queue(e->c, 2, CTX, EGRET_Q_CONFIG_COPY);
	for (unsigned int m = 0; m < 4; m++) {
		e->b[m] = chip_buffer(e->c, CTX, (enum chip_memory)m, SIZE);
		e->shadow[m] = malloc(SIZE);
		chip_random_bytes(&e->r, e->shadow[m], SIZE);
		chip_store(e->b[m], 0, e->shadow[m], SIZE);
	}
	*state = e;
	return 0;
}

static int teardown(void **state)
{
	struct env *e = *state;

	for (unsigned int m = 0; m < 4; m++) {
		free(e->b[m]);
		free(e->shadow[m]);
	}
	chip_queue_free(&e->compute);
	chip_queue_free(&e->copy);
	chip_free(e->c);
	free(e);
	return 0;
}

static void expect_shadows(struct env *e)
{
	uint8_t *got = malloc(SIZE);

	for (unsigned int m = 0; m < 4; m++) {
		chip_load(e->b[m], 0, got, SIZE);
		assert_memory_equal(got, e->shadow[m], SIZE);
	}
	free(got);
}

/* Sizes around what matters: bytes, words, pages, pieces. */
static uint64_t some_size(struct chip_random *r, uint64_t limit)
{
	static const uint64_t base[] = { 1, 8, 64, 4096, 8192, 64 * KIB };
	uint64_t size = base[chip_below(r, 6)] + chip_below(r, 17);

	if (chip_below(r, 3) == 0)
		size = 1 + chip_below(r, limit);
	size = size > 8 && chip_below(r, 2) ? size - 8 : size;
	return size > limit ? limit : size;
}

static void random_copies(void **state)
{
	struct env *e = *state;
	struct chip_random *r = &e->r;

	for (unsigned int i = 0; i < 1500; i++) {
		struct chip_queue *q = chip_below(r, 2) ? &e->compute : &e->copy;
		unsigned int from = chip_below(r, 4), to = chip_below(r, 4);
		uint64_t size = some_size(r, SIZE / 2);
		uint64_t src = chip_below(r, SIZE - size + 1);
		uint64_t dst = chip_below(r, SIZE - size + 1);

		if (from == to && (src < dst ? dst - src : src - dst) < size)
			continue;
		memcpy(e->shadow[to] + dst, e->shadow[from] + src, size);
		assert_int_equal(chip_run(q, pkt_copy(e->b[from]->va + src, e->b[to]->va + dst,
						      size)), EGRET_Q_STATE_IDLE);
		if (i % 50 == 0)
			expect_shadows(e);
	}
	expect_shadows(e);
}

static void random_fills(void **state)
{
	struct env *e = *state;
	struct chip_random *r = &e->r;

	for (unsigned int i = 0; i < 1000; i++) {
		struct chip_queue *q = chip_below(r, 2) ? &e->compute : &e->copy;
		unsigned int width = 1u << chip_below(r, 4), to = chip_below(r, 4);
		uint64_t n = 1 + some_size(r, SIZE / 2) / width;
		uint64_t dst = chip_below(r, (SIZE - n * width) / width + 1) * width;
		uint64_t pattern = chip_random(r);

		if (width < 8)
			pattern &= (1ull << 8 * width) - 1;
		for (uint64_t k = 0; k < n; k++)
			memcpy(e->shadow[to] + dst + k * width, &pattern, width);
		assert_int_equal(chip_run(q, pkt_fill(e->b[to]->va + dst, n * width, pattern,
						      width)), EGRET_Q_STATE_IDLE);
		if (i % 50 == 0)
			expect_shadows(e);
	}
	expect_shadows(e);
}

/* Offset of a block's lowest byte and its extent, for strides of either sign. */
static void bounds(int64_t pitch, uint64_t rows, int64_t slice, uint64_t slices, uint64_t width,
		   int64_t *low, int64_t *high)
{
	int64_t r = pitch * (int64_t)(rows - 1), s = slice * (int64_t)(slices - 1);

	*low = (r < 0 ? r : 0) + (s < 0 ? s : 0);
	*high = (r > 0 ? r : 0) + (s > 0 ? s : 0) + (int64_t)width;
}

static void random_blocks(void **state)
{
	struct env *e = *state;
	struct chip_random *r = &e->r;
	unsigned int done = 0;

	for (unsigned int i = 0; i < 3000; i++) {
		struct chip_queue *q = chip_below(r, 2) ? &e->compute : &e->copy;
		unsigned int from = chip_below(r, 4), to = (from + 1 + chip_below(r, 3)) % 4;
		uint64_t width = 1 + chip_below(r, chip_below(r, 4) ? 200 : 6000);
		uint64_t rows = 1 + chip_below(r, 20), slices = 1 + chip_below(r, 6);
		/* The source may repeat rows and run backwards; rows of the destination are apart. */
		int64_t sp = (int64_t)chip_below(r, 600) - 300;
		int64_t ss = (int64_t)chip_below(r, 4000) - 2000;
		int64_t dp = (int64_t)(width + chip_below(r, 50)) * (chip_below(r, 2) ? 1 : -1);
		int64_t ds = (dp < 0 ? -dp : dp) * (int64_t)rows + (int64_t)chip_below(r, 100);
		int64_t slow, shigh, dlow, dhigh;
		union egret_packet p = pkt(EGRET_OP_COPY_RECT);
		uint64_t src, dst;

		if (chip_below(r, 2))
			ds = -ds;
		bounds(sp, rows, ss, slices, width, &slow, &shigh);
		bounds(dp, rows, ds, slices, width, &dlow, &dhigh);
		if (shigh - slow > (int64_t)SIZE || dhigh - dlow > (int64_t)SIZE)
			continue;
		src = chip_below(r, SIZE - (shigh - slow) + 1) - slow;
		dst = chip_below(r, SIZE - (dhigh - dlow) + 1) - dlow;
		for (uint64_t s = 0; s < slices; s++)
			for (uint64_t k = 0; k < rows; k++)
				memcpy(e->shadow[to] + dst + (int64_t)s * ds + (int64_t)k * dp,
				       e->shadow[from] + src + (int64_t)s * ss + (int64_t)k * sp,
				       width);
		p.copy_rect.width = width;
		p.copy_rect.rows = rows;
		p.copy_rect.slices = slices;
		p.copy_rect.src = e->b[from]->va + src;
		p.copy_rect.dst = e->b[to]->va + dst;
		p.copy_rect.src_pitch = sp;
		p.copy_rect.dst_pitch = dp;
		p.copy_rect.src_slice = ss;
		p.copy_rect.dst_slice = ds;
		assert_int_equal(chip_run(q, p), EGRET_Q_STATE_IDLE);
		done++;
		if (i % 50 == 0)
			expect_shadows(e);
	}
	expect_shadows(e);
	assert_true(done > 500);
}

/* More than a piece, over large pages, from and to odd addresses. */
static void large_copies(void **state)
{
	struct env *e = *state;
	uint64_t from = chip_alloc(e->c, CHIP_VRAM, 8 * MIB, 2 * MIB);
	uint64_t to = chip_alloc(e->c, CHIP_VRAM, 8 * MIB, 2 * MIB);
	uint64_t va = 0x100000000000;
	uint64_t size = 7 * MIB + 12345;
	uint8_t *src = chip_at(e->c, CHIP_VRAM, from), *dst = chip_at(e->c, CHIP_VRAM, to);

	/* Pages of 2 MiB in reverse order on one side. */
	for (unsigned int i = 0; i < 4; i++)
		chip_map_large(e->c, CTX, va + i * 2 * MIB, from + (3 - i) * 2 * MIB, 2 * MIB,
			       CHIP_RW);
	chip_map_large(e->c, CTX, va + 64 * MIB, to, 8 * MIB, CHIP_RW);
	chip_random_bytes(&e->r, src, 8 * MIB);
	for (unsigned int k = 0; k < 2; k++) {
		memset(dst, 0, 8 * MIB);
		assert_int_equal(chip_run(k ? &e->copy : &e->compute,
					  pkt_copy(va + 777, va + 64 * MIB + 3, size)),
				 EGRET_Q_STATE_IDLE);
		for (uint64_t i = 0; i < size; i++) {
			uint64_t at = i + 777;

			if (dst[3 + i] != src[(3 - at / (2 * MIB)) * 2 * MIB + at % (2 * MIB)])
				fail_msg("byte %llu differs", (unsigned long long)i);
		}
		assert_int_equal(dst[2], 0);
		assert_int_equal(dst[3 + size], 0);
	}
}

/* ---- Faults --------------------------------------------------------------------------- */

static void expect_fault(struct chip_queue *q, enum egret_fault_code code, uint64_t addr,
			 enum egret_fault_access access)
{
	uint32_t info;

	chip_expect(q, EGRET_Q_STATE_FAULTED);
	info = q32(q, EGRET_Q_FAULT_INFO);
	assert_int_equal(q32(q, EGRET_Q_FAULT_CODE), code);
	assert_int_equal(q64(q, EGRET_Q_FAULT_ADDR), addr);
	assert_int_equal(info & EGRET_FAULT_INFO_UNIT_MASK, EGRET_UNIT_COPY);
	assert_int_equal((info & EGRET_FAULT_INFO_ACCESS_MASK) >> 12, access);
	assert_int_equal(q64(q, EGRET_Q_FAULT_PC), q->ring->va);
	chip_ctrl(q, EGRET_Q_CTRL_KILL);
	chip_ctrl(q, EGRET_Q_CTRL_ENABLE);
	q->tail = 0;
}

static void the_first_bad_byte_is_reported(void **state)
{
	struct env *e = *state;
	uint64_t hole = 0x5000;

	for (unsigned int k = 0; k < 2; k++) {
		struct chip_queue *q = k ? &e->copy : &e->compute;

		/* The page behind each buffer is not mapped. */
		for (unsigned int m = 0; m < 4; m++) {
			uint64_t end = e->b[m]->va + SIZE;
			unsigned int other = (m + 1) % 4;

			chip_run(q, pkt_copy(end - 100, e->b[other]->va, 200));
			expect_fault(q, EGRET_FAULT_MMU_UNMAPPED, end, EGRET_ACCESS_READ);
			chip_run(q, pkt_copy(e->b[other]->va, end - 100, 200));
			expect_fault(q, EGRET_FAULT_MMU_UNMAPPED, end, EGRET_ACCESS_WRITE);
			chip_run(q, pkt_fill(end - 96, 200, 0, 8));
			expect_fault(q, EGRET_FAULT_MMU_UNMAPPED, end, EGRET_ACCESS_WRITE);
		}
		/* System memory that does not answer, in the middle of a contiguous range. */
		chip_map(e->c, CTX, 0x300000000000, CHIP_SYS_BASE + CHIP_SYS_SIZE - 4 * 4096,
			 8 * 4096, CHIP_RW | EGRET_PTE_SYSTEM);
		chip_run(q, pkt_copy(0x300000000000 + 10, e->b[0]->va, hole));
		expect_fault(q, EGRET_FAULT_BUS, 0x300000004000, EGRET_ACCESS_READ);
		chip_run(q, pkt_copy(e->b[0]->va, 0x300000000000 + 10, hole));
		expect_fault(q, EGRET_FAULT_BUS, 0x300000004000, EGRET_ACCESS_WRITE);
		chip_run(q, pkt_fill(0x300000000000 + 8, hole, 0, 8));
		expect_fault(q, EGRET_FAULT_BUS, 0x300000004000, EGRET_ACCESS_WRITE);
		/* Over the end of the address space. */
		chip_map(e->c, CTX, EGRET_VA_END - 4096, e->b[0]->addr, 4096, CHIP_RW);
		chip_run(q, pkt_copy(e->b[0]->va + 8192, EGRET_VA_END - 50, 100));
		expect_fault(q, EGRET_FAULT_MMU_UNMAPPED, EGRET_VA_END, EGRET_ACCESS_WRITE);
		chip_run(q, pkt_fill(UINT64_MAX - 7, 16, 0, 8));
		expect_fault(q, EGRET_FAULT_MMU_UNMAPPED, UINT64_MAX - 7, EGRET_ACCESS_WRITE);
	}
}

/* ---- Counters and modelled time --------------------------------------------------------- */

struct counts {
	uint64_t vr, vw, hr, hw, cycles;
};

static struct counts read_counts(struct chip *c)
{
	return (struct counts) {
		rd64(c, EGRET_REG_CNT_VRAM_READ), rd64(c, EGRET_REG_CNT_VRAM_WRITE),
		rd64(c, EGRET_REG_CNT_HOST_READ), rd64(c, EGRET_REG_CNT_HOST_WRITE),
		rd64(c, EGRET_REG_CNT_CYCLES),
	};
}

static void bytes_are_counted(void **state)
{
	struct env *e = *state;

	for (unsigned int from = 0; from < 4; from++) {
		for (unsigned int to = 0; to < 4; to++) {
			struct counts a = read_counts(e->c), b;
			bool hf = from % 2, ht = to % 2;

			chip_run(&e->copy, pkt_copy(e->b[from]->va + 5, e->b[to]->va + 70000, 50001));
			chip_run(&e->copy, pkt_fill(e->b[to]->va, 333, 1, 1));
			b = read_counts(e->c);
			assert_int_equal(b.vr - a.vr, hf ? 0 : 50001);
			assert_int_equal(b.hr - a.hr, hf ? 50001 : 0);
			assert_int_equal(b.vw - a.vw, ht ? 0 : 50001 + 333);
			assert_int_equal(b.hw - a.hw, ht ? 50001 + 333 : 0);
		}
	}
}

static uint64_t cycles_of(struct env *e, union egret_packet p)
{
	uint64_t before = q64(&e->copy, EGRET_Q_BUSY_CYCLES);
	uint64_t chip = rd64(e->c, EGRET_REG_CNT_CYCLES);

	assert_int_equal(chip_run(&e->copy, p), EGRET_Q_STATE_IDLE);
	assert_int_equal(rd64(e->c, EGRET_REG_CNT_CYCLES) - chip,
			 q64(&e->copy, EGRET_Q_BUSY_CYCLES) - before);
	return q64(&e->copy, EGRET_Q_BUSY_CYCLES) - before;
}

/* From the documented figures: 512 GB/s and 27 GB/s at 1.5 GHz. */
static void cycles_follow_the_formulas(void **state)
{
	struct env *e = *state;
	uint64_t n = 60000;

	/* Both directions share device memory: 2 n bytes at 341.33 a cycle. */
	assert_int_equal(cycles_of(e, pkt_copy(e->b[0]->va, e->b[2]->va, n)),
			 64 + 200 + 150 + (2 * n * 3 + 1023) / 1024);
	/* The link is slower: n bytes at 18 a cycle. */
	assert_int_equal(cycles_of(e, pkt_copy(e->b[0]->va, e->b[1]->va, n)),
			 64 + 200 + 1200 + (n + 17) / 18);
	assert_int_equal(cycles_of(e, pkt_copy(e->b[1]->va, e->b[0]->va, n)),
			 64 + 200 + 1200 + (n + 17) / 18);
	/* It has two directions. */
	assert_int_equal(cycles_of(e, pkt_copy(e->b[1]->va, e->b[3]->va, n)),
			 64 + 200 + 1200 + (n + 17) / 18);
	assert_int_equal(cycles_of(e, pkt_fill(e->b[0]->va, n, 0, 1)),
			 64 + 200 + 150 + (n * 3 + 1023) / 1024);
	/* The same again takes the same. */
	assert_int_equal(cycles_of(e, pkt_copy(e->b[0]->va, e->b[2]->va, 1)),
			 cycles_of(e, pkt_copy(e->b[0]->va, e->b[2]->va, 1)));
	assert_int_equal(cycles_of(e, pkt(EGRET_OP_NOP)), 64);
	assert_int_equal(cycles_of(e, pkt_fence(e->b[0]->va, 1)), 164);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(random_copies),
		T(random_fills),
		T(random_blocks),
		T(large_copies),
		T(the_first_bad_byte_is_reported),
		T(bytes_are_counted),
		T(cycles_follow_the_formulas),
	};

	return cmocka_run_group_tests_name("copy", tests, NULL, NULL);
}
