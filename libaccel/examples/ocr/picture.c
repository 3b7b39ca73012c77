// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "ocr.h"

#include <math.h>
#include <png.h>
#include <string.h>

/* Larger pictures would take minutes and gigabytes. */
#define MOST_PIXELS	(64u << 20)

struct picture picture_create(unsigned int width, unsigned int height)
{
	struct picture picture = { .width = width, .height = height };
	size_t bytes = (size_t)width * height * 3;

	picture.pixels = check_memory(malloc(bytes));
	memset(picture.pixels, 255, bytes);
	return picture;
}

struct picture picture_load(const char *path)
{
	/* What shows through is white paper. */
	const png_color white = { 255, 255, 255 };
	png_image image = { .version = PNG_IMAGE_VERSION };
	struct picture picture;

	if (!png_image_begin_read_from_file(&image, path))
		errx(1, "cannot read %s: %s", path, image.message);
	if ((uint64_t)image.width * image.height > MOST_PIXELS)
		errx(1, "%s has %u x %u pixels, which are more than %u million", path, image.width,
		     image.height, MOST_PIXELS >> 20);
	picture = picture_create(image.width, image.height);
	image.format = PNG_FORMAT_RGB;
	if (!png_image_finish_read(&image, &white, picture.pixels, 0, NULL))
		errx(1, "cannot read %s: %s", path, image.message);
	return picture;
}

void picture_save(const struct picture *picture, const char *path)
{
	png_image image = {
		.version = PNG_IMAGE_VERSION,
		.width = picture->width,
		.height = picture->height,
		.format = PNG_FORMAT_RGB,
	};

	if (!png_image_write_to_file(&image, path, 0, picture->pixels, 0, NULL))
		errx(1, "cannot write %s: %s", path, image.message);
}

struct picture picture_crop(const struct picture *picture, unsigned int left, unsigned int top,
			    unsigned int width, unsigned int height)
{
	struct picture part = picture_create(width, height);
	unsigned int y;

	for (y = 0; y < height; y++)
		memcpy(part.pixels + (size_t)3 * y * width,
		       picture->pixels + 3 * ((size_t)(top + y) * picture->width + left),
		       (size_t)3 * width);
	return part;
}

static unsigned int clamp(int value, unsigned int count)
{
	return value < 0 ? 0 : value >= (int)count ? count - 1 : (unsigned int)value;
}

/* The colour between four pixels; those beyond the edge are like the ones at it. */
static void add_sample(const struct picture *picture, float x, float y, float sum[3])
{
	int left = (int)floorf(x), top = (int)floorf(y);
	float fx = x - (float)left, fy = y - (float)top;
	unsigned int i, k, c;

	for (i = 0; i < 2; i++) {
		size_t row = (size_t)clamp(top + (int)i, picture->height) * picture->width;

		for (k = 0; k < 2; k++) {
			const uint8_t *pixel = picture->pixels +
				3 * (row + clamp(left + (int)k, picture->width));
			float weight = (i ? fy : 1 - fy) * (k ? fx : 1 - fx);

			for (c = 0; c < 3; c++)
				sum[c] += weight * pixel[c];
		}
	}
}

struct picture picture_enlarge(const struct picture *picture, unsigned int factor)
{
	struct picture large = picture_create(picture->width * factor, picture->height * factor);
	uint8_t *to = large.pixels;
	unsigned int x, y, c;

	for (y = 0; y < large.height; y++) {
		for (x = 0; x < large.width; x++) {
			float sum[3] = { 0 };

			add_sample(picture, ((float)x + 0.5f) / (float)factor - 0.5f,
				   ((float)y + 0.5f) / (float)factor - 0.5f, sum);
			for (c = 0; c < 3; c++)
				*to++ = (uint8_t)(sum[c] + 0.5f);
		}
	}
	return large;
}

/* Samples for a pixel in each direction: one is not enough when the part is made smaller. */
static unsigned int samples_along(const float step[2])
{
	return (unsigned int)fminf(16, fmaxf(1, ceilf(hypotf(step[0], step[1]))));
}

void picture_to_planes(const struct picture *picture, const struct part *part,
		       const struct norm *norm, float *planes, unsigned int width,
		       unsigned int height)
{
	const unsigned int across = samples_along(part->right), down = samples_along(part->down);
	const size_t plane = (size_t)width * height;
	unsigned int x, y, i, k, c;

	for (y = 0; y < part->height && y < height; y++) {
		for (x = 0; x < part->width && x < width; x++) {
			float sum[3] = { 0 };

			for (i = 0; i < down * across; i++) {
				float u = (float)x + ((float)(i % across) + 0.5f) / (float)across;
				float v = (float)y + ((float)(i / across) + 0.5f) / (float)down;
				float at[2];

				for (k = 0; k < 2; k++)
					at[k] = part->origin[k] + u * part->right[k] +
						v * part->down[k] - 0.5f;
				add_sample(picture, at[0], at[1], sum);
			}
			for (c = 0; c < 3; c++)
				planes[(2 - c) * plane + (size_t)y * width + x] =
					(sum[c] / (255 * (float)(down * across)) - norm->mean[c]) /
					norm->deviation[c];
		}
	}
}
