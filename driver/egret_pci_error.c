// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * What the PCI core does to a card: resets through sysfs, and the recovery of PCI
 * Express errors (AER).
 *
 * A function reset keeps device memory, so everything goes on after it but for the
 * jobs in flight. After a fatal error the core resets the link, and a chip whose link
 * was reset is as after power-on: its memory is gone, and the card is probed anew.
 */
#include <linux/pci.h>
#include <drm/drm_print.h>

#include "egret_hw.h"
#include "egret_pci_error.h"
#include "egret_pm.h"

/* Whether the chip is out of reset, with its memory kept. */
static bool egret_pci_is_usable(struct egret_device *edev)
{
	return !egret_hw_wait_ready(edev) &&
	       egret_read(edev, EGRET_REG_STATE) & EGRET_STATE_VRAM_KEPT;
}

static void egret_pci_reset_prepare(struct pci_dev *pdev)
{
	struct egret_device *edev = pci_get_drvdata(pdev);

	/*
	 * A file of sysfs wakes the card before, but not everybody does who resets a bus.
	 * A card that cannot be woken is on its way to the ladder.
	 */
	edev->reset.awake = !egret_pm_get(edev);
	egret_reset_begin_external(edev);
}

static void egret_pci_reset_done(struct pci_dev *pdev)
{
	struct egret_device *edev = pci_get_drvdata(pdev);

	egret_reset_end_external(edev, EGRET_RESET_CAUSE_PCI, egret_pci_is_usable(edev));
	if (edev->reset.awake)
		egret_pm_put(edev);
}

/* Nobody uses the card from now on; again and again, as the core asks. */
static void egret_pci_stop(struct egret_device *edev)
{
	if (!edev->reset.stopped)
		egret_reset_begin_external(edev);
	edev->reset.stopped = true;
}

static pci_ers_result_t egret_pci_error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct egret_device *edev = pci_get_drvdata(pdev);

	switch (state) {
	case pci_channel_io_normal:
		/* A transaction failed. If it was one of a queue, that queue faults. */
		return PCI_ERS_RESULT_CAN_RECOVER;
	case pci_channel_io_frozen:
		egret_pci_stop(edev);
		return PCI_ERS_RESULT_NEED_RESET;
	default:
		/* remove() comes, or the administrator. */
		egret_reset_request(edev, EGRET_RESET_LEVEL_WEDGED, EGRET_RESET_CAUSE_BUS);
		if (edev->reset.stopped)
			egret_reset_unpause(edev);
		edev->reset.stopped = false;
		return PCI_ERS_RESULT_DISCONNECT;
	}
}

static pci_ers_result_t egret_pci_mmio_enabled(struct pci_dev *pdev)
{
	struct egret_device *edev = pci_get_drvdata(pdev);
	bool there = true;

	/* If it is down, somebody takes care of it already. */
	if (egret_hw_try_enter(edev)) {
		there = egret_read(edev, EGRET_REG_ID) == EGRET_ID;
		egret_hw_exit(edev);
	}
	if (there)
		return PCI_ERS_RESULT_RECOVERED;
	egret_pci_stop(edev);
	return PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t egret_pci_slot_reset(struct pci_dev *pdev)
{
	struct egret_device *edev = pci_get_drvdata(pdev);

	pci_restore_state(pdev);
	/* Restoring has used it up. */
	pci_save_state(pdev);
	/* Another function may have wanted the reset. */
	egret_pci_stop(edev);
	edev->reset.stopped = false;
	egret_reset_end_external(edev, EGRET_RESET_CAUSE_BUS, egret_pci_is_usable(edev));
	/* The link works. If the chip does not, the ladder takes care of it. */
	return PCI_ERS_RESULT_RECOVERED;
}

const struct pci_error_handlers egret_pci_errors = {
	.error_detected = egret_pci_error_detected,
	.mmio_enabled = egret_pci_mmio_enabled,
	.slot_reset = egret_pci_slot_reset,
	.reset_prepare = egret_pci_reset_prepare,
	.reset_done = egret_pci_reset_done,
};
