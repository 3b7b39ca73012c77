// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Streams: copies, order, events, and many at once. */
#include "device.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "kernels/probe.h"

static unsigned char *pattern(size_t size, unsigned int seed)
{
	unsigned char *data = malloc(size);
	size_t i;

	for (i = 0; i < size; i++)
		data[i] = rand_r(&seed);
	return data;
}

/* ---- Copies ---- */

static void test_upload_download(void **state)
{
	/* Around the sizes of pieces and of the ring. */
	static const size_t sizes[] = {
		1, 63, 64, 4096, 262143, 262144, 262145, 1 << 20, (1 << 20) + 1, 3000001,
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned char *data = pattern(sizes[i], i), *back = malloc(sizes[i]);
		struct accel_buffer *buffer = make_buffer(f, sizes[i] + 7, ACCEL_MEMORY_DEVICE);

		good(accel_upload(f->stream, buffer, 7, data, sizes[i]));
		good(accel_download(f->stream, buffer, 7, back, sizes[i]));
		assert_memory_equal(data, back, sizes[i]);
		accel_buffer_destroy(buffer);
		free(data);
		free(back);
	}
}

static void test_copies_between_memories(void **state)
{
	struct fixture *f = *state;
	const size_t size = 100001;
	unsigned char *data = pattern(size, 3), *back = malloc(size);
	struct accel_buffer *buffers[4];
	int i;

	for (i = 0; i < 4; i++)
		buffers[i] = make_buffer(f, size + 64, i % 2 ? ACCEL_MEMORY_HOST :
							       ACCEL_MEMORY_DEVICE);
	/* device to host to device to host, at offsets of their own */
	good(accel_upload(f->stream, buffers[0], 0, data, size));
	for (i = 1; i < 4; i++)
		good(accel_copy(f->stream, buffers[i], i, buffers[i - 1], i - 1, size, 0));
	good(accel_download(f->stream, buffers[3], 3, back, size));
	assert_memory_equal(data, back, size);
	for (i = 0; i < 4; i++)
		accel_buffer_destroy(buffers[i]);
	free(data);
	free(back);
}

static void test_copy_within_a_buffer(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 200, ACCEL_MEMORY_DEVICE);
	unsigned char *data = pattern(100, 4), back[100];

	good(accel_upload(f->stream, buffer, 0, data, 100));
	good(accel_copy(f->stream, buffer, 100, buffer, 0, 100, 0));
	good(accel_download(f->stream, buffer, 100, back, 100));
	assert_memory_equal(data, back, 100);
	bad(accel_copy(f->stream, buffer, 99, buffer, 0, 100, 0), -EINVAL, "overlap");
	bad(accel_copy(f->stream, buffer, 0, buffer, 0, 1, 0), -EINVAL, "overlap");
	accel_buffer_destroy(buffer);
	free(data);
}

static void test_fill(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 64, ACCEL_MEMORY_DEVICE);
	unsigned char back[64];

	good(accel_fill(f->stream, buffer, 0, 64, 0x1111111111111111, 8, 0));
	good(accel_fill(f->stream, buffer, 8, 4, 0xffffffffa1b2c3d4, 4, 0));
	good(accel_fill(f->stream, buffer, 16, 3, 0x22, 1, 0));
	good(accel_fill(f->stream, buffer, 20, 0, 0x33, 1, 0));
	good(accel_fill(f->stream, buffer, 32, 4, 0x4455, 2, 0));
	good(accel_download(f->stream, buffer, 0, back, 64));
	assert_memory_equal(back, "\x11\x11\x11\x11\x11\x11\x11\x11\xd4\xc3\xb2\xa1\x11\x11\x11\x11"
			    "\x22\x22\x22\x11\x11", 21);
	assert_memory_equal(back + 32, "\x55\x44\x55\x44\x11", 5);
	bad(accel_fill(f->stream, buffer, 0, 64, 0, 3, 0), -EINVAL, "pattern of 3");
	bad(accel_fill(f->stream, buffer, 2, 4, 0, 4, 0), -EINVAL, "multiple");
	bad(accel_fill(f->stream, buffer, 0, 6, 0, 4, 0), -EINVAL, "multiple");
	accel_buffer_destroy(buffer);
}

/* Against a copy by the host, over random shapes. */
static void test_copy_rect(void **state)
{
	enum { SIZE = 20000 };
	struct fixture *f = *state;
	struct accel_buffer *to = make_buffer(f, SIZE, ACCEL_MEMORY_DEVICE);
	struct accel_buffer *from = make_buffer(f, SIZE, ACCEL_MEMORY_HOST);
	unsigned char *data = pattern(SIZE, 8), *expected = malloc(SIZE), *back = malloc(SIZE);
	unsigned int seed = 5;

	good(accel_upload(f->stream, from, 0, data, SIZE));
	for (int i = 0; i < 60; i++) {
		struct accel_rect rect = {
			.size = sizeof(rect),
			.width = rand_r(&seed) % 40 + 1,
			.rows = rand_r(&seed) % 6,
			.slices = rand_r(&seed) % 5,
			.dst_offset = rand_r(&seed) % 100,
			.src_offset = rand_r(&seed) % 100,
		};
		size_t rows = rect.rows ? rect.rows : 1, slices = rect.slices ? rect.slices : 1;
		size_t dst_pitch = rect.width, src_pitch = rect.width, dst_slice, src_slice;

		/* Every other time a pitch is left out. */
		if (rand_r(&seed) % 2)
			dst_pitch = rect.dst_pitch = rect.width + rand_r(&seed) % 50;
		if (rand_r(&seed) % 2)
			src_pitch = rect.src_pitch = rect.width + rand_r(&seed) % 50;
		dst_slice = rows * dst_pitch;
		src_slice = rows * src_pitch;
		if (rand_r(&seed) % 2)
			dst_slice = rect.dst_slice_pitch = dst_slice + rand_r(&seed) % 500;
		if (rand_r(&seed) % 2)
			src_slice = rect.src_slice_pitch = src_slice + rand_r(&seed) % 500;
		memset(expected, i, SIZE);
		for (size_t z = 0; z < slices; z++)
			for (size_t y = 0; y < rows; y++)
				memcpy(expected + rect.dst_offset + z * dst_slice + y * dst_pitch,
				       data + rect.src_offset + z * src_slice + y * src_pitch,
				       rect.width);
		good(accel_fill(f->stream, to, 0, SIZE, i, 1, 0));
		good(accel_copy_rect(f->stream, to, from, &rect, 0));
		good(accel_download(f->stream, to, 0, back, SIZE));
		assert_memory_equal(back, expected, SIZE);
	}
	accel_buffer_destroy(to);
	accel_buffer_destroy(from);
	free(data);
	free(expected);
	free(back);
}

static void test_bad_rects(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *b = make_buffer(f, 100, ACCEL_MEMORY_DEVICE);
	struct accel_buffer *a = make_buffer(f, 100, ACCEL_MEMORY_DEVICE);
	struct accel_rect r = { .size = sizeof(r), .width = 10, .rows = 10 };

	good(accel_copy_rect(f->stream, a, b, &r, 0));
	r.dst_offset = 1;
	bad(accel_copy_rect(f->stream, a, b, &r, 0), -EINVAL, "beyond");
	r.dst_offset = 0;
	r.src_pitch = 11;
	bad(accel_copy_rect(f->stream, a, b, &r, 0), -EINVAL, "beyond");
	r.src_pitch = 9;
	bad(accel_copy_rect(f->stream, a, b, &r, 0), -EINVAL, "overlap");
	r.src_pitch = SIZE_MAX;
	bad(accel_copy_rect(f->stream, a, b, &r, 0), -EINVAL, "beyond");
	r.src_pitch = 0;
	r.rows = 2;
	r.slices = 3;
	r.src_slice_pitch = 19;
	bad(accel_copy_rect(f->stream, a, b, &r, 0), -EINVAL, "slices overlap");
	r.src_slice_pitch = SIZE_MAX / 2 + 1;
	bad(accel_copy_rect(f->stream, a, b, &r, 0), -EINVAL, "beyond");
	r.src_slice_pitch = 0;
	r.width = 0;
	bad(accel_copy_rect(f->stream, a, b, &r, 0), -EINVAL, "not possible");
	r.width = (size_t)1 << 32;
	bad(accel_copy_rect(f->stream, a, b, &r, 0), -EINVAL, "not possible");
	r.width = 1;
	bad(accel_copy_rect(f->stream, a, b, &r, 2), -EINVAL, "flags");
	bad(accel_copy_rect(f->stream, a, b, NULL, 0), -EINVAL, "NULL");
	bad(accel_copy_rect(f->stream, NULL, b, &r, 0), -EINVAL, "NULL");
	bad(accel_copy_rect(NULL, a, b, &r, 0), -EINVAL, "NULL");
	accel_buffer_destroy(a);
	accel_buffer_destroy(b);
}

/* Between contexts, through the host; in one, by the card. */
static void test_transfer(void **state)
{
	static const size_t sizes[] = { 1, 4096, 262145, 3000001 };
	struct fixture *f = *state;
	struct accel_context *other;
	struct accel_stream *there, *second;

	good(accel_context_create(f->device, &other));
	good(accel_stream_create(other, NULL, &there));
	good(accel_stream_create(f->context, NULL, &second));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = sizes[i];
		unsigned char *data = pattern(n, i), *back = malloc(n);
		struct accel_buffer *ours = make_buffer(f, n + 3, ACCEL_MEMORY_DEVICE);
		struct accel_buffer *ours_too = make_buffer(f, n, ACCEL_MEMORY_HOST);
		struct accel_buffer *theirs;

		good(accel_buffer_create(other, n + 9, NULL, &theirs));
		good(accel_upload(f->stream, ours, 3, data, n));
		good(accel_transfer(there, theirs, 9, f->stream, ours, 3, n));
		/* The data have been taken. */
		good(accel_fill(f->stream, ours, 0, n, 0, 1, 0));
		good(accel_transfer(f->stream, ours_too, 0, there, theirs, 9, n));
		good(accel_transfer(second, ours, 0, f->stream, ours_too, 0, n));
		good(accel_download(second, ours, 0, back, n));
		assert_memory_equal(data, back, n);
		bad(accel_transfer(there, theirs, 10, f->stream, ours, 0, n), -EINVAL, "beyond");
		bad(accel_transfer(there, ours, 0, f->stream, ours, 0, n), -EINVAL,
		    "another context");
		accel_buffer_destroy(ours);
		accel_buffer_destroy(ours_too);
		accel_buffer_destroy(theirs);
		free(data);
		free(back);
	}
	bad(accel_transfer(NULL, NULL, 0, f->stream, NULL, 0, 0), -EINVAL, "NULL");
	bad(accel_transfer(there, NULL, 0, f->stream, NULL, 0, 0), -EINVAL, "NULL");
	accel_stream_destroy(there);
	accel_stream_destroy(second);
	accel_context_destroy(other);
}

/* Between two devices; where there is only one, it is opened twice. */
static void test_transfer_between_devices(void **state)
{
	struct fixture *f = *state;
	const size_t size = 600000;
	unsigned char *data = pattern(size, 1), *back = malloc(size);
	struct accel_buffer *ours = make_buffer(f, size, ACCEL_MEMORY_DEVICE), *theirs;
	struct accel_device *device;
	struct accel_context *context;
	struct accel_stream *stream;

	good(accel_device_open(NULL, &device));
	good(accel_context_create(device, &context));
	good(accel_stream_create(context, NULL, &stream));
	good(accel_buffer_create(context, size, NULL, &theirs));
	good(accel_upload(f->stream, ours, 0, data, size));
	good(accel_transfer(stream, theirs, 0, f->stream, ours, 0, size));
	good(accel_download(stream, theirs, 0, back, size));
	assert_memory_equal(data, back, size);
	accel_buffer_destroy(theirs);
	accel_stream_destroy(stream);
	accel_context_destroy(context);
	accel_device_close(device);
	accel_buffer_destroy(ours);
	free(data);
	free(back);
}

/* ---- Downloads in the middle of others' work ---- */

struct downloader {
	struct accel_stream *stream;
	struct accel_buffer *buffer;
	const unsigned char *expected;
	size_t size;
	pthread_t thread;
};

static void *download_often(void *opaque)
{
	struct downloader *d = opaque;
	unsigned char *back = malloc(d->size);

	for (int i = 0; i < 10; i++) {
		memset(back, 0, d->size);
		good(accel_download(d->stream, d->buffer, 0, back, d->size));
		assert_memory_equal(back, d->expected, d->size);
	}
	free(back);
	return NULL;
}

/* More threads than the data ring has pieces: they wait for each other's pins. */
static void test_downloads_share_a_stream(void **state)
{
	enum { THREADS = 6 };
	struct fixture *f = *state;
	const size_t size = 1500000;
	unsigned char *data = pattern(size, 9);
	struct accel_buffer *buffer = make_buffer(f, size, ACCEL_MEMORY_DEVICE);
	struct downloader all[THREADS];

	good(accel_upload(f->stream, buffer, 0, data, size));
	for (int i = 0; i < THREADS; i++) {
		all[i] = (struct downloader){ .stream = f->stream, .buffer = buffer, .expected = data,
					      .size = size };
		assert_int_equal(pthread_create(&all[i].thread, NULL, download_often, &all[i]), 0);
	}
	/* Uploads want the same ring. */
	for (int i = 0; i < 10; i++)
		good(accel_upload(f->stream, buffer, 0, data, size));
	for (int i = 0; i < THREADS; i++)
		pthread_join(all[i].thread, NULL);
	accel_buffer_destroy(buffer);
	free(data);
}

/* A download that waits for endless work leaves the stream to others. */
static void *download_and_fail(void *opaque)
{
	struct downloader *d = opaque;
	uint64_t back;

	bad(accel_download(d->stream, d->buffer, 0, &back, sizeof(back)), -ECANCELED,
	    "released");
	return NULL;
}

static void test_download_leaves_the_lock(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 64, ACCEL_MEMORY_DEVICE);
	struct downloader d = { .stream = f->stream, .buffer = buffer };
	struct spin_args args = { 0 };
	struct accel_event *event;

	/* The event keeps the stream's object for the thread. */
	good(accel_event_create(f->context, NULL, &event));
	good(launch(f, "spin", 1, &args, sizeof(args)));
	good(accel_event_record(event, f->stream));
	assert_int_equal(pthread_create(&d.thread, NULL, download_and_fail, &d), 0);
	/* Let it wait; if it has not begun by then, the test is easier than it should be. */
	usleep(50000);
	good(accel_fill(f->stream, buffer, 0, 64, 0, 8, 0));
	good(accel_stream_flush(f->stream));
	bad(accel_stream_wait(f->stream, ACCEL_NO_WAIT), -ETIMEDOUT, "deadline");
	accel_stream_destroy(f->stream);
	pthread_join(d.thread, NULL);
	good(accel_stream_create(f->context, NULL, &f->stream));
	accel_event_destroy(event);
	accel_buffer_destroy(buffer);
}

static void test_bad_ranges(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 100, ACCEL_MEMORY_DEVICE);
	struct accel_context *other;
	struct accel_buffer *foreign;
	char data[200];

	bad(accel_upload(f->stream, buffer, 0, data, 101), -EINVAL, "beyond");
	bad(accel_upload(f->stream, buffer, 101, data, 0), -EINVAL, "beyond");
	bad(accel_upload(f->stream, buffer, SIZE_MAX, data, 2), -EINVAL, "beyond");
	bad(accel_download(f->stream, buffer, 1, data, 100), -EINVAL, "beyond");
	bad(accel_upload(f->stream, buffer, 0, NULL, 1), -EINVAL, "NULL");
	bad(accel_upload(f->stream, NULL, 0, data, 1), -EINVAL, "NULL");
	bad(accel_upload(NULL, buffer, 0, data, 1), -EINVAL, "NULL");
	bad(accel_copy(f->stream, buffer, 0, buffer, 50, 10, 2), -EINVAL, "flags");
	good(accel_upload(f->stream, buffer, 100, NULL, 0));
	good(accel_context_create(f->device, &other));
	good(accel_buffer_create(other, 100, NULL, &foreign));
	bad(accel_copy(f->stream, buffer, 0, foreign, 0, 10, 0), -EINVAL, "another context");
	accel_buffer_destroy(foreign);
	accel_context_destroy(other);
	accel_buffer_destroy(buffer);
}

static void test_copy_stream(void **state)
{
	struct fixture *f = *state;
	const uint32_t grid[3] = { 1, 1, 1 };
	struct spin_args args = { 0 };
	struct accel_buffer *buffer = make_buffer(f, 4096, ACCEL_MEMORY_DEVICE);
	struct accel_stream *stream;
	uint64_t back;

	good(accel_stream_create(f->context, ACCEL_OPTIONS(accel_stream_options,
				 .type = ACCEL_STREAM_COPY, .priority = ACCEL_PRIORITY_LOW),
				 &stream));
	good(accel_fill(stream, buffer, 0, 4096, 0x123456789abcdef0, 8, 0));
	good(accel_download(stream, buffer, 4088, &back, 8));
	assert_int_equal(back, 0x123456789abcdef0);
	bad(accel_launch(stream, find_kernel(f->probe, "spin"), grid, &args, sizeof(args), NULL),
	    -EINVAL, "copies only");
	accel_stream_destroy(stream);
	accel_buffer_destroy(buffer);
}

static void test_bad_streams(void **state)
{
	struct fixture *f = *state;
	struct accel_stream_options options = { .size = sizeof(options), .type = 2 };
	struct accel_stream *stream;

	bad(accel_stream_create(f->context, &options, &stream), -EINVAL, "type");
	options.type = 0;
	options.priority = 5;
	bad(accel_stream_create(f->context, &options, &stream), -EINVAL, "priority");
	bad(accel_stream_create(NULL, NULL, &stream), -EINVAL, "NULL");
	bad(accel_stream_wait(NULL, SOON), -EINVAL, "NULL");
	accel_stream_destroy(NULL);
}

/* ---- Order ---- */

/* Each addition reads what the one before wrote. */
static void test_order(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 64, ACCEL_MEMORY_DEVICE);
	struct add_args args = {
		.in = accel_buffer_address(buffer),
		.out = accel_buffer_address(buffer),
		.count = 16,
		.value = 1,
	};
	uint32_t back[16];

	/* More than a batch, and more than the ring of packets. */
	for (int i = 0; i < 1500; i++)
		good(launch(f, "add", 1, &args, sizeof(args)));
	good(accel_download(f->stream, buffer, 0, back, sizeof(back)));
	for (int i = 0; i < 16; i++)
		assert_int_equal(back[i], 1500);
	accel_buffer_destroy(buffer);
}

/* Large arguments fill the ring of data before that of packets. */
static void test_data_ring_wraps(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 4000 * 4, ACCEL_MEMORY_DEVICE);
	static struct sum_args args;
	static uint32_t back[1000];

	for (uint32_t i = 0; i < 1000; i++) {
		args.out = accel_buffer_address(buffer) + 4 * i;
		args.words[i % SUM_WORDS] = i;
		args.words[(i + 1) % SUM_WORDS] = 1;
		args.words[(i + SUM_WORDS - 1) % SUM_WORDS] = 0;
		good(launch(f, "sum", 1, &args, sizeof(args)));
	}
	good(accel_download(f->stream, buffer, 0, back, sizeof(back)));
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(back[i], i + 1);
	accel_buffer_destroy(buffer);
}

static void test_flush_starts_work(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 8, ACCEL_MEMORY_HOST);
	uint64_t *word;
	void *pointer;
	int64_t until = SOON;

	good(accel_buffer_map(buffer, &pointer));
	word = pointer;
	good(accel_fill(f->stream, buffer, 0, 8, 42, 8, 0));
	good(accel_stream_flush(f->stream));
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != 42 && accel_deadline(0) < until)
		usleep(100);
	assert_int_equal(*word, 42);
	accel_buffer_destroy(buffer);
}

static void test_wait_on_nothing(void **state)
{
	struct fixture *f = *state;

	good(accel_stream_wait(f->stream, ACCEL_NO_WAIT));
	good(accel_stream_flush(f->stream));
	good(accel_stream_wait(f->stream, ACCEL_FOREVER));
}

/* ---- Events ---- */

static void test_event(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 4096, ACCEL_MEMORY_DEVICE);
	struct accel_event *event;
	struct pollfd poll_fd = { .events = POLLIN };

	good(accel_event_create(f->context, NULL, &event));
	bad(accel_event_wait(event, SOON), -EINVAL, "not been recorded");
	bad(accel_event_fd(event), -EINVAL, "not been recorded");
	bad(accel_stream_wait_event(f->stream, event), -EINVAL, "not been recorded");
	good(accel_fill(f->stream, buffer, 0, 4096, 0, 8, 0));
	good(accel_event_record(event, f->stream));
	poll_fd.fd = accel_event_fd(event);
	assert_true(poll_fd.fd >= 0);
	good(accel_event_wait(event, SOON));
	assert_int_equal(poll(&poll_fd, 1, 60000), 1);
	close(poll_fd.fd);
	/* Over: at once, and always. */
	good(accel_event_wait(event, ACCEL_NO_WAIT));
	good(accel_event_wait(event, ACCEL_NO_WAIT));
	poll_fd.fd = accel_event_fd(event);
	assert_true(poll_fd.fd >= 0);
	assert_int_equal(poll(&poll_fd, 1, 0), 1);
	close(poll_fd.fd);
	accel_event_destroy(event);
	accel_event_destroy(NULL);
	accel_buffer_destroy(buffer);
}

/* A chain through two streams, which without the events would race. */
static void test_streams_wait_for_each_other(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 1 << 20, ACCEL_MEMORY_DEVICE);
	struct accel_stream *streams[2] = { f->stream };
	struct accel_event *event;
	uint32_t value;

	good(accel_stream_create(f->context, NULL, &streams[1]));
	good(accel_event_create(f->context, NULL, &event));
	for (uint32_t i = 0; i < 20; i++) {
		struct accel_stream *stream = streams[i % 2];

		if (i)
			good(accel_stream_wait_event(stream, event));
		/* Half of the buffer holds the number of the round before. */
		good(accel_copy(stream, buffer, (i + 1) % 2 << 19, buffer, i % 2 << 19, 1 << 19,
				0));
		good(accel_fill(stream, buffer, (i + 1) % 2 << 19, 4, i, 4, 0));
		good(accel_event_record(event, stream));
	}
	good(accel_event_wait(event, SOON));
	good(accel_download(streams[0], buffer, 0, &value, 4));
	assert_int_equal(value, 19);
	good(accel_download(streams[0], buffer, 1 << 19, &value, 4));
	assert_int_equal(value, 18);
	accel_event_destroy(event);
	accel_stream_destroy(streams[1]);
	accel_buffer_destroy(buffer);
}

static void test_event_outlives_its_stream(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 64, ACCEL_MEMORY_DEVICE);
	struct accel_stream *stream;
	struct accel_event *event;

	good(accel_stream_create(f->context, NULL, &stream));
	good(accel_event_create(f->context, NULL, &event));
	good(accel_fill(stream, buffer, 0, 64, 0, 8, 0));
	good(accel_event_record(event, stream));
	good(accel_event_wait(event, SOON));
	accel_stream_destroy(stream);
	good(accel_event_wait(event, SOON));
	accel_event_destroy(event);
	accel_buffer_destroy(buffer);
}

/* A wait is kept, and ends, when event and stream are gone before it begins. */
static void test_wait_outlives_event_and_stream(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 64, ACCEL_MEMORY_DEVICE);
	struct accel_stream *others[10];
	struct accel_event *event;

	for (int i = 0; i < 10; i++) {
		good(accel_stream_create(f->context, NULL, &others[i]));
		good(accel_event_create(f->context, NULL, &event));
		good(accel_fill(others[i], buffer, 0, 64, i, 8, 0));
		good(accel_event_record(event, others[i]));
		good(accel_stream_wait_event(f->stream, event));
		good(accel_stream_wait_event(f->stream, event));
		accel_event_destroy(event);
	}
	for (int i = 0; i < 10; i++)
		accel_stream_destroy(others[i]);
	good(accel_fill(f->stream, buffer, 0, 64, 7, 8, 0));
	good(accel_stream_wait(f->stream, SOON));
	accel_buffer_destroy(buffer);
}

/* Released before their waits begin: nothing may be left. */
static void test_streams_that_wait_for_each_other_go(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 1 << 22, ACCEL_MEMORY_DEVICE);
	struct accel_stream *streams[2];
	struct accel_event *events[2];
	int i;

	for (i = 0; i < 2; i++) {
		good(accel_stream_create(f->context, NULL, &streams[i]));
		good(accel_event_create(f->context, NULL, &events[i]));
		good(accel_fill(streams[i], buffer, i << 21, 1 << 21, i, 8, 0));
		good(accel_event_record(events[i], streams[i]));
	}
	for (i = 0; i < 2; i++)
		good(accel_stream_wait_event(streams[i], events[!i]));
	for (i = 0; i < 2; i++) {
		accel_stream_destroy(streams[i]);
		accel_event_destroy(events[i]);
	}
	accel_buffer_destroy(buffer);
}

/* ---- Threads ---- */

#define THREADS	4
#define ROUNDS	50

struct worker {
	pthread_t thread;
	struct fixture *f;
	struct accel_stream *stream;
	uint32_t number;
	int ret;
};

/* Each has a part of its own of one buffer, and counts in it. */
static void *work(void *opaque)
{
	struct worker *w = opaque;
	const uint32_t grid[3] = { 1, 1, 1 };
	struct accel_buffer *buffer;
	struct add_args args = { .count = 8, .value = w->number };
	uint32_t back[8];

	w->ret = accel_buffer_create(w->f->context, 32, NULL, &buffer);
	if (w->ret)
		return NULL;
	args.in = args.out = accel_buffer_address(buffer);
	for (int i = 0; !w->ret && i < ROUNDS; i++)
		w->ret = accel_launch(w->stream, find_kernel(w->f->probe, "add"), grid, &args,
				      sizeof(args), NULL);
	if (w->ret == 0)
		w->ret = accel_download(w->stream, buffer, 0, back, sizeof(back));
	for (int i = 0; !w->ret && i < 8; i++)
		if (back[i] != ROUNDS * w->number)
			w->ret = 1;
	accel_buffer_destroy(buffer);
	return NULL;
}

static void run_workers(struct fixture *f, bool one_stream)
{
	struct worker workers[THREADS];

	for (uint32_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .f = f, .stream = f->stream, .number = i + 1 };
		if (!one_stream)
			good(accel_stream_create(f->context, NULL, &workers[i].stream));
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		assert_int_equal(workers[i].ret, 0);
		if (!one_stream)
			accel_stream_destroy(workers[i].stream);
	}
}

static void test_threads_with_streams(void **state)
{
	run_workers(*state, false);
}

static void test_threads_on_one_stream(void **state)
{
	run_workers(*state, true);
}

/* ---- Signals ---- */

static atomic_int alarms;

static void count_alarm(int signal_number)
{
	(void)signal_number;
	alarms++;
}

/* Whatever waits goes on waiting when a signal comes. */
static void test_signals(void **state)
{
	struct fixture *f = *state;
	const size_t size = 2 << 20;
	unsigned char *data = pattern(size, 2), *back = malloc(size);
	struct accel_buffer *buffer = make_buffer(f, size, ACCEL_MEMORY_DEVICE);
	/* Not SA_RESTART: system calls really return. */
	struct sigaction action = { .sa_handler = count_alarm }, before;
	struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { { 0, 0 }, { 0, 0 } };
	struct accel_event *event, *imported;
	struct spin_args args = { 0 };
	struct accel_stream *spinning;
	const uint32_t grid[3] = { 1, 1, 1 };
	int64_t until;
	int fd;

	good(accel_event_create(f->context, NULL, &event));
	good(accel_event_create(f->context, NULL, &imported));
	sigaction(SIGALRM, &action, &before);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 4; i++) {
		memset(back, 0, size);
		good(accel_upload(f->stream, buffer, 0, data, size));
		good(accel_event_record(event, f->stream));
		fd = accel_event_fd(event);
		assert_true(fd >= 0);
		good(accel_event_import(imported, fd));
		close(fd);
		good(accel_event_wait(imported, ACCEL_FOREVER));
		good(accel_event_wait(event, ACCEL_FOREVER));
		good(accel_download(f->stream, buffer, 0, back, size));
		assert_memory_equal(data, back, size);
	}
	good(accel_stream_create(f->context, NULL, &spinning));
	good(accel_launch(spinning, find_kernel(f->probe, "spin"), grid, &args, sizeof(args), NULL));
	until = accel_deadline(30000000);
	bad(accel_stream_wait(spinning, until), -ETIMEDOUT, "deadline");
	assert_true(accel_deadline(0) >= until);
	accel_stream_destroy(spinning);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &before, NULL);
	assert_true(alarms > 0);
	accel_event_destroy(event);
	accel_event_destroy(imported);
	accel_buffer_destroy(buffer);
	free(data);
	free(back);
}

/* ---- Times ---- */

static struct accel_event *timed_event(struct fixture *f)
{
	struct accel_event *event;

	good(accel_event_create(f->context, ACCEL_OPTIONS(accel_event_options,
				.flags = ACCEL_EVENT_TIMED), &event));
	return event;
}

static void test_elapsed(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffer = make_buffer(f, 1 << 20, ACCEL_MEMORY_DEVICE);
	struct accel_event *a = timed_event(f), *b = timed_event(f), *c = timed_event(f);
	struct accel_elapsed ab = { .size = sizeof(ab) }, bc = ab, ac = ab, ba = ab;

	good(accel_event_record(a, f->stream));
	good(accel_fill(f->stream, buffer, 0, 1 << 20, 0, 8, 0));
	good(accel_event_record(b, f->stream));
	good(accel_fill(f->stream, buffer, 0, 1 << 19, 0, 8, 0));
	good(accel_event_record(c, f->stream));
	good(accel_event_wait(c, SOON));
	good(accel_event_elapsed(a, b, &ab));
	good(accel_event_elapsed(b, c, &bc));
	good(accel_event_elapsed(a, c, &ac));
	good(accel_event_elapsed(b, a, &ba));
	assert_true(ab.time_ns > 0 && bc.time_ns > 0);
	assert_int_equal(ab.time_ns + bc.time_ns, ac.time_ns);
	assert_int_equal(ba.time_ns, -ab.time_ns);
	/* The model's prediction does not depend on the machine. */
	assert_true(ab.cycles > bc.cycles && bc.cycles > 0);
	assert_int_equal(ab.cycles + bc.cycles, ac.cycles);
	accel_event_destroy(a);
	accel_event_destroy(b);
	accel_event_destroy(c);
	accel_buffer_destroy(buffer);
}

/* Times outlive the places that the card wrote them to. */
static void test_many_times(void **state)
{
	enum { EVENTS = 700 };
	struct fixture *f = *state;
	static struct accel_event *events[EVENTS];
	struct accel_elapsed step = { .size = sizeof(step) }, all = step;
	int64_t sum = 0;

	for (int i = 0; i < EVENTS; i++) {
		events[i] = timed_event(f);
		good(accel_event_record(events[i], f->stream));
	}
	/* Recorded again, and released, while their places are in use. */
	good(accel_event_record(events[0], f->stream));
	good(accel_event_record(events[0], f->stream));
	accel_event_destroy(events[EVENTS - 2]);
	events[EVENTS - 2] = events[EVENTS - 1];
	good(accel_stream_wait(f->stream, SOON));
	for (int i = 1; i < EVENTS - 2; i++) {
		good(accel_event_elapsed(events[i], events[i + 1], &step));
		assert_true(step.time_ns >= 0);
		sum += step.time_ns;
	}
	good(accel_event_elapsed(events[1], events[EVENTS - 2], &all));
	assert_int_equal(all.time_ns, sum);
	good(accel_event_elapsed(events[EVENTS - 2], events[0], &step));
	assert_true(step.time_ns >= 0);
	for (int i = 0; i < EVENTS - 1; i++)
		accel_event_destroy(events[i]);
}

static void test_bad_times(void **state)
{
	struct fixture *f = *state;
	struct accel_event *timed = timed_event(f), *plain, *never = timed_event(f);
	struct accel_elapsed elapsed = { .size = sizeof(elapsed) };
	struct give_up_args give_up = { .code = 1 };
	struct spin_args spin = { 0 };
	struct accel_graph *graph;
	struct accel_stream *stream;
	const uint32_t grid[3] = { 1, 1, 1 };

	good(accel_event_create(f->context, NULL, &plain));
	good(accel_event_record(timed, f->stream));
	good(accel_event_record(plain, f->stream));
	good(accel_stream_wait(f->stream, SOON));
	bad(accel_event_elapsed(timed, plain, &elapsed), -EINVAL, "second event is not timed");
	bad(accel_event_elapsed(never, timed, &elapsed), -EINVAL, "not been recorded");
	bad(accel_event_elapsed(NULL, timed, &elapsed), -EINVAL, "NULL");
	bad(accel_event_elapsed(timed, timed, NULL), -EINVAL, "NULL");
	good(accel_event_elapsed(timed, timed, &elapsed));
	assert_int_equal(elapsed.time_ns, 0);
	bad(accel_event_create(f->context, ACCEL_OPTIONS(accel_event_options, .flags = 2), &plain),
	    -EINVAL, "flags 0x2");
	bad(accel_event_create(f->context, ACCEL_OPTIONS(accel_event_options, .reserved = 2),
			       &plain), -EINVAL, "reserved");
	bad(accel_event_import(timed, 0), -EINVAL, "signalled");
	good(accel_graph_create(f->context, &graph));
	good(accel_graph_record(graph, &stream));
	bad(accel_event_record(timed, stream), -EINVAL, "in a graph");
	accel_stream_destroy(stream);
	accel_graph_destroy(graph);
	/* What is not over has no time, nor has what was cancelled. */
	good(accel_stream_create(f->context, NULL, &stream));
	good(accel_launch(stream, find_kernel(f->probe, "spin"), grid, &spin, sizeof(spin), NULL));
	good(accel_event_record(never, stream));
	bad(accel_event_elapsed(timed, never, &elapsed), -EBUSY, "second event is not over");
	accel_stream_destroy(stream);
	bad(accel_event_elapsed(timed, never, &elapsed), -ECANCELED, "released");
	good(launch(f, "give_up", 1, &give_up, sizeof(give_up)));
	good(accel_event_record(never, f->stream));
	bad(accel_event_wait(never, SOON), -ECANCELED, "ABORT");
	bad(accel_event_elapsed(timed, never, &elapsed), -ECANCELED, "ABORT");
	accel_event_destroy(timed);
	accel_event_destroy(plain);
	accel_event_destroy(never);
}

/* ---- Events from elsewhere ---- */

static void test_import_of_a_pipe(void **state)
{
	struct fixture *f = *state;
	struct accel_event *event;
	int ends[2];

	good(accel_event_create(f->context, NULL, &event));
	bad(accel_event_import(event, -1), -EBADF, "not an open");
	bad(accel_event_import(NULL, 0), -EINVAL, "NULL");
	assert_int_equal(pipe(ends), 0);
	good(accel_event_import(event, ends[0]));
	close(ends[0]);
	bad(accel_event_wait(event, ACCEL_NO_WAIT), -ETIMEDOUT, "deadline");
	bad(accel_event_wait(event, accel_deadline(3000000)), -ETIMEDOUT, "deadline");
	assert_int_equal(write(ends[1], "", 1), 1);
	good(accel_event_wait(event, SOON));
	good(accel_event_wait(event, ACCEL_NO_WAIT));
	close(ends[1]);
	/* It can stand for work again. */
	good(accel_event_record(event, f->stream));
	good(accel_event_wait(event, SOON));
	accel_event_destroy(event);
}

/*
 * A stream of one device waits for a stream of another: by itself, and with a descriptor
 * as another process would have it.
 */
static void test_wait_for_another_device(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *ours = make_buffer(f, 64, ACCEL_MEMORY_HOST);
	struct accel_device *device;
	struct accel_context *context;
	struct accel_stream *stream;
	struct accel_module *module;
	struct accel_event *event, *imported, *after;
	struct spin_args args = { 0 };
	const uint32_t grid[3] = { 1, 1, 1 };
	uint64_t *word;
	void *pointer;
	int fd;

	good(accel_buffer_map(ours, &pointer));
	word = pointer;
	good(accel_device_open(NULL, &device));
	good(accel_context_create(device, &context));
	good(accel_module_load_file(context, "probe.egm", &module));
	good(accel_event_create(context, NULL, &event));
	good(accel_event_create(f->context, NULL, &imported));
	good(accel_event_create(f->context, NULL, &after));
	for (int i = 0; i < 2; i++) {
		*word = 0;
		good(accel_stream_create(context, NULL, &stream));
		good(accel_launch(stream, find_kernel(module, "spin"), grid, &args, sizeof(args),
				  NULL));
		good(accel_event_record(event, stream));
		if (i) {
			fd = accel_event_fd(event);
			assert_true(fd >= 0);
			good(accel_event_import(imported, fd));
			close(fd);
			good(accel_stream_wait_event(f->stream, imported));
		} else {
			good(accel_stream_wait_event(f->stream, event));
		}
		good(accel_fill(f->stream, ours, 0, 8, 1, 8, 0));
		good(accel_event_record(after, f->stream));
		bad(accel_event_wait(after, accel_deadline(20000000)), -ETIMEDOUT, "deadline");
		assert_int_equal(__atomic_load_n(word, __ATOMIC_ACQUIRE), 0);
		/* The end of the endless work, good or bad, lets it go on. */
		accel_stream_destroy(stream);
		good(accel_event_wait(after, SOON));
		assert_int_equal(__atomic_load_n(word, __ATOMIC_ACQUIRE), 1);
	}
	/* What is over is not waited for. */
	good(accel_stream_wait_event(f->stream, imported));
	good(accel_fill(f->stream, ours, 0, 64, 2, 1, 0));
	good(accel_stream_wait(f->stream, SOON));
	accel_event_destroy(event);
	accel_event_destroy(imported);
	accel_event_destroy(after);
	accel_module_unload(module);
	accel_context_destroy(context);
	accel_device_close(device);
	accel_buffer_destroy(ours);
}

/* Imports that nobody waits for any more when the device goes. */
static void test_imports_left_behind(void **state)
{
	struct accel_device *device;
	struct accel_context *context;
	struct accel_stream *stream;
	struct accel_event *event, *imported;
	struct fixture *f = *state;
	struct spin_args args = { 0 };
	int fd;

	good(accel_event_create(f->context, NULL, &event));
	good(launch(f, "spin", 1, &args, sizeof(args)));
	good(accel_event_record(event, f->stream));
	fd = accel_event_fd(event);
	assert_true(fd >= 0);
	good(accel_device_open(NULL, &device));
	good(accel_context_create(device, &context));
	good(accel_stream_create(context, NULL, &stream));
	good(accel_event_create(context, NULL, &imported));
	good(accel_event_import(imported, fd));
	close(fd);
	good(accel_stream_wait_event(stream, imported));
	good(accel_stream_wait_event(stream, imported));
	accel_event_destroy(imported);
	accel_stream_destroy(stream);
	accel_context_destroy(context);
	accel_device_close(device);
	accel_event_destroy(event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		device_test(test_upload_download),
		device_test(test_copies_between_memories),
		device_test(test_copy_within_a_buffer),
		device_test(test_fill),
		device_test(test_copy_rect),
		device_test(test_bad_rects),
		device_test(test_transfer),
		device_test(test_transfer_between_devices),
		device_test(test_downloads_share_a_stream),
		device_test(test_download_leaves_the_lock),
		device_test(test_bad_ranges),
		device_test(test_copy_stream),
		device_test(test_bad_streams),
		device_test(test_order),
		device_test(test_data_ring_wraps),
		device_test(test_flush_starts_work),
		device_test(test_wait_on_nothing),
		device_test(test_event),
		device_test(test_streams_wait_for_each_other),
		device_test(test_event_outlives_its_stream),
		device_test(test_wait_outlives_event_and_stream),
		device_test(test_streams_that_wait_for_each_other_go),
		device_test(test_threads_with_streams),
		device_test(test_threads_on_one_stream),
		device_test(test_signals),
		device_test(test_elapsed),
		device_test(test_many_times),
		device_test(test_bad_times),
		device_test(test_import_of_a_pipe),
		device_test(test_wait_for_another_device),
		device_test(test_imports_left_behind),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("stream", tests, choose_device, NULL);
}
