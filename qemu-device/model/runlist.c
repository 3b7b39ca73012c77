// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/* Lists of ready queues. */
#include "queue.h"
#include "runlist.h"

void egret_runlist_init(struct egret_runlist *rl)
{
	for (unsigned int p = 0; p < EGRET_PRIORITIES; p++) {
		TAILQ_INIT(&rl->level[p]);
		rl->passed[p] = 0;
	}
	rl->count = 0;
}

void egret_runlist_add(struct egret_runlist *rl, struct egret_queue *q, bool front)
{
	struct egret_queue_list *level = &rl->level[egret_queue_priority(q)];

	if (front)
		TAILQ_INSERT_HEAD(level, q, link);
	else
		TAILQ_INSERT_TAIL(level, q, link);
	q->listed = true;
	rl->count++;
}

/*
 * Taking a queue from the list is the end of somebody's turn, used up or not: many
 * short jobs must not make others starve either.
 */
void egret_runlist_remove(struct egret_runlist *rl, struct egret_queue *q)
{
	unsigned int level = egret_queue_priority(q);

	TAILQ_REMOVE(&rl->level[level], q, link);
	q->listed = false;
	rl->count--;
	rl->passed[level] = 0;
	for (unsigned int p = 0; p < level; p++)
		if (TAILQ_EMPTY(&rl->level[p]))
			rl->passed[p] = 0;
		else
			rl->passed[p]++;
}

/* The level whose turn it is: the highest, or the one that lost its patience first. */
static unsigned int next_level(const struct egret_runlist *rl)
{
	unsigned int best = EGRET_PRIORITIES;
	unsigned int next = EGRET_PRIORITIES;

	for (unsigned int p = EGRET_PRIORITIES; p-- > 0;) {
		const struct egret_queue *q = TAILQ_FIRST(&rl->level[p]);

		if (!q)
			continue;
		if (q->favoured)
			return p;
		if (best == EGRET_PRIORITIES)
			best = p;
		if (rl->passed[p] >= EGRET_SCHED_PATIENCE &&
		    (next == EGRET_PRIORITIES || rl->passed[p] > rl->passed[next]))
			next = p;
	}
	return next == EGRET_PRIORITIES ? best : next;
}

struct egret_queue *egret_runlist_next(struct egret_runlist *rl)
{
	unsigned int level = next_level(rl);
	struct egret_queue *q;

	if (level == EGRET_PRIORITIES)
		return NULL;
	q = TAILQ_FIRST(&rl->level[level]);
	if (rl->passed[level] >= EGRET_SCHED_PATIENCE && !q->favoured) {
		/* It keeps the turn for a whole slice, whoever else becomes ready. */
		q->favoured = true;
		q->slice = 0;
	}
	return q;
}

bool egret_runlist_charge(struct egret_runlist *rl, struct egret_queue *q, uint64_t cycles,
			  uint64_t slice)
{
	q->slice += cycles;
	if (q->slice < slice)
		return false;
	q->slice = 0;
	q->favoured = false;
	if (q->listed) {
		egret_runlist_remove(rl, q);
		egret_runlist_add(rl, q, false);
	}
	return true;
}

bool egret_runlist_yields(const struct egret_runlist *rl, const struct egret_queue *q,
			  bool slice_over)
{
	if (slice_over)
		return rl->count > 0;
	if (q->favoured)
		return false;
	for (unsigned int p = egret_queue_priority(q) + 1; p < EGRET_PRIORITIES; p++)
		if (!TAILQ_EMPTY(&rl->level[p]))
			return true;
	return false;
}
