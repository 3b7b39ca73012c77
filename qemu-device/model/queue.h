/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * A hardware queue: its registers, and how far its packets have come.
 *
 * Locks: egret_model.lock protects everything here, with these exceptions. While
 * a queue is owned (EGRET_PLACE_OWNED), the members under "execution" belong to the
 * worker that took it. `kill` and `progress` are atomic. RING, RING_SIZE and CONFIG do
 * not change while the queue is enabled, so the owner reads them without the lock.
 */
#ifndef EGRET_MODEL_QUEUE_H
#define EGRET_MODEL_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <egret/packet.h>
#include <egret/regs.h>

#include "copy.h"
#include "dispatch.h"
#include "fault.h"
#include "mmu.h"

struct egret_model;

/* Where a queue is. Every queue is in exactly one place. */
enum egret_place {
	EGRET_PLACE_NONE,	/* nowhere: nothing to do, or not enabled */
	EGRET_PLACE_CP,		/* on the list of those whose packets the command processor runs */
	EGRET_PLACE_COPY,	/* on the list of those that a copy engine runs */
	EGRET_PLACE_GROUPS,	/* workgroups of its DISPATCH are given out or run */
	EGRET_PLACE_WAITING,	/* at a WAIT that is not satisfied */
	EGRET_PLACE_OWNED,	/* a worker runs its packets */
};

/* One level of CALL. */
struct egret_call_level {
	uint64_t next;		/* address of the next packet */
	uint32_t left;		/* packets from there on */
};

struct egret_queue {
	unsigned int id;

	/* Registers. */
	uint64_t ring;
	uint32_t ring_size;
	uint32_t config;
	uint32_t state;		/* EGRET_Q_STATE_DISABLED, STOPPED or FAULTED; IDLE is any enabled state */
	uint64_t head;
	uint64_t tail;
	uint64_t busy_cycles;
	_Atomic uint64_t progress;
	struct egret_fault fault;
	uint64_t fault_packet;
	uint64_t fault_cookie;
	uint32_t fault_group[3];
	uint32_t doorbell_read;	/* latches of the doorbell page */
	uint32_t doorbell_write;

	/* Commands that wait for a boundary. */
	atomic_bool kill;
	bool stop;
	bool bad_tail;		/* @tail is out of range */

	/* Scheduling (runlist.h). */
	enum egret_place place;
	TAILQ_ENTRY(egret_queue) link;
	bool listed;		/* @link is on a list */
	uint64_t slice;		/* cycles used of the present slice */
	bool favoured;		/* runs out of order for a slice, because it was passed over */

	/* Execution: the packet at which the queue is. */
	struct egret_call_level call[EGRET_CALL_DEPTH_MAX];
	unsigned int depth;	/* levels of CALL in use */
	bool started;		/* @packet was fetched and has not completed */
	union egret_packet packet;
	uint64_t packet_va;
	bool waiting;		/* WAIT: it was looked at and not satisfied */
	bool groups_done;	/* DISPATCH: all workgroups have ended */
	struct egret_copy copy;	/* COPY, COPY_RECT, FILL: how far */
	struct egret_span watched; /* WAIT: where the word is */
	struct egret_dispatch dispatch;
};

static inline uint32_t egret_queue_context(const struct egret_queue *q)
{
	return q->config & EGRET_Q_CONFIG_CONTEXT_MASK;
}

static inline unsigned int egret_queue_priority(const struct egret_queue *q)
{
	return (q->config & EGRET_Q_CONFIG_PRIORITY_MASK) / (EGRET_Q_CONFIG_PRIORITY_MASK & -EGRET_Q_CONFIG_PRIORITY_MASK);
}

static inline unsigned int egret_queue_vector(const struct egret_queue *q)
{
	return (q->config & EGRET_Q_CONFIG_VECTOR_MASK) / (EGRET_Q_CONFIG_VECTOR_MASK & -EGRET_Q_CONFIG_VECTOR_MASK);
}

/* All of these are called with egret_model.lock held. */

/** egret_queue_config_is_good() - can a queue be enabled with its configuration? */
bool egret_queue_config_is_good(const struct egret_model *m, const struct egret_queue *q);

/** egret_queue_status() - the value of EGRET_Q_STATUS */
uint32_t egret_queue_status(const struct egret_queue *q);

/** egret_queue_command() - what a write of EGRET_Q_CTRL does */
void egret_queue_command(struct egret_model *m, struct egret_queue *q, uint32_t command);

/** egret_queue_set_tail() - what a write of the doorbell or EGRET_Q_TAIL does */
void egret_queue_set_tail(struct egret_model *m, struct egret_queue *q, uint64_t tail);

/** egret_queue_place() - move the queue to another place; @front of the place's list, or its end */
void egret_queue_place(struct egret_model *m, struct egret_queue *q, enum egret_place place,
		       bool front);

/** egret_queue_ready() - put the queue where its next step is done, and wake somebody for it */
void egret_queue_ready(struct egret_model *m, struct egret_queue *q, bool front);

/** egret_queue_has_work() - is there a packet to run or to finish? */
bool egret_queue_has_work(const struct egret_queue *q);

/** egret_queue_disable() - end of a kill: nobody works for the queue any more */
void egret_queue_disable(struct egret_model *m, struct egret_queue *q);

/** egret_queue_fault() - record a fault; nobody works for the queue any more */
void egret_queue_fault(struct egret_model *m, struct egret_queue *q,
		       const struct egret_fault *fault, const uint32_t *group);

/** egret_queue_reset() - back to power-on; nobody works for the queue any more */
void egret_queue_reset(struct egret_model *m, struct egret_queue *q);

#endif /* EGRET_MODEL_QUEUE_H */
