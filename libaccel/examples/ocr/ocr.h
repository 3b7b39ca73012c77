/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef OCR_H
#define OCR_H

/*
 * Reading text in a picture with two models on the card: one finds the lines of text, the
 * other reads one line at a time.
 *
 *   main.c       options, and the order of things
 *   model.c      running a model
 *   picture.c    PNG files, and parts of pictures as inputs of a model
 *   find.c       the model that finds text, and boxes around what it marks
 *   box.c        boxes: the smallest turned rectangle around points
 *   read.c       the model that reads, and from its output to characters
 *   draw.c       boxes and text on a picture
 *   expect.c     how much a text differs from another
 */

#include <err.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <accel/nn.h>

#include "../check.h"

/* ---- model.c ---- */

struct model {
	struct accel_nn_model *model;
	struct accel_nn_model *on_host;	/* to compare with, or NULL */
	float difference;		/* the largest that there was */
};

struct model model_load(const char *path, struct accel_context *context,
			struct accel_device *device, uint32_t precision, bool compare);
void model_unload(struct model *model);
/* Run a job of a model with one input and one output of float32. The result is the job's. */
struct accel_nn_tensor model_run(struct model *model, struct accel_nn_job *job,
				 const struct accel_nn_tensor *input);

/* ---- picture.c ---- */

/* Rows of red, green, blue. */
struct picture {
	unsigned int width, height;
	uint8_t *pixels;
};

struct picture picture_load(const char *path);
/* Cut out a part, which must lie within. */
struct picture picture_crop(const struct picture *picture, unsigned int left, unsigned int top,
			    unsigned int width, unsigned int height);
void picture_save(const struct picture *picture, const char *path);
/* A white one. */
struct picture picture_create(unsigned int width, unsigned int height);
/* Larger by a whole number. */
struct picture picture_enlarge(const struct picture *picture, unsigned int factor);

/*
 * A part of a picture, turned and scaled, as a model takes it. Column x and row y of it lie at
 * origin + x * right + y * down in the picture.
 */
struct part {
	float origin[2], right[2], down[2];
	unsigned int width, height;
};

/* What makes a byte of a colour a number for the model: (byte / 255 - mean) / deviation. */
struct norm {
	float mean[3], deviation[3];	/* red, green, blue */
};

/*
 * Write a part into the planes of an input [1, 3, height, width] that may be wider and higher:
 * what is beyond the part stays as it is. The planes are blue, green, red: the order
 * that the two models were trained with.
 */
void picture_to_planes(const struct picture *picture, const struct part *part,
		       const struct norm *norm, float *planes, unsigned int width,
		       unsigned int height);

/* ---- box.c ---- */

/* A turned rectangle, in pixels. */
struct box {
	float centre[2];
	float along[2];			/* unit vector in the direction of reading */
	float half_width, half_height;	/* along that, and across */
};

struct point {
	int x, y;
};

/* The smallest box around the pixels at these points, which are sorted by column, then by row. */
struct box box_around(const struct point *points, size_t count);
/* Down the box, where the next line of text is. */
void box_down(const struct box *box, float down[2]);
/* From the top left, clockwise. */
void box_corners(const struct box *box, float corners[4][2]);

/* ---- find.c ---- */

struct boxes {
	struct box *list;
	size_t count;
};

/* All lines of text, in the order of reading. */
struct boxes find_text(struct model *model, const struct picture *picture);

/* ---- read.c ---- */

struct reader;

/* The file has the characters that the model knows, one a line. */
struct reader *reader_create(struct model *model, const char *characters);
void reader_destroy(struct reader *reader);

struct line {
	struct box box;
	char *text;		/* UTF-8, to be freed */
	float confidence;	/* mean probability of its characters, 0 to 1 */
};

struct line read_line(struct reader *reader, const struct picture *picture,
		      const struct box *box);

/* ---- draw.c ---- */

/* The picture with the boxes, and beside it the text of each where it was found. */
struct picture draw_lines(const struct picture *picture, const struct line *lines, size_t count,
			  const char *font);

/* ---- expect.c ---- */

/* The fewest characters to insert, remove or replace to make one text of the other. */
size_t edit_distance(const char *a, const char *b);
size_t count_characters(const char *text);

#endif /* OCR_H */
