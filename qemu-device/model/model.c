// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * A chip as a whole: making it, ending it, resets, pauses.
 *
 * Files. regs.c is the register file, queue.c the states of queues, cp.c the command
 * processor, runlist.c the choice between queues, dispatch.c the workgroups of a
 * DISPATCH, copy.c the copy engines, worker.c the threads, mmu.c and mem.c the way to
 * memory, irq.c interrupts, trace.c events and log, inject.c faults on demand, save.c and snapshot.c saving, mc*.c the management controller,
 * cluster.c and what it includes a compute cluster.
 *
 * Threads. One for the command processor, each cluster and each copy engine
 * (worker.c; less by configuration), and one of the management controller (mc.c). Register accesses come from
 * the embedder's threads.
 *
 * Locks, from the outermost:
 *
 *   egret_model.lock	everything in struct egret_model and its queues; held shortly, never
 *			while a packet or workgroup runs
 *   egret_mmu.lock	the log of invalidations (mmu.h)
 *
 * No callback is made with any of them held, so that a callback may access registers. What
 * a section under the lock wants done afterwards it leaves in egret_model.after, and
 * egret_unlock() does it. Device memory itself has no lock, see mem.h. The management
 * controller has locks of its own, which it holds in no callback; it is called without
 * egret_model.lock, because it calls back for registers and interrupts.
 *
 * Resets. A reset makes workers drop what they have in hand, at the next boundary. When
 * nobody has anything any more, the command processor's thread puts the chip into its
 * first state (egret_reset_finish()). A register write only starts it; egret_model_reset()
 * waits for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mc.h"
#include "model.h"
#include "regs.h"

/* ---- Lock, and what comes after ------------------------------------------------- */

void egret_lock(struct egret_model *m)
{
	pthread_mutex_lock(&m->lock);
}

static void report_fault(struct egret_model *m, const struct egret_after *after)
{
	egret_trace(m, "fault", after->faulted->id, after->fault.code, after->fault.addr,
		    after->fault.pc);
	egret_log(m, EGRET_LOG_GUEST,
		  "queue %u: fault 0x%02x at packet %llu: addr 0x%llx pc 0x%llx info 0x%x value 0x%x",
		  after->faulted->id, after->fault.code, (unsigned long long)after->fault_packet,
		  (unsigned long long)after->fault.addr, (unsigned long long)after->fault.pc,
		  after->fault.info, after->fault.value);
}

void egret_unlock(struct egret_model *m)
{
	struct egret_after after = m->after;

	m->after = (struct egret_after) { .vectors = 0 };
	pthread_mutex_unlock(&m->lock);
	egret_wake_threads(m, &after);
	if (after.faulted)
		report_fault(m, &after);
	if (after.invalidated)
		egret_trace(m, "invalidate", -1,
			    after.invalidation.context == EGRET_CONTEXT_ALL ?
			    UINT64_MAX : after.invalidation.context,
			    after.invalidation.addr, after.invalidation.size);
	if (after.work)
		egret_mc_work(m->mc);
	egret_irq_send(m, after.vectors);
}

uint64_t egret_time(struct egret_model *m)
{
	return m->mem.ops.time_ns(m->mem.opaque) -
		atomic_load_explicit(&m->time_base, memory_order_relaxed);
}

uint32_t egret_state(const struct egret_model *m)
{
	return (egret_is_ready(m) ? EGRET_STATE_READY : 0) |
		(m->vram_kept ? EGRET_STATE_VRAM_KEPT : 0);
}

/* ---- Reset -------------------------------------------------------------------------- */

static void kill_all(struct egret_model *m)
{
	for (unsigned int i = 0; i < m->queues; i++)
		if (m->queue[i].state != EGRET_Q_STATE_DISABLED)
			egret_queue_command(m, &m->queue[i], EGRET_Q_CTRL_KILL);
}

void egret_reset_start(struct egret_model *m, enum egret_reset kind)
{
	if (m->resetting) {
		/* The more thorough one is carried out, for both. */
		if (kind > m->resetting)
			m->resetting = kind;
		return;
	}
	m->resetting = kind;
	m->reset_hangs = false;
	kill_all(m);
	egret_wake_all(m);
}

static void reset_engines(struct egret_model *m)
{
	static const struct egret_invalidation everything = { .context = EGRET_CONTEXT_ALL };

	for (unsigned int i = 0; i < m->queues; i++)
		egret_queue_reset(m, &m->queue[i]);
	egret_workers_clear(m);
	for (unsigned int i = 0; i < m->worker_count; i++) {
		m->workers[i].health = EGRET_WORKER_WELL;
		m->workers[i].restored = false;
		m->workers[i].queue = NULL;
		atomic_store_explicit(&m->workers[i].busy, false, memory_order_relaxed);
		atomic_store_explicit(&m->workers[i].last_queue, 0, memory_order_relaxed);
		atomic_store_explicit(&m->workers[i].pc, 0, memory_order_relaxed);
	}
	memset(m->cluster_totals, 0, sizeof(m->cluster_totals));
	memset(m->fault_pending, 0, sizeof(m->fault_pending));
	egret_mmu_invalidate(&m->mmu, &everything, false);
	/* Whoever asked for it (egret_model_wait_idle()) has his answer: nobody waits. */
	m->recheck = false;
	m->checks++;
}

static bool keeps_vram(const struct egret_model *m, enum egret_reset kind)
{
	if (kind == EGRET_RESET_KIND_SLEEP)
		return m->power & EGRET_POWER_KEEP_VRAM;
	return kind != EGRET_RESET_KIND_COLD;
}

void egret_reset_finish(struct egret_model *m)
{
	enum egret_reset kind;
	uint32_t resets;

	do {
		bool chip = m->resetting != EGRET_RESET_KIND_ENGINES;
		bool cold = m->resetting >= EGRET_RESET_KIND_COLD;
		bool keep = keeps_vram(m, m->resetting);

		kind = m->resetting;
		/* First, or the energy meter would begin with all that was done before. */
		if (chip)
			memset(&m->counters, 0, sizeof(m->counters));
		/* Nobody works and registers are closed: it is safe to let go of the lock. */
		egret_unlock(m);
		if (!keep)
			egret_mem_clear(&m->mem);
		if (cold)
			atomic_store_explicit(&m->time_base, m->mem.ops.time_ns(m->mem.opaque),
					      memory_order_relaxed);
		if (chip)
			egret_mc_reset(m->mc, cold);
		egret_lock(m);
		reset_engines(m);
		if (chip)
			egret_regs_reset(m);
		if (cold) {
			egret_inject_clear(m);
			m->halted = false;
		}
		m->vram_kept = keep && !cold;
		resets = cold ? 0 : m->reset_count + 1;
		m->reset_count = resets;
		egret_unlock(m);
		egret_trace(m, "reset", -1, kind, resets, 0);
		egret_lock(m);
		/* Asked for a more thorough one meanwhile? */
	} while (m->resetting != kind);
	m->resetting = EGRET_RESET_NONE;
	egret_wake_all(m);
}

static void wait_for_reset(struct egret_model *m)
{
	while (m->resetting)
		egret_wait(m, &m->changed);
}

/* Whether injected hangs take a reset from outside; if so, it has begun. */
static bool reset_hangs(struct egret_model *m, enum egret_model_reset kind)
{
	uint32_t hang = m->injected.reset_hang;

	if (hang == EGRET_RESET_HANG_ALL ||
	    (hang == EGRET_RESET_HANG_FUNCTION && kind == EGRET_MODEL_RESET_FUNCTION)) {
		m->reset_hangs = true;
		return true;
	}
	return false;
}

void egret_model_reset(struct egret_model *m, enum egret_model_reset kind)
{
	egret_lock(m);
	if (reset_hangs(m, kind)) {
		egret_unlock(m);
		return;
	}
	switch (kind) {
	case EGRET_MODEL_RESET_COLD:
		egret_reset_start(m, EGRET_RESET_KIND_COLD);
		break;
	case EGRET_MODEL_RESET_SLEEP:
		egret_reset_start(m, EGRET_RESET_KIND_SLEEP);
		break;
	case EGRET_MODEL_RESET_FUNCTION:
		egret_reset_start(m, EGRET_RESET_KIND_CHIP);
		break;
	}
	wait_for_reset(m);
	egret_unlock(m);
}

void egret_model_reset_for_load(struct egret_model *m)
{
	egret_lock(m);
	egret_reset_start(m, EGRET_RESET_KIND_LOAD);
	wait_for_reset(m);
	egret_unlock(m);
}

/* ---- The management controller's view ---------------------------------------------------- */

static uint64_t mc_time(void *opaque)
{
	return egret_time(opaque);
}

static void mc_counters(void *opaque, struct egret_mc_counters *counters)
{
	struct egret_model *m = opaque;

	egret_lock(m);
	counters->cycles = m->counters.cycles;
	counters->instructions = m->counters.instructions;
	counters->macs = m->counters.macs;
	counters->vram_bytes = m->counters.traffic.vram_read + m->counters.traffic.vram_write;
	counters->host_bytes = m->counters.traffic.host_read + m->counters.traffic.host_write;
	egret_unlock(m);
}

static uint64_t mc_reg_read(void *opaque, uint64_t offset, unsigned int size)
{
	return egret_model_reg_read(opaque, offset, size);
}

static void mc_raise(void *opaque, uint32_t causes)
{
	struct egret_model *m = opaque;

	egret_lock(m);
	egret_irq_raise(m, causes);
	egret_unlock(m);
}

static bool mc_busy(void *opaque)
{
	struct egret_model *m = opaque;
	bool busy;

	egret_lock(m);
	busy = m->active;
	egret_unlock(m);
	return busy;
}

static void mc_stop_engines(void *opaque)
{
	struct egret_model *m = opaque;

	egret_lock(m);
	/* Until a cold reset, no queue can be enabled. */
	m->halted = true;
	egret_reset_start(m, EGRET_RESET_KIND_ENGINES);
	egret_unlock(m);
}

static void mc_log(void *opaque, enum egret_log_level level, const char *text)
{
	egret_log(opaque, level, "management: %s", text);
}

static int create_mc(struct egret_model *m)
{
	static const struct egret_mc_ops ops = {
		.time = mc_time,
		.counters = mc_counters,
		.reg_read = mc_reg_read,
		.raise = mc_raise,
		.busy = mc_busy,
		.stop_engines = mc_stop_engines,
		.log = mc_log,
	};
	struct egret_mc_config config = {
		.vram = m->mem.vram,
		.vram_size = m->mem.vram_size,
		.threaded = true,
	};

	return egret_mc_create(&config, &ops, m, &m->mc);
}

/* ---- Creation --------------------------------------------------------------------------------- */

/* Fills in defaults. Of a larger structure than ours, what we do not know must be zero. */
static int read_config(const struct egret_model_config *from, struct egret_model_config *c)
{
	memset(c, 0, sizeof(*c));
	if (from) {
		size_t known = from->size < sizeof(*c) ? from->size : sizeof(*c);

		if (from->size < sizeof(from->size))
			return -EINVAL;
		for (size_t i = known; i < from->size; i++)
			if (((const uint8_t *)from)[i])
				return -EINVAL;
		memcpy(c, from, known);
	}
	if (!c->vram_size)
		c->vram_size = EGRET_VRAM_DEFAULT;
	if (!c->clusters)
		c->clusters = EGRET_DEFAULT_CLUSTERS;
	if (!c->copy_engines)
		c->copy_engines = EGRET_DEFAULT_COPY_ENGINES;
	if (!c->queues)
		c->queues = EGRET_MAX_QUEUES;
	if (!c->contexts)
		c->contexts = EGRET_MAX_CONTEXTS;
	if (c->vram_size % EGRET_VRAM_GRANULE || c->vram_size > EGRET_PTE_ADDR_MASK ||
	    (uintptr_t)c->vram % 4096 ||
	    c->clusters > EGRET_MAX_CLUSTERS || c->copy_engines > EGRET_MAX_COPY_ENGINES ||
	    c->threads > c->clusters ||
	    c->queues > EGRET_MAX_QUEUES || c->contexts > EGRET_MAX_CONTEXTS)
		return -EINVAL;
	return 0;
}

static void init_conditions(struct egret_model *m)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&m->cp_wake, &attr);
	pthread_cond_init(&m->cluster_wake, &attr);
	pthread_cond_init(&m->copy_wake, &attr);
	pthread_cond_init(&m->unpark, &attr);
	pthread_cond_init(&m->changed, &attr);
	pthread_condattr_destroy(&attr);
}

static void destroy_conditions(struct egret_model *m)
{
	pthread_cond_destroy(&m->cp_wake);
	pthread_cond_destroy(&m->cluster_wake);
	pthread_cond_destroy(&m->copy_wake);
	pthread_cond_destroy(&m->unpark);
	pthread_cond_destroy(&m->changed);
}

static struct egret_model *allocate(const struct egret_model_config *c)
{
	struct egret_model *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->clusters = c->clusters;
	m->threads = c->threads ? c->threads : c->clusters;
	m->serial_order = c->threads == 1;
	m->copy_engines = c->copy_engines;
	m->queues = c->queues;
	m->contexts = c->contexts;
	m->serial = c->serial;
	m->context = calloc(m->contexts, sizeof(*m->context));
	m->queue = calloc(m->queues, sizeof(*m->queue));
	if (!m->context || !m->queue) {
		free(m->context);
		free(m->queue);
		free(m);
		return NULL;
	}
	for (unsigned int i = 0; i < m->queues; i++)
		m->queue[i].id = i;
	egret_runlist_init(&m->ready);
	egret_runlist_init(&m->copies);
	egret_runlist_init(&m->groups);
	TAILQ_INIT(&m->waiting);
	pthread_mutex_init(&m->lock, NULL);
	init_conditions(m);
	return m;
}

static void release(struct egret_model *m)
{
	destroy_conditions(m);
	pthread_mutex_destroy(&m->lock);
	free(m->context);
	free(m->queue);
	free(m);
}

int egret_model_create(const struct egret_model_config *config,
		       const struct egret_model_ops *ops, void *opaque,
		       struct egret_model **out)
{
	struct egret_model_config c;
	struct egret_model *m;
	int ret;

	if (!out || !ops || !ops->read || !ops->write || !ops->interrupt || !ops->time_ns ||
	    read_config(config, &c))
		return -EINVAL;
	m = allocate(&c);
	if (!m)
		return -ENOMEM;
	ret = egret_mem_init(&m->mem, c.vram, c.vram_size, ops, opaque);
	if (ret)
		goto free_model;
	ret = egret_mmu_init(&m->mmu, &m->mem, m->contexts);
	if (ret)
		goto free_mem;
	atomic_init(&m->time_base, ops->time_ns(opaque));
	egret_regs_reset(m);
	ret = create_mc(m);
	if (ret)
		goto free_mmu;
	ret = egret_workers_start(m);
	if (ret)
		goto stop_workers;
	*out = m;
	return 0;

stop_workers:
	egret_workers_stop(m);
	egret_mc_destroy(m->mc);
	egret_workers_free(m);
free_mmu:
	egret_mmu_fini(&m->mmu);
free_mem:
	egret_mem_fini(&m->mem);
free_model:
	release(m);
	return ret;
}

void egret_model_destroy(struct egret_model *m)
{
	if (!m)
		return;
	/* Workers tell the controller of work, and the controller reads their registers. */
	egret_workers_stop(m);
	egret_mc_destroy(m->mc);
	egret_workers_free(m);
	egret_mmu_fini(&m->mmu);
	egret_mem_fini(&m->mem);
	release(m);
}

void *egret_model_vram(struct egret_model *m)
{
	return m->mem.vram;
}

uint64_t egret_model_vram_size(const struct egret_model *m)
{
	return m->mem.vram_size;
}

/* ---- Pause, idle ---------------------------------------------------------------------------------- */

void egret_model_set_bus_master(struct egret_model *m, bool on)
{
	atomic_store_explicit(&m->mem.bus_master, on, memory_order_release);
}

void egret_model_resume(struct egret_model *m)
{
	bool paused;

	egret_lock(m);
	paused = m->paused;
	if (paused && !--m->paused)
		egret_wake_all(m);
	egret_unlock(m);
	if (paused)
		egret_mc_release(m->mc);
}

/* CLOCK_MONOTONIC in @ns, or as far in the future as a timespec reaches. */
static struct timespec deadline(uint64_t ns)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	if (ns > INT64_MAX / 2)
		ns = INT64_MAX / 2;
	t.tv_sec += ns / 1000000000;
	t.tv_nsec += ns % 1000000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

void egret_model_pause_begin(struct egret_model *m)
{
	egret_lock(m);
	m->paused++;
	egret_workers_look(m, NULL);
	pthread_cond_broadcast(&m->unpark); /* whoever dawdles */
	egret_unlock(m);
}

int egret_model_pause_wait(struct egret_model *m, uint64_t timeout_ns)
{
	struct timespec until = deadline(timeout_ns);
	int ret = 0;

	egret_lock(m);
	while (m->running && !ret)
		ret = egret_wait_until(m, &m->changed, &until);
	ret = m->running ? -ETIMEDOUT : 0;
	egret_unlock(m);
	/* Once, since it nests like the pause: the controller comes last, and is quick. */
	if (!ret)
		egret_mc_hold(m->mc);
	return ret;
}

void egret_model_pause(struct egret_model *m)
{
	egret_model_pause_begin(m);
	egret_model_pause_wait(m, UINT64_MAX);
}

int egret_model_wait_idle(struct egret_model *m, uint64_t timeout_ns)
{
	struct timespec until = deadline(timeout_ns);
	uint64_t checks;
	bool busy;
	int ret = 0;

	egret_lock(m);
	/* The word that a queue waits for may have been written just now: all look once more. */
	checks = m->checks;
	m->recheck = true;
	pthread_cond_signal(&m->cp_wake);
	while ((busy = m->checks == checks || m->active || m->running || m->resetting) && !ret)
		ret = egret_wait_until(m, &m->changed, &until);
	egret_unlock(m);
	return busy ? -ETIMEDOUT : 0;
}
