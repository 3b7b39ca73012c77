// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Jobs by their numbers: DRM_EGRET_QUEUE_WAIT, DRM_EGRET_QUEUE_EXPORT, DRM_EGRET_SYNC_JOB. And
 * what becomes of jobs that nobody has a sync object for, which the driver takes in groups.
 */
#include "egret_test.h"

#include <linux/sync_file.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#define FOREVER	INT64_MAX
#define SOON_MS	200

static int wait_until(const struct client *c, uint64_t job, int64_t deadline)
{
	struct drm_egret_queue_wait args = {
		.queue_id = c->queue, .job = job, .deadline = deadline,
	};

	return card_ioctl(c->fd, DRM_IOCTL_EGRET_QUEUE_WAIT, &args);
}

static int wait_ms(const struct client *c, uint64_t job, unsigned int ms)
{
	return wait_until(c, job, now_ns() + ms * 1000000ULL);
}

static int export(const struct client *c, uint64_t job)
{
	struct drm_egret_queue_export args = { .queue_id = c->queue, .job = job, .fd = -1 };
	int ret = card_ioctl(c->fd, DRM_IOCTL_EGRET_QUEUE_EXPORT, &args);

	return ret ? ret : args.fd;
}

/* 1: signalled, 0: not yet, or a negative errno. */
static int status(int sync_file)
{
	struct sync_file_info info = {};

	CHECK_OK(ioctl(sync_file, SYNC_IOC_FILE_INFO, &info));
	return info.status;
}

static bool is_readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

/* A client with a job that is on the card until the word at @flag is 1. */
struct held {
	struct client c;
	struct bo flag;
};

static struct held hold(uint32_t flags)
{
	struct held h = { .c = client_open(DRM_EGRET_QUEUE_COPY) };
	struct drm_egret_queue_create args = {
		.vm_id = h.c.vm, .type = DRM_EGRET_QUEUE_COPY,
		.priority = DRM_EGRET_PRIORITY_NORMAL, .flags = flags,
	};

	/* The job is not hung, however slow the machine. */
	set_parameter("hang_timeout_ms", 120000);
	CHECK_OK(queue_destroy(h.c.fd, h.c.queue));
	CHECK_OK(card_ioctl(h.c.fd, DRM_IOCTL_EGRET_QUEUE_CREATE, &args));
	h.c.queue = args.queue_id;
	h.flag = client_bo(&h.c, PAGE, DRM_EGRET_BO_SYSTEM);
	packet_wait(&h.c, h.flag.va, 1);
	CHECK_OK(submit(&h.c, NULL, 0));
	return h;
}

static void test_wait(void)
{
	struct held h = hold(0);

	packet_fence(&h.c, h.flag.va + 8, 7);
	CHECK_OK(submit(&h.c, NULL, 0));
	CHECK_ERR(wait_until(&h.c, 1, 0), ETIME);
	CHECK_ERR(wait_until(&h.c, 1, -1), ETIME);
	CHECK_ERR(wait_ms(&h.c, 1, 50), ETIME);
	CHECK_ERR(wait_ms(&h.c, 2, 50), ETIME);
	CHECK_ERR(wait_until(&h.c, 3, FOREVER), EINVAL);
	h.flag.u64[0] = 1;
	CHECK_OK(wait_until(&h.c, 2, FOREVER));
	CHECK_EQ(h.flag.u64[1], 7);
	CHECK_OK(wait_until(&h.c, 1, 0));
	CHECK_OK(wait_until(&h.c, 2, 0));
}

/* One job of a group is over before those behind it. */
static void test_wait_is_exact(void)
{
	struct held h = hold(0);
	uint32_t i;

	for (i = 0; i < 3; i++) {
		packet_fence(&h.c, h.flag.va + 8, i + 1);
		CHECK_OK(submit(&h.c, NULL, 0));
	}
	packet_wait(&h.c, h.flag.va, 2);
	CHECK_OK(submit(&h.c, NULL, 0));
	h.flag.u64[0] = 1;
	CHECK_OK(wait_until(&h.c, 4, FOREVER));
	CHECK_EQ(h.flag.u64[1], 3);
	CHECK_ERR(wait_ms(&h.c, 5, 50), ETIME);
	h.flag.u64[0] = 2;
	CHECK_OK(wait_until(&h.c, 5, FOREVER));
}

static void *wait_for_first(void *data)
{
	return (void *)(intptr_t)wait_until(data, 1, FOREVER);
}

/* Destroying the queue ends the waiting, and its ID does not become another's. */
static void test_wait_destroyed(void)
{
	struct held h = hold(0);
	pthread_t threads[3];
	uint32_t i;
	void *ret;

	for (i = 0; i < ARRAY_SIZE(threads); i++)
		CHECK_OK(pthread_create(&threads[i], NULL, wait_for_first, &h.c));
	sleep_ms(SOON_MS);
	CHECK_OK(queue_destroy(h.c.fd, h.c.queue));
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		CHECK_OK(pthread_join(threads[i], &ret));
		CHECK_OK((int)(intptr_t)ret);
	}
	CHECK_ERR(wait_until(&h.c, 1, FOREVER), ENOENT);
	CHECK(queue_create(h.c.fd, h.c.vm, DRM_EGRET_QUEUE_COPY) != h.c.queue);
}

static void take_alarm(int number)
{
	(void)number;
}

static void test_wait_interrupted(void)
{
	struct sigaction action = { .sa_handler = take_alarm };
	const struct itimerval timer = { .it_value.tv_usec = SOON_MS * 1000 };
	struct held h = hold(0);
	struct drm_egret_queue_wait args = {
		.queue_id = h.c.queue, .job = 1, .deadline = FOREVER,
	};

	CHECK_OK(sigaction(SIGALRM, &action, NULL));
	CHECK_OK(setitimer(ITIMER_REAL, &timer, NULL));
	/* drmIoctl() would call again. */
	CHECK_EQ(ioctl(h.c.fd, DRM_IOCTL_EGRET_QUEUE_WAIT, &args), -1);
	CHECK_EQ(errno, EINTR);
	h.flag.u64[0] = 1;
	CHECK_OK(wait_until(&h.c, 1, FOREVER));
}

static void test_export(void)
{
	struct held h = hold(0);
	int fd = export(&h.c, 1), again = export(&h.c, 1);

	CHECK(fd >= 0 && again >= 0);
	CHECK_EQ(status(fd), 0);
	CHECK(!is_readable(fd, 50));
	close(again);
	h.flag.u64[0] = 1;
	CHECK(is_readable(fd, 20000));
	CHECK_EQ(status(fd), 1);
	CHECK_EQ(status(export(&h.c, 1)), 1);
}

/* Told of by the sync file, also if it was made afterwards. */
static void test_export_cancelled(void)
{
	struct held h = hold(0);
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	int fd = export(&h.c, 1);

	CHECK_OK(queue_destroy(h.c.fd, h.c.queue));
	CHECK(is_readable(fd, 20000));
	CHECK_EQ(status(fd), -ECANCELED);

	packet_fence(&c, c.cmd.va + c.cmd.size - 8, 1);
	CHECK_OK(submit(&c, NULL, 0));
	CHECK_OK(wait_until(&c, 1, FOREVER));
	packet(&c, 0x66, 0);
	CHECK_OK(submit(&c, NULL, 0));
	CHECK_OK(wait_until(&c, 2, FOREVER));
	CHECK_EQ(status(export(&c, 1)), 1);
	CHECK_EQ(status(export(&c, 2)), -ECANCELED);
}

static void test_export_no_file(void)
{
	struct held h = hold(0);
	struct rlimit limit;
	int next = dup(0);

	CHECK(next >= 0);
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = next;
	close(next);
	/* The one that was free is taken. */
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	while (dup(0) >= 0)
		;
	CHECK_ERR(export(&h.c, 1), EMFILE);
	h.flag.u64[0] = 1;
	CHECK_OK(wait_until(&h.c, 1, FOREVER));
}

/* Jobs wait for those of other queues, whether these are on the card or wait themselves. */
static void test_sync(void)
{
	struct held a = hold(0);
	struct client b = client_fork(&a.c, DRM_EGRET_QUEUE_COPY);
	struct client d = client_fork(&a.c, DRM_EGRET_QUEUE_COPY);
	struct drm_egret_sync sync = {
		.flags = DRM_EGRET_SYNC_WAIT | DRM_EGRET_SYNC_JOB, .handle = a.c.queue, .point = 1,
	};

	packet_fence(&b, a.flag.va + 8, 7);
	CHECK_OK(submit(&b, &sync, 1));
	sync.handle = b.queue;
	packet_fence(&d, a.flag.va + 16, 8);
	CHECK_OK(submit(&d, &sync, 1));
	CHECK_ERR(wait_ms(&d, 1, SOON_MS), ETIME);
	CHECK_ERR(wait_ms(&b, 1, 0), ETIME);
	CHECK_EQ(a.flag.u64[1], 0);
	a.flag.u64[0] = 1;
	CHECK_OK(wait_until(&d, 1, FOREVER));
	CHECK_EQ(a.flag.u64[1], 7);
	CHECK_EQ(a.flag.u64[2], 8);
	/* Those that are over, and its own, hold nobody back. */
	packet_fence(&d, a.flag.va + 16, 9);
	CHECK_OK(submit(&d, &sync, 1));
	sync.handle = d.queue;
	packet_fence(&d, a.flag.va + 24, 10);
	CHECK_OK(submit(&d, &sync, 1));
	CHECK_OK(wait_until(&d, 3, FOREVER));
	CHECK_EQ(a.flag.u64[2], 9);
	CHECK_EQ(a.flag.u64[3], 10);
}

/* A binding that comes with a job that was not done. */
static void test_sync_bind(void)
{
	struct held h = hold(0);
	struct bo bo = client_bo(&h.c, PAGE, DRM_EGRET_BO_VRAM);
	uint32_t done = syncobj_create(h.c.fd);
	const struct drm_egret_bind_op op = {
		.op = DRM_EGRET_BIND_MAP, .flags = ACCESS_ALL, .handle = bo.handle,
		.va = TEST_VA + MiB, .size = PAGE,
	};
	const struct drm_egret_sync syncs[] = {
		{ .flags = DRM_EGRET_SYNC_WAIT | DRM_EGRET_SYNC_JOB, .handle = h.c.queue,
		  .point = 1 },
		sync_signal(done, 0),
	};

	CHECK_OK(vm_bind_async(h.c.fd, h.c.vm, &op, 1, syncs, 2));
	CHECK_EQ(syncobj_wait(h.c.fd, done, 0, SOON_MS), -ETIME);
	h.flag.u64[0] = 1;
	CHECK_OK(syncobj_wait(h.c.fd, done, 0, 20000));
}

/* More than a group, and than the ring, has room for; with and without sync objects. */
static void test_many(void)
{
	const uint32_t count = 500;
	struct held h = hold(0);
	uint32_t timeline = syncobj_create(h.c.fd), i;
	int last;

	for (i = 2; i <= count; i++) {
		const struct drm_egret_sync sync = sync_signal(timeline, i);

		packet_fence(&h.c, h.flag.va + 8, i);
		CHECK_OK(submit(&h.c, &sync, i % 50 == 0));
	}
	last = export(&h.c, count);
	CHECK_ERR(wait_ms(&h.c, count - 3, 0), ETIME);
	CHECK_EQ(status(last), 0);
	h.flag.u64[0] = 1;
	for (i = 1; i <= count; i += 7) {
		CHECK_OK(wait_until(&h.c, i, FOREVER));
		CHECK(i == 1 || h.flag.u64[1] >= i);
	}
	CHECK(is_readable(last, 20000));
	CHECK_EQ(h.flag.u64[1], count);
	CHECK_OK(syncobj_wait(h.c.fd, timeline, count, 20000));
	CHECK_EQ(queue_query(h.c.fd, h.c.queue).jobs_completed, count);
}

/* What is bound behind the first job of a group is there for those that join it. */
static void test_bind_between(void)
{
	struct held h = hold(0);
	struct bo private, shared;

	private = client_bo(&h.c, PAGE, DRM_EGRET_BO_VRAM);
	packet_fence(&h.c, private.va, 5);
	CHECK_OK(submit(&h.c, NULL, 0));
	shared = bo_create(h.c.fd, PAGE, DRM_EGRET_BO_VRAM, 0);
	shared.va = TEST_VA + MiB;
	CHECK_OK(vm_map(h.c.fd, h.c.vm, shared.handle, 0, shared.va, PAGE, ACCESS_ALL));
	bo_map(h.c.fd, &shared);
	packet_fence(&h.c, shared.va, 6);
	CHECK_OK(submit(&h.c, NULL, 0));
	packet_fence(&h.c, shared.va + 8, 7);
	CHECK_OK(submit(&h.c, NULL, 0));
	h.flag.u64[0] = 1;
	CHECK_OK(wait_until(&h.c, 4, FOREVER));
	CHECK_EQ(private.u64[0], 5);
	CHECK_EQ(shared.u64[0], 6);
	CHECK_EQ(shared.u64[1], 7);
}

/* The card sleeps, and wakes for a job that would have joined a group. */
static void test_asleep(void)
{
	struct held h = hold(0);

	h.flag.u64[0] = 1;
	CHECK_OK(wait_until(&h.c, 1, FOREVER));
	card_sleep();
	CHECK_OK(wait_until(&h.c, 1, FOREVER));
	packet_fence(&h.c, h.flag.va + 8, 7);
	CHECK_OK(submit(&h.c, NULL, 0));
	CHECK_OK(wait_until(&h.c, 2, FOREVER));
	CHECK_EQ(h.flag.u64[1], 7);
}

static struct drm_egret_event next_event(const struct client *c)
{
	struct drm_egret_event e;

	CHECK_EQ(read(c->fd, &e, sizeof(e)), sizeof(e));
	return e;
}

/* A reset cancels what is on the card. A queue that wants nothing to run behind it ends. */
static void test_reset(void)
{
	struct held strict = hold(DRM_EGRET_QUEUE_END_ON_RESET), other = hold(0);
	struct client idle = client_fork(&strict.c, DRM_EGRET_QUEUE_COPY);
	struct drm_egret_event e;
	char path[256];

	packet_fence(&strict.c, strict.flag.va + 8, 7);
	CHECK_OK(submit(&strict.c, NULL, 0));
	sleep_ms(50);
	debugfs_path(path, "reset");
	write_text(path, "engines");
	CHECK_OK(wait_until(&strict.c, 2, FOREVER));
	CHECK_EQ(queue_query(strict.c.fd, strict.c.queue).state, DRM_EGRET_QUEUE_DEAD_RESET);
	packet_fence(&strict.c, strict.flag.va + 8, 8);
	CHECK_ERR(submit(&strict.c, NULL, 0), ECANCELED);
	CHECK_EQ(status(export(&strict.c, 1)), -ECANCELED);
	CHECK_EQ(strict.flag.u64[1], 0);
	e = next_event(&strict.c);
	CHECK_EQ(e.base.type, DRM_EGRET_EVENT_QUEUE_DEAD);
	CHECK_EQ(e.queue_id, strict.c.queue);
	CHECK_EQ(e.state, DRM_EGRET_QUEUE_DEAD_RESET);
	CHECK_EQ(next_event(&strict.c).base.type, DRM_EGRET_EVENT_RESET);

	CHECK_OK(wait_until(&other.c, 1, FOREVER));
	CHECK_EQ(queue_query(other.c.fd, other.c.queue).state, DRM_EGRET_QUEUE_OK);
	CHECK_EQ(next_event(&other.c).base.type, DRM_EGRET_EVENT_RESET);
	packet_fence(&other.c, other.flag.va + 8, 9);
	CHECK_OK(submit(&other.c, NULL, 0));
	CHECK_OK(wait_until(&other.c, 2, FOREVER));
	CHECK_EQ(other.flag.u64[1], 9);
	/* One that had nothing on the card has lost nothing. */
	packet_fence(&idle, strict.flag.va + 8, 10);
	CHECK_OK(submit(&idle, NULL, 0));
	CHECK_OK(wait_until(&idle, 1, FOREVER));
	CHECK_EQ(strict.flag.u64[1], 10);
}

int main(void)
{
	static const struct test tests[] = {
		TEST("wait", test_wait),
		TEST("wait: for one of many", test_wait_is_exact),
		TEST("wait: the queue is destroyed", test_wait_destroyed),
		TEST("wait: a signal comes", test_wait_interrupted),
		TEST("export", test_export),
		TEST("export: cancelled", test_export_cancelled),
		TEST("export: no file is left", test_export_no_file),
		TEST("sync: execute behind another queue's job", test_sync),
		TEST("sync: bind behind a job", test_sync_bind),
		TEST("many jobs", test_many),
		TEST("bind between jobs", test_bind_between),
		TEST("the card sleeps between jobs", test_asleep),
		TEST_LONG("reset", test_reset, 120),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
