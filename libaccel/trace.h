/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef ACCEL_TRACE_H
#define ACCEL_TRACE_H

#include "internal.h"

/* What is done, in words of the program. */
struct trace_item {
	uint32_t kind;			/* enum accel_trace_kind */
	const char *name;
	const uint32_t *grid;		/* of a launch, or NULL */
	uint64_t bytes;
};

/* A record that has been begun; `trace` is NULL if there is none. */
struct trace_mark {
	struct accel_trace *trace;
	uint64_t index;
};

/*
 * Around the packets of an item, with the stream's lock. begin() takes a record of the
 * context's trace, if there is a trace that has one left, and queues a packet that writes
 * the time to it; end() likewise. On an error nothing is held.
 */
int accel_trace_begin(const char *what, struct accel_stream *stream,
		      const struct trace_item *item, struct trace_mark *mark);
int accel_trace_end(const char *what, struct accel_stream *stream, struct trace_mark *mark);

/* The item's packets could not be queued. */
void accel_trace_cancel(struct trace_mark *mark);

/* Where the record's launch is to write its profile; 0 without a record. */
uint64_t accel_trace_profile(const struct trace_mark *mark);

/* True if the record's trace wants to know what replays do, one by one. */
bool accel_trace_wants_nodes(const struct trace_mark *mark);

/* True if the context's work is traced now. */
static inline bool accel_is_traced(const struct accel_stream *stream)
{
	return atomic_load_explicit(&stream->context->trace, memory_order_acquire) != NULL;
}

#endif /* ACCEL_TRACE_H */
