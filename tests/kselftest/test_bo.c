// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Buffers: DRM_EGRET_BO_CREATE, DRM_EGRET_BO_MMAP_OFFSET, mmap(), sharing. */
#include "egret_test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xf86drm.h>

#define ANYWHERE	(DRM_EGRET_BO_VRAM | DRM_EGRET_BO_SYSTEM)

static const uint32_t placements[] = {
	DRM_EGRET_BO_VRAM, DRM_EGRET_BO_SYSTEM, ANYWHERE,
};

static int create(int fd, const struct drm_egret_bo_create *wanted)
{
	struct drm_egret_bo_create args = *wanted;

	return card_ioctl(fd, DRM_IOCTL_EGRET_BO_CREATE, &args);
}

static void test_create_errors(void)
{
	static const struct drm_egret_bo_create bad[] = {
		{ .size = 0, .placement = DRM_EGRET_BO_VRAM },
		{ .size = PAGE, .placement = 0 },
		{ .size = PAGE, .placement = 4 },
		{ .size = PAGE, .placement = DRM_EGRET_BO_VRAM | 0x80000000 },
		{ .size = PAGE, .placement = DRM_EGRET_BO_VRAM, .flags = 1 },
		{ .size = PAGE, .placement = DRM_EGRET_BO_VRAM, .flags = 0x80000000 },
	};
	struct drm_egret_bo_create args = { .size = PAGE, .placement = DRM_EGRET_BO_VRAM };
	int fd = card_open();
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_ERR(create(fd, &bad[i]), EINVAL);
	args.vm_id = 1;
	CHECK_ERR(create(fd, &args), ENOENT);
	args.vm_id = vm_create(fd);
	CHECK_OK(create(fd, &args));
	/* An ID is one of its file only. */
	CHECK_ERR(create(card_open(), &args), ENOENT);
}

static void test_too_large(void)
{
	int fd = card_open();
	uint64_t vram = device_info(fd).vram_size;
	const uint64_t huge[] = { vram + 1, vram * 4, 1ULL << 47, 1ULL << 63, ~0ULL, ~0ULL - PAGE };
	uint32_t handle, i;

	for (i = 0; i < ARRAY_SIZE(huge); i++)
		CHECK_ERR(bo_try_create(fd, huge[i], DRM_EGRET_BO_VRAM, 0, &handle), ENOSPC);
	for (i = 2; i < ARRAY_SIZE(huge); i++)
		CHECK_ERR(bo_try_create(fd, huge[i], DRM_EGRET_BO_SYSTEM, 0, &handle), ENOMEM);
}

static void test_size_is_rounded_up(void)
{
	struct drm_egret_bo_create args = { .size = 1, .placement = DRM_EGRET_BO_VRAM };
	int fd = card_open();

	CHECK_OK(card_ioctl(fd, DRM_IOCTL_EGRET_BO_CREATE, &args));
	CHECK_EQ(args.size, PAGE);
	args.size = 3 * PAGE + 1;
	CHECK_OK(card_ioctl(fd, DRM_IOCTL_EGRET_BO_CREATE, &args));
	CHECK_EQ(args.size, 4 * PAGE);
	args.size = 4 * PAGE;
	CHECK_OK(card_ioctl(fd, DRM_IOCTL_EGRET_BO_CREATE, &args));
	CHECK_EQ(args.size, 4 * PAGE);
}

static void test_mmap_offset_errors(void)
{
	int fd = card_open();
	struct bo bo = bo_create(fd, PAGE, DRM_EGRET_BO_VRAM, 0);
	struct drm_egret_bo_mmap_offset args = { .handle = bo.handle, .pad = 1 };

	CHECK_ERR(card_ioctl(fd, DRM_IOCTL_EGRET_BO_MMAP_OFFSET, &args), EINVAL);
	args.pad = 0;
	CHECK_OK(card_ioctl(fd, DRM_IOCTL_EGRET_BO_MMAP_OFFSET, &args));
	args.handle = 0;
	CHECK_ERR(card_ioctl(fd, DRM_IOCTL_EGRET_BO_MMAP_OFFSET, &args), ENOENT);
	args.handle = bo.handle + 1;
	CHECK_ERR(card_ioctl(fd, DRM_IOCTL_EGRET_BO_MMAP_OFFSET, &args), ENOENT);
	args.handle = bo.handle;
	CHECK_ERR(card_ioctl(card_open(), DRM_IOCTL_EGRET_BO_MMAP_OFFSET, &args), ENOENT);
}

static void test_mmap_keeps_data(void)
{
	int fd = card_open();
	uint64_t i;
	uint32_t p;

	for (p = 0; p < ARRAY_SIZE(placements); p++) {
		struct bo a = bo_create(fd, 5 * MiB, placements[p], 0), b = a;

		bo_map(fd, &a);
		for (i = 0; i < a.size / 8; i++)
			a.u64[i] = i * 0x9e3779b97f4a7c15;
		/* A second mapping shows the same. */
		bo_map(fd, &b);
		for (i = 0; i < a.size / 8; i++)
			CHECK_EQ(b.u64[i], i * 0x9e3779b97f4a7c15);
		CHECK_OK(munmap(b.map, b.size));
		bo_close(fd, &a);
	}
}

/* As a debugger does it: through the kernel, and past the process's own page tables. */
static void test_mmap_access(void)
{
	int fd = card_open(), memory = open("/proc/self/mem", O_RDWR);
	unsigned char wanted[3 * PAGE], got[3 * PAGE];
	uint32_t p, i;

	CHECK(memory >= 0);
	for (i = 0; i < sizeof(wanted); i++)
		wanted[i] = i * 37 + i / 256;
	for (p = 0; p < ARRAY_SIZE(placements); p++) {
		struct bo bo = bo_create(fd, 8 * PAGE, placements[p], 0);
		unsigned char *bytes;
		off_t address;

		bo_map(fd, &bo);
		bytes = bo.map;
		address = (uintptr_t)bytes + PAGE - 5;
		/* What nobody has written is zero. */
		CHECK_EQ(pread(memory, got, sizeof(got), address), sizeof(got));
		for (i = 0; i < sizeof(got); i++)
			CHECK_EQ(got[i], 0);
		CHECK_EQ(pwrite(memory, wanted, sizeof(wanted), address), sizeof(wanted));
		CHECK(!memcmp(bytes + PAGE - 5, wanted, sizeof(wanted)));
		CHECK_EQ(bytes[PAGE - 6], 0);
		CHECK_EQ(bytes[PAGE - 5 + sizeof(wanted)], 0);

		bytes[PAGE] ^= 1;
		wanted[5] ^= 1;
		/* A sleeping card is woken. */
		card_sleep();
		CHECK_EQ(pread(memory, got, sizeof(got), address), sizeof(got));
		CHECK(!memcmp(got, wanted, sizeof(wanted)));
		bo_close(fd, &bo);
	}
}

static void test_mmap_part(void)
{
	int fd = card_open();
	uint32_t p;

	for (p = 0; p < ARRAY_SIZE(placements); p++) {
		struct bo bo = bo_create(fd, 16 * PAGE, placements[p], 0);
		struct drm_egret_bo_mmap_offset args = { .handle = bo.handle };
		volatile uint32_t *part;

		bo_map(fd, &bo);
		bo.u32[PAGE / 4] = 0x12345678;
		CHECK_OK(card_ioctl(fd, DRM_IOCTL_EGRET_BO_MMAP_OFFSET, &args));
		part = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, args.offset);
		CHECK(part != MAP_FAILED);
		CHECK_EQ(part[PAGE / 4], 0x12345678);
		/* A mapping begins where the buffer does. */
		CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, args.offset + PAGE) ==
		      MAP_FAILED);
		/* What is private to the process would not be the buffer. */
		CHECK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, args.offset) ==
		      MAP_FAILED);
		/* Not beyond the end, and nobody else's. */
		CHECK(mmap(NULL, 17 * PAGE, PROT_READ, MAP_SHARED, fd, args.offset) == MAP_FAILED);
		CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, card_open(), args.offset) ==
		      MAP_FAILED);
	}
}

static void test_mmap_outlives_handle(void)
{
	int fd = card_open();
	uint64_t used = memory_info(fd).vram_used;
	struct bo bo = bo_create(fd, 1 * MiB, DRM_EGRET_BO_VRAM, 0);

	bo_map(fd, &bo);
	bo.u32[1000] = 42;
	handle_close(fd, bo.handle);
	CHECK_EQ(bo.u32[1000], 42);
	CHECK_EQ(memory_info(fd).vram_used, used + 1 * MiB);
	CHECK_OK(munmap(bo.map, bo.size));
	CHECK_EQ(memory_info(fd).vram_used, used);
}

static void check_zero(int fd, struct bo *bo)
{
	uint64_t i;

	bo_map(fd, bo);
	for (i = 0; i < bo->size / 8; i++)
		CHECK_EQ(bo->u64[i], 0);
}

static void test_zero(void)
{
	int fd = card_open();
	uint64_t size = 64 * MiB;
	uint32_t p, round;

	for (p = 0; p < ARRAY_SIZE(placements); p++) {
		for (round = 0; round < 2; round++) {
			struct bo bo = bo_create(fd, size, placements[p], 0);

			check_zero(fd, &bo);
			memset(bo.map, 0xa5, bo.size);
			bo_close(fd, &bo);
		}
	}
}

/* Nothing is left in pages that were in use in small pieces, either. */
static void test_zero_small(void)
{
	int fd = card_open();
	struct bo bo[64], all;
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(bo); i++) {
		bo[i] = bo_create(fd, (i % 7 + 1) * PAGE, DRM_EGRET_BO_VRAM, 0);
		bo_map(fd, &bo[i]);
		memset(bo[i].map, 0xff, bo[i].size);
	}
	for (i = 0; i < ARRAY_SIZE(bo); i += 2)
		bo_close(fd, &bo[i]);
	all = bo_create(fd, memory_info(fd).vram_total / 2, DRM_EGRET_BO_VRAM, 0);
	check_zero(fd, &all);
}

/* Buffers of others make room, as long as system memory has room for them. */
static void test_full(void)
{
	int fd = card_open();
	struct drm_egret_memory_info info = memory_info(fd);
	uint64_t size = (info.vram_total - info.vram_used) / 16 & ~(PAGE - 1);
	uint32_t handles[256], handle, count = 0, i;
	struct bo bo;
	int ret;

	while (!(ret = bo_try_create(fd, size, DRM_EGRET_BO_VRAM, 0, &handle))) {
		CHECK(count < ARRAY_SIZE(handles));
		handles[count++] = handle;
	}
	CHECK(ret == -ENOSPC || ret == -ENOMEM);
	CHECK(count > 16);
	/* Nothing is left half made: it fails again, and a closed buffer makes room. */
	ret = bo_try_create(fd, size, DRM_EGRET_BO_VRAM, 0, &handle);
	CHECK(ret == -ENOSPC || ret == -ENOMEM);
	for (i = 0; i < 2; i++)
		handle_close(fd, handles[i * 7]);
	CHECK_OK(bo_try_create(fd, size, DRM_EGRET_BO_VRAM, 0, &handle));
	/* Who may live elsewhere does, and reads as zero there. */
	bo = bo_create(fd, size, ANYWHERE, 0);
	check_zero(fd, &bo);
}

static void test_share(void)
{
	int fd = card_open(), other = card_open(), dmabuf;
	struct bo bo = bo_create(fd, 2 * PAGE, DRM_EGRET_BO_VRAM, 0);
	struct bo seen = { .size = 2 * PAGE };

	bo_map(fd, &bo);
	bo.u32[PAGE / 4] = 99;
	CHECK_OK(drmPrimeHandleToFD(fd, bo.handle, DRM_CLOEXEC | DRM_RDWR, &dmabuf));
	CHECK_OK(drmPrimeFDToHandle(other, dmabuf, &seen.handle));
	close(dmabuf);
	bo_map(other, &seen);
	CHECK_EQ(seen.u32[PAGE / 4], 99);
	/* It lives as long as anybody has it. */
	CHECK_OK(munmap(bo.map, bo.size));
	close(fd);
	CHECK_EQ(seen.u32[PAGE / 4], 99);
	bo_close(other, &seen);
}

static void test_private_is_not_shared(void)
{
	int fd = card_open(), dmabuf;
	struct bo bo = bo_create(fd, PAGE, DRM_EGRET_BO_VRAM, vm_create(fd));

	CHECK(drmPrimeHandleToFD(fd, bo.handle, DRM_CLOEXEC, &dmabuf) != 0);
	CHECK_EQ(errno, EPERM);
}

/* A private buffer survives its address space as a mapping and a handle. */
static void test_private_outlives_vm(void)
{
	int fd = card_open();
	uint32_t vm = vm_create(fd);
	struct bo bo = bo_create(fd, 3 * PAGE, DRM_EGRET_BO_VRAM, vm);

	bo_map(fd, &bo);
	bo.u32[7] = 7;
	CHECK_OK(vm_destroy(fd, vm));
	CHECK_EQ(bo.u32[7], 7);
	/* What was not touched yet must come in now. */
	CHECK_EQ(bo.u32[2 * PAGE / 4], 0);
	bo_close(fd, &bo);
}

static void test_many(void)
{
	int fd = card_open();
	uint32_t i, handle;

	for (i = 0; i < 5000; i++)
		CHECK_OK(bo_try_create(fd, PAGE, placements[i % 3], 0, &handle));
}

int main(void)
{
	static const struct test tests[] = {
		TEST("create: errors", test_create_errors),
		TEST("create: too large", test_too_large),
		TEST("create: the size is rounded up", test_size_is_rounded_up),
		TEST("mmap offset: errors", test_mmap_offset_errors),
		TEST("mmap: data stays", test_mmap_keeps_data),
		TEST("mmap: a debugger reads and writes", test_mmap_access),
		TEST("mmap: a part, not beyond, not others'", test_mmap_part),
		TEST("mmap: outlives the handle", test_mmap_outlives_handle),
		TEST_LONG("contents are zero", test_zero, 60),
		TEST_LONG("contents are zero: small buffers", test_zero_small, 60),
		TEST_LONG("device memory is full", test_full, 60),
		TEST("sharing between files", test_share),
		TEST("private: cannot be shared", test_private_is_not_shared),
		TEST("private: outlives its address space", test_private_outlives_vm),
		TEST_LONG("many buffers", test_many, 60),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
