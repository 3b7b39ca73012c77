// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * Trace events and log lines. What a, b and c of struct egret_trace hold:
 *
 *   what          a                 b                     c
 *   packet        opcode            address               head of the queue
 *   dispatch      workgroups        entry                 cookie
 *   group         number            cluster               modelled cycles
 *   fault         code              ADDR                  PC
 *   interrupt     vector            -                     -
 *   invalidate    context, or -1    address               size
 *   reset         kind (enum egret_reset)  resets so far  -
 */
#include <stdarg.h>
#include <stdio.h>

#include "model.h"

void egret_trace(struct egret_model *m, const char *what, int queue, uint64_t a, uint64_t b,
		 uint64_t c)
{
	struct egret_trace event = { .what = what, .queue = queue, .a = a, .b = b, .c = c };

	if (m->mem.ops.trace)
		m->mem.ops.trace(m->mem.opaque, &event);
}

void egret_log(struct egret_model *m, enum egret_log_level level, const char *format, ...)
{
	char text[200];
	va_list args;

	if (!m->mem.ops.log)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	m->mem.ops.log(m->mem.opaque, level, text);
}
