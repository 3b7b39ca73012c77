// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "accel-run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct json_object *json_number(double value)
{
	return isfinite(value) ? json_object_new_double(value) : NULL;
}

/* ---- Summary ---- */

struct summary {
	double least, most, mean;
	size_t nans;
};

static struct summary summarise(const struct accel_nn_tensor *tensor)
{
	struct summary s = { .least = INFINITY, .most = -INFINITY };
	size_t count = count_elements(tensor), i;
	double value, sum = 0;

	if (tensor->type == ACCEL_NN_STRING)
		return (struct summary){ .least = NAN, .most = NAN, .mean = NAN };

	for (i = 0; i < count; i++) {
		value = get_element(tensor, i);
		if (isnan(value)) {
			s.nans++;
			continue;
		}
		s.least = fmin(s.least, value);
		s.most = fmax(s.most, value);
		sum += value;
	}
	s.mean = sum / (double)(count - s.nans);
	return s;
}

static const char *get_text(const struct accel_nn_tensor *tensor, size_t i)
{
	const char *text = ((const char *const *)tensor->data)[i];

	return text ? text : "";
}

static struct json_object *json_texts(const struct accel_nn_tensor *tensor)
{
	struct json_object *list = json_object_new_array();
	size_t count = count_elements(tensor), i;

	for (i = 0; i < count; i++)
		json_object_array_add(list, json_object_new_string(get_text(tensor, i)));
	return list;
}

static void add_json_result(struct json_object *list, const char *name,
			    const struct accel_nn_tensor *tensor, const struct summary *s)
{
	struct json_object *object = json_object_new_object(), *dims = json_object_new_array();
	uint32_t i;

	for (i = 0; i < tensor->rank; i++)
		json_object_array_add(dims, json_object_new_int64(tensor->dims[i]));
	json_object_object_add(object, "name", json_object_new_string(name));
	json_object_object_add(object, "type",
			       json_object_new_string(accel_nn_type_name(tensor->type)));
	json_object_object_add(object, "shape", dims);
	json_object_object_add(object, "min", json_number(s->least));
	json_object_object_add(object, "max", json_number(s->most));
	json_object_object_add(object, "mean", json_number(s->mean));
	json_object_object_add(object, "nans", json_object_new_int64((int64_t)s->nans));
	if (tensor->type == ACCEL_NN_STRING)
		json_object_object_add(object, "texts", json_texts(tensor));
	json_object_array_add(list, object);
}

static void format_element(char *text, size_t size, const struct accel_nn_tensor *tensor, size_t i)
{
	if (tensor->type == ACCEL_NN_STRING)
		snprintf(text, size, "%s\"%.24s\"", i ? " " : "", get_text(tensor, i));
	else
		snprintf(text, size, "%s%.6g", i ? " " : "", get_element(tensor, i));
}

static void add_row(struct table *table, const char *name, const struct accel_nn_tensor *tensor,
		    const struct summary *s)
{
	size_t count = count_elements(tensor), i;
	char shape[SHAPE_TEXT], values[120] = "";

	table_add(table, COLOUR_NONE, name);
	table_add(table, COLOUR_NONE, accel_nn_type_name(tensor->type));
	table_add(table, COLOUR_NONE, format_shape(shape, tensor->dims, (int)tensor->rank, NULL));
	if (count == s->nans || tensor->type == ACCEL_NN_STRING) {
		table_add(table, COLOUR_NONE, NULL);
		table_add(table, COLOUR_NONE, NULL);
		table_add(table, COLOUR_NONE, NULL);
	} else {
		table_addf(table, COLOUR_NONE, "%.6g", s->least);
		table_addf(table, COLOUR_NONE, "%.6g", s->most);
		table_addf(table, COLOUR_NONE, "%.6g", s->mean);
	}
	for (i = 0; i < count && i < 4; i++)
		format_element(values + strlen(values), sizeof(values) - strlen(values), tensor, i);
	table_addf(table, s->nans ? COLOUR_BAD : COLOUR_NONE, "%s%s", values,
		   count > 4 ? " ..." : "");
}

static void add_tensor(struct table *table, struct json_object *list, const char *name,
		       const struct accel_nn_tensor *tensor)
{
	struct summary summary = summarise(tensor);

	if (list)
		add_json_result(list, name, tensor, &summary);
	else
		add_row(table, name, tensor, &summary);
}

/* An optional output that is nothing. */
static void add_nothing(struct table *table, struct json_object *list, const char *name)
{
	struct json_object *object;
	int i;

	if (list) {
		object = json_object_new_object();
		json_object_object_add(object, "name", json_object_new_string(name));
		json_object_object_add(object, "type", NULL);
		json_object_array_add(list, object);
		return;
	}
	table_add(table, COLOUR_NONE, name);
	for (i = 0; i < 5; i++)
		table_add(table, COLOUR_NONE, NULL);
	table_add(table, COLOUR_DIM, "nothing");
}

/* A row for each tensor; those of a sequence have numbers. */
static int show_result(struct session *s, uint32_t output, struct table *table,
		       struct json_object *list)
{
	struct accel_nn_result_info info = { .size = sizeof(info) };
	struct accel_nn_tensor tensor = { .size = sizeof(tensor) };
	struct accel_nn_value value = { .size = sizeof(value) };
	char name[200];
	uint32_t i;
	int ret = accel_nn_get_output(s->model, output, &value);

	if (!ret)
		ret = accel_nn_get_result_info(s->job, output, &info);
	if (!ret && info.kind == ACCEL_NN_EMPTY)
		add_nothing(table, list, value.name);
	for (i = 0; i < info.count && !ret; i++) {
		ret = accel_nn_get_result_item(s->job, output, i, &tensor);
		snprintf(name, sizeof(name), info.kind == ACCEL_NN_SEQUENCE ? "%.180s[%u]" : "%.180s",
			 value.name, i);
		if (!ret)
			add_tensor(table, list, name, &tensor);
	}
	return ret;
}

enum status show_results(struct session *s)
{
	static const char *const headings[] = {
		"OUTPUT", "TYPE", "SHAPE", "MIN", "MAX", "MEAN", "ELEMENTS",
	};
	struct json_object *list = s->json ? json_object_new_array() : NULL;
	struct table *table = table_create(7, headings);
	uint32_t i;
	int ret = 0;

	for (i = 0; i < s->info.outputs && !ret; i++)
		ret = show_result(s, i, table, list);
	if (list)
		json_object_object_add(s->json, "results", list);
	else
		table_print(table);
	table_free(table);
	return ret ? complain_model() : STATUS_OK;
}

/* ---- Comparison ---- */

struct difference {
	double absolute, relative;	/* the largest */
	size_t beyond, count, worst;
};

static struct difference subtract(const struct accel_nn_tensor *wanted,
				  const struct accel_nn_tensor *found,
				  const struct tolerance *tolerance)
{
	struct difference d = { .count = count_elements(wanted) };
	double a, b, error;
	size_t i;

	for (i = 0; i < d.count; i++) {
		a = get_element(wanted, i);
		b = get_element(found, i);
		/* Infinities are the same or not; a NaN is the same as another. */
		error = a == b || (isnan(a) && isnan(b)) ? 0 :
			isfinite(a) && isfinite(b) ? fabs(a - b) : INFINITY;
		if (error > tolerance->absolute + tolerance->relative * fabs(a) ||
		    error == INFINITY)
			d.beyond++;
		if (error > d.absolute) {
			d.absolute = error;
			d.worst = i;
		}
		if (error > 0 && a != 0)
			d.relative = fmax(d.relative, error / fabs(a));
	}
	return d;
}

static void add_json_difference(struct json_object *list, const char *name,
				const struct difference *d)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "name", json_object_new_string(name));
	json_object_object_add(object, "max_absolute_error", json_number(d->absolute));
	json_object_object_add(object, "max_relative_error", json_number(d->relative));
	json_object_object_add(object, "elements", json_object_new_int64((int64_t)d->count));
	json_object_object_add(object, "beyond_tolerance",
			       json_object_new_int64((int64_t)d->beyond));
	json_object_array_add(list, object);
}

static void add_difference(struct table *table, const char *name, const struct difference *d,
			   const struct accel_nn_tensor *wanted,
			   const struct accel_nn_tensor *found)
{
	table_add(table, COLOUR_NONE, name);
	table_addf(table, COLOUR_NONE, "%.3g", d->absolute);
	table_addf(table, COLOUR_NONE, "%.3g", d->relative);
	table_addf(table, d->beyond ? COLOUR_BAD : COLOUR_GOOD, "%zu of %zu", d->beyond, d->count);
	if (d->absolute > 0)
		table_addf(table, COLOUR_NONE, "%zu: %.6g for %.6g", d->worst,
			   get_element(found, d->worst), get_element(wanted, d->worst));
	else
		table_add(table, COLOUR_NONE, NULL);
}

/* The output that an array is to be compared with: by name, or else by its place. */
static enum status find_output(struct session *s, const struct array *array, uint32_t place,
			       struct accel_nn_value *value, struct accel_nn_tensor *found)
{
	uint32_t i;

	for (i = 0; i < s->info.outputs; i++) {
		if (accel_nn_get_output(s->model, i, value))
			return complain_model();
		if (array->name[0] ? strcmp(array->name, value->name) : i != place)
			continue;
		return accel_nn_get_result(s->job, i, found) ? complain_model() : STATUS_OK;
	}
	complain("name it after an output: --compare NAME=FILE",
		 "the model has no output %s to compare with", array->name[0] ? array->name : "more");
	return STATUS_USAGE;
}

static enum status compare_one(struct session *s, const struct array *array, uint32_t place,
			       const struct tolerance *tolerance, struct table *table,
			       struct json_object *list)
{
	struct accel_nn_tensor found = { .size = sizeof(found) };
	struct accel_nn_value value = { .size = sizeof(value) };
	enum status status = find_output(s, array, place, &value, &found);
	char has[SHAPE_TEXT], wants[SHAPE_TEXT];
	struct difference d;

	if (status)
		return status;
	if (!same_shape(&array->tensor, &found)) {
		complain(NULL, "output %s has shape %s, what it is compared with %s", value.name,
			 format_shape(has, found.dims, (int)found.rank, NULL),
			 format_shape(wants, array->tensor.dims, (int)array->tensor.rank, NULL));
		return STATUS_DIFFERENT;
	}
	d = subtract(&array->tensor, &found, tolerance);
	if (list)
		add_json_difference(list, value.name, &d);
	else
		add_difference(table, value.name, &d, &array->tensor, &found);
	return d.beyond ? STATUS_DIFFERENT : STATUS_OK;
}

enum status compare_results(struct session *s, const struct arrays *wanted,
			    const struct tolerance *tolerance)
{
	static const char *const headings[] = {
		"OUTPUT", "MAX ABS ERROR", "MAX REL ERROR", "BEYOND TOLERANCE", "WORST ELEMENT",
	};
	struct json_object *list = s->json ? json_object_new_array() : NULL;
	struct table *table = table_create(5, headings);
	enum status status = STATUS_OK, one;
	size_t i;

	for (i = 0; i < wanted->count && status != STATUS_USAGE; i++) {
		one = compare_one(s, &wanted->list[i], (uint32_t)i, tolerance, table, list);
		status = one ? one : status;
	}
	if (list) {
		json_object_object_add(s->json, "comparison", list);
	} else if (status != STATUS_USAGE) {
		putchar('\n');
		table_print(table);
	}
	table_free(table);
	return status;
}
