// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Buffers shared with other devices: udmabuf makes dma-bufs of a memfd's pages, vgem makes
 * and takes dma-bufs, and has fences that a test signals.
 */
#define _GNU_SOURCE
#include "egret_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xf86drm.h>

static const uint32_t placements[] = { DRM_EGRET_BO_VRAM, DRM_EGRET_BO_SYSTEM };

/* vgem's interface, whose header is not installed everywhere. */
struct drm_vgem_fence_attach {
	uint32_t handle;
	uint32_t flags;
	uint32_t out_fence;
	uint32_t pad;
};

struct drm_vgem_fence_signal {
	uint32_t fence;
	uint32_t flags;
};

#define VGEM_FENCE_WRITE		1
#define DRM_IOCTL_VGEM_FENCE_ATTACH	DRM_IOWR(DRM_COMMAND_BASE + 1, struct drm_vgem_fence_attach)
#define DRM_IOCTL_VGEM_FENCE_SIGNAL	DRM_IOW(DRM_COMMAND_BASE + 2, struct drm_vgem_fence_signal)

/* ---- the peers ----------------------------------------------------------------- */

struct memory {
	int memfd;
	int dma_buf;
	struct bo bo;
};

/* Pages of a memfd, each beginning with its number plus @tag, as a dma-buf. */
static struct memory memory_create(uint64_t size, uint32_t tag)
{
	struct memory m = { .bo.size = size };
	struct udmabuf_create args = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = size };
	int udmabuf = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	uint64_t i;

	CHECK(udmabuf >= 0);
	m.memfd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	CHECK(m.memfd >= 0);
	CHECK_OK(ftruncate(m.memfd, size));
	CHECK_OK(fcntl(m.memfd, F_ADD_SEALS, F_SEAL_SHRINK));
	m.bo.map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, m.memfd, 0);
	CHECK(m.bo.map != MAP_FAILED);
	for (i = 0; i < size / PAGE; i++)
		m.bo.u32[i * PAGE / 4] = i + tag;
	args.memfd = m.memfd;
	m.dma_buf = ioctl(udmabuf, UDMABUF_CREATE, &args);
	CHECK(m.dma_buf >= 0);
	close(udmabuf);
	return m;
}

/* The card of the driver vgem, which may have to be loaded. */
static int vgem_open(void)
{
	char path[64];
	int i, fd;

	/* It may be built in. */
	if (access("/sys/devices/platform/vgem", F_OK))
		CHECK_EQ(system("modprobe -d \"$EGRET_KERNEL_FOLDER\" vgem"), 0);
	for (i = 0; i < 16; i++) {
		drmVersionPtr version;
		bool found;

		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		version = drmGetVersion(fd);
		found = version && !strcmp(version->name, "vgem");
		drmFreeVersion(version);
		if (found)
			return fd;
		close(fd);
	}
	test_fail(__FILE__, __LINE__, "no vgem");
	return -1;
}

/* A buffer of vgem's, mapped. */
static struct bo vgem_bo(int fd, uint64_t size)
{
	struct drm_mode_create_dumb create = { .width = size / 4, .height = 1, .bpp = 32 };
	struct drm_mode_map_dumb map = {};
	struct bo bo = { .size = size };

	CHECK_OK(drmIoctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &create));
	CHECK_EQ(create.size, size);
	bo.handle = create.handle;
	map.handle = create.handle;
	CHECK_OK(drmIoctl(fd, DRM_IOCTL_MODE_MAP_DUMB, &map));
	bo.map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, map.offset);
	CHECK(bo.map != MAP_FAILED);
	return bo;
}

/* Promise to write a buffer of vgem's; the fence. */
static uint32_t vgem_begin_write(int fd, uint32_t handle)
{
	struct drm_vgem_fence_attach args = { .handle = handle, .flags = VGEM_FENCE_WRITE };

	CHECK_OK(drmIoctl(fd, DRM_IOCTL_VGEM_FENCE_ATTACH, &args));
	return args.out_fence;
}

static void vgem_end_write(int fd, uint32_t fence)
{
	struct drm_vgem_fence_signal args = { .fence = fence };

	CHECK_OK(drmIoctl(fd, DRM_IOCTL_VGEM_FENCE_SIGNAL, &args));
}

/* ---- import ---------------------------------------------------------------------- */

/* The card reads and writes what @cpu sees of @bo. */
static void check_import(struct client *c, const struct bo *bo, const struct bo *cpu, uint32_t tag)
{
	struct bo out = client_bo(c, bo->size, DRM_EGRET_BO_VRAM);
	uint64_t i;

	packet_copy(c, out.va, bo->va, bo->size, 0);
	packet_fill(c, bo->va + 8, 8, 8, tag + 77, EGRET_PKT_BARRIER);
	packet_fill(c, bo->va + bo->size - 8, 8, 8, tag + 78, 0);
	CHECK_OK(run(c));
	for (i = 0; i < bo->size / PAGE; i++)
		CHECK_EQ(out.u32[i * PAGE / 4], i + tag);
	CHECK_EQ(cpu->u64[1], tag + 77);
	CHECK_EQ(cpu->u64[cpu->size / 8 - 1], tag + 78);
	CHECK_OK(vm_unmap(c->fd, c->vm, out.va, out.size));
	bo_close(c->fd, &out);
}

static void test_udmabuf(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	/* No multiple of large pages. */
	struct memory m = memory_create(3 * MiB + 5 * PAGE, 0x100);
	uint64_t shared = fdinfo(c.fd, "drm-shared-system");
	struct bo bo = bo_import(&c, m.dma_buf), page = bo;
	struct drm_egret_bo_mmap_offset offset = { .handle = bo.handle };

	check_import(&c, &bo, &m.bo, 0x100);
	CHECK_EQ(fdinfo(c.fd, "drm-shared-system"), shared + bo.size);

	/* A mapping of it is its exporter's, also of a part. */
	bo_map(c.fd, &bo);
	CHECK_EQ(bo.u32[PAGE / 4], 0x101);
	CHECK_OK(card_ioctl(c.fd, DRM_IOCTL_EGRET_BO_MMAP_OFFSET, &offset));
	page.map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, c.fd, offset.offset);
	CHECK(page.map != MAP_FAILED);
	CHECK_EQ(page.u32[0], 0x100);
	page.u32[1] = 99;
	CHECK_EQ(m.bo.u32[1], 99);

	/* The same buffer again is the same handle, and its dma-buf the same file. */
	CHECK_EQ(bo_import(&c, m.dma_buf).handle, bo.handle);
	CHECK_EQ(bo_import(&c, bo_export(c.fd, bo.handle)).handle, bo.handle);
}

static void test_from_vgem(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	int vgem = vgem_open();
	struct bo cpu = vgem_bo(vgem, 2 * MiB), bo;
	uint64_t i;

	for (i = 0; i < cpu.size / PAGE; i++)
		cpu.u32[i * PAGE / 4] = i + 0x200;
	bo = bo_import(&c, bo_export(vgem, cpu.handle));
	check_import(&c, &bo, &cpu, 0x200);
	/* What vgem lets go of stays. */
	close(vgem);
	check_import(&c, &bo, &cpu, 0x200);
}

enum hold { HOLD_HANDLE, HOLD_BINDING, HOLD_DMA_BUF, HOLD_MEMFD, HOLDS };

static void let_go(struct client *c, struct memory *m, struct bo *bo, enum hold hold)
{
	switch (hold) {
	case HOLD_HANDLE:
		handle_close(c->fd, bo->handle);
		break;
	case HOLD_BINDING:
		CHECK_OK(vm_unmap(c->fd, c->vm, bo->va, bo->size));
		break;
	case HOLD_DMA_BUF:
		close(m->dma_buf);
		break;
	default:
		close(m->memfd);
	}
}

/* In every order; as long as it is bound it can be used. */
static void test_import_orders(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	uint32_t order, k;

	for (order = 0; order < HOLDS * HOLDS * HOLDS * HOLDS; order++) {
		uint32_t hold[HOLDS] = {
			order % HOLDS, order / HOLDS % HOLDS, order / 16 % HOLDS, order / 64
		};
		uint32_t seen = 1U << hold[0] | 1U << hold[1] | 1U << hold[2] | 1U << hold[3];
		bool bound = true;
		struct memory m;
		struct bo bo;

		/* Permutations only. */
		if (seen != (1U << HOLDS) - 1)
			continue;
		m = memory_create(2 * PAGE, order);
		bo = bo_import(&c, m.dma_buf);
		for (k = 0; k < HOLDS; k++) {
			let_go(&c, &m, &bo, hold[k]);
			bound &= hold[k] != HOLD_BINDING;
			if (bound)
				check_import(&c, &bo, &m.bo, order);
		}
		CHECK_EQ(m.bo.u32[PAGE / 4], order + 1);
		CHECK_OK(munmap(m.bo.map, m.bo.size));
	}
	CHECK_EQ(fdinfo(c.fd, "drm-shared-system"), 0);
}

/* ---- export ----------------------------------------------------------------------- */

/* While vgem has it, a buffer is where vgem reaches it; it returns with its contents. */
static void test_to_vgem(void)
{
	uint64_t size = 2 * MiB;
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(placements); i++) {
		struct client c = client_open(DRM_EGRET_QUEUE_COPY);
		struct bo bo = numbered_bo(&c, size, placements[i], 0x300);
		const char *home = i ? "drm-resident-system" : "drm-resident-vram";
		uint64_t before = fdinfo(c.fd, home), far = fdinfo(c.fd, "drm-resident-system");
		int vgem = vgem_open(), dma_buf = bo_export(c.fd, bo.handle);
		uint32_t handle;

		CHECK_OK(vm_map(c.fd, c.vm, bo.handle, 0, c.next_va, size, ACCESS_ALL));
		bo.va = c.next_va;
		c.next_va += size;
		check_import(&c, &bo, &bo, 0x300);
		CHECK_OK(drmPrimeFDToHandle(vgem, dma_buf, &handle));
		if (!i) {
			CHECK_EQ(fdinfo(c.fd, home), before - size);
			CHECK_EQ(fdinfo(c.fd, "drm-resident-system"), far + size);
		}
		CHECK_EQ(bo.u32[PAGE / 4], 0x301);
		check_import(&c, &bo, &bo, 0x300);
		handle_close(vgem, handle);
		CHECK_OK(run(&c));
		CHECK_EQ(fdinfo(c.fd, home), before);
		check_import(&c, &bo, &bo, 0x300);
		close(dma_buf);
		close(vgem);
	}
}

/* The importer is the last who has it. */
static void test_export_outlives(void)
{
	uint32_t i, handle;

	for (i = 0; i < 2 * ARRAY_SIZE(placements); i++) {
		struct client c = client_open(DRM_EGRET_QUEUE_COPY);
		struct bo bo = numbered_bo(&c, MiB, placements[i % 2], 0x400);
		int vgem = vgem_open(), dma_buf = bo_export(c.fd, bo.handle);
		volatile uint32_t *map = mmap(NULL, MiB, PROT_READ, MAP_SHARED, dma_buf, 0);

		CHECK(map != MAP_FAILED);
		CHECK_OK(drmPrimeFDToHandle(vgem, dma_buf, &handle));
		bo_close(c.fd, &bo);
		CHECK_OK(munmap(c.cmd.map, c.cmd.size));
		client_close(&c);
		if (i / 2)
			close(vgem);
		close(dma_buf);
		CHECK_EQ(map[PAGE / 4], 0x401);
		if (!(i / 2))
			close(vgem);
		CHECK_EQ(map[PAGE / 4], 0x401);
		CHECK_OK(munmap((void *)map, MiB));
	}
}

/* ---- synchronisation ---------------------------------------------------------------- */

/* What others are writing is waited for, and they see what we are writing. */
static void check_sync(struct client *c, int vgem, uint32_t handle)
{
	struct bo word = client_bo(c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct drm_vgem_fence_attach attach = { .handle = handle, .flags = VGEM_FENCE_WRITE };
	uint32_t done = syncobj_create(c->fd), fence;
	struct drm_egret_sync sync = sync_signal(done, 0);

	fence = vgem_begin_write(vgem, handle);
	packet_fill(c, word.va + 8, 8, 8, 5, 0);
	CHECK_OK(submit(c, &sync, 1));
	CHECK_EQ(syncobj_wait(c->fd, done, 0, 200), -ETIME);
	CHECK_EQ(word.u64[1], 0);
	vgem_end_write(vgem, fence);
	CHECK_OK(syncobj_wait(c->fd, done, 0, 10000 * test_slow()));
	CHECK_EQ(word.u64[1], 5);

	syncobj_destroy(c->fd, done);
	done = syncobj_create(c->fd);
	sync = sync_signal(done, 0);
	packet_wait(c, word.va, 1);
	CHECK_OK(submit(c, &sync, 1));
	CHECK_EQ(drmIoctl(vgem, DRM_IOCTL_VGEM_FENCE_ATTACH, &attach), -1);
	CHECK_EQ(errno, EBUSY);
	word.u64[0] = 1;
	CHECK_OK(syncobj_wait(c->fd, done, 0, 10000 * test_slow()));
	vgem_end_write(vgem, vgem_begin_write(vgem, handle));
}

static void test_sync_imported(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	int vgem = vgem_open();
	struct bo cpu = vgem_bo(vgem, PAGE);

	bo_import(&c, bo_export(vgem, cpu.handle));
	check_sync(&c, vgem, cpu.handle);
}

static void test_sync_exported(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = bo_create(c.fd, MiB, DRM_EGRET_BO_VRAM, 0);
	int vgem = vgem_open();
	uint32_t handle;

	CHECK_OK(vm_map(c.fd, c.vm, bo.handle, 0, c.next_va, MiB, ACCESS_ALL));
	c.next_va += LARGE_PAGE;
	CHECK_OK(drmPrimeFDToHandle(vgem, bo_export(c.fd, bo.handle), &handle));
	check_sync(&c, vgem, handle);
}

/* Two queues that use the same shared buffer do not wait for each other. */
static void test_sync_among_us(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct client other = client_fork(&c, DRM_EGRET_QUEUE_COPY);
	struct memory m = memory_create(PAGE, 0);
	struct bo bo = bo_import(&c, m.dma_buf);
	uint32_t done = syncobj_create(c.fd);
	struct drm_egret_sync sync = sync_signal(done, 0);

	packet_wait(&c, bo.va + 8, 1);
	CHECK_OK(submit(&c, &sync, 1));
	packet_fill(&other, bo.va + 16, 8, 8, 6, 0);
	CHECK_OK(run(&other));
	CHECK_EQ(m.bo.u64[2], 6);
	CHECK_EQ(syncobj_wait(c.fd, done, 0, 0), -ETIME);
	m.bo.u64[1] = 1;
	CHECK_OK(syncobj_wait(c.fd, done, 0, 10000 * test_slow()));
}

int main(void)
{
	static const struct test tests[] = {
		TEST("pages of a memfd", test_udmabuf),
		TEST("a buffer of vgem", test_from_vgem),
		TEST("an imported buffer is let go of in every order", test_import_orders),
		TEST("to vgem", test_to_vgem),
		TEST("an exported buffer outlives its file", test_export_outlives),
		TEST("implicit synchronisation, imported", test_sync_imported),
		TEST("implicit synchronisation, exported", test_sync_exported),
		TEST("none among the card's own jobs", test_sync_among_us),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
