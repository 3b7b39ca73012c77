// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
#include "bench.h"

#define LIMIT_NS	(20000 * BENCH_NS_PER_MS)
#define CONTEXT_OF(i)	((i) == BENCH_QUEUES - 1 ? 2 : 1)

void bench_init(struct bench *b)
{
	static const uint32_t config[BENCH_QUEUES] = {
		0, EGRET_Q_CONFIG_COPY, EGRET_Q_CONFIG_SUPERVISOR,
	};

	memset(b, 0, sizeof(*b));
	b->c = chip_new_config((struct egret_model_config) {
		.vram_size = 4 * MIB, .clusters = 1, .copy_engines = 1, .queues = 8, .contexts = 4,
	});
	b->mem[0] = chip_buffer(b->c, 1, CHIP_VRAM, BENCH_BUFFER);
	b->mem[1] = chip_buffer(b->c, 1, CHIP_SYS, BENCH_BUFFER);
	for (unsigned int i = 0; i < BENCH_QUEUES; i++)
		b->q[i] = chip_queue(b->c, i, CONTEXT_OF(i), config[i]);
}

/* Registers read as zero during a reset. */
static void await_ready(struct bench *b)
{
	uint64_t limit = chip_now() + LIMIT_NS;

	while (!(rd32(b->c, EGRET_REG_STATE) & EGRET_STATE_READY))
		fuzz_require(chip_now() < limit, "a reset does not end");
}

static void come_to_rest(struct bench *b)
{
	while (b->paused) {
		egret_model_resume(b->c->m);
		b->paused--;
	}
	egret_model_set_bus_master(b->c->m, true);
	/* Resets that are to hang do so for ever, even cold ones. */
	egret_model_inject(b->c->m, EGRET_INJECT_RESET_HANG, EGRET_RESET_HANG_NONE);
	await_ready(b);
	for (unsigned int i = 0; i < 8; i++)
		wr32(b->c, EGRET_REG_QUEUE(i, EGRET_Q_CTRL), EGRET_Q_CTRL_KILL);
	fuzz_require(!egret_model_wait_idle(b->c->m, LIMIT_NS), "the chip does not come to rest");
	for (unsigned int i = 0; i < 8; i++)
		fuzz_require(rd32(b->c, EGRET_REG_QUEUE(i, EGRET_Q_STATUS)) ==
			     EGRET_Q_STATE_DISABLED, "queue %u cannot be killed", i);
}

static void expect_work(struct bench *b)
{
	struct chip *c = b->c;
	struct chip_buffer *mem;
	struct chip_queue q;
	uint32_t state;

	egret_model_reset(c->m, EGRET_MODEL_RESET_COLD);
	state = rd32(c, EGRET_REG_STATE);
	fuzz_require(state == EGRET_STATE_READY, "STATE is %#x after a cold reset", state);
	memset(c->root, 0, sizeof(c->root));
	c->vram_used = 0;
	mem = chip_buffer(c, 1, CHIP_VRAM, 4096);
	q = chip_queue(c, 1, 1, 0);
	chip_put(&q, pkt_fill(mem->va + 8, 64, 7, 8));
	fuzz_require(chip_run(&q, pkt_fence(mem->va, 5)) == EGRET_Q_STATE_IDLE,
		     "good packets fail after a reset");
	fuzz_require(*chip_word(mem, 0) == 5 && *chip_word(mem, 64) == 7,
		     "packets do nothing after a reset");
	chip_queue_free(&q);
	free(mem);
}

void bench_finish(struct bench *b)
{
	come_to_rest(b);
	expect_work(b);
	for (unsigned int i = 0; i < BENCH_QUEUES; i++)
		chip_queue_free(&b->q[i]);
	free(b->mem[0]);
	free(b->mem[1]);
	chip_free(b->c);
}
