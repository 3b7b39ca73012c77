// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Normalisation of parts that are no rows of the tensor, and sums that go on along an axis: programs
 * over spaces that are not those of the nodes' tensors, so nothing is taken along.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../error.h"
#include "move.h"

#define F32	EGRET_TYPE_F32

/* ---- GroupNormalization, InstanceNormalization ---- */

/* (image, group, channel of the group, place) */
enum { IMAGE, GROUP, CHANNEL, PLACE };

/* A scale or shift with an element for each group, or for each channel. */
static int load_affine(struct nn_lower *lower, struct nn_program *p, const struct nn_value *value)
{
	const struct nn_fact *fact = nn_fact_of(lower, value);
	const int64_t size = nn_type_bits(fact->type) / 8;
	int64_t stride[4] = { 0 };
	struct nn_ref ref;

	if (fact->shape.rank != 1 || nn_place_of(lower, value, &ref))
		return -1;
	stride[GROUP] = size;
	if (fact->shape.dims[0] == p->dims[GROUP] * p->dims[CHANNEL]) {
		stride[GROUP] = p->dims[CHANNEL] * size;
		stride[CHANNEL] = size;
	} else if (fact->shape.dims[0] != p->dims[GROUP]) {
		return -1;
	}
	return nn_program_load(p, nn_card_type(fact->type), ref, stride);
}

static int normalise(struct nn_lower *lower, struct nn_program *p, const struct nn_node *node,
		     enum egret_type type, int x)
{
	const float count = (float)(p->dims[CHANNEL] * p->dims[PLACE]);
	struct nn_call call = nn_call_of(lower, node);
	float epsilon = nn_attr_float(&call, "epsilon");
	int y = nn_program_reduce(p, EGRET_REDUCE_SUM, F32, x);

	y = nn_map2(p, EGRET_MAP_MUL, F32, y, nn_number(1 / count));
	x = nn_map2(p, EGRET_MAP_SUB, F32, x, NN_VALUE(y));
	y = nn_program_reduce(p, EGRET_REDUCE_SUMSQ, F32, x);
	y = nn_map2(p, EGRET_MAP_MUL, F32, y, nn_number(1 / count));
	y = nn_map1(p, EGRET_MAP_RSQRT, F32, nn_map2(p, EGRET_MAP_ADD, F32, y, nn_number(epsilon)));
	x = nn_map2(p, EGRET_MAP_MUL, F32, x, NN_VALUE(y));
	y = load_affine(lower, p, node->inputs[1]);
	x = nn_map2(p, EGRET_MAP_MUL, F32, x, NN_VALUE(y));
	y = load_affine(lower, p, node->inputs[2]);
	return nn_map2(p, EGRET_MAP_ADD, type, x, NN_VALUE(y));
}

static int lower_groups(struct nn_lower *lower, const struct nn_node *node, size_t position,
			int64_t groups)
{
	const struct nn_fact *in = nn_fact_of(lower, node->inputs[0]);
	enum egret_type type = nn_card_type(in->type);
	int64_t dims[4] = { 1, groups, 1, 1 }, stride[4];
	struct nn_ref from, to;
	struct nn_program p;
	int i, ret;

	if (in->shape.rank < 2 || groups < 1 || in->shape.dims[1] % groups || !nn_is_float(in->type) ||
	    type == EGRET_TYPE_NONE)
		return nn_cannot(lower, "its types or attributes");
	dims[IMAGE] = in->shape.dims[0];
	dims[CHANNEL] = in->shape.dims[1] / groups;
	for (i = 2; i < in->shape.rank; i++)
		dims[PLACE] *= in->shape.dims[i];
	stride[PLACE] = nn_type_bits(in->type) / 8;
	for (i = PLACE - 1; i >= 0; i--)
		stride[i] = stride[i + 1] * dims[i + 1];
	ret = nn_place_of(lower, node->inputs[0], &from);
	if (!ret)
		ret = nn_place_of(lower, node->outputs[0], &to);
	if (ret)
		return ret;
	nn_program_init(&p, 4, dims);
	p.reduced = 2;
	i = normalise(lower, &p, node, type, nn_program_load(&p, type, from, stride));
	if (i < 0 || !nn_program_store(&p, i, to, stride))
		return nn_cannot(lower, "its types or attributes");
	ret = nn_launch_program(lower, &p, false);
	return ret ? ret : nn_lower_done(lower, node, position);
}

static int lower_group_norm(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	struct nn_call call = nn_call_of(lower, node);

	return lower_groups(lower, node, position, nn_attr_int(&call, "num_groups"));
}

/* Each channel is a group. */
static int lower_instance_norm(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	const struct nn_shape *in = &nn_fact_of(lower, node->inputs[0])->shape;

	return lower_groups(lower, node, position, in->rank > 1 ? in->dims[1] : 0);
}

/* ---- CumSum ---- */

static int lower_sums(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	const struct nn_fact *in = nn_fact_of(lower, node->inputs[0]);
	enum egret_type type = nn_card_type(in->type);
	const int64_t size = nn_type_bits(in->type) / 8;
	struct nn_call call = nn_call_of(lower, node);
	int64_t dims[3] = { 1, 1, 1 }, stride[3];
	struct nn_ref from, to;
	struct nn_program p;
	double number;
	int i, axis, x, y, ret;

	if (type == EGRET_TYPE_NONE || !nn_known_number(lower, node->inputs[1], &number))
		return nn_cannot(lower, "its types or attributes");
	axis = (int)number + (number < 0 ? in->shape.rank : 0);
	for (i = 0; i < in->shape.rank; i++)
		dims[i < axis ? 0 : i > axis ? 1 : 2] *= in->shape.dims[i];
	stride[0] = dims[1] * dims[2] * size;
	stride[1] = size;
	stride[2] = dims[1] * size;
	ret = nn_place_of(lower, node->inputs[0], &from);
	if (!ret)
		ret = nn_place_of(lower, node->outputs[0], &to);
	if (ret)
		return ret;
	if (nn_attr_int(&call, "reverse")) {
		from.offset += (dims[2] - 1) * stride[2];
		to.offset += (dims[2] - 1) * stride[2];
		stride[2] = -stride[2];
	}
	nn_program_init(&p, 3, dims);
	p.reduced = 1;
	x = nn_program_load(&p, type, from, stride);
	y = nn_program_scan(&p, type, x);
	if (nn_attr_int(&call, "exclusive"))
		y = nn_map2(&p, EGRET_MAP_SUB, type, y, NN_VALUE(x));
	if (y < 0 || !nn_program_store(&p, y, to, stride))
		return nn_cannot(lower, "it is too large");
	ret = nn_launch_program(lower, &p, false);
	return ret ? ret : nn_lower_done(lower, node, position);
}

const struct nn_lowering_entry nn_lower_norm[] = {
	{ "GroupNormalization", lower_group_norm, false },
	{ "InstanceNormalization", lower_instance_norm, false },
	{ "CumSum", lower_sums, false },
	{ NULL, NULL, false },
};
