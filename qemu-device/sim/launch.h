/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* A kernel of a module, from its arguments to its results. */
#ifndef EGRET_SIM_LAUNCH_H
#define EGRET_SIM_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>

#include "session.h"

struct launch {
	const char *module;	/* file */
	const char *kernel;	/* name */
	uint32_t grid[3];
	char **args;
	unsigned int arg_count;
	char **prints;
	unsigned int print_count;
	unsigned int clusters;
	uint64_t memory;	/* bytes of device memory */
	bool counters;
	struct session session;
};

/** launch_run() - do it; returns how the program is to end */
int launch_run(const struct launch *l);

/** launch_list() - print the kernels of a module */
int launch_list(const char *module);

/** launch_disassemble() - print the code of a module */
int launch_disassemble(const char *module);

#endif /* EGRET_SIM_LAUNCH_H */
