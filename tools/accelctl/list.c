// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * accelctl list: the cards of this machine, those too that cannot be used, with the
 * reason.
 */
#include "accelctl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

/*
 * The form of the JSON output. The version becomes larger when something is taken away
 * or changes its meaning; new members may come at any time.
 */
#define SCHEMA		"accelctl-list"
#define SCHEMA_VERSION	1

/* What is known of one device. */
struct row {
	const struct accel_device_entry *entry;
	const char *state;
	bool usable;
	enum status status;	/* what it means if this is the only device */
	char *error, *advice;	/* why it is not usable */
	struct accel_device_info info;
	struct accel_memory_info memory;
};

/* ---- Asking ---- */

static const char *state_name(const struct row *row)
{
	if (row->usable)
		return "ready";
	switch (row->entry->state) {
	case ACCEL_DEVICE_NO_DRIVER:
		return "no-driver";
	case ACCEL_DEVICE_NO_NODE:
		return "no-node";
	case ACCEL_DEVICE_NO_PERMISSION:
		return "no-permission";
	default:
		return "broken";
	}
}

static void ask(struct row *row)
{
	struct accel_device *device;
	int ret;

	row->info.size = sizeof(row->info);
	row->memory.size = sizeof(row->memory);
	ret = accel_device_open(row->entry->name, &device);
	if (ret == 0) {
		ret = accel_device_get_info(device, &row->info);
		if (ret == 0)
			ret = accel_device_get_memory(device, &row->memory);
		accel_device_close(device);
	}
	row->usable = ret == 0;
	row->state = state_name(row);
	if (ret == 0)
		return;
	row->error = strdup(accel_last_error()->cause);
	row->advice = strdup(accel_last_error()->advice);
	if (row->entry->state == ACCEL_DEVICE_NO_DRIVER)
		row->status = STATUS_NO_DEVICE;
	else if (ret == -EACCES)
		row->status = STATUS_PERMISSION;
	else
		row->status = STATUS_FAULT;
}

/* ---- Telling ---- */

static void print_table(const struct row *rows, size_t count)
{
	static const char *const headings[] = {
		"NAME", "STATE", "PCI ADDRESS", "CLUSTERS", "MEMORY USED", "DRIVER", "FIRMWARE",
	};
	struct table *table = table_create(7, headings);
	char used[SIZE_TEXT], total[SIZE_TEXT];
	size_t i;

	for (i = 0; i < count; i++) {
		const struct row *row = &rows[i];

		table_add(table, COLOUR_NONE, row->entry->name);
		table_add(table, row->usable ? COLOUR_GOOD : COLOUR_BAD, row->state);
		table_add(table, COLOUR_NONE, row->entry->pci_address);
		if (!row->usable) {
			table_add(table, COLOUR_NONE, NULL);
			table_add(table, COLOUR_NONE, NULL);
			table_add(table, COLOUR_NONE, row->entry->driver);
			table_add(table, COLOUR_NONE, NULL);
			continue;
		}
		table_addf(table, COLOUR_NONE, "%u at %.2f GHz", row->info.clusters,
			   row->info.core_clock_khz * 1e-6);
		table_addf(table, COLOUR_NONE, "%s / %s", format_size(used, row->memory.used),
			   format_size(total, row->memory.total));
		table_addf(table, COLOUR_NONE, "%s %s",
			   row->entry->driver[0] ? row->entry->driver : row->info.backend,
			   row->info.driver_version);
		if (row->info.firmware_version)
			table_addf(table, COLOUR_NONE, "%u.%u.%u",
				   row->info.firmware_version >> 24,
				   row->info.firmware_version >> 16 & 0xff,
				   row->info.firmware_version & 0xffff);
		else
			table_add(table, COLOUR_NONE, "none");
	}
	table_print(table);
	table_free(table);
}

/* A line for each device, fields separated by tabs; what is not known is empty. */
static void print_plain(const struct row *rows, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const struct row *row = &rows[i];

		printf("%s\t%s\t%s\t%s", row->entry->name, row->state, row->entry->pci_address,
		       row->entry->path);
		if (row->usable)
			printf("\t%u\t%u\t%" PRIu64 "\t%" PRIu64 "\n", row->info.clusters,
			       row->info.core_clock_khz, row->memory.used, row->memory.total);
		else
			printf("\t\t\t\t\n");
	}
}

/* A string, or null if it is empty. */
static struct json_object *json_text(const char *text)
{
	return text && text[0] ? json_object_new_string(text) : NULL;
}

static struct json_object *json_number(bool known, uint64_t number)
{
	return known ? json_object_new_uint64(number) : NULL;
}

static struct json_object *json_row(const struct row *row)
{
	const struct accel_device_entry *entry = row->entry;
	const struct accel_device_info *info = &row->info;
	struct json_object *object = json_object_new_object();
	bool known = row->usable;

#define ADD(name, value) json_object_object_add(object, name, value)
	ADD("name", json_text(entry->name));
	ADD("state", json_text(row->state));
	ADD("error", json_text(row->error));
	ADD("path", json_text(entry->path));
	ADD("pci_address", json_text(entry->pci_address));
	ADD("driver", json_text(entry->driver));
	ADD("backend", json_text(info->backend));
	ADD("driver_version", json_text(info->driver_version));
	ADD("firmware_version", json_number(known && info->firmware_version,
					    info->firmware_version));
	ADD("chip_revision", json_number(known, info->chip_revision));
	ADD("serial", json_number(known, info->serial));
	ADD("clusters", json_number(known, info->clusters));
	ADD("core_clock_khz", json_number(known, info->core_clock_khz));
	ADD("copy_engines", json_number(known, info->copy_engines));
	ADD("memory_total_bytes", json_number(known, row->memory.total));
	ADD("memory_used_bytes", json_number(known, row->memory.used));
	ADD("memory_used_by_driver_bytes", json_number(known, row->memory.used_by_driver));
	ADD("memory_bandwidth_mbs", json_number(known, info->memory_bandwidth_mbs));
#undef ADD
	return object;
}

static void print_json(const struct row *rows, size_t count)
{
	struct json_object *top = json_object_new_object();
	struct json_object *devices = json_object_new_array();
	size_t i;

	for (i = 0; i < count; i++)
		json_object_array_add(devices, json_row(&rows[i]));
	json_object_object_add(top, "schema", json_object_new_string(SCHEMA));
	json_object_object_add(top, "schema_version", json_object_new_int(SCHEMA_VERSION));
	json_object_object_add(top, "devices", devices);
	puts(json_object_to_json_string_ext(top, JSON_C_TO_STRING_PRETTY |
						 JSON_C_TO_STRING_SPACED |
						 JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(top);
}

/* ---- The command ---- */

enum form {
	FORM_AUTO,
	FORM_JSON,
};

static void print_rows(const struct row *rows, size_t count, enum form form)
{
	if (form == FORM_JSON)
		print_json(rows, count);
	else if (!is_terminal())
		print_plain(rows, count);
	else if (count)
		print_table(rows, count);
}

/* What is wrong with each device that cannot be used, and the status of all. */
static enum status judge(const struct row *rows, size_t count)
{
	enum status status = STATUS_OK;
	size_t i, usable = 0;

	for (i = 0; i < count; i++) {
		if (rows[i].usable) {
			usable++;
			continue;
		}
		complain(rows[i].advice, "%s cannot be used: %s", rows[i].entry->name,
			 rows[i].error ? rows[i].error : "out of memory");
		status = rows[i].status;
	}
	if (usable && usable < count)
		return STATUS_PARTIAL;
	return status;
}

static enum status list_devices(enum form form)
{
	struct accel_device_list *list;
	struct row *rows;
	enum status status;
	size_t i, count;

	if (accel_device_list_create(&list))
		return complain_error();
	count = accel_device_list_count(list);
	/* One more, since calloc(0) may return NULL. */
	rows = calloc(count + 1, sizeof(*rows));
	if (!rows) {
		complain(NULL, "out of memory");
		accel_device_list_free(list);
		return STATUS_FAILED;
	}
	for (i = 0; i < count; i++) {
		rows[i].entry = accel_device_list_get(list, i);
		ask(&rows[i]);
	}
	print_rows(rows, count, form);
	/* What is read first must come first. */
	fflush(stdout);
	if (count) {
		status = judge(rows, count);
	} else {
		complain("check with lspci -d 1234:e6e7 that the card is there; "
			 "ACCEL_DEVICE=sim accelctl list shows a simulated one",
			 "there is no Egret card in this machine");
		status = STATUS_NO_DEVICE;
	}
	for (i = 0; i < count; i++) {
		free(rows[i].error);
		free(rows[i].advice);
	}
	free(rows);
	accel_device_list_free(list);
	return status;
}

static enum status run(int argc, char **argv)
{
	enum form form = FORM_AUTO;
	int i;

	for (i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--json")) {
			form = FORM_JSON;
		} else {
			complain("see accelctl list --help", "list takes no %s %s",
				 argv[i][0] == '-' ? "option" : "argument", argv[i]);
			return STATUS_USAGE;
		}
	}
	return list_devices(form);
}

const struct command command_list = {
	.name = "list",
	.summary = "show the cards of this machine",
	.usage = "Usage: accelctl list [--json]\n"
		 "\n"
		 "Show the Egret cards of this machine, those too that cannot be used at present.\n"
		 "On a terminal it is a table; otherwise a line for each card, with name, state, PCI\n"
		 "address, path, clusters, clock (kHz), memory used and memory in total (bytes),\n"
		 "separated by tabs.\n"
		 "\n"
		 "  --json   all that is known, as JSON; the form is described in accelctl(1)\n"
		 "\n"
		 "States: ready, no-driver, no-node, no-permission, broken.\n",
	.run = run,
};
