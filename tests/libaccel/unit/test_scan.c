// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Finding cards, in folders that look like sysfs and /dev. */
#define _GNU_SOURCE
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <libaccel/scan.h>

static char top[] = "/tmp/libaccel-scan-XXXXXX";
static char sys[64], dev[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void make_folder(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void make_folder(const char *format, ...)
{
	char path[512];
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
}

static void make_file(const char *folder, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int begin(void **state)
{
	(void)state;
	strcpy(top, "/tmp/libaccel-scan-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	/* For test_no_permission. */
	if (chmod(top, 0755))
		return -1;
	snprintf(sys, sizeof(sys), "%s/sys", top);
	snprintf(dev, sizeof(dev), "%s/dev", top);
	make_folder("%s", sys);
	make_folder("%s/bus", sys);
	make_folder("%s/bus/pci", sys);
	make_folder("%s/bus/pci/devices", sys);
	make_folder("%s", dev);
	make_folder("%s/accel", dev);
	return 0;
}

static int end(void **state)
{
	(void)state;
	return nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A PCI device; with a driver's name, it is bound; with an index, it has accelN. */
static void add_device(const char *address, const char *vendor, const char *device,
		       const char *driver, int index)
{
	char folder[256], path[512], target[512];

	snprintf(folder, sizeof(folder), "%s/bus/pci/devices/%s", sys, address);
	make_folder("%s", folder);
	make_file(folder, "vendor", vendor);
	make_file(folder, "device", device);
	if (driver) {
		snprintf(path, sizeof(path), "%s/driver", folder);
		snprintf(target, sizeof(target), "../../../bus/pci/drivers/%s", driver);
		assert_int_equal(symlink(target, path), 0);
	}
	if (index >= 0) {
		make_folder("%s/accel", folder);
		make_folder("%s/accel/accel%d", folder, index);
	}
}

static void add_node(int index, mode_t mode)
{
	char name[32], folder[128], path[256];

	snprintf(name, sizeof(name), "accel%d", index);
	snprintf(folder, sizeof(folder), "%s/accel", dev);
	make_file(folder, name, "");
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(chmod(path, mode), 0);
}

static struct accel_device_list *scan(void)
{
	struct accel_device_list *list;

	assert_int_equal(accel_scan(sys, dev, &list), 0);
	return list;
}

static void test_no_card(void **state)
{
	struct accel_device_list *list;

	(void)state;
	add_device("0000:00:01.0", "0x8086\n", "0x1234\n", "e1000", -1);
	add_device("0000:00:02.0", "0x1234\n", "0x1111\n", NULL, -1);
	list = scan();
	assert_int_equal(accel_device_list_count(list), 0);
	assert_null(accel_device_list_get(list, 0));
	accel_device_list_free(list);
}

static void test_no_pci(void **state)
{
	struct accel_device_list *list;

	(void)state;
	assert_int_equal(accel_scan("/nonexistent", dev, &list), 0);
	assert_int_equal(accel_device_list_count(list), 0);
	accel_device_list_free(list);
}

static void test_ready(void **state)
{
	const struct accel_device_entry *entry;
	struct accel_device_list *list;
	char path[128];

	(void)state;
	add_device("0000:03:00.0", "0x1234\n", "0xe6e7\n", "egret", 0);
	add_node(0, 0600);
	list = scan();
	assert_int_equal(accel_device_list_count(list), 1);
	entry = accel_device_list_get(list, 0);
	assert_string_equal(entry->name, "accel0");
	snprintf(path, sizeof(path), "%s/accel/accel0", dev);
	assert_string_equal(entry->path, path);
	assert_string_equal(entry->pci_address, "0000:03:00.0");
	assert_string_equal(entry->driver, "egret");
	assert_int_equal(entry->index, 0);
	assert_int_equal(entry->state, ACCEL_DEVICE_READY);
	accel_device_list_free(list);
}

static void test_no_driver(void **state)
{
	const struct accel_device_entry *entry;
	struct accel_device_list *list;

	(void)state;
	add_device("0000:03:00.0", "0x1234\n", "0xe6e7\n", NULL, -1);
	list = scan();
	entry = accel_device_list_get(list, 0);
	assert_non_null(entry);
	assert_int_equal(entry->state, ACCEL_DEVICE_NO_DRIVER);
	assert_string_equal(entry->name, "0000:03:00.0");
	assert_string_equal(entry->path, "");
	assert_string_equal(entry->driver, "");
	assert_int_equal(entry->index, -1);
	accel_device_list_free(list);
}

static void test_no_node(void **state)
{
	struct accel_device_list *list;

	(void)state;
	/* The driver has it, but its probe failed, or /dev is not the kernel's. */
	add_device("0000:03:00.0", "0x1234\n", "0xe6e7\n", "egret", -1);
	add_device("0000:04:00.0", "0x1234\n", "0xe6e7\n", "egret", 5);
	list = scan();
	assert_int_equal(accel_device_list_count(list), 2);
	assert_int_equal(accel_device_list_get(list, 0)->state, ACCEL_DEVICE_NO_NODE);
	assert_string_equal(accel_device_list_get(list, 0)->name, "accel5");
	assert_int_equal(accel_device_list_get(list, 1)->state, ACCEL_DEVICE_NO_NODE);
	assert_string_equal(accel_device_list_get(list, 1)->name, "0000:03:00.0");
	accel_device_list_free(list);
}

static void test_no_permission(void **state)
{
	struct accel_device_list *list;

	(void)state;
	add_device("0000:03:00.0", "0x1234\n", "0xe6e7\n", "egret", 0);
	add_node(0, 0);
	/* Root may do everything: be somebody else while looking. */
	if (geteuid() == 0)
		assert_int_equal(setresuid(65534, 65534, 0), 0);
	list = scan();
	if (getuid() == 65534)
		assert_int_equal(setresuid(0, 0, 0), 0);
	assert_int_equal(accel_device_list_get(list, 0)->state, ACCEL_DEVICE_NO_PERMISSION);
	accel_device_list_free(list);
}

static void test_sorted(void **state)
{
	static const char *const order[] = { "accel0", "accel2", "accel10", "0000:01:00.0" };
	struct accel_device_list *list;
	size_t i;

	(void)state;
	add_device("0000:01:00.0", "0x1234\n", "0xe6e7\n", NULL, -1);
	add_device("0000:02:00.0", "0x1234\n", "0xe6e7\n", "egret", 10);
	add_device("0000:03:00.0", "0x1234\n", "0xe6e7\n", "egret", 2);
	add_device("0000:04:00.0", "0x1234\n", "0xe6e7\n", "egret", 0);
	list = scan();
	assert_int_equal(accel_device_list_count(list), 4);
	for (i = 0; i < 4; i++)
		assert_string_equal(accel_device_list_get(list, i)->name, order[i]);
	accel_device_list_free(list);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		test(test_no_card),
		test(test_no_pci),
		test(test_ready),
		test(test_no_driver),
		test(test_no_node),
		test(test_no_permission),
		test(test_sorted),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
