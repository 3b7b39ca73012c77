/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The command processor: runs the packets of queues. See cp.c.
 */
#ifndef EGRET_MODEL_CP_H
#define EGRET_MODEL_CP_H

#include <stdbool.h>

struct egret_model;
struct egret_queue;
struct egret_worker;
struct egret_span;

/**
 * egret_cp_run() - run packets of a queue for a while
 * @w: worker that does it
 * @q: queue, in EGRET_PLACE_OWNED
 *
 * With egret_model.lock held, which is dropped meanwhile. When it returns the queue is
 * in another place, and the worker has nothing to do with it any more.
 */
void egret_cp_run(struct egret_worker *w, struct egret_queue *q);

/**
 * egret_cp_check_waiting() - look at the words that queues wait for
 * @written: a word that was written just now, or NULL
 * @host: let queues that wait for system memory look for themselves
 *
 * With egret_model.lock held.
 */
void egret_cp_check_waiting(struct egret_model *m, const struct egret_span *written, bool host);

/** egret_cp_packet_is_good() - may the queue execute its present packet? */
bool egret_cp_packet_is_good(const struct egret_queue *q);

/** egret_cp_recheck_all() - let all waiting queues start their WAIT anew; with egret_model.lock held */
void egret_cp_recheck_all(struct egret_model *m);

#endif /* EGRET_MODEL_CP_H */
