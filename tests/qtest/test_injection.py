#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""What the monitor can do to a card that runs: break its link, inject errors."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import qtest
from driver import BAR0, BAR2, SYSTEM, PAGE, Context, Queue, check_works, fence, start_work
from layout import egret
from qtest import equal

CARD = '/machine/peripheral/egret0'
MIB = 1 << 20


def new_machine():
    return qtest.Machine(card_opts='vram=64M')


def test_broken_link():
    """All ones wherever the host looks, nothing that the card does arrives."""
    with new_machine() as machine:
        card = machine.card()
        card.enable_msix()
        start_work(card)
        equal(machine.qom_get(CARD, 'link'), True, 'link')
        machine.qom_set(CARD, 'link', False)
        equal(machine.qom_get(CARD, 'link'), False, 'link')
        equal(card.config_readl(0), 0xffffffff, 'identity')
        for bar, offset in ((BAR0, egret.REG_ID), (BAR2, 0), (egret.BAR_DOORBELL, 0)):
            equal(card.readl(bar, offset), 0xffffffff, f'BAR {bar}')
        # The copies fault as soon as they are to reach system memory again.
        qtest.wait_until(lambda: 'faults: 1\n' in machine.qom_get(CARD, 'info'), 'a fault')
        machine.memset(SYSTEM, 0x11, 8 * MIB)
        card.writel(BAR0, egret.REG_TEST, 1)
        card.config_writel(0x10, 0)
        machine.qom_set(CARD, 'link', True)
        equal(machine.memread(SYSTEM, 8 * MIB) == b'\x11' * 8 * MIB, True, 'memory untouched')
        for vector in range(egret.MSIX_VECTORS):
            equal(card.take_msix(vector), False, f'interrupt {vector}')


def test_link_comes_back():
    with new_machine() as machine:
        card = machine.card()
        card.memwrite(BAR2, 0x1000, b'secret')
        card.set_power_state(3)
        machine.qom_set(CARD, 'link', False)
        machine.qom_set(CARD, 'link', False)
        machine.qom_set(CARD, 'link', True)
        equal(card.config_readl(0), egret.PCI_DEVICE_ID << 16 | egret.PCI_VENDOR_ID, 'identity')
        equal(card.config_readw(0x04), 0, 'command')
        card.assign_bars()
        equal(card.readl(BAR0, egret.REG_STATE), egret.STATE_READY, 'state')
        equal(card.memread(BAR2, 0x1000, 6), bytes(6), 'device memory')
        check_works(card)


def test_link_is_broken_during_access():
    with new_machine() as machine:
        card = machine.card()
        context = Context(card, 1)
        word = context.map_system(SYSTEM, PAGE)
        queue = Queue(card, context, 0)
        queue.submit(*[fence(word, n) for n in range(60)])
        machine.qom_set(CARD, 'link', False)
        seen = machine.readq(SYSTEM)
        machine.qom_set(CARD, 'link', True)
        equal(machine.readq(SYSTEM), seen, 'fence')


def test_machine_reset_with_broken_link():
    """A machine's reset does not mend it; the card is there again when it is mended."""
    with new_machine() as machine:
        machine.card()
        machine.qom_set(CARD, 'link', False)
        machine.reset()
        machine.qom_set(CARD, 'link', True)
        check_works(machine.card())


def test_memory_errors():
    with new_machine() as machine:
        card = machine.card()
        card.enable_msix()
        card.writel(BAR0, egret.REG_IRQ_ENABLE, egret.IRQ_ALL)
        machine.qom_set(CARD, 'inject-ecc-corrected', 0x1000)
        card.wait_msix(egret.VECTOR_MANAGEMENT)
        equal(card.readl(BAR0, egret.REG_IRQ_STATUS), egret.IRQ_ECC_CORRECTED, 'cause')
        equal(card.readq(BAR0, egret.REG_ECC_CORRECTED), 1, 'corrected errors')
        machine.qom_set(CARD, 'inject-ecc-uncorrected', 0x123000)
        card.wait_msix(egret.VECTOR_MANAGEMENT)
        equal(card.readq(BAR0, egret.REG_ECC_UNCORRECTED), 1, 'uncorrected errors')
        equal(card.readq(BAR0, egret.REG_ECC_ADDR), 0x123000, 'address')


def test_bad_injections():
    with new_machine() as machine:
        machine.card()
        for name, value in (('inject-ecc-corrected', 64 * MIB), ('inject-ambient', 1000000)):
            try:
                machine.qom_set(CARD, name, value)
                raise AssertionError(f'{name} {value} was accepted')
            except qtest.QmpError as error:
                if name not in str(error):
                    raise


if __name__ == '__main__':
    qtest.main()
