// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Runs of the model: one, or with --bench many that are measured, by one job or by several at the same
 * time.
 */
#include "accel-run.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "progress.h"

struct bench {
	struct session *s;
	unsigned int count;
	double *times;		/* of each run */
	atomic_uint next;	/* the run that somebody takes next */
	atomic_bool failed;
	_Atomic(enum status) status;
};

struct lane {
	struct bench *bench;
	struct accel_nn_job *job;
	pthread_t thread;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The first that fails tells why; the others stop. */
static void *run_lane(void *opaque)
{
	struct lane *lane = opaque;
	struct bench *b = lane->bench;
	unsigned int i;
	double start;

	while (!b->failed && (i = atomic_fetch_add(&b->next, 1)) < b->count) {
		start = now();
		if (accel_nn_run(lane->job, NULL)) {
			if (!atomic_exchange(&b->failed, true)) {
				progress_hide();
				b->status = complain_model();
			}
			break;
		}
		b->times[i] = now() - start;
		progress_step();
	}
	return NULL;
}

/* What is only made once, for all further runs. */
static enum status run_first(struct accel_nn_job *job)
{
	int ret;

	progress_begin("planning", 0);
	ret = accel_nn_prepare(job);
	progress_end();
	if (ret)
		return complain_model();
	progress_begin("running", 0);
	ret = accel_nn_run(job, NULL);
	progress_end();
	return ret ? complain_model() : STATUS_OK;
}

static enum status make_job(struct session *s, struct accel_nn_job **job)
{
	uint32_t i;

	if (accel_nn_job_create(s->model, job))
		return complain_model();
	for (i = 0; i < s->info.inputs; i++)
		if (accel_nn_bind_input(*job, i, &s->bound[i]))
			return complain_model();
	return STATUS_OK;
}

/* The first lane is the session's job, whose results are shown. */
static enum status make_lanes(struct bench *b, struct lane *lanes, unsigned int threads)
{
	enum status status = STATUS_OK;
	unsigned int i;

	for (i = 0; i < threads && !status; i++) {
		lanes[i].bench = b;
		if (i)
			status = make_job(b->s, &lanes[i].job);
	}
	/* At the same time, so that none uses another one's plan: each makes its own. */
	for (i = 0; i < threads && !status; i++)
		if (accel_nn_start(lanes[i].job, NULL))
			status = complain_model();
	for (i = 0; i < threads; i++)
		if (lanes[i].job && accel_nn_wait(lanes[i].job, ACCEL_FOREVER) && !status)
			status = complain_model();
	return status;
}

static enum status measure(struct bench *b, struct lane *lanes, unsigned int threads, double *seconds)
{
	unsigned int i, started;
	double start = now();

	progress_begin("running", b->count);
	for (started = 1; started < threads; started++)
		if (pthread_create(&lanes[started].thread, NULL, run_lane, &lanes[started]))
			break;
	if (started == threads)
		run_lane(&lanes[0]);
	else
		b->failed = true;
	for (i = 1; i < started; i++)
		pthread_join(lanes[i].thread, NULL);
	*seconds = now() - start;
	progress_end();
	if (started < threads) {
		complain("use fewer --threads", "there can be no more than %u threads", started);
		return STATUS_FAILED;
	}
	return b->status;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void show_times(struct session *s, double *times, const struct bench_options *options,
		       double seconds)
{
	const unsigned int count = options->count, batch = options->batch ? options->batch : 1;
	double median, sum = 0;
	struct json_object *bench;
	unsigned int i;

	for (i = 0; i < count; i++)
		sum += times[i];
	qsort(times, count, sizeof(*times), by_value);
	median = (times[(count - 1) / 2] + times[count / 2]) / 2;
	if (!s->json) {
		printf("%u runs: median %.3f ms, min %.3f, max %.3f, mean %.3f; %.4g runs/s", count,
		       median * 1e3, times[0] * 1e3, times[count - 1] * 1e3, sum / count * 1e3,
		       count / seconds);
		if (batch > 1)
			printf(", %.4g inputs/s", count * (double)batch / seconds);
		puts("\n");
		return;
	}
	bench = json_object_new_object();
	json_object_object_add(bench, "runs", json_object_new_int64(count));
	json_object_object_add(bench, "threads", json_object_new_int64(options->threads));
	json_object_object_add(bench, "batch", json_object_new_int64(batch));
	json_object_object_add(bench, "median_s", json_object_new_double(median));
	json_object_object_add(bench, "min_s", json_object_new_double(times[0]));
	json_object_object_add(bench, "max_s", json_object_new_double(times[count - 1]));
	json_object_object_add(bench, "mean_s", json_object_new_double(sum / count));
	json_object_object_add(bench, "all_s", json_object_new_double(seconds));
	json_object_object_add(s->json, "bench", bench);
}

enum status run_model(struct session *s, const struct bench_options *options)
{
	struct bench b = { .s = s, .count = options->count };
	enum status status = run_first(s->job);
	struct lane *lanes;
	double seconds;
	unsigned int i;

	if (status || !options->count)
		return status;
	lanes = check_memory(calloc(options->threads, sizeof(*lanes)));
	b.times = check_memory(calloc(options->count, sizeof(*b.times)));
	lanes[0].job = s->job;
	status = options->threads > 1 ? make_lanes(&b, lanes, options->threads) : STATUS_OK;
	lanes[0].bench = &b;
	if (!status)
		status = measure(&b, lanes, options->threads, &seconds);
	if (!status)
		show_times(s, b.times, options, seconds);
	for (i = 1; i < options->threads; i++)
		accel_nn_job_destroy(lanes[i].job);
	free(b.times);
	free(lanes);
	return status;
}
