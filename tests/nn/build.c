// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "build.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void *build_alloc(struct build *b, size_t size)
{
	assert(b->used < sizeof(b->memory) / sizeof(b->memory[0]));
	return b->memory[b->used++] = calloc(1, size);
}

static char *copy(struct build *b, const char *from, size_t size)
{
	char *to = build_alloc(b, size + 1);

	return memcpy(to, from, size);
}

void build_init(struct build *b, int version)
{
	memset(b, 0, sizeof(*b));
	onnx__model_proto__init(&b->model);
	onnx__graph_proto__init(&b->graph);
	onnx__operator_set_id_proto__init(&b->opset);
	b->opset.has_version = 1;
	b->opset.version = version;
	b->opsets[0] = &b->opset;
	b->model.n_opset_import = 1;
	b->model.opset_import = b->opsets;
	b->model.graph = &b->graph;
	b->graph.node = b->nodes;
	b->graph.input = b->inputs;
	b->graph.output = b->outputs;
	b->graph.initializer = b->tensors;
	b->model.functions = b->functions;
}

void build_release(struct build *b)
{
	while (b->used)
		free(b->memory[--b->used]);
}

/* Words separated by blanks. */
static size_t words(struct build *b, const char *text, char ***to)
{
	size_t count = 0, length;

	*to = build_alloc(b, (strlen(text) + 1) * sizeof(**to));
	for (; *text; text += length + (text[length] == ' ')) {
		length = strcspn(text, " ");
		(*to)[count++] = copy(b, text, length == 1 && *text == '-' ? 0 : length);
	}
	return count;
}

Onnx__NodeProto *build_node(struct build *b, const char *type, const char *inputs,
			    const char *outputs)
{
	Onnx__NodeProto *node = build_alloc(b, sizeof(*node));

	onnx__node_proto__init(node);
	node->op_type = copy(b, type, strlen(type));
	node->n_input = words(b, inputs, &node->input);
	node->n_output = words(b, outputs, &node->output);
	node->attribute = build_alloc(b, 8 * sizeof(*node->attribute));
	b->nodes[b->graph.n_node++] = node;
	return node;
}

Onnx__AttributeProto *build_attr(struct build *b, Onnx__NodeProto *node, const char *name, int type)
{
	Onnx__AttributeProto *attr = build_alloc(b, sizeof(*attr));

	onnx__attribute_proto__init(attr);
	attr->name = copy(b, name, strlen(name));
	attr->has_type = 1;
	attr->type = (Onnx__AttributeProto__AttributeType)type;
	node->attribute[node->n_attribute++] = attr;
	return attr;
}

void build_int(struct build *b, Onnx__NodeProto *node, const char *name, int64_t value)
{
	Onnx__AttributeProto *attr = build_attr(b, node, name,
						ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);

	attr->has_i = 1;
	attr->i = value;
}

static Onnx__NodeProto **take_nodes(struct build *b, size_t first, size_t *count)
{
	Onnx__NodeProto **nodes = build_alloc(b, sizeof(b->nodes));

	*count = b->graph.n_node - first;
	memcpy(nodes, b->nodes + first, *count * sizeof(*nodes));
	b->graph.n_node = first;
	return nodes;
}

static Onnx__ValueInfoProto *value_info(struct build *b, const char *name)
{
	Onnx__ValueInfoProto *info = build_alloc(b, sizeof(*info));

	onnx__value_info_proto__init(info);
	info->name = copy(b, name, strlen(name));
	return info;
}

void build_input(struct build *b, const char *name, int type, const char *dims)
{
	Onnx__ValueInfoProto *info = value_info(b, name);
	Onnx__TypeProto__Tensor *tensor = build_alloc(b, sizeof(*tensor));
	Onnx__TensorShapeProto *shape = build_alloc(b, sizeof(*shape));
	char **names;
	size_t i;

	info->type = build_alloc(b, sizeof(*info->type));
	onnx__type_proto__init(info->type);
	onnx__type_proto__tensor__init(tensor);
	onnx__tensor_shape_proto__init(shape);
	info->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	info->type->tensor_type = tensor;
	tensor->has_elem_type = 1;
	tensor->elem_type = type;
	tensor->shape = shape;
	shape->n_dim = words(b, dims, &names);
	shape->dim = build_alloc(b, (shape->n_dim + 1) * sizeof(*shape->dim));
	for (i = 0; i < shape->n_dim; i++) {
		Onnx__TensorShapeProto__Dimension *dim = build_alloc(b, sizeof(*dim));

		onnx__tensor_shape_proto__dimension__init(dim);
		if (names[i][0] >= '0' && names[i][0] <= '9') {
			dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
			dim->dim_value = atoll(names[i]);
		} else {
			dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
			dim->dim_param = names[i];
		}
		shape->dim[i] = dim;
	}
	b->inputs[b->graph.n_input++] = info;
}

void build_output(struct build *b, const char *name)
{
	b->outputs[b->graph.n_output++] = value_info(b, name);
}

static Onnx__ValueInfoProto **value_infos(struct build *b, const char *names, size_t *count)
{
	Onnx__ValueInfoProto **infos;
	char **list;
	size_t i;

	*count = words(b, names, &list);
	infos = build_alloc(b, (*count + 1) * sizeof(*infos));
	for (i = 0; i < *count; i++)
		infos[i] = value_info(b, list[i]);
	return infos;
}

Onnx__GraphProto *build_graph(struct build *b, size_t first, const char *inputs,
			      const char *outputs)
{
	Onnx__GraphProto *graph = build_alloc(b, sizeof(*graph));

	onnx__graph_proto__init(graph);
	graph->node = take_nodes(b, first, &graph->n_node);
	graph->input = value_infos(b, inputs, &graph->n_input);
	graph->output = value_infos(b, outputs, &graph->n_output);
	return graph;
}

void build_graph_attr(struct build *b, Onnx__NodeProto *node, const char *name,
		      Onnx__GraphProto *graph)
{
	build_attr(b, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH)->g = graph;
}

Onnx__FunctionProto *build_function(struct build *b, size_t first, const char *name,
				    const char *inputs, const char *outputs)
{
	Onnx__FunctionProto *function = build_alloc(b, sizeof(*function));

	onnx__function_proto__init(function);
	function->name = copy(b, name, strlen(name));
	function->node = take_nodes(b, first, &function->n_node);
	function->n_input = words(b, inputs, &function->input);
	function->n_output = words(b, outputs, &function->output);
	function->n_opset_import = 1;
	function->opset_import = b->opsets;
	b->functions[b->model.n_functions++] = function;
	return function;
}

Onnx__TensorProto *build_ints(struct build *b, const char *name, size_t count, const int64_t *ints)
{
	Onnx__TensorProto *tensor = build_alloc(b, sizeof(*tensor));

	onnx__tensor_proto__init(tensor);
	tensor->name = copy(b, name, strlen(name));
	tensor->has_data_type = 1;
	tensor->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
	tensor->n_dims = 1;
	tensor->dims = build_alloc(b, sizeof(int64_t));
	tensor->dims[0] = (int64_t)count;
	tensor->has_raw_data = 1;
	tensor->raw_data.len = count * sizeof(*ints);
	tensor->raw_data.data = (uint8_t *)copy(b, (const char *)ints, tensor->raw_data.len);
	b->tensors[b->graph.n_initializer++] = tensor;
	return tensor;
}

uint8_t *build_pack(struct build *b, size_t *size)
{
	uint8_t *file;

	*size = onnx__model_proto__get_packed_size(&b->model);
	file = malloc(*size ? *size : 1);
	onnx__model_proto__pack(&b->model, file);
	return file;
}
