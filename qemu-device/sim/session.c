// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "session.h"

#include "gdb.h"
#include "timeline.h"
#include "trace.h"

struct limit {
	uint64_t most;
	bool reached;
};

static bool check_limit(void *arg, struct machine_unit *u)
{
	struct limit *l = arg;

	l->reached = machine_instructions(u->machine) >= l->most;
	return !l->reached;
}

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
			       struct symbols *symbols, uint64_t base, bool *limited)
{
	struct limit limit = { .most = s->limit };
	struct timeline *timeline = s->timeline ? timeline_start(m, symbols) : NULL;
	struct trace *trace = s->trace ? trace_start(m, symbols, s->trace) : NULL;
	enum machine_state state;

	if (s->limit)
		machine_watch(m, &(struct machine_watch) { .arg = &limit, .after = check_limit });
	state = run(s, m, base);
	*limited = limit.reached && state == MACHINE_STOPPED;
	if (trace)
		trace_finish(trace);
	if (timeline)
		timeline_finish(timeline, s->timeline);
	return state;
}
