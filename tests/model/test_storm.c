// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * A storm: random registers, packets, page tables, kernels and commands, all at once and
 * half of them wrong. Whatever comes, the chip must stay alive: no access outside its
 * memories (the sanitizers watch), no deadlock, and after a reset it works as ever.
 *
 * The sequence of what is done follows from the seed alone. STORM_SEED and STORM_STEPS
 * in the environment choose others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "chip.h"
#include "rig.h"

#define QUEUES		12
#define CONTEXTS	4
#define STEPS		8000
#define SEEDS		6

/* Guests that race with themselves are the point here, not a mistake of the model. */
#ifdef __SANITIZE_THREAD__
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "race:hart_memory.c\nrace:hart_insns.h\nrace:dma.c\nrace:guest_\nrace:test_storm.c\n"
	       "race:tests/model/chip.c\n";
}
#endif

/* A page table, and what it holds when nothing is wrong. */
struct table {
	_Atomic uint64_t *entry;
	uint64_t good[EGRET_MMU_ENTRIES];
};

#define TABLES_MAX	64

struct storm {
	struct chip *c;
	struct table table[TABLES_MAX];
	unsigned int tables;
	struct chip_random r;
	struct chip_queue q[QUEUES];
	struct chip_buffer *mem[CONTEXTS][2];	/* device and system memory */
	unsigned int paused;
};

static uint64_t below(struct storm *s, uint64_t n)
{
	return chip_below(&s->r, n);
}

static bool one_in(struct storm *s, uint64_t n)
{
	return !below(s, n);
}

/* A number as mistakes like it: small, at an edge, or anything. */
static uint64_t some_value(struct storm *s)
{
	static const uint64_t edges[] = {
		0, 1, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
		EGRET_VA_MIN, EGRET_VA_END, UINT64_MAX, INT64_MAX, CHIP_VRAM_SIZE, CHIP_VA,
	};

	switch (below(s, 4)) {
	case 0:
		return below(s, 64);
	case 1:
		return edges[below(s, sizeof(edges) / sizeof(edges[0]))] + below(s, 3) - 1;
	case 2:
		return 1ull << below(s, 64);
	default:
		return chip_random(&s->r);
	}
}

/* Mostly an address that is mapped. */
static uint64_t some_va(struct storm *s, unsigned int context)
{
	struct chip_buffer *b = s->mem[context][below(s, 2)];

	if (one_in(s, 20))
		return some_value(s);
	return b->va + below(s, b->size) / 8 * (one_in(s, 8) ? 1 : 8);
}

static uint64_t some_size(struct storm *s)
{
	return one_in(s, 20) ? some_value(s) : 1 + below(s, 16 * KIB);
}

/* ---- Kernels -------------------------------------------------------------------- */

static uint32_t local(struct storm *s)
{
	return one_in(s, 40) ? some_value(s) : EGRET_LOCAL_SCRATCH + below(s, 0xf0000);
}

/* Good descriptors, mostly; each is at most DESC_SIZE bytes. */
#define DESC_SIZE	256

static void some_dma(struct storm *s, struct egret_dma_desc *d, uint64_t global)
{
	static const uint8_t elements[] = { 1, 2, 4, 8, 16 };

	d->global = global;
	d->local = local(s);
	d->flags = below(s, 2);
	d->element = elements[below(s, 5)];
	for (unsigned int i = 0; i < EGRET_DIMS; i++) {
		d->loop[i].count = 1 + below(s, i < 2 ? 40 : 3);
		d->loop[i].local_stride = below(s, 300);
		d->loop[i].global_stride = below(s, 600);
		d->loop[i].step = below(s, 3);
		d->loop[i].axis = one_in(s, 2) ? EGRET_DMA_NO_AXIS : i;
		d->axis[i].start = below(s, 5) - 2;
		d->axis[i].extent = below(s, 50);
	}
}

static void some_matmul(struct storm *s, struct egret_matmul_desc *d)
{
	static const uint8_t types[] = { EGRET_TYPE_S8, EGRET_TYPE_U8, EGRET_TYPE_F32 };

	d->a = local(s);
	d->b = local(s);
	d->out = local(s);
	d->m = 1 + below(s, 40);
	d->n = 1 + below(s, 40);
	d->k = 1 + below(s, 40);
	d->batch = 1 + below(s, 3);
	d->a_pitch = d->b_pitch = d->out_pitch = below(s, 400);
	d->a_type = types[below(s, 3)];
	d->b_type = d->a_type;
	d->out_type = d->a_type == EGRET_TYPE_F32 ? EGRET_TYPE_F32 : EGRET_TYPE_S32;
	d->act = below(s, 3);
}

static void some_map(struct storm *s, struct egret_map_desc *d)
{
	d->op = below(s, 0x20);
	d->out_type = 1 + below(s, EGRET_TYPE_COUNT - 1);
	d->a_type = 1 + below(s, EGRET_TYPE_COUNT - 1);
	d->out = local(s);
	d->a = local(s);
	for (unsigned int i = 0; i < EGRET_DIMS; i++) {
		d->dims[i] = 1 + below(s, 8);
		d->out_stride[i] = below(s, 300);
		d->a_stride[i] = below(s, 300);
	}
}

static void some_reduce(struct storm *s, struct egret_reduce_desc *d)
{
	d->op = below(s, EGRET_REDUCE_COUNT);
	d->out_type = EGRET_TYPE_F32;
	d->in_type = 1 + below(s, EGRET_TYPE_COUNT - 1);
	d->reduced = 1 + below(s, 3);
	d->out = local(s);
	d->in = local(s);
	for (unsigned int i = 0; i < EGRET_DIMS; i++) {
		d->dims[i] = 1 + below(s, 8);
		d->in_stride[i] = below(s, 300);
		d->out_stride[i] = i < d->reduced ? 0 : below(s, 300);
	}
}

static unsigned int some_descriptor(struct storm *s, void *desc, uint64_t global)
{
	unsigned int funct3 = below(s, 4);

	memset(desc, 0, DESC_SIZE);
	switch (funct3) {
	case EGRET_FUNCT3_DMA:
		some_dma(s, desc, global);
		break;
	case EGRET_FUNCT3_MATMUL:
		some_matmul(s, desc);
		break;
	case EGRET_FUNCT3_MAP:
		some_map(s, desc);
		break;
	case EGRET_FUNCT3_REDUCE:
		some_reduce(s, desc);
		break;
	}
	if (one_in(s, 8))
		((uint32_t *)desc)[below(s, DESC_SIZE / 4)] = some_value(s);
	return one_in(s, 30) ? below(s, 8) : funct3;
}

/* Something with registers that hold addresses of memory and scratchpad, or anything at all. */
static uint32_t some_insn(struct storm *s)
{
	static const uint32_t loads[] = { 0x03, 0x1003, 0x2003, 0x3003, 0x4003, 0x5003, 0x6003 };
	static const uint32_t stores[] = { 0x23, 0x1023, 0x2023, 0x3023 };
	static const uint32_t compute[] = {
		0x33, 0x1033, 0x40000033, 0x02000033, 0x02004033, 0x3b, 0x0200003b, 0x53,
		0x10000053, 0xd0000053, 0x2000053,
	};
	static const uint8_t pointers[] = { A4, S0, SP };
	unsigned int from = pointers[below(s, 3)];

	switch (below(s, 40)) {
	case 0:
		return chip_random(&s->r);
	case 1:
		return EBREAK;
	case 2:
		return CSRR(T0, one_in(s, 4) ? below(s, 4096) : 0xfc0 + below(s, 9));
	case 3:
		return POLL(T0);
	case 4:
		return insn_b(0x63 | below(s, 8) << 12, T0, T1, 8); /* forward only */
	default:
		break;
	}
	switch (below(s, 3)) {
	case 0:
		return insn_i(loads[below(s, 7)], T0 + below(s, 3), from, below(s, 1024));
	case 1:
		return insn_s(stores[below(s, 4)], from, T0 + below(s, 3), below(s, 1024));
	default:
		return insn_r(compute[below(s, 11)], T0 + below(s, 3), T0 + below(s, 3),
			      T0 + below(s, 3));
	}
}

/*
 * A kernel with a descriptor behind it, of KERNEL_SIZE bytes in all: it copies the
 * descriptor to scratchpad, issues the operation, and does this and that meanwhile.
 */
#define KERNEL_INSNS	64
#define KERNEL_SIZE	(KERNEL_INSNS * 4 + DESC_SIZE)

static void write_kernel(struct storm *s, struct chip_buffer *b, uint64_t offset,
			 unsigned int context)
{
	uint32_t code[KERNEL_INSNS];
	uint8_t desc[DESC_SIZE] __attribute__((aligned(16)));
	unsigned int funct3 = some_descriptor(s, desc, some_va(s, context));
	unsigned int n = 0;

	code[n++] = 0x17u | A5 << 7;				/* auipc a5, 0 */
	code[n++] = ADDI(A5, A5, KERNEL_INSNS * 4);
	code[n++] = LD(A4, A0, 0);				/* any address in memory */
	code[n++] = LUI(S0, EGRET_LOCAL_SCRATCH >> 12);
	code[n++] = ADD(S1, S0, ZERO);
	code[n++] = ADDI(T1, ZERO, DESC_SIZE / 8);
	code[n++] = LD(T2, A5, 0);
	code[n++] = SD(T2, S1, 0);
	code[n++] = ADDI(A5, A5, 8);
	code[n++] = ADDI(S1, S1, 8);
	code[n++] = ADDI(T1, T1, -1);
	code[n++] = insn_b(0x1063, T1, ZERO, -20);
	code[n++] = ADDI(A6, ZERO, one_in(s, 50) ? 99 : below(s, 32));
	code[n++] = ISSUE(funct3, S0, A6);
	while (n < KERNEL_INSNS - 3)
		code[n++] = one_in(s, 2) ? ADDI(ZERO, ZERO, 0) : some_insn(s);
	code[n++] = ADDI(T0, ZERO, -1);
	code[n++] = WAIT(T0);
	code[n++] = one_in(s, 60) ? insn_j(ZERO, 0) : RET;	/* some never end */
	chip_store(b, offset, code, sizeof(code));
	chip_store(b, offset + sizeof(code), desc, sizeof(desc));
}

/* ---- Packets ---------------------------------------------------------------------- */

static union egret_packet some_dispatch(struct storm *s, unsigned int context)
{
	struct chip_buffer *b = s->mem[context][0];
	uint64_t at = below(s, b->size - 2 * KERNEL_SIZE) & ~7ull;
	uint64_t args = at + KERNEL_SIZE, va = some_va(s, context);
	union egret_packet p = pkt_dispatch(b->va + at, 1 + below(s, 6), 1 + below(s, 3), 1);

	write_kernel(s, b, at, context);
	chip_store(b, args, &va, sizeof(va));
	p.dispatch.args_size = 16 + below(s, 64);
	p.dispatch.args = b->va + args;
	p.header.flags = one_in(s, 4) ? 0 : EGRET_PKT_INVALIDATE_CODE;
	if (one_in(s, 30))
		p.dispatch.grid[below(s, 3)] = some_value(s);
	if (one_in(s, 2))
		p.dispatch.profile = some_va(s, context) & ~7ull;
	return p;
}

static union egret_packet some_rect(struct storm *s, unsigned int context)
{
	union egret_packet p = pkt(EGRET_OP_COPY_RECT);

	p.copy_rect.width = 1 + below(s, 300);
	p.copy_rect.rows = 1 + below(s, 20);
	p.copy_rect.slices = 1 + below(s, 5);
	p.copy_rect.src = some_va(s, context);
	p.copy_rect.dst = some_va(s, context);
	p.copy_rect.src_pitch = one_in(s, 10) ? some_value(s) : below(s, 600);
	p.copy_rect.dst_pitch = one_in(s, 10) ? some_value(s) : below(s, 600);
	p.copy_rect.src_slice = one_in(s, 10) ? some_value(s) : below(s, 6000);
	p.copy_rect.dst_slice = one_in(s, 10) ? some_value(s) : below(s, 6000);
	if (one_in(s, 30))
		p.words[below(s, 16)] = some_value(s);
	return p;
}

static union egret_packet some_packet(struct storm *s, unsigned int context)
{
	union egret_packet p;

	switch (below(s, 11)) {
	case 0:
		p = pkt_fence(some_va(s, context) & ~7ull, some_value(s));
		break;
	case 1:
		p = pkt_fence_irq(some_va(s, context) & ~7ull, some_value(s));
		break;
	case 2:
		p = pkt_wait(some_va(s, context) & ~7ull, one_in(s, 3));
		break;
	case 3:
		p = pkt_copy(some_va(s, context), some_va(s, context), some_size(s));
		break;
	case 4:
		p = some_rect(s, context);
		break;
	case 5:
		p = pkt_fill(some_va(s, context) & ~7ull, (some_size(s) & ~7ull) + 8, below(s, 256),
			     1u << below(s, 4));
		break;
	case 6:
	case 7:
		p = some_dispatch(s, context);
		break;
	case 8:
		p = pkt_call(some_va(s, context) & ~63ull, 1 + below(s, 20));
		break;
	case 9:
		p = pkt_timestamp(some_va(s, context) & ~7ull);
		break;
	default:
		p = pkt(one_in(s, 2) ? EGRET_OP_BARRIER : EGRET_OP_NOP);
		p.header.flags = one_in(s, 4) ? EGRET_PKT_INVALIDATE_CODE : 0;
		break;
	}
	if (one_in(s, 2))
		p.header.flags |= EGRET_PKT_BARRIER;
	if (one_in(s, 40))
		p.words[below(s, 16)] ^= 1u << below(s, 32);
	return p;
}

/* ---- Steps -------------------------------------------------------------------------- */

static unsigned int context_of(unsigned int queue)
{
	return queue % CONTEXTS;
}

static void restart(struct storm *s, unsigned int i)
{
	if (one_in(s, 3))
		chip_ctrl(&s->q[i], below(s, 6));
	chip_ctrl(&s->q[i], EGRET_Q_CTRL_KILL);
	wr64(s->c, EGRET_REG_QUEUE(i, EGRET_Q_RING), s->q[i].ring->va);
	wr32(s->c, EGRET_REG_QUEUE(i, EGRET_Q_RING_SIZE), 6);
	wr32(s->c, EGRET_REG_QUEUE(i, EGRET_Q_CONFIG), context_of(i) | (2 + below(s, 30)) << 24 |
	     below(s, 4) << 16 | (one_in(s, 3) ? EGRET_Q_CONFIG_COPY : 0) |
	     (one_in(s, 3) ? EGRET_Q_CONFIG_SUPERVISOR : 0));
	chip_ctrl(&s->q[i], EGRET_Q_CTRL_ENABLE);
}

static void submit(struct storm *s)
{
	unsigned int i = below(s, QUEUES);
	struct chip_queue *q = &s->q[i];
	unsigned int n = 1 + below(s, 4);
	uint32_t state = q32(q, EGRET_Q_STATUS);

	if (state == EGRET_Q_STATE_DISABLED || state == EGRET_Q_STATE_FAULTED)
		restart(s, i);
	q->tail = egret_model_doorbell_read(s->c->m, i * EGRET_DOORBELL_STRIDE, 8);
	while (n--) {
		union egret_packet p = some_packet(s, context_of(i));

		chip_store(q->ring, q->tail++ % 64 * EGRET_PACKET_SIZE, &p, sizeof(p));
	}
	if (one_in(s, 50))
		q->tail = some_value(s);
	chip_kick(q);
	/* Let the chip do some of it. */
	if (one_in(s, 3))
		egret_model_wait_idle(s->c->m, 500000);
}

/* Packets where CALLs find them. */
static void write_packets(struct storm *s)
{
	unsigned int context = below(s, CONTEXTS);
	struct chip_buffer *b = s->mem[context][below(s, 2)];
	uint64_t at = below(s, b->size - 16 * 64) & ~63ull;

	for (unsigned int i = 0; i < 16; i++) {
		union egret_packet p = some_packet(s, context);

		chip_store(b, at + i * 64, &p, sizeof(p));
	}
}

/* Remember all tables: the guest may well overwrite them later. */
static void find_tables(struct storm *s, uint64_t entry, unsigned int level)
{
	struct table *t = &s->table[s->tables++];

	assert_true(s->tables <= TABLES_MAX);
	t->entry = chip_at(s->c, entry & EGRET_PTE_SYSTEM ? CHIP_SYS : CHIP_VRAM,
			   entry & EGRET_PTE_ADDR_MASK);
	for (unsigned int i = 0; i < EGRET_MMU_ENTRIES; i++) {
		t->good[i] = atomic_load(&t->entry[i]);
		if (level && t->good[i])
			find_tables(s, t->good[i], level - 1);
	}
}

static void repair_tables(struct storm *s)
{
	for (unsigned int k = 0; k < s->tables; k++)
		for (unsigned int i = 0; i < EGRET_MMU_ENTRIES; i++)
			if (atomic_load(&s->table[k].entry[i]) != s->table[k].good[i])
				atomic_store(&s->table[k].entry[i], s->table[k].good[i]);
	wr32(s->c, EGRET_REG_INV_CMD, EGRET_INV_CMD_START | EGRET_INV_CMD_ALL);
}

/* Good entries of any level become bad ones, or others. */
static void change_tables(struct storm *s)
{
	struct table *t = &s->table[below(s, s->tables)];
	unsigned int i = below(s, EGRET_MMU_ENTRIES);

	for (unsigned int n = 0; n < EGRET_MMU_ENTRIES && !t->good[i]; n++)
		i = (i + 1) % EGRET_MMU_ENTRIES;
	atomic_store(&t->entry[i], one_in(s, 2) ? t->good[i] ^ 1ull << below(s, 64) :
		     (some_value(s) & EGRET_PTE_DEFINED_MASK) | CHIP_RWX);
	wr64(s->c, EGRET_REG_INV_ADDR, some_va(s, 0));
	wr64(s->c, EGRET_REG_INV_SIZE, one_in(s, 3) ? some_value(s) : 4096);
	wr32(s->c, EGRET_REG_INV_CMD, EGRET_INV_CMD_START | below(s, 10) |
	     (one_in(s, 5) ? EGRET_INV_CMD_ALL : 0));
	if (!one_in(s, 4))
		atomic_store(&t->entry[i], t->good[i]);
	if (one_in(s, 4))
		repair_tables(s);
}

static bool spoils_the_storm(uint64_t offset)
{
	/* Roots, which nobody would put right again, and resets, which have a step of their own. */
	return (offset >= EGRET_REG_CONTEXT(0) && offset < EGRET_REG_CONTEXT(CONTEXTS)) ||
		offset == EGRET_REG_RESET;
}

static void access_registers(struct storm *s)
{
	for (unsigned int i = 0; i < 8; i++) {
		static const uint32_t blocks[] = {
			0, 0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000, 0x7000, 0x8000,
			0x12000, 0x40000, 0x40400, 0x7ff80,
		};
		uint64_t offset = blocks[below(s, sizeof(blocks) / sizeof(blocks[0]))] +
			below(s, 0x280);
		unsigned int size = one_in(s, 5) ? below(s, 17) : one_in(s, 2) ? 4 : 8;

		if (size == 4 || size == 8)
			offset &= ~(size - 1ull);
		if (one_in(s, 20))
			offset = some_value(s);
		egret_model_reg_read(s->c->m, offset, size);
		egret_model_doorbell_read(s->c->m, offset, size);
		if (!one_in(s, 3) || spoils_the_storm(offset & ~7ull))
			continue;
		egret_model_reg_write(s->c->m, offset, some_value(s), size);
		egret_model_doorbell_write(s->c->m, offset, some_value(s), size);
	}
}

static void rare_events(struct storm *s)
{
	switch (below(s, 8)) {
	case 0:
		egret_model_pause(s->c->m);
		s->paused++;
		break;
	case 1:
	case 2:
		if (s->paused) {
			egret_model_resume(s->c->m);
			s->paused--;
		}
		break;
	case 3:
		egret_model_set_bus_master(s->c->m, one_in(s, 2));
		break;
	case 4:
		wr32(s->c, EGRET_REG_RESET, EGRET_RESET_ENGINES);
		chip_until(rd32(s->c, EGRET_REG_STATE) & EGRET_STATE_READY);
		break;
	case 5:
		egret_model_wait_idle(s->c->m, 300000);
		break;
	default:
		egret_model_set_bus_master(s->c->m, true);
		break;
	}
}

static void step(struct storm *s)
{
	switch (below(s, 16)) {
	case 0:
	case 1:
		restart(s, below(s, QUEUES));
		break;
	case 2:
		write_packets(s);
		break;
	case 3:
		change_tables(s);
		break;
	case 4:
	case 5:
		access_registers(s);
		break;
	case 6:
		if (one_in(s, 4))
			rare_events(s);
		break;
	default:
		submit(s);
		break;
	}
}

/* ---- The test ----------------------------------------------------------------------------- */

static void make(struct storm *s, uint64_t seed)
{
	s->c = chip_new_config((struct egret_model_config) {
		.clusters = 1 + seed % 4, .copy_engines = 1 + seed % 3, .queues = 20, .contexts = 8,
	});
	s->r.state = seed * 0x9e3779b97f4a7c15 + 1;
	for (unsigned int i = 0; i < CONTEXTS; i++) {
		s->mem[i][0] = chip_buffer(s->c, i, CHIP_VRAM, 256 * KIB);
		s->mem[i][1] = chip_buffer(s->c, i, CHIP_SYS_SCATTERED, 128 * KIB);
	}
	for (unsigned int i = 0; i < QUEUES; i++)
		s->q[i] = chip_queue(s->c, i, context_of(i), i % 3 ? 0 : EGRET_Q_CONFIG_COPY);
	for (unsigned int i = 0; i < CONTEXTS; i++)
		find_tables(s, s->c->root[i], EGRET_MMU_LEVELS - 1);
}

static void release(struct storm *s)
{
	for (unsigned int i = 0; i < CONTEXTS; i++) {
		free(s->mem[i][0]);
		free(s->mem[i][1]);
	}
	for (unsigned int i = 0; i < QUEUES; i++)
		chip_queue_free(&s->q[i]);
	chip_free(s->c);
}

/* Everything can be killed, and after a reset the chip is as good as new. */
static void expect_recovery(struct storm *s)
{
	struct chip_buffer *b;
	struct chip_queue q;

	while (s->paused) {
		egret_model_resume(s->c->m);
		s->paused--;
	}
	egret_model_set_bus_master(s->c->m, true);
	for (unsigned int i = 0; i < QUEUES; i++) {
		chip_ctrl(&s->q[i], EGRET_Q_CTRL_KILL);
		chip_expect(&s->q[i], EGRET_Q_STATE_DISABLED);
	}
	assert_int_equal(egret_model_wait_idle(s->c->m, CHIP_LIMIT_NS), 0);
	egret_model_reset(s->c->m, EGRET_MODEL_RESET_COLD);
	assert_int_equal(rd32(s->c, EGRET_REG_STATE), EGRET_STATE_READY);
	memset(s->c->root, 0, sizeof(s->c->root));
	s->c->vram_used = 0;
	b = chip_buffer(s->c, 1, CHIP_VRAM, 4096);
	q = chip_queue(s->c, 1, 1, 0);
	chip_put(&q, pkt_fill(b->va + 8, 64, 7, 8));
	assert_int_equal(chip_run(&q, pkt_fence_irq(b->va, 5)), EGRET_Q_STATE_IDLE);
	assert_int_equal(atomic_load(chip_word(b, 0)), 5);
	assert_int_equal(atomic_load(chip_word(b, 64)), 7);
	chip_queue_free(&q);
	free(b);
}

/* What a storm brought, to see that it rained. */
struct rain {
	uint64_t packets, workgroups, instructions, faults;
};

static void collect(struct storm *s, struct rain *r)
{
	r->packets += rd64(s->c, EGRET_REG_CNT_PACKETS);
	r->workgroups += rd64(s->c, EGRET_REG_CNT_WORKGROUPS);
	r->instructions += rd64(s->c, EGRET_REG_CNT_INSTRUCTIONS);
	r->faults += rd64(s->c, EGRET_REG_CNT_FAULTS);
}

static void storm(void **state)
{
	const char *seed = getenv("STORM_SEED"), *steps = getenv("STORM_STEPS");
	uint64_t first = seed ? strtoull(seed, NULL, 0) : 1;
	uint64_t last = seed ? first : SEEDS;
	uint64_t n = steps ? strtoull(steps, NULL, 0) : STEPS;
	struct rain rain = { 0 };

	(void)state;
	for (uint64_t k = first; k <= last; k++) {
		struct storm *s = calloc(1, sizeof(*s));

		make(s, k);
		for (uint64_t i = 0; i < n; i++)
			step(s);
		collect(s, &rain);
		expect_recovery(s);
		release(s);
		free(s);
	}
	print_message("%llu packets, %llu workgroups, %llu instructions, %llu faults\n",
		      (unsigned long long)rain.packets, (unsigned long long)rain.workgroups,
		      (unsigned long long)rain.instructions, (unsigned long long)rain.faults);
	assert_true(rain.packets > 1000);
	assert_true(rain.workgroups > 100);
	assert_true(rain.faults > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(storm),
	};

	return cmocka_run_group_tests_name("storm", tests, NULL, NULL);
}
