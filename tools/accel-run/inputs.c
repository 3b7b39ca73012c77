// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Inputs of a run: read from files or made up, assigned to the model's inputs, and bound.
 */
#define _GNU_SOURCE
#include "options.h"
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Inputs ---- */

/* What the program needs to know of an input. */
struct input {
	struct accel_nn_value value;
	size_t array;		/* place of its tensor in the list, from 1; 0: none yet */
	size_t items;		/* tensors from there on, if it is a sequence */
	bool nothing;		/* a file says that there is none */
};

static struct input *find_input(struct input *inputs, uint32_t count, const char *name)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (!strcmp(inputs[i].value.name, name))
			return &inputs[i];
	return NULL;
}

static bool is_given(const struct input *input)
{
	return input->array || input->nothing;
}

static struct input *next_input(struct input *inputs, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (!is_given(&inputs[i]))
			return &inputs[i];
	return NULL;
}

/* A tensor like an input, as far as that is known: open sizes are -1. */
static struct accel_nn_tensor like_input(struct options *o, const struct input *input)
{
	struct accel_nn_tensor tensor = { .size = sizeof(tensor), .type = input->value.type };
	size_t i;

	tensor.rank = input->value.rank < 0 ? 1 : (uint32_t)input->value.rank;
	for (i = 0; i < tensor.rank; i++)
		tensor.dims[i] = input->value.rank < 0 ? -1 : input->value.dims[i];
	for (i = 0; i < o->shape_count; i++) {
		if (strcmp(o->shapes[i].name, input->value.name))
			continue;
		tensor.rank = o->shapes[i].rank;
		memcpy(tensor.dims, o->shapes[i].dims, sizeof(tensor.dims));
	}
	return tensor;
}

static enum status refuse_input(const char *name, const struct input *inputs, uint32_t count)
{
	char all[400] = "it has none";
	uint32_t i;

	for (i = 0; i < count; i++)
		snprintf(i ? all + strlen(all) : all, sizeof(all) - (i ? strlen(all) : 0), "%s%s",
			 i ? ", " : "it has ", inputs[i].value.name);
	complain(all, "the model has no %s%s%s", name ? "input '" : "more inputs",
		 name ? name : "", name ? "'" : "");
	return STATUS_USAGE;
}

static enum status refuse_twice(const struct input *input)
{
	complain(NULL, "input '%s' is given twice", input->value.name);
	return STATUS_USAGE;
}

/* An array of an archive: which input it is for. */
static struct input *choose_input(const char *name, struct input *inputs, uint32_t count)
{
	/* numpy.savez() calls arrays without a name arr_0, arr_1, ... */
	if (!strncmp(name, "arr_", 4) && !find_input(inputs, count, name))
		return next_input(inputs, count);
	return find_input(inputs, count, name);
}

static enum status assign_archive(struct arrays *arrays, size_t first, struct input *inputs,
				  uint32_t count)
{
	struct input *input;
	size_t i;

	for (i = first; i < arrays->count; i++) {
		input = choose_input(arrays->list[i].name, inputs, count);
		if (!input)
			return refuse_input(arrays->list[i].name, inputs, count);
		if (is_given(input))
			return refuse_twice(input);
		input->array = i + 1;
		input->items = 1;
	}
	return STATUS_OK;
}

/* All that a file holds is for one input. */
static enum status assign(struct arrays *arrays, size_t first, const char *path, struct input *input,
			  enum holds holds)
{
	const size_t items = arrays->count - first;

	if (is_given(input))
		return refuse_twice(input);
	input->nothing = holds == HOLDS_NOTHING;
	if (input->nothing)
		return STATUS_OK;
	if (items != 1 && input->value.kind != ACCEL_NN_SEQUENCE) {
		complain("name one array in a .npy file", "%s holds %zu arrays, not one for '%s'", path,
			 items, input->value.name);
		return STATUS_USAGE;
	}
	input->array = first + 1;
	input->items = items;
	return STATUS_OK;
}

static enum status read_inputs(struct options *o, const struct named_file *files,
			       size_t file_count, struct arrays *arrays, struct input *inputs,
			       uint32_t count)
{
	enum status status = STATUS_OK;
	size_t i, first;

	for (i = 0; i < file_count && !status; i++) {
		const struct named_file *file = &files[i];
		struct input *input = file->name ? find_input(inputs, count, file->name) :
						   next_input(inputs, count);
		struct accel_nn_tensor like;
		enum holds holds;

		if (!input)
			return refuse_input(file->name, inputs, count);
		like = like_input(o, input);
		first = arrays->count;
		status = arrays_read(arrays, file->path, &(struct reading){
			.like = &like, .picture = &o->picture, .sound = &o->sound,
			.kind = input->value.kind, .optional = input->value.optional }, &holds);
		if (!status && holds == HOLDS_ARCHIVE && !file->name)
			status = assign_archive(arrays, first, inputs, count);
		else if (!status)
			status = assign(arrays, first, file->path, input, holds);
	}
	return status;
}

/* Numbers from 0 to 1 that are the same each time; integers are zero, as indices may be. */
static void fill_random(struct accel_nn_tensor *tensor)
{
	size_t count = count_elements(tensor), i;
	uint64_t state = 88172645463325252;

	for (i = 0; i < count; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		if (tensor->type == ACCEL_NN_FLOAT32)
			((float *)tensor->data)[i] = (float)(state >> 40) * 0x1p-24f;
		else if (tensor->type == ACCEL_NN_FLOAT64)
			((double *)tensor->data)[i] = (double)(state >> 11) * 0x1p-53;
		else if (tensor->type == ACCEL_NN_FLOAT16)	/* a half to one */
			((uint16_t *)tensor->data)[i] = (uint16_t)(0x3800 | state >> 54);
		else if (tensor->type == ACCEL_NN_BFLOAT16)
			((uint16_t *)tensor->data)[i] = (uint16_t)(0x3f00 | state >> 57);
	}
}

/* The model leaves it to us how many inputs there are. */
static bool has_batch(const struct input *input, const struct accel_nn_tensor *tensor)
{
	return tensor->rank && (input->value.rank < 0 || input->value.dims[0] < 0);
}

/* What is absurd stays so. */
static void widen(struct accel_nn_tensor *tensor, unsigned int times)
{
	if (tensor->dims[0] > INT64_MAX / times)
		tensor->dims[0] = INT64_MAX / times;
	tensor->dims[0] *= times;
}

/* Copies of an input one behind the other, in an array of their own. */
static enum status repeat(struct arrays *arrays, struct input *input, unsigned int times)
{
	struct accel_nn_tensor like = arrays->list[input->array - 1].tensor;
	struct array *all;
	unsigned int i;

	if (!has_batch(input, &like))
		return STATUS_OK;
	widen(&like, times);
	if (type_bits(like.type) < 8 || !arrays_add(arrays, "", &like, &all)) {
		complain("use a smaller --batch", "input '%s' cannot be repeated %u times",
			 input->value.name, times);
		return STATUS_USAGE;
	}
	like = arrays->list[input->array - 1].tensor;
	for (i = 0; i < times; i++)
		memcpy((char *)all->tensor.data + i * like.bytes, like.data, like.bytes);
	input->array = arrays->count;
	return STATUS_OK;
}

static enum status repeat_inputs(struct arrays *arrays, struct input *inputs, uint32_t count,
				 unsigned int times)
{
	enum status status = STATUS_OK;
	bool any = false;
	size_t before;
	uint32_t i;

	for (i = 0; i < count && !status; i++) {
		before = inputs[i].array;
		if (before)
			status = repeat(arrays, &inputs[i], times);
		any |= inputs[i].array != before;
	}
	if (!status && !any) {
		complain("--info shows the inputs",
			 "the model has no input whose first size is open, for a --batch");
		status = STATUS_USAGE;
	}
	return status;
}

static bool has_shape(const struct options *o, const struct input *input)
{
	size_t i;

	for (i = 0; i < o->shape_count; i++)
		if (!strcmp(o->shapes[i].name, input->value.name))
			return true;
	return false;
}

static enum status make_up(struct options *o, struct arrays *arrays, struct input *input)
{
	struct accel_nn_tensor like = like_input(o, input);
	char shape[SHAPE_TEXT];
	struct array *array;
	uint32_t i;

	/* What may be nothing is that, unless somebody asks for more. */
	if (input->value.optional && !has_shape(o, input))
		return STATUS_OK;
	if (input->value.kind != ACCEL_NN_TENSOR) {
		complain("give a file for it", "input '%s' is no tensor, and cannot be made up",
			 input->value.name);
		return STATUS_USAGE;
	}
	if (o->bench.batch && has_batch(input, &like) && like.dims[0] < 0)
		like.dims[0] = 1;
	for (i = 0; i < like.rank; i++) {
		if (like.dims[i] >= 0)
			continue;
		complain("give its sizes with --shape NAME=1x3x48x320",
			 "input '%s' has sizes that the model leaves open", input->value.name);
		return STATUS_USAGE;
	}
	if (!type_bits(like.type)) {
		complain("give a file for it", "input '%s' is of type %s, and cannot be made up",
			 input->value.name, accel_nn_type_name(like.type));
		return STATUS_USAGE;
	}
	if (!arrays_add(arrays, "", &like, &array)) {
		complain("give smaller sizes with --shape",
			 "there is no memory for input '%s' of shape %s", input->value.name,
			 format_shape(shape, like.dims, (int)like.rank, NULL));
		return STATUS_USAGE;
	}
	fill_random(&array->tensor);
	input->array = arrays->count;
	return STATUS_OK;
}

/* For --info sizes are enough. */
static enum status bind_shape(struct session *s, struct options *o, uint32_t index,
			      const struct input *input)
{
	struct accel_nn_tensor like = like_input(o, input);
	uint32_t i;

	for (i = 0; i < like.rank; i++)
		if (like.dims[i] < 0)
			return STATUS_OK;
	if (o->bench.batch && has_batch(input, &like))
		widen(&like, o->bench.batch);
	return accel_nn_bind_input(s->job, index, &like) ? complain_model() : STATUS_OK;
}

static enum status bind_sequence(struct session *s, struct arrays *arrays, uint32_t index,
				 const struct input *input)
{
	const struct accel_nn_tensor **tensors = check_memory(calloc(input->items + 1,
								     sizeof(*tensors)));
	size_t i;
	int ret;

	s->has_others = true;
	for (i = 0; i < input->items; i++)
		tensors[i] = &arrays->list[input->array - 1 + i].tensor;
	ret = accel_nn_bind_sequence(s->job, index, tensors, (uint32_t)input->items);
	free(tensors);
	return ret ? complain_model() : STATUS_OK;
}

static enum status bind_input(struct session *s, struct options *o, struct arrays *arrays,
			      uint32_t index, struct input *input)
{
	if (input->array && input->value.kind == ACCEL_NN_SEQUENCE)
		return bind_sequence(s, arrays, index, input);
	if (input->nothing || (!input->array && input->value.optional && !o->info)) {
		s->has_others = true;
		return accel_nn_bind_nothing(s->job, index) ? complain_model() : STATUS_OK;
	}
	if (input->array) {
		s->bound[index] = arrays->list[input->array - 1].tensor;
		return accel_nn_bind_input(s->job, index, &s->bound[index]) ? complain_model() :
		       STATUS_OK;
	}
	if (o->info)
		return bind_shape(s, o, index, input);
	complain("give a file for it, or --random; --info shows what the model wants",
		 "input '%s' is missing", input->value.name);
	return STATUS_USAGE;
}

/* All inputs of the model, without tensors, to be freed. */
static enum status list_inputs(struct session *s, struct input **list)
{
	struct input *inputs = check_memory(calloc(s->info.inputs + 1, sizeof(*inputs)));
	uint32_t i;

	*list = inputs;
	for (i = 0; i < s->info.inputs; i++) {
		inputs[i].value.size = sizeof(inputs[i].value);
		if (accel_nn_get_input(s->model, i, &inputs[i].value))
			return complain_model();
	}
	return STATUS_OK;
}

enum status bind_inputs(struct session *s, struct options *o, struct arrays *arrays)
{
	struct input *inputs;
	enum status status = list_inputs(s, &inputs);
	uint32_t i;

	s->bound = check_memory(calloc(s->info.inputs + 1, sizeof(*s->bound)));
	if (!status)
		status = read_inputs(o, o->inputs, o->input_count, arrays, inputs, s->info.inputs);
	for (i = 0; i < s->info.inputs && !status && o->random; i++)
		if (!is_given(&inputs[i]))
			status = make_up(o, arrays, &inputs[i]);
	if (!status && o->bench.batch && arrays->count)
		status = repeat_inputs(arrays, inputs, s->info.inputs, o->bench.batch);
	for (i = 0; i < s->info.inputs && !status; i++)
		status = bind_input(s, o, arrays, i, &inputs[i]);
	for (i = 0; i < o->shape_count && !status; i++)
		if (!find_input(inputs, s->info.inputs, o->shapes[i].name))
			status = refuse_input(o->shapes[i].name, inputs, s->info.inputs);
	free(inputs);
	return status;
}

/* ---- Calibration ---- */

static enum status run_calibration(struct accel_nn_job *job)
{
	int ret;

	progress_begin("calibrating", 0);
	ret = accel_nn_calibrate(job);
	progress_end();
	return ret ? complain_model() : STATUS_OK;
}

/* Run with one typical input, or several of a .npz file; the others are those of the run itself. */
static enum status calibrate_with(struct session *s, struct options *o,
				  const struct named_file *file)
{
	struct arrays arrays = { 0 };
	struct input *inputs;
	enum status status = list_inputs(s, &inputs);
	uint32_t i;

	if (!status)
		status = read_inputs(o, file, 1, &arrays, inputs, s->info.inputs);
	for (i = 0; i < s->info.inputs && !status; i++)
		if (inputs[i].array &&
		    accel_nn_bind_input(s->job, i, &arrays.list[inputs[i].array - 1].tensor))
			status = complain_model();
	if (!status)
		status = run_calibration(s->job);
	for (i = 0; i < s->info.inputs; i++) {
		struct accel_nn_tensor back = s->bound[i];

		if (!inputs[i].array)
			continue;
		/* With --info the run may have none: its sizes remain. */
		if (!back.size) {
			back = arrays.list[inputs[i].array - 1].tensor;
			back.data = NULL;
		}
		if (accel_nn_bind_input(s->job, i, &back) && !status)
			status = complain_model();
	}
	arrays_free(&arrays);
	free(inputs);
	return status;
}

enum status calibrate(struct session *s, struct options *o)
{
	enum status status = STATUS_OK;
	size_t i;

	for (i = 0; i < o->calibration_count && !status; i++)
		status = calibrate_with(s, o, &o->calibrations[i]);
	if (!o->calibration_count)
		status = run_calibration(s->job);
	return status;
}
