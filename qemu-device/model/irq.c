// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * Interrupts.
 *
 * A vector is asked for with the lock held and sent after the lock was given back, since
 * the callback may access registers. Vector EGRET_VECTOR_MANAGEMENT is sent when a bit of
 * IRQ_STATUS & IRQ_ENABLE becomes set, vector EGRET_VECTOR_FAULT when a bit of FAULT_PENDING
 * does. A bit that is set already sends nothing: software that clears a bit before it
 * looks for the cause misses none.
 */
#include "model.h"

void egret_irq_vector(struct egret_model *m, unsigned int vector)
{
	m->counters.interrupts++;
	m->after.vectors |= 1u << vector;
}

static void set(struct egret_model *m, uint32_t status, uint32_t enable)
{
	uint32_t before = m->irq_status & m->irq_enable;

	m->irq_status = status;
	m->irq_enable = enable;
	if (status & enable & ~before)
		egret_irq_vector(m, EGRET_VECTOR_MANAGEMENT);
}

void egret_irq_raise(struct egret_model *m, uint32_t causes)
{
	set(m, m->irq_status | (causes & EGRET_IRQ_ALL), m->irq_enable);
}

void egret_irq_clear(struct egret_model *m, uint32_t causes)
{
	set(m, m->irq_status & ~causes, m->irq_enable);
}

void egret_irq_set_enable(struct egret_model *m, uint32_t causes)
{
	set(m, m->irq_status, causes & EGRET_IRQ_ALL);
}

void egret_irq_queue_fault(struct egret_model *m, unsigned int queue)
{
	uint32_t bit = 1u << queue % 32;

	if (!(m->fault_pending[queue / 32] & bit))
		egret_irq_vector(m, EGRET_VECTOR_FAULT);
	m->fault_pending[queue / 32] |= bit;
}

/* True once for each vector that was injected. */
static bool take_vector(_Atomic uint32_t *vectors, unsigned int vector)
{
	uint32_t bit = 1u << vector;

	return atomic_load_explicit(vectors, memory_order_relaxed) & bit &&
	       atomic_fetch_and_explicit(vectors, ~bit, memory_order_relaxed) & bit;
}

static void send(struct egret_model *m, unsigned int vector)
{
	if (!atomic_load_explicit(&m->mem.bus_master, memory_order_acquire) ||
	    take_vector(&m->injected.lost_vectors, vector))
		return;
	m->mem.ops.interrupt(m->mem.opaque, vector,
			     take_vector(&m->injected.repeated_vectors, vector) ? 2 : 1);
}

void egret_irq_send(struct egret_model *m, uint32_t vectors)
{
	while (vectors) {
		unsigned int vector = __builtin_ctz(vectors);

		vectors &= vectors - 1;
		egret_trace(m, "interrupt", -1, vector, 0, 0);
		send(m, vector);
	}
}
