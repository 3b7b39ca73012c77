// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * The threads of a chip.
 *
 * Each worker loops: take something that its unit can do, do it without the lock, look
 * again. A cluster prefers workgroups and otherwise helps the command processor; a copy
 * engine takes copies; the command processor takes what is left and looks after queues
 * that wait.
 *
 * Waking. One signal for each thing that was made ready. A signal can be lost on a
 * thread that was woken already and has not run yet; therefore a worker that takes
 * something and leaves more behind wakes another one, of those that could take it. Signals
 * are sent when the lock has been given back (egret_after), else who is woken would wait for
 * it at once. Nobody is woken for as many queues with packets as there are threads that have
 * just finished something and are on their way to look for more.
 *
 * One thread. With egret_model_config.threads = 1 only the first cluster has a thread, which
 * does what all others would do, in turn. A worker is then no more than the state of a
 * unit, and the thread waits where the command processor's would.
 *
 * Rest. `running` counts workers that may access memory or call back. A pause waits for
 * it to become zero; workgroups stand still between two quanta then. `engaged` counts
 * those that have something in hand; a reset waits for that, after it made them
 * drop it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pthread_setname_np() */
#endif
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cp.h"
#include "model.h"

/* Budget of a quantum of a cluster: well below a millisecond of host time for scalar code. */
#define QUANTUM			50000

/* How often words that queues wait for are looked at, when no packet gives a reason to. */
#define CHECK_FIRST_NS		50000
#define CHECK_LAST_NS		1000000

/* The chip's own watchdog: 2^32 cycles of the core clock. */
#define WATCHDOG_NS		((1ull << 32) * 1000000 / PERF_CLOCK_KHZ)
#define WATCHDOG_LOOK_NS	10000000

bool egret_held(const struct egret_model *m)
{
	return m->paused || m->resetting || m->quit;
}

/* ---- Waking -------------------------------------------------------------------- */

void egret_wake_cp(struct egret_model *m)
{
	if (m->ready.count <= m->looking)
		return;
	if (m->cluster_idle)
		m->after.wake_clusters++;
	else
		m->after.wake_cp++;
}

void egret_wake_clusters(struct egret_model *m, uint64_t groups)
{
	if (m->serial_order)
		m->after.wake_cp++;
	m->after.wake_clusters += groups < m->cluster_idle ? (unsigned int)groups : m->cluster_idle;
}

void egret_wake_copy(struct egret_model *m)
{
	if (m->serial_order)
		m->after.wake_cp++;
	else
		m->after.wake_copy++;
}

static void signal_times(pthread_cond_t *cond, unsigned int count)
{
	while (count--)
		pthread_cond_signal(cond);
}

void egret_wake_threads(struct egret_model *m, const struct egret_after *after)
{
	signal_times(&m->cp_wake, after->wake_cp);
	signal_times(&m->cluster_wake, after->wake_clusters);
	signal_times(&m->copy_wake, after->wake_copy);
}

/* Before the lock is given back by waiting. */
static void wake_now(struct egret_model *m)
{
	egret_wake_threads(m, &m->after);
	m->after.wake_cp = 0;
	m->after.wake_clusters = 0;
	m->after.wake_copy = 0;
}

void egret_wait(struct egret_model *m, pthread_cond_t *cond)
{
	wake_now(m);
	pthread_cond_wait(cond, &m->lock);
}

int egret_wait_until(struct egret_model *m, pthread_cond_t *cond, const struct timespec *when)
{
	wake_now(m);
	return pthread_cond_timedwait(cond, &m->lock, when);
}

void egret_wake_all(struct egret_model *m)
{
	pthread_cond_broadcast(&m->cp_wake);
	pthread_cond_broadcast(&m->cluster_wake);
	pthread_cond_broadcast(&m->copy_wake);
	pthread_cond_broadcast(&m->unpark);
	pthread_cond_broadcast(&m->changed);
}

void egret_workers_clear(struct egret_model *m)
{
	for (unsigned int i = 0; i < m->worker_count; i++)
		m->workers[i].clear = true;
}

/* Clusters are there for workgroups: they take packets when the command processor has some. */
static void wake_for_the_rest(struct egret_model *m)
{
	if (m->ready.count && m->cp_idle)
		m->after.wake_cp++;
	else if (m->ready.count && m->cluster_idle)
		m->after.wake_clusters++;
	if (m->copies.count)
		m->after.wake_copy++;
}

/* ---- Coming and going ------------------------------------------------------------ */

static void engage(struct egret_model *m)
{
	m->engaged++;
	m->running++;
	wake_for_the_rest(m);
}

static void stand_still(struct egret_model *m)
{
	if (!--m->running)
		pthread_cond_broadcast(&m->changed);
}

static void disengage(struct egret_worker *w)
{
	struct egret_model *m = w->m;
	bool looks = w->kind != EGRET_WORKER_COPY && w->health != EGRET_WORKER_LOST;

	/*
	 * Interrupts of the last packet belong to the work: send them before it counts as over.
	 * Whoever hears of it may have new packets before this thread is here again.
	 */
	m->looking += looks;
	egret_unlock(m);
	egret_lock(m);
	m->looking -= looks;
	stand_still(m);
	if (!--m->engaged && m->resetting)
		pthread_cond_signal(&m->cp_wake);
}

/* ---- Packets ------------------------------------------------------------------------ */

static bool take_packets(struct egret_worker *w, struct egret_runlist *rl)
{
	struct egret_model *m = w->m;
	struct egret_queue *q = egret_held(m) ? NULL : egret_runlist_next(rl);

	if (!q)
		return false;
	egret_queue_place(m, q, EGRET_PLACE_OWNED, false);
	engage(m);
	egret_cp_run(w, q);
	disengage(w);
	return true;
}

/* ---- Workgroups ------------------------------------------------------------------------ */

/* A queue is on the list while it has workgroups to give out. */
static void list_groups(struct egret_model *m, struct egret_queue *q)
{
	bool available = egret_dispatch_available(&q->dispatch);

	if (available && !q->listed)
		egret_runlist_add(&m->groups, q, false);
	else if (!available && q->listed)
		egret_runlist_remove(&m->groups, q);
}

static void account(struct egret_model *m, const struct egret_dispatch *d)
{
	m->counters.workgroups += d->merged;
	m->counters.macs += d->sum.macs;
	m->counters.instructions += d->sum.instructions;
	m->counters.traffic.vram_read += d->sum.vram_read;
	m->counters.traffic.vram_write += d->sum.vram_write;
	m->counters.traffic.host_read += d->sum.host_read;
	m->counters.traffic.host_write += d->sum.host_write;
}

/*
 * No workgroup of the queue runs any more. Returns true when the caller owns the queue
 * and has to go on with its packets.
 */
static bool groups_are_over(struct egret_model *m, struct egret_queue *q)
{
	struct egret_dispatch *d = &q->dispatch;
	uint32_t group[3];

	account(m, d);
	if (atomic_load_explicit(&q->kill, memory_order_relaxed)) {
		egret_queue_disable(m, q);
		return false;
	}
	if (d->faulted) {
		egret_dispatch_coordinates(&q->packet.dispatch, d->fault_number, group);
		/* Which thread it was is nobody's business, unless its cluster is broken. */
		if (d->fault.code != EGRET_FAULT_HUNG)
			egret_fault_set_index(&d->fault, egret_dispatch_cluster(d));
		egret_queue_fault(m, q, &d->fault, group);
		return false;
	}
	q->groups_done = true;
	egret_queue_place(m, q, EGRET_PLACE_OWNED, false);
	return true;
}

void egret_workers_look(struct egret_model *m, const struct egret_queue *q)
{
	for (unsigned int i = 0; i < m->worker_count; i++)
		if (m->workers[i].queue && (!q || m->workers[i].queue == q))
			atomic_store_explicit(&m->workers[i].look, true, memory_order_relaxed);
}

static void abandon(struct egret_model *m, struct egret_queue *q)
{
	q->dispatch.abandoned = true;
	list_groups(m, q);
	pthread_cond_broadcast(&m->unpark);
}

void egret_worker_restore_groups(struct egret_model *m, struct egret_queue *q)
{
	egret_queue_place(m, q, EGRET_PLACE_GROUPS, false);
	list_groups(m, q);
	egret_wake_clusters(m, q->dispatch.groups);
}

void egret_worker_abandon_groups(struct egret_model *m, struct egret_queue *q)
{
	abandon(m, q);
	if (egret_dispatch_over(&q->dispatch))
		groups_are_over(m, q); /* killed: never true */
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* Returns ETIMEDOUT when the time has come. */
static int wait_until(struct egret_model *m, pthread_cond_t *cond, uint64_t when)
{
	struct timespec t = {
		.tv_sec = when / 1000000000,
		.tv_nsec = when % 1000000000,
	};

	return egret_wait_until(m, cond, &t);
}

void egret_worker_dawdle(struct egret_model *m, struct egret_queue *q)
{
	uint32_t us = atomic_load_explicit(&m->injected.slow_us, memory_order_relaxed);
	uint64_t until;

	if (!us)
		return;
	until = now_ns() + us * 1000ull;
	egret_lock(m);
	while (!egret_held(m) && !atomic_load_explicit(&q->kill, memory_order_relaxed) &&
	       atomic_load_explicit(&m->injected.slow_us, memory_order_relaxed))
		if (wait_until(m, &m->unpark, until))
			break;
	egret_unlock(m);
}

/* A cluster that hangs does not react to a kill: only a reset ends it, or the watchdog. */
static bool must_rest(const struct egret_worker *w, const struct egret_queue *q)
{
	const struct egret_model *m = w->m;

	if (w->health == EGRET_WORKER_HUNG)
		return !m->resetting && !m->quit;
	return egret_held(m) && !q->dispatch.abandoned;
}

/* With the lock held, and nothing translated in hand. */
static void rest(struct egret_worker *w, const struct egret_queue *q)
{
	struct egret_model *m = w->m;
	uint64_t last = now_ns();
	uint64_t hung = 0;

	stand_still(m);
	while (must_rest(w, q)) {
		uint64_t now;

		if (w->health != EGRET_WORKER_HUNG) {
			egret_wait(m, &m->unpark);
			continue;
		}
		wait_until(m, &m->unpark, last + WATCHDOG_LOOK_NS);
		now = now_ns();
		if (!m->paused)
			hung += now - last;
		last = now;
		if (hung >= WATCHDOG_NS)
			w->health = EGRET_WORKER_LOST;
	}
	m->running++;
}

/*
 * Before a quantum: apply invalidations, stand still if the chip is paused. Returns false
 * when the workgroup is not wanted any more, or will never go on.
 */
static bool may_go_on(struct egret_worker *w, struct egret_queue *q)
{
	struct egret_model *m = w->m;
	struct egret_group_stats stats;
	bool wanted;

	egret_cluster_stats(w->cluster, &stats);
	egret_port_poll(&w->memory);
	egret_lock(m);
	atomic_store_explicit(&w->look, false, memory_order_relaxed);
	if (must_rest(w, q)) {
		egret_port_end(&w->memory);
		rest(w, q);
		egret_port_begin(&w->memory, egret_queue_context(q));
	}
	wanted = egret_dispatch_wants(&q->dispatch, w->group, stats.cycles) &&
		 w->health != EGRET_WORKER_LOST;
	egret_unlock(m);
	return wanted;
}

/* Returns EGRET_RUN_QUANTUM or EGRET_RUN_STOPPED when the workgroup was dropped. */
static enum egret_run run_quanta(struct egret_worker *w, struct egret_queue *q, bool look)
{
	while (!look || may_go_on(w, q)) {
		enum egret_run result = egret_cluster_run(w->cluster, QUANTUM);

		atomic_store_explicit(&w->pc, egret_cluster_pc(w->cluster), memory_order_relaxed);
		if (result != EGRET_RUN_QUANTUM)
			return result;
		atomic_fetch_add_explicit(&q->progress, 1, memory_order_relaxed);
		egret_worker_dawdle(w->m, q);
		look = true;
	}
	return EGRET_RUN_QUANTUM;
}

/* How to run a workgroup: decided with the lock held, done without. */
struct start {
	bool resume;		/* the cluster is in the middle of it */
	bool clear;		/* forget the last one first */
	bool look;		/* there is something to see to before the first quantum */
};

void egret_worker_begin_group(struct egret_worker *w, struct egret_queue *q, bool clear)
{
	const struct egret_pkt_dispatch *p = &q->packet.dispatch;
	struct egret_group group = {
		.context = egret_queue_context(q),
		.queue = q->id,
		.entry = p->entry,
		.args = q->dispatch.args,
		.args_size = p->args_size,
		.grid = { p->grid[0], p->grid[1], p->grid[2] },
		.cookie = p->cookie,
	};

	egret_dispatch_coordinates(p, w->group, group.id);
	if (clear)
		egret_cluster_clear(w->cluster);
	egret_cluster_begin(w->cluster, &group);
}

/* Run one workgroup, without the lock. */
static enum egret_run run_group(struct egret_worker *w, struct egret_queue *q, struct start start,
				struct egret_group_stats *stats)
{
	enum egret_run result;

	egret_port_begin(&w->memory, egret_queue_context(q));
	if (!start.resume)
		egret_worker_begin_group(w, q, start.clear);
	egret_cluster_set_stop(w->cluster, &q->kill, &w->look);
	result = run_quanta(w, q, start.look);
	egret_cluster_set_stop(w->cluster, NULL, NULL);
	egret_cluster_stats(w->cluster, stats);
	egret_port_end(&w->memory);
	egret_trace(w->m, "group", q->id, w->group, w->index, stats->cycles);
	return result;
}

static void group_faulted(struct egret_worker *w, struct egret_queue *q,
			  const struct egret_fault *fault)
{
	egret_dispatch_fault(&q->dispatch, w->group, fault);
	egret_workers_look(w->m, q);
	list_groups(w->m, q);
	pthread_cond_broadcast(&w->m->unpark);
}

static void group_hung(struct egret_worker *w, struct egret_queue *q)
{
	struct egret_fault fault = {
		.code = EGRET_FAULT_HUNG,
		.info = egret_fault_info(EGRET_UNIT_HART, w->index, EGRET_ACCESS_READ, 0),
		.pc = egret_cluster_pc(w->cluster),
	};

	group_faulted(w, q, &fault);
}

/* The workgroup has come to its end, or was dropped. */
static void group_ended(struct egret_worker *w, struct egret_queue *q, enum egret_run result,
			const struct egret_group_stats *stats)
{
	struct egret_model *m = w->m;

	q->dispatch.running--;
	if (result == EGRET_RUN_DONE) {
		atomic_fetch_add_explicit(&q->progress, 1, memory_order_relaxed);
		egret_dispatch_end_group(&q->dispatch, w->group, stats, m->cluster_totals);
	} else if (result == EGRET_RUN_FAULT) {
		group_faulted(w, q, egret_cluster_fault(w->cluster));
	} else if (w->health == EGRET_WORKER_LOST) {
		group_hung(w, q);
	}
	list_groups(m, q);
	if (q->listed)
		egret_wake_clusters(m, 1);
	egret_runlist_charge(&m->groups, q, PERF_GROUP + stats->cycles, m->slice);
	if (egret_dispatch_over(&q->dispatch) && groups_are_over(m, q))
		egret_cp_run(w, q);
}

/* Find a workgroup to run: the one that the cluster has already, or the next. */
static bool find_group(struct egret_worker *w, struct start *start)
{
	struct egret_model *m = w->m;
	struct egret_queue *q;

	if (egret_held(m))
		return false;
	*start = (struct start) {
		.resume = w->restored,
		.clear = w->clear,
		.look = w->restored || w->health != EGRET_WORKER_WELL,
	};
	if (w->restored) {
		w->restored = false;
		return true;
	}
	q = egret_runlist_next(&m->groups);
	if (!q)
		return false;
	w->queue = q;
	w->group = egret_dispatch_take(&q->dispatch);
	w->clear = false;
	atomic_store_explicit(&w->look, false, memory_order_relaxed);
	list_groups(m, q);
	return true;
}

static bool take_group(struct egret_worker *w)
{
	struct egret_model *m = w->m;
	struct egret_group_stats stats;
	struct egret_queue *q;
	enum egret_run result;
	struct start start;

	if (!find_group(w, &start))
		return false;
	q = w->queue;
	atomic_store_explicit(&w->last_queue, q->id, memory_order_relaxed);
	atomic_store_explicit(&w->busy, true, memory_order_relaxed);
	engage(m);
	egret_unlock(m);

	result = run_group(w, q, start, &stats);

	egret_lock(m);
	atomic_store_explicit(&w->busy, false, memory_order_relaxed);
	w->queue = NULL;
	group_ended(w, q, result, &stats);
	disengage(w);
	return true;
}

/* ---- Threads --------------------------------------------------------------------------- */

static void cluster_main(struct egret_worker *w)
{
	struct egret_model *m = w->m;

	while (!m->quit) {
		if (w->health == EGRET_WORKER_LOST) {
			/* Where no signal that is meant for another one gets lost. */
			egret_wait(m, &m->unpark);
			continue;
		}
		if (take_group(w) || take_packets(w, &m->ready))
			continue;
		m->cluster_idle++;
		egret_wait(m, &m->cluster_wake);
		m->cluster_idle--;
	}
}

static void copy_main(struct egret_worker *w)
{
	struct egret_model *m = w->m;

	while (!m->quit)
		if (!take_packets(w, &m->copies))
			egret_wait(m, &m->copy_wake);
}

/* When to look at the words next: soon after a queue began to wait, then ever less often. */
struct check {
	uint64_t period;
	uint64_t when;
};

static void check_waiting(struct egret_model *m, struct check *c)
{
	if (m->recheck) {
		m->recheck = false;
		egret_cp_recheck_all(m);
		m->checks++;
		pthread_cond_broadcast(&m->changed);
	}
	if (!m->waiting_count)
		return;
	if (m->new_wait) {
		m->new_wait = false;
		c->period = CHECK_FIRST_NS;
		c->when = now_ns() + c->period;
	} else if (now_ns() >= c->when) {
		egret_cp_check_waiting(m, NULL, true);
		if (c->period < CHECK_LAST_NS)
			c->period *= 2;
		c->when = now_ns() + c->period;
	}
}

/* One thing of each kind. Returns whether there was one. */
static bool take_in_turn(struct egret_model *m)
{
	struct egret_worker *cp = &m->workers[0];
	struct egret_worker *cluster = &m->workers[1];
	struct egret_worker *copy = &m->workers[1 + m->clusters];
	bool did = take_packets(cp, &m->ready);

	if (cluster->health != EGRET_WORKER_LOST)
		did |= take_group(cluster);
	did |= take_packets(copy, &m->copies);
	return did;
}

static void cp_main(struct egret_worker *w)
{
	struct egret_model *m = w->m;
	struct check check = { .period = CHECK_FIRST_NS };

	while (!m->quit) {
		if (m->resetting && !m->engaged) {
			egret_reset_finish(m);
			continue;
		}
		if (!egret_held(m))
			check_waiting(m, &check);
		if (m->serial_order ? take_in_turn(m) : take_packets(w, &m->ready))
			continue;
		m->cp_idle = true;
		if (m->waiting_count && !egret_held(m))
			wait_until(m, &m->cp_wake, check.when);
		else
			egret_wait(m, &m->cp_wake);
		m->cp_idle = false;
	}
}

static void *worker_main(void *arg)
{
	struct egret_worker *w = arg;

	egret_lock(w->m);
	switch (w->m->serial_order ? EGRET_WORKER_CP : w->kind) {
	case EGRET_WORKER_CP:
		cp_main(w);
		break;
	case EGRET_WORKER_CLUSTER:
		cluster_main(w);
		break;
	case EGRET_WORKER_COPY:
		copy_main(w);
		break;
	}
	egret_unlock(w->m);
	return NULL;
}

/* The harts' CSR time. */
static uint64_t hart_time(void *arg)
{
	return egret_time(arg);
}

/* Clusters without a thread are modelled, but run nothing. */
static bool has_thread(const struct egret_worker *w)
{
	if (w->kind == EGRET_WORKER_CLUSTER)
		return w->index < w->m->threads;
	return !w->m->serial_order;
}

static int worker_init(struct egret_worker *w, struct egret_model *m, unsigned int number)
{
	w->m = m;
	if (number == 0) {
		w->kind = EGRET_WORKER_CP;
	} else if (number <= m->clusters) {
		w->kind = EGRET_WORKER_CLUSTER;
		w->index = number - 1;
	} else {
		w->kind = EGRET_WORKER_COPY;
		w->index = number - 1 - m->clusters;
	}
	/* Copy engines are all alike, and each piece of a copy may be another's: no number. */
	egret_port_init(&w->port, &m->mmu, EGRET_UNIT_CP, 0);
	if (w->kind != EGRET_WORKER_CLUSTER || !has_thread(w))
		return 0;
	egret_port_init(&w->memory, &m->mmu, EGRET_UNIT_HART, w->index);
	w->cluster = egret_cluster_create(w->index, &w->memory);
	if (!w->cluster)
		return -ENOMEM;
	egret_cluster_set_time(w->cluster, hart_time, m);
	return 0;
}

static void name_thread(struct egret_worker *w)
{
	static const char *const names[] = { "cp", "cluster", "copy" };
	char name[16];

	snprintf(name, sizeof(name), "egret-%s%u", names[w->kind], w->index);
	pthread_setname_np(w->thread, name);
}

int egret_workers_start(struct egret_model *m)
{
	sigset_t all, old;
	int ret = 0;

	m->worker_count = 1 + m->clusters + m->copy_engines;
	m->workers = calloc(m->worker_count, sizeof(*m->workers));
	if (!m->workers) {
		m->worker_count = 0;
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < m->worker_count && !ret; i++)
		ret = worker_init(&m->workers[i], m, i);
	/* Signals of the process are for the embedder's threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (unsigned int i = 0; i < m->worker_count && !ret; i++) {
		struct egret_worker *w = &m->workers[i];

		if (!has_thread(w))
			continue;
		if (pthread_create(&w->thread, NULL, worker_main, w)) {
			ret = -EAGAIN;
			break;
		}
		w->created = true;
		name_thread(w);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ret;
}

void egret_workers_stop(struct egret_model *m)
{
	egret_lock(m);
	m->quit = true;
	for (unsigned int i = 0; i < m->worker_count; i++)
		if (m->workers[i].queue) {
			atomic_store_explicit(&m->workers[i].queue->kill, true, memory_order_relaxed);
			abandon(m, m->workers[i].queue);
		}
	egret_wake_all(m);
	egret_unlock(m);
	for (unsigned int i = 0; i < m->worker_count; i++)
		if (m->workers[i].created)
			pthread_join(m->workers[i].thread, NULL);
}

void egret_workers_free(struct egret_model *m)
{
	for (unsigned int i = 0; i < m->worker_count; i++)
		if (m->workers[i].cluster)
			egret_cluster_destroy(m->workers[i].cluster);
	free(m->workers);
}
