// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "ocr.h"

#include <math.h>

struct model model_load(const char *path, struct accel_context *context,
			struct accel_device *device, uint32_t precision, bool compare)
{
	const struct accel_nn_load_options options = {
		.size = sizeof(options), .context = context, .device = device,
		.precision = precision,
	};
	struct model model = { 0 };

	check(accel_nn_load(path, &options, &model.model));
	/* Without a context: on the host. */
	if (compare)
		check(accel_nn_load(path, NULL, &model.on_host));
	return model;
}

void model_unload(struct model *model)
{
	accel_nn_unload(model->on_host);
	accel_nn_unload(model->model);
}

static void compare(struct model *model, const struct accel_nn_tensor *input,
		    const struct accel_nn_tensor *result)
{
	struct accel_nn_tensor wanted = { .size = sizeof(wanted) };
	const float *a, *b = result->data;
	struct accel_nn_job *job;
	size_t i;

	check(accel_nn_job_create(model->on_host, &job));
	check(accel_nn_bind_input(job, 0, input));
	check(accel_nn_run(job, NULL));
	check(accel_nn_get_result(job, 0, &wanted));
	if (wanted.bytes != result->bytes)
		errx(1, "the result has another size than the one of the host");
	a = wanted.data;
	for (i = 0; i < wanted.bytes / sizeof(*a); i++)
		/* Not a number is worse than all of them. */
		if (!(fabsf(a[i] - b[i]) <= model->difference))
			model->difference = isnan(a[i] - b[i]) ? INFINITY : fabsf(a[i] - b[i]);
	accel_nn_job_destroy(job);
}

struct accel_nn_tensor model_run(struct model *model, struct accel_nn_job *job,
				 const struct accel_nn_tensor *input)
{
	struct accel_nn_tensor result = { .size = sizeof(result) };

	check(accel_nn_bind_input(job, 0, input));
	check(accel_nn_run(job, NULL));
	check(accel_nn_get_result(job, 0, &result));
	if (result.type != ACCEL_NN_FLOAT32)
		errx(1, "the model's result is %s, not float32; is it another model?",
		     accel_nn_type_name(result.type));
	if (model->on_host)
		compare(model, input, &result);
	return result;
}
