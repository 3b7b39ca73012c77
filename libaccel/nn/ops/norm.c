// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Normalisations: elements minus their mean, divided by their spread, over some dimensions.
 * (That of channels with fixed mean and spread, BatchNormalization, is with the convolutions.)
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "../op.h"

struct moments {
	double mean, variance;
};

/* Of `count` elements that lie side by side. */
static struct moments find_moments(const struct nn_tensor *x, size_t first, size_t count)
{
	struct moments m = { 0 };
	double off;
	size_t i;

	for (i = 0; i < count; i++)
		m.mean += nn_get(x, first + i);
	m.mean /= (double)count;
	for (i = 0; i < count; i++) {
		off = nn_get(x, first + i) - m.mean;
		m.variance += off * off;
	}
	m.variance /= (double)count;
	return m;
}

/* Scale and bias fit the input when broadcast. */
static int check_parameter(const struct nn_call *call, size_t input)
{
	struct nn_fact *fact = nn_in_fact(call, input);
	struct nn_shape both = call->in[0]->shape;
	int ret;

	if (!fact || !nn_shape_known(&both) || !nn_shape_known(&fact->shape))
		return 0;
	ret = nn_broadcast(call, &both, &fact->shape);
	if (!ret && !nn_shape_equal(&both, &call->in[0]->shape))
		ret = nn_refuse(call, NULL, "its input %s is larger than what it is for",
				call->node->op->inputs[input].name);
	return ret;
}

/* ---- LayerNormalization, RMSNormalization ---- */

static int infer_layer_norm(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	int axis, i, ret;
	size_t k;

	if (in->rank < 0)
		return 0;
	ret = nn_axis(call, "axis", nn_attr_int(call, "axis"), in->rank, &axis);
	for (k = 1; k < call->node->input_count && !ret; k++)
		ret = check_parameter(call, k);
	if (ret)
		return ret;
	call->out[0]->shape = *in;
	for (k = 1; k < call->node->output_count; k++) {
		if (!call->out[k])
			continue;
		call->out[k]->shape = *in;
		for (i = axis; i < in->rank; i++)
			call->out[k]->shape.dims[i] = 1;
	}
	return 0;
}

/* Rows: all dimensions before the axis; their elements: all others. */
static size_t row_length(const struct nn_call *call, const struct nn_tensor *x)
{
	size_t length = 1;
	int axis, i;

	nn_axis(call, "axis", nn_attr_int(call, "axis"), x->shape.rank, &axis);
	for (i = axis; i < x->shape.rank; i++)
		length *= (size_t)x->shape.dims[i];
	return length;
}

static double scaled(const struct nn_call *call, const struct nn_tensor *y, size_t i, double value)
{
	const struct nn_tensor *scale = nn_contents(call->in[1]);
	const struct nn_tensor *bias = nn_contents(nn_in_fact(call, 2));

	value *= nn_get(scale, nn_place_in(&y->shape, i, &scale->shape));
	return bias ? value + nn_get(bias, nn_place_in(&y->shape, i, &bias->shape)) : value;
}

static int evaluate_layer_norm(struct nn_call *call)
{
	struct nn_tensor *y = nn_result(call, 0), *means = nn_result(call, 1);
	struct nn_tensor *inverses = nn_result(call, 2);
	const struct nn_tensor *x = nn_contents(call->in[0]);
	double epsilon = nn_attr_float(call, "epsilon"), inverse;
	size_t length = row_length(call, x), i, k;
	struct moments m;

	for (i = 0; length && i < x->count; i += length) {
		m = find_moments(x, i, length);
		inverse = 1 / sqrt(m.variance + epsilon);
		for (k = i; k < i + length; k++)
			nn_set(y, k, scaled(call, y, k, (nn_get(x, k) - m.mean) * inverse));
		if (means)
			nn_set(means, i / length, m.mean);
		if (inverses)
			nn_set(inverses, i / length, inverse);
	}
	return 0;
}

static int evaluate_rms_norm(struct nn_call *call)
{
	double epsilon = nn_attr_float(call, "epsilon"), squares;
	const struct nn_tensor *x = nn_contents(call->in[0]);
	size_t length = row_length(call, x), i, k;
	struct nn_tensor *y = nn_result(call, 0);

	for (i = 0; length && i < x->count; i += length) {
		for (k = i, squares = 0; k < i + length; k++)
			squares += nn_get(x, k) * nn_get(x, k);
		squares = sqrt(squares / (double)length + epsilon);
		for (k = i; k < i + length; k++)
			nn_set(y, k, scaled(call, y, k, nn_get(x, k) / squares));
	}
	return 0;
}

/* ---- InstanceNormalization, GroupNormalization ---- */

static int infer_image_norm(struct nn_call *call)
{
	int rank = call->in[0]->shape.rank;

	if (rank >= 0 && rank < 3)
		return nn_refuse(call, NULL, "its input has %d dimensions, fewer than three", rank);
	return nn_infer_same(call);
}

/* `each` channels have a mean in common; a scale and a bias are for `of` channels each. */
static int normalise_channels(struct nn_call *call, size_t channels, size_t each, size_t of)
{
	const struct nn_tensor *x = nn_contents(call->in[0]), *scale = nn_contents(call->in[1]);
	const struct nn_tensor *bias = nn_contents(call->in[2]);
	double epsilon = nn_attr_float(call, "epsilon"), inverse;
	size_t inside = 1, i, k, length, channel;
	struct nn_tensor *y = nn_result(call, 0);
	struct moments m;
	int d;

	if (scale->count != channels / of || bias->count != channels / of)
		return nn_refuse(call, NULL, "its scale and bias have %zu and %zu elements for %zu",
				 scale->count, bias->count, channels / of);
	for (d = 2; d < x->shape.rank; d++)
		inside *= (size_t)x->shape.dims[d];
	length = each * inside;
	for (i = 0; length && i < x->count; i += length) {
		m = find_moments(x, i, length);
		inverse = 1 / sqrt(m.variance + epsilon);
		for (k = i; k < i + length; k++) {
			channel = k / inside % channels / of;
			nn_set(y, k, (nn_get(x, k) - m.mean) * inverse * nn_get(scale, channel) +
			       nn_get(bias, channel));
		}
	}
	return 0;
}

static int evaluate_instance_norm(struct nn_call *call)
{
	size_t channels = (size_t)call->in[0]->shape.dims[1];

	return normalise_channels(call, channels, 1, 1);
}

static int evaluate_group_norm(struct nn_call *call)
{
	int64_t groups = nn_attr_int(call, "num_groups"), channels = call->in[0]->shape.dims[1];

	if (groups < 1 || channels % groups || !channels)
		return nn_refuse(call, NULL, "its %" PRId64 " channels do not divide into %" PRId64
				 " groups", channels, groups);
	return normalise_channels(call, (size_t)channels, (size_t)(channels / groups),
				  call->node->opset < 21 ? (size_t)(channels / groups) : 1);
}

/* ---- LpNormalization, LRN, MeanVarianceNormalization ---- */

static int infer_lp_norm(struct nn_call *call)
{
	int64_t p = nn_attr_int(call, "p");
	int axis, rank = call->in[0]->shape.rank;

	if (p != 1 && p != 2)
		return nn_refuse(call, NULL, "its p is %" PRId64, p);
	if (rank >= 0 && nn_axis(call, "axis", nn_attr_int(call, "axis"), rank, &axis))
		return -EINVAL;
	return nn_infer_same(call);
}

static int evaluate_lp_norm(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	bool squares = nn_attr_int(call, "p") == 2;
	struct nn_tensor *y = nn_result(call, 0);
	size_t before, behind, i, k, first, count;
	double norm, value;
	int axis;

	nn_axis(call, "axis", nn_attr_int(call, "axis"), x->shape.rank, &axis);
	nn_around(&x->shape, axis, &before, &behind);
	count = (size_t)x->shape.dims[axis];
	for (i = 0; i < before * behind; i++) {
		first = i / behind * behind * count + i % behind;
		for (k = 0, norm = 0; k < count; k++) {
			value = nn_get(x, first + k * behind);
			norm += squares ? value * value : fabs(value);
		}
		norm = squares ? sqrt(norm) : norm;
		/* Nothing has no direction: NaNs. */
		for (k = 0; k < count; k++)
			nn_set(y, first + k * behind, nn_get(x, first + k * behind) / norm);
	}
	return 0;
}

/* Over the dimensions of `axes`; the spread is not below 1e-9. */
static int read_mean_axes(const struct nn_call *call, int rank, unsigned int *mask)
{
	static const int64_t normal[] = { 0, 2, 3 };
	const int64_t *axes;
	size_t i, count = nn_attr_ints(call, "axes", &axes);
	int axis, ret;

	if (!nn_attr_given(call, "axes")) {
		axes = normal;
		count = 3;
	}
	*mask = 0;
	for (i = 0; i < count; i++) {
		ret = nn_axis(call, "axis", axes[i], rank, &axis);
		if (ret)
			return ret;
		*mask |= 1u << axis;
	}
	return 0;
}

static int infer_mean_variance(struct nn_call *call)
{
	int rank = call->in[0]->shape.rank, ret = 0;
	unsigned int mask;

	if (rank >= 0)
		ret = read_mean_axes(call, rank, &mask);
	return ret ? ret : nn_infer_same(call);
}

/* A sum and a sum of squares for each place that stays. */
static int evaluate_mean_variance(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct nn_tensor *y = nn_result(call, 0);
	struct nn_shape kept = x->shape;
	unsigned int mask;
	size_t count, i, k;
	double *sums, mean, share;
	int d;

	read_mean_axes(call, x->shape.rank, &mask);
	for (d = 0; d < kept.rank; d++)
		if (mask >> d & 1)
			kept.dims[d] = 1;
	if (!x->count || !nn_shape_count(&kept, &count))
		return 0;
	sums = calloc(count, 2 * sizeof(*sums));
	if (!sums)
		return nn_no_memory(call);
	share = (double)count / (double)x->count;
	for (i = 0; i < x->count; i++) {
		k = nn_place_in(&x->shape, i, &kept);
		sums[2 * k] += nn_get(x, i) * share;
		sums[2 * k + 1] += nn_get(x, i) * nn_get(x, i) * share;
	}
	for (i = 0; i < x->count; i++) {
		k = nn_place_in(&x->shape, i, &kept);
		mean = sums[2 * k];
		nn_set(y, i, (nn_get(x, i) - mean) /
		       (sqrt(fmax(0, sums[2 * k + 1] - mean * mean)) + 1e-9));
	}
	free(sums);
	return 0;
}

static int infer_lrn(struct nn_call *call)
{
	int rank = call->in[0]->shape.rank;

	if (nn_attr_int(call, "size") < 1 || nn_attr_int(call, "size") > INT32_MAX)
		return nn_refuse(call, NULL, "its size is %" PRId64, nn_attr_int(call, "size"));
	if (rank >= 0 && rank < 2)
		return nn_refuse(call, NULL, "its input has %d dimensions, fewer than two", rank);
	return nn_infer_same(call);
}

static int evaluate_lrn(struct nn_call *call)
{
	double alpha = nn_attr_float(call, "alpha"), beta = nn_attr_float(call, "beta");
	double bias = nn_attr_float(call, "bias"), sum, value;
	const struct nn_tensor *x = nn_contents(call->in[0]);
	int64_t size = nn_attr_int(call, "size"), channels, c, low, high;
	struct nn_tensor *y = nn_result(call, 0);
	size_t before, behind, i;

	nn_around(&x->shape, 1, &before, &behind);
	channels = x->shape.dims[1];
	for (i = 0; i < x->count; i++) {
		c = (int64_t)(i / behind) % channels;
		low = c - (size - 1) / 2 > 0 ? c - (size - 1) / 2 : 0;
		high = c + size / 2 < channels - 1 ? c + size / 2 : channels - 1;
		for (sum = 0; low <= high; low++) {
			value = nn_get(x, (size_t)((int64_t)i + (low - c) * (int64_t)behind));
			sum += value * value;
		}
		nn_set(y, i, nn_get(x, i) / pow(bias + alpha / (double)size * sum, beta));
	}
	return 0;
}

/* ---- Table ---- */

#define FLOATS(n)	{ n, 'T', NN_FLOATS, NN_ONE }
#define Y		NN_PORTS(FLOATS("Y"))

const struct nn_op nn_ops_norm[] = {
	/* ONNX has it from 17 on; ONNX Runtime writes it into models of any version. */
	{ .name = "LayerNormalization", .since = 1,
	  .inputs = NN_PORTS(FLOATS("X"), FLOATS("Scale"), { "B", 'T', NN_FLOATS, NN_OPTIONAL }),
	  .outputs = NN_PORTS(FLOATS("Y"), { "Mean", 0, NN_SET(NN_F32), NN_OPTIONAL },
			      { "InvStdDev", 0, NN_SET(NN_F32), NN_OPTIONAL }),
	  .attrs = NN_ATTRS(NN_INT("axis", -1), NN_FLOAT("epsilon", 1e-5f), NN_INT("stash_type", 1)),
	  .infer = infer_layer_norm, .evaluate = evaluate_layer_norm },
	{ .name = "RMSNormalization", .since = 23,
	  .inputs = NN_PORTS(FLOATS("X"), { "scale", 'S', NN_FLOATS, NN_ONE }),
	  .outputs = NN_PORTS({ "Y", 'S', NN_FLOATS, NN_ONE }),
	  .attrs = NN_ATTRS(NN_INT("axis", -1), NN_FLOAT("epsilon", 1e-5f), NN_INT("stash_type", 1)),
	  .infer = infer_layer_norm, .evaluate = evaluate_rms_norm },
	{ .name = "InstanceNormalization", .since = 6,
	  .inputs = NN_PORTS(FLOATS("input"), FLOATS("scale"), FLOATS("B")), .outputs = Y,
	  .attrs = NN_ATTRS(NN_FLOAT("epsilon", 1e-5f)),
	  .infer = infer_image_norm, .evaluate = evaluate_instance_norm },
	{ .name = "GroupNormalization", .since = 18,
	  .inputs = NN_PORTS(FLOATS("X"), FLOATS("scale"), FLOATS("bias")), .outputs = Y,
	  .attrs = NN_ATTRS(NN_REQUIRED_ATTR("num_groups", INT), NN_FLOAT("epsilon", 1e-5f)),
	  .infer = infer_image_norm, .evaluate = evaluate_group_norm },
	{ .name = "GroupNormalization", .since = 21,
	  .inputs = NN_PORTS(FLOATS("X"), FLOATS("scale"), FLOATS("bias")), .outputs = Y,
	  .attrs = NN_ATTRS(NN_REQUIRED_ATTR("num_groups", INT), NN_FLOAT("epsilon", 1e-5f),
			    NN_INT("stash_type", 1)),
	  .infer = infer_image_norm, .evaluate = evaluate_group_norm },
	{ .name = "LpNormalization", .since = 1, .inputs = NN_PORTS(FLOATS("input")), .outputs = Y,
	  .attrs = NN_ATTRS(NN_INT("axis", -1), NN_INT("p", 2)),
	  .infer = infer_lp_norm, .evaluate = evaluate_lp_norm },
	{ .name = "MeanVarianceNormalization", .since = 9,
	  .inputs = NN_PORTS(FLOATS("X")), .outputs = Y,
	  .attrs = NN_ATTRS(NN_OPTIONAL_ATTR("axes", INTS)),
	  .infer = infer_mean_variance, .evaluate = evaluate_mean_variance },
	{ .name = "LRN", .since = 1, .inputs = NN_PORTS(FLOATS("X")), .outputs = Y,
	  .costly = true,
	  .attrs = NN_ATTRS(NN_FLOAT("alpha", 1e-4f), NN_FLOAT("beta", 0.75f), NN_FLOAT("bias", 1),
			    NN_REQUIRED_ATTR("size", INT)),
	  .infer = infer_lrn, .evaluate = evaluate_lrn },
	{ 0 }
};
