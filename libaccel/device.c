// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <egret/packet.h>
#include <egret/pci.h>

#include "scan.h"

#define UUID_SIZE sizeof(((struct accel_device_info *)NULL)->uuid)

/* ---- Forks ---- */

unsigned int accel_process;

static void count_fork(void)
{
	accel_process++;
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, count_fork);
}

int accel_fail_process(const char *what)
{
	return fail(-ECHILD, what, "open the device in this process, or give it work before the fork",
		    "the device was opened before this process was forked from another one");
}

/* ---- Opening ---- */

/* Why the entry cannot be opened, and what to do about it. */
static int explain_state(const char *what, const struct accel_device_entry *entry)
{
	switch (entry->state) {
	case ACCEL_DEVICE_NO_DRIVER:
		return fail(-ENODEV, what,
			    "load the driver (modprobe egret), then look at the kernel's log if it "
			    "does not take the card (dmesg)",
			    "the card at %s has no driver", entry->pci_address);
	case ACCEL_DEVICE_NO_NODE:
		return fail(-ENODEV, what,
			    "look at the kernel's log (dmesg) for what went wrong",
			    "driver %s has the card at %s, but there is no /dev/accel/accelN for it",
			    entry->driver, entry->pci_address);
	case ACCEL_DEVICE_NO_PERMISSION:
		return fail(-EACCES, what,
			    "ask for membership of the group that ls -l shows (usually render), "
			    "then log in again",
			    "this user may not read and write %s", entry->path);
	default:
		return 0;
	}
}

/*
 * Choose from the list: what the name means, or without one the first that can be used.
 */
static int choose(const char *what, const struct accel_device_list *list, const char *name,
		  const struct accel_device_entry **out)
{
	const struct accel_device_entry *found = NULL;
	size_t i;

	if (!list->count && !name)
		return fail(-ENOENT, what,
			    "check with lspci that the card is there, or set ACCEL_DEVICE=sim to use "
			    "a simulated one",
			    "there is no Egret card in this machine (no PCI device %04x:%04x)",
			    EGRET_PCI_VENDOR_ID, EGRET_PCI_DEVICE_ID);
	for (i = 0; i < list->count; i++) {
		const struct accel_device_entry *entry = &list->entries[i];

		if (name ? accel_entry_matches(entry, name) : entry->state == ACCEL_DEVICE_READY) {
			found = entry;
			break;
		}
	}
	if (!found && name)
		return accel_fail_name(what, name, list);
	*out = found ? found : &list->entries[0];
	return explain_state(what, *out);
}

static int open_backend(const char *what, struct accel_device *device,
			const struct backend *backend, const char *name)
{
	int ret;

	device->backend = backend;
	ret = backend->open(name, &device->dev);
	switch (ret) {
	case 0:
		break;
	case -EPROTONOSUPPORT:
		return fail(ret, what, NULL, "it is no Egret card, or has another driver");
	case -ENOENT:
	case -ENXIO:
		return fail(-ENOENT, what, "accelctl list shows the cards of this machine",
			    "there is no such device");
	case -EACCES:
	case -EPERM:
		return fail(-EACCES, what,
			    "ask for membership of the group that ls -l shows (usually render), "
			    "then log in again",
			    "this user may not read and write it");
	case -EINVAL:
		if (backend == &accel_backend_sim)
			return fail(ret, what, "for example sim:vram=2G,clusters=2",
				    "the simulator has no options '%s'; possible are vram=SIZE (MiB, "
				    "or with K, M or G) and clusters=NUMBER (1 to %u)",
				    name[0] ? name + 1 : name, EGRET_MAX_CLUSTERS);
		return fail_errno(ret, what);
	default:
		return fail_errno(ret, what);
	}
	ret = backend->query(device->dev, DRM_EGRET_QUERY_DEVICE, &device->info,
			     sizeof(device->info));
	if (ret) {
		backend->close(device->dev);
		device->dev = NULL;
		return fail_errno(ret, what);
	}
	return 0;
}

/* A UUID of version 8, whose last digits are those of the serial number. */
static void write_uuid(const struct drm_egret_device_info *info, char *text, size_t size)
{
	uint64_t serial = info->serial;

	snprintf(text, size, "%04x%04x-%04x-8000-%04x-%012" PRIx64, EGRET_PCI_VENDOR_ID,
		 EGRET_PCI_DEVICE_ID, (unsigned int)(serial >> 62),
		 0x8000 | (unsigned int)(serial >> 48 & 0x3fff), serial & 0xffffffffffff);
}

static void take_entry(struct accel_device *device, const struct accel_device_entry *entry)
{
	snprintf(device->name, sizeof(device->name), "%s", entry->name);
	snprintf(device->pci_address, sizeof(device->pci_address), "%s", entry->pci_address);
}

/* Only an open card tells its UUID. */
static int open_uuid(const char *what, struct accel_device *device,
		     const struct accel_device_list *list, const char *name)
{
	char uuid[UUID_SIZE];
	size_t i;

	for (i = 0; i < list->count; i++) {
		const struct accel_device_entry *entry = &list->entries[i];

		if (entry->state != ACCEL_DEVICE_READY ||
		    open_backend(what, device, &accel_backend_drm, entry->path))
			continue;
		write_uuid(&device->info, uuid, sizeof(uuid));
		if (!strcasecmp(uuid, name)) {
			take_entry(device, entry);
			return 0;
		}
		device->backend->close(device->dev);
	}
	return accel_fail_name(what, name, list);
}

static int open_named(const char *what, struct accel_device *device, const char *name)
{
	const struct accel_device_entry *entry = NULL;
	struct accel_device_list *list;
	int ret;

	if (accel_is_simulator(name)) {
		snprintf(device->name, sizeof(device->name), "sim");
		return open_backend(what, device, &accel_backend_sim, name + 3);
	}
	ret = accel_scan("/sys", "/dev", &list);
	if (ret)
		return ret;
	if (name && accel_is_uuid(name)) {
		ret = open_uuid(what, device, list, name);
		accel_device_list_free(list);
		return ret;
	}
	ret = choose(what, list, name, &entry);
	if (ret == 0) {
		take_entry(device, entry);
		ret = open_backend(what, device, &accel_backend_drm, entry->path);
	} else if (ret == -ENOENT && name && name[0] == '/') {
		/* A path that sysfs does not know of, such as a node in a container. */
		const char *slash = strrchr(name, '/');

		snprintf(device->name, sizeof(device->name), "%s", slash + 1);
		ret = open_backend(what, device, &accel_backend_drm, name);
	}
	accel_device_list_free(list);
	return ret;
}

ACCEL_API
int accel_device_open(const char *name, struct accel_device **out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct accel_device *device;
	const char *from = "", *shown;
	char what[160];
	int ret;

	if (!out)
		return fail(-EINVAL, "cannot open a device", NULL,
			    "the pointer for the device is NULL");
	if (!name) {
		name = getenv("ACCEL_DEVICE");
		if (name && !name[0])
			name = NULL;
		else if (name)
			from = " (of ACCEL_DEVICE)";
	}
	pthread_once(&once, watch_forks);
	shown = name ? name : "a card";
	snprintf(what, sizeof(what), "cannot open %.100s%s", shown, from);
	device = calloc(1, sizeof(*device));
	if (!device)
		return fail_errno(-ENOMEM, what);
	atomic_init(&device->refs, 1);
	device->process = accel_process;
	ret = open_named(what, device, name);
	if (ret) {
		free(device);
		return ret;
	}
	accel_log(ACCEL_LOG_INFO, "opened %s (%s, version %s)", device->name,
		  device->backend->name, device->backend->version(device->dev));
	*out = device;
	return 0;
}

ACCEL_API
void accel_device_close(struct accel_device *device)
{
	if (!device || !ref_put(&device->refs))
		return;
	accel_log(ACCEL_LOG_INFO, "closing %s", device->name);
	if (accel_is_foreign(device))
		device->backend->abandon(device->dev);
	else
		device->backend->close(device->dev);
	free(device);
}

/* ---- Facts ---- */

/* Ask the backend one of DRM_EGRET_QUERY_*, whose answer has so many bytes. */
static int ask(const char *what, struct accel_device *device, uint32_t topic, void *answer,
	       size_t bytes)
{
	int ret;

	if (!device)
		return fail(-EINVAL, what, NULL, "the device is NULL");
	ret = accel_check_process(what, device);
	if (ret)
		return ret;
	ret = device->backend->query(device->dev, topic, answer, bytes);
	if (ret == -EINVAL)
		return fail(-EOPNOTSUPP, what, "use a newer driver",
			    "the driver (%s) has no such query",
			    device->backend->version(device->dev));
	return ret ? fail_errno(ret, what) : 0;
}

ACCEL_API
int accel_device_get_info(struct accel_device *device, struct accel_device_info *info)
{
	static const char what[] = "cannot get the device's information";
	const struct drm_egret_device_info *known;
	struct accel_device_info full = { .size = sizeof(full) };

	if (!device)
		return fail(-EINVAL, what, NULL, "the device is NULL");
	known = &device->info;
	snprintf(full.name, sizeof(full.name), "%s", device->name);
	snprintf(full.pci_address, sizeof(full.pci_address), "%s", device->pci_address);
	snprintf(full.backend, sizeof(full.backend), "%s", device->backend->name);
	snprintf(full.driver_version, sizeof(full.driver_version), "%s",
		 device->backend->version(device->dev));
	full.chip_revision = known->chip_revision;
	full.firmware_version = known->firmware_version;
	full.serial = known->serial;
	full.clusters = known->clusters;
	full.scratch_size = known->scratch_size;
	full.core_clock_khz = known->core_clock_khz;
	full.copy_engines = known->copy_engines;
	full.memory_size = known->vram_size;
	full.memory_bandwidth_mbs = known->mem_bandwidth_mbs;
	full.page_size = known->page_size;
	write_uuid(known, full.uuid, sizeof(full.uuid));
	full.contexts = known->contexts;
	full.queues = known->queues;
	full.args_size_max = EGRET_ARGS_SIZE_MAX;
	full.grid_max = EGRET_GRID_MAX;
	full.large_page_size = known->large_page_size;
	full.address_space = known->va_end - known->va_start;
	return accel_copy_out(what, info, &full, sizeof(full));
}

ACCEL_API
int accel_device_get_memory(struct accel_device *device, struct accel_memory_info *info)
{
	static const char what[] = "cannot get the use of the device memory";
	struct drm_egret_memory_info known;
	struct accel_memory_info full = { .size = sizeof(full) };
	int ret;

	ret = ask(what, device, DRM_EGRET_QUERY_MEMORY, &known, sizeof(known));
	if (ret)
		return ret;
	full.total = known.vram_total;
	full.used = known.vram_used;
	full.used_by_driver = known.vram_used_by_driver;
	return accel_copy_out(what, info, &full, sizeof(full));
}

ACCEL_API
int accel_device_get_counters(struct accel_device *device, struct accel_counters *counters)
{
	static const char what[] = "cannot get the device's counters";
	struct drm_egret_counters known;
	struct accel_counters full = { .size = sizeof(full) };
	int ret;

	ret = ask(what, device, DRM_EGRET_QUERY_COUNTERS, &known, sizeof(known));
	if (ret)
		return ret;
	full.cycles = known.cycles;
	full.packets = known.packets;
	full.dispatches = known.dispatches;
	full.workgroups = known.workgroups;
	full.memory_read = known.vram_read;
	full.memory_written = known.vram_write;
	full.host_read = known.host_read;
	full.host_written = known.host_write;
	full.macs = known.macs;
	full.instructions = known.instructions;
	full.interrupts = known.interrupts;
	full.faults = known.faults;
	return accel_copy_out(what, counters, &full, sizeof(full));
}

ACCEL_API
int accel_device_get_sensors(struct accel_device *device, struct accel_sensors *sensors)
{
	static const char what[] = "cannot read the device's sensors";
	struct drm_egret_sensors known;
	struct accel_sensors full = { .size = sizeof(full) };
	int ret;

	ret = ask(what, device, DRM_EGRET_QUERY_SENSORS, &known, sizeof(known));
	if (ret)
		return ret;
	full.flags = known.flags & DRM_EGRET_SENSORS_FIRMWARE ? ACCEL_SENSORS_FIRMWARE : 0;
	full.temperature_mc = known.temperature;
	full.throttle_mc = known.temperature_throttle;
	full.critical_mc = known.temperature_critical;
	full.power_mw = known.power;
	full.power_cap_mw = known.power_cap;
	full.power_cap_min_mw = known.power_cap_min;
	full.power_cap_max_mw = known.power_cap_max;
	full.throttle = known.throttle;
	full.voltage_mv = known.voltage;
	full.core_clock_khz = known.clock;
	full.performance_state = known.pstate;
	full.time_ns = known.time;
	full.energy_uj = known.energy;
	full.ecc_corrected = known.ecc_corrected;
	full.ecc_uncorrected = known.ecc_uncorrected;
	return accel_copy_out(what, sensors, &full, sizeof(full));
}
