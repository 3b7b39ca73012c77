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
	double clock, peak_macs, peak_bytes;
};

/* Parts of what the card could have done in the cycles, 0 to 1. */
struct shares {
	double macs, bytes;		/* of float32's peak, of the memory's bandwidth */
	double tile, dma, hart;		/* of the clusters' time */
};

/* Run the model and measure; `device` is the one it runs on. */
enum status profile_take(struct session *s, struct accel_device *device, struct profile *p);
void profile_free(struct profile *p);
struct shares profile_shares(const struct profile *p, const struct accel_profile_data *data);

void profile_show(struct session *s, const struct profile *p);
enum status profile_write_trace(const struct profile *p, const char *path);
/* roofline.c */
enum status profile_write_roofline(const struct profile *p, const char *title, const char *path);

#endif /* PROFILE_H */
