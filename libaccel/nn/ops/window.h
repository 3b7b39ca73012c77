/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef NN_OPS_WINDOW_H
#define NN_OPS_WINDOW_H

/*
 * What operators share that move a window over the dimensions behind batch and channel
 * (window.c).
 */

#include "../op.h"

#define SPATIAL_MAX	(NN_RANK_MAX - 2)

struct window {
	int n;				/* dimensions */
	int64_t in[SPATIAL_MAX], out[SPATIAL_MAX];
	int64_t kernel[SPATIAL_MAX], stride[SPATIAL_MAX], dilation[SPATIAL_MAX];
	int64_t before[SPATIAL_MAX], after[SPATIAL_MAX];	/* padding */
	int64_t more[SPATIAL_MAX];	/* output_padding of ConvTranspose */
};

/*
 * The cells of a window that lie on the input. Others are not looked at, however large the
 * window is.
 */
struct cells {
	int64_t first[SPATIAL_MAX], count[SPATIAL_MAX];
	int64_t all;
};

/* An attribute of `wanted` numbers from `low` on; `normal` if it is not there. */
int nn_read_sizes(const struct nn_call *call, const char *name, size_t wanted, int64_t low,
		  int64_t normal, int64_t *sizes);
/* Everything but the sizes of the kernel and of the result. */
int nn_read_window(const struct nn_call *call, struct window *w, const struct nn_shape *in);
/* Sizes of the result of a convolution or of pooling, -1 where the input's is not known. */
int nn_slide(const struct nn_call *call, struct window *w, bool round_up);
/* The result's shape, if it has so many channels. */
void nn_set_slid(const struct nn_call *call, const struct window *w, int64_t channels);

int64_t nn_volume(const int64_t *sizes, int n);
void nn_coordinates(int64_t i, const int64_t *sizes, int n, int64_t *at);
void nn_find_cells(const struct window *w, const int64_t *at, struct cells *c);
/* The place in the input under the i-th of these cells, and its number in the window. */
int64_t nn_place_under(const struct window *w, const int64_t *at, const struct cells *c,
		       int64_t i, int64_t *number);

/* Conv of inputs 0 and 1 of a call, which may be made up, with its attributes. */
int nn_infer_conv(struct nn_call *call);
/* With the sizes of the window: 1 if they are not known yet. */
int nn_conv_window(const struct nn_call *call, struct window *w);
int nn_convolve(const struct nn_call *call, const struct nn_tensor *x,
		const struct nn_tensor *weights, const struct nn_tensor *bias, struct nn_tensor *y);
/* A bias for each channel; missing ones are zero. */
int nn_check_bias(const struct nn_call *call, const struct nn_tensor *bias, int64_t channels);

/* For tables. */
#define WINDOW_ATTRS \
	NN_TEXT("auto_pad", "NOTSET"), NN_OPTIONAL_ATTR("pads", INTS), \
	NN_OPTIONAL_ATTR("strides", INTS), NN_OPTIONAL_ATTR("dilations", INTS)

#endif /* NN_OPS_WINDOW_H */
