# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""Plugging and unplugging through the slot registers of the root ports.

A machine for that is made with extra=NATIVE_HOTPLUG.
"""

import qtest

# Without ACPI to ask, the root port's own registers do hot-plug.
NATIVE_HOTPLUG = ['-global', 'ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off']
SLOT_CONTROL = 0x18
POWER_CONTROLLER_OFF = 1 << 10
INDICATOR_OFF, INDICATOR_ON = 3 << 8, 1 << 8


def root_port(machine, index):
    """Where the root port's PCI Express capability is: (bus, device, offset)."""
    device = index + 2
    offset = machine.config_readl(0, device, 0, 0x34) & 0xfc
    while machine.config_readl(0, device, 0, offset) & 0xff != qtest.CAP_EXPRESS:
        offset = machine.config_readl(0, device, 0, offset) >> 8 & 0xfc
    return device, offset


def set_slot_power(machine, index, on):
    device, offset = root_port(machine, index)
    machine.config_writel(0, device, 0, offset + SLOT_CONTROL,
                          INDICATOR_ON if on else INDICATOR_OFF | POWER_CONTROLLER_OFF)


def unplug(machine, index=0):
    """device_del, and what a guest does when the slot's button has been pressed."""
    machine.qmp('device_del', id=f'egret{index}')
    set_slot_power(machine, index, False)
    machine.wait_event('DEVICE_DELETED')


def plug(machine, index=0, **properties):
    machine.qmp('device_add', driver='egret', id=f'egret{index}', bus=f'port{index}',
                **{'vram': 64 << 20, **properties})
    set_slot_power(machine, index, True)
    return qtest.Card(machine, index)
