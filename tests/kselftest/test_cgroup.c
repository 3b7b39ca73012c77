// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Whom system memory is charged to: the memory cgroup of the process that made a buffer. Who
 * reaches the limit of the group is told so, and nobody is killed.
 */
#include "egret_test.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOT		"/tmp/egret-cgroup"
#define PIECE		(4 * MiB)
/* What a process has beside its buffers, and what the kernel takes in advance. */
#define SLACK		(4 * MiB)
#define LIMIT		(64 * MiB)
#define PATIENCE_MS	(10000 * test_slow())

/* ---- a group ------------------------------------------------------------------------------ */

static char group[64];

static void group_path(char path[128], const char *file)
{
	snprintf(path, 128, "%s/%s", group, file);
}

static void group_write(const char *file, const char *text)
{
	char path[128];

	group_path(path, file);
	write_text(path, text);
}

/* The number in a file of the group's, behind @word if there is one. */
static uint64_t group_read(const char *file, const char *word)
{
	char path[128], *text, *at;
	uint64_t n;

	group_path(path, file);
	text = read_text(path);
	at = word ? strstr(text, word) : text;
	CHECK(at);
	n = strtoull(at + (word ? strlen(word) : 0), NULL, 10);
	free(text);
	return n;
}

static uint64_t charged(void)
{
	return group_read("memory.current", NULL);
}

static bool comes_down_to(uint64_t bytes)
{
	unsigned int waited;

	for (waited = 0; waited < PATIENCE_MS; waited += 10) {
		if (charged() <= bytes)
			return true;
		sleep_ms(10);
	}
	return false;
}

static void group_create(void)
{
	if (mkdir(ROOT, 0755))
		CHECK_EQ(errno, EEXIST);
	if (access(ROOT "/cgroup.procs", F_OK))
		CHECK_OK(mount("cgroup2", ROOT, "cgroup2", 0, NULL));
	write_text(ROOT "/cgroup.subtree_control", "+memory");
	snprintf(group, sizeof(group), ROOT "/test-%d", getpid());
	CHECK_OK(mkdir(group, 0755));
}

static void group_limit(uint64_t bytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)bytes);
	group_write("memory.max", text);
}

/* Nobody in it any more. */
static void group_destroy(void)
{
	CHECK_EQ(group_read("memory.events", "oom_kill "), 0);
	CHECK_OK(rmdir(group));
}

/* ---- two processes, the second in the group ------------------------------------------------- */

struct member {
	pid_t pid;
	/* Ours, and the member's. */
	int go[2];
	int said[2];
};

static struct member member_start(void (*work)(struct member *))
{
	struct member m;

	CHECK_OK(pipe(m.go));
	CHECK_OK(pipe(m.said));
	m.pid = fork();
	CHECK(m.pid >= 0);
	if (!m.pid) {
		close(m.go[1]);
		close(m.said[0]);
		group_write("cgroup.procs", "0");
		work(&m);
		_exit(0);
	}
	close(m.go[0]);
	close(m.said[1]);
	return m;
}

/* The member waits until the other one has done something. */
static void member_wait(struct member *m)
{
	char c = 0;

	CHECK_EQ(write(m->said[1], &c, 1), 1);
	CHECK_EQ(read(m->go[0], &c, 1), 1);
}

/* Wait until the member waits. */
static void member_reached(struct member *m)
{
	char c;

	CHECK_EQ(read(m->said[0], &c, 1), 1);
}

static void member_go(struct member *m)
{
	char c = 0;

	CHECK_EQ(write(m->go[1], &c, 1), 1);
}

static void member_end(struct member *m)
{
	int status;

	CHECK_EQ(waitpid(m->pid, &status, 0), m->pid);
	CHECK_EQ(status, 0);
	close(m->go[1]);
	close(m->said[0]);
}

static void check_numbers(const struct bo *bo, uint32_t tag)
{
	uint64_t i;

	for (i = 0; i < bo->size / PAGE; i++)
		CHECK_EQ(bo->u32[i * PAGE / 4], tag + i);
}

/* ---- tests ------------------------------------------------------------------------------------ */

static void make_and_free(struct member *m)
{
	int fd = card_open();
	struct bo bo;

	member_wait(m);
	bo = bo_create(fd, 4 * PIECE, DRM_EGRET_BO_SYSTEM, 0);
	member_wait(m);
	bo_close(fd, &bo);
	member_wait(m);
	/* Device memory is the card's. */
	bo = bo_create(fd, 4 * PIECE, DRM_EGRET_BO_VRAM, 0);
	member_wait(m);
	bo_close(fd, &bo);
}

static void test_charged(void)
{
	uint64_t before, kernel;
	struct member m;

	group_create();
	m = member_start(make_and_free);
	member_reached(&m);
	before = charged();
	kernel = group_read("memory.stat", "kernel ");
	member_go(&m);
	member_reached(&m);
	CHECK(charged() >= before + 4 * PIECE);
	CHECK(charged() < before + 4 * PIECE + SLACK);
	CHECK(group_read("memory.stat", "kernel ") >= kernel + 4 * PIECE);
	member_go(&m);
	member_reached(&m);
	CHECK(comes_down_to(before + SLACK));
	member_go(&m);
	member_reached(&m);
	CHECK(charged() < before + SLACK);
	member_go(&m);
	member_end(&m);
	group_destroy();
}

/* Buffers until there are no more, which work; one less, and there is room for one. */
static void take_all(struct member *m)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bos[LIMIT / PIECE], out = client_bo(&c, PAGE, DRM_EGRET_BO_VRAM);
	uint32_t n, k, handle;
	int ret;

	for (n = 0;; n++) {
		CHECK(n < LIMIT / PIECE);
		ret = bo_try_create(c.fd, PIECE, DRM_EGRET_BO_SYSTEM, 0, &handle);
		if (ret)
			break;
		bos[n] = (struct bo){ .handle = handle, .size = PIECE };
	}
	CHECK_EQ(ret, -ENOMEM);
	CHECK((n + 2) * PIECE + SLACK > LIMIT);
	member_wait(m);
	for (k = 0; k < n; k++) {
		CHECK_OK(vm_map(c.fd, c.vm, bos[k].handle, 0, c.next_va, PIECE, ACCESS_ALL));
		packet_fill(&c, c.next_va, PIECE, 8, k + 1, EGRET_PKT_BARRIER);
		packet_copy(&c, out.va, c.next_va + PIECE - 8, 8, EGRET_PKT_BARRIER);
		CHECK_OK(run(&c));
		CHECK_EQ(out.u64[0], k + 1);
		CHECK_OK(vm_unmap(c.fd, c.vm, c.next_va, PIECE));
	}
	CHECK_EQ(bo_try_create(c.fd, PIECE, DRM_EGRET_BO_SYSTEM, 0, &handle), -ENOMEM);
	handle_close(c.fd, bos[0].handle);
	CHECK(comes_down_to(LIMIT - PIECE));
	CHECK_OK(bo_try_create(c.fd, PIECE, DRM_EGRET_BO_SYSTEM, 0, &handle));
}

static void test_limit(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct member m;
	struct bo bo;

	group_create();
	group_limit(LIMIT);
	m = member_start(take_all);
	member_reached(&m);
	CHECK(charged() <= LIMIT);
	CHECK(group_read("memory.events", "max ") > 0);
	/* Others are not concerned. */
	bo = client_bo(&c, 4 * PIECE, DRM_EGRET_BO_SYSTEM);
	packet_fill(&c, bo.va, bo.size, 8, 5, 0);
	CHECK_OK(run(&c));
	CHECK_EQ(bo.u64[bo.size / 8 - 1], 5);
	member_go(&m);
	member_end(&m);
	group_destroy();
}

#define PUSHED	(24 * MiB)

/* A buffer in device memory that others push out; and back, if there is room. */
static void pushed(struct member *m)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = numbered_bo(&c, PUSHED, DRM_EGRET_BO_VRAM, 0x100);

	CHECK_OK(munmap(bo.map, bo.size));
	CHECK_EQ(fdinfo(c.fd, "drm-resident-vram"), PUSHED);
	member_wait(m);
	CHECK_EQ(fdinfo(c.fd, "drm-resident-vram"), 0);
	CHECK_EQ(fdinfo(c.fd, "drm-resident-system"), PUSHED + c.cmd.size);
	bo_map(c.fd, &bo);
	check_numbers(&bo, 0x100);
	member_wait(m);
}

static void check_pushed_out(uint64_t limit)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	uint64_t vram = memory_info(c.fd).vram_total, before, after;
	struct member m;
	struct bo bo;

	group_create();
	m = member_start(pushed);
	member_reached(&m);
	before = charged();
	if (limit)
		group_limit(before + limit);
	/* Somebody outside, who is charged nothing and not refused. */
	bo = bo_create(c.fd, vram - PUSHED, DRM_EGRET_BO_VRAM, 0);
	after = charged();
	if (limit) {
		CHECK(after <= before + limit);
	} else {
		CHECK(after >= before + PUSHED);
		CHECK(after < before + PUSHED + SLACK);
	}
	member_go(&m);
	member_reached(&m);
	bo_close(c.fd, &bo);
	member_go(&m);
	member_end(&m);
	group_destroy();
}

/* The owner is charged, not who needed the room. */
static void test_pushed_out(void)
{
	check_pushed_out(0);
}

/* A group at its limit does not keep others from device memory. */
static void test_pushed_out_at_limit(void)
{
	check_pushed_out(8 * MiB);
}

/* What a group pushes out of device memory itself, it must have room for. */
static void push_own(struct member *m)
{
	int fd = card_open();
	struct bo bo = bo_create(fd, 40 * MiB, DRM_EGRET_BO_VRAM, 0);
	uint32_t handle;

	member_wait(m);
	CHECK_EQ(bo_try_create(fd, 40 * MiB, DRM_EGRET_BO_VRAM, 0, &handle), -ENOSPC);
	CHECK_EQ(fdinfo(fd, "drm-resident-vram"), 40 * MiB);
	member_wait(m);
	CHECK_OK(bo_try_create(fd, 40 * MiB, DRM_EGRET_BO_VRAM, 0, &handle));
	CHECK_EQ(fdinfo(fd, "drm-resident-vram"), 40 * MiB);
	CHECK_EQ(fdinfo(fd, "drm-resident-system"), 40 * MiB);
	bo_close(fd, &bo);
}

static void test_push_own(void)
{
	struct member m;

	group_create();
	m = member_start(push_own);
	member_reached(&m);
	group_limit(charged() + 16 * MiB);
	member_go(&m);
	member_reached(&m);
	group_limit(charged() + 48 * MiB);
	member_go(&m);
	member_end(&m);
	group_destroy();
}

#define QUEUES	64
#define RING	(16 * KiB)

static void make_queues(struct member *m)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	unsigned int i;

	member_wait(m);
	for (i = 0; i < QUEUES; i++)
		queue_create(c.fd, c.vm, DRM_EGRET_QUEUE_COPY);
	member_wait(m);
}

/* Rings are system memory, too. */
static void test_queues(void)
{
	struct member m;
	uint64_t before;

	group_create();
	m = member_start(make_queues);
	member_reached(&m);
	before = charged();
	member_go(&m);
	member_reached(&m);
	CHECK(charged() >= before + QUEUES * RING);
	member_go(&m);
	member_end(&m);
	CHECK(comes_down_to(before + QUEUES * RING / 2));
	group_destroy();
}

int main(void)
{
	static const struct test tests[] = {
		TEST("system memory is charged to the group that made it", test_charged),
		TEST("a group's limit", test_limit),
		TEST("what others push out is charged to its owner", test_pushed_out),
		TEST("and goes out even where the owner is at its limit", test_pushed_out_at_limit),
		TEST("what a group pushes out itself it has room for", test_push_own),
		TEST("rings of queues are charged", test_queues),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
