// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/* Lists of ready queues. */
#include "queue.h"
#include "runlist.h"

void egret_runlist_init(struct egret_runlist *rl)
{
	for (unsigned int p = 0; p < EGRET_PRIORITIES; p++)
		TAILQ_INIT(&rl->level[p]);
	rl->turns = 0;
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
	q->ready_since = rl->turns;
	rl->count++;
}

void egret_runlist_remove(struct egret_runlist *rl, struct egret_queue *q)
{
	TAILQ_REMOVE(&rl->level[egret_queue_priority(q)], q, link);
	q->listed = false;
	/* Short turns count like whole ones: many small jobs must not starve anybody either. */
	rl->turns++;
	rl->count--;
}

struct egret_queue *egret_runlist_next(struct egret_runlist *rl)
{
	struct egret_queue *best = NULL;
	struct egret_queue *waiter = NULL;

	for (unsigned int p = EGRET_PRIORITIES; p-- > 0;) {
		struct egret_queue *q = TAILQ_FIRST(&rl->level[p]);

		if (!q)
			continue;
		if (q->favoured)
			return q;
		if (!best)
			best = q;
		if (rl->turns - q->ready_since >= EGRET_SCHED_PATIENCE &&
		    (!waiter || q->ready_since < waiter->ready_since))
			waiter = q;
	}
	if (waiter && waiter != best) {
		waiter->favoured = true;
		waiter->slice = 0;
		return waiter;
	}
	return best;
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
