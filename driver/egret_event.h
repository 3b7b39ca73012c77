/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_EVENT_H
#define EGRET_EVENT_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include <drm/egret_accel.h>

struct egret_device;
struct egret_queue;

/* Events on their way to user space. More than come between two runs of the work. */
#define EGRET_EVENTS_MAX	64
/* For all clients. */
#define EGRET_EVENT_ALL		0

/**
 * struct egret_events - events on their way to the clients of a card
 */
struct egret_events {
	/** @lock: Protects what follows. Taken in interrupts' threads and work items. */
	spinlock_t lock;
	/** @ring: Events; number n is at n modulo the length. */
	struct {
		/** @ring.client: &drm_file.client_id of the addressee, or EGRET_EVENT_ALL. */
		u64 client;
		/** @ring.event: What it gets. */
		struct drm_egret_event event;
	} ring[EGRET_EVENTS_MAX];
	/** @head: Number of the next event to be delivered. */
	u32 head;
	/** @tail: Number of the next event to come. */
	u32 tail;
	/** @dropped: Events that found no room, since the last delivery. */
	u32 dropped;
	/** @work: Delivers them. */
	struct work_struct work;
};

void egret_event_init(struct egret_device *edev);
void egret_event_fini(struct egret_device *edev);
void egret_event_queue_dead(struct egret_queue *queue);
void egret_event_banned(struct egret_queue *queue);
void egret_event_card(struct egret_device *edev, u32 type, u32 state, u64 addr);

#endif /* EGRET_EVENT_H */
