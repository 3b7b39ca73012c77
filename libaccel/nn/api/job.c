// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Jobs: runs of a model, one after the other.
 *
 * A job is idle, running, or done, which is to say that it was started and nobody has waited
 * for it yet. All but accel_nn_wait() is refused unless it is idle, so that nothing but the
 * state is shared with its thread: `lock` protects state and result, and whoever has set
 * the state to RUNNING owns all the rest.
 *
 * On a card a job has a plan for the sizes of its inputs; it is made anew when they change.
 * If sizes depend on the contents of inputs there can be no plan: such a model runs on the
 * host.
 */
#include "api.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../error.h"
#include "../card/plan.h"
#include "../cost.h"
#include "../infer.h"

/* An error on its way from the job's thread to the one that waits. */
struct failure {
	int error;
	char what[256], cause[768], advice[512];
};

/* What a program has bound to an output. */
struct destination {
	void *data;		/* NULL: nothing */
	size_t bytes;
};

struct accel_nn_job {
	struct accel_nn_model *model;
	pid_t process;			/* a child that was forked has not got the thread */
	struct nn_tensor *inputs;	/* the program's: not to be released */
	bool *bound;			/* of each input */
	struct destination *destinations;
	struct nn_tensor *results;	/* of each output */
	bool has_results, prepared;
	struct nn_facts facts;		/* of prepare() */
	struct nn_plan *plan;		/* of prepare(); NULL: on the host */
	struct accel_stream *stream;	/* when the program gives none */
	char why[200];			/* for accel_nn_get_node() */
	char operator_name[120];
	char operators[600];		/* for accel_nn_get_step() */
	bool profiled;			/* the plan's steps have numbers */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum { IDLE, STARTED, RUNNING, DONE } state;
	struct failure failure;
	struct accel_stream *started_on;
	bool has_thread;
	atomic_bool leaving;	/* the job is to be destroyed: also loops of models look at it */
	pthread_t thread;
};

static const struct nn_graph *graph_of(const struct accel_nn_job *job)
{
	return job->model->model->graph;
}

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

/* Own the job, if it is idle. */
static int begin(const char *what, struct accel_nn_job *job)
{
	int ret = check_process(what, job);
	bool idle;

	if (ret)
		return ret;
	pthread_mutex_lock(&job->lock);
	idle = job->state == IDLE;
	if (idle)
		job->state = RUNNING;
	pthread_mutex_unlock(&job->lock);
	return idle ? 0 : accel_fail(-EBUSY, what, "call accel_nn_wait() first",
				     "the job was started, and nobody has waited for it");
}

static int end(struct accel_nn_job *job, int ret)
{
	pthread_mutex_lock(&job->lock);
	job->state = IDLE;
	pthread_mutex_unlock(&job->lock);
	return ret;
}

static int check_prepared(const char *what, const struct accel_nn_job *job)
{
	return job->prepared ? 0 :
	       accel_fail(-EINVAL, what, "call accel_nn_prepare()", "the job is not prepared");
}

/* ---- Life ---- */

static int make_lists(struct accel_nn_job *job)
{
	const struct nn_graph *graph = graph_of(job);

	job->inputs = calloc(graph->input_count + 1, sizeof(*job->inputs));
	job->bound = calloc(graph->input_count + 1, sizeof(*job->bound));
	job->destinations = calloc(graph->output_count + 1, sizeof(*job->destinations));
	job->results = calloc(graph->output_count + 1, sizeof(*job->results));
	return job->inputs && job->bound && job->destinations && job->results ? 0 : -ENOMEM;
}

static void forget_results(struct accel_nn_job *job)
{
	size_t i;

	for (i = 0; i < graph_of(job)->output_count; i++) {
		if (!job->destinations[i].data)
			nn_tensor_release(&job->results[i]);
		job->results[i].data = NULL;
	}
	job->has_results = false;
}

static void free_job(struct accel_nn_job *job)
{
	if (job->results && job->destinations)
		forget_results(job);
	nn_plan_free(job->plan);
	nn_facts_release(&job->facts);
	accel_stream_destroy(job->stream);
	free(job->inputs);
	free(job->bound);
	free(job->destinations);
	free(job->results);
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
	}
	free_job(job);
}

/* ---- Inputs and outputs ---- */

static int read_tensor(const char *what, const struct accel_nn_tensor *from, struct nn_tensor *to)
{
	struct accel_nn_tensor given;
	uint32_t i;
	int ret;

	if (!from)
		return accel_fail(-EINVAL, what, NULL, "the tensor is NULL");
	ret = accel_copy_in(what, &given, sizeof(given), from);
	if (ret)
		return ret;
	if (given.rank > NN_RANK_MAX)
		return accel_fail(-EINVAL, what, NULL, "it has %u dimensions, more than %d",
				  given.rank, NN_RANK_MAX);
	to->type = (enum nn_type)given.type;
	to->shape.rank = (int)given.rank;
	for (i = 0; i < given.rank; i++) {
		if (given.dims[i] < 0)
			return accel_fail(-EINVAL, what, NULL, "size %u is %lld", i,
					  (long long)given.dims[i]);
		to->shape.dims[i] = given.dims[i];
	}
	to->data = given.data;
	if (!nn_type_bits(to->type) || !nn_shape_count(&to->shape, &to->count))
		return accel_fail(-EINVAL, what, NULL, "its type or its size is impossible");
	if (given.data && given.bytes != nn_bytes(to->type, to->count))
		return accel_fail(-EINVAL, what, "set its bytes to the size of its memory",
				  "it has %zu bytes, its sizes ask for %zu", given.bytes,
				  nn_bytes(to->type, to->count));
	return 0;
}

/* Said at once if it can never fit; sizes that must be equal are compared when all are there. */
static int check_input(const char *what, const struct nn_value *value,
		       const struct nn_tensor *tensor, const struct nn_model *model)
{
	char given[160], wanted[160], name[80];
	bool fits = value->shape.rank < 0 || value->shape.rank == tensor->shape.rank;
	int i;

	nn_clean(name, sizeof(name), value->name);
	if (!nn_value_is_tensor(value) || value->type == NN_STRING)
		return accel_fail(-ENOTSUP, what, NULL, "input '%s' is not a tensor of numbers", name);
	if (value->type != tensor->type)
		return accel_fail(-EINVAL, what, "convert the input",
				  "input '%s' has elements of type %s, the model asks for %s", name,
				  nn_type_name(tensor->type), nn_type_name(value->type));
	for (i = 0; fits && i < value->shape.rank; i++)
		fits = value->shape.dims[i] < 0 || value->shape.dims[i] == tensor->shape.dims[i];
	if (fits)
		return 0;
	nn_shape_print(&tensor->shape, NULL, 0, given, sizeof(given));
	nn_shape_print(&value->shape, model->symbols, model->symbol_count, wanted, sizeof(wanted));
	return accel_fail(-EINVAL, what, NULL, "input '%s' has shape %s, the model asks for %s",
			  name, given, wanted);
}

NN_API int accel_nn_bind_input(struct accel_nn_job *job, uint32_t index,
			       const struct accel_nn_tensor *tensor)
{
	const char *what = "cannot bind an input";
	struct nn_tensor read;
	int ret = begin(what, job);

	if (ret)
		return ret;
	if (index >= graph_of(job)->input_count)
		ret = accel_fail(-EINVAL, what, NULL, "the model has %zu inputs, so there is no %u",
				 graph_of(job)->input_count, index);
	if (!ret)
		ret = read_tensor(what, tensor, &read);
	if (!ret)
		ret = check_input(what, graph_of(job)->inputs[index], &read, job->model->model);
	if (!ret) {
		job->inputs[index] = read;
		job->bound[index] = true;
		job->prepared = false;
	}
	return end(job, ret);
}

NN_API int accel_nn_bind_output(struct accel_nn_job *job, uint32_t index, void *data, size_t bytes)
{
	const char *what = "cannot bind an output";
	int ret = begin(what, job);

	if (ret)
		return ret;
	if (index >= graph_of(job)->output_count)
		ret = accel_fail(-EINVAL, what, NULL, "the model has %zu outputs, so there is no %u",
				 graph_of(job)->output_count, index);
	if (!ret) {
		forget_results(job);
		job->destinations[index] = (struct destination){ data, data ? bytes : 0 };
	}
	return end(job, ret);
}

/* ---- Preparation ---- */

/* All sizes are known, and all operators; and there is nothing but tensors. */
static bool can_plan(const struct accel_nn_job *job)
{
	const struct nn_graph *graph = graph_of(job);
	size_t i, k;

	if (nn_first_unsupported(job->model->model))
		return false;
	for (i = 0; i < graph->input_count; i++)
		if (!job->bound[i])
			return false;
	for (i = 0; i < graph->node_count; i++) {
		const struct nn_node *node = graph->nodes[i];

		for (k = 0; k < node->output_count; k++)
			if (node->outputs[k] &&
			    !nn_can_lower(&job->facts.facts[node->outputs[k]->index]))
				return false;
	}
	return true;
}

static int prepare(struct accel_nn_job *job)
{
	size_t i;
	int ret;

	if (job->prepared)
		return 0;
	job->profiled = false;
	nn_plan_free(job->plan);
	job->plan = NULL;
	nn_facts_release(&job->facts);
	ret = nn_facts_init(&job->facts, job->model->model);
	for (i = 0; i < graph_of(job)->input_count && !ret; i++)
		if (job->bound[i])
			ret = nn_facts_set_shape(&job->facts, i, &job->inputs[i].shape);
	if (!ret)
		ret = nn_facts_infer(&job->facts);
	if (!ret && job->model->card && can_plan(job))
		ret = nn_plan_create(job->model->card, &job->facts, &job->plan);
	job->prepared = !ret;
	return ret;
}

NN_API int accel_nn_prepare(struct accel_nn_job *job)
{
	int ret = begin("cannot prepare the job", job);

	return ret ? ret : end(job, prepare(job));
}

/* What became of a node; NULL if there is no plan, or if it needs nothing. */
static const struct nn_plan_step *find_step(const struct nn_plan *plan, const struct nn_node *node)
{
	size_t i, k;

	for (i = 0; plan && i < plan->step_count; i++)
		for (k = 0; k < plan->steps[i].node_count; k++)
			if (plan->steps[i].nodes[k] == node)
				return &plan->steps[i];
	return NULL;
}

/* Why a node is where it is. */
static uint32_t place_node(struct accel_nn_job *job, const struct nn_node *node)
{
	const struct nn_plan_step *step = find_step(job->plan, node);
	bool known = node->output_count > 0;
	size_t i;

	job->why[0] = '\0';
	if (!node->op || node->op->unsupported) {
		nn_why_unsupported(node, job->why, sizeof(job->why));
		return ACCEL_NN_UNSUPPORTED;
	}
	for (i = 0; i < node->output_count && known; i++) {
		const struct nn_fact *fact = node->outputs[i] ?
			&job->facts.facts[node->outputs[i]->index] : NULL;

		known = !fact || fact->raw || fact->tensor.data;
	}
	if (known)
		return ACCEL_NN_AHEAD;
	if (step && step->where == NN_NOWHERE)
		return ACCEL_NN_NOTHING;
	if (step && step->where == NN_ON_CARD)
		return ACCEL_NN_ON_CARD;
	snprintf(job->why, sizeof(job->why), "%s", step && step->why ? step->why :
		 job->model->card ? "not all sizes are known without running the model" :
		 "the model was loaded without a context");
	return ACCEL_NN_ON_HOST;
}

static void describe_node(struct accel_nn_job *job, const struct nn_node *node,
			  struct accel_nn_node *found)
{
	const struct nn_fact *fact;
	int i;

	snprintf(job->operator_name, sizeof(job->operator_name), "%.48s%s%.64s", node->domain,
		 node->domain[0] ? "." : "", node->type);
	found->number = (uint32_t)node->number;
	found->place = place_node(job, node);
	found->name = node->name;
	found->operator_name = job->operator_name;
	found->why = job->why;
	found->macs = nn_node_macs(&job->facts, node);
	found->rank = -1;
	if (!node->output_count || !node->outputs[0])
		return;
	fact = &job->facts.facts[node->outputs[0]->index];
	found->type = (uint32_t)fact->type;
	found->rank = fact->shape.rank;
	for (i = 0; i < found->rank; i++)
		found->dims[i] = fact->shape.dims[i] < 0 ? -1 : fact->shape.dims[i];
}

NN_API int accel_nn_get_node(struct accel_nn_job *job, uint32_t index, struct accel_nn_node *node)
{
	const char *what = "cannot tell of a node";
	struct accel_nn_node found = { 0 };
	int ret = begin(what, job);

	if (ret)
		return ret;
	ret = check_prepared(what, job);
	if (!ret && index >= graph_of(job)->node_count)
		ret = accel_fail(-EINVAL, what, NULL, "the model has %zu nodes, so there is no %u",
				 graph_of(job)->node_count, index);
	if (!ret) {
		describe_node(job, graph_of(job)->nodes[index], &found);
		ret = accel_copy_out(what, node, &found, sizeof(found));
	}
	return end(job, ret);
}

/* ---- Runs ---- */

/* Where a result goes: memory of the program, or of the job. */
static int place_result(struct accel_nn_job *job, size_t output, const struct nn_tensor *from)
{
	const struct destination *to = &job->destinations[output];
	struct nn_tensor *result = &job->results[output];
	size_t bytes = nn_bytes(from->type, from->count);
	char name[80];
	int ret;

	if (!to->data) {
		ret = nn_tensor_init(result, from->type, &from->shape);
		if (ret)
			return accel_fail_errno(ret, "cannot keep a result");
	} else {
		*result = *from;
		result->data = to->data;
	}
	if (to->data && to->bytes < bytes) {
		nn_clean(name, sizeof(name), graph_of(job)->outputs[output]->name);
		return accel_fail(-ENOSPC, "cannot keep a result", "bind more memory",
				  "output '%s' has %zu bytes, the memory bound to it %zu", name,
				  bytes, to->bytes);
	}
	if (bytes)
		memcpy(result->data, from->data, bytes);
	return 0;
}

static int take_results(struct accel_nn_job *job, struct nn_facts *facts)
{
	const struct nn_graph *graph = graph_of(job);
	int ret = 0;
	size_t i;

	for (i = 0; i < graph->output_count && !ret; i++) {
		const struct nn_tensor *from =
			nn_contents(&facts->facts[graph->outputs[i]->index]);

		if (from && from->type != NN_STRING)
			ret = place_result(job, i, from);
		else
			ret = accel_fail(-ENOTSUP, "cannot keep a result", NULL,
					 "output %zu is not a tensor of numbers", i);
	}
	return ret;
}

static int run_on_host(struct accel_nn_job *job)
{
	struct nn_facts facts;
	int ret = nn_facts_init(&facts, job->model->model);
	size_t i;

	if (ret)
		return ret;
	facts.stop = &job->leaving;
	for (i = 0; i < graph_of(job)->input_count && !ret; i++)
		if (job->bound[i] && job->inputs[i].data)
			ret = nn_facts_lend_input(&facts, i, &job->inputs[i]);
	if (!ret)
		ret = nn_facts_run(&facts);
	if (!ret)
		ret = take_results(job, &facts);
	nn_facts_release(&facts);
	return ret;
}

/* What the plan has allocated is kept, or copied to where the program wants it. */
static int keep_outputs(struct accel_nn_job *job, struct nn_tensor *outputs)
{
	int ret = 0;
	size_t i;

	for (i = 0; i < graph_of(job)->output_count; i++) {
		if (!ret && !job->destinations[i].data) {
			job->results[i] = outputs[i];
			continue;
		}
		if (!ret)
			ret = place_result(job, i, &outputs[i]);
		nn_tensor_release(&outputs[i]);
	}
	return ret;
}

static int check_inputs(const struct accel_nn_job *job)
{
	char name[80];
	size_t i;

	for (i = 0; i < graph_of(job)->input_count; i++) {
		if (job->inputs[i].data)
			continue;
		nn_clean(name, sizeof(name), graph_of(job)->inputs[i]->name);
		return accel_fail(-EINVAL, "cannot run the model", "bind all inputs",
				  "input %zu, '%s', was not given", i, name);
	}
	return 0;
}

typedef int run_plan(struct nn_plan *plan, struct accel_stream *stream,
		     const struct nn_tensor *inputs, struct nn_tensor *outputs);

static int run_on_card(struct accel_nn_job *job, struct accel_stream *stream, run_plan *run_it)
{
	struct nn_tensor *outputs;
	int ret = check_inputs(job);

	if (!ret && !stream && !job->stream)
		ret = accel_stream_create(job->model->card->context, NULL, &job->stream);
	if (ret)
		return ret;
	outputs = calloc(graph_of(job)->output_count + 1, sizeof(*outputs));
	if (!outputs)
		return accel_fail_errno(-ENOMEM, "cannot run the model");
	ret = run_it(job->plan, stream ? stream : job->stream, job->inputs, outputs);
	if (!ret)
		ret = keep_outputs(job, outputs);
	free(outputs);
	/* A stream that was stopped stays so. The next run has a new one. */
	if (ret == -ECANCELED && !stream) {
		accel_stream_destroy(job->stream);
		job->stream = NULL;
	}
	return ret;
}

static int refuse_profile(const struct accel_nn_job *job)
{
	return accel_fail(-ENOTSUP, "cannot profile the model", job->model->card ?
			  "accel_nn_get_node() tells why" : "load it with a context",
			  "it runs on the host");
}

/* With `measure` step by step, so that the steps have numbers. */
static int run(struct accel_nn_job *job, struct accel_stream *stream, bool measure)
{
	int ret;

	forget_results(job);
	if (measure)
		job->profiled = false;
	ret = prepare(job);
	if (!ret && job->plan)
		ret = run_on_card(job, stream, measure ? nn_plan_profile : nn_plan_run);
	else if (!ret)
		ret = measure ? refuse_profile(job) : run_on_host(job);
	if (ret)
		forget_results(job);
	else if (measure)
		job->profiled = true;
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
		ret = begin(what, job);
	return ret ? ret : end(job, run(job, stream, measure));
}

NN_API int accel_nn_run(struct accel_nn_job *job, struct accel_stream *stream)
{
	return run_now("cannot run the model", job, stream, false);
}

NN_API int accel_nn_profile(struct accel_nn_job *job, struct accel_stream *stream)
{
	return run_now("cannot profile the model", job, stream, true);
}

/* ---- Where time goes ---- */

NN_API int accel_nn_get_job_info(struct accel_nn_job *job, struct accel_nn_job_info *info)
{
	const char *what = "cannot tell what a job takes";
	struct accel_nn_job_info found = { 0 };
	int ret = begin(what, job);
	size_t i;

	if (ret)
		return ret;
	ret = check_prepared(what, job);
	if (!ret && job->plan) {
		found.memory = job->plan->peak;
		found.constants = job->plan->constant_bytes;
		pthread_mutex_lock(&job->plan->card->lock);
		found.weights = job->plan->card->weight_bytes;
		pthread_mutex_unlock(&job->plan->card->lock);
		found.steps = (uint32_t)job->plan->step_count;
		found.graphs = (uint32_t)job->plan->graph_count;
		for (i = 0; i < job->plan->step_count; i++)
			found.launches += job->plan->steps[i].launches;
	}
	if (!ret)
		ret = accel_copy_out(what, info, &found, sizeof(found));
	return end(job, ret);
}

static void describe_step(struct accel_nn_job *job, const struct nn_plan_step *step,
			  struct accel_nn_step *found)
{
	static const uint32_t places[] = {
		[NN_ON_CARD] = ACCEL_NN_ON_CARD, [NN_ON_HOST] = ACCEL_NN_ON_HOST,
		[NN_NOWHERE] = ACCEL_NN_NOTHING,
	};
	size_t i, used = 0;

	job->operators[0] = '\0';
	for (i = 0; i < step->node_count && used < sizeof(job->operators); i++)
		used += (size_t)snprintf(job->operators + used, sizeof(job->operators) - used,
					 "%s%.40s", i ? " + " : "", step->nodes[i]->type);
	found->place = places[step->where];
	found->nodes = (uint32_t)step->node_count;
	found->name = step->node_count ? step->nodes[0]->name : "";
	found->operators = job->operators;
	found->macs = step->macs;
	found->launches = step->launches;
	if (job->profiled) {
		found->time = step->time;
		found->profile = step->launches ? &step->profile : NULL;
	}
}

NN_API int accel_nn_get_step(struct accel_nn_job *job, uint32_t index, struct accel_nn_step *step)
{
	const char *what = "cannot tell of a step";
	struct accel_nn_step found = { 0 };
	int ret = begin(what, job);
	size_t count;

	if (ret)
		return ret;
	ret = check_prepared(what, job);
	count = job->plan ? job->plan->step_count : 0;
	if (!ret && index >= count)
		ret = accel_fail(-EINVAL, what, NULL, "the job has %zu steps, so there is no %u",
				 count, index);
	if (!ret) {
		describe_step(job, &job->plan->steps[index], &found);
		ret = accel_copy_out(what, step, &found, sizeof(found));
	}
	return end(job, ret);
}

/* ---- In the background ---- */

static void keep_error(struct failure *failure, int error)
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
	while (job->state == STARTED || !job->leaving) {
		if (job->state != STARTED) {
			pthread_cond_wait(&job->changed, &job->lock);
			continue;
		}
		job->state = RUNNING;
		pthread_mutex_unlock(&job->lock);
		ret = run(job, job->started_on, false);
		pthread_mutex_lock(&job->lock);
		keep_error(&job->failure, ret);
		job->state = DONE;
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
		ret = begin(what, job);
	if (ret)
		return ret;
	if (!job->has_thread) {
		ret = -pthread_create(&job->thread, NULL, work, job);
		if (ret)
			return end(job, accel_fail(ret, what, "let other threads end",
						   "no thread can be made: %s", strerror(-ret)));
		job->has_thread = true;
	}
	pthread_mutex_lock(&job->lock);
	job->started_on = stream;
	job->state = STARTED;
	pthread_cond_broadcast(&job->changed);
	pthread_mutex_unlock(&job->lock);
	return 0;
}

/* Wait with the lock held while the thread is at work: 0 or -ETIMEDOUT. */
static int wait_for_thread(struct accel_nn_job *job, int64_t deadline)
{
	const struct timespec until = { deadline / 1000000000, deadline % 1000000000 };

	while (job->state == STARTED || job->state == RUNNING) {
		if (deadline == ACCEL_FOREVER)
			pthread_cond_wait(&job->changed, &job->lock);
		else if (deadline <= 0 ||
			 pthread_cond_timedwait(&job->changed, &job->lock, &until) == ETIMEDOUT)
			return job->state == STARTED || job->state == RUNNING ? -ETIMEDOUT : 0;
	}
	return 0;
}

NN_API int accel_nn_wait(struct accel_nn_job *job, int64_t deadline)
{
	const char *what = "cannot wait for the job";
	struct failure failure = { 0 };
	int ret = check_process(what, job);

	if (ret)
		return ret;
	pthread_mutex_lock(&job->lock);
	ret = wait_for_thread(job, deadline);
	if (!ret && job->state == DONE) {
		failure = job->failure;
		job->state = IDLE;
	}
	pthread_mutex_unlock(&job->lock);
	if (ret)
		return accel_fail(ret, what, NULL, "it is still running");
	if (!failure.error)
		return 0;
	return accel_fail(failure.error, failure.what, failure.advice, "%s", failure.cause);
}

NN_API int accel_nn_get_result(struct accel_nn_job *job, uint32_t index,
			       struct accel_nn_tensor *tensor)
{
	const char *what = "cannot give a result";
	struct accel_nn_tensor found = { 0 };
	int ret = begin(what, job), i;

	if (ret)
		return ret;
	if (!job->has_results)
		ret = accel_fail(-EINVAL, what, "call accel_nn_run()", "the job has not run");
	else if (index >= graph_of(job)->output_count)
		ret = accel_fail(-EINVAL, what, NULL, "the model has %zu outputs, so there is no %u",
				 graph_of(job)->output_count, index);
	if (!ret) {
		const struct nn_tensor *result = &job->results[index];

		found.type = (uint32_t)result->type;
		found.rank = (uint32_t)result->shape.rank;
		for (i = 0; i < result->shape.rank; i++)
			found.dims[i] = result->shape.dims[i];
		found.data = result->data;
		found.bytes = nn_bytes(result->type, result->count);
		ret = accel_copy_out(what, tensor, &found, sizeof(found));
	}
	return end(job, ret);
}
