// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * A program that waits for many things at once: work on several streams, and its user. Each
 * event has a file descriptor, which epoll, poll or any event loop takes.
 *
 *	cc poll.c -laccel -o poll && accel-cc vecadd_kernel.c && ./poll
 */
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "check.h"
#include "vecadd.h"

#define STREAMS	4
#define TIMER	STREAMS		/* the number of the timer among what is waited for */
#define ROUNDS	5		/* pieces of work for each stream */
#define COUNT	100000u

/* A stream, and its work that is under way. */
struct worker {
	struct accel_stream *stream;
	struct accel_event *event;
	struct accel_buffer *buffer;
	int fd;
	int rounds;
};

static const struct accel_kernel *vecadd;
static int epoll;

static void watch(int fd, uint32_t number)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = number };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) {
		perror("epoll_ctl");
		exit(1);
	}
}

/* Start the next piece: the vector is doubled. */
static void start(struct worker *worker, uint32_t number)
{
	const uint32_t grid[3] = { VECADD_GROUPS(COUNT), 1, 1 };
	uint64_t x = accel_buffer_address(worker->buffer);
	struct vecadd_args args = { .a = x, .b = x, .c = x, .count = COUNT };

	check(accel_launch(worker->stream, vecadd, grid, &args, sizeof(args), NULL));
	check(accel_event_record(worker->event, worker->stream));
	worker->fd = check(accel_event_fd(worker->event));
	watch(worker->fd, number);
}

/* A piece is over. Returns whether it was the stream's last. */
static int finish(struct worker *worker, uint32_t number)
{
	/* The descriptor tells that it is over, the event how it ended. */
	check(accel_event_wait(worker->event, ACCEL_NO_WAIT));
	/* Closing alone is not enough: the simulator may have its own copy open for a moment. */
	epoll_ctl(epoll, EPOLL_CTL_DEL, worker->fd, NULL);
	close(worker->fd);
	printf("stream %u: piece %d of %d\n", number, ++worker->rounds, ROUNDS);
	if (worker->rounds == ROUNDS)
		return 1;
	start(worker, number);
	return 0;
}

static void make(struct accel_context *context, struct worker *worker)
{
	uint32_t one = 0x3f800000;	/* as a float */

	check(accel_stream_create(context, NULL, &worker->stream));
	check(accel_event_create(context, NULL, &worker->event));
	check(accel_buffer_create(context, COUNT * sizeof(float), NULL, &worker->buffer));
	check(accel_fill(worker->stream, worker->buffer, 0, COUNT * sizeof(float), one,
			 sizeof(one), 0));
}

/* Everything was doubled as often as there were rounds. */
static int is_right(struct worker *worker)
{
	static float x[COUNT];

	check(accel_download(worker->stream, worker->buffer, 0, x, sizeof(x)));
	for (unsigned int i = 0; i < COUNT; i++)
		if (x[i] != 1 << ROUNDS)
			return 0;
	return 1;
}

int main(void)
{
	struct worker workers[STREAMS] = { { 0 } };
	struct accel_device *device;
	struct accel_context *context;
	struct accel_module *module;
	int timer, right = 1, left = STREAMS;

	check(accel_device_open(NULL, &device));
	check(accel_context_create(device, &context));
	check(accel_module_load_file(context, "./vecadd_kernel.egm", &module));
	check(accel_module_find(module, "vecadd", &vecadd));
	epoll = epoll_create1(EPOLL_CLOEXEC);
	/* In the place of whatever else the program waits for; here, it gives up then. */
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	timerfd_settime(timer, 0, &(struct itimerspec){ .it_value.tv_sec = 60 }, NULL);
	watch(timer, TIMER);
	for (uint32_t i = 0; i < STREAMS; i++) {
		make(context, &workers[i]);
		start(&workers[i], i);
	}
	while (left) {
		struct epoll_event ready[STREAMS + 1];
		int count = epoll_wait(epoll, ready, STREAMS + 1, -1);

		for (int i = 0; i < count; i++) {
			uint32_t number = ready[i].data.u32;

			if (number == TIMER) {
				fprintf(stderr, "the card takes too long\n");
				return 1;
			}
			left -= finish(&workers[number], number);
		}
	}
	for (int i = 0; i < STREAMS; i++) {
		right &= is_right(&workers[i]);
		accel_event_destroy(workers[i].event);
		accel_buffer_destroy(workers[i].buffer);
		accel_stream_destroy(workers[i].stream);
	}
	close(timer);
	close(epoll);
	accel_module_unload(module);
	accel_context_destroy(context);
	accel_device_close(device);
	if (!right)
		fprintf(stderr, "the results are wrong\n");
	return !right;
}
