// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Events for clients: what they can poll() for and read() from the card's file.
 *
 * They come about on the fence-signalling path, and delivering one allocates. So they
 * go through a ring of fixed size to a work item. Both this ring and what a client
 * may leave unread (a limit of DRM's) are bounded; a client is told with its next
 * event how many it has missed.
 */
#include <linux/slab.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>

#include "egret_client.h"
#include "egret_device.h"
#include "egret_event.h"
#include "egret_queue.h"

/**
 * struct egret_pending_event - an event in a client's list
 */
struct egret_pending_event {
	/** @base: Base; the core frees it. */
	struct drm_pending_event base;
	/** @event: What the client reads. */
	struct drm_egret_event event;
};

static void egret_event_send(struct drm_file *file, const struct drm_egret_event *event)
{
	struct egret_file *efile = file->driver_priv;
	struct egret_pending_event *e;

	e = kzalloc(sizeof(*e), GFP_KERNEL);
	if (!e)
		goto lost;
	e->event = *event;
	e->event.lost = efile->events_lost;
	if (drm_event_reserve_init(file->minor->dev, file, &e->base, &e->event.base))
		goto lost_free;
	efile->events_lost = 0;
	drm_send_event(file->minor->dev, &e->base);
	return;

lost_free:
	kfree(e);
lost:
	efile->events_lost++;
}

/* @dropped events were for whom nobody knows any more: all have lost them. */
static void egret_event_deliver(struct egret_device *edev, u64 client,
				const struct drm_egret_event *event, u32 dropped)
{
	struct drm_device *drm = &edev->drm;
	struct drm_file *file;

	/* A file that is in the list is not closed while the lock is held. */
	mutex_lock(&drm->filelist_mutex);
	list_for_each_entry(file, &drm->filelist, lhead) {
		struct egret_file *efile = file->driver_priv;

		efile->events_lost += dropped;
		if (client == EGRET_EVENT_ALL || client == file->client_id)
			egret_event_send(file, event);
	}
	mutex_unlock(&drm->filelist_mutex);
}

static void egret_event_work(struct work_struct *work)
{
	struct egret_device *edev = container_of(work, struct egret_device, events.work);
	struct egret_events *events = &edev->events;

	spin_lock(&events->lock);
	while (events->head != events->tail) {
		typeof(events->ring[0]) e = events->ring[events->head++ % EGRET_EVENTS_MAX];
		u32 dropped = events->dropped;

		events->dropped = 0;
		spin_unlock(&events->lock);
		egret_event_deliver(edev, e.client, &e.event, dropped);
		spin_lock(&events->lock);
	}
	spin_unlock(&events->lock);
}

static void egret_event_post(struct egret_device *edev, u64 client,
			     struct drm_egret_event *event)
{
	struct egret_events *events = &edev->events;

	event->base.length = sizeof(*event);
	event->time = ktime_get_ns();
	spin_lock(&events->lock);
	/* The newest tells most. */
	if (events->tail - events->head == EGRET_EVENTS_MAX) {
		events->head++;
		events->dropped++;
	}
	events->ring[events->tail % EGRET_EVENTS_MAX].client = client;
	events->ring[events->tail % EGRET_EVENTS_MAX].event = *event;
	events->tail++;
	spin_unlock(&events->lock);
	queue_work(system_dfl_wq, &events->work);
}

/**
 * egret_event_queue_dead() - tell a client that its queue is dead
 * @queue: queue, which is dead for another reason than that it was destroyed
 *
 * May be called on the fence-signalling path.
 */
void egret_event_queue_dead(struct egret_queue *queue)
{
	struct drm_egret_event event = {
		.base.type = DRM_EGRET_EVENT_QUEUE_DEAD,
		.queue_id = READ_ONCE(queue->id),
		.state = queue->state,
		.code = queue->fault.code,
		.addr = queue->fault.addr,
		.pc = queue->fault.pc,
		.cookie = queue->fault.cookie,
	};

	/* The kernel has queues of its own. */
	if (queue->client)
		egret_event_post(queue->edev, queue->client->id, &event);
}

/**
 * egret_event_banned() - tell a client that it is banned
 * @queue: queue that was one too many
 *
 * May be called on the fence-signalling path.
 */
void egret_event_banned(struct egret_queue *queue)
{
	struct drm_egret_event event = {
		.base.type = DRM_EGRET_EVENT_BANNED,
		.queue_id = READ_ONCE(queue->id),
		.state = queue->state,
	};

	egret_event_post(queue->edev, queue->client->id, &event);
}

/**
 * egret_event_card() - tell all clients what happened to the card
 * @edev: card
 * @type: DRM_EGRET_EVENT_*
 * @state: as the type says
 * @addr: as the type says
 *
 * May be called on the fence-signalling path.
 */
void egret_event_card(struct egret_device *edev, u32 type, u32 state, u64 addr)
{
	struct drm_egret_event event = {
		.base.type = type,
		.state = state,
		.addr = addr,
	};

	egret_event_post(edev, EGRET_EVENT_ALL, &event);
}

/**
 * egret_event_init() - prepare for events
 * @edev: card
 */
void egret_event_init(struct egret_device *edev)
{
	spin_lock_init(&edev->events.lock);
	INIT_WORK(&edev->events.work, egret_event_work);
}

/**
 * egret_event_fini() - deliver the last events
 * @edev: card, for which no more come
 */
void egret_event_fini(struct egret_device *edev)
{
	flush_work(&edev->events.work);
}
