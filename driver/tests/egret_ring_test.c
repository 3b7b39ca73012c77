// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/* KUnit tests of the packets of a ring, with an eye on its end. */
#include <kunit/test.h>

#include "../egret_ring.c"

#define POISON		0xa5

/* A ring full of what an earlier job may have left. */
static struct egret_ring new_ring(struct kunit *test, u64 tail)
{
	struct egret_ring ring = {
		.packets = kunit_kzalloc(test, EGRET_RING_BYTES, GFP_KERNEL),
		.tail = tail,
	};

	KUNIT_ASSERT_NOT_NULL(test, ring.packets);
	memset(ring.packets, POISON, EGRET_RING_BYTES);
	return ring;
}

static const __le32 *words(const struct egret_ring *ring, u64 number)
{
	return ring->packets[number % EGRET_RING_PACKETS].words;
}

/* All packets but @count from number @first on are as new_ring() left them. */
static void expect_untouched(struct kunit *test, const struct egret_ring *ring, u64 first,
			     u32 count)
{
	u8 poison[EGRET_PACKET_SIZE];
	u64 number;

	memset(poison, POISON, sizeof(poison));
	for (number = first + count; number < first + EGRET_RING_PACKETS; number++)
		KUNIT_EXPECT_MEMEQ(test, words(ring, number), poison, sizeof(poison));
}

/* Words as the specification of the packets has them, not by the structures. */
static void expect_packet(struct kunit *test, const struct egret_ring *ring, u64 number,
			  u32 w0, u32 w1, u64 w2, u64 w4)
{
	const __le32 expected[16] = {
		cpu_to_le32(w0), cpu_to_le32(w1),
		cpu_to_le32(lower_32_bits(w2)), cpu_to_le32(upper_32_bits(w2)),
		cpu_to_le32(lower_32_bits(w4)), cpu_to_le32(upper_32_bits(w4)),
	};

	KUNIT_EXPECT_MEMEQ(test, words(ring, number), expected, sizeof(expected));
}

static void expect_call(struct kunit *test, const struct egret_ring *ring, u64 number,
			const struct drm_egret_call *call)
{
	expect_packet(test, ring, number, EGRET_OP_CALL | EGRET_PKT_BARRIER << 8, call->count,
		      call->va, 0);
}

static void expect_fence(struct kunit *test, const struct egret_ring *ring, u64 number,
			 u64 va, u64 seqno)
{
	expect_packet(test, ring, number, EGRET_OP_FENCE | EGRET_PKT_INTERRUPT << 8, 0, va, seqno);
}

static void ring_test_job(struct kunit *test)
{
	static const struct drm_egret_call calls[] = {
		{ .va = 0x123456789abc0, .count = 1 },
		{ .va = 0x40, .count = U32_MAX },
	};
	struct egret_ring ring = new_ring(test, 0);

	egret_ring_add_calls(&ring, calls, ARRAY_SIZE(calls));
	egret_ring_add_fence(&ring, 0xfedcba9876543208, 0x1122334455667788);
	KUNIT_EXPECT_EQ(test, ring.tail, 3);
	expect_call(test, &ring, 0, &calls[0]);
	expect_call(test, &ring, 1, &calls[1]);
	expect_fence(test, &ring, 2, 0xfedcba9876543208, 0x1122334455667788);
	expect_untouched(test, &ring, 0, 3);
}

static void ring_test_packets(struct kunit *test)
{
	struct egret_ring ring = new_ring(test, 5);
	union egret_packet packets[3];

	memset(packets, 0x5a, sizeof(packets));
	packets[1].words[15] = cpu_to_le32(77);
	egret_ring_add_packets(&ring, packets, ARRAY_SIZE(packets));
	KUNIT_EXPECT_EQ(test, ring.tail, 8);
	KUNIT_EXPECT_MEMEQ(test, &ring.packets[5], packets, sizeof(packets));
	expect_untouched(test, &ring, 5, 3);
}

static void ring_test_nothing(struct kunit *test)
{
	struct egret_ring ring = new_ring(test, 9);

	egret_ring_add_calls(&ring, NULL, 0);
	egret_ring_add_packets(&ring, NULL, 0);
	KUNIT_EXPECT_EQ(test, ring.tail, 9);
	expect_untouched(test, &ring, 9, 0);
}

/* A job across the end of the ring, and across the end of 32 bits. */
static void ring_test_wrap(struct kunit *test)
{
	static const struct drm_egret_call calls[] = {
		{ .va = 0x1000, .count = 1 },
		{ .va = 0x2000, .count = 2 },
		{ .va = 0x3000, .count = 3 },
	};
	static const u64 ends[] = {
		EGRET_RING_PACKETS, 2 * EGRET_RING_PACKETS, 1ULL << 32, 1ULL << 63,
	};
	u64 before, i, n;

	for (i = 0; i < ARRAY_SIZE(ends); i++)
		for (before = 0; before <= 4; before++) {
			u64 first = ends[i] - before;
			struct egret_ring ring = new_ring(test, first);

			egret_ring_add_calls(&ring, calls, ARRAY_SIZE(calls));
			egret_ring_add_fence(&ring, 0x8000, i);
			KUNIT_EXPECT_EQ(test, ring.tail, first + 4);
			for (n = 0; n < ARRAY_SIZE(calls); n++)
				expect_call(test, &ring, first + n, &calls[n]);
			expect_fence(test, &ring, first + 3, 0x8000, i);
			expect_untouched(test, &ring, first, 4);
			kunit_kfree(test, ring.packets);
		}
}

/*
 * As many jobs as the credits admit, in each place of the ring: a packet that the card
 * may still read is never written.
 */
static void ring_test_credits(struct kunit *test)
{
	static struct drm_egret_call calls[DRM_EGRET_CALLS_MAX];
	const u32 job = ARRAY_SIZE(calls) + 1;
	struct egret_ring ring = new_ring(test, 0);
	u64 oldest = 0, n, number;

	/* The largest job fits, and the ring is never as full as to look empty. */
	KUNIT_EXPECT_LE(test, job, EGRET_RING_ROOM);
	KUNIT_EXPECT_LT(test, EGRET_RING_ROOM, EGRET_RING_PACKETS);
	KUNIT_EXPECT_EQ(test, EGRET_RING_BYTES, EGRET_RING_PACKETS * 64);

	for (n = 0; n < 3 * EGRET_RING_PACKETS; n++) {
		/* The card completes the oldest job when the next one would not fit. */
		while (ring.tail + job - oldest > EGRET_RING_ROOM)
			oldest += job;
		egret_ring_add_calls(&ring, calls, ARRAY_SIZE(calls));
		egret_ring_add_fence(&ring, 0x8000, n);
		for (number = oldest; number < ring.tail; number += job)
			expect_fence(test, &ring, number + job - 1, 0x8000, number / job);
	}
	KUNIT_EXPECT_EQ(test, ring.tail, 3 * EGRET_RING_PACKETS * job);
}

static struct kunit_case ring_test_cases[] = {
	KUNIT_CASE(ring_test_job),
	KUNIT_CASE(ring_test_packets),
	KUNIT_CASE(ring_test_nothing),
	KUNIT_CASE(ring_test_wrap),
	KUNIT_CASE(ring_test_credits),
	{}
};

static struct kunit_suite ring_test_suite = {
	.name = "egret_ring",
	.test_cases = ring_test_cases,
};

kunit_test_suite(ring_test_suite);
