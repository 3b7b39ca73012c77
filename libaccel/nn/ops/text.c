// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Operators about texts. Upper and lower case are those of ASCII; other characters stay as they are.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../infer.h"

static void set_text(struct nn_tensor *y, size_t i, const char *text)
{
	((const char **)y->data)[i] = text;
}

/* ---- StringConcat ---- */

static int evaluate_concat(struct nn_call *call)
{
	const struct nn_tensor *a = nn_contents(call->in[0]), *b = nn_contents(call->in[1]);
	struct nn_tensor *y = nn_result(call, 0);
	size_t i;

	for (i = 0; i < y->count; i++) {
		const char *first = nn_text(a, nn_place_in(&y->shape, i, &a->shape));
		const char *second = nn_text(b, nn_place_in(&y->shape, i, &b->shape));
		char *text = nn_format(&call->facts->texts, "%s%s", first, second);

		if (!text)
			return nn_no_memory(call);
		set_text(y, i, text);
	}
	return 0;
}

/* ---- StringSplit ---- */

/* A part of a text, and where the rest begins; NULL: there is none. */
struct part {
	const char *text;
	size_t length;
	const char *rest;
};

/* Cut off one more part: at a delimiter, or if there is none at blanks of any number. */
static struct part cut(const char *text, const char *delimiter, bool last)
{
	struct part p = { .text = text };

	if (!delimiter[0]) {
		p.text += strspn(text, " \t\n\r\f\v");
		p.length = last ? strlen(p.text) : strcspn(p.text, " \t\n\r\f\v");
		/* What is left at the end has no blanks behind it. */
		while (last && p.length && strchr(" \t\n\r\f\v", p.text[p.length - 1]))
			p.length--;
		p.rest = p.text + p.length;
		if (!p.length)
			p.text = NULL;
		return p;
	}
	p.rest = last ? NULL : strstr(text, delimiter);
	p.length = p.rest ? (size_t)(p.rest - text) : strlen(text);
	p.rest = p.rest ? p.rest + strlen(delimiter) : NULL;
	return p;
}

/* The parts of a text: into `to`, if it is not NULL. Their number, or -1 if memory is short. */
static int64_t split(const struct nn_call *call, const char *text, const char **to)
{
	const struct nn_attr *attr = nn_attr_find(call->node, "delimiter");
	int64_t most = nn_attr_given(call, "maxsplit") ? nn_attr_int(call, "maxsplit") : INT64_MAX;
	const char *delimiter = attr ? attr->s : "";
	int64_t count = 0;
	struct part p;

	/* An empty text has no parts. */
	for (p.rest = text[0] ? text : NULL; p.rest;) {
		p = cut(p.rest, delimiter, count >= most);
		if (!p.text)
			break;
		if (to) {
			to[count] = nn_keep_text(call, p.text, p.length);
			if (!to[count])
				return -1;
		}
		count++;
	}
	return count;
}

static int infer_split(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_shape *out = &call->out[0]->shape;

	if (nn_attr_given(call, "maxsplit") && nn_attr_int(call, "maxsplit") < 0)
		return nn_refuse(call, NULL, "its maxsplit is %" PRId64, nn_attr_int(call, "maxsplit"));
	call->out[1]->shape = *in;
	if (in->rank == NN_RANK_MAX)
		return nn_fail_node(call->node, -ENOTSUP, NULL, "it makes %d dimensions", in->rank + 1);
	*out = *in;
	if (in->rank >= 0)
		out->dims[out->rank++] = nn_unknown(call);
	return 0;
}

static int evaluate_split(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct nn_shape shape = x->shape;
	struct nn_tensor *y;
	int64_t most = 0, count;
	size_t i;
	int ret = nn_make_result(call, 1, NN_I64, &x->shape);

	for (i = 0; i < x->count && !ret; i++) {
		count = split(call, nn_text(x, i), NULL);
		nn_set_int(nn_result(call, 1), i, count);
		most = count > most ? count : most;
	}
	shape.dims[shape.rank++] = most;
	if (!ret)
		ret = nn_make_result(call, 0, NN_STRING, &shape);
	y = nn_result(call, 0);
	for (i = 0; i < x->count && most && !ret; i++)
		if (split(call, nn_text(x, i), (const char **)y->data + i * (size_t)most) < 0)
			ret = nn_no_memory(call);
	return ret;
}

/* ---- StringNormalizer ---- */

static int infer_normalizer(struct nn_call *call)
{
	const char *action = nn_attr_text(call, "case_change_action");
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_shape *out = &call->out[0]->shape;

	if (strcmp(action, "NONE") && strcmp(action, "LOWER") && strcmp(action, "UPPER"))
		return nn_refuse(call, NULL, "its case_change_action is something that ONNX does not have");
	if (in->rank < 0)
		return 0;
	if (in->rank < 1 || in->rank > 2 || (in->rank == 2 && in->dims[0] >= 0 && in->dims[0] != 1))
		return nn_refuse(call, NULL, "its input is not a row of texts");
	*out = *in;
	out->dims[in->rank - 1] = nn_unknown(call);
	return 0;
}

static bool is_stopped(const char *text, const char *const *stops, size_t count, bool exact)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!(exact ? strcmp(text, stops[i]) : strcasecmp(text, stops[i])))
			return true;
	return false;
}

static const char *change_case(const struct nn_call *call, const char *text)
{
	const char *action = nn_attr_text(call, "case_change_action");
	char *copy, *at;

	if (!strcmp(action, "NONE"))
		return text;
	copy = nn_format(&call->facts->texts, "%s", text);
	for (at = copy; at && *at; at++)
		if (!((unsigned char)*at & 0x80))
			*at = (char)(!strcmp(action, "LOWER") ? tolower(*at) : toupper(*at));
	return copy;
}

static int evaluate_normalizer(struct nn_call *call)
{
	bool exact = nn_attr_int(call, "is_case_sensitive");
	const struct nn_tensor *x = nn_contents(call->in[0]);
	const char *const *stops, *text;
	size_t i, count, left = 0;
	struct nn_shape shape = x->shape;
	int ret;

	count = nn_attr_texts(call, "stopwords", &stops);
	for (i = 0; i < x->count; i++)
		left += !is_stopped(nn_text(x, i), stops, count, exact);
	/* Nothing left is one empty text. */
	shape.dims[shape.rank - 1] = left ? (int64_t)left : 1;
	ret = nn_make_result(call, 0, NN_STRING, &shape);
	for (i = 0, left = 0; i < x->count && !ret; i++) {
		if (is_stopped(nn_text(x, i), stops, count, exact))
			continue;
		text = change_case(call, nn_text(x, i));
		if (!text)
			return nn_no_memory(call);
		set_text(nn_result(call, 0), left++, text);
	}
	return ret;
}

/* ---- TfIdfVectorizer ---- */

/* The n-grams of the pool: those of one length lie one behind the other. */
struct pool {
	const int64_t *ints, *counts, *indexes;
	const char *const *texts;
	const float *weights;
	size_t size, lengths, grams, weight_count;
	int64_t shortest, longest, skip, width;
};

/* Where the n-grams of a length begin, and the first one's number: sizes were checked. */
static size_t pool_begin(const struct pool *p, size_t n, size_t *first)
{
	size_t i, end;

	for (i = 1, *first = 0; i < n; i++) {
		end = i < p->lengths ? (size_t)p->counts[i] : p->size;
		*first += (end - (size_t)p->counts[i - 1]) / i;
	}
	return (size_t)p->counts[n - 1];
}

static size_t pool_end(const struct pool *p, size_t n)
{
	return n < p->lengths ? (size_t)p->counts[n] : p->size;
}

static int check_pool(const struct nn_call *call, struct pool *p)
{
	size_t i, grams = 0, begin, end;

	for (i = 1; i <= p->lengths; i++) {
		begin = (size_t)p->counts[i - 1];
		end = pool_end(p, i);
		if (p->counts[i - 1] < 0 || end > p->size || begin > end || (end - begin) % i)
			return nn_refuse(call, NULL, "its ngram_counts do not divide its pool");
		grams += (end - begin) / i;
	}
	if (grams != p->grams)
		return nn_refuse(call, NULL, "it has %zu ngram_indexes for %zu n-grams", p->grams, grams);
	for (i = 0, p->width = 0; i < grams; i++) {
		if (p->indexes[i] < 0 || p->indexes[i] > INT32_MAX)
			return nn_refuse(call, NULL, "one of its ngram_indexes is %" PRId64, p->indexes[i]);
		p->width = p->indexes[i] >= p->width ? p->indexes[i] + 1 : p->width;
	}
	if (p->shortest < 1 || p->longest < p->shortest || p->longest > (int64_t)p->lengths ||
	    p->skip < 0)
		return nn_refuse(call, NULL, "its n-grams are from %" PRId64 " to %" PRId64
				 " long, of which it has %zu lengths", p->shortest, p->longest, p->lengths);
	if (p->weight_count && p->weight_count != grams)
		return nn_refuse(call, NULL, "it has %zu weights for %zu n-grams", p->weight_count, grams);
	return 0;
}

static int read_pool(const struct nn_call *call, struct pool *p)
{
	const char *mode = nn_attr_text(call, "mode");
	size_t ints, texts;

	if (strcmp(mode, "TF") && strcmp(mode, "IDF") && strcmp(mode, "TFIDF"))
		return nn_refuse(call, NULL, "its mode is something that ONNX does not have");
	ints = nn_attr_ints(call, "pool_int64s", &p->ints);
	texts = nn_attr_texts(call, "pool_strings", &p->texts);
	p->lengths = nn_attr_ints(call, "ngram_counts", &p->counts);
	p->grams = nn_attr_ints(call, "ngram_indexes", &p->indexes);
	p->weight_count = nn_attr_floats(call, "weights", &p->weights);
	p->shortest = nn_attr_int(call, "min_gram_length");
	p->longest = nn_attr_int(call, "max_gram_length");
	p->skip = nn_attr_int(call, "max_skip_count");
	p->size = call->in[0]->type == NN_STRING ? texts : ints;
	return check_pool(call, p);
}

static int infer_vectorizer(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	struct pool p;
	int ret = read_pool(call, &p);

	if (ret || in->rank < 0)
		return ret;
	if (in->rank < 1 || in->rank > 2)
		return nn_refuse(call, NULL, "its input has %d dimensions, not one or two", in->rank);
	*out = *in;
	out->dims[in->rank - 1] = p.width;
	return 0;
}

/* Whether what lies `apart` in the input is the n-gram at a place of the pool. */
static bool is_gram(const struct pool *p, size_t at, size_t n, const struct nn_tensor *x, size_t from,
		    size_t apart)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (x->type == NN_STRING ? strcmp(p->texts[at + i], nn_text(x, from + i * apart)) != 0 :
		    p->ints[at + i] != nn_get_int(x, from + i * apart))
			return false;
	}
	return true;
}

static void count_grams(const struct pool *p, size_t n, size_t apart, const struct nn_tensor *x,
			size_t first, size_t length, double *counts)
{
	size_t number, begin = pool_begin(p, n, &number), end = pool_end(p, n), i, at;

	for (i = 0; i + (n - 1) * apart < length; i++)
		for (at = begin; at < end; at += n)
			if (is_gram(p, at, n, x, first + i, apart))
				counts[number + (at - begin) / n]++;
}

static int evaluate_vectorizer(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	size_t length = (size_t)x->shape.dims[x->shape.rank - 1], row, n, apart, i;
	const char *mode = nn_attr_text(call, "mode");
	struct nn_tensor *y = nn_result(call, 0);
	double *counts, weight;
	struct pool p;
	int ret = read_pool(call, &p);

	if (ret || !x->count)
		return ret;
	counts = calloc(p.grams + 1, sizeof(*counts));
	if (!counts)
		return nn_no_memory(call);
	for (row = 0; row < x->count / length; row++) {
		memset(counts, 0, p.grams * sizeof(*counts));
		for (n = (size_t)p.shortest; n <= (size_t)p.longest; n++)
			for (apart = 1; apart <= (n == 1 ? 1 : (size_t)p.skip + 1) &&
			     (n - 1) * apart < length; apart++)
				count_grams(&p, n, apart, x, row * length, length, counts);
		for (i = 0; i < p.grams; i++) {
			weight = p.weight_count && strcmp(mode, "TF") ? p.weights[i] : 1;
			if (counts[i] > 0)
				nn_set(y, row * (size_t)p.width + (size_t)p.indexes[i],
				       (strcmp(mode, "IDF") ? counts[i] : 1) * weight);
		}
	}
	free(counts);
	return 0;
}

/* ---- Table ---- */

#define TEXT		NN_SET(NN_STRING)

const struct nn_op nn_ops_text[] = {
	{ .name = "StringConcat", .since = 20,
	  .inputs = NN_PORTS({ "X", 'T', TEXT, NN_ONE }, { "Y", 'T', TEXT, NN_ONE }),
	  .outputs = NN_PORTS({ "Z", 'T', TEXT, NN_ONE }),
	  .infer = nn_infer_broadcast, .evaluate = evaluate_concat },
	{ .name = "StringSplit", .since = 20, .makes_results = true,
	  .inputs = NN_PORTS({ "X", 'T', TEXT, NN_ONE }),
	  .outputs = NN_PORTS({ "Y", 'T', TEXT, NN_ONE }, { "Z", 0, NN_SET(NN_I64), NN_ONE }),
	  .attrs = NN_ATTRS(NN_OPTIONAL_ATTR("delimiter", STRING), NN_OPTIONAL_ATTR("maxsplit", INT)),
	  .infer = infer_split, .evaluate = evaluate_split },
	{ .name = "StringNormalizer", .since = 10, .makes_results = true,
	  .inputs = NN_PORTS({ "X", 'T', TEXT, NN_ONE }),
	  .outputs = NN_PORTS({ "Y", 'T', TEXT, NN_ONE }),
	  .attrs = NN_ATTRS(NN_TEXT("case_change_action", "NONE"), NN_INT("is_case_sensitive", 0),
			    NN_OPTIONAL_ATTR("locale", STRING), NN_OPTIONAL_ATTR("stopwords", STRINGS)),
	  .infer = infer_normalizer, .evaluate = evaluate_normalizer },
	{ .name = "TfIdfVectorizer", .since = 9, .costly = true,
	  .inputs = NN_PORTS({ "X", 0, TEXT | NN_SET(NN_I32) | NN_SET(NN_I64), NN_ONE }),
	  .outputs = NN_PORTS({ "Y", 0, NN_SET(NN_F32), NN_ONE }),
	  .attrs = NN_ATTRS(NN_REQUIRED_ATTR("max_gram_length", INT),
			    NN_REQUIRED_ATTR("max_skip_count", INT),
			    NN_REQUIRED_ATTR("min_gram_length", INT), NN_REQUIRED_ATTR("mode", STRING),
			    NN_REQUIRED_ATTR("ngram_counts", INTS),
			    NN_REQUIRED_ATTR("ngram_indexes", INTS),
			    NN_OPTIONAL_ATTR("pool_int64s", INTS),
			    NN_OPTIONAL_ATTR("pool_strings", STRINGS),
			    NN_OPTIONAL_ATTR("weights", FLOATS)),
	  .infer = infer_vectorizer, .evaluate = evaluate_vectorizer },
	{ 0 }
};
