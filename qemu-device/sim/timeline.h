/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* What the units did when, in modelled time, as a file for chrome://tracing and Perfetto. */
#ifndef EGRET_SIM_TIMELINE_H
#define EGRET_SIM_TIMELINE_H

#include "machine.h"
#include "symbols.h"

struct timeline;

/** timeline_start() - record what a machine does from now on */
struct timeline *timeline_start(struct machine *m, struct symbols *symbols);

/** timeline_finish() - write the file, also after a fault; "-" is standard output */
void timeline_finish(struct timeline *t, const char *path);

#endif /* EGRET_SIM_TIMELINE_H */
