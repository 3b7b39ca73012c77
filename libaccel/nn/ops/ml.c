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

#include "../rewrite.h"

#define ML	.domain = NN_CLASSIC

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
		ret = nn_attr_list(call, name, list);
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
	int ret = call->node->op->since >= 4 ? nn_attr_list(call, "default_tensor", one) : 1;

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

/* ---- OneHotEncoder ---- */

/* Categories are integers for inputs of any numbers, or texts. */
static int read_categories(const struct nn_call *call, struct nn_tensor *categories)
{
	bool texts = call->in[0]->type == NN_STRING;
	const char *name = texts ? "cats_strings" : "cats_int64s";
	int ret = nn_attr_list(call, name, categories);

	return ret != 1 ? ret : nn_refuse(call, NULL, "its %s are missing, and its input is of type %s",
					  name, nn_type_name(call->in[0]->type));
}

static int infer_one_hot(struct nn_call *call)
{
	struct nn_shape *out = &call->out[0]->shape;
	struct nn_tensor categories;
	int ret = read_categories(call, &categories);

	if (ret)
		return ret;
	*out = call->in[0]->shape;
	if (out->rank >= NN_RANK_MAX)
		ret = nn_refuse(call, NULL, "its input has %d dimensions", out->rank);
	else if (out->rank >= 0)
		out->dims[out->rank++] = (int64_t)categories.count;
	nn_tensor_release(&categories);
	return ret;
}

static bool is_category(const struct nn_tensor *categories, size_t k, const struct nn_tensor *x, size_t i)
{
	if (x->type == NN_STRING)
		return !strcmp(nn_text(categories, k), nn_text(x, i));
	return nn_get_int(categories, k) == (nn_is_float(x->type) ? nn_cut_float(nn_get(x, i)) :
								  nn_get_int(x, i));
}

static int evaluate_one_hot(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	bool lenient = nn_attr_int(call, "zeros");
	struct nn_tensor categories;
	size_t i, k;
	int ret = read_categories(call, &categories);

	for (i = 0; i < x->count && !ret; i++) {
		for (k = 0; k < categories.count && !is_category(&categories, k, x, i); k++)
			;
		if (k < categories.count)
			nn_set(nn_result(call, 0), i * categories.count + k, 1);
		else if (!lenient)
			ret = nn_refuse(call, NULL, "element %zu of its input is none of its %zu "
					"categories, and its zeros is 0", i, categories.count);
	}
	nn_tensor_release(&categories);
	return ret;
}

/* What cannot fail, and is about numbers, is a comparison, which the card does. */
static int rewrite_one_hot(struct nn_rewrite *r)
{
	const int64_t *ints;
	size_t count = nn_attr_ints(&r->call, "cats_int64s", &ints);
	struct nn_value *x, *y;

	if (!count || nn_attr_given(&r->call, "cats_strings") || !nn_attr_int(&r->call, "zeros"))
		return 0;
	x = nn_emit(r, "Cast", nn_rewrite_in(r, 0));
	nn_emit_int(r, "to", NN_I64);
	x = nn_emit(r, "Unsqueeze", x, nn_emit_list(r, NN_LIST(-1)));
	y = nn_emit(r, "Cast", nn_emit(r, "Equal", x, nn_emit_list(r, count, ints)));
	nn_emit_int(r, "to", NN_F32);
	nn_rewrite_result(r, 0, y);
	return 0;
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
	{ ML, .name = "OneHotEncoder", .since = 1,
	  .inputs = NN_PORTS({ "X", 0, NN_SET(NN_STRING) | NN_SET(NN_I64) | NN_SET(NN_I32) |
				       NN_SET(NN_F32) | NN_SET(NN_F64), NN_ONE }),
	  .outputs = NN_PORTS({ "Y", 0, NN_SET(NN_F32), NN_ONE }),
	  .attrs = NN_ATTRS(NN_OPTIONAL_ATTR("cats_int64s", INTS),
			    NN_OPTIONAL_ATTR("cats_strings", STRINGS), NN_INT("zeros", 1)),
	  .rewrite = rewrite_one_hot, .infer = infer_one_hot, .evaluate = evaluate_one_hot },
	{ 0 }
};
