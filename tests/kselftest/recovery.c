// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The ladder of resets: a chip that is broken on purpose, what its users notice, and
 * what they do not. Run by tests/vmrun/driver-recovery, which carries out what this
 * program asks of the machine's monitor.
 */
#include "egret_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>

#define CLUSTERS	4
#define PATIENCE_MS	(60000 * test_slow())

static void inject(const char *property, unsigned int value)
{
	printf("# monitor: {\"execute\": \"qom-set\", \"arguments\": {\"path\": "
	       "\"/machine/peripheral/egret0\", \"property\": \"%s\", \"value\": %u}}\n",
	       property, value);
}

/* ---- uevents ------------------------------------------------------------------- */

static int uevents_open(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	CHECK(fd >= 0);
	CHECK_OK(bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	return fd;
}

static bool message_has(const char *message, ssize_t size, const char *variable)
{
	ssize_t i;

	for (i = 0; i < size; i += strlen(message + i) + 1)
		if (!strcmp(message + i, variable))
			return true;
	return false;
}

/* Wait for an event with one, or two, variables. */
static void uevents_expect(int fd, const char *variable, const char *other)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char message[4096];
	ssize_t size;

	for (;;) {
		if (poll(&p, 1, PATIENCE_MS) <= 0)
			test_fail(__FILE__, __LINE__, "no event with %s", variable);
		size = recv(fd, message, sizeof(message) - 1, 0);
		CHECK(size > 0);
		message[size] = 0;
		if (message_has(message, size, variable)) {
			if (other)
				CHECK(message_has(message, size, other));
			return;
		}
	}
}

/* ---- a queue that hangs the chip --------------------------------------------------- */

struct culprit {
	struct client c;
	uint32_t done;
};

/*
 * A job that does not end, because all clusters stand still. The chip finds that out by
 * itself after 3 s, which may be over already when a slow machine returns.
 */
static struct culprit hang(void)
{
	struct culprit k = { .c = client_open(DRM_EGRET_QUEUE_COMPUTE) };
	struct bo text = client_bo(&k.c, PAGE, DRM_EGRET_BO_VRAM);
	struct drm_egret_sync sync;
	uint32_t i;

	text.u32[0] = 0x00008067;	/* ret */
	for (i = 0; i < CLUSTERS; i++)
		inject("inject-cluster-hang", i);
	k.done = syncobj_create(k.c.fd);
	sync = sync_signal(k.done, 0);
	do {
		k.c.packets = k.c.first = 0;
		packet_dispatch(&k.c, text.va, 64, 0);
		CHECK_OK(submit(&k.c, &sync, 1));
	} while (!syncobj_wait(k.c.fd, k.done, 0, 500) && syncobj_status(k.c.fd, k.done) >= 0);
	return k;
}

/* ---- an innocent neighbour ------------------------------------------------------------ */

struct neighbour {
	struct client c;
	struct bo vram;
	struct bo flag;
	uint32_t done;
	pthread_t thread;
	atomic_bool stop;
	uint64_t written;
};

/* Writes to device memory all the time, as a program does that fills a buffer. */
static void *write_on(void *data)
{
	struct neighbour *n = data;
	volatile uint64_t *word = n->vram.u64 + n->vram.size / 16;

	while (!atomic_load(&n->stop)) {
		n->written++;
		word[n->written % 4096] = n->written;
	}
	return NULL;
}

static void check_written(struct neighbour *n)
{
	volatile uint64_t *word = n->vram.u64 + n->vram.size / 16;
	uint64_t i;

	for (i = 0; i < 4096 && i < n->written; i++)
		CHECK_EQ(word[(n->written - i) % 4096], n->written - i);
}

/* With memory that is written, and a job that waits on the card. */
static void neighbour_begin(struct neighbour *n)
{
	volatile uint64_t *begun;
	struct drm_egret_sync sync;
	uint64_t i;

	memset(n, 0, sizeof(*n));
	n->c = client_open(DRM_EGRET_QUEUE_COPY);
	n->vram = client_bo(&n->c, 4 * MiB, DRM_EGRET_BO_VRAM);
	n->flag = client_bo(&n->c, PAGE, DRM_EGRET_BO_SYSTEM);
	for (i = 0; i < MiB / 8; i++)
		n->vram.u64[i] = ~i;
	packet_fill(&n->c, n->vram.va + 1 * MiB, MiB, 8, 0x1234567890abcdef, 0);
	CHECK_OK(run(&n->c));
	n->done = syncobj_create(n->c.fd);
	sync = sync_signal(n->done, 0);
	packet_fence(&n->c, n->flag.va + 16, 1);
	packet_wait(&n->c, n->flag.va, 1);
	CHECK_OK(submit(&n->c, &sync, 1));
	/* A job that the driver holds back still is not lost in a reset. */
	begun = n->flag.u64 + 2;
	while (!*begun)
		sleep_ms(1);
	CHECK_OK(pthread_create(&n->thread, NULL, write_on, n));
}

/* Its file tells what was reset. */
static void check_event(int fd, uint32_t level)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct drm_egret_event e;

	do {
		CHECK_EQ(poll(&p, 1, PATIENCE_MS), 1);
		CHECK_EQ(read(fd, &e, sizeof(e)), sizeof(e));
	} while (e.base.type != DRM_EGRET_EVENT_RESET);
	CHECK_EQ(e.state, level);
}

/* The job is lost, the queue and the memory are not. */
static void neighbour_goes_on(struct neighbour *n, uint32_t level)
{
	struct bo out = client_bo(&n->c, 2 * MiB, DRM_EGRET_BO_SYSTEM);
	uint64_t i;

	CHECK_OK(syncobj_wait(n->c.fd, n->done, 0, PATIENCE_MS));
	CHECK_EQ(syncobj_status(n->c.fd, n->done), -ECANCELED);
	CHECK_EQ(queue_query(n->c.fd, n->c.queue).state, DRM_EGRET_QUEUE_OK);
	check_event(n->c.fd, level);
	atomic_store(&n->stop, true);
	CHECK_OK(pthread_join(n->thread, NULL));
	check_written(n);
	n->c.packets = n->c.first = 0;
	packet_copy(&n->c, out.va, n->vram.va, 2 * MiB, 0);
	CHECK_OK(run(&n->c));
	for (i = 0; i < MiB / 8; i++) {
		CHECK_EQ(out.u64[i], ~i);
		CHECK_EQ(n->vram.u64[i], ~i);
		CHECK_EQ(out.u64[MiB / 8 + i], 0x1234567890abcdef);
	}
	/* Many jobs: the ring goes round. */
	for (i = 0; i < 1000; i++) {
		packet_fence(&n->c, n->flag.va + 8, i);
		CHECK_OK(run(&n->c));
		CHECK_EQ(n->flag.u64[1], i);
	}
	CHECK_EQ(queue_query(n->c.fd, n->c.queue).jobs_completed,
		 queue_query(n->c.fd, n->c.queue).jobs_submitted);
	client_close(&n->c);
}

/* ---- sysfs ----------------------------------------------------------------------------- */

/* The PCI address of the card. */
static void find_device(char *name, size_t size)
{
	DIR *dir = opendir("/sys/bus/pci/drivers/egret");
	struct dirent *entry;

	CHECK(dir);
	while ((entry = readdir(dir)))
		if (strchr(entry->d_name, ':'))
			snprintf(name, size, "%s", entry->d_name);
	closedir(dir);
}

/* ---- the steps --------------------------------------------------------------------------- */

/* A job behind one that hangs, which may begin when the queue is being killed. */
struct follower {
	struct culprit *culprit;
	struct bo gate;
	uint32_t done;
	pthread_t thread;
};

/* False if the queue is dead already. */
static bool follower_begin(struct follower *f, struct culprit *k)
{
	struct client keeper = client_fork(&k->c, DRM_EGRET_QUEUE_COPY);
	uint32_t open = syncobj_create(k->c.fd);
	struct drm_egret_sync syncs[2] = { sync_signal(open, 0) };
	int ret;

	f->culprit = k;
	f->gate = client_bo(&keeper, PAGE, DRM_EGRET_BO_SYSTEM);
	f->done = syncobj_create(k->c.fd);
	packet_wait(&keeper, f->gate.va, 1);
	CHECK_OK(submit(&keeper, syncs, 1));
	packet(&k->c, EGRET_OP_NOP, 0);
	syncs[0] = sync_wait(open, 0);
	syncs[1] = sync_signal(f->done, 0);
	ret = submit(&k->c, syncs, 2);
	if (ret == -ECANCELED)
		return false;
	CHECK_OK(ret);
	return true;
}

/* Whenever it ends, the one before it has ended. */
static void *follow(void *data)
{
	struct follower *f = data;

	sleep_ms(200);
	f->gate.u64[0] = 1;
	CHECK_OK(syncobj_wait(f->culprit->c.fd, f->done, 0, PATIENCE_MS));
	CHECK_OK(syncobj_wait(f->culprit->c.fd, f->culprit->done, 0, 0));
	return NULL;
}

/* A queue is destroyed that cannot be stopped. Its jobs end in their order. */
static void test_engines_kill(void)
{
	int events = uevents_open();
	struct neighbour n;
	struct follower f;
	struct culprit k;

	neighbour_begin(&n);
	k = hang();
	if (!follower_begin(&f, &k))
		test_skip("this machine is so slow that the chip was faster");
	CHECK_EQ(pthread_create(&f.thread, NULL, follow, &f), 0);
	CHECK_OK(queue_destroy(k.c.fd, k.c.queue));
	CHECK_EQ(pthread_join(f.thread, NULL), 0);
	CHECK_EQ(syncobj_status(k.c.fd, f.done), -ECANCELED);
	CHECK_OK(syncobj_wait(k.c.fd, k.done, 0, PATIENCE_MS));
	CHECK_EQ(syncobj_status(k.c.fd, k.done), -ECANCELED);
	uevents_expect(events, "EGRET_RESET=engines", NULL);
	neighbour_goes_on(&n, DRM_EGRET_RESET_ENGINES);
}

/* The chip finds out by itself. */
static void test_engines_watchdog(void)
{
	int events = uevents_open();
	struct neighbour n;
	struct culprit k;

	neighbour_begin(&n);
	k = hang();
	CHECK_OK(syncobj_wait(k.c.fd, k.done, 0, PATIENCE_MS));
	CHECK_EQ(syncobj_status(k.c.fd, k.done), -ECANCELED);
	CHECK_EQ(queue_query(k.c.fd, k.c.queue).state, DRM_EGRET_QUEUE_DEAD_FAULT);
	CHECK_EQ(queue_query(k.c.fd, k.c.queue).fault_code, EGRET_FAULT_HUNG);
	uevents_expect(events, "EGRET_RESET=engines", NULL);
	neighbour_goes_on(&n, DRM_EGRET_RESET_ENGINES);
}

/* A reset of the engines does not end. */
static void test_function(void)
{
	int events = uevents_open();
	struct neighbour n;
	struct culprit k;

	neighbour_begin(&n);
	inject("inject-reset-hang", 1);
	k = hang();
	CHECK_OK(queue_destroy(k.c.fd, k.c.queue));
	uevents_expect(events, "EGRET_RESET=function", NULL);
	inject("inject-reset-hang", 0);
	neighbour_goes_on(&n, DRM_EGRET_RESET_FUNCTION);
}

/* An administrator resets the function, at work. */
static void test_sysfs_reset(void)
{
	int events = uevents_open();
	struct neighbour n;
	unsigned int i;
	char device[256] = "", path[512];

	find_device(device, sizeof(device));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset_method", device);
	write_text(path, "flr");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", device);
	for (i = 0; i < 3; i++) {
		neighbour_begin(&n);
		write_text(path, "1");
		uevents_expect(events, "EGRET_RESET=function", NULL);
		neighbour_goes_on(&n, DRM_EGRET_RESET_FUNCTION);
	}
}

static int open_until(int ms)
{
	uint64_t end = now_ns() + ms * 1000000ULL;
	char path[64];
	int i, fd;

	while (now_ns() < end) {
		for (i = 0; i < 4; i++) {
			snprintf(path, sizeof(path), "/dev/accel/accel%d", i);
			fd = open(path, O_RDWR | O_CLOEXEC);
			if (fd >= 0)
				return fd;
		}
		sleep_ms(50);
	}
	test_fail(__FILE__, __LINE__, "the card does not come back");
}

/* There may be a file, but it cannot be opened. */
static void check_refused(void)
{
	char path[64];
	int i;

	for (i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "/dev/accel/accel%d", i);
		CHECK(open(path, O_RDWR | O_CLOEXEC) < 0);
		CHECK(errno == ENODEV || errno == ENOENT);
	}
}

static void check_works(void)
{
	struct client c;
	struct bo bo;

	close(open_until(PATIENCE_MS));
	c = client_open(DRM_EGRET_QUEUE_COPY);
	bo = client_bo(&c, PAGE, DRM_EGRET_BO_VRAM);
	packet_fence(&c, bo.va, 77);
	CHECK_OK(run(&c));
	CHECK_EQ(bo.u64[0], 77);
	client_close(&c);
}

/* What is left of a file whose card is gone, or given up. */
static void neighbour_is_lost(struct neighbour *n)
{
	struct drm_egret_queue_query query = { .queue_id = n->c.queue };
	uint64_t end = now_ns() + PATIENCE_MS * 1000000ULL;
	int ret = syncobj_wait(n->c.fd, n->done, 0, PATIENCE_MS);

	/* Whatever comes first: the end of the job, or that of the file. */
	CHECK(!ret || ret == -ENODEV);
	while (card_ioctl(n->c.fd, DRM_IOCTL_EGRET_QUEUE_QUERY, &query) != -ENODEV) {
		CHECK(now_ns() < end);
		sleep_ms(10);
	}
	/* Mappings do no harm. */
	n->vram.u32[0] = n->vram.u32[1];
	n->flag.u32[0] = n->flag.u32[1];
	atomic_store(&n->stop, true);
	CHECK_OK(pthread_join(n->thread, NULL));
	client_close(&n->c);
}

/* A function reset does not end either. */
static void test_reprobe(void)
{
	int events = uevents_open();
	struct neighbour n;
	struct culprit k;

	neighbour_begin(&n);
	inject("inject-reset-hang", 2);
	k = hang();
	queue_destroy(k.c.fd, k.c.queue);
	uevents_expect(events, "EGRET_RESET=re-probe", NULL);
	neighbour_is_lost(&n);
	client_close(&k.c);
	check_works();
}

/* It is re-probed too often: nobody can open it until it is bound again. */
static void test_wedged(void)
{
	int events = uevents_open();
	char device[256] = "";
	struct neighbour n;
	struct culprit k;

	find_device(device, sizeof(device));
	set_parameter("reprobe_limit", 0);
	neighbour_begin(&n);
	inject("inject-reset-hang", 2);
	k = hang();
	queue_destroy(k.c.fd, k.c.queue);
	uevents_expect(events, "EGRET_RESET=wedged", "WEDGED=rebind,bus-reset");
	neighbour_is_lost(&n);
	check_refused();
	client_close(&k.c);
	inject("inject-reset-hang", 0);
	sleep_ms(500);
	write_text("/sys/bus/pci/drivers/egret/unbind", device);
	write_text("/sys/bus/pci/drivers/egret/bind", device);
	check_works();
}

int main(void)
{
	static const struct test tests[] = {
		TEST_LONG("engines: a kill that does not end", test_engines_kill, 120),
		TEST_LONG("engines: found by the chip", test_engines_watchdog, 120),
		TEST_LONG("function reset", test_function, 120),
		TEST_LONG("function reset by an administrator", test_sysfs_reset, 120),
		TEST_LONG("re-probe", test_reprobe, 120),
		TEST_LONG("wedged", test_wedged, 120),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
