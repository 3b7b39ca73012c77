// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Threads x streams x events: everybody uses everybody's objects, and the results are those
 * that the order of the streams and events gives.
 *
 * A cell is a few numbers in a buffer, and a ticket: the number of additions that have been
 * queued on it. Whoever adds takes the cell's mutex just to queue: he lets his stream wait
 * for the cell's event, adds, and records the event. So the additions of a cell come one
 * after the other although they are on different streams, and none is lost.
 */
#include "device.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernels/probe.h"

#define THREADS	4
#define STREAMS	5
#define CELLS	6
#define ROUNDS	150
#define WORDS	16

struct cell {
	pthread_mutex_t lock;
	struct accel_buffer *buffer;
	struct accel_event *event;	/* of the last addition */
	struct accel_graph *graph;	/* adds 1, three times */
	uint32_t expected;
};

struct stress {
	struct fixture *f;
	struct accel_stream *streams[STREAMS];
	struct cell cells[CELLS];
	struct accel_pool *pool;
};

struct worker {
	struct stress *s;
	unsigned int seed;
	pthread_t thread;
};

static const uint32_t one[3] = { 1, 1, 1 };

static struct add_args add_to(struct accel_buffer *buffer, uint32_t value)
{
	return (struct add_args) {
		.in = accel_buffer_address(buffer),
		.out = accel_buffer_address(buffer),
		.count = WORDS,
		.value = value,
	};
}

static void check_words(const uint32_t *words, uint32_t expected)
{
	for (int i = 0; i < WORDS; i++)
		assert_int_equal(words[i], expected);
}

/* Through the host: what is there, plus a value. */
static void add_by_host(struct cell *cell, struct accel_stream *stream, uint32_t value)
{
	uint32_t words[WORDS];

	good(accel_download(stream, cell->buffer, 0, words, sizeof(words)));
	check_words(words, cell->expected);
	for (int i = 0; i < WORDS; i++)
		words[i] += value;
	good(accel_upload(stream, cell->buffer, 0, words, sizeof(words)));
}

/* Through a buffer of a pool, released when the copy back is over. */
static void add_in_pool(struct stress *s, struct cell *cell, struct accel_stream *stream,
			uint32_t value)
{
	struct accel_buffer *buffer;
	struct add_args args;

	good(accel_pool_alloc(s->pool, 4 * WORDS, 0, &buffer));
	args = add_to(buffer, value);
	good(accel_copy(stream, buffer, 0, cell->buffer, 0, 4 * WORDS, 0));
	good(accel_launch(stream, find_kernel(s->f->probe, "add"), one, &args, sizeof(args), NULL));
	good(accel_copy(stream, cell->buffer, 0, buffer, 0, 4 * WORDS, 0));
	good(accel_stream_wait(stream, SOON));
	accel_buffer_destroy(buffer);
}

static void add(struct stress *s, struct cell *cell, struct accel_stream *stream,
		unsigned int *seed)
{
	uint32_t value = rand_r(seed) % 100;
	struct add_args args = add_to(cell->buffer, value);

	switch (rand_r(seed) % 8) {
	case 0:
		add_by_host(cell, stream, value);
		break;
	case 1:
		add_in_pool(s, cell, stream, value);
		break;
	case 2:
	case 3:
		for (size_t i = 0; i < 3; i++)
			good(accel_graph_update(cell->graph, i, NULL, &args, sizeof(args)));
		good(accel_graph_launch(cell->graph, stream));
		value *= 3;
		break;
	default:
		good(accel_launch(stream, find_kernel(s->f->probe, "add"), one, &args,
				  sizeof(args), NULL));
		break;
	}
	cell->expected += value;
}

static void work_on_cell(struct stress *s, struct cell *cell, unsigned int *seed)
{
	struct accel_stream *stream = s->streams[rand_r(seed) % STREAMS];

	pthread_mutex_lock(&cell->lock);
	good(accel_stream_wait_event(stream, cell->event));
	add(s, cell, stream, seed);
	good(accel_event_record(cell->event, stream));
	pthread_mutex_unlock(&cell->lock);
}

/* Look at an event that others record meanwhile, in every way there is. */
static void look_at_cell(struct cell *cell, unsigned int *seed)
{
	int ret, fd;

	switch (rand_r(seed) % 3) {
	case 0:
		good(accel_event_wait(cell->event, SOON));
		break;
	case 1:
		ret = accel_event_wait(cell->event, ACCEL_NO_WAIT);
		assert_true(ret == 0 || ret == -ETIMEDOUT);
		break;
	default:
		fd = accel_event_fd(cell->event);
		assert_true(fd >= 0);
		close(fd);
	}
}

static void *work(void *opaque)
{
	struct worker *w = opaque;

	for (int i = 0; i < ROUNDS; i++) {
		struct cell *cell = &w->s->cells[rand_r(&w->seed) % CELLS];

		if (rand_r(&w->seed) % 4)
			work_on_cell(w->s, cell, &w->seed);
		else
			look_at_cell(cell, &w->seed);
	}
	return NULL;
}

static void make_cell(struct stress *s, struct cell *cell, int number)
{
	struct add_args args;
	struct accel_stream *recording;

	pthread_mutex_init(&cell->lock, NULL);
	cell->buffer = make_buffer(s->f, 4 * WORDS, number % 2 ? ACCEL_MEMORY_HOST :
								 ACCEL_MEMORY_DEVICE);
	good(accel_event_create(s->f->context, number % 3 ? NULL :
				ACCEL_OPTIONS(accel_event_options, .flags = ACCEL_EVENT_TIMED),
				&cell->event));
	good(accel_event_record(cell->event, s->streams[0]));
	args = add_to(cell->buffer, 1);
	good(accel_graph_create(s->f->context, &cell->graph));
	good(accel_graph_record(cell->graph, &recording));
	for (int i = 0; i < 3; i++)
		good(accel_launch(recording, find_kernel(s->f->probe, "add"), one, &args,
				  sizeof(args), NULL));
	accel_stream_destroy(recording);
	good(accel_graph_instantiate(cell->graph));
}

static void free_cell(struct stress *s, struct cell *cell)
{
	uint32_t words[WORDS];

	good(accel_stream_wait_event(s->f->stream, cell->event));
	good(accel_download(s->f->stream, cell->buffer, 0, words, sizeof(words)));
	check_words(words, cell->expected);
	accel_graph_destroy(cell->graph);
	accel_event_destroy(cell->event);
	accel_buffer_destroy(cell->buffer);
	pthread_mutex_destroy(&cell->lock);
}

static void test_everybody_with_everybody(void **state)
{
	struct stress s = { .f = *state };
	struct worker workers[THREADS];

	for (int i = 0; i < STREAMS; i++)
		good(accel_stream_create(s.f->context, ACCEL_OPTIONS(accel_stream_options,
					 .priority = i % 2 ? ACCEL_PRIORITY_LOW :
							     ACCEL_PRIORITY_NORMAL),
					 &s.streams[i]));
	good(accel_pool_create(s.f->context, NULL, &s.pool));
	for (int i = 0; i < CELLS; i++)
		make_cell(&s, &s.cells[i], i);
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .s = &s, .seed = i + 1 };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	for (int i = 0; i < CELLS; i++)
		free_cell(&s, &s.cells[i]);
	accel_pool_destroy(s.pool);
	for (int i = 0; i < STREAMS; i++)
		accel_stream_destroy(s.streams[i]);
}

/* Streams that die all the time, beside one whose work must not notice. */
static void *die_often(void *opaque)
{
	struct fixture *f = opaque;
	struct give_up_args args = { .code = 5 };
	struct accel_stream *stream;
	struct accel_event *event;

	good(accel_event_create(f->context, NULL, &event));
	for (int i = 0; i < 15; i++) {
		good(accel_stream_create(f->context, NULL, &stream));
		good(accel_launch(stream, find_kernel(f->probe, "give_up"), one, &args,
				  sizeof(args), NULL));
		good(accel_event_record(event, stream));
		bad(accel_event_wait(event, SOON), -ECANCELED, "ABORT");
		assert_int_equal(accel_last_error()->fault->value, 5);
		bad(accel_stream_flush(stream), -ECANCELED, "ABORT");
		accel_stream_destroy(stream);
	}
	accel_event_destroy(event);
	return NULL;
}

static void test_faults_beside_work(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 4 * WORDS, ACCEL_MEMORY_DEVICE);
	struct add_args args = add_to(buffer, 1);
	pthread_t threads[3];
	uint32_t words[WORDS];

	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, die_often, f), 0);
	for (int i = 0; i < 300; i++) {
		good(launch(f, "add", 1, &args, sizeof(args)));
		if (i % 20 == 0)
			good(accel_stream_flush(f->stream));
	}
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	good(accel_download(f->stream, buffer, 0, words, sizeof(words)));
	check_words(words, 300);
	accel_buffer_destroy(buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		device_test(test_everybody_with_everybody),
		device_test(test_faults_beside_work),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("stress", tests, choose_device, NULL);
}
