// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* Operators that move blocks about in a fixed way, each element once or several times. */
#include <string.h>

#include "move.h"

/* Strides in bytes of a dense tensor of some dimensions. */
static void dense(int rank, const int64_t *dims, int64_t size, int64_t *stride)
{
	while (rank--) {
		stride[rank] = size;
		size *= dims[rank];
	}
}

static int places_of(struct nn_lower *lower, const struct nn_node *node, struct nn_move *move)
{
	const struct nn_fact *in = nn_fact_of(lower, node->inputs[0]);
	int ret;

	move->type = nn_moved_type(in->type);
	if (move->type == EGRET_TYPE_NONE)
		return nn_cannot(lower, "its elements have odd sizes");
	ret = nn_place_of(lower, node->inputs[0], &move->from);
	return ret ? ret : nn_place_of(lower, node->outputs[0], &move->to);
}

/* ---- Tile ---- */

/* Each dimension is two: how often, and what. */
static int lower_tile(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	const struct nn_fact *in = nn_fact_of(lower, node->inputs[0]);
	const struct nn_shape *out = &nn_fact_of(lower, node->outputs[0])->shape;
	int64_t own[NN_RANK_MAX], to[NN_RANK_MAX];
	struct nn_move move = { .rank = 0 };
	int i, ret = places_of(lower, node, &move);

	if (ret)
		return ret;
	nn_strides(&in->shape, in->type, own);
	nn_strides(out, in->type, to);
	for (i = 0; i < out->rank; i++) {
		const int64_t size = in->shape.dims[i], times = out->dims[i] / size;

		if (move.rank + (times > 1) + (size > 1) > NN_RANK_MAX)
			return nn_cannot(lower, "it has too many dimensions");
		if (times > 1) {
			move.dims[move.rank] = times;
			move.to_stride[move.rank++] = size * to[i];
		}
		if (size > 1) {
			move.dims[move.rank] = size;
			move.from_stride[move.rank] = own[i];
			move.to_stride[move.rank++] = to[i];
		}
	}
	if (!move.rank)
		move.dims[move.rank++] = 1;
	ret = nn_launch_move(lower, &move);
	return ret ? ret : nn_lower_done(lower, node, position);
}

/* ---- DepthToSpace, SpaceToDepth ---- */

/*
 * Both are one order of dimensions from another: `from` names, for each of the result's, which of
 * the input's it is. One launch for each image, as kernels have five dimensions.
 */
static int reorder(struct nn_lower *lower, const struct nn_node *node, size_t position,
		   int64_t images, const int64_t dims[5], const int from[5])
{
	const int64_t size = nn_type_bits(nn_fact_of(lower, node->inputs[0])->type) / 8;
	struct nn_move move = { .rank = 5 };
	int64_t own[5], step, image;
	int i, ret = places_of(lower, node, &move);

	if (ret)
		return ret;
	dense(5, dims, size, own);
	step = own[0] * dims[0];
	for (i = 0; i < 5; i++) {
		move.dims[i] = dims[from[i]];
		move.from_stride[i] = own[from[i]];
	}
	dense(5, move.dims, size, move.to_stride);
	for (image = 0; image < images && !ret; image++) {
		move.overlap = image > 0;
		ret = nn_launch_move(lower, &move);
		move.from.offset += step;
		move.to.offset += step;
	}
	return ret ? ret : nn_lower_done(lower, node, position);
}

static int lower_depth_to_space(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	const struct nn_shape *in = &nn_fact_of(lower, node->inputs[0])->shape;
	struct nn_call call = nn_call_of(lower, node);
	const int64_t block = nn_attr_int(&call, "blocksize");
	const bool columns = node->op->since >= 11 && !strcmp(nn_attr_text(&call, "mode"), "CRD");
	const int64_t channels = in->dims[1] / (block * block);
	const int64_t by_depth[5] = { block, block, channels, in->dims[2], in->dims[3] };
	const int64_t by_column[5] = { channels, block, block, in->dims[2], in->dims[3] };

	return reorder(lower, node, position, in->dims[0], columns ? by_column : by_depth,
		       columns ? (const int[5]){ 0, 3, 1, 4, 2 } : (const int[5]){ 2, 3, 0, 4, 1 });
}

static int lower_space_to_depth(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	const struct nn_shape *in = &nn_fact_of(lower, node->inputs[0])->shape;
	struct nn_call call = nn_call_of(lower, node);
	const int64_t block = nn_attr_int(&call, "blocksize");
	const int64_t dims[5] = { in->dims[1], in->dims[2] / block, block, in->dims[3] / block, block };

	return reorder(lower, node, position, in->dims[0], dims, (const int[5]){ 2, 4, 0, 1, 3 });
}

const struct nn_lowering_entry nn_lower_arrange[] = {
	{ "Tile", lower_tile, false },
	{ "DepthToSpace", lower_depth_to_space, false },
	{ "SpaceToDepth", lower_space_to_depth, false },
	{ NULL, NULL, false },
};
