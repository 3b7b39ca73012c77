// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * How long a model takes on a card, and what the performance model says of it, for
 * tests/bench/models.
 *
 *   model [--cache PLACES] FILE RUNS [NAME=1x3x48x320]...
 *
 * runs it as a program does, from inputs in its memory to outputs there, with inputs of these sizes
 * where the model leaves them open, and prints NAME=NUMBER for each number:
 *
 *   plan_ms, first_ms, least_ms, median_ms	planning; the first run, the quickest, the middle one
 *   launches, lists		kernels in a run, and command lists that they are in
 *   list_cycles		modelled: the command lists from begin to end
 *   cycles, macs, bytes	modelled: the kernels alone, one after the other; what they
 *				multiply, and move from and to device memory
 *
 * Before those, three runs are each between marks (marks.h). With RUNS 0 there are no others, and
 * more before them.
 *
 * --cache is for language models with the inputs and outputs that optimum gives them: what is computed
 * of a word stays on the card, in caches for so many words, and the first run has none before it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <accel/nn.h>

#include "bench.h"
#include "marks.h"

#define RUNS_MAX	1000
#define INPUTS_MAX	32
#define WARMING		24
#define MARKED		3	/* tests/bench/models knows it as well */

static void check(int ret, const char *what)
{
	const struct accel_error *error = accel_last_error();

	if (!ret)
		return;
	fprintf(stderr, "model: error: %s: %s\n", what, error ? error->message : strerror(-ret));
	exit(1);
}

static double now_ms(void)
{
	return 1e3 * bench_now();
}

/* ---- Inputs ---- */

/* Sizes as they were given for an input: "1x3x48x320". */
static void take_sizes(const struct accel_nn_value *value, char **given, int count,
		       struct accel_nn_tensor *tensor)
{
	const size_t length = strlen(value->name);
	char *at = NULL;
	int i;

	for (i = 0; i < count; i++)
		if (!strncmp(given[i], value->name, length) && given[i][length] == '=')
			at = given[i] + length + 1;
	tensor->rank = value->rank < 0 ? 0 : (uint32_t)value->rank;
	for (i = 0; i < (int)tensor->rank; i++)
		tensor->dims[i] = value->dims[i];
	for (i = 0; at && *at && i < (int)tensor->rank; i++) {
		tensor->dims[i] = strtoll(at, &at, 10);
		at += *at == 'x';
	}
}

/* Floats from -1 to 1; integers are ones: as words, places and masks they are all good. */
static void fill(struct accel_nn_tensor *tensor, size_t count)
{
	uint32_t state = 1;
	size_t i;

	for (i = 0; i < count; i++) {
		state = state * 1664525 + 1013904223;
		if (tensor->type == ACCEL_NN_FLOAT32)
			((float *)tensor->data)[i] = (float)(state >> 8) / (1 << 23) - 1;
		else
			((int64_t *)tensor->data)[i] = 1;
	}
}

static void make_input(const struct accel_nn_value *value, char **given, int given_count,
		       struct accel_nn_tensor *tensor)
{
	const size_t each = value->type == ACCEL_NN_FLOAT32 ? sizeof(float) : sizeof(int64_t);
	size_t count = 1;
	uint32_t i;

	*tensor = (struct accel_nn_tensor){ .size = sizeof(*tensor), .type = value->type };
	if (value->type != ACCEL_NN_FLOAT32 && value->type != ACCEL_NN_INT64) {
		fprintf(stderr, "model: error: input %s is of a type that is not known here\n",
			value->name);
		exit(1);
	}
	take_sizes(value, given, given_count, tensor);
	for (i = 0; i < tensor->rank; i++) {
		if (tensor->dims[i] < 0) {
			fprintf(stderr, "model: error: the sizes of input %s are not given\n",
				value->name);
			exit(1);
		}
		count *= (size_t)tensor->dims[i];
	}
	tensor->bytes = count * each;
	tensor->data = calloc(count + 1, each);
	if (!tensor->data)
		check(-1, "making inputs");
	fill(tensor, count);
}

/* ---- Caches ---- */

#define PRESENT	"present."
#define PAST	"past_key_values."
#define MASK	"attention_mask"

static int find_input(const struct accel_nn_model *model, uint32_t count, const char *name)
{
	struct accel_nn_value value = { .size = sizeof(value) };
	uint32_t i;

	for (i = 0; i < count; i++) {
		check(accel_nn_get_input(model, i, &value), "binding caches");
		if (!strcmp(value.name, name))
			return (int)i;
	}
	fprintf(stderr, "model: error: there is no input %s\n", name);
	exit(1);
}

/* The keys and values of all words before stay on the card. */
static void tie_caches(const struct accel_nn_model *model, const struct accel_nn_model_info *info,
		       struct accel_nn_job *job, int64_t places)
{
	const struct accel_nn_carry_options options = {
		.size = sizeof(options), .places = places, .axis = 2,
	};
	struct accel_nn_value value = { .size = sizeof(value) };
	char name[200];
	uint32_t i;

	for (i = 0; i < info->outputs; i++) {
		check(accel_nn_get_output(model, i, &value), "binding caches");
		if (strncmp(value.name, PRESENT, strlen(PRESENT)))
			continue;
		snprintf(name, sizeof(name), PAST "%s", value.name + strlen(PRESENT));
		check(accel_nn_bind_output_to_input(job, i,
				(uint32_t)find_input(model, info->inputs, name), &options),
		      "binding caches");
	}
}

/* After the first run the mask is for all places, and for the next word. */
static void widen_mask(const struct accel_nn_model *model, const struct accel_nn_model_info *info,
		       struct accel_nn_job *job, struct accel_nn_tensor *inputs, int64_t places)
{
	const uint32_t i = (uint32_t)find_input(model, info->inputs, MASK);

	free(inputs[i].data);
	inputs[i].dims[1] = places + 1;
	inputs[i].bytes = (size_t)(places + 1) * sizeof(int64_t);
	inputs[i].data = calloc((size_t)places + 1, sizeof(int64_t));
	if (!inputs[i].data)
		check(-1, "making inputs");
	fill(&inputs[i], (size_t)places + 1);
	check(accel_nn_bind_input(job, i, &inputs[i]), "making inputs");
	/* The caches begin, and there is a plan. */
	check(accel_nn_run(job, NULL), "running");
}

/* ---- Measuring ---- */

static void measure_runs(struct accel_nn_job *job, int runs)
{
	double times[RUNS_MAX], first, begin = now_ms();
	int i;

	/* The first run is slower: pages of memory are touched for the first time. */
	check(accel_nn_run(job, NULL), "running");
	first = now_ms() - begin;
	/* Until all of the stream's memory, which goes in circles, has been touched. */
	for (i = 0; i < (runs ? 0 : WARMING); i++)
		check(accel_nn_run(job, NULL), "running");
	for (i = 0; i < MARKED; i++) {
		MARK(MARK_BEGIN);
		check(accel_nn_run(job, NULL), "running");
		MARK(MARK_END);
	}
	for (i = 0; i < runs; i++) {
		begin = now_ms();
		check(accel_nn_run(job, NULL), "running");
		times[i] = now_ms() - begin;
	}
	printf(" first_ms=%.3f", first);
	if (!runs)
		return;
	bench_sort(times, (size_t)runs);
	printf(" least_ms=%.3f median_ms=%.3f", times[0], times[runs / 2]);
}

/* How long the command lists of a run take on the modelled chip, as a whole. */
static void measure_lists(struct accel_context *context, struct accel_nn_job *job)
{
	struct accel_trace_record record = { .size = sizeof(record) };
	struct accel_trace *trace;
	uint64_t cycles = 0;
	size_t i;

	check(accel_trace_create(context, NULL, &trace), "tracing");
	check(accel_nn_run(job, NULL), "running");
	for (i = 0; i < accel_trace_count(trace); i++) {
		check(accel_trace_get(trace, i, &record), "tracing");
		if (record.kind == ACCEL_TRACE_GRAPH)
			cycles += record.end_cycles - record.start_cycles;
	}
	accel_trace_destroy(trace);
	printf(" list_cycles=%llu", (unsigned long long)cycles);
}

/* What the kernels take, one by one. */
static void measure_steps(struct accel_nn_job *job)
{
	struct accel_nn_job_info info = { .size = sizeof(info) };
	struct accel_nn_step step = { .size = sizeof(step) };
	unsigned long long cycles = 0, macs = 0, bytes = 0;
	uint32_t i;

	check(accel_nn_profile(job, NULL), "profiling");
	check(accel_nn_get_job_info(job, &info), "profiling");
	for (i = 0; i < info.steps; i++) {
		check(accel_nn_get_step(job, i, &step), "profiling");
		if (!step.profile)
			continue;
		cycles += step.profile->cycles;
		macs += step.profile->macs;
		bytes += step.profile->memory_read + step.profile->memory_written;
	}
	printf(" launches=%u lists=%u cycles=%llu macs=%llu bytes=%llu\n", info.launches, info.graphs,
	       cycles, macs, bytes);
}

int main(int argc, char **argv)
{
	struct accel_nn_load_options options = { .size = sizeof(options) };
	struct accel_nn_model_info info = { .size = sizeof(info) };
	struct accel_nn_value value = { .size = sizeof(value) };
	struct accel_nn_tensor inputs[INPUTS_MAX];
	struct accel_nn_model *model;
	struct accel_nn_job *job;
	int64_t places = 0;
	double begin;
	uint32_t i;
	int runs;

	if (argc > 2 && !strcmp(argv[1], "--cache")) {
		places = atoi(argv[2]);
		argv += 2;
		argc -= 2;
	}
	runs = argc > 2 ? atoi(argv[2]) : -1;
	if (runs < 0 || runs > RUNS_MAX || places < 0) {
		fprintf(stderr, "usage: model [--cache PLACES] FILE RUNS [NAME=1x3x48x320]...\n");
		return 2;
	}
	check(accel_device_open(NULL, &options.device), "opening the card");
	check(accel_context_create(options.device, &options.context), "opening the card");
	check(accel_nn_load(argv[1], &options, &model), "loading");
	check(accel_nn_get_model_info(model, &info), "loading");
	check(accel_nn_job_create(model, &job), "loading");
	if (info.inputs > INPUTS_MAX) {
		fprintf(stderr, "model: error: the model has %u inputs\n", info.inputs);
		return 1;
	}
	for (i = 0; i < info.inputs; i++) {
		check(accel_nn_get_input(model, i, &value), "making inputs");
		make_input(&value, argv + 3, argc - 3, &inputs[i]);
		check(accel_nn_bind_input(job, i, &inputs[i]), "making inputs");
	}
	begin = now_ms();
	check(accel_nn_prepare(job), "planning");
	printf("plan_ms=%.3f", now_ms() - begin);
	if (places) {
		tie_caches(model, &info, job, places);
		check(accel_nn_run(job, NULL), "running");
		widen_mask(model, &info, job, inputs, places);
	}
	measure_runs(job, runs);
	measure_lists(options.context, job);
	measure_steps(job);
	accel_nn_job_destroy(job);
	for (i = 0; i < info.inputs; i++)
		free(inputs[i].data);
	accel_nn_unload(model);
	accel_context_destroy(options.context);
	accel_device_close(options.device);
	return 0;
}
