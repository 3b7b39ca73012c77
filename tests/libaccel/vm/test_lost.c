// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * A card that is removed while it works: every object says -ENODEV from then on and can be
 * released, and the card that comes back is a new one. And one that is reset while it works: a
 * stream of which work was lost ends, and nothing behind that runs.
 */
#include "../device.h"
#include "lose.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "../kernels/probe.h"

static const uint32_t one[3] = { 1, 1, 1 };

struct waiter {
	struct accel_stream *stream;
	pthread_t thread;
};

static void *wait_for_loss(void *opaque)
{
	struct waiter *waiter = opaque;

	bad(accel_stream_wait(waiter->stream, SOON), -ENODEV, "gone");
	return NULL;
}

static void test_removed(void **state)
{
	struct accel_device_info info = { .size = sizeof(info) };
	struct accel_memory_info memory = { .size = sizeof(memory) };
	struct pollfd fd = { .events = POLLIN };
	struct spin_args args = { 0 };
	struct accel_device *device;
	struct accel_context *context, *late_context;
	struct accel_stream *stream, *idle, *late_stream;
	struct accel_buffer *buffer, *late_buffer;
	struct accel_module *module, *late_module;
	struct accel_event *event;
	struct accel_graph *graph;
	struct waiter waiter;
	char data[64];
	void *pointer;

	(void)state;
	good(accel_device_open(NULL, &device));
	good(accel_device_get_info(device, &info));
	good(accel_context_create(device, &context));
	good(accel_stream_create(context, NULL, &stream));
	good(accel_stream_create(context, NULL, &idle));
	good(accel_buffer_create(context, 4096, NULL, &buffer));
	good(accel_buffer_map(buffer, &pointer));
	good(accel_module_load_file(context, "probe.egm", &module));
	good(accel_event_create(context, NULL, &event));
	good(accel_graph_create(context, &graph));
	good(accel_graph_record(graph, &late_stream));
	good(accel_fill(late_stream, buffer, 0, 64, 0, 1, 0));
	accel_stream_destroy(late_stream);

	good(accel_launch(stream, find_kernel(module, "spin"), one, &args, sizeof(args), NULL));
	good(accel_event_record(event, stream));
	fd.fd = accel_event_fd(event);
	assert_true(fd.fd >= 0);
	waiter.stream = stream;
	assert_int_equal(pthread_create(&waiter.thread, NULL, wait_for_loss, &waiter), 0);
	usleep(20000);
	remove_card(info.pci_address);
	pthread_join(waiter.thread, NULL);
	assert_int_equal(poll(&fd, 1, 60000), 1);
	close(fd.fd);

	for (int i = 0; i < 2; i++) {
		bad(accel_stream_wait(stream, SOON), -ENODEV, "gone");
		bad(accel_event_wait(event, SOON), -ENODEV, "gone");
		bad(accel_event_fd(event), -ENODEV, "gone");
		bad(accel_download(idle, buffer, 0, data, sizeof(data)), -ENODEV, "gone");
		bad(accel_stream_wait(idle, SOON), -ENODEV, "gone");
		bad(accel_buffer_create(context, 4096, NULL, &late_buffer), -ENODEV, "gone");
		bad(accel_stream_create(context, NULL, &late_stream), -ENODEV, "gone");
		bad(accel_context_create(device, &late_context), -ENODEV, "gone");
		bad(accel_module_load_file(context, "probe.egm", &late_module), -ENODEV, "gone");
		bad(accel_graph_instantiate(graph), -ENODEV, "gone");
		bad(accel_device_get_memory(device, &memory), -ENODEV, "gone");
	}
	/* What is known stays known. */
	good(accel_device_get_info(device, &info));
	/* Mappings do no harm. */
	memset(pointer, 1, 64);
	accel_graph_destroy(graph);
	accel_event_destroy(event);
	accel_module_unload(module);
	accel_buffer_destroy(buffer);
	accel_stream_destroy(idle);
	accel_stream_destroy(stream);
	accel_context_destroy(context);
	accel_device_close(device);

	device = open_again();
	good(accel_context_create(device, &context));
	good(accel_stream_create(context, NULL, &stream));
	good(accel_buffer_create(context, 4096, NULL, &buffer));
	good(accel_fill(stream, buffer, 0, 64, 7, 1, 0));
	good(accel_download(stream, buffer, 0, data, sizeof(data)));
	assert_int_equal(data[63], 7);
	accel_buffer_destroy(buffer);
	accel_stream_destroy(stream);
	accel_context_destroy(context);
	accel_device_close(device);
}

static void test_reset(void **state)
{
	struct accel_device_info info = { .size = sizeof(info) };
	struct spin_args args = { 0 };
	struct accel_device *device;
	struct accel_context *context;
	struct accel_stream *stream, *idle, *next;
	struct accel_buffer *buffer;
	struct accel_module *module;
	struct accel_event *before, *lost;
	char data[64];

	(void)state;
	good(accel_device_open(NULL, &device));
	good(accel_device_get_info(device, &info));
	good(accel_context_create(device, &context));
	good(accel_stream_create(context, NULL, &stream));
	good(accel_stream_create(context, NULL, &idle));
	good(accel_buffer_create(context, 4096, NULL, &buffer));
	good(accel_module_load_file(context, "probe.egm", &module));
	good(accel_event_create(context, NULL, &before));
	good(accel_event_create(context, NULL, &lost));

	good(accel_fill(stream, buffer, 0, 64, 1, 1, 0));
	good(accel_event_record(before, stream));
	good(accel_event_wait(before, SOON));
	good(accel_launch(stream, find_kernel(module, "spin"), one, &args, sizeof(args), NULL));
	good(accel_event_record(lost, stream));
	good(accel_fill(stream, buffer, 0, 64, 2, 1, 0));
	good(accel_stream_flush(stream));
	usleep(50000);
	reset_card(info.pci_address);
	bad(accel_stream_wait(stream, SOON), -ECANCELED, "a reset of the card");
	bad(accel_event_wait(lost, SOON), -ECANCELED, "a reset of the card");
	good(accel_event_wait(before, SOON));
	bad(accel_fill(stream, buffer, 0, 64, 3, 1, 0), -ECANCELED, "a reset of the card");

	/* Who had nothing on the card goes on, and so does who makes a new stream. */
	good(accel_download(idle, buffer, 0, data, sizeof(data)));
	assert_int_equal(data[63], 1);
	good(accel_stream_create(context, NULL, &next));
	good(accel_fill(next, buffer, 0, 64, 4, 1, 0));
	good(accel_download(next, buffer, 0, data, sizeof(data)));
	assert_int_equal(data[63], 4);

	accel_event_destroy(lost);
	accel_event_destroy(before);
	accel_module_unload(module);
	accel_buffer_destroy(buffer);
	accel_stream_destroy(next);
	accel_stream_destroy(idle);
	accel_stream_destroy(stream);
	accel_context_destroy(context);
	accel_device_close(device);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_removed),
		cmocka_unit_test(test_reset),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("lost", tests, choose_device, NULL);
}
