// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * What goes into a job, and what comes out: tensors, of numbers or of texts, sequences of them,
 * and nothing, which some inputs and outputs may be.
 *
 * A program's tensors stay where they are, until the job has run. Its sequences are copied: they are
 * small, and made of many pieces of memory. All results are the job's, but for tensors of
 * numbers that the program wants in memory of its own.
 */
#include "job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../error.h"
#include "../list.h"

#define BIND	"cannot bind an input"
#define KEEP	"cannot keep a result"

/* ---- Inputs ---- */

/* Where no elements lie. */
static double nothing;

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
	/* A tensor of no elements is complete. */
	if (!given.data && !to->count)
		to->data = &nothing;
	return 0;
}

static int begin_input(struct accel_nn_job *job, uint32_t index)
{
	int ret = nn_job_begin(BIND, job);

	if (ret || index < nn_job_graph(job)->input_count)
		return ret;
	return nn_job_end(job, accel_fail(-EINVAL, BIND, NULL,
					  "the model has %zu inputs, so there is no %u",
					  nn_job_graph(job)->input_count, index));
}

static int check_type(const char *name, const struct nn_value *value, const struct nn_tensor *tensor)
{
	if (value->type == tensor->type)
		return 0;
	return accel_fail(-EINVAL, BIND, "convert the input",
			  "input '%s' has elements of type %s, the model asks for %s", name,
			  nn_type_name(tensor->type), nn_type_name(value->type));
}

/* Said at once if it can never fit; sizes that must be equal are compared when all are there. */
static int check_tensor(const struct nn_value *value, const struct nn_tensor *tensor,
			const struct nn_model *model)
{
	char given[160], wanted[160], name[80];
	bool fits = value->shape.rank < 0 || value->shape.rank == tensor->shape.rank;
	int i, ret;

	nn_clean(name, sizeof(name), value->name);
	if (value->kind != NN_TENSOR)
		return accel_fail(-EINVAL, BIND, value->kind == NN_SEQUENCE ?
				  "call accel_nn_bind_sequence()" : NULL,
				  "input '%s' is not a tensor", name);
	ret = check_type(name, value, tensor);
	if (ret)
		return ret;
	for (i = 0; fits && i < value->shape.rank; i++)
		fits = value->shape.dims[i] < 0 || value->shape.dims[i] == tensor->shape.dims[i];
	if (fits)
		return 0;
	nn_shape_print(&tensor->shape, NULL, 0, given, sizeof(given));
	nn_shape_print(&value->shape, model->symbols, model->symbol_count, wanted, sizeof(wanted));
	return accel_fail(-EINVAL, BIND, NULL, "input '%s' has shape %s, the model asks for %s",
			  name, given, wanted);
}

static void give(struct accel_nn_job *job, uint32_t index, enum nn_given what, struct nn_list *list)
{
	nn_list_free(job->lists[index]);
	job->lists[index] = list;
	nn_carry_forget(job, index);
	job->given[index] = what;
	job->prepared = false;
}

NN_API int accel_nn_bind_input(struct accel_nn_job *job, uint32_t index,
			       const struct accel_nn_tensor *tensor)
{
	int ret = begin_input(job, index);
	struct nn_tensor read;

	if (ret)
		return ret;
	ret = read_tensor(BIND, tensor, &read);
	if (!ret)
		ret = check_tensor(nn_job_graph(job)->inputs[index], &read, job->model->model);
	if (!ret) {
		give(job, index, NN_GIVEN_TENSOR, NULL);
		job->inputs[index] = read;
	}
	return nn_job_end(job, ret);
}

static int read_item(const struct nn_value *value, const struct accel_nn_tensor *from,
		     struct nn_held **held)
{
	struct nn_tensor read;
	char name[80];
	int ret = read_tensor(BIND, from, &read);

	nn_clean(name, sizeof(name), value->name);
	if (!ret)
		ret = check_type(name, value, &read);
	if (ret)
		return ret;
	if (!read.data && read.count)
		return accel_fail(-EINVAL, BIND, NULL, "a tensor has no elements");
	*held = nn_hold_texts(&read);
	return *held ? 0 : accel_fail_errno(-ENOMEM, BIND);
}

static int read_sequence(const struct nn_value *value, const struct accel_nn_tensor *const *tensors,
			 struct nn_list *list)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < list->count && !ret; i++)
		ret = read_item(value, tensors[i], &list->items[i]);
	return ret;
}

NN_API int accel_nn_bind_sequence(struct accel_nn_job *job, uint32_t index,
				  const struct accel_nn_tensor *const *tensors, uint32_t count)
{
	int ret = begin_input(job, index);
	const struct nn_value *value;
	struct nn_list *list = NULL;
	char name[80];

	if (ret)
		return ret;
	value = nn_job_graph(job)->inputs[index];
	nn_clean(name, sizeof(name), value->name);
	if (value->kind != NN_SEQUENCE)
		ret = accel_fail(-EINVAL, BIND, "call accel_nn_bind_input()",
				 "input '%s' is not a sequence", name);
	else if (!tensors && count)
		ret = accel_fail(-EINVAL, BIND, NULL, "the tensors are NULL");
	if (!ret) {
		list = nn_list_new(count);
		ret = list ? read_sequence(value, tensors, list) : accel_fail_errno(-ENOMEM, BIND);
	}
	if (ret)
		nn_list_free(list);
	else
		give(job, index, NN_GIVEN_LIST, list);
	return nn_job_end(job, ret);
}

NN_API int accel_nn_bind_nothing(struct accel_nn_job *job, uint32_t index)
{
	int ret = begin_input(job, index);
	const struct nn_value *value;
	char name[80];

	if (ret)
		return ret;
	value = nn_job_graph(job)->inputs[index];
	nn_clean(name, sizeof(name), value->name);
	if (value->optional)
		give(job, index, NN_GIVEN_NOTHING, NULL);
	else
		ret = accel_fail(-EINVAL, BIND, NULL, "input '%s' has to be something", name);
	return nn_job_end(job, ret);
}

/* ---- Where results go ---- */

NN_API int accel_nn_bind_output(struct accel_nn_job *job, uint32_t index, void *data, size_t bytes)
{
	const char *what = "cannot bind an output";
	int ret = nn_job_begin(what, job);

	if (ret)
		return ret;
	if (index >= nn_job_graph(job)->output_count)
		ret = accel_fail(-EINVAL, what, NULL, "the model has %zu outputs, so there is no %u",
				 nn_job_graph(job)->output_count, index);
	if (!ret) {
		nn_job_forget_results(job);
		nn_carry_unbind(job, index);
		job->destinations[index] = (struct nn_destination){ data, data ? bytes : 0 };
	}
	return nn_job_end(job, ret);
}

/* What a plan gave is kept for its next run. What the host computed has new memory each time. */
static void spare(struct accel_nn_job *job, size_t output)
{
	struct nn_tensor *tensor = &job->results[output].tensor;
	struct nn_spare *spare = &job->spares[output];

	if (!tensor->data || !job->results[output].from_plan) {
		nn_tensor_release(tensor);
		return;
	}
	free(spare->data);
	*spare = (struct nn_spare){ tensor->data, nn_bytes(tensor->type, tensor->count) };
}

void nn_job_free_spares(struct accel_nn_job *job)
{
	size_t i;

	for (i = 0; i < nn_job_graph(job)->output_count; i++) {
		free(job->spares[i].data);
		job->spares[i] = (struct nn_spare){ .data = NULL };
	}
}

void nn_job_forget_results(struct accel_nn_job *job)
{
	size_t i;

	for (i = 0; i < nn_job_graph(job)->output_count; i++) {
		if (!job->destinations[i].data)
			spare(job, i);
		nn_list_free(job->results[i].list);
		job->results[i] = (struct nn_result){ .nothing = false };
	}
	job->has_results = false;
}

/* In the program's memory only numbers have a place. */
static int refuse_destination(const struct accel_nn_job *job, size_t output)
{
	char name[80];

	if (!job->destinations[output].data)
		return 0;
	nn_clean(name, sizeof(name), nn_job_graph(job)->outputs[output]->name);
	return accel_fail(-EINVAL, KEEP, "bind no memory to it",
			  "output '%s' is not a tensor of numbers", name);
}

static int check_room(const struct accel_nn_job *job, size_t output, size_t bytes)
{
	const struct nn_destination *to = &job->destinations[output];
	char name[80];

	if (to->bytes >= bytes)
		return 0;
	nn_clean(name, sizeof(name), nn_job_graph(job)->outputs[output]->name);
	return accel_fail(-ENOSPC, KEEP, "bind more memory",
			  "output '%s' has %zu bytes, the memory bound to it %zu", name, bytes,
			  to->bytes);
}

static int place_in_program(struct accel_nn_job *job, size_t output, const struct nn_tensor *from)
{
	struct nn_tensor *result = &job->results[output].tensor;
	size_t bytes = nn_bytes(from->type, from->count);
	int ret = check_room(job, output, bytes);

	if (ret)
		return ret;
	*result = *from;
	result->data = job->destinations[output].data;
	if (bytes)
		memcpy(result->data, from->data, bytes);
	return 0;
}

static int place_tensor(struct accel_nn_job *job, size_t output, const struct nn_tensor *from)
{
	int ret = from->type == NN_STRING ? refuse_destination(job, output) : 0;

	if (ret)
		return ret;
	if (job->destinations[output].data)
		return place_in_program(job, output, from);
	ret = nn_tensor_copy_texts(&job->results[output].tensor, from);
	return ret ? accel_fail_errno(ret, KEEP) : 0;
}

static int place_list(struct accel_nn_job *job, size_t output, const struct nn_list *from)
{
	struct nn_list *list;
	size_t i;
	int ret = refuse_destination(job, output);

	if (ret)
		return ret;
	list = nn_list_new(from->count);
	job->results[output].list = list;
	for (i = 0; list && i < from->count; i++) {
		list->items[i] = nn_hold_texts(&from->items[i]->tensor);
		if (!list->items[i])
			return accel_fail_errno(-ENOMEM, KEEP);
	}
	return list ? 0 : accel_fail_errno(-ENOMEM, KEEP);
}

static int take_result(struct accel_nn_job *job, size_t output, struct nn_fact *fact)
{
	const struct nn_tensor *from;
	int ret;

	if (fact->list)
		return place_list(job, output, fact->list);
	if (fact->nothing) {
		ret = refuse_destination(job, output);
		job->results[output].nothing = !ret;
		return ret;
	}
	from = nn_contents(fact);
	if (from)
		return place_tensor(job, output, from);
	return accel_fail(-ENOTSUP, KEEP, NULL, "output %zu is neither a tensor nor a sequence",
			  output);
}

int nn_job_take_results(struct accel_nn_job *job, struct nn_facts *facts)
{
	const struct nn_graph *graph = nn_job_graph(job);
	int ret = 0;
	size_t i;

	for (i = 0; i < graph->output_count && !ret; i++)
		if (!nn_carries(job, i))
			ret = take_result(job, i, &facts->facts[graph->outputs[i]->index]);
	return ret;
}

int nn_job_choose_places(struct accel_nn_job *job, const struct nn_plan *plan, void **places)
{
	int ret = 0;
	size_t i;

	for (i = 0; i < plan->output_count && !ret; i++) {
		const size_t bytes = plan->outputs[i].bytes;

		places[i] = job->destinations[i].data;
		if (places[i])
			ret = check_room(job, i, bytes);
		else if (job->spares[i].bytes == bytes)
			places[i] = job->spares[i].data;
	}
	return ret;
}

void nn_job_take_outputs(struct accel_nn_job *job, const struct nn_tensor *outputs)
{
	size_t i;

	for (i = 0; i < nn_job_graph(job)->output_count; i++) {
		job->results[i] = (struct nn_result){ .tensor = outputs[i], .from_plan = true };
		if (outputs[i].data == job->spares[i].data)
			job->spares[i].data = NULL;
	}
	/* Those that nobody could use. */
	nn_job_free_spares(job);
}

/* ---- Results ---- */

static int begin_result(const char *what, struct accel_nn_job *job, uint32_t index)
{
	int ret = nn_job_begin(what, job);

	if (ret)
		return ret;
	if (!job->has_results)
		ret = accel_fail(-EINVAL, what, "call accel_nn_run()", "the job has not run");
	else if (index >= nn_job_graph(job)->output_count)
		ret = accel_fail(-EINVAL, what, NULL, "the model has %zu outputs, so there is no %u",
				 nn_job_graph(job)->output_count, index);
	else if (nn_carries(job, index))
		ret = accel_fail(-EINVAL, what, "call accel_nn_get_carried()",
				 "the result is bound to input %zu", job->carried_to[index]);
	return ret ? nn_job_end(job, ret) : 0;
}

int nn_job_show_tensor(const char *what, const struct nn_tensor *result,
		       struct accel_nn_tensor *tensor)
{
	struct accel_nn_tensor found = {
		.type = (uint32_t)result->type, .rank = (uint32_t)result->shape.rank,
		.data = result->data, .bytes = nn_bytes(result->type, result->count),
	};
	int i;

	for (i = 0; i < result->shape.rank; i++)
		found.dims[i] = result->shape.dims[i];
	return accel_copy_out(what, tensor, &found, sizeof(found));
}

NN_API int accel_nn_get_result(struct accel_nn_job *job, uint32_t index,
			       struct accel_nn_tensor *tensor)
{
	const char *what = "cannot give a result";
	int ret = begin_result(what, job, index);
	const struct nn_result *result;

	if (ret)
		return ret;
	result = &job->results[index];
	if (result->list)
		ret = accel_fail(-EINVAL, what, "call accel_nn_get_result_item()",
				 "the result is a sequence");
	else if (result->nothing)
		ret = accel_fail(-EINVAL, what, "call accel_nn_get_result_info() before",
				 "the result is nothing");
	else
		ret = nn_job_show_tensor(what, &result->tensor, tensor);
	return nn_job_end(job, ret);
}

NN_API int accel_nn_get_result_info(struct accel_nn_job *job, uint32_t index,
				    struct accel_nn_result_info *info)
{
	const char *what = "cannot tell of a result";
	struct accel_nn_result_info found = { .kind = ACCEL_NN_TENSOR, .count = 1 };
	int ret = begin_result(what, job, index);
	const struct nn_result *result;

	if (ret)
		return ret;
	result = &job->results[index];
	if (result->list) {
		found.kind = ACCEL_NN_SEQUENCE;
		found.count = (uint32_t)result->list->count;
	} else if (result->nothing) {
		found.kind = ACCEL_NN_EMPTY;
		found.count = 0;
	}
	return nn_job_end(job, accel_copy_out(what, info, &found, sizeof(found)));
}

NN_API int accel_nn_get_result_item(struct accel_nn_job *job, uint32_t index, uint32_t item,
				    struct accel_nn_tensor *tensor)
{
	const char *what = "cannot give a part of a result";
	int ret = begin_result(what, job, index);
	const struct nn_result *result;
	size_t count;

	if (ret)
		return ret;
	result = &job->results[index];
	count = result->list ? result->list->count : !result->nothing;
	if (item >= count)
		ret = accel_fail(-EINVAL, what, NULL, "the result has %zu tensors, so there is no %u",
				 count, item);
	else
		ret = nn_job_show_tensor(what, result->list ? &result->list->items[item]->tensor :
				  &result->tensor, tensor);
	return nn_job_end(job, ret);
}
