/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * What one chip consists of. Locks and threads: see model.c.
 */
#ifndef EGRET_MODEL_MODEL_H
#define EGRET_MODEL_MODEL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <egret/pci.h>
#include <egret/regs.h>

#include "egret_model.h"
#include "mem.h"
#include "mmu.h"
#include "queue.h"
#include "runlist.h"
#include "worker.h"

#define EGRET_DEFAULT_COPY_ENGINES	2

/** struct egret_counters - EGRET_REG_CNT_* */
struct egret_counters {
	uint64_t cycles;
	uint64_t packets;
	uint64_t dispatches;
	uint64_t workgroups;
	struct egret_traffic traffic;
	uint64_t macs;
	uint64_t instructions;
	uint64_t interrupts;
	uint64_t faults;
};

/* What is done after the lock has been given back (egret_unlock()). */
struct egret_after {
	uint32_t vectors;	/* interrupts to send */
	bool work;		/* the chip is not idle any more */
	unsigned int wake_cp;	/* threads to wake: see "Waking" in worker.c */
	unsigned int wake_clusters;
	unsigned int wake_copy;
	struct egret_queue *faulted; /* a queue whose fault is to be logged and traced */
	struct egret_fault fault; /* its fault */
	uint64_t fault_packet;
	bool invalidated;	/* an invalidation is to be traced */
	struct egret_invalidation invalidation;
};

/* Kinds of reset in progress. */
enum egret_reset {
	EGRET_RESET_NONE,
	EGRET_RESET_KIND_ENGINES,
	EGRET_RESET_KIND_CHIP,
	EGRET_RESET_KIND_SLEEP,
	EGRET_RESET_KIND_COLD,
	EGRET_RESET_KIND_LOAD,	/* cold, but device memory is somebody else's business */
};

struct egret_mc;

/* Of what egret_model_inject() can do, that which those who work have to ask for. */
struct egret_injected {
	_Atomic uint64_t fence;	/* bits of the next FENCE's value to invert */
	_Atomic uint32_t slow_us; /* delay of packets and quanta */
	_Atomic uint32_t lost_vectors; /* whose next message is not sent */
	_Atomic uint32_t repeated_vectors; /* whose next message is sent twice */
	uint32_t reset_hang;	/* enum egret_reset_hang; protected by the lock */
};

struct egret_model {
	/* Fixed after creation. */
	unsigned int clusters;
	unsigned int threads;		/* clusters that have a thread, the first ones */
	bool serial_order;		/* one thread does it all (worker.c) */
	unsigned int copy_engines;
	unsigned int queues;
	unsigned int contexts;
	uint64_t serial;
	struct egret_mem mem;
	struct egret_mmu mmu;
	struct egret_worker *workers; /* command processor, clusters, copy engines */
	unsigned int worker_count;
	struct egret_queue *queue;

	pthread_mutex_t lock;

	/* Registers (regs.c). */
	uint32_t test;
	uint32_t power;
	uint32_t reset_count;
	bool vram_kept;
	uint32_t irq_status;
	uint32_t irq_enable;
	uint32_t fault_pending[EGRET_FAULT_PENDING_COUNT];
	uint64_t inv_addr;
	uint64_t inv_size;
	uint64_t *context;	/* as written; egret_mmu.root holds what is in force */
	uint32_t slice_register;
	uint32_t read_latch;
	uint32_t write_latch;
	_Atomic uint64_t time_base;
	struct egret_counters counters;
	struct egret_cluster_totals cluster_totals[EGRET_MAX_CLUSTERS];

	/* Scheduling. */
	uint64_t slice;			/* slice_register, but not less than EGRET_SCHED_SLICE_MIN */
	struct egret_runlist ready;	/* queues with packets for the command processor */
	struct egret_runlist copies;	/* queues with copies, and copy queues */
	struct egret_runlist groups;	/* queues with workgroups to give out or running */
	struct egret_queue_list waiting; /* queues at a WAIT */
	unsigned int waiting_count;
	unsigned int active;		/* queues that are neither nowhere nor waiting */
	uint64_t wakeups;		/* reasons to look that have come, to see whether one came between */
	bool recheck;			/* all waiting queues must look again */
	bool new_wait;			/* a queue has begun to wait */
	uint64_t checks;		/* rounds of @recheck that have been done */

	/* Workers (worker.c). */
	pthread_cond_t cp_wake;
	pthread_cond_t cluster_wake;
	pthread_cond_t copy_wake;
	pthread_cond_t unpark;
	pthread_cond_t changed;		/* running or active became zero, a reset is done, ... */
	bool cp_idle;			/* the command processor's thread waits */
	unsigned int cluster_idle;	/* clusters whose threads wait */
	unsigned int looking;		/* threads that are about to look for packets, without the lock yet */
	unsigned int running;		/* workers that may access memory or call back now */
	unsigned int engaged;		/* workers with work in hand, also those that pause in it */
	unsigned int paused;
	enum egret_reset resetting;
	bool reset_hangs;		/* a reset began that does not end, until the next one that does */
	bool halted;			/* stopped at the critical temperature */
	bool quit;

	struct egret_after after;
	struct egret_injected injected;

	struct egret_mc *mc;
};

/* ---- model.c -------------------------------------------------------------- */

void egret_lock(struct egret_model *m);

/** egret_unlock() - give the lock back, then do what m->after asks for */
void egret_unlock(struct egret_model *m);

/** egret_time() - EGRET_REG_TIME; not with the lock held */
uint64_t egret_time(struct egret_model *m);

/** egret_state() - EGRET_REG_STATE but for the management controller's part; with the lock held */
uint32_t egret_state(const struct egret_model *m);

/** egret_is_ready() - whether no reset is under way, so that registers may be used; with the lock held */
static inline bool egret_is_ready(const struct egret_model *m)
{
	return !m->resetting && !m->reset_hangs;
}

/** egret_reset_start() - begin a reset; with the lock held. The command processor completes it. */
void egret_reset_start(struct egret_model *m, enum egret_reset kind);

/** egret_model_reset_for_load() - a cold reset that leaves device memory alone; as egret_model_reset() */
void egret_model_reset_for_load(struct egret_model *m);

/** egret_reset_finish() - all units are at rest: do it. With the lock held, which it drops meanwhile. */
void egret_reset_finish(struct egret_model *m);

/* ---- irq.c ------------------------------------------------------------------ */

/* With the lock held. */
void egret_irq_vector(struct egret_model *m, unsigned int vector);
void egret_irq_raise(struct egret_model *m, uint32_t causes);
void egret_irq_clear(struct egret_model *m, uint32_t causes);
void egret_irq_set_enable(struct egret_model *m, uint32_t causes);
void egret_irq_queue_fault(struct egret_model *m, unsigned int queue);

/** egret_irq_send() - send what egret_irq_vector() asked for; without the lock */
void egret_irq_send(struct egret_model *m, uint32_t vectors);

/* ---- inject.c --------------------------------------------------------------- */

#define EGRET_INJECT_SLOW_US_MAX	100000

/** egret_inject_clear() - end all injected faults that last, but for those of clusters; with the lock held */
void egret_inject_clear(struct egret_model *m);

/* ---- trace.c ---------------------------------------------------------------- */

/* Not with the lock held. */
void egret_trace(struct egret_model *m, const char *what, int queue, uint64_t a, uint64_t b,
		 uint64_t c);
void egret_log(struct egret_model *m, enum egret_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* EGRET_MODEL_MODEL_H */
