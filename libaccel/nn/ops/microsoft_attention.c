// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Attention as ONNX Runtime has it, written as ONNX's own Attention, RotaryEmbedding and
 * TensorScatter.
 *
 * GroupQueryAttention is that of exported language models: it turns queries and keys by their
 * positions, puts keys and values into the cache, and hides from each query what comes after it.
 * The texts of a batch may differ in length, so where a text goes on is known by seqlens_k
 * only; if the cache has room for more than there is, it keeps its size.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>

#include "microsoft.h"

#define HEADS(x, count) \
	nn_emit(r, "Reshape", x, nn_emit_list(r, NN_LIST(0, 0, count, -1)))

/* [batch, sequence, heads * size] to [batch, heads, sequence, size], and back. */
static struct nn_value *emit_heads(struct nn_rewrite *r, struct nn_value *x, int64_t heads)
{
	x = nn_emit(r, "Transpose", HEADS(x, heads));
	nn_emit_ints(r, "perm", NN_LIST(0, 2, 1, 3));
	return x;
}

static struct nn_value *emit_packed(struct nn_rewrite *r, struct nn_value *x)
{
	x = nn_emit(r, "Transpose", x);
	nn_emit_ints(r, "perm", NN_LIST(0, 2, 1, 3));
	return nn_emit(r, "Reshape", x, nn_emit_list(r, NN_LIST(0, 0, -1)));
}

static struct nn_value *emit_integers(struct nn_rewrite *r, struct nn_value *x, int64_t size)
{
	x = nn_emit(r, "Cast", x);
	nn_emit_int(r, "to", NN_I64);
	return nn_emit(r, "Reshape", x, nn_emit_list(r, NN_LIST(size)));
}

/* 0, 1, ... below a size, which is a list of one. */
static struct nn_value *emit_range(struct nn_rewrite *r, struct nn_value *size)
{
	return nn_emit(r, "Range", nn_emit_scalar(r, 0), nn_emit(r, "Squeeze", size),
		       nn_emit_scalar(r, 1));
}

static int check_heads(const struct nn_rewrite *r, int64_t heads)
{
	if (heads >= 1 && heads <= INT32_MAX)
		return 0;
	return nn_refuse(&r->call, NULL, "it has %" PRId64 " heads", heads);
}

static struct nn_value *emit_attention(struct nn_rewrite *r, struct nn_value *const *inputs,
				       int64_t heads, int64_t kv_heads)
{
	struct nn_value *y = nn_emit_node(r, "Attention", 6, inputs);

	nn_emit_int(r, "q_num_heads", heads);
	nn_emit_int(r, "kv_num_heads", kv_heads);
	if (nn_attr_given(&r->call, "scale") && nn_attr_float(&r->call, "scale") != 0)
		nn_emit_float(r, "scale", nn_attr_float(&r->call, "scale"));
	return y;
}

/* ---- RotaryEmbedding ---- */

/* Pairs of numbers that are turned; 0, if the model does not say. */
static int64_t size_of_half(const struct nn_value *cos)
{
	int64_t half = nn_rewrite_size(cos, 1);

	return half > 0 && half <= INT32_MAX ? half : 0;
}

static struct nn_value *emit_rotary(struct nn_rewrite *r, struct nn_value *x, struct nn_value *cos,
				    struct nn_value *sin, struct nn_value *places, int64_t heads,
				    bool interleaved)
{
	int64_t half = size_of_half(cos);

	x = nn_emit(r, "RotaryEmbedding", x, cos, sin, places);
	nn_emit_int(r, "interleaved", interleaved);
	nn_emit_int(r, "num_heads", heads);
	nn_emit_int(r, "rotary_embedding_dim", 2 * half);
	return x;
}

/* Positions may be one, from which all of a batch count; [batch, sequence] of one is the same. */
static struct nn_value *emit_places(struct nn_rewrite *r, struct nn_value *given,
				    struct nn_value *batch, struct nn_value *length)
{
	struct nn_value *one = nn_emit(r, "Equal", nn_emit(r, "Size", given), nn_emit_scalar(r, 1));
	struct nn_value *steps = nn_emit(r, "Where", one, emit_range(r, length), nn_emit_scalar(r, 0));
	struct nn_value *shape = nn_emit(r, "Concat", batch, length);

	nn_emit_int(r, "axis", 0);
	return nn_emit(r, "Expand", nn_emit(r, "Add", given, steps), shape);
}

static int rewrite_rotary(struct nn_rewrite *r)
{
	struct nn_value *x = nn_rewrite_in(r, 0), *cos = nn_rewrite_in(r, 2), *places;
	bool packed = nn_rewrite_rank(x) != 4, split = false;
	int64_t heads = nn_attr_int(&r->call, "num_heads"), half = size_of_half(cos);

	if (nn_attr_int(&r->call, "is_packed_batching") || nn_attr_float(&r->call, "scale") != 1)
		return nn_cannot_rewrite(r, "packed batches or a scale");
	if (packed && !heads && !half)
		return nn_cannot_rewrite(r, "heads of unknown size");
	places = emit_places(r, nn_rewrite_in(r, 1), nn_emit_size(r, x, 0),
			     nn_emit_size(r, x, packed ? 1 : 2));
	if (packed && !heads) {
		/* As many as there is room for. */
		split = true;
		x = nn_emit(r, "Reshape", x, nn_emit_list(r, NN_LIST(0, 0, -1, 2 * half)));
		x = nn_emit(r, "Transpose", x);
		nn_emit_ints(r, "perm", NN_LIST(0, 2, 1, 3));
	}
	x = emit_rotary(r, x, cos, nn_rewrite_in(r, 3), places, heads,
			nn_attr_int(&r->call, "interleaved"));
	nn_rewrite_result(r, 0, split ? emit_packed(r, x) : x);
	return 0;
}

/* ---- GroupQueryAttention ---- */

enum { QUERY, KEY, VALUE, PAST_KEY, PAST_VALUE, LENGTHS, TOTAL, COS, SIN, PLACES, BIAS, SINK };

/* The three, if they come as one. */
static void unpack(struct nn_rewrite *r, int64_t heads, int64_t kv_heads, struct nn_value **qkv)
{
	int i;

	qkv[0] = nn_emit(r, "Split", HEADS(qkv[0], heads + 2 * kv_heads),
			 nn_emit_list(r, NN_LIST(heads, kv_heads, kv_heads)));
	nn_emit_int(r, "axis", 2);
	qkv[1] = nn_emit_output(r);
	qkv[2] = nn_emit_output(r);
	for (i = 0; i < 3; i++)
		qkv[i] = nn_emit(r, "Reshape", qkv[i], nn_emit_list(r, NN_LIST(0, 0, -1)));
}

/* The cache with what is new at the places from `first` on; it grows if need be. */
static struct nn_value *emit_cache(struct nn_rewrite *r, struct nn_value *past, struct nn_value *new,
				   struct nn_value *first)
{
	struct nn_value *total, *more, *pads;

	if (!past)
		return new;
	total = emit_integers(r, nn_rewrite_in(r, TOTAL), 1);
	more = nn_emit(r, "Max", nn_emit(r, "Sub", total, nn_emit_size(r, past, 2)),
		       nn_emit_scalar(r, 0));
	pads = nn_emit(r, "Concat", nn_emit_list(r, NN_LIST(0, 0, 0, 0, 0, 0)), more,
		       nn_emit_list(r, NN_LIST(0)));
	nn_emit_int(r, "axis", 0);
	return nn_emit(r, "TensorScatter", nn_emit(r, "Pad", past, pads), new, first);
}

/* What each query may look at, and what is added to its scores. */
static struct nn_value *emit_mask(struct nn_rewrite *r, struct nn_value *keys,
				  struct nn_value *places)
{
	int64_t window = nn_attr_int(&r->call, "local_window_size");
	struct nn_value *bias = nn_rewrite_in(r, BIAS), *mask, *near;
	struct nn_value *key = emit_range(r, nn_emit_size(r, keys, 2));

	places = nn_emit(r, "Unsqueeze", places, nn_emit_list(r, NN_LIST(1, 3)));
	mask = nn_emit(r, "LessOrEqual", key, places);
	if (window > 0) {
		near = nn_emit(r, "Sub", places, nn_emit_scalar(r, window));
		mask = nn_emit(r, "And", mask, nn_emit(r, "Greater", key, near));
	}
	if (!bias)
		return mask;
	return nn_emit(r, "Where", mask, bias, nn_emit_like(r, -INFINITY, bias));
}

static const char *what_is_missing(const struct nn_rewrite *r)
{
	if (nn_rewrite_in(r, SINK) || nn_attr_int(&r->call, "smooth_softmax") > 0)
		return "smooth_softmax or head_sink";
	if (nn_attr_float(&r->call, "softcap") != 0)
		return "softcap";
	if (nn_rewrite_wants(r, 3))
		return "output_qk";
	return r->call.node->input_count > SINK + 1 ? "quantised caches" : NULL;
}

static int rewrite_group_query(struct nn_rewrite *r)
{
	int64_t heads = nn_attr_int(&r->call, "num_heads"), i;
	int64_t kv_heads = nn_attr_int(&r->call, "kv_num_heads");
	bool interleaved = nn_attr_int(&r->call, "rotary_interleaved");
	struct nn_value *qkv[3] = { nn_rewrite_in(r, QUERY), nn_rewrite_in(r, KEY),
				    nn_rewrite_in(r, VALUE) };
	struct nn_value *length, *first, *places, *turned;

	if (check_heads(r, heads) || check_heads(r, kv_heads))
		return -EINVAL;
	if (what_is_missing(r))
		return nn_cannot_rewrite(r, what_is_missing(r));
	length = nn_emit_size(r, qkv[0], 1);
	first = nn_emit(r, "Sub", emit_integers(r, nn_rewrite_in(r, LENGTHS), -1),
			nn_emit(r, "Sub", length, nn_emit_scalar(r, 1)));
	/* Texts that are shorter than the longest are filled up behind their ends. */
	first = nn_emit(r, "Max", first, nn_emit_scalar(r, 0));
	places = nn_emit(r, "Add", nn_emit(r, "Unsqueeze", first, nn_emit_list(r, NN_LIST(1))),
			 emit_range(r, length));
	if (!qkv[1])
		unpack(r, heads, kv_heads, qkv);
	turned = nn_rewrite_in(r, PLACES) ? nn_rewrite_in(r, PLACES) : places;
	for (i = 0; i < 2 && nn_attr_int(&r->call, "do_rotary"); i++)
		qkv[i] = emit_rotary(r, qkv[i], nn_rewrite_in(r, COS), nn_rewrite_in(r, SIN), turned,
				     i ? kv_heads : heads, interleaved);
	for (i = 1; i < 3; i++)
		qkv[i] = emit_cache(r, nn_rewrite_in(r, (size_t)(PAST_KEY + i - 1)),
				    emit_heads(r, qkv[i], kv_heads), first);
	nn_rewrite_result(r, 0, emit_attention(r, (struct nn_value *[6]){
			  qkv[0], qkv[1], qkv[2], emit_mask(r, qkv[1], places) }, heads, kv_heads));
	nn_rewrite_result(r, 1, qkv[1]);
	nn_rewrite_result(r, 2, qkv[2]);
	return 0;
}

/* ---- MultiHeadAttention, Attention ---- */

/* Which keys of a text are there: as numbers that are not zero, or how many from the first on. */
static struct nn_value *emit_there(struct nn_rewrite *r, struct nn_value *mask, struct nn_value *keys)
{
	if (nn_rewrite_rank(mask) == 2) {
		mask = nn_emit(r, "Cast", mask);
		nn_emit_int(r, "to", NN_BOOL);
		return mask;
	}
	mask = nn_emit(r, "Unsqueeze", emit_integers(r, mask, -1), nn_emit_list(r, NN_LIST(1)));
	return nn_emit(r, "Less", emit_range(r, keys), mask);
}

/*
 * What is added to scores. Keys that are not there get an addend, not minus infinity, so that a row
 * of nothing else has a mean all the same.
 */
static struct nn_value *emit_bias(struct nn_rewrite *r, struct nn_value *mask, struct nn_value *keys,
				  struct nn_value *bias)
{
	struct nn_value *like = nn_rewrite_in(r, 0), *filter;

	if (!mask)
		return bias;
	mask = nn_emit(r, "Unsqueeze", emit_there(r, mask, keys), nn_emit_list(r, NN_LIST(1, 2)));
	filter = nn_emit_like(r, nn_attr_float(&r->call, "mask_filter_value"), like);
	filter = nn_emit(r, "Where", mask, nn_emit_like(r, 0, like), filter);
	return bias ? nn_emit(r, "Add", filter, bias) : filter;
}

#define UNKNOWN_MASK	"a mask that is neither of two dimensions nor of lengths"

static bool is_mask(const struct nn_value *mask)
{
	return !mask || nn_rewrite_rank(mask) == 1 || nn_rewrite_rank(mask) == 2;
}

/* Biases of queries, keys and values are one list. */
static void add_biases(struct nn_rewrite *r, struct nn_value *biases, struct nn_value **qkv)
{
	struct nn_value *sizes, *part[3];
	int i;

	sizes = nn_emit(r, "Concat", nn_emit_size(r, qkv[0], 2), nn_emit_size(r, qkv[1], 2),
			nn_emit_size(r, qkv[2], 2));
	nn_emit_int(r, "axis", 0);
	part[0] = nn_emit(r, "Split", biases, sizes);
	part[1] = nn_emit_output(r);
	part[2] = nn_emit_output(r);
	for (i = 0; i < 3; i++)
		qkv[i] = nn_emit(r, "Add", qkv[i], part[i]);
}

static int rewrite_multi_head(struct nn_rewrite *r)
{
	enum { BIASES = 3, PADDING, ADDED, OLD_KEY, OLD_VALUE };
	int64_t heads = nn_attr_int(&r->call, "num_heads");
	struct nn_value *qkv[3] = { nn_rewrite_in(r, 0), nn_rewrite_in(r, 1), nn_rewrite_in(r, 2) };
	struct nn_value *mask = nn_rewrite_in(r, PADDING), *past = nn_rewrite_in(r, OLD_KEY), *keys, *y;
	bool apart = nn_rewrite_rank(qkv[1]) == 4;

	if (check_heads(r, heads))
		return -EINVAL;
	if (!qkv[1] || !qkv[2] || nn_rewrite_rank(qkv[0]) > 3 || nn_rewrite_rank(qkv[1]) > 4)
		return nn_cannot_rewrite(r, "packed queries, keys and values");
	if (!is_mask(mask) || (mask && nn_rewrite_rank(qkv[1]) < 0))
		return nn_cannot_rewrite(r, UNKNOWN_MASK);
	if (r->call.node->input_count > OLD_VALUE + 1 || nn_rewrite_wants(r, 3))
		return nn_cannot_rewrite(r, "caches that are shared by past and present");
	if (nn_rewrite_in(r, BIASES) && apart)
		return nn_cannot_rewrite(r, "biases, and keys with heads of their own");
	keys = nn_emit_size(r, qkv[1], apart ? 2 : 1);
	if (past)
		keys = nn_emit(r, "Add", keys, nn_emit_size(r, past, 2));
	if (nn_rewrite_in(r, BIASES))
		add_biases(r, nn_rewrite_in(r, BIASES), qkv);
	y = emit_attention(r, (struct nn_value *[6]){
			   qkv[0], qkv[1], qkv[2], emit_bias(r, mask, keys, nn_rewrite_in(r, ADDED)),
			   past, nn_rewrite_in(r, OLD_VALUE) }, heads, heads);
	nn_emit_int(r, "is_causal", nn_attr_int(&r->call, "unidirectional"));
	nn_rewrite_result(r, 0, y);
	if (nn_rewrite_wants(r, 1))
		nn_rewrite_result(r, 1, nn_emit_output(r));
	if (nn_rewrite_wants(r, 2))
		nn_rewrite_result(r, 2, nn_emit_output(r));
	return 0;
}

/* The cache of an Attention: keys and values, one behind the other. */
static struct nn_value *emit_past(struct nn_rewrite *r, struct nn_value *past, int64_t which)
{
	if (!past)
		return NULL;
	return nn_emit(r, "Gather", past, nn_emit_scalar(r, which));
}

int nn_rewrite_packed(struct nn_rewrite *r, struct nn_value *qkv, struct nn_value *mask,
		      struct nn_value *past, struct nn_value *bias)
{
	int64_t heads = nn_attr_int(&r->call, "num_heads");
	struct nn_value *q, *k, *v, *y, *keys;
	const int64_t *sizes = NULL;
	size_t count = nn_attr_ints(&r->call, "qkv_hidden_sizes", &sizes);

	if (check_heads(r, heads))
		return -EINVAL;
	if (count && count != 3)
		return nn_cannot_rewrite(r, "its qkv_hidden_sizes");
	q = nn_emit(r, "Split", qkv, count ? nn_emit_list(r, count, sizes) : NULL);
	nn_emit_int(r, "axis", 2);
	if (!count)
		nn_emit_int(r, "num_outputs", 3);
	k = nn_emit_output(r);
	v = nn_emit_output(r);
	keys = nn_emit_size(r, k, 1);
	if (past)
		keys = nn_emit(r, "Add", keys, nn_emit_size(r, past, 3));
	bias = emit_bias(r, mask, keys, bias);
	y = emit_attention(r, (struct nn_value *[6]){ q, k, v, bias, emit_past(r, past, 0),
						      emit_past(r, past, 1) }, heads, heads);
	nn_emit_int(r, "is_causal", nn_attr_int(&r->call, "unidirectional"));
	if (nn_rewrite_wants(r, 1)) {
		k = nn_emit_output(r);
		v = nn_emit_output(r);
		k = nn_emit(r, "Unsqueeze", k, nn_emit_list(r, NN_LIST(0)));
		v = nn_emit(r, "Unsqueeze", v, nn_emit_list(r, NN_LIST(0)));
		k = nn_emit(r, "Concat", k, v);
		nn_emit_int(r, "axis", 0);
		nn_rewrite_result(r, 1, k);
	}
	nn_rewrite_result(r, 0, y);
	return 0;
}

const char *nn_packed_lacks(struct nn_rewrite *r, struct nn_value *mask)
{
	if (nn_attr_int(&r->call, "do_rotary") || nn_attr_int(&r->call, "past_present_share_buffer"))
		return "do_rotary or past_present_share_buffer";
	return is_mask(mask) ? NULL : UNKNOWN_MASK;
}

static int rewrite_attention(struct nn_rewrite *r)
{
	enum { X, WEIGHTS, BIASES, MASK, PAST, ADDED, PAST_LENGTH };
	struct nn_value *mask = nn_rewrite_in(r, MASK), *qkv;

	if (nn_packed_lacks(r, mask) || nn_rewrite_in(r, PAST_LENGTH))
		return nn_cannot_rewrite(r, nn_packed_lacks(r, mask) ? nn_packed_lacks(r, mask) :
					 "past_sequence_length");
	qkv = nn_emit(r, "MatMul", nn_rewrite_in(r, X), nn_rewrite_in(r, WEIGHTS));
	if (nn_rewrite_in(r, BIASES))
		qkv = nn_emit(r, "Add", qkv, nn_rewrite_in(r, BIASES));
	return nn_rewrite_packed(r, qkv, mask, nn_rewrite_in(r, PAST), nn_rewrite_in(r, ADDED));
}

/* ---- Table ---- */

#define ONE(n)		{ n, 0, 0, NN_ONE }
#define MAY(n)		{ n, 0, 0, NN_OPTIONAL }
#define MICROSOFT(n, f)	.domain = NN_MICROSOFT, .name = n, .since = 1, .rewrite = f

const struct nn_op nn_ops_microsoft_attention[] = {
	{ MICROSOFT("RotaryEmbedding", rewrite_rotary),
	  .inputs = NN_PORTS(ONE("input"), ONE("position_ids"), ONE("cos_cache"), ONE("sin_cache")),
	  .outputs = NN_PORTS(ONE("output")),
	  .attrs = NN_ATTRS(NN_INT("interleaved", 0), NN_INT("is_packed_batching", 0),
			    NN_INT("num_heads", 0), NN_INT("rotary_embedding_dim", 0),
			    NN_FLOAT("scale", 1)) },
	{ MICROSOFT("GroupQueryAttention", rewrite_group_query),
	  .inputs = NN_PORTS(ONE("query"), MAY("key"), MAY("value"), MAY("past_key"),
			     MAY("past_value"), ONE("seqlens_k"), ONE("total_sequence_length"),
			     MAY("cos_cache"), MAY("sin_cache"), MAY("position_ids"),
			     MAY("attention_bias"), MAY("head_sink"), MAY("k_scale"),
			     MAY("v_scale")),
	  .outputs = NN_PORTS(ONE("output"), MAY("present_key"), MAY("present_value"),
			      MAY("output_qk")),
	  .attrs = NN_ATTRS(NN_INT("do_rotary", 0), NN_INT("kv_cache_bit_width", 0),
			    NN_REQUIRED_ATTR("kv_num_heads", INT), NN_TEXT("k_quant_type", "NONE"),
			    NN_INT("local_window_size", -1), NN_REQUIRED_ATTR("num_heads", INT),
			    NN_INT("qk_output", 0), NN_INT("rotary_interleaved", 0),
			    NN_OPTIONAL_ATTR("scale", FLOAT), NN_INT("smooth_softmax", -1),
			    NN_FLOAT("softcap", 0), NN_TEXT("v_quant_type", "NONE")) },
	{ MICROSOFT("MultiHeadAttention", rewrite_multi_head),
	  .inputs = NN_PORTS(ONE("query"), MAY("key"), MAY("value"), MAY("bias"),
			     MAY("key_padding_mask"), MAY("attention_bias"), MAY("past_key"),
			     MAY("past_value"), MAY("past_sequence_length"),
			     MAY("cache_indirection")),
	  .outputs = NN_PORTS(ONE("output"), MAY("present_key"), MAY("present_value"), MAY("qk")),
	  .attrs = NN_ATTRS(NN_FLOAT("mask_filter_value", -10000), NN_REQUIRED_ATTR("num_heads", INT),
			    NN_OPTIONAL_ATTR("scale", FLOAT), NN_INT("unidirectional", 0)) },
	{ MICROSOFT("Attention", rewrite_attention),
	  .inputs = NN_PORTS(ONE("input"), ONE("weights"), MAY("bias"), MAY("mask_index"),
			     MAY("past"), MAY("attention_bias"), MAY("past_sequence_length")),
	  .outputs = NN_PORTS(ONE("output"), MAY("present")),
	  .attrs = NN_ATTRS(NN_INT("do_rotary", 0), NN_FLOAT("mask_filter_value", -10000),
			    NN_REQUIRED_ATTR("num_heads", INT), NN_INT("past_present_share_buffer", 0),
			    NN_OPTIONAL_ATTR("qkv_hidden_sizes", INTS),
			    NN_INT("rotary_embedding_dim", 0), NN_OPTIONAL_ATTR("scale", FLOAT),
			    NN_INT("unidirectional", 0)) },
	{ 0 }
};
