// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * DISPATCH: workgroups over clusters, profiles, faults and commands in their middle.
 * What a hart does by itself is tested in test_hart.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "chip.h"
#include "rig.h"
#include "tile.h"

#define CTX	4

struct env {
	struct chip *c;
	struct chip_queue q;
	struct chip_buffer *code;
	struct chip_buffer *data;
	struct chip_buffer *args;
};

static struct env *make_env_threads(unsigned int clusters, unsigned int threads)
{
	struct env *e = calloc(1, sizeof(*e));

	e->c = chip_new_config((struct egret_model_config) {
		.clusters = clusters, .queues = 32, .contexts = 32, .threads = threads,
	});
	e->q = chip_queue(e->c, 1, CTX, 0);
	e->code = chip_buffer(e->c, CTX, CHIP_VRAM, 16 * KIB);
	e->data = chip_buffer(e->c, CTX, CHIP_VRAM, 256 * KIB);
	e->args = chip_buffer(e->c, CTX, CHIP_VRAM, 8 * KIB);
	return e;
}

static struct env *make_env(unsigned int clusters)
{
	return make_env_threads(clusters, 0);
}

static void free_env(struct env *e)
{
	chip_queue_free(&e->q);
	free(e->code);
	free(e->data);
	free(e->args);
	chip_free(e->c);
	free(e);
}

static int setup(void **state)
{
	*state = make_env(4);
	return 0;
}

static int teardown(void **state)
{
	free_env(*state);
	return 0;
}

static uint64_t word(struct chip_buffer *b, uint64_t offset)
{
	return atomic_load(chip_word(b, offset));
}

/* ---- Kernels ----------------------------------------------------------------------- */

#define MUL(rd, rs1, rs2)	insn_r(0x02000033, rd, rs1, rs2)
#define BNE(rs1, rs2, offset)	insn_b(0x1063, rs1, rs2, offset)
#define AMOADD(rd, rs1, rs2)	insn_r(0x0000302f, rd, rs1, rs2)
#define JUMP_SELF		0x0000006fu

static uint64_t put_code(struct env *e, unsigned int slot, const uint32_t *insns, size_t size)
{
	chip_store(e->code, slot * 512, insns, size);
	return e->code->va + slot * 512;
}

#define PUT_CODE(e, slot, ...) \
	put_code(e, slot, (const uint32_t[]) { __VA_ARGS__ }, \
		 sizeof((const uint32_t[]) { __VA_ARGS__ }))

/*
 * data[index] += x | y << 16 | z << 32 | 1 << 48, with index counted over the grid and
 * arguments { data }: so that each word tells who wrote it, and how often.
 */
static uint64_t mark_kernel(struct env *e)
{
	return PUT_CODE(e, 0,
		LD(A4, A0, 0),
		CSRR(T0, EGRET_CSR_GRID_X),
		CSRR(T1, EGRET_CSR_GRID_Y),
		MUL(T1, T1, A3),
		ADD(T1, T1, A2),
		MUL(T1, T1, T0),
		ADD(T1, T1, A1),
		SLLI(T1, T1, 3),
		ADD(A4, A4, T1),
		SLLI(A2, A2, 16),
		SLLI(A3, A3, 32),
		ADDI(A5, ZERO, 1),
		SLLI(A5, A5, 48),
		ADD(A5, A5, A1),
		ADD(A5, A5, A2),
		ADD(A5, A5, A3),
		LD(T2, A4, 0),
		ADD(A5, A5, T2),
		SD(A5, A4, 0),
		RET);
}

/* Counts x << 4 + 16 down: workgroups of many different lengths. */
static uint64_t count_kernel(struct env *e)
{
	return PUT_CODE(e, 1,
		SLLI(T0, A1, 4),
		ADDI(T0, T0, 16),
		ADDI(T0, T0, -1),
		BNE(T0, ZERO, -4),
		RET);
}

static uint64_t endless_kernel(struct env *e)
{
	return PUT_CODE(e, 2, JUMP_SELF);
}

/* The workgroup with x = 5 gives up, the others end. */
static uint64_t abort_kernel(struct env *e)
{
	return PUT_CODE(e, 3,
		ADDI(T0, ZERO, 5),
		BNE(A1, T0, 12),
		ADDI(A0, ZERO, 77),
		EBREAK,
		RET);
}

static union egret_packet with_args(struct env *e, union egret_packet p, const void *args,
				    uint32_t size)
{
	chip_store(e->args, 0, args, size);
	p.dispatch.args = e->args->va;
	p.dispatch.args_size = size;
	return p;
}

static union egret_packet mark(struct env *e, uint32_t x, uint32_t y, uint32_t z)
{
	return with_args(e, pkt_dispatch(mark_kernel(e), x, y, z), &e->data->va, 8);
}

/* ---- What is run ------------------------------------------------------------------------ */

static void each_workgroup_runs_once(void **state)
{
	static const uint32_t grids[][3] = {
		{ 1, 1, 1 }, { 7, 1, 1 }, { 1, 9, 1 }, { 1, 1, 5 }, { 7, 5, 3 },
		{ 3000, 1, 1 }, { 13, 17, 19 },
	};
	struct env *e = *state;
	uint64_t all = 0;

	for (unsigned int g = 0; g < sizeof(grids) / sizeof(grids[0]); g++) {
		uint32_t nx = grids[g][0], ny = grids[g][1], nz = grids[g][2];

		chip_run(&e->q, pkt_fill(e->data->va, e->data->size, 0, 8));
		assert_int_equal(chip_run(&e->q, mark(e, nx, ny, nz)), EGRET_Q_STATE_IDLE);
		for (uint64_t i = 0; i < e->data->size / 8; i++) {
			uint64_t want = 0;

			if (i < (uint64_t)nx * ny * nz)
				want = 1ull << 48 | i / nx / ny << 32 | i / nx % ny << 16 | i % nx;
			if (word(e->data, 8 * i) != want)
				fail_msg("grid %u: word %llu is %llx", g, (unsigned long long)i,
					 (unsigned long long)word(e->data, 8 * i));
		}
		all += (uint64_t)nx * ny * nz;
	}
	assert_int_equal(rd64(e->c, EGRET_REG_CNT_WORKGROUPS), all);
	assert_int_equal(rd64(e->c, EGRET_REG_CNT_DISPATCHES), sizeof(grids) / sizeof(grids[0]));
	assert_int_equal(rd64(e->c, EGRET_REG_CNT_INSTRUCTIONS), all * 20);
}

/* Every byte of the largest arguments arrives in every workgroup. */
static void arguments_are_copied(void **state)
{
	struct env *e = *state;
	struct chip_random r = { 5 };
	uint64_t args[EGRET_ARGS_SIZE_MAX / 8];
	uint64_t entry;

	chip_random_bytes(&r, args, sizeof(args));
	args[0] = e->data->va;
	/* data[512 x ...] = the arguments, word by word; and spoils them afterwards. */
	entry = PUT_CODE(e, 4,
		LD(A4, A0, 0),
		SLLI(T0, A1, 12),
		ADD(A4, A4, T0),
		ADDI(T1, ZERO, 512),
		LD(T2, A0, 0),
		SD(T2, A4, 0),
		SD(ZERO, A0, 0),
		ADDI(A0, A0, 8),
		ADDI(A4, A4, 8),
		ADDI(T1, T1, -1),
		BNE(T1, ZERO, -24),
		RET);
	assert_int_equal(chip_run(&e->q, with_args(e, pkt_dispatch(entry, 20, 1, 1), args,
						   sizeof(args))), EGRET_Q_STATE_IDLE);
	for (unsigned int g = 0; g < 20; g++)
		for (unsigned int i = 0; i < 512; i++)
			assert_int_equal(word(e->data, g * 4096 + i * 8), args[i]);
}

/* ---- Trace ------------------------------------------------------------------------------ */

struct seen {
	const char *what;
	int queue;
	uint64_t a, b, c;
	atomic_uint count;
};

/* Count the events that look as they should. */
static void look_at_trace(struct chip *c, const struct egret_trace *event)
{
	for (struct seen *s = c->user; s->what; s++)
		if (!strcmp(s->what, event->what) && s->queue == event->queue &&
		    s->a == event->a && (s->b == event->b || s->b == UINT64_MAX) &&
		    (s->c == event->c || s->c == UINT64_MAX))
			atomic_fetch_add(&s->count, 1);
}

static void events_are_traced(void **state)
{
	struct env *e = *state;
	uint64_t entry = mark_kernel(e);
	union egret_packet p = mark(e, 3, 1, 1);
	enum { ANY = -1 };
	struct seen seen[] = {
		{ "packet", 1, EGRET_OP_DISPATCH, e->q.ring->va, 0, 0 },
		{ "packet", 1, EGRET_OP_FENCE, e->q.ring->va + 64, 1, 0 },
		{ "dispatch", 1, 3, entry, 55, 0 },
		{ "group", 1, 0, ANY, ANY, 0 },
		{ "group", 1, 1, ANY, ANY, 0 },
		{ "group", 1, 2, ANY, ANY, 0 },
		{ "interrupt", -1, 2, 0, 0, 0 },
		{ "fault", 1, EGRET_FAULT_PKT_OPCODE, 0, e->q.ring->va + 128, 0 },
		{ "invalidate", -1, CTX, 0x123000, 0x5000, 0 },
		{ "reset", -1, 1, 1, ANY, 0 },
		{ .what = NULL },
	};

	e->c->user = seen;
	e->c->on_trace = look_at_trace;
	p.dispatch.cookie = 55;
	chip_put(&e->q, p);
	chip_put(&e->q, pkt_fence_irq(e->data->va, 1));
	chip_put(&e->q, pkt(0x99));
	chip_kick(&e->q);
	chip_expect(&e->q, EGRET_Q_STATE_FAULTED);
	chip_invalidate(e->c, CTX, 0x123000, 0x5000);
	wr32(e->c, EGRET_REG_RESET, EGRET_RESET_ENGINES);
	chip_until(rd32(e->c, EGRET_REG_STATE) & EGRET_STATE_READY);
	for (struct seen *s = seen; s->what; s++) {
		chip_until(atomic_load(&s->count));
		assert_int_equal(atomic_load(&s->count), 1);
	}
	e->c->on_trace = NULL;
}

/* ---- Modelled time ------------------------------------------------------------------------- */

static struct egret_profile run_profiled(struct env *e, union egret_packet p)
{
	struct egret_profile profile;

	memset(&profile, 0x55, sizeof(profile));
	chip_store(e->args, 4096 + 8, &profile, sizeof(profile));
	p.dispatch.profile = e->args->va + 4096 + 8;
	assert_int_equal(chip_run(&e->q, p), EGRET_Q_STATE_IDLE);
	chip_load(e->args, 4096 + 8, &profile, sizeof(profile));
	return profile;
}

static void profiles_tell_what_was_done(void **state)
{
	struct env *e = *state;
	uint64_t busy = q64(&e->q, EGRET_Q_BUSY_CYCLES);
	struct egret_profile p = run_profiled(e, mark(e, 100, 1, 1));
	uint64_t each = p.hart_cycles / 100;

	assert_int_equal(p.start, busy);
	assert_int_equal(p.workgroups, 100);
	assert_int_equal(p.instructions, 2000);
	assert_int_equal(p.macs, 0);
	assert_int_equal(p.tile_wait + p.dma_wait + p.tile_busy + p.dma_busy, 0);
	assert_int_equal(p.vram_read, 800);
	assert_int_equal(p.vram_write, 800);
	assert_int_equal(p.host_read + p.host_write, 0);
	assert_int_equal(p.reserved[0] | p.reserved[1], 0);
	/* All are alike: 25 on each of 4 clusters, 60 cycles to start each. */
	assert_int_equal(p.hart_cycles % 100, 0);
	assert_int_equal(p.cycles, 25 * (60 + each));
	assert_int_equal(q64(&e->q, EGRET_Q_BUSY_CYCLES) - busy, p.cycles + 64 + 400);
}

/* What the schedule must come to, from the lengths of the workgroups. */
static uint64_t makespan(const uint64_t *lengths, unsigned int n, unsigned int clusters)
{
	uint64_t free_at[EGRET_MAX_CLUSTERS] = { 0 };
	uint64_t last = 0;

	for (unsigned int i = 0; i < n; i++) {
		unsigned int c = 0;

		for (unsigned int k = 1; k < clusters; k++)
			if (free_at[k] < free_at[c])
				c = k;
		free_at[c] += 60 + lengths[i];
		if (free_at[c] > last)
			last = free_at[c];
	}
	return last;
}

static void cycles_do_not_depend_on_the_host(void **state)
{
	static const unsigned int counts[] = { 1, 2, 3, 4, 7, 16 };
	uint64_t lengths[300];
	enum { N = 300 };

	(void)state;
	for (unsigned int k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
		struct env *e = make_env(counts[k]);
		struct chip_queue other = chip_queue(e->c, 2, CTX, 0);
		uint64_t entry = count_kernel(e), sum = 0;

		/* Lengths grow by the same step from one workgroup to the next. */
		lengths[0] = run_profiled(e, pkt_dispatch(entry, 1, 1, 1)).hart_cycles;
		lengths[1] = run_profiled(e, pkt_dispatch(entry, 2, 1, 1)).hart_cycles - lengths[0];
		for (unsigned int i = 2; i < N; i++)
			lengths[i] = lengths[i - 1] + lengths[1] - lengths[0];
		for (unsigned int i = 0; i < N; i++)
			sum += lengths[i];
		for (unsigned int i = 0; i < 5; i++) {
			struct egret_profile p;

			/* Another queue disturbs, on the same clusters. */
			chip_put(&other, pkt_dispatch(entry, 50 + i, 3, 1));
			chip_kick(&other);
			p = run_profiled(e, pkt_dispatch(entry, N, 1, 1));
			assert_int_equal(p.hart_cycles, sum);
			assert_int_equal(p.cycles, makespan(lengths, N, counts[k]));
		}
		assert_int_equal(chip_drain(&other), EGRET_Q_STATE_IDLE);
		chip_queue_free(&other);
		free_env(e);
	}
}

static void cluster_registers_add_up(void **state)
{
	struct env *e = *state;
	struct egret_profile p = run_profiled(e, pkt_dispatch(count_kernel(e), 101, 3, 1));
	uint64_t busy = 0, instructions = 0;

	for (unsigned int c = 0; c < 4; c++) {
		busy += rd64(e->c, EGRET_REG_CLUSTER(c, EGRET_CL_BUSY));
		instructions += rd64(e->c, EGRET_REG_CLUSTER(c, EGRET_CL_INSTRUCTIONS));
		assert_in_range(rd64(e->c, EGRET_REG_CLUSTER(c, EGRET_CL_BUSY)), 1, p.cycles);
		assert_int_equal(rd32(e->c, EGRET_REG_CLUSTER(c, EGRET_CL_STATUS)), 0);
		assert_int_equal(rd32(e->c, EGRET_REG_CLUSTER(c, EGRET_CL_QUEUE)) |
				 e->q.id, e->q.id);
	}
	assert_int_equal(busy, p.hart_cycles + 303 * 60);
	assert_int_equal(instructions, p.instructions);
	assert_int_equal(rd64(e->c, EGRET_REG_CNT_INSTRUCTIONS), p.instructions);
}

/* ---- Faults ------------------------------------------------------------------------------------ */

static void a_workgroup_faults(void **state)
{
	struct env *e = *state;
	struct chip_queue other = chip_queue(e->c, 2, CTX, 0);
	uint64_t entry = abort_kernel(e);
	union egret_packet p = pkt_dispatch(entry, 10, 1, 1);
	uint32_t info;

	chip_put(&other, pkt_dispatch(count_kernel(e), 500, 1, 1));
	chip_put(&other, pkt_fence(e->data->va, 1));
	chip_kick(&other);
	p.dispatch.cookie = 0x1122334455667788;
	p.dispatch.profile = e->args->va;
	atomic_store(chip_word(e->args, 0), 42);
	chip_put(&e->q, pkt(EGRET_OP_NOP));
	chip_put(&e->q, p);
	chip_put(&e->q, pkt_fence(e->data->va + 8, 1));
	chip_kick(&e->q);
	chip_expect(&e->q, EGRET_Q_STATE_FAULTED);
	info = q32(&e->q, EGRET_Q_FAULT_INFO);
	assert_int_equal(q32(&e->q, EGRET_Q_FAULT_CODE), EGRET_FAULT_ABORT);
	assert_int_equal(q32(&e->q, EGRET_Q_FAULT_VALUE), 77);
	assert_int_equal(q64(&e->q, EGRET_Q_FAULT_PC), entry + 12);
	assert_int_equal(q64(&e->q, EGRET_Q_FAULT_PACKET), 1);
	assert_int_equal(q64(&e->q, EGRET_Q_FAULT_COOKIE), 0x1122334455667788);
	assert_int_equal(q32(&e->q, EGRET_Q_FAULT_GROUP_X), 5);
	assert_int_equal(q32(&e->q, EGRET_Q_FAULT_GROUP_Y), 0);
	assert_int_equal(q32(&e->q, EGRET_Q_FAULT_GROUP_Z), 0);
	assert_int_equal(info & EGRET_FAULT_INFO_UNIT_MASK, EGRET_UNIT_HART);
	/* All are alike, so the sixth has the second cluster. */
	assert_int_equal((info & EGRET_FAULT_INFO_INDEX_MASK) >> 4, 1);
	chip_until(atomic_load(&e->c->interrupts[EGRET_VECTOR_FAULT]) == 1);
	/* Nobody else notices; no profile, no fence. */
	assert_int_equal(chip_drain(&other), EGRET_Q_STATE_IDLE);
	assert_int_equal(word(e->data, 0), 1);
	assert_int_equal(word(e->data, 8), 0);
	assert_int_equal(word(e->args, 0), 42);
	chip_queue_free(&other);
}

/* ---- Several faults at once ---- */

#define CROWD	64

/* What a workgroup does: counts down, then ends or gives up. */
struct part {
	uint64_t count;
	uint64_t then;		/* 0: ends, and writes PART_DONE here; 1: gives up */
};
#define PART_DONE	3

static uint64_t part_kernel(struct env *e)
{
	return PUT_CODE(e, 6,
		LD(A4, A0, 0),
		SLLI(T0, A1, 4),
		ADD(A4, A4, T0),
		LD(T1, A4, 0),
		LD(T2, A4, 8),
		ADDI(T1, T1, -1),
		BNE(T1, ZERO, -4),
		BNE(T2, ZERO, 16),
		ADDI(T2, ZERO, PART_DONE),
		SD(T2, A4, 8),
		RET,
		ADD(A0, A1, ZERO),
		EBREAK);
}

/* Those that give up sooner are often behind those that give up later. Returns the foremost. */
static unsigned int make_crowd(struct part *parts, struct chip_random *r)
{
	unsigned int foremost = 1 + chip_below(r, CROWD / 2);

	for (unsigned int i = 0; i < CROWD; i++)
		parts[i] = (struct part) {
			.count = 1 + chip_below(r, chip_below(r, 4) ? 100 : 60000),
			.then = i == foremost || (i > foremost && chip_below(r, 2)),
		};
	parts[foremost].count += 30000;
	return foremost;
}

/* All that the registers tell of a fault. */
struct record {
	uint32_t code, info, value, group[3];
	uint64_t addr, pc, packet, cookie, head, workgroups, instructions;
};

static struct record read_record(struct env *e)
{
	struct record r;

	memset(&r, 0, sizeof(r));
	r.code = q32(&e->q, EGRET_Q_FAULT_CODE);
	r.info = q32(&e->q, EGRET_Q_FAULT_INFO);
	r.value = q32(&e->q, EGRET_Q_FAULT_VALUE);
	r.group[0] = q32(&e->q, EGRET_Q_FAULT_GROUP_X);
	r.group[1] = q32(&e->q, EGRET_Q_FAULT_GROUP_Y);
	r.group[2] = q32(&e->q, EGRET_Q_FAULT_GROUP_Z);
	r.addr = q64(&e->q, EGRET_Q_FAULT_ADDR);
	r.pc = q64(&e->q, EGRET_Q_FAULT_PC);
	r.packet = q64(&e->q, EGRET_Q_FAULT_PACKET);
	r.cookie = q64(&e->q, EGRET_Q_FAULT_COOKIE);
	r.head = q64(&e->q, EGRET_Q_HEAD);
	r.workgroups = rd64(e->c, EGRET_REG_CNT_WORKGROUPS);
	r.instructions = rd64(e->c, EGRET_REG_CNT_INSTRUCTIONS);
	return r;
}

static void check_crowd(struct env *e, const struct part *parts, unsigned int foremost)
{
	for (unsigned int i = 0; i < foremost; i++)
		if (word(e->data, 16 * i + 8) != PART_DONE)
			fail_msg("workgroup %u has not ended, %u faulted", i, foremost);
	for (unsigned int i = foremost; i < CROWD; i++)
		if (word(e->data, 16 * i + 8) != parts[i].then)
			assert_int_equal(word(e->data, 16 * i + 8), PART_DONE);
}

static struct record crowd(unsigned int clusters, unsigned int threads, unsigned int round)
{
	struct env *e = make_env_threads(clusters, threads);
	struct chip_random random = { 100 + round };
	union egret_packet p = pkt_dispatch(part_kernel(e), CROWD, 1, 1);
	struct part parts[CROWD];
	unsigned int foremost = make_crowd(parts, &random);
	struct record r;

	chip_store(e->data, 0, parts, sizeof(parts));
	p.dispatch.cookie = 7;
	chip_put(&e->q, with_args(e, p, &e->data->va, 8));
	chip_kick(&e->q);
	chip_expect(&e->q, EGRET_Q_STATE_FAULTED);
	r = read_record(e);
	assert_int_equal(r.group[0], foremost);
	assert_int_equal(r.value, foremost);
	assert_int_equal(r.workgroups, foremost);
	check_crowd(e, parts, foremost);
	for (unsigned int c = 0; c < clusters; c++)
		assert_int_equal(rd32(e->c, EGRET_REG_CLUSTER(c, EGRET_CL_STATUS)), 0);
	free_env(e);
	return r;
}

/* Whoever was first: the record is the same to the last bit. */
static void the_foremost_fault_is_recorded(void **state)
{
	static const unsigned int counts[] = { 1, 2, 4, 8 };

	(void)state;
	for (unsigned int k = 0; k < sizeof(counts) / sizeof(counts[0]); k++)
		for (unsigned int round = 0; round < 8; round++) {
			struct record first = crowd(counts[k], 1, round);

			for (unsigned int threads = 0; threads <= counts[k]; threads++) {
				struct record r = crowd(counts[k], threads, round);

				assert_memory_equal(&r, &first, sizeof(r));
			}
		}
}

/* A fault stops workgroups that would never end. */
static void a_fault_ends_the_others(void **state)
{
	struct env *e = *state;
	uint64_t entry = PUT_CODE(e, 5,
		ADDI(T0, ZERO, 2),
		BNE(A1, T0, 8),
		EBREAK,
		JUMP_SELF);

	for (unsigned int i = 0; i < 2; i++) {
		chip_put(&e->q, pkt_dispatch(entry, 1000, 1, 1));
		chip_kick(&e->q);
		chip_expect(&e->q, EGRET_Q_STATE_FAULTED);
		assert_int_equal(q32(&e->q, EGRET_Q_FAULT_CODE), EGRET_FAULT_ABORT);
		assert_int_equal(q32(&e->q, EGRET_Q_FAULT_GROUP_X), 2);
		for (unsigned int c = 0; c < 4; c++)
			assert_int_equal(rd32(e->c, EGRET_REG_CLUSTER(c, EGRET_CL_STATUS)), 0);
		chip_ctrl(&e->q, EGRET_Q_CTRL_KILL);
		chip_ctrl(&e->q, EGRET_Q_CTRL_ENABLE);
		e->q.tail = 0;
	}
}

static void memory_faults_of_a_dispatch(void **state)
{
	struct env *e = *state;
	uint64_t entry = count_kernel(e);
	uint64_t page = chip_alloc(e->c, CHIP_VRAM, 4096, 4096);
	struct chip_queue super = chip_queue(e->c, 3, CTX, EGRET_Q_CONFIG_SUPERVISOR);
	uint64_t va = 0x500000000000;
	union egret_packet p;

	/* Arguments and profile are the command processor's. */
	p = pkt_dispatch(entry, 1, 1, 1);
	p.dispatch.args = e->args->va + e->args->size - 8;
	p.dispatch.args_size = 16;
	chip_run(&e->q, p);
	chip_expect(&e->q, EGRET_Q_STATE_FAULTED);
	assert_int_equal(q32(&e->q, EGRET_Q_FAULT_CODE), EGRET_FAULT_MMU_UNMAPPED);
	assert_int_equal(q64(&e->q, EGRET_Q_FAULT_ADDR), e->args->va + e->args->size);
	assert_int_equal(q32(&e->q, EGRET_Q_FAULT_INFO), EGRET_UNIT_CP);
	assert_int_equal(q64(&e->q, EGRET_Q_FAULT_PC), e->q.ring->va);
	chip_ctrl(&e->q, EGRET_Q_CTRL_KILL);
	chip_ctrl(&e->q, EGRET_Q_CTRL_ENABLE);
	e->q.tail = 0;
	p = pkt_dispatch(entry, 1, 1, 1);
	p.dispatch.profile = e->args->va + e->args->size;
	p.dispatch.cookie = 9;
	chip_run(&e->q, p);
	chip_expect(&e->q, EGRET_Q_STATE_FAULTED);
	assert_int_equal(q32(&e->q, EGRET_Q_FAULT_CODE), EGRET_FAULT_MMU_UNMAPPED);
	assert_int_equal(q32(&e->q, EGRET_Q_FAULT_INFO), EGRET_UNIT_CP | EGRET_ACCESS_WRITE << 12);
	assert_int_equal(q64(&e->q, EGRET_Q_FAULT_COOKIE), 9);
	/* A supervisor page is for the packet, not for its workgroups. */
	chip_map(e->c, CTX, va, page, 4096, CHIP_RWX | EGRET_PTE_SUPERVISOR);
	p = pkt_dispatch(entry, 1, 1, 1);
	p.dispatch.args = va;
	p.dispatch.args_size = 8;
	p.dispatch.profile = va;
	assert_int_equal(chip_run(&super, p), EGRET_Q_STATE_IDLE);
	chip_run(&super, pkt_dispatch(va, 1, 1, 1));
	chip_expect(&super, EGRET_Q_STATE_FAULTED);
	assert_int_equal(q32(&super, EGRET_Q_FAULT_CODE), EGRET_FAULT_MMU_PERMISSION);
	assert_int_equal(q64(&super, EGRET_Q_FAULT_ADDR), va);
	assert_int_equal(q64(&super, EGRET_Q_FAULT_PC), va);
	assert_int_equal((q32(&super, EGRET_Q_FAULT_INFO) & EGRET_FAULT_INFO_ACCESS_MASK) >> 12,
			 EGRET_ACCESS_EXEC);
	chip_queue_free(&super);
}

/* ---- Commands in the middle ----------------------------------------------------------------------- */

static void kill_inside_a_workgroup(void **state)
{
	struct env *e = *state;
	struct chip_queue other = chip_queue(e->c, 2, CTX, 0);
	uint64_t entry = endless_kernel(e);

	for (unsigned int i = 1; i <= 10; i++) {
		uint64_t progress;

		chip_put(&e->q, pkt_dispatch(entry, 2, 1, 1));
		chip_kick(&e->q);
		chip_until(q64(&e->q, EGRET_Q_PROGRESS) > 2);
		/* Others use the clusters that are left. */
		assert_int_equal(chip_run(&other, pkt_dispatch(count_kernel(e), 40, 1, 1)),
				 EGRET_Q_STATE_IDLE);
		chip_ctrl(&e->q, EGRET_Q_CTRL_STOP);
		assert_int_equal(q32(&e->q, EGRET_Q_STATUS), EGRET_Q_STATE_ACTIVE);
		chip_ctrl(&e->q, EGRET_Q_CTRL_KILL);
		chip_expect(&e->q, EGRET_Q_STATE_DISABLED);
		progress = q64(&e->q, EGRET_Q_PROGRESS);
		assert_int_equal(egret_model_wait_idle(e->c->m, 10000000000), 0);
		assert_int_equal(q64(&e->q, EGRET_Q_PROGRESS), progress);
		assert_int_equal(q32(&e->q, EGRET_Q_FAULT_CODE), 0);
		chip_ctrl(&e->q, EGRET_Q_CTRL_ENABLE);
		e->q.tail = 0;
	}
	assert_int_equal(rd64(e->c, EGRET_REG_CNT_FAULTS), 0);
	chip_queue_free(&other);
}

/*
 * Issues the operation that its arguments describe as often as the unit takes it, tells that
 * it did, and waits, again and again.
 */
static uint64_t operation_kernel(struct env *e, unsigned int funct3)
{
	return PUT_CODE(e, 9 + funct3,
		LD(A4, A0, 256),
		ADDI(T1, ZERO, 30),
		ISSUE(funct3, A0, ZERO),
		ADDI(T1, T1, -1),
		BNE(T1, ZERO, -8),
		ADDI(T0, ZERO, 1),
		AMOADD(ZERO, A4, T0),
		WAIT(T0),
		insn_j(ZERO, -28));
}

static int write_nowhere(void *opaque, const void *data, size_t size)
{
	(void)opaque;
	(void)data;
	(void)size;
	return 0;
}

static unsigned int busy_and_hung(struct chip *c)
{
	const uint32_t both = EGRET_CL_STATUS_BUSY | EGRET_CL_STATUS_HUNG;
	unsigned int n = 0;

	for (unsigned int i = 0; i < 4; i++)
		n += (rd32(c, EGRET_REG_CLUSTER(i, EGRET_CL_STATUS)) & both) == both;
	return n;
}

/* Operations as long as there are any: 30 of the first take longer than a test waits. */
struct long_operation {
	unsigned int funct3;
	union egret_desc desc;
};

#define OPERATIONS	7

static void make_operations(const struct env *e, struct long_operation *operations)
{
	const uint32_t local = EGRET_LOCAL_SCRATCH + 4096;
	const struct long_operation all[OPERATIONS] = {
		{ EGRET_FUNCT3_MATMUL, { .matmul = {
			.a = local, .b = local, .out = local + 64, .m = 1, .n = 1, .k = 1,
			.batch = 0xffffffff, .a_type = EGRET_TYPE_F32, .b_type = EGRET_TYPE_F32,
			.out_type = EGRET_TYPE_F32 } } },
		{ EGRET_FUNCT3_MATMUL, { .matmul = {
			.a = local, .b = local, .out = local + 64, .m = 1, .n = 1, .k = 0xffffffff,
			.batch = 1, .a_type = EGRET_TYPE_F32, .b_type = EGRET_TYPE_F32,
			.out_type = EGRET_TYPE_F32, .flags = EGRET_MATMUL_A_TRANS } } },
		{ EGRET_FUNCT3_MATMUL, { .matmul = {
			.a = local, .b = local, .out = local + 65536, .m = 64, .n = 64, .k = 64,
			.batch = 16384, .a_type = EGRET_TYPE_S8, .b_type = EGRET_TYPE_U8,
			.out_type = EGRET_TYPE_F16, .act = EGRET_ACT_GELU,
			.flags = EGRET_MATMUL_A_TRANS } } },
		{ EGRET_FUNCT3_MAP, { .map = {
			.op = EGRET_MAP_EXP, .out_type = EGRET_TYPE_F32, .a_type = EGRET_TYPE_F32,
			.dims = { 4096, 4096, 1, 1, 1 }, .out = local, .a = local + 65536,
			.out_stride = { 4 }, .a_stride = { 4 } } } },
		{ EGRET_FUNCT3_REDUCE, { .reduce = {
			.op = EGRET_REDUCE_SUMSQ, .in_type = EGRET_TYPE_F32,
			.out_type = EGRET_TYPE_F32, .reduced = 2, .dims = { 4096, 4096, 1, 1, 1 },
			.in = local, .out = local + 65536, .in_stride = { 4 } } } },
		{ EGRET_FUNCT3_QUANT, { .quant = {
			.rows = 4096, .cols = 4096, .plain = local, .block = local + 65536,
			.scale = local + 131072, .block_step = 32, .scale_step = 4,
			.plain_type = EGRET_TYPE_F32, .block_type = EGRET_TYPE_S8,
			.scale_type = EGRET_TYPE_F32 } } },
		{ EGRET_FUNCT3_DMA, { .dma = {
			.local = local, .global = e->data->va, .element = 1,
			.loop = { { .count = 4096, .local_stride = 2, .global_stride = 2,
				    .axis = EGRET_DMA_NO_AXIS },
				  { .count = 4096, .axis = EGRET_DMA_NO_AXIS },
				  { .count = 1, .axis = EGRET_DMA_NO_AXIS },
				  { .count = 1, .axis = EGRET_DMA_NO_AXIS },
				  { .count = 1, .axis = EGRET_DMA_NO_AXIS } } } } },
	};

	memcpy(operations, all, sizeof(all));
}

/* Returns when the kernel is about to wait for it. */
static void start_operation(struct env *e, const struct long_operation *op)
{
	union egret_packet p = pkt_dispatch(operation_kernel(e, op->funct3), 1, 1, 1);
	const uint64_t told = e->data->va + 64 * KIB;

	chip_store(e->args, 0, &op->desc, sizeof(op->desc));
	chip_store(e->args, 256, &told, sizeof(told));
	atomic_store(chip_word(e->data, 64 * KIB), 0);
	p.dispatch.args = e->args->va;
	p.dispatch.args_size = 264;
	chip_put(&e->q, p);
	chip_kick(&e->q);
	chip_until(word(e->data, 64 * KIB) || q32(&e->q, EGRET_Q_FAULT_CODE));
	assert_int_equal(q32(&e->q, EGRET_Q_FAULT_CODE), 0);
}

static void kill_operation(struct env *e)
{
	chip_ctrl(&e->q, EGRET_Q_CTRL_KILL);
	chip_expect(&e->q, EGRET_Q_STATE_DISABLED);
	assert_int_equal(q32(&e->q, EGRET_Q_FAULT_CODE), 0);
	chip_ctrl(&e->q, EGRET_Q_CTRL_ENABLE);
	e->q.tail = 0;
}

static void kill_inside_an_operation(void **state)
{
	struct env *e = *state;
	struct long_operation operations[OPERATIONS];

	make_operations(e, operations);
	for (unsigned int i = 0; i < OPERATIONS; i++) {
		start_operation(e, &operations[i]);
		kill_operation(e);
	}
	/* The clusters are as good as before. */
	assert_int_equal(chip_run(&e->q, pkt_dispatch(count_kernel(e), 40, 1, 1)), EGRET_Q_STATE_IDLE);
	assert_int_equal(rd64(e->c, EGRET_REG_CNT_FAULTS), 0);
}

/* Nobody waits for the end of one: who invalidates, pauses, saves, or makes a cluster hang. */
static void operations_hold_nobody_up(void **state)
{
	struct env *e = *state;
	struct long_operation operations[OPERATIONS];
	struct egret_model_writer writer = { .write = write_nowhere };

	make_operations(e, operations);
	for (unsigned int i = 0; i < OPERATIONS; i++) {
		start_operation(e, &operations[i]);
		chip_invalidate(e->c, CTX, 0, 0);
		chip_invalidate(e->c, CTX + 1, e->data->va, 4096);
		for (unsigned int n = 0; n < 3; n++) {
			egret_model_pause(e->c->m);
			assert_int_equal(egret_model_save(e->c->m, &writer), 0);
			egret_model_resume(e->c->m);
			chip_invalidate(e->c, CTX, 0, 0);
		}
		kill_operation(e);
	}
	start_operation(e, &operations[0]);
	for (unsigned int c = 0; c < 4; c++)
		egret_model_inject(e->c->m, EGRET_INJECT_CLUSTER_HANG, c);
	chip_until(busy_and_hung(e->c) == 1);
	wr32(e->c, EGRET_REG_RESET, EGRET_RESET_ENGINES);
	chip_until(rd32(e->c, EGRET_REG_STATE) & EGRET_STATE_READY);
}

/* A workgroup that faults lets go of those behind it, whatever they are at. */
static void a_fault_ends_operations(void **state)
{
	struct env *e = *state;
	struct long_operation operations[OPERATIONS];
	union egret_packet p;

	make_operations(e, operations);
	p = pkt_dispatch(PUT_CODE(e, 20,
		/* group 0 waits until another one is about to */
		LD(A4, A0, 256),
		BNE(A1, ZERO, 16),
		AMOADD(T0, A4, ZERO),
		insn_b(0x63, T0, ZERO, -4),
		EBREAK,
		ISSUE(EGRET_FUNCT3_MATMUL, A0, ZERO),
		ADDI(T0, ZERO, 1),
		AMOADD(ZERO, A4, T0),
		WAIT(T0),
		RET), 3, 1, 1);
	chip_store(e->args, 0, &operations[0].desc, sizeof(operations[0].desc));
	atomic_store(chip_word(e->args, 256), e->data->va + 64 * KIB);
	p.dispatch.args = e->args->va;
	p.dispatch.args_size = 264;
	chip_run(&e->q, p);
	chip_expect(&e->q, EGRET_Q_STATE_FAULTED);
	assert_int_equal(q32(&e->q, EGRET_Q_FAULT_CODE), EGRET_FAULT_ABORT);
	assert_int_equal(q32(&e->q, EGRET_Q_FAULT_GROUP_X), 0);
}

static void fences_go_on_while_all_clusters_are_held(void **state)
{
	struct env *e = *state;
	struct chip_queue other = chip_queue(e->c, 2, CTX, 0);
	struct chip_queue late = chip_queue(e->c, 3, CTX, 3 << 16);
	uint64_t entry = endless_kernel(e);

	chip_put(&e->q, pkt_dispatch(entry, 4, 1, 1));
	chip_kick(&e->q);
	for (unsigned int c = 0; c < 4; c++)
		chip_until(rd32(e->c, EGRET_REG_CLUSTER(c, EGRET_CL_STATUS)) &
			   EGRET_CL_STATUS_BUSY);
	for (unsigned int c = 0; c < 4; c++) {
		assert_int_equal(rd32(e->c, EGRET_REG_CLUSTER(c, EGRET_CL_QUEUE)), e->q.id);
		chip_until(rd64(e->c, EGRET_REG_CLUSTER(c, EGRET_CL_PC)) == entry);
	}
	for (uint64_t i = 1; i <= 100; i++)
		assert_int_equal(chip_run(&other, pkt_fence(e->data->va, i)), EGRET_Q_STATE_IDLE);
	assert_int_equal(chip_run(&other, pkt_copy(e->data->va, e->args->va, 4096)),
			 EGRET_Q_STATE_IDLE);
	/* Workgroups have to wait, of whatever priority, until the queue is killed. */
	chip_put(&late, pkt_dispatch(count_kernel(e), 8, 1, 1));
	chip_kick(&late);
	chip_expect(&late, EGRET_Q_STATE_ACTIVE);
	/* Invalidations end, too. */
	chip_invalidate(e->c, CTX, e->data->va, 4096);
	assert_int_equal(q32(&late, EGRET_Q_STATUS), EGRET_Q_STATE_ACTIVE);
	chip_ctrl(&e->q, EGRET_Q_CTRL_KILL);
	assert_int_equal(chip_drain(&late), EGRET_Q_STATE_IDLE);
	chip_expect(&e->q, EGRET_Q_STATE_DISABLED);
	chip_queue_free(&other);
	chip_queue_free(&late);
}

static void stop_waits_for_the_workgroups(void **state)
{
	struct env *e = *state;
	uint64_t entry = count_kernel(e);

	for (unsigned int i = 0; i < 20; i++) {
		uint64_t head = q64(&e->q, EGRET_Q_HEAD);

		chip_put(&e->q, pkt_dispatch(entry, 200, 1, 1));
		chip_put(&e->q, pkt_dispatch(entry, 200, 1, 1));
		chip_kick(&e->q);
		chip_until(q64(&e->q, EGRET_Q_PROGRESS) > 401 * i);
		chip_ctrl(&e->q, EGRET_Q_CTRL_STOP);
		chip_expect(&e->q, EGRET_Q_STATE_STOPPED);
		/* Whole packets only: 200 workgroups and the packet itself. */
		assert_int_equal(rd64(e->c, EGRET_REG_CNT_WORKGROUPS),
				 200 * q64(&e->q, EGRET_Q_HEAD));
		assert_in_range(q64(&e->q, EGRET_Q_HEAD), head, head + 2);
		chip_ctrl(&e->q, EGRET_Q_CTRL_RESUME);
		assert_int_equal(chip_drain(&e->q), EGRET_Q_STATE_IDLE);
	}
}

static void pauses_stop_workgroups(void **state)
{
	struct env *e = *state;

	chip_put(&e->q, pkt_dispatch(endless_kernel(e), 3, 1, 1));
	chip_kick(&e->q);
	for (unsigned int i = 0; i < 10; i++) {
		uint64_t progress = q64(&e->q, EGRET_Q_PROGRESS);

		chip_until(q64(&e->q, EGRET_Q_PROGRESS) > progress + 5);
		egret_model_pause(e->c->m);
		progress = q64(&e->q, EGRET_Q_PROGRESS);
		chip_invalidate(e->c, CTX, 0, 0);
		for (uint64_t end = chip_now() + 5000000; chip_now() < end;)
			assert_int_equal(q64(&e->q, EGRET_Q_PROGRESS), progress);
		egret_model_resume(e->c->m);
	}
	/* Killed while it stands still. */
	egret_model_pause(e->c->m);
	chip_ctrl(&e->q, EGRET_Q_CTRL_KILL);
	chip_expect(&e->q, EGRET_Q_STATE_DISABLED);
	egret_model_resume(e->c->m);
	assert_int_equal(egret_model_wait_idle(e->c->m, 10000000000), 0);
}

static void resets_stop_workgroups(void **state)
{
	struct env *e = *state;
	uint64_t entry = endless_kernel(e);

	for (unsigned int i = 0; i < 10; i++) {
		struct chip_queue q = chip_queue(e->c, 5, CTX, 0);

		chip_put(&q, pkt_dispatch(entry, i + 1, 1, 1));
		chip_kick(&q);
		chip_until(q64(&q, EGRET_Q_PROGRESS) > 3);
		if (i % 2)
			egret_model_pause(e->c->m);
		wr32(e->c, EGRET_REG_RESET, EGRET_RESET_ENGINES);
		chip_until(rd32(e->c, EGRET_REG_STATE) & EGRET_STATE_READY);
		if (i % 2)
			egret_model_resume(e->c->m);
		assert_int_equal(rd64(e->c, EGRET_REG_CLUSTER(0, EGRET_CL_BUSY)), 0);
		assert_int_equal(rd64(e->c, EGRET_REG_CLUSTER(0, EGRET_CL_PC)), 0);
		chip_queue_free(&q);
		q = chip_queue(e->c, 5, CTX, 0);
		assert_int_equal(chip_run(&q, mark(e, 50, 1, 1)), EGRET_Q_STATE_IDLE);
		chip_ctrl(&q, EGRET_Q_CTRL_KILL);
		chip_queue_free(&q);
	}
}

/* A grid that would take hours, of the highest priority, and small ones below it. */
static void nobody_starves(void **state)
{
	struct env *e = *state;
	struct chip_queue high[2], low[3];
	uint64_t entry = count_kernel(e);

	wr32(e->c, EGRET_REG_CP_SLICE, 10000);
	for (unsigned int i = 0; i < 2; i++) {
		high[i] = chip_queue(e->c, 10 + i, CTX, 3 << 16);
		chip_put(&high[i], pkt_dispatch(entry, 64, EGRET_GRID_MAX, 1));
		chip_kick(&high[i]);
	}
	for (unsigned int i = 0; i < 3; i++) {
		low[i] = chip_queue(e->c, 12 + i, CTX, i << 16);
		chip_put(&low[i], pkt_dispatch(entry, 64, 4, 1));
		chip_kick(&low[i]);
	}
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(chip_drain(&low[i]), EGRET_Q_STATE_IDLE);
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t progress = q64(&high[i], EGRET_Q_PROGRESS);

		assert_true(progress > 0);
		chip_until(q64(&high[i], EGRET_Q_PROGRESS) > progress);
		chip_ctrl(&high[i], EGRET_Q_CTRL_KILL);
		chip_expect(&high[i], EGRET_Q_STATE_DISABLED);
	}
	for (unsigned int i = 0; i < 2; i++)
		chip_queue_free(&high[i]);
	for (unsigned int i = 0; i < 3; i++)
		chip_queue_free(&low[i]);
}

/* ---- Code and scratchpads -------------------------------------------------------------------------- */

/* data[x] = imm */
static uint64_t constant_kernel(struct env *e, int imm)
{
	return PUT_CODE(e, 6,
		LD(A4, A0, 0),
		SLLI(A1, A1, 3),
		ADD(A4, A4, A1),
		ADDI(A5, ZERO, imm),
		SD(A5, A4, 0),
		RET);
}

static void new_code_is_seen_when_asked_for(void **state)
{
	struct env *e = *state;
	union egret_packet p, barrier = pkt(EGRET_OP_BARRIER);

	barrier.header.flags = EGRET_PKT_INVALIDATE_CODE;
	for (int i = 1; i <= 30; i++) {
		uint64_t entry = constant_kernel(e, i);

		p = with_args(e, pkt_dispatch(entry, 16, 1, 1), &e->data->va, 8);
		switch (i % 3) {
		case 0:
			p.header.flags = EGRET_PKT_INVALIDATE_CODE;
			break;
		case 1:
			chip_put(&e->q, barrier);
			break;
		case 2:
			chip_invalidate(e->c, CTX, entry, 24);
			break;
		}
		assert_int_equal(chip_run(&e->q, p), EGRET_Q_STATE_IDLE);
		for (unsigned int x = 0; x < 16; x++)
			assert_int_equal(word(e->data, 8 * x), i);
	}
}

/*
 * What a workgroup leaves in the scratchpad must not be seen by another context, nor by
 * the same number with other tables.
 */
static void scratchpads_keep_secrets(void **state)
{
	struct env *e = make_env(1);
	struct chip_queue other = chip_queue(e->c, 2, CTX + 1, 0);
	uint64_t secret = PUT_CODE(e, 7,
		LUI(T0, EGRET_LOCAL_SCRATCH >> 12),
		ADDI(T1, ZERO, 0x5a),
		SD(T1, T0, 64),
		RET);
	uint64_t look = PUT_CODE(e, 8,
		LUI(T0, EGRET_LOCAL_SCRATCH >> 12),
		LD(T1, T0, 64),
		LD(A4, A0, 0),
		SD(T1, A4, 0),
		RET);
	union egret_packet p = with_args(e, pkt_dispatch(look, 1, 1, 1), &e->data->va, 8);

	(void)state;
	for (uint64_t i = 0; i < 64 * KIB; i += 4096) {
		/* The other context sees the same buffers. */
		if (i < e->code->size)
			chip_map(e->c, CTX + 1, e->code->va + i, e->code->addr + i, 4096, CHIP_RWX);
		if (i < e->args->size)
			chip_map(e->c, CTX + 1, e->args->va + i, e->args->addr + i, 4096, CHIP_RW);
		chip_map(e->c, CTX + 1, e->data->va + i, e->data->addr + i, 4096, CHIP_RW);
	}
	chip_run(&e->q, pkt_dispatch(secret, 1, 1, 1));
	atomic_store(chip_word(e->data, 0), 1);
	assert_int_equal(chip_run(&other, p), EGRET_Q_STATE_IDLE);
	assert_int_equal(word(e->data, 0), 0);

	chip_run(&e->q, pkt_dispatch(secret, 1, 1, 1));
	/* A copy of the root table is another root. */
	{
		uint64_t root = chip_alloc(e->c, CHIP_VRAM, 4096, 4096);

		memcpy(chip_at(e->c, CHIP_VRAM, root),
		       chip_at(e->c, CHIP_VRAM, e->c->root[CTX] & EGRET_PTE_ADDR_MASK), 4096);
		wr64(e->c, EGRET_REG_CONTEXT(CTX), root | EGRET_PTE_VALID);
		chip_invalidate(e->c, CTX, 0, 0);
	}
	atomic_store(chip_word(e->data, 0), 1);
	assert_int_equal(chip_run(&e->q, p), EGRET_Q_STATE_IDLE);
	assert_int_equal(word(e->data, 0), 0);

	chip_run(&e->q, pkt_dispatch(secret, 1, 1, 1));
	wr32(e->c, EGRET_REG_RESET, EGRET_RESET_ENGINES);
	chip_until(rd32(e->c, EGRET_REG_STATE) & EGRET_STATE_READY);
	chip_queue_free(&e->q);
	e->q = chip_queue(e->c, 1, CTX, 0);
	chip_invalidate(e->c, CTX, 0, 0);
	atomic_store(chip_word(e->data, 0), 1);
	assert_int_equal(chip_run(&e->q, p), EGRET_Q_STATE_IDLE);
	assert_int_equal(word(e->data, 0), 0);
	chip_queue_free(&other);
	free_env(e);
}

/* ---- Threads ------------------------------------------------------------------------------ */

/* What happened, in order. */
struct sequence {
	unsigned int count;
	struct {
		char kind;
		int queue;
		uint64_t number;
	} event[1024];
};

static void note_event(struct chip *c, const struct egret_trace *event)
{
	struct sequence *s = c->user;
	bool group = !strcmp(event->what, "group");

	if (!group && strcmp(event->what, "packet"))
		return;
	assert_in_range(s->count, 0, 1023);
	s->event[s->count].kind = *event->what;
	s->event[s->count].queue = event->queue;
	s->event[s->count++].number = group ? event->a : event->c;
}

/* Queues of all kinds, given to a chip that stands still. */
static struct sequence sequence_of_one_thread(void)
{
	struct env *e = make_env_threads(4, 1);
	struct chip_queue other = chip_queue(e->c, 2, CTX, 0);
	struct chip_queue copies = chip_queue(e->c, 3, CTX, EGRET_Q_CONFIG_COPY);
	struct chip_buffer *big = chip_buffer(e->c, CTX, CHIP_VRAM, 8 * MIB);
	uint64_t count = count_kernel(e);
	struct sequence s = { .count = 0 };

	e->c->user = &s;
	e->c->on_trace = note_event;
	egret_model_pause(e->c->m);
	chip_put(&copies, pkt_copy(big->va, big->va + 4 * MIB, 4 * MIB));
	chip_put(&copies, pkt_fence(e->data->va + 128 * KIB, 1));
	chip_put(&copies, pkt_wait(e->data->va + 128 * KIB + 8, 1));
	chip_put(&e->q, pkt_wait(e->data->va + 128 * KIB, 1));
	chip_put(&e->q, mark(e, 70, 1, 1));
	chip_put(&e->q, pkt_copy(big->va, big->va + 4 * MIB, 3 * MIB));
	chip_put(&e->q, pkt_fence(e->data->va + 128 * KIB + 8, 1));
	for (unsigned int i = 0; i < 5; i++)
		chip_put(&other, pkt_dispatch(count, 30 + i, 1, 1));
	chip_kick(&copies);
	chip_kick(&e->q);
	chip_kick(&other);
	egret_model_resume(e->c->m);
	assert_int_equal(chip_drain(&other), EGRET_Q_STATE_IDLE);
	assert_int_equal(chip_drain(&copies), EGRET_Q_STATE_IDLE);
	assert_int_equal(chip_drain(&e->q), EGRET_Q_STATE_IDLE);
	assert_int_equal(rd64(e->c, EGRET_REG_CNT_WORKGROUPS), 70 + 30 + 31 + 32 + 33 + 34);
	/* A kernel that never ends can be killed, and a reset comes through. */
	chip_put(&e->q, pkt_dispatch(endless_kernel(e), 9, 1, 1));
	chip_kick(&e->q);
	chip_until(rd32(e->c, EGRET_REG_CLUSTER(0, EGRET_CL_STATUS)) & EGRET_CL_STATUS_BUSY);
	chip_ctrl(&e->q, EGRET_Q_CTRL_KILL);
	chip_expect(&e->q, EGRET_Q_STATE_DISABLED);
	wr32(e->c, EGRET_REG_RESET, EGRET_RESET_ENGINES);
	chip_until(rd32(e->c, EGRET_REG_STATE) & EGRET_STATE_READY);
	e->c->on_trace = NULL;
	chip_queue_free(&other);
	chip_queue_free(&copies);
	free(big);
	free_env(e);
	return s;
}

static void one_thread_does_it_all(void **state)
{
	struct sequence first = sequence_of_one_thread();

	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		struct sequence s = sequence_of_one_thread();

		/* The last dispatch was killed: how many workgroups it began is not the same. */
		assert_in_range(s.count, 240, 250);
		assert_memory_equal(s.event, first.event, 240 * sizeof(s.event[0]));
	}
}

static void threads_have_limits(void **state)
{
	struct egret_model_config config = {
		.size = sizeof(config), .vram_size = 4 * MIB, .clusters = 2, .threads = 3,
	};
	struct egret_model *m = NULL;

	(void)state;
	assert_int_equal(egret_model_create(&config, &chip_ops, NULL, &m), -EINVAL);
	config.threads = 1;
	assert_int_equal(egret_model_create(&config, &chip_ops, NULL, &m), 0);
	/* The second cluster is modelled, but there is nobody to hang. */
	assert_int_equal(egret_model_inject(m, EGRET_INJECT_CLUSTER_HANG, 1), -EINVAL);
	assert_int_equal(egret_model_inject(m, EGRET_INJECT_CLUSTER_HANG, 0), 0);
	egret_model_destroy(m);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(each_workgroup_runs_once),
		T(arguments_are_copied),
		T(events_are_traced),
		T(profiles_tell_what_was_done),
		cmocka_unit_test(cycles_do_not_depend_on_the_host),
		T(cluster_registers_add_up),
		T(a_workgroup_faults),
		cmocka_unit_test(the_foremost_fault_is_recorded),
		T(a_fault_ends_the_others),
		cmocka_unit_test(one_thread_does_it_all),
		cmocka_unit_test(threads_have_limits),
		T(memory_faults_of_a_dispatch),
		T(kill_inside_a_workgroup),
		T(kill_inside_an_operation),
		T(operations_hold_nobody_up),
		T(a_fault_ends_operations),
		T(fences_go_on_while_all_clusters_are_held),
		T(stop_waits_for_the_workgroups),
		T(pauses_stop_workgroups),
		T(resets_stop_workgroups),
		T(nobody_starves),
		T(new_code_is_seen_when_asked_for),
		cmocka_unit_test(scratchpads_keep_secrets),
	};

	return cmocka_run_group_tests_name("dispatch", tests, NULL, NULL);
}
