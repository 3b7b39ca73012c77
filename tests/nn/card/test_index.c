// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Gathering and scattering by indices of several dimensions, which are known or computed. */
#include "case.h"

#include <stdlib.h>

#define OPSET	17

static struct test_case c;

/*
 * A value "i" of indices: a constant, or the same computed from an input, so that nobody knows
 * it before the model runs.
 */
static void add_indices(struct build *b, int rank, const int64_t *dims, const int64_t *indices,
			bool computed)
{
	Onnx__TensorProto *tensor;
	size_t count = 1;
	int i;

	for (i = 0; i < rank; i++)
		count *= (size_t)dims[i];
	tensor = build_ints(b, computed ? "known" : "i", count, indices);
	tensor->n_dims = (size_t)rank;
	tensor->dims = build_alloc(b, (size_t)(rank + 1) * sizeof(*dims));
	for (i = 0; i < rank; i++)
		tensor->dims[i] = dims[i];
	if (!computed)
		return;
	build_ints(b, "zero", 1, (int64_t[1]){ 0 });
	build_input(b, "n", NN_I64, "1");
	build_node(b, "Mul", "n zero", "nothing");
	build_node(b, "Add", "known nothing", "i");
}

/* Numbers below `size`, each once, and some of them counted from the end. */
static void any_order(int64_t *numbers, size_t size)
{
	size_t i, k;

	for (i = 0; i < size; i++) {
		k = any((uint32_t)(i + 1));
		numbers[i] = numbers[k];
		numbers[k] = (int64_t)i;
	}
	for (i = 0; i < size; i++)
		if (!any(3))
			numbers[i] -= (int64_t)size;
}

static void test_gather_elements(void **state)
{
	const int64_t data[3] = { 5, 9, 33 }, index[3] = { 4, 70, 31 };
	int64_t *indices = calloc(4 * 70 * 31, sizeof(*indices));
	size_t i;
	int computed;

	for (i = 0; i < 4 * 70 * 31; i++)
		indices[i] = (int64_t)any(18) - 9;
	for (computed = 0; computed < 2; computed++) {
		begin_case(&c, OPSET);
		add_input(&c.build, "x", 3, data);
		add_indices(&c.build, 3, index, indices, computed);
		build_int(&c.build, build_node(&c.build, "GatherElements", "x i", "y"), "axis", 1);
		build_output(&c.build, "y");
		run_case(&c, *state);
	}
	free(indices);
}

static void test_gather_nd(void **state)
{
	const int64_t data[4] = { 3, 6, 7, 21 }, index[3] = { 3, 25, 2 };
	int64_t indices[3 * 25 * 2];
	int computed, batch;
	size_t i;

	for (i = 0; i < 3 * 25 * 2; i++)
		indices[i] = i % 2 ? (int64_t)any(6) - 3 : -(int64_t)any(3) - 1;
	for (computed = 0; computed < 2; computed++) {
		for (batch = 0; batch < 2; batch++) {
			begin_case(&c, OPSET);
			add_input(&c.build, "x", 4, data);
			add_indices(&c.build, 3, index, indices, computed);
			build_int(&c.build, build_node(&c.build, "GatherND", "x i", "y"), "batch_dims",
				  batch);
			build_output(&c.build, "y");
			run_case(&c, *state);
		}
	}
}

static void test_scatter_elements(void **state)
{
	const int64_t data[2] = { 40, 50 }, index[2] = { 17, 50 };
	int64_t column[40], indices[17 * 50];
	size_t i, k;
	int computed;

	for (k = 0; k < 50; k++) {
		any_order(column, 40);
		for (i = 0; i < 17; i++)
			indices[i * 50 + k] = column[i];
	}
	for (computed = 0; computed < 2; computed++) {
		begin_case(&c, OPSET);
		add_input(&c.build, "x", 2, data);
		add_input(&c.build, "u", 2, index);
		add_indices(&c.build, 2, index, indices, computed);
		build_int(&c.build, build_node(&c.build, "ScatterElements", "x i u", "s"), "axis", 0);
		build_node(&c.build, "Neg", "s", "y");
		build_output(&c.build, "y");
		run_case(&c, *state);
	}
}

/* Whole rows, by two numbers each. */
static void test_scatter_nd(void **state)
{
	const int64_t data[3] = { 12, 9, 77 }, updates[2] = { 50, 77 }, index[2] = { 50, 2 };
	int64_t places[12 * 9], indices[50 * 2];
	int computed;
	size_t i;

	any_order(places, 12 * 9);
	for (i = 0; i < 50; i++) {
		const int64_t place = places[i] < 0 ? places[i] + 12 * 9 : places[i];

		indices[2 * i] = place / 9 - (places[i] < 0 ? 12 : 0);
		indices[2 * i + 1] = place % 9;
	}
	for (computed = 0; computed < 2; computed++) {
		begin_case(&c, OPSET);
		add_input(&c.build, "x", 3, data);
		add_input(&c.build, "u", 2, updates);
		add_indices(&c.build, 2, index, indices, computed);
		build_node(&c.build, "ScatterND", "x i u", "y");
		build_output(&c.build, "y");
		run_case(&c, *state);
	}
}

/* Indices that name all places in order leave nothing to do. */
static void test_scatter_all(void **state)
{
	const int64_t data[2] = { 3, 4 }, index[3] = { 3, 4, 2 };
	int64_t indices[24];
	size_t i;

	for (i = 0; i < 24; i++)
		indices[i] = i % 2 ? (int64_t)i / 2 % 4 : (int64_t)i / 8;
	begin_case(&c, OPSET);
	add_input(&c.build, "x", 2, data);
	add_input(&c.build, "u", 2, data);
	add_indices(&c.build, 3, index, indices, false);
	build_node(&c.build, "ScatterND", "x i u", "s");
	build_node(&c.build, "Neg", "s", "y");
	build_output(&c.build, "y");
	plan_case(&c, *state);
	assert_int_equal(launches_of(&c), 1);
	check_case(&c, *state);
	end_case(&c);
}

static const char *const reductions[] = { "add", "mul", "max", "min" };

/* What is put into one place together is combined, with what is there and with each other. */
static void test_scatter_combined(void **state)
{
	const int64_t data[3] = { 5, 4, 33 }, updates[2] = { 40, 33 }, index[2] = { 40, 2 };
	int64_t indices[80];
	size_t i, k;

	for (i = 0; i < 80; i++)
		indices[i] = i % 2 ? (int64_t)any(4) : (int64_t)any(8) - 4;
	for (k = 0; k < 8; k++) {
		begin_case(&c, OPSET);
		add_input(&c.build, "x", 3, data);
		add_input(&c.build, "u", 2, updates);
		add_indices(&c.build, 2, index, indices, k & 1);
		add_text(&c.build, build_node(&c.build, "ScatterND", "x i u", "y"), "reduction",
			 reductions[k / 2]);
		build_output(&c.build, "y");
		run_case(&c, *state);
	}
}

static void test_scatter_elements_combined(void **state)
{
	const int64_t data[3] = { 3, 20, 4 }, index[3] = { 2, 30, 4 };
	int64_t indices[2 * 30 * 4];
	size_t i, k;

	for (i = 0; i < 2 * 30 * 4; i++)
		indices[i] = (int64_t)any(40) - 20;
	for (k = 0; k < 8; k++) {
		Onnx__NodeProto *node;

		begin_case(&c, OPSET);
		add_input(&c.build, "x", 3, data);
		add_input(&c.build, "u", 3, index);
		add_indices(&c.build, 3, index, indices, k & 1);
		node = build_node(&c.build, "ScatterElements", "x i u", "y");
		build_int(&c.build, node, "axis", 1);
		add_text(&c.build, node, "reduction", reductions[k / 2]);
		build_output(&c.build, "y");
		run_case(&c, *state);
	}
}

/* What would take too long, or is no float32, is the host's work, and stays right. */
static void test_scatter_on_host(void **state)
{
	const int64_t data[1] = { 6000 }, updates[1] = { 3000 }, index[2] = { 3000, 1 };
	int64_t indices[3000], i;

	for (i = 0; i < 3000; i++)
		indices[i] = any(6000);
	begin_case(&c, OPSET);
	add_input(&c.build, "x", 1, data);
	add_input(&c.build, "u", 1, updates);
	add_indices(&c.build, 2, index, indices, true);
	add_text(&c.build, build_node(&c.build, "ScatterND", "x i u", "y"), "reduction", "add");
	build_output(&c.build, "y");
	c.host_allowed = true;
	run_case(&c, *state);

	begin_case(&c, OPSET);
	build_input(&c.build, "x", NN_I64, "6000");
	build_input(&c.build, "u", NN_I64, "300");
	add_indices(&c.build, 2, (int64_t[]){ 300, 1 }, indices, true);
	add_text(&c.build, build_node(&c.build, "ScatterND", "x i u", "y"), "reduction", "max");
	build_output(&c.build, "y");
	c.host_allowed = true;
	run_case(&c, *state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CARD_TEST(test_gather_elements),
		CARD_TEST(test_gather_nd),
		CARD_TEST(test_scatter_elements),
		CARD_TEST(test_scatter_nd),
		CARD_TEST(test_scatter_all),
		CARD_TEST(test_scatter_combined),
		CARD_TEST(test_scatter_elements_combined),
		CARD_TEST(test_scatter_on_host),
	};

	return cmocka_run_group_tests(tests, open_card, close_card);
}
