// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "ports.h"

#include <errno.h>
#include <string.h>

#include "../../error.h"

#define RUN	"cannot run the model"

/* ---- Places ---- */

static uint64_t storage_address(const struct nn_plan *plan, const struct nn_storage *storage)
{
	if (storage->fixed)
		return storage->address;
	if (storage->elsewhere_at)
		return storage->elsewhere_at;
	return accel_buffer_address(plan->memory) + storage->address;
}

uint64_t nn_plan_address(const struct nn_plan *plan, const struct nn_ref *ref)
{
	return storage_address(plan, &plan->storages[ref->storage]) + (uint64_t)ref->offset;
}

/* The buffer that a value lies in, and where: not for constants. */
static struct accel_buffer *find_buffer(const struct nn_plan *plan, const struct nn_ref *ref,
					size_t *offset)
{
	const struct nn_storage *storage = &plan->storages[ref->storage];

	*offset = (size_t)ref->offset;
	if (storage->elsewhere_at)
		return storage->elsewhere;
	*offset += (size_t)storage->address;
	return plan->memory;
}

/* A launch's addresses of storages that have moved. */
static bool follow_moves(const struct nn_plan *plan, struct nn_item *item)
{
	bool changed = false;
	unsigned int i;

	for (i = 0; i < item->reloc_count; i++) {
		const struct nn_storage *storage = &plan->storages[item->relocs[i].ref.storage];
		char *word = (char *)item->args + item->relocs[i].at;
		uint64_t address;

		if (!storage->moved)
			continue;
		memcpy(&address, word, sizeof(address));
		address += storage->moved;
		memcpy(word, &address, sizeof(address));
		changed = true;
	}
	return changed;
}

/* Graphs and the launches in them are numbered as nn_plan_create() recorded them. */
static int move_launches(struct nn_plan *plan)
{
	size_t i, graph = 0, number = 0;
	int ret = 0;

	for (i = 0; i < plan->item_count && !ret; i++) {
		struct nn_item *item = &plan->items[i];

		if (item->kind == NN_LAUNCH) {
			if (follow_moves(plan, item))
				ret = accel_graph_update(plan->graphs[graph], number, NULL,
							 item->args, item->args_size);
			number++;
		} else if (number) {
			graph++;
			number = 0;
		}
	}
	return ret;
}

int nn_plan_set_sources(struct nn_plan *plan, struct accel_buffer *const *buffers)
{
	bool moved = false;
	size_t i;
	int ret;

	for (i = 0; i < plan->input_count; i++) {
		struct nn_storage *storage = &plan->storages[plan->inputs[i].ref.storage];
		struct accel_buffer *buffer = buffers ? buffers[i] : NULL;
		uint64_t before = storage_address(plan, storage);

		plan->inputs[i].elsewhere = buffer;
		if (!plan->inputs[i].ref.storage || storage->fixed)
			continue;
		storage->elsewhere = buffer;
		storage->elsewhere_at = buffer ? accel_buffer_address(buffer) : 0;
		storage->moved = storage_address(plan, storage) - before;
		moved |= storage->moved;
	}
	if (!moved)
		return 0;
	ret = move_launches(plan);
	for (i = 0; i < plan->input_count; i++)
		plan->storages[plan->inputs[i].ref.storage].moved = 0;
	return ret;
}

void nn_plan_set_keepings(struct nn_plan *plan, const struct nn_keeping *keepings)
{
	size_t i;

	for (i = 0; i < plan->output_count; i++)
		plan->outputs[i].keeping = keepings && keepings[i].buffer ? &keepings[i] : NULL;
}

void nn_plan_set_places(struct nn_plan *plan, void *const *places)
{
	size_t i;

	for (i = 0; i < plan->output_count; i++)
		plan->outputs[i].place = places ? places[i] : NULL;
}

/* ---- To and from the host ---- */

int nn_plan_upload(struct nn_plan *plan, struct accel_stream *stream, const struct nn_ref *ref,
		   const void *data, size_t bytes)
{
	struct accel_buffer *buffer;
	size_t offset;

	if (!bytes || !ref->storage)
		return 0;
	buffer = find_buffer(plan, ref, &offset);
	plan->traffic.uploaded += bytes;
	plan->traffic.commands++;
	return accel_upload(stream, buffer, offset, data, bytes);
}

int nn_plan_download(struct nn_plan *plan, struct accel_stream *stream, const struct nn_ref *ref,
		     void *data, size_t bytes)
{
	struct accel_buffer *buffer;
	size_t offset;

	if (!bytes || !ref->storage)
		return 0;
	buffer = find_buffer(plan, ref, &offset);
	plan->traffic.downloaded += bytes;
	plan->traffic.commands++;
	return accel_download(stream, buffer, offset, data, bytes);
}

/*
 * Inputs and outputs of a usual size go through memory that the card reaches by itself: a run is then
 * copies, launches and copies, with one submission and one wait for all of it. Streams' own
 * means (accel_upload()) have no room for all of it at once, and wait for each piece.
 */
#define STAGE_MAX	((size_t)16 << 20)
#define STAGE_ALIGN	64

static bool input_goes_up(const struct nn_plan *plan, const struct nn_port_place *port)
{
	return port->ref.storage && !plan->storages[port->ref.storage].fixed;
}

static bool output_comes_down(const struct nn_port_place *port)
{
	return port->ref.storage && !port->known;
}

static void take_place(struct nn_port_place *port, size_t *bytes)
{
	port->stage_at = *bytes;
	*bytes += (port->bytes + STAGE_ALIGN - 1) / STAGE_ALIGN * STAGE_ALIGN;
}

/* Without it, runs are slower, and as good. */
static void make_stage(struct nn_plan *plan)
{
	size_t bytes = 0, i;
	void *memory;

	if (plan->has_stage)
		return;
	plan->has_stage = true;
	for (i = 0; i < plan->input_count && bytes <= STAGE_MAX; i++)
		if (input_goes_up(plan, &plan->inputs[i]))
			take_place(&plan->inputs[i], &bytes);
	for (i = 0; i < plan->output_count && bytes <= STAGE_MAX; i++)
		if (output_comes_down(&plan->outputs[i]))
			take_place(&plan->outputs[i], &bytes);
	if (!bytes || bytes > STAGE_MAX ||
	    accel_buffer_create(plan->card->context, bytes,
				ACCEL_OPTIONS(accel_buffer_options, .name = "inputs and outputs",
					      .memory = ACCEL_MEMORY_HOST), &plan->stage))
		return;
	if (accel_buffer_map(plan->stage, &memory)) {
		accel_buffer_destroy(plan->stage);
		plan->stage = NULL;
		return;
	}
	plan->staged = memory;
}

static int put_input(struct nn_plan *plan, struct accel_stream *stream,
		     const struct nn_port_place *port, const void *data, bool overlap)
{
	struct accel_buffer *buffer;
	size_t offset;

	if (!plan->stage)
		return nn_plan_upload(plan, stream, &port->ref, data, port->bytes);
	buffer = find_buffer(plan, &port->ref, &offset);
	memcpy(plan->staged + port->stage_at, data, port->bytes);
	plan->traffic.uploaded += port->bytes;
	plan->traffic.commands++;
	return accel_copy(stream, buffer, offset, plan->stage, port->stage_at, port->bytes,
			  overlap ? ACCEL_OVERLAP : 0);
}

int nn_plan_put_inputs(struct nn_plan *plan, struct accel_stream *stream,
		       const struct nn_tensor *inputs)
{
	size_t i, put = 0;
	int ret = 0;

	make_stage(plan);
	plan->traffic = (struct nn_traffic){ .commands = 0 };
	for (i = 0; i < plan->input_count && !ret; i++) {
		const struct nn_port_place *port = &plan->inputs[i];

		if (inputs[i].type != port->type || !nn_shape_equal(&inputs[i].shape, &port->shape))
			return accel_fail(-EINVAL, RUN, "plan for the inputs' shapes",
					  "input %zu is not of the type and shape that the plan is for",
					  i);
		if (!port->elsewhere && port->bytes && input_goes_up(plan, port))
			ret = put_input(plan, stream, port, inputs[i].data, put++ > 0);
	}
	return ret;
}

/* ---- On the card ---- */

static int clear(struct nn_plan *plan, struct accel_stream *stream, struct accel_buffer *buffer)
{
	size_t bytes = accel_buffer_size(buffer);
	unsigned int width = bytes % 8 ? 1 : 8;

	plan->traffic.commands++;
	return accel_fill(stream, buffer, 0, bytes, 0, width, 0);
}

/* An output that is always the same is nowhere on the card. */
static int keep_known(struct nn_plan *plan, struct accel_stream *stream, const char *known,
		      const struct nn_keeping *keeping)
{
	const struct accel_rect *rect = &keeping->rect;
	size_t i;
	int ret = 0;

	for (i = 0; i < rect->rows && !ret; i++) {
		plan->traffic.uploaded += rect->width;
		plan->traffic.commands++;
		ret = accel_upload(stream, keeping->buffer, rect->dst_offset + i * rect->dst_pitch,
				   known + rect->src_offset + i * rect->src_pitch, rect->width);
	}
	return ret;
}

static int keep(struct nn_plan *plan, struct accel_stream *stream,
		const struct nn_port_place *port, bool overlap)
{
	const struct nn_keeping *keeping = port->keeping;
	struct accel_rect rect = keeping->rect;
	struct accel_buffer *from;
	size_t offset;
	int ret = keeping->clear ? clear(plan, stream, keeping->buffer) : 0;

	if (ret || !rect.rows || !rect.width)
		return ret;
	if (port->known)
		return keep_known(plan, stream, port->known, keeping);
	from = find_buffer(plan, &port->ref, &offset);
	rect.src_offset += offset;
	plan->traffic.carried += rect.rows * rect.width;
	plan->traffic.commands++;
	return accel_copy_rect(stream, keeping->buffer, from, &rect,
			       overlap && !keeping->clear ? ACCEL_OVERLAP : 0);
}

static int keep_outputs(struct nn_plan *plan, struct accel_stream *stream, size_t *kept)
{
	size_t i;
	int ret = 0;

	*kept = 0;
	for (i = 0; i < plan->output_count && !ret; i++)
		if (plan->outputs[i].keeping)
			ret = keep(plan, stream, &plan->outputs[i], (*kept)++ > 0);
	return ret;
}

static int make_output(const struct nn_port_place *port, struct nn_tensor *output)
{
	int ret;

	if (!port->place) {
		ret = nn_tensor_init(output, port->type, &port->shape);
		return ret ? accel_fail_errno(ret, RUN) : 0;
	}
	*output = (struct nn_tensor){ .type = port->type, .shape = port->shape, .data = port->place };
	return nn_shape_count(&port->shape, &output->count) ? 0 : accel_fail_errno(-EOVERFLOW, RUN);
}

static bool is_staged(const struct nn_plan *plan, const struct nn_port_place *port)
{
	return plan->stage && !port->keeping && port->bytes && output_comes_down(port);
}

/* Queue what brings outputs to the host's memory. */
static int stage_outputs(struct nn_plan *plan, struct accel_stream *stream, size_t *staged)
{
	struct accel_buffer *from;
	size_t i, offset;
	int ret = 0;

	*staged = 0;
	for (i = 0; i < plan->output_count && !ret; i++) {
		const struct nn_port_place *port = &plan->outputs[i];

		if (!is_staged(plan, port))
			continue;
		from = find_buffer(plan, &port->ref, &offset);
		plan->traffic.downloaded += port->bytes;
		plan->traffic.commands++;
		ret = accel_copy(stream, plan->stage, port->stage_at, from, offset, port->bytes,
				 (*staged)++ ? ACCEL_OVERLAP : 0);
	}
	/* The program's memory is made ready meanwhile. */
	return ret || !*staged ? ret : accel_stream_flush(stream);
}

static int get_output(struct nn_plan *plan, struct accel_stream *stream,
		      const struct nn_port_place *port, struct nn_tensor *output)
{
	int ret = make_output(port, output);

	if (ret)
		return ret;
	if (!port->known && !is_staged(plan, port))
		return nn_plan_download(plan, stream, &port->ref, output->data, port->bytes);
	if (port->known)
		memcpy(output->data, port->known, port->bytes);
	return 0;
}

int nn_plan_get_outputs(struct nn_plan *plan, struct accel_stream *stream,
			struct nn_tensor *outputs)
{
	size_t i, kept, staged = 0;
	int ret = keep_outputs(plan, stream, &kept);
	uint64_t before = plan->traffic.downloaded;

	if (!ret)
		ret = stage_outputs(plan, stream, &staged);
	for (i = 0; i < plan->output_count && !ret; i++)
		if (!plan->outputs[i].keeping)
			ret = get_output(plan, stream, &plan->outputs[i], &outputs[i]);
	/* Whoever downloads something waits for all that is before it. */
	if (!ret && (staged || (kept && plan->traffic.downloaded == before)))
		ret = accel_stream_wait(stream, ACCEL_FOREVER);
	for (i = 0; i < plan->output_count && !ret; i++)
		if (is_staged(plan, &plan->outputs[i]))
			memcpy(outputs[i].data, plan->staged + plan->outputs[i].stage_at,
			       plan->outputs[i].bytes);
	return ret;
}
