// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * KUnit tests of the page tables, on plain memory instead of a card. What the
 * tables say is read the way that the hardware reads them: by a walk from the root.
 */
#include <kunit/test.h>
#include <linux/prandom.h>

#include "../egret_pgtable.c"

#define TEST_VA		0x200000000000ULL
#define TEST_MEMORY	0x40000000ULL
#define RW		(EGRET_PTE_READ | EGRET_PTE_WRITE)
#define MAX_TABLES	1024

/**
 * struct pgtable_test - a page table tree on fake memory
 */
struct pgtable_test {
	/** @pgt: Tree. */
	struct egret_pgtable pgt;
	/** @tables: Memory of the tables; a table's address is its index + 1, in pages. */
	u64 *tables[MAX_TABLES];
	/** @used: Number of tables in use. */
	unsigned int used;
	/** @fail_after: Allocations that succeed before one fails; negative for all. */
	int fail_after;
};

static int test_alloc(struct egret_pgtable *pgt, struct egret_pt *pt)
{
	struct pgtable_test *t = container_of(pgt, struct pgtable_test, pgt);
	unsigned int i;

	if (!t->fail_after)
		return -ENOSPC;
	if (t->fail_after > 0)
		t->fail_after--;
	for (i = 0; i < MAX_TABLES && t->tables[i]; i++)
		;
	if (i == MAX_TABLES)
		return -ENOSPC;
	t->tables[i] = kzalloc(PAGE_SIZE, GFP_KERNEL);
	if (!t->tables[i])
		return -ENOMEM;
	t->used++;
	pt->addr = (u64)(i + 1) << EGRET_MMU_PAGE_SHIFT;
	pt->map = (u64 __iomem *)t->tables[i];
	return 0;
}

static void test_free(struct egret_pgtable *pgt, struct egret_pt *pt)
{
	struct pgtable_test *t = container_of(pgt, struct pgtable_test, pgt);
	unsigned int i = (pt->addr >> EGRET_MMU_PAGE_SHIFT) - 1;

	kfree(t->tables[i]);
	t->tables[i] = NULL;
	t->used--;
}

static const struct egret_pgtable_ops test_ops = {
	.alloc = test_alloc,
	.free = test_free,
};

/* What the hardware would find: a leaf entry for the page at @va, or 0. */
static u64 walk(struct pgtable_test *t, u64 va)
{
	u64 entry = egret_pgtable_root_entry(&t->pgt);
	int level;

	for (level = EGRET_ROOT_LEVEL; level >= 0; level--) {
		u64 index = ((entry & EGRET_PTE_ADDR_MASK) >> EGRET_MMU_PAGE_SHIFT) - 1;
		u64 offset = va & (BIT_ULL(EGRET_MMU_LEVEL_SHIFT(level)) - 1) & PAGE_MASK;

		entry = t->tables[index][pt_index(level, va)];
		if (!(entry & EGRET_PTE_VALID))
			return 0;
		if (entry & EGRET_PTE_ACCESS_MASK)
			return entry + offset;
	}
	return 0;
}

static u64 leaf(u64 addr, u64 flags)
{
	return addr | flags | EGRET_PTE_VALID;
}

static bool write(struct pgtable_test *t, u64 va, u64 addr, u64 size, u64 flags)
{
	LIST_HEAD(unused);
	bool changed = egret_pgtable_map(&t->pgt, va, addr, size, flags, &unused);

	egret_pgtable_free_list(&t->pgt, &unused);
	return changed;
}

static int map(struct pgtable_test *t, u64 va, u64 addr, u64 size, u64 flags)
{
	int ret = egret_pgtable_populate(&t->pgt, va, addr, size);

	if (ret)
		return ret;
	write(t, va, addr, size, flags);
	egret_pgtable_release(&t->pgt, va, addr, size);
	return 0;
}

static void trim(struct pgtable_test *t, u64 va, u64 size)
{
	LIST_HEAD(unused);

	egret_pgtable_trim(&t->pgt, va, size, &unused);
	egret_pgtable_free_list(&t->pgt, &unused);
}

static int unmap(struct pgtable_test *t, u64 va, u64 size)
{
	int start = egret_pgtable_split(&t->pgt, va, false);
	int end = start < 0 ? start : egret_pgtable_split(&t->pgt, va + size, false);

	if (end >= 0)
		egret_pgtable_unmap(&t->pgt, va, size);
	if (start > 0)
		egret_pgtable_release_split(&t->pgt, va);
	if (end > 0)
		egret_pgtable_release_split(&t->pgt, va + size);
	trim(t, va, size);
	return min(end, 0);
}

static int pgtable_test_init(struct kunit *test)
{
	struct pgtable_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	test->priv = t;
	t->fail_after = -1;
	return egret_pgtable_init(&t->pgt, &test_ops);
}

static void pgtable_test_exit(struct kunit *test)
{
	struct pgtable_test *t = test->priv;

	if (!t)
		return;
	egret_pgtable_fini(&t->pgt);
	KUNIT_EXPECT_EQ(test, t->used, 0);
}

static void pgtable_test_empty(struct kunit *test)
{
	struct pgtable_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, t->used, 1);
	KUNIT_EXPECT_EQ(test, walk(t, EGRET_VA_MIN), 0);
	KUNIT_EXPECT_EQ(test, walk(t, EGRET_VA_END - PAGE_SIZE), 0);
	KUNIT_EXPECT_FALSE(test, egret_pgtable_unmap(&t->pgt, EGRET_VA_MIN,
						     EGRET_VA_END - EGRET_VA_MIN));
}

static void pgtable_test_small(struct kunit *test)
{
	struct pgtable_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, map(t, TEST_VA, TEST_MEMORY, 3 * PAGE_SIZE, RW), 0);
	KUNIT_EXPECT_EQ(test, t->used, 4);
	KUNIT_EXPECT_EQ(test, walk(t, TEST_VA - PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, walk(t, TEST_VA), leaf(TEST_MEMORY, RW));
	KUNIT_EXPECT_EQ(test, walk(t, TEST_VA + 2 * PAGE_SIZE),
			leaf(TEST_MEMORY + 2 * PAGE_SIZE, RW));
	KUNIT_EXPECT_EQ(test, walk(t, TEST_VA + 3 * PAGE_SIZE), 0);
	KUNIT_ASSERT_EQ(test, unmap(t, TEST_VA + PAGE_SIZE, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, walk(t, TEST_VA), leaf(TEST_MEMORY, RW));
	KUNIT_EXPECT_EQ(test, walk(t, TEST_VA + PAGE_SIZE), 0);
	KUNIT_ASSERT_EQ(test, unmap(t, TEST_VA, 3 * PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, t->used, 1);
}

static void pgtable_test_large(struct kunit *test)
{
	struct pgtable_test *t = test->priv;
	const u64 flags = EGRET_PTE_READ | EGRET_PTE_SYSTEM;

	/* The three large pages need no table of level 0, the rest needs two. */
	KUNIT_ASSERT_EQ(test, map(t, TEST_VA - PAGE_SIZE, TEST_MEMORY - PAGE_SIZE,
				  3 * SZ_2M + 2 * PAGE_SIZE, flags), 0);
	KUNIT_EXPECT_EQ(test, walk(t, TEST_VA + SZ_2M + 5 * PAGE_SIZE),
			leaf(TEST_MEMORY + SZ_2M + 5 * PAGE_SIZE, flags));
	KUNIT_EXPECT_EQ(test, walk(t, TEST_VA - PAGE_SIZE), leaf(TEST_MEMORY - PAGE_SIZE, flags));
	KUNIT_EXPECT_EQ(test, walk(t, TEST_VA + 3 * SZ_2M), leaf(TEST_MEMORY + 3 * SZ_2M, flags));
	KUNIT_EXPECT_EQ(test, walk(t, TEST_VA + 3 * SZ_2M + PAGE_SIZE), 0);
	/* TEST_VA begins a table of level 2, so there are two of levels 2 and 1. */
	KUNIT_EXPECT_EQ(test, t->used, 1 + 2 + 2 + 2);
	KUNIT_ASSERT_EQ(test, unmap(t, TEST_VA - PAGE_SIZE, 3 * SZ_2M + 2 * PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, t->used, 1);
}

static void pgtable_test_misaligned_memory(struct kunit *test)
{
	struct pgtable_test *t = test->priv;

	/* Contiguous, but not for large pages. */
	KUNIT_ASSERT_EQ(test, map(t, TEST_VA, TEST_MEMORY + PAGE_SIZE, 2 * SZ_2M, RW), 0);
	KUNIT_EXPECT_EQ(test, t->used, 5);
	KUNIT_EXPECT_EQ(test, walk(t, TEST_VA + SZ_2M), leaf(TEST_MEMORY + SZ_2M + PAGE_SIZE, RW));
}

/* Splitting changes nothing but the number of tables. */
static void pgtable_test_split(struct kunit *test)
{
	struct pgtable_test *t = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, map(t, TEST_VA, TEST_MEMORY, SZ_2M, RW), 0);
	KUNIT_EXPECT_EQ(test, t->used, 3);
	KUNIT_ASSERT_EQ(test, egret_pgtable_split(&t->pgt, TEST_VA, false), 0);
	KUNIT_EXPECT_EQ(test, t->used, 3);
	KUNIT_ASSERT_EQ(test, egret_pgtable_split(&t->pgt, TEST_VA + 7 * PAGE_SIZE, false), 1);
	KUNIT_EXPECT_EQ(test, t->used, 4);
	for (i = 0; i < EGRET_MMU_ENTRIES; i++)
		KUNIT_ASSERT_EQ(test, walk(t, TEST_VA + i * PAGE_SIZE),
				leaf(TEST_MEMORY + i * PAGE_SIZE, RW));
	/* Nothing is there to be split, now or later. */
	KUNIT_ASSERT_EQ(test, egret_pgtable_split(&t->pgt, TEST_VA + SZ_1G + PAGE_SIZE, false), 0);
	KUNIT_EXPECT_EQ(test, t->used, 4);
	KUNIT_ASSERT_EQ(test, egret_pgtable_split(&t->pgt, TEST_VA + SZ_1G + PAGE_SIZE, true), 1);
	KUNIT_EXPECT_EQ(test, t->used, 6);
	egret_pgtable_release_split(&t->pgt, TEST_VA + 7 * PAGE_SIZE);
	egret_pgtable_release_split(&t->pgt, TEST_VA + SZ_1G + PAGE_SIZE);
	trim(t, TEST_VA, SZ_2G);
	KUNIT_EXPECT_EQ(test, t->used, 4);
}

/* A large page takes the place of small ones, unless their table is reserved. */
static void pgtable_test_merge(struct kunit *test)
{
	struct pgtable_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, map(t, TEST_VA, TEST_MEMORY + PAGE_SIZE, SZ_2M, RW), 0);
	KUNIT_EXPECT_EQ(test, t->used, 4);
	KUNIT_ASSERT_EQ(test, egret_pgtable_populate(&t->pgt, TEST_VA, TEST_MEMORY, SZ_2M), 0);
	KUNIT_EXPECT_TRUE(test, write(t, TEST_VA, TEST_MEMORY, SZ_2M, RW));
	egret_pgtable_release(&t->pgt, TEST_VA, TEST_MEMORY, SZ_2M);
	KUNIT_EXPECT_EQ(test, t->used, 3);
	KUNIT_EXPECT_EQ(test, walk(t, TEST_VA + SZ_1M), leaf(TEST_MEMORY + SZ_1M, RW));
	KUNIT_ASSERT_EQ(test, egret_pgtable_split(&t->pgt, TEST_VA + PAGE_SIZE, false), 1);
	KUNIT_ASSERT_EQ(test, map(t, TEST_VA, 0, SZ_2M, RW), 0);
	KUNIT_EXPECT_EQ(test, t->used, 4);
	KUNIT_EXPECT_EQ(test, walk(t, TEST_VA + SZ_1M), leaf(SZ_1M, RW));
	egret_pgtable_release_split(&t->pgt, TEST_VA + PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, unmap(t, TEST_VA, SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, t->used, 1);
}

/* What is reserved stays, whatever others do before it is used. */
static void pgtable_test_reserve(struct kunit *test)
{
	struct pgtable_test *t = test->priv;
	const u64 cut = TEST_VA + 9 * PAGE_SIZE;

	KUNIT_ASSERT_EQ(test, egret_pgtable_populate(&t->pgt, cut, SZ_64K, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, t->used, 4);
	trim(t, TEST_VA, SZ_2M);
	KUNIT_EXPECT_EQ(test, t->used, 4);
	/* Somebody maps a large page, which must be small here, and unmaps it again. */
	KUNIT_ASSERT_EQ(test, map(t, TEST_VA, TEST_MEMORY, SZ_2M, RW), 0);
	KUNIT_EXPECT_EQ(test, walk(t, cut), leaf(TEST_MEMORY + 9 * PAGE_SIZE, RW));
	KUNIT_EXPECT_TRUE(test, write(t, cut, SZ_64K, PAGE_SIZE, RW));
	KUNIT_EXPECT_EQ(test, walk(t, cut), leaf(SZ_64K, RW));
	KUNIT_EXPECT_EQ(test, walk(t, cut + PAGE_SIZE), leaf(TEST_MEMORY + 10 * PAGE_SIZE, RW));
	KUNIT_ASSERT_EQ(test, unmap(t, TEST_VA, SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, t->used, 4);
	egret_pgtable_release(&t->pgt, cut, SZ_64K, PAGE_SIZE);
	trim(t, TEST_VA, SZ_2M);
	KUNIT_EXPECT_EQ(test, t->used, 1);
	/* The same for the table that a large page is written to. */
	KUNIT_ASSERT_EQ(test, egret_pgtable_populate(&t->pgt, TEST_VA, 0, SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, t->used, 3);
	trim(t, TEST_VA, SZ_2M);
	KUNIT_EXPECT_EQ(test, t->used, 3);
	KUNIT_EXPECT_FALSE(test, write(t, TEST_VA, 0, SZ_2M, RW));
	egret_pgtable_release(&t->pgt, TEST_VA, 0, SZ_2M);
	KUNIT_EXPECT_EQ(test, walk(t, TEST_VA + SZ_1M), leaf(SZ_1M, RW));
	KUNIT_ASSERT_EQ(test, unmap(t, TEST_VA, SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, t->used, 1);
}

/* Only what still maps to the memory goes. */
static void pgtable_test_zap(struct kunit *test)
{
	struct pgtable_test *t = test->priv;
	const u64 flags = RW | EGRET_PTE_SYSTEM;

	KUNIT_ASSERT_EQ(test, map(t, TEST_VA, TEST_MEMORY, SZ_4M, flags), 0);
	KUNIT_ASSERT_EQ(test, map(t, TEST_VA + PAGE_SIZE, SZ_64K, PAGE_SIZE, flags), 0);
	/* The same address, but on the card. */
	KUNIT_ASSERT_EQ(test, map(t, TEST_VA + 2 * PAGE_SIZE, TEST_MEMORY + 2 * PAGE_SIZE,
				  PAGE_SIZE, RW), 0);
	KUNIT_EXPECT_FALSE(test, egret_pgtable_zap(&t->pgt, TEST_VA, TEST_MEMORY + PAGE_SIZE,
						   SZ_4M));
	KUNIT_EXPECT_EQ(test, walk(t, TEST_VA), leaf(TEST_MEMORY, flags));
	KUNIT_EXPECT_TRUE(test, egret_pgtable_zap(&t->pgt, TEST_VA, TEST_MEMORY,
						  SZ_2M + PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, walk(t, TEST_VA), 0);
	KUNIT_EXPECT_EQ(test, walk(t, TEST_VA + PAGE_SIZE), leaf(SZ_64K, flags));
	KUNIT_EXPECT_EQ(test, walk(t, TEST_VA + 2 * PAGE_SIZE),
			leaf(TEST_MEMORY + 2 * PAGE_SIZE, RW));
	KUNIT_EXPECT_EQ(test, walk(t, TEST_VA + 3 * PAGE_SIZE), 0);
	/* A part of a large page takes all of it. */
	KUNIT_EXPECT_EQ(test, walk(t, TEST_VA + SZ_2M + SZ_1M), 0);
	KUNIT_EXPECT_FALSE(test, egret_pgtable_zap(&t->pgt, TEST_VA, TEST_MEMORY, SZ_4M));
}

/* One write goes from the old to the new translation, and is reported. */
static void pgtable_test_replace(struct kunit *test)
{
	struct pgtable_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, egret_pgtable_populate(&t->pgt, TEST_VA, TEST_MEMORY, SZ_4M), 0);
	KUNIT_EXPECT_FALSE(test, write(t, TEST_VA, TEST_MEMORY, SZ_4M, RW));
	KUNIT_EXPECT_TRUE(test, write(t, TEST_VA, 0, SZ_4M, EGRET_PTE_EXEC));
	KUNIT_EXPECT_EQ(test, walk(t, TEST_VA + SZ_2M), leaf(SZ_2M, EGRET_PTE_EXEC));
	KUNIT_EXPECT_TRUE(test, egret_pgtable_unmap(&t->pgt, TEST_VA, SZ_4M));
	KUNIT_EXPECT_FALSE(test, egret_pgtable_unmap(&t->pgt, TEST_VA, SZ_4M));
	egret_pgtable_release(&t->pgt, TEST_VA, TEST_MEMORY, SZ_4M);
}

/* Whichever allocation fails, nothing has changed and nothing is kept. */
static void pgtable_test_failure(struct kunit *test)
{
	struct pgtable_test *t = test->priv;
	u64 va = TEST_VA - SZ_2M - PAGE_SIZE, size = 2 * SZ_2M + 2 * PAGE_SIZE;
	int n, ret;

	KUNIT_ASSERT_EQ(test, map(t, TEST_VA, TEST_MEMORY, SZ_2M, RW), 0);
	for (n = 0; ; n++) {
		t->fail_after = n;
		ret = egret_pgtable_populate(&t->pgt, va, SZ_1M, size);
		if (!ret)
			break;
		KUNIT_ASSERT_EQ(test, ret, -ENOSPC);
		KUNIT_EXPECT_EQ(test, walk(t, va), 0);
		KUNIT_EXPECT_EQ(test, walk(t, TEST_VA + SZ_1M), leaf(TEST_MEMORY + SZ_1M, RW));
		trim(t, va, size);
		KUNIT_ASSERT_LE(test, t->used, 4);
	}
	egret_pgtable_release(&t->pgt, va, SZ_1M, size);
	trim(t, va, size);
	KUNIT_EXPECT_LE(test, t->used, 4);
	KUNIT_EXPECT_GT(test, n, 4);
	t->fail_after = -1;
}

/* Random changes, against an array that says what is mapped where. */
static void pgtable_test_random(struct kunit *test)
{
	enum { PAGES = 4 * EGRET_MMU_ENTRIES, ROUNDS = 2000 };
	struct pgtable_test *t = test->priv;
	struct rnd_state random;
	u64 *expected;
	u32 round, i;

	expected = kunit_kcalloc(test, PAGES, sizeof(*expected), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, expected);
	prandom_seed_state(&random, 1);
	for (round = 0; round < ROUNDS; round++) {
		u32 first = prandom_u32_state(&random) % PAGES;
		u32 n = prandom_u32_state(&random) % (PAGES - first) + 1;
		u64 addr = (u64)(prandom_u32_state(&random) % PAGES) << EGRET_MMU_PAGE_SHIFT;
		u64 va, size;

		if (prandom_u32_state(&random) % 3 == 0) {
			first = round_down(first, EGRET_MMU_ENTRIES);
			n = EGRET_MMU_ENTRIES;
			addr = round_down(addr, SZ_2M);
		}
		va = TEST_VA + (u64)first * PAGE_SIZE;
		size = (u64)n * PAGE_SIZE;
		if (prandom_u32_state(&random) % 3) {
			KUNIT_ASSERT_EQ(test, map(t, va, addr, size, RW), 0);
			for (i = 0; i < n; i++)
				expected[first + i] = leaf(addr + i * PAGE_SIZE, RW);
		} else {
			KUNIT_ASSERT_EQ(test, unmap(t, va, size), 0);
			memset(&expected[first], 0, n * sizeof(*expected));
		}
		for (i = 0; i < PAGES; i++)
			KUNIT_ASSERT_EQ(test, walk(t, TEST_VA + i * PAGE_SIZE), expected[i]);
	}
	KUNIT_ASSERT_EQ(test, unmap(t, TEST_VA, PAGES * PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, t->used, 1);
}

static struct kunit_case pgtable_test_cases[] = {
	KUNIT_CASE(pgtable_test_empty),
	KUNIT_CASE(pgtable_test_small),
	KUNIT_CASE(pgtable_test_large),
	KUNIT_CASE(pgtable_test_misaligned_memory),
	KUNIT_CASE(pgtable_test_split),
	KUNIT_CASE(pgtable_test_merge),
	KUNIT_CASE(pgtable_test_reserve),
	KUNIT_CASE(pgtable_test_zap),
	KUNIT_CASE(pgtable_test_replace),
	KUNIT_CASE(pgtable_test_failure),
	KUNIT_CASE_SLOW(pgtable_test_random),
	{}
};

static struct kunit_suite pgtable_test_suite = {
	.name = "egret_pgtable",
	.init = pgtable_test_init,
	.exit = pgtable_test_exit,
	.test_cases = pgtable_test_cases,
};

kunit_test_suite(pgtable_test_suite);
