// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Shapes that are known in part, sizes that are computed by the graph itself, and inputs that
 * do not fit. What operators compute is the matter of ONNX's own cases (conformance.c).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libaccel/error.h>
#include "rig.h"

static const struct nn_fact *output(struct rig *r, size_t i)
{
	return &r->facts.facts[r->model->graph->outputs[i]->index];
}

static void expect_shape(struct rig *r, const char *wanted)
{
	char text[160];

	nn_shape_print(&output(r, 0)->shape, r->model->symbols, r->model->symbol_count, text,
		       sizeof(text));
	assert_string_equal(text, wanted);
}

/*
 * What exporters make of x.reshape(x.shape[0], -1): the batch is cut out of the shape, joined
 * with -1, and given to Reshape.
 */
static void build_reshape(struct rig *r)
{
	build_init(&r->b, 13);
	build_input(&r->b, "x", NN_F32, "N 3 H");
	build_ints(&r->b, "zero", 1, (int64_t[]){ 0 });
	build_ints(&r->b, "minus_one", 1, (int64_t[]){ -1 });
	build_node(&r->b, "Shape", "x", "s");
	build_int(&r->b, build_node(&r->b, "Gather", "s zero", "n"), "axis", 0);
	build_int(&r->b, build_node(&r->b, "Concat", "n minus_one", "to"), "axis", 0);
	build_node(&r->b, "Reshape", "x to", "y");
	build_output(&r->b, "y");
	read_rig(r);
}

static void test_unknown(void **state)
{
	struct rig r;

	(void)state;
	build_reshape(&r);
	assert_int_equal(nn_facts_infer(&r.facts), 0);
	assert_int_equal(output(&r, 0)->type, NN_F32);
	assert_int_equal(output(&r, 0)->shape.rank, 2);
	assert_false(nn_shape_known(&output(&r, 0)->shape));
	assert_int_equal(r.facts.folded, 0);
	release_rig(&r);
}

static void test_known(void **state)
{
	const struct nn_shape x = { 3, { 2, 3, 5 } };
	struct rig r;

	(void)state;
	build_reshape(&r);
	assert_int_equal(nn_facts_set_shape(&r.facts, 0, &x), 0);
	assert_int_equal(nn_facts_infer(&r.facts), 0);
	expect_shape(&r, "[2, 15]");
	/* Gather and Concat: the contents of x are not there. */
	assert_int_equal(r.facts.folded, 2);
	assert_null(output(&r, 0)->tensor.data);
	release_rig(&r);
}

static void test_symbols(void **state)
{
	struct rig r;

	(void)state;
	build_init(&r.b, 13);
	build_input(&r.b, "a", NN_F32, "N 4");
	build_input(&r.b, "b", NN_F32, "N 1");
	build_node(&r.b, "Add", "a b", "y");
	build_output(&r.b, "y");
	read_rig(&r);
	assert_int_equal(nn_facts_infer(&r.facts), 0);
	expect_shape(&r, "[N, 4]");
	release_rig(&r);
}

static void test_inputs(void **state)
{
	const struct nn_shape a = { 2, { 7, 4 } }, wrong = { 2, { 8, 1 } }, rank = { 1, { 7 } };
	struct rig r;

	(void)state;
	build_init(&r.b, 13);
	build_input(&r.b, "a", NN_F32, "N 4");
	build_input(&r.b, "b", NN_F32, "N 1");
	build_node(&r.b, "Add", "a b", "y");
	build_output(&r.b, "y");
	read_rig(&r);
	assert_int_equal(nn_facts_set_shape(&r.facts, 0, &rank), -EINVAL);
	assert_non_null(strstr(accel_last_error()->message,
			       "input 'a' has shape [7], the model asks for [N, 4]"));
	assert_int_equal(nn_facts_set_shape(&r.facts, 0, &a), 0);
	/* N is 7 now. */
	assert_int_equal(nn_facts_set_shape(&r.facts, 1, &wrong), -EINVAL);
	assert_non_null(strstr(accel_last_error()->message, "input 'b' has shape [8, 1]"));
	assert_int_equal(nn_facts_set_shape(&r.facts, 2, &a), -EINVAL);
	release_rig(&r);
}

/* Fails at a node, with these words. */
static void expect_refusal(struct rig *r, int error, const char *text)
{
	int ret;

	build_output(&r->b, "y");
	read_rig(r);
	ret = nn_facts_infer(&r->facts);
	if (ret != error || !strstr(accel_last_error()->message, text))
		print_error("%d: %s\n", ret, accel_last_error()->message);
	assert_int_equal(ret, error);
	assert_non_null(strstr(accel_last_error()->message, text));
	release_rig(r);
}

static void test_refusals(void **state)
{
	struct rig r;

	(void)state;
	build_init(&r.b, 13);
	build_input(&r.b, "a", NN_F32, "2 3");
	build_input(&r.b, "b", NN_F32, "2 4");
	build_node(&r.b, "Add", "a b", "y");
	expect_refusal(&r, -EINVAL, "node 0, Add: its inputs have sizes 3 and 4");
	build_init(&r.b, 13);
	build_input(&r.b, "a", NN_F32, "2 3");
	build_input(&r.b, "b", NN_I32, "2 3");
	build_node(&r.b, "Add", "a b", "y");
	expect_refusal(&r, -EINVAL, "its inputs are of the types float32 and int32");
	build_init(&r.b, 13);
	build_input(&r.b, "a", NN_F32, "2 3");
	build_input(&r.b, "b", NN_F32, "4 3");
	build_node(&r.b, "MatMul", "a b", "y");
	expect_refusal(&r, -EINVAL, "rows of A have 3 elements, columns of B 4");
	build_init(&r.b, 13);
	build_input(&r.b, "a", NN_F32, "1 4 8 8");
	build_input(&r.b, "b", NN_F32, "8 3 3 3");
	build_node(&r.b, "Conv", "a b", "y");
	expect_refusal(&r, -EINVAL, "its input has 4 channels, its weights are for 3");
	build_init(&r.b, 13);
	build_input(&r.b, "a", NN_F32, "1 3 2 8");
	build_input(&r.b, "b", NN_F32, "8 3 3 3");
	build_node(&r.b, "Conv", "a b", "y");
	expect_refusal(&r, -EINVAL, "its window spans 3 of 2 places of dimension 2");
	build_init(&r.b, 13);
	build_input(&r.b, "a", NN_F32, "2 3");
	build_int(&r.b, build_node(&r.b, "Concat", "a", "y"), "axis", 2);
	expect_refusal(&r, -EINVAL, "its axis is 2, but its input has 2 dimensions");
	build_init(&r.b, 13);
	build_input(&r.b, "a", NN_F32, "2 3");
	build_ints(&r.b, "s", 2, (int64_t[]){ 4, -1 });
	build_node(&r.b, "Reshape", "a s", "y");
	expect_refusal(&r, -EINVAL, "its input has 6 elements, which do not fill its result");
}

/* Sizes from the graph that no memory has are not evaluated, and do not overflow anything. */
static void test_huge(void **state)
{
	struct rig r;

	(void)state;
	build_init(&r.b, 13);
	build_ints(&r.b, "s", 3, (int64_t[]){ INT64_MAX, INT64_MAX, 2 });
	build_node(&r.b, "ConstantOfShape", "s", "y");
	build_output(&r.b, "y");
	read_rig(&r);
	assert_int_equal(nn_facts_infer(&r.facts), 0);
	assert_int_equal(output(&r, 0)->shape.dims[0], INT64_MAX);
	assert_null(output(&r, 0)->tensor.data);
	release_rig(&r);
}

/*
 * A size that only the model declares is believed, but no memory is written by it: axes of two
 * dimensions are none, so nobody knows what is left of x.
 */
static void test_declared(void **state)
{
	static const int64_t x[64];
	Onnx__TensorProto *axes;
	struct rig r;

	(void)state;
	build_init(&r.b, 13);
	build_input(&r.b, "like_y", NN_I64, "1");
	build_ints(&r.b, "x", 64, x);
	axes = build_ints(&r.b, "axes", 1, (int64_t[]){ 0 });
	axes->n_dims = 2;
	axes->dims = (int64_t[]){ 1, 1 };
	build_node(&r.b, "ReduceSum", "x axes", "y");
	build_output(&r.b, "y");
	r.b.outputs[0]->type = r.b.inputs[0]->type;
	read_rig(&r);
	assert_int_equal(nn_facts_infer(&r.facts), 0);
	expect_shape(&r, "[1]");
	assert_false(nn_is_known(output(&r, 0)));
	release_rig(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_symbols),
		cmocka_unit_test(test_inputs),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_declared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
