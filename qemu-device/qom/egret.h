/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright (C) 2026 The Egret authors */
/*
 * One card, as QEMU's objects.
 */
#ifndef EGRET_QOM_EGRET_H
#define EGRET_QOM_EGRET_H

#include "exec/memory.h"
#include "hw/pci/pci_device.h"
#include "qom/object.h"
#include "system/hostmem.h"
#include "system/runstate.h"

#include "model/egret_model.h"
#include "qom/dma.h"

#define TYPE_EGRET "egret"
OBJECT_DECLARE_SIMPLE_TYPE(EgretState, EGRET)

/*
 * The card has three BARs: registers, device memory, doorbells. What is in a BAR
 * lies over its container, which answers where there is nothing; `unpowered` lies
 * over all of it and is enabled in D3hot.
 */
typedef struct EgretBar {
	MemoryRegion container;
	MemoryRegion unpowered;
} EgretBar;

/**
 * struct EgretState - one card
 * @parent_obj: the PCI function
 * @model: the chip; NULL before realize and after unplug, when late accesses
 *         of processors that still see the old memory map may come
 * @dma: its way to system memory
 * @regs_bar: BAR0
 * @vram_bar: BAR2
 * @doorbell_bar: BAR4
 * @regs: registers, in BAR0 under the MSI-X table and PBA
 * @doorbells: doorbells, in BAR4
 * @own_vram: device memory, unless @memdev gives it
 * @vram: device memory, in BAR2
 * @irq_bh: sends @irq_pending
 * @irq_pending: MSI-X vectors that the model raised; atomic
 * @irq_twice: those of them whose message is to be sent twice: injected; atomic
 * @messages: MSI-X messages sent
 * @waking: a reset is that from D3hot to D0, for which the chip itself is ready
 * @link_down: property: the link is broken, nothing gets through
 * @stopped: the machine is stopped, and so the chip stands still
 * @vm_change: tells of that
 * @state: the chip's state on its way to or from a migration stream
 * @state_size: its bytes
 * @vram_size: property: bytes of device memory
 * @memdev: property: memory backend to take device memory from
 * @clusters: property, as the following: see egret_properties
 * @threads:
 * @copy_engines:
 * @queues:
 * @contexts:
 * @serial:
 *
 * The big lock protects all that is not said to be atomic.
 */
struct EgretState {
	PCIDevice parent_obj;

	struct egret_model *model;
	EgretDma dma;

	EgretBar regs_bar;
	EgretBar vram_bar;
	EgretBar doorbell_bar;
	MemoryRegion regs;
	MemoryRegion doorbells;
	MemoryRegion own_vram;
	MemoryRegion *vram;

	QEMUBH *irq_bh;
	uint32_t irq_pending;
	uint32_t irq_twice;
	uint64_t messages;

	bool waking;
	bool link_down;
	bool stopped;
	VMChangeStateEntry *vm_change;
	uint8_t *state;
	uint32_t state_size;

	uint64_t vram_size;
	HostMemoryBackend *memdev;
	uint32_t clusters;
	uint32_t threads;
	uint32_t copy_engines;
	uint32_t queues;
	uint32_t contexts;
	uint64_t serial;
};

const char *egret_name(EgretState *s);
unsigned int egret_power_state(EgretState *s);
void egret_set_link(EgretState *s, bool up);
extern const VMStateDescription egret_vmstate;
void egret_update_bars(EgretState *s);
void egret_update_bus_master(EgretState *s);
void egret_follow_machine(EgretState *s);
void egret_class_add_inspection(ObjectClass *class);

#endif /* EGRET_QOM_EGRET_H */
