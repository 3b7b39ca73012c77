// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Many of everything: hundreds of queues, tens of processes, long timelines; and who
 * gets how much of the card. Shares are counted in jobs that the card completed, by
 * what its own packets write, so that the host's load makes no difference.
 */
#include "egret_test.h"

#include <sys/wait.h>
#include <unistd.h>

#include <xf86drm.h>

/* Where the next packet goes. */
static uint64_t packet_address(const struct client *c)
{
	return c->cmd.va + c->packets * EGRET_PACKET_SIZE;
}

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
			struct drm_egret_call call = { .va = packet_address(&c), .count = 1 };

			packet_copy(&c, bo.va + (k + 1) * 64, bo.va + k * 64, 8, 0);
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

/*
 * Open files that share the card, each with queues of its own. Everything that they want done
 * is in the rings before any of it may begin, so that nothing depends on how quickly anybody
 * submits, or on who gets the processor. Each job notes when it ended, by the card's clock.
 */
enum { PLAYERS_MAX = 4 };

struct player {
	unsigned int num_queues;
	/* Jobs that had ended when the first player had nothing left to do. */
	unsigned int done;
};

/* What the players share: the gate, which queues are at it, and when each job ended. */
enum { BOARD_GATE = 0, BOARD_ARRIVED = 8, BOARD_ENDED = 1024, BOARD_SIZE = 64 * KiB };

/* A queue waits at the gate; then come @jobs, each of which runs @work and writes to @ended. */
static void player_fill_queue(struct client *c, uint32_t queue, uint64_t work, uint64_t board,
			      uint64_t arrived, uint64_t ended, unsigned int jobs)
{
	struct drm_egret_call calls[2] = { { .va = packet_address(c), .count = 2 } };
	unsigned int k;

	packet_fence(c, arrived, 1);
	packet_wait(c, board + BOARD_GATE, 1);
	CHECK_OK(exec_calls(c->fd, queue, calls, 1, NULL, 0));
	calls[0] = (struct drm_egret_call) { .va = work, .count = 1 };
	for (k = 0; k < jobs; k++) {
		calls[1] = (struct drm_egret_call) { .va = packet_address(c), .count = 1 };
		packet(c, EGRET_OP_TIMESTAMP, 0)->timestamp.addr =
			ended + k * sizeof(struct egret_timestamp);
		CHECK_OK(exec_calls(c->fd, queue, calls, 2, NULL, 0));
	}
}

/* A player whose first queue is the @first of the board. */
static void player_enter(struct client *c, int board, unsigned int first, unsigned int num_queues,
			 unsigned int jobs)
{
	/* System memory is slow: few of these are a time slice. */
	enum { FILL = 8 * MiB };
	struct bo shared = bo_import(c, board), target = client_bo(c, FILL, DRM_EGRET_BO_SYSTEM);
	uint64_t work = packet_address(c), k;
	uint32_t queue;

	packet_fill(c, target.va, FILL, 8, 1, 0);
	for (k = first; k < first + num_queues; k++) {
		queue = queue_create(c->fd, c->vm, DRM_EGRET_QUEUE_COPY);
		player_fill_queue(c, queue, work, shared.va, shared.va + BOARD_ARRIVED + k * 8,
				  shared.va + BOARD_ENDED +
				  k * jobs * sizeof(struct egret_timestamp), jobs);
	}
}

/* Let each of @count players have @jobs on each of its queues, and find out what each has @done. */
static void play(struct player *players, unsigned int count, unsigned int jobs)
{
	struct client clients[PLAYERS_MAX];
	struct bo board;
	struct egret_timestamp *ended;
	uint64_t end = UINT64_MAX, last;
	unsigned int first = 0, i, k;

	clients[0] = client_open(DRM_EGRET_QUEUE_COPY);
	board = bo_create(clients[0].fd, BOARD_SIZE, DRM_EGRET_BO_SYSTEM, 0);
	bo_map(clients[0].fd, &board);
	ended = (struct egret_timestamp *)((char *)board.map + BOARD_ENDED);
	for (i = 0; i < count; i++) {
		if (i)
			clients[i] = client_open(DRM_EGRET_QUEUE_COPY);
		player_enter(&clients[i], bo_export(clients[0].fd, board.handle), first,
			     players[i].num_queues, jobs);
		first += players[i].num_queues;
	}
	CHECK(BOARD_ARRIVED + first * 8 <= BOARD_ENDED);
	CHECK(BOARD_ENDED + first * jobs * sizeof(*ended) <= BOARD_SIZE);
	for (k = 0; k < first; k++)
		while (!board.u64[BOARD_ARRIVED / 8 + k])
			sleep_ms(1);
	for (k = 0; k < first * jobs; k++)
		CHECK_EQ(ended[k].time, 0);
	board.u64[BOARD_GATE / 8] = 1;
	for (k = 0; k < first * jobs; k++)
		while (!((volatile struct egret_timestamp *)ended)[k].time)
			sleep_ms(1);
	for (first = 0, i = 0; i < count; first += players[i++].num_queues * jobs) {
		for (last = 0, k = 0; k < players[i].num_queues * jobs; k++)
			if (last < ended[first + k].time)
				last = ended[first + k].time;
		if (end > last)
			end = last;
	}
	printf("# jobs:");
	for (first = 0, i = 0; i < count; first += players[i++].num_queues * jobs) {
		for (players[i].done = 0, k = 0; k < players[i].num_queues * jobs; k++)
			players[i].done += ended[first + k].time <= end;
		printf(" %u", players[i].done);
		client_close(&clients[i]);
	}
	printf("\n");
}

/* Equal queues of different open files get equal shares, within a factor of two. */
static void test_fairness(void)
{
	enum { PLAYERS = 4, QUEUES = 4, JOBS = 20 };
	struct player players[PLAYERS];
	unsigned int i;

	for (i = 0; i < PLAYERS; i++)
		players[i] = (struct player) { .num_queues = QUEUES };
	play(players, PLAYERS, JOBS);
	for (i = 0; i < PLAYERS; i++)
		CHECK(players[i].done >= QUEUES * JOBS / 2);
}

/* One queue beside many of somebody else gets no less than a quarter of one queue's share. */
static void test_crowd(void)
{
	enum { CROWD = 32, JOBS = 20 };
	struct player players[2] = { { .num_queues = CROWD }, { .num_queues = 1 } };

	play(players, 2, JOBS);
	CHECK(players[1].done >= JOBS / 4);
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
				.va = packet_address(&high),
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
		TEST_LONG("open files get equal shares", test_fairness, 120),
		TEST_LONG("one queue beside many", test_crowd, 120),
		TEST_LONG("low priority is served less, but served", test_priorities, 120),
		TEST_LONG("as many syncs as may be", test_many_syncs, 60),
		TEST("a timeline of several queues", test_timeline),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
