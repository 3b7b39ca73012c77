// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Tensors of texts. The library has pointers to texts in UTF-8 that end with a zero byte. NumPy has
 * code points of 32 bits, as many for each element as the longest one needs, and zeros behind
 * the shorter ones; or bytes likewise.
 */
#include "accel-run.h"

#include <stdlib.h>
#include <string.h>

const char *get_text(const struct accel_nn_tensor *tensor, size_t i)
{
	const char *text = ((const char *const *)tensor->data)[i];

	return text ? text : "";
}

bool texts_copy(struct arrays *arrays, const char *name, const struct accel_nn_tensor *from)
{
	size_t count = count_elements(from), bytes = 0, i;
	struct array *array;
	char *room;

	for (i = 0; i < count; i++)
		bytes += strlen(get_text(from, i)) + 1;
	if (!arrays_add_texts(arrays, name, from, bytes, &array, &room))
		return false;
	for (i = 0; i < count; i++) {
		((char **)array->tensor.data)[i] = room;
		room = stpcpy(room, get_text(from, i)) + 1;
	}
	return true;
}

/* ---- UTF-8 ---- */

#define SURROGATES	0xd800
#define SURROGATES_END	0xe000
#define POINT_MAX	0x10ffff

static bool is_point(uint32_t point)
{
	return point && point <= POINT_MAX && (point < SURROGATES || point >= SURROGATES_END);
}

/* Write a code point, and return where the next one goes. */
static char *put_point(char *to, uint32_t point)
{
	if (point < 0x80) {
		*to++ = (char)point;
		return to;
	}
	if (point < 0x800) {
		*to++ = (char)(0xc0 | point >> 6);
	} else {
		if (point < 0x10000) {
			*to++ = (char)(0xe0 | point >> 12);
		} else {
			*to++ = (char)(0xf0 | point >> 18);
			*to++ = (char)(0x80 | (point >> 12 & 0x3f));
		}
		*to++ = (char)(0x80 | (point >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (point & 0x3f));
	return to;
}

/* The next code point of a text that has not ended; 0 if it is not UTF-8. */
static uint32_t take_point(const char **text)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	const uint8_t *at = (const uint8_t *)*text;
	unsigned int more = *at < 0x80 ? 0 : *at < 0xe0 ? 1 : *at < 0xf0 ? 2 : 3, i;
	uint32_t point = more ? *at & (0x3f >> more) : *at;

	if (*at >= 0xf8 || (more && *at < 0xc0))
		return 0;
	for (i = 1; i <= more; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (at[i] & 0x3f);
	}
	*text += more + 1;
	return point >= least[more] && is_point(point) ? point : 0;
}

/* ---- Elements of NumPy ---- */

static uint32_t get_point(const uint8_t *data, size_t i)
{
	uint32_t point;

	memcpy(&point, data + i * sizeof(point), sizeof(point));
	return point;
}

/* Code points without the zeros at the end. */
static size_t count_points(const uint8_t *data, size_t width)
{
	while (width && !get_point(data, width - 1))
		width--;
	return width;
}

/* One element in UTF-8; where the next goes, or NULL. */
static char *decode(char *to, const uint8_t *data, size_t width)
{
	size_t count = count_points(data, width), i;

	for (i = 0; i < count; i++) {
		if (!is_point(get_point(data, i)))
			return NULL;
		to = put_point(to, get_point(data, i));
	}
	*to = '\0';
	return to + 1;
}

const char *texts_from_points(struct arrays *arrays, const char *name,
			      const struct accel_nn_tensor *like, const uint8_t *data, size_t width)
{
	size_t count = count_elements(like), i;
	struct array *array;
	char *room;

	/* A code point has at most as many bytes in UTF-8 as here. */
	if (!arrays_add_texts(arrays, name, like, count * (width * sizeof(uint32_t) + 1), &array,
			      &room))
		return "it is too large";
	for (i = 0; i < count; i++) {
		((char **)array->tensor.data)[i] = room;
		room = decode(room, data + i * width * sizeof(uint32_t), width);
		if (!room)
			return "a text of it has a character that is none";
	}
	return NULL;
}

const char *texts_from_bytes(struct arrays *arrays, const char *name,
			     const struct accel_nn_tensor *like, const uint8_t *data, size_t width)
{
	size_t count = count_elements(like), i;
	struct array *array;
	char *room;

	if (!arrays_add_texts(arrays, name, like, count * (width + 1), &array, &room))
		return "it is too large";
	for (i = 0; i < count; i++, room += width + 1) {
		((char **)array->tensor.data)[i] = room;
		memcpy(room, data + i * width, width);
	}
	return NULL;
}

bool texts_width(const struct accel_nn_tensor *tensor, size_t *width)
{
	size_t count = count_elements(tensor), i, used;
	const char *text;

	*width = 1;	/* NumPy has no narrower one, either */
	for (i = 0; i < count; i++) {
		text = get_text(tensor, i);
		for (used = 0; *text; used++)
			if (!take_point(&text))
				return false;
		*width = used > *width ? used : *width;
	}
	return true;
}

void texts_to_points(const struct accel_nn_tensor *tensor, size_t width, uint8_t *to)
{
	size_t count = count_elements(tensor), i, k;
	const char *text;
	uint32_t point;

	for (i = 0; i < count; i++) {
		text = get_text(tensor, i);
		for (k = 0; k < width; k++, to += sizeof(point)) {
			point = *text ? take_point(&text) : 0;
			memcpy(to, &point, sizeof(point));
		}
	}
}
