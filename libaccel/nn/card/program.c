// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "program.h"

#include <stdlib.h>
#include <string.h>

/* ---- Writing a program ---- */

void nn_program_init(struct nn_program *p, int rank, const int64_t *dims)
{
	memset(p, 0, sizeof(*p));
	p->rank = rank;
	p->first = -1;
	memcpy(p->dims, dims, (size_t)rank * sizeof(*dims));
}

static int add_value(struct nn_program *p, enum egret_type type, unsigned int varies)
{
	if (p->values == NN_VALUES)
		return -1;
	p->value[p->values] = (struct nn_virtual){ .type = type, .varies = varies };
	return (int)p->values++;
}

/* Also along dimensions of one: kernels may need more room there than the tile has. */
int nn_program_first(struct nn_program *p, enum egret_type type)
{
	p->first = add_value(p, type, (1u << p->rank) - 1);
	return p->first;
}

int nn_program_load(struct nn_program *p, enum egret_type type, struct nn_ref ref,
		    const int64_t *stride)
{
	struct nn_stream *s = &p->stream[p->streams];
	unsigned int varies = 0;
	int i;

	if (p->streams == NN_OPERANDS)
		return -1;
	*s = (struct nn_stream){ .ref = ref };
	for (i = 0; i < p->rank; i++) {
		s->stride[i] = p->dims[i] > 1 ? stride[i] : 0;
		varies |= (unsigned int)(s->stride[i] != 0) << i;
	}
	s->value = add_value(p, type, varies);
	if (s->value >= 0)
		p->streams++;
	return s->value;
}

int nn_program_map(struct nn_program *p, enum egret_map_op op, enum egret_type type,
		   struct nn_arg a, struct nn_arg b, struct nn_arg c)
{
	struct nn_instruction *step = &p->step[p->steps];
	unsigned int varies = 0;

	if (p->steps == NN_STEPS || a.value == -1 || b.value == -1 || c.value == -1)
		return -1;
	*step = (struct nn_instruction){ .op = op, .a = a, .b = b, .c = c };
	if (a.value >= 0)
		varies |= p->value[a.value].varies;
	if (b.value >= 0)
		varies |= p->value[b.value].varies;
	if (c.value >= 0)
		varies |= p->value[c.value].varies;
	step->out = add_value(p, type, varies);
	if (step->out >= 0)
		p->steps++;
	return step->out;
}

/* Bits of the innermost dimensions. */
static unsigned int reduced_dims(const struct nn_program *p)
{
	return (1u << p->rank) - (1u << (p->rank - p->reduced));
}

int nn_program_reduce(struct nn_program *p, enum egret_reduce_op op, enum egret_type type, int a)
{
	struct nn_instruction *step = &p->step[p->steps];

	if (p->steps == NN_STEPS || a < 0)
		return -1;
	*step = (struct nn_instruction){ .op = op, .reduce = true, .a = NN_VALUE(a),
					 .b = NN_NO_ARG, .c = NN_NO_ARG };
	step->out = add_value(p, type, p->value[a].varies & ~reduced_dims(p));
	if (step->out >= 0)
		p->steps++;
	return step->out;
}

int nn_program_scan(struct nn_program *p, enum egret_type type, int a)
{
	int value = nn_program_reduce(p, EGRET_REDUCE_SUM, type, a);

	if (value >= 0) {
		p->value[value].varies |= reduced_dims(p);
		p->step[p->steps - 1].flags = EGRET_REDUCE_SCAN;
	}
	return value;
}

static bool is_loaded(const struct nn_program *p, int value)
{
	size_t i;

	for (i = 0; i < p->streams; i++)
		if (p->stream[i].value == value && !p->stream[i].store)
			return true;
	return false;
}

bool nn_program_store(struct nn_program *p, int value, struct nn_ref ref, const int64_t *stride)
{
	struct nn_stream *s = &p->stream[p->streams];
	unsigned int varies = 0;
	int i;

	if (p->streams == NN_OPERANDS || value < 0)
		return false;
	*s = (struct nn_stream){ .value = value, .ref = ref, .store = true };
	for (i = 0; i < p->rank; i++) {
		s->stride[i] = p->dims[i] > 1 ? stride[i] : 0;
		varies |= (unsigned int)(s->stride[i] != 0) << i;
	}
	/*
	 * A value that is repeated is repeated in scratchpad. One that is loaded can be stored
	 * as it is only if nothing else is done: its buffers have other turns.
	 */
	if ((varies & ~p->value[value].varies) || (is_loaded(p, value) && p->steps)) {
		s->value = nn_program_map(p, EGRET_MAP_COPY, p->value[value].type, NN_VALUE(value),
					  NN_NO_ARG, NN_NO_ARG);
		if (s->value < 0)
			return false;
		p->value[s->value].varies |= varies;
	}
	p->streams++;
	return true;
}

/* ---- Dimensions ---- */

bool nn_program_walks(const struct nn_program *p, int i)
{
	size_t s;
	size_t v;

	for (s = 0; s < p->streams; s++) {
		const struct nn_stream *stream = &p->stream[s];

		if (stream->padded || stream->indexed ||
		    stream->stride[i] != stream->stride[i + 1] * p->dims[i + 1])
			return false;
	}
	for (v = 0; v < p->values; v++)
		if ((p->value[v].varies >> i & 1) != (p->value[v].varies >> (i + 1) & 1))
			return false;
	return true;
}

/* Remove dimension i; bits of those behind it move down. */
static void remove_dim(struct nn_program *p, int i)
{
	size_t n = (size_t)(p->rank - 1 - i), s;
	unsigned int low = (1u << i) - 1;

	memmove(&p->dims[i], &p->dims[i + 1], n * sizeof(p->dims[0]));
	for (s = 0; s < p->streams; s++) {
		struct nn_stream *stream = &p->stream[s];

		memmove(&stream->stride[i], &stream->stride[i + 1], n * sizeof(int64_t));
		memmove(&stream->start[i], &stream->start[i + 1], n * sizeof(int64_t));
		memmove(&stream->extent[i], &stream->extent[i + 1], n * sizeof(int64_t));
		stream->index_dim -= stream->index_dim > i;
	}
	for (s = 0; s < p->values; s++)
		p->value[s].varies = (p->value[s].varies & low) | (p->value[s].varies >> 1 & ~low);
	p->reduced -= i >= p->rank - p->reduced;
	p->rank--;
}

/* A dimension of one that takes part in what is loaded: its place counts. */
static bool is_used(const struct nn_program *p, int i)
{
	size_t s;

	for (s = 0; s < p->streams; s++) {
		if (p->stream[s].indexed && p->stream[s].index_dim == i)
			return true;
		if (p->stream[s].padded && (p->stream[s].start[i] || p->stream[s].extent[i] != 1))
			return true;
	}
	return false;
}

/* A reduction has at least one dimension. */
static bool is_last_reduced(const struct nn_program *p, int i)
{
	return p->reduced == 1 && i == p->rank - 1;
}

void nn_program_merge(struct nn_program *p)
{
	int i;

	for (i = p->rank - 1; i >= 0; i--)
		if (p->dims[i] == 1 && !is_used(p, i) && !is_last_reduced(p, i))
			remove_dim(p, i);
	for (i = p->rank - 2; i >= 0; i--) {
		/* Reduced dimensions and others stay apart. */
		if (i + 1 == p->rank - p->reduced || !nn_program_walks(p, i))
			continue;
		p->dims[i + 1] *= p->dims[i];
		remove_dim(p, i);
	}
}

/* ---- Registers ---- */

/* What a value needs of a register. */
struct slot {
	enum egret_type type;
	unsigned int varies;
	bool twice;		/* two buffers */
	int stream;		/* that gives it its layout, or -1 */
	int free_at;		/* step after which it is free; INT_MAX: never */
};

struct allocation {
	struct slot slots[NN_VALUES];
	int count;
	int of[NN_VALUES];	/* slot of each value */
};

#define FOREVER	0x7fffffff

static int last_use(const struct nn_program *p, int value)
{
	int last = -1;
	size_t i;

	for (i = 0; i < p->steps; i++) {
		const struct nn_instruction *step = &p->step[i];

		if (step->a.value == value || step->b.value == value || step->c.value == value ||
		    step->out == value)
			last = (int)i;
	}
	return last;
}

static int stream_of(const struct nn_program *p, int value)
{
	int found = -1;
	size_t i;

	for (i = 0; i < p->streams; i++)
		if (p->stream[i].value == value)
			found = (int)i;
	return found;
}

static int new_slot(struct allocation *a, const struct nn_program *p, int value, bool twice,
		    int free_at)
{
	struct slot *slot = &a->slots[a->count];

	*slot = (struct slot){ .type = p->value[value].type, .varies = p->value[value].varies,
			       .twice = twice, .stream = stream_of(p, value), .free_at = free_at };
	return a->count++;
}

static int free_slot(struct allocation *a, const struct nn_program *p, int value, int step,
		     bool reduce)
{
	int i;

	for (i = 0; i < a->count; i++) {
		struct slot *slot = &a->slots[i];

		/* An element may take the place of the one it was computed from; sums may not. */
		if (slot->stream < 0 && !slot->twice && slot->type == p->value[value].type &&
		    slot->varies == p->value[value].varies &&
		    slot->free_at < step + (reduce ? 0 : 1))
			return i;
	}
	return -1;
}

static bool allocate(const struct nn_program *p, struct allocation *a)
{
	size_t i;

	memset(a, 0, sizeof(*a));
	for (i = 0; i < p->values; i++)
		a->of[i] = -1;
	/* What the kernel computes is register 0. */
	if (p->first >= 0)
		a->of[p->first] = new_slot(a, p, p->first, true, FOREVER);
	for (i = 0; i < p->streams; i++)
		if (a->of[p->stream[i].value] < 0)
			a->of[p->stream[i].value] = new_slot(a, p, p->stream[i].value, true, FOREVER);
	for (i = 0; i < p->steps; i++) {
		int value = p->step[i].out, slot;

		if (a->of[value] >= 0)
			continue;
		slot = free_slot(a, p, value, (int)i, p->step[i].reduce);
		if (slot < 0)
			slot = new_slot(a, p, value, false, 0);
		a->slots[slot].free_at = last_use(p, value);
		a->of[value] = slot;
	}
	return a->count <= EGRET_NN_REGISTERS;
}

/* ---- Tiles ---- */

/* The same dimension as kernels count them. */
static int kernel_dim(const struct nn_program *p, int i)
{
	return p->rank - 1 - i;
}

/* Dimensions of a stream by their strides, smallest first; those without come last. */
static void order_of(const struct nn_program *p, const struct nn_stream *s, uint8_t order[EGRET_DIMS])
{
	int64_t key[EGRET_DIMS];
	int i, k;

	for (i = 0; i < EGRET_DIMS; i++) {
		int64_t stride = i < p->rank ? llabs(s->stride[kernel_dim(p, i)]) : 0;

		for (k = i; k > 0 && stride && (!key[k - 1] || key[k - 1] > stride); k--) {
			key[k] = key[k - 1];
			order[k] = order[k - 1];
		}
		key[k] = stride;
		order[k] = (uint8_t)i;
	}
}

static size_t part_size(uint32_t bytes, unsigned int varies, const uint32_t *room)
{
	size_t size = bytes;
	int i;

	for (i = 0; i < EGRET_DIMS; i++)
		if (varies >> i & 1)
			size *= room[i];
	return (size + 63) & ~(size_t)63;
}

/* Bits of dimensions as kernels count them. */
static unsigned int kernel_dims(const struct nn_program *p, unsigned int varies)
{
	unsigned int bits = 0;
	int i;

	for (i = 0; i < p->rank && i < EGRET_DIMS; i++)
		bits |= (varies >> kernel_dim(p, i) & 1) << i;
	return bits;
}

static size_t slot_size(const struct nn_program *p, const struct slot *slot, const uint32_t *room)
{
	return part_size((uint32_t)egret_type_size(slot->type), kernel_dims(p, slot->varies), room) *
	       (slot->twice ? 2 : 1);
}

static void find_footprint(const struct nn_program *p, const struct allocation *a,
			   struct nn_footprint *f)
{
	size_t s;
	int i;

	f->count = 0;
	for (i = 0; i < a->count; i++) {
		const struct slot *slot = &a->slots[i];

		f->part[f->count].bytes = (uint32_t)egret_type_size(slot->type);
		f->part[f->count].buffers = slot->twice ? 2 : 1;
		f->part[f->count++].varies = kernel_dims(p, slot->varies);
	}
	/* Tables of indices. */
	for (s = 0; s < p->streams; s++) {
		if (!p->stream[s].indexed)
			continue;
		f->part[f->count].bytes = 4;
		f->part[f->count].buffers = 1;
		f->part[f->count++].varies = 1u << kernel_dim(p, p->stream[s].index_dim);
	}
}

bool nn_program_footprint(const struct nn_program *p, struct nn_footprint *footprint)
{
	struct allocation a;

	if (!allocate(p, &a))
		return false;
	find_footprint(p, &a, footprint);
	return true;
}

size_t nn_footprint_size(const struct nn_footprint *f, const uint32_t room[EGRET_DIMS])
{
	size_t size = 0;
	unsigned int i;

	for (i = 0; i < f->count; i++)
		size += part_size(f->part[i].bytes, f->part[i].varies, room) * f->part[i].buffers;
	return size;
}

/* A tile has about so many elements, if there is enough for all clusters to work on. */
#define TILE_WORTHWHILE	4096
/* Pieces of memory that are moved well. */
#define RUN_WORTHWHILE	32

static bool fits(const struct nn_footprint *f, const struct nn_layout *layout, const uint32_t *tile,
		 uint64_t most)
{
	uint64_t elements = 1;
	int i;

	for (i = 0; i < EGRET_DIMS; i++)
		elements *= tile[i];
	return elements <= most && nn_footprint_size(f, tile) <= layout->memory;
}

/* Make a dimension of the tile as large as it can be, up to `limit`. */
static void grow(const struct nn_footprint *f, const struct nn_layout *layout, uint32_t *tile, int i,
		 uint32_t limit, uint64_t most)
{
	uint32_t low = tile[i], high = limit, parts;

	if (high <= low)
		return;
	while (low < high) {
		uint32_t middle = low + (high - low + 1) / 2;

		tile[i] = middle;
		if (fits(f, layout, tile, most))
			low = middle;
		else
			high = middle - 1;
	}
	/* The same number of tiles, but of equal size. */
	parts = (limit + low - 1) / low;
	tile[i] = (limit + parts - 1) / parts;
}

static uint64_t volume(const struct nn_program *p, int from, int to)
{
	uint64_t product = 1;

	for (; from < to; from++)
		product *= (uint64_t)p->dims[from];
	return product;
}

static bool choose_tile(const struct nn_program *p, const struct nn_footprint *f,
			const struct nn_layout *layout, uint32_t *tile)
{
	uint64_t most = volume(p, 0, p->rank) / (4 * layout->clusters);
	uint64_t row = volume(p, p->rank - p->reduced, p->rank);
	uint32_t dims[EGRET_DIMS];
	size_t s;
	int i;

	most = most < TILE_WORTHWHILE ? TILE_WORTHWHILE : most;
	most = most < row ? row : most;
	for (i = 0; i < EGRET_DIMS; i++) {
		dims[i] = i < p->rank ? (uint32_t)p->dims[kernel_dim(p, i)] : 1;
		tile[i] = i < p->reduced ? dims[i] : 1;
	}
	if (!fits(f, layout, tile, most))
		return false;
	/* First what lies together in memory, for each stream; then the innermost. */
	for (s = 0; s < p->streams; s++) {
		uint8_t order[EGRET_DIMS];

		order_of(p, &p->stream[s], order);
		i = order[0];
		grow(f, layout, tile, i, dims[i] < RUN_WORTHWHILE ? dims[i] : RUN_WORTHWHILE, most);
	}
	for (i = 0; i < EGRET_DIMS; i++)
		grow(f, layout, tile, i, dims[i], most);
	return true;
}

/* ---- Laying out ---- */

static void place_registers(const struct nn_program *p, const struct allocation *a,
			    const uint32_t *room, struct egret_nn_program *out, size_t *used)
{
	static const uint8_t natural[EGRET_DIMS] = { 0, 1, 2, 3, 4 };
	uint8_t order[EGRET_DIMS];
	size_t at = 0, size;
	int i, n;

	for (i = 0; i < a->count; i++) {
		const struct slot *slot = &a->slots[i];
		struct egret_nn_register *reg = &out->reg[i];
		int32_t stride = (int32_t)egret_type_size(slot->type);

		/* What the kernel computes itself has the natural order. */
		memcpy(order, natural, sizeof(order));
		if (slot->stream >= 0 && !(i == 0 && p->first >= 0))
			order_of(p, &p->stream[slot->stream], order);
		reg->type = (uint8_t)slot->type;
		for (n = 0; n < EGRET_DIMS; n++) {
			int d = order[n];

			if (d >= p->rank || !(slot->varies >> kernel_dim(p, d) & 1))
				continue;
			reg->stride[d] = stride;
			stride *= (int32_t)room[d];
		}
		size = slot_size(p, slot, room);
		reg->local = (uint32_t)at;
		reg->other = slot->twice ? (uint32_t)(size / 2) : 0;
		at += size;
	}
	for (i = 0; i < (int)p->streams; i++) {
		if (!p->stream[i].indexed)
			continue;
		out->operand[i].index_local = (uint32_t)at;
		at += (room[kernel_dim(p, p->stream[i].index_dim)] * 4 + 63) & ~(size_t)63;
	}
	*used = at;
}

static void write_operands(const struct nn_program *p, const struct allocation *a,
			   struct egret_nn_program *out)
{
	size_t s;
	int i;

	for (s = 0; s < p->streams; s++) {
		const struct nn_stream *stream = &p->stream[s];
		struct egret_nn_operand *op = &out->operand[s];

		op->reg = (uint8_t)a->of[stream->value];
		op->flags = (stream->store ? EGRET_NN_STORE : 0) |
			    (stream->padded ? EGRET_NN_PADDED : 0) |
			    (stream->indexed ? EGRET_NN_INDEXED : 0);
		op->fill = stream->fill;
		order_of(p, stream, op->order);
		for (i = 0; i < EGRET_DIMS; i++)
			op->extent[i] = 1;
		for (i = 0; i < p->rank; i++) {
			int d = kernel_dim(p, i);

			op->stride[d] = stream->stride[i];
			op->start[d] = (int32_t)stream->start[i];
			op->extent[d] = (uint32_t)stream->extent[i];
		}
		if (stream->indexed)
			op->index_dim = (uint8_t)kernel_dim(p, stream->index_dim);
	}
}

static uint8_t register_of(const struct allocation *a, const struct nn_arg *arg)
{
	return arg->value >= 0 ? (uint8_t)a->of[arg->value] : EGRET_NN_NONE;
}

static void write_steps(const struct nn_program *p, const struct allocation *a,
			struct egret_nn_program *out)
{
	size_t i;

	for (i = 0; i < p->steps; i++) {
		const struct nn_instruction *from = &p->step[i];
		struct egret_nn_step *to = &out->step[i];

		to->op = (uint8_t)from->op;
		to->reduce = from->reduce;
		to->out = (uint8_t)a->of[from->out];
		to->a = register_of(a, &from->a);
		to->b = register_of(a, &from->b);
		to->c = register_of(a, &from->c);
		to->flags = (uint16_t)from->flags;
		to->param = from->param;
		if (from->b.value == NN_ARG_NUMBER) {
			to->flags |= EGRET_MAP_B_IMM;
			to->b_type = (uint8_t)from->b.type;
			to->b_imm = from->b.bits;
		}
		if (from->c.value == NN_ARG_NUMBER) {
			to->flags |= EGRET_MAP_C_IMM;
			to->c_type = (uint8_t)from->c.type;
			to->c_imm = from->c.bits;
		}
	}
}

static bool in_range(const struct nn_program *p)
{
	int i;

	for (i = 0; i < p->rank; i++)
		if (p->dims[i] < 1 || p->dims[i] > INT32_MAX)
			return false;
	return p->rank <= EGRET_DIMS;
}

bool nn_program_layout(const struct nn_program *p, struct nn_layout *layout,
		       struct egret_nn_program *out)
{
	struct nn_footprint footprint;
	struct allocation a;
	uint64_t tiles = 1;
	uint32_t room[EGRET_DIMS];
	int i;

	memset(out, 0, sizeof(*out));
	if (!in_range(p) || !allocate(p, &a))
		return false;
	find_footprint(p, &a, &footprint);
	if (!layout->chosen && !choose_tile(p, &footprint, layout, layout->tile))
		return false;
	for (i = 0; i < EGRET_DIMS; i++) {
		out->dims[i] = i < p->rank ? (uint32_t)p->dims[kernel_dim(p, i)] : 1;
		out->tile[i] = layout->tile[i];
		room[i] = layout->chosen && layout->room[i] ? layout->room[i] : layout->tile[i];
		tiles *= (out->dims[i] + out->tile[i] - 1) / out->tile[i];
	}
	if (tiles > INT32_MAX || nn_footprint_size(&footprint, room) > layout->memory)
		return false;
	out->tiles = (uint32_t)tiles;
	out->reduced = (uint8_t)p->reduced;
	out->registers = (uint8_t)a.count;
	out->operands = (uint8_t)p->streams;
	out->steps = (uint8_t)p->steps;
	place_registers(p, &a, room, out, &layout->used);
	write_operands(p, &a, out);
	write_steps(p, &a, out);
	layout->groups = out->tiles < layout->clusters ? out->tiles : layout->clusters;
	return true;
}
