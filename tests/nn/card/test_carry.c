// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Outputs that are inputs of the next run and stay on the card: language models, whose words must be
 * those, to the bit, of a program that takes the caches to the host and back; what is moved for that;
 * and what can go wrong.
 */
#include "case.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <accel/nn.h>

/* ---- Decoders ---- */

#define PROMPT	5
#define STEPS	6
#define ROOM	8
#define LARGER	16
#define BATCH	2
#define HEADS	2
#define HEAD	16
#define CACHES	4
#define WORDS	128
#define PLACE	(BATCH * HEADS * HEAD)	/* numbers of a cache for a word of each text */

enum { IDS, MASK, PLACES, PAST };
enum { LOGITS, PRESENT };

struct decoder {
	struct accel_nn_model *model;
	struct accel_nn_job *job;
	int64_t room, used;		/* of the cache */
	float *caches[CACHES];		/* [BATCH][HEADS][room][HEAD], if they are on the host */
	float logits[STEPS + 1][BATCH * WORDS];
};

static const int64_t words[BATCH][PROMPT + STEPS] = {
	{ 3, 14, 15, 92, 65, 35, 89, 79, 32, 38, 46 },
	{ 2, 71, 82, 81, 82, 84, 59, 4, 52, 35, 36 },
};

static void good(int ret)
{
	if (ret)
		fail_msg("%s", accel_last_error()->message);
}

static void expect_error(int ret, int wanted, const char *text)
{
	assert_int_equal(ret, wanted);
	if (!strstr(accel_last_error()->message, text))
		fail_msg("'%s' is not in '%s'", text, accel_last_error()->message);
}

static struct accel_nn_job_info info_of(struct accel_nn_job *job)
{
	struct accel_nn_job_info info = { .size = sizeof(info) };

	good(accel_nn_get_job_info(job, &info));
	return info;
}

/* `card` is NULL for the host. */
static void load(struct decoder *d, struct card *card, const char *path)
{
	const struct accel_nn_load_options options = {
		.size = sizeof(options), .context = card ? card->context : NULL,
		.device = card ? card->device : NULL,
	};

	memset(d, 0, sizeof(*d));
	good(accel_nn_load(path, &options, &d->model));
	good(accel_nn_job_create(d->model, &d->job));
}

static void unload(struct decoder *d)
{
	int i;

	accel_nn_job_destroy(d->job);
	accel_nn_unload(d->model);
	for (i = 0; i < CACHES; i++)
		free(d->caches[i]);
}

static void bind_past(struct accel_nn_job *job, uint32_t i, int64_t places, float *data)
{
	good(accel_nn_bind_input(job, PAST + i, &(struct accel_nn_tensor){
		.size = sizeof(struct accel_nn_tensor), .type = ACCEL_NN_FLOAT32, .rank = 4,
		.dims = { BATCH, HEADS, places, HEAD }, .data = data,
		.bytes = (size_t)(places * PLACE) * sizeof(float) }));
}

static void bind_numbers(struct accel_nn_job *job, uint32_t i, int64_t count, int64_t *data)
{
	good(accel_nn_bind_input(job, i, &(struct accel_nn_tensor){
		.size = sizeof(struct accel_nn_tensor), .type = ACCEL_NN_INT64, .rank = 2,
		.dims = { BATCH, count }, .data = data,
		.bytes = (size_t)(BATCH * count) * sizeof(*data) }));
}

/* Run words from one on, with a mask of so many places. */
static int run_masked(struct accel_nn_job *job, int64_t from, int64_t count, int64_t *mask,
		      int64_t masked, float *logits)
{
	int64_t ids[BATCH * PROMPT], at[BATCH * PROMPT], b, i;
	struct accel_nn_tensor result = { .size = sizeof(result) };
	int ret;

	for (b = 0; b < BATCH; b++) {
		for (i = 0; i < count; i++) {
			ids[b * count + i] = words[b][from + i];
			at[b * count + i] = from + i;
		}
	}
	bind_numbers(job, IDS, count, ids);
	bind_numbers(job, PLACES, count, at);
	bind_numbers(job, MASK, masked, mask);
	ret = accel_nn_run(job, NULL);
	if (ret)
		return ret;
	good(accel_nn_get_result(job, LOGITS, &result));
	for (b = 0; b < BATCH; b++)
		memcpy(logits + b * WORDS, (float *)result.data + ((b + 1) * count - 1) * WORDS,
		       WORDS * sizeof(float));
	return 0;
}

/* Of `places` of the past, the first `used` are to be looked at. */
static int run_words(struct accel_nn_job *job, int64_t from, int64_t count, int64_t places,
		     int64_t used, float *logits)
{
	int64_t mask[BATCH * (LARGER + PROMPT)], i;

	for (i = 0; i < BATCH * (places + count); i++)
		mask[i] = i % (places + count) < used || i % (places + count) >= places;
	return run_masked(job, from, count, mask, places + count, logits);
}

static void carry(struct accel_nn_job *job, int64_t places)
{
	const struct accel_nn_carry_options options = {
		.size = sizeof(options), .places = places, .axis = 2,
	};
	uint32_t i;

	for (i = 0; i < CACHES; i++)
		good(accel_nn_bind_output_to_input(job, PRESENT + i, PAST + i, &options));
}

static void begin_empty(struct accel_nn_job *job)
{
	uint32_t i;

	for (i = 0; i < CACHES; i++)
		bind_past(job, i, 0, NULL);
}

/* ---- The way by the host, which is what the other one is compared with ---- */

static void move_places(float *to, int64_t to_places, int64_t to_at, const float *from,
			int64_t from_places, int64_t from_at, int64_t count)
{
	int64_t row;

	for (row = 0; row < BATCH * HEADS && count; row++)
		memcpy(to + (row * to_places + to_at) * HEAD,
		       from + (row * from_places + from_at) * HEAD,
		       (size_t)(count * HEAD) * sizeof(float));
}

static void resize_by_host(struct decoder *d, int64_t room)
{
	int i;

	for (i = 0; i < CACHES; i++) {
		float *new = calloc((size_t)(room * PLACE) + 1, sizeof(float));

		if (d->caches[i])
			move_places(new, room, 0, d->caches[i], d->room, 0, d->used);
		free(d->caches[i]);
		d->caches[i] = new;
	}
	d->room = room;
}

/* Run with the cache, or with none of it; what is new goes behind what is in use. */
static void step_by_host(struct decoder *d, int64_t from, int64_t count, int64_t places, float *logits)
{
	uint32_t i;

	for (i = 0; i < CACHES; i++)
		bind_past(d->job, i, places, d->caches[i]);
	good(run_words(d->job, from, count, places, d->used, logits));
	for (i = 0; i < CACHES; i++) {
		struct accel_nn_tensor result = { .size = sizeof(result) };

		good(accel_nn_get_result(d->job, PRESENT + i, &result));
		move_places(d->caches[i], d->room, d->used, result.data, places + count, places,
			    count);
	}
	d->used += count;
}

/* With a cache of ROOM places, and of LARGER ones when it is full. */
static void write_by_host(struct decoder *d)
{
	int64_t step;

	resize_by_host(d, ROOM);
	step_by_host(d, 0, PROMPT, 0, d->logits[0]);
	for (step = 0; step < STEPS; step++) {
		if (d->used == d->room)
			resize_by_host(d, LARGER);
		step_by_host(d, PROMPT + step, 1, d->room, d->logits[step + 1]);
	}
}

/* ---- Caches ---- */

static void expect_carried(struct decoder *d, struct accel_nn_job *job, int64_t used)
{
	float wanted[LARGER * PLACE];
	uint32_t i;

	for (i = 0; i < CACHES; i++) {
		struct accel_nn_tensor found = { .size = sizeof(found) };

		good(accel_nn_get_carried(job, PAST + i, &found));
		assert_int_equal(found.rank, 4);
		assert_int_equal(found.dims[2], used);
		move_places(wanted, used, 0, d->caches[i], d->room, 0, used);
		assert_memory_equal(found.data, wanted, (size_t)(used * PLACE) * sizeof(float));
	}
}

/* What a word moves, to the byte. */
static void expect_traffic(struct accel_nn_job *job, int64_t places)
{
	const struct accel_nn_job_info info = info_of(job);

	assert_int_equal(info.uploaded, BATCH * (1 + 1 + places + 1) * sizeof(int64_t));
	assert_int_equal(info.downloaded, BATCH * WORDS * sizeof(float));
	assert_int_equal(info.carried, CACHES * PLACE * sizeof(float));
	/* Three inputs, the model, a copy for each cache, one output. */
	assert_int_equal(info.commands, 3 + 1 + CACHES + 1);
	assert_int_equal(info.carried_memory, CACHES * places * PLACE * (int64_t)sizeof(float));
}

static void write_by_card(struct decoder *d, struct decoder *wanted, bool on_card)
{
	int64_t step, room = ROOM;
	float logits[BATCH * WORDS];

	begin_empty(d->job);
	carry(d->job, ROOM);
	good(run_words(d->job, 0, PROMPT, 0, 0, logits));
	assert_memory_equal(logits, wanted->logits[0], sizeof(logits));
	for (step = 0; step < STEPS; step++) {
		if (PROMPT + step == room) {
			/* There is no room, which changes nothing. */
			expect_error(run_words(d->job, PROMPT + step, 1, room, room, logits), -ENOSPC,
				     "8 places, of which 8 are in use, and gets 1 more");
			room = LARGER;
			carry(d->job, room);
		}
		good(run_words(d->job, PROMPT + step, 1, room, PROMPT + step, logits));
		assert_memory_equal(logits, wanted->logits[step + 1], sizeof(logits));
		if (on_card)
			expect_traffic(d->job, room);
	}
	expect_carried(wanted, d->job, PROMPT + STEPS);
	/* A plan for the prompt, and one for each size of the cache. */
	if (on_card)
		assert_int_equal(info_of(d->job).plans_made, 3);
}

static void compare_caches(struct card *card, const char *path)
{
	struct decoder by_host, by_card;

	load(&by_host, card, path);
	write_by_host(&by_host);
	if (card) {
		/* With the caches, each word moves them there and back. */
		assert_int_equal(info_of(by_host.job).downloaded,
				 (BATCH * WORDS + CACHES * (LARGER + 1) * PLACE) * sizeof(float));
	}
	load(&by_card, card, path);
	write_by_card(&by_card, &by_host, card);
	/* Again: the plans are there. */
	write_by_card(&by_card, &by_host, card);
	unload(&by_card);
	unload(&by_host);
}

static void test_qwen2(void **state)
{
	compare_caches(*state, "build/tests/nn/decoder-qwen2.onnx");
}

static void test_qwen3(void **state)
{
	compare_caches(*state, "build/tests/nn/decoder-qwen3.onnx");
}

static void test_operators(void **state)
{
	compare_caches(*state, "build/tests/nn/decoder-operators.onnx");
}

static void test_without_card(void **state)
{
	(void)state;
	compare_caches(NULL, "build/tests/nn/decoder-qwen2.onnx");
}

/* The past as it is, with one word more each time: all of what came out goes in. */
static void dense_step_by_host(struct decoder *d, int64_t from, int64_t count, float *logits)
{
	uint32_t i;

	for (i = 0; i < CACHES; i++)
		bind_past(d->job, i, d->used, d->caches[i]);
	good(run_words(d->job, from, count, d->used, d->used, logits));
	d->used += count;
	d->room = d->used;
	for (i = 0; i < CACHES; i++) {
		struct accel_nn_tensor result = { .size = sizeof(result) };

		good(accel_nn_get_result(d->job, PRESENT + i, &result));
		free(d->caches[i]);
		d->caches[i] = malloc(result.bytes);
		memcpy(d->caches[i], result.data, result.bytes);
	}
}

static void test_growing(void **state)
{
	struct decoder by_host, by_card;
	float logits[BATCH * WORDS];
	int64_t step;

	load(&by_host, *state, "build/tests/nn/decoder-qwen3.onnx");
	load(&by_card, *state, "build/tests/nn/decoder-qwen3.onnx");
	carry(by_card.job, 0);
	begin_empty(by_card.job);
	for (step = 0; step <= STEPS; step++) {
		const int64_t from = step ? PROMPT + step - 1 : 0, count = step ? 1 : PROMPT;

		dense_step_by_host(&by_host, from, count, by_host.logits[step]);
		good(run_words(by_card.job, from, count, from, from, logits));
		assert_memory_equal(logits, by_host.logits[step], sizeof(logits));
		expect_carried(&by_host, by_card.job, from + count);
		assert_int_equal(info_of(by_card.job).plans_made, step + 1);
	}
	/* The last word again: in a cache, and whole. */
	resize_by_host(&by_host, LARGER);
	carry(by_card.job, LARGER);
	step_by_host(&by_host, PROMPT + STEPS - 1, 1, LARGER, by_host.logits[0]);
	good(run_words(by_card.job, PROMPT + STEPS - 1, 1, LARGER, PROMPT + STEPS, logits));
	assert_memory_equal(logits, by_host.logits[0], sizeof(logits));
	resize_by_host(&by_host, by_host.used);
	carry(by_card.job, 0);
	dense_step_by_host(&by_host, PROMPT + STEPS - 1, 1, by_host.logits[0]);
	good(run_words(by_card.job, PROMPT + STEPS - 1, 1, by_host.used - 1, by_host.used - 1, logits));
	assert_memory_equal(logits, by_host.logits[0], sizeof(logits));
	expect_carried(&by_host, by_card.job, by_host.used);
	unload(&by_card);
	unload(&by_host);
}

/*
 * ONNX Runtime's own decoders put the new words into a past of fixed size themselves, behind as many
 * as the mask has: what comes out has the sizes of what goes in.
 */
static int run_in_place(struct accel_nn_job *job, int64_t from, int64_t count, float *logits)
{
	int64_t mask[BATCH * LARGER], i;

	for (i = 0; i < BATCH * LARGER; i++)
		mask[i] = i % LARGER < from + count;
	return run_masked(job, from, count, mask, LARGER, logits);
}

static void test_in_place(void **state)
{
	static float zeros[LARGER * PLACE];
	struct decoder by_host, by_card;
	float logits[BATCH * WORDS];
	int64_t step;
	uint32_t i;

	load(&by_host, *state, "build/tests/nn/decoder-genai.onnx");
	load(&by_card, *state, "build/tests/nn/decoder-genai.onnx");
	carry(by_card.job, 0);
	resize_by_host(&by_host, LARGER);
	for (i = 0; i < CACHES; i++)
		bind_past(by_card.job, i, LARGER, zeros);
	for (step = 0; step <= STEPS; step++) {
		const int64_t from = step ? PROMPT + step - 1 : 0, count = step ? 1 : PROMPT;

		for (i = 0; i < CACHES; i++)
			bind_past(by_host.job, i, LARGER, by_host.caches[i]);
		good(run_in_place(by_host.job, from, count, by_host.logits[step]));
		for (i = 0; i < CACHES; i++) {
			struct accel_nn_tensor result = { .size = sizeof(result) };

			good(accel_nn_get_result(by_host.job, PRESENT + i, &result));
			assert_int_equal(result.bytes, sizeof(zeros));
			memcpy(by_host.caches[i], result.data, result.bytes);
		}
		good(run_in_place(by_card.job, from, count, logits));
		assert_memory_equal(logits, by_host.logits[step], sizeof(logits));
	}
	expect_carried(&by_host, by_card.job, LARGER);
	assert_int_equal(info_of(by_card.job).plans_made, 2);
	assert_int_equal(info_of(by_card.job).downloaded, BATCH * WORDS * sizeof(float));
	unload(&by_card);
	unload(&by_host);
}

/* Two conversations go on from one prompt, in turn, with one plan that each finds the other's. */
static void test_copies(void **state)
{
	float logits[BATCH * WORDS], wanted[2][BATCH * WORDS];
	struct accel_nn_job *other;
	struct decoder d;
	uint32_t i;
	int step;

	load(&d, *state, "build/tests/nn/decoder-qwen2.onnx");
	write_by_host(&d);
	carry(d.job, ROOM);
	begin_empty(d.job);
	good(accel_nn_job_create(d.model, &other));
	carry(other, ROOM);
	expect_error(accel_nn_copy_carried(other, PAST, d.job), -EINVAL, "nothing was carried over");
	good(run_words(d.job, 0, PROMPT, 0, 0, logits));
	for (i = 0; i < CACHES; i++)
		good(accel_nn_copy_carried(other, PAST + i, d.job));
	for (step = 0; step < ROOM - PROMPT; step++) {
		good(run_words(d.job, PROMPT + step, 1, ROOM, PROMPT + step, logits));
		assert_memory_equal(logits, d.logits[step + 1], sizeof(logits));
		/* The other one reads the first word again and again. */
		good(run_words(other, PROMPT, 1, ROOM, PROMPT + step, logits));
		if (!step)
			assert_memory_equal(logits, d.logits[1], sizeof(logits));
		if (step == 1)
			memcpy(wanted[0], logits, sizeof(logits));
	}
	/* Alone, it says the same. */
	begin_empty(d.job);
	good(run_words(d.job, 0, PROMPT, 0, 0, logits));
	good(run_words(d.job, PROMPT, 1, ROOM, PROMPT, logits));
	good(run_words(d.job, PROMPT, 1, ROOM, PROMPT + 1, wanted[1]));
	assert_memory_equal(wanted[0], wanted[1], sizeof(logits));
	accel_nn_job_destroy(other);
	unload(&d);
}

/* What was read is given to another job, which goes on. */
static void test_saved(void **state)
{
	float *saved[CACHES], logits[BATCH * WORDS];
	struct decoder d;
	uint32_t i;

	load(&d, *state, "build/tests/nn/decoder-operators.onnx");
	write_by_host(&d);
	accel_nn_job_destroy(d.job);
	good(accel_nn_job_create(d.model, &d.job));
	carry(d.job, ROOM);
	begin_empty(d.job);
	good(run_words(d.job, 0, PROMPT, 0, 0, logits));
	for (i = 0; i < CACHES; i++) {
		struct accel_nn_tensor found = { .size = sizeof(found) };

		good(accel_nn_get_carried(d.job, PAST + i, &found));
		saved[i] = malloc(found.bytes);
		memcpy(saved[i], found.data, found.bytes);
	}
	accel_nn_job_destroy(d.job);
	good(accel_nn_job_create(d.model, &d.job));
	carry(d.job, ROOM);
	for (i = 0; i < CACHES; i++)
		bind_past(d.job, i, PROMPT, saved[i]);
	good(run_words(d.job, PROMPT, 1, PROMPT, PROMPT, logits));
	/* From the second word on, it is a cache again, of the same sizes and so with the same bits. */
	good(run_words(d.job, PROMPT + 1, 1, ROOM, PROMPT + 1, logits));
	for (i = 0; i < BATCH * WORDS; i++)
		if (!(logits[i] - d.logits[2][i] < 1e-4f && d.logits[2][i] - logits[i] < 1e-4f))
			fail_msg("%g should be %g", (double)logits[i], (double)d.logits[2][i]);
	for (i = 0; i < CACHES; i++)
		free(saved[i]);
	unload(&d);
}

/* ---- Smaller models ---- */

struct rig {
	uint8_t *file;
	struct accel_nn_model *model;
	struct accel_nn_job *job;
};

static void begin(struct rig *r, struct card *card, struct build *b)
{
	const struct accel_nn_load_options options = {
		.size = sizeof(options), .context = card ? card->context : NULL,
		.device = card ? card->device : NULL,
	};
	size_t size;

	r->file = build_pack(b, &size);
	build_release(b);
	good(accel_nn_load_memory(r->file, size, &options, &r->model));
	good(accel_nn_job_create(r->model, &r->job));
}

static void end(struct rig *r)
{
	accel_nn_job_destroy(r->job);
	accel_nn_unload(r->model);
	free(r->file);
}

static void bind_floats(struct accel_nn_job *job, uint32_t i, int64_t count, float *data)
{
	good(accel_nn_bind_input(job, i, &(struct accel_nn_tensor){
		.size = sizeof(struct accel_nn_tensor), .type = ACCEL_NN_FLOAT32, .rank = 1,
		.dims = { count }, .data = data, .bytes = (size_t)count * sizeof(float) }));
}

/* sum = state + x, and what it was before. */
static void begin_sum(struct rig *r, struct card *card)
{
	struct build b;

	build_init(&b, 17);
	build_input(&b, "state", ACCEL_NN_FLOAT32, "N");
	build_input(&b, "x", ACCEL_NN_FLOAT32, "N");
	build_node(&b, "Add", "state x", "sum");
	build_node(&b, "Identity", "state", "before");
	build_output(&b, "sum");
	build_output(&b, "before");
	begin(r, card, &b);
}

static void expect_before(struct rig *r, const float *wanted, size_t count)
{
	struct accel_nn_tensor before = { .size = sizeof(before) };

	good(accel_nn_get_result(r->job, 1, &before));
	assert_int_equal(before.bytes, count * sizeof(float));
	assert_memory_equal(before.data, wanted, before.bytes);
}

/* A state of the same sizes each time; it survives runs that fail. */
static void sum_up(struct card *card)
{
	float zero[3] = { 0 }, x[3] = { 1, 2, 4 }, wanted[3] = { 0 }, small[2];
	struct rig r;
	int i, k;

	begin_sum(&r, card);
	good(accel_nn_bind_output_to_input(r.job, 0, 0, NULL));
	bind_floats(r.job, 0, 3, zero);
	bind_floats(r.job, 1, 3, x);
	for (i = 0; i < 5; i++) {
		if (i & 1) {
			good(accel_nn_bind_output(r.job, 1, small, sizeof(small)));
			expect_error(accel_nn_run(r.job, NULL), -ENOSPC, "12 bytes");
			good(accel_nn_bind_output(r.job, 1, NULL, 0));
		}
		good(accel_nn_run(r.job, NULL));
		expect_before(&r, wanted, 3);
		for (k = 0; k < 3; k++)
			wanted[k] += x[k];
		if (card) {
			assert_int_equal(info_of(r.job).uploaded, (i ? 1 : 2) * sizeof(x));
			assert_int_equal(info_of(r.job).carried, sizeof(x));
			assert_int_equal(info_of(r.job).plans_made, 1);
		}
	}
	/* Step by step it is the same. */
	if (card) {
		good(accel_nn_profile(r.job, NULL));
		expect_before(&r, wanted, 3);
		for (k = 0; k < 3; k++)
			wanted[k] += x[k];
	}
	/* In the background as well. */
	good(accel_nn_start(r.job, NULL));
	good(accel_nn_wait(r.job, ACCEL_FOREVER));
	expect_before(&r, wanted, 3);
	/* Not any more: the input stays what it is. */
	for (k = 0; k < 3; k++)
		wanted[k] += x[k];
	good(accel_nn_bind_output(r.job, 0, NULL, 0));
	for (i = 0; i < 2; i++) {
		struct accel_nn_tensor sum = { .size = sizeof(sum) };

		good(accel_nn_run(r.job, NULL));
		expect_before(&r, wanted, 3);
		good(accel_nn_get_result(r.job, 0, &sum));
		assert_true(((float *)sum.data)[2] == wanted[2] + x[2]);
	}
	end(&r);
}

static void test_state(void **state)
{
	sum_up(*state);
	sum_up(NULL);
}

/* An output that does not depend on any input, and one that is the input itself. */
static void test_odd_outputs(void **state)
{
	float x[2] = { 5, 6 }, always[2] = { 7, 8 };
	struct rig r;
	struct build b;

	build_init(&b, 17);
	build_input(&b, "state", ACCEL_NN_FLOAT32, "2");
	build_ints(&b, "always", 2, (int64_t[]){ 7, 8 });
	build_int(&b, build_node(&b, "Cast", "always", "next"), "to", ACCEL_NN_FLOAT32);
	build_node(&b, "Identity", "state", "before");
	build_output(&b, "next");
	build_output(&b, "before");
	begin(&r, *state, &b);
	good(accel_nn_bind_output_to_input(r.job, 0, 0, NULL));
	bind_floats(r.job, 0, 2, x);
	good(accel_nn_run(r.job, NULL));
	expect_before(&r, x, 2);
	good(accel_nn_run(r.job, NULL));
	expect_before(&r, always, 2);
	/* The input becomes itself, and the first output is there again. */
	good(accel_nn_bind_output_to_input(r.job, 1, 0, NULL));
	bind_floats(r.job, 0, 2, x);
	good(accel_nn_run(r.job, NULL));
	x[0] = x[1] = 0;
	good(accel_nn_run(r.job, NULL));
	good(accel_nn_bind_output(r.job, 1, NULL, 0));
	good(accel_nn_run(r.job, NULL));
	expect_before(&r, (float[]){ 5, 6 }, 2);
	end(&r);
}

static int bind_with(struct accel_nn_job *job, uint32_t output, uint32_t input, int64_t places,
		     uint32_t axis)
{
	return accel_nn_bind_output_to_input(job, output, input,
		&(struct accel_nn_carry_options){ .size = sizeof(struct accel_nn_carry_options),
						  .places = places, .axis = axis });
}

static void test_refused(void **state)
{
	struct accel_nn_tensor tensor = { .size = sizeof(tensor) };
	float a[4] = { 0 };
	struct rig r;
	struct build b;

	build_init(&b, 17);
	build_input(&b, "a", ACCEL_NN_FLOAT32, "N 2");
	build_input(&b, "k", ACCEL_NN_INT64, "N");
	build_int(&b, build_node(&b, "Concat", "a a", "longer"), "axis", 0);
	build_int(&b, build_node(&b, "Concat", "a a", "wider"), "axis", 1);
	build_output(&b, "longer");
	build_output(&b, "wider");
	build_output(&b, "k");
	begin(&r, *state, &b);
	expect_error(bind_with(r.job, 3, 0, 0, 0), -EINVAL, "so there is no 3 or 0");
	expect_error(bind_with(r.job, 0, 2, 0, 0), -EINVAL, "so there is no 0 or 2");
	expect_error(bind_with(r.job, 0, 0, 8, 2), -EINVAL, "has 2 dimensions, so there is none of number 2");
	expect_error(bind_with(r.job, 0, 0, -1, 0), -EINVAL, "-1 places");
	expect_error(accel_nn_bind_output_to_input(NULL, 0, 0, NULL), -EINVAL, "the job is NULL");
	expect_error(accel_nn_get_carried(r.job, 0, &tensor), -EINVAL, "nothing was carried over");
	expect_error(accel_nn_get_carried(r.job, 2, &tensor), -EINVAL, "there is no 2");
	expect_error(accel_nn_copy_carried(r.job, 0, r.job), -EINVAL, "no two jobs");
	expect_error(bind_with(r.job, 2, 0, 0, 0), -EINVAL,
		     "output 'k' has elements of type int64, input 'a' of type float32");
	/* What can never be an input is refused before anything runs. */
	good(bind_with(r.job, 1, 1, 0, 0));
	good(accel_nn_bind_input(r.job, 0, &(struct accel_nn_tensor){
		.size = sizeof(tensor), .type = ACCEL_NN_FLOAT32, .rank = 2, .dims = { 2, 2 },
		.data = a, .bytes = sizeof(a) }));
	good(accel_nn_bind_input(r.job, 1, &(struct accel_nn_tensor){
		.size = sizeof(tensor), .type = ACCEL_NN_INT64, .rank = 1, .dims = { 2 },
		.data = (int64_t[2]){ 0 }, .bytes = 16 }));
	expect_error(accel_nn_run(r.job, NULL), -EINVAL,
		     "output 'wider' has elements of type float32, input 'k' of type int64");
	good(bind_with(r.job, 1, 0, 0, 0));
	expect_error(accel_nn_run(r.job, NULL), -EINVAL,
		     "output 'wider' has shape [2, 4], which input 'a' of shape [N, 2] cannot become");
	expect_error(accel_nn_get_result(r.job, 1, &tensor), -EINVAL, "has not run");
	good(bind_with(r.job, 1, 0, 8, 0));
	expect_error(accel_nn_run(r.job, NULL), -EINVAL, "which input 'a' of shape [2, 2] cannot become");
	/* An input that another one has to fit to. */
	good(bind_with(r.job, 0, 0, 8, 0));
	good(accel_nn_run(r.job, NULL));
	expect_error(accel_nn_get_result(r.job, 0, &tensor), -EINVAL, "the result is bound to input 0");
	good(accel_nn_get_result(r.job, 1, &tensor));
	expect_error(accel_nn_run(r.job, NULL), -EINVAL, "N");
	/* What is in use has to stay. */
	expect_error(bind_with(r.job, 0, 0, 3, 0), -EINVAL,
		     "4 places of input 'a' are in use, which is to have 3");
	expect_error(bind_with(r.job, 0, 0, 3, 1), -EINVAL, "are along dimension 0, not 1");
	good(accel_nn_get_carried(r.job, 0, &tensor));
	assert_int_equal(tensor.dims[0], 4);
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CARD_TEST(test_qwen2),
		CARD_TEST(test_qwen3),
		CARD_TEST(test_operators),
		CARD_TEST(test_without_card),
		CARD_TEST(test_growing),
		CARD_TEST(test_in_place),
		CARD_TEST(test_copies),
		CARD_TEST(test_saved),
		CARD_TEST(test_state),
		CARD_TEST(test_odd_outputs),
		CARD_TEST(test_refused),
	};

	return cmocka_run_group_tests(tests, open_card, close_card);
}
