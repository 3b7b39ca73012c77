// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Continue a text with a language model on the card: one that was exported as optimum does it
 * (input_ids, attention_mask, position_ids, past_key_values.N.key and .value; logits, present.N...),
 * and whose words are bytes.
 *
 * A model gives, with each word, the keys and values that it made of it. They are its cache: the next
 * word is computed from them, not from the whole text. It stays on the card, and has a fixed number
 * of places, of which the mask hides those that are not in use. So all words behind the prompt
 * have the same sizes, and share one plan: each is one command list for the card, and only the word
 * goes there, and what may come next comes back.
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
	"  --room PLACES   how many bytes the model remembers (the prompt's and these); when there\n"
	"                  are more, it forgets all but the last half of them\n"
	"\n"
	"Environment: ACCEL_DEVICE (which card; sim for a simulated one), ACCEL_KERNEL_PATH\n"
	"(folders with the library's kernels).\n"
	"\n"
	"Exit status: 0 good; 1 something failed; 2 wrong usage.\n";

/* Keys or values of a layer. */
struct cache {
	uint32_t input, output;		/* of the model */
	int64_t heads, size;		/* of a head's numbers for a place */
};

struct writer {
	struct accel_nn_model *model;
	struct accel_nn_job *job;
	uint32_t ids, mask, positions, logits;
	struct cache caches[CACHE_MAX];
	uint32_t cache_count;
	int64_t room;			/* places of the cache */
	int64_t used;			/* of them */
	uint8_t *text;			/* all of it */
	int64_t length, known;		/* what there is; what the model has read */
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
	free(w->text);
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

/* Forget everything: the caches are empty. What comes out of them stays there from then on. */
static void bind_caches(struct writer *w)
{
	const struct accel_nn_carry_options options = {
		.size = sizeof(options), .places = w->room, .axis = 2,
	};
	uint32_t i;

	for (i = 0; i < w->cache_count; i++) {
		const struct cache *cache = &w->caches[i];
		const struct accel_nn_tensor empty = {
			.size = sizeof(empty), .type = ACCEL_NN_FLOAT32, .rank = 4,
			.dims = { 1, cache->heads, 0, cache->size },
		};

		check(accel_nn_bind_input(w->job, cache->input, &empty));
		check(accel_nn_bind_output_to_input(w->job, cache->output, cache->input, &options));
	}
	w->used = 0;
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

/* Give the model words behind those that it knows. */
static void read_words(struct writer *w, const uint8_t *words, int64_t count)
{
	const int64_t places = w->used ? w->room : 0;
	int64_t *numbers = check_memory(calloc((size_t)(places + 3 * count), sizeof(*numbers)));
	int64_t *ids = numbers, *positions = ids + count, *mask = positions + count;
	int64_t i;

	for (i = 0; i < count; i++) {
		ids[i] = words[i];
		positions[i] = w->used + i;
	}
	for (i = 0; i < places + count; i++)
		mask[i] = i < w->used || i >= places;
	bind_numbers(w, w->ids, count, ids);
	bind_numbers(w, w->positions, count, positions);
	bind_numbers(w, w->mask, places + count, mask);
	check(accel_nn_run(w->job, NULL));
	free(numbers);
	w->used += count;
}

/* Give it all that it has not read. If it has no room for that, it begins anew with the last words. */
static void read_text(struct writer *w)
{
	int64_t count = w->length - w->known;

	if (!w->known || w->used + count > w->room) {
		bind_caches(w);
		count = w->length;
		if (count > w->room)
			count = (w->room + 1) / 2;
	}
	read_words(w, w->text + w->length - count, count);
	w->known = w->length;
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
	fprintf(stderr, "%ld bytes, %.1f ms each: %u launches in %u command list%s; %llu bytes to the "
		"card, %llu from it\n", count, 1000 * seconds / (double)count, info.launches,
		info.graphs, info.graphs == 1 ? "" : "s", (unsigned long long)info.uploaded,
		(unsigned long long)info.downloaded);
}

static void write_text(struct writer *w, const char *prompt, long count)
{
	double start = now();
	long i;

	w->length = (int64_t)strlen(prompt);
	w->text = check_memory(malloc((size_t)(w->length + count)));
	memcpy(w->text, prompt, (size_t)w->length);
	fputs(prompt, stdout);
	for (i = 0; i < count; i++) {
		read_text(w);
		w->text[w->length] = likeliest(w);
		putchar(w->text[w->length++]);
		fflush(stdout);
		/* The prompt and the first word behind it are planned. */
		if (i < 2)
			start = now();
	}
	putchar('\n');
	if (count > 2)
		report(w, now() - start, count - 2);
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
