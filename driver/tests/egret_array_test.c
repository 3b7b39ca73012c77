// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/* KUnit tests of arrays in user memory, as old and new programs pass them. */
#include <kunit/test.h>
#include <linux/mman.h>

#include "../egret_array.c"

/* An element as the driver knows it; its first version ended before @later. */
struct element {
	u32 first;
	u32 second;
	u64 later;
};

#define FIRST_VERSION	offsetof(struct element, later)
#define MAX_COUNT	5

/* Two pages of user memory; what is behind them is not mapped. */
static u8 __user *user_memory(struct kunit *test)
{
	unsigned long address = kunit_vm_mmap(test, NULL, 0, 3 * PAGE_SIZE,
					      PROT_READ | PROT_WRITE,
					      MAP_ANONYMOUS | MAP_PRIVATE, 0);

	KUNIT_ASSERT_NE_MSG(test, address, 0, "cannot map user memory");
	KUNIT_ASSERT_LT_MSG(test, address, (unsigned long)TASK_SIZE, "cannot map user memory");
	KUNIT_ASSERT_EQ(test, vm_munmap(address + 2 * PAGE_SIZE, PAGE_SIZE), 0);
	return (u8 __user *)address;
}

static void put(struct kunit *test, u8 __user *to, const void *from, size_t size)
{
	KUNIT_ASSERT_EQ(test, copy_to_user(to, from, size), 0);
}

static void *copy(const void __user *from, u32 stride, u32 count)
{
	const struct drm_egret_array array = {
		.stride = stride,
		.count = count,
		.array = (uintptr_t)from,
	};

	return egret_array_copy(&array, FIRST_VERSION, sizeof(struct element), MAX_COUNT,
				NULL, 0);
}

static void array_test_none(struct kunit *test)
{
	u8 __user *user = user_memory(test);

	KUNIT_EXPECT_NULL(test, copy(NULL, 0, 0));
	KUNIT_EXPECT_NULL(test, copy(NULL, sizeof(struct element), 0));
	KUNIT_EXPECT_EQ(test, PTR_ERR(copy(user, sizeof(struct element), 0)), -EINVAL);
}

static void array_test_limits(struct kunit *test)
{
	u8 __user *user = user_memory(test);
	struct element *elements;

	KUNIT_EXPECT_EQ(test, PTR_ERR(copy(user, sizeof(*elements), MAX_COUNT + 1)), -E2BIG);
	KUNIT_EXPECT_EQ(test, PTR_ERR(copy(user, sizeof(*elements), U32_MAX)), -E2BIG);
	KUNIT_EXPECT_EQ(test, PTR_ERR(copy(user, PAGE_SIZE + 1, 1)), -E2BIG);
	KUNIT_EXPECT_EQ(test, PTR_ERR(copy(user, U32_MAX, MAX_COUNT)), -E2BIG);
	KUNIT_EXPECT_EQ(test, PTR_ERR(copy(user, FIRST_VERSION - 1, 1)), -EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(copy(user, 0, 1)), -EINVAL);
	elements = copy(user, PAGE_SIZE / 4, MAX_COUNT);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, elements);
	kvfree(elements);
}

static void array_test_same(struct kunit *test)
{
	u8 __user *user = user_memory(test);
	const struct element from[] = { { 1, 2, 3 }, { 4, 5, 6 } };
	struct element *elements;

	put(test, user, from, sizeof(from));
	elements = copy(user, sizeof(from[0]), ARRAY_SIZE(from));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, elements);
	KUNIT_EXPECT_MEMEQ(test, elements, from, sizeof(from));
	kvfree(elements);
}

/* Few elements go where the caller has room for them, more do not. */
static void array_test_few(struct kunit *test)
{
	u8 __user *user = user_memory(test);
	const struct element from[] = { { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 } };
	struct element few[2], *elements;
	struct drm_egret_array array = {
		.stride = sizeof(from[0]),
		.count = ARRAY_SIZE(few),
		.array = (uintptr_t)user,
	};

	put(test, user, from, sizeof(from));
	elements = egret_array_copy(&array, FIRST_VERSION, sizeof(*elements), MAX_COUNT, few,
				    ARRAY_SIZE(few));
	KUNIT_EXPECT_PTR_EQ(test, elements, &few[0]);
	KUNIT_EXPECT_MEMEQ(test, few, from, sizeof(few));
	egret_array_free(elements, few);

	array.count = ARRAY_SIZE(from);
	elements = egret_array_copy(&array, FIRST_VERSION, sizeof(*elements), MAX_COUNT, few,
				    ARRAY_SIZE(few));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, elements);
	KUNIT_EXPECT_PTR_NE(test, elements, &few[0]);
	KUNIT_EXPECT_MEMEQ(test, elements, from, sizeof(from));
	egret_array_free(elements, few);
}

/* A program that was compiled before @later was added. */
static void array_test_older(struct kunit *test)
{
	u8 __user *user = user_memory(test);
	const u32 from[] = { 1, 2, 3, 4, 5, 6 };
	struct element *elements;
	u32 i;

	put(test, user, from, sizeof(from));
	elements = copy(user, FIRST_VERSION, 3);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, elements);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, elements[i].first, from[2 * i]);
		KUNIT_EXPECT_EQ(test, elements[i].second, from[2 * i + 1]);
		KUNIT_EXPECT_EQ(test, elements[i].later, 0);
	}
	kvfree(elements);
}

/* A program that is newer than the driver, and uses what is new, or does not. */
static void array_test_newer(struct kunit *test)
{
	u8 __user *user = user_memory(test);
	struct {
		struct element known;
		u8 unknown[16];
	} from[] = { { { 1, 2, 3 } }, { { 4, 5, 6 } } };
	struct element *elements;

	put(test, user, from, sizeof(from));
	elements = copy(user, sizeof(from[0]), ARRAY_SIZE(from));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, elements);
	KUNIT_EXPECT_MEMEQ(test, &elements[0], &from[0].known, sizeof(*elements));
	KUNIT_EXPECT_MEMEQ(test, &elements[1], &from[1].known, sizeof(*elements));
	kvfree(elements);

	from[1].unknown[15] = 1;
	put(test, user, from, sizeof(from));
	KUNIT_EXPECT_EQ(test, PTR_ERR(copy(user, sizeof(from[0]), ARRAY_SIZE(from))), -E2BIG);
}

static void array_test_fault(struct kunit *test)
{
	u8 __user *end = user_memory(test) + 2 * PAGE_SIZE;
	const u32 stride = sizeof(struct element);
	struct element *elements;

	elements = copy(end - 3 * stride, stride, 3);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, elements);
	kvfree(elements);
	KUNIT_EXPECT_EQ(test, PTR_ERR(copy(end - 3 * stride, stride, 4)), -EFAULT);
	KUNIT_EXPECT_EQ(test, PTR_ERR(copy(end - 4, stride, 1)), -EFAULT);
	KUNIT_EXPECT_EQ(test, PTR_ERR(copy(NULL, stride, 1)), -EFAULT);
	KUNIT_EXPECT_EQ(test, PTR_ERR(copy((void __user *)-64UL, stride, MAX_COUNT)), -EFAULT);
}

static struct kunit_case array_test_cases[] = {
	KUNIT_CASE(array_test_none),
	KUNIT_CASE(array_test_limits),
	KUNIT_CASE(array_test_same),
	KUNIT_CASE(array_test_few),
	KUNIT_CASE(array_test_older),
	KUNIT_CASE(array_test_newer),
	KUNIT_CASE(array_test_fault),
	{}
};

static struct kunit_suite array_test_suite = {
	.name = "egret_array",
	.test_cases = array_test_cases,
};

kunit_test_suite(array_test_suite);
