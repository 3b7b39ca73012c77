/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_RESET_H
#define EGRET_RESET_H

#include <linux/atomic.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct egret_device;

/** enum egret_reset_level - the steps of the ladder */
enum egret_reset_level {
	/** @EGRET_RESET_LEVEL_NONE: nothing is to be done */
	EGRET_RESET_LEVEL_NONE,
	/** @EGRET_RESET_LEVEL_ENGINES: clusters, copy engines and queues */
	EGRET_RESET_LEVEL_ENGINES,
	/** @EGRET_RESET_LEVEL_FUNCTION: the PCI function; memory is kept */
	EGRET_RESET_LEVEL_FUNCTION,
	/** @EGRET_RESET_LEVEL_REPROBE: the card, as after power-on; files are lost */
	EGRET_RESET_LEVEL_REPROBE,
	/** @EGRET_RESET_LEVEL_WEDGED: none: the card is given up */
	EGRET_RESET_LEVEL_WEDGED,
	/** @EGRET_RESET_LEVELS: number of levels */
	EGRET_RESET_LEVELS,
};

/** enum egret_reset_cause - why a reset is asked for */
enum egret_reset_cause {
	/** @EGRET_RESET_CAUSE_KILL: a queue was killed, and does not stop */
	EGRET_RESET_CAUSE_KILL,
	/** @EGRET_RESET_CAUSE_ENGINE: the chip says that an engine is broken */
	EGRET_RESET_CAUSE_ENGINE,
	/** @EGRET_RESET_CAUSE_MMU: an invalidation does not end */
	EGRET_RESET_CAUSE_MMU,
	/** @EGRET_RESET_CAUSE_ENABLE: the command processor does not take a queue */
	EGRET_RESET_CAUSE_ENABLE,
	/** @EGRET_RESET_CAUSE_HEAT: the chip has stopped at the critical temperature */
	EGRET_RESET_CAUSE_HEAT,
	/** @EGRET_RESET_CAUSE_PCI: the PCI core, or an administrator through it */
	EGRET_RESET_CAUSE_PCI,
	/** @EGRET_RESET_CAUSE_BUS: the PCI core has met an error */
	EGRET_RESET_CAUSE_BUS,
	/** @EGRET_RESET_CAUSE_WAKE: it does not wake from sleep */
	EGRET_RESET_CAUSE_WAKE,
	/** @EGRET_RESET_CAUSE_DEBUG: somebody wants to see what happens */
	EGRET_RESET_CAUSE_DEBUG,
	/** @EGRET_RESET_CAUSES: number of causes */
	EGRET_RESET_CAUSES,
};

/**
 * struct egret_reset - the ladder of one card
 */
struct egret_reset {
	/** @lock: Protects @level, @cause, @asked, @closed and @external. */
	spinlock_t lock;
	/** @level: What is asked for and not yet begun. */
	enum egret_reset_level level;
	/** @cause: Why. */
	enum egret_reset_cause cause;
	/** @asked: How often somebody has asked for a reset. */
	u64 asked;
	/** @served: Value of @asked up to which everything is done. */
	u64 served;
	/** @external: How many others stop and start the hardware at the moment. */
	unsigned int external;
	/** @awake: Whether a reset by the PCI core keeps the card awake. Under device_lock(). */
	bool awake;
	/** @stopped: Whether its recovery of errors has stopped the hardware. As @awake. */
	bool stopped;
	/** @closed: Whether remove() has begun: nothing is reset any more. */
	bool closed;
	/** @wq: Runs @work; on the fence-signalling path. */
	struct workqueue_struct *wq;
	/** @work: Climbs the ladder. */
	struct work_struct work;
	/** @after_work: What may allocate, and so comes after the fences have signalled. */
	struct work_struct after_work;
	/**
	 * @last: The last step that was taken. Written by who does it, @work or the PCI
	 * core; read by @after_work without a lock.
	 */
	enum egret_reset_level last;
	/** @firmware: Whether @after_work has to start the firmware, which it takes back. */
	atomic_t firmware;
};

int egret_reset_init(struct egret_device *edev);
void egret_reset_release(struct egret_device *edev);
void egret_reset_close(struct egret_device *edev);
void egret_reset_request(struct egret_device *edev, enum egret_reset_level level,
			 enum egret_reset_cause cause);
void egret_reset_and_wait(struct egret_device *edev, enum egret_reset_level level,
			  enum egret_reset_cause cause);
void egret_reset_pause(struct egret_device *edev);
void egret_reset_unpause(struct egret_device *edev);
void egret_reset_begin_external(struct egret_device *edev);
void egret_reset_end_external(struct egret_device *edev, enum egret_reset_cause cause,
			      bool usable);
enum egret_reset_level egret_reset_level_by_name(const char *name);
const char *egret_reset_level_name(enum egret_reset_level level);
const char *egret_reset_cause_name(enum egret_reset_cause cause);

#endif /* EGRET_RESET_H */
