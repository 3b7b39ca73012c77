// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "op.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "infer.h"

static const struct nn_op *const tables[] = {
	nn_ops_elementwise,
	nn_ops_layout,
	nn_ops_product,
	nn_ops_window,
	nn_ops_reduce,
	nn_ops_resize,
	nn_ops_index,
	nn_ops_scatter,
	nn_ops_order,
	nn_ops_norm,
	nn_ops_quant,
	nn_ops_attention,
	nn_ops_loss,
	nn_ops_recurrent,
	nn_ops_control,
	nn_ops_sequence,
	nn_ops_pool,
	nn_ops_quant_product,
	nn_ops_sample,
	nn_ops_signal,
	nn_ops_einsum,
	nn_ops_text,
	nn_ops_ml,
	nn_ops_training,
	nn_ops_microsoft,
	nn_ops_microsoft_attention,
	nn_ops_microsoft_quant,
	nn_ops_blocks,
	nn_ops_classic,
	nn_ops_trees,
};

#define TABLES	(sizeof(tables) / sizeof(tables[0]))

const struct nn_op *nn_op_get(size_t i)
{
	const struct nn_op *op;
	size_t t;

	for (t = 0; t < TABLES; t++)
		for (op = tables[t]; op->name; op++)
			if (!i--)
				return op;
	return NULL;
}

const struct nn_op *nn_op_find(const char *domain, const char *name, int version)
{
	const struct nn_op *op, *best = NULL;
	size_t t;

	for (t = 0; t < TABLES; t++)
		for (op = tables[t]; op->name; op++)
			if (op->since <= version && (!best || best->since < op->since) &&
			    !strcmp(op->name, name) && !strcmp(op->domain ? op->domain : "", domain))
				best = op;
	return best && !best->unsupported ? best : NULL;
}

const struct nn_op *nn_op_find_any(const char *domain, const char *name)
{
	const struct nn_op *op;
	size_t i;

	for (i = 0; (op = nn_op_get(i)); i++)
		if (!strcmp(op->name, name) && !strcmp(op->domain ? op->domain : "", domain))
			return op;
	return NULL;
}

/* ---- Checks ---- */

static const char *const kinds[] = {
	[NN_ATTR_INT] = "an integer", [NN_ATTR_FLOAT] = "a number", [NN_ATTR_STRING] = "a text",
	[NN_ATTR_TENSOR] = "a tensor", [NN_ATTR_GRAPH] = "a graph", [NN_ATTR_INTS] = "integers",
	[NN_ATTR_FLOATS] = "numbers", [NN_ATTR_STRINGS] = "texts",
	[NN_ATTR_OTHER] = "of another kind",
};

#define NOT_ONNX	"it is not as ONNX has it: export the model again"

static int check_attrs(const struct nn_node *node)
{
	const struct nn_attr_def *def;
	const struct nn_attr *attr;
	char clean[48];
	size_t i;

	for (i = 0; i < node->attr_count; i++) {
		attr = &node->attrs[i];
		for (def = node->op->attrs; def && def->name && strcmp(def->name, attr->name); def++)
			;
		nn_clean(clean, sizeof(clean), attr->name);
		if (!def || !def->name)
			return nn_fail_node(node, -EINVAL, NOT_ONNX,
					    "in version %d of its operators it has no attribute %s",
					    node->opset, clean);
		if (def->type != attr->type)
			return nn_fail_node(node, -EINVAL, NOT_ONNX,
					    "its attribute %s is %s, where it should be %s", clean,
					    kinds[attr->type], kinds[def->type]);
	}
	for (def = node->op->attrs; def && def->name; def++)
		if (def->presence == NN_REQUIRED && !nn_attr_find(node, def->name))
			return nn_fail_node(node, -EINVAL, NOT_ONNX, "its attribute %s is missing",
					    def->name);
	return 0;
}

static int check_ports(const struct nn_node *node, const char *kind, const struct nn_port *ports,
		       struct nn_value **values, size_t count)
{
	const struct nn_port *port = ports;
	size_t i;

	for (i = 0; i < count; i++) {
		if (!port->name)
			return nn_fail_node(node, -EINVAL, NOT_ONNX, "it has %zu %ss, more than %zu",
					    count, kind, i);
		if (!values[i] && (port->arity == NN_ONE ||
				   (port->arity >= NN_MANY && ports == node->op->inputs)))
			return nn_fail_node(node, -EINVAL, NOT_ONNX, "its %s %s is missing", kind,
					    port->name);
		if (port->arity < NN_MANY)
			port++;
	}
	if (port->name && (port->arity == NN_ONE || (port->arity == NN_MANY && port == ports && !count)))
		return nn_fail_node(node, -EINVAL, NOT_ONNX, "its %s %s is missing", kind,
				    port->name);
	return 0;
}

int nn_op_check(const struct nn_node *node)
{
	int ret = check_attrs(node);

	if (!ret)
		ret = check_ports(node, "input", node->op->inputs, node->inputs,
				  node->input_count);
	if (!ret)
		ret = check_ports(node, "result", node->op->outputs, node->outputs,
				  node->output_count);
	return ret;
}

/* The i-th port: the last one stands for all that follow, if it takes many. */
static const struct nn_port *port_of(const struct nn_port *ports, size_t i)
{
	while (i-- && ports->arity < NN_MANY)
		ports++;
	return ports;
}

static int check_input_kind(const struct nn_call *call, const struct nn_fact *fact,
			    const struct nn_port *port)
{
	if (fact->nothing || (fact->optional && !nn_is_known(fact)))
		return port->types & NN_TAKES_NOTHING ? 0 :
		       nn_refuse(call, NOT_ONNX, "its input %s may be nothing", port->name);
	if (fact->kind == NN_TENSOR && port->types & NN_TAKES_NO_TENSOR)
		return nn_refuse(call, NOT_ONNX, "its input %s is a tensor", port->name);
	if (fact->kind == NN_SEQUENCE && !(port->types & NN_TAKES_SEQUENCES))
		return nn_refuse(call, NOT_ONNX, "its input %s is a sequence", port->name);
	if (fact->kind == NN_OTHER)
		return nn_fail_node(call->node, -ENOTSUP, NULL,
				    "its input %s is neither a tensor nor a sequence of them",
				    port->name);
	return 0;
}

static int check_input_type(struct nn_call *call, size_t i, enum nn_type *variables)
{
	const struct nn_port *port = port_of(call->node->op->inputs, i);
	enum nn_type type = call->in[i]->type;
	enum nn_type *variable = &variables[(unsigned char)port->variable & 0x7f];
	int ret = check_input_kind(call, call->in[i], port);

	if (ret || !(port->types & (NN_SET(NN_TYPES) - 1)))
		return ret;
	if (type == NN_UNDEFINED)
		return nn_refuse(call, "nodes before it are not supported, or do not say",
				 "the type of its input %s is not known", port->name);
	/* ONNX allows it, but not everything that it allows is done. */
	if (!nn_in(port->types, type))
		return nn_fail_node(call->node, -ENOTSUP, NULL, "its input %s is of type %s", port->name,
				    nn_type_name(type));
	if (!port->variable)
		return 0;
	if (*variable != NN_UNDEFINED && *variable != type)
		return nn_refuse(call, NOT_ONNX,
				 "its inputs are of the types %s and %s, which should be one",
				 nn_type_name(*variable), nn_type_name(type));
	*variable = type;
	return 0;
}

int nn_op_check_types(struct nn_call *call)
{
	enum nn_type variables[128] = { NN_UNDEFINED };
	const struct nn_port *port;
	size_t i;
	int ret;

	for (i = 0; i < call->node->input_count; i++) {
		ret = call->in[i] ? check_input_type(call, i, variables) : 0;
		if (ret)
			return ret;
	}
	for (i = 0; i < call->node->output_count; i++) {
		if (!call->out[i])
			continue;
		port = port_of(call->node->op->outputs, i);
		if (port->variable)
			call->out[i]->type = variables[(unsigned char)port->variable & 0x7f];
		else if (port->types && !(port->types & (port->types - 1)))
			call->out[i]->type = (enum nn_type)__builtin_ctz(port->types);
	}
	return 0;
}

/* ---- For operators ---- */

static const struct nn_attr_def *find_def(const struct nn_call *call, const char *name)
{
	const struct nn_attr_def *def;

	for (def = call->node->op->attrs; strcmp(def->name, name); def++)
		;
	return def;
}

int64_t nn_attr_int(const struct nn_call *call, const char *name)
{
	const struct nn_attr *attr = nn_attr_find(call->node, name);

	return attr ? attr->i : find_def(call, name)->i;
}

float nn_attr_float(const struct nn_call *call, const char *name)
{
	const struct nn_attr *attr = nn_attr_find(call->node, name);

	return attr ? attr->f : find_def(call, name)->f;
}

const char *nn_attr_text(const struct nn_call *call, const char *name)
{
	const struct nn_attr *attr = nn_attr_find(call->node, name);

	return attr ? attr->s : find_def(call, name)->s;
}

size_t nn_attr_ints(const struct nn_call *call, const char *name, const int64_t **ints)
{
	const struct nn_attr *attr = nn_attr_find(call->node, name);

	*ints = attr ? attr->ints : NULL;
	return attr ? attr->count : 0;
}

const struct nn_graph *nn_attr_graph(const struct nn_call *call, const char *name)
{
	const struct nn_attr *attr = nn_attr_find(call->node, name);

	return attr ? attr->graph : NULL;
}

size_t nn_attr_floats(const struct nn_call *call, const char *name, const float **floats)
{
	const struct nn_attr *attr = nn_attr_find(call->node, name);

	*floats = attr ? attr->floats : NULL;
	return attr ? attr->count : 0;
}

size_t nn_attr_texts(const struct nn_call *call, const char *name, const char *const **texts)
{
	const struct nn_attr *attr = nn_attr_find(call->node, name);

	*texts = attr ? attr->strings : NULL;
	return attr ? attr->count : 0;
}

int nn_attr_list(const struct nn_call *call, const char *name, struct nn_tensor *list)
{
	const struct nn_attr *attr = nn_attr_find(call->node, name);
	struct nn_tensor from = { .shape.rank = 1 };

	list->data = NULL;
	if (!attr)
		return 1;
	if (attr->type == NN_ATTR_TENSOR) {
		from = nn_constant_tensor(attr->tensor);
	} else {
		from.type = attr->type == NN_ATTR_INTS ? NN_I64 :
			    attr->type == NN_ATTR_FLOATS ? NN_F32 : NN_STRING;
		from.count = attr->count;
		from.shape.dims[0] = (int64_t)attr->count;
		from.data = (void *)attr->ints;
	}
	return nn_tensor_copy(list, &from) ? nn_no_memory(call) : 0;
}

bool nn_attr_given(const struct nn_call *call, const char *name)
{
	return nn_attr_find(call->node, name);
}

int64_t nn_unknown(const struct nn_call *call)
{
	return -call->facts->symbols++;
}

int nn_axis(const struct nn_call *call, const char *what, int64_t axis, int rank, int *result)
{
	if (axis < -rank || axis >= rank)
		return nn_refuse(call, NULL, "its %s is %" PRId64 ", but its input has %d dimensions",
				 what, axis, rank);
	*result = (int)(axis < 0 ? axis + rank : axis);
	return 0;
}

int nn_ints(const struct nn_call *call, size_t input, int64_t *ints, int most)
{
	struct nn_fact *fact = nn_in_fact(call, input);
	const struct nn_tensor *tensor;
	size_t i;

	/* Not even looked at if it is too long for what it should be: it may be huge. */
	if (!fact || fact->shape.rank > 1 || !nn_shape_known(&fact->shape) ||
	    (fact->shape.rank == 1 && fact->shape.dims[0] > most))
		return -1;
	tensor = nn_contents(fact);
	if (!tensor)
		return -1;
	for (i = 0; i < tensor->count; i++)
		ints[i] = nn_get_int(tensor, i);
	return (int)tensor->count;
}

void nn_steps(const struct nn_shape *shape, int64_t *step)
{
	int64_t product = 1;
	int i;

	for (i = shape->rank - 1; i >= 0; i--) {
		step[i] = product;
		product *= shape->dims[i];
	}
}

void nn_around(const struct nn_shape *shape, int axis, size_t *before, size_t *behind)
{
	int i;

	*before = 1;
	*behind = 1;
	for (i = 0; i < shape->rank; i++) {
		if (i < axis)
			*before *= (size_t)shape->dims[i];
		else if (i > axis)
			*behind *= (size_t)shape->dims[i];
	}
}

int nn_index(const struct nn_call *call, int64_t index, int64_t size, int64_t *result)
{
	if (index < -size || index >= size)
		return nn_refuse(call, NULL, "index %" PRId64 " is not below %" PRId64, index, size);
	*result = index + (index < 0 ? size : 0);
	return 0;
}

int nn_check_bytes(const struct nn_call *call, enum nn_type type)
{
	if (!nn_in(NN_SMALL, type))
		return 0;
	return nn_fail_node(call->node, -ENOTSUP, "cast them to a type of whole bytes before",
			    "it moves elements of type %s", nn_type_name(type));
}

void nn_copy_element(struct nn_tensor *y, size_t to, const struct nn_tensor *x, size_t i)
{
	size_t bytes = nn_bytes(x->type, 1);

	/* Of several to a byte only that one changes; a double has all of their values. */
	if (nn_in(NN_SMALL, x->type))
		nn_set(y, to, nn_get(x, i));
	else
		memcpy((char *)y->data + to * bytes, (const char *)x->data + i * bytes, bytes);
}

size_t nn_place_in(const struct nn_shape *to, size_t i, const struct nn_shape *from)
{
	size_t place = 0, step = 1, at;
	int k, own;

	for (k = to->rank - 1, own = from->rank - 1; own >= 0; k--, own--) {
		at = i % (size_t)to->dims[k];
		i /= (size_t)to->dims[k];
		if (from->dims[own] != 1)
			place += at * step;
		step *= (size_t)from->dims[own];
	}
	return place;
}

static int broadcast_dim(const struct nn_call *call, int64_t *a, int64_t b)
{
	if (*a == b || b == 1)
		return 0;
	if (*a == 1) {
		*a = b;
		return 0;
	}
	if (*a >= 0 && b >= 0)
		return nn_refuse(call, NULL,
				 "its inputs have sizes %" PRId64 " and %" PRId64
				 " in the same place, and neither is 1", *a, b);
	/* One is known and not 1: the other is the same, or 1. */
	if (*a < 0)
		*a = b >= 0 ? b : nn_unknown(call);
	return 0;
}

int nn_broadcast(const struct nn_call *call, struct nn_shape *a, const struct nn_shape *b)
{
	struct nn_shape wide;
	int i, ret;

	if (a->rank < 0 || b->rank < 0) {
		a->rank = -1;
		return 0;
	}
	wide.rank = a->rank > b->rank ? a->rank : b->rank;
	for (i = 0; i < wide.rank; i++) {
		int in_a = i - (wide.rank - a->rank), in_b = i - (wide.rank - b->rank);

		wide.dims[i] = in_a >= 0 ? a->dims[in_a] : 1;
		ret = broadcast_dim(call, &wide.dims[i], in_b >= 0 ? b->dims[in_b] : 1);
		if (ret)
			return ret;
	}
	*a = wide;
	return 0;
}

int nn_infer_same(struct nn_call *call)
{
	size_t i;

	for (i = 0; i < call->node->output_count; i++)
		if (call->out[i])
			call->out[i]->shape = call->in[0]->shape;
	return 0;
}

int nn_infer_broadcast(struct nn_call *call)
{
	struct nn_shape shape = { .rank = 0 };
	size_t i;
	int ret;

	for (i = 0; i < call->node->input_count; i++) {
		if (!call->in[i])
			continue;
		ret = nn_broadcast(call, &shape, &call->in[i]->shape);
		if (ret)
			return ret;
	}
	call->out[0]->shape = shape;
	return 0;
}
