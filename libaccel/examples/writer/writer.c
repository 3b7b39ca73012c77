// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Continue a text with a language model on the card: one that was exported as optimum does it
 * (input_ids, attention_mask, position_ids, past_key_values.N.key and .value; logits, present.N...),
 * and whose words are bytes.
 *
 * A model gives, with each word, the keys and values that it made of it. They are its cache: the next
 * word is computed from them, not from the whole text. Here the cache has a fixed number of places,
 * the last of which are in use, and the mask hides the others. So all words behind the prompt
 * have the same sizes, and share one plan: each is one command list for the card.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <accel/nn.h>

#include "../check.h"

#define CACHE_MAX	256	/* tensors of keys or values */
#define NUMBER_MAX	1000000	/* bytes, as an option */

static const char usage[] =
	"Usage: writer [--count BYTES] [--room PLACES] --model MODEL PROMPT\n"
	"\n"
	"Continue the text PROMPT with a language model of bytes, on an Egret card.\n"
	"\n"
	"  --count BYTES   how many bytes to write (64)\n"
	"  --room PLACES   how many bytes the model remembers (the prompt's and these)\n"
	"\n"
	"Environment: ACCEL_DEVICE (which card; sim for a simulated one), ACCEL_KERNEL_PATH\n"
	"(folders with the library's kernels).\n"
	"\n"
	"Exit status: 0 good; 1 something failed; 2 wrong usage.\n";

/* Keys or values of a layer: places of the oldest words come first in each head. */
struct cache {
	uint32_t input, output;		/* of the model */
	int64_t heads, size;		/* of a head's numbers for a place */
	float *data;
};

struct writer {
	struct accel_nn_model *model;
	struct accel_nn_job *job;
	uint32_t ids, mask, positions, logits;
	struct cache caches[CACHE_MAX];
	uint32_t cache_count;
	int64_t room;			/* places of the cache */
	int64_t known;			/* words so far; the cache has the last of them */
};

/* ---- The model's inputs and outputs ---- */

static uint32_t find(struct writer *w, const char *name, bool output)
{
	struct accel_nn_model_info info = { .size = sizeof(info) };
	struct accel_nn_value value = { .size = sizeof(value) };
	uint32_t i;

	check(accel_nn_get_model_info(w->model, &info));
	for (i = 0; i < (output ? info.outputs : info.inputs); i++) {
		check(output ? accel_nn_get_output(w->model, i, &value) :
			       accel_nn_get_input(w->model, i, &value));
		if (!strcmp(value.name, name))
			return i;
	}
	errx(1, "the model has no %s %s", output ? "output" : "input", name);
}

static void find_caches(struct writer *w)
{
	static const char *const parts[] = { "key", "value" };
	struct accel_nn_model_info info = { .size = sizeof(info) };
	struct accel_nn_value value = { .size = sizeof(value) };
	char name[64];
	uint32_t i;

	check(accel_nn_get_model_info(w->model, &info));
	w->cache_count = info.outputs - 1;
	if (w->cache_count > CACHE_MAX)
		errx(1, "the model has too many layers");
	for (i = 0; i < w->cache_count; i++) {
		struct cache *cache = &w->caches[i];

		snprintf(name, sizeof(name), "past_key_values.%u.%s", i / 2, parts[i % 2]);
		cache->input = find(w, name, false);
		check(accel_nn_get_input(w->model, cache->input, &value));
		if (value.rank != 4 || value.dims[1] < 1 || value.dims[3] < 1 ||
		    value.type != ACCEL_NN_FLOAT32)
			errx(1, "the input %s has a shape that is not known here", name);
		cache->heads = value.dims[1];
		cache->size = value.dims[3];
		cache->data = check_memory(calloc((size_t)(cache->heads * w->room * cache->size),
						  sizeof(float)));
		snprintf(name, sizeof(name), "present.%u.%s", i / 2, parts[i % 2]);
		cache->output = find(w, name, true);
	}
}

static void begin(struct writer *w, const char *path, const struct accel_nn_load_options *options)
{
	check(accel_nn_load(path, options, &w->model));
	check(accel_nn_job_create(w->model, &w->job));
	w->ids = find(w, "input_ids", false);
	w->mask = find(w, "attention_mask", false);
	w->positions = find(w, "position_ids", false);
	w->logits = find(w, "logits", true);
	find_caches(w);
}

static void end(struct writer *w)
{
	uint32_t i;

	for (i = 0; i < w->cache_count; i++)
		free(w->caches[i].data);
	accel_nn_job_destroy(w->job);
	accel_nn_unload(w->model);
}

/* ---- Running ---- */

static void bind_numbers(struct writer *w, uint32_t input, int64_t count, const int64_t *numbers)
{
	const struct accel_nn_tensor tensor = {
		.size = sizeof(tensor), .type = ACCEL_NN_INT64, .rank = 2, .dims = { 1, count },
		.data = (void *)numbers, .bytes = (size_t)count * sizeof(*numbers),
	};

	check(accel_nn_bind_input(w->job, input, &tensor));
}

static void bind_caches(struct writer *w, int64_t places)
{
	uint32_t i;

	for (i = 0; i < w->cache_count; i++) {
		const struct cache *cache = &w->caches[i];
		const struct accel_nn_tensor tensor = {
			.size = sizeof(tensor), .type = ACCEL_NN_FLOAT32, .rank = 4,
			.dims = { 1, cache->heads, places, cache->size }, .data = cache->data,
			.bytes = (size_t)(cache->heads * places * cache->size) * sizeof(float),
		};

		check(accel_nn_bind_input(w->job, cache->input, &tensor));
	}
}

/* Keep the last places of what the model gives, at the end of the cache. */
static void keep(struct writer *w)
{
	uint32_t i;

	for (i = 0; i < w->cache_count; i++) {
		struct accel_nn_tensor result = { .size = sizeof(result) };
		const struct cache *cache = &w->caches[i];
		int64_t places, count, head;

		check(accel_nn_get_result(w->job, cache->output, &result));
		if (result.rank != 4 || result.type != ACCEL_NN_FLOAT32 || result.dims[0] != 1 ||
		    result.dims[1] != cache->heads || result.dims[3] != cache->size)
			errx(1, "the model's keys and values are not shaped like those it is given");
		places = result.dims[2];
		count = places < w->room ? places : w->room;
		for (head = 0; head < cache->heads; head++)
			memcpy(cache->data + ((head + 1) * w->room - count) * cache->size,
			       (const float *)result.data +
			       ((head + 1) * places - count) * cache->size,
			       (size_t)(count * cache->size) * sizeof(float));
	}
}

/* The likeliest word behind those that were given. */
static uint8_t likeliest(struct writer *w)
{
	struct accel_nn_tensor result = { .size = sizeof(result) };
	const float *row;
	int64_t i, best = 0;

	check(accel_nn_get_result(w->job, w->logits, &result));
	if (result.rank != 3 || result.type != ACCEL_NN_FLOAT32 || result.dims[2] > 256)
		errx(1, "the model's words are not bytes");
	row = (const float *)result.data + (result.dims[1] - 1) * result.dims[2];
	for (i = 1; i < result.dims[2]; i++)
		if (row[i] > row[best])
			best = i;
	return (uint8_t)best;
}

/* Give the model words behind those that it knows; `places` of the cache are given as well. */
static uint8_t read_words(struct writer *w, const uint8_t *words, int64_t count, int64_t places)
{
	int64_t *numbers = check_memory(calloc((size_t)(places + 3 * count), sizeof(*numbers)));
	int64_t *ids = numbers, *positions = ids + count, *mask = positions + count;
	const int64_t hidden = places > w->known ? places - w->known : 0;
	int64_t i;

	for (i = 0; i < count; i++) {
		ids[i] = words[i];
		positions[i] = w->known + i;
	}
	for (i = 0; i < places + count; i++)
		mask[i] = i >= hidden;
	bind_numbers(w, w->ids, count, ids);
	bind_numbers(w, w->positions, count, positions);
	bind_numbers(w, w->mask, places + count, mask);
	bind_caches(w, places);
	check(accel_nn_run(w->job, NULL));
	free(numbers);
	w->known += count;
	keep(w);
	return likeliest(w);
}

/* ---- Writing ---- */

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* What a word costs, and whether the host had a part in it. */
static void report(struct writer *w, double seconds, long count)
{
	struct accel_nn_job_info info = { .size = sizeof(info) };

	check(accel_nn_get_job_info(w->job, &info));
	fprintf(stderr, "%ld bytes, %.1f ms each: %u launches in %u command list%s\n", count,
		1000 * seconds / (double)count, info.launches, info.graphs,
		info.graphs == 1 ? "" : "s");
}

static void write_text(struct writer *w, const char *prompt, long count)
{
	uint8_t next = read_words(w, (const uint8_t *)prompt, (int64_t)strlen(prompt), 0);
	double start = now();
	long i;

	fputs(prompt, stdout);
	for (i = 0; i < count; i++) {
		putchar(next);
		fflush(stdout);
		next = read_words(w, &next, 1, w->room);
		/* The first one is planned anew. */
		if (!i)
			start = now();
	}
	putchar('\n');
	if (count > 1)
		report(w, now() - start, count - 1);
}

static bool parse_number(const char *text, long *number)
{
	char *end;

	*number = strtol(text, &end, 10);
	return end != text && !*end && *number >= 0 && *number <= NUMBER_MAX;
}

static bool parse(int argc, char **argv, const char **model, long *count, long *room)
{
	static const struct option options[] = {
		{ "model", required_argument, NULL, 'm' },
		{ "count", required_argument, NULL, 'c' },
		{ "room", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	bool good = true;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			exit(0);
		}
		if (option == 'm')
			*model = optarg;
		else if (option == 'c')
			good &= parse_number(optarg, count);
		else if (option == 'r')
			good &= parse_number(optarg, room);
		else
			return false;
	}
	return good && *model && *count > 0 && optind + 1 == argc && argv[optind][0];
}

int main(int argc, char **argv)
{
	struct accel_nn_load_options options = { .size = sizeof(options) };
	struct writer w = { .room = 0 };
	const char *model = NULL;
	long count = 64, room = 0;

	if (!parse(argc, argv, &model, &count, &room)) {
		fputs(usage, stderr);
		return 2;
	}
	w.room = room ? room : (long)strlen(argv[optind]) + count;
	check(accel_device_open(NULL, &options.device));
	check(accel_context_create(options.device, &options.context));
	begin(&w, model, &options);
	write_text(&w, argv[optind], count);
	end(&w);
	accel_context_destroy(options.context);
	accel_device_close(options.device);
	return 0;
}
