// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Two streams, ordered by events: a copy stream brings in the next batch of numbers while a
 * compute stream works on the one before. Two buffers are enough for any number of batches.
 *
 *	copies    batch 0 | batch 1  | batch 2  | ...
 *	compute           | double 0 | double 1 | double 2 ...
 *
 *	cc streams.c -laccel -o streams && accel-cc vecadd_kernel.c && ./streams
 */
#include "check.h"
#include "vecadd.h"

#define BATCHES	8
#define COUNT	50000u
#define BYTES	(COUNT * sizeof(float))

static struct accel_event *make_event(struct accel_context *context, uint32_t flags)
{
	struct accel_event *event;

	check(accel_event_create(context, ACCEL_OPTIONS(accel_event_options, .flags = flags),
				 &event));
	return event;
}

int main(void)
{
	static float numbers[COUNT], doubled[BATCHES][COUNT];
	const uint32_t grid[3] = { VECADD_GROUPS(COUNT), 1, 1 };
	struct accel_device *device;
	struct accel_context *context;
	struct accel_stream *copies, *compute;
	struct accel_module *module;
	const struct accel_kernel *vecadd;
	struct accel_buffer *in[2], *out;
	struct accel_event *filled[2], *used[2], *begin, *end;
	struct accel_elapsed elapsed = { .size = sizeof(elapsed) };

	check(accel_device_open(NULL, &device));
	check(accel_context_create(device, &context));
	check(accel_stream_create(context, NULL, &compute));
	check(accel_stream_create(context, ACCEL_OPTIONS(accel_stream_options,
							 .type = ACCEL_STREAM_COPY), &copies));
	check(accel_module_load_file(context, "./vecadd_kernel.egm", &module));
	check(accel_module_find(module, "vecadd", &vecadd));
	check(accel_buffer_create(context, sizeof(doubled), NULL, &out));
	begin = make_event(context, ACCEL_EVENT_TIMED);
	end = make_event(context, ACCEL_EVENT_TIMED);
	for (int i = 0; i < 2; i++) {
		check(accel_buffer_create(context, BYTES, NULL, &in[i]));
		filled[i] = make_event(context, 0);
		used[i] = make_event(context, 0);
	}

	check(accel_event_record(begin, compute));
	for (int batch = 0; batch < BATCHES; batch++) {
		int half = batch % 2;
		struct vecadd_args args = {
			.a = accel_buffer_address(in[half]),
			.b = accel_buffer_address(in[half]),
			.c = accel_buffer_address(out) + batch * BYTES,
			.count = COUNT,
		};

		for (unsigned int i = 0; i < COUNT; i++)
			numbers[i] = batch + i;
		/* Nobody waits here but the card: a batch for the buffer to be free ... */
		if (batch >= 2)
			check(accel_stream_wait_event(copies, used[half]));
		check(accel_upload(copies, in[half], 0, numbers, BYTES));
		check(accel_event_record(filled[half], copies));
		/* ... and the kernel for the batch. */
		check(accel_stream_wait_event(compute, filled[half]));
		check(accel_launch(compute, vecadd, grid, &args, sizeof(args), NULL));
		check(accel_event_record(used[half], compute));
	}
	check(accel_event_record(end, compute));
	check(accel_download(compute, out, 0, doubled, sizeof(doubled)));

	for (int batch = 0; batch < BATCHES; batch++)
		for (unsigned int i = 0; i < COUNT; i++)
			if (doubled[batch][i] != 2 * (batch + i))
				return fprintf(stderr, "batch %d is wrong\n", batch), 1;
	check(accel_event_elapsed(begin, end, &elapsed));
	printf("%d batches of %u numbers doubled in %lld us of the card's clock\n", BATCHES, COUNT,
	       (long long)elapsed.time_ns / 1000);

	for (int i = 0; i < 2; i++) {
		accel_buffer_destroy(in[i]);
		accel_event_destroy(filled[i]);
		accel_event_destroy(used[i]);
	}
	accel_event_destroy(begin);
	accel_event_destroy(end);
	accel_buffer_destroy(out);
	accel_module_unload(module);
	accel_stream_destroy(copies);
	accel_stream_destroy(compute);
	accel_context_destroy(context);
	accel_device_close(device);
	return 0;
}
