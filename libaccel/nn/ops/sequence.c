// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Sequences of tensors, and optionals, which are something or nothing. They exist on the host
 * only. An optional that is something is what it holds: nothing wraps it.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "../infer.h"

/* What is known of a sequence that is made like another one. */
static void be_sequence(struct nn_fact *out, enum nn_type type)
{
	out->kind = NN_SEQUENCE;
	out->type = type;
	out->shape.rank = -1;
}

/* A place in a sequence, counted from the end if negative; without the input it is the end. */
static int read_place(const struct nn_call *call, size_t input, size_t count, size_t end, size_t *place)
{
	const struct nn_tensor *tensor = nn_contents(nn_in_fact(call, input));
	int64_t at;

	*place = end;
	if (!tensor)
		return 0;
	if (tensor->count != 1)
		return nn_refuse(call, NULL, "its position has %zu elements, not one", tensor->count);
	at = nn_get_int(tensor, 0);
	if (at < -(int64_t)count || at > (int64_t)end)
		return nn_refuse(call, NULL, "position %" PRId64 " is not within a sequence of %zu", at,
				 count);
	*place = (size_t)(at < 0 ? at + (int64_t)count : at);
	return 0;
}

/* A place of an item that is there; input 1, or the last one. */
static int read_item(const struct nn_call *call, const struct nn_list *list, size_t *place)
{
	if (!list->count)
		return nn_refuse(call, NULL, "its sequence is empty");
	return read_place(call, 1, list->count, list->count - 1, place);
}

/* ---- Making them ---- */

static int infer_empty(struct nn_call *call)
{
	int64_t type = nn_attr_given(call, "dtype") ? nn_attr_int(call, "dtype") : NN_F32;

	if (type <= 0 || type >= NN_TYPES)
		return nn_refuse(call, NULL, "its dtype is %" PRId64, type);
	be_sequence(call->out[0], (enum nn_type)type);
	return 0;
}

static int evaluate_empty(struct nn_call *call)
{
	return nn_make_list(call, 0, call->out[0]->type, nn_list_new(0));
}

static int infer_like_input(struct nn_call *call)
{
	be_sequence(call->out[0], call->in[0]->type);
	return 0;
}

static int evaluate_construct(struct nn_call *call)
{
	struct nn_list *list = nn_list_new(call->node->input_count);
	size_t i;

	for (i = 0; list && i < list->count; i++)
		list->items[i] = nn_hold(nn_contents(call->in[i]));
	return nn_make_list(call, 0, call->in[0]->type, list);
}

static int evaluate_insert(struct nn_call *call)
{
	const struct nn_list *from = call->in[0]->list;
	struct nn_list *list;
	size_t at;
	int ret = read_place(call, 2, from->count, from->count, &at);

	if (ret)
		return ret;
	if (call->in[0]->type != call->in[1]->type && from->count)
		return nn_refuse(call, NULL, "a tensor of type %s is put into a sequence of %s",
				 nn_type_name(call->in[1]->type), nn_type_name(call->in[0]->type));
	list = nn_list_new(from->count + 1);
	if (list) {
		nn_list_share(list, 0, from, 0, at);
		list->items[at] = nn_hold(nn_contents(call->in[1]));
		nn_list_share(list, at + 1, from, at, from->count - at);
	}
	return nn_make_list(call, 0, call->in[1]->type, list);
}

static int evaluate_erase(struct nn_call *call)
{
	const struct nn_list *from = call->in[0]->list;
	struct nn_list *list;
	size_t at;
	int ret = read_item(call, from, &at);

	if (ret)
		return ret;
	list = nn_list_new(from->count - 1);
	if (list) {
		nn_list_share(list, 0, from, 0, at);
		nn_list_share(list, at, from, at + 1, from->count - 1 - at);
	}
	return nn_make_list(call, 0, call->in[0]->type, list);
}

/* ---- Reading them ---- */

static int infer_at(struct nn_call *call)
{
	call->out[0]->type = call->in[0]->type;
	return 0;
}

static int evaluate_at(struct nn_call *call)
{
	const struct nn_list *from = call->in[0]->list;
	const struct nn_tensor *item;
	size_t at;
	int ret = read_item(call, from, &at);

	if (ret)
		return ret;
	item = &from->items[at]->tensor;
	ret = nn_make_result(call, 0, item->type, &item->shape);
	if (!ret && item->count)
		memcpy(nn_result(call, 0)->data, item->data, nn_bytes(item->type, item->count));
	return ret;
}

static int infer_number(struct nn_call *call)
{
	call->out[0]->shape.rank = 0;
	return 0;
}

static int evaluate_length(struct nn_call *call)
{
	nn_set_int(nn_result(call, 0), 0, (int64_t)call->in[0]->list->count);
	return 0;
}

/* ---- SplitToSequence ---- */

/* Parts of an axis: their number, and the size of each. */
struct parts {
	const struct nn_tensor *sizes;	/* NULL, or one for each part */
	size_t count;
	int64_t each, all;
};

static int read_parts(const struct nn_call *call, int64_t all, struct parts *p)
{
	const struct nn_tensor *split = nn_contents(nn_in_fact(call, 1));
	int64_t sum = 0;
	size_t i;

	*p = (struct parts){ .each = 1, .all = all };
	if (split && split->shape.rank == 1) {
		p->sizes = split;
		p->count = split->count;
		for (i = 0; i < split->count; i++)
			if (nn_get_int(split, i) < 0 ||
			    __builtin_add_overflow(sum, nn_get_int(split, i), &sum))
				return nn_refuse(call, NULL, "part %zu is of size %" PRId64, i,
						 nn_get_int(split, i));
		return sum == all ? 0 : nn_refuse(call, NULL, "its parts have %" PRId64 " of %" PRId64
						  " places", sum, all);
	}
	if (split && split->count != 1)
		return nn_refuse(call, NULL, "its split has %d dimensions", split->shape.rank);
	if (split)
		p->each = nn_get_int(split, 0);
	if (p->each < 1)
		return nn_refuse(call, NULL, "it splits into parts of size %" PRId64, p->each);
	p->count = (size_t)(all / p->each + (all % p->each != 0));
	return 0;
}

/* `size` places of an axis from `first` on. */
static struct nn_held *cut(const struct nn_tensor *x, int axis, int64_t first, int64_t size, bool keep)
{
	struct nn_tensor part = { .type = x->type, .shape = x->shape };
	size_t before, behind, bytes, i;
	struct nn_held *held;

	part.shape.dims[axis] = size;
	if (nn_tensor_init(&part, x->type, &part.shape))
		return NULL;
	nn_around(&x->shape, axis, &before, &behind);
	behind *= nn_bytes(x->type, 1);
	bytes = (size_t)size * behind;
	for (i = 0; i < before && part.count; i++)
		memcpy((char *)part.data + i * bytes, (const char *)x->data +
		       i * (size_t)x->shape.dims[axis] * behind + (size_t)first * behind, bytes);
	if (!keep) {
		memmove(part.shape.dims + axis, part.shape.dims + axis + 1,
			(size_t)(part.shape.rank - 1 - axis) * sizeof(part.shape.dims[0]));
		part.shape.rank--;
	}
	held = nn_hold(&part);
	nn_tensor_release(&part);
	return held;
}

static int evaluate_split(struct nn_call *call)
{
	bool keep = nn_attr_int(call, "keepdims") || nn_in_fact(call, 1);
	const struct nn_tensor *x = nn_contents(call->in[0]);
	int64_t first = 0, size;
	struct nn_list *list;
	struct parts p;
	size_t i;
	int axis, ret;

	ret = nn_axis(call, "axis", nn_attr_int(call, "axis"), x->shape.rank, &axis);
	if (!ret)
		ret = read_parts(call, x->shape.dims[axis], &p);
	if (ret)
		return ret;
	/* Also parts of nothing are something. */
	if (p.count > call->facts->result_max / sizeof(struct nn_held))
		return nn_fail_node(call->node, -EFBIG, NULL, "its result is too large");
	list = nn_list_new(p.count);
	for (i = 0; list && i < p.count; i++) {
		size = p.sizes ? nn_get_int(p.sizes, i) :
		       p.each < p.all - first ? p.each : p.all - first;
		list->items[i] = cut(x, axis, first, size, keep);
		if (!list->items[i])
			break;
		first += size;
	}
	return nn_make_list(call, 0, x->type, list);
}

/* ---- ConcatFromSequence ---- */

static int infer_concat(struct nn_call *call)
{
	int64_t new_axis = nn_attr_int(call, "new_axis");

	if (new_axis != 0 && new_axis != 1)
		return nn_refuse(call, NULL, "its new_axis is %" PRId64, new_axis);
	return infer_at(call);
}

/* The shape of all items together along an axis that all of them have. */
static int concat_shape(const struct nn_call *call, const struct nn_list *list, int axis,
			struct nn_shape *shape)
{
	size_t i;
	int k;

	*shape = list->items[0]->tensor.shape;
	for (i = 1; i < list->count; i++) {
		const struct nn_shape *more = &list->items[i]->tensor.shape;

		if (more->rank != shape->rank)
			return nn_refuse(call, NULL, "its tensors have %d and %d dimensions", shape->rank,
					 more->rank);
		for (k = 0; k < shape->rank; k++)
			if (k != axis && more->dims[k] != shape->dims[k])
				return nn_refuse(call, NULL, "dimension %d of its tensors is %" PRId64
						 " and %" PRId64, k, shape->dims[k], more->dims[k]);
		if (axis < shape->rank &&
		    __builtin_add_overflow(shape->dims[axis], more->dims[axis], &shape->dims[axis]))
			return nn_fail_node(call->node, -EFBIG, NULL, "its result is too large");
	}
	return 0;
}

static int evaluate_concat(struct nn_call *call)
{
	bool new_axis = nn_attr_int(call, "new_axis");
	const struct nn_list *list = call->in[0]->list;
	size_t before = 1, i, k, bytes, place = 0, row;
	struct nn_shape shape;
	struct nn_tensor *y;
	int axis, d, ret;

	if (!list->count)
		return nn_refuse(call, NULL, "its sequence is empty");
	ret = nn_check_bytes(call, call->in[0]->type);
	if (ret)
		return ret;
	ret = nn_axis(call, "axis", nn_attr_int(call, "axis"),
		      list->items[0]->tensor.shape.rank + new_axis, &axis);
	/* With a new axis, no dimension may differ. */
	if (!ret)
		ret = concat_shape(call, list, new_axis ? NN_RANK_MAX : axis, &shape);
	if (ret)
		return ret;
	if (new_axis && shape.rank == NN_RANK_MAX)
		return nn_fail_node(call->node, -ENOTSUP, NULL, "it makes too many dimensions");
	if (new_axis) {
		memmove(shape.dims + axis + 1, shape.dims + axis,
			(size_t)(shape.rank - axis) * sizeof(shape.dims[0]));
		shape.dims[axis] = (int64_t)list->count;
		shape.rank++;
	}
	ret = nn_make_result(call, 0, call->in[0]->type, &shape);
	y = nn_result(call, 0);
	if (ret || !y->count)
		return ret;
	for (d = 0; d < axis; d++)
		before *= (size_t)shape.dims[d];
	row = nn_bytes(y->type, y->count) / before;
	for (k = 0; k < list->count; k++) {
		const struct nn_tensor *x = &list->items[k]->tensor;

		bytes = nn_bytes(x->type, x->count) / before;
		for (i = 0; i < before && bytes; i++)
			memcpy((char *)y->data + i * row + place, (const char *)x->data + i * bytes,
			       bytes);
		place += bytes;
	}
	return 0;
}

/* ---- Optionals ---- */

static int infer_optional(struct nn_call *call)
{
	struct nn_fact *in = nn_in_fact(call, 0), *out = call->out[0];

	if (!in && !nn_attr_given(call, "type"))
		return nn_refuse(call, NULL, "it has neither an input nor a type");
	out->optional = true;
	if (!in)
		return 0;
	out->kind = in->kind;
	out->type = in->type;
	out->shape = in->shape;
	return 0;
}

static int evaluate_optional(struct nn_call *call)
{
	if (nn_in_fact(call, 0))
		return nn_copy_fact(call, call->out[0], call->in[0]);
	call->out[0]->nothing = true;
	return 0;
}

static int infer_get(struct nn_call *call)
{
	if (call->in[0]->nothing)
		return nn_refuse(call, NULL, "its optional is nothing");
	call->out[0]->kind = call->in[0]->kind;
	call->out[0]->type = call->in[0]->type;
	return nn_infer_same(call);
}

static int evaluate_get(struct nn_call *call)
{
	int ret = nn_copy_fact(call, call->out[0], call->in[0]);

	call->out[0]->optional = false;
	return ret;
}

static int evaluate_has(struct nn_call *call)
{
	nn_set_int(nn_result(call, 0), 0, nn_in_fact(call, 0) && !call->in[0]->nothing);
	return 0;
}

/* ---- Table ---- */

#define POSITIONS	(NN_SET(NN_I32) | NN_SET(NN_I64))
#define SEQUENCE	{ "input_sequence", 0, NN_TAKES_NO_TENSOR | NN_TAKES_SEQUENCES, NN_ONE }
#define OUT		NN_PORTS({ "output", 0, 0, NN_ONE })
#define POSITION	{ "position", 0, POSITIONS, NN_OPTIONAL }
#define OP(n, v, in, attributes, f, e) \
	{ .name = n, .since = v, .inputs = in, .outputs = OUT, .attrs = attributes, \
	  .makes_results = true, .infer = f, .evaluate = e }
#define ONE(n, type)	NN_PORTS({ n, 0, NN_SET(type), NN_ONE })

const struct nn_op nn_ops_sequence[] = {
	OP("SequenceEmpty", 11, NN_PORTS({ 0 }), NN_ATTRS(NN_OPTIONAL_ATTR("dtype", INT)),
	   infer_empty, evaluate_empty),
	OP("SequenceConstruct", 11, NN_PORTS({ "inputs", 'T', NN_PLAIN | NN_SMALL, NN_MANY }), NULL,
	   infer_like_input, evaluate_construct),
	OP("SequenceInsert", 11,
	   NN_PORTS(SEQUENCE, { "tensor", 0, NN_PLAIN | NN_SMALL, NN_ONE }, POSITION), NULL,
	   infer_like_input, evaluate_insert),
	OP("SequenceErase", 11, NN_PORTS(SEQUENCE, POSITION), NULL, infer_like_input,
	   evaluate_erase),
	OP("SequenceAt", 11, NN_PORTS(SEQUENCE, { "position", 0, POSITIONS, NN_ONE }), NULL,
	   infer_at, evaluate_at),
	OP("SplitToSequence", 11,
	   NN_PORTS({ "input", 0, NN_PLAIN, NN_ONE }, { "split", 0, POSITIONS, NN_OPTIONAL }),
	   NN_ATTRS(NN_INT("axis", 0), NN_INT("keepdims", 1)), infer_like_input, evaluate_split),
	OP("ConcatFromSequence", 11, NN_PORTS(SEQUENCE),
	   NN_ATTRS(NN_REQUIRED_ATTR("axis", INT), NN_INT("new_axis", 0)), infer_concat,
	   evaluate_concat),
	{ .name = "SequenceLength", .since = 11, .inputs = NN_PORTS(SEQUENCE),
	  .outputs = ONE("length", NN_I64), .infer = infer_number, .evaluate = evaluate_length },
	OP("Optional", 15, NN_PORTS({ "input", 0, NN_TAKES_SEQUENCES, NN_OPTIONAL }),
	   NN_ATTRS(NN_OPTIONAL_ATTR("type", OTHER)), infer_optional, evaluate_optional),
	OP("OptionalGetElement", 15, NN_PORTS({ "input", 0, NN_TAKES_ALL, NN_ONE }), NULL,
	   infer_get, evaluate_get),
	{ .name = "OptionalHasElement", .since = 15,
	  .inputs = NN_PORTS({ "input", 0, NN_TAKES_ALL, NN_ONE }),
	  .outputs = ONE("output", NN_BOOL), .infer = infer_number, .evaluate = evaluate_has },
	{ .name = "OptionalHasElement", .since = 18,
	  .inputs = NN_PORTS({ "input", 0, NN_TAKES_ALL, NN_OPTIONAL }),
	  .outputs = ONE("output", NN_BOOL), .infer = infer_number, .evaluate = evaluate_has },
	{ 0 }
};
