// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Address spaces: DRM_EGRET_VM_CREATE, _DESTROY, _BIND. */
#include "egret_test.h"

#include <unistd.h>

/* ---- arguments ------------------------------------------------------------- */

static void test_create_errors(void)
{
	struct drm_egret_vm_create args = { .flags = 1 };
	int fd = card_open();

	CHECK_ERR(card_ioctl(fd, DRM_IOCTL_EGRET_VM_CREATE, &args), EINVAL);
	args.flags = 0x80000000;
	CHECK_ERR(card_ioctl(fd, DRM_IOCTL_EGRET_VM_CREATE, &args), EINVAL);
}

static void test_destroy_errors(void)
{
	int fd = card_open();
	uint32_t vm = vm_create(fd);
	struct drm_egret_vm_destroy args = { .vm_id = vm, .pad = 1 };

	CHECK_ERR(card_ioctl(fd, DRM_IOCTL_EGRET_VM_DESTROY, &args), EINVAL);
	CHECK_ERR(vm_destroy(fd, 0), ENOENT);
	CHECK_ERR(vm_destroy(fd, vm + 1), ENOENT);
	CHECK_ERR(vm_destroy(card_open(), vm), ENOENT);
	CHECK_OK(vm_destroy(fd, vm));
	CHECK_ERR(vm_destroy(fd, vm), ENOENT);
}

static void test_contexts_run_out(void)
{
	int fd = card_open();
	struct drm_egret_vm_create args = {};
	uint32_t count = 0, contexts = device_info(fd).contexts;
	int ret;

	while (!(ret = card_ioctl(fd, DRM_IOCTL_EGRET_VM_CREATE, &args)))
		count++;
	CHECK_EQ(ret, -ENOSPC);
	CHECK(count <= contexts && count >= contexts - 8);
	CHECK_OK(vm_destroy(fd, 1));
	vm_create(fd);
}

enum field { END, OP, FLAGS, HANDLE, PAD, OFFSET, VA, SIZE };

/* Fields in which an operation differs from a good one. */
struct bind_error {
	uint32_t good;
	struct {
		enum field field;
		uint64_t value;
	} change[2];
	int err;
};

#define MAP	DRM_EGRET_BIND_MAP
#define UNMAP	DRM_EGRET_BIND_UNMAP
#define UNMAP_ALL	DRM_EGRET_BIND_UNMAP_ALL

/* For a buffer of four pages with handle 1. */
static const struct bind_error bind_errors[] = {
	{ MAP, { { OP, 4 } }, EINVAL },
	{ MAP, { { OP, ~0u } }, EINVAL },
	{ MAP, { { FLAGS, 0 } }, EINVAL },
	{ MAP, { { FLAGS, 8 } }, EINVAL },
	{ MAP, { { FLAGS, 0x80000001 } }, EINVAL },
	{ MAP, { { PAD, 1 } }, EINVAL },
	{ MAP, { { HANDLE, 0 } }, ENOENT },
	{ MAP, { { HANDLE, 1000 } }, ENOENT },
	{ MAP, { { SIZE, 0 } }, EINVAL },
	{ MAP, { { SIZE, PAGE / 2 } }, EINVAL },
	{ MAP, { { SIZE, 5 * PAGE } }, EINVAL },
	{ MAP, { { OFFSET, 1 } }, EINVAL },
	{ MAP, { { OFFSET, 4 * PAGE } }, EINVAL },
	{ MAP, { { OFFSET, 3 * PAGE }, { SIZE, 2 * PAGE } }, EINVAL },
	{ MAP, { { OFFSET, 0ULL - PAGE }, { SIZE, 2 * PAGE } }, EINVAL },
	{ MAP, { { VA, TEST_VA + 1 } }, EINVAL },
	{ MAP, { { VA, 0 } }, EINVAL },
	{ MAP, { { VA, EGRET_VA_MIN - PAGE } }, EINVAL },
	{ MAP, { { VA, EGRET_VA_MIN - PAGE }, { SIZE, 2 * PAGE } }, EINVAL },
	{ MAP, { { VA, EGRET_VA_END - PAGE } }, EINVAL },
	{ MAP, { { VA, EGRET_VA_END } }, EINVAL },
	{ MAP, { { VA, 0ULL - PAGE } }, EINVAL },
	{ UNMAP, { { FLAGS, DRM_EGRET_BIND_READ } }, EINVAL },
	{ UNMAP, { { HANDLE, 1 } }, EINVAL },
	{ UNMAP, { { OFFSET, PAGE } }, EINVAL },
	{ UNMAP, { { PAD, 1 } }, EINVAL },
	{ UNMAP, { { SIZE, 0 } }, EINVAL },
	{ UNMAP, { { SIZE, 100 } }, EINVAL },
	{ UNMAP, { { VA, TEST_VA + 8 } }, EINVAL },
	{ UNMAP, { { VA, 0 } }, EINVAL },
	{ UNMAP, { { SIZE, 0ULL - PAGE } }, EINVAL },
	{ UNMAP, { { VA, EGRET_VA_END - PAGE } }, EINVAL },
	{ UNMAP_ALL, { { SIZE, 0 } }, EINVAL },
	{ UNMAP_ALL, { { VA, 0 } }, EINVAL },
	{ UNMAP_ALL, { { VA, 0 }, { SIZE, PAGE } }, EINVAL },
};

/* The same for an operation whose fields are all zero. */
static const struct bind_error unmap_all_errors[] = {
	{ UNMAP_ALL, { { FLAGS, DRM_EGRET_BIND_READ } }, EINVAL },
	{ UNMAP_ALL, { { HANDLE, 1 } }, EINVAL },
	{ UNMAP_ALL, { { OFFSET, PAGE } }, EINVAL },
	{ UNMAP_ALL, { { PAD, 1 } }, EINVAL },
	{ UNMAP_ALL, { { VA, TEST_VA } }, EINVAL },
	{ UNMAP_ALL, { { SIZE, PAGE } }, EINVAL },
};

static void change_field(struct drm_egret_bind_op *op, enum field field, uint64_t value)
{
	switch (field) {
	case END: break;
	case OP: op->op = value; break;
	case FLAGS: op->flags = value; break;
	case HANDLE: op->handle = value; break;
	case PAD: op->pad = value; break;
	case OFFSET: op->offset = value; break;
	case VA: op->va = value; break;
	case SIZE: op->size = value; break;
	}
}

static struct drm_egret_bind_op make_op(const struct bind_error *error,
					struct drm_egret_bind_op op)
{
	uint32_t i;

	op.op = error->good;

	if (error->good == MAP) {
		op.flags = DRM_EGRET_BIND_READ;
		op.handle = 1;
	}
	for (i = 0; i < ARRAY_SIZE(error->change); i++)
		change_field(&op, error->change[i].field, error->change[i].value);
	return op;
}

static void check_bind_errors(int fd, uint32_t vm, const struct bind_error *errors,
			      uint32_t count, struct drm_egret_bind_op good)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		struct drm_egret_bind_op op = make_op(&errors[i], good);
		int ret = vm_bind_ops(fd, vm, &op, 1);

		if (ret != -errors[i].err)
			test_fail(__FILE__, __LINE__, "case %u gives %d and not %d", i, ret,
				  -errors[i].err);
	}
}

static void test_bind_errors(void)
{
	const struct drm_egret_bind_op page = { .va = TEST_VA, .size = PAGE }, zero = {};
	int fd = card_open();
	uint32_t vm = vm_create(fd);
	struct bo bo = bo_create(fd, 4 * PAGE, DRM_EGRET_BO_VRAM, 0);

	CHECK_EQ(bo.handle, 1);
	check_bind_errors(fd, vm, bind_errors, ARRAY_SIZE(bind_errors), page);
	check_bind_errors(fd, vm, unmap_all_errors, ARRAY_SIZE(unmap_all_errors), zero);
	CHECK_ERR(vm_map(fd, vm + 1, bo.handle, 0, TEST_VA, PAGE, ACCESS_ALL), ENOENT);
	CHECK_ERR(vm_map(fd, 0, bo.handle, 0, TEST_VA, PAGE, ACCESS_ALL), ENOENT);
	CHECK_OK(vm_map(fd, vm, bo.handle, 0, EGRET_VA_MIN, 4 * PAGE, ACCESS_ALL));
	CHECK_OK(vm_map(fd, vm, bo.handle, 0, device_info(fd).va_end - 4 * PAGE, 4 * PAGE,
			ACCESS_ALL));
	CHECK_ERR(vm_map(fd, vm, bo.handle, 0, device_info(fd).va_end - 3 * PAGE, 4 * PAGE,
			 ACCESS_ALL), EINVAL);
}

static int bind(int fd, struct drm_egret_vm_bind args)
{
	return card_ioctl(fd, DRM_IOCTL_EGRET_VM_BIND, &args);
}

static void test_bind_flags_and_syncs(void)
{
	int fd = card_open();
	uint32_t vm = vm_create(fd);
	struct drm_egret_sync sync = sync_wait(syncobj_create(fd), 0);
	struct drm_egret_vm_bind args = { .vm_id = vm };

	CHECK_OK(bind(fd, args));
	args.flags = 2;
	CHECK_ERR(bind(fd, args), EINVAL);
	args.flags = DRM_EGRET_VM_BIND_ASYNC | 2;
	CHECK_ERR(bind(fd, args), EINVAL);
	args.flags = 0;
	args.syncs.array = (uintptr_t)&sync;
	CHECK_ERR(bind(fd, args), EINVAL);
	args.syncs.count = 1;
	args.syncs.stride = sizeof(sync);
	CHECK_ERR(bind(fd, args), EINVAL);
}

static void test_bind_arrays(void)
{
	struct longer {
		struct drm_egret_bind_op op;
		uint64_t more;
	} longer[2] = {
		{ .op = { .op = UNMAP, .va = TEST_VA, .size = PAGE } },
		{ .op = { .op = UNMAP, .va = TEST_VA, .size = PAGE } },
	};
	int fd = card_open();
	struct drm_egret_vm_bind args = {
		.vm_id = vm_create(fd),
		.ops = { .stride = sizeof(longer[0]), .count = 2, .array = (uintptr_t)longer },
	};

	/* An element may be longer, if what is not known is zero. */
	CHECK_OK(bind(fd, args));
	longer[1].more = 1;
	CHECK_ERR(bind(fd, args), E2BIG);
	longer[1].more = 0;
	args.ops.stride = 1 << 20;
	CHECK_ERR(bind(fd, args), E2BIG);
	args.ops.stride = sizeof(longer[0].op) - 1;
	CHECK_ERR(bind(fd, args), EINVAL);
	args.ops.stride = 0;
	CHECK_ERR(bind(fd, args), EINVAL);
	args.ops.stride = sizeof(longer[0]);
	args.ops.count = DRM_EGRET_BIND_OPS_MAX + 1;
	CHECK_ERR(bind(fd, args), E2BIG);
	args.ops.count = ~0u;
	CHECK_ERR(bind(fd, args), E2BIG);
	args.ops.count = 0;
	CHECK_ERR(bind(fd, args), EINVAL);
	args.ops.count = 2;
	args.ops.array = 8;
	CHECK_ERR(bind(fd, args), EFAULT);
	args.ops.array = 0;
	CHECK_ERR(bind(fd, args), EFAULT);
}

/* Programs that know less of a structure than the kernel, or more. */
static void test_sizes(void)
{
	struct {
		struct drm_egret_vm_create args;
		uint64_t more;
	} longer = { .more = ~0ULL };
	struct drm_egret_bind_op op = { .op = UNMAP, .va = TEST_VA, .size = PAGE };
	struct {
		uint32_t vm_id;
		uint32_t flags;
		struct drm_egret_array ops;
	} shorter = {
		.ops = { .stride = sizeof(op), .count = 1, .array = (uintptr_t)&op },
	};
	int fd = card_open();

	CHECK_OK(card_ioctl(fd, DRM_IOWR(DRM_COMMAND_BASE + DRM_EGRET_VM_CREATE, longer),
			    &longer));
	CHECK(longer.args.vm_id);
	CHECK_EQ(longer.more, ~0ULL);
	shorter.vm_id = longer.args.vm_id;
	CHECK_OK(card_ioctl(fd, DRM_IOW(DRM_COMMAND_BASE + DRM_EGRET_VM_BIND, shorter),
			    &shorter));
	shorter.ops.count = 0;
	CHECK_ERR(card_ioctl(fd, DRM_IOW(DRM_COMMAND_BASE + DRM_EGRET_VM_BIND, shorter),
			     &shorter), EINVAL);
}

static void test_bind_private(void)
{
	int fd = card_open();
	uint32_t vm = vm_create(fd), other = vm_create(fd);
	struct bo bo = bo_create(fd, PAGE, DRM_EGRET_BO_VRAM, vm);

	CHECK_OK(vm_map(fd, vm, bo.handle, 0, TEST_VA, PAGE, ACCESS_ALL));
	CHECK_ERR(vm_map(fd, other, bo.handle, 0, TEST_VA, PAGE, ACCESS_ALL), EINVAL);
	/* The number of a context is not what decides. */
	CHECK_OK(vm_destroy(fd, vm));
	vm = vm_create(fd);
	CHECK_ERR(vm_map(fd, vm, bo.handle, 0, TEST_VA, PAGE, ACCESS_ALL), EINVAL);
}

/* ---- what is translated ------------------------------------------------------- */

static void test_map_unmap(void)
{
	static const uint32_t placements[] = { DRM_EGRET_BO_VRAM, DRM_EGRET_BO_SYSTEM };
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	uint64_t va = c.next_va;
	uint32_t p, i;

	for (p = 0; p < ARRAY_SIZE(placements); p++) {
		struct bo bo = numbered_bo(&c, 16 * PAGE, placements[p], 0x1000);

		CHECK_OK(vm_map(c.fd, c.vm, bo.handle, 4 * PAGE, va, 8 * PAGE, ACCESS_ALL));
		for (i = 0; i < 8; i++)
			CHECK_EQ(peek(&c, &out, va + i * PAGE), 0x1004 + i);
		CHECK_EQ(peek(&c, &out, va - PAGE), -1);
		CHECK_EQ(peek(&c, &out, va + 8 * PAGE), -1);
		CHECK_OK(vm_unmap(c.fd, c.vm, va, 8 * PAGE));
		CHECK_EQ(peek(&c, &out, va), -1);
		/* Nothing is bound: no error. */
		CHECK_OK(vm_unmap(c.fd, c.vm, va, 8 * PAGE));
	}
}

static void test_split(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct bo a = numbered_bo(&c, 16 * PAGE, DRM_EGRET_BO_VRAM, 0xa00);
	struct bo b = numbered_bo(&c, 16 * PAGE, DRM_EGRET_BO_SYSTEM, 0xb00);
	uint64_t va = c.next_va;
	uint32_t i;

	CHECK_OK(vm_map(c.fd, c.vm, a.handle, 0, va, 16 * PAGE, ACCESS_ALL));
	/* A hole, another buffer in place of a part, and over an edge. */
	CHECK_OK(vm_unmap(c.fd, c.vm, va + 3 * PAGE, 2 * PAGE));
	CHECK_OK(vm_map(c.fd, c.vm, b.handle, 0, va + 8 * PAGE, 2 * PAGE, ACCESS_ALL));
	CHECK_OK(vm_map(c.fd, c.vm, b.handle, PAGE, va + 15 * PAGE, 2 * PAGE, ACCESS_ALL));
	for (i = 0; i < 17; i++) {
		int64_t expected = 0xa00 + i;

		if (i == 3 || i == 4)
			expected = -1;
		if (i == 8 || i == 9)
			expected = 0xb00 + i - 8;
		if (i == 15 || i == 16)
			expected = 0xb01 + i - 15;
		CHECK_EQ(peek(&c, &out, va + i * PAGE), expected);
	}
	/* The remaining parts hold the buffer without its handle. */
	bo_close(c.fd, &a);
	bo_close(c.fd, &b);
	CHECK_EQ(peek(&c, &out, va + 7 * PAGE), 0xa07);
	CHECK_EQ(peek(&c, &out, va + 9 * PAGE), 0xb01);
	CHECK_OK(vm_unmap(c.fd, c.vm, va, 1ULL << 40));
	CHECK_EQ(peek(&c, &out, va + 7 * PAGE), -1);
}

static void test_large_pages(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct bo a = numbered_bo(&c, 4 * LARGE_PAGE, DRM_EGRET_BO_VRAM, 0x10000);
	struct bo b = numbered_bo(&c, 4 * LARGE_PAGE, DRM_EGRET_BO_VRAM, 0x20000);
	const uint32_t pages = LARGE_PAGE / PAGE;
	uint64_t va = c.next_va, small, large;

	/* The same with an offset that large pages cannot serve costs tables. */
	small = memory_info(c.fd).vram_used;
	CHECK_OK(vm_map(c.fd, c.vm, a.handle, 0, va, a.size, ACCESS_ALL));
	large = memory_info(c.fd).vram_used - small;
	CHECK_OK(vm_unmap(c.fd, c.vm, va, a.size));
	CHECK_EQ(memory_info(c.fd).vram_used, small);
	CHECK_OK(vm_map(c.fd, c.vm, a.handle, PAGE, va, a.size - PAGE, ACCESS_ALL));
	CHECK_EQ(memory_info(c.fd).vram_used - small, large + 4 * PAGE);
	CHECK_EQ(peek(&c, &out, va + 3 * LARGE_PAGE), 0x10001 + 3 * pages);
	CHECK_OK(vm_unmap(c.fd, c.vm, va, a.size));

	/* Cut pieces out of large pages. */
	CHECK_OK(vm_map(c.fd, c.vm, a.handle, 0, va, a.size, ACCESS_ALL));
	CHECK_EQ(peek(&c, &out, va + LARGE_PAGE), 0x10000 + pages);
	CHECK_OK(vm_unmap(c.fd, c.vm, va + LARGE_PAGE - PAGE, 2 * PAGE));
	CHECK_EQ(peek(&c, &out, va + LARGE_PAGE - 2 * PAGE), 0x10000 + pages - 2);
	CHECK_EQ(peek(&c, &out, va + LARGE_PAGE - PAGE), -1);
	CHECK_EQ(peek(&c, &out, va + LARGE_PAGE), -1);
	CHECK_EQ(peek(&c, &out, va + LARGE_PAGE + PAGE), 0x10000 + pages + 1);
	CHECK_EQ(peek(&c, &out, va + 2 * LARGE_PAGE), 0x10000 + 2 * pages);
	/* A small page in the middle of a large one, a large one over all. */
	CHECK_OK(vm_map(c.fd, c.vm, b.handle, 0, va + 2 * LARGE_PAGE + 5 * PAGE, PAGE,
			ACCESS_ALL));
	CHECK_EQ(peek(&c, &out, va + 2 * LARGE_PAGE + 4 * PAGE), 0x10000 + 2 * pages + 4);
	CHECK_EQ(peek(&c, &out, va + 2 * LARGE_PAGE + 5 * PAGE), 0x20000);
	CHECK_EQ(peek(&c, &out, va + 2 * LARGE_PAGE + 6 * PAGE), 0x10000 + 2 * pages + 6);
	CHECK(memory_info(c.fd).vram_used > small + large);
	CHECK_OK(vm_map(c.fd, c.vm, b.handle, 0, va, b.size, ACCESS_ALL));
	CHECK_EQ(memory_info(c.fd).vram_used, small + large);
	CHECK_EQ(peek(&c, &out, va + LARGE_PAGE), 0x20000 + pages);
	CHECK_EQ(peek(&c, &out, va + 2 * LARGE_PAGE + 5 * PAGE), 0x20000 + 2 * pages + 5);
	CHECK_EQ(peek(&c, &out, va + 4 * LARGE_PAGE - PAGE), 0x20000 + 4 * pages - 1);
	CHECK_OK(vm_unmap(c.fd, c.vm, va, b.size));
	CHECK_EQ(memory_info(c.fd).vram_used, small);
}

/* Operations of one call that cut what others of it bind. */
static void test_large_pages_at_once(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct bo a = numbered_bo(&c, 2 * LARGE_PAGE, DRM_EGRET_BO_VRAM, 0x10000);
	uint64_t va = c.next_va, used = memory_info(c.fd).vram_used;
	const uint32_t pages = LARGE_PAGE / PAGE;
	const struct drm_egret_bind_op ops[] = {
		{ .op = MAP, .flags = ACCESS_ALL, .handle = a.handle, .va = va, .size = a.size },
		{ .op = UNMAP, .va = va + LARGE_PAGE - PAGE, .size = 3 * PAGE },
		{ .op = MAP, .flags = ACCESS_ALL, .handle = a.handle, .va = va + 7 * PAGE,
		  .size = PAGE },
		{ .op = MAP, .flags = ACCESS_ALL, .handle = a.handle,
		  .va = va + 4 * LARGE_PAGE, .size = a.size },
		{ .op = UNMAP, .va = va + 4 * LARGE_PAGE, .size = a.size },
	};

	CHECK_OK(vm_bind_ops(c.fd, c.vm, ops, ARRAY_SIZE(ops)));
	CHECK_EQ(peek(&c, &out, va), 0x10000);
	CHECK_EQ(peek(&c, &out, va + 6 * PAGE), 0x10006);
	CHECK_EQ(peek(&c, &out, va + 7 * PAGE), 0x10000);
	CHECK_EQ(peek(&c, &out, va + LARGE_PAGE - 2 * PAGE), 0x10000 + pages - 2);
	CHECK_EQ(peek(&c, &out, va + LARGE_PAGE - PAGE), -1);
	CHECK_EQ(peek(&c, &out, va + LARGE_PAGE + PAGE), -1);
	CHECK_EQ(peek(&c, &out, va + LARGE_PAGE + 2 * PAGE), 0x10000 + pages + 2);
	CHECK_EQ(peek(&c, &out, va + 4 * LARGE_PAGE), -1);
	CHECK_OK(vm_unmap(c.fd, c.vm, va, 8 * LARGE_PAGE));
	CHECK_EQ(memory_info(c.fd).vram_used, used);
}

static void test_unmap_all(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct client other = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&other, PAGE, DRM_EGRET_BO_SYSTEM);
	struct bo a = numbered_bo(&c, 2 * LARGE_PAGE, DRM_EGRET_BO_VRAM, 0x10000);
	uint64_t va = c.next_va, used, i;
	const struct drm_egret_bind_op ops[] = {
		{ .op = UNMAP_ALL },
		{ .op = MAP, .flags = ACCESS_ALL, .handle = c.cmd.handle, .va = c.cmd.va,
		  .size = c.cmd.size },
	};

	CHECK_OK(vm_unmap(c.fd, c.vm, c.cmd.va, c.cmd.size));
	used = memory_info(c.fd).vram_used;
	for (i = 0; i < 5; i++)
		CHECK_OK(vm_map(c.fd, c.vm, a.handle, i * PAGE, va + (i << 40), a.size - i * PAGE,
				ACCESS_ALL));
	CHECK_OK(vm_map(c.fd, c.vm, a.handle, 0, EGRET_VA_MIN, PAGE, ACCESS_ALL));
	CHECK_OK(vm_map(c.fd, c.vm, a.handle, 0, device_info(c.fd).va_end - PAGE, PAGE,
			ACCESS_ALL));
	CHECK_OK(vm_bind_ops(c.fd, c.vm, ops, 1));
	CHECK_EQ(memory_info(c.fd).vram_used, used);
	/* The queue's own pages are still there, and other address spaces are whole. */
	CHECK_OK(vm_bind_ops(c.fd, c.vm, ops, 2));
	packet_copy(&c, c.cmd.va, va, 4, 0);
	CHECK_EQ(run(&c), -ECANCELED);
	CHECK_EQ(queue_query(c.fd, c.queue).fault_addr, va);
	CHECK_EQ(peek(&other, &out, out.va + 8), 0);
}

static void test_access_rights(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct bo bo = numbered_bo(&c, PAGE, DRM_EGRET_BO_VRAM, 5);
	uint64_t va = c.next_va;

	CHECK_OK(vm_map(c.fd, c.vm, bo.handle, 0, va, PAGE, DRM_EGRET_BIND_READ));
	CHECK_EQ(peek(&c, &out, va), 5);
	packet_fill(&c, va, 4, 4, 1, 0);
	CHECK_EQ(run(&c), -ECANCELED);
	CHECK_EQ(queue_query(c.fd, c.queue).fault_code, EGRET_FAULT_MMU_PERMISSION);
	CHECK_EQ(queue_query(c.fd, c.queue).fault_addr, va);
	CHECK_EQ(bo.u32[0], 5);

	c.queue = queue_create(c.fd, c.vm, DRM_EGRET_QUEUE_COPY);
	CHECK_OK(vm_map(c.fd, c.vm, bo.handle, 0, va, PAGE, DRM_EGRET_BIND_WRITE));
	packet_fill(&c, va, 4, 4, 6, 0);
	CHECK_OK(run(&c));
	CHECK_EQ(bo.u32[0], 6);
	CHECK_EQ(peek(&c, &out, va), -1);
}

/* The pages of the ring and the fence slot are not the user's. */
static void test_kernel_pages(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	uint64_t va = device_info(c.fd).va_end;
	uint32_t i;

	/* Wherever the queue's pages are, within the first hardware queues' places. */
	for (i = 0; i < 32; i++)
		CHECK_EQ(peek(&c, &out, va + i * PAGE), -1);
}

/* ---- all or nothing -------------------------------------------------------------- */

static void test_atomic(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct bo a = numbered_bo(&c, 8 * PAGE, DRM_EGRET_BO_VRAM, 0xa00);
	struct bo b = numbered_bo(&c, 8 * PAGE, DRM_EGRET_BO_VRAM, 0xb00);
	uint64_t va = c.next_va;
	struct drm_egret_bind_op ops[] = {
		{ .op = DRM_EGRET_BIND_MAP, .flags = ACCESS_ALL, .handle = b.handle,
		  .va = va, .size = 8 * PAGE },
		{ .op = DRM_EGRET_BIND_UNMAP, .va = va + 2 * PAGE, .size = PAGE },
		{ .op = DRM_EGRET_BIND_MAP, .flags = ACCESS_ALL, .handle = a.handle,
		  .offset = 7 * PAGE, .va = va + 4 * PAGE, .size = PAGE },
		{ .op = DRM_EGRET_BIND_MAP, .flags = ACCESS_ALL, .handle = 12345,
		  .va = va + (1ULL << 40), .size = PAGE },
	};

	CHECK_OK(vm_map(c.fd, c.vm, a.handle, 0, va, 8 * PAGE, ACCESS_ALL));
	CHECK_ERR(vm_bind_ops(c.fd, c.vm, ops, 4), ENOENT);
	CHECK_EQ(peek(&c, &out, va), 0xa00);
	CHECK_EQ(peek(&c, &out, va + 2 * PAGE), 0xa02);
	CHECK_EQ(peek(&c, &out, va + 4 * PAGE), 0xa04);
	/* Later operations see what earlier ones did. */
	CHECK_OK(vm_bind_ops(c.fd, c.vm, ops, 3));
	CHECK_EQ(peek(&c, &out, va), 0xb00);
	CHECK_EQ(peek(&c, &out, va + 2 * PAGE), -1);
	CHECK_EQ(peek(&c, &out, va + 3 * PAGE), 0xb03);
	CHECK_EQ(peek(&c, &out, va + 4 * PAGE), 0xa07);
	CHECK_EQ(peek(&c, &out, va + 5 * PAGE), 0xb05);
}

/* Let page tables take all the device memory that buffers leave to them. */
static void fill_vram(struct client *c)
{
	struct bo bo = bo_create(c->fd, PAGE, DRM_EGRET_BO_SYSTEM, c->vm);
	uint64_t total = memory_info(c->fd).vram_total, va = c->next_va, size;
	uint32_t handle;
	int ret;

	/* Nobody is pushed out: that would make tables empty. */
	for (size = 1ULL << 32; size >= PAGE; size /= 2)
		while (memory_info(c->fd).vram_used + size <= total - total / 64)
			CHECK_OK(bo_try_create(c->fd, size, DRM_EGRET_BO_VRAM, 0, &handle));
	/* First two tables each, then one. */
	while (!(ret = vm_map(c->fd, c->vm, bo.handle, 0, va, PAGE, ACCESS_ALL)))
		va += 1ULL << 30;
	CHECK_EQ(ret, -ENOSPC);
	va -= 1ULL << 30;
	while (!(ret = vm_map(c->fd, c->vm, bo.handle, 0, va, PAGE, ACCESS_ALL)))
		va += LARGE_PAGE;
	CHECK_EQ(ret, -ENOSPC);
}

static void test_no_memory_for_tables(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct bo a = numbered_bo(&c, 4 * PAGE, DRM_EGRET_BO_VRAM, 0xa00);
	struct bo b = numbered_bo(&c, 4 * PAGE, DRM_EGRET_BO_SYSTEM, 0xb00);
	uint64_t va = c.next_va, used;
	struct drm_egret_bind_op ops[] = {
		{ .op = DRM_EGRET_BIND_MAP, .flags = ACCESS_ALL, .handle = b.handle,
		  .va = va, .size = 4 * PAGE },
		{ .op = DRM_EGRET_BIND_MAP, .flags = ACCESS_ALL, .handle = b.handle,
		  .va = va + (1ULL << 42), .size = PAGE },
	};
	struct drm_egret_vm_create create = {};
	struct client filler = { .next_va = va };
	uint64_t before;

	CHECK_OK(vm_map(c.fd, c.vm, a.handle, 0, va, 4 * PAGE, ACCESS_ALL));
	before = memory_info(c.fd).vram_used;
	/* Without a mapping, which would keep its buffers after the file is closed. */
	filler.fd = card_open();
	filler.vm = vm_create(filler.fd);
	fill_vram(&filler);
	used = memory_info(c.fd).vram_used;
	CHECK_EQ(used, memory_info(c.fd).vram_total);
	CHECK_ERR(vm_bind_ops(c.fd, c.vm, ops, 2), ENOSPC);
	CHECK_EQ(memory_info(c.fd).vram_used, used);
	CHECK_EQ(peek(&c, &out, va + PAGE), 0xa01);
	CHECK_ERR(card_ioctl(c.fd, DRM_IOCTL_EGRET_VM_CREATE, &create), ENOSPC);
	/* What needs no new table is possible. */
	CHECK_OK(vm_bind_ops(c.fd, c.vm, ops, 1));
	CHECK_EQ(peek(&c, &out, va + PAGE), 0xb01);
	client_close(&filler);
	CHECK(memory_returns_to(c.fd, before));
	CHECK_OK(vm_bind_ops(c.fd, c.vm, ops, 2));
	CHECK_EQ(peek(&c, &out, va + (1ULL << 42)), 0xb00);
}

static void test_many_ops(void)
{
	static struct drm_egret_bind_op ops[DRM_EGRET_BIND_OPS_MAX];
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct bo bo = numbered_bo(&c, 4 * PAGE, DRM_EGRET_BO_VRAM, 0);
	uint64_t used, va = c.next_va;
	uint32_t i;

	used = memory_info(c.fd).vram_used;
	for (i = 0; i < DRM_EGRET_BIND_OPS_MAX; i++)
		ops[i] = (struct drm_egret_bind_op) {
			.op = DRM_EGRET_BIND_MAP,
			.flags = DRM_EGRET_BIND_READ,
			.handle = bo.handle,
			.offset = i % 4 * PAGE,
			.va = va + i * 3 * PAGE,
			.size = PAGE,
		};
	CHECK_OK(vm_bind_ops(c.fd, c.vm, ops, DRM_EGRET_BIND_OPS_MAX));
	for (i = 0; i < DRM_EGRET_BIND_OPS_MAX; i += 997)
		CHECK_EQ(peek(&c, &out, va + i * 3 * PAGE), i % 4);
	CHECK_EQ(peek(&c, &out, va + PAGE), -1);
	for (i = 0; i < DRM_EGRET_BIND_OPS_MAX; i++)
		ops[i] = (struct drm_egret_bind_op) {
			.op = DRM_EGRET_BIND_UNMAP,
			.va = va + i * 3 * PAGE,
			.size = PAGE,
		};
	CHECK_OK(vm_bind_ops(c.fd, c.vm, ops, DRM_EGRET_BIND_OPS_MAX));
	CHECK_EQ(memory_info(c.fd).vram_used, used);
}

/* Against a model: what is bound where, over random binds and unbinds. */
static void test_random(void)
{
	enum { PAGES = 3 * 512 };
	static int64_t expected[PAGES];
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct bo bo[3];
	uint64_t va = c.next_va, used;
	uint32_t round, i;

	srand(1);
	used = memory_info(c.fd).vram_used;
	bo[0] = numbered_bo(&c, PAGES * PAGE, DRM_EGRET_BO_VRAM, 0x10000);
	bo[1] = numbered_bo(&c, PAGES * PAGE, DRM_EGRET_BO_VRAM, 0x20000);
	bo[2] = numbered_bo(&c, PAGES * PAGE, DRM_EGRET_BO_SYSTEM, 0x30000);
	for (i = 0; i < PAGES; i++)
		expected[i] = -1;
	for (round = 0; round < 400; round++) {
		uint32_t first = rand() % PAGES, n = rand() % (PAGES - first) + 1;
		uint32_t offset = rand() % (PAGES - n + 1), b = rand() % 4;

		if (rand() % 3 == 0) {
			/* Give large pages their chance. */
			first &= ~511u;
			n = 512;
			offset &= ~511u;
		}
		if (b == 3) {
			CHECK_OK(vm_unmap(c.fd, c.vm, va + first * PAGE, n * PAGE));
			for (i = 0; i < n; i++)
				expected[first + i] = -1;
		} else {
			CHECK_OK(vm_map(c.fd, c.vm, bo[b].handle, offset * PAGE,
					va + first * PAGE, n * PAGE, ACCESS_ALL));
			for (i = 0; i < n; i++)
				expected[first + i] = 0x10000 * (b + 1) + offset + i;
		}
		for (i = 0; i < 4; i++) {
			uint32_t page = rand() % PAGES;

			if (i == 0)
				page = first;
			if (i == 1)
				page = first + n - 1;
			CHECK_EQ(peek(&c, &out, va + page * PAGE), expected[page]);
		}
	}
	CHECK_OK(vm_unmap(c.fd, c.vm, va, PAGES * PAGE));
	for (i = 0; i < 3; i++)
		bo_close(c.fd, &bo[i]);
	CHECK_EQ(memory_info(c.fd).vram_used, used);
}

/* A destroyed address space goes on for its queues. */
static void test_destroy_with_queue(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);

	CHECK_OK(vm_destroy(c.fd, c.vm));
	packet_fill(&c, out.va, 8, 8, 77, 0);
	CHECK_OK(run(&c));
	CHECK_EQ(out.u64[0], 77);
	CHECK_ERR(vm_unmap(c.fd, c.vm, out.va, PAGE), ENOENT);
}

int main(void)
{
	static const struct test tests[] = {
		TEST("create: errors", test_create_errors),
		TEST_LONG("create: contexts run out", test_contexts_run_out, 60),
		TEST("destroy: errors", test_destroy_errors),
		TEST("destroy: queues go on", test_destroy_with_queue),
		TEST("bind: errors", test_bind_errors),
		TEST("bind: flags and syncs", test_bind_flags_and_syncs),
		TEST("bind: arrays", test_bind_arrays),
		TEST("sizes of structures", test_sizes),
		TEST("bind: private buffers", test_bind_private),
		TEST("bind: map and unmap", test_map_unmap),
		TEST("bind: split", test_split),
		TEST("bind: large pages", test_large_pages),
		TEST("bind: large pages, at once", test_large_pages_at_once),
		TEST("bind: unmap all", test_unmap_all),
		TEST("bind: access rights", test_access_rights),
		TEST("bind: pages of the kernel", test_kernel_pages),
		TEST("bind: all or nothing", test_atomic),
		TEST_LONG("bind: no memory for page tables", test_no_memory_for_tables, 60),
		TEST_LONG("bind: many operations", test_many_ops, 60),
		TEST_LONG("bind: random operations", test_random, 120),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
