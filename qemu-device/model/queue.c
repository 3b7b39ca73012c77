// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * States of queues, and the way between the places where they are.
 *
 * q->state holds what software commanded or a fault made of the queue: disabled,
 * stopped, faulted, or IDLE for enabled. Whether an enabled queue is idle or active
 * follows from its place and is not kept twice. It is waiting from the first look at an
 * unsatisfied WAIT until that is satisfied, also while a worker looks again.
 *
 * A command that comes while somebody works for the queue (EGRET_PLACE_OWNED, or
 * workgroups that run) leaves a mark, and takes effect when that worker comes to a
 * boundary; otherwise it takes effect at once.
 */
#include "model.h"

static bool enabled(const struct egret_queue *q)
{
	return q->state == EGRET_Q_STATE_IDLE;
}

bool egret_queue_has_work(const struct egret_queue *q)
{
	return q->started || q->depth || q->head != q->tail;
}

uint32_t egret_queue_status(const struct egret_queue *q)
{
	if (!enabled(q))
		return q->state;
	if (q->waiting)
		return EGRET_Q_STATE_WAITING;
	return q->place == EGRET_PLACE_NONE && !egret_queue_has_work(q) ? EGRET_Q_STATE_IDLE :
								       EGRET_Q_STATE_ACTIVE;
}

/* ---- Places ----------------------------------------------------------------- */

static bool is_active(enum egret_place place)
{
	return place != EGRET_PLACE_NONE && place != EGRET_PLACE_WAITING;
}

static struct egret_runlist *runlist(struct egret_model *m, enum egret_place place)
{
	switch (place) {
	case EGRET_PLACE_CP:
		return &m->ready;
	case EGRET_PLACE_COPY:
		return &m->copies;
	case EGRET_PLACE_GROUPS:
		return &m->groups;
	default:
		return NULL;
	}
}

static void leave_place(struct egret_model *m, struct egret_queue *q)
{
	if (q->place == EGRET_PLACE_WAITING) {
		TAILQ_REMOVE(&m->waiting, q, link);
		m->waiting_count--;
	} else if (q->listed) {
		egret_runlist_remove(runlist(m, q->place), q);
	}
}

void egret_queue_place(struct egret_model *m, struct egret_queue *q, enum egret_place place,
		       bool front)
{
	bool was_active = is_active(q->place);

	leave_place(m, q);
	q->place = place;
	if (!is_active(place)) {
		/* A slice ends when the queue has nothing to do. */
		q->slice = 0;
		q->favoured = false;
	}
	if (place == EGRET_PLACE_WAITING) {
		TAILQ_INSERT_TAIL(&m->waiting, q, link);
		m->waiting_count++;
	} else if (runlist(m, place)) {
		egret_runlist_add(runlist(m, place), q, front);
	}
	if (is_active(place) && !was_active) {
		if (!m->active++)
			m->after.work = true;
	} else if (!is_active(place) && was_active) {
		if (!--m->active)
			pthread_cond_broadcast(&m->changed);
	}
}

void egret_queue_ready(struct egret_model *m, struct egret_queue *q, bool front)
{
	bool big_copy = q->started && egret_copy_is(&q->packet) && !egret_copy_is_small(&q->copy);

	if (q->config & EGRET_Q_CONFIG_COPY || big_copy) {
		egret_queue_place(m, q, EGRET_PLACE_COPY, front);
		egret_wake_copy(m);
	} else {
		egret_queue_place(m, q, EGRET_PLACE_CP, front);
		egret_wake_cp(m);
	}
}

/* ---- Commands ------------------------------------------------------------------ */

bool egret_queue_config_is_good(const struct egret_model *m, const struct egret_queue *q)
{
	return q->ring % 4096 == 0 &&
		q->ring >= EGRET_VA_MIN && q->ring < EGRET_VA_END &&
		q->ring_size >= EGRET_Q_RING_SIZE_MIN && q->ring_size <= EGRET_Q_RING_SIZE_MAX &&
		!(q->config & ~(uint32_t)EGRET_Q_CONFIG_VALID_MASK) &&
		egret_queue_context(q) < m->contexts &&
		egret_queue_vector(q) >= EGRET_VECTOR_QUEUE_FIRST;
}

static void clear_fault(struct egret_queue *q)
{
	q->fault = (struct egret_fault) { .code = EGRET_FAULT_NONE };
	q->fault_packet = 0;
	q->fault_cookie = 0;
	for (int i = 0; i < 3; i++)
		q->fault_group[i] = 0;
}

static void clear_progress(struct egret_queue *q)
{
	q->head = 0;
	q->tail = 0;
	q->busy_cycles = 0;
	atomic_store_explicit(&q->progress, 0, memory_order_relaxed);
	clear_fault(q);
}

/* Forget what the queue was doing. */
static void halt(struct egret_model *m, struct egret_queue *q, uint32_t state)
{
	atomic_store_explicit(&q->kill, false, memory_order_relaxed);
	q->stop = false;
	q->bad_tail = false;
	q->depth = 0;
	q->started = false;
	q->waiting = false;
	q->state = state;
	egret_queue_place(m, q, EGRET_PLACE_NONE, false);
}

void egret_queue_disable(struct egret_model *m, struct egret_queue *q)
{
	halt(m, q, EGRET_Q_STATE_DISABLED);
	pthread_cond_broadcast(&m->changed);
}

void egret_queue_fault(struct egret_model *m, struct egret_queue *q,
		       const struct egret_fault *fault, const uint32_t *group)
{
	q->fault = *fault;
	q->fault_packet = q->head;
	q->fault_cookie = 0;
	if (q->started && q->packet.header.opcode == EGRET_OP_DISPATCH)
		q->fault_cookie = q->packet.dispatch.cookie;
	for (int i = 0; i < 3; i++)
		q->fault_group[i] = group ? group[i] : 0;
	halt(m, q, EGRET_Q_STATE_FAULTED);
	m->counters.faults++;
	m->after.faulted = q;
	m->after.fault = *fault;
	m->after.fault_packet = q->head;
	egret_irq_queue_fault(m, q->id);
}

void egret_queue_reset(struct egret_model *m, struct egret_queue *q)
{
	halt(m, q, EGRET_Q_STATE_DISABLED);
	clear_progress(q);
	q->ring = 0;
	q->ring_size = 0;
	q->config = 0;
	q->doorbell_read = 0;
	q->doorbell_write = 0;
}

static void enable(struct egret_model *m, struct egret_queue *q)
{
	if (q->state != EGRET_Q_STATE_DISABLED || m->halted || !egret_queue_config_is_good(m, q))
		return;
	clear_progress(q);
	q->state = EGRET_Q_STATE_IDLE;
}

static void stop(struct egret_model *m, struct egret_queue *q)
{
	if (!enabled(q))
		return;
	if (q->place == EGRET_PLACE_WAITING) {
		/* The WAIT is started anew after RESUME. */
		q->started = false;
		q->waiting = false;
	}
	if (is_active(q->place) && (q->place == EGRET_PLACE_OWNED || q->started)) {
		q->stop = true;
		return;
	}
	q->state = EGRET_Q_STATE_STOPPED;
	egret_queue_place(m, q, EGRET_PLACE_NONE, false);
}

/* Start what there is to do. */
static void kick(struct egret_model *m, struct egret_queue *q)
{
	if (enabled(q) && q->place == EGRET_PLACE_NONE && egret_queue_has_work(q))
		egret_queue_ready(m, q, false);
}

static void resume(struct egret_model *m, struct egret_queue *q)
{
	q->stop = false; /* one that has not taken effect yet is taken back */
	if (q->state != EGRET_Q_STATE_STOPPED)
		return;
	q->state = EGRET_Q_STATE_IDLE;
	kick(m, q);
}

static void kill_queue(struct egret_model *m, struct egret_queue *q)
{
	switch (q->place) {
	case EGRET_PLACE_OWNED:
		atomic_store_explicit(&q->kill, true, memory_order_relaxed);
		pthread_cond_broadcast(&m->unpark); /* whoever dawdles */
		break;
	case EGRET_PLACE_GROUPS:
		atomic_store_explicit(&q->kill, true, memory_order_relaxed);
		egret_worker_abandon_groups(m, q);
		break;
	default:
		egret_queue_disable(m, q);
		break;
	}
}

void egret_queue_command(struct egret_model *m, struct egret_queue *q, uint32_t command)
{
	switch (command) {
	case EGRET_Q_CTRL_ENABLE:
		enable(m, q);
		break;
	case EGRET_Q_CTRL_STOP:
		stop(m, q);
		break;
	case EGRET_Q_CTRL_RESUME:
		resume(m, q);
		break;
	case EGRET_Q_CTRL_KILL:
		kill_queue(m, q);
		break;
	}
}

void egret_queue_set_tail(struct egret_model *m, struct egret_queue *q, uint64_t tail)
{
	if (q->state == EGRET_Q_STATE_DISABLED || q->state == EGRET_Q_STATE_FAULTED || q->bad_tail)
		return;
	q->tail = tail;
	if (tail - q->head <= 1ull << q->ring_size) {
		kick(m, q);
		return;
	}
	if (is_active(q->place)) {
		/* The worker meets it at the end of the packet. */
		q->bad_tail = true;
		return;
	}
	egret_queue_fault(m, q, &(struct egret_fault) {
		.code = EGRET_FAULT_RING,
		.info = egret_fault_info(EGRET_UNIT_CP, 0, EGRET_ACCESS_READ, 0),
		.addr = tail,
	}, NULL);
}
