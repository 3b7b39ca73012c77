// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Traces: what is recorded, what it costs, and the JSON form. */
#define _GNU_SOURCE
#include "device.h"

#include <errno.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernels/probe.h"

static const uint32_t four[3] = { 4, 1, 1 };

static void queue_add(struct fixture *f, struct accel_stream *stream,
		      struct accel_buffer *buffer)
{
	struct add_args args = {
		.in = accel_buffer_address(buffer),
		.out = accel_buffer_address(buffer),
		.count = 16,
		.value = 1,
	};

	good(accel_launch(stream, find_kernel(f->probe, "add"), four, &args, sizeof(args), NULL));
}

static struct accel_buffer *named_buffer(struct fixture *f, const char *name)
{
	struct accel_buffer *buffer;

	good(accel_buffer_create(f->context, 4096, ACCEL_OPTIONS(accel_buffer_options,
				 .name = name), &buffer));
	return buffer;
}

static struct accel_trace_record record_of(struct accel_trace *trace, size_t i)
{
	struct accel_trace_record record = { .size = sizeof(record) };

	good(accel_trace_get(trace, i, &record));
	return record;
}

/* One of each kind, and what came before and after is not in it. */
static struct accel_trace *trace_everything(struct fixture *f, struct accel_buffer *buffer)
{
	uint32_t data[16] = { 0 };
	struct accel_stream *recording;
	struct accel_graph *graph;
	struct accel_trace *trace;

	good(accel_graph_create(f->context, &graph));
	good(accel_graph_record(graph, &recording));
	queue_add(f, recording, buffer);
	accel_stream_destroy(recording);
	good(accel_graph_instantiate(graph));
	queue_add(f, f->stream, buffer);

	good(accel_trace_create(f->context, NULL, &trace));
	good(accel_upload(f->stream, buffer, 0, data, sizeof(data)));
	queue_add(f, f->stream, buffer);
	good(accel_copy(f->stream, buffer, 2048, buffer, 0, 64, ACCEL_OVERLAP));
	good(accel_fill(f->stream, buffer, 1024, 256, 0, 8, ACCEL_OVERLAP));
	good(accel_graph_launch(graph, f->stream));
	good(accel_download(f->stream, buffer, 0, data, sizeof(data)));
	good(accel_trace_stop(trace));
	queue_add(f, f->stream, buffer);
	good(accel_stream_wait(f->stream, SOON));
	for (int i = 0; i < 16; i++)
		assert_int_equal(data[i], 2);
	accel_graph_destroy(graph);
	return trace;
}

static void test_records(void **state)
{
	static const struct {
		uint32_t kind;
		const char *name;
		uint64_t bytes;
	} expected[] = {
		{ ACCEL_TRACE_UPLOAD, "numbers", 64 },
		{ ACCEL_TRACE_LAUNCH, "add", 0 },
		{ ACCEL_TRACE_COPY, "numbers", 64 },
		{ ACCEL_TRACE_FILL, "numbers", 256 },
		{ ACCEL_TRACE_GRAPH, "graph", 0 },
		{ ACCEL_TRACE_DOWNLOAD, "numbers", 64 },
	};
	struct fixture *f = *state;
	struct accel_buffer *buffer = named_buffer(f, "numbers");
	struct accel_trace *trace = trace_everything(f, buffer);
	struct accel_profile_data data = { .size = sizeof(data) };
	struct accel_trace_record record, before = { 0 };

	assert_int_equal(accel_trace_count(trace), 6);
	for (size_t i = 0; i < 6; i++) {
		record = record_of(trace, i);
		assert_int_equal(record.kind, expected[i].kind);
		assert_string_equal(record.name, expected[i].name);
		assert_int_equal(record.bytes, expected[i].bytes);
		assert_int_equal(record.stream, 1);
		assert_true(record.start_ns >= before.end_ns && record.end_ns > record.start_ns);
		assert_true(record.start_cycles >= before.end_cycles &&
			    record.end_cycles > record.start_cycles);
		before = record;
	}
	assert_int_equal(record_of(trace, 1).grid[0], 4);
	good(accel_trace_get_profile(trace, 1, &data));
	assert_int_equal(data.workgroups, 4);
	assert_int_equal(data.memory_written, 256);
	assert_true(data.cycles > 0 && data.cycles <=
		    record_of(trace, 1).end_cycles - record_of(trace, 1).start_cycles);
	bad(accel_trace_get_profile(trace, 0, &data), -ENODATA, "not of a launch");
	bad(accel_trace_get(trace, 6, &record), -ENOENT, "no record 6");
	bad(accel_trace_get(NULL, 0, &record), -EINVAL, "NULL");
	assert_int_equal(accel_trace_count(NULL), 0);
	accel_trace_destroy(trace);
	accel_trace_destroy(NULL);
	accel_buffer_destroy(buffer);
}

/* What a replay does, in order, with what updates changed; and the replay around it. */
static void test_nodes(void **state)
{
	static const uint32_t kinds[] = {
		ACCEL_TRACE_GRAPH, ACCEL_TRACE_UPLOAD, ACCEL_TRACE_LAUNCH, ACCEL_TRACE_LAUNCH,
		ACCEL_TRACE_COPY, ACCEL_TRACE_FILL,
	};
	static const uint32_t grid[3] = { 2, 1, 1 };
	struct fixture *f = *state;
	struct accel_buffer *buffer = named_buffer(f, "numbers");
	struct accel_profile_data data = { .size = sizeof(data) };
	struct accel_trace_record record, whole;
	struct accel_stream *recording;
	struct accel_graph *graph;
	struct accel_trace *trace;
	uint32_t numbers[16] = { 0 };

	good(accel_graph_create(f->context, &graph));
	good(accel_graph_record(graph, &recording));
	good(accel_upload(recording, buffer, 0, numbers, sizeof(numbers)));
	queue_add(f, recording, buffer);
	queue_add(f, recording, buffer);
	good(accel_copy(recording, buffer, 2048, buffer, 0, 64, 0));
	good(accel_fill(recording, buffer, 1024, 256, 0, 8, 0));
	accel_stream_destroy(recording);
	good(accel_graph_instantiate(graph));
	good(accel_graph_launch(graph, f->stream));
	good(accel_graph_update(graph, 1, grid, NULL, 0));
	good(accel_trace_create(f->context, ACCEL_OPTIONS(accel_trace_options,
							  .flags = ACCEL_TRACE_NODES), &trace));
	good(accel_graph_launch(graph, f->stream));
	good(accel_stream_wait(f->stream, SOON));
	good(accel_trace_stop(trace));
	assert_int_equal(accel_trace_count(trace), 6);
	whole = record_of(trace, 0);
	for (size_t i = 0; i < 6; i++) {
		record = record_of(trace, i);
		assert_int_equal(record.kind, kinds[i]);
		assert_true(record.start_ns >= whole.start_ns && record.end_ns <= whole.end_ns);
		if (i > 1)
			assert_true(record.start_ns >= record_of(trace, i - 1).end_ns);
	}
	assert_string_equal(record_of(trace, 2).name, "add");
	assert_int_equal(record_of(trace, 1).bytes, 64);
	assert_int_equal(record_of(trace, 5).bytes, 256);
	good(accel_trace_get_profile(trace, 2, &data));
	assert_int_equal(data.workgroups, 4);
	good(accel_trace_get_profile(trace, 3, &data));
	assert_int_equal(data.workgroups, 2);
	good(accel_download(f->stream, buffer, 2048, numbers, sizeof(numbers)));
	assert_int_equal(numbers[0], 2);
	accel_trace_destroy(trace);
	bad(accel_trace_create(f->context, ACCEL_OPTIONS(accel_trace_options, .flags = 2), &trace),
	    -EINVAL, "flags");
	bad(accel_trace_create(f->context, ACCEL_OPTIONS(accel_trace_options, .reserved = 1), &trace),
	    -EINVAL, "reserved");
	accel_graph_destroy(graph);
	accel_buffer_destroy(buffer);
}

static struct json_object *member(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(object, key, &value))
		print_error("no member %s\n", key);
	assert_non_null(value);
	return value;
}

static const char *text(struct json_object *object, const char *key)
{
	return json_object_get_string(member(object, key));
}

static struct json_object *written(struct accel_trace *trace)
{
	int fd = memfd_create("trace", MFD_CLOEXEC);
	struct json_object *json;
	off_t size;
	char *data;

	good(accel_trace_write(trace, fd));
	size = lseek(fd, 0, SEEK_END);
	data = calloc(1, size + 1);
	assert_int_equal(pread(fd, data, size, 0), size);
	json = json_tokener_parse(data);
	assert_non_null(json);
	free(data);
	close(fd);
	return json;
}

static void test_json(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = named_buffer(f, "quote \" and \\");
	struct accel_trace *trace = trace_everything(f, buffer);
	struct json_object *json = written(trace), *events = member(json, "traceEvents");
	struct accel_trace_record launch_record = record_of(trace, 1);
	struct accel_trace_record first = record_of(trace, 0);
	size_t slices[3] = { 0 }, names = 0;
	double ns;

	assert_string_equal(text(member(json, "otherData"), "producer"), "libaccel");
	assert_int_equal(json_object_get_int(member(member(json, "otherData"),
						    "records_left_out")), 0);
	for (size_t i = 0; i < json_object_array_length(events); i++) {
		struct json_object *event = json_object_array_get_idx(events, i);
		int pid = json_object_get_int(member(event, "pid"));

		if (!strcmp(text(event, "ph"), "M")) {
			names++;
			continue;
		}
		assert_string_equal(text(event, "ph"), "X");
		assert_true(pid == 1 || pid == 2);
		slices[pid]++;
		assert_true(json_object_get_double(member(event, "dur")) > 0);
		if (!strcmp(text(event, "cat"), "upload"))
			assert_string_equal(text(event, "name"), "quote \" and \\");
		if (strcmp(text(event, "cat"), "launch"))
			continue;
		assert_string_equal(text(event, "name"), "add");
		assert_int_equal(json_object_get_int(member(member(event, "args"), "workgroups")),
				 4);
		if (pid != 1)
			continue;
		ns = json_object_get_double(member(event, "ts")) * 1000;
		assert_int_equal((uint64_t)(ns + 0.5), launch_record.start_ns - first.start_ns);
	}
	assert_int_equal(slices[1], 6);
	assert_int_equal(slices[2], 6);
	/* Two processes, and one stream in both. */
	assert_int_equal(names, 4);
	json_object_put(json);
	bad(accel_trace_write(trace, -1), -EBADF, "");
	bad(accel_trace_write(NULL, 1), -EINVAL, "NULL");
	accel_trace_destroy(trace);
	accel_buffer_destroy(buffer);
}

/* More work than records; work that has not completed; a second trace. */
static void test_limits(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = named_buffer(f, NULL);
	struct accel_trace_record record = { .size = sizeof(record) };
	struct accel_trace *trace, *second;
	struct accel_stream *spinning;
	struct spin_args args = { 0 };
	const uint32_t one[3] = { 1, 1, 1 };
	struct json_object *json;

	good(accel_trace_create(f->context, ACCEL_OPTIONS(accel_trace_options, .records = 4),
				&trace));
	bad(accel_trace_create(f->context, NULL, &second), -EBUSY, "being traced");
	good(accel_stream_create(f->context, NULL, &spinning));
	good(accel_launch(spinning, find_kernel(f->probe, "spin"), one, &args, sizeof(args), NULL));
	good(accel_stream_flush(spinning));
	for (int i = 0; i < 10; i++)
		queue_add(f, f->stream, buffer);
	good(accel_stream_wait(f->stream, SOON));
	assert_int_equal(accel_trace_count(trace), 4);
	bad(accel_trace_get(trace, 0, &record), -ENODATA, "not completed");
	for (size_t i = 1; i < 4; i++) {
		assert_string_equal(record_of(trace, i).name, "add");
		assert_int_equal(record_of(trace, i).stream, 1);
	}
	json = written(trace);
	/* Seven for which there was no room, and the endless one. */
	assert_int_equal(json_object_get_int(member(member(json, "otherData"),
						    "records_left_out")), 8);
	json_object_put(json);
	accel_stream_destroy(spinning);
	good(accel_trace_stop(trace));
	good(accel_trace_stop(trace));
	good(accel_trace_create(f->context, NULL, &second));
	accel_trace_destroy(trace);
	queue_add(f, f->stream, buffer);
	good(accel_stream_wait(f->stream, SOON));
	assert_int_equal(accel_trace_count(second), 1);
	accel_trace_destroy(second);
	bad(accel_trace_create(NULL, NULL, &trace), -EINVAL, "NULL");
	bad(accel_trace_create(f->context, NULL, NULL), -EINVAL, "NULL");
	bad(accel_trace_create(f->context, ACCEL_OPTIONS(accel_trace_options, .records = 1 << 25),
			       &trace), -EINVAL, "records");
	bad(accel_trace_stop(NULL), -EINVAL, "NULL");
	accel_buffer_destroy(buffer);
}

/* A launch's own profile is left to it. */
static void test_profile_beside_trace(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = named_buffer(f, NULL);
	struct accel_profile_data data = { .size = sizeof(data) };
	struct add_args args = {
		.in = accel_buffer_address(buffer),
		.out = accel_buffer_address(buffer),
		.count = 16,
	};
	struct accel_profile *profile;
	struct accel_trace *trace;

	good(accel_profile_create(f->context, &profile));
	good(accel_trace_create(f->context, NULL, &trace));
	good(accel_launch(f->stream, find_kernel(f->probe, "add"), four, &args, sizeof(args),
			  ACCEL_OPTIONS(accel_launch_options, .profile = profile)));
	good(accel_stream_wait(f->stream, SOON));
	good(accel_profile_read(profile, &data));
	assert_int_equal(data.workgroups, 4);
	bad(accel_trace_get_profile(trace, 0, &data), -ENODATA, "");
	assert_true(record_of(trace, 0).end_cycles > record_of(trace, 0).start_cycles);
	accel_trace_destroy(trace);
	accel_profile_destroy(profile);
	accel_buffer_destroy(buffer);
}

struct tracer {
	struct fixture *f;
	struct accel_stream *stream;
	struct accel_buffer *buffer;
	pthread_t thread;
};

static void *work(void *opaque)
{
	struct tracer *t = opaque;

	for (int i = 0; i < 200; i++)
		queue_add(t->f, t->stream, t->buffer);
	good(accel_stream_wait(t->stream, SOON));
	return NULL;
}

/* Traces come and go while others queue work. */
static void test_threads(void **state)
{
	struct fixture *f = *state;
	struct tracer tracers[3];
	struct accel_trace *traces[20];

	for (int i = 0; i < 3; i++) {
		tracers[i] = (struct tracer){ .f = f, .buffer = named_buffer(f, NULL) };
		good(accel_stream_create(f->context, NULL, &tracers[i].stream));
		assert_int_equal(pthread_create(&tracers[i].thread, NULL, work, &tracers[i]), 0);
	}
	for (int i = 0; i < 20; i++) {
		good(accel_trace_create(f->context, NULL, &traces[i]));
		queue_add(f, f->stream, tracers[0].buffer);
		good(accel_trace_stop(traces[i]));
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(tracers[i].thread, NULL);
		accel_stream_destroy(tracers[i].stream);
	}
	good(accel_stream_wait(f->stream, SOON));
	for (int i = 0; i < 20; i++) {
		size_t count = accel_trace_count(traces[i]);

		assert_true(count >= 1);
		for (size_t k = 0; k < count; k++)
			assert_string_equal(record_of(traces[i], k).name, "add");
		accel_trace_destroy(traces[i]);
	}
	for (int i = 0; i < 3; i++)
		accel_buffer_destroy(tracers[i].buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		device_test(test_records),
		device_test(test_nodes),
		device_test(test_json),
		device_test(test_limits),
		device_test(test_profile_beside_trace),
		device_test(test_threads),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("trace", tests, choose_device, NULL);
}
