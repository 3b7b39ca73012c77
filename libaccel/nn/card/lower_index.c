// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Operators whose indices name elements in several dimensions at once. The DMA unit takes an
 * index along one dimension only, so first all the numbers of an index become one: a table of
 * 32-bit words, each of them the place of an element, or of a block of elements, in a tensor
 * that is thought of as one row. Known indices are counted here; computed ones by a launch of
 * their own. Then a load by the table gathers, and a store by it scatters. What is outside of the
 * tensor is loaded as zero, and not stored.
 *
 * Stores come in no order. So two indices that are the same, which ONNX forbids, leave one of the
 * two elements. Where new elements are to be combined with the old one and with each other, nothing is
 * scattered: each element of the result looks through all updates for its own.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../error.h"
#include "move.h"

#define WHAT	"cannot plan the model"

/* How indices become places: place i = base[i] + the sum of step[j] * index[i][j]. */
struct places {
	const struct nn_value *index;
	size_t count;			/* of places */
	int depth;			/* numbers to a place */
	int64_t size[NN_RANK_MAX];	/* of the dimension: negative numbers count from its end */
	int64_t step[NN_RANK_MAX];
	int32_t *base;			/* NULL: zeros */
	int64_t extent;			/* places that there are */
	/* Results. */
	struct nn_ref table;
	bool in_order;			/* it is known that place i is i, and that they are all */
};

static struct nn_shape *shape_of(const struct nn_lower *lower, const struct nn_value *value)
{
	return &nn_fact_of(lower, value)->shape;
}

static int known_places(struct nn_lower *lower, struct places *p, const struct nn_tensor *index)
{
	int32_t *table = malloc(p->count * sizeof(*table) + 1);
	int64_t place, number;
	size_t i;
	int ret, j;

	if (!table)
		return accel_fail_errno(-ENOMEM, WHAT);
	p->in_order = (int64_t)p->count == p->extent;
	for (i = 0; i < p->count; i++) {
		place = p->base ? p->base[i] : 0;
		for (j = 0; j < p->depth; j++) {
			number = nn_get_int(index, i * (size_t)p->depth + (size_t)j);
			number += number < 0 ? p->size[j] : 0;
			/* What is beyond one dimension is beyond all. */
			place += number < 0 || number >= p->size[j] ? INT32_MIN / 16 :
				 number * p->step[j];
		}
		table[i] = (int32_t)(place < 0 ? -1 : place);
		p->in_order &= table[i] == (int32_t)i;
	}
	ret = nn_plan_constant(lower->plan, table, p->count * sizeof(*table), &p->table);
	free(table);
	return ret;
}

/* A number of 32 bits for each of a dimension's, to be loaded. */
static int load_numbers(struct nn_lower *lower, struct nn_program *program, const int64_t *numbers,
			size_t count, int dim)
{
	int64_t stride[NN_RANK_MAX] = { 0 };
	int32_t words[NN_RANK_MAX];
	struct nn_ref ref;
	size_t i;

	for (i = 0; i < count; i++)
		words[i] = (int32_t)numbers[i];
	stride[dim] = sizeof(int32_t);
	if (nn_plan_constant(lower->plan, words, count * sizeof(*words), &ref))
		return -1;
	return nn_program_load(program, EGRET_TYPE_S32, ref, stride);
}

static int computed_places(struct nn_lower *lower, struct places *p)
{
	const struct nn_fact *fact = nn_fact_of(lower, p->index);
	int64_t dims[2] = { (int64_t)p->count, p->depth }, to[2] = { 4, 0 }, from[2], base[2] = { 4, 0 };
	struct nn_program program;
	struct nn_ref ref;
	int x, y, step, size, ret = nn_place_of(lower, p->index, &ref);

	if (!ret)
		ret = nn_plan_place(lower->plan, p->count * sizeof(int32_t), &p->table);
	if (ret)
		return ret;
	nn_program_init(&program, 2, dims);
	program.reduced = 1;
	from[1] = nn_type_bits(fact->type) / 8;
	from[0] = from[1] * p->depth;
	x = nn_program_load(&program, nn_card_type(fact->type), ref, from);
	size = load_numbers(lower, &program, p->size, (size_t)p->depth, 1);
	step = load_numbers(lower, &program, p->step, (size_t)p->depth, 1);
	y = nn_map2(&program, EGRET_MAP_ADD, EGRET_TYPE_S32, x, NN_VALUE(size));
	size = nn_map2(&program, EGRET_MAP_LT, EGRET_TYPE_U8, x, nn_integer(0));
	x = nn_map3(&program, EGRET_MAP_SELECT, EGRET_TYPE_S32, size, NN_VALUE(y), NN_VALUE(x));
	x = nn_map2(&program, EGRET_MAP_MUL, EGRET_TYPE_S32, x, NN_VALUE(step));
	x = nn_program_reduce(&program, EGRET_REDUCE_SUM, EGRET_TYPE_S32, x);
	if (p->base) {
		ret = nn_plan_constant(lower->plan, p->base, p->count * sizeof(*p->base), &ref);
		if (ret)
			return ret;
		y = nn_program_load(&program, EGRET_TYPE_S32, ref, base);
		x = nn_map2(&program, EGRET_MAP_ADD, EGRET_TYPE_S32, x, NN_VALUE(y));
	}
	if (!nn_program_store(&program, x, p->table, to))
		return nn_cannot(lower, "it has too many operands");
	return nn_launch_program(lower, &program, false);
}

static int make_places(struct nn_lower *lower, struct places *p)
{
	const struct nn_tensor *known = nn_known(lower, p->index);

	if (p->extent > INT32_MAX / 16 || p->count > INT32_MAX / 16)
		return nn_cannot(lower, "it has too many elements");
	return known ? known_places(lower, p, known) : computed_places(lower, p);
}

/* Blocks of a tensor to and from places of another one. */
struct blocks {
	enum egret_type type;
	int64_t size;			/* of elements, in bytes */
	int64_t length;			/* elements of a block */
};

static int begin_blocks(struct nn_lower *lower, enum nn_type type, int64_t length, struct blocks *b)
{
	b->type = nn_moved_type(type);
	b->size = nn_type_bits(type) / 8;
	b->length = length;
	return b->type == EGRET_TYPE_NONE ? nn_cannot(lower, "its elements have odd sizes") : 0;
}

static int gather_blocks(struct nn_lower *lower, const struct places *p, const struct blocks *b,
			 struct nn_ref from, struct nn_ref to)
{
	int64_t dims[2] = { (int64_t)p->count, b->length }, stride[2] = { b->length * b->size, b->size };
	struct nn_program program;
	int value;

	nn_program_init(&program, 2, dims);
	value = nn_load_indexed(&program, b->type, from, stride, 0, p->extent, p->table);
	if (!nn_program_store(&program, value, to, stride))
		return nn_cannot(lower, "it has too many operands");
	return nn_launch_program(lower, &program, false);
}

static int scatter_blocks(struct nn_lower *lower, const struct places *p, const struct blocks *b,
			  struct nn_ref from, struct nn_ref to)
{
	int64_t dims[2] = { (int64_t)p->count, b->length }, stride[2] = { b->length * b->size, b->size };
	struct nn_program program;
	int value;

	nn_program_init(&program, 2, dims);
	value = nn_program_load(&program, b->type, from, stride);
	if (!nn_store_indexed(&program, value, to, stride, 0, p->extent, p->table))
		return nn_cannot(lower, "it has too many operands");
	return nn_launch_program(lower, &program, false);
}

/* ---- Elements by an index along one axis ---- */

/* The place in `data` of each place of `index`, if the index there were 0. */
static int element_bases(const struct nn_shape *data, const struct nn_shape *index, int axis,
			 struct places *p)
{
	int64_t step[NN_RANK_MAX], at[NN_RANK_MAX] = { 0 }, base;
	size_t i;
	int k;

	p->base = malloc(p->count * sizeof(*p->base) + 1);
	if (!p->base)
		return accel_fail_errno(-ENOMEM, WHAT);
	nn_steps(data, step);
	p->step[0] = step[axis];
	for (i = 0; i < p->count; i++) {
		for (k = 0, base = 0; k < index->rank; k++)
			base += k == axis ? 0 : at[k] * step[k];
		p->base[i] = (int32_t)base;
		for (k = index->rank - 1; k >= 0 && ++at[k] == index->dims[k]; k--)
			at[k] = 0;
	}
	return 0;
}

static int element_places(struct nn_lower *lower, const struct nn_node *node, struct places *p)
{
	const struct nn_shape *data = shape_of(lower, node->inputs[0]);
	const struct nn_shape *index = shape_of(lower, node->inputs[1]);
	struct nn_call call = nn_call_of(lower, node);
	int axis = (int)nn_attr_int(&call, "axis"), i, ret;
	size_t count;

	axis += axis < 0 ? data->rank : 0;
	*p = (struct places){ .index = node->inputs[1], .depth = 1, .size = { data->dims[axis] } };
	if (index->rank != data->rank || !nn_shape_count(data, &count) ||
	    !nn_shape_count(index, &p->count))
		return nn_cannot(lower, "its indices do not fit");
	for (i = 0; i < data->rank; i++)
		if (i != axis && index->dims[i] > data->dims[i])
			return nn_cannot(lower, "its indices do not fit");
	p->extent = (int64_t)count;
	if (p->extent > INT32_MAX / 16 || p->count > INT32_MAX / 16)
		return nn_cannot(lower, "it has too many elements");
	ret = element_bases(data, index, axis, p);
	return ret ? ret : make_places(lower, p);
}

/* ---- Blocks by an index of several dimensions ---- */

/* `before` dimensions are gone through together; then come those that an index has numbers for. */
static int block_places(struct nn_lower *lower, const struct nn_value *data,
			const struct nn_value *indices, int before, struct places *p, int64_t *block)
{
	const struct nn_shape *in = shape_of(lower, data), *index = shape_of(lower, indices);
	int64_t step = 1, batch;
	size_t count, i;
	int k, depth = (int)index->dims[index->rank - 1];

	*p = (struct places){ .index = indices, .depth = depth };
	if (depth < 1 || before + depth > in->rank || !nn_shape_count(index, &count) || !count)
		return nn_cannot(lower, "its indices do not fit");
	p->count = count / (size_t)depth;
	for (k = before + depth, *block = 1; k < in->rank; k++)
		*block *= in->dims[k];
	for (k = depth - 1; k >= 0; k--) {
		p->size[k] = in->dims[before + k];
		p->step[k] = step;
		step *= p->size[k];
	}
	for (k = 0, batch = 1; k < before; k++)
		batch *= in->dims[k];
	p->extent = step * batch;
	if (batch == 1)
		return make_places(lower, p);
	p->base = malloc(p->count * sizeof(*p->base));
	if (!p->base)
		return accel_fail_errno(-ENOMEM, WHAT);
	for (i = 0; i < p->count; i++)
		p->base[i] = (int32_t)((int64_t)(i / (p->count / (size_t)batch)) * step);
	return make_places(lower, p);
}

/* ---- Gathering ---- */

static int gather(struct nn_lower *lower, const struct nn_node *node, size_t position,
		  const struct places *p, int64_t block)
{
	struct nn_ref from, to;
	struct blocks b;
	int ret = begin_blocks(lower, nn_fact_of(lower, node->inputs[0])->type, block, &b);

	if (!ret)
		ret = nn_place_of(lower, node->inputs[0], &from);
	if (!ret)
		ret = nn_place_of(lower, node->outputs[0], &to);
	if (!ret)
		ret = gather_blocks(lower, p, &b, from, to);
	return ret ? ret : nn_lower_done(lower, node, position);
}

static int lower_gather_elements(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	struct places p;
	int ret = element_places(lower, node, &p);

	if (!ret)
		ret = gather(lower, node, position, &p, 1);
	free(p.base);
	return ret;
}

static int lower_gather_nd(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	struct nn_call call = nn_call_of(lower, node);
	int before = node->op->since < 12 ? 0 : (int)nn_attr_int(&call, "batch_dims");
	struct places p;
	int64_t block;
	int ret = block_places(lower, node->inputs[0], node->inputs[1], before, &p, &block);

	if (!ret)
		ret = gather(lower, node, position, &p, block);
	free(p.base);
	return ret;
}

/* ---- Scattering ---- */

/* How updates are combined with what is there. */
struct combining {
	const char *name;
	enum egret_reduce_op reduce;
	enum egret_map_op map;
	float neutral;
};

/* NULL: the last one counts. */
static const struct combining *find_combining(const struct nn_lower *lower, const struct nn_node *node)
{
	static const struct combining all[] = {
		{ "add", EGRET_REDUCE_SUM, EGRET_MAP_ADD, 0 },
		{ "mul", EGRET_REDUCE_PROD, EGRET_MAP_MUL, 1 },
		{ "max", EGRET_REDUCE_MAX, EGRET_MAP_MAX, -INFINITY },
		{ "min", EGRET_REDUCE_MIN, EGRET_MAP_MIN, INFINITY },
	};
	struct nn_call call = nn_call_of(lower, node);
	size_t i;

	for (i = 0; node->op->since >= 16 && i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(nn_attr_text(&call, "reduction"), all[i].name))
			return &all[i];
	return NULL;
}

/* More than these take longer than the host does. */
#define COMBINED_MAX	(INT64_C(1) << 23)

/*
 * Several updates may have one place, and nobody knows which. So each element looks through all of them for
 * those that are its own.
 */
static int combine(struct nn_lower *lower, const struct nn_node *node, size_t position,
		   const struct places *p, int64_t block, const struct combining *how)
{
	const int64_t dims[3] = { p->extent, block, (int64_t)p->count };
	const int64_t by_place[3] = { 0, 0, 4 }, by_update[3] = { 0, 4, block * 4 };
	const int64_t by_element[3] = { block * 4, 4, 0 };
	struct nn_ref data, updates, to;
	int x, place, hit, ret = nn_place_of(lower, node->inputs[0], &data);
	struct nn_program program;

	if (nn_fact_of(lower, node->inputs[0])->type != NN_F32)
		return nn_cannot(lower, "it combines elements that are not float32");
	if (p->extent * block > COMBINED_MAX / (int64_t)p->count)
		return nn_cannot(lower, "it combines too many elements");
	if (!ret)
		ret = nn_place_of(lower, node->inputs[2], &updates);
	if (!ret)
		ret = nn_place_of(lower, node->outputs[0], &to);
	if (ret)
		return ret;
	nn_program_init(&program, 3, dims);
	program.reduced = 1;
	place = nn_program_load(&program, EGRET_TYPE_S32, p->table, by_place);
	hit = nn_load_counting(lower, &program, 0, 0, 1);
	hit = nn_map2(&program, EGRET_MAP_EQ, EGRET_TYPE_U8, place, NN_VALUE(hit));
	x = nn_program_load(&program, EGRET_TYPE_F32, updates, by_update);
	x = nn_map3(&program, EGRET_MAP_SELECT, EGRET_TYPE_F32, hit, NN_VALUE(x),
		    nn_number(how->neutral));
	x = nn_program_reduce(&program, how->reduce, EGRET_TYPE_F32, x);
	place = nn_program_load(&program, EGRET_TYPE_F32, data, by_element);
	x = nn_map2(&program, how->map, EGRET_TYPE_F32, place, NN_VALUE(x));
	if (x < 0 || !nn_program_store(&program, x, to, by_element))
		return nn_cannot(lower, "it has too many operands");
	ret = nn_launch_program(lower, &program, false);
	return ret ? ret : nn_lower_done(lower, node, position);
}

/* The data as they are: where the copy is. */
static int copy_data(struct nn_lower *lower, const struct nn_node *node, const struct blocks *b,
		     struct nn_ref *to)
{
	struct nn_move move = { .rank = 1, .type = b->type };
	size_t count;
	int ret;

	nn_shape_count(shape_of(lower, node->inputs[0]), &count);
	move.dims[0] = (int64_t)count;
	move.from_stride[0] = move.to_stride[0] = b->size;
	ret = nn_place_of(lower, node->inputs[0], &move.from);
	if (!ret)
		ret = nn_place_of(lower, node->outputs[0], &move.to);
	*to = move.to;
	return ret ? ret : nn_launch_move(lower, &move);
}

/* The data, then the updates at their places. */
static int scatter(struct nn_lower *lower, const struct nn_node *node, size_t position,
		   const struct places *p, int64_t block)
{
	const struct nn_fact *data = nn_fact_of(lower, node->inputs[0]);
	const struct combining *how = find_combining(lower, node);
	struct nn_ref updates, to;
	struct blocks b;
	int ret = begin_blocks(lower, data->type, block, &b);

	if (ret)
		return ret;
	if (how && p->count)
		return combine(lower, node, position, p, block, how);
	/* Nothing remains of the data: tracing frameworks write "x[:, :n] = y" this way. */
	if (p->in_order) {
		ret = nn_lower_view(lower, node, 0, node->inputs[2], 0);
		return ret ? ret : nn_lower_done(lower, node, position);
	}
	ret = copy_data(lower, node, &b, &to);
	if (!ret)
		ret = nn_place_of(lower, node->inputs[2], &updates);
	if (!ret && p->count)
		ret = scatter_blocks(lower, p, &b, updates, to);
	return ret ? ret : nn_lower_done(lower, node, position);
}

static int lower_scatter_elements(struct nn_lower *lower, const struct nn_node *node,
				  size_t position)
{
	struct places p;
	int ret;

	ret = element_places(lower, node, &p);
	if (!ret)
		ret = scatter(lower, node, position, &p, 1);
	free(p.base);
	return ret;
}

static int lower_scatter_nd(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	struct places p;
	int64_t block;
	int ret;

	ret = block_places(lower, node->inputs[0], node->inputs[1], 0, &p, &block);
	if (!ret)
		ret = scatter(lower, node, position, &p, block);
	free(p.base);
	return ret;
}

/* ---- TensorScatter ---- */

/* New rows of a cache: (batch, what lies between, place along the axis), and the size of a row. */
struct rows {
	int64_t batch, between, count, size, length;
	bool circular;
};

static void read_rows(const struct nn_lower *lower, const struct nn_node *node, struct rows *r)
{
	const struct nn_shape *cache = shape_of(lower, node->inputs[0]);
	const struct nn_shape *update = shape_of(lower, node->inputs[1]);
	struct nn_call call = nn_call_of(lower, node);
	int axis = (int)nn_attr_int(&call, "axis"), i;

	axis += axis < 0 ? cache->rank : 0;
	*r = (struct rows){ .batch = cache->dims[0], .between = 1, .count = update->dims[axis],
			    .size = cache->dims[axis], .length = 1,
			    .circular = !strcmp(nn_attr_text(&call, "mode"), "circular") };
	for (i = 1; i < axis; i++)
		r->between *= cache->dims[i];
	for (i = axis + 1; i < cache->rank; i++)
		r->length *= cache->dims[i];
}

/* The table of where rows go: (batch * between + i) * size + (start[batch] + place) modulo size. */
static int row_places(struct nn_lower *lower, const struct nn_value *starts, const struct rows *r,
		      struct places *p)
{
	const int64_t dims[3] = { r->batch, r->between, r->count }, by_batch[3] = { 8, 0, 0 };
	const int64_t to[3] = { r->between * r->count * 4, r->count * 4, 4 };
	struct nn_program program;
	struct nn_ref ref;
	int x, y, ret = starts ? nn_place_of(lower, starts, &ref) : 0;

	*p = (struct places){ .count = (size_t)(r->batch * r->between * r->count),
			      .extent = r->batch * r->between * r->size };
	if (p->extent > INT32_MAX / 16)
		return nn_cannot(lower, "it has too many elements");
	if (!ret)
		ret = nn_plan_place(lower->plan, p->count * sizeof(int32_t), &p->table);
	if (ret)
		return ret;
	nn_program_init(&program, 3, dims);
	x = nn_load_counting(lower, &program, 2, 0, 1);
	if (starts) {
		y = nn_program_load(&program, EGRET_TYPE_S64, ref, by_batch);
		x = nn_map2(&program, EGRET_MAP_ADD, EGRET_TYPE_S32, x, NN_VALUE(y));
	}
	if (r->circular)
		x = nn_map2(&program, EGRET_MAP_REM, EGRET_TYPE_S32, x,
			    nn_integer((int32_t)r->size));
	y = nn_load_counting(lower, &program, 0, 0, r->between * r->size);
	x = nn_map2(&program, EGRET_MAP_ADD, EGRET_TYPE_S32, x, NN_VALUE(y));
	y = nn_load_counting(lower, &program, 1, 0, r->size);
	x = nn_map2(&program, EGRET_MAP_ADD, EGRET_TYPE_S32, x, NN_VALUE(y));
	if (x < 0 || !nn_program_store(&program, x, p->table, to))
		return nn_cannot(lower, "it has too many operands");
	return nn_launch_program(lower, &program, false);
}

static int lower_tensor_scatter(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	const struct nn_value *starts = node->input_count > 2 ? node->inputs[2] : NULL;
	const struct nn_fact *cache = nn_fact_of(lower, node->inputs[0]);
	struct nn_ref updates, to;
	struct places p;
	struct blocks b;
	struct rows r;
	int ret;

	read_rows(lower, node, &r);
	ret = begin_blocks(lower, cache->type, r.length, &b);
	if (!ret)
		ret = row_places(lower, starts, &r, &p);
	if (!ret)
		ret = copy_data(lower, node, &b, &to);
	if (!ret)
		ret = nn_place_of(lower, node->inputs[1], &updates);
	if (!ret && p.count)
		ret = scatter_blocks(lower, &p, &b, updates, to);
	return ret ? ret : nn_lower_done(lower, node, position);
}

/* ---- OneHot ---- */

/* One of two numbers: (before, depth, behind) from indices (before, behind). */
static int lower_one_hot(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	const struct nn_fact *index = nn_fact_of(lower, node->inputs[0]);
	const struct nn_fact *out = nn_fact_of(lower, node->outputs[0]);
	enum egret_type type = nn_card_type(out->type), from = nn_card_type(index->type);
	const int64_t size = nn_type_bits(out->type) / 8, none[3] = { 0 };
	struct nn_call call = nn_call_of(lower, node);
	int axis = (int)nn_attr_int(&call, "axis"), i, x, y, ret;
	int64_t dims[3] = { 1, 1, 1 }, by_index[3] = { 0 }, to[3];
	struct nn_ref ref, values, result;
	struct nn_program p;

	if (type == EGRET_TYPE_NONE || from == EGRET_TYPE_NONE)
		return nn_cannot(lower, "its types or attributes");
	axis += axis < 0 ? out->shape.rank : 0;
	for (i = 0; i < out->shape.rank; i++)
		dims[i < axis ? 0 : i > axis ? 2 : 1] *= out->shape.dims[i];
	by_index[2] = nn_type_bits(index->type) / 8;
	by_index[0] = by_index[2] * dims[2];
	to[2] = size;
	to[1] = size * dims[2];
	to[0] = to[1] * dims[1];
	ret = nn_place_of(lower, node->inputs[0], &ref);
	if (!ret)
		ret = nn_place_of(lower, node->inputs[2], &values);
	if (!ret)
		ret = nn_place_of(lower, node->outputs[0], &result);
	if (ret)
		return ret;
	nn_program_init(&p, 3, dims);
	x = nn_program_load(&p, from, ref, by_index);
	y = nn_map2(&p, EGRET_MAP_ADD, EGRET_TYPE_S32, x, nn_integer((int32_t)dims[1]));
	i = nn_map2(&p, EGRET_MAP_LT, EGRET_TYPE_S32, x, nn_integer(0));
	x = nn_map3(&p, EGRET_MAP_SELECT, EGRET_TYPE_S32, i, NN_VALUE(y), NN_VALUE(x));
	y = nn_load_counting(lower, &p, 1, 0, 1);
	i = nn_map2(&p, EGRET_MAP_EQ, EGRET_TYPE_S32, x, NN_VALUE(y));
	y = nn_program_load(&p, type, values, none);
	values.offset += size;
	x = nn_program_load(&p, type, values, none);
	x = nn_map3(&p, EGRET_MAP_SELECT, type, i, NN_VALUE(x), NN_VALUE(y));
	if (x < 0 || !nn_program_store(&p, x, result, to))
		return nn_cannot(lower, "it has too many operands");
	ret = nn_launch_program(lower, &p, false);
	return ret ? ret : nn_lower_done(lower, node, position);
}

const struct nn_lowering_entry nn_lower_index[] = {
	{ "TensorScatter", lower_tensor_scatter, false },
	{ "OneHot", lower_one_hot, false },
	{ "GatherElements", lower_gather_elements, false },
	{ "GatherND", lower_gather_nd, false },
	{ "Scatter", lower_scatter_elements, false },
	{ "ScatterElements", lower_scatter_elements, false },
	{ "ScatterND", lower_scatter_nd, false },
	{ NULL, NULL, false },
};
