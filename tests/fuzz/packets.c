// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * Packets: in rings, in buffers that CALL names, and overwritten by other packets while
 * they run.
 *
 * Input: operations, of a byte each and what they read. A packet is a byte with its
 * opcode, one with its flags, its fields in the order of egret/packet.h, and a byte that
 * may spoil one of its words.
 */
#include "bench.h"
#include "rig.h"

#define OPERATIONS	60
#define KERNELS		8	/* at the beginning of the buffer in device memory */
#define KERNEL_SIZE	32
#define CALLED		8192	/* where packets for CALL lie */

static uint64_t some_va(struct bench *b, struct fuzz_input *in)
{
	unsigned int kind = fuzz_u8(in);

	switch (kind % 8) {
	case 0:
		return fuzz_value(in);
	case 1:
		return b->q[kind / 8 % BENCH_QUEUES].ring->va + fuzz_u8(in) % 64 * EGRET_PACKET_SIZE;
	case 2:
		return b->mem[0]->va + CALLED + fuzz_u8(in) % 64 * EGRET_PACKET_SIZE;
	case 3:
		return b->mem[0]->va + kind / 8 % KERNELS * KERNEL_SIZE;
	case 4:
		return b->mem[kind / 8 & 1]->va + fuzz_u16(in);
	default:
		return b->mem[kind / 8 & 1]->va + (fuzz_u16(in) & ~7u);
	}
}

static uint64_t some_size(struct fuzz_input *in)
{
	return fuzz_u8(in) & 7 ? fuzz_u16(in) : fuzz_value(in);
}

static void put_fields(struct bench *b, struct fuzz_input *in, union egret_packet *p)
{
	switch (p->header.opcode) {
	case EGRET_OP_FENCE:
	case EGRET_OP_WAIT:
		p->fence.addr = some_va(b, in);
		p->fence.value = fuzz_value(in);
		break;
	case EGRET_OP_COPY:
		p->copy.src = some_va(b, in);
		p->copy.dst = some_va(b, in);
		p->copy.size = some_size(in);
		break;
	case EGRET_OP_COPY_RECT:
		p->copy_rect.width = some_size(in);
		p->copy_rect.src = some_va(b, in);
		p->copy_rect.dst = some_va(b, in);
		p->copy_rect.rows = 1 + fuzz_value(in) % 1024;
		p->copy_rect.slices = 1 + fuzz_value(in) % 1024;
		p->copy_rect.src_pitch = some_size(in);
		p->copy_rect.dst_pitch = some_size(in);
		p->copy_rect.src_slice = some_size(in);
		p->copy_rect.dst_slice = some_size(in);
		break;
	case EGRET_OP_FILL:
		p->fill.width = 1u << fuzz_u8(in) % 4;
		p->fill.dst = some_va(b, in);
		p->fill.size = some_size(in);
		p->fill.pattern = fuzz_value(in);
		break;
	case EGRET_OP_DISPATCH:
		p->dispatch.args_size = some_size(in);
		p->dispatch.entry = some_va(b, in);
		p->dispatch.args = some_va(b, in);
		for (unsigned int i = 0; i < 3; i++)
			p->dispatch.grid[i] = 1 + fuzz_u8(in) % 8;
		p->dispatch.profile = fuzz_u8(in) & 1 ? some_va(b, in) : 0;
		p->dispatch.cookie = fuzz_u16(in);
		break;
	case EGRET_OP_CALL:
		p->call.count = 1 + fuzz_u8(in);
		p->call.addr = some_va(b, in);
		break;
	case EGRET_OP_TIMESTAMP:
		p->timestamp.addr = some_va(b, in);
		break;
	}
}

static union egret_packet some_packet(struct bench *b, struct fuzz_input *in)
{
	union egret_packet p = pkt(fuzz_below(in, EGRET_OP_BARRIER + 2));
	unsigned int spoil;

	p.header.flags = fuzz_u8(in) % 8;
	put_fields(b, in, &p);
	spoil = fuzz_u8(in);
	if (spoil >= 192)
		p.words[spoil % 16] = fuzz_value(in);
	return p;
}

static void put_kernels(struct bench *b)
{
	const uint32_t kernels[KERNELS][KERNEL_SIZE / 4] = {
		{ RET },
		{ LD(T0, A0, 0), ADDI(T0, T0, 1), SD(T0, A0, 0), RET },
		{ EBREAK },
		{ LUI(T0, 0x80000), SD(T0, T0, 0), RET },
		{ ADDI(T0, ZERO, 100), ADDI(T0, T0, -1), 0xfe029ee3 /* bnez t0, -4 */, RET },
		{ 0x6f /* j . */ },
		{ LD(A1, A0, 0), SD(A1, A1, 0), RET },
		{ ISSUE(EGRET_FUNCT3_DMA, A0, ZERO), RET },
	};

	chip_store(b->mem[0], 0, kernels, sizeof(kernels));
}

static void kick(struct bench *b, unsigned int i, uint64_t more)
{
	struct chip_queue *q = &b->q[i];

	q->tail = egret_model_doorbell_read(b->c->m, i * EGRET_DOORBELL_STRIDE, 8) + more;
	chip_kick(q);
}

/* One that faulted would take nothing any more. */
static void revive(struct bench *b, unsigned int i)
{
	if (q32(&b->q[i], EGRET_Q_STATUS) != EGRET_Q_STATE_FAULTED)
		return;
	chip_ctrl(&b->q[i], EGRET_Q_CTRL_KILL);
	egret_model_wait_idle(b->c->m, BENCH_NS_PER_MS);
	chip_ctrl(&b->q[i], EGRET_Q_CTRL_ENABLE);
}

static void submit(struct bench *b, struct fuzz_input *in)
{
	unsigned int i = fuzz_below(in, BENCH_QUEUES), count = 1 + fuzz_below(in, 4);
	uint64_t tail;

	revive(b, i);
	tail = egret_model_doorbell_read(b->c->m, i * EGRET_DOORBELL_STRIDE, 8);
	for (unsigned int k = 0; k < count; k++) {
		union egret_packet p = some_packet(b, in);

		chip_store(b->q[i].ring, (tail + k) % 64 * EGRET_PACKET_SIZE, &p, sizeof(p));
	}
	kick(b, i, count);
}

static void operation(struct bench *b, struct fuzz_input *in)
{
	union egret_packet p;
	uint64_t word;

	switch (fuzz_below(in, 8)) {
	case 0:
	case 1:
	case 2:
		submit(b, in);
		break;
	case 3:
	case 4:
		p = some_packet(b, in);
		chip_store(b->mem[0], CALLED + fuzz_u8(in) % 64 * EGRET_PACKET_SIZE, &p, sizeof(p));
		break;
	case 5:
		word = fuzz_number(in, 8);
		chip_store(b->mem[fuzz_u8(in) & 1], fuzz_u16(in) & ~7u, &word, sizeof(word));
		break;
	case 6:
		chip_ctrl(&b->q[fuzz_below(in, BENCH_QUEUES)], fuzz_below(in, 6));
		break;
	default:
		egret_model_wait_idle(b->c->m, BENCH_NS_PER_MS);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct bench b;

	bench_init(&b);
	put_kernels(&b);
	for (unsigned int i = 0; i < OPERATIONS && fuzz_more(&in); i++)
		operation(&b, &in);
	egret_model_wait_idle(b.c->m, 5 * BENCH_NS_PER_MS);
	bench_finish(&b);
	return 0;
}
