// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * KUnit tests of what divides a move into packets: whatever the pieces are, each byte
 * is dealt with once, in the right place.
 */
#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include "../egret_extent.h"

#define TEST_VRAM	BIT_ULL(40)
#define TEST_PAGES	BIT_ULL(46)
#define MAX_EXTENTS	64
#define MAX_PACKETS	8

static const struct egret_extent some[] = {
	{ .addr = 0x10000, .size = 0x3000 },
	{ .addr = 0x0, .size = 0x1000 },
	{ .addr = 0x400000, .size = 0x200000 },
};

static void test_next(struct kunit *test)
{
	struct egret_extent_walk walk = { .extent = some };
	u64 addr;

	KUNIT_EXPECT_EQ(test, egret_extent_next(&walk, 0x1000, &addr), 0x1000);
	KUNIT_EXPECT_EQ(test, addr, 0x10000);
	/* To the end of the piece, and no further. */
	KUNIT_EXPECT_EQ(test, egret_extent_next(&walk, SZ_1G, &addr), 0x2000);
	KUNIT_EXPECT_EQ(test, addr, 0x11000);
	KUNIT_EXPECT_EQ(test, egret_extent_next(&walk, 0x1000, &addr), 0x1000);
	KUNIT_EXPECT_EQ(test, addr, 0);
	KUNIT_EXPECT_EQ(test, egret_extent_next(&walk, 0x1000, &addr), 0x1000);
	KUNIT_EXPECT_EQ(test, addr, 0x400000);
	KUNIT_EXPECT_EQ(test, egret_extent_next(&walk, 0x1000, &addr), 0x1000);
	KUNIT_EXPECT_EQ(test, addr, 0x401000);
}

static void test_clear(struct kunit *test)
{
	const struct egret_extent_copy copy = { .vram = TEST_VRAM };
	struct egret_extent_walk walk = { .extent = some };
	union egret_packet p[MAX_PACKETS];
	u32 count = MAX_PACKETS;

	memset(p, 0xff, sizeof(p));
	KUNIT_EXPECT_EQ(test, egret_extent_packets(&walk, &copy, 0x204000, p, &count), 0x204000);
	KUNIT_ASSERT_EQ(test, count, 3);
	KUNIT_EXPECT_EQ(test, p[0].header.flags, EGRET_PKT_BARRIER);
	KUNIT_EXPECT_EQ(test, p[1].header.flags, 0);
	KUNIT_EXPECT_EQ(test, p[2].header.opcode, EGRET_OP_FILL);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(p[2].fill.dst), TEST_VRAM + 0x400000);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(p[2].fill.size), 0x200000);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(p[2].fill.pattern), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(p[2].fill.width), 8);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(p[2].fill.reserved[7]), 0);
}

static void test_copy_directions(struct kunit *test)
{
	struct egret_extent_copy copy = { .vram = TEST_VRAM, .pages = TEST_PAGES };
	struct egret_extent_walk walk = { .extent = some };
	union egret_packet p[MAX_PACKETS];
	u32 count = 2;

	/* No more than there is room for. */
	KUNIT_EXPECT_EQ(test, egret_extent_packets(&walk, &copy, 0x204000, p, &count), 0x4000);
	KUNIT_EXPECT_EQ(test, count, 2);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(p[1].copy.src), TEST_VRAM);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(p[1].copy.dst), TEST_PAGES + 0x3000);
	copy.to_vram = true;
	count = MAX_PACKETS;
	KUNIT_EXPECT_EQ(test, egret_extent_packets(&walk, &copy, 0x1000, p, &count), 0x1000);
	KUNIT_EXPECT_EQ(test, count, 1);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(p[0].copy.src), TEST_PAGES);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(p[0].copy.dst), TEST_VRAM + 0x400000);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(p[0].copy.size), 0x1000);
}

/* Follow the packets of one job; return what they deal with. */
static u64 follow(struct kunit *test, const union egret_packet *p, u32 count, u8 *seen)
{
	u64 window = TEST_PAGES;
	u32 n;

	for (n = 0; n < count; n++) {
		u64 first = (le64_to_cpu(p[n].copy.dst) - TEST_VRAM) / SZ_4K;
		u64 pages = le64_to_cpu(p[n].copy.size) / SZ_4K, i;

		KUNIT_ASSERT_EQ(test, p[n].header.opcode, EGRET_OP_COPY);
		KUNIT_ASSERT_GT(test, pages, 0);
		KUNIT_ASSERT_EQ(test, le64_to_cpu(p[n].copy.src), window);
		for (i = first; i < first + pages; i++)
			seen[i]++;
		window += pages * SZ_4K;
	}
	return window - TEST_PAGES;
}

static void test_any_pieces(struct kunit *test)
{
	const struct egret_extent_copy copy = {
		.vram = TEST_VRAM, .pages = TEST_PAGES, .to_vram = true,
	};
	struct egret_extent *extents;
	struct rnd_state random;
	u32 round, i;
	u8 *seen;

	extents = kunit_kcalloc(test, MAX_EXTENTS, sizeof(*extents), GFP_KERNEL);
	seen = kunit_kzalloc(test, SZ_64K, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, extents);
	KUNIT_ASSERT_NOT_NULL(test, seen);
	prandom_seed_state(&random, 4711);
	for (round = 0; round < 200; round++) {
		struct egret_extent_walk walk = { .extent = extents };
		u64 size = 0, next = 0, offset, done;

		for (i = 0; i < MAX_EXTENTS; i++) {
			/* In pages; gaps between them. */
			extents[i].size = (prandom_u32_state(&random) % 100 + 1) * SZ_4K;
			extents[i].addr = next + prandom_u32_state(&random) % 10 * SZ_4K;
			next = extents[i].addr + extents[i].size;
			size += extents[i].size;
		}
		memset(seen, 0, SZ_64K);
		for (offset = 0; offset < size; offset += done) {
			union egret_packet p[MAX_PACKETS];
			u32 count = MAX_PACKETS;
			u64 max = min_t(u64, size - offset, SZ_256K);

			done = egret_extent_packets(&walk, &copy, max, p, &count);
			KUNIT_ASSERT_GT(test, done, 0);
			KUNIT_ASSERT_LE(test, done, max);
			KUNIT_ASSERT_LE(test, count, MAX_PACKETS);
			KUNIT_ASSERT_EQ(test, follow(test, p, count, seen), done);
		}
		KUNIT_ASSERT_EQ(test, offset, size);
		for (i = 0; i < MAX_EXTENTS; i++) {
			u64 page;

			for (page = extents[i].addr / SZ_4K; size && page <
			     (extents[i].addr + extents[i].size) / SZ_4K; page++, size -= SZ_4K)
				KUNIT_ASSERT_EQ(test, seen[page], 1);
		}
		KUNIT_ASSERT_EQ(test, size, 0);
	}
}

static struct kunit_case extent_cases[] = {
	KUNIT_CASE(test_next),
	KUNIT_CASE(test_clear),
	KUNIT_CASE(test_copy_directions),
	KUNIT_CASE(test_any_pieces),
	{}
};

static struct kunit_suite extent_suite = {
	.name = "egret_extent",
	.test_cases = extent_cases,
};

kunit_test_suite(extent_suite);
