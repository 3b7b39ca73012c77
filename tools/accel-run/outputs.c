// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * What is done with results but showing them: files of them, and other results to compare with.
 */
#define _GNU_SOURCE
#include "options.h"
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Files of results ---- */

/* A result goes into the file if it, or the output that it belongs to, is asked for. */
static bool is_wanted(struct session *s, const struct array *result, const char *name)
{
	struct accel_nn_value value = { .size = sizeof(value) };

	return !name || !strcmp(result->name, name) ||
	       (!accel_nn_get_output(s->model, result->output, &value) && !strcmp(value.name, name));
}

/* The number of an output, or how many there are if there is none of this name. */
static uint32_t find_output(struct session *s, const char *name)
{
	struct accel_nn_value value = { .size = sizeof(value) };
	uint32_t i;

	for (i = 0; i < s->info.outputs; i++)
		if (!accel_nn_get_output(s->model, i, &value) && !strcmp(value.name, name))
			break;
	return i;
}

enum status save_outputs(struct session *s, const struct named_file *file)
{
	struct arrays results = { 0 }, chosen = { 0 };
	enum status status = results_take(s, s->job, &results);
	size_t i;

	chosen.list = check_memory(calloc(results.count + 1, sizeof(*chosen.list)));
	/* Nothing is in a file what is not there. */
	for (i = 0; i < results.count && !status; i++)
		if (results.list[i].tensor.type && is_wanted(s, &results.list[i], file->name))
			chosen.list[chosen.count++] = results.list[i];
	if (!status && !chosen.count && file->name && find_output(s, file->name) == s->info.outputs) {
		complain("--info shows the outputs", "the model has no output '%s'", file->name);
		status = STATUS_USAGE;
	}
	if (!status)
		status = arrays_write(file->path, chosen.list, chosen.count);
	free(chosen.list);
	results_release(&results);
	return status;
}

/* ---- What they are compared with ---- */

struct comparison {
	struct session *s;
	struct arrays results, wanted;
	uint32_t next;			/* output that a file without a name is for */
};

static void rename_array(struct array *array, char *name)
{
	free(array->name);
	array->name = check_memory(name);
}

static char *item_name(const char *output, size_t item)
{
	char *name;

	return asprintf(&name, "%s.%zu", output, item) < 0 ? NULL : name;
}

/* How many tensors an output has; false if it is no sequence. */
static bool count_items(struct session *s, uint32_t output, size_t *count)
{
	struct accel_nn_result_info info = { .size = sizeof(info) };

	*count = 0;
	if (accel_nn_get_result_info(s->job, output, &info))
		return false;
	*count = info.count;
	return info.kind == ACCEL_NN_SEQUENCE;
}

static enum status refuse_count(const char *output, size_t has, size_t wants)
{
	complain(NULL, "output %s has %zu tensors, what it is compared with %zu", output, has, wants);
	return STATUS_DIFFERENT;
}

/* All of an archive: of a sequence all tensors must be there, and no more. */
static enum status check_archive(struct comparison *c, size_t first)
{
	struct accel_nn_value value = { .size = sizeof(value) };
	size_t items, there, i, length;
	const char *name;
	uint32_t output;

	for (output = 0; output < c->s->info.outputs; output++) {
		if (!count_items(c->s, output, &items) ||
		    accel_nn_get_output(c->s->model, output, &value))
			continue;
		length = strlen(value.name);
		for (i = first, there = 0; i < c->wanted.count; i++) {
			name = c->wanted.list[i].name;
			there += !strncmp(name, value.name, length) && name[length] == '.' &&
				 strspn(name + length + 1, "0123456789") == strlen(name + length + 1);
		}
		if (there && there != items)
			return refuse_count(value.name, items, there);
	}
	return STATUS_OK;
}

/* The arrays of a file from the first on are what one output is compared with. */
static enum status name_output(struct comparison *c, uint32_t output, const char *name, size_t first,
			       enum holds holds)
{
	const size_t count = c->wanted.count - first;
	size_t items, i;

	if (holds == HOLDS_NOTHING) {
		c->wanted.list = check_memory(reallocarray(c->wanted.list, c->wanted.count + 1,
							   sizeof(*c->wanted.list)));
		c->wanted.list[c->wanted.count++] = (struct array){
			.name = check_memory(strdup(name)) };
		return STATUS_OK;
	}
	if (count_items(c->s, output, &items) && holds != HOLDS_ARRAY) {
		if (count != items)
			return refuse_count(name, items, count);
		for (i = 0; i < count; i++)
			rename_array(&c->wanted.list[first + i], item_name(name, i));
		return STATUS_OK;
	}
	if (count == 1) {
		rename_array(&c->wanted.list[first], strdup(name));
		return STATUS_OK;
	}
	complain("name one array in a .npy file", "there are %zu arrays, not one for '%s'", count, name);
	return STATUS_USAGE;
}

/* numpy.savez() calls arrays without a name arr_0, arr_1, ...: outputs in order. */
static void name_numbered(struct comparison *c, size_t first)
{
	struct accel_nn_value value = { .size = sizeof(value) };
	struct array *array;

	for (; first < c->wanted.count; first++) {
		array = &c->wanted.list[first];
		if (!strncmp(array->name, "arr_", 4) &&
		    find_output(c->s, array->name) == c->s->info.outputs &&
		    c->next < c->s->info.outputs &&
		    !accel_nn_get_output(c->s->model, c->next, &value)) {
			rename_array(array, strdup(value.name));
			c->next++;
		}
	}
}

static enum status read_wanted(struct comparison *c, const struct named_file *file)
{
	struct accel_nn_value value = { .size = sizeof(value), .name = "" };
	uint32_t output = file->name ? find_output(c->s, file->name) : c->next;
	const size_t first = c->wanted.count;
	enum status status;
	enum holds holds;

	if (output < c->s->info.outputs && accel_nn_get_output(c->s->model, output, &value))
		return complain_model();
	status = arrays_read(&c->wanted, file->path, &(struct reading){
		.kind = value.kind, .optional = value.optional }, &holds);
	if (status)
		return status;
	if (holds == HOLDS_ARCHIVE && !file->name) {
		name_numbered(c, first);
		return check_archive(c, first);
	}
	if (!file->name && output == c->s->info.outputs) {
		complain("--info shows the outputs", "there is no output left to compare %s with",
			 file->path);
		return STATUS_USAGE;
	}
	c->next += !file->name;
	return name_output(c, output, file->name ? file->name : value.name, first, holds);
}

static enum status run_other(struct comparison *c)
{
	enum status status;

	progress_begin("running ONNX Runtime", 0);
	status = onnxruntime_run(c->s, &c->wanted);
	progress_end();
	return status;
}

enum status compare_outputs(struct session *s, const struct options *o)
{
	struct comparison c = { .s = s };
	enum status status = results_take(s, s->job, &c.results);
	size_t i;

	for (i = 0; i < o->compare_count && !status; i++) {
		if (!o->compares[i].name && !strcmp(o->compares[i].path, "onnxruntime"))
			status = run_other(&c);
		else
			status = read_wanted(&c, &o->compares[i]);
	}
	if (!status)
		status = compare_results(s, &c.results, &c.wanted, &o->tolerance);
	arrays_free(&c.wanted);
	results_release(&c.results);
	return status;
}
