// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Two processes share a buffer. One makes it and sends its file descriptor through a socket;
 * the other lets its kernel work on it, and sends back an event's descriptor, so that the
 * first one knows when that is over. No data are copied.
 *
 *	cc share.c -laccel -o share && accel-cc vecadd_kernel.c && ./share
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "vecadd.h"

#define COUNT	10000u
#define BYTES	(COUNT * sizeof(float))

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Descriptors travel beside at least one byte (unix(7), SCM_RIGHTS). */
union control {
	char space[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static void send_fd(int socket, int fd)
{
	char byte = 0;
	union control control = { .space = { 0 } };
	struct msghdr message = {
		.msg_iov = &(struct iovec){ .iov_base = &byte, .iov_len = 1 },
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	if (sendmsg(socket, &message, 0) != 1)
		fail("sendmsg");
	close(fd);
}

static int receive_fd(int socket)
{
	char byte;
	union control control;
	struct msghdr message = {
		.msg_iov = &(struct iovec){ .iov_base = &byte, .iov_len = 1 },
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	struct cmsghdr *header;
	int fd;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1)
		fail("recvmsg");
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS) {
		fprintf(stderr, "the other process sent no descriptor\n");
		exit(1);
	}
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

static struct accel_context *open_card(void)
{
	struct accel_device *device;
	struct accel_context *context;

	check(accel_device_open(NULL, &device));
	check(accel_context_create(device, &context));
	accel_device_close(device);	/* the context keeps it */
	return context;
}

/* The second process: doubles what is in the buffer. */
static void work(int socket)
{
	const uint32_t grid[3] = { VECADD_GROUPS(COUNT), 1, 1 };
	struct accel_context *context = open_card();
	struct accel_stream *stream;
	struct accel_event *event;
	struct accel_module *module;
	struct accel_buffer *buffer;
	const struct accel_kernel *vecadd;
	int fd = receive_fd(socket);

	check(accel_buffer_import(context, fd, "numbers", &buffer));
	close(fd);
	check(accel_stream_create(context, NULL, &stream));
	check(accel_event_create(context, NULL, &event));
	check(accel_module_load_file(context, "./vecadd_kernel.egm", &module));
	check(accel_module_find(module, "vecadd", &vecadd));

	uint64_t x = accel_buffer_address(buffer);
	struct vecadd_args args = { .a = x, .b = x, .c = x, .count = COUNT };

	check(accel_launch(stream, vecadd, grid, &args, sizeof(args), NULL));
	check(accel_event_record(event, stream));
	send_fd(socket, check(accel_event_fd(event)));
	check(accel_event_wait(event, ACCEL_FOREVER));
	accel_event_destroy(event);
	accel_buffer_destroy(buffer);
	accel_module_unload(module);
	accel_stream_destroy(stream);
	accel_context_destroy(context);
}

/* The first process: makes the buffer, and looks at the result. */
static int ask(int socket)
{
	struct accel_context *context = open_card();
	struct accel_buffer *buffer;
	struct accel_event *event;
	void *pointer;
	float *x;
	int fd, right = 1;

	/* In host memory, both cards and both processes reach it directly. */
	check(accel_buffer_create(context, BYTES, ACCEL_OPTIONS(accel_buffer_options,
				  .memory = ACCEL_MEMORY_HOST, .flags = ACCEL_BUFFER_SHARED,
				  .name = "numbers"), &buffer));
	check(accel_buffer_map(buffer, &pointer));
	x = pointer;
	for (unsigned int i = 0; i < COUNT; i++)
		x[i] = i;
	send_fd(socket, check(accel_buffer_export(buffer)));
	fd = receive_fd(socket);
	check(accel_event_create(context, NULL, &event));
	check(accel_event_import(event, fd));
	close(fd);
	check(accel_event_wait(event, ACCEL_FOREVER));
	for (unsigned int i = 0; i < COUNT; i++)
		right &= x[i] == 2 * i;
	printf("process %d had %u numbers doubled by another one, %s\n", (int)getpid(), COUNT,
	       right ? "all right" : "wrongly");
	accel_event_destroy(event);
	accel_buffer_destroy(buffer);
	accel_context_destroy(context);
	return right;
}

int main(void)
{
	int sockets[2], status, right;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets))
		fail("socketpair");
	/* Before the card is opened: what a process has opened is of no use to its children. */
	child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0) {
		close(sockets[0]);
		work(sockets[1]);
		return 0;
	}
	close(sockets[1]);
	right = ask(sockets[0]);
	if (waitpid(child, &status, 0) != child || status)
		right = 0;
	return !right;
}
