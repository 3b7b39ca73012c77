// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Products of matrices. Sums are kept in doubles, or in 64-bit integers, and rounded once.
 */
#include <errno.h>
#include <inttypes.h>

#include "product.h"

/* A matrix within a tensor: its element (row, col) is number first + row * down + col * right. */
struct matrix {
	const struct nn_tensor *tensor;
	size_t first, down, right;
};

static double dot(const struct matrix *a, size_t row, const struct matrix *b, size_t col, size_t k)
{
	size_t i_a = a->first + row * a->down, i_b = b->first + col * b->right;
	double sum = 0;

	for (; k--; i_a += a->right, i_b += b->down)
		sum += nn_get(a->tensor, i_a) * nn_get(b->tensor, i_b);
	return sum;
}

static uint64_t dot_int(const struct matrix *a, size_t row, const struct matrix *b, size_t col,
			size_t k)
{
	size_t i_a = a->first + row * a->down, i_b = b->first + col * b->right;
	uint64_t sum = 0;

	for (; k--; i_a += a->right, i_b += b->down)
		sum += (uint64_t)nn_get_int(a->tensor, i_a) * (uint64_t)nn_get_int(b->tensor, i_b);
	return sum;
}

/* ---- MatMul ---- */

/* Vectors become matrices of one row or column, which the result does not have. */
int nn_infer_matmul(struct nn_call *call)
{
	struct nn_shape a = call->in[0]->shape, b = call->in[1]->shape;
	struct nn_shape batch, *out = &call->out[0]->shape;
	bool row = a.rank == 1, col = b.rank == 1;
	int64_t m, n, k_a, k_b;
	int ret;

	if (a.rank < 0 || b.rank < 0)
		return 0;
	if (!a.rank || !b.rank)
		return nn_refuse(call, NULL, "its input %s is a single number", a.rank ? "B" : "A");
	k_a = a.dims[a.rank - 1];
	k_b = b.dims[col ? 0 : b.rank - 2];
	m = row ? 1 : a.dims[a.rank - 2];
	n = col ? 1 : b.dims[b.rank - 1];
	if (k_a >= 0 && k_b >= 0 && k_a != k_b)
		return nn_refuse(call, NULL, "rows of A have %" PRId64 " elements, columns of B %" PRId64,
				 k_a, k_b);
	batch = a;
	batch.rank = row ? 0 : a.rank - 2;
	b.rank = col ? 0 : b.rank - 2;
	ret = nn_broadcast(call, &batch, &b);
	if (ret)
		return ret;
	*out = batch;
	if (!row)
		out->dims[out->rank++] = m;
	if (!col)
		out->dims[out->rank++] = n;
	return 0;
}

/* The number of matrices before the one that belongs to the i-th of the result. */
static size_t batch_of(size_t i, const struct nn_shape *all, int rank, const struct nn_shape *own)
{
	size_t number = 0, step = 1;
	int k, mine;

	for (k = rank - 1; k >= 0; k--) {
		mine = k - (rank - (own->rank - 2));
		if (mine >= 0) {
			if (own->dims[mine] != 1)
				number += i % (size_t)all->dims[k] * step;
			step *= (size_t)own->dims[mine];
		}
		i /= (size_t)all->dims[k];
	}
	return number;
}

void nn_multiply(const struct nn_tensor *ta, const struct nn_tensor *tb, struct nn_tensor *y)
{
	bool row = ta->shape.rank == 1, col = tb->shape.rank == 1;
	size_t k = (size_t)ta->shape.dims[ta->shape.rank - 1];
	size_t m = row ? 1 : (size_t)ta->shape.dims[ta->shape.rank - 2];
	size_t n = col ? 1 : (size_t)tb->shape.dims[tb->shape.rank - 1], i, r, c, out = 0;
	struct matrix a = { .tensor = ta, .down = k, .right = 1 };
	struct matrix b = { .tensor = tb, .down = n, .right = 1 };
	int rank = y->shape.rank - !row - !col;

	for (i = 0; y->count && i < y->count / (m * n); i++) {
		a.first = batch_of(i, &y->shape, rank, &ta->shape) * m * k;
		b.first = batch_of(i, &y->shape, rank, &tb->shape) * k * n;
		for (r = 0; r < m; r++) {
			for (c = 0; c < n; c++, out++) {
				if (nn_is_float(y->type))
					nn_set(y, out, dot(&a, r, &b, c, k));
				else
					nn_set_int(y, out, (int64_t)dot_int(&a, r, &b, c, k));
			}
		}
	}
}

static int evaluate_matmul(struct nn_call *call)
{
	nn_multiply(nn_contents(call->in[0]), nn_contents(call->in[1]), nn_result(call, 0));
	return 0;
}

/* ---- Gemm ---- */

static int infer_gemm(struct nn_call *call)
{
	const struct nn_shape *a = &call->in[0]->shape, *b = &call->in[1]->shape;
	struct nn_fact *c = nn_in_fact(call, 2);
	struct nn_shape *out = &call->out[0]->shape, both;
	bool ta = nn_attr_int(call, "transA"), tb = nn_attr_int(call, "transB");
	int ret;

	if (a->rank < 0 || b->rank < 0)
		return 0;
	if (a->rank != 2 || b->rank != 2)
		return nn_refuse(call, NULL, "its inputs have %d and %d dimensions, not two", a->rank,
				 b->rank);
	if (a->dims[!ta] >= 0 && b->dims[tb] >= 0 && a->dims[!ta] != b->dims[tb])
		return nn_refuse(call, NULL, "rows of A have %" PRId64 " elements, columns of B %" PRId64,
				 a->dims[!ta], b->dims[tb]);
	out->rank = 2;
	out->dims[0] = a->dims[ta];
	out->dims[1] = b->dims[!tb];
	if (!c || !nn_shape_known(&c->shape) || !nn_shape_known(out))
		return 0;
	both = *out;
	ret = nn_broadcast(call, &both, &c->shape);
	if (!ret && !nn_shape_equal(&both, out))
		return nn_refuse(call, NULL, "its input C is larger than the product");
	return ret;
}

static int evaluate_gemm(struct nn_call *call)
{
	const struct nn_tensor *ta = nn_contents(call->in[0]), *tb = nn_contents(call->in[1]);
	const struct nn_tensor *tc = nn_contents(nn_in_fact(call, 2));
	bool across = nn_attr_int(call, "transA"), down = nn_attr_int(call, "transB");
	double alpha = nn_attr_float(call, "alpha"), beta = nn_attr_float(call, "beta"), c;
	size_t of_a = (size_t)ta->shape.dims[1], of_b = (size_t)tb->shape.dims[1];
	struct matrix a = { ta, 0, across ? 1 : of_a, across ? of_a : 1 };
	struct matrix b = { tb, 0, down ? 1 : of_b, down ? of_b : 1 };
	struct nn_tensor *y = nn_result(call, 0);
	size_t m = (size_t)y->shape.dims[0], n = (size_t)y->shape.dims[1], i, k, c_down = 0, c_right = 0;

	if (tc && tc->shape.rank) {
		k = (size_t)tc->shape.dims[tc->shape.rank - 1];
		c_right = k != 1;
		c_down = tc->shape.rank == 2 && tc->shape.dims[0] != 1 ? k : 0;
	}
	k = (size_t)ta->shape.dims[!across];
	for (i = 0; i < m * n; i++) {
		c = tc ? nn_get(tc, i / n * c_down + i % n * c_right) : 0;
		nn_set(y, i, alpha * dot(&a, i / n, &b, i % n, k) + beta * c);
	}
	return 0;
}

#define TYPES	(NN_FLOATS | NN_SET(NN_I32) | NN_SET(NN_I64) | NN_SET(NN_U32) | NN_SET(NN_U64))

const struct nn_op nn_ops_product[] = {
	{ .name = "MatMul", .since = 1,
	  .inputs = NN_PORTS({ "A", 'T', TYPES, NN_ONE }, { "B", 'T', TYPES, NN_ONE }),
	  .outputs = NN_PORTS({ "Y", 'T', TYPES, NN_ONE }),
	  .costly = true, .infer = nn_infer_matmul, .evaluate = evaluate_matmul },
	{ .name = "Gemm", .since = 7,
	  .inputs = NN_PORTS({ "A", 'T', NN_FLOATS, NN_ONE }, { "B", 'T', NN_FLOATS, NN_ONE },
			     { "C", 'T', NN_FLOATS, NN_OPTIONAL }),
	  .outputs = NN_PORTS({ "Y", 'T', NN_FLOATS, NN_ONE }),
	  .attrs = NN_ATTRS(NN_FLOAT("alpha", 1), NN_FLOAT("beta", 1), NN_INT("transA", 0),
			    NN_INT("transB", 0)),
	  .costly = true, .infer = infer_gemm, .evaluate = evaluate_gemm },
	{ 0 }
};
