// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Language models (tests/nn/decoder_file.py) whole on the card: a prompt, then word after word
 * with the cache that the step before left, compared with the reference on the host, and with
 * the same words as one prompt.
 */
#include "case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROMPT		6
#define STEPS		3
#define BATCH		2
#define HIDDEN_PLACE	1	/* of the first text: nobody may look at it, usually */
#define WORDS		128

enum { IDS, MASK, PLACES, CACHE, INPUTS = CACHE + 4 };
enum { LOGITS, PRESENT, OUTPUTS = PRESENT + 4 };

struct decoder {
	uint8_t *file;
	struct nn_model *model;
	struct nn_card *card;
	int64_t words[BATCH][PROMPT + STEPS];
	size_t launches;		/* of the last run */
	double deviation;		/* of results; 0: nearly none */
	int64_t hidden;			/* place of the first text */
};

static void *read_file(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	void *data;

	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	*size = (size_t)ftell(f);
	rewind(f);
	data = malloc(*size);
	assert_int_equal(fread(data, 1, *size, f), *size);
	fclose(f);
	return data;
}

static void load(struct decoder *d, struct card *card, const char *path)
{
	size_t size, b, i;

	d->deviation = 0;
	d->hidden = HIDDEN_PLACE;
	d->file = read_file(path, &size);
	assert_int_equal(nn_onnx_read(path, d->file, size, -1, &d->model), 0);
	assert_int_equal(nn_card_create(d->model, card->context, card->device, &d->card), 0);
	assert_int_equal(d->model->graph->input_count, INPUTS);
	assert_int_equal(d->model->graph->output_count, OUTPUTS);
	for (b = 0; b < BATCH; b++)
		for (i = 0; i < PROMPT + STEPS; i++)
			d->words[b][i] = any(WORDS);
}

static void unload(struct decoder *d)
{
	nn_card_free(d->card);
	nn_model_free(d->model);
	free(d->file);
}

/* Words `from` and following as inputs; those before are in the cache, which `inputs` has. */
static void set_words(const struct decoder *d, struct nn_tensor *inputs, int64_t from, int64_t count)
{
	const struct nn_shape now = { .rank = 2, .dims = { BATCH, count } };
	const struct nn_shape all = { .rank = 2, .dims = { BATCH, from + count } };
	int64_t b, i;

	assert_int_equal(nn_tensor_init(&inputs[IDS], NN_I64, &now), 0);
	assert_int_equal(nn_tensor_init(&inputs[PLACES], NN_I64, &now), 0);
	assert_int_equal(nn_tensor_init(&inputs[MASK], NN_I64, &all), 0);
	for (b = 0; b < BATCH; b++) {
		for (i = 0; i < count; i++) {
			nn_set_int(&inputs[IDS], (size_t)(b * count + i), d->words[b][from + i]);
			nn_set_int(&inputs[PLACES], (size_t)(b * count + i), from + i);
		}
		for (i = 0; i < from + count; i++)
			nn_set_int(&inputs[MASK], (size_t)(b * (from + count) + i),
				   b || i != d->hidden);
	}
}

static void set_no_cache(struct nn_tensor *inputs)
{
	const struct nn_shape empty = { .rank = 4, .dims = { BATCH, 2, 0, 16 } };
	size_t i;

	for (i = CACHE; i < INPUTS; i++)
		assert_int_equal(nn_tensor_init(&inputs[i], NN_F32, &empty), 0);
}

static void expect_close(const struct nn_tensor *wanted, const struct nn_tensor *found, size_t from,
			 size_t place, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		double w = nn_get(wanted, from + i), f = nn_get(found, place + i);

		if (!(fabs(w - f) <= 2e-4 + 1e-4 * fabs(w)))
			fail_msg("element %zu should be %g, but is %g", i, w, f);
	}
}

static void expect_same(const struct nn_tensor *wanted, const struct nn_tensor *found)
{
	assert_true(nn_shape_equal(&wanted->shape, &found->shape));
	expect_close(wanted, found, 0, 0, wanted->count);
}

static void release(struct nn_tensor *tensors, size_t count)
{
	while (count--)
		nn_tensor_release(&tensors[count]);
}

/* All of it is on the card, in one piece. */
static struct nn_plan *plan(struct decoder *d, const struct nn_tensor *inputs)
{
	struct nn_facts facts;
	struct nn_plan *plan;
	size_t i;

	assert_int_equal(nn_facts_init(&facts, d->model), 0);
	for (i = 0; i < INPUTS; i++)
		assert_int_equal(nn_facts_set_shape(&facts, i, &inputs[i].shape), 0);
	assert_int_equal(nn_facts_infer(&facts), 0);
	assert_int_equal(nn_plan_create(d->card, &facts, &plan), 0);
	nn_facts_release(&facts);
	for (i = 0; i < plan->step_count; i++)
		if (plan->steps[i].where == NN_ON_HOST)
			fail_msg("%s is left to the host: %s", plan->steps[i].nodes[0]->type,
				 plan->steps[i].why);
	assert_int_equal(plan->graph_count, 1);
	return plan;
}

static void expect_near(const struct nn_tensor *wanted, const struct nn_tensor *found, double most)
{
	double error = 0, all = 0;
	size_t i;

	assert_true(nn_shape_equal(&wanted->shape, &found->shape));
	for (i = 0; i < wanted->count; i++) {
		const double w = nn_get(wanted, i), f = nn_get(found, i);

		error += (w - f) * (w - f);
		all += w * w;
	}
	/* What is no number is not near either. */
	if (!(sqrt(error / all) <= most))
		fail_msg("the deviation is %g, and may be %g", sqrt(error / all), most);
}

/* Run on the card, and compare with the host. Inputs are released. */
static void run(struct decoder *d, struct card *card, struct nn_tensor *inputs,
		struct nn_tensor *outputs)
{
	struct nn_plan *on_card = plan(d, inputs);
	struct nn_facts facts;
	size_t i;

	d->launches = on_card->item_count;
	assert_int_equal(nn_plan_run(on_card, card->stream, inputs, outputs), 0);
	nn_plan_free(on_card);
	assert_int_equal(nn_facts_init(&facts, d->model), 0);
	for (i = 0; i < INPUTS; i++)
		assert_int_equal(nn_facts_set_input(&facts, i, &inputs[i]), 0);
	assert_int_equal(nn_facts_run(&facts), 0);
	for (i = 0; i < OUTPUTS; i++) {
		const struct nn_tensor *wanted =
			nn_contents(&facts.facts[d->model->graph->outputs[i]->index]);

		if (d->deviation > 0)
			expect_near(wanted, &outputs[i], d->deviation);
		else
			expect_same(wanted, &outputs[i]);
	}
	nn_facts_release(&facts);
	release(inputs, INPUTS);
}

static void generate(struct card *card, const char *path)
{
	struct nn_tensor inputs[INPUTS], outputs[OUTPUTS], whole[OUTPUTS];
	struct decoder d;
	size_t b, step, last = PROMPT + STEPS - 1;

	load(&d, card, path);
	set_words(&d, inputs, 0, PROMPT + STEPS);
	set_no_cache(inputs);
	run(&d, card, inputs, whole);
	set_words(&d, inputs, 0, PROMPT);
	set_no_cache(inputs);
	run(&d, card, inputs, outputs);
	for (step = 0; step < STEPS; step++) {
		nn_tensor_release(&outputs[LOGITS]);
		memcpy(&inputs[CACHE], &outputs[PRESENT], 4 * sizeof(*inputs));
		set_words(&d, inputs, (int64_t)(PROMPT + step), 1);
		run(&d, card, inputs, outputs);
	}
	/* The cache holds what the whole text would have given. */
	for (b = 0; b < BATCH; b++)
		expect_close(&whole[LOGITS], &outputs[LOGITS], (b * (last + 1) + last) * WORDS,
			     b * WORDS, WORDS);
	for (step = PRESENT; step < OUTPUTS; step++)
		expect_same(&whole[step], &outputs[step]);
	release(whole, OUTPUTS);
	release(outputs, OUTPUTS);
	unload(&d);
}

static void test_qwen2(void **state)
{
	generate(*state, "build/tests/nn/decoder-qwen2.onnx");
}

static void test_qwen3(void **state)
{
	generate(*state, "build/tests/nn/decoder-qwen3.onnx");
}

static void test_operators(void **state)
{
	generate(*state, "build/tests/nn/decoder-operators.onnx");
}

/*
 * A prompt, and a word behind it, in fewer bits. The first place is hidden, as in a text that is
 * shorter than others: itself, it sees nothing. ONNX's Attention makes no numbers of that.
 */
static void test_precision(void **state)
{
	static const char *const paths[] = {
		"build/tests/nn/decoder-qwen2.onnx", "build/tests/nn/decoder-qwen3.onnx",
		"build/tests/nn/decoder-operators.onnx",
	};
	static const struct {
		enum nn_type type;
		double deviation;
	} precisions[] = { { NN_BF16, 2e-2 }, { NN_F16, 2e-3 } };
	struct nn_tensor inputs[INPUTS], outputs[OUTPUTS];
	struct decoder d;
	size_t i, k;

	for (i = 0; i < 3; i++) {
		for (k = 0; k < 2; k++) {
			load(&d, *state, paths[i]);
			d.card->precision = precisions[k].type;
			d.deviation = precisions[k].deviation;
			d.hidden = i < 2 ? 0 : HIDDEN_PLACE;
			set_words(&d, inputs, 0, PROMPT);
			set_no_cache(inputs);
			run(&d, *state, inputs, outputs);
			nn_tensor_release(&outputs[LOGITS]);
			memcpy(&inputs[CACHE], &outputs[PRESENT], 4 * sizeof(*inputs));
			set_words(&d, inputs, PROMPT, 1);
			run(&d, *state, inputs, outputs);
			release(outputs, OUTPUTS);
			unload(&d);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CARD_TEST(test_qwen2),
		CARD_TEST(test_qwen3),
		CARD_TEST(test_operators),
		CARD_TEST(test_precision),
	};

	return cmocka_run_group_tests(tests, open_card, close_card);
}
