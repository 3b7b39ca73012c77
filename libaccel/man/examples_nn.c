// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The examples of libaccel-nn's manual pages, like those of libaccel's (examples.c). The whole
 * is a test, which runs a model of two inputs and three outputs to a row.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <accel/nn.h>

#define ROWS	2

static void check(int ret)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "%s\n", accel_last_error()->message);
	exit(1);
}

/* Example of accel_nn_load(), accel_nn_unload(), accel_nn_get_model_info(): Load a model, and
 * say what it is. */
static void show_model(const char *path)
{
	struct accel_nn_model_info info = { .size = sizeof(info) };
	struct accel_nn_model *model;

	check(accel_nn_load(path, NULL, &model));
	check(accel_nn_get_model_info(model, &info));
	printf("%u nodes, %llu parameters, opset %u\n", info.nodes,
	       (unsigned long long)info.parameters, info.opset);
	accel_nn_unload(model);
}
/* End of the example. */

/* Example of accel_nn_load_memory(): Load a model that is part of the program. */
static struct accel_nn_model *load_from(const void *data, size_t bytes)
{
	struct accel_nn_model *model;

	check(accel_nn_load_memory(data, bytes, NULL, &model));
	return model;
}
/* End of the example. */

/* Example of accel_nn_get_input(), accel_nn_get_output(), accel_nn_type_name(): Show what a
 * model wants, and what it gives. */
static void show_value(const struct accel_nn_value *value)
{
	int i;

	printf("%s: %s", value->name, accel_nn_type_name(value->type));
	for (i = 0; i < value->rank; i++)
		if (value->dims[i] >= 0)
			printf(" %lld", (long long)value->dims[i]);
		else
			printf(" %s", value->symbols[i][0] ? value->symbols[i] : "any");
	putchar('\n');
}

static void show_values(const struct accel_nn_model *model)
{
	struct accel_nn_value value = { .size = sizeof(value) };

	check(accel_nn_get_input(model, 0, &value));
	show_value(&value);
	check(accel_nn_get_output(model, 0, &value));
	show_value(&value);
}
/* End of the example. */

/* Example of accel_nn_load_tensor(), accel_nn_free_tensor(): Give a model an input from a
 * file. */
static void bind_file(struct accel_nn_job *job, uint32_t input, const char *path,
		      struct accel_nn_tensor *tensor)
{
	tensor->size = sizeof(*tensor);
	check(accel_nn_load_tensor(path, tensor));
	check(accel_nn_bind_input(job, input, tensor));
	/* When the job has run: accel_nn_free_tensor(tensor); */
}
/* End of the example. */

/* Example of accel_nn_load_tensor_memory(): Give it one that came over a network. */
static void bind_message(struct accel_nn_job *job, uint32_t input, const void *message, size_t bytes,
			 struct accel_nn_tensor *tensor)
{
	tensor->size = sizeof(*tensor);
	check(accel_nn_load_tensor_memory(message, bytes, tensor));
	check(accel_nn_bind_input(job, input, tensor));
	/* When the job has run: accel_nn_free_tensor(tensor); */
}
/* End of the example. */

/* Example of accel_nn_job_create(), accel_nn_job_destroy(), accel_nn_bind_input(),
 * accel_nn_run(), accel_nn_get_result(): Run a model once. */
static void run_once(struct accel_nn_model *model, float *numbers, int64_t rows)
{
	struct accel_nn_tensor input = {
		.size = sizeof(input),
		.type = ACCEL_NN_FLOAT32,
		.rank = 2,
		.dims = { rows, 2 },
		.data = numbers,
		.bytes = (size_t)rows * 2 * sizeof(*numbers),
	};
	struct accel_nn_tensor result = { .size = sizeof(result) };
	struct accel_nn_job *job;

	check(accel_nn_job_create(model, &job));
	check(accel_nn_bind_input(job, 0, &input));
	check(accel_nn_run(job, NULL));
	check(accel_nn_get_result(job, 0, &result));
	printf("%g\n", ((const float *)result.data)[0]);
	accel_nn_job_destroy(job);
}
/* End of the example. */

/* Example of accel_nn_calibrate(): Let a model compute in integers of 8 bits on a card. */
static struct accel_nn_model *load_quantised(const char *path, struct accel_context *context,
					     struct accel_device *device,
					     const struct accel_nn_tensor *typical, uint32_t count)
{
	const struct accel_nn_load_options options = {
		.size = sizeof(options),
		.context = context,
		.device = device,
		.precision = ACCEL_NN_IN_INT8,
	};
	struct accel_nn_model *model;
	struct accel_nn_job *job;
	uint32_t i;

	check(accel_nn_load(path, &options, &model));
	check(accel_nn_job_create(model, &job));
	for (i = 0; i < count; i++) {
		check(accel_nn_bind_input(job, 0, &typical[i]));
		check(accel_nn_calibrate(job));
	}
	accel_nn_job_destroy(job);
	return model;
}
/* End of the example. */

/* Example of accel_nn_start(), accel_nn_wait(), accel_nn_bind_output(): Do something else while
 * the model runs, and have the result in the program's own memory. */
static void run_beside(struct accel_nn_job *job, float *results, size_t bytes)
{
	check(accel_nn_bind_output(job, 0, results, bytes));
	check(accel_nn_start(job, NULL));
	puts("waiting");
	check(accel_nn_wait(job, ACCEL_FOREVER));
}
/* End of the example. */

/* Example of accel_nn_bind_sequence(), accel_nn_bind_nothing(), accel_nn_get_result_info(),
 * accel_nn_get_result_item(): Give a sequence of two tensors to a model, nothing for another
 * input, and show how many elements each tensor has of what comes out. */
static void run_sequence(struct accel_nn_job *job, const struct accel_nn_tensor *one,
			 const struct accel_nn_tensor *two)
{
	const struct accel_nn_tensor *const both[] = { one, two };
	struct accel_nn_result_info info = { .size = sizeof(info) };
	struct accel_nn_tensor item = { .size = sizeof(item) };
	uint32_t i;

	check(accel_nn_bind_sequence(job, 1, both, 2));
	check(accel_nn_bind_nothing(job, 2));
	check(accel_nn_run(job, NULL));
	check(accel_nn_get_result_info(job, 1, &info));
	for (i = 0; i < info.count; i++) {
		check(accel_nn_get_result_item(job, 1, i, &item));
		printf("%zu\n", item.bytes / sizeof(float));
	}
}
/* End of the example. */

/* Example of accel_nn_bind_output_to_input(): Let the caches of a language model, outputs 1 and
 * following, inputs 3 and following, stay on the card, with 512 places each, and begin with empty
 * ones. */
static void keep_caches(struct accel_nn_job *job, uint32_t caches, int64_t heads, int64_t head_size)
{
	const struct accel_nn_carry_options options = {
		.size = sizeof(options), .places = 512, .axis = 2,
	};
	const struct accel_nn_tensor empty = {
		.size = sizeof(empty), .type = ACCEL_NN_FLOAT32, .rank = 4,
		.dims = { 1, heads, 0, head_size },
	};
	uint32_t i;

	for (i = 0; i < caches; i++) {
		check(accel_nn_bind_input(job, 3 + i, &empty));
		check(accel_nn_bind_output_to_input(job, 1 + i, 3 + i, &options));
	}
}
/* End of the example. */

/* Example of accel_nn_copy_carried(): Begin another conversation where one is. */
static struct accel_nn_job *branch_off(struct accel_nn_model *model, struct accel_nn_job *job,
				       uint32_t caches)
{
	const struct accel_nn_carry_options options = {
		.size = sizeof(options), .places = 512, .axis = 2,
	};
	struct accel_nn_job *other;
	uint32_t i;

	check(accel_nn_job_create(model, &other));
	for (i = 0; i < caches; i++) {
		check(accel_nn_bind_output_to_input(other, 1 + i, 3 + i, &options));
		check(accel_nn_copy_carried(other, 3 + i, job));
	}
	return other;
}
/* End of the example. */

/* Example of accel_nn_get_carried(): Write down what a job has in mind. */
static void save(struct accel_nn_job *job, uint32_t input, FILE *file)
{
	struct accel_nn_tensor state = { .size = sizeof(state) };

	check(accel_nn_get_carried(job, input, &state));
	fwrite(state.data, 1, state.bytes, file);
}
/* End of the example. */

/* Example of accel_nn_prepare(), accel_nn_get_node(): Show where each node is computed. */
static void show_nodes(struct accel_nn_job *job, uint32_t count)
{
	static const char *const places[] = { "nowhere", "ahead of time", "host", "card",
					      "nothing to do" };
	struct accel_nn_node node = { .size = sizeof(node) };
	uint32_t i;

	check(accel_nn_prepare(job));
	for (i = 0; i < count; i++) {
		check(accel_nn_get_node(job, i, &node));
		printf("%s: %s %s\n", node.operator_name, places[node.place], node.why);
	}
}
/* End of the example. */

/* Example of accel_nn_profile(), accel_nn_get_job_info(), accel_nn_get_step(): Show where a
 * model's time goes, by the card's counters. */
static void show_steps(struct accel_nn_job *job)
{
	struct accel_nn_job_info info = { .size = sizeof(info) };
	struct accel_nn_step step = { .size = sizeof(step) };
	uint32_t i;

	check(accel_nn_profile(job, NULL));
	check(accel_nn_get_job_info(job, &info));
	printf("%u launches, %llu bytes\n", info.launches, (unsigned long long)info.memory);
	for (i = 0; i < info.steps; i++) {
		check(accel_nn_get_step(job, i, &step));
		printf("%s: %llu cycles\n", step.operators,
		       step.profile ? (unsigned long long)step.profile->cycles : 0);
	}
}
/* End of the example. */

/* What needs a card: a simulated one. */
static void use_card(const char *path, const struct accel_nn_tensor *input)
{
	struct accel_nn_load_options options = { .size = sizeof(options) };
	struct accel_nn_model *model;
	struct accel_nn_job *job;

	setenv("ACCEL_KERNEL_PATH", "build/libaccel/kernels", 0);
	check(accel_device_open("sim", &options.device));
	check(accel_context_create(options.device, &options.context));
	check(accel_nn_load(path, &options, &model));
	check(accel_nn_job_create(model, &job));
	check(accel_nn_bind_input(job, 0, input));
	show_steps(job);
	accel_nn_job_destroy(job);
	accel_nn_unload(model);
	model = load_quantised(path, options.context, options.device, input, 1);
	run_once(model, input->data, input->dims[0]);
	accel_nn_unload(model);
	accel_context_destroy(options.context);
	accel_device_close(options.device);
}

/* What is not a tensor of numbers. */
static void use_kinds(const char *path, const struct accel_nn_tensor *input)
{
	const char *words[] = { "egret", "heron" };
	const struct accel_nn_tensor texts = {
		.size = sizeof(texts), .type = ACCEL_NN_STRING, .rank = 1, .dims = { 2 },
		.data = words, .bytes = sizeof(words),
	};
	struct accel_nn_model *model;
	struct accel_nn_job *job;

	check(accel_nn_load(path, NULL, &model));
	check(accel_nn_job_create(model, &job));
	check(accel_nn_bind_input(job, 0, &texts));
	run_sequence(job, input, input);
	accel_nn_job_destroy(job);
	accel_nn_unload(model);
}

static char *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	char *data = malloc(4096);

	if (!file || !data) {
		fprintf(stderr, "cannot read %s\n", path);
		exit(1);
	}
	*size = fread(data, 1, 4096, file);
	fclose(file);
	return data;
}

static void bind_numbers(struct accel_nn_job *job, uint32_t input, int64_t *numbers)
{
	const struct accel_nn_tensor tensor = {
		.size = sizeof(tensor), .type = ACCEL_NN_INT64, .rank = 2, .dims = { 1, 2 },
		.data = numbers, .bytes = 2 * sizeof(*numbers),
	};

	check(accel_nn_bind_input(job, input, &tensor));
}

static void use_language(const char *path)
{
	int64_t words[] = { 7, 11 }, mask[] = { 1, 1 }, places[] = { 0, 1 };
	struct accel_nn_job *job, *other;
	struct accel_nn_model *model;
	FILE *file = tmpfile();

	check(accel_nn_load(path, NULL, &model));
	check(accel_nn_job_create(model, &job));
	keep_caches(job, 4, 2, 16);
	bind_numbers(job, 0, words);
	bind_numbers(job, 1, mask);
	bind_numbers(job, 2, places);
	check(accel_nn_run(job, NULL));
	other = branch_off(model, job, 4);
	save(other, 3, file);
	if (ftell(file) != 2 * 2 * 16 * (long)sizeof(float))
		exit(1);
	fclose(file);
	accel_nn_job_destroy(other);
	accel_nn_job_destroy(job);
	accel_nn_unload(model);
}

int main(void)
{
	const char *path = "build/tests/nn/line.onnx";
	float numbers[ROWS * 2] = { 1, 2, 3, 4 }, results[ROWS * 3] = { 0 };
	struct accel_nn_tensor input = {
		.size = sizeof(input), .type = ACCEL_NN_FLOAT32, .rank = 2,
		.dims = { ROWS, 2 }, .data = numbers, .bytes = sizeof(numbers),
	};
	struct accel_nn_tensor from_file;
	struct accel_nn_model *model;
	struct accel_nn_job *job;
	char *data, *message;
	size_t size;

	show_model(path);
	data = read_file(path, &size);
	model = load_from(data, size);
	show_values(model);
	run_once(model, numbers, ROWS);
	check(accel_nn_job_create(model, &job));
	check(accel_nn_bind_input(job, 0, &input));
	show_nodes(job, 2);
	bind_file(job, 0, "build/tests/nn/rows.pb", &from_file);
	run_beside(job, results, sizeof(results));
	accel_nn_free_tensor(&from_file);
	message = read_file("build/tests/nn/rows.pb", &size);
	bind_message(job, 0, message, size, &from_file);
	check(accel_nn_run(job, NULL));
	accel_nn_free_tensor(&from_file);
	free(message);
	accel_nn_job_destroy(job);
	accel_nn_unload(model);
	free(data);
	use_card(path, &input);
	use_kinds("build/tests/nn/kinds.onnx", &input);
	use_language("build/tests/nn/decoder-qwen2.onnx");
	/* The last row: 3 * 3 + 4 * 6 + 30. */
	printf("%sok 1 - examples of the manual pages\n1..1\n", results[5] == 63 ? "" : "not ");
	return results[5] != 63;
}
