// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Modules, launches, and what happens when a kernel goes wrong. */
#include "device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/probe.h"

/* ---- Modules ---- */

static void test_module(void **state)
{
	static const char *const names[] = {
		"add", "give_up", "greet", "load", "poke", "spin", "sum", "too_much_scratch", "who",
	};
	struct fixture *f = *state;
	const struct accel_kernel *kernel;
	size_t i;

	assert_int_equal(accel_module_kernel_count(f->probe), 9);
	for (i = 0; i < 9; i++)
		assert_string_equal(accel_kernel_name(accel_module_kernel(f->probe, i)), names[i]);
	assert_null(accel_module_kernel(f->probe, 9));
	good(accel_module_find(f->probe, "sum", &kernel));
	assert_int_equal(accel_kernel_args_size(kernel), sizeof(struct sum_args));
	bad(accel_module_find(f->probe, "difference", &kernel), -ENOENT, "it has add, give_up");
	accel_module_unload(NULL);
}

static void test_bad_modules(void **state)
{
	static const char text[] = "this is no module";
	struct fixture *f = *state;
	struct accel_module *module;

	bad(accel_module_load(f->context, text, sizeof(text), &module), -ENOEXEC, "not an ELF");
	bad(accel_module_load(f->context, text, 0, &module), -ENOEXEC, "not an ELF");
	bad(accel_module_load(f->context, NULL, 0, &module), -EINVAL, "NULL");
	bad(accel_module_load_file(f->context, "/nonexistent.egm", &module), -ENOENT, "no such");
	bad(accel_module_load_file(f->context, "nonexistent.egm", &module), -ENOENT,
	    "ACCEL_KERNEL_PATH");
	bad(accel_module_load_file(f->context, "tests/libaccel", &module), -ENOEXEC,
	    "not an ordinary file");
	bad(accel_module_load_file(f->context, "tests/libaccel/test_launch.c", &module), -ENOEXEC,
	    "not an ELF");
	assert_non_null(strstr(accel_last_error()->what, "test_launch.c"));
}

static void test_load_and_unload(void **state)
{
	struct fixture *f = *state;
	struct accel_module *module;
	struct accel_buffer *buffer = make_buffer(f, 4, ACCEL_MEMORY_DEVICE);
	struct poke_args args = { .address = accel_buffer_address(buffer) };
	const uint32_t grid[3] = { 1, 1, 1 };

	/* At one address after another and at the same one again, so that instructions which
	 * the card had cached are wrong. */
	for (uint32_t i = 0; i < 6; i++) {
		const char *file = i % 2 ? "matmul.egm" : "probe.egm";

		good(accel_module_load_file(f->context, file, &module));
		if (i % 2 == 0) {
			good(accel_launch(f->stream, find_kernel(module, "poke"), grid, &args,
					  sizeof(args), NULL));
			good(accel_stream_wait(f->stream, SOON));
		}
		accel_module_unload(module);
	}
	accel_buffer_destroy(buffer);
}

static void test_relocated_data(void **state)
{
	static const char *const greetings[] = { "hello", "good morning", "good night" };
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, GREETING_SIZE, ACCEL_MEMORY_DEVICE);
	char back[GREETING_SIZE];

	for (uint32_t i = 0; i < 3; i++) {
		struct greet_args args = { .out = accel_buffer_address(buffer), .which = i };

		good(launch(f, "greet", 1, &args, sizeof(args)));
		good(accel_download(f->stream, buffer, 0, back, sizeof(back)));
		assert_string_equal(back, greetings[i]);
	}
	accel_buffer_destroy(buffer);
}

/* ---- Launches ---- */

static void test_grid(void **state)
{
	static const uint32_t grids[][3] = {
		{ 1, 1, 1 }, { 5, 1, 1 }, { 1, 7, 1 }, { 1, 1, 3 }, { 4, 3, 2 }, { 100, 1, 3 },
	};
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 300 * sizeof(struct probe_who),
						  ACCEL_MEMORY_DEVICE);
	struct who_args args = { .out = accel_buffer_address(buffer) };
	static struct probe_who who[300];

	for (size_t i = 0; i < sizeof(grids) / sizeof(grids[0]); i++) {
		const uint32_t *g = grids[i];
		uint32_t count = g[0] * g[1] * g[2];

		good(accel_fill(f->stream, buffer, 0, accel_buffer_size(buffer), 0xffffffff, 4, 0));
		good(accel_launch(f->stream, find_kernel(f->probe, "who"), g, &args, sizeof(args),
				  NULL));
		good(accel_download(f->stream, buffer, 0, who, count * sizeof(*who)));
		for (uint32_t n = 0; n < count; n++) {
			assert_int_equal(who[n].x, n % g[0]);
			assert_int_equal(who[n].y, n / g[0] % g[1]);
			assert_int_equal(who[n].z, n / g[0] / g[1]);
			assert_int_equal(who[n].grid_x, g[0]);
			assert_int_equal(who[n].grid_y, g[1]);
			assert_int_equal(who[n].grid_z, g[2]);
			assert_int_equal(who[n].args_size, sizeof(args));
		}
	}
	accel_buffer_destroy(buffer);
}

static void test_bad_launches(void **state)
{
	static const uint32_t no_x[3] = { 0, 1, 1 }, no_z[3] = { 1, 1, 0 };
	static const uint32_t wide[3] = { 0x1000000, 1, 1 };
	static const uint32_t many[3] = { 0x10000, 0x10000, 1 }, one[3] = { 1, 1, 1 };
	struct fixture *f = *state;
	const struct accel_kernel *kernel = find_kernel(f->probe, "who");
	struct who_args args = { 0 };
	struct accel_context *other;
	struct accel_stream *stream;

	bad(accel_launch(f->stream, kernel, no_x, &args, sizeof(args), NULL), -EINVAL, "0 x 1 x 1");
	bad(accel_launch(f->stream, kernel, no_z, &args, sizeof(args), NULL), -EINVAL, "1 x 1 x 0");
	bad(accel_launch(f->stream, kernel, wide, &args, sizeof(args), NULL), -EINVAL, "16777215");
	bad(accel_launch(f->stream, kernel, many, &args, sizeof(args), NULL), -EINVAL, "2^32");
	bad(accel_launch(f->stream, kernel, one, &args, 4, NULL), -EINVAL, "it takes 8");
	bad(accel_launch(f->stream, kernel, one, NULL, 8, NULL), -EINVAL, "NULL");
	bad(accel_launch(f->stream, NULL, one, &args, 8, NULL), -EINVAL, "NULL");
	bad(accel_launch(f->stream, kernel, NULL, &args, 8, NULL), -EINVAL, "NULL");
	bad(accel_launch(NULL, kernel, one, &args, 8, NULL), -EINVAL, "NULL");
	bad(accel_launch(f->stream, kernel, one, &args, 8,
			 ACCEL_OPTIONS(accel_launch_options, .flags = 8)), -EINVAL, "flags");
	good(accel_context_create(f->device, &other));
	good(accel_stream_create(other, NULL, &stream));
	bad(accel_launch(stream, kernel, one, &args, 8, NULL), -EINVAL, "another context");
	accel_stream_destroy(stream);
	accel_context_destroy(other);
	/* Nothing of all that was queued. */
	good(accel_stream_wait(f->stream, SOON));
}

/* Each of many has its own arguments: more than a batch, than the ring, than its data. */
static void test_each(void **state)
{
	static const size_t counts[] = { 0, 1, 2, 64, 255, 256, 257, 1024, 5000 };
	static const uint32_t one[3] = { 1, 1, 1 };
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 5000 * 8, ACCEL_MEMORY_DEVICE);
	const struct accel_kernel *kernel = find_kernel(f->probe, "poke");
	static struct poke_args args[5000];
	static uint64_t words[5000];
	uint64_t flags;

	for (size_t c = 0; c < 2 * sizeof(counts) / sizeof(counts[0]); c++) {
		size_t count = counts[c / 2];

		flags = c % 2 ? ACCEL_OVERLAP : 0;
		for (size_t i = 0; i < count; i++) {
			args[i].address = accel_buffer_address(buffer) + i * 8;
			args[i].value = c << 32 | i;
		}
		good(accel_fill(f->stream, buffer, 0, 5000 * 8, ~0ull, 8, 0));
		good(accel_stream_wait(f->stream, SOON));
		good(accel_launch_each(f->stream, kernel, one, args, sizeof(args[0]), count,
				       flags ? ACCEL_OPTIONS(accel_launch_options,
							     .flags = ACCEL_OVERLAP) : NULL));
		good(accel_download(f->stream, buffer, 0, words, sizeof(words)));
		for (size_t i = 0; i < 5000; i++)
			assert_int_equal(words[i], i < count ? c << 32 | i : ~0ull);
	}
	accel_buffer_destroy(buffer);
}

/* In a trace and in a graph they are what single launches are. */
static void test_each_elsewhere(void **state)
{
	static const uint32_t one[3] = { 1, 1, 1 };
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 64, ACCEL_MEMORY_DEVICE);
	const struct accel_kernel *kernel = find_kernel(f->probe, "poke");
	struct accel_stream *recording;
	struct accel_graph *graph;
	struct accel_trace *trace;
	struct poke_args args[8] = { 0 };
	uint64_t words[8];

	for (size_t i = 0; i < 8; i++)
		args[i].address = accel_buffer_address(buffer) + i * 8;
	for (size_t round = 0; round < 2; round++) {
		for (size_t i = 0; i < 8; i++)
			args[i].value = 10 * round + i;
		if (round) {
			good(accel_graph_create(f->context, &graph));
			good(accel_graph_record(graph, &recording));
			good(accel_launch_each(recording, kernel, one, args, sizeof(args[0]), 8,
					       NULL));
			accel_stream_destroy(recording);
			assert_int_equal(accel_graph_launch_count(graph), 8);
			good(accel_graph_instantiate(graph));
			good(accel_graph_launch(graph, f->stream));
		} else {
			good(accel_trace_create(f->context, NULL, &trace));
			good(accel_launch_each(f->stream, kernel, one, args, sizeof(args[0]), 8,
					       NULL));
			good(accel_stream_wait(f->stream, SOON));
			assert_int_equal(accel_trace_count(trace), 8);
			accel_trace_destroy(trace);
		}
		good(accel_download(f->stream, buffer, 0, words, sizeof(words)));
		for (size_t i = 0; i < 8; i++)
			assert_int_equal(words[i], 10 * round + i);
	}
	accel_graph_destroy(graph);
	accel_buffer_destroy(buffer);
}

static void test_bad_each(void **state)
{
	static const uint32_t one[3] = { 1, 1, 1 }, no_x[3] = { 0, 1, 1 };
	struct fixture *f = *state;
	const struct accel_kernel *kernel = find_kernel(f->probe, "poke");
	struct poke_args args[2] = { { .address = 0 } };
	struct accel_profile *profile;

	bad(accel_launch_each(f->stream, kernel, no_x, args, sizeof(args[0]), 2, NULL), -EINVAL,
	    "0 x 1 x 1");
	bad(accel_launch_each(f->stream, kernel, one, args, sizeof(args), 1, NULL), -EINVAL,
	    "it takes 24");
	bad(accel_launch_each(f->stream, kernel, one, NULL, sizeof(args[0]), 2, NULL), -EINVAL, "NULL");
	bad(accel_launch_each(f->stream, NULL, one, args, sizeof(args[0]), 2, NULL), -EINVAL, "NULL");
	bad(accel_launch_each(f->stream, kernel, NULL, args, sizeof(args[0]), 2, NULL), -EINVAL, "NULL");
	bad(accel_launch_each(NULL, kernel, one, args, sizeof(args[0]), 2, NULL), -EINVAL, "NULL");
	bad(accel_launch_each(f->stream, kernel, one, args, sizeof(args[0]), 2,
			      ACCEL_OPTIONS(accel_launch_options, .flags = 8)), -EINVAL, "flags");
	good(accel_profile_create(f->context, &profile));
	bad(accel_launch_each(f->stream, kernel, one, args, sizeof(args[0]), 2,
			      ACCEL_OPTIONS(accel_launch_options, .profile = profile)), -EINVAL,
	    "one launch");
	accel_profile_destroy(profile);
	/* Nothing of all that was queued: it would fault. */
	good(accel_stream_wait(f->stream, SOON));
}

static void test_profile(void **state)
{
	struct fixture *f = *state;
	const uint32_t grid[3] = { 4, 1, 1 };
	struct accel_buffer *buffer = make_buffer(f, 4 * 4096, ACCEL_MEMORY_DEVICE);
	struct add_args args = {
		.in = accel_buffer_address(buffer),
		.out = accel_buffer_address(buffer),
		.count = 1024,
		.value = 3,
	};
	struct accel_profile_data data = { .size = sizeof(data) }, again = { .size = sizeof(again) };
	struct accel_profile *profile;

	good(accel_profile_create(f->context, &profile));
	bad(accel_profile_read(profile, &data), -ENODATA, "no launch");
	good(accel_launch(f->stream, find_kernel(f->probe, "add"), grid, &args, sizeof(args),
			  ACCEL_OPTIONS(accel_launch_options, .profile = profile)));
	good(accel_stream_wait(f->stream, SOON));
	good(accel_profile_read(profile, &data));
	assert_int_equal(data.workgroups, 4);
	assert_int_equal(data.macs, 0);
	assert_int_equal(data.memory_written, 4 * 4096);
	/* The code's own accesses come on top. */
	assert_true(data.memory_read >= 4 * 4096);
	assert_int_equal(data.host_read, 0);
	assert_int_equal(data.host_written, 0);
	assert_true(data.instructions > 0);
	assert_true(data.cycles > 0);
	assert_true(data.tile_busy > 0 && data.dma_busy > 0);
	/* The model predicts the same every time. */
	good(accel_launch(f->stream, find_kernel(f->probe, "add"), grid, &args, sizeof(args),
			  ACCEL_OPTIONS(accel_launch_options, .profile = profile)));
	good(accel_stream_wait(f->stream, SOON));
	good(accel_profile_read(profile, &again));
	assert_int_equal(again.cycles, data.cycles);
	assert_int_equal(again.instructions, data.instructions);
	accel_profile_destroy(profile);
	accel_profile_destroy(NULL);
	accel_buffer_destroy(buffer);
}

/* ---- Faults ---- */

/* The stream is dead, says so every time, and a new one works. */
static void check_recovery(struct fixture *f)
{
	struct accel_buffer *buffer = make_buffer(f, 4, ACCEL_MEMORY_DEVICE);
	struct add_args args = {
		.in = accel_buffer_address(buffer),
		.out = accel_buffer_address(buffer),
		.count = 1,
		.value = 5,
	};
	uint32_t back;

	bad(accel_stream_wait(f->stream, SOON), -ECANCELED, "");
	bad(launch(f, "add", 1, &args, sizeof(args)), -ECANCELED, "");
	bad(accel_stream_flush(f->stream), -ECANCELED, "");
	accel_stream_destroy(f->stream);
	good(accel_stream_create(f->context, NULL, &f->stream));
	good(launch(f, "add", 1, &args, sizeof(args)));
	good(accel_download(f->stream, buffer, 0, &back, 4));
	assert_int_equal(back, 5);
	accel_buffer_destroy(buffer);
}

/* The line of a file that holds a text. */
static uint32_t line_of(const char *path, const char *text)
{
	FILE *file = fopen(path, "r");
	char line[256];
	uint32_t number = 0, found = 0;

	assert_non_null(file);
	while (!found && fgets(line, sizeof(line), file)) {
		number++;
		if (strstr(line, text))
			found = number;
	}
	fclose(file);
	assert_true(found);
	return found;
}

static void test_unmapped_store(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer;
	const struct accel_fault *fault;
	struct poke_args args = { .group = 3 };

	good(accel_buffer_create(f->context, 100,
				 ACCEL_OPTIONS(accel_buffer_options, .name = "target"), &buffer));
	/* The page behind a buffer is nobody's. */
	args.address = accel_buffer_address(buffer) + 4096;
	good(launch(f, "poke", 8, &args, sizeof(args)));
	bad(accel_stream_wait(f->stream, SOON), -ECANCELED, "MMU_UNMAPPED");
	fault = accel_last_error()->fault;
	assert_non_null(fault);
	assert_string_equal(fault->name, "MMU_UNMAPPED");
	assert_string_equal(fault->unit, "hart");
	assert_string_equal(fault->access, "write");
	assert_int_equal(fault->addr, args.address);
	assert_string_equal(fault->kernel, "poke");
	assert_string_equal(fault->function, "poke");
	assert_non_null(strstr(fault->file, "tests/libaccel/kernels/probe.c"));
	assert_int_equal(fault->line, line_of("tests/libaccel/kernels/probe.c",
					      "args->address = args->value"));
	assert_non_null(strstr(accel_last_error()->cause, ", probe.c:"));
	assert_non_null(strstr(accel_last_error()->advice, "arguments"));
	assert_non_null(strstr(accel_last_error()->advice, "new stream"));
	assert_int_equal(fault->group[0], 3);
	assert_int_equal(fault->group[1], 0);
	assert_non_null(strstr(fault->nearby, "3996 bytes behind the end of buffer target of 100 "
			       "bytes"));
	check_recovery(f);
	accel_buffer_destroy(buffer);
}

static void test_unmapped_dma(void **state)
{
	struct fixture *f = *state;
	const struct accel_fault *fault;
	struct load_args args = { .address = 0x7fff00000000 };

	good(launch(f, "load", 1, &args, sizeof(args)));
	bad(accel_stream_wait(f->stream, SOON), -ECANCELED, "MMU_UNMAPPED");
	fault = accel_last_error()->fault;
	assert_string_equal(fault->unit, "DMA unit");
	assert_string_equal(fault->access, "read");
	assert_int_equal(fault->addr, args.address);
	assert_string_equal(fault->kernel, "load");
	check_recovery(f);
}

static void test_write_to_code(void **state)
{
	struct fixture *f = *state;
	const struct accel_fault *fault;
	struct poke_args args = { 0 };

	/* The fault's pc tells where the code is, which is not writable. */
	args.address = 1;
	good(launch(f, "poke", 1, &args, sizeof(args)));
	bad(accel_stream_wait(f->stream, SOON), -ECANCELED, "LOCAL");
	args.address = accel_last_error()->fault->pc & ~(uint64_t)7;
	accel_stream_destroy(f->stream);
	good(accel_stream_create(f->context, NULL, &f->stream));
	good(launch(f, "poke", 1, &args, sizeof(args)));
	bad(accel_stream_wait(f->stream, SOON), -ECANCELED, "MMU_PERMISSION");
	fault = accel_last_error()->fault;
	assert_int_equal(fault->addr, args.address);
	check_recovery(f);
}

static void test_abort(void **state)
{
	struct fixture *f = *state;
	struct give_up_args args = { .code = 0xdeadbeef };
	const struct accel_fault *fault;

	good(launch(f, "give_up", 1, &args, sizeof(args)));
	bad(accel_stream_wait(f->stream, SOON), -ECANCELED, "ABORT");
	fault = accel_last_error()->fault;
	assert_int_equal(fault->value, 0xdeadbeef);
	assert_string_equal(fault->kernel, "give_up");
	assert_string_equal(fault->access, "");
	/* Not the line of egret_abort(), which is inlined there. */
	assert_non_null(strstr(fault->file, "tests/libaccel/kernels/probe.c"));
	assert_int_equal(fault->line, line_of("tests/libaccel/kernels/probe.c",
					      "egret_abort(args->code)"));
	check_recovery(f);
}

static void test_scratch_is_full(void **state)
{
	struct fixture *f = *state;
	struct give_up_args args = { 0 };

	good(launch(f, "too_much_scratch", 1, &args, sizeof(args)));
	bad(accel_stream_wait(f->stream, SOON), -ECANCELED, "ABORT");
	assert_int_equal(accel_last_error()->fault->value, 0x53435241);
	/* Inlined in a function that is inlined. */
	assert_int_equal(accel_last_error()->fault->line,
			 line_of("tests/libaccel/kernels/probe.c", "egret_take(&scratch, EGRET"));
	check_recovery(f);
}

/* Work before the fault is done; work after it is not; others do not notice. */
static void test_fault_is_private(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 16, ACCEL_MEMORY_DEVICE);
	struct give_up_args args = { .code = 1 };
	struct accel_event *before, *after;
	struct accel_stream *other;
	uint32_t back[4];

	good(accel_stream_create(f->context, NULL, &other));
	good(accel_event_create(f->context, NULL, &before));
	good(accel_event_create(f->context, NULL, &after));
	good(accel_fill(f->stream, buffer, 0, 4, 1, 4, 0));
	good(accel_event_record(before, f->stream));
	good(launch(f, "give_up", 1, &args, sizeof(args)));
	good(accel_fill(f->stream, buffer, 4, 4, 2, 4, 0));
	good(accel_event_record(after, f->stream));
	good(accel_fill(other, buffer, 8, 4, 3, 4, 0));
	bad(accel_event_wait(after, SOON), -ECANCELED, "ABORT");
	good(accel_event_wait(before, SOON));
	good(accel_download(other, buffer, 0, back, sizeof(back)));
	assert_int_equal(back[0], 1);
	assert_int_equal(back[1], 0);
	assert_int_equal(back[2], 3);
	accel_event_destroy(before);
	accel_event_destroy(after);
	accel_stream_destroy(other);
	accel_buffer_destroy(buffer);
}

/* Work that is never ready ends with its stream. */
static void test_endless_kernel(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 4, ACCEL_MEMORY_DEVICE);
	struct add_args args_add = { .count = 1 };
	struct spin_args args = { 0 };
	struct accel_event *event;
	struct accel_stream *stream;
	const uint32_t grid[3] = { 1, 1, 1 };

	good(accel_stream_create(f->context, NULL, &stream));
	good(accel_event_create(f->context, NULL, &event));
	good(accel_launch(stream, find_kernel(f->probe, "spin"), grid, &args, sizeof(args), NULL));
	good(accel_event_record(event, stream));
	bad(accel_event_wait(event, ACCEL_NO_WAIT), -ETIMEDOUT, "deadline");
	bad(accel_event_wait(event, -1), -ETIMEDOUT, "deadline");
	bad(accel_stream_wait(stream, accel_deadline(20000000)), -ETIMEDOUT, "deadline");
	/* Others have their turn meanwhile. */
	args_add.in = args_add.out = accel_buffer_address(buffer);
	good(launch(f, "add", 1, &args_add, sizeof(args_add)));
	good(accel_stream_wait(f->stream, SOON));
	accel_stream_destroy(stream);
	bad(accel_event_wait(event, SOON), -ECANCELED, "released");
	accel_event_destroy(event);
	accel_buffer_destroy(buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		device_test(test_module),
		device_test(test_bad_modules),
		device_test(test_load_and_unload),
		device_test(test_relocated_data),
		device_test(test_grid),
		device_test(test_bad_launches),
		device_test(test_each),
		device_test(test_each_elsewhere),
		device_test(test_bad_each),
		device_test(test_profile),
		device_test(test_unmapped_store),
		device_test(test_unmapped_dma),
		device_test(test_write_to_code),
		device_test(test_abort),
		device_test(test_scratch_is_full),
		device_test(test_fault_is_private),
		device_test(test_endless_kernel),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("launch", tests, choose_device, NULL);
}
