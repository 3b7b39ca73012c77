// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Packets through the driver, on queues of both types and in both memories. */
#include "egret_test.h"

static const uint32_t types[] = { DRM_EGRET_QUEUE_COMPUTE, DRM_EGRET_QUEUE_COPY };
static const uint32_t placements[] = { DRM_EGRET_BO_VRAM, DRM_EGRET_BO_SYSTEM };

static uint8_t pattern(uint64_t i)
{
	return i * 167 >> 3 ^ i;
}

static void copy_between(uint32_t type, uint32_t from, uint32_t to)
{
	struct client c = client_open(type);
	struct bo src = client_bo(&c, 3 * MiB, from);
	struct bo dst = client_bo(&c, 3 * MiB, to);
	static const struct {
		uint32_t src, dst, size;
	} cases[] = {
		{ 0, 0, 1 }, { 1, 2, 3 }, { 4095, 1, 4097 }, { 0, 0, 3 * MiB },
		{ 12345, 54321, 2 * MiB + 17 }, { 3 * MiB - 1, 0, 1 }, { 64, 3 * MiB - 7, 7 },
	};
	uint64_t i;
	uint32_t n;

	for (i = 0; i < src.size; i++)
		src.u8[i] = pattern(i);
	for (n = 0; n < ARRAY_SIZE(cases); n++) {
		packet_fill(&c, dst.va, dst.size, 1, 0xee, 0);
		packet_copy(&c, dst.va + cases[n].dst, src.va + cases[n].src, cases[n].size,
			    EGRET_PKT_BARRIER);
		CHECK_OK(run(&c));
		for (i = 0; i < dst.size; i++) {
			uint64_t at = i - cases[n].dst;

			CHECK_EQ(dst.u8[i], at < cases[n].size ? pattern(cases[n].src + at) : 0xee);
		}
	}
	client_close(&c);
}

static void test_copy(void)
{
	uint32_t t, from, to;

	for (t = 0; t < 2; t++)
		for (from = 0; from < 2; from++)
			for (to = 0; to < 2; to++)
				copy_between(types[t], placements[from], placements[to]);
}

static void test_copy_rect(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo src = client_bo(&c, 64 * KiB, DRM_EGRET_BO_SYSTEM);
	struct bo dst = client_bo(&c, 64 * KiB, DRM_EGRET_BO_VRAM);
	union egret_packet *p = packet(&c, EGRET_OP_COPY_RECT, 0);
	uint64_t i, x, y, z;

	for (i = 0; i < src.size; i++)
		src.u8[i] = pattern(i);
	p->copy_rect.width = 13;
	p->copy_rect.src = src.va + 5;
	p->copy_rect.dst = dst.va + 3;
	p->copy_rect.rows = 7;
	p->copy_rect.slices = 5;
	p->copy_rect.src_pitch = 100;
	p->copy_rect.dst_pitch = 20;
	p->copy_rect.src_slice = 3000;
	p->copy_rect.dst_slice = 200;
	CHECK_OK(run(&c));
	for (z = 0; z < 5; z++)
		for (y = 0; y < 7; y++)
			for (x = 0; x < 20; x++)
				CHECK_EQ(dst.u8[3 + z * 200 + y * 20 + x],
					 x < 13 ? pattern(5 + z * 3000 + y * 100 + x) : 0);
}

static void test_fill(void)
{
	static const uint64_t value = 0x8877665544332211;
	uint32_t t, p, width;

	for (t = 0; t < 2; t++)
		for (p = 0; p < 2; p++) {
			struct client c = client_open(types[t]);
			struct bo bo = client_bo(&c, 64 * KiB, placements[p]);

			for (width = 1; width <= 8; width *= 2) {
				uint64_t mask = width == 8 ? ~0ULL : (1ULL << 8 * width) - 1;
				uint64_t i, first = 24, size = 40000;

				packet_fill(&c, bo.va, bo.size, 8, 0, 0);
				packet_fill(&c, bo.va + first, size, width, value & mask,
					    EGRET_PKT_BARRIER);
				CHECK_OK(run(&c));
				for (i = 0; i < bo.size; i++) {
					uint8_t expected = value >> 8 * ((i - first) % width);

					CHECK_EQ(bo.u8[i], i - first < size ? expected : 0);
				}
			}
			client_close(&c);
		}
}

static void test_fence(void)
{
	uint32_t t, p;

	for (t = 0; t < 2; t++)
		for (p = 0; p < 2; p++) {
			struct client c = client_open(types[t]);
			struct bo bo = client_bo(&c, PAGE, placements[p]);

			packet_fence(&c, bo.va + 8, 0x123456789abcdef0);
			packet_fence(&c, bo.va + 4088, ~0ULL);
			CHECK_OK(run(&c));
			CHECK_EQ(bo.u64[0], 0);
			CHECK_EQ(bo.u64[1], 0x123456789abcdef0);
			CHECK_EQ(bo.u64[2], 0);
			CHECK_EQ(bo.u64[511], ~0ULL);
			client_close(&c);
		}
}

/* Two queues play ball with WAIT and FENCE. */
static void test_wait(void)
{
	enum { ROUNDS = 200 };
	struct client a = client_open(DRM_EGRET_QUEUE_COMPUTE);
	struct bo bo = client_bo(&a, PAGE, DRM_EGRET_BO_VRAM);
	struct client b = client_fork(&a, DRM_EGRET_QUEUE_COPY);
	struct drm_egret_sync sync;
	uint32_t i;

	for (i = 1; i <= ROUNDS; i++) {
		packet_wait(&a, bo.va, i);
		packet_fence(&a, bo.va + 8, i);
		packet_fence(&b, bo.va, i);
		packet_wait(&b, bo.va + 8, i);
	}
	sync = sync_signal(syncobj_create(a.fd), 0);
	CHECK_OK(submit(&a, &sync, 1));
	CHECK_OK(run(&b));
	CHECK_OK(syncobj_wait(a.fd, sync.handle, 0, 10000));
	CHECK_EQ(bo.u64[0], ROUNDS);
	CHECK_EQ(bo.u64[1], ROUNDS);
	/* What is already more is enough. */
	packet_wait(&b, bo.va, 3);
	CHECK_OK(run(&b));
}

static void test_timestamp(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, 1 * MiB, DRM_EGRET_BO_VRAM);
	struct egret_timestamp *t = bo.map;
	uint32_t i;

	for (i = 0; i < 4; i++) {
		packet(&c, EGRET_OP_TIMESTAMP, 0)->timestamp.addr = bo.va + i * sizeof(*t);
		packet_fill(&c, bo.va + PAGE, 64 * KiB, 8, i, 0);
	}
	CHECK_OK(run(&c));
	CHECK(t[0].time);
	for (i = 1; i < 4; i++) {
		CHECK(t[i].time >= t[i - 1].time);
		CHECK(t[i].cycles > t[i - 1].cycles);
	}
}

static void test_nop_and_barrier(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COMPUTE);

	packet(&c, EGRET_OP_NOP, 0);
	packet(&c, EGRET_OP_NOP, EGRET_PKT_BARRIER);
	packet(&c, EGRET_OP_BARRIER, 0);
	packet(&c, EGRET_OP_BARRIER, EGRET_PKT_INVALIDATE_CODE);
	CHECK_OK(run(&c));
}

static void test_call(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, PAGE, DRM_EGRET_BO_VRAM);
	struct bo sub = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	union egret_packet *p = sub.map;

	/* The called packets call the second page half, which writes. */
	p[0].header.opcode = EGRET_OP_CALL;
	p[0].call.count = 2;
	p[0].call.addr = sub.va + 32 * EGRET_PACKET_SIZE;
	p[1].header.opcode = EGRET_OP_FENCE;
	p[1].fence.addr = bo.va + 16;
	p[1].fence.value = 3;
	p[32].header.opcode = EGRET_OP_FENCE;
	p[32].fence.addr = bo.va;
	p[32].fence.value = 1;
	p[33].header.opcode = EGRET_OP_FENCE;
	p[33].fence.addr = bo.va + 8;
	p[33].fence.value = 2;
	p = packet(&c, EGRET_OP_CALL, 0);
	p->call.count = 2;
	p->call.addr = sub.va;
	packet_fence(&c, bo.va + 24, 4);
	CHECK_OK(run(&c));
	CHECK_EQ(bo.u64[0], 1);
	CHECK_EQ(bo.u64[1], 2);
	CHECK_EQ(bo.u64[2], 3);
	CHECK_EQ(bo.u64[3], 4);
}

/* A kernel of a few instructions, assembled by hand. */
static void test_dispatch(void)
{
	static const uint32_t code[] = {
		/* a0 holds the arguments: the address of an array. a1 is x. */
		0x00053503,	/* ld   a0, 0(a0) */
		0x00359613,	/* slli a2, a1, 3 */
		0x00c50533,	/* add  a0, a0, a2 */
		0x06458593,	/* addi a1, a1, 100 */
		0x00b53023,	/* sd   a1, 0(a0) */
		0x00008067,	/* ret */
	};
	struct client c = client_open(DRM_EGRET_QUEUE_COMPUTE);
	struct bo text = client_bo(&c, PAGE, DRM_EGRET_BO_VRAM);
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_VRAM);
	union egret_packet *p;
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(code); i++)
		text.u32[i] = code[i];
	text.u64[128] = out.va;
	packet_dispatch(&c, text.va, 500, 0);
	p = (union egret_packet *)c.cmd.map;
	p->dispatch.args = text.va + 128 * 8;
	p->dispatch.args_size = 8;
	CHECK_OK(run(&c));
	for (i = 0; i < 512; i++)
		CHECK_EQ(out.u64[i], i < 500 ? i + 100 : 0);
	CHECK(counters(c.fd).workgroups >= 500);
}

int main(void)
{
	static const struct test tests[] = {
		TEST_LONG("COPY", test_copy, 120),
		TEST("COPY_RECT", test_copy_rect),
		TEST("FILL", test_fill),
		TEST("FENCE", test_fence),
		TEST("WAIT", test_wait),
		TEST("TIMESTAMP", test_timestamp),
		TEST("NOP and BARRIER", test_nop_and_barrier),
		TEST("CALL", test_call),
		TEST("DISPATCH", test_dispatch),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
