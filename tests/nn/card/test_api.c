// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* The program's interface, accel/nn.h, on the host and on a card. */
#include "case.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <accel/nn.h>

/* "sum" is a + a, "chosen" elements k of a: sizes N and M. */
struct rig {
	struct build b;
	uint8_t *file;
	size_t size;
	struct accel_nn_model *model;
	struct accel_nn_job *job;
	float a[3];
	int64_t k[2];
};

static struct accel_nn_tensor tensor(uint32_t type, int64_t count, void *data, size_t bytes)
{
	return (struct accel_nn_tensor){
		.size = sizeof(struct accel_nn_tensor), .type = type, .rank = 1,
		.dims = { count }, .data = data, .bytes = bytes,
	};
}

static int set_up(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	memcpy(r->a, (float[]){ 1, 2, 4 }, sizeof(r->a));
	memcpy(r->k, (int64_t[]){ 2, 0 }, sizeof(r->k));
	build_init(&r->b, 17);
	build_input(&r->b, "a", ACCEL_NN_FLOAT32, "N");
	build_input(&r->b, "k", ACCEL_NN_INT64, "M");
	build_node(&r->b, "Add", "a a", "sum");
	build_node(&r->b, "Gather", "a k", "chosen");
	build_output(&r->b, "sum");
	build_output(&r->b, "chosen");
	r->file = build_pack(&r->b, &r->size);
	build_release(&r->b);
	assert_int_equal(accel_nn_load_memory(r->file, r->size, NULL, &r->model), 0);
	assert_int_equal(accel_nn_job_create(r->model, &r->job), 0);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	accel_nn_job_destroy(r->job);
	accel_nn_unload(r->model);
	free(r->file);
	free(r);
	return 0;
}

static void bind_both(struct rig *r)
{
	struct accel_nn_tensor a = tensor(ACCEL_NN_FLOAT32, 3, r->a, sizeof(r->a));
	struct accel_nn_tensor k = tensor(ACCEL_NN_INT64, 2, r->k, sizeof(r->k));

	assert_int_equal(accel_nn_bind_input(r->job, 0, &a), 0);
	assert_int_equal(accel_nn_bind_input(r->job, 1, &k), 0);
}

static void expect_error(int ret, int wanted, const char *words)
{
	assert_int_equal(ret, wanted);
	assert_int_equal(accel_last_error()->error, wanted);
	if (!strstr(accel_last_error()->message, words))
		fail_msg("'%s' is not in '%s'", words, accel_last_error()->message);
}

static void expect_results(struct rig *r)
{
	struct accel_nn_tensor sum = { .size = sizeof(sum) }, chosen = { .size = sizeof(chosen) };

	assert_int_equal(accel_nn_get_result(r->job, 0, &sum), 0);
	assert_int_equal(accel_nn_get_result(r->job, 1, &chosen), 0);
	assert_int_equal(sum.rank, 1);
	assert_int_equal(sum.dims[0], 3);
	assert_int_equal(sum.bytes, 12);
	assert_memory_equal(sum.data, ((float[]){ 2, 4, 8 }), 12);
	assert_int_equal(chosen.type, ACCEL_NN_FLOAT32);
	assert_memory_equal(chosen.data, ((float[]){ 4, 1 }), 8);
}

static void test_inspect(void **state)
{
	struct accel_nn_model_info info = { .size = sizeof(info) };
	struct accel_nn_value value = { .size = sizeof(value) };
	struct rig *r = *state;

	assert_int_equal(accel_nn_get_model_info(r->model, &info), 0);
	assert_int_equal(info.inputs, 2);
	assert_int_equal(info.outputs, 2);
	assert_int_equal(info.nodes, 2);
	assert_int_equal(info.opset, 17);
	assert_int_equal(accel_nn_get_input(r->model, 1, &value), 0);
	assert_string_equal(value.name, "k");
	assert_string_equal(accel_nn_type_name(value.type), "int64");
	assert_int_equal(value.rank, 1);
	assert_int_equal(value.dims[0], -1);
	assert_string_equal(value.symbols[0], "M");
	assert_string_equal(value.symbols[1], "");
	assert_int_equal(accel_nn_get_output(r->model, 0, &value), 0);
	assert_string_equal(value.name, "sum");
	expect_error(accel_nn_get_input(r->model, 2, &value), -EINVAL, "has 2 inputs");
	expect_error(accel_nn_get_output(NULL, 0, &value), -EINVAL, "NULL");
}

static void test_profile_on_host(void **state)
{
	struct accel_nn_job_info info = { .size = sizeof(info), .memory = 1 };
	struct accel_nn_step step = { .size = sizeof(step) };
	struct rig *r = *state;

	expect_error(accel_nn_get_job_info(r->job, &info), -EINVAL, "not prepared");
	expect_error(accel_nn_get_step(r->job, 0, &step), -EINVAL, "not prepared");
	bind_both(r);
	expect_error(accel_nn_profile(r->job, NULL), -ENOTSUP, "runs on the host");
	assert_int_equal(accel_nn_get_job_info(r->job, &info), 0);
	assert_int_equal(info.memory, 0);
	expect_error(accel_nn_get_step(r->job, 0, &step), -EINVAL, "has 0 steps");
	expect_error(accel_nn_get_job_info(NULL, &info), -EINVAL, "NULL");
}

static void test_run(void **state)
{
	struct rig *r = *state;
	int again;

	bind_both(r);
	for (again = 0; again < 2; again++) {
		assert_int_equal(accel_nn_run(r->job, NULL), 0);
		expect_results(r);
	}
	/* Other contents in the same place, and another size. */
	r->a[0] = 7;
	assert_int_equal(accel_nn_run(r->job, NULL), 0);
	bind_both(r);
	r->a[0] = 1;
	assert_int_equal(accel_nn_run(r->job, NULL), 0);
	expect_results(r);
}

static void test_sizes_change(void **state)
{
	struct accel_nn_tensor sum = { .size = sizeof(sum) };
	struct rig *r = *state;
	struct accel_nn_tensor a;

	bind_both(r);
	assert_int_equal(accel_nn_run(r->job, NULL), 0);
	r->k[0] = 1;
	a = tensor(ACCEL_NN_FLOAT32, 2, r->a, 8);
	assert_int_equal(accel_nn_bind_input(r->job, 0, &a), 0);
	assert_int_equal(accel_nn_run(r->job, NULL), 0);
	assert_int_equal(accel_nn_get_result(r->job, 0, &sum), 0);
	assert_int_equal(sum.dims[0], 2);
}

static void test_badly_aligned(void **state)
{
	struct accel_nn_tensor a;
	struct rig *r = *state;
	char bytes[16];

	memcpy(bytes + 3, r->a, 12);
	bind_both(r);
	a = tensor(ACCEL_NN_FLOAT32, 3, bytes + 3, 12);
	assert_int_equal(accel_nn_bind_input(r->job, 0, &a), 0);
	assert_int_equal(accel_nn_run(r->job, NULL), 0);
	expect_results(r);
}

static void test_own_memory(void **state)
{
	struct accel_nn_tensor sum = { .size = sizeof(sum) };
	struct rig *r = *state;
	float results[3] = { 0 };

	bind_both(r);
	assert_int_equal(accel_nn_bind_output(r->job, 0, results, sizeof(results)), 0);
	assert_int_equal(accel_nn_run(r->job, NULL), 0);
	assert_memory_equal(results, ((float[]){ 2, 4, 8 }), 12);
	assert_int_equal(accel_nn_get_result(r->job, 0, &sum), 0);
	assert_ptr_equal(sum.data, results);
	assert_int_equal(accel_nn_bind_output(r->job, 0, results, 8), 0);
	expect_error(accel_nn_run(r->job, NULL), -ENOSPC, "'sum' has 12 bytes");
	expect_error(accel_nn_get_result(r->job, 0, &sum), -EINVAL, "has not run");
	assert_int_equal(accel_nn_bind_output(r->job, 0, NULL, 0), 0);
	assert_int_equal(accel_nn_run(r->job, NULL), 0);
	expect_results(r);
}

static void test_refuse_inputs(void **state)
{
	struct accel_nn_tensor a = tensor(ACCEL_NN_INT64, 1, NULL, 0);
	struct rig *r = *state;

	expect_error(accel_nn_run(r->job, NULL), -EINVAL, "'a', was not given");
	expect_error(accel_nn_bind_input(r->job, 0, &a), -EINVAL, "of type int64");
	a = tensor(ACCEL_NN_FLOAT32, 3, r->a, 11);
	expect_error(accel_nn_bind_input(r->job, 0, &a), -EINVAL, "has 11 bytes");
	a.rank = 2;
	a.bytes = 0;
	expect_error(accel_nn_bind_input(r->job, 0, &a), -EINVAL, "[3, 0]");
	a.rank = 9;
	expect_error(accel_nn_bind_input(r->job, 0, &a), -EINVAL, "9 dimensions");
	a = tensor(ACCEL_NN_FLOAT32, -3, r->a, 12);
	expect_error(accel_nn_bind_input(r->job, 0, &a), -EINVAL, "-3");
	a = tensor(ACCEL_NN_FLOAT32, INT64_MAX, r->a, 12);
	expect_error(accel_nn_bind_input(r->job, 0, &a), -EINVAL, "impossible");
	expect_error(accel_nn_bind_input(r->job, 2, &a), -EINVAL, "has 2 inputs");
	expect_error(accel_nn_bind_input(r->job, 0, NULL), -EINVAL, "NULL");
	a.size = 4;
	expect_error(accel_nn_bind_input(r->job, 0, &a), -EINVAL, "");
}

static void test_wrong_index(void **state)
{
	struct rig *r = *state;

	bind_both(r);
	r->k[1] = 3;
	expect_error(accel_nn_run(r->job, NULL), -EINVAL, "node 1, Gather: index 3");
	assert_string_equal(accel_last_error()->what, "node 1, Gather");
	r->k[1] = 0;
	assert_int_equal(accel_nn_run(r->job, NULL), 0);
	expect_results(r);
}

static void test_start(void **state)
{
	struct rig *r = *state;
	struct accel_nn_tensor sum = { .size = sizeof(sum) };

	assert_int_equal(accel_nn_wait(r->job, ACCEL_NO_WAIT), 0);
	bind_both(r);
	assert_int_equal(accel_nn_start(r->job, NULL), 0);
	/* Whether it runs or has ended: nobody has waited. */
	expect_error(accel_nn_get_result(r->job, 0, &sum), -EBUSY, "nobody has waited");
	expect_error(accel_nn_start(r->job, NULL), -EBUSY, "nobody has waited");
	expect_error(accel_nn_prepare(r->job), -EBUSY, "nobody has waited");
	assert_int_equal(accel_nn_wait(r->job, ACCEL_FOREVER), 0);
	expect_results(r);
	/* The error of the job's thread is that of who waits. */
	r->k[0] = -4;
	assert_int_equal(accel_nn_start(r->job, NULL), 0);
	expect_error(accel_nn_wait(r->job, INT64_MAX - 1), -EINVAL, "index -4");
	assert_string_equal(accel_last_error()->what, "node 1, Gather");
	/* It may go while it runs. */
	assert_int_equal(accel_nn_start(r->job, NULL), 0);
}

static void test_outlives_model(void **state)
{
	struct rig *r = *state;

	accel_nn_unload(r->model);
	r->model = NULL;
	bind_both(r);
	assert_int_equal(accel_nn_run(r->job, NULL), 0);
	expect_results(r);
}

static void test_nodes(void **state)
{
	struct accel_nn_node node = { .size = sizeof(node) };
	struct accel_nn_tensor a = tensor(ACCEL_NN_FLOAT32, 3, NULL, 0);
	struct rig *r = *state;

	expect_error(accel_nn_get_node(r->job, 0, &node), -EINVAL, "not prepared");
	assert_int_equal(accel_nn_prepare(r->job), 0);
	assert_int_equal(accel_nn_get_node(r->job, 0, &node), 0);
	assert_string_equal(node.operator_name, "Add");
	assert_int_equal(node.place, ACCEL_NN_ON_HOST);
	assert_string_equal(node.why, "the model was loaded without a context");
	assert_int_equal(node.dims[0], -1);
	/* Sizes are enough for that, but not for running. */
	assert_int_equal(accel_nn_bind_input(r->job, 0, &a), 0);
	assert_int_equal(accel_nn_prepare(r->job), 0);
	assert_int_equal(accel_nn_get_node(r->job, 0, &node), 0);
	assert_int_equal(node.dims[0], 3);
	expect_error(accel_nn_get_node(r->job, 2, &node), -EINVAL, "has 2 nodes");
	expect_error(accel_nn_run(r->job, NULL), -EINVAL, "'a', was not given");
}

static void test_forked(void **state)
{
	struct rig *r = *state;
	int status;
	pid_t child;

	bind_both(r);
	assert_int_equal(accel_nn_start(r->job, NULL), 0);
	assert_int_equal(accel_nn_wait(r->job, ACCEL_FOREVER), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		status = accel_nn_run(r->job, NULL) != -ECHILD;
		accel_nn_job_destroy(r->job);
		_exit(status);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void test_refuse_files(void **state)
{
	struct accel_nn_model *model;
	struct rig *r = *state;

	expect_error(accel_nn_load("/nonexistent/model.onnx", NULL, &model), -ENOENT,
		     "/nonexistent/model.onnx");
	expect_error(accel_nn_load_memory(r->file, r->size - 1, NULL, &model), -EINVAL, "byte");
	expect_error(accel_nn_load_memory(NULL, 0, NULL, &model), -EINVAL, "NULL");
	expect_error(accel_nn_load_memory(r->file, r->size, &(struct accel_nn_load_options){
		.size = sizeof(struct accel_nn_load_options), .folder = "/nonexistent" }, &model),
		     -ENOENT, "/nonexistent");
}

/* What it takes is the sum of its steps, and cycles are there only after a profile. */
static void expect_profile(struct rig *r)
{
	struct accel_nn_job_info info = { .size = sizeof(info) };
	struct accel_nn_step step = { .size = sizeof(step) };
	uint32_t i, launches = 0;

	assert_int_equal(accel_nn_prepare(r->job), 0);
	assert_int_equal(accel_nn_get_job_info(r->job, &info), 0);
	assert_int_equal(info.steps, 2);
	assert_int_equal(info.graphs, 1);
	/* Two inputs and two outputs at least. */
	assert_true(info.memory >= 3 * 4 + 2 * 8 + 3 * 4 + 2 * 4);
	assert_int_equal(accel_nn_get_step(r->job, 0, &step), 0);
	assert_null(step.profile);
	assert_int_equal(step.time, 0);
	assert_int_equal(accel_nn_profile(r->job, NULL), 0);
	expect_results(r);
	for (i = 0; i < info.steps; i++) {
		assert_int_equal(accel_nn_get_step(r->job, i, &step), 0);
		assert_int_equal(step.place, ACCEL_NN_ON_CARD);
		assert_int_equal(step.nodes, 1);
		assert_string_equal(step.operators, i ? "Gather" : "Add");
		assert_true(step.time > 0);
		assert_true(step.profile->cycles > 0);
		launches += step.launches;
	}
	assert_int_equal(info.launches, launches);
	expect_error(accel_nn_get_step(r->job, i, &step), -EINVAL, "has 2 steps");
}

/* A loop without an end, which is the host's part of a model on a card, ends with its job. */
static void test_leave_loop(void **state)
{
	struct accel_nn_load_options options = { .size = sizeof(options) };
	struct accel_nn_model *model;
	struct accel_nn_tensor x;
	struct accel_nn_job *job;
	Onnx__GraphProto *body;
	float numbers[4] = { 1 };
	struct card *card;
	struct build b;
	uint8_t *file;
	void *opened;
	size_t size;

	(void)state;
	assert_int_equal(open_card(&opened), 0);
	card = opened;
	options.context = card->context;
	options.device = card->device;
	build_init(&b, 17);
	build_input(&b, "x", NN_F32, "4");
	build_node(&b, "Tanh", "x", "t");
	build_node(&b, "Identity", "g", "go");
	build_node(&b, "Neg", "v", "next");
	body = build_graph(&b, 1, "i g v", "go next");
	build_graph_attr(&b, build_node(&b, "Loop", "- - t", "l"), "body", body);
	build_node(&b, "Tanh", "l", "y");
	build_output(&b, "y");
	file = build_pack(&b, &size);
	build_release(&b);
	assert_int_equal(accel_nn_load_memory(file, size, &options, &model), 0);
	assert_int_equal(accel_nn_job_create(model, &job), 0);
	x = tensor(ACCEL_NN_FLOAT32, 4, numbers, sizeof(numbers));
	assert_int_equal(accel_nn_bind_input(job, 0, &x), 0);
	assert_int_equal(accel_nn_start(job, NULL), 0);
	assert_int_equal(accel_nn_wait(job, 0), -ETIMEDOUT);
	accel_nn_job_destroy(job);
	accel_nn_unload(model);
	free(file);
	close_card(&opened);
}

static void expect_on_card(struct rig *r)
{
	struct accel_nn_node node = { .size = sizeof(node) };

	assert_int_equal(accel_nn_prepare(r->job), 0);
	assert_int_equal(accel_nn_get_node(r->job, 0, &node), 0);
	assert_string_equal(node.operator_name, "Add");
	assert_int_equal(node.place, ACCEL_NN_ON_CARD);
	assert_string_equal(node.why, "");
}

/* Runs write to the memory of the last one's results, or right to the program's. */
static void expect_places(struct rig *r)
{
	struct accel_nn_tensor sum = { .size = sizeof(sum) };
	float results[4] = { 0, 0, 0, 5 };
	void *before;

	assert_int_equal(accel_nn_get_result(r->job, 0, &sum), 0);
	before = sum.data;
	assert_int_equal(accel_nn_run(r->job, NULL), 0);
	assert_int_equal(accel_nn_get_result(r->job, 0, &sum), 0);
	assert_ptr_equal(sum.data, before);
	expect_results(r);

	assert_int_equal(accel_nn_bind_output(r->job, 0, results, 12), 0);
	assert_int_equal(accel_nn_run(r->job, NULL), 0);
	expect_results(r);
	assert_int_equal(accel_nn_get_result(r->job, 0, &sum), 0);
	assert_ptr_equal(sum.data, results);
	assert_true(results[3] == 5);

	/* Nothing is written where there is too little room. */
	memset(results, 0, sizeof(results));
	assert_int_equal(accel_nn_bind_output(r->job, 0, results, 8), 0);
	expect_error(accel_nn_run(r->job, NULL), -ENOSPC, "'sum' has 12 bytes");
	assert_true(results[0] == 0);
	assert_int_equal(accel_nn_bind_output(r->job, 0, NULL, 0), 0);
	assert_int_equal(accel_nn_run(r->job, NULL), 0);
	expect_results(r);
}

static void test_card(void **state)
{
	struct accel_nn_load_options options = { .size = sizeof(options) };
	struct rig *r = *state, on_card = *r;
	struct accel_nn_tensor a;
	void *opened = NULL;
	struct card *card;

	assert_int_equal(open_card(&opened), 0);
	card = opened;
	options.context = card->context;
	expect_error(accel_nn_load_memory(r->file, r->size, &options, &on_card.model), -EINVAL,
		     "belong together");
	options.device = card->device;
	assert_int_equal(accel_nn_load_memory(r->file, r->size, &options, &on_card.model), 0);
	assert_int_equal(accel_nn_job_create(on_card.model, &on_card.job), 0);
	expect_error(accel_nn_run(on_card.job, NULL), -EINVAL, "'a', was not given");
	/* The lists of inputs point to the copy's own. */
	bind_both(&on_card);
	expect_on_card(&on_card);
	assert_int_equal(accel_nn_run(on_card.job, NULL), 0);
	expect_results(&on_card);
	assert_int_equal(accel_nn_run(on_card.job, card->stream), 0);
	expect_results(&on_card);
	assert_int_equal(accel_nn_start(on_card.job, card->stream), 0);
	assert_int_equal(accel_nn_wait(on_card.job, ACCEL_FOREVER), 0);
	expect_results(&on_card);
	expect_places(&on_card);
	/* Other sizes need another plan. */
	a = tensor(ACCEL_NN_FLOAT32, 2, on_card.a, 8);
	on_card.k[0] = 1;
	assert_int_equal(accel_nn_bind_input(on_card.job, 0, &a), 0);
	assert_int_equal(accel_nn_run(on_card.job, NULL), 0);
	bind_both(&on_card);
	on_card.k[0] = 2;
	expect_profile(&on_card);
	accel_nn_unload(on_card.model);
	assert_int_equal(accel_nn_run(on_card.job, NULL), 0);
	expect_results(&on_card);
	accel_nn_job_destroy(on_card.job);
	close_card(&opened);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_inspect),
		TEST(test_profile_on_host),
		TEST(test_run),
		TEST(test_sizes_change),
		TEST(test_badly_aligned),
		TEST(test_own_memory),
		TEST(test_refuse_inputs),
		TEST(test_wrong_index),
		TEST(test_start),
		TEST(test_outlives_model),
		TEST(test_nodes),
		TEST(test_forked),
		TEST(test_refuse_files),
		TEST(test_card),
		cmocka_unit_test(test_leave_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
