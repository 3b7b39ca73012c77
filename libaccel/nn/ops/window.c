// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Operators that move a window over the dimensions behind batch and channel: convolutions and
 * pooling, in any number of dimensions; and the normalisation of channels.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "window.h"

/* Sizes in attributes: so that sums and products of a few of them do not overflow. */
#define SIZE_LIMIT	((int64_t)1 << 30)

/* ---- Attributes ---- */

int nn_read_sizes(const struct nn_call *call, const char *name, size_t wanted, int64_t low,
		      int64_t normal, int64_t *sizes)
{
	const int64_t *ints;
	size_t i, count = nn_attr_ints(call, name, &ints);

	if (count && count != wanted)
		return nn_refuse(call, NULL, "its %s has %zu numbers, where its input asks for %zu",
				 name, count, wanted);
	for (i = 0; i < wanted; i++) {
		sizes[i] = count ? ints[i] : normal;
		if (sizes[i] < low || sizes[i] > SIZE_LIMIT)
			return nn_refuse(call, NULL, "its %s has the number %" PRId64, name, sizes[i]);
	}
	return 0;
}

int nn_read_window(const struct nn_call *call, struct window *w, const struct nn_shape *in)
{
	int64_t pads[2 * SPATIAL_MAX];
	int i, ret;

	if (in->rank < 2)
		return nn_refuse(call, NULL, "its input has %d dimensions, fewer than batch and channel",
				 in->rank);
	w->n = in->rank - 2;
	for (i = 0; i < w->n; i++) {
		w->in[i] = in->dims[i + 2];
		if (w->in[i] > SIZE_LIMIT)
			return nn_fail_node(call->node, -EFBIG, NULL, "its input is too large");
	}
	ret = nn_read_sizes(call, "strides", (size_t)w->n, 1, 1, w->stride);
	if (!ret)
		ret = nn_read_sizes(call, "pads", 2 * (size_t)w->n, 0, 0, pads);
	if (!ret)
		ret = nn_read_sizes(call, "dilations", (size_t)w->n, 1, 1, w->dilation);
	for (i = 0; i < w->n && !ret; i++) {
		w->before[i] = pads[i];
		w->after[i] = pads[w->n + i];
	}
	return ret;
}

/* Cells that the kernel spans. */
static int64_t span(const struct window *w, int i)
{
	return (w->kernel[i] - 1) * w->dilation[i] + 1;
}

static bool is_auto(const char *mode)
{
	return strcmp(mode, "NOTSET") && strcmp(mode, "");
}

static int check_mode(const struct nn_call *call, const char *mode)
{
	if (!is_auto(mode) || !strcmp(mode, "SAME_UPPER") || !strcmp(mode, "SAME_LOWER") ||
	    !strcmp(mode, "VALID"))
		return 0;
	return nn_refuse(call, NULL, "its auto_pad is something that ONNX does not have");
}

static void share_padding(struct window *w, int i, int64_t all, const char *mode)
{
	all = all > 0 ? all : 0;
	w->before[i] = w->after[i] = all / 2;
	if (!strcmp(mode, "SAME_UPPER"))
		w->after[i] += all & 1;
	else
		w->before[i] += all & 1;
}

int nn_slide(const struct nn_call *call, struct window *w, bool round_up)
{
	const char *mode = nn_attr_text(call, "auto_pad");
	int64_t room;
	int i, ret = check_mode(call, mode);

	for (i = 0; i < w->n && !ret; i++) {
		w->out[i] = -1;
		if (w->in[i] < 0)
			continue;
		if (!strcmp(mode, "VALID")) {
			w->before[i] = w->after[i] = 0;
		} else if (is_auto(mode)) {
			room = ((w->in[i] + w->stride[i] - 1) / w->stride[i] - 1) * w->stride[i];
			share_padding(w, i, room + span(w, i) - w->in[i], mode);
		}
		room = w->in[i] + w->before[i] + w->after[i] - span(w, i);
		if (room < 0)
			return nn_refuse(call, NULL, "its window spans %" PRId64 " of %" PRId64
					 " places of dimension %d", span(w, i),
					 room + span(w, i), i + 2);
		w->out[i] = room / w->stride[i] + 1;
		/* A window that would begin in the padding behind the input is left out. */
		if (round_up && room % w->stride[i] &&
		    w->out[i] * w->stride[i] < w->in[i] + w->before[i])
			w->out[i]++;
	}
	return ret;
}

void nn_set_slid(const struct nn_call *call, const struct window *w, int64_t channels)
{
	struct nn_shape *out = &call->out[0]->shape;
	int i;

	out->rank = w->n + 2;
	out->dims[0] = call->in[0]->shape.dims[0];
	out->dims[1] = channels;
	for (i = 0; i < w->n; i++)
		out->dims[i + 2] = w->out[i] >= 0 ? w->out[i] : nn_unknown(call);
}

/* ---- Places ---- */

int64_t nn_volume(const int64_t *sizes, int n)
{
	int64_t product = 1;

	while (n--)
		product *= sizes[n];
	return product;
}

void nn_coordinates(int64_t i, const int64_t *sizes, int n, int64_t *at)
{
	while (n--) {
		at[n] = i % sizes[n];
		i /= sizes[n];
	}
}

void nn_find_cells(const struct window *w, const int64_t *at, struct cells *c)
{
	int64_t x, end;
	int i;

	for (i = 0; i < w->n; i++) {
		x = at[i] * w->stride[i] - w->before[i];
		c->first[i] = x < 0 ? (-x + w->dilation[i] - 1) / w->dilation[i] : 0;
		end = x < w->in[i] ? (w->in[i] - 1 - x) / w->dilation[i] + 1 : 0;
		end = end < w->kernel[i] ? end : w->kernel[i];
		c->count[i] = end > c->first[i] ? end - c->first[i] : 0;
	}
	c->all = nn_volume(c->count, w->n);
}

int64_t nn_place_under(const struct window *w, const int64_t *at, const struct cells *c,
			   int64_t i, int64_t *number)
{
	int64_t place = 0, offset[SPATIAL_MAX], cell;
	int k;

	*number = 0;
	nn_coordinates(i, c->count, w->n, offset);
	for (k = 0; k < w->n; k++) {
		cell = c->first[k] + offset[k];
		place = place * w->in[k] + at[k] * w->stride[k] + cell * w->dilation[k] -
			w->before[k];
		*number = *number * w->kernel[k] + cell;
	}
	return place;
}

/* ---- Conv ---- */

/* Kernel sizes from the weights, which must agree with the attribute if there is one. */
static int read_kernel(const struct nn_call *call, struct window *w)
{
	const struct nn_shape *weights = &call->in[1]->shape;
	int64_t given[SPATIAL_MAX];
	int i, ret;

	if (weights->rank >= 0 && weights->rank != w->n + 2)
		return nn_refuse(call, NULL, "its input has %d dimensions, its weights %d", w->n + 2,
				 weights->rank);
	ret = nn_read_sizes(call, "kernel_shape", (size_t)w->n, 1, 1, given);
	for (i = 0; i < w->n && !ret; i++) {
		w->kernel[i] = weights->rank >= 0 ? weights->dims[i + 2] : -1;
		if (w->kernel[i] < 0 && nn_attr_given(call, "kernel_shape"))
			w->kernel[i] = given[i];
		if (w->kernel[i] < 0)
			return 1;
		if (!w->kernel[i] || w->kernel[i] > SIZE_LIMIT ||
		    (nn_attr_given(call, "kernel_shape") && w->kernel[i] != given[i]))
			return nn_refuse(call, NULL, "its weights have size %" PRId64
					 " in dimension %d, which its kernel_shape has not",
					 w->kernel[i], i + 2);
	}
	return ret;
}

static int check_channels(const struct nn_call *call, int64_t channels, int64_t wanted,
			  int64_t group, int64_t multiple)
{
	if (group < 1 || group > SIZE_LIMIT)
		return nn_refuse(call, NULL, "it has %" PRId64 " groups", group);
	if (channels >= 0 && wanted >= 0 && channels != wanted)
		return nn_refuse(call, NULL, "its input has %" PRId64 " channels, its weights are for %"
				 PRId64, channels, wanted);
	if (multiple >= 0 && multiple % group)
		return nn_refuse(call, NULL, "its %" PRId64 " channels do not divide into %" PRId64
				 " groups", multiple, group);
	return 0;
}

int nn_conv_window(const struct nn_call *call, struct window *w)
{
	const struct nn_shape *x = &call->in[0]->shape, *weights = &call->in[1]->shape;
	int64_t group = nn_attr_int(call, "group"), wanted = -1;
	int ret;

	memset(w, 0, sizeof(*w));
	if (x->rank < 0)
		return 1;
	ret = nn_read_window(call, w, x);
	if (!ret)
		ret = read_kernel(call, w);
	if (ret || weights->rank < 0)
		return ret ? ret : 1;
	if (weights->dims[1] >= 0 && __builtin_mul_overflow(weights->dims[1], group, &wanted))
		return nn_refuse(call, NULL, "it has %" PRId64 " groups", group);
	ret = check_channels(call, x->dims[1], wanted, group, weights->dims[0]);
	return ret ? ret : nn_slide(call, w, false);
}

int nn_infer_conv(struct nn_call *call)
{
	struct window w;
	int ret = nn_conv_window(call, &w);

	if (!ret)
		nn_set_slid(call, &w, call->in[1]->shape.dims[0]);
	return ret < 0 ? ret : 0;
}

int nn_check_bias(const struct nn_call *call, const struct nn_tensor *bias, int64_t channels)
{
	if (bias && (bias->shape.rank != 1 || bias->shape.dims[0] != channels))
		return nn_refuse(call, NULL, "its bias is not one number for each of %" PRId64
				 " channels", channels);
	return 0;
}

/* What passes through one window: sums over channels and cells. */
static double convolve(const struct window *w, const struct nn_tensor *x, int64_t first,
		       const struct nn_tensor *weights, int64_t row, int64_t channels,
		       const int64_t *at)
{
	int64_t inside = nn_volume(w->in, w->n), cells = nn_volume(w->kernel, w->n);
	int64_t i, c, place, number;
	struct cells on_input;
	double sum = 0;

	nn_find_cells(w, at, &on_input);
	for (i = 0; i < on_input.all; i++) {
		place = nn_place_under(w, at, &on_input, i, &number);
		for (c = 0; c < channels; c++)
			sum += nn_get(x, (size_t)((first + c) * inside + place)) *
			       nn_get(weights, (size_t)((row * channels + c) * cells + number));
	}
	return sum;
}

int nn_convolve(const struct nn_call *call, const struct nn_tensor *x,
		const struct nn_tensor *weights, const struct nn_tensor *bias, struct nn_tensor *y)
{
	int64_t rows = y->shape.dims[1], channels = weights->shape.dims[1];
	int64_t at[SPATIAL_MAX], i, places, image, row, group;
	struct window w;
	int ret = nn_conv_window(call, &w);

	if (!ret)
		ret = nn_check_bias(call, bias, rows);
	if (ret)
		return ret;
	places = nn_volume(w.out, w.n);
	for (i = 0; i < (int64_t)y->count; i++) {
		nn_coordinates(i % places, w.out, w.n, at);
		row = i / places % rows;
		image = i / places / rows;
		group = row / (rows / nn_attr_int(call, "group"));
		nn_set(y, (size_t)i, (bias ? nn_get(bias, (size_t)row) : 0) +
		       convolve(&w, x, image * x->shape.dims[1] + group * channels, weights, row,
				channels, at));
	}
	return 0;
}

static int evaluate_conv(struct nn_call *call)
{
	return nn_convolve(call, nn_contents(call->in[0]), nn_contents(call->in[1]),
			   nn_contents(nn_in_fact(call, 2)), nn_result(call, 0));
}

/* ---- ConvTranspose ---- */

/*
 * The window of the convolution that this one undoes: its input is our result. 1 if
 * sizes are not known.
 */
static int transposed_window(const struct nn_call *call, struct window *w)
{
	const struct nn_shape *x = &call->in[0]->shape, *weights = &call->in[1]->shape;
	const char *mode = nn_attr_text(call, "auto_pad");
	int64_t group = nn_attr_int(call, "group"), wanted[SPATIAL_MAX], all;
	int i, ret;

	memset(w, 0, sizeof(*w));
	if (x->rank < 0 || weights->rank < 0)
		return 1;
	ret = nn_read_window(call, w, x);
	if (!ret)
		ret = check_mode(call, mode);
	if (!ret)
		ret = read_kernel(call, w);
	if (!ret)
		ret = nn_read_sizes(call, "output_padding", (size_t)w->n, 0, 0, w->more);
	if (!ret)
		ret = nn_read_sizes(call, "output_shape", (size_t)w->n, 0, 0, wanted);
	if (!ret)
		ret = check_channels(call, x->dims[1], weights->dims[0], group, weights->dims[0]);
	for (i = 0; i < w->n && !ret; i++) {
		w->out[i] = w->in[i];
		if (w->out[i] < 0)
			return 1;
		all = (w->out[i] - 1) * w->stride[i] + w->more[i] + span(w, i);
		if (nn_attr_given(call, "output_shape")) {
			share_padding(w, i, all - wanted[i], is_auto(mode) ? mode : "SAME_LOWER");
			w->in[i] = wanted[i];
			continue;
		}
		if (!strcmp(mode, "VALID"))
			w->before[i] = w->after[i] = 0;
		else if (is_auto(mode))
			share_padding(w, i, all - w->out[i] * w->stride[i], mode);
		w->in[i] = all - w->before[i] - w->after[i];
		if (w->in[i] < 0)
			return nn_refuse(call, NULL, "its pads leave nothing of dimension %d", i + 2);
	}
	return ret;
}

static int infer_conv_transpose(struct nn_call *call)
{
	struct nn_shape *out = &call->out[0]->shape;
	const struct nn_shape *weights = &call->in[1]->shape;
	struct window w;
	int i, ret = transposed_window(call, &w);

	if (ret < 0 || call->in[0]->shape.rank < 0 || weights->rank < 0)
		return ret < 0 ? ret : 0;
	out->rank = w.n + 2;
	out->dims[0] = call->in[0]->shape.dims[0];
	out->dims[1] = weights->dims[1] < 0 ? nn_unknown(call) :
		       weights->dims[1] * nn_attr_int(call, "group");
	for (i = 0; i < w.n; i++)
		out->dims[i + 2] = ret ? nn_unknown(call) : w.in[i];
	return 0;
}

/* Spread one element of the input over the sums of one channel of the result. */
static void spread(const struct window *w, double value, const struct nn_tensor *weights,
		   int64_t kernel, const int64_t *at, struct nn_tensor *y, int64_t channel)
{
	int64_t cells = nn_volume(w->kernel, w->n), inside = nn_volume(w->in, w->n);
	double *sums = (double *)y->data + channel * inside;
	int64_t i, place, number;
	struct cells on_input;

	nn_find_cells(w, at, &on_input);
	for (i = 0; i < on_input.all; i++) {
		place = nn_place_under(w, at, &on_input, i, &number);
		sums[place] += value * nn_get(weights, (size_t)(kernel * cells + number));
	}
}

static int evaluate_conv_transpose(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]), *weights = nn_contents(call->in[1]);
	const struct nn_tensor *bias = nn_contents(nn_in_fact(call, 2));
	int64_t channels = x->shape.dims[1], each = weights->shape.dims[1], rows, groups, size;
	int64_t at[SPATIAL_MAX], i, places, image, c, k, group;
	struct nn_tensor *y = nn_result(call, 0), sums;
	struct window w;
	int ret = transposed_window(call, &w);

	groups = nn_attr_int(call, "group");
	rows = each * groups;
	if (!ret)
		ret = nn_check_bias(call, bias, rows);
	if (ret)
		return ret;
	if (nn_tensor_init(&sums, NN_F64, &y->shape))
		return nn_fail_node(call->node, -ENOMEM, NULL, "memory is short");
	places = nn_volume(w.out, w.n);
	size = nn_volume(w.in, w.n);
	for (i = 0; i < (int64_t)x->count; i++) {
		nn_coordinates(i % places, w.out, w.n, at);
		c = i / places % channels;
		image = i / places / channels;
		group = c / (channels / groups);
		for (k = 0; k < each; k++)
			spread(&w, nn_get(x, (size_t)i), weights, c * each + k, at, &sums,
			       image * rows + group * each + k);
	}
	for (i = 0; i < (int64_t)y->count; i++)
		nn_set(y, (size_t)i, nn_get(&sums, (size_t)i) +
		       (bias ? nn_get(bias, (size_t)(i / size % rows)) : 0));
	nn_tensor_release(&sums);
	return 0;
}

/* ---- Col2Im ---- */

/* The window that the columns were cut out by: 1 if its sizes are not known. */
static int column_window(const struct nn_call *call, struct window *w)
{
	int64_t pads[2 * SPATIAL_MAX], image[NN_RANK_MAX], block[NN_RANK_MAX];
	int i, n = nn_ints(call, 1, image, NN_RANK_MAX), count = nn_ints(call, 2, block, NN_RANK_MAX), ret;

	memset(w, 0, sizeof(*w));
	if (n < 0 || count < 0)
		return 1;
	if (n < 1 || n > SPATIAL_MAX || count != n)
		return nn_refuse(call, NULL, "its image has %d dimensions, its blocks %d", n, count);
	w->n = n;
	ret = nn_read_sizes(call, "strides", (size_t)n, 1, 1, w->stride);
	if (!ret)
		ret = nn_read_sizes(call, "dilations", (size_t)n, 1, 1, w->dilation);
	if (!ret)
		ret = nn_read_sizes(call, "pads", 2 * (size_t)n, 0, 0, pads);
	for (i = 0; i < n && !ret; i++) {
		w->in[i] = image[i];
		w->kernel[i] = block[i];
		w->before[i] = pads[i];
		w->after[i] = pads[n + i];
		if (image[i] < 1 || image[i] > SIZE_LIMIT || block[i] < 1 || block[i] > SIZE_LIMIT)
			return nn_refuse(call, NULL, "its image has size %" PRId64 ", its blocks %" PRId64,
					 image[i], block[i]);
		w->out[i] = (image[i] + pads[i] + pads[n + i] - span(w, i)) / w->stride[i] + 1;
		if (image[i] + pads[i] + pads[n + i] < span(w, i))
			return nn_refuse(call, NULL, "its blocks are larger than its image");
	}
	return ret;
}

static int infer_col2im(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	struct nn_shape cells = { 0 }, places = { 0 };
	size_t cell_count, place_count;
	struct window w;
	int i, ret = column_window(call, &w);

	if (ret)
		return ret < 0 ? ret : 0;
	if (in->rank >= 0 && in->rank != 3)
		return nn_refuse(call, NULL, "its input has %d dimensions, not three", in->rank);
	cells.rank = places.rank = w.n;
	memcpy(cells.dims, w.kernel, sizeof(w.kernel));
	memcpy(places.dims, w.out, sizeof(w.out));
	if (!nn_shape_count(&cells, &cell_count) || !nn_shape_count(&places, &place_count))
		return nn_fail_node(call->node, -EFBIG, NULL, "its image is too large");
	out->rank = w.n + 2;
	out->dims[0] = in->rank == 3 && in->dims[0] >= 0 ? in->dims[0] : nn_unknown(call);
	out->dims[1] = nn_unknown(call);
	for (i = 0; i < w.n; i++)
		out->dims[i + 2] = w.in[i];
	if (in->rank != 3)
		return 0;
	if ((in->dims[1] >= 0 && (size_t)in->dims[1] % cell_count) ||
	    (in->dims[2] >= 0 && (size_t)in->dims[2] != place_count))
		return nn_refuse(call, NULL, "its columns do not fit %zu cells in %zu places", cell_count,
				 place_count);
	if (in->dims[1] >= 0)
		out->dims[1] = in->dims[1] / (int64_t)cell_count;
	return 0;
}

static int evaluate_col2im(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct nn_tensor *y = nn_result(call, 0), sums;
	int64_t at[SPATIAL_MAX], cells, places, inside, i, k, number, to, images;
	struct cells on_image;
	struct window w;
	int ret = column_window(call, &w);

	if (ret || !y->count)
		return ret;
	if (nn_tensor_init(&sums, NN_F64, &y->shape))
		return nn_no_memory(call);
	cells = nn_volume(w.kernel, w.n);
	places = nn_volume(w.out, w.n);
	inside = nn_volume(w.in, w.n);
	images = y->shape.dims[0] * y->shape.dims[1];
	for (i = 0; i < images * places; i++) {
		nn_coordinates(i % places, w.out, w.n, at);
		nn_find_cells(&w, at, &on_image);
		for (k = 0; k < on_image.all; k++) {
			to = i / places * inside + nn_place_under(&w, at, &on_image, k, &number);
			((double *)sums.data)[to] += nn_get(x, (size_t)((i / places * cells + number) *
									places + i % places));
		}
	}
	for (i = 0; i < (int64_t)y->count; i++)
		nn_set(y, (size_t)i, ((double *)sums.data)[i]);
	nn_tensor_release(&sums);
	return 0;
}

/* ---- BatchNormalization ---- */

static bool is_training(const struct nn_call *call)
{
	return call->node->opset >= 14 && nn_attr_int(call, "training_mode");
}

static int infer_batch_norm(struct nn_call *call)
{
	size_t i;

	if (call->node->opset < 9 && !nn_attr_int(call, "spatial"))
		return nn_fail_node(call->node, -ENOTSUP, "export the model for inference",
				    "it is for training");
	/* In training it takes mean and variance from its input, and gives running ones. */
	if (is_training(call)) {
		for (i = 1; i < call->node->output_count; i++)
			if (call->out[i])
				call->out[i]->shape = call->in[3]->shape;
		call->out[0]->shape = call->in[0]->shape;
		return 0;
	}
	for (i = 1; i < call->node->output_count; i++)
		if (call->out[i])
			return nn_fail_node(call->node, -ENOTSUP, "export the model for inference",
					    "it has results that only training needs");
	return nn_infer_same(call);
}

/* Of one channel of all images. */
static void find_moments(const struct nn_tensor *x, size_t channel, size_t channels, size_t inside,
			 double *mean, double *variance)
{
	size_t images = x->count / channels / inside, i, k;
	double count = (double)(images * inside), off;

	*mean = *variance = 0;
	for (i = 0; i < images; i++)
		for (k = 0; k < inside; k++)
			*mean += nn_get(x, (i * channels + channel) * inside + k) / count;
	for (i = 0; i < images; i++) {
		for (k = 0; k < inside; k++) {
			off = nn_get(x, (i * channels + channel) * inside + k) - *mean;
			*variance += off * off / count;
		}
	}
}

static void train(const struct nn_call *call, const struct nn_tensor *const *p, size_t channels,
		  size_t inside)
{
	double momentum = nn_attr_float(call, "momentum"), epsilon = nn_attr_float(call, "epsilon");
	const struct nn_tensor *x = nn_contents(call->in[0]);
	struct nn_tensor *y = nn_result(call, 0);
	double mean, variance, factor;
	size_t c, i;

	for (c = 0; c < channels && x->count; c++) {
		find_moments(x, c, channels, inside, &mean, &variance);
		factor = nn_get(p[0], c) / sqrt(variance + epsilon);
		for (i = 0; i < x->count; i++)
			if (i / inside % channels == c)
				nn_set(y, i, (nn_get(x, i) - mean) * factor + nn_get(p[1], c));
		if (nn_result(call, 1))
			nn_set(nn_result(call, 1), c,
			       nn_get(p[2], c) * momentum + mean * (1 - momentum));
		if (nn_result(call, 2))
			nn_set(nn_result(call, 2), c,
			       nn_get(p[3], c) * momentum + variance * (1 - momentum));
	}
}

static int evaluate_batch_norm(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]), *p[4];
	double epsilon = nn_attr_float(call, "epsilon"), factor;
	struct nn_tensor *y = nn_result(call, 0);
	size_t channels, inside, i, k;

	channels = x->shape.rank > 1 ? (size_t)x->shape.dims[1] : 1;
	for (i = 0; i < 4; i++) {
		p[i] = nn_contents(call->in[i + 1]);
		if (p[i]->count != channels)
			return nn_refuse(call, NULL, "its input %s has %zu elements for %zu channels",
					 call->node->op->inputs[i + 1].name, p[i]->count, channels);
	}
	for (i = 2, inside = 1; (int)i < x->shape.rank; i++)
		inside *= (size_t)x->shape.dims[i];
	if (is_training(call)) {
		train(call, p, channels, inside);
		return 0;
	}
	for (i = 0; i < x->count; i++) {
		k = i / inside % channels;
		factor = nn_get(p[0], k) / sqrt(nn_get(p[3], k) + epsilon);
		nn_set(y, i, (nn_get(x, i) - nn_get(p[2], k)) * factor + nn_get(p[1], k));
	}
	return 0;
}

/* ---- Table ---- */

#define X		{ "X", 'T', NN_FLOATS, NN_ONE }
#define Y		NN_PORTS({ "Y", 'T', NN_FLOATS, NN_ONE })
#define XWB		NN_PORTS(X, { "W", 'T', NN_FLOATS, NN_ONE }, { "B", 'T', NN_FLOATS, NN_OPTIONAL })
#define BATCH_NORM(v, s, u, ...) \
	{ .name = "BatchNormalization", .since = v, \
	  .inputs = NN_PORTS({ "X", 'T', NN_FLOATS, NN_ONE }, { "scale", s, NN_FLOATS, NN_ONE }, \
			     { "B", s, NN_FLOATS, NN_ONE }, \
			     { "input_mean", u, NN_FLOATS, NN_ONE }, \
			     { "input_var", u, NN_FLOATS, NN_ONE }), \
	  .outputs = NN_PORTS({ "Y", 'T', NN_FLOATS, NN_ONE }, \
			      { "mean", u, NN_FLOATS, NN_OPTIONAL }, \
			      { "var", u, NN_FLOATS, NN_OPTIONAL }, \
			      { "saved_mean", u, NN_FLOATS, NN_OPTIONAL }, \
			      { "saved_var", u, NN_FLOATS, NN_OPTIONAL }), \
	  .attrs = NN_ATTRS(NN_FLOAT("epsilon", 1e-5f), NN_FLOAT("momentum", 0.9f), ##__VA_ARGS__), \
	  .infer = infer_batch_norm, .evaluate = evaluate_batch_norm }

const struct nn_op nn_ops_window[] = {
	{ .name = "Conv", .since = 1, .inputs = XWB, .outputs = Y,
	  .attrs = NN_ATTRS(WINDOW_ATTRS, NN_OPTIONAL_ATTR("kernel_shape", INTS), NN_INT("group", 1)),
	  .costly = true,
	  .infer = nn_infer_conv, .evaluate = evaluate_conv },
	{ .name = "ConvTranspose", .since = 1, .inputs = XWB, .outputs = Y,
	  .attrs = NN_ATTRS(WINDOW_ATTRS, NN_OPTIONAL_ATTR("kernel_shape", INTS), NN_INT("group", 1),
			    NN_OPTIONAL_ATTR("output_padding", INTS),
			    NN_OPTIONAL_ATTR("output_shape", INTS)),
	  .costly = true,
	  .infer = infer_conv_transpose, .evaluate = evaluate_conv_transpose },
	{ .name = "Col2Im", .since = 18, .costly = true,
	  .inputs = NN_PORTS({ "input", 'T', NN_NUMBERS, NN_ONE },
			     { "image_shape", 0, NN_SET(NN_I64), NN_ONE },
			     { "block_shape", 0, NN_SET(NN_I64), NN_ONE }),
	  .outputs = NN_PORTS({ "output", 'T', NN_NUMBERS, NN_ONE }),
	  .attrs = NN_ATTRS(NN_OPTIONAL_ATTR("dilations", INTS), NN_OPTIONAL_ATTR("pads", INTS),
			    NN_OPTIONAL_ATTR("strides", INTS)),
	  .infer = infer_col2im, .evaluate = evaluate_col2im },
	BATCH_NORM(7, 'T', 'T', NN_INT("spatial", 1)),
	BATCH_NORM(9, 'T', 'T'),
	BATCH_NORM(14, 'T', 'T', NN_INT("training_mode", 0)),
	BATCH_NORM(15, 'S', 'U', NN_INT("training_mode", 0)),
	{ 0 }
};
