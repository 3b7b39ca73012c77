// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Pooling: one number for what lies under a window, or for a whole channel; and back.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "window.h"

/* ---- MaxPool, AveragePool ---- */

static int pool_window(const struct nn_call *call, struct window *w)
{
	const struct nn_shape *x = &call->in[0]->shape;
	int ret;

	memset(w, 0, sizeof(*w));
	if (x->rank < 0)
		return 1;
	ret = nn_read_window(call, w, x);
	if (!ret)
		ret = nn_read_sizes(call, "kernel_shape", (size_t)w->n, 1, 1, w->kernel);
	return ret ? ret : nn_slide(call, w, nn_attr_int(call, "ceil_mode"));
}

static int infer_pool(struct nn_call *call)
{
	struct window w;
	int ret = pool_window(call, &w);

	if (ret)
		return ret < 0 ? ret : 0;
	nn_set_slid(call, &w, call->in[0]->shape.dims[1]);
	/* Where the largest elements lie. */
	if (nn_out_fact(call, 1))
		call->out[1]->shape = call->out[0]->shape;
	return 0;
}

/* Cells of the window on the input or on its padding: what is beyond is never counted. */
static double padded_cells(const struct window *w, const int64_t *at)
{
	double all = 1;
	int64_t room;
	int i;

	for (i = 0; i < w->n; i++) {
		room = w->before[i] + w->in[i] + w->after[i] - at[i] * w->stride[i];
		room = (room + w->dilation[i] - 1) / w->dilation[i];
		all *= (double)(room < w->kernel[i] ? room : w->kernel[i]);
	}
	return all;
}

enum pooling { MAX, AVERAGE, AVERAGE_WITH_PADDING, LP };

/* `best` is the place of the largest element; -1 if there is none. */
static double pool(const struct window *w, const struct nn_tensor *x, int64_t first,
		   const int64_t *at, enum pooling kind, double p, int64_t *best)
{
	double result = kind == MAX ? -INFINITY : 0, value;
	struct cells on_input;
	int64_t i, number, place;

	*best = -1;
	nn_find_cells(w, at, &on_input);
	for (i = 0; i < on_input.all; i++) {
		place = first + nn_place_under(w, at, &on_input, i, &number);
		value = nn_get(x, (size_t)place);
		if (kind == LP) {
			result += pow(fabs(value), p);
		} else if (kind != MAX) {
			result += value;
		} else if (*best < 0 || !(value <= result)) {
			result = value;
			*best = place;
		}
	}
	switch (kind) {
	case AVERAGE: return result / (double)on_input.all;
	case AVERAGE_WITH_PADDING: return result / padded_cells(w, at);
	case LP: return pow(result, 1 / p);
	default: return result;
	}
}

/* The number of a place of x when the dimensions behind the channel are stored columns first. */
static int64_t column_major(const struct window *w, int64_t place)
{
	int64_t inside = nn_volume(w->in, w->n), at[SPATIAL_MAX], number = 0;
	int i;

	nn_coordinates(place % inside, w->in, w->n, at);
	for (i = w->n - 1; i >= 0; i--)
		number = number * w->in[i] + at[i];
	return place / inside * inside + number;
}

static int evaluate_pool(struct nn_call *call, enum pooling kind)
{
	double p = kind == LP ? (double)nn_attr_int(call, "p") : 1;
	struct nn_tensor *y = nn_result(call, 0), *where = nn_result(call, 1);
	const struct nn_tensor *x = nn_contents(call->in[0]);
	bool columns = where && nn_attr_int(call, "storage_order");
	int64_t at[SPATIAL_MAX], i, places, best;
	struct window w;
	int ret = pool_window(call, &w);

	if (ret)
		return ret;
	places = nn_volume(w.out, w.n);
	for (i = 0; i < (int64_t)y->count; i++) {
		nn_coordinates(i % places, w.out, w.n, at);
		nn_set(y, (size_t)i, pool(&w, x, i / places * nn_volume(w.in, w.n), at, kind, p, &best));
		if (where)
			nn_set_int(where, (size_t)i, columns && best >= 0 ? column_major(&w, best) : best);
	}
	return 0;
}

static int evaluate_max_pool(struct nn_call *call)
{
	return evaluate_pool(call, MAX);
}

static int evaluate_average_pool(struct nn_call *call)
{
	return evaluate_pool(call, nn_attr_int(call, "count_include_pad") ? AVERAGE_WITH_PADDING :
			     AVERAGE);
}

/* ---- LpPool, and the global ones ---- */

static int check_p(const struct nn_call *call)
{
	int64_t p = nn_attr_int(call, "p");

	return p < 1 ? nn_refuse(call, NULL, "its p is %" PRId64, p) : 0;
}

static int infer_lp_pool(struct nn_call *call)
{
	int ret = check_p(call);

	return ret ? ret : infer_pool(call);
}

static int evaluate_lp_pool(struct nn_call *call)
{
	return evaluate_pool(call, LP);
}

static int infer_global(struct nn_call *call)
{
	struct nn_shape *out = &call->out[0]->shape;
	int i;

	*out = call->in[0]->shape;
	for (i = 2; i < out->rank; i++)
		out->dims[i] = 1;
	return 0;
}

static int infer_global_lp(struct nn_call *call)
{
	int ret = check_p(call);

	return ret ? ret : infer_global(call);
}

static int evaluate_global(struct nn_call *call, enum pooling kind)
{
	double p = kind == LP ? (double)nn_attr_int(call, "p") : 1, result, value;
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct nn_tensor *y = nn_result(call, 0);
	size_t i, k, each = y->count ? x->count / y->count : 0;

	for (i = 0; i < y->count; i++) {
		result = kind == MAX ? -INFINITY : 0;
		for (k = 0; k < each; k++) {
			value = nn_get(x, i * each + k);
			if (kind == MAX)
				result = value > result ? value : result;
			else
				result += kind == LP ? pow(fabs(value), p) : value;
		}
		nn_set(y, i, kind == AVERAGE ? result / (double)each :
		       kind == LP ? pow(result, 1 / p) : result);
	}
	return 0;
}

static int evaluate_global_max(struct nn_call *call)
{
	return evaluate_global(call, MAX);
}

static int evaluate_global_average(struct nn_call *call)
{
	return evaluate_global(call, AVERAGE);
}

static int evaluate_global_lp(struct nn_call *call)
{
	return evaluate_global(call, LP);
}

/* ---- MaxUnpool ---- */

/* The shape that the pooled tensor had, as far as the attributes say. */
static int unpooled_shape(const struct nn_call *call, struct nn_shape *shape)
{
	const struct nn_shape *in = &call->in[0]->shape;
	int64_t kernel[SPATIAL_MAX], stride[SPATIAL_MAX], pads[2 * SPATIAL_MAX];
	size_t n;
	int i, ret;

	if (in->rank < 3)
		return nn_refuse(call, NULL, "its input has %d dimensions, fewer than three", in->rank);
	n = (size_t)in->rank - 2;
	ret = nn_read_sizes(call, "kernel_shape", n, 1, 1, kernel);
	if (!ret)
		ret = nn_read_sizes(call, "strides", n, 1, 1, stride);
	if (!ret)
		ret = nn_read_sizes(call, "pads", 2 * n, 0, 0, pads);
	*shape = *in;
	for (i = 0; i < (int)n && !ret; i++) {
		int64_t size = in->dims[i + 2];

		if (size < 1)
			return size < 0 ? 1 : nn_refuse(call, NULL, "its input is empty");
		if (__builtin_mul_overflow(size - 1, stride[i], &size) ||
		    __builtin_add_overflow(size, kernel[i] - pads[i] - pads[(int)n + i], &size) ||
		    size < 1)
			return nn_refuse(call, NULL, "its pads leave nothing of dimension %d", i + 2);
		shape->dims[i + 2] = size;
	}
	return ret;
}

static int infer_unpool(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	int64_t sizes[NN_RANK_MAX];
	int i, count, ret;

	if (in->rank < 0)
		return 0;
	ret = unpooled_shape(call, out);
	if (ret < 0)
		return ret;
	for (i = 0; ret && i < in->rank; i++)
		out->dims[i] = nn_unknown(call);
	if (!nn_in_fact(call, 2))
		return 0;
	count = nn_ints(call, 2, sizes, NN_RANK_MAX);
	if (count >= 0 && count != in->rank)
		return nn_refuse(call, NULL, "its output_shape has %d sizes for %d dimensions", count,
				 in->rank);
	for (i = 0; i < in->rank; i++) {
		if (count >= 0 && !ret && sizes[i] < out->dims[i])
			return nn_refuse(call, NULL, "its output_shape is smaller than what was pooled");
		out->dims[i] = count < 0 ? nn_unknown(call) : sizes[i];
	}
	return 0;
}

/* Indices count in what was pooled; a larger result has it in its first corner. */
static int evaluate_unpool(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]), *index = nn_contents(call->in[1]);
	int64_t at[NN_RANK_MAX], step[NN_RANK_MAX], place, to;
	struct nn_tensor *y = nn_result(call, 0);
	struct nn_shape pooled;
	size_t i, all;
	int k, ret = unpooled_shape(call, &pooled);

	if (!ret && index->count != x->count)
		ret = nn_refuse(call, NULL, "it has %zu indices for %zu elements", index->count, x->count);
	if (ret)
		return ret;
	if (!nn_shape_count(&pooled, &all))
		return nn_fail_node(call->node, -EFBIG, NULL, "its result is too large");
	nn_steps(&y->shape, step);
	for (i = 0; i < x->count; i++) {
		place = nn_get_int(index, i);
		if (place < 0 || (size_t)place >= all)
			return nn_refuse(call, NULL, "index %" PRId64 " is not below %zu", place, all);
		nn_coordinates(place, pooled.dims, pooled.rank, at);
		for (k = 0, to = 0; k < pooled.rank; k++)
			to += at[k] * step[k];
		nn_copy_element(y, (size_t)to, x, i);
	}
	return 0;
}

/* ---- Table ---- */

#define X		{ "X", 'T', NN_FLOATS, NN_ONE }
#define Y		NN_PORTS({ "Y", 'T', NN_FLOATS, NN_ONE })
#define POOLED		(NN_FLOATS | NN_SET(NN_I8) | NN_SET(NN_U8))
/* Versions differ by attributes that were added, and whose defaults change nothing. */
#define POOL_ATTRS	WINDOW_ATTRS, NN_REQUIRED_ATTR("kernel_shape", INTS), NN_INT("ceil_mode", 0)
#define POOL(n, v, f, e, ...) \
	{ .name = n, .since = v, .inputs = NN_PORTS(X), .outputs = Y, .costly = true, \
	  .attrs = NN_ATTRS(POOL_ATTRS, ##__VA_ARGS__), .infer = f, .evaluate = e }
#define GLOBAL(n, v, attributes, f, e) \
	{ .name = n, .since = v, .inputs = NN_PORTS(X), .outputs = Y, .attrs = attributes, \
	  .infer = f, .evaluate = e }

const struct nn_op nn_ops_pool[] = {
	{ .name = "MaxPool", .since = 1, .inputs = NN_PORTS({ "X", 'T', POOLED, NN_ONE }),
	  .outputs = NN_PORTS({ "Y", 'T', POOLED, NN_ONE },
			      { "Indices", 0, NN_SET(NN_I64), NN_OPTIONAL }),
	  .attrs = NN_ATTRS(POOL_ATTRS, NN_INT("storage_order", 0)), .costly = true,
	  .infer = infer_pool, .evaluate = evaluate_max_pool },
	POOL("AveragePool", 7, infer_pool, evaluate_average_pool, NN_INT("count_include_pad", 0)),
	POOL("LpPool", 2, infer_lp_pool, evaluate_lp_pool, NN_INT("p", 2)),
	GLOBAL("GlobalAveragePool", 1, NULL, infer_global, evaluate_global_average),
	GLOBAL("GlobalMaxPool", 1, NULL, infer_global, evaluate_global_max),
	GLOBAL("GlobalLpPool", 2, NN_ATTRS(NN_INT("p", 2)), infer_global_lp, evaluate_global_lp),
	{ .name = "MaxUnpool", .since = 9,
	  .inputs = NN_PORTS(X, { "I", 0, NN_SET(NN_I64), NN_ONE },
			     { "output_shape", 0, NN_SET(NN_I64), NN_OPTIONAL }),
	  .outputs = Y,
	  .attrs = NN_ATTRS(NN_REQUIRED_ATTR("kernel_shape", INTS), NN_OPTIONAL_ATTR("pads", INTS),
			    NN_OPTIONAL_ATTR("strides", INTS)),
	  .infer = infer_unpool, .evaluate = evaluate_unpool },
	{ 0 }
};
