// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Clients that are banned, because their queues fault or hang too often. */
#include "egret_test.h"

#include <poll.h>
#include <unistd.h>

#define EVENT_MS	20000

static int try_queue(struct client *c)
{
	struct drm_egret_queue_create args = {
		.vm_id = c->vm,
		.type = DRM_EGRET_QUEUE_COPY,
		.priority = DRM_EGRET_PRIORITY_NORMAL,
	};
	int ret = card_ioctl(c->fd, DRM_IOCTL_EGRET_QUEUE_CREATE, &args);

	if (!ret)
		c->queue = args.queue_id;
	return ret;
}

static void fault(struct client *c)
{
	packet_fill(c, TEST_VA - PAGE, 8, 8, 0, 0);
	CHECK_EQ(run(c), -ECANCELED);
}

static void hang(struct client *c, const struct bo *bo)
{
	packet_wait(c, bo->va, 1);
	CHECK_EQ(run(c), -ECANCELED);
}

/* What the client is told of its end, and that nothing comes behind it. */
static void expect_ban(struct client *c, uint32_t state)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	struct drm_egret_event e;

	do {
		CHECK_EQ(poll(&p, 1, EVENT_MS * test_slow()), 1);
		CHECK_EQ(read(c->fd, &e, sizeof(e)), sizeof(e));
		CHECK(e.base.type == DRM_EGRET_EVENT_QUEUE_DEAD ||
		      e.base.type == DRM_EGRET_EVENT_BANNED);
	} while (e.base.type != DRM_EGRET_EVENT_BANNED);
	CHECK_EQ(e.queue_id, c->queue);
	CHECK_EQ(e.state, state);
	CHECK_EQ(poll(&p, 1, 200), 0);
}

/* As it is by default: nobody is banned. */
static void test_never(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	unsigned int i;

	for (i = 0; i < 80; i++) {
		fault(&c);
		CHECK_OK(queue_destroy(c.fd, c.queue));
		CHECK_OK(try_queue(&c));
	}
}

static void test_faults(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct client sibling = client_fork(&c, DRM_EGRET_QUEUE_COPY);
	struct client other = client_open(DRM_EGRET_QUEUE_COPY);
	uint32_t done = syncobj_create(c.fd);
	struct drm_egret_sync sync = sync_signal(done, 0);

	set_parameter("ban_after", 3);
	packet_wait(&sibling, bo.va, 1);
	CHECK_OK(submit(&sibling, &sync, 1));
	fault(&c);
	CHECK_OK(try_queue(&c));
	fault(&c);
	CHECK_OK(try_queue(&c));
	CHECK_EQ(queue_query(c.fd, sibling.queue).state, DRM_EGRET_QUEUE_OK);
	fault(&c);

	/* All its queues have ended, and there are no new ones. */
	CHECK_OK(syncobj_wait(c.fd, done, 0, EVENT_MS));
	CHECK_EQ(syncobj_status(c.fd, done), -ECANCELED);
	CHECK_EQ(queue_query(c.fd, c.queue).state, DRM_EGRET_QUEUE_DEAD_FAULT);
	CHECK_EQ(queue_query(c.fd, sibling.queue).state, DRM_EGRET_QUEUE_DEAD_BANNED);
	CHECK_ERR(submit(&sibling, NULL, 0), ECANCELED);
	CHECK_ERR(try_queue(&c), EPERM);
	expect_ban(&c, DRM_EGRET_QUEUE_DEAD_FAULT);

	/* It keeps its memory, and may give it back. */
	bo.u64[0] = 5;
	CHECK_EQ(bo.u64[0], 5);
	CHECK_OK(vm_unmap(c.fd, c.vm, bo.va, PAGE));
	CHECK_OK(queue_destroy(c.fd, sibling.queue));
	handle_close(c.fd, bo.handle);
	/* Others go on, and who opens the card again begins anew. */
	packet(&other, EGRET_OP_NOP, 0);
	CHECK_OK(run(&other));
	client_close(&c);
	c = client_open(DRM_EGRET_QUEUE_COPY);
	packet(&c, EGRET_OP_NOP, 0);
	CHECK_OK(run(&c));
	/* The limit being gone does not undo anything, but bans nobody. */
	set_parameter("ban_after", 0);
	fault(&c);
	CHECK_OK(try_queue(&c));
}

static void test_hangs(void)
{
	struct client c;
	struct bo bo;

	set_parameter("hang_timeout_ms", 400);
	set_parameter("ban_after", 2);
	c = client_open(DRM_EGRET_QUEUE_COPY);
	bo = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	hang(&c, &bo);
	CHECK_OK(try_queue(&c));
	hang(&c, &bo);
	CHECK_ERR(try_queue(&c), EPERM);
	expect_ban(&c, DRM_EGRET_QUEUE_DEAD_HUNG);
}

/* What is long ago does not count. */
static void test_window(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	unsigned int i;

	set_parameter("ban_after", 2);
	set_parameter("ban_window_s", 1);
	for (i = 0; i < 3; i++) {
		fault(&c);
		CHECK_OK(try_queue(&c));
		sleep_ms(1200);
	}
	set_parameter("ban_window_s", 3600);
	fault(&c);
	CHECK_ERR(try_queue(&c), EPERM);
}

/* Destroying a queue at work is no offence. */
static void test_destroyed(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	unsigned int i;

	set_parameter("ban_after", 1);
	for (i = 0; i < 5; i++) {
		packet_wait(&c, bo.va, 1);
		CHECK_OK(submit(&c, NULL, 0));
		CHECK_OK(queue_destroy(c.fd, c.queue));
		CHECK_OK(try_queue(&c));
	}
	packet(&c, EGRET_OP_NOP, 0);
	CHECK_OK(run(&c));
}

/* Nor is a reset of the card. */
static void test_reset(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	uint32_t done = syncobj_create(c.fd);
	struct drm_egret_sync sync = sync_signal(done, 0);
	char path[256];

	set_parameter("ban_after", 1);
	packet_wait(&c, bo.va, 1);
	CHECK_OK(submit(&c, &sync, 1));
	sleep_ms(100);
	debugfs_path(path, "reset");
	write_text(path, "engines");
	CHECK_OK(syncobj_wait(c.fd, done, 0, EVENT_MS));
	CHECK_EQ(syncobj_status(c.fd, done), -ECANCELED);
	CHECK_EQ(queue_query(c.fd, c.queue).state, DRM_EGRET_QUEUE_OK);
	CHECK_OK(try_queue(&c));
}

/* Many queues that fault at once, while others are made: none is left alive. */
static void test_at_once(void)
{
	enum { QUEUES = 24 };
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	uint32_t queue[QUEUES], i;
	struct drm_egret_call call = { .count = 1 };
	int ret = 0;

	set_parameter("ban_after", 4);
	packet(&c, 0x66, 0);
	call.va = c.cmd.va;
	for (i = 0; i < QUEUES; i++)
		queue[i] = queue_create(c.fd, c.vm, DRM_EGRET_QUEUE_COPY);
	for (i = 0; i < QUEUES; i++) {
		ret = exec_calls(c.fd, queue[i], &call, 1, NULL, 0);
		CHECK(!ret || ret == -ECANCELED);
	}
	for (i = 0; i < 10000 && !(ret = try_queue(&c)); i++)
		CHECK_OK(queue_destroy(c.fd, c.queue));
	CHECK_EQ(ret, -EPERM);
	/* The ban comes first, then the end of each queue. */
	for (i = 0; i < QUEUES; i++) {
		uint64_t end = now_ns() + EVENT_MS * 1000000ULL;

		while (queue_query(c.fd, queue[i]).state == DRM_EGRET_QUEUE_OK)
			CHECK(now_ns() < end);
	}
}

int main(void)
{
	static const struct test tests[] = {
		TEST_LONG("nobody by default", test_never, 60),
		TEST("faults", test_faults),
		TEST("hangs", test_hangs),
		TEST("the window", test_window),
		TEST("destroying is no offence", test_destroyed),
		TEST("a reset is no offence", test_reset),
		TEST_LONG("many queues at once", test_at_once, 60),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
