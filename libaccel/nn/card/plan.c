// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../error.h"
#include "lower.h"
#include "ports.h"

#define WHAT	"cannot plan the model"
#define RUN	"cannot run the model"
#define ALIGN	256	/* of storages, in bytes */

/* ---- Lists ---- */

/* Room for one more in an array from realloc(). */
static bool have_room(void **array, size_t count, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 64;
	void *grown;

	if (count < *room)
		return true;
	grown = realloc(*array, more * size);
	if (!grown)
		return false;
	*array = grown;
	*room = more;
	return true;
}

int nn_plan_place(struct nn_plan *plan, size_t bytes, struct nn_ref *ref)
{
	*ref = (struct nn_ref){ .storage = 0 };
	if (!have_room((void **)&plan->storages, plan->storage_count, &plan->storage_room,
		       sizeof(*plan->storages)))
		return accel_fail_errno(-ENOMEM, WHAT);
	plan->storages[plan->storage_count] = (struct nn_storage){ .bytes = bytes };
	ref->storage = (uint32_t)plan->storage_count++;
	return 0;
}

static struct nn_item *add_item(struct nn_plan *plan)
{
	struct nn_item *item;

	if (!have_room((void **)&plan->items, plan->item_count, &plan->item_room,
		       sizeof(*plan->items)))
		return NULL;
	item = &plan->items[plan->item_count];
	*item = (struct nn_item){ .step = (uint32_t)plan->step_count - 1 };
	return item;
}

struct nn_item *nn_plan_launch(struct nn_plan *plan, enum nn_kernel kernel, size_t args_size)
{
	struct nn_item *item = add_item(plan);

	if (!item)
		return NULL;
	item->kind = NN_LAUNCH;
	item->kernel = kernel;
	item->args = calloc(1, args_size);
	item->args_size = args_size;
	item->groups = 1;
	if (!item->args)
		return NULL;
	plan->item_count++;
	plan->steps[item->step].launches++;
	return item;
}

void nn_plan_reloc(struct nn_item *item, size_t at, struct nn_ref ref)
{
	item->relocs[item->reloc_count++] = (struct nn_reloc){ .at = (uint32_t)at, .ref = ref };
}

static void free_host(struct nn_host *host)
{
	size_t i;

	if (!host)
		return;
	for (i = 0; i < host->count && host->facts; i++)
		nn_forget(&host->facts[i]);
	free(host->values);
	free(host->facts);
	free(host->refs);
	free(host->held);
	free(host);
}

struct nn_item *nn_plan_host(struct nn_plan *plan, const struct nn_node *node)
{
	struct nn_item *item = add_item(plan);
	struct nn_host *host = item ? calloc(1, sizeof(*host)) : NULL;
	size_t uses = 0, i, at;
	struct nn_value *value;

	if (!host)
		return NULL;
	while (nn_node_dependency(node, uses, &value))
		uses++;
	host->node = node;
	host->count = uses + node->output_count;
	host->values = calloc(host->count + 1, sizeof(struct nn_value *));
	host->facts = calloc(host->count + 1, sizeof(*host->facts));
	host->refs = calloc(host->count + 1, sizeof(*host->refs));
	host->held = calloc(host->count + 1, sizeof(*host->held));
	if (!host->values || !host->facts || !host->refs || !host->held) {
		free_host(host);
		return NULL;
	}
	for (i = 0; nn_node_dependency(node, i, &value); i++) {
		at = i < node->input_count ? i : i + node->output_count;
		host->values[at] = value;
	}
	for (i = 0; i < node->output_count; i++)
		host->values[node->input_count + i] = node->outputs[i];
	item->kind = NN_HOST;
	item->host = host;
	plan->item_count++;
	return item;
}

struct nn_plan_step *nn_plan_step(struct nn_plan *plan)
{
	if (!have_room((void **)&plan->steps, plan->step_count, &plan->step_room,
		       sizeof(*plan->steps)))
		return NULL;
	plan->steps[plan->step_count] = (struct nn_plan_step){ .where = NN_ON_CARD };
	return &plan->steps[plan->step_count++];
}

int nn_plan_step_node(struct nn_plan_step *step, const struct nn_node *node)
{
	const struct nn_node **more = realloc(step->nodes, (step->node_count + 1) *
					      sizeof(struct nn_node *));

	if (!more)
		return accel_fail_errno(-ENOMEM, WHAT);
	step->nodes = more;
	step->nodes[step->node_count++] = node;
	return 0;
}

int nn_plan_shared_constant(struct nn_plan *plan, const void *data, size_t bytes,
			    struct nn_ref *ref)
{
	int ret = nn_plan_place(plan, bytes, ref);

	if (ret)
		return ret;
	plan->storages[ref->storage].fixed = true;
	plan->storages[ref->storage].shared = true;
	plan->storages[ref->storage].data = data;
	return 0;
}

int nn_plan_constant(struct nn_plan *plan, const void *data, size_t bytes, struct nn_ref *ref)
{
	void *copy = malloc(bytes + 1);
	int ret;

	if (!copy || !have_room((void **)&plan->copies, plan->copy_count, &plan->copy_room,
				sizeof(void *))) {
		free(copy);
		return accel_fail_errno(-ENOMEM, WHAT);
	}
	memcpy(copy, data, bytes);
	plan->copies[plan->copy_count++] = copy;
	ret = nn_plan_shared_constant(plan, copy, bytes, ref);
	if (!ret)
		plan->storages[ref->storage].shared = false;
	return ret;
}

/* ---- Memory ---- */

static void use(struct nn_plan *plan, const struct nn_ref *ref, uint32_t time)
{
	struct nn_storage *storage = &plan->storages[ref->storage];

	if (!storage->used || time < storage->first)
		storage->first = time;
	if (!storage->used || time > storage->last)
		storage->last = time;
	storage->used = true;
}

/* Items that overlap share a time, so nothing of theirs shares memory. */
static void find_lives(struct nn_plan *plan)
{
	uint32_t time = 0;
	size_t i, k;

	for (i = 0; i < plan->input_count; i++)
		use(plan, &plan->inputs[i].ref, 0);
	for (i = 0; i < plan->item_count; i++) {
		struct nn_item *item = &plan->items[i];

		item->time = item->kind == NN_LAUNCH && item->overlap ? time : ++time;
		for (k = 0; k < item->reloc_count; k++)
			use(plan, &item->relocs[k].ref, time);
		for (k = 0; item->host && k < item->host->count; k++)
			use(plan, &item->host->refs[k], time);
	}
	for (i = 0; i < plan->output_count; i++)
		use(plan, &plan->outputs[i].ref, time + 1);
}

static int compare_sizes(const void *a, const void *b)
{
	const struct nn_storage *x = *(struct nn_storage *const *)a;
	const struct nn_storage *y = *(struct nn_storage *const *)b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return x < y ? -1 : 1;
}

static int compare_places(const void *a, const void *b)
{
	const struct nn_storage *x = *(struct nn_storage *const *)a;
	const struct nn_storage *y = *(struct nn_storage *const *)b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static uint64_t rounded(size_t bytes)
{
	return ((uint64_t)bytes + ALIGN - 1) & ~(uint64_t)(ALIGN - 1);
}

/* The lowest gap among what lives at the same time, which `busy` has room for. */
static uint64_t find_gap(struct nn_storage **placed, size_t count, const struct nn_storage *storage,
			 struct nn_storage **busy)
{
	size_t i, n = 0;
	uint64_t at = 0;

	for (i = 0; i < count; i++)
		if (placed[i]->first <= storage->last && storage->first <= placed[i]->last)
			busy[n++] = placed[i];
	qsort(busy, n, sizeof(struct nn_storage *), compare_places);
	for (i = 0; i < n; i++) {
		if (at + rounded(storage->bytes) <= busy[i]->address)
			break;
		if (at < busy[i]->address + rounded(busy[i]->bytes))
			at = busy[i]->address + rounded(busy[i]->bytes);
	}
	return at;
}

static int make_memory(struct nn_plan *plan)
{
	int ret = accel_buffer_create(plan->card->context,
				      plan->peak ? (size_t)plan->peak : ALIGN,
				      ACCEL_OPTIONS(accel_buffer_options, .name = "activations"),
				      &plan->memory);

	if (ret != -ENOSPC)
		return ret;
	return accel_fail(ret, WHAT, "give it smaller inputs, or fewer at a time; accelctl shows "
			  "who uses the card's memory",
			  "its values take %.1f MiB at a time, for which the card has no room",
			  (double)plan->peak / (1 << 20));
}

/* The largest first, each at the lowest place that is free all its life. */
static int plan_memory(struct nn_plan *plan)
{
	struct nn_storage **order = calloc(2 * plan->storage_count + 1, sizeof(struct nn_storage *));
	struct nn_storage **busy = order + plan->storage_count;
	size_t i, count = 0;

	if (!order)
		return accel_fail_errno(-ENOMEM, WHAT);
	for (i = 1; i < plan->storage_count; i++)
		if (plan->storages[i].used && !plan->storages[i].fixed)
			order[count++] = &plan->storages[i];
	qsort(order, count, sizeof(struct nn_storage *), compare_sizes);
	for (i = 0; i < count; i++) {
		order[i]->address = find_gap(order, i, order[i], busy);
		if (order[i]->address + rounded(order[i]->bytes) > plan->peak)
			plan->peak = order[i]->address + rounded(order[i]->bytes);
	}
	free(order);
	return make_memory(plan);
}

static bool is_own_constant(const struct nn_storage *storage)
{
	return storage->used && storage->data && !storage->shared;
}

/* The plan's own constants, one behind the other in one buffer. */
static int upload_constants(struct nn_plan *plan)
{
	uint64_t total = 0;
	char *all;
	size_t i;
	int ret;

	for (i = 1; i < plan->storage_count; i++) {
		if (!is_own_constant(&plan->storages[i]))
			continue;
		plan->storages[i].address = total;
		total += rounded(plan->storages[i].bytes);
	}
	if (!total)
		return 0;
	all = calloc(1, (size_t)total);
	if (!all)
		return accel_fail_errno(-ENOMEM, WHAT);
	for (i = 1; i < plan->storage_count; i++)
		if (is_own_constant(&plan->storages[i]))
			memcpy(all + plan->storages[i].address, plan->storages[i].data,
			       plan->storages[i].bytes);
	ret = nn_card_upload(plan->card, all, (size_t)total, &plan->constants);
	free(all);
	if (ret)
		return ret;
	plan->constant_bytes = total;
	for (i = 1; i < plan->storage_count; i++)
		if (is_own_constant(&plan->storages[i]))
			plan->storages[i].address += accel_buffer_address(plan->constants);
	return 0;
}

static int place_constants(struct nn_plan *plan)
{
	int ret = upload_constants(plan);
	size_t i;

	for (i = 1; i < plan->storage_count && !ret; i++) {
		struct nn_storage *storage = &plan->storages[i];

		if (storage->used && storage->shared)
			ret = nn_card_weights(plan->card, storage->data, NULL, storage->bytes,
					      NN_FORM_PLAIN, NULL, NULL, &storage->address);
	}
	return ret;
}

/* What is not needed any more when the plan is made. */
static void free_copies(struct nn_plan *plan)
{
	size_t i;

	for (i = 0; i < plan->copy_count; i++)
		free(plan->copies[i]);
	free(plan->copies);
	plan->copies = NULL;
	plan->copy_count = 0;
	for (i = 0; i < plan->storage_count; i++)
		plan->storages[i].data = NULL;
}

static void relocate(struct nn_plan *plan)
{
	size_t i, k;

	for (i = 0; i < plan->item_count; i++) {
		struct nn_item *item = &plan->items[i];

		for (k = 0; k < item->reloc_count; k++) {
			uint64_t address = nn_plan_address(plan, &item->relocs[k].ref), offset;

			/* What is there already is an offset. */
			memcpy(&offset, (char *)item->args + item->relocs[k].at, sizeof(offset));
			address += offset;
			memcpy((char *)item->args + item->relocs[k].at, &address, sizeof(address));
		}
	}
}

/* ---- Recording ---- */

static int launch(const struct nn_plan *plan, const struct nn_item *item,
		  struct accel_stream *stream, bool overlap, struct accel_profile *profile)
{
	const uint32_t grid[3] = { item->groups, 1, 1 };

	return accel_launch(stream, plan->card->kernels[item->kernel], grid, item->args,
			    item->args_size,
			    ACCEL_OPTIONS(accel_launch_options,
					  .flags = overlap && item->overlap ? ACCEL_OVERLAP : 0,
					  .profile = profile));
}

/* The launches from item `i` on, up to the next that is none: where that is. */
static size_t stretch_end(const struct nn_plan *plan, size_t i)
{
	while (i < plan->item_count && plan->items[i].kind == NN_LAUNCH)
		i++;
	return i;
}

static int record_stretch(struct nn_plan *plan, size_t from, size_t to, struct accel_graph **graph)
{
	struct accel_stream *stream;
	int ret = accel_graph_create(plan->card->context, graph);

	if (ret)
		return ret;
	ret = accel_graph_record(*graph, &stream);
	for (; !ret && from < to; from++)
		ret = launch(plan, &plan->items[from], stream, true, NULL);
	if (stream)
		accel_stream_destroy(stream);
	return ret ? ret : accel_graph_instantiate(*graph);
}

static int record(struct nn_plan *plan)
{
	size_t i, end;
	int ret = 0;

	plan->graphs = calloc(plan->item_count + 1, sizeof(struct accel_graph *));
	if (!plan->graphs)
		return accel_fail_errno(-ENOMEM, WHAT);
	for (i = 0; i < plan->item_count && !ret; i = end) {
		end = stretch_end(plan, i);
		if (end > i)
			ret = record_stretch(plan, i, end, &plan->graphs[plan->graph_count++]);
		else
			end++;
	}
	return ret;
}

/* ---- Plans ---- */

static int add_ports(struct nn_plan *plan)
{
	const struct nn_graph *graph = plan->card->model->graph;
	struct nn_ref none;

	plan->input_count = graph->input_count;
	plan->output_count = graph->output_count;
	plan->inputs = calloc(graph->input_count + 1, sizeof(*plan->inputs));
	plan->outputs = calloc(graph->output_count + 1, sizeof(*plan->outputs));
	if (!plan->inputs || !plan->outputs)
		return accel_fail_errno(-ENOMEM, WHAT);
	/* Storage 0 is none. */
	return nn_plan_place(plan, 0, &none);
}

/* From now on, the ranges stay as they are. */
static int begin_plan(struct nn_card *card)
{
	bool calibrated;

	pthread_mutex_lock(&card->lock);
	calibrated = card->precision != NN_I8 || card->ranges;
	card->planned |= calibrated;
	pthread_mutex_unlock(&card->lock);
	return calibrated ? 0 : accel_fail(-EINVAL, WHAT, "call accel_nn_calibrate() first",
					   "in int8 it needs to be calibrated");
}

int nn_plan_create(struct nn_card *card, struct nn_facts *facts, struct nn_plan **result)
{
	struct nn_plan *plan = calloc(1, sizeof(*plan));
	int ret, settled;

	if (!plan)
		return accel_fail_errno(-ENOMEM, WHAT);
	plan->card = card;
	ret = begin_plan(card);
	if (!ret)
		ret = add_ports(plan);
	if (!ret)
		ret = nn_lower(plan, facts);
	if (!ret) {
		find_lives(plan);
		ret = plan_memory(plan);
	}
	if (!ret)
		ret = place_constants(plan);
	free_copies(plan);
	if (!ret) {
		relocate(plan);
		ret = record(plan);
	}
	/* Also after a failure: what is released is not to be written to any more. */
	settled = nn_card_settle(card);
	if (!ret)
		ret = settled;
	if (ret) {
		nn_plan_free(plan);
		return ret;
	}
	*result = plan;
	return 0;
}

void nn_plan_free(struct nn_plan *plan)
{
	size_t i;

	if (!plan)
		return;
	for (i = 0; i < plan->graph_count; i++)
		accel_graph_destroy(plan->graphs[i]);
	for (i = 0; i < plan->item_count; i++) {
		free(plan->items[i].args);
		free_host(plan->items[i].host);
	}
	for (i = 0; i < plan->step_count; i++)
		free(plan->steps[i].nodes);
	free_copies(plan);
	accel_buffer_destroy(plan->constants);
	accel_buffer_destroy(plan->memory);
	accel_buffer_destroy(plan->stage);
	free(plan->graphs);
	free(plan->items);
	free(plan->steps);
	free(plan->storages);
	for (i = 0; i < plan->output_count && plan->outputs; i++)
		free(plan->outputs[i].known);
	free(plan->inputs);
	free(plan->outputs);
	free(plan);
}

/* ---- Running ---- */

static void copy_elements(struct nn_tensor *to, const struct nn_tensor *from)
{
	size_t i;

	for (i = 0; i < to->count; i++)
		nn_set(to, i, nn_get(from, i));
}

/* A tensor whose elements have another type on the card. */
static int download_as(struct nn_plan *plan, struct accel_stream *stream, const struct nn_ref *ref,
		       enum nn_type held, struct nn_tensor *tensor)
{
	struct nn_tensor there;
	int ret;

	if (held == tensor->type)
		return nn_plan_download(plan, stream, ref, tensor->data, nn_bytes(held, tensor->count));
	ret = nn_tensor_init(&there, held, &tensor->shape);
	if (ret)
		return accel_fail_errno(ret, RUN);
	ret = nn_plan_download(plan, stream, ref, there.data, nn_bytes(held, there.count));
	if (!ret)
		copy_elements(tensor, &there);
	nn_tensor_release(&there);
	return ret;
}

static int upload_as(struct nn_plan *plan, struct accel_stream *stream, const struct nn_ref *ref,
		     enum nn_type held, const struct nn_tensor *tensor)
{
	struct nn_tensor there;
	int ret;

	if (held == tensor->type)
		return nn_plan_upload(plan, stream, ref, tensor->data, nn_bytes(held, tensor->count));
	ret = nn_tensor_init(&there, held, &tensor->shape);
	if (ret)
		return accel_fail_errno(ret, RUN);
	copy_elements(&there, tensor);
	ret = nn_plan_upload(plan, stream, ref, there.data, nn_bytes(held, there.count));
	nn_tensor_release(&there);
	return ret;
}

/* A value that the node uses has its contents: those that it has not been given for ever. */
static int fetch(struct nn_plan *plan, struct nn_host *host, size_t i, struct accel_stream *stream)
{
	struct nn_fact *fact = &host->facts[i];
	int ret;

	if (!host->values[i] || nn_is_known(fact))
		return 0;
	ret = nn_tensor_init(&fact->tensor, fact->type, &fact->shape);
	if (ret)
		return accel_fail_errno(ret, RUN);
	return download_as(plan, stream, &host->refs[i], host->held[i], &fact->tensor);
}

/* Room for a result, unless the operator makes it itself. */
static int make_room(const struct nn_host *host, struct nn_fact *fact)
{
	int ret;

	if (nn_is_known(fact) || host->node->op->makes_results)
		return 0;
	ret = nn_tensor_init(&fact->tensor, fact->type, &fact->shape);
	return ret ? accel_fail_errno(ret, RUN) : 0;
}

/* What the node's graphs use of those around them. */
static void lend_captures(struct nn_facts *facts, const struct nn_host *host)
{
	size_t i;

	for (i = host->node->input_count + host->node->output_count; i < host->count; i++) {
		struct nn_fact *fact = &facts->facts[host->values[i]->index];

		*fact = host->facts[i];
		fact->borrowed = fact->tensor.data;
	}
}

static int evaluate(struct nn_plan *plan, struct nn_host *host, struct accel_stream *stream,
		    struct nn_facts *facts)
{
	struct nn_call call = { .node = host->node, .facts = facts };
	size_t i, n = host->node->input_count;
	int ret = 0;

	call.in = calloc(host->count + 1, sizeof(struct nn_fact *));
	if (!call.in)
		return accel_fail_errno(-ENOMEM, RUN);
	call.out = call.in + n;
	for (i = 0; i < host->count && !ret; i++) {
		bool result = i >= n && i < n + host->node->output_count;

		call.in[i] = host->values[i] ? &host->facts[i] : NULL;
		if (call.in[i])
			ret = result ? make_room(host, call.in[i]) : fetch(plan, host, i, stream);
	}
	if (facts->facts)
		lend_captures(facts, host);
	if (!ret)
		ret = host->node->op->evaluate(&call);
	free(call.in);
	return ret;
}

static int refuse_result(const struct nn_host *host, size_t i)
{
	char found[160];

	nn_shape_print(&host->facts[i].shape, NULL, 0, found, sizeof(found));
	return nn_fail_node(host->node, -EINVAL, "the exporter is broken: export the model again",
			    "its result %zu has shape %s, which is not what was declared",
			    i - host->node->input_count, found);
}

static int put_results(struct nn_plan *plan, struct nn_host *host, struct accel_stream *stream,
		       const struct nn_fact *planned)
{
	size_t i, n = host->node->input_count;
	int ret = 0;

	for (i = n; i < n + host->node->output_count && !ret; i++) {
		const struct nn_fact *fact = &host->facts[i];

		if (!host->values[i] || !host->refs[i].storage)
			continue;
		if (!nn_contents(&host->facts[i]) || fact->type != planned[i].type ||
		    !nn_shape_equal(&fact->shape, &planned[i].shape))
			return refuse_result(host, i);
		ret = upload_as(plan, stream, &host->refs[i], host->held[i], &fact->tensor);
	}
	return ret;
}

/* Facts of all values are only there for nodes with graphs. */
static int begin_facts(const struct nn_plan *plan, const struct nn_node *node, struct nn_facts *facts)
{
	bool has_graph = false;
	int ret = 0;
	size_t i;

	for (i = 0; i < node->attr_count; i++)
		has_graph |= node->attrs[i].type == NN_ATTR_GRAPH;
	if (has_graph)
		ret = nn_facts_begin_run(facts, plan->card->model);
	else
		*facts = (struct nn_facts){
			.model = plan->card->model, .running = true, .result_max = SIZE_MAX,
			.work_max = SIZE_MAX,
		};
	facts->stop = plan->stop;
	return ret;
}

static int run_host(struct nn_plan *plan, struct nn_host *host, struct accel_stream *stream)
{
	struct nn_fact *planned = malloc((host->count + 1) * sizeof(*planned));
	struct nn_facts facts;
	size_t i;
	int ret;

	if (!planned)
		return accel_fail_errno(-ENOMEM, RUN);
	memcpy(planned, host->facts, host->count * sizeof(*planned));
	ret = begin_facts(plan, host->node, &facts);
	if (!ret)
		ret = evaluate(plan, host, stream, &facts);
	if (!ret)
		ret = put_results(plan, host, stream, planned);
	/* Contents that came from the card, or go to it, are not kept. */
	for (i = 0; i < host->count; i++) {
		if (!host->refs[i].storage)
			continue;
		nn_forget(&host->facts[i]);
		host->facts[i] = planned[i];
	}
	nn_facts_release(&facts);
	free(planned);
	return ret;
}

static int run_items(struct nn_plan *plan, struct accel_stream *stream)
{
	size_t i, end, graph = 0;
	int ret = 0;

	for (i = 0; i < plan->item_count && !ret; i = end) {
		end = stretch_end(plan, i);
		if (end > i) {
			ret = accel_graph_launch(plan->graphs[graph++], stream);
			plan->traffic.commands++;
		} else {
			ret = run_host(plan, plan->items[i].host, stream);
			end++;
		}
	}
	return ret;
}

static void drop_outputs(struct nn_plan *plan, struct nn_tensor *outputs)
{
	size_t i;

	for (i = 0; i < plan->output_count; i++)
		if (!plan->outputs[i].place)
			nn_tensor_release(&outputs[i]);
}

int nn_plan_run(struct nn_plan *plan, struct accel_stream *stream,
		const struct nn_tensor *inputs, struct nn_tensor *outputs)
{
	int ret;

	memset(outputs, 0, plan->output_count * sizeof(*outputs));
	ret = nn_plan_put_inputs(plan, stream, inputs);
	if (!ret)
		ret = run_items(plan, stream);
	if (!ret)
		ret = nn_plan_get_outputs(plan, stream, outputs);
	if (ret)
		drop_outputs(plan, outputs);
	return ret;
}

/* ---- Profiles ---- */

static void add_profile(struct accel_profile_data *sum, const struct accel_profile_data *more)
{
	sum->cycles += more->cycles;
	sum->hart_cycles += more->hart_cycles;
	sum->tile_wait += more->tile_wait;
	sum->dma_wait += more->dma_wait;
	sum->tile_busy += more->tile_busy;
	sum->dma_busy += more->dma_busy;
	sum->instructions += more->instructions;
	sum->macs += more->macs;
	sum->memory_read += more->memory_read;
	sum->memory_written += more->memory_written;
	sum->host_read += more->host_read;
	sum->host_written += more->host_written;
	sum->workgroups += more->workgroups;
}

static int profile_item(struct nn_plan *plan, const struct nn_item *item,
			struct accel_stream *stream, struct accel_profile *profile,
			struct accel_profile_data *sum)
{
	struct accel_profile_data data = { .size = sizeof(data) };
	int ret = launch(plan, item, stream, false, profile);

	if (!ret)
		ret = accel_stream_wait(stream, ACCEL_FOREVER);
	if (!ret)
		ret = accel_profile_read(profile, &data);
	if (!ret)
		add_profile(sum, &data);
	return ret;
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static int profile_items(struct nn_plan *plan, struct accel_stream *stream,
			 struct accel_profile *profile, struct nn_measure *measures)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < plan->step_count; i++)
		measures[i] = (struct nn_measure){ .profile.size = sizeof(measures->profile) };
	for (i = 0; i < plan->item_count && !ret; i++) {
		struct nn_item *item = &plan->items[i];
		struct nn_measure *measure = &measures[item->step];
		int64_t start = now();

		if (item->kind == NN_HOST)
			ret = run_host(plan, item->host, stream);
		else
			ret = profile_item(plan, item, stream, profile, &measure->profile);
		measure->time += now() - start;
	}
	return ret;
}

int nn_plan_profile(struct nn_plan *plan, struct accel_stream *stream,
		    const struct nn_tensor *inputs, struct nn_tensor *outputs,
		    struct nn_measure *measures)
{
	struct accel_profile *profile;
	int ret = accel_profile_create(plan->card->context, &profile);

	if (ret)
		return ret;
	memset(outputs, 0, plan->output_count * sizeof(*outputs));
	ret = nn_plan_put_inputs(plan, stream, inputs);
	if (!ret)
		ret = profile_items(plan, stream, profile, measures);
	if (!ret)
		ret = nn_plan_get_outputs(plan, stream, outputs);
	if (ret)
		drop_outputs(plan, outputs);
	accel_profile_destroy(profile);
	return ret;
}
