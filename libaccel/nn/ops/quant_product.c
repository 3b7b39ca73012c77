// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Products and convolutions of quantised numbers. Zero points are taken off first, so what is
 * left is the product or convolution of integers, which is exact in doubles; the QLinear ones
 * scale the sums, and round once.
 */
#include <errno.h>
#include <math.h>

#include "product.h"
#include "window.h"

/* An operand: its numbers, its zero points, and its scales; NULL: none. */
struct operand {
	const struct nn_tensor *x, *zero, *scale;
	int axis;	/* for which zero points and scales are, if they are several */
};

/* The zero point or scale of element i. */
static size_t parameter_of(const struct operand *o, const struct nn_tensor *parameter, size_t i)
{
	size_t before, behind;

	if (parameter->count == 1)
		return 0;
	nn_around(&o->x->shape, o->axis, &before, &behind);
	return i / behind % (size_t)o->x->shape.dims[o->axis];
}

static int check_parameter(const struct nn_call *call, const struct operand *o,
			   const struct nn_tensor *parameter)
{
	const struct nn_shape *shape = &o->x->shape;

	if (!parameter || parameter->count == 1)
		return 0;
	if (o->axis >= 0 && o->axis < shape->rank && parameter->shape.rank == 1 &&
	    parameter->shape.dims[0] == shape->dims[o->axis])
		return 0;
	return nn_fail_node(call->node, -ENOTSUP, NULL,
			    "it has %zu scales or zero points, neither one nor one for each place of "
			    "dimension %d", parameter->count, o->axis);
}

/* The operand without its zero points. */
static int take_zero_off(const struct nn_call *call, const struct operand *o, struct nn_tensor *to)
{
	size_t i;
	int ret = check_parameter(call, o, o->zero);

	if (!ret)
		ret = check_parameter(call, o, o->scale);
	if (ret)
		return ret;
	if (nn_tensor_init(to, NN_F64, &o->x->shape))
		return nn_no_memory(call);
	for (i = 0; i < to->count; i++)
		((double *)to->data)[i] = nn_get(o->x, i) -
			(o->zero ? nn_get(o->zero, parameter_of(o, o->zero, i)) : 0);
	return 0;
}

/* The operation itself, on doubles. */
typedef int operation(struct nn_call *call, const struct nn_tensor *a, const struct nn_tensor *b,
		      struct nn_tensor *y);

static int multiply(struct nn_call *call, const struct nn_tensor *a, const struct nn_tensor *b,
		    struct nn_tensor *y)
{
	(void)call;
	nn_multiply(a, b, y);
	return 0;
}

static int convolve(struct nn_call *call, const struct nn_tensor *a, const struct nn_tensor *b,
		    struct nn_tensor *y)
{
	return nn_convolve(call, a, b, NULL, y);
}

/* Sums of products, of operands that are inputs `a` and `b`. */
static int sum_up(struct nn_call *call, const struct operand *a, const struct operand *b,
		  struct nn_fact **operands, operation *operate, struct nn_tensor *sums)
{
	struct nn_call plain = *call;
	struct nn_tensor x = { .data = NULL }, w = { .data = NULL };
	int ret = take_zero_off(call, a, &x);

	plain.in = operands;
	if (!ret)
		ret = take_zero_off(call, b, &w);
	if (!ret && nn_tensor_init(sums, NN_F64, &call->out[0]->shape))
		ret = nn_no_memory(call);
	if (!ret)
		ret = operate(&plain, &x, &w, sums);
	nn_tensor_release(&x);
	nn_tensor_release(&w);
	return ret;
}

/* ---- MatMulInteger, ConvInteger ---- */

static int evaluate_integers(struct nn_call *call, int axis_a, int axis_b, operation *operate)
{
	const struct operand a = { nn_contents(call->in[0]), nn_contents(nn_in_fact(call, 2)), NULL,
				   axis_a };
	const struct operand b = { nn_contents(call->in[1]), nn_contents(nn_in_fact(call, 3)), NULL,
				   axis_b };
	struct nn_tensor *y = nn_result(call, 0), sums = { .data = NULL };
	size_t i;
	int ret = sum_up(call, &a, &b, call->in, operate, &sums);

	for (i = 0; i < y->count && !ret; i++)
		nn_set_int(y, i, nn_cut_float(((double *)sums.data)[i]));
	nn_tensor_release(&sums);
	return ret;
}

static int evaluate_mat_mul_integer(struct nn_call *call)
{
	int rows = call->in[0]->shape.rank - 2, columns = call->in[1]->shape.rank - 1;

	return evaluate_integers(call, rows, columns, multiply);
}

static int evaluate_conv_integer(struct nn_call *call)
{
	return evaluate_integers(call, -1, 0, convolve);
}

/* ---- QLinearMatMul, QLinearConv ---- */

enum { A, A_SCALE, A_ZERO, B, B_SCALE, B_ZERO, Y_SCALE, Y_ZERO, BIAS };

static int infer_linear(struct nn_call *call, int (*infer)(struct nn_call *call))
{
	struct nn_fact *operands[2] = { call->in[A], call->in[B] };
	struct nn_call plain = *call;

	plain.in = operands;
	call->out[0]->type = call->in[Y_ZERO]->type;
	return infer(&plain);
}

static int infer_linear_mat_mul(struct nn_call *call)
{
	return infer_linear(call, nn_infer_matmul);
}

static int infer_linear_conv(struct nn_call *call)
{
	return infer_linear(call, nn_infer_conv);
}

/* Scales of rows and columns of the result, or of its channels; in float32, as ONNX has it. */
struct scaling {
	const struct nn_tensor *a, *b, *y, *zero, *bias;
	int axis_a, axis_b;	/* of the result */
};

static size_t place_along(const struct nn_tensor *y, int axis, size_t i)
{
	size_t before, behind;

	nn_around(&y->shape, axis, &before, &behind);
	return i / behind % (size_t)y->shape.dims[axis];
}

static void scale_sums(const struct scaling *s, const double *sums, struct nn_tensor *y)
{
	double factor, sum;
	size_t i;

	for (i = 0; i < y->count; i++) {
		size_t a = s->a->count == 1 ? 0 : place_along(y, s->axis_a, i);
		size_t b = s->b->count == 1 ? 0 : place_along(y, s->axis_b, i);

		sum = sums[i] + (s->bias ? nn_get(s->bias, place_along(y, 1, i)) : 0);
		factor = (double)((float)nn_get(s->a, a) * (float)nn_get(s->b, b) /
				  (float)nn_get(s->y, 0));
		nn_set(y, i, nearbyint(sum * factor) + nn_get(s->zero, 0));
	}
}

static int evaluate_linear(struct nn_call *call, int axis_a, int axis_b, struct scaling *s,
			   operation *operate)
{
	const struct operand a = { nn_contents(call->in[A]), nn_contents(call->in[A_ZERO]),
				   nn_contents(call->in[A_SCALE]), axis_a };
	const struct operand b = { nn_contents(call->in[B]), nn_contents(call->in[B_ZERO]),
				   nn_contents(call->in[B_SCALE]), axis_b };
	struct nn_fact *operands[2] = { call->in[A], call->in[B] };
	struct nn_tensor sums = { .data = NULL };
	int ret;

	s->a = a.scale;
	s->b = b.scale;
	s->y = nn_contents(call->in[Y_SCALE]);
	s->zero = nn_contents(call->in[Y_ZERO]);
	if (s->y->count != 1 || s->zero->count != 1)
		return nn_fail_node(call->node, -ENOTSUP, NULL,
				    "its result has %zu scales and %zu zero points", s->y->count,
				    s->zero->count);
	ret = sum_up(call, &a, &b, operands, operate, &sums);
	if (!ret)
		scale_sums(s, sums.data, nn_result(call, 0));
	nn_tensor_release(&sums);
	return ret;
}

static int evaluate_linear_mat_mul(struct nn_call *call)
{
	int rank = call->out[0]->shape.rank;
	struct scaling s = { .axis_a = rank - 2, .axis_b = rank - 1 };

	/* Rows and columns are dimensions of the result only if both operands are matrices. */
	if (call->in[A]->shape.rank < 2 || call->in[B]->shape.rank < 2)
		return evaluate_linear(call, -1, -1, &s, multiply);
	return evaluate_linear(call, call->in[A]->shape.rank - 2, call->in[B]->shape.rank - 1, &s,
			       multiply);
}

static int evaluate_linear_conv(struct nn_call *call)
{
	struct scaling s = { .axis_b = 1, .bias = nn_contents(nn_in_fact(call, BIAS)) };
	int ret = nn_check_bias(call, s.bias, call->out[0]->shape.dims[1]);

	return ret ? ret : evaluate_linear(call, -1, 0, &s, convolve);
}

/* ---- Table ---- */

#define BYTES		(NN_SET(NN_I8) | NN_SET(NN_U8))
#define FLOAT8		(NN_SET(NN_F8E4M3FN) | NN_SET(NN_F8E4M3FNUZ) | NN_SET(NN_F8E5M2) | \
			 NN_SET(NN_F8E5M2FNUZ))
#define F32		NN_SET(NN_F32)
#define HALVES		(F32 | NN_SET(NN_F16) | NN_SET(NN_BF16))
#define INTEGERS(x, w, x_zero, w_zero) \
	NN_PORTS({ x, 'X', BYTES, NN_ONE }, { w, 'W', BYTES, NN_ONE }, \
		 { x_zero, 'X', BYTES, NN_OPTIONAL }, { w_zero, 'W', BYTES, NN_OPTIONAL })
#define I32		NN_PORTS({ "Y", 0, NN_SET(NN_I32), NN_ONE })
#define CONV_ATTRS \
	NN_ATTRS(WINDOW_ATTRS, NN_OPTIONAL_ATTR("kernel_shape", INTS), NN_INT("group", 1))
#define OPERAND(x, letter, types, scales) \
	{ x, letter, types, NN_ONE }, { x "_scale", 0, scales, NN_ONE }, \
	{ x "_zero_point", letter, types, NN_ONE }
#define MAT_MUL(v, types, scales) \
	{ .name = "QLinearMatMul", .since = v, .costly = true, \
	  .inputs = NN_PORTS(OPERAND("a", 'A', types, scales), OPERAND("b", 'B', types, scales), \
			     { "y_scale", 0, scales, NN_ONE }, { "y_zero_point", 'Y', types, NN_ONE }), \
	  .outputs = NN_PORTS({ "y", 'Y', types, NN_ONE }), \
	  .infer = infer_linear_mat_mul, .evaluate = evaluate_linear_mat_mul }

const struct nn_op nn_ops_quant_product[] = {
	{ .name = "MatMulInteger", .since = 10, .costly = true,
	  .inputs = INTEGERS("A", "B", "a_zero_point", "b_zero_point"), .outputs = I32,
	  .infer = nn_infer_matmul, .evaluate = evaluate_mat_mul_integer },
	{ .name = "ConvInteger", .since = 10, .costly = true, .attrs = CONV_ATTRS,
	  .inputs = INTEGERS("x", "w", "x_zero_point", "w_zero_point"), .outputs = I32,
	  .infer = nn_infer_conv, .evaluate = evaluate_conv_integer },
	MAT_MUL(10, BYTES, F32),
	MAT_MUL(21, BYTES | FLOAT8, HALVES),
	{ .name = "QLinearConv", .since = 10, .costly = true, .attrs = CONV_ATTRS,
	  .inputs = NN_PORTS(OPERAND("x", 'X', BYTES, F32), OPERAND("w", 'W', BYTES, F32),
			     { "y_scale", 0, F32, NN_ONE }, { "y_zero_point", 'Y', BYTES, NN_ONE },
			     { "B", 0, NN_SET(NN_I32), NN_OPTIONAL }),
	  .outputs = NN_PORTS({ "y", 'Y', BYTES, NN_ONE }),
	  .infer = infer_linear_conv, .evaluate = evaluate_linear_conv },
	{ 0 }
};
