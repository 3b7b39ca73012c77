// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/* Queues: states, commands, doorbells, WAIT, pauses, resets in the middle of work. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "chip.h"
#include "model.h"

#define CTX	3

struct env {
	struct chip *c;
	struct chip_buffer *vram;
	struct chip_buffer *sys;
	struct chip_buffer *endless;	/* packets that take for ever */
};

/* 64 x 64 x 64 CALLs of 64 NOPs: seconds at least, and it may be called 64 times. */
static struct chip_buffer *endless(struct chip *c)
{
	struct chip_buffer *b = chip_buffer(c, CTX, CHIP_VRAM, 16 * KIB);

	for (unsigned int level = 1; level < 4; level++) {
		for (unsigned int i = 0; i < 64; i++) {
			union egret_packet p = pkt_call(b->va + (level - 1) * 4096, 64);

			chip_store(b, level * 4096 + i * 64, &p, sizeof(p));
		}
	}
	return b;
}

static union egret_packet pkt_endless(struct env *e)
{
	return pkt_call(e->endless->va + 3 * 4096, 64);
}

static int setup(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	e->c = chip_new();
	e->vram = chip_buffer(e->c, CTX, CHIP_VRAM, 64 * KIB);
	e->sys = chip_buffer(e->c, CTX, CHIP_SYS, 64 * KIB);
	e->endless = endless(e->c);
	*state = e;
	return 0;
}

static int teardown(void **state)
{
	struct env *e = *state;

	free(e->vram);
	free(e->sys);
	free(e->endless);
	chip_free(e->c);
	free(e);
	return 0;
}

static uint64_t word(struct chip_buffer *b, uint64_t offset)
{
	return atomic_load(chip_word(b, offset));
}

/* ---- Enabling ---------------------------------------------------------------------- */

static void bad_settings_cannot_be_enabled(void **state)
{
	struct env *e = *state;
	struct chip *c = e->c;
	static const struct {
		uint64_t ring;
		uint32_t size, config;
	} bad[] = {
		{ CHIP_VA + 64, 6, 2 << 24 },
		{ 0, 6, 2 << 24 },
		{ EGRET_VA_MIN - 4096, 6, 2 << 24 },
		{ EGRET_VA_END, 6, 2 << 24 },
		{ CHIP_VA, 2, 2 << 24 },
		{ CHIP_VA, 17, 2 << 24 },
		{ CHIP_VA, 0x106, 2 << 24 },
		{ CHIP_VA, 6, 0 },
		{ CHIP_VA, 6, 1 << 24 },
		{ CHIP_VA, 6, 2 << 24 | 64 },		/* no such context */
		{ CHIP_VA, 6, 2 << 24 | 1 << 10 },
		{ CHIP_VA, 6, 2 << 24 | 1 << 18 },
		{ CHIP_VA, 6, 2 << 24 | 1u << 31 },
	};

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		wr64(c, EGRET_REG_QUEUE(0, EGRET_Q_RING), bad[i].ring);
		wr32(c, EGRET_REG_QUEUE(0, EGRET_Q_RING_SIZE), bad[i].size);
		wr32(c, EGRET_REG_QUEUE(0, EGRET_Q_CONFIG), bad[i].config);
		wr32(c, EGRET_REG_QUEUE(0, EGRET_Q_CTRL), EGRET_Q_CTRL_ENABLE);
		assert_int_equal(rd32(c, EGRET_REG_QUEUE(0, EGRET_Q_STATUS)),
				 EGRET_Q_STATE_DISABLED);
	}
	wr64(c, EGRET_REG_QUEUE(0, EGRET_Q_RING), CHIP_VA);
	wr32(c, EGRET_REG_QUEUE(0, EGRET_Q_RING_SIZE), 6);
	wr32(c, EGRET_REG_QUEUE(0, EGRET_Q_CONFIG), 31 << 24 | 63 | 3 << 16);
	wr32(c, EGRET_REG_QUEUE(0, EGRET_Q_CTRL), EGRET_Q_CTRL_ENABLE);
	assert_int_equal(rd32(c, EGRET_REG_QUEUE(0, EGRET_Q_STATUS)), EGRET_Q_STATE_IDLE);
}

static void settings_are_fixed_while_enabled(void **state)
{
	struct env *e = *state;
	struct chip_queue q = chip_queue(e->c, 1, CTX, 0);

	wr64(e->c, EGRET_REG_QUEUE(1, EGRET_Q_RING), 0);
	wr32(e->c, EGRET_REG_QUEUE(1, EGRET_Q_RING_SIZE), 1);
	wr32(e->c, EGRET_REG_QUEUE(1, EGRET_Q_CONFIG), 1);
	assert_int_equal(q64(&q, EGRET_Q_RING), q.ring->va);
	assert_int_equal(q32(&q, EGRET_Q_RING_SIZE), 6);
	assert_int_equal(q32(&q, EGRET_Q_CONFIG), 2 << 24 | CTX);
	chip_queue_free(&q);
}

static void rings_of_all_sizes_wrap(void **state)
{
	struct env *e = *state;

	for (unsigned int log2 = 3; log2 <= 16; log2++) {
		struct chip_buffer *ring = chip_buffer(e->c, CTX, CHIP_VRAM, 64ull << log2);
		struct chip_queue q = { .c = e->c, .id = log2, .log2 = log2, .ring = ring };
		uint64_t packets = (3ull << log2) - 1;

		wr64(e->c, EGRET_REG_QUEUE(log2, EGRET_Q_RING), ring->va);
		wr32(e->c, EGRET_REG_QUEUE(log2, EGRET_Q_RING_SIZE), log2);
		wr32(e->c, EGRET_REG_QUEUE(log2, EGRET_Q_CONFIG), 2 << 24 | CTX);
		chip_ctrl(&q, EGRET_Q_CTRL_ENABLE);
		for (uint64_t i = 1; i <= packets; i++) {
			chip_put(&q, pkt_fence(e->vram->va, i));
			/* A full ring at times, single packets at others. */
			if (q.tail % (1ull << log2) == 0 || i % 7 == 0 || i == packets)
				chip_kick(&q);
		}
		assert_int_equal(chip_drain(&q), EGRET_Q_STATE_IDLE);
		assert_int_equal(word(e->vram, 0), packets);
		assert_int_equal(q64(&q, EGRET_Q_HEAD), packets);
		free(ring);
	}
}

/* ---- Doorbells ------------------------------------------------------------------------ */

static void tails_are_checked(void **state)
{
	struct env *e = *state;
	struct chip_queue q = chip_queue(e->c, 1, CTX, 0);

	/* Ignored while disabled. */
	chip_ctrl(&q, EGRET_Q_CTRL_KILL);
	wr64(e->c, EGRET_REG_QUEUE(1, EGRET_Q_TAIL), 5);
	assert_int_equal(q64(&q, EGRET_Q_TAIL), 0);
	chip_ctrl(&q, EGRET_Q_CTRL_ENABLE);
	/* A full ring is fine. */
	wr64(e->c, EGRET_REG_QUEUE(1, EGRET_Q_TAIL), 64);
	chip_until(q64(&q, EGRET_Q_HEAD) == 64);
	/* Behind the head is not. */
	wr64(e->c, EGRET_REG_QUEUE(1, EGRET_Q_TAIL), 63);
	chip_expect(&q, EGRET_Q_STATE_FAULTED);
	assert_int_equal(q32(&q, EGRET_Q_FAULT_CODE), EGRET_FAULT_RING);
	assert_int_equal(q64(&q, EGRET_Q_FAULT_ADDR), 63);
	assert_int_equal(q64(&q, EGRET_Q_FAULT_PACKET), 64);
	/* Ignored while faulted. */
	wr64(e->c, EGRET_REG_QUEUE(1, EGRET_Q_TAIL), 70);
	assert_int_equal(q64(&q, EGRET_Q_TAIL), 63);
	/* What happened stays readable until the queue is enabled again. */
	chip_ctrl(&q, EGRET_Q_CTRL_KILL);
	chip_expect(&q, EGRET_Q_STATE_DISABLED);
	assert_int_equal(q32(&q, EGRET_Q_FAULT_CODE), EGRET_FAULT_RING);
	assert_int_equal(q64(&q, EGRET_Q_HEAD), 64);
	assert_true(q64(&q, EGRET_Q_BUSY_CYCLES));
	chip_ctrl(&q, EGRET_Q_CTRL_ENABLE);
	assert_int_equal(q32(&q, EGRET_Q_FAULT_CODE), 0);
	assert_int_equal(q64(&q, EGRET_Q_HEAD), 0);
	assert_int_equal(q64(&q, EGRET_Q_TAIL), 0);
	assert_int_equal(q64(&q, EGRET_Q_BUSY_CYCLES), 0);
	assert_int_equal(q64(&q, EGRET_Q_PROGRESS), 0);
	/* While it works, and more than a ring ahead. */
	q.tail = 0;
	chip_put(&q, pkt_endless(e));
	chip_kick(&q);
	wr64(e->c, EGRET_REG_QUEUE(1, EGRET_Q_TAIL), 0x8000000000000000);
	chip_expect(&q, EGRET_Q_STATE_FAULTED);
	assert_int_equal(q32(&q, EGRET_Q_FAULT_CODE), EGRET_FAULT_RING);
	assert_int_equal(q64(&q, EGRET_Q_FAULT_ADDR), 0x8000000000000000);
	chip_queue_free(&q);
}

static void tails_of_stopped_queues_are_kept(void **state)
{
	struct env *e = *state;
	struct chip_queue q = chip_queue(e->c, 1, CTX, 0);

	chip_ctrl(&q, EGRET_Q_CTRL_STOP);
	chip_expect(&q, EGRET_Q_STATE_STOPPED);
	chip_put(&q, pkt_fence(e->vram->va, 1));
	chip_kick(&q);
	assert_int_equal(egret_model_wait_idle(e->c->m, 1000000000), 0);
	assert_int_equal(q64(&q, EGRET_Q_TAIL), 1);
	assert_int_equal(q64(&q, EGRET_Q_HEAD), 0);
	assert_int_equal(word(e->vram, 0), 0);
	chip_ctrl(&q, EGRET_Q_CTRL_RESUME);
	assert_int_equal(chip_drain(&q), EGRET_Q_STATE_IDLE);
	assert_int_equal(word(e->vram, 0), 1);
	/* But not every value. */
	chip_ctrl(&q, EGRET_Q_CTRL_STOP);
	wr64(e->c, EGRET_REG_QUEUE(1, EGRET_Q_TAIL), 66);
	chip_expect(&q, EGRET_Q_STATE_FAULTED);
	chip_queue_free(&q);
}

/* ---- Commands ---------------------------------------------------------------------------- */

static void commands_out_of_place_do_nothing(void **state)
{
	struct env *e = *state;
	struct chip_queue q = chip_queue(e->c, 1, CTX, 0);

	chip_ctrl(&q, EGRET_Q_CTRL_RESUME);
	chip_ctrl(&q, EGRET_Q_CTRL_ENABLE);
	chip_ctrl(&q, 0);
	chip_ctrl(&q, 5);
	chip_ctrl(&q, 0x80000004);
	assert_int_equal(q32(&q, EGRET_Q_STATUS), EGRET_Q_STATE_IDLE);
	chip_ctrl(&q, EGRET_Q_CTRL_STOP);
	chip_ctrl(&q, EGRET_Q_CTRL_STOP);
	chip_ctrl(&q, EGRET_Q_CTRL_ENABLE);
	assert_int_equal(q32(&q, EGRET_Q_STATUS), EGRET_Q_STATE_STOPPED);
	chip_ctrl(&q, EGRET_Q_CTRL_KILL);
	assert_int_equal(q32(&q, EGRET_Q_STATUS), EGRET_Q_STATE_DISABLED);
	chip_ctrl(&q, EGRET_Q_CTRL_STOP);
	chip_ctrl(&q, EGRET_Q_CTRL_RESUME);
	chip_ctrl(&q, EGRET_Q_CTRL_KILL);
	assert_int_equal(q32(&q, EGRET_Q_STATUS), EGRET_Q_STATE_DISABLED);
	chip_ctrl(&q, EGRET_Q_CTRL_ENABLE);
	wr64(e->c, EGRET_REG_QUEUE(1, EGRET_Q_TAIL), 65);
	chip_ctrl(&q, EGRET_Q_CTRL_STOP);
	chip_ctrl(&q, EGRET_Q_CTRL_RESUME);
	chip_ctrl(&q, EGRET_Q_CTRL_ENABLE);
	assert_int_equal(q32(&q, EGRET_Q_STATUS), EGRET_Q_STATE_FAULTED);
	chip_queue_free(&q);
}

/* Whether the queue makes progress, or not. */
static bool progresses(struct chip_queue *q)
{
	uint64_t progress = q64(q, EGRET_Q_PROGRESS);
	uint64_t end = chip_now() + 20000000;

	while (chip_now() < end)
		if (q64(q, EGRET_Q_PROGRESS) != progress)
			return true;
	return false;
}

static void stop_and_resume_between_packets(void **state)
{
	struct env *e = *state;
	struct chip_queue q = chip_queue(e->c, 1, CTX, 0);

	chip_put(&q, pkt_endless(e));
	chip_kick(&q);
	for (unsigned int i = 0; i < 10; i++) {
		chip_until(progresses(&q));
		chip_ctrl(&q, EGRET_Q_CTRL_STOP);
		chip_expect(&q, EGRET_Q_STATE_STOPPED);
		assert_false(progresses(&q));
		chip_ctrl(&q, EGRET_Q_CTRL_RESUME);
		assert_int_equal(q32(&q, EGRET_Q_STATUS), EGRET_Q_STATE_ACTIVE);
	}
	/* A stop that is taken back at once. */
	for (unsigned int i = 0; i < 1000; i++) {
		chip_ctrl(&q, EGRET_Q_CTRL_STOP);
		chip_ctrl(&q, EGRET_Q_CTRL_RESUME);
	}
	assert_int_equal(q32(&q, EGRET_Q_STATUS), EGRET_Q_STATE_ACTIVE);
	chip_until(progresses(&q));
	assert_int_equal(q64(&q, EGRET_Q_HEAD), 0);
	chip_ctrl(&q, EGRET_Q_CTRL_KILL);
	chip_expect(&q, EGRET_Q_STATE_DISABLED);
	assert_false(progresses(&q));
	chip_queue_free(&q);
}

/* Nothing of what was behind the last packet is lost or done twice by stopping. */
static void stopping_loses_nothing(void **state)
{
	struct env *e = *state;
	struct chip_queue q = chip_queue(e->c, 1, CTX, 0);
	struct chip_random r = { 11 };

	for (uint64_t i = 1; i <= 3000; i++) {
		/* Fails when a packet is skipped or repeated: the values must ascend by one. */
		chip_put(&q, pkt_wait(e->vram->va, i - 1));
		chip_put(&q, pkt_fence(e->vram->va, i));
		chip_kick(&q);
		if (chip_below(&r, 4) == 0) {
			chip_ctrl(&q, EGRET_Q_CTRL_STOP);
			chip_expect(&q, EGRET_Q_STATE_STOPPED);
			assert_int_equal(q64(&q, EGRET_Q_HEAD) / 2, word(e->vram, 0));
			chip_ctrl(&q, EGRET_Q_CTRL_RESUME);
		}
	}
	assert_int_equal(chip_drain(&q), EGRET_Q_STATE_IDLE);
	assert_int_equal(word(e->vram, 0), 3000);
	assert_int_equal(q64(&q, EGRET_Q_HEAD), 6000);
	chip_queue_free(&q);
}

/* A fill of 2^46 bytes: one table, reached from everywhere. */
static uint64_t map_huge(struct chip *c)
{
	uint64_t va = 0x400000000000;
	uint64_t page = chip_alloc(c, CHIP_VRAM, 2 * MIB, 2 * MIB);
	_Atomic uint64_t *root, *level2, *level1;

	level1 = chip_entry(c, CTX, va, 1);
	level2 = chip_entry(c, CTX, va, 2);
	root = chip_entry(c, CTX, va, 3);
	for (unsigned int i = 0; i < 512; i++) {
		atomic_store(&level1[i], page | CHIP_RW);
		atomic_store(&level2[i], atomic_load(level2));
	}
	for (unsigned int i = 0; i < 128; i++)
		atomic_store(&root[i], atomic_load(root));
	return va;
}

static void kill_in_the_middle_of_a_copy(void **state)
{
	struct env *e = *state;
	uint64_t va = map_huge(e->c);

	for (unsigned int i = 0; i < 2; i++) {
		struct chip_queue q = chip_queue(e->c, 1 + i, CTX, i ? EGRET_Q_CONFIG_COPY : 0);

		chip_put(&q, pkt_fill(va, 1ull << 46, 1, 1));
		chip_kick(&q);
		chip_until(progresses(&q));
		chip_ctrl(&q, EGRET_Q_CTRL_STOP); /* never comes to it */
		assert_int_equal(q32(&q, EGRET_Q_STATUS), EGRET_Q_STATE_ACTIVE);
		chip_ctrl(&q, EGRET_Q_CTRL_KILL);
		chip_expect(&q, EGRET_Q_STATE_DISABLED);
		assert_false(progresses(&q));
		assert_int_equal(q64(&q, EGRET_Q_HEAD), 0);
		chip_ctrl(&q, EGRET_Q_CTRL_ENABLE);
		q.tail = 0;
		assert_int_equal(chip_run(&q, pkt_fence(e->vram->va, 1)), EGRET_Q_STATE_IDLE);
		chip_queue_free(&q);
	}
}

static void a_stop_is_taken_back(void **state)
{
	struct env *e = *state;
	struct chip_queue q = chip_queue(e->c, 1, CTX, 0);

	/* Long enough for the two commands to come in its middle. */
	chip_put(&q, pkt_fill(map_huge(e->c), 512 * MIB, 1, 1));
	chip_put(&q, pkt_fence(e->vram->va, 1));
	chip_kick(&q);
	chip_until(q64(&q, EGRET_Q_PROGRESS) > 0);
	chip_ctrl(&q, EGRET_Q_CTRL_STOP);
	assert_int_equal(q32(&q, EGRET_Q_STATUS), EGRET_Q_STATE_ACTIVE);
	chip_ctrl(&q, EGRET_Q_CTRL_RESUME);
	assert_int_equal(q32(&q, EGRET_Q_STATUS), EGRET_Q_STATE_ACTIVE);
	assert_int_equal(q64(&q, EGRET_Q_HEAD), 0);
	assert_int_equal(chip_drain(&q), EGRET_Q_STATE_IDLE);
	assert_int_equal(word(e->vram, 0), 1);
	chip_queue_free(&q);
}

/* ---- WAIT ---------------------------------------------------------------------------------- */

static void wait_compares_unsigned(void **state)
{
	struct env *e = *state;
	struct chip_queue q = chip_queue(e->c, 1, CTX, 0);
	static const struct {
		uint64_t word, value;
		bool goes_on;
	} cases[] = {
		{ 0, 0, true }, { 5, 5, true }, { 6, 5, true }, { 4, 5, false },
		{ UINT64_MAX, 1, true }, { 1, UINT64_MAX, false },
		{ 0x8000000000000000, 0x7fffffffffffffff, true },
		{ 0x100000000, 0xffffffff, true }, { 0xffffffff, 0x100000000, false },
	};

	for (unsigned int m = 0; m < 2; m++) {
		struct chip_buffer *b = m ? e->sys : e->vram;

		for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			atomic_store(chip_word(b, 64), cases[i].word);
			chip_put(&q, pkt_wait(b->va + 64, cases[i].value));
			chip_kick(&q);
			if (!cases[i].goes_on) {
				chip_expect(&q, EGRET_Q_STATE_WAITING);
				/* The host writes, without a doorbell. */
				atomic_store(chip_word(b, 64), cases[i].value);
			}
			assert_int_equal(chip_drain(&q), EGRET_Q_STATE_IDLE);
		}
	}
	chip_queue_free(&q);
}

static void anything_that_writes_ends_a_wait(void **state)
{
	struct env *e = *state;
	struct chip_queue waits = chip_queue(e->c, 1, CTX, 0);
	struct chip_queue other = chip_queue(e->c, 2, CTX, 0);
	struct chip_queue copy = chip_queue(e->c, 3, CTX, EGRET_Q_CONFIG_COPY);

	atomic_store(chip_word(e->vram, 8192), 1);
	for (unsigned int m = 0; m < 2; m++) {
		struct chip_buffer *b = m ? e->sys : e->vram;
		union egret_packet writers[] = {
			pkt_fence(b->va, 1),
			pkt_fill(b->va, 8, 1, 8),
			pkt_copy(e->vram->va + 8192, b->va, 8),
			pkt_timestamp(b->va),
		};

		for (unsigned int i = 0; i < 2 * sizeof(writers) / sizeof(writers[0]); i++) {
			atomic_store(chip_word(b, 0), 0);
			chip_put(&waits, pkt_wait(b->va, 1));
			chip_kick(&waits);
			chip_expect(&waits, EGRET_Q_STATE_WAITING);
			chip_run(i % 2 ? &copy : &other, writers[i / 2]);
			assert_int_equal(chip_drain(&waits), EGRET_Q_STATE_IDLE);
		}
	}
	chip_queue_free(&waits);
	chip_queue_free(&other);
	chip_queue_free(&copy);
}

/* Queues in a ring, each waits for the one before: a token goes round. */
static void queues_wait_for_each_other(void **state)
{
	struct env *e = *state;
	struct chip_queue q[16];
	enum { N = 16, ROUNDS = 30 };

	for (unsigned int i = 0; i < N; i++)
		q[i] = chip_queue(e->c, i, CTX, (i % 2 ? EGRET_Q_CONFIG_COPY : 0) |
				  (i % 4) << 16);
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		for (unsigned int i = N; i-- > 0;) {
			struct chip_buffer *before = i % 3 ? e->vram : e->sys;
			struct chip_buffer *after = (i + 1) % N % 3 ? e->vram : e->sys;

			chip_put(&q[i], pkt_wait(before->va + i * 64, round));
			chip_put(&q[i], pkt_fence(after->va + (i + 1) % N * 64,
						  round + (i == N - 1)));
			chip_kick(&q[i]);
		}
	}
	atomic_store(chip_word(e->sys, 0), 1);
	for (unsigned int i = 0; i < N; i++)
		assert_int_equal(chip_drain(&q[i]), EGRET_Q_STATE_IDLE);
	assert_int_equal(word(e->sys, 0), ROUNDS + 1);
	for (unsigned int i = 0; i < N; i++)
		chip_queue_free(&q[i]);
}

static void waiting_queues_are_stopped_and_killed(void **state)
{
	struct env *e = *state;
	struct chip_queue q = chip_queue(e->c, 1, CTX, 0);

	chip_put(&q, pkt_wait(e->vram->va, 1));
	chip_put(&q, pkt_fence(e->vram->va + 8, 1));
	chip_kick(&q);
	chip_expect(&q, EGRET_Q_STATE_WAITING);
	chip_ctrl(&q, EGRET_Q_CTRL_STOP);
	chip_expect(&q, EGRET_Q_STATE_STOPPED);
	/* Satisfied while stopped: seen after the resume. */
	atomic_store(chip_word(e->vram, 0), 1);
	assert_false(progresses(&q));
	chip_ctrl(&q, EGRET_Q_CTRL_RESUME);
	assert_int_equal(chip_drain(&q), EGRET_Q_STATE_IDLE);
	assert_int_equal(word(e->vram, 8), 1);
	assert_int_equal(q64(&q, EGRET_Q_HEAD), 2);

	chip_put(&q, pkt_wait(e->vram->va, 2));
	chip_put(&q, pkt_fence(e->vram->va + 8, 2));
	chip_kick(&q);
	chip_expect(&q, EGRET_Q_STATE_WAITING);
	chip_ctrl(&q, EGRET_Q_CTRL_KILL);
	assert_int_equal(q32(&q, EGRET_Q_STATUS), EGRET_Q_STATE_DISABLED);
	atomic_store(chip_word(e->vram, 0), 2);
	assert_false(progresses(&q));
	assert_int_equal(word(e->vram, 8), 1);
	chip_queue_free(&q);
}

/* The page with the word is moved, or taken away, while a queue waits. */
static void waiting_follows_the_page_tables(void **state)
{
	struct env *e = *state;
	struct chip_queue q = chip_queue(e->c, 1, CTX, 0);
	uint64_t old = chip_alloc(e->c, CHIP_VRAM, 4096, 4096);
	uint64_t new = chip_alloc(e->c, CHIP_VRAM, 4096, 4096);
	uint64_t va = 0x500000000000;

	chip_map(e->c, CTX, va, old, 4096, CHIP_RW);
	chip_put(&q, pkt_wait(va, 1));
	chip_kick(&q);
	chip_expect(&q, EGRET_Q_STATE_WAITING);
	chip_map(e->c, CTX, va, new, 4096, CHIP_RW);
	chip_invalidate(e->c, CTX, va, 4096);
	atomic_store((_Atomic uint64_t *)chip_at(e->c, CHIP_VRAM, new), 1);
	assert_int_equal(chip_drain(&q), EGRET_Q_STATE_IDLE);

	chip_put(&q, pkt_wait(va, 2));
	chip_kick(&q);
	chip_expect(&q, EGRET_Q_STATE_WAITING);
	chip_map(e->c, CTX, va, 0, 4096, 0);
	chip_invalidate(e->c, CTX, va, 4096);
	chip_expect(&q, EGRET_Q_STATE_FAULTED);
	assert_int_equal(q32(&q, EGRET_Q_FAULT_CODE), EGRET_FAULT_MMU_UNMAPPED);
	assert_int_equal(q64(&q, EGRET_Q_FAULT_ADDR), va);
	chip_queue_free(&q);
}

static void many_waiting_queues_block_nobody(void **state)
{
	struct env *e = *state;
	struct chip_queue q[40];

	for (unsigned int i = 0; i < 40; i++) {
		q[i] = chip_queue(e->c, i, CTX, 3 << 16 | (i % 2 ? EGRET_Q_CONFIG_COPY : 0));
		if (i < 38) {
			chip_put(&q[i], pkt_wait((i % 4 < 2 ? e->vram : e->sys)->va + 8, i + 1));
			chip_kick(&q[i]);
			chip_expect(&q[i], EGRET_Q_STATE_WAITING);
		}
	}
	/* The last two get their work done, at once and again. */
	for (uint64_t i = 1; i <= 200; i++)
		for (unsigned int k = 38; k < 40; k++)
			assert_int_equal(chip_run(&q[k], pkt_fence(e->vram->va + 64, i)),
					 EGRET_Q_STATE_IDLE);
	for (unsigned int i = 0; i < 38; i++)
		assert_int_equal(q32(&q[i], EGRET_Q_STATUS), EGRET_Q_STATE_WAITING);
	/* And some of the waiting ones go on, but not all. */
	atomic_store(chip_word(e->vram, 8), 20);
	atomic_store(chip_word(e->sys, 8), 20);
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(chip_drain(&q[i]), EGRET_Q_STATE_IDLE);
	for (unsigned int i = 20; i < 38; i++)
		chip_expect(&q[i], EGRET_Q_STATE_WAITING);
	for (unsigned int i = 0; i < 40; i++)
		chip_queue_free(&q[i]);
}

/* ---- Who runs ------------------------------------------------------------------------------- */

static void a_fault_stops_its_queue_only(void **state)
{
	struct env *e = *state;
	struct chip_queue q[12];

	for (unsigned int i = 0; i < 12; i++)
		q[i] = chip_queue(e->c, i, CTX, i % 2 ? EGRET_Q_CONFIG_COPY : 0);
	for (uint64_t n = 1; n <= 30; n++) {
		for (unsigned int i = 0; i < 12; i++) {
			bool bad = i % 3 == 0 && n == 10;

			chip_put(&q[i], pkt_copy(e->vram->va + 4096, e->sys->va + 4096 + i * 64, 64));
			chip_put(&q[i], pkt_fence(bad ? 0 : e->vram->va + 8 * i, n));
			chip_kick(&q[i]);
		}
	}
	for (unsigned int i = 0; i < 12; i++) {
		if (i % 3 == 0) {
			chip_expect(&q[i], EGRET_Q_STATE_FAULTED);
			assert_int_equal(q64(&q[i], EGRET_Q_FAULT_PACKET), 19);
			assert_int_equal(word(e->vram, 8 * i), 9);
		} else {
			assert_int_equal(chip_drain(&q[i]), EGRET_Q_STATE_IDLE);
			assert_int_equal(word(e->vram, 8 * i), 30);
		}
	}
	assert_int_equal(rd32(e->c, EGRET_REG_FAULT_PENDING(0)), 0x249);
	assert_int_equal(rd64(e->c, EGRET_REG_CNT_FAULTS), 4);
	for (unsigned int i = 0; i < 12; i++)
		chip_queue_free(&q[i]);
}

/* Endless work of higher and equal priority, on all workers, must not starve anybody. */
static void nobody_starves(void **state)
{
	struct env *e = *state;
	struct chip_queue busy[16], q[8];

	wr32(e->c, EGRET_REG_CP_SLICE, 20000);
	for (unsigned int i = 0; i < 16; i++) {
		busy[i] = chip_queue(e->c, i, CTX, 3 << 16 | (i % 2 ? EGRET_Q_CONFIG_COPY : 0));
		chip_put(&busy[i], pkt_endless(e));
		chip_kick(&busy[i]);
	}
	for (unsigned int i = 0; i < 8; i++) {
		q[i] = chip_queue(e->c, 20 + i, CTX, (i / 2) << 16 |
				  (i % 2 ? EGRET_Q_CONFIG_COPY : 0));
		chip_put(&q[i], pkt_copy(e->vram->va + 32 * KIB, e->sys->va + i * 8 * KIB, 8 * KIB));
		chip_put(&q[i], pkt_fence(e->vram->va + 8 * i, 1));
		chip_kick(&q[i]);
	}
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(chip_drain(&q[i]), EGRET_Q_STATE_IDLE);
	for (unsigned int i = 0; i < 16; i++) {
		chip_until(progresses(&busy[i]));
		chip_ctrl(&busy[i], EGRET_Q_CTRL_KILL);
	}
	for (unsigned int i = 0; i < 16; i++) {
		chip_expect(&busy[i], EGRET_Q_STATE_DISABLED);
		chip_queue_free(&busy[i]);
	}
	for (unsigned int i = 0; i < 8; i++)
		chip_queue_free(&q[i]);
}

static void all_1024_queues(void **state)
{
	struct chip *c = chip_new_config((struct egret_model_config) { .clusters = 2 });
	struct chip_buffer *b = chip_buffer(c, CTX, CHIP_VRAM, 16 * KIB);
	struct chip_queue *q = calloc(EGRET_MAX_QUEUES, sizeof(*q));

	(void)state;
	for (unsigned int i = 0; i < EGRET_MAX_QUEUES; i++)
		q[i] = chip_queue(c, i, CTX, (i % 4) << 16 | (2 + i % 30) << 24 |
				  (i % 5 ? 0 : EGRET_Q_CONFIG_COPY));
	for (unsigned int n = 1; n <= 3; n++) {
		for (unsigned int i = 0; i < EGRET_MAX_QUEUES; i++) {
			chip_put(&q[i], pkt_wait(b->va + 8 * ((i + 7) % EGRET_MAX_QUEUES), n - 1));
			chip_put(&q[i], pkt_fence_irq(b->va + 8 * i, n));
			chip_kick(&q[i]);
		}
	}
	for (unsigned int i = 0; i < EGRET_MAX_QUEUES; i++) {
		assert_int_equal(chip_drain(&q[i]), EGRET_Q_STATE_IDLE);
		assert_int_equal(word(b, 8 * i), 3);
	}
	chip_until(atomic_load(&c->interrupts[3]) == 35 * 3);
	assert_int_equal(rd64(c, EGRET_REG_CNT_INTERRUPTS), EGRET_MAX_QUEUES * 3);
	for (unsigned int i = 0; i < EGRET_MAX_QUEUES; i++)
		chip_queue_free(&q[i]);
	free(q);
	free(b);
	chip_free(c);
}

/* ---- Pause, idle ------------------------------------------------------------------------------ */

static void a_pause_stops_everything(void **state)
{
	struct env *e = *state;
	struct chip_queue q[3];
	uint64_t va = map_huge(e->c);

	for (unsigned int i = 0; i < 3; i++) {
		q[i] = chip_queue(e->c, i, CTX, i == 1 ? EGRET_Q_CONFIG_COPY : 0);
		chip_put(&q[i], i ? pkt_fill(va, 1ull << 46, 1, 1) : pkt_endless(e));
		chip_kick(&q[i]);
	}
	for (unsigned int n = 0; n < 5; n++) {
		for (unsigned int i = 0; i < 3; i++)
			chip_until(progresses(&q[i]));
		egret_model_pause(e->c->m);
		egret_model_pause(e->c->m);
		egret_model_resume(e->c->m);
		for (unsigned int i = 0; i < 3; i++) {
			assert_false(progresses(&q[i]));
			assert_int_equal(q32(&q[i], EGRET_Q_STATUS), EGRET_Q_STATE_ACTIVE);
		}
		/* Invalidations complete, and commands are taken, during a pause. */
		chip_invalidate(e->c, CTX, 0, 0);
		egret_model_resume(e->c->m);
	}
	egret_model_pause(e->c->m);
	for (unsigned int i = 0; i < 3; i++) {
		chip_ctrl(&q[i], EGRET_Q_CTRL_KILL);
		chip_expect(&q[i], EGRET_Q_STATE_DISABLED);
	}
	egret_model_resume(e->c->m);
	for (unsigned int i = 0; i < 3; i++)
		chip_queue_free(&q[i]);
}

static void idle_means_that_nothing_can_be_done(void **state)
{
	struct env *e = *state;
	struct chip_queue q = chip_queue(e->c, 1, CTX, 0);
	struct chip_queue w = chip_queue(e->c, 2, CTX, EGRET_Q_CONFIG_COPY);

	assert_int_equal(egret_model_wait_idle(e->c->m, UINT64_MAX), 0);
	chip_put(&q, pkt_endless(e));
	chip_kick(&q);
	assert_int_equal(egret_model_wait_idle(e->c->m, 2000000), -ETIMEDOUT);
	chip_ctrl(&q, EGRET_Q_CTRL_KILL);
	assert_int_equal(egret_model_wait_idle(e->c->m, 1000000000), 0);
	/* A queue that waits is idle, until the word is written. */
	for (uint64_t i = 1; i <= 300; i++) {
		struct chip_buffer *b = i % 2 ? e->vram : e->sys;

		chip_put(&w, pkt_wait(b->va, i));
		chip_put(&w, pkt_fence(e->vram->va + 8, i));
		chip_kick(&w);
		assert_int_equal(egret_model_wait_idle(e->c->m, 10000000000), 0);
		assert_int_equal(q32(&w, EGRET_Q_STATUS), EGRET_Q_STATE_WAITING);
		atomic_store(chip_word(b, 0), i);
		assert_int_equal(egret_model_wait_idle(e->c->m, 10000000000), 0);
		assert_int_equal(word(e->vram, 8), i);
		assert_int_equal(q32(&w, EGRET_Q_STATUS), EGRET_Q_STATE_IDLE);
	}
	chip_queue_free(&q);
	chip_queue_free(&w);
}

/* ---- Resets ------------------------------------------------------------------------------------- */

static void resets_in_the_middle_of_work(void **state)
{
	struct env *e = *state;
	struct chip *c = e->c;

	for (unsigned int n = 0; n < 30; n++) {
		struct chip_queue q[6];
		uint64_t va;

		memset(c->root, 0, sizeof(c->root));
		c->vram_used = 0;
		c->sys_used = 0;
		free(e->endless);
		free(e->vram);
		e->endless = endless(c);
		e->vram = chip_buffer(c, CTX, CHIP_VRAM, 4096);
		va = map_huge(c);
		for (unsigned int i = 0; i < 6; i++) {
			q[i] = chip_queue(c, i, CTX, i % 2 ? EGRET_Q_CONFIG_COPY : 0);
			chip_put(&q[i], i < 2 ? pkt_endless(e) :
				 i < 4 ? pkt_fill(va, 1ull << 46, 1, 1) :
					 pkt_wait(e->vram->va, 1));
			chip_kick(&q[i]);
			chip_queue_free(&q[i]);
		}
		if (n % 5 == 0)
			egret_model_pause(c->m);
		switch (n % 3) {
		case 0:
			egret_model_reset(c->m, EGRET_MODEL_RESET_FUNCTION);
			break;
		case 1:
			egret_model_reset(c->m, EGRET_MODEL_RESET_COLD);
			break;
		case 2:
			wr32(c, EGRET_REG_RESET, EGRET_RESET_CHIP);
			chip_until(rd32(c, EGRET_REG_STATE) & EGRET_STATE_READY);
			break;
		}
		assert_true(rd32(c, EGRET_REG_STATE) & EGRET_STATE_READY);
		for (unsigned int i = 0; i < 64; i++)
			assert_int_equal(rd32(c, EGRET_REG_QUEUE(i, EGRET_Q_STATUS)), 0);
		/* Nothing writes to the memory any more. */
		memset(c->vram, 0, 32 * MIB);
		if (n % 5 == 0)
			egret_model_resume(c->m);
	}
}

static void registers_are_closed_during_a_reset(void **state)
{
	struct env *e = *state;
	struct chip_queue q = chip_queue(e->c, 1, CTX, 0);
	unsigned int seen = 0;

	for (unsigned int n = 0; n < 300; n++) {
		wr32(e->c, EGRET_REG_TEST, 0x1234);
		chip_put(&q, pkt_endless(e));
		chip_kick(&q);
		wr32(e->c, EGRET_REG_RESET, EGRET_RESET_ENGINES);
		for (;;) {
			uint32_t id = rd32(e->c, EGRET_REG_ID);
			bool ready;

			if (!id)
				wr32(e->c, EGRET_REG_TEST, 0);
			ready = rd32(e->c, EGRET_REG_STATE) & EGRET_STATE_READY;
			seen += !id;
			assert_true(!id || id == EGRET_ID);
			if (ready)
				break;
		}
		chip_until(rd32(e->c, EGRET_REG_STATE) & EGRET_STATE_READY);
		q.tail = 0;
		wr64(e->c, EGRET_REG_QUEUE(1, EGRET_Q_RING), q.ring->va);
		wr32(e->c, EGRET_REG_QUEUE(1, EGRET_Q_RING_SIZE), 6);
		wr32(e->c, EGRET_REG_QUEUE(1, EGRET_Q_CONFIG), 2 << 24 | CTX);
		chip_ctrl(&q, EGRET_Q_CTRL_ENABLE);
		assert_int_equal(q32(&q, EGRET_Q_STATUS), EGRET_Q_STATE_IDLE);
	}
	assert_true(seen > 0);
	assert_int_equal(rd32(e->c, EGRET_REG_RESET_COUNT), 300);
	chip_queue_free(&q);
}

/*
 * Packets meet: nobody gets past his before there are as many threads in one as the chip has
 * for packets, the command processor's and those of the clusters. One of them is held in an
 * interrupt meanwhile, on its way to look for more.
 */
#define THREADS_FOR_PACKETS	5

struct meeting {
	atomic_uint here;
	atomic_bool held;
	atomic_bool let_go;
};

static void hold_interrupt(struct chip *c, unsigned int vector)
{
	struct meeting *meeting = c->user;

	(void)vector;
	if (atomic_exchange(&meeting->held, true))
		return;
	chip_until(atomic_load(&meeting->let_go));
}

static void meet_in_packets(struct chip *c, const struct egret_trace *event)
{
	struct meeting *meeting = c->user;

	if (!strcmp(event->what, "packet") && event->a == EGRET_OP_NOP) {
		atomic_fetch_add(&meeting->here, 1);
		chip_until(atomic_load(&meeting->here) == THREADS_FOR_PACKETS);
	}
}

/* No thread is about to look for packets, so that somebody has to be woken. */
static bool threads_wait(struct chip *c)
{
	bool wait;

	egret_lock(c->m);
	wait = c->m->cp_idle && c->m->cluster_idle == c->m->clusters;
	egret_unlock(c->m);
	return wait;
}

static void no_queue_waits_beside_a_thread(void **state)
{
	struct env *e = *state;
	struct meeting meeting = { 0 };
	struct chip_queue q[THREADS_FOR_PACKETS];

	e->c->user = &meeting;
	e->c->on_interrupt = hold_interrupt;
	e->c->on_trace = meet_in_packets;
	for (unsigned int i = 0; i < THREADS_FOR_PACKETS; i++)
		q[i] = chip_queue(e->c, i, CTX, 0);
	chip_until(threads_wait(e->c));
	chip_put(&q[0], pkt_fence_irq(e->vram->va, 1));
	chip_kick(&q[0]);
	chip_until(atomic_load(&meeting.held));

	for (unsigned int i = 0; i < THREADS_FOR_PACKETS; i++) {
		chip_put(&q[i], pkt(EGRET_OP_NOP));
		chip_kick(&q[i]);
	}
	chip_until(atomic_load(&meeting.here) == THREADS_FOR_PACKETS - 1);
	atomic_store(&meeting.let_go, true);
	for (unsigned int i = 0; i < THREADS_FOR_PACKETS; i++) {
		assert_int_equal(chip_drain(&q[i]), EGRET_Q_STATE_IDLE);
		chip_queue_free(&q[i]);
	}
	assert_int_equal(atomic_load(&meeting.here), THREADS_FOR_PACKETS);
	e->c->on_trace = NULL;
	e->c->on_interrupt = NULL;
}

/* ---- Many at once ---------------------------------------------------------------------------------- */

static void *work_on_a_chip(void *arg)
{
	struct chip *c = chip_new();
	struct chip_buffer *b = chip_buffer(c, CTX, CHIP_VRAM, 4096);
	struct chip_queue q[4];

	for (unsigned int i = 0; i < 4; i++)
		q[i] = chip_queue(c, i, CTX, i % 2 ? EGRET_Q_CONFIG_COPY : 0);
	for (uint64_t n = 1; n <= 200; n++) {
		for (unsigned int i = 0; i < 4; i++) {
			chip_put(&q[i], pkt_wait(b->va + 8 * ((i + 1) % 4), n - 1));
			chip_put(&q[i], pkt_fence(b->va + 8 * i, n));
			chip_kick(&q[i]);
		}
	}
	for (unsigned int i = 0; i < 4; i++) {
		if (chip_drain(&q[i]) == EGRET_Q_STATE_IDLE && word(b, 8 * i) == 200)
			atomic_fetch_add((atomic_uint *)arg, 1);
		chip_queue_free(&q[i]);
	}
	free(b);
	chip_free(c);
	return NULL;
}

static void many_chips_at_once(void **state)
{
	pthread_t threads[6];
	atomic_uint good = 0;

	(void)state;
	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work_on_a_chip, &good), 0);
	for (unsigned int i = 0; i < 6; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&good), 24);
}

struct hammer {
	struct env *e;
	unsigned int number;
	atomic_bool *stop;
};

/* Registers from several threads while queues work: for the thread sanitizer. */
static void *hammer(void *arg)
{
	struct hammer *h = arg;
	struct chip *c = h->e->c;
	struct chip_random r = { h->number + 1 };

	while (!atomic_load(h->stop)) {
		uint64_t offset = chip_below(&r, 0x80000) & ~3ull;

		rd32(c, offset);
		rd64(c, offset & ~7ull);
		rd32(c, EGRET_REG_QUEUE(h->number, chip_below(&r, 32) * 4));
		rd64(c, EGRET_REG_CLUSTER(h->number % 4, chip_below(&r, 6) * 8));
		wr32(c, EGRET_REG_IRQ_TEST, EGRET_IRQ_TEST);
		wr32(c, EGRET_REG_IRQ_STATUS, EGRET_IRQ_TEST);
		wr32(c, EGRET_REG_INV_CMD, EGRET_INV_CMD_START | CTX);
		egret_model_doorbell_read(c->m, chip_below(&r, 64) * 4096, 8);
	}
	return NULL;
}

static void registers_from_many_threads(void **state)
{
	struct env *e = *state;
	struct chip_queue q[4];
	struct hammer h[4];
	pthread_t threads[4];
	atomic_bool stop = false;

	wr32(e->c, EGRET_REG_IRQ_ENABLE, EGRET_IRQ_TEST);
	for (unsigned int i = 0; i < 4; i++) {
		q[i] = chip_queue(e->c, i, CTX, i % 2 ? EGRET_Q_CONFIG_COPY : 0);
		h[i] = (struct hammer) { e, i, &stop };
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, &h[i]), 0);
	}
	for (uint64_t n = 1; n <= 300; n++)
		for (unsigned int i = 0; i < 4; i++)
			assert_int_equal(chip_run(&q[i], pkt_fence_irq(e->vram->va + 8 * i, n)),
					 EGRET_Q_STATE_IDLE);
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		chip_queue_free(&q[i]);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(bad_settings_cannot_be_enabled),
		T(settings_are_fixed_while_enabled),
		T(rings_of_all_sizes_wrap),
		T(tails_are_checked),
		T(tails_of_stopped_queues_are_kept),
		T(commands_out_of_place_do_nothing),
		T(stop_and_resume_between_packets),
		T(stopping_loses_nothing),
		T(kill_in_the_middle_of_a_copy),
		T(a_stop_is_taken_back),
		T(wait_compares_unsigned),
		T(anything_that_writes_ends_a_wait),
		T(queues_wait_for_each_other),
		T(waiting_queues_are_stopped_and_killed),
		T(waiting_follows_the_page_tables),
		T(many_waiting_queues_block_nobody),
		T(a_fault_stops_its_queue_only),
		T(nobody_starves),
		cmocka_unit_test(all_1024_queues),
		T(a_pause_stops_everything),
		T(idle_means_that_nothing_can_be_done),
		T(resets_in_the_middle_of_work),
		T(registers_are_closed_during_a_reset),
		T(no_queue_waits_beside_a_thread),
		cmocka_unit_test(many_chips_at_once),
		T(registers_from_many_threads),
	};

	return cmocka_run_group_tests_name("queues", tests, NULL, NULL);
}
