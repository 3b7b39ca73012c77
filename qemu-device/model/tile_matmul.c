// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Matrix multiplication.
 *
 * The output is computed in parts. For each, k is walked in ascending segments: B is packed
 * into panels (tile_pack.h), in F32 or as bytes, a few columns at a time, so that they are
 * still in the host's nearest cache when the micro-kernels (tile_gemm.h) multiply all of A's
 * rows with them onto the accumulators. Rows of A that are stored as the micro-kernels take
 * them are used where they are, the others are converted first.
 *
 * The accumulators are the output itself if nothing but the sums is asked for: a kernel that
 * walks along k continues them over and over. Otherwise they are in working memory, and
 * the part is finished row by row: bias, scale, activation, conversion.
 *
 * With block-scaled operands the product of each block of 32 is computed from zero, and then
 * added to the accumulators with its scale.
 */
#include <string.h>

#include "perf.h"
#include "tile.h"
#include "tile_gemm.h"
#include "tile_math.h"
#include "tile_pack.h"
#include "tile_types.h"

#define BLOCK_M		264	/* a multiple of EGRET_GEMM_MR, up to EGRET_PACK_LINES */
#define PITCH_ALIASED	4096	/* rows so far apart compete for a few places in the nearest cache */
#define BLOCK_N		256	/* of accumulators in working memory */
#define GROUP		(2 * EGRET_GEMM_NR_MAX)	/* columns of B that are packed at once */
#define SEGMENT_F32	256	/* k of a segment: a panel of B fits the nearest cache */
#define SEGMENT_I8	512
#define SEGMENT_DOT	4096	/* if neither A nor B is packed */
#define BLOCKS		(SEGMENT_I8 / EGRET_BLOCK)
#define DIRECT_M	24	/* rows up to which copying B does not pay */
#define DOT_M		4	/* rows up to which turning B's lines does not pay */

_Static_assert(BLOCK_M <= EGRET_PACK_LINES && SEGMENT_I8 <= EGRET_PACK_K &&
	       SEGMENT_F32 <= EGRET_PACK_K, "too much to pack");

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

static unsigned int act_parameters(unsigned int act)
{
	switch (act) {
	case EGRET_ACT_CLAMP:
	case EGRET_ACT_HARD_SIGMOID:
		return 2;
	case EGRET_ACT_LEAKY_RELU:
		return 1;
	default:
		return 0;
	}
}

/* Fields that must be zero, in the order of their offsets. */
static bool check_reserved(const struct egret_matmul_desc *d, struct egret_fault *fault)
{
	unsigned int flags = d->flags;
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
	CHECK_ZERO(act_a, act_parameters(d->act) < 1);
	CHECK_ZERO(act_b, act_parameters(d->act) < 2);
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
	CHECK_FIELD(steps, d->steps <= EGRET_MATMUL_STEPS_MAX);
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

/* ---- Checks of steps ---- */

/* Offset of a field of step number i. */
#define STEP_OFFSET(i, field)							\
	(sizeof(struct egret_matmul_desc) + (i) * sizeof(struct egret_matmul_step) +	\
	 offsetof(struct egret_matmul_step, field))

/* How many are there to be looked at? */
static unsigned int steps_of(const struct egret_matmul_desc *d)
{
	return d->steps <= EGRET_MATMUL_STEPS_MAX ? d->steps : 0;
}

static bool step_has_matrix(const struct egret_matmul_step *s)
{
	return s->op != EGRET_STEP_ACT && s->operand == EGRET_STEP_MATRIX;
}

#define STEP_ZERO(field, condition) do {						\
	if ((condition) && s->field)							\
		return egret_desc_fault(fault, EGRET_FAULT_DESC_RESERVED,		\
					STEP_OFFSET(i, field), 0);			\
} while (0)

static bool check_step_reserved(const struct egret_matmul_step *s, unsigned int i,
				struct egret_fault *fault)
{
	bool matrix = step_has_matrix(s), act = s->op == EGRET_STEP_ACT;
	unsigned int parameters = act ? act_parameters(s->act) : 0;

	STEP_ZERO(type, !matrix);
	STEP_ZERO(act, !act);
	STEP_ZERO(value, act && parameters < 1);
	STEP_ZERO(pitch, !matrix && parameters < 2);
	STEP_ZERO(batch, !matrix);
	return true;
}

#define STEP_FIELD(field, condition) do {						\
	if (!(condition))								\
		return egret_desc_fault(fault, EGRET_FAULT_DESC_FIELD,			\
					STEP_OFFSET(i, field), s->field);		\
} while (0)

static bool check_step_fields(const struct egret_matmul_step *s, unsigned int i,
			      struct egret_fault *fault)
{
	bool act = s->op == EGRET_STEP_ACT;

	STEP_FIELD(op, s->op < EGRET_STEP_COUNT);
	STEP_FIELD(operand, s->operand < EGRET_STEP_OPERAND_COUNT &&
			    act == (s->operand == EGRET_STEP_NONE));
	STEP_FIELD(type, !step_has_matrix(s) || out_type_exists(s->type));
	STEP_FIELD(act, s->act < EGRET_ACT_COUNT);
	return true;
}

static bool check_steps(const struct egret_matmul_desc *d, const struct egret_matmul_step *step,
			bool (*check)(const struct egret_matmul_step *s, unsigned int i,
				      struct egret_fault *fault), struct egret_fault *fault)
{
	for (unsigned int i = 0; i < steps_of(d); i++)
		if (!check(&step[i], i, fault))
			return false;
	return true;
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

static bool check_step_ranges(const struct egret_matmul_desc *d, const struct egret_matmul_step *step,
			      struct egret_fault *fault)
{
	for (unsigned int i = 0; i < steps_of(d); i++) {
		const struct egret_matmul_step *s = &step[i];
		struct egret_extent e = egret_extent(4 * (uint64_t)(s->operand == EGRET_STEP_N ? d->n : d->m));

		if (s->operand == EGRET_STEP_NONE || s->operand == EGRET_STEP_CONST)
			continue;
		if (s->operand == EGRET_STEP_MATRIX)
			e = matrix_extent(d, row_bytes(s->type, d->n), d->m, s->pitch, s->batch);
		if (!egret_extent_check(&e, s->value, STEP_OFFSET(i, value), fault))
			return false;
	}
	return true;
}

bool egret_matmul_check(const struct egret_matmul_desc *d, const struct egret_matmul_step *step,
			struct egret_fault *fault)
{
	uint64_t macs;

	if (!check_reserved(d, fault) || !check_steps(d, step, check_step_reserved, fault) ||
	    !check_fields(d, fault) || !check_steps(d, step, check_step_fields, fault))
		return false;
	if (!types_agree(d))
		return egret_desc_fault(fault, EGRET_FAULT_DESC_TYPE, DESC_OFFSET(a_type),
					packed_types(d));
	macs = egret_saturating_mul(egret_saturating_mul((uint64_t)d->m * d->n, d->k), d->batch);
	CHECK_FIELD(m, macs <= EGRET_MACS_MAX);
	return check_ranges(d, fault) && check_step_ranges(d, step, fault);
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
	epilogue = divide_up((uint64_t)d->m * d->n, PERF_EPILOGUE_LANES) * (1 + d->steps);
	if (array < epilogue)
		array = epilogue;
	return PERF_TILE_SETUP + d->batch * (array + PERF_TILE_FILL);
}

/* ---- Accumulating --------------------------------------------------------- */

/*
 * The parts of egret_tile.work. Scales, and what is added to the tiles' rows and columns, are
 * those of the segment's blocks, or in [0] of all of the segment.
 */
struct work {
	union {
		float f[BLOCK_M * BLOCK_N];
		int32_t i[BLOCK_M * BLOCK_N];
	} acc;
	union {
		float f[EGRET_GEMM_MR * EGRET_GEMM_NR_MAX];
		int32_t i[EGRET_GEMM_MR * EGRET_GEMM_NR_MAX];
	} tile;
	union {
		float f[BLOCK_M * SEGMENT_F32];
		int8_t i[BLOCK_M * SEGMENT_I8];
	} a;
	union {
		float f[GROUP * SEGMENT_F32];
		uint8_t i[GROUP * SEGMENT_I8];
	} b;
	float a_scale[BLOCKS][BLOCK_M];
	float b_scale[BLOCKS][GROUP];
	int32_t row[BLOCKS][BLOCK_M];
	int32_t column[BLOCKS][GROUP];
	int32_t zeros[EGRET_GEMM_NR_MAX];
	int8_t ones[SEGMENT_I8];
};

struct matmul {
	const struct egret_matmul_desc *d;
	const struct egret_matmul_step *step;
	uint32_t batch;		/* number of the present one */
	const struct egret_gemm *gemm;
	struct egret_tile *tile;
	struct work *w;
	struct egret_operand a, b;
	const uint8_t *acc;
	uint8_t *out;
	bool f32;		/* accumulators are */
	bool int_product;	/* panels are bytes */
	bool blocks;		/* block-scaled */
	bool in_place;		/* the output is the accumulators */
	/* A panel's byte is an element plus an offset: less this, it is what is to be multiplied */
	int32_t a_minus, b_minus;
};

/* A part of the output, and its accumulators. */
struct part {
	size_t m0, n0, m, n;
	uint8_t *c;
	size_t ldc;		/* accumulators from a row to the next */
	bool whole;		/* there is room for whole panels */
};

/* A piece of k. */
struct segment {
	size_t x, k;
	size_t words;		/* of a panel's line */
	size_t stored;		/* rows of A that are used where they are stored */
	bool zero;		/* the accumulators hold nothing yet */
};

/* Rows of A: elements from one to the next. */
struct rows {
	const void *a;
	size_t lda;
};

/* A panel of B. */
struct columns {
	size_t j, n;		/* first column in the part; how many exist */
	size_t in_group;	/* first column in the group: for scales and sums */
	const void *b;
	size_t ldb;
};

static size_t panel_rows(const struct part *p)
{
	size_t rows = 0;

	while (rows < p->m)
		rows += egret_gemm_rows(p->m - rows);
	return rows;
}

/* All rows of the part for which the kernels do not need more rows than there are. */
static size_t whole_rows(const struct part *p)
{
	size_t rows = 0;

	while (rows < p->m && egret_gemm_rows(p->m - rows) <= p->m - rows)
		rows += egret_gemm_rows(p->m - rows);
	return rows;
}

/* Few rows and lines of B along k: no panels are made. */
static bool has_dots(const struct matmul *mm, const struct part *p)
{
	return mm->gemm->dot && p->m <= DOT_M && mm->int_product && !mm->blocks && mm->b.by_line &&
	       !mm->a_minus;
}

/* The same, and A is not packed either. */
static bool has_stored_dots(const struct matmul *mm, const struct part *p)
{
	return has_dots(mm, p) && mm->a.by_line && mm->a.type == EGRET_TYPE_S8 && mm->a.pitch >= 0;
}

/* How many rows of A can be used where they are stored? */
static size_t stored_rows(const struct matmul *mm, const struct part *p, const struct segment *s)
{
	const struct egret_operand *a = &mm->a;

	if (has_stored_dots(mm, p))
		return p->m;
	if (!a->by_line || a->pitch < 0 || a->pitch % PITCH_ALIASED == 0)
		return 0;
	if (mm->int_product)
		return a->type == EGRET_TYPE_S8 && s->k % 4 == 0 ? whole_rows(p) : 0;
	return a->type == EGRET_TYPE_F32 && a->pitch % 4 == 0 && (uintptr_t)a->base % 4 == 0 ?
	       whole_rows(p) : 0;
}

/* Rows of the part from number i on, from an x of the segment on. */
static struct rows rows_at(const struct matmul *mm, const struct part *p, const struct segment *s,
			   size_t i, size_t x)
{
	const struct egret_operand *a = &mm->a;
	const uint8_t *base = a->base;
	size_t k = s->x + x;

	if (i >= s->stored)
		return mm->int_product ?
		       (struct rows){ mm->w->a.i + i * SEGMENT_I8 + x, SEGMENT_I8 } :
		       (struct rows){ mm->w->a.f + i * SEGMENT_F32 + x, SEGMENT_F32 };
	base += (int64_t)(p->m0 + i) * a->pitch;
	if (!mm->int_product)
		return (struct rows){ base + k * sizeof(float), (size_t)a->pitch / sizeof(float) };
	base += a->block ? (int64_t)(k / EGRET_BLOCK) * a->block_step : (int64_t)k;
	return (struct rows){ base, (size_t)a->pitch };
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

/* How the segment's k are divided: by blocks, or not at all. */
static size_t step_of(const struct matmul *mm, const struct segment *s)
{
	return mm->blocks ? EGRET_BLOCK : s->k;
}

static size_t step_at(const struct matmul *mm, const struct segment *s, size_t x)
{
	size_t step = step_of(mm, s);

	return s->k - x < step ? s->k - x : step;
}

/*
 * sum (a - A)(b - B) = sum ab - A sum b - B sum a + k A B, modulo 2^32: what some rows add,
 * with the last term. Those that do not exist have a sum like the others.
 */
static void add_of_rows(const struct matmul *mm, const struct part *p, const struct segment *s,
			size_t i, unsigned int rows)
{
	uint32_t a_minus = (uint32_t)mm->a_minus, b_minus = (uint32_t)mm->b_minus;
	size_t number = 0;

	for (size_t x = 0; x < s->k; x += step_of(mm, s), number++) {
		size_t k = step_at(mm, s, x);
		const struct rows a = rows_at(mm, p, s, i, x);
		uint32_t both = (uint32_t)k * a_minus * b_minus;
		int32_t *row = mm->w->row[number] + i;

		if (!b_minus) {
			memset(row, 0, rows * sizeof(*row));
			continue;
		}
		mm->gemm->sum(a.a, a.lda, rows, k, row);
		for (unsigned int r = 0; r < rows; r++)
			row[r] = (int32_t)(both - b_minus * (uint32_t)row[r]);
	}
}

/* And a column. */
static void add_of_columns(const struct matmul *mm, const struct segment *s, size_t columns)
{
	uint32_t a_minus = (uint32_t)mm->a_minus;
	unsigned int nr = mm->gemm->nr;
	struct work *w = mm->w;
	size_t number = 0;

	for (size_t x = 0; x < s->k; x += step_of(mm, s), number++) {
		int32_t *column = w->column[number];

		for (size_t j = 0; a_minus && j < columns; j += nr)
			mm->gemm->i8[1]((step_at(mm, s, x) + 3) / 4, w->ones, 0,
					w->b.i + 4 * j * s->words + x * nr, nr, column + j, 0, true,
					w->zeros, w->zeros);
		for (size_t j = 0; j < columns; j++)
			column[j] = a_minus ? (int32_t)-(a_minus * (uint32_t)column[j]) : 0;
	}
}

static void prepare_a(const struct matmul *mm, const struct part *p, struct segment *s)
{
	size_t stored = stored_rows(mm, p, s);
	const struct egret_range r = { p->m0 + stored, p->m - stored, s->x, s->k };
	struct work *w = mm->w;

	s->stored = stored;
	if (r.lines && mm->int_product)
		egret_rows_i8(&mm->a, &r, mm->gemm, w->a.i + stored * SEGMENT_I8, SEGMENT_I8);
	else if (r.lines)
		egret_rows_f32(&mm->a, &r, mm->gemm, w->a.f + stored * SEGMENT_F32, SEGMENT_F32);
	if (mm->a.block)
		egret_scales(&mm->a, &(struct egret_range){ p->m0, p->m, s->x, s->k }, w->a_scale[0],
			     BLOCK_M);
}

/* A group: columns from j on. */
static void pack_b(const struct matmul *mm, const struct part *p, const struct segment *s, size_t j,
		   size_t n)
{
	const struct egret_range r = { p->n0 + j, n, s->x, s->k };
	unsigned int nr = mm->gemm->nr;
	struct work *w = mm->w;

	if (mm->int_product)
		egret_pack_i8(&mm->b, &r, mm->gemm, w->b.i);
	else
		egret_pack_f32(&mm->b, &r, mm->gemm, w->b.f);
	if (mm->int_product)
		add_of_columns(mm, s, (n + nr - 1) / nr * nr);
	if (mm->b.block)
		egret_scales(&mm->b, &r, w->b_scale[0], GROUP);
}

/* Some rows by a panel of B, of k from x on. */
static void multiply_panel(const struct matmul *mm, const struct part *p, const struct segment *s,
			   const struct columns *b, size_t i, unsigned int rows, size_t x, size_t k,
			   void *c, size_t ldc, bool zero)
{
	const struct rows a = rows_at(mm, p, s, i, x);
	const struct egret_gemm *g = mm->gemm;
	struct work *w = mm->w;

	if (mm->int_product)
		g->i8[rows]((k + 3) / 4, a.a, a.lda, (const uint8_t *)b->b + x * b->ldb, b->ldb, c,
			    ldc, zero, w->row[x / EGRET_BLOCK] + i,
			    w->column[x / EGRET_BLOCK] + b->in_group);
	else
		g->f32[rows](k, a.a, a.lda, (const float *)b->b + x * b->ldb, b->ldb, c, ldc, zero);
}

/* A row of a tile: either product is used. */
static inline __attribute__((always_inline)) void
add_row(float *acc, const float *f, const int32_t *whole, const float *scale, size_t n, bool zero)
{
	for (size_t c = 0; c < n; c++)
		acc[c] = f32_canonical(__builtin_fmaf(whole ? (float)whole[c] : f[c], scale[c],
						      zero ? 0 : acc[c]));
}

/* acc = fma(product, scale, acc), scale = RN(a's * b's) or the only one. */
EGRET_CLONES
static void add_scaled(const struct work *w, const struct columns *b, size_t number, size_t i,
		       size_t rows, bool a_block, bool b_block, bool int_product, bool zero,
		       float *acc, size_t ldc, size_t ldp)
{
	const float *b_scale = w->b_scale[number] + b->in_group;
	float scale[EGRET_GEMM_NR_MAX];

	for (size_t r = 0; r < rows; r++, acc += ldc) {
		const float *f = w->tile.f + r * ldp;
		const int32_t *whole = w->tile.i + r * ldp;
		float a = a_block ? w->a_scale[number][i + r] : 1;

		/* beyond the last column scales are left over from others, and not used */
		for (size_t c = 0; c < EGRET_GEMM_NR_MAX; c++)
			scale[c] = a_block && b_block ? a * b_scale[c] : a_block ? a : b_scale[c];
		if (b->n == EGRET_GEMM_NR_MAX && int_product)
			add_row(acc, f, whole, scale, EGRET_GEMM_NR_MAX, zero);
		else if (b->n == EGRET_GEMM_NR_MAX)
			add_row(acc, f, NULL, scale, EGRET_GEMM_NR_MAX, zero);
		else
			add_row(acc, f, int_product ? whole : NULL, scale, b->n, zero);
	}
}

/* A tile of block-scaled operands: of `rows` rows that are computed, `m` exist. */
static void block_tile(const struct matmul *mm, const struct part *p, const struct segment *s,
		       const struct columns *b, size_t i, unsigned int rows, size_t m)
{
	float *c = (float *)p->c + i * p->ldc + b->j;
	unsigned int nr = mm->gemm->nr;
	struct work *w = mm->w;

	for (size_t x = 0; x < s->k; x += EGRET_BLOCK) {
		multiply_panel(mm, p, s, b, i, rows, x, step_at(mm, s, x), &w->tile, nr, true);
		add_scaled(w, b, x / EGRET_BLOCK, i, m, mm->a.block, mm->b.block, mm->int_product,
			   s->zero && !x, c, p->ldc, nr);
	}
}

/* A tile at the edge of an output that is its own accumulators: beside it is nothing to write to. */
static void edge_tile(const struct matmul *mm, const struct part *p, const struct segment *s,
		      const struct columns *b, size_t i, unsigned int rows, size_t m)
{
	uint8_t *c = p->c + 4 * (i * p->ldc + b->j);
	unsigned int nr = mm->gemm->nr;
	struct work *w = mm->w;

	memset(&w->tile, 0, rows * nr * sizeof(float));
	for (size_t r = 0; !s->zero && r < m; r++)
		memcpy(w->tile.f + r * nr, c + 4 * r * p->ldc, 4 * b->n);
	multiply_panel(mm, p, s, b, i, rows, 0, s->k, &w->tile, nr, false);
	for (size_t r = 0; r < m; r++)
		memcpy(c + 4 * r * p->ldc, w->tile.f + r * nr, 4 * b->n);
}

/*
 * The sums that come next. Rows of a large output are too far apart for the host to guess;
 * a small one is in its nearest cache anyway.
 */
static void ask_for_sums(const struct matmul *mm, const struct part *p, size_t i, size_t j)
{
	size_t end = i + EGRET_GEMM_MR < p->m ? i + EGRET_GEMM_MR : p->m;

	if (p->m < BLOCK_M / 2 || p->ldc < BLOCK_N / 2)
		return;
	for (; i < end; i++)
		for (unsigned int x = 0; x < mm->gemm->nr; x += 16)
			__builtin_prefetch(p->c + 4 * (i * p->ldc + j + x), 1);
}

/* All rows by a panel of B. */
static void multiply_columns(const struct matmul *mm, const struct part *p,
			     const struct segment *s, const struct columns *b)
{
	for (size_t i = 0; i < p->m;) {
		unsigned int rows = egret_gemm_rows(p->m - i);
		size_t m = p->m - i < rows ? p->m - i : rows;

		if (mm->int_product && !b->j)
			add_of_rows(mm, p, s, i, rows);
		ask_for_sums(mm, p, i + rows, b->j);
		if (mm->blocks)
			block_tile(mm, p, s, b, i, rows, m);
		else if (p->whole || (m == rows && b->n == mm->gemm->nr))
			multiply_panel(mm, p, s, b, i, rows, 0, s->k,
					p->c + 4 * (i * p->ldc + b->j), p->ldc, s->zero);
		else
			edge_tile(mm, p, s, b, i, rows, m);
		i += rows;
	}
}

/* Four lines of B at a time, as they are stored. */
static void multiply_dots(const struct matmul *mm, const struct part *p, const struct segment *s)
{
	const struct egret_operand *o = &mm->b;
	const uint8_t *first = o->base + (int64_t)p->n0 * o->pitch + s->x * egret_type_bits(o->type) / 8;
	egret_gemm_dot *dot = type_is_int4(o->type) ? mm->gemm->dot_nibbles : mm->gemm->dot;
	uint8_t flip = egret_pack_offset(o) ? type_is_int4(o->type) ? 8 : 0x80 : 0;

	add_of_rows(mm, p, s, 0, (unsigned int)p->m);
	for (size_t j = 0; j < p->n && !egret_unit_stopped(mm->tile->stop); j += 4) {
		size_t n = p->n - j < 4 ? p->n - j : 4;
		const uint8_t *b[4];

		for (size_t l = 0; l < 4; l++)
			b[l] = first + (int64_t)(l < n ? j + l : j) * o->pitch;
		for (size_t i = 0; i < p->m; i++) {
			uint32_t *c = (uint32_t *)p->c + i * p->ldc + j;
			int32_t sum[4];

			dot(rows_at(mm, p, s, i, 0).a, b, s->k, flip, sum);
			for (size_t l = 0; l < n; l++)
				c[l] = (s->zero ? 0 : c[l]) + (uint32_t)sum[l] + (uint32_t)mm->w->row[0][i];
		}
	}
}

/* The same for lines of blocks, or blocks of A by lines. */
static bool has_block_dots(const struct matmul *mm, const struct part *p, const struct segment *s)
{
	if (!mm->blocks || p->m > DOT_M || !mm->b.by_line || s->k % EGRET_BLOCK)
		return false;
	return mm->int_product ? mm->gemm->block_dot_i8 && !mm->a_minus :
				 mm->gemm->block_dot_f32 && mm->b.block;
}

/* The sums of the segment's blocks, for some lines of B. */
struct block_sums {
	union {
		int32_t i[EGRET_GEMM_DOTS];
		float f[EGRET_GEMM_DOTS];
	} of[BLOCKS];
};

/* A row of them: add_row() for each block. */
EGRET_CLONES
static void add_block_sums(const struct work *w, const struct block_sums *sums, size_t blocks,
			   const struct columns *b, size_t i, bool a_block, bool b_block,
			   bool int_product, bool zero, float *c)
{
	float acc[EGRET_GEMM_DOTS] = { 0 };

	if (!zero)
		memcpy(acc, c, b->n * sizeof(*c));
	for (size_t x = 0; x < blocks; x++) {
		const float *b_scale = w->b_scale[x] + b->in_group;
		float a_scale = a_block ? w->a_scale[x][i] : 1;
		int32_t row = int_product ? w->row[x][i] : 0;

		for (size_t j = 0; j < EGRET_GEMM_DOTS; j++) {
			float scale = a_block && b_block ? a_scale * b_scale[j] :
				      a_block ? a_scale : b_scale[j];
			float product = int_product ?
				(float)(int32_t)((uint32_t)sums->of[x].i[j] + (uint32_t)row) :
				sums->of[x].f[j];

			acc[j] = __builtin_fmaf(product, scale, acc[j]);
		}
	}
	for (size_t j = 0; j < b->n; j++)
		c[j] = f32_canonical(acc[j]);
}

/* Up to EGRET_GEMM_DOTS lines of B. */
static void multiply_block_lines(const struct matmul *mm, const struct part *p,
				 const struct segment *s, const struct columns *b)
{
	const struct egret_range r = { p->n0, p->n, s->x, s->k };
	size_t blocks = s->k / EGRET_BLOCK;
	struct egret_gemm_blocks lines;
	struct block_sums sums;

	egret_line_blocks(&mm->b, &r, p->n0 + b->j, b->n, !mm->int_product, &lines);
	for (size_t i = 0; i < p->m; i++) {
		const uint8_t *a = rows_at(mm, p, s, i, 0).a;
		int64_t step = blocks < 2 ? 0 : (const uint8_t *)rows_at(mm, p, s, i, EGRET_BLOCK).a - a;

		if (mm->int_product)
			mm->gemm->block_dot_i8((const int8_t *)a, step, &lines, blocks, sums.of[0].i);
		else
			mm->gemm->block_dot_f32((const float *)a, step, &lines, blocks, sums.of[0].f);
		add_block_sums(mm->w, &sums, blocks, b, i, mm->a.block, mm->b.block, mm->int_product,
			       s->zero, (float *)p->c + i * p->ldc + b->j);
	}
}

static void multiply_block_dots(const struct matmul *mm, const struct part *p,
				const struct segment *s)
{
	if (mm->int_product)
		add_of_rows(mm, p, s, 0, (unsigned int)p->m);
	for (size_t j = 0; j < p->n; j += EGRET_GEMM_DOTS) {
		const struct columns b = {
			.j = j,
			.n = p->n - j < EGRET_GEMM_DOTS ? p->n - j : EGRET_GEMM_DOTS,
			.in_group = j % GROUP,
		};

		if (egret_unit_stopped(mm->tile->stop))
			return;
		if (mm->b.block)
			egret_scales(&mm->b, &(struct egret_range){ p->n0 + j, b.n, s->x, s->k },
				     mm->w->b_scale[0] + b.in_group, GROUP);
		multiply_block_lines(mm, p, s, &b);
	}
}

/* accumulators += A by B, over the segment's k */
static void multiply(const struct matmul *mm, const struct part *p, struct segment *s)
{
	size_t direct = direct_columns(mm, p), nr = mm->gemm->nr;
	struct columns b;

	prepare_a(mm, p, s);
	if (has_dots(mm, p)) {
		multiply_dots(mm, p, s);
		return;
	}
	if (has_block_dots(mm, p, s)) {
		multiply_block_dots(mm, p, s);
		return;
	}
	for (size_t j = 0; j < p->n; j += 2 * nr) {
		size_t n = p->n - j < 2 * nr ? p->n - j : 2 * nr;

		if (egret_unit_stopped(mm->tile->stop))
			return;
		if (j + n > direct)
			pack_b(mm, p, s, j, n);
		for (size_t g = 0; g < n; g += nr) {
			b = (struct columns){ .j = j + g, .n = n - g < nr ? n - g : nr, .in_group = g };
			if (b.j < direct) {
				b.b = mm->b.base + (int64_t)s->x * mm->b.pitch + 4 * (p->n0 + b.j);
				b.ldb = (size_t)mm->b.pitch / 4;
			} else {
				b.b = mm->int_product ? (const void *)(mm->w->b.i + 4 * g * s->words) :
							(const void *)(mm->w->b.f + g * s->words);
				b.ldb = nr;
			}
			multiply_columns(mm, p, s, &b);
		}
	}
}

/* Accumulators at the beginning. Beyond the edges they are zero, for no reason but speed. */
static void start(const struct matmul *mm, const struct part *p)
{
	const struct egret_matmul_desc *d = mm->d;

	if (!(d->flags & EGRET_MATMUL_ACC) ||
	    (mm->in_place && mm->acc == mm->out && d->acc_pitch == d->out_pitch))
		return;
	if (!mm->in_place && (p->m != panel_rows(p) || p->n != p->ldc))
		memset(p->c, 0, panel_rows(p) * p->ldc * sizeof(float));
	for (size_t r = 0; r < p->m; r++)
		memmove(p->c + 4 * r * p->ldc,
			mm->acc + (int64_t)(p->m0 + r) * (int32_t)d->acc_pitch + 4 * p->n0,
			4 * p->n);
}

static size_t longest_segment(const struct matmul *mm, const struct part *p)
{
	if (has_stored_dots(mm, p))
		return SEGMENT_DOT;
	return mm->int_product ? SEGMENT_I8 : SEGMENT_F32;
}

static void accumulate(const struct matmul *mm, const struct part *p)
{
	size_t most = longest_segment(mm, p);
	struct segment s = { .zero = !(mm->d->flags & EGRET_MATMUL_ACC) };

	start(mm, p);
	for (; s.x < mm->d->k && !egret_unit_stopped(mm->tile->stop); s.x += s.k, s.zero = false) {
		s.k = mm->d->k - s.x < most ? mm->d->k - s.x : most;
		s.words = mm->int_product ? (s.k + 3) / 4 : s.k;
		multiply(mm, p, &s);
	}
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

/* v[i] = result, which is made of y = v[i] and x, the factor of column i; of type T (float or uint32_t) */
#define APPLY(T, v, f, n, result) do {					\
	T x;								\
	memcpy(&x, &(f)->bits, sizeof(x));				\
	if ((f)->columns) {						\
		for (size_t i = 0; i < (n); i++) {			\
			T y = (v)[i];					\
			memcpy(&x, (f)->columns + 4 * i, sizeof(x));	\
			(v)[i] = (result);				\
		}							\
	} else {							\
		for (size_t i = 0; i < (n); i++) {			\
			T y = (v)[i];					\
			(v)[i] = (result);				\
		}							\
	}								\
} while (0)

EGRET_CLONES
static void add_u32(uint32_t *v, const struct factors *f, size_t n)
{
	APPLY(uint32_t, v, f, n, y + x);
}

EGRET_CLONES
static void combine_f32(enum egret_step op, float *v, const struct factors *f, size_t n)
{
	switch (op) {
	case EGRET_STEP_ADD:
		APPLY(float, v, f, n, y + x);
		break;
	case EGRET_STEP_SUB:
		APPLY(float, v, f, n, y - x);
		break;
	case EGRET_STEP_MUL:
		APPLY(float, v, f, n, y * x);
		break;
	case EGRET_STEP_MIN:
		APPLY(float, v, f, n, egret_math_min(y, x));
		break;
	case EGRET_STEP_MAX:
		APPLY(float, v, f, n, egret_math_max(y, x));
		break;
	default:
		break;
	}
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

/* A step. Its matrix may be the output's memory: a row is read before it is written. */
static void do_step(const struct matmul *mm, const struct part *p, size_t r,
		    const struct egret_matmul_step *s, float *row)
{
	struct factors x = { .bits = s->value };
	float elements[BLOCK_N];

	if (s->op == EGRET_STEP_ACT) {
		egret_math_act(s->act, row, p->n, f32_from_bits(s->value), f32_from_bits(s->pitch));
		return;
	}
	if (s->operand == EGRET_STEP_MATRIX) {
		egret_load_f32(elements, s->type, egret_tile_local(mm->tile, s->value) +
			       (int64_t)mm->batch * (int32_t)s->batch +
			       (int64_t)(p->m0 + r) * (int32_t)s->pitch,
			       egret_type_bits(s->type) / 8, p->n0, p->n);
		x.columns = (const uint8_t *)elements;
	} else if (s->operand != EGRET_STEP_CONST) {
		x = factors_of(mm, p, s->value, s->operand == EGRET_STEP_M, r);
	}
	combine_f32(s->op, row, &x, p->n);
}

static void finish_row(const struct matmul *mm, const struct part *p, size_t r)
{
	const struct egret_matmul_desc *d = mm->d;
	float *row = mm->w->acc.f + r * p->ldc;
	bool needs_f32 = mm->f32 || (d->flags & (SCALE_FLAGS | EGRET_MATMUL_BIAS_OUT)) ||
			 d->act != EGRET_ACT_NONE || d->steps || !out_is_int(d);
	struct factors bias, scale = { .bits = d->scale };

	if (d->flags & BIAS_FLAGS)
		bias = factors_of(mm, p, d->bias, d->flags & EGRET_MATMUL_BIAS_M, r);
	if ((d->flags & EGRET_MATMUL_BIAS_ACC) && mm->f32)
		combine_f32(EGRET_STEP_ADD, row, &bias, p->n);
	else if (d->flags & EGRET_MATMUL_BIAS_ACC)
		add_u32((uint32_t *)mm->w->acc.i + r * p->ldc, &bias, p->n);
	if (needs_f32 && !mm->f32)
		to_f32(row, p->n);
	if (d->flags & (EGRET_MATMUL_SCALE_N | EGRET_MATMUL_SCALE_M))
		scale = factors_of(mm, p, d->scale, d->flags & EGRET_MATMUL_SCALE_M, r);
	if (d->flags & SCALE_FLAGS)
		combine_f32(EGRET_STEP_MUL, row, &scale, p->n);
	if (d->flags & EGRET_MATMUL_BIAS_OUT)
		combine_f32(EGRET_STEP_ADD, row, &bias, p->n);
	egret_math_act(d->act, row, p->n, f32_from_bits(d->act_a), f32_from_bits(d->act_b));
	for (unsigned int i = 0; i < d->steps; i++)
		do_step(mm, p, r, &mm->step[i], row);
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

/* Can the accumulators be where the output will be? */
static bool out_is_accumulators(const struct egret_matmul_desc *d)
{
	int64_t pitch = (int32_t)d->out_pitch;

	if (d->out_type != (accumulates_f32(d) ? EGRET_TYPE_F32 : EGRET_TYPE_S32) ||
	    (d->flags & (SCALE_FLAGS | BIAS_FLAGS)) || d->act != EGRET_ACT_NONE || d->steps ||
	    d->out_zero)
		return false;
	return !(d->out % 4) && !(pitch % 4) && !(d->out_batch % 4) && pitch >= 4 * (int64_t)d->n;
}

static struct part part_of(const struct matmul *mm, size_t m0, size_t n0)
{
	const struct egret_matmul_desc *d = mm->d;
	unsigned int nr = mm->gemm->nr;
	struct part p = {
		.m0 = m0,
		.n0 = n0,
		.m = d->m - m0 < BLOCK_M ? d->m - m0 : BLOCK_M,
		.n = d->n - n0,
	};

	if (mm->in_place) {
		p.ldc = d->out_pitch / 4;
		p.c = mm->out + 4 * (m0 * p.ldc + n0);
	} else {
		p.n = p.n < BLOCK_N ? p.n : BLOCK_N;
		p.ldc = (p.n + nr - 1) / nr * nr;
		p.c = (uint8_t *)&mm->w->acc;
		p.whole = true;
	}
	return p;
}

static void one_batch(const struct matmul *mm)
{
	struct part p;

	for (size_t m0 = 0; m0 < mm->d->m; m0 += p.m) {
		for (size_t n0 = 0; n0 < mm->d->n; n0 += p.n) {
			p = part_of(mm, m0, n0);
			accumulate(mm, &p);
			for (size_t r = 0; !mm->in_place && r < p.m; r++) {
				if (egret_unit_stopped(mm->tile->stop))
					return;
				finish_row(mm, &p, r);
			}
		}
	}
}

void egret_matmul_run(struct egret_tile *t, const struct egret_matmul_desc *d,
		      const struct egret_matmul_step *step)
{
	struct matmul mm = {
		.d = d,
		.step = step,
		.gemm = t->gemm,
		.tile = t,
		.w = t->work,
		.a = operand_of(t, d, true),
		.b = operand_of(t, d, false),
		.out = egret_tile_local(t, d->out),
		.f32 = accumulates_f32(d),
		.int_product = !type_is_float(d->a_type) && !type_is_float(d->b_type),
		.blocks = d->flags & BLOCK_FLAGS,
		.in_place = out_is_accumulators(d),
	};

	_Static_assert(sizeof(struct work) <= EGRET_TILE_WORK, "working memory is too small");
	mm.a_minus = mm.a.zero + egret_pack_offset(&mm.a);
	mm.b_minus = mm.b.zero + egret_pack_offset(&mm.b);
	if (mm.int_product) {
		memset(mm.w->ones, 1, sizeof(mm.w->ones));
		memset(mm.w->zeros, 0, sizeof(mm.w->zeros));
	}
	if (d->flags & EGRET_MATMUL_ACC)
		mm.acc = egret_tile_local(t, d->acc);
	for (; mm.batch < d->batch && !egret_unit_stopped(t->stop); mm.batch++) {
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

/* ---- Joining --------------------------------------------------------------- */

/* Bytes from an operand's k 0 to k `k`, if there are whole ones. */
static bool along_k(const struct egret_matmul_desc *d, bool is_a, uint32_t k, uint64_t *bytes)
{
	bool trans = d->flags & (is_a ? EGRET_MATMUL_A_TRANS : EGRET_MATMUL_B_TRANS);
	uint64_t bits = (uint64_t)k * egret_type_bits(is_a ? d->a_type : d->b_type);

	*bytes = is_a == trans ? k * (uint64_t)(is_a ? d->a_pitch : d->b_pitch) : bits / 8;
	return is_a == trans || bits % 8 == 0;
}

/* Does the output lie behind or before an operand of the descriptor? Only for rows in ascending order. */
static bool out_is_apart(const struct egret_matmul_desc *d, bool is_a)
{
	bool trans = d->flags & (is_a ? EGRET_MATMUL_A_TRANS : EGRET_MATMUL_B_TRANS);
	uint64_t rows = is_a ? (trans ? d->k : d->m) : (trans ? d->n : d->k);
	uint64_t length = is_a ? (trans ? d->m : d->k) : (trans ? d->k : d->n);
	uint64_t first = is_a ? d->a : d->b, pitch = is_a ? d->a_pitch : d->b_pitch;
	uint64_t end = first + (rows - 1) * pitch + row_bytes(is_a ? d->a_type : d->b_type, length);

	return pitch <= INT32_MAX &&
	       (end <= d->out || d->out + (d->m - 1) * (uint64_t)d->out_pitch + 4 * (uint64_t)d->n <= first);
}

bool egret_matmul_join(struct egret_matmul_desc *d, const struct egret_matmul_desc *next)
{
	struct egret_matmul_desc both = *next;
	uint64_t a, b;

	if (!out_is_accumulators(d) || (d->flags & BLOCK_FLAGS) || d->batch != 1 ||
	    !(next->flags & EGRET_MATMUL_ACC) || next->acc != d->out ||
	    next->acc_pitch != d->out_pitch || !along_k(d, true, d->k, &a) ||
	    !along_k(d, false, d->k, &b) || next->a != d->a + a || next->b != d->b + b ||
	    next->k > UINT32_MAX - d->k)
		return false;
	/* In everything else they have to be alike. */
	both.a = d->a;
	both.b = d->b;
	both.k = d->k;
	both.acc = d->acc;
	both.acc_pitch = d->acc_pitch;
	both.acc_batch = d->acc_batch;
	both.flags = (next->flags & ~EGRET_MATMUL_ACC) | (d->flags & EGRET_MATMUL_ACC);
	if (memcmp(&both, d, sizeof(both)))
		return false;
	both.k += next->k;
	if (!out_is_apart(&both, true) || !out_is_apart(&both, false))
		return false;
	*d = both;
	return true;
}
