// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * MatMulNBits and GatherBlockQuantized: products with, and rows of, weights in blocks. ONNX's own
 * operators could say it only by a copy of the weights in float32, which are most of a model.
 */
#include "blocks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "microsoft.h"

/* ---- Blocks ---- */

static int check_blocks(const struct nn_call *call, const struct nn_blocks *b)
{
	if (b->bits != 2 && b->bits != 4 && b->bits != 8)
		return nn_fail_node(call->node, -ENOTSUP, NULL, "its weights have %" PRId64 " bits",
				    b->bits);
	/* So that a block begins with a byte, and sizes cannot overflow. */
	if (b->size < 8 || b->size > 1 << 20 || b->size & (b->size - 1))
		return nn_refuse(call, NULL, "its blocks have %" PRId64 " numbers", b->size);
	if (b->rows < 1 || b->rows > INT32_MAX || b->length < 1 || b->length > INT32_MAX)
		return nn_refuse(call, NULL, "its weights are %" PRId64 " rows of %" PRId64 " numbers",
				 b->rows, b->length);
	return 0;
}

static void count_blocks(struct nn_blocks *b)
{
	b->count = (b->length + b->size - 1) / b->size;
	b->zero_bytes = (b->count * b->bits + 7) / 8;
}

/* An input has so many elements, whatever its shape: 1 if that is not known. */
static int check_count(const struct nn_call *call, size_t input, int64_t wanted)
{
	const struct nn_fact *fact = nn_in_fact(call, input);
	size_t count;

	if (!fact)
		return 0;
	if (!nn_shape_known(&fact->shape))
		return 1;
	if (nn_shape_count(&fact->shape, &count) && count == (size_t)wanted)
		return 0;
	return nn_refuse(call, NULL, "its input %s does not have %" PRId64 " elements",
			 call->node->op->inputs[input].name, wanted);
}

static int check_parameters(const struct nn_call *call, struct nn_blocks *b, size_t scales,
			    size_t zeros)
{
	const struct nn_fact *zero = nn_in_fact(call, zeros);
	int ret = check_count(call, scales, b->rows * b->count);

	b->zero_type = zero ? zero->type : NN_UNDEFINED;
	if (ret || !zero)
		return ret;
	return check_count(call, zeros, b->rows * (zero->type == NN_U8 ? b->zero_bytes : b->count));
}

double nn_block_zero(const struct nn_blocks *b, const struct nn_tensor *zeros, int64_t row,
		     int64_t block)
{
	if (!zeros)
		return (double)(1 << (b->bits - 1));
	if (zeros->type == NN_U8)
		return nn_unpack((const char *)zeros->data + row * b->zero_bytes, block, b->bits);
	return nn_get(zeros, (size_t)(row * b->count + block));
}

/* ---- MatMulNBits ---- */

int nn_read_nbits(const struct nn_call *call, struct nn_blocks *b)
{
	int ret;

	*b = (struct nn_blocks){
		.rows = nn_attr_int(call, "N"), .length = nn_attr_int(call, "K"),
		.size = nn_attr_int(call, "block_size"), .bits = nn_attr_int(call, "bits"),
	};
	ret = check_blocks(call, b);
	if (ret)
		return ret;
	count_blocks(b);
	b->row_bytes = b->count * b->size * b->bits / 8;
	if (nn_in_fact(call, NN_NBITS_GROUPS))
		return nn_fail_node(call->node, -ENOTSUP, "export the model without reordering",
				    "its weights are not in the order of their blocks (g_idx)");
	ret = check_count(call, NN_NBITS_B, b->rows * b->row_bytes);
	if (!ret)
		ret = check_parameters(call, b, NN_NBITS_SCALES, NN_NBITS_ZEROS);
	if (!ret)
		ret = check_count(call, NN_NBITS_BIAS, b->rows);
	return ret;
}

static int infer_nbits(struct nn_call *call)
{
	struct nn_shape *out = &call->out[0]->shape;
	struct nn_blocks b;
	int64_t length;
	int ret = nn_read_nbits(call, &b);

	if (ret < 0)
		return ret;
	*out = call->in[0]->shape;
	if (out->rank < 0)
		return 0;
	length = out->rank ? out->dims[out->rank - 1] : 1;
	if (!out->rank || (length >= 0 && length != b.length))
		return nn_refuse(call, NULL, "rows of A have %" PRId64 " elements, those of its weights %"
				 PRId64, length, b.length);
	out->dims[out->rank - 1] = b.rows;
	return 0;
}

/* A row of weights as numbers. */
static void unpack_row(const struct nn_blocks *b, const struct nn_tensor *packed,
		       const struct nn_tensor *scales, const struct nn_tensor *zeros, int64_t row,
		       double *to)
{
	const char *from = (const char *)packed->data + row * b->row_bytes;
	double scale = 0, zero = 0;
	int64_t i;

	for (i = 0; i < b->length; i++) {
		if (i % b->size == 0) {
			scale = nn_get(scales, (size_t)(row * b->count + i / b->size));
			zero = nn_block_zero(b, zeros, row, i / b->size);
		}
		to[i] = (nn_unpack(from, i, b->bits) - zero) * scale;
	}
}

static int evaluate_nbits(struct nn_call *call)
{
	const struct nn_tensor *a = nn_contents(call->in[NN_NBITS_A]);
	const struct nn_tensor *packed = nn_contents(call->in[NN_NBITS_B]);
	const struct nn_tensor *scales = nn_contents(call->in[NN_NBITS_SCALES]);
	const struct nn_tensor *zeros = nn_contents(nn_in_fact(call, NN_NBITS_ZEROS));
	const struct nn_tensor *bias = nn_contents(nn_in_fact(call, NN_NBITS_BIAS));
	struct nn_tensor *y = nn_result(call, 0);
	struct nn_blocks b;
	size_t m, k, n;
	double *row, sum;
	int ret = nn_read_nbits(call, &b);

	if (ret)
		return ret;
	row = malloc((size_t)b.length * sizeof(*row));
	if (!row)
		return nn_no_memory(call);
	for (n = 0; n < (size_t)b.rows; n++) {
		unpack_row(&b, packed, scales, zeros, (int64_t)n, row);
		for (m = 0; m < a->count / (size_t)b.length; m++) {
			sum = bias ? nn_get(bias, n) : 0;
			for (k = 0; k < (size_t)b.length; k++)
				sum += nn_get(a, m * (size_t)b.length + k) * row[k];
			nn_set(y, m * (size_t)b.rows + n, sum);
		}
	}
	free(row);
	return 0;
}

/* ---- GatherBlockQuantized ---- */

int nn_read_gather_blocks(const struct nn_call *call, struct nn_blocks *b)
{
	const struct nn_shape *data = &call->in[NN_GATHER_DATA]->shape;
	int64_t axis = nn_attr_int(call, "gather_axis"), along = nn_attr_int(call, "quantize_axis");
	enum nn_type type = call->in[NN_GATHER_DATA]->type;
	int ret;

	if (!nn_shape_known(data))
		return 1;
	if (data->rank != 2 || (axis != 0 && axis != -2) || (along != 1 && along != -1))
		return nn_fail_node(call->node, -ENOTSUP, NULL,
				    "its weights are not rows of which each is in blocks");
	*b = (struct nn_blocks){
		.rows = data->dims[0], .size = nn_attr_int(call, "block_size"),
		.bits = type == NN_U8 ? nn_attr_int(call, "bits") : 4,
	};
	b->length = data->dims[1];
	if (type == NN_U8 && b->bits > 0 && b->length <= INT32_MAX)
		b->length = data->dims[1] * 8 / b->bits;
	ret = check_blocks(call, b);
	if (ret)
		return ret;
	count_blocks(b);
	b->row_bytes = b->length * b->bits / 8;
	return check_parameters(call, b, NN_GATHER_SCALES, NN_GATHER_ZEROS);
}

static int infer_gather_blocks(struct nn_call *call)
{
	const struct nn_shape *indices = &call->in[NN_GATHER_INDICES]->shape;
	struct nn_shape *out = &call->out[0]->shape;
	struct nn_blocks b;
	int ret = nn_read_gather_blocks(call, &b);

	if (ret)
		return ret < 0 ? ret : 0;
	if (indices->rank < 0)
		return 0;
	if (indices->rank >= NN_RANK_MAX)
		return nn_refuse(call, NULL, "its result would have %d dimensions", indices->rank + 1);
	*out = *indices;
	out->dims[out->rank++] = b.length;
	return 0;
}

static int evaluate_gather_blocks(struct nn_call *call)
{
	const struct nn_tensor *data = nn_contents(call->in[NN_GATHER_DATA]);
	const struct nn_tensor *indices = nn_contents(call->in[NN_GATHER_INDICES]);
	const struct nn_tensor *scales = nn_contents(call->in[NN_GATHER_SCALES]);
	const struct nn_tensor *zeros = nn_contents(nn_in_fact(call, NN_GATHER_ZEROS));
	struct nn_tensor *y = nn_result(call, 0);
	struct nn_blocks b;
	int64_t row, k, block;
	double zero, x;
	size_t i;
	int ret = nn_read_gather_blocks(call, &b);

	for (i = 0; i < indices->count && !ret; i++) {
		ret = nn_index(call, nn_get_int(indices, i), b.rows, &row);
		for (k = 0; k < b.length && !ret; k++) {
			block = k / b.size;
			x = data->type != NN_U8 ? nn_get(data, (size_t)(row * b.length + k)) :
			    nn_unpack((const char *)data->data + row * b.row_bytes, k, b.bits);
			/* Only those of bytes are in the middle if there are none. */
			if (zeros && data->type != NN_U8)
				zero = nn_get(zeros, (size_t)(row * b.count + block));
			else
				zero = data->type == NN_U8 ? nn_block_zero(&b, zeros, row, block) : 0;
			nn_set(y, i * (size_t)b.length + (size_t)k,
			       (x - zero) * nn_get(scales, (size_t)(row * b.count + block)));
		}
	}
	return ret;
}

/* ---- Table ---- */

#define REALS	(NN_SET(NN_F32) | NN_SET(NN_F16) | NN_SET(NN_BF16))
#define BYTES	NN_SET(NN_U8)
#define INDICES	(NN_SET(NN_I32) | NN_SET(NN_I64))
#define PACKED	(BYTES | NN_SET(NN_U4) | NN_SET(NN_I4))

const struct nn_op nn_ops_blocks[] = {
	{ .domain = NN_MICROSOFT, .name = "MatMulNBits", .since = 1, .costly = true,
	  .inputs = NN_PORTS({ "A", 'T', REALS, NN_ONE }, { "B", 0, BYTES, NN_ONE },
			     { "scales", 0, REALS, NN_ONE },
			     { "zero_points", 0, BYTES | REALS, NN_OPTIONAL },
			     { "g_idx", 0, NN_SET(NN_I32), NN_OPTIONAL },
			     { "bias", 'T', REALS, NN_OPTIONAL },
			     { "weight_scale", 0, NN_SET(NN_F32), NN_OPTIONAL }),
	  .outputs = NN_PORTS({ "Y", 'T', REALS, NN_ONE }),
	  .attrs = NN_ATTRS(NN_REQUIRED_ATTR("K", INT), NN_REQUIRED_ATTR("N", INT),
			    NN_INT("accuracy_level", 0), NN_INT("bits", 4),
			    NN_REQUIRED_ATTR("block_size", INT),
			    NN_INT("weight_prepacked", 0)),
	  .infer = infer_nbits, .evaluate = evaluate_nbits },
	{ .domain = NN_MICROSOFT, .name = "GatherBlockQuantized", .since = 1,
	  .inputs = NN_PORTS({ "data", 'Q', PACKED, NN_ONE }, { "indices", 0, INDICES, NN_ONE },
			     { "scales", 'T', REALS, NN_ONE },
			     { "zero_points", 'Q', PACKED, NN_OPTIONAL }),
	  .outputs = NN_PORTS({ "output", 'T', REALS, NN_ONE }),
	  .attrs = NN_ATTRS(NN_INT("bits", 4), NN_INT("block_size", 128), NN_INT("gather_axis", 0),
			    NN_INT("quantize_axis", 1)),
	  .infer = infer_gather_blocks, .evaluate = evaluate_gather_blocks },
	{ 0 }
};
