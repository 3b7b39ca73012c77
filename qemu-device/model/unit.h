/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * What the DMA unit and the tile engine have in common: checks of descriptors and of
 * the bounds of operands. Functions return false with the fault's code, addr and
 * value filled in.
 */
#ifndef EGRET_MODEL_UNIT_H
#define EGRET_MODEL_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <egret/isa.h>

#include "fault.h"
#include "stop.h"

static inline bool egret_desc_fault(struct egret_fault *f, enum egret_fault_code code,
				    uint64_t addr, uint32_t value)
{
	f->code = code;
	f->addr = addr;
	f->value = value;
	return false;
}

/* Offset of a field of the descriptor `d`. */
#define DESC_OFFSET(field)	((uint64_t)((const char *)&d->field - (const char *)d))

/*
 * Checks of one field of the descriptor `d`, with `fault` to be filled in; they
 * return false from the caller. CHECK_ZERO is for a field that must be zero if `condition`.
 */
#define CHECK_ZERO(field, condition) do {						\
	if ((condition) && d->field)							\
		return egret_desc_fault(fault, EGRET_FAULT_DESC_RESERVED,		\
					DESC_OFFSET(field), 0);				\
} while (0)
#define CHECK_FLAGS(field, mask) do {							\
	if (d->field & ~(mask))								\
		return egret_desc_fault(fault, EGRET_FAULT_DESC_RESERVED,		\
					DESC_OFFSET(field), 0);				\
} while (0)
#define CHECK_FIELD(field, condition) do {						\
	if (!(condition))								\
		return egret_desc_fault(fault, EGRET_FAULT_DESC_FIELD,			\
					DESC_OFFSET(field), (uint32_t)d->field);	\
} while (0)

/* a * b, or something above every limit if that does not fit; b has 32 bits. */
static inline uint64_t egret_saturating_mul(uint64_t a, uint32_t b)
{
	uint64_t r;

	return __builtin_mul_overflow(a, (uint64_t)b, &r) ? UINT64_MAX : r;
}

/* Bounds of an operand, as offsets from its address; a superset of the bytes it touches. */
struct egret_extent {
	__int128 low;		/* first byte */
	__int128 high;		/* one past the last */
};

/* One element (or row) of @bytes at offset 0. */
static inline struct egret_extent egret_extent(uint64_t bytes)
{
	return (struct egret_extent){ 0, bytes };
}

/* Repeat it `count` times, `stride` bytes apart. */
static inline void egret_extent_loop(struct egret_extent *e, uint64_t count, int64_t stride)
{
	__int128 last = (__int128)(count - 1) * stride;

	if (last < 0)
		e->low += last;
	else
		e->high += last;
}

/*
 * Is an operand inside scratchpad? If not, @fault names the first address outside: the
 * operand's lowest one, or the end of scratchpad.
 */
static inline bool egret_extent_check(const struct egret_extent *e, uint32_t local,
				      uint64_t field, struct egret_fault *fault)
{
	__int128 low = e->low + local, high = e->high + local;

	if (low >= EGRET_LOCAL_SCRATCH && high <= EGRET_LOCAL_SCRATCH_END)
		return true;
	if (low >= EGRET_LOCAL_SCRATCH && low < EGRET_LOCAL_SCRATCH_END)
		low = EGRET_LOCAL_SCRATCH_END;
	return egret_desc_fault(fault, EGRET_FAULT_DESC_RANGE, field, (uint32_t)low);
}

#endif /* EGRET_MODEL_UNIT_H */
