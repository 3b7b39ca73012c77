// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Inputs and outputs that are not tensors of numbers: texts, sequences, nothing. The model is `kinds'
 * of onnx_file.py: plural = words + "s", more = parts and all of them joined, has = extra is something.
 */
#include "case.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <accel/nn.h>

#define MODEL	"build/tests/nn/kinds.onnx"

enum { WORDS, PARTS, EXTRA };
enum { PLURAL, MORE, HAS };

struct rig {
	struct accel_nn_model *model;
	struct accel_nn_job *job;
	const char *words[3];
	float numbers[4];
};

static struct accel_nn_tensor texts(struct rig *r, int64_t count)
{
	return (struct accel_nn_tensor){
		.size = sizeof(struct accel_nn_tensor), .type = ACCEL_NN_STRING, .rank = 1,
		.dims = { count }, .data = r->words, .bytes = (size_t)count * sizeof(char *),
	};
}

static struct accel_nn_tensor floats(struct rig *r, int64_t count)
{
	return (struct accel_nn_tensor){
		.size = sizeof(struct accel_nn_tensor), .type = ACCEL_NN_FLOAT32, .rank = 1,
		.dims = { count }, .data = r->numbers, .bytes = (size_t)count * sizeof(float),
	};
}

static int set_up(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	*r = (struct rig){ .words = { "egret", NULL, "größe" }, .numbers = { 1, 2, 3, 4 } };
	assert_int_equal(accel_nn_load(MODEL, NULL, &r->model), 0);
	assert_int_equal(accel_nn_job_create(r->model, &r->job), 0);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	accel_nn_job_destroy(r->job);
	accel_nn_unload(r->model);
	free(r);
	return 0;
}

static void expect_error(int ret, int wanted, const char *words)
{
	assert_int_equal(ret, wanted);
	if (!strstr(accel_last_error()->message, words))
		fail_msg("'%s' is not in '%s'", words, accel_last_error()->message);
}

static void bind_parts(struct rig *r, struct accel_nn_job *job)
{
	const struct accel_nn_tensor one = floats(r, 3), two = floats(r, 1);
	const struct accel_nn_tensor *const both[] = { &one, &two };

	assert_int_equal(accel_nn_bind_sequence(job, PARTS, both, 2), 0);
}

static void bind_all(struct rig *r, struct accel_nn_job *job)
{
	const struct accel_nn_tensor words = texts(r, 3);

	assert_int_equal(accel_nn_bind_input(job, WORDS, &words), 0);
	bind_parts(r, job);
	assert_int_equal(accel_nn_bind_nothing(job, EXTRA), 0);
}

static void expect_item(struct accel_nn_job *job, uint32_t item, int64_t count, const float *wanted)
{
	struct accel_nn_tensor tensor = { .size = sizeof(tensor) };

	assert_int_equal(accel_nn_get_result_item(job, MORE, item, &tensor), 0);
	assert_int_equal(tensor.type, ACCEL_NN_FLOAT32);
	assert_int_equal(tensor.rank, 1);
	assert_int_equal(tensor.dims[0], count);
	assert_memory_equal(tensor.data, wanted, (size_t)count * sizeof(float));
}

static void expect_results(struct accel_nn_job *job, bool has)
{
	struct accel_nn_result_info info = { .size = sizeof(info) };
	struct accel_nn_tensor tensor = { .size = sizeof(tensor) };
	const char *const *plural;

	assert_int_equal(accel_nn_get_result(job, PLURAL, &tensor), 0);
	assert_int_equal(tensor.type, ACCEL_NN_STRING);
	assert_int_equal(tensor.bytes, 3 * sizeof(char *));
	plural = tensor.data;
	assert_string_equal(plural[0], "egrets");
	assert_string_equal(plural[1], "s");
	assert_string_equal(plural[2], "größes");
	assert_int_equal(accel_nn_get_result_info(job, MORE, &info), 0);
	assert_int_equal(info.kind, ACCEL_NN_SEQUENCE);
	assert_int_equal(info.count, 3);
	expect_item(job, 0, 3, (float[]){ 1, 2, 3 });
	expect_item(job, 1, 1, (float[]){ 1 });
	expect_item(job, 2, 4, (float[]){ 1, 2, 3, 1 });
	assert_int_equal(accel_nn_get_result_info(job, HAS, &info), 0);
	assert_int_equal(info.kind, ACCEL_NN_TENSOR);
	assert_int_equal(info.count, 1);
	assert_int_equal(accel_nn_get_result_item(job, HAS, 0, &tensor), 0);
	assert_int_equal(tensor.type, ACCEL_NN_BOOL);
	assert_int_equal(*(uint8_t *)tensor.data, has);
}

static void test_inspect(void **state)
{
	struct accel_nn_value value = { .size = sizeof(value) };
	struct rig *r = *state;

	assert_int_equal(accel_nn_get_input(r->model, WORDS, &value), 0);
	assert_int_equal(value.kind, ACCEL_NN_TENSOR);
	assert_int_equal(value.type, ACCEL_NN_STRING);
	assert_int_equal(value.optional, 0);
	assert_int_equal(accel_nn_get_input(r->model, PARTS, &value), 0);
	assert_int_equal(value.kind, ACCEL_NN_SEQUENCE);
	assert_int_equal(value.type, ACCEL_NN_FLOAT32);
	assert_int_equal(value.rank, -1);
	assert_int_equal(accel_nn_get_input(r->model, EXTRA, &value), 0);
	assert_int_equal(value.kind, ACCEL_NN_TENSOR);
	assert_int_equal(value.optional, 1);
}

static void test_run(void **state)
{
	struct accel_nn_tensor extra;
	struct rig *r = *state;

	bind_all(r, r->job);
	assert_int_equal(accel_nn_run(r->job, NULL), 0);
	expect_results(r->job, false);
	extra = floats(r, 2);
	assert_int_equal(accel_nn_bind_input(r->job, EXTRA, &extra), 0);
	assert_int_equal(accel_nn_start(r->job, NULL), 0);
	assert_int_equal(accel_nn_wait(r->job, ACCEL_FOREVER), 0);
	expect_results(r->job, true);
	/* Back to nothing. */
	assert_int_equal(accel_nn_bind_nothing(r->job, EXTRA), 0);
	assert_int_equal(accel_nn_run(r->job, NULL), 0);
	expect_results(r->job, false);
}

/* What was bound as a sequence may change afterwards; results are nobody else's. */
static void test_copies(void **state)
{
	struct accel_nn_tensor tensor = { .size = sizeof(tensor) };
	struct rig *r = *state;

	bind_all(r, r->job);
	r->numbers[0] = 99;
	assert_int_equal(accel_nn_run(r->job, NULL), 0);
	expect_results(r->job, false);
	r->words[0] = "heron";
	expect_results(r->job, false);
	assert_int_equal(accel_nn_run(r->job, NULL), 0);
	assert_int_equal(accel_nn_get_result(r->job, PLURAL, &tensor), 0);
	assert_string_equal(((const char *const *)tensor.data)[0], "herons");
}

static void test_on_card(void **state)
{
	struct accel_nn_load_options options = { .size = sizeof(options) };
	struct accel_nn_node node = { .size = sizeof(node) };
	struct accel_nn_model *model;
	struct accel_nn_job *job;
	struct rig *r = *state;
	void *opened = NULL;
	struct card *card;

	assert_int_equal(open_card(&opened), 0);
	card = opened;
	options.context = card->context;
	options.device = card->device;
	assert_int_equal(accel_nn_load(MODEL, &options, &model), 0);
	assert_int_equal(accel_nn_job_create(model, &job), 0);
	bind_all(r, job);
	assert_int_equal(accel_nn_run(job, NULL), 0);
	expect_results(job, false);
	assert_int_equal(accel_nn_get_node(job, 0, &node), 0);
	assert_int_equal(node.place, ACCEL_NN_ON_HOST);
	accel_nn_job_destroy(job);
	accel_nn_unload(model);
	close_card(&opened);
}

static void test_empty(void **state)
{
	struct accel_nn_tensor words, tensor = { .size = sizeof(tensor) };
	struct rig *r = *state;

	bind_all(r, r->job);
	words = texts(r, 0);
	assert_int_equal(accel_nn_bind_input(r->job, WORDS, &words), 0);
	assert_int_equal(accel_nn_run(r->job, NULL), 0);
	assert_int_equal(accel_nn_get_result(r->job, PLURAL, &tensor), 0);
	assert_int_equal(tensor.dims[0], 0);
	/* No tensors to join: the model says so, not the interface. */
	assert_int_equal(accel_nn_bind_sequence(r->job, PARTS, NULL, 0), 0);
	expect_error(accel_nn_run(r->job, NULL), -EINVAL, "ConcatFromSequence");
}

static void test_refuse(void **state)
{
	struct rig *r = *state;
	const struct accel_nn_tensor number = floats(r, 2), word = texts(r, 2);
	struct accel_nn_tensor none = floats(r, 2), tensor = { .size = sizeof(tensor) };
	const struct accel_nn_tensor *const mixed[] = { &number, &word }, *const null[] = { NULL };
	const struct accel_nn_tensor *const bare[] = { &none };
	char memory[64];

	none.data = NULL;
	expect_error(accel_nn_bind_input(r->job, PARTS, &number), -EINVAL, "'parts' is not a tensor");
	expect_error(accel_nn_bind_sequence(r->job, WORDS, NULL, 0), -EINVAL,
		     "'words' is not a sequence");
	expect_error(accel_nn_bind_sequence(r->job, PARTS, NULL, 1), -EINVAL, "NULL");
	expect_error(accel_nn_bind_sequence(r->job, PARTS, null, 1), -EINVAL, "NULL");
	expect_error(accel_nn_bind_sequence(r->job, PARTS, mixed, 2), -EINVAL, "of type string");
	expect_error(accel_nn_bind_sequence(r->job, PARTS, bare, 1), -EINVAL, "no elements");
	expect_error(accel_nn_bind_sequence(r->job, 3, NULL, 0), -EINVAL, "has 3 inputs");
	expect_error(accel_nn_bind_nothing(r->job, WORDS), -EINVAL, "'words' has to be something");
	expect_error(accel_nn_bind_input(r->job, WORDS, &number), -EINVAL, "of type float32");
	expect_error(accel_nn_run(r->job, NULL), -EINVAL, "'words'");
	bind_all(r, r->job);
	/* Only numbers have a place in the program's memory. */
	assert_int_equal(accel_nn_bind_output(r->job, PLURAL, memory, sizeof(memory)), 0);
	expect_error(accel_nn_run(r->job, NULL), -EINVAL, "'plural' is not a tensor of numbers");
	assert_int_equal(accel_nn_bind_output(r->job, PLURAL, NULL, 0), 0);
	assert_int_equal(accel_nn_bind_output(r->job, MORE, memory, sizeof(memory)), 0);
	expect_error(accel_nn_run(r->job, NULL), -EINVAL, "'more' is not a tensor of numbers");
	assert_int_equal(accel_nn_bind_output(r->job, MORE, NULL, 0), 0);
	assert_int_equal(accel_nn_run(r->job, NULL), 0);
	expect_error(accel_nn_get_result(r->job, MORE, &tensor), -EINVAL, "is a sequence");
	expect_error(accel_nn_get_result_item(r->job, MORE, 3, &tensor), -EINVAL, "has 3 tensors");
	expect_error(accel_nn_get_result_item(r->job, HAS, 1, &tensor), -EINVAL, "has 1 tensors");
	expect_error(accel_nn_get_result_info(r->job, 3, NULL), -EINVAL, "has 3 outputs");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_inspect),
		TEST(test_run),
		TEST(test_copies),
		TEST(test_on_card),
		TEST(test_empty),
		TEST(test_refuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
