/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef OPTIONS_H
#define OPTIONS_H

/* What the command line asks for (main.c), and those parts that do it. */

#include "prepare.h"

/* [NAME=]FILE, as it was given. */
struct named_file {
	const char *name, *path;	/* name is NULL if there is none */
};

struct shape_option {
	char *name;
	int64_t dims[ACCEL_NN_RANK_MAX];
	uint32_t rank;
};

struct options {
	struct named_file *inputs, *outputs, *compares, *calibrations;
	size_t input_count, output_count, compare_count, calibration_count, shape_count;
	struct shape_option *shapes;
	struct tolerance tolerance;
	struct picture_options picture;
	struct sound_options sound;
	struct bench_options bench;
	bool info, random, json, profile, quiet;
	const char *device, *trace, *roofline;
	uint32_t precision;		/* enum accel_nn_precision */
};

/* ---- inputs.c ---- */

/* Read or make up all inputs, and give them to the session's job; the arrays must stay. */
enum status bind_inputs(struct session *s, struct options *o, struct arrays *arrays);

/* Let the model note its ranges, with the inputs that are for that, or with those of the run. */
enum status calibrate(struct session *s, struct options *o);

/* ---- outputs.c ---- */

/* Write one output, or all of them, to a file. */
enum status save_outputs(struct session *s, const struct named_file *file);

/* Compare the results with all that the options name. */
enum status compare_outputs(struct session *s, const struct options *o);

#endif /* OPTIONS_H */
