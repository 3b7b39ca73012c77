// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Reading a line. The model looks at the line through a window that moves by 8 columns, and
 * gives for each place how likely each character is, or "nothing new", which stands between
 * equal characters and wherever nothing begins (connectionist temporal classification).
 *
 * The library plans a model for the sizes of its inputs, and keeps the plans for sizes that come
 * again. Lines of any width would mean a plan for each line all the same. So they are made
 * wider, to a multiple of some width.
 */
#include "ocr.h"

#include <math.h>
#include <string.h>

#define HEIGHT		48u	/* of a line, for the model */
#define WIDTHS		320u	/* widths are multiples of this */
#define WIDEST		3200u	/* longer lines are squeezed */

static const struct norm centred = {
	.mean = { 0.5f, 0.5f, 0.5f }, .deviation = { 0.5f, 0.5f, 0.5f },
};

struct reader {
	struct model *model;
	struct accel_nn_job *job;
	float *planes;			/* the line that is read, with room for the widest */
	char *text;			/* of the file */
	char **characters;		/* class i is character i - 1; the last class is a space */
	size_t count;
};

/* ---- Characters ---- */

static char *read_text(const char *path)
{
	FILE *file = fopen(path, "rb");
	char *text = check_memory(malloc(1 << 20));
	size_t size;

	if (!file)
		err(1, "cannot open %s", path);
	size = fread(text, 1, (1 << 20) - 1, file);
	if (ferror(file))
		errx(1, "cannot read %s", path);
	fclose(file);
	text[size] = '\0';
	return text;
}

static void split_characters(struct reader *reader)
{
	char *at = reader->text, *end;

	while (*at) {
		end = at + strcspn(at, "\r\n");
		reader->characters = check_memory(realloc(reader->characters,
							  (reader->count + 1) * sizeof(char *)));
		reader->characters[reader->count++] = at;
		at = end + strspn(end, "\r\n");
		*end = '\0';
	}
}

struct reader *reader_create(struct model *model, const char *characters)
{
	struct reader *reader = check_memory(calloc(1, sizeof(*reader)));

	reader->model = model;
	reader->text = read_text(characters);
	split_characters(reader);
	reader->planes = check_memory(calloc(3 * HEIGHT * WIDEST, sizeof(float)));
	check(accel_nn_job_create(model->model, &reader->job));
	return reader;
}

void reader_destroy(struct reader *reader)
{
	accel_nn_job_destroy(reader->job);
	free(reader->planes);
	free(reader->characters);
	free(reader->text);
	free(reader);
}

/* ---- The model ---- */

/* The planes for a line of so many columns, all zero. */
static struct accel_nn_tensor clear_input(struct reader *reader, unsigned int columns)
{
	const unsigned int width = (columns + WIDTHS - 1) / WIDTHS * WIDTHS;
	const size_t bytes = sizeof(float) * 3 * HEIGHT * width;

	memset(reader->planes, 0, bytes);
	return (struct accel_nn_tensor){
		.size = sizeof(struct accel_nn_tensor), .type = ACCEL_NN_FLOAT32, .rank = 4,
		.dims = { 1, 3, HEIGHT, width }, .data = reader->planes, .bytes = bytes,
	};
}

static struct part part_of_box(const struct box *box)
{
	float columns = roundf(HEIGHT * box->half_width / box->half_height), down[2];
	struct part part = { .height = HEIGHT };
	int i;

	part.width = (unsigned int)fminf(WIDEST, fmaxf(1, columns));
	box_down(box, down);
	for (i = 0; i < 2; i++) {
		part.origin[i] = box->centre[i] - box->half_width * box->along[i] -
				 box->half_height * down[i];
		part.right[i] = box->along[i] * 2 * box->half_width / (float)part.width;
		part.down[i] = down[i] * 2 * box->half_height / HEIGHT;
	}
	return part;
}

/* ---- From probabilities to text ---- */

static size_t most_likely(const float *probabilities, size_t count)
{
	size_t i, best = 0;

	for (i = 1; i < count; i++)
		if (probabilities[i] > probabilities[best])
			best = i;
	return best;
}

static void append(struct line *line, size_t *length, const char *character)
{
	size_t more = strlen(character);

	line->text = check_memory(realloc(line->text, *length + more + 1));
	memcpy(line->text + *length, character, more + 1);
	*length += more;
}

static void decode(const struct reader *reader, const struct accel_nn_tensor *result,
		   struct line *line)
{
	const size_t places = (size_t)result->dims[1], classes = (size_t)result->dims[2];
	const float *at = result->data;
	size_t i, best, last = 0, length = 0, count = 0;

	append(line, &length, "");
	for (i = 0; i < places; i++, at += classes) {
		best = most_likely(at, classes);
		if (best && best != last) {
			append(line, &length, best == classes - 1 ? " " :
			       reader->characters[best - 1]);
			line->confidence += at[best];
			count++;
		}
		last = best;
	}
	if (count)
		line->confidence /= (float)count;
}

struct line read_line(struct reader *reader, const struct picture *picture, const struct box *box)
{
	const struct part part = part_of_box(box);
	struct accel_nn_tensor input = clear_input(reader, part.width), result;
	struct line line = { .box = *box };

	picture_to_planes(picture, &part, &centred, reader->planes, (unsigned int)input.dims[3],
			  HEIGHT);
	result = model_run(reader->model, reader->job, &input);
	if (result.rank != 3 || result.dims[0] != 1)
		errx(1, "the model that reads gives no probabilities; is it another model?");
	if ((size_t)result.dims[2] != reader->count + 2)
		errx(1, "the model that reads knows %lld characters, "
		     "the file of characters has %zu",
		     (long long)result.dims[2] - 2, reader->count);
	decode(reader, &result, &line);
	return line;
}
