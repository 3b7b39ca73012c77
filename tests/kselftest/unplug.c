// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * A card that is taken away and brought back in every way there is, at random moments,
 * while programs use it. Run by tests/vmrun/driver-unplug, which carries out what this
 * program asks of the machine's monitor. The first argument is the seed;
 * with "acpi" as the second, slots are the platform's, and only plugging is tried.
 *
 * Each program notices by -ENODEV or -ECANCELED, or not at all; it never gets a wrong
 * result from a job that the driver says has succeeded, nor a signal from a mapping.
 */
#include "egret_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xf86drm.h>

#define WORKERS		4
#define MODULE		"/run/vm/modules/egret.ko"
#define UNLOADS		4
#define PATIENCE_MS	(90000 * test_slow())
#define DRIVER		"/sys/bus/pci/drivers/egret/"

static unsigned int seed;
/* How many jobs each worker has seen succeed. */
static atomic_uint *done;

static void monitor(const char *command)
{
	printf("# monitor: %s\n", command);
}

/* The PCI address of the card that the driver has; false if it has none. */
static bool find_device(char *name, size_t size)
{
	DIR *dir = opendir(DRIVER);
	struct dirent *entry;
	bool found = false;

	CHECK(dir);
	while ((entry = readdir(dir)))
		if (strchr(entry->d_name, ':')) {
			snprintf(name, size, "%s", entry->d_name);
			found = true;
		}
	closedir(dir);
	return found;
}

static void wait_device(char *name, size_t size, bool there)
{
	uint64_t end = now_ns() + PATIENCE_MS * 1000000ULL;

	while (find_device(name, size) != there) {
		if (now_ns() > end)
			test_fail(__FILE__, __LINE__, "the card does not %s",
				  there ? "come back" : "go");
		sleep_ms(20);
	}
}

/* Wait until a card can be opened: one that is given up has a driver still. */
static int await_card(void)
{
	uint64_t end = now_ns() + PATIENCE_MS * 1000000ULL;
	int fd;

	while ((fd = card_try_open_number(0)) < 0) {
		if (now_ns() > end)
			test_fail(__FILE__, __LINE__, "the card does not come back");
		sleep_ms(20);
	}
	return fd;
}

/* ---- programs that use the card ---------------------------------------------------- */

/* What may happen to a call on a card that comes and goes. */
static bool is_lost(int ret)
{
	return ret == -ENODEV || ret == -ECANCELED;
}

struct worker {
	int fd;
	uint32_t vm, queue;
	uint32_t handle[2];
	uint64_t *map[2];
};

#define WORK_SIZE	(256 * KiB)

static int worker_bo(struct worker *w, uint32_t i, uint32_t placement)
{
	struct drm_egret_bo_mmap_offset args = {};
	int ret;

	ret = bo_try_create(w->fd, WORK_SIZE, placement, w->vm, &w->handle[i]);
	if (ret)
		return ret;
	ret = vm_map(w->fd, w->vm, w->handle[i], 0, TEST_VA + i * LARGE_PAGE, WORK_SIZE, ACCESS_ALL);
	if (ret)
		return ret;
	args.handle = w->handle[i];
	ret = card_ioctl(w->fd, DRM_IOCTL_EGRET_BO_MMAP_OFFSET, &args);
	if (ret)
		return ret;
	w->map[i] = mmap(NULL, WORK_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd, args.offset);
	if (w->map[i] != MAP_FAILED)
		return 0;
	w->map[i] = NULL;
	return errno == EINTR ? -EINTR : -ENODEV;
}

static int worker_open(struct worker *w)
{
	struct drm_egret_vm_create vm = {};
	struct drm_egret_queue_create queue = { .type = DRM_EGRET_QUEUE_COPY };
	char path[64];
	int i, ret;

	memset(w, 0, sizeof(*w));
	for (i = 0; i < 8; i++) {
		snprintf(path, sizeof(path), "/dev/accel/accel%d", i);
		w->fd = open(path, O_RDWR | O_CLOEXEC);
		if (w->fd >= 0)
			break;
	}
	if (w->fd < 0)
		return -ENODEV;
	ret = card_ioctl(w->fd, DRM_IOCTL_EGRET_VM_CREATE, &vm);
	w->vm = queue.vm_id = vm.vm_id;
	if (!ret)
		ret = card_ioctl(w->fd, DRM_IOCTL_EGRET_QUEUE_CREATE, &queue);
	w->queue = queue.queue_id;
	if (!ret)
		ret = worker_bo(w, 0, DRM_EGRET_BO_VRAM);
	if (!ret)
		ret = worker_bo(w, 1, DRM_EGRET_BO_SYSTEM);
	return ret;
}

/* Mappings stay usable, whatever becomes of the card. */
static void worker_close(struct worker *w)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		if (!w->map[i])
			continue;
		((volatile uint64_t *)w->map[i])[17] = 5;
		munmap(w->map[i], WORK_SIZE);
	}
	if (w->fd >= 0)
		close(w->fd);
}

/* One job: fill device memory, copy it to system memory, look at it. */
static int worker_job(struct worker *w, uint64_t pattern)
{
	union egret_packet *p = (union egret_packet *)(w->map[1] + WORK_SIZE / 16);
	const struct drm_egret_call call = {
		.va = TEST_VA + LARGE_PAGE + WORK_SIZE / 2, .count = 2,
	};
	struct drm_egret_sync sync;
	uint32_t handle;
	int ret;

	memset(p, 0, 2 * sizeof(*p));
	p[0].header.opcode = EGRET_OP_FILL;
	p[0].fill.width = 8;
	p[0].fill.dst = TEST_VA;
	p[0].fill.size = 64 * KiB;
	p[0].fill.pattern = pattern;
	p[1].header.opcode = EGRET_OP_COPY;
	p[1].header.flags = EGRET_PKT_BARRIER;
	p[1].copy.src = TEST_VA;
	p[1].copy.dst = TEST_VA + LARGE_PAGE;
	p[1].copy.size = 64 * KiB;
	if (drmSyncobjCreate(w->fd, 0, &handle))
		return -errno;
	sync = sync_signal(handle, 0);
	ret = exec_calls(w->fd, w->queue, &call, 1, &sync, 1);
	if (!ret)
		ret = syncobj_wait(w->fd, handle, 0, PATIENCE_MS);
	if (!ret) {
		struct drm_egret_queue_query query = { .queue_id = w->queue };

		/* A job that was cancelled has not done it; one of a live queue is told by it. */
		ret = card_ioctl(w->fd, DRM_IOCTL_EGRET_QUEUE_QUERY, &query);
		if (!ret && query.state != DRM_EGRET_QUEUE_OK)
			ret = -ECANCELED;
		if (!ret && w->map[1][0] != pattern)
			ret = -EAGAIN;
		if (!ret)
			CHECK_EQ(w->map[1][8191], pattern);
	}
	drmSyncobjDestroy(w->fd, handle);
	return ret;
}

static int ask(int fd)
{
	struct drm_egret_memory_info info;
	struct drm_egret_dev_query args = {
		.query = DRM_EGRET_QUERY_MEMORY,
		.size = sizeof(info),
		.pointer = (uintptr_t)&info,
	};

	return card_ioctl(fd, DRM_IOCTL_EGRET_DEV_QUERY, &args);
}

/* Wait until a file is of no use; @what if it stays so long. */
static void await_lost(int fd, const char *what)
{
	uint64_t end = now_ns() + PATIENCE_MS * 1000000ULL;

	while (ask(fd) != -ENODEV) {
		if (now_ns() > end)
			test_fail(__FILE__, __LINE__, "%s", what);
		sleep_ms(20);
	}
}

/*
 * One that never stops writing to device memory: whatever happens, happens in the
 * middle. As long as its file lives, what it has written is there.
 */
static int worker_write(struct worker *w, uint64_t pattern)
{
	volatile uint64_t *word = w->map[0];
	uint32_t i, words = WORK_SIZE / 8;

	for (i = 0; i < words; i++)
		word[i] = pattern + i;
	for (i = 0; i < words; i += 61) {
		if (word[i] == pattern + i)
			continue;
		await_lost(w->fd, "memory is lost, and the file lives");
		return -ENODEV;
	}
	return ask(w->fd);
}

static void work(unsigned int n)
{
	uint64_t pattern = (uint64_t)n << 32;
	struct worker w;
	int ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		ret = worker_open(&w);
		/* -EAGAIN: cancelled by a reset, which the queue outlives. */
		while (!ret || ret == -EAGAIN) {
			ret = n ? worker_job(&w, ++pattern) :
				  worker_write(&w, pattern += WORK_SIZE);
			if (!ret)
				atomic_fetch_add(&done[n], 1);
		}
		if (!is_lost(ret))
			test_fail(__FILE__, __LINE__, "worker %u: %s", n, strerror(-ret));
		worker_close(&w);
		sleep_ms(10);
	}
}

/* ---- what happens to the card -------------------------------------------------------------- */

static void rebind(const char *device)
{
	write_text(DRIVER "unbind", device);
	write_text(DRIVER "bind", device);
}

static void remove_and_rescan(const char *device)
{
	char path[512];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", device);
	write_text(path, "1");
	write_text("/sys/bus/pci/rescan", "1");
}

static void reset_by(const char *device, const char *method)
{
	char path[512];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset_method", device);
	write_text(path, method);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", device);
	write_text(path, "1");
}

static void reset_function(const char *device)
{
	reset_by(device, "flr");
}

static void reset_bus(const char *device)
{
	reset_by(device, "bus");
}

static void inject_aer(const char *error)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "{\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": "
		 "\"pcie_aer_inject_error egret0 %s\"}}", error);
	monitor(command);
}

static void error_not_fatal(const char *device)
{
	(void)device;
	inject_aer("COMP_TIME");
	sleep_ms(2000);
}

static void error_fatal(const char *device)
{
	(void)device;
	inject_aer("DLP");
	sleep_ms(2000);
}

static void set_link(bool up)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "{\"execute\": \"qom-set\", \"arguments\": {\"path\": "
		 "\"/machine/peripheral/egret0\", \"property\": \"link\", \"value\": %s}}",
		 up ? "true" : "false");
	monitor(command);
}

/* Nobody tells the driver; it finds out as soon as it wants something of the card. */
static void lose_link(const char *device)
{
	struct drm_egret_sensors sensors;
	struct drm_egret_dev_query query = {
		.query = DRM_EGRET_QUERY_SENSORS,
		.size = sizeof(sensors),
		.pointer = (uintptr_t)&sensors,
	};
	int fd = card_open();

	set_link(false);
	sleep_ms(1000);
	card_ioctl(fd, DRM_IOCTL_EGRET_DEV_QUERY, &query);
	await_lost(fd, "a card without a link is not noticed");
	close(fd);
	set_link(true);
	sleep_ms(1000);
	/* It has forgotten its addresses. */
	remove_and_rescan(device);
}

static void pull_and_plug(const char *device)
{
	char name[256];

	(void)device;
	monitor("{\"execute\": \"device_del\", \"arguments\": {\"id\": \"egret0\"}}");
	wait_device(name, sizeof(name), false);
	/* The slot is switched off a second after the driver has let go. */
	sleep_ms(5000);
	monitor("{\"execute\": \"device_add\", \"arguments\": {\"driver\": \"egret\", "
		"\"id\": \"egret0\", \"bus\": \"port0\"}}");
}

static const struct action {
	const char *name;
	void (*run)(const char *device);
	/* Whether files that are open are of no use afterwards. */
	bool loses_files;
} actions[] = {
	{ "unbind, bind", rebind, true },
	{ "remove, rescan", remove_and_rescan, true },
	{ "function reset", reset_function, false },
	{ "bus reset", reset_bus, true },
	{ "AER, not fatal", error_not_fatal, false },
	{ "AER, fatal", error_fatal, true },
	{ "link lost", lose_link, true },
	{ "unplug, plug", pull_and_plug, true },
};

/* Of the actions, those from here on are tried. */
static unsigned int first_action;

static void act(const struct action *action)
{
	char device[256];
	int fd;

	fd = await_card();
	wait_device(device, sizeof(device), true);
	printf("# %s\n", action->name);
	action->run(device);
	if (action->loses_files)
		await_lost(fd, "a file survives");
	else
		CHECK_OK(ask(fd));
	close(fd);
}

/* All programs get on. */
static void wait_progress(void)
{
	uint64_t end = now_ns() + PATIENCE_MS * 1000000ULL;
	unsigned int before[WORKERS], i;

	for (i = 0; i < WORKERS; i++)
		before[i] = atomic_load(&done[i]);
	for (i = 0; i < WORKERS; i++)
		while (atomic_load(&done[i]) < before[i] + 3) {
			if (now_ns() > end)
				test_fail(__FILE__, __LINE__, "worker %u does not get on", i);
			sleep_ms(10);
		}
}

static void test_at_work(void)
{
	unsigned int order[ARRAY_SIZE(actions)], i, k, swap;
	unsigned int count = ARRAY_SIZE(actions) - first_action;
	pid_t pid[WORKERS];
	int status;

	done = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(done != MAP_FAILED);
	for (i = 0; i < WORKERS; i++) {
		pid[i] = fork();
		CHECK(pid[i] >= 0);
		if (!pid[i])
			work(i);
	}
	/* A link that is lost is noticed by a queue that makes no progress. */
	set_parameter("hang_timeout_ms", 2000);
	set_parameter("reprobe_limit", 100);
	for (i = 0; i < count; i++)
		order[i] = first_action + i;
	for (i = count - 1; i; i--) {
		k = rand_r(&seed) % (i + 1);
		swap = order[i];
		order[i] = order[k];
		order[k] = swap;
	}
	for (i = 0; i < count; i++) {
		wait_progress();
		sleep_ms(rand_r(&seed) % 300);
		act(&actions[order[i]]);
	}
	wait_progress();
	for (i = 0; i < WORKERS; i++) {
		/* None has ended by itself. */
		CHECK_EQ(waitpid(pid[i], &status, WNOHANG), 0);
		CHECK_OK(kill(pid[i], SIGKILL));
		CHECK_EQ(waitpid(pid[i], &status, 0), pid[i]);
	}
}

/* ---- the same while the card sleeps ------------------------------------------------------ */

static void fill(volatile uint64_t *words, uint64_t tag)
{
	uint32_t i;

	for (i = 0; i < WORK_SIZE / 8; i++)
		words[i] = tag + i;
}

static void check_filled(volatile uint64_t *words, uint64_t tag)
{
	uint32_t i;

	for (i = 0; i < WORK_SIZE / 8; i++)
		CHECK_EQ(words[i], tag + i);
}

static void act_asleep(const struct action *action, uint64_t tag)
{
	struct client c;
	struct bo vram, system;
	char device[256];

	printf("# asleep: %s\n", action->name);
	c = client_on(await_card(), DRM_EGRET_QUEUE_COPY);
	wait_device(device, sizeof(device), true);
	vram = client_bo(&c, WORK_SIZE, DRM_EGRET_BO_VRAM);
	system = client_bo(&c, WORK_SIZE, DRM_EGRET_BO_SYSTEM);
	fill(vram.u64, tag);
	card_sleep();
	action->run(device);
	if (action->loses_files) {
		await_lost(c.fd, "a file survives");
		/* A page of zeros, which is nobody else's. */
		vram.u64[1] = vram.u64[0] + 1;
		CHECK_EQ(vram.u64[1], vram.u64[0] + 1);
	} else {
		check_filled(vram.u64, tag);
		packet_copy(&c, system.va, vram.va, WORK_SIZE, 0);
		CHECK_OK(run(&c));
		check_filled(system.u64, tag);
	}
	client_close(&c);
	/* Whatever it was, it sleeps and works. */
	c = client_on(await_card(), DRM_EGRET_QUEUE_COPY);
	vram = client_bo(&c, WORK_SIZE, DRM_EGRET_BO_VRAM);
	card_sleep();
	packet_fill(&c, vram.va, WORK_SIZE, 8, ~tag, 0);
	CHECK_OK(run(&c));
	CHECK_EQ(vram.u64[WORK_SIZE / 8 - 1], ~tag);
	client_close(&c);
}

static void test_asleep(void)
{
	unsigned int i;

	set_parameter("reprobe_limit", 100);
	for (i = first_action; i < ARRAY_SIZE(actions); i++)
		act_asleep(&actions[i], (uint64_t)i << 40);
}

/* ---- the module ------------------------------------------------------------------------------ */

static int unload(void)
{
	return syscall(SYS_delete_module, "egret", O_NONBLOCK) ? -errno : 0;
}

static void load(void)
{
	int fd = open(MODULE, O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_OK(syscall(SYS_finit_module, fd, "", 0));
	close(fd);
}

/* A job on the card, one in the driver, mappings that are written. */
static void use_until_killed(int ready)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo vram = client_bo(&c, WORK_SIZE, DRM_EGRET_BO_VRAM);
	struct bo flag = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	packet_wait(&c, flag.va, 1);
	CHECK_OK(submit(&c, NULL, 0));
	packet_fill(&c, vram.va, WORK_SIZE, 8, 1, 0);
	CHECK_OK(submit(&c, NULL, 0));
	CHECK_EQ(write(ready, "", 1), 1);
	for (;;)
		fill(vram.u64, 1);
}

/* Refused as long as anybody uses it; then it goes at once, with the process's leavings. */
static void test_unload(void)
{
	uint64_t end;
	char byte;
	int i, ret, pipe_fd[2];
	pid_t pid;

	for (i = 0; i < UNLOADS; i++) {
		CHECK_OK(pipe(pipe_fd));
		pid = fork();
		CHECK(pid >= 0);
		if (!pid)
			use_until_killed(pipe_fd[1]);
		CHECK_EQ(read(pipe_fd[0], &byte, 1), 1);
		ret = unload();
		CHECK(ret == -EAGAIN || ret == -EBUSY);
		CHECK_OK(kill(pid, SIGKILL));
		CHECK_EQ(waitpid(pid, NULL, 0), pid);
		end = now_ns() + PATIENCE_MS * 1000000ULL;
		while ((ret = unload())) {
			CHECK(ret == -EAGAIN || ret == -EBUSY);
			CHECK(now_ns() < end);
			sleep_ms(10);
		}
		CHECK_ERR(card_try_open_number(0), ENOENT);
		load();
		close(pipe_fd[0]);
		close(pipe_fd[1]);
	}
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST_LONG("taken away and brought back at work", test_at_work, 400),
		TEST_LONG("taken away and brought back asleep", test_asleep, 300),
		TEST_LONG("the module is unloaded when nobody uses it", test_unload, 200),
	};

	seed = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;
	if (argc > 2 && !strcmp(argv[2], "acpi"))
		first_action = ARRAY_SIZE(actions) - 1;
	printf("# seed %u\n", seed);
	return test_main(tests, ARRAY_SIZE(tests));
}
