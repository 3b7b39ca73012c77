// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Buffers that are shared, pools of buffers, and what a forked child may do. */
#define _GNU_SOURCE
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernels/probe.h"

static struct accel_buffer *make_shared(struct fixture *f, size_t bytes)
{
	struct accel_buffer *buffer;

	good(accel_buffer_create(f->context, bytes, ACCEL_OPTIONS(accel_buffer_options,
				 .memory = ACCEL_MEMORY_HOST, .flags = ACCEL_BUFFER_SHARED,
				 .name = "shared"), &buffer));
	return buffer;
}

static void expect_bytes(struct accel_stream *stream, struct accel_buffer *buffer, int value)
{
	size_t size = accel_buffer_size(buffer);
	unsigned char *back = malloc(size);

	good(accel_download(stream, buffer, 0, back, size));
	for (size_t i = 0; i < size; i++)
		assert_int_equal(back[i], value);
	free(back);
}

/* ---- Sharing ---- */

static void test_between_contexts(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *ours = make_shared(f, 10000), *theirs, *again, *here;
	struct accel_context *other;
	struct accel_stream *stream;
	int fd, second;

	good(accel_context_create(f->device, &other));
	good(accel_stream_create(other, NULL, &stream));
	fd = accel_buffer_export(ours);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	good(accel_buffer_import(other, fd, "theirs", &theirs));
	assert_int_equal(accel_buffer_size(theirs), 12288);
	/* Twice, also where it came from: the kernel has one handle for all of them. */
	good(accel_buffer_import(other, fd, NULL, &again));
	good(accel_buffer_import(f->context, fd, NULL, &here));
	second = accel_buffer_export(theirs);
	assert_true(second >= 0);
	close(fd);
	close(second);
	good(accel_fill(f->stream, ours, 0, 10000, 0x11, 1, 0));
	good(accel_fill(f->stream, here, 10000, 2288, 0x11, 1, 0));
	good(accel_stream_wait(f->stream, SOON));
	expect_bytes(stream, theirs, 0x11);
	expect_bytes(stream, again, 0x11);
	/* What is released takes nothing from the others. */
	accel_buffer_destroy(ours);
	accel_buffer_destroy(again);
	good(accel_fill(stream, theirs, 0, 12288, 0x22, 1, 0));
	good(accel_stream_wait(stream, SOON));
	expect_bytes(f->stream, here, 0x22);
	accel_buffer_destroy(here);
	expect_bytes(stream, theirs, 0x22);
	accel_buffer_destroy(theirs);
	accel_stream_destroy(stream);
	accel_context_destroy(other);
}

static void test_mapping_is_shared(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *ours = make_shared(f, 4096), *theirs;
	struct accel_device *device;
	struct accel_context *context;
	void *a, *b;
	int fd;

	good(accel_device_open(NULL, &device));
	good(accel_context_create(device, &context));
	fd = accel_buffer_export(ours);
	assert_true(fd >= 0);
	good(accel_buffer_import(context, fd, NULL, &theirs));
	close(fd);
	good(accel_buffer_map(ours, &a));
	good(accel_buffer_map(theirs, &b));
	assert_ptr_not_equal(a, b);
	strcpy(a, "hello");
	assert_string_equal(b, "hello");
	accel_buffer_destroy(ours);
	assert_string_equal(b, "hello");
	accel_buffer_destroy(theirs);
	accel_context_destroy(context);
	accel_device_close(device);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *plain = make_buffer(f, 4096, ACCEL_MEMORY_DEVICE), *buffer;
	int file, small;

	bad(accel_buffer_export(plain), -EPERM, "not made to be shared");
	bad(accel_buffer_export(NULL), -EINVAL, "NULL");
	bad(accel_buffer_import(f->context, -1, NULL, &buffer), -EBADF, "not an open");
	bad(accel_buffer_import(NULL, 0, NULL, &buffer), -EINVAL, "NULL");
	bad(accel_buffer_import(f->context, 0, NULL, NULL), -EINVAL, "NULL");
	file = open("/dev/null", O_RDWR | O_CLOEXEC);
	bad(accel_buffer_import(f->context, file, NULL, &buffer), -EINVAL, "no memory");
	close(file);
	/* Memory that its owner could cut off while the card uses it. */
	small = memfd_create("test", MFD_CLOEXEC);
	assert_int_equal(ftruncate(small, 4096), 0);
	bad(accel_buffer_import(f->context, small, NULL, &buffer), -EINVAL, "no memory");
	close(small);
	bad(accel_buffer_create(f->context, 1, ACCEL_OPTIONS(accel_buffer_options, .flags = 6),
				&buffer), -EINVAL, "flags 0x6");
	accel_buffer_destroy(plain);
}

/* ---- The program's memory ---- */

static void test_wrap(void **state)
{
	struct fixture *f = *state;
	const size_t size = 3 << 20;
	unsigned char *memory = malloc(size + 5000);
	struct accel_buffer *copy = make_buffer(f, size, ACCEL_MEMORY_DEVICE), *wrapped;
	void *pointer;

	/* Any alignment, of both ends. */
	for (size_t offset = 0; offset < 5000; offset += 1237) {
		size_t bytes = size - offset / 3;

		memset(memory, 0xee, size + 5000);
		good(accel_buffer_wrap(f->context, memory + offset, bytes, "mine", &wrapped));
		assert_int_equal(accel_buffer_size(wrapped), bytes);
		assert_int_equal(accel_buffer_address(wrapped) % 4096,
				 (uintptr_t)(memory + offset) % 4096);
		good(accel_buffer_map(wrapped, &pointer));
		assert_ptr_equal(pointer, memory + offset);
		good(accel_fill(f->stream, wrapped, 0, bytes, offset / 1237, 1, 0));
		good(accel_stream_wait(f->stream, SOON));
		assert_int_equal(memory[offset], offset / 1237);
		assert_int_equal(memory[offset + bytes - 1], offset / 1237);
		assert_int_equal(memory[offset + bytes], 0xee);
		if (offset)
			assert_int_equal(memory[offset - 1], 0xee);
		/* And what the program writes, the card reads. */
		memset(memory + offset, 0x77, bytes);
		good(accel_copy(f->stream, copy, 0, wrapped, 0, bytes, 0));
		good(accel_fill(f->stream, copy, bytes, size - bytes, 0x77, 1, 0));
		expect_bytes(f->stream, copy, 0x77);
		accel_buffer_destroy(wrapped);
	}
	accel_buffer_destroy(copy);
	free(memory);
}

static void test_wrap_refused(void **state)
{
	struct fixture *f = *state;
	char *gone = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct accel_buffer *buffer;
	char byte;

	bad(accel_buffer_wrap(NULL, &byte, 1, NULL, &buffer), -EINVAL, "context");
	bad(accel_buffer_wrap(f->context, NULL, 1, NULL, &buffer), -EINVAL, "memory");
	bad(accel_buffer_wrap(f->context, &byte, 1, NULL, NULL), -EINVAL, "NULL");
	bad(accel_buffer_wrap(f->context, &byte, 0, NULL, &buffer), -EINVAL, "0 bytes");
	bad(accel_buffer_wrap(f->context, &byte, SIZE_MAX, NULL, &buffer), -EINVAL, "not possible");
	munmap(gone + 4096, 4096);
	good(accel_buffer_wrap(f->context, gone, 4096, NULL, &buffer));
	accel_buffer_destroy(buffer);
	bad(accel_buffer_wrap(f->context, gone, 4097, NULL, &buffer), -EFAULT, "no such memory");
	munmap(gone, 4096);
}

/* A fault behind it is explained, and it is not shared. */
static void test_wrap_in_faults(void **state)
{
	struct fixture *f = *state;
	char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct accel_buffer *buffer;
	struct poke_args args = { 0 };

	good(accel_buffer_wrap(f->context, memory + 100, 50, "array", &buffer));
	bad(accel_buffer_export(buffer), -EPERM, "buffer array was not made");
	args.address = accel_buffer_address(buffer) - 100 + 4096;
	good(launch(f, "poke", 1, &args, sizeof(args)));
	bad(accel_stream_wait(f->stream, SOON), -ECANCELED, "behind the end of buffer array of 50");
	accel_buffer_destroy(buffer);
	munmap(memory, 4096);
}

/* ---- Between processes ---- */

static void send_fd(int socket, int fd)
{
	char byte = 0, space[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = space,
				  .msg_controllen = sizeof(space) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	assert_int_equal(sendmsg(socket, &message, 0), 1);
}

static int receive_fd(int socket)
{
	char byte, space[CMSG_SPACE(sizeof(int))];
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = space,
				  .msg_controllen = sizeof(space) };
	int fd;

	if (recvmsg(socket, &message, 0) != 1 || !CMSG_FIRSTHDR(&message))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* Another process, begun before any device was opened: adds one to what it gets. */
static int other_process(int socket)
{
	struct accel_device *device;
	struct accel_context *context;
	struct accel_stream *stream;
	struct accel_module *module;
	struct accel_buffer *buffer;
	struct add_args args = { .count = 1024, .value = 1 };
	const struct accel_kernel *kernel;
	const uint32_t grid[3] = { 1, 1, 1 };
	int fd = receive_fd(socket);

	if (fd < 0 || accel_device_open(NULL, &device) ||
	    accel_context_create(device, &context) ||
	    accel_stream_create(context, NULL, &stream) ||
	    accel_module_load_file(context, "probe.egm", &module) ||
	    accel_module_find(module, "add", &kernel) ||
	    accel_buffer_import(context, fd, NULL, &buffer))
		return 2;
	close(fd);
	args.in = args.out = accel_buffer_address(buffer);
	if (accel_launch(stream, kernel, grid, &args, sizeof(args), NULL) ||
	    accel_stream_wait(stream, SOON))
		return 3;
	accel_buffer_destroy(buffer);
	accel_module_unload(module);
	accel_stream_destroy(stream);
	accel_context_destroy(context);
	accel_device_close(device);
	return write(socket, "", 1) == 1 ? 0 : 4;
}

static void test_between_processes(void **state)
{
	uint32_t numbers[1024], back[1024];
	struct accel_buffer *buffer;
	struct fixture *f;
	int sockets[2], status, fd;
	pid_t child;
	char byte;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		close(sockets[0]);
		_exit(other_process(sockets[1]));
	}
	close(sockets[1]);
	make_fixture(state);
	f = *state;
	for (uint32_t i = 0; i < 1024; i++)
		numbers[i] = 3 * i;
	buffer = make_shared(f, sizeof(numbers));
	good(accel_upload(f->stream, buffer, 0, numbers, sizeof(numbers)));
	good(accel_stream_wait(f->stream, SOON));
	fd = accel_buffer_export(buffer);
	assert_true(fd >= 0);
	send_fd(sockets[0], fd);
	close(fd);
	assert_int_equal(read(sockets[0], &byte, 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(sockets[0]);
	good(accel_download(f->stream, buffer, 0, back, sizeof(back)));
	for (uint32_t i = 0; i < 1024; i++)
		assert_int_equal(back[i], 3 * i + 1);
	accel_buffer_destroy(buffer);
	free_fixture(state);
}

/* ---- A forked child ---- */

#define child_expects(call) \
	do { if ((call) != -ECHILD) { print_error("%s\n", #call); _exit(1); } } while (0)

struct family {
	struct fixture *f;
	struct accel_buffer *buffer, *pooled;
	struct accel_pool *pool;
	struct accel_event *event;
	struct accel_graph *graph;
	struct accel_profile *profile;
};

static void child(struct family *a)
{
	struct fixture *f = a->f;
	const uint32_t grid[3] = { 1, 1, 1 };
	struct spin_args args = { 0 };
	struct accel_memory_info memory = { .size = sizeof(memory) };
	struct accel_counters counters = { .size = sizeof(counters) };
	const struct accel_kernel *kernel;
	struct accel_device *device;
	struct accel_context *context;
	struct accel_stream *stream;
	struct accel_buffer *buffer;
	struct accel_module *module;
	char data[64];
	void *pointer;

	child_expects(accel_context_create(f->device, &context));
	child_expects(accel_device_get_memory(f->device, &memory));
	child_expects(accel_device_get_counters(f->device, &counters));
	child_expects(accel_stream_create(f->context, NULL, &stream));
	child_expects(accel_buffer_create(f->context, 64, NULL, &buffer));
	child_expects(accel_buffer_map(a->buffer, &pointer));
	child_expects(accel_buffer_export(a->buffer));
	child_expects(accel_pool_alloc(a->pool, 64, 0, &buffer));
	child_expects(accel_module_load_file(f->context, "probe.egm", &module));
	if (accel_module_find(f->probe, "spin", &kernel))
		_exit(1);
	child_expects(accel_launch(f->stream, kernel, grid, &args, sizeof(args), NULL));
	child_expects(accel_fill(f->stream, a->buffer, 0, 64, 0, 1, 0));
	child_expects(accel_upload(f->stream, a->buffer, 0, data, 64));
	child_expects(accel_download(f->stream, a->buffer, 0, data, 64));
	child_expects(accel_stream_flush(f->stream));
	child_expects(accel_stream_wait(f->stream, ACCEL_NO_WAIT));
	child_expects(accel_event_record(a->event, f->stream));
	child_expects(accel_event_wait(a->event, ACCEL_NO_WAIT));
	child_expects(accel_event_fd(a->event));
	child_expects(accel_stream_wait_event(f->stream, a->event));
	child_expects(accel_graph_launch(a->graph, f->stream));
	if (!strstr(accel_last_error()->cause, "forked"))
		_exit(1);
	/* Letting go of the parent's objects takes nothing from it. */
	accel_graph_destroy(a->graph);
	accel_event_destroy(a->event);
	accel_profile_destroy(a->profile);
	accel_buffer_destroy(a->pooled);
	accel_pool_destroy(a->pool);
	accel_buffer_destroy(a->buffer);
	accel_stream_destroy(f->stream);
	accel_module_unload(f->probe);
	accel_context_destroy(f->context);
	accel_device_close(f->device);
#ifdef __SANITIZE_THREAD__
	/* The sanitizer lets no such child make threads, which the simulator needs. */
	_exit(0);
#endif
	/* And the child can have a device of its own. */
	if (accel_device_open(NULL, &device) || accel_context_create(device, &context) ||
	    accel_stream_create(context, NULL, &stream) ||
	    accel_buffer_create(context, 64, NULL, &buffer) ||
	    accel_fill(stream, buffer, 0, 64, 9, 1, 0) ||
	    accel_download(stream, buffer, 0, data, 64) || data[63] != 9)
		_exit(2);
	accel_buffer_destroy(buffer);
	accel_stream_destroy(stream);
	accel_context_destroy(context);
	accel_device_close(device);
	_exit(0);
}

static void test_fork(void **state)
{
	struct fixture *f = *state;
	struct family a = { .f = f };
	struct accel_stream *recording;
	int status;
	pid_t pid;

	a.buffer = make_shared(f, 64);
	good(accel_pool_create(f->context, NULL, &a.pool));
	good(accel_pool_alloc(a.pool, 64, 0, &a.pooled));
	good(accel_event_create(f->context, NULL, &a.event));
	good(accel_profile_create(f->context, &a.profile));
	good(accel_graph_create(f->context, &a.graph));
	good(accel_graph_record(a.graph, &recording));
	good(accel_fill(recording, a.buffer, 0, 64, 7, 1, 0));
	accel_stream_destroy(recording);
	good(accel_graph_instantiate(a.graph));
	good(accel_graph_launch(a.graph, f->stream));
	good(accel_event_record(a.event, f->stream));
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		child(&a);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	/* All is as it was. */
	good(accel_event_wait(a.event, SOON));
	expect_bytes(f->stream, a.buffer, 7);
	good(accel_fill(f->stream, a.pooled, 0, 64, 8, 1, 0));
	good(accel_graph_launch(a.graph, f->stream));
	expect_bytes(f->stream, a.pooled, 8);
	accel_graph_destroy(a.graph);
	accel_event_destroy(a.event);
	accel_profile_destroy(a.profile);
	accel_buffer_destroy(a.pooled);
	accel_pool_destroy(a.pool);
	accel_buffer_destroy(a.buffer);
}

/* ---- Pools ---- */

static struct accel_pool_info pool_info(struct accel_pool *pool)
{
	struct accel_pool_info info = { .size = sizeof(info) };

	good(accel_pool_get_info(pool, &info));
	return info;
}

static void test_pool(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *buffers[100];
	struct accel_pool *pool;
	uint64_t address;

	for (int memory = ACCEL_MEMORY_DEVICE; memory <= ACCEL_MEMORY_HOST; memory++) {
		good(accel_pool_create(f->context, ACCEL_OPTIONS(accel_pool_options,
				       .memory = memory, .chunk_bytes = 65536), &pool));
		assert_int_equal(pool_info(pool).chunks, 0);
		for (int i = 0; i < 100; i++) {
			good(accel_pool_alloc(pool, 1000 + i, i % 3 ? 0 : 4096, &buffers[i]));
			assert_int_equal(accel_buffer_address(buffers[i]) % (i % 3 ? 256 : 4096), 0);
			assert_int_equal(accel_buffer_size(buffers[i]), 1000 + i);
			good(accel_fill(f->stream, buffers[i], 0, 1000 + i, i, 1, 0));
		}
		assert_int_equal(pool_info(pool).buffers, 100);
		assert_true(pool_info(pool).chunks >= 2);
		for (int i = 0; i < 100; i++)
			expect_bytes(f->stream, buffers[i], i);
		/* Everything else uses them like other buffers. */
		good(accel_copy(f->stream, buffers[1], 0, buffers[2], 0, 1001, 0));
		expect_bytes(f->stream, buffers[1], 2);
		bad(accel_copy(f->stream, buffers[1], 0, buffers[2], 0, 1002, 0), -EINVAL, "beyond");
		for (int i = 0; i < 100; i++)
			accel_buffer_destroy(buffers[i]);
		assert_int_equal(pool_info(pool).used, 0);
		good(accel_pool_trim(pool));
		assert_int_equal(pool_info(pool).total, 0);

		/* The same place again, without asking the card. */
		good(accel_pool_alloc(pool, 5, 1, &buffers[0]));
		address = accel_buffer_address(buffers[0]);
		accel_buffer_destroy(buffers[0]);
		good(accel_pool_alloc(pool, 7, 2, &buffers[0]));
		assert_int_equal(accel_buffer_address(buffers[0]), address);
		assert_int_equal(pool_info(pool).chunks, 1);
		/* More than a chunk. */
		good(accel_pool_alloc(pool, 300000, 0, &buffers[1]));
		assert_int_equal(pool_info(pool).chunks, 2);
		/* Buffers keep the pool. */
		accel_pool_destroy(pool);
		good(accel_fill(f->stream, buffers[1], 0, 300000, 3, 1, 0));
		expect_bytes(f->stream, buffers[1], 3);
		accel_buffer_destroy(buffers[0]);
		accel_buffer_destroy(buffers[1]);
	}
	accel_pool_destroy(NULL);
}

static void test_pool_maps(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *a, *b;
	struct accel_pool *pool;
	unsigned char back[300];
	void *pa, *pb;

	good(accel_pool_create(f->context, ACCEL_OPTIONS(accel_pool_options,
			       .memory = ACCEL_MEMORY_HOST), &pool));
	good(accel_pool_alloc(pool, 300, 0, &a));
	good(accel_pool_alloc(pool, 300, 0, &b));
	good(accel_buffer_map(a, &pa));
	good(accel_buffer_map(b, &pb));
	assert_int_equal((char *)pb - (char *)pa,
			 accel_buffer_address(b) - accel_buffer_address(a));
	memset(pa, 1, 300);
	memset(pb, 2, 300);
	good(accel_download(f->stream, a, 0, back, 300));
	assert_int_equal(back[299], 1);
	good(accel_download(f->stream, b, 0, back, 300));
	assert_int_equal(back[0], 2);
	accel_buffer_destroy(a);
	accel_buffer_destroy(b);
	accel_pool_destroy(pool);
}

/* A fault near a pool's buffer names it. */
static void test_pool_in_faults(void **state)
{
	struct fixture *f = *state;
	struct accel_pool *pool;
	struct accel_buffer *buffer;
	struct poke_args args = { 0 };

	good(accel_pool_create(f->context, ACCEL_OPTIONS(accel_pool_options,
			       .chunk_bytes = 4096, .name = "weights"), &pool));
	good(accel_pool_alloc(pool, 4096, 0, &buffer));
	args.address = accel_buffer_address(buffer) + 4096 + 8;
	good(launch(f, "poke", 1, &args, sizeof(args)));
	bad(accel_stream_wait(f->stream, SOON), -ECANCELED, "behind the end of buffer weights");
	accel_buffer_destroy(buffer);
	accel_pool_destroy(pool);
}

static void test_bad_pools(void **state)
{
	struct fixture *f = *state;
	struct accel_memory_info memory = { .size = sizeof(memory) };
	struct accel_buffer *buffer;
	struct accel_pool *pool;

	bad(accel_pool_create(NULL, NULL, &pool), -EINVAL, "NULL");
	bad(accel_pool_create(f->context, NULL, NULL), -EINVAL, "NULL");
	bad(accel_pool_create(f->context, ACCEL_OPTIONS(accel_pool_options, .memory = 2), &pool),
	    -EINVAL, "kind of memory");
	bad(accel_pool_create(f->context, ACCEL_OPTIONS(accel_pool_options, .reserved = 2), &pool),
	    -EINVAL, "reserved");
	good(accel_pool_create(f->context, NULL, &pool));
	bad(accel_pool_alloc(pool, 0, 0, &buffer), -EINVAL, "0 bytes");
	bad(accel_pool_alloc(pool, SIZE_MAX, 0, &buffer), -EINVAL, "not possible");
	bad(accel_pool_alloc(pool, 1, 3, &buffer), -EINVAL, "alignment of 3");
	bad(accel_pool_alloc(pool, 1, 8192, &buffer), -EINVAL, "alignment of 8192");
	bad(accel_pool_alloc(NULL, 1, 0, &buffer), -EINVAL, "NULL");
	bad(accel_pool_alloc(pool, 1, 0, NULL), -EINVAL, "NULL");
	bad(accel_pool_trim(NULL), -EINVAL, "NULL");
	bad(accel_pool_get_info(pool, NULL), -EINVAL, "NULL");
	good(accel_device_get_memory(f->device, &memory));
	bad(accel_pool_alloc(pool, memory.total + 4096, 0, &buffer), -ENOSPC, "no room");
	assert_int_equal(pool_info(pool).chunks, 0);
	accel_pool_destroy(pool);
}

static void *use_pool(void *opaque)
{
	struct accel_pool *pool = opaque;
	struct accel_buffer *buffers[20] = { 0 };
	unsigned int seed = (uintptr_t)&seed >> 12;

	for (int i = 0; i < 2000; i++) {
		struct accel_buffer **buffer = &buffers[rand_r(&seed) % 20];

		if (*buffer) {
			accel_buffer_destroy(*buffer);
			*buffer = NULL;
		} else {
			good(accel_pool_alloc(pool, rand_r(&seed) % 5000 + 1, 0, buffer));
		}
		if (i % 500 == 0)
			good(accel_pool_trim(pool));
	}
	for (int i = 0; i < 20; i++)
		accel_buffer_destroy(buffers[i]);
	return NULL;
}

static void test_pool_threads(void **state)
{
	struct fixture *f = *state;
	struct accel_pool *pool;
	pthread_t threads[4];

	good(accel_pool_create(f->context, ACCEL_OPTIONS(accel_pool_options,
			       .chunk_bytes = 65536), &pool));
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use_pool, pool), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(pool_info(pool).buffers, 0);
	assert_int_equal(pool_info(pool).used, 0);
	accel_pool_destroy(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First, while this process has no threads yet. */
		cmocka_unit_test(test_between_processes),
		device_test(test_between_contexts),
		device_test(test_mapping_is_shared),
		device_test(test_refused),
		device_test(test_wrap),
		device_test(test_wrap_refused),
		device_test(test_wrap_in_faults),
		device_test(test_pool),
		device_test(test_pool_maps),
		device_test(test_pool_in_faults),
		device_test(test_bad_pools),
		device_test(test_pool_threads),
		device_test(test_fork),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("share", tests, choose_device, NULL);
}
