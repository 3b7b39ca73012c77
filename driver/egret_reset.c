// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/**
 * DOC: The ladder of resets
 *
 * What is wrong with a queue is the business of its owner: it is killed
 * (egret_queue_kill()), and nobody else notices. When the card itself does not do
 * what it must, it is reset, and the first reset that helps is the last:
 *
 * 1. Engines. Clusters, copy engines and queues. For an engine that does not react:
 *    a kill or an invalidation that does not end, or a cluster that the chip's own
 *    watchdog has found. Takes well below a millisecond.
 * 2. Function. A function-level reset. For a chip whose registers do not answer, or
 *    whose command processor does not take queues after a reset of the engines.
 * 3. Re-probe. The driver lets go of the card, its bus is reset, which is as good as
 *    switching it off, and the driver takes it up again. Device memory is lost, and
 *    so all open files are: they return -ENODEV.
 * 4. Wedged. The card is given up, and returns -ENODEV until an administrator has
 *    done something: it is not there any more, or it was re-probed too often.
 *
 * The first two keep device memory, and with it page tables, bindings and buffers.
 * Queues are set up again, and take new jobs. What the card had not completed is
 * lost, also that of innocent queues: these jobs end with -ECANCELED. Jobs that had
 * not reached the ring yet run later as if nothing had happened.
 *
 * Everything is done by one work item, since those who find that something is wrong
 * hold locks. It is on the fence-signalling path: jobs wait for it, and memory
 * reclaim may wait for jobs. What may allocate (telling user space, booting the
 * firmware) is left to a second work item. The PCI core resets the function as
 * well (egret_pci_error.c), and then the first work item keeps out of its way.
 *
 * Rejected: waiting for the queue's owner with a reset of the engines until other
 * queues are idle. The other work could go on only on what is left of the chip, and
 * nobody knows how long; meanwhile the hung engine holds the memory of the queue.
 */
#include <linux/device.h>
#include <linux/dma-fence.h>
#include <linux/kobject.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/string.h>
#include <drm/drm_accel.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>

#include "egret_coredump.h"
#include "egret_hw.h"
#include "egret_pm.h"
#include "egret_queue.h"
#include "egret_reprobe.h"
#include "egret_trace.h"

static const char * const egret_reset_levels[] = {
	[EGRET_RESET_LEVEL_NONE] = "none",
	[EGRET_RESET_LEVEL_ENGINES] = "engines",
	[EGRET_RESET_LEVEL_FUNCTION] = "function",
	[EGRET_RESET_LEVEL_REPROBE] = "re-probe",
	[EGRET_RESET_LEVEL_WEDGED] = "wedged",
};

static_assert(ARRAY_SIZE(egret_reset_levels) == EGRET_RESET_LEVELS);

static const char * const egret_reset_causes[] = {
	[EGRET_RESET_CAUSE_KILL] = "a queue cannot be stopped",
	[EGRET_RESET_CAUSE_ENGINE] = "an engine is broken",
	[EGRET_RESET_CAUSE_MMU] = "the MMU does not answer",
	[EGRET_RESET_CAUSE_ENABLE] = "a queue cannot be enabled",
	[EGRET_RESET_CAUSE_HEAT] = "the chip has stopped at the critical temperature",
	[EGRET_RESET_CAUSE_PCI] = "the PCI function was reset",
	[EGRET_RESET_CAUSE_BUS] = "PCI Express reported an error",
	[EGRET_RESET_CAUSE_WAKE] = "the card does not wake",
	[EGRET_RESET_CAUSE_DEBUG] = "debugfs asks for it",
};

static_assert(ARRAY_SIZE(egret_reset_causes) == EGRET_RESET_CAUSES);

/**
 * egret_reset_level_name() - name of a step
 * @level: step
 *
 * Return: a constant string.
 */
const char *egret_reset_level_name(enum egret_reset_level level)
{
	return egret_reset_levels[level];
}

/**
 * egret_reset_level_by_name() - find a step
 * @name: its name, perhaps with a line feed
 *
 * Return: the step, or EGRET_RESET_LEVEL_NONE if there is none of that name.
 */
enum egret_reset_level egret_reset_level_by_name(const char *name)
{
	int level = sysfs_match_string(egret_reset_levels, name);

	return level < 0 ? EGRET_RESET_LEVEL_NONE : level;
}

/**
 * egret_reset_cause_name() - a cause in words
 * @cause: cause
 *
 * Return: a constant string.
 */
const char *egret_reset_cause_name(enum egret_reset_cause cause)
{
	return egret_reset_causes[cause];
}

/* ---- the steps ------------------------------------------------------------------- */

/* The hardware is down, and the card does nothing any more: bring it back. */
static int egret_reset_finish(struct egret_device *edev)
{
	bool cookie = dma_fence_begin_signalling();
	int ret;

	egret_queue_cancel_all(edev);
	ret = egret_hw_start(edev);
	dma_fence_end_signalling(cookie);
	return ret;
}

static int egret_reset_engines(struct egret_device *edev)
{
	egret_write(edev, EGRET_REG_RESET, EGRET_RESET_ENGINES);
	if (egret_hw_wait_ready(edev))
		return -ETIMEDOUT;
	return egret_reset_finish(edev);
}

static int egret_reset_flr(struct pci_dev *pdev)
{
	/* If somebody else keeps user space off already, so much the better. */
	bool locked = pci_cfg_access_trylock(pdev);
	int ret;

	pci_save_state(pdev);
	ret = pcie_flr(pdev);
	pci_restore_state(pdev);
	if (locked)
		pci_cfg_access_unlock(pdev);
	return ret;
}

static int egret_reset_function(struct egret_device *edev)
{
	int ret;

	/* What waits for the firmware would wait in vain. */
	egret_mailbox_close(edev);
	atomic_set(&edev->reset.firmware, 1);
	ret = egret_reset_flr(edev->pdev);
	if (!ret)
		ret = egret_hw_wait_ready(edev);
	if (!ret && !(egret_read(edev, EGRET_REG_STATE) & EGRET_STATE_VRAM_KEPT))
		ret = -ENODATA;
	return ret ?: egret_reset_finish(edev);
}

/* Nobody's work can go on. */
static void egret_reset_end(struct egret_device *edev)
{
	bool cookie = dma_fence_begin_signalling();

	egret_hw_give_up(edev);
	egret_queue_kill_all(edev);
	dma_fence_end_signalling(cookie);
}

static int egret_reset_reprobe(struct egret_device *edev)
{
	if (!egret_reprobe_allowed(edev->pdev))
		return -EBUSY;
	egret_reset_end(edev);
	egret_reprobe_start(edev->pdev);
	return 0;
}

static int egret_reset_step(struct egret_device *edev, enum egret_reset_level level)
{
	switch (level) {
	case EGRET_RESET_LEVEL_ENGINES:
		return egret_reset_engines(edev);
	case EGRET_RESET_LEVEL_FUNCTION:
		return egret_reset_function(edev);
	case EGRET_RESET_LEVEL_REPROBE:
		return egret_reset_reprobe(edev);
	default:
		egret_reset_end(edev);
		return 0;
	}
}

/* ---- climbing -------------------------------------------------------------------------- */

static void egret_reset_climb(struct egret_device *edev, enum egret_reset_level level,
			      enum egret_reset_cause cause)
{
	struct egret_reset *reset = &edev->reset;
	int ret;

	drm_err(&edev->drm, "%s: reset\n", egret_reset_cause_name(cause));
	/* Nothing mends a card that is not there. */
	if (!pci_device_is_present(edev->pdev))
		level = EGRET_RESET_LEVEL_WEDGED;
	egret_hw_stop(edev);
	egret_coredump_card(edev, egret_reset_cause_name(cause));
	for (;; level++) {
		ret = egret_reset_step(edev, level);
		trace_egret_reset(edev, level, cause, ret);
		WRITE_ONCE(reset->last, level);
		if (!ret)
			break;
		drm_err(&edev->drm, "reset (%s) does not help: %pe\n",
			egret_reset_level_name(level), ERR_PTR(ret));
	}
	if (level == EGRET_RESET_LEVEL_WEDGED)
		drm_err(&edev->drm, "the card is given up\n");
	else
		drm_notice(&edev->drm, "reset (%s) is done\n", egret_reset_level_name(level));
	egret_event_card(edev, DRM_EGRET_EVENT_RESET, level, 0);
}

/* All that was asked for up to @ticket is done. */
static void egret_reset_serve(struct egret_device *edev, u64 ticket)
{
	WRITE_ONCE(edev->reset.served, ticket);
	wake_up_all(&edev->hw_changed);
}

static void egret_reset_work(struct work_struct *work)
{
	struct egret_device *edev = container_of(work, struct egret_device, reset.work);
	struct egret_reset *reset = &edev->reset;
	enum egret_reset_level level;
	enum egret_reset_cause cause;
	u64 ticket;

	spin_lock(&reset->lock);
	level = reset->level;
	cause = reset->cause;
	ticket = reset->asked;
	reset->level = EGRET_RESET_LEVEL_NONE;
	spin_unlock(&reset->lock);

	if (level && !egret_device_is_wedged(edev)) {
		egret_reset_climb(edev, level, cause);
		queue_work(system_dfl_wq, &reset->after_work);
	}
	egret_reset_serve(edev, ticket);
	egret_pm_put(edev);
}

/* Called with the lock held. */
static void egret_reset_queue(struct egret_device *edev)
{
	/* Whoever asked keeps the card awake, but may not wait. */
	pm_runtime_get_noresume(edev->drm.dev);
	if (!queue_work(edev->reset.wq, &edev->reset.work))
		pm_runtime_put_noidle(edev->drm.dev);
}

static u64 egret_reset_ask(struct egret_device *edev, enum egret_reset_level level,
			   enum egret_reset_cause cause)
{
	struct egret_reset *reset = &edev->reset;
	u64 ticket;

	spin_lock(&reset->lock);
	ticket = ++reset->asked;
	if (level > reset->level) {
		reset->level = min(level, EGRET_RESET_LEVEL_WEDGED);
		reset->cause = cause;
	}
	if (!reset->closed && !reset->external)
		egret_reset_queue(edev);
	spin_unlock(&reset->lock);
	return ticket;
}

/**
 * egret_reset_request() - the card does not do what it must: reset it
 * @edev: card
 * @level: step to begin with
 * @cause: why
 *
 * Must be called inside of drm_dev_enter(). Returns at once. When remove() has begun,
 * it does nothing: remove() resets the card.
 */
void egret_reset_request(struct egret_device *edev, enum egret_reset_level level,
			 enum egret_reset_cause cause)
{
	egret_reset_ask(edev, level, cause);
}

/**
 * egret_reset_and_wait() - reset the card, and wait until it is done
 * @edev: card
 * @level: step to begin with
 * @cause: why
 *
 * Must be called inside of drm_dev_enter() and outside of egret_hw_enter(). May be
 * called on the fence-signalling path. When it returns, nothing that the card did
 * before goes on: either it was reset, or it was given up.
 */
void egret_reset_and_wait(struct egret_device *edev, enum egret_reset_level level,
			  enum egret_reset_cause cause)
{
	u64 ticket = egret_reset_ask(edev, level, cause);

	/* remove() resets the card, but when all have left who are waiting here. */
	if (READ_ONCE(edev->reset.closed))
		egret_hw_give_up(edev);
	wait_event(edev->hw_changed, READ_ONCE(edev->reset.served) >= ticket ||
		   egret_device_is_wedged(edev));
}

/* ---- resets by others --------------------------------------------------------------------- */

/**
 * egret_reset_pause() - keep the ladder out of the way
 * @edev: card
 *
 * When it returns, it does nothing until egret_reset_unpause(); requests are kept.
 */
void egret_reset_pause(struct egret_device *edev)
{
	struct egret_reset *reset = &edev->reset;

	spin_lock(&reset->lock);
	reset->external++;
	spin_unlock(&reset->lock);
	flush_work(&reset->work);
}

/* Called with the lock held. */
static void egret_reset_go_on(struct egret_device *edev)
{
	struct egret_reset *reset = &edev->reset;

	reset->external--;
	if (reset->level && !reset->closed && !reset->external)
		egret_reset_queue(edev);
}

/**
 * egret_reset_unpause() - let the ladder do what it was asked for meanwhile
 * @edev: card
 */
void egret_reset_unpause(struct egret_device *edev)
{
	spin_lock(&edev->reset.lock);
	egret_reset_go_on(edev);
	spin_unlock(&edev->reset.lock);
}

/**
 * egret_reset_begin_external() - somebody else is about to reset the card
 * @edev: card
 *
 * When it returns, the hardware is stopped, and the ladder is not in the way.
 */
void egret_reset_begin_external(struct egret_device *edev)
{
	egret_reset_pause(edev);
	if (egret_device_is_wedged(edev))
		return;
	egret_mailbox_close(edev);
	egret_hw_stop(edev);
}

/**
 * egret_reset_end_external() - somebody else has reset the card
 * @edev: card
 * @cause: why
 * @usable: whether its registers and its memory are what they were
 *
 * Brings the hardware back. If that does not succeed, the ladder goes on from where it
 * is.
 */
void egret_reset_end_external(struct egret_device *edev, enum egret_reset_cause cause,
			      bool usable)
{
	struct egret_reset *reset = &edev->reset;
	enum egret_reset_level next = EGRET_RESET_LEVEL_NONE;
	u64 ticket;
	int ret = 0;

	spin_lock(&reset->lock);
	ticket = reset->asked;
	spin_unlock(&reset->lock);

	if (!egret_device_is_wedged(edev)) {
		ret = usable ? egret_reset_finish(edev) : -ENODATA;
		trace_egret_reset(edev, EGRET_RESET_LEVEL_FUNCTION, cause, ret);
		WRITE_ONCE(reset->last, EGRET_RESET_LEVEL_FUNCTION);
		atomic_set(&reset->firmware, 1);
		drm_notice(&edev->drm, "%s: %s\n", egret_reset_cause_name(cause),
			   ret ? "it does not work any more" : "it goes on");
		if (!ret)
			egret_event_card(edev, DRM_EGRET_EVENT_RESET,
					 EGRET_RESET_LEVEL_FUNCTION, 0);
		if (ret)
			next = EGRET_RESET_LEVEL_REPROBE;
		else
			queue_work(system_dfl_wq, &reset->after_work);
	}

	spin_lock(&reset->lock);
	if (next > reset->level) {
		reset->level = next;
		reset->cause = cause;
	} else if (reset->asked == ticket) {
		/* All of them wanted no more than what was done. */
		reset->level = EGRET_RESET_LEVEL_NONE;
	}
	egret_reset_go_on(edev);
	spin_unlock(&reset->lock);
	if (!next)
		egret_reset_serve(edev, ticket);
}

/* ---- afterwards ---------------------------------------------------------------------------- */

static void egret_reset_uevent(struct egret_device *edev, enum egret_reset_level level)
{
	char step[32], wedged[32];
	char *env[3] = { step };

	snprintf(step, sizeof(step), "EGRET_RESET=%s", egret_reset_level_name(level));
	/*
	 * As drm_dev_wedged_event(), which cannot be used: it knows no accel devices,
	 * and is missing from older kernels.
	 */
	if (level == EGRET_RESET_LEVEL_WEDGED) {
		snprintf(wedged, sizeof(wedged), "WEDGED=%s",
			 pci_device_is_present(edev->pdev) ? "rebind,bus-reset" : "unknown");
		env[1] = wedged;
	}
	kobject_uevent_env(&edev->drm.accel->kdev->kobj, KOBJ_CHANGE, env);
}

static void egret_reset_after_work(struct work_struct *work)
{
	struct egret_device *edev = container_of(work, struct egret_device, reset.after_work);
	struct egret_reset *reset = &edev->reset;

	if (!egret_device_is_wedged(edev) && atomic_xchg(&reset->firmware, 0)) {
		egret_firmware_stop(edev);
		egret_firmware_start(edev);
	}
	egret_reset_uevent(edev, READ_ONCE(reset->last));
}

/* ---- life ------------------------------------------------------------------------------------ */

/**
 * egret_reset_init() - prepare for resets
 * @edev: card
 *
 * Return: 0, or -ENOMEM. egret_reset_release() undoes it.
 */
int egret_reset_init(struct egret_device *edev)
{
	struct egret_reset *reset = &edev->reset;

	spin_lock_init(&reset->lock);
	INIT_WORK(&reset->work, egret_reset_work);
	INIT_WORK(&reset->after_work, egret_reset_after_work);
	reset->wq = alloc_workqueue("egret-reset", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	return reset->wq ? 0 : -ENOMEM;
}

/**
 * egret_reset_release() - undo egret_reset_init()
 * @edev: card, for which egret_reset_close() was called, or that never was started
 */
void egret_reset_release(struct egret_device *edev)
{
	destroy_workqueue(edev->reset.wq);
}

/**
 * egret_reset_close() - no resets any more: the driver leaves the card
 * @edev: card
 *
 * To be called before drm_dev_unplug(), which waits for those who wait for a reset.
 */
void egret_reset_close(struct egret_device *edev)
{
	struct egret_reset *reset = &edev->reset;

	spin_lock(&reset->lock);
	reset->closed = true;
	spin_unlock(&reset->lock);
	flush_work(&reset->work);
	flush_work(&reset->after_work);
	/* Others have begun a reset that they will not end. */
	if (READ_ONCE(edev->hw_state) == EGRET_HW_DOWN)
		egret_hw_give_up(edev);
}
