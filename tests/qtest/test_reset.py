#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""Resets of every kind, with work in flight.

Specification: Documentation/hardware/reset.rst
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import qtest
from driver import BAR0, BAR2, SYSTEM, check_works, start_work
from layout import egret
from qtest import equal

MIB = 1 << 20
MARK = b'kept' * 1024
MARK_AT = 0x3000000


def busy_machine(machine):
    card = machine.card()
    card.enable_msix()
    card.memwrite(BAR2, MARK_AT, MARK)
    start_work(card)
    return card


def expect_silence(machine):
    """Overwrite what the copies wrote: it has to stay so, now and after more work."""
    machine.memset(SYSTEM, 0x11, 8 * MIB)

    def check():
        equal(machine.memread(SYSTEM, 8 * MIB) == b'\x11' * 8 * MIB, True, 'memory untouched')
    return check


def expect_fresh(card):
    for queue in range(4):
        equal(card.readl(BAR0, egret.REG_QUEUE(queue, egret.Q_STATUS)),
              egret.Q_STATE_DISABLED, f'state of queue {queue}')
        equal(card.readq(BAR0, egret.REG_QUEUE(queue, egret.Q_RING)), 0, 'ring')
    equal(card.readq(BAR0, egret.REG_CONTEXT(1)), 0, 'context')
    equal(card.readq(BAR0, egret.REG_CNT_PACKETS), 0, 'counter')


def new_machine():
    return qtest.Machine(card_opts='vram=64M')


def test_flr():
    with new_machine() as machine:
        card = busy_machine(machine)
        card.function_level_reset()
        check = expect_silence(machine)
        equal(card.config_readw(0x04), 0, 'command')
        equal(card.config_readw(card.find_capability(qtest.CAP_MSIX) + 2) & 0xc000, 0, 'MSI-X')
        card.assign_bars()
        expect_fresh(card)
        equal(card.readl(BAR0, egret.REG_STATE), egret.STATE_READY | egret.STATE_VRAM_KEPT,
              'state')
        equal(card.readl(BAR0, egret.REG_RESET_COUNT), 1, 'resets')
        equal(card.memread(BAR2, MARK_AT, len(MARK)), MARK, 'device memory')
        check_works(card)
        check()


def test_flr_again_and_again():
    with new_machine() as machine:
        for count in range(1, 21):
            card = machine.card()
            start_work(card)
            card.function_level_reset()
            card.assign_bars()
            equal(card.readl(BAR0, egret.REG_RESET_COUNT), count, 'resets')
        check_works(card)


def test_machine_reset():
    with new_machine() as machine:
        busy_machine(machine)
        machine.reset()
        card = machine.card()
        check = expect_silence(machine)
        expect_fresh(card)
        equal(card.readl(BAR0, egret.REG_STATE), egret.STATE_READY, 'state')
        equal(card.readl(BAR0, egret.REG_RESET_COUNT), 0, 'resets')
        for offset in range(0, 64 * MIB, MIB):
            equal(card.memread(BAR2, offset, MIB) == bytes(MIB), True, 'device memory zero')
        check_works(card)
        check()


def test_bus_reset():
    """Secondary bus reset by the root port: as thorough as power-on."""
    with new_machine() as machine:
        card = busy_machine(machine)
        control = machine.config_readl(0, 2, 0, 0x3c)
        machine.config_writel(0, 2, 0, 0x3c, control | 1 << 22)
        machine.config_writel(0, 2, 0, 0x3c, control & ~(1 << 22))
        check = expect_silence(machine)
        card.assign_bars()
        expect_fresh(card)
        equal(card.memread(BAR2, MARK_AT, len(MARK)), bytes(len(MARK)), 'device memory')
        check_works(card)
        check()


def test_sleep_while_busy():
    with new_machine() as machine:
        card = busy_machine(machine)
        card.set_power_state(3)
        check = expect_silence(machine)
        card.set_power_state(0)
        card.assign_bars()
        expect_fresh(card)
        equal(card.readl(BAR0, egret.REG_STATE), egret.STATE_READY | egret.STATE_VRAM_KEPT,
              'state')
        equal(card.memread(BAR2, MARK_AT, len(MARK)), MARK, 'device memory')
        check_works(card)
        check()


def reset_by_register(card, value):
    card.writel(BAR0, egret.REG_RESET, value)
    qtest.wait_until(lambda: card.readl(BAR0, egret.REG_STATE) & egret.STATE_READY,
                     'the end of a reset')


def test_chip_reset():
    with new_machine() as machine:
        card = busy_machine(machine)
        reset_by_register(card, egret.RESET_CHIP)
        check = expect_silence(machine)
        expect_fresh(card)
        equal(card.memread(BAR2, MARK_AT, len(MARK)), MARK, 'device memory')
        # PCI configuration is none of the chip's business.
        equal(card.config_readw(0x04) & 0x6, 0x6, 'command')
        check_works(card)
        check()


def test_engine_reset():
    with new_machine() as machine:
        card = busy_machine(machine)
        root = card.readq(BAR0, egret.REG_CONTEXT(1))
        reset_by_register(card, egret.RESET_ENGINES)
        check = expect_silence(machine)
        for queue in range(4):
            equal(card.readl(BAR0, egret.REG_QUEUE(queue, egret.Q_STATUS)),
                  egret.Q_STATE_DISABLED, f'state of queue {queue}')
        equal(card.readq(BAR0, egret.REG_CONTEXT(1)), root, 'context')
        check_works(card)
        check()


def test_pending_interrupt_does_not_survive():
    with new_machine() as machine:
        card = machine.card()
        card.enable_msix()
        card.mask_msix(egret.VECTOR_MANAGEMENT)
        card.writel(BAR0, egret.REG_IRQ_ENABLE, egret.IRQ_TEST)
        card.writel(BAR0, egret.REG_IRQ_TEST, egret.IRQ_TEST)
        card.function_level_reset()
        card.assign_bars()
        card.enable_msix()
        equal(card.readq(BAR0, egret.MSIX_PBA_OFFSET), 0, 'pending bits')
        equal(card.take_msix(egret.VECTOR_MANAGEMENT), False, 'interrupt')
        equal(card.readl(BAR0, egret.REG_IRQ_STATUS), 0, 'causes')


if __name__ == '__main__':
    qtest.main()
