/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * Which queue comes next: a list of ready queues with priorities and time slices.
 *
 * There is one list for each kind of work: packets for the command processor,
 * copies, workgroups. The highest priority comes first, and queues of one priority take
 * turns of a slice (EGRET_REG_CP_SLICE modelled cycles). A priority with ready queues that
 * was passed over for EGRET_SCHED_PATIENCE turns in a row gets the next one, so that
 * nobody starves. It is the priority that has patience and not each queue: otherwise
 * many queues of a low one would together be ahead of a high one all the time.
 *
 * Protected by egret_model.lock.
 */
#ifndef EGRET_MODEL_RUNLIST_H
#define EGRET_MODEL_RUNLIST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define EGRET_PRIORITIES	4
#define EGRET_SCHED_PATIENCE	16
#define EGRET_SCHED_SLICE_MIN	1000

struct egret_queue;

TAILQ_HEAD(egret_queue_list, egret_queue);

struct egret_runlist {
	struct egret_queue_list level[EGRET_PRIORITIES];
	unsigned int passed[EGRET_PRIORITIES]; /* turns that a level with ready queues was passed over */
	unsigned int count;
};

void egret_runlist_init(struct egret_runlist *rl);
void egret_runlist_add(struct egret_runlist *rl, struct egret_queue *q, bool front);
void egret_runlist_remove(struct egret_runlist *rl, struct egret_queue *q);

/** egret_runlist_next() - the queue whose turn it is, which stays on the list; or NULL */
struct egret_queue *egret_runlist_next(struct egret_runlist *rl);

/**
 * egret_runlist_charge() - a queue has used cycles
 * @q: a queue on the list or one that was taken from it
 * @slice: length of a slice
 *
 * A queue on the list goes to the end of its level when its slice is used up.
 *
 * Return: true if the slice is used up; a new one begins.
 */
bool egret_runlist_charge(struct egret_runlist *rl, struct egret_queue *q, uint64_t cycles,
			  uint64_t slice);

/**
 * egret_runlist_yields() - must a queue that was taken from the list give way?
 * @slice_over: what egret_runlist_charge() said
 */
bool egret_runlist_yields(const struct egret_runlist *rl, const struct egret_queue *q,
			  bool slice_over);

#endif /* EGRET_MODEL_RUNLIST_H */
