// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * How long a model takes on a card: one line of numbers, for tests/bench/models.
 *
 *   model FILE RUNS DIM...
 *
 * prints, in this order: milliseconds of planning, of the quickest run and of the one in the
 * middle, from the input in the program's memory to the result there; then what the
 * performance model predicts: cycles, multiplications, bytes from and to device memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libaccel/nn/card/plan.h>
#include <libaccel/nn/infer.h>
#include <libaccel/nn/onnx.h>

#define RUNS_MAX	1000

static void check(int ret, const char *what)
{
	const struct accel_error *error = accel_last_error();

	if (!ret)
		return;
	fprintf(stderr, "model: error: %s: %s\n", what, error ? error->message : strerror(-ret));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void fill(struct nn_tensor *tensor)
{
	uint32_t state = 1;
	size_t i;

	for (i = 0; i < tensor->count; i++) {
		state = state * 1664525 + 1013904223;
		nn_set(tensor, i, (double)(state >> 8) / (1 << 23) - 1);
	}
}

static void release(const struct nn_plan *plan, struct nn_tensor *outputs)
{
	size_t i;

	for (i = 0; i < plan->output_count; i++)
		nn_tensor_release(&outputs[i]);
}

static void measure(struct nn_plan *plan, struct accel_stream *stream, struct nn_tensor *input,
		    int runs, double *times)
{
	struct nn_tensor *outputs = calloc(plan->output_count + 1, sizeof(*outputs));
	struct nn_measure *measures = calloc(plan->step_count + 1, sizeof(*measures));
	struct accel_profile_data sum = { .size = sizeof(sum) };
	size_t i;
	int run;

	/* The first run is slower: pages of memory are touched for the first time. */
	for (run = -1; run < runs; run++) {
		double begin = now();

		check(nn_plan_run(plan, stream, input, outputs), "running");
		if (run >= 0)
			times[run] = now() - begin;
		release(plan, outputs);
	}
	check(nn_plan_profile(plan, stream, input, outputs, measures), "profiling");
	release(plan, outputs);
	free(outputs);
	for (i = 0; i < plan->step_count; i++) {
		const struct accel_profile_data *more = &measures[i].profile;

		sum.cycles += more->cycles;
		sum.macs += more->macs;
		sum.memory_read += more->memory_read;
		sum.memory_written += more->memory_written;
	}
	free(measures);
	qsort(times, (size_t)runs, sizeof(*times), compare);
	printf(" %.3f %.3f %llu %llu %llu\n", times[0], times[runs / 2],
	       (unsigned long long)sum.cycles, (unsigned long long)sum.macs,
	       (unsigned long long)(sum.memory_read + sum.memory_written));
}

int main(int argc, char **argv)
{
	struct nn_shape shape = { .rank = argc - 3 };
	struct accel_device *device;
	struct accel_context *context;
	struct accel_stream *stream;
	struct nn_tensor input;
	struct nn_model *model;
	struct nn_facts facts;
	struct nn_card *card;
	struct nn_plan *plan;
	double times[RUNS_MAX], begin;
	int i, runs = argc > 3 ? atoi(argv[2]) : 0;

	if (runs < 1 || runs > RUNS_MAX || argc - 3 > NN_RANK_MAX) {
		fprintf(stderr, "usage: model FILE RUNS DIM...\n");
		return 2;
	}
	for (i = 3; i < argc; i++)
		shape.dims[i - 3] = atoi(argv[i]);
	check(nn_onnx_load(argv[1], &model), "loading");
	check(nn_facts_init(&facts, model), "loading");
	check(nn_facts_set_shape(&facts, 0, &shape), "planning");
	check(nn_facts_infer(&facts), "planning");
	check(accel_device_open(NULL, &device), "opening the card");
	check(accel_context_create(device, &context), "opening the card");
	check(accel_stream_create(context, NULL, &stream), "opening the card");
	check(nn_card_create(model, context, device, &card), "loading");
	begin = now();
	check(nn_plan_create(card, &facts, &plan), "planning");
	printf("%.3f", now() - begin);
	if (plan->graph_count != 1 || plan->input_count != 1) {
		fprintf(stderr, "model: error: the model is not on the card as a whole\n");
		return 1;
	}
	check(nn_tensor_init(&input, plan->inputs[0].type, &plan->inputs[0].shape), "running");
	fill(&input);
	measure(plan, stream, &input, runs, times);
	nn_tensor_release(&input);
	nn_plan_free(plan);
	nn_card_free(card);
	accel_stream_destroy(stream);
	accel_context_destroy(context);
	accel_device_close(device);
	nn_facts_release(&facts);
	nn_model_free(model);
	return 0;
}
