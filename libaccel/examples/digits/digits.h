/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The digits demonstration: reads handwritten digits by the nearest class mean, on the
 * card and on the CPU, and compares the two to the bit.
 *
 *   main.c       options, the course of events, the verdict
 *   data.c       the images
 *   card.c       the computation on the card
 *   reference.c  the same in plain C
 *   show.c       what the reader sees
 */
#ifndef DIGITS_H
#define DIGITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <accel/accel.h>

#define CLASSES		10
#define SIDE		8
#define FEATURES	(SIDE * SIDE)

/* Pixels are 0..16; times this they use the range of a signed byte. */
#define QUANTISE_FACTOR	7.0f

/* A set of images with their answers. */
struct images {
	size_t count;
	float *pixels;		/* count x FEATURES */
	int32_t *labels;	/* count */
};

/* What is computed from the images: on the card and on the CPU, to be compared. */
struct results {
	float means[CLASSES * FEATURES];
	float *distances;	/* count x CLASSES */
	int32_t *nearest;	/* count */
	int32_t *distances_s8;	/* the same with 8-bit images and means */
	int32_t *nearest_s8;
};

/* ---- data.c ---- */

/*
 * Read a file of lines of 64 pixels and a label, compressed or not. Even lines become
 * images to learn from, odd ones images to test with. False with a message on stderr.
 */
bool images_read(const char *path, struct images *learn, struct images *test);
void images_free(struct images *images);

bool results_init(struct results *results, size_t count);
void results_free(struct results *results);

/* ---- reference.c ---- */

void reference_compute(const struct images *learn, const struct images *test,
		       struct results *results);

/* ---- card.c ---- */

#define LAUNCHES_MAX	8

/* What the card did, for the report. */
struct card_report {
	struct accel_device_info device;
	struct {
		const char *kernel;
		struct accel_profile_data profile;
	} launches[LAUNCHES_MAX];
	size_t launch_count;
	struct accel_counters before, after;
	double seconds;		/* wall time from the first upload to the last download */
};

/* Returns 0, or a negative errno that accel_last_error() explains. */
int card_compute(const struct images *learn, const struct images *test,
		 struct results *results, struct card_report *report);

/* ---- show.c ---- */

/* How many pictures are shown. */
#define PICTURES_RIGHT	6
#define PICTURES_WRONG	6

enum art {
	ART_ASCII,
	ART_BLOCKS,		/* half blocks of UTF-8 */
	ART_COLOUR,		/* half blocks in shades of grey */
};

void show_digits(const char *title, enum art art, const struct images *images,
		 const struct results *results, bool mistakes, size_t count);
void show_confusion(const struct images *images, const int32_t *nearest);
void show_card(const struct card_report *report);

#endif /* DIGITS_H */
