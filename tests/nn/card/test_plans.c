// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Whole models: fusion, memory, what the host does in between, profiles, wrong inputs. */
#include "case.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OPSET	17

static struct test_case c;

static void linear(struct build *b, const char *in, const char *out, const char *number, int64_t from,
		   int64_t to)
{
	const int64_t weights[2] = { from, to };
	char names[64], w[16], bias[16];

	strcpy(w, "w");
	strcat(w, number);
	strcpy(bias, "b");
	strcat(bias, number);
	add_weights(b, w, 2, weights);
	add_weights(b, bias, 1, &to);
	strcpy(names, in);
	strcat(names, " ");
	strcat(names, w);
	strcat(names, " ");
	strcat(names, bias);
	build_node(b, "Gemm", names, out);
}

static void build_perceptron(void)
{
	const int64_t in[2] = { 5, 96 };

	begin_case(&c, OPSET);
	add_input(&c.build, "x", 2, in);
	linear(&c.build, "x", "h1", "1", 96, 64);
	build_node(&c.build, "Relu", "h1", "r1");
	linear(&c.build, "r1", "h2", "2", 64, 32);
	build_node(&c.build, "Sigmoid", "h2", "r2");
	linear(&c.build, "r2", "y", "3", 32, 10);
	build_output(&c.build, "y");
	c.absolute = 1e-4;
}

static void test_perceptron(void **state)
{
	build_perceptron();
	plan_case(&c, *state);
	assert_int_equal(launches_of(&c), 3);
	assert_int_equal(c.plan->graph_count, 1);
	check_case(&c, *state);
	end_case(&c);
}

/* Convolution, normalisation, addition and activation are one launch; so is the gate's. */
static void build_residual(const char *last)
{
	const int64_t in[4] = { 1, 16, 12, 20 }, w[4] = { 16, 16, 3, 3 }, gate[4] = { 16, 16, 1, 1 };
	const int64_t channels = 16, pads[4] = { 1, 1, 1, 1 };
	Onnx__NodeProto *node;

	begin_case(&c, OPSET);
	add_input(&c.build, "x", 4, in);
	add_weights(&c.build, "w", 4, w);
	add_weights(&c.build, "g", 4, gate);
	add_weights(&c.build, "scale", 1, &channels);
	add_weights(&c.build, "bias", 1, &channels);
	add_weights(&c.build, "mean", 1, &channels);
	add_weights(&c.build, "root", 1, &channels);
	build_node(&c.build, "Mul", "root root", "variance");
	node = build_node(&c.build, "Conv", "x w", "conv");
	add_ints(&c.build, node, "pads", 4, pads);
	build_node(&c.build, "BatchNormalization", "conv scale bias mean variance", "norm");
	build_node(&c.build, "Add", "norm x", "sum");
	build_node(&c.build, "Relu", "sum", "r");
	build_node(&c.build, "GlobalAveragePool", "r", "p");
	build_node(&c.build, "Conv", "p g", "q");
	build_node(&c.build, "HardSigmoid", "q", "s");
	build_node(&c.build, "Mul", "r s", "m");
	build_node(&c.build, last, "m", "t");
	build_node(&c.build, "Tanh", "t", "y");
	build_output(&c.build, "y");
	c.absolute = 1e-3;
}

static void test_residual(void **state)
{
	build_residual("Exp");
	plan_case(&c, *state);
	assert_int_equal(launches_of(&c), 4);
	assert_int_equal(c.plan->graph_count, 1);
	check_case(&c, *state);
	end_case(&c);
}

/* The host works between two graphs, and says why. */
static void test_host_between(void **state)
{
	size_t i, on_host = 0;

	build_residual("Asinh");
	c.host_allowed = true;
	plan_case(&c, *state);
	assert_int_equal(c.plan->graph_count, 2);
	for (i = 0; i < c.plan->step_count; i++) {
		if (c.plan->steps[i].where != NN_ON_HOST)
			continue;
		on_host++;
		assert_string_equal(c.plan->steps[i].nodes[0]->type, "Asinh");
		assert_non_null(c.plan->steps[i].why);
	}
	assert_int_equal(on_host, 1);
	check_case(&c, *state);
	end_case(&c);
}

/* A long chain needs memory for two of its values, not for all. */
/*
 * A loop and a branch are the host's, and use what the card computes around them; the rest stays
 * on the card.
 */
static void test_graphs_between(void **state)
{
	const int64_t in[2] = { 6, 32 }, square[2] = { 32, 32 };
	Onnx__GraphProto *yes, *no, *body;
	Onnx__NodeProto *node;

	begin_case(&c, OPSET);
	c.host_allowed = true;
	c.absolute = 1e-4;
	add_input(&c.build, "x", 2, in);
	add_weights(&c.build, "w", 2, square);
	build_ints(&c.build, "three", 1, (int64_t[]){ 3 });
	build_node(&c.build, "MatMul", "x w", "h");
	build_node(&c.build, "Tanh", "h", "t");
	build_node(&c.build, "Add", "v t", "sum");
	build_node(&c.build, "Tanh", "sum", "next");
	build_node(&c.build, "Identity", "g", "go");
	body = build_graph(&c.build, 2, "i g v", "go next");
	build_graph_attr(&c.build, build_node(&c.build, "Loop", "three - x", "l"), "body", body);
	build_node(&c.build, "ReduceSum", "l", "total");
	build_int(&c.build, c.build.nodes[c.build.graph.n_node - 1], "keepdims", 0);
	build_node(&c.build, "Greater", "total total", "condition");
	build_node(&c.build, "Sub", "l t", "less");
	yes = build_graph(&c.build, 5, "", "less");
	build_node(&c.build, "Add", "l t", "more");
	no = build_graph(&c.build, 5, "", "more");
	node = build_node(&c.build, "If", "condition", "b");
	build_graph_attr(&c.build, node, "then_branch", yes);
	build_graph_attr(&c.build, node, "else_branch", no);
	build_node(&c.build, "MatMul", "b w", "y");
	build_output(&c.build, "y");
	plan_case(&c, *state);
	assert_true(launches_of(&c) >= 2);
	check_case(&c, *state);
	end_case(&c);
}

static void test_memory(void **state)
{
	const int64_t in[4] = { 1, 8, 32, 32 }, w[4] = { 8, 8, 3, 3 }, pads[4] = { 1, 1, 1, 1 };
	char names[2][16] = { "x", "" }, both[32];
	Onnx__NodeProto *node;
	int i;

	begin_case(&c, OPSET);
	add_input(&c.build, "x", 4, in);
	add_weights(&c.build, "w", 4, w);
	for (i = 0; i < 4; i++) {
		strcpy(both, names[i & 1]);
		strcat(both, " w");
		strcpy(names[~i & 1], "v0");
		names[~i & 1][1] += (char)i;
		node = build_node(&c.build, "Conv", both, names[~i & 1]);
		add_ints(&c.build, node, "pads", 4, pads);
	}
	build_output(&c.build, names[0]);
	c.absolute = 1e-2;
	plan_case(&c, *state);
	assert_int_equal(c.plan->peak, 2 * 8 * 32 * 32 * 4);
	check_case(&c, *state);
	end_case(&c);
}

/* Inputs and outputs go through memory of the plan, again with what the first run has left. */
static void test_ports(void **state)
{
	const int64_t dims[2] = { 3, 1001 };
	int run;

	begin_case(&c, OPSET);
	add_input(&c.build, "a", 2, dims);
	add_input(&c.build, "b", 2, dims);
	build_node(&c.build, "Sub", "a b", "y");
	build_node(&c.build, "Neg", "a", "z");
	build_output(&c.build, "y");
	build_output(&c.build, "z");
	plan_case(&c, *state);
	for (run = 0; run < 2; run++) {
		((float *)c.inputs[run].data)[77] += 1;
		check_case(&c, *state);
	}
	assert_non_null(c.plan->stage);
	assert_int_equal(c.plan->traffic.uploaded, 2 * 3 * 1001 * 4);
	assert_int_equal(c.plan->traffic.downloaded, 2 * 3 * 1001 * 4);
	end_case(&c);
}

/* If that would be too much, they go in pieces. */
static void test_large_ports(void **state)
{
	const int64_t start = 1000000, end = 1000005, axis = 1;

	begin_case(&c, OPSET);
	build_input(&c.build, "a", NN_I64, "3 1048576");
	build_ints(&c.build, "starts", 1, &start);
	build_ints(&c.build, "ends", 1, &end);
	build_ints(&c.build, "axes", 1, &axis);
	build_node(&c.build, "Slice", "a starts ends axes", "y");
	build_output(&c.build, "y");
	plan_case(&c, *state);
	check_case(&c, *state);
	assert_null(c.plan->stage);
	assert_int_equal(c.plan->traffic.uploaded, (8 * 3) << 20);
	end_case(&c);
}

static void test_profile(void **state)
{
	struct card *card = *state;
	uint64_t macs = 0, cycles = 0, counted = 0;
	struct nn_measure *measures;
	size_t i;

	build_perceptron();
	plan_case(&c, card);
	measures = calloc(c.plan->step_count, sizeof(*measures));
	assert_int_equal(nn_plan_profile(c.plan, card->stream, c.inputs, c.outputs, measures), 0);
	for (i = 0; i < c.plan->step_count; i++) {
		macs += c.plan->steps[i].macs;
		counted += measures[i].profile.macs;
		cycles += measures[i].profile.cycles;
	}
	assert_int_equal(macs, 5 * (96 * 64 + 64 * 32 + 32 * 10));
	assert_int_equal(counted, macs);
	assert_in_range(cycles, 1, 1000000);
	free(measures);
	nn_tensor_release(&c.outputs[0]);
	end_case(&c);
}

static void test_wrong_inputs(void **state)
{
	struct card *card = *state;
	struct nn_tensor wrong;

	build_perceptron();
	plan_case(&c, card);
	wrong = c.inputs[0];
	wrong.shape.dims[0] = 4;
	assert_int_equal(nn_plan_run(c.plan, card->stream, &wrong, c.outputs), -EINVAL);
	wrong = c.inputs[0];
	wrong.type = NN_I32;
	assert_int_equal(nn_plan_run(c.plan, card->stream, &wrong, c.outputs), -EINVAL);
	check_case(&c, card);
	end_case(&c);
}

/* Sizes that are not known cannot be planned for. */
static void test_unknown_sizes(void **state)
{
	struct card *card = *state;
	struct nn_plan *plan;
	size_t size;

	begin_case(&c, OPSET);
	build_input(&c.build, "x", NN_F32, "N 4");
	build_node(&c.build, "Relu", "x", "y");
	build_output(&c.build, "y");
	c.file = build_pack(&c.build, &size);
	assert_int_equal(nn_onnx_read("the test", c.file, size, -1, &c.model), 0);
	assert_int_equal(nn_facts_init(&c.facts, c.model), 0);
	assert_int_equal(nn_facts_infer(&c.facts), 0);
	assert_int_equal(nn_card_create(c.model, card->context, card->device, &c.card), 0);
	assert_int_equal(nn_plan_create(c.card, &c.facts, &plan), -EINVAL);
	nn_card_free(c.card);
	nn_facts_release(&c.facts);
	nn_model_free(c.model);
	free(c.file);
	build_release(&c.build);
}

/* Plans of one card share the weights. */
static void test_shared_weights(void **state)
{
	struct card *card = *state;
	struct nn_plan *other;
	uint64_t bytes;

	build_perceptron();
	plan_case(&c, card);
	bytes = c.card->weight_bytes;
	assert_true(bytes > 0);
	assert_int_equal(nn_plan_create(c.card, &c.facts, &other), 0);
	assert_int_equal(c.card->weight_bytes, bytes);
	nn_plan_free(other);
	check_case(&c, card);
	end_case(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CARD_TEST(test_perceptron),
		CARD_TEST(test_residual),
		CARD_TEST(test_host_between),
		CARD_TEST(test_graphs_between),
		CARD_TEST(test_memory),
		CARD_TEST(test_ports),
		CARD_TEST(test_large_ports),
		CARD_TEST(test_profile),
		CARD_TEST(test_wrong_inputs),
		CARD_TEST(test_unknown_sizes),
		CARD_TEST(test_shared_weights),
	};

	return cmocka_run_group_tests(tests, open_card, close_card);
}
