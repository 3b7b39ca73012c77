/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_IRQ_H
#define EGRET_IRQ_H

#include <linux/completion.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include <egret/pci.h>

struct egret_device;

/**
 * struct egret_vector - one interrupt vector of queues
 */
struct egret_vector {
	/**
	 * @lock: Protects @active, and of each queue that uses this vector its
	 * jobs on the card and its state. Taken in interrupts. Fences are
	 * signalled under it, so that those of a queue signal in order.
	 */
	spinlock_t lock;
	/** @active: Queues that have jobs on the card. */
	struct list_head active;
};

/**
 * struct egret_irq - interrupt vectors of a card
 */
struct egret_irq {
	/** @vectors: Vectors of queues, by number. The first two are others. */
	struct egret_vector vectors[EGRET_MSIX_VECTORS];
	/** @num_vectors: Vectors that the host gave us. Constant after probe. */
	unsigned int num_vectors;
	/** @test: Completed when the test interrupt comes. */
	struct completion test;
};

int egret_irq_init(struct egret_device *edev);
void egret_irq_enable(struct egret_device *edev);
void egret_irq_fini(struct egret_device *edev);

/* Which vector queue number @q uses. */
static inline unsigned int egret_irq_vector(const struct egret_irq *irq, u32 q)
{
	return EGRET_VECTOR_QUEUE_FIRST + q % (irq->num_vectors - EGRET_VECTOR_QUEUE_FIRST);
}

#endif /* EGRET_IRQ_H */
