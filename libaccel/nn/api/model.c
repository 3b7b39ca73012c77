// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * accel_nn_load() and what tells of a model: the program's side of the importer.
 */
#define _GNU_SOURCE	/* O_PATH */
#include "api.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../error.h"
#include "../onnx.h"

_Static_assert(ACCEL_NN_RANK_MAX == NN_RANK_MAX, "as many dimensions inside as outside");
_Static_assert((int)ACCEL_NN_BFLOAT16 == NN_BF16, "types are ONNX's");

#define CANNOT_READ	"cannot read the model"

NN_API const char *accel_nn_type_name(uint32_t type)
{
	return nn_type_name((enum nn_type)type);
}

/* ---- Tensors ---- */

/* Give away what was read, or release it. */
static int hand_over(const char *what, struct nn_tensor *read, struct accel_nn_tensor *tensor)
{
	struct accel_nn_tensor found = {
		.type = (uint32_t)read->type, .rank = (uint32_t)read->shape.rank, .data = read->data,
		.bytes = nn_bytes(read->type, read->count),
	};
	int i, ret;

	for (i = 0; i < read->shape.rank; i++)
		found.dims[i] = read->shape.dims[i];
	ret = accel_copy_out(what, tensor, &found, sizeof(found));
	if (ret)
		nn_tensor_release(read);
	return ret;
}

NN_API int accel_nn_load_tensor(const char *path, struct accel_nn_tensor *tensor)
{
	const char *what = "cannot read a tensor";
	struct nn_tensor read;
	int ret;

	if (!path || !tensor)
		return accel_fail(-EINVAL, what, NULL, "a pointer is NULL");
	ret = nn_onnx_load_tensor(path, &read);
	return ret ? ret : hand_over(what, &read, tensor);
}

NN_API int accel_nn_load_tensor_memory(const void *data, size_t bytes,
				       struct accel_nn_tensor *tensor)
{
	const char *what = "cannot read a tensor";
	struct nn_tensor read;
	int ret;

	if (!data || !tensor)
		return accel_fail(-EINVAL, what, NULL, "a pointer is NULL");
	ret = nn_onnx_read_tensor(what, data, bytes, &read);
	return ret ? ret : hand_over(what, &read, tensor);
}

NN_API void accel_nn_free_tensor(struct accel_nn_tensor *tensor)
{
	if (!tensor)
		return;
	free(tensor->data);
	tensor->data = NULL;
}

/* ---- Life ---- */

static const enum nn_type precisions[] = {
	[ACCEL_NN_IN_FLOAT32] = NN_F32,
	[ACCEL_NN_IN_BFLOAT16] = NN_BF16,
	[ACCEL_NN_IN_FLOAT16] = NN_F16,
	[ACCEL_NN_IN_INT8] = NN_I8,
};

static int read_options(const char *what, const struct accel_nn_load_options *given,
			struct accel_nn_load_options *options)
{
	int ret = accel_copy_in(what, options, sizeof(*options), given);

	if (!ret && !options->context != !options->device)
		return accel_fail(-EINVAL, what, "give both, or none for the host",
				  "a context and its device belong together");
	if (!ret && options->precision >= sizeof(precisions) / sizeof(precisions[0]))
		return accel_fail(-EINVAL, what, NULL, "there is no precision %u",
				  options->precision);
	if (!ret && options->precision != ACCEL_NN_IN_FLOAT32 && !options->context)
		return accel_fail(-EINVAL, what, "give a context",
				  "the host computes in float32 only");
	return ret;
}

static int make(struct nn_model *graph, const struct accel_nn_load_options *options,
		struct accel_nn_model **model)
{
	struct accel_device_info info = { .size = sizeof(info) };
	struct accel_nn_model *new = calloc(1, sizeof(*new));
	int ret = 0;

	if (!new) {
		nn_model_free(graph);
		return accel_fail_errno(-ENOMEM, CANNOT_READ);
	}
	atomic_init(&new->refs, 1);
	new->model = graph;
	if (options->context)
		ret = accel_device_get_info(options->device, &info);
	nn_variants_init(&new->variants, options, info.memory_size);
	if (!ret && options->context)
		ret = nn_card_create(graph, options->context, options->device, &new->card);
	if (ret) {
		nn_model_put(new);
		return ret;
	}
	if (new->card)
		new->card->precision = precisions[options->precision];
	*model = new;
	return 0;
}

NN_API int accel_nn_load(const char *path, const struct accel_nn_load_options *given,
			 struct accel_nn_model **model)
{
	struct accel_nn_load_options options;
	struct nn_model *graph;
	int ret;

	if (!path || !model)
		return accel_fail(-EINVAL, CANNOT_READ, NULL, "a pointer is NULL");
	ret = read_options(CANNOT_READ, given, &options);
	if (!ret)
		ret = nn_onnx_load(path, &graph);
	return ret ? ret : make(graph, &options, model);
}

NN_API int accel_nn_load_memory(const void *data, size_t bytes,
				const struct accel_nn_load_options *given,
				struct accel_nn_model **model)
{
	struct accel_nn_load_options options;
	struct nn_model *graph;
	int ret, folder = -1;

	if (!data || !model)
		return accel_fail(-EINVAL, CANNOT_READ, NULL, "a pointer is NULL");
	ret = read_options(CANNOT_READ, given, &options);
	if (ret)
		return ret;
	if (options.folder) {
		folder = open(options.folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (folder < 0)
			return accel_fail(-errno, CANNOT_READ, NULL, "the folder %s: %s",
					  options.folder, strerror(errno));
	}
	ret = nn_onnx_read(CANNOT_READ, data, bytes, folder, &graph);
	if (folder >= 0)
		close(folder);
	return ret ? ret : make(graph, &options, model);
}

void nn_model_put(struct accel_nn_model *model)
{
	if (atomic_fetch_sub_explicit(&model->refs, 1, memory_order_acq_rel) != 1)
		return;
	nn_variants_release(&model->variants);
	nn_card_free(model->card);
	nn_model_free(model->model);
	free(model);
}

NN_API void accel_nn_unload(struct accel_nn_model *model)
{
	if (model)
		nn_model_put(model);
}

/* ---- What it is ---- */

static uint32_t opset_of(const struct nn_model *model)
{
	size_t i;

	for (i = 0; i < model->opset_count; i++)
		if (!model->opsets[i].domain[0])
			return (uint32_t)model->opsets[i].version;
	return 0;
}

static void count_parameters(struct accel_nn_model_info *info, const struct nn_constant *constant)
{
	if (!constant || !constant->data)
		return;
	info->parameters += constant->count;
	info->parameter_bytes += nn_bytes(constant->type, constant->count);
}

NN_API int accel_nn_get_model_info(const struct accel_nn_model *model,
				   struct accel_nn_model_info *info)
{
	const char *what = "cannot tell of the model";
	struct accel_nn_model_info found = { 0 };
	const struct nn_model *m;
	size_t i;

	if (!model)
		return accel_fail(-EINVAL, what, NULL, "the model is NULL");
	m = model->model;
	found.producer = m->producer;
	found.graph = m->graph->name;
	found.opset = opset_of(m);
	found.inputs = (uint32_t)m->graph->input_count;
	found.outputs = (uint32_t)m->graph->output_count;
	found.nodes = (uint32_t)m->graph->node_count;
	for (i = 0; i < m->value_count; i++)
		count_parameters(&found, m->values[i]->constant);
	/* Some exporters write all parameters as nodes. */
	for (i = 0; i < m->graph->node_count; i++) {
		const struct nn_attr *value = !strcmp(m->graph->nodes[i]->type, "Constant") ?
					      nn_attr_find(m->graph->nodes[i], "value") : NULL;

		if (value && value->type == NN_ATTR_TENSOR)
			count_parameters(&found, value->tensor);
	}
	return accel_copy_out(what, info, &found, sizeof(found));
}

static int get_value(const char *kind, const struct accel_nn_model *model,
		     struct nn_value *const *values, size_t count, uint32_t index,
		     struct accel_nn_value *value)
{
	const char *what = "cannot tell of an input or output";
	struct accel_nn_value found = { 0 };
	const struct nn_value *v;
	int i;

	if (index >= count)
		return accel_fail(-EINVAL, what, NULL, "the model has %zu %ss, so there is no %u",
				  count, kind, index);
	v = values[index];
	found.name = v->name;
	found.type = (uint32_t)v->type;
	found.kind = v->kind == NN_TENSOR ? ACCEL_NN_TENSOR :
		     v->kind == NN_SEQUENCE ? ACCEL_NN_SEQUENCE : ACCEL_NN_OTHER;
	found.optional = v->optional;
	found.rank = v->kind == NN_TENSOR ? v->shape.rank : -1;
	for (i = 0; i < NN_RANK_MAX; i++) {
		int64_t dim = i < found.rank ? v->shape.dims[i] : 0;
		const char *symbol = dim < 0 ? model->model->symbols[-dim] : NULL;

		found.dims[i] = dim < 0 ? -1 : dim;
		found.symbols[i] = symbol ? symbol : "";
	}
	return accel_copy_out(what, value, &found, sizeof(found));
}

NN_API int accel_nn_get_input(const struct accel_nn_model *model, uint32_t index,
			      struct accel_nn_value *value)
{
	const struct nn_graph *graph;

	if (!model)
		return accel_fail(-EINVAL, "cannot tell of an input", NULL, "the model is NULL");
	graph = model->model->graph;
	return get_value("input", model, graph->inputs, graph->input_count, index, value);
}

NN_API int accel_nn_get_output(const struct accel_nn_model *model, uint32_t index,
			       struct accel_nn_value *value)
{
	const struct nn_graph *graph;

	if (!model)
		return accel_fail(-EINVAL, "cannot tell of an output", NULL, "the model is NULL");
	graph = model->model->graph;
	return get_value("output", model, graph->outputs, graph->output_count, index, value);
}
