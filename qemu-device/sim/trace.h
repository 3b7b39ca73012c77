/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* A line of text for every instruction. */
#ifndef EGRET_SIM_TRACE_H
#define EGRET_SIM_TRACE_H

#include "machine.h"
#include "symbols.h"

struct trace;

/** trace_start() - let a machine step, and write what it does to a file; "-" is standard output */
struct trace *trace_start(struct machine *m, struct symbols *symbols, const char *path);

/** trace_finish() - write the rest and close the file */
void trace_finish(struct trace *t);

#endif /* EGRET_SIM_TRACE_H */
