// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * Faults on demand, and what the guest sees of them. Memory errors, loads and those of the
 * management firmware are tested in test_mmu.c and test_mc.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "chip.h"
#include "rig.h"

#define CTX	3
#define SECOND	1000000000ull

struct env {
	struct chip *c;
	struct chip_queue q;
	struct chip_buffer *data;
	struct chip_buffer *sys;
	uint64_t ret;		/* a kernel that ends at once */
	uint64_t endless;	/* one that never does */
};

static int setup(void **state)
{
	const uint32_t insns[] = { RET, 0x0000006f };
	struct env *e = calloc(1, sizeof(*e));

	e->c = chip_new_config((struct egret_model_config) {
		.clusters = 2, .queues = 16, .contexts = 16,
	});
	e->q = chip_queue(e->c, 1, CTX, 0);
	e->data = chip_buffer(e->c, CTX, CHIP_VRAM, 64 * KIB);
	e->sys = chip_buffer(e->c, CTX, CHIP_SYS, 64 * KIB);
	chip_store(e->data, 0, insns, sizeof(insns));
	e->ret = e->data->va;
	e->endless = e->data->va + sizeof(insns[0]);
	*state = e;
	return 0;
}

static int teardown(void **state)
{
	struct env *e = *state;

	chip_queue_free(&e->q);
	free(e->data);
	free(e->sys);
	chip_free(e->c);
	free(e);
	return 0;
}

static uint64_t fence_word(struct env *e)
{
	return atomic_load(chip_word(e->data, 4096));
}

static void reset_engines(struct env *e)
{
	wr32(e->c, EGRET_REG_RESET, EGRET_RESET_ENGINES);
	chip_until(rd32(e->c, EGRET_REG_STATE) & EGRET_STATE_READY);
	chip_queue_free(&e->q);
	e->q = chip_queue(e->c, 1, CTX, 0);
}

static void values_are_checked(void **state)
{
	struct env *e = *state;
	struct egret_model *m = e->c->m;

	assert_int_equal(egret_model_inject(m, EGRET_INJECT_CLUSTER_HANG, 2), -EINVAL);
	assert_int_equal(egret_model_inject(m, EGRET_INJECT_CLUSTER_HANG, UINT64_MAX), -EINVAL);
	assert_int_equal(egret_model_inject(m, EGRET_INJECT_BUS_ERROR, 1ull << 32), -EINVAL);
	assert_int_equal(egret_model_inject(m, EGRET_INJECT_SLOWDOWN, 100001), -EINVAL);
	assert_int_equal(egret_model_inject(m, EGRET_INJECT_TEMPERATURE, 150001), -EINVAL);
	assert_int_equal(egret_model_inject(m, EGRET_INJECT_RESET_HANG, 4), -EINVAL);
	assert_int_equal(egret_model_inject(m, EGRET_INJECT_INTERRUPT_LOSS, EGRET_MSIX_VECTORS), -EINVAL);
	assert_int_equal(egret_model_inject(m, EGRET_INJECT_INTERRUPT_REPEAT, UINT64_MAX), -EINVAL);
	assert_int_equal(egret_model_inject(m, (enum egret_model_injection)99, 0), -EINVAL);
	assert_int_equal(chip_run(&e->q, pkt_dispatch(e->ret, 64, 1, 1)), EGRET_Q_STATE_IDLE);
}

/* The watchdog makes a fault of it; from then on the other cluster does all the work. */
static void hung_cluster_faults_its_queue(void **state)
{
	struct env *e = *state;
	struct chip_queue other = chip_queue(e->c, 2, CTX, 0);
	uint64_t start = chip_now();

	assert_int_equal(egret_model_inject(e->c->m, EGRET_INJECT_CLUSTER_HANG, 1), 0);
	assert_int_equal(chip_run(&e->q, pkt_dispatch(e->endless, 2, 1, 1)), EGRET_Q_STATE_FAULTED);
	assert_true(chip_now() - start > 2 * SECOND);
	assert_int_equal(q32(&e->q, EGRET_Q_FAULT_CODE), EGRET_FAULT_HUNG);
	assert_int_equal(q32(&e->q, EGRET_Q_FAULT_INFO) & EGRET_FAULT_INFO_UNIT_MASK,
			 EGRET_UNIT_HART);
	assert_int_equal(q32(&e->q, EGRET_Q_FAULT_INFO) >> 4 & 0xff, 1);
	assert_int_equal(q64(&e->q, EGRET_Q_FAULT_PC), e->endless);
	chip_until(rd32(e->c, EGRET_REG_CLUSTER(1, EGRET_CL_STATUS)) == EGRET_CL_STATUS_HUNG);
	assert_false(rd32(e->c, EGRET_REG_CLUSTER(0, EGRET_CL_STATUS)) & EGRET_CL_STATUS_HUNG);
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(chip_run(&other, pkt_dispatch(e->ret, 64, 1, 1)),
				 EGRET_Q_STATE_IDLE);
	assert_int_equal(egret_model_inject(e->c->m, EGRET_INJECT_CLUSTER_HANG, 0), 0);
	chip_put(&other, pkt_dispatch(e->ret, 64, 1, 1));
	chip_kick(&other);
	reset_engines(e);
	assert_int_equal(rd32(e->c, EGRET_REG_CLUSTER(1, EGRET_CL_STATUS)), 0);
	assert_int_equal(chip_run(&e->q, pkt_dispatch(e->ret, 1024, 1, 1)), EGRET_Q_STATE_IDLE);
	chip_queue_free(&other);
}

static bool ready(struct env *e)
{
	return rd32(e->c, EGRET_REG_STATE) & EGRET_STATE_READY;
}

/* The chip takes nothing until a reset comes that ends. */
static void resets_hang(void **state)
{
	struct env *e = *state;
	struct egret_model *m = e->c->m;

	assert_int_equal(egret_model_inject(m, EGRET_INJECT_RESET_HANG, EGRET_RESET_HANG_REGISTER), 0);
	wr32(e->c, EGRET_REG_RESET, EGRET_RESET_ENGINES);
	assert_false(ready(e));
	assert_int_equal(rd32(e->c, EGRET_REG_ID), 0);
	egret_model_reset(m, EGRET_MODEL_RESET_FUNCTION);
	assert_true(ready(e));

	assert_int_equal(egret_model_inject(m, EGRET_INJECT_RESET_HANG, EGRET_RESET_HANG_FUNCTION), 0);
	egret_model_reset(m, EGRET_MODEL_RESET_FUNCTION);
	assert_false(ready(e));
	egret_model_reset(m, EGRET_MODEL_RESET_COLD);
	assert_true(ready(e));
	/* A cold reset ends the injection, too. */
	reset_engines(e);

	assert_int_equal(egret_model_inject(m, EGRET_INJECT_RESET_HANG, EGRET_RESET_HANG_ALL), 0);
	egret_model_reset(m, EGRET_MODEL_RESET_COLD);
	assert_false(ready(e));
	assert_int_equal(egret_model_inject(m, EGRET_INJECT_RESET_HANG, EGRET_RESET_HANG_NONE), 0);
	assert_true(ready(e));
	assert_int_equal(rd32(e->c, EGRET_REG_ID), EGRET_ID);
}

/* A kill does not end it, a reset of the engines does, in the middle of a workgroup too. */
static void hung_cluster_ignores_kill(void **state)
{
	struct env *e = *state;
	uint64_t progress;

	chip_put(&e->q, pkt_dispatch(e->endless, 1, 1, 1));
	chip_kick(&e->q);
	chip_until(q64(&e->q, EGRET_Q_PROGRESS) > 2);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(egret_model_inject(e->c->m, EGRET_INJECT_CLUSTER_HANG, i), 0);
	do {
		progress = q64(&e->q, EGRET_Q_PROGRESS);
		for (uint64_t end = chip_now() + 20000000; chip_now() < end;)
			;
	} while (q64(&e->q, EGRET_Q_PROGRESS) != progress);
	chip_ctrl(&e->q, EGRET_Q_CTRL_KILL);
	for (uint64_t end = chip_now() + SECOND / 5; chip_now() < end;)
		assert_int_equal(q32(&e->q, EGRET_Q_STATUS), EGRET_Q_STATE_ACTIVE);
	/* It can stand still and be asked for nothing. */
	egret_model_pause(e->c->m);
	egret_model_resume(e->c->m);
	reset_engines(e);
	assert_int_equal(chip_run(&e->q, pkt_dispatch(e->ret, 64, 1, 1)), EGRET_Q_STATE_IDLE);
}

static void model_ends_with_hung_clusters(void **state)
{
	struct env *e = *state;

	egret_model_inject(e->c->m, EGRET_INJECT_CLUSTER_HANG, 0);
	egret_model_inject(e->c->m, EGRET_INJECT_CLUSTER_HANG, 1);
	chip_put(&e->q, pkt_dispatch(e->ret, 64, 1, 1));
	chip_kick(&e->q);
	chip_until(rd32(e->c, EGRET_REG_CLUSTER(0, EGRET_CL_STATUS)) & EGRET_CL_STATUS_BUSY);
}

static void fence_is_wrong_once(void **state)
{
	struct env *e = *state;

	egret_model_inject(e->c->m, EGRET_INJECT_FENCE, 0x8001);
	assert_int_equal(chip_run(&e->q, pkt_fence(e->data->va + 4096, 7)), EGRET_Q_STATE_IDLE);
	assert_int_equal(fence_word(e), 0x8006);
	assert_int_equal(chip_run(&e->q, pkt_fence(e->data->va + 4096, 8)), EGRET_Q_STATE_IDLE);
	assert_int_equal(fence_word(e), 8);
	egret_model_inject(e->c->m, EGRET_INJECT_FENCE, 1);
	egret_model_inject(e->c->m, EGRET_INJECT_FENCE, 0);
	assert_int_equal(chip_run(&e->q, pkt_fence(e->data->va + 4096, 9)), EGRET_Q_STATE_IDLE);
	assert_int_equal(fence_word(e), 9);
}

static void interrupts_are_lost_and_repeated(void **state)
{
	struct env *e = *state;
	struct egret_model *m = e->c->m;
	atomic_uint *sent = &e->c->interrupts[EGRET_VECTOR_QUEUE_FIRST];
	unsigned int asked[] = { 1, 0, 1, 2, 1 };
	unsigned int wanted = 0;

	for (unsigned int i = 0; i < 5; i++) {
		/* Other vectors are not concerned. */
		assert_int_equal(egret_model_inject(m, EGRET_INJECT_INTERRUPT_LOSS,
						    EGRET_VECTOR_QUEUE_LAST), 0);
		if (asked[i] != 1)
			assert_int_equal(egret_model_inject(m, asked[i] ?
							    EGRET_INJECT_INTERRUPT_REPEAT :
							    EGRET_INJECT_INTERRUPT_LOSS,
							    EGRET_VECTOR_QUEUE_FIRST), 0);
		assert_int_equal(chip_run(&e->q, pkt_fence_irq(e->data->va + 4096, i)),
				 EGRET_Q_STATE_IDLE);
		/* When the chip stands still, what its packets asked for has been sent. */
		egret_model_pause(m);
		egret_model_resume(m);
		wanted += asked[i];
		assert_int_equal(atomic_load(sent), wanted);
		assert_int_equal(rd64(e->c, EGRET_REG_CNT_INTERRUPTS), i + 1);
	}
	egret_model_inject(m, EGRET_INJECT_INTERRUPT_LOSS, EGRET_VECTOR_FAULT);
	egret_model_reset(m, EGRET_MODEL_RESET_COLD);
	wr32(e->c, EGRET_REG_IRQ_ENABLE, EGRET_IRQ_TEST);
	egret_model_inject(m, EGRET_INJECT_INTERRUPT_LOSS, EGRET_VECTOR_MANAGEMENT);
	for (unsigned int i = 0; i < 2; i++) {
		wr32(e->c, EGRET_REG_IRQ_TEST, EGRET_IRQ_TEST);
		assert_int_equal(atomic_load(&e->c->interrupts[EGRET_VECTOR_MANAGEMENT]), i);
		wr32(e->c, EGRET_REG_IRQ_STATUS, EGRET_IRQ_TEST);
	}
}

static void bus_errors_come_as_often_as_asked(void **state)
{
	struct env *e = *state;

	egret_model_inject(e->c->m, EGRET_INJECT_BUS_ERROR, 3);
	for (unsigned int i = 0; i < 5; i++) {
		uint32_t wanted = i < 3 ? EGRET_Q_STATE_FAULTED : EGRET_Q_STATE_IDLE;

		/* Device memory is not concerned. */
		assert_int_equal(chip_run(&e->q, pkt_fence(e->data->va + 4096, i)),
				 EGRET_Q_STATE_IDLE);
		assert_int_equal(chip_run(&e->q, pkt_fence(e->sys->va, i)), wanted);
		if (i < 3) {
			assert_int_equal(q32(&e->q, EGRET_Q_FAULT_CODE), EGRET_FAULT_BUS);
			assert_int_equal(q64(&e->q, EGRET_Q_FAULT_ADDR), e->sys->va);
			chip_ctrl(&e->q, EGRET_Q_CTRL_KILL);
			chip_ctrl(&e->q, EGRET_Q_CTRL_ENABLE);
			e->q.tail = 0;
		}
	}
	assert_int_equal(atomic_load(chip_word(e->sys, 0)), 4);
}

static void slow_down_takes_time(void **state)
{
	struct env *e = *state;
	uint64_t start = chip_now(), cycles;

	assert_int_equal(chip_run(&e->q, pkt(EGRET_OP_NOP)), EGRET_Q_STATE_IDLE);
	cycles = q64(&e->q, EGRET_Q_BUSY_CYCLES);
	egret_model_inject(e->c->m, EGRET_INJECT_SLOWDOWN, 100000);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(chip_run(&e->q, pkt(EGRET_OP_NOP)), EGRET_Q_STATE_IDLE);
	assert_true(chip_now() - start >= 3 * SECOND / 10);
	assert_int_equal(q64(&e->q, EGRET_Q_BUSY_CYCLES), 4 * cycles);
	chip_put(&e->q, pkt_dispatch(e->endless, 2, 1, 1));
	chip_kick(&e->q);
	chip_until(q64(&e->q, EGRET_Q_PROGRESS) > 8);
	chip_ctrl(&e->q, EGRET_Q_CTRL_KILL);
	chip_expect(&e->q, EGRET_Q_STATE_DISABLED);
	/* A cold reset ends it. */
	egret_model_reset(e->c->m, EGRET_MODEL_RESET_COLD);
}

static void heat_stops_the_engines(void **state)
{
	struct env *e = *state;

	egret_model_inject(e->c->m, EGRET_INJECT_TEMPERATURE, 60000);
	assert_false(rd32(e->c, EGRET_REG_STATE) & EGRET_STATE_THERMAL_STOP);
	chip_put(&e->q, pkt_dispatch(e->endless, 2, 1, 1));
	chip_kick(&e->q);
	chip_until(q64(&e->q, EGRET_Q_PROGRESS) > 2);
	egret_model_inject(e->c->m, EGRET_INJECT_TEMPERATURE, 120000);
	chip_until(rd32(e->c, EGRET_REG_STATE) & EGRET_STATE_THERMAL_STOP);
	chip_until(rd32(e->c, EGRET_REG_STATE) & EGRET_STATE_READY);
	assert_true(rd32(e->c, EGRET_REG_IRQ_STATUS) & EGRET_IRQ_THERMAL);
	assert_int_equal(q32(&e->q, EGRET_Q_STATUS), EGRET_Q_STATE_DISABLED);
	egret_model_reset(e->c->m, EGRET_MODEL_RESET_COLD);
	assert_false(rd32(e->c, EGRET_REG_STATE) & EGRET_STATE_THERMAL_STOP);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(values_are_checked),
		TEST(hung_cluster_faults_its_queue),
		TEST(hung_cluster_ignores_kill),
		TEST(resets_hang),
		TEST(model_ends_with_hung_clusters),
		TEST(fence_is_wrong_once),
		TEST(interrupts_are_lost_and_repeated),
		TEST(bus_errors_come_as_often_as_asked),
		TEST(slow_down_takes_time),
		TEST(heat_stops_the_engines),
	};

	return cmocka_run_group_tests_name("inject", tests, NULL, NULL);
}
