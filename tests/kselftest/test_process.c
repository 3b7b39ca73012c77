// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Processes that die, and what they leave: nothing. */
#include "egret_test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Be in the middle of something, in every way, and stay there. */
static void busy_child(int ready)
{
	/* li a0, 0; 1: addi a0, a0, 1; j 1b */
	static const uint32_t endless[] = { 0x00000513, 0x00150513, 0xffdff06f };
	struct client a = client_open(DRM_EGRET_QUEUE_COMPUTE);
	struct bo vram = client_bo(&a, 8 * MiB, DRM_EGRET_BO_VRAM);
	struct bo system = client_bo(&a, 8 * MiB, DRM_EGRET_BO_SYSTEM);
	struct client b = client_fork(&a, DRM_EGRET_QUEUE_COPY);
	struct client c = client_fork(&b, DRM_EGRET_QUEUE_COPY);
	struct drm_egret_sync syncs[2];
	uint32_t done = syncobj_create(a.fd), i;

	for (i = 0; i < ARRAY_SIZE(endless); i++)
		vram.u32[i] = endless[i];
	packet_dispatch(&a, vram.va, 16, 0);
	syncs[0] = sync_signal(done, 0);
	CHECK_OK(submit(&a, syncs, 1));
	/* One that stands at a WAIT, one that waits on the host. */
	packet_wait(&b, system.va, 1);
	CHECK_OK(submit(&b, NULL, 0));
	packet_fill(&c, system.va, 8, 8, 1, 0);
	syncs[0] = sync_wait(done, 0);
	CHECK_OK(submit(&c, syncs, 1));
	for (i = 0; i < 100; i++) {
		packet_copy(&c, vram.va + 4 * MiB, system.va, 4 * MiB, 0);
		CHECK_OK(submit(&c, NULL, 0));
	}
	CHECK_EQ(write(ready, "", 1), 1);
	for (;;)
		pause();
}

static void kill_busy_child(void)
{
	int ends[2], status;
	pid_t pid;
	char c;

	CHECK_OK(pipe(ends));
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		close(ends[0]);
		busy_child(ends[1]);
	}
	close(ends[1]);
	CHECK_EQ(read(ends[0], &c, 1), 1);
	close(ends[0]);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
}

static bool returns_to(int fd, uint64_t used)
{
	uint32_t i;

	for (i = 0; i < 500; i++) {
		if (memory_info(fd).vram_used == used)
			return true;
		sleep_ms(10);
	}
	return false;
}

static void test_killed(void)
{
	int fd = card_open();
	uint64_t used = memory_info(fd).vram_used;
	uint32_t i;

	for (i = 0; i < 10; i++) {
		kill_busy_child();
		CHECK(returns_to(fd, used));
	}
}

static void test_killed_beside_others(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, 1 * MiB, DRM_EGRET_BO_VRAM);
	uint32_t i;

	for (i = 0; i < 5; i++) {
		packet_fill(&c, bo.va, bo.size, 8, i, 0);
		CHECK_OK(submit(&c, NULL, 0));
		kill_busy_child();
		packet_fill(&c, bo.va, bo.size, 8, i + 100, 0);
		CHECK_OK(run(&c));
		CHECK_EQ(bo.u64[bo.size / 8 - 1], i + 100);
	}
	CHECK_EQ(queue_query(c.fd, c.queue).state, DRM_EGRET_QUEUE_OK);
}

/* A file that a child inherited goes on when the parent is gone. */
static void test_inherited(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, PAGE, DRM_EGRET_BO_VRAM);
	int status;
	pid_t pid;

	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		packet_fence(&c, bo.va, 11);
		CHECK_OK(run(&c));
		CHECK_EQ(bo.u64[0], 11);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(bo.u64[0], 11);
	packet_fence(&c, bo.va, 12);
	CHECK_OK(run(&c));
	CHECK_EQ(bo.u64[0], 12);
}

/* Sync objects may outlive everything that they were signalled by. */
static void test_syncobj_outlives_queue(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo flag = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	uint32_t done = syncobj_create(c.fd);
	struct drm_egret_sync sync = sync_signal(done, 0);

	packet_wait(&c, flag.va, 1);
	CHECK_OK(submit(&c, &sync, 1));
	CHECK_OK(queue_destroy(c.fd, c.queue));
	CHECK_OK(vm_destroy(c.fd, c.vm));
	CHECK_OK(syncobj_wait(c.fd, done, 0, 5000));
	/* This asks the fence for its names, too. */
	CHECK_EQ(syncobj_status(c.fd, done), -ECANCELED);
}

static void test_open_close(void)
{
	uint32_t i;

	for (i = 0; i < 200; i++) {
		struct client c = client_open(i % 2);

		packet(&c, EGRET_OP_NOP, 0);
		CHECK_OK(submit(&c, NULL, 0));
		client_close(&c);
	}
}

/* fdinfo says what the file used, in the form that tools know. */
static void test_fdinfo(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, 4 * MiB, DRM_EGRET_BO_VRAM);
	unsigned long long copy_cycles = 0, compute_cycles = ~0ULL, vram = 0;
	char path[64], line[256], driver[32] = "", unit[8] = "";
	uint32_t round;
	FILE *f;

	packet_fill(&c, bo.va, bo.size, 8, 0, 0);
	CHECK_OK(run(&c));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", c.fd);
	/* While the queue lives, and when it is gone. */
	for (round = 0; round < 2; round++) {
		unsigned long long before = copy_cycles;

		f = fopen(path, "r");
		CHECK(f);
		while (fgets(line, sizeof(line), f)) {
			sscanf(line, "drm-driver: %31s", driver);
			sscanf(line, "drm-cycles-copy: %llu", &copy_cycles);
			sscanf(line, "drm-cycles-compute: %llu", &compute_cycles);
			if (sscanf(line, "drm-total-vram: %llu %7s", &vram, unit) == 2)
				vram *= !strcmp(unit, "MiB") ? MiB : KiB;
		}
		fclose(f);
		CHECK(!strcmp(driver, "egret"));
		CHECK(copy_cycles > 0);
		CHECK_EQ(compute_cycles, 0);
		CHECK_EQ(vram, bo.size);
		if (round)
			CHECK_EQ(copy_cycles, before);
		else
			CHECK_OK(queue_destroy(c.fd, c.queue));
	}
}

int main(void)
{
	static const struct test tests[] = {
		TEST_LONG("killed in the middle of it", test_killed, 90),
		TEST_LONG("killed beside others", test_killed_beside_others, 90),
		TEST("an inherited file", test_inherited),
		TEST("a sync object outlives its queue", test_syncobj_outlives_queue),
		TEST_LONG("open and close", test_open_close, 60),
		TEST("fdinfo", test_fdinfo),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
