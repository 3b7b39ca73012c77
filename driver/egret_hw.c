// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/**
 * DOC: Whether the hardware can be used
 *
 * Resets and sleep take the hardware away for a while: registers do not answer, and
 * what is written to device memory meanwhile may be lost. So there is one gate.
 * Who reads or writes registers, doorbells or device memory is inside of it
 * (egret_hw_enter()); while the hardware is down, entering waits. The gate closes
 * with egret_hw_stop() and opens with egret_hw_start(), which puts everything
 * back that the chip has forgotten: interrupts, contexts, queues.
 *
 * Both are for any reason to stop: a reset by the ladder (egret_reset.c), by the PCI
 * core, and sleep. What becomes of jobs in flight is the caller's business:
 * egret_queue_cancel_all() between the two, when the card is known to be quiet.
 *
 * The gate is an rwsem with a state. Being inside is holding it for reading; the
 * hardware stays down without anybody holding it, since stopping and starting may
 * be done by different tasks. It is on the fence-signalling path: nothing allocates
 * inside of it, and whoever closes it opens it, or gives the hardware up
 * (egret_hw_give_up()), without waiting for a fence or for who may allocate.
 *
 * User space reaches device memory past the gate. Its mappings are taken away when
 * the gate closes, and come back by page faults, which wait (egret_bo.c).
 */
#include <linux/dma-fence.h>
#include <linux/iopoll.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <drm/drm_print.h>

#include "egret_hw.h"
#include "egret_mmu.h"
#include "egret_pm.h"
#include "egret_queue.h"

#define EGRET_ASK_AGAIN		(HZ / 2)
#define EGRET_READY_POLL_US	50
/* A reset takes 100 ms at most; an emulated card may have to wait for its processor. */
#define EGRET_READY_TIMEOUT_US	(5 * USEC_PER_SEC)

/**
 * egret_hw_init() - prepare the gate, closed
 * @edev: card
 */
void egret_hw_init(struct egret_device *edev)
{
	init_rwsem(&edev->hw_lock);
	init_waitqueue_head(&edev->hw_changed);
	edev->hw_state = EGRET_HW_DOWN;
}

static void egret_hw_set_state(struct egret_device *edev, enum egret_hw_state state)
{
	/* When it is written, those inside have left. */
	down_write(&edev->hw_lock);
	if (edev->hw_state != EGRET_HW_GONE)
		WRITE_ONCE(edev->hw_state, state);
	up_write(&edev->hw_lock);
	wake_up_all(&edev->hw_changed);
}

/**
 * egret_hw_wait() - wait until the hardware is not down
 * @edev: card
 *
 * Return: false if it was given up.
 */
bool egret_hw_wait(struct egret_device *edev)
{
	bool changed;

	/* A card that sleeps is woken; it may fall asleep again before we look. */
	do {
		egret_pm_ask(edev);
		changed = wait_event_timeout(edev->hw_changed, READ_ONCE(edev->hw_state) !=
					     EGRET_HW_DOWN, EGRET_ASK_AGAIN);
	} while (!changed);
	return READ_ONCE(edev->hw_state) == EGRET_HW_UP;
}

/* Whether the hardware, whose lock is held, is up; otherwise the lock is let go. */
static bool egret_hw_check_up(struct egret_device *edev)
{
	if (edev->hw_state == EGRET_HW_UP)
		return true;
	up_read(&edev->hw_lock);
	return false;
}

/**
 * egret_hw_enter() - begin to use the hardware
 * @edev: card
 *
 * Inside of drm_dev_enter(); calls do not nest. Waits while the hardware is down.
 *
 * Return: true if it can be used until egret_hw_exit(). False if it was given up: then
 * it does nothing any more, and egret_hw_exit() must not be called.
 */
bool egret_hw_enter(struct egret_device *edev)
{
	while (egret_hw_wait(edev)) {
		down_read(&edev->hw_lock);
		if (egret_hw_check_up(edev))
			return true;
	}
	return false;
}

/**
 * egret_hw_try_enter() - begin to use the hardware if that is possible at once
 * @edev: card
 *
 * Inside of drm_dev_enter(). Never sleeps.
 *
 * Return: as egret_hw_enter(), and false also if the hardware is down.
 */
bool egret_hw_try_enter(struct egret_device *edev)
{
	return down_read_trylock(&edev->hw_lock) && egret_hw_check_up(edev);
}

/**
 * egret_hw_exit() - end what egret_hw_enter() began
 * @edev: card
 */
void egret_hw_exit(struct egret_device *edev)
{
	up_read(&edev->hw_lock);
}

/**
 * egret_hw_wait_ready() - wait for the end of a reset
 * @edev: card
 *
 * Return: 0, or -ETIMEDOUT.
 */
int egret_hw_wait_ready(struct egret_device *edev)
{
	u32 state;

	return readl_poll_timeout(edev->regs + EGRET_REG_STATE, state,
				  state != EGRET_GONE && (state & EGRET_STATE_READY),
				  EGRET_READY_POLL_US, EGRET_READY_TIMEOUT_US);
}

/**
 * egret_hw_stop() - nobody uses the hardware any more
 * @edev: card
 *
 * When it returns, the driver does not touch the card, and user space cannot reach
 * its memory. The card itself may be at work still. Not from inside of the gate.
 */
void egret_hw_stop(struct egret_device *edev)
{
	egret_hw_set_state(edev, EGRET_HW_DOWN);
	/* The registers are there still, if they answer. */
	egret_queue_save_all(edev);
	egret_write(edev, EGRET_REG_IRQ_ENABLE, 0);
	unmap_mapping_range(edev->drm.anon_inode->i_mapping, 0, 0, 1);
}

/* Bring the chip, which comes out of a reset, to where it was. */
static int egret_hw_restore(struct egret_device *edev)
{
	u32 state;

	if (egret_hw_wait_ready(edev))
		return -ETIMEDOUT;
	state = egret_read(edev, EGRET_REG_STATE);
	if (state & EGRET_STATE_THERMAL_STOP)
		return -EIO;
	if (egret_read(edev, EGRET_REG_ID) != EGRET_ID)
		return -ENODEV;
	pci_set_master(edev->pdev);
	egret_write(edev, EGRET_REG_IRQ_STATUS, EGRET_IRQ_ALL);
	egret_irq_enable(edev);
	return egret_mmu_restore(edev) ?: egret_queue_restore_all(edev);
}

/**
 * egret_hw_start() - bring the hardware back
 * @edev: card, after a reset or after sleep; its memory is what it was
 *
 * All contexts and all queues that are alive are set up again; their rings are empty.
 * The firmware is not started. Allocates nothing.
 *
 * Return: 0. Otherwise the hardware is still down, and the error says what is wrong:
 * -ETIMEDOUT (it does not become ready), -ENODEV (its registers do not answer), -EIO
 * (it does not do what it must).
 */
int egret_hw_start(struct egret_device *edev)
{
	int ret = egret_hw_restore(edev);

	if (!ret)
		egret_hw_set_state(edev, EGRET_HW_UP);
	return ret;
}

/**
 * egret_hw_give_up() - the hardware will not be used again
 * @edev: card
 *
 * When it returns, the card cannot reach system memory any more, and whoever waited for
 * the hardware goes on without. For good: the way back is a new probe.
 */
void egret_hw_give_up(struct egret_device *edev)
{
	pci_clear_master(edev->pdev);
	egret_hw_set_state(edev, EGRET_HW_GONE);
}
