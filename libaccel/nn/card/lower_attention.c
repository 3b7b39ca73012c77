// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Attention and rotary positions.
 *
 * Attention is a product (the scores of all queries and keys), a program that scales and masks them
 * and makes Softmax of their rows, and another product. Heads of queries that share a head of
 * keys are rows of one matrix where they lie one behind the other, so that keys are neither
 * repeated in memory nor read more than once. The cache grows by two copies; without a cache,
 * keys and values are read where they are, also if their heads are packed.
 *
 * The scores of all queries lie in memory in between. Rejected for now: a kernel of its own that
 * keeps them in scratchpad. It would pay for long inputs; what is generated word by word has few
 * scores.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "../../error.h"
#include "../ops/attention.h"
#include "move.h"
#include "product.h"

#define WHAT	"cannot plan the model"
#define F32	EGRET_TYPE_F32
#define BYTES	4	/* of a float32 */

struct attending {
	struct nn_lower *lower;
	const struct nn_node *node;
	struct nn_attention a;
	struct nn_ref q, keys, values, scores, y;
	struct nn_heads k, v;		/* what is read: with the cache, and where it lies then */
};

static const struct nn_value *input(const struct attending *t, size_t i)
{
	return i < t->node->input_count ? t->node->inputs[i] : NULL;
}

static const struct nn_value *output(const struct attending *t, size_t i)
{
	return i < t->node->output_count ? t->node->outputs[i] : NULL;
}

/* ---- The cache ---- */

/* Heads as they lie to places `at` and following of heads of `length`. */
static int copy_heads(struct nn_lower *lower, const struct nn_heads *h, struct nn_ref from,
		      struct nn_ref to, int64_t length, int64_t at, bool overlap)
{
	struct nn_move move = {
		.rank = 4, .dims = { h->batch, h->heads, h->length, h->size },
		.from_stride = { h->by_batch * BYTES, h->by_head * BYTES, h->by_place * BYTES, BYTES },
		.to_stride = { h->heads * length * h->size * BYTES, length * h->size * BYTES,
			       h->size * BYTES, BYTES },
		.type = F32, .from = from, .to = to, .overlap = overlap,
	};

	move.to.offset += at * h->size * BYTES;
	return nn_launch_move(lower, &move);
}

/*
 * Keys or values with what is in the cache: where they lie. They are copied if there is a cache, or
 * the node gives them as a result.
 */
static int join(struct attending *t, size_t new, size_t past, size_t present, struct nn_heads *h,
		struct nn_ref *ref)
{
	struct nn_heads old = *h;
	const int64_t elements = h->batch * h->heads * t->a.all * h->size;
	struct nn_ref cache, own;
	int ret = nn_place_of(t->lower, t->node->inputs[new], ref);

	if (ret || (!t->a.past && !output(t, present)))
		return ret;
	own = *ref;
	if (output(t, present))
		ret = nn_place_of(t->lower, output(t, present), ref);
	else
		ret = nn_plan_place(t->lower->plan, (size_t)elements * BYTES, ref);
	if (!ret)
		ret = copy_heads(t->lower, h, own, *ref, t->a.all, t->a.past, false);
	if (!ret && t->a.past) {
		old.length = t->a.past;
		old.by_place = h->size;
		old.by_head = old.length * old.by_place;
		old.by_batch = old.heads * old.by_head;
		ret = nn_place_of(t->lower, input(t, past), &cache);
		if (!ret)
			ret = copy_heads(t->lower, &old, cache, *ref, t->a.all, 0, true);
	}
	h->length = t->a.all;
	h->by_place = h->size;
	h->by_head = h->length * h->by_place;
	h->by_batch = h->heads * h->by_head;
	return ret;
}

/* ---- The scores ---- */

/* A program on rows of scores: values are -1 once there is no room any more. */
/* x where the condition is true, minus infinity where it is not. */
static int hide(struct nn_program *p, int condition, int x)
{
	return nn_map3(p, EGRET_MAP_SELECT, F32, condition, NN_VALUE(x), nn_number(-INFINITY));
}

/* Load the mask, broadcast; what it does not have of the last dimension is hidden. */
static int load_mask(const struct attending *t, struct nn_program *p, const struct nn_value *mask)
{
	const struct nn_fact *fact = nn_fact_of(t->lower, mask);
	int64_t own[NN_RANK_MAX], stride[NN_RANK_MAX] = { 0 }, length;
	int i, missing = 4 - fact->shape.rank, value;
	struct nn_stream *stream;
	struct nn_ref ref;

	if (nn_place_of(t->lower, mask, &ref))
		return -1;
	nn_strides(&fact->shape, fact->type, own);
	for (i = 0; i < fact->shape.rank; i++)
		stride[i + missing] = fact->shape.dims[i] == 1 ? 0 : own[i];
	value = nn_program_load(p, nn_card_type(fact->type), ref, stride);
	length = fact->shape.dims[fact->shape.rank - 1];
	if (value < 0 || length == 1 || length == t->a.all)
		return value;
	stream = &p->stream[p->streams - 1];
	stream->padded = true;
	stream->fill = fact->type == NN_BOOL ? 0 : nn_number(-INFINITY).bits;
	for (i = 0; i < 4; i++)
		stream->extent[i] = i == 3 ? length : p->dims[i];
	return value;
}

/* What hides keys from queries: the mask, order, and lengths. */
static int add_bias(const struct attending *t, struct nn_program *p, int x)
{
	const struct nn_value *mask = input(t, NN_MASK), *lengths = input(t, NN_LENGTHS);
	const int64_t by_batch[4] = { 8 };
	struct nn_ref ref;
	int value, keys;

	if (mask) {
		value = load_mask(t, p, mask);
		x = nn_fact_of(t->lower, mask)->type == NN_BOOL ? hide(p, value, x) :
		    nn_map2(p, EGRET_MAP_ADD, F32, x, NN_VALUE(value));
	}
	/* The last query sees all. */
	if (!lengths && (!t->a.causal || t->a.q.length == 1))
		return x;
	keys = nn_load_counting(t->lower, p, 3, 0, 1);
	if (t->a.causal && t->a.q.length > 1) {
		value = nn_load_counting(t->lower, p, 2, t->a.past, 1);
		if (keys < 0 || value < 0)
			return -1;
		x = hide(p, nn_program_map(p, EGRET_MAP_LE, EGRET_TYPE_U8, NN_VALUE(keys),
					   NN_VALUE(value), NN_NO_ARG), x);
	}
	if (lengths) {
		if (keys < 0 || nn_place_of(t->lower, lengths, &ref))
			return -1;
		value = nn_program_load(p, EGRET_TYPE_S64, ref, by_batch);
		x = hide(p, nn_map2(p, EGRET_MAP_LT, EGRET_TYPE_U8, keys, NN_VALUE(value)), x);
	}
	return x;
}

static int softmax(struct nn_program *p, int x)
{
	int y = nn_program_reduce(p, EGRET_REDUCE_MAX, F32, x);

	x = nn_map1(p, EGRET_MAP_EXP, F32, nn_map2(p, EGRET_MAP_SUB, F32, x, NN_VALUE(y)));
	y = nn_map1(p, EGRET_MAP_RECIP, F32, nn_program_reduce(p, EGRET_REDUCE_SUM, F32, x));
	return nn_map2(p, EGRET_MAP_MUL, F32, x, NN_VALUE(y));
}

/* From products to the weights of values, in place; what is asked for in between is a result. */
static int launch_weights(struct attending *t)
{
	const int64_t dims[4] = { t->a.q.batch, t->a.q.heads, t->a.q.length, t->a.all };
	const struct nn_value *kept = output(t, NN_SCORES);
	int64_t stride[4] = { BYTES, BYTES, BYTES, BYTES };
	int stages[4], i;
	struct nn_program p;
	struct nn_ref ref;

	for (i = 2; i >= 0; i--)
		stride[i] = stride[i + 1] * dims[i + 1];
	nn_program_init(&p, 4, dims);
	p.reduced = 1;
	stages[0] = nn_program_load(&p, F32, t->scores, stride);
	stages[0] = nn_map2(&p, EGRET_MAP_MUL, F32, stages[0], nn_number((float)t->a.scale));
	stages[1] = add_bias(t, &p, stages[0]);
	stages[2] = stages[1];
	if (t->a.cap > 0) {
		stages[2] = nn_map2(&p, EGRET_MAP_MUL, F32, stages[1],
				    nn_number((float)(1 / t->a.cap)));
		stages[2] = nn_map1(&p, EGRET_MAP_TANH, F32, stages[2]);
		stages[2] = nn_map2(&p, EGRET_MAP_MUL, F32, stages[2], nn_number((float)t->a.cap));
	}
	stages[3] = softmax(&p, stages[2]);
	if (stages[3] < 0)
		return nn_cannot(t->lower, "it has too many steps");
	if (kept) {
		int ret = nn_place_of(t->lower, kept, &ref);

		if (ret)
			return ret;
		if (!nn_program_store(&p, stages[t->a.mode], ref, stride))
			return nn_cannot(t->lower, "it has too many operands");
	}
	if (!nn_program_store(&p, stages[3], t->scores, stride))
		return nn_cannot(t->lower, "it has too many operands");
	return nn_launch_program(t->lower, &p, false);
}

/* ---- The products ---- */

/*
 * Heads of queries that share a head of keys are one matrix if the next one begins where the
 * places of one end, on both sides; otherwise there is a launch for each of those that share.
 */
static int launch_heads(struct attending *t, struct nn_matrices *m, const struct nn_heads *a,
			const struct nn_heads *to)
{
	bool joined = a->by_head == a->length * a->by_place && to->by_head == to->length * to->by_place;
	int64_t i, share = t->a.share;
	int ret = 0;

	m->b1 = a->batch;
	m->b0 = t->a.k.heads;
	m->m = joined ? share * a->length : a->length;
	m->a_b1 = a->by_batch * BYTES;
	m->a_b0 = share * a->by_head * BYTES;
	m->a_m = a->by_place * BYTES;
	m->to_b1 = to->by_batch * BYTES;
	m->to_b0 = share * to->by_head * BYTES;
	m->to_m = to->by_place * BYTES;
	for (i = 0; i < (joined ? 1 : share) && !ret; i++) {
		m->overlap = i > 0;
		ret = nn_launch_product(t->lower, m);
		m->a.offset += a->by_head * BYTES;
		m->to.offset += to->by_head * BYTES;
	}
	return ret;
}

static struct nn_heads score_heads(const struct attending *t)
{
	struct nn_heads h = t->a.q;

	h.size = h.by_place = t->a.all;
	h.by_head = h.length * h.by_place;
	h.by_batch = h.heads * h.by_head;
	return h;
}

static int launch_attention(struct attending *t)
{
	struct nn_heads scores = score_heads(t), result = nn_attention_result(&t->a);
	struct nn_matrices m = {
		.a = t->q, .b = t->keys, .to = t->scores, .n = t->a.all, .k = t->a.q.size,
		.b_b1 = t->k.by_batch * BYTES, .b_b0 = t->k.by_head * BYTES,
		.b_k = BYTES, .b_n = t->k.by_place * BYTES,
	};
	int ret = launch_heads(t, &m, &t->a.q, &scores);

	if (!ret)
		ret = launch_weights(t);
	if (ret)
		return ret;
	m = (struct nn_matrices){
		.a = t->scores, .b = t->values, .to = t->y, .n = t->v.size, .k = t->a.all,
		.b_b1 = t->v.by_batch * BYTES, .b_b0 = t->v.by_head * BYTES,
		.b_k = t->v.by_place * BYTES, .b_n = BYTES,
	};
	return launch_heads(t, &m, &scores, &result);
}

static bool takes_types(const struct attending *t)
{
	size_t i;

	for (i = 0; i <= NN_PAST_VALUE; i++) {
		const struct nn_value *value = input(t, i);
		enum nn_type type = value ? nn_fact_of(t->lower, value)->type : NN_F32;

		if (type != NN_F32 && (i != NN_MASK || type != NN_BOOL))
			return false;
	}
	return true;
}

static int lower_attention(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	struct attending t = { .lower = lower, .node = node };
	struct nn_call call = nn_call_of(lower, node);
	int ret = nn_read_attention(&call, &t.a);

	if (ret)
		return ret;
	if (!takes_types(&t))
		return nn_cannot(lower, "its elements are not float32");
	t.k = t.a.k;
	t.v = t.a.v;
	nn_this_step(lower)->macs = 0;
	ret = nn_place_of(lower, node->inputs[NN_Q], &t.q);
	if (!ret)
		ret = nn_place_of(lower, node->outputs[NN_Y], &t.y);
	if (!ret)
		ret = join(&t, NN_K, NN_PAST_KEY, NN_PRESENT_KEY, &t.k, &t.keys);
	if (!ret)
		ret = join(&t, NN_V, NN_PAST_VALUE, NN_PRESENT_VALUE, &t.v, &t.values);
	if (!ret)
		ret = nn_plan_place(lower->plan, (size_t)(t.a.q.batch * t.a.q.heads * t.a.q.length *
							  t.a.all) * BYTES, &t.scores);
	if (!ret)
		ret = launch_attention(&t);
	return ret ? ret : nn_lower_done(lower, node, position);
}

/* ---- RotaryEmbedding ---- */

struct turning {
	struct nn_lower *lower;
	const struct nn_node *node;
	struct nn_rotary r;
	struct nn_ref x, y, cos, sin, table;
	bool by_table;
	enum egret_type type;
	int64_t size;			/* bytes of an element */
};

/* Cosines or sines for (batch, head, place, pair), or (head, place, pair) of one batch. */
static int load_angles(const struct turning *t, struct nn_program *p, struct nn_ref angles, int64_t b)
{
	const int64_t row = t->r.half * t->size;
	const int64_t by_table[3] = { 0, row, t->size };
	const int64_t in_order[4] = { t->r.x.length * row, 0, row, t->size };
	struct nn_ref table = t->table;

	if (!t->by_table)
		return nn_program_load(p, t->type, angles, in_order);
	table.offset += b * t->r.x.length * (int64_t)sizeof(int32_t);
	return nn_load_indexed(p, t->type, angles, by_table, 1, t->r.positions, table);
}

/* The pairs of a batch, or of all of them if no table is needed. */
static int launch_turn(const struct turning *t, int64_t b)
{
	const struct nn_heads *h = &t->r.x;
	const int64_t step = t->size * (t->r.interleaved ? 2 : 1);
	const int64_t other = t->size * (t->r.interleaved ? 1 : t->r.half);
	const int64_t dims[4] = { h->batch, h->heads, h->length, t->r.half };
	const int64_t all[4] = { h->by_batch * t->size, h->by_head * t->size, h->by_place * t->size, step };
	const int64_t *stride = t->by_table ? all + 1 : all;
	struct nn_ref x = t->x, y = t->y;
	int first, second, cos, sin, cross;
	struct nn_program p;

	nn_program_init(&p, t->by_table ? 3 : 4, t->by_table ? dims + 1 : dims);
	x.offset += b * all[0];
	y.offset += b * all[0];
	first = nn_program_load(&p, t->type, x, stride);
	x.offset += other;
	second = nn_program_load(&p, t->type, x, stride);
	cos = load_angles(t, &p, t->cos, b);
	sin = load_angles(t, &p, t->sin, b);
	cross = nn_map2(&p, EGRET_MAP_MUL, F32, second, NN_VALUE(sin));
	cross = nn_map1(&p, EGRET_MAP_NEG, F32, cross);
	cross = nn_program_map(&p, EGRET_MAP_FMA, t->type, NN_VALUE(first), NN_VALUE(cos),
			       NN_VALUE(cross));
	if (!nn_program_store(&p, cross, y, stride))
		return nn_cannot(t->lower, "it has too many operands");
	cross = nn_map2(&p, EGRET_MAP_MUL, F32, first, NN_VALUE(sin));
	cross = nn_program_map(&p, EGRET_MAP_FMA, t->type, NN_VALUE(second), NN_VALUE(cos),
			       NN_VALUE(cross));
	y.offset += other;
	if (!nn_program_store(&p, cross, y, stride))
		return nn_cannot(t->lower, "it has too many operands");
	return nn_launch_program(t->lower, &p, b > 0);
}

/* What is behind the pairs stays as it is. */
static int launch_rest(const struct turning *t)
{
	const struct nn_heads *h = &t->r.x;
	const int64_t done = 2 * t->r.half;
	struct nn_move move = {
		.rank = 4, .dims = { h->batch, h->heads, h->length, h->size - done },
		.from_stride = { h->by_batch * t->size, h->by_head * t->size, h->by_place * t->size,
				 t->size },
		.type = t->type, .from = t->x, .to = t->y, .overlap = true,
	};

	if (done == h->size)
		return 0;
	memcpy(move.to_stride, move.from_stride, sizeof(move.to_stride));
	move.from.offset += done * t->size;
	move.to.offset += done * t->size;
	return nn_launch_move(t->lower, &move);
}

static int lower_rotary(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	const struct nn_fact *x = nn_fact_of(lower, node->inputs[0]);
	struct turning t = { .lower = lower, .node = node, .type = nn_card_type(x->type),
			     .by_table = node->input_count > 3 && node->inputs[3] };
	struct nn_call call = nn_call_of(lower, node);
	int64_t b;
	int ret = nn_read_rotary(&call, &t.r);

	if (ret)
		return ret;
	if (t.type == EGRET_TYPE_NONE)
		return nn_cannot(lower, "its elements have odd sizes");
	t.size = nn_type_bits(x->type) / 8;
	ret = nn_place_of(lower, node->inputs[0], &t.x);
	if (!ret)
		ret = nn_place_of(lower, node->inputs[1], &t.cos);
	if (!ret)
		ret = nn_place_of(lower, node->inputs[2], &t.sin);
	if (!ret)
		ret = nn_place_of(lower, node->outputs[0], &t.y);
	if (!ret && t.by_table)
		ret = nn_index_table(lower, node->inputs[3], t.r.positions, &t.table);
	for (b = 0; b < (t.by_table ? t.r.x.batch : 1) && !ret; b++)
		ret = launch_turn(&t, b);
	if (!ret)
		ret = launch_rest(&t);
	return ret ? ret : nn_lower_done(lower, node, position);
}

const struct nn_lowering_entry nn_lower_attention[] = {
	{ "Attention", lower_attention, false },
	{ "RotaryEmbedding", lower_rotary, false },
	{ NULL, NULL, false },
};
