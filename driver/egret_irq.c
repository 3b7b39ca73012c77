// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Interrupts.
 *
 * Vector 0 carries what is not about queues (EGRET_REG_IRQ_STATUS), vector 1
 * queue faults, all others the completion of jobs: each queue uses one of them.
 * A completion is found out from memory alone, without a register access: the
 * FENCE packet at the end of a job wrote the job's number to the queue's fence
 * slot before it sent the message. So a message too many costs nothing, and one
 * that is lost is made up for by the next, or by the watchdog.
 *
 * There is no moderation, because there is nothing to gain: while a vector's message
 * waits to be handled, further ones for it merge with it. 200 jobs of which each was
 * waited for took 200 interrupts, and 200 jobs that were all waiting took 3, which no
 * timer could better without making somebody wait (tests/kselftest/test_interrupts.c
 * counts them). The vectors are ordinary ones, so the administrator may bind each to a
 * processor; queues are spread over them.
 */
#include <linux/dma-fence.h>
#include <linux/interrupt.h>
#include <linux/pci.h>
#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "egret_fault.h"
#include "egret_firmware.h"
#include "egret_hw.h"
#include "egret_mailbox.h"
#include "egret_queue.h"
#include "egret_ras.h"

#define EGRET_IRQ_TEST_TIMEOUT	(2 * HZ)

/* Causes that the driver reports; more as it makes use of them. */
#define EGRET_IRQ_WANTED \
	(EGRET_IRQ_TEST | EGRET_IRQ_ECC_UNCORRECTED | EGRET_IRQ_THERMAL | \
	 EGRET_IRQ_POWER | EGRET_IRQ_MAILBOX | EGRET_IRQ_FIRMWARE_STOP)

static irqreturn_t egret_irq_queues(int irq, void *data)
{
	struct egret_vector *vector = data;
	struct egret_queue *queue, *next;
	bool cookie = dma_fence_begin_signalling();
	unsigned long flags;

	spin_lock_irqsave(&vector->lock, flags);
	list_for_each_entry_safe(queue, next, &vector->active, active_link)
		egret_queue_signal_completed(queue);
	spin_unlock_irqrestore(&vector->lock, flags);
	dma_fence_end_signalling(cookie);
	return IRQ_HANDLED;
}

static irqreturn_t egret_irq_faults(int irq, void *data)
{
	egret_fault_handle_all(data);
	return IRQ_HANDLED;
}

static irqreturn_t egret_irq_management(int irq, void *data)
{
	struct egret_device *edev = data;
	struct egret_ras_report report;
	u32 causes;
	int idx;

	if (!drm_dev_enter(&edev->drm, &idx))
		return IRQ_HANDLED;
	/* If it is down: enabling the interrupts anew sends another message. */
	if (!egret_hw_try_enter(edev))
		goto out;
	causes = egret_read(edev, EGRET_REG_IRQ_STATUS) & EGRET_IRQ_WANTED;
	egret_write(edev, EGRET_REG_IRQ_STATUS, causes);
	if (causes & EGRET_IRQ_TEST)
		complete(&edev->irq.test);
	if (causes & EGRET_IRQ_MAILBOX)
		egret_mailbox_receive(edev);
	if (causes & EGRET_IRQ_FIRMWARE_STOP)
		egret_firmware_ended(edev);
	egret_ras_read(edev, causes, &report);
	egret_hw_exit(edev);
	/* Tells user space, which allocates memory. */
	egret_ras_interrupt(edev, &report);
out:
	drm_dev_exit(idx);
	return IRQ_HANDLED;
}

static void egret_irq_free_vectors(void *data)
{
	pci_free_irq_vectors(data);
}

/*
 * Messages that do not arrive make every job look hung, which is hard to find
 * out afterwards.
 */
static int egret_irq_test(struct egret_device *edev)
{
	if (!egret_hw_enter(edev))
		return -EIO;
	egret_write(edev, EGRET_REG_IRQ_TEST, EGRET_IRQ_TEST);
	egret_hw_exit(edev);
	if (!wait_for_completion_timeout(&edev->irq.test, EGRET_IRQ_TEST_TIMEOUT)) {
		drm_err(&edev->drm, "the card's interrupts do not arrive\n");
		return -EIO;
	}
	return 0;
}

/**
 * egret_irq_init() - set up and test the interrupts
 * @edev: card; its hardware is started
 *
 * The vectors are released with the PCI device.
 *
 * Return: 0, or a negative errno: too few vectors, or they do not work.
 */
int egret_irq_init(struct egret_device *edev)
{
	struct egret_irq *irq = &edev->irq;
	struct device *dev = edev->drm.dev;
	unsigned int i;
	int ret;

	init_completion(&irq->test);
	for (i = 0; i < EGRET_MSIX_VECTORS; i++) {
		spin_lock_init(&irq->vectors[i].lock);
		INIT_LIST_HEAD(&irq->vectors[i].active);
	}

	ret = pci_alloc_irq_vectors(edev->pdev, EGRET_VECTOR_QUEUE_FIRST + 1,
				    EGRET_MSIX_VECTORS, PCI_IRQ_MSIX);
	if (ret < 0) {
		drm_err(&edev->drm, "cannot allocate interrupt vectors: %pe\n", ERR_PTR(ret));
		return ret;
	}
	irq->num_vectors = ret;
	ret = devm_add_action_or_reset(dev, egret_irq_free_vectors, edev->pdev);
	if (ret)
		return ret;

	ret = devm_request_threaded_irq(dev, pci_irq_vector(edev->pdev, EGRET_VECTOR_MANAGEMENT),
					NULL, egret_irq_management, IRQF_ONESHOT,
					"egret-management", edev);
	if (ret)
		return ret;
	ret = devm_request_threaded_irq(dev, pci_irq_vector(edev->pdev, EGRET_VECTOR_FAULT),
					NULL, egret_irq_faults, IRQF_ONESHOT,
					"egret-fault", edev);
	if (ret)
		return ret;
	for (i = EGRET_VECTOR_QUEUE_FIRST; i < irq->num_vectors; i++) {
		ret = devm_request_irq(dev, pci_irq_vector(edev->pdev, i), egret_irq_queues,
				       0, "egret-queues", &irq->vectors[i]);
		if (ret)
			return ret;
	}

	return egret_irq_test(edev);
}

/**
 * egret_irq_enable() - let the card send what is not about queues
 * @edev: card; its hardware is being started
 *
 * What came while it was down is sent now.
 */
void egret_irq_enable(struct egret_device *edev)
{
	egret_write(edev, EGRET_REG_IRQ_ENABLE, EGRET_IRQ_WANTED);
}

/**
 * egret_irq_fini() - wait until no interrupt handler runs any more
 * @edev: card, which sends no interrupts any more
 */
void egret_irq_fini(struct egret_device *edev)
{
	unsigned int i;

	for (i = 0; i < edev->irq.num_vectors; i++)
		synchronize_irq(pci_irq_vector(edev->pdev, i));
}
