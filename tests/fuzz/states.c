// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * Saved states: a busy chip is saved, the input changes the bytes, and another chip must
 * refuse the result or live with it.
 *
 * Input: a byte of enum busy, then changes: an offset of 3 bytes, a byte with the number
 * of bytes (1 to 8), and those. The checksum is made right afterwards, or nothing but it
 * would be tested. With RAW, the rest of the input is the stream instead.
 */
#include <errno.h>

#include "bench.h"
#include "rig.h"
#include "snapshot.h"

#define CHANGES		32
#define CALLED		8192

enum busy {
	ENDLESS	= 1,	/* a kernel that does not end runs */
	WAITING	= 2,	/* a queue waits, within a CALL */
	COPIES	= 4,	/* the copy queue waits with work behind */
	FAULT	= 8,	/* the supervisor queue has faulted */
	HEAD	= 16,	/* offsets count from the beginning: 256 bytes */
	RAW	= 32,
};

struct state {
	uint8_t *data;
	size_t size, at;
};

static int write_state(void *opaque, const void *data, size_t size)
{
	struct state *s = opaque;

	fuzz_require(!s->data, "more than one write");
	s->data = malloc(size);
	fuzz_require(s->data, "no memory");
	memcpy(s->data, data, size);
	s->size = size;
	return 0;
}

static int read_state(void *opaque, void *data, size_t size)
{
	struct state *s = opaque;

	if (size > s->size - s->at)
		return -EIO;
	memcpy(data, s->data + s->at, size);
	s->at += size;
	return 0;
}

static void make_busy(struct bench *b, unsigned int busy)
{
	const uint32_t endless = insn_j(ZERO, 0);
	uint64_t va = b->mem[0]->va;
	union egret_packet wait = pkt_wait(va + 4096, 1);

	chip_store(b->mem[0], 0, &endless, sizeof(endless));
	chip_store(b->mem[0], CALLED, &wait, sizeof(wait));
	if (busy & ENDLESS)
		chip_put(&b->q[0], pkt_dispatch(va, 3, 2, 1));
	if (busy & WAITING)
		chip_put(&b->q[0], pkt_call(va + CALLED, 1));
	if (busy & COPIES) {
		chip_put(&b->q[1], wait);
		chip_put(&b->q[1], pkt_copy(va, b->mem[1]->va, 4096));
	}
	if (busy & FAULT)
		chip_put(&b->q[2], pkt(EGRET_OP_BARRIER + 1));
	for (unsigned int i = 0; i < BENCH_QUEUES; i++)
		chip_kick(&b->q[i]);
	egret_model_wait_idle(b->c->m, BENCH_NS_PER_MS);
}

static void put_number(uint8_t *to, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		to[i] = value >> 8 * i;
}

static void change(struct state *s, struct fuzz_input *in, unsigned int busy)
{
	size_t body = s->size - EGRET_SNAPSHOT_TRAILER;

	for (unsigned int i = 0; i < CHANGES && fuzz_more(in); i++) {
		size_t at = fuzz_number(in, 3) % (busy & HEAD ? 256 : body);
		size_t count = 1 + fuzz_u8(in) % 8;

		fuzz_bytes(in, s->data + at, count < body - at ? count : body - at);
	}
}

static void replace(struct state *s, struct fuzz_input *in)
{
	free(s->data);
	s->size = in->left + EGRET_SNAPSHOT_TRAILER;
	s->data = malloc(s->size);
	fuzz_require(s->data, "no memory");
	fuzz_bytes(in, s->data, in->left);
	if (s->size >= EGRET_SNAPSHOT_HEADER)
		put_number(s->data + EGRET_SNAPSHOT_HEADER - 8, s->size, 8);
}

static void save(struct bench *b, struct state *s)
{
	struct egret_model_writer writer = { .write = write_state, .opaque = s };

	fuzz_require(!egret_model_save(b->c->m, &writer), "cannot be saved");
	fuzz_require(s->size > EGRET_SNAPSHOT_HEADER + EGRET_SNAPSHOT_TRAILER, "saved nothing");
}

/* Into a chip with the same contents of memory, which then goes on. */
static void load(struct bench *b, struct state *s, bool must)
{
	struct egret_model_reader reader = { .read = read_state, .opaque = s };
	char error[EGRET_MODEL_ERROR];
	int ret;

	egret_model_pause(b->c->m);
	ret = egret_model_load(b->c->m, &reader, error);
	fuzz_require(!must || !ret, "what was saved is refused: %s", error);
	fuzz_require(!ret == !error[0] && memchr(error, 0, sizeof(error)),
		     "status %d, and the message is '%.159s'", ret, error);
	egret_model_resume(b->c->m);
	egret_model_wait_idle(b->c->m, BENCH_NS_PER_MS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	unsigned int busy = fuzz_u8(&in);
	bool must = !fuzz_more(&in) && !(busy & RAW);
	struct state s = { 0 };
	struct bench b;

	bench_init(&b);
	make_busy(&b, busy);
	save(&b, &s);
	bench_finish(&b);

	if (busy & RAW)
		replace(&s, &in);
	else
		change(&s, &in, busy);
	put_number(s.data + s.size - EGRET_SNAPSHOT_TRAILER,
		   snap_crc(s.data, s.size - EGRET_SNAPSHOT_TRAILER), EGRET_SNAPSHOT_TRAILER);

	bench_init(&b);
	load(&b, &s, must);
	bench_finish(&b);
	free(s.data);
	return 0;
}
