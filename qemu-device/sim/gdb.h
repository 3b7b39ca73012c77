/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* A debugger's way in: GDB's remote serial protocol. */
#ifndef EGRET_SIM_GDB_H
#define EGRET_SIM_GDB_H

#include "machine.h"

struct gdb;

/**
 * gdb_start() - wait for a debugger
 * @m: machine with a program, which has not run yet
 * @where: a TCP port on this host, or unix:PATH
 * @base: where the program's file is loaded, if it can be loaded anywhere; otherwise 0
 *
 * Returns once a debugger has connected.
 */
struct gdb *gdb_start(struct machine *m, const char *where, uint64_t base);

/** gdb_run() - run the machine as the debugger says, until the program or the debugger ends it */
enum machine_state gdb_run(struct gdb *g);

void gdb_finish(struct gdb *g);

#endif /* EGRET_SIM_GDB_H */
