// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Recurrent layers of all kinds, in all directions, against the reference. */
#include "case.h"

#include <stdio.h>
#include <string.h>

#define OPSET	17

static struct test_case c;

struct layer {
	const char *type;
	int64_t gates, steps, batch, inputs, hidden;
	const char *direction;
	bool batch_first, bias, initial, linear, last;
};

static void add_state(struct build *b, const char *name, const struct layer *l, int64_t directions)
{
	const int64_t plain[3] = { directions, l->batch, l->hidden };
	const int64_t batch_first[3] = { l->batch, directions, l->hidden };

	add_input(b, name, 3, l->batch_first ? batch_first : plain);
}

static void run_layer(struct card *card, const struct layer *l)
{
	const int64_t directions = strcmp(l->direction, "bidirectional") ? 1 : 2;
	const int64_t rows = l->gates * l->hidden;
	const int64_t x[3] = { l->batch_first ? l->batch : l->steps,
			       l->batch_first ? l->steps : l->batch, l->inputs };
	const bool lstm = l->gates == 4;
	Onnx__NodeProto *node;
	char inputs[40];

	begin_case(&c, OPSET);
	add_input(&c.build, "x", 3, x);
	add_weights(&c.build, "w", 3, (int64_t[3]){ directions, rows, l->inputs });
	add_weights(&c.build, "r", 3, (int64_t[3]){ directions, rows, l->hidden });
	if (l->bias)
		add_weights(&c.build, "b", 2, (int64_t[2]){ directions, 2 * rows });
	if (l->initial) {
		add_state(&c.build, "h", l, directions);
		if (lstm)
			add_state(&c.build, "c", l, directions);
	}
	snprintf(inputs, sizeof(inputs), "x w r %s - %s", l->bias ? "b" : "-",
		 !l->initial ? "-" : lstm ? "h c" : "h");
	node = build_node(&c.build, l->type, inputs,
			  l->last ? (lstm ? "- yh yc" : "- yh") : (lstm ? "y yh yc" : "y yh"));
	build_int(&c.build, node, "hidden_size", l->hidden);
	build_int(&c.build, node, "layout", l->batch_first);
	add_text(&c.build, node, "direction", l->direction);
	if (l->linear)
		build_int(&c.build, node, "linear_before_reset", 1);
	if (!l->last)
		build_output(&c.build, "y");
	build_output(&c.build, "yh");
	if (lstm)
		build_output(&c.build, "yc");
	c.absolute = 1e-4;
	run_case(&c, card);
}

static void test_layers(void **state)
{
	static const struct layer layers[] = {
		{ "RNN", 1, 5, 1, 7, 9, "forward", false, false, false, false, false },
		{ "RNN", 1, 9, 3, 20, 33, "bidirectional", false, true, true, false, false },
		{ "RNN", 1, 4, 3, 6, 5, "reverse", true, true, true, false, true },
		{ "GRU", 3, 6, 2, 11, 16, "forward", false, false, false, false, false },
		{ "GRU", 3, 7, 3, 11, 40, "bidirectional", false, true, true, false, false },
		{ "GRU", 3, 7, 3, 11, 40, "bidirectional", true, true, true, true, false },
		{ "GRU", 3, 5, 1, 64, 64, "reverse", false, true, false, true, true },
		{ "LSTM", 4, 6, 2, 11, 16, "forward", false, false, false, false, false },
		{ "LSTM", 4, 7, 3, 11, 40, "bidirectional", false, true, true, false, false },
		{ "LSTM", 4, 4, 5, 13, 21, "bidirectional", true, true, true, false, false },
		{ "LSTM", 4, 30, 1, 64, 64, "reverse", false, true, true, false, true },
	};
	size_t i;

	for (i = 0; i < sizeof(layers) / sizeof(layers[0]); i++)
		run_layer(*state, &layers[i]);
}

/* A layer behind another one, on the card in one piece. */
static void test_stack(void **state)
{
	const int64_t x[3] = { 8, 1, 10 }, w[3] = { 1, 48, 10 }, r[3] = { 1, 48, 12 };
	const int64_t w2[3] = { 1, 36, 12 }, r2[3] = { 1, 36, 12 };

	begin_case(&c, OPSET);
	add_input(&c.build, "x", 3, x);
	add_weights(&c.build, "w", 3, w);
	add_weights(&c.build, "r", 3, r);
	add_weights(&c.build, "w2", 3, w2);
	add_weights(&c.build, "r2", 3, r2);
	build_int(&c.build, build_node(&c.build, "LSTM", "x w r", "a"), "hidden_size", 12);
	build_ints(&c.build, "one", 1, (int64_t[1]){ 1 });
	build_node(&c.build, "Squeeze", "a one", "s");
	build_int(&c.build, build_node(&c.build, "GRU", "s w2 r2", "g"), "hidden_size", 12);
	build_node(&c.build, "Tanh", "g", "y");
	build_output(&c.build, "y");
	c.absolute = 1e-4;
	plan_case(&c, *state);
	assert_int_equal(c.plan->graph_count, 1);
	check_case(&c, *state);
	end_case(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CARD_TEST(test_layers),
		CARD_TEST(test_stack),
	};

	return cmocka_run_group_tests(tests, open_card, close_card);
}
