// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Pictures as inputs: PNG and JPEG, in the size, the order and the range that a model wants.
 */
#define _GNU_SOURCE	/* getsubopt() */
#include "prepare.h"

#include <errno.h>
#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

/* A file of a few bytes can promise gigabytes. */
#define MOST_PIXELS	(256u << 20)

/* Rows of red, green, blue. */
struct picture {
	unsigned int width, height;
	uint8_t *pixels;
};

/* ---- Options ---- */

/* Numbers with colons between them: three, or one for all. */
static bool parse_triple(const char *text, double numbers[3])
{
	int i, count = 0;
	char *end;

	while (text && count < 3) {
		numbers[count++] = strtod(text, &end);
		if (end == text || !isfinite(numbers[count - 1]) || (*end && *end != ':'))
			return false;
		text = *end ? end + 1 : NULL;
	}
	for (i = count; count == 1 && i < 3; i++)
		numbers[i] = numbers[0];
	return !text && (count == 1 || count == 3);
}

/* One of the names, in the order of an enum that begins with `first`. */
static bool parse_name(const char *text, const char *const *names, unsigned int first,
		       unsigned int *value)
{
	unsigned int i;

	for (i = 0; text && names[i]; i++) {
		if (!strcmp(text, names[i])) {
			*value = first + i;
			return true;
		}
	}
	return false;
}

static bool parse_one(struct picture_options *o, int key, const char *value)
{
	static const char *const colours[] = { "rgb", "bgr", "gray", NULL };
	static const char *const channels[] = { "first", "last", NULL };
	static const char *const fits[] = { "stretch", "crop", "pad", NULL };
	double scale[3];

	switch (key) {
	case 0: return parse_name(value, colours, COLOURS_RGB, &o->colours);
	case 1: return parse_name(value, channels, CHANNELS_FIRST, &o->channels);
	case 2: return parse_name(value, fits, FIT_STRETCH, &o->fit);
	case 3:
		if (!parse_triple(value, scale) || strchr(value, ':') || scale[0] == 0)
			return false;
		o->scale = scale[0];
		return true;
	case 4: return parse_triple(value, o->mean);
	case 5:
		return parse_triple(value, o->deviation) && o->deviation[0] != 0 &&
		       o->deviation[1] != 0 && o->deviation[2] != 0;
	default: return false;
	}
}

enum status picture_parse(struct picture_options *options, char *text)
{
	static char *const keys[] = { "colours", "channels", "fit", "scale", "mean",
				      "deviation", NULL };

	while (*text) {
		char *start = text, *value = NULL;
		int key = getsubopt(&text, keys, &value);

		if (parse_one(options, key, value))
			continue;
		complain("colours=rgb|bgr|gray, channels=first|last, fit=stretch|crop|pad, "
			 "scale=N, mean=R:G:B, deviation=R:G:B, with commas between them",
			 "--picture cannot have '%s'", start);
		return STATUS_USAGE;
	}
	return STATUS_OK;
}

/* ---- Files ---- */

static enum status refuse(const char *path, const char *why)
{
	complain(NULL, "cannot read %s: %s", path, why);
	return STATUS_USAGE;
}

static bool make_room(struct picture *picture, unsigned int width, unsigned int height)
{
	picture->width = width;
	picture->height = height;
	if (!width || !height || (uint64_t)width * height > MOST_PIXELS)
		return false;
	picture->pixels = malloc((size_t)width * height * 3);
	return picture->pixels != NULL;
}

static enum status read_png(const char *path, struct picture *picture)
{
	/* What shows through is white. */
	const png_color white = { 255, 255, 255 };
	png_image image = { .version = PNG_IMAGE_VERSION };
	enum status status = STATUS_OK;

	if (!png_image_begin_read_from_file(&image, path))
		return refuse(path, image.message);
	image.format = PNG_FORMAT_RGB;
	if (!make_room(picture, image.width, image.height))
		status = refuse(path, "the picture is too large");
	else if (!png_image_finish_read(&image, &white, picture->pixels, 0, NULL))
		status = refuse(path, image.message);
	png_image_free(&image);
	return status;
}

static enum status decode_jpeg(const char *path, tjhandle jpeg, const uint8_t *data, size_t size,
			       struct picture *picture)
{
	int width, height, sampling, colours;

	if (tjDecompressHeader3(jpeg, data, size, &width, &height, &sampling, &colours))
		return refuse(path, tjGetErrorStr2(jpeg));
	if (!make_room(picture, (unsigned int)width, (unsigned int)height))
		return refuse(path, "the picture is too large");
	/* Damage is a warning to it, and gray below the damaged place. */
	if (tjDecompress2(jpeg, data, size, picture->pixels, width, 0, height, TJPF_RGB,
			  TJFLAG_ACCURATEDCT))
		return refuse(path, tjGetErrorStr2(jpeg));
	return STATUS_OK;
}

static enum status read_jpeg(const char *path, struct picture *picture)
{
	tjhandle jpeg = check_memory(tjInitDecompress());
	enum status status = STATUS_USAGE;
	uint8_t *data;
	size_t size;

	data = read_file(path, &size);
	if (data)
		status = decode_jpeg(path, jpeg, data, size, picture);
	free(data);
	tjDestroy(jpeg);
	return status;
}

/* ---- Size ---- */

/* A number of the picture's pixels for each of the input's, and where the first begins. */
struct axis {
	double start, step;
	unsigned int from, to;	/* pixels of the input that show the picture */
};

static struct axis make_axis(unsigned int pixels, unsigned int wanted, double step)
{
	struct axis axis = { .start = (pixels - wanted * step) / 2, .step = step, .to = wanted };
	double shown = pixels / step;

	if (shown < wanted) {
		axis.from = (unsigned int)((wanted - shown) / 2);
		axis.to = axis.from + (unsigned int)fmax(1, round(shown));
		axis.start = -(axis.from * step);
	}
	return axis;
}

static void choose_axes(const struct picture *picture, unsigned int width, unsigned int height,
			enum fit fit, struct axis *across, struct axis *down)
{
	double x = (double)picture->width / width, y = (double)picture->height / height;

	if (fit == FIT_CROP)
		x = y = fmin(x, y);
	else if (fit == FIT_PAD)
		x = y = fmax(x, y);
	*across = make_axis(picture->width, width, x);
	*down = make_axis(picture->height, height, y);
}

/* Place between two pixels; those beyond the edge are like the ones at it. */
static void between(double at, unsigned int count, unsigned int pixels[2], double *part)
{
	double low = fmin(fmax(at, 0), count - 1);

	pixels[0] = (unsigned int)low;
	pixels[1] = pixels[0] + (pixels[0] + 1 < count);
	*part = low - pixels[0];
}

/*
 * The mean of what an input's pixel covers. Where the picture is enlarged that is one place
 * between four pixels.
 */
static void take_colour(const struct picture *picture, double left, double top, double width,
			double height, double colour[3])
{
	unsigned int across = (unsigned int)fmax(1, ceil(width));
	unsigned int down = (unsigned int)fmax(1, ceil(height)), i, k, c;

	memset(colour, 0, 3 * sizeof(*colour));
	for (i = 0; i < across * down; i++) {
		unsigned int x[2], y[2];
		double fx, fy;

		between(left + (i % across + 0.5) * width / across - 0.5, picture->width, x, &fx);
		between(top + (i / across + 0.5) * height / down - 0.5, picture->height, y, &fy);
		for (k = 0; k < 4; k++) {
			const uint8_t *pixel = picture->pixels +
				3 * ((size_t)y[k / 2] * picture->width + x[k % 2]);
			double weight = (k / 2 ? fy : 1 - fy) * (k % 2 ? fx : 1 - fx);

			for (c = 0; c < 3; c++)
				colour[c] += weight * pixel[c] / (across * down);
		}
	}
}

/* ---- Inputs ---- */

/* Where the sizes of an input like a picture stand among its dimensions. */
struct places {
	uint32_t channels, height, width;
};

static bool is_count(int64_t channels)
{
	return channels == 1 || channels == 3;
}

static struct places find_places(const struct accel_nn_tensor *like, enum channels channels)
{
	const uint32_t first = like->rank - 3;

	/* What the model declares, if it does. */
	if (channels == CHANNELS_BY_INPUT)
		channels = !is_count(like->dims[first]) && is_count(like->dims[first + 2]) ?
			   CHANNELS_LAST : CHANNELS_FIRST;
	if (channels == CHANNELS_LAST)
		return (struct places){ first + 2, first, first + 1 };
	return (struct places){ first, first + 1, first + 2 };
}

static void close_size(int64_t *size, int64_t value)
{
	if (*size < 0)
		*size = value;
}

static enum status choose_shape(const char *path, const struct picture *picture,
				const struct picture_options *options,
				const struct places *places, struct accel_nn_tensor *tensor)
{
	const bool gray = options->colours == COLOURS_GRAY;
	int64_t *dims = tensor->dims;
	char shape[SHAPE_TEXT];

	if (tensor->rank == 4)
		close_size(&dims[0], 1);
	close_size(&dims[places->channels], gray ? 1 : 3);
	close_size(&dims[places->height], picture->height);
	close_size(&dims[places->width], picture->width);
	if ((tensor->rank == 4 && dims[0] != 1) || !is_count(dims[places->channels]) ||
	    dims[places->height] < 1 || dims[places->width] < 1 ||
	    dims[places->height] > UINT16_MAX || dims[places->width] > UINT16_MAX ||
	    (options->colours && gray != (dims[places->channels] == 1))) {
		complain("see --picture colours= and channels=, and --shape",
			 "%s cannot be an input of shape %s", path,
			 format_shape(shape, dims, (int)tensor->rank, NULL));
		return STATUS_USAGE;
	}
	return STATUS_OK;
}

static void set_pixel(struct accel_nn_tensor *tensor, const struct places *places, size_t x,
		      size_t y, const double colour[3], const struct picture_options *options)
{
	const size_t width = (size_t)tensor->dims[places->width];
	const size_t height = (size_t)tensor->dims[places->height];
	const size_t channels = (size_t)tensor->dims[places->channels];
	const bool last = places->channels > places->width;
	double scale = options->scale != 0 ? options->scale :
		       type_is_float(tensor->type) ? 1.0 / 255 : 1;
	size_t c, k;

	for (c = 0; c < channels; c++) {
		double value;

		k = options->colours == COLOURS_BGR ? 2 - c : c;
		/* Luma of ITU-R BT.601, as cameras and libraries compute it. */
		if (channels == 1)
			value = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2];
		else
			value = colour[k];
		set_element(tensor, last ? (y * width + x) * channels + c :
					   (c * height + y) * width + x,
			    (value * scale - options->mean[k]) / options->deviation[k]);
	}
}

static void fill(const struct picture *picture, const struct picture_options *options,
		 const struct places *places, struct accel_nn_tensor *tensor)
{
	const unsigned int width = (unsigned int)tensor->dims[places->width];
	const unsigned int height = (unsigned int)tensor->dims[places->height];
	struct axis across, down;
	double colour[3];
	unsigned int x, y;

	choose_axes(picture, width, height, options->fit, &across, &down);
	for (y = 0; y < height; y++) {
		for (x = 0; x < width; x++) {
			if (x < across.from || x >= across.to || y < down.from || y >= down.to)
				memset(colour, 0, sizeof(colour));
			else
				take_colour(picture, across.start + x * across.step,
					    down.start + y * down.step, across.step, down.step,
					    colour);
			set_pixel(tensor, places, x, y, colour, options);
		}
	}
}

enum status picture_read(struct arrays *arrays, const char *path, bool jpeg,
			 const struct accel_nn_tensor *like,
			 const struct picture_options *options)
{
	struct accel_nn_tensor tensor = *like;
	struct picture picture = { 0 };
	struct places places;
	struct array *array;
	enum status status;

	if ((like->rank != 3 && like->rank != 4) || !type_bits(like->type)) {
		complain("pictures are for inputs of 3 or 4 dimensions",
			 "%s cannot be an input of %u dimensions of %s", path, like->rank,
			 accel_nn_type_name(like->type));
		return STATUS_USAGE;
	}
	status = jpeg ? read_jpeg(path, &picture) : read_png(path, &picture);
	places = find_places(like, options->channels);
	if (!status)
		status = choose_shape(path, &picture, options, &places, &tensor);
	if (!status && !arrays_add(arrays, "", &tensor, &array))
		status = refuse(path, "no memory for an input of this size");
	if (!status)
		fill(&picture, options, &places, &array->tensor);
	free(picture.pixels);
	return status;
}
