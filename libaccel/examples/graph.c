// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Record work once, replay it often. The graph doubles a vector and adds it to a sum, ten
 * times over: twenty launches, which the host starts with one packet. Between replays, one
 * launch gets other arguments.
 *
 *	cc graph.c -laccel -o graph && accel-cc vecadd_kernel.c && ./graph
 */
#include "check.h"
#include "vecadd.h"

#define COUNT	1000u
#define STEPS	10
#define REPLAYS	3

int main(void)
{
	static float x[COUNT], sum[COUNT];
	const uint32_t grid[3] = { VECADD_GROUPS(COUNT), 1, 1 };
	struct accel_device *device;
	struct accel_context *context;
	struct accel_stream *stream, *recording;
	struct accel_module *module;
	const struct accel_kernel *vecadd;
	struct accel_graph *graph;
	struct accel_buffer *x_buffer, *sum_buffer;
	size_t last = 0;

	check(accel_device_open(NULL, &device));
	check(accel_context_create(device, &context));
	check(accel_stream_create(context, NULL, &stream));
	check(accel_module_load_file(context, "./vecadd_kernel.egm", &module));
	check(accel_module_find(module, "vecadd", &vecadd));
	check(accel_buffer_create(context, sizeof(x), NULL, &x_buffer));
	check(accel_buffer_create(context, sizeof(sum), NULL, &sum_buffer));
	struct vecadd_args twice = {
		.a = accel_buffer_address(x_buffer),
		.b = accel_buffer_address(x_buffer),
		.c = accel_buffer_address(x_buffer),
		.count = COUNT,
	};
	struct vecadd_args add = {
		.a = accel_buffer_address(sum_buffer),
		.b = accel_buffer_address(x_buffer),
		.c = accel_buffer_address(sum_buffer),
		.count = COUNT,
	};

	/* A recording stream takes work as any other does, but does not do it. */
	check(accel_graph_create(context, &graph));
	check(accel_graph_record(graph, &recording));
	for (int i = 0; i < STEPS; i++) {
		check(accel_launch(recording, vecadd, grid, &twice, sizeof(twice), NULL));
		last = accel_graph_launch_count(graph);
		check(accel_launch(recording, vecadd, grid, &add, sizeof(add), NULL));
	}
	accel_stream_destroy(recording);
	check(accel_graph_instantiate(graph));

	for (unsigned int i = 0; i < COUNT; i++)
		x[i] = i % 10;
	check(accel_upload(stream, x_buffer, 0, x, sizeof(x)));
	for (int i = 0; i < REPLAYS - 1; i++)
		check(accel_graph_launch(graph, stream));
	/* In the last replay, the last launch adds to nothing but the first half. */
	add.count = COUNT / 2;
	check(accel_graph_update(graph, last, NULL, &add, sizeof(add)));
	check(accel_graph_launch(graph, stream));
	check(accel_download(stream, sum_buffer, 0, sum, sizeof(sum)));

	/* 2 + 4 + ... + 2^30, where the second half lacks the last. */
	for (unsigned int i = 0; i < COUNT; i++) {
		double doubled = i % 10, expected = 0;

		for (int step = 0; step < STEPS * REPLAYS; step++) {
			doubled *= 2;
			if (i < COUNT / 2 || step < STEPS * REPLAYS - 1)
				expected = (float)(expected + doubled);
		}
		if (sum[i] != (float)expected)
			return fprintf(stderr, "sum %u is %g, not %g\n", i, sum[i], expected), 1;
	}
	printf("%d replays of %zu launches each: the sums are right\n", REPLAYS,
	       accel_graph_launch_count(graph));

	accel_graph_destroy(graph);
	accel_buffer_destroy(x_buffer);
	accel_buffer_destroy(sum_buffer);
	accel_module_unload(module);
	accel_stream_destroy(stream);
	accel_context_destroy(context);
	accel_device_close(device);
	return 0;
}
