// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Runtime power management: the card sleeps when it is idle, and nobody notices. */
#include "egret_test.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/mman.h>
#include <unistd.h>

/* Sleep comes soon after the delay; this is for machines under load. */
#define SOON_MS		20000
#define DELAY_MS	"20"
#define CYCLES		10

/* ---- attributes of the PCI device ------------------------------------------------ */

static void attribute_path(char path[256], const char *name)
{
	glob_t found;

	CHECK_EQ(glob("/sys/bus/pci/drivers/egret/0*", 0, NULL, &found), 0);
	snprintf(path, 256, "%s/%s", found.gl_pathv[0], name);
	globfree(&found);
}

static void attribute(const char *name, char value[64])
{
	char path[256];
	ssize_t got;
	int fd;

	attribute_path(path, name);
	fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	got = read(fd, value, 63);
	CHECK(got > 0);
	value[got] = 0;
	value[strcspn(value, "\n")] = 0;
	close(fd);
}

static void set_attribute(const char *name, const char *value)
{
	char path[256];
	int fd;

	attribute_path(path, name);
	fd = open(path, O_WRONLY);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, value, strlen(value)), strlen(value));
	close(fd);
}

static bool attribute_is(const char *name, const char *value)
{
	char now[64];

	attribute(name, now);
	return !strcmp(now, value);
}

static unsigned long attribute_number(const char *name)
{
	char value[64];

	attribute(name, value);
	return strtoul(value, NULL, 0);
}

/* ---- sleep -------------------------------------------------------------------------- */

static bool sleeps(void)
{
	return attribute_is("power/runtime_status", "suspended");
}

/* Wait until the card sleeps, and see that it really does. */
static void wait_asleep(void)
{
	unsigned int waited;

	for (waited = 0; !sleeps(); waited += 5) {
		CHECK(waited < SOON_MS);
		sleep_ms(5);
	}
	CHECK(attribute_is("power_state", "D3hot"));
}

static void hurry(void)
{
	set_attribute("power/control", "auto");
	set_attribute("power/autosuspend_delay_ms", DELAY_MS);
}

/* Put back what the driver sets. */
static void end_hurry(void)
{
	set_attribute("power/autosuspend_delay_ms", "1000");
}

static void fill(struct client *c, const struct bo *bo, uint64_t pattern)
{
	packet_fill(c, bo->va, bo->size, 8, pattern, 0);
	CHECK_OK(run(c));
}

static void check_filled(const struct bo *bo, uint64_t pattern)
{
	uint64_t i;

	for (i = 0; i < bo->size / 8; i += 64)
		CHECK_EQ(bo->u64[i], pattern);
}

/* ---- tests ----------------------------------------------------------------------------- */

static void test_idle(void)
{
	unsigned long before;

	hurry();
	wait_asleep();
	before = attribute_number("sleep/sleeps");
	CHECK(before > 0);
	CHECK(attribute_number("power/runtime_suspended_time") > 0);

	/* A file that is open does not keep it awake. */
	card_open();
	sleep_ms(50);
	wait_asleep();
	end_hurry();
}

/* How long it slept, and how often: neither more nor less. */
static void test_statistics(void)
{
	unsigned long active, suspended, before;
	unsigned int round;

	hurry();
	wait_asleep();
	before = attribute_number("sleep/sleeps");
	for (round = 1; round <= 3; round++) {
		set_attribute("power/control", "on");
		active = attribute_number("power/runtime_active_time");
		suspended = attribute_number("power/runtime_suspended_time");
		sleep_ms(100);
		CHECK(attribute_number("power/runtime_active_time") >= active + 99);
		CHECK_EQ(attribute_number("power/runtime_suspended_time"), suspended);

		set_attribute("power/control", "auto");
		wait_asleep();
		active = attribute_number("power/runtime_active_time");
		suspended = attribute_number("power/runtime_suspended_time");
		sleep_ms(100);
		CHECK_EQ(attribute_number("power/runtime_active_time"), active);
		CHECK(attribute_number("power/runtime_suspended_time") >= suspended + 99);
		CHECK_EQ(attribute_number("sleep/sleeps"), before + round);
	}
	CHECK_EQ(attribute_number("sleep/refused"), 0);
	end_hurry();
}

static void test_memory_kept(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo vram = client_bo(&c, 8 * MiB, DRM_EGRET_BO_VRAM);
	struct bo system = client_bo(&c, 8 * MiB, DRM_EGRET_BO_SYSTEM);

	hurry();
	fill(&c, &vram, 0x0123456789abcdefULL);
	check_filled(&vram, 0x0123456789abcdefULL);
	wait_asleep();
	/* Reading through the mapping wakes it. */
	check_filled(&vram, 0x0123456789abcdefULL);
	wait_asleep();
	/* So does writing. */
	vram.u64[64] = 42;
	wait_asleep();
	packet_copy(&c, system.va, vram.va, vram.size, 0);
	CHECK_OK(run(&c));
	CHECK_EQ(system.u64[64], 42);
	system.u64[64] = 0x0123456789abcdefULL;
	check_filled(&system, 0x0123456789abcdefULL);
	/* What needs only the host's memory does not. */
	wait_asleep();
	system.u64[0]++;
	CHECK_OK(munmap(system.map, system.size));
	bo_map(c.fd, &system);
	CHECK_EQ(system.u64[0], 0x0123456789abcdf0ULL);
	CHECK(sleeps());
	end_hurry();
}

static void test_queues_kept(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct client other = client_fork(&c, DRM_EGRET_QUEUE_COMPUTE);
	struct bo vram = client_bo(&c, 64 * KiB, DRM_EGRET_BO_VRAM);
	uint64_t cycles = 0, now;
	unsigned long before;
	unsigned int i;

	hurry();
	before = attribute_number("sleep/sleeps");
	for (i = 1; i <= CYCLES; i++) {
		fill(i % 2 ? &c : &other, &vram, i);
		wait_asleep();
		now = queue_query(c.fd, c.queue).busy_cycles;
		CHECK(i % 2 ? now > cycles : now == cycles);
		cycles = now;
		CHECK(sleeps());
		check_filled(&vram, i);
		wait_asleep();
	}
	CHECK(attribute_number("sleep/sleeps") >= before + 2 * CYCLES);
	CHECK_EQ(queue_query(c.fd, c.queue).jobs_completed, CYCLES / 2);
	end_hurry();
}

static void test_job_keeps_awake(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct client other = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo word = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	struct bo vram = client_bo(&other, 1 * MiB, DRM_EGRET_BO_VRAM);
	uint32_t running = syncobj_create(c.fd);
	struct drm_egret_sync sync = sync_signal(running, 0);
	unsigned int i;

	hurry();
	wait_asleep();
	packet_wait(&c, word.va, 1);
	CHECK_OK(submit(&c, &sync, 1));
	fill(&other, &vram, 7);
	for (i = 0; i < 40; i++) {
		CHECK(!sleeps());
		sleep_ms(10);
	}
	CHECK_ERR(syncobj_wait(c.fd, running, 0, 0), ETIME);
	word.u64[0] = 1;
	CHECK_OK(syncobj_wait(c.fd, running, 0, SOON_MS));
	wait_asleep();
	check_filled(&vram, 7);
	end_hurry();
}

static void test_calls(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, 64 * KiB, DRM_EGRET_BO_VRAM), extra;
	struct drm_egret_counters before, after;
	struct drm_egret_sensors sensors;
	struct drm_egret_dev_query query = {
		.query = DRM_EGRET_QUERY_SENSORS,
		.size = sizeof(sensors),
		.pointer = (uintptr_t)&sensors,
	};
	uint32_t queue;

	hurry();
	fill(&c, &bo, 1);
	before = counters(c.fd);
	wait_asleep();
	/* These can be answered without the card. */
	after = counters(c.fd);
	CHECK_EQ(after.packets, before.packets);
	CHECK_EQ(after.vram_write, before.vram_write);
	device_info(c.fd);
	memory_info(c.fd);
	queue_query(c.fd, c.queue);
	CHECK(sleeps());

	/* These cannot. */
	CHECK_OK(card_ioctl(c.fd, DRM_IOCTL_EGRET_DEV_QUERY, &query));
	CHECK(sensors.energy > 0 && sensors.flags & DRM_EGRET_SENSORS_FIRMWARE);
	wait_asleep();
	extra = bo_create(c.fd, 1 * MiB, DRM_EGRET_BO_VRAM, 0);
	bo_map(c.fd, &extra);
	CHECK_EQ(extra.u64[0], 0);
	wait_asleep();
	CHECK_OK(vm_map(c.fd, c.vm, extra.handle, 0, TEST_VA + (1ULL << 40), extra.size,
			ACCESS_ALL));
	wait_asleep();
	extra.va = TEST_VA + (1ULL << 40);
	fill(&c, &extra, 3);
	check_filled(&extra, 3);
	check_filled(&bo, 1);
	wait_asleep();
	CHECK_OK(vm_unmap(c.fd, c.vm, extra.va, extra.size));
	bo_close(c.fd, &extra);
	wait_asleep();
	queue = queue_create(c.fd, c.vm, DRM_EGRET_QUEUE_COMPUTE);
	wait_asleep();
	CHECK_OK(queue_destroy(c.fd, queue));
	CHECK(counters(c.fd).packets > before.packets);
	wait_asleep();
	client_close(&c);
	end_hurry();
}

static void test_control(void)
{
	unsigned int i;

	hurry();
	wait_asleep();
	set_attribute("power/control", "on");
	CHECK(attribute_is("power/runtime_status", "active"));
	CHECK(attribute_is("power_state", "D0"));
	for (i = 0; i < 20; i++) {
		sleep_ms(10);
		CHECK(!sleeps());
	}
	set_attribute("power/control", "auto");
	wait_asleep();
	end_hurry();
}

/* The settings of the firmware, which it has forgotten, are there again. */
static void test_settings(void)
{
	hurry();
	set_attribute("hwmon/hwmon0/power1_cap", "25000000");
	wait_asleep();
	CHECK(attribute_is("hwmon/hwmon0/power1_cap", "25000000"));
	CHECK(sleeps());
	/* Reading wakes it, and waits for the firmware. */
	CHECK(attribute_number("hwmon/hwmon0/temp1_input") > 20000);
	CHECK(attribute_number("hwmon/hwmon0/power1_average") > 0);
	wait_asleep();
	set_attribute("hwmon/hwmon0/power1_cap", "40000000");
	CHECK(attribute_is("management_firmware/crashes", "0"));
	end_hurry();
}

/* Files that are closed while it sleeps, and a driver that leaves it then. */
static void test_remove(void)
{
	char path[256], *name;
	int fd;

	hurry();
	wait_asleep();
	attribute_path(path, "");
	path[strlen(path) - 1] = 0;
	name = strrchr(path, '/') + 1;
	fd = open("/sys/bus/pci/drivers/egret/unbind", O_WRONLY);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, name, strlen(name)), strlen(name));
	close(fd);
	fd = open("/sys/bus/pci/drivers/egret/bind", O_WRONLY);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, name, strlen(name)), strlen(name));
	close(fd);
	hurry();
	wait_asleep();
	CHECK_EQ(attribute_number("sleep/sleeps"), 1);
	end_hurry();
}

int main(void)
{
	static const struct test tests[] = {
		TEST("an idle card sleeps", test_idle),
		TEST("how long and how often it slept", test_statistics),
		TEST("device memory is kept", test_memory_kept),
		TEST_LONG("queues are kept", test_queues_kept, 90),
		TEST("a job keeps the card awake", test_job_keeps_awake),
		TEST_LONG("what wakes the card, and what does not", test_calls, 90),
		TEST("power/control", test_control),
		TEST("settings of the firmware are kept", test_settings),
		TEST("a driver that leaves a card that sleeps", test_remove),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
