// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* User pointers: DRM_EGRET_BIND_MAP_USERPTR, and what the process does meanwhile. */
#define _GNU_SOURCE
#include "egret_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_WRITE	(DRM_EGRET_BIND_READ | DRM_EGRET_BIND_WRITE)

static int bind_user(struct client *c, const volatile void *p, uint64_t va, uint64_t size,
		     uint32_t flags)
{
	const struct drm_egret_bind_op op = {
		.op = DRM_EGRET_BIND_MAP_USERPTR, .flags = flags,
		.offset = (uintptr_t)p, .va = va, .size = size,
	};

	return vm_bind_ops(c->fd, c->vm, &op, 1);
}

/* A client, on a kernel that has what user pointers need. */
static struct client user_client(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	const struct drm_egret_bind_op op = {
		.op = DRM_EGRET_BIND_MAP_USERPTR, .flags = READ_WRITE,
		.offset = (uintptr_t)c.cmd.map, .va = TEST_VA, .size = PAGE,
	};

	/* A mapping of the card is not user memory: an error in any case. */
	if (vm_bind_ops(c.fd, c.vm, &op, 1) == -EOPNOTSUPP)
		test_skip("this kernel has no HMM");
	return c;
}

static uint32_t *map_memory(void *where, uint64_t size, int protection)
{
	void *p = mmap(where, size, protection,
		       MAP_PRIVATE | MAP_ANONYMOUS | (where ? MAP_FIXED : 0), -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

/* Memory whose every page begins with its number and @tag. */
static void number_pages(volatile uint32_t *p, uint64_t size, uint32_t tag)
{
	uint64_t i;

	for (i = 0; i < size / PAGE; i++)
		p[i * PAGE / 4] = tag + i;
}

/* Write a word through the card. */
static int poke(struct client *c, uint64_t va, uint32_t value)
{
	packet_fill(c, va, 4, 4, value, 0);
	return run(c);
}

/* ---- errors ------------------------------------------------------------------------ */

static void test_errors(void)
{
	struct client c = user_client();
	struct bo bo = client_bo(&c, 4 * PAGE, DRM_EGRET_BO_VRAM);
	uint32_t *p = map_memory(NULL, 8 * PAGE, PROT_READ | PROT_WRITE);
	struct drm_egret_bind_op op = {
		.op = DRM_EGRET_BIND_MAP_USERPTR, .flags = READ_WRITE,
		.offset = (uintptr_t)p, .va = TEST_VA, .size = PAGE,
	};

	op.handle = bo.handle;
	CHECK_ERR(vm_bind_ops(c.fd, c.vm, &op, 1), EINVAL);
	op.handle = 0;
	op.pad = 1;
	CHECK_ERR(vm_bind_ops(c.fd, c.vm, &op, 1), EINVAL);
	CHECK_ERR(bind_user(&c, p, TEST_VA, PAGE, 0), EINVAL);
	CHECK_ERR(bind_user(&c, p, TEST_VA, PAGE, 8), EINVAL);
	CHECK_ERR(bind_user(&c, p, TEST_VA, 0, READ_WRITE), EINVAL);
	CHECK_ERR(bind_user(&c, p, TEST_VA, 100, READ_WRITE), EINVAL);
	CHECK_ERR(bind_user(&c, p, TEST_VA + 4, PAGE, READ_WRITE), EINVAL);
	CHECK_ERR(bind_user(&c, p + 1, TEST_VA, PAGE, READ_WRITE), EINVAL);
	CHECK_ERR(bind_user(&c, p, 0, PAGE, READ_WRITE), EINVAL);
	/* No memory: nothing there, a hole, the kernel's, beyond the end. */
	CHECK_ERR(bind_user(&c, NULL, TEST_VA, PAGE, READ_WRITE), EFAULT);
	CHECK_OK(munmap((uint8_t *)p + 3 * PAGE, PAGE));
	CHECK_ERR(bind_user(&c, p, TEST_VA, 8 * PAGE, READ_WRITE), EFAULT);
	CHECK_OK(bind_user(&c, p, TEST_VA, 3 * PAGE, READ_WRITE));
	CHECK_ERR(bind_user(&c, (void *)0xffffffff80000000, TEST_VA, PAGE, READ_WRITE), EFAULT);
	CHECK_ERR(bind_user(&c, (void *)(0 - PAGE), TEST_VA, 2 * PAGE, READ_WRITE), EFAULT);
	CHECK_ERR(bind_user(&c, p, TEST_VA, 1ULL << 46, READ_WRITE), EFAULT);
	/* Memory of a card. */
	CHECK_ERR(bind_user(&c, bo.map, TEST_VA, PAGE, READ_WRITE), EFAULT);
	/* Read-only memory, for writing. */
	CHECK_OK(mprotect(p, PAGE, PROT_READ));
	CHECK_ERR(bind_user(&c, p, TEST_VA, PAGE, READ_WRITE), EFAULT);
	CHECK_OK(bind_user(&c, p, TEST_VA, PAGE, DRM_EGRET_BIND_READ));
	CHECK_OK(mprotect(p, PAGE, PROT_NONE));
	CHECK_ERR(bind_user(&c, p, TEST_VA, PAGE, DRM_EGRET_BIND_READ), EFAULT);
}

/* All operations or none, also with user pointers among them. */
static void test_atomic(void)
{
	struct client c = user_client();
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	uint32_t *p = map_memory(NULL, 4 * PAGE, PROT_READ | PROT_WRITE);
	uint64_t va = c.next_va;
	const struct drm_egret_bind_op ops[] = {
		{ .op = DRM_EGRET_BIND_MAP_USERPTR, .flags = READ_WRITE,
		  .offset = (uintptr_t)p, .va = va, .size = 4 * PAGE },
		{ .op = DRM_EGRET_BIND_UNMAP, .va = va + PAGE, .size = PAGE },
		{ .op = DRM_EGRET_BIND_MAP_USERPTR, .flags = READ_WRITE, .offset = 0,
		  .va = va, .size = PAGE },
	};

	number_pages(p, 4 * PAGE, 0x50);
	CHECK_ERR(vm_bind_ops(c.fd, c.vm, ops, 3), EFAULT);
	CHECK_EQ(peek(&c, &out, va), -1);
	CHECK_OK(vm_bind_ops(c.fd, c.vm, ops, 2));
	CHECK_EQ(peek(&c, &out, va), 0x50);
	CHECK_EQ(peek(&c, &out, va + PAGE), -1);
	CHECK_EQ(peek(&c, &out, va + 2 * PAGE), 0x52);
}

/* ---- access ------------------------------------------------------------------------- */

static void test_read_write(void)
{
	enum { SIZE = 5 * MiB };
	struct client c = user_client();
	struct bo vram = client_bo(&c, SIZE, DRM_EGRET_BO_VRAM);
	uint32_t *p = map_memory(NULL, SIZE, PROT_READ | PROT_WRITE);
	uint64_t va = c.next_va, i;

	/* Some of it there already, some large pages perhaps, some not touched yet. */
	madvise(p, SIZE, MADV_HUGEPAGE);
	number_pages(p, SIZE / 2, 0x1000);
	CHECK_OK(bind_user(&c, p, va, SIZE, READ_WRITE));
	packet_copy(&c, vram.va, va, SIZE, EGRET_PKT_BARRIER);
	packet_fill(&c, va, SIZE, 8, 0x0123456789abcdef, EGRET_PKT_BARRIER);
	packet_copy(&c, va + PAGE, vram.va, SIZE / 2, EGRET_PKT_BARRIER);
	CHECK_OK(run(&c));
	CHECK_EQ(p[0], 0x89abcdef);
	for (i = 0; i < SIZE / 2 / PAGE; i++)
		CHECK_EQ(p[(i + 1) * PAGE / 4], 0x1000 + i);
	CHECK_EQ(p[SIZE / 4 - 1], 0x01234567);
	/* What the processor writes, the card sees. */
	p[SIZE / 4 - 1] = 77;
	packet_copy(&c, vram.va, va + SIZE - 4, 4, 0);
	CHECK_OK(run(&c));
	CHECK_EQ(vram.u32[0], 77);
}

static void test_read_only(void)
{
	struct client c = user_client();
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	uint32_t *p = map_memory(NULL, PAGE, PROT_READ | PROT_WRITE);
	uint64_t va = c.next_va;

	p[0] = 5;
	CHECK_OK(bind_user(&c, p, va, PAGE, DRM_EGRET_BIND_READ));
	CHECK_EQ(peek(&c, &out, va), 5);
	CHECK_EQ(poke(&c, va, 6), -ECANCELED);
	CHECK_EQ(queue_query(c.fd, c.queue).fault_code, EGRET_FAULT_MMU_PERMISSION);
	CHECK_EQ(p[0], 5);
}

/* Shared memory, and private and read-only mappings of files. */
static void test_files(void)
{
	struct client c = user_client();
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	int fd = memfd_create("egret", 0), exe = open("/proc/self/exe", O_RDONLY);
	uint64_t va = c.next_va;
	uint32_t *p, *other, *file;

	CHECK_OK(ftruncate(fd, 4 * PAGE));
	p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	other = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED && other != MAP_FAILED);
	CHECK_OK(bind_user(&c, p, va, 4 * PAGE, READ_WRITE));
	CHECK_OK(poke(&c, va + PAGE, 0x77));
	CHECK_EQ(other[PAGE / 4], 0x77);
	other[2 * PAGE / 4] = 0x88;
	CHECK_EQ(peek(&c, &out, va + 2 * PAGE), 0x88);
	/* A hole in the file, filled again. */
	CHECK_OK(ftruncate(fd, PAGE));
	CHECK_OK(ftruncate(fd, 4 * PAGE));
	CHECK_EQ(peek(&c, &out, va + PAGE), 0);
	CHECK_OK(poke(&c, va + PAGE, 0x99));
	CHECK_EQ(other[PAGE / 4], 0x99);

	file = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, exe, 0);
	CHECK(file != MAP_FAILED);
	CHECK_OK(bind_user(&c, file, va, PAGE, READ_WRITE));
	CHECK_EQ(peek(&c, &out, va), 0x464c457f);
	CHECK_OK(poke(&c, va, 1));
	CHECK_EQ(file[0], 1);
	file = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, exe, 0);
	CHECK(file != MAP_FAILED);
	CHECK_EQ(file[0], 0x464c457f);
	CHECK_OK(bind_user(&c, file, va, PAGE, DRM_EGRET_BIND_READ));
	CHECK_EQ(peek(&c, &out, va), 0x464c457f);
}

/* ---- changes while nothing runs --------------------------------------------------------- */

static void test_unmap(void)
{
	struct client c = user_client();
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	uint32_t *p = map_memory(NULL, 4 * PAGE, PROT_READ | PROT_WRITE);
	uint64_t va = c.next_va;

	number_pages(p, 4 * PAGE, 0x10);
	CHECK_OK(bind_user(&c, p, va, 4 * PAGE, READ_WRITE));
	CHECK_EQ(peek(&c, &out, va + PAGE), 0x11);
	CHECK_OK(munmap((uint8_t *)p + PAGE, PAGE));
	CHECK_ERR(submit(&c, NULL, 0), EFAULT);
	CHECK_ERR(submit(&c, NULL, 0), EFAULT);
	/* It is the address that is bound: new memory there will do. */
	map_memory((uint8_t *)p + PAGE, PAGE, PROT_READ | PROT_WRITE);
	p[PAGE / 4] = 0x77;
	CHECK_EQ(peek(&c, &out, va), 0x10);
	CHECK_EQ(peek(&c, &out, va + PAGE), 0x77);
	/* Or nothing bound there. */
	CHECK_OK(munmap(p, 4 * PAGE));
	CHECK_ERR(submit(&c, NULL, 0), EFAULT);
	CHECK_OK(vm_unmap(c.fd, c.vm, va, 3 * PAGE));
	CHECK_ERR(submit(&c, NULL, 0), EFAULT);
	CHECK_OK(vm_unmap(c.fd, c.vm, va, 4 * PAGE));
	CHECK_EQ(peek(&c, &out, out.va + 8), 0);
	CHECK_EQ(peek(&c, &out, va), -1);
}

static void test_protect(void)
{
	struct client c = user_client();
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	uint32_t *p = map_memory(NULL, 2 * PAGE, PROT_READ | PROT_WRITE);
	uint64_t va = c.next_va;

	number_pages(p, 2 * PAGE, 0x20);
	CHECK_OK(bind_user(&c, p, va, 2 * PAGE, READ_WRITE));
	CHECK_OK(mprotect(p, 2 * PAGE, PROT_READ));
	CHECK_ERR(submit(&c, NULL, 0), EFAULT);
	CHECK_OK(mprotect(p, 2 * PAGE, PROT_READ | PROT_WRITE));
	CHECK_OK(poke(&c, va + PAGE, 3));
	CHECK_EQ(p[PAGE / 4], 3);
	CHECK_EQ(peek(&c, &out, va), 0x20);
}

static void test_new_pages(void)
{
	struct client c = user_client();
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	uint32_t *p = map_memory(NULL, 64 * PAGE, PROT_READ | PROT_WRITE), *moved;
	uint64_t va = c.next_va;
	uint32_t i;

	CHECK_OK(bind_user(&c, p, va, 64 * PAGE, READ_WRITE));
	for (i = 0; i < 10; i++) {
		number_pages(p, 64 * PAGE, i * 0x100);
		CHECK_EQ(peek(&c, &out, va + 63 * PAGE), i * 0x100 + 63);
		CHECK_OK(madvise(p, 64 * PAGE, MADV_DONTNEED));
		CHECK_EQ(peek(&c, &out, va + i * PAGE), 0);
		CHECK_OK(poke(&c, va + i * PAGE, i + 1));
		CHECK_EQ(p[i * PAGE / 4], i + 1);
	}
	/* The pages go, and others come to their place. */
	moved = mremap(p, 64 * PAGE, 64 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	CHECK(moved != MAP_FAILED);
	moved[5 * PAGE / 4] = 0xbad;
	CHECK_EQ(peek(&c, &out, va + 5 * PAGE), 0);
	p[5 * PAGE / 4] = 0x600d;
	CHECK_EQ(peek(&c, &out, va + 5 * PAGE), 0x600d);
}

/* After a fork, parent and child have pages of their own: the card the parent's. */
static void test_fork(void)
{
	struct client c = user_client();
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	uint32_t *p = map_memory(NULL, 2 * PAGE, PROT_READ | PROT_WRITE);
	uint64_t va = c.next_va;
	int to_child[2], to_parent[2], status;
	char byte = 0;
	pid_t pid;

	p[0] = 1;
	CHECK_OK(pipe(to_child));
	CHECK_OK(pipe(to_parent));
	CHECK_OK(bind_user(&c, p, va, 2 * PAGE, READ_WRITE));
	pid = fork();
	if (!pid) {
		p[0] = 2;
		CHECK_EQ(write(to_parent[1], &byte, 1), 1);
		CHECK_EQ(read(to_child[0], &byte, 1), 1);
		_exit(p[0] == 2 && !p[1] ? 0 : 1);
	}
	CHECK_EQ(read(to_parent[0], &byte, 1), 1);
	CHECK_EQ(peek(&c, &out, va), 1);
	CHECK_OK(poke(&c, va + 4, 3));
	CHECK_EQ(p[1], 3);
	p[0] = 4;
	CHECK_EQ(peek(&c, &out, va), 4);
	CHECK_EQ(write(to_child[1], &byte, 1), 1);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

/* Memory of a process that has ended. */
static void test_process_gone(void)
{
	struct client c = user_client();
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	uint64_t va = c.next_va;
	int status;
	pid_t pid = fork();

	if (!pid) {
		uint32_t *p = map_memory(NULL, PAGE, PROT_READ | PROT_WRITE);

		CHECK_OK(bind_user(&c, p, va, PAGE, READ_WRITE));
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_ERR(submit(&c, NULL, 0), EFAULT);
	CHECK_OK(vm_unmap(c.fd, c.vm, va, PAGE));
	CHECK_EQ(peek(&c, &out, out.va + 8), 0);
}

/* What is bound over parts of a user pointer stays when its pages come back. */
static void test_split(void)
{
	struct client c = user_client();
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct bo bo = numbered_bo(&c, 8 * PAGE, DRM_EGRET_BO_SYSTEM, 0xb0);
	uint32_t *p = map_memory(NULL, 8 * PAGE, PROT_READ | PROT_WRITE);
	uint64_t va = c.next_va;

	number_pages(p, 8 * PAGE, 0x10);
	CHECK_OK(bind_user(&c, p, va, 8 * PAGE, READ_WRITE));
	CHECK_OK(vm_map(c.fd, c.vm, bo.handle, 0, va + 2 * PAGE, 2 * PAGE, ACCESS_ALL));
	CHECK_OK(vm_unmap(c.fd, c.vm, va + 6 * PAGE, PAGE));
	/* The same memory at two addresses. */
	CHECK_OK(bind_user(&c, p, va + 16 * PAGE, PAGE, DRM_EGRET_BIND_READ));
	CHECK_OK(madvise(p, 8 * PAGE, MADV_DONTNEED));
	number_pages(p, 8 * PAGE, 0x20);
	CHECK_EQ(peek(&c, &out, va + PAGE), 0x21);
	CHECK_EQ(peek(&c, &out, va + 2 * PAGE), 0xb0);
	CHECK_EQ(peek(&c, &out, va + 3 * PAGE), 0xb1);
	CHECK_EQ(peek(&c, &out, va + 4 * PAGE), 0x24);
	CHECK_EQ(peek(&c, &out, va + 5 * PAGE), 0x25);
	CHECK_EQ(peek(&c, &out, va + 6 * PAGE), -1);
	CHECK_EQ(peek(&c, &out, va + 7 * PAGE), 0x27);
	CHECK_EQ(peek(&c, &out, va + 16 * PAGE), 0x20);
}

/* ---- changes under jobs, and under pending binds -------------------------------------------- */

struct change {
	void *p;
	uint64_t size;
	volatile bool done;
};

static void *unmap_memory(void *data)
{
	struct change *change = data;

	CHECK_OK(munmap(change->p, change->size));
	change->done = true;
	return NULL;
}

/* Changing memory waits for the job that uses it. */
static void test_waits_for_job(void)
{
	struct client c = user_client();
	struct bo bo = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	uint32_t *p = map_memory(NULL, PAGE, PROT_READ | PROT_WRITE);
	struct change change = { .p = p, .size = PAGE };
	uint32_t done = syncobj_create(c.fd);
	struct drm_egret_sync sync = sync_signal(done, 0);
	uint64_t va = c.next_va;
	pthread_t thread;

	set_parameter("userptr_wait_ms", 60000);
	set_parameter("hang_timeout_ms", 60000);
	p[0] = 0x1234;
	CHECK_OK(bind_user(&c, p, va, PAGE, READ_WRITE));
	packet_wait(&c, bo.va, 1);
	packet_copy(&c, bo.va + 8, va, 4, 0);
	CHECK_OK(submit(&c, &sync, 1));
	CHECK_OK(pthread_create(&thread, NULL, unmap_memory, &change));
	sleep_ms(200);
	CHECK(!change.done);
	bo.u64[0] = 1;
	CHECK_OK(pthread_join(thread, NULL));
	CHECK_OK(syncobj_wait(c.fd, done, 0, 10000));
	CHECK_EQ(syncobj_status(c.fd, done), 1);
	CHECK_EQ(bo.u32[2], 0x1234);
}

/* But not for ever: then the job loses it, and nobody else does. */
static void test_long_job(void)
{
	struct client c = user_client();
	struct bo bo = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct client other = client_fork(&c, DRM_EGRET_QUEUE_COPY);
	uint32_t *p = map_memory(NULL, PAGE, PROT_READ | PROT_WRITE);
	uint32_t done = syncobj_create(c.fd);
	struct drm_egret_sync sync = sync_signal(done, 0);
	uint64_t va = c.next_va;

	set_parameter("userptr_wait_ms", 50);
	set_parameter("hang_timeout_ms", 60000);
	CHECK_OK(bind_user(&c, p, va, PAGE, READ_WRITE));
	packet_wait(&c, bo.va, 1);
	packet_copy(&c, bo.va + 8, va, 4, 0);
	CHECK_OK(submit(&c, &sync, 1));
	CHECK_OK(munmap(p, PAGE));
	CHECK_EQ(syncobj_wait(c.fd, done, 0, 0), -ETIME);
	CHECK_OK(vm_unmap(c.fd, c.vm, va, PAGE));
	packet_fence(&other, bo.va + 16, 5);
	CHECK_OK(run(&other));
	CHECK_EQ(bo.u64[2], 5);
	bo.u64[0] = 1;
	CHECK_OK(syncobj_wait(c.fd, done, 0, 10000));
	CHECK_EQ(syncobj_status(c.fd, done), -ECANCELED);
	CHECK_EQ(queue_query(c.fd, c.queue).fault_code, EGRET_FAULT_MMU_UNMAPPED);
	CHECK_EQ(queue_query(c.fd, c.queue).fault_addr, va);
}

/* A bind that is done after its pages have gone binds those that came. */
static void test_async(void)
{
	struct client c = user_client();
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct client gate = client_fork(&c, DRM_EGRET_QUEUE_COPY);
	uint32_t *p = map_memory(NULL, 2 * PAGE, PROT_READ | PROT_WRITE);
	uint32_t closed = syncobj_create(c.fd), done = syncobj_create(c.fd);
	uint64_t va = c.next_va;
	const struct drm_egret_bind_op op = {
		.op = DRM_EGRET_BIND_MAP_USERPTR, .flags = READ_WRITE,
		.offset = (uintptr_t)p, .va = va, .size = 2 * PAGE,
	};
	struct drm_egret_sync syncs[2];

	set_parameter("userptr_wait_ms", 50);
	set_parameter("hang_timeout_ms", 60000);
	number_pages(p, 2 * PAGE, 0x10);
	packet_wait(&gate, out.va + 64, 1);
	syncs[0] = sync_signal(closed, 0);
	CHECK_OK(submit(&gate, syncs, 1));
	syncs[0] = sync_wait(closed, 0);
	syncs[1] = sync_signal(done, 0);
	CHECK_OK(vm_bind_async(c.fd, c.vm, &op, 1, syncs, 2));
	CHECK_OK(madvise(p, 2 * PAGE, MADV_DONTNEED));
	number_pages(p, 2 * PAGE, 0x20);
	/* Not bound yet, so nothing to wait for. */
	CHECK_EQ(peek(&c, &out, va), -1);
	out.u64[8] = 1;
	CHECK_OK(syncobj_wait(c.fd, done, 0, 10000));
	CHECK_EQ(peek(&c, &out, va), 0x20);
	CHECK_EQ(peek(&c, &out, va + PAGE), 0x21);
}

static volatile bool stop;

/* Whatever makes the kernel take pages away. */
static void *disturb(void *data)
{
	uint8_t *p = data;
	int compact = open("/proc/sys/vm/compact_memory", O_WRONLY);
	uint32_t round;

	CHECK(compact >= 0);
	for (round = 0; !stop; round++) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			p[0] = round;
			_exit(0);
		}
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_OK(madvise(p + 16 * PAGE, 16 * PAGE, MADV_PAGEOUT));
		CHECK_OK(madvise(p + 32 * PAGE, 16 * PAGE, MADV_DONTNEED));
		CHECK_OK(mprotect(p, PAGE, PROT_READ));
		CHECK_OK(mprotect(p, PAGE, PROT_READ | PROT_WRITE));
		CHECK_EQ(write(compact, "1", 1), 1);
	}
	close(compact);
	return NULL;
}

/* Jobs, while pages come and go: each sees what the process would see. */
static void test_disturbed(void)
{
	struct client c = user_client();
	struct bo out = client_bo(&c, 64 * PAGE, DRM_EGRET_BO_SYSTEM);
	uint8_t *p = (uint8_t *)map_memory(NULL, 48 * PAGE, PROT_READ | PROT_WRITE);
	volatile uint32_t *words = (uint32_t *)p;
	uint64_t va = c.next_va;
	uint32_t round, i, good = 0;
	pthread_t thread;

	set_parameter("userptr_wait_ms", 20000);
	number_pages(words, 32 * PAGE, 0x700);
	CHECK_OK(bind_user(&c, p, va, 48 * PAGE, READ_WRITE));
	CHECK_OK(pthread_create(&thread, NULL, disturb, p));
	for (round = 0; round < 60; round++) {
		int ret;

		packet_fill(&c, va + 8, 4, 4, round, 0);
		packet_fill(&c, va + 20 * PAGE + 8, 4, 4, round, 0);
		packet_copy(&c, out.va, va, 32 * PAGE, EGRET_PKT_BARRIER);
		ret = run(&c);
		/* Just when the first page was read-only. */
		if (ret == -EFAULT)
			continue;
		CHECK_OK(ret);
		good++;
		CHECK_EQ(words[2], round);
		CHECK_EQ(words[20 * PAGE / 4 + 2], round);
		for (i = 0; i < 32; i++)
			CHECK_EQ(out.u32[i * PAGE / 4], 0x700 + i);
	}
	stop = true;
	CHECK_OK(pthread_join(thread, NULL));
	CHECK(good);
	CHECK_OK(vm_unmap(c.fd, c.vm, va, 48 * PAGE));
}

/* Many small ones, bound and unbound, some of them left to the end of the file. */
static void test_many(void)
{
	enum { COUNT = 512 };
	static struct drm_egret_bind_op ops[COUNT];
	struct client c = user_client();
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	uint32_t *p = map_memory(NULL, COUNT * PAGE, PROT_READ | PROT_WRITE), i;
	uint64_t va = c.next_va;

	number_pages(p, COUNT * PAGE, 0x9000);
	/* In reverse. */
	for (i = 0; i < COUNT; i++)
		ops[i] = (struct drm_egret_bind_op) {
			.op = DRM_EGRET_BIND_MAP_USERPTR, .flags = READ_WRITE,
			.offset = (uintptr_t)p + i * PAGE, .va = va + (COUNT - 1 - i) * PAGE,
			.size = PAGE,
		};
	CHECK_OK(vm_bind_ops(c.fd, c.vm, ops, COUNT));
	CHECK_EQ(peek(&c, &out, va), 0x9000 + COUNT - 1);
	CHECK_EQ(peek(&c, &out, va + 500 * PAGE), 0x9000 + COUNT - 501);
	CHECK_OK(vm_unmap(c.fd, c.vm, va, COUNT / 2 * PAGE));
	CHECK_OK(madvise(p, COUNT * PAGE, MADV_DONTNEED));
	CHECK_EQ(peek(&c, &out, va + 500 * PAGE), 0);
	CHECK_EQ(peek(&c, &out, va), -1);
}

int main(void)
{
	static const struct test tests[] = {
		TEST("errors", test_errors),
		TEST("all or nothing", test_atomic),
		TEST("read and write", test_read_write),
		TEST("read only", test_read_only),
		TEST("mappings of files", test_files),
		TEST("munmap", test_unmap),
		TEST("mprotect", test_protect),
		TEST("new pages", test_new_pages),
		TEST("fork", test_fork),
		TEST("the process is gone", test_process_gone),
		TEST("split", test_split),
		TEST("a change waits for a job", test_waits_for_job),
		TEST("a change does not wait for ever", test_long_job),
		TEST("asynchronous binds", test_async),
		TEST_LONG("pages come and go under jobs", test_disturbed, 120),
		TEST_LONG("many", test_many, 60),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
