/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef PREPARE_H
#define PREPARE_H

/* How pictures and sounds become inputs: what --picture and --sound say. */

#include "accel-run.h"

enum colours { COLOURS_BY_INPUT, COLOURS_RGB, COLOURS_BGR, COLOURS_GRAY };
enum channels { CHANNELS_BY_INPUT, CHANNELS_FIRST, CHANNELS_LAST };
enum fit { FIT_STRETCH, FIT_CROP, FIT_PAD };

/* An element is (byte * scale - mean) / deviation. */
struct picture_options {
	enum colours colours;
	enum channels channels;
	enum fit fit;
	double scale;			/* 0: 1/255 for floats, 1 for integers */
	double mean[3], deviation[3];	/* of red, green, blue */
};

/* An element is a sample, from -1 to 1, times scale. */
struct sound_options {
	unsigned int rate;		/* samples a second that the model is for */
	double scale;			/* 0: 1 for floats, 32768 for integers */
	double start;			/* of the part that is taken, in seconds */
	bool pad;			/* zeros behind the end are welcome */
};

#define PICTURE_DEFAULTS ((struct picture_options){ .deviation = { 1, 1, 1 } })
#define SOUND_DEFAULTS ((struct sound_options){ .rate = 16000 })

/* KEY=VALUE,... of the command line. Complain if it makes no sense. */
enum status picture_parse(struct picture_options *options, char *text);
enum status sound_parse(struct sound_options *options, char *text);

/* Read a file as an input like that, whose open sizes then follow from it. */
enum status picture_read(struct arrays *arrays, const char *path, bool jpeg,
			 const struct accel_nn_tensor *like,
			 const struct picture_options *options);
enum status sound_read(struct arrays *arrays, const char *path,
		       const struct accel_nn_tensor *like, const struct sound_options *options);

#endif /* PREPARE_H */
