// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Operators that look for the largest, sort, or go along an axis.
 */
#define _GNU_SOURCE	/* qsort_r() */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../op.h"

/* One row along an axis: `count` elements, `step` apart, from `first` on. */
struct row {
	size_t first, step, count;
};

/* The i-th row of a tensor along an axis. */
static struct row find_row(const struct nn_shape *shape, int axis, size_t behind, size_t i)
{
	size_t count = (size_t)shape->dims[axis];

	return (struct row){ i / behind * behind * count + i % behind, behind, count };
}

/* Whether x belongs before y: floats by value, NaNs last; integers exactly. */
static bool is_before(const struct nn_tensor *t, size_t x, size_t y, bool largest)
{
	double a, b;
	int64_t i, k;

	if (nn_is_float(t->type)) {
		a = nn_get(t, x);
		b = nn_get(t, y);
		if (isnan(a) || isnan(b))
			return !isnan(a) && isnan(b);
		return largest ? a > b : a < b;
	}
	i = nn_get_int(t, x);
	k = nn_get_int(t, y);
	if (t->type == NN_U64)
		return largest ? (uint64_t)i > (uint64_t)k : (uint64_t)i < (uint64_t)k;
	return largest ? i > k : i < k;
}

/* ---- ArgMax, ArgMin, Hardmax ---- */

static int infer_arg(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	int axis, i, ret;

	if (in->rank < 0)
		return 0;
	ret = nn_axis(call, "axis", nn_attr_int(call, "axis"), in->rank, &axis);
	if (ret)
		return ret;
	if (!in->dims[axis])
		return nn_refuse(call, NULL, "dimension %d of its input is empty", axis);
	out->rank = 0;
	for (i = 0; i < in->rank; i++)
		if (i != axis)
			out->dims[out->rank++] = in->dims[i];
		else if (nn_attr_int(call, "keepdims"))
			out->dims[out->rank++] = 1;
	return 0;
}

static size_t find_best(const struct nn_tensor *x, const struct row *row, bool largest, bool last)
{
	size_t best = 0, i, at, old;

	for (i = 1; i < row->count; i++) {
		at = row->first + i * row->step;
		old = row->first + best * row->step;
		if (is_before(x, at, old, largest) || (last && !is_before(x, old, at, largest)))
			best = i;
	}
	return best;
}

static int evaluate_arg(struct nn_call *call, bool largest)
{
	bool last = call->node->opset >= 12 && nn_attr_int(call, "select_last_index");
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct nn_tensor *y = nn_result(call, 0);
	size_t before, behind, i;
	struct row row;
	int axis;

	nn_axis(call, "axis", nn_attr_int(call, "axis"), x->shape.rank, &axis);
	nn_around(&x->shape, axis, &before, &behind);
	for (i = 0; i < y->count; i++) {
		row = find_row(&x->shape, axis, behind, i);
		nn_set_int(y, i, (int64_t)find_best(x, &row, largest, last));
	}
	return 0;
}

static int evaluate_arg_max(struct nn_call *call)
{
	return evaluate_arg(call, true);
}

static int evaluate_arg_min(struct nn_call *call)
{
	return evaluate_arg(call, false);
}

static int infer_axis(struct nn_call *call)
{
	int axis, ret = 0;

	if (call->in[0]->shape.rank >= 0)
		ret = nn_axis(call, "axis", nn_attr_int(call, "axis"), call->in[0]->shape.rank, &axis);
	return ret ? ret : nn_infer_same(call);
}

static int evaluate_hardmax(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct nn_tensor *y = nn_result(call, 0);
	size_t before, behind, rows, i;
	struct row row;
	int axis, k;

	nn_axis(call, "axis", nn_attr_int(call, "axis"), x->shape.rank, &axis);
	nn_around(&x->shape, axis, &before, &behind);
	rows = before * behind;
	row.count = (size_t)x->shape.dims[axis];
	if (call->node->opset < 13) {
		/* All dimensions from the axis on are one. */
		for (k = axis + 1; k < x->shape.rank; k++)
			row.count *= (size_t)x->shape.dims[k];
		rows = before;
		behind = 1;
	}
	for (i = 0; i < rows && row.count; i++) {
		row.first = i / behind * behind * row.count + i % behind;
		row.step = behind;
		nn_set(y, row.first + find_best(x, &row, true, false) * behind, 1);
	}
	return 0;
}

/* ---- TopK ---- */

static int infer_top_k(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	int64_t k = -1;
	size_t i;
	int axis, ret;

	if (in->rank < 0)
		return 0;
	ret = nn_axis(call, "axis", nn_attr_int(call, "axis"), in->rank, &axis);
	if (ret)
		return ret;
	if (call->node->opset < 10)
		k = nn_attr_int(call, "k");
	else if (nn_ints(call, 1, &k, 1) == 0)
		return nn_refuse(call, NULL, "its input K is empty");
	if ((k < 0 && (call->node->opset < 10 || nn_contents(call->in[1]))) ||
	    (in->dims[axis] >= 0 && k > in->dims[axis]))
		return nn_refuse(call, NULL, "it is asked for %" PRId64 " of %" PRId64, k,
				 in->dims[axis]);
	for (i = 0; i < call->node->output_count; i++) {
		if (!call->out[i])
			continue;
		call->out[i]->shape = *in;
		call->out[i]->shape.dims[axis] = k < 0 ? nn_unknown(call) : k;
	}
	return 0;
}

struct sorting {
	const struct nn_tensor *tensor;
	const struct row *row;
	bool largest;
};

/* Equal ones in the order of their places. */
static int compare(const void *a, const void *b, void *opaque)
{
	const struct sorting *s = opaque;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	size_t at = s->row->first + x * s->row->step, other = s->row->first + y * s->row->step;

	if (is_before(s->tensor, at, other, s->largest))
		return -1;
	if (is_before(s->tensor, other, at, s->largest))
		return 1;
	return (x > y) - (x < y);
}

static int evaluate_top_k(struct nn_call *call)
{
	bool largest = call->node->opset < 11 || nn_attr_int(call, "largest");
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct nn_tensor *values = nn_result(call, 0), *places = nn_result(call, 1);
	const struct nn_tensor *any = values ? values : places;
	size_t before, behind, i, k, count, wanted, to, *order;
	struct sorting sorting = { .tensor = x, .largest = largest };
	struct row row;
	int axis;

	nn_axis(call, "axis", nn_attr_int(call, "axis"), x->shape.rank, &axis);
	nn_around(&x->shape, axis, &before, &behind);
	count = (size_t)x->shape.dims[axis];
	order = any ? calloc(count + 1, sizeof(*order)) : NULL;
	if (!any || !order)
		return any ? nn_fail_node(call->node, -ENOMEM, NULL, "memory is short") : 0;
	wanted = (size_t)any->shape.dims[axis];
	for (i = 0; i < before * behind; i++) {
		row = find_row(&x->shape, axis, behind, i);
		sorting.row = &row;
		for (k = 0; k < count; k++)
			order[k] = k;
		qsort_r(order, count, sizeof(*order), compare, &sorting);
		for (k = 0; k < wanted; k++) {
			to = (i / behind * wanted + k) * behind + i % behind;
			if (values)
				nn_copy_element(values, to, x, row.first + order[k] * row.step);
			if (places)
				nn_set_int(places, to, (int64_t)order[k]);
		}
	}
	free(order);
	return 0;
}

/* ---- Unique ---- */

/* Items of an axis, or all elements: each `before` times `behind` of them. */
struct items {
	const struct nn_tensor *x;
	size_t count, before, behind;
};

/* The order of two elements; that of items follows from the first that differ. */
static int compare_elements(const struct nn_tensor *x, size_t a, size_t b)
{
	if (x->type == NN_STRING)
		return strcmp(nn_text(x, a), nn_text(x, b));
	return is_before(x, b, a, false) - is_before(x, a, b, false);
}

static int compare_items(const struct items *items, size_t a, size_t b)
{
	size_t i, k, from;
	int order;

	for (i = 0; i < items->before; i++) {
		for (k = 0; k < items->behind; k++) {
			from = i * items->count * items->behind + k;
			order = compare_elements(items->x, from + a * items->behind,
						 from + b * items->behind);
			if (order)
				return order;
		}
	}
	return 0;
}

static int sort_items(const void *a, const void *b, void *items)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	int order = compare_items(items, x, y);

	return order ? order : (x > y) - (x < y);
}

struct unique {
	size_t *order;		/* of all items; then the first of each that are the same */
	size_t *number;		/* of the unique one that each item is, by item */
	size_t *times;		/* that each is there */
	size_t count;
};

static int by_number(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return (x > y) - (x < y);
}

static void find_unique(const struct items *items, struct unique *u, bool sorted)
{
	size_t i, k;

	for (i = 0; i < items->count; i++)
		u->order[i] = i;
	qsort_r(u->order, items->count, sizeof(*u->order), sort_items, (void *)items);
	/* The first of those that are the same stands for all; `number` is its item so far. */
	for (i = 0; i < items->count; i++) {
		if (!i || compare_items(items, u->order[i], u->order[u->count - 1])) {
			k = u->order[i];
			u->order[u->count++] = k;
		}
		u->number[u->order[i]] = u->order[u->count - 1];
	}
	if (!sorted)
		qsort(u->order, u->count, sizeof(*u->order), by_number);
}

static int give_unique(struct nn_call *call, const struct items *items, struct unique *u, int axis)
{
	const struct nn_shape all = { 1, { (int64_t)items->count } }, few = { 1, { (int64_t)u->count } };
	struct nn_shape shape = axis < 0 ? few : items->x->shape;
	size_t i, k, to = 0;
	int ret;

	if (axis >= 0)
		shape.dims[axis] = (int64_t)u->count;
	ret = nn_make_result(call, 0, items->x->type, &shape);
	if (!ret)
		ret = nn_make_result(call, 1, NN_I64, &few);
	if (!ret)
		ret = nn_make_result(call, 2, NN_I64, &all);
	if (!ret)
		ret = nn_make_result(call, 3, NN_I64, &few);
	if (ret)
		return ret;
	for (i = 0; i < items->before && u->count; i++)
		for (k = 0; k < u->count * items->behind; k++)
			nn_copy_element(nn_result(call, 0), to++, items->x,
					(i * items->count + u->order[k / items->behind]) * items->behind +
					k % items->behind);
	for (i = 0; i < u->count; i++) {
		if (nn_result(call, 1))
			nn_set_int(nn_result(call, 1), i, (int64_t)u->order[i]);
		u->times[u->order[i]] = i;
	}
	/* From the item that stands for each to the number of that; then count. */
	for (i = 0; i < items->count; i++) {
		k = u->times[u->number[i]];
		if (nn_result(call, 2))
			nn_set_int(nn_result(call, 2), i, (int64_t)k);
		if (nn_result(call, 3))
			nn_set_int(nn_result(call, 3), k, nn_get_int(nn_result(call, 3), k) + 1);
	}
	return 0;
}

static int infer_unique(struct nn_call *call)
{
	size_t i;
	int axis, ret = 0;

	if (nn_attr_given(call, "axis") && call->in[0]->shape.rank >= 0)
		ret = nn_axis(call, "axis", nn_attr_int(call, "axis"), call->in[0]->shape.rank, &axis);
	/* The sizes are found out with the rest. */
	for (i = 1; i < call->node->output_count && !ret; i++)
		if (call->out[i])
			call->out[i]->shape = (struct nn_shape){ 1, { nn_unknown(call) } };
	return ret;
}

static int evaluate_unique(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct items items = { .x = x, .count = x->count, .before = 1, .behind = 1 };
	struct unique u = { .count = 0 };
	size_t *memory;
	int axis = -1, ret;

	if (nn_attr_given(call, "axis")) {
		nn_axis(call, "axis", nn_attr_int(call, "axis"), x->shape.rank, &axis);
		nn_around(&x->shape, axis, &items.before, &items.behind);
		items.count = (size_t)x->shape.dims[axis];
		if (!x->count)
			return nn_fail_node(call->node, -ENOTSUP, NULL, "its input is empty");
	}
	memory = calloc(items.count + 1, 3 * sizeof(*memory));
	if (!memory)
		return nn_no_memory(call);
	u.order = memory;
	u.number = memory + items.count;
	u.times = memory + 2 * items.count;
	find_unique(&items, &u, nn_attr_int(call, "sorted"));
	ret = give_unique(call, &items, &u, axis);
	free(memory);
	return ret;
}

/* ---- NonMaxSuppression ---- */

struct suppression {
	const struct nn_tensor *boxes, *scores;
	size_t places;		/* boxes of an image */
	double iou, score;
	bool has_score, centered;
};

struct box {
	double low[2], high[2];
};

static struct box read_box(const struct suppression *s, size_t image, size_t i)
{
	struct box box;
	double v[4];
	int k;

	for (k = 0; k < 4; k++)
		v[k] = nn_get(s->boxes, (image * s->places + i) * 4 + (size_t)k);
	for (k = 0; k < 2; k++) {
		/* A middle and a size, or two corners in any order. */
		box.low[k] = s->centered ? v[k] - v[k + 2] / 2 : fmin(v[k], v[k + 2]);
		box.high[k] = s->centered ? v[k] + v[k + 2] / 2 : fmax(v[k], v[k + 2]);
	}
	return box;
}

/* How much of two boxes together they have in common. */
static double common(const struct box *a, const struct box *b)
{
	double both = 1, of_a = 1, of_b = 1;
	int k;

	for (k = 0; k < 2; k++) {
		both *= fmax(0, fmin(a->high[k], b->high[k]) - fmax(a->low[k], b->low[k]));
		of_a *= a->high[k] - a->low[k];
		of_b *= b->high[k] - b->low[k];
	}
	return of_a > 0 && of_b > 0 ? both / (of_a + of_b - both) : 0;
}

/* The boxes of one class of one image that are left, the best first: their number. */
static size_t suppress(const struct suppression *s, size_t image, size_t row, size_t most, size_t *order)
{
	const struct row scores = { row * s->places, 1, s->places };
	const struct sorting sorting = { s->scores, &scores, true };
	size_t i, k, count = 0;
	struct box box, other;

	for (i = 0; i < s->places; i++)
		order[i] = i;
	qsort_r(order, s->places, sizeof(*order), compare, (void *)&sorting);
	for (i = 0; i < s->places && count < most; i++) {
		if (s->has_score && !(nn_get(s->scores, scores.first + order[i]) > s->score))
			continue;
		box = read_box(s, image, order[i]);
		for (k = 0; k < count; k++) {
			other = read_box(s, image, order[k]);
			if (common(&box, &other) > s->iou)
				break;
		}
		if (k == count)
			order[count++] = order[i];
	}
	return count;
}

static int infer_suppression(struct nn_call *call)
{
	call->out[0]->shape = (struct nn_shape){ 2, { nn_unknown(call), 3 } };
	return 0;
}

static double number_or(const struct nn_call *call, size_t input, double missing)
{
	const struct nn_tensor *t = nn_contents(nn_in_fact(call, input));

	return t && t->count ? nn_get(t, 0) : missing;
}

static int check_boxes(const struct nn_call *call, const struct suppression *s)
{
	const struct nn_shape *b = &s->boxes->shape, *c = &s->scores->shape;

	if (b->rank == 3 && c->rank == 3 && b->dims[2] == 4 && b->dims[0] == c->dims[0] &&
	    b->dims[1] == c->dims[2])
		return 0;
	return nn_refuse(call, NULL, "its boxes and scores do not fit each other");
}

/* Rows of image, class and box; in `found`, which has room for all. */
static size_t suppress_all(const struct suppression *s, size_t most, size_t *order, int64_t *found)
{
	size_t classes = (size_t)s->scores->shape.dims[1], row, i, k, n = 0;

	for (row = 0; row < (size_t)s->scores->shape.dims[0] * classes && s->places; row++) {
		k = suppress(s, row / classes, row, most, order);
		for (i = 0; i < k; i++) {
			found[n++] = (int64_t)(row / classes);
			found[n++] = (int64_t)(row % classes);
			found[n++] = (int64_t)order[i];
		}
	}
	return n / 3;
}

static int evaluate_suppression(struct nn_call *call)
{
	struct suppression s = {
		.boxes = nn_contents(call->in[0]), .scores = nn_contents(call->in[1]),
		.iou = number_or(call, 3, 0), .score = number_or(call, 4, 0),
		.has_score = nn_in_fact(call, 4), .centered = nn_attr_int(call, "center_point_box"),
	};
	struct nn_shape shape = { 2, { 0, 3 } };
	double most = number_or(call, 2, 0);
	int64_t *found;
	size_t *order;
	int ret = check_boxes(call, &s);

	if (ret)
		return ret;
	s.places = (size_t)s.boxes->shape.dims[1];
	order = calloc(s.places + 1, sizeof(*order));
	found = calloc(s.scores->count + 1, 3 * sizeof(*found));
	if (order && found) {
		shape.dims[0] = (int64_t)suppress_all(&s, most > 0 ? (size_t)nn_cut_float(most) : 0, order,
						      found);
		ret = nn_make_result(call, 0, NN_I64, &shape);
	} else {
		ret = nn_no_memory(call);
	}
	if (!ret && shape.dims[0])
		memcpy(nn_result(call, 0)->data, found, (size_t)shape.dims[0] * 3 * sizeof(*found));
	free(order);
	free(found);
	return ret;
}

/* ---- CumSum, ReverseSequence ---- */

static int evaluate_cum_sum(struct nn_call *call)
{
	bool exclusive = nn_attr_int(call, "exclusive"), reverse = nn_attr_int(call, "reverse");
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct nn_tensor *y = nn_result(call, 0);
	size_t before, behind, i, k, at;
	int64_t asked, integer;
	struct row row;
	double sum;
	int axis, ret;

	if (nn_ints(call, 1, &asked, 1) != 1)
		return nn_refuse(call, NULL, "its axis is not a single number");
	ret = nn_axis(call, "axis", asked, x->shape.rank, &axis);
	if (ret)
		return ret;
	nn_around(&x->shape, axis, &before, &behind);
	for (i = 0; i < before * behind; i++) {
		row = find_row(&x->shape, axis, behind, i);
		for (k = 0, sum = 0, integer = 0; k < row.count; k++) {
			at = row.first + (reverse ? row.count - 1 - k : k) * row.step;
			if (nn_is_float(x->type)) {
				nn_set(y, at, exclusive ? sum : sum + nn_get(x, at));
				sum += nn_get(x, at);
				continue;
			}
			if (exclusive)
				nn_set_int(y, at, integer);
			integer = (int64_t)((uint64_t)integer + (uint64_t)nn_get_int(x, at));
			if (!exclusive)
				nn_set_int(y, at, integer);
		}
	}
	return 0;
}

static int infer_reverse_sequence(struct nn_call *call)
{
	int64_t time = nn_attr_int(call, "time_axis"), batch = nn_attr_int(call, "batch_axis");
	int rank = call->in[0]->shape.rank;

	if (!((time == 0 && batch == 1) || (time == 1 && batch == 0)))
		return nn_refuse(call, NULL, "its time_axis and batch_axis are not 0 and 1");
	if (rank >= 0 && rank < 2)
		return nn_refuse(call, NULL, "its input has %d dimensions, fewer than two", rank);
	return nn_infer_same(call);
}

static int evaluate_reverse_sequence(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]), *lengths = nn_contents(call->in[1]);
	int time = (int)nn_attr_int(call, "time_axis"), batch = 1 - time;
	int64_t step[NN_RANK_MAX], t, b, length, from;
	size_t each, bytes = nn_bytes(x->type, 1);
	struct nn_tensor *y = nn_result(call, 0);

	if (lengths->count != (size_t)x->shape.dims[batch])
		return nn_refuse(call, NULL, "it has %zu lengths for %" PRId64 " sequences",
				 lengths->count, x->shape.dims[batch]);
	nn_steps(&x->shape, step);
	each = (size_t)step[1] * bytes;
	for (b = 0; b < x->shape.dims[batch]; b++) {
		length = nn_get_int(lengths, (size_t)b);
		if (length < 0 || length > x->shape.dims[time])
			return nn_refuse(call, NULL, "length %" PRId64 " is not within %" PRId64,
					 length, x->shape.dims[time]);
		for (t = 0; t < x->shape.dims[time] && each; t++) {
			from = t < length ? length - 1 - t : t;
			memcpy((char *)y->data +
			       (size_t)(t * step[time] + b * step[batch]) * bytes,
			       (const char *)x->data +
			       (size_t)(from * step[time] + b * step[batch]) * bytes, each);
		}
	}
	return 0;
}

/* ---- Table ---- */

#define I64		NN_SET(NN_I64)
#define ARG(n, v, e, ...) \
	{ .name = n, .since = v, .inputs = NN_PORTS({ "data", 0, NN_NUMBERS, NN_ONE }), \
	  .outputs = NN_PORTS({ "reduced", 0, I64, NN_ONE }), \
	  .attrs = NN_ATTRS(NN_INT("axis", 0), NN_INT("keepdims", 1), ##__VA_ARGS__), \
	  .infer = infer_arg, .evaluate = e }
#define TOP_K(v, in, ...) \
	{ .name = "TopK", .since = v, .inputs = in, .costly = true, \
	  .outputs = NN_PORTS({ "Values", 'T', NN_NUMBERS, NN_ONE }, { "Indices", 0, I64, NN_ONE }), \
	  .attrs = NN_ATTRS(NN_INT("axis", -1), ##__VA_ARGS__), \
	  .infer = infer_top_k, .evaluate = evaluate_top_k }
#define HARDMAX(v, axis) \
	{ .name = "Hardmax", .since = v, .inputs = NN_PORTS({ "input", 'T', NN_FLOATS, NN_ONE }), \
	  .outputs = NN_PORTS({ "output", 'T', NN_FLOATS, NN_ONE }), \
	  .attrs = NN_ATTRS(NN_INT("axis", axis)), .infer = infer_axis, \
	  .evaluate = evaluate_hardmax }
#define X		{ "X", 'T', NN_NUMBERS, NN_ONE }

const struct nn_op nn_ops_order[] = {
	ARG("ArgMax", 1, evaluate_arg_max),
	ARG("ArgMax", 12, evaluate_arg_max, NN_INT("select_last_index", 0)),
	ARG("ArgMin", 1, evaluate_arg_min),
	ARG("ArgMin", 12, evaluate_arg_min, NN_INT("select_last_index", 0)),
	HARDMAX(1, 1),
	HARDMAX(13, -1),
	TOP_K(1, NN_PORTS(X), NN_REQUIRED_ATTR("k", INT)),
	TOP_K(10, NN_PORTS(X, { "K", 0, I64, NN_ONE })),
	TOP_K(11, NN_PORTS(X, { "K", 0, I64, NN_ONE }), NN_INT("largest", 1), NN_INT("sorted", 1)),
	{ .name = "Unique", .since = 11, .costly = true, .makes_results = true,
	  .inputs = NN_PORTS({ "X", 'T', NN_NUMBERS | NN_SET(NN_BOOL) | NN_SET(NN_STRING), NN_ONE }),
	  .outputs = NN_PORTS({ "Y", 'T', 0, NN_ONE }, { "indices", 0, I64, NN_OPTIONAL },
			      { "inverse_indices", 0, I64, NN_OPTIONAL },
			      { "counts", 0, I64, NN_OPTIONAL }),
	  .attrs = NN_ATTRS(NN_OPTIONAL_ATTR("axis", INT), NN_INT("sorted", 1)),
	  .infer = infer_unique, .evaluate = evaluate_unique },
	{ .name = "NonMaxSuppression", .since = 10, .costly = true, .makes_results = true,
	  .inputs = NN_PORTS({ "boxes", 0, NN_SET(NN_F32), NN_ONE },
			     { "scores", 0, NN_SET(NN_F32), NN_ONE },
			     { "max_output_boxes_per_class", 0, I64, NN_OPTIONAL },
			     { "iou_threshold", 0, NN_SET(NN_F32), NN_OPTIONAL },
			     { "score_threshold", 0, NN_SET(NN_F32), NN_OPTIONAL }),
	  .outputs = NN_PORTS({ "selected_indices", 0, I64, NN_ONE }),
	  .attrs = NN_ATTRS(NN_INT("center_point_box", 0)),
	  .infer = infer_suppression, .evaluate = evaluate_suppression },
	{ .name = "CumSum", .since = 11,
	  .inputs = NN_PORTS(X, { "axis", 0, NN_SET(NN_I32) | I64, NN_ONE }),
	  .outputs = NN_PORTS({ "Y", 'T', NN_NUMBERS, NN_ONE }),
	  .attrs = NN_ATTRS(NN_INT("exclusive", 0), NN_INT("reverse", 0)),
	  .infer = nn_infer_same, .evaluate = evaluate_cum_sum },
	{ .name = "ReverseSequence", .since = 10,
	  .inputs = NN_PORTS({ "input", 'T', NN_PLAIN, NN_ONE }, { "sequence_lens", 0, I64, NN_ONE }),
	  .outputs = NN_PORTS({ "Y", 'T', NN_PLAIN, NN_ONE }),
	  .attrs = NN_ATTRS(NN_INT("time_axis", 0), NN_INT("batch_axis", 1)),
	  .infer = infer_reverse_sequence, .evaluate = evaluate_reverse_sequence },
	{ 0 }
};
