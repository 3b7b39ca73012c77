// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <egret/isa.h>

typedef __int128 wide;

static float nan_f32(void)
{
	uint32_t bits = 0x7fc00000;
	float v;

	memcpy(&v, &bits, 4);
	return v;
}

static float float_of_bits(uint32_t bits)
{
	float v;

	memcpy(&v, &bits, 4);
	return v;
}

/* ---- Small float formats, by their definition ---------------------------- */

/* The number that `exp_bits` and `man_bits` encode. */
static float decode_small(uint32_t bits, int exp_bits, int man_bits)
{
	int bias = (1 << (exp_bits - 1)) - 1;
	int exp = (int)(bits >> man_bits) & ((1 << exp_bits) - 1);
	uint32_t man = bits & ((1u << man_bits) - 1);
	bool sign = bits >> (exp_bits + man_bits) & 1;
	long double v;

	if (exp == (1 << exp_bits) - 1)
		return man ? nan_f32() : sign ? -INFINITY : INFINITY;
	if (exp == 0)
		v = ldexpl(man, 1 - bias - man_bits);
	else
		v = ldexpl(man + (1u << man_bits), exp - bias - man_bits);
	return (float)(sign ? -v : v);
}

/* Round to nearest even, by scaling to where the unit is 1. */
static uint32_t encode_small(float x, int exp_bits, int man_bits)
{
	int bias = (1 << (exp_bits - 1)) - 1, exp;
	uint32_t sign = signbit(x) ? 1u << (exp_bits + man_bits) : 0;
	uint32_t inf = ((1u << exp_bits) - 1) << man_bits;
	long double units;

	if (isnan(x))
		return inf | 1u << (man_bits - 1);
	if (isinf(x))
		return sign | inf;
	if (x == 0)
		return sign;
	frexpf(x, &exp);
	exp--;			/* |x| = 1.y * 2^exp */
	if (exp < 1 - bias)
		exp = 1 - bias;
	units = rintl(ldexpl(fabsl((long double)x), man_bits - exp));
	if (units >= ldexpl(2, man_bits)) {
		units /= 2;
		exp++;
	}
	if (exp > bias)
		return sign | inf;
	if (units < ldexpl(1, man_bits))
		return sign | (uint32_t)units;
	return sign | (uint32_t)(exp + bias) << man_bits |
	       ((uint32_t)units - (1u << man_bits));
}

/* ---- Elements ------------------------------------------------------------ */

static bool is_float(unsigned int type)
{
	return type == EGRET_TYPE_F16 || type == EGRET_TYPE_BF16 || type == EGRET_TYPE_F32;
}

static bool is_4_bits(unsigned int type)
{
	return type == EGRET_TYPE_S4 || type == EGRET_TYPE_U4;
}

static unsigned int bytes_of(unsigned int type)
{
	switch (type) {
	case EGRET_TYPE_S16:
	case EGRET_TYPE_U16:
	case EGRET_TYPE_F16:
	case EGRET_TYPE_BF16:
		return 2;
	case EGRET_TYPE_S32:
	case EGRET_TYPE_U32:
	case EGRET_TYPE_F32:
		return 4;
	case EGRET_TYPE_S64:
	case EGRET_TYPE_U64:
		return 8;
	default:
		return 1;
	}
}

static int bits_of(unsigned int type)
{
	return is_4_bits(type) ? 4 : 8 * (int)bytes_of(type);
}

static bool is_signed(unsigned int type)
{
	switch (type) {
	case EGRET_TYPE_S4:
	case EGRET_TYPE_S8:
	case EGRET_TYPE_S16:
	case EGRET_TYPE_S32:
	case EGRET_TYPE_S64:
		return true;
	default:
		return false;
	}
}

/* An integer element; `half` is 0 or 1 for 4-bit types. */
static wide get_int(const uint8_t *p, unsigned int type, int half)
{
	uint64_t raw = 0;
	int bits = bits_of(type);

	memcpy(&raw, p, bytes_of(type));
	if (bits == 4)
		raw = raw >> (4 * half) & 15;
	if (is_signed(type) && raw >> (bits - 1) & 1)
		return (wide)raw - ((wide)1 << bits);
	return raw;
}

static float get_float(const uint8_t *p, unsigned int type, int half)
{
	uint32_t raw = 0;

	switch (type) {
	case EGRET_TYPE_F16:
		memcpy(&raw, p, 2);
		return decode_small(raw, 5, 10);
	case EGRET_TYPE_BF16:
		memcpy(&raw, p, 2);
		return decode_small(raw, 8, 7);
	case EGRET_TYPE_F32:
		memcpy(&raw, p, 4);
		return float_of_bits(raw);
	case EGRET_TYPE_E8M0:
		return *p == 255 ? nan_f32() : (float)ldexpl(1, *p - 127);
	default:
		return (float)(long double)get_int(p, type, half);
	}
}

static void put_bits(uint8_t *p, unsigned int type, int half, uint64_t raw)
{
	if (is_4_bits(type)) {
		*p = (uint8_t)((*p & (half ? 0x0f : 0xf0)) | (raw & 15) << (4 * half));
		return;
	}
	memcpy(p, &raw, bytes_of(type));
}

static wide type_min(unsigned int type)
{
	return is_signed(type) ? -((wide)1 << (bits_of(type) - 1)) : 0;
}

static wide type_max(unsigned int type)
{
	return ((wide)1 << (bits_of(type) - is_signed(type))) - 1;
}

static wide clamp(wide v, wide low, wide high)
{
	return v < low ? low : v > high ? high : v;
}

static void put_int(uint8_t *p, unsigned int type, int half, wide v, bool saturate);

/* An F32 result to any type. */
static void put_float(uint8_t *p, unsigned int type, int half, float v, bool saturate, bool even)
{
	long double r;
	uint32_t raw;

	switch (type) {
	case EGRET_TYPE_F16:
		put_bits(p, type, half, encode_small(v, 5, 10));
		return;
	case EGRET_TYPE_BF16:
		put_bits(p, type, half, encode_small(v, 8, 7));
		return;
	case EGRET_TYPE_F32:
		if (isnan(v))
			v = nan_f32();
		memcpy(&raw, &v, 4);
		put_bits(p, type, half, raw);
		return;
	default:
		break;
	}
	if (isnan(v)) {
		put_int(p, type, half, 0, saturate);
		return;
	}
	r = even ? rintl(v) : truncl(v);
	r = r < -0x1p63L ? -0x1p63L : r;
	put_int(p, type, half, r >= 0x1p64L ? (wide)UINT64_MAX : (wide)r, saturate);
}

/* An integer result to any type. */
static void put_int(uint8_t *p, unsigned int type, int half, wide v, bool saturate)
{
	if (is_float(type)) {
		put_float(p, type, half, (float)(long double)v, saturate, true);
		return;
	}
	if (saturate)
		v = clamp(v, type_min(type), type_max(type));
	put_bits(p, type, half, (uint64_t)v);
}

static uint8_t *at(uint8_t *scratch, uint32_t local)
{
	return scratch + (int64_t)local - EGRET_LOCAL_SCRATCH;
}

/* ---- Maximum, minimum ----------------------------------------------------- */

static float maximum(float a, float b)
{
	if (isnan(a) || isnan(b))
		return nan_f32();
	if (a == 0 && b == 0)
		return signbit(a) ? b : a;
	return a > b ? a : b;
}

static float minimum(float a, float b)
{
	if (isnan(a) || isnan(b))
		return nan_f32();
	if (a == 0 && b == 0)
		return signbit(a) ? a : b;
	return a < b ? a : b;
}

/* ---- Matrix multiply ------------------------------------------------------- */

struct matrix {
	const uint8_t *base;
	const uint8_t *scales;
	int64_t pitch, scale_pitch;
	unsigned int type, scale_type, block_step, scale_step;
	bool by_k;		/* stored in rows of m or n */
	bool blocks, split;
	int zero;
};

/* Element (line, k) as an integer without its zero point, or as a float. */
static const uint8_t *element(const struct matrix *m, uint32_t line, uint32_t k, int *half)
{
	int64_t row = m->by_k ? k : line;
	int64_t column = m->by_k ? line : k;
	const uint8_t *p = m->base + row * m->pitch;

	*half = 0;
	if (m->blocks) {
		p += (int64_t)(column / 32) * m->block_step;
		column %= 32;
	}
	if (m->split) {
		*half = column >= 16;
		return p + column % 16;
	}
	if (is_4_bits(m->type)) {
		*half = column & 1;
		return p + column / 2;
	}
	return p + column * bytes_of(m->type);
}

static int64_t int_element(const struct matrix *m, uint32_t line, uint32_t k)
{
	int half;
	const uint8_t *p = element(m, line, k, &half);

	if (m->split)
		return (int64_t)(*p >> (4 * half) & 15) - 8;
	return (int64_t)get_int(p, m->type, half) - m->zero;
}

static float float_element(const struct matrix *m, uint32_t line, uint32_t k)
{
	int half;
	const uint8_t *p;

	if (!is_float(m->type))
		return (float)int_element(m, line, k);
	p = element(m, line, k, &half);
	return get_float(p, m->type, half);
}

static float scale_of(const struct matrix *m, uint32_t line, uint32_t block)
{
	return get_float(m->scales + line * m->scale_pitch + (int64_t)block * m->scale_step,
			 m->scale_type, 0);
}

static struct matrix matrix_of(uint8_t *scratch, const struct egret_matmul_desc *d, bool a,
			       uint32_t batch)
{
	uint32_t flags = d->flags;
	int64_t offset = (int64_t)batch * (int32_t)(a ? d->a_batch : d->b_batch);
	unsigned int type = a ? d->a_type : d->b_type;
	uint8_t zero = a ? d->a_zero : d->b_zero;
	struct matrix m = {
		.base = at(scratch, a ? d->a : d->b) + offset,
		.pitch = (int32_t)(a ? d->a_pitch : d->b_pitch),
		.type = type,
		.by_k = a ? flags & EGRET_MATMUL_A_TRANS : !(flags & EGRET_MATMUL_B_TRANS),
		.blocks = flags & (a ? EGRET_MATMUL_A_BLOCK : EGRET_MATMUL_B_BLOCK),
		.split = flags & (a ? EGRET_MATMUL_A_SPLIT : EGRET_MATMUL_B_SPLIT),
		.zero = type == EGRET_TYPE_S8 ? (int8_t)zero : zero,
		.scale_pitch = (int32_t)(a ? d->a_scale_pitch : d->b_scale_pitch),
		.scale_type = a ? d->a_scale_type : d->b_scale_type,
		.block_step = a ? d->a_block : d->b_block,
		.scale_step = a ? d->a_scale_step : d->b_scale_step,
	};

	if (m.blocks)
		m.scales = at(scratch, a ? d->a_scale : d->b_scale) + offset;
	return m;
}

static float sum_blocks(const struct egret_matmul_desc *d, const struct matrix *a,
			const struct matrix *b, uint32_t r, uint32_t c, float acc)
{
	for (uint32_t j = 0; j * 32 < d->k; j++) {
		uint32_t end = d->k < j * 32 + 32 ? d->k : j * 32 + 32;
		int64_t dot = 0;
		float p = 0, s;

		if (a->blocks && b->blocks)
			s = scale_of(a, r, j) * scale_of(b, c, j);
		else
			s = a->blocks ? scale_of(a, r, j) : scale_of(b, c, j);
		if (!is_float(a->type) && !is_float(b->type)) {
			for (uint32_t k = j * 32; k < end; k++)
				dot += int_element(a, r, k) * int_element(b, c, k);
			p = (float)dot;
		} else {
			for (uint32_t k = j * 32; k < end; k++)
				p = fmaf(float_element(a, r, k), float_element(b, c, k), p);
		}
		acc = fmaf(p, s, acc);
	}
	return acc;
}

static float activate(unsigned int act, uint32_t act_a, uint32_t act_b, float x)
{
	float a = float_of_bits(act_a), b = float_of_bits(act_b), y;

	if (isnan(x))
		return x;
	switch (act) {
	case EGRET_ACT_NONE:
		return x;
	case EGRET_ACT_RELU:
		return maximum(x, 0);
	case EGRET_ACT_CLAMP:
		return minimum(maximum(x, a), b);
	case EGRET_ACT_LEAKY_RELU:
		return x < 0 ? a * x : x;
	case EGRET_ACT_HARD_SIGMOID:
		return minimum(maximum(fmaf(a, x, b), 0), 1);
	case EGRET_ACT_HARD_SWISH:
		y = minimum(maximum(fmaf(x, float_of_bits(0x3e2aaaab), 0.5f), 0), 1);
		return isinf(x) && x < 0 ? -0.0f : x * y;
	default:
		fprintf(stderr, "the reference does not know activation %u\n", act);
		abort();
	}
}

static float f32_value(uint8_t *scratch, uint32_t local, uint32_t i)
{
	return get_float(at(scratch, local) + 4 * (uint64_t)i, EGRET_TYPE_F32, 0);
}

/* The result of row r and column c, v, after a step. */
static float do_step(uint8_t *scratch, const struct egret_matmul_step *s, float v, uint32_t batch,
		     uint32_t r, uint32_t c)
{
	float x = 0;

	switch (s->operand) {
	case EGRET_STEP_CONST:
		x = float_of_bits(s->value);
		break;
	case EGRET_STEP_N:
		x = f32_value(scratch, s->value, c);
		break;
	case EGRET_STEP_M:
		x = f32_value(scratch, s->value, r);
		break;
	case EGRET_STEP_MATRIX:
		x = get_float(at(scratch, s->value) + (int64_t)batch * (int32_t)s->batch +
			      (int64_t)r * (int32_t)s->pitch + (int64_t)c * bytes_of(s->type),
			      s->type, 0);
		break;
	default:
		break;
	}
	switch (s->op) {
	case EGRET_STEP_ADD:
		return v + x;
	case EGRET_STEP_SUB:
		return v - x;
	case EGRET_STEP_MUL:
		return v * x;
	case EGRET_STEP_MIN:
		return minimum(v, x);
	case EGRET_STEP_MAX:
		return maximum(v, x);
	default:
		return activate(s->act, s->value, s->pitch, v);
	}
}

static void finish(uint8_t *scratch, const struct egret_matmul_desc *d,
		   const struct egret_matmul_step *step, bool f32, uint32_t sum, float fsum,
		   uint32_t batch, uint32_t r, uint32_t c, uint8_t *out)
{
	uint32_t i = d->flags & EGRET_MATMUL_BIAS_M ? r : c;
	bool scaled = d->flags & (EGRET_MATMUL_SCALE_IMM | EGRET_MATMUL_SCALE_M |
				  EGRET_MATMUL_SCALE_N);

	if (d->flags & EGRET_MATMUL_BIAS_ACC) {
		if (f32)
			fsum += f32_value(scratch, d->bias, i);
		else
			sum += (uint32_t)get_int(at(scratch, d->bias) + 4 * (uint64_t)i,
						 EGRET_TYPE_U32, 0);
	}
	if (!f32) {
		if (!scaled && !(d->flags & EGRET_MATMUL_BIAS_OUT) && !d->act && !d->steps &&
		    !is_float(d->out_type)) {
			put_int(out, d->out_type, 0, (wide)(int32_t)sum + (int32_t)d->out_zero, true);
			return;
		}
		fsum = (float)(int32_t)sum;
	}
	if (d->flags & EGRET_MATMUL_SCALE_IMM)
		fsum *= float_of_bits(d->scale);
	if (d->flags & EGRET_MATMUL_SCALE_N)
		fsum *= f32_value(scratch, d->scale, c);
	if (d->flags & EGRET_MATMUL_SCALE_M)
		fsum *= f32_value(scratch, d->scale, r);
	if (d->flags & EGRET_MATMUL_BIAS_OUT)
		fsum += f32_value(scratch, d->bias, i);
	fsum = activate(d->act, d->act_a, d->act_b, fsum);
	for (unsigned int j = 0; j < d->steps; j++)
		fsum = do_step(scratch, &step[j], fsum, batch, r, c);
	if (is_float(d->out_type)) {
		put_float(out, d->out_type, 0, fsum, true, true);
		return;
	}
	if (isnan(fsum))
		fsum = 0;
	put_int(out, d->out_type, 0,
		(wide)rintl(fmaxl(fminl(fsum, 0x1p100L), -0x1p100L)) + (int32_t)d->out_zero, true);
}

void reference_matmul(uint8_t *scratch, const struct egret_matmul_desc *d,
		      const struct egret_matmul_step *step)
{
	for (uint32_t i = 0; i < d->batch; i++) {
		struct matrix a = matrix_of(scratch, d, true, i), b = matrix_of(scratch, d, false, i);
		bool f32 = a.blocks || b.blocks || is_float(a.type);

		for (uint32_t r = 0; r < d->m; r++) {
			for (uint32_t c = 0; c < d->n; c++) {
				const uint8_t *acc = at(scratch, d->acc) +
					(int64_t)i * (int32_t)d->acc_batch +
					(int64_t)r * (int32_t)d->acc_pitch + 4 * (int64_t)c;
				uint8_t *out = at(scratch, d->out) +
					(int64_t)i * (int32_t)d->out_batch +
					(int64_t)r * (int32_t)d->out_pitch +
					(int64_t)c * bytes_of(d->out_type);
				uint32_t sum = 0;
				float fsum = 0;

				if (d->flags & EGRET_MATMUL_ACC) {
					sum = (uint32_t)get_int(acc, EGRET_TYPE_U32, 0);
					fsum = get_float(acc, EGRET_TYPE_F32, 0);
				}
				if (a.blocks || b.blocks)
					fsum = sum_blocks(d, &a, &b, r, c, fsum);
				else
					for (uint32_t k = 0; k < d->k; k++)
						if (f32)
							fsum = fmaf(float_element(&a, r, k),
								    float_element(&b, c, k), fsum);
						else
							sum += (uint32_t)(int_element(&a, r, k) *
									  int_element(&b, c, k));
				finish(scratch, d, step, f32, sum, fsum, i, r, c, out);
			}
		}
	}
}

/* ---- Map ------------------------------------------------------------------- */

bool reference_map_is_exact(unsigned int op)
{
	switch (op) {
	case EGRET_MAP_EXP:
	case EGRET_MAP_LOG:
	case EGRET_MAP_SIN:
	case EGRET_MAP_COS:
	case EGRET_MAP_TANH:
	case EGRET_MAP_ERF:
	case EGRET_MAP_SIGMOID:
	case EGRET_MAP_GELU:
	case EGRET_MAP_GELU_TANH:
	case EGRET_MAP_SILU:
	case EGRET_MAP_SOFTPLUS:
	case EGRET_MAP_ELU:
	case EGRET_MAP_POW:
		return false;
	default:
		return true;
	}
}

static bool is_float_op(unsigned int op)
{
	return (op >= EGRET_MAP_FLOOR && op <= EGRET_MAP_SOFTPLUS) || op == EGRET_MAP_LEAKY_RELU ||
	       op == EGRET_MAP_ELU || op == EGRET_MAP_POW;
}

static float map_float(unsigned int op, float a, float b, float c, float param)
{
	switch (op) {
	case EGRET_MAP_COPY:
		return a;
	case EGRET_MAP_NEG:
		return -a;
	case EGRET_MAP_ABS:
		return fabsf(a);
	case EGRET_MAP_SIGN:
		return isnan(a) ? a : a > 0 ? 1 : a < 0 ? -1 : 0;
	case EGRET_MAP_NOT:
		return a == 0 ? 1 : 0;
	case EGRET_MAP_FLOOR:
		return floorf(a);
	case EGRET_MAP_CEIL:
		return ceilf(a);
	case EGRET_MAP_ROUND:
		return nearbyintf(a);
	case EGRET_MAP_TRUNC:
		return truncf(a);
	case EGRET_MAP_ISNAN:
		return isnan(a) ? 1 : 0;
	case EGRET_MAP_ISINF:
		return isinf(a) ? 1 : 0;
	case EGRET_MAP_SQRT:
		return sqrtf(a);
	case EGRET_MAP_RSQRT:
		return 1 / sqrtf(a);
	case EGRET_MAP_RECIP:
		return 1 / a;
	case EGRET_MAP_RELU:
		return maximum(a, 0);
	case EGRET_MAP_LEAKY_RELU:
		return a < 0 ? param * a : a;
	case EGRET_MAP_ADD:
		return a + b;
	case EGRET_MAP_SUB:
		return a - b;
	case EGRET_MAP_MUL:
		return a * b;
	case EGRET_MAP_DIV:
		return a / b;
	case EGRET_MAP_REM:
		return (float)fmodl(a, b);
	case EGRET_MAP_MIN:
		return minimum(a, b);
	case EGRET_MAP_MAX:
		return maximum(a, b);
	case EGRET_MAP_EQ:
		return a == b;
	case EGRET_MAP_NE:
		return a != b;
	case EGRET_MAP_LT:
		return a < b;
	case EGRET_MAP_LE:
		return a <= b;
	case EGRET_MAP_GT:
		return a > b;
	case EGRET_MAP_GE:
		return a >= b;
	case EGRET_MAP_SELECT:
		return a != 0 ? b : c;
	case EGRET_MAP_FMA:
		return fmaf(a, b, c);
	case EGRET_MAP_CLAMP:
		return minimum(maximum(a, b), c);
	default:
		fprintf(stderr, "the reference does not know operation %u\n", op);
		abort();
	}
}

/* A result modulo 2^64, as a number of the domain. */
static wide wrap(wide v, bool unsigned_domain)
{
	return unsigned_domain ? (wide)(uint64_t)v : (wide)(int64_t)(uint64_t)v;
}

static wide map_int(unsigned int op, wide a, wide b, wide c, bool u, bool a_signed)
{
	int shift = (int)((uint64_t)b & 63);

	switch (op) {
	case EGRET_MAP_COPY:
		return a;
	case EGRET_MAP_NEG:
		return wrap(-a, u);
	case EGRET_MAP_ABS:
		return wrap(a < 0 ? -a : a, u);
	case EGRET_MAP_SIGN:
		return a > 0 ? 1 : a < 0 ? -1 : 0;
	case EGRET_MAP_NOT:
		return a == 0;
	case EGRET_MAP_BITNOT:
		return wrap(~a, u);
	case EGRET_MAP_RELU:
		return a > 0 ? a : 0;
	case EGRET_MAP_ADD:
		return wrap(a + b, u);
	case EGRET_MAP_SUB:
		return wrap(a - b, u);
	case EGRET_MAP_MUL:
		return wrap((wide)((uint64_t)a * (uint64_t)b), u);
	case EGRET_MAP_DIV:
		return b ? wrap(a / b, u) : wrap(-1, u);
	case EGRET_MAP_REM:
		return b ? a % b : a;
	case EGRET_MAP_MIN:
		return a < b ? a : b;
	case EGRET_MAP_MAX:
		return a > b ? a : b;
	case EGRET_MAP_AND:
		return wrap(a & b, u);
	case EGRET_MAP_OR:
		return wrap(a | b, u);
	case EGRET_MAP_XOR:
		return wrap(a ^ b, u);
	case EGRET_MAP_SHL:
		return wrap((wide)((uint64_t)a << shift), u);
	case EGRET_MAP_SHR:
		/* a number of a signed type can be in an unsigned domain */
		return a_signed ? wrap((wide)((int64_t)(uint64_t)a >> shift), u) :
				  wrap((wide)((uint64_t)a >> shift), u);
	case EGRET_MAP_EQ:
		return a == b;
	case EGRET_MAP_NE:
		return a != b;
	case EGRET_MAP_LT:
		return a < b;
	case EGRET_MAP_LE:
		return a <= b;
	case EGRET_MAP_GT:
		return a > b;
	case EGRET_MAP_GE:
		return a >= b;
	case EGRET_MAP_SELECT:
		return a ? b : c;
	case EGRET_MAP_FMA:
		return wrap((wide)((uint64_t)a * (uint64_t)b + (uint64_t)c), u);
	case EGRET_MAP_CLAMP:
		a = a < b ? b : a;
		return a > c ? c : a;
	default:
		fprintf(stderr, "the reference does not know operation %u\n", op);
		abort();
	}
}

/* Address of element i[] of an operand; `index` replaces i[dim] if dim is below EGRET_DIMS. */
static uint8_t *map_at(uint8_t *base, const __le32 *stride, unsigned int type, const uint32_t *i,
		       unsigned int dim, int64_t index, int *half)
{
	*half = 0;
	for (unsigned int n = 0; n < EGRET_DIMS; n++) {
		int64_t x = n == dim ? index : (int64_t)i[n];

		if (n == 0 && is_4_bits(type)) {
			*half = (int)(x & 1);
			x /= 2;
		}
		base += x * (int32_t)stride[n];
	}
	return base;
}

struct value {
	wide i;
	float f;
};

static struct value map_operand(uint8_t *scratch, uint32_t local, unsigned int type, bool imm,
				const __le32 *stride, const uint32_t *i, unsigned int dim,
				int64_t index, bool u)
{
	struct value v = { 0 };
	uint8_t *p;
	int half;

	if (type == EGRET_TYPE_NONE)
		return v;
	if (imm) {
		v.i = wrap((int32_t)local, u);
		v.f = type == EGRET_TYPE_F32 ? float_of_bits(local) : (float)(int32_t)local;
		return v;
	}
	p = map_at(at(scratch, local), stride, type, i, dim, index, &half);
	v.f = get_float(p, type, half);
	if (!is_float(type))
		v.i = wrap(get_int(p, type, half), u);
	return v;
}

static void map_one(uint8_t *scratch, const struct egret_map_desc *d, const uint32_t *i)
{
	bool f32 = is_float_op(d->op) || is_float(d->a_type) || is_float(d->b_type) ||
		   is_float(d->c_type);
	bool u = d->a_type == EGRET_TYPE_U64 || d->b_type == EGRET_TYPE_U64 ||
		 d->c_type == EGRET_TYPE_U64;
	bool saturate = d->flags & EGRET_MAP_SATURATE, even = d->flags & EGRET_MAP_ROUND_EVEN;
	unsigned int gather = d->flags & EGRET_MAP_GATHER ? d->index_dim : EGRET_DIMS;
	unsigned int scatter = d->flags & EGRET_MAP_SCATTER ? d->index_dim : EGRET_DIMS;
	struct value a, b, c;
	int64_t index = 0;
	uint8_t *out;
	int half;

	if (gather < EGRET_DIMS || scatter < EGRET_DIMS)
		index = (int64_t)get_int(at(scratch, d->index) + 4 * (uint64_t)i[d->index_dim],
					 EGRET_TYPE_S32, 0);
	a = map_operand(scratch, d->a, d->a_type, d->flags & EGRET_MAP_A_IMM, d->a_stride, i, gather,
			index, u);
	b = map_operand(scratch, d->b, d->b_type, d->flags & EGRET_MAP_B_IMM, d->b_stride, i,
			EGRET_DIMS, 0, u);
	c = map_operand(scratch, d->c, d->c_type, d->flags & EGRET_MAP_C_IMM, d->c_stride, i,
			EGRET_DIMS, 0, u);
	out = map_at(at(scratch, d->out), d->out_stride, d->out_type, i, scatter, index, &half);
	if (d->op == EGRET_MAP_COPY && d->a_type == d->out_type && (d->flags & EGRET_MAP_A_IMM)) {
		put_bits(out, d->out_type, half, d->a);
	} else if (d->op == EGRET_MAP_COPY && d->a_type == d->out_type) {
		int from;
		uint8_t *p = map_at(at(scratch, d->a), d->a_stride, d->a_type, i, gather, index, &from);
		uint64_t raw = 0;

		memcpy(&raw, p, bytes_of(d->a_type));
		put_bits(out, d->out_type, half, raw >> (4 * from));
	} else if (f32) {
		put_float(out, d->out_type, half,
			  map_float(d->op, a.f, b.f, c.f, float_of_bits(d->param)), saturate, even);
	} else {
		put_int(out, d->out_type, half,
			map_int(d->op, a.i, b.i, c.i, u, is_signed(d->a_type)), saturate);
	}
}

/* Calls one() for each index of a block, dimension 0 fastest. */
static bool next_index(uint32_t *i, const __le32 *dims, unsigned int from, unsigned int to)
{
	for (unsigned int n = from; n < to; n++) {
		if (++i[n] < dims[n])
			return true;
		i[n] = 0;
	}
	return false;
}

void reference_map(uint8_t *scratch, const struct egret_map_desc *d)
{
	uint32_t i[EGRET_DIMS] = { 0 };

	do
		map_one(scratch, d, i);
	while (next_index(i, d->dims, 0, EGRET_DIMS));
}

/* ---- Reduce ---------------------------------------------------------------- */

static float combine_float(unsigned int op, float p, float x)
{
	switch (op) {
	case EGRET_REDUCE_SUM:
		return p + x;
	case EGRET_REDUCE_SUMABS:
		return p + fabsf(x);
	case EGRET_REDUCE_SUMSQ:
		return fmaf(x, x, p);
	case EGRET_REDUCE_PROD:
		return p * x;
	case EGRET_REDUCE_MAX:
		return maximum(p, x);
	default:
		return minimum(p, x);
	}
}

static wide combine_wide(unsigned int op, wide p, wide x, bool u)
{
	switch (op) {
	case EGRET_REDUCE_SUM:
		return wrap(p + x, u);
	case EGRET_REDUCE_SUMABS:
		return wrap(p + (x < 0 ? -x : x), u);
	case EGRET_REDUCE_SUMSQ:
		return wrap((wide)((uint64_t)p + (uint64_t)x * (uint64_t)x), u);
	case EGRET_REDUCE_PROD:
		return wrap((wide)((uint64_t)p * (uint64_t)x), u);
	case EGRET_REDUCE_MAX:
		return p > x ? p : x;
	default:
		return p < x ? p : x;
	}
}

static bool wins(const struct egret_reduce_desc *d, struct value x, struct value best, bool f32)
{
	bool max = d->op == EGRET_REDUCE_ARGMAX, last = d->flags & EGRET_REDUCE_LAST;

	if (!f32)
		return x.i == best.i ? last : max ? x.i > best.i : x.i < best.i;
	if (isnan(x.f) && isnan(best.f))
		return last;
	if (isnan(x.f) || isnan(best.f))
		return isnan(x.f);
	return x.f == best.f ? last : max ? x.f > best.f : x.f < best.f;
}

/* One output of the dimensions that remain, i[reduced..]. */
static void reduce_one(uint8_t *scratch, const struct egret_reduce_desc *d, uint32_t *i)
{
	bool f32 = is_float(d->in_type), u = d->in_type == EGRET_TYPE_U64;
	bool arg = d->op == EGRET_REDUCE_ARGMAX || d->op == EGRET_REDUCE_ARGMIN;
	unsigned int join = d->op == EGRET_REDUCE_SUMSQ || d->op == EGRET_REDUCE_SUMABS ?
			    EGRET_REDUCE_SUM : d->op;
	float p[32], scan = 0;
	struct value x, best = { 0 };
	uint64_t j = 0, best_at = 0;
	wide sum = d->op == EGRET_REDUCE_PROD, old;
	uint8_t *in, *out;
	int half, out_half;

	for (int l = 0; l < 32; l++)
		p[l] = d->op == EGRET_REDUCE_PROD ? 1 : d->op == EGRET_REDUCE_MAX ? -INFINITY :
		       d->op == EGRET_REDUCE_MIN ? INFINITY : 0;
	do {
		in = map_at(at(scratch, d->in), d->in_stride, d->in_type, i, EGRET_DIMS, 0, &half);
		x.f = get_float(in, d->in_type, half);
		x.i = f32 ? 0 : get_int(in, d->in_type, half);
		if (d->flags & EGRET_REDUCE_SCAN) {
			out = map_at(at(scratch, d->out), d->out_stride, d->out_type, i, EGRET_DIMS,
				     0, &out_half);
			scan += x.f;
			sum = wrap(sum + x.i, u);
			if (f32)
				put_float(out, d->out_type, out_half, scan, true, true);
			else
				put_int(out, d->out_type, out_half, sum, true);
		} else if (arg) {
			if (!j || wins(d, x, best, f32)) {
				best = x;
				best_at = j;
			}
		} else if (f32) {
			p[j % 32] = combine_float(d->op, p[j % 32], x.f);
		} else if (!j && (d->op == EGRET_REDUCE_MAX || d->op == EGRET_REDUCE_MIN)) {
			sum = x.i;
		} else {
			sum = combine_wide(d->op, sum, x.i, u);
		}
		j++;
	} while (next_index(i, d->dims, 0, d->reduced));
	if (d->flags & EGRET_REDUCE_SCAN)
		return;
	out = map_at(at(scratch, d->out), d->out_stride, d->out_type, i, EGRET_DIMS, 0, &out_half);
	if (arg) {
		put_int(out, d->out_type, out_half, best_at, true);
		return;
	}
	for (int h = 16; h; h /= 2)
		for (int l = 0; l < h; l++)
			p[l] = combine_float(join, p[l], p[l + h]);
	if (d->flags & EGRET_REDUCE_ACC) {
		p[0] = combine_float(join, get_float(out, d->out_type, out_half), p[0]);
		old = is_float(d->out_type) ? 0 : get_int(out, d->out_type, out_half);
		sum = combine_wide(join, wrap(old, u), sum, u);
	}
	if (f32)
		put_float(out, d->out_type, out_half, p[0], true, true);
	else
		put_int(out, d->out_type, out_half, sum, true);
}

void reference_reduce(uint8_t *scratch, const struct egret_reduce_desc *d)
{
	uint32_t i[EGRET_DIMS] = { 0 };

	do
		reduce_one(scratch, d, i);
	while (next_index(i, d->dims, d->reduced, EGRET_DIMS));
}

/* ---- Quantise ---------------------------------------------------------------- */

static void quant_block(const struct egret_quant_desc *d, uint8_t *plain, uint8_t *block,
			uint8_t *scale)
{
	float limit = d->block_type == EGRET_TYPE_S8 ? 127 : 7, most = 0, divisor, s;

	for (int i = 0; i < 32; i++)
		most = maximum(most, fabsf(get_float(plain + i * bytes_of(d->plain_type),
						     d->plain_type, 0)));
	divisor = most / limit;
	if (d->scale_type == EGRET_TYPE_E8M0) {
		int code = 0;

		while (code < 255 && !(ldexpl(1, code - 127) >= divisor))
			code++;
		*scale = (uint8_t)code;
	} else {
		put_float(scale, d->scale_type, 0, divisor, false, false);
	}
	s = get_float(scale, d->scale_type, 0);
	for (int i = 0; i < 32; i++) {
		float x = get_float(plain + i * bytes_of(d->plain_type), d->plain_type, 0) / s;
		int q = s == 0 || isnan(x) ? 0 : (int)fmaxf(fminf(nearbyintf(x), limit), -limit);

		if (d->block_type == EGRET_TYPE_S8)
			put_int(block + i, EGRET_TYPE_S8, 0, q, false);
		else if (d->flags & EGRET_QUANT_SPLIT)
			put_bits(block + i % 16, EGRET_TYPE_U4, i / 16, (uint64_t)(q + 8));
		else
			put_int(block + i / 2, EGRET_TYPE_S4, i % 2, q, false);
	}
}

static void dequant_block(const struct egret_quant_desc *d, uint8_t *plain, uint8_t *block,
			  uint8_t *scale)
{
	float s = get_float(scale, d->scale_type, 0);

	for (int i = 0; i < 32; i++) {
		wide q;

		if (d->block_type == EGRET_TYPE_S8)
			q = get_int(block + i, EGRET_TYPE_S8, 0);
		else if (d->flags & EGRET_QUANT_SPLIT)
			q = get_int(block + i % 16, EGRET_TYPE_U4, i / 16) - 8;
		else
			q = get_int(block + i / 2, EGRET_TYPE_S4, i % 2);
		put_float(plain + i * bytes_of(d->plain_type), d->plain_type, 0, (float)q * s, false,
			  false);
	}
}

void reference_quant(uint8_t *scratch, const struct egret_quant_desc *d)
{
	for (uint32_t r = 0; r < d->rows; r++) {
		for (uint32_t j = 0; j < d->cols / 32; j++) {
			uint8_t *plain = at(scratch, d->plain) + (int64_t)r * (int32_t)d->plain_pitch +
					 (int64_t)j * 32 * bytes_of(d->plain_type);
			uint8_t *block = at(scratch, d->block) + (int64_t)r * (int32_t)d->block_pitch +
					 (int64_t)j * d->block_step;
			uint8_t *scale = at(scratch, d->scale) + (int64_t)r * (int32_t)d->scale_pitch +
					 (int64_t)j * d->scale_step;

			if (d->flags & EGRET_QUANT_DEQUANT)
				dequant_block(d, plain, block, scale);
			else
				quant_block(d, plain, block, scale);
		}
	}
}

/* ---- DMA ----------------------------------------------------------------------- */

void reference_dma(uint8_t *scratch, uint8_t *memory, uint64_t size, const struct egret_dma_desc *d)
{
	uint32_t i[EGRET_DIMS] = { 0 };
	__le32 counts[EGRET_DIMS];

	for (int n = 0; n < EGRET_DIMS; n++)
		counts[n] = d->loop[n].count;
	do {
		int64_t coordinate[EGRET_DIMS] = { 0 };
		bool used[EGRET_DIMS] = { false }, exists = true;
		uint64_t global = d->global;
		int64_t local = d->local;

		for (int n = 0; n < EGRET_DIMS; n++) {
			int64_t j = i[n];

			if ((d->flags & EGRET_DMA_INDEXED) && n == d->index_loop)
				j = (int64_t)get_int(at(scratch, d->index) + 4 * (uint64_t)i[n],
						     EGRET_TYPE_S32, 0);
			global += (uint64_t)j * d->loop[n].global_stride;
			local += (int64_t)i[n] * (int32_t)d->loop[n].local_stride;
			if (d->loop[n].axis != EGRET_DMA_NO_AXIS) {
				coordinate[d->loop[n].axis] += j * (int32_t)d->loop[n].step;
				used[d->loop[n].axis] = true;
			}
		}
		for (int a = 0; a < EGRET_DIMS; a++) {
			int64_t c = (int32_t)d->axis[a].start + coordinate[a];

			if (used[a] && (c < 0 || c >= (int64_t)d->axis[a].extent))
				exists = false;
		}
		if (exists && (global > size || d->element > size - global)) {
			fprintf(stderr, "the reference was asked to leave memory\n");
			abort();
		}
		if (d->flags & EGRET_DMA_STORE) {
			if (exists)
				memcpy(memory + global, at(scratch, (uint32_t)local), d->element);
		} else if (exists) {
			memcpy(at(scratch, (uint32_t)local), memory + global, d->element);
		} else {
			for (int b = 0; b < d->element; b++)
				*(at(scratch, (uint32_t)local) + b) = (uint8_t)(d->fill >> (b % 8 * 8));
		}
	} while (next_index(i, counts, 0, EGRET_DIMS));
}
