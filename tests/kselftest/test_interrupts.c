// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Interrupts: what each vector is for, where it is handled, and how many there are.
 * Everything is counted in /proc/interrupts, nothing is timed.
 */
#include "egret_test.h"

#include <sched.h>
#include <unistd.h>

#define VECTORS_MAX	64
#define CPUS_MAX	64

struct vector {
	unsigned int irq;
	char name[32];
	uint64_t count[CPUS_MAX];
};

struct vectors {
	struct vector vector[VECTORS_MAX];
	unsigned int count;
	unsigned int cpus;
};

static uint64_t total(const struct vector *v)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < CPUS_MAX; i++)
		sum += v->count[i];
	return sum;
}

/* The card's lines of /proc/interrupts: "irq: count per processor, chip, name". */
static struct vectors read_vectors(void)
{
	struct vectors all = {};
	static char line[4096];
	FILE *f = fopen("/proc/interrupts", "r");
	char *word, *rest;

	CHECK(f);
	CHECK(fgets(line, sizeof(line), f));
	for (word = strtok(line, " \n"); word; word = strtok(NULL, " \n"))
		all.cpus++;
	CHECK(all.cpus && all.cpus <= CPUS_MAX);
	while (fgets(line, sizeof(line), f)) {
		struct vector *v = &all.vector[all.count];
		unsigned int cpu;

		rest = strstr(line, "egret-");
		if (!rest)
			continue;
		CHECK(all.count < VECTORS_MAX);
		CHECK_EQ(sscanf(rest, "%31s", v->name), 1);
		v->irq = strtoul(line, &word, 10);
		CHECK_EQ(*word, ':');
		word++;
		for (cpu = 0; cpu < all.cpus; cpu++)
			v->count[cpu] = strtoull(word, &word, 10);
		all.count++;
	}
	fclose(f);
	return all;
}

static uint64_t sum_named(const struct vectors *all, const char *name)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < all->count; i++)
		if (!strcmp(all->vector[i].name, name))
			sum += total(&all->vector[i]);
	return sum;
}

static void test_purpose(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, PAGE, DRM_EGRET_BO_VRAM);
	struct vectors before = read_vectors(), after;
	unsigned int i, queues = 0, others = 0;

	for (i = 0; i < before.count; i++) {
		if (!strcmp(before.vector[i].name, "egret-queues"))
			queues++;
		else
			others++;
	}
	CHECK_EQ(others, 2);
	CHECK(queues >= 1);

	/* A job: its queue's vector, and no other. */
	packet_fill(&c, bo.va, 8, 8, 1, 0);
	CHECK_OK(run(&c));
	after = read_vectors();
	CHECK(sum_named(&after, "egret-queues") > sum_named(&before, "egret-queues"));
	CHECK_EQ(sum_named(&after, "egret-fault"), sum_named(&before, "egret-fault"));

	/* A fault: the vector for it. */
	before = after;
	packet_fill(&c, TEST_VA + (1ULL << 40), 8, 8, 1, 0);
	CHECK_ERR(run(&c), ECANCELED);
	after = read_vectors();
	CHECK(sum_named(&after, "egret-fault") > sum_named(&before, "egret-fault"));
}

/* Queues share the vectors evenly: as many queues as vectors use all of them. */
static void test_spread(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, PAGE, DRM_EGRET_BO_VRAM);
	struct vectors before = read_vectors(), after;
	unsigned int i, vectors = 0, used = 0;

	for (i = 0; i < before.count; i++)
		vectors += !strcmp(before.vector[i].name, "egret-queues");
	packet_fill(&c, bo.va, 8, 8, 1, 0);
	for (i = 0; i < vectors; i++) {
		uint32_t queue = queue_create(c.fd, c.vm, DRM_EGRET_QUEUE_COPY);
		struct drm_egret_call call = { .va = c.cmd.va, .count = 1 };
		struct drm_egret_sync sync = sync_signal(syncobj_create(c.fd), 0);

		CHECK_OK(exec_calls(c.fd, queue, &call, 1, &sync, 1));
		CHECK_OK(syncobj_wait(c.fd, sync.handle, 0, 20000));
	}
	after = read_vectors();
	CHECK_EQ(after.count, before.count);
	for (i = 0; i < after.count; i++)
		used += !strcmp(after.vector[i].name, "egret-queues") &&
			total(&after.vector[i]) > total(&before.vector[i]);
	printf("# %u queues, %u of %u vectors\n", vectors, used, vectors);
	CHECK(used >= vectors - 1);
}

/* The administrator says which processor handles a vector. */
static void test_affinity(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, PAGE, DRM_EGRET_BO_VRAM);
	struct vectors before = read_vectors(), after;
	unsigned int cpu, i, k, old[VECTORS_MAX];
	char path[64];
	FILE *f;

	if (before.cpus < 2)
		test_skip("one processor");
	for (i = 0; i < before.count; i++) {
		snprintf(path, sizeof(path), "/proc/irq/%u/smp_affinity", before.vector[i].irq);
		f = fopen(path, "r");
		CHECK(f && fscanf(f, "%x", &old[i]) == 1);
		fclose(f);
	}
	for (cpu = 0; cpu < 2; cpu++) {
		for (i = 0; i < before.count; i++) {
			snprintf(path, sizeof(path), "/proc/irq/%u/smp_affinity",
				 before.vector[i].irq);
			f = fopen(path, "w");
			CHECK(f && fprintf(f, "%x", 1u << cpu) > 0 && !fclose(f));
		}
		/* The first message may still go the old way. */
		packet_fill(&c, bo.va, 8, 8, cpu, 0);
		CHECK_OK(run(&c));
		before = read_vectors();
		for (k = 0; k < 20; k++) {
			packet_fill(&c, bo.va, 8, 8, cpu, 0);
			CHECK_OK(run(&c));
		}
		after = read_vectors();
		for (i = 0; i < after.count; i++)
			CHECK_EQ(after.vector[i].count[!cpu], before.vector[i].count[!cpu]);
		CHECK(sum_named(&after, "egret-queues") > sum_named(&before, "egret-queues"));
	}
	for (i = 0; i < before.count; i++) {
		snprintf(path, sizeof(path), "/proc/irq/%u/smp_affinity", before.vector[i].irq);
		f = fopen(path, "w");
		CHECK(f && fprintf(f, "%x", old[i]) > 0 && !fclose(f));
	}
}

/* How many interrupts a job costs: at most one, and less when many are waiting. */
static void test_rate(void)
{
	enum { JOBS = 200 };
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo flag = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct vectors before, after;
	uint64_t one_by_one, at_once;
	unsigned int i;

	before = read_vectors();
	for (i = 0; i < JOBS; i++) {
		packet_fill(&c, flag.va + 64, 8, 8, i, 0);
		CHECK_OK(run(&c));
	}
	after = read_vectors();
	one_by_one = sum_named(&after, "egret-queues") - sum_named(&before, "egret-queues");

	/* All wait behind the first until the last is there. */
	before = after;
	packet_wait(&c, flag.va, 1);
	CHECK_OK(submit(&c, NULL, 0));
	for (i = 0; i < JOBS; i++) {
		packet_fill(&c, flag.va + 64, 8, 8, i, 0);
		CHECK_OK(submit(&c, NULL, 0));
	}
	flag.u64[0] = 1;
	CHECK_OK(run(&c));
	after = read_vectors();
	at_once = sum_named(&after, "egret-queues") - sum_named(&before, "egret-queues");
	printf("# interrupts of %u jobs: %llu one by one, %llu when they were all waiting\n", JOBS,
	       (unsigned long long)one_by_one, (unsigned long long)at_once);
	CHECK(one_by_one >= 1 && one_by_one <= JOBS + 2);
	CHECK(at_once >= 1 && at_once <= JOBS + 4);
}

int main(void)
{
	static const struct test tests[] = {
		TEST("vectors by purpose", test_purpose),
		TEST_LONG("queues are spread over the vectors", test_spread, 60),
		TEST("affinity", test_affinity),
		TEST_LONG("interrupts per job", test_rate, 60),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
