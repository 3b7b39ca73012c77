/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_JOB_H
#define NN_JOB_H

/*
 * A job is idle, running, or done, which is to say that it was started and nobody has waited
 * for it yet. All but accel_nn_wait() is refused unless it is idle, so that nothing but the
 * state is shared with its thread: `lock` protects state and result, and whoever has set
 * the state to JOB_RUNNING owns all the rest.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "api.h"
#include "carry.h"

/* An error on its way from the job's thread to the one that waits. */
struct nn_failure {
	int error;
	char what[256], cause[768], advice[512];
};

/* What a program has bound to an output. */
struct nn_destination {
	void *data;		/* NULL: nothing */
	size_t bytes;
};

/* Memory of former results, for the next ones: fresh memory costs the host more than copying does. */
struct nn_spare {
	void *data;
	size_t bytes;
};

/* What came out: one of the three. */
struct nn_result {
	struct nn_tensor tensor;	/* data is NULL: none; or the program's, if it wants that */
	struct nn_list *list;
	bool nothing;
	bool from_plan;			/* the tensor's memory is as large as it says, and holds numbers */
};

/* What a program has bound to an input. */
enum nn_given {
	NN_GIVEN_NOT,
	NN_GIVEN_TENSOR,
	NN_GIVEN_LIST,
	NN_GIVEN_NOTHING,
	NN_GIVEN_CARRIED,	/* an output of a run before (carry.h) */
};

struct accel_nn_job {
	struct accel_nn_model *model;
	pid_t process;			/* a child that was forked has not got the thread */
	enum nn_given *given;		/* of each input */
	struct nn_tensor *inputs;	/* the program's, or in carried: not to be released */
	struct nn_list **lists;		/* copies of the program's, or NULL */
	struct nn_carried *carried;	/* of each input */
	struct accel_buffer **sources;	/* of each input, in a run */
	struct nn_destination *destinations;
	size_t *carried_to;		/* of each output: the input that it becomes */
	struct nn_keeping *keepings;	/* of each output, in a run */
	struct nn_result *results;	/* of each output */
	struct nn_spare *spares;	/* of each output */
	bool has_results;
	bool prepared;			/* the variant is that of the inputs, or of the last run's */
	bool outdated;			/* the last run left inputs of other sizes */
	struct nn_variant *variant;	/* or NULL */
	uint32_t plans_made, plans_reused;
	struct nn_traffic traffic;	/* of the last run */
	struct accel_stream *stream;	/* when the program gives none */
	struct nn_measure *measures;	/* of each step; NULL: it was not profiled */
	char why[200];			/* for accel_nn_get_node() */
	char operator_name[120];
	char operators[600];		/* for accel_nn_get_step() */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum { JOB_IDLE, JOB_STARTED, JOB_RUNNING, JOB_DONE } state;
	struct nn_failure failure;
	struct accel_stream *started_on;
	bool has_thread;
	atomic_bool leaving;	/* the job is to be destroyed: also loops of models look at it */
	pthread_t thread;
};

static inline const struct nn_graph *nn_job_graph(const struct accel_nn_job *job)
{
	return job->model->model->graph;
}

/* Own the job, if it is idle. */
int nn_job_begin(const char *what, struct accel_nn_job *job);
/* Disown it, and return `ret`. */
int nn_job_end(struct accel_nn_job *job, int ret);
/* Own it, if it was prepared. */
int nn_job_begin_prepared(const char *what, struct accel_nn_job *job);

/* Have a stream of the job's own; if what it was used for was cancelled, it is gone. Returns `ret`. */
int nn_job_own_stream(struct accel_nn_job *job);
int nn_job_end_own_stream(struct accel_nn_job *job, int ret);

/* ---- bind.c ---- */

int nn_job_show_tensor(const char *what, const struct nn_tensor *found,
		       struct accel_nn_tensor *tensor);

/* Put results where they go: memory of the program, or of the job. Of the facts nothing is kept. */
int nn_job_take_results(struct accel_nn_job *job, struct nn_facts *facts);
/* Where a plan shall write outputs: memory of the program, spare memory, or NULL for new memory. */
int nn_job_choose_places(struct accel_nn_job *job, const struct nn_plan *plan, void **places);
/* Keep what it has written. */
void nn_job_take_outputs(struct accel_nn_job *job, const struct nn_tensor *outputs);
void nn_job_forget_results(struct accel_nn_job *job);
void nn_job_free_spares(struct accel_nn_job *job);

#endif /* NN_JOB_H */
