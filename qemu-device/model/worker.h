/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The threads that do a chip's work: one for the command processor, one for each
 * cluster, one for each copy engine.
 */
#ifndef EGRET_MODEL_WORKER_H
#define EGRET_MODEL_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cluster.h"
#include "mmu.h"

struct egret_after;
struct egret_model;
struct egret_queue;

enum egret_worker_kind {
	EGRET_WORKER_CP,
	EGRET_WORKER_CLUSTER,
	EGRET_WORKER_COPY,
};

/* Clusters can be made to hang (egret_model_inject()). A reset of the engines makes all well. */
enum egret_worker_health {
	EGRET_WORKER_WELL,
	EGRET_WORKER_HUNG,	/* makes no step in the workgroup that it has or gets next */
	EGRET_WORKER_LOST,	/* the chip's watchdog has noticed: gets no workgroups */
};

/**
 * struct egret_worker - a thread and the unit that it is
 * @m: chip
 * @kind: unit
 * @index: number of the cluster or copy engine
 * @thread: its thread
 * @created: @thread is valid
 * @port: for packets and copies
 * @memory: cluster: port of the cluster
 * @cluster: cluster
 * @queue: cluster: queue whose workgroup runs; protected by egret_model.lock
 * @group: cluster: number of that workgroup
 * @restored: cluster: @cluster has that workgroup in hand, and the thread has not taken it
 *	up yet (egret_model_load()); protected by egret_model.lock
 * @last_queue: cluster: queue whose workgroup runs, or ran last
 * @busy: cluster: a workgroup runs
 * @look: cluster: something has happened that it has to see to before it goes on with the
 *	workgroup, so that a long operation is to stop; changed with egret_model.lock held
 * @clear: cluster: forget everything of the last workgroup before the next begins;
 *	protected by egret_model.lock
 * @health: cluster: does it work; protected by egret_model.lock
 * @pc: cluster: program counter at the end of the last quantum
 */
struct egret_worker {
	struct egret_model *m;
	enum egret_worker_kind kind;
	unsigned int index;
	pthread_t thread;
	bool created;
	struct egret_port port;
	struct egret_port memory;
	struct egret_cluster *cluster;
	struct egret_queue *queue;
	uint64_t group;
	bool restored;
	_Atomic uint32_t last_queue;
	atomic_bool busy;
	atomic_bool look;
	bool clear;
	enum egret_worker_health health;
	_Atomic uint64_t pc;
};

/** egret_workers_start() - make all workers; 0, -ENOMEM or -EAGAIN */
int egret_workers_start(struct egret_model *m);

/** egret_workers_stop() - end them; their registers stay */
void egret_workers_stop(struct egret_model *m);

/** egret_workers_free() - free what egret_workers_start() made, once they have ended */
void egret_workers_free(struct egret_model *m);

/* All with egret_model.lock held, but where something else is said. */

/**
 * egret_wake_cp() - there is a queue for the command processor
 *
 * Of the threads that this and the next two wake, egret_unlock() or egret_wait() does so.
 */
void egret_wake_cp(struct egret_model *m);
/** egret_wake_clusters() - there are workgroups */
void egret_wake_clusters(struct egret_model *m, uint64_t groups);
/** egret_wake_copy() - there is a queue for a copy engine */
void egret_wake_copy(struct egret_model *m);
/** egret_wake_threads() - wake those that @after says; with or without the lock */
void egret_wake_threads(struct egret_model *m, const struct egret_after *after);
/** egret_wait() - wait for a signal, without the lock; those that are to be woken are */
void egret_wait(struct egret_model *m, pthread_cond_t *cond);
/** egret_wait_until() - the same, until a time of CLOCK_MONOTONIC; ETIMEDOUT when it has come, or 0 */
int egret_wait_until(struct egret_model *m, pthread_cond_t *cond, const struct timespec *when);
/** egret_wake_all() - the state of the chip has changed */
void egret_wake_all(struct egret_model *m);
/**
 * egret_worker_abandon_groups() - give up the workgroups of a queue
 *
 * Gives out no more of them; clusters drop those that run at the end of their quantum.
 * If none runs the queue is put away at once, otherwise by the cluster that comes
 * back last.
 */
void egret_worker_abandon_groups(struct egret_model *m, struct egret_queue *q);
/**
 * egret_worker_begin_group() - load a cluster with the workgroup @w->group of a queue
 * @clear: forget the last one first
 *
 * By whoever has the cluster for itself; needs no lock.
 */
void egret_worker_begin_group(struct egret_worker *w, struct egret_queue *q, bool clear);

/** egret_worker_restore_groups() - a queue is in the middle of a DISPATCH that was loaded */
void egret_worker_restore_groups(struct egret_model *m, struct egret_queue *q);

/**
 * egret_workers_look() - have clusters that work for a queue look soon at what has changed
 * @q: queue; NULL for all
 */
void egret_workers_look(struct egret_model *m, const struct egret_queue *q);

/** egret_workers_clear() - clusters forget everything before their next workgroup */
void egret_workers_clear(struct egret_model *m);
/** egret_worker_dawdle() - wait as long as an injected slow-down says; without the lock */
void egret_worker_dawdle(struct egret_model *m, struct egret_queue *q);
/** egret_held() - may no worker start anything? */
bool egret_held(const struct egret_model *m);

#endif /* EGRET_MODEL_WORKER_H */
