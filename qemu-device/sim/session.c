// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "session.h"

#include "gdb.h"
#include "timeline.h"
#include "trace.h"

enum machine_state session_run(const struct session *s, struct machine *m,
			       struct symbols *symbols, uint64_t base)
{
	/* The debugger is asked first: what it stops is not traced before it goes on. */
	struct gdb *gdb = s->gdb ? gdb_start(m, s->gdb, base) : NULL;
	struct timeline *timeline = s->timeline ? timeline_start(m, symbols) : NULL;
	struct trace *trace = s->trace ? trace_start(m, symbols, s->trace) : NULL;
	enum machine_state state;

	m->limit = s->limit;
	state = gdb ? gdb_run(gdb) : machine_run(m);
	/* A debugger wants to see what happened first; otherwise the fault is the one the chip tells. */
	if (gdb)
		gdb_finish(gdb);
	else if (state == MACHINE_FAULT)
		machine_settle(m);
	if (trace)
		trace_finish(trace);
	if (timeline)
		timeline_finish(timeline, s->timeline);
	return state;
}
