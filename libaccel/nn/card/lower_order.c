// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * TopK. Each element's rank in its row is how many others come before it: all pairs are compared, which
 * the tile engine does at 64 a cycle, and one launch stores the elements by their rank. Rejected:
 * to look for the largest k times, which needs k launches, and sorting networks, whose steps need
 * many more. That is right for a router of experts, which takes 8 of 64 for each word; rows so long
 * that sorting them on the host costs less are left to it.
 *
 * Floats are compared as integers, by their bits turned so that these have the same order: what is no
 * number has a rank then as well, so that each result is written by exactly one element.
 */
#include <errno.h>
#include <string.h>

#include "../../error.h"
#include "move.h"

#define S32	EGRET_TYPE_S32
#define U8	EGRET_TYPE_U8
#define BYTES	4	/* of an element */

/* More comparisons take the chip about as long as the host takes for all, and its emulator far longer. */
#define PAIRS_MAX	(INT64_C(1) << 23)

/* The axis, and all that is before and behind it. */
struct ranking {
	struct nn_lower *lower;
	const struct nn_node *node;
	bool floats;
	enum egret_map_op first;	/* a comes before b if this is so */
	int64_t before, behind, size, wanted;
	/* In rows: the elements, what is compared, places in them, and where they go. */
	struct nn_ref rows, keys, places, table;
};

enum { BEFORE, BEHIND, ELEMENT, OTHER };

/* Elements of the axis next to each other. A negative zero is the same as the other one. */
static int launch_rows(struct ranking *r)
{
	const int64_t dims[3] = { r->before, r->behind, r->size };
	const int64_t from[3] = { r->size * r->behind * BYTES, BYTES, r->behind * BYTES };
	const int64_t to[3] = { r->behind * r->size * BYTES, r->size * BYTES, BYTES };
	const enum egret_type type = r->floats ? EGRET_TYPE_F32 : S32;
	struct nn_program p;
	struct nn_ref ref;
	int x, key, ret = nn_place_of(r->lower, r->node->inputs[0], &ref);

	if (ret)
		return ret;
	nn_program_init(&p, 3, dims);
	x = nn_program_load(&p, type, ref, from);
	key = nn_map2(&p, EGRET_MAP_ADD, type, x, r->floats ? nn_number(0) : nn_integer(0));
	if (key < 0 || !nn_program_store(&p, x, r->rows, to) ||
	    !nn_program_store(&p, key, r->keys, to))
		return nn_cannot(r->lower, "it has too many operands");
	return nn_launch_program(r->lower, &p, false);
}

static int load_key(const struct ranking *r, struct nn_program *p, const int64_t *stride)
{
	int bits = nn_program_load(p, S32, r->keys, stride), low, turned;

	if (!r->floats)
		return bits;
	low = nn_map2(p, EGRET_MAP_LT, U8, bits, nn_integer(0));
	turned = nn_map2(p, EGRET_MAP_XOR, S32, bits, nn_integer(INT32_MAX));
	return nn_map3(p, EGRET_MAP_SELECT, S32, low, NN_VALUE(turned), NN_VALUE(bits));
}

/* How many elements of the row come before each. */
static int find_rank(const struct ranking *r, struct nn_program *p, int place)
{
	const int64_t row = r->size * BYTES;
	const int64_t own[4] = { r->behind * row, row, BYTES, 0 };
	const int64_t others[4] = { r->behind * row, row, 0, BYTES };
	int key = load_key(r, p, own), other = load_key(r, p, others);
	int counter = nn_load_counting(r->lower, p, OTHER, 0, 1), sooner, same;

	sooner = nn_map2(p, EGRET_MAP_LT, U8, counter, NN_VALUE(place));
	same = nn_map2(p, EGRET_MAP_EQ, U8, other, NN_VALUE(key));
	same = nn_map2(p, EGRET_MAP_AND, U8, same, NN_VALUE(sooner));
	sooner = nn_map2(p, r->first, U8, other, NN_VALUE(key));
	sooner = nn_map2(p, EGRET_MAP_OR, U8, sooner, NN_VALUE(same));
	return nn_program_reduce(p, EGRET_REDUCE_SUM, S32, sooner);
}

/* Where in the results; -1 for what is not among the first. */
static int find_target(const struct ranking *r, struct nn_program *p, int rank)
{
	int in = nn_map2(p, EGRET_MAP_LT, U8, rank, nn_integer((int32_t)r->wanted)), at, more;

	at = nn_map2(p, EGRET_MAP_MUL, S32, rank, nn_integer((int32_t)r->behind));
	more = nn_load_counting(r->lower, p, BEFORE, 0, r->wanted * r->behind);
	at = nn_map2(p, EGRET_MAP_ADD, S32, at, NN_VALUE(more));
	more = nn_load_counting(r->lower, p, BEHIND, 0, 1);
	at = nn_map2(p, EGRET_MAP_ADD, S32, at, NN_VALUE(more));
	return nn_map3(p, EGRET_MAP_SELECT, S32, in, NN_VALUE(at), nn_integer(-1));
}

static int launch_ranks(struct ranking *r)
{
	const int64_t dims[4] = { r->before, r->behind, r->size, r->size };
	const int64_t to[4] = { r->behind * r->size * BYTES, r->size * BYTES, BYTES, 0 };
	struct nn_program p;
	int place, target;

	nn_program_init(&p, 4, dims);
	p.reduced = 1;
	place = nn_load_counting(r->lower, &p, ELEMENT, 0, 1);
	target = find_target(r, &p, find_rank(r, &p, place));
	if (target < 0 || !nn_program_store(&p, target, r->table, to))
		return nn_cannot(r->lower, "it has too many operands");
	return nn_launch_program(r->lower, &p, false);
}

/* The place of each element in its row. */
static int launch_places(struct ranking *r)
{
	const int64_t dims[2] = { r->before * r->behind, r->size };
	const int64_t to[2] = { r->size * BYTES, BYTES };
	struct nn_program p;
	int place;

	nn_program_init(&p, 2, dims);
	place = nn_load_counting(r->lower, &p, 1, 0, 1);
	if (place < 0 || !nn_program_store(&p, place, r->places, to))
		return nn_cannot(r->lower, "it has too many operands");
	return nn_launch_program(r->lower, &p, false);
}

/* One of the results, from what there is in rows. */
static int launch_result(struct ranking *r, size_t output, struct nn_ref from, enum egret_type type)
{
	const int64_t count = r->before * r->behind * r->size, stride = BYTES;
	const int64_t by = (int64_t)egret_type_size(type);
	struct nn_program p;
	struct nn_ref to;
	int x, ret = nn_place_of(r->lower, r->node->outputs[output], &to);

	if (ret)
		return ret;
	nn_program_init(&p, 1, &count);
	x = nn_program_load(&p, S32, from, &stride);
	if (type != S32)
		x = nn_map1(&p, EGRET_MAP_COPY, type, x);
	if (x < 0 || !nn_store_indexed(&p, x, to, &by, 0, r->before * r->wanted * r->behind, r->table))
		return nn_cannot(r->lower, "it has too many operands");
	return nn_launch_program(r->lower, &p, false);
}

static int launch_all(struct ranking *r)
{
	const bool values = r->node->outputs[0];
	const bool indices = r->node->output_count > 1 && r->node->outputs[1];
	int ret = launch_rows(r);

	if (!ret)
		ret = launch_ranks(r);
	if (!ret && values)
		ret = launch_result(r, 0, r->rows, S32);
	if (!ret && indices)
		ret = launch_places(r);
	return ret || !indices ? ret : launch_result(r, 1, r->places, EGRET_TYPE_S64);
}

static int place_all(struct ranking *r)
{
	struct nn_ref *const refs[] = { &r->rows, &r->keys, &r->places, &r->table };
	const size_t bytes = (size_t)(r->before * r->behind * r->size) * BYTES;
	size_t i;
	int ret = 0;

	for (i = 0; i < sizeof(refs) / sizeof(refs[0]) && !ret; i++)
		ret = nn_plan_place(r->lower->plan, bytes, refs[i]);
	return ret;
}

static int lower_top_k(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	const struct nn_value *any = node->outputs[0] ? node->outputs[0] : node->outputs[1];
	const struct nn_fact *in = nn_fact_of(lower, node->inputs[0]);
	struct ranking r = { .lower = lower, .node = node, .before = 1, .behind = 1 };
	struct nn_call call = nn_call_of(lower, node);
	int axis = (int)nn_attr_int(&call, "axis"), i, ret;

	axis += axis < 0 ? in->shape.rank : 0;
	if (in->type != NN_F32 && in->type != NN_I32)
		return nn_cannot(lower, "its elements are not of 32 bits with a sign");
	r.floats = in->type == NN_F32;
	r.first = node->op->since < 11 || nn_attr_int(&call, "largest") ? EGRET_MAP_GT : EGRET_MAP_LT;
	r.size = in->shape.dims[axis];
	r.wanted = nn_fact_of(lower, any)->shape.dims[axis];
	for (i = 0; i < in->shape.rank; i++)
		*(i < axis ? &r.before : &r.behind) *= i == axis ? 1 : in->shape.dims[i];
	if (r.before * r.behind * r.size > PAIRS_MAX / r.size)
		return nn_cannot(lower, "it has too many elements to compare all with each other");
	ret = place_all(&r);
	if (!ret)
		ret = launch_all(&r);
	return ret ? ret : nn_lower_done(lower, node, position);
}

const struct nn_lowering_entry nn_lower_order[] = {
	{ "TopK", lower_top_k, false },
	{ NULL, NULL, false },
};
