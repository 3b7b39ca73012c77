// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/* Copy engines. */
#include <string.h>

#include "copy.h"

#define BOUNCE		4096

bool egret_copy_is(const union egret_packet *p)
{
	return p->header.opcode == EGRET_OP_COPY || p->header.opcode == EGRET_OP_COPY_RECT ||
		p->header.opcode == EGRET_OP_FILL;
}

/* Repeat the low @width bytes to 8. */
static uint64_t repeat(uint64_t pattern, unsigned int width)
{
	for (; width < 8; width *= 2)
		pattern |= pattern << 8 * width;
	return pattern;
}

void egret_copy_begin(struct egret_copy *c, const union egret_packet *p)
{
	*c = (struct egret_copy) { .rows = 1, .slices = 1 };
	switch (p->header.opcode) {
	case EGRET_OP_COPY:
		c->src = p->copy.src;
		c->dst = p->copy.dst;
		c->width = p->copy.size;
		break;
	case EGRET_OP_COPY_RECT:
		c->src = p->copy_rect.src;
		c->dst = p->copy_rect.dst;
		c->width = p->copy_rect.width;
		c->rows = p->copy_rect.rows;
		c->slices = p->copy_rect.slices;
		c->src_pitch = p->copy_rect.src_pitch;
		c->dst_pitch = p->copy_rect.dst_pitch;
		c->src_slice = p->copy_rect.src_slice;
		c->dst_slice = p->copy_rect.dst_slice;
		break;
	default:
		c->fill = true;
		c->dst = p->fill.dst;
		c->width = p->fill.size;
		c->pattern = repeat(p->fill.pattern, p->fill.width);
		break;
	}
}

bool egret_copy_is_small(const struct egret_copy *c)
{
	return c->width <= EGRET_COPY_SMALL && c->rows <= 64 && c->slices <= 64 &&
		c->width * c->rows * c->slices <= EGRET_COPY_SMALL &&
		c->rows * c->slices <= 64;
}

/*
 * Spans are as long as memory is contiguous, and a piece of system memory may fail
 * in its middle. Doing it again page by page finds the page to report.
 */
static uint64_t page_rest(uint64_t va)
{
	return 4096 - (va & 4095);
}

static int bus_fault(struct egret_port *port, struct egret_fault *fault, uint64_t va,
		     enum egret_fault_access access)
{
	*fault = (struct egret_fault) {
		.code = EGRET_FAULT_BUS,
		.info = egret_fault_info(port->unit, port->index, access, 0),
		.addr = va,
	};
	return -1;
}

static int host_read(struct egret_port *port, uint64_t va, const struct egret_span *span,
		     uint64_t *size, void *buf, struct egret_fault *fault)
{
	struct egret_mem *mem = port->mmu->mem;

	if (!egret_mem_host_read(mem, span->addr, buf, *size))
		return 0;
	if (*size > page_rest(va)) {
		*size = page_rest(va);
		if (!egret_mem_host_read(mem, span->addr, buf, *size))
			return 0;
	}
	return bus_fault(port, fault, va, EGRET_ACCESS_READ);
}

static int host_write(struct egret_port *port, uint64_t va, const struct egret_span *span,
		      uint64_t *size, const void *buf, struct egret_fault *fault)
{
	struct egret_mem *mem = port->mmu->mem;

	if (!egret_mem_host_write(mem, span->addr, buf, *size))
		return 0;
	if (*size > page_rest(va)) {
		*size = page_rest(va);
		if (!egret_mem_host_write(mem, span->addr, buf, *size))
			return 0;
	}
	return bus_fault(port, fault, va, EGRET_ACCESS_WRITE);
}

static void count(uint64_t *vram, uint64_t *host, const struct egret_span *span, uint64_t size)
{
	*(span->host ? vram : host) += size;
}

EGRET_GUEST_ACCESS
static void guest_move(uint8_t *to, const uint8_t *from, uint64_t size)
{
	memmove(to, from, size);
}

/* Copy up to @size bytes that are contiguous on both sides. Sets @size to what was done. */
static int copy_span(struct egret_copy *c, struct egret_port *port, uint64_t src, uint64_t dst,
		     uint64_t *size, struct egret_fault *fault)
{
	struct egret_span from, to;
	uint8_t bounce[BOUNCE];
	int ret = 0;

	if (egret_port_span(port, src, *size, EGRET_ACCESS_READ, &from, fault) ||
	    egret_port_span(port, dst, from.size, EGRET_ACCESS_WRITE, &to, fault))
		return -1;
	*size = to.size;
	if (from.host && to.host) {
		guest_move(to.host, from.host, *size);
	} else if (to.host) {
		ret = host_read(port, src, &from, size, to.host, fault);
	} else if (from.host) {
		ret = host_write(port, dst, &to, size, from.host, fault);
	} else {
		if (*size > sizeof(bounce))
			*size = sizeof(bounce);
		ret = host_read(port, src, &from, size, bounce, fault);
		if (!ret)
			ret = host_write(port, dst, &to, size, bounce, fault);
	}
	if (ret)
		return ret;
	count(&c->done.vram_read, &c->done.host_read, &from, *size);
	count(&c->done.vram_write, &c->done.host_write, &to, *size);
	return 0;
}

/* @to is where the pattern begins anew: see fill_span(). */
EGRET_GUEST_ACCESS
static void guest_fill(uint8_t *to, uint64_t size, uint64_t pattern)
{
	for (; size >= 8; size -= 8, to += 8)
		memcpy(to, &pattern, 8);
	memcpy(to, &pattern, size);
}

/*
 * Pieces, pages and bounces end at multiples of 8, and the fill begins at a multiple of the
 * pattern's width: so every span begins with a whole pattern.
 */
static int fill_span(struct egret_copy *c, struct egret_port *port, uint64_t dst, uint64_t *size,
		     struct egret_fault *fault)
{
	uint8_t bounce[BOUNCE];
	struct egret_span to;

	if (egret_port_span(port, dst, *size, EGRET_ACCESS_WRITE, &to, fault))
		return -1;
	*size = to.size;
	if (to.host) {
		guest_fill(to.host, *size, c->pattern);
	} else {
		if (*size > sizeof(bounce))
			*size = sizeof(bounce);
		guest_fill(bounce, *size, c->pattern);
		if (host_write(port, dst, &to, size, bounce, fault))
			return -1;
	}
	count(&c->done.vram_write, &c->done.host_write, &to, *size);
	return 0;
}

/* Whether the copy is complete after this row. */
static bool next_row(struct egret_copy *c)
{
	c->byte = 0;
	if (++c->row < c->rows)
		return false;
	c->row = 0;
	return ++c->slice == c->slices;
}

int egret_copy_step(struct egret_copy *c, struct egret_port *port, struct egret_fault *fault)
{
	uint64_t left = EGRET_COPY_PIECE;
	unsigned int rows = EGRET_COPY_ROWS;

	while (left && rows) {
		uint64_t src = c->src + c->slice * c->src_slice + c->row * c->src_pitch + c->byte;
		uint64_t dst = c->dst + c->slice * c->dst_slice + c->row * c->dst_pitch + c->byte;
		uint64_t size = c->width - c->byte;

		if (size > left)
			size = left;
		if (c->fill ? fill_span(c, port, dst, &size, fault) :
			      copy_span(c, port, src, dst, &size, fault))
			return -1;
		left -= size;
		c->byte += size;
		if (c->byte < c->width)
			continue;
		if (next_row(c))
			return 1;
		rows--;
	}
	return 0;
}

uint64_t egret_copy_cycles(const struct egret_copy *c)
{
	return egret_perf_copy(&c->done, c->rows * c->slices);
}
