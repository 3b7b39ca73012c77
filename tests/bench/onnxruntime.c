// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * How long ONNX Runtime takes for a model on this machine's processor, with one thread: prints
 * milliseconds of the quickest run and of the one in the middle, for tests/bench/models.
 *
 *	onnxruntime LIBRARY FILE RUNS DIM...
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include <onnxruntime_c_api.h>

#include "bench.h"

#ifndef ORT_API_VERSION
#error "the header of ONNX Runtime could not be fetched: make clean, and build it again with a network"
#endif

/* The oldest version of its interface that has all that is used here. */
#define API_VERSION	10
#define RUNS_MAX	1000
#define RANK_MAX	8
#define OUTPUTS_MAX	16

static const OrtApi *api;

static void check(OrtStatus *status)
{
	if (status)
		errx(1, "ONNX Runtime: %s", api->GetErrorMessage(status));
}

static void open_library(const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const OrtApiBase *(*get_base)(void);

	if (!library)
		errx(1, "%s", dlerror());
	*(void **)&get_base = dlsym(library, "OrtGetApiBase");
	if (get_base)
		api = get_base()->GetApi(API_VERSION);
	if (!api)
		errx(1, "%s is no ONNX Runtime of version 1.%d or later", path, API_VERSION);
}

static OrtSession *open_model(const char *path)
{
	OrtSessionOptions *options;
	OrtSession *session;
	OrtEnv *env;

	check(api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "bench", &env));
	check(api->CreateSessionOptions(&options));
	check(api->SetIntraOpNumThreads(options, 1));
	check(api->SetInterOpNumThreads(options, 1));
	check(api->SetSessionExecutionMode(options, ORT_SEQUENTIAL));
	check(api->CreateSession(env, path, options, &session));
	return session;
}

/* Numbers from -1 to 1. */
static OrtValue *make_input(const int64_t *dims, size_t rank)
{
	OrtMemoryInfo *memory;
	size_t count = 1, i;
	uint32_t state = 1;
	OrtValue *value;
	float *data;

	for (i = 0; i < rank; i++)
		count *= (size_t)dims[i];
	data = malloc(count * sizeof(*data));
	if (!data)
		errx(1, "out of memory");
	for (i = 0; i < count; i++) {
		state = state * 1664525u + 1013904223u;
		data[i] = (float)(state >> 8) / (1 << 23) - 1;
	}
	check(api->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &memory));
	check(api->CreateTensorWithDataAsOrtValue(memory, data, count * sizeof(*data), dims, rank,
						  ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value));
	return value;
}

static double now_ms(void)
{
	return 1e3 * bench_now();
}

static double run(OrtSession *session, const OrtValue *input)
{
	OrtValue *outputs[OUTPUTS_MAX] = { NULL };
	const char *output_names[OUTPUTS_MAX];
	OrtAllocator *allocator;
	size_t count, i;
	char *name;
	double begin;

	check(api->GetAllocatorWithDefaultOptions(&allocator));
	check(api->SessionGetOutputCount(session, &count));
	if (count > OUTPUTS_MAX)
		errx(1, "the model has %zu outputs", count);
	for (i = 0; i < count; i++) {
		check(api->SessionGetOutputName(session, i, allocator, &name));
		output_names[i] = name;
	}
	check(api->SessionGetInputName(session, 0, allocator, &name));
	begin = now_ms();
	check(api->Run(session, NULL, (const char *const *)&name, &input, 1, output_names, count,
		       outputs));
	begin = now_ms() - begin;
	for (i = 0; i < count; i++) {
		api->ReleaseValue(outputs[i]);
		check(api->AllocatorFree(allocator, (void *)output_names[i]));
	}
	check(api->AllocatorFree(allocator, name));
	return begin;
}

int main(int argc, char **argv)
{
	int64_t dims[RANK_MAX];
	double times[RUNS_MAX];
	OrtSession *session;
	OrtValue *input;
	int i, runs = argc > 4 ? atoi(argv[3]) : 0;

	if (runs < 1 || runs > RUNS_MAX || argc - 4 > RANK_MAX) {
		fprintf(stderr, "usage: onnxruntime LIBRARY FILE RUNS DIM...\n");
		return 2;
	}
	for (i = 4; i < argc; i++)
		dims[i - 4] = atoll(argv[i]);
	open_library(argv[1]);
	session = open_model(argv[2]);
	input = make_input(dims, (size_t)(argc - 4));
	run(session, input);
	for (i = 0; i < runs; i++)
		times[i] = run(session, input);
	bench_sort(times, (size_t)runs);
	printf("%.3f %.3f\n", times[0], times[runs / 2]);
	return 0;
}
