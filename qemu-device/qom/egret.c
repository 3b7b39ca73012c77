// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (C) 2026 The Egret authors
/*
 * The Egret card as a QEMU device: a thin front end of the chip model.
 *
 * This file is what PCI Express knows of the card: configuration space, BARs,
 * MSI-X, resets and power states. Whatever a register or a packet means is the
 * model's business (model/egret_model.h), which this file hands accesses to.
 *
 * Threads. QEMU calls everything in here with the big lock held. The model works
 * on threads of its own and calls back from them, without the big lock, and none
 * of its callbacks may wait for that lock (dma.c tells why and how). Interrupts
 * are therefore collected in a bitmap, and sent by a bottom half of the main
 * loop. Two interrupts of one vector may so become one message, as they may on
 * any MSI-X device that is masked for a moment. Data that was written before an
 * interrupt is there when its message comes, because memory accesses are done
 * when their callback returns.
 *
 * Power. In D3hot the chip has no clock: BARs do not answer. What a host sees
 * then is all ones, as on real hardware, where the root complex makes them up.
 * QEMU's own handling of power states unmaps the BARs instead, which reads as
 * zero on a PC and hides a driver's mistakes from it. So there is, on top of each
 * BAR, a region that answers with ones, and is switched on in D3hot.
 * The function does not keep its state (No_Soft_Reset is clear): the chip is
 * reset when it enters D3hot, and configuration space when it leaves it.
 *
 * Nothing that a guest does ends or stops QEMU. Every wait in here ends, as the
 * model's threads never wait for the big lock and stop when told to.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/error-report.h"
#include "qemu/host-utils.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qemu/range.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "exec/cpu-common.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_aer.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "system/cpus.h"

#include "egret/pci.h"
#include "egret/regs.h"
#include "qom/egret.h"
#include "trace-egret.h"

/* Configuration space. Extended capabilities begin at 0x100. */
#define EGRET_CAP_PM		0x40
#define EGRET_CAP_EXPRESS	0x60
#define EGRET_CAP_MSIX		0xb0
#define EGRET_CAP_AER		0x100
#define EGRET_CAP_SERIAL	0x150

#define EGRET_VRAM_MAX		(1 * TiB)

enum { EGRET_D0 = 0, EGRET_D3HOT = 3 };

/**
 * egret_name() - what messages and traces call the card
 * @s: the card
 *
 * Return: the user's name for it, if any; valid as long as the card
 */
const char *egret_name(EgretState *s)
{
	DeviceState *dev = DEVICE(s);

	return dev->id ?: PCI_DEVICE(s)->name;
}

/**
 * egret_power_state() - the card's power state, as configuration space says
 * @s: the card
 *
 * Return: 0 for D0, 3 for D3hot
 */
unsigned int egret_power_state(EgretState *s)
{
	PCIDevice *dev = PCI_DEVICE(s);

	return pci_get_word(dev->config + EGRET_CAP_PM + PCI_PM_CTRL) &
	       PCI_PM_CTRL_STATE_MASK;
}

static void egret_write_power_state(EgretState *s, unsigned int state)
{
	PCIDevice *dev = PCI_DEVICE(s);
	uint8_t *pmcsr = dev->config + EGRET_CAP_PM + PCI_PM_CTRL;

	pci_set_word(pmcsr, (pci_get_word(pmcsr) & ~PCI_PM_CTRL_STATE_MASK) | state);
}

/* ---- BARs ------------------------------------------------------------------- */

static uint64_t egret_regs_read(void *opaque, hwaddr offset, unsigned int size)
{
	EgretState *s = opaque;
	uint64_t value;

	if (!s->model)
		return UINT64_MAX;
	value = egret_model_reg_read(s->model, offset, size);
	trace_egret_regs_read(egret_name(s), offset, size, value);
	return value;
}

static void egret_regs_write(void *opaque, hwaddr offset, uint64_t value,
			     unsigned int size)
{
	EgretState *s = opaque;

	if (!s->model)
		return;
	trace_egret_regs_write(egret_name(s), offset, size, value);
	egret_model_reg_write(s->model, offset, value, size);
}

static uint64_t egret_doorbell_read(void *opaque, hwaddr offset,
				    unsigned int size)
{
	EgretState *s = opaque;
	uint64_t value;

	if (!s->model)
		return UINT64_MAX;
	value = egret_model_doorbell_read(s->model, offset, size);
	trace_egret_doorbell_read(egret_name(s), offset, size, value);
	return value;
}

static void egret_doorbell_write(void *opaque, hwaddr offset, uint64_t value,
				 unsigned int size)
{
	EgretState *s = opaque;

	if (!s->model)
		return;
	trace_egret_doorbell_write(egret_name(s), offset, size, value);
	egret_model_doorbell_write(s->model, offset, value, size);
}

/* Nobody answers: in D3hot, and above the end of device memory. */
static uint64_t egret_silent_read(void *opaque, hwaddr offset, unsigned int size)
{
	MemoryRegion *mr = opaque;

	trace_egret_silent_access(egret_name(EGRET(memory_region_owner(mr))),
				  memory_region_name(mr), false, offset);
	return UINT64_MAX;
}

static void egret_silent_write(void *opaque, hwaddr offset, uint64_t value,
			       unsigned int size)
{
	MemoryRegion *mr = opaque;

	trace_egret_silent_access(egret_name(EGRET(memory_region_owner(mr))),
				  memory_region_name(mr), true, offset);
}

/* The model says what a bad size or alignment does, so it gets to see all. */
#define EGRET_ACCESS_ANY						\
	.endianness = DEVICE_LITTLE_ENDIAN,				\
	.valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true }, \
	.impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true }

static const MemoryRegionOps egret_regs_ops = {
	.read = egret_regs_read,
	.write = egret_regs_write,
	EGRET_ACCESS_ANY,
};

static const MemoryRegionOps egret_doorbell_ops = {
	.read = egret_doorbell_read,
	.write = egret_doorbell_write,
	EGRET_ACCESS_ANY,
};

static const MemoryRegionOps egret_silent_ops = {
	.read = egret_silent_read,
	.write = egret_silent_write,
	EGRET_ACCESS_ANY,
};

static void egret_bar_init(EgretState *s, EgretBar *bar, const char *name,
			   uint64_t size, int number, uint8_t type)
{
	g_autofree char *container = g_strdup_printf("egret-%s-bar", name);
	g_autofree char *unpowered = g_strdup_printf("egret-%s-unpowered", name);

	memory_region_init_io(&bar->container, OBJECT(s), &egret_silent_ops,
			      &bar->container, container, size);
	memory_region_init_io(&bar->unpowered, OBJECT(s), &egret_silent_ops,
			      &bar->unpowered, unpowered, size);
	memory_region_set_enabled(&bar->unpowered, false);
	memory_region_add_subregion_overlap(&bar->container, 0, &bar->unpowered, 1);
	pci_register_bar(PCI_DEVICE(s), number,
			 PCI_BASE_ADDRESS_MEM_TYPE_64 | type, &bar->container);
}

/*
 * A region in a container holds a reference of its owner, which is the card
 * itself: unless it is taken out, the card never goes away.
 */
static void egret_bar_release(EgretBar *bar)
{
	memory_region_del_subregion(&bar->container, &bar->unpowered);
}

/**
 * egret_update_bars() - let the BARs answer, or not
 * @s: the card
 */
void egret_update_bars(EgretState *s)
{
	bool powered = egret_power_state(s) == EGRET_D0 && !s->link_down;

	memory_region_transaction_begin();
	memory_region_set_enabled(&s->regs_bar.unpowered, !powered);
	memory_region_set_enabled(&s->vram_bar.unpowered, !powered);
	memory_region_set_enabled(&s->doorbell_bar.unpowered, !powered);
	memory_region_transaction_commit();
}

/* ---- Callbacks of the model; from its threads, without the big lock -------- */

static int egret_on_read(void *opaque, uint64_t addr, void *buf, size_t size)
{
	EgretState *s = opaque;

	return egret_dma_read(&s->dma, addr, buf, size);
}

static int egret_on_write(void *opaque, uint64_t addr, const void *buf, size_t size)
{
	EgretState *s = opaque;

	return egret_dma_write(&s->dma, addr, buf, size);
}

static void egret_on_interrupt(void *opaque, unsigned int vector, unsigned int times)
{
	EgretState *s = opaque;

	if (vector >= EGRET_MSIX_VECTORS)
		return;
	if (times > 1)
		qatomic_or(&s->irq_twice, 1U << vector);
	qatomic_or(&s->irq_pending, 1U << vector);
	qemu_bh_schedule(s->irq_bh);
}

/* The guest's clock, which stands still while the machine is stopped. */
static uint64_t egret_on_time(void *opaque)
{
	return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static void egret_on_log(void *opaque, enum egret_log_level level, const char *text)
{
	EgretState *s = opaque;

	trace_egret_model_log(egret_name(s), level, text);
	if (level == EGRET_LOG_ERROR)
		error_report("egret %s: %s", egret_name(s), text);
	else if (level == EGRET_LOG_GUEST)
		qemu_log_mask(LOG_GUEST_ERROR, "egret %s: %s\n", egret_name(s), text);
}

static void egret_on_trace(void *opaque, const struct egret_trace *event)
{
	trace_egret_model(egret_name(opaque), event->what, event->queue,
			  event->a, event->b, event->c);
}

static const struct egret_model_ops egret_callbacks = {
	.read = egret_on_read,
	.write = egret_on_write,
	.interrupt = egret_on_interrupt,
	.time_ns = egret_on_time,
	.log = egret_on_log,
	.trace = egret_on_trace,
};

static void egret_send_message(EgretState *s, unsigned int vector)
{
	trace_egret_interrupt(egret_name(s), vector);
	s->messages++;
	msix_notify(PCI_DEVICE(s), vector);
}

/* In the main loop, under the big lock. */
static void egret_send_interrupts(void *opaque)
{
	EgretState *s = opaque;
	uint32_t pending = qatomic_xchg(&s->irq_pending, 0);

	while (pending) {
		unsigned int vector = ctz32(pending);

		pending &= pending - 1;
		egret_send_message(s, vector);
		if (qatomic_fetch_and(&s->irq_twice, ~(1U << vector)) & (1U << vector))
			egret_send_message(s, vector);
	}
}

/* ---- Resets and power states -------------------------------------------------- */

static bool egret_vram_kept(EgretState *s)
{
	return egret_model_reg_read(s->model, EGRET_REG_STATE, 4) &
	       EGRET_STATE_VRAM_KEPT;
}

/*
 * Make device memory zero by giving its pages back. Writing zeroes would make
 * all of it resident, in each machine, at each boot.
 */
static void egret_clear_vram(EgretState *s)
{
	uint64_t size = memory_region_size(s->vram);

	if (ram_block_discard_is_disabled() ||
	    ram_block_discard_range(s->vram->ram_block, 0, size))
		memset(memory_region_get_ram_ptr(s->vram), 0, size);
}

static void egret_reset_chip(EgretState *s, enum egret_model_reset kind)
{
	static const char *const names[] = {
		[EGRET_MODEL_RESET_COLD] = "cold",
		[EGRET_MODEL_RESET_FUNCTION] = "function",
		[EGRET_MODEL_RESET_SLEEP] = "sleep",
	};
	bool kept;

	egret_dma_close(&s->dma);
	egret_model_reset(s->model, kind);
	qatomic_set(&s->irq_pending, 0);
	qatomic_set(&s->irq_twice, 0);
	kept = egret_vram_kept(s);
	if (!kept)
		egret_clear_vram(s);
	egret_dma_open(&s->dma);
	trace_egret_reset(egret_name(s), names[kind], kept);
}

/**
 * egret_update_bus_master() - let the chip reach system memory, or not
 * @s: the card
 *
 * Through a broken link it reaches nothing, whatever configuration space says.
 */
void egret_update_bus_master(EgretState *s)
{
	bool on = !s->link_down &&
		  (pci_get_word(PCI_DEVICE(s)->config + PCI_COMMAND) & PCI_COMMAND_MASTER);

	trace_egret_bus_master(egret_name(s), on);
	egret_model_set_bus_master(s->model, on);
}

static bool egret_is_flr(EgretState *s)
{
	PCIDevice *dev = PCI_DEVICE(s);

	return pci_get_word(dev->config + EGRET_CAP_EXPRESS + PCI_EXP_DEVCTL) &
	       PCI_EXP_DEVCTL_BCR_FLR;
}

/*
 * The hold phase of every reset: of the machine, of the bus, of the function
 * (pcie_cap_flr_write_config() leaves the FLR bit set meanwhile), and from D3hot
 * to D0. PCI's own part of configuration space is reset after it, by QEMU.
 */
static void egret_reset_hold(Object *obj, ResetType type)
{
	EgretState *s = EGRET(obj);

	trace_egret_bus_master(egret_name(s), false);
	egret_model_set_bus_master(s->model, false);
	if (!s->waking)
		egret_reset_chip(s, egret_is_flr(s) ? EGRET_MODEL_RESET_FUNCTION :
						      EGRET_MODEL_RESET_COLD);
	egret_write_power_state(s, EGRET_D0);
	pcie_cap_deverr_reset(PCI_DEVICE(s));
	egret_update_bars(s);
}

static void egret_sleep(EgretState *s)
{
	egret_update_bars(s);
	egret_reset_chip(s, EGRET_MODEL_RESET_SLEEP);
}

/* Function state does not survive D3hot: what is configured there is reset too. */
static void egret_wake(EgretState *s)
{
	s->waking = true;
	pci_device_reset(PCI_DEVICE(s));
	s->waking = false;
}

/* The guest may have written the power state; it was @old before. */
static void egret_update_power(EgretState *s, unsigned int old)
{
	unsigned int new = egret_power_state(s);

	if (new == old)
		return;
	if (new != EGRET_D0 && new != EGRET_D3HOT) {
		/* Of D1 and D2, which the card has not, it takes no notice. */
		egret_write_power_state(s, old);
		return;
	}
	trace_egret_power(egret_name(s), old, new);
	if (new == EGRET_D3HOT)
		egret_sleep(s);
	else
		egret_wake(s);
}

static void egret_config_write(PCIDevice *dev, uint32_t addr, uint32_t value, int len)
{
	EgretState *s = EGRET(dev);
	unsigned int power = egret_power_state(s);

	if (s->link_down)
		return;
	pci_default_write_config(dev, addr, value, len);
	pcie_aer_write_config(dev, addr, value, len);
	if (ranges_overlap(addr, len, EGRET_CAP_PM + PCI_PM_CTRL, 2))
		egret_update_power(s, power);
	pcie_cap_flr_write_config(dev, addr, value, len);
	if (range_covers_byte(addr, len, PCI_COMMAND))
		egret_update_bus_master(s);
}

static uint32_t egret_config_read(PCIDevice *dev, uint32_t addr, int len)
{
	if (EGRET(dev)->link_down)
		return UINT32_MAX;
	return pci_default_read_config(dev, addr, len);
}

/**
 * egret_set_link() - break the card's link, or mend it
 * @s: the card, realized
 * @up: whether it works
 *
 * Nothing gets through a broken link: the host reads ones, the card's accesses
 * fail, its interrupts are lost. So a host sees a card that falls off the bus.
 * Coming up, a link resets what is behind it.
 *
 * An emulated CPU knows the target of a mapped access by its number in the map of
 * memory, until it is told of another map, and QEMU looks that number up in whatever
 * map there is: a CPU at work while another thread changes the map ends QEMU by an
 * assertion. So the CPUs stand still meanwhile. The big lock is given up while waiting
 * for that, so anything may have happened to the card.
 */
void egret_set_link(EgretState *s, bool up)
{
	object_ref(OBJECT(s));
	pause_all_vcpus();
	if (s->model && up == s->link_down) {
		s->link_down = !up;
		if (up)
			pci_device_reset(PCI_DEVICE(s));
		egret_update_bars(s);
		egret_update_bus_master(s);
	}
	resume_all_vcpus();
	object_unref(OBJECT(s));
}

/* ---- Realize and unplug --------------------------------------------------------- */

static bool egret_check_max(EgretState *s, const char *property, uint32_t value,
			    uint32_t max, Error **errp)
{
	if (value <= max)
		return true;
	error_setg(errp, "egret: property '%s' is %" PRIu32
		   ", but must be 1 to %" PRIu32 ", or 0 for the chip's own number",
		   property, value, max);
	return false;
}

static bool egret_check_memdev(EgretState *s, Error **errp)
{
	g_autofree char *name = host_memory_backend_get_name(s->memdev);
	MemoryRegion *mr = host_memory_backend_get_memory(s->memdev);

	if (host_memory_backend_is_mapped(s->memdev)) {
		error_setg(errp, "egret: memory backend '%s' is already in use", name);
		return false;
	}
	if (memory_region_is_rom(mr)) {
		error_setg(errp, "egret: memory backend '%s' is read-only", name);
		return false;
	}
	if (s->vram_size && s->vram_size != memory_region_size(mr)) {
		error_setg(errp, "egret: property 'vram' is %" PRIu64
			   " bytes, but memory backend '%s' has %" PRIu64
			   "; leave one of them out", s->vram_size, name,
			   memory_region_size(mr));
		return false;
	}
	s->vram_size = memory_region_size(mr);
	return true;
}

static bool egret_check_properties(EgretState *s, Error **errp)
{
	if (s->memdev) {
		if (!egret_check_memdev(s, errp))
			return false;
	} else if (!s->vram_size) {
		s->vram_size = EGRET_VRAM_DEFAULT;
	}
	if (s->vram_size > EGRET_VRAM_MAX || !s->vram_size ||
	    s->vram_size % EGRET_VRAM_GRANULE) {
		error_setg(errp, "egret: device memory of %" PRIu64
			   " bytes: it must be a multiple of %" PRIu64
			   " MiB, and at most %" PRIu64 " GiB", s->vram_size,
			   (uint64_t)(EGRET_VRAM_GRANULE / MiB),
			   (uint64_t)(EGRET_VRAM_MAX / GiB));
		return false;
	}
	return egret_check_max(s, "clusters", s->clusters, EGRET_MAX_CLUSTERS, errp) &&
	       egret_check_max(s, "threads", s->threads,
			       s->clusters ?: EGRET_DEFAULT_CLUSTERS, errp) &&
	       egret_check_max(s, "copy-engines", s->copy_engines,
			       EGRET_MAX_COPY_ENGINES, errp) &&
	       egret_check_max(s, "queues", s->queues, EGRET_MAX_QUEUES, errp) &&
	       egret_check_max(s, "contexts", s->contexts, EGRET_MAX_CONTEXTS, errp);
}

static bool egret_init_capabilities(EgretState *s, Error **errp)
{
	PCIDevice *dev = PCI_DEVICE(s);

	/*
	 * Not pci_pm_init(), which would make QEMU handle the power state; the
	 * head of this file tells why that is not wanted.
	 */
	if (pci_add_capability(dev, PCI_CAP_ID_PM, EGRET_CAP_PM, PCI_PM_SIZEOF,
			       errp) < 0)
		return false;
	pci_set_word(dev->config + EGRET_CAP_PM + PCI_PM_PMC, 3 /* version 1.2 */);
	pci_set_word(dev->wmask + EGRET_CAP_PM + PCI_PM_CTRL,
		     PCI_PM_CTRL_STATE_MASK);

	if (pcie_endpoint_cap_init(dev, EGRET_CAP_EXPRESS) < 0) {
		error_setg(errp, "egret: cannot add the PCI Express capability");
		return false;
	}
	pcie_cap_fill_link_ep_usp(dev, QEMU_PCI_EXP_LNK_X16, QEMU_PCI_EXP_LNK_16GT);
	pcie_cap_deverr_init(dev);
	pcie_cap_flr_init(dev);

	if (pcie_aer_init(dev, PCI_ERR_VER, EGRET_CAP_AER, PCI_ERR_SIZEOF, errp) < 0)
		return false;
	pcie_dev_ser_num_init(dev, EGRET_CAP_SERIAL, s->serial);
	return true;
}

static bool egret_init_vram(EgretState *s, Error **errp)
{
	if (s->memdev) {
		s->vram = host_memory_backend_get_memory(s->memdev);
	} else {
		if (!memory_region_init_ram(&s->own_vram, OBJECT(s), "egret-vram",
					    s->vram_size, errp))
			return false;
		s->vram = &s->own_vram;
	}
	/* A BAR is a power of two; above device memory its container answers. */
	egret_bar_init(s, &s->vram_bar, "vram", pow2ceil(s->vram_size),
		       EGRET_BAR_VRAM, PCI_BASE_ADDRESS_MEM_PREFETCH);
	memory_region_add_subregion(&s->vram_bar.container, 0, s->vram);
	if (s->memdev) {
		host_memory_backend_set_mapped(s->memdev, true);
		vmstate_register_ram(s->vram, DEVICE(s));
	}
	return true;
}

static void egret_release_vram(EgretState *s)
{
	memory_region_del_subregion(&s->vram_bar.container, s->vram);
	egret_bar_release(&s->vram_bar);
	/*
	 * The memory itself stays until nobody looks at an old view of the address space, which
	 * may be after the device is gone. Its name has to be free then for one that takes the
	 * device's place.
	 */
	vmstate_unregister_ram(s->vram, DEVICE(s));
	if (s->memdev)
		host_memory_backend_set_mapped(s->memdev, false);
}

static void egret_init_registers(EgretState *s)
{
	egret_bar_init(s, &s->regs_bar, "regs", EGRET_BAR_REGS_SIZE, EGRET_BAR_REGS, 0);
	memory_region_init_io(&s->regs, OBJECT(s), &egret_regs_ops, s, "egret-regs",
			      EGRET_BAR_REGS_SIZE);
	memory_region_add_subregion_overlap(&s->regs_bar.container, 0, &s->regs, -1);

	egret_bar_init(s, &s->doorbell_bar, "doorbells", EGRET_BAR_DOORBELL_SIZE,
		       EGRET_BAR_DOORBELL, 0);
	memory_region_init_io(&s->doorbells, OBJECT(s), &egret_doorbell_ops, s,
			      "egret-doorbells", EGRET_BAR_DOORBELL_SIZE);
	memory_region_add_subregion(&s->doorbell_bar.container, 0, &s->doorbells);
}

static void egret_release_registers(EgretState *s)
{
	memory_region_del_subregion(&s->doorbell_bar.container, &s->doorbells);
	egret_bar_release(&s->doorbell_bar);
	memory_region_del_subregion(&s->regs_bar.container, &s->regs);
	egret_bar_release(&s->regs_bar);
}

static bool egret_init_msix(EgretState *s, Error **errp)
{
	PCIDevice *dev = PCI_DEVICE(s);
	unsigned int vector;

	if (msix_init(dev, EGRET_MSIX_VECTORS,
		      &s->regs_bar.container, EGRET_BAR_REGS, EGRET_MSIX_TABLE_OFFSET,
		      &s->regs_bar.container, EGRET_BAR_REGS, EGRET_MSIX_PBA_OFFSET,
		      EGRET_CAP_MSIX, errp) < 0)
		return false;
	for (vector = 0; vector < EGRET_MSIX_VECTORS; vector++)
		msix_vector_use(dev, vector);
	return true;
}

static void egret_release_msix(EgretState *s)
{
	PCIDevice *dev = PCI_DEVICE(s);

	msix_unuse_all_vectors(dev);
	msix_uninit(dev, &s->regs_bar.container, &s->regs_bar.container);
}

static bool egret_init_model(EgretState *s, Error **errp)
{
	const struct egret_model_config config = {
		.size = sizeof(config),
		.vram_size = s->vram_size,
		.vram = memory_region_get_ram_ptr(s->vram),
		.clusters = s->clusters,
		.copy_engines = s->copy_engines,
		.queues = s->queues,
		.contexts = s->contexts,
		.serial = s->serial,
		.threads = s->threads,
	};
	int ret;

	egret_dma_init(&s->dma, PCI_DEVICE(s));
	s->irq_bh = qemu_bh_new_guarded(egret_send_interrupts, s,
					&DEVICE(s)->mem_reentrancy_guard);
	ret = egret_model_create(&config, &egret_callbacks, s, &s->model);
	if (!ret)
		return true;
	error_setg_errno(errp, -ret, "egret: cannot make the chip");
	s->model = NULL;
	qemu_bh_delete(s->irq_bh);
	egret_dma_destroy(&s->dma);
	return false;
}

/* Threads of the model may be anywhere; when this returns, there are none. */
static void egret_release_model(EgretState *s)
{
	struct egret_model *model = s->model;

	egret_dma_close(&s->dma);
	s->model = NULL;
	egret_model_destroy(model);
	qemu_bh_delete(s->irq_bh);
	egret_dma_destroy(&s->dma);
}

static void egret_realize(PCIDevice *dev, Error **errp)
{
	EgretState *s = EGRET(dev);

	if (!egret_check_properties(s, errp))
		return;
	if (!egret_init_capabilities(s, errp))
		return;
	egret_init_registers(s);
	if (!egret_init_msix(s, errp))
		goto release_registers;
	if (!egret_init_vram(s, errp))
		goto release_msix;
	if (!egret_init_model(s, errp))
		goto release_vram;
	egret_model_set_bus_master(s->model, false);
	egret_follow_machine(s);
	trace_egret_realize(egret_name(s), s->vram_size);
	return;

release_vram:
	egret_release_vram(s);
release_msix:
	egret_release_msix(s);
release_registers:
	egret_release_registers(s);
	pcie_aer_exit(dev);
}

static void egret_exit(PCIDevice *dev)
{
	EgretState *s = EGRET(dev);

	trace_egret_exit(egret_name(s));
	qemu_del_vm_change_state_handler(s->vm_change);
	egret_release_model(s);
	egret_release_vram(s);
	egret_release_msix(s);
	egret_release_registers(s);
	pcie_aer_exit(dev);
	pcie_cap_exit(dev);
}

/* ---- The class --------------------------------------------------------------------- */

static const Property egret_properties[] = {
	DEFINE_PROP_SIZE("vram", EgretState, vram_size, 0),
	DEFINE_PROP_LINK("memdev", EgretState, memdev, TYPE_MEMORY_BACKEND,
			 HostMemoryBackend *),
	DEFINE_PROP_UINT32("clusters", EgretState, clusters, 0),
	DEFINE_PROP_UINT32("threads", EgretState, threads, 0),
	DEFINE_PROP_UINT32("copy-engines", EgretState, copy_engines, 0),
	DEFINE_PROP_UINT32("queues", EgretState, queues, 0),
	DEFINE_PROP_UINT32("contexts", EgretState, contexts, 0),
	DEFINE_PROP_UINT64("serial", EgretState, serial, 0),
};

static void egret_describe_properties(ObjectClass *class)
{
	static const struct {
		const char *name, *text;
	} properties[] = {
		{ "vram", "size of device memory, a multiple of 2 MiB; 0 for 512 MiB" },
		{ "memdev", "memory backend to use as device memory" },
		{ "clusters", "number of compute clusters; 0 for the chip's own" },
		{ "threads", "host threads for workgroups, 1 for all of the chip in a fixed order; 0 for one per cluster" },
		{ "copy-engines", "number of copy engines; 0 for the chip's own" },
		{ "queues", "number of hardware queues; 0 for the chip's own" },
		{ "contexts", "number of address spaces; 0 for the chip's own" },
		{ "serial", "serial number of the card" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(properties); i++)
		object_class_property_set_description(class, properties[i].name,
						      properties[i].text);
}

static void egret_class_init(ObjectClass *class, void *data)
{
	DeviceClass *dc = DEVICE_CLASS(class);
	ResettableClass *rc = RESETTABLE_CLASS(class);
	PCIDeviceClass *pc = PCI_DEVICE_CLASS(class);

	pc->realize = egret_realize;
	pc->exit = egret_exit;
	pc->config_read = egret_config_read;
	pc->config_write = egret_config_write;
	pc->vendor_id = EGRET_PCI_VENDOR_ID;
	pc->device_id = EGRET_PCI_DEVICE_ID;
	pc->subsystem_vendor_id = EGRET_PCI_VENDOR_ID;
	pc->subsystem_id = EGRET_PCI_SUBSYSTEM_ID;
	pc->revision = EGRET_PCI_REVISION;
	pc->class_id = EGRET_PCI_CLASS;

	rc->phases.hold = egret_reset_hold;

	dc->vmsd = &egret_vmstate;
	dc->desc = "Egret-1 inference accelerator";
	set_bit(DEVICE_CATEGORY_MISC, dc->categories);
	device_class_set_props(dc, egret_properties);
	egret_class_add_inspection(class);
	egret_describe_properties(class);
}

static const TypeInfo egret_types[] = {
	{
		.name = TYPE_EGRET,
		.parent = TYPE_PCI_DEVICE,
		.instance_size = sizeof(EgretState),
		.class_init = egret_class_init,
		.interfaces = (InterfaceInfo[]) {
			{ INTERFACE_PCIE_DEVICE },
			{ }
		},
	},
};

DEFINE_TYPES(egret_types)
