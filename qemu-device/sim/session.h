/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* A run with whatever looks on: a trace, a timeline, a debugger, a limit. */
#ifndef EGRET_SIM_SESSION_H
#define EGRET_SIM_SESSION_H

#include "machine.h"
#include "symbols.h"

/** struct session - what the command line asks for; NULL and 0: not wanted */
struct session {
	const char *trace;	/* file */
	const char *timeline;	/* file */
	const char *gdb;	/* port, or unix:PATH */
	uint64_t limit;		/* instructions of all workgroups together */
};

/**
 * session_run() - run a machine's program to its end
 * @base: where the program's file is loaded, if it can be loaded anywhere; otherwise 0
 */
enum machine_state session_run(const struct session *s, struct machine *m,
			       struct symbols *symbols, uint64_t base);

#endif /* EGRET_SIM_SESSION_H */
