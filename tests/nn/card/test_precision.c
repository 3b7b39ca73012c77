// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Models of float32 that run in fewer bits. */
#include "case.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <accel/nn.h>
#include <egret/tile.h>
#include <libaccel/kernels/nn.h>

#define OPSET	17

static struct test_case c;

static const struct precision {
	enum nn_type type;
	double deviation;	/* of one product */
	enum egret_type a, b;	/* of weights and others that a convolution reads */
} precisions[] = {
	{ NN_BF16, 6e-3, EGRET_TYPE_BF16, EGRET_TYPE_BF16 },
	{ NN_F16, 8e-4, EGRET_TYPE_F16, EGRET_TYPE_F16 },
	{ NN_I8, 2e-2, EGRET_TYPE_S8, EGRET_TYPE_U8 },
};
#define PRECISIONS	(sizeof(precisions) / sizeof(precisions[0]))

static void begin(const struct precision *p, double products)
{
	begin_case(&c, OPSET);
	c.precision = p->type;
	c.deviation = p->deviation * products;
}

static const struct egret_nn_product_args *product_of(size_t item)
{
	assert_int_equal(c.plan->items[item].kind, NN_LAUNCH);
	assert_int_equal(c.plan->items[item].kernel, NN_KERNEL_PRODUCT);
	return c.plan->items[item].args;
}

/* ---- Products ---- */

static void test_matmul(void **state)
{
	size_t i, k;

	for (k = 0; k < PRECISIONS; k++) {
		for (i = 0; i < 8; i++) {
			int64_t m = 1 + any(i < 6 ? 40 : 100), n = 1 + any(100), d = 8 + any(100);
			int64_t a[3] = { 1 + any(3), m, d }, b[3] = { 1, d, n };

			begin(&precisions[k], 1);
			add_input(&c.build, "a", 3, a);
			b[0] = a[0];
			if (i & 1)
				add_input(&c.build, "b", 3, b);
			else
				add_weights(&c.build, "b", 2, b + 1);
			build_node(&c.build, "MatMul", "a b", "y");
			build_output(&c.build, "y");
			run_case(&c, *state);
		}
	}
}

static void test_gemm(void **state)
{
	size_t i, k;

	for (k = 0; k < PRECISIONS; k++) {
		for (i = 0; i < 8; i++) {
			int64_t m = 1 + any(90), d = 8 + any(150), n = 1 + any(90);
			int64_t a[2] = { i & 1 ? d : m, i & 1 ? m : d };
			int64_t b[2] = { i & 2 ? n : d, i & 2 ? d : n };
			Onnx__NodeProto *node;

			begin(&precisions[k], 1);
			add_input(&c.build, "a", 2, a);
			add_weights(&c.build, "b", 2, b);
			add_weights(&c.build, "c", 1, &n);
			node = build_node(&c.build, "Gemm", "a b c", "g");
			build_int(&c.build, node, "transA", i & 1);
			build_int(&c.build, node, "transB", i >> 1 & 1);
			if (i & 4)
				add_float(&c.build, node, "alpha", 0.5f);
			build_node(&c.build, "Tanh", "g", "t");
			build_node(&c.build, "Add", "t c", "y");
			build_output(&c.build, "y");
			run_case(&c, *state);
		}
	}
}

static void build_conv(int i, bool transposed, const char *to)
{
	int64_t groups = i & 1 ? 2 : 1, in[4] = { 2, 24, 4 + any(4), 9 + any(20) };
	int64_t weights[4] = { transposed ? 24 : 40, (transposed ? 40 : 24) / groups,
			       1 + any(3), 1 + any(3) };
	int64_t pads[4] = { any(2), any(2), any(2), any(2) }, strides[2] = { 1 + any(2), 1 + any(2) };
	int64_t dilations[2] = { 1 + any(2), 1 }, bias = 40;
	Onnx__NodeProto *node;

	add_input(&c.build, "x", 4, in);
	add_weights(&c.build, "w", 4, weights);
	add_weights(&c.build, "b", 1, &bias);
	node = build_node(&c.build, transposed ? "ConvTranspose" : "Conv", "x w b", to);
	build_int(&c.build, node, "group", groups);
	add_ints(&c.build, node, "strides", 2, strides);
	add_ints(&c.build, node, "dilations", 2, dilations);
	add_ints(&c.build, node, "pads", 4, pads);
}

static void test_conv(void **state)
{
	size_t k;
	int i;

	for (k = 0; k < PRECISIONS; k++) {
		for (i = 0; i < 12; i++) {
			begin(&precisions[k], 1);
			build_conv(i, i % 3 == 2, "y");
			build_output(&c.build, "y");
			run_case(&c, *state);
		}
	}
}

/* Weights whose channels are of very different sizes: each has a scale of its own. */
static void test_channels(void **state)
{
	const int64_t in[4] = { 1, 16, 8, 8 }, w[4] = { 32, 16, 3, 3 }, sizes[4] = { 32, 1, 1, 1 };
	size_t k;

	for (k = 0; k < PRECISIONS; k++) {
		Onnx__TensorProto *tensor;
		size_t i;

		begin(&precisions[k], 1);
		add_input(&c.build, "x", 4, in);
		add_weights(&c.build, "w", 4, w);
		add_weights(&c.build, "back", 4, sizes);
		tensor = c.build.tensors[0];
		for (i = 0; i < 32 * 16 * 9; i++)
			((float *)tensor->raw_data.data)[i] *= i / (16 * 9) % 2 ? 1e-4f : 1;
		tensor = c.build.tensors[1];
		for (i = 0; i < 32; i++)
			((float *)tensor->raw_data.data)[i] = i % 2 ? 1e4f : 1;
		build_node(&c.build, "Conv", "x w", "conv");
		/* The small channels count as much as the others. */
		build_node(&c.build, "Reshape", "back shape", "by_channel");
		build_ints(&c.build, "shape", 4, (const int64_t[]){ 1, 32, 1, 1 });
		build_node(&c.build, "Mul", "conv by_channel", "y");
		build_output(&c.build, "y");
		run_case(&c, *state);
	}
}

/* ---- Networks ---- */

/* Convolutions, with all that usually lies between them. */
static void build_network(void)
{
	const int64_t in[4] = { 1, 3, 12, 20 }, w1[4] = { 24, 3, 3, 3 }, w2[4] = { 24, 1, 3, 3 };
	const int64_t w3[4] = { 24, 24, 1, 1 }, w4[4] = { 40, 48, 1, 1 }, channels = 24;
	const int64_t pads[4] = { 1, 1, 1, 1 }, two[2] = { 2, 2 }, perm[3] = { 0, 2, 1 };
	const int64_t w5[2] = { 40, 50 }, shape[3] = { 1, 40, -1 };
	struct build *b = &c.build;
	Onnx__NodeProto *node;

	add_input(b, "x", 4, in);
	add_weights(b, "w1", 4, w1);
	add_weights(b, "b1", 1, &channels);
	add_weights(b, "w2", 4, w2);
	add_weights(b, "w3", 4, w3);
	add_weights(b, "w4", 4, w4);
	add_weights(b, "w5", 2, w5);
	build_ints(b, "shape", 3, shape);
	node = build_node(b, "Conv", "x w1 b1", "c1");
	add_ints(b, node, "pads", 4, pads);
	build_node(b, "HardSwish", "c1", "r1");
	node = build_node(b, "Conv", "r1 w2", "c2");
	add_ints(b, node, "pads", 4, pads);
	build_int(b, node, "group", 24);
	build_node(b, "Relu", "c2", "r2");
	build_node(b, "Conv", "r2 w3", "c3");
	build_node(b, "Add", "c3 r1", "s3");
	build_int(b, build_node(b, "Concat", "s3 r2", "both"), "axis", 1);
	node = build_node(b, "MaxPool", "both", "p");
	add_ints(b, node, "kernel_shape", 2, two);
	add_ints(b, node, "strides", 2, two);
	build_node(b, "Conv", "p w4", "c4");
	build_node(b, "Relu", "c4", "r4");
	build_node(b, "Reshape", "r4 shape", "flat");
	add_ints(b, build_node(b, "Transpose", "flat", "turned"), "perm", 3, perm);
	build_node(b, "MatMul", "turned w5", "m");
	build_node(b, "ReduceMean", "m", "mean");
	build_node(b, "Sub", "m mean", "y");
	build_output(b, "y");
}

static void test_network(void **state)
{
	size_t k;

	for (k = 0; k < PRECISIONS; k++) {
		begin(&precisions[k], 6);
		build_network();
		run_case(&c, *state);
	}
}

/* ---- What is in memory ---- */

/* Between operators that do not mind there is nothing but narrow elements. */
static void test_held(void **state)
{
	size_t k, i;

	for (k = 0; k < 2; k++) {
		uint64_t peak;

		begin(&precisions[k], 6);
		build_network();
		plan_case(&c, *state);
		for (i = 0; i < c.plan->item_count; i++) {
			if (c.plan->items[i].kernel != NN_KERNEL_PRODUCT)
				continue;
			assert_int_equal(product_of(i)->a_type, precisions[k].a);
			assert_int_equal(product_of(i)->b_type, precisions[k].b);
		}
		peak = c.plan->peak;
		end_case(&c);

		begin_case(&c, OPSET);
		build_network();
		plan_case(&c, *state);
		assert_in_range(peak, 1, c.plan->peak * 7 / 10);
		end_case(&c);
	}
}

/* One convolution behind the other: what lies between is integers, and stored once. */
static void test_integers_between(void **state)
{
	const int64_t in[4] = { 1, 16, 10, 10 }, w[4] = { 16, 16, 1, 1 };
	const struct egret_nn_program *program;

	begin(&precisions[2], 2);
	add_input(&c.build, "x", 4, in);
	add_weights(&c.build, "w", 4, w);
	build_node(&c.build, "Conv", "x w", "c1");
	build_node(&c.build, "Relu", "c1", "r");
	build_node(&c.build, "Conv", "r w", "y");
	build_output(&c.build, "y");
	plan_case(&c, *state);
	/* The input is converted first. */
	assert_int_equal(launches_of(&c), 3);
	program = &product_of(1)->program;
	assert_int_equal(program->steps, 0);
	assert_int_equal(program->operands, 1);
	assert_int_equal(program->reg[0].type, EGRET_TYPE_U8);
	check_case(&c, *state);
	end_case(&c);
}

/* A value that others need as it is, is stored twice. */
static void test_integers_beside(void **state)
{
	const int64_t in[4] = { 1, 16, 10, 10 }, w[4] = { 16, 16, 3, 3 }, pads[4] = { 1, 1, 1, 1 };

	begin(&precisions[2], 2);
	add_input(&c.build, "x", 4, in);
	add_weights(&c.build, "w", 4, w);
	add_ints(&c.build, build_node(&c.build, "Conv", "x w", "c1"), "pads", 4, pads);
	add_ints(&c.build, build_node(&c.build, "Conv", "c1 w", "c2"), "pads", 4, pads);
	build_node(&c.build, "Add", "c1 c2", "y");
	build_output(&c.build, "y");
	plan_case(&c, *state);
	assert_int_equal(launches_of(&c), 3);
	assert_int_equal(product_of(1)->program.operands, 2);
	check_case(&c, *state);
	end_case(&c);
}

/* A product that the card leaves to the host finds what it needs, whatever is in memory. */
static void test_host_between(void **state)
{
	const int64_t in[4] = { 1, 8, 6, 6 }, w[4] = { 8, 8, 1, 1 }, more[5] = { 8, 8, 1, 1, 1 };
	const int64_t apart[5] = { 1, 8, 6, 6, 1 };
	size_t k;

	for (k = 0; k < PRECISIONS; k++) {
		begin(&precisions[k], 3);
		add_input(&c.build, "x", 4, in);
		add_weights(&c.build, "w", 4, w);
		add_weights(&c.build, "more", 5, more);
		build_ints(&c.build, "apart", 5, apart);
		build_ints(&c.build, "back", 4, in);
		build_node(&c.build, "Conv", "x w", "c1");
		build_node(&c.build, "Reshape", "c1 apart", "r1");
		build_node(&c.build, "Conv", "r1 more", "c2");
		build_node(&c.build, "Reshape", "c2 back", "r2");
		build_node(&c.build, "Conv", "r2 w", "y");
		build_output(&c.build, "y");
		c.host_allowed = true;
		run_case(&c, *state);
	}
}

/* ---- Time ---- */

static uint64_t cycles_of(struct card *card, const struct precision *p)
{
	const int64_t square[2] = { 1024, 1024 };
	struct accel_profile_data sum = { .cycles = 0 };
	struct nn_measure *measures;
	size_t i;

	begin_case(&c, OPSET);
	c.precision = p ? p->type : NN_UNDEFINED;
	c.assumed = true;
	add_input(&c.build, "a", 2, square);
	add_weights(&c.build, "b", 2, square);
	build_node(&c.build, "MatMul", "a b", "y");
	build_output(&c.build, "y");
	plan_case(&c, card);
	measures = calloc(c.plan->step_count, sizeof(*measures));
	assert_non_null(measures);
	assert_int_equal(nn_plan_profile(c.plan, card->stream, c.inputs, c.outputs, measures), 0);
	for (i = 0; i < c.plan->step_count; i++) {
		sum.cycles += measures[i].profile.cycles;
		sum.macs += measures[i].profile.macs;
	}
	free(measures);
	assert_int_equal(sum.macs, 1ull << 30);
	nn_tensor_release(&c.outputs[0]);
	end_case(&c);
	return sum.cycles;
}

/* What the matrix engine bounds takes less time in fewer bits, as the chip is modelled. */
static void test_cycles(void **state)
{
	uint64_t all = cycles_of(*state, NULL);

	assert_in_range(cycles_of(*state, &precisions[0]), 1, all * 6 / 10);
	assert_in_range(cycles_of(*state, &precisions[1]), 1, all * 6 / 10);
	assert_in_range(cycles_of(*state, &precisions[2]), 1, all * 3 / 10);
}

/* ---- Calibration ---- */

static void test_not_calibrated(void **state)
{
	struct card *card = *state;
	const int64_t square[2] = { 8, 8 };
	struct nn_plan *plan;
	size_t i;

	begin_case(&c, OPSET);
	add_input(&c.build, "a", 2, square);
	add_weights(&c.build, "b", 2, square);
	build_node(&c.build, "MatMul", "a b", "y");
	build_output(&c.build, "y");
	plan_case(&c, card);
	/* In float32 it runs; in int8 it can't, and after a plan nothing can be calibrated. */
	c.card->precision = NN_I8;
	assert_int_equal(nn_plan_create(c.card, &c.facts, &plan), -EINVAL);
	assert_int_equal(nn_calibrate(c.card, &c.facts), -EBUSY);
	for (i = 0; i < c.plan->input_count; i++)
		assert_non_null(c.inputs[i].data);
	end_case(&c);
}

/* ---- The program's interface ---- */

static struct accel_nn_tensor eight_by(float *data)
{
	return (struct accel_nn_tensor){
		.size = sizeof(struct accel_nn_tensor), .type = ACCEL_NN_FLOAT32, .rank = 2,
		.dims = { 8, 8 }, .data = data, .bytes = 64 * sizeof(*data),
	};
}

static void build_square(size_t *size)
{
	const int64_t square[2] = { 8, 8 };

	begin_case(&c, OPSET);
	add_input(&c.build, "a", 2, square);
	add_weights(&c.build, "b", 2, square);
	build_node(&c.build, "MatMul", "a b", "y");
	build_output(&c.build, "y");
	c.file = build_pack(&c.build, size);
	build_release(&c.build);
}

static void test_refuse_options(void **state)
{
	struct card *card = *state;
	struct accel_nn_load_options options = {
		.size = sizeof(options), .precision = ACCEL_NN_IN_BFLOAT16,
	};
	struct accel_nn_model *model;
	struct accel_nn_job *job;
	size_t size;

	build_square(&size);
	assert_int_equal(accel_nn_load_memory(c.file, size, &options, &model), -EINVAL);
	options.context = card->context;
	options.device = card->device;
	options.precision = 4;
	assert_int_equal(accel_nn_load_memory(c.file, size, &options, &model), -EINVAL);
	options.precision = ACCEL_NN_IN_BFLOAT16;
	assert_int_equal(accel_nn_load_memory(c.file, size, &options, &model), 0);
	assert_int_equal(accel_nn_job_create(model, &job), 0);
	assert_int_equal(accel_nn_calibrate(job), -EINVAL);
	accel_nn_job_destroy(job);
	accel_nn_unload(model);
	free(c.file);
}

static void test_calibrate(void **state)
{
	struct card *card = *state;
	const struct accel_nn_load_options options = {
		.size = sizeof(options), .context = card->context, .device = card->device,
		.precision = ACCEL_NN_IN_INT8,
	};
	struct accel_nn_tensor exact = { .size = sizeof(exact) }, found = { .size = sizeof(found) };
	struct accel_nn_tensor input;
	struct accel_nn_model *model;
	struct accel_nn_job *job;
	float a[64], wanted[64], off = 0;
	size_t size, i;

	build_square(&size);
	for (i = 0; i < 64; i++)
		a[i] = any_float();
	input = eight_by(a);
	assert_int_equal(accel_nn_load_memory(c.file, size, &options, &model), 0);
	assert_int_equal(accel_nn_job_create(model, &job), 0);
	assert_int_equal(accel_nn_calibrate(job), -EINVAL);
	assert_int_equal(accel_nn_bind_input(job, 0, &input), 0);
	assert_int_equal(accel_nn_run(job, NULL), -EINVAL);
	assert_non_null(strstr(accel_last_error()->message, "calibrated"));
	assert_int_equal(accel_nn_calibrate(job), 0);
	assert_int_equal(accel_nn_calibrate(job), 0);
	assert_int_equal(accel_nn_get_result(job, 0, &exact), 0);
	memcpy(wanted, exact.data, sizeof(wanted));
	assert_int_equal(accel_nn_run(job, NULL), 0);
	assert_int_equal(accel_nn_get_result(job, 0, &found), 0);
	for (i = 0; i < 64; i++)
		off = fmaxf(off, fabsf(wanted[i] - ((float *)found.data)[i]));
	assert_true(off > 0 && off < 0.05f);
	/* What runs relies on the ranges. */
	assert_int_equal(accel_nn_calibrate(job), -EBUSY);
	accel_nn_job_destroy(job);
	accel_nn_unload(model);
	free(c.file);
}

/*
 * The lowest float32 hides what must not be looked at. The narrow types have not got it, and it must
 * not become infinity: rows of which all is hidden would be no numbers.
 */
static void test_lowest(void **state)
{
	size_t k;

	for (k = 0; k < 2; k++) {
		begin(&precisions[k], 1);
		add_input(&c.build, "x", 3, (int64_t[]){ 3, 8, 40 });
		add_input(&c.build, "w", 2, (int64_t[]){ 40, 16 });
		add_input(&c.build, "h", 2, (int64_t[]){ 8, 1 });
		add_number(&c.build, "lowest", -3.4028234663852886e+38f);
		add_number(&c.build, "half", 0.5f);
		/* In memory, and read by two. */
		build_node(&c.build, "Greater", "h half", "hidden");
		build_int(&c.build, build_node(&c.build, "Cast", "hidden", "part"), "to", NN_F32);
		build_node(&c.build, "Mul", "part lowest", "mask");
		build_node(&c.build, "Transpose", "mask", "turned");
		build_node(&c.build, "Transpose", "turned", "again");
		build_node(&c.build, "MatMul", "x w", "scores");
		build_node(&c.build, "Add", "scores again", "masked");
		build_node(&c.build, "Softmax", "masked", "y");
		build_output(&c.build, "y");
		run_case(&c, *state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CARD_TEST(test_matmul),
		CARD_TEST(test_gemm),
		CARD_TEST(test_conv),
		CARD_TEST(test_channels),
		CARD_TEST(test_network),
		CARD_TEST(test_held),
		CARD_TEST(test_integers_between),
		CARD_TEST(test_integers_beside),
		CARD_TEST(test_host_between),
		CARD_TEST(test_cycles),
		CARD_TEST(test_not_calibrated),
		CARD_TEST(test_refuse_options),
		CARD_TEST(test_calibrate),
		CARD_TEST(test_lowest),
	};

	return cmocka_run_group_tests(tests, open_card, close_card);
}
