/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
/*
 * Memory in pieces, and what a copy of it takes: free of hardware, so that it can
 * be tested by itself.
 */
#ifndef EGRET_EXTENT_H
#define EGRET_EXTENT_H

#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/types.h>

#include <egret/packet.h>

/**
 * struct egret_extent - contiguous memory
 */
struct egret_extent {
	/** @addr: Address on the card: offset in device memory, or bus address. */
	u64 addr;
	/** @size: Bytes. */
	u64 size;
};

/**
 * struct egret_extent_walk - a walk over extents
 */
struct egret_extent_walk {
	/** @extent: Extent that comes next. */
	const struct egret_extent *extent;
	/** @skip: Bytes of it that are done. */
	u64 skip;
};

/**
 * egret_extent_next() - next contiguous piece
 * @walk: walk, which is moved behind the piece
 * @max: at most so many bytes, not zero, not beyond the end
 * @addr: where the piece is
 *
 * Return: bytes of the piece.
 */
static inline u64 egret_extent_next(struct egret_extent_walk *walk, u64 max, u64 *addr)
{
	u64 size = min(max, walk->extent->size - walk->skip);

	*addr = walk->extent->addr + walk->skip;
	walk->skip += size;
	if (walk->skip == walk->extent->size) {
		walk->extent++;
		walk->skip = 0;
	}
	return size;
}

/**
 * struct egret_extent_copy - what packets do with extents
 */
struct egret_extent_copy {
	/** @vram: Virtual address of device memory offset 0. */
	u64 vram;
	/** @pages: Virtual address of the other side; zero to fill with zeros. */
	u64 pages;
	/** @to_vram: Whether the other side is copied to device memory. */
	bool to_vram;
};

static inline void egret_extent_packet(union egret_packet *packet,
				       const struct egret_extent_copy *copy,
				       u64 vram, u64 pages, u64 size)
{
	memset(packet, 0, sizeof(*packet));
	if (!copy->pages) {
		packet->fill.header.opcode = EGRET_OP_FILL;
		packet->fill.width = cpu_to_le32(8);
		packet->fill.dst = cpu_to_le64(vram);
		packet->fill.size = cpu_to_le64(size);
		return;
	}
	packet->copy.header.opcode = EGRET_OP_COPY;
	packet->copy.src = cpu_to_le64(copy->to_vram ? pages : vram);
	packet->copy.dst = cpu_to_le64(copy->to_vram ? vram : pages);
	packet->copy.size = cpu_to_le64(size);
}

/**
 * egret_extent_packets() - write packets for the next extents
 * @walk: walk, which is moved behind what the packets do
 * @copy: what they do
 * @max: at most so many bytes, not zero, not beyond the end
 * @packets: where to
 * @count: in: room; out: packets written
 *
 * The first packet waits for whatever was before it, because the memory may have
 * been in use by then.
 *
 * Return: bytes that the packets deal with.
 */
static inline u64 egret_extent_packets(struct egret_extent_walk *walk,
				       const struct egret_extent_copy *copy, u64 max,
				       union egret_packet *packets, u32 *count)
{
	u64 done = 0;
	u32 n;

	for (n = 0; n < *count && done < max; n++) {
		u64 addr, size = egret_extent_next(walk, max - done, &addr);

		egret_extent_packet(&packets[n], copy, copy->vram + addr,
				    copy->pages + done, size);
		done += size;
	}
	packets[0].header.flags = EGRET_PKT_BARRIER;
	*count = n;
	return done;
}

#endif /* EGRET_EXTENT_H */
