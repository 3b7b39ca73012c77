// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Operators of classic analytics, of the domain ai.onnx.ml.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../op.h"

#define ML	.domain = "ai.onnx.ml"

/* A list in attributes, as a tensor; the caller releases it. 1: there is no such attribute. */
static int read_list(const struct nn_call *call, const char *name, struct nn_tensor *list)
{
	const struct nn_attr *attr = nn_attr_find(call->node, name);
	struct nn_tensor from = { .shape.rank = 1 };

	list->data = NULL;
	if (!attr)
		return 1;
	if (attr->type == NN_ATTR_TENSOR) {
		from = nn_constant_tensor(attr->tensor);
	} else {
		from.type = attr->type == NN_ATTR_INTS ? NN_I64 :
			    attr->type == NN_ATTR_FLOATS ? NN_F32 : NN_STRING;
		from.count = attr->count;
		from.shape.dims[0] = (int64_t)attr->count;
		from.data = (void *)attr->ints;
	}
	return nn_tensor_copy(list, &from) ? nn_no_memory(call) : 0;
}

/* ---- LabelEncoder ---- */

static const char *const lists[] = { "int64s", "floats", "strings", "tensor" };

/* The one of several lists that is given. */
static int read_lists(const struct nn_call *call, const char *kind, struct nn_tensor *list)
{
	size_t i, count = call->node->op->since >= 4 ? 4 : 3;
	char name[24];
	int ret = 1;

	for (i = 0; i < count && ret == 1; i++) {
		strcpy(name, kind);
		strcat(name, lists[i]);
		ret = read_list(call, name, list);
	}
	return ret != 1 ? ret : nn_refuse(call, NULL, "its %s are missing", kind);
}

static int infer_encoder(struct nn_call *call)
{
	struct nn_tensor keys = { .data = NULL }, values = { .data = NULL };
	int ret = read_lists(call, "keys_", &keys);

	if (!ret)
		ret = read_lists(call, "values_", &values);
	if (!ret && keys.type != call->in[0]->type)
		ret = nn_refuse(call, NULL, "its keys are of type %s, its input of %s",
				nn_type_name(keys.type), nn_type_name(call->in[0]->type));
	if (!ret && keys.count != values.count)
		ret = nn_refuse(call, NULL, "it has %zu keys and %zu values", keys.count, values.count);
	if (!ret)
		call->out[0]->type = values.type;
	nn_tensor_release(&keys);
	nn_tensor_release(&values);
	return ret ? ret : nn_infer_same(call);
}

static bool is_key(const struct nn_tensor *keys, size_t k, const struct nn_tensor *x, size_t i)
{
	if (x->type == NN_STRING)
		return !strcmp(nn_text(keys, k), nn_text(x, i));
	if (nn_is_float(x->type))
		return nn_get(keys, k) == nn_get(x, i) ||
		       (isnan(nn_get(keys, k)) && isnan(nn_get(x, i)));
	return nn_get_int(keys, k) == nn_get_int(x, i);
}

/* What stands for keys that are not there. */
static int read_default(const struct nn_call *call, enum nn_type type, struct nn_tensor *one)
{
	const struct nn_shape shape = { .rank = 0 };
	int ret = call->node->op->since >= 4 ? read_list(call, "default_tensor", one) : 1;

	if (ret != 1)
		return ret ? ret : one->type == type && one->count == 1 ? 0 :
		       nn_refuse(call, NULL, "its default_tensor is not one of its values");
	if (nn_tensor_init(one, type, &shape))
		return nn_no_memory(call);
	if (type == NN_STRING)
		((const char **)one->data)[0] = nn_attr_text(call, "default_string");
	else if (nn_is_float(type))
		nn_set(one, 0, nn_attr_float(call, "default_float"));
	else
		nn_set_int(one, 0, nn_attr_int(call, "default_int64"));
	return 0;
}

static int evaluate_encoder(struct nn_call *call)
{
	struct nn_tensor keys = { .data = NULL }, values = { .data = NULL }, missing = { .data = NULL };
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct nn_tensor *y = nn_result(call, 0);
	size_t i, k;
	int ret = read_lists(call, "keys_", &keys);

	if (!ret)
		ret = read_lists(call, "values_", &values);
	if (!ret)
		ret = read_default(call, y->type, &missing);
	for (i = 0; i < x->count && !ret; i++) {
		for (k = 0; k < keys.count && !is_key(&keys, k, x, i); k++)
			;
		nn_copy_element(y, i, k < keys.count ? &values : &missing, k < keys.count ? k : 0);
	}
	nn_tensor_release(&keys);
	nn_tensor_release(&values);
	nn_tensor_release(&missing);
	return ret;
}

/* ---- ArrayFeatureExtractor, Binarizer ---- */

static int infer_extractor(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape, *index = &call->in[1]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	size_t count;

	if (in->rank < 0)
		return 0;
	if (!in->rank)
		return nn_refuse(call, NULL, "its input is a single number");
	*out = *in;
	if (in->rank == 1)
		*out = (struct nn_shape){ .rank = 2, .dims = { 1 } };
	out->dims[out->rank - 1] = nn_shape_known(index) && nn_shape_count(index, &count) ?
				   (int64_t)count : nn_unknown(call);
	return 0;
}

static int evaluate_extractor(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]), *index = nn_contents(call->in[1]);
	size_t length = (size_t)x->shape.dims[x->shape.rank - 1], i, k, to = 0;
	struct nn_tensor *y = nn_result(call, 0);
	int64_t at;
	int ret = 0;

	for (i = 0; i < x->count; i += length) {
		for (k = 0; k < index->count && !ret; k++) {
			ret = nn_index(call, nn_get_int(index, k), (int64_t)length, &at);
			if (!ret)
				nn_copy_element(y, to++, x, i + (size_t)at);
		}
	}
	return ret;
}

static int evaluate_binarizer(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	double threshold = nn_attr_float(call, "threshold");
	size_t i;

	for (i = 0; i < x->count; i++)
		nn_set(nn_result(call, 0), i, nn_get(x, i) > threshold);
	return 0;
}

/* ---- TreeEnsemble ---- */

enum { LEQ, LT, GTE, GT, EQ, NEQ, MEMBER, MODES };
enum { AVERAGE, SUM, MINIMUM, MAXIMUM, AGGREGATES };
enum { NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO, PROBIT };

static const char *const node_lists[] = { "nodes_featureids", "nodes_truenodeids", "nodes_trueleafs",
					  "nodes_falsenodeids", "nodes_falseleafs" };
enum { FEATURE, IF_TRUE, TRUE_LEAF, IF_FALSE, FALSE_LEAF, NODE_LISTS };

struct forest {
	const int64_t *nodes[NODE_LISTS], *roots, *targets, *missing;
	size_t node_count, root_count, leaf_count;
	struct nn_tensor splits, modes, weights, members;
	size_t *sets;		/* of each node that asks for members: where its set begins */
	int64_t target_count;
};

static void release_forest(struct forest *f)
{
	nn_tensor_release(&f->splits);
	nn_tensor_release(&f->modes);
	nn_tensor_release(&f->weights);
	nn_tensor_release(&f->members);
	free(f->sets);
}

static bool is_place(int64_t place, size_t count)
{
	return place >= 0 && (uint64_t)place < count;
}

static int check_node(const struct nn_call *call, const struct forest *f, size_t i)
{
	bool leaf[2] = { f->nodes[TRUE_LEAF][i], f->nodes[FALSE_LEAF][i] };
	int64_t next[2] = { f->nodes[IF_TRUE][i], f->nodes[IF_FALSE][i] };

	if (f->nodes[FEATURE][i] < 0 || nn_get_int(&f->modes, i) >= MODES ||
	    !is_place(next[0], leaf[0] ? f->leaf_count : f->node_count) ||
	    !is_place(next[1], leaf[1] ? f->leaf_count : f->node_count))
		return nn_refuse(call, NULL, "node %zu of its trees leads nowhere", i);
	return 0;
}

/* Sets of members lie one behind the other, each with a NaN at its end. */
static int find_sets(const struct nn_call *call, struct forest *f)
{
	size_t i, at = 0;

	f->sets = calloc(f->node_count + 1, sizeof(*f->sets));
	if (!f->sets)
		return nn_no_memory(call);
	for (i = 0; i < f->node_count; i++) {
		if (nn_get_int(&f->modes, i) != MEMBER)
			continue;
		f->sets[i] = at;
		while (at < f->members.count && !isnan(nn_get(&f->members, at)))
			at++;
		if (at++ >= f->members.count)
			return nn_refuse(call, NULL, "it has fewer sets of members than nodes that ask");
	}
	return 0;
}

static int check_forest(const struct nn_call *call, struct forest *f)
{
	size_t i;
	int ret = 0;

	if (f->splits.count != f->node_count || f->modes.count != f->node_count ||
	    f->weights.count != f->leaf_count)
		return nn_refuse(call, NULL, "the lists of its nodes and leaves are of different lengths");
	for (i = 0; i < f->node_count && !ret; i++)
		ret = check_node(call, f, i);
	for (i = 0; i < f->root_count && !ret; i++)
		if (!is_place(f->roots[i], f->node_count))
			ret = nn_refuse(call, NULL, "root %zu is no node", i);
	for (i = 0; i < f->leaf_count && !ret; i++)
		if (!is_place(f->targets[i], (size_t)f->target_count))
			ret = nn_refuse(call, NULL, "leaf %zu is for no target", i);
	return ret ? ret : find_sets(call, f);
}

static int read_forest(const struct nn_call *call, struct forest *f)
{
	size_t i, count;
	int ret = 0;

	memset(f, 0, sizeof(*f));
	f->node_count = nn_attr_ints(call, node_lists[0], &f->nodes[0]);
	for (i = 1; i < NODE_LISTS; i++)
		if (nn_attr_ints(call, node_lists[i], &f->nodes[i]) != f->node_count)
			return nn_refuse(call, NULL, "its %s are not as many as its nodes", node_lists[i]);
	f->root_count = nn_attr_ints(call, "tree_roots", &f->roots);
	f->leaf_count = nn_attr_ints(call, "leaf_targetids", &f->targets);
	f->target_count = nn_attr_int(call, "n_targets");
	count = nn_attr_ints(call, "nodes_missing_value_tracks_true", &f->missing);
	if (f->target_count < 1 || f->target_count > INT32_MAX || (count && count != f->node_count))
		return nn_refuse(call, NULL, "it has %" PRId64 " targets", f->target_count);
	ret = read_list(call, "nodes_splits", &f->splits);
	if (!ret)
		ret = read_list(call, "nodes_modes", &f->modes);
	if (!ret)
		ret = read_list(call, "leaf_weights", &f->weights);
	if (!ret && read_list(call, "membership_values", &f->members) < 0)
		ret = -ENOMEM;
	if (!ret && f->modes.type != NN_U8)
		ret = nn_refuse(call, NULL, "its nodes_modes are not of type uint8");
	return ret ? ret : check_forest(call, f);
}

static int infer_forest(struct nn_call *call)
{
	int64_t aggregate = nn_attr_int(call, "aggregate_function");
	int64_t transform = nn_attr_int(call, "post_transform");
	const struct nn_shape *in = &call->in[0]->shape;
	int64_t targets = nn_attr_int(call, "n_targets");

	if (aggregate < 0 || aggregate >= AGGREGATES || transform < 0 || transform > PROBIT ||
	    targets < 1)
		return nn_refuse(call, NULL, "its aggregate_function, post_transform or n_targets is "
				 "something that ONNX does not have");
	if (in->rank >= 0 && in->rank != 2)
		return nn_refuse(call, NULL, "its input has %d dimensions, not two", in->rank);
	call->out[0]->shape = (struct nn_shape){
		2, { in->rank < 0 ? nn_unknown(call) : in->dims[0], targets },
	};
	return 0;
}

static bool is_member(const struct forest *f, size_t node, double x)
{
	size_t at = f->sets[node];

	while (!isnan(nn_get(&f->members, at)) && nn_get(&f->members, at) != x)
		at++;
	return !isnan(nn_get(&f->members, at));
}

static bool goes_true(const struct forest *f, size_t node, double x)
{
	double split = nn_get(&f->splits, node);

	if (isnan(x) && f->missing && f->missing[node])
		return true;
	switch (nn_get_int(&f->modes, node)) {
	case LEQ: return x <= split;
	case LT: return x < split;
	case GTE: return x >= split;
	case GT: return x > split;
	case EQ: return x == split;
	case NEQ: return x != split;
	default: return is_member(f, node, x);
	}
}

/* The leaf that a row ends in. Trees that lead back into themselves end nowhere. */
static int find_leaf(const struct nn_call *call, const struct forest *f, size_t root, size_t row,
		     size_t *leaf)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	size_t features = (size_t)x->shape.dims[1], node = root, steps;
	bool yes;

	*leaf = 0;
	for (steps = 0; steps < f->node_count; steps++) {
		if ((uint64_t)f->nodes[FEATURE][node] >= features)
			return nn_refuse(call, NULL, "it asks for feature %" PRId64 " of %zu",
					 f->nodes[FEATURE][node], features);
		yes = goes_true(f, node, nn_get(x, row * features + (size_t)f->nodes[FEATURE][node]));
		*leaf = (size_t)f->nodes[yes ? IF_TRUE : IF_FALSE][node];
		if (f->nodes[yes ? TRUE_LEAF : FALSE_LEAF][node])
			return 0;
		node = *leaf;
	}
	return nn_refuse(call, NULL, "one of its trees has no end");
}

static void transform_row(double *row, size_t count, int64_t transform)
{
	double most = -INFINITY, sum = 0;
	size_t i;

	for (i = 0; i < count; i++)
		most = fmax(most, row[i]);
	for (i = 0; i < count; i++) {
		if (transform == LOGISTIC) {
			row[i] = 1 / (1 + exp(-row[i]));
		} else if (transform != SOFTMAX_ZERO || row[i] != 0) {
			row[i] = exp(row[i] - most);
			sum += row[i];
		}
	}
	for (i = 0; i < count && transform != LOGISTIC; i++)
		row[i] /= sum;
}

static int grow_row(const struct nn_call *call, const struct forest *f, size_t row, double *sums)
{
	int64_t aggregate = nn_attr_int(call, "aggregate_function");
	int64_t transform = nn_attr_int(call, "post_transform");
	size_t count = (size_t)f->target_count, i, leaf, target;
	double start = aggregate == MINIMUM ? INFINITY : aggregate == MAXIMUM ? -INFINITY : 0, weight;
	int ret = 0;

	for (i = 0; i < count; i++)
		sums[i] = start;
	for (i = 0; i < f->root_count && !ret; i++) {
		ret = find_leaf(call, f, (size_t)f->roots[i], row, &leaf);
		if (ret)
			return ret;
		target = (size_t)f->targets[leaf];
		weight = nn_get(&f->weights, leaf);
		sums[target] = aggregate == MINIMUM ? fmin(sums[target], weight) :
			       aggregate == MAXIMUM ? fmax(sums[target], weight) : sums[target] + weight;
	}
	for (i = 0; i < count; i++) {
		/* A target that no tree is about. */
		if (isinf(sums[i]) && sums[i] == start)
			sums[i] = 0;
		if (aggregate == AVERAGE)
			sums[i] /= (double)f->root_count;
	}
	if (transform == PROBIT)
		return nn_fail_node(call->node, -ENOTSUP, NULL, "its post_transform is PROBIT");
	if (transform)
		transform_row(sums, count, transform);
	return 0;
}

static int evaluate_forest(struct nn_call *call)
{
	struct nn_tensor *y = nn_result(call, 0);
	double *sums = NULL;
	struct forest f;
	size_t row, i;
	int ret = read_forest(call, &f);

	if (!ret) {
		sums = calloc((size_t)f.target_count, sizeof(*sums));
		ret = sums ? 0 : nn_no_memory(call);
	}
	for (row = 0; row < (size_t)y->shape.dims[0] && !ret; row++) {
		ret = grow_row(call, &f, row, sums);
		for (i = 0; i < (size_t)f.target_count && !ret; i++)
			nn_set(y, row * (size_t)f.target_count + i, sums[i]);
	}
	free(sums);
	release_forest(&f);
	return ret;
}

/* ---- Table ---- */

#define KEYS		(NN_SET(NN_STRING) | NN_SET(NN_I64) | NN_SET(NN_F32) | NN_SET(NN_F64) | \
			 NN_SET(NN_I32) | NN_SET(NN_I16))
#define ENCODER(v, ...) \
	{ ML, .name = "LabelEncoder", .since = v, .costly = true, \
	  .inputs = NN_PORTS({ "X", 0, KEYS, NN_ONE }), .outputs = NN_PORTS({ "Y", 0, 0, NN_ONE }), \
	  .attrs = NN_ATTRS(NN_FLOAT("default_float", -0.0f), NN_INT("default_int64", -1), \
			    NN_TEXT("default_string", "_Unused"), \
			    NN_OPTIONAL_ATTR("keys_floats", FLOATS), \
			    NN_OPTIONAL_ATTR("keys_int64s", INTS), \
			    NN_OPTIONAL_ATTR("keys_strings", STRINGS), \
			    NN_OPTIONAL_ATTR("values_floats", FLOATS), \
			    NN_OPTIONAL_ATTR("values_int64s", INTS), \
			    NN_OPTIONAL_ATTR("values_strings", STRINGS), ##__VA_ARGS__), \
	  .infer = infer_encoder, .evaluate = evaluate_encoder }

const struct nn_op nn_ops_ml[] = {
	{ ML, .name = "LabelEncoder", .since = 1, .unsupported = true,
	  .inputs = NN_PORTS({ 0 }), .outputs = NN_PORTS({ 0 }) },
	ENCODER(2),
	ENCODER(4, NN_OPTIONAL_ATTR("default_tensor", TENSOR), NN_OPTIONAL_ATTR("keys_tensor", TENSOR),
		NN_OPTIONAL_ATTR("values_tensor", TENSOR)),
	{ ML, .name = "ArrayFeatureExtractor", .since = 1,
	  .inputs = NN_PORTS({ "X", 'T', NN_NUMBERS | NN_SET(NN_STRING), NN_ONE },
			     { "Y", 0, NN_SET(NN_I64), NN_ONE }),
	  .outputs = NN_PORTS({ "Z", 'T', NN_NUMBERS | NN_SET(NN_STRING), NN_ONE }),
	  .infer = infer_extractor, .evaluate = evaluate_extractor },
	{ ML, .name = "Binarizer", .since = 1,
	  .inputs = NN_PORTS({ "X", 'T', NN_NUMBERS, NN_ONE }),
	  .outputs = NN_PORTS({ "Y", 'T', NN_NUMBERS, NN_ONE }),
	  .attrs = NN_ATTRS(NN_FLOAT("threshold", 0)), .infer = nn_infer_same,
	  .evaluate = evaluate_binarizer },
	{ ML, .name = "TreeEnsemble", .since = 5, .costly = true,
	  .inputs = NN_PORTS({ "X", 'T', NN_FLOATS, NN_ONE }),
	  .outputs = NN_PORTS({ "Y", 'T', NN_FLOATS, NN_ONE }),
	  .attrs = NN_ATTRS(NN_INT("aggregate_function", SUM),
			    NN_REQUIRED_ATTR("leaf_targetids", INTS),
			    NN_REQUIRED_ATTR("leaf_weights", TENSOR),
			    NN_OPTIONAL_ATTR("membership_values", TENSOR),
			    NN_REQUIRED_ATTR("n_targets", INT),
			    NN_REQUIRED_ATTR("nodes_falseleafs", INTS),
			    NN_REQUIRED_ATTR("nodes_falsenodeids", INTS),
			    NN_REQUIRED_ATTR("nodes_featureids", INTS),
			    NN_OPTIONAL_ATTR("nodes_hitrates", TENSOR),
			    NN_OPTIONAL_ATTR("nodes_missing_value_tracks_true", INTS),
			    NN_REQUIRED_ATTR("nodes_modes", TENSOR),
			    NN_REQUIRED_ATTR("nodes_splits", TENSOR),
			    NN_REQUIRED_ATTR("nodes_trueleafs", INTS),
			    NN_REQUIRED_ATTR("nodes_truenodeids", INTS), NN_INT("post_transform", 0),
			    NN_REQUIRED_ATTR("tree_roots", INTS)),
	  .infer = infer_forest, .evaluate = evaluate_forest },
	{ 0 }
};
