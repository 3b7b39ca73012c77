// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Jobs: runs of a model, one after the other.
 *
 * A job has the model's variant for the sizes of its inputs (variants.h), and another one when they
 * change. On a card that has a plan. If sizes depend on the contents of inputs there can be
 * none: such a model runs on the host.
 */
#include "job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../error.h"
#include "../card/calibrate.h"
#include "../list.h"
#include "variants.h"

/* ---- States ---- */

static int check_process(const char *what, const struct accel_nn_job *job)
{
	if (!job)
		return accel_fail(-EINVAL, what, NULL, "the job is NULL");
	if (job->process != getpid())
		return accel_fail(-ECHILD, what, "make a job of your own",
				  "it was made by the process that this one was forked from");
	return 0;
}

int nn_job_begin(const char *what, struct accel_nn_job *job)
{
	int ret = check_process(what, job);
	bool idle;

	if (ret)
		return ret;
	pthread_mutex_lock(&job->lock);
	idle = job->state == JOB_IDLE;
	if (idle)
		job->state = JOB_RUNNING;
	pthread_mutex_unlock(&job->lock);
	return idle ? 0 : accel_fail(-EBUSY, what, "call accel_nn_wait() first",
				     "the job was started, and nobody has waited for it");
}

int nn_job_end(struct accel_nn_job *job, int ret)
{
	pthread_mutex_lock(&job->lock);
	job->state = JOB_IDLE;
	pthread_mutex_unlock(&job->lock);
	return ret;
}

int nn_job_begin_prepared(const char *what, struct accel_nn_job *job)
{
	int ret = nn_job_begin(what, job);

	if (ret || job->prepared)
		return ret;
	return nn_job_end(job, accel_fail(-EINVAL, what, "call accel_nn_prepare()",
					  "the job is not prepared"));
}

/* ---- Life ---- */

static int make_lists(struct accel_nn_job *job)
{
	const struct nn_graph *graph = nn_job_graph(job);
	size_t i;

	job->inputs = calloc(graph->input_count + 1, sizeof(*job->inputs));
	job->given = calloc(graph->input_count + 1, sizeof(*job->given));
	job->lists = calloc(graph->input_count + 1, sizeof(*job->lists));
	job->carried = calloc(graph->input_count + 1, sizeof(*job->carried));
	job->sources = calloc(graph->input_count + 1, sizeof(struct accel_buffer *));
	job->destinations = calloc(graph->output_count + 1, sizeof(*job->destinations));
	job->results = calloc(graph->output_count + 1, sizeof(*job->results));
	job->spares = calloc(graph->output_count + 1, sizeof(*job->spares));
	job->keepings = calloc(graph->output_count + 1, sizeof(*job->keepings));
	job->carried_to = malloc((graph->output_count + 1) * sizeof(*job->carried_to));
	for (i = 0; i < graph->output_count && job->carried_to; i++)
		job->carried_to[i] = NN_NOWHERE_TO;
	return job->inputs && job->given && job->lists && job->carried && job->sources &&
	       job->destinations && job->results && job->spares && job->keepings && job->carried_to ? 0 : -ENOMEM;
}

static void free_job(struct accel_nn_job *job)
{
	size_t i;

	if (job->results && job->destinations && job->spares) {
		nn_job_forget_results(job);
		nn_job_free_spares(job);
	}
	for (i = 0; job->lists && i < nn_job_graph(job)->input_count; i++)
		nn_list_free(job->lists[i]);
	nn_carry_release(job);
	accel_stream_destroy(job->stream);
	free(job->inputs);
	free(job->given);
	free(job->lists);
	free(job->sources);
	free(job->keepings);
	free(job->destinations);
	free(job->results);
	free(job->spares);
	free(job->measures);
	nn_model_put(job->model);
	free(job);
}

NN_API int accel_nn_job_create(struct accel_nn_model *model, struct accel_nn_job **job)
{
	const char *what = "cannot make a job";
	pthread_condattr_t monotonic;
	struct accel_nn_job *new;

	if (!model || !job)
		return accel_fail(-EINVAL, what, NULL, "a pointer is NULL");
	new = calloc(1, sizeof(*new));
	if (!new)
		return accel_fail_errno(-ENOMEM, what);
	atomic_fetch_add_explicit(&model->refs, 1, memory_order_relaxed);
	new->model = model;
	new->process = getpid();
	if (make_lists(new)) {
		free_job(new);
		return accel_fail_errno(-ENOMEM, what);
	}
	pthread_mutex_init(&new->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&new->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	*job = new;
	return 0;
}

NN_API void accel_nn_job_destroy(struct accel_nn_job *job)
{
	if (!job)
		return;
	if (job->process == getpid()) {
		pthread_mutex_lock(&job->lock);
		job->leaving = true;
		pthread_cond_broadcast(&job->changed);
		pthread_mutex_unlock(&job->lock);
		if (job->has_thread)
			pthread_join(job->thread, NULL);
		pthread_cond_destroy(&job->changed);
		pthread_mutex_destroy(&job->lock);
		/* In a child, a thread that is not there may have the lock of the model's. */
		nn_variant_put(job->model, job->variant);
	}
	free_job(job);
}

/* ---- Preparation ---- */

static void count_plan(struct accel_nn_job *job, bool made)
{
	if (job->variant->plan)
		(*(made ? &job->plans_made : &job->plans_reused))++;
}

int nn_job_own_stream(struct accel_nn_job *job)
{
	return job->stream ? 0 : accel_stream_create(job->model->card->context, NULL, &job->stream);
}

int nn_job_end_own_stream(struct accel_nn_job *job, int ret)
{
	/* A stream that was stopped stays so. The next run has a new one. */
	if (ret == -ECANCELED) {
		accel_stream_destroy(job->stream);
		job->stream = NULL;
	}
	return ret;
}

/* What was carried over to inputs has the sizes that the program wants. */
static int resize(struct accel_nn_job *job, struct accel_stream *stream)
{
	int ret = 0;

	if (!stream && nn_carry_memory(job))
		ret = nn_job_own_stream(job);
	if (ret)
		return ret;
	ret = nn_carry_resize(job, stream ? stream : job->stream);
	return stream ? ret : nn_job_end_own_stream(job, ret);
}

static int prepare(struct accel_nn_job *job, struct accel_stream *stream)
{
	const size_t count = nn_job_graph(job)->input_count;
	struct nn_shape *shapes;
	bool made;
	size_t i;
	int ret = resize(job, stream);

	if (ret || (job->prepared && !job->outdated))
		return ret;
	job->prepared = false;
	free(job->measures);
	job->measures = NULL;
	shapes = malloc((count + 1) * sizeof(*shapes));
	if (!shapes)
		return accel_fail_errno(-ENOMEM, "cannot prepare the job");
	for (i = 0; i < count; i++)
		shapes[i] = job->given[i] == NN_GIVEN_TENSOR || job->given[i] == NN_GIVEN_CARRIED ?
			    job->inputs[i].shape : (struct nn_shape){ .rank = -1 };
	ret = nn_variant_change(job->model, shapes, &job->variant, &made);
	free(shapes);
	job->prepared = !ret;
	job->outdated = false;
	if (!ret)
		count_plan(job, made);
	return ret;
}

NN_API int accel_nn_prepare(struct accel_nn_job *job)
{
	int ret = nn_job_begin("cannot prepare the job", job);

	return ret ? ret : nn_job_end(job, prepare(job, NULL));
}

/* ---- Runs ---- */

static int give_input(const struct accel_nn_job *job, size_t i, struct nn_facts *facts)
{
	switch (job->given[i]) {
	case NN_GIVEN_TENSOR:
	case NN_GIVEN_CARRIED:
		return job->inputs[i].data ? nn_facts_lend_input(facts, i, &job->inputs[i]) : 0;
	case NN_GIVEN_LIST:
	case NN_GIVEN_NOTHING:
		return nn_facts_set_list(facts, i, job->lists[i]);
	default:
		return 0;
	}
}

static int run_on_host(struct accel_nn_job *job, struct accel_stream *stream, bool calibrates)
{
	struct nn_facts facts;
	int ret = nn_carry_begin_on_host(job, stream);
	size_t i;

	if (!ret)
		ret = nn_facts_init(&facts, job->model->model);
	if (ret)
		return ret;
	facts.stop = &job->leaving;
	for (i = 0; i < nn_job_graph(job)->input_count && !ret; i++)
		ret = give_input(job, i, &facts);
	if (!ret)
		ret = calibrates ? nn_calibrate(job->model->card, &facts) : nn_facts_run(&facts);
	if (!ret)
		ret = nn_job_take_results(job, &facts);
	ret = nn_carry_end_on_host(job, &facts, ret);
	nn_facts_release(&facts);
	return ret;
}

static int check_inputs(const struct accel_nn_job *job)
{
	char name[80];
	size_t i;

	for (i = 0; i < nn_job_graph(job)->input_count; i++) {
		if (job->inputs[i].data || job->given[i] == NN_GIVEN_CARRIED)
			continue;
		nn_clean(name, sizeof(name), nn_job_graph(job)->inputs[i]->name);
		return accel_fail(-EINVAL, "cannot run the model", "bind all inputs",
				  "input %zu, '%s', was not given", i, name);
	}
	return 0;
}

/* With the variant's plan its own. With `measure` step by step, so that the steps have numbers. */
static int run_plan(struct accel_nn_job *job, struct accel_stream *stream, bool measure,
		    struct nn_tensor *outputs)
{
	struct nn_plan *plan = job->variant->plan;
	struct nn_measure *measures;
	int ret;

	plan->stop = &job->leaving;
	if (!measure)
		return nn_plan_run(plan, stream, job->inputs, outputs);
	measures = calloc(plan->step_count + 1, sizeof(*measures));
	if (!measures)
		return accel_fail_errno(-ENOMEM, "cannot profile the model");
	ret = nn_plan_profile(plan, stream, job->inputs, outputs, measures);
	if (ret)
		free(measures);
	else
		job->measures = measures;
	return ret;
}

static int run_variant(struct accel_nn_job *job, struct accel_stream *stream, bool measure,
		       void **places, struct nn_tensor *outputs)
{
	bool made;
	int ret = nn_variant_begin(job->model, &job->variant, &made);

	if (ret)
		return ret;
	if (made)
		job->plans_made++;
	ret = nn_job_choose_places(job, job->variant->plan, places);
	nn_plan_set_places(job->variant->plan, places);
	if (!ret)
		ret = nn_carry_begin(job, stream);
	if (!ret)
		ret = run_plan(job, stream, measure, outputs);
	job->traffic = job->variant->plan->traffic;
	nn_variant_end(job->model, job->variant);
	return ret;
}

static int run_on_stream(struct accel_nn_job *job, struct accel_stream *stream, bool measure)
{
	const size_t count = nn_job_graph(job)->output_count + 1;
	struct nn_tensor *outputs = calloc(count, sizeof(*outputs));
	void **places = calloc(count, sizeof(*places));
	int ret;

	ret = outputs && places ? run_variant(job, stream, measure, places, outputs) :
				  accel_fail_errno(-ENOMEM, "cannot run the model");
	if (!ret)
		nn_job_take_outputs(job, outputs);
	free(outputs);
	free(places);
	return nn_carry_end(job, stream, ret);
}

static int run_on_card(struct accel_nn_job *job, struct accel_stream *stream, bool measure)
{
	int ret = check_inputs(job);

	if (!ret && !stream)
		ret = nn_job_own_stream(job);
	if (ret)
		return ret;
	ret = run_on_stream(job, stream ? stream : job->stream, measure);
	return stream ? ret : nn_job_end_own_stream(job, ret);
}

static int refuse_profile(const struct accel_nn_job *job)
{
	return accel_fail(-ENOTSUP, "cannot profile the model", job->model->card ?
			  "accel_nn_get_node() tells why" : "load it with a context",
			  "it runs on the host");
}

static int run(struct accel_nn_job *job, struct accel_stream *stream, bool measure)
{
	int ret;

	nn_job_forget_results(job);
	if (measure) {
		free(job->measures);
		job->measures = NULL;
	}
	job->traffic = (struct nn_traffic){ .commands = 0 };
	ret = prepare(job, stream);
	if (!ret && job->variant->plan)
		ret = run_on_card(job, stream, measure);
	else if (!ret)
		ret = measure ? refuse_profile(job) :
				run_on_host(job, stream ? stream : job->stream, false);
	if (ret)
		nn_job_forget_results(job);
	job->has_results = !ret;
	return ret;
}

static int check_stream(const char *what, const struct accel_nn_job *job,
			const struct accel_stream *stream)
{
	if (!job || job->model->card || !stream)
		return 0;
	return accel_fail(-EINVAL, what, "give NULL for the stream",
			  "the model was loaded without a context");
}

static int run_now(const char *what, struct accel_nn_job *job, struct accel_stream *stream,
		   bool measure)
{
	int ret = check_stream(what, job, stream);

	if (!ret)
		ret = nn_job_begin(what, job);
	return ret ? ret : nn_job_end(job, run(job, stream, measure));
}

NN_API int accel_nn_run(struct accel_nn_job *job, struct accel_stream *stream)
{
	return run_now("cannot run the model", job, stream, false);
}

NN_API int accel_nn_profile(struct accel_nn_job *job, struct accel_stream *stream)
{
	return run_now("cannot profile the model", job, stream, true);
}

NN_API int accel_nn_calibrate(struct accel_nn_job *job)
{
	const char *what = "cannot calibrate the model";
	int ret = nn_job_begin(what, job);

	if (ret)
		return ret;
	if (!job->model->card || job->model->card->precision != NN_I8) {
		ret = accel_fail(-EINVAL, what, "load it for ACCEL_NN_IN_INT8", "it is not in int8");
		return nn_job_end(job, ret);
	}
	nn_job_forget_results(job);
	ret = run_on_host(job, NULL, true);
	if (ret)
		nn_job_forget_results(job);
	job->has_results = !ret;
	return nn_job_end(job, ret);
}

/* ---- In the background ---- */

static void keep_error(struct nn_failure *failure, int error)
{
	const struct accel_error *last = accel_last_error();

	failure->error = error;
	if (!error)
		return;
	snprintf(failure->what, sizeof(failure->what), "%s", last->what);
	snprintf(failure->cause, sizeof(failure->cause), "%s", last->cause);
	snprintf(failure->advice, sizeof(failure->advice), "%s", last->advice);
}

static void *work(void *opaque)
{
	struct accel_nn_job *job = opaque;
	int ret;

	pthread_mutex_lock(&job->lock);
	while (job->state == JOB_STARTED || !job->leaving) {
		if (job->state != JOB_STARTED) {
			pthread_cond_wait(&job->changed, &job->lock);
			continue;
		}
		job->state = JOB_RUNNING;
		pthread_mutex_unlock(&job->lock);
		ret = run(job, job->started_on, false);
		pthread_mutex_lock(&job->lock);
		keep_error(&job->failure, ret);
		job->state = JOB_DONE;
		pthread_cond_broadcast(&job->changed);
	}
	pthread_mutex_unlock(&job->lock);
	return NULL;
}

NN_API int accel_nn_start(struct accel_nn_job *job, struct accel_stream *stream)
{
	const char *what = "cannot start the model";
	int ret = check_stream(what, job, stream);

	if (!ret)
		ret = nn_job_begin(what, job);
	if (ret)
		return ret;
	if (!job->has_thread) {
		ret = -pthread_create(&job->thread, NULL, work, job);
		if (ret)
			return nn_job_end(job, accel_fail(ret, what, "let other threads end",
						   "no thread can be made: %s", strerror(-ret)));
		job->has_thread = true;
	}
	pthread_mutex_lock(&job->lock);
	job->started_on = stream;
	job->state = JOB_STARTED;
	pthread_cond_broadcast(&job->changed);
	pthread_mutex_unlock(&job->lock);
	return 0;
}

/* Wait with the lock held while the thread is at work: 0 or -ETIMEDOUT. */
static int wait_for_thread(struct accel_nn_job *job, int64_t deadline)
{
	const struct timespec until = { deadline / 1000000000, deadline % 1000000000 };

	while (job->state == JOB_STARTED || job->state == JOB_RUNNING) {
		if (deadline == ACCEL_FOREVER)
			pthread_cond_wait(&job->changed, &job->lock);
		else if (deadline <= 0 ||
			 pthread_cond_timedwait(&job->changed, &job->lock, &until) == ETIMEDOUT)
			return job->state == JOB_STARTED || job->state == JOB_RUNNING ? -ETIMEDOUT : 0;
	}
	return 0;
}

NN_API int accel_nn_wait(struct accel_nn_job *job, int64_t deadline)
{
	const char *what = "cannot wait for the job";
	struct nn_failure failure = { 0 };
	int ret = check_process(what, job);

	if (ret)
		return ret;
	pthread_mutex_lock(&job->lock);
	ret = wait_for_thread(job, deadline);
	if (!ret && job->state == JOB_DONE) {
		failure = job->failure;
		job->state = JOB_IDLE;
	}
	pthread_mutex_unlock(&job->lock);
	if (ret)
		return accel_fail(ret, what, NULL, "it is still running");
	if (!failure.error)
		return 0;
	return accel_fail(failure.error, failure.what, failure.advice, "%s", failure.cause);
}
