// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Resize and Upsample: one dimension after the other, each place of the result a weighted sum of
 * places of the input around where it comes from. Linear interpolation takes two, cubic four,
 * and with antialiasing as many as a place of the result covers.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../op.h"
#include "cubic.h"

struct resize {
	int rank;
	int64_t in[NN_RANK_MAX], out[NN_RANK_MAX];
	double scale[NN_RANK_MAX];
	/* The result's size as the scale has it; coordinates are computed with it. */
	double exact[NN_RANK_MAX];
	double begin[NN_RANK_MAX], end[NN_RANK_MAX];	/* what is cropped, from 0 to 1 */
};

/* ---- Attributes and sizes ---- */

static bool is_upsample(const struct nn_call *call)
{
	return !strcmp(call->node->op->name, "Upsample");
}

/* Upsample and version 10 are what later versions do by other names. */
static bool is_old(const struct nn_call *call)
{
	return is_upsample(call) || call->node->opset < 11;
}

static const char *coordinate_mode(const struct nn_call *call)
{
	return is_old(call) ? "asymmetric" : nn_attr_text(call, "coordinate_transformation_mode");
}

static const char *rounding_mode(const struct nn_call *call)
{
	return is_old(call) ? "floor" : nn_attr_text(call, "nearest_mode");
}

static const char *aspect_policy(const struct nn_call *call)
{
	return call->node->op->since >= 18 ? nn_attr_text(call, "keep_aspect_ratio_policy") : "stretch";
}

static bool is_antialiased(const struct nn_call *call)
{
	return call->node->op->since >= 18 && nn_attr_int(call, "antialias");
}

static bool is_cropped(const struct nn_call *call)
{
	return !strcmp(coordinate_mode(call), "tf_crop_and_resize");
}

static bool is_one_of(const char *text, const char *const *texts)
{
	while (*texts && strcmp(*texts, text))
		texts++;
	return *texts;
}

static int check_resize(const struct nn_call *call)
{
	static const char *const modes[] = { "nearest", "linear", "cubic", NULL };
	static const char *const places[] = { "half_pixel", "asymmetric", "align_corners",
		"pytorch_half_pixel", "half_pixel_symmetric", "tf_crop_and_resize", NULL };
	static const char *const roundings[] = { "floor", "ceil", "round_prefer_floor",
						 "round_prefer_ceil", NULL };
	static const char *const policies[] = { "stretch", "not_larger", "not_smaller", NULL };

	if (!is_one_of(nn_attr_text(call, "mode"), modes) ||
	    (is_old(call) && !strcmp(nn_attr_text(call, "mode"), "cubic")))
		return nn_refuse(call, NULL, "its mode is something that ONNX does not have");
	if (!strcmp(coordinate_mode(call), "tf_half_pixel_for_nn"))
		return nn_fail_node(call->node, -ENOTSUP, "export the model for version 13 or later",
				    "its coordinate_transformation_mode 'tf_half_pixel_for_nn'");
	if (!is_one_of(coordinate_mode(call), places))
		return nn_refuse(call, NULL,
				 "its coordinate_transformation_mode is something that ONNX does not have");
	if (!is_one_of(rounding_mode(call), roundings))
		return nn_refuse(call, NULL, "its nearest_mode is something that ONNX does not have");
	if (!is_one_of(aspect_policy(call), policies))
		return nn_refuse(call, NULL,
				 "its keep_aspect_ratio_policy is something that ONNX does not have");
	return 0;
}

static bool is_given(struct nn_fact *fact)
{
	/* Before version 13, an input that is not used had to be an empty tensor. */
	return fact && !(fact->shape.rank == 1 && fact->shape.dims[0] == 0);
}

/* Which dimensions scales, sizes and regions are for: all, or those of `axes`. */
static int read_axes(const struct nn_call *call, int rank, int *axes, int *count)
{
	const int64_t *ints = NULL;
	size_t given = call->node->op->since >= 18 ? nn_attr_ints(call, "axes", &ints) : 0;
	unsigned int seen = 0;
	int i, ret = 0;

	if (given > (size_t)rank)
		return nn_refuse(call, NULL, "it has %zu axes for %d dimensions", given, rank);
	*count = given ? (int)given : rank;
	for (i = 0; i < *count && !ret; i++) {
		axes[i] = i;
		if (given)
			ret = nn_axis(call, "axis", ints[i], rank, &axes[i]);
		if (!ret && seen >> axes[i] & 1)
			ret = nn_refuse(call, NULL, "it has axis %d twice", axes[i]);
		if (!ret)
			seen |= 1u << axes[i];
	}
	return ret;
}

static int set_scale(const struct nn_call *call, struct resize *r, int axis, double scale)
{
	if (!(scale > 0) || scale > 1 << 20)
		return nn_refuse(call, NULL, "its scale of dimension %d is %g", axis, scale);
	r->scale[axis] = scale;
	r->exact[axis] = (double)r->in[axis] * scale;
	if (!(r->exact[axis] < 0x1p50))
		return nn_fail_node(call->node, -EFBIG, NULL, "its result is too large");
	r->out[axis] = r->in[axis] < 0 ? -1 : (int64_t)floor(r->exact[axis]);
	return 0;
}

static int read_scales(const struct nn_call *call, struct resize *r, const int *axes, int count)
{
	const bool listed = is_upsample(call) && call->node->opset < 9;
	const struct nn_tensor *scales = listed ? NULL : nn_contents(call->in[is_old(call) ? 1 : 2]);
	const float *floats = NULL;
	size_t given = listed ? nn_attr_floats(call, "scales", &floats) : 0;
	int i, ret = 0;

	if (!listed && !scales)
		return 1;
	given = listed ? given : scales->count;
	if (given != (size_t)count)
		return nn_refuse(call, NULL, "it has %zu scales for %d dimensions", given, count);
	for (i = 0; i < count && !ret; i++)
		ret = set_scale(call, r, axes[i], listed ? floats[i] : nn_get(scales, (size_t)i));
	return ret;
}

/* The same scale for all dimensions: the smallest or the largest that sizes ask for. */
static int keep_aspect(const struct nn_call *call, struct resize *r, const int *axes, int count)
{
	bool smallest = !strcmp(aspect_policy(call), "not_larger");
	double scale = r->scale[axes[0]];
	int i;

	for (i = 1; i < count; i++)
		scale = smallest ? fmin(scale, r->scale[axes[i]]) : fmax(scale, r->scale[axes[i]]);
	for (i = 0; i < count; i++) {
		r->scale[axes[i]] = scale;
		r->exact[axes[i]] = scale * (double)r->in[axes[i]];
		if (!(r->exact[axes[i]] < 0x1p50))
			return nn_fail_node(call->node, -EFBIG, NULL, "its result is too large");
		r->out[axes[i]] = (int64_t)floor(r->exact[axes[i]] + 0.5);
	}
	return 0;
}

static int read_sizes(const struct nn_call *call, struct resize *r, const int *axes, int count)
{
	int64_t sizes[NN_RANK_MAX];
	int i, given = nn_ints(call, 3, sizes, NN_RANK_MAX);

	if (given < 0)
		return 1;
	if (given != count)
		return nn_refuse(call, NULL, "it has %d sizes for %d dimensions", given, count);
	for (i = 0; i < count; i++) {
		if (sizes[i] < 0)
			return nn_refuse(call, NULL, "it is asked for size %" PRId64, sizes[i]);
		r->out[axes[i]] = sizes[i];
		r->exact[axes[i]] = (double)sizes[i];
		r->scale[axes[i]] = r->in[axes[i]] > 0 ?
				    (double)sizes[i] / (double)r->in[axes[i]] : 1;
	}
	if (!count || !strcmp(aspect_policy(call), "stretch"))
		return 0;
	for (i = 0; i < count; i++)
		if (r->in[axes[i]] < 0)
			return 1;
	return keep_aspect(call, r, axes, count);
}

static int read_region(const struct nn_call *call, struct resize *r, const int *axes, int count)
{
	const struct nn_tensor *roi = nn_contents(nn_in_fact(call, 1));
	int i;

	if (!is_cropped(call))
		return 0;
	if (!nn_in_fact(call, 1))
		return nn_refuse(call, NULL, "it crops, and its roi is missing");
	if (!roi)
		return 0;
	if (roi->count != 2 * (size_t)count)
		return nn_refuse(call, NULL, "its roi has %zu numbers for %d dimensions", roi->count,
				 count);
	for (i = 0; i < count; i++) {
		r->begin[axes[i]] = nn_get(roi, (size_t)i);
		r->end[axes[i]] = nn_get(roi, (size_t)(count + i));
	}
	return 0;
}

static int read_resize(const struct nn_call *call, struct resize *r)
{
	const struct nn_shape *in = &call->in[0]->shape;
	int axes[NN_RANK_MAX], count = 0, i, ret;

	memset(r, 0, sizeof(*r));
	if (in->rank < 0)
		return 1;
	r->rank = in->rank;
	for (i = 0; i < in->rank; i++) {
		r->in[i] = r->out[i] = in->dims[i];
		r->exact[i] = (double)in->dims[i];
		r->scale[i] = r->end[i] = 1;
	}
	ret = read_axes(call, in->rank, axes, &count);
	if (!ret)
		ret = read_region(call, r, axes, count);
	if (ret)
		return ret;
	if (is_old(call) || is_given(nn_in_fact(call, 2)))
		return read_scales(call, r, axes, count);
	if (is_given(nn_in_fact(call, 3)))
		return read_sizes(call, r, axes, count);
	return nn_refuse(call, NULL, "it has neither scales nor sizes");
}

static int infer_resize(struct nn_call *call)
{
	struct nn_shape *out = &call->out[0]->shape;
	int i, ret = check_resize(call);
	struct resize r;

	if (!ret)
		ret = read_resize(call, &r);
	if (ret < 0 || call->in[0]->shape.rank < 0)
		return ret < 0 ? ret : 0;
	out->rank = call->in[0]->shape.rank;
	for (i = 0; i < out->rank; i++)
		out->dims[i] = ret || r.out[i] < 0 ? nn_unknown(call) : r.out[i];
	return 0;
}

/* ---- Where a place comes from ---- */

static double original(const struct nn_call *call, const struct resize *r, int i, int64_t x)
{
	const char *mode = coordinate_mode(call);
	double from = (double)x, in = (double)r->in[i], shift = 0;

	if (!strcmp(mode, "tf_crop_and_resize")) {
		if (r->out[i] == 1)
			return r->begin[i] * (in - 1) + (r->end[i] - r->begin[i]) * (in - 1) / 2;
		return r->begin[i] * (in - 1) +
		       from * (r->end[i] - r->begin[i]) * (in - 1) / (r->exact[i] - 1);
	}
	if (r->out[i] == r->in[i] && r->scale[i] == 1)
		return from;
	if (!strcmp(mode, "asymmetric"))
		return from / r->scale[i];
	if (!strcmp(mode, "align_corners"))
		return r->out[i] == 1 ? 0 : from * (in - 1) / (r->exact[i] - 1);
	if (!strcmp(mode, "pytorch_half_pixel") && r->out[i] <= 1)
		return 0;
	if (!strcmp(mode, "half_pixel_symmetric"))
		shift = in / 2 * (1 - (double)r->out[i] / r->exact[i]);
	return shift + (from + 0.5) / r->scale[i] - 0.5;
}

static int64_t clamp(double x, int64_t size)
{
	return !(x > 0) ? 0 : x >= (double)size ? size - 1 : (int64_t)x;
}

static double nearest(const char *mode, double x)
{
	if (!strcmp(mode, "floor"))
		return floor(x);
	if (!strcmp(mode, "ceil"))
		return ceil(x);
	if (!strcmp(mode, "round_prefer_ceil"))
		return floor(x + 0.5);
	return ceil(x - 0.5);
}

/* ---- Weights ---- */

/* A place of the result along one dimension: what is summed up. No weights: it is outside. */
struct sum {
	int count;
	int64_t *places;	/* of the input */
	double *weights;
};

struct axis {
	struct sum *sums;	/* NULL: this dimension stays as it is */
	int64_t *places;
	double *weights;
};

/* Footprints beyond that are refused: they make sums over nearly everything. */
#define TAPS_MAX	4096

static double kernel(const struct nn_call *call, double x)
{
	if (!strcmp(nn_attr_text(call, "mode"), "cubic"))
		return nn_cubic(nn_attr_float(call, "cubic_coeff_a"), x);
	return fmax(0, 1 - fabs(x));
}

/* Places on one side of where a place comes from that count. */
static int reach(const struct nn_call *call, double scale)
{
	int radius = !strcmp(nn_attr_text(call, "mode"), "cubic") ? 2 : 1;
	double wide;

	if (!is_antialiased(call) || scale >= 1)
		return radius;
	wide = ceil(radius / scale);
	return wide > TAPS_MAX / 2 ? -1 : (int)wide;
}

static void fill_sum(const struct nn_call *call, const struct resize *r, int i, double where,
		     int side, struct sum *sum)
{
	bool exclude = !is_old(call) && nn_attr_int(call, "exclude_outside");
	double scale = is_antialiased(call) ? fmin(r->scale[i], 1) : 1, all = 0;
	/* Where it comes from lies above the first of the two places in the middle, or on the second. */
	double base = ceil(where) - 1;
	int k;

	if (!strcmp(nn_attr_text(call, "mode"), "nearest")) {
		sum->count = 1;
		sum->places[0] = clamp(nearest(rounding_mode(call), where), r->in[i]);
		sum->weights[0] = 1;
		return;
	}
	sum->count = 2 * side;
	for (k = 0; k < sum->count; k++) {
		double at = base + 1 - side + k;

		sum->places[k] = clamp(at, r->in[i]);
		sum->weights[k] = kernel(call, (at - where) * scale);
		if (exclude && (at < 0 || at >= (double)r->in[i]))
			sum->weights[k] = 0;
		all += sum->weights[k];
	}
	for (k = 0; (exclude || is_antialiased(call)) && k < sum->count; k++)
		sum->weights[k] /= all;
}

static int make_axis(const struct nn_call *call, const struct resize *r, int i, struct axis *axis)
{
	int side = reach(call, r->scale[i]);
	size_t taps = 2 * (size_t)side, count = (size_t)r->out[i], x;

	if (side < 0)
		return nn_fail_node(call->node, -EFBIG, NULL,
				    "its scale of dimension %d is too small for antialiasing", i);
	if (r->out[i] == r->in[i] && r->scale[i] == 1 && !is_cropped(call))
		return 0;
	axis->sums = calloc(count + 1, sizeof(*axis->sums));
	axis->places = calloc(count + 1, taps * sizeof(*axis->places));
	axis->weights = calloc(count + 1, taps * sizeof(*axis->weights));
	if (!axis->sums || !axis->places || !axis->weights)
		return nn_no_memory(call);
	for (x = 0; x < count; x++) {
		double where = original(call, r, i, (int64_t)x);
		struct sum *sum = &axis->sums[x];

		sum->places = axis->places + x * taps;
		sum->weights = axis->weights + x * taps;
		if (!is_cropped(call) || (where >= 0 && where <= (double)(r->in[i] - 1)))
			fill_sum(call, r, i, where, side, sum);
	}
	return 0;
}

static void release_axes(struct axis *axes)
{
	int i;

	for (i = 0; i < NN_RANK_MAX; i++) {
		free(axes[i].sums);
		free(axes[i].places);
		free(axes[i].weights);
	}
}

/* ---- Resizing ---- */

struct resizing {
	const struct resize *r;
	const struct nn_tensor *x;
	const struct axis *axes;
	const int64_t *at;	/* in the result */
};

static double add_up(const struct resizing *z, int i, size_t place)
{
	const struct sum *sum;
	double result = 0;
	int k;

	if (i == z->r->rank)
		return nn_get(z->x, place);
	place *= (size_t)z->r->in[i];
	if (!z->axes[i].sums)
		return add_up(z, i + 1, place + (size_t)z->at[i]);
	sum = &z->axes[i].sums[z->at[i]];
	for (k = 0; k < sum->count; k++)
		if (sum->weights[k] != 0)
			result += sum->weights[k] * add_up(z, i + 1, place + (size_t)sum->places[k]);
	return result;
}

static bool is_outside(const struct resizing *z)
{
	int i;

	for (i = 0; i < z->r->rank; i++)
		if (z->axes[i].sums && !z->axes[i].sums[z->at[i]].count)
			return true;
	return false;
}

static void resize(const struct nn_call *call, const struct resizing *z, int64_t *at)
{
	double outside = is_old(call) ? 0 : nn_attr_float(call, "extrapolation_value"), value;
	bool integer = !nn_is_float(z->x->type);
	struct nn_tensor *y = nn_result(call, 0);
	size_t i, rest;
	int k;

	for (i = 0; i < y->count; i++) {
		for (k = z->r->rank - 1, rest = i; k >= 0; k--) {
			at[k] = (int64_t)(rest % (size_t)z->r->out[k]);
			rest /= (size_t)z->r->out[k];
		}
		value = is_outside(z) ? outside : add_up(z, 0, 0);
		nn_set(y, i, integer ? nearbyint(value) : value);
	}
}

static int evaluate_resize(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct axis axes[NN_RANK_MAX] = { 0 };
	int64_t at[NN_RANK_MAX];
	struct resize r;
	const struct resizing z = { .r = &r, .x = x, .axes = axes, .at = at };
	int i, ret = read_resize(call, &r);

	if (ret || !x->count)
		return ret < 0 ? ret : 0;
	for (i = 0; i < r.rank && !ret && nn_result(call, 0)->count; i++)
		ret = make_axis(call, &r, i, &axes[i]);
	if (!ret)
		resize(call, &z, at);
	release_axes(axes);
	return ret;
}

int nn_resize_along(const struct nn_call *call, int i, struct nn_between *places)
{
	bool linear = !strcmp(nn_attr_text(call, "mode"), "linear");
	struct resize r;
	int64_t x;
	int ret = read_resize(call, &r);

	if (ret)
		return ret;
	if (!strcmp(nn_attr_text(call, "mode"), "cubic") || is_antialiased(call) || is_cropped(call) ||
	    (!is_old(call) && nn_attr_int(call, "exclude_outside")))
		return 1;
	for (x = 0; x < r.out[i]; x++) {
		double where = original(call, &r, i, x);
		double low = linear ? floor(where) : nearest(rounding_mode(call), where);

		places[x].low = clamp(low, r.in[i]);
		places[x].high = linear ? clamp(low + 1, r.in[i]) : places[x].low;
		places[x].weight = linear ? where - low : 0;
	}
	return 0;
}

/* ---- Table ---- */

#define TYPES	(NN_NUMBERS | NN_SET(NN_BOOL))
#define X	{ "X", 'T', TYPES, NN_ONE }
#define Y	NN_PORTS({ "Y", 'T', TYPES, NN_ONE })
#define SCALES	{ "scales", 0, NN_SET(NN_F32), NN_ONE }
#define ATTRS \
	NN_TEXT("coordinate_transformation_mode", "half_pixel"), NN_FLOAT("cubic_coeff_a", -0.75f), \
	NN_INT("exclude_outside", 0), NN_FLOAT("extrapolation_value", 0), NN_TEXT("mode", "nearest"), \
	NN_TEXT("nearest_mode", "round_prefer_floor")
#define INPUTS \
	NN_PORTS(X, { "roi", 0, NN_FLOATS, NN_OPTIONAL }, \
		 { "scales", 0, NN_SET(NN_F32), NN_OPTIONAL }, \
		 { "sizes", 0, NN_SET(NN_I64), NN_OPTIONAL })
#define OP(n, v, in, ...) \
	{ .name = n, .since = v, .inputs = in, .outputs = Y, .attrs = NN_ATTRS(__VA_ARGS__), \
	  .costly = true, .infer = infer_resize, .evaluate = evaluate_resize }

const struct nn_op nn_ops_resize[] = {
	OP("Upsample", 7, NN_PORTS(X), NN_TEXT("mode", "nearest"), NN_REQUIRED_ATTR("scales", FLOATS)),
	OP("Upsample", 9, NN_PORTS(X, SCALES), NN_TEXT("mode", "nearest")),
	OP("Resize", 10, NN_PORTS(X, SCALES), NN_TEXT("mode", "nearest")),
	OP("Resize", 11, INPUTS, ATTRS),
	OP("Resize", 18, INPUTS, ATTRS, NN_INT("antialias", 0), NN_OPTIONAL_ATTR("axes", INTS),
	   NN_TEXT("keep_aspect_ratio_policy", "stretch")),
	{ 0 }
};
