// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * A machine that sleeps while its card is at work. Run by tests/vmrun/driver-sleep, with
 * --in-memory, because a 9p root does not survive the sleep. The machine's clock wakes it.
 */
#include "egret_test.h"

#include <fcntl.h>
#include <unistd.h>

#define SIZE	(4 * MiB)
#define FILLS	24

static unsigned int count;

static void ok(const char *name)
{
	printf("ok %u - %s\n", ++count, name);
	fflush(stdout);
}

/* 0, or a negative errno. */
static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static unsigned long get(const char *path)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY);

	CHECK(fd >= 0);
	CHECK(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return strtoul(text, NULL, 0);
}

static bool has(const char *path, const char *word)
{
	char text[256] = "";
	int fd = open(path, O_RDONLY);

	CHECK(fd >= 0);
	CHECK(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return strstr(text, word);
}

/* The whole machine, as deep as @depth says; 0 after it woke, or a negative errno. */
static int sleep_machine(const char *depth)
{
	CHECK_OK(put("/sys/power/mem_sleep", depth));
	CHECK_OK(put("/sys/class/rtc/rtc0/wakealarm", "0"));
	/* Later than the driver's patience, earlier than ours. */
	CHECK_OK(put("/sys/class/rtc/rtc0/wakealarm", "+15"));
	return put("/sys/power/state", "mem");
}

/* The card as it is used: two clients, one of which waits for the other. */
struct work {
	struct client first;
	struct client second;
	struct client held;
	struct bo vram;
	struct bo big;
	struct bo secret;
	struct bo result;
	struct bo word;
	uint64_t round;
};

static void begin(struct work *w)
{
	uint64_t i;

	w->first = client_open(DRM_EGRET_QUEUE_COPY);
	w->second = client_fork(&w->first, DRM_EGRET_QUEUE_COPY);
	w->held = client_fork(&w->first, DRM_EGRET_QUEUE_COPY);
	w->vram = client_bo(&w->first, SIZE, DRM_EGRET_BO_VRAM);
	w->big = client_bo(&w->first, 32 * MiB, DRM_EGRET_BO_VRAM);
	w->secret = client_bo(&w->first, SIZE, DRM_EGRET_BO_VRAM);
	w->result = client_bo(&w->first, SIZE, DRM_EGRET_BO_SYSTEM);
	w->word = client_bo(&w->first, PAGE, DRM_EGRET_BO_SYSTEM);
	for (i = 0; i < w->secret.size / 8; i++)
		w->secret.u64[i] = i * 0x9e3779b97f4a7c15ULL;
}

static void check_secret(const struct work *w)
{
	uint64_t i;

	for (i = 0; i < w->secret.size / 8; i++)
		CHECK_EQ(w->secret.u64[i], i * 0x9e3779b97f4a7c15ULL);
}

/*
 * Sleep with jobs: one fills much memory, one in another queue waits for it in the card and
 * copies, one waits in the driver for a sync object that is signalled after the sleep.
 */
static void sleep_with_jobs(struct work *w, const char *depth)
{
	uint32_t done = syncobj_create(w->first.fd), later = syncobj_create(w->first.fd);
	struct drm_egret_sync syncs[2];
	uint64_t i;

	w->round++;
	w->word.u64[0] = 0;
	for (i = 0; i < FILLS; i++)
		packet_fill(&w->first, w->big.va, w->big.size, 8, i, 0);
	packet_fill(&w->first, w->vram.va, w->vram.size, 8, w->round, EGRET_PKT_BARRIER);
	packet(&w->first, EGRET_OP_BARRIER, 0);
	packet_fence(&w->first, w->word.va, w->round);
	CHECK_OK(submit(&w->first, NULL, 0));
	packet_wait(&w->second, w->word.va, w->round);
	packet_copy(&w->second, w->result.va, w->vram.va, w->vram.size, EGRET_PKT_BARRIER);
	syncs[0] = sync_signal(done, 0);
	CHECK_OK(submit(&w->second, syncs, 1));
	packet_fill(&w->held, w->vram.va, 64, 8, ~w->round, 0);
	syncs[0] = sync_wait(done, 0);
	syncs[1] = sync_signal(later, 0);
	CHECK_OK(submit(&w->held, syncs, 2));

	CHECK_OK(sleep_machine(depth));

	CHECK_OK(syncobj_wait(w->first.fd, later, 0, 60000));
	CHECK_EQ(syncobj_status(w->first.fd, done), 1);
	CHECK_EQ(syncobj_status(w->first.fd, later), 1);
	for (i = 0; i < w->result.size / 8; i++)
		CHECK_EQ(w->result.u64[i], w->round);
	CHECK_EQ(w->vram.u64[0], ~w->round);
	CHECK_EQ(w->vram.u64[8], w->round);
	check_secret(w);
	syncobj_destroy(w->first.fd, done);
	syncobj_destroy(w->first.fd, later);
}

static void use_again(struct work *w)
{
	packet_fill(&w->first, w->vram.va, w->vram.size, 8, 99, 0);
	CHECK_OK(run(&w->first));
	CHECK_EQ(w->vram.u64[SIZE / 8 - 1], 99);
	CHECK(queue_query(w->first.fd, w->first.queue).state == DRM_EGRET_QUEUE_OK);
}

int main(void)
{
	const char *device = "/sys/bus/pci/devices/0000:01:00.0";
	struct drm_egret_sync sync;
	struct work w = {};
	char path[128];
	uint32_t done;

	printf("TAP version 13\n1..8\n");
	begin(&w);
	snprintf(path, sizeof(path), "%s/sleep/refused", device);

	/* Abandoned halfway: the devices are stopped, and started again without a reset. */
	if (!put("/sys/power/pm_test", "devices")) {
		sleep_with_jobs(&w, "deep");
		CHECK_OK(put("/sys/power/pm_test", "none"));
		ok("a sleep that is abandoned");
	} else {
		ok("a sleep that is abandoned # SKIP the kernel has no pm_test");
	}

	/*
	 * To the end: the card is in D3hot. Then the kernel wakes by itself, because nothing
	 * in this machine does from this sleep.
	 */
	if (!put("/sys/power/pm_test", "platform")) {
		sleep_with_jobs(&w, "s2idle");
		ok("suspend to idle, at work");
		sleep_with_jobs(&w, "s2idle");
		use_again(&w);
		CHECK_OK(put("/sys/power/pm_test", "none"));
		ok("and again");
	} else {
		ok("suspend to idle, at work # SKIP the kernel has no pm_test");
		ok("and again # SKIP the kernel has no pm_test");
	}
	CHECK(has("/sys/power/mem_sleep", "deep"));
	sleep_with_jobs(&w, "deep");
	ok("suspend to memory, at work: the card has no power meanwhile");
	sleep_with_jobs(&w, "deep");
	use_again(&w);
	ok("and again");
	CHECK_EQ(get(path), 0);

	/* A job that does not end. */
	set_parameter("suspend_timeout_ms", 300);
	done = syncobj_create(w.first.fd);
	sync = sync_signal(done, 0);
	w.word.u64[0] = 0;
	packet_wait(&w.first, w.word.va, 1000);
	CHECK_OK(submit(&w.first, &sync, 1));
	CHECK_ERR(sleep_machine("deep"), EBUSY);
	CHECK_EQ(get(path), 1);
	CHECK_EQ(syncobj_status(w.first.fd, done), 0);
	packet_fill(&w.second, w.vram.va, w.vram.size, 8, 5, 0);
	CHECK_OK(run(&w.second));
	CHECK_EQ(w.vram.u64[1], 5);
	check_secret(&w);
	ok("a job that does not end keeps the machine awake");
	w.word.u64[0] = 1000;
	CHECK_OK(syncobj_wait(w.first.fd, done, 0, 20000));
	CHECK_EQ(syncobj_status(w.first.fd, done), 1);
	sleep_with_jobs(&w, "deep");
	ok("it is not lost, and then the machine sleeps");

	/* A card that sleeps already. */
	snprintf(path, sizeof(path), "%s/power/autosuspend_delay_ms", device);
	CHECK_OK(put(path, "10"));
	snprintf(path, sizeof(path), "%s/power/runtime_status", device);
	while (!has(path, "suspended"))
		sleep_ms(10);
	CHECK_OK(sleep_machine("deep"));
	check_secret(&w);
	use_again(&w);
	ok("a card that sleeps already");
	return 0;
}
