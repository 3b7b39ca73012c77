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
 *
 * Translations are not looked up for every row: the page that was used last is kept as a
 * window, until invalidations are applied or the operation ends. Rows that are adjacent
 * elements on both sides, all of which exist, are copied many at a time, and both sides
 * are asked for from the host's memory some rows ahead: they lie too far apart for the
 * host to guess, and it does not guess stores.
 */
#include "dma.h"

#include <string.h>

#include "mmu.h"
#include "perf.h"
#include "tile_types.h"

#define PAGE_SIZE	(UINT64_C(1) << EGRET_MMU_PAGE_SHIFT)

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
	const struct egret_stop *stop;
	struct egret_fault *fault;
	uint8_t fill[16];
	bool store;
	bool dense;		/* row_is_dense() */
	bool alike;		/* rows_are_alike() */
	/* memory that may be accessed directly: size bytes from an address on */
	uint8_t *window;
	uint64_t window_va;
	uint64_t window_size;
	uint64_t applied;	/* the port's, when the window was opened */
};

/* The page of @va, and as many behind it as are contiguous and hold some of @size bytes. */
static bool open_window(struct transfer *t, uint64_t va, uint64_t size)
{
	enum egret_fault_access access = t->store ? EGRET_ACCESS_WRITE : EGRET_ACCESS_READ;
	uint64_t before = va & (PAGE_SIZE - 1);
	struct egret_span span;
	size_t avail;
	uint8_t *p = egret_port_map(t->port, va, access, &avail);

	if (!p)
		return false;
	if (avail < size && !egret_port_span(t->port, va, size, access, &span, NULL))
		avail = span.size;
	t->window = p - before;
	t->window_va = va - before;
	t->window_size = avail + before;
	return true;
}

/*
 * Direct access to @size bytes, or NULL. @more bytes from @va on will be wanted, all pages of
 * which are going to be accessed.
 */
static inline uint8_t *direct(struct transfer *t, uint64_t va, uint64_t size, uint64_t more)
{
	uint64_t offset = va - t->window_va;

	if (offset >= t->window_size || size > t->window_size - offset) {
		if (!open_window(t, va, more))
			return NULL;
		offset = va - t->window_va;
	}
	return size <= t->window_size - offset ? t->window + offset : NULL;
}

/* To be asked with nothing translated in hand. */
static inline bool stopped(struct transfer *t)
{
	bool stop = egret_unit_stopped(t->stop);

	if (t->applied != t->port->applied) {
		t->applied = t->port->applied;
		t->window_size = 0;
	}
	return stop;
}

static inline void count_bytes(struct transfer *t, uint64_t bytes)
{
	if (t->store)
		t->port->vram_write += bytes;
	else
		t->port->vram_read += bytes;
}

/* Copy `count` rows. Both sides may overlap themselves, but not each other. */
struct rows {
	uint8_t *dst;
	const uint8_t *src;
	int64_t dst_stride, src_stride;
	uint64_t count;
	size_t bytes;
};

#define COPY_LONG	256	/* bytes from which on copy_rows() is quicker than memcpy() */
#define COPY_AHEAD	2048	/* bytes to ask for in advance */
#define COPY_AT_ONCE	(1u << 20)	/* bytes, about, between two looks at `stop` */

/* Less than a cache line: with pieces of the largest size that fits, which may overlap. */
static inline void copy_short(uint8_t *dst, const uint8_t *src, size_t n)
{
#define PIECES(size) do {							\
	uint8_t first[size], last[size];					\
										\
	memcpy(first, src, size);						\
	memcpy(last, src + n - (size), size);					\
	memcpy(dst, first, size);						\
	memcpy(dst + n - (size), last, size);					\
} while (0)
	if (n >= 32)
		PIECES(32);
	else if (n >= 16)
		PIECES(16);
	else if (n >= 8)
		PIECES(8);
	else if (n >= 4)
		PIECES(4);
	else if (n >= 2)
		PIECES(2);
	else if (n)
		*dst = *src;
#undef PIECES
}

/* From a row to the one that is asked for meanwhile; of long rows, within the row. */
static inline int64_t distance(int64_t stride, uint64_t rows)
{
	return rows ? (int64_t)rows * stride : COPY_AHEAD;
}

EGRET_CLONES
static void copy_rows(const struct rows *r)
{
	const uint64_t ahead = COPY_AHEAD / r->bytes;

	for (uint64_t i = 0; i < r->count; i++) {
		const bool last = ahead && i + ahead >= r->count;
		const int64_t src_ahead = last ? 0 : distance(r->src_stride, ahead);
		const int64_t dst_ahead = last ? 0 : distance(r->dst_stride, ahead);
		const uint8_t *src = r->src + (int64_t)i * r->src_stride;
		uint8_t *dst = r->dst + (int64_t)i * r->dst_stride;
		size_t x = 0;

		for (; x + 64 <= r->bytes; x += 64) {
			__builtin_prefetch(src + x + src_ahead);
			__builtin_prefetch(dst + x + dst_ahead, 1);
			memcpy(dst + x, src + x, 64);
		}
		if (x < r->bytes) {
			__builtin_prefetch(src + x + src_ahead);
			__builtin_prefetch(dst + x + dst_ahead, 1);
			copy_short(dst + x, src + x, r->bytes - x);
		}
	}
}

/* Move @size adjacent bytes. */
static inline bool move(struct transfer *t, uint8_t *local, uint64_t va, size_t size)
{
	uint8_t *p = direct(t, va, size, size);

	if (p && size >= COPY_LONG)
		copy_rows(&(struct rows){ .dst = t->store ? p : local, .src = t->store ? local : p,
					  .count = 1, .bytes = size });
	else if (p)
		memcpy(t->store ? p : local, t->store ? local : p, size);
	else if (t->store)
		return !egret_port_write(t->port, va, local, size, t->fault);
	else
		return !egret_port_read(t->port, va, local, size, EGRET_ACCESS_READ, t->fault);
	count_bytes(t, size);
	return true;
}

/* How many of `count` rows from @va on lie in the window? All of them are of @bytes. */
static uint64_t rows_in_window(const struct transfer *t, uint64_t va, int64_t stride,
			       uint64_t bytes, uint64_t count)
{
	uint64_t offset = va - t->window_va, rows;

	if (stride < 0)
		rows = offset / (0 - (uint64_t)stride) + 1;
	else
		rows = stride ? (t->window_size - offset - bytes) / (uint64_t)stride + 1 : count;
	return rows < count ? rows : count;
}

/* Bytes from the first to the last of some rows, if all pages between hold some of them. */
static uint64_t extent_of_rows(int64_t stride, uint64_t bytes, uint64_t count)
{
	if (stride < 0 || (uint64_t)stride > PAGE_SIZE)
		return bytes;
	return (count - 1) * (uint64_t)stride + bytes;
}

/* As many of `count` rows of loop 1 as the window has, at least one. Returns 0 with a fault. */
static uint64_t move_rows(struct transfer *t, uint8_t *local, uint64_t va, uint64_t bytes,
			  uint64_t count)
{
	const struct loop *outer = &t->plan->loop[1];
	uint64_t now = count > COPY_AT_ONCE / bytes ? COPY_AT_ONCE / bytes + 1 : count;
	uint8_t *p = direct(t, va, bytes, extent_of_rows(outer->global_stride, bytes, now));
	struct rows rows = {
		.dst = t->store ? p : local,
		.src = t->store ? local : p,
		.dst_stride = t->store ? outer->global_stride : outer->local_stride,
		.src_stride = t->store ? outer->local_stride : outer->global_stride,
		.bytes = bytes,
	};

	if (!p)
		return move(t, local, va, bytes);
	rows.count = rows_in_window(t, va, outer->global_stride, bytes, now);
	copy_rows(&rows);
	count_bytes(t, rows.count * bytes);
	return rows.count;
}

/* dst[i] = src[i] for elements of so many bytes */
#define COPY_ELEMENTS(size) do {						\
	for (uint64_t i = 0; i < count; i++)					\
		memcpy(dst + (int64_t)i * dst_stride, src + (int64_t)i * src_stride, size); \
} while (0)

static void copy_elements(uint8_t *dst, int64_t dst_stride, const uint8_t *src, int64_t src_stride,
			  unsigned int element, uint64_t count)
{
	switch (element) {
	case 1:
		COPY_ELEMENTS(1);
		break;
	case 2:
		COPY_ELEMENTS(2);
		break;
	case 4:
		COPY_ELEMENTS(4);
		break;
	case 8:
		COPY_ELEMENTS(8);
		break;
	default:
		COPY_ELEMENTS(16);
		break;
	}
}

static void fill(struct transfer *t, uint8_t *local, uint64_t count)
{
	unsigned int element = t->plan->element;
	int64_t stride = t->plan->loop[0].local_stride;

	if (t->store)
		return;
	if (element != 4 || stride != 4) {
		copy_elements(local, stride, t->fill, 0, element, count);
		return;
	}
	/* Most are: beside a picture's edges. */
	for (uint64_t i = 0; i < count; i++)
		memcpy(local + 4 * i, t->fill, 4);
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

		if (stopped(t))
			return false;
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
	for (uint64_t i = 0, now; i < count; i += now) {
		uint64_t most = count - i < COPY_AT_ONCE / 16 ? count - i : COPY_AT_ONCE / 16;
		uint8_t *to = local + (int64_t)i * row->local_stride;
		uint64_t from = va + i * (uint64_t)row->global_stride;
		uint8_t *p;

		if (stopped(t))
			return false;
		now = 1;
		p = direct(t, from, element,
			   extent_of_rows(row->global_stride, element, most));
		if (p) {
			now = rows_in_window(t, from, row->global_stride, element, most);
			if (t->store)
				copy_elements(p, row->global_stride, to, row->local_stride, element, now);
			else
				copy_elements(to, row->local_stride, p, row->global_stride, element, now);
			count_bytes(t, now * element);
		} else if (!move(t, to, from, element)) {
			return false;
		}
	}
	return true;
}

/* Are the coordinates inside the tensor, but for those of up to two axes, which are not looked at? */
static bool is_inside(const struct plan *p, const int64_t *at, int but, int and)
{
	for (int a = 0; a < EGRET_DIMS; a++)
		if (a != but && a != and && (at[a] < 0 || at[a] >= p->extent[a]))
			return false;
	return true;
}

/* One row, at coordinates @at. */
static bool do_row(struct transfer *t, uint8_t *local, uint64_t va, const int64_t *at)
{
	const struct plan *p = t->plan;
	const struct loop *row = &p->loop[0];
	uint64_t first = 0, end = row->count;

	if (!is_inside(p, at, row->axis, -1)) {
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

/*
 * Does the same part of all rows of loop 1 exist that exist at all? Elements that do not are filled
 * before the others are moved then, which nobody can see if rows are beside each other.
 */
static bool rows_are_alike(const struct transfer *t)
{
	const struct loop *row = &t->plan->loop[0], *outer = &t->plan->loop[1];
	int64_t bytes = (int64_t)(row->count * t->plan->element);

	if (!t->dense || outer->index || (row->axis >= 0 && row->axis == outer->axis))
		return false;
	return t->store || (row->axis < 0 && outer->axis < 0) || outer->local_stride >= bytes ||
	       outer->local_stride <= -bytes;
}

/* Rows first..end-1 of loop 1, of which elements x..x+count-1 exist; the rest is filled. */
static bool do_alike_rows(struct transfer *t, uint8_t *local, uint64_t va, uint64_t x,
			  uint64_t count, uint64_t first, uint64_t end)
{
	const struct loop *row = &t->plan->loop[0], *outer = &t->plan->loop[1];
	const uint64_t size = t->plan->element, behind = x + count;
	const bool whole = t->store || (count == row->count && end - first == outer->count);

	for (uint64_t i = 0; i < outer->count && !whole; i++) {
		uint8_t *at = local + (int64_t)i * outer->local_stride;

		if (i < first || i >= end) {
			fill(t, at, row->count);
			continue;
		}
		fill(t, at, x);
		fill(t, at + behind * size, row->count - behind);
	}
	for (uint64_t i = first, now; i < end && count; i += now) {
		if (stopped(t))
			return false;
		now = move_rows(t, local + (int64_t)i * outer->local_stride + x * size,
				va + i * (uint64_t)outer->global_stride + x * size, count * size,
				end - i);
		if (!now)
			return false;
	}
	return true;
}

static bool do_rows(struct transfer *t, uint8_t *local, uint64_t va, const int64_t *at)
{
	const struct plan *p = t->plan;
	const struct loop *row = &p->loop[0], *outer = &p->loop[1];
	uint64_t x = 0, x_end = row->count, first = 0, end = outer->count;

	if (row->axis >= 0)
		clip(row, at[row->axis], p->extent[row->axis], &x, &x_end);
	if (outer->axis >= 0)
		clip(outer, at[outer->axis], p->extent[outer->axis], &first, &end);
	if (!is_inside(p, at, row->axis, outer->axis))
		end = first;
	return do_alike_rows(t, local, va, x, x_end - x, first, end);
}

/* The loops around the rows. */
static bool do_loops(struct transfer *t, unsigned int level, uint8_t *local, uint64_t va,
		     int64_t *at)
{
	const struct loop *l = &t->plan->loop[level];

	if (!level)
		return do_row(t, local, va, at);
	if (level == 1 && t->alike)
		return do_rows(t, local, va, at);
	for (uint64_t i = 0; i < l->count; i++) {
		int64_t index = index_of(l, i);
		int64_t moved = index * l->step; /* both fit 32 bits */
		bool ok;

		if (stopped(t))
			return false;
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
		   const struct egret_stop *stop, struct egret_fault *fault)
{
	struct plan p;
	struct transfer t = {
		.plan = &p,
		.port = port,
		.applied = port->applied,
		.stop = stop,
		.fault = fault,
		.store = d->flags & EGRET_DMA_STORE,
	};
	int64_t at[EGRET_DIMS];

	plan(&p, d, scratch);
	t.dense = row_is_dense(&p);
	t.alike = p.loops > 1 && rows_are_alike(&t);
	memcpy(t.fill, &d->fill, 8);
	memcpy(t.fill + 8, &d->fill, 8);
	memcpy(at, p.start, sizeof(at));
	return do_loops(&t, p.loops - 1, scratch + (d->local - EGRET_LOCAL_SCRATCH), d->global, at);
}
