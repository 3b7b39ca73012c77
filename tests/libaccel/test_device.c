// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Devices, contexts and buffers. */
#include "device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_list(void **state)
{
	const struct accel_device_entry *entry;
	struct accel_device_list *list;
	struct accel_device *device;

	(void)state;
	good(accel_device_list_create(&list));
	assert_true(accel_device_list_count(list) >= 1);
	entry = accel_device_list_get(list, 0);
	assert_int_equal(entry->state, ACCEL_DEVICE_READY);
	good(accel_device_open(entry->name, &device));
	accel_device_close(device);
	if (entry->pci_address[0]) {
		good(accel_device_open(entry->pci_address, &device));
		accel_device_close(device);
		good(accel_device_open(entry->path, &device));
		accel_device_close(device);
		good(accel_device_open("0", &device));
		accel_device_close(device);
	}
	assert_null(accel_device_list_get(list, accel_device_list_count(list)));
	accel_device_list_free(list);
}

static void test_open_what_is_not_there(void **state)
{
	struct accel_device *device;

	(void)state;
	bad(accel_device_open("accel99", &device), -ENOENT, "there is no device 'accel99'");
	assert_non_null(strstr(accel_last_error()->cause, "sim"));
	assert_non_null(strstr(accel_last_error()->advice, "PCI address"));
	bad(accel_device_open("12345678-0000-8000-8000-0123456789ab", &device), -ENOENT,
	    "'12345678-0000");
	bad(accel_device_open("/dev/null", &device), -EPROTONOSUPPORT, "no Egret");
	bad(accel_device_open("/nonexistent", &device), -ENOENT, "no such device");
	bad(accel_device_open(NULL, NULL), -EINVAL, "NULL");
	bad(accel_device_open("sim:vram=x", &device), -EINVAL, "'vram=x'");
	bad(accel_device_open("sim:vram=0", &device), -EINVAL, "clusters=NUMBER");
	bad(accel_device_open("sim:colour=red", &device), -EINVAL, "'colour=red'");
	bad(accel_device_open("sim:clusters=999", &device), -EINVAL, "1 to");
	bad(accel_device_open("sim:clusters=2G", &device), -EINVAL, "'clusters=2G'");
}

/* The environment's mistakes are named, by opening and by listing. */
static void test_wrong_environment(void **state)
{
	const char *before = getenv("ACCEL_DEVICE");
	struct accel_device_list *list;
	struct accel_device *device;
	char kept[64] = "";

	(void)state;
	if (before)
		snprintf(kept, sizeof(kept), "%s", before);
	setenv("ACCEL_DEVICE", "similar", 1);
	bad(accel_device_open(NULL, &device), -ENOENT, "there is no device 'similar'");
	assert_non_null(strstr(accel_last_error()->what, "ACCEL_DEVICE"));
	bad(accel_device_list_create(&list), -ENOENT, "there is no device 'similar'");
	assert_non_null(strstr(accel_last_error()->what, "ACCEL_DEVICE"));
	setenv("ACCEL_DEVICE", "", 1);
	good(accel_device_list_create(&list));
	accel_device_list_free(list);
	if (before)
		setenv("ACCEL_DEVICE", kept, 1);
	else
		unsetenv("ACCEL_DEVICE");
}

static void test_simulator_options(void **state)
{
	static const struct {
		const char *name;
		uint64_t memory;
		uint32_t clusters;
	} cases[] = {
		{ "sim:vram=64", 64u << 20, 4 },
		{ "sim:vram=65536K,clusters=1", 64u << 20, 1 },
		{ "sim:clusters=3,vram=1G", 1u << 30, 3 },
		{ "sim:vram=32M", 32u << 20, 4 },
	};
	struct accel_device_info info = { .size = sizeof(info) };
	struct accel_device *device;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		good(accel_device_open(cases[i].name, &device));
		good(accel_device_get_info(device, &info));
		assert_int_equal(info.memory_size, cases[i].memory);
		assert_int_equal(info.clusters, cases[i].clusters);
		accel_device_close(device);
	}
}

static void test_info(void **state)
{
	struct fixture *f = *state;
	struct accel_device_info info = { .size = sizeof(info) };

	good(accel_device_get_info(f->device, &info));
	assert_int_equal(info.chip_revision >> 16, 1);
	assert_true(info.clusters >= 1);
	assert_int_equal(info.scratch_size, 1 << 20);
	assert_true(info.core_clock_khz > 0);
	assert_true(info.memory_size >= 2 << 20);
	assert_int_equal(info.page_size, 4096);
	assert_true(strlen(info.name) > 0);
	assert_true(strlen(info.backend) > 0);
	assert_int_equal(info.args_size_max, 4096);
	assert_int_equal(info.grid_max, 0xffffff);
	assert_true(info.queues > 0 && info.contexts > 0 && info.address_space > 1u << 30);
	assert_int_equal(strlen(info.uuid), 36);
	/* A card can be opened by it. */
	if (!strcmp(info.backend, "drm")) {
		struct accel_device_info again = { .size = sizeof(again) };
		struct accel_device *device;

		good(accel_device_open(info.uuid, &device));
		good(accel_device_get_info(device, &again));
		assert_string_equal(again.pci_address, info.pci_address);
		assert_string_equal(again.name, info.name);
		accel_device_close(device);
	}
	info.size = 0;
	bad(accel_device_get_info(f->device, &info), -EINVAL, "size");
}

static void test_sensors(void **state)
{
	struct fixture *f = *state;
	struct accel_sensors a = { .size = sizeof(a) }, b = { .size = sizeof(b) };
	struct accel_device_info info = { .size = sizeof(info) };

	good(accel_device_get_info(f->device, &info));
	good(accel_device_get_sensors(f->device, &a));
	good(accel_device_get_sensors(f->device, &b));
	assert_true(a.core_clock_khz > 0 && a.core_clock_khz <= info.core_clock_khz);
	assert_true(a.voltage_mv > 300 && a.voltage_mv < 2000);
	assert_true(b.time_ns > a.time_ns && b.energy_uj >= a.energy_uj);
	assert_int_equal(a.ecc_uncorrected, 0);
	/* The driver boots the card's firmware; the simulator has none. */
	assert_int_equal(a.flags, strcmp(info.backend, "drm") ? 0 : ACCEL_SENSORS_FIRMWARE);
	if (a.flags & ACCEL_SENSORS_FIRMWARE) {
		assert_true(a.temperature_mc > 0 && a.temperature_mc < a.critical_mc);
		assert_true(a.throttle_mc < a.critical_mc);
		assert_true(a.power_mw > 0 && a.power_cap_mw <= a.power_cap_max_mw);
	} else {
		assert_int_equal(a.temperature_mc, 0);
		assert_int_equal(a.power_mw, 0);
	}
	bad(accel_device_get_sensors(NULL, &a), -EINVAL, "NULL");
	bad(accel_device_get_sensors(f->device, NULL), -EINVAL, "NULL");
}

/* ---- The log ---- */

struct lines {
	int counts[4];
	char last[4][300];
};

static void take_line(void *opaque, int level, const char *text)
{
	struct lines *lines = opaque;

	lines->counts[level]++;
	snprintf(lines->last[level], sizeof(lines->last[level]), "%s", text);
}

static void test_log(void **state)
{
	struct accel_device *device;
	struct accel_context *context;
	struct accel_stream *stream;
	struct lines lines = { .counts = { 0 } };

	(void)state;
	bad(accel_set_log(take_line, &lines, 4), -EINVAL, "level, 4");
	good(accel_set_log(take_line, &lines, ACCEL_LOG_INFO));
	good(accel_device_open(NULL, &device));
	assert_int_equal(lines.counts[ACCEL_LOG_INFO], 1);
	assert_non_null(strstr(lines.last[ACCEL_LOG_INFO], "opened"));
	good(accel_context_create(device, &context));
	good(accel_stream_create(context, NULL, &stream));
	bad(accel_context_create(NULL, NULL), -EINVAL, "NULL");
	assert_int_equal(lines.counts[ACCEL_LOG_ERROR], 1);
	assert_non_null(strstr(lines.last[ACCEL_LOG_ERROR], "the device is NULL"));
	good(accel_set_log(take_line, &lines, ACCEL_LOG_ERROR));
	accel_stream_destroy(stream);
	accel_context_destroy(context);
	accel_device_close(device);
	assert_int_equal(lines.counts[ACCEL_LOG_INFO], 1);
	good(accel_set_log(NULL, NULL, -1));
	bad(accel_context_create(NULL, NULL), -EINVAL, "NULL");
	assert_int_equal(lines.counts[ACCEL_LOG_ERROR], 1);
}

static void test_buffer(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer *a, *b;
	void *pointer, *again;
	size_t i;

	for (int memory = ACCEL_MEMORY_DEVICE; memory <= ACCEL_MEMORY_HOST; memory++) {
		a = make_buffer(f, 10000, memory);
		b = make_buffer(f, 1, memory);
		assert_int_equal(accel_buffer_size(a), 10000);
		assert_int_equal(accel_buffer_address(a) % 4096, 0);
		/* A page is between them at least. */
		assert_true(accel_buffer_address(b) >= accel_buffer_address(a) + 4 * 4096 ||
			    accel_buffer_address(a) >= accel_buffer_address(b) + 2 * 4096);
		good(accel_buffer_map(a, &pointer));
		good(accel_buffer_map(a, &again));
		assert_ptr_equal(pointer, again);
		for (i = 0; i < 10000; i++)
			assert_int_equal(((unsigned char *)pointer)[i], 0);
		memset(pointer, 0x5a, 10000);
		accel_buffer_destroy(a);
		accel_buffer_destroy(b);
	}
	accel_buffer_destroy(NULL);
}

/* What somebody left behind is not to be seen by the next. */
static void test_buffer_is_zero_again(void **state)
{
	struct fixture *f = *state;
	const size_t size = 1 << 20;
	struct accel_buffer *buffer;
	unsigned char *pointer;
	void *mapping;
	size_t i;

	for (int round = 0; round < 3; round++) {
		buffer = make_buffer(f, size, ACCEL_MEMORY_DEVICE);
		good(accel_buffer_map(buffer, &mapping));
		pointer = mapping;
		for (i = 0; i < size; i += 997)
			assert_int_equal(pointer[i], 0);
		memset(pointer, 0xff, size);
		accel_buffer_destroy(buffer);
	}
}

static void test_bad_buffers(void **state)
{
	struct fixture *f = *state;
	struct accel_buffer_options options = { .size = sizeof(options), .memory = 7 };
	struct accel_buffer *buffer;

	bad(accel_buffer_create(f->context, 0, NULL, &buffer), -EINVAL, "0 bytes");
	bad(accel_buffer_create(f->context, SIZE_MAX, NULL, &buffer), -EINVAL, "not possible");
	bad(accel_buffer_create(NULL, 1, NULL, &buffer), -EINVAL, "context");
	bad(accel_buffer_create(f->context, 1, NULL, NULL), -EINVAL, "NULL");
	bad(accel_buffer_create(f->context, 1, &options, &buffer), -EINVAL, "kind of memory");
	options.size = 1;
	bad(accel_buffer_create(f->context, 1, &options, &buffer), -EINVAL, "size field");
}

static void test_out_of_memory(void **state)
{
	struct fixture *f = *state;
	struct accel_memory_info info = { .size = sizeof(info) };
	struct accel_buffer *buffer;

	good(accel_device_get_memory(f->device, &info));
	assert_true(info.used <= info.total);
	bad(accel_buffer_create(f->context, info.total + 4096, NULL, &buffer), -ENOSPC, "no room");
	assert_true(strlen(accel_last_error()->advice) > 0);
}

/* Contexts come and go, and take nothing with them. */
static void test_many_contexts(void **state)
{
	struct fixture *f = *state;
	struct accel_context *contexts[16];

	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 16; i++)
			good(accel_context_create(f->device, &contexts[i]));
		for (int i = 0; i < 16; i++)
			accel_context_destroy(contexts[i]);
	}
}

static void test_children_outlive_their_parents(void **state)
{
	struct fixture *f = *state;
	struct accel_context *context;
	struct accel_stream *stream;
	struct accel_buffer *buffer;
	struct accel_device *device;

	(void)f;
	good(accel_device_open(NULL, &device));
	good(accel_context_create(device, &context));
	accel_device_close(device);
	good(accel_buffer_create(context, 64, NULL, &buffer));
	good(accel_stream_create(context, NULL, &stream));
	accel_context_destroy(context);
	good(accel_fill(stream, buffer, 0, 64, 1, 1, 0));
	good(accel_stream_wait(stream, SOON));
	accel_stream_destroy(stream);
	accel_buffer_destroy(buffer);
}

/* An address that was another buffer's before reaches the new buffer. */
static void test_addresses_are_reused(void **state)
{
	struct fixture *f = *state;
	uint64_t address = 0;
	uint32_t value;

	for (uint32_t round = 1; round < 8; round++) {
		struct accel_buffer *buffer = make_buffer(f, 4096 * round, ACCEL_MEMORY_DEVICE);

		if (address)
			assert_int_equal(accel_buffer_address(buffer), address);
		address = accel_buffer_address(buffer);
		good(accel_fill(f->stream, buffer, 0, 4, round, 4, 0));
		good(accel_download(f->stream, buffer, 0, &value, 4));
		assert_int_equal(value, round);
		accel_buffer_destroy(buffer);
	}
}

static void test_counters(void **state)
{
	struct fixture *f = *state;
	struct accel_counters before = { .size = sizeof(before) }, after = { .size = sizeof(after) };
	struct accel_buffer *buffer = make_buffer(f, 1 << 16, ACCEL_MEMORY_DEVICE);

	good(accel_device_get_counters(f->device, &before));
	good(accel_fill(f->stream, buffer, 0, 1 << 16, 0, 8, 0));
	good(accel_stream_wait(f->stream, SOON));
	good(accel_device_get_counters(f->device, &after));
	assert_true(after.packets >= before.packets + 2);
	assert_true(after.memory_written >= before.memory_written + (1 << 16));
	assert_true(after.cycles > before.cycles);
	accel_buffer_destroy(buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_open_what_is_not_there),
		cmocka_unit_test(test_wrong_environment),
		cmocka_unit_test(test_simulator_options),
		device_test(test_info),
		device_test(test_sensors),
		cmocka_unit_test(test_log),
		device_test(test_buffer),
		device_test(test_buffer_is_zero_again),
		device_test(test_bad_buffers),
		device_test(test_out_of_memory),
		device_test(test_many_contexts),
		device_test(test_children_outlive_their_parents),
		device_test(test_addresses_are_reused),
		device_test(test_counters),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("device", tests, choose_device, NULL);
}
