// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#define _GNU_SOURCE
#include "accel-run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json_object *json_number(double value)
{
	return isfinite(value) ? json_object_new_double(value) : NULL;
}

/* ---- All of them ---- */

static struct array *add_result(struct arrays *results, uint32_t output)
{
	struct array *array;

	results->list = check_memory(reallocarray(results->list, results->count + 1,
						  sizeof(*results->list)));
	array = &results->list[results->count++];
	*array = (struct array){ .tensor.size = sizeof(array->tensor), .output = output };
	return array;
}

static int take_result(struct session *s, struct accel_nn_job *job, uint32_t output,
		       struct arrays *results)
{
	struct accel_nn_result_info info = { .size = sizeof(info) };
	struct accel_nn_value value = { .size = sizeof(value) };
	struct array *array;
	uint32_t i;
	int ret = accel_nn_get_output(s->model, output, &value);

	if (!ret)
		ret = accel_nn_get_result_info(job, output, &info);
	if (!ret && info.kind == ACCEL_NN_EMPTY)
		add_result(results, output)->name = check_memory(strdup(value.name));
	for (i = 0; i < info.count && !ret; i++) {
		array = add_result(results, output);
		ret = accel_nn_get_result_item(job, output, i, &array->tensor);
		if (asprintf(&array->name, info.kind == ACCEL_NN_SEQUENCE ? "%s.%u" : "%s",
			     value.name, i) < 0)
			array->name = check_memory(NULL);
	}
	return ret;
}

enum status results_take(struct session *s, struct accel_nn_job *job, struct arrays *results)
{
	uint32_t i;

	for (i = 0; i < s->info.outputs; i++)
		if (take_result(s, job, i, results))
			return complain_model();
	return STATUS_OK;
}

void results_release(struct arrays *results)
{
	size_t i;

	for (i = 0; i < results->count; i++)
		free(results->list[i].name);
	free(results->list);
	*results = (struct arrays){ 0 };
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
		snprintf(text, size, "\"%.24s\"", get_text(tensor, i));
	else
		snprintf(text, size, "%.6g", get_element(tensor, i));
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
	for (i = 0; i < count && i < 4; i++) {
		if (i)
			strcat(values, " ");
		format_element(values + strlen(values), sizeof(values) - strlen(values) - 1, tensor, i);
	}
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

enum status show_results(struct session *s)
{
	static const char *const headings[] = {
		"OUTPUT", "TYPE", "SHAPE", "MIN", "MAX", "MEAN", "ELEMENTS",
	};
	struct json_object *list = s->json ? json_object_new_array() : NULL;
	struct table *table = table_create(7, headings);
	struct arrays results = { 0 };
	enum status status = results_take(s, s->job, &results);
	size_t i;

	for (i = 0; i < results.count && !status; i++) {
		if (results.list[i].tensor.type)
			add_tensor(table, list, results.list[i].name, &results.list[i].tensor);
		else
			add_nothing(table, list, results.list[i].name);
	}
	if (list)
		json_object_object_add(s->json, "results", list);
	else if (!status)
		table_print(table);
	table_free(table);
	results_release(&results);
	return status;
}

/* ---- Comparison ---- */

struct difference {
	double absolute, relative;	/* the largest; NaN of texts */
	size_t beyond, count, worst;
};

/* Numbers. */
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

/* Texts, which are the same or not; the worst is the first that is not. */
static struct difference subtract_texts(const struct accel_nn_tensor *wanted,
					const struct accel_nn_tensor *found)
{
	struct difference d = { .count = count_elements(wanted), .absolute = NAN, .relative = NAN };
	size_t i;

	for (i = d.count; i--;) {
		if (!strcmp(get_text(wanted, i), get_text(found, i)))
			continue;
		d.beyond++;
		d.worst = i;
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

static void add_worst(struct table *table, const struct difference *d,
		      const struct accel_nn_tensor *wanted, const struct accel_nn_tensor *found)
{
	char has[64], wants[64];

	if (!(d->absolute > 0) && !d->beyond) {
		table_add(table, COLOUR_NONE, NULL);
		return;
	}
	format_element(has, sizeof(has), found, d->worst);
	format_element(wants, sizeof(wants), wanted, d->worst);
	table_addf(table, COLOUR_NONE, "%zu: %s for %s", d->worst, has, wants);
}

static void add_difference(struct table *table, const char *name, const struct difference *d,
			   const struct accel_nn_tensor *wanted,
			   const struct accel_nn_tensor *found)
{
	table_add(table, COLOUR_NONE, name);
	if (isnan(d->absolute)) {
		table_add(table, COLOUR_NONE, NULL);
		table_add(table, COLOUR_NONE, NULL);
	} else {
		table_addf(table, COLOUR_NONE, "%.3g", d->absolute);
		table_addf(table, COLOUR_NONE, "%.3g", d->relative);
	}
	table_addf(table, d->beyond ? COLOUR_BAD : COLOUR_GOOD, "%zu of %zu", d->beyond, d->count);
	add_worst(table, d, wanted, found);
}

static const struct array *find_result(const struct arrays *results, const char *name)
{
	size_t i;

	for (i = 0; i < results->count; i++)
		if (!strcmp(results->list[i].name, name))
			return &results->list[i];
	return NULL;
}

/* "of shape [2, 3]", "texts of shape [2, 3]", "nothing" */
#define DESCRIPTION_TEXT	(SHAPE_TEXT + 20)
static const char *describe(char text[DESCRIPTION_TEXT], const struct accel_nn_tensor *tensor)
{
	char shape[SHAPE_TEXT];

	if (!tensor->type)
		return "nothing";
	snprintf(text, DESCRIPTION_TEXT, "%sof shape %s", tensor->type == ACCEL_NN_STRING ? "texts " : "",
		 format_shape(shape, tensor->dims, (int)tensor->rank, NULL));
	return text;
}

static bool comparable(const struct accel_nn_tensor *a, const struct accel_nn_tensor *b)
{
	return !a->type == !b->type && (a->type == ACCEL_NN_STRING) == (b->type == ACCEL_NN_STRING) &&
	       same_shape(a, b);
}

static enum status compare_one(const struct arrays *results, const struct array *wanted,
			       const struct tolerance *tolerance, struct table *table,
			       struct json_object *list, bool *shown)
{
	const struct array *found = find_result(results, wanted->name);
	char has[DESCRIPTION_TEXT], wants[DESCRIPTION_TEXT];
	struct difference d;

	if (!found) {
		complain("name it after an output: --compare NAME=FILE; --info shows them",
			 "the model has no output '%s' to compare with", wanted->name);
		return STATUS_USAGE;
	}
	if (!comparable(&wanted->tensor, &found->tensor)) {
		complain(NULL, "output %s is %s, what it is compared with %s", wanted->name,
			 describe(has, &found->tensor), describe(wants, &wanted->tensor));
		return STATUS_DIFFERENT;
	}
	*shown = true;
	if (!found->tensor.type)
		d = (struct difference){ .absolute = NAN, .relative = NAN };
	else if (found->tensor.type == ACCEL_NN_STRING)
		d = subtract_texts(&wanted->tensor, &found->tensor);
	else
		d = subtract(&wanted->tensor, &found->tensor, tolerance);
	if (list)
		add_json_difference(list, wanted->name, &d);
	else
		add_difference(table, wanted->name, &d, &wanted->tensor, &found->tensor);
	return d.beyond ? STATUS_DIFFERENT : STATUS_OK;
}

enum status compare_results(struct session *s, const struct arrays *results,
			    const struct arrays *wanted, const struct tolerance *tolerance)
{
	static const char *const headings[] = {
		"OUTPUT", "MAX ABS ERROR", "MAX REL ERROR", "BEYOND TOLERANCE", "WORST ELEMENT",
	};
	struct json_object *list = s->json ? json_object_new_array() : NULL;
	struct table *table = table_create(5, headings);
	enum status status = STATUS_OK, one;
	bool shown = false;
	size_t i;

	for (i = 0; i < wanted->count && status != STATUS_USAGE; i++) {
		one = compare_one(results, &wanted->list[i], tolerance, table, list, &shown);
		status = one ? one : status;
	}
	if (list) {
		json_object_object_add(s->json, "comparison", list);
	} else if (status != STATUS_USAGE && shown) {
		putchar('\n');
		table_print(table);
	}
	table_free(table);
	return status;
}
