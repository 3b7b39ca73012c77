/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_MAILBOX_H
#define EGRET_MAILBOX_H

#include <linux/completion.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include <egret/firmware.h>
#include <egret/regs.h>

struct egret_device;

/**
 * struct egret_mailbox - messages to and from the management firmware
 */
struct egret_mailbox {
	/**
	 * @call_lock: Serialises requests: held from a request to its reply, which
	 * is a bounded time. Sleeping; not on the fence-signalling path.
	 */
	struct mutex call_lock;
	/** @lock: Protects the members below. Not taken in hard interrupts. */
	spinlock_t lock;
	/** @open: Whether there is firmware that answers. */
	bool open;
	/** @expecting: Whether a request waits for the reply to @sequence. */
	bool expecting;
	/** @sequence: Number of the last request. */
	u32 sequence;
	/** @reply: What came, padded with zeros; valid when @expecting has become false. */
	union egret_mbx_message reply;
	/** @result: 0, or why there is no reply; valid as @reply is. */
	int result;
	/** @done: Completed when @expecting becomes false. */
	struct completion done;
};

int egret_mailbox_init(struct egret_device *edev);
void egret_mailbox_open(struct egret_device *edev);
void egret_mailbox_close(struct egret_device *edev);
void egret_mailbox_receive(struct egret_device *edev);
int egret_mailbox_call(struct egret_device *edev, enum egret_mbx_type type,
		       union egret_mbx_message *msg, u16 size);

#endif /* EGRET_MAILBOX_H */
