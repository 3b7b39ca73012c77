// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * A machine that sleeps while its card is at work. Run by tests/vmrun/driver-sleep, which
 * carries out what this program asks of the machine's monitor; with --in-memory, because a
 * 9p root does not survive the sleep.
 */
#include "egret_test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <unistd.h>

#define DEVICE	"/sys/bus/pci/devices/0000:01:00.0/"
/* Another card, which nobody uses. */
#define OTHER	"/sys/bus/pci/devices/0000:02:00.0/"
#define SIZE	(4 * MiB)
#define FILLS	24
#define PATIENCE_MS	(60000 * test_slow())
/* Clients whose buffers do not fit into the card together, and the size of a buffer. */
#define CROWD	3
#define CROWD_SIZE	(40 * MiB)
/* Compressed memory, to hibernate to. */
#define SWAP		"/dev/zram0"
#define SWAP_SIZE	(256 * MiB)
/* What the host has left when it has too little. */
#define SCARCE	(16 * MiB)

static unsigned int count;

static void ok(const char *name)
{
	printf("ok %u - %s\n", ++count, name);
}

static void inject(const char *property, unsigned int value)
{
	printf("# monitor: {\"execute\": \"qom-set\", \"arguments\": {\"path\": "
	       "\"/machine/peripheral/egret0\", \"property\": \"%s\", \"value\": %u}}\n",
	       property, value);
}

/* ---- files ------------------------------------------------------------------------- */

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
	CHECK(read(fd, text, sizeof(text) - 1) >= 0);
	close(fd);
	return strstr(text, word);
}

/* Wait until a file has a word. */
static void await(const char *path, const char *word)
{
	uint64_t end = now_ns() + PATIENCE_MS * 1000000ULL;

	while (!has(path, word)) {
		if (now_ns() > end)
			test_fail(__FILE__, __LINE__, "%s: no %s", path, word);
		sleep_ms(10);
	}
}

static unsigned long refused(void)
{
	return get(DEVICE "sleep/refused");
}

/* ---- sleep --------------------------------------------------------------------------- */

/* Somebody outside wakes the machine as soon as it sleeps. */
static void ask_to_be_woken(void)
{
	int fd = open("/dev/virtio-ports/control", O_RDWR);
	char answer[16];

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "wake\n", 5), 5);
	CHECK(read(fd, answer, sizeof(answer)) > 0);
	close(fd);
}

/* The whole machine, as deep as @depth says; 0 after it woke, or a negative errno. */
static int sleep_machine(const char *depth)
{
	bool idle = !strcmp(depth, "s2idle");
	int serial, ret;

	/* The serial line wakes it from suspend to idle; only an open one is listened to. */
	serial = open("/dev/ttyS0", O_RDONLY | O_NOCTTY | O_NONBLOCK);
	CHECK(serial >= 0);
	CHECK_OK(put("/sys/class/tty/ttyS0/power/wakeup", idle ? "enabled" : "disabled"));
	/* And tells of it. In the other sleep it loses what it is set to, and must be saved. */
	CHECK_OK(put("/sys/module/printk/parameters/console_suspend", idle ? "N" : "Y"));
	CHECK_OK(put("/sys/power/mem_sleep", depth));
	ask_to_be_woken();
	ret = put("/sys/power/state", "mem");
	close(serial);
	return ret;
}

/* Swap space in compressed memory, as mkswap would make it. */
static void swap_on(void)
{
	static union {
		char bytes[PAGE];
		struct {
			char boot[1024];
			uint32_t version;
			uint32_t last_page;
		};
	} header = { .version = 1, .last_page = SWAP_SIZE / PAGE - 1 };
	char size[32];
	int fd;

	snprintf(size, sizeof(size), "%llu", SWAP_SIZE);
	CHECK_OK(put("/sys/block/zram0/disksize", size));
	memcpy(&header.bytes[PAGE - 10], "SWAPSPACE2", 10);
	fd = open(SWAP, O_WRONLY);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, &header, PAGE), PAGE);
	CHECK_OK(fsync(fd));
	close(fd);
	CHECK_OK(swapon(SWAP, 0));
}

/*
 * To disk, and back at once: what was in memory when the image was made comes back, and
 * the devices find themselves in a state that is not theirs.
 */
static int hibernate_machine(void)
{
	CHECK_OK(put("/sys/power/disk", "test_resume"));
	/* It loses what it is set to, and must be saved. */
	CHECK_OK(put("/sys/module/printk/parameters/console_suspend", "Y"));
	return put("/sys/power/state", "disk");
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

	CHECK_OK(strcmp(depth, "disk") ? sleep_machine(depth) : hibernate_machine());

	CHECK_OK(syncobj_wait(w->first.fd, later, 0, PATIENCE_MS));
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
	CHECK_EQ(queue_query(w->first.fd, w->first.queue).state, DRM_EGRET_QUEUE_OK);
	check_secret(w);
}

/* ---- in order -------------------------------------------------------------------------- */

/* The devices are stopped, and started again without a reset. */
static void abandoned(struct work *w)
{
	CHECK_OK(put("/sys/power/pm_test", "devices"));
	sleep_with_jobs(w, "deep");
	CHECK_OK(put("/sys/power/pm_test", "none"));
	ok("a sleep that is abandoned");
}

static void idle(struct work *w)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		sleep_with_jobs(w, "s2idle");
	use_again(w);
	ok("suspend to idle, at work");
}

static void deep(struct work *w)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		sleep_with_jobs(w, "deep");
	use_again(w);
	ok("suspend to memory, at work: the card has no power meanwhile");
	sleep_with_jobs(w, "s2idle");
	sleep_with_jobs(w, "deep");
	use_again(w);
	CHECK_EQ(refused(), 0);
	ok("both in turn");
}

/* The image has what the device memory had. */
static void hibernated(struct work *w)
{
	unsigned long sleeps = get(DEVICE "sleep/sleeps"), i;

	swap_on();
	for (i = 0; i < 2; i++)
		sleep_with_jobs(w, "disk");
	use_again(w);
	sleep_with_jobs(w, "deep");
	use_again(w);
	CHECK_OK(swapoff(SWAP));
	CHECK(get(DEVICE "sleep/sleeps") > sleeps);
	CHECK_EQ(refused(), 0);
	ok("hibernation, at work");
}

/* A card that sleeps by itself when the machine does. */
static void asleep(struct work *w)
{
	static const char * const depths[] = { "s2idle", "deep" };
	unsigned int i;

	CHECK_OK(put(DEVICE "power/autosuspend_delay_ms", "10"));
	for (i = 0; i < ARRAY_SIZE(depths); i++) {
		await(DEVICE "power/runtime_status", "suspended");
		CHECK_OK(sleep_machine(depths[i]));
		check_secret(w);
		use_again(w);
		await(DEVICE "power/runtime_status", "suspended");
	}
	CHECK_OK(put(DEVICE "power/autosuspend_delay_ms", "1000"));
	ok("a card that sleeps already");
}

static uint64_t mark(unsigned int n, uint64_t m, unsigned int round)
{
	return (uint64_t)round << 32 | n << 16 | m;
}

/* All of it is used in turn: what is not in the card is in the host, and comes back. */
static void crowd_fill(struct client *c, const struct bo *bo, unsigned int n, unsigned int round)
{
	uint64_t m;

	for (m = 0; m < CROWD_SIZE / MiB; m++)
		packet_fill(c, bo->va + m * MiB, MiB, 8, mark(n, m, round), 0);
	CHECK_OK(run(c));
}

static void crowd_check(struct client *c, const struct bo *bo, const struct bo *out,
			unsigned int n, unsigned int round)
{
	uint64_t m;

	for (m = 0; m < CROWD_SIZE / MiB; m++)
		packet_copy(c, out->va + m * PAGE, bo->va + m * MiB + (MiB - PAGE), PAGE, 0);
	CHECK_OK(run(c));
	for (m = 0; m < CROWD_SIZE / MiB; m++) {
		CHECK_EQ(out->u64[m * PAGE / 8], mark(n, m, round));
		CHECK_EQ(out->u64[m * PAGE / 8 + PAGE / 8 - 1], mark(n, m, round));
		/* Past the card. */
		CHECK_EQ(bo->u64[m * MiB / 8], mark(n, m, round));
	}
}

static void crowded(struct work *w)
{
	static const char * const depths[] = { "deep", "s2idle", "deep" };
	struct drm_egret_memory_info info;
	struct bo bo[CROWD], out[CROWD];
	struct client c[CROWD];
	unsigned int i, n;

	for (n = 0; n < CROWD; n++) {
		c[n] = client_open(DRM_EGRET_QUEUE_COPY);
		bo[n] = client_bo(&c[n], CROWD_SIZE, DRM_EGRET_BO_VRAM);
		out[n] = client_bo(&c[n], CROWD_SIZE / MiB * PAGE, DRM_EGRET_BO_SYSTEM);
		crowd_fill(&c[n], &bo[n], n, 0);
	}
	for (i = 0; i < ARRAY_SIZE(depths); i++) {
		info = memory_info(c[0].fd);
		CHECK(info.vram_used > info.vram_total / 2);
		sleep_with_jobs(w, depths[i]);
		for (n = 0; n < CROWD; n++) {
			crowd_check(&c[n], &bo[n], &out[n], n, i);
			crowd_fill(&c[n], &bo[n], n, i + 1);
		}
	}
	for (n = 0; n < CROWD; n++)
		client_close(&c[n]);
	use_again(w);
	ok("with more buffers than device memory");
}

/* A job that does not end. */
static void endless(struct work *w)
{
	uint32_t done = syncobj_create(w->first.fd);
	struct drm_egret_sync sync = sync_signal(done, 0);
	unsigned long before = refused(), others;

	/* That one sleeps only with the machine. */
	CHECK_OK(put(OTHER "power/control", "on"));
	others = get(OTHER "sleep/sleeps");
	set_parameter("suspend_timeout_ms", 300);
	w->word.u64[0] = 0;
	packet_wait(&w->first, w->word.va, 1000);
	CHECK_OK(submit(&w->first, &sync, 1));
	CHECK_ERR(sleep_machine("deep"), EBUSY);
	CHECK_EQ(refused(), before + 1);
	/* No card sleeps before all are idle: one may use the memory of another. */
	CHECK_EQ(get(OTHER "sleep/sleeps"), others);
	CHECK_EQ(syncobj_status(w->first.fd, done), 0);
	packet_fill(&w->second, w->vram.va, w->vram.size, 8, 5, 0);
	CHECK_OK(run(&w->second));
	CHECK_EQ(w->vram.u64[1], 5);
	check_secret(w);
	ok("a job that does not end keeps the machine awake");
	set_parameter("suspend_timeout_ms", PATIENCE_MS);
	w->word.u64[0] = 1000;
	CHECK_OK(syncobj_wait(w->first.fd, done, 0, PATIENCE_MS));
	CHECK_EQ(syncobj_status(w->first.fd, done), 1);
	sleep_with_jobs(w, "deep");
	CHECK_EQ(get(OTHER "sleep/sleeps"), others + 1);
	CHECK_OK(put(OTHER "power/control", "auto"));
	ok("it is not lost, and then the machine sleeps");
}

static unsigned long available(void)
{
	unsigned long kib = 0;
	char line[128];
	FILE *f = fopen("/proc/meminfo", "r");

	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %lu", &kib) == 1)
			break;
	fclose(f);
	return kib * KiB;
}

/* More device memory in use than the host has free. */
static void no_memory(struct work *w)
{
	struct bo much = client_bo(&w->first, 72 * MiB, DRM_EGRET_BO_VRAM);
	unsigned long before = refused(), size;
	void *hog;

	/* What the kernel only keeps for later does not count as available, but can be had. */
	CHECK_OK(put("/proc/sys/vm/drop_caches", "3"));
	size = available() - SCARCE;
	hog = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_LOCKED, -1, 0);
	CHECK(hog != MAP_FAILED);
	CHECK_ERR(sleep_machine("deep"), ENOMEM);
	CHECK_EQ(refused(), before + 1);
	use_again(w);
	/* This one saves nothing. */
	CHECK_OK(sleep_machine("s2idle"));
	use_again(w);
	CHECK_OK(munmap(hog, size));
	bo_close(w->first.fd, &much);
	CHECK_OK(vm_unmap(w->first.fd, w->first.vm, much.va, much.size));
	sleep_with_jobs(w, "deep");
	ok("without memory to save the card's to, the machine stays awake");
}

static void firmware_hangs(struct work *w)
{
	static const char * const depths[] = { "s2idle", "deep" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(depths); i++) {
		CHECK_OK(put(DEVICE "power/control", "on"));
		await(DEVICE "management_firmware/state", "ready");
		inject("inject-firmware-hang", 0);
		sleep_with_jobs(w, depths[i]);
		await(DEVICE "management_firmware/state", "ready");
		CHECK_OK(put(DEVICE "power/control", "auto"));
	}
	ok("firmware that hangs when the machine goes to sleep");
}

/* The reset on waking does not end; the next step of the ladder helps. */
static void does_not_wake(struct work *w)
{
	inject("inject-reset-hang", 1);
	/* The request goes another way than the next one. */
	sleep_ms(1000);
	sleep_with_jobs(w, "s2idle");
	inject("inject-reset-hang", 0);
	use_again(w);
	await(DEVICE "management_firmware/state", "ready");
	ok("a card that does not wake is reset, and its memory kept");
}

/* Until the driver starts it no more. A crash is counted before the state tells of it. */
static void crash_for_good(void)
{
	uint64_t end = now_ns() + PATIENCE_MS * 1000000ULL;

	while (!has(DEVICE "management_firmware/state", "failed")) {
		if (now_ns() > end)
			test_fail(__FILE__, __LINE__, "the driver starts it again and again");
		if (has(DEVICE "management_firmware/state", "ready"))
			inject("inject-firmware-crash", 0);
		sleep_ms(10);
	}
}

static void firmware_fails(struct work *w)
{
	static const char * const depths[] = { "s2idle", "deep" };
	unsigned int i;

	CHECK_OK(put(DEVICE "power/control", "on"));
	await(DEVICE "management_firmware/state", "ready");
	crash_for_good();
	for (i = 0; i < ARRAY_SIZE(depths); i++)
		sleep_with_jobs(w, depths[i]);
	use_again(w);
	CHECK(has(DEVICE "management_firmware/state", "failed"));
	ok("a card without firmware");
}

int main(void)
{
	struct work w = {};

	printf("TAP version 13\n1..13\n");
	/* Suspend to idle is told at this level. */
	CHECK_OK(put("/sys/power/pm_debug_messages", "1"));
	CHECK_OK(put("/proc/sys/kernel/printk", "8"));
	/* Machines under load take their time. */
	set_parameter("suspend_timeout_ms", PATIENCE_MS);
	begin(&w);
	abandoned(&w);
	idle(&w);
	deep(&w);
	hibernated(&w);
	asleep(&w);
	crowded(&w);
	endless(&w);
	no_memory(&w);
	firmware_hangs(&w);
	does_not_wake(&w);
	firmware_fails(&w);
	return 0;
}
