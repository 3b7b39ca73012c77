// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Products and convolutions of integers, by nn_product.egm: QLinearMatMul and QLinearConv, whose
 * sums are scaled and rounded, and MatMulInteger and ConvInteger, whose sums are the result.
 *
 * Zero points and scales may be known, or computed while the model runs, as those are that come
 * from DynamicQuantizeLinear: then the kernel loads the zero points, and a launch of its own
 * multiplies the scales.
 *
 * DynamicQuantizeLinear itself is one launch if its elements are few, as those of one word in a
 * language model. Of many, rows are looked through first.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../error.h"
#include "move.h"
#include "product.h"

#define WHAT	"cannot plan the model"

/* Where an operator has its inputs; NONE for those that it has not. */
struct places {
	size_t a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero, bias;
};

#define NONE	SIZE_MAX

static const struct places linear = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };
static const struct places integer = { 0, NONE, 2, 1, NONE, 3, NONE, NONE, NONE };

static const struct nn_value *input(const struct nn_node *node, size_t i)
{
	return i < node->input_count ? node->inputs[i] : NULL;
}

static size_t count_of(const struct nn_lower *lower, const struct nn_value *value)
{
	size_t count = 0;

	nn_shape_count(&nn_fact_of(lower, value)->shape, &count);
	return count;
}

/* ---- Zero points ---- */

/* One zero point for all, or several that are known to be the same. */
static bool same_zeros(const struct nn_lower *lower, const struct nn_value *value, int64_t *zero)
{
	const struct nn_tensor *known = nn_known(lower, value);
	size_t i;

	if (!known || !known->count)
		return false;
	*zero = nn_get_int(known, 0);
	for (i = 1; i < known->count; i++)
		if (nn_get_int(known, i) != *zero)
			return false;
	return true;
}

/* Known: the number; otherwise its place. Returns 1 if it is neither. */
static int read_zero(struct nn_lower *lower, const struct nn_value *value, int64_t *zero,
		     struct nn_ref *ref)
{
	*zero = 0;
	if (!value || same_zeros(lower, value, zero))
		return 0;
	if (count_of(lower, value) != 1)
		return nn_cannot(lower, "it has several zero points");
	return nn_place_of(lower, value, ref);
}

static int read_zeros(struct nn_lower *lower, const struct nn_node *node, const struct places *at,
		      bool conv, struct nn_product *p)
{
	/* A convolution's weights are the product's A. */
	const struct nn_value *a = input(node, conv ? at->b_zero : at->a_zero);
	const struct nn_value *b = input(node, conv ? at->a_zero : at->b_zero);
	int64_t zero_a, zero_b, zero_y;
	int ret = read_zero(lower, a, &zero_a, &p->a_zero);

	if (!ret)
		ret = read_zero(lower, b, &zero_b, &p->b_zero);
	if (!ret)
		ret = read_zero(lower, input(node, at->y_zero), &zero_y, &p->out_zero);
	if (ret)
		return ret;
	p->args.a_zero = (uint8_t)zero_a;
	p->args.b_zero = (uint8_t)zero_b;
	p->args.out_zero = (int32_t)zero_y;
	return 0;
}

/* ---- Scales ---- */

/* One, or one for each channel of the result. */
static bool fits(const struct nn_lower *lower, const struct nn_value *scale, size_t channels)
{
	const enum nn_type type = nn_fact_of(lower, scale)->type;

	return (type == NN_F32 || type == NN_F16 || type == NN_BF16) &&
	       (count_of(lower, scale) == 1 || count_of(lower, scale) == channels);
}

static int place_known(struct nn_lower *lower, const struct nn_tensor *const scales[3],
		       size_t channels, struct nn_ref *ref)
{
	float *factors = malloc((channels + 1) * sizeof(*factors));
	size_t i;
	int ret;

	if (!factors)
		return accel_fail_errno(-ENOMEM, WHAT);
	for (i = 0; i < channels; i++)
		factors[i] = (float)nn_get(scales[0], scales[0]->count > 1 ? i : 0) *
			     (float)nn_get(scales[1], scales[1]->count > 1 ? i : 0) /
			     (float)nn_get(scales[2], 0);
	ret = nn_plan_constant(lower->plan, factors, channels * sizeof(*factors), ref);
	free(factors);
	return ret;
}

static int load_scale(struct nn_lower *lower, struct nn_program *program,
		      const struct nn_value *scale, int *number)
{
	const enum nn_type type = nn_held_type(lower, scale);
	int64_t stride = count_of(lower, scale) > 1 ? nn_type_bits(type) / 8 : 0;
	struct nn_ref ref;
	int ret = nn_place_of(lower, scale, &ref);

	*number = nn_program_load(program, nn_card_type(type), ref, &stride);
	return ret;
}

/* The same, when the model runs. */
static int compute(struct nn_lower *lower, const struct nn_value *const scales[3], size_t channels,
		   struct nn_ref *ref)
{
	int64_t dims = (int64_t)channels, stride = 4;
	struct nn_program p;
	int i, number[3], ret = nn_plan_place(lower->plan, channels * sizeof(float), ref);

	nn_program_init(&p, 1, &dims);
	for (i = 0; i < 3 && !ret; i++)
		ret = load_scale(lower, &p, scales[i], &number[i]);
	if (ret)
		return ret;
	number[0] = nn_program_map(&p, EGRET_MAP_MUL, EGRET_TYPE_F32, NN_VALUE(number[0]),
				   NN_VALUE(number[1]), NN_NO_ARG);
	number[0] = nn_program_map(&p, EGRET_MAP_DIV, EGRET_TYPE_F32, NN_VALUE(number[0]),
				   NN_VALUE(number[2]), NN_NO_ARG);
	nn_program_store(&p, number[0], *ref, &stride);
	return nn_launch_program(lower, &p, false);
}

static int place_scales(struct nn_lower *lower, const struct nn_node *node, const struct places *at,
			size_t channels, struct nn_product *p)
{
	const struct nn_value *values[3];
	const struct nn_tensor *known[3];
	const size_t places[3] = { at->a_scale, at->b_scale, at->y_scale };
	bool all = true;
	int i;

	if (at->y_scale == NONE)
		return 0;
	for (i = 0; i < 3; i++) {
		values[i] = node->inputs[places[i]];
		if (!fits(lower, values[i], i == 1 ? channels : 1))
			return nn_cannot(lower, "it has scales for rows, or of an odd type");
		known[i] = nn_known(lower, values[i]);
		all = all && known[i];
	}
	p->has_scale = true;
	return all ? place_known(lower, known, channels, &p->scale) :
		     compute(lower, values, channels, &p->scale);
}

/* ---- Products ---- */

static bool are_bytes(const struct nn_lower *lower, const struct nn_node *node,
		      const struct places *at)
{
	const enum nn_type a = nn_fact_of(lower, node->inputs[at->a])->type;
	const enum nn_type b = nn_fact_of(lower, node->inputs[at->b])->type;
	const enum nn_type y = nn_fact_of(lower, node->outputs[0])->type;

	return (a == NN_I8 || a == NN_U8) && (b == NN_I8 || b == NN_U8) &&
	       (y == NN_I8 || y == NN_U8 || y == NN_I32);
}

/* Nothing is taken along: what follows is not float32. */
static int finish(struct nn_group *group, const struct nn_node *node, size_t position,
		  const struct places *at, bool conv, struct nn_product *p)
{
	struct nn_lower *lower = group->lower;
	const struct nn_program *program = &group->program;
	size_t channels = (size_t)(conv ? program->dims[NN_PRODUCT_B0] * program->dims[NN_PRODUCT_M] :
					  program->dims[NN_PRODUCT_X]);
	enum egret_type type = nn_card_type(nn_fact_of(lower, node->outputs[0])->type);
	int ret = read_zeros(lower, node, at, conv, p);

	if (!ret)
		ret = place_scales(lower, node, at, channels, p);
	if (!ret)
		ret = nn_group_store_result(group, node, position,
					    nn_program_first(&group->program, type), false);
	return ret ? ret : nn_product_launch(group, p, false);
}

static int make_matmul(struct nn_lower *lower, const struct nn_node *node, size_t position,
		       struct nn_group *group, const struct places *at)
{
	const struct nn_shape *b = &nn_fact_of(lower, node->inputs[at->b])->shape;
	struct nn_channels columns = nn_product_columns(b, b->dims[b->rank - 1]);
	struct nn_product p = { .args = { .k = 0 } };
	int ret = nn_product_read(lower, node, at->a, at->b, &NN_ONE_CHANNEL, &columns, &p);

	if (!ret)
		ret = nn_product_matmul(lower, node, group, &p);
	if (!ret)
		ret = nn_product_place_matrices(lower, &p);
	if (!ret)
		ret = finish(group, node, position, at, false, &p);
	nn_product_release(&p);
	return ret;
}

static int make_conv(struct nn_lower *lower, const struct nn_node *node, size_t position,
		     struct nn_group *group, const struct places *at)
{
	struct nn_channels rows = nn_product_rows(&nn_fact_of(lower, node->inputs[at->b])->shape);
	struct nn_product p = { .args = { .flags = EGRET_NN_PRODUCT_BIAS_SUM } };
	int ret = nn_product_read(lower, node, at->b, at->a, &rows, &NN_ONE_CHANNEL, &p);

	if (!ret)
		ret = nn_product_conv(lower, node, input(node, at->bias), group, &p);
	if (!ret)
		ret = finish(group, node, position, at, true, &p);
	nn_product_release(&p);
	return ret;
}

static int make_linear_matmul(struct nn_lower *lower, const struct nn_node *node, size_t position,
			      struct nn_group *group, bool grow)
{
	(void)grow;
	return make_matmul(lower, node, position, group, &linear);
}

static int make_linear_conv(struct nn_lower *lower, const struct nn_node *node, size_t position,
			    struct nn_group *group, bool grow)
{
	(void)grow;
	return make_conv(lower, node, position, group, &linear);
}

static int make_matmul_integer(struct nn_lower *lower, const struct nn_node *node, size_t position,
			       struct nn_group *group, bool grow)
{
	(void)grow;
	return make_matmul(lower, node, position, group, &integer);
}

static int make_conv_integer(struct nn_lower *lower, const struct nn_node *node, size_t position,
			     struct nn_group *group, bool grow)
{
	(void)grow;
	return make_conv(lower, node, position, group, &integer);
}

static int lower_bytes(struct nn_lower *lower, const struct nn_node *node, size_t position,
		       const struct places *at, nn_making *make)
{
	if (!are_bytes(lower, node, at))
		return nn_cannot(lower, "its elements are not integers of 8 bits");
	return nn_lower_group(lower, node, position, make);
}

static int lower_linear_matmul(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	return lower_bytes(lower, node, position, &linear, make_linear_matmul);
}

static int lower_linear_conv(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	return lower_bytes(lower, node, position, &linear, make_linear_conv);
}

static int lower_matmul_integer(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	return lower_bytes(lower, node, position, &integer, make_matmul_integer);
}

static int lower_conv_integer(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	return lower_bytes(lower, node, position, &integer, make_conv_integer);
}

/* ---- DynamicQuantizeLinear ---- */

/* A row that fits into scratchpad with all that is computed of it. */
#define ROW_MAX	8192

/* What it makes, and of what. */
struct dynamic {
	struct nn_ref x, y, scale, zero;
	int64_t count;
	/* Rows that are looked through one by one; they may overlap, so that all are equally long. */
	int64_t rows, row, step;
};

static int round_to(struct nn_program *p, int x, enum egret_type type)
{
	x = nn_map1(p, EGRET_MAP_COPY, type, x);
	if (x >= 0)
		p->step[p->steps - 1].flags = EGRET_MAP_SATURATE | EGRET_MAP_ROUND_EVEN;
	return x;
}

/* The scale from the smallest and the largest, and the zero point; zero is between the two. */
static int find_scale(struct nn_program *p, int low, int high, int *zero)
{
	int scale, by;

	low = nn_map2(p, EGRET_MAP_MIN, EGRET_TYPE_F32, low, nn_number(0));
	high = nn_map2(p, EGRET_MAP_MAX, EGRET_TYPE_F32, high, nn_number(0));
	scale = nn_map2(p, EGRET_MAP_SUB, EGRET_TYPE_F32, high, NN_VALUE(low));
	scale = nn_map2(p, EGRET_MAP_DIV, EGRET_TYPE_F32, scale, nn_number(255));
	by = nn_map2(p, EGRET_MAP_EQ, EGRET_TYPE_U8, scale, nn_number(0));
	by = nn_map2(p, EGRET_MAP_ADD, EGRET_TYPE_F32, scale, NN_VALUE(by));
	*zero = nn_map1(p, EGRET_MAP_NEG, EGRET_TYPE_F32, low);
	*zero = nn_map2(p, EGRET_MAP_DIV, EGRET_TYPE_F32, *zero, NN_VALUE(by));
	*zero = round_to(p, *zero, EGRET_TYPE_U8);
	return scale;
}

/* Rounded before the zero point is added, which decides ties. A scale of 0 is one of nothing but zeros. */
static int quantise(struct nn_program *p, int x, int scale, int zero)
{
	int by = nn_map2(p, EGRET_MAP_EQ, EGRET_TYPE_U8, scale, nn_number(0));

	by = nn_map2(p, EGRET_MAP_ADD, EGRET_TYPE_F32, scale, NN_VALUE(by));
	x = round_to(p, nn_map2(p, EGRET_MAP_DIV, EGRET_TYPE_F32, x, NN_VALUE(by)), EGRET_TYPE_S32);
	return round_to(p, nn_map2(p, EGRET_MAP_ADD, EGRET_TYPE_S32, x, NN_VALUE(zero)),
			EGRET_TYPE_U8);
}

static bool store_scale(const struct dynamic *d, struct nn_program *p, int scale, int zero)
{
	const int64_t none[2] = { 0 };

	return scale >= 0 && zero >= 0 && nn_program_store(p, scale, d->scale, none) &&
	       nn_program_store(p, zero, d->zero, none);
}

/* All of it is one row: found, and quantised at once. */
static int launch_row(struct nn_lower *lower, const struct dynamic *d)
{
	const int64_t by_float = 4, by_byte = 1;
	struct nn_program p;
	int x, y, scale, zero;

	nn_program_init(&p, 1, &d->row);
	p.reduced = 1;
	x = nn_program_load(&p, EGRET_TYPE_F32, d->x, &by_float);
	scale = find_scale(&p, nn_program_reduce(&p, EGRET_REDUCE_MIN, EGRET_TYPE_F32, x),
			   nn_program_reduce(&p, EGRET_REDUCE_MAX, EGRET_TYPE_F32, x), &zero);
	y = quantise(&p, x, scale, zero);
	if (y < 0 || !nn_program_store(&p, y, d->y, &by_byte) || !store_scale(d, &p, scale, zero))
		return nn_cannot(lower, "it is too large");
	return nn_launch_program(lower, &p, false);
}

/* The smallest and the largest of each row. */
static int launch_ranges(struct nn_lower *lower, const struct dynamic *d, struct nn_ref low,
			 struct nn_ref high)
{
	const int64_t dims[2] = { d->rows, d->row }, by_x[2] = { d->step * 4, 4 }, by_row[2] = { 4, 0 };
	struct nn_program p;
	int x, least, most;

	nn_program_init(&p, 2, dims);
	p.reduced = 1;
	x = nn_program_load(&p, EGRET_TYPE_F32, d->x, by_x);
	least = nn_program_reduce(&p, EGRET_REDUCE_MIN, EGRET_TYPE_F32, x);
	most = nn_program_reduce(&p, EGRET_REDUCE_MAX, EGRET_TYPE_F32, x);
	if (!nn_program_store(&p, least, low, by_row) || !nn_program_store(&p, most, high, by_row))
		return nn_cannot(lower, "it is too large");
	return nn_launch_program(lower, &p, false);
}

static int launch_scale(struct nn_lower *lower, const struct dynamic *d, struct nn_ref low,
			struct nn_ref high)
{
	const int64_t stride = 4;
	struct nn_program p;
	int least, most, scale, zero;

	nn_program_init(&p, 1, &d->rows);
	p.reduced = 1;
	least = nn_program_load(&p, EGRET_TYPE_F32, low, &stride);
	most = nn_program_load(&p, EGRET_TYPE_F32, high, &stride);
	scale = find_scale(&p, nn_program_reduce(&p, EGRET_REDUCE_MIN, EGRET_TYPE_F32, least),
			   nn_program_reduce(&p, EGRET_REDUCE_MAX, EGRET_TYPE_F32, most), &zero);
	if (!store_scale(d, &p, scale, zero))
		return nn_cannot(lower, "it is too large");
	return nn_launch_program(lower, &p, false);
}

static int launch_elements(struct nn_lower *lower, const struct dynamic *d)
{
	const int64_t by_float = 4, by_byte = 1, none = 0;
	struct nn_program p;
	int x, scale, zero, y;

	nn_program_init(&p, 1, &d->count);
	x = nn_program_load(&p, EGRET_TYPE_F32, d->x, &by_float);
	scale = nn_program_load(&p, EGRET_TYPE_F32, d->scale, &none);
	zero = nn_program_load(&p, EGRET_TYPE_U8, d->zero, &none);
	y = quantise(&p, x, scale, zero);
	if (y < 0 || !nn_program_store(&p, y, d->y, &by_byte))
		return nn_cannot(lower, "it is too large");
	return nn_launch_program(lower, &p, false);
}

/* Rows first, then all of them together: each is a launch that all clusters share. */
static int launch_rows(struct nn_lower *lower, const struct dynamic *d)
{
	struct nn_ref low, high;
	int ret = nn_plan_place(lower->plan, (size_t)d->rows * sizeof(float), &low);

	if (!ret)
		ret = nn_plan_place(lower->plan, (size_t)d->rows * sizeof(float), &high);
	if (!ret)
		ret = launch_ranges(lower, d, low, high);
	if (!ret)
		ret = launch_scale(lower, d, low, high);
	return ret ? ret : launch_elements(lower, d);
}

static int place_result(struct nn_lower *lower, const struct nn_node *node, size_t i, size_t bytes,
			struct nn_ref *ref)
{
	if (i < node->output_count && node->outputs[i])
		return nn_place_of(lower, node->outputs[i], ref);
	return nn_plan_place(lower->plan, bytes, ref);
}

static void find_rows(struct dynamic *d)
{
	d->row = d->count < ROW_MAX ? d->count : ROW_MAX;
	d->rows = (d->count + ROW_MAX - 1) / ROW_MAX;
	if (d->rows == 1)
		return;
	d->step = (d->count - d->row) / (d->rows - 1);
	d->row = d->count - (d->rows - 1) * d->step;
}

static int lower_dynamic(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	struct dynamic d = { .count = (int64_t)count_of(lower, node->inputs[0]) };
	int ret = nn_place_of(lower, node->inputs[0], &d.x);

	find_rows(&d);
	if (d.rows > ROW_MAX)
		return nn_cannot(lower, "it has too many elements");
	if (!ret)
		ret = place_result(lower, node, 0, (size_t)d.count, &d.y);
	if (!ret)
		ret = place_result(lower, node, 1, sizeof(float), &d.scale);
	if (!ret)
		ret = place_result(lower, node, 2, 1, &d.zero);
	if (!ret)
		ret = d.rows == 1 ? launch_row(lower, &d) : launch_rows(lower, &d);
	return ret ? ret : nn_lower_done(lower, node, position);
}

const struct nn_lowering_entry nn_lower_quant[] = {
	{ "QLinearMatMul", lower_linear_matmul, false },
	{ "QLinearConv", lower_linear_conv, false },
	{ "MatMulInteger", lower_matmul_integer, false },
	{ "ConvInteger", lower_conv_integer, false },
	{ "DynamicQuantizeLinear", lower_dynamic, false },
	{ NULL, NULL, false },
};
