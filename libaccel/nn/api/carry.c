// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Results that stay on the card, as inputs of the next run.
 *
 * A language model gives, with each word, the keys and values of all words before, and needs them for
 * the next one. Through the host, that is most of what a word moves.
 *
 * The program ties an output to an input once, and then runs the model again and again. Rejected:
 * opaque values that results are kept in, and that the program binds to inputs itself, word by
 * word, for each layer, as the bindings of ONNX Runtime have it. Half of what programs write there is
 * to swap such values and to release them at the right moment, and the library would not know
 * that the past of the next run is the present of this one. What these values can do beyond that
 * (several jobs go on from one state; a state is saved) are two functions here, and nobody
 * has to release anything.
 *
 * What is kept lies in a buffer of the job's, not in the plan's memory: jobs share plans. The plan reads
 * it where it is (../card/ports.h).
 *
 * Sizes that grow with each run need a plan each time, which costs far more than a run: some
 * millions of the host's instructions for each layer of a language model. So there are caches,
 * with more places than are in use. All runs have the same sizes and one plan, and what is new in an
 * output is copied behind what is in use: a word of keys, not all words of them. The model is
 * told by its mask what to look at; masked places weigh exactly zero. Rejected: a plan for a size
 * that is a variable, which kernels and all that chooses tiles would have to know of; and places at
 * the beginning that are free, which is how models see a growing past, but everything would move
 * by one place with each word.
 *
 * A run that fails leaves all as it was. A cache gets its new words in places that are not in
 * use, and counts them only when the run has succeeded; what is carried over whole gets another
 * buffer each time.
 *
 * Who owns the job owns all this.
 */
#include "carry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../error.h"
#include "job.h"

#define RUN	"cannot run the model"
#define BIND	"cannot bind an output to an input"
#define COPY	"cannot copy what was carried over"
#define SHOW	"cannot show what was carried over"

/* ---- Names ---- */

struct name {
	char text[80];
};

static struct name input_name(const struct accel_nn_job *job, size_t input)
{
	struct name name;

	nn_clean(name.text, sizeof(name.text), nn_job_graph(job)->inputs[input]->name);
	return name;
}

static struct name output_name(const struct accel_nn_job *job, size_t output)
{
	struct name name;

	nn_clean(name.text, sizeof(name.text), nn_job_graph(job)->outputs[output]->name);
	return name;
}

/* ---- States ---- */

static size_t bytes_of(const struct nn_tensor *tensor)
{
	return nn_bytes(tensor->type, tensor->count);
}

/* Bytes of all that lies between two places along an axis. */
static size_t bytes_inside(const struct nn_tensor *tensor, int axis)
{
	size_t bytes = nn_bytes(tensor->type, 1);
	int i;

	for (i = axis + 1; i < tensor->shape.rank; i++)
		bytes *= (size_t)tensor->shape.dims[i];
	return bytes;
}

/* How often there is a row of places. */
static size_t rows_of(const struct nn_shape *shape, int axis)
{
	size_t rows = 1;
	int i;

	for (i = 0; i < axis; i++)
		rows *= (size_t)shape->dims[i];
	return rows;
}

static void release_state(struct nn_state *state)
{
	accel_buffer_destroy(state->buffer);
	nn_tensor_release(&state->tensor);
	memset(state, 0, sizeof(*state));
}

/* Memory on the card, which has anything in it. */
static int make_buffer(const struct accel_nn_job *job, struct nn_state *state)
{
	const size_t bytes = (bytes_of(&state->tensor) + 7) & ~(size_t)7;

	return accel_pool_alloc(job->model->card->pool, bytes ? bytes : 8, 0, &state->buffer);
}

/* Memory on the host, of zeros. */
static int make_data(struct nn_state *state)
{
	const struct nn_tensor tensor = state->tensor;
	int ret = nn_tensor_init(&state->tensor, tensor.type, &tensor.shape);

	if (ret)
		return accel_fail_errno(ret, RUN);
	memset(state->tensor.data, 0, bytes_of(&tensor));
	return 0;
}

static void copy_rows(void *to, const void *from, const struct accel_rect *rect)
{
	size_t i;

	for (i = 0; i < rect->rows; i++)
		memcpy((char *)to + rect->dst_offset + i * rect->dst_pitch,
		       (const char *)from + rect->src_offset + i * rect->src_pitch, rect->width);
}

/* The first places of one tensor, to be the first of another one. */
static struct accel_rect first_places(const struct nn_tensor *from, const struct nn_tensor *to,
				      int axis, int64_t count)
{
	const size_t inside = bytes_inside(from, axis);
	const bool single = !from->shape.rank;

	return (struct accel_rect){
		.size = sizeof(struct accel_rect), .width = (size_t)count * inside,
		.rows = count ? rows_of(&from->shape, axis) : 0, .slices = 1,
		.src_pitch = single ? inside : (size_t)from->shape.dims[axis] * inside,
		.dst_pitch = single ? inside : (size_t)to->shape.dims[axis] * inside,
	};
}

/* ---- Bindings ---- */

bool nn_carries(const struct accel_nn_job *job, size_t output)
{
	return job->carried_to[output] != NN_NOWHERE_TO;
}

void nn_carry_unbind(struct accel_nn_job *job, size_t output)
{
	if (!nn_carries(job, output))
		return;
	job->carried[job->carried_to[output]].bound = false;
	job->carried_to[output] = NN_NOWHERE_TO;
}

void nn_carry_forget(struct accel_nn_job *job, size_t input)
{
	release_state(&job->carried[input].now);
}

void nn_carry_release(struct accel_nn_job *job)
{
	size_t i;

	for (i = 0; job->carried && i < nn_job_graph(job)->input_count; i++) {
		release_state(&job->carried[i].now);
		release_state(&job->carried[i].next);
		nn_tensor_release(&job->carried[i].shown);
	}
	free(job->carried);
	free(job->carried_to);
}

/* The input is this from now on. */
static void adopt(struct accel_nn_job *job, size_t input, const struct nn_state *state)
{
	struct nn_state *now = &job->carried[input].now;

	if (now->buffer != state->buffer || now->tensor.data != state->tensor.data)
		release_state(now);
	*now = *state;
	job->outdated |= job->given[input] == NN_GIVEN_NOT ||
			 !nn_shape_equal(&job->inputs[input].shape, &state->tensor.shape);
	job->inputs[input] = state->tensor;
	job->given[input] = NN_GIVEN_CARRIED;
}

static int refuse_type(const char *what, const struct accel_nn_job *job, size_t output,
		       size_t input, enum nn_type type)
{
	return accel_fail(-EINVAL, what, NULL,
			  "output '%s' has elements of type %s, input '%s' of type %s",
			  output_name(job, output).text, nn_type_name(type),
			  input_name(job, input).text,
			  nn_type_name(nn_job_graph(job)->inputs[input]->type));
}

static int check_ports(const struct accel_nn_job *job, size_t output, size_t input)
{
	const struct nn_graph *graph = nn_job_graph(job);
	const struct nn_value *from, *to;

	if (output >= graph->output_count || input >= graph->input_count)
		return accel_fail(-EINVAL, BIND, NULL,
				  "the model has %zu outputs and %zu inputs, so there is no %zu or %zu",
				  graph->output_count, graph->input_count, output, input);
	from = graph->outputs[output];
	to = graph->inputs[input];
	if (from->kind != NN_TENSOR || to->kind != NN_TENSOR || to->type == NN_STRING)
		return accel_fail(-EINVAL, BIND, NULL,
				  "output '%s' or input '%s' is not a tensor of numbers",
				  output_name(job, output).text, input_name(job, input).text);
	if (from->type != NN_UNDEFINED && from->type != to->type)
		return refuse_type(BIND, job, output, input, from->type);
	if (from->shape.rank >= 0 && to->shape.rank >= 0 && from->shape.rank != to->shape.rank)
		return accel_fail(-EINVAL, BIND, NULL,
				  "output '%s' has %d dimensions, input '%s' has %d",
				  output_name(job, output).text, from->shape.rank,
				  input_name(job, input).text, to->shape.rank);
	if (nn_type_bits(to->type) % 8)
		return accel_fail(-ENOTSUP, BIND, NULL, "elements of %s are less than a byte",
				  nn_type_name(to->type));
	return 0;
}

static int check_options(const struct accel_nn_job *job, size_t input,
			 const struct accel_nn_carry_options *options)
{
	const struct nn_value *value = nn_job_graph(job)->inputs[input];
	const int rank = value->shape.rank < 0 ? NN_RANK_MAX : value->shape.rank;

	if (options->reserved)
		return accel_fail(-EINVAL, BIND, NULL, "a reserved option is set");
	if (options->places < 0)
		return accel_fail(-EINVAL, BIND, NULL, "a cache cannot have %lld places",
				  (long long)options->places);
	if (options->places && options->axis >= (uint32_t)rank)
		return accel_fail(-EINVAL, BIND, NULL,
				  "input '%s' has %d dimensions, so there is none of number %u",
				  input_name(job, input).text, rank, options->axis);
	return 0;
}

/* What is there already can become what is asked for. */
static int check_state(const char *what, const struct accel_nn_job *job, size_t input,
		       const struct nn_state *now, int axis, int64_t places)
{
	int64_t used;

	if (axis < 0)
		return 0;
	if (now->axis >= 0 && now->axis != axis)
		return accel_fail(-EINVAL, what, NULL,
				  "the places of input '%s' are along dimension %d, not %d",
				  input_name(job, input).text, now->axis, axis);
	used = now->axis >= 0 ? now->used : now->tensor.shape.dims[axis];
	if (used > places)
		return accel_fail(-EINVAL, what, "give it at least as many",
				  "%lld places of input '%s' are in use, which is to have %lld",
				  (long long)used, input_name(job, input).text, (long long)places);
	return 0;
}

static void bind(struct accel_nn_job *job, size_t output, size_t input, int axis, int64_t places)
{
	struct nn_carried *carried = &job->carried[input];

	if (carried->bound)
		nn_carry_unbind(job, carried->output);
	nn_carry_unbind(job, output);
	nn_job_forget_results(job);
	job->destinations[output] = (struct nn_destination){ .data = NULL };
	carried->bound = true;
	carried->output = output;
	carried->axis = axis;
	carried->places = places;
	job->carried_to[output] = input;
}

NN_API int accel_nn_bind_output_to_input(struct accel_nn_job *job, uint32_t output, uint32_t input,
					 const struct accel_nn_carry_options *options)
{
	struct accel_nn_carry_options opts;
	int ret = accel_copy_in(BIND, &opts, sizeof(opts), options), axis;

	if (!ret)
		ret = nn_job_begin(BIND, job);
	if (ret)
		return ret;
	ret = check_ports(job, output, input);
	if (!ret)
		ret = check_options(job, input, &opts);
	axis = opts.places ? (int)opts.axis : -1;
	if (!ret && job->given[input] == NN_GIVEN_CARRIED)
		ret = check_state(BIND, job, input, &job->carried[input].now, axis, opts.places);
	if (!ret)
		bind(job, output, input, axis, opts.places);
	return nn_job_end(job, ret);
}

/* ---- Before a run ---- */

/* How many places an input is to have along an axis: false if it is as it is to be. */
static bool wanted_places(const struct nn_carried *carried, int *axis, int64_t *places)
{
	const struct nn_state *now = &carried->now;

	if (!carried->bound)
		return false;
	*axis = carried->axis >= 0 ? carried->axis : now->axis;
	if (*axis < 0)
		return false;
	*places = carried->axis >= 0 ? carried->places : now->used;
	return now->axis != carried->axis || now->tensor.shape.dims[*axis] != *places;
}

static int copy_places(struct accel_nn_job *job, struct accel_stream *stream,
		       const struct nn_state *from, struct nn_state *to,
		       const struct accel_rect *rect)
{
	int ret;

	if (!from->buffer) {
		ret = make_data(to);
		if (!ret)
			copy_rows(to->tensor.data, from->tensor.data, rect);
		return ret;
	}
	ret = make_buffer(job, to);
	if (!ret)
		ret = accel_fill(stream, to->buffer, 0, accel_buffer_size(to->buffer), 0, 8, 0);
	if (!ret && rect->rows && rect->width)
		ret = accel_copy_rect(stream, to->buffer, from->buffer, rect, 0);
	/* Also of what has failed the memory is given back. */
	if (to->buffer) {
		int waited = accel_stream_wait(stream, ACCEL_FOREVER);

		ret = ret ? ret : waited;
	}
	return ret;
}

static int resize(struct accel_nn_job *job, struct accel_stream *stream, size_t input)
{
	const struct nn_carried *carried = &job->carried[input];
	struct nn_state new = { .axis = carried->axis };
	struct accel_rect rect;
	int64_t places;
	int axis, ret;

	if (!wanted_places(carried, &axis, &places))
		return 0;
	new.used = carried->now.axis >= 0 ? carried->now.used : carried->now.tensor.shape.dims[axis];
	new.tensor.type = carried->now.tensor.type;
	new.tensor.shape = carried->now.tensor.shape;
	new.tensor.shape.dims[axis] = places;
	if (!nn_shape_count(&new.tensor.shape, &new.tensor.count))
		return accel_fail(-EINVAL, RUN, "ask for fewer places", "input '%s' is too large",
				  input_name(job, input).text);
	rect = first_places(&carried->now.tensor, &new.tensor, axis, new.used);
	ret = copy_places(job, stream, &carried->now, &new, &rect);
	if (ret)
		release_state(&new);
	else
		adopt(job, input, &new);
	return ret;
}

int nn_carry_resize(struct accel_nn_job *job, struct accel_stream *stream)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < nn_job_graph(job)->input_count && !ret; i++)
		if (job->given[i] == NN_GIVEN_CARRIED)
			ret = resize(job, stream, i);
	return ret;
}

/* ---- What a run makes of an input ---- */

static int refuse_shape(const struct accel_nn_job *job, size_t input, const struct nn_shape *out,
			const struct nn_shape *in)
{
	const struct nn_model *model = job->model->model;
	char given[160], wanted[160];

	nn_shape_print(out, NULL, 0, given, sizeof(given));
	nn_shape_print(in, model->symbols, model->symbol_count, wanted, sizeof(wanted));
	return accel_fail(-EINVAL, RUN, NULL,
			  "output '%s' has shape %s, which input '%s' of shape %s cannot become",
			  output_name(job, job->carried[input].output).text, given,
			  input_name(job, input).text, wanted);
}

/* The model can have this as its input. */
static bool accepts(const struct nn_value *value, const struct nn_shape *shape)
{
	int i;

	if (value->shape.rank >= 0 && value->shape.rank != shape->rank)
		return false;
	for (i = 0; i < value->shape.rank; i++)
		if (value->shape.dims[i] >= 0 && value->shape.dims[i] != shape->dims[i])
			return false;
	return true;
}

/* The output is the input with more places, and nothing else. */
static bool extends(const struct nn_shape *out, const struct nn_shape *in, int axis)
{
	int i;

	if (out->rank != in->rank || axis >= in->rank)
		return false;
	for (i = 0; i < in->rank; i++)
		if (i == axis ? out->dims[i] < in->dims[i] : out->dims[i] != in->dims[i])
			return false;
	return true;
}

static int refuse_full(const struct accel_nn_job *job, size_t input, int64_t used, int64_t more)
{
	return accel_fail(-ENOSPC, RUN, "call accel_nn_bind_output_to_input() with more places",
			  "input '%s' has %lld places, of which %lld are in use, and gets %lld more",
			  input_name(job, input).text, (long long)job->carried[input].places,
			  (long long)used, (long long)more);
}

/*
 * What is next, without memory, and which part of the output goes where in it. It is `new`, or the
 * rest of it stays as it is.
 */
static int find_cache(const struct accel_nn_job *job, size_t input, const struct nn_tensor *out,
		      struct nn_state *next, struct accel_rect *rect, bool *new)
{
	const struct nn_carried *carried = &job->carried[input];
	const struct nn_shape *in = &job->inputs[input].shape;
	const int axis = carried->axis;
	int64_t first, used, count;

	if (!extends(&out->shape, in, axis))
		return refuse_shape(job, input, &out->shape, in);
	*new = job->given[input] != NN_GIVEN_CARRIED;
	first = *new ? 0 : in->dims[axis];
	used = *new ? 0 : carried->now.used;
	count = out->shape.dims[axis] - first;
	if (count > carried->places - used)
		return refuse_full(job, input, used, count);
	next->axis = axis;
	next->used = used + count;
	next->tensor.shape.dims[axis] = carried->places;
	if (!nn_shape_count(&next->tensor.shape, &next->tensor.count))
		return accel_fail(-EINVAL, RUN, "ask for fewer places", "input '%s' is too large",
				  input_name(job, input).text);
	*rect = first_places(out, &next->tensor, axis, count);
	rect->src_offset = (size_t)first * bytes_inside(out, axis);
	rect->dst_offset = (size_t)used * bytes_inside(out, axis);
	return 0;
}

static int find_next(const struct accel_nn_job *job, size_t input, const struct nn_tensor *out,
		     struct nn_state *next, struct accel_rect *rect, bool *new)
{
	const struct nn_value *value = nn_job_graph(job)->inputs[input];
	int ret = 0;

	if (out->type != value->type)
		return refuse_type(RUN, job, job->carried[input].output, input, out->type);
	*next = (struct nn_state){ .tensor = *out, .axis = -1 };
	next->tensor.data = NULL;
	if (job->carried[input].axis >= 0) {
		ret = find_cache(job, input, out, next, rect, new);
	} else {
		*new = true;
		*rect = first_places(out, out, 0, out->shape.rank ? out->shape.dims[0] : 1);
	}
	if (!ret && !accepts(value, &next->tensor.shape))
		ret = refuse_shape(job, input, &next->tensor.shape, &value->shape);
	return ret;
}

/* Forget what a run was to make. */
static void drop_next(struct accel_nn_job *job)
{
	size_t i;

	for (i = 0; i < nn_job_graph(job)->input_count; i++)
		release_state(&job->carried[i].next);
}

/* What the run has made is what the inputs are. */
static void adopt_next(struct accel_nn_job *job)
{
	size_t i;

	for (i = 0; i < nn_job_graph(job)->input_count; i++) {
		struct nn_carried *carried = &job->carried[i];

		if (!carried->bound)
			continue;
		/* More in the same memory. */
		if (!carried->next.buffer && !carried->next.tensor.data) {
			carried->next.buffer = carried->now.buffer;
			carried->next.tensor.data = carried->now.tensor.data;
		}
		adopt(job, i, &carried->next);
		memset(&carried->next, 0, sizeof(carried->next));
	}
}

/* ---- On the card ---- */

static int bring_to_card(struct accel_nn_job *job, struct accel_stream *stream, size_t input)
{
	struct nn_state new = job->carried[input].now;
	int ret;

	if (new.buffer)
		return 0;
	ret = make_buffer(job, &new);
	if (!ret)
		ret = accel_upload(stream, new.buffer, 0, new.tensor.data, bytes_of(&new.tensor));
	new.tensor.data = NULL;
	if (!ret) {
		adopt(job, input, &new);
	} else if (new.buffer) {
		accel_stream_wait(stream, ACCEL_FOREVER);
		accel_buffer_destroy(new.buffer);
	}
	return ret;
}

static int prepare_next(struct accel_nn_job *job, size_t output)
{
	const struct nn_port_place *port = &job->variant->plan->outputs[output];
	struct nn_tensor out = { .type = port->type, .shape = port->shape };
	const size_t input = job->carried_to[output];
	struct nn_carried *carried = &job->carried[input];
	struct nn_keeping *keeping = &job->keepings[output];
	bool new;
	int ret;

	nn_shape_count(&out.shape, &out.count);
	ret = find_next(job, input, &out, &carried->next, &keeping->rect, &new);
	if (!ret && new)
		ret = make_buffer(job, &carried->next);
	if (ret)
		return ret;
	keeping->buffer = new ? carried->next.buffer : carried->now.buffer;
	keeping->clear = new && carried->axis >= 0;
	return 0;
}

int nn_carry_begin(struct accel_nn_job *job, struct accel_stream *stream)
{
	const struct nn_graph *graph = nn_job_graph(job);
	size_t i;
	int ret = 0;

	memset(job->sources, 0, graph->input_count * sizeof(struct accel_buffer *));
	memset(job->keepings, 0, graph->output_count * sizeof(*job->keepings));
	for (i = 0; i < graph->input_count && !ret; i++) {
		if (job->given[i] != NN_GIVEN_CARRIED)
			continue;
		ret = bring_to_card(job, stream, i);
		job->sources[i] = job->carried[i].now.buffer;
	}
	for (i = 0; i < graph->output_count && !ret; i++)
		if (nn_carries(job, i))
			ret = prepare_next(job, i);
	if (!ret)
		ret = nn_plan_set_sources(job->variant->plan, job->sources);
	nn_plan_set_keepings(job->variant->plan, job->keepings);
	if (ret)
		drop_next(job);
	return ret;
}

int nn_carry_end(struct accel_nn_job *job, struct accel_stream *stream, int ret)
{
	if (!ret) {
		adopt_next(job);
		return 0;
	}
	/* Memory that something may still be copied to is not given back. Dead streams copy nothing. */
	if (ret != -ECANCELED && ret != -ENODEV)
		accel_stream_wait(stream, ACCEL_FOREVER);
	drop_next(job);
	return ret;
}

/* ---- On the host ---- */

static int bring_to_host(struct accel_nn_job *job, struct accel_stream *stream, size_t input)
{
	struct nn_state new = job->carried[input].now;
	int ret;

	if (!new.buffer)
		return 0;
	new.buffer = NULL;
	ret = make_data(&new);
	if (!ret)
		ret = accel_download(stream, job->carried[input].now.buffer, 0, new.tensor.data,
				     bytes_of(&new.tensor));
	if (ret)
		release_state(&new);
	else
		adopt(job, input, &new);
	return ret;
}

int nn_carry_begin_on_host(struct accel_nn_job *job, struct accel_stream *stream)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < nn_job_graph(job)->input_count && !ret; i++)
		if (job->given[i] == NN_GIVEN_CARRIED)
			ret = bring_to_host(job, stream, i);
	return ret;
}

/* Nothing of what is there is changed yet: a run may still fail. */
static int take_next(struct accel_nn_job *job, size_t output, struct nn_facts *facts)
{
	struct nn_fact *fact = &facts->facts[nn_job_graph(job)->outputs[output]->index];
	const struct nn_tensor *from = fact->kind == NN_TENSOR ? nn_contents(fact) : NULL;
	const size_t input = job->carried_to[output];
	struct nn_carried *carried = &job->carried[input];
	struct accel_rect rect;
	bool new;
	int ret;

	if (!from)
		return accel_fail(-EINVAL, RUN, NULL, "output '%s' is not a tensor",
				  output_name(job, output).text);
	ret = find_next(job, input, from, &carried->next, &rect, &new);
	if (!ret && new)
		ret = make_data(&carried->next);
	if (ret)
		return ret;
	copy_rows(new ? carried->next.tensor.data : carried->now.tensor.data, from->data, &rect);
	return 0;
}

int nn_carry_end_on_host(struct accel_nn_job *job, struct nn_facts *facts, int ret)
{
	size_t i;

	for (i = 0; i < nn_job_graph(job)->output_count && !ret; i++)
		if (nn_carries(job, i))
			ret = take_next(job, i, facts);
	if (ret)
		drop_next(job);
	else
		adopt_next(job);
	return ret;
}

/* ---- For the program ---- */

static int check_carried(const char *what, const struct accel_nn_job *job, size_t input)
{
	if (input >= nn_job_graph(job)->input_count)
		return accel_fail(-EINVAL, what, NULL, "the model has %zu inputs, so there is no %zu",
				  nn_job_graph(job)->input_count, input);
	if (job->given[input] != NN_GIVEN_CARRIED)
		return accel_fail(-EINVAL, what, "bind an output to it, and run the model",
				  "nothing was carried over to input '%s' yet",
				  input_name(job, input).text);
	return 0;
}

static int copy_state(struct accel_nn_job *job, const struct nn_state *from, struct nn_state *to)
{
	const size_t bytes = bytes_of(&from->tensor);
	int ret;

	*to = *from;
	to->tensor.data = NULL;
	to->buffer = NULL;
	if (!from->buffer) {
		ret = make_data(to);
		if (!ret)
			memcpy(to->tensor.data, from->tensor.data, bytes);
		return ret;
	}
	ret = nn_job_own_stream(job);
	if (!ret)
		ret = make_buffer(job, to);
	if (!ret)
		ret = accel_copy(job->stream, to->buffer, 0, from->buffer, 0, bytes, 0);
	if (!ret)
		ret = accel_stream_wait(job->stream, ACCEL_FOREVER);
	return nn_job_end_own_stream(job, ret);
}

static int copy_carried(struct accel_nn_job *job, size_t input, struct accel_nn_job *from)
{
	const struct nn_carried *carried;
	struct nn_state copy;
	int ret = check_carried(COPY, from, input);

	if (ret)
		return ret;
	carried = &job->carried[input];
	if (carried->bound)
		ret = check_state(COPY, job, input, &from->carried[input].now, carried->axis,
				  carried->places);
	if (ret)
		return ret;
	ret = copy_state(job, &from->carried[input].now, &copy);
	if (ret)
		release_state(&copy);
	else
		adopt(job, input, &copy);
	return ret;
}

NN_API int accel_nn_copy_carried(struct accel_nn_job *job, uint32_t input, struct accel_nn_job *from)
{
	int ret;

	if (!job || !from || job->model != from->model || job == from)
		return accel_fail(-EINVAL, COPY, NULL, "there are no two jobs of one model");
	ret = nn_job_begin(COPY, job);
	if (ret)
		return ret;
	ret = nn_job_begin(COPY, from);
	if (!ret)
		ret = nn_job_end(from, copy_carried(job, input, from));
	return nn_job_end(job, ret);
}

/* All of a state on the host: `data` is a copy to be freed, or NULL if it is there already. */
static int fetch(struct accel_nn_job *job, const struct nn_state *state, void **data)
{
	const size_t bytes = bytes_of(&state->tensor);
	int ret;

	*data = NULL;
	if (!state->buffer)
		return 0;
	*data = malloc(bytes + 1);
	if (!*data)
		return accel_fail_errno(-ENOMEM, SHOW);
	ret = nn_job_own_stream(job);
	if (!ret)
		ret = nn_job_end_own_stream(job, accel_download(job->stream, state->buffer, 0, *data,
								bytes));
	if (ret)
		free(*data);
	return ret;
}

/* What is in use, without the rest. */
static int show(struct accel_nn_job *job, struct nn_carried *carried)
{
	const struct nn_state *now = &carried->now;
	const int axis = now->axis < 0 ? 0 : now->axis;
	struct nn_shape shape = now->tensor.shape;
	struct accel_rect rect;
	void *data;
	int ret;

	nn_tensor_release(&carried->shown);
	if (now->axis >= 0)
		shape.dims[axis] = now->used;
	ret = nn_tensor_init(&carried->shown, now->tensor.type, &shape);
	if (ret)
		return accel_fail_errno(ret, SHOW);
	ret = fetch(job, now, &data);
	if (ret)
		return ret;
	rect = first_places(&now->tensor, &carried->shown, axis, shape.rank ? shape.dims[axis] : 1);
	copy_rows(carried->shown.data, data ? data : now->tensor.data, &rect);
	free(data);
	return 0;
}

NN_API int accel_nn_get_carried(struct accel_nn_job *job, uint32_t input,
				struct accel_nn_tensor *tensor)
{
	int ret = nn_job_begin(SHOW, job);

	if (ret)
		return ret;
	ret = check_carried(SHOW, job, input);
	if (!ret)
		ret = show(job, &job->carried[input]);
	if (!ret)
		ret = nn_job_show_tensor(SHOW, &job->carried[input].shown, tensor);
	return nn_job_end(job, ret);
}

uint64_t nn_carry_memory(const struct accel_nn_job *job)
{
	uint64_t bytes = 0;
	size_t i;

	for (i = 0; i < nn_job_graph(job)->input_count; i++)
		if (job->carried[i].now.buffer)
			bytes += accel_buffer_size(job->carried[i].now.buffer);
	return bytes;
}
