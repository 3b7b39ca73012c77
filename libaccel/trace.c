// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Traces: when each piece of a context's work ran, and what it did.
 *
 * While a context is traced, each piece of work is put between two TIMESTAMP packets, and
 * launches get a profile. All of them write to one buffer in host memory, which has a slot
 * for each record; the host keeps the names beside it. A slot is written by the card alone,
 * and tells by being not zero that it was: so nobody waits for anything while tracing.
 *
 * The JSON form is that of Chrome's trace viewer, which Perfetto reads as well. It has two
 * processes: the card's clock, which in an emulator shows what the host took, and the
 * chip's performance model, whose cycles are converted by the highest clock.
 */
#define _GNU_SOURCE
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stream.h"

#define RECORDS		16384		/* unless the program says otherwise */
#define RECORDS_MAX	(1u << 24)

/* What the card writes of a record. */
struct slot {
	struct egret_timestamp begin, end;
	struct egret_profile profile;
};

/* What the host knows of it. */
struct note {
	char name[EGRET_KERNEL_NAME_MAX];
	uint32_t kind;
	uint32_t stream;
	uint32_t grid[3];
	uint64_t bytes;
};

struct accel_trace {
	refcount refs;			/* the program's, and what is being queued */
	struct accel_context *context;
	bool nodes;
	uint64_t room;
	struct accel_buffer *buffer;
	const struct slot *slots;
	struct note *notes;
	_Atomic uint64_t count;		/* records asked for; those above `room` are lost */
};

static void put_trace(struct accel_trace *trace)
{
	if (!trace || !ref_put(&trace->refs))
		return;
	accel_buffer_destroy(trace->buffer);
	free(trace->notes);
	accel_context_put(trace->context);
	free(trace);
}

static int make_slots(const char *what, struct accel_trace *trace)
{
	void *memory;
	int ret;

	trace->notes = calloc(trace->room, sizeof(*trace->notes));
	if (!trace->notes)
		return fail_errno(-ENOMEM, what);
	ret = accel_buffer_make(what, trace->context, &(struct buffer_plan) {
		.bytes = trace->room * sizeof(*trace->slots),
		.memory = ACCEL_MEMORY_HOST,
		.name = "(trace)",
	}, &trace->buffer);
	if (ret == 0)
		ret = accel_buffer_map(trace->buffer, &memory);
	if (ret == 0)
		trace->slots = memory;
	return ret;
}

ACCEL_API
int accel_trace_create(struct accel_context *context, const struct accel_trace_options *options,
		       struct accel_trace **out)
{
	static const char what[] = "cannot trace a context";
	struct accel_trace *none = NULL;
	struct accel_trace_options opts;
	struct accel_trace *trace;
	int ret;

	if (!context || !out)
		return fail(-EINVAL, what, NULL, "the %s is NULL",
			    context ? "pointer for the trace" : "context");
	ret = accel_copy_in(what, &opts, sizeof(opts), options);
	if (ret == 0)
		ret = accel_check_process(what, context->device);
	if (ret)
		return ret;
	if (opts.records > RECORDS_MAX)
		return fail(-EINVAL, what, NULL, "%" PRIu64 " records are not possible: at most %u",
			    opts.records, RECORDS_MAX);
	if (opts.flags & ~ACCEL_TRACE_NODES)
		return fail(-EINVAL, what, NULL, "unknown flags 0x%x",
			    opts.flags & ~ACCEL_TRACE_NODES);
	if (opts.reserved)
		return fail(-EINVAL, what, NULL, "a reserved option is set");
	trace = calloc(1, sizeof(*trace));
	if (!trace)
		return fail_errno(-ENOMEM, what);
	trace->nodes = opts.flags & ACCEL_TRACE_NODES;
	atomic_init(&trace->refs, 1);
	accel_context_get(context);
	trace->context = context;
	trace->room = opts.records ? opts.records : RECORDS;
	ret = make_slots(what, trace);
	/* From here on it is written to. */
	if (ret == 0 && !atomic_compare_exchange_strong(&context->trace, &none, trace))
		ret = fail(-EBUSY, what, "stop the other trace first",
			   "the context is being traced already");
	if (ret) {
		put_trace(trace);
		return ret;
	}
	*out = trace;
	return 0;
}

ACCEL_API
int accel_trace_stop(struct accel_trace *trace)
{
	static const char what[] = "cannot stop a trace";
	struct accel_trace *expected = trace;
	int ret;

	if (!trace)
		return fail(-EINVAL, what, NULL, "the trace is NULL");
	ret = accel_check_process(what, trace->context->device);
	if (ret)
		return ret;
	/* With the lock that whoever looks for it holds until he has a reference. */
	pthread_mutex_lock(&trace->context->lock);
	atomic_compare_exchange_strong(&trace->context->trace, &expected, NULL);
	pthread_mutex_unlock(&trace->context->lock);
	return 0;
}

ACCEL_API
void accel_trace_destroy(struct accel_trace *trace)
{
	if (!trace)
		return;
	if (!accel_is_foreign(trace->context->device))
		accel_trace_stop(trace);
	put_trace(trace);
}

/* ---- Recording; with the stream's lock ---- */

static struct accel_trace *get_trace(struct accel_context *context)
{
	struct accel_trace *trace;

	pthread_mutex_lock(&context->lock);
	trace = atomic_load(&context->trace);
	if (trace)
		ref_get(&trace->refs);
	pthread_mutex_unlock(&context->lock);
	return trace;
}

static uint64_t slot_address(const struct trace_mark *mark, size_t member)
{
	return mark->trace->buffer->address + mark->index * sizeof(struct slot) + member;
}

static int queue_time(const char *what, struct accel_stream *stream, uint64_t address)
{
	uint64_t position;
	int ret;

	ret = stream_reserve(what, stream, 0, &position);
	if (ret)
		return ret;
	*stream_next(stream, position, 0) = (union egret_packet) {
		.timestamp = { .header.opcode = EGRET_OP_TIMESTAMP, .addr = address },
	};
	return 0;
}

static void write_note(struct note *note, const struct accel_stream *stream,
		       const struct trace_item *item)
{
	snprintf(note->name, sizeof(note->name), "%s", item->name);
	note->kind = item->kind;
	note->stream = stream->number;
	note->bytes = item->bytes;
	if (item->grid)
		memcpy(note->grid, item->grid, sizeof(note->grid));
}

int accel_trace_begin(const char *what, struct accel_stream *stream,
		      const struct trace_item *item, struct trace_mark *mark)
{
	int ret;

	mark->trace = get_trace(stream->context);
	if (!mark->trace)
		return 0;
	mark->index = atomic_fetch_add(&mark->trace->count, 1);
	if (mark->index >= mark->trace->room) {
		accel_trace_cancel(mark);
		return 0;
	}
	write_note(&mark->trace->notes[mark->index], stream, item);
	ret = queue_time(what, stream, slot_address(mark, offsetof(struct slot, begin)));
	if (ret)
		accel_trace_cancel(mark);
	return ret;
}

int accel_trace_end(const char *what, struct accel_stream *stream, struct trace_mark *mark)
{
	int ret;

	if (!mark->trace)
		return 0;
	ret = queue_time(what, stream, slot_address(mark, offsetof(struct slot, end)));
	accel_trace_cancel(mark);
	return ret;
}

void accel_trace_cancel(struct trace_mark *mark)
{
	put_trace(mark->trace);
	mark->trace = NULL;
}

bool accel_trace_wants_nodes(const struct trace_mark *mark)
{
	return mark->trace && mark->trace->nodes;
}

uint64_t accel_trace_profile(const struct trace_mark *mark)
{
	return mark->trace ? slot_address(mark, offsetof(struct slot, profile)) : 0;
}

/* ---- Reading ---- */

static uint64_t get_count(const struct accel_trace *trace)
{
	uint64_t count = atomic_load(&trace->count);

	return count < trace->room ? count : trace->room;
}

ACCEL_API
size_t accel_trace_count(const struct accel_trace *trace)
{
	return trace ? get_count(trace) : 0;
}

/* True if the card has written all of the slot. */
static bool read_slot(const struct accel_trace *trace, size_t i, struct slot *slot)
{
	/* The end's time is written last. */
	if (!__atomic_load_n(&trace->slots[i].end.time, __ATOMIC_ACQUIRE))
		return false;
	*slot = trace->slots[i];
	return true;
}

static int check_record(const char *what, const struct accel_trace *trace, size_t i,
			struct slot *slot)
{
	if (!trace)
		return fail(-EINVAL, what, NULL, "the trace is NULL");
	if (i >= get_count(trace))
		return fail(-ENOENT, what, NULL, "there is no record %zu; there are %" PRIu64, i,
			    get_count(trace));
	if (!read_slot(trace, i, slot))
		return fail(-ENODATA, what, "wait for the work",
			    "the work of record %zu has not completed", i);
	return 0;
}

ACCEL_API
int accel_trace_get(struct accel_trace *trace, size_t i, struct accel_trace_record *record)
{
	static const char what[] = "cannot read a trace";
	struct accel_trace_record full = { .size = sizeof(full) };
	const struct note *note;
	struct slot slot;
	int ret;

	ret = check_record(what, trace, i, &slot);
	if (ret)
		return ret;
	note = &trace->notes[i];
	full.kind = note->kind;
	full.stream = note->stream;
	full.name = note->name;
	memcpy(full.grid, note->grid, sizeof(full.grid));
	full.bytes = note->bytes;
	full.start_ns = slot.begin.time;
	full.end_ns = slot.end.time;
	full.start_cycles = slot.begin.cycles;
	full.end_cycles = slot.end.cycles;
	return accel_copy_out(what, record, &full, sizeof(full));
}

ACCEL_API
int accel_trace_get_profile(struct accel_trace *trace, size_t i, struct accel_profile_data *data)
{
	static const char what[] = "cannot read the profile of a trace";
	struct slot slot;
	int ret;

	ret = check_record(what, trace, i, &slot);
	if (ret)
		return ret;
	if (!slot.profile.workgroups)
		return fail(-ENODATA, what, NULL, "record %zu is not of a launch", i);
	return accel_profile_copy(what, &slot.profile, data);
}

/* ---- JSON ---- */

/* The trace's processes. */
#define PID_CLOCK	1
#define PID_MODEL	2

static void set_int(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

static void set_text(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, json_object_new_string(value));
}

/* Microseconds, as the format has it, to the nanosecond and not further. */
static void set_us(struct json_object *object, const char *key, double ns)
{
	struct json_object *value = json_object_new_double(ns / 1000);

	json_object_set_serializer(value, json_object_double_to_json_string, "%.3f", NULL);
	json_object_object_add(object, key, value);
}

static struct json_object *new_event(struct json_object *events, const char *phase,
				     const char *name, int pid, uint32_t tid)
{
	struct json_object *event = json_object_new_object();

	set_text(event, "ph", phase);
	set_text(event, "name", name);
	set_int(event, "pid", pid);
	set_int(event, "tid", tid);
	json_object_array_add(events, event);
	return event;
}

/* A name for a process ("process_name") or one of its threads ("thread_name"). */
static void name_lane(struct json_object *events, const char *which, int pid, uint32_t tid,
		      const char *name)
{
	struct json_object *event = new_event(events, "M", which, pid, tid);
	struct json_object *args = json_object_new_object();

	set_text(args, "name", name);
	json_object_object_add(event, "args", args);
}

static struct json_object *launch_args(const struct note *note, const struct egret_profile *p)
{
	struct json_object *args = json_object_new_object();
	char grid[64];

	snprintf(grid, sizeof(grid), "%u x %u x %u", note->grid[0], note->grid[1], note->grid[2]);
	set_text(args, "grid", grid);
	set_int(args, "workgroups", p->workgroups);
	set_int(args, "modelled_cycles", p->cycles);
	set_int(args, "hart_cycles", p->hart_cycles);
	set_int(args, "tile_wait", p->tile_wait);
	set_int(args, "dma_wait", p->dma_wait);
	set_int(args, "tile_busy", p->tile_busy);
	set_int(args, "dma_busy", p->dma_busy);
	set_int(args, "instructions", p->instructions);
	set_int(args, "macs", p->macs);
	set_int(args, "memory_read", p->vram_read);
	set_int(args, "memory_written", p->vram_write);
	set_int(args, "host_read", p->host_read);
	set_int(args, "host_written", p->host_write);
	return args;
}

static struct json_object *item_args(const struct note *note, const struct slot *slot)
{
	struct json_object *args;

	if (note->kind == ACCEL_TRACE_LAUNCH)
		return launch_args(note, &slot->profile);
	args = json_object_new_object();
	if (note->kind != ACCEL_TRACE_GRAPH)
		set_int(args, "bytes", note->bytes);
	set_int(args, "modelled_cycles", slot->end.cycles - slot->begin.cycles);
	return args;
}

static void add_slice(struct json_object *events, const struct note *note,
		      const struct slot *slot, int pid, double start, double duration)
{
	static const char *const categories[] = {
		[ACCEL_TRACE_LAUNCH] = "launch",
		[ACCEL_TRACE_COPY] = "copy",
		[ACCEL_TRACE_FILL] = "fill",
		[ACCEL_TRACE_UPLOAD] = "upload",
		[ACCEL_TRACE_DOWNLOAD] = "download",
		[ACCEL_TRACE_GRAPH] = "graph",
	};
	const char *name = note->name[0] ? note->name : categories[note->kind];
	struct json_object *event = new_event(events, "X", name, pid, note->stream);

	set_text(event, "cat", categories[note->kind]);
	set_us(event, "ts", start);
	set_us(event, "dur", duration);
	json_object_object_add(event, "args", item_args(note, slot));
}

/* Give each stream that is in the trace its name, once. */
static void name_stream(struct json_object *events, const struct accel_trace *trace, size_t i)
{
	uint32_t stream = trace->notes[i].stream;
	char name[32];
	size_t k;

	for (k = i; k > 0; k--)
		if (trace->notes[k - 1].stream == stream)
			return;
	snprintf(name, sizeof(name), "stream %u", stream);
	name_lane(events, "thread_name", PID_CLOCK, stream, name);
	name_lane(events, "thread_name", PID_MODEL, stream, name);
}

static void add_records(struct json_object *events, const struct accel_trace *trace,
			uint64_t *lost)
{
	double ns_per_cycle = 1e6 / trace->context->device->info.core_clock_khz;
	uint64_t first = UINT64_MAX;
	struct slot slot;
	size_t i;

	*lost = atomic_load(&trace->count) - get_count(trace);
	for (i = 0; i < get_count(trace); i++)
		if (read_slot(trace, i, &slot) && slot.begin.time < first)
			first = slot.begin.time;
	for (i = 0; i < get_count(trace); i++) {
		const struct note *note = &trace->notes[i];

		if (!read_slot(trace, i, &slot)) {
			(*lost)++;
			continue;
		}
		name_stream(events, trace, i);
		add_slice(events, note, &slot, PID_CLOCK, slot.begin.time - first,
			  slot.end.time - slot.begin.time);
		add_slice(events, note, &slot, PID_MODEL, slot.begin.cycles * ns_per_cycle,
			  (slot.end.cycles - slot.begin.cycles) * ns_per_cycle);
	}
}

static struct json_object *to_json(const struct accel_trace *trace)
{
	struct json_object *top = json_object_new_object();
	struct json_object *events = json_object_new_array();
	struct json_object *other = json_object_new_object();
	uint64_t lost;

	name_lane(events, "process_name", PID_CLOCK, 0, "card clock");
	name_lane(events, "process_name", PID_MODEL, 0, "performance model");
	add_records(events, trace, &lost);
	set_text(other, "producer", "libaccel");
	set_text(other, "version", accel_version());
	set_text(other, "device", trace->context->device->name);
	set_int(other, "records_left_out", lost);
	set_text(other, "performance_model",
		 "predictions of a chip, not measurements; cycles of each stream's own queue");
	json_object_object_add(top, "traceEvents", events);
	set_text(top, "displayTimeUnit", "ns");
	json_object_object_add(top, "otherData", other);
	return top;
}

static int write_all(int fd, const char *text, size_t left)
{
	while (left) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			left -= n;
		}
	}
	return 0;
}

ACCEL_API
int accel_trace_write(struct accel_trace *trace, int fd)
{
	static const char what[] = "cannot write a trace";
	struct json_object *json;
	const char *text;
	size_t length;
	int ret;

	if (!trace)
		return fail(-EINVAL, what, NULL, "the trace is NULL");
	json = to_json(trace);
	text = json_object_to_json_string_length(json, JSON_C_TO_STRING_PLAIN, &length);
	ret = text ? write_all(fd, text, length) : -ENOMEM;
	if (ret == 0)
		ret = write_all(fd, "\n", 1);
	json_object_put(json);
	return ret ? fail_errno(ret, what) : 0;
}
