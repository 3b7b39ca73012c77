// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (C) 2026 The Egret authors
/*
 * A card in a machine that stops, is saved and goes on elsewhere.
 *
 * The chip stands still whenever the machine does. It has to: what it wrote after the
 * last pass over memory would be missing in the other machine. It may be waiting for an
 * access through the main loop at that moment, which is therefore served here.
 *
 * Device memory is a block of RAM to QEMU, and is transferred as such. What the chip
 * writes there is not noted page by page, as this would cost every store of every kernel;
 * so all of it counts as written when the machine stops. Pages of zeroes are cheap.
 *
 * The chip's own state is a buffer that only the model understands and checks. One that
 * it refuses ends the migration with its words, on the side that refuses.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie_aer.h"
#include "hw/qdev-core.h"
#include "migration/vmstate.h"

#include "qom/egret.h"
#include "trace-egret.h"

/* More than any chip has to tell; a stream that says more is not one of ours. */
#define EGRET_STATE_MAX		(256 * 1024 * 1024)
#define EGRET_POLL_NS		1000000

static void egret_stop(EgretState *s)
{
	egret_model_pause_begin(s->model);
	do
		egret_dma_poll(&s->dma);
	while (egret_model_pause_wait(s->model, EGRET_POLL_NS));
	memory_region_set_dirty(s->vram, 0, memory_region_size(s->vram));
	s->stopped = true;
}

static void egret_vm_changed(void *opaque, bool running, RunState state)
{
	EgretState *s = opaque;

	if (running != s->stopped)
		return;
	trace_egret_machine(egret_name(s), running);
	if (!running) {
		egret_stop(s);
		return;
	}
	s->stopped = false;
	egret_model_resume(s->model);
}

/**
 * egret_follow_machine() - let the chip stand still whenever the machine does
 * @s: the card, with its model
 */
void egret_follow_machine(EgretState *s)
{
	s->stopped = false;
	s->vm_change = qdev_add_vm_change_state_handler(DEVICE(s), egret_vm_changed, s);
	if (!runstate_is_running())
		egret_stop(s);
}

/* ---- The chip's state, as bytes ------------------------------------------------- */

static void egret_free_state(EgretState *s)
{
	g_free(s->state);
	s->state = NULL;
	s->state_size = 0;
}

static int egret_put_state(void *opaque, const void *data, size_t size)
{
	EgretState *s = opaque;

	if (size > EGRET_STATE_MAX)
		return -EFBIG;
	s->state = g_memdup2(data, size);
	s->state_size = size;
	return 0;
}

struct egret_source {
	const uint8_t *data;
	size_t left;
};

static int egret_take_state(void *opaque, void *data, size_t size)
{
	struct egret_source *source = opaque;

	if (size > source->left)
		return -EIO;
	memcpy(data, source->data, size);
	source->data += size;
	source->left -= size;
	return 0;
}

static int egret_pre_save(void *opaque)
{
	EgretState *s = opaque;
	const struct egret_model_writer writer = { egret_put_state, s };
	int ret;

	egret_free_state(s);
	ret = egret_model_save(s->model, &writer);
	if (ret)
		error_report("egret %s: the state of the chip cannot be saved: %s",
			     egret_name(s), strerror(-ret));
	return ret;
}

static int egret_post_save(void *opaque)
{
	egret_free_state(opaque);
	return 0;
}

static int egret_pre_load(void *opaque)
{
	egret_free_state(opaque);
	return 0;
}

static bool egret_state_size_is_good(void *opaque, int version)
{
	EgretState *s = opaque;

	return s->state_size > 0 && s->state_size <= EGRET_STATE_MAX;
}

/* Nobody can have loaded more into the chip than its state: it stands still. */
static int egret_load_chip(EgretState *s)
{
	struct egret_source source = { s->state, s->state_size };
	const struct egret_model_reader reader = { egret_take_state, &source };
	char error[EGRET_MODEL_ERROR];
	int ret = egret_model_load(s->model, &reader, error);

	if (!ret && source.left) {
		pstrcpy(error, sizeof(error), "there are bytes behind it");
		ret = -EINVAL;
	}
	if (ret)
		error_report("egret %s: the state of the chip cannot be loaded: %s",
			     egret_name(s), error);
	return ret;
}

static int egret_post_load(void *opaque, int version)
{
	EgretState *s = opaque;
	int ret = egret_load_chip(s);

	egret_free_state(s);
	if (ret)
		return ret;
	egret_update_bars(s);
	egret_update_bus_master(s);
	if (qatomic_read(&s->irq_pending))
		qemu_bh_schedule(s->irq_bh);
	return 0;
}

const VMStateDescription egret_vmstate = {
	.name = "egret",
	.version_id = 2,
	.minimum_version_id = 2,
	.pre_save = egret_pre_save,
	.post_save = egret_post_save,
	.pre_load = egret_pre_load,
	.post_load = egret_post_load,
	.fields = (const VMStateField[]) {
		/* Before configuration space, whose check would name but a byte. */
		VMSTATE_UINT64_EQUAL(serial, EgretState,
				     "the cards' serial numbers must be the same"),
		VMSTATE_PCI_DEVICE(parent_obj, EgretState),
		VMSTATE_STRUCT(parent_obj.exp.aer_log, EgretState, 0,
			       vmstate_pcie_aer_log, PCIEAERLog),
		VMSTATE_MSIX(parent_obj, EgretState),
		VMSTATE_BOOL(link_down, EgretState),
		VMSTATE_UINT32(irq_pending, EgretState),
		VMSTATE_UINT32(irq_twice, EgretState),
		VMSTATE_UINT64(messages, EgretState),
		VMSTATE_UINT32(state_size, EgretState),
		VMSTATE_VALIDATE("size of the chip's state", egret_state_size_is_good),
		VMSTATE_VBUFFER_ALLOC_UINT32(state, EgretState, 1, NULL, state_size),
		VMSTATE_END_OF_LIST()
	},
};
