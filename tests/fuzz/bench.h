/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * A whole chip for one input: one cluster, one copy engine, so that as little as possible
 * depends on the threads' timing.
 */
#ifndef FUZZ_BENCH_H
#define FUZZ_BENCH_H

#include "chip.h"
#include "input.h"

#define BENCH_QUEUES	3	/* enabled: one for all packets, a copy queue, a supervisor's */
#define BENCH_BUFFER	(64 * KIB)
#define BENCH_NS_PER_MS	1000000ull

struct bench {
	struct chip *c;
	struct chip_queue q[BENCH_QUEUES];	/* in context 1; the last in context 2 */
	struct chip_buffer *mem[2];		/* of context 1: device and system memory */
	unsigned int paused;
};

void bench_init(struct bench *b);
/**
 * bench_finish() - end it, and free it
 *
 * Whatever happened: queues can be killed, the chip comes to rest, and after a cold reset
 * it does its work.
 */
void bench_finish(struct bench *b);

#endif /* FUZZ_BENCH_H */
