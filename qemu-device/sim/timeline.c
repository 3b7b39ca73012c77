// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * A track for packets, and four for each cluster: workgroups, hart, tile engine and
 * DMA unit. Times in the file are microseconds at the fastest clock; every event also
 * has its modelled cycles, which are exact. Cycle 0 is the fetch of the DISPATCH packet.
 *
 * The spans of a track never overlap. In `otherData` stand each unit's sums: busy +
 * stalled + idle is the elapsed time.
 */
#include "timeline.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disasm.h"
#include "perf.h"
#include "sim.h"

enum track { TRACK_GROUP, TRACK_HART, TRACK_TILE, TRACK_DMA, TRACKS };
static const char *const track_names[TRACKS] = { "workgroups", "hart", "tile engine", "DMA unit" };

#define PACKET_TRACK	1
/* Before the first cluster is told of a workgroup. */
#define BEFORE		(PERF_PACKET + PERF_DISPATCH)

struct unit_sums {
	uint64_t busy;
	uint64_t stalled;
};

struct timeline {
	struct machine *machine;
	struct symbols *symbols;
	struct json_object *events;
	struct {
		uint64_t ran_to;	/* the hart's spans are written up to here; cycles of the workgroup */
		struct unit_sums sums[TRACKS];
	} cluster[EGRET_MAX_CLUSTERS];
};

static int tid(unsigned int cluster, enum track track)
{
	return (int)(PACKET_TRACK + 1 + cluster * TRACKS + track);
}

static struct json_object *number(uint64_t n)
{
	return json_object_new_uint64(n);
}

static double microseconds(uint64_t cycles)
{
	return (double)cycles * 1000 / PERF_CLOCK_KHZ;
}

/* Add a span and return its arguments, for more. */
static struct json_object *add(struct timeline *t, int track, const char *name, uint64_t start,
			       uint64_t end)
{
	struct json_object *e = json_object_new_object();
	struct json_object *args = json_object_new_object();

	json_object_object_add(e, "name", json_object_new_string(name));
	json_object_object_add(e, "ph", json_object_new_string("X"));
	json_object_object_add(e, "pid", json_object_new_int(1));
	json_object_object_add(e, "tid", json_object_new_int(track));
	json_object_object_add(e, "ts", json_object_new_double(microseconds(start)));
	json_object_object_add(e, "dur", json_object_new_double(microseconds(end - start)));
	json_object_object_add(args, "start_cycle", number(start));
	json_object_object_add(args, "end_cycle", number(end));
	json_object_object_add(e, "args", args);
	json_object_array_add(t->events, e);
	return args;
}

static void name_track(struct timeline *t, int track, const char *name)
{
	struct json_object *e = json_object_new_object();
	struct json_object *args = json_object_new_object();

	json_object_object_add(args, "name", json_object_new_string(name));
	json_object_object_add(e, "name", json_object_new_string("thread_name"));
	json_object_object_add(e, "ph", json_object_new_string("M"));
	json_object_object_add(e, "pid", json_object_new_int(1));
	json_object_object_add(e, "tid", json_object_new_int(track));
	json_object_object_add(e, "args", args);
	json_object_array_add(t->events, e);
}

/* ---- What happens --------------------------------------------------------------- */

static void begin(void *arg, struct machine_unit *u)
{
	struct timeline *t = arg;

	t->cluster[u->index].ran_to = 0;
}

/* The hart executed instructions up to cycle @end of its workgroup. */
static void hart_ran(struct timeline *t, struct machine_unit *u, uint64_t end)
{
	uint64_t from = t->cluster[u->index].ran_to;

	if (end > from) {
		add(t, tid(u->index, TRACK_HART), "run", BEFORE + u->start + from,
		    BEFORE + u->start + end);
		t->cluster[u->index].sums[TRACK_HART].busy += end - from;
	}
	t->cluster[u->index].ran_to = end;
}

static void hart_waited(struct timeline *t, struct machine_unit *u, const struct egret_activity *a)
{
	hart_ran(t, u, a->start);
	add(t, tid(u->index, TRACK_HART),
	    a->kind == EGRET_ACTIVITY_DMA_WAIT ? "wait for DMA" : "wait for tile engine",
	    BEFORE + u->start + a->start, BEFORE + u->start + a->end);
	t->cluster[u->index].sums[TRACK_HART].stalled += a->end - a->start;
	t->cluster[u->index].ran_to = a->end;
}

static void unit_worked(struct timeline *t, struct machine_unit *u, const struct egret_activity *a)
{
	enum track track = a->kind == EGRET_ACTIVITY_DMA ? TRACK_DMA : TRACK_TILE;
	struct json_object *args;
	char text[160];

	args = add(t, tid(u->index, track), disasm_operation(a->funct3),
		   BEFORE + u->start + a->start, BEFORE + u->start + a->end);
	disasm_desc(a->funct3, a->desc, text, sizeof(text));
	json_object_object_add(args, "operation", json_object_new_string(text));
	json_object_object_add(args, "tag", json_object_new_int((int)a->tag));
	json_object_object_add(args, "issued_cycle", number(BEFORE + u->start + a->issued));
	json_object_object_add(args, "result_cycle", number(BEFORE + u->start + a->done));
	json_object_object_add(args, "from", json_object_new_string(symbols_text(t->symbols, a->pc)));
	t->cluster[u->index].sums[track].busy += a->end - a->start;
}

static void activity(void *arg, struct machine_unit *u, const struct egret_activity *a)
{
	switch (a->kind) {
	case EGRET_ACTIVITY_DMA:
	case EGRET_ACTIVITY_TILE:
		unit_worked(arg, u, a);
		break;
	case EGRET_ACTIVITY_DMA_WAIT:
	case EGRET_ACTIVITY_TILE_WAIT:
		hart_waited(arg, u, a);
		break;
	}
}

static void group_over(struct timeline *t, struct machine_unit *u,
		       const struct egret_group_stats *stats)
{
	struct json_object *args;
	char name[64];

	hart_ran(t, u, stats->cycles);
	snprintf(name, sizeof(name), "workgroup (%u, %u, %u)", u->id[0], u->id[1], u->id[2]);
	args = add(t, tid(u->index, TRACK_GROUP), name, BEFORE + u->start,
		   BEFORE + u->start + stats->cycles);
	json_object_object_add(args, "instructions", number(stats->instructions));
	json_object_object_add(args, "multiply_accumulates", number(stats->macs));
	json_object_object_add(args, "bytes_read", number(stats->vram_read));
	json_object_object_add(args, "bytes_written", number(stats->vram_write));
	t->cluster[u->index].sums[TRACK_GROUP].busy += stats->cycles;
	/* How long the cluster takes to be told. */
	add(t, tid(u->index, TRACK_GROUP), "load", BEFORE + u->start - PERF_GROUP,
	    BEFORE + u->start);
	t->cluster[u->index].sums[TRACK_GROUP].stalled += PERF_GROUP;
}

static void end(void *arg, struct machine_unit *u, const struct egret_group_stats *stats)
{
	group_over(arg, u, stats);
}

struct timeline *timeline_start(struct machine *m, struct symbols *symbols)
{
	struct timeline *t = allocate(1, sizeof(*t));

	t->machine = m;
	t->symbols = symbols;
	t->events = json_object_new_array();
	name_track(t, PACKET_TRACK, "packets");
	for (unsigned int c = 0; c < m->clusters; c++) {
		for (enum track k = 0; k < TRACKS; k++) {
			char name[64];

			snprintf(name, sizeof(name), "cluster %u %s", c, track_names[k]);
			name_track(t, tid(c, k), name);
		}
	}
	machine_watch(m, &(struct machine_watch) {
		.arg = t,
		.begin = begin,
		.end = end,
		.activity = activity,
	});
	return t;
}

/* ---- The file ---------------------------------------------------------------------- */

/* When all was over; after a fault, when the last cluster stopped. */
static uint64_t elapsed(const struct machine *m)
{
	uint64_t last = egret_dispatch_cycles(&m->dispatch);

	for (unsigned int i = 0; i < m->clusters; i++)
		last = egret_perf_max(last, machine_time(&m->unit[i]));
	return BEFORE + last;
}

static struct json_object *summary(const struct timeline *t, uint64_t cycles)
{
	struct json_object *clusters = json_object_new_array();

	for (unsigned int c = 0; c < t->machine->clusters; c++) {
		struct json_object *cluster = json_object_new_object();

		for (enum track k = 0; k < TRACKS; k++) {
			const struct unit_sums *s = &t->cluster[c].sums[k];
			struct json_object *unit = json_object_new_object();

			json_object_object_add(unit, "busy_cycles", number(s->busy));
			json_object_object_add(unit, "stalled_cycles", number(s->stalled));
			json_object_object_add(unit, "idle_cycles",
					       number(cycles - s->busy - s->stalled));
			json_object_object_add(cluster, track_names[k], unit);
		}
		json_object_array_add(clusters, cluster);
	}
	return clusters;
}

void timeline_finish(struct timeline *t, const char *path)
{
	struct machine *m = t->machine;
	struct json_object *file = json_object_new_object();
	struct json_object *other = json_object_new_object();
	uint64_t cycles = elapsed(m);
	const char *text;

	for (unsigned int i = 0; i < m->clusters; i++) {
		struct egret_group_stats stats;

		if (!m->unit[i].busy)
			continue;
		egret_cluster_stats(m->unit[i].cluster, &stats);
		group_over(t, &m->unit[i], &stats);
	}
	add(t, PACKET_TRACK, "DISPATCH", 0, cycles);
	json_object_object_add(other, "time", json_object_new_string("modelled, not measured"));
	json_object_object_add(other, "clock_khz", json_object_new_int(PERF_CLOCK_KHZ));
	json_object_object_add(other, "elapsed_cycles", number(cycles));
	json_object_object_add(other, "clusters", summary(t, cycles));
	json_object_object_add(file, "traceEvents", t->events);
	json_object_object_add(file, "displayTimeUnit", json_object_new_string("ns"));
	json_object_object_add(file, "otherData", other);
	text = json_object_to_json_string_ext(file, JSON_C_TO_STRING_PLAIN);
	if (!text)
		fail(SIM_HOST, "out of memory writing %s", path);
	file_write(path, text, strlen(text));
	json_object_put(file);
	free(t);
}
