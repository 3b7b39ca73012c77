// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * What launching costs: no allocation and no system call to queue, one EXEC to submit.
 *
 * Counted where the library cannot hide anything: the program's own malloc() and ioctl()
 * come before the C library's, and the kernel sends a signal for a system call of any kind
 * (syscall user dispatch).
 */
#define _GNU_SOURCE
#include "device.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "kernels/probe.h"

/* Of Linux 5.11; not in every version of the headers. */
#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH	59
#define PR_SYS_DISPATCH_OFF		0
#define PR_SYS_DISPATCH_ON		1
#define SYSCALL_DISPATCH_FILTER_ALLOW	0
#define SYSCALL_DISPATCH_FILTER_BLOCK	1
#endif

/* ---- Allocations and ioctls of this thread ---- */

static _Thread_local unsigned long allocations, ioctls;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

void *malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	allocations++;
	return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
	allocations++;
	return __libc_realloc(memory, size);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *argument;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	ioctls++;
	return syscall(SYS_ioctl, fd, request, argument);
}

/* ---- System calls of this thread ---- */

static volatile char selector;
static volatile sig_atomic_t calls, last_call;

#ifdef __x86_64__
static void see_call(int signal_number, siginfo_t *info, void *opaque)
{
	ucontext_t *context = opaque;

	(void)signal_number;
	calls++;
	last_call = info->si_syscall;
	/* Let it through, and all after it: one is one too many. */
	selector = SYSCALL_DISPATCH_FILTER_ALLOW;
	context->uc_mcontext.gregs[REG_RIP] -= 2;
}

static bool watch_calls(void)
{
	struct sigaction action = { .sa_sigaction = see_call, .sa_flags = SA_SIGINFO };

	sigaction(SIGSYS, &action, NULL);
	calls = 0;
	selector = SYSCALL_DISPATCH_FILTER_ALLOW;
	return !prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &selector);
}
#else
static bool watch_calls(void)
{
	return false;
}
#endif

static void forget_calls(void)
{
	prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0);
}

/* ---- The tests ---- */

struct path {
	struct accel_buffer *buffer;
	const struct accel_kernel *kernel;
	struct add_args args;
};

static void make_path(struct fixture *f, struct path *p)
{
	p->buffer = make_buffer(f, 64, ACCEL_MEMORY_DEVICE);
	p->kernel = find_kernel(f->probe, "add");
	p->args = (struct add_args) {
		.in = accel_buffer_address(p->buffer),
		.out = accel_buffer_address(p->buffer),
		.count = 1,
		.value = 1,
	};
}

static void launch_some(struct fixture *f, const struct path *p, int count)
{
	static const uint32_t grid[3] = { 1, 1, 1 };

	for (int i = 0; i < count; i++)
		good(accel_launch(f->stream, p->kernel, grid, &p->args, sizeof(p->args), NULL));
}

/*
 * As many batches in flight as the ring of packets holds, behind a kernel that does not
 * end: the simulator then has a reserve of jobs for whatever comes.
 */
static void fill_ring(struct fixture *f, const struct path *p)
{
	static const uint32_t grid[3] = { 1, 1, 1 };
	struct spin_args args = { 0 };
	struct accel_stream *spinning;
	struct accel_event *event;

	good(accel_stream_create(f->context, NULL, &spinning));
	good(accel_event_create(f->context, NULL, &event));
	good(accel_launch(spinning, find_kernel(f->probe, "spin"), grid, &args, sizeof(args),
			  NULL));
	good(accel_event_record(event, spinning));
	good(accel_stream_wait_event(f->stream, event));
	for (int i = 0; i < 15; i++) {
		launch_some(f, p, 64);
		good(accel_stream_flush(f->stream));
	}
	accel_stream_destroy(spinning);
	accel_event_destroy(event);
	good(accel_stream_wait(f->stream, SOON));
}

/* Many more than the rings hold, so that all of the path is seen. */
static void test_no_allocations(void **state)
{
	struct fixture *f = *state;
	struct path p;
	uint32_t back;
	unsigned long before;

	make_path(f, &p);
	fill_ring(f, &p);
	before = allocations;
	for (int i = 0; i < 30; i++) {
		launch_some(f, &p, 64);
		good(accel_stream_flush(f->stream));
	}
	good(accel_stream_wait(f->stream, SOON));
	assert_int_equal(allocations - before, 0);
	good(accel_download(f->stream, p.buffer, 0, &back, 4));
	assert_int_equal(back, 45 * 64);
	accel_buffer_destroy(p.buffer);
}

static void test_no_system_calls(void **state)
{
	struct fixture *f = *state;
	struct path p;

	make_path(f, &p);
	launch_some(f, &p, 1);
	good(accel_stream_wait(f->stream, SOON));
	if (!watch_calls()) {
		/* A container may forbid it; the test VM does not. */
		assert_null(getenv("EGRET_VM"));
		print_message("system calls cannot be watched here\n");
	}
	selector = SYSCALL_DISPATCH_FILTER_BLOCK;
	launch_some(f, &p, 64);
	selector = SYSCALL_DISPATCH_FILTER_ALLOW;
	forget_calls();
	if (calls)
		print_error("system call %d\n", (int)last_call);
	assert_int_equal(calls, 0);
	good(accel_stream_wait(f->stream, SOON));
	accel_buffer_destroy(p.buffer);
}

/* The counter does count. */
static void test_watching(void **state)
{
	(void)state;
	if (!watch_calls()) {
		assert_null(getenv("EGRET_VM"));
		return;
	}
	selector = SYSCALL_DISPATCH_FILTER_BLOCK;
	syscall(SYS_getppid);
	selector = SYSCALL_DISPATCH_FILTER_ALLOW;
	forget_calls();
	assert_int_equal(calls, 1);
	assert_int_equal(last_call, SYS_getppid);
}

static void test_one_exec(void **state)
{
	struct fixture *f = *state;
	struct accel_device_info info = { .size = sizeof(info) };
	struct accel_graph *graph;
	struct accel_stream *recording;
	static const uint32_t grid[3] = { 1, 1, 1 };
	unsigned long before, expected;
	struct path p;

	good(accel_device_get_info(f->device, &info));
	expected = strcmp(info.backend, "drm") ? 0 : 1;
	make_path(f, &p);
	before = ioctls;
	launch_some(f, &p, 64);
	assert_int_equal(ioctls, before);
	good(accel_stream_flush(f->stream));
	assert_int_equal(ioctls - before, expected);
	/* Nothing is left to start. */
	good(accel_stream_flush(f->stream));
	assert_int_equal(ioctls - before, expected);
	good(accel_stream_wait(f->stream, SOON));

	good(accel_graph_create(f->context, &graph));
	good(accel_graph_record(graph, &recording));
	for (int i = 0; i < 64; i++)
		good(accel_launch(recording, p.kernel, grid, &p.args, sizeof(p.args), NULL));
	accel_stream_destroy(recording);
	good(accel_graph_instantiate(graph));
	good(accel_graph_launch(graph, f->stream));
	good(accel_stream_wait(f->stream, SOON));
	before = ioctls;
	for (int i = 0; i < 20; i++) {
		p.args.value = i;
		good(accel_graph_update(graph, i, NULL, &p.args, sizeof(p.args)));
		good(accel_graph_launch(graph, f->stream));
	}
	good(accel_stream_flush(f->stream));
	assert_int_equal(ioctls - before, expected);
	good(accel_stream_wait(f->stream, SOON));
	accel_graph_destroy(graph);
	accel_buffer_destroy(p.buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_watching),
		device_test(test_no_allocations),
		device_test(test_no_system_calls),
		device_test(test_one_exec),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("path", tests, choose_device, NULL);
}
