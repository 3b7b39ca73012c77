// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Linear models and support vector machines of classic analytics, and what prepares their inputs:
 * operators of ai.onnx.ml that are arithmetic, written as ONNX's own (rewrite.h).
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "../rewrite.h"

/* All of them compute in float32, whatever numbers come. */
static struct nn_value *emit_input(struct nn_rewrite *r, size_t i)
{
	struct nn_value *x = nn_emit(r, "Cast", nn_rewrite_in(r, i));

	nn_emit_int(r, "to", NN_F32);
	return x;
}

/* An attribute of numbers as a constant; NULL: it is not given. */
static struct nn_value *emit_numbers(struct nn_rewrite *r, const char *name)
{
	const float *numbers;
	size_t count = nn_attr_floats(&r->call, name, &numbers);

	return count ? nn_emit_vector(r, NN_F32, count, numbers) : NULL;
}

/* ---- Inputs ---- */

static int rewrite_scaler(struct nn_rewrite *r)
{
	struct nn_value *offset = emit_numbers(r, "offset"), *scale = emit_numbers(r, "scale");
	struct nn_value *y = emit_input(r, 0);

	if (offset)
		y = nn_emit(r, "Sub", y, offset);
	if (scale)
		y = nn_emit(r, "Mul", y, scale);
	nn_rewrite_result(r, 0, y);
	return 0;
}

/* A row of zeros stays one. */
static int rewrite_normalizer(struct nn_rewrite *r)
{
	const char *norm = nn_attr_text(&r->call, "norm");
	struct nn_value *x, *size;

	if (strcmp(norm, "L1") && strcmp(norm, "L2"))
		return nn_cannot_rewrite(r, "another norm than L1 and L2");
	x = emit_input(r, 0);
	size = nn_emit(r, norm[1] == '1' ? "ReduceL1" : "ReduceL2", x, nn_emit_list(r, NN_LIST(-1)));
	size = nn_emit(r, "Max", size, nn_emit_number(r, 0x1p-126f));
	nn_rewrite_result(r, 0, nn_emit(r, "Div", x, size));
	return 0;
}

static int rewrite_imputer(struct nn_rewrite *r)
{
	struct nn_value *value = emit_numbers(r, "imputed_value_floats"), *x, *absent;
	float replaced = nn_attr_float(&r->call, "replaced_value_float");

	if (!value)
		return nn_cannot_rewrite(r, "integers");
	x = nn_rewrite_in(r, 0);
	absent = isnan(replaced) ? nn_emit(r, "IsNaN", x) :
		 nn_emit(r, "Equal", x, nn_emit_number(r, replaced));
	nn_rewrite_result(r, 0, nn_emit(r, "Where", absent, value, x));
	return 0;
}

static int rewrite_vectorizer(struct nn_rewrite *r)
{
	struct nn_value *parts[64], *y;
	size_t i, count = r->call.node->input_count;

	if (count > sizeof(parts) / sizeof(parts[0]))
		return nn_cannot_rewrite(r, "so many inputs");
	for (i = 0; i < count; i++)
		parts[i] = emit_input(r, i);
	y = nn_emit_node(r, "Concat", count, parts);
	nn_emit_int(r, "axis", 1);
	nn_rewrite_result(r, 0, y);
	return 0;
}

/* ---- Linear models ---- */

#define TRANSFORM	"post_transform"

static bool has_transform(const struct nn_rewrite *r)
{
	const char *name = nn_attr_text(&r->call, TRANSFORM);

	return !strcmp(name, "NONE") || !strcmp(name, "SOFTMAX") || !strcmp(name, "LOGISTIC");
}

static struct nn_value *emit_transformed(struct nn_rewrite *r, struct nn_value *scores)
{
	const char *name = nn_attr_text(&r->call, TRANSFORM);

	if (!strcmp(name, "SOFTMAX"))
		return nn_emit(r, "Softmax", scores);
	return !strcmp(name, "LOGISTIC") ? nn_emit(r, "Sigmoid", scores) : scores;
}

/* A row of coefficients for each target. */
static struct nn_value *emit_scores(struct nn_rewrite *r, int64_t targets)
{
	struct nn_value *rows, *y;

	rows = nn_emit(r, "Reshape", emit_numbers(r, "coefficients"),
		       nn_emit_list(r, NN_LIST(targets, -1)));
	y = nn_emit(r, "Gemm", emit_input(r, 0), rows, emit_numbers(r, "intercepts"));
	nn_emit_int(r, "transB", 1);
	return y;
}

static int check_targets(const struct nn_rewrite *r, int64_t targets)
{
	const float *numbers;
	size_t count = nn_attr_floats(&r->call, "coefficients", &numbers);

	if (targets >= 1 && targets <= INT32_MAX && count && count % (size_t)targets == 0)
		return 0;
	return nn_refuse(&r->call, NULL, "it has %zu coefficients for %" PRId64 " targets", count,
			 targets);
}

static int rewrite_regressor(struct nn_rewrite *r)
{
	int64_t targets = nn_attr_int(&r->call, "targets");

	if (!has_transform(r))
		return nn_cannot_rewrite(r, "its post_transform");
	if (check_targets(r, targets))
		return -EINVAL;
	nn_rewrite_result(r, 0, emit_transformed(r, emit_scores(r, targets)));
	return 0;
}

/* The label of the highest score, and the scores. */
static int rewrite_classifier(struct nn_rewrite *r)
{
	const char *const *texts;
	const int64_t *ints;
	size_t count = nn_attr_ints(&r->call, "classlabels_ints", &ints);
	struct nn_value *labels, *scores, *best;

	if (!has_transform(r))
		return nn_cannot_rewrite(r, "its post_transform");
	labels = count ? nn_emit_list(r, count, ints) : NULL;
	if (!count) {
		count = nn_attr_texts(&r->call, "classlabels_strings", &texts);
		labels = count ? nn_emit_vector(r, NN_STRING, count, texts) : NULL;
	}
	if (check_targets(r, (int64_t)count))
		return -EINVAL;
	scores = emit_scores(r, (int64_t)count);
	best = nn_emit(r, "ArgMax", scores);
	nn_emit_int(r, "axis", 1);
	nn_emit_int(r, "keepdims", 0);
	nn_rewrite_result(r, 0, nn_emit(r, "Gather", labels, best));
	nn_rewrite_result(r, 1, emit_transformed(r, scores));
	return 0;
}

/* ---- Support vector machines ---- */

/* How much each row of the input is like each support vector: [rows, supports]. */
static struct nn_value *emit_likeness(struct nn_rewrite *r, int64_t supports, const float *params)
{
	struct nn_value *x = emit_input(r, 0), *vectors, *y;
	const char *kernel = nn_attr_text(&r->call, "kernel_type");

	vectors = nn_emit(r, "Reshape", emit_numbers(r, "support_vectors"),
			  nn_emit_list(r, NN_LIST(supports, -1)));
	if (!strcmp(kernel, "RBF")) {
		/* Of differences: those of squares would cancel out. */
		y = nn_emit(r, "Sub", nn_emit(r, "Unsqueeze", x, nn_emit_list(r, NN_LIST(1))), vectors);
		y = nn_emit(r, "ReduceSumSquare", y, nn_emit_list(r, NN_LIST(-1)));
		nn_emit_int(r, "keepdims", 0);
		return nn_emit(r, "Exp", nn_emit(r, "Mul", y, nn_emit_number(r, -params[0])));
	}
	y = nn_emit(r, "Gemm", x, vectors);
	nn_emit_int(r, "transB", 1);
	if (!strcmp(kernel, "LINEAR"))
		return y;
	y = nn_emit(r, "Mul", y, nn_emit_number(r, params[0]));
	y = nn_emit(r, "Add", y, nn_emit_number(r, params[1]));
	return kernel[0] == 'S' ? nn_emit(r, "Tanh", y) :
				  nn_emit(r, "Pow", y, nn_emit_number(r, params[2]));
}

static int check_machine(const struct nn_rewrite *r, int64_t supports)
{
	const char *kernel = nn_attr_text(&r->call, "kernel_type");
	const float *numbers;
	size_t vectors = nn_attr_floats(&r->call, "support_vectors", &numbers);
	size_t params = nn_attr_floats(&r->call, "kernel_params", &numbers);
	size_t coefficients = nn_attr_floats(&r->call, "coefficients", &numbers);
	size_t rho = nn_attr_floats(&r->call, "rho", &numbers);

	if (strcmp(kernel, "LINEAR") && strcmp(kernel, "POLY") && strcmp(kernel, "RBF") &&
	    strcmp(kernel, "SIGMOID"))
		return nn_refuse(&r->call, NULL, "its kernel_type is something that ONNX does not have");
	if (supports < 0 || supports > INT32_MAX || rho > 1 || !coefficients ||
	    (supports && ((size_t)supports != coefficients || !vectors ||
			  vectors % (size_t)supports)))
		return nn_refuse(&r->call, NULL, "it has %zu coefficients, %zu rho and %zu numbers of "
				 "support vectors for %" PRId64 " of these", coefficients, rho, vectors,
				 supports);
	if (supports && strcmp(kernel, "LINEAR") && params != 3)
		return nn_refuse(&r->call, NULL, "it has %zu kernel_params, not three", params);
	return 0;
}

/* Without support vectors, the coefficients are for the features. */
static int rewrite_machine(struct nn_rewrite *r)
{
	int64_t supports = nn_attr_int(&r->call, "n_supports");
	struct nn_value *x, *y, *one;
	const float *params;

	nn_attr_floats(&r->call, "kernel_params", &params);
	if (strcmp(nn_attr_text(&r->call, TRANSFORM), "NONE"))
		return nn_cannot_rewrite(r, "its post_transform");
	if (check_machine(r, supports))
		return -EINVAL;
	x = supports ? emit_likeness(r, supports, params) : emit_input(r, 0);
	y = nn_emit(r, "Gemm", x, nn_emit(r, "Unsqueeze", emit_numbers(r, "coefficients"),
					   nn_emit_list(r, NN_LIST(1))), emit_numbers(r, "rho"));
	if (nn_attr_int(&r->call, "one_class")) {
		one = nn_emit_number(r, 1);
		y = nn_emit(r, "Where", nn_emit(r, "Greater", y, nn_emit_number(r, 0)), one,
			    nn_emit_number(r, -1));
	}
	nn_rewrite_result(r, 0, y);
	return 0;
}

/* ---- What there is no type for ---- */

static int rewrite_maps(struct nn_rewrite *r)
{
	return nn_cannot_rewrite(r, "maps as its result: take its input, the probabilities, or export "
				 "with options={'zipmap': False}");
}

/* ---- Table ---- */

#define ML(n, f)	.domain = NN_CLASSIC, .name = n, .since = 1, .rewrite = f
#define X		NN_PORTS({ "X", 0, 0, NN_ONE })
#define Y		NN_PORTS({ "Y", 0, 0, NN_ONE })

const struct nn_op nn_ops_classic[] = {
	{ ML("Scaler", rewrite_scaler), .inputs = X, .outputs = Y,
	  .attrs = NN_ATTRS(NN_OPTIONAL_ATTR("offset", FLOATS), NN_OPTIONAL_ATTR("scale", FLOATS)) },
	{ ML("Normalizer", rewrite_normalizer), .inputs = X, .outputs = Y,
	  .attrs = NN_ATTRS(NN_TEXT("norm", "MAX")) },
	{ ML("Imputer", rewrite_imputer), .inputs = X, .outputs = Y,
	  .attrs = NN_ATTRS(NN_OPTIONAL_ATTR("imputed_value_floats", FLOATS),
			    NN_OPTIONAL_ATTR("imputed_value_int64s", INTS),
			    NN_FLOAT("replaced_value_float", 0), NN_INT("replaced_value_int64", 0)) },
	{ ML("FeatureVectorizer", rewrite_vectorizer), .outputs = Y,
	  .inputs = NN_PORTS({ "X", 0, 0, NN_MANY }),
	  .attrs = NN_ATTRS(NN_OPTIONAL_ATTR("inputdimensions", INTS)) },
	{ ML("LinearRegressor", rewrite_regressor), .inputs = X, .outputs = Y,
	  .attrs = NN_ATTRS(NN_OPTIONAL_ATTR("coefficients", FLOATS),
			    NN_OPTIONAL_ATTR("intercepts", FLOATS), NN_TEXT(TRANSFORM, "NONE"),
			    NN_INT("targets", 1)) },
	{ ML("LinearClassifier", rewrite_classifier), .inputs = X,
	  .outputs = NN_PORTS({ "Y", 0, 0, NN_ONE }, { "Z", 0, 0, NN_ONE }),
	  .attrs = NN_ATTRS(NN_OPTIONAL_ATTR("classlabels_ints", INTS),
			    NN_OPTIONAL_ATTR("classlabels_strings", STRINGS),
			    NN_REQUIRED_ATTR("coefficients", FLOATS),
			    NN_OPTIONAL_ATTR("intercepts", FLOATS), NN_INT("multi_class", 0),
			    NN_TEXT(TRANSFORM, "NONE")) },
	{ ML("SVMRegressor", rewrite_machine), .inputs = X, .outputs = Y,
	  .attrs = NN_ATTRS(NN_OPTIONAL_ATTR("coefficients", FLOATS),
			    NN_OPTIONAL_ATTR("kernel_params", FLOATS), NN_TEXT("kernel_type", "LINEAR"),
			    NN_INT("n_supports", 0), NN_INT("one_class", 0), NN_TEXT(TRANSFORM, "NONE"),
			    NN_OPTIONAL_ATTR("rho", FLOATS), NN_OPTIONAL_ATTR("support_vectors", FLOATS)) },
	{ ML("ZipMap", rewrite_maps), .inputs = X, .outputs = NN_PORTS({ "Z", 0, 0, NN_ONE }),
	  .attrs = NN_ATTRS(NN_OPTIONAL_ATTR("classlabels_int64s", INTS),
			    NN_OPTIONAL_ATTR("classlabels_strings", STRINGS)) },
	{ 0 }
};
