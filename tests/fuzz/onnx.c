// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * Models: the input is an ONNX file, or a recipe from which one is made. libaccel-nn must
 * refuse it, or read it, find its shapes, and evaluate it.
 *
 * Byte 0 tells which: 0 to 127 a file, which follows, of a model whose external data may
 * lie in a folder with the file "weights"; else a recipe. That is the version of the
 * operators (u8), then any number of these, until the input ends:
 *
 *   0   an initializer: type, rank, sizes below 8, then its elements' bytes
 *   1   an input of the model: likewise, without elements; sizes above 3 are symbols
 *   2+  a node: number of the operator in the library's tables (u16), then for each of its
 *       inputs which of the values before it, and for each attribute whether it is given,
 *       and what. So all operators, also those to come, are called in all ways that the
 *       importer lets through.
 *
 * What is known without the inputs must be true with them.
 */
#define _GNU_SOURCE	/* O_PATH */
#include <fcntl.h>
#include <unistd.h>

#include <libaccel/nn/infer.h>
#include <libaccel/nn/mapping.h>
#include <libaccel/nn/onnx.h>
#include <tests/nn/build.h>

#include "input.h"

#define RESULT_MAX	4096
#define NODES_MAX	24
#define VALUES_MAX	32
#define GRAPHS_MAX	2	/* in one another */
#define WORK_MAX	400	/* nodes that are evaluated: loops may go on for ever */

static const char *const texts[] = {
	"", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", "constant", "edge", "reflect", "wrap",
	"linear", "nearest", "cubic", "half_pixel", "align_corners", "asymmetric", "forward",
	"reverse", "bidirectional", "Relu", "Tanh", "Sigmoid", "mean", "sum", "none", "add", "mul",
	"max", "min", "LEFT", "RIGHT", "DCR", "ij,jk->ik", "...ij->...ji", "bilinear", "zeros",
	"border", "reflection", "tanh", "floor", "ceil", "not_larger", "pytorch_half_pixel",
	"tf_crop_and_resize", "half_pixel_symmetric", "not_smaller", "circular", "avg", "TFIDF",
	"LOWER", "[a-z]+", "a b c", "output_half_pixel", "BRANCH_LEQ",
};

static const char *choose_text(struct fuzz_input *in)
{
	return texts[fuzz_below(in, sizeof(texts) / sizeof(texts[0]))];
}

/* ---- A folder for external data ---- */

static char folder_path[] = "/tmp/fuzz-onnx-XXXXXX";

static void remove_folder(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/weights", folder_path);
	unlink(path);
	rmdir(folder_path);
}

static int open_folder(void)
{
	static int folder = -1;
	char path[64];
	int fd;

	if (folder >= 0)
		return folder;
	fuzz_require(mkdtemp(folder_path), "no folder for external data");
	atexit(remove_folder);
	snprintf(path, sizeof(path), "%s/weights", folder_path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	fuzz_require(fd >= 0 && !ftruncate(fd, 8192), "no file for external data");
	close(fd);
	folder = open(folder_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return folder;
}

/* ---- What must be true of a model that was read ---- */

static void check_graph(const struct nn_model *model, const struct nn_graph *graph)
{
	size_t *places = calloc(graph->node_count + 1, sizeof(*places));
	struct nn_value *value;
	size_t i, k;

	fuzz_require(places, "no memory");
	/* Node number n is the (places[n] - 1)-th in the order. */
	for (i = 0; i < graph->node_count; i++) {
		const struct nn_node *node = graph->nodes[i];

		fuzz_require(node->number < graph->node_count && !places[node->number],
			     "a node is there twice");
		places[node->number] = i + 1;
		for (k = 0; nn_node_dependency(node, k, &value); k++) {
			fuzz_require(!value || value == model->values[value->index],
				     "a value is not where it should be");
			fuzz_require(!value || value->graph != graph || !value->producer ||
				     places[value->producer->number],
				     "a node comes before what it depends on");
		}
		for (k = 0; k < node->attr_count; k++)
			if (node->attrs[k].type == NN_ATTR_GRAPH)
				check_graph(model, node->attrs[k].graph);
	}
	free(places);
}

/* For the sanitizer: all of it must be there. */
static void touch(const uint8_t *data, size_t size)
{
	static volatile uint8_t sink;

	while (size--)
		sink = *data++;
	(void)sink;
}

static void check_model(const struct nn_model *model)
{
	const struct nn_mapping *mapping;
	size_t i;

	for (mapping = model->mappings; mapping; mapping = mapping->next)
		fuzz_require(mapping->path[0] != '/' && !strstr(mapping->path, "../"),
			     "it has opened %s", mapping->path);
	for (i = 0; i < model->value_count; i++) {
		const struct nn_constant *c = model->values[i]->constant;

		if (c && c->data)
			touch(c->data, nn_bytes(c->type, c->count));
	}
	check_graph(model, model->graph);
}

/* ---- Inputs for it ---- */

static int give_tensor(struct nn_facts *facts, size_t input, struct nn_tensor *tensor,
		       struct fuzz_input *in)
{
	size_t i;

	if (nn_bytes(tensor->type, tensor->count) > RESULT_MAX)
		return -1;
	if (tensor->type != NN_STRING)
		fuzz_bytes(in, tensor->data, nn_bytes(tensor->type, tensor->count));
	for (i = 0; tensor->type == NN_STRING && i < tensor->count; i++)
		((const char **)tensor->data)[i] = choose_text(in);
	return nn_facts_set_input(facts, input, tensor);
}

/* A sequence of a few tensors, or nothing. */
static int give_list(struct nn_facts *facts, size_t input, struct fuzz_input *in)
{
	const struct nn_value *value = facts->model->graph->inputs[input];
	const struct nn_shape shape = { .rank = 1, .dims = { 2 } };
	struct nn_tensor tensor;
	struct nn_list *list;
	size_t i;
	int ret;

	if (value->optional && value->kind != NN_SEQUENCE)
		return nn_facts_set_list(facts, input, NULL);
	list = nn_list_new(fuzz_below(in, 4));
	fuzz_require(list, "no memory");
	for (i = 0; i < list->count; i++) {
		ret = nn_tensor_init(&tensor, value->type, &shape);
		fuzz_require(!ret || !nn_type_bits(value->type), "no memory");
		list->items[i] = ret ? NULL : nn_hold(&tensor);
		if (!ret)
			nn_tensor_release(&tensor);
		if (!list->items[i])
			list->count = i;
	}
	ret = nn_facts_set_list(facts, input, list);
	nn_list_free(list);
	return ret;
}

static int give_inputs(struct nn_facts *facts, struct fuzz_input *in)
{
	const struct nn_graph *graph = facts->model->graph;
	struct nn_tensor tensor;
	size_t i;
	int k, ret;

	for (i = 0; i < graph->input_count; i++) {
		const struct nn_value *value = graph->inputs[i];
		struct nn_shape shape = value->shape;

		if (!nn_value_is_tensor(value)) {
			ret = give_list(facts, i, in);
			if (ret)
				return ret;
			continue;
		}
		if (shape.rank < 0)
			shape.rank = 1;
		for (k = 0; k < shape.rank; k++)
			if (value->shape.rank < 0 || shape.dims[k] < 0)
				shape.dims[k] = value->shape.rank < 0 ? 2 : 1 - shape.dims[k] % 3;
		ret = nn_tensor_init(&tensor, value->type, &shape);
		if (ret)
			return ret;
		ret = give_tensor(facts, i, &tensor, in);
		nn_tensor_release(&tensor);
		if (ret)
			return ret;
	}
	return 0;
}

static void compare(const struct nn_value *value, const struct nn_fact *before,
		    const struct nn_fact *after)
{
	int k;

	fuzz_require(before->type == NN_UNDEFINED || before->type == after->type,
		     "'%s' was of type %s, and is %s", value->name, nn_type_name(before->type),
		     nn_type_name(after->type));
	if (before->shape.rank < 0)
		return;
	fuzz_require(before->shape.rank == after->shape.rank, "'%s' had rank %d, and has %d",
		     value->name, before->shape.rank, after->shape.rank);
	for (k = 0; k < before->shape.rank; k++)
		fuzz_require(before->shape.dims[k] < 0 ||
			     before->shape.dims[k] == after->shape.dims[k],
			     "'%s': size %d was %lld, and is %lld", value->name, k,
			     (long long)before->shape.dims[k], (long long)after->shape.dims[k]);
}

/*
 * Evaluate it, and compare with what was known before. `trusted`: the model declares nothing,
 * so all that was known had been found out.
 */
static void run(const struct nn_model *model, const struct nn_facts *before, bool trusted,
		struct fuzz_input *in)
{
	const struct nn_graph *graph = model->graph;
	struct nn_facts facts;
	size_t i;

	if (nn_facts_init(&facts, model))
		return;
	facts.result_max = RESULT_MAX;
	facts.work_max = WORK_MAX;
	if (!give_inputs(&facts, in) && !nn_facts_run(&facts)) {
		for (i = 0; i < graph->output_count; i++) {
			struct nn_fact *fact = &facts.facts[graph->outputs[i]->index];

			fuzz_require(nn_is_known(fact), "an output was not computed");
			if (trusted && fact->kind == NN_TENSOR && !fact->nothing)
				compare(graph->outputs[i],
					&before->facts[graph->outputs[i]->index], fact);
		}
	}
	nn_facts_release(&facts);
}

static void use(const struct nn_model *model, bool trusted, struct fuzz_input *in)
{
	struct nn_facts facts;

	check_model(model);
	if (nn_facts_init(&facts, model))
		return;
	facts.fold_max = RESULT_MAX;
	facts.fold_budget = 256 * RESULT_MAX;
	/* Without inputs a model may seem right, and with them wrong; not the other way round. */
	if (!nn_facts_infer(&facts))
		run(model, &facts, trusted, in);
	nn_facts_release(&facts);
}

/* ---- Recipes ---- */

struct recipe {
	struct fuzz_input *in;
	struct build build;
	Onnx__OperatorSetIdProto domains[3], *opsets[4];	/* of ONNX's other operators */
	unsigned int values, depth;
	enum nn_type types[VALUES_MAX];	/* as far as it is easily known */
};

/* Mostly those that most operators take. */
static enum nn_type choose_type(struct recipe *r)
{
	unsigned int choice = fuzz_u8(r->in);
	enum nn_type type = (enum nn_type)(1 + choice % (NN_TYPES - 1));

	if (choice < 120)
		return NN_F32;
	if (choice < 200)
		return NN_I64;
	return nn_type_bits(type) ? type : NN_BOOL;
}

static Onnx__TensorProto *make_tensor(struct recipe *r, const char *name)
{
	Onnx__TensorProto *tensor = build_alloc(&r->build, sizeof(*tensor));
	enum nn_type type = choose_type(r);
	size_t count = 1, i;

	onnx__tensor_proto__init(tensor);
	tensor->name = (char *)name;
	tensor->has_data_type = 1;
	tensor->data_type = type;
	tensor->n_dims = fuzz_below(r->in, 5);
	tensor->dims = build_alloc(&r->build, (tensor->n_dims + 1) * sizeof(int64_t));
	for (i = 0; i < tensor->n_dims; i++) {
		tensor->dims[i] = fuzz_below(r->in, 8);
		count *= (size_t)tensor->dims[i];
	}
	if (type == NN_STRING) {
		tensor->n_string_data = count;
		tensor->string_data = build_alloc(&r->build, (count + 1) * sizeof(*tensor->string_data));
		for (i = 0; i < count; i++) {
			const char *text = choose_text(r->in);

			tensor->string_data[i] = (ProtobufCBinaryData){ strlen(text), (uint8_t *)text };
		}
		return tensor;
	}
	tensor->has_raw_data = 1;
	tensor->raw_data.len = nn_bytes(type, count);
	tensor->raw_data.data = build_alloc(&r->build, tensor->raw_data.len + 1);
	/* Mostly small numbers, as axes and sizes are. */
	if (type == NN_I64)
		for (i = 0; i < count; i++)
			((int64_t *)tensor->raw_data.data)[i] = (int8_t)fuzz_u8(r->in);
	else
		fuzz_bytes(r->in, tensor->raw_data.data, tensor->raw_data.len);
	return tensor;
}

static void name_value(char *name, unsigned int number)
{
	snprintf(name, 8, "v%u", number);
}

static void add_initializer(struct recipe *r)
{
	char *name = build_alloc(&r->build, 8);
	Onnx__TensorProto *tensor;

	if (r->build.graph.n_initializer >= 16)
		return;
	name_value(name, r->values);
	tensor = make_tensor(r, name);
	r->build.tensors[r->build.graph.n_initializer++] = tensor;
	r->types[r->values++] = (enum nn_type)tensor->data_type;
}

static void add_input(struct recipe *r)
{
	static const char *const sizes[] = { "0", "1", "2", "3", "N", "M", "4", "5" };
	unsigned int rank = fuzz_below(r->in, 5);
	enum nn_type type = choose_type(r);
	char name[8], dims[32] = "";

	if (r->build.graph.n_input >= 8)
		return;
	r->types[r->values] = type;
	name_value(name, r->values++);
	while (rank--) {
		strcat(dims, sizes[fuzz_below(r->in, 8)]);
		strcat(dims, rank ? " " : "");
	}
	build_input(&r->build, name, (int)type, dims);
}

static void add_node(struct recipe *r);

/* A graph that uses what is around it, and has a few inputs, nodes and outputs of its own. */
static Onnx__GraphProto *make_graph(struct recipe *r)
{
	size_t first = r->build.graph.n_node;
	unsigned int visible = r->values, inputs = fuzz_below(r->in, 4), i;
	char given[32] = "", taken[32] = "";
	Onnx__GraphProto *graph;

	r->depth++;
	for (i = 0; i < inputs && r->values < VALUES_MAX - 4; i++) {
		/* What a loop gives its body: a number, whether to go on, and values. */
		r->types[r->values] = i == 0 ? NN_I64 : i == 1 ? NN_BOOL : NN_UNDEFINED;
		snprintf(given + strlen(given), 8, i ? " v%u" : "v%u", r->values++);
	}
	for (i = fuzz_below(r->in, 4); i && r->values < VALUES_MAX - 4 && r->build.used < 700 &&
	     r->build.graph.n_node < NODES_MAX; i--)
		add_node(r);
	for (i = fuzz_below(r->in, 4); i && r->values; i--)
		snprintf(taken + strlen(taken), 8, taken[0] ? " v%u" : "v%u",
			 r->values - 1 - fuzz_below(r->in, r->values < 4 ? r->values : 4));
	graph = build_graph(&r->build, first, given, taken);
	r->values = visible;
	r->depth--;
	return graph;
}

static void fill_attr(struct recipe *r, Onnx__AttributeProto *attr)
{
	size_t i, count = fuzz_below(r->in, 7);
	const char *text = choose_text(r->in);

	switch (attr->type) {
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
		attr->has_i = 1;
		attr->i = count == 6 ? (int64_t)fuzz_value(r->in) : (int8_t)fuzz_u8(r->in) % 16;
		break;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
		attr->ints = build_alloc(&r->build, (count + 1) * sizeof(*attr->ints));
		attr->n_ints = count;
		for (i = 0; i < count; i++)
			attr->ints[i] = fuzz_u8(r->in) == 255 ? (int64_t)fuzz_value(r->in) :
				       (int8_t)fuzz_u8(r->in) % 8;
		break;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
		attr->has_f = 1;
		fuzz_bytes(r->in, &attr->f, sizeof(attr->f));
		break;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
		attr->floats = build_alloc(&r->build, (count + 1) * sizeof(*attr->floats));
		attr->n_floats = count;
		fuzz_bytes(r->in, attr->floats, count * sizeof(*attr->floats));
		break;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
		attr->has_s = 1;
		attr->s.data = (uint8_t *)text;
		attr->s.len = strlen(text);
		break;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS:
		attr->strings = build_alloc(&r->build, (count + 1) * sizeof(*attr->strings));
		attr->n_strings = count;
		for (i = 0; i < count; i++)
			attr->strings[i] = (ProtobufCBinaryData){ strlen(text), (uint8_t *)text };
		break;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
		attr->t = make_tensor(r, (char *)"t");
		break;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TYPE_PROTO:
		break;
	default:
		if (r->depth < GRAPHS_MAX) {
			attr->g = make_graph(r);
			break;
		}
		attr->g = build_alloc(&r->build, sizeof(*attr->g));
		onnx__graph_proto__init(attr->g);
		break;
	}
}

/* As ONNX numbers them. */
static int attr_number(enum nn_attr_type type)
{
	static const int numbers[] = {
		[NN_ATTR_FLOAT] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT,
		[NN_ATTR_INT] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT,
		[NN_ATTR_STRING] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING,
		[NN_ATTR_TENSOR] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR,
		[NN_ATTR_GRAPH] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH,
		[NN_ATTR_INTS] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS,
		[NN_ATTR_FLOATS] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS,
		[NN_ATTR_STRINGS] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS,
		[NN_ATTR_OTHER] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TYPE_PROTO,
	};

	return numbers[type];
}

/* The value that is asked for, or the next that the port takes; the last choice is none. */
static unsigned int choose_value(struct recipe *r, const struct nn_port *port, enum nn_type *same)
{
	unsigned int first = fuzz_below(r->in, r->values + 1), i, choice;

	for (i = 0; i <= r->values; i++) {
		choice = (first + i) % (r->values + 1);
		if (choice == r->values && port->arity != NN_OPTIONAL)
			continue;
		if (choice == r->values || !r->types[choice])
			return choice;
		if (*same ? *same != r->types[choice] : !nn_in(port->types, r->types[choice]))
			continue;
		if (port->variable)
			*same = r->types[choice];
		return choice;
	}
	return first;
}

/* Words for an operator's ports: those of inputs are values, "-" is none. */
static void choose_inputs(struct recipe *r, const struct nn_op *op, enum nn_type *variables,
			  char *words, size_t size)
{
	enum nn_type none = NN_UNDEFINED, *same;
	const struct nn_port *port = op->inputs;
	unsigned int more = 0, choice;
	size_t used;

	for (words[0] = '\0'; port->name && strlen(words) < size - 16;) {
		same = port->variable ? &variables[port->variable & 127] : &none;
		choice = choose_value(r, port, same);
		used = strlen(words);
		snprintf(words + used, size - used, choice == r->values ? "%s-" : "%sv%u",
			 used ? " " : "", choice);
		if (port->arity < NN_MANY || ++more > fuzz_below(r->in, 4))
			port++;
	}
}

static void add_node(struct recipe *r)
{
	enum nn_type variables[128] = { NN_UNDEFINED };
	unsigned int number = fuzz_u16(r->in), ops = 0;
	char inputs[256], outputs[128] = "", name[8];
	const struct nn_attr_def *def;
	const struct nn_port *port;
	Onnx__NodeProto *node;
	const struct nn_op *op;

	while (nn_op_get(ops))
		ops++;
	op = nn_op_get(number % ops);
	choose_inputs(r, op, variables, inputs, sizeof(inputs));
	for (port = op->outputs; port->name && r->values < VALUES_MAX; port++) {
		/* Mostly only those that must be. */
		if (port->arity == NN_OPTIONAL && number & 0x8000) {
			strcat(outputs, " -");
			continue;
		}
		r->types[r->values] = variables[port->variable & 127];
		name_value(name, r->values++);
		strcat(outputs, " ");
		strcat(outputs, name);
	}
	node = build_node(&r->build, op->name, inputs, outputs + (outputs[0] == ' '));
	node->domain = (char *)op->domain;
	node->attribute = build_alloc(&r->build, 40 * sizeof(*node->attribute));
	for (def = op->attrs; def && def->name; def++)
		if (def->presence == NN_REQUIRED || fuzz_u8(r->in) % 3 == 0)
			fill_attr(r, build_attr(&r->build, node, def->name,
						attr_number(def->type)));
}

static void add_domains(struct recipe *r)
{
	static const char *const names[] = { "ai.onnx.ml", "ai.onnx.preview.training", "com.microsoft" };
	static const int versions[] = { 5, 1, 1 };
	size_t i;

	r->opsets[0] = &r->build.opset;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		onnx__operator_set_id_proto__init(&r->domains[i]);
		r->domains[i].domain = (char *)names[i];
		r->domains[i].has_version = 1;
		r->domains[i].version = versions[i];
		r->opsets[i + 1] = &r->domains[i];
	}
	r->build.model.opset_import = r->opsets;
	r->build.model.n_opset_import = 4;
}

static uint8_t *make_model(struct recipe *r, size_t *size)
{
	char name[8];
	unsigned int i;

	build_init(&r->build, NN_OPSET_OLDEST +
		   (int)fuzz_below(r->in, NN_OPSET_NEWEST - NN_OPSET_OLDEST + 1));
	add_domains(r);
	while (fuzz_more(r->in) && r->values < VALUES_MAX - 4 &&
	       r->build.graph.n_node < NODES_MAX && r->build.used < 700) {
		switch (fuzz_below(r->in, 6)) {
		case 0:
			add_initializer(r);
			break;
		case 1:
			add_input(r);
			break;
		default:
			add_node(r);
		}
	}
	/* The last ones: nobody uses most of them otherwise. */
	for (i = r->values; i-- && r->build.graph.n_output < 8;) {
		name_value(name, i);
		build_output(&r->build, name);
	}
	return build_pack(&r->build, size);
}

static int try_recipe(struct fuzz_input *in)
{
	struct recipe r = { .in = in };
	struct nn_model *model;
	uint8_t *file;
	size_t size;

	file = make_model(&r, &size);
	build_release(&r.build);
	if (!nn_onnx_read("cannot read the model", file, size, -1, &model)) {
		use(model, true, in);
		nn_model_free(model);
	}
	free(file);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct fuzz_input none = { data + size, 0 };
	struct nn_model *model;

	if (size && fuzz_u8(&in) >= 128)
		return try_recipe(&in);
	if (!nn_onnx_read("cannot read the model", in.at, in.left, open_folder(), &model)) {
		use(model, false, &none);
		nn_model_free(model);
	}
	return 0;
}
