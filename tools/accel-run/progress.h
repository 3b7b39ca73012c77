/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef PROGRESS_H
#define PROGRESS_H

/*
 * What the program is at, for a human who waits: a line on the terminal, from the second on
 * that it takes, which is gone when it is done. Standard error has it, and only if that is a
 * terminal.
 */

#include <stdbool.h>

/* Once, before all else: without it nothing is shown. */
void progress_allow(void);

/* "planning"; `total`, if it is not 0, is how many steps there are to count. */
void progress_begin(const char *what, unsigned int total);
/* One of them is done; any thread may say so. */
void progress_step(void);
/* Before anything is printed in between; the line does not come back. Any thread may do so. */
void progress_hide(void);
void progress_end(void);

#endif /* PROGRESS_H */
