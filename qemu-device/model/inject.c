// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * What no guest can bring about: faults of the chip on demand.
 *
 * They are for testing what a driver makes of them, so each appears to the guest
 * exactly as the specification says that the real fault would. Where one takes
 * effect: memory errors in mem.c, hung clusters and delays in worker.c, fences in cp.c,
 * interrupts in irq.c, resets that hang in regs.c and model.c, everything of the management
 * controller in mc.c.
 */
#include <errno.h>

#include "mc.h"
#include "model.h"

/* What the units have translated may lead to the page. */
static int spoil_memory(struct egret_model *m, uint64_t offset)
{
	static const struct egret_invalidation everything = { .context = EGRET_CONTEXT_ALL };
	int ret;

	if (!egret_mem_in_vram(&m->mem, offset, 1))
		return -EINVAL;
	egret_lock(m);
	ret = egret_mem_spoil(&m->mem, offset);
	egret_unlock(m);
	if (!ret)
		egret_mmu_invalidate(&m->mmu, &everything, false);
	return ret;
}

static int hang_cluster(struct egret_model *m, uint64_t n)
{
	struct egret_worker *w;

	if (n >= m->threads)
		return -EINVAL; /* nobody is there to hang */
	egret_lock(m);
	w = &m->workers[1 + n];
	if (w->health == EGRET_WORKER_WELL) {
		w->health = EGRET_WORKER_HUNG;
		atomic_store_explicit(&w->look, true, memory_order_relaxed);
	}
	egret_unlock(m);
	return 0;
}

static int slow_down(struct egret_model *m, uint64_t us)
{
	if (us > EGRET_INJECT_SLOW_US_MAX)
		return -EINVAL;
	egret_lock(m);
	atomic_store_explicit(&m->injected.slow_us, us, memory_order_relaxed);
	pthread_cond_broadcast(&m->unpark);
	egret_unlock(m);
	return 0;
}

static int hang_resets(struct egret_model *m, uint64_t which)
{
	if (which > EGRET_RESET_HANG_ALL)
		return -EINVAL;
	egret_lock(m);
	m->injected.reset_hang = which;
	if (!which)
		m->reset_hangs = false;
	egret_unlock(m);
	return 0;
}

static int spoil_vector(_Atomic uint32_t *vectors, uint64_t vector)
{
	if (vector >= EGRET_MSIX_VECTORS)
		return -EINVAL;
	atomic_fetch_or_explicit(vectors, 1u << vector, memory_order_relaxed);
	return 0;
}

int egret_model_inject(struct egret_model *m, enum egret_model_injection what, uint64_t value)
{
	int ret;

	switch (what) {
	case EGRET_INJECT_CLUSTER_HANG:
		return hang_cluster(m, value);
	case EGRET_INJECT_FENCE:
		atomic_store_explicit(&m->injected.fence, value, memory_order_relaxed);
		return 0;
	case EGRET_INJECT_BUS_ERROR:
		if (value > UINT32_MAX)
			return -EINVAL;
		atomic_store_explicit(&m->mem.refused, value, memory_order_relaxed);
		return 0;
	case EGRET_INJECT_SLOWDOWN:
		return slow_down(m, value);
	case EGRET_INJECT_RESET_HANG:
		return hang_resets(m, value);
	case EGRET_INJECT_INTERRUPT_LOSS:
		return spoil_vector(&m->injected.lost_vectors, value);
	case EGRET_INJECT_INTERRUPT_REPEAT:
		return spoil_vector(&m->injected.repeated_vectors, value);
	case EGRET_INJECT_ECC_UNCORRECTED:
		ret = spoil_memory(m, value);
		if (ret)
			return ret;
		break;
	default:
		break;
	}
	return egret_mc_inject(m->mc, what, value);
}

void egret_inject_clear(struct egret_model *m)
{
	egret_mem_heal(&m->mem);
	atomic_store_explicit(&m->mem.refused, 0, memory_order_relaxed);
	atomic_store_explicit(&m->injected.fence, 0, memory_order_relaxed);
	atomic_store_explicit(&m->injected.slow_us, 0, memory_order_relaxed);
	atomic_store_explicit(&m->injected.lost_vectors, 0, memory_order_relaxed);
	atomic_store_explicit(&m->injected.repeated_vectors, 0, memory_order_relaxed);
	m->injected.reset_hang = EGRET_RESET_HANG_NONE;
}
