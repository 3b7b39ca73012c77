// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * --precision: what computing in fewer bits costs. The reference is the same model, with the same
 * inputs, in float32 on the host.
 */
#include "accel-run.h"

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
};

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
	return e->relative > 0 ? -20 * log10(e->relative) : INFINITY;
}

/* ---- Showing ---- */

static struct json_object *json_error(const char *name, const struct error *e)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "name", json_object_new_string(name));
	json_object_object_add(object, "max_absolute_error", json_number(e->most));
	json_object_object_add(object, "mean_absolute_error", json_number(e->mean));
	json_object_object_add(object, "relative_error", json_number(e->relative));
	json_object_object_add(object, "signal_to_noise_db", json_number(ratio_db(e)));
	json_object_object_add(object, "cosine", json_number(e->cosine));
	json_object_object_add(object, "not_finite", json_object_new_int64((int64_t)e->strange));
	return object;
}

static void add_row(struct table *table, const char *name, const struct error *e)
{
	table_add(table, COLOUR_NONE, name);
	table_addf(table, COLOUR_NONE, "%.3g", e->most);
	table_addf(table, COLOUR_NONE, "%.3g", e->mean);
	table_addf(table, COLOUR_NONE, "%.3g", e->relative);
	table_addf(table, COLOUR_NONE, "%.1f", ratio_db(e));
	table_addf(table, COLOUR_NONE, "%.6f", e->cosine);
	table_addf(table, e->strange ? COLOUR_BAD : COLOUR_NONE, "%zu", e->strange);
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

static enum status show_output(struct session *s, struct accel_nn_job *reference, uint32_t output,
			       struct table *table, struct json_object *list)
{
	struct accel_nn_tensor wanted = { .size = sizeof(wanted) }, found = { .size = sizeof(found) };
	struct accel_nn_value value = { .size = sizeof(value) };
	struct error error;

	if (accel_nn_get_output(s->model, output, &value) ||
	    accel_nn_get_result(reference, output, &wanted) ||
	    accel_nn_get_result(s->job, output, &found))
		return complain_model();
	/* Sizes may depend on what is computed. */
	if (!same_shape(&wanted, &found)) {
		complain(NULL, "output %s has another shape than in fp32", value.name);
		return STATUS_DIFFERENT;
	}
	error = measure(&wanted, &found);
	if (list)
		json_object_array_add(list, json_error(value.name, &error));
	else
		add_row(table, value.name, &error);
	return STATUS_OK;
}

static enum status show_outputs(struct session *s, struct accel_nn_job *reference,
				uint32_t precision, size_t calibrations)
{
	static const char *const headings[] = {
		"OUTPUT", "MAX ABS ERROR", "MEAN ABS ERROR", "RELATIVE", "SNR DB", "COSINE",
		"NOT FINITE",
	};
	struct json_object *object = json_object_new_object(), *list = json_object_new_array();
	struct table *table = table_create(sizeof(headings) / sizeof(headings[0]), headings);
	enum status status = STATUS_OK;
	uint32_t i;

	for (i = 0; i < s->info.outputs && !status; i++)
		status = show_output(s, reference, i, table, s->json ? list : NULL);
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

	for (i = 0; i < s->info.inputs; i++)
		if (accel_nn_bind_input(job, i, &s->bound[i]))
			return complain_model();
	return accel_nn_run(job, NULL) ? complain_model() : STATUS_OK;
}

enum status precision_show(struct session *s, uint32_t precision, size_t calibrations)
{
	struct accel_nn_model *model = NULL;
	struct accel_nn_job *job = NULL;
	enum status status = STATUS_OK;

	if (accel_nn_load(s->path, NULL, &model) || accel_nn_job_create(model, &job))
		status = complain_model();
	if (!status)
		status = run_reference(s, job);
	if (!status)
		status = show_outputs(s, job, precision, calibrations);
	accel_nn_job_destroy(job);
	accel_nn_unload(model);
	return status;
}
