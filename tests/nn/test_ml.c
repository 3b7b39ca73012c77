// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Operators of ai.onnx.ml: what is refused of decision trees, and what classifiers do where ONNX
 * Runtime is not the one to compare with (tests/nn/compare-operators); what is no category; machines
 * whose lists do not fit.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libaccel/error.h>

#include "rig.h"

#define TYPE(name)	ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name
#define NODES_MAX	6

/* Tree 0 is 0 -> (1 -> (2, 3), 4), tree 5 only a leaf. */
static const struct list {
	const char *name;
	size_t count;
	int64_t ints[NODES_MAX];
} lists[] = {
	{ "nodes_treeids", 6, { 0, 0, 0, 0, 0, 5 } },
	{ "nodes_nodeids", 6, { 0, 1, 2, 3, 4, 7 } },
	{ "nodes_featureids", 6, { 1, 0, 0, 0, 0, 0 } },
	{ "nodes_truenodeids", 6, { 1, 2, 0, 0, 0, 0 } },
	{ "nodes_falsenodeids", 6, { 4, 3, 0, 0, 0, 0 } },
	{ "class_treeids", 4, { 0, 0, 0, 5 } },
	{ "class_nodeids", 4, { 2, 3, 4, 7 } },
	{ "class_ids", 4, { 0, 0, 0, 0 } },
};
static const char *const modes[] = { "BRANCH_LEQ", "BRANCH_LT", "LEAF", "LEAF", "LEAF", "LEAF" };
static const float values[] = { 0.5f, 0.25f, 0, 0, 0, 0 };

#define LISTS	(sizeof(lists) / sizeof(lists[0]))

/* What is changed: an element of a list, or (place -1) its length; or the text of an attribute. */
struct change {
	const char *list;
	int place;
	int64_t value;
	const char *text, *error;
};

static void add_floats(struct build *b, Onnx__NodeProto *node, const char *name, size_t count,
		       const float *from)
{
	Onnx__AttributeProto *attr = build_attr(b, node, name, TYPE(FLOATS));

	attr->n_floats = count;
	attr->floats = build_alloc(b, count * sizeof(*from) + 1);
	if (count)
		memcpy(attr->floats, from, count * sizeof(*from));
}

static void add_ints(struct build *b, Onnx__NodeProto *node, const char *name, size_t count,
		     const int64_t *from)
{
	Onnx__AttributeProto *attr = build_attr(b, node, name, TYPE(INTS));

	attr->n_ints = count;
	attr->ints = build_alloc(b, count * sizeof(*from) + 1);
	memcpy(attr->ints, from, count * sizeof(*from));
}

static void add_text(struct build *b, Onnx__NodeProto *node, const char *name, const char *text)
{
	Onnx__AttributeProto *attr = build_attr(b, node, name, TYPE(STRING));

	attr->has_s = 1;
	attr->s = (ProtobufCBinaryData){ strlen(text), (uint8_t *)text };
}

static void add_modes(struct build *b, Onnx__NodeProto *node, const struct change *change)
{
	Onnx__AttributeProto *attr = build_attr(b, node, "nodes_modes", TYPE(STRINGS));
	bool changed = change && !strcmp(change->list, "nodes_modes");
	const char *text;
	size_t i;

	attr->n_strings = changed && change->place < 0 ? (size_t)change->value : NODES_MAX;
	attr->strings = build_alloc(b, NODES_MAX * sizeof(*attr->strings));
	for (i = 0; i < attr->n_strings; i++) {
		text = changed && change->place == (int)i ? change->text : modes[i];
		attr->strings[i] = (ProtobufCBinaryData){ strlen(text), (uint8_t *)text };
	}
}

static Onnx__NodeProto *build_forest(struct build *b, const float *weights, const struct change *change)
{
	struct list list;
	Onnx__NodeProto *node;
	size_t i;

	build_init(b, 3);
	b->opset.domain = (char *)"ai.onnx.ml";
	build_input(b, "x", NN_F32, "3 2");
	node = build_node(b, "TreeEnsembleClassifier", "x", "y z");
	node->domain = (char *)"ai.onnx.ml";
	node->attribute = build_alloc(b, 32 * sizeof(*node->attribute));
	for (i = 0; i < LISTS; i++) {
		list = lists[i];
		if (change && !strcmp(change->list, list.name) && change->place < 0)
			list.count = (size_t)change->value;
		else if (change && !strcmp(change->list, list.name))
			list.ints[change->place] = change->value;
		add_ints(b, node, list.name, list.count, list.ints);
	}
	add_modes(b, node, change);
	add_floats(b, node, "nodes_values", NODES_MAX, values);
	add_floats(b, node, "class_weights", change && !strcmp(change->list, "class_weights") ?
					     (size_t)change->value : 4, weights);
	build_output(b, "y");
	build_output(b, "z");
	return node;
}

/* ---- What is refused ---- */

static const struct change changes[] = {
	{ "nodes_treeids", -1, 0, NULL, "its nodes_treeids are missing" },
	{ "nodes_nodeids", -1, 5, NULL, "it has 6 nodes_treeids, but 5 nodes_nodeids" },
	{ "nodes_modes", -1, 5, NULL, "it has 6 nodes_treeids, but 5 nodes_modes" },
	{ "nodes_nodeids", 3, 1, NULL, "it has two nodes 1 in tree 0" },
	{ "nodes_modes", 1, 0, "BRANCH_\x1b", "node 1 of its tree 0 has mode 'BRANCH_?', which ONNX" },
	{ "nodes_featureids", 1, -1, NULL, "node 1 of its tree 0 asks for feature -1" },
	{ "nodes_featureids", 1, INT64_MAX, NULL, "node 1 of its tree 0 asks for feature 9223" },
	{ "nodes_featureids", 1, 2, NULL, "it asks for feature 2, and its input has 2" },
	{ "nodes_truenodeids", 1, 9, NULL, "node 1 of its tree 0 leads to node 9, which is not there" },
	{ "nodes_falsenodeids", 0, -4, NULL, "node 0 of its tree 0 leads to node -4, which is not" },
	{ "nodes_truenodeids", 0, 7, NULL, "node 0 of its tree 0 leads to node 7, which is not there" },
	{ "nodes_truenodeids", 1, 0, NULL, "node 0 of its tree 0 leads back to itself" },
	{ "nodes_truenodeids", 1, 1, NULL, "node 1 of its tree 0 leads back to itself" },
	{ "nodes_modes", 5, 0, "BRANCH_EQ", "node 7 of its tree 5 leads to node 0, which is not there" },
	{ "class_nodeids", -1, 3, NULL, "it has 4 class_treeids, 3 class_nodeids, 4 class_ids and 4" },
	{ "class_weights", -1, 0, NULL, "4 class_ids and 0 class_weights" },
	{ "class_treeids", 2, 1, NULL, "weight 2 is for node 4 of tree 1, which is not there" },
	{ "class_ids", 3, 2, NULL, "class_ids 3 is 2 of 2" },
	{ "class_ids", 3, -1, NULL, "class_ids 3 is -1 of 2" },
	{ "base_values", -1, 3, NULL, "it has 3 base_values for 2 of its class_ids" },
	{ "post_transform", 0, 0, "SHARPEN", "its post_transform is 'SHARPEN', which ONNX does not have" },
	{ "classlabels_strings", 0, 0, "a", "it has 2 classlabels_int64s and 1 classlabels_strings" },
};

static int try_model(struct build *b)
{
	struct nn_model *model;
	struct nn_facts facts;
	uint8_t *file;
	size_t size;
	int ret;

	file = build_pack(b, &size);
	ret = nn_onnx_read("cannot read the model", file, size, -1, &model);
	if (!ret) {
		assert_int_equal(nn_facts_init(&facts, model), 0);
		ret = nn_facts_infer(&facts);
		nn_facts_release(&facts);
		nn_model_free(model);
	}
	free(file);
	return ret;
}

static void test_refusals(void **state)
{
	static const int64_t labels[] = { 3, 8 };
	static const float weights[4] = { 1, 2, 3, 4 };
	const char *message = accel_last_error()->message;
	Onnx__AttributeProto *attr;
	Onnx__NodeProto *node;
	struct build b;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		node = build_forest(&b, weights, &changes[i]);
		add_ints(&b, node, "classlabels_int64s", 2, labels);
		if (!strcmp(changes[i].list, "base_values"))
			add_floats(&b, node, "base_values", 3, weights);
		if (!strcmp(changes[i].list, "post_transform"))
			add_text(&b, node, "post_transform", changes[i].text);
		if (!strcmp(changes[i].list, "classlabels_strings")) {
			attr = build_attr(&b, node, "classlabels_strings", TYPE(STRINGS));
			attr->n_strings = 1;
			attr->strings = build_alloc(&b, sizeof(*attr->strings));
			attr->strings[0] = (ProtobufCBinaryData){ 1, (uint8_t *)changes[i].text };
		}
		if (try_model(&b) != -EINVAL || !strstr(message, changes[i].error))
			fail_msg("%s %d: %s", changes[i].list, changes[i].place, message);
		assert_non_null(strstr(message, "node 0, TreeEnsembleClassifier"));
		build_release(&b);
	}
}

/* ---- What classifiers answer ---- */

/* Three rows, which end in the leaves 2, 3 and 4 of tree 0. */
static const float rows[6] = { 0, 0, 1, 0, 0, 1 };

struct answer {
	const char *transform;
	float weights[4];		/* of these leaves, and of tree 5's */
	int64_t class;			/* that they are for; -1: for the second, but leaf 2 */
	int64_t labels[3];
	float scores[6];
};

static const struct answer answers[] = {
	/* One score: the other class has the rest to 1, if these can be probabilities. */
	{ "NONE", { 0.125f, 0.5f, 0.75f, 0.125f }, 0, { 3, 8, 8 },
	  { 0.75f, 0.25f, 0.375f, 0.625f, 0.125f, 0.875f } },
	{ "NONE", { -1, 0.25f, 0.5f, 0 }, 0, { 3, 8, 8 }, { 1, -1, -0.25f, 0.25f, -0.5f, 0.5f } },
	/* They are none if they are made ones by the transform, whatever their signs. */
	{ "LOGISTIC", { 0, 1, 2, 0 }, 0, { 3, 8, 8 },
	  { 0.5f, 0.5f, 0.26894143f, 0.7310586f, 0.11920292f, 0.880797f } },
	{ "SOFTMAX", { 0, 1, 2, 0 }, 0, { 3, 8, 8 },
	  { 0.5f, 0.5f, 0.11920292f, 0.880797f, 0.01798621f, 0.98201376f } },
	/* The quantiles of a half and of what is one deviation from it. */
	{ "PROBIT", { 0.5f, 0.84134475f, 0.15865525f, 0 }, 0, { 3, 8, 3 }, { 0, 0, -1, 1, 1, -1 } },
	/* Two scores are compared, the first of equal ones is the best. */
	{ "NONE", { 2, 3, 1, 1 }, -1, { 3, 8, 8 }, { 2, 1, 0, 4, 0, 2 } },
	{ "NONE", { 2, -3, 1, 2 }, -1, { 3, 3, 8 }, { 2, 2, 0, -1, 0, 3 } },
	{ "SOFTMAX_ZERO", { 2, 1, -1, 2 }, -1, { 3, 8, 8 }, { 0.5f, 0.5f, 0, 1, 0, 1 } },
};

static const struct nn_tensor *result(struct rig *r, size_t i)
{
	return nn_contents(&r->facts.facts[r->model->graph->outputs[i]->index]);
}

static void expect_answer(const struct answer *a)
{
	struct nn_tensor x = { NN_F32, { 2, { 3, 2 } }, 6, (void *)rows };
	Onnx__NodeProto *node;
	struct rig r;
	size_t i;

	node = build_forest(&r.b, a->weights, NULL);
	add_ints(&r.b, node, "classlabels_int64s", 2, (const int64_t[]){ 3, 8 });
	add_text(&r.b, node, "post_transform", a->transform);
	if (a->class < 0)
		for (i = 1; i < 4; i++)
			node->attribute[LISTS - 1]->ints[i] = 1;
	read_rig(&r);
	assert_int_equal(nn_facts_set_input(&r.facts, 0, &x), 0);
	assert_int_equal(nn_facts_run(&r.facts), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(nn_get_int(result(&r, 0), i), a->labels[i]);
	for (i = 0; i < 6; i++)
		assert_float_equal(nn_get(result(&r, 1), i), a->scores[i], 1e-6f);
	release_rig(&r);
}

static void test_answers(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		expect_answer(&answers[i]);
}

/* ---- TreeEnsemble ---- */

/* Node 0 -> (leaf 0, node 1 -> (leaf 1, leaf 2)). */
static const struct list ensemble[] = {
	{ "nodes_featureids", 2, { 0, 1 } },
	{ "nodes_truenodeids", 2, { 0, 1 } },
	{ "nodes_trueleafs", 2, { 1, 1 } },
	{ "nodes_falsenodeids", 2, { 1, 2 } },
	{ "nodes_falseleafs", 2, { 0, 1 } },
	{ "tree_roots", 1, { 0 } },
	{ "leaf_targetids", 3, { 0, 0, 0 } },
};

static const struct change ensemble_changes[] = {
	{ "", 0, 0, NULL, NULL },
	{ "nodes_trueleafs", -1, 1, NULL, "its nodes_trueleafs are not as many as its nodes" },
	{ "nodes_featureids", 1, -1, NULL, "its node 1 asks for feature -1" },
	{ "nodes_featureids", 1, 2, NULL, "it asks for feature 2, and its input has 2" },
	{ "nodes_truenodeids", 0, 3, NULL, "its node 0 leads to leaf 3 of 3" },
	{ "nodes_falsenodeids", 0, 2, NULL, "its node 0 leads to node 2 of 2" },
	{ "nodes_falsenodeids", 0, 0, NULL, "its node 0 leads back to itself" },
	{ "nodes_trueleafs", 1, 0, NULL, "its node 1 leads back to itself" },
	{ "tree_roots", 0, 2, NULL, "its tree 0 begins with node 2 of 2" },
	{ "leaf_targetids", 2, 1, NULL, "its leaf 2 is for target 1 of 1" },
	{ "leaf_targetids", -1, 2, NULL, "the lists of its nodes and leaves are of different lengths" },
	{ "nodes_modes", 0, 7, NULL, "its node 1 has mode 7, which ONNX does not have" },
	{ "nodes_modes", 0, 6, NULL, "it has fewer sets of members than nodes that ask" },
};

static void add_tensor(struct build *b, Onnx__NodeProto *node, const char *name, int type, size_t count,
		       const void *data, size_t bytes)
{
	Onnx__AttributeProto *attr = build_attr(b, node, name, TYPE(TENSOR));

	attr->t = build_alloc(b, sizeof(*attr->t));
	onnx__tensor_proto__init(attr->t);
	attr->t->n_dims = 1;
	attr->t->dims = build_alloc(b, sizeof(*attr->t->dims));
	attr->t->dims[0] = (int64_t)count;
	attr->t->has_data_type = 1;
	attr->t->data_type = type;
	attr->t->has_raw_data = 1;
	attr->t->raw_data = (ProtobufCBinaryData){ bytes, (uint8_t *)data };
}

static void build_ensemble(struct build *b, const struct change *change)
{
	static const float splits[2] = { 0.5f, 0.25f }, weights[3] = { 1, 2, 3 };
	uint8_t *asks = build_alloc(b, 2);
	Onnx__NodeProto *node;
	struct list list;
	size_t i;

	b->opset.domain = (char *)"ai.onnx.ml";
	build_input(b, "x", NN_F32, "3 2");
	node = build_node(b, "TreeEnsemble", "x", "y");
	node->domain = (char *)"ai.onnx.ml";
	node->attribute = build_alloc(b, 32 * sizeof(*node->attribute));
	for (i = 0; i < sizeof(ensemble) / sizeof(ensemble[0]); i++) {
		list = ensemble[i];
		if (!strcmp(change->list, list.name) && change->place < 0)
			list.count = (size_t)change->value;
		else if (!strcmp(change->list, list.name))
			list.ints[change->place] = change->value;
		add_ints(b, node, list.name, list.count, list.ints);
	}
	if (!strcmp(change->list, "nodes_modes"))
		asks[1] = (uint8_t)change->value;
	add_tensor(b, node, "nodes_splits", NN_F32, 2, splits, sizeof(splits));
	add_tensor(b, node, "nodes_modes", NN_U8, 2, asks, 2);
	add_tensor(b, node, "leaf_weights", NN_F32, 3, weights, sizeof(weights));
	build_int(b, node, "n_targets", 1);
	build_int(b, node, "post_transform", 2);
	build_output(b, "y");
}

static void test_ensemble_refusals(void **state)
{
	const char *message = accel_last_error()->message;
	const struct change *change;
	struct build b;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ensemble_changes) / sizeof(ensemble_changes[0]); i++) {
		change = &ensemble_changes[i];
		build_init(&b, 5);
		build_ensemble(&b, change);
		if (try_model(&b) != (change->error ? -EINVAL : 0) ||
		    (change->error && !strstr(message, change->error)))
			fail_msg("%s %d: %s", change->list, change->place, message);
		build_release(&b);
	}
}

/* Of a single target, too, a transform is done, which ONNX Runtime does of PROBIT only. */
static void test_ensemble(void **state)
{
	static const float wanted[3] = { 0.7310586f, 0.880797f, 0.95257413f };
	static const float ways[6] = { 0, 0, 1, 0, 1, 1 };
	struct nn_tensor x = { NN_F32, { 2, { 3, 2 } }, 6, (void *)ways };
	struct rig r;
	size_t i;

	(void)state;
	build_init(&r.b, 5);
	build_ensemble(&r.b, &ensemble_changes[0]);
	read_rig(&r);
	assert_int_equal(nn_facts_set_input(&r.facts, 0, &x), 0);
	assert_int_equal(nn_facts_run(&r.facts), 0);
	for (i = 0; i < 3; i++)
		assert_float_equal(nn_get(result(&r, 0), i), wanted[i], 1e-6f);
	release_rig(&r);
}

/* ---- Categories ---- */

/* A one-hot encoder of three numbers: what it makes of these. */
static int encode(struct rig *r, int64_t zeros, const float *numbers)
{
	struct nn_tensor x = { NN_F32, { 1, { 3 } }, 3, (void *)numbers };
	Onnx__NodeProto *node;

	build_init(&r->b, 1);
	r->b.opset.domain = (char *)"ai.onnx.ml";
	build_input(&r->b, "x", NN_F32, "3");
	node = build_node(&r->b, "OneHotEncoder", "x", "y");
	node->domain = (char *)"ai.onnx.ml";
	add_ints(&r->b, node, "cats_int64s", 2, (const int64_t[]){ 4, -1 });
	build_int(&r->b, node, "zeros", zeros);
	build_output(&r->b, "y");
	read_rig(r);
	assert_int_equal(nn_facts_set_input(&r->facts, 0, &x), 0);
	return nn_facts_run(&r->facts);
}

static void test_categories(void **state)
{
	static const float known[3] = { -1, 4.5f, 4 }, other[3] = { 4, 5, -1 };
	static const int64_t wanted[2][6] = { { 0, 1, 1, 0, 1, 0 }, { 1, 0, 0, 0, 0, 1 } };
	struct rig r;
	size_t way, i;

	(void)state;
	for (way = 0; way < 4; way++) {
		if (way == 2) {		/* strict, and something else */
			assert_int_equal(encode(&r, 0, other), -EINVAL);
			assert_non_null(strstr(accel_last_error()->message,
					       "element 1 of its input is none of its 2 categories"));
		} else {
			assert_int_equal(encode(&r, way & 1, way == 3 ? other : known), 0);
			for (i = 0; i < 6; i++)
				assert_int_equal(nn_get_int(result(&r, 0), i), wanted[way == 3][i]);
		}
		release_rig(&r);
	}
}

/* ---- Support vector machines ---- */

static void test_machines(void **state)
{
	static const struct {
		const char *kernel;
		size_t coefficients, numbers, params, rho;
		const char *error;	/* NULL: none */
	} cases[] = {
		{ "RBF", 2, 4, 3, 1, NULL },
		{ "LINEAR", 2, 4, 0, 0, NULL },
		{ "CUBIC", 2, 4, 3, 1, "its kernel_type is something that ONNX does not have" },
		{ "POLY", 2, 4, 2, 1, "it has 2 kernel_params, not three" },
		{ "RBF", 3, 4, 3, 1, "it has 3 coefficients, 1 rho and 4 numbers of support vectors for 2" },
		{ "RBF", 2, 5, 3, 1, "it has 2 coefficients, 1 rho and 5 numbers of support vectors for 2" },
		{ "RBF", 2, 0, 3, 1, "it has 2 coefficients, 1 rho and 0 numbers of support vectors for 2" },
		{ "RBF", 2, 4, 3, 2, "it has 2 coefficients, 2 rho and 4 numbers of support vectors for 2" },
		{ "RBF", 2, 6, 3, 1, "" },	/* of three features, where the input has two */
	};
	static const float numbers[6] = { 1, 2, 3, 4, 5, 6 };
	Onnx__NodeProto *node;
	struct build b;
	size_t i;
	int ret;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		build_init(&b, 1);
		b.opset.domain = (char *)"ai.onnx.ml";
		build_input(&b, "x", NN_F32, "3 2");
		node = build_node(&b, "SVMRegressor", "x", "y");
		node->domain = (char *)"ai.onnx.ml";
		build_int(&b, node, "n_supports", 2);
		add_text(&b, node, "kernel_type", cases[i].kernel);
		add_floats(&b, node, "coefficients", cases[i].coefficients, numbers);
		add_floats(&b, node, "support_vectors", cases[i].numbers, numbers);
		add_floats(&b, node, "kernel_params", cases[i].params, numbers);
		add_floats(&b, node, "rho", cases[i].rho, numbers);
		build_output(&b, "y");
		ret = try_model(&b);
		assert_int_equal(ret, cases[i].error ? -EINVAL : 0);
		if (ret && !strstr(accel_last_error()->message, cases[i].error))
			fail_msg("%zu: %s", i, accel_last_error()->message);
		build_release(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_ensemble_refusals),
		cmocka_unit_test(test_ensemble),
		cmocka_unit_test(test_categories),
		cmocka_unit_test(test_machines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
