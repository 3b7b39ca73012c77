// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * Saving and loading chips: at every moment, and from streams that are none.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "chip.h"
#include "rig.h"
#include "snapshot.h"

#include <egret/tile.h>

#define CTX		2
#define GROUPS		24
#define CONSTANT	1000
#define ROUNDS		200000	/* of a workgroup: several quanta */

static const struct egret_model_config config = {
	.clusters = 2, .copy_engines = 1, .queues = 8, .contexts = 8, .serial = 77,
};

/* ---- Streams in memory ------------------------------------------------------------- */

struct stream {
	uint8_t *data;
	size_t size;
	size_t at;
	int result;
};

static int stream_write(void *opaque, const void *data, size_t size)
{
	struct stream *t = opaque;

	t->data = realloc(t->data, t->size + size);
	memcpy(t->data + t->size, data, size);
	t->size += size;
	return t->result;
}

static int stream_read(void *opaque, void *data, size_t size)
{
	struct stream *t = opaque;

	if (size > t->size - t->at)
		return -EIO;
	memcpy(data, t->data + t->at, size);
	t->at += size;
	return 0;
}

static void save(struct chip *c, struct stream *t)
{
	struct egret_model_writer writer = { stream_write, t };

	memset(t, 0, sizeof(*t));
	assert_int_equal(egret_model_save(c->m, &writer), 0);
	assert_true(t->size > EGRET_SNAPSHOT_HEADER);
}

static int load(struct chip *c, const struct stream *t, char *error)
{
	struct stream copy = *t;
	struct egret_model_reader reader = { stream_read, &copy };

	copy.at = 0;
	return egret_model_load(c->m, &reader, error);
}

static void load_well(struct chip *c, const struct stream *t)
{
	char error[EGRET_MODEL_ERROR];
	int ret = load(c, t, error);

	assert_string_equal(error, "");
	assert_int_equal(ret, 0);
}

/* Make the sum right again. */
static void sum_up(struct stream *t)
{
	uint32_t crc = snap_crc(t->data, t->size - EGRET_SNAPSHOT_TRAILER);

	for (unsigned int i = 0; i < 4; i++)
		t->data[t->size - 4 + i] = crc >> 8 * i;
}

/* ---- Moving to another chip ----------------------------------------------------------- */

static void rebase(struct chip_buffer *b, const struct chip *from, const struct chip *to)
{
	bool sys = b->where == CHIP_SYS;

	for (uint64_t i = 0; i < b->size / 4096; i++)
		b->page[i] = sys ? to->sys + (b->page[i] - from->sys) :
				   to->vram + (b->page[i] - from->vram);
}

/* What the embedder does: a chip that stands still, its memory, a new chip that goes on. */
static struct chip *move(struct chip *from, struct stream *t)
{
	struct chip *to = chip_new_config(config);

	egret_model_pause(from->m);
	save(from, t);
	egret_model_pause(to->m);
	load_well(to, t);
	memcpy(to->vram, from->vram, from->vram_used);
	memcpy(to->sys, from->sys, CHIP_SYS_SIZE);
	memcpy(to->root, from->root, sizeof(to->root));
	to->vram_used = from->vram_used;
	to->sys_used = from->sys_used;
	to->next_va = from->next_va;
	egret_model_resume(to->m);
	return to;
}

/* ---- A chip with work -------------------------------------------------------------------- */

struct env {
	struct chip *c;
	struct chip_queue kernel, copy, wait;
	struct chip_buffer *code, *data, *args, *sys, *big;
};

static struct chip_buffer **buffers(struct env *e, unsigned int n)
{
	struct chip_buffer **all[] = {
		&e->code, &e->data, &e->args, &e->sys, &e->big,
		&e->kernel.ring, &e->copy.ring, &e->wait.ring,
	};

	return n < sizeof(all) / sizeof(all[0]) ? all[n] : NULL;
}

/*
 * data[x] += CONSTANT, which a DMA operation brings that is issued long before it is
 * waited for. To run a part of it twice, or not at all, shows.
 */
static void put_kernels(struct env *e)
{
	const uint32_t insns[] = {
		LD(A4, A0, 0),
		LD(T0, A0, 8),
		ADDI(A6, A0, 16),
		ISSUE(EGRET_FUNCT3_DMA, A6, ZERO),
		ADDI(T0, T0, -1),
		insn_b(0x1063, T0, ZERO, -4),
		ADDI(T1, ZERO, 1),
		WAIT(T1),
		LUI(T2, EGRET_LOCAL_SCRATCH >> 12),
		LD(T2, T2, 0x100),
		SLLI(A1, A1, 3),
		ADD(A4, A4, A1),
		LD(A5, A4, 0),
		ADD(A5, A5, T2),
		SD(A5, A4, 0),
		RET,
		0x0000006f,	/* an endless kernel */
	};

	chip_store(e->code, 0, insns, sizeof(insns));
}

#define ENDLESS(e)	((e)->code->va + 16 * 4)

static void put_args(struct env *e)
{
	struct {
		uint64_t data, rounds;
		struct egret_dma_desc desc;
	} args = {
		.data = e->data->va,
		.rounds = ROUNDS,
		.desc = {
			.global = e->data->va + 32 * KIB,
			.local = EGRET_LOCAL_SCRATCH + 0x100,
			.element = 8,
		},
	};

	for (unsigned int i = 0; i < EGRET_DIMS; i++) {
		args.desc.loop[i].count = 1;
		args.desc.loop[i].axis = EGRET_DMA_NO_AXIS;
	}
	chip_store(e->args, 0, &args, sizeof(args));
	atomic_store(chip_word(e->data, 32 * KIB), CONSTANT);
}

static union egret_packet slow(struct env *e)
{
	union egret_packet p = pkt_dispatch(e->code->va, GROUPS, 1, 1);

	p.dispatch.args = e->args->va;
	p.dispatch.args_size = 16 + sizeof(struct egret_dma_desc);
	p.dispatch.profile = e->data->va + 48 * KIB;
	p.dispatch.cookie = 4711;
	return p;
}

static int setup(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	e->c = chip_new_config(config);
	e->kernel = chip_queue(e->c, 1, CTX, 0);
	e->copy = chip_queue(e->c, 2, CTX, EGRET_Q_CONFIG_COPY);
	e->wait = chip_queue(e->c, 3, CTX, 0);
	e->code = chip_buffer(e->c, CTX, CHIP_VRAM, 4 * KIB);
	e->data = chip_buffer(e->c, CTX, CHIP_VRAM, 64 * KIB);
	e->args = chip_buffer(e->c, CTX, CHIP_VRAM, 4 * KIB);
	e->sys = chip_buffer(e->c, CTX, CHIP_SYS, 4 * MIB);
	e->big = chip_buffer(e->c, CTX, CHIP_VRAM, 4 * MIB);
	put_kernels(e);
	put_args(e);
	*state = e;
	return 0;
}

static int teardown(void **state)
{
	struct env *e = *state;

	for (unsigned int i = 0; buffers(e, i); i++)
		free(*buffers(e, i));
	chip_free(e->c);
	free(e);
	return 0;
}

static void move_env(struct env *e)
{
	struct stream t;
	struct chip *to = move(e->c, &t);

	for (unsigned int i = 0; buffers(e, i); i++)
		rebase(*buffers(e, i), e->c, to);
	chip_free(e->c);
	free(t.data);
	e->c = to;
	e->kernel.c = to;
	e->copy.c = to;
	e->wait.c = to;
}

static uint64_t word(struct chip_buffer *b, uint64_t offset)
{
	return atomic_load(chip_word(b, offset));
}

/* ---- Round trips ---------------------------------------------------------------------------- */

/* All registers but those that time moves. */
static bool is_steady(uint64_t offset)
{
	return (offset & ~7ull) != EGRET_REG_TIME && (offset & ~7ull) != EGRET_REG_ENERGY &&
		(offset & ~0xffull) != (EGRET_REG_TEMPERATURE & ~0xffull);
}

static void compare(struct chip *a, struct chip *b)
{
	for (uint64_t i = 0; i < EGRET_BAR_REGS_SIZE; i += 4)
		if (is_steady(i) && rd32(a, i) != rd32(b, i))
			fail_msg("register 0x%llx is 0x%x, not 0x%x", (unsigned long long)i,
				 rd32(b, i), rd32(a, i));
}

static void registers_survive(void **state)
{
	struct env *e = *state;
	struct chip_random r = { 42 };
	struct stream t, again;
	struct chip *other = chip_new_config(config);

	for (unsigned int i = 0; i < 20; i++) {
		wr32(e->c, EGRET_REG_TEST, chip_random(&r));
		wr32(e->c, EGRET_REG_IRQ_ENABLE, chip_random(&r));
		wr32(e->c, EGRET_REG_IRQ_TEST, chip_random(&r));
		wr64(e->c, EGRET_REG_INV_ADDR, chip_random(&r));
		wr64(e->c, EGRET_REG_CONTEXT(chip_below(&r, 8)), chip_random(&r));
		wr64(e->c, EGRET_REG_QUEUE(4 + chip_below(&r, 4), EGRET_Q_RING), chip_random(&r));
		wr32(e->c, EGRET_REG_QUEUE(4 + chip_below(&r, 4), EGRET_Q_CONFIG), chip_random(&r));
		wr32(e->c, EGRET_REG_CP_SLICE, chip_random(&r));
		wr32(e->c, EGRET_REG_POWER, chip_random(&r));
		egret_model_inject(e->c->m, EGRET_INJECT_ECC_UNCORRECTED, chip_below(&r, 1 << 26));
		egret_model_inject(e->c->m, EGRET_INJECT_TEMPERATURE, chip_below(&r, 90000));
		if (i == 10)
			wr32(e->c, EGRET_REG_RESET, EGRET_RESET_ENGINES);
		save(e->c, &t);
		load_well(other, &t);
		compare(e->c, other);
		assert_in_range(rd64(other, EGRET_REG_TIME), 1, rd64(e->c, EGRET_REG_TIME));
		save(other, &again);
		assert_int_equal(again.size, t.size);
		free(t.data);
		free(again.data);
	}
	chip_free(other);
}

static void queue_states_survive(void **state)
{
	struct env *e = *state;

	chip_put(&e->wait, pkt_wait(e->data->va + 40 * KIB, 5));
	chip_put(&e->wait, pkt_fence(e->data->va + 41 * KIB, 6));
	chip_kick(&e->wait);
	chip_expect(&e->wait, EGRET_Q_STATE_WAITING);
	chip_ctrl(&e->copy, EGRET_Q_CTRL_STOP);
	chip_put(&e->copy, pkt_fence(e->data->va + 42 * KIB, 7));
	chip_kick(&e->copy);
	assert_int_equal(chip_run(&e->kernel, pkt(99)), EGRET_Q_STATE_FAULTED);
	move_env(e);
	chip_expect(&e->wait, EGRET_Q_STATE_WAITING);
	assert_int_equal(q32(&e->copy, EGRET_Q_STATUS), EGRET_Q_STATE_STOPPED);
	assert_int_equal(q32(&e->kernel, EGRET_Q_STATUS), EGRET_Q_STATE_FAULTED);
	assert_int_equal(q32(&e->kernel, EGRET_Q_FAULT_CODE), EGRET_FAULT_PKT_OPCODE);
	assert_int_equal(q32(&e->kernel, EGRET_Q_FAULT_VALUE), 99);
	atomic_store(chip_word(e->data, 40 * KIB), 5);
	chip_expect(&e->wait, EGRET_Q_STATE_IDLE);
	assert_int_equal(word(e->data, 41 * KIB), 6);
	assert_int_equal(word(e->data, 42 * KIB), 0);
	chip_ctrl(&e->copy, EGRET_Q_CTRL_RESUME);
	chip_expect(&e->copy, EGRET_Q_STATE_IDLE);
	assert_int_equal(word(e->data, 42 * KIB), 7);
}

/* Each workgroup counts once, and the modelled figures are those of a chip that stayed. */
static void work_goes_on_elsewhere(void **state)
{
	struct env *e = *state;
	struct egret_profile stayed, moved;
	uint64_t busy;

	assert_int_equal(chip_run(&e->kernel, slow(e)), EGRET_Q_STATE_IDLE);
	chip_load(e->data, 48 * KIB, &stayed, sizeof(stayed));
	busy = q64(&e->kernel, EGRET_Q_BUSY_CYCLES);
	chip_put(&e->kernel, slow(e));
	chip_kick(&e->kernel);
	for (unsigned int i = 1; i <= 6; i++) {
		chip_until(q64(&e->kernel, EGRET_Q_PROGRESS) >= 100 + 40 * i);
		move_env(e);
	}
	assert_int_equal(chip_drain(&e->kernel), EGRET_Q_STATE_IDLE);
	for (unsigned int x = 0; x < GROUPS; x++)
		assert_int_equal(word(e->data, 8 * x), 2 * CONSTANT);
	chip_load(e->data, 48 * KIB, &moved, sizeof(moved));
	assert_int_equal(moved.start, busy);
	moved.start = stayed.start;
	assert_memory_equal(&moved, &stayed, sizeof(moved));
	assert_int_equal(q64(&e->kernel, EGRET_Q_BUSY_CYCLES), 2 * busy);
	assert_int_equal(rd64(e->c, EGRET_REG_CNT_WORKGROUPS), 2 * GROUPS);
	assert_int_equal(rd64(e->c, EGRET_REG_CNT_DISPATCHES), 2);
}

/* A chunk of packets of all kinds, with copies that take many pieces. */
static void copies_and_packets_go_on(void **state)
{
	struct env *e = *state;
	struct chip_random r = { 7 };

	for (unsigned int i = 0; i < 4 * MIB; i += 8)
		atomic_store(chip_word(e->sys, i), chip_random(&r));
	for (unsigned int i = 1; i <= 20; i++) {
		chip_put(&e->copy, pkt_copy(e->sys->va, e->big->va, 4 * MIB));
		chip_put(&e->copy, pkt_fill(e->sys->va, 4 * KIB, i, 8));
		chip_put(&e->copy, pkt_fence(e->data->va + 40 * KIB, i));
		chip_put(&e->wait, pkt_wait(e->data->va + 40 * KIB, i));
		chip_put(&e->wait, pkt_fence(e->data->va + 41 * KIB, i));
	}
	chip_kick(&e->copy);
	chip_kick(&e->wait);
	for (unsigned int i = 0; i < 8; i++)
		move_env(e);
	assert_int_equal(chip_drain(&e->copy), EGRET_Q_STATE_IDLE);
	assert_int_equal(chip_drain(&e->wait), EGRET_Q_STATE_IDLE);
	assert_int_equal(word(e->data, 41 * KIB), 20);
	assert_int_equal(rd64(e->c, EGRET_REG_CNT_PACKETS), 100);
	assert_int_equal(rd64(e->c, EGRET_REG_CNT_HOST_READ), 20 * 4 * MIB);
	/* The last copy came before the last fill. */
	assert_int_equal(word(e->big, 0), 19);
	for (unsigned int i = 4 * KIB; i < 4 * MIB; i += 8)
		assert_int_equal(word(e->big, i), word(e->sys, i));
}

/*
 * A workgroup moves in the middle of an operation, and what the operation adds to is as if
 * it had stayed. From outside one cannot see where in it the operation is; but nothing
 * else takes long here.
 */
static void operations_go_on_elsewhere(void **state)
{
	const uint32_t local = EGRET_LOCAL_SCRATCH + 0x2000;
	struct env *e = *state;
	struct {
		uint64_t told, result;
		uint8_t space[48];
		struct egret_matmul_desc desc;
		struct egret_matmul_step step;
	} args = {
		.told = e->data->va, .result = e->data->va + 8,
		.step = { .op = EGRET_STEP_ADD, .operand = EGRET_STEP_CONST, .value = 0x40a00000 /* 5 */ },
		.desc = {
			.a = local, .b = local, .out = local + 64, .acc = local + 64,
			.m = 1, .n = 1, .k = 1800000, .batch = 1, .steps = 1, .a_type = EGRET_TYPE_S8,
			.b_type = EGRET_TYPE_S8, .out_type = EGRET_TYPE_S32,
			.flags = EGRET_MATMUL_A_TRANS | EGRET_MATMUL_ACC,
		},
	};
	const uint32_t insns[] = {
		LD(A4, A0, 0),
		LD(A5, A0, 8),
		LUI(T2, local >> 12),
		ADDI(T0, ZERO, 3),
		SD(T0, T2, 0),
		SD(T0, T2, 64),
		ADDI(A6, A0, 64),
		ISSUE(EGRET_FUNCT3_MATMUL, A6, ZERO),
		insn_r(0x0800302f, ZERO, A4, T0), /* amoswap.d */
		WAIT(T0),
		LD(T1, T2, 64),
		SD(T1, A5, 0),
		RET,
	};
	union egret_packet p = pkt_dispatch(e->code->va, 1, 1, 1);

	chip_store(e->code, 0, insns, sizeof(insns));
	chip_store(e->args, 0, &args, sizeof(args));
	p.dispatch.args = e->args->va;
	p.dispatch.args_size = sizeof(args);
	chip_put(&e->kernel, p);
	chip_kick(&e->kernel);
	chip_until(word(e->data, 0) == 3);
	for (unsigned int i = 0; i < 3; i++)
		move_env(e);
	assert_int_equal(chip_drain(&e->kernel), EGRET_Q_STATE_IDLE);
	assert_int_equal(word(e->data, 8), 3 + 9 * args.desc.k + 5);
	assert_int_equal(rd64(e->c, EGRET_REG_CNT_MACS), args.desc.k);
}

static void endless_kernels_do_not_hold_up(void **state)
{
	struct env *e = *state;
	uint64_t progress;

	chip_put(&e->kernel, pkt_dispatch(ENDLESS(e), 5, 1, 1));
	chip_kick(&e->kernel);
	for (unsigned int i = 0; i < 3; i++) {
		progress = q64(&e->kernel, EGRET_Q_PROGRESS);
		chip_until(q64(&e->kernel, EGRET_Q_PROGRESS) > progress + 3);
		move_env(e);
	}
	chip_ctrl(&e->kernel, EGRET_Q_CTRL_KILL);
	chip_expect(&e->kernel, EGRET_Q_STATE_DISABLED);
	assert_int_equal(chip_run(&e->wait, pkt_fence(e->data->va, 1)), EGRET_Q_STATE_IDLE);
}

/* Killed while it stood still, in either chip; and a cluster that hangs goes on hanging. */
static void kills_and_hung_clusters_move(void **state)
{
	struct env *e = *state;

	chip_put(&e->kernel, pkt_dispatch(ENDLESS(e), 1, 1, 1));
	chip_kick(&e->kernel);
	chip_until(q64(&e->kernel, EGRET_Q_PROGRESS) > 3);
	egret_model_inject(e->c->m, EGRET_INJECT_CLUSTER_HANG, 0);
	egret_model_inject(e->c->m, EGRET_INJECT_CLUSTER_HANG, 1);
	move_env(e);
	chip_ctrl(&e->kernel, EGRET_Q_CTRL_KILL);
	for (uint64_t end = chip_now() + 100000000; chip_now() < end;)
		assert_int_equal(q32(&e->kernel, EGRET_Q_STATUS), EGRET_Q_STATE_ACTIVE);
	move_env(e);
	/* The watchdog lets go of it, and the kill is done. */
	chip_expect(&e->kernel, EGRET_Q_STATE_DISABLED);
	move_env(e);
	wr32(e->c, EGRET_REG_RESET, EGRET_RESET_ENGINES);
	chip_until(rd32(e->c, EGRET_REG_STATE) & EGRET_STATE_READY);
	chip_queue_free(&e->kernel);
	e->kernel = chip_queue(e->c, 1, CTX, 0);
	assert_int_equal(chip_run(&e->kernel, slow(e)), EGRET_Q_STATE_IDLE);
}

/* What was there before is gone, whatever it was at. */
static void load_replaces_work(void **state)
{
	struct env *e = *state;
	struct stream t;
	struct chip *fresh = chip_new_config(config);

	save(fresh, &t);
	for (unsigned int i = 0; i < 5; i++) {
		struct chip_queue q = chip_queue(e->c, 5, CTX, 0);

		chip_put(&q, pkt_dispatch(ENDLESS(e), 3, 1, 1));
		chip_kick(&q);
		chip_until(q64(&q, EGRET_Q_PROGRESS) > 2);
		load_well(e->c, &t);
		compare(fresh, e->c);
		chip_queue_free(&q);
		/* Tables are still in device memory. */
		wr64(e->c, EGRET_REG_CONTEXT(CTX), e->c->root[CTX]);
		chip_invalidate(e->c, CTX, 0, 0);
	}
	free(t.data);
	chip_free(fresh);
}

/* ---- What is refused ----------------------------------------------------------- */

static void other_chips_are_refused(void **state)
{
	static const struct {
		struct egret_model_config config;
		const char *error;
	} others[] = {
		{ { .clusters = 3, .copy_engines = 1, .queues = 8, .contexts = 8, .serial = 77 },
		  "number of clusters is 2, but here it is 3" },
		{ { .clusters = 2, .copy_engines = 2, .queues = 8, .contexts = 8, .serial = 77 },
		  "number of copy engines is 1, but here it is 2" },
		{ { .clusters = 2, .copy_engines = 1, .queues = 9, .contexts = 8, .serial = 77 },
		  "number of queues is 8, but here it is 9" },
		{ { .clusters = 2, .copy_engines = 1, .queues = 8, .contexts = 7, .serial = 77 },
		  "number of contexts is 8, but here it is 7" },
		{ { .clusters = 2, .copy_engines = 1, .queues = 8, .contexts = 8, .serial = 78 },
		  "serial number is 77, but here it is 78" },
		{ { .clusters = 2, .copy_engines = 1, .queues = 8, .contexts = 8, .serial = 77,
		    .vram_size = 32 * MIB },
		  "device memory in bytes is 67108864, but here it is 33554432" },
	};
	struct env *e = *state;
	struct stream t;

	save(e->c, &t);
	for (unsigned int i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct chip *c = chip_new_config(others[i].config);
		char error[EGRET_MODEL_ERROR];

		assert_int_equal(load(c, &t, error), -EINVAL);
		assert_non_null(strstr(error, others[i].error));
		chip_free(c);
	}
	free(t.data);
}

static void writer_errors_are_told(void **state)
{
	struct env *e = *state;
	struct stream t = { .result = -ENOSPC };
	struct egret_model_writer writer = { stream_write, &t };

	assert_int_equal(egret_model_save(e->c->m, &writer), -ENOSPC);
	free(t.data);
	assert_int_equal(chip_run(&e->wait, pkt_fence(e->data->va, 1)), EGRET_Q_STATE_IDLE);
}

/* A chip in the middle of much, in few bytes. */
static void save_busy(struct env *e, struct stream *t)
{
	chip_put(&e->kernel, slow(e));
	chip_kick(&e->kernel);
	chip_put(&e->copy, pkt_copy(e->sys->va, e->big->va, 4 * MIB));
	chip_put(&e->wait, pkt_wait(e->data->va + 40 * KIB, 5));
	chip_kick(&e->wait);
	chip_until(q64(&e->kernel, EGRET_Q_PROGRESS) > 20);
	chip_kick(&e->copy);
	save(e->c, t);
}

static void assert_reset(struct chip *c, struct chip *fresh)
{
	assert_int_equal(rd32(c, EGRET_REG_STATE), EGRET_STATE_READY);
	assert_int_equal(rd32(c, EGRET_REG_TEST), 0);
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(rd32(c, EGRET_REG_QUEUE(i, EGRET_Q_STATUS)), EGRET_Q_STATE_DISABLED);
		assert_int_equal(rd64(c, EGRET_REG_QUEUE(i, EGRET_Q_RING)), 0);
	}
	if (fresh)
		compare(fresh, c);
}

static void truncated_streams_are_refused(void **state)
{
	struct env *e = *state;
	struct chip *fresh = chip_new_config(config);
	struct chip *c = chip_new_config(config);
	struct stream t;

	wr32(e->c, EGRET_REG_TEST, 5);
	save_busy(e, &t);
	for (size_t size = t.size; size-- > 0;) {
		struct stream cut = { .data = t.data, .size = size };
		char error[EGRET_MODEL_ERROR];

		assert_int_equal(load(c, &cut, error), -EINVAL);
		assert_true(error[0]);
		assert_reset(c, size % 512 ? NULL : fresh);
	}
	load_well(c, &t);
	assert_int_equal(rd32(c, EGRET_REG_TEST), 5);
	free(t.data);
	chip_free(c);
	chip_free(fresh);
}

/* As before, but with a frame that fits what is left: the sections find it. */
static void cut_sections_are_refused(void **state)
{
	struct env *e = *state;
	struct chip *c = chip_new_config(config);
	struct stream t;

	save_busy(e, &t);
	for (size_t size = EGRET_SNAPSHOT_HEADER + EGRET_SNAPSHOT_TRAILER; size < t.size; size++) {
		struct stream cut = { .data = malloc(size), .size = size };
		char error[EGRET_MODEL_ERROR];

		memcpy(cut.data, t.data, size);
		for (unsigned int i = 0; i < 8; i++)
			cut.data[16 + i] = (uint64_t)size >> 8 * i;
		sum_up(&cut);
		assert_int_equal(load(c, &cut, error), -EINVAL);
		assert_true(error[0]);
		assert_reset(c, NULL);
		free(cut.data);
	}
	free(t.data);
	chip_free(c);
}

static void flipped_bits_are_refused(void **state)
{
	struct env *e = *state;
	struct chip *c = chip_new_config(config);
	struct chip_random r = { 3 };
	struct stream t;

	save_busy(e, &t);
	for (unsigned int i = 0; i < 2000; i++) {
		size_t at = chip_below(&r, t.size);
		uint8_t bit = 1u << chip_below(&r, 8);

		t.data[at] ^= bit;
		assert_int_equal(load(c, &t, NULL), -EINVAL);
		assert_reset(c, NULL);
		t.data[at] ^= bit;
	}
	free(t.data);
	chip_free(c);
}

/*
 * Made up with a good sum: whatever it says, the chip neither crashes nor loses a
 * command. What it computes is nonsense, and nobody's business.
 */
static void forged_streams_do_no_harm(void **state)
{
	struct env *e = *state;
	struct chip *c = chip_new_config(config);
	struct chip_random r = { 11 };
	unsigned int loaded = 0, refused = 0;
	struct stream t, forged;

	save_busy(e, &t);
	egret_model_pause(e->c->m);
	memcpy(c->vram, e->c->vram, e->c->vram_used);
	egret_model_resume(e->c->m);
	forged = t;
	forged.data = malloc(t.size);
	for (unsigned int i = 0; i < 3000; i++) {
		unsigned int changes = 1 + chip_below(&r, 3);

		memcpy(forged.data, t.data, t.size);
		while (changes--) {
			size_t at = EGRET_SNAPSHOT_HEADER +
				    chip_below(&r, t.size - EGRET_SNAPSHOT_HEADER - 4);

			forged.data[at] = chip_below(&r, 3) ? chip_random(&r) :
							      chip_below(&r, 3) - 1;
		}
		sum_up(&forged);
		if (load(c, &forged, NULL)) {
			refused++;
			continue;
		}
		loaded++;
		if (loaded % 8)
			continue;
		for (unsigned int q = 0; q < 8; q++)
			wr32(c, EGRET_REG_QUEUE(q, EGRET_Q_CTRL), EGRET_Q_CTRL_KILL);
		for (unsigned int q = 0; q < 8; q++)
			chip_until(rd32(c, EGRET_REG_QUEUE(q, EGRET_Q_STATUS)) ==
				   EGRET_Q_STATE_DISABLED);
	}
	assert_true(loaded > 100 && refused > 100);
	free(forged.data);
	free(t.data);
	chip_free(c);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(registers_survive),
		TEST(queue_states_survive),
		TEST(work_goes_on_elsewhere),
		TEST(copies_and_packets_go_on),
		TEST(operations_go_on_elsewhere),
		TEST(endless_kernels_do_not_hold_up),
		TEST(kills_and_hung_clusters_move),
		TEST(load_replaces_work),
		TEST(other_chips_are_refused),
		TEST(writer_errors_are_told),
		TEST(truncated_streams_are_refused),
		TEST(cut_sections_are_refused),
		TEST(flipped_bits_are_refused),
		TEST(forged_streams_do_no_harm),
	};

	return cmocka_run_group_tests_name("save", tests, NULL, NULL);
}
