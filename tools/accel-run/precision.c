// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * --precision: what computing in fewer bits costs. The reference is the same model, with the same
 * inputs, in float32 on the host.
 */
#include "accel-run.h"
#include "progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
	[ACCEL_NN_IN_FLOAT32] = "fp32",
	[ACCEL_NN_IN_BFLOAT16] = "bf16",
	[ACCEL_NN_IN_FLOAT16] = "fp16",
	[ACCEL_NN_IN_INT8] = "int8",
};

bool precision_parse(const char *text, uint32_t *precision)
{
	uint32_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(text, names[i])) {
			*precision = i;
			return true;
		}
	}
	return false;
}

/* ---- Errors ---- */

/* How far a result is from the reference. */
struct error {
	double most, mean;	/* of the differences' magnitudes */
	double relative;	/* all differences, to the whole reference: roots of sums of squares */
	double cosine;		/* of the angle between the two, as vectors */
	size_t strange;		/* elements that are not finite, and not the same in both */
	size_t different;	/* of what is no float: elements that are not the same */
};

/* Of texts there is nothing but whether they are the same. */
static struct error measure_texts(const struct accel_nn_tensor *reference,
				  const struct accel_nn_tensor *found)
{
	struct error e = { .most = NAN, .mean = NAN, .relative = NAN, .cosine = NAN };
	size_t count = count_elements(reference), i;

	for (i = 0; i < count; i++)
		e.different += strcmp(get_text(reference, i), get_text(found, i)) != 0;
	return e;
}

static struct error measure(const struct accel_nn_tensor *reference,
			    const struct accel_nn_tensor *found)
{
	size_t count = count_elements(reference), used = 0, i;
	double squares = 0, all = 0, other = 0, both = 0;
	struct error e = { .strange = 0 };

	for (i = 0; i < count; i++) {
		double a = get_element(reference, i), b = get_element(found, i);

		if (!isfinite(a) || !isfinite(b)) {
			e.strange += a != b && !(isnan(a) && isnan(b));
			continue;
		}
		e.different += a != b;
		e.most = fmax(e.most, fabs(a - b));
		e.mean += fabs(a - b);
		squares += (a - b) * (a - b);
		all += a * a;
		other += b * b;
		both += a * b;
		used++;
	}
	e.mean = used ? e.mean / (double)used : 0;
	e.relative = squares > 0 ? sqrt(squares / all) : 0;
	e.cosine = squares > 0 ? both / sqrt(all * other) : 1;
	return e;
}

/* Of the reference to the error, in decibels. */
static double ratio_db(const struct error *e)
{
	if (isnan(e->relative))
		return NAN;
	return e->relative > 0 ? -20 * log10(e->relative) : INFINITY;
}

/* ---- Showing ---- */

static struct json_object *json_error(const struct array *array, const struct error *e)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "name", json_object_new_string(array->name));
	json_object_object_add(object, "max_absolute_error", json_number(e->most));
	json_object_object_add(object, "mean_absolute_error", json_number(e->mean));
	json_object_object_add(object, "relative_error", json_number(e->relative));
	json_object_object_add(object, "signal_to_noise_db", json_number(ratio_db(e)));
	json_object_object_add(object, "cosine", json_number(e->cosine));
	json_object_object_add(object, "not_finite", json_object_new_int64((int64_t)e->strange));
	json_object_object_add(object, "different", type_is_float(array->tensor.type) ? NULL :
			       json_object_new_int64((int64_t)e->different));
	return object;
}

static void add_number(struct table *table, const char *format, double value)
{
	char text[40];

	snprintf(text, sizeof(text), format, value);
	table_add(table, COLOUR_NONE, isnan(value) ? NULL : text);
}

static void add_row(struct table *table, const struct array *array, const struct error *e)
{
	table_add(table, COLOUR_NONE, array->name);
	add_number(table, "%.3g", e->most);
	add_number(table, "%.3g", e->mean);
	add_number(table, "%.3g", e->relative);
	add_number(table, "%.1f", ratio_db(e));
	add_number(table, "%.6f", e->cosine);
	table_addf(table, e->strange ? COLOUR_BAD : COLOUR_NONE, "%zu", e->strange);
	if (type_is_float(array->tensor.type))
		table_add(table, COLOUR_NONE, NULL);
	else
		table_addf(table, COLOUR_NONE, "%zu", e->different);
}

static void show_heading(uint32_t precision, size_t calibrations)
{
	printf("\n%s", names[precision]);
	if (precision == ACCEL_NN_IN_INT8 && calibrations)
		printf(", calibrated with %zu input%s", calibrations, calibrations == 1 ? "" : "s");
	else if (precision == ACCEL_NN_IN_INT8)
		printf(", calibrated with the inputs of this run, which flatters it: give others with "
		       "--calibrate");
	printf("; compared with fp32:\n\n");
}

static enum status show_output(const struct array *wanted, const struct array *found,
			       struct table *table, struct json_object *list)
{
	struct error error;

	/* Sizes may depend on what is computed. */
	if (wanted->tensor.type != found->tensor.type || !same_shape(&wanted->tensor, &found->tensor)) {
		complain(NULL, "output %s has another shape than in fp32", wanted->name);
		return STATUS_DIFFERENT;
	}
	if (!wanted->tensor.type)
		return STATUS_OK;
	error = wanted->tensor.type == ACCEL_NN_STRING ?
		measure_texts(&wanted->tensor, &found->tensor) :
		measure(&wanted->tensor, &found->tensor);
	if (list)
		json_object_array_add(list, json_error(wanted, &error));
	else
		add_row(table, wanted, &error);
	return STATUS_OK;
}

static enum status show_outputs(const struct arrays *wanted, const struct arrays *found,
				struct table *table, struct json_object *list)
{
	enum status status = STATUS_OK;
	size_t i;

	for (i = 0; i < wanted->count && i < found->count && !status; i++) {
		/* Sequences are of different lengths. */
		if (strcmp(wanted->list[i].name, found->list[i].name))
			break;
		status = show_output(&wanted->list[i], &found->list[i], table, list);
	}
	if (!status && (i < wanted->count || i < found->count)) {
		complain(NULL, "from output %s on, there are other tensors than in fp32",
			 i < wanted->count ? wanted->list[i].name : found->list[i].name);
		status = STATUS_DIFFERENT;
	}
	return status;
}

static enum status show_all(struct session *s, const struct arrays *wanted,
			    const struct arrays *found, uint32_t precision, size_t calibrations)
{
	static const char *const headings[] = {
		"OUTPUT", "MAX ABS ERROR", "MEAN ABS ERROR", "RELATIVE", "SNR DB", "COSINE",
		"NOT FINITE", "DIFFERENT",
	};
	struct json_object *object = json_object_new_object(), *list = json_object_new_array();
	struct table *table = table_create(sizeof(headings) / sizeof(headings[0]), headings);
	enum status status = show_outputs(wanted, found, table, s->json ? list : NULL);

	json_object_object_add(object, "name", json_object_new_string(names[precision]));
	json_object_object_add(object, "calibration_inputs", precision == ACCEL_NN_IN_INT8 ?
			       json_object_new_int64((int64_t)calibrations) : NULL);
	json_object_object_add(object, "errors", list);
	if (s->json && !status) {
		json_object_object_add(s->json, "precision", object);
	} else {
		json_object_put(object);
		if (!status) {
			show_heading(precision, calibrations);
			table_print(table);
		}
	}
	table_free(table);
	return status;
}

/* ---- The reference ---- */

static enum status run_reference(struct session *s, struct accel_nn_job *job)
{
	uint32_t i;
	int ret;

	for (i = 0; i < s->info.inputs; i++)
		if (accel_nn_bind_input(job, i, &s->bound[i]))
			return complain_model();
	progress_begin("running in fp32", 0);
	ret = accel_nn_run(job, NULL);
	progress_end();
	return ret ? complain_model() : STATUS_OK;
}

enum status precision_show(struct session *s, uint32_t precision, size_t calibrations)
{
	struct accel_nn_model *model = NULL;
	struct arrays wanted = { 0 }, found = { 0 };
	struct accel_nn_job *job = NULL;
	enum status status = STATUS_OK;

	if (accel_nn_load(s->path, NULL, &model) || accel_nn_job_create(model, &job))
		status = complain_model();
	if (!status)
		status = run_reference(s, job);
	if (!status)
		status = results_take(s, job, &wanted);
	if (!status)
		status = results_take(s, s->job, &found);
	if (!status)
		status = show_all(s, &wanted, &found, precision, calibrations);
	results_release(&wanted);
	results_release(&found);
	accel_nn_job_destroy(job);
	accel_nn_unload(model);
	return status;
}
