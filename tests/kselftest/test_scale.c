// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Many of everything: hundreds of queues, tens of processes, long timelines; and who
 * gets how much of the card. Shares are counted in jobs that the card completed, by a
 * number that its own packets write, so that the host's load makes no difference.
 */
#include "egret_test.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xf86drm.h>

/* ---- many ------------------------------------------------------------------ */

/* Queue k waits for queue k - 1: one job after another, through all of them. */
static void test_hundreds_of_queues(void)
{
	enum { QUEUES = 400, ROUNDS = 3 };
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, 1 * MiB, DRM_EGRET_BO_VRAM);
	uint32_t queues[QUEUES], chain = syncobj_create(c.fd), k, round;
	struct drm_egret_sync syncs[2];
	uint64_t point = 0;

	queues[0] = c.queue;
	for (k = 1; k < QUEUES; k++)
		queues[k] = queue_create(c.fd, c.vm, k % 2);
	for (round = 0; round < ROUNDS; round++) {
		c.packets = 0;
		/* Each copies what its predecessor wrote, and adds nothing to it. */
		bo.u64[0] = 1000 + round;
		for (k = 0; k < QUEUES; k++) {
			struct drm_egret_call call;

			packet_copy(&c, bo.va + (k + 1) * 64, bo.va + k * 64, 8, 0);
			call = (struct drm_egret_call) {
				.va = c.cmd.va + (c.packets - 1) * EGRET_PACKET_SIZE,
				.count = 1,
			};
			syncs[0] = sync_signal(chain, point + 1);
			syncs[1] = sync_wait(chain, point);
			CHECK_OK(exec_calls(c.fd, queues[k], &call, 1, syncs, point ? 2 : 1));
			point++;
		}
		CHECK_OK(syncobj_wait(c.fd, chain, point, 60000));
		for (k = 0; k <= QUEUES; k++)
			CHECK_EQ(bo.u64[k * 8], 1000 + round);
	}
}

/* A process with queues of its own that keeps them busy and looks at each result. */
static void worker(unsigned int number, unsigned int num_queues, unsigned int jobs)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, 256 * KiB, DRM_EGRET_BO_VRAM);
	struct client other[8];
	unsigned int i, k;

	CHECK(num_queues <= ARRAY_SIZE(other));
	other[0] = c;
	for (k = 1; k < num_queues; k++) {
		other[k] = client_fork(&other[k - 1], k % 2);
		/* client_fork() leaves room behind the parent's addresses. */
		CHECK(other[k].queue != other[k - 1].queue);
	}
	for (i = 0; i < jobs; i++) {
		uint64_t value = ((uint64_t)number << 32) | i;

		for (k = 0; k < num_queues; k++)
			packet_fill(&other[k], bo.va + k * 16 * KiB, 16 * KiB, 8, value + k, 0);
		for (k = 0; k < num_queues; k++)
			CHECK_OK(run(&other[k]));
		for (k = 0; k < num_queues; k++) {
			CHECK_EQ(bo.u64[k * 2 * KiB], value + k);
			CHECK_EQ(bo.u64[k * 2 * KiB + 2 * KiB - 1], value + k);
		}
	}
}

static void test_tens_of_processes(void)
{
	enum { PROCESSES = 40, QUEUES = 4, JOBS = 4 };
	pid_t pids[PROCESSES];
	unsigned int i;
	int status;

	for (i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		CHECK(pids[i] >= 0);
		if (!pids[i]) {
			worker(i, QUEUES, JOBS);
			_exit(0);
		}
	}
	for (i = 0; i < PROCESSES; i++) {
		CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
		CHECK_EQ(status, 0);
	}
}

/* ---- shares ---------------------------------------------------------------------- */

/* Memory of all processes of a test. */
struct scoreboard {
	/* All wait for it, so that they begin together. */
	volatile uint32_t go;
	volatile uint32_t stop;
	volatile uint32_t ready;
	volatile uint64_t done[8];
};

static struct scoreboard *scoreboard_create(void)
{
	struct scoreboard *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(s != MAP_FAILED);
	return s;
}

/*
 * A process that keeps @num_queues queues full, and adds up what they completed in its
 * place on the board.
 */
static pid_t player(struct scoreboard *s, unsigned int place, unsigned int num_queues)
{
	enum { DEPTH = 4, FILL = 1 * MiB };
	struct client c;
	struct bo bo;
	uint32_t queues[64], timelines[64];
	uint64_t submitted[64] = {};
	unsigned int k;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid)
		return pid;
	c = client_open(DRM_EGRET_QUEUE_COPY);
	bo = client_bo(&c, FILL, DRM_EGRET_BO_VRAM);
	packet_fill(&c, bo.va, FILL, 8, 1, 0);
	for (k = 0; k < num_queues; k++) {
		queues[k] = queue_create(c.fd, c.vm, DRM_EGRET_QUEUE_COPY);
		timelines[k] = syncobj_create(c.fd);
	}
	__sync_fetch_and_add(&s->ready, 1);
	while (!s->go)
		sleep_ms(1);
	while (!s->stop) {
		uint64_t done = 0;

		for (k = 0; k < num_queues; k++) {
			struct drm_egret_call call = { .va = c.cmd.va, .count = 1 };
			struct drm_egret_sync sync;
			uint64_t point = 0;

			CHECK_OK(drmSyncobjQuery(c.fd, &timelines[k], &point, 1));
			done += point;
			while (submitted[k] < point + DEPTH) {
				sync = sync_signal(timelines[k], ++submitted[k]);
				CHECK_OK(exec_calls(c.fd, queues[k], &call, 1, &sync, 1));
			}
		}
		s->done[place] = done;
		sleep_ms(1);
	}
	_exit(0);
}

/* Play until the players have completed so many jobs together. */
static void play(struct scoreboard *s, pid_t *pids, unsigned int count, uint64_t jobs)
{
	unsigned int i;
	uint64_t sum;
	int status;

	while (s->ready < count) {
		CHECK_EQ(waitpid(-1, &status, WNOHANG), 0);
		sleep_ms(1);
	}
	s->go = 1;
	do {
		sleep_ms(5);
		CHECK_EQ(waitpid(-1, &status, WNOHANG), 0);
		for (sum = 0, i = 0; i < count; i++)
			sum += s->done[i];
	} while (sum < jobs);
	s->stop = 1;
	printf("# jobs:");
	for (i = 0; i < count; i++)
		printf(" %llu", (unsigned long long)s->done[i]);
	printf("\n");
	for (i = 0; i < count; i++) {
		CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
		CHECK_EQ(status, 0);
	}
}

/* Equal queues of different processes get equal shares, within a factor of two. */
static void test_fairness(void)
{
	enum { PLAYERS = 4, JOBS = 800 };
	struct scoreboard *s = scoreboard_create();
	pid_t pids[PLAYERS];
	unsigned int i;

	for (i = 0; i < PLAYERS; i++)
		pids[i] = player(s, i, 8);
	play(s, pids, PLAYERS, JOBS);
	for (i = 0; i < PLAYERS; i++)
		CHECK(s->done[i] >= JOBS / PLAYERS / 2);
}

/* One queue beside 64 of somebody else gets no less than a quarter of one queue's share. */
static void test_crowd(void)
{
	enum { CROWD = 64, JOBS = 64 * 20 };
	struct scoreboard *s = scoreboard_create();
	pid_t pids[2];

	pids[0] = player(s, 0, CROWD);
	pids[1] = player(s, 1, 1);
	play(s, pids, 2, JOBS);
	CHECK(s->done[1] >= JOBS / (CROWD + 1) / 4);
}

/*
 * Low priority is served, too, but less. All work is in the rings before any of it may
 * begin, so that nothing depends on how quickly anybody submits. Each queue has one job;
 * each of high priority ends by looking how far those of low priority are.
 */
static void test_priorities(void)
{
	enum { QUEUES = 64, ROUNDS = 8, FILL = 256 * KiB };
	static const uint32_t priorities[] = { DRM_EGRET_PRIORITY_HIGH, DRM_EGRET_PRIORITY_LOW };
	struct client high = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&high, 1 * MiB, DRM_EGRET_BO_SYSTEM);
	struct bo target = client_bo(&high, FILL, DRM_EGRET_BO_VRAM);
	/*
	 * The places of the buffer, in words: the gate, who is at it, who of the low ended,
	 * and what each of the high saw of that.
	 */
	enum { GATE = 0, ARRIVED = 256, ENDED = 512, SEEN = 1024 };
	uint32_t queues[2][QUEUES], finish = syncobj_create(high.fd), p, k, i;
	uint64_t point = 0, seen = 0;
	unsigned int round;

	for (p = 0; p < 2; p++)
		for (k = 0; k < QUEUES; k++)
			queues[p][k] = queue_create_priority(high.fd, high.vm,
							     DRM_EGRET_QUEUE_COPY, priorities[p]);
	for (round = 0; round < ROUNDS; round++) {
		memset(bo.map, 0, bo.size);
		high.packets = 0;
		for (i = 0; i < 2 * QUEUES; i++) {
			struct drm_egret_call call = {
				.va = high.cmd.va + high.packets * EGRET_PACKET_SIZE,
				.count = 4,
			};
			struct drm_egret_sync sync = sync_signal(finish, ++point);

			k = i / 2;
			p = i % 2;
			packet_fence(&high, bo.va + (ARRIVED + i) * 8, 1);
			packet_wait(&high, bo.va + GATE * 8, 1);
			packet_fill(&high, target.va, FILL, 8, 1, 0);
			if (priorities[p] == DRM_EGRET_PRIORITY_LOW)
				packet_fence(&high, bo.va + (ENDED + k) * 8, 1);
			else
				packet_copy(&high, bo.va + (SEEN + k * QUEUES) * 8,
					    bo.va + ENDED * 8, QUEUES * 8, 0);
			CHECK_OK(exec_calls(high.fd, queues[p][k], &call, 1, &sync, 1));
		}
		for (i = 0; i < 2 * QUEUES; i++)
			while (!bo.u64[ARRIVED + i])
				sleep_ms(1);
		bo.u64[GATE] = 1;
		CHECK_OK(syncobj_wait(high.fd, finish, point, 60000));
		for (k = 0; k < QUEUES * QUEUES; k++)
			seen += bo.u64[SEEN + k];
	}
	printf("# when a job of high priority ends, %llu %% of the others have, on an average\n",
	       (unsigned long long)seen * 100 / (ROUNDS * QUEUES * QUEUES));
	CHECK(seen > 0);
	CHECK(seen < ROUNDS * QUEUES * QUEUES / 4);
}

/* ---- timelines ----------------------------------------------------------------------- */

/* The most syncs that a job may have, to wait and to signal, binary and timeline. */
static void test_many_syncs(void)
{
	enum { HALF = DRM_EGRET_SYNCS_MAX / 2 };
	struct client a = client_open(DRM_EGRET_QUEUE_COPY);
	struct client b = client_fork(&a, DRM_EGRET_QUEUE_COPY);
	struct bo flag = client_bo(&b, PAGE, DRM_EGRET_BO_SYSTEM);
	struct drm_egret_sync *syncs = calloc(2 * HALF + 1, sizeof(*syncs));
	uint32_t *handles = calloc(HALF, sizeof(*handles)), last = syncobj_create(a.fd), i;

	CHECK(syncs && handles);
	for (i = 0; i < HALF; i++) {
		handles[i] = syncobj_create(a.fd);
		/* Every other is a timeline, which gets two points. */
		syncs[2 * i] = sync_signal(handles[i], i % 2 ? 5 : 0);
		syncs[2 * i + 1] = i % 2 ? sync_signal(handles[i], 9) : sync_signal(last, i + 1);
	}
	packet_wait(&a, flag.va, 1);
	CHECK_OK(submit(&a, syncs, 2 * HALF));
	/* One more is too many. */
	syncs[2 * HALF] = sync_signal(last, HALF + 1);
	CHECK_ERR(submit(&a, syncs, 2 * HALF + 1), E2BIG);
	for (i = 0; i < HALF; i++)
		syncs[i] = sync_wait(handles[i], i % 2 ? 7 : 0);
	syncs[HALF] = sync_signal(last, HALF + 2);
	packet_fill(&b, flag.va + 8, 8, 8, 6, 0);
	CHECK_OK(submit(&b, syncs, HALF + 1));
	sleep_ms(20);
	CHECK_EQ(flag.u64[1], 0);
	flag.u64[0] = 1;
	CHECK_OK(syncobj_wait(a.fd, last, HALF + 2, 20000));
	CHECK_EQ(flag.u64[1], 6);
}

/* Points that are signalled out of order, by two queues, and waited for by a third. */
static void test_timeline(void)
{
	struct client a = client_open(DRM_EGRET_QUEUE_COPY);
	struct client b = client_fork(&a, DRM_EGRET_QUEUE_COPY);
	struct client c = client_fork(&b, DRM_EGRET_QUEUE_COPY);
	struct bo flags = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	uint32_t line = syncobj_create(a.fd), done = syncobj_create(a.fd);
	struct drm_egret_sync syncs[2];
	uint64_t point;

	packet_wait(&a, flags.va, 1);
	syncs[0] = sync_signal(line, 10);
	CHECK_OK(submit(&a, syncs, 1));
	packet_wait(&b, flags.va + 8, 1);
	syncs[0] = sync_signal(line, 20);
	CHECK_OK(submit(&b, syncs, 1));
	/* 15 is reached with 20. */
	packet_fill(&c, flags.va + 64, 8, 8, 4, 0);
	syncs[0] = sync_wait(line, 15);
	syncs[1] = sync_signal(done, 0);
	CHECK_OK(submit(&c, syncs, 2));
	/* The later point's job ends first: the timeline stands still. */
	flags.u64[1] = 1;
	CHECK_ERR(syncobj_wait(a.fd, line, 20, 50), ETIME);
	CHECK_OK(drmSyncobjQuery(a.fd, &line, &point, 1));
	CHECK_EQ(point, 0);
	CHECK_EQ(flags.u64[8], 0);
	flags.u64[0] = 1;
	CHECK_OK(syncobj_wait(a.fd, done, 0, 20000));
	CHECK_EQ(flags.u64[8], 4);
	CHECK_OK(drmSyncobjQuery(a.fd, &line, &point, 1));
	CHECK_EQ(point, 20);
}

int main(void)
{
	static const struct test tests[] = {
		TEST_LONG("hundreds of queues", test_hundreds_of_queues, 120),
		TEST_LONG("tens of processes", test_tens_of_processes, 120),
		TEST_LONG("processes get equal shares", test_fairness, 120),
		TEST_LONG("one queue beside many", test_crowd, 120),
		TEST_LONG("low priority is served less, but served", test_priorities, 120),
		TEST_LONG("as many syncs as may be", test_many_syncs, 60),
		TEST("a timeline of several queues", test_timeline),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
