// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/* KUnit tests of what a bind operation may ask for. */
#include <kunit/test.h>
#include <linux/sizes.h>

#include "../egret_bind_check.c"

static const struct drm_egret_bind_op good_map = {
	.op = DRM_EGRET_BIND_MAP,
	.flags = DRM_EGRET_BIND_READ,
	.handle = 1,
	.offset = SZ_4K,
	.va = EGRET_VM_START,
	.size = SZ_64K,
};

static const struct drm_egret_bind_op good_userptr = {
	.op = DRM_EGRET_BIND_MAP_USERPTR,
	.flags = DRM_EGRET_BIND_WRITE,
	.offset = SZ_1G,
	.va = EGRET_VM_START,
	.size = SZ_64K,
};

static const struct drm_egret_bind_op good_unmap = {
	.op = DRM_EGRET_BIND_UNMAP,
	.va = EGRET_VM_END - SZ_64K,
	.size = SZ_64K,
};

/* Expect that an operation with one field changed is refused. */
#define EXPECT_BAD(test, good, field, value) do {				\
	struct drm_egret_bind_op bad_ = good;					\
										\
	bad_.field = value;							\
	KUNIT_EXPECT_EQ_MSG(test, egret_bind_check_op(&bad_), -EINVAL,		\
			    #field " = " #value);				\
} while (0)

static void bind_check_test_good(struct kunit *test)
{
	struct drm_egret_bind_op op = good_map;

	KUNIT_EXPECT_EQ(test, egret_bind_check_op(&op), 0);
	op.flags = EGRET_BIND_ACCESS;
	op.size = EGRET_VM_END - EGRET_VM_START;
	KUNIT_EXPECT_EQ(test, egret_bind_check_op(&op), 0);
	op = good_userptr;
	KUNIT_EXPECT_EQ(test, egret_bind_check_op(&op), 0);
	op = good_unmap;
	KUNIT_EXPECT_EQ(test, egret_bind_check_op(&op), 0);
}

static void bind_check_test_addresses(struct kunit *test)
{
	EXPECT_BAD(test, good_map, size, 0);
	EXPECT_BAD(test, good_map, size, SZ_4K - 1);
	EXPECT_BAD(test, good_map, va, EGRET_VM_START + 1);
	EXPECT_BAD(test, good_map, va, EGRET_VM_START - SZ_4K);
	EXPECT_BAD(test, good_map, va, 0);
	EXPECT_BAD(test, good_map, va, EGRET_VM_END);
	EXPECT_BAD(test, good_map, va, EGRET_VM_END - SZ_4K);
	EXPECT_BAD(test, good_map, va, (u64)-SZ_64K);
	EXPECT_BAD(test, good_map, va, (u64)-SZ_4K);
	EXPECT_BAD(test, good_map, offset, 1);
	EXPECT_BAD(test, good_userptr, offset, SZ_1G + 1);
	EXPECT_BAD(test, good_userptr, va, EGRET_VM_END);
	EXPECT_BAD(test, good_userptr, size, 0);
	/* Sums that wrap. */
	EXPECT_BAD(test, good_map, size, (u64)-SZ_4K);
	EXPECT_BAD(test, good_map, size, (u64)-(s64)EGRET_VM_START);
	EXPECT_BAD(test, good_map, size, EGRET_VM_END - EGRET_VM_START + SZ_4K);
	EXPECT_BAD(test, good_unmap, size, 2 * SZ_64K);
	EXPECT_BAD(test, good_unmap, size, 0);
}

static void bind_check_test_fields(struct kunit *test)
{
	u32 bit;

	EXPECT_BAD(test, good_map, flags, 0);
	EXPECT_BAD(test, good_map, pad, 1);
	for (bit = 0; bit < 32; bit++) {
		if (!(BIT(bit) & EGRET_BIND_ACCESS))
			EXPECT_BAD(test, good_map, flags, DRM_EGRET_BIND_READ | BIT(bit));
		EXPECT_BAD(test, good_unmap, flags, BIT(bit));
	}
	EXPECT_BAD(test, good_userptr, handle, 1);
	EXPECT_BAD(test, good_userptr, flags, 0);
	EXPECT_BAD(test, good_userptr, pad, 1);
	EXPECT_BAD(test, good_unmap, handle, 1);
	EXPECT_BAD(test, good_unmap, offset, SZ_4K);
	EXPECT_BAD(test, good_unmap, op, U32_MAX);
}

static void bind_check_test_unmap_all(struct kunit *test)
{
	const struct drm_egret_bind_op all = { .op = DRM_EGRET_BIND_UNMAP_ALL };
	struct drm_egret_bind_op op = all;

	KUNIT_ASSERT_EQ(test, egret_bind_check_op(&op), 0);
	KUNIT_EXPECT_EQ(test, op.va, EGRET_VM_START);
	KUNIT_EXPECT_EQ(test, op.va + op.size, EGRET_VM_END);
	EXPECT_BAD(test, all, va, EGRET_VM_START);
	EXPECT_BAD(test, all, size, SZ_4K);
	EXPECT_BAD(test, all, flags, DRM_EGRET_BIND_READ);
	EXPECT_BAD(test, all, handle, 1);
	EXPECT_BAD(test, all, offset, SZ_4K);
	EXPECT_BAD(test, all, pad, 1);
}

static void bind_check_test_range(struct kunit *test)
{
	struct drm_egret_bind_op op = good_map;

	KUNIT_EXPECT_EQ(test, egret_bind_check_range(&op, op.offset + op.size), 0);
	KUNIT_EXPECT_EQ(test, egret_bind_check_range(&op, op.offset + op.size - SZ_4K), -EINVAL);
	KUNIT_EXPECT_EQ(test, egret_bind_check_range(&op, 0), -EINVAL);
	op.offset = (u64)-SZ_4K;
	KUNIT_EXPECT_EQ(test, egret_bind_check_range(&op, SZ_1G), -EINVAL);
	op.offset = SZ_4K;
	op.size = (u64)-SZ_4K;
	KUNIT_EXPECT_EQ(test, egret_bind_check_range(&op, SZ_1G), -EINVAL);
}

static void bind_check_test_entries(struct kunit *test)
{
	struct drm_egret_bind_op op = good_map;

	KUNIT_EXPECT_EQ(test, egret_bind_pte_flags(&op, false), EGRET_PTE_READ);
	op.flags = DRM_EGRET_BIND_WRITE | DRM_EGRET_BIND_EXEC;
	KUNIT_EXPECT_EQ(test, egret_bind_pte_flags(&op, true),
			EGRET_PTE_WRITE | EGRET_PTE_EXEC | EGRET_PTE_SYSTEM);
}

static struct kunit_case bind_check_test_cases[] = {
	KUNIT_CASE(bind_check_test_good),
	KUNIT_CASE(bind_check_test_addresses),
	KUNIT_CASE(bind_check_test_fields),
	KUNIT_CASE(bind_check_test_unmap_all),
	KUNIT_CASE(bind_check_test_range),
	KUNIT_CASE(bind_check_test_entries),
	{}
};

static struct kunit_suite bind_check_test_suite = {
	.name = "egret_bind_check",
	.test_cases = bind_check_test_cases,
};

kunit_test_suite(bind_check_test_suite);
