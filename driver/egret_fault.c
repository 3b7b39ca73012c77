// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Queue faults.
 *
 * A fault is the owner's mistake and the owner's alone: its queue stops and is
 * dead from then on, all others go on. The record is kept for
 * DRM_EGRET_QUEUE_QUERY.
 */
#include <linux/dma-fence.h>
#include <drm/drm_drv.h>

#include <egret/fault.h>

#include "egret_fault.h"
#include "egret_hw.h"
#include "egret_queue.h"
#include "egret_trace.h"

/**
 * egret_fault_is_mistake() - whether packets or kernels did something wrong
 * @fault: fault record
 *
 * Return: false if the queue was only the one that met a broken part of the card, of the
 * driver or of the bus.
 */
bool egret_fault_is_mistake(const struct egret_fault *fault)
{
	switch (fault->code) {
	case EGRET_FAULT_RING:
	case EGRET_FAULT_MMU_TABLE:
	case EGRET_FAULT_BUS:
	case EGRET_FAULT_ECC:
	case EGRET_FAULT_HUNG:
		return false;
	default:
		return true;
	}
}

static void egret_fault_read(struct egret_device *edev, u32 q, struct egret_fault *fault)
{
	fault->code = egret_queue_read(edev, q, EGRET_Q_FAULT_CODE);
	fault->info = egret_queue_read(edev, q, EGRET_Q_FAULT_INFO);
	fault->value = egret_queue_read(edev, q, EGRET_Q_FAULT_VALUE);
	fault->group[0] = egret_queue_read(edev, q, EGRET_Q_FAULT_GROUP_X);
	fault->group[1] = egret_queue_read(edev, q, EGRET_Q_FAULT_GROUP_Y);
	fault->group[2] = egret_queue_read(edev, q, EGRET_Q_FAULT_GROUP_Z);
	fault->addr = egret_queue_read64(edev, q, EGRET_Q_FAULT_ADDR);
	fault->pc = egret_queue_read64(edev, q, EGRET_Q_FAULT_PC);
	fault->packet = egret_queue_read64(edev, q, EGRET_Q_FAULT_PACKET);
	fault->cookie = egret_queue_read64(edev, q, EGRET_Q_FAULT_COOKIE);
}

/* The record of a queue that has faulted; false if it has not. */
static bool egret_fault_get(struct egret_device *edev, u32 q, struct egret_fault *fault)
{
	bool faulted = false;
	int idx;

	if (!drm_dev_enter(&edev->drm, &idx))
		return false;
	if (egret_hw_enter(edev)) {
		faulted = egret_queue_read(edev, q, EGRET_Q_STATUS) == EGRET_Q_STATE_FAULTED;
		if (faulted)
			egret_fault_read(edev, q, fault);
		egret_hw_exit(edev);
	}
	drm_dev_exit(idx);
	return faulted;
}

static void egret_fault_handle(struct egret_device *edev, u32 q)
{
	struct egret_queue *queue = egret_queue_lookup_hw(edev, q);
	struct egret_fault fault;

	/* A bit may be left from the hardware queue's former owner. */
	if (!queue)
		return;
	if (egret_fault_get(edev, q, &fault)) {
		trace_egret_fault(queue, &fault);
		egret_queue_kill(queue, DRM_EGRET_QUEUE_DEAD_FAULT, &fault);
		/* Not the queue's doing: an engine is broken, and stays so until it is reset. */
		if (fault.code == EGRET_FAULT_HUNG)
			egret_reset_request(edev, EGRET_RESET_LEVEL_ENGINES,
					    EGRET_RESET_CAUSE_ENGINE);
	}
	egret_queue_put(queue);
}

/* Take 32 bits of the pending register. */
static u32 egret_fault_take(struct egret_device *edev, unsigned int n)
{
	u32 pending = 0;
	int idx;

	if (!drm_dev_enter(&edev->drm, &idx))
		return 0;
	if (egret_hw_enter(edev)) {
		pending = egret_read(edev, EGRET_REG_FAULT_PENDING(n));
		/* Before they are looked at: a fault that comes later sends a new message. */
		if (pending)
			egret_write(edev, EGRET_REG_FAULT_PENDING(n), pending);
		egret_hw_exit(edev);
	}
	drm_dev_exit(idx);
	return pending;
}

/**
 * egret_fault_handle_all() - handle the faults that the card reports
 * @edev: card
 *
 * Called from the interrupt's thread. Fences wait for it: nothing here allocates.
 */
void egret_fault_handle_all(struct egret_device *edev)
{
	bool cookie = dma_fence_begin_signalling();
	unsigned int n, bit;

	for (n = 0; n < DIV_ROUND_UP(edev->info.queues, 32); n++) {
		unsigned long pending = egret_fault_take(edev, n);

		for_each_set_bit(bit, &pending, 32)
			egret_fault_handle(edev, 32 * n + bit);
	}
	dma_fence_end_signalling(cookie);
}
