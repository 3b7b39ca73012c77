// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* The watchdog: what hangs is killed, what makes progress is not. */
#include "egret_test.h"

#define HANG_MS	400

/* Loop until the word at the address in the arguments is not zero. */
static const uint32_t spin_code[] = {
	0x00053503,	/*    ld   a0, 0(a0) */
	0x00053583,	/* 1: ld   a1, 0(a0) */
	0xfe058ee3,	/*    beqz a1, 1b */
	0x00008067,	/*    ret */
};

struct spinner {
	struct client c;
	struct bo text;
	struct bo flag;
	uint32_t done;
};

/* A queue at work on a kernel that ends when the flag is set. */
static struct spinner spin(void)
{
	struct spinner s = { .c = client_open(DRM_EGRET_QUEUE_COMPUTE) };
	struct drm_egret_sync sync;
	union egret_packet *p;
	uint32_t i;

	s.text = client_bo(&s.c, PAGE, DRM_EGRET_BO_VRAM);
	s.flag = client_bo(&s.c, PAGE, DRM_EGRET_BO_SYSTEM);
	for (i = 0; i < ARRAY_SIZE(spin_code); i++)
		s.text.u32[i] = spin_code[i];
	s.text.u64[16] = s.flag.va;
	p = (union egret_packet *)s.c.cmd.map + s.c.packets;
	packet_dispatch(&s.c, s.text.va, 1, 0);
	p->dispatch.args = s.text.va + 128;
	p->dispatch.args_size = 8;
	s.done = syncobj_create(s.c.fd);
	sync = sync_signal(s.done, 0);
	CHECK_OK(submit(&s.c, &sync, 1));
	return s;
}

static void check_hung(struct client *c, uint32_t done)
{
	CHECK_OK(syncobj_wait(c->fd, done, 0, 20000));
	CHECK_EQ(syncobj_status(c->fd, done), -ECANCELED);
	CHECK_EQ(queue_query(c->fd, c->queue).state, DRM_EGRET_QUEUE_DEAD_HUNG);
	CHECK_EQ(queue_query(c->fd, c->queue).fault_code, EGRET_FAULT_NONE);
	CHECK_ERR(submit(c, NULL, 0), ECANCELED);
}

static void test_wait_for_ever(void)
{
	struct client c, other;
	struct drm_egret_sync sync;
	struct bo bo;
	uint64_t begun;

	set_parameter("hang_timeout_ms", HANG_MS);
	c = client_open(DRM_EGRET_QUEUE_COPY);
	bo = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	other = client_fork(&c, DRM_EGRET_QUEUE_COPY);
	packet_wait(&c, bo.va, 1);
	sync = sync_signal(syncobj_create(c.fd), 0);
	begun = now_ns();
	CHECK_OK(submit(&c, &sync, 1));
	/* Others go on all the time. */
	while (syncobj_wait(c.fd, sync.handle, 0, 20)) {
		packet_fill(&other, bo.va + 8, 8, 8, 3, 0);
		CHECK_OK(run(&other));
	}
	CHECK(now_ns() - begun >= HANG_MS * 1000000ULL);
	check_hung(&c, sync.handle);
	packet_fill(&other, bo.va + 8, 8, 8, 4, 0);
	CHECK_OK(run(&other));
	CHECK_EQ(bo.u64[1], 4);
}

/* A wait that is satisfied in time is none of the watchdog's business. */
static void test_short_wait(void)
{
	struct client c;
	struct drm_egret_sync sync;
	struct bo bo;
	uint32_t i;

	set_parameter("hang_timeout_ms", 2000);
	c = client_open(DRM_EGRET_QUEUE_COPY);
	bo = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	sync = sync_signal(syncobj_create(c.fd), 0);
	for (i = 0; i < 10; i++)
		packet_wait(&c, bo.va, i + 1);
	CHECK_OK(submit(&c, &sync, 1));
	for (i = 0; i < 10; i++) {
		sleep_ms(400);
		bo.u64[0] = i + 1;
	}
	CHECK_OK(syncobj_wait(c.fd, sync.handle, 0, 10000));
	CHECK_EQ(syncobj_status(c.fd, sync.handle), 1);
}

static void test_long_job(void)
{
	struct spinner s;

	set_parameter("hang_timeout_ms", HANG_MS);
	s = spin();
	sleep_ms(5 * HANG_MS);
	CHECK_EQ(syncobj_status(s.c.fd, s.done), 0);
	CHECK_EQ(queue_query(s.c.fd, s.c.queue).state, DRM_EGRET_QUEUE_OK);
	s.flag.u64[0] = 1;
	CHECK_OK(syncobj_wait(s.c.fd, s.done, 0, 10000));
	CHECK_EQ(syncobj_status(s.c.fd, s.done), 1);
}

static void test_endless_job(void)
{
	struct spinner s;

	set_parameter("hang_timeout_ms", HANG_MS);
	set_parameter("job_timeout_s", 2);
	s = spin();
	check_hung(&s.c, s.done);
}

/* A workgroup in the middle of it all can be ended. */
static void test_destroy_running(void)
{
	struct spinner s = spin();

	sleep_ms(100);
	CHECK_EQ(syncobj_status(s.c.fd, s.done), 0);
	CHECK_OK(queue_destroy(s.c.fd, s.c.queue));
	CHECK_OK(syncobj_wait(s.c.fd, s.done, 0, 5000));
	CHECK_EQ(syncobj_status(s.c.fd, s.done), -ECANCELED);
	/* The cluster is free again. */
	s.c.queue = queue_create(s.c.fd, s.c.vm, DRM_EGRET_QUEUE_COMPUTE);
	s.text.u32[0] = 0x00008067;	/* ret */
	s.c.packets = 0;
	s.c.first = 0;
	packet_dispatch(&s.c, s.text.va, 64, 0);
	CHECK_OK(run(&s.c));
}

int main(void)
{
	static const struct test tests[] = {
		TEST("WAIT for ever", test_wait_for_ever),
		TEST("WAIT for a while", test_short_wait),
		TEST("a long job that makes progress", test_long_job),
		TEST("an endless job", test_endless_job),
		TEST("destroying a queue that runs", test_destroy_running),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
