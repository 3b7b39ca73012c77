// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* DRM_EGRET_EXEC: arguments, synchronisation, order. */
#include "egret_test.h"

#include <pthread.h>

#include <xf86drm.h>

/* ---- arguments ------------------------------------------------------------- */

static int exec(int fd, struct drm_egret_exec args)
{
	return card_ioctl(fd, DRM_IOCTL_EGRET_EXEC, &args);
}

static void test_errors(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct drm_egret_exec args = { .queue_id = c.queue };

	CHECK_OK(exec(c.fd, args));
	args.flags = 1;
	CHECK_ERR(exec(c.fd, args), EINVAL);
	args.flags = 0;
	args.queue_id = 0;
	CHECK_ERR(exec(c.fd, args), ENOENT);
	args.queue_id = c.queue + 1;
	CHECK_ERR(exec(c.fd, args), ENOENT);
	args.queue_id = c.queue;
	CHECK_ERR(exec(card_open(), args), ENOENT);
	CHECK_EQ(queue_query(c.fd, c.queue).jobs_submitted, 1);
}

static void test_calls(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	uint64_t end = device_info(c.fd).va_end;
	const struct drm_egret_call bad[] = {
		{ .va = c.cmd.va, .count = 0 },
		{ .va = c.cmd.va, .count = 1, .pad = 1 },
		{ .va = c.cmd.va + 8, .count = 1 },
		{ .va = c.cmd.va + 32, .count = 1 },
		{ .va = 0, .count = 1 },
		{ .va = EGRET_VA_MIN - 64, .count = 1 },
		{ .va = end - 64, .count = 2 },
		{ .va = end, .count = 1 },
		{ .va = EGRET_VA_END - 64, .count = 1 },
		{ .va = EGRET_VA_END, .count = 1 },
		{ .va = 0ULL - 64, .count = 1 },
	};
	struct drm_egret_call many[DRM_EGRET_CALLS_MAX + 1];
	uint32_t i;

	packet(&c, EGRET_OP_NOP, 0);
	for (i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct drm_egret_call) { .va = c.cmd.va, .count = 1 };
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		/* Also when it is not the first. */
		CHECK_ERR(exec_calls(c.fd, c.queue, &bad[i], 1, NULL, 0), EINVAL);
		many[3] = bad[i];
		CHECK_ERR(exec_calls(c.fd, c.queue, many, 5, NULL, 0), EINVAL);
	}
	many[3] = many[0];
	CHECK_ERR(exec_calls(c.fd, c.queue, many, DRM_EGRET_CALLS_MAX + 1, NULL, 0), E2BIG);
	CHECK_OK(exec_calls(c.fd, c.queue, many, DRM_EGRET_CALLS_MAX, NULL, 0));
	CHECK_EQ(queue_query(c.fd, c.queue).jobs_submitted, 1);
	CHECK_OK(run(&c));
}

static void test_arrays(void)
{
	struct longer {
		struct drm_egret_call call;
		uint64_t more;
	} longer = {};
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct drm_egret_exec args = {
		.queue_id = c.queue,
		.calls = { .stride = sizeof(longer), .count = 1, .array = (uintptr_t)&longer },
	};

	packet(&c, EGRET_OP_NOP, 0);
	longer.call = (struct drm_egret_call) { .va = c.cmd.va, .count = 1 };
	CHECK_OK(exec(c.fd, args));
	longer.more = 1;
	CHECK_ERR(exec(c.fd, args), E2BIG);
	longer.more = 0;
	args.calls.stride = 8;
	CHECK_ERR(exec(c.fd, args), EINVAL);
	args.calls.stride = sizeof(longer);
	args.calls.count = 0;
	CHECK_ERR(exec(c.fd, args), EINVAL);
	args.calls.count = 1;
	args.calls.array = 64;
	CHECK_ERR(exec(c.fd, args), EFAULT);
	args.calls = (struct drm_egret_array) {};
	args.syncs.array = 64;
	CHECK_ERR(exec(c.fd, args), EINVAL);
	args.syncs.count = 1;
	args.syncs.stride = sizeof(struct drm_egret_sync);
	CHECK_ERR(exec(c.fd, args), EFAULT);
	args.syncs.count = DRM_EGRET_SYNCS_MAX + 1;
	CHECK_ERR(exec(c.fd, args), E2BIG);
	CHECK_OK(run(&c));
}

static void test_sync_errors(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	uint32_t empty = syncobj_create(c.fd), good = syncobj_create(c.fd), i;
	const struct {
		struct drm_egret_sync sync;
		int err;
	} bad[] = {
		{ { .flags = 0, .handle = empty }, EINVAL },
		{ { .flags = 3, .handle = empty }, EINVAL },
		{ { .flags = 4, .handle = empty, .point = 1 }, EINVAL },
		{ { .flags = DRM_EGRET_SYNC_SIGNAL | 8, .handle = empty }, EINVAL },
		{ { .flags = DRM_EGRET_SYNC_SIGNAL | 0x80000000, .handle = empty }, EINVAL },
		{ { .flags = DRM_EGRET_SYNC_SIGNAL, .handle = empty, .point = 1 }, EINVAL },
		{ { .flags = DRM_EGRET_SYNC_SIGNAL | DRM_EGRET_SYNC_TIMELINE, .handle = empty },
		  EINVAL },
		{ { .flags = DRM_EGRET_SYNC_SIGNAL, .handle = 0 }, ENOENT },
		{ { .flags = DRM_EGRET_SYNC_SIGNAL, .handle = 1000 }, ENOENT },
		{ { .flags = DRM_EGRET_SYNC_WAIT, .handle = 1000 }, ENOENT },
		/* Nothing will ever signal it. */
		{ { .flags = DRM_EGRET_SYNC_WAIT, .handle = empty }, EINVAL },
		{ { .flags = DRM_EGRET_SYNC_WAIT | DRM_EGRET_SYNC_TIMELINE, .handle = empty,
		    .point = 5 }, EINVAL },
	};

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct drm_egret_sync syncs[] = { sync_signal(good, 0), bad[i].sync };
		int ret = exec_calls(c.fd, c.queue, NULL, 0, syncs, 2);

		if (ret != -bad[i].err)
			test_fail(__FILE__, __LINE__, "case %u gives %d and not %d", i, ret,
				  -bad[i].err);
		/* Nothing is half done: the good one was not touched. */
		CHECK_EQ(syncobj_wait(c.fd, good, 0, 0), -EINVAL);
	}
	CHECK_EQ(queue_query(c.fd, c.queue).jobs_submitted, 0);
}

/* A timeline that has not come so far: refused, and the point that it has stays. */
static void test_point_to_come(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct drm_egret_sync sync = sync_signal(syncobj_create(c.fd), 5);
	uint32_t i;

	packet_wait(&c, bo.va, 1);
	CHECK_OK(submit(&c, &sync, 1));
	sync = sync_wait(sync.handle, 6);
	for (i = 0; i < 20; i++)
		CHECK_ERR(exec_calls(c.fd, c.queue, NULL, 0, &sync, 1), EINVAL);
	bo.u64[0] = 1;
	CHECK_OK(syncobj_wait(c.fd, sync.handle, 5, 5000));
	sync = sync_wait(sync.handle, 5);
	CHECK_OK(exec_calls(c.fd, c.queue, NULL, 0, &sync, 1));
	CHECK_OK(run(&c));
}

/* ---- synchronisation ------------------------------------------------------------ */

/* Only the synchronisation is done. */
static void test_no_calls(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COMPUTE);
	uint32_t done = syncobj_create(c.fd);
	struct drm_egret_sync sync = sync_signal(done, 0);

	CHECK_OK(exec_calls(c.fd, c.queue, NULL, 0, &sync, 1));
	CHECK_OK(syncobj_wait(c.fd, done, 0, 5000));
	CHECK_EQ(syncobj_status(c.fd, done), 1);
}

/* Several calls run in order, each after the one before. */
static void test_calls_in_order(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, 4 * MiB, DRM_EGRET_BO_VRAM);
	struct drm_egret_call calls[DRM_EGRET_CALLS_MAX];
	uint32_t done = syncobj_create(c.fd), i;
	struct drm_egret_sync sync = sync_signal(done, 0);

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		calls[i].va = c.cmd.va + c.packets * EGRET_PACKET_SIZE;
		calls[i].count = 1;
		calls[i].pad = 0;
		/* Large and small in turns, without barriers of their own. */
		packet_fill(&c, bo.va, i % 2 ? PAGE : 1 * MiB, 8, i + 1, 0);
	}
	CHECK_OK(exec_calls(c.fd, c.queue, calls, ARRAY_SIZE(calls), &sync, 1));
	CHECK_OK(syncobj_wait(c.fd, done, 0, 20000));
	CHECK_EQ(bo.u64[0], 64);
	CHECK_EQ(bo.u64[PAGE / 8], 63);
	CHECK_EQ(bo.u64[1 * MiB / 8 - 1], 63);
	CHECK_EQ(bo.u64[1 * MiB / 8], 0);
}

/* Queue b works on what queue a does: with binary sync objects. */
static void test_binary(void)
{
	struct client a = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo src = client_bo(&a, 4 * MiB, DRM_EGRET_BO_SYSTEM);
	struct bo mid = client_bo(&a, 4 * MiB, DRM_EGRET_BO_VRAM);
	struct bo dst = client_bo(&a, 4 * MiB, DRM_EGRET_BO_SYSTEM);
	struct client b = client_fork(&a, DRM_EGRET_QUEUE_COMPUTE);
	uint32_t first = syncobj_create(a.fd), second = syncobj_create(a.fd);
	struct drm_egret_sync syncs[2];
	uint64_t i;

	for (i = 0; i < src.size / 8; i++)
		src.u64[i] = i ^ 0x5555;
	packet_copy(&a, mid.va, src.va, src.size, 0);
	packet_copy(&b, dst.va, mid.va, src.size, 0);
	syncs[0] = sync_signal(first, 0);
	CHECK_OK(submit(&a, syncs, 1));
	syncs[0] = sync_wait(first, 0);
	syncs[1] = sync_signal(second, 0);
	CHECK_OK(submit(&b, syncs, 2));
	CHECK_OK(syncobj_wait(a.fd, second, 0, 20000));
	CHECK_EQ(syncobj_status(a.fd, second), 1);
	for (i = 0; i < src.size / 8; i++)
		CHECK_EQ(dst.u64[i], i ^ 0x5555);
}

/* A chain through three queues along one timeline. */
static void test_timeline(void)
{
	struct client c[3];
	struct drm_egret_sync syncs[2];
	uint32_t timeline, i;
	struct bo bo;

	c[0] = client_open(DRM_EGRET_QUEUE_COPY);
	bo = client_bo(&c[0], 1 * MiB, DRM_EGRET_BO_VRAM);
	c[1] = client_fork(&c[0], DRM_EGRET_QUEUE_COMPUTE);
	c[2] = client_fork(&c[1], DRM_EGRET_QUEUE_COPY);
	timeline = syncobj_create(c[0].fd);
	/* Each step moves the number one place on and depends on the one before. */
	bo.u64[0] = 42;
	for (i = 0; i < 60; i++) {
		struct client *q = &c[i % 3];

		packet_copy(q, bo.va + (i + 1) * PAGE, bo.va + i * PAGE, PAGE, 0);
		syncs[0] = sync_signal(timeline, i + 1);
		syncs[1] = sync_wait(timeline, i);
		CHECK_OK(submit(q, syncs, i ? 2 : 1));
	}
	CHECK_OK(syncobj_wait(c[0].fd, timeline, 60, 20000));
	CHECK_EQ(bo.u64[60 * PAGE / 8], 42);
	/* A point stands for those before it. */
	CHECK_OK(syncobj_wait(c[0].fd, timeline, 30, 0));
	CHECK_EQ(syncobj_wait(c[0].fd, timeline, 61, 0), -EINVAL);
}

/* A wait really waits: nothing happens before the host says so. */
static void test_wait_holds_back(void)
{
	struct client a = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&a, PAGE, DRM_EGRET_BO_SYSTEM);
	struct client b = client_fork(&a, DRM_EGRET_QUEUE_COPY);
	uint32_t gate = syncobj_create(a.fd), done = syncobj_create(a.fd);
	struct drm_egret_sync syncs[2];

	packet_wait(&a, bo.va, 1);
	syncs[0] = sync_signal(gate, 0);
	CHECK_OK(submit(&a, syncs, 1));
	packet_fence(&b, bo.va + 8, 7);
	syncs[0] = sync_wait(gate, 0);
	syncs[1] = sync_signal(done, 0);
	CHECK_OK(submit(&b, syncs, 2));
	CHECK_EQ(syncobj_wait(a.fd, done, 0, 200), -ETIME);
	CHECK_EQ(bo.u64[1], 0);
	bo.u64[0] = 1;
	CHECK_OK(syncobj_wait(a.fd, done, 0, 5000));
	CHECK_EQ(bo.u64[1], 7);
}

/*
 * Points of a timeline come from several queues. A job that waits for a point waits
 * for all before it, and one that comes later need not look at them again.
 */
static void test_timeline_of_many(void)
{
	struct client a = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&a, PAGE, DRM_EGRET_BO_SYSTEM);
	struct client b = client_fork(&a, DRM_EGRET_QUEUE_COPY);
	struct client c = client_fork(&b, DRM_EGRET_QUEUE_COPY);
	uint32_t timeline = syncobj_create(a.fd), done[3], i;
	struct drm_egret_sync syncs[2];

	/* Points 1 and 2 are of b and a, and are there when a and b say so. */
	packet_wait(&b, bo.va, 1);
	syncs[0] = sync_signal(timeline, 1);
	CHECK_OK(submit(&b, syncs, 1));
	packet_wait(&a, bo.va + 8, 1);
	syncs[0] = sync_signal(timeline, 2);
	CHECK_OK(submit(&a, syncs, 1));
	/* c waits for 1, for 2 (which adds a to what it knows), and for 2 again. */
	for (i = 0; i < ARRAY_SIZE(done); i++) {
		done[i] = syncobj_create(a.fd);
		packet_fence(&c, bo.va + 16 + 8 * i, 1);
		syncs[0] = sync_wait(timeline, i ? 2 : 1);
		syncs[1] = sync_signal(done[i], 0);
		CHECK_OK(submit(&c, syncs, 2));
	}
	CHECK_EQ(syncobj_wait(a.fd, done[0], 0, 100), -ETIME);
	bo.u64[0] = 1;
	CHECK_OK(syncobj_wait(a.fd, done[0], 0, 10000));
	CHECK_EQ(bo.u64[2], 1);
	CHECK_EQ(syncobj_wait(a.fd, done[1], 0, 100), -ETIME);
	CHECK_EQ(bo.u64[3], 0);
	bo.u64[1] = 1;
	CHECK_OK(syncobj_wait(a.fd, done[2], 0, 10000));
	CHECK_EQ(bo.u64[3], 1);
	CHECK_EQ(bo.u64[4], 1);
}

/* Jobs of one queue that wait for each other, deeper than the ring. */
static void test_many_jobs(void)
{
	enum { JOBS = 2000 };
	struct drm_egret_sync syncs[2];
	struct drm_egret_call call;
	uint32_t timeline, i;
	struct client c;
	struct bo bo;

	/* All wait for the first, which stands at a WAIT until all are there. */
	set_parameter("hang_timeout_ms", 600000);
	c = client_open(DRM_EGRET_QUEUE_COPY);
	bo = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	timeline = syncobj_create(c.fd);
	call.count = 1;
	call.pad = 0;
	packet_wait(&c, bo.va, 1);
	packet(&c, EGRET_OP_NOP, 0);
	for (i = 0; i < JOBS; i++) {
		syncs[0] = sync_signal(timeline, i + 1);
		syncs[1] = sync_wait(timeline, i);
		call.va = c.cmd.va + (i ? EGRET_PACKET_SIZE : 0);
		CHECK_OK(exec_calls(c.fd, c.queue, &call, 1, syncs, i ? 2 : 1));
	}
	CHECK_EQ(syncobj_wait(c.fd, timeline, 1, 50), -ETIME);
	bo.u64[0] = 1;
	CHECK_OK(syncobj_wait(c.fd, timeline, JOBS, 30000));
	CHECK_EQ(queue_query(c.fd, c.queue).jobs_submitted, JOBS);
	CHECK_EQ(queue_query(c.fd, c.queue).jobs_completed, JOBS);
}

/*
 * Jobs that have nothing to wait for, and such that wait, in turn: they run in the order in
 * which they were submitted. Each waits on the card for what the one before writes, which
 * never comes if that is behind it.
 */
static void test_order(void)
{
	enum { ROUNDS = 4, PLAIN = 10 };
	struct client a = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&a, PAGE, DRM_EGRET_BO_SYSTEM);
	struct client b = client_fork(&a, DRM_EGRET_QUEUE_COPY);
	uint32_t done = syncobj_create(a.fd), round, i, jobs = 0;

	for (round = 0; round < ROUNDS; round++) {
		uint32_t gate = syncobj_create(a.fd);
		struct drm_egret_sync syncs[2] = { sync_signal(gate, 0), sync_signal(done, 0) };

		packet_wait(&b, bo.va, round + 1);
		CHECK_OK(submit(&b, syncs, 1));
		syncs[0] = sync_wait(gate, 0);
		for (i = 0; i < 2 * PLAIN + 1; i++) {
			packet_wait(&a, bo.va + 8, jobs);
			packet_fence(&a, bo.va + 8, ++jobs);
			/* The one in the middle waits for b. */
			CHECK_OK(submit(&a, &syncs[i == PLAIN ? 0 : 1], i == PLAIN ? 2 : 1));
		}
		if (round == 0) {
			CHECK_EQ(syncobj_wait(a.fd, done, 0, 100), -ETIME);
			CHECK_EQ(bo.u64[1], PLAIN);
		}
		bo.u64[0] = round + 1;
	}
	CHECK_OK(syncobj_wait(a.fd, done, 0, 20000));
	CHECK_EQ(syncobj_status(a.fd, done), 1);
	CHECK_EQ(bo.u64[1], jobs);
	CHECK_EQ(queue_query(a.fd, a.queue).jobs_completed, jobs);
}

/*
 * More jobs than the ring holds, behind one that does not end, of all sizes: when the queue is
 * destroyed they are cancelled, those in the ring and those that are not.
 */
static void test_full_ring(void)
{
	enum { JOBS = 300 };
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct drm_egret_call calls[DRM_EGRET_CALLS_MAX];
	uint32_t done[2] = { syncobj_create(c.fd), syncobj_create(c.fd) }, i, round;
	struct drm_egret_sync sync;

	packet_wait(&c, bo.va, 1);
	packet(&c, EGRET_OP_NOP, 0);
	for (round = 0; round < 2; round++) {
		sync = sync_signal(done[round], 0);
		bo.u64[0] = 0;
		for (i = 0; i < ARRAY_SIZE(calls); i++)
			calls[i] = (struct drm_egret_call){ .va = c.cmd.va, .count = 1 };
		CHECK_OK(exec_calls(c.fd, c.queue, calls, 1, NULL, 0));
		for (i = 0; i < ARRAY_SIZE(calls); i++)
			calls[i].va = c.cmd.va + EGRET_PACKET_SIZE;
		for (i = 0; i < JOBS; i++)
			CHECK_OK(exec_calls(c.fd, c.queue, calls, i % (DRM_EGRET_CALLS_MAX + 1),
					    &sync, 1));
		CHECK_EQ(syncobj_wait(c.fd, done[round], 0, 50), -ETIME);
		if (round)
			CHECK_OK(queue_destroy(c.fd, c.queue));
		else
			bo.u64[0] = 1;
		CHECK_OK(syncobj_wait(c.fd, done[round], 0, 20000));
		CHECK_EQ(syncobj_status(c.fd, done[round]), round ? -ECANCELED : 1);
		if (!round)
			CHECK_EQ(queue_query(c.fd, c.queue).jobs_completed, JOBS + 1);
	}
}

struct submitter {
	struct client *c;
	struct bo *bo;
	uint32_t done;
	int result;
};

static void *submit_many(void *data)
{
	struct submitter *s = data;
	struct drm_egret_sync sync = sync_signal(s->done, 0);
	struct drm_egret_call call = { .va = s->c->cmd.va, .count = 1 };
	uint32_t i;

	for (i = 0; i < 500 && !s->result; i++)
		s->result = exec_calls(s->c->fd, s->c->queue, &call, 1, &sync, 1);
	return NULL;
}

/* Threads of one file share a queue. */
static void test_threads(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct submitter s[4] = {};
	pthread_t thread[4];
	uint32_t i;

	packet(&c, EGRET_OP_NOP, 0);
	for (i = 0; i < 4; i++) {
		s[i] = (struct submitter) { &c, &bo, syncobj_create(c.fd), 0 };
		CHECK_OK(pthread_create(&thread[i], NULL, submit_many, &s[i]));
	}
	for (i = 0; i < 4; i++) {
		CHECK_OK(pthread_join(thread[i], NULL));
		CHECK_OK(s[i].result);
		CHECK_OK(syncobj_wait(c.fd, s[i].done, 0, 20000));
	}
	CHECK_EQ(queue_query(c.fd, c.queue).jobs_submitted, 2000);
	CHECK_EQ(queue_query(c.fd, c.queue).jobs_completed, 2000);
}

/* Memory in use stays where it is, although nobody else holds it any more. */
static void test_memory_in_use(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo flag = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct bo out = client_bo(&c, 1 * MiB, DRM_EGRET_BO_SYSTEM);
	struct bo bo = client_bo(&c, 1 * MiB, DRM_EGRET_BO_VRAM);
	uint32_t done = syncobj_create(c.fd);
	struct drm_egret_sync sync = sync_signal(done, 0);
	uint64_t used = memory_info(c.fd).vram_used;

	memset(bo.map, 0x77, bo.size);
	packet_wait(&c, flag.va, 1);
	packet_copy(&c, out.va, bo.va, bo.size, 0);
	CHECK_OK(submit(&c, &sync, 1));
	bo_close(c.fd, &bo);
	CHECK_EQ(memory_info(c.fd).vram_used, used);
	flag.u64[0] = 1;
	CHECK_OK(syncobj_wait(c.fd, done, 0, 10000));
	CHECK_EQ(syncobj_status(c.fd, done), 1);
	CHECK_EQ(out.u8[1 * MiB - 1], 0x77);
}

int main(void)
{
	static const struct test tests[] = {
		TEST("errors", test_errors),
		TEST("errors: calls", test_calls),
		TEST("errors: arrays", test_arrays),
		TEST("errors: syncs", test_sync_errors),
		TEST("errors: a point to come", test_point_to_come),
		TEST("no calls", test_no_calls),
		TEST("calls run in order", test_calls_in_order),
		TEST("binary sync objects", test_binary),
		TEST("timeline sync objects", test_timeline),
		TEST("a wait holds back", test_wait_holds_back),
		TEST("a timeline of many queues", test_timeline_of_many),
		TEST_LONG("many jobs", test_many_jobs, 120),
		TEST_LONG("order", test_order, 60),
		TEST_LONG("a full ring", test_full_ring, 60),
		TEST_LONG("many threads", test_threads, 60),
		TEST("memory in use stays", test_memory_in_use),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
