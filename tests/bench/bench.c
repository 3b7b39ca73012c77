// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "bench.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUNS_MIN	3
#define RUNS_MAX	501
#define SECONDS		0.5	/* of each side; a side's runs end when all have had that */

static clockid_t bench_clock = CLOCK_MONOTONIC;

void bench_use_processor_time(void)
{
	bench_clock = CLOCK_PROCESS_CPUTIME_ID;
}

double bench_now(void)
{
	struct timespec t;

	clock_gettime(bench_clock, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void bench_sort(double *times, size_t count)
{
	qsort(times, count, sizeof(*times), compare);
}

void bench_measure(struct bench_side *sides, size_t count)
{
	double times[BENCH_SIDES][RUNS_MAX], total = 0;
	size_t runs = 0;

	for (size_t i = 0; i < count; i++)
		sides[i].run(sides[i].arg);
	for (; runs < RUNS_MAX && (runs < RUNS_MIN || total < SECONDS * count); runs++) {
		for (size_t i = 0; i < count; i++) {
			double start = bench_now();

			sides[i].run(sides[i].arg);
			times[i][runs] = bench_now() - start;
			total += times[i][runs];
		}
	}
	for (size_t i = 0; i < count; i++) {
		bench_sort(times[i], runs);
		sides[i].seconds = times[i][runs / 2];
	}
}

void *bench_allocate(size_t bytes)
{
	void *memory = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

	if (!memory) {
		fprintf(stderr, "bench: no memory for %zu bytes\n", bytes);
		exit(1);
	}
	memset(memory, 0, bytes);
	return memory;
}

void bench_fill(void *data, size_t elements, bool floats)
{
	unsigned int seed = 1;

	for (size_t i = 0; i < elements; i++) {
		if (floats)
			((float *)data)[i] = (rand_r(&seed) % 2001 - 1000) / 1000.0f;
		else
			((uint8_t *)data)[i] = (uint8_t)rand_r(&seed);
	}
}
