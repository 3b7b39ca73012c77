// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Recurrent layers: RNN, GRU and LSTM. All three go through a sequence with one cell, whose
 * gates are sums over the input and over what the cell gave the step before.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "recurrent.h"

#define GATES_MAX	4

/* ---- Activations ---- */

static double relu(double x, double alpha, double beta)
{
	(void)alpha;
	(void)beta;
	return x > 0 ? x : 0;
}

static double tangent(double x, double alpha, double beta)
{
	(void)alpha;
	(void)beta;
	return tanh(x);
}

static double sigmoid(double x, double alpha, double beta)
{
	(void)alpha;
	(void)beta;
	return 1 / (1 + exp(-x));
}

static double softsign(double x, double alpha, double beta)
{
	(void)alpha;
	(void)beta;
	return x / (1 + fabs(x));
}

static double softplus(double x, double alpha, double beta)
{
	(void)alpha;
	(void)beta;
	return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double affine(double x, double alpha, double beta)
{
	return alpha * x + beta;
}

static double scaled_tangent(double x, double alpha, double beta)
{
	return alpha * tanh(beta * x);
}

static double hard_sigmoid(double x, double alpha, double beta)
{
	return fmin(fmax(alpha * x + beta, 0), 1);
}

static double leaky_relu(double x, double alpha, double beta)
{
	(void)beta;
	return x >= 0 ? x : alpha * x;
}

static double thresholded_relu(double x, double alpha, double beta)
{
	(void)beta;
	return x > alpha ? x : 0;
}

static double elu(double x, double alpha, double beta)
{
	(void)beta;
	return x >= 0 ? x : alpha * expm1(x);
}

static const struct nn_activation activations[] = {
	{ "Relu", NN_NO_PARAMETER, 0, 0, relu },
	{ "Tanh", NN_NO_PARAMETER, 0, 0, tangent },
	{ "Sigmoid", NN_NO_PARAMETER, 0, 0, sigmoid },
	{ "Softsign", NN_NO_PARAMETER, 0, 0, softsign },
	{ "Softplus", NN_NO_PARAMETER, 0, 0, softplus },
	{ "LeakyRelu", NN_ALPHA, 0.01, 0, leaky_relu },
	{ "ThresholdedRelu", NN_ALPHA, 1, 0, thresholded_relu },
	{ "Elu", NN_ALPHA, 1, 0, elu },
	{ "Affine", NN_ALPHA_BETA, 1, 0, affine },
	{ "ScaledTanh", NN_ALPHA_BETA, 1, 1, scaled_tangent },
	{ "HardSigmoid", NN_ALPHA_BETA, 0.2, 0.5, hard_sigmoid },
};

/* ---- The layer ---- */

static int read_direction(const struct nn_call *call, struct nn_layer *l)
{
	const char *direction = nn_attr_text(call, "direction");

	l->reverse = !strcmp(direction, "reverse");
	l->directions = strcmp(direction, "bidirectional") ? 1 : 2;
	if (l->directions == 2 || l->reverse || !strcmp(direction, "forward"))
		return 0;
	return nn_refuse(call, NULL, "its direction is something that ONNX does not have");
}

/* Whether a shape is what it should be; what is not known is. */
static int check_shape(const struct nn_call *call, size_t input, int rank, int64_t d0, int64_t d1,
		       int64_t d2)
{
	const int64_t wanted[3] = { d0, d1, d2 };
	struct nn_fact *fact = nn_in_fact(call, input);
	char found[160];
	bool fits = true;
	int i;

	if (!fact || fact->shape.rank < 0)
		return 0;
	for (i = 0; i < rank && fact->shape.rank == rank; i++)
		fits = fits && (fact->shape.dims[i] < 0 || wanted[i] < 0 ||
				fact->shape.dims[i] == wanted[i]);
	if (fits && fact->shape.rank == rank)
		return 0;
	nn_shape_print(&fact->shape, NULL, 0, found, sizeof(found));
	return nn_refuse(call, NULL, "its input %s has shape %s, which does not fit %" PRId64
			 " directions, %" PRId64 " hidden numbers and its other inputs",
			 call->node->op->inputs[input].name, found, d0, nn_attr_int(call, "hidden_size"));
}

/* Sizes that are not known are -1. */
static int read_sizes(const struct nn_call *call, struct nn_layer *l)
{
	const struct nn_shape *x = &call->in[NN_RNN_X]->shape, *r = &call->in[NN_RNN_R]->shape;
	int64_t rows;
	int ret;

	l->hidden = nn_attr_given(call, "hidden_size") ? nn_attr_int(call, "hidden_size") :
		    r->rank == 3 ? r->dims[2] : -1;
	l->batch_first = call->node->opset >= 14 && nn_attr_int(call, "layout");
	l->steps = x->rank == 3 ? x->dims[l->batch_first] : -1;
	l->batch = x->rank == 3 ? x->dims[!l->batch_first] : -1;
	l->inputs = x->rank == 3 ? x->dims[2] : -1;
	if (nn_attr_given(call, "hidden_size") && (l->hidden < 1 || l->hidden > INT32_MAX))
		return nn_refuse(call, NULL, "its hidden_size is %" PRId64, l->hidden);
	rows = l->hidden < 0 ? -1 : l->gates * l->hidden;
	ret = check_shape(call, NN_RNN_X, 3, -1, -1, -1);
	if (!ret)
		ret = check_shape(call, NN_RNN_W, 3, l->directions, rows, l->inputs);
	if (!ret)
		ret = check_shape(call, NN_RNN_R, 3, l->directions, rows, l->hidden);
	if (!ret)
		ret = check_shape(call, NN_RNN_B, 2, l->directions, rows < 0 ? -1 : 2 * rows, -1);
	if (!ret)
		ret = check_shape(call, NN_RNN_LENGTHS, 1, l->batch, -1, -1);
	if (!ret)
		ret = check_shape(call, NN_RNN_INITIAL_H, 3, l->batch_first ? l->batch : l->directions,
				  l->batch_first ? l->directions : l->batch, l->hidden);
	if (!ret)
		ret = check_shape(call, NN_RNN_INITIAL_C, 3, l->batch_first ? l->batch : l->directions,
				  l->batch_first ? l->directions : l->batch, l->hidden);
	return ret ? ret : check_shape(call, NN_RNN_PEEPHOLES, 2, l->directions,
				       l->hidden < 0 ? -1 : 3 * l->hidden, -1);
}

static int find_activation(const struct nn_call *call, const char *name, struct nn_activation *f)
{
	char clean[40];
	size_t i;

	for (i = 0; i < sizeof(activations) / sizeof(activations[0]); i++) {
		if (strcasecmp(activations[i].name, name))
			continue;
		*f = activations[i];
		return 0;
	}
	nn_clean(clean, sizeof(clean), name);
	return nn_fail_node(call->node, -ENOTSUP, NULL, "its activation '%s'", clean);
}

/* Parameters are given in the order of the functions, to those that have any. */
static int read_activations(const struct nn_call *call, struct nn_layer *l, const char *const *defaults)
{
	size_t count = (size_t)(l->functions * l->directions), i, a = 0, b = 0, alphas, betas, texts;
	const float *alpha, *beta;
	const char *const *names;
	int ret = 0;

	texts = nn_attr_texts(call, "activations", &names);
	alphas = nn_attr_floats(call, "activation_alpha", &alpha);
	betas = nn_attr_floats(call, "activation_beta", &beta);
	if (texts && texts != count)
		return nn_refuse(call, NULL, "it has %zu activations, where it should have %zu", texts,
				 count);
	for (i = 0; i < count && !ret; i++) {
		ret = find_activation(call, texts ? names[i] : defaults[i % (size_t)l->functions],
				      &l->f[i]);
		if (!ret && l->f[i].parameters != NN_NO_PARAMETER && a < alphas)
			l->f[i].alpha = alpha[a++];
		if (!ret && l->f[i].parameters == NN_ALPHA_BETA && b < betas)
			l->f[i].beta = beta[b++];
	}
	return ret;
}

static const struct nn_layer kinds[] = {
	{ .gates = 1, .functions = 1 }, { .gates = 3, .functions = 2 }, { .gates = 4, .functions = 3 },
};

int nn_read_layer(const struct nn_call *call, struct nn_layer *l)
{
	static const char *const defaults[3][3] = { { "Tanh" }, { "Sigmoid", "Tanh" },
						    { "Sigmoid", "Tanh", "Tanh" } };
	const char *name = call->node->op->name;
	int kind = !strcmp(name, "RNN") ? 0 : !strcmp(name, "GRU") ? 1 : 2;
	int ret;

	*l = kinds[kind];
	ret = read_direction(call, l);
	if (!ret)
		ret = read_activations(call, l, defaults[kind]);
	if (!ret)
		ret = read_sizes(call, l);
	l->clip = nn_attr_given(call, "clip") ? nn_attr_float(call, "clip") : INFINITY;
	return ret;
}

static int64_t size_or_unknown(const struct nn_call *call, int64_t size)
{
	return size < 0 ? nn_unknown(call) : size;
}

static int infer_layer(struct nn_call *call)
{
	struct nn_layer l;
	int ret = nn_read_layer(call, &l);
	size_t i;

	if (ret)
		return ret;
	for (i = 0; i < call->node->output_count; i++) {
		const int64_t batch = size_or_unknown(call, l.batch);
		const int64_t hidden = size_or_unknown(call, l.hidden);
		const int64_t steps = size_or_unknown(call, l.steps);

		if (!call->out[i])
			continue;
		if (i == NN_RNN_Y && l.batch_first)
			call->out[i]->shape = (struct nn_shape){ 4, { batch, steps, l.directions, hidden } };
		else if (i == NN_RNN_Y)
			call->out[i]->shape = (struct nn_shape){ 4, { steps, l.directions, batch, hidden } };
		else if (l.batch_first)
			call->out[i]->shape = (struct nn_shape){ 3, { batch, l.directions, hidden } };
		else
			call->out[i]->shape = (struct nn_shape){ 3, { l.directions, batch, hidden } };
	}
	return 0;
}

/* ---- One cell ---- */

/* What passes from step to step, and room for the gates. */
struct cell {
	const struct nn_call *call;
	const struct nn_layer *l;
	int64_t direction, item;	/* of the batch */
	double *h, *c, *next;		/* hidden numbers each */
	double *gates;
};

/* Where an item's hidden numbers lie in the first and last states. */
static size_t state_of(const struct cell *cell)
{
	const struct nn_layer *l = cell->l;

	return (size_t)(l->batch_first ? cell->item * l->directions + cell->direction :
			cell->direction * l->batch + cell->item) * (size_t)l->hidden;
}

static double activate(const struct cell *cell, int function, double x)
{
	const struct nn_layer *l = cell->l;
	const struct nn_activation *f = &l->f[cell->direction * l->functions + function];

	return f->f(fmax(-l->clip, fmin(x, l->clip)), f->alpha, f->beta);
}

/* Number i of the gates, as far as the input makes it. */
static double from_input(const struct cell *cell, int64_t step, int64_t row)
{
	const struct nn_layer *l = cell->l;
	int64_t rows = l->gates * l->hidden;
	size_t x = (size_t)((l->batch_first ? cell->item * l->steps + step :
			     step * l->batch + cell->item) * l->inputs);
	size_t w = (size_t)((cell->direction * rows + row) * l->inputs);
	double sum = l->b ? nn_get(l->b, (size_t)(cell->direction * 2 * rows + row)) : 0;
	int64_t i;

	for (i = 0; i < l->inputs; i++)
		sum += nn_get(l->x, x + (size_t)i) * nn_get(l->w, w + (size_t)i);
	return sum;
}

/* The same of what the cell gave before; `factors` are for each of its numbers, or NULL. */
static double from_before(const struct cell *cell, int64_t row, const double *factors)
{
	const struct nn_layer *l = cell->l;
	int64_t rows = l->gates * l->hidden, i;
	size_t r = (size_t)((cell->direction * rows + row) * l->hidden);
	double sum = l->b ? nn_get(l->b, (size_t)(cell->direction * 2 * rows + rows + row)) : 0;

	for (i = 0; i < l->hidden; i++)
		sum += cell->h[i] * (factors ? factors[i] : 1) * nn_get(l->r, r + (size_t)i);
	return sum;
}

static void step_rnn(struct cell *cell, int64_t step)
{
	int64_t i;

	for (i = 0; i < cell->l->hidden; i++)
		cell->next[i] = activate(cell, 0, from_input(cell, step, i) +
					 from_before(cell, i, NULL));
}

static void step_gru(struct cell *cell, int64_t step)
{
	bool linear_first = nn_attr_int(cell->call, "linear_before_reset");
	int64_t n = cell->l->hidden, i;
	double *update = cell->gates, *reset = cell->gates + n, new;

	for (i = 0; i < 2 * n; i++)
		cell->gates[i] = activate(cell, 0, from_input(cell, step, i) +
					  from_before(cell, i, NULL));
	for (i = 0; i < n; i++) {
		new = from_input(cell, step, 2 * n + i);
		new += linear_first ? reset[i] * from_before(cell, 2 * n + i, NULL) :
				      from_before(cell, 2 * n + i, reset);
		cell->next[i] = (1 - update[i]) * activate(cell, 1, new) + update[i] * cell->h[i];
	}
}

/* A gate looks at the cell's memory: kinds are those of the input, output and forget gates. */
static double peep(const struct cell *cell, int kind, int64_t i)
{
	const struct nn_layer *l = cell->l;

	if (!l->peepholes)
		return 0;
	return cell->c[i] * nn_get(l->peepholes, (size_t)((cell->direction * 3 + kind) * l->hidden + i));
}

static void step_lstm(struct cell *cell, int64_t step)
{
	bool coupled = nn_attr_int(cell->call, "input_forget");
	int64_t n = cell->l->hidden, i;
	double in, forget;

	for (i = 0; i < 4 * n; i++)
		cell->gates[i] = from_input(cell, step, i) + from_before(cell, i, NULL);
	for (i = 0; i < n; i++) {
		in = activate(cell, 0, cell->gates[i] + peep(cell, 0, i));
		forget = coupled ? 1 - in : activate(cell, 0, cell->gates[2 * n + i] + peep(cell, 2, i));
		cell->c[i] = forget * cell->c[i] + in * activate(cell, 1, cell->gates[3 * n + i]);
		cell->next[i] = activate(cell, 0, cell->gates[n + i] + peep(cell, 1, i)) *
				activate(cell, 2, cell->c[i]);
	}
}

/* ---- The sequence ---- */

static void keep(const struct cell *cell, size_t output, size_t at, const double *from)
{
	struct nn_tensor *to = nn_result(cell->call, output);
	int64_t i;

	for (i = 0; to && i < cell->l->hidden; i++)
		nn_set(to, at + (size_t)i, from[i]);
}

static void run_item(struct cell *cell, void (*step)(struct cell *, int64_t), int64_t length)
{
	const struct nn_layer *l = cell->l;
	bool reverse = l->reverse || cell->direction == 1;
	int64_t i, at;
	double *old;

	for (i = 0; i < l->hidden; i++) {
		cell->h[i] = l->h ? nn_get(l->h, state_of(cell) + (size_t)i) : 0;
		cell->c[i] = l->c ? nn_get(l->c, state_of(cell) + (size_t)i) : 0;
	}
	for (i = 0; i < length; i++) {
		at = reverse ? length - 1 - i : i;
		step(cell, at);
		old = cell->h;
		cell->h = cell->next;
		cell->next = old;
		keep(cell, NN_RNN_Y, (size_t)(l->batch_first ?
				       (cell->item * l->steps + at) * l->directions + cell->direction :
				       (at * l->directions + cell->direction) * l->batch + cell->item) *
		     (size_t)l->hidden, cell->h);
	}
	keep(cell, NN_RNN_LAST_H, state_of(cell), cell->h);
	if (l->gates == GATES_MAX)
		keep(cell, NN_RNN_LAST_C, state_of(cell), cell->c);
}

static int run_all(struct cell *cell, void (*step)(struct cell *, int64_t))
{
	const struct nn_layer *l = cell->l;
	int64_t i, length;

	for (i = 0; i < l->directions * l->batch; i++) {
		cell->direction = i / l->batch;
		cell->item = i % l->batch;
		length = l->lengths ? nn_get_int(l->lengths, (size_t)cell->item) : l->steps;
		if (length < 0 || length > l->steps)
			return nn_refuse(cell->call, NULL, "length %" PRId64 " is not within %" PRId64,
					 length, l->steps);
		run_item(cell, step, length);
	}
	return 0;
}

static int evaluate_layer(struct nn_call *call, void (*step)(struct cell *, int64_t))
{
	struct nn_layer l;
	struct cell cell = { .call = call, .l = &l };
	double *memory;
	int ret = nn_read_layer(call, &l);

	if (ret)
		return ret;
	l.x = nn_contents(call->in[NN_RNN_X]);
	l.w = nn_contents(call->in[NN_RNN_W]);
	l.r = nn_contents(call->in[NN_RNN_R]);
	l.b = nn_contents(nn_in_fact(call, NN_RNN_B));
	l.lengths = nn_contents(nn_in_fact(call, NN_RNN_LENGTHS));
	l.h = nn_contents(nn_in_fact(call, NN_RNN_INITIAL_H));
	l.c = nn_contents(nn_in_fact(call, NN_RNN_INITIAL_C));
	l.peepholes = nn_contents(nn_in_fact(call, NN_RNN_PEEPHOLES));
	/* Nothing has no states, however long it goes on. */
	if (!l.batch || !l.hidden)
		return 0;
	memory = calloc((size_t)l.hidden, (3 + GATES_MAX) * sizeof(*memory));
	if (!memory)
		return nn_no_memory(call);
	cell.h = memory;
	cell.next = memory + l.hidden;
	cell.c = memory + 2 * l.hidden;
	cell.gates = memory + 3 * l.hidden;
	ret = run_all(&cell, step);
	free(memory);
	return ret;
}

static int evaluate_rnn(struct nn_call *call)
{
	return evaluate_layer(call, step_rnn);
}

static int evaluate_gru(struct nn_call *call)
{
	return evaluate_layer(call, step_gru);
}

static int evaluate_lstm(struct nn_call *call)
{
	return evaluate_layer(call, step_lstm);
}

/* ---- Table ---- */

#define FLOATS(n, arity)	{ n, 'T', NN_FLOATS, arity }
#define INPUTS \
	FLOATS("X", NN_ONE), FLOATS("W", NN_ONE), FLOATS("R", NN_ONE), FLOATS("B", NN_OPTIONAL), \
	{ "sequence_lens", 0, NN_SET(NN_I32), NN_OPTIONAL }, FLOATS("initial_h", NN_OPTIONAL)
#define OUTPUTS		FLOATS("Y", NN_OPTIONAL), FLOATS("Y_h", NN_OPTIONAL)
#define LAYER_ATTRS \
	NN_OPTIONAL_ATTR("activation_alpha", FLOATS), NN_OPTIONAL_ATTR("activation_beta", FLOATS), \
	NN_OPTIONAL_ATTR("activations", STRINGS), NN_OPTIONAL_ATTR("clip", FLOAT), \
	NN_TEXT("direction", "forward"), NN_OPTIONAL_ATTR("hidden_size", INT)
#define LAYER(n, v, in, out, e, ...) \
	{ .name = n, .since = v, .inputs = in, .outputs = out, .costly = true, \
	  .attrs = NN_ATTRS(LAYER_ATTRS, ##__VA_ARGS__), .infer = infer_layer, .evaluate = e }
#define LSTM_INPUTS \
	NN_PORTS(INPUTS, FLOATS("initial_c", NN_OPTIONAL), FLOATS("P", NN_OPTIONAL))
#define LSTM_OUTPUTS	NN_PORTS(OUTPUTS, FLOATS("Y_c", NN_OPTIONAL))

const struct nn_op nn_ops_recurrent[] = {
	LAYER("RNN", 7, NN_PORTS(INPUTS), NN_PORTS(OUTPUTS), evaluate_rnn),
	LAYER("RNN", 14, NN_PORTS(INPUTS), NN_PORTS(OUTPUTS), evaluate_rnn, NN_INT("layout", 0)),
	LAYER("GRU", 7, NN_PORTS(INPUTS), NN_PORTS(OUTPUTS), evaluate_gru,
	      NN_INT("linear_before_reset", 0)),
	LAYER("GRU", 14, NN_PORTS(INPUTS), NN_PORTS(OUTPUTS), evaluate_gru,
	      NN_INT("linear_before_reset", 0), NN_INT("layout", 0)),
	LAYER("LSTM", 7, LSTM_INPUTS, LSTM_OUTPUTS, evaluate_lstm, NN_INT("input_forget", 0)),
	LAYER("LSTM", 14, LSTM_INPUTS, LSTM_OUTPUTS, evaluate_lstm, NN_INT("input_forget", 0),
	      NN_INT("layout", 0)),
	{ 0 }
};
