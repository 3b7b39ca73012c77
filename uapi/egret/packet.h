/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * Packets of the hardware queues.
 *
 * Every packet is 64 bytes. Bits and bytes that a packet does not name must be
 * zero. Addresses are virtual addresses of the queue's context.
 *
 * Packets of a queue start in order. A packet with EGRET_PKT_BARRIER starts
 * when all earlier packets of the queue have completed; without it, a DISPATCH,
 * COPY or FILL may overlap with those before it. FENCE, TIMESTAMP and BARRIER
 * always wait for all earlier packets. Everything that earlier packets wrote is
 * visible to a packet that waited for them, and to the host when it sees a
 * FENCE's value.
 *
 * Specification: Documentation/hardware/queues.rst
 */
#ifndef EGRET_PACKET_H
#define EGRET_PACKET_H

#include <egret/types.h>

#define EGRET_PACKET_SIZE		64	/* bytes of a packet */
#define EGRET_CALL_DEPTH_MAX		4	/* deepest CALL */
#define EGRET_ARGS_SIZE_MAX		4096	/* most bytes of arguments */
#define EGRET_GRID_MAX			0x00ffffff	/* in each dimension; the product is below 2^32 */

enum egret_opcode {
	EGRET_OP_NOP			= 0x00,	/* nothing */
	EGRET_OP_FENCE			= 0x01,	/* write a value, and optionally interrupt */
	EGRET_OP_WAIT			= 0x02,	/* wait until memory holds at least a value */
	EGRET_OP_COPY			= 0x03,	/* copy bytes */
	EGRET_OP_COPY_RECT		= 0x04,	/* copy a block of rows and slices */
	EGRET_OP_FILL			= 0x05,	/* fill with a pattern */
	EGRET_OP_DISPATCH		= 0x06,	/* run a kernel over a grid of workgroups */
	EGRET_OP_CALL			= 0x07,	/* run the packets of another buffer, then go on */
	EGRET_OP_TIMESTAMP		= 0x08,	/* write the time */
	EGRET_OP_BARRIER		= 0x09,	/* wait for all earlier packets */
};

/* Flags of a packet's header. */
#define EGRET_PKT_BARRIER		0x01	/* any packet: start after all earlier packets */
#define EGRET_PKT_INTERRUPT		0x02	/* FENCE: raise the queue's vector after the write */
#define EGRET_PKT_INVALIDATE_CODE	0x04	/* DISPATCH, BARRIER: forget cached instructions of the context first */

/* First word of every packet. */
struct egret_pkt_header {
	__u8 opcode;		/* enum egret_opcode */
	__u8 flags;		/* EGRET_PKT_* */
	__le16 reserved;
};

/* EGRET_OP_NOP, EGRET_OP_BARRIER */
struct egret_pkt_nop {
	struct egret_pkt_header header;
	__le32 reserved[15];
};

/* EGRET_OP_FENCE */
struct egret_pkt_fence {
	struct egret_pkt_header header;
	__le32 reserved0;
	__le64 addr;		/* where to write, a multiple of 8 */
	__le64 value;		/* what to write, 64 bits at once */
	__le32 reserved1[10];
};

/* EGRET_OP_WAIT */
struct egret_pkt_wait {
	struct egret_pkt_header header;
	__le32 reserved0;
	__le64 addr;		/* what to read, a multiple of 8 */
	__le64 value;		/* goes on when the word, unsigned, is at least this */
	__le32 reserved1[10];
};

/* EGRET_OP_COPY: the two ranges must not overlap */
struct egret_pkt_copy {
	struct egret_pkt_header header;
	__le32 reserved0;
	__le64 src;		/* any alignment */
	__le64 dst;		/* any alignment */
	__le64 size;		/* bytes, 1 or more */
	__le32 reserved1[8];
};

/* EGRET_OP_COPY_RECT: the blocks must not overlap */
struct egret_pkt_copy_rect {
	struct egret_pkt_header header;
	__le32 width;		/* bytes of a row, 1 or more */
	__le64 src;
	__le64 dst;
	__le32 rows;		/* rows of a slice, 1 or more */
	__le32 slices;		/* 1 or more */
	__le64 src_pitch;	/* bytes from a row to the next */
	__le64 dst_pitch;
	__le64 src_slice;	/* bytes from a slice to the next */
	__le64 dst_slice;
};

/* EGRET_OP_FILL */
struct egret_pkt_fill {
	struct egret_pkt_header header;
	__le32 width;		/* bytes of the pattern: 1, 2, 4 or 8 */
	__le64 dst;		/* a multiple of the width */
	__le64 size;		/* bytes, a multiple of the width, not zero */
	__le64 pattern;		/* the low bytes are used; the others must be zero */
	__le32 reserved[8];
};

/* EGRET_OP_DISPATCH */
struct egret_pkt_dispatch {
	struct egret_pkt_header header;
	__le32 args_size;	/* bytes of arguments, up to EGRET_ARGS_SIZE_MAX */
	__le64 entry;		/* address of the kernel's first instruction */
	__le64 args;		/* address of the arguments, which each workgroup gets a copy of; 0 if there are none */
	__le32 grid[3];		/* workgroups in x, y, z; each 1 or more */
	__le32 reserved0;
	__le64 profile;		/* where to write struct egret_profile at the end; 0 for nowhere; a multiple of 8 */
	__le64 cookie;		/* any value; the fault record repeats it */
	__le64 reserved1;
};

/* EGRET_OP_CALL */
struct egret_pkt_call {
	struct egret_pkt_header header;
	__le32 count;		/* packets, 1 or more */
	__le64 addr;		/* address of the first, a multiple of 64 */
	__le32 reserved[12];
};

/* EGRET_OP_TIMESTAMP */
struct egret_pkt_timestamp {
	struct egret_pkt_header header;
	__le32 reserved0;
	__le64 addr;		/* where to write struct egret_timestamp, a multiple of 8 */
	__le32 reserved1[12];
};

/* One packet of a ring, whatever it is. */
union egret_packet {
	struct egret_pkt_header header;
	struct egret_pkt_nop nop;
	struct egret_pkt_fence fence;
	struct egret_pkt_wait wait;
	struct egret_pkt_copy copy;
	struct egret_pkt_copy_rect copy_rect;
	struct egret_pkt_fill fill;
	struct egret_pkt_dispatch dispatch;
	struct egret_pkt_call call;
	struct egret_pkt_timestamp timestamp;
	__le32 words[16];
};

/* What TIMESTAMP writes. */
struct egret_timestamp {
	__le64 time;		/* EGRET_REG_TIME, ns */
	__le64 cycles;		/* EGRET_Q_BUSY_CYCLES of the queue, modelled */
};

/*
 * What a DISPATCH reports of itself. All cycles are modelled core clock cycles.
 * For each workgroup, hart + tile_wait + dma_wait = its elapsed cycles; sums
 * are over the workgroups.
 */
struct egret_profile {
	__le64 start;		/* EGRET_Q_BUSY_CYCLES of the queue when it began */
	__le64 cycles;		/* from the first workgroup's start to the last one's end */
	__le64 hart_cycles;	/* sum: executing instructions */
	__le64 tile_wait;	/* sum: waiting for the tile engine */
	__le64 dma_wait;	/* sum: waiting for the DMA unit */
	__le64 tile_busy;	/* sum: cycles of tile operations */
	__le64 dma_busy;	/* sum: cycles of DMA operations */
	__le64 instructions;	/* sum: instructions retired */
	__le64 macs;		/* multiply-accumulates of matrix operations */
	__le64 vram_read;	/* bytes of device memory read */
	__le64 vram_write;	/* bytes of device memory written */
	__le64 host_read;	/* bytes of system memory read */
	__le64 host_write;	/* bytes of system memory written */
	__le64 workgroups;	/* workgroups run */
	__le64 reserved[2];	/* zero */
};

#endif /* EGRET_PACKET_H */
