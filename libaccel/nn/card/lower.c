// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "lower.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../error.h"
#include "operand.h"
#include "precision.h"
#include "simplify.h"

#define WHAT	"cannot plan the model"

/* ---- Types and contents ---- */

enum egret_type nn_card_type(enum nn_type type)
{
	switch (type) {
	case NN_F32: return EGRET_TYPE_F32;
	case NN_F16: return EGRET_TYPE_F16;
	case NN_BF16: return EGRET_TYPE_BF16;
	case NN_I8: return EGRET_TYPE_S8;
	case NN_U8:
	case NN_BOOL: return EGRET_TYPE_U8;
	case NN_I16: return EGRET_TYPE_S16;
	case NN_U16: return EGRET_TYPE_U16;
	case NN_I32: return EGRET_TYPE_S32;
	case NN_U32: return EGRET_TYPE_U32;
	case NN_I64: return EGRET_TYPE_S64;
	case NN_U64: return EGRET_TYPE_U64;
	default: return EGRET_TYPE_NONE;
	}
}

enum egret_type nn_computed_type(enum nn_type type)
{
	return nn_is_real(type) ? EGRET_TYPE_F32 : nn_card_type(type);
}

enum egret_type nn_moved_type(enum nn_type type)
{
	switch (nn_type_bits(type)) {
	case 8: return EGRET_TYPE_U8;
	case 16: return EGRET_TYPE_U16;
	case 32: return EGRET_TYPE_U32;
	case 64: return EGRET_TYPE_U64;
	default: return EGRET_TYPE_NONE;
	}
}

static bool is_known(const struct nn_fact *fact)
{
	return fact->raw || fact->tensor.data;
}

const struct nn_tensor *nn_known(const struct nn_lower *lower, const struct nn_value *value)
{
	struct nn_fact *fact = nn_fact_of(lower, value);

	return fact && is_known(fact) ? nn_contents(fact) : NULL;
}

bool nn_known_number(const struct nn_lower *lower, const struct nn_value *value, double *number)
{
	const struct nn_fact *fact = nn_fact_of(lower, value);
	const struct nn_tensor *tensor;
	size_t count;

	if (!fact || !is_known(fact) || !nn_shape_count(&fact->shape, &count) || count != 1)
		return false;
	tensor = nn_known(lower, value);
	if (!tensor)
		return false;
	*number = nn_get(tensor, 0);
	return true;
}

void nn_strides(const struct nn_shape *shape, enum nn_type type, int64_t *stride)
{
	int64_t step = nn_type_bits(type) / 8;
	int i;

	for (i = shape->rank - 1; i >= 0; i--) {
		stride[i] = step;
		step *= shape->dims[i];
	}
}

struct nn_call nn_call_of(const struct nn_lower *lower, const struct nn_node *node)
{
	struct nn_call call = { .node = node, .in = lower->call_facts, .facts = lower->facts };
	size_t i;

	call.out = call.in + node->input_count;
	for (i = 0; i < node->input_count; i++)
		call.in[i] = nn_fact_of(lower, node->inputs[i]);
	for (i = 0; i < node->output_count; i++)
		call.out[i] = nn_fact_of(lower, node->outputs[i]);
	return call;
}

/* ---- Places ---- */

static size_t bytes_as(const struct nn_fact *fact, enum nn_type type)
{
	size_t count = 0;

	nn_shape_count(&fact->shape, &count);
	return nn_bytes(type, count);
}

static size_t bytes_of(const struct nn_fact *fact)
{
	return bytes_as(fact, fact->type);
}

static int place_constant(struct nn_lower *lower, struct nn_fact *fact, struct nn_ref *ref)
{
	/* What a node made of this plan's shapes is this plan's. */
	if (!fact->raw)
		return nn_plan_constant(lower->plan, fact->tensor.data, bytes_of(fact), ref);
	return nn_plan_shared_constant(lower->plan, fact->raw, bytes_of(fact), ref);
}

int nn_place_of(struct nn_lower *lower, const struct nn_value *value, struct nn_ref *ref)
{
	struct nn_ref *place = &lower->place[value->index];
	struct nn_fact *fact = nn_fact_of(lower, value);
	const struct nn_copy *copy;
	int ret = 0;

	if (!place->storage && is_known(fact)) {
		ret = place_constant(lower, fact, place);
	} else if (!place->storage) {
		copy = lower->ready[value->index] ? nn_find_integers(lower, value) : NULL;
		ret = nn_plan_place(lower->plan, bytes_as(fact, nn_held_type(lower, value)), place);
		if (!ret && copy)
			ret = nn_decode_copy(lower, copy, *place);
		else if (!ret && value->swapped && lower->ready[value->index])
			ret = nn_swap_constant(lower, value, *place);
	}
	*ref = *place;
	return ret;
}

int nn_place_numbers(struct nn_lower *lower, const struct nn_value *value, struct nn_ref *ref)
{
	const enum nn_type type = nn_fact_of(lower, value)->type;
	const struct nn_tensor *known;
	float *numbers;
	size_t i;
	int ret;

	if (type == NN_F32)
		return nn_place_of(lower, value, ref);
	known = nn_known(lower, value);
	if (!known || !nn_is_real(type))
		return nn_cannot(lower, "its numbers are computed, or not of 16 or 32 bits");
	numbers = malloc((known->count + 1) * sizeof(*numbers));
	if (!numbers)
		return accel_fail_errno(-ENOMEM, WHAT);
	for (i = 0; i < known->count; i++)
		numbers[i] = (float)nn_get(known, i);
	ret = nn_plan_constant(lower->plan, numbers, known->count * sizeof(*numbers), ref);
	free(numbers);
	return ret;
}

/* Constants of 16 bits that are few: a copy of each for a plan does no harm. */
static bool is_vector(const struct nn_lower *lower, const struct nn_value *value)
{
	const struct nn_fact *fact = nn_fact_of(lower, value);
	size_t count;

	return is_known(fact) && fact->type != NN_F32 && nn_is_real(fact->type) &&
	       nn_shape_count(&fact->shape, &count) && count <= 1 << 16;
}

/* ---- Groups ---- */

void nn_group_begin(struct nn_lower *lower, struct nn_group *group, const struct nn_shape *shape)
{
	int i;

	memset(group, 0, sizeof(*group));
	group->lower = lower;
	group->shape = *shape;
	for (i = 0; i < NN_RANK_MAX; i++) {
		group->axis[i] = i < shape->rank ? i : -1;
		group->share[i] = 1;
	}
	nn_program_init(&group->program, shape->rank, shape->dims);
}

/* The stride of one dimension of the space in a tensor that has `own` strides. */
static bool space_stride(const struct nn_group *group, int i, const struct nn_shape *shape,
			 const int64_t *own, int missing, int64_t *stride)
{
	int last = group->axis[i], k;
	int64_t walked = 1, step;

	*stride = 0;
	for (k = last; k >= last - group->more[i]; k--) {
		/* A dimension of one is no step of the way. */
		if (group->shape.dims[k] == 1)
			continue;
		step = k < missing || shape->dims[k - missing] == 1 ? 0 : own[k - missing];
		if (walked == 1)
			*stride = step;
		else if (step != *stride * walked)
			return false;
		walked *= group->shape.dims[k];
	}
	*stride *= group->share[i];
	return true;
}

bool nn_group_strides(const struct nn_group *group, const struct nn_shape *shape, enum nn_type type,
		      int64_t *stride, int64_t *offset)
{
	int missing = group->shape.rank - shape->rank, i;
	int64_t own[NN_RANK_MAX];

	*offset = 0;
	if (missing < 0)
		return false;
	for (i = 0; i < shape->rank; i++)
		if (shape->dims[i] != 1 && shape->dims[i] != group->shape.dims[i + missing])
			return false;
	nn_strides(shape, type, own);
	for (i = 0; i < group->program.rank; i++) {
		stride[i] = 0;
		if (group->axis[i] < 0)
			continue;
		if (!space_stride(group, i, shape, own, missing, &stride[i]))
			return false;
		*offset += stride[i] / group->share[i] * group->origin[i];
	}
	return true;
}

static int find_known(const struct nn_group *group, const struct nn_value *value)
{
	size_t i;

	for (i = 0; i < group->known_count; i++)
		if (group->known[i].value == value)
			return (int)i;
	return -1;
}

bool nn_group_define(struct nn_group *group, const struct nn_value *value, int number,
		     const struct nn_shape *kept)
{
	const size_t most = sizeof(group->known) / sizeof(group->known[0]);
	const struct nn_fact *fact = nn_fact_of(group->lower, value);

	if (number < 0 || group->known_count == most)
		return false;
	group->known[group->known_count].value = value;
	group->known[group->known_count].number = number;
	group->known[group->known_count].shape = kept ? *kept : fact->shape;
	group->known[group->known_count].apart = kept && !nn_shape_equal(kept, &fact->shape);
	group->known_count++;
	return true;
}

bool nn_group_add_node(struct nn_group *group, const struct nn_node *node, size_t position)
{
	if (group->node_count == sizeof(group->nodes) / sizeof(group->nodes[0]))
		return false;
	group->node_positions[group->node_count] = position;
	group->nodes[group->node_count++] = node;
	return true;
}

/* The representation that is there: the plain one, or else that in integers. */
static int find_representation(struct nn_lower *lower, const struct nn_value *value,
			       struct nn_encoding *encoding, struct nn_ref *ref)
{
	const struct nn_copy *copy = lower->place[value->index].storage ? NULL :
				     nn_find_integers(lower, value);

	if (copy) {
		*encoding = copy->encoding;
		*ref = copy->ref;
		return 0;
	}
	*encoding = (struct nn_encoding){ .type = nn_held_type(lower, value) };
	return nn_place_of(lower, value, ref);
}

int nn_group_value(struct nn_group *group, const struct nn_value *value)
{
	const struct nn_fact *fact = nn_fact_of(group->lower, value);
	int64_t stride[NN_RANK_MAX], offset;
	struct nn_encoding encoding;
	struct nn_ref ref;
	int known = find_known(group, value), number;
	enum egret_type type;

	if (known >= 0)
		return group->known[known].apart ? -1 : group->known[known].number;
	if (nn_card_type(fact->type) == EGRET_TYPE_NONE || !group->lower->ready[value->index] ||
	    find_representation(group->lower, value, &encoding, &ref))
		return -1;
	/* Vectors of constants as float32: so they can become a part of a product (simplify.h). */
	if (is_vector(group->lower, value) && !nn_place_numbers(group->lower, value, &ref))
		encoding.type = NN_F32;
	type = nn_card_type(encoding.type);
	if (!nn_group_strides(group, &fact->shape, encoding.type, stride, &offset))
		return -1;
	ref.offset += offset;
	number = nn_program_load(&group->program, type, ref, stride);
	number = nn_decode(&group->program, number, &encoding);
	return nn_group_define(group, value, number, NULL) ? number : -1;
}

struct nn_arg nn_group_arg(struct nn_group *group, const struct nn_value *value)
{
	const struct nn_fact *fact = nn_fact_of(group->lower, value);
	double number;

	if (find_known(group, value) < 0 && nn_known_number(group->lower, value, &number)) {
		if (nn_is_real(fact->type))
			return nn_number((float)number);
		if (!nn_is_float(fact->type) && nn_card_type(fact->type) != EGRET_TYPE_NONE &&
		    number >= INT32_MIN && number <= INT32_MAX)
			return nn_integer((int32_t)number);
	}
	return NN_VALUE(nn_group_value(group, value));
}

/* ---- Growing ---- */

static bool add_node(struct nn_group *group, const struct nn_node *node, size_t position)
{
	bool added = nn_is_elementwise(node) ? nn_add_elementwise(group, node) :
		     nn_add_reduction(group, node);

	return added && nn_group_add_node(group, node, position);
}

/* The tensor that the group's reductions leave, with all its dimensions. */
static void reduced_shape(const struct nn_group *group, struct nn_shape *shape)
{
	int i;

	*shape = group->shape;
	for (i = 0; i < shape->rank; i++)
		if (group->reduced >> i & 1)
			shape->dims[i] = 1;
}

/* Rows that are summed up in one piece, if there is a choice. */
#define ROW_MAX	12288

/* Let sums over the last dimensions into a group that has none so far. */
static bool open_rows(struct nn_group *group, unsigned int axes)
{
	int rank = group->shape.rank, i, count = __builtin_popcount(axes);
	int64_t row = 1;

	if (!group->rows || !axes || axes != (1u << rank) - (1u << (rank - count)))
		return false;
	for (i = rank - count; i < rank; i++)
		row *= group->shape.dims[i];
	if (row > ROW_MAX)
		return false;
	group->reduced = axes;
	group->program.reduced = count;
	return true;
}

static bool fits_group(struct nn_group *group, const struct nn_node *node)
{
	const struct nn_fact *out = nn_fact_of(group->lower, node->outputs[0]);
	struct nn_encoding encoding;
	struct nn_shape reduced;
	unsigned int axes;

	/* It costs nothing by itself, and its input is what is to be in memory. */
	if (nn_is_other_light(group->lower, node, &encoding))
		return false;

	if (nn_is_reduction(node)) {
		const struct nn_fact *in = nn_fact_of(group->lower, node->inputs[0]);

		if (find_known(group, node->inputs[0]) < 0 ||
		    !nn_shape_equal(&in->shape, &group->shape) ||
		    !nn_reduction_axes(group->lower, node, &axes))
			return false;
		return group->reduced ? axes == group->reduced : open_rows(group, axes);
	}
	if (!nn_is_elementwise(node))
		return false;
	if (nn_shape_equal(&out->shape, &group->shape))
		return true;
	reduced_shape(group, &reduced);
	return group->reduced && nn_shape_equal(&out->shape, &reduced);
}

/* The group has something that goes into it, and all the rest is there. */
static bool is_next(const struct nn_group *group, const struct nn_node *node)
{
	bool part = false;
	size_t i;
	int k;

	for (i = 0; i < node->input_count; i++) {
		if (!node->inputs[i])
			continue;
		k = find_known(group, node->inputs[i]);
		if (k >= 0 && group->known[k].apart)
			return false;
		part |= k >= 0 && !is_known(nn_fact_of(group->lower, node->inputs[i]));
		if (k < 0 && !group->lower->ready[node->inputs[i]->index])
			return false;
	}
	return part;
}

/* How far behind the last node of the group to look for more. */
#define LOOK_AHEAD	48

void nn_group_grow(struct nn_group *group)
{
	const struct nn_graph *graph = group->lower->plan->card->model->graph;
	size_t last = group->node_positions[group->node_count - 1], i;
	struct nn_group *before = malloc(sizeof(*before));

	for (i = last + 1; before && i < graph->node_count && i < last + LOOK_AHEAD; i++) {
		const struct nn_node *node = graph->nodes[i];

		if (group->lower->done[i] || !node->output_count || !node->outputs[0] ||
		    !is_next(group, node))
			continue;
		*before = *group;
		if (fits_group(group, node) && add_node(group, node, i))
			last = i;
		else
			*group = *before;
	}
	free(before);
}

/* ---- Storing ---- */

/* References from outside of the group. */
static uint32_t wanted(const struct nn_group *group, const struct nn_value *value)
{
	uint32_t uses = group->lower->uses[value->index];
	size_t i, k;

	for (i = 0; i < group->node_count; i++)
		for (k = 0; k < group->nodes[i]->input_count; k++)
			uses -= group->nodes[i]->inputs[k] == value;
	return uses;
}

/*
 * Store the group's value i in some representation. Elements that are only moved may go by any type
 * of their size.
 */
static int store_as(struct nn_group *group, size_t i, const struct nn_encoding *encoding,
		    struct nn_ref ref)
{
	int64_t stride[NN_RANK_MAX], offset;
	int number = group->known[i].number;

	if (!nn_group_strides(group, &group->known[i].shape, encoding->type, stride, &offset))
		return nn_cannot(group->lower, "its result has an odd shape");
	ref.offset += offset;
	if (encoding->scale != 0 || 8 * egret_type_size(group->program.value[number].type) !=
				    nn_type_bits(encoding->type))
		number = nn_encode(&group->program, number, encoding);
	if (number < 0 || !nn_program_store(&group->program, number, ref, stride))
		return nn_cannot(group->lower, "it has too many results");
	return 0;
}

static int store_plain(struct nn_group *group, size_t i)
{
	const struct nn_value *value = group->known[i].value;
	struct nn_encoding encoding = { .type = nn_held_type(group->lower, value) };
	struct nn_ref ref;
	int ret = nn_place_of(group->lower, value, &ref);

	return ret ? ret : store_as(group, i, &encoding, ref);
}

/* As products read it. Returns 1 if there is no room. */
static int store_encoded(struct nn_group *group, size_t i, const struct nn_encoding *encoding)
{
	struct nn_lower *lower = group->lower;
	struct nn_copy copy = { .value = group->known[i].value, .encoding = *encoding };
	const struct nn_fact *fact = nn_fact_of(lower, copy.value);
	int ret = nn_plan_place(lower->plan, bytes_as(fact, encoding->type), &copy.ref);

	if (!ret)
		ret = store_as(group, i, encoding, copy.ref);
	return ret ? ret : nn_add_copy(lower, &copy);
}

static int store_value(struct nn_group *group, size_t i)
{
	const struct nn_value *value = group->known[i].value;
	uint32_t uses = wanted(group, value), encoded = group->lower->encoded_uses[value->index];
	struct nn_encoding encoding;
	int ret = 1;

	if (!uses)
		return 0;
	if (encoded && nn_encoding_of(group->lower, value, &encoding))
		ret = store_encoded(group, i, &encoding);
	if (!ret && uses == encoded)
		group->lower->place[value->index].storage = 0;
	if (ret < 0 || (!ret && uses == encoded))
		return ret;
	/* Whoever finds no representation for products makes it from the plain one. */
	return store_plain(group, i);
}

int nn_group_store(struct nn_group *group)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < group->known_count && !ret; i++)
		if (!group->lower->ready[group->known[i].value->index])
			ret = store_value(group, i);
	return ret;
}

int nn_group_store_result(struct nn_group *group, const struct nn_node *node, size_t position,
			  int number, bool grow)
{
	if (!nn_group_define(group, node->outputs[0], number, NULL) ||
	    !nn_group_add_node(group, node, position))
		return nn_cannot(group->lower, "it is too large");
	if (grow)
		nn_group_grow(group);
	return nn_group_store(group);
}

void nn_group_relocate(const struct nn_group *group, struct nn_item *item, size_t program_at)
{
	size_t i, at;

	for (i = 0; i < group->program.streams; i++) {
		at = program_at + offsetof(struct egret_nn_program, operand) +
		     i * sizeof(struct egret_nn_operand);
		nn_plan_reloc(item, at + offsetof(struct egret_nn_operand, address),
			      group->program.stream[i].ref);
		if (group->program.stream[i].indexed)
			nn_plan_reloc(item, at + offsetof(struct egret_nn_operand, index),
				      group->program.stream[i].index);
	}
}

int nn_group_launch_tile(struct nn_group *group)
{
	struct nn_layout layout = { .clusters = group->lower->plan->card->clusters,
				    .memory = EGRET_NN_MEMORY };
	struct egret_nn_tile_args *args;
	struct nn_item *item;

	nn_simplify(&group->program);
	nn_drop_unused(&group->program);
	nn_program_merge(&group->program);
	item = nn_plan_launch(group->lower->plan, NN_KERNEL_TILE, sizeof(*args));
	if (!item)
		return accel_fail_errno(-ENOMEM, WHAT);
	args = item->args;
	if (!nn_program_layout(&group->program, &layout, &args->program))
		return nn_cannot(group->lower, "it does not fit into scratchpad");
	item->groups = layout.groups;
	nn_group_relocate(group, item, offsetof(struct egret_nn_tile_args, program));
	return 0;
}

/* ---- Groups that are programs only ---- */

/* A space in which the dimensions that are summed up come last. */
static void order_rows(struct nn_group *group, const struct nn_shape *shape, unsigned int axes)
{
	int64_t dims[NN_RANK_MAX];
	int i, n = 0, pass;

	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < shape->rank; i++) {
			if ((axes >> i & 1) != (unsigned int)pass)
				continue;
			group->axis[n] = i;
			dims[n++] = shape->dims[i];
		}
	}
	nn_program_init(&group->program, n, dims);
	group->reduced = axes;
	group->program.reduced = __builtin_popcount(axes);
}

static int make_tile(struct nn_lower *lower, const struct nn_node *node, size_t position,
		     struct nn_group *group, bool grow)
{
	const struct nn_value *over = nn_is_reduction(node) ? node->inputs[0] : node->outputs[0];
	const struct nn_shape *shape = &nn_fact_of(lower, over)->shape;
	unsigned int axes;
	int ret;

	nn_group_begin(lower, group, shape);
	group->rows = true;
	if (nn_is_reduction(node)) {
		if (!nn_reduction_axes(lower, node, &axes))
			return nn_cannot(lower, "its axes are not known");
		if (!axes)
			return nn_cannot(lower, "it sums nothing up");
		order_rows(group, shape, axes);
	}
	if (!add_node(group, node, position))
		return lower->why ? 1 : nn_cannot(lower, "its types or attributes");
	if (grow)
		nn_group_grow(group);
	ret = nn_group_store(group);
	return ret ? ret : nn_group_launch_tile(group);
}

/* ---- Walking through the graph ---- */

static bool is_view(const struct nn_node *node)
{
	static const char *const names[] = { "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity",
					     "Dropout" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(node->type, names[i]))
			return !node->domain[0];
	return false;
}

static bool is_empty(const struct nn_lower *lower, const struct nn_value *value)
{
	const struct nn_fact *fact = nn_fact_of(lower, value);
	size_t count;

	return fact && nn_shape_count(&fact->shape, &count) && !count;
}

static bool makes_nothing(const struct nn_lower *lower, const struct nn_node *node)
{
	size_t i;

	for (i = 0; i < node->output_count; i++)
		if (node->outputs[i] && !is_empty(lower, node->outputs[i]))
			return false;
	return true;
}

/* The node has been done: what it needed is needed by one less, what it makes is there. */
static void finish_node(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	struct nn_value *value;
	size_t i;

	lower->done[position] = true;
	for (i = 0; nn_node_dependency(node, i, &value); i++) {
		if (!value)
			continue;
		lower->uses[value->index]--;
		lower->encoded_uses[value->index] -= nn_reads_encoded(lower, node, i);
	}
	for (i = 0; i < node->output_count; i++)
		if (node->outputs[i])
			lower->ready[node->outputs[i]->index] = true;
}

/* How far the plan is, to go back to. */
struct mark {
	size_t items, copies;
};

static struct mark set_mark(const struct nn_lower *lower)
{
	return (struct mark){ .items = lower->plan->item_count, .copies = lower->copy_count };
}

/* Constants that were uploaded stay: they will be needed. */
static void go_back(struct nn_lower *lower, const struct mark *mark)
{
	struct nn_plan *plan = lower->plan;

	while (plan->item_count > mark->items)
		free(plan->items[--plan->item_count].args);
	while (lower->copy_count > mark->copies) {
		const struct nn_copy *copy = &lower->copies[--lower->copy_count];

		if (copy->plain)
			lower->place[copy->value->index].storage = 0;
	}
	nn_this_step(lower)->launches = 0;
}

static const struct nn_lowering_entry *find_entry(const struct nn_lowering_entry *entry,
						   const char *name)
{
	while (entry->name && strcmp(entry->name, name))
		entry++;
	return entry->name ? entry : NULL;
}

static const struct nn_lowering_entry *find_lowering(const struct nn_node *node)
{
	static const struct nn_lowering_entry *const tables[] = { nn_lower_product, nn_lower_window,
								  nn_lower_layout, nn_lower_resize,
								  nn_lower_index, nn_lower_attention,
								  nn_lower_norm, nn_lower_recurrent,
								  nn_lower_arrange, nn_lower_losses,
								  nn_lower_quant, nn_lower_grid,
								  nn_lower_order };
	const struct nn_lowering_entry *entry = NULL;
	size_t i;

	if (!strcmp(node->domain, NN_MICROSOFT))
		return find_entry(nn_lower_blocks, node->type);
	for (i = 0; i < sizeof(tables) / sizeof(tables[0]) && !node->domain[0] && !entry; i++)
		entry = find_entry(tables[i], node->type);
	return entry;
}

/* Mark a group's nodes as done, and name them in the step. */
int nn_group_finish(struct nn_group *group)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < group->node_count && !ret; i++) {
		finish_node(group->lower, group->nodes[i], group->node_positions[i]);
		ret = nn_plan_step_node(nn_this_step(group->lower), group->nodes[i]);
	}
	return ret;
}

int nn_lower_group(struct nn_lower *lower, const struct nn_node *node, size_t position,
		   nn_making *make)
{
	struct nn_group *group = malloc(sizeof(*group));
	struct mark mark = set_mark(lower);
	int ret;

	if (!group)
		return accel_fail_errno(-ENOMEM, WHAT);
	ret = make(lower, node, position, group, true);
	if (ret == 1) {
		go_back(lower, &mark);
		lower->why = NULL;
		ret = make(lower, node, position, group, false);
	}
	if (!ret)
		ret = nn_group_finish(group);
	free(group);
	return ret;
}

/*
 * What the node uses has its plain representation, made by launches that come before those of
 * the node, which may overlap.
 */
static int place_plain(struct nn_lower *lower, const struct nn_node *node)
{
	struct nn_value *value;
	struct nn_ref ref;
	int ret = 0;
	size_t i;

	for (i = 0; !ret && nn_node_dependency(node, i, &value); i++)
		if (value && !lower->place[value->index].storage && nn_find_integers(lower, value))
			ret = nn_place_of(lower, value, &ref);
	return ret;
}

/* DequantizeLinear's result has its input as a representation. */
static int lower_other_light(struct nn_lower *lower, const struct nn_node *node, size_t position,
			     const struct nn_encoding *encoding)
{
	struct nn_copy copy = { .value = node->outputs[0], .encoding = *encoding };
	int ret = nn_place_of(lower, node->inputs[0], &copy.ref);

	if (!ret)
		ret = nn_add_copy(lower, &copy);
	return ret ? ret : nn_lower_done(lower, node, position);
}

static int on_card(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	const struct nn_lowering_entry *entry = find_lowering(node);
	struct nn_encoding encoding;
	int ret = 0;

	lower->why = NULL;
	if (nn_is_other_light(lower, node, &encoding))
		return lower_other_light(lower, node, position, &encoding);
	if (entry && !nn_is_encoded_product(lower, node) && !nn_is_integer_product(lower, node))
		ret = place_plain(lower, node);
	if (ret)
		return ret;
	if (entry && entry->empty)
		return entry->lower(lower, node, position);
	/* Sums of nothing are left to the host. */
	if (node->input_count && node->inputs[0] && is_empty(lower, node->inputs[0]))
		return nn_cannot(lower, "its input is empty");
	if (entry)
		return entry->lower(lower, node, position);
	if (nn_is_elementwise(node) || nn_is_reduction(node))
		return nn_lower_group(lower, node, position, make_tile);
	return nn_cannot(lower, "there is no kernel for it");
}

/* The same of what products of the card take from constants. */
static int place_swapped(struct nn_lower *lower, const struct nn_node *node)
{
	struct nn_value *value;
	struct nn_ref ref;
	int ret = 0;
	size_t i;

	for (i = 0; !ret && nn_node_dependency(node, i, &value); i++)
		if (value && value->swapped)
			ret = nn_place_of(lower, value, &ref);
	return ret;
}

static int on_host(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	struct nn_plan_step *step = nn_this_step(lower);
	struct nn_item *item;
	size_t i;
	int ret;

	if (!node->op || node->op->unsupported || !node->op->evaluate)
		return nn_fail_unsupported(node);
	ret = place_plain(lower, node);
	if (!ret)
		ret = place_swapped(lower, node);
	if (ret)
		return ret;
	step = nn_this_step(lower);
	step->where = NN_ON_HOST;
	step->why = lower->why;
	item = nn_plan_host(lower->plan, node);
	if (!item)
		return accel_fail_errno(-ENOMEM, WHAT);
	for (i = 0; i < item->host->count; i++) {
		const struct nn_value *value = item->host->values[i];
		struct nn_fact *fact = nn_fact_of(lower, value), *own = &item->host->facts[i];

		if (!fact)
			continue;
		own->type = fact->type;
		own->shape = fact->shape;
		own->raw = fact->raw;
		item->host->held[i] = nn_held_type(lower, value);
		if (!is_known(fact)) {
			ret = nn_place_of(lower, value, &item->host->refs[i]);
			if (ret)
				return ret;
		} else if (!fact->raw) {
			ret = nn_tensor_init(&own->tensor, fact->type, &fact->shape);
			if (ret)
				return accel_fail_errno(ret, WHAT);
			memcpy(own->tensor.data, fact->tensor.data, bytes_of(fact));
		}
	}
	finish_node(lower, node, position);
	return nn_plan_step_node(step, node);
}

int nn_lower_view(struct nn_lower *lower, const struct nn_node *node, size_t output,
		  const struct nn_value *of, int64_t offset)
{
	struct nn_ref ref;
	int ret = nn_place_of(lower, of, &ref);

	ref.offset += offset;
	lower->place[node->outputs[output]->index] = ref;
	return ret;
}

int nn_lower_done(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	struct nn_plan_step *step = nn_this_step(lower);

	if (!step->launches && step->where == NN_ON_CARD)
		step->where = NN_NOWHERE;
	finish_node(lower, node, position);
	return nn_plan_step_node(step, node);
}

static int lower_view(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	int ret = nn_lower_view(lower, node, 0, node->inputs[0], 0);

	return ret ? ret : nn_lower_done(lower, node, position);
}

static int check_known(struct nn_lower *lower, const struct nn_node *node)
{
	size_t i;

	if (!node->op || node->op->unsupported)
		return nn_fail_unsupported(node);
	for (i = 0; i < node->output_count; i++) {
		const struct nn_fact *fact = nn_fact_of(lower, node->outputs[i]);

		if (fact && !nn_can_lower(fact))
			return nn_fail_node(node, -EINVAL, "give the shapes of all inputs",
					    "the size of its result depends on what it computes");
	}
	return 0;
}

static int lower_node(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	struct mark mark = set_mark(lower);
	int ret = check_known(lower, node);

	if (ret)
		return ret;
	if (!nn_plan_step(lower->plan))
		return accel_fail_errno(-ENOMEM, WHAT);
	if (makes_nothing(lower, node)) {
		nn_this_step(lower)->where = NN_NOWHERE;
		finish_node(lower, node, position);
		return nn_plan_step_node(nn_this_step(lower), node);
	}
	if (is_view(node) && (node->output_count < 2 || !node->outputs[1]))
		return lower_view(lower, node, position);
	ret = on_card(lower, node, position);
	if (ret != 1)
		return ret;
	go_back(lower, &mark);
	return on_host(lower, node, position);
}

/* ---- The whole ---- */

static bool all_known(const struct nn_lower *lower, const struct nn_node *node)
{
	size_t i;

	for (i = 0; i < node->output_count; i++)
		if (node->outputs[i] && !is_known(nn_fact_of(lower, node->outputs[i])))
			return false;
	return true;
}

static void count_uses(struct nn_lower *lower, const struct nn_graph *graph)
{
	struct nn_value *value;
	size_t i, k;

	for (i = 0; i < lower->facts->model->value_count; i++)
		lower->ready[i] = is_known(&lower->facts->facts[i]);
	for (i = 0; i < graph->input_count; i++)
		lower->ready[graph->inputs[i]->index] = true;
	for (i = 0; i < graph->node_count; i++) {
		const struct nn_node *node = graph->nodes[i];

		lower->done[i] = all_known(lower, node);
		for (k = 0; !lower->done[i] && nn_node_dependency(node, k, &value); k++) {
			if (!value)
				continue;
			lower->uses[value->index]++;
			lower->encoded_uses[value->index] += nn_reads_encoded(lower, node, k);
		}
	}
	for (i = 0; i < graph->output_count; i++)
		lower->uses[graph->outputs[i]->index]++;
}

static int set_port(struct nn_lower *lower, const struct nn_value *value, struct nn_port_place *port,
		    bool output)
{
	struct nn_fact *fact = nn_fact_of(lower, value);

	if (fact->kind != NN_TENSOR || fact->optional || fact->type == NN_STRING)
		return accel_fail(-ENOTSUP, WHAT, "run it on the host",
				  "an input or output is not a tensor of numbers");
	if (!nn_can_lower(fact))
		return accel_fail(-EINVAL, WHAT, "give the shapes of all inputs",
				  "the shape of an input or output is not known");
	port->value = value;
	port->type = fact->type;
	port->shape = fact->shape;
	port->bytes = bytes_of(fact);
	if (!output || !is_known(fact))
		return nn_place_of(lower, value, &port->ref);
	/* A result that does not depend on the inputs. */
	if (!nn_contents(fact))
		return accel_fail_errno(-ENOMEM, WHAT);
	port->known = malloc(port->bytes + 1);
	if (!port->known)
		return accel_fail_errno(-ENOMEM, WHAT);
	memcpy(port->known, fact->tensor.data, port->bytes);
	return 0;
}

static int lower_all(struct nn_lower *lower)
{
	const struct nn_graph *graph = lower->plan->card->model->graph;
	struct nn_plan *plan = lower->plan;
	size_t i;
	int ret = nn_choose_held(lower);

	count_uses(lower, graph);
	for (i = 0; i < graph->input_count && !ret; i++)
		ret = set_port(lower, graph->inputs[i], &plan->inputs[i], false);
	for (i = 0; i < graph->node_count && !ret; i++)
		if (!lower->done[i])
			ret = lower_node(lower, graph->nodes[i], i);
	for (i = 0; i < graph->output_count && !ret; i++)
		ret = set_port(lower, graph->outputs[i], &plan->outputs[i], true);
	return ret;
}

static size_t most_ports(const struct nn_graph *graph)
{
	size_t i, most = 0;

	for (i = 0; i < graph->node_count; i++)
		if (graph->nodes[i]->input_count + graph->nodes[i]->output_count > most)
			most = graph->nodes[i]->input_count + graph->nodes[i]->output_count;
	return most;
}

int nn_lower(struct nn_plan *plan, struct nn_facts *facts)
{
	const struct nn_model *model = plan->card->model;
	size_t values = model->value_count + 1, nodes = model->graph->node_count + 1;
	struct nn_lower lower = {
		.plan = plan,
		.facts = facts,
		.place = calloc(values, sizeof(*lower.place)),
		.ready = calloc(values, sizeof(*lower.ready)),
		.done = calloc(nodes, sizeof(*lower.done)),
		.uses = calloc(values, sizeof(*lower.uses)),
		.held = calloc(values, sizeof(*lower.held)),
		.encoded_uses = calloc(values, sizeof(*lower.encoded_uses)),
		.call_facts = calloc(most_ports(model->graph) + 1, sizeof(struct nn_fact *)),
	};
	int ret;

	if (lower.place && lower.ready && lower.done && lower.uses && lower.held &&
	    lower.encoded_uses && lower.call_facts)
		ret = lower_all(&lower);
	else
		ret = accel_fail_errno(-ENOMEM, WHAT);
	free(lower.place);
	free(lower.ready);
	free(lower.done);
	free(lower.uses);
	free(lower.held);
	free(lower.encoded_uses);
	free(lower.copies);
	free(lower.call_facts);
	return ret;
}
