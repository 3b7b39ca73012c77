// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * --compare onnxruntime: what ONNX Runtime computes on the CPU from the same model and inputs.
 *
 * Its library is looked for when it is needed, so accel-run runs without it. Only its header is
 * needed to compile this; where there is none, that header is empty (tools/tools.mk).
 */
#define _GNU_SOURCE
#include "accel-run.h"

#include <onnxruntime_c_api.h>

#define LIBRARY_VARIABLE	"ACCEL_ONNXRUNTIME"
#define LIBRARY			"libonnxruntime.so.1"

#ifndef ORT_API_VERSION

enum status onnxruntime_run(struct session *s, struct arrays *results)
{
	(void)s;
	(void)results;
	complain("build it again, after make clean, where its header can be fetched",
		 "this accel-run was built without ONNX Runtime");
	return STATUS_FAILED;
}

#else

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* The oldest version of its interface that has all that is used here. */
#define API_VERSION	10

struct runtime {
	void *library;
	const OrtApi *api;
	OrtEnv *env;
	OrtSessionOptions *options;
	OrtSession *session;
	OrtMemoryInfo *memory;
	OrtValue **inputs, **outputs;
	const char **input_names, **output_names;
};

/* Complain about an error of ONNX Runtime's, and forget it. */
static bool failed(const struct runtime *r, OrtStatus *status)
{
	if (!status)
		return false;
	complain(NULL, "ONNX Runtime: %s", r->api->GetErrorMessage(status));
	r->api->ReleaseStatus(status);
	return true;
}

static enum status load(struct runtime *r)
{
	const char *path = getenv(LIBRARY_VARIABLE);
	const OrtApiBase *(*get_base)(void);

	r->library = dlopen(path ? path : LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!r->library) {
		complain("install it, or set " LIBRARY_VARIABLE " to a " LIBRARY
			 ", such as that in npm's package onnxruntime-node",
			 "there is no ONNX Runtime: %s", dlerror());
		return STATUS_FAILED;
	}
	/* POSIX's way from an object's pointer to a function's. */
	*(void **)&get_base = dlsym(r->library, "OrtGetApiBase");
	if (get_base)
		r->api = get_base()->GetApi(API_VERSION);
	if (r->api)
		return STATUS_OK;
	complain("use a newer one", "%s is no ONNX Runtime of version 1.%d or later",
		 path ? path : LIBRARY, API_VERSION);
	return STATUS_FAILED;
}

static bool open_model(struct runtime *r, const struct session *s)
{
	return !failed(r, r->api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "accel-run", &r->env)) &&
	       !failed(r, r->api->CreateSessionOptions(&r->options)) &&
	       !failed(r, r->api->CreateSession(r->env, s->path, r->options, &r->session)) &&
	       !failed(r, r->api->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault,
						      &r->memory));
}

static bool make_texts(const struct runtime *r, const struct accel_nn_tensor *tensor,
		       OrtValue **value)
{
	const size_t count = count_elements(tensor);
	const char **texts = check_memory(calloc(count + 1, sizeof(*texts)));
	OrtAllocator *allocator;
	bool good;
	size_t i;

	for (i = 0; i < count; i++)
		texts[i] = get_text(tensor, i);
	good = !failed(r, r->api->GetAllocatorWithDefaultOptions(&allocator)) &&
	       !failed(r, r->api->CreateTensorAsOrtValue(allocator, tensor->dims, tensor->rank,
							 ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, value)) &&
	       !failed(r, r->api->FillStringTensor(*value, texts, count));
	free(texts);
	return good;
}

/* The numbers of element types are ONNX's, here and there. */
static bool make_inputs(struct runtime *r, const struct session *s)
{
	struct accel_nn_value value = { .size = sizeof(value) };
	uint32_t i;

	for (i = 0; i < s->info.inputs; i++) {
		const struct accel_nn_tensor *tensor = &s->bound[i];

		if (accel_nn_get_input(s->model, i, &value)) {
			complain_model();
			return false;
		}
		r->input_names[i] = value.name;
		if (tensor->type == ACCEL_NN_STRING ? !make_texts(r, tensor, &r->inputs[i]) :
		    failed(r, r->api->CreateTensorWithDataAsOrtValue(r->memory, tensor->data,
				tensor->bytes, tensor->dims, tensor->rank,
				(ONNXTensorElementDataType)tensor->type, &r->inputs[i])))
			return false;
	}
	return true;
}

static bool describe(const struct runtime *r, const OrtValue *output,
		     struct accel_nn_tensor *tensor)
{
	OrtTensorTypeAndShapeInfo *info;
	ONNXTensorElementDataType type;
	size_t rank = 0;
	bool good;

	if (failed(r, r->api->GetTensorTypeAndShape(output, &info)))
		return false;
	good = !failed(r, r->api->GetTensorElementType(info, &type)) &&
	       !failed(r, r->api->GetDimensionsCount(info, &rank)) && rank <= ACCEL_NN_RANK_MAX &&
	       !failed(r, r->api->GetDimensions(info, tensor->dims, rank));
	r->api->ReleaseTensorTypeAndShapeInfo(info);
	if (!good)
		return false;
	tensor->type = (uint32_t)type;
	tensor->rank = (uint32_t)rank;
	return true;
}

/* All texts lie one behind the other, without a zero byte between them. */
static bool keep_texts(const struct runtime *r, const OrtValue *output, const char *name,
		       const struct accel_nn_tensor *like, struct arrays *results)
{
	const size_t count = count_elements(like);
	size_t *offsets = check_memory(calloc(count + 1, sizeof(*offsets))), bytes = 0, i;
	struct array *array;
	bool good = false;
	char *all, *to;

	if (failed(r, r->api->GetStringTensorDataLength(output, &bytes))) {
		free(offsets);
		return false;
	}
	all = check_memory(malloc(bytes + 1));
	if (!failed(r, r->api->GetStringTensorContent(output, all, bytes, offsets, count))) {
		good = arrays_add_texts(results, name, like, bytes + count, &array, &to);
		if (!good)
			complain(NULL, "ONNX Runtime's output %s cannot be kept", name);
	}
	offsets[count] = bytes;
	for (i = 0; good && i < count; i++) {
		((char **)array->tensor.data)[i] = to;
		to = (char *)mempcpy(to, all + offsets[i], offsets[i + 1] - offsets[i]) + 1;
	}
	free(offsets);
	free(all);
	return good;
}

static bool keep_output(const struct runtime *r, OrtValue *output, const char *name,
			struct arrays *results)
{
	struct accel_nn_tensor like = { .size = sizeof(like) };
	struct array *array;
	void *data;

	if (!describe(r, output, &like))
		return false;
	if (like.type == ACCEL_NN_STRING)
		return keep_texts(r, output, name, &like, results);
	if (failed(r, r->api->GetTensorMutableData(output, &data)))
		return false;
	if (!type_bits(like.type) || !arrays_add(results, name, &like, &array)) {
		complain(NULL, "ONNX Runtime's output %s cannot be kept", name);
		return false;
	}
	memcpy(array->tensor.data, data, array->tensor.bytes);
	return true;
}

static bool run(struct runtime *r, const struct session *s, struct arrays *results)
{
	struct accel_nn_value value = { .size = sizeof(value) };
	uint32_t i;

	for (i = 0; i < s->info.outputs; i++) {
		if (accel_nn_get_output(s->model, i, &value)) {
			complain_model();
			return false;
		}
		r->output_names[i] = value.name;
	}
	if (failed(r, r->api->Run(r->session, NULL, r->input_names,
				  (const OrtValue *const *)r->inputs, s->info.inputs,
				  r->output_names, s->info.outputs, r->outputs)))
		return false;
	for (i = 0; i < s->info.outputs; i++)
		if (!keep_output(r, r->outputs[i], r->output_names[i], results))
			return false;
	return true;
}

static void release(struct runtime *r, const struct session *s)
{
	uint32_t i;

	for (i = 0; r->api && i < s->info.inputs; i++)
		r->api->ReleaseValue(r->inputs[i]);
	for (i = 0; r->api && i < s->info.outputs; i++)
		r->api->ReleaseValue(r->outputs[i]);
	if (r->api) {
		r->api->ReleaseMemoryInfo(r->memory);
		r->api->ReleaseSession(r->session);
		r->api->ReleaseSessionOptions(r->options);
		r->api->ReleaseEnv(r->env);
	}
	/* The library stays: its threads may still be on their way out. */
	free(r->inputs);
	free(r->outputs);
	free(r->input_names);
	free(r->output_names);
}

enum status onnxruntime_run(struct session *s, struct arrays *results)
{
	struct runtime r = {
		.inputs = check_memory(calloc(s->info.inputs + 1, sizeof(OrtValue *))),
		.outputs = check_memory(calloc(s->info.outputs + 1, sizeof(OrtValue *))),
		.input_names = check_memory(calloc(s->info.inputs + 1, sizeof(char *))),
		.output_names = check_memory(calloc(s->info.outputs + 1, sizeof(char *))),
	};
	enum status status = load(&r);

	if (!status && !(open_model(&r, s) && make_inputs(&r, s) && run(&r, s, results)))
		status = STATUS_FAILED;
	release(&r, s);
	return status;
}

#endif
