// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Whatever fails, the library says so, leaks nothing, and goes on.
 *
 * A program that uses all that there is runs again and again. In run n, the n-th allocation
 * or system call of the library fails. The call of the library in which that happens either
 * does without, or returns an error with its words; then, since a function that failed has
 * had no effect, it is called once more, and must succeed. In the end the results are right,
 * the card has its memory back, and no file is open. In the sanitized build of this test,
 * leaks are errors, too.
 */
#define _GNU_SOURCE
#include "tests/libaccel/device.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "failures.h"
#include "tests/libaccel/kernels/probe.h"

/* What runs have seen; printed, so that a run that sees nothing does not go unnoticed. */
static unsigned int runs, errors, harmless;

/* The run's failure, not yet seen. */
static bool expected;

/* A call failed: it must be the one that we let fail, and the error must be told. */
static void note(int ret, const char *call, int line)
{
	const struct accel_error *error = accel_last_error();
	const char *name;

	if (!failure_disarm(&name) || !expected) {
		print_error("line %d: %s: %s\n", line, call, error->message);
		fail();
	}
	expected = false;
	errors++;
	if (error->error != ret || !error->what[0] || !error->cause[0] || ret >= 0) {
		print_error("line %d: %s failed in %s, returned %d and said '%s' (%d)\n", line, call,
			    name, ret, error->message, error->error);
		fail();
	}
}

/* Calls the library; once more if it has failed. */
#define STEP(call) do {									\
		int ret_ = (call);							\
											\
		if (ret_ < 0) {								\
			note(ret_, #call, __LINE__);					\
			ret_ = (call);							\
			if (ret_ < 0)							\
				print_error("line %d: once more, %s: %s\n", __LINE__, #call, \
					    accel_last_error()->message);		\
			assert_true(ret_ >= 0);						\
		}									\
	} while (0)

#define NUMBERS	1024
#define BYTES	(NUMBERS * sizeof(uint32_t))

/* All objects of a run. */
struct world {
	struct accel_device *device;
	struct accel_context *context;
	struct accel_stream *stream, *copies;
	struct accel_module *module;
	const struct accel_kernel *add;
	struct accel_buffer *buffer, *shared, *imported, *wrapped;
	struct accel_pool *pool;
	struct accel_event *event, *timed[2], *foreign;
	uint32_t *memory;
};

static void begin(struct world *w)
{
	struct accel_device_list *list;

	STEP(accel_device_list_create(&list));
	accel_device_list_free(list);
	STEP(accel_device_open(NULL, &w->device));
	STEP(accel_context_create(w->device, &w->context));
	STEP(accel_stream_create(w->context, NULL, &w->stream));
	STEP(accel_stream_create(w->context, ACCEL_OPTIONS(accel_stream_options,
							   .type = ACCEL_STREAM_COPY), &w->copies));
	STEP(accel_module_load_file(w->context, "probe.egm", &w->module));
	STEP(accel_module_find(w->module, "add", &w->add));
	STEP(accel_event_create(w->context, NULL, &w->event));
	STEP(accel_event_create(w->context, NULL, &w->foreign));
	for (int i = 0; i < 2; i++)
		STEP(accel_event_create(w->context, ACCEL_OPTIONS(accel_event_options,
					.flags = ACCEL_EVENT_TIMED), &w->timed[i]));
}

static void make_buffers(struct world *w)
{
	void *pointer;
	int fd;

	STEP(accel_buffer_create(w->context, BYTES, NULL, &w->buffer));
	STEP(accel_buffer_create(w->context, BYTES, ACCEL_OPTIONS(accel_buffer_options,
				 .memory = ACCEL_MEMORY_HOST, .flags = ACCEL_BUFFER_SHARED,
				 .name = "shared"), &w->shared));
	STEP(accel_buffer_map(w->shared, &pointer));
	STEP(fd = accel_buffer_export(w->shared));
	STEP(accel_buffer_import(w->context, fd, "imported", &w->imported));
	close(fd);
	STEP(accel_buffer_wrap(w->context, w->memory, BYTES, "wrapped", &w->wrapped));
}

static void launch_on(struct world *w, struct accel_stream *stream, uint32_t value)
{
	const uint32_t grid[3] = { 4, 1, 1 };
	struct add_args args = {
		.in = accel_buffer_address(w->buffer),
		.out = accel_buffer_address(w->buffer),
		.count = NUMBERS / 4,
		.value = value,
	};

	STEP(accel_launch(stream, w->add, grid, &args, sizeof(args), NULL));
}

/* numbers = 1, then + 10 + 100. */
static void work(struct world *w)
{
	struct accel_elapsed elapsed = { .size = sizeof(elapsed) };
	struct accel_sensors sensors = { .size = sizeof(sensors) };
	struct accel_counters counters = { .size = sizeof(counters) };
	struct accel_profile *profile;
	struct accel_profile_data data = { .size = sizeof(data) };
	const uint32_t grid[3] = { 4, 1, 1 };
	struct add_args args = {
		.in = accel_buffer_address(w->buffer),
		.out = accel_buffer_address(w->buffer),
		.count = NUMBERS / 4,
		.value = 10,
	};
	int fd;

	STEP(accel_profile_create(w->context, &profile));
	STEP(accel_event_record(w->timed[0], w->stream));
	STEP(accel_fill(w->copies, w->buffer, 0, BYTES, 1, 4, 0));
	STEP(accel_event_record(w->event, w->copies));
	STEP(accel_stream_wait_event(w->stream, w->event));
	STEP(accel_launch(w->stream, w->add, grid, &args, sizeof(args),
			  ACCEL_OPTIONS(accel_launch_options, .profile = profile)));
	launch_on(w, w->stream, 100);
	STEP(accel_event_record(w->timed[1], w->stream));
	STEP(fd = accel_event_fd(w->timed[1]));
	STEP(accel_event_import(w->foreign, fd));
	close(fd);
	STEP(accel_stream_wait_event(w->copies, w->foreign));
	STEP(accel_copy(w->copies, w->wrapped, 0, w->buffer, 0, BYTES, 0));
	STEP(accel_stream_wait(w->copies, SOON));
	STEP(accel_event_wait(w->foreign, SOON));
	STEP(accel_event_elapsed(w->timed[0], w->timed[1], &elapsed));
	STEP(accel_profile_read(profile, &data));
	STEP(accel_device_get_sensors(w->device, &sensors));
	STEP(accel_device_get_counters(w->device, &counters));
	assert_true(elapsed.cycles > 0);
	assert_int_equal(data.workgroups, 4);
	for (int i = 0; i < NUMBERS; i++)
		assert_int_equal(w->memory[i], 111);
	accel_profile_destroy(profile);
}

static void replay(struct world *w)
{
	struct accel_graph *graph;
	struct accel_stream *recording;
	struct accel_trace *trace;
	uint32_t back[NUMBERS], zero[NUMBERS] = { 0 };
	struct add_args args = {
		.in = accel_buffer_address(w->buffer),
		.out = accel_buffer_address(w->buffer),
		.count = NUMBERS / 4,
		.value = 5,
	};
	int fd;

	STEP(accel_graph_create(w->context, &graph));
	STEP(accel_graph_record(graph, &recording));
	STEP(accel_upload(recording, w->buffer, 0, zero, BYTES));
	launch_on(w, recording, 3);
	STEP(accel_copy(recording, w->shared, 0, w->buffer, 0, BYTES, 0));
	accel_stream_destroy(recording);
	STEP(accel_graph_instantiate(graph));
	STEP(accel_trace_create(w->context, NULL, &trace));
	STEP(accel_graph_launch(graph, w->stream));
	STEP(accel_graph_update(graph, 0, NULL, &args, sizeof(args)));
	STEP(accel_graph_launch(graph, w->stream));
	launch_on(w, w->stream, 7);
	STEP(accel_download(w->stream, w->imported, 0, back, BYTES));
	for (int i = 0; i < NUMBERS; i++)
		assert_int_equal(back[i], 5);
	STEP(accel_download(w->stream, w->buffer, 0, back, BYTES));
	for (int i = 0; i < NUMBERS; i++)
		assert_int_equal(back[i], 12);
	STEP(accel_trace_stop(trace));
	failure_pause();
	fd = memfd_create("trace", MFD_CLOEXEC);
	failure_resume();
	STEP(accel_trace_write(trace, fd));
	close(fd);
	accel_trace_destroy(trace);
	accel_graph_destroy(graph);
}

static void use_pool(struct world *w)
{
	struct accel_buffer *parts[3];
	uint32_t back;

	STEP(accel_pool_create(w->context, NULL, &w->pool));
	for (int i = 0; i < 3; i++)
		STEP(accel_pool_alloc(w->pool, 5000, 0, &parts[i]));
	STEP(accel_fill(w->stream, parts[1], 0, 5000, 0x55, 1, 0));
	STEP(accel_transfer(w->copies, w->buffer, 0, w->stream, parts[1], 0, 4096));
	STEP(accel_download(w->copies, w->buffer, 4092, &back, 4));
	assert_int_equal(back, 0x55555555);
	for (int i = 0; i < 3; i++)
		accel_buffer_destroy(parts[i]);
	STEP(accel_pool_trim(w->pool));
	accel_pool_destroy(w->pool);
}

/* A kernel that faults ends its stream; telling of it may lack words, but not the code. */
static void fault(struct world *w)
{
	const uint32_t grid[3] = { 1, 1, 1 };
	struct give_up_args args = { .code = 42 };
	const struct accel_kernel *give_up;
	struct accel_stream *stream;
	int ret;

	STEP(accel_stream_create(w->context, NULL, &stream));
	STEP(accel_module_find(w->module, "give_up", &give_up));
	STEP(accel_launch(stream, give_up, grid, &args, sizeof(args), NULL));
	STEP(accel_stream_flush(stream));
	ret = accel_stream_wait(stream, SOON);
	if (ret != -ECANCELED) {
		note(ret, "waiting for a fault", __LINE__);
		ret = accel_stream_wait(stream, SOON);
	}
	assert_int_equal(ret, -ECANCELED);
	assert_non_null(accel_last_error()->fault);
	assert_int_equal(accel_last_error()->fault->value, 42);
	accel_stream_destroy(stream);
}

static void end(struct world *w)
{
	for (int i = 0; i < 2; i++)
		accel_event_destroy(w->timed[i]);
	accel_event_destroy(w->event);
	accel_event_destroy(w->foreign);
	accel_buffer_destroy(w->imported);
	accel_buffer_destroy(w->shared);
	accel_buffer_destroy(w->wrapped);
	accel_buffer_destroy(w->buffer);
	accel_module_unload(w->module);
	accel_stream_destroy(w->copies);
	accel_stream_destroy(w->stream);
	accel_context_destroy(w->context);
	accel_device_close(w->device);
}

static int open_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

/* Returns whether there was an n-th call. */
static bool run(enum failure_kind kind, unsigned int n, uint32_t *memory)
{
	struct world world = { .memory = memory };
	const char *name;
	bool failed;

	expected = kind != FAIL_INTERRUPTED;
	failure_arm(kind, n);
	begin(&world);
	make_buffers(&world);
	work(&world);
	replay(&world);
	use_pool(&world);
	fault(&world);
	end(&world);
	failed = failure_disarm(&name);
	if (failed && expected)
		harmless++;
	runs++;
	return failed;
}

static uint64_t memory_used(void)
{
	struct accel_memory_info info = { .size = sizeof(info) };
	struct accel_device *device;

	good(accel_device_open(NULL, &device));
	good(accel_device_get_memory(device, &info));
	accel_device_close(device);
	return info.used;
}

static void run_all(enum failure_kind kind)
{
	uint32_t *memory = aligned_alloc(4096, BYTES);
	uint64_t used;
	unsigned int n;
	int files;

	errors = 0;
	harmless = 0;
	runs = 0;
	run(kind, UINT32_MAX, memory);
	files = open_files();
	used = memory_used();
	for (n = 1; run(kind, n, memory); n++) {
		if (open_files() != files)
			print_error("a file stays open when call %u fails\n", n);
		assert_int_equal(open_files(), files);
	}
	/* The kernel frees what a closed file had a little later. */
	for (int i = 0; i < 1000 && memory_used() != used; i++)
		usleep(10000);
	assert_int_equal(memory_used(), used);
	print_message("%u runs: %u errors, %u failures made no difference\n", runs - 1, errors,
		      harmless);
	free(memory);
}

static void test_allocations(void **state)
{
	(void)state;
	run_all(FAIL_ALLOCATION);
	assert_true(errors > 20);
}

static void test_system_calls(void **state)
{
	(void)state;
	run_all(FAIL_SYSTEM_CALL);
	assert_true(errors > 10);
}

/* Signals change nothing at all. */
static void test_interrupted(void **state)
{
	(void)state;
	run_all(FAIL_INTERRUPTED);
	assert_int_equal(errors, 0);
	assert_true(runs > 2);
}

/* Many are opened: so the simulated card is a small one. */
static int choose_small_device(void **state)
{
	if (!getenv("EGRET_VM"))
		setenv("ACCEL_DEVICE", "sim:vram=64M,clusters=1", 0);
	return choose_device(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allocations),
		cmocka_unit_test(test_system_calls),
		cmocka_unit_test(test_interrupted),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("failures", tests, choose_small_device, NULL);
}
