/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_RING_H
#define EGRET_RING_H

#include <linux/bits.h>
#include <linux/types.h>

#include <egret/packet.h>

struct drm_egret_call;

/* Packets of a ring: three jobs of the largest size, and a power of two. */
#define EGRET_RING_ORDER	8
#define EGRET_RING_PACKETS	BIT(EGRET_RING_ORDER)
#define EGRET_RING_BYTES	(EGRET_RING_PACKETS * EGRET_PACKET_SIZE)
/*
 * Fewer packets are ever in the ring than it holds: the card writes a job's
 * number before it counts the FENCE packet as consumed.
 */
#define EGRET_RING_ROOM	(EGRET_RING_PACKETS - 2)

/**
 * struct egret_ring - the packets of a queue
 */
struct egret_ring {
	/**
	 * @packets: EGRET_RING_PACKETS of them. NULL when they were freed because the
	 * card is gone; then there are no jobs.
	 */
	union egret_packet *packets;
	/** @tail: Packets produced since the card began at the first. */
	u64 tail;
};

void egret_ring_add_calls(struct egret_ring *ring, const struct drm_egret_call *calls, u32 count);
void egret_ring_add_packets(struct egret_ring *ring, const union egret_packet *packets, u32 count);
void egret_ring_add_fence(struct egret_ring *ring, u64 va, u64 seqno);

#endif /* EGRET_RING_H */
