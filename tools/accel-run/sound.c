// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Sounds as inputs: WAV, in the rate, the length and the range that a model wants.
 */
#define _GNU_SOURCE	/* getsubopt() */
#include "prepare.h"

#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Samples that are read at once, of all channels. */
#define CHUNK		4096
#define MOST_CHANNELS	64

/* ---- Options ---- */

static bool parse_number(const char *text, double low, double high, double *value)
{
	char *end;

	if (!text)
		return false;
	*value = strtod(text, &end);
	return end != text && !*end && *value >= low && *value <= high;
}

static bool parse_one(struct sound_options *o, int key, const char *value)
{
	double number = 0;

	switch (key) {
	case 0:
		if (!parse_number(value, 1, 1e6, &number) || number != floor(number))
			return false;
		o->rate = (unsigned int)number;
		return true;
	case 1: return parse_number(value, -1e9, 1e9, &o->scale) && o->scale != 0;
	case 2: return parse_number(value, 0, 1e9, &o->start);
	case 3:
		o->pad = true;
		return !value;
	default: return false;
	}
}

enum status sound_parse(struct sound_options *options, char *text)
{
	static char *const keys[] = { "rate", "scale", "start", "pad", NULL };

	while (*text) {
		char *start = text, *value = NULL;
		int key = getsubopt(&text, keys, &value);

		if (parse_one(options, key, value))
			continue;
		complain("rate=N, scale=N, start=SECONDS and pad, with commas between them",
			 "--sound cannot have '%s'", start);
		return STATUS_USAGE;
	}
	return STATUS_OK;
}

/* ---- Files ---- */

static enum status check_format(const char *path, const SF_INFO *info,
				const struct sound_options *options)
{
	char advice[200];

	if (info->samplerate != (int)options->rate) {
		snprintf(advice, sizeof(advice),
			 "convert it, with sox for instance; or --sound rate=%d, if the model is for that",
			 info->samplerate);
		complain(advice, "%s has %d samples a second, not %u", path, info->samplerate,
			 options->rate);
		return STATUS_USAGE;
	}
	if (info->channels < 1 || info->channels > MOST_CHANNELS) {
		complain(NULL, "%s has %d channels", path, info->channels);
		return STATUS_USAGE;
	}
	return STATUS_OK;
}

/* The last dimension is samples; there is nothing to choose of the others. */
static enum status choose_shape(const char *path, int64_t there,
				const struct sound_options *options,
				struct accel_nn_tensor *tensor)
{
	int64_t *samples = &tensor->dims[tensor->rank - 1];
	char shape[SHAPE_TEXT];
	uint32_t i;
	bool fits = true;

	for (i = 0; i + 1 < tensor->rank; i++) {
		if (tensor->dims[i] < 0)
			tensor->dims[i] = 1;
		fits = fits && tensor->dims[i] == 1;
	}
	if (*samples < 0)
		*samples = there;
	format_shape(shape, tensor->dims, (int)tensor->rank, NULL);
	if (!fits || *samples < 1) {
		complain("sounds are for inputs like [N] and [1, N], and must have a sample",
			 "%s cannot be an input of shape %s", path, shape);
		return STATUS_USAGE;
	}
	if (*samples > there && !options->pad) {
		complain("--sound pad adds silence",
			 "%s has %lld samples from %g s on, too few for an input of shape %s", path,
			 (long long)there, options->start, shape);
		return STATUS_USAGE;
	}
	return STATUS_OK;
}

/* The mean of all channels. */
static enum status read_samples(const char *path, SNDFILE *file, int channels, int64_t count,
				const struct sound_options *options,
				struct accel_nn_tensor *tensor)
{
	const double scale = options->scale != 0 ? options->scale :
			     type_is_float(tensor->type) ? 1 : 32768;
	double *frames = check_memory(calloc(CHUNK * (size_t)channels, sizeof(*frames)));
	int64_t done = 0, got = 1, i;
	int c;

	while (done < count && got > 0) {
		got = sf_readf_double(file, frames, count - done < CHUNK ? count - done : CHUNK);
		for (i = 0; i < got; i++) {
			double sum = 0;

			for (c = 0; c < channels; c++)
				sum += frames[i * channels + c];
			set_element(tensor, (size_t)(done + i), sum / channels * scale);
		}
		done += got;
	}
	free(frames);
	if (done == count)
		return STATUS_OK;
	complain(NULL, "cannot read %s: it ends after %lld of %lld samples", path, (long long)done,
		 (long long)count);
	return STATUS_USAGE;
}

static enum status read_open(struct arrays *arrays, const char *path, SNDFILE *file,
			     const SF_INFO *info, const struct accel_nn_tensor *like,
			     const struct sound_options *options)
{
	const sf_count_t start = (sf_count_t)llround(options->start * info->samplerate);
	struct accel_nn_tensor tensor = *like;
	int64_t there = info->frames - start;
	struct array *array;
	enum status status = check_format(path, info, options);

	if (!status && there < 0) {
		complain(NULL, "%s ends before %g s", path, options->start);
		return STATUS_USAGE;
	}
	if (!status)
		status = choose_shape(path, there, options, &tensor);
	if (status)
		return status;
	if (!arrays_add(arrays, "", &tensor, &array)) {
		complain(NULL, "no memory for the samples of %s", path);
		return STATUS_FAILED;
	}
	if (start && sf_seek(file, start, SEEK_SET) < 0) {
		complain(NULL, "cannot read %s: %s", path, sf_strerror(file));
		return STATUS_USAGE;
	}
	if (there > array->tensor.dims[tensor.rank - 1])
		there = array->tensor.dims[tensor.rank - 1];
	return read_samples(path, file, info->channels, there, options, &array->tensor);
}

enum status sound_read(struct arrays *arrays, const char *path,
		       const struct accel_nn_tensor *like, const struct sound_options *options)
{
	SF_INFO info = { 0 };
	enum status status;
	SNDFILE *file;

	if (!like->rank || !type_bits(like->type)) {
		complain("sounds are for inputs like [N] and [1, N]",
			 "%s cannot be an input of %u dimensions of %s", path, like->rank,
			 accel_nn_type_name(like->type));
		return STATUS_USAGE;
	}
	file = sf_open(path, SFM_READ, &info);
	if (!file) {
		complain(NULL, "cannot read %s: %s", path, sf_strerror(NULL));
		return STATUS_USAGE;
	}
	status = read_open(arrays, path, file, &info, like, options);
	sf_close(file);
	return status;
}
