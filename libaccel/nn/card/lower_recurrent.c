// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * RNN, GRU and LSTM. What the input adds to the gates is one product for all steps. Then each step is
 * a product with what the cell gave before, and a program that makes gates and states of the sums;
 * an RNN's step is nothing but the product. The cell's results lie where the node's result Y wants
 * them, and are read there by the next step.
 *
 * The steps are launches of their own in the plan, one behind the other, so very long sequences
 * are left to the host, and so is what few models have: lengths, peepholes, clipping, forget gates
 * that are coupled to input gates, and activations with parameters.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../error.h"
#include "../ops/recurrent.h"
#include "move.h"
#include "product.h"

#define WHAT		"cannot plan the model"
#define F32		EGRET_TYPE_F32
#define BYTES		4	/* of a float32 */
#define STEPS_MAX	1024	/* of all directions */

/* A matrix (item of the batch, hidden number) of a state or of a gate. */
struct states {
	struct nn_ref ref;
	int64_t stride;			/* from item to item, in bytes */
};

struct recurrence {
	struct nn_lower *lower;
	const struct nn_node *node;
	struct nn_layer l;
	bool linear_first;		/* GRU: the reset gate is applied to the product */
	int64_t direction;
	struct nn_ref w, r, b, y;
	struct states sums, h, c;	/* the step's gates; the states before it */
	struct nn_ref gates;		/* what the input adds to them, for all steps */
	struct nn_ref own_c, reset;
};

static const struct nn_value *input(const struct recurrence *t, size_t i)
{
	return i < t->node->input_count ? t->node->inputs[i] : NULL;
}

static const struct nn_value *output(const struct recurrence *t, size_t i)
{
	return i < t->node->output_count ? t->node->outputs[i] : NULL;
}

static struct nn_ref behind(struct nn_ref ref, int64_t elements)
{
	ref.offset += elements * BYTES;
	return ref;
}

/* ---- Where things lie ---- */

/* The results of a step in Y: [steps, directions, batch, hidden], or with the batch first. */
static struct states result_of(const struct recurrence *t, int64_t step)
{
	const struct nn_layer *l = &t->l;
	const int64_t at = l->batch_first ? step * l->directions + t->direction :
			   (step * l->directions + t->direction) * l->batch;

	return (struct states){ behind(t->y, at * l->hidden),
				(l->batch_first ? l->steps * l->directions : 1) * l->hidden * BYTES };
}

/* A first or last state: [directions, batch, hidden], or with the batch first. */
static struct states state_at(const struct recurrence *t, struct nn_ref ref)
{
	const struct nn_layer *l = &t->l;

	return (struct states){ behind(ref, t->direction * (l->batch_first ? 1 : l->batch) * l->hidden),
				(l->batch_first ? l->directions : 1) * l->hidden * BYTES };
}

/* What the input adds to the gates of a step. */
static struct states from_input(const struct recurrence *t, int64_t step)
{
	const int64_t rows = t->l.gates * t->l.hidden;

	return (struct states){ behind(t->gates, step * rows * (t->l.batch_first ? 1 : t->l.batch)),
				(t->l.batch_first ? t->l.steps : 1) * rows * BYTES };
}

/* One gate of those. */
static struct states gate(struct states all, int64_t hidden, int number)
{
	all.ref = behind(all.ref, number * hidden);
	return all;
}

/* The state that the first step finds; zeros if none is given. */
static int first_state(struct recurrence *t, size_t number, struct states *state)
{
	const int64_t count = t->l.batch * t->l.hidden;
	struct nn_ref ref;
	float *zeros;
	int ret;

	if (input(t, number)) {
		ret = nn_place_of(t->lower, input(t, number), &ref);
		*state = state_at(t, ref);
		return ret;
	}
	zeros = calloc((size_t)count, sizeof(*zeros));
	if (!zeros)
		return accel_fail_errno(-ENOMEM, WHAT);
	state->stride = t->l.hidden * BYTES;
	ret = nn_plan_constant(t->lower->plan, zeros, (size_t)count * BYTES, &state->ref);
	free(zeros);
	return ret;
}

static int keep_state(struct recurrence *t, size_t number, struct states from)
{
	struct nn_move move = {
		.rank = 2, .dims = { t->l.batch, t->l.hidden }, .from_stride = { from.stride, BYTES },
		.type = EGRET_TYPE_U32, .from = from.ref,
	};
	struct states to;
	struct nn_ref ref;
	int ret;

	if (!output(t, number))
		return 0;
	ret = nn_place_of(t->lower, output(t, number), &ref);
	if (ret)
		return ret;
	to = state_at(t, ref);
	move.to = to.ref;
	move.to_stride[0] = to.stride;
	move.to_stride[1] = BYTES;
	return nn_launch_move(t->lower, &move);
}

/* ---- Products ---- */

static void add_bias(const struct recurrence *t, struct nn_matrices *m, int64_t from)
{
	if (input(t, NN_RNN_B))
		m->add[m->adds++] = (struct nn_addend){
			.ref = behind(t->b, (2 * t->direction * t->l.gates) * t->l.hidden + from),
			.n = BYTES,
		};
}

/* What the input adds to the gates, of all steps. */
static int launch_inputs(struct recurrence *t)
{
	const struct nn_layer *l = &t->l;
	const int64_t rows = l->gates * l->hidden;
	struct nn_matrices m = {
		.b1 = 1, .b0 = 1, .m = l->steps * l->batch, .n = rows, .k = l->inputs,
		.b = behind(t->w, t->direction * rows * l->inputs), .to = t->gates,
		.a_m = l->inputs * BYTES, .b_k = BYTES, .b_n = l->inputs * BYTES, .to_m = rows * BYTES,
	};
	int ret = nn_place_of(t->lower, t->node->inputs[NN_RNN_X], &m.a);

	add_bias(t, &m, 0);
	return ret ? ret : nn_launch_product(t->lower, &m);
}

/*
 * Gates `first` and following from what the cell gave before, with their bias; `add` is what the
 * input adds, or NULL.
 */
static int launch_before(struct recurrence *t, struct states h, int first, int count,
			 const struct states *add, struct states to, enum egret_map_op op)
{
	const struct nn_layer *l = &t->l;
	const int64_t rows = l->gates * l->hidden, from = first * l->hidden;
	struct nn_matrices m = {
		.b1 = 1, .b0 = 1, .m = l->batch, .n = count * l->hidden, .k = l->hidden, .a = h.ref,
		.b = behind(t->r, (t->direction * rows + from) * l->hidden), .to = to.ref,
		.a_m = h.stride, .b_k = BYTES, .b_n = l->hidden * BYTES, .to_m = to.stride, .op = op,
	};

	if (add)
		m.add[m.adds++] = (struct nn_addend){ .ref = add->ref, .m = add->stride, .n = BYTES };
	add_bias(t, &m, rows + from);
	return nn_launch_product(t->lower, &m);
}

/* ---- Programs ---- */

static void begin(const struct recurrence *t, struct nn_program *p)
{
	nn_program_init(p, 2, (const int64_t[2]){ t->l.batch, t->l.hidden });
}

static int load(struct nn_program *p, struct states s)
{
	return nn_program_load(p, F32, s.ref, (const int64_t[2]){ s.stride, BYTES });
}

static bool store(struct nn_program *p, int value, struct states s)
{
	return value >= 0 &&
	       nn_program_store(p, value, s.ref, (const int64_t[2]){ s.stride, BYTES });
}

static int launch(struct recurrence *t, struct nn_program *p, bool stored)
{
	return stored ? nn_launch_program(t->lower, p, false) : nn_cannot(t->lower, "it is too large");
}

/* The operation that an activation is; 0: there is none. */
static enum egret_map_op operation(const struct recurrence *t, int function)
{
	static const struct {
		const char *name;
		enum egret_map_op op;
	} table[] = {
		{ "Tanh", EGRET_MAP_TANH }, { "Sigmoid", EGRET_MAP_SIGMOID },
		{ "Relu", EGRET_MAP_RELU }, { "Softplus", EGRET_MAP_SOFTPLUS },
	};
	const char *name = t->l.f[t->direction * t->l.functions + function].name;
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcasecmp(table[i].name, name))
			return table[i].op;
	return 0;
}

/* ---- Cells ---- */

static int step_rnn(struct recurrence *t, int64_t step)
{
	const struct states add = from_input(t, step);

	return launch_before(t, t->h, 0, 1, &add, result_of(t, step), operation(t, 0));
}

/* Gates are in the order input, output, forget, cell. */
static int step_lstm(struct recurrence *t, int64_t step)
{
	const struct states add = from_input(t, step), own = { t->own_c, t->l.hidden * BYTES };
	const int64_t n = t->l.hidden;
	int in, out, forget, cell, ret;
	struct nn_program p;

	ret = launch_before(t, t->h, 0, 4, &add, t->sums, 0);
	if (ret)
		return ret;
	begin(t, &p);
	in = nn_map1(&p, operation(t, 0), F32, load(&p, gate(t->sums, n, 0)));
	out = nn_map1(&p, operation(t, 0), F32, load(&p, gate(t->sums, n, 1)));
	forget = nn_map1(&p, operation(t, 0), F32, load(&p, gate(t->sums, n, 2)));
	cell = nn_map1(&p, operation(t, 1), F32, load(&p, gate(t->sums, n, 3)));
	cell = nn_map2(&p, EGRET_MAP_MUL, F32, cell, NN_VALUE(in));
	cell = nn_map3(&p, EGRET_MAP_FMA, F32, load(&p, t->c), NN_VALUE(forget), NN_VALUE(cell));
	if (!store(&p, cell, own))
		return nn_cannot(t->lower, "it is too large");
	t->c = own;
	cell = nn_map1(&p, operation(t, 2), F32, cell);
	out = nn_map2(&p, EGRET_MAP_MUL, F32, out, NN_VALUE(cell));
	return launch(t, &p, store(&p, out, result_of(t, step)));
}

/* (1 - update) * new + update * h */
static int mix(struct nn_program *p, int update, int new, int h)
{
	h = nn_map2(p, EGRET_MAP_SUB, F32, h, NN_VALUE(new));
	return nn_map3(p, EGRET_MAP_FMA, F32, h, NN_VALUE(update), NN_VALUE(new));
}

/* What the state and the input give a gate. */
static int add_gates(const struct recurrence *t, struct nn_program *p, struct states input, int i)
{
	const int64_t n = t->l.hidden;

	return nn_map2(p, EGRET_MAP_ADD, F32, load(p, gate(t->sums, n, i)),
		       NN_VALUE(load(p, gate(input, n, i))));
}

/* Gates are in the order update, reset, new. Here the last one's product is reset. */
static int step_gru_linear(struct recurrence *t, int64_t step)
{
	const struct states add = from_input(t, step);
	const int64_t n = t->l.hidden;
	int update, reset, new, ret;
	struct nn_program p;

	ret = launch_before(t, t->h, 0, 3, NULL, t->sums, 0);
	if (ret)
		return ret;
	begin(t, &p);
	update = nn_map1(&p, operation(t, 0), F32, add_gates(t, &p, add, 0));
	reset = nn_map1(&p, operation(t, 0), F32, add_gates(t, &p, add, 1));
	new = nn_map3(&p, EGRET_MAP_FMA, F32, load(&p, gate(t->sums, n, 2)), NN_VALUE(reset),
		      NN_VALUE(load(&p, gate(add, n, 2))));
	new = nn_map1(&p, operation(t, 1), F32, new);
	new = mix(&p, update, new, load(&p, t->h));
	return launch(t, &p, store(&p, new, result_of(t, step)));
}

/* Here what goes into it is. */
static int step_gru(struct recurrence *t, int64_t step)
{
	const struct states add = from_input(t, step), reset = { t->reset, t->l.hidden * BYTES };
	const struct states more = gate(add, t->l.hidden, 2);
	const int64_t n = t->l.hidden;
	struct nn_program p;
	int value, ret;

	ret = launch_before(t, t->h, 0, 2, &add, t->sums, operation(t, 0));
	if (ret)
		return ret;
	begin(t, &p);
	value = nn_map2(&p, EGRET_MAP_MUL, F32, load(&p, gate(t->sums, n, 1)),
			NN_VALUE(load(&p, t->h)));
	ret = launch(t, &p, store(&p, value, reset));
	if (!ret)
		ret = launch_before(t, reset, 2, 1, &more, gate(t->sums, n, 2), operation(t, 1));
	if (ret)
		return ret;
	begin(t, &p);
	value = load(&p, gate(t->sums, n, 2));
	value = mix(&p, load(&p, gate(t->sums, n, 0)), value, load(&p, t->h));
	return launch(t, &p, store(&p, value, result_of(t, step)));
}

/* ---- The layer ---- */

static int run_direction(struct recurrence *t)
{
	int (*step)(struct recurrence *, int64_t) = t->l.gates == 1 ? step_rnn :
		t->l.gates == 4 ? step_lstm : t->linear_first ? step_gru_linear : step_gru;
	const bool reverse = t->l.reverse || t->direction;
	int64_t i, at;
	int ret = first_state(t, NN_RNN_INITIAL_H, &t->h);

	if (!ret && t->l.gates == 4)
		ret = first_state(t, NN_RNN_INITIAL_C, &t->c);
	if (!ret)
		ret = launch_inputs(t);
	for (i = 0; i < t->l.steps && !ret; i++) {
		at = reverse ? t->l.steps - 1 - i : i;
		ret = step(t, at);
		t->h = result_of(t, at);
	}
	if (!ret)
		ret = keep_state(t, NN_RNN_LAST_H, t->h);
	return ret || t->l.gates != 4 ? ret : keep_state(t, NN_RNN_LAST_C, t->c);
}

static bool takes(struct recurrence *t)
{
	struct nn_call call = nn_call_of(t->lower, t->node);
	size_t i;

	for (i = 0; i < t->node->input_count; i++)
		if (i != NN_RNN_LENGTHS && input(t, i) &&
		    nn_fact_of(t->lower, input(t, i))->type != NN_F32)
			return false;
	for (t->direction = 0; t->direction < t->l.directions; t->direction++)
		for (i = 0; (int)i < t->l.functions; i++)
			if (!operation(t, (int)i))
				return false;
	if (t->l.gates == 4 && nn_attr_int(&call, "input_forget"))
		return false;
	t->linear_first = t->l.gates == 3 && nn_attr_int(&call, "linear_before_reset");
	return !input(t, NN_RNN_LENGTHS) && !input(t, NN_RNN_PEEPHOLES) && isinf(t->l.clip) &&
	       t->l.batch > 0 && t->l.steps > 0 && t->l.steps * t->l.directions <= STEPS_MAX;
}

static int find_places(struct recurrence *t)
{
	const size_t states = (size_t)(t->l.batch * t->l.hidden) * BYTES;
	const size_t gates = (size_t)t->l.gates * states, steps = (size_t)t->l.steps;
	struct nn_plan *plan = t->lower->plan;
	int ret = nn_place_of(t->lower, t->node->inputs[NN_RNN_W], &t->w);

	if (!ret)
		ret = nn_place_of(t->lower, t->node->inputs[NN_RNN_R], &t->r);
	if (!ret && input(t, NN_RNN_B))
		ret = nn_place_of(t->lower, input(t, NN_RNN_B), &t->b);
	if (!ret && output(t, NN_RNN_Y))
		ret = nn_place_of(t->lower, output(t, NN_RNN_Y), &t->y);
	else if (!ret)
		ret = nn_plan_place(plan, steps * (size_t)t->l.directions * states, &t->y);
	if (!ret)
		ret = nn_plan_place(plan, steps * gates, &t->gates);
	if (!ret)
		ret = nn_plan_place(plan, gates, &t->sums.ref);
	t->sums.stride = t->l.gates * t->l.hidden * BYTES;
	if (!ret)
		ret = nn_plan_place(plan, states, &t->own_c);
	return ret ? ret : nn_plan_place(plan, states, &t->reset);
}

static int lower_layer(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	struct recurrence t = { .lower = lower, .node = node };
	struct nn_call call = nn_call_of(lower, node);
	int ret = nn_read_layer(&call, &t.l);

	if (ret)
		return ret;
	if (!takes(&t))
		return nn_cannot(lower, "its types or attributes");
	nn_this_step(lower)->macs = 0;
	ret = find_places(&t);
	for (t.direction = 0; t.direction < t.l.directions && !ret; t.direction++)
		ret = run_direction(&t);
	return ret ? ret : nn_lower_done(lower, node, position);
}

const struct nn_lowering_entry nn_lower_recurrent[] = {
	{ "RNN", lower_layer, false },
	{ "GRU", lower_layer, false },
	{ "LSTM", lower_layer, false },
	{ NULL, NULL, false },
};
