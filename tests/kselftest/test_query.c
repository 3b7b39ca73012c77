// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* DRM_EGRET_DEV_QUERY. */
#include "egret_test.h"

static int try_query(int fd, uint32_t what, void *pointer, uint32_t *size)
{
	struct drm_egret_dev_query args = {
		.query = what,
		.size = *size,
		.pointer = (uintptr_t)pointer,
	};
	int ret = card_ioctl(fd, DRM_IOCTL_EGRET_DEV_QUERY, &args);

	*size = args.size;
	return ret;
}

static void test_device(void)
{
	struct drm_egret_device_info info = device_info(card_open());

	CHECK_EQ(info.chip_revision >> 16, 1);
	CHECK(info.clusters > 0);
	CHECK(info.copy_engines > 0);
	CHECK(info.queues > 0 && info.queues <= 1024);
	CHECK(info.contexts > 0 && info.contexts <= 1024);
	CHECK_EQ(info.scratch_size, 1 * MiB);
	CHECK(info.core_clock_khz > 0);
	CHECK(info.mem_bandwidth_mbs > 0);
	CHECK(info.vram_size >= 2 * MiB);
	CHECK(info.vram_visible > 0 && info.vram_visible <= info.vram_size);
	CHECK_EQ(info.va_start, EGRET_VA_MIN);
	CHECK(info.va_end > TEST_VA && info.va_end <= EGRET_VA_END);
	CHECK_EQ(info.page_size, PAGE);
	CHECK_EQ(info.large_page_size, LARGE_PAGE);
	CHECK_EQ(info.pad, 0);
}

static void test_size_only(void)
{
	int fd = card_open();
	uint32_t size = 12345;

	CHECK_OK(try_query(fd, DRM_EGRET_QUERY_DEVICE, NULL, &size));
	CHECK_EQ(size, sizeof(struct drm_egret_device_info));
	CHECK_OK(try_query(fd, DRM_EGRET_QUERY_MEMORY, NULL, &size));
	CHECK_EQ(size, sizeof(struct drm_egret_memory_info));
	CHECK_OK(try_query(fd, DRM_EGRET_QUERY_COUNTERS, NULL, &size));
	CHECK_EQ(size, sizeof(struct drm_egret_counters));
}

static void test_shorter(void)
{
	struct drm_egret_device_info info;
	uint8_t part[sizeof(info)];
	int fd = card_open();
	uint32_t size = 8, i;

	info = device_info(fd);
	memset(part, 0xa5, sizeof(part));
	CHECK_OK(try_query(fd, DRM_EGRET_QUERY_DEVICE, part, &size));
	CHECK_EQ(size, 8);
	CHECK(!memcmp(part, &info, 8));
	for (i = 8; i < sizeof(part); i++)
		CHECK_EQ(part[i], 0xa5);

	size = 0;
	CHECK_OK(try_query(fd, DRM_EGRET_QUERY_DEVICE, part, &size));
	CHECK_EQ(size, 0);
}

static void test_longer(void)
{
	struct drm_egret_device_info info;
	uint8_t more[256];
	int fd = card_open();
	uint32_t size = sizeof(more), i;

	info = device_info(fd);
	memset(more, 0xa5, sizeof(more));
	CHECK_OK(try_query(fd, DRM_EGRET_QUERY_DEVICE, more, &size));
	CHECK_EQ(size, sizeof(info));
	CHECK(!memcmp(more, &info, sizeof(info)));
	for (i = sizeof(info); i < sizeof(more); i++)
		CHECK_EQ(more[i], 0xa5);
}

static void test_errors(void)
{
	int fd = card_open();
	uint32_t size = 8;

	CHECK_ERR(try_query(fd, 4, NULL, &size), EINVAL);
	CHECK_ERR(try_query(fd, ~0u, NULL, &size), EINVAL);
	CHECK_ERR(try_query(fd, DRM_EGRET_QUERY_DEVICE, (void *)8, &size), EFAULT);
}

static void test_memory(void)
{
	int fd = card_open();
	struct drm_egret_memory_info before = memory_info(fd), during, after;
	struct bo bo;

	CHECK(before.vram_total > 0 && before.vram_total <= device_info(fd).vram_size);
	CHECK(before.vram_used_by_driver <= before.vram_used);
	CHECK(before.vram_used <= before.vram_total);

	bo = bo_create(fd, 4 * MiB, DRM_EGRET_BO_VRAM, 0);
	during = memory_info(fd);
	CHECK_EQ(during.vram_total, before.vram_total);
	CHECK_EQ(during.vram_used, before.vram_used + 4 * MiB);
	CHECK_EQ(during.vram_used_by_driver, before.vram_used_by_driver);

	bo_close(fd, &bo);
	CHECK(memory_returns_to(fd, before.vram_used));
	after = memory_info(fd);
	CHECK(!memcmp(&after, &before, sizeof(after)));

	/* System memory is not the card's. */
	bo = bo_create(fd, 4 * MiB, DRM_EGRET_BO_SYSTEM, 0);
	CHECK_EQ(memory_info(fd).vram_used, before.vram_used);
	bo_close(fd, &bo);
}

static void test_counters(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, 1 * MiB, DRM_EGRET_BO_VRAM);
	struct drm_egret_counters before = counters(c.fd), after;

	packet_fill(&c, bo.va, bo.size, 8, 1, 0);
	CHECK_OK(run(&c));
	after = counters(c.fd);
	CHECK(after.packets >= before.packets + 2);
	CHECK(after.vram_write >= before.vram_write + bo.size);
	CHECK(after.interrupts > before.interrupts);
	CHECK(after.cycles > before.cycles);
	CHECK_EQ(after.faults, before.faults);
}

static void test_sensors(void)
{
	struct drm_egret_sensors first, second;
	uint32_t size = sizeof(first);
	int fd = card_open();

	CHECK_OK(try_query(fd, DRM_EGRET_QUERY_SENSORS, &first, &size));
	CHECK_EQ(size, sizeof(first));
	CHECK_EQ(first.pad, 0);
	CHECK(first.voltage >= 500 && first.voltage <= 1200);
	CHECK(first.clock > 0 && first.clock <= device_info(fd).core_clock_khz);
	CHECK(first.pstate < 4);
	CHECK(first.energy > 0);
	CHECK(first.time > 0);
	if (first.flags & DRM_EGRET_SENSORS_FIRMWARE) {
		CHECK_EQ(first.flags, DRM_EGRET_SENSORS_FIRMWARE);
		CHECK(device_info(fd).firmware_version != 0);
		CHECK(first.temperature > 0 && first.temperature < first.temperature_critical);
		CHECK(first.temperature_throttle < first.temperature_critical);
		CHECK(first.power > 0);
		CHECK(first.power_cap >= first.power_cap_min);
		CHECK(first.power_cap <= first.power_cap_max);
		CHECK(first.power_cap_default <= first.power_cap_max);
	} else {
		CHECK_EQ(first.temperature, 0);
		CHECK_EQ(first.power_cap_max, 0);
	}
	CHECK_OK(try_query(fd, DRM_EGRET_QUERY_SENSORS, &second, &size));
	CHECK(second.time > first.time);
	CHECK(second.energy >= first.energy);
}

int main(void)
{
	static const struct test tests[] = {
		TEST("device information", test_device),
		TEST("asking for the size", test_size_only),
		TEST("a structure that is shorter", test_shorter),
		TEST("a structure that is longer", test_longer),
		TEST("errors", test_errors),
		TEST("memory in use", test_memory),
		TEST("counters", test_counters),
		TEST("sensors", test_sensors),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
