/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_FIRMWARE_H_
#define EGRET_FIRMWARE_H_

#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <egret/firmware.h>

#include "egret_fw_format.h"

struct drm_printer;
struct egret_device;
struct gpu_buddy_block;

/* Entries of the event log that the driver keeps: as many as the firmware does. */
#define EGRET_LOG_ENTRIES	256

/** enum egret_firmware_state - what the management controller does */
enum egret_firmware_state {
	/** @EGRET_FIRMWARE_NONE: nothing: no controller, no image, or a refused one */
	EGRET_FIRMWARE_NONE,
	/** @EGRET_FIRMWARE_STOPPED: nothing, while the card sleeps or is reset */
	EGRET_FIRMWARE_STOPPED,
	/** @EGRET_FIRMWARE_BOOTING: it boots */
	EGRET_FIRMWARE_BOOTING,
	/** @EGRET_FIRMWARE_READY: it serves the mailbox */
	EGRET_FIRMWARE_READY,
	/** @EGRET_FIRMWARE_FAILED: nothing: it failed too often, or did not boot */
	EGRET_FIRMWARE_FAILED,
};

/**
 * struct egret_firmware - the management controller's firmware
 */
struct egret_firmware {
	/** @image: The image, or NULL: the card runs without. Constant after probe. */
	void *image;
	/** @size: Bytes of @image. */
	size_t size;
	/** @version: Version in its header: major << 24 | minor << 16 | patch. */
	u32 version;
	/** @block: Device memory from which it boots. */
	struct gpu_buddy_block *block;
	/** @limits: What the card can do; valid if @known. */
	struct egret_limits limits;
	/** @known: Whether it ever was ready. Constant after probe. */
	bool known;

	/** @state: enum egret_firmware_state. Written under @lock, read anywhere. */
	unsigned int state;
	/** @changed: Woken when @state changes. */
	wait_queue_head_t changed;
	/** @boot_work: Boots it. Holds a runtime PM reference. */
	struct work_struct boot_work;
	/** @lock: Protects the members below, and writes of @state. Not held for long. */
	spinlock_t lock;
	/** @restarts: How often it ended by itself lately. */
	unsigned int restarts;
	/** @restarted: When it did last, in jiffies. */
	unsigned long restarted;
	/** @crashes: How often it ended by itself since probe. */
	unsigned int crashes;

	/**
	 * @settings_lock: Protects the settings, and that the firmware has them.
	 * Outside of egret_mailbox.call_lock.
	 */
	struct mutex settings_lock;
	/** @power_cap: Power cap in mW that was asked for, 0 for the default. */
	u32 power_cap;
	/** @pstate_limit: Fastest performance state allowed. */
	u32 pstate_limit;

	/** @log_lock: Protects the copy of the event log. As @settings_lock. */
	struct mutex log_lock;
	/** @log: Copy of the event log; entry n is at n modulo the length. */
	struct egret_mbx_log_entry *log;
	/** @log_first: Number of the first entry in @log. */
	u32 log_first;
	/** @log_next: Number of the next entry. */
	u32 log_next;
};

int egret_firmware_init(struct egret_device *edev);
void egret_firmware_stop(struct egret_device *edev);
void egret_firmware_start(struct egret_device *edev);
void egret_firmware_ended(struct egret_device *edev);
void egret_firmware_event(struct egret_device *edev, const struct egret_mbx_event *event);
int egret_firmware_wait(struct egret_device *edev);
const char *egret_firmware_state_name(struct egret_device *edev);

int egret_firmware_set_power_cap(struct egret_device *edev, u32 mw);
u32 egret_firmware_power_cap(struct egret_device *edev);
int egret_firmware_set_pstate_limit(struct egret_device *edev, u32 pstate);
int egret_firmware_prepare_sleep(struct egret_device *edev);

int egret_firmware_log_update(struct egret_device *edev);
void egret_firmware_log_print(struct egret_device *edev, struct drm_printer *p);

#endif /* EGRET_FIRMWARE_H_ */
