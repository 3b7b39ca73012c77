// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Einsum, and determinants.
 *
 * An equation names the dimensions of its operands by letters. Dimensions of the same letter are
 * gone through together; those that the result does not have are summed up. Dimensions that
 * an ellipsis stands for are letters of their own, counted from the last one.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../op.h"

#define LETTERS		52
#define LABELS		(LETTERS + NN_RANK_MAX)
/* More products than that do not end. */
#define PRODUCTS_MAX	((uint64_t)1 << 44)

/* The labels of an operand's dimensions, or of the result's. */
struct term {
	int count;
	int labels[LABELS];
	int ellipsis;		/* where in the labels it is; -1: nowhere */
};

struct equation {
	size_t operands;
	struct term *terms;	/* of the operands, then of the result */
	int64_t sizes[LABELS];	/* -1: not known */
	int uses[LABELS];
	int ellipsis;		/* dimensions that it stands for */
};

static int label_of(char letter)
{
	return islower((unsigned char)letter) ? letter - 'a' : letter - 'A' + 26;
}

/* Read a term up to a comma, an arrow or the end; the text behind it. */
static const char *read_term(const char *text, struct term *term)
{
	term->count = 0;
	term->ellipsis = -1;
	for (; *text && *text != ',' && strncmp(text, "->", 2); text++) {
		if (*text == ' ')
			continue;
		if (!strncmp(text, "...", 3) && term->ellipsis < 0) {
			term->ellipsis = term->count;
			text += 2;
		} else if (isalpha((unsigned char)*text) && term->count < NN_RANK_MAX) {
			term->labels[term->count++] = label_of(*text);
		} else {
			return NULL;
		}
	}
	return text;
}

/* An ellipsis becomes as many labels as it stands for dimensions. */
static void expand(struct term *term, int dims)
{
	int i;

	if (term->ellipsis < 0)
		return;
	memmove(term->labels + term->ellipsis + dims, term->labels + term->ellipsis,
		(size_t)(term->count - term->ellipsis) * sizeof(term->labels[0]));
	for (i = 0; i < dims; i++)
		term->labels[term->ellipsis + i] = LETTERS + NN_RANK_MAX - dims + i;
	term->count += dims;
}

/* Without an arrow, the result has what is there once, in the order of the alphabet. */
static void imply_result(struct equation *e, struct term *result)
{
	static const char order[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	int i;

	*result = (struct term){ .ellipsis = e->ellipsis ? 0 : -1 };
	for (i = 0; i < LETTERS; i++)
		if (e->uses[label_of(order[i])] == 1 && result->count < NN_RANK_MAX)
			result->labels[result->count++] = label_of(order[i]);
}

static int refuse_equation(const struct nn_call *call)
{
	char clean[80];

	nn_clean(clean, sizeof(clean), nn_attr_text(call, "equation"));
	return nn_refuse(call, NULL, "its equation '%s' does not fit its inputs", clean);
}

static int set_sizes(const struct nn_call *call, struct equation *e, size_t operand)
{
	const struct nn_shape *shape = &call->in[operand]->shape;
	const struct term *term = &e->terms[operand];
	int i, label;

	for (i = 0; i < term->count; i++) {
		label = term->labels[i];
		/* A size of 1 is repeated for the others. */
		if (e->sizes[label] < 0 || e->sizes[label] == 1)
			e->sizes[label] = shape->dims[i];
		else if (shape->dims[i] != 1 && shape->dims[i] != e->sizes[label])
			return nn_refuse(call, NULL, "its equation gives sizes %" PRId64 " and %" PRId64
					 " the same name", e->sizes[label], shape->dims[i]);
	}
	return 0;
}

static int read_operands(const struct nn_call *call, struct equation *e, const char **text)
{
	size_t i;
	int k, dims;

	for (i = 0; i < e->operands; i++) {
		struct term *term = &e->terms[i];

		*text = read_term(*text, term);
		if (!*text || (i + 1 < e->operands ? **text != ',' : **text == ','))
			return refuse_equation(call);
		*text += i + 1 < e->operands;
		dims = call->in[i]->shape.rank - term->count;
		if (dims < 0 || (dims && term->ellipsis < 0))
			return refuse_equation(call);
		for (k = 0; k < term->count; k++)
			e->uses[term->labels[k]]++;
		if (term->ellipsis >= 0 && dims > e->ellipsis)
			e->ellipsis = dims;
		expand(term, dims);
	}
	return 0;
}

static int read_result(const struct nn_call *call, struct equation *e, const char *text)
{
	struct term *result = &e->terms[e->operands];
	int i, k;

	if (!*text) {
		imply_result(e, result);
	} else {
		text = read_term(text + 2, result);
		if (!text || *text)
			return refuse_equation(call);
	}
	for (i = 0; i < result->count; i++) {
		if (!e->uses[result->labels[i]])
			return refuse_equation(call);
		for (k = 0; k < i; k++)
			if (result->labels[i] == result->labels[k])
				return refuse_equation(call);
	}
	if (result->count + (result->ellipsis < 0 ? 0 : e->ellipsis) > NN_RANK_MAX)
		return nn_fail_node(call->node, -ENOTSUP, NULL, "its result has too many dimensions");
	expand(result, e->ellipsis);
	return 0;
}

/* 1 if the inputs' shapes are not known. The terms are to be freed in any case. */
static int read_equation(const struct nn_call *call, struct equation *e)
{
	const char *text = nn_attr_text(call, "equation");
	size_t i;
	int ret;

	memset(e, 0, sizeof(*e));
	e->operands = call->node->input_count;
	for (i = 0; i < LABELS; i++)
		e->sizes[i] = -1;
	for (i = 0; i < e->operands; i++)
		if (!nn_shape_known(&call->in[i]->shape))
			return 1;
	e->terms = calloc(e->operands + 1, sizeof(*e->terms));
	if (!e->terms)
		return nn_no_memory(call);
	ret = read_operands(call, e, &text);
	if (!ret)
		ret = read_result(call, e, text);
	for (i = 0; i < e->operands && !ret; i++)
		ret = set_sizes(call, e, i);
	return ret;
}

static int infer_einsum(struct nn_call *call)
{
	struct nn_shape *out = &call->out[0]->shape;
	const struct term *result;
	struct equation e;
	int i, ret = read_equation(call, &e);

	if (!ret) {
		result = &e.terms[e.operands];
		out->rank = result->count;
		for (i = 0; i < result->count; i++)
			out->dims[i] = e.sizes[result->labels[i]];
	}
	free(e.terms);
	return ret < 0 ? ret : 0;
}

/* How far each label's next place is, in each operand. */
struct walk {
	int count;		/* labels: those of the result first */
	int64_t size[LABELS], at[LABELS];
	size_t *steps;		/* by operand, then label */
	size_t *places;		/* of the operands */
	size_t operands;
};

static void add_label(struct walk *w, const struct equation *e, const struct nn_call *call, int label)
{
	int64_t step[NN_RANK_MAX];
	size_t i;
	int k;

	for (i = 0; i < e->operands; i++) {
		const struct nn_shape *shape = &call->in[i]->shape;

		nn_steps(shape, step);
		for (k = 0; k < shape->rank; k++)
			if (e->terms[i].labels[k] == label && shape->dims[k] != 1)
				w->steps[i * LABELS + (size_t)w->count] += (size_t)step[k];
	}
	w->size[w->count++] = e->sizes[label];
}

static void begin_walk(struct walk *w, const struct equation *e, const struct nn_call *call)
{
	const struct term *result = &e->terms[e->operands];
	int label, i;

	for (i = 0; i < result->count; i++)
		add_label(w, e, call, result->labels[i]);
	for (label = 0; label < LABELS; label++) {
		for (i = 0; i < result->count && result->labels[i] != label; i++)
			;
		if (i == result->count && e->sizes[label] >= 0)
			add_label(w, e, call, label);
	}
}

static void next_place(struct walk *w)
{
	size_t i;
	int k;

	for (k = w->count - 1; k >= 0; k--) {
		bool more = ++w->at[k] < w->size[k];

		for (i = 0; i < w->operands; i++)
			w->places[i] += more ? w->steps[i * LABELS + (size_t)k] :
					-w->steps[i * LABELS + (size_t)k] * (size_t)(w->size[k] - 1);
		if (more)
			return;
		w->at[k] = 0;
	}
}

static void sum_products(struct nn_call *call, struct walk *w, uint64_t each)
{
	struct nn_tensor *y = nn_result(call, 0);
	uint64_t k, integers, whole;
	size_t i, operand;
	double sum, product;

	for (i = 0; i < y->count; i++) {
		for (k = 0, sum = 0, integers = 0; k < each; k++, next_place(w)) {
			for (operand = 0, product = 1, whole = 1; operand < w->operands; operand++) {
				const struct nn_tensor *x = &call->in[operand]->tensor;

				if (nn_is_float(x->type))
					product *= nn_get(x, w->places[operand]);
				else
					whole *= (uint64_t)nn_get_int(x, w->places[operand]);
			}
			sum += product;
			integers += whole;
		}
		if (nn_is_float(y->type))
			nn_set(y, i, sum);
		else
			nn_set_int(y, i, (int64_t)integers);
	}
}

/* Products that are summed up for each element of the result. */
static int count_products(const struct nn_call *call, const struct walk *w, int result, uint64_t *each)
{
	uint64_t all = nn_result(call, 0)->count;
	int i;

	*each = 1;
	for (i = result; i < w->count; i++)
		*each = *each > PRODUCTS_MAX ? *each : *each * (uint64_t)w->size[i];
	if (!all || *each <= PRODUCTS_MAX / all)
		return 0;
	return nn_fail_node(call->node, -EFBIG, NULL, "its sums have too many products");
}

static int evaluate_einsum(struct nn_call *call)
{
	struct walk w = { .operands = call->node->input_count };
	struct equation e;
	uint64_t each;
	int ret = read_equation(call, &e);

	w.steps = calloc(w.operands + 1, LABELS * sizeof(*w.steps));
	w.places = calloc(w.operands + 1, sizeof(*w.places));
	if (!ret && (!w.steps || !w.places))
		ret = nn_no_memory(call);
	if (!ret) {
		begin_walk(&w, &e, call);
		ret = count_products(call, &w, e.terms[e.operands].count, &each);
	}
	if (!ret)
		sum_products(call, &w, each);
	free(w.steps);
	free(w.places);
	free(e.terms);
	return ret;
}

/* ---- Det ---- */

static int infer_det(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_shape *out = &call->out[0]->shape;

	if (in->rank < 0)
		return 0;
	if (in->rank < 2 || (in->dims[in->rank - 1] >= 0 && in->dims[in->rank - 2] >= 0 &&
			     in->dims[in->rank - 1] != in->dims[in->rank - 2]))
		return nn_refuse(call, NULL, "its input is not of square matrices");
	*out = *in;
	out->rank -= 2;
	return 0;
}

/* By elimination; the largest element of a column leads. */
static double determinant(double *m, size_t n)
{
	double product = 1, factor, held;
	size_t i, k, c, lead;

	for (c = 0; c < n; c++) {
		for (lead = c, i = c + 1; i < n; i++)
			if (fabs(m[i * n + c]) > fabs(m[lead * n + c]))
				lead = i;
		for (k = 0; k < n && lead != c; k++) {
			held = m[c * n + k];
			m[c * n + k] = m[lead * n + k];
			m[lead * n + k] = held;
		}
		product *= lead != c ? -m[c * n + c] : m[c * n + c];
		if (m[c * n + c] == 0)
			return 0;
		for (i = c + 1; i < n; i++) {
			factor = m[i * n + c] / m[c * n + c];
			for (k = c; k < n; k++)
				m[i * n + k] -= factor * m[c * n + k];
		}
	}
	return product;
}

static int evaluate_det(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	size_t n = (size_t)x->shape.dims[x->shape.rank - 1], i, k;
	struct nn_tensor *y = nn_result(call, 0);
	double *m;

	/* That of nothing is 1. */
	for (i = 0; !n && i < y->count; i++)
		nn_set(y, i, 1);
	if (!x->count)
		return 0;
	m = calloc(n * n, sizeof(*m));
	if (!m)
		return nn_no_memory(call);
	for (i = 0; i < y->count; i++) {
		for (k = 0; k < n * n; k++)
			m[k] = nn_get(x, i * n * n + k);
		nn_set(y, i, determinant(m, n));
	}
	free(m);
	return 0;
}

/* ---- Table ---- */

const struct nn_op nn_ops_einsum[] = {
	{ .name = "Einsum", .since = 12, .costly = true,
	  .inputs = NN_PORTS({ "Inputs", 'T', NN_NUMBERS, NN_MANY }),
	  .outputs = NN_PORTS({ "Output", 'T', NN_NUMBERS, NN_ONE }),
	  .attrs = NN_ATTRS(NN_REQUIRED_ATTR("equation", STRING)),
	  .infer = infer_einsum, .evaluate = evaluate_einsum },
	{ .name = "Det", .since = 11, .costly = true,
	  .inputs = NN_PORTS({ "X", 'T', NN_FLOATS, NN_ONE }),
	  .outputs = NN_PORTS({ "Y", 'T', NN_FLOATS, NN_ONE }),
	  .infer = infer_det, .evaluate = evaluate_det },
	{ 0 }
};
