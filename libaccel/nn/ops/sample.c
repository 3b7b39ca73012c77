// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Operators that look at images between their pixels: GridSample and the grids for it, RoiAlign,
 * and deformable convolutions.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cubic.h"
#include "window.h"

/* One channel of an image: `n` dimensions, from element `first` on. */
struct image {
	const struct nn_tensor *x;
	size_t first;
	int n;
	const int64_t *size;
};

/* ---- GridSample ---- */

enum { ZEROS, BORDER, REFLECTION };

struct sampling {
	struct image image;
	enum { NEAREST, LINEAR, CUBIC } mode;
	int padding;
	bool align;
};

static int find_text(const char *text, const char *const *texts)
{
	int i;

	for (i = 0; texts[i]; i++)
		if (!strcmp(texts[i], text))
			return i;
	return -1;
}

static int read_sampling(const struct nn_call *call, struct sampling *s)
{
	static const char *const modes[] = { "nearest", "linear", "cubic", NULL };
	static const char *const old_modes[] = { "nearest", "bilinear", "bicubic", NULL };
	static const char *const paddings[] = { "zeros", "border", "reflection", NULL };
	int mode = find_text(nn_attr_text(call, "mode"), call->node->opset < 20 ? old_modes : modes);

	s->padding = find_text(nn_attr_text(call, "padding_mode"), paddings);
	s->align = nn_attr_int(call, "align_corners");
	if (mode < 0 || s->padding < 0)
		return nn_refuse(call, NULL, "its mode or padding_mode is something that ONNX does not have");
	s->mode = mode == 0 ? NEAREST : mode == 1 ? LINEAR : CUBIC;
	return 0;
}

static int infer_grid_sample(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape, *grid = &call->in[1]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	struct sampling s;
	int i, ret = read_sampling(call, &s);

	if (ret || in->rank < 0 || grid->rank < 0)
		return ret;
	if (in->rank < 3 || grid->rank != in->rank || (call->node->opset < 20 && in->rank != 4))
		return nn_refuse(call, NULL, "its inputs have %d and %d dimensions", in->rank, grid->rank);
	if ((grid->dims[in->rank - 1] >= 0 && grid->dims[in->rank - 1] != in->rank - 2) ||
	    (grid->dims[0] >= 0 && in->dims[0] >= 0 && grid->dims[0] != in->dims[0]))
		return nn_refuse(call, NULL, "its grid does not fit its input");
	out->rank = in->rank;
	out->dims[0] = in->dims[0];
	out->dims[1] = in->dims[1];
	for (i = 2; i < in->rank; i++)
		out->dims[i] = grid->dims[i - 1];
	return 0;
}

/* Back and forth between two borders. */
static double reflect(double x, double low, double high)
{
	double range = high - low, past, turns, rest;

	if (x >= low && x <= high)
		return x;
	past = x < low ? low - x : x - high;
	turns = floor(past / range);
	rest = past - turns * range;
	return (fmod(turns, 2) == 0) == (x < low) ? low + rest : high - rest;
}

static double clamp(double x, double low, double high)
{
	return x < low ? low : x > high ? high : x;
}

/* An element at a place that may be outside. */
static double pixel_at(const struct sampling *s, const double *at)
{
	size_t place = 0;
	double x;
	int i;

	for (i = 0; i < s->image.n; i++) {
		double last = (double)(s->image.size[i] - 1);

		x = at[i];
		if (s->padding == BORDER)
			x = clamp(x, 0, last);
		else if (s->padding == REFLECTION)
			x = trunc(reflect(x, s->align ? 0 : -0.5, s->align ? last : last + 0.5));
		if (!(x >= 0 && x <= last))
			return 0;
		place = place * (size_t)s->image.size[i] + (size_t)x;
	}
	return nn_get(s->image.x, s->image.first + place);
}

/* The weighted sum of the pixels around a place, along dimensions from `i` on. */
static double interpolate(const struct sampling *s, const double *where, double *at, int i)
{
	int k, first = s->mode == CUBIC ? -1 : 0, last = s->mode == CUBIC ? 2 : 1;
	double sum = 0, low, weight;

	if (i == s->image.n)
		return pixel_at(s, at);
	low = floor(where[i]);
	for (k = first; k <= last; k++) {
		at[i] = low + k;
		weight = s->mode == CUBIC ? nn_cubic(-0.75, where[i] - at[i]) :
			 1 - fabs(where[i] - at[i]);
		if (weight != 0)
			sum += weight * interpolate(s, where, at, i + 1);
	}
	return sum;
}

static double sample(const struct sampling *s, const struct nn_tensor *grid, size_t from)
{
	double where[SPATIAL_MAX], at[SPATIAL_MAX], last;
	int i;

	for (i = 0; i < s->image.n; i++) {
		/* Grids have the last dimension first. */
		double x = nn_get(grid, from + (size_t)(s->image.n - 1 - i));

		last = (double)(s->image.size[i] - 1);
		where[i] = s->align ? (x + 1) / 2 * last : ((x + 1) * (last + 1) - 1) / 2;
		if (s->mode == NEAREST)
			where[i] = nearbyint(where[i]);
		if (!isfinite(where[i]))
			return s->padding == ZEROS || isnan(where[i]) ? 0 : NAN;
		if (s->padding == BORDER && (where[i] < (s->align ? 0 : -0.5) ||
					     where[i] > (s->align ? last : last + 0.5)))
			where[i] = clamp(where[i], 0, last);
		else if (s->padding == REFLECTION && last > 0)
			where[i] = reflect(where[i], s->align ? 0 : -0.5, s->align ? last : last + 0.5);
	}
	return s->mode == NEAREST ? pixel_at(s, where) : interpolate(s, where, at, 0);
}

static int evaluate_grid_sample(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]), *grid = nn_contents(call->in[1]);
	struct nn_tensor *y = nn_result(call, 0);
	size_t i, inside, places, channels = (size_t)x->shape.dims[1];
	struct sampling s = {
		.image = { .x = x, .n = x->shape.rank - 2, .size = x->shape.dims + 2 },
	};
	int k, ret = read_sampling(call, &s);

	if (ret || !y->count)
		return ret;
	inside = (size_t)nn_volume(s.image.size, s.image.n);
	places = (size_t)nn_volume(y->shape.dims + 2, s.image.n);
	for (k = 0; k < s.image.n; k++)
		if (!s.image.size[k])
			return nn_refuse(call, NULL, "dimension %d of its input is empty", k + 2);
	for (i = 0; i < y->count; i++) {
		s.image.first = i / places * inside;
		nn_set(y, i, sample(&s, grid, (i / places / channels * places + i % places) *
				    (size_t)s.image.n));
	}
	return 0;
}

/* ---- AffineGrid ---- */

static int infer_affine_grid(struct nn_call *call)
{
	struct nn_shape *out = &call->out[0]->shape;
	const struct nn_shape *theta = &call->in[0]->shape;
	int64_t size[5];
	int i, count = nn_ints(call, 1, size, 5);

	if (count < 0)
		return 0;
	if (count != 4 && count != 5)
		return nn_refuse(call, NULL, "its size has %d numbers, not four or five", count);
	for (i = 0; i < count; i++)
		if (size[i] < 0)
			return nn_refuse(call, NULL, "it is asked for size %" PRId64, size[i]);
	if (nn_shape_known(theta) && (theta->rank != 3 || theta->dims[0] != size[0] ||
				      theta->dims[1] != count - 2 || theta->dims[2] != count - 1))
		return nn_refuse(call, NULL, "its theta is not a matrix of %d rows for each of %" PRId64
				 " images", count - 2, size[0]);
	out->rank = count;
	out->dims[0] = size[0];
	for (i = 2; i < count; i++)
		out->dims[i - 1] = size[i];
	out->dims[count - 1] = count - 2;
	return 0;
}

static int evaluate_affine_grid(struct nn_call *call)
{
	const struct nn_tensor *theta = nn_contents(call->in[0]);
	bool align = nn_attr_int(call, "align_corners");
	struct nn_tensor *y = nn_result(call, 0);
	int64_t at[SPATIAL_MAX], n = y->shape.rank - 2, size, k;
	size_t i, row, places;
	double sum, place;

	if (!y->count)
		return 0;
	places = (size_t)nn_volume(y->shape.dims + 1, (int)n);
	for (i = 0; i < y->count; i++) {
		row = (i / (size_t)n / places * (size_t)n + i % (size_t)n) * ((size_t)n + 1);
		nn_coordinates((int64_t)(i / (size_t)n % places), y->shape.dims + 1, (int)n, at);
		sum = nn_get(theta, row + (size_t)n);
		for (k = 0; k < n; k++) {
			size = y->shape.dims[n - k];
			place = align ? (size > 1 ? 2.0 * (double)at[n - 1 - k] / (double)(size - 1) - 1 : -1) :
				(2.0 * (double)at[n - 1 - k] + 1) / (double)size - 1;
			sum += nn_get(theta, row + (size_t)k) * place;
		}
		nn_set(y, i, sum);
	}
	return 0;
}

/* ---- RoiAlign ---- */

/* More samples in a bin are refused: a region would have to be larger than any image. */
#define SAMPLES_MAX	((double)(1 << 16))

struct roi_align {
	int64_t rows, columns, ratio;
	double scale;
	bool half, most;
};

static int read_roi_align(const struct nn_call *call, struct roi_align *r)
{
	static const char *const modes[] = { "avg", "max", NULL };
	static const char *const places[] = { "output_half_pixel", "half_pixel", NULL };
	int mode = find_text(nn_attr_text(call, "mode"), modes);
	int place = call->node->opset < 16 ? 0 :
		    find_text(nn_attr_text(call, "coordinate_transformation_mode"), places);

	r->rows = nn_attr_int(call, "output_height");
	r->columns = nn_attr_int(call, "output_width");
	r->ratio = nn_attr_int(call, "sampling_ratio");
	r->scale = nn_attr_float(call, "spatial_scale");
	r->half = place == 1;
	r->most = mode == 1;
	if (mode < 0 || place < 0)
		return nn_refuse(call, NULL, "its mode or coordinate_transformation_mode is something "
				 "that ONNX does not have");
	if (r->rows < 1 || r->columns < 1 || r->rows > INT32_MAX || r->columns > INT32_MAX ||
	    r->ratio < 0 || (double)r->ratio > SAMPLES_MAX)
		return nn_refuse(call, NULL, "its sizes are %" PRId64 " and %" PRId64 ", its "
				 "sampling_ratio %" PRId64, r->rows, r->columns, r->ratio);
	return 0;
}

static int infer_roi_align(struct nn_call *call)
{
	const struct nn_shape *in = &call->in[0]->shape, *rois = &call->in[1]->shape;
	const struct nn_shape *images = &call->in[2]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	struct roi_align r;
	int ret = read_roi_align(call, &r);

	if (ret)
		return ret;
	if ((in->rank >= 0 && in->rank != 4) || (rois->rank >= 0 && rois->rank != 2) ||
	    (rois->rank == 2 && rois->dims[1] >= 0 && rois->dims[1] != 4) ||
	    (images->rank >= 0 && images->rank != 1))
		return nn_refuse(call, NULL, "its input is not of images, or its regions have not four "
				 "numbers each");
	if (rois->rank == 2 && images->rank == 1 && rois->dims[0] >= 0 && images->dims[0] >= 0 &&
	    rois->dims[0] != images->dims[0])
		return nn_refuse(call, NULL, "it has %" PRId64 " regions in %" PRId64 " images",
				 rois->dims[0], images->dims[0]);
	*out = (struct nn_shape){ .rank = 4 };
	out->dims[0] = rois->rank == 2 && rois->dims[0] >= 0 ? rois->dims[0] : nn_unknown(call);
	out->dims[1] = in->rank == 4 && in->dims[1] >= 0 ? in->dims[1] : nn_unknown(call);
	out->dims[2] = r.rows;
	out->dims[3] = r.columns;
	return 0;
}

/* Between the four pixels around a place: their mean, or the largest of its parts. */
static double between(const struct image *image, double row, double column, bool most)
{
	const int64_t *size = image->size;
	double parts[4], down, right;
	int64_t y, x, y2, x2;

	if (!(row >= -1 && row <= (double)size[0] && column >= -1 && column <= (double)size[1]))
		return 0;
	row = clamp(row, 0, (double)(size[0] - 1));
	column = clamp(column, 0, (double)(size[1] - 1));
	y = (int64_t)row;
	x = (int64_t)column;
	down = row - (double)y;
	right = column - (double)x;
	y2 = y + 1 < size[0] ? y + 1 : y;
	x2 = x + 1 < size[1] ? x + 1 : x;
	parts[0] = (1 - down) * (1 - right) * nn_get(image->x, image->first + (size_t)(y * size[1] + x));
	parts[1] = (1 - down) * right * nn_get(image->x, image->first + (size_t)(y * size[1] + x2));
	parts[2] = down * (1 - right) * nn_get(image->x, image->first + (size_t)(y2 * size[1] + x));
	parts[3] = down * right * nn_get(image->x, image->first + (size_t)(y2 * size[1] + x2));
	return most ? fmax(fmax(parts[0], parts[1]), fmax(parts[2], parts[3])) :
		      parts[0] + parts[1] + parts[2] + parts[3];
}

/* A bin: samples in even distances, from its beginning on. */
struct bin {
	double row, column;	/* of the bin's first corner */
	double height, width;
	int64_t down, right;	/* samples */
};

static double sum_bin(const struct image *image, const struct bin *bin, bool most)
{
	double result = most ? -INFINITY : 0, value;
	int64_t i, k;

	for (i = 0; i < bin->down; i++) {
		for (k = 0; k < bin->right; k++) {
			value = between(image,
					bin->row + ((double)i + 0.5) * bin->height / (double)bin->down,
					bin->column + ((double)k + 0.5) * bin->width / (double)bin->right,
					most);
			result = most ? fmax(result, value) : result + value;
		}
	}
	if (!bin->down || !bin->right)
		return 0;
	return most ? result : result / (double)(bin->down * bin->right);
}

static int align_region(struct nn_call *call, const struct roi_align *r, size_t region, size_t image)
{
	const struct nn_tensor *x = nn_contents(call->in[0]), *rois = nn_contents(call->in[1]);
	double off = r->half ? 0.5 : 0, first[2], size[2];
	struct image plane = { .x = x, .n = 2, .size = x->shape.dims + 2 };
	size_t channels = (size_t)x->shape.dims[1], inside, c, at;
	struct nn_tensor *y = nn_result(call, 0);
	struct bin bin;
	int64_t row, column;
	int i;

	for (i = 0; i < 2; i++) {
		/* Regions are x1, y1, x2, y2. */
		first[i] = nn_get(rois, region * 4 + (size_t)(1 - i)) * r->scale - off;
		size[i] = nn_get(rois, region * 4 + (size_t)(3 - i)) * r->scale - off - first[i];
		if (!r->half)
			size[i] = fmax(size[i], 1);
	}
	bin.height = size[0] / (double)r->rows;
	bin.width = size[1] / (double)r->columns;
	if (!r->ratio && !(fabs(bin.height) < SAMPLES_MAX && fabs(bin.width) < SAMPLES_MAX))
		return nn_refuse(call, NULL, "region %zu is %g by %g pixels", region, size[0], size[1]);
	bin.down = r->ratio ? r->ratio : (int64_t)ceil(fmax(bin.height, 0));
	bin.right = r->ratio ? r->ratio : (int64_t)ceil(fmax(bin.width, 0));
	inside = (size_t)nn_volume(plane.size, 2);
	for (c = 0; c < channels; c++) {
		plane.first = (image * channels + c) * inside;
		at = (region * channels + c) * (size_t)(r->rows * r->columns);
		for (row = 0; row < r->rows; row++) {
			for (column = 0; column < r->columns; column++) {
				bin.row = first[0] + (double)row * bin.height;
				bin.column = first[1] + (double)column * bin.width;
				nn_set(y, at++, sum_bin(&plane, &bin, r->most));
			}
		}
	}
	return 0;
}

static int evaluate_roi_align(struct nn_call *call)
{
	const struct nn_tensor *x = nn_contents(call->in[0]), *images = nn_contents(call->in[2]);
	struct roi_align r;
	int64_t image;
	size_t i;
	int ret = read_roi_align(call, &r);

	if (!ret && nn_result(call, 0)->count && !x->count)
		ret = nn_refuse(call, NULL, "its input is empty");
	for (i = 0; i < images->count && x->count && !ret; i++) {
		ret = nn_index(call, nn_get_int(images, i), x->shape.dims[0], &image);
		if (!ret)
			ret = align_region(call, &r, i, (size_t)image);
	}
	return ret;
}

/* ---- DeformConv ---- */

enum { X, WEIGHTS, OFFSETS, BIAS, MASK };

struct deforming {
	struct window w;
	const struct nn_tensor *x, *weights, *offsets, *mask;
	int64_t groups;		/* of offsets */
	int64_t cells, places;	/* of the window; of the result */
};

static int infer_deform(struct nn_call *call)
{
	int64_t groups = nn_attr_int(call, "offset_group"), channels = -1;

	if (call->in[X]->shape.rank >= 2)
		channels = call->in[X]->shape.dims[1];
	if (groups < 1 || (channels >= 0 && channels % groups))
		return nn_refuse(call, NULL, "its %" PRId64 " channels do not divide into %" PRId64
				 " groups of offsets", channels, groups);
	return nn_infer_conv(call);
}

/* Linear between all corners of the cell around a place; beyond the image is nothing. */
static double blend(const struct image *image, const double *where)
{
	double sum = 0, weight;
	int corner, i;

	for (corner = 0; corner < 1 << image->n; corner++) {
		size_t place = 0;

		for (i = 0, weight = 1; i < image->n && weight != 0; i++) {
			double low = floor(where[i]), at = low + (corner >> i & 1);

			weight *= 1 - fabs(where[i] - at);
			if (!(at >= 0 && at < (double)image->size[i]))
				weight = 0;
			else
				place = place * (size_t)image->size[i] + (size_t)at;
		}
		if (weight != 0)
			sum += weight * nn_get(image->x, image->first + place);
	}
	return sum;
}

/* The image's channel under cell `cell` of the window at `at`, moved by its offsets. */
static double look(const struct deforming *d, size_t image, int64_t channel, int64_t cell,
		   const int64_t *at, int64_t place)
{
	const struct window *w = &d->w;
	int64_t channels = d->x->shape.dims[1], group = channel / (channels / d->groups);
	int64_t inside[SPATIAL_MAX];
	struct image plane = {
		.x = d->x, .n = w->n, .size = w->in,
		.first = (image * (size_t)channels + (size_t)channel) * (size_t)nn_volume(w->in, w->n),
	};
	size_t base = image * (size_t)d->groups + (size_t)group;
	double where[SPATIAL_MAX], value;
	int i;

	nn_coordinates(cell, w->kernel, w->n, inside);
	for (i = 0; i < w->n; i++)
		where[i] = (double)(at[i] * w->stride[i] - w->before[i] + inside[i] * w->dilation[i]) +
			nn_get(d->offsets, ((base * (size_t)d->cells + (size_t)cell) * (size_t)w->n +
					    (size_t)i) * (size_t)d->places + (size_t)place);
	value = blend(&plane, where);
	return d->mask ? value * nn_get(d->mask, (base * (size_t)d->cells + (size_t)cell) *
					(size_t)d->places + (size_t)place) : value;
}

static int check_deform(const struct nn_call *call, struct deforming *d)
{
	size_t images = (size_t)d->x->shape.dims[0];
	size_t each = images * (size_t)d->groups * (size_t)d->cells * (size_t)d->places;

	if (d->offsets->count != each * (size_t)d->w.n)
		return nn_refuse(call, NULL, "it has %zu offsets, where its window asks for %zu",
				 d->offsets->count, each * (size_t)d->w.n);
	if (d->mask && d->mask->count != each)
		return nn_refuse(call, NULL, "its mask has %zu numbers, where its window asks for %zu",
				 d->mask->count, each);
	return nn_check_bias(call, nn_contents(nn_in_fact(call, BIAS)), call->out[0]->shape.dims[1]);
}

static double sum_cells(const struct deforming *d, size_t image, int64_t row, int64_t first,
			const int64_t *at, int64_t place)
{
	int64_t channels = d->weights->shape.dims[1], c, cell;
	double sum = 0;

	for (c = 0; c < channels; c++)
		for (cell = 0; cell < d->cells; cell++)
			sum += look(d, image, first + c, cell, at, place) *
			       nn_get(d->weights, (size_t)((row * channels + c) * d->cells + cell));
	return sum;
}

static int evaluate_deform(struct nn_call *call)
{
	const struct nn_tensor *bias = nn_contents(nn_in_fact(call, BIAS));
	struct nn_tensor *y = nn_result(call, 0);
	struct deforming d = {
		.x = nn_contents(call->in[X]), .weights = nn_contents(call->in[WEIGHTS]),
		.offsets = nn_contents(call->in[OFFSETS]),
		.mask = nn_contents(nn_in_fact(call, MASK)),
		.groups = nn_attr_int(call, "offset_group"),
	};
	int64_t rows = y->shape.dims[1], at[SPATIAL_MAX], row, i, group;
	int ret = nn_conv_window(call, &d.w);

	if (ret || !y->count)
		return ret;
	d.cells = nn_volume(d.w.kernel, d.w.n);
	d.places = nn_volume(d.w.out, d.w.n);
	ret = check_deform(call, &d);
	for (i = 0; i < (int64_t)y->count && !ret; i++) {
		nn_coordinates(i % d.places, d.w.out, d.w.n, at);
		row = i / d.places % rows;
		group = row / (rows / nn_attr_int(call, "group"));
		nn_set(y, (size_t)i, (bias ? nn_get(bias, (size_t)row) : 0) +
		       sum_cells(&d, (size_t)(i / d.places / rows), row,
				 group * d.weights->shape.dims[1], at, i % d.places));
	}
	return ret;
}

/* ---- Table ---- */

#define FLOATS(n)	{ n, 'T', NN_FLOATS, NN_ONE }
#define GRID_SAMPLE(v, mode) \
	{ .name = "GridSample", .since = v, .costly = true, \
	  .inputs = NN_PORTS({ "X", 'T', NN_NUMBERS | NN_SET(NN_BOOL), NN_ONE }, \
			     { "grid", 0, NN_FLOATS, NN_ONE }), \
	  .outputs = NN_PORTS({ "Y", 'T', NN_NUMBERS | NN_SET(NN_BOOL), NN_ONE }), \
	  .attrs = NN_ATTRS(NN_INT("align_corners", 0), NN_TEXT("mode", mode), \
			    NN_TEXT("padding_mode", "zeros")), \
	  .infer = infer_grid_sample, .evaluate = evaluate_grid_sample }
#define ROI_ALIGN(v, ...) \
	{ .name = "RoiAlign", .since = v, .costly = true, \
	  .inputs = NN_PORTS(FLOATS("X"), FLOATS("rois"), \
			     { "batch_indices", 0, NN_SET(NN_I64), NN_ONE }), \
	  .outputs = NN_PORTS(FLOATS("Y")), \
	  .attrs = NN_ATTRS(NN_TEXT("mode", "avg"), NN_INT("output_height", 1), \
			    NN_INT("output_width", 1), NN_INT("sampling_ratio", 0), \
			    NN_FLOAT("spatial_scale", 1), ##__VA_ARGS__), \
	  .infer = infer_roi_align, .evaluate = evaluate_roi_align }

const struct nn_op nn_ops_sample[] = {
	GRID_SAMPLE(16, "bilinear"),
	GRID_SAMPLE(20, "linear"),
	{ .name = "AffineGrid", .since = 20,
	  .inputs = NN_PORTS(FLOATS("theta"), { "size", 0, NN_SET(NN_I64), NN_ONE }),
	  .outputs = NN_PORTS(FLOATS("grid")), .attrs = NN_ATTRS(NN_INT("align_corners", 0)),
	  .infer = infer_affine_grid, .evaluate = evaluate_affine_grid },
	ROI_ALIGN(10),
	ROI_ALIGN(16, NN_TEXT("coordinate_transformation_mode", "half_pixel")),
	{ .name = "DeformConv", .since = 19, .costly = true,
	  .inputs = NN_PORTS(FLOATS("X"), FLOATS("W"), FLOATS("offset"),
			     { "B", 'T', NN_FLOATS, NN_OPTIONAL }, { "mask", 'T', NN_FLOATS, NN_OPTIONAL }),
	  .outputs = NN_PORTS(FLOATS("Y")),
	  .attrs = NN_ATTRS(WINDOW_ATTRS, NN_OPTIONAL_ATTR("kernel_shape", INTS), NN_INT("group", 1),
			    NN_INT("offset_group", 1)),
	  .infer = infer_deform, .evaluate = evaluate_deform },
	{ 0 }
};
