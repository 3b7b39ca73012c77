// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "digits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

/* One line: FEATURES pixels of 0..16 and a label, separated by commas. */
static bool parse_line(char *line, float *pixels, int32_t *label)
{
	char *end = line;
	int i;

	for (i = 0; i <= FEATURES; i++) {
		double value;

		errno = 0;
		value = strtod(line, &end);
		if (errno || end == line || (i < FEATURES && *end != ','))
			return false;
		if (value < 0 || value > (i < FEATURES ? 16 : CLASSES - 1) || value != (int)value)
			return false;
		if (i < FEATURES)
			pixels[i] = (float)value;
		else
			*label = (int32_t)value;
		line = end + 1;
	}
	return *end == '\n' || *end == '\r' || *end == '\0';
}

static bool grow(struct images *images)
{
	size_t count = images->count;
	float *pixels;
	int32_t *labels;

	/* A power of two is full: double it. */
	if (count & (count - 1))
		return true;
	count = count ? 2 * count : 1;
	pixels = realloc(images->pixels, count * FEATURES * sizeof(*pixels));
	if (pixels)
		images->pixels = pixels;
	labels = realloc(images->labels, count * sizeof(*labels));
	if (labels)
		images->labels = labels;
	return pixels && labels;
}

bool images_read(const char *path, struct images *learn, struct images *test)
{
	gzFile file = gzopen(path, "rb");
	char line[4096];
	size_t number = 0;
	bool good = true;

	if (!file) {
		fprintf(stderr, "digits: error: cannot open %s: %s\n", path, strerror(errno));
		return false;
	}
	while (good && gzgets(file, line, sizeof(line))) {
		struct images *images = number++ % 2 ? test : learn;

		if (!grow(images)) {
			fprintf(stderr, "digits: error: out of memory\n");
			good = false;
		} else if (!parse_line(line, images->pixels + images->count * FEATURES,
				       &images->labels[images->count])) {
			fprintf(stderr, "digits: error: line %zu of %s is not 64 pixels of 0..16 and "
				"a digit\n", number, path);
			good = false;
		} else {
			images->count++;
		}
	}
	if (good && !gzeof(file)) {
		int error;

		fprintf(stderr, "digits: error: cannot read %s: %s\n", path,
			gzerror(file, &error));
		good = false;
	}
	gzclose(file);
	if (good && (!learn->count || !test->count)) {
		fprintf(stderr, "digits: error: there are fewer than two images in %s\n", path);
		good = false;
	}
	return good;
}

void images_free(struct images *images)
{
	free(images->pixels);
	free(images->labels);
}

bool results_init(struct results *results, size_t count)
{
	memset(results, 0, sizeof(*results));
	results->distances = calloc(count * CLASSES, sizeof(*results->distances));
	results->nearest = calloc(count, sizeof(*results->nearest));
	results->distances_s8 = calloc(count * CLASSES, sizeof(*results->distances_s8));
	results->nearest_s8 = calloc(count, sizeof(*results->nearest_s8));
	return results->distances && results->nearest && results->distances_s8 &&
	       results->nearest_s8;
}

void results_free(struct results *results)
{
	free(results->distances);
	free(results->nearest);
	free(results->distances_s8);
	free(results->nearest_s8);
}
