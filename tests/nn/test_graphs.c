// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Branches, loops, sequences and functions: what ONNX's own cases do not have, which is graphs
 * that use what is around them, loops that do not end, and what is wrong.
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

#define OPSET	18

static void give(struct rig *r, size_t input, enum nn_type type, size_t count, const int64_t *numbers)
{
	struct nn_shape shape = { .rank = 1, .dims = { (int64_t)count } };
	struct nn_tensor tensor;
	size_t i;

	if (!count)
		shape.rank = 0;
	assert_int_equal(nn_tensor_init(&tensor, type, &shape), 0);
	for (i = 0; i < tensor.count; i++)
		nn_set_int(&tensor, i, numbers[i]);
	assert_int_equal(nn_facts_set_input(&r->facts, input, &tensor), 0);
	nn_tensor_release(&tensor);
}

static void expect_numbers(struct rig *r, size_t i, size_t count, const int64_t *wanted)
{
	const struct nn_value *value = r->model->graph->outputs[i];
	const struct nn_tensor *found = nn_contents(&r->facts.facts[value->index]);
	size_t k;

	assert_non_null(found);
	assert_int_equal(found->count, count);
	for (k = 0; k < count; k++)
		assert_int_equal(nn_get_int(found, k), wanted[k]);
}

static void expect_error(int ret, int error, const char *text)
{
	if (ret != error || !strstr(accel_last_error()->message, text))
		print_error("%d: %s\n", ret, ret ? accel_last_error()->message : "fine");
	assert_int_equal(ret, error);
	assert_non_null(strstr(accel_last_error()->message, text));
}

/* ---- If ---- */

/* Both branches use what is around them, one of them within another If. */
static void build_branches(struct rig *r)
{
	Onnx__GraphProto *yes, *no, *inner;
	Onnx__NodeProto *node;

	build_init(&r->b, OPSET);
	build_input(&r->b, "c", NN_BOOL, "");
	build_input(&r->b, "x", NN_I64, "3");
	build_input(&r->b, "d", NN_BOOL, "");
	build_node(&r->b, "Add", "x x", "twice");
	build_node(&r->b, "Add", "twice x", "t");
	yes = build_graph(&r->b, 1, "", "t");
	build_node(&r->b, "Neg", "twice", "n");
	inner = build_graph(&r->b, 1, "", "n");
	node = build_node(&r->b, "If", "d", "e");
	build_graph_attr(&r->b, node, "then_branch", inner);
	build_node(&r->b, "Identity", "x", "same");
	inner = build_graph(&r->b, 2, "", "same");
	build_graph_attr(&r->b, node, "else_branch", inner);
	no = build_graph(&r->b, 1, "", "e");
	node = build_node(&r->b, "If", "c", "y");
	build_graph_attr(&r->b, node, "then_branch", yes);
	build_graph_attr(&r->b, node, "else_branch", no);
	build_output(&r->b, "y");
	read_rig(r);
}

static void test_branches(void **state)
{
	static const int64_t x[3] = { 1, 2, 3 }, triple[3] = { 3, 6, 9 }, minus[3] = { -2, -4, -6 };
	int way;

	(void)state;
	for (way = 0; way < 4; way++) {
		struct rig r;

		build_branches(&r);
		give(&r, 0, NN_BOOL, 0, (int64_t[]){ way & 1 });
		give(&r, 1, NN_I64, 3, x);
		give(&r, 2, NN_BOOL, 0, (int64_t[]){ way >> 1 });
		assert_int_equal(nn_facts_run(&r.facts), 0);
		expect_numbers(&r, 0, 3, way & 1 ? triple : way >> 1 ? minus : x);
		release_rig(&r);
	}
}

/* What both branches agree in is known before it runs. */
static void test_branches_inferred(void **state)
{
	struct rig r;
	const struct nn_fact *y;

	(void)state;
	build_branches(&r);
	assert_int_equal(nn_facts_infer(&r.facts), 0);
	y = &r.facts.facts[r.model->graph->outputs[0]->index];
	assert_int_equal(y->type, NN_I64);
	assert_int_equal(y->shape.rank, 1);
	assert_int_equal(y->shape.dims[0], 3);
	assert_false(nn_is_known(y));
	release_rig(&r);
}

/* ---- Loop ---- */

/* y = x, doubled again and again; each time, the sum so far is collected. */
static void build_loop(struct rig *r, const char *condition)
{
	Onnx__GraphProto *body;

	build_init(&r->b, OPSET);
	build_input(&r->b, "trips", NN_I64, "");
	build_input(&r->b, "c", NN_BOOL, "");
	build_input(&r->b, "x", NN_I64, "2");
	build_node(&r->b, "Add", "v v", "w");
	build_node(&r->b, "Add", "w x", "s");
	build_node(&r->b, "Identity", condition, "go");
	body = build_graph(&r->b, 0, "i g v", "go w s");
	build_graph_attr(&r->b, build_node(&r->b, "Loop", "trips c x", "y all"), "body", body);
	build_output(&r->b, "y");
	build_output(&r->b, "all");
	read_rig(r);
}

static void give_loop(struct rig *r, int64_t trips)
{
	static const int64_t x[2] = { 1, -1 };

	give(r, 0, NN_I64, 0, &trips);
	give(r, 1, NN_BOOL, 0, (int64_t[]){ 1 });
	give(r, 2, NN_I64, 2, x);
}

static void test_loop(void **state)
{
	static const int64_t y[2] = { 8, -8 }, all[6] = { 3, -3, 5, -5, 9, -9 };
	struct rig r;

	(void)state;
	build_loop(&r, "g");
	give_loop(&r, 3);
	assert_int_equal(nn_facts_run(&r.facts), 0);
	expect_numbers(&r, 0, 2, y);
	expect_numbers(&r, 1, 6, all);
	release_rig(&r);
}

/* Of what is carried along the shape is known, if the body does not change it. */
static void test_loop_inferred(void **state)
{
	const struct nn_fact *fact;
	struct rig r;

	(void)state;
	build_loop(&r, "g");
	assert_int_equal(nn_facts_infer(&r.facts), 0);
	fact = &r.facts.facts[r.model->graph->outputs[0]->index];
	assert_int_equal(fact->shape.rank, 1);
	assert_int_equal(fact->shape.dims[0], 2);
	fact = &r.facts.facts[r.model->graph->outputs[1]->index];
	assert_int_equal(fact->shape.rank, 2);
	assert_true(fact->shape.dims[0] < 0);
	assert_int_equal(fact->shape.dims[1], 2);
	release_rig(&r);
}

/* A loop that does not end ends by the limits: of nodes, of its result's size, or from outside. */
static void test_endless(void **state)
{
	atomic_bool stop = true;
	struct rig r;

	(void)state;
	build_loop(&r, "g");
	give_loop(&r, INT64_MAX);
	r.facts.work_max = 1000;
	expect_error(nn_facts_run(&r.facts), -ETIME, "so many nodes were evaluated");
	release_rig(&r);

	build_loop(&r, "g");
	give_loop(&r, INT64_MAX);
	r.facts.result_max = 4096;
	expect_error(nn_facts_run(&r.facts), -EFBIG, "node 0, Loop: its result 1 is too large");
	release_rig(&r);

	build_loop(&r, "g");
	give_loop(&r, INT64_MAX);
	r.facts.stop = &stop;
	expect_error(nn_facts_run(&r.facts), -ECANCELED, "stopped");
	release_rig(&r);
}

static void test_wrong_loops(void **state)
{
	Onnx__GraphProto *body;
	struct rig r;

	(void)state;
	/* What is not a single number is no condition. */
	build_loop(&r, "v");
	give_loop(&r, 3);
	expect_error(nn_facts_run(&r.facts), -EINVAL, "does not say whether to go on");
	release_rig(&r);

	build_init(&r.b, OPSET);
	build_input(&r.b, "x", NN_I64, "2");
	build_node(&r.b, "Identity", "g", "go");
	body = build_graph(&r.b, 0, "i g v", "go");
	build_graph_attr(&r.b, build_node(&r.b, "Loop", "- - x", "y"), "body", body);
	build_output(&r.b, "y");
	read_rig(&r);
	expect_error(nn_facts_infer(&r.facts), -EINVAL, "its graph has 1 outputs, where it should have 2");
	release_rig(&r);
}

/* ---- Sequences ---- */

/* Part `at` of the numbers 1 to 5, split as the inputs say. */
static void build_split(struct rig *r, const char *inputs, int64_t at)
{
	build_init(&r->b, OPSET);
	build_input(&r->b, "x", NN_I64, "5");
	build_input(&r->b, "at", NN_I64, "");
	build_ints(&r->b, "sizes", 2, (int64_t[]){ 2, 3 });
	build_node(&r->b, "SplitToSequence", inputs, "s");
	build_node(&r->b, "SequenceAt", "s at", "y");
	build_output(&r->b, "y");
	read_rig(r);
	give(r, 0, NN_I64, 5, (int64_t[]){ 1, 2, 3, 4, 5 });
	give(r, 1, NN_I64, 0, &at);
}

static void test_sequences(void **state)
{
	struct rig r;

	(void)state;
	build_split(&r, "x sizes", -1);
	assert_int_equal(nn_facts_run(&r.facts), 0);
	expect_numbers(&r, 0, 3, (int64_t[]){ 3, 4, 5 });
	release_rig(&r);
}

static void test_wrong_sequences(void **state)
{
	struct rig r;

	(void)state;
	build_split(&r, "x", 5);
	expect_error(nn_facts_run(&r.facts), -EINVAL, "position 5 is not within a sequence of 5");
	release_rig(&r);

	build_init(&r.b, OPSET);
	build_input(&r.b, "x", NN_I64, "5");
	build_node(&r.b, "SequenceConstruct", "x x", "s");
	build_node(&r.b, "Add", "s x", "y");
	build_output(&r.b, "y");
	read_rig(&r);
	expect_error(nn_facts_infer(&r.facts), -EINVAL, "its input A is a sequence");
	release_rig(&r);
}

/* ---- Functions ---- */

static void refer(struct rig *r, Onnx__NodeProto *node, const char *name, const char *to)
{
	Onnx__AttributeProto *attr = build_attr(&r->b, node, name,
						ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);

	attr->ref_attr_name = (char *)to;
}

/*
 * Part(x): the elements of x and of an optional second input along `along`, which is an attribute
 * of the caller's caller in the end.
 */
static void build_functions(struct rig *r)
{
	Onnx__GraphProto *yes, *no;
	Onnx__NodeProto *node;

	build_init(&r->b, OPSET);
	build_input(&r->b, "x", NN_I64, "2 2");
	build_input(&r->b, "c", NN_BOOL, "");
	node = build_node(&r->b, "Concat", "a a", "j");
	refer(r, node, "axis", "along");
	build_node(&r->b, "Neg", "j", "x");
	build_function(&r->b, 0, "Inner", "a", "x");
	/* A function's names are its own: this x is not the model's; and its graphs see them. */
	node = build_node(&r->b, "Inner", "p", "q");
	refer(r, node, "along", "way");
	build_node(&r->b, "Identity", "q", "u");
	yes = build_graph(&r->b, 1, "", "u");
	build_node(&r->b, "Add", "q q", "v");
	no = build_graph(&r->b, 1, "", "v");
	node = build_node(&r->b, "If", "flag", "x");
	build_graph_attr(&r->b, node, "then_branch", yes);
	build_graph_attr(&r->b, node, "else_branch", no);
	build_function(&r->b, 0, "Outer", "p flag", "x");
	node = build_node(&r->b, "Outer", "x c", "y");
	build_int(&r->b, node, "way", 1);
	build_output(&r->b, "y");
	build_node(&r->b, "Relu", "y", "z");
	build_output(&r->b, "z");
}

static void test_functions(void **state)
{
	static const int64_t x[4] = { 1, 2, 3, 4 };
	struct rig r;

	(void)state;
	build_functions(&r);
	read_rig(&r);
	/* Nothing is left of the calls. */
	assert_int_equal(r.model->graph->node_count, 4);
	give(&r, 1, NN_BOOL, 0, (int64_t[]){ 0 });
	nn_facts_set_shape(&r.facts, 0, &(struct nn_shape){ 2, { 2, 2 } });
	{
		struct nn_tensor tensor;
		size_t i;

		assert_int_equal(nn_tensor_init(&tensor, NN_I64, &(struct nn_shape){ 2, { 2, 2 } }), 0);
		for (i = 0; i < 4; i++)
			nn_set_int(&tensor, i, x[i]);
		assert_int_equal(nn_facts_set_input(&r.facts, 0, &tensor), 0);
		nn_tensor_release(&tensor);
	}
	assert_int_equal(nn_facts_run(&r.facts), 0);
	expect_numbers(&r, 0, 8, (int64_t[]){ -2, -4, -2, -4, -6, -8, -6, -8 });
	expect_numbers(&r, 1, 8, (int64_t[8]){ 0 });
	release_rig(&r);
}

static void refuse_model(struct rig *r, int error, const char *text)
{
	struct nn_model *model;
	size_t size;

	r->file = build_pack(&r->b, &size);
	expect_error(nn_onnx_read("cannot read the model", r->file, size, -1, &model), error, text);
	free(r->file);
	build_release(&r->b);
}

static void test_wrong_functions(void **state)
{
	struct rig r;
	char name[8], inner[8];
	int i;

	(void)state;
	build_init(&r.b, OPSET);
	build_input(&r.b, "x", NN_I64, "2");
	build_node(&r.b, "F", "a", "b");
	build_function(&r.b, 0, "F", "a", "b");
	build_node(&r.b, "F", "x", "y");
	build_output(&r.b, "y");
	refuse_model(&r, -EFBIG, "functions call each other more than");

	/* Eight functions that call the next one 8 times each: 16 million nodes. */
	build_init(&r.b, OPSET);
	build_input(&r.b, "x", NN_I64, "2");
	for (i = 0; i < 8; i++) {
		static const char *const outputs[] = { "b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7" };
		int k;

		strcpy(name, "F0");
		strcpy(inner, i < 7 ? "F1" : "Neg");
		name[1] = (char)('0' + i);
		if (i < 7)
			inner[1] = (char)('1' + i);
		for (k = 0; k < 8; k++)
			build_node(&r.b, inner, "a", outputs[k]);
		build_function(&r.b, 0, name, "a", "b7");
	}
	build_node(&r.b, "F0", "x", "y");
	build_output(&r.b, "y");
	refuse_model(&r, -EFBIG, "its functions would become more than");

	build_init(&r.b, OPSET);
	build_input(&r.b, "x", NN_I64, "2");
	build_node(&r.b, "Neg", "a", "c");
	build_function(&r.b, 0, "F", "a", "b");
	build_node(&r.b, "F", "x", "y");
	build_output(&r.b, "y");
	refuse_model(&r, -EINVAL, "function 'F' does not compute its output 'b'");

	build_init(&r.b, OPSET);
	build_input(&r.b, "x", NN_I64, "2");
	build_node(&r.b, "Neg", "x", "b");
	build_function(&r.b, 0, "F", "a", "b");
	build_node(&r.b, "F", "x", "y");
	build_output(&r.b, "y");
	refuse_model(&r, -EINVAL, "its input 0, 'x', is no input, initializer or result");
}

/* ---- Elements of less than a byte ---- */

static void test_small_constant(void **state)
{
	Onnx__AttributeProto *attr;
	int64_t wanted[33];
	struct rig r;
	size_t i;

	(void)state;
	for (i = 0; i < 33; i++)
		wanted[i] = -3;
	build_init(&r.b, 21);
	build_ints(&r.b, "size", 1, (int64_t[]){ 33 });
	attr = build_attr(&r.b, build_node(&r.b, "ConstantOfShape", "size", "y"), "value",
			  ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR);
	/* Its own bytes are those of one element. */
	attr->t = build_ints(&r.b, "value", 1, (int64_t[]){ 0xd });
	attr->t->data_type = NN_I4;
	attr->t->raw_data.len = 1;
	r.b.graph.n_initializer--;
	build_output(&r.b, "y");
	read_rig(&r);
	assert_int_equal(nn_facts_run(&r.facts), 0);
	expect_numbers(&r, 0, 33, wanted);
	release_rig(&r);
}

/* What puts tensors together moves bytes: of four-bit elements that is refused. */
static void test_small_parts(void **state)
{
	Onnx__GraphProto *body;
	struct rig r;

	(void)state;
	build_init(&r.b, 21);
	build_input(&r.b, "x", NN_I64, "3");
	build_int(&r.b, build_node(&r.b, "Cast", "x", "s"), "to", NN_I4);
	build_node(&r.b, "SequenceConstruct", "s s s", "l");
	build_int(&r.b, build_node(&r.b, "ConcatFromSequence", "l", "y"), "axis", 0);
	build_output(&r.b, "y");
	read_rig(&r);
	give(&r, 0, NN_I64, 3, (int64_t[]){ 1, 2, 3 });
	expect_error(nn_facts_run(&r.facts), -ENOTSUP, "it moves elements of type int4");
	release_rig(&r);

	build_init(&r.b, 21);
	build_input(&r.b, "trips", NN_I64, "");
	build_int(&r.b, build_node(&r.b, "Cast", "i", "s"), "to", NN_I4);
	build_node(&r.b, "Identity", "g", "go");
	body = build_graph(&r.b, 0, "i g", "go s");
	build_graph_attr(&r.b, build_node(&r.b, "Loop", "trips", "y"), "body", body);
	build_output(&r.b, "y");
	read_rig(&r);
	give(&r, 0, NN_I64, 0, (int64_t[]){ 40 });
	expect_error(nn_facts_run(&r.facts), -ENOTSUP, "it moves elements of type int4");
	release_rig(&r);

	build_init(&r.b, 21);
	build_input(&r.b, "x", NN_I64, "7");
	build_int(&r.b, build_node(&r.b, "Cast", "x", "s"), "to", NN_I4);
	build_node(&r.b, "Cast", "e", "z");
	build_int(&r.b, r.b.nodes[1], "to", NN_I64);
	body = build_graph(&r.b, 1, "e", "z");
	build_graph_attr(&r.b, build_node(&r.b, "Scan", "s", "y"), "body", body);
	build_int(&r.b, r.b.nodes[1], "num_scan_inputs", 1);
	build_output(&r.b, "y");
	read_rig(&r);
	give(&r, 0, NN_I64, 7, (int64_t[7]){ 0 });
	expect_error(nn_facts_run(&r.facts), -ENOTSUP, "it moves elements of type int4");
	release_rig(&r);
}

/* A graph may give each item another type; a sequence has one. */
static void test_mixed_sequence(void **state)
{
	Onnx__GraphProto *yes, *no, *body;
	Onnx__NodeProto *node;
	struct rig r;

	(void)state;
	build_init(&r.b, OPSET);
	build_input(&r.b, "a", NN_BOOL, "1");
	build_input(&r.b, "b", NN_BOOL, "1");
	build_node(&r.b, "SequenceConstruct", "a b", "s");
	build_int(&r.b, build_node(&r.b, "Cast", "item", "wide"), "to", NN_I64);
	yes = build_graph(&r.b, 1, "", "wide");
	build_node(&r.b, "Identity", "item", "same");
	no = build_graph(&r.b, 1, "", "same");
	node = build_node(&r.b, "If", "item", "either");
	build_graph_attr(&r.b, node, "then_branch", yes);
	build_graph_attr(&r.b, node, "else_branch", no);
	body = build_graph(&r.b, 1, "item", "either");
	build_graph_attr(&r.b, build_node(&r.b, "SequenceMap", "s", "m"), "body", body);
	build_int(&r.b, build_node(&r.b, "ConcatFromSequence", "m", "y"), "axis", 0);
	build_output(&r.b, "y");
	read_rig(&r);
	give(&r, 0, NN_BOOL, 1, (int64_t[]){ 0 });
	give(&r, 1, NN_BOOL, 1, (int64_t[]){ 1 });
	expect_error(nn_facts_run(&r.facts), -EINVAL,
		     "SequenceMap: its result 0 has items of the types bool and int64");
	release_rig(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_branches),
		cmocka_unit_test(test_branches_inferred),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_loop_inferred),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_wrong_loops),
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_wrong_sequences),
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_wrong_functions),
		cmocka_unit_test(test_small_constant),
		cmocka_unit_test(test_small_parts),
		cmocka_unit_test(test_mixed_sequence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
