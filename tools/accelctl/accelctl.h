/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef ACCELCTL_H
#define ACCELCTL_H

/*
 * accelctl: one file for each command, and
 *
 *   main.c     options and the choice of the command
 */

#include <accel/accel.h>

#include "tools/common/output.h"

/* Some devices could be asked, others not. */
#define STATUS_PARTIAL	STATUS_OWN

/* A command gets the arguments after its name. */
struct command {
	const char *name;
	const char *summary;
	const char *usage;
	enum status (*run)(int argc, char **argv);
};

extern const struct command command_list;

#endif /* ACCELCTL_H */
