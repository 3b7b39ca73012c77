// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The copy engine fails while the kernel moves buffers: contents are kept all the same,
 * and nobody sees what others left. Run by tests/vmrun/driver-lost-engine, which makes
 * accesses of the card to system memory fail when this program says so.
 */
#include "egret_test.h"

#include <unistd.h>

#define BUFFERS		4
#define ROUNDS		20
#define SECRET		0x5ec2e75ec2e75ec2ULL

static void fail_next_access(void)
{
	printf("# monitor: {\"execute\": \"qom-set\", \"arguments\": {\"path\": "
	       "\"/machine/peripheral/egret0\", \"property\": \"inject-bus-error\", "
	       "\"value\": 1}}\n");
	/* If it comes late, it is a client's job that fails: see below. */
	sleep_ms(1000);
}

static void check(volatile uint64_t *words, uint64_t size, uint64_t value)
{
	uint64_t i;

	for (i = 0; i < size / 8; i++)
		CHECK_EQ(words[i], value);
}

/* Whether all went well in spite of a fault; false if a client had the fault, or none. */
static bool push_out_and_back(struct client *c, struct bo *bo, uint64_t size)
{
	struct client other = client_open(DRM_EGRET_QUEUE_COPY);
	uint64_t faults = counters(c->fd).faults;
	bool good;
	uint32_t i;

	fail_next_access();
	for (i = 0; i < BUFFERS; i++) {
		struct bo rest = client_bo(&other, size, DRM_EGRET_BO_VRAM);

		/* What is new is clear, whoever cleared it. */
		check(rest.u64, size, 0);
	}
	good = counters(c->fd).faults > faults;
	client_close(&other);
	if (run(c)) {
		CHECK_OK(queue_destroy(c->fd, c->queue));
		c->queue = queue_create(c->fd, c->vm, DRM_EGRET_QUEUE_COPY);
		CHECK_OK(run(c));
		good = false;
	}
	for (i = 0; i < BUFFERS; i++)
		check(bo[i].u64, size, SECRET + i);
	return good;
}

int main(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct drm_egret_memory_info info = memory_info(c.fd);
	uint64_t size = (info.vram_total - info.vram_total / 16 - info.vram_used) / BUFFERS;
	struct bo bo[BUFFERS];
	uint32_t i;

	printf("TAP version 13\n1..1\n");
	size &= ~(PAGE - 1);
	for (i = 0; i < BUFFERS; i++) {
		bo[i] = client_bo(&c, size, DRM_EGRET_BO_VRAM);
		packet_fill(&c, bo[i].va, size, 8, SECRET + i, 0);
	}
	CHECK_OK(run(&c));
	for (i = 0; i < ROUNDS; i++)
		if (push_out_and_back(&c, bo, size))
			break;
	CHECK(i < ROUNDS);
	printf("ok 1 - contents survive a failure of the copy engine\n");
	return 0;
}
