// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "session.h"

#include "gdb.h"
#include "timeline.h"
#include "trace.h"

static enum machine_state run(const struct session *s, struct machine *m, uint64_t base)
{
	enum machine_state state;
	struct gdb *g;

	if (!s->gdb)
		return machine_run(m);
	g = gdb_start(m, s->gdb, base);
	state = gdb_run(g);
	gdb_finish(g);
	return state;
}

enum machine_state session_run(const struct session *s, struct machine *m,
			       struct symbols *symbols, uint64_t base)
{
	struct timeline *timeline = s->timeline ? timeline_start(m, symbols) : NULL;
	struct trace *trace = s->trace ? trace_start(m, symbols, s->trace) : NULL;
	enum machine_state state;

	m->limit = s->limit;
	state = run(s, m, base);
	if (trace)
		trace_finish(trace);
	if (timeline)
		timeline_finish(timeline, s->timeline);
	return state;
}
