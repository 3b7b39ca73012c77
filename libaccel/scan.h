/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef ACCEL_SCAN_H
#define ACCEL_SCAN_H

#include <stdbool.h>

#include <accel/accel.h>

struct accel_device_list {
	struct accel_device_entry *entries;
	size_t count;
};

/*
 * List the cards that sysfs shows. The folders are "/sys" and "/dev"; tests give others.
 * Returns 0 or -ENOMEM.
 */
int accel_scan(const char *sys, const char *dev, struct accel_device_list **list);

/* True for text of a UUID's form. */
bool accel_is_uuid(const char *name);

/* True if the entry is the one that a name means: a name, number, path or PCI address. */
bool accel_entry_matches(const struct accel_device_entry *entry, const char *name);

/* Fails with -ENOENT: no device of the list has the name. Says which there are. */
int accel_fail_name(const char *what, const char *name, const struct accel_device_list *list);

/* True for "sim", and "sim:" with options (sim.c). */
bool accel_is_simulator(const char *name);

#endif /* ACCEL_SCAN_H */
