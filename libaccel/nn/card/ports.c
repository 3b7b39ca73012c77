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

int nn_plan_put_inputs(struct nn_plan *plan, struct accel_stream *stream,
		       const struct nn_tensor *inputs)
{
	size_t i;
	int ret = 0;

	plan->traffic = (struct nn_traffic){ .commands = 0 };
	for (i = 0; i < plan->input_count && !ret; i++) {
		const struct nn_port_place *port = &plan->inputs[i];

		if (inputs[i].type != port->type || !nn_shape_equal(&inputs[i].shape, &port->shape))
			return accel_fail(-EINVAL, RUN, "plan for the inputs' shapes",
					  "input %zu is not of the type and shape that the plan is for",
					  i);
		if (!port->elsewhere && !plan->storages[port->ref.storage].fixed)
			ret = nn_plan_upload(plan, stream, &port->ref, inputs[i].data, port->bytes);
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

static int get_output(struct nn_plan *plan, struct accel_stream *stream,
		      const struct nn_port_place *port, struct nn_tensor *output)
{
	int ret = make_output(port, output);

	if (ret)
		return ret;
	if (!port->known)
		return nn_plan_download(plan, stream, &port->ref, output->data, port->bytes);
	memcpy(output->data, port->known, port->bytes);
	return 0;
}

int nn_plan_get_outputs(struct nn_plan *plan, struct accel_stream *stream,
			struct nn_tensor *outputs)
{
	size_t i, kept;
	int ret = keep_outputs(plan, stream, &kept);
	uint64_t before = plan->traffic.downloaded;

	for (i = 0; i < plan->output_count && !ret; i++)
		if (!plan->outputs[i].keeping)
			ret = get_output(plan, stream, &plan->outputs[i], &outputs[i]);
	/* Whoever takes something waits for all that is before it. */
	if (!ret && kept && plan->traffic.downloaded == before)
		ret = accel_stream_wait(stream, ACCEL_FOREVER);
	return ret;
}
