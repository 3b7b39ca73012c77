// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/* The register file: values, access rules, interrupts, resets, creation. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "chip.h"

static int setup(void **state)
{
	*state = chip_new_config((struct egret_model_config) {
		.clusters = 3,
		.copy_engines = 5,
		.queues = 40,
		.contexts = 50,
		.serial = 0x0123456789abcdef,
	});
	return 0;
}

static int teardown(void **state)
{
	chip_free(*state);
	return 0;
}

static uint64_t rd(struct chip *c, uint64_t offset, unsigned int size)
{
	return egret_model_reg_read(c->m, offset, size);
}

static void wr(struct chip *c, uint64_t offset, uint64_t value, unsigned int size)
{
	egret_model_reg_write(c->m, offset, value, size);
}

static void identity(void **state)
{
	struct chip *c = *state;

	assert_int_equal(rd32(c, EGRET_REG_ID), 0x31524745);
	assert_int_equal(rd32(c, EGRET_REG_REVISION), 0x00010000);
	assert_int_equal(rd32(c, EGRET_REG_UNITS), 5 << 8 | 3);
	assert_int_equal(rd32(c, EGRET_REG_LIMITS), 50 << 16 | 40);
	assert_int_equal(rd64(c, EGRET_REG_VRAM_SIZE), CHIP_VRAM_SIZE);
	assert_int_equal(rd32(c, EGRET_REG_SCRATCH_SIZE), 1 << 20);
	assert_int_equal(rd64(c, EGRET_REG_SERIAL), 0x0123456789abcdef);
	assert_int_equal(rd32(c, EGRET_REG_CORE_CLOCK), 1500000);
	assert_int_equal(rd32(c, EGRET_REG_MEM_BANDWIDTH), 512000);
	assert_int_equal(rd32(c, EGRET_REG_STATE), EGRET_STATE_READY);
	assert_int_equal(rd32(c, EGRET_REG_POWER), EGRET_POWER_KEEP_VRAM);
	assert_int_equal(rd32(c, EGRET_REG_CP_SLICE), 1500000);
	assert_int_equal(rd32(c, EGRET_REG_RESET_COUNT), 0);
}

static void time_goes_on(void **state)
{
	struct chip *c = *state;
	uint64_t a = rd64(c, EGRET_REG_TIME);
	uint64_t b;

	chip_until(rd64(c, EGRET_REG_TIME) > a);
	/* In halves too. */
	b = rd32(c, EGRET_REG_TIME);
	b |= (uint64_t)rd32(c, EGRET_REG_TIME + 4) << 32;
	assert_true(b > a);
	assert_true(b <= rd64(c, EGRET_REG_TIME));
}

static void plain_registers_hold_what_was_written(void **state)
{
	struct chip *c = *state;

	wr32(c, EGRET_REG_TEST, 0xdeadbeef);
	assert_int_equal(rd32(c, EGRET_REG_TEST), 0xdeadbeef);
	wr32(c, EGRET_REG_POWER, 0xffffffff);
	assert_int_equal(rd32(c, EGRET_REG_POWER), EGRET_POWER_KEEP_VRAM);
	wr32(c, EGRET_REG_POWER, 0);
	assert_int_equal(rd32(c, EGRET_REG_POWER), 0);
	wr32(c, EGRET_REG_IRQ_ENABLE, 0xffffffff);
	assert_int_equal(rd32(c, EGRET_REG_IRQ_ENABLE), EGRET_IRQ_ALL);
	wr32(c, EGRET_REG_CP_SLICE, 1);
	assert_int_equal(rd32(c, EGRET_REG_CP_SLICE), 1);
	for (unsigned int n = 0; n < 50; n++)
		wr64(c, EGRET_REG_CONTEXT(n), 0x1111111111111111ull * (n % 15 + 1) + n);
	for (unsigned int n = 0; n < 50; n++)
		assert_int_equal(rd64(c, EGRET_REG_CONTEXT(n)),
				 0x1111111111111111ull * (n % 15 + 1) + n);
	for (unsigned int n = 0; n < 40; n++) {
		wr64(c, EGRET_REG_QUEUE(n, EGRET_Q_RING), 0x7000 + n * 0x1000);
		wr32(c, EGRET_REG_QUEUE(n, EGRET_Q_RING_SIZE), n);
		wr32(c, EGRET_REG_QUEUE(n, EGRET_Q_CONFIG), 0x02000000 + n);
	}
	for (unsigned int n = 0; n < 40; n++) {
		assert_int_equal(rd64(c, EGRET_REG_QUEUE(n, EGRET_Q_RING)), 0x7000 + n * 0x1000);
		assert_int_equal(rd32(c, EGRET_REG_QUEUE(n, EGRET_Q_RING_SIZE)), n);
		assert_int_equal(rd32(c, EGRET_REG_QUEUE(n, EGRET_Q_CONFIG)), 0x02000000 + n);
	}
}

static void what_the_chip_does_not_have_reads_zero(void **state)
{
	struct chip *c = *state;
	static const uint64_t absent[] = {
		0x0003c, 0x00ffc, 0x01010, 0x0200c, 0x02180, 0x03018, 0x04004, 0x07060, 0x0a000,
		0x10000, 0x11000, 0x12030, 0x7fffc, 0x80000, 0xfffffffffffffffc,
		EGRET_REG_CONTEXT(50), EGRET_REG_QUEUE(40, EGRET_Q_RING_SIZE),
		EGRET_REG_CLUSTER(3, EGRET_CL_PC), EGRET_REG_QUEUE(0, 0x70),
	};

	for (unsigned int i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		wr(c, absent[i], 0xffffffff, 4);
		assert_int_equal(rd(c, absent[i], 4), 0);
	}
}

static void read_only_registers_ignore_writes(void **state)
{
	struct chip *c = *state;
	static const uint32_t ro[] = {
		EGRET_REG_ID, EGRET_REG_UNITS, EGRET_REG_LIMITS, EGRET_REG_FEATURES,
		EGRET_REG_STATE, EGRET_REG_RESET_COUNT, EGRET_REG_INV_STATUS,
		EGRET_REG_QUEUE(1, EGRET_Q_STATUS), EGRET_REG_QUEUE(1, EGRET_Q_FAULT_CODE),
		EGRET_REG_CLUSTER(0, EGRET_CL_STATUS),
	};

	for (unsigned int i = 0; i < sizeof(ro) / sizeof(ro[0]); i++) {
		uint32_t value = rd32(c, ro[i]);
		unsigned int logged = atomic_load(&c->logged);

		wr32(c, ro[i], ~value);
		assert_int_equal(rd32(c, ro[i]), value);
		assert_true(atomic_load(&c->logged) > logged);
	}
	wr64(c, EGRET_REG_SERIAL, 1);
	assert_int_equal(rd64(c, EGRET_REG_SERIAL), 0x0123456789abcdef);
}

static void bad_sizes_and_alignments_do_nothing(void **state)
{
	struct chip *c = *state;

	wr32(c, EGRET_REG_TEST, 0x11223344);
	for (unsigned int size = 0; size <= 16; size++) {
		for (unsigned int shift = 0; shift < 4; shift++) {
			if (size == 4 && !shift)
				continue;
			wr(c, EGRET_REG_TEST + shift, 0, size);
			assert_int_equal(rd(c, EGRET_REG_TEST + shift, size), 0);
		}
	}
	assert_int_equal(rd32(c, EGRET_REG_TEST), 0x11223344);
	/* 8 bytes over two 32-bit registers. */
	assert_int_equal(rd(c, EGRET_REG_ID, 8), 0);
	/* 8 bytes across a 64-bit register's end. */
	assert_int_equal(rd(c, EGRET_REG_VRAM_SIZE + 4, 8), 0);
	/* A 64-bit register by 1, 2, 16 bytes. */
	assert_int_equal(rd(c, EGRET_REG_VRAM_SIZE, 1), 0);
	assert_int_equal(rd(c, EGRET_REG_VRAM_SIZE, 2), 0);
	assert_int_equal(rd(c, EGRET_REG_VRAM_SIZE, 16), 0);
}

static void halves_are_latched(void **state)
{
	struct chip *c = *state;

	/* Writing: nothing happens before the high half. */
	wr64(c, EGRET_REG_INV_ADDR, 0x1111111122222222);
	wr32(c, EGRET_REG_INV_ADDR, 0xaaaaaaaa);
	assert_int_equal(rd64(c, EGRET_REG_INV_ADDR), 0x1111111122222222);
	wr32(c, EGRET_REG_INV_ADDR + 4, 0xbbbbbbbb);
	assert_int_equal(rd64(c, EGRET_REG_INV_ADDR), 0xbbbbbbbbaaaaaaaa);
	/* Reading: the high half is the one of the time of the low half. */
	assert_int_equal(rd32(c, EGRET_REG_INV_ADDR), 0xaaaaaaaa);
	wr64(c, EGRET_REG_INV_ADDR, 0);
	/* Whole accesses do not disturb the latch. */
	assert_int_equal(rd64(c, EGRET_REG_INV_ADDR), 0);
	assert_int_equal(rd32(c, EGRET_REG_INV_ADDR + 4), 0xbbbbbbbb);
	/* One latch for all of BAR0. */
	wr32(c, EGRET_REG_INV_ADDR, 0x12345678);
	wr32(c, EGRET_REG_INV_SIZE + 4, 1);
	assert_int_equal(rd64(c, EGRET_REG_INV_SIZE), 0x112345678);
}

static void doorbells_have_latches_of_their_own(void **state)
{
	struct chip *c = *state;
	struct chip_queue q = chip_queue(c, 2, 1, 0);
	struct chip_queue other = chip_queue(c, 3, 1, 0);
	uint64_t page = 2 * EGRET_DOORBELL_STRIDE;

	chip_put(&q, pkt(EGRET_OP_NOP));
	egret_model_doorbell_write(c->m, page, 1, 4);
	egret_model_doorbell_write(c->m, page + EGRET_DOORBELL_STRIDE, 7, 4);
	wr32(c, EGRET_REG_INV_ADDR, 5);
	assert_int_equal(q64(&q, EGRET_Q_TAIL), 0);
	egret_model_doorbell_write(c->m, page + 4, 0, 4);
	assert_int_equal(q64(&q, EGRET_Q_TAIL), 1);
	assert_int_equal(q64(&other, EGRET_Q_TAIL), 0);
	chip_until(q64(&q, EGRET_Q_HEAD) == 1);
	assert_int_equal(egret_model_doorbell_read(c->m, page, 8), 1);
	assert_int_equal(egret_model_doorbell_read(c->m, page + EGRET_DOORBELL_HEAD, 8), 1);
	assert_int_equal(egret_model_doorbell_read(c->m, page + EGRET_DOORBELL_HEAD, 4), 1);
	/* HEAD is read only, the rest of the page is empty, so are pages of no queue. */
	egret_model_doorbell_write(c->m, page + EGRET_DOORBELL_HEAD, 9, 8);
	assert_int_equal(q64(&q, EGRET_Q_HEAD), 1);
	assert_int_equal(egret_model_doorbell_read(c->m, page + 16, 8), 0);
	assert_int_equal(egret_model_doorbell_read(c->m, page + 2, 2), 0);
	assert_int_equal(egret_model_doorbell_read(c->m, 40 * EGRET_DOORBELL_STRIDE, 8), 0);
	egret_model_doorbell_write(c->m, 40 * EGRET_DOORBELL_STRIDE, 1, 8);
	egret_model_doorbell_write(c->m, UINT64_MAX - 7, 1, 8);
	/* The register is the same word. */
	wr64(c, EGRET_REG_QUEUE(2, EGRET_Q_TAIL), 2);
	assert_int_equal(egret_model_doorbell_read(c->m, page, 8), 2);
	chip_queue_free(&q);
	chip_queue_free(&other);
}

/* ---- Interrupts ----------------------------------------------------------------------- */

static unsigned int count(struct chip *c, unsigned int vector)
{
	return atomic_load(&c->interrupts[vector]);
}

static void management_vector_follows_causes(void **state)
{
	struct chip *c = *state;

	/* Not enabled: the cause is there, the vector is not. */
	wr32(c, EGRET_REG_IRQ_TEST, EGRET_IRQ_TEST | EGRET_IRQ_THERMAL);
	assert_int_equal(rd32(c, EGRET_REG_IRQ_STATUS), EGRET_IRQ_TEST | EGRET_IRQ_THERMAL);
	assert_int_equal(rd32(c, EGRET_REG_IRQ_TEST), 0);
	assert_int_equal(count(c, 0), 0);
	/* Enabling a cause that has come sends it, once. */
	wr32(c, EGRET_REG_IRQ_ENABLE, EGRET_IRQ_TEST);
	assert_int_equal(count(c, 0), 1);
	wr32(c, EGRET_REG_IRQ_ENABLE, EGRET_IRQ_TEST);
	wr32(c, EGRET_REG_IRQ_TEST, EGRET_IRQ_TEST);
	assert_int_equal(count(c, 0), 1);
	/* Cleared and come again. */
	wr32(c, EGRET_REG_IRQ_STATUS, EGRET_IRQ_TEST);
	assert_int_equal(rd32(c, EGRET_REG_IRQ_STATUS), EGRET_IRQ_THERMAL);
	wr32(c, EGRET_REG_IRQ_TEST, EGRET_IRQ_TEST);
	assert_int_equal(count(c, 0), 2);
	/* Bits that are no causes are not kept. */
	wr32(c, EGRET_REG_IRQ_TEST, ~EGRET_IRQ_ALL);
	assert_int_equal(rd32(c, EGRET_REG_IRQ_STATUS), EGRET_IRQ_TEST | EGRET_IRQ_THERMAL);
	assert_int_equal(rd64(c, EGRET_REG_CNT_INTERRUPTS), 2);
}

static void no_interrupts_without_bus_mastering(void **state)
{
	struct chip *c = *state;

	wr32(c, EGRET_REG_IRQ_ENABLE, EGRET_IRQ_TEST);
	egret_model_set_bus_master(c->m, false);
	wr32(c, EGRET_REG_IRQ_TEST, EGRET_IRQ_TEST);
	assert_int_equal(count(c, 0), 0);
	egret_model_set_bus_master(c->m, true);
	wr32(c, EGRET_REG_IRQ_STATUS, EGRET_IRQ_TEST);
	wr32(c, EGRET_REG_IRQ_TEST, EGRET_IRQ_TEST);
	assert_int_equal(count(c, 0), 1);
}

static void faults_are_pending_until_cleared(void **state)
{
	struct chip *c = *state;
	struct chip_queue q = chip_queue(c, 35, 1, 0);

	wr64(c, EGRET_REG_QUEUE(35, EGRET_Q_TAIL), 65);
	chip_expect(&q, EGRET_Q_STATE_FAULTED);
	assert_int_equal(q32(&q, EGRET_Q_FAULT_CODE), EGRET_FAULT_RING);
	assert_int_equal(q64(&q, EGRET_Q_FAULT_ADDR), 65);
	assert_int_equal(rd32(c, EGRET_REG_FAULT_PENDING(0)), 0);
	assert_int_equal(rd32(c, EGRET_REG_FAULT_PENDING(1)), 1 << 3);
	chip_until(count(c, 1) == 1);
	/* A kill does not clear the bit; a second fault sends nothing while it is set. */
	chip_ctrl(&q, EGRET_Q_CTRL_KILL);
	chip_ctrl(&q, EGRET_Q_CTRL_ENABLE);
	assert_int_equal(q32(&q, EGRET_Q_FAULT_CODE), 0);
	wr64(c, EGRET_REG_QUEUE(35, EGRET_Q_TAIL), 65);
	chip_expect(&q, EGRET_Q_STATE_FAULTED);
	wr32(c, EGRET_REG_FAULT_PENDING(1), ~(1u << 3));
	assert_int_equal(rd32(c, EGRET_REG_FAULT_PENDING(1)), 1 << 3);
	wr32(c, EGRET_REG_FAULT_PENDING(1), 1 << 3);
	assert_int_equal(rd32(c, EGRET_REG_FAULT_PENDING(1)), 0);
	assert_int_equal(count(c, 1), 1);
	assert_int_equal(rd64(c, EGRET_REG_CNT_FAULTS), 2);
	chip_queue_free(&q);
}

/* ---- Resets ------------------------------------------------------------------------------- */

/* Change everything that a reset may change. */
static struct chip_queue make_a_mess(struct chip *c)
{
	struct chip_queue q = chip_queue(c, 7, 2, 0);
	struct chip_buffer *b = chip_buffer(c, 2, CHIP_VRAM, 4096);

	chip_put(&q, pkt_fence(b->va, 1));
	chip_put(&q, pkt_wait(b->va, 2)); /* never satisfied */
	chip_kick(&q);
	chip_expect(&q, EGRET_Q_STATE_WAITING);
	free(b);
	wr64(c, EGRET_REG_QUEUE(8, EGRET_Q_RING), 0x5000);
	wr32(c, EGRET_REG_TEST, 1);
	wr32(c, EGRET_REG_IRQ_ENABLE, EGRET_IRQ_TEST);
	wr32(c, EGRET_REG_IRQ_TEST, EGRET_IRQ_POWER);
	wr32(c, EGRET_REG_CP_SLICE, 5);
	wr64(c, EGRET_REG_INV_ADDR, 0x1000);
	c->vram[CHIP_VRAM_SIZE - 1] = 0x77;
	return q;
}

static void expect_queues_reset(struct chip *c)
{
	for (unsigned int n = 0; n < 40; n++)
		for (unsigned int r = 0; r < EGRET_QUEUE_STRIDE; r += 8)
			if (r != EGRET_Q_RING_SIZE && r != EGRET_Q_CTRL)
				assert_int_equal(rd64(c, EGRET_REG_QUEUE(n, r)), 0);
	for (unsigned int r = 0; r < EGRET_QUEUE_STRIDE; r += 4)
		assert_int_equal(rd32(c, EGRET_REG_QUEUE(7, r)), 0);
	for (unsigned int n = 0; n < EGRET_FAULT_PENDING_COUNT; n++)
		assert_int_equal(rd32(c, EGRET_REG_FAULT_PENDING(n)), 0);
}

static void engines_reset_keeps_settings(void **state)
{
	struct chip *c = *state;
	struct chip_queue q = make_a_mess(c);
	uint64_t root = rd64(c, EGRET_REG_CONTEXT(2));

	wr32(c, EGRET_REG_RESET, EGRET_RESET_ENGINES);
	chip_until(rd32(c, EGRET_REG_STATE) & EGRET_STATE_READY);
	expect_queues_reset(c);
	assert_int_equal(rd32(c, EGRET_REG_STATE), EGRET_STATE_READY | EGRET_STATE_VRAM_KEPT);
	assert_int_equal(rd32(c, EGRET_REG_RESET_COUNT), 1);
	assert_int_equal(rd64(c, EGRET_REG_CONTEXT(2)), root);
	assert_int_equal(rd32(c, EGRET_REG_TEST), 1);
	assert_int_equal(rd32(c, EGRET_REG_IRQ_ENABLE), EGRET_IRQ_TEST);
	assert_int_equal(rd32(c, EGRET_REG_IRQ_STATUS), EGRET_IRQ_POWER);
	assert_int_equal(rd32(c, EGRET_REG_CP_SLICE), 5);
	assert_int_equal(rd64(c, EGRET_REG_CNT_PACKETS), 1);
	assert_int_equal(c->vram[CHIP_VRAM_SIZE - 1], 0x77);
	chip_queue_free(&q);
	/* The chip works again, with the same tables. */
	q = chip_queue(c, 7, 2, 0);
	assert_int_equal(chip_run(&q, pkt_fence(q.ring->va + 2048, 3)), EGRET_Q_STATE_IDLE);
	chip_queue_free(&q);
}

static void expect_chip_reset(struct chip *c, uint32_t resets, uint32_t state)
{
	expect_queues_reset(c);
	for (unsigned int n = 0; n < 50; n++)
		assert_int_equal(rd64(c, EGRET_REG_CONTEXT(n)), 0);
	assert_int_equal(rd32(c, EGRET_REG_STATE), EGRET_STATE_READY | state);
	assert_int_equal(rd32(c, EGRET_REG_RESET_COUNT), resets);
	assert_int_equal(rd32(c, EGRET_REG_TEST), 0);
	assert_int_equal(rd32(c, EGRET_REG_POWER), EGRET_POWER_KEEP_VRAM);
	assert_int_equal(rd32(c, EGRET_REG_IRQ_ENABLE), 0);
	assert_int_equal(rd32(c, EGRET_REG_IRQ_STATUS), 0);
	assert_int_equal(rd32(c, EGRET_REG_CP_SLICE), 1500000);
	assert_int_equal(rd64(c, EGRET_REG_INV_ADDR), 0);
	for (uint32_t r = EGRET_REG_CNT_CYCLES; r <= EGRET_REG_CNT_FAULTS; r += 8)
		assert_int_equal(rd64(c, r), 0);
	assert_int_equal(c->vram[CHIP_VRAM_SIZE - 1], state ? 0x77 : 0);
	/* Roots are gone as well. */
	memset(c->root, 0, sizeof(c->root));
}

static void chip_resets(void **state)
{
	struct chip *c = *state;
	struct chip_queue q = make_a_mess(c);
	uint64_t time;

	wr32(c, EGRET_REG_RESET, EGRET_RESET_CHIP);
	chip_until(rd32(c, EGRET_REG_STATE) & EGRET_STATE_READY);
	expect_chip_reset(c, 1, EGRET_STATE_VRAM_KEPT);
	chip_queue_free(&q);

	q = make_a_mess(c);
	egret_model_reset(c->m, EGRET_MODEL_RESET_FUNCTION);
	expect_chip_reset(c, 2, EGRET_STATE_VRAM_KEPT);
	chip_queue_free(&q);

	q = make_a_mess(c);
	egret_model_reset(c->m, EGRET_MODEL_RESET_SLEEP);
	expect_chip_reset(c, 3, EGRET_STATE_VRAM_KEPT);
	chip_queue_free(&q);

	q = make_a_mess(c);
	wr32(c, EGRET_REG_POWER, 0);
	egret_model_reset(c->m, EGRET_MODEL_RESET_SLEEP);
	expect_chip_reset(c, 4, 0);
	chip_queue_free(&q);

	q = make_a_mess(c);
	time = rd64(c, EGRET_REG_TIME);
	egret_model_reset(c->m, EGRET_MODEL_RESET_COLD);
	assert_true(rd64(c, EGRET_REG_TIME) < time);
	expect_chip_reset(c, 0, 0);
	chip_queue_free(&q);
}

static void other_values_do_not_reset(void **state)
{
	struct chip *c = *state;

	wr32(c, EGRET_REG_TEST, 9);
	wr32(c, EGRET_REG_RESET, 1);
	wr32(c, EGRET_REG_RESET, EGRET_RESET_CHIP + 1);
	wr32(c, EGRET_REG_RESET, 0xffffffff);
	assert_int_equal(rd32(c, EGRET_REG_STATE), EGRET_STATE_READY);
	assert_int_equal(rd32(c, EGRET_REG_TEST), 9);
	assert_int_equal(rd32(c, EGRET_REG_RESET_COUNT), 0);
	assert_int_equal(rd32(c, EGRET_REG_RESET), 0);
}

/* ---- Creation -------------------------------------------------------------------------------- */

static int create(struct egret_model_config config, const struct egret_model_ops *ops)
{
	struct egret_model *m = NULL;
	int ret;

	if (!config.size)
		config.size = sizeof(config);
	ret = egret_model_create(&config, ops, NULL, &m);
	assert_true(ret < 0 ? !m : !!m);
	egret_model_destroy(m);
	return ret;
}

static void bad_configurations_are_refused(void **state)
{
	struct {
		struct egret_model_config config;
		uint64_t unknown;
	} larger = { .config = { .size = sizeof(larger), .vram_size = 2 * MIB, .queues = 1 } };
	struct egret_model_ops ops = chip_ops;
	struct egret_model *m = NULL;

	(void)state;
#define BAD(...) assert_int_equal(create((struct egret_model_config) { __VA_ARGS__ }, &chip_ops), \
				  -EINVAL)
	BAD(.vram_size = MIB);
	BAD(.vram_size = 2 * MIB + 4096);
	BAD(.vram_size = 1ull << 53);
	BAD(.clusters = EGRET_MAX_CLUSTERS + 1);
	BAD(.copy_engines = EGRET_MAX_COPY_ENGINES + 1);
	BAD(.queues = EGRET_MAX_QUEUES + 1);
	BAD(.contexts = EGRET_MAX_CONTEXTS + 1);
	BAD(.size = 3);
	BAD(.vram = (void *)0x1001);
#undef BAD
	ops.read = NULL;
	assert_int_equal(create((struct egret_model_config) { .queues = 1 }, &ops), -EINVAL);
	ops = chip_ops;
	ops.interrupt = NULL;
	assert_int_equal(create((struct egret_model_config) { .queues = 1 }, &ops), -EINVAL);
	assert_int_equal(egret_model_create(NULL, NULL, NULL, &m), -EINVAL);
	assert_int_equal(egret_model_create(NULL, &chip_ops, NULL, NULL), -EINVAL);
	/* A caller that knows more than we do, and one that knows less. */
	assert_int_equal(egret_model_create(&larger.config, &chip_ops, NULL, &m), 0);
	egret_model_destroy(m);
	larger.unknown = 1;
	m = NULL;
	assert_int_equal(egret_model_create(&larger.config, &chip_ops, NULL, &m), -EINVAL);
	assert_null(m);
	assert_int_equal(create((struct egret_model_config) {
		.size = offsetof(struct egret_model_config, vram),
		.vram_size = 2 * MIB,
		.clusters = 9999,
	}, &chip_ops), 0);
	egret_model_destroy(NULL);
}

static void defaults_and_supplied_memory(void **state)
{
	struct egret_model *m;
	void *vram = aligned_alloc(4096, 4 * MIB);

	(void)state;
	memset(vram, 0, 4 * MIB);
	assert_int_equal(egret_model_create(NULL, &chip_ops, NULL, &m), 0);
	assert_int_equal(egret_model_vram_size(m), EGRET_VRAM_DEFAULT);
	assert_int_equal(egret_model_reg_read(m, EGRET_REG_UNITS, 4) & 0xff, 4);
	assert_int_equal(egret_model_reg_read(m, EGRET_REG_LIMITS, 4), 1024 << 16 | 1024);
	egret_model_destroy(m);

	/* Memory that was supplied is left alone, by a cold reset too. */
	assert_int_equal(egret_model_create(&(struct egret_model_config) {
		.size = sizeof(struct egret_model_config), .vram = vram, .vram_size = 4 * MIB,
	}, &chip_ops, NULL, &m), 0);
	assert_ptr_equal(egret_model_vram(m), vram);
	memset(vram, 0x5a, 4 * MIB);
	egret_model_reset(m, EGRET_MODEL_RESET_COLD);
	assert_int_equal(egret_model_reg_read(m, EGRET_REG_STATE, 4), EGRET_STATE_READY);
	egret_model_destroy(m);
	assert_int_equal(((uint8_t *)vram)[4 * MIB - 1], 0x5a);
	free(vram);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(identity),
		T(time_goes_on),
		T(plain_registers_hold_what_was_written),
		T(what_the_chip_does_not_have_reads_zero),
		T(read_only_registers_ignore_writes),
		T(bad_sizes_and_alignments_do_nothing),
		T(halves_are_latched),
		T(doorbells_have_latches_of_their_own),
		T(management_vector_follows_causes),
		T(no_interrupts_without_bus_mastering),
		T(faults_are_pending_until_cleared),
		T(engines_reset_keeps_settings),
		T(chip_resets),
		T(other_values_do_not_reset),
		cmocka_unit_test(bad_configurations_are_refused),
		cmocka_unit_test(defaults_and_supplied_memory),
	};

	return cmocka_run_group_tests_name("registers", tests, NULL, NULL);
}
