// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* What a client is told: events, and the dump that is left behind. */
#include "egret_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENT_MS	10000

static bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1 && p.revents & POLLIN;
}

static void set_nonblocking(int fd)
{
	CHECK_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
}

/* The next event, or false if there is none. */
static bool next_event(int fd, int ms, struct drm_egret_event *event)
{
	if (!readable(fd, ms))
		return false;
	CHECK_EQ(read(fd, event, sizeof(*event)), sizeof(*event));
	CHECK_EQ(event->base.length, sizeof(*event));
	return true;
}

static void fault(struct client *c, uint64_t va)
{
	packet_fill(c, va, 8, 8, 0, 0);
	CHECK_EQ(run(c), -ECANCELED);
}

static void test_queue_dead(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct client other = client_open(DRM_EGRET_QUEUE_COPY);
	uint64_t begun = now_ns();
	struct drm_egret_event e;

	set_nonblocking(c.fd);
	CHECK(!readable(c.fd, 0));
	CHECK(read(c.fd, &e, sizeof(e)) < 0 && errno == EAGAIN);
	fault(&c, TEST_VA - PAGE);
	CHECK(next_event(c.fd, EVENT_MS, &e));
	CHECK_EQ(e.base.type, DRM_EGRET_EVENT_QUEUE_DEAD);
	CHECK_EQ(e.queue_id, c.queue);
	CHECK_EQ(e.state, DRM_EGRET_QUEUE_DEAD_FAULT);
	CHECK_EQ(e.code, EGRET_FAULT_MMU_UNMAPPED);
	CHECK_EQ(e.addr, TEST_VA - PAGE);
	CHECK_EQ(e.pc, queue_query(c.fd, c.queue).fault_pc);
	CHECK_EQ(e.lost, 0);
	CHECK(e.time >= begun && e.time <= now_ns());
	CHECK(!readable(c.fd, 0));
	/* It is nobody else's business. */
	CHECK(!readable(other.fd, 0));
}

static void test_hung(void)
{
	struct drm_egret_event e;
	struct client c;
	struct bo bo;

	set_parameter("hang_timeout_ms", 400);
	c = client_open(DRM_EGRET_QUEUE_COPY);
	bo = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	packet_wait(&c, bo.va, 1);
	CHECK_EQ(run(&c), -ECANCELED);
	CHECK(next_event(c.fd, EVENT_MS, &e));
	CHECK_EQ(e.base.type, DRM_EGRET_EVENT_QUEUE_DEAD);
	CHECK_EQ(e.state, DRM_EGRET_QUEUE_DEAD_HUNG);
	CHECK_EQ(e.code, EGRET_FAULT_NONE);
}

/* Destroying is no news to who does it. */
static void test_destroyed(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);

	packet_wait(&c, bo.va, 1);
	CHECK_OK(submit(&c, NULL, 0));
	CHECK_OK(queue_destroy(c.fd, c.queue));
	CHECK(!readable(c.fd, 200));
}

/* What nobody reads is bounded, and what is lost is counted. */
static void test_bounded(void)
{
	enum { FAULTS = 150 };
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct drm_egret_event e;
	unsigned int got = 0, i;

	for (i = 0; i < FAULTS; i++) {
		fault(&c, TEST_VA - PAGE);
		CHECK_OK(queue_destroy(c.fd, c.queue));
		c.queue = queue_create(c.fd, c.vm, DRM_EGRET_QUEUE_COPY);
	}
	while (next_event(c.fd, 1000, &e)) {
		CHECK_EQ(e.lost, 0);
		got++;
	}
	CHECK(got >= 16);
	CHECK(got < FAULTS);
	fault(&c, TEST_VA - PAGE);
	CHECK(next_event(c.fd, EVENT_MS, &e));
	CHECK_EQ(e.lost, FAULTS - got);
	CHECK_EQ(e.queue_id, c.queue);
}

/* ---- dumps --------------------------------------------------------------------- */

#define DUMPS	"/sys/class/devcoredump"

/* Path of the only dump, or false if there is none. */
static bool find_dump(char *path, size_t size)
{
	DIR *dir = opendir(DUMPS);
	struct dirent *entry;
	bool found = false;

	if (!dir)
		return false;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && strncmp(entry->d_name, "devcd", 5) == 0) {
			snprintf(path, size, DUMPS "/%s/data", entry->d_name);
			found = true;
		}
	closedir(dir);
	return found;
}

static void delete_dumps(void)
{
	char path[512];
	int fd, i;

	for (i = 0; i < 100 && find_dump(path, sizeof(path)); i++) {
		fd = open(path, O_WRONLY);
		if (fd >= 0) {
			if (write(fd, "0", 1) < 0)
				sleep_ms(1);
			close(fd);
		}
		sleep_ms(50);
	}
}

static char *read_dump(void)
{
	static char text[256 * 1024];
	size_t size = 0;
	char path[512];
	ssize_t n;
	int fd, i;

	for (i = 0; i < 200 && !find_dump(path, sizeof(path)); i++)
		sleep_ms(50);
	fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	while ((n = read(fd, text + size, sizeof(text) - 1 - size)) > 0)
		size += n;
	CHECK_EQ(n, 0);
	close(fd);
	text[size] = 0;
	return text;
}

#define CHECK_DUMP(dump, ...)						\
	do {								\
		char line_[128];					\
									\
		snprintf(line_, sizeof(line_), __VA_ARGS__);		\
		if (!strstr(dump, line_))				\
			test_fail(__FILE__, __LINE__, "no '%s'", line_);	\
	} while (0)

static void test_dump(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COMPUTE);
	struct bo text = client_bo(&c, 2 * PAGE, DRM_EGRET_BO_VRAM);
	const char *dump;
	struct stat st;

	if (stat(DUMPS, &st))
		test_skip("this kernel has no devcoredump");
	/* A dump of a test before this one may be on its way still. */
	sleep_ms(200);
	delete_dumps();
	text.u32[PAGE / 4 + 2] = 0x00100073;	/* ebreak */
	text.u32[PAGE / 4 + 1] = 0x00000013;	/* nop */
	text.u32[PAGE / 4] = 0x00000013;
	packet_dispatch(&c, text.va + PAGE, 1, 0xc0ffee);
	CHECK_EQ(run(&c), -ECANCELED);
	dump = read_dump();
	CHECK(!strncmp(dump, "egret_dump: 1\n", 14));
	CHECK_DUMP(dump, "\nreason: a queue has faulted\n");
	CHECK_DUMP(dump, "\n  id: %u\n", c.queue);
	CHECK_DUMP(dump, "\n  pid: %d\n", getpid());
	CHECK_DUMP(dump, "\n  type: compute\n");
	CHECK_DUMP(dump, "\n    FAULT_CODE: %#x\n", EGRET_FAULT_ABORT);
	CHECK_DUMP(dump, "\n    FAULT_PC: %#llx\n", (unsigned long long)text.va + PAGE + 8);
	CHECK_DUMP(dump, "\n    FAULT_COOKIE: 0xc0ffee\n");
	CHECK_DUMP(dump, "\n  pc_binding_va: %#llx\n", (unsigned long long)text.va);
	CHECK_DUMP(dump, "\n  pc_buffer_offset: %#x\n", (unsigned int)PAGE + 8);
	CHECK_DUMP(dump, "\n  ring:\n    0: ");
	CHECK_DUMP(dump, "\nchip:\n  ID: 0x31524745\n");
	CHECK_DUMP(dump, "\ncluster 0:\n");
	CHECK_DUMP(dump, "\nqueues:\n");
	CHECK_DUMP(dump, "\nfirmware_log:\n");
	delete_dumps();
}

/* A client that faults all the time makes one dump, not thousands. */
static void test_one_dump(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	char first[512], second[512];
	struct stat st;
	unsigned int i;

	if (stat(DUMPS, &st))
		test_skip("this kernel has no devcoredump");
	fault(&c, TEST_VA - PAGE);
	read_dump();
	CHECK(find_dump(first, sizeof(first)));
	for (i = 0; i < 20; i++) {
		c.queue = queue_create(c.fd, c.vm, DRM_EGRET_QUEUE_COPY);
		fault(&c, TEST_VA - PAGE);
	}
	sleep_ms(200);
	CHECK(find_dump(second, sizeof(second)));
	CHECK(!strcmp(first, second));
	delete_dumps();
}

int main(void)
{
	static const struct test tests[] = {
		TEST("a queue faults", test_queue_dead),
		TEST("a queue hangs", test_hung),
		TEST("a queue is destroyed", test_destroyed),
		TEST_LONG("events that nobody reads", test_bounded, 90),
		TEST("dump of a queue", test_dump),
		TEST_LONG("one dump at a time", test_one_dump, 60),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
