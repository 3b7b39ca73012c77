// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "ocr.h"

#include <string.h>

/* Bytes of the character at the start of a text in UTF-8. */
static size_t character_size(const char *text)
{
	size_t size = 1;

	while ((text[size] & 0xc0) == 0x80)
		size++;
	return size;
}

size_t count_characters(const char *text)
{
	size_t count = 0;

	for (; *text; text += character_size(text))
		count++;
	return count;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/*
 * Row by row of the table of all distances between beginnings of the two, of which one row is
 * kept: row[k] is the distance from the beginning of `a` so far to the first k characters of `b`.
 */
size_t edit_distance(const char *a, const char *b)
{
	const size_t count = count_characters(b);
	size_t *row = check_memory(calloc(count + 1, sizeof(*row))), k, above, distance;

	for (k = 0; k <= count; k++)
		row[k] = k;
	for (; *a; a += character_size(a)) {
		const char *at = b;

		above = row[0]++;
		for (k = 1; k <= count; k++, at += character_size(at)) {
			bool same = character_size(a) == character_size(at) &&
				    !memcmp(a, at, character_size(a));

			distance = smallest(above + !same, row[k] + 1, row[k - 1] + 1);
			above = row[k];
			row[k] = distance;
		}
	}
	distance = row[count];
	free(row);
	return distance;
}
