// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "accel-run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const places[] = {
	[ACCEL_NN_UNSUPPORTED] = "unsupported",
	[ACCEL_NN_AHEAD] = "ahead",
	[ACCEL_NN_ON_HOST] = "host",
	[ACCEL_NN_ON_CARD] = "card",
	[ACCEL_NN_NOTHING] = "nothing",
};

static const enum colour colours[] = {
	[ACCEL_NN_UNSUPPORTED] = COLOUR_BAD,
	[ACCEL_NN_AHEAD] = COLOUR_DIM,
	[ACCEL_NN_ON_HOST] = COLOUR_WARN,
	[ACCEL_NN_ON_CARD] = COLOUR_GOOD,
	[ACCEL_NN_NOTHING] = COLOUR_DIM,
};

/* Nodes of one operator that are computed in one place. */
struct kind {
	char *operator_name, *why;
	uint32_t place;
	unsigned int count;
	uint64_t macs;
};

struct kinds {
	struct kind *list;
	size_t count;
};

/* "1.2 G": of things that are counted in thousands. */
static const char *format_count(char text[SIZE_TEXT], uint64_t count)
{
	static const char units[] = " kMGT";
	double value = (double)count;
	size_t unit = 0;

	while (value >= 1000 && unit + 1 < sizeof(units) - 1) {
		value /= 1000;
		unit++;
	}
	if (unit)
		snprintf(text, SIZE_TEXT, "%.3g %c", value, units[unit]);
	else
		snprintf(text, SIZE_TEXT, "%" PRIu64, count);
	return text;
}

/* ---- Inputs and outputs ---- */

static struct json_object *json_dims(const int64_t *dims, int rank)
{
	struct json_object *list;
	int i;

	if (rank < 0)
		return NULL;
	list = json_object_new_array();
	for (i = 0; i < rank; i++)
		json_object_array_add(list, dims[i] < 0 ? NULL : json_object_new_int64(dims[i]));
	return list;
}

typedef int get_value(const struct accel_nn_model *model, uint32_t index,
		      struct accel_nn_value *value);

static const char *const kinds_of_values[] = {
	[ACCEL_NN_TENSOR] = "tensor", [ACCEL_NN_SEQUENCE] = "sequence", [ACCEL_NN_OTHER] = "other",
};

/* "float32", "sequence of float32", "optional float32" */
static void add_type(struct table *table, const struct accel_nn_value *value)
{
	const char *kind = value->kind == ACCEL_NN_TENSOR ? "" :
			   value->kind == ACCEL_NN_SEQUENCE ? "sequence of " : "other, of ";

	if (value->type)
		table_addf(table, COLOUR_NONE, "%s%s%s", value->optional ? "optional " : "", kind,
			   accel_nn_type_name(value->type));
	else
		table_add(table, COLOUR_NONE, NULL);
}

static void show_values(struct session *s, const char *heading, const char *key, uint32_t count,
			get_value *get)
{
	const char *const headings[] = { heading, "TYPE", "SHAPE" };
	struct json_object *list = s->json ? json_object_new_array() : NULL, *object;
	struct accel_nn_value value = { .size = sizeof(value) };
	struct table *table = table_create(3, headings);
	char shape[SHAPE_TEXT];
	uint32_t i;

	for (i = 0; i < count && !get(s->model, i, &value); i++) {
		table_add(table, COLOUR_NONE, value.name);
		add_type(table, &value);
		table_add(table, COLOUR_NONE,
			  format_shape(shape, value.dims, value.rank, value.symbols));
		if (!list)
			continue;
		object = json_object_new_object();
		json_object_object_add(object, "name", json_object_new_string(value.name));
		json_object_object_add(object, "type",
				       json_object_new_string(accel_nn_type_name(value.type)));
		json_object_object_add(object, "kind", json_object_new_string(kinds_of_values[value.kind]));
		json_object_object_add(object, "optional", json_object_new_boolean(value.optional));
		json_object_object_add(object, "shape", json_dims(value.dims, value.rank));
		json_object_array_add(list, object);
	}
	if (list)
		json_object_object_add(s->json, key, list);
	else
		table_print(table);
	table_free(table);
}

/* ---- Nodes ---- */

static void count_node(struct kinds *kinds, const struct accel_nn_node *node, const char *device)
{
	const char *why = device || node->place != ACCEL_NN_ON_HOST ? node->why : "no --device is given";
	struct kind *kind;
	size_t i;

	for (i = 0; i < kinds->count; i++) {
		kind = &kinds->list[i];
		if (kind->place == node->place && !strcmp(kind->operator_name, node->operator_name))
			break;
	}
	if (i == kinds->count) {
		kinds->list = check_memory(reallocarray(kinds->list, i + 1, sizeof(*kinds->list)));
		kinds->list[kinds->count++] = (struct kind){
			.operator_name = check_memory(strdup(node->operator_name)),
			.why = check_memory(strdup(why)),
			.place = node->place,
		};
	}
	kinds->list[i].count++;
	kinds->list[i].macs += node->macs;
}

static void free_kinds(struct kinds *kinds)
{
	size_t i;

	for (i = 0; i < kinds->count; i++) {
		free(kinds->list[i].operator_name);
		free(kinds->list[i].why);
	}
	free(kinds->list);
}

/* Those with most work first; then those there are most of. */
static int by_work(const void *a, const void *b)
{
	const struct kind *x = a, *y = b;

	if (x->macs != y->macs)
		return x->macs < y->macs ? 1 : -1;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->operator_name, y->operator_name);
}

static void show_kinds(const struct kinds *kinds)
{
	static const char *const headings[] = { "OPERATOR", "NODES", "MACS", "PLACE", "WHY" };
	struct table *table = table_create(5, headings);
	char count[SIZE_TEXT];
	size_t i;

	for (i = 0; i < kinds->count; i++) {
		const struct kind *kind = &kinds->list[i];

		table_add(table, COLOUR_NONE, kind->operator_name);
		table_addf(table, COLOUR_NONE, "%u", kind->count);
		table_add(table, COLOUR_NONE,
			  kind->macs ? format_count(count, kind->macs) : NULL);
		table_add(table, colours[kind->place], places[kind->place]);
		table_add(table, COLOUR_NONE, kind->why);
	}
	table_print(table);
	table_free(table);
}

static struct json_object *json_node(const struct accel_nn_node *node)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "number", json_object_new_int64(node->number));
	json_object_object_add(object, "operator", json_object_new_string(node->operator_name));
	json_object_object_add(object, "name", json_object_new_string(node->name));
	json_object_object_add(object, "place", json_object_new_string(places[node->place]));
	json_object_object_add(object, "why", json_object_new_string(node->why));
	json_object_object_add(object, "type", node->type ?
			       json_object_new_string(accel_nn_type_name(node->type)) : NULL);
	json_object_object_add(object, "shape", json_dims(node->dims, node->rank));
	json_object_object_add(object, "macs", json_object_new_int64((int64_t)node->macs));
	return object;
}

static enum status show_nodes(struct session *s)
{
	struct json_object *list = s->json ? json_object_new_array() : NULL;
	struct accel_nn_node node = { .size = sizeof(node) };
	struct kinds kinds = { 0 };
	uint64_t macs = 0;
	uint32_t i;

	for (i = 0; i < s->info.nodes; i++) {
		if (accel_nn_get_node(s->job, i, &node))
			break;
		macs += node.macs;
		if (list)
			json_object_array_add(list, json_node(&node));
		else
			count_node(&kinds, &node, s->device);
	}
	if (list) {
		json_object_object_add(s->json, "nodes", list);
		json_object_object_add(s->json, "macs", json_object_new_int64((int64_t)macs));
	} else if (kinds.count) {
		putchar('\n');
		qsort(kinds.list, kinds.count, sizeof(*kinds.list), by_work);
		show_kinds(&kinds);
	}
	free_kinds(&kinds);
	return i < s->info.nodes ? complain_model() : STATUS_OK;
}

/* ---- The whole ---- */

static void show_model(struct session *s)
{
	char parameters[SIZE_TEXT], bytes[SIZE_TEXT];
	struct json_object *model;
	char *producer;

	if (!s->json) {
		producer = copy_harmless(s->info.producer);
		printf("%s: opset %u, %u node%s, %s parameters (%s)%s%s\n\n", s->path,
		       s->info.opset, s->info.nodes, s->info.nodes == 1 ? "" : "s",
		       format_count(parameters, s->info.parameters),
		       format_size(bytes, s->info.parameter_bytes),
		       producer[0] ? ", made by " : "", producer);
		free(producer);
		return;
	}
	model = json_object_new_object();
	json_object_object_add(model, "path", json_object_new_string(s->path));
	json_object_object_add(model, "producer", json_object_new_string(s->info.producer));
	json_object_object_add(model, "graph", json_object_new_string(s->info.graph));
	json_object_object_add(model, "opset", json_object_new_int64(s->info.opset));
	json_object_object_add(model, "parameters",
			       json_object_new_int64((int64_t)s->info.parameters));
	json_object_object_add(model, "parameter_bytes",
			       json_object_new_int64((int64_t)s->info.parameter_bytes));
	json_object_object_add(s->json, "model", model);
}

/* What the model takes on the card, if it is planned for one. */
static enum status show_memory(struct session *s)
{
	struct accel_nn_job_info info = { .size = sizeof(info) };
	char memory[SIZE_TEXT], weights[SIZE_TEXT];
	struct json_object *job;

	if (accel_nn_get_job_info(s->job, &info))
		return complain_model();
	if (s->json) {
		job = json_object_new_object();
		json_object_object_add(job, "memory", json_object_new_int64((int64_t)info.memory));
		json_object_object_add(job, "constants",
				       json_object_new_int64((int64_t)info.constants));
		json_object_object_add(job, "weights", json_object_new_int64((int64_t)info.weights));
		json_object_object_add(job, "steps", json_object_new_int64(info.steps));
		json_object_object_add(job, "launches", json_object_new_int64(info.launches));
		json_object_object_add(job, "graphs", json_object_new_int64(info.graphs));
		json_object_object_add(s->json, "job", info.steps ? job : NULL);
		if (!info.steps)
			json_object_put(job);
	} else if (info.steps) {
		printf("\non the card: %u launch%s in %u command list%s; memory: %s at most, %s of "
		       "weights\n", info.launches, info.launches == 1 ? "" : "es", info.graphs,
		       info.graphs == 1 ? "" : "s",
		       format_size(memory, info.memory + info.constants),
		       format_size(weights, info.weights));
	}
	return STATUS_OK;
}

enum status show_info(struct session *s)
{
	enum status status;

	show_model(s);
	show_values(s, "INPUT", "inputs", s->info.inputs, accel_nn_get_input);
	if (!s->json)
		putchar('\n');
	show_values(s, "OUTPUT", "outputs", s->info.outputs, accel_nn_get_output);
	if (accel_nn_prepare(s->job))
		return complain_model();
	status = show_nodes(s);
	return status ? status : show_memory(s);
}
