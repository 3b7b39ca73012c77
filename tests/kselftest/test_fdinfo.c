// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * fdinfo: the time that a client has used, as Documentation/gpu/drm-usage-stats.rst of
 * the kernel wants it. It never falls, whatever happens to queues and to the card, and
 * all clients together have used what the card was busy. (What fdinfo says of memory is
 * the business of other tests.)
 */
#include "egret_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static const char * const engines[] = { "compute", "copy" };

static uint64_t engine_value(int fd, const char *what, unsigned int engine)
{
	char key[64];

	snprintf(key, sizeof(key), "drm-%s-%s", what, engines[engine]);
	return fdinfo(fd, key);
}

static uint64_t all_cycles(int fd)
{
	return engine_value(fd, "cycles", 0) + engine_value(fd, "cycles", 1);
}

static void write_reset(const char *level)
{
	char path[256];

	debugfs_path(path, "reset");
	write_text(path, level);
}

/* The lines that tools look for, in the form that they expect. */
static void test_keys(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct drm_egret_device_info info = device_info(c.fd);
	char path[256], device[256], line[300], *text;
	unsigned int i;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", c.fd);
	text = read_text(path);
	CHECK(strstr(text, "\ndrm-driver:\tegret\n"));
	sysfs_path(device, "");
	device[strlen(device) - 1] = 0;
	snprintf(line, sizeof(line), "\ndrm-pdev:\t%s\n", strrchr(device, '/') + 1);
	CHECK(strstr(text, line));
	CHECK(strstr(text, "\ndrm-client-id:\t"));
	for (i = 0; i < ARRAY_SIZE(engines); i++) {
		snprintf(line, sizeof(line), "\ndrm-engine-%s:\t0 ns\n", engines[i]);
		CHECK(strstr(text, line));
		snprintf(line, sizeof(line), "\ndrm-cycles-%s:\t0\n", engines[i]);
		CHECK(strstr(text, line));
		snprintf(line, sizeof(line), "\ndrm-maxfreq-%s:\t%llu Hz\n", engines[i],
			 info.core_clock_khz * 1000ULL);
		CHECK(strstr(text, line));
	}
	free(text);
	/* Work of one type on several engines at a time is more than the time that passes. */
	if (info.copy_engines > 1)
		CHECK_EQ(fdinfo(c.fd, "drm-engine-capacity-copy"), info.copy_engines);
	/* Clients are told apart. */
	CHECK(fdinfo(card_open(), "drm-client-id") != fdinfo(c.fd, "drm-client-id"));
}

/* Time is cycles at the fastest clock; a queue's are those of its file. */
static void test_values(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct client compute = client_fork(&c, DRM_EGRET_QUEUE_COMPUTE);
	struct bo bo = client_bo(&c, MiB, DRM_EGRET_BO_SYSTEM);
	struct bo text = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	uint64_t khz = device_info(c.fd).core_clock_khz, cycles[2], i;

	packet_fill(&c, bo.va, bo.size, 8, 0, 0);
	CHECK_OK(run(&c));
	text.u32[0] = 0x00008067;	/* ret */
	packet_dispatch(&compute, text.va, 100, 0);
	CHECK_OK(run(&compute));
	cycles[0] = queue_query(c.fd, compute.queue).busy_cycles;
	cycles[1] = queue_query(c.fd, c.queue).busy_cycles;
	for (i = 0; i < 2; i++) {
		CHECK(cycles[i] > 0);
		CHECK_EQ(engine_value(c.fd, "cycles", i), cycles[i]);
		CHECK_EQ(engine_value(c.fd, "engine", i), cycles[i] * 1000000 / khz);
	}
	/* They stay with the file when the queue goes. */
	CHECK_OK(queue_destroy(c.fd, c.queue));
	CHECK_OK(queue_destroy(c.fd, compute.queue));
	for (i = 0; i < 2; i++)
		CHECK_EQ(engine_value(c.fd, "cycles", i), cycles[i]);
}

/* ---- under load -------------------------------------------------------------------- */

struct watch {
	int fd;
	atomic_bool stop;
	unsigned int looks;
	pthread_t thread;
};

/* Look all the time, and see that nothing falls. */
static void *watch(void *data)
{
	struct watch *w = data;
	uint64_t last[2][2] = {}, now;
	unsigned int e, k;

	while (!atomic_load(&w->stop)) {
		for (e = 0; e < 2; e++)
			for (k = 0; k < 2; k++) {
				now = engine_value(w->fd, k ? "engine" : "cycles", e);
				if (now < last[e][k])
					test_fail(__FILE__, __LINE__, "%s: %llu after %llu",
						  engines[e], (unsigned long long)now,
						  (unsigned long long)last[e][k]);
				last[e][k] = now;
			}
		w->looks++;
	}
	return NULL;
}

static void watch_begin(struct watch *w, int fd)
{
	w->fd = fd;
	w->looks = 0;
	atomic_init(&w->stop, false);
	CHECK_OK(pthread_create(&w->thread, NULL, watch, w));
}

static void watch_end(struct watch *w)
{
	atomic_store(&w->stop, true);
	CHECK_OK(pthread_join(w->thread, NULL));
	CHECK(w->looks > 0);
}

/* Queues come, work, and go, in several clients; destroyed at work as well. */
static void test_load(void)
{
	enum { CLIENTS = 3, ROUNDS = 60 };
	struct client c[CLIENTS];
	struct bo bo[CLIENTS], flag;
	struct watch w[CLIENTS];
	uint64_t busy, used = 0;
	unsigned int i, k;

	/* Buffers first: the card clears device memory for them. */
	for (k = 0; k < CLIENTS; k++) {
		c[k] = client_open(DRM_EGRET_QUEUE_COPY);
		bo[k] = client_bo(&c[k], MiB, DRM_EGRET_BO_SYSTEM);
	}
	flag = client_bo(&c[0], PAGE, DRM_EGRET_BO_SYSTEM);
	busy = counters(c[0].fd).cycles;
	for (k = 0; k < CLIENTS; k++)
		watch_begin(&w[k], c[k].fd);
	for (i = 0; i < ROUNDS; i++)
		for (k = 0; k < CLIENTS; k++) {
			packet_fill(&c[k], bo[k].va, PAGE * (1 + i % 64), 8, i, 0);
			CHECK_OK(run(&c[k]));
			if (i % 3 != k)
				continue;
			if (!k) {
				packet_fill(&c[k], bo[k].va, PAGE, 8, 0, 0);
				packet_wait(&c[k], flag.va, 1);
				CHECK_OK(submit(&c[k], NULL, 0));
				c[k].packets = c[k].first = 0;
			}
			CHECK_OK(queue_destroy(c[k].fd, c[k].queue));
			c[k].queue = queue_create(c[k].fd, c[k].vm, i % 2);
		}
	for (k = 0; k < CLIENTS; k++)
		watch_end(&w[k]);
	for (k = 0; k < CLIENTS; k++)
		used += all_cycles(c[k].fd);
	CHECK_EQ(used, counters(c[0].fd).cycles - busy);
	printf("# %llu cycles, looked at %u times\n", (unsigned long long)used, w[0].looks);
}

/* Through sleep and resets, which make the card forget what it has counted. */
static void test_forgotten(void)
{
	enum { ROUNDS = 3 };
	static const char * const levels[] = { "engines", "function" };
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, MiB, DRM_EGRET_BO_SYSTEM);
	uint64_t cycles = 0, each;
	struct watch w;
	unsigned int i;

	packet_fill(&c, bo.va, bo.size, 8, 0, 0);
	CHECK_OK(run(&c));
	each = all_cycles(c.fd);
	CHECK(each > 0);
	watch_begin(&w, c.fd);
	for (i = 0; i < 3 * ROUNDS; i++) {
		cycles = all_cycles(c.fd);
		if (i % 3 == 2) {
			card_sleep();
			CHECK_EQ(all_cycles(c.fd), cycles);
		} else {
			write_reset(levels[i % 3]);
		}
		/* What was counted is there, and what comes is added. */
		CHECK_EQ(all_cycles(c.fd), cycles);
		packet_fill(&c, bo.va, bo.size, 8, 0, 0);
		CHECK_OK(run(&c));
		CHECK_EQ(all_cycles(c.fd), cycles + each);
	}
	watch_end(&w);
	CHECK_EQ(all_cycles(c.fd), (3 * ROUNDS + 1) * each);
}

int main(void)
{
	static const struct test tests[] = {
		TEST("keys", test_keys),
		TEST("values", test_values),
		TEST_LONG("under load", test_load, 90),
		TEST_LONG("what the card forgets", test_forgotten, 90),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
