#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""Plugging and unplugging cards, idle and at work."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import qtest
from driver import BAR0, BAR2, SYSTEM, check_works, start_work
from layout import egret
from qtest import equal
from slot import NATIVE_HOTPLUG, plug, set_slot_power, unplug

MIB = 1 << 20


def new_machine(cards=1):
    return qtest.Machine(cards=cards, card_opts='vram=64M', extra=NATIVE_HOTPLUG)


def test_unplug_idle():
    with new_machine() as machine:
        card = machine.card()
        equal(card.readl(BAR0, egret.REG_ID), egret.ID, 'identity')
        unplug(machine)
        equal(card.config_readl(0), 0xffffffff, 'identity of what is gone')


def test_unplug_and_plug():
    with new_machine() as machine:
        card = machine.card()
        for serial in range(1, 6):
            card.memwrite(BAR2, 0x3000, b'left behind')
            unplug(machine)
            card = plug(machine, serial=serial)
            equal(card.readq(BAR0, egret.REG_SERIAL), serial, 'serial number')
            equal(card.memread(BAR2, 0x3000, 11), bytes(11), 'memory of a new card')
            check_works(card)


def test_unplug_busy():
    with new_machine() as machine:
        card = machine.card()
        card.enable_msix()
        start_work(card)
        unplug(machine)
        equal(card.config_readl(0), 0xffffffff, 'identity of what is gone')
        # Nothing of the old card's writes memory any more.
        machine.memset(SYSTEM, 0x11, 8 * MIB)
        card = plug(machine)
        check_works(card)
        equal(machine.memread(SYSTEM, 8 * MIB), b'\x11' * 8 * MIB, 'system memory')


def test_unplug_one_of_two():
    with new_machine(2) as machine:
        first, second = machine.card(0), machine.card(1)
        queues = start_work(first)
        start_work(second)
        unplug(machine, 1)
        equal(queues[0].state(), egret.Q_STATE_ACTIVE, "the other card's kernel")
        equal(queues[1].state(), egret.Q_STATE_WAITING, "the other card's WAIT")
        check_works(first)


def test_slot_power_off_while_busy():
    """The slot is switched off with nobody having asked: surprise removal."""
    with new_machine() as machine:
        card = machine.card()
        start_work(card)
        set_slot_power(machine, 0, False)
        machine.wait_event('DEVICE_DELETED')
        equal(card.config_readl(0), 0xffffffff, 'identity of what is gone')


def test_quit_while_busy():
    machine = new_machine()
    try:
        start_work(machine.card())
        machine.qmp('quit')
        equal(machine.process.wait(timeout=qtest.PATIENCE), 0, "QEMU's status")
    finally:
        machine.close()


if __name__ == '__main__':
    qtest.main()
