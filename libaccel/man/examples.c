// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The examples of the manual pages. libaccel/man/generate puts each part into the pages of
 * the functions that its comment names; the whole is a test, which runs it on a device.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <accel/accel.h>

/* Example of accel_last_error(): Tell of an error, and what to do about it. */
static void check(int ret)
{
	const struct accel_error *error;

	if (ret >= 0)
		return;
	error = accel_last_error();
	fprintf(stderr, "%s\n", error->message);
	if (error->advice[0])
		fprintf(stderr, "hint: %s\n", error->advice);
	if (error->fault)
		fprintf(stderr, "in kernel %s\n", error->fault->kernel);
	exit(1);
}
/* End of the example. */

/* Example of accel_version(): Say which library is in use. */
static void show_version(void)
{
	printf("libaccel %s\n", accel_version());
}
/* End of the example. */

/* Example of accel_set_log(): Give the library's log to the program's own. */
static void log_line(void *opaque, int level, const char *text)
{
	static const char marks[] = "EWID";

	fprintf(opaque, "[%c] %s\n", marks[level], text);
}

static void begin_log(FILE *file)
{
	check(accel_set_log(log_line, file, ACCEL_LOG_INFO));
}
/* End of the example. */

/* Example of accel_device_get_sensors(): Show how warm a card is, and what it takes. */
static void show_sensors(struct accel_device *device)
{
	struct accel_sensors sensors = { .size = sizeof(sensors) };

	check(accel_device_get_sensors(device, &sensors));
	if (sensors.flags & ACCEL_SENSORS_FIRMWARE)
		printf("%.1f degrees, %.1f W\n", sensors.temperature_mc / 1000.0,
		       sensors.power_mw / 1000.0);
	printf("%u MHz\n", sensors.core_clock_khz / 1000);
}
/* End of the example. */

/* Example of accel_device_list_create(), accel_device_list_count(),
 * accel_device_list_get(), accel_device_list_free(): List the cards that can be used. */
static void list_devices(void)
{
	struct accel_device_list *list;
	size_t i;

	check(accel_device_list_create(&list));
	for (i = 0; i < accel_device_list_count(list); i++) {
		const struct accel_device_entry *entry = accel_device_list_get(list, i);

		if (entry->state == ACCEL_DEVICE_READY)
			printf("%s at %s\n", entry->name, entry->pci_address);
	}
	accel_device_list_free(list);
}
/* End of the example. */

/* Example of accel_device_open(), accel_device_get_info(), accel_device_close(): Open
 * the device that the user chose, and say what it is. */
static void show_device(void)
{
	struct accel_device_info info = { .size = sizeof(info) };
	struct accel_device *device;

	check(accel_device_open(NULL, &device));
	check(accel_device_get_info(device, &info));
	printf("%s: %u clusters, %llu MiB\n", info.name, info.clusters,
	       (unsigned long long)info.memory_size >> 20);
	accel_device_close(device);
}
/* End of the example. */

/* Example of accel_device_get_memory(), accel_device_get_counters(): Show how a card is
 * used at present. */
static void show_use(struct accel_device *device)
{
	struct accel_memory_info memory = { .size = sizeof(memory) };
	struct accel_counters counters = { .size = sizeof(counters) };

	check(accel_device_get_memory(device, &memory));
	check(accel_device_get_counters(device, &counters));
	printf("%llu of %llu MiB used, %llu kernels launched\n",
	       (unsigned long long)memory.used >> 20,
	       (unsigned long long)memory.total >> 20,
	       (unsigned long long)counters.dispatches);
}
/* End of the example. */

/* Example of accel_context_create(), accel_context_destroy(), accel_stream_create(),
 * accel_stream_destroy(): Make what every program needs. The context can go first: the
 * stream keeps it. */
static void begin_and_end(struct accel_device *device)
{
	struct accel_context *context;
	struct accel_stream *stream;

	check(accel_context_create(device, &context));
	check(accel_stream_create(context, NULL, &stream));
	/* ... */
	accel_context_destroy(context);
	accel_stream_destroy(stream);
}
/* End of the example. */

/* Example of accel_buffer_create(), accel_buffer_map(), accel_buffer_size(),
 * accel_buffer_destroy(): Make a buffer in the host's memory and fill it without a
 * copy. */
static void make_host_buffer(struct accel_context *context)
{
	struct accel_buffer *buffer;
	void *numbers;

	check(accel_buffer_create(context, 4096,
				  ACCEL_OPTIONS(accel_buffer_options,
						.memory = ACCEL_MEMORY_HOST,
						.name = "numbers"), &buffer));
	check(accel_buffer_map(buffer, &numbers));
	memset(numbers, 1, accel_buffer_size(buffer));
	/* ... */
	accel_buffer_destroy(buffer);
}
/* End of the example. */

/* Example of accel_upload(), accel_download(): Bring numbers to the card, and back. */
static void there_and_back(struct accel_stream *stream, struct accel_buffer *buffer)
{
	float numbers[3] = { 1, 2, 3 };

	check(accel_upload(stream, buffer, 0, numbers, sizeof(numbers)));
	/* ... */
	check(accel_download(stream, buffer, 0, numbers, sizeof(numbers)));
}
/* End of the example. */

/* Example of accel_fill(), accel_copy(), accel_stream_wait(): Fill one half of a buffer
 * with a number, copy it to the other half, and wait for it. */
static void fill_and_copy(struct accel_stream *stream, struct accel_buffer *buffer)
{
	check(accel_fill(stream, buffer, 0, 2048, 42, 4, 0));
	check(accel_copy(stream, buffer, 2048, buffer, 0, 2048, 0));
	check(accel_stream_wait(stream, ACCEL_FOREVER));
}
/* End of the example. */

/* Example of accel_copy_rect(): Copy a tile of 8 x 8 numbers out of a matrix with rows
 * of 32. */
static void copy_tile(struct accel_stream *stream, struct accel_buffer *tile,
		      struct accel_buffer *matrix, unsigned int x, unsigned int y)
{
	check(accel_copy_rect(stream, tile, matrix,
			      ACCEL_OPTIONS(accel_rect, .width = 8 * sizeof(float), .rows = 8,
					    .src_offset = (y * 32 + x) * sizeof(float),
					    .src_pitch = 32 * sizeof(float)), 0));
}
/* End of the example. */

/* Example of accel_transfer(): Move a result from one card to another. */
static void give_to_other(struct accel_stream *here, struct accel_buffer *ours,
			  struct accel_stream *there, struct accel_buffer *theirs)
{
	check(accel_transfer(there, theirs, 0, here, ours, 0, accel_buffer_size(ours)));
}
/* End of the example. */

/* As the kernel has it. */
struct add_args {
	uint64_t in, out;
	uint32_t count, value;
};

/* Example of accel_module_load_file(), accel_module_find(), accel_module_unload(),
 * accel_buffer_address(), accel_launch(), accel_stream_flush(): Add a number to each of
 * 64, with 4 workgroups that do 16 each. */
static void add(struct accel_context *context, struct accel_stream *stream,
		struct accel_buffer *buffer)
{
	const uint32_t grid[3] = { 4, 1, 1 };
	struct add_args args = {
		.in = accel_buffer_address(buffer),
		.out = accel_buffer_address(buffer),
		.count = 16,
		.value = 5,
	};
	const struct accel_kernel *kernel;
	struct accel_module *module;

	check(accel_module_load_file(context, "probe.egm", &module));
	check(accel_module_find(module, "add", &kernel));
	check(accel_launch(stream, kernel, grid, &args, sizeof(args), NULL));
	/* Let it begin while the program does something else. */
	check(accel_stream_flush(stream));
	/* ... */
	check(accel_stream_wait(stream, ACCEL_FOREVER));
	accel_module_unload(module);
}
/* End of the example. */

/* Example of accel_launch_each(): Add another number to each of 4 parts of a buffer. */
static void add_each(struct accel_stream *stream, const struct accel_kernel *kernel,
		     struct accel_buffer *buffer)
{
	const uint32_t grid[3] = { 1, 1, 1 };
	struct add_args args[4];
	unsigned int i;

	for (i = 0; i < 4; i++) {
		args[i].in = args[i].out = accel_buffer_address(buffer) + i * 64;
		args[i].count = 16;
		args[i].value = i;
	}
	check(accel_launch_each(stream, kernel, grid, args, sizeof(args[0]), 4, NULL));
}
/* End of the example. */

/* Example of accel_module_load(), accel_module_kernel_count(), accel_module_kernel(),
 * accel_kernel_name(), accel_kernel_args_size(): Show what is in a module that is part of
 * the program. */
static void show_kernels(struct accel_context *context, const void *image, size_t size)
{
	struct accel_module *module;
	size_t i;

	check(accel_module_load(context, image, size, &module));
	for (i = 0; i < accel_module_kernel_count(module); i++) {
		const struct accel_kernel *kernel = accel_module_kernel(module, i);

		printf("%s takes %zu bytes\n", accel_kernel_name(kernel),
		       accel_kernel_args_size(kernel));
	}
	accel_module_unload(module);
}
/* End of the example. */

/* Example of accel_event_create(), accel_event_record(), accel_stream_wait_event(),
 * accel_event_wait(), accel_deadline(), accel_event_destroy(): Let one stream compute
 * with what another has copied, and give up after a second. */
static void two_streams(struct accel_context *context, struct accel_stream *copies,
			struct accel_stream *compute, struct accel_buffer *buffer)
{
	struct accel_event *event;

	check(accel_event_create(context, NULL, &event));
	check(accel_fill(copies, buffer, 0, 4096, 0, 8, 0));
	check(accel_event_record(event, copies));
	check(accel_stream_wait_event(compute, event));
	/* ... launches on compute ... */
	check(accel_event_record(event, compute));
	check(accel_event_wait(event, accel_deadline(1000000000)));
	accel_event_destroy(event);
}
/* End of the example. */

/* Example of accel_event_fd(): Wait for the card and for standard input at once. */
static int wait_for_either(struct accel_event *event)
{
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };

	fds[0].fd = accel_event_fd(event);
	check(fds[0].fd);
	fds[1].fd = STDIN_FILENO;
	poll(fds, 2, -1);
	close(fds[0].fd);
	/* That it is over does not say how it went. */
	return fds[0].revents ? accel_event_wait(event, ACCEL_NO_WAIT) : 0;
}
/* End of the example. */

/* Example of accel_event_import(): Let a stream wait for work of another process, which
 * sent the descriptor of its accel_event_fd(). */
static void wait_for_other_process(struct accel_context *context, struct accel_stream *stream,
				   int fd)
{
	struct accel_event *event;

	check(accel_event_create(context, NULL, &event));
	check(accel_event_import(event, fd));
	check(accel_stream_wait_event(stream, event));
	accel_event_destroy(event);
	close(fd);
}
/* End of the example. */

/* Example of accel_event_elapsed(): Measure how long a fill takes. */
static void measure(struct accel_stream *stream, struct accel_buffer *buffer,
		    struct accel_event *start, struct accel_event *end)
{
	struct accel_elapsed elapsed = { .size = sizeof(elapsed) };

	/* Both were created with ACCEL_EVENT_TIMED. */
	check(accel_event_record(start, stream));
	check(accel_fill(stream, buffer, 0, 4096, 0, 8, 0));
	check(accel_event_record(end, stream));
	check(accel_event_wait(end, ACCEL_FOREVER));
	check(accel_event_elapsed(start, end, &elapsed));
	printf("%lld ns, %lld modelled cycles\n", (long long)elapsed.time_ns,
	       (long long)elapsed.cycles);
}
/* End of the example. */

/* Example of accel_buffer_export(), accel_buffer_import(): Let two contexts work on one
 * piece of memory. */
static void share(struct accel_context *ours, struct accel_context *theirs)
{
	struct accel_buffer *buffer, *same;
	int fd;

	check(accel_buffer_create(ours, 4096,
				  ACCEL_OPTIONS(accel_buffer_options,
						.flags = ACCEL_BUFFER_SHARED), &buffer));
	fd = accel_buffer_export(buffer);
	check(fd);
	check(accel_buffer_import(theirs, fd, "shared", &same));
	close(fd);
	/* ... */
	accel_buffer_destroy(same);
	accel_buffer_destroy(buffer);
}
/* End of the example. */

/* Example of accel_buffer_wrap(): Let the card work on an array of the program. */
static void work_in_place(struct accel_context *context, struct accel_stream *stream)
{
	static uint32_t numbers[1000];
	struct accel_buffer *buffer;

	check(accel_buffer_wrap(context, numbers, sizeof(numbers), "numbers", &buffer));
	check(accel_fill(stream, buffer, 0, sizeof(numbers), 42, 4, 0));
	check(accel_stream_wait(stream, ACCEL_FOREVER));
	printf("%u\n", numbers[999]);
	accel_buffer_destroy(buffer);
}
/* End of the example. */

/* Example of accel_pool_create(), accel_pool_alloc(), accel_pool_get_info(),
 * accel_pool_trim(), accel_pool_destroy(): Take small buffers, and give memory back when
 * there is much of it without use. */
static void use_pool(struct accel_context *context)
{
	struct accel_pool_info info = { .size = sizeof(info) };
	struct accel_buffer *buffer;
	struct accel_pool *pool;

	check(accel_pool_create(context, NULL, &pool));
	check(accel_pool_alloc(pool, 1000, 0, &buffer));
	/* ... */
	accel_buffer_destroy(buffer);
	check(accel_pool_get_info(pool, &info));
	if (info.total - info.used > 64 << 20)
		check(accel_pool_trim(pool));
	accel_pool_destroy(pool);
}
/* End of the example. */

/* Example of accel_graph_create(), accel_graph_record(), accel_graph_launch_count(),
 * accel_graph_instantiate(), accel_graph_update(), accel_graph_launch(),
 * accel_graph_destroy(): Record a fill and a launch, and replay both with another
 * argument each time. */
static void replay(struct accel_context *context, struct accel_stream *stream,
		   const struct accel_kernel *kernel, struct accel_buffer *buffer)
{
	const uint32_t grid[3] = { 1, 1, 1 };
	struct add_args args = {
		.in = accel_buffer_address(buffer),
		.out = accel_buffer_address(buffer),
		.count = 16,
	};
	struct accel_stream *recording;
	struct accel_graph *graph;
	size_t addition;

	check(accel_graph_create(context, &graph));
	check(accel_graph_record(graph, &recording));
	check(accel_fill(recording, buffer, 0, 64, 1, 4, 0));
	addition = accel_graph_launch_count(graph);
	check(accel_launch(recording, kernel, grid, &args, sizeof(args), NULL));
	accel_stream_destroy(recording);
	check(accel_graph_instantiate(graph));

	for (args.value = 0; args.value < 10; args.value++) {
		check(accel_graph_update(graph, addition, NULL, &args, sizeof(args)));
		check(accel_graph_launch(graph, stream));
	}
	check(accel_stream_wait(stream, ACCEL_FOREVER));
	accel_graph_destroy(graph);
}
/* End of the example. */

/* Example of accel_profile_create(), accel_profile_read(), accel_profile_destroy(): See
 * what a launch did. */
static void profile(struct accel_context *context, struct accel_stream *stream,
		    const struct accel_kernel *kernel, const struct add_args *args)
{
	struct accel_profile_data data = { .size = sizeof(data) };
	const uint32_t grid[3] = { 4, 1, 1 };
	struct accel_profile *record;

	check(accel_profile_create(context, &record));
	check(accel_launch(stream, kernel, grid, args, sizeof(*args),
			   ACCEL_OPTIONS(accel_launch_options, .profile = record)));
	check(accel_stream_wait(stream, ACCEL_FOREVER));
	check(accel_profile_read(record, &data));
	printf("%llu modelled cycles\n", (unsigned long long)data.cycles);
	accel_profile_destroy(record);
}
/* End of the example. */

/* Example of accel_trace_create(), accel_trace_stop(), accel_trace_write(),
 * accel_trace_destroy(): Write a file that ui.perfetto.dev shows. */
static void trace_to_file(struct accel_context *context, struct accel_stream *stream,
			  FILE *file)
{
	struct accel_trace *trace;

	check(accel_trace_create(context, NULL, &trace));
	/* ... launches, copies ... */
	check(accel_trace_stop(trace));
	check(accel_stream_wait(stream, ACCEL_FOREVER));
	check(accel_trace_write(trace, fileno(file)));
	accel_trace_destroy(trace);
}
/* End of the example. */

/* Example of accel_trace_count(), accel_trace_get(), accel_trace_get_profile(): Print
 * the kernels of a trace, with their share of the matrix engine's time. */
static void print_trace(struct accel_trace *trace)
{
	struct accel_trace_record record = { .size = sizeof(record) };
	struct accel_profile_data data = { .size = sizeof(data) };
	size_t i;

	for (i = 0; i < accel_trace_count(trace); i++) {
		check(accel_trace_get(trace, i, &record));
		if (record.kind != ACCEL_TRACE_LAUNCH)
			continue;
		check(accel_trace_get_profile(trace, i, &data));
		printf("%s: %llu modelled cycles, %llu MACs\n", record.name,
		       (unsigned long long)data.cycles, (unsigned long long)data.macs);
	}
}
/* End of the example. */

/* ---- Everything together ---- */

struct objects {
	struct accel_device *device;
	struct accel_context *context, *other;
	struct accel_stream *stream, *second, *there;
	struct accel_buffer *buffer, *matrix, *theirs;
	struct accel_module *module;
	const struct accel_kernel *kernel;
};

static struct accel_buffer *make_buffer(struct accel_context *context)
{
	struct accel_buffer *buffer;

	check(accel_buffer_create(context, 4096, NULL, &buffer));
	return buffer;
}

static void make_objects(struct objects *o)
{
	check(accel_device_open(NULL, &o->device));
	check(accel_context_create(o->device, &o->context));
	check(accel_context_create(o->device, &o->other));
	check(accel_stream_create(o->context, NULL, &o->stream));
	check(accel_stream_create(o->context, NULL, &o->second));
	check(accel_stream_create(o->other, NULL, &o->there));
	o->buffer = make_buffer(o->context);
	o->matrix = make_buffer(o->context);
	o->theirs = make_buffer(o->other);
	check(accel_module_load_file(o->context, "probe.egm", &o->module));
	check(accel_module_find(o->module, "add", &o->kernel));
}

static void free_objects(struct objects *o)
{
	accel_module_unload(o->module);
	accel_buffer_destroy(o->buffer);
	accel_buffer_destroy(o->matrix);
	accel_buffer_destroy(o->theirs);
	accel_stream_destroy(o->stream);
	accel_stream_destroy(o->second);
	accel_stream_destroy(o->there);
	accel_context_destroy(o->context);
	accel_context_destroy(o->other);
	accel_device_close(o->device);
}

static void use_file(const char *path, struct accel_context *context)
{
	static char image[1 << 20];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file) {
		perror(path);
		exit(1);
	}
	size = fread(image, 1, sizeof(image), file);
	fclose(file);
	show_kernels(context, image, size);
}

static void use_buffers(struct objects *o)
{
	share(o->context, o->other);
	work_in_place(o->context, o->stream);
	use_pool(o->context);
	make_host_buffer(o->context);
	there_and_back(o->stream, o->buffer);
	fill_and_copy(o->stream, o->buffer);
	copy_tile(o->stream, o->buffer, o->matrix, 8, 16);
	give_to_other(o->stream, o->buffer, o->there, o->theirs);
}

static void use_kernels(struct objects *o)
{
	struct add_args args = {
		.in = accel_buffer_address(o->buffer),
		.out = accel_buffer_address(o->buffer),
		.count = 16,
	};
	struct accel_trace *trace;
	FILE *file = tmpfile();

	if (!file)
		exit(1);
	add(o->context, o->stream, o->buffer);
	add_each(o->stream, o->kernel, o->buffer);
	use_file("build/tests/libaccel/kernels/probe.egm", o->context);
	replay(o->context, o->stream, o->kernel, o->buffer);
	profile(o->context, o->stream, o->kernel, &args);
	check(accel_trace_create(o->context, NULL, &trace));
	add(o->context, o->stream, o->buffer);
	print_trace(trace);
	accel_trace_destroy(trace);
	trace_to_file(o->context, o->stream, file);
	fclose(file);
}

static struct accel_event *timed_event(struct accel_context *context)
{
	struct accel_event *event;

	check(accel_event_create(context, ACCEL_OPTIONS(accel_event_options,
							.flags = ACCEL_EVENT_TIMED), &event));
	return event;
}

static void use_events(struct objects *o)
{
	struct accel_event *event, *start = timed_event(o->context), *end = timed_event(o->context);

	measure(o->stream, o->buffer, start, end);
	wait_for_other_process(o->other, o->there, accel_event_fd(end));
	accel_event_destroy(start);
	accel_event_destroy(end);

	two_streams(o->context, o->second, o->stream, o->buffer);
	check(accel_event_create(o->context, NULL, &event));
	check(accel_event_record(event, o->stream));
	check(wait_for_either(event));
	accel_event_destroy(event);
}

int main(void)
{
	struct objects o;

	setenv("ACCEL_KERNEL_PATH", "build/libaccel/kernels:build/tests/libaccel/kernels", 0);
	if (!getenv("EGRET_VM"))
		setenv("ACCEL_DEVICE", "sim", 0);
	begin_log(stdout);
	show_version();
	list_devices();
	show_device();
	make_objects(&o);
	show_use(o.device);
	show_sensors(o.device);
	begin_and_end(o.device);
	use_buffers(&o);
	use_kernels(&o);
	use_events(&o);
	free_objects(&o);
	puts("ok 1 - examples of the manual pages\n1..1");
	return 0;
}
