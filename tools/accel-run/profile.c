// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * --profile: where a model's time goes on the card, as a table, a trace and a plot.
 *
 * Cycles are those of the model of the chip's performance. The time beside them is what the
 * host sees, of an emulated card: it is there for the steps of the host.
 */
#include "profile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is this part of a step's time busy bounds it. */
#define BOUND		0.5
/* A matrix engine does so many multiplications of a byte with a byte a cycle in a cluster. */
#define BYTE_MACS	1024

/* ---- Steps ---- */

static enum status read_card(struct accel_device *device, struct profile *p)
{
	struct accel_device_info info = { .size = sizeof(info) };

	if (accel_device_get_info(device, &info))
		return complain_error();
	p->clusters = info.clusters;
	p->clock = info.core_clock_khz * 1e3;
	p->peak_bytes = info.memory_bandwidth_mbs * 1e6 / p->clock;
	return STATUS_OK;
}

double profile_peak(const struct profile *p, uint32_t factors)
{
	unsigned int bits = type_bits(factors);

	return (double)p->clusters * BYTE_MACS * 8 / (bits ? bits : 32);
}

double profile_array(const struct profile *p, const struct profile_step *step)
{
	return (double)step->data.macs / profile_peak(p, step->factors);
}

static void add_step(struct profile *p, const struct accel_nn_step *step)
{
	struct profile_step *new = &p->steps[p->step_count++];

	*new = (struct profile_step){
		.operators = check_memory(strdup(step->operators)),
		.name = check_memory(strdup(step->name)),
		.place = step->place, .launches = step->launches, .time = step->time,
		.factors = step->factors,
	};
	if (step->profile)
		new->data = *step->profile;
	if (step->factors && (!p->factors || type_bits(step->factors) < type_bits(p->factors)))
		p->factors = step->factors;
	p->cycles += new->data.cycles;
	p->time += new->time;
}

enum status profile_take(struct session *s, struct accel_device *device, struct profile *p)
{
	struct accel_nn_step step = { .size = sizeof(step) };
	enum status status = read_card(device, p);
	uint32_t i;

	p->info.size = sizeof(p->info);
	if (status)
		return status;
	if (accel_nn_profile(s->job, NULL) || accel_nn_get_job_info(s->job, &p->info))
		return complain_model();
	p->steps = check_memory(calloc(p->info.steps + 1, sizeof(*p->steps)));
	for (i = 0; i < p->info.steps; i++) {
		if (accel_nn_get_step(s->job, i, &step))
			return complain_model();
		/* What needs nothing takes none. */
		if (step.place != ACCEL_NN_NOTHING)
			add_step(p, &step);
	}
	return STATUS_OK;
}

void profile_free(struct profile *p)
{
	size_t i;

	for (i = 0; i < p->step_count; i++) {
		free(p->steps[i].operators);
		free(p->steps[i].name);
	}
	free(p->steps);
}

/* ---- Shares ---- */

static double share(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

struct shares profile_shares(const struct profile *p, const struct accel_profile_data *data,
			     double array)
{
	const double cycles = (double)data->cycles, all = cycles * p->clusters;

	return (struct shares){
		.macs = share(array, cycles),
		.bytes = share((double)(data->memory_read + data->memory_written),
			       cycles * p->peak_bytes),
		.tile = share((double)data->tile_busy, all),
		.dma = share((double)data->dma_busy, all),
		.hart = share((double)data->hart_cycles, all),
	};
}

/* What is busiest, if it is busy enough to matter. */
static const char *find_bound(const struct shares *shares)
{
	const struct {
		double share;
		const char *name;
	} parts[] = {
		{ shares->tile, "tile" }, { shares->dma, "DMA" }, { shares->hart, "core" },
	};
	size_t i, best = 0;

	if (shares->bytes >= BOUND && shares->bytes >= shares->tile)
		return "memory";
	for (i = 1; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i].share > parts[best].share)
			best = i;
	return parts[best].share >= BOUND ? parts[best].name : "waits";
}

/* ---- The table ---- */

/* Steps with the same operators are a row. */
struct row {
	const struct profile_step *first;
	unsigned int steps, launches;
	int64_t time;
	double array;			/* profile_array() of all */
	struct accel_profile_data data;
};

static void add_data(struct accel_profile_data *sum, const struct accel_profile_data *more)
{
	sum->cycles += more->cycles;
	sum->hart_cycles += more->hart_cycles;
	sum->tile_busy += more->tile_busy;
	sum->dma_busy += more->dma_busy;
	sum->macs += more->macs;
	sum->memory_read += more->memory_read;
	sum->memory_written += more->memory_written;
}

static void add_to_row(const struct profile *p, struct row *row, const struct profile_step *step)
{
	row->steps++;
	row->launches += step->launches;
	row->time += step->time;
	row->array += profile_array(p, step);
	add_data(&row->data, &step->data);
}

static size_t make_rows(const struct profile *p, struct row *rows)
{
	size_t count = 0, i, k;

	for (i = 0; i < p->step_count; i++) {
		const struct profile_step *step = &p->steps[i];

		for (k = 0; k < count; k++)
			if (rows[k].first->place == step->place &&
			    !strcmp(rows[k].first->operators, step->operators))
				break;
		if (k == count)
			rows[count++] = (struct row){ .first = step };
		add_to_row(p, &rows[k], step);
	}
	return count;
}

static int by_cycles(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->data.cycles != y->data.cycles)
		return x->data.cycles < y->data.cycles ? 1 : -1;
	return (x->time < y->time) - (x->time > y->time);
}

static void add_percent(struct table *table, double part)
{
	table_addf(table, COLOUR_NONE, "%.1f", 100 * part);
}

static void show_row(const struct profile *p, struct table *table, const char *name,
		     const struct row *row, bool on_host)
{
	const struct shares shares = profile_shares(p, &row->data, row->array);

	/* A long chain is told in full by --json. */
	table_addf(table, COLOUR_NONE, "%.*s%s", 40, name, strlen(name) > 40 ? "..." : "");
	table_addf(table, COLOUR_NONE, "%u", row->steps);
	table_addf(table, COLOUR_NONE, "%u", row->launches);
	table_addf(table, COLOUR_NONE, "%.3f", (double)row->time * 1e-6);
	if (on_host) {
		size_t i;

		for (i = 0; i < 6; i++)
			table_add(table, COLOUR_NONE, NULL);
		table_add(table, COLOUR_WARN, "host");
		return;
	}
	table_addf(table, COLOUR_NONE, "%" PRIu64, row->data.cycles);
	add_percent(table, share((double)row->data.cycles, (double)p->cycles));
	add_percent(table, shares.macs);
	add_percent(table, shares.bytes);
	add_percent(table, shares.tile);
	add_percent(table, shares.dma);
	table_add(table, COLOUR_NONE, find_bound(&shares));
}

static void show_table(const struct profile *p)
{
	static const char *const headings[] = {
		"OPERATORS", "STEPS", "LAUNCHES", "TIME MS", "CYCLES", "SHARE %", "MACS %",
		"MEMORY %", "TILE %", "DMA %", "BOUND BY",
	};
	struct row *rows = check_memory(calloc(p->step_count + 1, sizeof(*rows)));
	struct table *table = table_create(sizeof(headings) / sizeof(headings[0]), headings);
	size_t count = make_rows(p, rows), i;
	struct row all = { 0 };

	qsort(rows, count, sizeof(*rows), by_cycles);
	for (i = 0; i < count; i++)
		show_row(p, table, rows[i].first->operators, &rows[i],
			 rows[i].first->place == ACCEL_NN_ON_HOST);
	for (i = 0; i < p->step_count; i++)
		add_to_row(p, &all, &p->steps[i]);
	show_row(p, table, "all", &all, false);
	table_print(table);
	table_free(table);
	free(rows);
}

/* ---- JSON ---- */

static struct json_object *json_step(const struct profile *p, const struct profile_step *step)
{
	const struct shares shares = profile_shares(p, &step->data, profile_array(p, step));
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{ "launches", step->launches }, { "time_ns", (uint64_t)step->time },
		{ "cycles", step->data.cycles }, { "macs", step->data.macs },
		{ "memory_read", step->data.memory_read },
		{ "memory_written", step->data.memory_written },
		{ "tile_busy", step->data.tile_busy }, { "dma_busy", step->data.dma_busy },
		{ "hart_cycles", step->data.hart_cycles },
	};
	struct json_object *object = json_object_new_object();
	size_t i;

	json_object_object_add(object, "operators", json_object_new_string(step->operators));
	json_object_object_add(object, "name", json_object_new_string(step->name));
	json_object_object_add(object, "place", json_object_new_string(
				       step->place == ACCEL_NN_ON_HOST ? "host" : "card"));
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_object_object_add(object, numbers[i].name,
				       json_object_new_int64((int64_t)numbers[i].value));
	json_object_object_add(object, "factors", step->factors ?
			       json_object_new_string(accel_nn_type_name(step->factors)) : NULL);
	json_object_object_add(object, "bound_by", step->place == ACCEL_NN_ON_HOST ? NULL :
			       json_object_new_string(find_bound(&shares)));
	return object;
}

static void add_json(struct json_object *to, const struct profile *p)
{
	struct json_object *object = json_object_new_object(), *list = json_object_new_array();
	size_t i;

	json_object_object_add(object, "cycles", json_object_new_int64((int64_t)p->cycles));
	json_object_object_add(object, "clock_hz", json_object_new_double(p->clock));
	json_object_object_add(object, "clusters", json_object_new_int64(p->clusters));
	json_object_object_add(object, "peak_macs_per_cycle",
			       json_object_new_double(profile_peak(p, p->factors)));
	json_object_object_add(object, "peak_bytes_per_cycle",
			       json_object_new_double(p->peak_bytes));
	for (i = 0; i < p->step_count; i++)
		json_object_array_add(list, json_step(p, &p->steps[i]));
	json_object_object_add(object, "steps", list);
	json_object_object_add(to, "profile", object);
}

void profile_show(struct session *s, const struct profile *p)
{
	if (s->json) {
		add_json(s->json, p);
		return;
	}
	show_table(p);
	printf("\nmodelled: %.3f ms on %u clusters at %.3g GHz, %.4g runs/s, one after the other; "
	       "with the host: %.3f ms\n\n", (double)p->cycles / p->clock * 1e3, p->clusters,
	       p->clock * 1e-9, p->cycles ? p->clock / (double)p->cycles : 0,
	       (double)p->time * 1e-6);
}

/* ---- Traces ---- */

/* One event, in the form that Perfetto and browsers read. Times are microseconds. */
static struct json_object *trace_event(const struct profile *p, const struct profile_step *step,
				       double start)
{
	struct json_object *event = json_object_new_object();

	json_object_object_add(event, "name", json_object_new_string(
				       step->operators[0] ? step->operators : "?"));
	json_object_object_add(event, "ph", json_object_new_string("X"));
	json_object_object_add(event, "pid", json_object_new_int(1));
	json_object_object_add(event, "tid", json_object_new_int(1));
	json_object_object_add(event, "ts", json_object_new_double(start / p->clock * 1e6));
	json_object_object_add(event, "dur",
			       json_object_new_double((double)step->data.cycles / p->clock * 1e6));
	json_object_object_add(event, "args", json_step(p, step));
	return event;
}

/* What the shares were from some time on. */
static struct json_object *trace_counter(const char *name, double start, double value)
{
	struct json_object *event = json_object_new_object();
	struct json_object *args = json_object_new_object();

	json_object_object_add(args, "%", json_object_new_double(100 * value));
	json_object_object_add(event, "name", json_object_new_string(name));
	json_object_object_add(event, "ph", json_object_new_string("C"));
	json_object_object_add(event, "pid", json_object_new_int(1));
	json_object_object_add(event, "ts", json_object_new_double(start));
	json_object_object_add(event, "args", args);
	return event;
}

static struct json_object *trace_name(const char *kind, const char *name)
{
	struct json_object *event = json_object_new_object();
	struct json_object *args = json_object_new_object();

	json_object_object_add(args, "name", json_object_new_string(name));
	json_object_object_add(event, "name", json_object_new_string(kind));
	json_object_object_add(event, "ph", json_object_new_string("M"));
	json_object_object_add(event, "pid", json_object_new_int(1));
	json_object_object_add(event, "tid", json_object_new_int(1));
	json_object_object_add(event, "args", args);
	return event;
}

enum status profile_write_trace(const struct profile *p, const char *path)
{
	struct json_object *top, *events;
	FILE *file = open_output(path);
	double start = 0;
	size_t i;

	if (!file)
		return STATUS_FAILED;
	top = json_object_new_object();
	events = json_object_new_array();
	json_object_array_add(events, trace_name("process_name", "Egret, modelled time"));
	json_object_array_add(events, trace_name("thread_name", "steps"));
	for (i = 0; i < p->step_count; i++) {
		const struct shares shares = profile_shares(p, &p->steps[i].data,
							    profile_array(p, &p->steps[i]));

		if (!p->steps[i].data.cycles)
			continue;
		json_object_array_add(events, trace_event(p, &p->steps[i], start));
		json_object_array_add(events, trace_counter("MACs", start / p->clock * 1e6,
							    shares.macs));
		json_object_array_add(events, trace_counter("memory", start / p->clock * 1e6,
							    shares.bytes));
		start += (double)p->steps[i].data.cycles;
	}
	json_object_object_add(top, "traceEvents", events);
	fputs(json_object_to_json_string_ext(top, JSON_C_TO_STRING_PLAIN), file);
	json_object_put(top);
	return close_output(file, path);
}
