// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Packets of a ring.
 *
 * The driver counts the packets that it has produced, the card those that it has
 * consumed, both without end; a packet's place is its number modulo the size of the
 * ring. Whether there is room is not asked here: a job is not begun before there is
 * room for all its packets (egret_queue_has_room()).
 *
 * A packet is written as a whole, so that nothing of an earlier one is left in fields
 * that this kind of packet does not have.
 */
#include <linux/string.h>
#include <drm/egret_accel.h>

#include "egret_ring.h"

static union egret_packet *egret_ring_next(struct egret_ring *ring)
{
	return &ring->packets[ring->tail++ % EGRET_RING_PACKETS];
}

/**
 * egret_ring_add_calls() - add packets that run packets of user space
 * @ring: ring
 * @calls: which
 * @count: number of them
 */
void egret_ring_add_calls(struct egret_ring *ring, const struct drm_egret_call *calls, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		*egret_ring_next(ring) = (union egret_packet){
			.call = {
				.header.opcode = EGRET_OP_CALL,
				.header.flags = EGRET_PKT_BARRIER,
				.count = cpu_to_le32(calls[i].count),
				.addr = cpu_to_le64(calls[i].va),
			},
		};
}

/**
 * egret_ring_add_packets() - add packets as they are
 * @ring: ring
 * @packets: packets of the kernel
 * @count: number of them
 */
void egret_ring_add_packets(struct egret_ring *ring, const union egret_packet *packets, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		*egret_ring_next(ring) = packets[i];
}

/**
 * egret_ring_add_fence() - add the packet that ends a job
 * @ring: ring
 * @va: where it writes
 * @seqno: number of the job, which it writes
 */
void egret_ring_add_fence(struct egret_ring *ring, u64 va, u64 seqno)
{
	*egret_ring_next(ring) = (union egret_packet){
		.fence = {
			.header.opcode = EGRET_OP_FENCE,
			.header.flags = EGRET_PKT_INTERRUPT,
			.addr = cpu_to_le64(va),
			.value = cpu_to_le64(seqno),
		},
	};
}
