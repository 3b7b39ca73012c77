// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Signals: Fourier transforms, windows, and the weights of mel filters. Transforms are sums as they
 * are defined, with exact angles: slow and precise.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "../op.h"

/* A whole number from an input with one element; 1 if it is not known. */
static int read_count(const struct nn_call *call, size_t input, int64_t *count)
{
	struct nn_fact *fact = nn_in_fact(call, input);
	const struct nn_tensor *tensor = nn_contents(fact);

	if (!tensor)
		return 1;
	if (tensor->count != 1)
		return nn_refuse(call, NULL, "its input %s has %zu elements, not one",
				 call->node->op->inputs[input].name, tensor->count);
	*count = nn_get_int(tensor, 0);
	if (*count < 0 || *count > INT32_MAX)
		return nn_refuse(call, NULL, "its input %s is %" PRId64,
				 call->node->op->inputs[input].name, *count);
	return 0;
}

/* ---- Transforms of a row ---- */

/* Cosines and sines of all parts of a turn. */
static double *make_turn(size_t parts)
{
	double *turn = calloc(parts + 1, 2 * sizeof(*turn));
	size_t i;

	for (i = 0; turn && i < parts; i++) {
		turn[2 * i] = cos(2 * M_PI * (double)i / (double)parts);
		turn[2 * i + 1] = sin(2 * M_PI * (double)i / (double)parts);
	}
	return turn;
}

/* Complex numbers in a tensor, `step` apart; real ones if `parts` is 1. */
struct samples {
	const struct nn_tensor *x;
	size_t first, step, count, parts;
	const struct nn_tensor *window;	/* factors, or NULL */
	size_t margin;			/* samples before the window begins */
};

static void read_sample(const struct samples *s, size_t i, double *re, double *im)
{
	size_t at = s->first + i * s->step;
	double factor = 1;

	*re = i < s->count ? nn_get(s->x, at) : 0;
	*im = i < s->count && s->parts == 2 ? nn_get(s->x, at + 1) : 0;
	if (!s->window)
		return;
	factor = i < s->margin || i - s->margin >= s->window->count ? 0 :
		 nn_get(s->window, i - s->margin);
	*re *= factor;
	*im *= factor;
}

/* Number `k` of the transform of `length` samples. */
static void transform(const struct samples *s, size_t length, size_t k, bool inverse,
		      const double *turn, double *re, double *im)
{
	double a, b, c, d;
	size_t i, at;

	*re = *im = 0;
	for (i = 0, at = 0; i < length; i++, at = (at + k) % length) {
		read_sample(s, i, &a, &b);
		c = turn[2 * at];
		d = inverse ? turn[2 * at + 1] : -turn[2 * at + 1];
		*re += a * c - b * d;
		*im += a * d + b * c;
	}
	if (inverse) {
		*re /= (double)length;
		*im /= (double)length;
	}
}

/* ---- DFT ---- */

/* The axis, and how long its transform is: 1 if that is not known. */
static int read_dft(const struct nn_call *call, int *axis, int64_t *length)
{
	const struct nn_shape *in = &call->in[0]->shape;
	int64_t asked = -2;
	int ret;

	if (in->rank < 0)
		return 1;
	if (in->rank < 2 || (in->dims[in->rank - 1] >= 0 && in->dims[in->rank - 1] != 1 &&
			     in->dims[in->rank - 1] != 2))
		return nn_refuse(call, NULL, "its input is of neither real nor complex numbers");
	if (nn_attr_int(call, "inverse") && nn_attr_int(call, "onesided"))
		return nn_fail_node(call->node, -ENOTSUP, NULL, "it is inverse and onesided");
	if (call->node->opset < 20) {
		asked = nn_attr_int(call, "axis");
	} else if (nn_in_fact(call, 2)) {
		const struct nn_tensor *tensor = nn_contents(call->in[2]);

		if (!tensor)
			return 1;
		if (tensor->count != 1)
			return nn_refuse(call, NULL, "its axis is not a single number");
		asked = nn_get_int(tensor, 0);
	}
	ret = nn_axis(call, "axis", asked, in->rank, axis);
	if (!ret && *axis == in->rank - 1)
		ret = nn_refuse(call, NULL, "its axis is that of real and imaginary parts");
	if (ret)
		return ret;
	*length = in->dims[*axis];
	if (nn_in_fact(call, 1))
		ret = read_count(call, 1, length);
	return ret ? ret : *length < 0;
}

static int infer_dft(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	int64_t length;
	int axis = -1, i, ret = read_dft(call, &axis, &length);

	if (ret < 0 || in->rank < 0)
		return ret < 0 ? ret : 0;
	*out = *in;
	for (i = 0; ret && i < in->rank; i++)
		if (axis < 0 || i == axis)
			out->dims[i] = nn_unknown(call);
	if (!ret)
		out->dims[axis] = nn_attr_int(call, "onesided") ? length / 2 + 1 : length;
	out->dims[in->rank - 1] = 2;
	return 0;
}

static int evaluate_dft(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	bool inverse = nn_attr_int(call, "inverse");
	struct samples s = { .x = x };
	struct nn_tensor *y = nn_result(call, 0);
	size_t before, behind, inner, i, k, bins, to;
	int64_t length;
	double *turn, re, im;
	int axis, ret = read_dft(call, &axis, &length);

	if (ret || !y->count)
		return ret < 0 ? ret : 0;
	s.parts = (size_t)x->shape.dims[x->shape.rank - 1];
	nn_around(&x->shape, axis, &before, &behind);
	inner = behind / s.parts;
	s.count = (size_t)x->shape.dims[axis];
	s.step = behind;
	bins = (size_t)y->shape.dims[axis];
	turn = make_turn((size_t)length);
	if (!turn)
		return nn_no_memory(call);
	for (i = 0; i < before * inner; i++) {
		s.first = (i / inner * s.count * inner + i % inner) * s.parts;
		for (k = 0; k < bins && length; k++) {
			transform(&s, (size_t)length, k, inverse, turn, &re, &im);
			to = ((i / inner * bins + k) * inner + i % inner) * 2;
			nn_set(y, to, re);
			nn_set(y, to + 1, im);
		}
	}
	free(turn);
	return 0;
}

/* ---- STFT ---- */

struct frames {
	int64_t step, length, count, bins;
	size_t parts;
};

/* 1 if it is not known. */
static int read_frames(const struct nn_call *call, struct frames *f)
{
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_fact *window = nn_in_fact(call, 2);
	int ret;

	if (!nn_shape_known(in))
		return 1;
	if ((in->rank != 2 && in->rank != 3) || (in->rank == 3 && in->dims[2] != 1 && in->dims[2] != 2))
		return nn_refuse(call, NULL, "its signal is of neither real nor complex numbers");
	f->parts = in->rank == 3 ? (size_t)in->dims[2] : 1;
	ret = read_count(call, 1, &f->step);
	if (ret)
		return ret;
	if (nn_in_fact(call, 3)) {
		ret = read_count(call, 3, &f->length);
	} else if (window) {
		if (!nn_shape_known(&window->shape))
			return 1;
		f->length = window->shape.rank == 1 ? window->shape.dims[0] : 0;
	} else {
		return nn_refuse(call, NULL, "it has neither a window nor a frame_length");
	}
	if (ret)
		return ret;
	if (f->step < 1 || f->length < 1 || f->length > in->dims[1])
		return nn_refuse(call, NULL, "its frames are %" PRId64 " long, %" PRId64
				 " apart, in a signal of %" PRId64, f->length, f->step, in->dims[1]);
	f->count = (in->dims[1] - f->length) / f->step + 1;
	f->bins = nn_attr_int(call, "onesided") ? f->length / 2 + 1 : f->length;
	return 0;
}

static int infer_stft(struct nn_call *call)
{
	struct nn_shape *out = &call->out[0]->shape;
	struct frames f;
	int ret = read_frames(call, &f);

	if (!ret)
		*out = (struct nn_shape){ 4, { call->in[0]->shape.dims[0], f.count, f.bins, 2 } };
	return ret < 0 ? ret : 0;
}

static int evaluate_stft(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct samples s = { .x = x, .window = nn_contents(nn_in_fact(call, 2)) };
	struct nn_tensor *y = nn_result(call, 0);
	struct frames f;
	double *turn, re, im;
	int64_t b, frame, k;
	size_t to = 0;
	int ret = read_frames(call, &f);

	if (ret || !y->count)
		return ret < 0 ? ret : 0;
	if (s.window && s.window->count > (size_t)f.length)
		return nn_refuse(call, NULL, "its window is longer than its frames");
	turn = make_turn((size_t)f.length);
	if (!turn)
		return nn_no_memory(call);
	s.parts = s.step = f.parts;
	s.count = (size_t)f.length;
	/* A shorter window lies in the middle. */
	s.margin = s.window ? ((size_t)f.length - s.window->count) / 2 : 0;
	for (b = 0; b < x->shape.dims[0]; b++) {
		for (frame = 0; frame < f.count; frame++) {
			s.first = (size_t)(b * x->shape.dims[1] + frame * f.step) * f.parts;
			for (k = 0; k < f.bins; k++) {
				transform(&s, (size_t)f.length, (size_t)k, false, turn, &re, &im);
				nn_set(y, to++, re);
				nn_set(y, to++, im);
			}
		}
	}
	free(turn);
	return 0;
}

/* ---- Windows ---- */

static int check_datatype(const struct nn_call *call)
{
	int64_t type = nn_attr_int(call, "output_datatype");

	if (type <= 0 || type >= NN_TYPES || !nn_in(NN_NUMBERS, (enum nn_type)type))
		return nn_refuse(call, NULL, "its output_datatype is %" PRId64, type);
	call->out[0]->type = (enum nn_type)type;
	return 0;
}

static int infer_window(struct nn_call *call)
{
	int64_t size = -1;
	int ret = check_datatype(call);

	if (!ret)
		ret = read_count(call, 0, &size);
	if (ret < 0)
		return ret;
	call->out[0]->shape = (struct nn_shape){ 1, { ret ? nn_unknown(call) : size } };
	return 0;
}

/* A sum of cosines of the turn and of its double. */
static int evaluate_window(struct nn_call *call, double a, double b, double c)
{
	struct nn_tensor *y = nn_result(call, 0);
	double turn = (double)y->count - (nn_attr_int(call, "periodic") ? 0 : 1), angle;
	size_t i;

	for (i = 0; i < y->count; i++) {
		angle = turn > 0 ? 2 * M_PI * (double)i / turn : 0;
		nn_set(y, i, a - b * cos(angle) + c * cos(2 * angle));
	}
	return 0;
}

static int evaluate_hann(struct nn_call *call)
{
	return evaluate_window(call, 0.5, 0.5, 0);
}

static int evaluate_hamming(struct nn_call *call)
{
	return evaluate_window(call, 25.0 / 46, 21.0 / 46, 0);
}

static int evaluate_blackman(struct nn_call *call)
{
	return evaluate_window(call, 0.42, 0.5, 0.08);
}

/* ---- MelWeightMatrix ---- */

static int infer_mel(struct nn_call *call)
{
	int64_t bins, length;
	int ret = check_datatype(call), known;

	if (ret)
		return ret;
	ret = read_count(call, 0, &bins);
	if (ret < 0)
		return ret;
	known = read_count(call, 1, &length);
	if (known < 0)
		return known;
	call->out[0]->shape = (struct nn_shape){
		2, { known ? nn_unknown(call) : length / 2 + 1, ret ? nn_unknown(call) : bins },
	};
	return 0;
}

static double mel_of(double hertz)
{
	return 2595 * log10(1 + hertz / 700);
}

/* The bin of the spectrum that border `i` of the filters lies in; beyond the last one: that. */
static int64_t border(double low, double high, int64_t filters, int64_t i, int64_t length, double rate,
		      int64_t bins)
{
	double mel = low + (high - low) / (double)(filters + 2) * (double)i;
	double bin = floor((double)(length + 1) * 700 * (pow(10, mel / 2595) - 1) / rate);

	return !(bin > 0) ? 0 : bin > (double)bins ? bins : (int64_t)bin;
}

/* A triangle from one border to the next but one. */
static void fill_filter(struct nn_tensor *y, int64_t filter, const int64_t *edge)
{
	int64_t bins = y->shape.dims[0], filters = y->shape.dims[1], i;

	for (i = edge[0]; i <= edge[1] && i < bins; i++)
		nn_set(y, (size_t)(i * filters + filter), edge[1] == edge[0] ? 1 :
		       (double)(i - edge[0]) / (double)(edge[1] - edge[0]));
	for (i = edge[1]; i < edge[2] && i < bins; i++)
		nn_set(y, (size_t)(i * filters + filter),
		       (double)(edge[2] - i) / (double)(edge[2] - edge[1]));
}

static int evaluate_mel(struct nn_call *call)
{
	struct nn_tensor *y = nn_result(call, 0);
	const struct nn_tensor *t[5];
	int64_t filters = y->shape.dims[1], length, i, edge[3];
	double low, high, rate;
	int k;

	for (k = 0; k < 5; k++) {
		t[k] = nn_contents(call->in[k]);
		if (t[k]->count != 1)
			return nn_refuse(call, NULL, "its input %s has %zu elements, not one",
					 call->node->op->inputs[k].name, t[k]->count);
	}
	length = nn_get_int(t[1], 0);
	rate = nn_get(t[2], 0);
	low = mel_of(nn_get(t[3], 0));
	high = mel_of(nn_get(t[4], 0));
	if (!(rate > 0) || !isfinite(low) || !isfinite(high))
		return nn_refuse(call, NULL, "its sample rate is %g, its edges %g and %g", rate,
				 nn_get(t[3], 0), nn_get(t[4], 0));
	for (i = 0; i < filters && y->count; i++) {
		for (k = 0; k < 3; k++)
			edge[k] = border(low, high, filters, i + k, length, rate, y->shape.dims[0]);
		fill_filter(y, i, edge);
	}
	return 0;
}

/* ---- Table ---- */

#define COUNT		(NN_SET(NN_I32) | NN_SET(NN_I64))
#define ONE(n, types)	{ n, 0, types, NN_ONE }
#define SOME(n, types)	{ n, 0, types, NN_OPTIONAL }
#define OUT		NN_PORTS({ "output", 'T', NN_FLOATS, NN_ONE })
#define INPUT		{ "input", 'T', NN_FLOATS, NN_ONE }
#define WINDOW(n, e) \
	{ .name = n, .since = 17, .inputs = NN_PORTS(ONE("size", COUNT)), \
	  .outputs = NN_PORTS({ "output", 0, 0, NN_ONE }), \
	  .attrs = NN_ATTRS(NN_INT("output_datatype", 1), NN_INT("periodic", 1)), \
	  .infer = infer_window, .evaluate = e }

const struct nn_op nn_ops_signal[] = {
	{ .name = "DFT", .since = 17, .costly = true,
	  .inputs = NN_PORTS(INPUT, SOME("dft_length", COUNT)), .outputs = OUT,
	  .attrs = NN_ATTRS(NN_INT("axis", 1), NN_INT("inverse", 0), NN_INT("onesided", 0)),
	  .infer = infer_dft, .evaluate = evaluate_dft },
	{ .name = "DFT", .since = 20, .costly = true,
	  .inputs = NN_PORTS(INPUT, SOME("dft_length", COUNT), SOME("axis", NN_SET(NN_I64))),
	  .outputs = OUT, .attrs = NN_ATTRS(NN_INT("inverse", 0), NN_INT("onesided", 0)),
	  .infer = infer_dft, .evaluate = evaluate_dft },
	{ .name = "STFT", .since = 17, .costly = true,
	  .inputs = NN_PORTS(INPUT, ONE("frame_step", COUNT), { "window", 'T', NN_FLOATS, NN_OPTIONAL },
			     SOME("frame_length", COUNT)),
	  .outputs = OUT, .attrs = NN_ATTRS(NN_INT("onesided", 1)),
	  .infer = infer_stft, .evaluate = evaluate_stft },
	WINDOW("HannWindow", evaluate_hann),
	WINDOW("HammingWindow", evaluate_hamming),
	WINDOW("BlackmanWindow", evaluate_blackman),
	{ .name = "MelWeightMatrix", .since = 17,
	  .inputs = NN_PORTS(ONE("num_mel_bins", COUNT), ONE("dft_length", COUNT),
			     ONE("sample_rate", COUNT), ONE("lower_edge_hertz", NN_FLOATS),
			     ONE("upper_edge_hertz", NN_FLOATS)),
	  .outputs = NN_PORTS({ "output", 0, 0, NN_ONE }),
	  .attrs = NN_ATTRS(NN_INT("output_datatype", 1)), .infer = infer_mel,
	  .evaluate = evaluate_mel },
	{ 0 }
};
