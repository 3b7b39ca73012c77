#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""What the monitor can do to a card that runs: break its link, inject errors."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import qtest
from driver import (BAR0, BAR2, DATA, ENDLESS_LOOP, SYSTEM, PAGE, Context, Queue, check_works,
                    dispatch, fence, nop, start_work)
from layout import egret
from qtest import equal

CARD = '/machine/peripheral/egret0'
MIB = 1 << 20
SECOND = 10 ** 9


def new_machine():
    return qtest.Machine(card_opts='vram=64M')


def test_broken_link():
    """All ones wherever the host looks, nothing that the card does arrives."""
    with new_machine() as machine:
        card = machine.card()
        card.enable_msix()
        card.writel(BAR0, egret.REG_IRQ_ENABLE, egret.IRQ_ALL)
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


def info(machine, name):
    """A number of the card's state in words."""
    for line in machine.qom_get(CARD, 'info').splitlines():
        if line.startswith(name + ':'):
            return int(line.split(':')[1])
    raise AssertionError(f'{name} is not told')


def test_interrupts_are_lost_and_repeated():
    vector = egret.VECTOR_QUEUE_FIRST
    with new_machine() as machine:
        card = machine.card()
        card.enable_msix()
        queue = Queue(card, Context(card, 1), 0, vector=vector)
        machine.qom_set(CARD, 'inject-interrupt-loss', vector)
        for number, sent in ((1, 0), (2, 1)):
            queue.submit(fence(queue.fence_va, number, interrupt=True))
            queue.wait(number)
            queue.wait_state(egret.Q_STATE_IDLE)
            qtest.wait_until(lambda: card.readq(BAR0, egret.REG_CNT_INTERRUPTS) == number,
                             'the interrupt')
            if sent:
                card.wait_msix(vector)
            equal(card.take_msix(vector), False, 'interrupt')
            equal(info(machine, 'interrupts sent'), sent, 'messages')
        machine.qom_set(CARD, 'inject-interrupt-repeat', vector)
        for number, sent in ((3, 3), (4, 4)):
            queue.submit(fence(queue.fence_va, number, interrupt=True))
            qtest.wait_until(lambda: info(machine, 'interrupts sent') >= sent, 'messages')
            equal(info(machine, 'interrupts sent'), sent, 'messages')
            card.wait_msix(vector)


def test_wrong_fence_and_bus_error():
    with new_machine() as machine:
        card = machine.card()
        context = Context(card, 1)
        word = context.map_system(SYSTEM, PAGE)
        queue = Queue(card, context, 0)
        machine.qom_set(CARD, 'inject-fence-error', 1 << 63)
        queue.submit(fence(word, 5), fence(queue.fence_va, 1))
        queue.wait(1)
        equal(machine.readq(SYSTEM), 1 << 63 | 5, 'fence')
        machine.qom_set(CARD, 'inject-bus-error', 1)
        queue.submit(fence(word, 6))
        fault = queue.wait_fault()
        equal((fault['code'], fault['addr']), (egret.FAULT_BUS, word), 'fault')
        equal(machine.readq(SYSTEM), 1 << 63 | 5, 'fence')
        check_works(card)


def test_hung_cluster():
    """The chip's watchdog notices it."""
    with qtest.Machine(card_opts='vram=64M,clusters=1') as machine:
        card = machine.card()
        context = Context(card, 1)
        code = context.map_vram(DATA, PAGE, egret.PTE_READ | egret.PTE_EXEC)
        card.memwrite(BAR2, DATA, ENDLESS_LOOP)
        queue = Queue(card, context, 0)
        queue.submit(dispatch(code))
        machine.qom_set(CARD, 'inject-cluster-hang', 0)
        equal(queue.wait_fault()['code'], egret.FAULT_HUNG, 'fault')
        card.writel(BAR0, egret.REG_RESET, egret.RESET_ENGINES)
        qtest.wait_until(lambda: card.readl(BAR0, egret.REG_STATE) & egret.STATE_READY, 'the reset')
        check_works(card)


def test_slow_down_and_temperature():
    with new_machine() as machine:
        card = machine.card()
        queue = Queue(card, Context(card, 1), 0)
        machine.qom_set(CARD, 'inject-slow-down', 20000)
        began = time.monotonic()
        queue.submit(*[nop()] * 9, fence(queue.fence_va, 1))
        queue.wait(1)
        equal(time.monotonic() - began >= 0.2, True, 'work takes its time')
        machine.qom_set(CARD, 'inject-temperature', 111000)
        qtest.wait_until(lambda: card.readl(BAR0, egret.REG_STATE) & egret.STATE_THERMAL_STOP,
                         'the thermal stop')
        queue.wait_state(egret.Q_STATE_DISABLED)


def energy_of_a_second(machine, card):
    before = card.readq(BAR0, egret.REG_ENERGY)
    machine.clock_step(SECOND)
    return card.readq(BAR0, egret.REG_ENERGY) - before


def test_load_and_ambient():
    """Without firmware: the power meter sees a load, and heat from outside stops the engines."""
    with new_machine() as machine:
        card = machine.card()
        idle = energy_of_a_second(machine, card)
        machine.qom_set(CARD, 'inject-load', 20000)
        equal((energy_of_a_second(machine, card) - idle + 500) // 1000, 20000, 'mJ of the load')
        machine.qom_set(CARD, 'inject-load', 0)
        equal((energy_of_a_second(machine, card) - idle + 500) // 1000, 0, 'mJ of the load')
        for ambient, stops in ((90000, False), (110000, True)):
            machine.qom_set(CARD, 'inject-ambient', ambient)
            machine.clock_step(100 * SECOND)
            equal(energy_of_a_second(machine, card) > 0, True, 'a look at the meter')
            if not stops:
                equal(card.readl(BAR0, egret.REG_STATE) & egret.STATE_THERMAL_STOP, 0, 'stop')
        qtest.wait_until(lambda: card.readl(BAR0, egret.REG_STATE) & egret.STATE_THERMAL_STOP,
                         'the thermal stop')


def test_bad_injections():
    with new_machine() as machine:
        machine.card()
        for name, value in (('inject-ecc-corrected', 64 * MIB), ('inject-ambient', 1000000),
                            ('inject-cluster-hang', egret.MAX_CLUSTERS),
                            ('inject-interrupt-loss', egret.MSIX_VECTORS),
                            ('inject-slow-down', 100001), ('inject-temperature', 150001)):
            try:
                machine.qom_set(CARD, name, value)
                raise AssertionError(f'{name} {value} was accepted')
            except qtest.QmpError as error:
                if name not in str(error):
                    raise


if __name__ == '__main__':
    qtest.main()
