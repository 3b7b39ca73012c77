// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The tile engine against the reference, on random descriptors.
 *
 * Both run on copies of the same scratchpad, which then have to be the same in every
 * byte: so nothing was written beside the output either. A failure prints the number
 * of the case; it is the seed of everything in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reference.h"
#include "rig.h"
#include "tile.h"
#include "tile_gemm.h"

/* ---- Scratchpads and operands in them ------------------------------------- */

struct bench {
	struct rig_random random;
	uint8_t *model;
	uint8_t *reference;
	struct egret_tile tile;
	uint32_t used;		/* first free local address */
};

static struct bench bench;

static int setup(void **state)
{
	(void)state;
	bench.model = calloc(1, EGRET_SCRATCH_SIZE);
	bench.reference = calloc(1, EGRET_SCRATCH_SIZE);
	return !bench.model || !bench.reference || egret_tile_init(&bench.tile, bench.model);
}

static int teardown(void **state)
{
	(void)state;
	egret_tile_fini(&bench.tile);
	free(bench.model);
	free(bench.reference);
	return 0;
}

static uint64_t below(uint64_t n)
{
	return rig_below(&bench.random, n);
}

static bool chance(unsigned int percent)
{
	return below(100) < percent;
}

/* Each case takes one of the host's micro-kernels: they must not differ. */
static void begin_case(uint64_t number)
{
	unsigned int kernels = 0;

	while (egret_gemm(kernels))
		kernels++;
	bench.tile.gemm = egret_gemm((unsigned int)(number % kernels));
	bench.random.state = number;
	bench.used = EGRET_LOCAL_SCRATCH;
	memset(bench.model, 0x5a, EGRET_SCRATCH_SIZE);
}

static unsigned int bits_of(unsigned int type)
{
	static const uint8_t bits[] = { 0, 8, 8, 16, 16, 32, 32, 64, 64, 16, 16, 32, 4, 4, 8 };

	return bits[type];
}

static uint32_t interesting_f32(void)
{
	static const uint32_t special[] = {
		0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000,
		0xffc12345, 0x00000001, 0x807fffff, 0x7f7fffff, 0x3f000000, 0x3fc00000, 0x4b000000,
	};
	float v;
	uint32_t bits;

	switch (below(12)) {
	case 0:
		return special[below(sizeof(special) / 4)];
	case 1:
		return (uint32_t)rig_random(&bench.random);
	case 2: /* ties */
		v = (float)((int)below(600) - 300) / 2;
		break;
	default:
		v = ((float)(int)below(2000001) - 1000000) / 100000;
		break;
	}
	memcpy(&bits, &v, 4);
	return bits;
}

/* Numbers that F16 and BF16 have among them. */
static uint16_t interesting_16(unsigned int type)
{
	uint32_t bits = interesting_f32();

	if (type == EGRET_TYPE_BF16)
		return (uint16_t)(bits >> 16);
	return chance(20) ? (uint16_t)rig_random(&bench.random) :
			    (uint16_t)((0x3000 + below(0x2000)) | (bits >> 31) << 15);
}

/* Fill `bytes` at a local address with elements of a type. */
static void fill(uint32_t local, unsigned int type, uint64_t bytes)
{
	uint8_t *p = bench.model + (local - EGRET_LOCAL_SCRATCH);
	bool small = chance(50);

	for (uint64_t i = 0; i < bytes; i++)
		p[i] = (uint8_t)rig_random(&bench.random);
	for (uint64_t i = 0; type == EGRET_TYPE_F32 && i + 4 <= bytes; i += 4) {
		uint32_t v = interesting_f32();

		memcpy(p + i, &v, 4);
	}
	for (uint64_t i = 0; bits_of(type) == 16 && type >= EGRET_TYPE_F16 && i + 2 <= bytes; i += 2) {
		uint16_t v = interesting_16(type);

		memcpy(p + i, &v, 2);
	}
	for (uint64_t i = 0; bits_of(type) == 64 && small && i + 8 <= bytes; i += 8) {
		int64_t v = (int64_t)below(200) - 100;

		memcpy(p + i, &v, 8);
	}
}

/* Room for `bytes`, at any alignment, filled with elements of a type. */
static uint32_t place(unsigned int type, uint64_t bytes)
{
	uint32_t local = bench.used + (uint32_t)below(5) * (chance(50) ? 16 : 1);

	assert_true(local + bytes <= EGRET_LOCAL_SCRATCH_END);
	bench.used = local + (uint32_t)bytes;
	fill(local, type, bytes);
	return local;
}

/* A random layout: strides of dimensions of `dims` elements, and the operand's address. */
static uint32_t lay_out(unsigned int type, const uint32_t *dims, __le32 *stride, bool may_broadcast)
{
	unsigned int order[EGRET_DIMS] = { 0, 1, 2, 3, 4 };
	uint64_t size = bits_of(type) < 8 ? 1 : bits_of(type) / 8, span;
	int64_t low = 0;
	uint32_t base;

	span = size;
	if (chance(30)) /* any order of dimensions in memory */
		for (int i = EGRET_DIMS - 1; i > 0; i--) {
			unsigned int j = (unsigned int)below((uint64_t)i + 1), t = order[i];

			order[i] = order[j];
			order[j] = t;
		}
	for (int i = 0; i < EGRET_DIMS; i++) {
		unsigned int n = order[i];
		uint64_t count = n == 0 && bits_of(type) == 4 ? (dims[0] + 1) / 2 : dims[n];
		int64_t step = (int64_t)span + (chance(20) ? (int64_t)below(7) : 0);

		if (may_broadcast && chance(15)) {
			stride[n] = 0;
			continue;
		}
		if (chance(15)) {
			low -= (int64_t)(count - 1) * step;
			stride[n] = (uint32_t)-step;
		} else {
			stride[n] = (uint32_t)step;
		}
		span = (count - 1) * (uint64_t)step + span;
	}
	base = place(type, span);
	return (uint32_t)((int64_t)base - low);
}

static void check_case(uint64_t number, unsigned int funct3, const union egret_desc *d,
		       void (*reference)(uint8_t *scratch, const union egret_desc *d))
{
	struct egret_fault fault = { 0 };

	memcpy(bench.reference, bench.model, EGRET_SCRATCH_SIZE);
	if (!egret_tile_check(funct3, d, &fault))
		fail_msg("case %llu: fault %#x at offset %#llx, value %#x",
			 (unsigned long long)number, fault.code, (unsigned long long)fault.addr,
			 fault.value);
	assert_true(egret_tile_cycles(funct3, d) > 0);
	if (!egret_tile_run(&bench.tile, funct3, d, &fault))
		fail_msg("case %llu: fault %#x in execution", (unsigned long long)number, fault.code);
	reference(bench.reference, d);
	if (!memcmp(bench.model, bench.reference, EGRET_SCRATCH_SIZE))
		return;
	for (uint32_t i = 0; i < EGRET_SCRATCH_SIZE; i++)
		if (bench.model[i] != bench.reference[i])
			fail_msg("case %llu: byte at %#x is %#x and should be %#x",
				 (unsigned long long)number, EGRET_LOCAL_SCRATCH + i,
				 bench.model[i], bench.reference[i]);
}

/* ---- Matrix multiply ------------------------------------------------------- */

static void run_matmul(uint8_t *scratch, const union egret_desc *d)
{
	reference_matmul(scratch, &d->product.desc, d->product.step);
}

static uint32_t some_size(void)
{
	switch (below(8)) {
	case 0:
		return 1;
	case 1:
		return (uint32_t)below(120) + 1;
	default:
		return (uint32_t)below(40) + 1;
	}
}

/* Stored rows of an operand or output: pitch, batch stride and address. */
static uint32_t place_matrix(const struct egret_matmul_desc *d, unsigned int type, uint64_t row,
			     uint32_t rows, __le32 *pitch, __le32 *batch, bool input)
{
	int64_t step = (int64_t)row + (chance(30) ? (int64_t)below(9) : 0);
	int64_t span = (int64_t)(rows - 1) * step + (int64_t)row;
	int64_t batch_step = input && chance(30) ? 0 : span + (int64_t)below(3);
	uint32_t base = place(type, (uint64_t)(batch_step * (d->batch - 1) + span));

	if (chance(15)) { /* upside down */
		base += (uint32_t)((rows - 1) * step);
		step = -step;
	}
	*pitch = (uint32_t)step;
	*batch = (uint32_t)batch_step;
	return base;
}

static const uint8_t int_types[] = { EGRET_TYPE_S8, EGRET_TYPE_U8, EGRET_TYPE_S4, EGRET_TYPE_U4 };
static const uint8_t float_types[] = { EGRET_TYPE_F16, EGRET_TYPE_BF16, EGRET_TYPE_F32 };
static const uint8_t scale_types[] = { EGRET_TYPE_F16, EGRET_TYPE_BF16, EGRET_TYPE_F32, EGRET_TYPE_E8M0 };

static uint8_t random_zero(unsigned int type)
{
	return (type == EGRET_TYPE_S8 || type == EGRET_TYPE_U8) && chance(60) ? (uint8_t)below(256) : 0;
}

/* A block-scaled operand: elements and scales, together or apart. */
static void place_blocks(struct egret_matmul_desc *d, bool a)
{
	uint32_t lines = a ? d->m : d->n, blocks = (d->k + 31) / 32;
	unsigned int type = chance(50) ? EGRET_TYPE_S8 : EGRET_TYPE_S4;
	unsigned int scale_type = scale_types[below(4)];
	uint32_t bytes = type == EGRET_TYPE_S8 ? 32 : 16, scale_bytes = bits_of(scale_type) / 8;
	uint32_t step = bytes + (chance(50) ? scale_bytes : 0);
	uint32_t pitch = step * blocks + (uint32_t)below(4), base;
	bool together = step > bytes;

	base = place(type, (uint64_t)pitch * lines);
	d->flags |= a ? EGRET_MATMUL_A_BLOCK : EGRET_MATMUL_B_BLOCK | EGRET_MATMUL_B_TRANS;
	if (type == EGRET_TYPE_S4 && chance(50))
		d->flags |= a ? EGRET_MATMUL_A_SPLIT : EGRET_MATMUL_B_SPLIT;
	if (a) {
		d->flags &= ~EGRET_MATMUL_A_TRANS;
		d->a_type = (uint8_t)type;
		d->a_zero = 0;
		d->a = base;
		d->a_pitch = pitch;
		d->a_batch = 0;
		d->a_block = (uint16_t)step;
		d->a_scale_type = (uint8_t)scale_type;
		d->a_scale = together ? base + bytes : place(scale_type, (uint64_t)lines * blocks * scale_bytes);
		d->a_scale_step = (uint16_t)(together ? step : scale_bytes);
		d->a_scale_pitch = together ? pitch : blocks * scale_bytes;
	} else {
		d->b_type = (uint8_t)type;
		d->b_zero = 0;
		d->b = base;
		d->b_pitch = pitch;
		d->b_batch = 0;
		d->b_block = (uint16_t)step;
		d->b_scale_type = (uint8_t)scale_type;
		d->b_scale = together ? base + bytes : place(scale_type, (uint64_t)lines * blocks * scale_bytes);
		d->b_scale_step = (uint16_t)(together ? step : scale_bytes);
		d->b_scale_pitch = together ? pitch : blocks * scale_bytes;
	}
}

static const uint8_t out_types[] = { EGRET_TYPE_S8, EGRET_TYPE_U8, EGRET_TYPE_S16, EGRET_TYPE_S32,
				     EGRET_TYPE_F16, EGRET_TYPE_BF16, EGRET_TYPE_F32 };
static const uint8_t exact_acts[] = { EGRET_ACT_RELU, EGRET_ACT_CLAMP, EGRET_ACT_LEAKY_RELU,
				      EGRET_ACT_HARD_SIGMOID, EGRET_ACT_HARD_SWISH };

static unsigned int act_parameters(unsigned int act)
{
	if (act == EGRET_ACT_CLAMP || act == EGRET_ACT_HARD_SIGMOID)
		return 2;
	return act == EGRET_ACT_LEAKY_RELU;
}

static void random_step(struct egret_matmul_desc *d, struct egret_matmul_step *s)
{
	memset(s, 0, sizeof(*s));
	s->op = (uint8_t)below(EGRET_STEP_COUNT);
	if (s->op == EGRET_STEP_ACT) {
		s->act = chance(10) ? EGRET_ACT_NONE : exact_acts[below(sizeof(exact_acts))];
		s->value = act_parameters(s->act) > 0 ? interesting_f32() : 0;
		s->pitch = act_parameters(s->act) > 1 ? interesting_f32() : 0;
		return;
	}
	s->operand = (uint8_t)(EGRET_STEP_CONST + below(4));
	switch (s->operand) {
	case EGRET_STEP_CONST:
		s->value = interesting_f32();
		break;
	case EGRET_STEP_N:
		s->value = place(EGRET_TYPE_F32, 4ull * d->n);
		break;
	case EGRET_STEP_M:
		s->value = place(EGRET_TYPE_F32, 4ull * d->m);
		break;
	default:
		if (chance(20)) { /* the output's memory */
			s->type = d->out_type;
			s->value = d->out;
			s->pitch = d->out_pitch;
			s->batch = d->out_batch;
			break;
		}
		s->type = out_types[below(sizeof(out_types))];
		s->value = place_matrix(d, s->type, (uint64_t)d->n * bits_of(s->type) / 8, d->m,
					&s->pitch, &s->batch, true);
		break;
	}
}

static void random_steps(struct egret_matmul_desc *d, struct egret_matmul_step *step)
{
	if (chance(70))
		return;
	d->steps = (uint8_t)(chance(10) ? EGRET_MATMUL_STEPS_MAX : 1 + below(3));
	for (unsigned int i = 0; i < d->steps; i++)
		random_step(d, &step[i]);
}

static void random_epilogue(struct egret_matmul_desc *d, bool f32)
{
	if (chance(40)) { /* nothing but the sums */
		d->out_type = f32 ? EGRET_TYPE_F32 : EGRET_TYPE_S32;
		return;
	}
	d->out_type = out_types[below(sizeof(out_types))];
	if (chance(40))
		d->flags |= EGRET_MATMUL_BIAS_ACC;
	else if (chance(40))
		d->flags |= EGRET_MATMUL_BIAS_OUT;
	if (d->flags & (EGRET_MATMUL_BIAS_ACC | EGRET_MATMUL_BIAS_OUT)) {
		bool is_f32 = f32 || (d->flags & EGRET_MATMUL_BIAS_OUT);

		if (chance(40))
			d->flags |= EGRET_MATMUL_BIAS_M;
		d->bias = place(is_f32 ? EGRET_TYPE_F32 : EGRET_TYPE_S32,
				4ull * (d->flags & EGRET_MATMUL_BIAS_M ? d->m : d->n));
	}
	switch (below(5)) {
	case 0:
		d->flags |= EGRET_MATMUL_SCALE_IMM;
		d->scale = interesting_f32();
		break;
	case 1:
		d->flags |= EGRET_MATMUL_SCALE_N;
		d->scale = place(EGRET_TYPE_F32, 4ull * d->n);
		break;
	case 2:
		d->flags |= EGRET_MATMUL_SCALE_M;
		d->scale = place(EGRET_TYPE_F32, 4ull * d->m);
		break;
	default:
		break;
	}
	if (chance(40))
		d->act = exact_acts[below(sizeof(exact_acts))];
	if (act_parameters(d->act) > 0)
		d->act_a = interesting_f32();
	if (act_parameters(d->act) > 1)
		d->act_b = interesting_f32();
	if (d->out_type < EGRET_TYPE_F16 && chance(50))
		d->out_zero = chance(20) ? (uint32_t)rig_random(&bench.random) :
					   (uint32_t)((int)below(300) - 150);
}

static void random_matmul(struct egret_matmul_desc *d, struct egret_matmul_step *step,
			  unsigned int kind)
{
	bool f32 = kind != 0;
	uint64_t a_row, b_row;

	memset(d, 0, sizeof(*d));
	d->m = some_size();
	d->n = some_size();
	d->k = some_size();
	d->batch = chance(20) ? (uint32_t)below(3) + 1 : 1;
	if (chance(10)) { /* whole panels of any implementation */
		d->batch = 1;
		d->m = chance(50) ? 12 : 24;
		d->n = 64 * (1 + (uint32_t)below(2));
	}
	if (chance(3)) { /* across the blocks of any implementation */
		d->batch = 1;
		d->m = (uint32_t)below(40) + 1;
		d->k = 250 + (uint32_t)below(30);
		d->n = (uint32_t)below(40) + 1;
		switch (below(3)) {
		case 0:
			d->m += 240;
			break;
		case 1:
			d->k += 250;
			break;
		default:
			d->n += 490;
			break;
		}
	}
	d->flags = (chance(50) ? EGRET_MATMUL_A_TRANS : 0) | (chance(50) ? EGRET_MATMUL_B_TRANS : 0);
	d->a_type = kind == 1 ? float_types[below(3)] : int_types[below(4)];
	d->b_type = kind == 1 ? d->a_type : int_types[below(4)];
	if (kind != 1 && chance(20)) { /* few rows and B along k: implementations may have a way for that */
		d->m = 1 + (uint32_t)below(5);
		d->flags |= EGRET_MATMUL_B_TRANS;
		if (chance(60)) { /* and whole blocks of 32, beyond what they may take at once */
			d->batch = 1;
			d->k = 32 * (1 + (uint32_t)below(chance(20) ? 20 : 4));
			d->n = 1 + (uint32_t)below(chance(20) ? 150 : 40);
		}
	}
	if (kind == 0 && chance(12)) { /* few rows and long lines along k, which need no packing */
		d->flags = EGRET_MATMUL_B_TRANS;
		d->a_type = EGRET_TYPE_S8;
		d->b_type = int_types[below(4)];
		d->batch = 1;
		d->m = 1 + (uint32_t)below(4);
		d->k = 4000 + (uint32_t)below(400);
		d->n = 1 + (uint32_t)below(9);
	}
	if (kind == 2) { /* blocks, at one side or both */
		unsigned int sides = (unsigned int)below(3) + 1;

		if (!(sides & 1) && chance(40))
			d->a_type = float_types[below(3)];
		if (!(sides & 2) && chance(40))
			d->b_type = float_types[below(3)];
		if (sides & 1)
			place_blocks(d, true);
		if (sides & 2)
			place_blocks(d, false);
	}
	if (!(d->flags & EGRET_MATMUL_A_BLOCK)) {
		bool trans = d->flags & EGRET_MATMUL_A_TRANS;

		d->a_zero = random_zero(d->a_type);
		a_row = ((uint64_t)(trans ? d->m : d->k) * bits_of(d->a_type) + 7) / 8;
		d->a = place_matrix(d, d->a_type, a_row, trans ? d->k : d->m, &d->a_pitch,
				    &d->a_batch, true);
	}
	if (!(d->flags & EGRET_MATMUL_B_BLOCK)) {
		bool trans = d->flags & EGRET_MATMUL_B_TRANS;

		d->b_zero = random_zero(d->b_type);
		b_row = ((uint64_t)(trans ? d->k : d->n) * bits_of(d->b_type) + 7) / 8;
		d->b = place_matrix(d, d->b_type, b_row, trans ? d->n : d->k, &d->b_pitch,
				    &d->b_batch, true);
	}
	random_epilogue(d, f32);
	d->out = place_matrix(d, d->out_type, (uint64_t)d->n * bits_of(d->out_type) / 8, d->m,
			      &d->out_pitch, &d->out_batch, false);
	random_steps(d, step);
	if (chance(40)) {
		d->flags |= EGRET_MATMUL_ACC;
		if (bits_of(d->out_type) == 32 && chance(50)) { /* in place */
			d->acc = d->out;
			d->acc_pitch = d->out_pitch;
			d->acc_batch = d->out_batch;
		} else {
			d->acc = place_matrix(d, f32 ? EGRET_TYPE_F32 : EGRET_TYPE_S32, 4ull * d->n,
					      d->m, &d->acc_pitch, &d->acc_batch, true);
		}
	}
}

static void matmul_cases(unsigned int kind, uint64_t first, uint64_t count)
{
	for (uint64_t number = first; number < first + count; number++) {
		union egret_desc d;

		begin_case(number);
		random_matmul(&d.product.desc, d.product.step, kind);
		check_case(number, EGRET_FUNCT3_MATMUL, &d, run_matmul);
	}
}

static void test_matmul_int(void **state)
{
	(void)state;
	matmul_cases(0, 1000000, 120);
}

static void test_matmul_float(void **state)
{
	(void)state;
	matmul_cases(1, 2000000, 120);
}

static void test_matmul_blocks(void **state)
{
	(void)state;
	matmul_cases(2, 3000000, 400);
}

/* Dividing k into steps that continue in acc gives the bits of one operation. */
static void test_matmul_tiling(void **state)
{
	static const uint32_t whole_k = 173;

	(void)state;
	for (uint64_t number = 4000000; number < 4000040; number++) {
		struct egret_matmul_desc d = { 0 };
		struct egret_fault fault;
		uint32_t once, parts, done = 0;

		begin_case(number);
		d.m = 13;
		d.n = 37;
		d.batch = 1;
		d.a_type = d.b_type = chance(50) ? EGRET_TYPE_F32 : EGRET_TYPE_S8;
		d.out_type = d.a_type == EGRET_TYPE_F32 ? EGRET_TYPE_F32 : EGRET_TYPE_S32;
		d.a_pitch = whole_k * bits_of(d.a_type) / 8;
		d.b_pitch = d.n * bits_of(d.b_type) / 8;
		d.out_pitch = 4 * d.n;
		d.a = place(d.a_type, (uint64_t)d.m * d.a_pitch);
		d.b = place(d.b_type, (uint64_t)whole_k * d.b_pitch);
		once = place(d.out_type, (uint64_t)d.m * d.out_pitch);
		parts = place(d.out_type, (uint64_t)d.m * d.out_pitch);
		d.k = whole_k;
		d.out = once;
		assert_true(egret_matmul_check(&d, NULL, &fault));
		egret_matmul_run(&bench.tile, &d, NULL);
		d.out = parts;
		while (done < whole_k) {
			d.k = (uint32_t)below(50) + 1;
			if (d.k > whole_k - done)
				d.k = whole_k - done;
			assert_true(egret_matmul_check(&d, NULL, &fault));
			egret_matmul_run(&bench.tile, &d, NULL);
			done += d.k;
			d.a += d.k * bits_of(d.a_type) / 8;
			d.b += d.k * d.b_pitch;
			d.flags = EGRET_MATMUL_ACC;
			d.acc = parts;
			d.acc_pitch = d.out_pitch;
		}
		assert_memory_equal(bench.model + (once - EGRET_LOCAL_SCRATCH),
				    bench.model + (parts - EGRET_LOCAL_SCRATCH),
				    (size_t)d.m * d.out_pitch);
	}
}

/* Two products, the second of which goes on where the first ends; A and B are of k = 96. */
static void continued_matmul(struct egret_matmul_desc *first, struct egret_matmul_desc *second)
{
	static const uint8_t types[] = { EGRET_TYPE_F32, EGRET_TYPE_BF16, EGRET_TYPE_S8,
					 EGRET_TYPE_U8, EGRET_TYPE_S4 };
	struct egret_matmul_desc d = { .m = some_size(), .n = some_size(), .batch = 1 };
	bool a_trans = chance(50), b_trans = chance(50);
	uint32_t bits;

	d.a_type = d.b_type = types[below(sizeof(types))];
	bits = bits_of(d.a_type);
	d.flags = (a_trans ? EGRET_MATMUL_A_TRANS : 0) | (b_trans ? EGRET_MATMUL_B_TRANS : 0);
	d.a_zero = random_zero(d.a_type);
	d.b_zero = random_zero(d.b_type);
	d.out_type = d.a_type <= EGRET_TYPE_U8 || bits == 4 ? EGRET_TYPE_S32 : EGRET_TYPE_F32;
	d.a_pitch = ((a_trans ? d.m : 96) * bits + 7) / 8 + 4 * (uint32_t)below(2);
	d.b_pitch = ((b_trans ? 96 : d.n) * bits + 7) / 8 + 4 * (uint32_t)below(2);
	d.out_pitch = 4 * (d.n + (uint32_t)below(2));
	d.a = place(d.a_type, (uint64_t)(a_trans ? 96 : d.m) * d.a_pitch);
	d.b = place(d.b_type, (uint64_t)(b_trans ? d.n : 96) * d.b_pitch);
	d.out = place(d.out_type, (uint64_t)d.m * d.out_pitch);
	d.k = 2 + 2 * (uint32_t)below(47);
	*second = d;
	second->k = 96 - d.k;
	second->flags |= EGRET_MATMUL_ACC;
	second->acc = d.out;
	second->acc_pitch = d.out_pitch;
	second->a += a_trans ? d.k * d.a_pitch : d.k * bits / 8;
	second->b += b_trans ? d.k * bits / 8 : d.k * d.b_pitch;
	if (chance(30)) { /* the first continues others */
		d.flags |= EGRET_MATMUL_ACC;
		d.acc = chance(50) ? d.out : place(d.out_type, (uint64_t)d.m * d.out_pitch);
		d.acc_pitch = d.out_pitch;
	}
	*first = d;
}

/* Make something else of the second, so that it may not be joined. Returns whether it did. */
static bool spoil(struct egret_matmul_desc *first, struct egret_matmul_desc *second)
{
	switch (below(16)) {
	case 0:
		second->a += 4;
		return true;
	case 1:
		second->b -= 4;
		return true;
	case 2:
		second->flags &= ~EGRET_MATMUL_ACC;
		second->acc = second->acc_pitch = 0;
		return true;
	case 3:
		second->acc += 4;
		return true;
	case 4: /* what the first leaves is of the second's A */
		first->out = second->out = second->acc = second->a & ~3u;
		return true;
	case 5:
		second->act = EGRET_ACT_RELU;
		return true;
	case 6:
		first->out_zero = second->out_zero = 1;
		return first->out_type == EGRET_TYPE_S32;
	case 7:
		first->act = second->act = EGRET_ACT_RELU;
		return true;
	default:
		return false;
	}
}

/* Products that the engine takes as one leave what they leave one after the other. */
static void test_matmul_joined(void **state)
{
	(void)state;
	for (uint64_t number = 4100000; number < 4100200; number++) {
		union egret_desc d, second;
		bool spoilt;

		begin_case(number);
		continued_matmul(&d.matmul, &second.matmul);
		spoilt = spoil(&d.matmul, &second.matmul);
		/* sums that are not aligned are kept elsewhere meanwhile */
		spoilt |= d.matmul.out % 4 != 0;
		memcpy(bench.reference, bench.model, EGRET_SCRATCH_SIZE);
		if (!spoilt) {
			run_matmul(bench.reference, &d);
			run_matmul(bench.reference, &second);
		}
		if (egret_matmul_join(&d.matmul, &second.matmul) == spoilt)
			fail_msg("case %llu: %s", (unsigned long long)number,
				 spoilt ? "joined" : "not joined");
		if (!spoilt)
			egret_matmul_run(&bench.tile, &d.matmul, NULL);
		if (memcmp(bench.model, bench.reference, EGRET_SCRATCH_SIZE))
			fail_msg("case %llu: other results", (unsigned long long)number);
	}
}

/* ---- Map --------------------------------------------------------------------- */

static void run_map(uint8_t *scratch, const union egret_desc *d)
{
	reference_map(scratch, &d->map);
}

static const uint8_t exact_ops[] = {
	EGRET_MAP_COPY, EGRET_MAP_NEG, EGRET_MAP_ABS, EGRET_MAP_SIGN, EGRET_MAP_NOT,
	EGRET_MAP_BITNOT, EGRET_MAP_FLOOR, EGRET_MAP_CEIL, EGRET_MAP_ROUND, EGRET_MAP_TRUNC,
	EGRET_MAP_ISNAN, EGRET_MAP_ISINF, EGRET_MAP_SQRT, EGRET_MAP_RSQRT, EGRET_MAP_RECIP,
	EGRET_MAP_RELU, EGRET_MAP_LEAKY_RELU, EGRET_MAP_ADD, EGRET_MAP_SUB, EGRET_MAP_MUL,
	EGRET_MAP_DIV, EGRET_MAP_REM, EGRET_MAP_MIN, EGRET_MAP_MAX, EGRET_MAP_AND, EGRET_MAP_OR,
	EGRET_MAP_XOR, EGRET_MAP_SHL, EGRET_MAP_SHR, EGRET_MAP_EQ, EGRET_MAP_NE, EGRET_MAP_LT,
	EGRET_MAP_LE, EGRET_MAP_GT, EGRET_MAP_GE, EGRET_MAP_SELECT, EGRET_MAP_FMA,
	EGRET_MAP_CLAMP,
};

static bool is_bit_op(unsigned int op)
{
	return op == EGRET_MAP_BITNOT || (op >= EGRET_MAP_AND && op <= EGRET_MAP_SHR);
}

/* Any type of elements; for bit operations an integer. */
static uint8_t random_type(bool integer)
{
	uint8_t type;

	do
		type = (uint8_t)(below(13) + 1);
	while (integer && type >= EGRET_TYPE_F16 && type <= EGRET_TYPE_F32);
	return type;
}

/* At most a few thousand elements. */
static void random_dims(__le32 *dims)
{
	for (int i = 0; i < EGRET_DIMS; i++)
		dims[i] = chance(50) ? 1 : (uint32_t)below(7) + 1;
	if (chance(20)) { /* squares, and many short rows */
		dims[0] = chance(50) ? (uint32_t)below(5) + 1 : (uint32_t)below(30) + 10;
		dims[1] = (uint32_t)below(dims[0] > 5 ? 30 : 150) + 10;
		dims[2] = (uint32_t)below(3) + 1;
		dims[3] = dims[4] = 1;
		return;
	}
	if (chance(40))
		dims[0] = (uint32_t)below(400) + 1;
	for (int i = 1; i < EGRET_DIMS && dims[0] > 50; i++)
		dims[i] = i < 2 ? (uint32_t)below(2) + 1 : 1;
}

static void random_indices(struct egret_map_desc *d)
{
	__le32 dims[EGRET_DIMS];

	memcpy(dims, d->dims, sizeof(dims));
	d->index_dim = (uint8_t)below(EGRET_DIMS);
	d->index_limit = (uint32_t)below(9) + 1;
	d->index = (place(EGRET_TYPE_U8, 4ull * dims[d->index_dim] + 3) + 3) & ~3u;
	for (uint32_t i = 0; i < dims[d->index_dim]; i++) {
		uint32_t v = (uint32_t)below(d->index_limit);

		memcpy(bench.model + (d->index - EGRET_LOCAL_SCRATCH) + 4 * i, &v, 4);
	}
}

static void random_map(struct egret_map_desc *d, unsigned int op)
{
	bool bits = is_bit_op(op);
	__le32 box[EGRET_DIMS];

	memset(d, 0, sizeof(*d));
	d->op = (uint8_t)op;
	d->out_type = random_type(false);
	d->a_type = chance(20) && !(bits && d->out_type >= EGRET_TYPE_F16 && d->out_type <= EGRET_TYPE_F32) ?
		    d->out_type : random_type(bits);
	d->flags = (chance(50) ? EGRET_MAP_SATURATE : 0) | (chance(50) ? EGRET_MAP_ROUND_EVEN : 0);
	random_dims(d->dims);
	if (chance(15))
		d->flags |= chance(50) ? EGRET_MAP_GATHER : EGRET_MAP_SCATTER;
	if (d->flags & (EGRET_MAP_GATHER | EGRET_MAP_SCATTER))
		random_indices(d);
	memcpy(box, d->dims, sizeof(box));
	if (d->flags & EGRET_MAP_GATHER)
		box[d->index_dim] = d->index_limit;
	if (!(d->flags & EGRET_MAP_GATHER) && chance(15)) {
		d->flags |= EGRET_MAP_A_IMM;
		d->a_type = chance(50) && !bits ? EGRET_TYPE_F32 : EGRET_TYPE_S32;
		d->a = d->a_type == EGRET_TYPE_F32 ? interesting_f32() :
						     (uint32_t)((int)below(40) - 20);
	} else {
		d->a = lay_out(d->a_type, box, d->a_stride, true);
	}
	if (op >= EGRET_MAP_ADD) {
		d->b_type = random_type(bits);
		if (chance(30)) {
			d->flags |= EGRET_MAP_B_IMM;
			d->b_type = chance(50) && !bits ? EGRET_TYPE_F32 : EGRET_TYPE_S32;
			d->b = d->b_type == EGRET_TYPE_F32 ? interesting_f32() :
							     (uint32_t)((int)below(40) - 20);
		} else {
			d->b = lay_out(d->b_type, d->dims, d->b_stride, true);
		}
	}
	if (op >= EGRET_MAP_SELECT) {
		d->c_type = random_type(bits);
		if (chance(30)) {
			d->flags |= EGRET_MAP_C_IMM;
			d->c_type = chance(50) ? EGRET_TYPE_F32 : EGRET_TYPE_S32;
			d->c = d->c_type == EGRET_TYPE_F32 ? interesting_f32() :
							     (uint32_t)((int)below(40) - 20);
		} else {
			d->c = lay_out(d->c_type, d->dims, d->c_stride, true);
		}
	}
	if (op == EGRET_MAP_LEAKY_RELU)
		d->param = interesting_f32();
	memcpy(box, d->dims, sizeof(box));
	if (d->flags & EGRET_MAP_SCATTER)
		box[d->index_dim] = d->index_limit;
	if (!(d->flags & (EGRET_MAP_SCATTER | EGRET_MAP_GATHER | EGRET_MAP_A_IMM)) && chance(15) &&
	    bits_of(d->out_type) == bits_of(d->a_type)) { /* in place */
		bool broadcast = false;

		for (int i = 0; i < EGRET_DIMS; i++)
			broadcast |= !d->a_stride[i] && d->dims[i] > 1;
		if (!broadcast) {
			d->out = d->a;
			memcpy(d->out_stride, d->a_stride, sizeof(d->out_stride));
			return;
		}
	}
	d->out = lay_out(d->out_type, box, d->out_stride, chance(10));
}

/* Taps of a window: the input at other places, and the weights one beside the other. */
static unsigned int make_taps(struct egret_map_desc *taps)
{
	static const int32_t steps[] = { 4, 4, 8, 12, -4, 40 };
	unsigned int count = 2 + (unsigned int)below(30);
	uint32_t x = (uint32_t)below(150) + 1, y = (uint32_t)below(4) + 1, channels = (uint32_t)below(4) + 1;
	uint32_t step = (uint32_t)steps[below(6)], pitch = 4 * x + 4 * (uint32_t)below(3);
	uint32_t reach = x * (uint32_t)abs((int32_t)step) + 4 * count, plane = y * reach;
	struct egret_map_desc d = {
		.op = EGRET_MAP_MUL, .out_type = EGRET_TYPE_F32, .a_type = EGRET_TYPE_F32,
		.b_type = EGRET_TYPE_F32, .dims = { x, y, channels, 1, 1 },
		.out_stride = { 4, pitch, y * pitch }, .a_stride = { step, reach, plane },
		.b_stride = { 0, 0, 4 * count },
	};
	uint32_t a;

	bench.used = (bench.used + 3) & ~3u;
	d.out = bench.used;
	d.a = d.out + channels * y * pitch;
	d.b = d.a + channels * plane;
	bench.used = d.b + channels * count * 4;
	fill(d.out, EGRET_TYPE_F32, bench.used - d.out);
	a = (int32_t)step < 0 ? d.a - (x - 1) * step : d.a;
	taps[0] = d;
	taps[0].a = a;
	if (chance(70)) {
		taps[0].op = EGRET_MAP_FMA;
		taps[0].c_type = EGRET_TYPE_F32;
		taps[0].c = chance(50) ? d.out : bench.used;
		taps[0].c_stride[0] = chance(50) ? 4 : 0;
		taps[0].c_stride[2] = 4;
		if (taps[0].c == d.out)
			memcpy(taps[0].c_stride, d.out_stride, sizeof(d.out_stride));
		fill(bench.used, EGRET_TYPE_F32, 4 * (x + channels));
	}
	for (unsigned int i = 1; i < count; i++) {
		taps[i] = d;
		taps[i].op = EGRET_MAP_FMA;
		taps[i].a = a + 4 * i;
		taps[i].b = d.b + 4 * i;
		taps[i].c_type = EGRET_TYPE_F32;
		taps[i].c = d.out;
		memcpy(taps[i].c_stride, d.out_stride, sizeof(d.out_stride));
	}
	return count;
}

/* Make something else of one, so that the sum ends before it. */
static bool spoil_tap(struct egret_map_desc *first, struct egret_map_desc *d)
{
	switch (below(16)) {
	case 0:
		d->op = EGRET_MAP_CLAMP;
		return true;
	case 1: /* it reads what the others write */
		d->a = d->out;
		memcpy(d->a_stride, first->a_stride, sizeof(d->a_stride));
		return true;
	case 2:
		d->b = d->out;
		return true;
	case 3:
		d->c = first->a;
		return true;
	case 4:
		d->dims[0]++;
		return true;
	case 5:
		d->b_stride[2] += 4;
		return true;
	case 6:
		d->flags = EGRET_MAP_C_IMM;
		memset(d->c_stride, 0, sizeof(d->c_stride));
		return true;
	case 7:
		d->a += 2;
		return true;
	case 8:
		d->out_type = d->c_type = EGRET_TYPE_S32;
		return true;
	default:
		return false;
	}
}

/* Maps that the engine takes as one leave what they leave one after the other. */
static void test_map_taps(void **state)
{
	(void)state;
	for (uint64_t number = 5200000; number < 5200400; number++) {
		struct egret_map_desc taps[EGRET_GEMM_TAPS];
		const struct egret_map_desc *d[EGRET_GEMM_TAPS];
		unsigned int count, spoilt, joined;

		begin_case(number);
		count = make_taps(taps);
		spoilt = 1 + (unsigned int)below(count - 1);
		if (!spoil_tap(&taps[0], &taps[spoilt]))
			spoilt = count;
		for (unsigned int i = 0; i < count; i++)
			d[i] = &taps[i];
		joined = egret_taps_count(d, count);
		if (joined != spoilt)
			fail_msg("case %llu: %u joined, not %u", (unsigned long long)number, joined, spoilt);
		memcpy(bench.reference, bench.model, EGRET_SCRATCH_SIZE);
		for (unsigned int i = 0; i < joined; i++)
			reference_map(bench.reference, &taps[i]);
		if (joined > 1)
			egret_taps_run(&bench.tile, d, joined);
		if (joined > 1 && memcmp(bench.model, bench.reference, EGRET_SCRATCH_SIZE))
			fail_msg("case %llu: other results", (unsigned long long)number);
	}
}

/* Sums that are read or written by their own terms are none. */
static void test_map_no_taps(void **state)
{
	struct egret_map_desc taps[EGRET_GEMM_TAPS];
	const struct egret_map_desc *d[2] = { &taps[0], &taps[1] };

	(void)state;
	begin_case(5300000);
	do
		make_taps(taps);
	while (taps[0].op != EGRET_MAP_FMA || taps[0].dims[0] < 3 || taps[0].dims[1] < 2);
	assert_int_equal(egret_taps_count(d, 2), 2);
	assert_int_equal(egret_taps_count(d, 1), 1);
	taps[0].a = taps[0].out;			/* the first reads its own result */
	assert_int_equal(egret_taps_count(d, 2), 1);
	make_taps(taps);
	taps[0].out_stride[1] = taps[1].out_stride[1] = taps[1].c_stride[1] = 4; /* rows over each other */
	taps[0].dims[0] = taps[1].dims[0] = 3;
	taps[0].dims[1] = taps[1].dims[1] = 2;
	assert_int_equal(egret_taps_count(d, 2), 1);
	make_taps(taps);
	taps[0].b_stride[0] = taps[1].b_stride[0] = 4;	/* a factor for each element */
	taps[0].dims[0] = taps[1].dims[0] = 3;
	assert_int_equal(egret_taps_count(d, 2), 1);
	make_taps(taps);
	taps[0].op = EGRET_MAP_FMA;
	taps[0].c_type = EGRET_TYPE_F32;
	taps[0].c = taps[0].out + 4;			/* it begins with sums beside its own */
	memcpy(taps[0].c_stride, taps[0].out_stride, sizeof(taps[0].c_stride));
	assert_int_equal(egret_taps_count(d, 2), 1);
}

static void test_map(void **state)
{
	uint64_t number = 5000000;

	(void)state;
	for (unsigned int round = 0; round < 12; round++) {
		for (unsigned int i = 0; i < sizeof(exact_ops); i++, number++) {
			union egret_desc d;

			begin_case(number);
			random_map(&d.map, exact_ops[i]);
			assert_true(reference_map_is_exact(d.map.op));
			check_case(number, EGRET_FUNCT3_MAP, &d, run_map);
		}
	}
}

/* F32 in rows of adjacent elements, or with `step` elements from one to the next (0: one for all). */
static uint32_t lay_rows(const uint32_t *dims, __le32 *stride, uint32_t step)
{
	uint32_t span = 4 * (step ? (dims[0] - 1) * step + 1 : 1) + 4 * (uint32_t)below(3);

	stride[0] = 4 * step;
	stride[1] = span;
	stride[2] = span * dims[1];
	return (place(EGRET_TYPE_F32, (uint64_t)span * dims[1] * dims[2] + 3) + 3) & ~3u;
}

/* What models do most: F32 in rows, some of them in place. */
static void random_rows(struct egret_map_desc *d, unsigned int op)
{
	memset(d, 0, sizeof(*d));
	d->op = (uint8_t)op;
	d->out_type = d->a_type = EGRET_TYPE_F32;
	d->dims[0] = (uint32_t)below(chance(20) ? 9000 : 300) + 1;
	d->dims[1] = (uint32_t)below(d->dims[0] > 300 ? 2 : 6) + 1;
	d->dims[2] = (uint32_t)below(2) + 1;
	d->dims[3] = d->dims[4] = 1;
	d->a = lay_rows(d->dims, d->a_stride, chance(30) ? 2 : 1);
	if (op >= EGRET_MAP_ADD) {
		d->b_type = EGRET_TYPE_F32;
		d->flags |= chance(30) ? EGRET_MAP_B_IMM : 0;
		d->b = d->flags & EGRET_MAP_B_IMM ? interesting_f32() :
		       lay_rows(d->dims, d->b_stride, (uint32_t)below(2));
	}
	if (op >= EGRET_MAP_SELECT) {
		d->c_type = EGRET_TYPE_F32;
		d->flags |= chance(30) ? EGRET_MAP_C_IMM : 0;
		d->c = d->flags & EGRET_MAP_C_IMM ? interesting_f32() :
		       lay_rows(d->dims, d->c_stride, (uint32_t)below(2));
	}
	if (op == EGRET_MAP_LEAKY_RELU)
		d->param = interesting_f32();
	if (chance(20) && d->a_stride[0] == 4) {
		d->out = d->a;
		memcpy(d->out_stride, d->a_stride, sizeof(d->out_stride));
	} else if (chance(30) && d->c_stride[0]) {
		d->out = d->c;
		memcpy(d->out_stride, d->c_stride, sizeof(d->out_stride));
	} else {
		d->out = lay_rows(d->dims, d->out_stride, 1);
	}
}

static void test_map_rows(void **state)
{
	uint64_t number = 9000000;

	(void)state;
	for (unsigned int round = 0; round < 16; round++) {
		for (unsigned int i = 0; i < sizeof(exact_ops); i++, number++) {
			union egret_desc d;

			if (is_bit_op(exact_ops[i]))
				continue;
			begin_case(number);
			random_rows(&d.map, exact_ops[i]);
			check_case(number, EGRET_FUNCT3_MAP, &d, run_map);
		}
	}
}

/* Every F16 and BF16 number to every type, and the numbers around their ties from F32. */
static void test_conversions(void **state)
{
	(void)state;
	for (unsigned int from = EGRET_TYPE_F16; from <= EGRET_TYPE_BF16; from++) {
		for (unsigned int to = EGRET_TYPE_S8; to <= EGRET_TYPE_U4; to++) {
			union egret_desc d = { .map = {
				.op = EGRET_MAP_COPY,
				.a_type = (uint8_t)from,
				.out_type = (uint8_t)to,
				.flags = to & 1 ? EGRET_MAP_SATURATE : EGRET_MAP_ROUND_EVEN,
				.dims = { 65536, 1, 1, 1, 1 },
				.a_stride = { 2 },
				.out_stride = { bits_of(to) < 8 ? 1 : bits_of(to) / 8 },
				.a = EGRET_LOCAL_SCRATCH,
				.out = EGRET_LOCAL_SCRATCH + 0x20000,
			} };

			for (uint32_t i = 0; i < 65536; i++)
				memcpy(bench.model + 2 * i, &(uint16_t){ (uint16_t)i }, 2);
			check_case(from * 100 + to, EGRET_FUNCT3_MAP, &d, run_map);
		}
	}
	for (unsigned int to = EGRET_TYPE_F16; to <= EGRET_TYPE_BF16; to++) {
		union egret_desc d = { .map = {
			.op = EGRET_MAP_NEG,
			.a_type = EGRET_TYPE_F32,
			.out_type = (uint8_t)to,
			.dims = { 65536, 1, 1, 1, 1 },
			.a_stride = { 4 },
			.out_stride = { 2 },
			.a = EGRET_LOCAL_SCRATCH,
			.out = EGRET_LOCAL_SCRATCH + 0x40000,
		} };
		unsigned int cut = to == EGRET_TYPE_F16 ? 13 : 16;

		for (uint64_t part = 0; part < 6; part++) {
			bench.random.state = part;
			for (uint32_t i = 0; i < 65536; i++) {
				/* at, just below and just above the middle between two numbers */
				uint32_t v = (uint32_t)rig_random(&bench.random) >> cut << cut;

				v |= (1u << (cut - 1)) + (uint32_t)below(3) - 1;
				if (to == EGRET_TYPE_F16 && part & 1)
					v = (v & 0x81ffffff) | (uint32_t)(100 + below(20)) << 23;
				memcpy(bench.model + 4 * i, &v, 4);
			}
			check_case(part * 100 + to, EGRET_FUNCT3_MAP, &d, run_map);
		}
	}
}

/* Copies of all sizes of elements, at all orders of dimensions in memory. */
static void test_copy(void **state)
{
	(void)state;
	for (uint64_t number = 8000000; number < 8000150; number++) {
		union egret_desc d = { .map = { .op = EGRET_MAP_COPY } };

		begin_case(number);
		d.map.a_type = d.map.out_type = random_type(false);
		random_dims(d.map.dims);
		d.map.a = lay_out(d.map.a_type, d.map.dims, d.map.a_stride, true);
		d.map.out = lay_out(d.map.out_type, d.map.dims, d.map.out_stride, chance(10));
		check_case(number, EGRET_FUNCT3_MAP, &d, run_map);
	}
}

/* ---- Reduce ------------------------------------------------------------------ */

static void run_reduce(uint8_t *scratch, const union egret_desc *d)
{
	reference_reduce(scratch, &d->reduce);
}

static void random_reduce(struct egret_reduce_desc *d, unsigned int op)
{
	bool arg = op == EGRET_REDUCE_ARGMAX || op == EGRET_REDUCE_ARGMIN;
	__le32 kept[EGRET_DIMS];

	memset(d, 0, sizeof(*d));
	d->op = (uint8_t)op;
	d->in_type = random_type(false);
	d->out_type = random_type(arg);
	d->reduced = (uint8_t)(below(EGRET_DIMS) + 1);
	random_dims(d->dims);
	if (arg && chance(50))
		d->flags |= EGRET_REDUCE_LAST;
	if (op == EGRET_REDUCE_SUM && chance(25)) {
		d->flags |= EGRET_REDUCE_SCAN;
		d->reduced = 1;
	} else if (!arg && chance(30)) {
		d->flags |= EGRET_REDUCE_ACC;
		d->out_type = d->in_type;
	}
	memcpy(kept, d->dims, sizeof(kept));
	if (!(d->flags & EGRET_REDUCE_SCAN))
		for (unsigned int i = 0; i < d->reduced; i++)
			kept[i] = 1;
	d->in = lay_out(d->in_type, d->dims, d->in_stride, true);
	d->out = lay_out(d->out_type, kept, d->out_stride, false);
	if (!(d->flags & EGRET_REDUCE_SCAN))
		for (unsigned int i = 0; i < d->reduced; i++)
			d->out_stride[i] = 0;
}

static void test_reduce(void **state)
{
	uint64_t number = 6000000;

	(void)state;
	for (unsigned int round = 0; round < 30; round++) {
		for (unsigned int op = 0; op < EGRET_REDUCE_COUNT; op++, number++) {
			union egret_desc d;

			begin_case(number);
			random_reduce(&d.reduce, op);
			check_case(number, EGRET_FUNCT3_REDUCE, &d, run_reduce);
		}
	}
}

/* ---- Quantise ---------------------------------------------------------------- */

static void run_quant(uint8_t *scratch, const union egret_desc *d)
{
	reference_quant(scratch, &d->quant);
}

static void random_quant(struct egret_quant_desc *d)
{
	uint32_t blocks, block_bytes, scale_bytes, plain_row;
	bool together = chance(50);

	memset(d, 0, sizeof(*d));
	d->flags = chance(50) ? EGRET_QUANT_DEQUANT : 0;
	d->plain_type = float_types[below(3)];
	d->block_type = chance(50) ? EGRET_TYPE_S8 : EGRET_TYPE_S4;
	d->scale_type = scale_types[below(4)];
	if (d->block_type == EGRET_TYPE_S4 && chance(50))
		d->flags |= EGRET_QUANT_SPLIT;
	d->rows = (uint32_t)below(5) + 1;
	blocks = (uint32_t)below(5) + 1;
	d->cols = 32 * blocks;
	block_bytes = d->block_type == EGRET_TYPE_S8 ? 32 : 16;
	scale_bytes = bits_of(d->scale_type) / 8;
	plain_row = d->cols * bits_of(d->plain_type) / 8;
	d->plain_pitch = plain_row + (uint32_t)below(9);
	d->plain = place(d->plain_type, (uint64_t)d->rows * d->plain_pitch);
	d->block_step = (uint16_t)(block_bytes + (together ? scale_bytes : 0));
	d->block_pitch = d->block_step * blocks + (uint32_t)below(4);
	d->block = place(d->block_type, (uint64_t)d->rows * d->block_pitch);
	if (together) {
		d->scale = d->block + block_bytes;
		d->scale_step = d->block_step;
		d->scale_pitch = d->block_pitch;
	} else {
		d->scale_step = (uint16_t)scale_bytes;
		d->scale_pitch = scale_bytes * blocks;
		d->scale = place(d->scale_type, (uint64_t)d->rows * d->scale_pitch);
	}
}

static void test_quant(void **state)
{
	(void)state;
	for (uint64_t number = 7000000; number < 7000300; number++) {
		union egret_desc d;

		begin_case(number);
		random_quant(&d.quant);
		check_case(number, EGRET_FUNCT3_QUANT, &d, run_quant);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matmul_int),
		cmocka_unit_test(test_matmul_float),
		cmocka_unit_test(test_matmul_blocks),
		cmocka_unit_test(test_matmul_tiling),
		cmocka_unit_test(test_matmul_joined),
		cmocka_unit_test(test_map_taps),
		cmocka_unit_test(test_map_no_taps),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_map_rows),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_conversions),
		cmocka_unit_test(test_reduce),
		cmocka_unit_test(test_quant),
	};

	return cmocka_run_group_tests_name("tile", tests, setup, teardown);
}
