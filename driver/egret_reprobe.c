// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Re-probing a card: unbind, reset of its bus, bind.
 *
 * It cannot be done by anything that belongs to the card's device, which goes in the
 * middle of it. So there is a structure for each slot that ever had a card; it lives
 * as long as the module does, and remembers how often its card was re-probed.
 */
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "egret_reprobe.h"

static unsigned int reprobe_limit = 3;
module_param(reprobe_limit, uint, 0644);
MODULE_PARM_DESC(reprobe_limit,
		 "Give a card up that has to be re-probed more often in ten minutes (default 3)");

#define EGRET_REPROBE_WINDOW	(600 * HZ)

/**
 * struct egret_slot - a slot that has, or had, a card
 */
struct egret_slot {
	/** @work: Re-probes the card. */
	struct work_struct work;
	/** @pdev: Card, while @work is to be done; a reference. */
	struct pci_dev *pdev;
	/** @count: Times that it was re-probed since @since. By the card's reset work. */
	unsigned int count;
	/** @since: Begin of the ten minutes, in jiffies. */
	unsigned long since;
};

/* Slots by domain, bus and function. They are added by probe and never go. */
static DEFINE_XARRAY(egret_slots);
static struct workqueue_struct *egret_reprobe_wq;

static unsigned long egret_slot_index(struct pci_dev *pdev)
{
	return (unsigned long)pci_domain_nr(pdev->bus) << 16 | pci_dev_id(pdev);
}

static void egret_reprobe_reset_bus(struct pci_dev *pdev)
{
	int ret;

	/* Others must not suffer. */
	if (!list_is_singular(&pdev->bus->devices))
		return;
	ret = pci_reset_bus(pdev);
	if (ret)
		pci_warn(pdev, "the bus of the card cannot be reset: %pe\n", ERR_PTR(ret));
}

static void egret_reprobe_work(struct work_struct *work)
{
	struct egret_slot *slot = container_of(work, struct egret_slot, work);
	struct pci_dev *pdev = slot->pdev;

	/* If the driver was unbound meanwhile, somebody wants it so. */
	if (device_is_bound(&pdev->dev)) {
		pci_notice(pdev, "the card is reset and probed again; its files are lost\n");
		device_release_driver(&pdev->dev);
		egret_reprobe_reset_bus(pdev);
		if (device_attach(&pdev->dev) <= 0)
			pci_err(pdev, "the card cannot be used any more\n");
	}
	pci_dev_put(pdev);
}

/**
 * egret_reprobe_prepare() - make it possible to re-probe a card
 * @pdev: card that is being probed
 *
 * Return: 0, or -ENOMEM.
 */
int egret_reprobe_prepare(struct pci_dev *pdev)
{
	struct egret_slot *slot;
	int ret;

	if (xa_load(&egret_slots, egret_slot_index(pdev)))
		return 0;
	slot = kzalloc(sizeof(*slot), GFP_KERNEL);
	if (!slot)
		return -ENOMEM;
	INIT_WORK(&slot->work, egret_reprobe_work);
	slot->since = jiffies;
	/* Two cards are never in the same slot, so nobody else stores here. */
	ret = xa_err(xa_store(&egret_slots, egret_slot_index(pdev), slot, GFP_KERNEL));
	if (ret)
		kfree(slot);
	return ret;
}

/**
 * egret_reprobe_allowed() - whether a card may be re-probed once more
 * @pdev: card
 *
 * Return: false if that was done too often lately.
 */
bool egret_reprobe_allowed(struct pci_dev *pdev)
{
	struct egret_slot *slot = xa_load(&egret_slots, egret_slot_index(pdev));

	if (time_after(jiffies, slot->since + EGRET_REPROBE_WINDOW)) {
		slot->since = jiffies;
		slot->count = 0;
	}
	return slot->count < READ_ONCE(reprobe_limit);
}

/**
 * egret_reprobe_start() - re-probe a card
 * @pdev: card, which was given up
 *
 * Returns at once. May be called on the fence-signalling path.
 */
void egret_reprobe_start(struct pci_dev *pdev)
{
	struct egret_slot *slot = xa_load(&egret_slots, egret_slot_index(pdev));

	slot->count++;
	slot->pdev = pci_dev_get(pdev);
	if (!queue_work(egret_reprobe_wq, &slot->work))
		pci_dev_put(pdev);
}

/**
 * egret_reprobe_module_init() - prepare for cards, when the module is loaded
 *
 * Return: 0, or -ENOMEM.
 */
int egret_reprobe_module_init(void)
{
	egret_reprobe_wq = alloc_workqueue("egret-reprobe", WQ_UNBOUND, 0);
	return egret_reprobe_wq ? 0 : -ENOMEM;
}

/**
 * egret_reprobe_module_exit() - undo egret_reprobe_module_init()
 *
 * The driver is not registered any more.
 */
void egret_reprobe_module_exit(void)
{
	struct egret_slot *slot;
	unsigned long index;

	destroy_workqueue(egret_reprobe_wq);
	xa_for_each(&egret_slots, index, slot)
		kfree(slot);
	xa_destroy(&egret_slots);
}
