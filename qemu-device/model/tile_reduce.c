// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Reduce: combine elements along the innermost dimensions.
 *
 * Sums and the like of F32 have 32 partial results, element j going to number j mod 32. An
 * output with many adjacent elements is computed by itself: the loops run over groups of
 * 32 elements. Where the elements of an output are few or far apart (pooling, sums over
 * columns), many outputs are computed side by side, each with partial results of its own.
 * Both ways add in the same order, and vectorise.
 */
#include <string.h>

#include "perf.h"
#include "tile.h"
#include "tile_math.h"
#include "tile_types.h"

#define CHUNK	256	/* a multiple of LANES */
#define LANES	32
#define COLUMNS	64	/* outputs side by side */

/* ---- Checks -------------------------------------------------------------- */

static bool is_arg(unsigned int op)
{
	return op == EGRET_REDUCE_ARGMAX || op == EGRET_REDUCE_ARGMIN;
}

static bool check_reserved(const struct egret_reduce_desc *d, struct egret_fault *fault)
{
	CHECK_FLAGS(flags, EGRET_REDUCE_FLAGS);
	CHECK_ZERO(reserved0, true);
	for (unsigned int i = 0; i < EGRET_DIMS; i++)
		CHECK_ZERO(out_stride[i], i < d->reduced && !(d->flags & EGRET_REDUCE_SCAN));
	CHECK_ZERO(reserved1, true);
	return true;
}

static bool flags_agree(const struct egret_reduce_desc *d)
{
	unsigned int f = d->flags;

	if ((f & EGRET_REDUCE_LAST) && !is_arg(d->op))
		return false;
	if ((f & EGRET_REDUCE_SCAN) && (d->op != EGRET_REDUCE_SUM || d->reduced != 1))
		return false;
	return !(f & EGRET_REDUCE_ACC) || (!is_arg(d->op) && !(f & EGRET_REDUCE_SCAN));
}

static bool check_fields(const struct egret_reduce_desc *d, struct egret_fault *fault)
{
	CHECK_FIELD(op, d->op < EGRET_REDUCE_COUNT);
	CHECK_FIELD(out_type, d->out_type < EGRET_TYPE_COUNT);
	CHECK_FIELD(in_type, d->in_type < EGRET_TYPE_COUNT);
	CHECK_FIELD(reduced, d->reduced && d->reduced <= EGRET_DIMS);
	CHECK_FIELD(flags, flags_agree(d));
	for (unsigned int i = 0; i < EGRET_DIMS; i++)
		CHECK_FIELD(dims[i], d->dims[i]);
	return true;
}

static bool types_fit(const struct egret_reduce_desc *d)
{
	if (!type_is_element(d->in_type) || !type_is_element(d->out_type))
		return false;
	if (is_arg(d->op) && type_is_float(d->out_type))
		return false;
	return !(d->flags & EGRET_REDUCE_ACC) ||
	       type_is_float(d->in_type) == type_is_float(d->out_type);
}

/* Extent of the dimensions from `first` on. */
static struct egret_extent block_extent(const struct egret_reduce_desc *d, unsigned int type,
					const __le32 *stride, unsigned int first)
{
	uint64_t bits = egret_type_bits(type);
	struct egret_extent e = egret_extent((bits + 7) / 8);

	for (unsigned int i = first; i < EGRET_DIMS; i++) {
		uint64_t count = d->dims[i];

		if (i == 0 && bits == 4)
			count = (count + 1) / 2;
		egret_extent_loop(&e, count, (int32_t)stride[i]);
	}
	return e;
}

bool egret_reduce_check(const struct egret_reduce_desc *d, struct egret_fault *fault)
{
	struct egret_extent e;
	uint64_t elements = 1;

	if (!check_reserved(d, fault) || !check_fields(d, fault))
		return false;
	if (!types_fit(d))
		return egret_desc_fault(fault, EGRET_FAULT_DESC_TYPE, DESC_OFFSET(out_type),
					d->out_type | (uint32_t)d->in_type << 8);
	for (unsigned int i = 0; i < EGRET_DIMS; i++)
		elements = egret_saturating_mul(elements, d->dims[i]);
	CHECK_FIELD(dims[0], elements <= EGRET_ELEMENTS_MAX);
	e = block_extent(d, d->out_type, d->out_stride,
			 d->flags & EGRET_REDUCE_SCAN ? 0 : d->reduced);
	if (!egret_extent_check(&e, d->out, DESC_OFFSET(out), fault))
		return false;
	e = block_extent(d, d->in_type, d->in_stride, 0);
	return egret_extent_check(&e, d->in, DESC_OFFSET(in), fault);
}

/* ---- Cost ---------------------------------------------------------------- */

uint64_t egret_reduce_cycles(const struct egret_reduce_desc *d)
{
	uint64_t row = (d->dims[0] + PERF_LANE_GROUP - 1) / PERF_LANE_GROUP * PERF_LANE_GROUP;
	uint64_t cost = d->flags & EGRET_REDUCE_SCAN ? PERF_SCAN : PERF_REDUCE;
	uint64_t rows = 1;

	for (unsigned int i = 1; i < EGRET_DIMS; i++)
		rows *= d->dims[i];
	if (egret_type_bits(d->in_type) == 64)
		cost *= 2;
	return PERF_TILE_SETUP + (rows * row * cost + PERF_LANES - 1) / PERF_LANES;
}

/* ---- Combining ----------------------------------------------------------- */

/* A reduction under way: partial results in one of the domains. */
struct partial {
	float f[LANES];
	int64_t i[LANES];
	/* ARGMAX and ARGMIN: the best so far */
	float best_f;
	int64_t best_i;
	uint64_t best_at;
	uint64_t j;		/* elements seen */
};

struct reduce {
	const struct egret_reduce_desc *d;
	const struct egret_stop *stop;
	bool f32;
	bool is_unsigned;
	struct egret_store store;
	struct partial p;
	union {
		float f[CHUNK];
		int64_t i[CHUNK];
	} v;
};

static inline float combine_f32(enum egret_reduce_op op, float p, float x)
{
	switch (op) {
	case EGRET_REDUCE_SUM:
		return p + x;
	case EGRET_REDUCE_SUMABS:
		return p + __builtin_fabsf(x);
	case EGRET_REDUCE_SUMSQ:
		return __builtin_fmaf(x, x, p);
	case EGRET_REDUCE_PROD:
		return p * x;
	case EGRET_REDUCE_MAX:
		return egret_math_max(p, x);
	default:
		return egret_math_min(p, x);
	}
}

static inline int64_t combine_int(enum egret_reduce_op op, bool is_unsigned, int64_t p, int64_t x)
{
	uint64_t u = (uint64_t)x;
	bool less = is_unsigned ? (uint64_t)p < u : p < x;

	switch (op) {
	case EGRET_REDUCE_SUM:
		return (int64_t)((uint64_t)p + u);
	case EGRET_REDUCE_SUMABS:
		return (int64_t)((uint64_t)p + (x < 0 && !is_unsigned ? -u : u));
	case EGRET_REDUCE_SUMSQ:
		return (int64_t)((uint64_t)p + u * u);
	case EGRET_REDUCE_PROD:
		return (int64_t)((uint64_t)p * u);
	case EGRET_REDUCE_MAX:
		return less ? x : p;
	default:
		return less ? p : x;
	}
}

/* How two partial results become one: sums of squares and of magnitudes are sums then. */
static enum egret_reduce_op joining(enum egret_reduce_op op)
{
	return op == EGRET_REDUCE_SUMSQ || op == EGRET_REDUCE_SUMABS ? EGRET_REDUCE_SUM : op;
}

static int64_t identity_int(enum egret_reduce_op op, bool is_unsigned)
{
	switch (op) {
	case EGRET_REDUCE_PROD:
		return 1;
	case EGRET_REDUCE_MAX:
		return is_unsigned ? 0 : INT64_MIN;
	case EGRET_REDUCE_MIN:
		return is_unsigned ? -1 : INT64_MAX;
	default:
		return 0;
	}
}

static float identity_f32(enum egret_reduce_op op)
{
	switch (op) {
	case EGRET_REDUCE_PROD:
		return 1;
	case EGRET_REDUCE_MAX:
		return -__builtin_inff();
	case EGRET_REDUCE_MIN:
		return __builtin_inff();
	default:
		return 0;
	}
}

/* One loop for each operation, so that it is a constant in them. */
#define GROUPS(op) do {								\
	for (; n >= LANES; n -= LANES, v += LANES)				\
		for (int l = 0; l < LANES; l++)					\
			p[l] = combine_f32(op, p[l], v[l]);			\
} while (0)

/* Whole groups of LANES; returns how many elements that were. */
EGRET_CLONES
static size_t add_groups(enum egret_reduce_op op, float *p, const float *v, size_t n)
{
	size_t all = n;

	switch (op) {
	case EGRET_REDUCE_SUM:
		GROUPS(EGRET_REDUCE_SUM);
		break;
	case EGRET_REDUCE_SUMABS:
		GROUPS(EGRET_REDUCE_SUMABS);
		break;
	case EGRET_REDUCE_SUMSQ:
		GROUPS(EGRET_REDUCE_SUMSQ);
		break;
	case EGRET_REDUCE_PROD:
		GROUPS(EGRET_REDUCE_PROD);
		break;
	case EGRET_REDUCE_MAX:
		GROUPS(EGRET_REDUCE_MAX);
		break;
	default:
		GROUPS(EGRET_REDUCE_MIN);
		break;
	}
	return all - n;
}

static void add_f32(struct reduce *r, size_t n)
{
	enum egret_reduce_op op = r->d->op;
	const float *v = r->v.f;
	size_t lane = r->p.j % LANES;

	for (; n && lane; n--, v++, lane = (lane + 1) % LANES)
		r->p.f[lane] = combine_f32(op, r->p.f[lane], *v);
	if (n) {
		size_t done = add_groups(op, r->p.f, v, n);

		v += done;
		n -= done;
		for (size_t l = 0; l < n; l++)
			r->p.f[l] = combine_f32(op, r->p.f[l], v[l]);
	}
}

static void add_int(struct reduce *r, size_t n)
{
	int64_t p = r->p.i[0];

	for (size_t i = 0; i < n; i++)
		p = combine_int(r->d->op, r->is_unsigned, p, r->v.i[i]);
	r->p.i[0] = p;
}

/* Does x replace the best so far? Equal ones do with LAST; the first element always does. */
static bool better_f32(const struct reduce *r, float x)
{
	bool last = r->d->flags & EGRET_REDUCE_LAST;
	float best = r->p.best_f;

	if (best != best)
		return last && x != x;
	if (x != x)
		return true;
	if (x == best)
		return last;
	return (r->d->op == EGRET_REDUCE_ARGMAX) == (x > best);
}

static bool better_int(const struct reduce *r, int64_t x)
{
	int64_t best = r->p.best_i;
	bool more = r->is_unsigned ? (uint64_t)x > (uint64_t)best : x > best;

	if (x == best)
		return r->d->flags & EGRET_REDUCE_LAST;
	return (r->d->op == EGRET_REDUCE_ARGMAX) == more;
}

/* One after the other. */
static void add_arg_slowly(struct reduce *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t j = r->p.j + i;

		if (r->f32 && (!j || better_f32(r, r->v.f[i]))) {
			r->p.best_f = r->v.f[i];
			r->p.best_at = j;
		} else if (!r->f32 && (!j || better_int(r, r->v.i[i]))) {
			r->p.best_i = r->v.i[i];
			r->p.best_at = j;
		}
	}
}

/* The largest (or smallest) of some numbers. False if one is none. */
EGRET_CLONES
static bool find_extreme(const float *v, size_t n, bool largest, float *extreme)
{
	unsigned int nans = 0;
	float p[LANES];

	for (int l = 0; l < LANES; l++)
		p[l] = v[0];
	for (; n >= LANES; n -= LANES, v += LANES)
		for (int l = 0; l < LANES; l++) {
			nans |= (unsigned int)(v[l] != v[l]);
			p[l] = (largest ? v[l] > p[l] : v[l] < p[l]) ? v[l] : p[l];
		}
	for (size_t l = 0; l < n; l++) {
		nans |= (unsigned int)(v[l] != v[l]);
		p[l] = (largest ? v[l] > p[l] : v[l] < p[l]) ? v[l] : p[l];
	}
	for (int h = LANES / 2; h; h /= 2)
		for (int l = 0; l < h; l++)
			p[l] = (largest ? p[l + h] > p[l] : p[l + h] < p[l]) ? p[l + h] : p[l];
	*extreme = p[0];
	return !nans;
}

/* The first or last of some numbers that equals one of them. */
EGRET_CLONES
static size_t find_equal(const float *v, size_t n, float x, bool last)
{
	size_t i = 0;

	if (last) {
		for (i = n - 1; v[i] != x; i--)
			;
		return i;
	}
	for (; i + LANES <= n; i += LANES) {
		unsigned int any = 0;

		for (int l = 0; l < LANES; l++)
			any |= (unsigned int)(v[i + l] == x);
		if (any)
			break;
	}
	for (; v[i] != x; i++)
		;
	return i;
}

static void add_arg(struct reduce *r, size_t n)
{
	bool last = r->d->flags & EGRET_REDUCE_LAST;
	float extreme;

	/* Of numbers the best one will do; with others the rule is another one. */
	if (!r->f32 || !find_extreme(r->v.f, n, r->d->op == EGRET_REDUCE_ARGMAX, &extreme)) {
		add_arg_slowly(r, n);
		return;
	}
	if (r->p.j && !better_f32(r, extreme))
		return;
	r->p.best_f = extreme;
	r->p.best_at = r->p.j + find_equal(r->v.f, n, extreme, last);
}

static void add(struct reduce *r, size_t n)
{
	if (is_arg(r->d->op))
		add_arg(r, n);
	else if (r->f32)
		add_f32(r, n);
	else
		add_int(r, n);
	r->p.j += n;
}

/* ---- One output ---------------------------------------------------------- */

static void begin(struct reduce *r)
{
	enum egret_reduce_op op = r->d->op;

	r->p.j = 0;
	r->p.i[0] = identity_int(op, r->is_unsigned);
	for (int l = 0; l < LANES; l++)
		r->p.f[l] = identity_f32(op);
}

static void load(struct reduce *r, const uint8_t *src, size_t first, size_t n)
{
	const struct egret_reduce_desc *d = r->d;
	int64_t stride = (int32_t)d->in_stride[0];

	if (r->f32)
		egret_load_f32(r->v.f, d->in_type, src, stride, first, n);
	else
		egret_load_i64(r->v.i, d->in_type, src, stride, first, n);
}

static void combine_dimensions(struct reduce *r, unsigned int level, const uint8_t *src)
{
	const struct egret_reduce_desc *d = r->d;

	if (level) {
		for (size_t i = 0; i < d->dims[level] && !egret_unit_stopped(r->stop); i++)
			combine_dimensions(r, level - 1,
					   src + (int64_t)i * (int32_t)d->in_stride[level]);
		return;
	}
	for (size_t first = 0; first < d->dims[0] && !egret_unit_stopped(r->stop); first += CHUNK) {
		size_t n = d->dims[0] - first < CHUNK ? d->dims[0] - first : CHUNK;

		load(r, src, first, n);
		add(r, n);
	}
}

static float join_f32(struct reduce *r)
{
	enum egret_reduce_op op = joining(r->d->op);

	for (int h = LANES / 2; h; h /= 2)
		for (int i = 0; i < h; i++)
			r->p.f[i] = combine_f32(op, r->p.f[i], r->p.f[i + h]);
	return r->p.f[0];
}

static void end(struct reduce *r, uint8_t *out)
{
	const struct egret_reduce_desc *d = r->d;
	enum egret_reduce_op op = joining(d->op);
	struct egret_store index = { .type = d->out_type, .saturate = true };

	if (is_arg(d->op)) {
		int64_t at = (int64_t)r->p.best_at;

		egret_store_i64(&at, &index, out, 0, 0, 1);
	} else if (r->f32) {
		float v = join_f32(r), old;

		if (d->flags & EGRET_REDUCE_ACC) {
			egret_load_f32(&old, d->out_type, out, 0, 0, 1);
			v = combine_f32(op, old, v);
		}
		egret_store_f32(&v, &r->store, out, 0, 0, 1);
	} else {
		int64_t v = r->p.i[0], old;

		if (d->flags & EGRET_REDUCE_ACC) {
			egret_load_i64(&old, d->out_type, out, 0, 0, 1);
			v = combine_int(op, r->is_unsigned, old, v);
		}
		egret_store_i64(&v, &r->store, out, 0, 0, 1);
	}
}

static void scan(struct reduce *r, uint8_t *out, const uint8_t *src)
{
	const struct egret_reduce_desc *d = r->d;
	int64_t stride = (int32_t)d->out_stride[0];
	int64_t sum = 0;
	float f = 0;

	for (size_t first = 0; first < d->dims[0] && !egret_unit_stopped(r->stop); first += CHUNK) {
		size_t n = d->dims[0] - first < CHUNK ? d->dims[0] - first : CHUNK;

		load(r, src, first, n);
		for (size_t i = 0; i < n; i++) {
			if (r->f32) {
				f += r->v.f[i];
				r->v.f[i] = f;
			} else {
				sum = (int64_t)((uint64_t)sum + (uint64_t)r->v.i[i]);
				r->v.i[i] = sum;
			}
		}
		if (r->f32)
			egret_store_f32(r->v.f, &r->store, out, stride, first, n);
		else
			egret_store_i64(r->v.i, &r->store, out, stride, first, n);
	}
}

/* ---- Outputs side by side ------------------------------------------------ */

/* Partial results of COLUMNS outputs. Integers, MAX and MIN need only one each. */
struct columns {
	float f[LANES][COLUMNS];
	int64_t i[COLUMNS];
	uint64_t j;
};

static uint64_t reduced_count(const struct egret_reduce_desc *d)
{
	uint64_t n = 1;

	for (unsigned int i = 0; i < d->reduced; i++)
		n *= d->dims[i];
	return n;
}

static bool columns_pay(const struct egret_reduce_desc *d)
{
	int64_t size = egret_type_bits(d->in_type) / 8, out_stride;

	if (is_arg(d->op) || (d->flags & EGRET_REDUCE_SCAN) || type_is_int4(d->in_type) ||
	    d->reduced == EGRET_DIMS || d->dims[d->reduced] < 4)
		return false;
	/* outputs that overlap are made one after the other */
	out_stride = (int32_t)d->out_stride[d->reduced];
	if (type_is_int4(d->out_type) || (out_stride < 0 ? -out_stride : out_stride) <
					 egret_type_bits(d->out_type) / 8)
		return false;
	return reduced_count(d) <= 64 || (int32_t)d->in_stride[0] != size;
}

#define COLUMN_LOOP(op) do {							\
	for (size_t i = 0; i < n; i++)						\
		p[i] = combine_f32(op, p[i], v[i]);				\
} while (0)

/* p[i] = p[i] op v[i] */
EGRET_CLONES
static void combine_columns(enum egret_reduce_op op, float *p, const float *v, size_t n)
{
	switch (op) {
	case EGRET_REDUCE_SUM:
		COLUMN_LOOP(EGRET_REDUCE_SUM);
		break;
	case EGRET_REDUCE_SUMABS:
		COLUMN_LOOP(EGRET_REDUCE_SUMABS);
		break;
	case EGRET_REDUCE_SUMSQ:
		COLUMN_LOOP(EGRET_REDUCE_SUMSQ);
		break;
	case EGRET_REDUCE_PROD:
		COLUMN_LOOP(EGRET_REDUCE_PROD);
		break;
	case EGRET_REDUCE_MAX:
		COLUMN_LOOP(EGRET_REDUCE_MAX);
		break;
	default:
		COLUMN_LOOP(EGRET_REDUCE_MIN);
		break;
	}
}

static bool order_matters(enum egret_reduce_op op)
{
	return op != EGRET_REDUCE_MAX && op != EGRET_REDUCE_MIN;
}

/* All elements of n outputs, in their order. */
static void add_columns(struct reduce *r, struct columns *c, unsigned int level,
			const uint8_t *src, size_t n)
{
	const struct egret_reduce_desc *d = r->d;
	int64_t stride = (int32_t)d->in_stride[d->reduced];
	size_t lane = order_matters(d->op) ? c->j % LANES : 0;

	if (level) {
		level--;
		for (size_t i = 0; i < d->dims[level] && !egret_unit_stopped(r->stop); i++)
			add_columns(r, c, level, src + (int64_t)i * (int32_t)d->in_stride[level], n);
		return;
	}
	if (r->f32) {
		egret_load_f32(r->v.f, d->in_type, src, stride, 0, n);
		combine_columns(d->op, c->f[lane], r->v.f, n);
	} else {
		egret_load_i64(r->v.i, d->in_type, src, stride, 0, n);
		for (size_t i = 0; i < n; i++)
			c->i[i] = combine_int(d->op, r->is_unsigned, c->i[i], r->v.i[i]);
	}
	c->j++;
}

/* Partial results that have no element are left out: they change nothing, being +0 or 1. */
static void join_columns(const struct reduce *r, struct columns *c, size_t n)
{
	enum egret_reduce_op op = joining(r->d->op);
	size_t lanes = !order_matters(op) ? 1 : c->j < LANES ? (size_t)c->j : LANES;

	for (size_t h = LANES / 2; h; h /= 2)
		for (size_t i = 0; i < h && i + h < lanes; i++)
			combine_columns(op, c->f[i], c->f[i + h], n);
}

static void store_columns(struct reduce *r, struct columns *c, uint8_t *out, size_t n)
{
	const struct egret_reduce_desc *d = r->d;
	enum egret_reduce_op op = joining(d->op);
	int64_t stride = (int32_t)d->out_stride[d->reduced];

	if (r->f32) {
		if (d->flags & EGRET_REDUCE_ACC) {
			egret_load_f32(r->v.f, d->out_type, out, stride, 0, n);
			combine_columns(op, r->v.f, c->f[0], n);
			memcpy(c->f[0], r->v.f, n * sizeof(float));
		}
		egret_store_f32(c->f[0], &r->store, out, stride, 0, n);
	} else {
		if (d->flags & EGRET_REDUCE_ACC) {
			egret_load_i64(r->v.i, d->out_type, out, stride, 0, n);
			for (size_t i = 0; i < n; i++)
				c->i[i] = combine_int(op, r->is_unsigned, r->v.i[i], c->i[i]);
		}
		egret_store_i64(c->i, &r->store, out, stride, 0, n);
	}
}

/* All outputs along the first dimension that remains. */
static void side_by_side(struct reduce *r, uint8_t *out, const uint8_t *src)
{
	const struct egret_reduce_desc *d = r->d;
	struct columns c;

	for (size_t first = 0; first < d->dims[d->reduced]; first += COLUMNS) {
		size_t left = d->dims[d->reduced] - first, n = left < COLUMNS ? left : COLUMNS;

		c.j = 0;
		for (size_t i = 0; i < n; i++)
			c.i[i] = identity_int(d->op, r->is_unsigned);
		for (size_t l = 0; r->f32 && l < LANES && l < reduced_count(d); l++)
			for (size_t i = 0; i < n; i++)
				c.f[l][i] = identity_f32(d->op);
		add_columns(r, &c, d->reduced,
			    src + (int64_t)first * (int32_t)d->in_stride[d->reduced], n);
		join_columns(r, &c, n);
		store_columns(r, &c, out + (int64_t)first * (int32_t)d->out_stride[d->reduced], n);
	}
}

/* ---- The block ------------------------------------------------------------ */

static void one(struct reduce *r, uint8_t *out, const uint8_t *src)
{
	if (r->d->flags & EGRET_REDUCE_SCAN) {
		scan(r, out, src);
		return;
	}
	begin(r);
	combine_dimensions(r, r->d->reduced - 1u, src);
	end(r, out);
}

/* The dimensions that remain, outermost first, down to `last`. */
static void each_output(struct reduce *r, unsigned int level, unsigned int last, uint8_t *out,
			const uint8_t *src)
{
	const struct egret_reduce_desc *d = r->d;

	if (level <= last) {
		if (last > d->reduced)
			side_by_side(r, out, src);
		else
			one(r, out, src);
		return;
	}
	level--;
	for (size_t i = 0; i < d->dims[level] && !egret_unit_stopped(r->stop); i++)
		each_output(r, level, last, out + (int64_t)i * (int32_t)d->out_stride[level],
			    src + (int64_t)i * (int32_t)d->in_stride[level]);
}

void egret_reduce_run(struct egret_tile *t, const struct egret_reduce_desc *d)
{
	struct reduce r = {
		.d = d,
		.stop = t->stop,
		.f32 = type_is_float(d->in_type),
		.is_unsigned = d->in_type == EGRET_TYPE_U64,
		.store = { .type = d->out_type, .saturate = true, .round_even = true },
	};

	r.store.is_unsigned = r.is_unsigned;
	each_output(&r, EGRET_DIMS, columns_pay(d) ? d->reduced + 1u : d->reduced,
		    egret_tile_local(t, d->out), egret_tile_local(t, d->in));
}
