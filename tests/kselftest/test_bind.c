// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Asynchronous binds: DRM_EGRET_VM_BIND_ASYNC. */
#include "egret_test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xf86drm.h>

#define MAP	DRM_EGRET_BIND_MAP
#define UNMAP	DRM_EGRET_BIND_UNMAP

/*
 * Something to wait for: a sync object that signals when the host says so, because a
 * job waits for a word in memory.
 */
struct gate {
	struct client c;
	struct bo word;
	uint32_t closed;
	uint32_t syncobj;
};

static struct gate gate_create(struct client *c)
{
	struct gate gate;

	/* What waits at a gate makes no progress. */
	set_parameter("hang_timeout_ms", 100000);
	gate.c = client_fork(c, DRM_EGRET_QUEUE_COPY);
	gate.word = client_bo(&gate.c, PAGE, DRM_EGRET_BO_SYSTEM);
	gate.syncobj = syncobj_create(c->fd);
	gate.closed = 0;
	return gate;
}

static struct drm_egret_sync gate_close(struct gate *gate)
{
	struct drm_egret_sync sync = sync_signal(gate->syncobj, 0);

	gate->c.packets = 0;
	gate->c.first = 0;
	packet_wait(&gate->c, gate->word.va, ++gate->closed);
	CHECK_OK(submit(&gate->c, &sync, 1));
	return sync_wait(gate->syncobj, 0);
}

static void gate_open(struct gate *gate)
{
	gate->word.u64[0] = gate->closed;
	CHECK_OK(syncobj_wait(gate->c.fd, gate->syncobj, 0, 20000));
}

static struct drm_egret_bind_op map_op(const struct bo *bo, uint64_t offset, uint64_t va,
				       uint64_t size)
{
	return (struct drm_egret_bind_op) {
		.op = MAP, .flags = ACCESS_ALL, .handle = bo->handle, .offset = offset,
		.va = va, .size = size,
	};
}

static struct drm_egret_bind_op unmap_op(uint64_t va, uint64_t size)
{
	return (struct drm_egret_bind_op) { .op = UNMAP, .va = va, .size = size };
}

/* ---- arguments ------------------------------------------------------------- */

static void test_errors(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct bo bo = numbered_bo(&c, 4 * PAGE, DRM_EGRET_BO_VRAM, 0x100);
	uint32_t done = syncobj_create(c.fd), empty = syncobj_create(c.fd), i;
	struct drm_egret_bind_op ops[2] = {
		map_op(&bo, 0, c.next_va, PAGE), map_op(&bo, 0, c.next_va, 5 * PAGE),
	};
	const struct {
		struct drm_egret_sync sync;
		int err;
	} bad[] = {
		{ { .flags = 0, .handle = done }, EINVAL },
		{ { .flags = 3, .handle = done }, EINVAL },
		{ { .flags = DRM_EGRET_SYNC_SIGNAL | 8, .handle = done }, EINVAL },
		{ { .flags = DRM_EGRET_SYNC_SIGNAL, .handle = done, .point = 1 }, EINVAL },
		{ { .flags = DRM_EGRET_SYNC_SIGNAL | 4, .handle = done }, EINVAL },
		{ { .flags = DRM_EGRET_SYNC_SIGNAL, .handle = 1000 }, ENOENT },
		{ { .flags = DRM_EGRET_SYNC_WAIT, .handle = 1000 }, ENOENT },
		{ { .flags = DRM_EGRET_SYNC_WAIT, .handle = empty }, EINVAL },
	};
	struct drm_egret_sync syncs[2] = { sync_signal(done, 0) };
	struct drm_egret_vm_bind args = {
		.vm_id = c.vm,
		.flags = DRM_EGRET_VM_BIND_ASYNC,
		.ops = { .stride = sizeof(ops[0]), .count = 1, .array = (uintptr_t)ops },
	};

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		syncs[1] = bad[i].sync;
		CHECK_EQ(vm_bind_async(c.fd, c.vm, ops, 1, syncs, 2), -bad[i].err);
	}
	CHECK_ERR(vm_bind_async(c.fd, c.vm, ops, 2, syncs, 1), EINVAL);
	CHECK_ERR(vm_bind_async(c.fd, c.vm + 1, ops, 1, syncs, 1), ENOENT);
	ops[1].size = PAGE;
	ops[1].handle = 1000;
	CHECK_ERR(vm_bind_async(c.fd, c.vm, ops, 2, syncs, 1), ENOENT);
	args.syncs = (struct drm_egret_array) {
		.stride = sizeof(syncs[0]), .count = DRM_EGRET_SYNCS_MAX + 1, .array = 4096,
	};
	CHECK_ERR(card_ioctl(c.fd, DRM_IOCTL_EGRET_VM_BIND, &args), E2BIG);
	args.syncs.count = 1;
	args.syncs.array = 64;
	CHECK_ERR(card_ioctl(c.fd, DRM_IOCTL_EGRET_VM_BIND, &args), EFAULT);
	args.syncs.count = 0;
	CHECK_ERR(card_ioctl(c.fd, DRM_IOCTL_EGRET_VM_BIND, &args), EINVAL);
	/* None of them did anything. */
	CHECK_EQ(syncobj_wait(c.fd, done, 0, 0), -EINVAL);
	CHECK_EQ(peek(&c, &out, c.next_va), -1);
	CHECK_OK(vm_bind_async(c.fd, c.vm, ops, 1, syncs, 1));
	CHECK_OK(syncobj_wait(c.fd, done, 0, 10000));
	CHECK_EQ(syncobj_status(c.fd, done), 1);
	CHECK_EQ(peek(&c, &out, c.next_va), 0x100);
}

/* ---- order --------------------------------------------------------------------- */

/* Nothing happens before what is waited for, and all of it after. */
static void test_waits(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct bo a = numbered_bo(&c, 4 * PAGE, DRM_EGRET_BO_VRAM, 0xa00);
	struct bo b = numbered_bo(&c, 4 * PAGE, DRM_EGRET_BO_SYSTEM, 0xb00);
	struct gate gate = gate_create(&c);
	uint64_t va = c.next_va;
	struct drm_egret_bind_op ops[2] = {
		map_op(&b, 0, va, 2 * PAGE), unmap_op(va + 3 * PAGE, PAGE),
	};
	struct drm_egret_sync syncs[2];

	CHECK_OK(vm_map(c.fd, c.vm, a.handle, 0, va, a.size, ACCESS_ALL));
	syncs[0] = gate_close(&gate);
	syncs[1] = sync_signal(syncobj_create(c.fd), 0);
	CHECK_OK(vm_bind_async(c.fd, c.vm, ops, 2, syncs, 2));
	CHECK_EQ(syncobj_wait(c.fd, syncs[1].handle, 0, 50), -ETIME);
	CHECK_EQ(peek(&c, &out, va), 0xa00);
	CHECK_EQ(peek(&c, &out, va + 3 * PAGE), 0xa03);
	gate_open(&gate);
	CHECK_OK(syncobj_wait(c.fd, syncs[1].handle, 0, 10000));
	CHECK_EQ(peek(&c, &out, va), 0xb00);
	CHECK_EQ(peek(&c, &out, va + PAGE), 0xb01);
	CHECK_EQ(peek(&c, &out, va + 2 * PAGE), 0xa02);
	CHECK_EQ(peek(&c, &out, va + 3 * PAGE), -1);
}

/* A bind that waits holds back those after it, which wait for nothing. */
static void test_order(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct bo bo = numbered_bo(&c, 8 * PAGE, DRM_EGRET_BO_VRAM, 0);
	struct gate gate = gate_create(&c);
	uint32_t timeline = syncobj_create(c.fd), i;
	uint64_t va = c.next_va;
	struct drm_egret_sync syncs[2];

	syncs[1] = gate_close(&gate);
	for (i = 0; i < 8; i++) {
		struct drm_egret_bind_op op = map_op(&bo, i * PAGE, va, PAGE);

		syncs[0] = sync_signal(timeline, i + 1);
		CHECK_OK(vm_bind_async(c.fd, c.vm, &op, 1, syncs, i ? 1 : 2));
	}
	CHECK_EQ(syncobj_wait(c.fd, timeline, 1, 50), -ETIME);
	CHECK_EQ(peek(&c, &out, va), -1);
	gate_open(&gate);
	CHECK_OK(syncobj_wait(c.fd, timeline, 8, 10000));
	CHECK_EQ(peek(&c, &out, va), 7);
}

/* Binds wait for executions, and executions for binds, on one timeline. */
static void test_with_exec(void)
{
	enum { STEPS = 50 };
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct bo bo = numbered_bo(&c, STEPS * PAGE, DRM_EGRET_BO_VRAM, 0x500);
	uint32_t timeline = syncobj_create(c.fd), i, point = 0;
	uint64_t va = c.next_va;
	struct drm_egret_sync syncs[2];

	for (i = 0; i < STEPS; i++) {
		struct drm_egret_bind_op op = map_op(&bo, i * PAGE, va, PAGE);

		syncs[0] = sync_signal(timeline, point + 1);
		syncs[1] = sync_wait(timeline, point);
		CHECK_OK(vm_bind_async(c.fd, c.vm, &op, 1, syncs, point ? 2 : 1));
		packet_copy(&c, out.va + 4 * i, va, 4, 0);
		syncs[0] = sync_signal(timeline, point + 2);
		syncs[1] = sync_wait(timeline, point + 1);
		CHECK_OK(submit(&c, syncs, 2));
		point += 2;
	}
	CHECK_OK(syncobj_wait(c.fd, timeline, point, 30000));
	for (i = 0; i < STEPS; i++)
		CHECK_EQ(out.u32[i], 0x500 + i);
}

struct sync_binder {
	struct client *c;
	struct drm_egret_bind_op op;
	volatile int result;
	volatile bool done;
};

static void *bind_synchronously(void *data)
{
	struct sync_binder *binder = data;

	binder->result = vm_bind_ops(binder->c->fd, binder->c->vm, &binder->op, 1);
	binder->done = true;
	return NULL;
}

static void do_nothing(int number)
{
	(void)number;
}

/* A synchronous bind waits for those before it; a signal does not disturb it. */
static void test_synchronous_in_order(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct bo bo = numbered_bo(&c, 2 * PAGE, DRM_EGRET_BO_VRAM, 0x70);
	struct gate gate = gate_create(&c);
	uint64_t va = c.next_va;
	struct drm_egret_bind_op op = map_op(&bo, 0, va, PAGE);
	struct sync_binder binder = { .c = &c, .op = map_op(&bo, PAGE, va, PAGE) };
	struct sigaction action = { .sa_handler = do_nothing };
	struct drm_egret_sync sync = gate_close(&gate);
	pthread_t thread;

	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(vm_bind_async(c.fd, c.vm, &op, 1, &sync, 1));
	CHECK_OK(pthread_create(&thread, NULL, bind_synchronously, &binder));
	sleep_ms(100);
	CHECK_OK(pthread_kill(thread, SIGUSR1));
	sleep_ms(100);
	CHECK(!binder.done);
	CHECK_EQ(peek(&c, &out, va), -1);
	gate_open(&gate);
	CHECK_OK(pthread_join(thread, NULL));
	CHECK_OK(binder.result);
	CHECK_EQ(peek(&c, &out, va), 0x71);
}

/* A process that is killed does not wait for its bind, which is done all the same. */
static void test_killed(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct bo bo = numbered_bo(&c, PAGE, DRM_EGRET_BO_VRAM, 0x99);
	struct gate gate = gate_create(&c);
	struct drm_egret_sync syncs[2] = { gate_close(&gate) };
	int status;
	pid_t pid;

	CHECK_OK(vm_bind_async(c.fd, c.vm, NULL, 0, syncs, 1));
	pid = fork();
	if (!pid) {
		vm_map(c.fd, c.vm, bo.handle, 0, c.next_va, PAGE, ACCESS_ALL);
		_exit(0);
	}
	sleep_ms(200);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
	gate_open(&gate);
	syncs[0] = sync_signal(syncobj_create(c.fd), 0);
	CHECK_OK(vm_bind_async(c.fd, c.vm, NULL, 0, syncs, 1));
	CHECK_OK(syncobj_wait(c.fd, syncs[0].handle, 0, 10000));
	CHECK_EQ(peek(&c, &out, c.next_va), 0x99);
}

/* What is waited for may fail: the bind is done. */
static void test_wait_cancelled(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct bo bo = numbered_bo(&c, PAGE, DRM_EGRET_BO_VRAM, 0x42);
	struct gate gate = gate_create(&c);
	struct drm_egret_bind_op op = map_op(&bo, 0, c.next_va, PAGE);
	struct drm_egret_sync syncs[2] = { gate_close(&gate) };

	syncs[1] = sync_signal(syncobj_create(c.fd), 0);
	CHECK_OK(vm_bind_async(c.fd, c.vm, &op, 1, syncs, 2));
	CHECK_OK(queue_destroy(c.fd, gate.c.queue));
	CHECK_OK(syncobj_wait(c.fd, syncs[1].handle, 0, 10000));
	CHECK_EQ(syncobj_status(c.fd, syncs[1].handle), 1);
	CHECK_EQ(peek(&c, &out, c.next_va), 0x42);
}

/* ---- memory ---------------------------------------------------------------------- */

static void wait_for_memory(int fd, uint64_t used)
{
	uint32_t i;

	for (i = 0; i < 1000 && memory_info(fd).vram_used != used; i++)
		sleep_ms(10);
	CHECK_EQ(memory_info(fd).vram_used, used);
}

/* A buffer lives as long as the card can reach it, not as long as it is in the tree. */
static void test_keeps_buffer(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct gate gate = gate_create(&c);
	uint64_t va = c.next_va, used = memory_info(c.fd).vram_used;
	struct bo bo = numbered_bo(&c, 2 * LARGE_PAGE, DRM_EGRET_BO_VRAM, 0x3000), other;
	struct drm_egret_bind_op op = unmap_op(va, bo.size);
	struct drm_egret_sync syncs[2] = { gate_close(&gate) };

	CHECK_OK(vm_map(c.fd, c.vm, bo.handle, 0, va, bo.size, ACCESS_ALL));
	syncs[1] = sync_signal(syncobj_create(c.fd), 0);
	CHECK_OK(vm_bind_async(c.fd, c.vm, &op, 1, syncs, 2));
	bo_close(c.fd, &bo);
	/* Whoever gets memory now does not get this. */
	other = numbered_bo(&c, 8 * LARGE_PAGE, DRM_EGRET_BO_VRAM, 0x4000);
	CHECK_EQ(peek(&c, &out, va + LARGE_PAGE), 0x3000 + LARGE_PAGE / PAGE);
	bo_close(c.fd, &other);
	gate_open(&gate);
	CHECK_OK(syncobj_wait(c.fd, syncs[1].handle, 0, 10000));
	CHECK_EQ(peek(&c, &out, va + LARGE_PAGE), -1);
	wait_for_memory(c.fd, used);
}

/* Address spaces, and files, that go before their binds. The runner looks for leaks. */
static void test_destroyed(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct gate gate = gate_create(&c);
	uint64_t used = memory_info(c.fd).vram_used;
	int other = card_open(), sync_file;
	struct drm_egret_sync syncs[2] = { gate_close(&gate) };
	struct drm_egret_bind_op op = { .op = MAP, .flags = ACCESS_ALL, .va = TEST_VA };
	uint32_t vm = vm_create(other);
	struct bo bo = bo_create(other, 3 * LARGE_PAGE, DRM_EGRET_BO_VRAM, vm);

	/* The fence of one file for another. */
	CHECK_OK(drmSyncobjExportSyncFile(c.fd, gate.syncobj, &sync_file));
	syncs[0].handle = syncobj_create(other);
	CHECK_OK(drmSyncobjImportSyncFile(other, syncs[0].handle, sync_file));
	op.handle = bo.handle;
	op.size = bo.size;
	syncs[1] = sync_signal(syncobj_create(other), 0);
	CHECK_OK(vm_bind_async(other, vm, &op, 1, syncs, 2));
	op = unmap_op(TEST_VA + PAGE, PAGE);
	CHECK_OK(vm_bind_async(other, vm, &op, 1, NULL, 0));
	CHECK_OK(vm_destroy(other, vm));
	CHECK_ERR(vm_bind_async(other, vm, &op, 1, NULL, 0), ENOENT);
	CHECK_EQ(syncobj_wait(other, syncs[1].handle, 0, 50), -ETIME);
	close(other);
	CHECK(memory_info(c.fd).vram_used > used);
	gate_open(&gate);
	wait_for_memory(c.fd, used);
}

static void test_full_arrays(void)
{
	static struct drm_egret_bind_op ops[DRM_EGRET_BIND_OPS_MAX];
	static struct drm_egret_sync syncs[DRM_EGRET_SYNCS_MAX];
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct bo bo = numbered_bo(&c, 4 * PAGE, DRM_EGRET_BO_VRAM, 0);
	uint64_t used = memory_info(c.fd).vram_used, va = c.next_va;
	uint32_t timeline = syncobj_create(c.fd), i;

	for (i = 0; i < DRM_EGRET_SYNCS_MAX; i++)
		syncs[i] = sync_signal(timeline, i + 1);
	for (i = 0; i < DRM_EGRET_BIND_OPS_MAX; i++)
		ops[i] = map_op(&bo, i % 4 * PAGE, va + i * 3 * PAGE, PAGE);
	CHECK_OK(vm_bind_async(c.fd, c.vm, ops, DRM_EGRET_BIND_OPS_MAX, syncs,
			       DRM_EGRET_SYNCS_MAX));
	CHECK_OK(syncobj_wait(c.fd, timeline, DRM_EGRET_SYNCS_MAX, 30000));
	for (i = 0; i < DRM_EGRET_BIND_OPS_MAX; i += 997)
		CHECK_EQ(peek(&c, &out, va + i * 3 * PAGE), i % 4);
	for (i = 0; i < DRM_EGRET_SYNCS_MAX; i++)
		syncs[i] = sync_wait(timeline, i + 1);
	ops[0] = unmap_op(va, DRM_EGRET_BIND_OPS_MAX * 3 * PAGE);
	CHECK_OK(vm_bind_async(c.fd, c.vm, ops, 1, syncs, DRM_EGRET_SYNCS_MAX));
	/* It comes after that. */
	CHECK_OK(vm_bind_ops(c.fd, c.vm, NULL, 0));
	wait_for_memory(c.fd, used);
}

/*
 * Against a model: random binds, some of them pending together, in pieces that make
 * and break large pages of each other before they are there.
 */
static void test_random(void)
{
	enum { PAGES = 3 * 512, OPS = 3 };
	static int64_t expected[PAGES];
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo out = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct gate gate = gate_create(&c);
	uint64_t va = c.next_va, used = memory_info(c.fd).vram_used;
	uint32_t timeline = syncobj_create(c.fd), point = 0, round, i, k, n;
	struct bo bo[3];

	srand(2);
	bo[0] = numbered_bo(&c, PAGES * PAGE, DRM_EGRET_BO_VRAM, 0x10000);
	bo[1] = numbered_bo(&c, PAGES * PAGE, DRM_EGRET_BO_VRAM, 0x20000);
	bo[2] = numbered_bo(&c, PAGES * PAGE, DRM_EGRET_BO_SYSTEM, 0x30000);
	for (i = 0; i < PAGES; i++)
		expected[i] = -1;
	for (round = 0; round < 40; round++) {
		struct drm_egret_sync syncs[2] = { gate_close(&gate) };

		for (n = rand() % 12 + 1; n; n--) {
			struct drm_egret_bind_op ops[OPS];

			for (k = 0; k < OPS; k++) {
				uint32_t first = rand() % PAGES, b = rand() % 4;
				uint32_t pages = rand() % (PAGES - first) + 1;
				uint32_t offset = rand() % (PAGES - pages + 1);

				if (rand() % 3 == 0) {
					/* Give large pages their chance. */
					first &= ~511u;
					pages = 512;
					offset &= ~511u;
				}
				if (b == 3)
					ops[k] = unmap_op(va + first * PAGE, pages * PAGE);
				else
					ops[k] = map_op(&bo[b], offset * PAGE, va + first * PAGE,
							pages * PAGE);
				for (i = 0; i < pages; i++)
					expected[first + i] = b == 3 ? -1 :
						(int64_t)(0x10000 * (b + 1) + offset + i);
			}
			syncs[1] = sync_signal(timeline, ++point);
			CHECK_OK(vm_bind_async(c.fd, c.vm, ops, OPS, syncs, 2));
		}
		gate_open(&gate);
		CHECK_OK(syncobj_wait(c.fd, timeline, point, 20000));
		for (i = 0; i < 6; i++) {
			uint32_t page = rand() % PAGES;

			CHECK_EQ(peek(&c, &out, va + page * PAGE), expected[page]);
		}
	}
	CHECK_OK(vm_unmap(c.fd, c.vm, va, PAGES * PAGE));
	for (i = 0; i < 3; i++)
		bo_close(c.fd, &bo[i]);
	wait_for_memory(c.fd, used);
}

int main(void)
{
	static const struct test tests[] = {
		TEST("errors", test_errors),
		TEST("waits", test_waits),
		TEST("order of binds", test_order),
		TEST_LONG("binds and executions", test_with_exec, 60),
		TEST("synchronous binds are in order", test_synchronous_in_order),
		TEST("a killed process does not wait", test_killed),
		TEST("what is waited for is cancelled", test_wait_cancelled),
		TEST_LONG("a bind keeps its buffers", test_keeps_buffer, 60),
		TEST_LONG("destroyed with binds pending", test_destroyed, 60),
		TEST_LONG("full arrays", test_full_arrays, 120),
		TEST_LONG("random binds", test_random, 180),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
