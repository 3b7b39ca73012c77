// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Finding cards.
 *
 * It starts from the PCI devices and not from /dev, to see the cards that cannot be used
 * too, and say why: without a driver, without a device node, without permission. Only
 * sysfs is read, which wakes no card.
 */
#define _GNU_SOURCE
#include "scan.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <egret/pci.h>

#include "internal.h"

#define WHAT "cannot list the devices"

/* A path in a folder; to be freed. NULL without memory. */
static char *join(const char *folder, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

/* A number that a sysfs file holds, or -1. */
static long read_number(const char *folder, const char *name)
{
	char *path = join(folder, name), text[32];
	FILE *f = path ? fopen(path, "re") : NULL;
	size_t n;

	free(path);
	if (!f)
		return -1;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return n ? strtol(text, NULL, 0) : -1;
}

/* Where a link points to, without the folders before it; NULL if there is no link. */
static char *link_name(const char *folder, const char *name)
{
	char *path = join(folder, name), target[4096], *slash;
	ssize_t n = path ? readlink(path, target, sizeof(target) - 1) : -1;

	free(path);
	if (n < 0)
		return NULL;
	target[n] = '\0';
	slash = strrchr(target, '/');
	return strdup(slash ? slash + 1 : target);
}

/* The N of the accelN that a PCI device has, or -1. */
static int node_index(const char *folder)
{
	char *path = join(folder, "accel");
	DIR *dir = path ? opendir(path) : NULL;
	struct dirent *file;
	int index = -1;

	free(path);
	if (!dir)
		return -1;
	while ((file = readdir(dir)))
		if (sscanf(file->d_name, "accel%d", &index) == 1)
			break;
	closedir(dir);
	return index;
}

static void free_entry(struct accel_device_entry *entry)
{
	free((char *)entry->name);
	free((char *)entry->path);
	free((char *)entry->pci_address);
	free((char *)entry->driver);
}

/* Name, path and state of a card that has a driver. */
static int fill_node(struct accel_device_entry *entry, const char *dev)
{
	char *name, *path;

	if (entry->index < 0) {
		entry->state = ACCEL_DEVICE_NO_NODE;
		return 0;
	}
	if (asprintf(&name, "accel%d", entry->index) < 0)
		return -ENOMEM;
	free((char *)entry->name);
	entry->name = name;
	if (asprintf(&path, "%s/accel/%s", dev, name) < 0)
		return -ENOMEM;
	free((char *)entry->path);
	entry->path = path;
	if (access(path, F_OK))
		entry->state = ACCEL_DEVICE_NO_NODE;
	else if (access(path, R_OK | W_OK))
		entry->state = ACCEL_DEVICE_NO_PERMISSION;
	return 0;
}

static int fill_entry(struct accel_device_entry *entry, const char *folder,
		      const char *address, const char *dev)
{
	char *driver = link_name(folder, "driver");

	*entry = (struct accel_device_entry) {
		.name = strdup(address),
		.path = strdup(""),
		.pci_address = strdup(address),
		.driver = driver ? driver : strdup(""),
		.index = node_index(folder),
		.state = driver ? ACCEL_DEVICE_READY : ACCEL_DEVICE_NO_DRIVER,
	};
	if (entry->name && entry->path && entry->pci_address && entry->driver &&
	    (!driver || !fill_node(entry, dev)))
		return 0;
	free_entry(entry);
	return -ENOMEM;
}

static int add_entry(struct accel_device_list *list, const struct accel_device_entry *entry)
{
	struct accel_device_entry *entries;

	entries = realloc(list->entries, (list->count + 1) * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	list->entries = entries;
	entries[list->count++] = *entry;
	return 0;
}

static int add_pci_device(struct accel_device_list *list, const char *folder,
			  const char *address, const char *dev)
{
	struct accel_device_entry entry;
	int ret;

	if (read_number(folder, "vendor") != EGRET_PCI_VENDOR_ID ||
	    read_number(folder, "device") != EGRET_PCI_DEVICE_ID)
		return 0;
	ret = fill_entry(&entry, folder, address, dev);
	if (ret)
		return ret;
	ret = add_entry(list, &entry);
	if (ret)
		free_entry(&entry);
	return ret;
}

/* By node, those without one last; then by PCI address. */
static int by_name(const void *a, const void *b)
{
	const struct accel_device_entry *x = a, *y = b;

	if (x->index != y->index)
		return (unsigned int)x->index < (unsigned int)y->index ? -1 : 1;
	return strcmp(x->pci_address, y->pci_address);
}

static int scan_folder(struct accel_device_list *list, const char *folder, const char *dev)
{
	DIR *dir = opendir(folder);
	struct dirent *file;
	int ret = 0;

	/* A machine without PCI has no cards. */
	if (!dir)
		return 0;
	while (!ret && (file = readdir(dir))) {
		char *path;

		if (file->d_name[0] == '.')
			continue;
		path = join(folder, file->d_name);
		ret = path ? add_pci_device(list, path, file->d_name, dev) : -ENOMEM;
		free(path);
	}
	closedir(dir);
	return ret;
}

int accel_scan(const char *sys, const char *dev, struct accel_device_list **out)
{
	struct accel_device_list *list = calloc(1, sizeof(*list));
	char *folder = join(sys, "bus/pci/devices");
	int ret = -ENOMEM;

	if (list && folder)
		ret = scan_folder(list, folder, dev);
	free(folder);
	if (ret) {
		accel_device_list_free(list);
		return fail_errno(ret, WHAT);
	}
	if (list->count)
		qsort(list->entries, list->count, sizeof(*list->entries), by_name);
	*out = list;
	return 0;
}

bool accel_is_uuid(const char *name)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t i;

	if (strlen(name) != sizeof(form) - 1)
		return false;
	for (i = 0; form[i]; i++)
		if (form[i] == '-' ? name[i] != '-' : !strchr("0123456789abcdefABCDEF", name[i]))
			return false;
	return true;
}

bool accel_entry_matches(const struct accel_device_entry *entry, const char *name)
{
	char index[16];

	if (!strcmp(name, entry->name) || !strcmp(name, entry->path) ||
	    !strcmp(name, entry->pci_address))
		return true;
	/* As lspci prints addresses in domain 0. */
	if (!strncmp(entry->pci_address, "0000:", 5) && !strcmp(name, entry->pci_address + 5))
		return true;
	snprintf(index, sizeof(index), "%d", entry->index);
	return entry->index >= 0 && !strcmp(name, index);
}

int accel_fail_name(const char *what, const char *name, const struct accel_device_list *list)
{
	static const char advice[] =
		"name a device by its node (accel0 or /dev/accel/accel0), number (0), PCI address "
		"(0000:01:00.0) or UUID, or take sim for a simulated one; accelctl list shows all";
	char names[400] = "";
	size_t i, n = 0;

	for (i = 0; i < list->count && n < sizeof(names); i++) {
		const struct accel_device_entry *entry = &list->entries[i];
		bool plain = !entry->pci_address[0] || !strcmp(entry->name, entry->pci_address);

		n += snprintf(names + n, sizeof(names) - n, "%s%s%s%s%s", i ? ", " : "",
			      entry->name, plain ? "" : " (", plain ? "" : entry->pci_address,
			      plain ? "" : ")");
	}
	if (!list->count)
		return fail(-ENOENT, what, advice, "there is no device '%s', and no Egret card in "
			    "this machine (no PCI device %04x:%04x); sim is possible", name,
			    EGRET_PCI_VENDOR_ID, EGRET_PCI_DEVICE_ID);
	return fail(-ENOENT, what, advice, "there is no device '%s'; possible are %s, and sim", name,
		    names);
}

bool accel_is_simulator(const char *name)
{
	return name && !strncmp(name, "sim", 3) && (name[3] == '\0' || name[3] == ':');
}

/* The simulated card under the name, with options, that it is to be opened by. */
static int list_simulator(const char *name, struct accel_device_list **out)
{
	struct accel_device_list *list = calloc(1, sizeof(*list));
	struct accel_device_entry entry = {
		.name = strdup(name),
		.path = strdup(""),
		.pci_address = strdup(""),
		.driver = strdup(""),
		.index = -1,
		.state = ACCEL_DEVICE_READY,
	};

	if (!list || !entry.name || !entry.path || !entry.pci_address || !entry.driver ||
	    add_entry(list, &entry)) {
		free_entry(&entry);
		free(list);
		return fail_errno(-ENOMEM, WHAT);
	}
	*out = list;
	return 0;
}

/* True if ACCEL_DEVICE may mean something that only opening it can tell. */
static bool needs_opening(const char *name)
{
	return name[0] == '/' || accel_is_uuid(name);
}

ACCEL_API
int accel_device_list_create(struct accel_device_list **out)
{
	const char *wanted = getenv("ACCEL_DEVICE");
	struct accel_device_list *list;
	bool found;
	size_t i;
	int ret;

	if (!out)
		return fail(-EINVAL, WHAT, NULL, "the pointer for the list is NULL");
	if (accel_is_simulator(wanted))
		return list_simulator(wanted, out);
	ret = accel_scan("/sys", "/dev", &list);
	if (ret)
		return ret;
	found = !wanted || !wanted[0] || needs_opening(wanted);
	for (i = 0; !found && i < list->count; i++)
		found = accel_entry_matches(&list->entries[i], wanted);
	if (!found) {
		ret = accel_fail_name("cannot use the device that ACCEL_DEVICE names", wanted,
				      list);
		accel_device_list_free(list);
		return ret;
	}
	*out = list;
	return 0;
}

ACCEL_API
size_t accel_device_list_count(const struct accel_device_list *list)
{
	return list ? list->count : 0;
}

ACCEL_API
const struct accel_device_entry *
accel_device_list_get(const struct accel_device_list *list, size_t i)
{
	return list && i < list->count ? &list->entries[i] : NULL;
}

ACCEL_API
void accel_device_list_free(struct accel_device_list *list)
{
	size_t i;

	if (!list)
		return;
	for (i = 0; i < list->count; i++)
		free_entry(&list->entries[i]);
	free(list->entries);
	free(list);
}
