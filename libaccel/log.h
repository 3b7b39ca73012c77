/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef ACCEL_LOG_H
#define ACCEL_LOG_H

#include <stdatomic.h>
#include <stdbool.h>

#include <accel/accel.h>

/* The last level that is logged. Only to be read by accel_logs(). */
extern atomic_int accel_log_limit;

/* True if lines of a level go anywhere; cheap. */
bool accel_logs(int level);

/* Log a line, as printf() does. */
void accel_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif /* ACCEL_LOG_H */
