// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * What operators refuse. That they compute the right thing is the matter of ONNX's own cases
 * (conformance.c), which are all sound.
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
#include <libaccel/nn/infer.h>
#include <libaccel/nn/onnx.h>

#include "build.h"

#define TYPE(name)	ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name

/* A node with inputs of float32, a text and a number as attributes, and what is said of it. */
struct refusal {
	const char *type;
	int opset;
	const char *inputs[4];		/* sizes; elements are 0 */
	const char *text_name, *text;
	const char *int_name;
	int64_t value;
	const char *error;
};

static const struct refusal refusals[] = {
	{ "Attention", 23, { "1 2 3 8", "1 2 5 8", "1 2 4 8" }, NULL, NULL, NULL, 0,
	  "its queries, keys and values do not fit each other" },
	{ "Attention", 23, { "1 3 3 8", "1 2 5 8", "1 2 5 8" }, NULL, NULL, NULL, 0,
	  "its 3 heads of queries do not share 2 heads of keys" },
	{ "Attention", 23, { "1 3 8", "1 5 8", "1 5 8" }, NULL, NULL, "q_num_heads", 3,
	  "its input Q has 8 numbers for 3 heads" },
	{ "RotaryEmbedding", 23, { "1 2 3 8", "1 3 3", "1 3 3" }, NULL, NULL, NULL, 0,
	  "its caches of sines and cosines do not fit" },
	{ "LSTM", 14, { "5 1 4", "1 12 4", "1 12 3" }, NULL, NULL, "hidden_size", 4,
	  "its input W has shape [1, 12, 4], which does not fit" },
	{ "GRU", 14, { "5 1 4", "1 9 4", "1 9 3" }, "direction", "sideways", NULL, 0,
	  "its direction is something that ONNX does not have" },
	{ "Resize", 19, { "1 1 4 4" }, NULL, NULL, NULL, 0, "it has neither scales nor sizes" },
	{ "Resize", 19, { "1 1 4 4" }, "mode", "sharp", NULL, 0,
	  "its mode is something that ONNX does not have" },
	{ "GridSample", 20, { "1 1 4 4", "1 2 2 3" }, NULL, NULL, NULL, 0,
	  "its grid does not fit its input" },
	{ "Einsum", 12, { "2 3", "4 5" }, "equation", "ij,jk->ik", NULL, 0,
	  "its equation gives sizes 3 and 4 the same name" },
	{ "Einsum", 12, { "2 3" }, "equation", "ij->k", NULL, 0,
	  "its equation 'ij->k' does not fit its inputs" },
	{ "Einsum", 12, { "2 3" }, "equation", "i?", NULL, 0, "does not fit its inputs" },
	{ "Det", 11, { "2 3" }, NULL, NULL, NULL, 0, "its input is not of square matrices" },
	{ "PRelu", 16, { "3", "2 3" }, NULL, NULL, NULL, 0, "its slope has 2 dimensions, its input 1" },
	{ "LpPool", 18, { "1 1 4" }, NULL, NULL, "p", 0, "its attribute kernel_shape is missing" },
	{ "DFT", 20, { "1 4 3" }, NULL, NULL, NULL, 0, "neither real nor complex numbers" },
	{ "SequenceAt", 13, { "3", "1" }, NULL, NULL, NULL, 0, "its input input_sequence is a tensor" },
};

static const char *const names[] = { "a", "b", "c", "d" };

/* Reading or inferring fails. */
static int try_node(struct build *b)
{
	struct nn_model *model;
	struct nn_facts facts;
	uint8_t *file;
	size_t size;
	int ret;

	file = build_pack(b, &size);
	ret = nn_onnx_read("cannot read the model", file, size, -1, &model);
	if (!ret) {
		ret = nn_facts_init(&facts, model);
		assert_int_equal(ret, 0);
		ret = nn_facts_infer(&facts);
		nn_facts_release(&facts);
		nn_model_free(model);
	}
	free(file);
	return ret;
}

static void check(const struct refusal *r)
{
	Onnx__AttributeProto *attr;
	Onnx__NodeProto *node;
	char inputs[32] = "";
	struct build b;
	int i, ret;

	build_init(&b, r->opset);
	for (i = 0; i < 4 && r->inputs[i]; i++) {
		build_input(&b, names[i], NN_F32, r->inputs[i]);
		strcat(inputs, i ? " " : "");
		strcat(inputs, names[i]);
	}
	node = build_node(&b, r->type, inputs, "y");
	if (r->text) {
		attr = build_attr(&b, node, r->text_name, TYPE(STRING));
		attr->has_s = 1;
		attr->s = (ProtobufCBinaryData){ strlen(r->text), (uint8_t *)r->text };
	}
	if (r->int_name)
		build_int(&b, node, r->int_name, r->value);
	build_output(&b, "y");
	ret = try_node(&b);
	if (ret != -EINVAL || !strstr(accel_last_error()->message, r->error))
		print_error("%s: %d: %s\n", r->type, ret, ret ? accel_last_error()->message : "fine");
	assert_int_equal(ret, -EINVAL);
	assert_non_null(strstr(accel_last_error()->message, r->error));
	build_release(&b);
}

static void test_refusals(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		check(&refusals[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
