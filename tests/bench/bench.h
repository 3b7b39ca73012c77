/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* What the measurements share: clocks, medians, memory. */
#ifndef EGRET_BENCH_H
#define EGRET_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#define BENCH_SIDES	4

/**
 * struct bench_side - one of the ways to do the same work that are compared
 * @run: does the work once
 * @arg: its argument
 * @seconds: result: median of the runs
 */
struct bench_side {
	void (*run)(void *arg);
	void *arg;
	double seconds;
};

/** bench_use_processor_time() - count time on processors, not time on the clock */
void bench_use_processor_time(void);

/** bench_now() - seconds of that time */
double bench_now(void);

/** bench_sort() - put times in order, the shortest first */
void bench_sort(double *times, size_t count);

/**
 * bench_measure() - compare
 * @sides: the sides; up to BENCH_SIDES
 * @count: how many
 *
 * They take turns, so that a noisy machine disturbs all of them alike; the first turn
 * does not count.
 */
void bench_measure(struct bench_side *sides, size_t count);

/** bench_allocate() - zeroed memory, aligned to cache lines; ends the program if there is none */
void *bench_allocate(size_t bytes);

/** bench_fill() - random bytes, or floats between -1 and 1 */
void bench_fill(void *data, size_t elements, bool floats);

#endif /* EGRET_BENCH_H */
