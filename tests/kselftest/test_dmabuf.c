// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Buffers as dma-bufs: shared between files, mapped through the dma-buf. */
#include "egret_test.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xf86drm.h>

static const uint32_t placements[] = { DRM_EGRET_BO_VRAM, DRM_EGRET_BO_SYSTEM };

static uint32_t import_bo(int fd, int dma_buf)
{
	uint32_t handle;

	CHECK_OK(drmPrimeFDToHandle(fd, dma_buf, &handle));
	return handle;
}

static void test_errors(void)
{
	int fd = card_open(), out, file = open("/dev/zero", O_RDWR);
	uint32_t vm = vm_create(fd), handle;
	struct bo private = bo_create(fd, PAGE, DRM_EGRET_BO_VRAM, vm);

	/* What is private to an address space stays there. */
	CHECK_EQ(drmPrimeHandleToFD(fd, private.handle, DRM_CLOEXEC, &out), -1);
	CHECK_EQ(errno, EPERM);
	CHECK_EQ(drmPrimeHandleToFD(fd, 1000, DRM_CLOEXEC, &out), -1);
	CHECK_EQ(errno, ENOENT);
	CHECK(drmPrimeFDToHandle(fd, file, &handle));
	CHECK(drmPrimeFDToHandle(fd, -1, &handle));
}

/* In the file that it comes from, a buffer has one handle, however it gets there. */
static void test_same_file(void)
{
	int fd = card_open(), dma_buf;
	struct bo bo = bo_create(fd, 3 * PAGE, DRM_EGRET_BO_VRAM, 0);

	dma_buf = bo_export(fd, bo.handle);
	CHECK_EQ(lseek(dma_buf, 0, SEEK_END), 3 * PAGE);
	CHECK_EQ(import_bo(fd, dma_buf), bo.handle);
	CHECK_EQ(import_bo(fd, bo_export(fd, bo.handle)), bo.handle);
}

/* Two files, two address spaces, one memory; it lives as long as somebody has it. */
static void test_shared(void)
{
	struct client a, b;
	uint64_t va = TEST_VA + (1ULL << 40);
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(placements); i++) {
		int dma_buf;
		struct bo first, second = { .size = MiB };

		a = client_open(DRM_EGRET_QUEUE_COPY);
		b = client_open(DRM_EGRET_QUEUE_COPY);
		first = bo_create(a.fd, MiB, placements[i], 0);
		bo_map(a.fd, &first);
		dma_buf = bo_export(a.fd, first.handle);
		second.handle = import_bo(b.fd, dma_buf);
		close(dma_buf);
		bo_map(b.fd, &second);
		CHECK_OK(vm_map(a.fd, a.vm, first.handle, 0, va, MiB, ACCESS_ALL));
		CHECK_OK(vm_map(b.fd, b.vm, second.handle, 0, va, MiB, ACCESS_ALL));

		first.u32[0] = 0x1234;
		CHECK_EQ(second.u32[0], 0x1234);
		packet_fill(&a, va + PAGE, PAGE, 4, 0x55aa55aa, 0);
		CHECK_OK(run(&a));
		packet_copy(&b, va + 2 * PAGE, va + PAGE, PAGE, 0);
		CHECK_OK(run(&b));
		CHECK_EQ(second.u32[2 * PAGE / 4], 0x55aa55aa);
		CHECK_EQ(first.u32[3 * PAGE / 4 - 1], 0x55aa55aa);

		/* The one who made it goes. */
		CHECK_OK(munmap(first.map, first.size));
		CHECK_OK(munmap(a.cmd.map, a.cmd.size));
		client_close(&a);
		packet_fill(&b, va, 4, 4, 77, 0);
		CHECK_OK(run(&b));
		CHECK_EQ(second.u32[0], 77);
		CHECK_OK(munmap(second.map, second.size));
		client_close(&b);
	}
}

/* The dma-buf itself can be mapped, also when no handle is left. */
static void test_mmap(void)
{
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(placements); i++) {
		int fd = card_open(), dma_buf;
		struct bo bo = numbered_bo(&(struct client) { .fd = fd }, 4 * PAGE,
					   placements[i], 0x40);
		volatile uint32_t *whole, *page;

		dma_buf = bo_export(fd, bo.handle);
		whole = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, dma_buf, 0);
		page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, dma_buf, 2 * PAGE);
		CHECK(whole != MAP_FAILED && page != MAP_FAILED);
		CHECK(mmap(NULL, 5 * PAGE, PROT_READ, MAP_SHARED, dma_buf, 0) == MAP_FAILED);
		CHECK_EQ(page[0], 0x42);
		whole[2 * PAGE / 4 + 1] = 0x99;
		CHECK_EQ(bo.u32[2 * PAGE / 4 + 1], 0x99);
		bo_close(fd, &bo);
		close(fd);
		close(dma_buf);
		CHECK_EQ(whole[3 * PAGE / 4], 0x43);
		CHECK_EQ(page[1], 0x99);
	}
}

/* Synchronisation is explicit: who polls a dma-buf does not wait for jobs. */
static void test_no_implicit_sync(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo word = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct bo bo = bo_create(c.fd, PAGE, DRM_EGRET_BO_VRAM, 0);
	uint32_t done = syncobj_create(c.fd);
	struct drm_egret_sync sync = sync_signal(done, 0);
	struct pollfd poll_fd = { .events = POLLIN | POLLOUT };

	poll_fd.fd = bo_export(c.fd, bo.handle);
	CHECK_OK(vm_map(c.fd, c.vm, bo.handle, 0, c.next_va, PAGE, ACCESS_ALL));
	packet_wait(&c, word.va, 1);
	packet_fill(&c, c.next_va, PAGE, 4, 1, 0);
	CHECK_OK(submit(&c, &sync, 1));
	CHECK_EQ(poll(&poll_fd, 1, 5000), 1);
	CHECK_EQ(syncobj_wait(c.fd, done, 0, 0), -ETIME);
	word.u64[0] = 1;
	CHECK_OK(syncobj_wait(c.fd, done, 0, 10000));
}

int main(void)
{
	static const struct test tests[] = {
		TEST("errors", test_errors),
		TEST("same file", test_same_file),
		TEST("shared by files", test_shared),
		TEST("mmap", test_mmap),
		TEST("no implicit synchronisation", test_no_implicit_sync),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
