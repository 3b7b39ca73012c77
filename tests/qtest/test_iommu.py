#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""The card behind an IOMMU (VT-d) that translates its accesses, or blocks them."""

import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import qtest
from driver import (BAR2, DATA, PAGE, SYSTEM, Context, Queue, check_works, copy, fence,
                    start_work)
from layout import egret
from qtest import equal
from slot import NATIVE_HOTPLUG, unplug

MIB = 1 << 20
REGISTERS = 0xfed90000
GCMD, GSTS, RTADDR, CCMD, FSTS, IOTLB, FAULT_RECORD = 0x18, 0x1c, 0x20, 0x28, 0x34, 0xf8, 0x220
TRANSLATION, ROOT_TABLE = 1 << 31, 1 << 30
READ, WRITE, PRESENT = 1, 2, 1

TABLES = 0x8000000       # the IOMMU's tables in guest memory
IOVA = 0x2000000000      # where the card sees SYSTEM; no memory there without an IOMMU


class Iommu:
    """One domain for all cards, of 48 bits, in legacy mode."""

    def __init__(self, machine, buses=(1,)):
        self.machine = machine
        self._next = TABLES
        root, contexts, self._top = self._table(), self._table(), self._table()
        for bus in buses:
            machine.writeq(root + 16 * bus, contexts | PRESENT)
        machine.writeq(contexts, self._top | PRESENT)
        machine.writeq(contexts + 8, 1 << 8 | 2)  # domain 1, four levels
        machine.writeq(REGISTERS + RTADDR, root)
        self._command(ROOT_TABLE, ROOT_TABLE)
        self.map(qtest.MSI_PAGES, qtest.MSI_PAGES, MIB)
        self._command(TRANSLATION, TRANSLATION)

    def _table(self):
        table = self._next
        self._next += PAGE
        self.machine.memset(table, 0, PAGE)
        return table

    def _command(self, command, status):
        self.machine.writel(REGISTERS + GCMD, command)
        equal(self.machine.readl(REGISTERS + GSTS) & status, status, 'status of the IOMMU')

    def _entry(self, iova):
        table = self._top
        for shift in (39, 30, 21):
            slot = table + 8 * (iova >> shift & 511)
            entry = self.machine.readq(slot)
            if not entry:
                entry = self._table() | READ | WRITE
                self.machine.writeq(slot, entry)
            table = entry & -PAGE
        return table + 8 * (iova >> 12 & 511)

    def map(self, iova, address, size, rights=READ | WRITE):
        for offset in range(0, size, PAGE):
            self.machine.writeq(self._entry(iova + offset), address + offset | rights)
        self.invalidate()

    def unmap(self, iova, size):
        for offset in range(0, size, PAGE):
            self.machine.writeq(self._entry(iova + offset), 0)
        self.invalidate()

    def invalidate(self):
        self.machine.writeq(REGISTERS + CCMD, 1 << 63 | 1 << 61)
        self.machine.writeq(REGISTERS + IOTLB, 1 << 63 | 1 << 60)

    def take_fault(self):
        """(address, source) of the recorded fault, or None; and clear it."""
        if not self.machine.readl(REGISTERS + FSTS) & 2:
            return None
        address = self.machine.readq(REGISTERS + FAULT_RECORD)
        record = self.machine.readq(REGISTERS + FAULT_RECORD + 8)
        self.machine.writel(REGISTERS + FAULT_RECORD + 12, 1 << 31)
        return address, record & 0xffff


def new_machine():
    return qtest.Machine(card_opts='vram=64M',
                         extra=NATIVE_HOTPLUG + ['-device', 'intel-iommu,aw-bits=48'])


def test_translation():
    with new_machine() as machine:
        card = machine.card()
        iommu = Iommu(machine)
        # Pages in reverse order, so that contiguous addresses are not memory's.
        pages = 64
        for page in range(pages):
            iommu.map(IOVA + PAGE * page, SYSTEM + PAGE * (pages - 1 - page), PAGE)
        card.enable_msix()
        context = Context(card, 1)
        vram = context.map_vram(DATA, MIB)
        system = context.map_system(IOVA, PAGE * pages)
        data = random.Random(3).randbytes(PAGE * (pages - 1))
        card.memwrite(BAR2, DATA, data)
        queue = Queue(card, context, 0)
        queue.submit(copy(system + 100, vram, len(data)),
                     copy(vram + MIB // 2, system + 100, len(data)),
                     fence(system + PAGE * pages - 8, 0x1122334455667788),
                     fence(queue.fence_va, 1, interrupt=True))
        card.wait_msix(egret.VECTOR_QUEUE_FIRST)
        equal(queue.fence_value(), 1, 'fence')
        equal(machine.readq(SYSTEM + PAGE - 8), 0x1122334455667788, 'word in system memory')
        memory = b''.join(machine.memread(SYSTEM + PAGE * (pages - 1 - page), PAGE)
                          for page in range(pages))
        equal(memory[100:][:len(data)] == data, True, 'system memory as copied')
        equal(card.memread(BAR2, DATA + MIB // 2, len(data)) == data, True, 'memory as copied')
        equal(iommu.take_fault(), None, 'fault of the IOMMU')


def test_stop_with_accesses_under_way():
    """They go through the main loop, which is what stops the machine."""
    with new_machine() as machine:
        card = machine.card()
        iommu = Iommu(machine)
        iommu.map(IOVA, SYSTEM, 8 * MIB)
        queues = start_work(card, IOVA)
        for _ in range(10):
            machine.qmp('stop')
            progress = queues[2].read(egret.Q_PROGRESS, wide=True)
            equal(queues[2].read(egret.Q_PROGRESS, wide=True), progress, 'progress')
            machine.qmp('cont')
            qtest.wait_until(lambda: queues[2].read(egret.Q_PROGRESS, wide=True) > progress,
                             'progress')
        equal(queues[2].state(), egret.Q_STATE_ACTIVE, 'state')
        equal(iommu.take_fault(), None, 'fault of the IOMMU')
        # A machine that is stopped can be reset, and lose its card.
        machine.qmp('stop')
        machine.qmp('system_reset')
        machine.qmp('cont')


def test_blocked():
    """What the IOMMU refuses is a fault of the queue, and reported by the IOMMU too."""
    with new_machine() as machine:
        card = machine.card()
        iommu = Iommu(machine)
        iommu.map(IOVA, SYSTEM, PAGE, READ)
        card.enable_msix()
        context = Context(card, 1)
        for number, iova in enumerate((IOVA, IOVA + PAGE, SYSTEM)):
            va = context.map_system(iova, PAGE)
            queue = Queue(card, context, number)
            queue.submit(fence(va, 1))
            fault = queue.wait_fault()
            equal(fault['code'], egret.FAULT_BUS, 'fault code')
            equal(fault['addr'], va, 'fault address')
            equal(iommu.take_fault(), (iova, card.bus << 8), 'fault of the IOMMU')
            card.wait_msix(egret.VECTOR_FAULT)
        equal(machine.readq(SYSTEM), 0, 'system memory')


def test_unmapped_at_work():
    """A page goes away under a queue that uses it over and over."""
    with new_machine() as machine:
        card = machine.card()
        iommu = Iommu(machine)
        iommu.map(IOVA, SYSTEM, 8 * MIB)
        copies = start_work(card, IOVA)[2]
        iommu.unmap(IOVA, 8 * MIB)
        machine.memset(SYSTEM, 0x11, 8 * MIB)
        equal(copies.wait_fault()['code'], egret.FAULT_BUS, 'fault code')
        equal(machine.memread(SYSTEM, 8 * MIB) == b'\x11' * 8 * MIB, True, 'memory untouched')


def busy(machine):
    card = machine.card()
    Iommu(machine).map(SYSTEM, SYSTEM, 8 * MIB)
    start_work(card)
    return card


def test_flr_at_work():
    """Requests wait for the main loop, which waits for the card to stop."""
    with new_machine() as machine:
        for _ in range(10):
            card = busy(machine)
            card.function_level_reset()
            card.assign_bars()
        check_works(card)


def test_sleep_at_work():
    with new_machine() as machine:
        card = busy(machine)
        card.set_power_state(3)
        card.set_power_state(0)
        card.assign_bars()
        check_works(card)


def test_machine_reset_at_work():
    with new_machine() as machine:
        for _ in range(3):
            busy(machine)
            machine.reset()
        check_works(machine.card())


def test_unplug_at_work():
    with new_machine() as machine:
        card = busy(machine)
        unplug(machine)
        equal(card.config_readl(0), 0xffffffff, 'identity of what is gone')


if __name__ == '__main__':
    qtest.main()
