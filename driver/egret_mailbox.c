// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * The mailbox of the management controller.
 *
 * There is one buffer in each direction. Requests are serialised; each waits for
 * its reply, which comes by interrupt, or for the end of the firmware, which does
 * too. What remains is firmware that lives, and does not answer: the wait is
 * bounded. The reply that comes too late is told from others by its number.
 *
 * Versions. A message may have grown in newer firmware, and be shorter in older:
 * what is beyond the part that both know reads as zero (see egret/firmware.h). So
 * the callers need to know nothing about minor versions. Major versions are
 * settled before any message is sent (egret_firmware.c).
 */
#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "egret_firmware.h"
#include "egret_hw.h"
#include "egret_mailbox.h"
#include "egret_trace.h"

/*
 * Replies come within 100 ms. Firmware that hangs is ended by its own watchdog
 * after 2 s, which is a better diagnosis; so this is longer.
 */
#define EGRET_MAILBOX_TIMEOUT	(4 * HZ)

static int egret_mailbox_error(u32 status)
{
	switch (status) {
	case EGRET_MBX_OK:
		return 0;
	case EGRET_MBX_E_TYPE:
		return -EOPNOTSUPP;
	case EGRET_MBX_E_VALUE:
		return -EINVAL;
	case EGRET_MBX_E_BUSY:
		return -EBUSY;
	default:
		return -EPROTO;
	}
}

/* ---- the controller's side: in the interrupt's thread ----------------------------- */

/* Take the message out of the buffer; false if there is none. */
static bool egret_mailbox_take(struct egret_device *edev, union egret_mbx_message *msg)
{
	u32 ctrl = egret_read(edev, EGRET_REG_MBX_D2H_CTRL);
	unsigned int i, words;

	if (ctrl == EGRET_GONE || !(ctrl & EGRET_MBX_FULL))
		return false;
	memset(msg, 0, sizeof(*msg));
	for (i = 0; i < sizeof(msg->header) / sizeof(msg->words[0]); i++)
		msg->words[i] = cpu_to_le32(egret_read(edev, EGRET_REG_MBX_D2H_DATA(i)));
	words = min_t(u32, le16_to_cpu(msg->header.size), EGRET_MBX_BYTES) / sizeof(msg->words[0]);
	for (; i < words; i++)
		msg->words[i] = cpu_to_le32(egret_read(edev, EGRET_REG_MBX_D2H_DATA(i)));
	egret_write(edev, EGRET_REG_MBX_D2H_CTRL, EGRET_MBX_FULL);
	return true;
}

static void egret_mailbox_reply(struct egret_mailbox *mbx, const union egret_mbx_message *msg)
{
	spin_lock(&mbx->lock);
	if (mbx->expecting && le32_to_cpu(msg->header.sequence) == mbx->sequence) {
		mbx->reply = *msg;
		mbx->result = 0;
		mbx->expecting = false;
		complete(&mbx->done);
	}
	spin_unlock(&mbx->lock);
}

/**
 * egret_mailbox_receive() - take what the firmware has sent
 * @edev: card
 *
 * Called from the thread of the management interrupt, inside drm_dev_enter().
 */
void egret_mailbox_receive(struct egret_device *edev)
{
	union egret_mbx_message msg;

	if (!egret_mailbox_take(edev, &msg))
		return;
	if (le16_to_cpu(msg.header.type) == EGRET_MBX_EVENT)
		egret_firmware_event(edev, &msg.event);
	else if (le16_to_cpu(msg.header.type) & EGRET_MBX_REPLY)
		egret_mailbox_reply(&edev->mailbox, &msg);
	/* Newer firmware may send what this driver does not know. */
}

/* ---- the host's side ------------------------------------------------------------------ */

static int egret_mailbox_expect(struct egret_mailbox *mbx, struct egret_mbx_header *header)
{
	int ret = 0;

	spin_lock(&mbx->lock);
	if (mbx->open) {
		header->sequence = cpu_to_le32(++mbx->sequence);
		reinit_completion(&mbx->done);
		mbx->expecting = true;
	} else {
		ret = -EHOSTDOWN;
	}
	spin_unlock(&mbx->lock);
	return ret;
}

/* End a wait that may not have ended by itself. */
static int egret_mailbox_finish(struct egret_mailbox *mbx, union egret_mbx_message *msg, int err)
{
	int ret = err;

	spin_lock(&mbx->lock);
	if (!mbx->expecting)
		ret = mbx->result;
	mbx->expecting = false;
	*msg = mbx->reply;
	spin_unlock(&mbx->lock);
	return ret;
}

static int egret_mailbox_send(struct egret_device *edev, const union egret_mbx_message *msg)
{
	unsigned int i, words = DIV_ROUND_UP(le16_to_cpu(msg->header.size), sizeof(msg->words[0]));
	int idx, ret = 0;

	if (!drm_dev_enter(&edev->drm, &idx))
		return -ENODEV;
	/* Without waiting: whoever stops the hardware ends the firmware, too. */
	if (!egret_hw_try_enter(edev)) {
		drm_dev_exit(idx);
		return -EHOSTDOWN;
	}
	if (egret_read(edev, EGRET_REG_MBX_H2D_CTRL) & EGRET_MBX_FULL) {
		/* An earlier request was given up, and has not been read yet. */
		ret = -EBUSY;
	} else {
		for (i = 0; i < words; i++)
			egret_write(edev, EGRET_REG_MBX_H2D_DATA(i), le32_to_cpu(msg->words[i]));
		egret_write(edev, EGRET_REG_MBX_H2D_CTRL, EGRET_MBX_FULL);
	}
	egret_hw_exit(edev);
	drm_dev_exit(idx);
	return ret;
}

/**
 * egret_mailbox_call() - send a request and wait for its reply
 * @edev: card, awake
 * @type: type of the request
 * @msg: request without its header; becomes the reply, padded with zeros
 * @size: bytes of the request with its header
 *
 * Must not be called inside of drm_dev_enter(), nor on the fence-signalling path.
 *
 * Return: 0, or a negative errno: -EHOSTDOWN (no firmware, or it ended meanwhile),
 * -ETIMEDOUT (it does not answer), -EBUSY, -EINVAL, -EOPNOTSUPP, -EPROTO (it
 * refused), -ENODEV (the card is gone). @msg is undefined then.
 */
int egret_mailbox_call(struct egret_device *edev, enum egret_mbx_type type,
		       union egret_mbx_message *msg, u16 size)
{
	struct egret_mailbox *mbx = &edev->mailbox;
	int ret;

	msg->header = (struct egret_mbx_header){
		.type = cpu_to_le16(type),
		.size = cpu_to_le16(size),
		.abi_major = cpu_to_le16(EGRET_FW_ABI_MAJOR),
		.abi_minor = cpu_to_le16(EGRET_FW_ABI_MINOR),
	};
	mutex_lock(&mbx->call_lock);
	ret = egret_mailbox_expect(mbx, &msg->header);
	if (ret)
		goto out;
	ret = egret_mailbox_send(edev, msg);
	if (!ret && !wait_for_completion_timeout(&mbx->done, EGRET_MAILBOX_TIMEOUT))
		ret = -ETIMEDOUT;
	ret = egret_mailbox_finish(mbx, msg, ret);
	if (!ret && le16_to_cpu(msg->header.type) != (type | EGRET_MBX_REPLY))
		ret = -EPROTO;
	if (!ret)
		ret = egret_mailbox_error(le32_to_cpu(msg->header.status));
out:
	mutex_unlock(&mbx->call_lock);
	trace_egret_mailbox(edev, type, ret);
	return ret;
}

/**
 * egret_mailbox_open() - allow requests
 * @edev: card; its firmware has been started
 */
void egret_mailbox_open(struct egret_device *edev)
{
	struct egret_mailbox *mbx = &edev->mailbox;

	spin_lock(&mbx->lock);
	mbx->open = true;
	spin_unlock(&mbx->lock);
}

/**
 * egret_mailbox_close() - refuse requests, and end the one that waits
 * @edev: card; its firmware has ended, or will be
 */
void egret_mailbox_close(struct egret_device *edev)
{
	struct egret_mailbox *mbx = &edev->mailbox;

	spin_lock(&mbx->lock);
	mbx->open = false;
	if (mbx->expecting) {
		mbx->result = -EHOSTDOWN;
		mbx->expecting = false;
		complete(&mbx->done);
	}
	spin_unlock(&mbx->lock);
}

/**
 * egret_mailbox_init() - prepare the mailbox
 * @edev: card
 *
 * Return: 0, or a negative errno.
 */
int egret_mailbox_init(struct egret_device *edev)
{
	struct egret_mailbox *mbx = &edev->mailbox;

	spin_lock_init(&mbx->lock);
	init_completion(&mbx->done);
	return drmm_mutex_init(&edev->drm, &mbx->call_lock);
}
