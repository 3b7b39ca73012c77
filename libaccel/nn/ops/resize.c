// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Resize: nearest neighbours and (bi-, tri-) linear, with all ways to place the pixels but
 * those that crop.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "../op.h"

struct resize {
	int64_t in[NN_RANK_MAX], out[NN_RANK_MAX];
	double scale[NN_RANK_MAX];
	bool by_scale;
};

/* The input with the scales, and that with the sizes; version 10 has only the former. */
static size_t scales_input(const struct nn_call *call)
{
	return call->node->opset < 11 ? 1 : 2;
}

static bool is_given(struct nn_fact *fact)
{
	/* Before version 13, an input that is not used had to be an empty tensor. */
	return fact && !(fact->shape.rank == 1 && fact->shape.dims[0] == 0);
}

static int read_scales(const struct nn_call *call, int rank, struct resize *r)
{
	const struct nn_tensor *scales = nn_contents(call->in[scales_input(call)]);
	int i;

	if (!scales)
		return 1;
	if (scales->count != (size_t)rank)
		return nn_refuse(call, NULL, "it has %zu scales for %d dimensions", scales->count, rank);
	for (i = 0; i < rank; i++) {
		r->scale[i] = nn_get(scales, (size_t)i);
		if (!(r->scale[i] > 0) || r->scale[i] > 1 << 20)
			return nn_refuse(call, NULL, "its scale of dimension %d is %g", i, r->scale[i]);
		r->out[i] = r->in[i] < 0 ? -1 : (int64_t)floor((double)r->in[i] * r->scale[i]);
	}
	r->by_scale = true;
	return 0;
}

static int read_resize(const struct nn_call *call, struct resize *r)
{
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_fact *sizes = call->node->opset < 11 ? NULL : nn_in_fact(call, 3);
	int i, count;

	if (in->rank < 0)
		return 1;
	memcpy(r->in, in->dims, sizeof(r->in));
	if (is_given(nn_in_fact(call, scales_input(call))))
		return read_scales(call, in->rank, r);
	if (!is_given(sizes))
		return nn_refuse(call, NULL, "it has neither scales nor sizes");
	count = nn_ints(call, 3, r->out, NN_RANK_MAX);
	if (count < 0)
		return 1;
	if (count != in->rank)
		return nn_refuse(call, NULL, "it has %d sizes for %d dimensions", count, in->rank);
	r->by_scale = false;
	for (i = 0; i < count; i++) {
		if (r->out[i] < 0)
			return nn_refuse(call, NULL, "it is asked for size %" PRId64, r->out[i]);
		r->scale[i] = r->in[i] > 0 ? (double)r->out[i] / (double)r->in[i] : 1;
	}
	return 0;
}

static const char *coordinate_mode(const struct nn_call *call)
{
	return call->node->opset < 11 ? "asymmetric" :
	       nn_attr_text(call, "coordinate_transformation_mode");
}

static int check_resize(const struct nn_call *call)
{
	static const char *const modes[] = { "half_pixel", "asymmetric", "align_corners",
					     "pytorch_half_pixel" };
	const char *mode = nn_attr_text(call, "mode");
	size_t i;

	for (i = 0; i < 4 && strcmp(modes[i], coordinate_mode(call)); i++)
		;
	if (strcmp(mode, "nearest") && strcmp(mode, "linear"))
		return nn_fail_node(call->node, -ENOTSUP, NULL, "its mode '%.20s'", mode);
	if (i == 4)
		return nn_fail_node(call->node, -ENOTSUP, NULL,
				    "its coordinate_transformation_mode '%.24s'", coordinate_mode(call));
	if (call->node->opset >= 18 &&
	    (nn_attr_int(call, "antialias") || nn_attr_given(call, "axes") ||
	     strcmp(nn_attr_text(call, "keep_aspect_ratio_policy"), "stretch")))
		return nn_fail_node(call->node, -ENOTSUP, NULL,
				    "its antialias, axes or keep_aspect_ratio_policy");
	return 0;
}

static int infer_resize(struct nn_call *call)
{
	struct nn_shape *out = &call->out[0]->shape;
	int i, ret = check_resize(call);
	struct resize r = { .by_scale = false };

	if (!ret)
		ret = read_resize(call, &r);
	if (ret < 0 || call->in[0]->shape.rank < 0)
		return ret < 0 ? ret : 0;
	out->rank = call->in[0]->shape.rank;
	for (i = 0; i < out->rank; i++)
		out->dims[i] = ret || r.out[i] < 0 ? nn_unknown(call) : r.out[i];
	return 0;
}

/* Where in the input's dimension `i` the place `x` of the result lies. */
static double original(const struct nn_call *call, const struct resize *r, int i, int64_t x)
{
	const char *mode = coordinate_mode(call);
	/* With scales, the result's size is not rounded here. */
	double size = r->by_scale ? (double)r->in[i] * r->scale[i] : (double)r->out[i];

	if (r->out[i] == r->in[i] && r->scale[i] == 1)
		return (double)x;
	if (!strcmp(mode, "asymmetric"))
		return (double)x / r->scale[i];
	if (!strcmp(mode, "align_corners"))
		return r->out[i] == 1 ? 0 :
		       (double)x * (double)(r->in[i] - 1) / (size - 1);
	if (!strcmp(mode, "pytorch_half_pixel") && r->out[i] <= 1)
		return 0;
	return ((double)x + 0.5) / r->scale[i] - 0.5;
}

static int64_t clamp(int64_t x, int64_t size)
{
	return x < 0 ? 0 : x >= size ? size - 1 : x;
}

static int64_t nearest(const char *mode, double x)
{
	if (!strcmp(mode, "floor"))
		return (int64_t)floor(x);
	if (!strcmp(mode, "ceil"))
		return (int64_t)ceil(x);
	if (!strcmp(mode, "round_prefer_ceil"))
		return (int64_t)floor(x + 0.5);
	return (int64_t)ceil(x - 0.5);
}

/* The mean of the corners of the cell around a place, along dimensions from `i` on. */
static double between(const struct nn_call *call, const struct resize *r, const struct nn_tensor *x,
		      const int64_t *at, int i, size_t place)
{
	double where, low, weight, sum;

	if (i == x->shape.rank)
		return nn_get(x, place);
	place *= (size_t)r->in[i];
	where = original(call, r, i, at[i]);
	low = floor(where);
	weight = where - low;
	sum = (1 - weight) * between(call, r, x, at, i + 1,
				     place + (size_t)clamp((int64_t)low, r->in[i]));
	if (weight > 0)
		sum += weight * between(call, r, x, at, i + 1,
					place + (size_t)clamp((int64_t)low + 1, r->in[i]));
	return sum;
}

static int evaluate_resize(struct nn_call *call)
{
	bool linear = !strcmp(nn_attr_text(call, "mode"), "linear");
	const char *rounding = call->node->opset < 11 ? "floor" : nn_attr_text(call, "nearest_mode");
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct nn_tensor *y = nn_result(call, 0);
	struct resize r = { .by_scale = false };
	int64_t at[NN_RANK_MAX];
	size_t i, rest, place;
	int k, ret = read_resize(call, &r);

	if (ret || !x->count)
		return ret < 0 ? ret : 0;
	for (i = 0; i < y->count; i++) {
		for (k = y->shape.rank - 1, rest = i; k >= 0; k--) {
			at[k] = (int64_t)(rest % (size_t)r.out[k]);
			rest /= (size_t)r.out[k];
		}
		if (linear) {
			nn_set(y, i, between(call, &r, x, at, 0, 0));
			continue;
		}
		for (k = 0, place = 0; k < y->shape.rank; k++)
			place = place * (size_t)r.in[k] +
				(size_t)clamp(nearest(rounding, original(call, &r, k, at[k])), r.in[k]);
		nn_set(y, i, nn_get(x, place));
	}
	return 0;
}

int nn_resize_along(const struct nn_call *call, int i, struct nn_between *places)
{
	bool linear = !strcmp(nn_attr_text(call, "mode"), "linear");
	const char *rounding = call->node->opset < 11 ? "floor" : nn_attr_text(call, "nearest_mode");
	struct resize r = { .by_scale = false };
	int ret = read_resize(call, &r);
	int64_t x;

	if (ret)
		return ret;
	for (x = 0; x < r.out[i]; x++) {
		double where = original(call, &r, i, x), low = linear ? floor(where) : 0;
		int64_t first = linear ? (int64_t)low : nearest(rounding, where);

		places[x].low = clamp(first, r.in[i]);
		places[x].high = linear ? clamp(first + 1, r.in[i]) : places[x].low;
		places[x].weight = linear ? where - low : 0;
	}
	return 0;
}

#define TYPES	(NN_FLOATS | NN_SET(NN_I8) | NN_SET(NN_U8) | NN_SET(NN_I32))
#define X	{ "X", 'T', TYPES, NN_ONE }
#define Y	NN_PORTS({ "Y", 'T', TYPES, NN_ONE })
#define ATTRS \
	NN_TEXT("coordinate_transformation_mode", "half_pixel"), NN_FLOAT("cubic_coeff_a", -0.75f), \
	NN_INT("exclude_outside", 0), NN_FLOAT("extrapolation_value", 0), NN_TEXT("mode", "nearest"), \
	NN_TEXT("nearest_mode", "round_prefer_floor")
#define INPUTS \
	NN_PORTS(X, { "roi", 0, NN_FLOATS, NN_OPTIONAL }, \
		 { "scales", 0, NN_SET(NN_F32), NN_OPTIONAL }, \
		 { "sizes", 0, NN_SET(NN_I64), NN_OPTIONAL })

const struct nn_op nn_ops_resize[] = {
	{ .name = "Resize", .since = 10,
	  .inputs = NN_PORTS(X, { "scales", 0, NN_SET(NN_F32), NN_ONE }), .outputs = Y,
	  .attrs = NN_ATTRS(NN_TEXT("mode", "nearest")),
	  .infer = infer_resize, .evaluate = evaluate_resize },
	{ .name = "Resize", .since = 11, .inputs = INPUTS, .outputs = Y, .attrs = NN_ATTRS(ATTRS),
	  .infer = infer_resize, .evaluate = evaluate_resize },
	{ .name = "Resize", .since = 18, .inputs = INPUTS, .outputs = Y,
	  .attrs = NN_ATTRS(ATTRS, NN_INT("antialias", 0), NN_OPTIONAL_ATTR("axes", INTS),
			    NN_TEXT("keep_aspect_ratio_policy", "stretch")),
	  .infer = infer_resize, .evaluate = evaluate_resize },
	{ 0 }
};
