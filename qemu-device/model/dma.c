// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * The DMA unit.
 *
 * A descriptor is first simplified (plan()): axes that no coordinate leaves are not
 * checked any more, loops of one iteration go away, and a loop whose iterations lie
 * one behind the other on both sides is merged into the one inside it. What remains is
 * done row by row, a row being the innermost loop. Along a row at most one axis changes,
 * linearly, so the elements that exist are one interval of it, and the others are
 * filled before and behind.
 */
#include "dma.h"

#include <string.h>

#include "mmu.h"
#include "perf.h"

struct loop {
	uint64_t count;
	int64_t local_stride;
	int64_t global_stride;
	int64_t step;
	int axis;		/* -1: none that matters */
	const uint8_t *index;	/* table of 32-bit words, or NULL */
};

struct plan {
	struct loop loop[EGRET_DIMS];
	unsigned int loops;	/* at least 1 */
	int64_t start[EGRET_DIMS];	/* coordinate on each axis */
	int64_t extent[EGRET_DIMS];
	unsigned int element;
};

bool egret_dma_check(const struct egret_dma_desc *d, struct egret_fault *fault)
{
	struct egret_extent extent = egret_extent(d->element);
	struct egret_extent table = egret_extent(4);
	bool indexed = d->flags & EGRET_DMA_INDEXED;
	uint64_t elements = 1;

	CHECK_ZERO(index, !indexed);
	CHECK_FLAGS(flags, EGRET_DMA_STORE | EGRET_DMA_INDEXED);
	CHECK_ZERO(index_loop, !indexed);
	CHECK_ZERO(reserved0, true);
	CHECK_ZERO(reserved1, true);
	CHECK_FIELD(index, d->index % 4 == 0);
	CHECK_FIELD(element, d->element == 1 || d->element == 2 || d->element == 4 ||
			     d->element == 8 || d->element == 16);
	CHECK_FIELD(index_loop, d->index_loop < EGRET_DIMS);
	for (unsigned int i = 0; i < EGRET_DIMS; i++) {
		CHECK_FIELD(loop[i].count, d->loop[i].count);
		CHECK_FIELD(loop[i].axis, d->loop[i].axis < EGRET_DIMS ||
					  d->loop[i].axis == EGRET_DMA_NO_AXIS);
		egret_extent_loop(&extent, d->loop[i].count, (int32_t)d->loop[i].local_stride);
		elements = egret_saturating_mul(elements, d->loop[i].count);
	}
	CHECK_FIELD(loop[0].count, elements <= EGRET_ELEMENTS_MAX);
	if (!egret_extent_check(&extent, d->local, DESC_OFFSET(local), fault))
		return false;
	if (!indexed)
		return true;
	egret_extent_loop(&table, d->loop[d->index_loop].count, 4);
	return egret_extent_check(&table, d->index, DESC_OFFSET(index), fault);
}

/* Can a coordinate on the axis be outside the tensor? */
static bool axis_matters(const struct egret_dma_desc *d, unsigned int axis)
{
	__int128 low = (int32_t)d->axis[axis].start, high = low;

	for (unsigned int i = 0; i < EGRET_DIMS; i++) {
		__int128 last = (__int128)(d->loop[i].count - 1) * (int32_t)d->loop[i].step;

		if (d->loop[i].axis != axis)
			continue;
		if ((d->flags & EGRET_DMA_INDEXED) && i == d->index_loop)
			return true;
		if (last < 0)
			low += last;
		else
			high += last;
	}
	return low < 0 || high >= d->axis[axis].extent;
}

static bool axis_is_used(const struct egret_dma_desc *d, unsigned int axis)
{
	for (unsigned int i = 0; i < EGRET_DIMS; i++)
		if (d->loop[i].axis == axis)
			return true;
	return false;
}

/* Is `outer` the continuation of `inner`? */
static bool mergeable(const struct loop *inner, const struct loop *outer)
{
	return inner->axis < 0 && outer->axis < 0 && !inner->index && !outer->index &&
	       outer->local_stride == (int64_t)inner->count * inner->local_stride &&
	       outer->global_stride == (int64_t)((uint64_t)inner->global_stride * inner->count);
}

static void plan(struct plan *p, const struct egret_dma_desc *d, const uint8_t *scratch)
{
	bool matters[EGRET_DIMS];

	memset(p, 0, sizeof(*p));
	p->element = d->element;
	for (unsigned int a = 0; a < EGRET_DIMS; a++) {
		matters[a] = axis_is_used(d, a) && axis_matters(d, a);
		p->start[a] = matters[a] ? (int32_t)d->axis[a].start : 0;
		p->extent[a] = matters[a] ? (int64_t)d->axis[a].extent : 1;
	}
	for (unsigned int i = 0; i < EGRET_DIMS; i++) {
		bool indexed = (d->flags & EGRET_DMA_INDEXED) && i == d->index_loop;
		struct loop l = {
			.count = d->loop[i].count,
			.local_stride = (int32_t)d->loop[i].local_stride,
			.global_stride = (int64_t)d->loop[i].global_stride,
			.step = (int32_t)d->loop[i].step,
			.axis = -1,
			.index = indexed ? scratch + (d->index - EGRET_LOCAL_SCRATCH) : NULL,
		};

		if (l.count == 1 && !indexed)
			continue;
		if (d->loop[i].axis != EGRET_DMA_NO_AXIS && matters[d->loop[i].axis])
			l.axis = (int)d->loop[i].axis;
		if (p->loops && mergeable(&p->loop[p->loops - 1], &l))
			p->loop[p->loops - 1].count *= l.count;
		else
			p->loop[p->loops++] = l;
	}
	if (!p->loops)
		p->loop[p->loops++] = (struct loop){ .count = 1, .axis = -1 };
}

/* Are the elements of a row adjacent on both sides? */
static bool row_is_dense(const struct plan *p)
{
	const struct loop *row = &p->loop[0];

	return !row->index && (row->count == 1 || (row->local_stride == p->element &&
						   row->global_stride == p->element));
}

uint64_t egret_dma_cycles(const struct egret_dma_desc *d)
{
	/* The table's contents do not matter here, only that there is one. */
	static const uint8_t no_scratch[1];
	uint64_t rows = 1, runs, run_bytes, bytes, granules, most;
	struct plan p;

	plan(&p, d, no_scratch);
	for (unsigned int i = 1; i < p.loops; i++)
		rows *= p.loop[i].count;
	runs = row_is_dense(&p) ? rows : rows * p.loop[0].count;
	run_bytes = row_is_dense(&p) ? p.loop[0].count * p.element : p.element;
	bytes = runs * run_bytes;
	granules = runs * ((run_bytes + PERF_DMA_GRANULE - 1) / PERF_DMA_GRANULE);
	most = runs * PERF_DMA_RUN;
	if (most < bytes / PERF_DMA_LOCAL_BYTES)
		most = bytes / PERF_DMA_LOCAL_BYTES;
	if (most < granules * PERF_DMA_GRANULE / PERF_DMA_DEVICE_BYTES)
		most = granules * PERF_DMA_GRANULE / PERF_DMA_DEVICE_BYTES;
	return PERF_DMA_SETUP + most;
}

/* A transfer under way. */
struct transfer {
	const struct plan *plan;
	struct egret_port *port;
	struct egret_fault *fault;
	uint8_t fill[16];
	bool store;
};

/* Move @size adjacent bytes. */
static inline bool move(struct transfer *t, uint8_t *local, uint64_t va, size_t size)
{
	struct egret_port *port = t->port;
	size_t avail;
	uint8_t *p;

	p = egret_port_map(port, va, t->store ? EGRET_ACCESS_WRITE : EGRET_ACCESS_READ, &avail);
	if (p && avail >= size) {
		if (t->store) {
			memcpy(p, local, size);
			port->vram_write += size;
		} else {
			memcpy(local, p, size);
			port->vram_read += size;
		}
		return true;
	}
	if (t->store)
		return !egret_port_write(port, va, local, size, t->fault);
	return !egret_port_read(port, va, local, size, EGRET_ACCESS_READ, t->fault);
}

static void fill(struct transfer *t, uint8_t *local, uint64_t count)
{
	unsigned int element = t->plan->element;
	int64_t stride = t->plan->loop[0].local_stride;

	if (t->store)
		return;
	for (uint64_t i = 0; i < count; i++)
		memcpy(local + (int64_t)i * stride, t->fill, element);
}

static inline int64_t index_of(const struct loop *l, uint64_t i)
{
	int32_t v;

	if (!l->index)
		return (int64_t)i;
	memcpy(&v, l->index + 4 * i, sizeof(v));
	return v;
}

/* Which iterations first..end-1 of a row exist: 0 <= c + i * step < extent. */
static void clip(const struct loop *row, int64_t c, int64_t extent, uint64_t *first, uint64_t *end)
{
	int64_t step = row->step;
	__int128 low, high;	/* exclusive */

	if (step == 0) {
		*first = 0;
		*end = c >= 0 && c < extent ? row->count : 0;
		return;
	}
	if (step > 0) {
		low = c >= 0 ? 0 : (-(__int128)c + step - 1) / step;
		high = c >= extent ? 0 : ((__int128)extent - c + step - 1) / step;
	} else {
		low = c < extent ? 0 : ((__int128)c - extent) / -step + 1;
		high = c < 0 ? 0 : (__int128)c / -step + 1;
	}
	if (high > (__int128)row->count)
		high = (__int128)row->count;
	if (low > high)
		low = high;
	*first = (uint64_t)low;
	*end = (uint64_t)high;
}

/* A row whose index comes from a table: element by element. */
static bool indexed_row(struct transfer *t, uint8_t *local, uint64_t va, int64_t c,
			int64_t extent)
{
	const struct loop *row = &t->plan->loop[0];

	for (uint64_t i = 0; i < row->count; i++, local += row->local_stride) {
		int64_t index = index_of(row, i);
		/* along no axis there is no coordinate, whatever the step */
		int64_t at = row->axis < 0 ? 0 : c + index * row->step;

		if (at < 0 || at >= extent)
			fill(t, local, 1);
		else if (!move(t, local, va + (uint64_t)index * (uint64_t)row->global_stride,
			       t->plan->element))
			return false;
	}
	return true;
}

/* Elements of a row, all of which exist. */
static bool move_elements(struct transfer *t, uint8_t *local, uint64_t va, uint64_t count)
{
	const struct loop *row = &t->plan->loop[0];
	unsigned int element = t->plan->element;

	if (!count)
		return true;
	if (count == 1 || (row->local_stride == element && row->global_stride == element))
		return move(t, local, va, count * element);
	for (; count; count--) {
		if (!move(t, local, va, element))
			return false;
		local += row->local_stride;
		va += (uint64_t)row->global_stride;
	}
	return true;
}

/* One row, at coordinates @at. */
static bool do_row(struct transfer *t, uint8_t *local, uint64_t va, const int64_t *at)
{
	const struct plan *p = t->plan;
	const struct loop *row = &p->loop[0];
	uint64_t first = 0, end = row->count;

	for (int a = 0; a < EGRET_DIMS; a++)
		if (a != row->axis && (at[a] < 0 || at[a] >= p->extent[a]))
			end = 0;
	if (!end) {
		fill(t, local, row->count);
		return true;
	}
	if (row->index)
		return indexed_row(t, local, va, row->axis < 0 ? 0 : at[row->axis],
				   row->axis < 0 ? INT64_MAX : p->extent[row->axis]);
	if (row->axis >= 0)
		clip(row, at[row->axis], p->extent[row->axis], &first, &end);
	fill(t, local, first);
	if (!move_elements(t, local + (int64_t)first * row->local_stride,
			   va + first * (uint64_t)row->global_stride, end - first))
		return false;
	fill(t, local + (int64_t)end * row->local_stride, row->count - end);
	return true;
}

/* The loops around the rows. */
static bool do_loops(struct transfer *t, unsigned int level, uint8_t *local, uint64_t va,
		     int64_t *at)
{
	const struct loop *l = &t->plan->loop[level];

	if (!level)
		return do_row(t, local, va, at);
	for (uint64_t i = 0; i < l->count; i++) {
		int64_t index = index_of(l, i);
		int64_t moved = index * l->step; /* both fit 32 bits */
		bool ok;

		if (l->axis >= 0)
			at[l->axis] += moved;
		ok = do_loops(t, level - 1, local + (int64_t)i * l->local_stride,
			      va + (uint64_t)index * (uint64_t)l->global_stride, at);
		if (l->axis >= 0)
			at[l->axis] -= moved;
		if (!ok)
			return false;
	}
	return true;
}

bool egret_dma_run(const struct egret_dma_desc *d, uint8_t *scratch, struct egret_port *port,
		   struct egret_fault *fault)
{
	struct plan p;
	struct transfer t = {
		.plan = &p,
		.port = port,
		.fault = fault,
		.store = d->flags & EGRET_DMA_STORE,
	};
	int64_t at[EGRET_DIMS];

	plan(&p, d, scratch);
	memcpy(t.fill, &d->fill, 8);
	memcpy(t.fill + 8, &d->fill, 8);
	memcpy(at, p.start, sizeof(at));
	return do_loops(&t, p.loops - 1, scratch + (d->local - EGRET_LOCAL_SCRATCH), d->global, at);
}
