// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/* Every packet: what it does, and every way in which it can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "chip.h"

/* A chip with one compute queue and a buffer of a few pages in each memory. */
struct env {
	struct chip *c;
	struct chip_queue q;
	struct chip_buffer *vram;
	struct chip_buffer *sys;
};

static int setup(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	e->c = chip_new();
	e->q = chip_queue(e->c, 3, 5, 0);
	e->vram = chip_buffer(e->c, 5, CHIP_VRAM, 64 * KIB);
	e->sys = chip_buffer(e->c, 5, CHIP_SYS, 64 * KIB);
	*state = e;
	return 0;
}

static int teardown(void **state)
{
	struct env *e = *state;

	chip_queue_free(&e->q);
	free(e->vram);
	free(e->sys);
	chip_free(e->c);
	free(e);
	return 0;
}

/* Put the queue into service again after a fault. */
static void restart(struct chip_queue *q)
{
	chip_ctrl(q, EGRET_Q_CTRL_KILL);
	chip_expect(q, EGRET_Q_STATE_DISABLED);
	chip_ctrl(q, EGRET_Q_CTRL_ENABLE);
	chip_expect(q, EGRET_Q_STATE_IDLE);
	q->tail = 0;
}

static void expect_fault(struct chip_queue *q, enum egret_fault_code code, uint64_t addr,
			 uint32_t value)
{
	chip_expect(q, EGRET_Q_STATE_FAULTED);
	assert_int_equal(q32(q, EGRET_Q_FAULT_CODE), code);
	assert_int_equal(q64(q, EGRET_Q_FAULT_ADDR), addr);
	assert_int_equal(q32(q, EGRET_Q_FAULT_VALUE), value);
	assert_int_equal(q64(q, EGRET_Q_FAULT_PC),
			 q->ring->va + (q64(q, EGRET_Q_FAULT_PACKET) % 64) * EGRET_PACKET_SIZE);
}

/* A good packet of each kind. */
static union egret_packet good(struct env *e, unsigned int opcode)
{
	union egret_packet p = pkt(opcode);

	switch (opcode) {
	case EGRET_OP_FENCE:
		return pkt_fence(e->vram->va, 1);
	case EGRET_OP_WAIT:
		return pkt_wait(e->vram->va, 0);
	case EGRET_OP_COPY:
		return pkt_copy(e->vram->va, e->sys->va, 100);
	case EGRET_OP_COPY_RECT:
		p.copy_rect = (struct egret_pkt_copy_rect) {
			.header.opcode = EGRET_OP_COPY_RECT,
			.width = 10, .rows = 3, .slices = 2,
			.src = e->vram->va, .dst = e->sys->va,
			.src_pitch = 16, .dst_pitch = 32, .src_slice = 64, .dst_slice = 128,
		};
		return p;
	case EGRET_OP_FILL:
		return pkt_fill(e->vram->va, 64, 0x12345678, 4);
	case EGRET_OP_CALL:
		/* Zeroed memory is NOPs. */
		return pkt_call(e->vram->va + 4096, 2);
	case EGRET_OP_TIMESTAMP:
		return pkt_timestamp(e->vram->va);
	default:
		return p;
	}
}

static bool is_run_here(unsigned int opcode)
{
	return opcode != EGRET_OP_DISPATCH; /* test_dispatch.c */
}

static void good_packets_complete(void **state)
{
	struct env *e = *state;
	uint64_t packets = rd64(e->c, EGRET_REG_CNT_PACKETS);
	unsigned int n = 0;

	for (unsigned int op = 0; op <= EGRET_OP_BARRIER; op++) {
		uint64_t busy = q64(&e->q, EGRET_Q_BUSY_CYCLES);
		union egret_packet p = good(e, op);

		if (!is_run_here(op))
			continue;
		assert_int_equal(chip_run(&e->q, p), EGRET_Q_STATE_IDLE);
		assert_true(q64(&e->q, EGRET_Q_BUSY_CYCLES) > busy);
		p.header.flags = EGRET_PKT_BARRIER;
		assert_int_equal(chip_run(&e->q, p), EGRET_Q_STATE_IDLE);
		n += 2;
		assert_int_equal(q64(&e->q, EGRET_Q_HEAD), n);
	}
	/* Each of the two CALLs brought two NOPs. */
	assert_int_equal(rd64(e->c, EGRET_REG_CNT_PACKETS) - packets, n + 4);
	assert_int_equal(q64(&e->q, EGRET_Q_PROGRESS), n + 4);
	assert_int_equal(rd64(e->c, EGRET_REG_CNT_CYCLES), q64(&e->q, EGRET_Q_BUSY_CYCLES));
}

/* Words of each packet that are reserved, as the structures of packet.h say. */
static uint16_t reserved_words(unsigned int opcode)
{
	static const uint16_t words[] = {
		[EGRET_OP_NOP] = 0xfffe, [EGRET_OP_FENCE] = 0xffc2, [EGRET_OP_WAIT] = 0xffc2,
		[EGRET_OP_COPY] = 0xff02, [EGRET_OP_COPY_RECT] = 0, [EGRET_OP_FILL] = 0xff00,
		[EGRET_OP_DISPATCH] = 0xc200, [EGRET_OP_CALL] = 0xfff0,
		[EGRET_OP_TIMESTAMP] = 0xfff2, [EGRET_OP_BARRIER] = 0xfffe,
	};

	return words[opcode];
}

static void reserved_words_fault(void **state)
{
	struct env *e = *state;

	for (unsigned int op = 0; op <= EGRET_OP_BARRIER; op++) {
		for (unsigned int word = 1; word < 16; word++) {
			union egret_packet p = op == EGRET_OP_DISPATCH ?
				pkt_dispatch(e->vram->va, 1, 1, 1) : good(e, op);

			if (!(reserved_words(op) & 1u << word))
				continue;
			p.words[word] = 1u << (op + word);
			chip_run(&e->q, p);
			expect_fault(&e->q, EGRET_FAULT_PKT_RESERVED, 4 * word, 1u << (op + word));
			restart(&e->q);
		}
	}
}

static void reserved_header_bits_fault(void **state)
{
	struct env *e = *state;
	static const uint8_t flags[] = {
		[EGRET_OP_FENCE] = EGRET_PKT_INTERRUPT,
		[EGRET_OP_DISPATCH] = EGRET_PKT_INVALIDATE_CODE,
		[EGRET_OP_BARRIER] = EGRET_PKT_INVALIDATE_CODE,
	};

	for (unsigned int op = 0; op <= EGRET_OP_BARRIER; op++) {
		for (unsigned int bit = 8; bit < 32; bit++) {
			union egret_packet p = op == EGRET_OP_DISPATCH ?
				pkt_dispatch(e->vram->va, 1, 1, 1) : good(e, op);

			if (bit < 16 && (flags[op] | EGRET_PKT_BARRIER) & 1u << (bit - 8))
				continue;
			p.words[0] |= 1u << bit;
			chip_run(&e->q, p);
			expect_fault(&e->q, EGRET_FAULT_PKT_RESERVED, 0, p.words[0]);
			restart(&e->q);
		}
	}
}

static void unknown_opcodes_fault(void **state)
{
	struct env *e = *state;

	for (unsigned int op = EGRET_OP_BARRIER + 1; op < 256; op++) {
		union egret_packet p = pkt(op);

		/* The opcode is looked at before anything else. */
		p.header.reserved = 0xffff;
		p.words[5] = 1;
		chip_run(&e->q, p);
		expect_fault(&e->q, EGRET_FAULT_PKT_OPCODE, 0, p.words[0]);
		restart(&e->q);
	}
}

static void copy_queue_takes_no_dispatch(void **state)
{
	struct env *e = *state;
	struct chip_queue q = chip_queue(e->c, 4, 5, EGRET_Q_CONFIG_COPY);
	union egret_packet p = pkt_dispatch(e->vram->va, 1, 1, 1);

	for (unsigned int op = 0; op <= EGRET_OP_BARRIER; op++)
		if (is_run_here(op))
			assert_int_equal(chip_run(&q, good(e, op)), EGRET_Q_STATE_IDLE);
	chip_run(&q, p);
	expect_fault(&q, EGRET_FAULT_PKT_OPCODE, 0, p.words[0]);
	chip_queue_free(&q);
}

struct bad_field {
	unsigned int opcode;
	unsigned int offset;	/* of the field */
	unsigned int width;	/* bytes */
	uint64_t value;
};

static void bad_fields_fault(void **state)
{
	static const struct bad_field bad[] = {
		{ EGRET_OP_FENCE, 8, 8, CHIP_VA + 4 },
		{ EGRET_OP_FENCE, 8, 8, CHIP_VA + 1 },
		{ EGRET_OP_WAIT, 8, 8, CHIP_VA + 4 },
		{ EGRET_OP_COPY, 24, 8, 0 },
		{ EGRET_OP_COPY_RECT, 4, 4, 0 },
		{ EGRET_OP_COPY_RECT, 24, 4, 0 },
		{ EGRET_OP_COPY_RECT, 28, 4, 0 },
		{ EGRET_OP_FILL, 4, 4, 0 },
		{ EGRET_OP_FILL, 4, 4, 3 },
		{ EGRET_OP_FILL, 4, 4, 16 },
		{ EGRET_OP_FILL, 8, 8, CHIP_VA + 2 },
		{ EGRET_OP_FILL, 16, 8, 0 },
		{ EGRET_OP_FILL, 16, 8, 66 },
		{ EGRET_OP_FILL, 24, 8, 0x100000000 },
		{ EGRET_OP_DISPATCH, 4, 4, EGRET_ARGS_SIZE_MAX + 1 },
		{ EGRET_OP_DISPATCH, 8, 8, CHIP_VA + 1 },
		{ EGRET_OP_DISPATCH, 16, 8, CHIP_VA },	/* without a size */
		{ EGRET_OP_DISPATCH, 24, 4, 0 },
		{ EGRET_OP_DISPATCH, 28, 4, 0 },
		{ EGRET_OP_DISPATCH, 32, 4, 0 },
		{ EGRET_OP_DISPATCH, 24, 4, EGRET_GRID_MAX + 1 },
		{ EGRET_OP_DISPATCH, 28, 4, EGRET_GRID_MAX + 1 },
		{ EGRET_OP_DISPATCH, 32, 4, EGRET_GRID_MAX + 1 },
		/* The product is looked at when each of them is good. */
		{ EGRET_OP_DISPATCH, 28, 8, 0x1000ull << 32 | (EGRET_GRID_MAX + 1) },
		{ EGRET_OP_DISPATCH, 40, 8, CHIP_VA + 4 },
		{ EGRET_OP_CALL, 4, 4, 0 },
		{ EGRET_OP_CALL, 8, 8, CHIP_VA + 32 },
		{ EGRET_OP_TIMESTAMP, 8, 8, CHIP_VA + 4 },
	};
	struct env *e = *state;

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		union egret_packet p = bad[i].opcode == EGRET_OP_DISPATCH ?
			pkt_dispatch(e->vram->va, 1, 1, 1) : good(e, bad[i].opcode);

		memcpy((uint8_t *)&p + bad[i].offset, &bad[i].value, bad[i].width);
		chip_run(&e->q, p);
		expect_fault(&e->q, EGRET_FAULT_PKT_FIELD, bad[i].offset, (uint32_t)bad[i].value);
		restart(&e->q);
	}
}

static void special_fields_fault(void **state)
{
	struct env *e = *state;
	union egret_packet p;

	/* A size without arguments. */
	p = pkt_dispatch(e->vram->va, 1, 1, 1);
	p.dispatch.args_size = 8;
	chip_run(&e->q, p);
	expect_fault(&e->q, EGRET_FAULT_PKT_FIELD, 16, 0);
	restart(&e->q);

	/* 2^32 workgroups, each dimension within its limit. */
	p = pkt_dispatch(e->vram->va, 0x10000, 0x8000, 2);
	chip_run(&e->q, p);
	expect_fault(&e->q, EGRET_FAULT_PKT_FIELD, 24, 0x10000);
	restart(&e->q);

	/* Patterns wider than they say, for each width. */
	for (unsigned int width = 1; width < 8; width *= 2) {
		uint64_t pattern = 1ull << 8 * width;

		chip_run(&e->q, pkt_fill(e->vram->va, 64, pattern, width));
		expect_fault(&e->q, EGRET_FAULT_PKT_FIELD, 24, (uint32_t)pattern);
		restart(&e->q);
	}

	/* Copies onto themselves, by one byte from either side. */
	chip_run(&e->q, pkt_copy(e->vram->va, e->vram->va + 99, 100));
	expect_fault(&e->q, EGRET_FAULT_PKT_FIELD, 16, (uint32_t)(e->vram->va + 99));
	restart(&e->q);
	chip_run(&e->q, pkt_copy(e->vram->va + 99, e->vram->va, 100));
	expect_fault(&e->q, EGRET_FAULT_PKT_FIELD, 16, (uint32_t)e->vram->va);
	restart(&e->q);
	assert_int_equal(chip_run(&e->q, pkt_copy(e->vram->va + 100, e->vram->va, 100)),
			 EGRET_Q_STATE_IDLE);
}

static void checks_come_in_order(void **state)
{
	struct env *e = *state;
	union egret_packet p = pkt_fence(e->vram->va + 1, 0);

	/* A bad field and two reserved words: the lower word is reported. */
	p.words[9] = 9;
	p.words[7] = 7;
	chip_run(&e->q, p);
	expect_fault(&e->q, EGRET_FAULT_PKT_RESERVED, 28, 7);
	restart(&e->q);
	/* With a bad flag, the header. */
	p.header.flags = 0x80;
	chip_run(&e->q, p);
	expect_fault(&e->q, EGRET_FAULT_PKT_RESERVED, 0, p.words[0]);
	restart(&e->q);
	/* Two bad fields: the lower one. */
	chip_run(&e->q, pkt_fill(e->vram->va + 1, 3, 0, 2));
	expect_fault(&e->q, EGRET_FAULT_PKT_FIELD, 8, (uint32_t)(e->vram->va + 1));
}

static void fence_writes_and_interrupts(void **state)
{
	struct env *e = *state;
	struct chip_queue q = chip_queue(e->c, 9, 5, 7u << 24);

	chip_run(&q, pkt_fence(e->vram->va + 8, 0x1122334455667788));
	assert_int_equal(atomic_load(chip_word(e->vram, 8)), 0x1122334455667788);
	assert_int_equal(atomic_load(&e->c->interrupts[7]), 0);
	chip_run(&q, pkt_fence_irq(e->sys->va + 4088, 5));
	chip_until(atomic_load(&e->c->interrupts[7]) == 1);
	assert_int_equal(atomic_load(chip_word(e->sys, 4088)), 5);
	assert_int_equal(rd64(e->c, EGRET_REG_CNT_INTERRUPTS), 1);
	chip_queue_free(&q);
}

struct seen {
	struct env *e;
	atomic_uint bad;
};

/* When an interrupt comes, the value must be there, and everything before it. */
static void check_order(struct chip *c, unsigned int vector)
{
	struct seen *seen = c->user;
	uint64_t value = atomic_load(chip_word(seen->e->sys, 0));

	if (vector != 2 || value < atomic_load(&c->interrupts[2]) + 1 ||
	    atomic_load(chip_word(seen->e->vram, 0)) < value)
		atomic_fetch_add(&seen->bad, 1);
	/* Registers may be read from here. */
	if (q64(&seen->e->q, EGRET_Q_HEAD) < value)
		atomic_fetch_add(&seen->bad, 1);
}

static void interrupts_follow_their_fences(void **state)
{
	struct env *e = *state;
	struct seen seen = { .e = e };

	e->c->user = &seen;
	e->c->on_interrupt = check_order;
	for (uint64_t i = 1; i <= 500; i++) {
		chip_put(&e->q, pkt_fence(e->vram->va, i));
		chip_put(&e->q, pkt_fence_irq(e->sys->va, i));
		chip_kick(&e->q);
	}
	assert_int_equal(chip_drain(&e->q), EGRET_Q_STATE_IDLE);
	chip_until(atomic_load(&e->c->interrupts[2]) == 500);
	assert_int_equal(atomic_load(&seen.bad), 0);
}

static void timestamp_tells_time_and_cycles(void **state)
{
	struct env *e = *state;
	uint64_t before = rd64(e->c, EGRET_REG_TIME);
	uint64_t busy;

	chip_run(&e->q, pkt(EGRET_OP_NOP));
	busy = q64(&e->q, EGRET_Q_BUSY_CYCLES);
	chip_run(&e->q, pkt_timestamp(e->sys->va + 16));
	assert_in_range(atomic_load(chip_word(e->sys, 16)), before, rd64(e->c, EGRET_REG_TIME));
	assert_int_equal(atomic_load(chip_word(e->sys, 24)), busy);
}

static void fill_writes_patterns(void **state)
{
	struct env *e = *state;
	static const uint64_t pattern[] = { [1] = 0xab, [2] = 0xabcd, [4] = 0x89abcdef,
					    [8] = 0x0123456789abcdef };
	uint8_t want[600], got[600];

	for (unsigned int width = 1; width <= 8; width *= 2) {
		for (unsigned int m = 0; m < 2; m++) {
			struct chip_buffer *b = m ? e->sys : e->vram;
			uint64_t at = 4096 - 8 * width;

			memset(want, 0x55, sizeof(want));
			chip_store(b, at - 100, want, sizeof(want));
			for (unsigned int i = 0; i < 41; i++)
				memcpy(want + 100 + i * width, &pattern[width], width);
			assert_int_equal(chip_run(&e->q, pkt_fill(b->va + at, 41 * width,
								  pattern[width], width)),
					 EGRET_Q_STATE_IDLE);
			chip_load(b, at - 100, got, sizeof(got));
			assert_memory_equal(got, want, sizeof(want));
		}
	}
}

/* ---- CALL ----------------------------------------------------------------------- */

static void put_at(struct chip_buffer *b, uint64_t offset, union egret_packet p)
{
	chip_store(b, offset, &p, sizeof(p));
}

static void calls_nest_four_deep(void **state)
{
	struct env *e = *state;
	struct chip_buffer *b = e->vram;

	/* Buffer n at 1 KiB * n: count up, call the next one, count up. */
	for (unsigned int n = 1; n <= 4; n++) {
		put_at(b, n * KIB, pkt_fence(e->sys->va + 8 * n, 1));
		put_at(b, n * KIB + 64, n < 4 ? pkt_call(b->va + (n + 1) * KIB, 3) :
						pkt(EGRET_OP_NOP));
		put_at(b, n * KIB + 128, pkt_fence(e->sys->va + 8 * n, 2));
	}
	chip_put(&e->q, pkt_call(b->va + KIB, 3));
	chip_put(&e->q, pkt_fence(e->sys->va, 1));
	chip_kick(&e->q);
	assert_int_equal(chip_drain(&e->q), EGRET_Q_STATE_IDLE);
	for (unsigned int n = 1; n <= 4; n++)
		assert_int_equal(atomic_load(chip_word(e->sys, 8 * n)), 2);
	assert_int_equal(q64(&e->q, EGRET_Q_HEAD), 2);
	assert_int_equal(rd64(e->c, EGRET_REG_CNT_PACKETS), 14);

	/* One deeper is too deep. */
	put_at(b, 4 * KIB + 64, pkt_call(b->va + 5 * KIB, 1));
	chip_run(&e->q, pkt_call(b->va + KIB, 3));
	chip_expect(&e->q, EGRET_Q_STATE_FAULTED);
	assert_int_equal(q32(&e->q, EGRET_Q_FAULT_CODE), EGRET_FAULT_CALL_DEPTH);
	assert_int_equal(q64(&e->q, EGRET_Q_FAULT_PC), b->va + 4 * KIB + 64);
	assert_int_equal(q64(&e->q, EGRET_Q_FAULT_PACKET), 2);
}

static void fault_in_a_called_packet(void **state)
{
	struct env *e = *state;

	put_at(e->vram, 64, pkt(0x77));
	chip_put(&e->q, pkt(EGRET_OP_NOP));
	chip_put(&e->q, pkt_call(e->vram->va, 2));
	chip_kick(&e->q);
	chip_expect(&e->q, EGRET_Q_STATE_FAULTED);
	assert_int_equal(q32(&e->q, EGRET_Q_FAULT_CODE), EGRET_FAULT_PKT_OPCODE);
	assert_int_equal(q64(&e->q, EGRET_Q_FAULT_PC), e->vram->va + 64);
	assert_int_equal(q64(&e->q, EGRET_Q_FAULT_PACKET), 1);
	assert_int_equal(q64(&e->q, EGRET_Q_HEAD), 1);
}

/* ---- Supervisor pages --------------------------------------------------------------- */

static void supervisor_pages_are_for_the_ring_only(void **state)
{
	struct env *e = *state;
	struct chip_queue q = chip_queue(e->c, 8, 5, EGRET_Q_CONFIG_SUPERVISOR);
	uint64_t va = 0x300000000000;
	uint64_t addr = chip_alloc(e->c, CHIP_VRAM, 4096, 4096);

	chip_map(e->c, 5, va, addr, 4096, CHIP_RWX | EGRET_PTE_SUPERVISOR);
	/* From the ring of a supervisor queue. */
	assert_int_equal(chip_run(&q, pkt_fence(va, 1)), EGRET_Q_STATE_IDLE);
	assert_int_equal(chip_run(&q, pkt_copy(va, va + 512, 64)), EGRET_Q_STATE_IDLE);
	/* From a packet that it calls. */
	put_at(e->vram, 0, pkt_fence(va, 2));
	chip_run(&q, pkt_call(e->vram->va, 1));
	chip_expect(&q, EGRET_Q_STATE_FAULTED);
	assert_int_equal(q32(&q, EGRET_Q_FAULT_CODE), EGRET_FAULT_MMU_PERMISSION);
	assert_int_equal(q64(&q, EGRET_Q_FAULT_ADDR), va);
	restart(&q);
	/* The fetch of called packets. */
	chip_run(&q, pkt_call(va, 1));
	chip_expect(&q, EGRET_Q_STATE_FAULTED);
	assert_int_equal(q32(&q, EGRET_Q_FAULT_CODE), EGRET_FAULT_MMU_PERMISSION);
	/* From the ring of another queue. */
	chip_run(&e->q, pkt_fence(va, 3));
	chip_expect(&e->q, EGRET_Q_STATE_FAULTED);
	assert_int_equal(q32(&e->q, EGRET_Q_FAULT_CODE), EGRET_FAULT_MMU_PERMISSION);
	assert_int_equal(q32(&e->q, EGRET_Q_FAULT_INFO),
			 EGRET_UNIT_CP | EGRET_ACCESS_WRITE << 12);
	assert_int_equal(*(uint64_t *)chip_at(e->c, CHIP_VRAM, addr), 1);
	chip_queue_free(&q);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(good_packets_complete),
		T(reserved_words_fault),
		T(reserved_header_bits_fault),
		T(unknown_opcodes_fault),
		T(copy_queue_takes_no_dispatch),
		T(bad_fields_fault),
		T(special_fields_fault),
		T(checks_come_in_order),
		T(fence_writes_and_interrupts),
		T(interrupts_follow_their_fences),
		T(timestamp_tells_time_and_cycles),
		T(fill_writes_patterns),
		T(calls_nest_four_deep),
		T(fault_in_a_called_packet),
		T(supervisor_pages_are_for_the_ring_only),
	};

	return cmocka_run_group_tests_name("packets", tests, NULL, NULL);
}
