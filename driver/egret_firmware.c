// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/**
 * DOC: The management firmware
 *
 * The card's management controller owns clock, voltage and power. The driver gives
 * it an image, which its boot ROM verifies, and speaks to it through the mailbox
 * (egret_mailbox.c).
 *
 * The image is read once, in probe, and kept: it is small, and the card forgets
 * the firmware whenever it sleeps or is reset, when there may be no file system to
 * read from. So is the piece of device memory that it boots from. Booting thus
 * allocates nothing, and is a work item: whoever wakes the card for a job does not
 * wait for it, because the engines do not need it.
 *
 * Without firmware the card works: it keeps the clock of the reset, and protects
 * itself from heat by the hardware's own limit. This was chosen over refusing the
 * card, because computing does not depend on the firmware in any way, a machine
 * whose initramfs lacks the file should not lose its accelerator, and a card with a
 * broken image can still be looked at. What is lost is said in the log, and each
 * interface that needs firmware returns an error instead of inventing a value.
 *
 * Versions. The major version of the protocol must be the driver's; the driver finds
 * it in the image's header and refuses another one before the card sees it. Minor
 * versions only add, on either side, so any is accepted, and so is any version of
 * the firmware itself.
 *
 * Firmware that ends by itself, by a trap or by its watchdog, is started again with
 * the settings that it had, but not for ever: the card goes on without firmware
 * when it fails EGRET_FIRMWARE_RESTARTS times with less than a minute between.
 */
#include <linux/delay.h>
#include <linux/firmware.h>
#include <linux/iopoll.h>
#include <linux/module.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include <egret/mc.h>

#include "egret_firmware.h"
#include "egret_hw.h"
#include "egret_pm.h"
#include "egret_trace.h"

static char *firmware = EGRET_FW_FILE;
module_param(firmware, charp, 0444);
MODULE_PARM_DESC(firmware, "Image for the management controller; empty for none (default "
		 EGRET_FW_FILE ")");
MODULE_FIRMWARE(EGRET_FW_FILE);

/* The boot ROM needs less than 100 ms, and the firmware less than 1 s. */
#define EGRET_BOOT_POLL_US	500
#define EGRET_BOOT_PAUSE_MS	10
#define EGRET_BOOT_TIMEOUT_US	(3 * USEC_PER_SEC)
/* Longer than a boot with all that can go wrong in it. */
#define EGRET_FIRMWARE_TIMEOUT	(12 * HZ)

#define EGRET_FIRMWARE_RESTARTS	5
#define EGRET_FIRMWARE_CALM	(60 * HZ)

#define EGRET_LOG_PER_MESSAGE	ARRAY_SIZE(((struct egret_mbx_log *)NULL)->entry)

static const char * const egret_firmware_states[] = {
	[EGRET_FIRMWARE_NONE] = "none",
	[EGRET_FIRMWARE_STOPPED] = "stopped",
	[EGRET_FIRMWARE_BOOTING] = "booting",
	[EGRET_FIRMWARE_READY] = "ready",
	[EGRET_FIRMWARE_FAILED] = "failed",
};

static unsigned int egret_firmware_state(struct egret_firmware *fw)
{
	return READ_ONCE(fw->state);
}

/**
 * egret_firmware_state_name() - what the firmware does at this moment
 * @edev: card
 *
 * Return: a word.
 */
const char *egret_firmware_state_name(struct egret_device *edev)
{
	return egret_firmware_states[egret_firmware_state(&edev->firmware)];
}

/* Go from state @from to @to; false if it is in another one. */
static bool egret_firmware_change(struct egret_device *edev, unsigned int from, unsigned int to)
{
	struct egret_firmware *fw = &edev->firmware;
	bool changed;

	spin_lock(&fw->lock);
	changed = fw->state == from;
	if (changed)
		WRITE_ONCE(fw->state, to);
	spin_unlock(&fw->lock);
	if (changed) {
		trace_egret_firmware_state(edev, egret_firmware_states[to]);
		wake_up_all(&fw->changed);
	}
	return changed;
}

/**
 * egret_firmware_wait() - wait until the firmware can be used
 * @edev: card, awake
 *
 * Return: 0; -ENODATA if there is no firmware, also after it failed; -ERESTARTSYS.
 */
int egret_firmware_wait(struct egret_device *edev)
{
	struct egret_firmware *fw = &edev->firmware;
	long ret;

	ret = wait_event_interruptible_timeout(fw->changed, egret_firmware_state(fw) !=
					       EGRET_FIRMWARE_BOOTING, EGRET_FIRMWARE_TIMEOUT);
	if (ret < 0)
		return ret;
	return egret_firmware_state(fw) == EGRET_FIRMWARE_READY ? 0 : -ENODATA;
}

static void egret_firmware_consequence(struct egret_device *edev)
{
	drm_warn(&edev->drm,
		 "the card goes on without management firmware: no performance states, power cap, sensors\n");
}

/* ---- booting: in the work item -------------------------------------------------------- */

/* Inside of egret_hw_enter(). */
static void egret_firmware_start_rom(struct egret_device *edev)
{
	struct egret_firmware *fw = &edev->firmware;
	u64 offset = gpu_buddy_block_offset(fw->block);

	memcpy_toio(edev->vram.map + offset, fw->image, fw->size);
	/* Write-combined stores are in device memory before the ROM looks. */
	wmb();
	egret_write64(edev, EGRET_REG_BOOT_ADDR, offset);
	egret_write(edev, EGRET_REG_BOOT_SIZE, fw->size);
	egret_write(edev, EGRET_REG_BOOT_CTRL, EGRET_BOOT_START);
}

/* How far the boot is; all ones if the hardware is down at this moment. */
static u32 egret_firmware_boot_status(struct egret_device *edev)
{
	u32 status = EGRET_GONE;

	if (egret_hw_try_enter(edev)) {
		status = egret_read(edev, EGRET_REG_BOOT_STATUS);
		egret_hw_exit(edev);
	}
	return status;
}

/*
 * Give the image to the boot ROM, and wait for its verdict. Whoever stops the hardware
 * waits for us (egret_firmware_stop()), so we must not wait for the hardware.
 */
static int egret_firmware_load(struct egret_device *edev, u32 *status)
{
	int idx, ret = -EAGAIN;

	if (!drm_dev_enter(&edev->drm, &idx))
		return -ENODEV;
	if (egret_hw_try_enter(edev)) {
		egret_firmware_start_rom(edev);
		egret_hw_exit(edev);
		/* There is no interrupt for the verdict; it comes within milliseconds. */
		ret = read_poll_timeout(egret_firmware_boot_status, *status,
					*status != EGRET_BOOT_VERIFYING, EGRET_BOOT_POLL_US,
					EGRET_BOOT_TIMEOUT_US, false, edev);
	}
	drm_dev_exit(idx);
	return ret;
}

static int egret_firmware_verify(struct egret_device *edev)
{
	const struct egret_fw_error *error;
	u32 status = 0;
	int ret;

	ret = egret_firmware_load(edev, &status);
	if (ret) {
		if (ret == -ETIMEDOUT)
			drm_err(&edev->drm, "the boot ROM does not finish\n");
		return ret;
	}
	if (status == EGRET_BOOT_RUNNING || status == EGRET_BOOT_READY)
		return 0;
	/* Those come by interrupt as well, and are dealt with there. */
	if (status == EGRET_BOOT_E_CRASHED || status == EGRET_BOOT_E_WATCHDOG)
		return -EHOSTDOWN;
	if (status == EGRET_GONE)
		return -EAGAIN;
	error = egret_fw_explain(status);
	drm_err(&edev->drm, "firmware %s is refused (status %#x): %s; %s\n", firmware, status,
		error->what, error->remedy);
	return -EBADMSG;
}

/* The reply, which comes by interrupt, says that the firmware is ready. */
static int egret_firmware_hello(struct egret_device *edev)
{
	struct egret_firmware *fw = &edev->firmware;
	union egret_mbx_message msg = {};
	struct egret_limits limits;
	int ret;

	ret = egret_mailbox_call(edev, EGRET_MBX_HELLO, &msg, sizeof(msg.header));
	if (ret)
		return ret;
	ret = egret_fw_read_hello(&msg.hello, &limits);
	if (ret) {
		drm_err(&edev->drm, "the firmware's limits make no sense: caps %u..%u..%u mW\n",
			limits.power_cap_min, limits.power_cap_default, limits.power_cap_max);
		return ret;
	}
	/* Others may look at them from the first time on; they do not change. */
	if (!fw->known) {
		fw->limits = limits;
		fw->known = true;
	}
	return 0;
}

static int egret_firmware_send_value(struct egret_device *edev, enum egret_mbx_type type, u32 value)
{
	union egret_mbx_message msg = { .value.value = cpu_to_le32(value) };

	return egret_mailbox_call(edev, type, &msg, sizeof(msg.value));
}

/* Firmware that has just booted knows nothing of what was set before. */
static int egret_firmware_apply(struct egret_device *edev)
{
	struct egret_firmware *fw = &edev->firmware;
	int ret = 0;

	mutex_lock(&fw->settings_lock);
	if (fw->power_cap)
		ret = egret_firmware_send_value(edev, EGRET_MBX_SET_POWER_CAP, fw->power_cap);
	if (!ret && fw->pstate_limit)
		ret = egret_firmware_send_value(edev, EGRET_MBX_SET_PSTATE, fw->pstate_limit);
	/* Under the lock: whoever sets something now is either before or after us. */
	if (!ret && !egret_firmware_change(edev, EGRET_FIRMWARE_BOOTING, EGRET_FIRMWARE_READY))
		ret = -ESHUTDOWN;
	mutex_unlock(&fw->settings_lock);
	return ret;
}

static void egret_firmware_open_mailbox(struct egret_device *edev)
{
	struct egret_firmware *fw = &edev->firmware;

	/* Not if egret_firmware_stop() has just closed it. */
	spin_lock(&fw->lock);
	if (fw->state == EGRET_FIRMWARE_BOOTING)
		egret_mailbox_open(edev);
	spin_unlock(&fw->lock);
}

static int egret_firmware_boot(struct egret_device *edev)
{
	int ret;

	ret = egret_firmware_verify(edev);
	if (ret)
		return ret;
	egret_firmware_open_mailbox(edev);
	ret = egret_firmware_hello(edev);
	if (!ret)
		ret = egret_firmware_apply(edev);
	return ret;
}

/* How a boot failed that was not stopped: may it be tried again? */
static bool egret_firmware_may_restart(struct egret_firmware *fw)
{
	bool may;

	spin_lock(&fw->lock);
	if (time_after(jiffies, fw->restarted + EGRET_FIRMWARE_CALM))
		fw->restarts = 0;
	may = fw->restarts < EGRET_FIRMWARE_RESTARTS;
	fw->restarts++;
	fw->restarted = jiffies;
	spin_unlock(&fw->lock);
	return may;
}

static void egret_firmware_boot_work(struct work_struct *work)
{
	struct egret_device *edev = container_of(work, struct egret_device, firmware.boot_work);
	struct egret_firmware *fw = &edev->firmware;
	int ret;

	for (;;) {
		ret = egret_firmware_boot(edev);
		if (!ret || egret_firmware_state(fw) != EGRET_FIRMWARE_BOOTING)
			break;
		egret_mailbox_close(edev);
		/* The hardware is down: who has stopped it starts us again. */
		if (ret == -EAGAIN) {
			msleep(EGRET_BOOT_PAUSE_MS);
			continue;
		}
		/* Refused, or gone: it will not get better. */
		if (ret == -EBADMSG || ret == -ENODEV)
			break;
		drm_err(&edev->drm, "the management firmware does not come up: %pe\n",
			ERR_PTR(ret));
		if (!egret_firmware_may_restart(fw))
			break;
	}

	/* That a card which is gone has no firmware is no news. */
	if (ret && egret_firmware_change(edev, EGRET_FIRMWARE_BOOTING, EGRET_FIRMWARE_FAILED) &&
	    ret != -ENODEV)
		egret_firmware_consequence(edev);
	if (!ret)
		egret_firmware_log_update(edev);
	egret_pm_put(edev);
}

static void egret_firmware_schedule(struct egret_device *edev)
{
	/* The card is awake and stays so until it has booted. */
	pm_runtime_get_noresume(edev->drm.dev);
	if (!schedule_work(&edev->firmware.boot_work))
		pm_runtime_put_noidle(edev->drm.dev);
}

/**
 * egret_firmware_start() - boot the firmware
 * @edev: card, awake and reset
 *
 * It does not wait; see egret_firmware_wait(). Does nothing if there is no image, or
 * if it has failed for good.
 */
void egret_firmware_start(struct egret_device *edev)
{
	if (egret_firmware_change(edev, EGRET_FIRMWARE_STOPPED, EGRET_FIRMWARE_BOOTING))
		egret_firmware_schedule(edev);
}

/**
 * egret_firmware_stop() - let go of the firmware, before the card sleeps or is reset
 * @edev: card; the management interrupt is off and synchronised
 *
 * Requests end with an error. The controller itself is stopped by what follows.
 */
void egret_firmware_stop(struct egret_device *edev)
{
	struct egret_firmware *fw = &edev->firmware;

	if (!egret_firmware_change(edev, EGRET_FIRMWARE_READY, EGRET_FIRMWARE_STOPPED))
		egret_firmware_change(edev, EGRET_FIRMWARE_BOOTING, EGRET_FIRMWARE_STOPPED);
	egret_mailbox_close(edev);
	if (cancel_work_sync(&fw->boot_work))
		pm_runtime_put_noidle(edev->drm.dev);
}

/**
 * egret_firmware_ended() - the firmware has ended by itself
 * @edev: card
 *
 * Called from the thread of the management interrupt, inside drm_dev_enter().
 */
void egret_firmware_ended(struct egret_device *edev)
{
	struct egret_firmware *fw = &edev->firmware;
	u32 status = egret_read(edev, EGRET_REG_BOOT_STATUS);

	/* It may have been started again already. */
	if (status != EGRET_BOOT_E_CRASHED && status != EGRET_BOOT_E_WATCHDOG)
		return;
	spin_lock(&fw->lock);
	fw->crashes++;
	spin_unlock(&fw->lock);
	/* The card has moved to a safe performance state; work goes on. */
	drm_err_ratelimited(&edev->drm, "the management firmware has ended (status %#x): %s\n",
			    status, egret_fw_explain(status)->what);
	egret_mailbox_close(edev);
	/* While it boots, it is the work item that notices. */
	if (egret_firmware_state(fw) != EGRET_FIRMWARE_READY)
		return;
	if (!egret_firmware_may_restart(fw)) {
		if (egret_firmware_change(edev, EGRET_FIRMWARE_READY, EGRET_FIRMWARE_FAILED))
			egret_firmware_consequence(edev);
	} else if (egret_firmware_change(edev, EGRET_FIRMWARE_READY, EGRET_FIRMWARE_BOOTING)) {
		egret_firmware_schedule(edev);
	}
}

/**
 * egret_firmware_event() - the firmware tells something at once
 * @edev: card
 * @event: what
 *
 * Called from the thread of the management interrupt, which is also what replies
 * arrive in: no requests from here. What the events report has interrupts of its own.
 */
void egret_firmware_event(struct egret_device *edev, const struct egret_mbx_event *event)
{
	trace_egret_firmware_event(edev, le32_to_cpu(event->event), le32_to_cpu(event->value));
}

/* ---- settings --------------------------------------------------------------------------- */

/* Remember a setting, and tell the firmware if it is there. */
static int egret_firmware_set(struct egret_device *edev, enum egret_mbx_type type, u32 *setting,
			      u32 value)
{
	struct egret_firmware *fw = &edev->firmware;
	int ret = 0;

	mutex_lock(&fw->settings_lock);
	if (egret_firmware_state(fw) == EGRET_FIRMWARE_READY)
		ret = egret_firmware_send_value(edev, type, value);
	/* It ended just now: it gets the value when it is back. */
	if (ret == -EHOSTDOWN)
		ret = 0;
	if (!ret)
		*setting = value;
	mutex_unlock(&fw->settings_lock);
	return ret;
}

/**
 * egret_firmware_set_power_cap() - limit the power of the card
 * @edev: card, awake
 * @mw: mW, within the card's limits; 0 for the card's default
 *
 * Return: 0, or a negative errno: -EINVAL (out of range), -ENODATA (no firmware), or
 * those of egret_mailbox_call().
 */
int egret_firmware_set_power_cap(struct egret_device *edev, u32 mw)
{
	struct egret_firmware *fw = &edev->firmware;
	int ret;

	ret = egret_firmware_wait(edev);
	if (ret)
		return ret;
	if (mw && (mw < fw->limits.power_cap_min || mw > fw->limits.power_cap_max))
		return -EINVAL;
	return egret_firmware_set(edev, EGRET_MBX_SET_POWER_CAP, &fw->power_cap, mw);
}

/**
 * egret_firmware_power_cap() - the power cap in force
 * @edev: card
 *
 * Return: mW.
 */
u32 egret_firmware_power_cap(struct egret_device *edev)
{
	struct egret_firmware *fw = &edev->firmware;

	return READ_ONCE(fw->power_cap) ?: fw->limits.power_cap_default;
}

/**
 * egret_firmware_set_pstate_limit() - name the fastest performance state allowed
 * @edev: card. If it sleeps, the limit holds from when it wakes.
 * @pstate: 0 is the fastest
 *
 * Return: 0, or a negative errno, as egret_mailbox_call().
 */
int egret_firmware_set_pstate_limit(struct egret_device *edev, u32 pstate)
{
	struct egret_firmware *fw = &edev->firmware;

	if (pstate >= EGRET_PSTATES)
		return -EINVAL;
	return egret_firmware_set(edev, EGRET_MBX_SET_PSTATE, &fw->pstate_limit, pstate);
}

/**
 * egret_firmware_prepare_sleep() - tell the firmware that the card will sleep
 * @edev: card, awake
 *
 * Return: 0, or a negative errno, as egret_mailbox_call(). The card may sleep anyway.
 */
int egret_firmware_prepare_sleep(struct egret_device *edev)
{
	union egret_mbx_message msg = {};

	if (egret_firmware_state(&edev->firmware) != EGRET_FIRMWARE_READY)
		return 0;
	return egret_mailbox_call(edev, EGRET_MBX_PREPARE_SLEEP, &msg, sizeof(msg.header));
}

/* ---- event log -------------------------------------------------------------------------- */

static void egret_log_take(struct egret_firmware *fw, const struct egret_mbx_log *r)
{
	u32 first = le32_to_cpu(r->first), next = le32_to_cpu(r->next);
	u32 count = min_t(u32, le32_to_cpu(r->count), EGRET_LOG_PER_MESSAGE);
	u32 i;

	/* Numbers count from power-on: this is another log. */
	if (next < fw->log_next) {
		fw->log_first = 0;
		fw->log_next = 0;
		return;
	}
	/* Some may have been overwritten since we looked. */
	if (first != fw->log_next)
		fw->log_first = first;
	for (i = 0; i < count; i++)
		fw->log[(first + i) % EGRET_LOG_ENTRIES] = r->entry[i];
	fw->log_next = first + count;
	if (fw->log_next - fw->log_first > EGRET_LOG_ENTRIES)
		fw->log_first = fw->log_next - EGRET_LOG_ENTRIES;
}

/**
 * egret_firmware_log_update() - read the new entries of the event log
 * @edev: card, awake
 *
 * Return: 0, or a negative errno, as egret_mailbox_call().
 */
int egret_firmware_log_update(struct egret_device *edev)
{
	struct egret_firmware *fw = &edev->firmware;
	unsigned int round;
	int ret = 0;

	mutex_lock(&fw->log_lock);
	for (round = 0; round <= EGRET_LOG_ENTRIES / EGRET_LOG_PER_MESSAGE + 1; round++) {
		union egret_mbx_message msg = { .log.first = cpu_to_le32(fw->log_next) };

		ret = egret_mailbox_call(edev, EGRET_MBX_READ_LOG, &msg,
					 offsetof(struct egret_mbx_log, count));
		if (ret)
			break;
		egret_log_take(fw, &msg.log);
		if (fw->log_next == le32_to_cpu(msg.log.next))
			break;
	}
	mutex_unlock(&fw->log_lock);
	return ret;
}

static void egret_log_print_entry(struct drm_printer *p, u32 n, const struct egret_mbx_log_entry *e)
{
	static const char * const names[] = {
		[EGRET_EVENT_BOOT] = "boot",
		[EGRET_EVENT_PSTATE] = "pstate",
		[EGRET_EVENT_THROTTLE] = "throttle",
		[EGRET_EVENT_THERMAL_STOP] = "thermal-stop",
		[EGRET_EVENT_POWER_CAP] = "power-cap",
		[EGRET_EVENT_ECC] = "ecc",
		[EGRET_EVENT_MAILBOX] = "mailbox",
		[EGRET_EVENT_FIRMWARE_LOST] = "firmware-lost",
		[EGRET_EVENT_CRASH_PC] = "crash-pc",
	};
	u32 event = le32_to_cpu(e->event);
	u32 ns, value = le32_to_cpu(e->value);
	u64 s = div_u64_rem(le64_to_cpu(e->time), NSEC_PER_SEC, &ns);

	drm_printf(p, "%5u [%6llu.%06u] ", n, s, ns / 1000);
	if (event < ARRAY_SIZE(names) && names[event])
		drm_printf(p, "%-13s %u (%#x)\n", names[event], value, value);
	else
		drm_printf(p, "event %-7u %u (%#x)\n", event, value, value);
}

/**
 * egret_firmware_log_print() - print the copy of the event log
 * @edev: card; it is not asked
 * @p: where to
 */
void egret_firmware_log_print(struct egret_device *edev, struct drm_printer *p)
{
	struct egret_firmware *fw = &edev->firmware;
	u32 n;

	mutex_lock(&fw->log_lock);
	for (n = fw->log_first; n != fw->log_next; n++)
		egret_log_print_entry(p, n, &fw->log[n % EGRET_LOG_ENTRIES]);
	mutex_unlock(&fw->log_lock);
}

/* ---- probe ------------------------------------------------------------------------------ */

/* Whether the image may be given to the card. */
static int egret_firmware_check(struct egret_device *edev, const struct firmware *image)
{
	struct egret_fw_image header;
	int ret = egret_fw_check_image(image->data, image->size, &header);

	if (ret == -EMSGSIZE)
		drm_err(&edev->drm, "firmware %s has %zu bytes, which cannot be; install it anew\n",
			firmware, image->size);
	else if (ret)
		drm_err(&edev->drm,
			"firmware %s, version %s, speaks protocol %u.%u, this driver %u.%u; install %s\n",
			firmware, egret_fw_version(header.version).text, header.abi_major,
			header.abi_minor, EGRET_FW_ABI_MAJOR, EGRET_FW_ABI_MINOR,
			header.abi_major > EGRET_FW_ABI_MAJOR ?
			"a newer driver, or older firmware" : "newer firmware");
	else
		edev->firmware.version = header.version;
	return ret;
}

/* Keep a copy of the image, with device memory for it. */
static int egret_firmware_keep(struct egret_device *edev, const struct firmware *image)
{
	struct egret_firmware *fw = &edev->firmware;
	struct gpu_buddy_block *block;
	int ret;

	ret = egret_firmware_check(edev, image);
	if (ret)
		return ret;
	block = egret_vram_alloc_block(edev, image->size);
	if (IS_ERR(block))
		return PTR_ERR(block);
	fw->image = drmm_kmalloc(&edev->drm, image->size, GFP_KERNEL);
	if (!fw->image) {
		egret_vram_free_block(edev, block);
		return -ENOMEM;
	}
	memcpy(fw->image, image->data, image->size);
	fw->size = image->size;
	fw->block = block;
	return 0;
}

static int egret_firmware_request(struct egret_device *edev)
{
	const struct firmware *image;
	int ret;

	if (!*firmware) {
		drm_info(&edev->drm, "no management firmware, as the parameter says\n");
		return -ENOENT;
	}
	ret = firmware_request_nowarn(&image, firmware, edev->drm.dev);
	if (ret) {
		drm_warn(&edev->drm, "cannot read firmware %s: %pe; install it and load the driver again\n",
			 firmware, ERR_PTR(ret));
		return ret;
	}
	ret = egret_firmware_keep(edev, image);
	release_firmware(image);
	return ret;
}

static void egret_firmware_release(struct drm_device *drm, void *data)
{
	struct egret_device *edev = to_egret_device(drm);

	if (edev->firmware.block)
		egret_vram_free_block(edev, edev->firmware.block);
}

/* Everything but the firmware itself. */
static int egret_firmware_init_software(struct egret_device *edev)
{
	struct egret_firmware *fw = &edev->firmware;
	int ret;

	spin_lock_init(&fw->lock);
	init_waitqueue_head(&fw->changed);
	INIT_WORK(&fw->boot_work, egret_firmware_boot_work);
	ret = drmm_mutex_init(&edev->drm, &fw->settings_lock);
	if (!ret)
		ret = drmm_mutex_init(&edev->drm, &fw->log_lock);
	if (ret)
		return ret;
	fw->log = drmm_kcalloc(&edev->drm, EGRET_LOG_ENTRIES, sizeof(*fw->log), GFP_KERNEL);
	if (!fw->log)
		return -ENOMEM;
	ret = egret_mailbox_init(edev);
	if (ret)
		return ret;
	return drmm_add_action_or_reset(&edev->drm, egret_firmware_release, NULL);
}

/**
 * egret_firmware_init() - find the firmware and boot it for the first time
 * @edev: card; its memory is managed and its interrupts work
 *
 * Waits for the boot, so that what needs the limits of the card can be set up then.
 * A card without firmware is no error.
 *
 * Return: 0, or a negative errno: the host is out of memory.
 */
int egret_firmware_init(struct egret_device *edev)
{
	struct egret_firmware *fw = &edev->firmware;
	int ret;

	ret = egret_firmware_init_software(edev);
	if (ret)
		return ret;
	if (!(edev->features & EGRET_FEATURE_MANAGEMENT))
		return 0;
	ret = egret_firmware_request(edev);
	if (ret) {
		egret_firmware_consequence(edev);
		return ret == -ENOMEM ? ret : 0;
	}
	egret_firmware_change(edev, EGRET_FIRMWARE_NONE, EGRET_FIRMWARE_STOPPED);
	egret_firmware_start(edev);
	flush_work(&fw->boot_work);
	if (egret_firmware_state(fw) != EGRET_FIRMWARE_READY)
		return 0;
	edev->info.firmware_version = fw->version;
	return 0;
}
