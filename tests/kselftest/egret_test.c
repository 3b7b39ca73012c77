// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "egret_test.h"

#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/sync_file.h>
#include <xf86drm.h>

#define DEFAULT_TIMEOUT	30
#define MINORS		16
#define STATUS_SKIP	77
/* How long the driver may take to clean up behind a process. */
#define CLEANUP_MS	10000
/* No job of a test takes so long, on a slow host under load. */
#define JOB_MS		20000

/* ---- harness ------------------------------------------------------------ */

/* A line is out as soon as it ends: whoever reads acts on it, or the machine may stop. */
__attribute__((constructor)) static void write_lines(void)
{
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
}

void test_fail(const char *file, int line, const char *format, ...)
{
	const char *name = strrchr(file, '/');
	va_list args;

	printf("# %s:%d: ", name ? name + 1 : file, line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	_exit(1);
}

void test_skip(const char *why)
{
	printf("# skipped: %s\n", why);
	_exit(STATUS_SKIP);
}

unsigned int test_slow(void)
{
	const char *factor = getenv("EGRET_TEST_SLOW");
	int n = factor ? atoi(factor) : 1;

	return n > 0 ? n : 1;
}

static unsigned int get_parameter(const char *name);

/* Parameters that a test may change, and that are put back behind it. */
static const char * const parameters[] = {
	"ban_after", "ban_window_s", "hang_timeout_ms", "job_timeout_s", "reprobe_limit",
	"userptr_wait_ms",
};

/* Run a test in a process of its own; its wait status. */
static int run_test(const struct test *test)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return 0xff00;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm((test->timeout ? test->timeout : DEFAULT_TIMEOUT) * test_slow());
		test->run();
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 0xff00;
	return status;
}

bool memory_returns_to(int fd, uint64_t used)
{
	unsigned int waited;

	for (waited = 0; waited < CLEANUP_MS * test_slow(); waited += 10) {
		if (memory_info(fd).vram_used == used)
			return true;
		sleep_ms(10);
	}
	printf("# device memory in use: %llu bytes, before: %llu\n",
	       (unsigned long long)memory_info(fd).vram_used, (unsigned long long)used);
	return false;
}

int test_main(const struct test *tests, unsigned int count)
{
	unsigned int values[ARRAY_SIZE(parameters)];
	unsigned int failed = 0, i, p;
	bool leaked;
	uint64_t used;
	int fd, status;

	printf("TAP version 13\n1..%u\n", count);
	for (i = 0; i < count; i++) {
		/* Not held open during the test: some remove the driver. */
		fd = card_open();
		used = memory_info(fd).vram_used;
		close(fd);
		for (p = 0; p < ARRAY_SIZE(parameters); p++)
			values[p] = get_parameter(parameters[p]);
		status = run_test(&tests[i]);
		for (p = 0; p < ARRAY_SIZE(parameters); p++)
			set_parameter(parameters[p], values[p]);
		fd = card_open();
		leaked = !memory_returns_to(fd, used);
		close(fd);
		if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_SKIP) {
			printf("ok %u - %s # SKIP\n", i + 1, tests[i].name);
			continue;
		}
		if (WIFSIGNALED(status))
			printf("# killed by %s\n", strsignal(WTERMSIG(status)));
		if (status || leaked)
			failed++;
		printf("%s %u - %s\n", status || leaked ? "not ok" : "ok", i + 1, tests[i].name);
	}
	return failed ? 1 : 0;
}

/* ---- the card ------------------------------------------------------------- */

static bool is_egret(int fd)
{
	drmVersionPtr version = drmGetVersion(fd);
	bool is = version && !strcmp(version->name, "egret");

	if (version)
		drmFreeVersion(version);
	return is;
}

int card_try_open_number(unsigned int number)
{
	unsigned int i;

	for (i = 0; i < MINORS; i++) {
		char path[64];
		int fd;

		snprintf(path, sizeof(path), "/dev/accel/accel%u", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (is_egret(fd) && !number--)
			return fd;
		close(fd);
	}
	return -ENOENT;
}

int card_open_number(unsigned int number)
{
	int fd = card_try_open_number(number);

	if (fd < 0)
		test_fail(__FILE__, __LINE__, "there is no card %u with the egret driver", number);
	return fd;
}

int card_open(void)
{
	return card_open_number(0);
}

int card_ioctl(int fd, unsigned long request, void *arg)
{
	return drmIoctl(fd, request, arg) ? -errno : 0;
}

static void query(int fd, uint32_t what, void *answer, uint32_t size)
{
	struct drm_egret_dev_query args = {
		.query = what,
		.size = size,
		.pointer = (uintptr_t)answer,
	};

	CHECK_OK(card_ioctl(fd, DRM_IOCTL_EGRET_DEV_QUERY, &args));
	CHECK_EQ(args.size, size);
}

struct drm_egret_device_info device_info(int fd)
{
	struct drm_egret_device_info info;

	query(fd, DRM_EGRET_QUERY_DEVICE, &info, sizeof(info));
	return info;
}

struct drm_egret_memory_info memory_info(int fd)
{
	struct drm_egret_memory_info info;

	query(fd, DRM_EGRET_QUERY_MEMORY, &info, sizeof(info));
	return info;
}

struct drm_egret_counters counters(int fd)
{
	struct drm_egret_counters answer;

	query(fd, DRM_EGRET_QUERY_COUNTERS, &answer, sizeof(answer));
	return answer;
}

static void parameter_path(char *path, size_t size, const char *name)
{
	snprintf(path, size, "/sys/module/egret/parameters/%s", name);
}

void set_parameter(const char *name, unsigned int value)
{
	char path[128];
	FILE *f;

	parameter_path(path, sizeof(path), name);
	f = fopen(path, "w");
	if (!f || fprintf(f, "%u", value) < 0 || fclose(f))
		test_fail(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
}

static unsigned int get_parameter(const char *name)
{
	unsigned int value;
	char path[128];
	FILE *f;

	parameter_path(path, sizeof(path), name);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%u", &value) != 1)
		test_fail(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
	fclose(f);
	return value;
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void sleep_ms(unsigned int ms)
{
	struct timespec t = { ms / 1000, (ms % 1000) * 1000000L };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

/* ---- files of the kernel -------------------------------------------------------- */

char *read_text(const char *path)
{
	size_t size = 0, room = 64 * KiB;
	char *text = malloc(room);
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		test_fail(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
	while ((n = read(fd, text + size, room - 1 - size)) > 0) {
		size += n;
		if (room - size < 4 * KiB)
			text = realloc(text, room *= 2);
	}
	if (n < 0)
		test_fail(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
	close(fd);
	text[size] = 0;
	return text;
}

void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd))
		test_fail(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
}

void sysfs_path(char path[256], const char *name)
{
	glob_t found;

	CHECK_OK(glob("/sys/bus/pci/drivers/egret/0*", 0, NULL, &found));
	snprintf(path, 256, "%s/%s", found.gl_pathv[0], name);
	globfree(&found);
}

void debugfs_path(char path[256], const char *name)
{
	char device[256];

	sysfs_path(device, "");
	device[strlen(device) - 1] = 0;
	snprintf(path, 256, "/sys/kernel/debug/accel/%s/%s", strrchr(device, '/') + 1, name);
}

uint64_t fdinfo(int fd, const char *key)
{
	char line[256], path[64], unit[8] = "";
	uint64_t value = ~0ULL;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		unsigned long long number;

		if (strncmp(line, key, strlen(key)) || line[strlen(key)] != ':' ||
		    sscanf(line + strlen(key) + 1, "%llu %7s", &number, unit) < 1)
			continue;
		value = number * (!strcmp(unit, "KiB") ? KiB : !strcmp(unit, "MiB") ? MiB : 1);
	}
	fclose(f);
	CHECK(value != ~0ULL);
	return value;
}

bool falls_asleep(const char *power, unsigned int patience_ms)
{
	char delay[PATH_MAX], status[PATH_MAX], *text;
	unsigned int waited;
	bool asleep = false;

	CHECK((size_t)snprintf(delay, sizeof(delay), "%s/autosuspend_delay_ms", power) < sizeof(delay));
	CHECK((size_t)snprintf(status, sizeof(status), "%s/runtime_status", power) < sizeof(status));
	write_text(delay, "20");
	for (waited = 0; !asleep && waited < patience_ms; waited += 10) {
		sleep_ms(10);
		text = read_text(status);
		asleep = !strcmp(text, "suspended\n");
		free(text);
	}
	write_text(delay, "1000");
	return asleep;
}

void card_sleep(void)
{
	char path[256];

	sysfs_path(path, "power/control");
	write_text(path, "auto");
	sysfs_path(path, "power");
	CHECK(falls_asleep(path, CLEANUP_MS * test_slow()));
}

/* ---- objects ----------------------------------------------------------------- */

uint32_t vm_create(int fd)
{
	struct drm_egret_vm_create args = {};

	CHECK_OK(card_ioctl(fd, DRM_IOCTL_EGRET_VM_CREATE, &args));
	CHECK(args.vm_id);
	return args.vm_id;
}

int vm_destroy(int fd, uint32_t vm)
{
	struct drm_egret_vm_destroy args = { .vm_id = vm };

	return card_ioctl(fd, DRM_IOCTL_EGRET_VM_DESTROY, &args);
}

uint32_t queue_create_priority(int fd, uint32_t vm, uint32_t type, uint32_t priority)
{
	struct drm_egret_queue_create args = {
		.vm_id = vm,
		.type = type,
		.priority = priority,
	};

	CHECK_OK(card_ioctl(fd, DRM_IOCTL_EGRET_QUEUE_CREATE, &args));
	CHECK(args.queue_id);
	return args.queue_id;
}

uint32_t queue_create(int fd, uint32_t vm, uint32_t type)
{
	return queue_create_priority(fd, vm, type, DRM_EGRET_PRIORITY_NORMAL);
}

int queue_destroy(int fd, uint32_t queue)
{
	struct drm_egret_queue_destroy args = { .queue_id = queue };

	return card_ioctl(fd, DRM_IOCTL_EGRET_QUEUE_DESTROY, &args);
}

struct drm_egret_queue_query queue_query(int fd, uint32_t queue)
{
	struct drm_egret_queue_query args = { .queue_id = queue };

	CHECK_OK(card_ioctl(fd, DRM_IOCTL_EGRET_QUEUE_QUERY, &args));
	return args;
}

int bo_try_create(int fd, uint64_t size, uint32_t placement, uint32_t vm, uint32_t *handle)
{
	struct drm_egret_bo_create args = {
		.size = size,
		.placement = placement,
		.vm_id = vm,
	};
	int ret = card_ioctl(fd, DRM_IOCTL_EGRET_BO_CREATE, &args);

	*handle = args.handle;
	return ret;
}

struct bo bo_create(int fd, uint64_t size, uint32_t placement, uint32_t vm)
{
	struct bo bo = { .size = size };

	CHECK_OK(bo_try_create(fd, size, placement, vm, &bo.handle));
	CHECK(bo.handle);
	return bo;
}

void bo_map(int fd, struct bo *bo)
{
	struct drm_egret_bo_mmap_offset args = { .handle = bo->handle };

	CHECK_OK(card_ioctl(fd, DRM_IOCTL_EGRET_BO_MMAP_OFFSET, &args));
	bo->map = mmap(NULL, bo->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, args.offset);
	CHECK(bo->map != MAP_FAILED);
}

void bo_close(int fd, struct bo *bo)
{
	if (bo->map)
		CHECK_OK(munmap(bo->map, bo->size));
	handle_close(fd, bo->handle);
	bo->map = NULL;
}

void handle_close(int fd, uint32_t handle)
{
	struct drm_gem_close args = { .handle = handle };

	CHECK_OK(card_ioctl(fd, DRM_IOCTL_GEM_CLOSE, &args));
}

static int vm_bind(int fd, uint32_t vm, uint32_t flags, const struct drm_egret_bind_op *ops,
		   uint32_t count, const struct drm_egret_sync *syncs, uint32_t num_syncs)
{
	struct drm_egret_vm_bind args = { .vm_id = vm, .flags = flags };

	if (count)
		args.ops = (struct drm_egret_array) {
			.stride = sizeof(*ops), .count = count, .array = (uintptr_t)ops,
		};
	if (num_syncs)
		args.syncs = (struct drm_egret_array) {
			.stride = sizeof(*syncs), .count = num_syncs, .array = (uintptr_t)syncs,
		};
	return card_ioctl(fd, DRM_IOCTL_EGRET_VM_BIND, &args);
}

int vm_bind_ops(int fd, uint32_t vm, const struct drm_egret_bind_op *ops, uint32_t count)
{
	return vm_bind(fd, vm, 0, ops, count, NULL, 0);
}

int vm_bind_async(int fd, uint32_t vm, const struct drm_egret_bind_op *ops, uint32_t count,
		  const struct drm_egret_sync *syncs, uint32_t num_syncs)
{
	return vm_bind(fd, vm, DRM_EGRET_VM_BIND_ASYNC, ops, count, syncs, num_syncs);
}

int vm_map(int fd, uint32_t vm, uint32_t handle, uint64_t offset, uint64_t va,
	   uint64_t size, uint32_t flags)
{
	const struct drm_egret_bind_op op = {
		.op = DRM_EGRET_BIND_MAP,
		.flags = flags,
		.handle = handle,
		.offset = offset,
		.va = va,
		.size = size,
	};

	return vm_bind_ops(fd, vm, &op, 1);
}

int vm_unmap(int fd, uint32_t vm, uint64_t va, uint64_t size)
{
	const struct drm_egret_bind_op op = {
		.op = DRM_EGRET_BIND_UNMAP,
		.va = va,
		.size = size,
	};

	return vm_bind_ops(fd, vm, &op, 1);
}

/* ---- client ---------------------------------------------------------------------- */

#define CMD_SIZE	(64 * KiB)
#define CMD_PACKETS	(CMD_SIZE / EGRET_PACKET_SIZE)

static void client_add_queue(struct client *c, uint32_t queue_type)
{
	c->queue = queue_create(c->fd, c->vm, queue_type);
	c->cmd = client_bo(c, CMD_SIZE, DRM_EGRET_BO_SYSTEM);
	c->packets = 0;
	c->first = 0;
}

struct client client_on(int fd, uint32_t queue_type)
{
	struct client c = { .fd = fd, .next_va = TEST_VA };

	c.vm = vm_create(c.fd);
	client_add_queue(&c, queue_type);
	return c;
}

struct client client_open(uint32_t queue_type)
{
	return client_on(card_open(), queue_type);
}

struct client client_fork(struct client *c, uint32_t queue_type)
{
	struct client other = *c;

	client_add_queue(&other, queue_type);
	/* Addresses of the two must not meet. */
	c->next_va = other.next_va;
	other.next_va += 1ULL << 40;
	return other;
}

void client_close(struct client *c)
{
	close(c->fd);
}

struct bo client_bo(struct client *c, uint64_t size, uint32_t placement)
{
	struct bo bo = bo_create(c->fd, size, placement, c->vm);

	bo.va = c->next_va;
	c->next_va += (size + 2 * LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
	CHECK_OK(vm_map(c->fd, c->vm, bo.handle, 0, bo.va, size, ACCESS_ALL));
	bo_map(c->fd, &bo);
	return bo;
}

union egret_packet *packet(struct client *c, uint8_t opcode, uint8_t flags)
{
	union egret_packet *p;

	CHECK(c->packets < CMD_PACKETS);
	p = (union egret_packet *)c->cmd.map + c->packets++;
	memset(p, 0, sizeof(*p));
	p->header.opcode = opcode;
	p->header.flags = flags;
	return p;
}

void packet_copy(struct client *c, uint64_t dst, uint64_t src, uint64_t size, uint8_t flags)
{
	union egret_packet *p = packet(c, EGRET_OP_COPY, flags);

	p->copy.src = src;
	p->copy.dst = dst;
	p->copy.size = size;
}

void packet_fill(struct client *c, uint64_t dst, uint64_t size, uint32_t width,
		 uint64_t pattern, uint8_t flags)
{
	union egret_packet *p = packet(c, EGRET_OP_FILL, flags);

	p->fill.width = width;
	p->fill.dst = dst;
	p->fill.size = size;
	p->fill.pattern = pattern;
}

void packet_fence(struct client *c, uint64_t addr, uint64_t value)
{
	union egret_packet *p = packet(c, EGRET_OP_FENCE, 0);

	p->fence.addr = addr;
	p->fence.value = value;
}

void packet_wait(struct client *c, uint64_t addr, uint64_t value)
{
	union egret_packet *p = packet(c, EGRET_OP_WAIT, 0);

	p->wait.addr = addr;
	p->wait.value = value;
}

void packet_dispatch(struct client *c, uint64_t entry, uint32_t groups, uint64_t cookie)
{
	union egret_packet *p = packet(c, EGRET_OP_DISPATCH,
				       EGRET_PKT_BARRIER | EGRET_PKT_INVALIDATE_CODE);

	p->dispatch.entry = entry;
	p->dispatch.grid[0] = groups;
	p->dispatch.grid[1] = 1;
	p->dispatch.grid[2] = 1;
	p->dispatch.cookie = cookie;
}

int exec_calls(int fd, uint32_t queue, const struct drm_egret_call *calls,
	       uint32_t num_calls, const struct drm_egret_sync *syncs, uint32_t num_syncs)
{
	struct drm_egret_exec args = {
		.queue_id = queue,
		.calls = {
			.stride = sizeof(*calls),
			.count = num_calls,
			.array = num_calls ? (uintptr_t)calls : 0,
		},
		.syncs = {
			.stride = sizeof(*syncs),
			.count = num_syncs,
			.array = num_syncs ? (uintptr_t)syncs : 0,
		},
	};

	return card_ioctl(fd, DRM_IOCTL_EGRET_EXEC, &args);
}

int submit(struct client *c, const struct drm_egret_sync *syncs, uint32_t num_syncs)
{
	struct drm_egret_call call = {
		.va = c->cmd.va + (uint64_t)c->first * EGRET_PACKET_SIZE,
		.count = c->packets - c->first,
	};

	c->first = c->packets;
	return exec_calls(c->fd, c->queue, &call, call.count ? 1 : 0, syncs, num_syncs);
}

int run(struct client *c)
{
	uint32_t done = syncobj_create(c->fd);
	struct drm_egret_sync sync = sync_signal(done, 0);
	int ret;

	ret = submit(c, &sync, 1);
	if (!ret) {
		CHECK_OK(syncobj_wait(c->fd, done, 0, JOB_MS));
		ret = syncobj_status(c->fd, done);
		CHECK(ret);
		if (ret > 0)
			ret = 0;
	}
	syncobj_destroy(c->fd, done);
	/* Nothing runs any more: begin anew. */
	c->packets = 0;
	c->first = 0;
	return ret;
}

int64_t peek(struct client *c, struct bo *out, uint64_t va)
{
	int ret;

	out->u32[0] = 0xdeadbeef;
	packet_copy(c, out->va, va, 4, 0);
	ret = run(c);
	if (!ret)
		return out->u32[0];
	CHECK_EQ(ret, -ECANCELED);
	/* The queue is dead: go on with another one. */
	CHECK_OK(queue_destroy(c->fd, c->queue));
	c->queue = queue_create(c->fd, c->vm, DRM_EGRET_QUEUE_COPY);
	return -1;
}

struct bo numbered_bo(struct client *c, uint64_t size, uint32_t placement, uint32_t tag)
{
	struct bo bo = bo_create(c->fd, size, placement, 0);
	uint64_t i;

	bo_map(c->fd, &bo);
	for (i = 0; i < size / PAGE; i++)
		bo.u32[i * PAGE / 4] = tag + i;
	return bo;
}

/* ---- sync objects -------------------------------------------------------------------- */

uint32_t syncobj_create(int fd)
{
	uint32_t handle;

	CHECK_OK(drmSyncobjCreate(fd, 0, &handle));
	return handle;
}

void syncobj_destroy(int fd, uint32_t handle)
{
	CHECK_OK(drmSyncobjDestroy(fd, handle));
}

int syncobj_wait(int fd, uint32_t handle, uint64_t point, unsigned int ms)
{
	int64_t deadline = now_ns() + (int64_t)ms * 1000000 * test_slow();

	if (point)
		return drmSyncobjTimelineWait(fd, &handle, &point, 1, deadline, 0, NULL);
	return drmSyncobjWait(fd, &handle, 1, deadline, 0, NULL);
}

int syncobj_status(int fd, uint32_t handle)
{
	struct sync_file_info info = {};
	int sync_file;

	CHECK_OK(drmSyncobjExportSyncFile(fd, handle, &sync_file));
	CHECK_OK(ioctl(sync_file, SYNC_IOC_FILE_INFO, &info));
	close(sync_file);
	return info.status;
}

struct drm_egret_sync sync_wait(uint32_t handle, uint64_t point)
{
	return (struct drm_egret_sync) {
		.flags = DRM_EGRET_SYNC_WAIT | (point ? DRM_EGRET_SYNC_TIMELINE : 0),
		.handle = handle,
		.point = point,
	};
}

struct drm_egret_sync sync_signal(uint32_t handle, uint64_t point)
{
	return (struct drm_egret_sync) {
		.flags = DRM_EGRET_SYNC_SIGNAL | (point ? DRM_EGRET_SYNC_TIMELINE : 0),
		.handle = handle,
		.point = point,
	};
}

/* ---- buffers of others -------------------------------------------------------------- */

int bo_export(int fd, uint32_t handle)
{
	int dma_buf;

	CHECK_OK(drmPrimeHandleToFD(fd, handle, DRM_CLOEXEC | DRM_RDWR, &dma_buf));
	return dma_buf;
}

struct bo bo_import(struct client *c, int dma_buf)
{
	struct bo bo = { .size = lseek(dma_buf, 0, SEEK_END), .va = c->next_va };

	CHECK_OK(drmPrimeFDToHandle(c->fd, dma_buf, &bo.handle));
	CHECK_OK(vm_map(c->fd, c->vm, bo.handle, 0, bo.va, bo.size, ACCESS_ALL));
	c->next_va += (bo.size + 2 * LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
	return bo;
}
