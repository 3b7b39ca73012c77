// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Operators that move elements, by programs of nn_tile.egm that load them from one place and
 * store them in another. Where the elements of a result lie together in the input already,
 * it is a view of it, and nothing moves.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../error.h"
#include "move.h"
#include "precision.h"

#define WHAT	"cannot plan the model"

/* ---- Copies ---- */

int nn_launch_program(struct nn_lower *lower, const struct nn_program *program, bool overlap)
{
	struct nn_group *group = calloc(1, sizeof(*group));
	int ret;

	if (!group)
		return accel_fail_errno(-ENOMEM, WHAT);
	group->lower = lower;
	group->program = *program;
	ret = nn_group_launch_tile(group);
	if (!ret)
		lower->plan->items[lower->plan->item_count - 1].overlap = overlap;
	free(group);
	return ret;
}

int nn_launch_move(struct nn_lower *lower, const struct nn_move *move)
{
	struct nn_program program;
	int value;

	nn_program_init(&program, move->rank, move->dims);
	value = nn_program_load(&program, move->type, move->from, move->from_stride);
	if (!nn_program_store(&program, value, move->to, move->to_stride))
		return nn_cannot(lower, "it has too many operands");
	return nn_launch_program(lower, &program, move->overlap);
}

static const struct nn_shape *shape_of(const struct nn_lower *lower, const struct nn_value *value)
{
	return &nn_fact_of(lower, value)->shape;
}

static int64_t element_size(enum nn_type type)
{
	return nn_type_bits(type) / 8;
}

/* ---- Results that are loaded with strides of their own ---- */

/* The input's element for each of the result's: from an offset on, with strides. */
struct loading {
	int64_t stride[NN_RANK_MAX], offset;
	bool padded;
	int64_t start[NN_RANK_MAX], extent[NN_RANK_MAX];
	uint64_t fill;
	bool other_order;		/* the innermost dimensions differ */
};

static int make_loaded(struct nn_lower *lower, const struct nn_node *node, size_t position,
		       struct nn_group *group, bool grow, const struct loading *loading)
{
	const struct nn_fact *out = nn_fact_of(lower, node->outputs[0]);
	enum nn_type held = nn_held_type(lower, node->outputs[0]);
	enum egret_type type = nn_card_type(held);
	struct nn_stream *stream;
	struct nn_ref ref;
	int value, ret = nn_place_of(lower, node->inputs[0], &ref);

	if (ret)
		return ret;
	grow = grow && type != EGRET_TYPE_NONE;
	type = grow ? type : nn_moved_type(held);
	if (type == EGRET_TYPE_NONE)
		return nn_cannot(lower, "its elements have odd sizes");
	nn_group_begin(lower, group, &out->shape);
	group->rows = true;
	ref.offset += loading->offset;
	value = nn_program_load(&group->program, type, ref, loading->stride);
	if (loading->padded) {
		stream = &group->program.stream[0];
		stream->padded = true;
		stream->fill = loading->fill;
		memcpy(stream->start, loading->start, sizeof(stream->start));
		memcpy(stream->extent, loading->extent, sizeof(stream->extent));
		memcpy(stream->stride, loading->stride, sizeof(stream->stride));
	}
	/* It is loaded as it lies, and turned in scratchpad. */
	if (loading->other_order)
		value = nn_program_map(&group->program, EGRET_MAP_COPY, type, NN_VALUE(value),
				       NN_NO_ARG, NN_NO_ARG);
	ret = nn_group_store_result(group, node, position, value, grow);
	return ret ? ret : nn_group_launch_tile(group);
}

/* ---- Transpose ---- */

static void permutation(const struct nn_lower *lower, const struct nn_node *node, int rank, int *perm)
{
	struct nn_call call = nn_call_of(lower, node);
	const int64_t *ints;
	size_t count = nn_attr_ints(&call, "perm", &ints);
	int i;

	for (i = 0; i < rank; i++)
		perm[i] = count ? (int)(ints[i] < 0 ? ints[i] + rank : ints[i]) : rank - 1 - i;
}

static int make_transpose(struct nn_lower *lower, const struct nn_node *node, size_t position,
			  struct nn_group *group, bool grow)
{
	const struct nn_fact *in = nn_fact_of(lower, node->inputs[0]);
	struct loading loading = { .other_order = true };
	int64_t stride[NN_RANK_MAX];
	int perm[NN_RANK_MAX], i;

	permutation(lower, node, in->shape.rank, perm);
	nn_strides(&in->shape, nn_held_type(lower, node->inputs[0]), stride);
	for (i = 0; i < in->shape.rank; i++)
		loading.stride[i] = stride[perm[i]];
	return make_loaded(lower, node, position, group, grow, &loading);
}

static int lower_transpose(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	const struct nn_shape *in = shape_of(lower, node->inputs[0]);
	int perm[NN_RANK_MAX], i, last = -1, ret;
	bool in_order = true;

	/* Products take the constant itself. */
	if (node->outputs[0]->swapped)
		return nn_lower_done(lower, node, position);
	permutation(lower, node, in->rank, perm);
	for (i = 0; i < in->rank; i++) {
		/* Dimensions of one may go where they like. */
		if (in->dims[perm[i]] == 1)
			continue;
		in_order &= perm[i] > last;
		last = perm[i];
	}
	if (!in_order)
		return nn_lower_group(lower, node, position, make_transpose);
	ret = nn_lower_view(lower, node, 0, node->inputs[0], 0);
	return ret ? ret : nn_lower_done(lower, node, position);
}

/* ---- Slice ---- */

static int slice_list(const struct nn_call *call, size_t input, const char *name, int64_t *list)
{
	const int64_t *ints;
	size_t count;

	if (call->node->opset >= 10)
		return nn_in_fact(call, input) ? nn_ints(call, input, list, NN_RANK_MAX) : 0;
	count = name ? nn_attr_ints(call, name, &ints) : 0;
	if (count)
		memcpy(list, ints, count * sizeof(*list));
	return (int)count;
}

static bool read_slice(const struct nn_lower *lower, const struct nn_node *node, struct loading *loading)
{
	int64_t starts[NN_RANK_MAX], axes[NN_RANK_MAX], steps[NN_RANK_MAX], size, start;
	const struct nn_fact *in = nn_fact_of(lower, node->inputs[0]);
	struct nn_call call = nn_call_of(lower, node);
	int count = slice_list(&call, 1, "starts", starts), i, axis;
	int has_axes = slice_list(&call, 3, "axes", axes), has_steps = slice_list(&call, 4, NULL, steps);

	if (count < 0 || has_axes < 0 || has_steps < 0)
		return false;
	nn_strides(&in->shape, nn_held_type(lower, node->inputs[0]), loading->stride);
	for (i = 0; i < count; i++) {
		int64_t step = has_steps ? steps[i] : 1;

		axis = has_axes ? (int)axes[i] : i;
		axis += axis < 0 ? in->shape.rank : 0;
		size = in->shape.dims[axis];
		start = starts[i] < 0 ? starts[i] + size : starts[i];
		start = start < 0 ? 0 : start > size - (step < 0) ? size - (step < 0) : start;
		loading->offset += start * loading->stride[axis];
		loading->stride[axis] *= step;
	}
	return true;
}

static int make_slice(struct nn_lower *lower, const struct nn_node *node, size_t position,
		      struct nn_group *group, bool grow)
{
	struct loading loading = { .offset = 0 };

	if (!read_slice(lower, node, &loading))
		return nn_cannot(lower, "what it takes depends on what is computed");
	return make_loaded(lower, node, position, group, grow, &loading);
}

/* The elements follow each other as in a dense tensor of this shape. */
static bool is_dense(const struct nn_shape *shape, enum nn_type type, const int64_t *stride)
{
	int64_t dense[NN_RANK_MAX];
	int i;

	nn_strides(shape, type, dense);
	for (i = 0; i < shape->rank; i++)
		if (shape->dims[i] != 1 && stride[i] != dense[i])
			return false;
	return true;
}

static int lower_slice(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	const struct nn_fact *out = nn_fact_of(lower, node->outputs[0]);
	struct loading loading = { .offset = 0 };
	int ret;

	if (!read_slice(lower, node, &loading) ||
	    !is_dense(&out->shape, nn_held_type(lower, node->inputs[0]), loading.stride))
		return nn_lower_group(lower, node, position, make_slice);
	ret = nn_lower_view(lower, node, 0, node->inputs[0], loading.offset);
	return ret ? ret : nn_lower_done(lower, node, position);
}

/* ---- Pad ---- */

/* Bits of the number that the padding has, as it is held. False if it is not known. */
static bool read_fill(const struct nn_lower *lower, const struct nn_node *node, enum nn_type type,
		      uint64_t *bits)
{
	enum nn_type held = nn_held_type(lower, node->inputs[0]);
	const struct nn_value *value = node->input_count > 2 ? node->inputs[2] : NULL;
	struct nn_call call = nn_call_of(lower, node);
	const struct nn_tensor *known = value ? nn_known(lower, value) : NULL;

	*bits = 0;
	if (node->op->since < 11) {
		if (type != NN_F32)
			return nn_attr_float(&call, "value") == 0;
		*bits = nn_float_bits(held, nn_attr_float(&call, "value"));
		return true;
	}
	if (!value)
		return true;
	if (!known || known->count != 1 || known->type != type)
		return false;
	if (held != type)
		*bits = nn_float_bits(held, (float)nn_get(known, 0));
	else
		memcpy(bits, known->data, (size_t)element_size(type));
	return true;
}

static bool read_pads(const struct nn_lower *lower, const struct nn_node *node, struct loading *loading)
{
	const struct nn_fact *in = nn_fact_of(lower, node->inputs[0]);
	struct nn_call call = nn_call_of(lower, node);
	int64_t list[2 * NN_RANK_MAX], axes[NN_RANK_MAX];
	const int64_t *pads = list;
	int count, has_axes = 0, i, axis;

	if (node->op->since < 11) {
		count = (int)nn_attr_ints(&call, "pads", &pads);
	} else {
		count = nn_ints(&call, 1, list, 2 * NN_RANK_MAX);
		has_axes = nn_in_fact(&call, 3) ? nn_ints(&call, 3, axes, NN_RANK_MAX) : 0;
	}
	if (count < 0 || has_axes < 0)
		return false;
	nn_strides(&in->shape, nn_held_type(lower, node->inputs[0]), loading->stride);
	for (i = 0; i < in->shape.rank; i++)
		loading->extent[i] = in->shape.dims[i];
	for (i = 0; i < count / 2; i++) {
		axis = has_axes ? (int)axes[i] : i;
		axis += axis < 0 ? in->shape.rank : 0;
		loading->start[axis] = -pads[i];
		loading->offset -= pads[i] * loading->stride[axis];
	}
	loading->padded = true;
	return true;
}

static int make_pad(struct nn_lower *lower, const struct nn_node *node, size_t position,
		    struct nn_group *group, bool grow)
{
	const struct nn_fact *in = nn_fact_of(lower, node->inputs[0]);
	struct nn_call call = nn_call_of(lower, node);
	struct loading loading = { .offset = 0 };

	if (strcmp(nn_attr_text(&call, "mode"), "constant"))
		return nn_cannot(lower, "it pads with more than a number");
	if (!read_pads(lower, node, &loading) || !read_fill(lower, node, in->type, &loading.fill))
		return nn_cannot(lower, "its padding depends on what is computed");
	return make_loaded(lower, node, position, group, grow, &loading);
}

static int lower_pad(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	return nn_lower_group(lower, node, position, make_pad);
}

/* ---- Expand ---- */

static int make_expand(struct nn_lower *lower, const struct nn_node *node, size_t position,
		       struct nn_group *group, bool grow)
{
	const struct nn_fact *in = nn_fact_of(lower, node->inputs[0]);
	const struct nn_shape *out = shape_of(lower, node->outputs[0]);
	int64_t stride[NN_RANK_MAX];
	struct loading loading = { .offset = 0 };
	int i, k;

	nn_strides(&in->shape, nn_held_type(lower, node->inputs[0]), stride);
	for (i = in->shape.rank - 1, k = out->rank - 1; i >= 0; i--, k--)
		loading.stride[k] = in->shape.dims[i] == 1 ? 0 : stride[i];
	return make_loaded(lower, node, position, group, grow, &loading);
}

static int lower_expand(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	return nn_lower_group(lower, node, position, make_expand);
}

/* ---- Concat and Split ---- */

/* Part of a tensor along an axis, to or from a tensor of its own. */
static int move_part(struct nn_lower *lower, const struct nn_value *whole, const struct nn_value *part,
		     int axis, int64_t start, bool split, bool overlap)
{
	const struct nn_fact *w = nn_fact_of(lower, whole), *p = nn_fact_of(lower, part);
	enum nn_type held = nn_held_type(lower, whole);
	struct nn_move move = { .rank = w->shape.rank, .type = nn_moved_type(held), .overlap = overlap };
	int64_t *of_whole = split ? move.from_stride : move.to_stride;
	int ret;

	if (move.type == EGRET_TYPE_NONE)
		return nn_cannot(lower, "its elements have odd sizes");
	nn_strides(&w->shape, held, of_whole);
	nn_strides(&p->shape, held, split ? move.to_stride : move.from_stride);
	memcpy(move.dims, p->shape.dims, sizeof(move.dims));
	ret = nn_place_of(lower, whole, split ? &move.from : &move.to);
	if (!ret)
		ret = nn_place_of(lower, part, split ? &move.to : &move.from);
	(split ? &move.from : &move.to)->offset += start * of_whole[axis];
	return ret ? ret : nn_launch_move(lower, &move);
}

static bool is_empty(const struct nn_shape *shape)
{
	size_t count;

	return !nn_shape_count(shape, &count) || !count;
}

static int axis_of(const struct nn_lower *lower, const struct nn_node *node, int rank)
{
	struct nn_call call = nn_call_of(lower, node);
	int axis = (int)nn_attr_int(&call, "axis");

	return axis < 0 ? axis + rank : axis;
}

static int lower_concat(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	int axis = axis_of(lower, node, shape_of(lower, node->outputs[0])->rank), ret = 0;
	int64_t start = 0;
	bool any = false;
	size_t i;

	for (i = 0; i < node->input_count && !ret; i++) {
		const struct nn_shape *part = shape_of(lower, node->inputs[i]);

		if (is_empty(part))
			continue;
		ret = move_part(lower, node->outputs[0], node->inputs[i], axis, start, false, any);
		start += part->dims[axis];
		any = true;
	}
	return ret ? ret : nn_lower_done(lower, node, position);
}

static int lower_split(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	const struct nn_fact *in = nn_fact_of(lower, node->inputs[0]);
	int axis = axis_of(lower, node, in->shape.rank), ret = 0;
	int64_t start = 0, stride[NN_RANK_MAX];
	bool any = false;
	size_t i;

	nn_strides(&in->shape, nn_held_type(lower, node->inputs[0]), stride);
	for (i = 0; i < node->output_count && !ret; i++) {
		const struct nn_fact *part = nn_fact_of(lower, node->outputs[i]);

		if (!part)
			return nn_cannot(lower, "a result of it is left out");
		if (is_empty(&part->shape))
			continue;
		if (is_dense(&part->shape, nn_held_type(lower, node->inputs[0]), stride)) {
			ret = nn_lower_view(lower, node, i, node->inputs[0], start * stride[axis]);
		} else {
			ret = move_part(lower, node->inputs[0], node->outputs[i], axis, start, true, any);
			any = true;
		}
		start += part->shape.dims[axis];
	}
	return ret ? ret : nn_lower_done(lower, node, position);
}

/* ---- Gather ---- */

/* Indices as the DMA unit takes them: 32 bits, counted from 0. */
static int known_indices(struct nn_lower *lower, const struct nn_tensor *index, int64_t size,
			 struct nn_ref *ref)
{
	int32_t *table = malloc(index->count * sizeof(*table));
	size_t i;
	int ret;

	if (!table)
		return accel_fail_errno(-ENOMEM, WHAT);
	for (i = 0; i < index->count; i++) {
		int64_t at = nn_get_int(index, i);

		table[i] = (int32_t)(at < 0 ? at + size : at);
	}
	ret = nn_plan_constant(lower->plan, table, index->count * sizeof(*table), ref);
	free(table);
	return ret;
}

static int computed_indices(struct nn_lower *lower, const struct nn_value *value, size_t count,
			    int64_t size, struct nn_ref *ref)
{
	const struct nn_fact *fact = nn_fact_of(lower, value);
	int64_t dims[1] = { (int64_t)count }, from[1] = { element_size(fact->type) }, to[1] = { 4 };
	struct nn_program program;
	struct nn_ref index;
	int ret = nn_place_of(lower, value, &index), x, low, high;

	if (!ret)
		ret = nn_plan_place(lower->plan, count * sizeof(int32_t), ref);
	if (ret)
		return ret;
	nn_program_init(&program, 1, dims);
	x = nn_program_load(&program, nn_card_type(fact->type), index, from);
	low = nn_map2(&program, EGRET_MAP_LT, EGRET_TYPE_U8, x, nn_integer(0));
	high = nn_map2(&program, EGRET_MAP_ADD, EGRET_TYPE_S32, x, nn_integer((int32_t)size));
	x = nn_map3(&program, EGRET_MAP_SELECT, EGRET_TYPE_S32, low, NN_VALUE(high), NN_VALUE(x));
	if (!nn_program_store(&program, x, *ref, to))
		return nn_cannot(lower, "it has too many operands");
	return nn_launch_program(lower, &program, false);
}

int nn_index_table(struct nn_lower *lower, const struct nn_value *indices, int64_t size,
		   struct nn_ref *table)
{
	const struct nn_tensor *known = nn_known(lower, indices);
	size_t count;

	if (known)
		return known_indices(lower, known, size, table);
	if (size > INT32_MAX || !nn_shape_count(shape_of(lower, indices), &count))
		return nn_cannot(lower, "its indices are too large");
	return computed_indices(lower, indices, count, size, table);
}

/* The last stream goes by a table. */
static void set_table(struct nn_program *program, const int64_t *stride, int dim, int64_t extent,
		      struct nn_ref table)
{
	struct nn_stream *stream = &program->stream[program->streams - 1];
	int i;

	stream->indexed = true;
	stream->index_dim = dim;
	stream->index = table;
	stream->stride[dim] = stride[dim];
	for (i = 0; i < program->rank; i++)
		stream->extent[i] = i == dim ? extent : program->dims[i];
}

int nn_load_indexed(struct nn_program *program, enum egret_type type, struct nn_ref from,
		    const int64_t *stride, int dim, int64_t extent, struct nn_ref table)
{
	int value = nn_program_load(program, type, from, stride);

	if (value >= 0)
		set_table(program, stride, dim, extent, table);
	return value;
}

bool nn_store_indexed(struct nn_program *program, int value, struct nn_ref to, const int64_t *stride,
		      int dim, int64_t extent, struct nn_ref table)
{
	if (value < 0 || !nn_program_store(program, value, to, stride))
		return false;
	set_table(program, stride, dim, extent, table);
	return true;
}

int nn_load_counting(struct nn_lower *lower, struct nn_program *program, int dim, int64_t first,
		     int64_t step)
{
	size_t bytes = (size_t)program->dims[dim] * sizeof(int32_t);
	int64_t stride[NN_RANK_MAX] = { 0 }, i;
	int32_t *numbers = malloc(bytes);
	struct nn_ref ref;
	int value = -1;

	for (i = 0; numbers && i < program->dims[dim]; i++)
		numbers[i] = (int32_t)(first + i * step);
	stride[dim] = sizeof(*numbers);
	if (numbers && !nn_plan_constant(lower->plan, numbers, bytes, &ref))
		value = nn_program_load(program, EGRET_TYPE_S32, ref, stride);
	free(numbers);
	return value;
}

static int lower_gather(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	const struct nn_fact *in = nn_fact_of(lower, node->inputs[0]);
	const struct nn_shape *shape = shape_of(lower, node->inputs[1]);
	int axis = axis_of(lower, node, in->shape.rank), i, value, ret;
	enum nn_type held = nn_held_type(lower, node->inputs[0]);
	int64_t size = in->shape.dims[axis], es = element_size(held);
	int64_t dims[3] = { 1, 1, 1 }, from_stride[3], to_stride[3];
	enum egret_type type = nn_moved_type(held);
	struct nn_ref from, to, table;
	struct nn_program program;
	size_t count;

	if (type == EGRET_TYPE_NONE || size > INT32_MAX || !nn_shape_count(shape, &count))
		return nn_cannot(lower, "its elements have odd sizes");
	for (i = 0; i < in->shape.rank; i++)
		dims[i < axis ? 0 : 2] *= i == axis ? 1 : in->shape.dims[i];
	dims[1] = (int64_t)count;
	from_stride[2] = to_stride[2] = es;
	from_stride[1] = to_stride[1] = dims[2] * es;
	from_stride[0] = size * dims[2] * es;
	to_stride[0] = dims[1] * dims[2] * es;
	ret = nn_index_table(lower, node->inputs[1], size, &table);
	if (!ret)
		ret = nn_place_of(lower, node->inputs[0], &from);
	if (!ret)
		ret = nn_place_of(lower, node->outputs[0], &to);
	if (ret)
		return ret;
	nn_program_init(&program, 3, dims);
	value = nn_load_indexed(&program, type, from, from_stride, 1, size, table);
	if (!nn_program_store(&program, value, to, to_stride))
		return nn_cannot(lower, "it has too many operands");
	ret = nn_launch_program(lower, &program, false);
	return ret ? ret : nn_lower_done(lower, node, position);
}

const struct nn_lowering_entry nn_lower_layout[] = {
	{ "Transpose", lower_transpose, false },
	{ "Slice", lower_slice, false },
	{ "Pad", lower_pad, true },
	{ "Expand", lower_expand, false },
	{ "Concat", lower_concat, true },
	{ "Split", lower_split, false },
	{ "Gather", lower_gather, false },
	{ NULL, NULL, false },
};
