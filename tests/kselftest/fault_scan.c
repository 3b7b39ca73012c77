// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Memory that runs out at any point of any call, by the kernel's fault injection: a
 * call is made again and again, and the first, the second, the third... allocation or
 * copy from or to user memory in it fails, until it gets through without having met
 * the n-th. It either succeeds all the same, or says ENOMEM or EFAULT and has done
 * nothing. What it leaks is seen by the count of device memory behind each test, and
 * by kmemleak when the driver is gone.
 *
 * Needs a kernel with FAULT_INJECTION, FAILSLAB, FAIL_PAGE_ALLOC,
 * FAULT_INJECTION_USERCOPY and FAULT_INJECTION_STACKTRACE_FILTER: the debug kernel.
 */
#include "egret_test.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xf86drm.h>

/* No call has so many places to fail in. */
#define POINTS_MAX	3000

/* ---- injection -------------------------------------------------------------- */

/* Where a function of the kernel begins and ends; false if it has none of this name. */
static bool find_function(const char *name, unsigned long *start, unsigned long *end)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char symbol[128];
	unsigned long at;

	CHECK(f);
	*start = 0;
	*end = 0;
	/* They come in the order of their addresses. */
	while (!*end && fscanf(f, "%lx %*c %127s%*[^\n]", &at, symbol) == 2) {
		if (*start && at > *start)
			*end = at;
		else if (!strcmp(symbol, name))
			*start = at;
	}
	fclose(f);
	return *end;
}

/*
 * The kernel's buddy allocator does not survive that a block cannot be split: it then frees
 * what is free already, and stops the kernel at the next allocation. So nothing fails in it.
 */
static void spare_buddy_allocator(void)
{
	unsigned long start, end;
	char text[32];

	if (!find_function("gpu_buddy_alloc_blocks", &start, &end))
		return;
	snprintf(text, sizeof(text), "%#lx", start);
	write_text("/sys/kernel/debug/failslab/reject-start", text);
	write_text("/sys/kernel/debug/fail_page_alloc/reject-start", text);
	snprintf(text, sizeof(text), "%#lx", end);
	write_text("/sys/kernel/debug/failslab/reject-end", text);
	write_text("/sys/kernel/debug/fail_page_alloc/reject-end", text);
}

/* Allocations that may sleep fail as well, and quietly. */
static void set_up_injection(void)
{
	static const char * const settings[][2] = {
		{ "/sys/kernel/debug/failslab/ignore-gfp-wait", "N" },
		{ "/sys/kernel/debug/failslab/verbose", "0" },
		{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N" },
		{ "/sys/kernel/debug/fail_page_alloc/min-order", "0" },
		{ "/sys/kernel/debug/fail_page_alloc/verbose", "0" },
		{ "/sys/kernel/debug/fail_usercopy/verbose", "0" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(settings); i++)
		write_text(settings[i][0], settings[i][1]);
	spare_buddy_allocator();
}

static int fail_nth_open(void)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		test_fail(__FILE__, __LINE__, "no fault injection: %s", strerror(errno));
	return fd;
}

static void arm(int nth_fd, unsigned int n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", n);

	CHECK_EQ(pwrite(nth_fd, text, length, 0), length);
}

/* Whether the failure has come. If not, it shall not come any more. */
static bool disarm(int nth_fd)
{
	char text[16] = "";

	/* The copy of this read counts, too, and may be what fails. */
	while (pread(nth_fd, text, sizeof(text) - 1, 0) < 0)
		CHECK_EQ(errno, EFAULT);
	if (!atoi(text))
		return true;
	/* So does that of this write; and then it was the last. */
	if (pwrite(nth_fd, "0", 1, 0) < 0)
		CHECK_EQ(errno, EFAULT);
	return false;
}

/* ---- the scan ------------------------------------------------------------------ */

struct scan {
	struct client c;
	struct bo a;
	struct bo b;
	/* What a call made. */
	uint32_t handle;
	int fd;
	void *map;
	uint32_t syncs[8];
	uint64_t jobs;
};

struct call {
	/* The call; 0 or a negative errno. */
	int (*make)(struct scan *s);
	/* Take back what it did. Not called if it failed. */
	void (*undo)(struct scan *s);
	/* Check that it did nothing, after a failure. */
	void (*check)(struct scan *s);
};

static bool may_fail_with(int ret)
{
	return ret == -ENOMEM || ret == -EFAULT;
}

static void scan(const struct call *call)
{
	int nth_fd = fail_nth_open();
	unsigned int n, failures = 0;
	struct scan s = { .c = client_open(DRM_EGRET_QUEUE_COPY) };
	bool met;
	int ret;

	set_up_injection();
	s.a = client_bo(&s.c, 4 * MiB, DRM_EGRET_BO_VRAM);
	s.b = client_bo(&s.c, 4 * MiB, DRM_EGRET_BO_VRAM);
	for (n = 0; n < ARRAY_SIZE(s.syncs); n++)
		s.syncs[n] = syncobj_create(s.c.fd);
	for (n = 1; n < POINTS_MAX; n++) {
		s.jobs = queue_query(s.c.fd, s.c.queue).jobs_submitted;
		arm(nth_fd, n);
		ret = call->make(&s);
		met = disarm(nth_fd);
		if (ret) {
			failures++;
			if (!met || !may_fail_with(ret))
				test_fail(__FILE__, __LINE__, "point %u: %s (failure %s)", n,
					  strerror(-ret), met ? "injected" : "not injected");
			if (call->check)
				call->check(&s);
		} else if (call->undo) {
			call->undo(&s);
		}
		if (!met)
			break;
	}
	CHECK(n < POINTS_MAX);
	printf("# %u points of failure, %u failed calls\n", n - 1, failures);
	/* Every ioctl at least copies its arguments. */
	CHECK(n > 1);
	/* All is as good as new. */
	packet_fill(&s.c, s.a.va, 8, 8, 77, 0);
	CHECK_OK(run(&s.c));
	CHECK_EQ(s.a.u64[0], 77);
}

/* ---- the calls ------------------------------------------------------------------- */

/* drmIoctl() would try again what says EAGAIN; nothing here may. */
static int open_make(struct scan *s)
{
	s->fd = open("/dev/accel/accel0", O_RDWR | O_CLOEXEC);
	return s->fd < 0 ? -errno : 0;
}

static void open_undo(struct scan *s)
{
	close(s->fd);
}

static void test_open(void)
{
	scan(&(struct call){ open_make, open_undo, NULL });
}

static int query_make(struct scan *s)
{
	static const uint32_t queries[] = {
		DRM_EGRET_QUERY_DEVICE, DRM_EGRET_QUERY_MEMORY, DRM_EGRET_QUERY_COUNTERS,
	};
	unsigned int i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(queries) && !ret; i++) {
		uint64_t answer[64];
		struct drm_egret_dev_query args = {
			.query = queries[i],
			.size = sizeof(answer),
			.pointer = (uintptr_t)answer,
		};

		ret = card_ioctl(s->c.fd, DRM_IOCTL_EGRET_DEV_QUERY, &args);
	}
	return ret;
}

static void test_query(void)
{
	scan(&(struct call){ query_make, NULL, NULL });
}

static int vm_make(struct scan *s)
{
	struct drm_egret_vm_create args = {};
	int ret = card_ioctl(s->c.fd, DRM_IOCTL_EGRET_VM_CREATE, &args);

	s->handle = args.vm_id;
	return ret;
}

static void vm_undo(struct scan *s)
{
	CHECK_OK(vm_destroy(s->c.fd, s->handle));
}

static void test_vm_create(void)
{
	scan(&(struct call){ vm_make, vm_undo, NULL });
}

static int vram_make(struct scan *s)
{
	return bo_try_create(s->c.fd, 2 * MiB + PAGE, DRM_EGRET_BO_VRAM, 0, &s->handle);
}

static int system_make(struct scan *s)
{
	return bo_try_create(s->c.fd, 64 * KiB, DRM_EGRET_BO_SYSTEM, 0, &s->handle);
}

static int private_make(struct scan *s)
{
	return bo_try_create(s->c.fd, 64 * KiB, DRM_EGRET_BO_VRAM | DRM_EGRET_BO_SYSTEM,
			     s->c.vm, &s->handle);
}

static void bo_undo(struct scan *s)
{
	handle_close(s->c.fd, s->handle);
}

static void test_bo_vram(void)
{
	scan(&(struct call){ vram_make, bo_undo, NULL });
}

static void test_bo_system(void)
{
	scan(&(struct call){ system_make, bo_undo, NULL });
}

static void test_bo_private(void)
{
	scan(&(struct call){ private_make, bo_undo, NULL });
}

static sigjmp_buf fault_jump;

static void on_bus_error(int number)
{
	siglongjmp(fault_jump, number);
}

/* A page that cannot be had is SIGBUS, or is tried again. */
static int mmap_make(struct scan *s)
{
	struct drm_egret_bo_mmap_offset args = { .handle = s->a.handle };
	int ret = card_ioctl(s->c.fd, DRM_IOCTL_EGRET_BO_MMAP_OFFSET, &args);

	if (ret)
		return ret;
	s->map = mmap(NULL, s->a.size, PROT_READ | PROT_WRITE, MAP_SHARED, s->c.fd, args.offset);
	if (s->map == MAP_FAILED)
		return -errno;
	if (sigsetjmp(fault_jump, 1)) {
		munmap(s->map, s->a.size);
		return -EFAULT;
	}
	*(volatile uint64_t *)s->map = 1;
	return 0;
}

static void mmap_undo(struct scan *s)
{
	CHECK_OK(munmap(s->map, s->a.size));
}

static void test_mmap(void)
{
	signal(SIGBUS, on_bus_error);
	scan(&(struct call){ mmap_make, mmap_undo, NULL });
}

/* A binding of a large page, one beside it, and a hole torn into it. */
static int bind_make(struct scan *s)
{
	const struct drm_egret_bind_op ops[] = {
		{
			.op = DRM_EGRET_BIND_MAP,
			.flags = ACCESS_ALL,
			.handle = s->b.handle,
			.va = s->a.va + (1ULL << 40) - PAGE,
			.size = s->b.size,
		}, {
			.op = DRM_EGRET_BIND_MAP,
			.flags = DRM_EGRET_BIND_READ | DRM_EGRET_BIND_WRITE,
			.handle = s->b.handle,
			.va = s->a.va,
			.size = s->b.size,
		}, {
			.op = DRM_EGRET_BIND_UNMAP,
			.va = s->a.va + LARGE_PAGE + PAGE,
			.size = PAGE,
		},
	};

	return vm_bind_ops(s->c.fd, s->c.vm, ops, ARRAY_SIZE(ops));
}

static void bind_undo(struct scan *s)
{
	CHECK_OK(vm_unmap(s->c.fd, s->c.vm, s->a.va + (1ULL << 40) - PAGE, s->b.size));
	CHECK_OK(vm_map(s->c.fd, s->c.vm, s->a.handle, 0, s->a.va, s->a.size, ACCESS_ALL));
}

/* What was bound before is still bound, where the second operation had begun. */
static void bind_check(struct scan *s)
{
	s->a.u64[0] = 0;
	packet_fill(&s->c, s->a.va, 8, 8, 5, 0);
	CHECK_OK(run(&s->c));
	CHECK_EQ(s->a.u64[0], 5);
}

static void test_bind(void)
{
	scan(&(struct call){ bind_make, bind_undo, bind_check });
}

static void unbind_undo(struct scan *s)
{
	CHECK_OK(vm_map(s->c.fd, s->c.vm, s->a.handle, 0, s->a.va, s->a.size, ACCESS_ALL));
}

/* Memory of this process, some of it large pages. */
static int userptr_make(struct scan *s)
{
	static uint8_t memory[2 * MiB + 2 * PAGE] __attribute__((aligned(4096)));
	const struct drm_egret_bind_op op = {
		.op = DRM_EGRET_BIND_MAP_USERPTR,
		.flags = DRM_EGRET_BIND_READ | DRM_EGRET_BIND_WRITE,
		.offset = (uintptr_t)memory,
		.va = s->a.va,
		.size = sizeof(memory),
	};

	return vm_bind_ops(s->c.fd, s->c.vm, &op, 1);
}

static void test_userptr(void)
{
	scan(&(struct call){ userptr_make, unbind_undo, bind_check });
}

static int unbind_make(struct scan *s)
{
	return vm_unmap(s->c.fd, s->c.vm, s->a.va + PAGE, PAGE);
}

static void test_unbind(void)
{
	scan(&(struct call){ unbind_make, unbind_undo, bind_check });
}

static int queue_make(struct scan *s)
{
	struct drm_egret_queue_create args = { .vm_id = s->c.vm };
	int ret = card_ioctl(s->c.fd, DRM_IOCTL_EGRET_QUEUE_CREATE, &args);

	s->handle = args.queue_id;
	return ret;
}

static void queue_undo(struct scan *s)
{
	CHECK_OK(queue_destroy(s->c.fd, s->handle));
}

static void test_queue_create(void)
{
	scan(&(struct call){ queue_make, queue_undo, NULL });
}

static int queue_query_make(struct scan *s)
{
	struct drm_egret_queue_query args = { .queue_id = s->c.queue };

	return card_ioctl(s->c.fd, DRM_IOCTL_EGRET_QUEUE_QUERY, &args);
}

static void test_queue_query(void)
{
	scan(&(struct call){ queue_query_make, NULL, NULL });
}

/* A job that is at work for as long as the test is, of another file. */
static struct client busy;

static void make_busy(void)
{
	struct bo flag;

	set_parameter("hang_timeout_ms", 60000);
	busy = client_open(DRM_EGRET_QUEUE_COPY);
	flag = client_bo(&busy, PAGE, DRM_EGRET_BO_SYSTEM);
	packet_wait(&busy, flag.va, 1);
	CHECK_OK(submit(&busy, NULL, 0));
}

static int queue_wait_make(struct scan *s)
{
	struct drm_egret_queue_wait args = { .queue_id = busy.queue, .job = 1 };
	int ret = card_ioctl(busy.fd, DRM_IOCTL_EGRET_QUEUE_WAIT, &args);

	(void)s;
	return ret == -ETIME ? 0 : ret;
}

static void test_queue_wait(void)
{
	make_busy();
	scan(&(struct call){ queue_wait_make, NULL, NULL });
}

static int queue_export_make(struct scan *s)
{
	struct drm_egret_queue_export args = { .queue_id = busy.queue, .job = 1 };
	int ret = card_ioctl(busy.fd, DRM_IOCTL_EGRET_QUEUE_EXPORT, &args);

	s->fd = args.fd;
	return ret;
}

static void queue_export_undo(struct scan *s)
{
	close(s->fd);
}

static void test_queue_export(void)
{
	make_busy();
	scan(&(struct call){ queue_export_make, queue_export_undo, NULL });
}

/* A job of two calls, that signals binary sync objects and points of timelines. */
static int exec_make(struct scan *s)
{
	struct drm_egret_call calls[2] = {};
	struct drm_egret_sync syncs[ARRAY_SIZE(s->syncs)];
	unsigned int i;

	s->c.packets = 0;
	packet_fill(&s->c, s->a.va, 8, 8, s->jobs, 0);
	packet_fill(&s->c, s->a.va + 8, 8, 8, s->jobs, 0);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		calls[i].va = s->c.cmd.va + i * EGRET_PACKET_SIZE;
		calls[i].count = 1;
	}
	for (i = 0; i < ARRAY_SIZE(syncs); i++)
		syncs[i] = sync_signal(s->syncs[i], i % 2 ? s->jobs + 1 : 0);
	return exec_calls(s->c.fd, s->c.queue, calls, ARRAY_SIZE(calls), syncs, ARRAY_SIZE(syncs));
}

static void exec_undo(struct scan *s)
{
	CHECK_EQ(queue_query(s->c.fd, s->c.queue).jobs_submitted, s->jobs + 1);
	CHECK_OK(run(&s->c));
	CHECK_EQ(s->a.u64[1], s->jobs);
}

static void exec_check(struct scan *s)
{
	CHECK_EQ(queue_query(s->c.fd, s->c.queue).jobs_submitted, s->jobs);
	s->c.packets = 0;
}

static void test_exec(void)
{
	scan(&(struct call){ exec_make, exec_undo, exec_check });
}

static int export_make(struct scan *s)
{
	return drmPrimeHandleToFD(s->c.fd, s->handle, DRM_CLOEXEC | DRM_RDWR, &s->fd) ? -errno : 0;
}

static void export_undo(struct scan *s)
{
	close(s->fd);
}

static int share_make(struct scan *s)
{
	int ret = system_make(s);

	if (ret)
		return ret;
	ret = export_make(s);
	if (ret)
		handle_close(s->c.fd, s->handle);
	return ret;
}

static void share_undo(struct scan *s)
{
	export_undo(s);
	bo_undo(s);
}

static void test_export(void)
{
	scan(&(struct call){ share_make, share_undo, NULL });
}

int main(void)
{
	static const struct test tests[] = {
		TEST_LONG("open", test_open, 60),
		TEST_LONG("device query", test_query, 60),
		TEST_LONG("address space: create", test_vm_create, 60),
		TEST_LONG("buffer: create in device memory", test_bo_vram, 60),
		TEST_LONG("buffer: create in system memory", test_bo_system, 60),
		TEST_LONG("buffer: create for one address space", test_bo_private, 60),
		TEST_LONG("buffer: map", test_mmap, 60),
		TEST_LONG("buffer: export", test_export, 60),
		TEST_LONG("bind", test_bind, 60),
		TEST_LONG("bind memory of a process", test_userptr, 60),
		TEST_LONG("unbind", test_unbind, 60),
		TEST_LONG("queue: create", test_queue_create, 60),
		TEST_LONG("queue: query", test_queue_query, 60),
		TEST_LONG("queue: wait", test_queue_wait, 60),
		TEST_LONG("queue: export", test_queue_export, 60),
		TEST_LONG("execute", test_exec, 60),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
