// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (C) 2026 The Egret authors
/*
 * What the person at the monitor can see of a card at run time, and do to it:
 * properties of the object, for qom-get and qom-set.
 *
 * Those named inject-* bring about what no guest can: heat, memory errors, a
 * firmware that hangs. They exist to test what a driver makes of it.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "hw/pci/pci.h"

#include "egret/pci.h"
#include "egret/regs.h"
#include "qom/egret.h"
#include "trace-egret.h"

/* The property "info": the card's state in words, for `qom-get`. */
static char *egret_get_info(Object *obj, Error **errp)
{
	EgretState *s = EGRET(obj);
	GString *text;

	if (!s->model)
		return g_strdup("not realized");
	text = g_string_new(NULL);
	g_string_append_printf(text, "power: D%u\n", egret_power_state(s));
	g_string_append_printf(text, "bus master: %s\n",
			       pci_get_word(s->parent_obj.config + PCI_COMMAND) &
			       PCI_COMMAND_MASTER ? "on" : "off");
	g_string_append_printf(text, "device memory: %" PRIu64 " MiB\n",
			       s->vram_size / MiB);
	g_string_append_printf(text, "interrupts sent: %" PRIu64 "\n", s->messages);
	g_string_append_printf(text, "system memory: %" PRIu64 " bytes directly, %"
			       PRIu64 " accesses through the main loop\n",
			       qatomic_read(&s->dma.direct_bytes), s->dma.relayed);
	g_string_append_printf(text, "packets: %" PRIu64 "\n",
			       egret_model_reg_read(s->model, EGRET_REG_CNT_PACKETS, 8));
	g_string_append_printf(text, "faults: %" PRIu64 "\n",
			       egret_model_reg_read(s->model, EGRET_REG_CNT_FAULTS, 8));
	g_string_append_printf(text, "resets: %" PRIu64 "\n",
			       egret_model_reg_read(s->model, EGRET_REG_RESET_COUNT, 4));
	return g_string_free(text, false);
}

static const struct egret_injection {
	const char *name;
	enum egret_model_injection what;
	const char *description;
} egret_injections[] = {
	{ "inject-heat", EGRET_INJECT_HEAT,
	  "mW into the chip that its power meter does not see" },
	{ "inject-load", EGRET_INJECT_LOAD,
	  "mW of switching power, at the fastest performance state" },
	{ "inject-ambient", EGRET_INJECT_AMBIENT,
	  "temperature around the card, in 1/1000 degree Celsius" },
	{ "inject-ecc-corrected", EGRET_INJECT_ECC_CORRECTED,
	  "a corrected memory error at this offset of device memory" },
	{ "inject-ecc-uncorrected", EGRET_INJECT_ECC_UNCORRECTED,
	  "an uncorrected memory error at this offset of device memory" },
	{ "inject-temperature", EGRET_INJECT_TEMPERATURE,
	  "temperature of the chip, in 1/1000 degree Celsius, from which it goes on" },
	{ "inject-cluster-hang", EGRET_INJECT_CLUSTER_HANG,
	  "number of a compute cluster that makes no step any more" },
	{ "inject-fence-error", EGRET_INJECT_FENCE,
	  "bits of the next fence's value that come out wrong" },
	{ "inject-interrupt-loss", EGRET_INJECT_INTERRUPT_LOSS,
	  "vector whose next message gets lost" },
	{ "inject-interrupt-repeat", EGRET_INJECT_INTERRUPT_REPEAT,
	  "vector whose next message is sent twice" },
	{ "inject-bus-error", EGRET_INJECT_BUS_ERROR,
	  "how many of the next accesses to system memory fail" },
	{ "inject-reset-hang", EGRET_INJECT_RESET_HANG,
	  "resets that do not end: 1 by register, 2 also function-level, 3 all" },
	{ "inject-slow-down", EGRET_INJECT_SLOWDOWN,
	  "microseconds that each packet and each quantum of a workgroup takes longer" },
	{ "inject-firmware-hang", EGRET_INJECT_FW_HANG,
	  "management firmware stops making progress (write 0)" },
	{ "inject-firmware-crash", EGRET_INJECT_FW_CRASH,
	  "management firmware crashes (write 0)" },
};

static void egret_set_injection(Object *obj, Visitor *v, const char *name,
				void *opaque, Error **errp)
{
	const struct egret_injection *injection = opaque;
	EgretState *s = EGRET(obj);
	uint64_t value;
	int ret;

	if (!visit_type_uint64(v, name, &value, errp))
		return;
	if (!s->model) {
		error_setg(errp, "egret: property '%s' can only be set on a card that is "
			   "plugged in", name);
		return;
	}
	trace_egret_inject(egret_name(s), name, value);
	ret = egret_model_inject(s->model, injection->what, value);
	if (ret)
		error_setg_errno(errp, -ret, "egret: property '%s' cannot be %" PRIu64,
				 name, value);
}

static bool egret_get_link_property(Object *obj, Error **errp)
{
	return !EGRET(obj)->link_down;
}

static void egret_set_link_property(Object *obj, bool up, Error **errp)
{
	EgretState *s = EGRET(obj);

	if (!s->model) {
		error_setg(errp, "egret: property 'link' can only be set on a card that is "
			   "plugged in");
		return;
	}
	trace_egret_link(egret_name(s), up);
	egret_set_link(s, up);
}

/**
 * egret_class_add_inspection() - add the properties for use at run time
 * @class: the class of cards
 */
void egret_class_add_inspection(ObjectClass *class)
{
	size_t i;

	object_class_property_add_str(class, "info", egret_get_info, NULL);
	object_class_property_set_description(class, "info",
					      "state of the card, to be read by people");
	object_class_property_add_bool(class, "link", egret_get_link_property,
				       egret_set_link_property);
	object_class_property_set_description(class, "link",
					      "off: the card falls off the bus");
	for (i = 0; i < ARRAY_SIZE(egret_injections); i++) {
		const struct egret_injection *injection = &egret_injections[i];

		object_class_property_add(class, injection->name, "uint64", NULL,
					  egret_set_injection, NULL, (void *)injection);
		object_class_property_set_description(class, injection->name,
						      injection->description);
	}
}
