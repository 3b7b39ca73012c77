/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef PROFILE_H
#define PROFILE_H

/* Where a model's time goes on a card (--profile, --trace, --roofline). */

#include "accel-run.h"

/* A step that takes time; data is zero for one of the host. */
struct profile_step {
	char *operators, *name;
	uint32_t place, launches;
	uint32_t factors;		/* type of what is multiplied, or 0 */
	int64_t time;			/* nanoseconds, as the host sees it */
	struct accel_profile_data data;
};

struct profile {
	struct accel_nn_job_info info;
	struct profile_step *steps;
	size_t step_count;
	uint64_t cycles;		/* of all steps */
	int64_t time;
	/* The card: cycles a second, and what it can do in one. */
	unsigned int clusters;
	double clock, peak_bytes;
	uint32_t factors;		/* of the products that the card does fastest */
};

/* Parts of what the card could have done in the cycles, 0 to 1. */
struct shares {
	double macs, bytes;		/* of the matrix engines' time, of the memory's bandwidth */
	double tile, dma, hart;		/* of the clusters' time */
};

/* Run the model and measure; `device` is the one it runs on. */
enum status profile_take(struct session *s, struct accel_device *device, struct profile *p);
void profile_free(struct profile *p);
/* `array` is the cycles that the matrix engines need at least. */
struct shares profile_shares(const struct profile *p, const struct accel_profile_data *data,
			     double array);
/* Multiplications that the card does in a cycle, of factors of a type. */
double profile_peak(const struct profile *p, uint32_t factors);
/* Cycles that a step's multiplications take at least. */
double profile_array(const struct profile *p, const struct profile_step *step);

void profile_show(struct session *s, const struct profile *p);
enum status profile_write_trace(const struct profile *p, const char *path);
/* roofline.c */
enum status profile_write_roofline(const struct profile *p, const char *title, const char *path);

#endif /* PROFILE_H */
