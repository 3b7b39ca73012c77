// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Operators of ONNX Runtime's domain, com.microsoft: what its optimiser fuses, and its tools for
 * exporting language models write. They are written as ONNX's own (rewrite.h).
 */
#include <string.h>

#include "../rewrite.h"
#include "microsoft.h"

/* ---- Normalisation ---- */

static struct nn_value *emit_norm(struct nn_rewrite *r, const char *type, struct nn_value *x,
				  struct nn_value *scale, struct nn_value *bias)
{
	struct nn_value *y = nn_emit(r, type, x, scale, bias);

	nn_emit_int(r, "axis", -1);
	nn_emit_float(r, "epsilon", nn_attr_float(&r->call, "epsilon"));
	return y;
}

/* Mean and inverse spread are results for training. */
#define FOR_TRAINING	"results for training"

static int rewrite_simplified(struct nn_rewrite *r)
{
	struct nn_value *y;

	if (nn_rewrite_wants(r, 1))
		return nn_cannot_rewrite(r, FOR_TRAINING);
	y = nn_emit(r, "RMSNormalization", nn_rewrite_in(r, 0), nn_rewrite_in(r, 1));
	nn_emit_int(r, "axis", nn_attr_int(&r->call, "axis"));
	nn_emit_float(r, "epsilon", nn_attr_float(&r->call, "epsilon"));
	nn_rewrite_result(r, 0, y);
	return 0;
}

/* The input, what skipped a layer, and a bias: normalised, and as they are. */
static int rewrite_skip(struct nn_rewrite *r, const char *type, struct nn_value *gamma,
			struct nn_value *beta, struct nn_value *bias)
{
	struct nn_value *sum, *y;

	if (nn_rewrite_wants(r, 1) || nn_rewrite_wants(r, 2))
		return nn_cannot_rewrite(r, FOR_TRAINING);
	sum = nn_emit(r, "Add", nn_rewrite_in(r, 0), nn_rewrite_in(r, 1));
	if (bias)
		sum = nn_emit(r, "Add", sum, bias);
	y = emit_norm(r, type, sum, gamma, beta);
	nn_rewrite_result(r, 0, y);
	nn_rewrite_result(r, 3, sum);
	return 0;
}

static int rewrite_skip_simplified(struct nn_rewrite *r)
{
	return rewrite_skip(r, "RMSNormalization", nn_rewrite_in(r, 2), NULL, nn_rewrite_in(r, 3));
}

static int rewrite_skip_norm(struct nn_rewrite *r)
{
	return rewrite_skip(r, "LayerNormalization", nn_rewrite_in(r, 2), nn_rewrite_in(r, 3),
			    nn_rewrite_in(r, 4));
}

/* Words, places and segments, added and normalised. */
static int rewrite_embed(struct nn_rewrite *r)
{
	enum { IDS, SEGMENTS, WORDS, PLACES, SEGMENT_ROWS, GAMMA, BETA, MASK, PLACE_IDS };
	struct nn_value *sum, *places, *length, *count;

	if (nn_attr_int(&r->call, "mask_index_type") > 1)
		return nn_cannot_rewrite(r, "its mask_index_type");
	sum = nn_emit(r, "Gather", nn_rewrite_in(r, WORDS), nn_rewrite_in(r, IDS));
	places = nn_rewrite_in(r, PLACE_IDS);
	if (!places) {
		length = nn_emit(r, "Squeeze", nn_emit_size(r, nn_rewrite_in(r, IDS), 1));
		places = nn_emit(r, "Range", nn_emit_scalar(r, 0), length, nn_emit_scalar(r, 1));
	}
	sum = nn_emit(r, "Add", sum, nn_emit(r, "Gather", nn_rewrite_in(r, PLACES), places));
	if (nn_rewrite_in(r, SEGMENTS) && nn_rewrite_in(r, SEGMENT_ROWS))
		sum = nn_emit(r, "Add", sum, nn_emit(r, "Gather", nn_rewrite_in(r, SEGMENT_ROWS),
						     nn_rewrite_in(r, SEGMENTS)));
	if (nn_rewrite_wants(r, 1)) {
		count = nn_rewrite_in(r, MASK);
		if (!count)
			count = nn_emit(r, "Sub", nn_rewrite_in(r, IDS), nn_rewrite_in(r, IDS));
		count = nn_emit(r, "ReduceSum", count, nn_emit_list(r, NN_LIST(1)));
		nn_emit_int(r, "keepdims", 0);
		nn_rewrite_result(r, 1, count);
	}
	nn_rewrite_result(r, 0, emit_norm(r, "LayerNormalization", sum, nn_rewrite_in(r, GAMMA),
					  nn_rewrite_in(r, BETA)));
	nn_rewrite_result(r, 2, sum);
	return 0;
}

/* ---- Activations ---- */

static int rewrite_gelu(struct nn_rewrite *r, const char *approximate)
{
	struct nn_value *x = nn_rewrite_in(r, 0);

	if (nn_rewrite_in(r, 1))
		x = nn_emit(r, "Add", x, nn_rewrite_in(r, 1));
	x = nn_emit(r, "Gelu", x);
	nn_emit_text(r, "approximate", approximate);
	nn_rewrite_result(r, 0, x);
	return 0;
}

static int rewrite_exact_gelu(struct nn_rewrite *r)
{
	return rewrite_gelu(r, "none");
}

static int rewrite_fast_gelu(struct nn_rewrite *r)
{
	return rewrite_gelu(r, "tanh");
}

static int rewrite_quick_gelu(struct nn_rewrite *r)
{
	struct nn_value *y = nn_emit(r, "Swish", nn_rewrite_in(r, 0));

	nn_emit_float(r, "alpha", nn_attr_float(&r->call, "alpha"));
	nn_rewrite_result(r, 0, y);
	return 0;
}

static int rewrite_bias_add(struct nn_rewrite *r)
{
	struct nn_value *y = nn_emit(r, "Add", nn_rewrite_in(r, 0), nn_rewrite_in(r, 1));

	nn_rewrite_result(r, 0, nn_emit(r, "Add", y, nn_rewrite_in(r, 2)));
	return 0;
}

/* What the optimiser puts behind a product or a convolution, by its name. */
static struct nn_value *emit_activation(struct nn_rewrite *r, struct nn_value *x,
					const char *name, size_t count, const float *params)
{
	static const struct {
		const char *name, *params[2];
	} known[] = {
		{ "Relu", { NULL } }, { "Tanh", { NULL } }, { "Sigmoid", { NULL } },
		{ "Softplus", { NULL } }, { "Softsign", { NULL } }, { "HardSwish", { NULL } },
		{ "Elu", { "alpha" } }, { "LeakyRelu", { "alpha" } },
		{ "ThresholdedRelu", { "alpha" } }, { "HardSigmoid", { "alpha", "beta" } },
	};
	size_t i, k;

	if (!strcmp(name, "Clip") && count == 2)
		return nn_emit(r, "Clip", x, nn_emit_like(r, params[0], x),
			       nn_emit_like(r, params[1], x));
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].name, name))
			continue;
		x = nn_emit(r, known[i].name, x);
		for (k = 0; k < 2 && k < count && known[i].params[k]; k++)
			nn_emit_float(r, known[i].params[k], params[k]);
		return x;
	}
	return NULL;
}

/* What is in front of the activation that the node has, if it has one, becomes its result. */
static int finish_activated(struct nn_rewrite *r, struct nn_value *y, size_t count,
			    const float *params)
{
	if (nn_attr_given(&r->call, "activation"))
		y = emit_activation(r, y, nn_attr_text(&r->call, "activation"), count, params);
	if (!y && !r->error)
		return nn_cannot_rewrite(r, "its activation");
	nn_rewrite_result(r, 0, y);
	return 0;
}

/* ---- Products ---- */

struct nn_value *nn_emit_like(struct nn_rewrite *r, float x, struct nn_value *like)
{
	return nn_emit(r, "CastLike", nn_emit_number(r, x), like);
}

/* The last two dimensions change places. */
static struct nn_value *emit_transposed(struct nn_rewrite *r, struct nn_value *x)
{
	int64_t perm[NN_RANK_MAX];
	int rank = nn_rewrite_rank(x), i;

	if (rank < 2) {
		x = nn_emit(r, "Einsum", x);
		nn_emit_text(r, "equation", "...ij->...ji");
		return x;
	}
	for (i = 0; i < rank; i++)
		perm[i] = i < rank - 2 ? i : 2 * rank - 3 - i;
	x = nn_emit(r, "Transpose", x);
	nn_emit_ints(r, "perm", (size_t)rank, perm);
	return x;
}

static int rewrite_fused_mat_mul(struct nn_rewrite *r)
{
	struct nn_value *a = nn_rewrite_in(r, 0), *b = nn_rewrite_in(r, 1), *y;
	float alpha = nn_attr_float(&r->call, "alpha");

	if (nn_attr_int(&r->call, "transBatchA") || nn_attr_int(&r->call, "transBatchB"))
		return nn_cannot_rewrite(r, "transBatchA or transBatchB");
	if (nn_attr_int(&r->call, "transA"))
		a = emit_transposed(r, a);
	if (nn_attr_int(&r->call, "transB"))
		b = emit_transposed(r, b);
	y = nn_emit(r, "MatMul", a, b);
	if (alpha != 1)
		y = nn_emit(r, "Mul", y, nn_emit_like(r, alpha, nn_rewrite_in(r, 0)));
	nn_rewrite_result(r, 0, y);
	return 0;
}

static int rewrite_fused_gemm(struct nn_rewrite *r)
{
	static const char *const names[] = { "alpha", "beta", "transA", "transB" };
	const float params[] = { nn_attr_float(&r->call, "activation_alpha"),
				 nn_attr_float(&r->call, "activation_beta") };
	size_t i, count = nn_attr_given(&r->call, "activation_alpha") +
			  nn_attr_given(&r->call, "activation_beta");
	struct nn_value *y = nn_emit(r, "Gemm", nn_rewrite_in(r, 0), nn_rewrite_in(r, 1),
				     nn_rewrite_in(r, 2));

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		nn_emit_same(r, names[i], names[i]);
	return finish_activated(r, y, count, params);
}

static int rewrite_fused_conv(struct nn_rewrite *r)
{
	static const char *const names[] = { "auto_pad", "dilations", "group", "kernel_shape", "pads",
					     "strides" };
	const float *params;
	size_t i, count = nn_attr_floats(&r->call, "activation_params", &params);
	struct nn_value *y = nn_emit(r, "Conv", nn_rewrite_in(r, 0), nn_rewrite_in(r, 1),
				     nn_rewrite_in(r, 2));

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		nn_emit_same(r, names[i], names[i]);
	if (nn_rewrite_in(r, 3))
		y = nn_emit(r, "Add", y, nn_rewrite_in(r, 3));
	return finish_activated(r, y, count, params);
}

/* ---- Table ---- */

#define EPSILON(x)	NN_FLOAT("epsilon", x)
#define ONE(n)		{ n, 0, 0, NN_ONE }
#define MAY(n)		{ n, 0, 0, NN_OPTIONAL }
#define X		NN_PORTS(ONE("X"))
#define Y		NN_PORTS(ONE("Y"))
#define MICROSOFT(n, f)	.domain = NN_MICROSOFT, .name = n, .since = 1, .rewrite = f

#define SIMPLIFIED(d) \
	{ .domain = d, .name = "SimplifiedLayerNormalization", .since = 1, \
	  .inputs = NN_PORTS(ONE("X"), ONE("scale")), \
	  .outputs = NN_PORTS(ONE("Y"), MAY("inv_std_var")), \
	  .attrs = NN_ATTRS(NN_INT("axis", -1), EPSILON(1e-5f), NN_INT("stash_type", 1)), \
	  .rewrite = rewrite_simplified }
#define SKIPPED		NN_PORTS(ONE("output"), MAY("mean"), MAY("inv_std_var"), \
				 MAY("input_skip_bias_sum"))
#define FUSED_MAT_MUL(n) \
	{ MICROSOFT(n, rewrite_fused_mat_mul), .inputs = NN_PORTS(ONE("A"), ONE("B")), .outputs = Y, \
	  .attrs = NN_ATTRS(NN_FLOAT("alpha", 1), NN_INT("transA", 0), NN_INT("transB", 0), \
			    NN_INT("transBatchA", 0), NN_INT("transBatchB", 0)) }

const struct nn_op nn_ops_microsoft[] = {
	/* ONNX Runtime also writes it into ONNX's own domain. */
	SIMPLIFIED(""),
	SIMPLIFIED(NN_MICROSOFT),
	{ MICROSOFT("SkipSimplifiedLayerNormalization", rewrite_skip_simplified),
	  .inputs = NN_PORTS(ONE("input"), ONE("skip"), ONE("gamma"), MAY("bias")),
	  .outputs = SKIPPED, .attrs = NN_ATTRS(EPSILON(1e-12f)) },
	{ MICROSOFT("SkipLayerNormalization", rewrite_skip_norm),
	  .inputs = NN_PORTS(ONE("input"), ONE("skip"), ONE("gamma"), MAY("beta"), MAY("bias")),
	  .outputs = SKIPPED, .attrs = NN_ATTRS(EPSILON(1e-12f)) },
	{ MICROSOFT("EmbedLayerNormalization", rewrite_embed),
	  .inputs = NN_PORTS(ONE("input_ids"), MAY("segment_ids"), ONE("word_embedding"),
			     ONE("position_embedding"), MAY("segment_embedding"), ONE("gamma"),
			     ONE("beta"), MAY("mask"), MAY("position_ids")),
	  .outputs = NN_PORTS(ONE("output"), MAY("mask_index"), MAY("embedding_sum")),
	  .attrs = NN_ATTRS(EPSILON(1e-12f), NN_INT("mask_index_type", 0)) },
	{ MICROSOFT("Gelu", rewrite_exact_gelu), .inputs = X, .outputs = Y },
	{ MICROSOFT("BiasGelu", rewrite_exact_gelu), .inputs = NN_PORTS(ONE("A"), ONE("B")),
	  .outputs = Y },
	{ MICROSOFT("FastGelu", rewrite_fast_gelu), .inputs = NN_PORTS(ONE("X"), MAY("bias")),
	  .outputs = Y },
	{ MICROSOFT("QuickGelu", rewrite_quick_gelu), .inputs = X, .outputs = Y,
	  .attrs = NN_ATTRS(NN_FLOAT("alpha", 1.702f)) },
	{ MICROSOFT("BiasAdd", rewrite_bias_add),
	  .inputs = NN_PORTS(ONE("X"), ONE("bias"), ONE("skip")), .outputs = Y },
	FUSED_MAT_MUL("FusedMatMul"),
	FUSED_MAT_MUL("TransposeMatMul"),
	{ MICROSOFT("FusedGemm", rewrite_fused_gemm),
	  .inputs = NN_PORTS(ONE("A"), ONE("B"), MAY("C")), .outputs = Y,
	  .attrs = NN_ATTRS(NN_OPTIONAL_ATTR("activation", STRING), NN_FLOAT("activation_alpha", 0),
			    NN_FLOAT("activation_beta", 0), NN_FLOAT("activation_gamma", 0),
			    NN_FLOAT("alpha", 1), NN_FLOAT("beta", 1), NN_INT("transA", 0),
			    NN_INT("transB", 0)) },
	{ MICROSOFT("FusedConv", rewrite_fused_conv),
	  .inputs = NN_PORTS(ONE("X"), ONE("W"), MAY("B"), MAY("Z")), .outputs = Y,
	  .attrs = NN_ATTRS(NN_OPTIONAL_ATTR("activation", STRING),
			    NN_OPTIONAL_ATTR("activation_params", FLOATS),
			    NN_TEXT("auto_pad", "NOTSET"), NN_OPTIONAL_ATTR("dilations", INTS),
			    NN_INT("group", 1), NN_OPTIONAL_ATTR("kernel_shape", INTS),
			    NN_OPTIONAL_ATTR("pads", INTS), NN_OPTIONAL_ATTR("strides", INTS)) },
	{ 0 }
};
