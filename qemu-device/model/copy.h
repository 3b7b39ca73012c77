/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * Copy engines: COPY, COPY_RECT and FILL.
 *
 * A copy is done in pieces of at most EGRET_COPY_PIECE bytes, between which a queue can
 * be killed, paused, or give way to another. Pieces go upwards through a row, the rows
 * of a slice and the slices, so that struct egret_copy says how far it has come.
 */
#ifndef EGRET_MODEL_COPY_H
#define EGRET_MODEL_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include <egret/packet.h>

#include "fault.h"
#include "mmu.h"
#include "perf.h"

#define EGRET_COPY_PIECE	(1u << 20)
#define EGRET_COPY_SMALL	(1u << 16)	/* so little that no copy engine needs to be woken for it */
#define EGRET_COPY_ROWS		1024		/* rows in a piece, at most */

/** struct egret_copy - a copy or a fill, and how much of it has been done */
struct egret_copy {
	bool fill;
	uint64_t src, dst;	/* row 0 of slice 0 */
	uint64_t width;		/* bytes of a row */
	uint64_t rows, slices;
	uint64_t src_pitch, dst_pitch;
	uint64_t src_slice, dst_slice;
	uint64_t pattern;	/* of a fill, repeated to 8 bytes; @dst is a multiple of its width */

	uint64_t slice, row, byte; /* first byte that has not been copied */
	struct egret_traffic done; /* what was moved so far */
};

/** egret_copy_is() - is it a packet for a copy engine? */
bool egret_copy_is(const union egret_packet *p);

/** egret_copy_begin() - prepare the copy that a valid packet asks for */
void egret_copy_begin(struct egret_copy *c, const union egret_packet *p);

/** egret_copy_is_small() - is it no more than EGRET_COPY_SMALL bytes, and few rows? */
bool egret_copy_is_small(const struct egret_copy *c);

/**
 * egret_copy_step() - do the next piece
 * @c: copy
 * @port: port to reach memory through
 * @fault: filled in on a fault
 *
 * Return: 1 when the copy is complete, 0 when there is more, -1 with @fault.
 */
int egret_copy_step(struct egret_copy *c, struct egret_port *port, struct egret_fault *fault);

/** egret_copy_cycles() - modelled cycles of the complete copy */
uint64_t egret_copy_cycles(const struct egret_copy *c);

#endif /* EGRET_MODEL_COPY_H */
