// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "simplify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Looking at programs ---- */

static bool uses(const struct nn_instruction *step, int value)
{
	return step->a.value == value || step->b.value == value || step->c.value == value;
}

static bool is_stored(const struct nn_program *p, int value)
{
	size_t i;

	for (i = 0; i < p->streams; i++)
		if (p->stream[i].store && p->stream[i].value == value)
			return true;
	return false;
}

/* The next step from `from` on that uses a value; p->steps if there is none. */
static size_t next_use(const struct nn_program *p, int value, size_t from)
{
	while (from < p->steps && !uses(&p->step[from], value))
		from++;
	return from;
}

/* The step that uses a value, if it is the only one, and nobody else wants it; or p->steps. */
static size_t only_use(const struct nn_program *p, int value)
{
	size_t i = next_use(p, value, 0);

	return is_stored(p, value) || next_use(p, value, i + 1) < p->steps ? p->steps : i;
}

static void remove_step(struct nn_program *p, size_t i)
{
	p->steps--;
	memmove(&p->step[i], &p->step[i + 1], (p->steps - i) * sizeof(p->step[0]));
}

static void replace_value(struct nn_program *p, int from, int to)
{
	size_t i;

	for (i = 0; i < p->steps; i++) {
		struct nn_instruction *step = &p->step[i];

		if (step->a.value == from)
			step->a.value = to;
		if (step->b.value == from)
			step->b.value = to;
		if (step->c.value == from)
			step->c.value = to;
	}
	for (i = 0; i < p->streams; i++)
		if (p->stream[i].value == from)
			p->stream[i].value = to;
}

static bool is_number(const struct nn_arg *arg, double *x)
{
	if (arg->value != NN_ARG_NUMBER)
		return false;
	*x = arg->type == EGRET_TYPE_F32 ? ((union { uint32_t u; float f; }){ .u = arg->bits }).f :
					   (double)(int32_t)arg->bits;
	return isfinite(*x);
}

/* Does a step compute F32 by element, with nothing odd about it? */
static bool is_plain(const struct nn_program *p, const struct nn_instruction *step)
{
	return !step->reduce && !step->flags && p->value[step->out].type == EGRET_TYPE_F32;
}

static bool is_byte(const struct nn_program *p, int value)
{
	return p->value[value].type == EGRET_TYPE_S8 || p->value[value].type == EGRET_TYPE_U8;
}

static bool near(double a, double b)
{
	return fabs(a - b) <= 1e-6 * fabs(b);
}

/* ---- Scales and shifts ---- */

void nn_affine_reset(struct nn_affine *affine)
{
	size_t i;

	affine->any = false;
	for (i = 0; i < affine->count; i++) {
		affine->scale[i] = 1;
		affine->shift[i] = 0;
	}
}

bool nn_affine_init(struct nn_affine *affine, size_t count)
{
	*affine = (struct nn_affine){ .count = count };
	affine->scale = malloc((2 * count + 1) * sizeof(double));
	if (!affine->scale)
		return false;
	affine->shift = affine->scale + count;
	nn_affine_reset(affine);
	return true;
}

void nn_affine_free(struct nn_affine *affine)
{
	free(affine->scale);
	affine->scale = NULL;
}

/* A number, or a vector of numbers that are known. */
struct factor {
	double number;
	const char *data;		/* NULL: it is `number` */
	int64_t outer, inner;		/* strides */
};

struct taking {
	const struct nn_plan *plan;
	struct nn_program *p;
	int outer, dim;
	struct nn_affine *affine;
};

static bool find_factor(const struct taking *t, const struct nn_arg *arg, struct factor *f)
{
	const struct nn_program *p = t->p;
	unsigned int may = (t->outer >= 0 ? 1u << t->outer : 0) | (t->dim >= 0 ? 1u << t->dim : 0);
	const struct nn_storage *storage;
	size_t i;

	*f = (struct factor){ .data = NULL };
	if (arg->value < 0)
		return is_number(arg, &f->number);
	if (p->value[arg->value].type != EGRET_TYPE_F32 || (p->value[arg->value].varies & ~may))
		return false;
	for (i = 0; i < p->streams; i++) {
		const struct nn_stream *s = &p->stream[i];

		if (s->value != arg->value || s->store || s->padded || s->indexed)
			continue;
		storage = &t->plan->storages[s->ref.storage];
		f->data = storage->data ? (const char *)storage->data + s->ref.offset : NULL;
		f->outer = t->outer >= 0 ? s->stride[t->outer] : 0;
		f->inner = t->dim >= 0 ? s->stride[t->dim] : 0;
		return f->data;
	}
	return false;
}

static double factor_at(const struct taking *t, const struct factor *f, size_t i)
{
	size_t inner = t->dim >= 0 ? (size_t)t->p->dims[t->dim] : 1;
	float x;

	if (!f->data)
		return f->number;
	memcpy(&x, f->data + (int64_t)(i / inner) * f->outer + (int64_t)(i % inner) * f->inner,
	       sizeof(x));
	return x;
}

/* The step multiplies the value by `by`, and adds `add`; each may be NULL. */
static bool apply(const struct taking *t, const struct factor *by, const struct factor *add,
		  double sign, bool divide)
{
	struct nn_affine *affine = t->affine;
	size_t i;

	for (i = 0; i < affine->count; i++) {
		double x = by ? factor_at(t, by, i) : 1, y = add ? sign * factor_at(t, add, i) : 0;

		if (!isfinite(x) || !isfinite(y) || (divide && x == 0))
			return false;
	}
	for (i = 0; i < affine->count; i++) {
		double x = by ? factor_at(t, by, i) : 1, y = add ? sign * factor_at(t, add, i) : 0;

		x = divide ? 1 / x : x;
		affine->scale[i] *= x;
		affine->shift[i] = affine->shift[i] * x + y;
	}
	affine->any = true;
	return true;
}

static bool take_step(const struct taking *t, const struct nn_instruction *step, int value)
{
	bool first = step->a.value == value;
	const struct nn_arg *other = first ? &step->b : &step->a;
	struct factor by, add;

	switch (step->op) {
	case EGRET_MAP_MUL:
		return step->a.value != step->b.value && find_factor(t, other, &by) &&
		       apply(t, &by, NULL, 1, false);
	case EGRET_MAP_DIV:
		return first && find_factor(t, other, &by) && apply(t, &by, NULL, 1, true);
	case EGRET_MAP_ADD:
		return step->a.value != step->b.value && find_factor(t, other, &add) &&
		       apply(t, NULL, &add, 1, false);
	case EGRET_MAP_SUB:
		return first && find_factor(t, other, &add) && apply(t, NULL, &add, -1, false);
	case EGRET_MAP_FMA:
		return step->c.value != value && find_factor(t, other, &by) &&
		       find_factor(t, &step->c, &add) && apply(t, &by, &add, 1, false);
	default:
		return false;
	}
}

void nn_take_affine(const struct nn_plan *plan, struct nn_program *p, int outer, int dim,
		    struct nn_affine *affine)
{
	struct taking t = { .plan = plan, .p = p, .outer = outer, .dim = dim, .affine = affine };
	size_t i;

	for (;;) {
		i = only_use(p, p->first);
		if (i == p->steps || !is_plain(p, &p->step[i]) || !take_step(&t, &p->step[i], p->first))
			return;
		p->first = p->step[i].out;
		remove_step(p, i);
	}
}

void nn_drop_identities(struct nn_program *p)
{
	size_t i = 0;
	double x;

	while (i < p->steps) {
		struct nn_instruction step = p->step[i];

		if (is_plain(p, &step) && step.a.value >= 0 && !is_stored(p, step.out) &&
		    p->value[step.a.value].type == EGRET_TYPE_F32 &&
		    (step.op == EGRET_MAP_MUL || step.op == EGRET_MAP_DIV) &&
		    is_number(&step.b, &x) && x == 1) {
			remove_step(p, i);
			replace_value(p, step.out, step.a.value);
		} else {
			i++;
		}
	}
}

/* ---- Activations ---- */

/* gate = clamp(x * scale + shift, low, high), and out = x * gate, as steps of a program. */
struct gate {
	size_t linear, clamp, product;
	double scale, shift, low, high;
};

static bool find_linear(const struct nn_instruction *step, int x, struct gate *g)
{
	g->scale = 1;
	g->shift = 0;
	if (step->a.value != x)
		return false;
	if (step->op == EGRET_MAP_ADD)
		return is_number(&step->b, &g->shift);
	return step->op == EGRET_MAP_FMA && is_number(&step->b, &g->scale) &&
	       is_number(&step->c, &g->shift);
}

static bool multiplies(const struct nn_instruction *step, int x, int y)
{
	return step->op == EGRET_MAP_MUL && ((step->a.value == x && step->b.value == y) ||
					     (step->a.value == y && step->b.value == x));
}

/* Is x used for a gate and nothing else? */
static bool find_gate(const struct nn_program *p, int x, struct gate *g)
{
	const struct nn_instruction *step;

	g->linear = next_use(p, x, 0);
	if (is_stored(p, x) || g->linear == p->steps || !is_plain(p, &p->step[g->linear]) ||
	    !find_linear(&p->step[g->linear], x, g))
		return false;
	g->clamp = only_use(p, p->step[g->linear].out);
	if (g->clamp == p->steps)
		return false;
	step = &p->step[g->clamp];
	if (!is_plain(p, step) || step->op != EGRET_MAP_CLAMP || step->a.value != p->step[g->linear].out ||
	    !is_number(&step->b, &g->low) || !is_number(&step->c, &g->high))
		return false;
	g->product = only_use(p, step->out);
	return g->product < p->steps && is_plain(p, &p->step[g->product]) &&
	       multiplies(&p->step[g->product], x, step->out) &&
	       next_use(p, x, g->linear + 1) == g->product &&
	       next_use(p, x, g->product + 1) == p->steps;
}

/* x * clip(x + 3, 0, 6), the hard-swish but for a factor, which remains as a step. */
static bool take_hard_swish(struct nn_program *p)
{
	struct gate g;
	int value;

	if (!find_gate(p, p->first, &g) || g.low != 0 || g.high <= 0 ||
	    !near(g.scale * 6, g.high) || !near(g.shift * 2, g.high))
		return false;
	/* The value that the gate had is what the kernel computes now. */
	value = p->step[g.clamp].out;
	p->step[g.product].a = NN_VALUE(value);
	p->step[g.product].b = nn_number((float)g.high);
	if (g.high == 1) {
		value = p->step[g.product].out;
		remove_step(p, g.product);
	}
	remove_step(p, g.clamp);
	remove_step(p, g.linear);
	p->first = value;
	return true;
}

/* x * sigmoid(x) */
static bool take_silu(struct nn_program *p)
{
	size_t sigmoid = next_use(p, p->first, 0), product;

	if (is_stored(p, p->first) || sigmoid == p->steps || !is_plain(p, &p->step[sigmoid]) ||
	    p->step[sigmoid].op != EGRET_MAP_SIGMOID)
		return false;
	product = only_use(p, p->step[sigmoid].out);
	if (product == p->steps || !is_plain(p, &p->step[product]) ||
	    !multiplies(&p->step[product], p->first, p->step[sigmoid].out) ||
	    next_use(p, p->first, sigmoid + 1) != product ||
	    next_use(p, p->first, product + 1) != p->steps)
		return false;
	p->first = p->step[product].out;
	remove_step(p, product);
	remove_step(p, sigmoid);
	return true;
}

static bool one_step(const struct nn_instruction *step, struct nn_activation *act)
{
	static const struct {
		enum egret_map_op op;
		enum egret_act act;
	} same[] = {
		{ EGRET_MAP_RELU, EGRET_ACT_RELU }, { EGRET_MAP_SIGMOID, EGRET_ACT_SIGMOID },
		{ EGRET_MAP_TANH, EGRET_ACT_TANH }, { EGRET_MAP_GELU, EGRET_ACT_GELU },
		{ EGRET_MAP_GELU_TANH, EGRET_ACT_GELU_TANH }, { EGRET_MAP_SILU, EGRET_ACT_SILU },
	};
	double low, high;
	size_t i;

	*act = (struct nn_activation){ .act = EGRET_ACT_NONE };
	if (step->op == EGRET_MAP_CLAMP && is_number(&step->b, &low) && is_number(&step->c, &high))
		*act = (struct nn_activation){ EGRET_ACT_CLAMP, (float)low, (float)high };
	if (step->op == EGRET_MAP_LEAKY_RELU)
		*act = (struct nn_activation){ .act = EGRET_ACT_LEAKY_RELU,
			.a = ((union { uint32_t u; float f; }){ .u = step->param }).f };
	for (i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		if (step->op == same[i].op)
			act->act = same[i].act;
	return act->act != EGRET_ACT_NONE;
}

void nn_take_activation(struct nn_program *p, struct nn_activation *activation)
{
	size_t i;

	*activation = (struct nn_activation){ .act = EGRET_ACT_NONE };
	if (take_hard_swish(p)) {
		activation->act = EGRET_ACT_HARD_SWISH;
		return;
	}
	if (take_silu(p)) {
		activation->act = EGRET_ACT_SILU;
		return;
	}
	i = only_use(p, p->first);
	if (i == p->steps || !is_plain(p, &p->step[i]) || p->step[i].a.value != p->first ||
	    !one_step(&p->step[i], activation))
		return;
	p->first = p->step[i].out;
	remove_step(p, i);
}

/* ---- Fewer steps ---- */

/* value * scale + shift by numbers: false if the step is something else. */
static bool as_linear(const struct nn_instruction *step, double *scale, double *shift)
{
	double x;

	*scale = 1;
	*shift = 0;
	if (step->a.value < 0)
		return false;
	switch (step->op) {
	case EGRET_MAP_MUL:
		return is_number(&step->b, scale);
	case EGRET_MAP_DIV:
		if (!is_number(&step->b, &x) || x == 0)
			return false;
		*scale = 1 / x;
		return true;
	case EGRET_MAP_ADD:
		return is_number(&step->b, shift);
	case EGRET_MAP_SUB:
		if (!is_number(&step->b, &x))
			return false;
		*shift = -x;
		return true;
	case EGRET_MAP_FMA:
		return is_number(&step->b, scale) && is_number(&step->c, shift);
	default:
		return false;
	}
}

static struct egret_matmul_step number_step(enum egret_step op, double x)
{
	return (struct egret_matmul_step){ .op = (uint8_t)op, .operand = EGRET_STEP_CONST,
					   .value = nn_number((float)x).bits };
}

/* One step of the program as steps of the matrix engine: how many, 0 if it is none. */
static unsigned int as_steps(const struct nn_instruction *step, struct egret_matmul_step *to)
{
	struct nn_activation act;
	double scale, shift;
	unsigned int count = 0;

	if (as_linear(step, &scale, &shift)) {
		if (scale != 1)
			to[count++] = number_step(EGRET_STEP_MUL, scale);
		if (shift != 0 || !count)
			to[count++] = number_step(EGRET_STEP_ADD, shift);
	} else if (one_step(step, &act)) {
		to[count++] = (struct egret_matmul_step){
			.op = EGRET_STEP_ACT, .act = (uint8_t)act.act,
			.value = nn_number(act.a).bits, .pitch = nn_number(act.b).bits };
	}
	return count;
}

unsigned int nn_take_steps(struct nn_program *p, struct egret_matmul_step *steps, unsigned int room)
{
	unsigned int count = 0, more;
	size_t i;

	while (room - count >= 2) {
		i = only_use(p, p->first);
		if (i == p->steps || !is_plain(p, &p->step[i]) || p->step[i].a.value != p->first)
			break;
		more = as_steps(&p->step[i], steps + count);
		if (!more)
			break;
		count += more;
		p->first = p->step[i].out;
		remove_step(p, i);
	}
	return count;
}

/* A step that has nothing but a value, from which it is the only way on; or p->steps. */
static size_t only_step(const struct nn_program *p, int value, enum egret_map_op op)
{
	size_t i = only_use(p, value);

	return i < p->steps && is_plain(p, &p->step[i]) && p->step[i].op == op &&
	       p->step[i].a.value == value ? i : p->steps;
}

/* As QuantizeLinear is written: divide, round, add the zero point, saturate. */
static bool take_quantisation(struct nn_program *p, struct nn_conversion *conversion)
{
	size_t divide = only_step(p, p->first, EGRET_MAP_DIV), round, add, copy;
	int value = divide < p->steps ? p->step[divide].out : p->first;
	const struct nn_instruction *step;
	double scale = 1, zero = 0;

	if (divide < p->steps && (!is_number(&p->step[divide].b, &scale) || !(scale > 0)))
		return false;
	round = only_step(p, value, EGRET_MAP_ROUND);
	if (round == p->steps)
		return false;
	value = p->step[round].out;
	add = only_step(p, value, EGRET_MAP_ADD);
	if (add < p->steps && is_number(&p->step[add].b, &zero))
		value = p->step[add].out;
	copy = only_use(p, value);
	step = &p->step[copy];
	if (copy == p->steps || step->reduce || step->op != EGRET_MAP_COPY ||
	    step->flags != EGRET_MAP_SATURATE || !is_byte(p, step->out) || zero != nearbyint(zero))
		return false;
	*conversion = (struct nn_conversion){ .scale = 1 / scale, .zero = (int32_t)zero };
	/* From the last to the first, so that places stay what they are. */
	value = step->out;
	remove_step(p, copy);
	if (add < copy)
		remove_step(p, add);
	remove_step(p, round);
	if (divide < round)
		remove_step(p, divide);
	p->first = value;
	return true;
}

bool nn_take_conversion(struct nn_program *p, struct nn_conversion *conversion)
{
	size_t i = only_use(p, p->first);
	const struct nn_instruction *step = &p->step[i];
	double scale = 1, zero = 0;
	enum egret_type type;

	if (take_quantisation(p, conversion))
		return true;
	if (i == p->steps || step->reduce || step->a.value != p->first)
		return false;
	type = p->value[step->out].type;
	if (step->op == EGRET_MAP_FMA) {
		if (step->flags != (EGRET_MAP_SATURATE | EGRET_MAP_ROUND_EVEN) ||
		    !is_byte(p, step->out) ||
		    !is_number(&step->b, &scale) || !is_number(&step->c, &zero) ||
		    zero != nearbyint(zero) || !(scale > 0))
			return false;
	} else if (step->op != EGRET_MAP_COPY || step->flags ||
		   (type != EGRET_TYPE_F16 && type != EGRET_TYPE_BF16)) {
		return false;
	}
	*conversion = (struct nn_conversion){ .scale = scale, .zero = (int32_t)zero };
	p->first = step->out;
	remove_step(p, i);
	return true;
}

struct egret_matmul_step nn_scale_step(double scale)
{
	return number_step(EGRET_STEP_MUL, scale);
}

static void write_linear(struct nn_instruction *step, double scale, double shift)
{
	step->op = shift == 0 ? EGRET_MAP_MUL : scale == 1 ? EGRET_MAP_ADD : EGRET_MAP_FMA;
	step->b = nn_number((float)(step->op == EGRET_MAP_ADD ? shift : scale));
	step->c = step->op == EGRET_MAP_FMA ? nn_number((float)shift) : NN_NO_ARG;
}

static bool is_f32(const struct nn_program *p, int value)
{
	return p->value[value].type == EGRET_TYPE_F32;
}

/* Two linear steps, one behind the other, are one. */
static bool merge_linear(struct nn_program *p, size_t i)
{
	struct nn_instruction *step = &p->step[i];
	double scale, shift, scale2, shift2;
	size_t next;

	if (!is_plain(p, step) || !as_linear(step, &scale, &shift) || !is_f32(p, step->a.value))
		return false;
	next = only_use(p, step->out);
	if (next == p->steps || !is_plain(p, &p->step[next]) || p->step[next].a.value != step->out ||
	    !as_linear(&p->step[next], &scale2, &shift2) ||
	    !isfinite((float)(scale * scale2)) || !isfinite((float)(shift * scale2 + shift2)))
		return false;
	p->step[next].a = step->a;
	write_linear(&p->step[next], scale * scale2, shift * scale2 + shift2);
	remove_step(p, i);
	return true;
}

/* What a gated value is multiplied with goes into the gate, what is added into the product. */
static bool merge_gate(struct nn_program *p, int x)
{
	double scale, shift;
	struct gate g;
	size_t next;

	if (!is_f32(p, x) || !find_gate(p, x, &g))
		return false;
	next = only_use(p, p->step[g.product].out);
	if (next == p->steps || !is_plain(p, &p->step[next]) ||
	    p->step[next].a.value != p->step[g.product].out ||
	    !as_linear(&p->step[next], &scale, &shift) || scale < 0)
		return false;
	write_linear(&p->step[g.linear], g.scale * scale, g.shift * scale);
	p->step[g.clamp].b = nn_number((float)(g.low * scale));
	p->step[g.clamp].c = nn_number((float)(g.high * scale));
	p->step[next].a = NN_VALUE(x);
	p->step[next].b = NN_VALUE(p->step[g.clamp].out);
	p->step[next].op = shift == 0 ? EGRET_MAP_MUL : EGRET_MAP_FMA;
	p->step[next].c = shift == 0 ? NN_NO_ARG : nn_number((float)shift);
	remove_step(p, g.product);
	return true;
}

void nn_simplify(struct nn_program *p)
{
	bool more = true;
	size_t i;

	nn_drop_identities(p);
	while (more) {
		more = false;
		for (i = 0; i < p->steps && !more; i++)
			more = merge_linear(p, i) ||
			       (p->step[i].a.value >= 0 && merge_gate(p, p->step[i].a.value));
	}
}

void nn_drop_unused(struct nn_program *p)
{
	size_t i = 0;

	while (i < p->streams) {
		if (!p->stream[i].store && next_use(p, p->stream[i].value, 0) == p->steps &&
		    !is_stored(p, p->stream[i].value)) {
			p->streams--;
			memmove(&p->stream[i], &p->stream[i + 1],
				(p->streams - i) * sizeof(p->stream[0]));
		} else {
			i++;
		}
	}
}
