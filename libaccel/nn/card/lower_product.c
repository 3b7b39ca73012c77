// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Matrix products and convolutions, by nn_product.egm. The index space is (b1, b0, m, y, x)
 * here, outermost first: images, groups, channels, rows and columns of a convolution;
 * matrices, rows and columns of a product.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../error.h"
#include "operand.h"
#include "product.h"
#include "simplify.h"
#include "tiling.h"
#include "window.h"

#define WHAT	"cannot plan the model"

enum { B1 = NN_PRODUCT_B1, B0, M, Y, X, SPACE };

static void describe_operands(struct nn_product *p)
{
	p->args.a_type = (uint8_t)nn_card_type(p->of_a.encoding.type);
	p->args.b_type = (uint8_t)nn_card_type(p->of_b.encoding.type);
	p->args.a_zero = (uint8_t)p->of_a.encoding.zero;
	p->args.b_zero = (uint8_t)p->of_b.encoding.zero;
	p->args.sum_type = nn_operand_is_integer(&p->of_a) ? EGRET_TYPE_S32 : EGRET_TYPE_F32;
	p->a_size = nn_operand_size(&p->of_a);
	p->b_size = nn_operand_size(&p->of_b);
}

/* What inputs `a` and `b` are. Of constants in integers, channels have scales. */
int nn_product_read(struct nn_lower *lower, const struct nn_node *node, size_t a, size_t b,
			 const struct nn_channels *channels_a, const struct nn_channels *channels_b,
			 struct nn_product *p)
{
	int ret = nn_operand_init(lower, node, a, channels_a, &p->of_a);

	if (!ret)
		ret = nn_operand_init(lower, node, b, channels_b, &p->of_b);
	describe_operands(p);
	return ret;
}

void nn_product_release(struct nn_product *p)
{
	nn_operand_release(&p->of_a);
	nn_operand_release(&p->of_b);
}

/* What sums of integers are multiplied with, for a place of the vector of scales. */
static double factor_of(const struct nn_operand *o, size_t i)
{
	if (o->scales)
		return (double)o->scales[o->channels.count * o->channels.groups > 1 ? i : 0];
	return o->encoding.scale != 0 ? (double)o->encoding.scale : 1;
}

/* ---- Tiles ---- */

struct choice {
	uint32_t tile[EGRET_DIMS];
	uint32_t room[EGRET_DIMS];
	uint32_t tile_k, rows, cols;
	uint64_t cost;
};

static uint64_t size_a(const struct nn_product *p, const struct choice *c)
{
	return nn_aligned((uint64_t)p->args.x.taps * p->args.y.taps * c->tile[2] * c->tile_k *
			  (uint64_t)p->a_size);
}

static bool is_in_blocks(const struct nn_product *p)
{
	return p->args.flags & EGRET_NN_PRODUCT_B_BLOCKS;
}

static uint64_t size_scales(const struct nn_product *p, const struct choice *c)
{
	return is_in_blocks(p) ? nn_aligned((uint64_t)c->tile[0] * c->tile_k / EGRET_BLOCK * 4) : 0;
}

static uint64_t size_b(const struct nn_product *p, const struct choice *c)
{
	if (is_in_blocks(p))
		return nn_aligned((uint64_t)c->tile[0] * c->tile_k * (uint64_t)p->b_bits / 8);
	return nn_aligned((uint64_t)c->rows * c->cols * p->args.x.stride * p->args.y.stride *
			  c->tile_k * (uint64_t)p->b_size);
}

static bool in_one_product(const struct nn_product *p, const struct choice *c)
{
	return p->args.x.taps * p->args.y.taps == 1 && c->tile_k >= p->args.k;
}

/* Sums that wait for more, if register 0 has no room for them. */
static uint64_t size_acc(const struct nn_product *p, const struct choice *c)
{
	return p->out_size == 4 || in_one_product(p, c) ? 0 :
	       nn_aligned((uint64_t)c->room[0] * c->room[1] * c->room[2] * 4);
}

static bool has_phases(const struct nn_product *p)
{
	return p->args.x.stride * p->args.y.stride > 1;
}

static uint64_t size_vector(const struct nn_product *p, const struct choice *c)
{
	return nn_aligned((p->args.flags & EGRET_NN_PRODUCT_BY_M ? c->tile[2] : c->tile[0]) * 4);
}

/* Everything but the program's registers. */
static uint64_t size_own(const struct nn_product *p, const struct choice *c)
{
	return 2 * size_a(p, c) + (has_phases(p) ? 3 : 2) * size_b(p, c) + 2 * size_scales(p, c) +
	       2 * size_vector(p, c) + size_acc(p, c);
}

/*
 * Cycles of the array for one tap of a block (Documentation/hardware/performance.rst): for each k, as
 * many as an element has bytes.
 */
static uint64_t array_cost(const struct nn_product *p, uint64_t m, uint64_t n, uint64_t k)
{
	uint64_t share = 1, size = (uint64_t)p->b_size, array, operand;

	if (m >= 32)
		return nn_div_up(m, 32) * nn_div_up(n, 32) * size * k;
	while (share < m)
		share *= 2;
	array = nn_div_up(n, 1024 / share) * size * k;
	operand = nn_div_up(n, 32) * 32 * size * k / 256;
	return array > operand ? array : operand;
}

/* What the whole takes, about: the larger of computing and moving, for the busiest cluster. */
static uint64_t cost(const struct nn_product *p, const struct nn_program *program,
		     const struct choice *c, unsigned int clusters)
{
	uint64_t tiles = 1, m = c->tile[2], n = (uint64_t)(c->tile[1] - 1) * c->cols + c->tile[0];
	uint64_t taps = (uint64_t)p->args.x.taps * p->args.y.taps, blocks = nn_div_up(p->args.k, c->tile_k);
	uint64_t out = m * c->tile[0] * c->tile[1], compute, moved, runs;
	size_t i;

	for (i = 0; i < SPACE; i++)
		tiles *= nn_div_up((uint64_t)program->dims[SPACE - 1 - i], c->tile[i]);
	compute = blocks * taps * 96 + taps * array_cost(p, m, n, p->args.k) +
		  program->steps * (32 + out / 64);
	if (has_phases(p))
		compute += size_b(p, c) / (uint64_t)p->b_size / 64 * blocks;
	/* Weights of up to two blocks stay from tile to tile. */
	moved = size_b(p, c) / c->tile_k * p->args.k + (blocks > 2 ? size_a(p, c) * blocks : 0);
	runs = (uint64_t)p->args.k * c->rows;
	moved = moved / 85 + runs / 2;
	for (i = 0; i < program->streams; i++)
		moved += out * egret_type_size(program->value[program->stream[i].value].type) / 85;
	return nn_div_up(tiles, clusters) *
	       ((compute > moved ? compute : moved) + (compute < moved ? compute : moved) / 8 + 400 +
		blocks * (120 + 30 * taps));
}

static const uint16_t parts[] = { 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256, 512, 1024 };
#define PARTS	(sizeof(parts) / sizeof(parts[0]))

/* What tiles are chosen for, and the best so far. */
struct search {
	const struct nn_product *p;
	const struct nn_program *program;
	struct nn_footprint footprint;
	unsigned int clusters;
	struct choice best;
};

/* Blocks are not taken apart, and the last one has its full size. */
static uint32_t cut_depth(const struct nn_product *p, uint32_t number)
{
	uint32_t unit = is_in_blocks(p) ? EGRET_BLOCK : 8, depth = nn_cut(p->args.k, number, unit);

	return is_in_blocks(p) ? (uint32_t)nn_div_up(depth, unit) * unit : depth;
}

static void try_depths(struct search *s, struct choice *c)
{
	const struct egret_nn_product_args *args = &s->p->args;
	uint64_t registers;
	size_t i;

	c->cols = c->tile[0] + (args->x.taps - 1) * args->x.dilation / args->x.stride;
	c->rows = c->tile[1] + (args->y.taps - 1) * args->y.dilation / args->y.stride;
	memcpy(c->room, c->tile, sizeof(c->room));
	c->room[0] = c->cols;
	registers = nn_footprint_size(&s->footprint, c->room);
	for (i = 0; i < PARTS; i++) {
		c->tile_k = cut_depth(s->p, parts[i]);
		if (registers < EGRET_NN_MEMORY &&
		    registers + size_own(s->p, c) <= EGRET_NN_MEMORY) {
			c->cost = cost(s->p, s->program, c, s->clusters);
			if (c->cost < s->best.cost)
				s->best = *c;
		}
		if (c->tile_k <= (is_in_blocks(s->p) ? EGRET_BLOCK : 8))
			break;
	}
}

static void try_rows(struct search *s, struct choice *c)
{
	uint64_t nx = (uint64_t)s->program->dims[X], ny = (uint64_t)s->program->dims[Y];
	size_t i;

	c->tile[0] = (uint32_t)nx;
	for (i = 0; i < PARTS && parts[i] < 2 * ny; i++) {
		c->tile[1] = nn_cut(ny, parts[i], 1);
		try_depths(s, c);
	}
	c->tile[1] = 1;
	for (i = 1; i < PARTS && parts[i] * 32u < 2 * nx; i++) {
		c->tile[0] = nn_cut(nx, parts[i], 32);
		try_depths(s, c);
	}
}

static bool choose(const struct nn_product *p, const struct nn_program *program,
		   unsigned int clusters, struct choice *best)
{
	struct search s = { .p = p, .program = program, .clusters = clusters,
			    .best = { .cost = UINT64_MAX } };
	struct choice c = { .tile = { 1, 1, 1, 1, 1 } };
	size_t i;

	if (!nn_program_footprint(program, &s.footprint))
		return false;
	for (i = 0; i < PARTS; i++) {
		c.tile[2] = nn_cut((uint64_t)program->dims[M], parts[i], 32);
		try_rows(&s, &c);
		if (c.tile[2] <= 32)
			break;
	}
	*best = s.best;
	return best->cost != UINT64_MAX;
}

/* ---- Launching ---- */

/* Rows that follow each other without gaps, and nothing that needs to know where they end. */
static void merge_rows(struct nn_product *p, struct nn_program *program)
{
	const struct egret_nn_window *x = &p->args.x, *y = &p->args.y;
	size_t i;

	if (x->taps * y->taps * x->stride * y->stride != 1 || x->before || y->before ||
	    program->dims[Y] == 1 || x->extent != program->dims[X] || y->extent != program->dims[Y] ||
	    p->args.b_y != p->args.b_x * program->dims[X] || !nn_program_walks(program, Y))
		return;
	program->dims[X] *= program->dims[Y];
	program->dims[Y] = 1;
	p->args.x.extent *= p->args.y.extent;
	p->args.y.extent = 1;
	for (i = 0; i < program->streams; i++)
		program->stream[i].stride[Y] = 0;
	for (i = 0; i < program->values; i++)
		program->value[i].varies &= ~(1u << Y);
}

static void write_places(struct nn_product *p, const struct choice *c, uint64_t at)
{
	struct egret_nn_product_args *args = &p->args;

	args->tile_k = c->tile_k;
	args->rows = c->rows;
	args->cols = c->cols;
	args->a_local = (uint32_t)at;
	args->a_other = (uint32_t)size_a(p, c);
	args->b_local = args->a_local + 2 * args->a_other;
	args->b_other = (uint32_t)size_b(p, c);
	args->stage_local = args->b_local + 2 * args->b_other;
	args->scale_local = args->stage_local + (has_phases(p) ? args->b_other : 0);
	args->bias_local = args->scale_local + (uint32_t)size_vector(p, c);
	args->b_scale_local = args->bias_local + (uint32_t)size_vector(p, c);
	args->b_scale_other = (uint32_t)size_scales(p, c);
	args->acc_local = size_acc(p, c) ? args->b_scale_local + 2 * args->b_scale_other : 0;
	args->acc_pitch = c->room[0] * c->room[1] * 4;
}

/* The bias that the node has itself becomes a part of the shift. */
static bool add_bias(const struct nn_plan *plan, const struct nn_product *p, struct nn_affine *affine)
{
	const char *bias = plan->storages[p->bias.storage].data;
	size_t i;
	float x;

	if (!p->has_bias)
		return true;
	if (!bias)
		return false;
	for (i = 0; i < affine->count; i++) {
		memcpy(&x, bias + p->bias.offset + i * sizeof(x), sizeof(x));
		affine->shift[i] += affine->scale[i] * x;
	}
	return true;
}

static int place_vector(struct nn_plan *plan, const double *from, size_t count, double neutral,
			struct nn_ref *ref, bool *has)
{
	float *vector = malloc((count + 1) * sizeof(*vector));
	size_t i;
	int ret;

	if (!vector)
		return accel_fail_errno(-ENOMEM, WHAT);
	*has = false;
	for (i = 0; i < count; i++) {
		vector[i] = (float)from[i];
		*has |= from[i] != neutral;
	}
	ret = *has ? nn_plan_constant(plan, vector, count * sizeof(*vector), ref) : 0;
	free(vector);
	return ret;
}

/*
 * How many steps behind the activation cost nothing: each takes its time beside the array, whose
 * last product takes k / 256 cycles for an element of float32, and a step 1 / 32. One place is kept
 * for scaling quantised results.
 */
static unsigned int free_steps(const struct nn_product *p)
{
	const uint32_t most = EGRET_NN_PRODUCT_STEPS - 1;
	uint32_t steps = p->args.k * (uint32_t)p->b_size / 32;

	return steps < 2 ? 0 : steps - 1 < most ? steps - 1 : most;
}

/* Scales for results that become integers go before the activation, if it does not mind. */
static void take_conversion(const struct nn_plan *plan, struct nn_program *program,
			    struct nn_product *p, struct nn_affine *affine)
{
	bool early = !p->args.product_steps && (p->args.act == EGRET_ACT_NONE ||
						p->args.act == EGRET_ACT_RELU ||
						p->args.act == EGRET_ACT_LEAKY_RELU);
	struct nn_conversion conversion;
	size_t i;

	if (!nn_take_conversion(program, &conversion))
		return;
	p->args.out_zero = conversion.zero;
	if (conversion.scale == 1)
		return;
	if (early && !affine->any)
		affine->any = add_bias(plan, p, affine);
	if (!early || !affine->any) {
		p->args.product_step[p->args.product_steps++] = nn_scale_step(conversion.scale);
		return;
	}
	for (i = 0; i < affine->count; i++) {
		affine->scale[i] *= conversion.scale;
		affine->shift[i] *= conversion.scale;
	}
}

/* Vectors of scales and biases: of what follows the sums, and of integers. */
static int place_vectors(struct nn_plan *plan, struct nn_product *p, struct nn_affine *affine)
{
	size_t i;
	int ret = 0;

	if (affine->any)
		ret = place_vector(plan, affine->shift, affine->count, 0, &p->bias, &p->has_bias);
	for (i = 0; i < affine->count; i++)
		affine->scale[i] *= factor_of(&p->of_a, i) * factor_of(&p->of_b, i);
	return ret ? ret : place_vector(plan, affine->scale, affine->count, 1, &p->scale,
					&p->has_scale);
}

/* What follows the sums and the matrix engine can do on their way out. */
static int take_epilogue(struct nn_group *group, struct nn_product *p)
{
	struct nn_plan *plan = group->lower->plan;
	struct nn_program *program = &group->program, before = *program;
	bool by_m = p->args.flags & EGRET_NN_PRODUCT_BY_M;
	struct nn_activation act;
	struct nn_affine affine;
	int ret;

	nn_drop_identities(program);
	if (!nn_affine_init(&affine, (size_t)(by_m ? program->dims[B0] * program->dims[M] :
					      program->dims[X])))
		return accel_fail_errno(-ENOMEM, WHAT);
	nn_take_affine(plan, program, by_m ? B0 : -1, by_m ? M : X, &affine);
	if (affine.any && !add_bias(plan, p, &affine)) {
		*program = before;
		nn_affine_reset(&affine);
	}
	nn_take_activation(program, &act);
	p->args.act = act.act;
	p->args.act_a = nn_number(act.a).bits;
	p->args.act_b = nn_number(act.b).bits;
	nn_simplify(program);
	p->args.product_steps = nn_take_steps(program, p->args.product_step, free_steps(p));
	take_conversion(plan, program, p, &affine);
	ret = place_vectors(plan, p, &affine);
	nn_affine_free(&affine);
	nn_drop_unused(program);
	return ret;
}

static void relocate_zero(struct nn_item *item, size_t at, struct nn_ref ref)
{
	if (ref.storage)
		nn_plan_reloc(item, at, ref);
}

int nn_product_launch(struct nn_group *group, struct nn_product *p, bool overlap)
{
	struct nn_lower *lower = group->lower;
	struct nn_plan *plan = lower->plan;
	struct nn_layout layout = { .clusters = plan->card->clusters, .chosen = true };
	struct choice choice;
	struct nn_item *item;

	p->out_size = egret_type_size(group->program.value[group->program.first].type);
	merge_rows(p, &group->program);
	if (!choose(p, &group->program, layout.clusters, &choice))
		return nn_cannot(lower, "it does not fit into scratchpad");
	memcpy(layout.tile, choice.tile, sizeof(layout.tile));
	memcpy(layout.room, choice.room, sizeof(layout.room));
	layout.memory = EGRET_NN_MEMORY - (size_t)size_own(p, &choice);
	if (!nn_program_layout(&group->program, &layout, &p->args.program))
		return nn_cannot(lower, "it has too many dimensions");
	write_places(p, &choice, nn_aligned(layout.used));
	p->args.a = (uint64_t)p->a_offset;
	item = nn_plan_launch(plan, NN_KERNEL_PRODUCT, sizeof(p->args));
	if (!item)
		return accel_fail_errno(-ENOMEM, WHAT);
	memcpy(item->args, &p->args, sizeof(p->args));
	nn_this_step(lower)->factors = p->of_a.encoding.type;
	item->groups = layout.groups;
	item->overlap = overlap;
	nn_group_relocate(group, item, offsetof(struct egret_nn_product_args, program));
	nn_plan_reloc(item, offsetof(struct egret_nn_product_args, a), p->a);
	nn_plan_reloc(item, offsetof(struct egret_nn_product_args, b), p->b);
	if (is_in_blocks(p))
		nn_plan_reloc(item, offsetof(struct egret_nn_product_args, b_scale), p->b_scale);
	if (p->has_scale)
		nn_plan_reloc(item, offsetof(struct egret_nn_product_args, scale), p->scale);
	if (p->has_bias)
		nn_plan_reloc(item, offsetof(struct egret_nn_product_args, bias), p->bias);
	relocate_zero(item, offsetof(struct egret_nn_product_args, a_zero_at), p->a_zero);
	relocate_zero(item, offsetof(struct egret_nn_product_args, b_zero_at), p->b_zero);
	relocate_zero(item, offsetof(struct egret_nn_product_args, out_zero_at), p->out_zero);
	return 0;
}

static int launch(struct nn_group *group, struct nn_product *p, bool overlap)
{
	int ret = take_epilogue(group, p);

	return ret ? ret : nn_product_launch(group, p, overlap);
}

/* The space of a group: sizes and the dimensions of the tensor that they stand for. */
static void begin_space(struct nn_lower *lower, struct nn_group *group, const struct nn_shape *shape,
			const int64_t *dims, const int *axis)
{
	nn_group_begin(lower, group, shape);
	memcpy(group->axis, axis, SPACE * sizeof(*axis));
	nn_program_init(&group->program, SPACE, dims);
	group->program.fixed = true;
}

static bool all_real(const struct nn_lower *lower, const struct nn_node *node)
{
	const enum nn_type type = nn_fact_of(lower, node->inputs[0])->type;
	size_t i;

	for (i = 0; i < node->input_count; i++)
		if (node->inputs[i] && nn_fact_of(lower, node->inputs[i])->type != type)
			return false;
	return nn_is_real(type);
}

/* ---- MatMul ---- */

/* One batch of matrices after the other, of up to two dimensions. */
struct batches {
	int count;
	int64_t size[NN_RANK_MAX], a[NN_RANK_MAX], b[NN_RANK_MAX];
	int axis[NN_RANK_MAX], more[NN_RANK_MAX];
};

static void find_batches(const struct nn_product *p, const struct nn_shape *out, int dims,
			 const struct nn_shape *a, int a_dims, const struct nn_shape *b, int b_dims,
			 struct batches *batches)
{
	int64_t sa[NN_RANK_MAX], sb[NN_RANK_MAX], step_a, step_b;
	int i, k, n = 0;

	nn_strides(a, p->of_a.encoding.type, sa);
	nn_strides(b, p->of_b.encoding.type, sb);
	for (i = dims - 1; i >= 0; i--) {
		k = i - (dims - a_dims);
		step_a = k < 0 || a->dims[k] == 1 ? 0 : sa[k];
		k = i - (dims - b_dims);
		step_b = k < 0 || b->dims[k] == 1 ? 0 : sb[k];
		if (n && (out->dims[i] == 1 || (step_a == batches->a[n - 1] * batches->size[n - 1] &&
						step_b == batches->b[n - 1] * batches->size[n - 1]))) {
			batches->size[n - 1] *= out->dims[i];
			batches->more[n - 1]++;
			continue;
		}
		batches->size[n] = out->dims[i];
		batches->a[n] = step_a;
		batches->b[n] = step_b;
		batches->axis[n] = i;
		batches->more[n++] = 0;
	}
	batches->count = n;
}

static void plain_windows(struct nn_product *p, int64_t columns)
{
	p->args.x = (struct egret_nn_window){ .taps = 1, .stride = 1, .dilation = 1,
					      .extent = (uint32_t)columns };
	p->args.y = (struct egret_nn_window){ .taps = 1, .stride = 1, .dilation = 1, .extent = 1 };
}

/* Both operands of a product of matrices, where they lie. */
int nn_product_place_matrices(struct nn_lower *lower, struct nn_product *p)
{
	int ret = nn_operand_place(lower, &p->of_a, &p->a);

	return ret ? ret : nn_operand_place(lower, &p->of_b, &p->b);
}

/* Columns of weights are channels; of several matrices, all are one. */
struct nn_channels nn_product_columns(const struct nn_shape *b, int64_t n)
{
	return b->rank == 2 ? (struct nn_channels){ .inner = 1, .count = n, .groups = 1 } :
			      NN_ONE_CHANNEL;
}

int nn_product_matmul(struct nn_lower *lower, const struct nn_node *node,
			   struct nn_group *group, struct nn_product *p)
{
	const struct nn_shape *a = &p->of_a.shape, *b = &p->of_b.shape;
	const struct nn_shape *out = &nn_fact_of(lower, node->outputs[0])->shape;
	bool row = a->rank == 1, col = b->rank == 1;
	int64_t k = a->dims[a->rank - 1], m = row ? 1 : a->dims[a->rank - 2];
	int64_t n = col ? 1 : b->dims[b->rank - 1], dims[SPACE];
	int axis[SPACE] = { -1, -1, row ? -1 : out->rank - 1 - !col, -1, col ? -1 : out->rank - 1 };
	struct batches batches;
	int more = 0, i;

	find_batches(p, out, out->rank - !row - !col, a, row ? 0 : a->rank - 2, b,
		     col ? 0 : b->rank - 2, &batches);
	/* Matrices that are multiplied by the same one are one with more rows. */
	if (batches.count == 1 && !row && batches.b[0] == 0 && batches.a[0] == m * k * p->a_size) {
		m *= batches.size[0];
		more = batches.more[0] + 1;
		batches.count = 0;
	}
	if (batches.count > 2)
		return nn_cannot(lower, "its batches have too many dimensions");
	dims[B1] = batches.count > 1 ? batches.size[1] : 1;
	dims[B0] = batches.count > 0 ? batches.size[0] : 1;
	dims[M] = m;
	dims[Y] = 1;
	dims[X] = n;
	for (i = 0; i < batches.count; i++)
		axis[i ? B1 : B0] = batches.axis[i];
	begin_space(lower, group, out, dims, axis);
	group->more[M] = more;
	for (i = 0; i < batches.count; i++) {
		group->more[i ? B1 : B0] = batches.more[i];
		p->args.a_batch[i] = batches.a[i];
		p->args.b_batch[i] = batches.b[i];
	}
	plain_windows(p, n);
	p->args.k = (uint32_t)k;
	p->args.a_m = k * p->a_size;
	p->args.a_k = p->a_size;
	p->args.b_k = n * p->b_size;
	p->args.b_x = p->b_size;
	nn_this_step(lower)->macs = (uint64_t)(dims[B1] * dims[B0] * m * n * k);
	return 0;
}

/* The result is of the type that sums have on the way out. */
int nn_product_finish(struct nn_group *group, const struct nn_node *node, size_t position,
		      struct nn_product *p, bool grow)
{
	int ret = nn_group_store_result(group, node, position,
					nn_program_first(&group->program, EGRET_TYPE_F32), grow);

	return ret ? ret : launch(group, p, false);
}

static int make_matmul(struct nn_lower *lower, const struct nn_node *node, size_t position,
		       struct nn_group *group, bool grow)
{
	const struct nn_shape *b = &nn_fact_of(lower, node->inputs[1])->shape;
	struct nn_channels columns = nn_product_columns(b, b->dims[b->rank - 1]);
	struct nn_product p = { .args = { .k = 0 } };
	int ret = nn_product_read(lower, node, 0, 1, &NN_ONE_CHANNEL, &columns, &p);

	if (!ret)
		ret = nn_product_matmul(lower, node, group, &p);
	if (!ret)
		ret = nn_product_place_matrices(lower, &p);
	if (!ret)
		ret = nn_product_finish(group, node, position, &p, grow);
	nn_product_release(&p);
	return ret;
}

static int lower_matmul(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	if (!all_real(lower, node))
		return nn_cannot(lower, NN_NOT_REAL);
	return nn_lower_group(lower, node, position, make_matmul);
}

/* ---- Products that are parts of operators ---- */

static int make_product(struct nn_group *group, const struct nn_matrices *t)
{
	const int64_t stride[SPACE] = { t->to_b1, t->to_b0, t->to_m, 0, 4 };
	struct nn_product p = {
		.of_a.encoding.type = NN_F32, .of_b.encoding.type = NN_F32,
		.a = t->a, .b = t->b,
		.args = {
			.k = (uint32_t)t->k, .a_m = t->a_m, .a_k = 4, .b_k = t->b_k, .b_x = t->b_n,
			.a_batch = { t->a_b0, t->a_b1 }, .b_batch = { t->b_b0, t->b_b1 },
			.flags = t->b_n == 4 ? 0 : EGRET_NN_PRODUCT_B_BY_N,
		},
	};
	int value = nn_program_first(&group->program, EGRET_TYPE_F32), i;

	describe_operands(&p);
	plain_windows(&p, t->n);
	for (i = 0; i < t->adds; i++) {
		const struct nn_addend *add = &t->add[i];
		const int64_t by[SPACE] = { add->b1, add->b0, add->m, 0, add->n };
		const int more = nn_program_load(&group->program, EGRET_TYPE_F32, add->ref, by);

		value = nn_map2(&group->program, EGRET_MAP_ADD, EGRET_TYPE_F32, value,
				NN_VALUE(more));
	}
	if (t->op && value >= 0)
		value = nn_program_map(&group->program, t->op, EGRET_TYPE_F32, NN_VALUE(value), NN_NO_ARG,
				       NN_NO_ARG);
	if (value < 0 || !nn_program_store(&group->program, value, t->to, stride))
		return nn_cannot(group->lower, "it is too large");
	nn_this_step(group->lower)->macs += (uint64_t)(t->b1 * t->b0 * t->m * t->n * t->k);
	return launch(group, &p, t->overlap);
}

int nn_launch_product(struct nn_lower *lower, const struct nn_matrices *matrices)
{
	const int64_t dims[SPACE] = { matrices->b1, matrices->b0, matrices->m, 1, matrices->n };
	struct nn_group *group = calloc(1, sizeof(*group));
	int ret;

	if (!group)
		return accel_fail_errno(-ENOMEM, "cannot plan the model");
	group->lower = lower;
	nn_program_init(&group->program, SPACE, dims);
	group->program.fixed = true;
	ret = make_product(group, matrices);
	free(group);
	return ret;
}

/* ---- Gemm ---- */

/* alpha * product + beta * C, where C is no bias. */
static int add_c(struct nn_group *group, const struct nn_node *node, int sum, float alpha, float beta)
{
	struct nn_program *p = &group->program;
	int c;

	if (alpha != 1)
		sum = nn_program_map(p, EGRET_MAP_MUL, EGRET_TYPE_F32, NN_VALUE(sum), nn_number(alpha),
				     NN_NO_ARG);
	if (node->input_count < 3 || !node->inputs[2])
		return sum;
	c = nn_group_value(group, node->inputs[2]);
	if (c < 0 || sum < 0)
		return -1;
	if (beta == 1)
		return nn_program_map(p, EGRET_MAP_ADD, EGRET_TYPE_F32, NN_VALUE(sum), NN_VALUE(c),
				      NN_NO_ARG);
	return nn_program_map(p, EGRET_MAP_FMA, EGRET_TYPE_F32, NN_VALUE(c), nn_number(beta),
			      NN_VALUE(sum));
}

/* C has one element for each column. */
static bool is_bias(const struct nn_lower *lower, const struct nn_node *node, int64_t columns)
{
	const struct nn_fact *c = node->input_count > 2 && node->inputs[2] ?
				  nn_fact_of(lower, node->inputs[2]) : NULL;
	size_t count;

	return c && c->shape.rank && c->shape.dims[c->shape.rank - 1] == columns &&
	       nn_shape_count(&c->shape, &count) && count == (size_t)columns;
}

static void describe_gemm(struct nn_lower *lower, const struct nn_node *node,
			  struct nn_group *group, bool ta, bool tb, struct nn_product *p)
{
	const struct nn_shape *out = &nn_fact_of(lower, node->outputs[0])->shape;
	int64_t m = out->dims[0], n = out->dims[1], k = p->of_a.shape.dims[!ta];
	int64_t dims[SPACE] = { 1, 1, m, 1, n };
	int axis[SPACE] = { -1, -1, 0, -1, 1 };

	begin_space(lower, group, out, dims, axis);
	plain_windows(p, n);
	p->args.k = (uint32_t)k;
	p->args.flags = (ta ? EGRET_NN_PRODUCT_A_BY_K : 0) | (tb ? EGRET_NN_PRODUCT_B_BY_N : 0);
	p->args.a_m = (ta ? 1 : k) * p->a_size;
	p->args.a_k = (ta ? m : 1) * p->a_size;
	p->args.b_k = (tb ? 1 : n) * p->b_size;
	p->args.b_x = (tb ? k : 1) * p->b_size;
	nn_this_step(lower)->macs = (uint64_t)(m * n * k);
}

static int finish_gemm(struct nn_group *group, const struct nn_node *node, size_t position,
		       struct nn_product *p, bool grow)
{
	struct nn_lower *lower = group->lower;
	struct nn_call call = nn_call_of(lower, node);
	float alpha = nn_attr_float(&call, "alpha"), beta = nn_attr_float(&call, "beta");
	int sum = nn_program_first(&group->program, EGRET_TYPE_F32);
	int ret = nn_product_place_matrices(lower, p);

	p->has_bias = alpha == 1 && beta == 1 && is_bias(lower, node, group->program.dims[X]);
	if (p->has_bias && !ret)
		ret = nn_place_numbers(lower, node->inputs[2], &p->bias);
	else
		sum = add_c(group, node, sum, alpha, beta);
	if (!ret)
		ret = nn_group_store_result(group, node, position, sum, grow);
	return ret ? ret : launch(group, p, false);
}

static int make_gemm(struct nn_lower *lower, const struct nn_node *node, size_t position,
		     struct nn_group *group, bool grow)
{
	const struct nn_shape *b = &nn_fact_of(lower, node->inputs[1])->shape;
	struct nn_call call = nn_call_of(lower, node);
	bool ta = nn_attr_int(&call, "transA"), tb = nn_attr_int(&call, "transB");
	struct nn_channels columns = { .inner = tb ? b->dims[1] : 1, .count = b->dims[!tb],
				       .groups = 1 };
	struct nn_product p = { .args = { .k = 0 } };
	int ret = nn_product_read(lower, node, 0, 1, &NN_ONE_CHANNEL, &columns, &p);

	if (!ret) {
		describe_gemm(lower, node, group, ta, tb, &p);
		ret = finish_gemm(group, node, position, &p, grow);
	}
	nn_product_release(&p);
	return ret;
}

static int lower_gemm(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	if (!all_real(lower, node))
		return nn_cannot(lower, NN_NOT_REAL);
	return nn_lower_group(lower, node, position, make_gemm);
}

/* ---- Conv ---- */

struct arrangement {
	const struct nn_operand *operand;
	int64_t rows, channels, taps, groups;
};

/* [M][C][taps] to [taps][M][C] */
static void taps_first(void *to, const void *from, const void *opaque)
{
	const struct arrangement *a = opaque;
	int64_t m, c, t, i = 0;

	for (t = 0; t < a->taps; t++)
		for (m = 0; m < a->rows; m++)
			for (c = 0; c < a->channels; c++)
				nn_operand_put(a->operand, to, i++, from,
					       (m * a->channels + c) * a->taps + t);
}

/* For each group, [C][M][taps] to [taps][group][M][C] */
static void taps_turned(void *to, const void *from, const void *opaque)
{
	const struct arrangement *a = opaque;
	int64_t g, m, c, t, i = 0;

	for (t = 0; t < a->taps; t++)
		for (g = 0; g < a->groups; g++)
			for (m = 0; m < a->rows; m++)
				for (c = 0; c < a->channels; c++)
					nn_operand_put(a->operand, to, i++, from,
						       ((g * a->channels + c) * a->rows + m) *
						       a->taps + t);
}

/* Weights of the model are arranged once; those that are computed are used as they are. */
static int place_weights(struct nn_lower *lower, bool turned, const struct arrangement *a,
			 struct nn_product *p)
{
	int64_t size = p->a_size, tap = a->rows * a->channels * (turned ? a->groups : 1);

	p->args.a_batch[0] = a->rows / (turned ? 1 : a->groups) * a->channels * size;
	if (!p->of_a.constant || a->taps == 1) {
		p->args.a_m = (turned ? 1 : a->channels) * a->taps * size;
		p->args.a_k = (turned ? a->rows : 1) * a->taps * size;
		p->args.a_tx = size;
		p->args.a_batch[0] *= a->taps;
		if (turned && a->taps == 1)
			p->args.flags |= EGRET_NN_PRODUCT_A_BY_K;
		return nn_operand_place(lower, &p->of_a, &p->a);
	}
	p->args.a_m = a->channels * size;
	p->args.a_k = size;
	p->args.a_tx = tap * size;
	return nn_operand_arrange(lower, &p->of_a,
				  turned ? NN_FORM_TAPS_TURNED : NN_FORM_TAPS_FIRST,
				  turned ? taps_turned : taps_first, a, &p->a);
}

/* The input, and the model's bias for each row. */
static int place_operands(struct nn_lower *lower, const struct nn_value *bias, int64_t rows,
			  int64_t channels, struct nn_product *p)
{
	const struct nn_shape *in = &p->of_b.shape;
	int64_t stride[NN_RANK_MAX];
	int ret = nn_operand_place(lower, &p->of_b, &p->b);

	nn_strides(in, p->of_b.encoding.type, stride);
	p->args.b_x = stride[in->rank - 1];
	p->args.b_y = in->rank > 3 ? stride[2] : 0;
	p->args.b_k = stride[1];
	p->args.b_batch[0] = channels * stride[1];
	p->args.b_batch[1] = stride[0];
	p->args.k = (uint32_t)channels;
	p->args.flags |= EGRET_NN_PRODUCT_BY_M;
	p->has_bias = bias;
	if (!ret && bias)
		ret = nn_is_real(nn_fact_of(lower, bias)->type) ?
		      nn_place_numbers(lower, bias, &p->bias) : nn_place_of(lower, bias, &p->bias);
	p->args.vector_batch[0] = rows * 4;
	return ret;
}

static const struct nn_value *bias_of(const struct nn_node *node)
{
	return node->input_count > 2 ? node->inputs[2] : NULL;
}

int nn_product_conv(struct nn_lower *lower, const struct nn_node *node,
		      const struct nn_value *bias, struct nn_group *group, struct nn_product *p)
{
	const struct nn_shape *in = &p->of_b.shape, *weights = &p->of_a.shape;
	const struct nn_shape *out = &nn_fact_of(lower, node->outputs[0])->shape;
	struct nn_call call = nn_call_of(lower, node);
	int64_t groups = nn_attr_int(&call, "group"), channels = weights->dims[1];
	int64_t rows = out->dims[1] / groups;
	bool plane = in->rank == 4;
	int64_t dims[SPACE] = { out->dims[0], groups, rows, plane ? out->dims[2] : 1,
				out->dims[out->rank - 1] };
	int axis[SPACE] = { 0, 1, 1, plane ? 2 : -1, out->rank - 1 }, ret;
	struct arrangement a = { .operand = &p->of_a, .rows = out->dims[1], .channels = channels,
				 .groups = groups };

	if (!nn_window_of(lower, node, in, weights, out, &p->args.y, &p->args.x))
		return nn_cannot(lower, "its window has more than two dimensions, or odd sizes");
	a.taps = (int64_t)p->args.x.taps * p->args.y.taps;
	begin_space(lower, group, out, dims, axis);
	group->share[B0] = rows;
	ret = place_operands(lower, bias, rows, channels, p);
	if (!ret)
		ret = place_weights(lower, false, &a, p);
	p->args.a_ty = p->args.a_tx * p->args.x.taps;
	nn_this_step(lower)->macs = (uint64_t)(dims[B1] * dims[B0] * dims[M] * dims[Y] * dims[X] *
					       channels * a.taps);
	return ret;
}

/* Each row of weights has a scale. */
struct nn_channels nn_product_rows(const struct nn_shape *weights)
{
	struct nn_channels rows = { .inner = 1, .count = weights->dims[0], .groups = 1 };
	int i;

	for (i = 1; i < weights->rank; i++)
		rows.inner *= weights->dims[i];
	return rows;
}

static int make_conv(struct nn_lower *lower, const struct nn_node *node, size_t position,
		     struct nn_group *group, bool grow)
{
	struct nn_channels rows = nn_product_rows(&nn_fact_of(lower, node->inputs[1])->shape);
	struct nn_product p = { .args = { .k = 0 } };
	int ret = nn_product_read(lower, node, 1, 0, &rows, &NN_ONE_CHANNEL, &p);

	if (!ret)
		ret = nn_product_conv(lower, node, bias_of(node), group, &p);
	if (!ret)
		ret = nn_product_finish(group, node, position, &p, grow);
	nn_product_release(&p);
	return ret;
}

static int lower_conv(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	const struct nn_shape *in = &nn_fact_of(lower, node->inputs[0])->shape;
	const struct nn_shape *weights = &nn_fact_of(lower, node->inputs[1])->shape;

	if (!all_real(lower, node))
		return nn_cannot(lower, NN_NOT_REAL);
	if (in->rank != 3 && in->rank != 4)
		return nn_cannot(lower, "its window has more than two dimensions");
	/* Each channel for itself. */
	if (weights->dims[1] == 1 && weights->dims[0] == in->dims[1])
		return nn_lower_depthwise(lower, node, position);
	return nn_lower_group(lower, node, position, make_conv);
}

/* ---- ConvTranspose ---- */

/*
 * Along one dimension, results that lie a stride apart see the same taps: one in `stride` of them
 * is a convolution of its own, with stride 1. The taps are those for which
 * (place + before - tap * dilation) is a multiple of the stride.
 */
struct phase {
	struct egret_nn_window window;
	int64_t size;			/* results */
	int64_t first, step;		/* tap that the window's tap 0 is, and from one to the next */
};

static void find_phase(const struct egret_nn_window *full, int64_t place, int64_t out,
		       struct phase *phase)
{
	int64_t stride = full->stride, dilation = full->dilation, offset = 0, last = 0, t;
	int64_t taps = 0, previous = 0;

	*phase = (struct phase){ .size = (out - place + stride - 1) / stride };
	phase->window = (struct egret_nn_window){ .stride = 1, .dilation = 1, .extent = full->extent };
	/* From the last tap, which sees the earliest input. */
	for (t = (int64_t)full->taps - 1; t >= 0; t--) {
		int64_t at = place + full->before - t * dilation;

		if ((at % stride + stride) % stride)
			continue;
		at = (at - (at % stride + stride) % stride) / stride;
		if (!taps) {
			phase->first = t;
			offset = at;
		} else if (taps == 1) {
			phase->step = t - previous;
			phase->window.dilation = (uint32_t)(at - last);
		}
		previous = t;
		last = at;
		taps++;
	}
	/* Without a tap, one that sees nothing but zeros. */
	phase->window.before = (int32_t)(taps ? -offset : -(int64_t)full->extent);
	phase->window.taps = taps ? (uint32_t)taps : 1;
}

static int make_phase(struct nn_lower *lower, const struct nn_node *node, size_t position,
		      struct nn_group *group, bool grow, const struct nn_product *whole,
		      const struct phase *py, const struct phase *px, const int64_t *at)
{
	const struct nn_shape *in = &nn_fact_of(lower, node->inputs[0])->shape;
	const struct nn_shape *weights = &nn_fact_of(lower, node->inputs[1])->shape;
	const struct nn_shape *out = &nn_fact_of(lower, node->outputs[0])->shape;
	int64_t rows = weights->dims[1], groups = out->dims[1] / rows;
	bool plane = in->rank == 4;
	int64_t dims[SPACE] = { out->dims[0], groups, rows, py->size, px->size };
	int axis[SPACE] = { 0, 1, 1, plane ? 2 : -1, out->rank - 1 }, ret;
	struct nn_product p = *whole;

	begin_space(lower, group, out, dims, axis);
	group->share[B0] = rows;
	group->share[Y] = whole->args.y.stride;
	group->share[X] = whole->args.x.stride;
	group->origin[Y] = at[0];
	group->origin[X] = at[1];
	p.args.y = py->window;
	p.args.x = px->window;
	p.args.a_ty = whole->args.a_tx * whole->args.x.taps;
	p.a_offset = py->first * p.args.a_ty + px->first * p.args.a_tx;
	p.args.a_ty *= py->step;
	p.args.a_tx *= px->step;
	ret = nn_group_store_result(group, node, position,
				    nn_program_first(&group->program, EGRET_TYPE_F32), grow);
	if (ret)
		return ret;
	nn_this_step(lower)->macs += (uint64_t)(dims[B1] * dims[B0] * rows * py->size * px->size) *
				     p.args.k * p.args.x.taps * p.args.y.taps;
	return launch(group, &p, at[0] || at[1]);
}

static int make_phases(struct nn_lower *lower, const struct nn_node *node, size_t position,
		       struct nn_group *group, bool grow, const struct nn_product *whole)
{
	const struct nn_shape *in = &whole->of_b.shape;
	const struct nn_shape *out = &nn_fact_of(lower, node->outputs[0])->shape;
	int64_t height = in->rank == 4 ? out->dims[2] : 1, width = out->dims[out->rank - 1], at[2];
	struct phase py, px;
	int ret = 0;

	nn_this_step(lower)->macs = 0;
	for (at[0] = 0; at[0] < whole->args.y.stride && at[0] < height && !ret; at[0]++) {
		find_phase(&whole->args.y, at[0], height, &py);
		for (at[1] = 0; at[1] < whole->args.x.stride && at[1] < width && !ret; at[1]++) {
			find_phase(&whole->args.x, at[1], width, &px);
			ret = make_phase(lower, node, position, group, grow, whole, &py, &px, at);
		}
	}
	return ret;
}

static int make_transposed(struct nn_lower *lower, const struct nn_node *node, size_t position,
			   struct nn_group *group, bool grow)
{
	const struct nn_shape *in = &nn_fact_of(lower, node->inputs[0])->shape;
	const struct nn_shape *weights = &nn_fact_of(lower, node->inputs[1])->shape;
	const struct nn_shape *out = &nn_fact_of(lower, node->outputs[0])->shape;
	int64_t rows = weights->dims[1], groups = out->dims[1] / rows;
	struct nn_product p = { .args = { .k = 0 } };
	struct arrangement a = { .operand = &p.of_a, .rows = rows,
				 .channels = in->dims[1] / groups, .groups = groups };
	struct nn_channels channels;
	int ret;

	if (!nn_window_of(lower, node, in, weights, out, &p.args.y, &p.args.x))
		return nn_cannot(lower, "its window has more than two dimensions, or odd sizes");
	a.taps = (int64_t)p.args.x.taps * p.args.y.taps;
	channels = (struct nn_channels){ .inner = a.taps, .count = rows, .groups = groups };
	ret = nn_product_read(lower, node, 1, 0, &channels, &NN_ONE_CHANNEL, &p);
	if (!ret)
		ret = place_operands(lower, bias_of(node), rows, a.channels, &p);
	if (!ret)
		ret = place_weights(lower, true, &a, &p);
	if (!ret)
		ret = make_phases(lower, node, position, group, grow, &p);
	nn_product_release(&p);
	return ret;
}

static int lower_conv_transpose(struct nn_lower *lower, const struct nn_node *node, size_t position)
{
	const struct nn_shape *in = &nn_fact_of(lower, node->inputs[0])->shape;

	if (!all_real(lower, node))
		return nn_cannot(lower, NN_NOT_REAL);
	if (in->rank != 3 && in->rank != 4)
		return nn_cannot(lower, "its window has more than two dimensions");
	return nn_lower_group(lower, node, position, make_transposed);
}

const struct nn_lowering_entry nn_lower_product[] = {
	{ "MatMul", lower_matmul, false },
	{ "Gemm", lower_gemm, false },
	{ "Conv", lower_conv, false },
	{ "ConvTranspose", lower_conv_transpose, false },
	{ NULL, NULL, false },
};
