// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Queues: DRM_EGRET_QUEUE_CREATE, _DESTROY, _QUERY. */
#include "egret_test.h"

#include <sys/wait.h>
#include <unistd.h>

static int create(int fd, struct drm_egret_queue_create args)
{
	return card_ioctl(fd, DRM_IOCTL_EGRET_QUEUE_CREATE, &args);
}

static void test_create_errors(void)
{
	int fd = card_open();
	uint32_t vm = vm_create(fd);
	const struct drm_egret_queue_create good = { .vm_id = vm };
	struct drm_egret_queue_create args;

	args = good;
	args.type = 2;
	CHECK_ERR(create(fd, args), EINVAL);
	args.type = ~0u;
	CHECK_ERR(create(fd, args), EINVAL);
	args = good;
	args.priority = 4;
	CHECK_ERR(create(fd, args), EINVAL);
	args = good;
	args.flags = 2;
	CHECK_ERR(create(fd, args), EINVAL);
	args = good;
	args.pad = 1;
	CHECK_ERR(create(fd, args), EINVAL);
	args = good;
	args.vm_id = 0;
	CHECK_ERR(create(fd, args), ENOENT);
	args.vm_id = vm + 1;
	CHECK_ERR(create(fd, args), ENOENT);
	args = good;
	CHECK_ERR(create(card_open(), args), ENOENT);
	CHECK_OK(create(fd, args));
}

static void test_priorities(void)
{
	static const uint32_t types[] = { DRM_EGRET_QUEUE_COMPUTE, DRM_EGRET_QUEUE_COPY };
	int fd = card_open();
	struct drm_egret_queue_create args = { .vm_id = vm_create(fd) };
	uint32_t t;
	pid_t pid;
	int status;

	for (t = 0; t < ARRAY_SIZE(types); t++)
		for (args.priority = 0; args.priority < 4; args.priority++) {
			args.type = types[t];
			CHECK_OK(create(fd, args));
		}
	/* Somebody without privileges. */
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		CHECK_OK(setgid(65534));
		CHECK_OK(setuid(65534));
		args.priority = DRM_EGRET_PRIORITY_LOW;
		CHECK_OK(create(fd, args));
		args.priority = DRM_EGRET_PRIORITY_NORMAL;
		CHECK_OK(create(fd, args));
		args.priority = DRM_EGRET_PRIORITY_HIGH;
		CHECK_ERR(create(fd, args), EACCES);
		args.priority = DRM_EGRET_PRIORITY_REALTIME;
		CHECK_ERR(create(fd, args), EACCES);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

static void test_destroy_errors(void)
{
	int fd = card_open();
	uint32_t queue = queue_create(fd, vm_create(fd), DRM_EGRET_QUEUE_COMPUTE);
	struct drm_egret_queue_destroy args = { .queue_id = queue, .pad = 1 };

	CHECK_ERR(card_ioctl(fd, DRM_IOCTL_EGRET_QUEUE_DESTROY, &args), EINVAL);
	CHECK_ERR(queue_destroy(fd, 0), ENOENT);
	CHECK_ERR(queue_destroy(fd, queue + 1), ENOENT);
	CHECK_ERR(queue_destroy(card_open(), queue), ENOENT);
	CHECK_OK(queue_destroy(fd, queue));
	CHECK_ERR(queue_destroy(fd, queue), ENOENT);
}

static void test_query_errors(void)
{
	int fd = card_open();
	uint32_t queue = queue_create(fd, vm_create(fd), DRM_EGRET_QUEUE_COMPUTE);
	struct drm_egret_queue_query args = { .queue_id = queue, .pad = 1 };

	CHECK_ERR(card_ioctl(fd, DRM_IOCTL_EGRET_QUEUE_QUERY, &args), EINVAL);
	args.pad = 0;
	args.queue_id = 0;
	CHECK_ERR(card_ioctl(fd, DRM_IOCTL_EGRET_QUEUE_QUERY, &args), ENOENT);
	args.queue_id = queue;
	CHECK_ERR(card_ioctl(card_open(), DRM_IOCTL_EGRET_QUEUE_QUERY, &args), ENOENT);
	CHECK_OK(card_ioctl(fd, DRM_IOCTL_EGRET_QUEUE_QUERY, &args));
}

static void test_query(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, 1 * MiB, DRM_EGRET_BO_VRAM);
	struct drm_egret_queue_query q = queue_query(c.fd, c.queue);

	CHECK_EQ(q.state, DRM_EGRET_QUEUE_OK);
	CHECK_EQ(q.fault_code, EGRET_FAULT_NONE);
	CHECK_EQ(q.fault_addr, 0);
	CHECK_EQ(q.jobs_submitted, 0);
	CHECK_EQ(q.jobs_completed, 0);
	CHECK_EQ(q.busy_cycles, 0);
	packet_fill(&c, bo.va, bo.size, 8, 0, 0);
	CHECK_OK(run(&c));
	CHECK_OK(run(&c));
	q = queue_query(c.fd, c.queue);
	CHECK_EQ(q.state, DRM_EGRET_QUEUE_OK);
	CHECK_EQ(q.jobs_submitted, 2);
	CHECK_EQ(q.jobs_completed, 2);
	CHECK(q.busy_cycles > 0);
}

static void test_run_out(void)
{
	int fd = card_open();
	uint32_t vm = vm_create(fd), queues = device_info(fd).queues, count = 0;
	struct drm_egret_queue_create args = { .vm_id = vm };
	int ret;

	while (!(ret = card_ioctl(fd, DRM_IOCTL_EGRET_QUEUE_CREATE, &args)))
		count++;
	CHECK_EQ(ret, -ENOSPC);
	CHECK(count <= queues && count >= queues - 8);
	CHECK_OK(queue_destroy(fd, 1));
	queue_create(fd, vm, DRM_EGRET_QUEUE_COPY);
}

/* Queues come and go, each does its work. */
static void test_again_and_again(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, PAGE, DRM_EGRET_BO_VRAM);
	uint32_t i;

	for (i = 0; i < 300; i++) {
		packet_fill(&c, bo.va, 8, 8, i + 1, 0);
		CHECK_OK(run(&c));
		CHECK_EQ(bo.u64[0], i + 1);
		CHECK_OK(queue_destroy(c.fd, c.queue));
		c.queue = queue_create(c.fd, c.vm, i % 2);
	}
}

static void test_destroy_cancels(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct client other = client_fork(&c, DRM_EGRET_QUEUE_COPY);
	uint32_t done[3], i;
	struct drm_egret_sync sync;

	/* It waits for something that never comes; behind it wait others. */
	for (i = 0; i < ARRAY_SIZE(done); i++) {
		done[i] = syncobj_create(c.fd);
		sync = sync_signal(done[i], 0);
		packet_wait(&c, bo.va, 1);
		CHECK_OK(submit(&c, &sync, 1));
	}
	sleep_ms(50);
	CHECK_EQ(syncobj_status(c.fd, done[0]), 0);
	CHECK_OK(queue_destroy(c.fd, c.queue));
	for (i = 0; i < ARRAY_SIZE(done); i++) {
		CHECK_OK(syncobj_wait(c.fd, done[i], 0, 5000));
		CHECK_EQ(syncobj_status(c.fd, done[i]), -ECANCELED);
	}
	/* Its neighbour has noticed nothing. */
	packet_fill(&other, bo.va, 8, 8, 5, 0);
	CHECK_OK(run(&other));
	CHECK_EQ(bo.u64[0], 5);
}

/* A job that waits for another queue is cancelled, too, but after its turn. */
static void test_destroy_cancels_waiting(void)
{
	struct client a = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&a, PAGE, DRM_EGRET_BO_SYSTEM);
	struct client b = client_fork(&a, DRM_EGRET_QUEUE_COPY);
	struct drm_egret_sync syncs[2];
	uint32_t first = syncobj_create(a.fd), second = syncobj_create(a.fd);

	packet_wait(&a, bo.va, 1);
	syncs[0] = sync_signal(first, 0);
	CHECK_OK(submit(&a, syncs, 1));
	packet_fill(&b, bo.va + 8, 8, 8, 1, 0);
	syncs[0] = sync_wait(first, 0);
	syncs[1] = sync_signal(second, 0);
	CHECK_OK(submit(&b, syncs, 2));
	CHECK_OK(queue_destroy(b.fd, b.queue));
	/* A fence never signals before those that it depends on. */
	CHECK_EQ(syncobj_status(a.fd, second), 0);
	bo.u64[0] = 1;
	CHECK_OK(syncobj_wait(a.fd, first, 0, 5000));
	CHECK_EQ(syncobj_status(a.fd, first), 1);
	CHECK_OK(syncobj_wait(a.fd, second, 0, 5000));
	CHECK_EQ(syncobj_status(a.fd, second), -ECANCELED);
	CHECK_EQ(bo.u64[1], 0);
}

int main(void)
{
	static const struct test tests[] = {
		TEST("create: errors", test_create_errors),
		TEST("create: priorities", test_priorities),
		TEST_LONG("create: queues run out", test_run_out, 60),
		TEST("destroy: errors", test_destroy_errors),
		TEST("destroy: jobs are cancelled", test_destroy_cancels),
		TEST("destroy: waiting jobs are cancelled", test_destroy_cancels_waiting),
		TEST("query: errors", test_query_errors),
		TEST("query", test_query),
		TEST_LONG("create and destroy, again and again", test_again_and_again, 60),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
