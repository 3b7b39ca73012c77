// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * Registers and doorbells: accesses of any offset and size, resets, pauses and injected
 * faults between them, on a chip whose queues have some packets to do.
 *
 * Input: operations, of a byte each and what they read.
 */
#include "bench.h"

#define OPERATIONS	100

/* Mostly in a block that has registers. */
static uint64_t some_offset(struct fuzz_input *in)
{
	static const uint32_t blocks[] = {
		0, EGRET_REG_RESET, EGRET_REG_IRQ_STATUS, EGRET_REG_FAULT_PENDING(0),
		EGRET_REG_INV_ADDR, EGRET_REG_CP_SLICE, EGRET_REG_MBX_H2D_CTRL,
		EGRET_REG_MBX_H2D_DATA(0), EGRET_REG_BOOT_ADDR, EGRET_REG_TEMPERATURE,
		EGRET_REG_CNT_CYCLES, EGRET_REG_CONTEXT(0), EGRET_REG_CLUSTER(0, 0),
		EGRET_REG_QUEUE(0, 0), EGRET_REG_QUEUE(2, 0),
	};
	unsigned int block = fuzz_below(in, sizeof(blocks) / sizeof(blocks[0]) + 1);

	if (block == sizeof(blocks) / sizeof(blocks[0]))
		return fuzz_value(in);
	return blocks[block] + fuzz_u8(in);
}

static unsigned int some_size(struct fuzz_input *in)
{
	unsigned int size = fuzz_u8(in);

	return size < 120 ? 4 : size < 240 ? 8 : size % 17;
}

static void write_register(struct bench *b, struct fuzz_input *in)
{
	uint64_t offset = some_offset(in);
	unsigned int size = some_size(in);

	/* The values that are not ignored are too rare to be guessed. */
	if (offset == EGRET_REG_RESET)
		wr32(b->c, offset, fuzz_u8(in) & 1 ? EGRET_RESET_CHIP : EGRET_RESET_ENGINES);
	else if (offset == EGRET_REG_INV_CMD)
		wr32(b->c, offset, EGRET_INV_CMD_START | fuzz_value(in));
	else
		egret_model_reg_write(b->c->m, offset, fuzz_value(in), size);
}

static void inject(struct bench *b, struct fuzz_input *in)
{
	unsigned int what = fuzz_below(in, EGRET_INJECT_SLOWDOWN + 2);
	uint64_t value = fuzz_value(in);

	/* Not so slow that the input takes long. */
	if (what == EGRET_INJECT_SLOWDOWN)
		value %= 200;
	egret_model_inject(b->c->m, what, value);
}

static void power(struct bench *b, struct fuzz_input *in)
{
	switch (fuzz_below(in, 6)) {
	case 0:
		egret_model_pause(b->c->m);
		b->paused++;
		break;
	case 1:
		if (b->paused) {
			egret_model_resume(b->c->m);
			b->paused--;
		}
		break;
	case 2:
		egret_model_set_bus_master(b->c->m, fuzz_u8(in) & 1);
		break;
	case 3:
		if (!b->paused)
			egret_model_reset(b->c->m, fuzz_below(in, 3));
		break;
	default:
		egret_model_wait_idle(b->c->m, BENCH_NS_PER_MS / 4);
		break;
	}
}

static void operation(struct bench *b, struct fuzz_input *in)
{
	struct chip_queue *q;

	switch (fuzz_below(in, 10)) {
	case 0:
	case 1:
		egret_model_reg_read(b->c->m, some_offset(in), some_size(in));
		break;
	case 2:
	case 3:
	case 4:
		write_register(b, in);
		break;
	case 5:
		egret_model_doorbell_read(b->c->m, fuzz_u16(in), some_size(in));
		break;
	case 6:
		egret_model_doorbell_write(b->c->m, fuzz_u16(in), fuzz_value(in), some_size(in));
		break;
	case 7:
		inject(b, in);
		break;
	case 8:
		power(b, in);
		break;
	default:
		q = &b->q[fuzz_below(in, BENCH_QUEUES)];
		chip_ctrl(q, fuzz_below(in, EGRET_Q_CTRL_KILL + 2));
		egret_model_doorbell_write(b->c->m, q->id * EGRET_DOORBELL_STRIDE, fuzz_u8(in), 8);
		break;
	}
}

/* Rings full of packets that do something, and wrap around. */
static void fill_rings(struct bench *b)
{
	uint64_t va = b->mem[0]->va;

	for (unsigned int i = 0; i < BENCH_QUEUES; i++) {
		for (unsigned int k = 0; k < 64; k += 4) {
			const union egret_packet p[] = {
				pkt_fence_irq(va, k), pkt_copy(va, b->mem[1]->va, 100 + k),
				pkt_fill(va + 4096, 64, 1, 4), pkt_wait(va, k),
			};

			chip_store(b->q[i].ring, k * EGRET_PACKET_SIZE, p, sizeof(p));
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct bench b;

	bench_init(&b);
	fill_rings(&b);
	for (unsigned int i = 0; i < OPERATIONS && fuzz_more(&in); i++)
		operation(&b, &in);
	bench_finish(&b);
	return 0;
}
