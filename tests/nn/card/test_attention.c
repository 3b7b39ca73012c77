// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Attention and rotary positions, with heads of all arrangements, against the reference. */
#include "case.h"

#include <stdio.h>
#include <string.h>

#define OPSET	24

static struct test_case c;

/* What a case of attention is made of. */
struct heads {
	int64_t batch, kv, share, queries, keys, past, size, values;
	bool packed, causal;
	enum { NO_MASK, BOOLS, FLOATS, SHORT } mask;
	bool lengths;
	float cap;
};

static void add_heads(struct build *b, const char *name, const struct heads *h, int64_t heads,
		      int64_t length, int64_t size)
{
	if (h->packed)
		add_input(b, name, 3, (int64_t[3]){ h->batch, length, heads * size });
	else
		add_input(b, name, 4, (int64_t[4]){ h->batch, heads, length, size });
}

/* A mask that a comparison makes: half of it hides, but never all of a row. */
static void add_mask(struct build *b, const struct heads *h)
{
	const int64_t all = h->past + h->keys;
	const int64_t dims[4] = { h->batch, 1, h->queries, h->mask == SHORT ? all - 1 : all };

	if (h->mask == FLOATS) {
		add_input(b, "mask", 2, dims + 2);
		return;
	}
	add_input(b, "m", 4, dims);
	add_number(b, "zero", 0);
	build_node(b, "Less", "m zero", "less");
	build_node(b, "ReduceMin", "m -", "least");
	build_int(b, b->nodes[b->graph.n_node - 1], "keepdims", 1);
	build_node(b, "Equal", "m least", "one");
	build_node(b, "Or", "less one", "mask");
}

static void run_attention(struct card *card, const struct heads *h)
{
	const int64_t past[4] = { h->batch, h->kv, h->past, h->size };
	const int64_t past_values[4] = { h->batch, h->kv, h->past, h->values };
	char inputs[80], lengths[8];
	Onnx__NodeProto *node;

	begin_case(&c, OPSET);
	add_heads(&c.build, "q", h, h->kv * h->share, h->queries, h->size);
	add_heads(&c.build, "k", h, h->kv, h->keys, h->size);
	add_heads(&c.build, "v", h, h->kv, h->keys, h->values);
	if (h->past) {
		add_input(&c.build, "pk", 4, past);
		add_input(&c.build, "pv", 4, past_values);
	}
	if (h->mask != NO_MASK)
		add_mask(&c.build, h);
	if (h->lengths) {
		/* Between one and all of the keys. */
		snprintf(lengths, sizeof(lengths), "%d", (int)h->batch);
		build_input(&c.build, "n", NN_I64, lengths);
		build_ints(&c.build, "low", 1, (int64_t[1]){ 1 });
		build_ints(&c.build, "high", 1, (int64_t[1]){ h->past + h->keys });
		build_node(&c.build, "Max", "n low", "n1");
		build_node(&c.build, "Min", "n1 high", "len");
	}
	snprintf(inputs, sizeof(inputs), "q k v %s %s %s", h->mask == NO_MASK ? "-" : "mask",
		 h->past ? "pk pv" : "- -", h->lengths ? "len" : "-");
	node = build_node(&c.build, "Attention", inputs, h->past ? "y nk nv" : "y");
	build_int(&c.build, node, "is_causal", h->causal);
	if (h->packed) {
		build_int(&c.build, node, "q_num_heads", h->kv * h->share);
		build_int(&c.build, node, "kv_num_heads", h->kv);
	}
	if (h->cap > 0)
		add_float(&c.build, node, "softcap", h->cap);
	build_output(&c.build, "y");
	if (h->past) {
		build_output(&c.build, "nk");
		build_output(&c.build, "nv");
	}
	c.absolute = 1e-4;
	run_case(&c, card);
}

static void test_attention(void **state)
{
	static const struct heads cases[] = {
		{ 1, 1, 1, 1, 1, 0, 1, 1, false, false, NO_MASK, false, 0 },
		{ 2, 3, 1, 37, 41, 0, 24, 16, false, false, NO_MASK, false, 0 },
		{ 2, 2, 3, 19, 19, 0, 20, 20, false, true, NO_MASK, false, 0 },
		{ 2, 2, 3, 19, 23, 0, 20, 12, true, true, NO_MASK, false, 0 },
		{ 1, 2, 4, 1, 1, 130, 32, 32, false, true, NO_MASK, false, 0 },
		{ 2, 2, 2, 5, 5, 77, 16, 16, false, true, BOOLS, false, 0 },
		{ 3, 1, 2, 9, 9, 31, 16, 8, true, true, FLOATS, false, 20 },
		{ 2, 2, 1, 33, 65, 0, 16, 16, false, false, SHORT, false, 0 },
		{ 3, 2, 2, 7, 40, 0, 16, 16, false, false, NO_MASK, true, 0 },
		{ 2, 1, 1, 150, 150, 0, 64, 64, false, true, NO_MASK, false, 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		run_attention(*state, &cases[i]);
}

static void run_rotary(struct card *card, bool packed, bool by_table, bool interleaved, int64_t turned)
{
	const int64_t batch = 1 + any(3), heads = 1 + any(4), length = 1 + any(30), size = 24;
	const int64_t table[2] = { 51, turned / 2 }, direct[3] = { batch, length, turned / 2 };
	const struct heads h = { .batch = batch, .packed = packed };
	Onnx__NodeProto *node;
	char dims[32];

	begin_case(&c, OPSET);
	add_heads(&c.build, "x", &h, heads, length, size);
	if (by_table) {
		add_weights(&c.build, "cos", 2, table);
		add_weights(&c.build, "sin", 2, table);
		/* Inputs are from -50 to 49: what is below 0 counts from the end. */
		snprintf(dims, sizeof(dims), "%d %d", (int)batch, (int)length);
		build_input(&c.build, "at", NN_I64, dims);
	} else {
		add_input(&c.build, "cos", 3, direct);
		add_input(&c.build, "sin", 3, direct);
	}
	node = build_node(&c.build, "RotaryEmbedding", by_table ? "x cos sin at" : "x cos sin", "y");
	build_int(&c.build, node, "interleaved", interleaved);
	if (packed)
		build_int(&c.build, node, "num_heads", heads);
	if (turned != size)
		build_int(&c.build, node, "rotary_embedding_dim", turned);
	build_output(&c.build, "y");
	run_case(&c, card);
}

static void test_rotary(void **state)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		run_rotary(*state, i & 1, i & 2, i & 4, i & 8 ? 10 : 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CARD_TEST(test_attention),
		CARD_TEST(test_rotary),
	};

	return cmocka_run_group_tests(tests, open_card, close_card);
}
