// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Matrix multiplication.
 *
 * The output is computed in parts of up to BLOCK_M x BLOCK_N accumulators. For each, k is
 * walked in ascending segments: operands of a segment are packed into panels
 * (tile_pack.h), in F32 or as bytes, and multiplied onto the accumulators by the
 * micro-kernels (tile_gemm.h). Then the part is finished row by row: bias, scale,
 * activation, conversion.
 *
 * With block-scaled operands a segment is one block of 32: its product is computed
 * from zero and then added to the accumulators with its scale.
 */
#include <string.h>

#include "perf.h"
#include "tile.h"
#include "tile_gemm.h"
#include "tile_math.h"
#include "tile_pack.h"
#include "tile_types.h"

#define BLOCK_M		240	/* a multiple of EGRET_GEMM_MR, up to EGRET_PACK_LINES */
#define BLOCK_N		EGRET_PACK_LINES
#define BLOCK_K		EGRET_PACK_K
#define DIRECT_M	24	/* rows up to which copying B does not pay */

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

/* ---- Accumulating --------------------------------------------------------- */

/* The parts of egret_tile.work. Rows of `acc` and `product` are `ldc` long. */
struct work {
	union accumulators {
		float f[BLOCK_M * BLOCK_N];
		int32_t i[BLOCK_M * BLOCK_N];
	} acc;
	union accumulators product;	/* of one block-scaled segment */
	union {
		float f[BLOCK_M * BLOCK_K];
		uint8_t i[BLOCK_M * BLOCK_K];
	} a;
	union {
		float f[BLOCK_N * BLOCK_K];
		int8_t i[BLOCK_N * BLOCK_K];
	} b;
	float a_scale[BLOCK_M];
	float b_scale[BLOCK_N];
	int32_t a_sum[BLOCK_M];
	int32_t b_sum[BLOCK_N];
	uint8_t ones[BLOCK_K];
};

struct matmul {
	const struct egret_matmul_desc *d;
	const struct egret_gemm *gemm;
	struct egret_tile *tile;
	struct work *w;
	struct egret_operand a, b;
	const uint8_t *acc;
	uint8_t *out;
	bool f32;		/* accumulators are */
	bool int_product;	/* panels are bytes */
	/* A panel's byte is an element plus an offset: less this, it is what is to be multiplied */
	int32_t a_minus, b_minus;
};

/* A part of the output. */
struct part {
	size_t m0, n0, m, n;
	size_t ldc;		/* n in whole panels */
};

static size_t panel_rows(const struct part *p)
{
	size_t rows = 0;

	while (rows < p->m)
		rows += egret_gemm_rows(p->m - rows);
	return rows;
}

/*
 * Few rows use B only once or twice: if it is F32 and stored by k, it is used where it is,
 * but for the last columns if they are no whole panel. How many columns are?
 */
static size_t direct_columns(const struct matmul *mm, const struct part *p)
{
	const struct egret_operand *b = &mm->b;

	if (p->m > DIRECT_M || mm->int_product || b->by_line || b->type != EGRET_TYPE_F32 ||
	    b->pitch < 0 || b->pitch % 4 || (uintptr_t)b->base % 4)
		return 0;
	return p->n / mm->gemm->nr * mm->gemm->nr;
}

static void multiply_f32(const struct matmul *mm, const struct part *p, size_t x, size_t k, float *c)
{
	const struct egret_gemm *g = mm->gemm;
	size_t direct = direct_columns(mm, p);

	for (size_t j = 0; j < p->n; j += g->nr) {
		const float *b;
		size_t ldb;

		if (j < direct) {
			b = (const float *)(mm->b.base + (int64_t)x * mm->b.pitch + 4 * (p->n0 + j));
			ldb = (size_t)mm->b.pitch / 4;
		} else {
			b = mm->w->b.f + (j - direct) * k;
			ldb = g->nr;
		}
		for (size_t i = 0; i < p->m;) {
			unsigned int rows = egret_gemm_rows(p->m - i);

			g->f32[rows](k, mm->w->a.f + i * k, b, ldb, c + i * p->ldc + j, p->ldc);
			i += rows;
		}
	}
}

static void multiply_i8(const struct matmul *mm, const struct part *p, size_t words, int32_t *c)
{
	const struct egret_gemm *g = mm->gemm;

	for (size_t j = 0; j < p->n; j += g->nr)
		for (size_t i = 0; i < p->m;) {
			unsigned int rows = egret_gemm_rows(p->m - i);

			g->i8[rows](words, mm->w->a.i + 4 * i * words, mm->w->b.i + 4 * j * words,
				    g->nr, c + i * p->ldc + j, p->ldc);
			i += rows;
		}
}

/* Sums of the lines of panels, as far as they are needed to correct for a_minus and b_minus. */
static void sum_lines(const struct matmul *mm, const struct part *p, size_t words)
{
	struct work *w = mm->w;
	const uint8_t *a = w->a.i;

	memset(w->a_sum, 0, sizeof(w->a_sum));
	for (size_t i = 0; mm->b_minus && i < p->m;) {
		unsigned int rows = egret_gemm_rows(p->m - i);

		for (size_t x = 0; x < words; x++)
			for (unsigned int r = 0; r < rows; r++, a += 4)
				w->a_sum[i + r] += a[0] + a[1] + a[2] + a[3];
		i += rows;
	}
	memset(w->b_sum, 0, p->ldc * sizeof(w->b_sum[0]));
	for (size_t j = 0; mm->a_minus && j < p->n; j += mm->gemm->nr)
		mm->gemm->i8[1](words, w->ones, w->b.i + 4 * j * words, mm->gemm->nr, w->b_sum + j, 0);
}

/* sum (a - A)(b - B) = sum ab - A sum b - B sum a + k A B, modulo 2^32 */
EGRET_CLONES
static void correct(const struct matmul *mm, const struct part *p, size_t k, uint32_t *c)
{
	uint32_t a_minus = (uint32_t)mm->a_minus, b_minus = (uint32_t)mm->b_minus;
	const int32_t *b_sum = mm->w->b_sum;

	for (size_t r = 0; r < p->m; r++, c += p->ldc) {
		uint32_t row = (uint32_t)k * a_minus * b_minus - b_minus * (uint32_t)mm->w->a_sum[r];

		for (size_t i = 0; i < p->n; i++)
			c[i] += row - a_minus * (uint32_t)b_sum[i];
	}
}

/* c += A by B, over k = x..x+k-1 */
static void multiply(const struct matmul *mm, const struct part *p, size_t x, size_t k,
		     union accumulators *c)
{
	struct egret_range a = { p->m0, p->m, x, k }, b = { p->n0, p->n, x, k };
	unsigned int nr = mm->gemm->nr;
	struct work *w = mm->w;

	if (mm->int_product) {
		size_t words = (k + 3) / 4;

		egret_pack_i8(&mm->a, &a, nr, w->a.i);
		egret_pack_i8(&mm->b, &b, nr, (uint8_t *)w->b.i);
		multiply_i8(mm, p, words, c->i);
		if (mm->a_minus || mm->b_minus) {
			sum_lines(mm, p, words);
			correct(mm, p, k, (uint32_t *)c->i);
		}
	} else {
		size_t direct = direct_columns(mm, p);

		b.line += direct;
		b.lines -= direct;
		egret_pack_f32(&mm->a, &a, nr, w->a.f);
		egret_pack_f32(&mm->b, &b, nr, w->b.f);
		multiply_f32(mm, p, x, k, c->f);
	}
}

/* acc = fma(product, scale, acc), scale = RN(a's * b's) or the only one. */
EGRET_CLONES
static void add_scaled(struct work *w, const struct part *p, bool a_block, bool b_block,
		       bool int_product)
{
	float scale[BLOCK_N];

	for (size_t r = 0; r < p->m; r++) {
		float *acc = w->acc.f + r * p->ldc;
		const float *f = w->product.f + r * p->ldc;
		const int32_t *i = w->product.i + r * p->ldc;
		float a = w->a_scale[r];

		for (size_t c = 0; c < p->n; c++)
			scale[c] = a_block && b_block ? a * w->b_scale[c] :
				   a_block ? a : w->b_scale[c];
		if (int_product)
			for (size_t c = 0; c < p->n; c++)
				acc[c] = __builtin_fmaf((float)i[c], scale[c], acc[c]);
		else
			for (size_t c = 0; c < p->n; c++)
				acc[c] = __builtin_fmaf(f[c], scale[c], acc[c]);
	}
}

/* k in blocks of 32. */
static void accumulate_blocks(const struct matmul *mm, const struct part *p)
{
	size_t bytes = panel_rows(p) * p->ldc * sizeof(float);
	struct work *w = mm->w;

	for (size_t x = 0; x < mm->d->k; x += EGRET_BLOCK) {
		size_t k = mm->d->k - x < EGRET_BLOCK ? mm->d->k - x : EGRET_BLOCK;

		if (mm->a.block)
			egret_scales(&mm->a, p->m0, p->m, x, w->a_scale);
		if (mm->b.block)
			egret_scales(&mm->b, p->n0, p->n, x, w->b_scale);
		memset(&w->product, 0, bytes);
		multiply(mm, p, x, k, &w->product);
		add_scaled(w, p, mm->a.block, mm->b.block, mm->int_product);
	}
}

static void accumulate_plain(const struct matmul *mm, const struct part *p)
{
	for (size_t x = 0; x < mm->d->k; x += BLOCK_K) {
		size_t k = mm->d->k - x < BLOCK_K ? mm->d->k - x : BLOCK_K;

		multiply(mm, p, x, k, &mm->w->acc);
	}
}

/* Accumulators at the beginning: zero beyond the edges too, as kernels compute whole panels. */
static void start(const struct matmul *mm, const struct part *p)
{
	const struct egret_matmul_desc *d = mm->d;

	memset(&mm->w->acc, 0, panel_rows(p) * p->ldc * sizeof(float));
	for (size_t r = 0; (d->flags & EGRET_MATMUL_ACC) && r < p->m; r++)
		memcpy(mm->w->acc.f + r * p->ldc,
		       mm->acc + (int64_t)(p->m0 + r) * (int32_t)d->acc_pitch + 4 * p->n0,
		       4 * p->n);
}

/* ---- finish() ------------------------------------------------------------ */

/* The values of a scale or bias: one for each column from p->n0 on, or one for the row. */
struct factors {
	const uint8_t *columns;	/* or NULL */
	uint32_t bits;
};

static struct factors factors_of(const struct matmul *mm, const struct part *p, uint32_t local,
				 bool by_row, size_t r)
{
	const uint8_t *base = egret_tile_local(mm->tile, local);
	struct factors f = { .columns = base + 4 * p->n0 };

	if (by_row) {
		f.columns = NULL;
		memcpy(&f.bits, base + 4 * (p->m0 + r), sizeof(f.bits));
	}
	return f;
}

/* v[i] = v[i] op the factor of column i, in type T (float or uint32_t) */
#define APPLY(T, v, op, f, n) do {					\
	T one;								\
	memcpy(&one, &(f)->bits, sizeof(one));				\
	if ((f)->columns) {						\
		for (size_t i = 0; i < (n); i++) {			\
			T x;						\
			memcpy(&x, (f)->columns + 4 * i, sizeof(x));	\
			(v)[i] = (v)[i] op x;				\
		}							\
	} else {							\
		for (size_t i = 0; i < (n); i++)			\
			(v)[i] = (v)[i] op one;				\
	}								\
} while (0)

EGRET_CLONES
static void add_u32(uint32_t *v, const struct factors *f, size_t n)
{
	APPLY(uint32_t, v, +, f, n);
}

EGRET_CLONES
static void add_f32(float *v, const struct factors *f, size_t n)
{
	APPLY(float, v, +, f, n);
}

EGRET_CLONES
static void scale_f32(float *v, const struct factors *f, size_t n)
{
	APPLY(float, v, *, f, n);
}

/* In place: 32-bit integers become F32. */
EGRET_CLONES
static void to_f32(void *row, size_t n)
{
	float *f = row;

	for (size_t i = 0; i < n; i++) {
		int32_t v;

		memcpy(&v, &f[i], sizeof(v));
		f[i] = (float)v;
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

/* The same for 8-bit outputs and small zero points, where 32 bits are enough. */
EGRET_CLONES
static void store_bytes(const float *row, int32_t zero, int32_t min, int32_t max, uint8_t *out,
			size_t n)
{
	for (size_t i = 0; i < n; i++) {
		float x = __builtin_rintf(row[i]);
		int32_t v;

		x = x == x ? x : 0;
		x = x < -0x1p24f ? -0x1p24f : x;
		x = x > 0x1p24f ? 0x1p24f : x;
		v = (int32_t)x + zero;
		v = v < min ? min : v;
		v = v > max ? max : v;
		out[i] = (uint8_t)v;
	}
}

static void store_row(const struct matmul *mm, const void *row, bool f32, uint8_t *out, size_t n)
{
	struct egret_store how = { .type = mm->d->out_type, .saturate = true, .round_even = true };
	int32_t zero = (int32_t)mm->d->out_zero;

	if (!out_is_int(mm->d))
		egret_store_f32(row, &how, out, egret_type_bits(how.type) / 8, 0, n);
	else if (f32 && how.type <= EGRET_TYPE_U8 && zero >= -(1 << 24) && zero <= 1 << 24)
		store_bytes(row, zero, how.type == EGRET_TYPE_S8 ? -128 : 0,
			    how.type == EGRET_TYPE_S8 ? 127 : 255, out, n);
	else if (!f32 && how.type == EGRET_TYPE_S32 && !zero)
		memcpy(out, row, 4 * n);
	else
		store_int(mm, row, f32, out, n);
}

static void finish_row(const struct matmul *mm, const struct part *p, size_t r)
{
	const struct egret_matmul_desc *d = mm->d;
	float *row = mm->w->acc.f + r * p->ldc;
	bool needs_f32 = mm->f32 || (d->flags & (SCALE_FLAGS | EGRET_MATMUL_BIAS_OUT)) ||
			 d->act != EGRET_ACT_NONE || !out_is_int(d);
	struct factors bias, scale = { .bits = d->scale };

	if (d->flags & BIAS_FLAGS)
		bias = factors_of(mm, p, d->bias, d->flags & EGRET_MATMUL_BIAS_M, r);
	if ((d->flags & EGRET_MATMUL_BIAS_ACC) && mm->f32)
		add_f32(row, &bias, p->n);
	else if (d->flags & EGRET_MATMUL_BIAS_ACC)
		add_u32((uint32_t *)mm->w->acc.i + r * p->ldc, &bias, p->n);
	if (needs_f32 && !mm->f32)
		to_f32(row, p->n);
	if (d->flags & (EGRET_MATMUL_SCALE_N | EGRET_MATMUL_SCALE_M))
		scale = factors_of(mm, p, d->scale, d->flags & EGRET_MATMUL_SCALE_M, r);
	if (d->flags & SCALE_FLAGS)
		scale_f32(row, &scale, p->n);
	if (d->flags & EGRET_MATMUL_BIAS_OUT)
		add_f32(row, &bias, p->n);
	egret_math_act(d->act, row, p->n, f32_from_bits(d->act_a), f32_from_bits(d->act_b));
	store_row(mm, row, needs_f32,
		  mm->out + (int64_t)(p->m0 + r) * (int32_t)d->out_pitch +
		  p->n0 * egret_type_bits(d->out_type) / 8, p->n);
}

/* ---- The operation -------------------------------------------------------- */

static struct egret_operand operand_of(const struct egret_tile *t,
				       const struct egret_matmul_desc *d, bool is_a)
{
	bool trans = d->flags & (is_a ? EGRET_MATMUL_A_TRANS : EGRET_MATMUL_B_TRANS);
	unsigned int type = is_a ? d->a_type : d->b_type;
	uint8_t zero = is_a ? d->a_zero : d->b_zero;
	struct egret_operand o = {
		.base = egret_tile_local(t, is_a ? d->a : d->b),
		.pitch = (int32_t)(is_a ? d->a_pitch : d->b_pitch),
		.type = type,
		.zero = type == EGRET_TYPE_S8 ? (int8_t)zero : zero,
		.is_a = is_a,
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
	unsigned int nr = mm->gemm->nr;

	for (size_t m0 = 0; m0 < d->m; m0 += BLOCK_M) {
		for (size_t n0 = 0; n0 < d->n; n0 += BLOCK_N) {
			struct part p = {
				.m0 = m0,
				.n0 = n0,
				.m = d->m - m0 < BLOCK_M ? d->m - m0 : BLOCK_M,
				.n = d->n - n0 < BLOCK_N ? d->n - n0 : BLOCK_N,
			};

			p.ldc = (p.n + nr - 1) / nr * nr;
			start(mm, &p);
			if (d->flags & BLOCK_FLAGS)
				accumulate_blocks(mm, &p);
			else
				accumulate_plain(mm, &p);
			for (size_t r = 0; r < p.m; r++)
				finish_row(mm, &p, r);
		}
	}
}

void egret_matmul_run(struct egret_tile *t, const struct egret_matmul_desc *d)
{
	struct matmul mm = {
		.d = d,
		.gemm = t->gemm,
		.tile = t,
		.w = t->work,
		.a = operand_of(t, d, true),
		.b = operand_of(t, d, false),
		.out = egret_tile_local(t, d->out),
		.f32 = accumulates_f32(d),
		.int_product = !type_is_float(d->a_type) && !type_is_float(d->b_type),
	};

	_Static_assert(sizeof(struct work) <= EGRET_TILE_WORK, "working memory is too small");
	mm.a_minus = mm.a.zero + egret_pack_offset(&mm.a);
	mm.b_minus = mm.b.zero + egret_pack_offset(&mm.b);
	memset(mm.w->ones, 1, sizeof(mm.w->ones));
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
