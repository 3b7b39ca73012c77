// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Graphs: recording, replays, updates, and what is refused. */
#include "device.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/probe.h"

#define WORDS 16

static const uint32_t one[3] = { 1, 1, 1 };

static struct accel_stream *record(struct accel_graph *graph)
{
	struct accel_stream *stream;

	good(accel_graph_record(graph, &stream));
	return stream;
}

static void record_add(struct fixture *f, struct accel_stream *stream,
		       struct accel_buffer *buffer, uint32_t value)
{
	struct add_args args = {
		.in = accel_buffer_address(buffer),
		.out = accel_buffer_address(buffer),
		.count = WORDS,
		.value = value,
	};

	good(accel_launch(stream, find_kernel(f->probe, "add"), one, &args, sizeof(args), NULL));
}

/* A graph of `count` additions of 1 to a buffer of WORDS numbers. */
static struct accel_graph *additions(struct fixture *f, struct accel_buffer *buffer, int count)
{
	struct accel_graph *graph;
	struct accel_stream *stream;

	good(accel_graph_create(f->context, &graph));
	stream = record(graph);
	for (int i = 0; i < count; i++)
		record_add(f, stream, buffer, 1);
	accel_stream_destroy(stream);
	good(accel_graph_instantiate(graph));
	return graph;
}

static void expect_words(struct accel_stream *stream, struct accel_buffer *buffer,
			 uint32_t value)
{
	uint32_t back[WORDS];

	good(accel_download(stream, buffer, 0, back, sizeof(back)));
	for (int i = 0; i < WORDS; i++)
		assert_int_equal(back[i], value);
}

static void test_replay(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 4 * WORDS, ACCEL_MEMORY_DEVICE);
	struct accel_graph *graph = additions(f, buffer, 40);

	assert_int_equal(accel_graph_launch_count(graph), 40);
	/* Recording did nothing. */
	expect_words(f->stream, buffer, 0);
	for (int i = 0; i < 50; i++)
		good(accel_graph_launch(graph, f->stream));
	expect_words(f->stream, buffer, 2000);
	accel_graph_destroy(graph);
	accel_graph_destroy(NULL);
	accel_buffer_destroy(buffer);
}

/* Every kind of work, in an order that only the barriers keep. */
static void test_all_kinds(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *a = make_buffer(f, 4 * WORDS, ACCEL_MEMORY_DEVICE);
	struct accel_buffer *b = make_buffer(f, 4 * WORDS, ACCEL_MEMORY_HOST);
	uint32_t start[WORDS], back[WORDS];
	struct accel_profile_data data = { .size = sizeof(data) };
	struct accel_profile *profile;
	struct accel_graph *graph;
	struct accel_stream *stream;
	struct add_args args = {
		.in = accel_buffer_address(b),
		.out = accel_buffer_address(a),
		.count = WORDS,
		.value = 7,
	};

	for (int i = 0; i < WORDS; i++)
		start[i] = i;
	good(accel_profile_create(f->context, &profile));
	good(accel_graph_create(f->context, &graph));
	stream = record(graph);
	good(accel_upload(stream, a, 0, start, sizeof(start)));
	/* What was recorded is a copy. */
	memset(start, 0xff, sizeof(start));
	good(accel_copy(stream, b, 0, a, 0, 4 * WORDS, 0));
	good(accel_fill(stream, b, 0, 4, 100, 4, 0));
	good(accel_launch(stream, find_kernel(f->probe, "add"), one, &args, sizeof(args),
			  ACCEL_OPTIONS(accel_launch_options, .profile = profile)));
	good(accel_copy_rect(stream, b, a, ACCEL_OPTIONS(accel_rect, .width = 4, .rows = 4,
			     .dst_pitch = 4, .src_offset = 4, .src_pitch = 8), 0));
	good(accel_stream_flush(stream));
	accel_stream_destroy(stream);
	good(accel_graph_instantiate(graph));
	for (int round = 0; round < 2; round++) {
		good(accel_fill(f->stream, a, 0, 4 * WORDS, 0, 4, 0));
		good(accel_graph_launch(graph, f->stream));
		good(accel_download(f->stream, a, 0, back, sizeof(back)));
		assert_int_equal(back[0], 107);
		for (int i = 1; i < WORDS; i++)
			assert_int_equal(back[i], i + 7);
		good(accel_download(f->stream, b, 0, back, 16));
		for (int i = 0; i < 4; i++)
			assert_int_equal(back[i], 2 * i + 1 + 7);
	}
	good(accel_profile_read(profile, &data));
	assert_int_equal(data.workgroups, 1);
	accel_graph_destroy(graph);
	accel_profile_destroy(profile);
	accel_buffer_destroy(a);
	accel_buffer_destroy(b);
}

/* Two recording streams meet: without the events the result would be another one. */
static void test_streams_and_events(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *a = make_buffer(f, 4 * WORDS, ACCEL_MEMORY_DEVICE);
	struct accel_buffer *b = make_buffer(f, 4 * WORDS, ACCEL_MEMORY_DEVICE);
	struct accel_stream *left, *right;
	struct accel_event *event, *real;
	struct accel_graph *graph;

	good(accel_event_create(f->context, NULL, &event));
	good(accel_event_create(f->context, NULL, &real));
	good(accel_graph_create(f->context, &graph));
	left = record(graph);
	right = record(graph);
	/* a = 3 + 4; then b = a on the other stream; then a += b, back on the first */
	good(accel_fill(left, a, 0, 4 * WORDS, 3, 4, 0));
	record_add(f, left, a, 4);
	good(accel_event_record(event, left));
	/* Before the wait, beside the work on a. */
	good(accel_fill(right, b, 0, 4 * WORDS, 9, 4, 0));
	good(accel_stream_wait_event(right, event));
	good(accel_copy(right, b, 0, a, 0, 4 * WORDS, ACCEL_OVERLAP));
	good(accel_event_record(event, right));
	good(accel_stream_wait_event(left, event));
	good(accel_fill(left, a, 0, 4 * WORDS, 0, 4, ACCEL_OVERLAP));
	/* An event of a graph stands for no work that was done. */
	bad(accel_event_wait(event, SOON), -EINVAL, "recording stream");
	bad(accel_event_fd(event), -EINVAL, "recording stream");
	bad(accel_stream_wait_event(f->stream, event), -EINVAL, "for its own work");
	good(accel_event_record(real, f->stream));
	bad(accel_stream_wait_event(left, real), -EINVAL, "for its own work");
	accel_stream_destroy(left);
	accel_stream_destroy(right);
	good(accel_graph_instantiate(graph));
	for (int i = 0; i < 3; i++) {
		good(accel_graph_launch(graph, f->stream));
		expect_words(f->stream, a, 0);
		expect_words(f->stream, b, 7);
	}
	accel_graph_destroy(graph);
	accel_event_destroy(event);
	accel_event_destroy(real);
	accel_buffer_destroy(a);
	accel_buffer_destroy(b);
}

/* Updates between replays that are queued without waiting: each sees its own. */
static void test_update(void **state)
{
	enum { ROUNDS = 300 };
	struct fixture *f = *state;
	struct accel_buffer *sums = make_buffer(f, 4 * ROUNDS, ACCEL_MEMORY_DEVICE);
	struct accel_buffer *who = make_buffer(f, 8 * sizeof(struct probe_who),
					       ACCEL_MEMORY_DEVICE);
	static struct sum_args args;
	struct who_args who_args = { .out = accel_buffer_address(who) };
	struct accel_graph *graph;
	struct accel_stream *stream;
	struct probe_who people[8];
	static uint32_t back[ROUNDS];
	uint32_t grid[3] = { 1, 1, 1 };

	good(accel_graph_create(f->context, &graph));
	stream = record(graph);
	good(accel_launch(stream, find_kernel(f->probe, "sum"), one, &args, sizeof(args), NULL));
	good(accel_launch(stream, find_kernel(f->probe, "who"), one, &who_args,
			  sizeof(who_args), NULL));
	accel_stream_destroy(stream);
	good(accel_graph_instantiate(graph));
	for (uint32_t i = 0; i < ROUNDS; i++) {
		args.out = accel_buffer_address(sums) + 4 * i;
		args.words[0] = i;
		args.words[SUM_WORDS - 1] = 2 * i;
		good(accel_graph_update(graph, 0, NULL, &args, sizeof(args)));
		grid[0] = i % 8 + 1;
		good(accel_graph_update(graph, 1, grid, NULL, 0));
		good(accel_graph_launch(graph, f->stream));
	}
	good(accel_download(f->stream, sums, 0, back, sizeof(back)));
	for (uint32_t i = 0; i < ROUNDS; i++)
		assert_int_equal(back[i], 3 * i);
	good(accel_download(f->stream, who, 0, people, sizeof(people)));
	/* The last of each grid remains. */
	for (uint32_t i = 0; i < 8; i++)
		assert_true(people[i].grid_x > i);
	assert_int_equal(people[0].grid_x, (ROUNDS - 1) % 8 + 1);
	accel_graph_destroy(graph);
	accel_buffer_destroy(sums);
	accel_buffer_destroy(who);
}

/* Launches on different streams come one after the other, with what is between them. */
static void test_several_streams(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 4 * WORDS, ACCEL_MEMORY_DEVICE);
	struct accel_graph *graph = additions(f, buffer, 5);
	struct accel_stream *streams[3];
	struct add_args args = {
		.in = accel_buffer_address(buffer),
		.out = accel_buffer_address(buffer),
		.count = WORDS,
	};
	uint32_t sum = 0;

	for (int i = 0; i < 3; i++)
		good(accel_stream_create(f->context, NULL, &streams[i]));
	for (uint32_t i = 0; i < 60; i++) {
		args.value = i;
		good(accel_graph_update(graph, i % 5, NULL, &args, sizeof(args)));
		good(accel_graph_launch(graph, streams[i % 3]));
		for (uint32_t k = 0; k < 5; k++)
			sum += i < k ? 1 : i - (i - k) % 5;
	}
	good(accel_stream_wait(streams[59 % 3], SOON));
	expect_words(f->stream, buffer, sum);
	for (int i = 0; i < 3; i++)
		accel_stream_destroy(streams[i]);
	/* Its last stream is gone; another one takes over. */
	good(accel_graph_launch(graph, f->stream));
	expect_words(f->stream, buffer, sum + 55 + 56 + 57 + 58 + 59);
	accel_graph_destroy(graph);
	accel_buffer_destroy(buffer);
}

/* An update that a dead stream did not bring is brought by the next one. */
static void test_update_after_a_fault(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 4 * WORDS, ACCEL_MEMORY_DEVICE);
	struct accel_graph *graph = additions(f, buffer, 1);
	struct give_up_args give_up = { .code = 1 };
	struct add_args args = {
		.in = accel_buffer_address(buffer),
		.out = accel_buffer_address(buffer),
		.count = WORDS,
		.value = 1000,
	};

	good(accel_graph_launch(graph, f->stream));
	expect_words(f->stream, buffer, 1);
	good(launch(f, "give_up", 1, &give_up, sizeof(give_up)));
	good(accel_graph_update(graph, 0, NULL, &args, sizeof(args)));
	good(accel_graph_launch(graph, f->stream));
	bad(accel_stream_wait(f->stream, SOON), -ECANCELED, "ABORT");
	bad(accel_graph_launch(graph, f->stream), -ECANCELED, "ABORT");
	accel_stream_destroy(f->stream);
	good(accel_stream_create(f->context, NULL, &f->stream));
	good(accel_graph_launch(graph, f->stream));
	expect_words(f->stream, buffer, 1001);
	accel_graph_destroy(graph);
	accel_buffer_destroy(buffer);
}

/* A fault inside of a graph names the kernel. */
static void test_fault(void **state)
{
	struct fixture *f = *state;
	struct give_up_args args = { .code = 77 };
	struct accel_graph *graph;
	struct accel_stream *stream;

	good(accel_graph_create(f->context, &graph));
	stream = record(graph);
	good(accel_launch(stream, find_kernel(f->probe, "give_up"), one, &args, sizeof(args),
			  NULL));
	accel_stream_destroy(stream);
	good(accel_graph_instantiate(graph));
	good(accel_graph_launch(graph, f->stream));
	bad(accel_stream_wait(f->stream, SOON), -ECANCELED, "ABORT");
	assert_string_equal(accel_last_error()->fault->kernel, "give_up");
	assert_int_equal(accel_last_error()->fault->value, 77);
	accel_graph_destroy(graph);
}

/* Code that was loaded after the graph was made is not taken for older code. */
static void test_module_at_an_old_place(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 4 * WORDS, ACCEL_MEMORY_DEVICE);

	for (int i = 0; i < 3; i++) {
		struct accel_graph *graph = additions(f, buffer, 1);

		good(accel_graph_launch(graph, f->stream));
		good(accel_stream_wait(f->stream, SOON));
		accel_graph_destroy(graph);
		accel_module_unload(f->probe);
		good(accel_module_load_file(f->context, "probe.egm", &f->probe));
	}
	expect_words(f->stream, buffer, 3);
	accel_buffer_destroy(buffer);
}

static void test_copy_stream(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 4 * WORDS, ACCEL_MEMORY_DEVICE);
	struct accel_graph *launches = additions(f, buffer, 1), *copies;
	struct accel_stream *stream, *copy;

	good(accel_stream_create(f->context, ACCEL_OPTIONS(accel_stream_options,
				 .type = ACCEL_STREAM_COPY), &copy));
	good(accel_graph_create(f->context, &copies));
	stream = record(copies);
	good(accel_fill(stream, buffer, 0, 4 * WORDS, 5, 4, 0));
	accel_stream_destroy(stream);
	good(accel_graph_instantiate(copies));
	good(accel_graph_launch(copies, copy));
	expect_words(copy, buffer, 5);
	bad(accel_graph_launch(launches, copy), -EINVAL, "copies only");
	accel_graph_destroy(copies);
	accel_graph_destroy(launches);
	accel_stream_destroy(copy);
	accel_buffer_destroy(buffer);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 4 * WORDS, ACCEL_MEMORY_DEVICE);
	static const uint32_t none[3] = { 1, 0, 1 };
	struct accel_context *other;
	struct accel_graph *graph, *outer;
	struct accel_stream *stream, *foreign, *late;
	struct add_args args = { 0 };
	char data[4];

	bad(accel_graph_create(NULL, &graph), -EINVAL, "context");
	bad(accel_graph_create(f->context, NULL), -EINVAL, "pointer");
	good(accel_graph_create(f->context, &graph));
	bad(accel_graph_record(NULL, &stream), -EINVAL, "graph is NULL");
	bad(accel_graph_record(graph, NULL), -EINVAL, "pointer");
	bad(accel_graph_instantiate(NULL), -EINVAL, "NULL");
	bad(accel_graph_instantiate(graph), -EINVAL, "nothing has been recorded");
	bad(accel_graph_launch(graph, f->stream), -EINVAL, "not been instantiated");
	bad(accel_graph_update(graph, 0, one, NULL, 0), -EINVAL, "not been instantiated");
	bad(accel_graph_launch(NULL, f->stream), -EINVAL, "graph is NULL");
	bad(accel_graph_launch(graph, NULL), -EINVAL, "stream is NULL");
	assert_int_equal(accel_graph_launch_count(NULL), 0);

	stream = record(graph);
	/* As on any stream, and nothing of it is recorded. */
	bad(accel_launch(stream, find_kernel(f->probe, "add"), none, &args, sizeof(args), NULL),
	    -EINVAL, "1 x 0 x 1");
	bad(accel_launch(stream, find_kernel(f->probe, "add"), one, &args, 1, NULL), -EINVAL,
	    "it takes");
	bad(accel_fill(stream, buffer, 0, 8 * WORDS, 0, 4, 0), -EINVAL, "beyond");
	bad(accel_stream_wait(stream, SOON), -EINVAL, "recording stream");
	bad(accel_download(stream, buffer, 0, data, 4), -EINVAL, "recording stream");
	bad(accel_transfer(stream, buffer, 0, f->stream, buffer, 32, 4), -EINVAL,
	    "recording stream");
	bad(accel_graph_instantiate(graph), -EINVAL, "nothing has been recorded");
	record_add(f, stream, buffer, 1);
	good(accel_graph_instantiate(graph));

	bad(accel_graph_instantiate(graph), -EINVAL, "already");
	bad(accel_graph_record(graph, &late), -EINVAL, "has been instantiated");
	bad(accel_fill(stream, buffer, 0, 4, 0, 4, 0), -EINVAL, "has been instantiated");
	bad(accel_graph_launch(graph, stream), -EINVAL, "in another");
	good(accel_graph_create(f->context, &outer));
	late = record(outer);
	bad(accel_graph_launch(graph, late), -EINVAL, "in another");
	bad(accel_graph_update(graph, 1, one, NULL, 0), -EINVAL, "none of number 1");
	bad(accel_graph_update(graph, 0, none, NULL, 0), -EINVAL, "1 x 0 x 1");
	bad(accel_graph_update(graph, 0, NULL, &args, 3), -EINVAL, "it takes");
	bad(accel_graph_update(graph, 0, NULL, NULL, 3), -EINVAL, "NULL");
	good(accel_context_create(f->device, &other));
	good(accel_stream_create(other, NULL, &foreign));
	bad(accel_graph_launch(graph, foreign), -EINVAL, "different contexts");
	accel_stream_destroy(foreign);
	accel_context_destroy(other);
	accel_stream_destroy(late);
	accel_graph_destroy(outer);
	/* The recording stream keeps the graph's object, and that the context. */
	accel_graph_destroy(graph);
	accel_stream_destroy(stream);
	accel_buffer_destroy(buffer);
}

/* ---- Threads ---- */

struct worker {
	struct fixture *f;
	struct accel_graph *graph;
	struct accel_buffer *buffer;
	pthread_t thread;
};

static void *replay_often(void *opaque)
{
	struct worker *w = opaque;
	struct add_args args = {
		.in = accel_buffer_address(w->buffer),
		.out = accel_buffer_address(w->buffer),
		.count = WORDS,
		.value = 1,
	};
	struct accel_stream *stream;

	good(accel_stream_create(w->f->context, NULL, &stream));
	for (int i = 0; i < 40; i++) {
		good(accel_graph_update(w->graph, i % 3, one, &args, sizeof(args)));
		good(accel_graph_launch(w->graph, stream));
		if (i % 8 == 7)
			good(accel_stream_wait(stream, SOON));
	}
	good(accel_stream_wait(stream, SOON));
	accel_stream_destroy(stream);
	return NULL;
}

static void test_threads(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 4 * WORDS, ACCEL_MEMORY_DEVICE);
	struct accel_graph *graph = additions(f, buffer, 3);
	struct worker workers[4];

	for (int i = 0; i < 4; i++) {
		workers[i] = (struct worker){ .f = f, .graph = graph, .buffer = buffer };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, replay_often,
						&workers[i]), 0);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(workers[i].thread, NULL);
	expect_words(f->stream, buffer, 4 * 40 * 3);
	accel_graph_destroy(graph);
	accel_buffer_destroy(buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		device_test(test_replay),
		device_test(test_all_kinds),
		device_test(test_streams_and_events),
		device_test(test_update),
		device_test(test_several_streams),
		device_test(test_update_after_a_fault),
		device_test(test_fault),
		device_test(test_module_at_an_old_place),
		device_test(test_copy_stream),
		device_test(test_refused),
		device_test(test_threads),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("graph", tests, choose_device, NULL);
}
