// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "lose.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../device.h"

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

void remove_card(const char *address)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", address);
	write_text(path, "1");
}

void reset_card(const char *address)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/accel/%s/reset", address);
	write_text(path, "engines");
}

struct accel_device *open_again(void)
{
	struct accel_device *device;
	int64_t until = SOON;

	write_text("/sys/bus/pci/rescan", "1");
	while (accel_device_open(NULL, &device)) {
		assert_true(accel_deadline(0) < until);
		usleep(20000);
	}
	return device;
}
