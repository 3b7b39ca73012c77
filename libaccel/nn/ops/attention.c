// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Attention of transformers, and what belongs to it: rotary positions, and caches of keys and
 * values.
 *
 * Queries, keys and values come with the heads as a dimension of their own ([batch, heads,
 * sequence, size]) or packed into the last one ([batch, sequence, heads * size]); both are
 * read in place, by steps.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "attention.h"

/* ---- Heads ---- */

/* 1 if its sizes are not known. `heads` is for packed ones, and then at least 1. */
static int read_heads(const struct nn_call *call, const char *name, const struct nn_shape *shape,
		      int64_t heads, struct nn_heads *h)
{
	bool packed = shape->rank == 3;

	if (!nn_shape_known(shape))
		return 1;
	if (shape->rank != 3 && shape->rank != 4)
		return nn_refuse(call, NULL, "its input %s has %d dimensions, not three or four", name,
				 shape->rank);
	if (packed && (heads < 1 || shape->dims[2] % heads))
		return nn_refuse(call, NULL, "its input %s has %" PRId64 " numbers for %" PRId64 " heads",
				 name, shape->dims[2], heads);
	h->batch = shape->dims[0];
	h->heads = packed ? heads : shape->dims[1];
	h->length = shape->dims[packed ? 1 : 2];
	h->size = packed ? shape->dims[2] / heads : shape->dims[3];
	h->by_batch = h->heads * h->length * h->size;
	h->by_head = packed ? h->size : h->length * h->size;
	h->by_place = packed ? h->heads * h->size : h->size;
	return 0;
}

static size_t place_of(const struct nn_heads *h, int64_t batch, int64_t head, int64_t place)
{
	return (size_t)(batch * h->by_batch + head * h->by_head + place * h->by_place);
}

/* ---- Attention ---- */

/* The cache of keys or of values fits the new ones: 1 if its sizes are not known. */
static int check_past(const struct nn_call *call, size_t input, const struct nn_heads *h, int64_t *past)
{
	const struct nn_shape *shape = &call->in[input]->shape;

	if (!nn_shape_known(shape))
		return 1;
	if (shape->rank != 4 || shape->dims[0] != h->batch || shape->dims[1] != h->heads ||
	    shape->dims[3] != h->size)
		return nn_refuse(call, NULL, "its input %s does not fit what is added to it",
				 call->node->op->inputs[input].name);
	*past = shape->dims[2];
	return 0;
}

static int check_pasts(const struct nn_call *call, struct nn_attention *a)
{
	int64_t values = 0;
	int ret;

	if (!nn_in_fact(call, NN_PAST_KEY) != !nn_in_fact(call, NN_PAST_VALUE))
		return nn_refuse(call, NULL, "it has a cache for keys or for values only");
	if (!nn_in_fact(call, NN_PAST_KEY))
		return 0;
	ret = check_past(call, NN_PAST_KEY, &a->k, &a->past);
	if (!ret)
		ret = check_past(call, NN_PAST_VALUE, &a->v, &values);
	if (!ret && values != a->past)
		ret = nn_refuse(call, NULL, "its caches have %" PRId64 " keys and %" PRId64 " values",
				a->past, values);
	return ret;
}

/* The mask is broadcast; from version 24 on it may be shorter than there are keys. */
static int check_mask(const struct nn_call *call, const struct nn_attention *a)
{
	const int64_t sizes[4] = { a->q.batch, a->q.heads, a->q.length, a->all };
	const struct nn_shape *mask = &call->in[NN_MASK]->shape;
	int i, at;
	bool fits;

	if (!nn_shape_known(mask))
		return 1;
	fits = mask->rank >= 2 && mask->rank <= 4;
	for (i = 0; i < mask->rank && fits; i++) {
		at = i + 4 - mask->rank;
		fits = mask->dims[i] == sizes[at] || mask->dims[i] == 1 ||
		       (at == 3 && call->node->opset >= 24 && mask->dims[i] < a->all);
	}
	return fits ? 0 : nn_refuse(call, NULL, "its mask does not fit %" PRId64 " queries and %" PRId64
				    " keys", a->q.length, a->all);
}

int nn_read_attention(const struct nn_call *call, struct nn_attention *a)
{
	int64_t kv_heads = nn_attr_given(call, "kv_num_heads") ? nn_attr_int(call, "kv_num_heads") : 0;
	int64_t q_heads = nn_attr_given(call, "q_num_heads") ? nn_attr_int(call, "q_num_heads") : 0;
	int ret;

	memset(a, 0, sizeof(*a));
	a->cap = nn_attr_float(call, "softcap");
	a->causal = nn_attr_int(call, "is_causal");
	a->mode = nn_attr_int(call, "qk_matmul_output_mode");
	a->packed = call->in[NN_Q]->shape.rank == 3;
	ret = read_heads(call, "Q", &call->in[NN_Q]->shape, q_heads, &a->q);
	if (!ret)
		ret = read_heads(call, "K", &call->in[NN_K]->shape, kv_heads, &a->k);
	if (!ret)
		ret = read_heads(call, "V", &call->in[NN_V]->shape, kv_heads, &a->v);
	if (ret)
		return ret;
	if (a->q.batch != a->k.batch || a->k.batch != a->v.batch || a->k.length != a->v.length ||
	    a->k.heads != a->v.heads || a->q.size != a->k.size)
		return nn_refuse(call, NULL, "its queries, keys and values do not fit each other");
	if (!a->k.heads || a->q.heads % a->k.heads)
		return nn_refuse(call, NULL, "its %" PRId64 " heads of queries do not share %" PRId64
				 " heads of keys", a->q.heads, a->k.heads);
	a->share = a->q.heads / a->k.heads;
	a->scale = nn_attr_given(call, "scale") ? nn_attr_float(call, "scale") :
		   1 / sqrt((double)a->q.size);
	ret = check_pasts(call, a);
	a->all = a->past + a->k.length;
	if (!ret && nn_in_fact(call, NN_MASK))
		ret = check_mask(call, a);
	return ret;
}

struct nn_heads nn_attention_result(const struct nn_attention *a)
{
	struct nn_heads to = a->q;

	to.size = a->v.size;
	to.by_batch = to.heads * to.length * to.size;
	to.by_head = a->packed ? to.size : to.length * to.size;
	to.by_place = a->packed ? to.heads * to.size : to.size;
	return to;
}

static void set_shape(const struct nn_call *call, size_t output, int64_t d0, int64_t d1, int64_t d2,
		      int64_t d3)
{
	struct nn_fact *out = nn_out_fact(call, output);

	if (out)
		out->shape = (struct nn_shape){ .rank = 4, .dims = { d0, d1, d2, d3 } };
}

static int infer_attention(struct nn_call *call)
{
	int64_t mode = nn_attr_int(call, "qk_matmul_output_mode");
	struct nn_attention a;
	int ret;

	if (mode < 0 || mode > 3)
		return nn_refuse(call, NULL, "its qk_matmul_output_mode is %" PRId64, mode);
	if (nn_out_fact(call, NN_SCORES))
		call->out[NN_SCORES]->type = call->in[NN_Q]->type;
	ret = nn_read_attention(call, &a);
	if (ret)
		return ret < 0 ? ret : 0;
	set_shape(call, NN_Y, a.q.batch, a.q.heads, a.q.length, a.v.size);
	if (a.packed)
		call->out[NN_Y]->shape = (struct nn_shape){
			.rank = 3, .dims = { a.q.batch, a.q.length, a.q.heads * a.v.size },
		};
	set_shape(call, NN_PRESENT_KEY, a.q.batch, a.k.heads, a.all, a.k.size);
	set_shape(call, NN_PRESENT_VALUE, a.q.batch, a.v.heads, a.all, a.v.size);
	set_shape(call, NN_SCORES, a.q.batch, a.q.heads, a.q.length, a.all);
	return 0;
}

/* The cache, and the new ones behind it, as one dense tensor. */
static int join(const struct nn_call *call, size_t past, size_t input, const struct nn_heads *h,
		int64_t before, struct nn_tensor *to)
{
	const struct nn_tensor *old = nn_contents(nn_in_fact(call, past));
	const struct nn_tensor *new = nn_contents(call->in[input]);
	const struct nn_shape shape = {
		.rank = 4, .dims = { h->batch, h->heads, before + h->length, h->size },
	};
	size_t bytes = nn_bytes(new->type, 1), row = (size_t)h->size * bytes;
	int64_t b, n, i;
	char *at;
	int ret = nn_tensor_init(to, new->type, &shape);

	if (ret)
		return nn_fail_node(call->node, ret, NULL, "memory is short");
	at = to->data;
	for (b = 0; b < h->batch && row; b++) {
		for (n = 0; n < h->heads; n++) {
			if (old)
				memcpy(at, (const char *)old->data +
				       (size_t)((b * h->heads + n) * before) * row,
				       (size_t)before * row);
			at += (size_t)before * row;
			for (i = 0; i < h->length; i++, at += row)
				memcpy(at, (const char *)new->data + place_of(h, b, n, i) * bytes, row);
		}
	}
	return 0;
}

struct attending {
	const struct nn_call *call;
	const struct nn_attention *a;
	const struct nn_tensor *q, *mask, *lengths;
	struct nn_tensor keys, values;
	double *row;			/* scores of one query */
};

/* What is added to the score of a query and a key: minus infinity hides it. */
static double bias(const struct attending *t, int64_t b, int64_t head, int64_t query, int64_t key)
{
	const int64_t at[4] = { b, head, query, key };
	double sum = 0;
	size_t place = 0;
	int i;

	if ((t->a->causal && key > query + t->a->past) ||
	    (t->lengths && key >= nn_get_int(t->lengths, (size_t)b)))
		sum = -INFINITY;
	if (!t->mask)
		return sum;
	for (i = 0; i < t->mask->shape.rank; i++) {
		int64_t size = t->mask->shape.dims[i], own = at[i + 4 - t->mask->shape.rank];

		if (size != 1 && own >= size)
			return -INFINITY;
		place = place * (size_t)size + (size_t)(size == 1 ? 0 : own);
	}
	if (t->mask->type == NN_BOOL)
		return nn_get_int(t->mask, place) ? sum : -INFINITY;
	return sum + nn_get(t->mask, place);
}

/* Fill t->row for one query, and keep what is asked for in between. */
static void score(const struct attending *t, int64_t b, int64_t head, int64_t query, size_t to)
{
	size_t q = place_of(&t->a->q, b, head, query), k, i;
	struct nn_tensor *kept = nn_result(t->call, NN_SCORES);
	const size_t size = (size_t)t->a->q.size;
	double most = -INFINITY, sum = 0, dot;
	int64_t key;

	for (key = 0; key < t->a->all; key++) {
		k = (size_t)((b * t->a->k.heads + head / t->a->share) * t->a->all + key) * size;
		for (i = 0, dot = 0; i < size; i++)
			dot += nn_get(t->q, q + i) * nn_get(&t->keys, k + i);
		dot *= t->a->scale;
		if (kept && t->a->mode == 0)
			nn_set(kept, to + (size_t)key, dot);
		dot += bias(t, b, head, query, key);
		if (kept && t->a->mode == 1)
			nn_set(kept, to + (size_t)key, dot);
		if (t->a->cap > 0)
			dot = t->a->cap * tanh(dot / t->a->cap);
		if (kept && t->a->mode == 2)
			nn_set(kept, to + (size_t)key, dot);
		t->row[key] = dot;
		most = fmax(most, dot);
	}
	for (key = 0; key < t->a->all; key++) {
		t->row[key] = exp(t->row[key] - most);
		sum += t->row[key];
	}
	for (key = 0; key < t->a->all; key++) {
		t->row[key] /= sum;
		if (kept && t->a->mode == 3)
			nn_set(kept, to + (size_t)key, t->row[key]);
	}
}

static void attend(const struct attending *t)
{
	const struct nn_attention *a = t->a;
	struct nn_heads to = nn_attention_result(a);
	int64_t i, b, head, query, key, n;
	double sum;
	size_t v;

	/* However many nothings there are. */
	if (!nn_result(t->call, NN_Y)->count && !nn_result(t->call, NN_SCORES))
		return;
	for (i = 0; i < a->q.batch * a->q.heads * a->q.length; i++) {
		query = i % a->q.length;
		head = i / a->q.length % a->q.heads;
		b = i / a->q.length / a->q.heads;
		score(t, b, head, query, (size_t)(i * a->all));
		v = (size_t)((b * a->v.heads + head / a->share) * a->all * a->v.size);
		for (n = 0; n < a->v.size; n++) {
			for (key = 0, sum = 0; key < a->all; key++)
				sum += t->row[key] *
				       nn_get(&t->values, v + (size_t)(key * a->v.size + n));
			nn_set(nn_result(t->call, NN_Y), place_of(&to, b, head, query) + (size_t)n, sum);
		}
	}
}

static void give(const struct nn_call *call, size_t output, const struct nn_tensor *from)
{
	struct nn_tensor *to = nn_result(call, output);

	if (to && from->count)
		memcpy(to->data, from->data, nn_bytes(from->type, from->count));
}

static int evaluate_attention(struct nn_call *call)
{
	struct nn_attention a;
	struct attending t = {
		.call = call, .a = &a, .q = nn_contents(call->in[NN_Q]),
		.mask = nn_contents(nn_in_fact(call, NN_MASK)),
		.lengths = nn_contents(nn_in_fact(call, NN_LENGTHS)),
	};
	int ret = nn_read_attention(call, &a);

	if (!ret && t.lengths && (t.lengths->shape.rank != 1 || t.lengths->shape.dims[0] != a.q.batch))
		ret = nn_refuse(call, NULL, "it has %zu lengths for a batch of %" PRId64,
				t.lengths->count, a.q.batch);
	if (ret)
		return ret;
	t.row = calloc((size_t)a.all + 1, sizeof(*t.row));
	if (!t.row)
		return nn_no_memory(call);
	ret = join(call, NN_PAST_KEY, NN_K, &a.k, a.past, &t.keys);
	if (!ret)
		ret = join(call, NN_PAST_VALUE, NN_V, &a.v, a.past, &t.values);
	if (!ret) {
		attend(&t);
		give(call, NN_PRESENT_KEY, &t.keys);
		give(call, NN_PRESENT_VALUE, &t.values);
	}
	nn_tensor_release(&t.keys);
	nn_tensor_release(&t.values);
	free(t.row);
	return ret;
}

/* ---- RotaryEmbedding ---- */

int nn_read_rotary(const struct nn_call *call, struct nn_rotary *r)
{
	const struct nn_shape *cos = &call->in[1]->shape, *sin = &call->in[2]->shape;
	int64_t turned = nn_attr_int(call, "rotary_embedding_dim");
	struct nn_fact *ids = nn_in_fact(call, 3);
	bool fits;
	int ret;

	ret = read_heads(call, "X", &call->in[0]->shape, nn_attr_int(call, "num_heads"), &r->x);
	if (ret || !nn_shape_known(cos) || !nn_shape_known(sin) ||
	    (ids && !nn_shape_known(&ids->shape)))
		return ret ? ret : 1;
	turned = turned ? turned : r->x.size;
	r->interleaved = nn_attr_int(call, "interleaved");
	r->half = turned / 2;
	r->positions = ids ? cos->dims[0] : 0;
	fits = turned > 0 && turned % 2 == 0 && turned <= r->x.size && nn_shape_equal(cos, sin) &&
	       cos->rank == (ids ? 2 : 3) && cos->dims[cos->rank - 1] == r->half;
	if (fits && ids)
		fits = ids->shape.rank == 2 && ids->shape.dims[0] == r->x.batch &&
		       ids->shape.dims[1] == r->x.length;
	else if (fits)
		fits = cos->dims[0] == r->x.batch && cos->dims[1] == r->x.length;
	return fits ? 0 : nn_refuse(call, NULL, "its caches of sines and cosines do not fit its input");
}

static int infer_rotary(struct nn_call *call)
{
	struct nn_rotary r;
	int ret = nn_read_rotary(call, &r);

	return ret < 0 ? ret : nn_infer_same(call);
}

/* Turn the pairs of one place of one head; what is behind them stays. */
static void turn(const struct nn_call *call, const struct nn_rotary *r, size_t at, size_t angle)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	const struct nn_tensor *cos = nn_contents(call->in[1]), *sin = nn_contents(call->in[2]);
	struct nn_tensor *y = nn_result(call, 0);
	size_t half = (size_t)r->half, i, first, second;
	double a, b, c, s;

	for (i = 0; i < half; i++) {
		first = at + (r->interleaved ? 2 * i : i);
		second = first + (r->interleaved ? 1 : half);
		a = nn_get(x, first);
		b = nn_get(x, second);
		c = nn_get(cos, angle + i);
		s = nn_get(sin, angle + i);
		nn_set(y, first, c * a - s * b);
		nn_set(y, second, s * a + c * b);
	}
	for (i = 2 * half; i < (size_t)r->x.size; i++)
		nn_copy_element(y, at + i, x, at + i);
}

static int evaluate_rotary(struct nn_call *call)
{
	const struct nn_tensor *ids = nn_contents(nn_in_fact(call, 3));
	int64_t b, head, i, row;
	struct nn_rotary r;
	int ret = nn_read_rotary(call, &r);

	for (b = 0; b < r.x.batch && r.x.heads && !ret; b++) {
		for (i = 0; i < r.x.length && !ret; i++) {
			row = b * r.x.length + i;
			if (ids)
				ret = nn_index(call, nn_get_int(ids, (size_t)row), r.positions, &row);
			for (head = 0; head < r.x.heads && !ret; head++)
				turn(call, &r, place_of(&r.x, b, head, i), (size_t)(row * r.half));
		}
	}
	return ret;
}

/* ---- TensorScatter ---- */

static int infer_tensor_scatter(struct nn_call *call)
{
	const struct nn_shape *cache = &call->in[0]->shape, *update = &call->in[1]->shape;
	const char *mode = nn_attr_text(call, "mode");
	int axis, i, ret;

	if (strcmp(mode, "linear") && strcmp(mode, "circular"))
		return nn_refuse(call, NULL, "its mode is something that ONNX does not have");
	if (!nn_shape_known(cache) || !nn_shape_known(update))
		return nn_infer_same(call);
	ret = nn_axis(call, "axis", nn_attr_int(call, "axis"), cache->rank, &axis);
	if (!ret && !axis)
		ret = nn_refuse(call, NULL, "its axis is that of the batch");
	if (!ret && update->rank != cache->rank)
		ret = nn_refuse(call, NULL, "its inputs have %d and %d dimensions", cache->rank,
				update->rank);
	for (i = 0; i < cache->rank && !ret; i++)
		if (i == axis ? update->dims[i] > cache->dims[i] : update->dims[i] != cache->dims[i])
			ret = nn_refuse(call, NULL, "dimension %d of its inputs is %" PRId64 " and %"
					PRId64, i, cache->dims[i], update->dims[i]);
	return ret ? ret : nn_infer_same(call);
}

static int evaluate_tensor_scatter(struct nn_call *call)
{
	const struct nn_tensor *cache = nn_contents(call->in[0]), *update = nn_contents(call->in[1]);
	const struct nn_tensor *starts = nn_contents(nn_in_fact(call, 2));
	bool circular = !strcmp(nn_attr_text(call, "mode"), "circular");
	struct nn_tensor *y = nn_result(call, 0);
	size_t before, behind, i, bytes;
	int64_t size, count, k, at;
	int axis;

	nn_axis(call, "axis", nn_attr_int(call, "axis"), cache->shape.rank, &axis);
	nn_around(&cache->shape, axis, &before, &behind);
	size = cache->shape.dims[axis];
	count = update->shape.dims[axis];
	bytes = behind * nn_bytes(cache->type, 1);
	if (starts && (starts->shape.rank != 1 || starts->shape.dims[0] != cache->shape.dims[0]))
		return nn_refuse(call, NULL, "it has %zu write_indices for a batch of %" PRId64,
				 starts->count, cache->shape.dims[0]);
	if (cache->count)
		memcpy(y->data, cache->data, nn_bytes(cache->type, cache->count));
	for (i = 0; i < before && cache->count; i++) {
		at = starts ? nn_get_int(starts, i / (before / (size_t)cache->shape.dims[0])) : 0;
		if (at < 0 || at > size || (!circular && at > size - count))
			return nn_refuse(call, NULL, "%" PRId64 " places from %" PRId64
					 " on are not within %" PRId64, count, at, size);
		for (k = 0; k < count; k++)
			memcpy((char *)y->data +
			       (i * (size_t)size + (size_t)((at + k) % size)) * bytes,
			       (const char *)update->data + (i * (size_t)count + (size_t)k) * bytes,
			       bytes);
	}
	return 0;
}

/* ---- Table ---- */

#define MASKS		(NN_NUMBERS | NN_SET(NN_BOOL))
#define INPUTS \
	{ "Q", 'T', NN_FLOATS, NN_ONE }, { "K", 'T', NN_FLOATS, NN_ONE }, \
	{ "V", 'U', NN_FLOATS, NN_ONE }, { "attn_mask", 0, MASKS, NN_OPTIONAL }, \
	{ "past_key", 'T', NN_FLOATS, NN_OPTIONAL }, { "past_value", 'U', NN_FLOATS, NN_OPTIONAL }
#define ATTENTION(v, ...) \
	{ .name = "Attention", .since = v, .inputs = NN_PORTS(__VA_ARGS__), .costly = true, \
	  .outputs = NN_PORTS({ "Y", 'T', NN_FLOATS, NN_ONE }, \
			      { "present_key", 'T', NN_FLOATS, NN_OPTIONAL }, \
			      { "present_value", 'U', NN_FLOATS, NN_OPTIONAL }, \
			      { "qk_matmul_output", 'T', NN_FLOATS, NN_OPTIONAL }), \
	  .attrs = NN_ATTRS(NN_INT("is_causal", 0), NN_OPTIONAL_ATTR("kv_num_heads", INT), \
			    NN_OPTIONAL_ATTR("q_num_heads", INT), \
			    NN_INT("qk_matmul_output_mode", 0), NN_OPTIONAL_ATTR("scale", FLOAT), \
			    NN_FLOAT("softcap", 0), NN_OPTIONAL_ATTR("softmax_precision", INT)), \
	  .infer = infer_attention, .evaluate = evaluate_attention }

const struct nn_op nn_ops_attention[] = {
	ATTENTION(23, INPUTS),
	ATTENTION(24, INPUTS, { "nonpad_kv_seqlen", 0, NN_SET(NN_I64), NN_OPTIONAL }),
	{ .name = "RotaryEmbedding", .since = 23,
	  .inputs = NN_PORTS({ "X", 'T', NN_FLOATS, NN_ONE }, { "cos_cache", 'T', NN_FLOATS, NN_ONE },
			     { "sin_cache", 'T', NN_FLOATS, NN_ONE },
			     { "position_ids", 0, NN_SET(NN_I64), NN_OPTIONAL }),
	  .outputs = NN_PORTS({ "Y", 'T', NN_FLOATS, NN_ONE }),
	  .attrs = NN_ATTRS(NN_INT("interleaved", 0), NN_INT("num_heads", 0),
			    NN_INT("rotary_embedding_dim", 0)),
	  .infer = infer_rotary, .evaluate = evaluate_rotary },
	{ .name = "TensorScatter", .since = 24,
	  .inputs = NN_PORTS({ "past_cache", 'T', NN_PLAIN, NN_ONE },
			     { "update", 'T', NN_PLAIN, NN_ONE },
			     { "write_indices", 0, NN_SET(NN_I64), NN_OPTIONAL }),
	  .outputs = NN_PORTS({ "present_cache", 'T', NN_PLAIN, NN_ONE }),
	  .attrs = NN_ATTRS(NN_INT("axis", -2), NN_TEXT("mode", "linear")),
	  .infer = infer_tensor_scatter, .evaluate = evaluate_tensor_scatter },
	{ 0 }
};
