// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Map: elementwise operations.
 *
 * The block is walked in rows along dimension 0, and rows in chunks. For each, the
 * operands are widened to the domain (F32 or 64-bit integers), the operation runs over
 * arrays, and the result is narrowed to the type of the output. Dimensions that continue
 * each other in all operands are merged before, so that rows are long. The commonest
 * operations on rows of F32, which are most of what models do beside products, are computed
 * where the rows are (can_be_direct()).
 */
#include <stdlib.h>
#include <string.h>

#include "perf.h"
#include "tile.h"
#include "tile_math.h"
#include "tile_types.h"

#define CHUNK		256
#define SHORT_ROW	16	/* rows that are shorter are not worth their overhead */
#define BLOCK		16	/* of a transposing copy */

/* ---- Operations ---------------------------------------------------------- */

enum domain {
	DOMAIN_INT,
	DOMAIN_UINT,
	DOMAIN_F32,
};

/* What operations are like. */
enum {
	OP_EXISTS = 0x01,
	OP_FLOAT = 0x02,	/* computes in F32 whatever the operands are */
	OP_BITS = 0x04,		/* integers only */
	OP_PARAM = 0x08,	/* uses param */
};

struct op_info {
	uint8_t operands;
	uint8_t flags;
	uint8_t cost;
};

#define OP(operands, flags, cost)	{ operands, OP_EXISTS | (flags), PERF_MAP_##cost }
static const struct op_info ops[256] = {
	[EGRET_MAP_COPY] = OP(1, 0, SIMPLE),
	[EGRET_MAP_NEG] = OP(1, 0, SIMPLE),
	[EGRET_MAP_ABS] = OP(1, 0, SIMPLE),
	[EGRET_MAP_SIGN] = OP(1, 0, SIMPLE),
	[EGRET_MAP_NOT] = OP(1, 0, SIMPLE),
	[EGRET_MAP_BITNOT] = OP(1, OP_BITS, SIMPLE),
	[EGRET_MAP_FLOOR] = OP(1, OP_FLOAT, SIMPLE),
	[EGRET_MAP_CEIL] = OP(1, OP_FLOAT, SIMPLE),
	[EGRET_MAP_ROUND] = OP(1, OP_FLOAT, SIMPLE),
	[EGRET_MAP_TRUNC] = OP(1, OP_FLOAT, SIMPLE),
	[EGRET_MAP_ISNAN] = OP(1, OP_FLOAT, SIMPLE),
	[EGRET_MAP_ISINF] = OP(1, OP_FLOAT, SIMPLE),
	[EGRET_MAP_SQRT] = OP(1, OP_FLOAT, DIVIDE),
	[EGRET_MAP_RSQRT] = OP(1, OP_FLOAT, DIVIDE),
	[EGRET_MAP_RECIP] = OP(1, OP_FLOAT, DIVIDE),
	[EGRET_MAP_EXP] = OP(1, OP_FLOAT, FUNCTION),
	[EGRET_MAP_LOG] = OP(1, OP_FLOAT, FUNCTION),
	[EGRET_MAP_SIN] = OP(1, OP_FLOAT, FUNCTION),
	[EGRET_MAP_COS] = OP(1, OP_FLOAT, FUNCTION),
	[EGRET_MAP_TANH] = OP(1, OP_FLOAT, FUNCTION),
	[EGRET_MAP_ERF] = OP(1, OP_FLOAT, FUNCTION),
	[EGRET_MAP_SIGMOID] = OP(1, OP_FLOAT, FUNCTION),
	[EGRET_MAP_GELU] = OP(1, OP_FLOAT, FUNCTION),
	[EGRET_MAP_GELU_TANH] = OP(1, OP_FLOAT, FUNCTION),
	[EGRET_MAP_SILU] = OP(1, OP_FLOAT, FUNCTION),
	[EGRET_MAP_SOFTPLUS] = OP(1, OP_FLOAT, FUNCTION),
	[EGRET_MAP_RELU] = OP(1, 0, SIMPLE),
	[EGRET_MAP_LEAKY_RELU] = OP(1, OP_FLOAT | OP_PARAM, MULTIPLY),
	[EGRET_MAP_ELU] = OP(1, OP_FLOAT | OP_PARAM, FUNCTION),
	[EGRET_MAP_ADD] = OP(2, 0, SIMPLE),
	[EGRET_MAP_SUB] = OP(2, 0, SIMPLE),
	[EGRET_MAP_MUL] = OP(2, 0, MULTIPLY),
	[EGRET_MAP_DIV] = OP(2, 0, DIVIDE),
	[EGRET_MAP_REM] = OP(2, 0, DIVIDE),
	[EGRET_MAP_POW] = OP(2, OP_FLOAT, POWER),
	[EGRET_MAP_MIN] = OP(2, 0, SIMPLE),
	[EGRET_MAP_MAX] = OP(2, 0, SIMPLE),
	[EGRET_MAP_AND] = OP(2, OP_BITS, SIMPLE),
	[EGRET_MAP_OR] = OP(2, OP_BITS, SIMPLE),
	[EGRET_MAP_XOR] = OP(2, OP_BITS, SIMPLE),
	[EGRET_MAP_SHL] = OP(2, OP_BITS, SIMPLE),
	[EGRET_MAP_SHR] = OP(2, OP_BITS, SIMPLE),
	[EGRET_MAP_EQ] = OP(2, 0, SIMPLE),
	[EGRET_MAP_NE] = OP(2, 0, SIMPLE),
	[EGRET_MAP_LT] = OP(2, 0, SIMPLE),
	[EGRET_MAP_LE] = OP(2, 0, SIMPLE),
	[EGRET_MAP_GT] = OP(2, 0, SIMPLE),
	[EGRET_MAP_GE] = OP(2, 0, SIMPLE),
	[EGRET_MAP_SELECT] = OP(3, 0, SIMPLE),
	[EGRET_MAP_FMA] = OP(3, 0, MULTIPLY),
	[EGRET_MAP_CLAMP] = OP(3, 0, SIMPLE),
};
#undef OP

static enum domain domain_of(const struct egret_map_desc *d)
{
	if ((ops[d->op].flags & OP_FLOAT) || type_is_float(d->a_type) ||
	    type_is_float(d->b_type) || type_is_float(d->c_type))
		return DOMAIN_F32;
	/* Small integers are exact in F32, and come to a float type without 64 bits. */
	if (d->op == EGRET_MAP_COPY && type_is_float(d->out_type) && egret_type_bits(d->a_type) <= 16)
		return DOMAIN_F32;
	if (d->a_type == EGRET_TYPE_U64 || d->b_type == EGRET_TYPE_U64 ||
	    d->c_type == EGRET_TYPE_U64)
		return DOMAIN_UINT;
	return DOMAIN_INT;
}

/* ---- Checks -------------------------------------------------------------- */

#define INDEX_FLAGS	(EGRET_MAP_GATHER | EGRET_MAP_SCATTER)

static bool check_reserved(const struct egret_map_desc *d, struct egret_fault *fault)
{
	const struct op_info *op = &ops[d->op];
	bool exists = op->flags & OP_EXISTS;
	bool no_b = exists && op->operands < 2, no_c = exists && op->operands < 3;
	bool a_imm = d->flags & EGRET_MAP_A_IMM;
	bool b_imm = d->flags & EGRET_MAP_B_IMM, c_imm = d->flags & EGRET_MAP_C_IMM;
	bool no_index = !(d->flags & INDEX_FLAGS);

	CHECK_ZERO(b_type, no_b);
	CHECK_ZERO(c_type, no_c);
	CHECK_ZERO(index_dim, no_index);
	CHECK_FLAGS(flags, EGRET_MAP_FLAGS);
	CHECK_ZERO(b, no_b);
	CHECK_ZERO(c, no_c);
	for (unsigned int i = 0; i < EGRET_DIMS; i++)
		CHECK_ZERO(a_stride[i], a_imm);
	for (unsigned int i = 0; i < EGRET_DIMS; i++)
		CHECK_ZERO(b_stride[i], no_b || b_imm);
	for (unsigned int i = 0; i < EGRET_DIMS; i++)
		CHECK_ZERO(c_stride[i], no_c || c_imm);
	CHECK_ZERO(index, no_index);
	CHECK_ZERO(param, exists && !(op->flags & OP_PARAM));
	CHECK_ZERO(index_limit, no_index);
	CHECK_ZERO(reserved[0], true);
	CHECK_ZERO(reserved[1], true);
	return true;
}

static bool flags_agree(const struct egret_map_desc *d)
{
	const struct op_info *op = &ops[d->op];

	if ((d->flags & INDEX_FLAGS) == INDEX_FLAGS)
		return false;
	if ((d->flags & EGRET_MAP_A_IMM) && (d->flags & EGRET_MAP_GATHER))
		return false;
	if ((d->flags & EGRET_MAP_B_IMM) && op->operands < 2)
		return false;
	return !(d->flags & EGRET_MAP_C_IMM) || op->operands == 3;
}

static bool check_fields(const struct egret_map_desc *d, struct egret_fault *fault)
{
	CHECK_FIELD(op, ops[d->op].flags & OP_EXISTS);
	CHECK_FIELD(out_type, d->out_type < EGRET_TYPE_COUNT);
	CHECK_FIELD(a_type, d->a_type < EGRET_TYPE_COUNT);
	CHECK_FIELD(b_type, d->b_type < EGRET_TYPE_COUNT);
	CHECK_FIELD(c_type, d->c_type < EGRET_TYPE_COUNT);
	CHECK_FIELD(index_dim, d->index_dim < EGRET_DIMS);
	CHECK_FIELD(flags, flags_agree(d));
	for (unsigned int i = 0; i < EGRET_DIMS; i++)
		CHECK_FIELD(dims[i], d->dims[i]);
	if (d->flags & INDEX_FLAGS) {
		CHECK_FIELD(index, d->index % 4 == 0);
		CHECK_FIELD(index_limit, d->index_limit && d->index_limit <= INT32_MAX);
	}
	return true;
}

static bool operand_type_fits(unsigned int type, bool imm, bool bits)
{
	if (bits && type_is_float(type))
		return false;
	if (imm)
		return type == EGRET_TYPE_S32 || type == EGRET_TYPE_F32;
	return type_is_element(type);
}

static bool types_fit(const struct egret_map_desc *d)
{
	const struct op_info *op = &ops[d->op];
	bool bits = op->flags & OP_BITS;

	return type_is_element(d->out_type) &&
	       operand_type_fits(d->a_type, d->flags & EGRET_MAP_A_IMM, bits) &&
	       (op->operands < 2 ||
		operand_type_fits(d->b_type, d->flags & EGRET_MAP_B_IMM, bits)) &&
	       (op->operands < 3 ||
		operand_type_fits(d->c_type, d->flags & EGRET_MAP_C_IMM, bits));
}

/* With an index table, `indexed` is its dimension, otherwise EGRET_DIMS. */
static struct egret_extent block_extent(const struct egret_map_desc *d, unsigned int type,
					const __le32 *stride, unsigned int indexed)
{
	uint64_t bits = egret_type_bits(type);
	struct egret_extent e = egret_extent((bits + 7) / 8);

	for (unsigned int i = 0; i < EGRET_DIMS; i++) {
		uint64_t count = i == indexed ? d->index_limit : d->dims[i];

		if (i == 0 && bits == 4)
			count = (count + 1) / 2;
		egret_extent_loop(&e, count, (int32_t)stride[i]);
	}
	return e;
}

static bool check_ranges(const struct egret_map_desc *d, struct egret_fault *fault)
{
	unsigned int gather = d->flags & EGRET_MAP_GATHER ? d->index_dim : EGRET_DIMS;
	unsigned int scatter = d->flags & EGRET_MAP_SCATTER ? d->index_dim : EGRET_DIMS;
	unsigned int operands = ops[d->op].operands;
	struct egret_extent e = block_extent(d, d->out_type, d->out_stride, scatter);

	if (!egret_extent_check(&e, d->out, DESC_OFFSET(out), fault))
		return false;
	if (!(d->flags & EGRET_MAP_A_IMM)) {
		e = block_extent(d, d->a_type, d->a_stride, gather);
		if (!egret_extent_check(&e, d->a, DESC_OFFSET(a), fault))
			return false;
	}
	if (operands > 1 && !(d->flags & EGRET_MAP_B_IMM)) {
		e = block_extent(d, d->b_type, d->b_stride, EGRET_DIMS);
		if (!egret_extent_check(&e, d->b, DESC_OFFSET(b), fault))
			return false;
	}
	if (operands > 2 && !(d->flags & EGRET_MAP_C_IMM)) {
		e = block_extent(d, d->c_type, d->c_stride, EGRET_DIMS);
		if (!egret_extent_check(&e, d->c, DESC_OFFSET(c), fault))
			return false;
	}
	if (d->flags & INDEX_FLAGS) {
		e = egret_extent(4 * (uint64_t)d->dims[d->index_dim]);
		if (!egret_extent_check(&e, d->index, DESC_OFFSET(index), fault))
			return false;
	}
	return true;
}

bool egret_map_check(const struct egret_map_desc *d, struct egret_fault *fault)
{
	uint64_t elements = 1;

	if (!check_reserved(d, fault) || !check_fields(d, fault))
		return false;
	if (!types_fit(d))
		return egret_desc_fault(fault, EGRET_FAULT_DESC_TYPE, DESC_OFFSET(out_type),
					d->out_type | (uint32_t)d->a_type << 8 |
					(uint32_t)d->b_type << 16 | (uint32_t)d->c_type << 24);
	for (unsigned int i = 0; i < EGRET_DIMS; i++)
		elements = egret_saturating_mul(elements, d->dims[i]);
	CHECK_FIELD(dims[0], elements <= EGRET_ELEMENTS_MAX);
	return check_ranges(d, fault);
}

/* ---- Cost ---------------------------------------------------------------- */

uint64_t egret_map_cycles(const struct egret_map_desc *d)
{
	uint64_t row = (d->dims[0] + PERF_LANE_GROUP - 1) / PERF_LANE_GROUP * PERF_LANE_GROUP;
	uint64_t rows = 1, wide;

	for (unsigned int i = 1; i < EGRET_DIMS; i++)
		rows *= d->dims[i];
	/* rows that are next to each other have no edges between them */
	if (d->dims[0] < PERF_LANE_GROUP && d->out_stride[1] == d->out_stride[0] * d->dims[0] &&
	    d->a_stride[1] == d->a_stride[0] * d->dims[0])
		row = d->dims[0];
	wide = egret_type_bits(d->out_type) == 64 || egret_type_bits(d->a_type) == 64 ? 2 : 1;
	return PERF_TILE_SETUP + (rows * row * ops[d->op].cost * wide + PERF_LANES - 1) / PERF_LANES +
	       (d->flags & INDEX_FLAGS ? (d->dims[d->index_dim] + 3) / 4 : 0);
}

/* ---- F32 ----------------------------------------------------------------- */

#define EACH(expression) do {				\
	for (size_t i = 0; i < n; i++) {		\
		float x = a[i];				\
							\
		a[i] = (expression);			\
	}						\
} while (0)

static inline float sign_of(float x)
{
	float s = x > 0 ? 1.0f : x < 0 ? -1.0f : 0.0f;

	return x == x ? s : x;
}

/* C's fmod(), whose result is exact, and therefore the same everywhere. */
static float remainder_of(float x, float y)
{
	return __builtin_fmodf(x, y);
}

EGRET_CLONES
static void unary_f32(enum egret_map_op op, float *a, size_t n)
{
	switch (op) {
	case EGRET_MAP_NEG:
		EACH(-x);
		break;
	case EGRET_MAP_ABS:
		EACH(__builtin_fabsf(x));
		break;
	case EGRET_MAP_SIGN:
		EACH(sign_of(x));
		break;
	case EGRET_MAP_NOT:
		EACH(x == 0);
		break;
	case EGRET_MAP_FLOOR:
		EACH(__builtin_floorf(x));
		break;
	case EGRET_MAP_CEIL:
		EACH(__builtin_ceilf(x));
		break;
	case EGRET_MAP_ROUND:
		EACH(__builtin_rintf(x));
		break;
	case EGRET_MAP_TRUNC:
		EACH(__builtin_truncf(x));
		break;
	case EGRET_MAP_ISNAN:
		EACH(x != x);
		break;
	case EGRET_MAP_ISINF:
		EACH(__builtin_fabsf(x) == __builtin_inff());
		break;
	default:
		break;
	}
}

EGRET_CLONES
static void binary_f32(enum egret_map_op op, float *a, const float *b, size_t n)
{
	switch (op) {
	case EGRET_MAP_ADD:
		EACH(x + b[i]);
		break;
	case EGRET_MAP_SUB:
		EACH(x - b[i]);
		break;
	case EGRET_MAP_MUL:
		EACH(x * b[i]);
		break;
	case EGRET_MAP_DIV:
		EACH(x / b[i]);
		break;
	case EGRET_MAP_REM:
		EACH(remainder_of(x, b[i]));
		break;
	case EGRET_MAP_MIN:
		EACH(egret_math_min(x, b[i]));
		break;
	case EGRET_MAP_MAX:
		EACH(egret_math_max(x, b[i]));
		break;
	case EGRET_MAP_EQ:
		EACH(x == b[i]);
		break;
	case EGRET_MAP_NE:
		EACH(x != b[i]);
		break;
	case EGRET_MAP_LT:
		EACH(x < b[i]);
		break;
	case EGRET_MAP_LE:
		EACH(x <= b[i]);
		break;
	case EGRET_MAP_GT:
		EACH(x > b[i]);
		break;
	case EGRET_MAP_GE:
		EACH(x >= b[i]);
		break;
	default:
		break;
	}
}

EGRET_CLONES
static void ternary_f32(enum egret_map_op op, float *a, const float *b, const float *c, size_t n)
{
	switch (op) {
	case EGRET_MAP_SELECT:
		EACH(x != 0 ? b[i] : c[i]);
		break;
	case EGRET_MAP_FMA:
		EACH(__builtin_fmaf(x, b[i], c[i]));
		break;
	case EGRET_MAP_CLAMP:
		EACH(egret_math_min(egret_math_max(x, b[i]), c[i]));
		break;
	default:
		break;
	}
}

#undef EACH

static void compute_f32(const struct egret_map_desc *d, float *a, const float *b, const float *c,
			size_t n)
{
	enum egret_map_op op = d->op;

	if (op == EGRET_MAP_POW)
		egret_math_pow(a, b, n);
	else if (op >= EGRET_MAP_SELECT)
		ternary_f32(op, a, b, c, n);
	else if (op >= EGRET_MAP_ADD)
		binary_f32(op, a, b, n);
	else if (op >= EGRET_MAP_SQRT)
		egret_math(op, a, n, f32_from_bits(d->param));
	else
		unary_f32(op, a, n);
}

/* ---- F32, in place ------------------------------------------------------- */

/* F32 elements where they lie in scratchpad. */
typedef float __attribute__((may_alias)) scratch_f32;

/* A run of elements beside each other; b and c are elements too, or one for all. */
struct run {
	scratch_f32 *out;
	const scratch_f32 *a, *b, *c;
	bool one_b, one_c;
	size_t n;
};

/* What is common in models, and cheap: for the rest, moving elements is a small part. */
static bool is_direct(enum egret_map_op op)
{
	switch (op) {
	case EGRET_MAP_ADD:
	case EGRET_MAP_SUB:
	case EGRET_MAP_MUL:
	case EGRET_MAP_DIV:
	case EGRET_MAP_MIN:
	case EGRET_MAP_MAX:
	case EGRET_MAP_FMA:
	case EGRET_MAP_CLAMP:
		return true;
	default:
		return false;
	}
}

/*
 * An element of the output depends on those of the same place only, which may be the same one.
 * Clang, which is for looking for bugs only, looks before it runs such a loop in vectors.
 */
#ifdef __clang__
#define INDEPENDENT
#else
#define INDEPENDENT	_Pragma("GCC ivdep")
#endif

#define EACH(expression) do {							\
	INDEPENDENT								\
	for (size_t i = 0; i < n; i++) {					\
		float x = a[i], y = one_b ? b0 : b[i], z = one_c ? c0 : c[i];	\
										\
		(void)z;							\
		out[i] = f32_canonical(expression);				\
	}									\
} while (0)

static inline __attribute__((always_inline)) void
direct_ops(enum egret_map_op op, const struct run *r, bool one_b, bool one_c)
{
	/* In variables, which what is written cannot be. */
	const scratch_f32 *a = r->a, *b = r->b, *c = r->c;
	const float b0 = *b, c0 = one_c ? *c : 0;
	scratch_f32 *out = r->out;
	size_t n = r->n;

	switch (op) {
	case EGRET_MAP_ADD:
		EACH(x + y);
		break;
	case EGRET_MAP_SUB:
		EACH(x - y);
		break;
	case EGRET_MAP_MUL:
		EACH(x * y);
		break;
	case EGRET_MAP_DIV:
		EACH(x / y);
		break;
	case EGRET_MAP_MIN:
		EACH(egret_math_min(x, y));
		break;
	case EGRET_MAP_MAX:
		EACH(egret_math_max(x, y));
		break;
	case EGRET_MAP_FMA:
		EACH(__builtin_fmaf(x, y, z));
		break;
	case EGRET_MAP_CLAMP:
		EACH(egret_math_min(egret_math_max(x, y), z));
		break;
	default:
		break;
	}
}

#undef EACH

EGRET_CLONES
static void direct_f32(enum egret_map_op op, const struct run *r)
{
	if (r->one_b && r->one_c)
		direct_ops(op, r, true, true);
	else if (r->one_b)
		direct_ops(op, r, true, false);
	else if (r->one_c)
		direct_ops(op, r, false, true);
	else
		direct_ops(op, r, false, false);
}

/* ---- 64-bit integers ----------------------------------------------------- */

/* All wrap: additions and the like are done unsigned. */
#define EACH(expression) do {				\
	for (size_t i = 0; i < n; i++) {		\
		uint64_t x = (uint64_t)a[i];		\
		int64_t s = a[i];			\
							\
		(void)x;				\
		(void)s;				\
		a[i] = (int64_t)(expression);		\
	}						\
} while (0)

static void unary_int(enum egret_map_op op, bool is_unsigned, int64_t *a, size_t n)
{
	switch (op) {
	case EGRET_MAP_NEG:
		EACH(-x);
		break;
	case EGRET_MAP_ABS:
		EACH(s < 0 && !is_unsigned ? -x : x);
		break;
	case EGRET_MAP_SIGN:
		EACH(is_unsigned ? x != 0 : (s > 0) - (s < 0));
		break;
	case EGRET_MAP_NOT:
		EACH(x == 0);
		break;
	case EGRET_MAP_BITNOT:
		EACH(~x);
		break;
	case EGRET_MAP_RELU:
		EACH(is_unsigned || s > 0 ? s : 0);
		break;
	default:
		break;
	}
}

static inline int64_t divide(int64_t x, int64_t y, bool is_unsigned)
{
	if (!y)
		return -1;
	if (is_unsigned)
		return (int64_t)((uint64_t)x / (uint64_t)y);
	return y == -1 ? (int64_t)-(uint64_t)x : x / y;
}

static inline int64_t remainder_int(int64_t x, int64_t y, bool is_unsigned)
{
	if (!y)
		return x;
	if (is_unsigned)
		return (int64_t)((uint64_t)x % (uint64_t)y);
	return y == -1 ? 0 : x % y;
}

static inline bool below(int64_t x, int64_t y, bool is_unsigned)
{
	return is_unsigned ? (uint64_t)x < (uint64_t)y : x < y;
}

static inline int64_t clamp_int(int64_t x, int64_t low, int64_t high, bool is_unsigned)
{
	x = below(x, low, is_unsigned) ? low : x;
	return below(high, x, is_unsigned) ? high : x;
}

/* @arithmetic: a is signed, for SHR */
EGRET_CLONES
static void binary_int(enum egret_map_op op, bool is_unsigned, bool arithmetic, int64_t *a,
		       const int64_t *b, size_t n)
{
	switch (op) {
	case EGRET_MAP_ADD:
		EACH(x + (uint64_t)b[i]);
		break;
	case EGRET_MAP_SUB:
		EACH(x - (uint64_t)b[i]);
		break;
	case EGRET_MAP_MUL:
		EACH(x * (uint64_t)b[i]);
		break;
	case EGRET_MAP_DIV:
		EACH(divide(s, b[i], is_unsigned));
		break;
	case EGRET_MAP_REM:
		EACH(remainder_int(s, b[i], is_unsigned));
		break;
	case EGRET_MAP_MIN:
		EACH(below(s, b[i], is_unsigned) ? s : b[i]);
		break;
	case EGRET_MAP_MAX:
		EACH(below(s, b[i], is_unsigned) ? b[i] : s);
		break;
	case EGRET_MAP_AND:
		EACH(s & b[i]);
		break;
	case EGRET_MAP_OR:
		EACH(s | b[i]);
		break;
	case EGRET_MAP_XOR:
		EACH(s ^ b[i]);
		break;
	case EGRET_MAP_SHL:
		EACH(x << (b[i] & 63));
		break;
	case EGRET_MAP_SHR:
		EACH(arithmetic ? (uint64_t)(s >> (b[i] & 63)) : x >> (b[i] & 63));
		break;
	case EGRET_MAP_EQ:
		EACH(s == b[i]);
		break;
	case EGRET_MAP_NE:
		EACH(s != b[i]);
		break;
	case EGRET_MAP_LT:
		EACH(below(s, b[i], is_unsigned));
		break;
	case EGRET_MAP_LE:
		EACH(!below(b[i], s, is_unsigned));
		break;
	case EGRET_MAP_GT:
		EACH(below(b[i], s, is_unsigned));
		break;
	case EGRET_MAP_GE:
		EACH(!below(s, b[i], is_unsigned));
		break;
	default:
		break;
	}
}

EGRET_CLONES
static void ternary_int(enum egret_map_op op, bool is_unsigned, int64_t *a, const int64_t *b,
			const int64_t *c, size_t n)
{
	switch (op) {
	case EGRET_MAP_SELECT:
		EACH(s ? b[i] : c[i]);
		break;
	case EGRET_MAP_FMA:
		EACH(x * (uint64_t)b[i] + (uint64_t)c[i]);
		break;
	case EGRET_MAP_CLAMP:
		EACH(clamp_int(s, b[i], c[i], is_unsigned));
		break;
	default:
		break;
	}
}

#undef EACH

static bool type_is_signed(unsigned int type)
{
	uint64_t max;
	int64_t min;

	egret_type_range(type, &min, &max);
	return min < 0;
}

static void compute_int(const struct egret_map_desc *d, bool is_unsigned, int64_t *a,
			const int64_t *b, const int64_t *c, size_t n)
{
	enum egret_map_op op = d->op;

	if (op >= EGRET_MAP_SELECT)
		ternary_int(op, is_unsigned, a, b, c, n);
	else if (op >= EGRET_MAP_ADD)
		binary_int(op, is_unsigned, type_is_signed(d->a_type), a, b, n);
	else
		unary_int(op, is_unsigned, a, n);
}

/* ---- The block ----------------------------------------------------------- */

enum { OUT, A, B, C, OPERANDS };

/* Dimension of a block, after those that continue each other have become one. */
struct dimension {
	uint32_t count;
	int64_t stride[OPERANDS];
	const uint8_t *index;		/* table of 32-bit words, or NULL */
};

struct map {
	const struct egret_map_desc *d;
	const struct egret_stop *stop;
	struct dimension dim[EGRET_DIMS];
	unsigned int dims;		/* at least 1 */
	unsigned int type[OPERANDS];	/* NONE if there is no such operand, or it is immediate */
	int indexed;			/* OUT, A, or OPERANDS */
	enum domain domain;
	struct egret_store store;
	bool copy;			/* bits of elements of `size` bytes */
	bool transposes;		/* see copy_transposes() */
	bool direct;			/* see can_be_direct() */
	size_t unlooked;		/* elements since somebody looked whether to stop */
	unsigned int size;
	union {
		float f[CHUNK];
		int64_t i[CHUNK];
	} v[OPERANDS];
};

static bool continues(const struct dimension *inner, const struct dimension *outer)
{
	if (inner->index || outer->index)
		return false;
	for (unsigned int o = 0; o < OPERANDS; o++)
		if (outer->stride[o] != (int64_t)inner->count * inner->stride[o])
			return false;
	return true;
}

static bool has_int4_operand(const struct map *m)
{
	for (unsigned int o = 0; o < OPERANDS; o++)
		if (type_is_int4(m->type[o]))
			return true;
	return false;
}

static void set_dimensions(struct map *m, const uint8_t *scratch)
{
	const struct egret_map_desc *d = m->d;
	bool has_int4 = has_int4_operand(m);

	for (unsigned int i = 0; i < EGRET_DIMS; i++) {
		bool indexed = (d->flags & INDEX_FLAGS) && i == d->index_dim;
		struct dimension dim = {
			.count = d->dims[i],
			.stride = {
				(int32_t)d->out_stride[i], (int32_t)d->a_stride[i],
				(int32_t)d->b_stride[i], (int32_t)d->c_stride[i],
			},
			.index = indexed ? scratch + (d->index - EGRET_LOCAL_SCRATCH) : NULL,
		};
		/* halves of bytes are counted along dimension 0, which must stay as it is */
		bool keep = i == 0 && has_int4;

		if (dim.count == 1 && !indexed && !keep)
			continue;
		if (m->dims && !(m->dims == 1 && has_int4) &&
		    continues(&m->dim[m->dims - 1], &dim))
			m->dim[m->dims - 1].count *= dim.count;
		else
			m->dim[m->dims++] = dim;
	}
	if (!m->dims)
		m->dim[m->dims++] = (struct dimension){ .count = 1 };
}

/* Do no two elements of the output share a byte? Each stride must reach over the smaller ones. */
static bool outputs_are_apart(const struct map *m)
{
	struct dimension sorted[EGRET_DIMS];
	int64_t span = egret_type_bits(m->type[OUT]) / 8;

	memcpy(sorted, m->dim, sizeof(sorted));
	for (unsigned int i = 0; i < m->dims; i++)
		for (unsigned int j = i + 1; j < m->dims; j++)
			if (llabs(sorted[j].stride[OUT]) < llabs(sorted[i].stride[OUT])) {
				struct dimension swap = sorted[i];

				sorted[i] = sorted[j];
				sorted[j] = swap;
			}
	for (unsigned int i = 0; i < m->dims; i++) {
		if (llabs(sorted[i].stride[OUT]) < span)
			return false;
		span += (int64_t)(sorted[i].count - 1) * llabs(sorted[i].stride[OUT]);
	}
	return true;
}

/*
 * Make the longest dimension the row if rows would be short. The order of elements is then
 * another one, which nobody can see if outputs are apart.
 */
static void lengthen_rows(struct map *m)
{
	unsigned int longest = 0;
	struct dimension swap;

	for (unsigned int i = 1; i < m->dims; i++)
		if (m->dim[i].count > m->dim[longest].count)
			longest = i;
	if (has_int4_operand(m) || m->dim[0].count >= SHORT_ROW || !longest || m->indexed == OUT ||
	    !outputs_are_apart(m))
		return;
	swap = m->dim[0];
	m->dim[0] = m->dim[longest];
	m->dim[longest] = swap;
}

static int32_t index_at(const struct dimension *dim, size_t i)
{
	int32_t v;

	memcpy(&v, dim->index + 4 * i, sizeof(v));
	return v;
}

/* The table is checked before anything is written. */
static bool check_table(const struct map *m, struct egret_fault *fault)
{
	const struct egret_map_desc *d = m->d;

	for (unsigned int n = 0; n < m->dims; n++) {
		if (!m->dim[n].index)
			continue;
		for (size_t i = 0; i < m->dim[n].count; i++) {
			uint32_t v = (uint32_t)index_at(&m->dim[n], i);

			if (v >= d->index_limit)
				return egret_desc_fault(fault, EGRET_FAULT_DESC_FIELD,
							DESC_OFFSET(index), v);
		}
	}
	return true;
}

static void load(struct map *m, unsigned int o, const uint8_t *src, int64_t stride, size_t first,
		 size_t n)
{
	if (m->domain == DOMAIN_F32)
		egret_load_f32(m->v[o].f, m->type[o], src, stride, first, n);
	else
		egret_load_i64(m->v[o].i, m->type[o], src, stride, first, n);
}

static void store(struct map *m, uint8_t *dst, int64_t stride, size_t first, size_t n)
{
	if (m->domain == DOMAIN_F32)
		egret_store_f32(m->v[A].f, &m->store, dst, stride, first, n);
	else
		egret_store_i64(m->v[A].i, &m->store, dst, stride, first, n);
}

/* Elements first..first+n-1 of a row; n up to CHUNK. */
static void run_chunk(struct map *m, uint8_t *const *base, size_t first, size_t n)
{
	const struct dimension *row = &m->dim[0];

	for (unsigned int o = A; o < OPERANDS; o++) {
		if (m->type[o] == EGRET_TYPE_NONE)
			continue;
		if (!row->index || m->indexed != (int)o) {
			load(m, o, base[o], row->stride[o], first, n);
			continue;
		}
		for (size_t i = 0; i < n; i++) { /* gather */
			int32_t at = index_at(row, first + i);

			if (m->domain == DOMAIN_F32)
				egret_load_f32(m->v[o].f + i, m->type[o], base[o], row->stride[o],
					       (size_t)at, 1);
			else
				egret_load_i64(m->v[o].i + i, m->type[o], base[o], row->stride[o],
					       (size_t)at, 1);
		}
	}
	if (m->domain == DOMAIN_F32)
		compute_f32(m->d, m->v[A].f, m->v[B].f, m->v[C].f, n);
	else
		compute_int(m->d, m->domain == DOMAIN_UINT, m->v[A].i, m->v[B].i, m->v[C].i, n);
	if (!row->index || m->indexed != OUT) {
		store(m, base[OUT], row->stride[OUT], first, n);
		return;
	}
	for (size_t i = 0; i < n; i++) { /* scatter */
		size_t at = (size_t)index_at(row, first + i);

		if (m->domain == DOMAIN_F32)
			egret_store_f32(m->v[A].f + i, &m->store, base[OUT], row->stride[OUT], at, 1);
		else
			egret_store_i64(m->v[A].i + i, &m->store, base[OUT], row->stride[OUT], at, 1);
	}
}

/* In ascending order: source and destination may be the same element, or overlap. */
#define COPY_ROW(T) do {								\
	for (size_t i = 0; i < row->count; i++) {					\
		T v;									\
											\
		memcpy(&v, src + (int64_t)i * row->stride[A], sizeof(v));		\
		memcpy(dst + (int64_t)i * row->stride[OUT], &v, sizeof(v));		\
	}										\
} while (0)

static void copy_plain_row(const struct map *m, uint8_t *dst, const uint8_t *src)
{
	const struct dimension *row = &m->dim[0];

	switch (m->size) {
	case 1:
		COPY_ROW(uint8_t);
		break;
	case 2:
		COPY_ROW(uint16_t);
		break;
	case 4:
		COPY_ROW(uint32_t);
		break;
	default:
		COPY_ROW(uint64_t);
		break;
	}
}

/* A row of a copy between elements of whole bytes of one type. */
static void copy_row(const struct map *m, uint8_t *dst, const uint8_t *src)
{
	const struct dimension *row = &m->dim[0];
	unsigned int size = m->size;

	if (!row->index && row->stride[OUT] == size && row->stride[A] == size) {
		memmove(dst, src, (size_t)row->count * size);
		return;
	}
	if (!row->index) {
		copy_plain_row(m, dst, src);
		return;
	}
	for (size_t i = 0; i < row->count; i++) {
		int64_t at = row->index ? index_at(row, i) : (int64_t)i;
		int64_t to = m->indexed == OUT ? at : (int64_t)i;
		int64_t from = m->indexed == A ? at : (int64_t)i;
		uint64_t v;

		memcpy(&v, src + from * row->stride[A], size);
		memcpy(dst + to * row->stride[OUT], &v, size);
	}
}

/*
 * Does a copy turn rows into columns? Then its source or its output is walked across cache
 * lines, and it is better done in small squares. Again the order of elements changes.
 */
static bool copy_transposes(const struct map *m)
{
	const struct dimension *row = &m->dim[0], *next = &m->dim[1];

	return m->copy && m->dims > 1 && m->indexed == OPERANDS && row->count >= BLOCK &&
	       next->count >= BLOCK &&
	       (llabs(row->stride[A]) > llabs(next->stride[A]) ||
		llabs(row->stride[OUT]) > llabs(next->stride[OUT])) &&
	       outputs_are_apart(m);
}

#define COPY_SQUARE(T) do {								\
	for (size_t i = 0; i < rows; i++)						\
		for (size_t j = 0; j < columns; j++)					\
			memcpy(dst + (int64_t)i * next->stride[OUT] + (int64_t)j * row->stride[OUT],	\
			       src + (int64_t)i * next->stride[A] + (int64_t)j * row->stride[A],	\
			       sizeof(T));						\
} while (0)

static void copy_square(const struct map *m, uint8_t *dst, const uint8_t *src, size_t rows,
			size_t columns)
{
	const struct dimension *row = &m->dim[0], *next = &m->dim[1];

	switch (m->size) {
	case 1:
		COPY_SQUARE(uint8_t);
		break;
	case 2:
		COPY_SQUARE(uint16_t);
		break;
	case 4:
		COPY_SQUARE(uint32_t);
		break;
	default:
		COPY_SQUARE(uint64_t);
		break;
	}
}

static void copy_transposed(const struct map *m, uint8_t *dst, const uint8_t *src)
{
	const struct dimension *row = &m->dim[0], *next = &m->dim[1];

	for (size_t i = 0; i < next->count; i += BLOCK)
		for (size_t j = 0; j < row->count; j += BLOCK)
			copy_square(m, dst + (int64_t)i * next->stride[OUT] + (int64_t)j * row->stride[OUT],
				    src + (int64_t)i * next->stride[A] + (int64_t)j * row->stride[A],
				    next->count - i < BLOCK ? next->count - i : BLOCK,
				    row->count - j < BLOCK ? row->count - j : BLOCK);
}

/* So many elements are computed in some microseconds. */
#define DIRECT_CHUNK	4096

static bool operand_is_direct(const struct map *m, unsigned int o, const uint8_t *base)
{
	if (m->type[o] == EGRET_TYPE_NONE)
		return true;
	if (m->type[o] != EGRET_TYPE_F32 || (uintptr_t)base % sizeof(float))
		return false;
	for (unsigned int i = 0; i < m->dims; i++)
		if (m->dim[i].stride[o] % (int64_t)sizeof(float))
			return false;
	return o == A || m->dim[0].stride[o] == sizeof(float) ||
	       (o != OUT && !m->dim[0].stride[o]);
}

/*
 * Can rows be computed where they are, without a copy of operands and results? Elements are
 * F32, and lie one beside the other, or are one for the whole row; only a may have
 * gaps, as it has under a window with a stride.
 */
static bool can_be_direct(const struct map *m, uint8_t *const *base)
{
	if (m->domain != DOMAIN_F32 || m->indexed != OPERANDS || !is_direct(m->d->op))
		return false;
	for (unsigned int o = OUT; o < OPERANDS; o++)
		if (!operand_is_direct(m, o, base[o]))
			return false;
	return true;
}

/* Operand b or c from an element of the row on; immediate ones are in m->v. */
static const scratch_f32 *direct_operand(const struct map *m, unsigned int o, const uint8_t *base,
					 size_t first)
{
	if (m->type[o] == EGRET_TYPE_NONE)
		return m->v[o].f;
	return (const scratch_f32 *)base + (m->dim[0].stride[o] ? first : 0);
}

/* False if it is to stop. */
static bool run_direct(struct map *m, uint8_t *const *base)
{
	const struct dimension *row = &m->dim[0];
	bool gaps = row->stride[A] != sizeof(float);
	size_t most = gaps ? CHUNK : DIRECT_CHUNK;
	struct run r = {
		.one_b = m->type[B] == EGRET_TYPE_NONE || !row->stride[B],
		.one_c = m->type[C] == EGRET_TYPE_NONE || !row->stride[C],
	};

	for (size_t first = 0; first < row->count; first += r.n) {
		r.n = row->count - first < most ? row->count - first : most;
		m->unlooked += r.n;
		if (m->unlooked >= DIRECT_CHUNK) {
			m->unlooked = 0;
			if (egret_unit_stopped(m->stop))
				return false;
		}
		r.out = (scratch_f32 *)base[OUT] + first;
		r.a = (const scratch_f32 *)base[A] + first;
		if (gaps) {
			load(m, A, base[A], row->stride[A], first, r.n);
			r.a = m->v[A].f;
		}
		r.b = direct_operand(m, B, base[B], first);
		r.c = direct_operand(m, C, base[C], first);
		direct_f32(m->d->op, &r);
	}
	return true;
}

/* The rows of two dimensions. */
static void run_direct_rows(struct map *m, uint8_t *const *base)
{
	const struct dimension *dim = &m->dim[1];
	uint8_t *at[OPERANDS] = { base[OUT], base[A], base[B], base[C] };

	for (size_t i = 0; i < dim->count && run_direct(m, at); i++)
		for (int o = 0; o < OPERANDS; o++)
			at[o] += dim->stride[o];
}

static void run_row(struct map *m, uint8_t *const *base)
{
	if (m->direct) {
		run_direct(m, base);
		return;
	}
	if (m->copy) {
		copy_row(m, base[OUT], base[A]);
		return;
	}
	for (size_t first = 0; first < m->dim[0].count && !egret_unit_stopped(m->stop);
	     first += CHUNK) {
		size_t n = m->dim[0].count - first;

		run_chunk(m, base, first, n < CHUNK ? n : CHUNK);
	}
}

static void run_dimensions(struct map *m, unsigned int level, uint8_t *const *base)
{
	const struct dimension *dim = &m->dim[level];

	if (!level) {
		run_row(m, base);
		return;
	}
	if (level == 1 && m->transposes) {
		copy_transposed(m, base[OUT], base[A]);
		return;
	}
	if (level == 1 && m->direct) {
		run_direct_rows(m, base);
		return;
	}
	for (size_t i = 0; i < dim->count && !egret_unit_stopped(m->stop); i++) {
		uint8_t *at[OPERANDS];

		for (int o = 0; o < OPERANDS; o++) {
			int64_t n = dim->index && m->indexed == o ? index_at(dim, i) : (int64_t)i;

			at[o] = base[o] + n * dim->stride[o];
		}
		run_dimensions(m, level - 1, at);
	}
}

static void set_immediate(struct map *m, unsigned int o, unsigned int type, uint32_t bits)
{
	for (size_t i = 0; i < CHUNK; i++)
		if (m->domain != DOMAIN_F32)
			m->v[o].i[i] = (int32_t)bits;
		else
			m->v[o].f[i] = type == EGRET_TYPE_F32 ? f32_from_bits(bits) :
								(float)(int32_t)bits;
}

static uint8_t *address_of(const struct egret_tile *t, const struct map *m, unsigned int o,
			   uint32_t local)
{
	return m->type[o] == EGRET_TYPE_NONE ? t->scratch : egret_tile_local(t, local);
}

bool egret_map_run(struct egret_tile *t, const struct egret_map_desc *d, struct egret_fault *fault)
{
	struct map m = {
		.d = d,
		.stop = t->stop,
		.type = { d->out_type, d->a_type, d->b_type, d->c_type },
		.indexed = d->flags & EGRET_MAP_SCATTER ? OUT :
			   d->flags & EGRET_MAP_GATHER ? A : OPERANDS,
		.domain = domain_of(d),
		.store = {
			.type = d->out_type,
			.saturate = d->flags & EGRET_MAP_SATURATE,
			.round_even = d->flags & EGRET_MAP_ROUND_EVEN,
		},
	};
	uint32_t a_bits = d->a;
	uint8_t *base[OPERANDS];

	m.store.is_unsigned = m.domain == DOMAIN_UINT;
	if (d->flags & EGRET_MAP_B_IMM) {
		set_immediate(&m, B, d->b_type, d->b);
		m.type[B] = EGRET_TYPE_NONE;
	}
	if (d->flags & EGRET_MAP_C_IMM) {
		set_immediate(&m, C, d->c_type, d->c);
		m.type[C] = EGRET_TYPE_NONE;
	}
	m.size = egret_type_bits(d->a_type) / 8;
	m.copy = d->op == EGRET_MAP_COPY && d->a_type == d->out_type && m.size;
	set_dimensions(&m, t->scratch);
	lengthen_rows(&m);
	m.transposes = copy_transposes(&m);
	if (!check_table(&m, fault))
		return false;
	base[OUT] = address_of(t, &m, OUT, d->out);
	/* results take a's place: a constant is loaded for each chunk, with strides of zero */
	base[A] = d->flags & EGRET_MAP_A_IMM ? (uint8_t *)&a_bits : address_of(t, &m, A, d->a);
	base[B] = address_of(t, &m, B, d->b);
	base[C] = address_of(t, &m, C, d->c);
	m.direct = can_be_direct(&m, base);
	run_dimensions(&m, m.dims - 1, base);
	return true;
}
