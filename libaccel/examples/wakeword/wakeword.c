// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Hear a word in a sound, with three models of openWakeWord on the card, one behind the other:
 *
 *   samples -> spectrum         how loud 32 ranges of pitch are, every 10 ms
 *   76 of these -> embedding    96 numbers for what is said there, every 80 ms
 *   16 of these -> score        how likely it is that the word was said
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <sndfile.h>
#include <stdbool.h>
#include <string.h>

#include <accel/nn.h>

#include "../check.h"

/* Exit status, with 1 for what failed. */
enum { EXIT_HEARD = 0, EXIT_USAGE = 2, EXIT_NOT_HEARD = 3 };

#define RATE		16000	/* samples a second */
#define BANDS		32	/* of the spectrum */
#define WINDOW		76	/* rows of the spectrum for an embedding */
#define STEP		8	/* rows from one embedding to the next */
#define ROW_SECONDS	0.01
#define EMBEDDING	96
#define WORD		16	/* embeddings that a word is looked for in */
#define THRESHOLD	0.5f

static const char usage[] =
	"Usage: wakeword --spectrum MODEL --embedding MODEL --word MODEL SOUND\n"
	"\n"
	"Listen for a word in a sound of 16000 samples a second, on an Egret card.\n"
	"\n"
	"Environment: ACCEL_DEVICE (which card; sim for a simulated one), ACCEL_KERNEL_PATH\n"
	"(folders with the library's kernels).\n"
	"\n"
	"Exit status: 0 the word was heard; 3 it was not; 1 something failed; 2 wrong usage.\n";

/* A model on the card that runs again and again. */
struct model {
	struct accel_nn_model *model;
	struct accel_nn_job *job;
};

static struct model load(const char *path, const struct accel_nn_load_options *options)
{
	struct model model;

	check(accel_nn_load(path, options, &model.model));
	check(accel_nn_job_create(model.model, &model.job));
	return model;
}

static void unload(struct model *model)
{
	accel_nn_job_destroy(model->job);
	accel_nn_unload(model->model);
}

/* Run a model on an input of these sizes. The result is the job's. */
static struct accel_nn_tensor run(struct model *model, float *data, uint32_t rank,
				  const int64_t *dims)
{
	struct accel_nn_tensor result = { .size = sizeof(result) };
	struct accel_nn_tensor input = {
		.size = sizeof(input), .type = ACCEL_NN_FLOAT32, .rank = rank, .data = data,
		.bytes = sizeof(*data),
	};
	uint32_t i;

	for (i = 0; i < rank; i++) {
		input.dims[i] = dims[i];
		input.bytes *= (size_t)dims[i];
	}
	check(accel_nn_bind_input(model->job, 0, &input));
	check(accel_nn_run(model->job, NULL));
	check(accel_nn_get_result(model->job, 0, &result));
	if (result.type != ACCEL_NN_FLOAT32)
		errx(1, "a model gives no float32");
	return result;
}

/* The models are made for samples of 16 bits. */
static float *read_sound(const char *path, int64_t *count)
{
	SF_INFO info = { 0 };
	SNDFILE *file = sf_open(path, SFM_READ, &info);
	float *samples;
	int64_t i;

	if (!file)
		errx(1, "%s: %s", path, sf_strerror(NULL));
	if (info.samplerate != RATE || info.channels != 1)
		errx(1, "%s: it must have one channel and %d samples a second", path, RATE);
	samples = check_memory(calloc((size_t)info.frames + 1, sizeof(*samples)));
	*count = sf_readf_float(file, samples, info.frames);
	for (i = 0; i < *count; i++)
		samples[i] *= 32768;
	sf_close(file);
	return samples;
}

/* Rows of the spectrum, in the range that the next model was trained with. */
static float *make_spectrum(struct model *model, float *samples, int64_t count, int64_t *rows)
{
	const struct accel_nn_tensor result = run(model, samples, 2, (int64_t[]){ 1, count });
	float *spectrum = check_memory(malloc(result.bytes + 1));
	size_t i;

	if (!result.rank || result.dims[result.rank - 1] != BANDS)
		errx(1, "the model of spectra gives something else");
	memcpy(spectrum, result.data, result.bytes);
	for (i = 0; i < result.bytes / sizeof(float); i++)
		spectrum[i] = spectrum[i] / 10 + 2;
	*rows = (int64_t)(result.bytes / sizeof(float) / BANDS);
	return spectrum;
}

/* All windows of the spectrum at once: they are a batch. */
static float *make_embeddings(struct model *model, const float *spectrum, int64_t rows,
			      int64_t *count)
{
	const size_t window = (size_t)WINDOW * BANDS;
	struct accel_nn_tensor result;
	float *windows, *embeddings;
	int64_t i;

	*count = rows < WINDOW ? 0 : (rows - WINDOW) / STEP + 1;
	if (*count < WORD)
		errx(1, "the sound is too short; it takes 2 seconds");
	windows = check_memory(malloc((size_t)*count * window * sizeof(float)));
	for (i = 0; i < *count; i++)
		memcpy(windows + (size_t)i * window, spectrum + i * STEP * BANDS,
		       window * sizeof(float));
	result = run(model, windows, 4, (int64_t[]){ *count, WINDOW, BANDS, 1 });
	if (result.bytes != (size_t)*count * EMBEDDING * sizeof(float))
		errx(1, "the model of embeddings gives something else");
	embeddings = check_memory(malloc(result.bytes));
	memcpy(embeddings, result.data, result.bytes);
	free(windows);
	return embeddings;
}

/* The largest score, and where it is. */
static float listen(struct model *model, float *embeddings, int64_t count, double *seconds)
{
	float best = 0;
	int64_t i;

	for (i = 0; i + WORD <= count; i++) {
		const struct accel_nn_tensor result =
			run(model, embeddings + i * EMBEDDING, 3, (int64_t[]){ 1, WORD, EMBEDDING });
		const float score = result.bytes ? *(const float *)result.data : 0;

		if (score > best) {
			best = score;
			*seconds = (double)((i + WORD - 1) * STEP + WINDOW) * ROW_SECONDS;
		}
	}
	return best;
}

static bool hear(struct model models[3], const char *path)
{
	float *samples, *spectrum, *embeddings, score;
	int64_t count, rows;
	double seconds = 0;

	samples = read_sound(path, &count);
	spectrum = make_spectrum(&models[0], samples, count, &rows);
	embeddings = make_embeddings(&models[1], spectrum, rows, &count);
	score = listen(&models[2], embeddings, count, &seconds);
	printf("%s: score %.3f at %.2f s: %s\n", path, (double)score, seconds,
	       score >= THRESHOLD ? "heard" : "not heard");
	free(embeddings);
	free(spectrum);
	free(samples);
	return score >= THRESHOLD;
}

static bool parse(int argc, char **argv, const char *paths[3])
{
	static const struct option options[] = {
		{ "spectrum", required_argument, NULL, 0 },
		{ "embedding", required_argument, NULL, 1 },
		{ "word", required_argument, NULL, 2 },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			exit(0);
		}
		if (option > 2)
			return false;
		paths[option] = optarg;
	}
	return paths[0] && paths[1] && paths[2] && optind + 1 == argc;
}

int main(int argc, char **argv)
{
	struct accel_nn_load_options options = { .size = sizeof(options) };
	const char *paths[3] = { NULL };
	struct model models[3];
	bool heard;
	int i;

	if (!parse(argc, argv, paths)) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	check(accel_device_open(NULL, &options.device));
	check(accel_context_create(options.device, &options.context));
	for (i = 0; i < 3; i++)
		models[i] = load(paths[i], &options);
	heard = hear(models, argv[optind]);
	for (i = 0; i < 3; i++)
		unload(&models[i]);
	accel_context_destroy(options.context);
	accel_device_close(options.device);
	return heard ? EXIT_HEARD : EXIT_NOT_HEARD;
}
