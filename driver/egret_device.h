/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_DEVICE_H
#define EGRET_DEVICE_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/idr.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/ttm/ttm_device.h>

#include <drm/egret_accel.h>

#include "egret_event.h"
#include "egret_firmware.h"
#include "egret_irq.h"
#include "egret_mailbox.h"
#include "egret_migrate.h"
#include "egret_pm.h"
#include "egret_reset.h"
#include "egret_shrinker.h"
#include "egret_vram.h"

struct egret_client;
struct egret_coredump;
struct pci_dev;

/* Values of &enum drm_egret_queue_type. */
#define EGRET_QUEUE_TYPES	2

/*
 * IDs of a file. XA_FLAGS_ALLOC1 does not suffice: an array forgets that 0 is taken when
 * somebody erases it.
 */
#define EGRET_FILE_IDS		XA_LIMIT(1, INT_MAX)

/** enum egret_hw_state - whether the hardware can be used; see egret_hw.c */
enum egret_hw_state {
	/** @EGRET_HW_DOWN: not now: it is being reset, or sleeps */
	EGRET_HW_DOWN,
	/** @EGRET_HW_UP: yes */
	EGRET_HW_UP,
	/** @EGRET_HW_GONE: never again */
	EGRET_HW_GONE,
};

/**
 * struct egret_device - one card
 *
 * Allocated with the DRM device that it contains; it lives until the last file
 * is closed, which may be long after the card is gone.
 */
struct egret_device {
	/** @drm: Base. */
	struct drm_device drm;
	/** @pdev: PCI function. Valid until remove() returns. */
	struct pci_dev *pdev;
	/** @regs: BAR0. Used inside drm_dev_enter(); see egret_hw.h. */
	void __iomem *regs;
	/** @doorbells: BAR4. As @regs. */
	void __iomem *doorbells;
	/**
	 * @hw_lock: The gate to the hardware: held for reading by who uses it.
	 * Protects @hw_state. On the fence-signalling path.
	 */
	struct rw_semaphore hw_lock;
	/** @hw_state: Whether the hardware can be used. */
	enum egret_hw_state hw_state;
	/** @hw_changed: Woken when @hw_state has changed. */
	wait_queue_head_t hw_changed;
	/** @pm: Sleep. */
	struct egret_pm pm;
	/** @reset: Resets. */
	struct egret_reset reset;
	/** @events: Events on their way to clients. */
	struct egret_events events;
	/** @coredump: The dump that is being made. */
	struct egret_coredump *coredump;
	/** @info: What the card is. Constant after probe. */
	struct drm_egret_device_info info;
	/** @counters_lock: Protects @counters. Outside of the hardware's gate. */
	struct mutex counters_lock;
	/** @counters: What the card had counted before it forgot it. */
	struct drm_egret_counters counters;
	/** @features: Optional parts of the chip; EGRET_FEATURE_*. Constant after probe. */
	u32 features;
	/** @irq: Interrupt vectors. */
	struct egret_irq irq;
	/** @mailbox: Messages to and from the management firmware. */
	struct egret_mailbox mailbox;
	/** @firmware: The management firmware. */
	struct egret_firmware firmware;
	/** @ttm: Buffer management. */
	struct ttm_device ttm;
	/** @vram: Device memory. */
	struct egret_vram vram;
	/** @system: TTM's manager of system memory that the card can reach. */
	struct ttm_resource_manager system;
	/** @shrinker: Swapping out. */
	struct egret_shrinker shrinker;
	/** @foreign: TTM's manager of what other drivers made. */
	struct ttm_resource_manager foreign;
	/** @needs_bounce: Whether the card reaches system memory by bounce buffers. Constant. */
	bool needs_bounce;
	/** @shared_lock: Protects @shared and &egret_bo.shared_done. */
	struct mutex shared_lock;
	/** @shared: Buffers that other devices have, or made. */
	struct list_head shared;
	/** @evict_lock: See egret_evict.c. */
	struct rw_semaphore evict_lock;
	/** @free_lock: See egret_ttm_clear_dma(). */
	struct rw_semaphore free_lock;
	/** @migrate: Moves buffers. */
	struct egret_migrate migrate;
	/** @contexts: Hardware contexts in use. Internally locked. */
	struct ida contexts;
	/** @vms_lock: Protects @vms. A leaf. */
	struct mutex vms_lock;
	/** @vms: All address spaces, the oldest first. */
	struct list_head vms;
	/**
	 * @invalidate_lock: Serialises the invalidation registers. Taken on the
	 * fence-signalling path: no allocation while it is held.
	 */
	struct mutex invalidate_lock;
	/** @userptrs_lock: Protects @userptrs. */
	struct mutex userptrs_lock;
	/** @userptrs: User pointers of all address spaces. */
	struct list_head userptrs;
	/**
	 * @queues: Hardware queues in use, by number. Its lock makes a lookup
	 * with egret_queue_get_unless_zero() safe.
	 */
	struct xarray queues;
	/**
	 * @roots: What EGRET_REG_CONTEXT of each context holds. Written inside of
	 * @hw_lock, by the owner of the context.
	 */
	u64 roots[EGRET_MAX_CONTEXTS];
	/** @queue_gone: Woken when a queue has left @queues. */
	wait_queue_head_t queue_gone;
	/** @sched_wq: Runs the schedulers' work: on the fence-signalling path. */
	struct workqueue_struct *sched_wq;
	/** @jobs: Jobs that exist; remove() waits until there are none. */
	atomic_t jobs;
	/** @no_jobs: Woken when @jobs becomes zero. */
	wait_queue_head_t no_jobs;
	/** @stopped: Completed by remove() when the card does nothing any more. */
	struct completion stopped;
};

/**
 * struct egret_file - what an open file owns
 */
struct egret_file {
	/** @edev: Card. */
	struct egret_device *edev;
	/** @client: What queues and address spaces know of it; a reference. Constant. */
	struct egret_client *client;
	/** @vms: Address spaces by ID. Internally locked. */
	struct xarray vms;
	/** @queues: Queues by ID. Internally locked. */
	struct xarray queues;
	/** @next_queue: Where to look for the next ID. Protected by the lock of @queues. */
	u32 next_queue;
	/**
	 * @cycles: Modelled cycles of queues that are not in @queues any more, by type.
	 * Protected by the lock of @queues.
	 */
	u64 cycles[EGRET_QUEUE_TYPES];
	/** @events_lost: Events that it has not got. Protected by &drm_device.filelist_mutex. */
	u32 events_lost;
};

static inline struct egret_device *to_egret_device(struct drm_device *drm)
{
	return container_of(drm, struct egret_device, drm);
}

/* Whether the card was given up: no call that needs it succeeds any more. */
static inline bool egret_device_is_wedged(struct egret_device *edev)
{
	return READ_ONCE(edev->hw_state) == EGRET_HW_GONE;
}

int egret_device_init(struct egret_device *edev);
void egret_device_retire(struct egret_device *edev);
void egret_device_remove(struct egret_device *edev);

#endif /* EGRET_DEVICE_H */
