// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Matrix multiplication.
 *
 * The output is computed in blocks of BLOCK_M x BLOCK_N accumulators. For each, k is walked in
 * ascending segments; operands of a segment are packed into panels (tile_gemm.h), converted to
 * F32 or to integers without zero point, and multiplied onto the accumulators. Then
 * the block is finished: bias, scale, activation, conversion.
 *
 * With block-scaled operands a segment is one block of 32: its product is computed
 * from zero and then added to the accumulators with its scale.
 */
#include <string.h>

#include "perf.h"
#include "tile.h"
#include "tile_gemm.h"
#include "tile_math.h"
#include "tile_types.h"

#define BLOCK_M		96	/* multiples of every mr and nr */
#define BLOCK_N		512
#define BLOCK_K		256	/* a multiple of EGRET_BLOCK */

/* ---- Checks -------------------------------------------------------------- */

#define BLOCK_FLAGS	(EGRET_MATMUL_A_BLOCK | EGRET_MATMUL_B_BLOCK)
#define SCALE_FLAGS	(EGRET_MATMUL_SCALE_IMM | EGRET_MATMUL_SCALE_N | EGRET_MATMUL_SCALE_M)
#define BIAS_FLAGS	(EGRET_MATMUL_BIAS_ACC | EGRET_MATMUL_BIAS_OUT)

static bool at_most_one(unsigned int flags)
{
	return !(flags & (flags - 1));
}

static bool type_is_matrix_int(unsigned int type)
{
	return type == EGRET_TYPE_S8 || type == EGRET_TYPE_U8 || type_is_int4(type);
}

static bool type_is_block(unsigned int type)
{
	return type == EGRET_TYPE_S8 || type == EGRET_TYPE_S4;
}

static bool type_is_scale(unsigned int type)
{
	return type_is_float(type) || type == EGRET_TYPE_E8M0;
}

static bool out_is_int(const struct egret_matmul_desc *d)
{
	return !type_is_float(d->out_type);
}

static bool accumulates_f32(const struct egret_matmul_desc *d)
{
	return (d->flags & BLOCK_FLAGS) || type_is_float(d->a_type);
}

/* Fields that must be zero, in the order of their offsets. */
static bool check_reserved(const struct egret_matmul_desc *d, struct egret_fault *fault)
{
	unsigned int flags = d->flags;
	bool clamps = d->act == EGRET_ACT_CLAMP || d->act == EGRET_ACT_HARD_SIGMOID;
	bool a_is_8_bits = d->a_type == EGRET_TYPE_S8 || d->a_type == EGRET_TYPE_U8;
	bool b_is_8_bits = d->b_type == EGRET_TYPE_S8 || d->b_type == EGRET_TYPE_U8;

	CHECK_ZERO(acc, !(flags & EGRET_MATMUL_ACC));
	CHECK_ZERO(acc_pitch, !(flags & EGRET_MATMUL_ACC));
	CHECK_ZERO(acc_batch, !(flags & EGRET_MATMUL_ACC));
	CHECK_FLAGS(flags, EGRET_MATMUL_FLAGS);
	CHECK_ZERO(a_zero, !a_is_8_bits || (flags & EGRET_MATMUL_A_BLOCK));
	CHECK_ZERO(b_zero, !b_is_8_bits || (flags & EGRET_MATMUL_B_BLOCK));
	CHECK_ZERO(scale, !(flags & SCALE_FLAGS));
	CHECK_ZERO(bias, !(flags & BIAS_FLAGS));
	CHECK_ZERO(act_a, !clamps && d->act != EGRET_ACT_LEAKY_RELU);
	CHECK_ZERO(act_b, !clamps);
	CHECK_ZERO(out_zero, type_is_float(d->out_type));
	CHECK_ZERO(a_scale, !(flags & EGRET_MATMUL_A_BLOCK));
	CHECK_ZERO(b_scale, !(flags & EGRET_MATMUL_B_BLOCK));
	CHECK_ZERO(a_scale_pitch, !(flags & EGRET_MATMUL_A_BLOCK));
	CHECK_ZERO(b_scale_pitch, !(flags & EGRET_MATMUL_B_BLOCK));
	CHECK_ZERO(a_block, !(flags & EGRET_MATMUL_A_BLOCK));
	CHECK_ZERO(b_block, !(flags & EGRET_MATMUL_B_BLOCK));
	CHECK_ZERO(a_scale_step, !(flags & EGRET_MATMUL_A_BLOCK));
	CHECK_ZERO(b_scale_step, !(flags & EGRET_MATMUL_B_BLOCK));
	CHECK_ZERO(a_scale_type, !(flags & EGRET_MATMUL_A_BLOCK));
	CHECK_ZERO(b_scale_type, !(flags & EGRET_MATMUL_B_BLOCK));
	CHECK_ZERO(reserved0, true);
	CHECK_ZERO(reserved1[0], true);
	CHECK_ZERO(reserved1[1], true);
	return true;
}

static bool flags_agree(const struct egret_matmul_desc *d)
{
	unsigned int f = d->flags;

	if (!at_most_one(f & SCALE_FLAGS) || !at_most_one(f & BIAS_FLAGS))
		return false;
	if ((f & EGRET_MATMUL_BIAS_M) && !(f & BIAS_FLAGS))
		return false;
	if ((f & EGRET_MATMUL_A_BLOCK) && (f & EGRET_MATMUL_A_TRANS))
		return false;
	if ((f & EGRET_MATMUL_B_BLOCK) && !(f & EGRET_MATMUL_B_TRANS))
		return false;
	if ((f & EGRET_MATMUL_A_SPLIT) &&
	    (!(f & EGRET_MATMUL_A_BLOCK) || d->a_type != EGRET_TYPE_S4))
		return false;
	if ((f & EGRET_MATMUL_B_SPLIT) &&
	    (!(f & EGRET_MATMUL_B_BLOCK) || d->b_type != EGRET_TYPE_S4))
		return false;
	return true;
}

static bool check_fields(const struct egret_matmul_desc *d, struct egret_fault *fault)
{
	CHECK_FIELD(m, d->m);
	CHECK_FIELD(n, d->n);
	CHECK_FIELD(k, d->k);
	CHECK_FIELD(batch, d->batch);
	CHECK_FIELD(a_type, d->a_type < EGRET_TYPE_COUNT);
	CHECK_FIELD(b_type, d->b_type < EGRET_TYPE_COUNT);
	CHECK_FIELD(out_type, d->out_type < EGRET_TYPE_COUNT);
	CHECK_FIELD(act, d->act < EGRET_ACT_COUNT);
	CHECK_FIELD(flags, flags_agree(d));
	if (d->flags & EGRET_MATMUL_A_BLOCK)
		CHECK_FIELD(a_scale_type, type_is_scale(d->a_scale_type));
	if (d->flags & EGRET_MATMUL_B_BLOCK)
		CHECK_FIELD(b_scale_type, type_is_scale(d->b_scale_type));
	return true;
}

static bool out_type_exists(unsigned int type)
{
	switch (type) {
	case EGRET_TYPE_S8:
	case EGRET_TYPE_U8:
	case EGRET_TYPE_S16:
	case EGRET_TYPE_S32:
		return true;
	default:
		return type_is_float(type);
	}
}

/* May A and B be multiplied? */
static bool types_agree(const struct egret_matmul_desc *d)
{
	bool a_block = d->flags & EGRET_MATMUL_A_BLOCK, b_block = d->flags & EGRET_MATMUL_B_BLOCK;

	if (!out_type_exists(d->out_type))
		return false;
	if (a_block || b_block)
		return (a_block ? type_is_block(d->a_type) : type_is_matrix_int(d->a_type) ||
							      type_is_float(d->a_type)) &&
		       (b_block ? type_is_block(d->b_type) : type_is_matrix_int(d->b_type) ||
							      type_is_float(d->b_type));
	if (type_is_float(d->a_type))
		return d->a_type == d->b_type;
	return type_is_matrix_int(d->a_type) && type_is_matrix_int(d->b_type);
}

static uint32_t packed_types(const struct egret_matmul_desc *d)
{
	return d->out_type | (uint32_t)d->a_type << 8 | (uint32_t)d->b_type << 16;
}

/* Bytes of `n` elements next to each other. */
static uint64_t row_bytes(unsigned int type, uint64_t n)
{
	return (n * egret_type_bits(type) + 7) / 8;
}

/* A matrix of `rows` stored rows, with its batches. */
static struct egret_extent matrix_extent(const struct egret_matmul_desc *d, uint64_t bytes,
					 uint32_t rows, uint32_t pitch, uint32_t batch)
{
	struct egret_extent e = egret_extent(bytes);

	egret_extent_loop(&e, rows, (int32_t)pitch);
	egret_extent_loop(&e, d->batch, (int32_t)batch);
	return e;
}

/* Elements of one block-scaled row: whole blocks but the last, which ends at k. */
static uint64_t block_row_bytes(unsigned int type, uint32_t k, uint16_t step, bool split)
{
	uint64_t blocks = (k + EGRET_BLOCK - 1) / EGRET_BLOCK;
	uint64_t last = k - (blocks - 1) * EGRET_BLOCK;
	uint64_t tail, body;

	/* split halves: element i of the low ones shares its byte with i + 16 */
	if (split && last > EGRET_BLOCK / 2)
		last = EGRET_BLOCK / 2;
	tail = (blocks - 1) * step + (split ? last : row_bytes(type, last));
	body = blocks < 2 ? 0 : (blocks - 2) * step + row_bytes(type, EGRET_BLOCK);
	return tail > body ? tail : body;
}

static bool check_matrix(const struct egret_matmul_desc *d, bool is_a, struct egret_fault *fault)
{
	bool trans = d->flags & (is_a ? EGRET_MATMUL_A_TRANS : EGRET_MATMUL_B_TRANS);
	bool block = d->flags & (is_a ? EGRET_MATMUL_A_BLOCK : EGRET_MATMUL_B_BLOCK);
	bool split = d->flags & (is_a ? EGRET_MATMUL_A_SPLIT : EGRET_MATMUL_B_SPLIT);
	unsigned int type = is_a ? d->a_type : d->b_type;
	uint32_t length = is_a ? (trans ? d->m : d->k) : (trans ? d->k : d->n);
	uint32_t rows = is_a ? (trans ? d->k : d->m) : (trans ? d->n : d->k);
	uint64_t bytes = block ? block_row_bytes(type, d->k, is_a ? d->a_block : d->b_block, split) :
				 row_bytes(type, length);
	struct egret_extent e = matrix_extent(d, bytes, rows, is_a ? d->a_pitch : d->b_pitch,
					      is_a ? d->a_batch : d->b_batch);

	return egret_extent_check(&e, is_a ? d->a : d->b,
				  is_a ? DESC_OFFSET(a) : DESC_OFFSET(b), fault);
}

static bool check_scales(const struct egret_matmul_desc *d, bool is_a, struct egret_fault *fault)
{
	unsigned int type = is_a ? d->a_scale_type : d->b_scale_type;
	uint64_t blocks = (d->k + (uint64_t)EGRET_BLOCK - 1) / EGRET_BLOCK;
	struct egret_extent e;

	if (!(d->flags & (is_a ? EGRET_MATMUL_A_BLOCK : EGRET_MATMUL_B_BLOCK)))
		return true;
	e = matrix_extent(d, row_bytes(type, 1) +
			     (blocks - 1) * (is_a ? d->a_scale_step : d->b_scale_step),
			  is_a ? d->m : d->n, is_a ? d->a_scale_pitch : d->b_scale_pitch,
			  is_a ? d->a_batch : d->b_batch);
	return egret_extent_check(&e, is_a ? d->a_scale : d->b_scale,
				  is_a ? DESC_OFFSET(a_scale) : DESC_OFFSET(b_scale), fault);
}

static bool check_ranges(const struct egret_matmul_desc *d, struct egret_fault *fault)
{
	struct egret_extent e;

	if (!check_matrix(d, true, fault) || !check_matrix(d, false, fault))
		return false;
	if (d->flags & EGRET_MATMUL_ACC) {
		e = matrix_extent(d, 4 * (uint64_t)d->n, d->m, d->acc_pitch, d->acc_batch);
		if (!egret_extent_check(&e, d->acc, DESC_OFFSET(acc), fault))
			return false;
	}
	e = matrix_extent(d, row_bytes(d->out_type, d->n), d->m, d->out_pitch, d->out_batch);
	if (!egret_extent_check(&e, d->out, DESC_OFFSET(out), fault))
		return false;
	if (d->flags & (EGRET_MATMUL_SCALE_N | EGRET_MATMUL_SCALE_M)) {
		e = egret_extent(4 * (uint64_t)(d->flags & EGRET_MATMUL_SCALE_N ? d->n : d->m));
		if (!egret_extent_check(&e, d->scale, DESC_OFFSET(scale), fault))
			return false;
	}
	if (d->flags & BIAS_FLAGS) {
		e = egret_extent(4 * (uint64_t)(d->flags & EGRET_MATMUL_BIAS_M ? d->m : d->n));
		if (!egret_extent_check(&e, d->bias, DESC_OFFSET(bias), fault))
			return false;
	}
	return check_scales(d, true, fault) && check_scales(d, false, fault);
}

bool egret_matmul_check(const struct egret_matmul_desc *d, struct egret_fault *fault)
{
	uint64_t macs;

	if (!check_reserved(d, fault) || !check_fields(d, fault))
		return false;
	if (!types_agree(d))
		return egret_desc_fault(fault, EGRET_FAULT_DESC_TYPE, DESC_OFFSET(a_type),
					packed_types(d));
	macs = egret_saturating_mul(egret_saturating_mul((uint64_t)d->m * d->n, d->k), d->batch);
	CHECK_FIELD(m, macs <= EGRET_MACS_MAX);
	return check_ranges(d, fault);
}

/* ---- Cost ---------------------------------------------------------------- */

static uint64_t divide_up(uint64_t a, uint64_t b)
{
	return (a + b - 1) / b;
}

/* Half cycles of the array for one k. */
static uint64_t cost_of_k(const struct egret_matmul_desc *d)
{
	unsigned int a = d->a_type, b = d->b_type;

	if (a == EGRET_TYPE_F32 || b == EGRET_TYPE_F32)
		return PERF_MATMUL_F32;
	if (type_is_float(a) || type_is_float(b))
		return PERF_MATMUL_F16;
	return type_is_int4(a) && type_is_int4(b) ? PERF_MATMUL_S4 : PERF_MATMUL_S8;
}

uint64_t egret_matmul_cycles(const struct egret_matmul_desc *d)
{
	uint64_t half = (uint64_t)d->k * cost_of_k(d);
	uint64_t rows = divide_up(d->m, 32), columns = 32;
	uint64_t array, operand, epilogue;

	if (d->flags & BLOCK_FLAGS)
		half += divide_up(d->k, EGRET_BLOCK) * PERF_MATMUL_BLOCK;
	for (uint32_t share = 16; share && share >= d->m; share /= 2)
		columns = 1024 / share;
	array = rows * divide_up(d->n, columns) * divide_up(half, 2);
	operand = divide_up(d->n, 32) * 32 *
		  divide_up((uint64_t)d->k * egret_type_bits(d->b_type), 8) /
		  PERF_TILE_LOCAL_BYTES;
	if (d->m < 32 && array < operand)
		array = operand;
	epilogue = divide_up((uint64_t)d->m * d->n, PERF_EPILOGUE_LANES);
	if (array < epilogue)
		array = epilogue;
	return PERF_TILE_SETUP + d->batch * (array + PERF_TILE_FILL);
}

/* ---- Operands ------------------------------------------------------------ */

/* One of A and B in one batch, seen as `lines` (m or n) by k. */
struct operand {
	const uint8_t *base;
	int64_t pitch;
	unsigned int type;
	int zero;
	bool by_line;		/* a stored row is a line, and runs along k */
	bool block;
	bool split;
	int64_t block_step;
	const uint8_t *scale;
	int64_t scale_pitch;
	int64_t scale_step;
	unsigned int scale_type;
};

/* A block-scaled, Q4_0-like block: low halves first. */
static void load_split(int16_t *dst, const uint8_t *src, size_t n)
{
	for (size_t i = 0; i < n; i++)
		dst[i] = (int16_t)((src[i % 16] >> (i / 16 * 4) & 15) - 8);
}

/* n elements of a line from k = x on, as integers; x is at a block's start for blocks. */
static void line_i16(const struct operand *o, int16_t *dst, size_t line, size_t x, size_t n)
{
	const uint8_t *src = o->base + (int64_t)line * o->pitch;

	if (!o->block) {
		egret_load_i16(dst, o->type, src, 1, x, n, o->zero);
		return;
	}
	src += (int64_t)(x / EGRET_BLOCK) * o->block_step;
	if (o->split)
		load_split(dst, src, n);
	else
		egret_load_i16(dst, o->type, src, 1, 0, n, 0);
}

static void line_f32(const struct operand *o, float *dst, size_t line, size_t x, size_t n)
{
	int16_t ints[EGRET_BLOCK];

	if (o->block) { /* one block at a time */
		line_i16(o, ints, line, x, n);
		for (size_t i = 0; i < n; i++)
			dst[i] = ints[i];
	} else if (type_is_float(o->type)) {
		egret_load_f32(dst, o->type, o->base + (int64_t)line * o->pitch,
			       egret_type_bits(o->type) / 8, x, n);
	} else {
		/* integers beside float blocks, less their zero point */
		line_i16(o, ints, line, x, n);
		for (size_t i = 0; i < n; i++)
			dst[i] = ints[i];
	}
}

/* Lines line..line+n-1 at one k, of an operand that is stored by k. */
static void column_i16(const struct operand *o, int16_t *dst, size_t line, size_t n, size_t x)
{
	egret_load_i16(dst, o->type, o->base + (int64_t)x * o->pitch, 1, line, n, o->zero);
}

static void column_f32(const struct operand *o, float *dst, size_t line, size_t n, size_t x)
{
	int16_t ints[BLOCK_N];

	if (type_is_float(o->type)) {
		egret_load_f32(dst, o->type, o->base + (int64_t)x * o->pitch,
			       egret_type_bits(o->type) / 8, line, n);
		return;
	}
	column_i16(o, ints, line, n, x);
	for (size_t i = 0; i < n; i++)
		dst[i] = ints[i];
}

static float scale_of(const struct operand *o, size_t line, size_t x)
{
	const uint8_t *p = o->scale + (int64_t)line * o->scale_pitch +
			   (int64_t)(x / EGRET_BLOCK) * o->scale_step;
	float v;

	if (o->scale_type == EGRET_TYPE_E8M0)
		return f32_from_e8m0(*p);
	egret_load_f32(&v, o->scale_type, p, 0, 0, 1);
	return v;
}

/*
 * Pack lines line..line+lines-1, k = x..x+n-1, into panels of `width`. Panels are
 * `width * n` elements long.
 */
static void pack_f32(const struct operand *o, float *dst, unsigned int width, size_t line,
		     size_t lines, size_t x, size_t n)
{
	float run[BLOCK_K > BLOCK_N ? BLOCK_K : BLOCK_N];

	for (size_t panel = 0; panel < lines; panel += width, dst += width * n) {
		size_t here = lines - panel < width ? lines - panel : width;

		if (here < width)
			memset(dst, 0, width * n * sizeof(*dst));
		if (!o->by_line) {
			for (size_t i = 0; i < n; i++)
				column_f32(o, dst + i * width, line + panel, here, x + i);
			continue;
		}
		for (size_t l = 0; l < here; l++) {
			line_f32(o, run, line + panel + l, x, n);
			for (size_t i = 0; i < n; i++)
				dst[i * width + l] = run[i];
		}
	}
}

/* The same in pairs of k. */
static void pack_i16(const struct operand *o, int16_t *dst, unsigned int width, size_t line,
		     size_t lines, size_t x, size_t n)
{
	int16_t run[BLOCK_K > BLOCK_N ? BLOCK_K : BLOCK_N];
	size_t even = (n + 1) & ~(size_t)1;

	for (size_t panel = 0; panel < lines; panel += width, dst += width * even) {
		size_t here = lines - panel < width ? lines - panel : width;

		if (here < width || even != n)
			memset(dst, 0, width * even * sizeof(*dst));
		for (size_t i = 0; !o->by_line && i < n; i++) {
			int16_t *to = dst + (i & ~(size_t)1) * width + (i & 1);

			column_i16(o, run, line + panel, here, x + i);
			for (size_t l = 0; l < here; l++)
				to[2 * l] = run[l];
		}
		for (size_t l = 0; o->by_line && l < here; l++) {
			line_i16(o, run, line + panel + l, x, n);
			for (size_t i = 0; i < n; i++)
				dst[(i & ~(size_t)1) * width + 2 * l + (i & 1)] = run[i];
		}
	}
}

/* ---- One batch ----------------------------------------------------------- */

/* The parts of egret_tile.work. */
struct work {
	union {
		float f[BLOCK_M * BLOCK_N];
		int32_t i[BLOCK_M * BLOCK_N];
	} acc;
	union {
		float f[BLOCK_M * BLOCK_N];
		int32_t i[BLOCK_M * BLOCK_N];
	} product;	/* of one block-scaled segment */
	float a[BLOCK_M * BLOCK_K];	/* or as many pairs of int16_t */
	float b[BLOCK_N * BLOCK_K];
	float a_scale[BLOCK_M];
	float b_scale[BLOCK_N];
};

struct matmul {
	const struct egret_matmul_desc *d;
	const struct egret_gemm *gemm;
	struct egret_tile *tile;
	struct work *w;
	struct operand a, b;
	const uint8_t *acc;
	uint8_t *out;
	bool f32;		/* accumulators are */
	bool int_product;	/* panels are integers */
};

/* A part of the output, and where the accumulators' rows are. */
struct part {
	size_t m0, n0, m, n;
};

#define LDC	BLOCK_N

/* c += panels of A by panels of B. */
static void multiply(const struct matmul *mm, const struct part *p, size_t k, void *c)
{
	const struct egret_gemm *g = mm->gemm;
	size_t pairs = (k + 1) / 2;

	for (size_t j = 0; j < p->n; j += g->nr)
		for (size_t i = 0; i < p->m; i += g->mr)
			if (mm->int_product)
				g->i16(pairs, (const int16_t *)mm->w->a + i * 2 * pairs,
				       (const int16_t *)mm->w->b + j * 2 * pairs,
				       (int32_t *)c + i * LDC + j, LDC);
			else
				g->f32(k, mm->w->a + i * k, mm->w->b + j * k,
				       (float *)c + i * LDC + j, LDC);
}

static void pack(const struct matmul *mm, const struct part *p, size_t x, size_t k)
{
	if (mm->int_product) {
		pack_i16(&mm->a, (int16_t *)mm->w->a, mm->gemm->mr, p->m0, p->m, x, k);
		pack_i16(&mm->b, (int16_t *)mm->w->b, mm->gemm->nr, p->n0, p->n, x, k);
	} else {
		pack_f32(&mm->a, mm->w->a, mm->gemm->mr, p->m0, p->m, x, k);
		pack_f32(&mm->b, mm->w->b, mm->gemm->nr, p->n0, p->n, x, k);
	}
}

/* acc = fma(product, scale, acc), scale = RN(a's * b's) or the only one. */
EGRET_CLONES
static void add_scaled(struct work *w, const struct part *p, bool a_block, bool b_block,
		       bool int_product)
{
	for (size_t r = 0; r < p->m; r++) {
		float *acc = w->acc.f + r * LDC;
		const float *f = w->product.f + r * LDC;
		const int32_t *i = w->product.i + r * LDC;
		float a = w->a_scale[r];

		for (size_t c = 0; c < p->n; c++) {
			float s = a_block && b_block ? a * w->b_scale[c] :
				  a_block ? a : w->b_scale[c];
			float v = int_product ? (float)i[c] : f[c];

			acc[c] = __builtin_fmaf(v, s, acc[c]);
		}
	}
}

/* k in blocks of 32. */
static void accumulate_blocks(const struct matmul *mm, const struct part *p)
{
	struct work *w = mm->w;
	size_t rows = (p->m + mm->gemm->mr - 1) / mm->gemm->mr * mm->gemm->mr;

	for (size_t x = 0; x < mm->d->k; x += EGRET_BLOCK) {
		size_t k = mm->d->k - x < EGRET_BLOCK ? mm->d->k - x : EGRET_BLOCK;

		for (size_t i = 0; mm->a.block && i < p->m; i++)
			w->a_scale[i] = scale_of(&mm->a, p->m0 + i, x);
		for (size_t i = 0; mm->b.block && i < p->n; i++)
			w->b_scale[i] = scale_of(&mm->b, p->n0 + i, x);
		pack(mm, p, x, k);
		memset(w->product.f, 0, rows * LDC * sizeof(float));
		multiply(mm, p, k, w->product.f);
		add_scaled(w, p, mm->a.block, mm->b.block, mm->int_product);
	}
}

static void accumulate_plain(const struct matmul *mm, const struct part *p)
{
	for (size_t x = 0; x < mm->d->k; x += BLOCK_K) {
		size_t k = mm->d->k - x < BLOCK_K ? mm->d->k - x : BLOCK_K;

		pack(mm, p, x, k);
		multiply(mm, p, k, mm->w->acc.f);
	}
}

static void start(const struct matmul *mm, const struct part *p)
{
	const struct egret_matmul_desc *d = mm->d;
	size_t rows = (p->m + mm->gemm->mr - 1) / mm->gemm->mr * mm->gemm->mr;

	/* zero beyond the edges too: kernels compute whole tiles */
	memset(mm->w->acc.f, 0, rows * LDC * sizeof(float));
	for (size_t r = 0; (d->flags & EGRET_MATMUL_ACC) && r < p->m; r++)
		memcpy(mm->w->acc.f + r * LDC,
		       mm->acc + (int64_t)(p->m0 + r) * (int32_t)d->acc_pitch + 4 * p->n0,
		       4 * p->n);
}

/* ---- finish() ------------------------------------------------------------ */

static float f32_at(const struct egret_tile *t, uint32_t local, size_t i)
{
	float v;

	memcpy(&v, egret_tile_local(t, local) + 4 * i, sizeof(v));
	return v;
}

static uint32_t u32_at(const struct egret_tile *t, uint32_t local, size_t i)
{
	uint32_t v;

	memcpy(&v, egret_tile_local(t, local) + 4 * i, sizeof(v));
	return v;
}

static void add_bias_acc(const struct matmul *mm, const struct part *p, size_t r, void *row)
{
	const struct egret_matmul_desc *d = mm->d;
	bool by_row = d->flags & EGRET_MATMUL_BIAS_M;

	for (size_t c = 0; c < p->n; c++) {
		size_t i = by_row ? p->m0 + r : p->n0 + c;

		if (mm->f32)
			((float *)row)[c] += f32_at(mm->tile, d->bias, i);
		else
			((uint32_t *)row)[c] += u32_at(mm->tile, d->bias, i);
	}
}

static void scale_row(const struct matmul *mm, const struct part *p, size_t r, float *row)
{
	const struct egret_matmul_desc *d = mm->d;

	if (d->flags & EGRET_MATMUL_SCALE_N) {
		for (size_t c = 0; c < p->n; c++)
			row[c] *= f32_at(mm->tile, d->scale, p->n0 + c);
	} else if (d->flags & SCALE_FLAGS) {
		float s = d->flags & EGRET_MATMUL_SCALE_IMM ? f32_from_bits(d->scale) :
							      f32_at(mm->tile, d->scale, p->m0 + r);

		for (size_t c = 0; c < p->n; c++)
			row[c] *= s;
	}
}

static void add_bias_out(const struct matmul *mm, const struct part *p, size_t r, float *row)
{
	const struct egret_matmul_desc *d = mm->d;

	if (d->flags & EGRET_MATMUL_BIAS_M) {
		float b = f32_at(mm->tile, d->bias, p->m0 + r);

		for (size_t c = 0; c < p->n; c++)
			row[c] += b;
	} else {
		for (size_t c = 0; c < p->n; c++)
			row[c] += f32_at(mm->tile, d->bias, p->n0 + c);
	}
}

/* Integer outputs: round, add the zero point, saturate. */
static void store_int(const struct matmul *mm, const void *row, bool f32, uint8_t *out, size_t n)
{
	struct egret_store how = { .type = mm->d->out_type, .saturate = true };
	const struct egret_store wide = { .type = EGRET_TYPE_S64, .saturate = true, .round_even = true };
	int32_t zero = (int32_t)mm->d->out_zero;
	unsigned int bytes = egret_type_bits(how.type) / 8;
	int64_t v[64];

	for (size_t c = 0; c < n; c += 64) {
		size_t now = n - c < 64 ? n - c : 64;

		if (f32)
			egret_store_f32((const float *)row + c, &wide, (uint8_t *)v, 8, 0, now);
		else
			for (size_t i = 0; i < now; i++)
				v[i] = ((const int32_t *)row)[c + i];
		for (size_t i = 0; i < now; i++)
			if (__builtin_add_overflow(v[i], (int64_t)zero, &v[i]))
				v[i] = zero < 0 ? INT64_MIN : INT64_MAX;
		egret_store_i64(v, &how, out, bytes, c, now);
	}
}

static void store_row(const struct matmul *mm, const void *row, bool f32, uint8_t *out, size_t n)
{
	struct egret_store how = { .type = mm->d->out_type, .saturate = true, .round_even = true };

	if (!out_is_int(mm->d))
		egret_store_f32(row, &how, out, egret_type_bits(how.type) / 8, 0, n);
	else if (f32 && !mm->d->out_zero)
		egret_store_f32(row, &how, out, egret_type_bits(how.type) / 8, 0, n);
	else
		store_int(mm, row, f32, out, n);
}

static void finish(const struct matmul *mm, const struct part *p)
{
	const struct egret_matmul_desc *d = mm->d;
	bool needs_f32 = mm->f32 || (d->flags & (SCALE_FLAGS | EGRET_MATMUL_BIAS_OUT)) ||
			 d->act != EGRET_ACT_NONE || !out_is_int(d);

	for (size_t r = 0; r < p->m; r++) {
		float *row = mm->w->acc.f + r * LDC;
		const int32_t *ints = mm->w->acc.i + r * LDC;
		uint8_t *out = mm->out + (int64_t)(p->m0 + r) * (int32_t)d->out_pitch +
			       p->n0 * egret_type_bits(d->out_type) / 8;

		if (d->flags & EGRET_MATMUL_BIAS_ACC)
			add_bias_acc(mm, p, r, row);
		if (needs_f32 && !mm->f32)
			for (size_t c = 0; c < p->n; c++)
				row[c] = (float)ints[c];
		scale_row(mm, p, r, row);
		if (d->flags & EGRET_MATMUL_BIAS_OUT)
			add_bias_out(mm, p, r, row);
		egret_math_act(d->act, row, p->n, f32_from_bits(d->act_a), f32_from_bits(d->act_b));
		store_row(mm, row, needs_f32, out, p->n);
	}
}

static struct operand operand_of(const struct egret_tile *t, const struct egret_matmul_desc *d,
				 bool is_a)
{
	bool trans = d->flags & (is_a ? EGRET_MATMUL_A_TRANS : EGRET_MATMUL_B_TRANS);
	unsigned int type = is_a ? d->a_type : d->b_type;
	uint8_t zero = is_a ? d->a_zero : d->b_zero;
	struct operand o = {
		.base = egret_tile_local(t, is_a ? d->a : d->b),
		.pitch = (int32_t)(is_a ? d->a_pitch : d->b_pitch),
		.type = type,
		.zero = type == EGRET_TYPE_S8 ? (int8_t)zero : zero,
		.by_line = is_a != trans,
		.block = d->flags & (is_a ? EGRET_MATMUL_A_BLOCK : EGRET_MATMUL_B_BLOCK),
		.split = d->flags & (is_a ? EGRET_MATMUL_A_SPLIT : EGRET_MATMUL_B_SPLIT),
		.block_step = is_a ? d->a_block : d->b_block,
		.scale_pitch = (int32_t)(is_a ? d->a_scale_pitch : d->b_scale_pitch),
		.scale_step = is_a ? d->a_scale_step : d->b_scale_step,
		.scale_type = is_a ? d->a_scale_type : d->b_scale_type,
	};

	if (o.block)
		o.scale = egret_tile_local(t, is_a ? d->a_scale : d->b_scale);
	return o;
}

static void one_batch(const struct matmul *mm)
{
	const struct egret_matmul_desc *d = mm->d;

	for (size_t m0 = 0; m0 < d->m; m0 += BLOCK_M) {
		for (size_t n0 = 0; n0 < d->n; n0 += BLOCK_N) {
			struct part p = {
				.m0 = m0,
				.n0 = n0,
				.m = d->m - m0 < BLOCK_M ? d->m - m0 : BLOCK_M,
				.n = d->n - n0 < BLOCK_N ? d->n - n0 : BLOCK_N,
			};

			start(mm, &p);
			if (d->flags & BLOCK_FLAGS)
				accumulate_blocks(mm, &p);
			else
				accumulate_plain(mm, &p);
			finish(mm, &p);
		}
	}
}

void egret_matmul_run(struct egret_tile *t, const struct egret_matmul_desc *d)
{
	struct matmul mm = {
		.d = d,
		.gemm = egret_gemm(),
		.tile = t,
		.w = t->work,
		.a = operand_of(t, d, true),
		.b = operand_of(t, d, false),
		.out = egret_tile_local(t, d->out),
		.f32 = accumulates_f32(d),
		.int_product = !type_is_float(d->a_type) && !type_is_float(d->b_type),
	};

	_Static_assert(sizeof(struct work) <= EGRET_TILE_WORK, "working memory is too small");
	if (d->flags & EGRET_MATMUL_ACC)
		mm.acc = egret_tile_local(t, d->acc);
	for (uint32_t i = 0; i < d->batch; i++) {
		one_batch(&mm);
		mm.a.base += (int32_t)d->a_batch;
		mm.b.base += (int32_t)d->b_batch;
		if (mm.a.block)
			mm.a.scale += (int32_t)d->a_batch;
		if (mm.b.block)
			mm.b.scale += (int32_t)d->b_batch;
		if (d->flags & EGRET_MATMUL_ACC)
			mm.acc += (int32_t)d->acc_batch;
		mm.out += (int32_t)d->out_batch;
	}
}
